"""Each sensor's orientation from its samples: the filter, strapdown integration between its corrections, sensor errors."""

from dsp.orientation.filter import SampleCounts
from dsp.orientation.leaning import Leaning

__all__ = ["Leaning", "SampleCounts"]
