"""The hip screen: the numbers of each test, and their pattern."""

from dsp.screen.pattern import NOT_SCREENED, screen_of

__all__ = ["NOT_SCREENED", "screen_of"]
