"""The states of an athlete while repetitions are counted: small state machines, each of which returns the next state at a row.

    Standing ──► Moving ──► Settling ──► Standing     a movement from standing and back
       │          │  ▲                       ▲
       │          ▼  └── (it falls and rises │again: another movement begins without standing)
       │        Seated ◄──► Rising ──────────┘        sitting down, standing up
       └────► Raising ──► Standing or Moving          a single knee is up

Each has `step`, which takes one row, and `ahead`, which skips rows at which nothing can happen; skipping changes no result.
A movement that has ended goes to a `RepetitionCutter`. Row numbers are those of the finder; `missing` counts the rows of the
gap that has been bridged so far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.repetitions.cuts import RepetitionCutter
from dsp.repetitions.movement_rows import LEFT_THIGH_ROW, RIGHT_THIGH_ROW
from dsp.repetitions.rock_backs import KNELT_DEG, STILL_S, THIGH_DEG, TRUNK_DEG, RockBackFinder, possible
from dsp.repetitions.signal import END_DEG, HISTORY_S, STANCE_DEG, START_DEG, RowsInView

SPLIT_SHARE, SPLIT_RISE_DEG = 0.5, 20.0
"""Within a movement, a fall below the first as a part of the peak and then a rise by the second, degrees, begins another
movement (ours, set on the simulated athlete)."""
SETTLE_LONGEST_S = 0.6
"""Longest time, s, from when the signal is low enough until the repetition comes to rest (ours)."""
SEAT_THIGH_DEG, SEAT_TRUNK_DEG, SEAT_STILL_S, SEAT_BAND_DEG = 50.0, 45.0, 0.7, 3.0
"""Sitting: thighs above the first, trunk below the second, for the third the signal within the band, and trunk and pelvis as
on a seat (`seats`; ours, set on the simulated athlete)."""
HELD_SEAT_S, HELD_TRUNK_DEG = 4.0, 25.0
"""An athlete who holds that posture for the first, s, with the trunk below the second, degrees, is sitting in any case: no
squat is held for 4 s (ours)."""
LIES_DEG = -30.0
"""A trunk that leans back further than this, degrees, belongs to an athlete who is lying, not standing (ours)."""
_ROWS_AHEAD = 64
"""The most rows of a movement that are passed over at once (ours)."""
LEAST_SEAT_DEG = 2.0
"""Least inclination, degrees, assumed for the thighs in a posture that was held too long for a movement (ours)."""
RISE_SHARE, SEATED_AGAIN_SHARE = 0.5, 0.8
"""Standing up is noticed when the thighs are below the first as a part of their inclination while seated; above the second
again, the athlete is sitting (ours)."""


@dataclass(slots=True)
class Standing:
    """The athlete does not move, or nothing is known."""

    missing: int = 0

    def ahead(self, view: RowsInView, i: int) -> int:
        """The next row at which a movement may begin."""
        at = view.begins.searchsorted(i)
        return view.begins.item(at) if at < len(view.begins) else len(view)

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        # also false for a missing signal
        return Moving.from_standing(view, i) if view.signal.item(i) > START_DEG else self


@dataclass(slots=True)
class Raising:
    """A single knee is up since row `begin`; the thigh has row `leg_row` among the angles."""

    begin: int
    leg_row: int
    peak: float
    peak_at: int
    missing: int = 0

    @classmethod
    def from_standing(cls, view: RowsInView, i: int) -> Raising:
        left, right = view.angles.item(LEFT_THIGH_ROW, i), view.angles.item(RIGHT_THIGH_ROW, i)
        leg_row = LEFT_THIGH_ROW if left > right else RIGHT_THIGH_ROW
        return cls(view.first + i, leg_row, view.higher.item(i), view.first + i)

    def ahead(self, view: RowsInView, i: int) -> int:
        """Every row is looked at."""
        return i

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        """Missing values (all comparisons are false) are ignored."""
        k, other_row = view.first + i, LEFT_THIGH_ROW + RIGHT_THIGH_ROW - self.leg_row
        knee = view.angles.item(self.leg_row, i)
        if knee > self.peak:
            self.peak, self.peak_at = knee, k
        if view.signal.item(i) > START_DEG:
            # the other knee follows, or the trunk: not a knee raise
            return Moving.from_standing(view, i)
        if view.angles.item(other_row, i) < -STANCE_DEG or k - self.begin > view.longest_rows:
            return Standing()
        if knee < END_DEG:
            cutter.knee_raise(self.begin, self.leg_row, self.peak_at, self.peak, k)
            return Standing()
        return self


@dataclass(slots=True)
class Moving:
    """A movement that began at row `begin`: its largest signal and the lowest since, with their rows; since when the signal has
    been within a band of `still_level`. stay: the movement is a stay on all fours, and not a repetition itself."""

    begin: int
    peak: float
    peak_at: int
    valley: float
    valley_at: int
    still_since: int
    still_level: float
    rocks: RockBackFinder
    stay: bool = False
    missing: int = 0
    whole: bool = True
    """Whether its beginning was seen: the athlete may already be sitting when the rows begin."""
    asked: int = -1
    """The row since which the athlete had been still when the test for a seat last ran."""

    @classmethod
    def from_standing(cls, view: RowsInView, i: int) -> Moving:
        k, signal = view.first + i, view.signal.item(i)
        return cls(k, signal, k, signal, k, k, signal, RockBackFinder(view.rate_hz), whole=view.seen_before(i))

    def ahead(self, view: RowsInView, i: int) -> int:
        """The next row that asks for more than to note where the movement is."""
        stop = self._to_its_end(view, i)
        return self._noted(view, i) if stop == i and not self.rocks.on_all_fours else stop

    def _to_its_end(self, view: RowsInView, i: int) -> int:
        """The row at which a movement that has just begun is low enough to end, if nothing else can happen before; else i."""
        if self.begin < view.first + i - 1:
            return i
        at = view.ends.searchsorted(i)
        stop = view.ends.item(at) if at < len(view.ends) else i
        if not 2 <= stop - i <= 0.5 * HISTORY_S * view.rate_hz:
            return i
        signal = view.signal[i:stop]
        top = int(signal.argmax())
        highest = signal.item(top)
        # NaN is not equal to itself
        if highest != highest or self._may_do_more(view, slice(i, stop)):
            return i
        if highest > self.peak:
            self.peak, self.peak_at = highest, view.first + i + top
        return stop

    def _noted(self, view: RowsInView, i: int) -> int:
        """The next row, from i on, at which something may happen; the rows before it are noted as `step` would. On numbers of
        Python, and with nothing looked up twice: most rows of a session come this way."""
        part = slice(i, i + _ROWS_AHEAD)
        signals, trunks, thighs = view.signal[part].tolist(), view.trunk[part].tolist(), view.thigh[part].tolist()
        k = first = view.first + i
        longest, still_rows = self.begin + view.longest_rows, SEAT_STILL_S * view.rate_hz
        seat_trunk_deg = HELD_TRUNK_DEG if self.stay else SEAT_TRUNK_DEG
        peak, valley, split = self.peak, self.valley, SPLIT_SHARE * self.peak
        since, level = self.still_since, self.still_level
        stands = False
        for k, signal, trunk, thigh in zip(range(first, first + len(signals)), signals, trunks, thighs, strict=True):
            # false for a missing signal, as are the others
            if not signal >= END_DEG or k > longest:
                break
            if trunk < TRUNK_DEG or not -THIGH_DEG <= thigh <= THIGH_DEG:
                stands = True
            else:
                if stands:
                    self.rocks.stands(knelt=any(map(KNELT_DEG.__lt__, thighs[: k - first])))
                    stands = False
                if self.rocks.arrives(k, trunk, thigh):
                    break
            if not -SEAT_BAND_DEG <= signal - level <= SEAT_BAND_DEG:
                since, level = k, signal
            elif thigh > SEAT_THIGH_DEG and trunk < seat_trunk_deg and k - since >= still_rows:
                self.still_since = since
                if self.asked != since or self._is_held(k, trunk, view.rate_hz):
                    break
            if signal > peak:
                peak, valley, split = signal, signal, SPLIT_SHARE * signal
                self.peak_at = self.valley_at = k
            elif signal < valley:
                valley, self.valley_at = signal, k
            elif valley < split and signal > valley + SPLIT_RISE_DEG:
                break
        else:
            k = first + len(signals)
        if k > first:
            self.missing = 0
            if stands:
                self.rocks.stands(knelt=any(map(KNELT_DEG.__lt__, thighs[: k - first])))
        self.peak, self.valley, self.still_since, self.still_level = peak, valley, since, level
        return k - view.first

    def _may_do_more(self, view: RowsInView, part: slice) -> bool:
        """Whether the athlete may sit down, rock back or begin another movement in these rows: cheap, and never false where it
        happens."""
        signal, trunk, thigh = view.signal[part], view.trunk[part], view.thigh[part]
        # sitting takes some time within the band, so its ends and its middle are close; it may have begun a row earlier
        still = max(int(SEAT_STILL_S * view.rate_hz) - 1, 1)
        seat = ((thigh > SEAT_THIGH_DEG) & (trunk < SEAT_TRUNK_DEG))[still:]
        if seat.any():
            seat &= np.abs(signal[still:] - signal[:-still]) < 2.1 * SEAT_BAND_DEG
            seat &= np.abs(signal[still:] - signal[still // 2 : still // 2 - still]) < 2.1 * SEAT_BAND_DEG
            if seat.any():
                return True
        if possible(trunk, thigh, max(int(STILL_S * view.rate_hz), 1)):
            return True
        low = signal < SPLIT_SHARE * np.maximum(np.maximum.accumulate(signal), self.peak)
        fallen = int(low.argmax())
        rise = signal[fallen:] - np.minimum.accumulate(signal[fallen:])
        return bool(low[fallen]) and bool(rise.max() > SPLIT_RISE_DEG)

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        k, signal, thigh = view.first + i, view.signal.item(i), view.thigh.item(i)
        trunk = view.trunk.item(i)
        if signal != signal:
            # a gap in the middle: not a repetition
            return Standing(self.missing)
        self._rock(k, trunk, thigh, view.longest_rows, cutter)
        if k - self.begin > view.longest_rows:
            # a posture: not a repetition
            return Seated(max(thigh, LEAST_SEAT_DEG), self.stay)
        if abs(signal - self.still_level) > SEAT_BAND_DEG:
            self.still_since, self.still_level = k, signal
        seated = thigh > SEAT_THIGH_DEG and trunk < (HELD_TRUNK_DEG if self.stay else SEAT_TRUNK_DEG)
        if seated and k - self.still_since >= SEAT_STILL_S * view.rate_hz and self._sits(k, trunk, view.rate_hz, cutter):
            if self.whole:
                cutter.sit_down(self.begin, self.still_since)
            return Seated(thigh, self.stay)
        if signal > self.peak:
            self.peak, self.peak_at = signal, k
            self.valley, self.valley_at = signal, k
        elif signal < END_DEG and trunk < LIES_DEG:
            return Seated(max(thigh, LEAST_SEAT_DEG), self.stay)
        elif signal < END_DEG:
            return Settling(self.begin, self.peak, self.peak_at, k, signal, k, self.stay)
        elif signal < self.valley:
            self.valley, self.valley_at = signal, k
        elif self.valley < SPLIT_SHARE * self.peak and signal > self.valley + SPLIT_RISE_DEG:
            self._begin_another(k, signal, cutter)
        return self

    def _sits(self, k: int, trunk: float, rate_hz: float, cutter: RepetitionCutter) -> bool:
        """Whether an athlete who is still, with raised thighs, is sitting; tested once, and again when the posture is held."""
        if self._is_held(k, trunk, rate_hz):
            return trunk < HELD_TRUNK_DEG
        if self.asked == self.still_since:
            return False
        self.asked = self.still_since
        return cutter.sits(self.begin, self.still_since, k)

    def _is_held(self, k: int, trunk: float, rate_hz: float) -> bool:
        """Whether the posture alone tells, because it is held or its beginning was not seen."""
        return not self.whole or (trunk < HELD_TRUNK_DEG and k - self.still_since >= HELD_SEAT_S * rate_hz)

    def _rock(self, k: int, trunk: float, thigh: float, longest_rows: float, cutter: RepetitionCutter) -> None:
        """Follow the rock-backs: from the first one on, or after long enough on all fours, the movement is a stay."""
        found = self.rocks.step(k, trunk, thigh)
        if found is not None:
            self.begin, self.stay = found.end, True
            cutter.rock_back(found)
        if self.rocks.on_all_fours and k - self.begin > longest_rows:
            self.begin, self.stay = k, True

    def _begin_another(self, k: int, signal: float, cutter: RepetitionCutter) -> None:
        """The movement ended at its valley, and the next one has come this far."""
        if not self.stay:
            cutter.movement(self.begin, self.peak_at, self.peak, self.valley_at, self.valley_at, k)
        self.begin = self.valley_at
        self.peak, self.peak_at = signal, k
        self.valley, self.valley_at = signal, k


@dataclass(slots=True)
class Settling:
    """The signal of a movement was low enough at row `crossed`; the body may not be at rest yet. valley: the lowest signal
    since. stands_up: it left a seat, and has no peak."""

    begin: int
    peak: float
    peak_at: int
    crossed: int
    valley: float
    valley_at: int
    stay: bool
    stands_up: bool = False
    missing: int = 0

    def ahead(self, view: RowsInView, i: int) -> int:
        """The last row of the movement, or the first at which something else happens before."""
        left = self.crossed + math.ceil(SETTLE_LONGEST_S * view.rate_hz) - view.first - i
        part = view.signal[i : i + max(left, 0)]
        # also true for NaN
        happens = (~(part <= START_DEG)).nonzero()[0]
        part = part[: happens.item(0)] if len(happens) else part
        if len(part) < 2:
            return i
        low = int(part.argmin())
        if part[low] < self.valley:
            self.valley, self.valley_at = part.item(low), view.first + i + low
        self.missing = 0
        return i + len(part)

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        k, signal = view.first + i, view.signal.item(i)
        if signal > START_DEG:
            self.close(self.valley_at, k, cutter)
            return Moving.from_standing(view, i)
        if signal < self.valley:
            self.valley, self.valley_at = signal, k
        if k - self.crossed >= SETTLE_LONGEST_S * view.rate_hz or signal != signal:
            self.close(k, k, cutter)
            return Standing(self.missing)
        return self

    def close(self, end: int, last: int, cutter: RepetitionCutter) -> None:
        """The movement ended at row `end` or came to rest before; `last` is the newest row."""
        if self.stay:
            return
        if self.stands_up:
            cutter.stand_up(self.begin, self.crossed, end, last)
        else:
            cutter.movement(self.begin, self.peak_at, self.peak, self.crossed, end, last)


@dataclass(slots=True)
class Seated:
    """Sitting, or a posture that was held too long for a movement, with thighs inclined by `thigh`. stay: as in `Moving`."""

    thigh: float
    stay: bool
    missing: int = 0

    def ahead(self, view: RowsInView, i: int) -> int:
        """The next row at which the thighs have come down, or the signal is lost."""
        self.missing = 0
        leaves = (view.seat[i:] < RISE_SHARE * self.thigh) | ~np.isfinite(view.signal[i:])
        return i + int(np.argmax(leaves)) if leaves.any() else len(view)

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        signal = view.signal.item(i)
        if signal != signal:
            return Standing(self.missing)
        if view.seat.item(i) < RISE_SHARE * self.thigh:
            return Rising(view.first + i, self)
        return self


@dataclass(slots=True)
class Rising:
    """The thighs leave the seat since row `begin`."""

    begin: int
    seat: Seated
    missing: int = 0

    def ahead(self, view: RowsInView, i: int) -> int:
        """Every row is looked at."""
        return i

    def step(self, view: RowsInView, i: int, cutter: RepetitionCutter) -> State:
        k, signal = view.first + i, view.signal.item(i)
        if signal != signal:
            return Standing(self.missing)
        if signal < END_DEG and view.trunk.item(i) > LIES_DEG:
            return Settling(self.begin, math.nan, self.begin, k, signal, k, self.seat.stay, stands_up=True)
        if view.thigh.item(i) > SEATED_AGAIN_SHARE * self.seat.thigh:
            return Seated(self.seat.thigh, self.seat.stay)
        return self


State = Standing | Raising | Moving | Settling | Seated | Rising


def on_the_back(state: State) -> State:
    """The state of somebody who has come to lie on the back: a movement under way is dropped, a seat stays one."""
    if isinstance(state, Seated | Standing):
        return state
    if isinstance(state, Rising):
        return state.seat
    if isinstance(state, Moving | Settling):
        return Seated(LEAST_SEAT_DEG, state.stay)
    return Standing()
