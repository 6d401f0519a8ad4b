"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange
from dsp.plausibility.clocks import LOOKS, SELDOM_S, ClockLag, ClockWatch, over_looks
from dsp.plausibility.sensor_watch import Checked, SensorWatch

__all__ = [
    "BODY_RANGES",
    "FASTEST_DEG_S",
    "LOOKS",
    "SELDOM_S",
    "BodyRange",
    "Checked",
    "ClockLag",
    "ClockWatch",
    "SensorWatch",
    "over_looks",
]
