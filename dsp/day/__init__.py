"""What a session's repetitions come to: sets, and exposure over the day."""

from dsp.day.exposure import WORST, ZONES_DEG, Exposure
from dsp.day.sets import metrics_of, sets_of

__all__ = ["WORST", "ZONES_DEG", "Exposure", "metrics_of", "sets_of"]
