"""Simulated sessions and what the pipelines make of them, computed once for all tests of this room.

`estimated` goes the whole way from radio packets; `from_samples` feeds a pipeline with samples on session time, so that a
test can do something to them first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from body_signals import Session, TimedBlock
from body_signals.blocks import Floats
from body_signals.quantities import ANGLE_NAMES
from dsp.alignment.alignment import Alignment
from dsp.live import LivePipeline
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress
from dsp.results import AngleRows, OrientationRows, Repetition
from dsp.review import ReviewPipeline
from hiphinge.engine import Engine
from virtual_athlete import JointAngles, Samples, Script, SimulatedSession, simulate, to_plain

FLEXIONS = ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion")


@dataclass(frozen=True, eq=False)
class Found:
    """What an estimator found: time_s (n,); angles and sd in degrees (n, A); quality (n,); the rest as it came."""

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: np.ndarray
    orientations: dict[str, OrientationRows]
    repetitions: list[Repetition]
    alignments: list[Alignment]
    progress: list[CalibrationProgress]
    summary: Mapping[str, Any]

    def deg(self, name: str) -> Floats:
        return self.angles[:, ANGLE_NAMES.index(name)]

    def error(self, truth: JointAngles, name: str) -> Floats:
        """Found minus true, degrees, at every row that the truth reaches (it starts at time 0)."""
        true = np.degrees(truth.angles[name])
        rows = np.rint(self.time_s * 100).astype(int)
        return self.deg(name)[rows < len(true)] - true[rows[rows < len(true)]]


def gathered(outputs: Sequence[PipelineOutput], summary: Mapping[str, Any] | None = None) -> Found:
    angles = [rows for o in outputs for rows in o.angles]
    turned = [rows for o in outputs for rows in o.orientations]
    none = AngleRows(np.empty(0), np.empty((14, 0)), np.empty((14, 0)), np.empty(0, np.int32))
    angles = angles or [none]
    return Found(
        np.concatenate([r.time_s for r in angles]),
        np.degrees(np.concatenate([r.angles for r in angles], axis=1).T),
        np.degrees(np.concatenate([r.sd for r in angles], axis=1).T),
        np.concatenate([r.quality for r in angles]),
        {
            key: OrientationRows(
                key,
                np.concatenate([r.time_s for r in turned if r.sensor == key]),
                np.concatenate([r.quat for r in turned if r.sensor == key]),
                np.concatenate([r.heading_epoch for r in turned if r.sensor == key]),
            )
            for key in {r.sensor for r in turned}
        },
        [r for o in outputs for r in o.repetitions],
        [a for o in outputs for a in o.alignments],
        [p for o in outputs for p in o.calibration],
        summary or {},
    )


@cache
def simulated(scenario: str, seed: int = 0) -> SimulatedSession:
    return simulate(scenario, seed)


def through_engine(session: SimulatedSession, estimators: Sequence[str] = ("live", "review")) -> dict[str, Found]:
    engine = Engine(session.session, estimators)
    outputs = [engine.feed(session.events), engine.finish()]
    return {name: gathered([o[name] for o in outputs], engine.summary(name, "x")) for name in estimators}


@cache
def estimated(scenario: str, seed: int = 0) -> dict[str, Found]:
    return through_engine(simulated(scenario, seed))


@cache
def plain(scenario: str | Script, seed: int = 0, ideal: bool = False) -> tuple[Session, dict[str, Samples]]:
    return to_plain(scenario, seed, ideal=ideal)


def block(key: str, index: int, time_s: Floats, acc: Floats, gyr: Floats | None, **more: Any) -> TimedBlock:
    """Samples of sensor number `index` without radio: the event that brings a sample bears the sample's time."""
    n = len(time_s)
    return TimedBlock(
        key,
        more.get("rate_hz", 100.0),
        np.rint(time_s * 1e4).astype(np.int64) * 10 + index,
        time_s.copy(),
        more.get("device_time_s", time_s).copy(),
        acc.copy(),
        None if gyr is None else gyr.copy(),
        more.get("quat"),
        more.get("lost", np.zeros(n, np.int64)),
        more.get("saturated", np.zeros(n, np.bool_)),
        more.get("restart", np.zeros(n, np.bool_)),
    )


def between(time_s: Floats, start_s: float, end_s: float) -> slice:
    """Of times that rise, those from start_s to end_s (exclusive)."""
    first, last = np.searchsorted(time_s, (start_s, end_s)).tolist()
    return slice(first, last)


Pipeline = LivePipeline | ReviewPipeline


def from_samples(
    pipeline: Pipeline,
    samples: Mapping[str, Samples],
    marks: Sequence[float],
    *,
    chunk_s: float = 5.0,
    rate_hz: float = 100.0,
    watch: Callable[[Pipeline], None] | None = None,
) -> Found:
    """Feed a pipeline piece by piece; `watch` looks at it after every call."""
    assert all((np.diff(s.time_s) >= 0.0).all() for s in samples.values())
    end_s = max(float(s.time_s[-1]) for s in samples.values())
    outputs, begin, waiting = [], 0.0, list(marks)
    while begin <= end_s:
        blocks = []
        for i, (key, s) in enumerate(samples.items()):
            at = between(s.time_s, begin, begin + chunk_s)
            if at.stop > at.start:
                blocks.append(block(key, i, s.time_s[at], s.acc[at], s.gyr[at], rate_hz=rate_hz, saturated=s.saturated[at]))
        now = [m for m in waiting if m < begin + chunk_s]
        waiting = [m for m in waiting if m >= begin + chunk_s]
        seq = np.concatenate([b.seq for b in blocks]) if blocks else np.empty(0, np.int64)
        time_s = np.concatenate([b.time_s for b in blocks]) if blocks else np.empty(0)
        order = np.argsort(seq)
        outputs.append(pipeline.feed(blocks, now, seq[order], np.maximum.accumulate(time_s[order])))
        if watch is not None:
            watch(pipeline)
        begin += chunk_s
    outputs.append(pipeline.finish())
    return gathered(outputs)


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values[np.isfinite(values)] ** 2)))
