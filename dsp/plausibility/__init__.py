"""Whether what the sensors say can be true: of one sensor, of linked segments together, and of a body."""

from dsp.plausibility.sensor_watch import Checked, SensorWatch

__all__ = ["Checked", "SensorWatch"]
