"""Repetitions cut out of the rows, and their metrics; many are measured at a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Quality
from dsp.plausibility import BODY_RANGES
from dsp.repetitions.movement_rows import MEASURED, MovementRows
from dsp.results import Repetition
from dsp.rhythm.metrics import Best, RepetitionRows, measure
from dsp.rhythm.phases import Phases, bridged

MEASURED_HOLE_S = 0.2
"""Longest gap, s, that is bridged for measuring a repetition; a longer one leaves metrics missing (ours)."""
_LOW, _HIGH = np.array([BODY_RANGES[name].ends_deg if name in BODY_RANGES else (-np.inf, np.inf) for name in MEASURED]).T[
    :, :, None
]


@dataclass(frozen=True, slots=True, eq=False)
class UnmeasuredRepetition:
    """A repetition that has not been measured yet: its rows, its deepest row among them, the largest flexions until then, and
    flags of the rows just before it: a repetition that begins in a gap is not complete."""

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


def measured(several: Sequence[UnmeasuredRepetition], rate_hz: float) -> list[Repetition | None]:
    """The repetitions with their metrics, not yet numbered; None for one without metrics because there is no calibration."""
    if not several:
        return []
    length = np.array([len(r.rows) for r in several])
    begin = np.cumsum(length) - length
    angles, sd = (np.concatenate(parts, axis=1) for parts in zip(*((r.rows.measured, r.rows.sd) for r in several), strict=True))
    quality = np.bitwise_or.reduceat(np.concatenate([r.rows.quality for r in several]), begin)
    if (quality & Quality.IMPLAUSIBLE).any():
        # an angle beyond the range of a body is not measured
        outside = np.logical_or.reduceat((angles < _LOW) | (angles > _HIGH), begin, axis=1)
        angles[np.repeat(outside, length, axis=1)] = np.nan
    if not np.isfinite(angles).all():
        longest, whole = int(MEASURED_HOLE_S * rate_hz), Phases(begin, length)
        angles, sd = bridged(angles, longest, whole), bridged(sd, longest, whole)
    rows = RepetitionRows(angles, sd, length, np.array([r.turn for r in several]), [r.kind for r in several])
    quality = np.bitwise_or.reduceat(np.concatenate([r.rows.quality for r in several]), begin).tolist()
    repetitions: list[Repetition | None] = []
    for r, flags, m in zip(several, quality, measure(rows, [r.best for r in several], rate_hz), strict=True):
        flags |= r.before
        if flags & Quality.UNCALIBRATED and not m.metrics:
            repetitions.append(None)
            continue
        relative = array("d", m.relative_phase_deg.tobytes())
        times = (r.start_s, r.turn_s, float(r.rows.time_s[-1]))
        repetitions.append(Repetition(-1, *times, r.kind, r.confidence, flags, m.metrics, relative, m.missing_shares))
    return repetitions
