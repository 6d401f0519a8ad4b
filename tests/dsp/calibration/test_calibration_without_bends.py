"""Calibration from what a person did who made no bends and raised no knee: sat down and stood up, or walked off; and from a
short standing with a stated mounting. Sensors of random seeds: tilted, some upside down, skin and bias as worn."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import vqf

from body_signals import Session
from body_signals.quality import Quality
from dsp import rotation
from dsp.alignment.segment_axes import walked_off
from dsp.live import LivePipeline
from dsp.review import ReviewPipeline
from hiphinge.engine import Engine
from tests.dsp.sessions import FLEXIONS, Found, from_samples, plain, rms
from virtual_athlete import JointAngles, Samples, Script, SimulatedAthlete, simulate, to_plain
from virtual_athlete.sensors import MOUNTINGS, SensorSettings

PIPELINES = {"live": LivePipeline, "review": ReviewPipeline}


@cache
def sit_to_stand(seed: int) -> Script:
    script = Script(seed)
    script.mark("calibrate")
    script.stand(5.2)
    for _ in range(2):
        script.sit_down()
        script.stand(4.0)
        script.stand_up()
        script.stand(2.0)
    script.stand(9.0)
    for _ in range(2):
        script.bend(75.0)
    script.stand(2.0)
    return script


def walk(seed: int, stand_s: float = 5.2, turn_deg: float = 0.0) -> Script:
    script = Script(seed)
    script.mark("calibrate")
    script.stand(stand_s)
    script.walk(8.0, turn_deg)
    script.stand(2.0)
    return script


@cache
def worn(script: Script, seed: int, upside_down: bool) -> tuple[Session, dict[str, Samples], JointAngles]:
    settings = SensorSettings.random(np.random.default_rng([seed, 5]), upside_down)
    athlete = SimulatedAthlete(script, seed, settings=settings)
    return *to_plain(script, seed, settings=settings), athlete.truth()


def found_and_errors(
    script: Script,
    seed: int,
    estimator: str,
    upside_down: bool = False,
    stated: bool = False,
    chunk_s: float = 5.0,
    stand_s: float = 5.0,
) -> tuple[Found, dict[str, np.ndarray]]:
    session, samples, truth = worn(script, seed, upside_down)
    sensors = tuple(replace(s, mounting=MOUNTINGS[s.placement] if stated else None) for s in session.sensors)
    marks = [m.time_s for m in session.marks if m.label == "calibrate"]
    found = from_samples(PIPELINES[estimator](sensors, session.body), samples, marks, chunk_s=chunk_s)
    # the zero is the standing, however short
    quiet = slice(20, int(100 * stand_s) - 20)
    return found, {name: found.error(truth, name) + np.degrees(truth.angles[name][quiet].mean()) for name in FLEXIONS}


@pytest.mark.parametrize("seed", [0, 1, 501])
def test_packets_that_come_too_late_do_not_keep_walking_off_from_calibrating_live(seed: int) -> None:
    """The simulated radio holds some back in each of these sessions while somebody stands or walks off."""
    simulated = simulate(walk(seed), seed)
    output = Engine(simulated.session, ("live",)).feed(simulated.events)["live"]
    assert any((rows.quality & Quality.LATE).any() for rows in output.angles)
    found = [alignment for alignment in output.alignments if len(alignment.to_segment) == 4]
    assert {report.method for report in found[0].reports} == {"standing and walking off"}


@cache
def upright_sitting(seed: int) -> Script:
    """Walks off, then sits down with an upright trunk while the pelvis rolls back: the lumbar sensor hardly leans."""
    script = Script(seed)
    script.mark("calibrate")
    script.stand(5.2)
    script.walk(8.0)
    script.stand(2.0)
    for _ in range(3):
        script.sit_down(1.8, 1.8, lean_deg=(5.0, 0.0), seated_deg=(-30.0, 32.0))
        script.stand_up(1.7, 1.2, lean_deg=(5.0, 0.0))
    script.stand(2.0)
    return script


@pytest.mark.parametrize("estimator", ["live", "review"])
@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_pelvis_that_only_rolls_back_has_its_sign_from_walking_off(estimator: str, seed: int) -> None:
    found, errors = found_and_errors(upright_sitting(seed), seed, estimator)
    (pelvis,) = (r for r in found.alignments[-1].reports if r.placement == "pelvis")
    assert "known from walking off" in pelvis.reasons[-1]
    assert pelvis.confidence <= 0.3
    if estimator == "review":
        for name in FLEXIONS:
            assert rms(errors[name]) < 2.0


@pytest.mark.parametrize("estimator", ["live", "review"])
@pytest.mark.parametrize(("seed", "upside_down"), [(0, False), (1, True), (2, False)])
def test_sitting_down_and_standing_up_are_enough(estimator: str, seed: int, upside_down: bool) -> None:
    found, errors = found_and_errors(sit_to_stand(seed), seed, estimator, upside_down)
    reports = found.alignments[-1].reports
    assert {r.method for r in reports} == {"standing and sit-to-stand"}
    assert all(0.2 < r.confidence <= 0.5 for r in reports)
    late = found.time_s > 30.0
    assert np.isfinite(found.deg("lumbar_flexion")[late]).mean() > 0.9
    assert (found.quality[late] & Quality.LOW_CONFIDENCE).all()
    for name in FLEXIONS:
        assert rms(errors[name]) < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_walking_off_straight_is_enough(seed: int) -> None:
    """The swing of a thigh has no sign; the way the person went has."""
    found, errors = found_and_errors(walk(seed), seed, "review", upside_down=seed == 1)
    reports = found.alignments[-1].reports
    assert {r.method for r in reports} == {"standing and walking off"}
    assert all(0.1 < r.confidence <= 0.3 for r in reports)
    for name in FLEXIONS:
        assert rms(errors[name]) < 1.5


@pytest.mark.parametrize(
    ("seed", "stand_s"), [(seed, stand_s) for seed in range(3) for stand_s in (2.6, 5.2)] + [(0, 9.0), (1, 25.0), (2, 60.0)]
)
def test_walking_off_is_in_force_after_four_seconds_live(seed: int, stand_s: float) -> None:
    """Not only when the calibration is given up: angles begin while the person still walks, and say that they are not sure. The
    four seconds begin with the first movement, however long the person stood."""
    found, errors = found_and_errors(walk(seed, stand_s), seed, "live", upside_down=seed == 1, stand_s=stand_s)
    assert [a.complete for a in found.alignments] == [False, True]
    assert {r.method for a in found.alignments for r in a.reports} == {"standing and walking off"}
    since = stand_s + 4.5
    assert found.alignments[0].tick < 100 * since
    after = found.time_s > since
    assert np.isfinite(found.deg("hip_left_flexion")[after]).mean() > 0.95
    assert (found.quality[after] & Quality.LOW_CONFIDENCE).all()
    for name in FLEXIONS:
        assert rms(errors[name]) < 2.5
    assert not [r for r in found.repetitions if r.movement in ("knee_raise", "squat")]


def test_bends_after_walking_off_replace_it() -> None:
    script = walk(6)
    script.calibrate(stand_s=0.1)  # the bends and knee raises that belong to the first mark
    del script.marks[1:]
    script.squat(85.0)
    script.stand(2.0)
    walked, errors = found_and_errors(script, 6, "live")
    assert [a.complete for a in walked.alignments] == [False, True]
    assert {r.method for r in walked.alignments[-1].reports} == {"standing and bends", "standing and knee raises"}
    assert min(r.confidence for r in walked.alignments[-1].reports) > 0.8
    # the squat alone is a repetition: the calibration's own movements are none
    assert [r.movement for r in walked.repetitions] == ["squat"]
    squatting = slice(100 * int(walked.repetitions[0].start_s), None)
    assert max(rms(e[squatting]) for e in errors.values()) < 2.0


@pytest.mark.parametrize("pause_s", [3.0, 10.0])
def test_who_walks_off_and_then_trains_has_repetitions(pause_s: float) -> None:
    """What follows is training and no calibration, live and review; its bends and squats tell the axes better."""
    script = walk(6)
    script.stand(pause_s)
    for _ in range(4):
        script.bend(70.0)
    for _ in range(3):
        script.squat(85.0)
    script.asymmetric_lift("left", 60.0)
    script.stand(9.0)
    for estimator in PIPELINES:
        trained, errors = found_and_errors(script, 6, estimator, chunk_s=0.5)
        assert [r.movement for r in trained.repetitions][:7] == 4 * ["bend"] + 3 * ["squat"]
        assert len(trained.repetitions) == 8
        assert {r.method for r in trained.alignments[-1].reports} == {"standing and bends", "standing and squats"}
        assert max(rms(e[int(100 * trained.repetitions[0].start_s) :]) for e in errors.values()) < 2.0


@pytest.mark.parametrize("stated", [False, True])
def test_live_and_review_leave_out_the_same_movements_of_a_calibration(stated: bool) -> None:
    """Three bends of somebody without thigh sensors: the third comes to rest just after the calibration is complete."""
    script = Script(3)
    script.mark("calibrate")
    script.stand(5.2)
    for _ in range(5):
        script.bend(70.0)
    script.stand(2.0)
    settings = SensorSettings.random(np.random.default_rng([3, 5]))
    session, samples = to_plain(script, 3, settings=settings)
    sensors = tuple(
        replace(s, mounting=MOUNTINGS[s.placement] if stated else None)
        for s in session.sensors
        if s.key in ("lumbar", "pelvis")
    )
    trunk = {s.key: samples[s.key] for s in sensors}
    for make in PIPELINES.values():
        found = from_samples(make(sensors, ("lumbar", "pelvis")), trunk, [0.0], chunk_s=0.3)
        assert [r.movement for r in found.repetitions] == ["bend", "bend"]


@cache
def half_done(seed: int) -> Script:
    """Bends, no knee raised, a pause, then training."""
    script = Script(seed)
    script.mark("calibrate")
    script.stand(5.2)
    for _ in range(3):
        script.bend(60.0)
    script.stand(9.0)
    for _ in range(2):
        script.bend(80.0)
    for _ in range(2):
        script.squat(85.0)
    script.stand(2.0)
    return script


@pytest.mark.parametrize("keys", [("lumbar", "pelvis"), ("lumbar", "pelvis", "thigh_left", "thigh_right")])
def test_chunks_do_not_matter_to_a_calibration_left_half_done(keys: tuple[str, ...]) -> None:
    """Alignments come into force one after another: at the same ticks whatever the cut, with the same rows and repetitions."""
    session, everywhere = plain(half_done(4), 4)
    sensors = tuple(s for s in session.sensors if s.key in keys)
    samples = {key: everywhere[key] for key in keys}
    whole, cut = (from_samples(LivePipeline(sensors, keys), samples, [0.0], chunk_s=chunk_s) for chunk_s in (40.0, 0.13))
    assert len(whole.alignments) > 1
    assert [(a.tick, a.reports) for a in whole.alignments] == [(a.tick, a.reports) for a in cut.alignments]
    assert whole.angles.tobytes() == cut.angles.tobytes()
    assert whole.quality.tobytes() == cut.quality.tobytes()
    assert repr(whole.repetitions) == repr(cut.repetitions)
    assert [r.movement for r in whole.repetitions][:2] == ["bend", "bend"]


def test_chunks_do_not_matter_to_walking_off() -> None:
    whole, _ = found_and_errors(walk(2), 2, "live", chunk_s=30.0)
    cut, _ = found_and_errors(walk(2), 2, "live", chunk_s=0.13)
    assert [(a.tick, a.reports) for a in whole.alignments] == [(a.tick, a.reports) for a in cut.alignments]
    assert whole.angles.tobytes() == cut.angles.tobytes()


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_walking_in_a_curve_is_refused_with_advice(estimator: str) -> None:
    found, _ = found_and_errors(walk(3, turn_deg=300.0), 3, estimator)
    assert not found.alignments[-1].to_segment
    assert all("no stated mounting" in r.reasons[-1] for r in found.alignments[-1].reports)
    assert not np.isfinite(found.deg("hip_left_flexion")).any()


@pytest.mark.parametrize("stand_s", [9.0, 25.0])
@pytest.mark.parametrize("estimator", ["live", "review"])
def test_strides_after_a_long_standing_correct_a_stated_mounting(estimator: str, stand_s: float) -> None:
    """Who only stands for long has not finished: the thighs' strides are still to come. Bends would be his own by then."""
    found, _ = found_and_errors(walk(4, stand_s), 4, estimator, stated=True, stand_s=5.0)
    methods = {r.placement: r.method for r in found.alignments[-1].reports}
    assert methods["thigh_left"] == methods["thigh_right"] == "standing and strides"
    script = Script(4)
    script.mark("calibrate")
    script.stand(stand_s + 6.0)
    for _ in range(3):
        script.bend(70.0)
    script.stand(2.0)
    found, _ = found_and_errors(script, 4, estimator, stated=True)
    assert [r.movement for r in found.repetitions] == ["bend"] * 3


@pytest.mark.parametrize("stand_s", [1.7, 2.2, 3.5])
def test_a_short_standing_and_a_stated_mounting(stand_s: float) -> None:
    """Angles begin when the person has walked off, and a 10 s walk with a turn is right, with sensors up to 25° askew."""
    for estimator in PIPELINES:
        found, errors = found_and_errors(walk(4, stand_s, turn_deg=90.0), 4, estimator, stated=True, stand_s=stand_s)
        walking = (found.time_s > stand_s + 2.4) & (found.time_s < stand_s + 9.0)
        assert np.isfinite(found.deg("hip_left_flexion")[walking]).all()
        assert max(rms(errors[name]) for name in FLEXIONS) < 3.0


def test_chunks_do_not_matter_to_a_short_standing() -> None:
    whole, _ = found_and_errors(walk(4, 2.2), 4, "live", stated=True, chunk_s=30.0)
    cut, _ = found_and_errors(walk(4, 2.2), 4, "live", stated=True, chunk_s=0.13)
    assert whole.angles.tobytes() == cut.angles.tobytes()
    assert whole.alignments[0].tick == cut.alignments[0].tick


def integral(speed_of_s: np.ndarray, times_s: np.ndarray, offset: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Integral of the specific force, sensor level: speed (2, k) along x and y, an offset, and gravity."""
    return np.stack((*(speed_of_s + np.outer(offset, times_s)), 9.81 * times_s))


def test_the_way_walked_off_whatever_the_offset() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    ramp = np.clip(times_s - 5.0, 0.0, 1.0)
    way = np.array((0.6, -0.8))
    speed = 1.2 * way[:, None] * ramp
    upright = np.array((1.0, 0.0, 0.0, 0.0))
    for offset in ((0.0, 0.0), (0.2, -0.1)):
        found = walked_off(integral(speed, times_s, offset), times_s, (1.0, 5.0), upright)
        assert found is not None
        assert found == pytest.approx((0.6, -0.8, 0.0), abs=1e-6)
    # a quarter turn about the vertical: the same way, seen from a sensor that looks elsewhere
    turned = walked_off(integral(speed, times_s), times_s, (1.0, 5.0), np.array((np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))))
    assert turned == pytest.approx((-0.8, -0.6, 0.0), abs=1e-6)


@pytest.mark.parametrize("stand_s", [2.0, 4.0])
def test_what_a_causal_filter_takes_for_gravity_is_put_back(stand_s: float) -> None:
    """VQF's vertical follows whoever walks off, so that seconds later little speed is left of a slow walk."""
    times_s = np.arange(0.0, stand_s + 5.0, 0.01)
    pushed = 0.6 * ((times_s > stand_s) & (times_s < stand_s + 1.0))
    acc = np.stack((0.8 * pushed, 0.6 * pushed, np.full_like(pushed, 9.81)), axis=1)
    quat = vqf.VQF(0.01).updateBatch(np.zeros_like(acc), acc)["quat6D"].T
    force = rotation.rotate(np.ascontiguousarray(quat), np.ascontiguousarray(acc.T))
    integral = np.cumsum(force, axis=1)[:, ::10] * 0.01
    upright = np.array((1.0, 0.0, 0.0, 0.0))
    assert walked_off(integral, times_s[::10], (0.0, stand_s), upright) is None
    found = walked_off(integral, times_s[::10], (0.0, stand_s), upright, 3.0)
    assert found == pytest.approx((0.8, 0.6, 0.0), abs=0.01)


def test_who_stands_or_turns_has_not_walked_off() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    upright = np.array((1.0, 0.0, 0.0, 0.0))
    assert walked_off(integral(np.zeros((2, 100)), times_s), times_s, (1.0, 5.0), upright) is None
    round_s = np.clip(times_s - 5.0, 0.0, None)
    circle = 1.2 * np.stack((np.sin(1.5 * round_s), 1.0 - np.cos(1.5 * round_s)))
    assert walked_off(integral(circle, times_s), times_s, (1.0, 5.0), upright) is None
    assert walked_off(integral(circle, times_s)[:, :60], times_s[:60], (1.0, 5.0), upright) is None
