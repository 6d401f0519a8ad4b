"""Repetitions cut out of the kept rows: from where the movement began to where it came to rest, with its kind and its flags."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from body_signals import BODY_PLACEMENTS, Placement, Quality
from body_signals.movements import HIP_EXTENSION, KNEE_RAISE, OTHER, ROCK_BACK, SIT_DOWN, STAND_UP
from dsp.repetitions.held import HeldRepetitions
from dsp.repetitions.hip_extensions import HipExtension
from dsp.repetitions.kind import CANNOT_TELL, classify
from dsp.repetitions.measured import UnmeasuredRepetition
from dsp.repetitions.movement_ends import MovementEnds
from dsp.repetitions.movement_rows import (
    LEFT_THIGH_ROW,
    LUMBAR_ROW,
    PELVIS_ROW,
    RIGHT_THIGH_ROW,
    TRUNK_ROW,
    KeptRows,
    MovementRows,
)
from dsp.repetitions.rock_backs import RockBack, got_down
from dsp.repetitions.seats import short_seat, sits
from dsp.rhythm.metrics import Best, better

SMALLEST_DEG = 20.0
"""Least peak of the signal, degrees, of a movement (ours)."""
SHORTEST_MOVEMENT_S = 0.4
"""Least time, s, between the two crossings of a real movement; in walking the knees pass each other faster (ours, set on the
simulated athlete)."""
SHORTEST_ONE_LEG_S = 0.8
"""The same, s, with a sensor on only one thigh, which swings in walking (ours)."""
RAISE_SHORTEST_S = 0.8
"""Least time, s, of a knee raise; in a step the knee is forward for less (ours)."""
RAISE_FULL_DEG = 60.0
"""Thigh inclination, degrees, from which a knee raise is certain (ours)."""
SEAT_CONFIDENCE, SEAT_WITHOUT_TRUNK = 0.9, 0.6
"""Confidence of sitting down and standing up, with a sensor on the trunk and without (ours)."""
GOT_DOWN_CONFIDENCE = 0.9
"""Confidence that getting down on all fours is another movement (ours)."""
LEAN_S = 0.2
"""Longest pause, s, between the forward lean and the thighs' leaving the seat in standing up; longer stillness is sitting
(ours)."""
EDGE_ROWS = 12
"""A repetition that begins within this many rows after a gap counts as begun in it: at its edge velocity is unknown (ours)."""

NOT_TRUE = Quality.OFF_BODY | Quality.IMPLAUSIBLE | Quality.CLOCK_DISAGREES
"""Rows with any of these flags do not count for the athlete's largest flexions."""


@dataclass(frozen=True, slots=True)
class Worn:
    """What the worn sensors can show: the row of the trunk's angle, the shortest movement that cannot be a stride, and the
    confidence of a seat."""

    trunk_row: int
    shortest_s: float
    seat_confidence: float

    @classmethod
    def of(cls, placements: Collection[str]) -> Worn:
        """By placements that rows have angles of; without the lumbar sensor the pelvis is the trunk."""
        whole = Placement.LUMBAR.value in placements
        one_leg = (Placement.THIGH_LEFT.value in placements) != (Placement.THIGH_RIGHT.value in placements)
        # with one thigh a raised knee looks like a seat; in a squat the pelvis leans less than the trunk
        sure = CANNOT_TELL if one_leg else SEAT_CONFIDENCE if whole else SEAT_WITHOUT_TRUNK
        return cls(TRUNK_ROW if whole else PELVIS_ROW, SHORTEST_ONE_LEG_S if one_leg else SHORTEST_MOVEMENT_S, sure)


ALL_WORN = Worn.of([placement.value for placement in BODY_PLACEMENTS])


class RepetitionCutter:
    """Makes a repetition of each movement that has ended and passes it on to `held`. Rows are identified by their numbers."""

    def __init__(self, kept: KeptRows, held: HeldRepetitions, rate_hz: float) -> None:
        self._kept = kept
        self._held = held
        self._rate = rate_hz
        self._ends = MovementEnds(kept, rate_hz)
        self._best = Best()
        self.worn = ALL_WORN
        self._over = 0
        """Row at which the last repetition ended; no other may begin before it."""

    def movement(self, begin: int, deepest: int, peak_deg: float, crossed: int, end: int, last: int) -> None:
        """A movement from standing and back: noticed at `begin`, deepest at a row with this signal, low enough again at
        `crossed`, over at `end` at the latest; `last` is the newest row. None where it was too short or too small."""
        if crossed - begin < self.worn.shortest_s * self._rate or peak_deg < SMALLEST_DEG:
            return
        start = self._beginning(begin)
        end = max(min(self._ends.rest(crossed, last), end), start + 1)
        rows = self._kept.part(start, end + 1)
        knelt = got_down(rows.moving[0], rows.moving[1], self._rate)
        seat = None if knelt else short_seat(rows)
        if seat is not None:
            self._cut(SIT_DOWN.name, self.worn.seat_confidence, start, start + seat[0], start + seat[0])
            self._cut(STAND_UP.name, self.worn.seat_confidence, start + seat[1], end, end)
            return
        within = start <= deepest <= end
        at, among = (deepest - start, rows) if within else (0, self._kept.part(deepest, deepest + 1))
        trunk, left, right = among.moving[0], among.angles[LEFT_THIGH_ROW], among.angles[RIGHT_THIGH_ROW]
        kind, confidence = classify(trunk.item(at), left.item(at), right.item(at), _lumbar_share(rows, among, at))
        if knelt:
            kind, confidence = OTHER.name, GOT_DOWN_CONFIDENCE
        self._add(kind, confidence, start, deepest, rows)

    def knee_raise(self, begin: int, leg_row: int, highest: int, peak_deg: float, end: int) -> None:
        """A single knee was raised; its thigh has this row among the angles. None where it was as short as a step."""
        if end - begin >= RAISE_SHORTEST_S * self._rate:
            start = self._beginning(begin, leg_row)
            self._cut(KNEE_RAISE.name, round(min(1.0, peak_deg / RAISE_FULL_DEG), 3), start, highest, end)

    def sits(self, begin: int, still_since: int, now: int) -> bool:
        """Whether an athlete who has been still since a row, with raised thighs, is sitting and not squatting."""
        rows = self._kept.part(max(begin, self._kept.first), now + 1)
        # on the way up from all fours the trunk has come up too
        return sits(rows, now + 1 - still_since) and not got_down(rows.moving[0], rows.moving[1], self._rate)

    def sit_down(self, begin: int, still_since: int) -> None:
        """Sitting down: from where the movement began to where it came to rest."""
        start = self._beginning(begin)
        end = max(still_since, start + 1)
        self._cut(SIT_DOWN.name, self.worn.seat_confidence, start, end, end)

    def stand_up(self, begin: int, crossed: int, end: int, last: int) -> None:
        """Standing up from a seat; rows as in `movement`."""
        start = self._beginning(begin, held_s=LEAN_S)
        end = max(min(self._ends.rest(crossed, last), end), start + 1)
        self._cut(STAND_UP.name, self.worn.seat_confidence, start, end, end)

    def rock_back(self, found: RockBack) -> None:
        """A rock-back within a stay on all fours."""
        start = self._beginning(found.risen)
        self._cut(ROCK_BACK.name, found.confidence, start, found.turn, self._ends.slow_rest(found.half, found.end))

    def hip_extension(self, found: HipExtension) -> None:
        """A thigh was lowered by somebody on the back."""
        start = self._beginning(found.noticed, found.hip_row)
        self._cut(HIP_EXTENSION.name, found.confidence, start, found.turn, found.end)

    def _beginning(self, k: int, row: int | None = None, held_s: float = 0.0) -> int:
        """Where a movement noticed at row k began (see `MovementEnds.beginning`): not before the last one ended."""
        return max(self._ends.beginning(k, row, held_s), self._over)

    def _cut(self, kind: str, confidence: float, start: int, turn: int, end: int) -> None:
        self._add(kind, confidence, start, turn, self._kept.part(start, end + 1))

    def _add(self, kind: str, confidence: float, start: int, turn: int, rows: MovementRows) -> None:
        if not int(np.bitwise_or.reduce(rows.quality)) & NOT_TRUE:
            self._best = better(self._best, kind, rows.measured)
        self._over = start + len(rows) - 1
        edge = self._kept.part(max(start - EDGE_ROWS, self._kept.first), start + 1).quality
        broken = int(np.bitwise_or.reduce(edge)) & (Quality.GAP | Quality.LATE)
        at = min(max(turn - start, 0), len(rows) - 1)
        self._held.add(UnmeasuredRepetition(kind, confidence, rows, at, self._best, int(broken)))


def _lumbar_share(rows: MovementRows, among: MovementRows, at: int) -> float:
    """Lumbar share of the trunk's inclination, from the first of the rows to the deepest, which is row `at` of `among`; NaN
    where it is not measured."""
    changes = among.angles[:, at] - rows.angles[:, 0]
    return changes.item(LUMBAR_ROW) / (changes.item(TRUNK_ROW) or math.nan)
