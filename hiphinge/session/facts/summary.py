"""The content of summary.json: sensors, calibration, sets, exposure, hip screen, and warnings in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from body_signals import (
    NEW_SET,
    RISING,
    SCHEMA,
    Pain,
    Placement,
    Quality,
    Session,
    SessionMark,
    limits_with,
    understood,
)
from body_signals.movements import kind_of
from dsp.calibration import SEATED, ForgottenCalibration
from dsp.day import Exposure, by_movement, metrics_of, scored, sets_of, side_of
from dsp.orientation import SampleCounts
from dsp.pipeline import PipelineOutput
from dsp.results import AlignmentReport, Finding, Repetition, latest
from dsp.screen import (
    COUNT,
    Excursions,
    calibration_documents,
    numbered_before,
    of_run,
    run_document,
    runs_of,
    screen_of,
    screened,
    share_by_thirds,
)
from hiphinge.afterwards.said import forgotten_words, said_in
from hiphinge.session.facts.at_pain import AtPain, under_way
from ingest.time import Lag

LOW_CONFIDENCE = 0.5
"""Confidence of an alignment below which there is a warning (ours)."""
NO_THIGHS = (
    "without a thigh a bend, a squat, a lift and sitting down look alike, so all are called a bend, with low confidence; "
    "knee raises and rock-backs are not seen"
)
SHARES = ("lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh")


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The engine's facts about its sensors at the end, each by sensor key."""

    rates: Mapping[str, float]
    counts: Mapping[str, tuple[SampleCounts, int]]
    lost_exact: Mapping[str, bool]
    health: Mapping[str, Mapping[str, int]]
    device: Mapping[str, Mapping[str, str | float]]
    reports: tuple[AlignmentReport, ...]
    heel_drop: Mapping[str, Lag] = field(default_factory=dict)
    minutes: Mapping[str, Mapping[str, Sequence[float | int | None]]] = field(default_factory=dict)
    marks: Sequence[SessionMark] = ()
    """The marks that arrived as events."""
    calendar: Sequence[str] = ()
    """What is to be told of the session's start."""


_FLAGS = [(int(flag), flag) for flag in Quality]


class SummaryBuilder:
    """Accumulates one estimator's output; memory grows only with repetitions."""

    def __init__(self, session: Session, estimator: str) -> None:
        self._session = session
        self._estimator = estimator
        self._end_s = 0.0
        rising_s = [mark.time_s for mark in session.marks if mark.label == RISING]
        self._exposure = Exposure(rising_s=rising_s[-1] if rising_s else None)
        self._rows = 0
        self._flags = dict.fromkeys(Quality, 0)
        self._repetitions: list[Repetition] = []
        self._findings: list[Finding] = []
        self._forgotten: ForgottenCalibration | None = ForgottenCalibration(session.body) if session.body else None
        """The search for an unmarked calibration, until the session is calibrated."""
        self._at_pain = AtPain()
        self._calibration_movements: list[Repetition] = []
        self._excursions = Excursions()
        for mark in session.marks:
            self.hear(mark)

    def hear(self, mark: SessionMark) -> None:
        """A mark, whose row may be computed already or still be to come."""
        if isinstance(understood(mark.label), Pain):
            self._at_pain.ask(mark.time_s)
        self._excursions.hear(mark)

    def take(self, output: PipelineOutput) -> None:
        """Take the next output of the pipeline."""
        for rows in output.angles:
            if not len(rows):
                continue
            self._end_s = float(rows.time_s[-1])
            self._exposure.take(rows)
            self._at_pain.take(rows)
            self._excursions.take(rows)
            self._rows += len(rows)
            seen = int(np.bitwise_or.reduce(rows.quality))
            if seen:
                for bit, flag in _FLAGS:
                    if seen & bit:
                        self._flags[flag] += int(np.count_nonzero(rows.quality & bit))
        for orientation in output.orientations:
            if len(orientation):
                self._excursions.take(orientation)
                self._end_s = max(self._end_s, float(orientation.time_s[-1]))
        if any(report.confidence > 0.0 for alignment in output.alignments for report in alignment.reports):
            self._forgotten = None
        if self._forgotten is not None:
            self._forgotten.take(output.orientations)
        self._repetitions.extend(output.repetitions)
        self._calibration_movements.extend(output.calibration_movements)
        if output.findings:
            self._findings = latest([*self._findings, *output.findings])
        for repetition in output.repetitions:
            self._exposure.repetition(repetition)

    def document(self, session_name: str, facts: SessionFacts, source: str | None = None) -> dict[str, object]:
        """The document, with keys as in `body_signals.quantities.SUMMARY_KEYS`. source: name of the folder with the recording
        or CSV files, where it is another one; empty where there is none."""
        session = self._session
        marks = [*session.marks, *facts.marks]
        screen, protocol = self.screened(marks)
        if calibrating := calibration_documents(self._calibration_movements, runs_of(marks)):
            protocol["calibration_movements"] = calibrating
        return {
            "schema": SCHEMA,
            "session": session_name,
            "athlete": session.athlete,
            "start": session.start.isoformat().replace("+00:00", "Z"),
            "estimator": self._estimator,
            "software": session.software,
            "duration_s": round(self._end_s, 6),
            "sensors": {s.key: self._sensor(s.key, s.family, facts) for s in session.sensors},
            "calibration": {
                r.placement: {"method": r.method, "confidence": r.confidence, "reasons": list(r.reasons)} for r in facts.reports
            },
            "repetitions": len(self._repetitions),
            "sets": self._sets([m.time_s for m in marks if m.label == NEW_SET]),
            "exposure": self._exposure.document(),
            "screen": screen,
            "findings": [f.document() for f in self._findings],
            **said_in(marks, self._at),
            "protocol": protocol,
            "warnings": self._warnings(facts, session_name if source is None else source),
        }

    def screened(self, marks: Sequence[SessionMark]) -> tuple[dict[str, object], dict[str, object]]:
        """The hip screen, and the protocols of these marks, as they stand in the document; empty where there is none."""
        limits, runs = limits_with(self._session.screen_limits), runs_of(marks)
        moved = numbered_before(self._calibration_movements)
        taken = screened(self._repetitions, moved, runs)
        screen = _with_origin(screen_of(taken, limits).document(), taken)
        taps_s = [mark.time_s for mark in marks if mark.label == COUNT]
        done = [run_document(run, self._repetitions, moved, self._excursions, taps_s) for run in runs]
        for run, entry in zip(runs[1:], done[1:], strict=True):
            of_this = of_run(self._repetitions, moved, run)
            entry["screen"] = _with_origin(screen_of(of_this, limits).document(), of_this)
        if not done:
            return screen, {}
        shares = share_by_thirds(taken)
        return screen, {**done[0], **({"thirds": shares} if shares else {}), **({"further": done[1:]} if done[1:] else {})}

    def so_far(self, marks: Sequence[SessionMark]) -> dict[str, object]:
        """What the document will say of the hip screen, of protocols, marks and pain, if the session ended now."""
        screen, protocol = self.screened(marks)
        return {"screen": screen, "protocol": protocol, **said_in(marks, self._at)}

    def _at(self, time_s: float) -> tuple[float | None, int | None]:
        spans = ((r.index + 1, r.start_s, r.end_s) for r in self._repetitions)
        return self._at_pain.flexion(time_s), under_way(spans, time_s)

    @staticmethod
    def _sensor(key: str, family: str, facts: SessionFacts) -> dict[str, object]:
        counts, late_ticks = facts.counts[key]
        return {
            "family": family,
            "rate_hz": facts.rates.get(key),
            "samples": counts.samples,
            "lost": counts.lost,
            "lost_exact": facts.lost_exact.get(key, True),
            "saturated": counts.saturated,
            "gaps": counts.gaps,
            "late_s": round(late_ticks / 100.0, 2),
            "health": dict(facts.health.get(key, {})),
            **({"minutes": dict(facts.minutes[key])} if key in facts.minutes else {}),
        }

    def _sets(self, new_at_s: Sequence[float]) -> list[dict[str, object]]:
        """Each set with the median and the spread of every metric that enough of its counted repetitions have. The same
        repetitions count as in the hip screen."""
        sets = []
        why: dict[int, str] = {}
        for of_kind in by_movement(self._repetitions).values():
            why |= scored(of_kind).why
        for group in sets_of(self._repetitions, new_at_s):
            entry: dict[str, object] = {
                "movement": group[0].movement,
                "side": side_of(group[0]),
                "start_s": round(group[0].start_s, 3),
                "end_s": round(group[-1].end_s, 3),
                "repetitions": len(group),
                "left_out": dict(Counter(why[r.index] for r in group if r.index in why)),
            }
            found = metrics_of([r for r in group if r.index not in why])
            for name in SHARES:
                if name in found:
                    entry[f"{name}_median"] = _rounded(found[name].median)
            entry["metrics"] = {
                name: {
                    "median": _rounded(m.median),
                    "spread": _rounded(m.spread),
                    "repetitions": m.count,
                    "valid": m.valid,
                }
                for name, m in found.items()
                if m.count > 1
            }
            sets.append(entry)
        return sets

    def _warnings(self, facts: SessionFacts, source: str) -> list[str]:
        said = [*facts.calendar, *_kit_warnings(self._session), *(f.words for f in self._findings)]
        reported = {r.placement: r for r in facts.reports}
        if not self._session.body:
            said.append(
                "no placement, so no angles: no sensor is worn on lumbar spine, pelvis or thigh; orientations are there"
            )
        if self._session.body and not facts.reports:
            said.append(
                "not calibrated: no calibrate mark followed by quiet standing; angles are missing, orientations are there"
            )
        if self._forgotten is not None and not any(report.confidence > 0.0 for report in facts.reports):
            seated_s = sorted({report.time_s for report in facts.reports if SEATED & {*report.reasons}})
            said += forgotten_words(self._forgotten.proposal(seated_s), source)
        for placement, report in reported.items():
            if report.confidence == 0.0:
                said.append(f"{placement}: not aligned ({'; '.join(report.reasons)})")
            elif report.confidence < LOW_CONFIDENCE:
                said.append(f"{placement}: alignment of low confidence {report.confidence:.2f} ({'; '.join(report.reasons)})")
            said.extend(f"{placement}: {warning}" for warning in report.warnings)
        for sensor in self._session.sensors:
            counts, late_ticks = facts.counts[sensor.key]
            if counts.samples == 0:
                said.append(f"{sensor.key}: no samples at all")
            if counts.gaps:
                said.append(f"{sensor.key}: {counts.gaps} gap(s) too long to bridge; its alignment needs a check after each")
            if late_ticks > 100:
                said.append(f"{sensor.key}: late or silent for {late_ticks / 100.0:.1f} s")
            if counts.saturated:
                said.append(f"{sensor.key}: {counts.saturated} sample(s) at the end of the sensor's range")
            lag = facts.heel_drop.get(sensor.key)
            if lag is not None:
                said.append(f"{sensor.key}: {_heel_drop_words(lag)}")
            refused = facts.device.get(sensor.key, {}).get("refused")
            if refused:
                said.append(f"{sensor.key}: {refused}")
        for flag, words in (
            (Quality.SLIPPED, "a sensor stood differently than at the calibration: it may have slipped"),
            (Quality.HEADING_UNKNOWN, "relative heading was not known"),
            (Quality.FAST, "movement was faster than the accuracy figures cover"),
            (Quality.DEVICE_ORIENTATION, "orientation came from the devices' own filters"),
        ):
            if self._flags[flag] > 100:
                said.append(f"for {self._flags[flag] / 100.0:.0f} s {words}")
        return said


def _with_origin(screen: dict[str, object], taken: Sequence[Repetition]) -> dict[str, object]:
    """The screen, in which tests say that movements of a calibration were scored."""
    calibrating = {(kind_of(r.movement).test, side_of(r)) for r in taken if r.index < 0}
    of_tests = {(test.name, side) for test, side in calibrating if test is not None}
    tests: list[dict[str, object]] = screen["tests"]  # type: ignore[assignment]
    for test in tests:
        if (test["test"], test["side"]) in of_tests:
            test["from_calibration"] = True
    return screen


def _rounded(number: float) -> float:
    """Rounded to four digits, without -0."""
    return round(number, 4) + 0.0


def _heel_drop_words(lag: Lag) -> str:
    if not math.isfinite(lag.offset_s):
        return f"its clock was not aligned by the heel drop: {lag.reason}"
    return f"the heel drop showed its clock {1000.0 * lag.offset_s:.0f} ms late (correlation {lag.correlation:.2f})"


def _kit_warnings(session: Session) -> list[str]:
    """Warnings about angles that the worn sensors cannot provide."""
    worn = {s.placement for s in session.sensors}
    thighs = worn & {Placement.THIGH_LEFT, Placement.THIGH_RIGHT}
    said = []
    if Placement.LUMBAR in worn and Placement.PELVIS not in worn:
        if thighs:
            said.append(
                "no pelvis sensor: lumbar and hip flexion cannot be separated; trunk and thigh inclination are there, "
                "and their sum is the trunk-on-thigh flexion"
            )
        else:
            said.append(f"no pelvis sensor: lumbar flexion cannot be computed; trunk inclination is there; {NO_THIGHS}")
    if Placement.PELVIS in worn and Placement.LUMBAR not in worn:
        said.append(
            "no lumbar sensor: lumbar flexion and the lumbar shares cannot be computed; pelvis and hips are there"
            if thighs
            else f"no lumbar sensor: lumbar flexion and the lumbar shares cannot be computed; pelvis tilt is there; {NO_THIGHS}"
        )
    if len(thighs) == 1 and len(worn) > 1:
        side, other = ("left", "right") if Placement.THIGH_LEFT in thighs else ("right", "left")
        hip = f"the {other} hip cannot be computed; " if Placement.PELVIS in worn else ""
        said.append(
            f"no {other} thigh sensor: {hip}a raised {side} knee cannot be told from a squat or a seat, "
            "and such a movement kind has a low confidence"
        )
    if {Placement.PELVIS, Placement.LUMBAR} <= worn and not thighs:
        said.append(f"no thigh sensors: hip flexion and the lumbar share of trunk-on-thigh cannot be computed; {NO_THIGHS}")
    if thighs and not worn & {Placement.LUMBAR, Placement.PELVIS}:
        said.append("no sensor on the trunk: lumbar spine, hips and repetitions cannot be computed; thigh inclination is there")
    return said
