"""The athlete does what a protocol asks, from the moment at which it is asked; what was before stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.movements import KIND_OF_TEST
from dsp.screen.protocol import GUIDED, Excursion, known_tests
from hiphinge.guidance.protocol_files import shipped
from virtual_athlete import Asked, Script, SimulatedAthlete, going_on, performs, standing

HIP_CHECK = [Asked(step.test, step.side, step.repetitions, step.seconds) for step in shipped()["hip-check"].steps]


@pytest.mark.parametrize("now_s", [5.0, 31.3, 64.0])
def test_it_goes_on_from_where_it_stands(now_s: float) -> None:
    athlete = SimulatedAthlete(going_on("demo", 2, 400.0), 2)
    before = athlete.motion
    cut = athlete.goes_on(lambda script: performs(script, HIP_CHECK, 2), now_s)
    assert now_s < cut < now_s + 40.0
    earlier = np.arange(0.0, cut, 0.05)
    for name, angle in before.angles(earlier).items():
        np.testing.assert_array_equal(angle, athlete.motion.angles(earlier)[name])
    # nothing jumps there: 2 ms are less than a tenth of a degree
    around = np.array([cut - 1e-3, cut + 1e-3])
    for name, angle in athlete.motion.angles(around).items():
        assert abs(np.degrees(np.diff(angle)[0])) < 0.1, name
    assert athlete.script.now == pytest.approx(400.0)


def test_a_kit_that_plays_does_the_new_movements() -> None:
    athlete = SimulatedAthlete(standing(60.0), 2)
    kit = athlete.kit(reacts=True)
    events = kit.events()
    for event in events:
        at_ns = getattr(event, "arrival_ns", 0)
        if not isinstance(at_ns, np.ndarray) and at_ns > 5e9:
            break
    cut = athlete.goes_on(lambda script: performs(script, [Asked("bend", "", 2)], 2), 5.0)
    assert cut == pytest.approx(7.5)
    assert [r.movement for r in athlete.script.repetitions] == ["bend", "bend"]
    turn_s = athlete.script.repetitions[0].turn_s
    for sensor in kit.sensors:
        # the sensor that plays moves as the athlete does now
        _, _, _, gyr = sensor.imu.true_motion(np.array([turn_s - 1.0]))  # type: ignore[attr-defined]
        if sensor.key in ("lumbar", "pelvis"):
            assert np.linalg.norm(gyr) > 0.1


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_protocol_can_be_done(name: str) -> None:
    script = Script(1)
    steps = [Asked(step.test, step.side, step.repetitions, step.seconds) for step in shipped()[name].steps]
    performs(script, steps, 1)
    script.motion()
    kinds = {r.movement for r in script.repetitions}
    simulated = {"bend", "bow", "knee_raise", "rock_back", "sit_to_stand", "squat", "deadlift"}
    asked = {KIND_OF_TEST[step.test].name for step in steps if step.test in simulated}
    assert asked <= kinds
    assert script.now < shipped()[name].expected_s + 60.0
    assert not script.marks


@pytest.mark.parametrize("test", [test for test in known_tests() if test != "stand"])
def test_no_test_is_stood_through(test: str) -> None:
    script = Script(1)
    performs(script, [Asked(test, "left", 3)], 1, alone=True)
    taps = [m.label for m in script.marks]
    if test == "tapped":
        assert taps == ["step count"] * 3 + ["protocol stop"]
        return
    assert taps == ["protocol stop"]
    angles = script.motion().angles(np.arange(0.0, script.now, 0.05))
    left = GUIDED[test][0] if test in GUIDED else Excursion("trunk_inclination", 5.0)
    assert np.ptp(np.degrees(angles[left.angle.replace("_swing", "_inclination")])) > 1.5 * left.from_deg


def test_alone_it_taps_what_waits_for_a_tap_and_ends_in_any_case() -> None:
    script = Script(1)
    performs(script, [Asked("tapped", "left", 2, tap=True), Asked("bend", "", 1, tap=True)], 1, alone=True)
    assert [m.label for m in script.marks] == ["step start", "step count", "step count", "step start", "protocol stop"]
    assert script.marks[-1].time_s == pytest.approx(script.now)
