"""Accuracy by scenario on the simulated athlete, ours beside VQF, dfjimu, imufusion and Madgwick in one run; and what each
ingredient brings. Simulated data: consumer sensors on moving skin, from a simulator of ours that knows none of the estimators.

Errors are root mean squares of lumbar and hip flexion, degrees, over everything after the calibration, mean over the seeds.
A peer gives orientations; its angles are made the ordinary way: quiet standing gives the zero, the main axis of turning in
the calibration movements the flexion axis, and the difference of two inclinations the joint angle. dfjimu filters the two
sensors of a joint together; it gets them turned into their segments that way and the gyroscope bias of the standing, and its
lever arms are found by itself.
`python -m benchmarks.accuracy [--seeds 20] [--only NAME ...] [--ablations] [--plot docs/accuracy.png]`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import imufusion
import numpy as np
import vqf

from body_signals import Session
from body_signals.blocks import G0, Floats
from body_signals.placements import Placement
from body_signals.quantities import ANGLE_NAMES
from dsp import review
from dsp.angles import joints
from dsp.heading import filter as heading
from dsp.live import LivePipeline
from dsp.orientation import filter as orientation
from dsp.review import ReviewPipeline
from tests.dsp.sessions import block
from virtual_athlete import Samples, Script, SimulatedAthlete, to_plain
from virtual_athlete.sensors import SensorSettings

SEEDS = 20
FLEXIONS = ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion")
SIDEWAYS = ("lumbar_lateral", "lumbar_rotation")
CALIBRATED_S = 28.0
OURS = ("live", "review")

Found = Mapping[str, tuple[Floats, Floats]]
"""By angle: times (n,) and degrees (n,)."""


def _sets(seed: int, one: Callable[[Script, np.random.Generator], None], count: int = 12, walk_s: float = 0.0) -> Script:
    script, rng = Script(seed), np.random.default_rng([seed, 77])
    script.calibrate()
    script.stand(1.0)
    for k in range(count):
        one(script, rng)
        if walk_s and k == count // 2:
            script.walk(walk_s, turn_deg=float(rng.uniform(100.0, 300.0)))
            script.stand(2.0)
    script.stand(2.0)
    return script


def bends(seed: int) -> Script:
    return _sets(seed, lambda s, r: s.bend(float(r.uniform(65, 95))))


def lifts(seed: int) -> Script:
    def one(script: Script, rng: np.random.Generator) -> None:
        script.deadlift(float(rng.uniform(58, 75)))
        script.squat(float(rng.uniform(70, 92)))

    return _sets(seed, one, 8)


def fast(seed: int) -> Script:
    return _sets(seed, lambda s, r: s.deadlift(float(r.uniform(60, 75)), down_s=0.7, hold_s=0.1, up_s=0.6), 16)


def asymmetric(seed: int) -> Script:
    return _sets(seed, lambda s, r: s.asymmetric_lift(("left", "right")[int(r.integers(2))], float(r.uniform(50, 65))))


def long_walk(seed: int) -> Script:
    return _sets(seed, lambda s, r: s.bend(float(r.uniform(65, 95))), walk_s=180.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the athlete does and how the sensors are: options of `SimulatedAthlete`; loss: share of samples left out."""

    script: Callable[[int], Script] | str
    options: Mapping[str, Any] = field(default_factory=dict)
    tilt_deg: float = 0.0
    ranges: tuple[float, float] | None = None
    loss: float = 0.0
    most_seeds: int = 1000


SCENARIOS: dict[str, Scenario] = {
    "bends": Scenario(bends),
    "lifts": Scenario(lifts),
    "fast lifts": Scenario(fast),
    "asymmetric lifts": Scenario(asymmetric),
    "3 min walk between": Scenario(long_walk),
    "mixed": Scenario("mixed"),
    "2 h session": Scenario("training", {"duration_s": 7200.0}, most_seeds=2),
    "placed 35° off": Scenario(lifts, tilt_deg=35.0),
    "50 Hz": Scenario(lifts, {"rate_hz": 50.0}),
    "200 Hz": Scenario(lifts, {"rate_hz": 200.0}),
    "±8 g, ±1000 °/s": Scenario(fast, ranges=(8.0, 1000.0)),
    "±2 g, ±250 °/s": Scenario(fast, ranges=(2.0, 250.0)),
    "5 % lost": Scenario(lifts, loss=0.05),
}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One simulated session: what the sensors say, and the true angles in degrees, zero while standing."""

    session: Session
    samples: Mapping[str, Samples]
    rate_hz: float
    time_s: Floats
    truth: Mapping[str, Floats]


def case(scenario: Scenario, seed: int) -> Case:
    """The session of a scenario and a seed."""
    script = scenario.script if isinstance(scenario.script, str) else scenario.script(seed)
    options = dict(scenario.options)
    rng = np.random.default_rng([seed, 78])
    if scenario.tilt_deg or scenario.ranges:
        worn = SensorSettings.random(rng)
        if scenario.tilt_deg:
            x, y, z = (rng.uniform(-1.0, 1.0, 3) * np.radians(scenario.tilt_deg)).tolist()
            worn = replace(worn, tilt_rad=(x, y, z))
        if scenario.ranges:
            worn = replace(worn, acc_range_g=scenario.ranges[0], gyr_range_dps=scenario.ranges[1])
        options["settings"] = worn
    session, samples = to_plain(script, seed, **options)
    if scenario.loss:
        samples = {key: _thinned(s, scenario.loss, rng) for key, s in samples.items()}
    athlete = SimulatedAthlete(script, seed, **options)
    truth = athlete.truth().zeroed()
    angles = {name: np.degrees(truth.angles[name]) for name in (*FLEXIONS, *SIDEWAYS)}
    rate_hz = float(options.get("rate_hz", 100.0))
    return Case(session, samples, rate_hz, np.arange(len(angles[FLEXIONS[0]])) / 100.0, angles)


def _thinned(samples: Samples, loss: float, rng: np.random.Generator) -> Samples:
    keep = rng.uniform(size=len(samples.time_s)) >= loss
    return Samples(samples.time_s[keep], samples.acc[keep], samples.gyr[keep], samples.saturated[keep])


def ours(estimator: str, one: Case) -> Found:
    """Our angles."""
    pipeline = {"live": LivePipeline, "review": ReviewPipeline}[estimator](one.session.sensors, one.session.body)
    marks = [m.time_s for m in one.session.marks if m.label == "calibrate"]
    end_s = max(float(s.time_s[-1]) for s in one.samples.values())
    rows, begin, chunk_s = [], 0.0, 60.0
    while begin <= end_s:
        blocks = []
        for i, (key, s) in enumerate(one.samples.items()):
            at = (s.time_s >= begin) & (s.time_s < begin + chunk_s)
            if not at.any():
                continue
            time_s = s.time_s[at]
            lost = np.maximum(np.rint(np.diff(time_s, prepend=time_s[0]) * one.rate_hz).astype(np.int64) - 1, 0)
            more = {"rate_hz": one.rate_hz, "lost": lost, "saturated": s.saturated[at]}
            blocks.append(block(key, i, time_s, s.acc[at], s.gyr[at], **more))
        seq, time_s = np.concatenate([b.seq for b in blocks]), np.concatenate([b.time_s for b in blocks])
        order = np.argsort(seq)
        now = [m for m in marks if begin <= m < begin + chunk_s]
        rows += pipeline.feed(blocks, now, seq[order], np.maximum.accumulate(time_s[order])).angles
        begin += chunk_s
    rows += pipeline.finish().angles
    time_s, angles = np.concatenate([r.time_s for r in rows]), np.degrees(np.concatenate([r.angles for r in rows], axis=1))
    return {name: (time_s, angles[ANGLE_NAMES.index(name)]) for name in (*FLEXIONS, *SIDEWAYS)}


def _even(samples: Samples, rate_hz: float) -> tuple[Floats, Floats, Floats]:
    """Times, specific forces and rates (n, 3), what was lost interpolated."""
    time_s = np.arange(samples.time_s[0], samples.time_s[-1], 1.0 / rate_hz)
    acc, gyr = (
        np.stack([np.interp(time_s, samples.time_s, v[:, i]) for i in range(3)], axis=1) for v in (samples.acc, samples.gyr)
    )
    return time_s, acc, gyr


def vqf_quat(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    return np.asarray(vqf.VQF(1.0 / rate_hz).updateBatch(gyr, acc)["quat6D"])


def offline_vqf_quat(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    return np.asarray(vqf.offlineVQF(gyr, acc, None, 1.0 / rate_hz)["quat6D"])


def imufusion_quat(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    ahrs, settings = imufusion.Ahrs(), imufusion.AhrsSettings()
    settings.sample_rate = rate_hz
    ahrs.set_settings(settings)
    quat = np.empty((len(acc), 4))
    for i, (rate, force) in enumerate(zip(np.degrees(gyr), acc / G0, strict=True)):
        ahrs.update_no_magnetometer(rate, force)
        quat[i] = ahrs.get_quaternion()
    return quat


def madgwick_quat(acc: Floats, gyr: Floats, rate_hz: float) -> Floats:
    from ahrs.filters import Madgwick  # type: ignore[import-not-found, import-untyped, unused-ignore]

    return np.asarray(Madgwick(gyr=gyr, acc=acc, frequency=rate_hz, gain=0.033).Q)


PEERS: dict[str, Callable[[Floats, Floats, float], Floats]] = {
    "VQF": vqf_quat,
    "offlineVQF": offline_vqf_quat,
    "imufusion": imufusion_quat,
    "Madgwick": madgwick_quat,
}

SLOW, SLOW_S, SLOW_SEEDS = ("Madgwick", "imufusion"), 1800.0, 5
"""Peers that go sample by sample are left out of sessions longer than this, seconds, and see the first seeds only."""
UPRIGHT = np.array((np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0))
"""A standing segment's orientation: its y axis is up."""


def _frame(
    key: str, samples: Samples, quat_of: Callable[[Floats, Floats, float], Floats], rate_hz: float
) -> tuple[Floats, ...]:
    """Times, specific forces and rates (n, 3), and as of a peer: the vertical in the sensor (n, 3), the same while standing
    (3,), and the mediolateral axis (3,), to the left."""
    time_s, acc, gyr = _even(samples, rate_hz)
    w, x, y, z = quat_of(np.ascontiguousarray(acc), np.ascontiguousarray(gyr), rate_hz).T
    up = np.stack((2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z), axis=1)
    still = (time_s > 1.0) & (time_s < 4.5)
    zero = up[still].mean(axis=0)
    zero /= np.linalg.norm(zero)
    moving = _moving(Placement(key), time_s)
    rate = gyr[moving] - gyr[still].mean(axis=0)
    axis = np.linalg.eigh(rate.T @ rate)[1][:, -1]
    axis -= zero * (zero @ axis)
    axis /= np.linalg.norm(axis)
    angle = up[moving] @ np.cross(zero, axis)
    largest = angle[np.argmax(np.abs(angle))]
    return time_s, acc, gyr, up, zero, axis if (largest < 0) == key.startswith("thigh") else -axis


def peer(quat_of: Callable[[Floats, Floats, float], Floats], one: Case) -> Found:
    """A peer's angles: standing for the zero, the main axis of the calibration movements for flexion."""
    tilt: dict[str, Floats] = {}
    for key, samples in one.samples.items():
        time_s, _, _, up, zero, axis = _frame(key, samples, quat_of, one.rate_hz)
        tilt[key] = np.interp(one.time_s, time_s, np.degrees(np.arctan2(-(up @ np.cross(axis, zero)), up @ zero)))
    return {
        "lumbar_flexion": (one.time_s, tilt["lumbar"] - tilt["pelvis"]),
        "hip_left_flexion": (one.time_s, tilt["pelvis"] - tilt["thigh_left"]),
        "hip_right_flexion": (one.time_s, tilt["pelvis"] - tilt["thigh_right"]),
    }


def dfjimu_angles(one: Case) -> Found:
    """dfjimu's MEKF-acc on the two sensors of each joint, turned into their segments."""
    from dfjimu import mekf_acc

    segments = {}
    for key, samples in one.samples.items():
        time_s, acc, gyr, _, zero, left = _frame(key, samples, vqf_quat, one.rate_hz)
        axes = np.stack((np.cross(left, zero), zero, -left))
        segments[key] = time_s, acc @ axes.T, gyr @ axes.T
    found = {}
    for joint in joints.JOINTS:
        (time_s, acc_1, gyr_1), (other_s, acc_2, gyr_2) = segments["pelvis"], segments[joint.distal]
        acc_2, gyr_2 = (np.stack([np.interp(time_s, other_s, v[:, i]) for i in range(3)], axis=1) for v in (acc_2, gyr_2))
        quats = mekf_acc(gyr_1, gyr_2, acc_1, acc_2, Fs=one.rate_hz, q_init=UPRIGHT, gyr_bias=True)
        pelvis, distal = (np.ascontiguousarray(np.asarray(q).T) for q in quats)
        flexion = np.degrees(joints.joint_angles(joint, pelvis, distal)[0])
        still = (time_s > 1.0) & (time_s < 4.5)
        found[joint.components[0]] = time_s, flexion - flexion[still].mean()
    return found


def peers_there() -> dict[str, Callable[[Case], Found]]:
    """The peers that are installed: Madgwick needs the package `ahrs`, dfjimu its own."""
    found: dict[str, Callable[[Case], Found]] = {name: partial(peer, quat_of) for name, quat_of in PEERS.items()}
    if find_spec("ahrs") is None:
        del found["Madgwick"]
    if find_spec("dfjimu") is not None:
        found["dfjimu"] = dfjimu_angles
    return found


def _moving(placement: Placement, time_s: Floats) -> Any:
    """When the calibration movement of a sensor takes place in the simulated calibration."""
    bends_end_s, left_end_s = 16.0, 21.5
    if placement is Placement.THIGH_LEFT:
        return (time_s > bends_end_s) & (time_s < left_end_s)
    if placement is Placement.THIGH_RIGHT:
        return (time_s > left_end_s) & (time_s < CALIBRATED_S - 1.0)
    return (time_s > 5.3) & (time_s < bends_end_s)


def errors(found: Found, one: Case) -> tuple[float, float]:
    """Root mean square of lumbar and of hip flexion, degrees."""
    out = [error(found, one, name) for name in FLEXIONS]
    return out[0], 0.5 * (out[1] + out[2])


def error(found: Found, one: Case, name: str) -> float:
    """Root mean square of one angle, degrees; NaN where it is never there."""
    time_s, angle = found[name]
    there = np.isfinite(angle) & (time_s > CALIBRATED_S) & (time_s < one.time_s[-1])
    wrong = angle[there] - np.interp(time_s[there], one.time_s, one.truth[name])
    return float(np.sqrt(np.mean(wrong**2))) if len(wrong) else float("nan")


@contextmanager
def _patched(*changes: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, value in changes:
            stack.enter_context(mock.patch.object(owner, name, value))
        yield


def _own_rates(gyr: Floats, before: Floats | None, apart: Any) -> Floats:
    return gyr


def _as_hips() -> tuple[joints.Joint, ...]:
    return (replace(joints.LUMBAR, flexed_rad=joints.HIP_FLEXED_RAD), joints.HIP_LEFT, joints.HIP_RIGHT)


ABLATIONS: dict[str, Sequence[tuple[Any, str, Any]]] = {
    "everything": (),
    "rectangular rule": ((orientation, "mean_of_neighbours", _own_rates), (review, "mean_of_neighbours", _own_rates)),
    "VQF's own rest threshold": ((orientation, "WORN_REST_DEG_S", 2.0),),
    "bias of standing not trusted": ((orientation, "STANDING_BIAS_SIGMA_DEG_S", 0.5),),
    "no relative heading": ((heading, "KNOWN_SD_RAD", 0.0),),
    "every posture alike": ((heading, "FAR", 0.0),),
    "twist of a bent spine counts in full": ((joints, "JOINTS", _as_hips()),),
    "a creeping twist is movement": ((heading, "CREEP_S", 1e9),),
    "calibrating as any movement": ((heading, "CALIBRATION_POSTURE_SD_RAD", heading.POSTURE_SD_RAD),),
}
"""What is taken away, as attributes of modules to be replaced."""


def table(names: Sequence[str], seeds: int, say: Callable[[str], None] = print) -> dict[str, dict[str, tuple[float, float]]]:
    """Print a line per scenario; lumbar / hip by estimator."""
    peers = peers_there()
    columns = (*OURS, *peers)
    say(f"lumbar / hip flexion, degrees rms, mean over the seeds; {', '.join(SLOW)} over {SLOW_SEEDS} seeds, not over hours")
    say(f"{'':24s}{'seeds':>6s}" + "".join(f"{c:>15s}" for c in columns))
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name in names:
        scenario = SCENARIOS[name]
        count = min(seeds, scenario.most_seeds)
        each: dict[str, list[tuple[float, float]]] = {c: [] for c in columns}
        for seed in range(count):
            one = case(scenario, seed)
            for estimator in OURS:
                each[estimator].append(errors(ours(estimator, one), one))
            for peer_name, angles_of in peers.items():
                if peer_name not in SLOW or (seed < SLOW_SEEDS and one.time_s[-1] <= SLOW_S):
                    each[peer_name].append(errors(angles_of(one), one))
        means = {c: np.mean(v, axis=0).tolist() if v else [np.nan, np.nan] for c, v in each.items()}
        found[name] = {c: (float(lumbar), float(hip)) for c, (lumbar, hip) in means.items()}
        say(f"{name:24s}{count:6d}" + "".join(f"{found[name][c][0]:9.2f} /{found[name][c][1]:4.2f}" for c in columns))
    return found


def ablations(seeds: int, say: Callable[[str], None] = print) -> None:
    """Print what taking one ingredient away does, over mixed sessions and lifts from beside the foot."""
    cases = {name: [case(SCENARIOS[name], seed) for seed in range(seeds)] for name in ("mixed", "asymmetric lifts")}
    say(f"\nWithout one ingredient, mixed sessions | asymmetric lifts ({seeds} seeds each), degrees rms:")
    say("lumbar flexion / hip flexion / lumbar lateral / lumbar rotation")
    for name, changes in ABLATIONS.items():
        with _patched(*changes):
            for estimator in OURS:
                line = []
                for each in cases.values():
                    found = [ours(estimator, one) for one in each]
                    flexions = np.mean([errors(f, one) for f, one in zip(found, each, strict=True)], axis=0).tolist()
                    sides = [np.mean([error(f, one, n) for f, one in zip(found, each, strict=True)]) for n in SIDEWAYS]
                    line.append(" / ".join(f"{value:.2f}" for value in (*flexions, *sides)))
                say(f"{name:38s}{estimator:8s}" + "  |  ".join(line))


def plot(found: Mapping[str, Mapping[str, tuple[float, float]]], path: Path) -> None:
    """Bars by scenario and estimator, lumbar above hip."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = list(next(iter(found.values())))
    figure, both = plt.subplots(2, 1, figsize=(11, 7), sharex=True, layout="constrained")
    for k, (axes, joint) in enumerate(zip(both, ("lumbar flexion", "hip flexion"), strict=True)):
        for i, column in enumerate(columns):
            at = np.arange(len(found)) + (i - 0.5 * (len(columns) - 1)) * 0.8 / len(columns)
            axes.bar(at, [found[name][column][k] for name in found], 0.8 / len(columns), label=column)
        axes.set_ylabel(f"{joint}, degrees rms")
        axes.set_ylim(0, 1.15 * np.nanmax([found[name][c][k] for name in found for c in ("live", "VQF")]))
        axes.grid(axis="y", alpha=0.3)
    both[0].legend(ncols=len(columns), frameon=False)
    both[0].set_title("Simulated athletes with moving skin; bars that leave the picture are cut")
    both[1].set_xticks(np.arange(len(found)), list(found), rotation=30, ha="right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(seeds: int = SEEDS, names: Sequence[str] = tuple(SCENARIOS), say: Callable[[str], None] = print) -> None:
    """The table and the ablations."""
    table(names, seeds, say)
    ablations(max(seeds // 2, 1), say)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", nargs="*", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    measured = table(given.only, given.seeds)
    if given.ablations:
        ablations(max(given.seeds // 2, 1))
    if given.plot:
        plot(measured, given.plot)
