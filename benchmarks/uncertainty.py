"""How honest the stated uncertainties are: in how many ticks the truth lies in the stated 95 % band, by kind of angle.

It should in 90 to 99 %. Simulated athletes with consumer sensors on moving skin: ours, who train, lift, walk off and stop, or
walk off three seconds after the calibrate mark with mountings that are stated and up to 25° wrong; and the independent
judge's of the shared material, where that is at hand. Ticks of all athletes together, after the calibration.
`python -m benchmarks.uncertainty [--seeds 12] [--judge 24]`
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import fast, lifts, long_walk
from body_signals import Sensor, Session
from body_signals.blocks import Floats
from body_signals.placements import Placement
from body_signals.quantities import ANGLE_NAMES
from body_signals.session import SessionMark
from dsp.live import LivePipeline
from dsp.review import ReviewPipeline
from tests.conftest import shared_folder
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import START, Samples, Script, SimulatedAthlete
from virtual_athlete.movement.scenarios import mixed

SEEDS, JUDGED = 12, 24
FIRST_JUDGED = 100
PIPELINES: Mapping[str, type[LivePipeline] | type[ReviewPipeline]] = {"live": LivePipeline, "review": ReviewPipeline}
KINDS: Mapping[str, tuple[str, ...]] = {
    "lumbar flexion": ("lumbar_flexion",),
    "hip flexion": ("hip_left_flexion", "hip_right_flexion"),
    "lateral bend": ("lumbar_lateral",),
    "rotation": ("lumbar_rotation",),
    "abduction": ("hip_left_abduction", "hip_right_abduction"),
    "hip rotation": ("hip_left_rotation", "hip_right_rotation"),
    "pelvis": ("pelvis_tilt",),
    "trunk": ("trunk_inclination",),
    "thigh": ("thigh_left_inclination", "thigh_right_inclination"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Athlete:
    """One session: what the sensors say, and the true angles in degrees, zero while standing, at time_s (n,); compared is from
    from_s on."""

    session: Session
    samples: Mapping[str, Samples]
    rate_hz: float
    time_s: Floats
    truth: Mapping[str, Floats]
    from_s: float


def stop_and_go(seed: int) -> Script:
    """Eight walks of 4 to 15 s with turns, some bends between."""
    script, rng = Script(seed), np.random.default_rng([seed, 80])
    script.calibrate()
    script.stand(1.0)
    for _ in range(8):
        script.walk(float(rng.uniform(4.0, 15.0)), turn_deg=float(rng.uniform(-180.0, 180.0)))
        script.stand(float(rng.uniform(1.0, 4.0)))
        if rng.random() < 0.5:
            script.bend(float(rng.uniform(60.0, 90.0)))
    script.stand(2.0)
    return script


def walking_off(seed: int) -> Script:
    """Three seconds of standing, nine of walking with a turn, and no calibration movement."""
    script = Script(seed)
    script.stand(3.0)
    script.walk(9.0, turn_deg=120.0)
    script.stand(1.0)
    script.marks.append(SessionMark(0.2, "calibrate"))
    return script


def simulated(script: Callable[[int], Script], seed: int, **options: Any) -> Athlete:
    """Of our own simulator; options of `SimulatedAthlete`."""
    athlete = SimulatedAthlete(script(seed), seed, **options)
    truth = athlete.truth()
    stated = bool(options.get("state_mounting"))
    angles = truth.angles if stated else truth.zeroed().angles
    still = (truth.time_s > 1.3) & (truth.time_s < 2.9)
    true = {name: np.degrees(angles[name] - angles[name][still].mean() if stated else angles[name]) for name in ANGLE_NAMES}
    rate_hz = float(options.get("rate_hz", 100.0))
    marked = Session(START, athlete.session.athlete, athlete.session.sensors, tuple(athlete.script.marks))
    return Athlete(marked, athlete.plain(), rate_hz, truth.time_s, true, 3.2 if stated else 28.0)


def judged(folder: Path, seed: int, rate_hz: float, skin: float = 0.03) -> Athlete:
    """Of the judge's simulator in this folder, as the judge makes them."""
    spec = importlib.util.spec_from_file_location("simbody", folder / "simbody.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"no judge in {folder}")
    simbody = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(simbody)
    script = simbody.session(seed)
    streams, true = simbody.build(script, seed, mount_tilt=20.0, sta=skin, wobble=0.5 if skin else 0.0, rate=rate_hz)
    time_s = true.pop("t")
    still = (time_s > 1.0) & (time_s < 4.5)
    samples = {key: Samples(s["t"], s["acc"], s["gyr"], np.zeros(len(s["t"]), np.bool_)) for key, s in streams.items()}
    sensors = tuple(Sensor(Placement(key), family="plain", rate_hz=rate_hz, file=f"{key}.csv") for key in streams)
    marks = tuple(SessionMark(t, label) for t, label in script.events if label == "calibrate")
    calibrated = next(t for t, label in script.events if label == "calibrated")
    truth = {name: angle - angle[still].mean() for name, angle in true.items()}
    return Athlete(Session(START, "judged", sensors, marks), samples, rate_hz, time_s, truth, calibrated + 1.0)


def found(athlete: Athlete, estimator: str) -> Found:
    """What an estimator makes of the athlete."""
    pipeline = PIPELINES[estimator](athlete.session.sensors, athlete.session.body)
    marks = [m.time_s for m in athlete.session.marks if m.label == "calibrate"]
    return from_samples(pipeline, athlete.samples, marks, chunk_s=60.0, rate_hz=athlete.rate_hz)


def inside(athlete: Athlete, estimator: str) -> dict[str, Floats]:
    """Whether the truth lies in the stated band, 0 or 1, by kind of angle, of every tick that has a value. Kinds without a
    truth are missing."""
    rows, by_kind = found(athlete, estimator), {}
    for kind, names in KINDS.items():
        ticks = []
        for name in names:
            if name not in athlete.truth:
                continue
            column = ANGLE_NAMES.index(name)
            true = np.interp(rows.time_s, athlete.time_s, athlete.truth[name], right=np.nan)
            error, sd = rows.angles[:, column] - true, rows.sd[:, column]
            at = (rows.time_s > athlete.from_s) & np.isfinite(error)
            ticks.append((np.abs(error[at]) <= 1.96 * sd[at]).astype(float))
        if ticks:
            by_kind[kind] = np.concatenate(ticks)
    return by_kind


def groups(seeds: int, judge_seeds: int) -> Iterator[tuple[str, Iterable[Callable[[], Athlete]]]]:
    """By name: how to make each athlete of a line of the table."""
    ours: dict[str, tuple[Callable[[int], Script], dict[str, Any]]] = {
        "mixed": (mixed, {}),
        "lifts": (lifts, {}),
        "fast lifts": (fast, {}),
        "lifts, 200 Hz": (lifts, {"rate_hz": 200.0}),
        "3 min walk between": (long_walk, {}),
        "stop and go": (stop_and_go, {}),
        "walking off, mounting stated": (walking_off, {"state_mounting": True}),
    }
    for name, (script, options) in ours.items():
        yield name, [partial(simulated, script, seed, **options) for seed in range(seeds)]
    shared = shared_folder()
    if shared is not None and (shared / "judge" / "simbody.py").is_file():
        judge = range(FIRST_JUDGED, FIRST_JUDGED + judge_seeds)
        for rate_hz in (60.0, 100.0, 200.0):
            yield f"judge's, {rate_hz:g} Hz", [partial(judged, shared / "judge", seed, rate_hz) for seed in judge]


def main(seeds: int = SEEDS, judge_seeds: int = JUDGED) -> None:
    """Print the table, a line for each group of athletes and estimator."""
    print("| athletes | | " + " | ".join(KINDS) + " |\n|" + " --- |" * (2 + len(KINDS)), flush=True)
    for name, athletes in groups(seeds, judge_seeds):
        made = [make() for make in athletes]
        for estimator in PIPELINES:
            each = [inside(athlete, estimator) for athlete in made]
            cells = []
            for kind in KINDS:
                ticks = [one[kind] for one in each if kind in one]
                cells.append(f"{100.0 * np.concatenate(ticks).mean():.1f}" if ticks else "–")
            print(f"| {name} ({len(made)}) | {estimator} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.uncertainty", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="our athletes a line")
    parser.add_argument("--judge", type=int, default=JUDGED, help="the judge's athletes a line")
    given = parser.parse_args()
    main(given.seeds, given.judge)
