"""Faults that are noticed, how soon, and what is told falsely: each fault on each sensor, live and in review.

Every session is drawn from its seed: movements, sampling rate, loss, how the sensors are worn and how well they measure. Half
of them come as files, half as bytes of devices (`FaultKind.streamed`). A fault counts as noticed when a finding names the
sensor and one of the fault's causes, when reading the file refuses it, or, of a slip, when rows are flagged. It is
*observable* once the sensor has said other things than a sound one for half a second in all, by 10 °/s or 1 m/s². Faults of
whole sessions are tried on all sensors at once, too. Sound sessions show what is told falsely.

`python -m benchmarks.faults [--sessions N] [--seed S] [--clean 200] [--jobs 2] [--only WORD] [--quick] [--docs]`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from benchmarks.faults_table import DOCS, put_into, tables
from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Event, Floats, HiphingeError, Placement, Quality, Session, TimedBlock
from dsp.results import AngleRows
from hiphinge.engine import Engine
from ingest.formats import PlainSamples, write_plain
from ingest.session_folder import open_input
from virtual_athlete import FAULT_KINDS, FaultKind, Samples, Script, SimulatedAthlete, VirtualKit, VirtualSensor
from virtual_athlete.radio import Arrival
from virtual_athlete.scenarios import HIP_LED, LATE_SLACK, LUMBAR_LED

OUT = Path(__file__).parent / "out" / "faults.json"
ESTIMATORS = ("live", "review")
TOLD = Quality.SLIPPED | Quality.OFF_BODY | Quality.IMPLAUSIBLE | Quality.CLOCK_DISAGREES
"""Flags that a sound session should not have."""
OBSERVABLE_RAD_S, OBSERVABLE_M_S2, OBSERVABLE_S = float(np.deg2rad(10.0)), 1.0, 0.5
CLEAN_SEED = 10_000
FILE, STREAM = "file", "stream"


def depends_on(placement: Placement) -> list[int]:
    """Columns of `ANGLE_NAMES` that this sensor decides."""
    trunk = {Placement.LUMBAR: ("lumbar_", "trunk_"), Placement.PELVIS: ("lumbar_", "pelvis_", "hip_")}
    side = placement.value.removeprefix("thigh_")
    words = trunk.get(placement, (f"hip_{side}_", f"thigh_{side}_"))
    return [k for k, name in enumerate(ANGLE_NAMES) if name.startswith(words)]


def drawn_script(seed: int, duration_s: float = 70.0) -> Script:
    """A calibration, then what the seed decides; every session walks, and something moves within seconds of its middle."""
    script, rng = Script(seed), np.random.default_rng([seed, 90])
    script.stand(float(rng.uniform(0.2, 2.0)))
    script.calibrate(stand_s=float(rng.uniform(4.0, 6.0)))
    script.stand(float(rng.uniform(0.5, 2.0)))

    def bend() -> None:
        share = (HIP_LED, LUMBAR_LED, LATE_SLACK)[int(rng.integers(3))]
        script.bend(
            float(rng.uniform(45.0, 95.0)), share, down_s=float(rng.uniform(1.0, 2.5)), up_s=float(rng.uniform(1.0, 2.2))
        )

    def seated() -> None:
        script.sit_down(float(rng.uniform(1.5, 2.2)), rest_s=float(rng.uniform(1.0, 3.0)))
        for _ in range(int(rng.integers(0, 3))):
            script.bend(float(rng.uniform(20.0, 45.0)), 0.6, thigh_deg=84.0, knee_deg=90.0, movement="other")
        script.stand_up(float(rng.uniform(1.4, 2.0)), rest_s=0.8)

    def knees() -> None:
        side = ("left", "right")[int(rng.integers(2))]
        for _ in range(int(rng.integers(1, 4))):
            script.knee_raise(side, float(rng.uniform(50.0, 90.0)))

    exercises = (
        bend,
        bend,
        lambda: script.squat(float(rng.uniform(55.0, 95.0)), down_s=float(rng.uniform(0.8, 1.8))),
        lambda: script.deadlift(float(rng.uniform(50.0, 75.0)), down_s=float(rng.uniform(0.9, 1.8))),
        lambda: script.hinge(float(rng.uniform(45.0, 70.0))),
        lambda: script.asymmetric_lift(("left", "right")[int(rng.integers(2))], float(rng.uniform(48.0, 64.0))),
        knees,
        seated,
        lambda: script.walk(float(rng.uniform(4.0, 9.0)), turn_deg=float(rng.uniform(-120.0, 120.0))),
    )
    bend()
    script.walk(float(rng.uniform(6.0, 10.0)), turn_deg=float(rng.uniform(-120.0, 120.0)))
    script.stand(1.0)
    while script.now < duration_s - 8.0:
        exercises[int(rng.integers(len(exercises)))]()
        if rng.random() < 0.4:
            script.stand(float(rng.uniform(1.0, 4.0)))
    bend()
    script.stand(2.5)
    return script


@dataclass(frozen=True)
class Drawn:
    """One drawn session, sound; what is simulated is kept for as long as it is used. way: as a file, or as a stream."""

    seed: int
    mounted: bool = False
    kit: tuple[Placement, ...] = BODY_PLACEMENTS
    script: Script = field(init=False, compare=False)
    options: dict[str, Any] = field(init=False, compare=False)
    begin_s: float = field(init=False, compare=False)
    """When faults begin that do not hold for the whole session."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 91])
        script = drawn_script(self.seed)
        flipped = {p for p in BODY_PLACEMENTS if rng.random() < 0.15}
        options = {
            "rate_hz": float(rng.choice((50.0, 60.0, 100.0, 200.0))),
            "loss_probability": float(rng.choice((0.0, 0.0, 0.01))),
            "sway": float(rng.uniform(0.6, 1.6)),
            "mirrored": bool(rng.random() < 0.5),
            "state_mounting": self.mounted or bool(rng.random() < 0.25),
            "upside_down": flipped,
        }
        object.__setattr__(self, "script", script)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "begin_s", script.calibrations[-1][1] + 2.0 + float(rng.uniform(0.0, 12.0)))

    @cached_property
    def athlete(self) -> SimulatedAthlete:
        """The athlete with sound sensors."""
        return SimulatedAthlete(self.script, self.seed, placements=self.kit, **self.options)

    @cached_property
    def files(self) -> dict[str, Samples]:
        """Samples of each sound sensor."""
        return self.athlete.plain()

    @cached_property
    def streams(self) -> dict[str, list[Arrival]]:
        """What comes from each sound device."""
        return {sensor.key: list(sensor.stream()) for sensor in self.athlete.kit().sensors}

    @cached_property
    def truth(self) -> tuple[Floats, Floats]:
        """Times (n,) and angles (A, n), radians, zero in the standing of the calibration."""
        true = self.athlete.truth().zeroed()
        return true.time_s, true.table().T

    def faulty(self, kind: FaultKind, placements: tuple[Placement, ...]) -> SimulatedAthlete:
        """The athlete with these sensors alone, which have the fault, all the same one."""
        rng = np.random.default_rng([self.seed, 92, BODY_PLACEMENTS.index(placements[0]), len(placements)])
        fault = kind.make(rng, 0.0 if kind.whole else self.begin_s)
        faults = dict.fromkeys(placements, (fault,))
        return SimulatedAthlete(self.script, self.seed, placements=placements, faults=faults, **self.options)

    def plain(self, wrong: SimulatedAthlete | None) -> Iterator[tuple[Session, Iterator[Sequence[Event | TimedBlock]]]]:
        """The session as files, with the sensors of `wrong` in place of the sound ones, opened as `replay` does."""
        stretch, files = (1.0, {}) if wrong is None else (wrong.stretch, wrong.plain())
        # where not all files have the counter, the marks are those of the others
        stretch = stretch if set(files) == set(self.files) else 1.0
        marks = tuple(replace(m, time_s=m.time_s * stretch) for m in self.script.marks)
        sensors = tuple(replace(s, family="plain", rate_hz=None, file=f"{s.key}.csv") for s in self.athlete.session.sensors)
        session = replace(self.athlete.session, sensors=sensors, marks=marks)
        samples = {key: PlainSamples(s.time_s, s.acc, s.gyr) for key, s in (self.files | files).items()}
        with TemporaryDirectory(prefix="hiphinge-faults-") as scratch:
            write_plain(Path(scratch) / "session", session, samples)
            opened = open_input(Path(scratch) / "session")
            yield opened.session, iter(list(opened.batches()))

    def streamed(self, wrong: Mapping[str, list[Arrival]]) -> tuple[Session, Iterator[Sequence[Event | TimedBlock]]]:
        """The session as bytes from devices, a second or so at a time."""
        heard = [_Heard(key, arrivals) for key, arrivals in (self.streams | dict(wrong)).items()]
        utc_ns = int(self.athlete.session.start.timestamp()) * 1_000_000_000
        kit = VirtualKit(cast("Sequence[VirtualSensor]", heard), self.script.now, self.script.marks, utc_ns=utc_ns)
        events = list(kit.events())
        return self.athlete.session, (events[k : k + 500] for k in range(0, len(events), 500))


@dataclass(frozen=True)
class _Heard:
    """A device whose stream is known already."""

    key: str
    arrivals: list[Arrival]

    def stream(self) -> Iterator[Arrival]:
        return iter(self.arrivals)


@lru_cache(maxsize=2)
def drawn(seed: int, mounted: bool = False, kit: tuple[Placement, ...] = BODY_PLACEMENTS) -> Drawn:
    """The session of that seed."""
    return Drawn(seed, mounted, kit)


@dataclass(frozen=True)
class Result:
    """What one estimator made of one session.

    refused: the words of the refusal. findings: as in summary.json. rows: None where refused.
    """

    refused: str | None
    findings: list[dict[str, Any]]
    rows: AngleRows | None


def estimated(session: Session, batches: Iterator[Sequence[Event | TimedBlock]]) -> dict[str, Result]:
    """Both estimators' results."""
    engine = Engine(session, ESTIMATORS)
    outputs = [engine.feed(batch) for batch in batches]
    outputs.append(engine.finish())
    found = {}
    for name in ESTIMATORS:
        rows = [r for output in outputs for r in output[name].angles if len(r)]
        findings = cast("list[dict[str, Any]]", engine.summary(name, "faults")["findings"])
        found[name] = Result(None, findings, AngleRows.join(rows) if rows else None)
    return found


def run(one: Drawn, way: str, wrong: SimulatedAthlete | None = None) -> dict[str, Result]:
    """Both estimators' results of a session, with the sensors of `wrong` in place of the sound ones."""
    try:
        if way == FILE:
            for session, batches in one.plain(wrong):
                return estimated(session, batches)
        devices = [] if wrong is None else wrong.kit().sensors
        return estimated(*one.streamed({sensor.key: list(sensor.stream()) for sensor in devices}))
    except HiphingeError as error:
        return {name: Result(str(error), [], None) for name in ESTIMATORS}


def observable_s(sound: Samples, faulty: Samples, begin_s: float) -> float | None:
    """When the faulty samples had been other than the sound ones for `OBSERVABLE_S`; None where they never are."""
    if faulty.time_s[-1] < 0.5 * sound.time_s[-1]:
        return begin_s
    at = np.searchsorted(sound.time_s, faulty.time_s + 1e-6) - 1
    at = np.clip(at, 0, len(sound) - 1)
    other = np.abs(faulty.gyr - sound.gyr[at]).max(axis=1) > OBSERVABLE_RAD_S
    other |= np.abs(faulty.acc - sound.acc[at]).max(axis=1) > OBSERVABLE_M_S2
    step_s = float(np.median(np.diff(faulty.time_s)))
    told = np.flatnonzero(np.cumsum(other & (faulty.time_s >= begin_s)) * step_s >= OBSERVABLE_S)
    return float(faulty.time_s[told[0]]) if len(told) else None


@dataclass(frozen=True, slots=True)
class Run:
    """One fault of one sensor, or of `all`, in one session, by one estimator. Times: session time, s.

    noticed: named rightly, refused, or flagged as a slip. others: findings of other sensors or causes. inside, ticks: of the
    unflagged angles that the sensor decides, after the fault began, those within three standard uncertainties, and all;
    worst_sd, worst_deg: the largest error among them; missing: part of the ticks that are flagged or have no value.
    """

    fault: str
    sensor: str
    seed: int
    way: str
    estimator: str
    noticed: bool
    refused: str | None
    begin_s: float
    observable_s: float | None
    known_s: float | None
    since_s: float | None
    others: list[str]
    inside: int
    ticks: int
    worst_sd: float
    worst_deg: float
    missing: float


def errors(one: Drawn, rows: AngleRows, columns: list[int], from_s: float) -> tuple[int, int, float, float, float]:
    """inside, ticks, worst_sd, worst_deg and missing of `Run`."""
    time_s, true = one.truth
    at = (rows.time_s >= from_s) & (rows.time_s <= time_s[-1])
    tick = np.clip(np.rint((rows.time_s[at] - time_s[0]) * 100.0).astype(int), 0, len(time_s) - 1)
    error = rows.angles[columns][:, at] - true[columns][:, tick]
    error = np.degrees(np.abs((error + np.pi) % (2.0 * np.pi) - np.pi))
    sd = np.degrees(rows.sd[columns][:, at])
    plain = np.isfinite(error) & (rows.quality[at] == 0)
    if not plain.any():
        return 0, 0, 0.0, 0.0, 1.0
    parts = error[plain] / np.maximum(sd[plain], 1e-6)
    worst = float(parts.max()), float(error[plain].max())
    return int(np.count_nonzero(parts <= 3.0)), int(plain.sum()), *worst, 1.0 - float(plain.mean())


def faulty_runs(seed: int, name: str, worn: tuple[Placement, ...]) -> list[Run]:
    """One fault of one sensor, or of several at once: live and review."""
    kind = FAULT_KINDS[name]
    one = drawn(seed, kind.mounted)
    way = STREAM if kind.streamed and (seed + BODY_PLACEMENTS.index(worn[0]) + len(worn)) % 2 == 0 else FILE
    begin_s = 0.0 if kind.whole else one.begin_s
    key = worn[0].value
    seen_s = observable_s(one.files[key], one.faulty(kind, worn).plain()[key], begin_s)
    columns = sorted({k for placement in worn for k in depends_on(placement)})
    runs = []
    for estimator, result in run(one, way, one.faulty(kind, worn)).items():
        right = [f for f in result.findings if f["placement"] in {p.value for p in worn} and f["cause"] in kind.causes]
        flagged_s = None
        if kind.flag is Quality.SLIPPED and result.rows is not None:
            flagged = (result.rows.quality & int(Quality.SLIPPED) != 0) & (result.rows.time_s >= begin_s)
            flagged_s = float(result.rows.time_s[flagged][0]) if flagged.any() else None
        first = min(right, key=lambda f: float(f["known_s"])) if right else None
        from_s = max(begin_s, one.script.calibrations[-1][1] + 1.0)
        measured = (0, 0, 0.0, 0.0, 1.0)
        if result.rows is not None:
            measured = errors(one, result.rows, columns, from_s)
        runs.append(
            Run(
                name,
                key if len(worn) == 1 else "all",
                seed,
                way,
                estimator,
                bool(right) or result.refused is not None or flagged_s is not None,
                result.refused,
                begin_s,
                seen_s,
                float(first["known_s"]) if first else flagged_s,
                float(first["since_s"]) if first else flagged_s,
                sorted({f"{f['placement']} {f['cause']}" for f in result.findings if f not in right}),
                *measured,
            )
        )
    return runs


@dataclass(frozen=True, slots=True)
class Clean:
    """A sound session by one estimator: what was told of it, and the flags of `TOLD` that rows carried, with seconds."""

    seed: int
    way: str
    sensors: int
    rate_hz: float
    estimator: str
    refused: str | None
    findings: list[str]
    flags: dict[str, float]
    inside: int
    ticks: int


def clean_runs(seed: int) -> list[Clean]:
    """A sound session, of four sensors or, one time in four, of some of them."""
    rng = np.random.default_rng([seed, 93])
    kit = BODY_PLACEMENTS
    if rng.random() < 0.25:
        kit = tuple(p for p in BODY_PLACEMENTS if rng.random() < 0.6) or (Placement.PELVIS,)
    one, way = drawn(seed, False, kit), (FILE, STREAM)[seed % 2]
    runs = []
    for estimator, result in run(one, way).items():
        flags, inside, ticks = {}, 0, 0
        if result.rows is not None:
            for flag in TOLD:
                rows = int(np.count_nonzero(result.rows.quality & int(flag)))
                flags |= {str(flag.name).lower(): rows / 100.0} if rows else {}
            inside, ticks, *_ = errors(one, result.rows, list(range(len(ANGLE_NAMES))), one.script.calibrations[-1][1] + 1.0)
        told = [f"{f['placement']} {f['cause']} {f['since_s']}: {f['what']}" for f in result.findings]
        rate_hz = float(one.options["rate_hz"])
        runs.append(Clean(seed, way, len(kit), rate_hz, estimator, result.refused, told, flags, inside, ticks))
    return runs


def _unit(unit: tuple[int, tuple[str, ...]]) -> tuple[list[Run], list[Clean]]:
    """One session's work: these faults on each sensor; without any, the clean session."""
    seed, names = unit
    if not names:
        return [], clean_runs(seed)
    each = [(p,) for p in BODY_PLACEMENTS]
    runs = []
    for name in names:
        for worn in (*each, BODY_PLACEMENTS) if FAULT_KINDS[name].whole else each:
            runs += faulty_runs(seed, name, worn)
    return runs, []


def measured(names: Sequence[str], sessions: int, seed: int, clean: int, jobs: int) -> tuple[list[Run], list[Clean]]:
    """Everything asked for, on `jobs` processes."""
    ordered = sorted(names, key=lambda name: FAULT_KINDS[name].mounted)
    units: list[tuple[int, tuple[str, ...]]] = []
    for k in range(sessions):
        units += [(seed + k, tuple(ordered[i : i + 9])) for i in range(0, len(ordered), 9)]
    units += [(CLEAN_SEED + seed + k, ()) for k in range(clean)]
    if jobs == 1:
        parts = [_unit(unit) for unit in units]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            parts = list(pool.map(_unit, units))
    return [r for runs, _ in parts for r in runs], [c for _, cleans in parts for c in cleans]


def main(
    sessions: int = 5, seed: int = 0, clean: int = 200, jobs: int = 2, only: Sequence[str] = (), out: Path = OUT
) -> dict[str, Any]:
    """Measure, print the tables, and write everything to `out`."""
    names = [name for name in FAULT_KINDS if not only or any(word in name for word in only)]
    runs, cleans = measured(names, sessions, seed, clean, jobs)
    document = {
        "sessions": sessions,
        "seed": seed,
        "runs": [asdict(r) for r in runs],
        "clean": [asdict(c) for c in cleans],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(tables(document))
    return document


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--sessions", type=int, default=5, help="drawn sessions for each fault and sensor")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clean", type=int, default=200, help="sound sessions")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], help="faults with one of these words in their name")
    parser.add_argument("--quick", action="store_true", help="one session for each fault, ten sound ones")
    parser.add_argument("--docs", action="store_true", help="put the last run's tables into docs/accuracy.md")
    given = parser.parse_args()
    if given.docs:
        put_into(DOCS, tables(json.loads(OUT.read_text("utf-8"))))
    elif given.quick:
        main(1, given.seed, 10, given.jobs, given.only)
    else:
        main(given.sessions, given.seed, given.clean, given.jobs, given.only)
