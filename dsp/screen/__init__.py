"""The hip screen: the numbers of each test, and the pattern that they make."""

from dsp.screen.pattern import screen_of

__all__ = ["screen_of"]
