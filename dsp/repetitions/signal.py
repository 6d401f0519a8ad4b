"""The signals of the finder of repetitions: the trunk-on-thigh flexion, a seat, a single raised knee.

The main signal is the trunk-on-thigh flexion: trunk inclination plus that of the less inclined thigh, as far as measured. It
needs only inclinations against gravity, and in walking it stays small, because one leg is always behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import Bools, Floats, Ints
from dsp.repetitions.movement_rows import LEFT_THIGH_ROW, RIGHT_THIGH_ROW, MovementRows

START_DEG, END_DEG = 15.0, 10.0
"""A movement begins above the first and ends below the second (hysteresis as in lift detection, e.g. doi 10.3390/s20164472; the
figures are ours, set on the simulated athlete)."""
RAISE_DEG, STANCE_DEG, RAISE_TRUNK_DEG = 30.0, 12.0, 25.0
"""A knee raise: one thigh above the first, the other within the second, the trunk within the third. In a stride the other leg
is behind (ours, set on the simulated athlete)."""
STAND_IN_S = 2.0
"""Time, s, after which the other thigh replaces a missing one (ours)."""
BRIDGED_HOLE_S = 0.4
"""Longest gap, s, that is bridged for finding a repetition; a longer one ends the movement (ours)."""
HISTORY_S = 120.0
"""Longest repetition, s; a longer movement is a posture (ours)."""
NEVER = -(10**9)
"""Row number for *not seen yet*."""


@dataclass(frozen=True, slots=True, eq=False)
class RowsInView:
    """A stretch of n rows at `rate_hz`, the first of which has number `first`; angles in degrees, NaN where missing.

    signal (n,): trunk-on-thigh flexion; trunk and thigh (n,): its parts; seat (n,): the thigh part for somebody who sits;
    higher (n,): the thigh that is further up; angles as in `MovementRows`. lifted (n,): one knee is up, and nothing else;
    begins: the rows in order at which a movement from standing may begin; ends: those low enough for one to end.
    """

    rate_hz: float
    first: int
    time_s: Floats
    angles: Floats
    signal: Floats
    trunk: Floats
    thigh: Floats
    seat: Floats
    higher: Floats
    lifted: Bools
    begins: Ints
    ends: Ints
    last: int = NEVER
    """Number of the last row before the first at which there was a signal."""
    whole_from: int = 0
    """From this row on there is a signal at every row."""

    def __len__(self) -> int:
        return len(self.signal)

    def seen_before(self, i: int) -> bool:
        """Whether there was a signal just before row i, or before a bridged gap."""
        longest = int(BRIDGED_HOLE_S * self.rate_hz) + 1
        if np.isfinite(self.signal[max(i - longest, 0) : i]).any():
            return True
        return self.first + i - self.last <= longest

    @property
    def longest_rows(self) -> float:
        """Most rows of a movement; a longer one is a posture."""
        return HISTORY_S * self.rate_hz - 1


class TrunkOnThigh:
    """Computes the signal of consecutive rows; it remembers when each thigh was last measured."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._seen = [NEVER, NEVER]
        """Row number at which each thigh was last measured."""
        self._last = NEVER

    def view(self, rows: MovementRows, first: int) -> RowsInView:
        """The next rows; first: the number of the first of them."""
        trunk, thigh = rows.moving
        signal, seat = self._signal(rows.angles, trunk, thigh, first)
        # false where a thigh is missing
        higher = np.maximum(rows.angles[LEFT_THIGH_ROW], rows.angles[RIGHT_THIGH_ROW])
        lifted = (higher > RAISE_DEG) & (np.abs(thigh) < STANCE_DEG) & (np.abs(trunk) < RAISE_TRUNK_DEG)
        begins = np.flatnonzero((signal > START_DEG) | lifted)
        ends = np.flatnonzero(signal < END_DEG)
        last, there, n = self._last, np.isfinite(signal), len(signal)
        whole_from = 0 if there.all() else n - int(there[::-1].argmin())
        if there.any():
            self._last = first + n - 1 - int(there[::-1].argmax())
        angles = rows.angles
        return RowsInView(
            self._rate, first, rows.time_s, angles, signal, trunk, thigh, seat, higher, lifted, begins, ends, last, whole_from
        )

    def _signal(self, angles: Floats, trunk: Floats, thigh: Floats, first: int) -> tuple[Floats, Floats]:
        """The trunk-on-thigh flexion (n,), missing while a thigh is that was there a moment ago: one leg alone would read a
        stride as a bend. And the thigh part (n,) for somebody who sits: missing where both are that were there, for as long as
        a repetition may last, as nobody stands up by falling silent."""
        signal = trunk + thigh
        there = np.isfinite(angles[LEFT_THIGH_ROW : RIGHT_THIGH_ROW + 1])
        if there.all():
            self._seen = [first + len(signal) - 1] * 2
            return signal, thigh
        ticks, latest = first + np.arange(len(signal)), np.full(len(signal), NEVER)
        for leg, found in enumerate(there):
            seen = np.maximum.accumulate(np.where(found, ticks, self._seen[leg]))
            signal[~found & (ticks - seen < STAND_IN_S * self._rate)] = np.nan
            self._seen[leg] = int(seen[-1])
            np.maximum(latest, seen, out=latest)
        lost = ~there.any(axis=0) & (ticks - latest < HISTORY_S * self._rate)
        return signal, np.where(lost, np.nan, thigh)
