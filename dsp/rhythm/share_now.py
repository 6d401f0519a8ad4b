"""The lumbar share of the movement under way, for a live display: the slope form.

share = dL / dF, lumbar flexion L gained per forward bend F, by linear regression over the last `WINDOW_DEG` of F; the hips'
share is 1 minus it. F is trunk on thigh, L + H with the mean of the measured hips, or without thigh sensors the
trunk, L + P. Causal: a function of the last `LONGEST_S` of rows alone, however they were cut.

The share exists only if the movement has gone that far in one direction, is still under way, and has no gap. It is also missing
where the slope is not a share by the rule of `dsp.rhythm.shares`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import ANGLE_NAMES, Bools, Floats
from body_signals.movements import SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH
from dsp.results import AngleRows
from dsp.rhythm.shares import judged

WINDOW_DEG = 10.0
"""Forward bend, degrees, over which the share is taken (ours)."""
LONGEST_S = 5.0
"""Longest time, s, for `WINDOW_DEG`; anything slower is a shifting posture, not a movement (ours)."""
MOVING_DEG, MOVING_S = 1.0, 0.5
"""A movement is under way if it has advanced by the first, degrees, within the second, s (ours)."""
BACK_DEG = 2.0
"""A movement that has come back by more than this, degrees, has turned (ours)."""
LONGEST_HOLE_S = 0.1
"""Longest time between rows of one movement, s (ours, as across a gap of the grid)."""
PIECES = 32
"""Most pieces kept; rows come two at a time. Beyond this, pieces are joined, without rows that are too old (ours)."""
LUMBAR, PELVIS = ANGLE_NAMES.index("lumbar_flexion"), ANGLE_NAMES.index("pelvis_tilt")
HIPS = tuple(ANGLE_NAMES.index(f"hip_{side}_flexion") for side in ("left", "right"))
OF_TRUNK, OF_THIGH = SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH


@dataclass(frozen=True, slots=True)
class ShareNow:
    """A share, its standard uncertainty, its name in the table of repetitions, and the quality flags of all rows from which it
    was computed."""

    of: str
    share: float
    sd: float
    quality: int


class LatestRows:
    """Keeps the rows that a share needs; bounded. May be read while another thread adds rows."""

    def __init__(self) -> None:
        self._kept: tuple[AngleRows, ...] = ()

    def take(self, rows: Sequence[AngleRows]) -> None:
        """The next rows, in order."""
        if not rows:
            return
        kept = (*self._kept, *rows)
        if len(kept) > PIECES:
            joined = AngleRows.join(kept)
            first = int(np.searchsorted(joined.time_s, joined.time_s[-1] - LONGEST_S))
            kept = (joined.part(first, len(joined)),)
        self._kept = kept

    def share_now(self) -> ShareNow | None:
        """The lumbar share at the newest row; None where there is none."""
        kept = self._kept
        return share_now(AngleRows.join(kept)) if kept else None


def share_now(rows: AngleRows) -> ShareNow | None:
    """The lumbar share at the last of rows in order; None where there is none."""
    newest = rows.angles[:, -1]
    hips = [i for i in HIPS if np.isfinite(newest[i])]
    rest = hips or [PELVIS]
    latest = int(np.searchsorted(rows.time_s, rows.time_s[-1] - LONGEST_S))
    angles = np.degrees(rows.angles[[LUMBAR, *rest], latest:])
    there: Bools = np.asarray(np.isfinite(angles).all(axis=0))
    if not there[-1]:
        return None
    time_s, angles = rows.time_s[latest:][there], angles[:, there]
    lumbar, bend = angles[0], angles[0] + angles[1:].mean(axis=0)
    far = np.flatnonzero(np.abs(bend - bend[-1]) >= WINDOW_DEG)
    if not len(far):
        return None
    first = int(far[-1])
    time_s, lumbar, bend = time_s[first:], lumbar[first:], bend[first:]
    if not _one_way(time_s, bend):
        return None
    slope = _slope(bend, lumbar)
    # to first order; both ends share the error of the standing, so their uncertainties do not add up
    sd_lumbar, *sd_rest = np.degrees(rows.sd[[LUMBAR, *rest], -1]).tolist()
    sd = math.hypot((1.0 - slope) * sd_lumbar, slope * max(sd_rest)) / abs(bend[-1] - bend[0])
    if np.isnan(judged(np.array([slope]), np.array([sd]), np.zeros(1, np.int64)).value[0]):
        return None
    used = np.flatnonzero(there)[first:] + latest
    return ShareNow(OF_THIGH if hips else OF_TRUNK, slope, sd, int(np.bitwise_or.reduce(rows.quality[used])))


def _one_way(time_s: Floats, bend: Floats) -> bool:
    """Whether the movement from the first to the last row goes in one direction, is under way, and has no gap."""
    if (np.diff(time_s) > LONGEST_HOLE_S).any():
        return False
    forward = bend if bend[-1] > bend[0] else -bend
    back = np.maximum.accumulate(forward) - forward
    lately = forward[np.searchsorted(time_s, time_s[-1] - MOVING_S)]
    return bool(back.max() <= BACK_DEG and forward[-1] - lately >= MOVING_DEG)


def _slope(bend: Floats, lumbar: Floats) -> float:
    """Of lumbar against bend, both (n,), by least squares."""
    apart = bend - bend.mean()
    return float((apart * (lumbar - lumbar.mean())).sum() / (apart * apart).sum())
