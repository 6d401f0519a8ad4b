"""The common part of `live` and `review`: a pipeline's output, stated mountings, the standing shared by sensors, and slips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from body_signals import Floats, Mounting, Placement, Quality, Sensor, TimedBlock
from dsp.alignment.alignment import Alignment
from dsp.alignment.slide import SlideWatch
from dsp.alignment.slip import SlipWatch
from dsp.alignment.standing import SHARED_S, Standing
from dsp.angles.rows import SegmentAngles
from dsp.grid.ticks import LOOK_STRIDE, RATE_HZ, Ticks, places
from dsp.plausibility.worn import ANGLES_OF, WornWatch, widen, witnesses
from dsp.progress import CalibrationProgress
from dsp.repetitions.finder import RepetitionFinder
from dsp.results import AlignmentReport, AngleRows, Finding, Flags, OrientationRows, Repetition

SLIPPED_CONFIDENCE = 0.3
"""Factor on the confidence of a sensor that has slipped (ours)."""
TURNED_S = 0.5
"""Time, s, in which a turning that has ended fades to a third (ours)."""


@dataclass(slots=True)
class PipelineOutput:
    """The output of one call: rows in order, ended repetitions, alignments that took effect, findings."""

    angles: list[AngleRows] = field(default_factory=list)
    orientations: list[OrientationRows] = field(default_factory=list)
    repetitions: list[Repetition] = field(default_factory=list)
    alignments: list[Alignment] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    calibration: list[CalibrationProgress] = field(default_factory=list)
    """Each step in the progress of the calibration; only from the causal estimator."""
    calibration_movements: list[Repetition] = field(default_factory=list)
    """Movements of a calibration, measured as repetitions are; they are none (their index is −1)."""

    @classmethod
    def join(cls, pieces: Iterable[PipelineOutput]) -> PipelineOutput:
        """The outputs of several calls as one."""
        whole = cls()
        for piece in pieces:
            whole.extend(piece)
        return whole

    def with_latest(self, later: PipelineOutput) -> PipelineOutput:
        """Repetitions, alignments and findings of both, and the rows of the later one, if any: for display."""
        return PipelineOutput(
            later.angles or self.angles,
            later.orientations or self.orientations,
            [*self.repetitions, *later.repetitions],
            [*self.alignments, *later.alignments],
            [*self.findings, *later.findings],
            [*self.calibration, *later.calibration],
            [*self.calibration_movements, *later.calibration_movements],
        )

    def extend(self, other: PipelineOutput) -> None:
        """Append the output of the next call."""
        self.angles.extend(other.angles)
        self.orientations.extend(other.orientations)
        self.repetitions.extend(other.repetitions)
        self.alignments.extend(other.alignments)
        self.findings.extend(other.findings)
        self.calibration.extend(other.calibration)
        self.calibration_movements.extend(other.calibration_movements)


def mountings(sensors: Sequence[Sensor]) -> dict[str, Mounting]:
    """Stated mountings of the worn sensors."""
    return {s.key: s.mounting for s in sensors if s.mounting is not None and s.placement is not Placement.OTHER}


def worn_last_time(sensors: Sequence[Sensor]) -> dict[str, tuple[float, ...]]:
    """How the worn sensors were stuck on last time, where that is known."""
    return {s.key: s.worn for s in sensors if s.worn is not None and s.placement is not Placement.OTHER}


def unnamed(sensors: Iterable[Sensor]) -> frozenset[str]:
    """Sensors that do not say who they are: those of files."""
    return frozenset(s.key for s in sensors if s.family == "plain")


def shared_ticks(standings: Sequence[Standing], rate_hz: float) -> tuple[int, int] | None:
    """Numbers of the first tick of the standing shared by sensors, and of the first after it; None where it is too short."""
    first = int(np.ceil(max(s.start_s for s in standings) * rate_hz))
    last = int(np.floor(min(s.end_s for s in standings) * rate_hz))
    return None if last - first < SHARED_S * rate_hz else (first, last)


def slip_watch(alignment: Alignment, rate_hz: float, *, marked_back: bool = False) -> SlipWatch | None:
    """The slip watch for the sensors of an alignment; None for a single sensor, or while a better alignment may follow."""
    return SlipWatch(tuple(alignment.to_segment), rate_hz, marked_back=marked_back) if len(alignment.to_segment) > 1 else None


def slip_flags(watch: SlipWatch, ticks: Ticks, angles: SegmentAngles) -> Flags | None:
    """Flags (m,) of ticks at which a sensor has slipped; None where none has."""
    look = (-ticks.first) % LOOK_STRIDE
    if look >= len(ticks):
        return np.full(len(ticks), int(Quality.SLIPPED), np.int32) if watch.slipped else None
    slipped = watch.feed(ticks.first, angles.verticals(ticks.quat[:, :, look::LOOK_STRIDE]), len(ticks))
    return np.where(slipped, np.int32(Quality.SLIPPED), np.int32(0))


def slides(watch: SlideWatch, ticks: Ticks, angles: SegmentAngles) -> tuple[Flags | None, Floats | None]:
    """Flags (m,) of ticks, each sensor with its own heading, at which a sensor counts as slid round its segment, None where
    none does; the variance, rad², of the angles of those that may have (s, m), None where none may."""
    first = (-ticks.first) % LOOK_STRIDE
    if first < len(ticks):
        epochs = ticks.heading_epoch[places(ticks.keys, angles.placements), first::LOOK_STRIDE]
        slid, variance = watch.feed(ticks.first, len(ticks), witnesses(ticks, angles), epochs)
    else:
        slid, variance = watch.between(len(ticks))
    return None if slid is None else np.where(slid, np.int32(Quality.SLIPPED), np.int32(0)), variance


def said_of(
    alignment: Alignment | None,
    refused: tuple[AlignmentReport, ...],
    watch: SlipWatch | None,
    slide: SlideWatch | None,
    worn: WornWatch | None,
    rate_hz: float,
) -> tuple[AlignmentReport, ...]:
    """The reports of the present alignment; those of the last mark, if it was refused and left the alignment in force."""
    if alignment is None:
        return refused
    reports = with_slips(alignment.reports, watch, slide, worn, rate_hz)
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


def with_slips(
    reports: tuple[AlignmentReport, ...],
    watch: SlipWatch | None,
    slide: SlideWatch | None,
    worn: WornWatch | None,
    rate_hz: float,
) -> tuple[AlignmentReport, ...]:
    """The reports, with lower confidence and the reason for sensors that have slipped or come off the body."""
    reasons: dict[str, str] = {}
    if slide is not None:
        for key, slip in slide.slid.items():
            reasons[key] = f"has slid round by {slip.angle_deg:.0f}° since {slip.time_s:.0f} s; calibrate again"
    if watch is not None:
        for key, slip in watch.slipped.items():
            reasons[key] = f"has slipped: stands {slip.angle_deg:.0f}° off since {slip.time_s:.0f} s; calibrate again"
    if worn is not None:
        for key, off in worn.returned.items():
            reasons[key] = f"was off the body at {off.known / rate_hz:.0f} s and put back; calibrate again"
        for key, off in worn.off.items():
            reasons[key] = f"is off the body since {off.since / rate_hz:.0f} s; calibrate again"
    return tuple(
        replace(r, confidence=round(SLIPPED_CONFIDENCE * r.confidence, 3), reasons=(*r.reasons, reasons[r.placement]))
        if r.placement in reasons
        else r
        for r in reports
    )


class ClockDoubts:
    """The times at which linked segments did not move together because a clock disagrees; rows in them are flagged. While it is
    only suspected, the angles that need this clock are as uncertain as segments may have turned within the suspected lag."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, Quality, float], tuple[float, float]] = {}
        self._suspected: list[tuple[float, Mapping[str, float]]] = [(-np.inf, {})]
        """Since when, session time, which clocks may be wrong, and by what time, s."""
        self._turning = _Turning()

    def take(self, finding: Finding, since_s: float) -> None:
        """A clock disagrees, or a gyroscope does not turn with the body, from session time since_s on; a later version of the
        same finding states the end."""
        until_s = np.inf if finding.until_s is None else finding.until_s
        flag = finding.flag if finding.flag is Quality.IMPLAUSIBLE else Quality.CLOCK_DISAGREES
        which = finding.sensor, flag, finding.since_s
        self._spans[which] = (self._spans.get(which, (since_s, until_s))[0], until_s)

    def flags(self, time_s: Floats) -> Flags | None:
        """Flags (m,) of rows at these session times; None where there are none."""
        if not self._spans:
            return None
        flags = np.zeros(len(time_s), np.int32)
        for (_, flag, _), (since_s, until_s) in self._spans.items():
            flags[(time_s >= since_s) & (time_s < until_s)] |= np.int32(flag)
        return flags if flags.any() else None

    def suspect(self, off_s: Mapping[str, float], since_s: float) -> None:
        """Which clocks may be wrong from session time since_s on, and by what time, s; in order of time."""
        if off_s != self._suspected[-1][1]:
            self._suspected.append((since_s, dict(off_s)))

    def widen(self, ticks: Ticks, rows: AngleRows) -> None:
        """Let the rows of these ticks state what a suspicion leaves uncertain; every tick in order."""
        if len(self._suspected) == 1 and not self._suspected[0][1]:
            # the usual case
            return
        begins = np.searchsorted(ticks.time_s, [since_s for since_s, _ in self._suspected]).tolist()
        for (_, off_s), start, stop in zip(self._suspected, begins, [*begins[1:], len(ticks)], strict=True):
            if start == stop:
                continue
            if not off_s:
                self._turning = _Turning()
                continue
            fastest = self._turning.fastest(ticks.part(start, stop))
            variance = np.zeros(len(ticks))
            for key, off in off_s.items():
                variance[start:stop] = np.square(off * fastest)
                widen(rows, key, variance)
        over = sum(begin < len(ticks) for begin in begins[1:])
        self._suspected = self._suspected[over:]


class _Turning:
    """How fast worn segments have turned lately, rad/s, tick by tick: the fastest of them, in the last `TURNED_S` or so."""

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._fastest = 0.0

    def fastest(self, ticks: Ticks) -> Floats:
        """At each of the next ticks (m,)."""
        quat = ticks.quat[:, [i for i, key in enumerate(ticks.keys) if key in ANGLES_OF]]
        before = quat[:, :, :1] if self._last is None else self._last
        joined = np.concatenate((before, quat), axis=2)
        self._last = joined[:, :, -1:]
        part = joined[:, :, 1:] * joined[:, :, :-1]
        same = np.nan_to_num(np.abs(part[0] + part[1] + part[2] + part[3]), nan=1.0)
        # the chord is nearly the arc
        turning = 2.0 * RATE_HZ * np.sqrt(np.maximum(2.0 - 2.0 * same, 0.0)).max(axis=0)
        # it fades, so that what comes late is uncertain for as long
        kept = 1.0 - 1.0 / (TURNED_S * RATE_HZ)
        for i, now in enumerate(turning.tolist()):
            self._fastest = max(now, kept * self._fastest)
            turning[i] = self._fastest
        return np.asarray(turning)


def with_flags(flags: Flags | None, more: Flags | None) -> Flags | None:
    """Both flags (m,) together."""
    if flags is None or more is None:
        return more if flags is None else flags
    return flags | more


class OtherSensors:
    """The session times at which another sensor took a place; see `TimedBlock.other`."""

    def __init__(self) -> None:
        self._since: dict[str, list[float]] = {}

    def take(self, block: TimedBlock) -> None:
        """The next samples of a sensor."""
        if block.other is not None:
            self._since.setdefault(block.sensor, []).extend(block.time_s[block.other].tolist())

    def since(self, alignment: Alignment) -> dict[str, float]:
        """For each place, since when it has had a sensor other than at the calibration."""
        later = {key: [t for t in times if t > alignment.mark_s] for key, times in self._since.items()}
        return {key: times[0] for key, times in later.items() if times}


def count_repetitions(
    finder: RepetitionFinder, rows: AngleRows, changes: Sequence[tuple[int, tuple[str, ...]]]
) -> list[Repetition]:
    """Repetitions that ended in these rows. changes: the rows at which the worn sensors change, and the new set."""
    found: list[Repetition] = []
    start = 0
    for at, placements in changes:
        found += finder.feed(rows.part(start, at))
        finder.worn(placements)
        start = at
    return found + finder.feed(rows.part(start, len(rows)) if start else rows)
