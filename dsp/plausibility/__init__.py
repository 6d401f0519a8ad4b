"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange
from dsp.plausibility.clocks import LOOKS, ClockLag, ClockWatch, over_looks

__all__ = ["BODY_RANGES", "FASTEST_DEG_S", "LOOKS", "BodyRange", "ClockLag", "ClockWatch", "over_looks"]
