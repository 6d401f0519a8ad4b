"""What `live` and `review` share: what a pipeline gives out, stated mountings, the standing that sensors share, and slips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from body_signals import Mounting, Placement, Quality, Sensor
from dsp.alignment.alignment import Alignment
from dsp.alignment.slip import SlipWatch
from dsp.alignment.standing import SHARED_S, Standing
from dsp.angles.rows import SegmentAngles
from dsp.grid.ticks import LOOK_STRIDE, Ticks
from dsp.progress import CalibrationProgress
from dsp.results import AlignmentReport, AngleRows, Finding, Flags, OrientationRows, Repetition

SLIPPED_CONFIDENCE = 0.3
"""Of the confidence of a sensor that has slipped, this share is left (ours)."""


@dataclass(slots=True)
class PipelineOutput:
    """What one call gave: rows in order, repetitions that ended, alignments that came into force, what was found wrong."""

    angles: list[AngleRows] = field(default_factory=list)
    orientations: list[OrientationRows] = field(default_factory=list)
    repetitions: list[Repetition] = field(default_factory=list)
    alignments: list[Alignment] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    calibration: list[CalibrationProgress] = field(default_factory=list)
    """How far the calibration has come, each time that it went on; of the causal estimator only."""

    @classmethod
    def join(cls, pieces: Iterable[PipelineOutput]) -> PipelineOutput:
        """What several calls gave, as if they had been one."""
        whole = cls()
        for piece in pieces:
            whole.extend(piece)
        return whole

    def with_latest(self, later: PipelineOutput) -> PipelineOutput:
        """Repetitions, alignments and findings of both, and the rows of the later one, where it has any: what is shown."""
        return PipelineOutput(
            later.angles or self.angles,
            later.orientations or self.orientations,
            [*self.repetitions, *later.repetitions],
            [*self.alignments, *later.alignments],
            [*self.findings, *later.findings],
            [*self.calibration, *later.calibration],
        )

    def extend(self, other: PipelineOutput) -> None:
        """What the next call gave, as if both had been one."""
        self.angles.extend(other.angles)
        self.orientations.extend(other.orientations)
        self.repetitions.extend(other.repetitions)
        self.alignments.extend(other.alignments)
        self.findings.extend(other.findings)
        self.calibration.extend(other.calibration)


def mountings(sensors: Sequence[Sensor]) -> dict[str, Mounting]:
    """Stated mountings of the worn sensors."""
    return {s.key: s.mounting for s in sensors if s.mounting is not None and s.placement is not Placement.OTHER}


def shared_ticks(standings: Sequence[Standing], rate_hz: float) -> tuple[int, int] | None:
    """Numbers of the first tick of the standing that sensors share, and of the first after it; None where it is too short."""
    first = int(np.ceil(max(s.start_s for s in standings) * rate_hz))
    last = int(np.floor(min(s.end_s for s in standings) * rate_hz))
    return None if last - first < SHARED_S * rate_hz else (first, last)


def slip_watch(alignment: Alignment, rate_hz: float) -> SlipWatch | None:
    """The watch for the sensors of an alignment; None for one that is on its own, or waits for something better."""
    return SlipWatch(tuple(alignment.to_segment), rate_hz) if len(alignment.to_segment) > 1 else None


def slip_flags(watch: SlipWatch, ticks: Ticks, angles: SegmentAngles) -> Flags:
    """Flags (m,) of ticks at which a sensor has slipped."""
    look = (-ticks.first) % LOOK_STRIDE
    if look >= len(ticks):
        return np.full(len(ticks), int(Quality.SLIPPED) if watch.slipped else 0, np.int32)
    slipped = watch.feed(ticks.first, angles.verticals(ticks.quat[:, :, look::LOOK_STRIDE]), len(ticks))
    return np.where(slipped, np.int32(Quality.SLIPPED), np.int32(0))


def said_of(
    alignment: Alignment | None, refused: tuple[AlignmentReport, ...], watch: SlipWatch | None
) -> tuple[AlignmentReport, ...]:
    """The reports of the alignment in force; of a mark that came to nothing, which leaves it in force, where there is one."""
    if alignment is None:
        return refused
    reports = with_slips(alignment.reports, watch)
    why = {
        r.placement: f"the mark at {r.time_s:.0f} s was refused, and the calibration before it stands: {r.reasons[0]}"
        for r in refused
    }
    return tuple(
        replace(r, reasons=(*r.reasons, why[r.placement]), warnings=(*r.warnings, why[r.placement]))
        if r.placement in why
        else r
        for r in reports
    )


def with_slips(reports: tuple[AlignmentReport, ...], watch: SlipWatch | None) -> tuple[AlignmentReport, ...]:
    """The reports, less confident of sensors that have slipped, with the reason."""
    slipped = watch.slipped if watch is not None else {}
    return tuple(
        replace(
            r,
            confidence=round(SLIPPED_CONFIDENCE * r.confidence, 3),
            reasons=(*r.reasons, f"has slipped: stands {s.angle_deg:.0f}° off since {s.time_s:.0f} s; calibrate again"),
        )
        if (s := slipped.get(r.placement)) is not None
        else r
        for r in reports
    )
