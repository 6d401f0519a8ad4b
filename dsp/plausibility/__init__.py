"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.body_range import BODY_RANGES, FASTEST_DEG_S, BodyRange
from dsp.plausibility.clocks import SAME_S, ClockLag, ClockWatch
from dsp.plausibility.sensor_watch import Checked, SensorWatch

__all__ = [
    "BODY_RANGES",
    "FASTEST_DEG_S",
    "SAME_S",
    "BodyRange",
    "Checked",
    "ClockLag",
    "ClockWatch",
    "SensorWatch",
]
