"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange

__all__ = ["BODY_RANGES", "FASTEST_DEG_S", "BodyRange"]
