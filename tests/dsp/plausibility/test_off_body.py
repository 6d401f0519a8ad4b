"""A sensor that fell off is known within two seconds, its angles go missing, and nobody is told so whose sensors are worn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Cause, Placement, Quality
from dsp.live import LivePipeline
from dsp.plausibility.worn import ANGLES_OF
from dsp.results import Finding, latest
from dsp.review import ReviewPipeline
from tests.dsp.plausibility.falls import KINDS, fallen
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.sensors import Samples

BODY = tuple(p.value for p in BODY_PLACEMENTS)


@dataclass(frozen=True)
class Seen:
    found: Found
    findings: list[Finding]

    def off(self, sensor: str) -> list[Finding]:
        return [f for f in self.findings if f.cause is Cause.OFF_BODY and f.sensor == sensor]


def seen(pipeline: LivePipeline | ReviewPipeline, samples, marks, **options) -> Seen:
    findings: list[Finding] = []
    feed, finish = pipeline.feed, pipeline.finish

    def fed(*args):
        out = feed(*args)
        findings.extend(out.findings)
        return out

    def finished():
        out = finish()
        findings.extend(out.findings)
        return out

    pipeline.feed, pipeline.finish = fed, finished  # type: ignore[method-assign]
    found = from_samples(pipeline, samples, marks, **options)
    return Seen(found, latest(findings))


def walking(seed: int) -> tuple[Script, float]:
    """A calibration, a stand and a walk, and a moment in the walk."""
    script = Script(seed)
    script.calibrate()
    script.stand(2.0)
    at = script.now + 4.0 + 0.1 * seed
    script.walk(12.0)
    script.stand(1.0)
    script.squat()
    script.stand(2.0)
    return script, at


def lost(key: str, kind: str, seed: int, pipeline=LivePipeline, **options) -> tuple[Seen, float]:
    script, at = walking(seed)
    athlete = SimulatedAthlete(script, seed)
    samples = fallen(athlete, athlete.plain(), key, at, kind, seed)
    return seen(pipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks], **options), at


@pytest.mark.parametrize(("key", "kind"), [(key, KINDS[i % 3]) for i, key in enumerate(BODY)])
def test_a_sensor_that_lies_on_the_floor_is_known_within_two_seconds(key, kind):
    now, at = lost(key, kind, 1 + BODY.index(key))
    (finding,) = now.off(key)
    assert at < finding.known_s < at + 2.0
    after = now.found.time_s >= finding.known_s
    assert (now.found.quality[after] & Quality.OFF_BODY).all()
    assert np.isnan(now.found.angles[after][:, ANGLES_OF[key]]).all()
    assert not (now.found.quality[now.found.time_s < at] & Quality.OFF_BODY).any()
    # what the others tell stays
    others = [i for i in range(len(ANGLE_NAMES)) if i not in ANGLES_OF[key]]
    assert np.isfinite(now.found.angles[after][10][others]).any()


@pytest.mark.parametrize("pipeline", [LivePipeline, ReviewPipeline])
@pytest.mark.parametrize(
    ("kit", "key"),
    [
        (("pelvis", "thigh_right"), "thigh_right"),
        (("lumbar", "pelvis"), "pelvis"),
        (("pelvis", "thigh_left", "thigh_right"), "thigh_left"),
    ],
)
def test_of_fewer_sensors_one_that_tumbles_is_known_too(pipeline, kit, key):
    script, at = walking(4)
    athlete = SimulatedAthlete(script, 4)
    samples = fallen(athlete, athlete.plain(), key, at, "tumbles", 4)
    sensors = [sensor for sensor in athlete.session.sensors if sensor.key in kit]
    now = seen(pipeline(sensors, kit), {worn: samples[worn] for worn in kit}, [m.time_s for m in script.marks])
    (finding,) = now.off(key)
    assert at < finding.known_s < at + 2.5
    assert not [f for f in now.findings if f.sensor != key and f.cause is Cause.OFF_BODY]


def test_no_squats_are_made_of_walking_when_a_thigh_sensor_has_fallen():
    now, at = lost("thigh_left", "front", 2)
    counted = [r for r in now.found.repetitions if r.start_s > at and r.end_s < at + 8.0]
    assert not counted
    assert all(r.quality & Quality.OFF_BODY for r in now.found.repetitions if r.end_s > at + 2.0)


def held_as_it_stood(samples: Samples, at_s: float) -> None:
    """From a session time on nothing but a sensor's noise, at the inclination of the second before."""
    rng, lies = np.random.default_rng(8), samples.time_s >= at_s
    stood = (samples.time_s > at_s - 1.0) & ~lies
    for values, noise in ((samples.acc, 0.02), (samples.gyr, 0.002)):
        values[lies] = values[stood].mean(axis=0) + rng.normal(0.0, noise, (int(lies.sum()), 3))


@pytest.mark.parametrize("key", ["pelvis", "thigh_right"])
@pytest.mark.parametrize("pipeline", [LivePipeline, ReviewPipeline])
def test_a_sensor_that_lies_as_it_stood_is_known_by_its_rest(key, pipeline):
    """The floor keeps it at the inclination of the standing, which no angle shows; the athlete goes on lifting."""
    script = Script(8)
    script.calibrate()
    script.stand(2.0)
    at = script.now
    script.stand(2.0)
    for _ in range(3):
        script.squat()
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 8)
    samples = athlete.plain()
    held_as_it_stood(samples[key], at)
    now = seen(pipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks])
    (finding,) = now.off(key)
    assert at < finding.known_s < at + 12.0
    known = now.found.time_s >= (finding.known_s if pipeline is LivePipeline else at)
    assert np.isnan(now.found.angles[known][:, ANGLES_OF[key]]).all()
    assert not now.off("lumbar")


@pytest.mark.parametrize("pipeline", [LivePipeline, ReviewPipeline])
@pytest.mark.parametrize("movement", ["bend", "knee_raise"])
def test_thighs_that_a_movement_leaves_as_they_stood_are_worn(pipeline, movement):
    """Straight legs may be as still as a post while the trunk bends, and the standing leg while the other is raised."""
    script = Script(9)
    script.calibrate()
    script.stand(2.0)
    at = script.now
    for _ in range(6):
        if movement == "bend":
            script.bend()
        else:
            script.knee_raise("right")
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 9)
    samples = athlete.plain()
    for key in ("thigh_left", "thigh_right") if movement == "bend" else ("thigh_left",):
        held_as_it_stood(samples[key], at)
    now = seen(pipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks])
    assert not [f for f in now.findings if f.cause is Cause.OFF_BODY]


def test_review_marks_back_to_the_last_standing_that_agreed():
    now, at = lost("pelvis", "back", 3, ReviewPipeline)
    (finding,) = now.off("pelvis")
    rows = now.found.time_s
    assert finding.since_s < at
    marked = (rows >= finding.since_s) & (rows < at + 3.0)
    assert (now.found.quality[marked] & Quality.OFF_BODY).all()
    # the calibration before is not touched
    assert not (now.found.quality[rows < 20.0] & Quality.OFF_BODY).any()


def test_cutting_the_input_otherwise_changes_nothing():
    a, _ = lost("lumbar", "tumbles", 4)
    b, _ = lost("lumbar", "tumbles", 4, chunk_s=0.73)
    assert np.array_equal(a.found.angles, b.found.angles, equal_nan=True)
    assert np.array_equal(a.found.quality, b.found.quality)
    assert a.findings == b.findings
    assert [r.start_s for r in a.found.repetitions] == [r.start_s for r in b.found.repetitions]


def test_legs_that_are_still_while_the_trunk_moves_and_one_leg_that_moves_are_worn():
    script = Script(5)
    script.calibrate()
    script.sit_down(1.6, rest_s=2.0)
    for _ in range(2):
        start = script.now
        for channel, there, back in (("pelvis_tilt", 12.0, -12.0), ("lumbar_flexion", 38.0, 20.0)):
            script._to(channel, there, start, start + 1.2)
            script._to(channel, back, start + 1.5, start + 2.7)
        script.now = start + 3.0
    script.stand_up(1.5)
    script.knee_raise("left", 100.0, up_s=0.6, hold_s=4.0, down_s=0.6)
    script.all_fours()
    for _ in range(2):
        start = script.now
        script._to("thigh_right_elevation", -60.0, start, start + 1.2)
        script._to("thigh_right_elevation", 0.0, start + 2.0, start + 3.2)
        script.now = start + 3.5
    script.stand_from_all_fours(rest_s=1.0)
    athlete = SimulatedAthlete(script, 5)
    now = seen(LivePipeline(athlete.session.sensors, BODY), athlete.plain(), [m.time_s for m in script.marks])
    assert not now.findings
    assert not (now.found.quality & (Quality.OFF_BODY | Quality.IMPLAUSIBLE)).any()


def test_a_new_calibration_ends_it():
    script, at = walking(6)
    script.calibrate()
    script.bend()
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 6)
    worn = athlete.plain()
    samples = fallen(athlete, worn, "thigh_right", at, "side", 6)
    mark = script.marks[-1].time_s
    back = worn["thigh_right"].time_s > mark - 1.0
    for name in ("acc", "gyr"):
        array = getattr(samples["thigh_right"], name)
        array[back] = getattr(worn["thigh_right"], name)[back]
    now = seen(LivePipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks])
    (finding,) = now.off(Placement.THIGH_RIGHT.value)
    assert finding.until_s is not None
    assert finding.until_s > mark
    # put back but not calibrated yet, it counts as slipped
    last = now.found.time_s > max(finding.until_s, script.calibrations[-1][1]) + 2.0
    assert not (now.found.quality[last] & (Quality.OFF_BODY | Quality.SLIPPED)).any()
    assert np.isfinite(now.found.deg("hip_right_flexion")[last]).all()


@pytest.mark.parametrize("pipeline", [LivePipeline, ReviewPipeline])
def test_legs_that_stand_still_while_the_trunk_bends_are_on_the_body(pipeline):
    script = Script(5)
    script.calibrate(thigh_deg=0.0, knee_deg=0.0)
    for _ in range(5):
        script.bend(70.0, thigh_deg=0.0, knee_deg=0.0, rest_s=0.4)
    script.stand(1.0)
    athlete = SimulatedAthlete(script, 5, sway=0.0, ideal=True)
    samples = athlete.plain()
    rng = np.random.default_rng(5)
    for one in samples.values():
        one.acc[:] += rng.normal(0.0, 0.03, one.acc.shape)
        one.gyr[:] += rng.normal(0.0, 0.003, one.gyr.shape)
    now = seen(pipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks])
    assert now.findings == []


def test_a_lumbar_sensor_that_lies_while_the_pelvis_bends_is_the_one():
    """The thighs hardly move: the pelvis turned more than all others, and is where it was."""
    script = Script(6)
    script.calibrate()
    script.stand(3.0)
    at = script.now - 1.0
    for _ in range(5):
        script.bend(60.0, 0.45, thigh_deg=3.0, knee_deg=3.0)
    script.stand(2.0)
    athlete = SimulatedAthlete(script, 6)
    samples = athlete.plain()
    one, rng = samples["lumbar"], np.random.default_rng(6)
    lies = one.time_s >= at
    one.acc[lies] = np.array([0.0, 0.0, 9.8]) + rng.normal(0.0, 0.03, (int(lies.sum()), 3))
    one.gyr[lies] = one.gyr[~lies][-50:].mean(axis=0) + rng.normal(0.0, 0.003, (int(lies.sum()), 3))
    now = seen(LivePipeline(athlete.session.sensors, BODY), samples, [m.time_s for m in script.marks])
    assert now.off("lumbar")
    assert not now.off("pelvis")
