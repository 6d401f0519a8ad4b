"""Finished repetitions: those of a calibration are held back while it is open and set aside when it succeeds."""

from __future__ import annotations

import math
from dataclasses import replace

from dsp.repetitions.measured import UnmeasuredRepetition, measured
from dsp.results import Repetition

CALIBRATION_LONGEST_S = 100.0
"""Longest time, s, for which repetitions are held back after a calibrate mark; longer than a calibration may last (ours)."""


class HeldRepetitions:
    """Ended repetitions, in order, until they are taken; they are measured and numbered then."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._out: list[UnmeasuredRepetition | Repetition] = []
        self._held: list[UnmeasuredRepetition | Repetition] = []
        self._marks: list[float] = []
        """Session times of calibrate marks that the rows have not reached yet."""
        self._mark_s: float | None = None
        """Session time of the open calibration's mark."""
        self._calibrated_s = -math.inf
        """When the movements of the last calibration ended; the last of them may come to rest after that."""
        self._count = 0
        self._aside: list[UnmeasuredRepetition | Repetition] = []
        """Movements of calibrations: none of them is a repetition."""

    @property
    def waits(self) -> bool:
        """Whether anything depends on the time of later rows."""
        return self._mark_s is not None or bool(self._marks) or bool(self._held)

    @property
    def waits_for_one(self) -> bool:
        """Whether at most one thing depends on it, so that `reached` need not be told of every row: a mark that is reached, or
        the end of a calibration that takes too long."""
        return not self._marks or (len(self._marks) == 1 and self._mark_s is None and not self._held)

    def mark(self, mark_s: float) -> None:
        """A calibrate mark at session time mark_s: movements after it may belong to the calibration."""
        self._marks.append(mark_s)

    def reached(self, time_s: float) -> None:
        """The rows have reached a session time: this passes marks, and ends a calibration that takes too long as failed."""
        if self._marks and time_s >= self._marks[0]:
            self._mark_s = self._marks.pop(0)
        if self._mark_s is not None and time_s > self._mark_s + CALIBRATION_LONGEST_S:
            self._mark_s = None
        if self._held and self._mark_s is None:
            self.release()

    def calibrated(self, movements_end_s: float) -> None:
        """The calibration succeeded; movements halfway down before `movements_end_s` were part of it."""
        if self._mark_s is not None:
            mark_s = self._mark_s
            belongs = [_half_way_s(r) < movements_end_s and r.start_s >= mark_s for r in self._held]
            self._aside += [r for r, calibrating in zip(self._held, belongs, strict=True) if calibrating]
            self._held = [r for r, calibrating in zip(self._held, belongs, strict=True) if not calibrating]
            self._mark_s, self._calibrated_s = None, movements_end_s

    def add(self, repetition: UnmeasuredRepetition) -> None:
        """The next repetition that has ended."""
        if self._mark_s is not None:
            self._held.append(repetition)
            return
        self.release()
        (self._out if _half_way_s(repetition) >= self._calibrated_s else self._aside).append(repetition)

    def release(self) -> None:
        """The repetitions held back count."""
        self._out += self._held
        self._held = []

    def take(self) -> list[Repetition]:
        """The repetitions ended since the last call, measured and numbered. Those held back are measured too, so that their
        rows can be released."""
        if not (self._out or self._held):
            return []
        repetitions = iter(measured([r for r in (*self._out, *self._held) if isinstance(r, UnmeasuredRepetition)], self._rate))
        out, held = (
            [m for r in those if (m := next(repetitions) if isinstance(r, UnmeasuredRepetition) else r) is not None]
            for those in (self._out, self._held)
        )
        numbered = [replace(r, index=self._count + i) for i, r in enumerate(out)]
        self._count += len(numbered)
        self._out, self._held = [], list(held)
        return numbered

    def take_aside(self) -> list[Repetition]:
        """The movements of calibrations since the last call, measured; their index is −1."""
        aside, self._aside = self._aside, []
        fresh = iter(measured([r for r in aside if isinstance(r, UnmeasuredRepetition)], self._rate))
        found = [next(fresh) if isinstance(r, UnmeasuredRepetition) else r for r in aside]
        return [r for r in found if r is not None]


def _half_way_s(repetition: UnmeasuredRepetition | Repetition) -> float:
    """Session time in the middle between a movement's beginning and its deepest point."""
    return 0.5 * (repetition.start_s + repetition.turn_s)
