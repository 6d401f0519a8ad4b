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
from dsp.results import AngleRows, Flags
from dsp.rhythm.shares import is_share

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
CAPACITY = 2048
"""Rows that a buffer holds: four times those of `LONGEST_S`, so that a new one is begun every quarter of a minute (ours)."""
LUMBAR, PELVIS = ANGLE_NAMES.index("lumbar_flexion"), ANGLE_NAMES.index("pelvis_tilt")
HIPS = tuple(ANGLE_NAMES.index(f"hip_{side}_flexion") for side in ("left", "right"))
_NEEDED = [LUMBAR, PELVIS, *HIPS]
_LUMBAR, _PELVIS, _HIPS = 0, 1, (2, 3)
"""Their places among these."""
_MOVING_RAD = 0.99 * math.radians(MOVING_DEG)
"""A little less, so that rounding decides nothing."""
OF_TRUNK, OF_THIGH = SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH


@dataclass(frozen=True, slots=True)
class ShareNow:
    """A share, its standard uncertainty, its name in the table of repetitions, and the quality flags of all rows from which it
    was computed."""

    of: str
    share: float
    sd: float
    quality: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a share needs of consecutive rows: time_s (n,), angles and sd (4, n) of `_NEEDED`, radians, quality (n,)."""

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: Flags


class LatestRows:
    """Keeps the rows that a share needs; bounded. May be read while another thread adds rows."""

    def __init__(self) -> None:
        self._kept = (_empty(), 0)
        """A buffer and how many rows of it are filled: rows that are published are never written again."""

    def take(self, rows: Sequence[AngleRows]) -> None:
        """The next rows, in order."""
        for one in rows:
            for at in range(0, len(one), CAPACITY // 2):
                self._add(one.part(at, min(at + CAPACITY // 2, len(one))))

    def _add(self, rows: AngleRows) -> None:
        buffer, end = self._kept
        if end + len(rows) > CAPACITY:
            buffer, end = self._begun_anew(buffer, end)
        here = slice(end, end + len(rows))
        buffer.time_s[here], buffer.quality[here] = rows.time_s, rows.quality
        buffer.angles[:, here], buffer.sd[:, here] = rows.angles[_NEEDED], rows.sd[_NEEDED]
        self._kept = (buffer, here.stop)

    @staticmethod
    def _begun_anew(old: _Rows, end: int) -> tuple[_Rows, int]:
        """A new buffer with the rows that still count, at most half of it."""
        first = int(np.searchsorted(old.time_s[:end], old.time_s[end - 1] - LONGEST_S))
        first = max(first, end - CAPACITY // 2)
        new, kept = _empty(), end - first
        new.time_s[:kept], new.quality[:kept] = old.time_s[first:end], old.quality[first:end]
        new.angles[:, :kept], new.sd[:, :kept] = old.angles[:, first:end], old.sd[:, first:end]
        return new, kept

    def share_now(self) -> ShareNow | None:
        """The lumbar share at the newest row; None where there is none."""
        buffer, end = self._kept
        if not end:
            return None
        first = int(np.searchsorted(buffer.time_s[:end], buffer.time_s[end - 1] - LONGEST_S))
        return _share(
            _Rows(buffer.time_s[first:end], buffer.angles[:, first:end], buffer.sd[:, first:end], buffer.quality[first:end])
        )


def _empty() -> _Rows:
    return _Rows(
        np.empty(CAPACITY), np.empty((len(_NEEDED), CAPACITY)), np.empty((len(_NEEDED), CAPACITY)), np.zeros(CAPACITY, np.int32)
    )


def share_now(rows: AngleRows) -> ShareNow | None:
    """The lumbar share at the last of rows in order; None where there is none."""
    first = int(np.searchsorted(rows.time_s, rows.time_s[-1] - LONGEST_S))
    return _share(_Rows(rows.time_s[first:], rows.angles[_NEEDED, first:], rows.sd[_NEEDED, first:], rows.quality[first:]))


def _share(rows: _Rows) -> ShareNow | None:
    """The share at the last of rows that are no older than `LONGEST_S`."""
    newest = rows.angles[:, -1].tolist()
    hips = [i for i in _HIPS if math.isfinite(newest[i])]
    rest = hips or [_PELVIS]
    if not all(math.isfinite(newest[i]) for i in (_LUMBAR, *rest)):
        return None
    lately = int(np.searchsorted(rows.time_s, rows.time_s[-1] - MOVING_S))
    if not _moves(rows.angles[[_LUMBAR, *rest], lately:]):
        return None
    angles = np.degrees(rows.angles[[_LUMBAR, *rest]])
    there: Bools = np.asarray(np.isfinite(angles).all(axis=0))
    time_s = rows.time_s
    if not there.all():
        time_s, angles = time_s[there], angles[:, there]
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
    sd_lumbar, *sd_rest = np.degrees(rows.sd[[_LUMBAR, *rest], -1]).tolist()
    sd = math.hypot((1.0 - slope) * sd_lumbar, slope * max(sd_rest)) / abs(bend[-1] - bend[0])
    if not is_share(slope, sd):
        return None
    used = np.flatnonzero(there)[first:]
    return ShareNow(OF_THIGH if hips else OF_TRUNK, slope, sd, int(np.bitwise_or.reduce(rows.quality[used])))


def _moves(angles: Floats) -> bool:
    """Whether the bend (of angles (k, n), the first the lumbar one, radians) has changed within these rows as a movement under
    way has: most of the time it has not, and nothing else need be computed."""
    bend = angles[0] + angles[1:].sum(axis=0) / (len(angles) - 1)
    apart = np.abs(bend - bend[-1])
    return bool(np.nanmax(apart) >= _MOVING_RAD)


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
