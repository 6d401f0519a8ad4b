"""Faults that are noticed, how soon, and what is told falsely: each fault on each sensor, live and in review.

Every session is drawn from its seed: movements, sampling rate, loss, how the sensors are worn and how well they measure. Half
of them come as files, half as bytes of devices (`FaultKind.streamed`). A fault counts as noticed when a finding names the
sensor and one of the fault's causes, when reading a file that is wrong as a whole refuses it, or, of a slip, when rows are
flagged. It is *observable* once the sensor has said other things than a sound one for half a second in all, by 10 °/s or
1 m/s². Faults of whole sessions are tried on all sensors at once, too. Sound sessions show what is told falsely.

`python -m benchmarks.faults [--sessions N] [--seed S] [--clean 200] [--jobs 2] [--only WORD] [--quick] [--docs]`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import pyarrow as pa

import hiphinge
from benchmarks.drawn_sessions import Drawn, drawn
from benchmarks.faults_table import DOCS, put_into, tables
from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Floats, HiphingeError, Placement, Quality, Session
from dsp.results import AngleRows
from hiphinge.engine import Engine
from ingest.formats import PlainSamples, write_plain
from tests.conftest import shared_folder
from tests.recordings.load_research_sets import RESEARCH_SETS, xio_lower_body, xsens_opensense
from virtual_athlete import FAULT_KINDS, Samples, SimulatedAthlete

OUT = Path(__file__).parent / "out" / "faults.json"
ESTIMATORS = ("live", "review")
TOLD = Quality.SLIPPED | Quality.OFF_BODY | Quality.IMPLAUSIBLE | Quality.CLOCK_DISAGREES
"""Flags that a sound session should not have."""
FLAGGED = TOLD | Quality.UNCALIBRATED | Quality.GAP | Quality.SATURATED
"""Flags that tell of these faults; a low confidence or an unknown heading, which sound sessions have too, do not."""
OBSERVABLE_RAD_S, OBSERVABLE_M_S2, OBSERVABLE_S = float(np.deg2rad(10.0)), 1.0, 0.5
CLEAN_SEED = 10_000
FILE, STREAM = "file", "stream"


def depends_on(placement: Placement) -> list[int]:
    """Columns of `ANGLE_NAMES` that this sensor decides."""
    trunk = {Placement.LUMBAR: ("lumbar_", "trunk_"), Placement.PELVIS: ("lumbar_", "pelvis_", "hip_")}
    side = placement.value.removeprefix("thigh_")
    words = trunk.get(placement, (f"hip_{side}_", f"thigh_{side}_"))
    return [k for k, name in enumerate(ANGLE_NAMES) if name.startswith(words)]


@dataclass(frozen=True)
class Result:
    """What one estimator made of one session.

    refused: the words of the refusal. findings: as in summary.json. rows: None where refused.
    """

    refused: str | None
    findings: list[dict[str, Any]]
    rows: AngleRows | None


def run(one: Drawn, way: str, wrong: SimulatedAthlete | None = None) -> dict[str, Result]:
    """Both estimators' results of a session, with the sensors of `wrong` in place of the sound ones."""
    if way == FILE:
        return run_files(*one.plain(wrong))
    devices = [] if wrong is None else wrong.kit().sensors
    session, batches = one.streamed({sensor.key: list(sensor.stream()) for sensor in devices})
    engine = Engine(session, ESTIMATORS)
    outputs = [engine.feed(batch) for batch in batches]
    outputs.append(engine.finish())
    found = {}
    for name in ESTIMATORS:
        rows = [r for output in outputs for r in output[name].angles if len(r)]
        findings = cast("list[dict[str, Any]]", engine.summary(name, "faults")["findings"])
        found[name] = Result(None, findings, AngleRows.join(rows) if rows else None)
    return found


def run_files(session: Session, samples: Mapping[str, PlainSamples]) -> dict[str, Result]:
    """Both estimators' results of a plain session, written and read as a person's files are."""
    found = {}
    with TemporaryDirectory(prefix="hiphinge-faults-") as scratch:
        folder = Path(scratch) / "session"
        write_plain(folder, session, samples)
        for name in ESTIMATORS:
            try:
                estimate = hiphinge.estimate(folder, name)
            except HiphingeError as error:
                found[name] = Result(str(error), [], None)
                continue
            found[name] = Result(None, list(estimate.summary["findings"]), rows_of(estimate.angles))
    return found


def rows_of(table: pa.Table) -> AngleRows:
    """The rows of `angles.parquet`, in radians."""

    def columns(ending: str) -> Floats:
        names = [f"{name}{ending}" for name in ANGLE_NAMES]
        return np.radians(np.stack([table[name].to_numpy().astype(np.float64) for name in names]))

    return AngleRows(table["time_s"].to_numpy(), columns("_deg"), columns("_sd_deg"), table["quality"].to_numpy())


def words(result: Result) -> list[str]:
    """What was told, a line for each finding."""
    return [f"{f['placement']} {f['cause']} {f['since_s']}: {f['what']}" for f in result.findings]


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

    noticed: named rightly, refused, or flagged as a slip. others: findings of other sensors or causes. Of the angles that the
    sensor decides, after the fault began: ticks, of which `unflagged` have a value and none of `FLAGGED`, and `inside` of those
    lie within three standard uncertainties; worst_sd, worst_deg: the largest unflagged error.
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
    ticks: int
    unflagged: int
    inside: int
    worst_sd: float
    worst_deg: float


def errors(one: Drawn, rows: AngleRows, columns: list[int], from_s: float) -> tuple[int, int, int, float, float]:
    """ticks, unflagged, inside, worst_sd and worst_deg of `Run`."""
    time_s, true = one.truth
    at = (rows.time_s >= from_s) & (rows.time_s <= time_s[-1])
    tick = np.clip(np.rint((rows.time_s[at] - time_s[0]) * 100.0).astype(int), 0, len(time_s) - 1)
    error = rows.angles[columns][:, at] - true[columns][:, tick]
    error = np.degrees(np.abs((error + np.pi) % (2.0 * np.pi) - np.pi))
    sd = np.degrees(rows.sd[columns][:, at])
    plain = np.isfinite(error) & (rows.quality[at] & int(FLAGGED) == 0)
    if not plain.any():
        return plain.size, 0, 0, 0.0, 0.0
    parts = error[plain] / np.maximum(sd[plain], 1e-6)
    worst = float(parts.max()), float(error[plain].max())
    return plain.size, int(plain.sum()), int(np.count_nonzero(parts <= 3.0)), *worst


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
        measured = (0, 0, 0, 0.0, 0.0)
        if result.rows is not None:
            measured = errors(one, result.rows, columns, from_s)
        # a file of which only a part is wrong is not to be refused
        refused = {f"{key} refused"} if result.refused is not None and not kind.whole else set()
        runs.append(
            Run(
                name,
                key if len(worn) == 1 else "all",
                seed,
                way,
                estimator,
                bool(right) or (kind.whole and result.refused is not None) or flagged_s is not None,
                result.refused,
                begin_s,
                seen_s,
                float(first["known_s"]) if first else flagged_s,
                float(first["since_s"]) if first else flagged_s,
                sorted({f"{f['placement']} {f['cause']}" for f in result.findings if f not in right} | refused),
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
            _, ticks, inside, *_ = errors(one, result.rows, list(range(len(ANGLE_NAMES))), one.script.calibrations[-1][1] + 1.0)
        rate_hz = float(one.options["rate_hz"])
        runs.append(Clean(seed, way, len(kit), rate_hz, estimator, result.refused, words(result), flags, inside, ticks))
    return runs


@dataclass(frozen=True, slots=True)
class Recorded:
    """A real recording by one estimator: what was told of it."""

    name: str
    estimator: str
    refused: str | None
    findings: list[str]


def recorded_runs() -> list[Recorded]:
    """The recordings of the shared test material, where it is at hand."""
    shared = shared_folder()
    if shared is None:
        return []
    runs = []
    sets = {name: load(shared) for name, load in RESEARCH_SETS.items()}
    worn = {"xio-lower-body": xio_lower_body(shared), "xsens-opensense": xsens_opensense(shared)}
    for name, one in {**sets, **worn}.items():
        for estimator, result in run_files(one.session, one.samples).items():
            runs.append(Recorded(name, estimator, result.refused, words(result)))
    return runs


def _unit(unit: tuple[int, tuple[str, ...]]) -> tuple[list[Run], list[Clean]]:
    """One session's work: these faults on each sensor; without any, the clean session."""
    seed, names = unit
    if not names:
        return [], clean_runs(seed)
    each = [(p,) for p in BODY_PLACEMENTS]
    runs = []
    for name in names:
        kind = FAULT_KINDS[name]
        for worn in (*each, BODY_PLACEMENTS) if kind.whole and not kind.relative else each:
            runs += faulty_runs(seed, name, worn)
    return runs, []


def measured(names: Sequence[str], sessions: int, seed: int, clean: int, jobs: int) -> tuple[list[Run], list[Clean]]:
    """Everything asked for, on `jobs` processes."""
    ordered = sorted(names, key=lambda name: FAULT_KINDS[name].mounted)
    units: list[tuple[int, tuple[str, ...]]] = []
    for k in range(sessions):
        units += [(seed + k, tuple(ordered[i : i + 3])) for i in range(0, len(ordered), 3)]
    units += [(CLEAN_SEED + seed + k, ()) for k in range(clean)]
    if jobs == 1:
        parts = [_unit(unit) for unit in units]
    else:
        with ProcessPoolExecutor(jobs) as pool:
            parts = list(pool.map(_unit, units))
    return [r for runs, _ in parts for r in runs], [c for _, cleans in parts for c in cleans]


def main(
    sessions: int = 2,
    seed: int = 0,
    clean: int = 200,
    jobs: int = 2,
    only: Sequence[str] = (),
    out: Path = OUT,
    recordings: bool = True,
) -> dict[str, Any]:
    """Measure, print the tables, and write everything to `out`. recordings: the shared ones, too, where they are at hand."""
    names = [name for name in FAULT_KINDS if not only or any(word in name for word in only)]
    runs, cleans = measured(names, sessions, seed, clean, jobs)
    document = {
        "sessions": sessions,
        "seed": seed,
        "runs": [asdict(r) for r in runs],
        "clean": [asdict(c) for c in cleans],
        "recorded": [asdict(r) for r in recorded_runs()] if recordings else [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(tables(document))
    return document


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--sessions", type=int, default=2, help="drawn sessions for each fault and sensor")
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
