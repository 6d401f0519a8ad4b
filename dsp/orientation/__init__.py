"""Each sensor's orientation from its samples: the filter, turning between its corrections, the sensor's own errors."""

from dsp.orientation.filter import SampleCounts
from dsp.orientation.leaning import Leaning

__all__ = ["Leaning", "SampleCounts"]
