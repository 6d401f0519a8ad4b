"""Movements that were found, and the repetitions that they are when they have been measured: many at a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dsp.movement_rows import MovementRows
from dsp.phases import Phases, bridged
from dsp.results import Repetition
from dsp.rhythm import Best, Movements, measure
from signals.quality import Quality

MEASURED_HOLE_S = 0.2
"""Holes up to this are bridged for measuring a repetition; a longer one leaves its metric missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A repetition that has not been measured yet: its rows, its deepest row among them, the most reached until then, and flags
    of the rows just before: one that comes out of a hole is not whole."""

    kind: str
    confidence: float
    rows: MovementRows
    turn: int
    best: Best
    before: int

    @property
    def start_s(self) -> float:
        return float(self.rows.time_s[0])

    @property
    def turn_s(self) -> float:
        return float(self.rows.time_s[self.turn])


def measured(found: Sequence[Found], rate_hz: float) -> list[Repetition | None]:
    """The repetitions with their metrics and without their numbers; None for one that has no metric for want of calibration."""
    if not found:
        return []
    length = np.array([len(f.rows) for f in found])
    begin = np.cumsum(length) - length
    angles, sd = (np.concatenate(parts, axis=1) for parts in zip(*((f.rows.measured, f.rows.sd) for f in found), strict=True))
    if not np.isfinite(angles).all():
        longest, whole = int(MEASURED_HOLE_S * rate_hz), Phases(begin, length)
        angles, sd = bridged(angles, longest, whole), bridged(sd, longest, whole)
    movements = Movements(angles, sd, length, np.array([f.turn for f in found]))
    quality = np.bitwise_or.reduceat(np.concatenate([f.rows.quality for f in found]), begin).tolist()
    repetitions: list[Repetition | None] = []
    for f, flags, (metrics, phase) in zip(found, quality, measure(movements, [f.best for f in found], rate_hz), strict=True):
        flags |= f.before
        if flags & Quality.UNCALIBRATED and not metrics:
            repetitions.append(None)
            continue
        relative = array("d", phase.tobytes())
        end_s = float(f.rows.time_s[-1])
        repetitions.append(Repetition(-1, f.start_s, f.turn_s, end_s, f.kind, f.confidence, flags, metrics, relative))
    return repetitions
