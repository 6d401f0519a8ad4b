"""What a session's repetitions come to: which of them count, sets, and exposure over the day."""

from dsp.day.exposure import WORST, ZONES_DEG, Exposure
from dsp.day.scoring import Group, Scored, by_movement, scored, two_groups
from dsp.day.sets import OverSet, begins_set, metrics_of, over_set, raised_side, sets_of, side_of

__all__ = [
    "WORST",
    "ZONES_DEG",
    "Exposure",
    "Group",
    "OverSet",
    "Scored",
    "begins_set",
    "by_movement",
    "metrics_of",
    "over_set",
    "raised_side",
    "scored",
    "sets_of",
    "side_of",
    "two_groups",
]
