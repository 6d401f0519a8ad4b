"""Files whose clocks run at rates that windows cannot follow are told by when their sensors turn, at every rate."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.drawn_sessions import drawn
from body_signals import BODY_PLACEMENTS, Cause, Floats
from dsp.plausibility import ClockLag, far_rates
from dsp.plausibility.clocks.lags import left_of
from tests.dsp.plausibility.clocks.test_far import raises, standing, training
from virtual_athlete import FAULT_KINDS, Script, SimulatedAthlete

Turning = dict[str, tuple[Floats, Floats]]


@cache
def lively(seed: int) -> Turning:
    script = training(seed)
    script.bend(70.0)
    script.walk(6.0, turn_deg=90.0)
    script.knee_raise("left")
    script.squat()
    script.stand(2.0)
    return turning(script, seed)


def turning(script: Script, seed: int) -> Turning:
    return {key: (one.time_s, one.gyr) for key, one in SimulatedAthlete(script, seed).plain().items()}


def fast(sound: Turning, keys=tuple[str, ...](), late_s: float = 0.0, **gains: float) -> Turning:
    """These sensors, all of them where none is named; a gain of 0.04: the clock counts 104 s in 100."""
    return {
        key: ((1.0 + gains[key]) * time_s + late_s if key in gains else time_s, rates)
        for key, (time_s, rates) in sound.items()
        if not keys or key in keys
    }


def off_s(lag: ClockLag, given: Turning, sound: Turning) -> float:
    """How far its corrected times are from the true ones, at most."""
    time_s = given[lag.sensor][0]
    return float(np.abs(time_s - lag.late_s(time_s) - sound[lag.sensor][0]).max())


@pytest.mark.parametrize("gain", [0.04, 0.08, 0.125, 0.25, -0.1, -0.2, -0.25])
@pytest.mark.parametrize("key", ["lumbar", "pelvis", "thigh_left", "thigh_right"])
def test_one_of_four_that_runs_at_another_rate_is_found(key: str, gain: float) -> None:
    given = fast(lively(3), **{key: gain})
    (lag,) = far_rates(given)
    assert (lag.sensor, lag.certain) == (key, True)
    assert len(lag.against) >= 2
    # 0.2 s in 70, as segments do not all turn at the same time
    assert lag.rate / (1.0 - lag.rate) == pytest.approx(gain, abs=0.003)
    assert off_s(lag, given, lively(3)) < 0.2


@pytest.mark.parametrize("gain", [0.0833, 0.2, -0.125])
@pytest.mark.parametrize("key", ["pelvis", "thigh_left"])
def test_one_of_three_is_found_whatever_they_are_late_besides(key: str, gain: float) -> None:
    given = fast(lively(4), ("lumbar", "pelvis", "thigh_left"), late_s=0.4, **{key: gain})
    (lag,) = far_rates(given)
    assert (lag.sensor, lag.certain) == (key, True)
    assert off_s(lag, given, lively(4)) < 0.2


def test_in_words() -> None:
    (lag,) = far_rates(fast(lively(3), pelvis=0.25))
    finding = lag.finding(0.0, 0.0)
    assert (finding.sensor, finding.cause) == ("pelvis", Cause.CLOCK_RATE)
    assert float(finding.what.split("runs ")[1].split(" %")[0]) == pytest.approx(25.0, abs=0.3)
    assert "% fast against" in finding.what
    assert "% slow against" in far_rates(fast(lively(3), pelvis=-0.2))[0].finding(0.0, 0.0).what


def test_of_two_it_is_not_known_which_is_wrong() -> None:
    (lag,) = far_rates(fast(lively(3), ("lumbar", "pelvis"), pelvis=0.12))
    assert (lag.sensor, lag.certain, lag.against) == ("lumbar", False, ("pelvis",))
    other = lag.of_other()
    assert (other.sensor, other.against) == ("pelvis", ("lumbar",))
    assert other.rate / (1.0 - other.rate) == pytest.approx(0.12, abs=0.003)
    assert other.pace == "runs 12.0 % fast"
    # raised by turns, one leg turns as the other does later
    assert far_rates(fast(lively(3), ("thigh_left", "thigh_right"), thigh_left=0.12)) == []


def test_of_two_and_two_it_is_not_known_either() -> None:
    assert not any(lag.certain for lag in far_rates(fast(lively(3), thigh_left=0.08, thigh_right=0.08)))


def test_two_may_run_at_two_other_rates() -> None:
    given = fast(lively(3), lumbar=0.1, thigh_left=-0.15)
    found = far_rates(given)
    assert {lag.sensor for lag in found if lag.certain} <= {"lumbar", "thigh_left"}
    assert all(off_s(lag, given, lively(3)) < 0.2 for lag in found if lag.certain)


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_sound_clocks_are_left_alone(seed: int) -> None:
    sound = lively(seed)
    assert far_rates(sound) == []
    for left_out in sound:
        assert far_rates({key: one for key, one in sound.items() if key != left_out}) == []
    assert far_rates(fast(sound, ("lumbar", "pelvis"))) == []


@pytest.mark.parametrize("seed", [310, 316])
def test_the_same_again_and_again_is_no_other_rate(seed: int) -> None:
    sound = turning(raises(seed), seed)
    assert far_rates(sound) == []
    assert far_rates(fast(sound, ("thigh_left", "thigh_right"))) == []


def test_who_only_stands_tells_nothing() -> None:
    assert far_rates(fast(turning(standing(1), 1), pelvis=0.1)) == []
    assert far_rates({}) == []
    assert far_rates({"pelvis": (np.empty(0), np.empty((0, 3)))}) == []


def test_one_that_ended_early_leaves_the_others_to_be_compared() -> None:
    given = fast(lively(3), pelvis=0.1)
    given["lumbar"] = (given["lumbar"][0][:1000], given["lumbar"][1][:1000])
    (lag,) = far_rates(given)
    assert (lag.sensor, lag.certain) == ("pelvis", True)
    assert set(lag.against) == {"thigh_left", "thigh_right"}


def test_a_gyroscope_of_a_wrong_scale_is_no_clock() -> None:
    sound = lively(3)
    for factor in (0.8, 1.2, 2.0):
        assert far_rates({**sound, "pelvis": (sound["pelvis"][0], factor * sound["pelvis"][1])}) == []


def test_two_corrections_are_one() -> None:
    first = ClockLag("pelvis", 6.0, 0.1, 60.0, 0.0, True, ("lumbar",))
    second = ClockLag("pelvis", 0.1, 0.004, 30.0, 0.0, True, ("lumbar",))
    time_s = np.linspace(0.0, 80.0, 9)
    once = time_s - first.late_s(time_s)
    assert time_s - second.after(first).late_s(time_s) == pytest.approx(once - second.late_s(once))


def test_windows_refine_a_rough_correction() -> None:
    at = np.arange(4.0, 60.0, 4.0).tolist()
    late = [(t, 0.03 + 0.001 * (t - 30.0)) for t in at]
    pairs = {("lumbar", "pelvis"): late, ("pelvis", "thigh_left"): [(t, -lag) for t, lag in late]}
    lag = left_of("pelvis", pairs)
    assert lag is not None
    assert lag.late_s(np.array([0.0, 60.0])) == pytest.approx([0.0, 0.06], abs=1e-6)
    assert left_of("pelvis", {("lumbar", "pelvis"): late[:5]}) is None
    scattered = [(t, 0.3 * (-1.0) ** i) for i, t in enumerate(at)]
    assert left_of("pelvis", {("lumbar", "pelvis"): scattered}) is None


@pytest.mark.parametrize("seed", [1, 2, 5])
@pytest.mark.parametrize("fault", ["tumbles", "frozen", "lies on the floor"])
def test_a_sensor_that_is_like_nothing_from_then_on_has_no_other_rate(seed: int, fault: str) -> None:
    one = drawn(seed)
    for placement in BODY_PLACEMENTS:
        files = one.files | one.faulty(FAULT_KINDS[fault], (placement,)).plain()
        assert far_rates({key: (samples.time_s, samples.gyr) for key, samples in files.items()}) == []
