"""Seats: what tells sitting from a squat, when both have the thighs up.

Who sits down leans forward, comes upright again on the seat, and leans forward once more to rise; the pelvis rolls back on the
seat. Who squats leans furthest at the bottom, and the pelvis stays tilted forward. So a seat that lasts for a moment only is
told by the trunk's two leans with an upright moment between them.

Angles in degrees; the figures are ours, set on the simulated athlete and on a recording of a person (trunk 29° and 6° upright
again, pelvis -22°).
"""

from __future__ import annotations

import math

import numpy as np

from dsp.repetitions.movement_rows import PELVIS_ROW, MovementRows

SEAT_DEG = 12.0
"""Sitting: how far the trunk has come up again and the pelvis has rolled back, together, at least."""
UPRIGHT_DEG = 6.0
"""On a short seat the trunk comes up by this at least, before and after."""
SHORT_SEAT_THIGH_DEG = 45.0
"""The thighs are raised by this at least: low chairs give 80, high ones 50."""
UP_SHARE, BAND_DEG = 0.85, 3.0
"""On the seat the thighs are within the first share of how far they are raised, and the trunk is within the second of its most
upright."""


def sits(rows: MovementRows, still: int) -> bool:
    """Whether who has been still for the last `still` of these rows, with the thighs up, sits: the rows of the movement from
    standing."""
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
    # rows of a bridged hole tell nothing
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
    """How far the pelvis has rolled back at a row; 0 where it is not measured."""
    pelvis = rows.angles[PELVIS_ROW].item(at)
    return -pelvis if math.isfinite(pelvis) else 0.0
