"""The hip screen: the numbers of each test, and the pattern that they make."""

from dsp.screen.pattern import NOT_SCREENED, screen_of

__all__ = ["NOT_SCREENED", "screen_of"]
