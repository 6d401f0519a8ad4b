"""The lag of one sensor behind another by what both feel of their joint; where nothing tells it, there is none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from body_signals import Floats
from dsp.plausibility.clocks.cells import RATE_HZ, MotionCells
from dsp.plausibility.clocks.linked_motion import GLIMPSE_S, WINDOW_S, Felt, glimpses_of, lag_of, lags_of
from virtual_athlete import Script, SimulatedAthlete

SQUATS_S, WALK_S, STEP_S = 14.0, 36.0, 0.54


@cache
def samples():
    script = Script(5)
    script.stand(SQUATS_S - script.now)
    for _ in range(4):
        script.squat(75.0, rest_s=0.8)
    script.stand(WALK_S - 2.0 - script.now)
    script.walk(30.0)
    script.stand(4.0)
    return SimulatedAthlete(script, 5, rate_hz=60.0, loss_probability=0.0).plain()


def cells(time_s: Floats, acc: Floats, gyr: Floats) -> MotionCells:
    whole = MotionCells()
    whole.take(time_s, acc, gyr)
    whole.catch_up()
    return whole


def felt_by(one: MotionCells, begin: int, end: int) -> Felt | None:
    return Felt.of_several({"": one}, begin, end).get("")


def felt(key: str, late_s: float = 0.0, hole: tuple[float, float] | None = None) -> Felt | None:
    s = samples()[key]
    there = np.ones(len(s), np.bool_) if hole is None else (s.time_s < hole[0]) | (s.time_s > hole[1])
    return felt_by(cells(s.time_s[there] + late_s, s.acc[there], s.gyr[there]), 50, round(60.0 * RATE_HZ))


def lags(first: Felt, second: Felt, from_s: float, to_s: float, near_s: float = 0.0) -> list[float]:
    starts = np.arange(from_s, to_s, 0.5 * WINDOW_S)
    found = [lag_of(first, second, round(start * RATE_HZ) - 50, near_s) for start in starts]
    return [shown.lag_s for shown in found if shown is not None and shown.clear]


@pytest.mark.parametrize("late_s", [0.0, 0.113, 0.5, -0.37])
@pytest.mark.parametrize("key", ["lumbar", "thigh_left"])
def test_squats_tell_the_lag_to_a_hundredth(key, late_s):
    found = lags(felt("pelvis"), felt(key, late_s), SQUATS_S, 24.0)
    assert len(found) >= 2
    assert found == pytest.approx([late_s] * len(found), abs=0.012)


def test_a_larger_lag_is_found_where_it_is_known_to_be():
    found = lags(felt("pelvis"), felt("lumbar", 3.2), SQUATS_S, 24.0, near_s=3.0)
    assert found == pytest.approx([3.2] * len(found), abs=0.012)
    assert found


def test_steady_strides_that_fit_as_well_a_step_later_tell_no_wrong_lag():
    for late_s in (0.0, 0.26, 0.5):
        found = lags(felt("pelvis"), felt("lumbar", late_s), WALK_S, 60.0)
        assert found == pytest.approx([late_s] * len(found), abs=0.02)


def strides(first: Felt, second: Felt) -> list[tuple[Felt, Felt, int, float]]:
    return [(first, second, round(start * RATE_HZ) - 50, 0.0) for start in np.arange(40.0, 56.0, 2.0)]


@pytest.mark.parametrize(
    ("key", "late_s"), [("lumbar", 0.15), ("thigh_left", 0.15), ("thigh_left", 0.3), ("thigh_left", -0.22)]
)
def test_strides_tell_that_the_known_lag_is_wrong_even_where_they_do_not_tell_the_lag(key, late_s):
    pelvis, late = felt("pelvis"), felt(key, late_s)
    found = lags_of(strides(pelvis, late))
    assert sum(shown is not None for shown in found) >= 6
    assert not all(shown.clear for shown in found if shown is not None)
    glimpses = [lag for lag in glimpses_of(strides(pelvis, late)) if lag is not None]
    assert len(glimpses) >= 6
    for lag in [shown.lag_s for shown in found if shown is not None] + glimpses:
        # a step more or less fits as well
        assert min(abs(lag - late_s - steps * STEP_S) for steps in (-1, 0, 1)) < 0.03
    assert min(map(abs, glimpses)) >= abs(late_s) - 0.03
    assert not any(shown is not None and not shown.clear for shown in lags_of(strides(pelvis, felt(key))))
    assert not any(glimpses_of(strides(pelvis, felt(key))))


def test_what_only_one_sensor_feels_tells_nothing_of_their_clocks():
    script = Script(6)
    script.stand(8.0)
    for _ in range(4):
        script.knee_raise("left", 70.0)
    script.stand(3.0)
    plain = SimulatedAthlete(script, 6).plain()
    end = round((script.now - 2.0) * RATE_HZ)
    sensors = {k: cells(plain[k].time_s, plain[k].acc, plain[k].gyr) for k in ("pelvis", "thigh_left")}
    pelvis, thigh = (felt_by(one, 25, end) for one in sensors.values())
    assert pelvis is not None
    assert thigh is not None
    starts = np.arange(7.0, script.now - 3.0 - WINDOW_S, 0.5)
    for late_s in (0.0, 0.3):
        asked = [(pelvis, thigh, round((start - late_s) * RATE_HZ) - 25, late_s) for start in starts]
        assert not any(glimpses_of(asked))
    assert GLIMPSE_S < WINDOW_S


def test_standing_and_holes_tell_nothing():
    assert lags(felt("pelvis"), felt("lumbar"), 2.0, 8.0) == []
    assert lags(felt("pelvis"), felt("lumbar", hole=(15.0, 23.0)), SQUATS_S, 22.0) == []


def test_too_few_samples_tell_nothing():
    s = samples()["pelvis"]
    sparse = slice(0, len(s), 3)
    assert felt_by(cells(s.time_s, s.acc, s.gyr), 50, 1000) is not None
    assert felt_by(cells(s.time_s[sparse], s.acc[sparse], s.gyr[sparse]), 50, 1000) is None
    assert felt_by(MotionCells(), 50, 1000) is None
    assert felt_by(cells(s.time_s[:1], s.acc[:1], s.gyr[:1]), 0, 1000) is None


def test_sensors_and_pairs_together_are_the_same_to_the_last_bit():
    sensors = {key: cells(s.time_s, s.acc, s.gyr) for key, s in samples().items()} | {"nothing": MotionCells()}
    together = Felt.of_several(sensors, 50, round(60.0 * RATE_HZ))
    assert set(together) == set(sensors) - {"nothing"}
    for key, several in together.items():
        alone = felt(key)
        assert alone is not None
        assert several.rows.tobytes() == alone.rows.tobytes()
        assert several.holes.tobytes() == alone.holes.tobytes()
    starts = [round(start * RATE_HZ) - 50 for start in np.arange(4.0, 58.0, WINDOW_S)]
    asked = [(together["pelvis"], together[key], start, 0.0) for key in ("lumbar", "thigh_left") for start in starts]
    found = lags_of(asked)
    assert found == [lag_of(*one) for one in asked]
    assert sum(lag is not None for lag in found) > 5
    assert None in found
