"""Seats: distinguishing sitting from a squat, when the thighs are raised in both.

In sitting down the trunk leans forward, becomes upright again on the seat, and leans forward once more to rise; the pelvis
rolls back on the seat. In a squat the trunk leans furthest at the bottom, and the pelvis stays tilted forward. So a brief seat
is recognised by the trunk's two leans with an upright moment between them.

Angles in degrees; the figures are ours, set on the simulated athlete and on a recording of a person (trunk 29° and 6° upright
again, pelvis -22°).
"""

from __future__ import annotations

import math

import numpy as np

from dsp.repetitions.movement_rows import PELVIS_ROW, MovementRows

SEAT_DEG = 12.0
"""Sitting: least sum of the trunk's coming up again and the pelvis's rolling back (ours)."""
UPRIGHT_DEG = 6.0
"""On a brief seat the trunk comes up by at least this, before and after (ours)."""
SHORT_SEAT_THIGH_DEG = 45.0
"""Least inclination of the thighs on a brief seat: low chairs give 80, high ones 50 (ours)."""
UP_SHARE, BAND_DEG = 0.85, 3.0
"""On the seat the thighs are above the first as a part of their largest inclination, and the trunk is within the second,
degrees, of its most upright position (ours)."""


def sits(rows: MovementRows, still: int) -> bool:
    """Whether an athlete who has been still for the last `still` of these rows, with raised thighs, is sitting. The rows are
    those of the movement from standing."""
    trunk = rows.moving[0]
    rest = trunk[-still:]
    # trunk and thighs may cancel each other on the way up from the knees
    if not np.isfinite(rest).any() or float(np.nanmax(rest) - np.nanmin(rest)) > 2.0 * BAND_DEG:
        return False
    return bool(float(np.nanmax(trunk)) - trunk.item(-1) + _rolled_back(rows, len(trunk) - 1) > SEAT_DEG)


def short_seat(rows: MovementRows) -> tuple[int, int] | None:
    """First and last row on a seat, in a movement (n,) from standing to standing; None where there was no seat."""
    trunk, thigh = rows.moving
    highest = float(thigh.max(initial=0.0))
    # rows of a bridged gap carry no information
    up = np.flatnonzero((thigh > UP_SHARE * highest) & np.isfinite(trunk))
    if not highest > SHORT_SEAT_THIGH_DEG or not len(up):
        return None
    first, last = int(up[0]), int(up[-1])
    at = first + int(np.nanargmin(trunk[first : last + 1]))
    drop = min(float(np.nanmax(trunk[: at + 1])), float(np.nanmax(trunk[at:]))) - trunk.item(at)
    if drop < UPRIGHT_DEG or drop + _rolled_back(rows, at) <= SEAT_DEG:
        return None
    seated = np.flatnonzero(trunk[first : last + 1] <= trunk.item(at) + BAND_DEG) + first
    before, after = seated[seated <= at], seated[seated >= at]
    return int(before[0]), int(after[-1])


def _rolled_back(rows: MovementRows, at: int) -> float:
    """Rolling back of the pelvis at a row, degrees; 0 where it is not measured."""
    pelvis = rows.angles[PELVIS_ROW].item(at)
    return -pelvis if math.isfinite(pelvis) else 0.0
