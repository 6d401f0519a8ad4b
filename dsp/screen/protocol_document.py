"""A protocol as it was done, for summary.json: of each step how many repetitions are valid and what it measures of its own, and
the movements of a calibration that its tests took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from body_signals.movements import BEND
from dsp.day.scoring import SPOILT
from dsp.day.sets import FEWEST
from dsp.results import Repetition
from dsp.screen.excursions import Excursions
from dsp.screen.protocol import FAST, SWINGS
from dsp.screen.protocol_runs import STOPPED, ProtocolRun, numbered_before, of_run


def _at_own_pace(run: ProtocolRun, repetitions: Sequence[Repetition], calibration: Sequence[Repetition]) -> list[Repetition]:
    """The sound forward bends of the protocol's other steps; those by a metronome are there without their velocities."""
    return [r for r in of_run(repetitions, calibration, run) if r.movement == BEND.name and not r.quality & SPOILT]


def _middle(peaks: Sequence[float]) -> float | None:
    """Median of sizes."""
    return round(median(map(abs, peaks)), 2) + 0.0 if peaks else None


def _velocities(bends: Sequence[Repetition]) -> dict[str, float | None]:
    """Median of the largest angular velocity on the way down, degrees per second, of lumbar spine and pelvis; None where fewer
    than `FEWEST` bends have it."""
    found: dict[str, float | None] = {}
    for segment in ("lumbar", "pelvis"):
        name = f"{segment}_peak_velocity_descent_deg_s"
        known = [v for r in bends if math.isfinite(v := r.metrics.get(name, math.nan))]
        found[segment] = round(median(known), 1) + 0.0 if len(known) >= FEWEST else None
    return found


def calibration_documents(calibration: Sequence[Repetition], runs: Sequence[ProtocolRun]) -> list[dict[str, object]]:
    """The movements of a calibration that tests of protocols took, in order of time. They are no rows of the table of
    repetitions; without them nobody could measure a part of the session again."""
    taking = [step for run in runs for step in run.steps if step.from_calibration]
    return [
        {
            "start_s": r.start_s,
            "turn_s": r.turn_s,
            "end_s": r.end_s,
            "movement": r.movement,
            "movement_confidence": r.movement_confidence,
            "quality": r.quality,
            "metrics": {name: value for name, value in r.metrics.items() if math.isfinite(value)},
            "missing_shares": r.missing_shares,
        }
        for r in sorted(calibration, key=lambda r: r.start_s)
        if any(step.counts(r) for step in taking)
    ]


def read_calibration(documents: Iterable[Mapping[str, Any]]) -> list[Repetition]:
    """The movements of `calibration_documents`, numbered as `numbered_before` does."""
    return numbered_before(
        [
            Repetition(
                0,
                *(d["start_s"], d["turn_s"], d["end_s"], d["movement"], d["movement_confidence"], d["quality"], d["metrics"]),
                missing_shares=d["missing_shares"],
            )
            for d in documents
        ]
    )


def run_document(
    run: ProtocolRun,
    repetitions: Sequence[Repetition],
    calibration: Sequence[Repetition],
    excursions: Excursions,
    taps_s: Sequence[float] = (),
) -> dict[str, object]:
    """A run as it stands in summary.json. taps_s: session times at which a person counted a repetition."""
    steps = []
    for step in run.steps:
        found = [r for r in repetitions if step.counts(r)]
        found += [r for r in calibration if step.from_calibration and step.counts(r)]
        valid = sum(not r.quality & SPOILT for r in found)
        entry: dict[str, object] = {
            "name": step.name,
            "test": step.test,
            "side": step.side,
            "wanted": step.wanted,
            "valid": valid,
            "begun_s": round(step.begun_s, 3),
            "ended_s": None if step.ended_s is None else round(step.ended_s, 3),
            "outcome": step.outcome or None,
            "stopped_for_pain": step.outcome == STOPPED,
        }
        if step.by is not None:
            peaks = excursions.peaks(step)
            entry["valid"] = len(peaks) if step.by.angle else sum(step.holds(at) for at in taps_s)
            entry["measured"] = step.by.angle or None
            entry["peak_deg"] = _middle(peaks)
            if step.by.angle in SWINGS:
                entry["first_way_deg"] = _middle([p for p in peaks if p > 0.0])
                entry["other_way_deg"] = _middle([p for p in peaks if p < 0.0])
        if step.test == FAST:
            sound = [r for r in found if not r.quality & SPOILT]
            entry["velocity_deg_s"] = _velocities(sound)
            entry["own_pace_deg_s"] = _velocities(_at_own_pace(run, repetitions, calibration))
        steps.append(entry)
    return {
        "name": run.name,
        "begun_s": round(run.begun_s, 3),
        "ended_s": None if run.ended_s is None else round(run.ended_s, 3),
        "outcome": run.outcome or None,
        "steps": steps,
    }
