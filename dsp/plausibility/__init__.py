"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange
from dsp.plausibility.clocks import LOOKS, SELDOM_S, ClockLag, ClockWatch, over_looks

__all__ = ["BODY_RANGES", "FASTEST_DEG_S", "LOOKS", "SELDOM_S", "BodyRange", "ClockLag", "ClockWatch", "over_looks"]
