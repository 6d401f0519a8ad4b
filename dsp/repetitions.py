"""Repetitions: where a movement begins, turns and ends, found in the rows as they come, without training data.

The signal is the trunk-on-thigh flexion: trunk inclination plus that of the less inclined thigh, what there is of it. It
needs gravity alone, and in walking it stays small, because one leg is always behind. From standing, an excursion above
`START_DEG` that returns is a repetition. One that stays, with the thighs raised and still, is a sit-down, and leaving it is
a stand-up: movements of one phase. A single knee that rises beside a standing leg is a knee raise. Rock-backs
(`dsp.rock_backs`) happen within the excursion of getting down on all fours and up again, which then is none itself.
Movements that belong to a calibration are held back while it is open and dropped when it succeeds.

Hysteresis and smallest duration follow common practice for lift detection (e.g. doi 10.3390/s20164472); the figures here
are set on the simulated athlete.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from dsp.found_movements import Found, measured
from dsp.movement_ends import LOOK_BACK_S, MovementEnds
from dsp.movement_rows import LEFT, PELVIS, RIGHT, TRUNK, KeptRows, MovementRows
from dsp.movements import CANNOT_TELL, classify
from dsp.results import AngleRows, Repetition
from dsp.rhythm import Best, better
from dsp.rock_backs import STILL_S, RockBack, RockBackFinder, got_down, possible
from signals.blocks import Floats, Ints
from signals.placements import Placement
from signals.quality import Quality

START_DEG, END_DEG = 15.0, 10.0
"""An excursion begins above the first and ends below the second."""
SMALLEST_DEG = 20.0
SHORTEST_S = 0.4
"""Time between the two crossings of a real excursion; in walking the knees pass each other in less."""
SHORTEST_ONE_LEG_S = 0.8
"""The same with a sensor on one thigh only, which swings in walking."""
SPLIT_SHARE, SPLIT_RISE_DEG = 0.5, 20.0
"""Within an excursion, a fall below this share of the peak and a rise by this much again begins another repetition."""
RAISE_DEG, STANCE_DEG, RAISE_TRUNK_DEG, RAISE_SHORTEST_S = 30.0, 12.0, 25.0, 0.8
"""A knee raise: one thigh above the first, the other within the second, the trunk within the third, for a time. In a
stride the other leg is behind."""
SETTLE_LONGEST_S = 0.6
"""A repetition comes to rest at most so long after the excursion's end."""
SEAT_THIGH_DEG, SEAT_TRUNK_DEG, SEAT_STILL_S, SEAT_BAND_DEG = 50.0, 25.0, 0.7, 3.0
"""Sitting: thighs above, trunk below, and the signal within the band for so long."""
SEAT_CONFIDENCE, SEAT_WITHOUT_TRUNK = 0.9, 0.6
"""Of sitting down and standing up, with a sensor at the thorax and without."""
HOLE_S = 0.4
"""Holes up to this are bridged for finding a repetition; a longer one ends the movement."""
RISE_SHARE = 0.5
"""Standing up is noticed when the thighs are below this share of their inclination while seated."""
LEAN_S = 0.2
"""Who stands up leans forward first, and may hesitate before the thighs leave the seat: longer stillness is the sitting."""
STAND_IN_S = 2.0
"""Once a thigh has been missing so long, the other one stands in for it."""
HISTORY_S = 120.0
"""Longest repetition; a longer excursion is a posture, not a repetition."""
CALIBRATION_LONGEST_S = 100.0
"""Movements are held back at most so long after a calibrate mark."""
EDGE_ROWS = 12
"""A repetition that begins so soon after a hole has begun in it: no velocity is known at the hole's edge."""
ROWS_AT_ONCE = 8
"""Rows wait until they are so many: one at a time costs nearly as much as eight, and 0.07 s later is soon enough."""


class RepetitionFinder:
    """Streaming finder; the result does not depend on how the rows are cut."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._waiting: list[AngleRows] = []
        self._many = 0
        self._kept = KeptRows()
        self._ends = MovementEnds(self._kept, rate_hz)
        self._next = self._count = 0
        self._best = Best()
        self._state = "standing"
        self._begin = 0
        self._peak, self._peak_at = 0.0, 0
        self._valley, self._valley_at = 0.0, 0
        self._crossed = self._still_since = 0
        self._still_level = 0.0
        self._seat = 0.0
        self._rocks = RockBackFinder(rate_hz)
        self._stay = False
        """Whether the excursion is a stay on all fours: no movement itself."""
        self._out: list[Found | Repetition] = []
        """What has ended, in order."""
        self._held: list[Found | Repetition] = []
        self._marks: list[float] = []
        self._mark_s: float | None = None
        self._calibrated_s = -math.inf
        """The last movement of a calibration may come to rest after it."""
        self._trunk = TRUNK
        self._leg = LEFT
        self._shortest = SHORTEST_S
        self._seat_confidence = SEAT_CONFIDENCE
        self._missing = 0
        self._seen = [-(10**9)] * 2
        """Row number at which each thigh was last there."""

    def aligned(self, placements: Collection[str]) -> None:
        """The placements that rows have angles of from here on; without the lumbar sensor the pelvis is the trunk."""
        self._look()
        self._trunk = TRUNK if Placement.LUMBAR.value in placements else PELVIS
        one_leg = (Placement.THIGH_LEFT.value in placements) != (Placement.THIGH_RIGHT.value in placements)
        self._shortest = SHORTEST_ONE_LEG_S if one_leg else SHORTEST_S
        # a knee that is held up looks like a seat from one thigh; a pelvis leans less in a squat than the trunk does
        whole = self._trunk == TRUNK
        self._seat_confidence = CANNOT_TELL if one_leg else SEAT_CONFIDENCE if whole else SEAT_WITHOUT_TRUNK

    def calibrating(self, mark_s: float) -> None:
        """A calibrate mark at session time mark_s: movements after it may belong to the calibration."""
        self._look()
        self._marks.append(mark_s)

    def calibrated(self, movements_end_s: float) -> None:
        """The calibration succeeded; movements that were half way down before `movements_end_s` were part of it."""
        self._look()
        if self._mark_s is not None:
            mark_s = self._mark_s
            self._held = [r for r in self._held if _half_way_s(r) >= movements_end_s or r.start_s < mark_s]
            self._mark_s, self._calibrated_s = None, movements_end_s

    def feed(self, rows: AngleRows) -> list[Repetition]:
        """Rows that follow those already fed; the repetitions that have ended."""
        self._waiting.append(rows)
        self._many += len(rows)
        if self._many >= ROWS_AT_ONCE:
            self._look()
        return self._ended()

    def _look(self) -> None:
        """Look at the rows that wait."""
        if not self._waiting:
            return
        seen = MovementRows.of(self._waiting, self._trunk)
        self._waiting, self._many = [], 0
        self._kept.add(seen)
        degrees, (trunk, thigh) = seen.angles, seen.moving
        signal, seat = self._signal(degrees, trunk, thigh)
        # one knee is up; false where a thigh is missing
        higher = np.maximum(degrees[LEFT], degrees[RIGHT])
        lifted = (higher > RAISE_DEG) & (np.abs(thigh) < STANCE_DEG) & (np.abs(trunk) < RAISE_TRUNK_DEG)
        begins = np.flatnonzero((signal > START_DEG) | lifted)
        ends = np.flatnonzero(signal < END_DEG)
        first, i, n = self._next, 0, len(signal)
        while i < n:
            # rows at which nothing can happen are passed over, unless a calibration waits for its time
            if self._mark_s is None and not self._marks and not self._held:
                if self._state == "standing":
                    ahead = begins.searchsorted(i)
                    i = begins.item(ahead) if ahead < len(begins) else n
                elif self._state == "seated":
                    # until the thighs come down, or the signal is lost
                    leaves = (seat[i:] < RISE_SHARE * self._seat) | ~np.isfinite(signal[i:])
                    i, self._missing = i + int(np.argmax(leaves)) if leaves.any() else n, 0
                elif self._state == "moving" and self._begin >= self._next - 1:
                    i = self._skim(i, ends, signal, trunk, thigh)
                elif self._state == "ending":
                    i = self._settle(i, signal)
                self._next = first + i
                if i == n:
                    break
            if self._state == "raising":
                knees = degrees.item(self._leg, i), degrees.item(LEFT + RIGHT - self._leg, i)
                self._raise(first + i, signal.item(i), *knees)
            else:
                knee = seat if self._state == "seated" else thigh
                self._step(signal.item(i), trunk.item(i), knee.item(i), seen.time_s.item(i))
                if self._state == "standing" and lifted[i]:
                    self._state, self._begin = "raising", first + i
                    self._leg = LEFT if degrees[LEFT, i] > degrees[RIGHT, i] else RIGHT
                    self._peak, self._peak_at = higher.item(i), first + i
            i += 1
            self._next = first + i
        self._kept.forget(self._next - EDGE_ROWS - int((HISTORY_S + max(LOOK_BACK_S)) * self._rate))

    def _skim(self, i: int, ends: Ints, signal: Floats, trunk: Floats, thigh: Floats) -> int:
        """From row i of these, the row at which the excursion ends, if nothing else can happen before; else i. ends: the rows
        that are low enough for it."""
        ahead = ends.searchsorted(i)
        stop = ends.item(ahead) if ahead < len(ends) else i
        if not 2 <= stop - i <= 0.5 * HISTORY_S * self._rate:
            return i
        rest, thigh, trunk = signal[i:stop], thigh[i:stop], trunk[i:stop]
        top = int(rest.argmax())
        highest = rest.item(top)
        if highest != highest:
            # a hole
            return i
        # sitting needs some time within the band, so its ends and its middle are close; it may have begun a row earlier
        still = max(int(SEAT_STILL_S * self._rate) - 1, 1)
        seat = ((thigh > SEAT_THIGH_DEG) & (trunk < SEAT_TRUNK_DEG))[still:]
        if seat.any():
            seat &= np.abs(rest[still:] - rest[:-still]) < 2.1 * SEAT_BAND_DEG
            seat &= np.abs(rest[still:] - rest[still // 2 : still // 2 - still]) < 2.1 * SEAT_BAND_DEG
            if seat.any():
                return i
        if possible(trunk, thigh, max(int(STILL_S * self._rate), 1)):
            return i
        low = rest < SPLIT_SHARE * np.maximum(np.maximum.accumulate(rest), self._peak)
        fallen = int(low.argmax())
        if low[fallen] and (rest[fallen:] - np.minimum.accumulate(rest[fallen:])).max() > SPLIT_RISE_DEG:
            return i
        if highest > self._peak:
            self._peak, self._peak_at = highest, self._next + top
        return stop

    def _settle(self, i: int, signal: Floats) -> int:
        """From row i of these, the last row of an ending movement, if nothing else can happen before; else i."""
        left = self._crossed + math.ceil(SETTLE_LONGEST_S * self._rate) - self._next
        part = signal[i : i + left]
        # also false for a hole
        if left < 2 or i + left >= len(signal) or not part.max() <= START_DEG:
            return i
        low = int(part.argmin())
        if part[low] < self._valley:
            self._valley, self._valley_at = part.item(low), self._next + low
        self._missing = 0
        return i + left

    def _signal(self, angles: Floats, trunk: Floats, thigh: Floats) -> tuple[Floats, Floats]:
        """The trunk-on-thigh flexion (n,), missing while a thigh is that was there a moment ago: one leg alone would read a
        stride as a bend. And the thigh part (n,) for somebody who sits: missing where both are that were there, for as long as
        a repetition may last, as nobody stands up by falling silent."""
        signal = trunk + thigh
        there = np.isfinite(angles[LEFT : RIGHT + 1])
        if there.all():
            self._seen = [self._next + len(signal) - 1] * 2
            return signal, thigh
        ticks, latest = self._next + np.arange(len(signal)), np.full(len(signal), -(10**9))
        for leg, found in enumerate(there):
            seen = np.maximum.accumulate(np.where(found, ticks, self._seen[leg]))
            signal[~found & (ticks - seen < STAND_IN_S * self._rate)] = np.nan
            self._seen[leg] = int(seen[-1])
            np.maximum(latest, seen, out=latest)
        lost = ~there.any(axis=0) & (ticks - latest < HISTORY_S * self._rate)
        return signal, np.where(lost, np.nan, thigh)

    def finish(self) -> list[Repetition]:
        """The end of the rows: a movement in its last phase counts, one in the middle does not."""
        self._look()
        if self._state == "ending":
            self._close(self._next - 1)
        self._release()
        return self._ended()

    def _step(self, signal: float, trunk: float, thigh: float, time_s: float) -> None:
        k = self._next
        if signal != signal and self._missing < HOLE_S * self._rate:
            # a short hole: as if the tick had not been
            self._missing += 1
            return
        if signal == signal:
            self._missing = 0
        if self._marks and time_s >= self._marks[0]:
            self._mark_s = self._marks.pop(0)
        if self._mark_s is not None and time_s > self._mark_s + CALIBRATION_LONGEST_S:
            self._mark_s = None
        if self._held and self._mark_s is None:
            self._release()
        if self._state == "standing":
            # also false for a missing signal
            if signal > START_DEG:
                self._set_out(k, signal)
        elif self._state == "moving":
            self._move(k, signal, trunk, thigh)
        elif self._state == "ending":
            if signal > START_DEG:
                self._close(self._valley_at)
                self._set_out(k, signal)
            else:
                if signal < self._valley:
                    self._valley, self._valley_at = signal, k
                if k - self._crossed >= SETTLE_LONGEST_S * self._rate or signal != signal:
                    self._close(k)
        elif signal != signal:
            self._state = "standing"
        elif self._state == "seated":
            if thigh < RISE_SHARE * self._seat:
                self._state, self._begin = "rising", k
        elif self._state == "rising":
            if signal < END_DEG:
                self._state, self._crossed = "ending", k
                self._valley, self._valley_at = signal, k
                self._peak, self._peak_at = -1.0, self._begin
            elif thigh > 0.8 * self._seat:
                self._state = "seated"

    def _set_out(self, k: int, signal: float) -> None:
        """An excursion from standing begins."""
        self._state, self._begin = "moving", k
        self._peak, self._peak_at = signal, k
        self._valley, self._valley_at = signal, k
        self._still_since, self._still_level = k, signal
        self._rocks.begin()
        self._stay = False

    def _raise(self, k: int, signal: float, knee: float, other: float) -> None:
        """A single knee is up; missing values (all comparisons false) are as if the tick had not been."""
        if knee > self._peak:
            self._peak, self._peak_at = knee, k
        if signal > START_DEG:
            # the other knee follows, or the trunk: no knee raise
            self._set_out(k, signal)
        elif other < -STANCE_DEG or k - self._begin > HISTORY_S * self._rate - 1:
            self._state = "standing"
        elif knee < END_DEG:
            self._state = "standing"
            if k - self._begin >= RAISE_SHORTEST_S * self._rate:
                start = self._ends.beginning(self._begin, self._leg)
                self._add("knee_raise", round(min(1.0, self._peak / 60.0), 3), start, self._peak_at, k)

    def _move(self, k: int, signal: float, trunk: float, thigh: float) -> None:
        if signal == signal:
            rock = self._rocks.step(k, trunk, thigh)
            if rock is not None:
                self._rock_back(rock)
            if self._rocks.on_all_fours and k - self._begin > HISTORY_S * self._rate - 1:
                self._begin, self._stay = k, True
        if signal != signal or k - self._begin > HISTORY_S * self._rate - 1:
            # a hole in the middle, or a posture: not a repetition
            self._state, self._seat = "standing" if signal != signal else "seated", max(thigh, 2.0)
            return
        if abs(signal - self._still_level) > SEAT_BAND_DEG:
            self._still_since, self._still_level = k, signal
        seated = thigh > SEAT_THIGH_DEG and trunk < SEAT_TRUNK_DEG
        if seated and k - self._still_since >= SEAT_STILL_S * self._rate:
            self._sit(k)
            self._state, self._seat = "seated", thigh
        elif signal > self._peak:
            self._peak, self._peak_at = signal, k
            self._valley, self._valley_at = signal, k
        elif signal < END_DEG:
            self._state, self._crossed = "ending", k
            self._valley, self._valley_at = signal, k
        else:
            if signal < self._valley:
                self._valley, self._valley_at = signal, k
            if self._valley < SPLIT_SHARE * self._peak and signal > self._valley + SPLIT_RISE_DEG:
                self._close(self._valley_at)
                self._state, self._begin = "moving", self._valley_at
                self._peak, self._peak_at = signal, k
                self._valley, self._valley_at = signal, k

    def _sit(self, k: int) -> None:
        """Sitting down: from where the movement began to where it came to rest."""
        start = self._ends.beginning(self._begin)
        end = max(self._still_since, start + 1)
        self._add("sit_down", self._seat_confidence, start, end, end)

    def _close(self, k: int) -> None:
        """An excursion that ended at row k or settled before."""
        crossed, standing_up = self._crossed if self._state == "ending" else k, self._peak < 0.0
        self._state = "standing"
        if self._stay:
            return
        if not standing_up and (crossed - self._begin < self._shortest * self._rate or self._peak < SMALLEST_DEG):
            return
        held_s = LEAN_S if standing_up else 0.0
        start, end = self._ends.beginning(self._begin, held_s=held_s), min(self._ends.rest(crossed, self._next), k)
        if standing_up:
            self._add("stand_up", self._seat_confidence, start, end, end)
            return
        rows = self._kept.part(start, end + 1)
        deepest = rows if start <= self._peak_at <= end else self._kept.part(self._peak_at, self._peak_at + 1)
        at = self._peak_at - start if deepest is rows else 0
        trunk, left, right = (x.item(at) for x in (deepest.moving[0], deepest.angles[LEFT], deepest.angles[RIGHT]))
        kind, confidence = classify(trunk, left, right)
        if got_down(rows.moving[0], rows.moving[1], self._rate):
            kind, confidence = "other", 0.9
        self._add(kind, confidence, start, self._peak_at, end, rows)

    def _rock_back(self, found: RockBack) -> None:
        """A rock-back within the excursion, which is a stay on all fours from here on."""
        self._begin, self._stay = found.end, True
        start = self._ends.beginning(found.risen)
        self._add("rock_back", found.confidence, start, found.turn, self._ends.slow_rest(found.half, found.end))

    def _add(self, kind: str, confidence: float, start: int, turn: int, end: int, rows: MovementRows | None = None) -> None:
        rows = self._kept.part(start, end + 1) if rows is None else rows
        self._best = better(self._best, kind, rows.measured)
        edge = self._kept.part(max(start - EDGE_ROWS, self._kept.first), start + 1).quality
        broken = int(np.bitwise_or.reduce(edge)) & (Quality.GAP | Quality.LATE)
        found = Found(kind, confidence, rows, min(max(turn, start), end) - start, self._best, int(broken))
        if self._mark_s is None:
            self._release()
            if _half_way_s(found) >= self._calibrated_s:
                self._out.append(found)
        else:
            self._held.append(found)

    def _release(self) -> None:
        self._out += self._held
        self._held = []

    def _ended(self) -> list[Repetition]:
        """What has ended since, measured and numbered; what is held back is measured too, so that its rows can go."""
        if not (self._out or self._held):
            return []
        found = [f for f in (*self._out, *self._held) if isinstance(f, Found)]
        repetitions = iter(measured(found, self._rate))
        out, held = (
            [r for f in those if (r := next(repetitions) if isinstance(f, Found) else f) is not None]
            for those in (self._out, self._held)
        )
        numbered = [replace(r, index=self._count + i) for i, r in enumerate(out)]
        self._count += len(numbered)
        self._out, self._held = [], list(held)
        return numbered


def _half_way_s(movement: Found | Repetition) -> float:
    """Session time in the middle between a movement's beginning and its deepest point."""
    return 0.5 * (movement.start_s + movement.turn_s)
