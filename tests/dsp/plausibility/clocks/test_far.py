"""Files that were begun by hand, seconds apart, are told by when their sensors turn and rest."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Floats
from dsp.plausibility import far_lags
from dsp.plausibility.clocks.far import LEAST_S
from virtual_athlete import Script, SimulatedAthlete


def turning(script: Script, seed: int, **late_s: float) -> dict[str, tuple[Floats, Floats]]:
    samples = SimulatedAthlete(script, seed).plain()
    return {key: (one.time_s + late_s.get(key, 0.0), one.gyr) for key, one in samples.items()}


def training(seed: int) -> Script:
    script = Script(seed)
    script.calibrate()
    for _ in range(3):
        script.squat()
    script.walk(6.0)
    script.stand(2.0)
    return script


@pytest.mark.parametrize("late_s", [1.5, -2.5, 30.0])
@pytest.mark.parametrize("key", ["pelvis", "thigh_right"])
def test_one_that_is_seconds_late_is_found(key: str, late_s: float) -> None:
    (lag,) = far_lags(turning(training(3), 3, **{key: late_s}))
    assert lag.sensor == key
    assert lag.lag_s == pytest.approx(late_s, abs=0.1)
    assert lag.certain
    assert len(lag.against) >= 2


def test_each_may_have_been_begun_at_another_time() -> None:
    late_s = {"lumbar": 1.6, "thigh_left": -3.1, "thigh_right": 7.4}
    found = {lag.sensor: lag.lag_s for lag in far_lags(turning(training(4), 4, **late_s))}
    reference = next(key for key in ("pelvis", *late_s) if key not in found)
    for key, lag_s in found.items():
        assert lag_s == pytest.approx(late_s.get(key, 0.0) - late_s.get(reference, 0.0), abs=0.15)
    assert len(found) == 3


def raises(seed: int) -> Script:
    script = Script(seed)
    script.stand(5.0)
    for _ in range(4):
        script.knee_raise("left")
        script.knee_raise("right")
    for _ in range(4):
        script.bend(60.0)
    script.stand(3.0)
    return script


def standing(seed: int) -> Script:
    script = Script(seed)
    script.stand(LEAST_S + 10.0)
    return script


@pytest.mark.parametrize("script", [training, raises, standing])
@pytest.mark.parametrize("seed", [0, 6, 311])
def test_sound_clocks_are_left_alone(script, seed: int) -> None:
    whole = turning(script(seed), seed)
    assert far_lags(whole) == []
    assert far_lags({key: whole[key] for key in ("pelvis", "thigh_left", "thigh_right")}) == []


def test_two_sensors_and_a_short_session_tell_nothing() -> None:
    late = turning(training(3), 3, pelvis=5.0)
    assert far_lags({key: late[key] for key in ("lumbar", "pelvis")}) == []
    short = {key: (time_s[: int(LEAST_S * 50)], rates[: int(LEAST_S * 50)]) for key, (time_s, rates) in late.items()}
    assert far_lags(short) == []
    assert far_lags({}) == []


def test_a_sensor_without_a_number_in_places_is_compared_all_the_same() -> None:
    late = turning(training(3), 3, pelvis=5.0)
    late["lumbar"][1][100:200] = np.nan
    assert [lag.sensor for lag in far_lags(late)] == ["pelvis"]
