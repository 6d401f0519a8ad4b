"""Exposure of a day against days worked out by hand; cuts and noise below the hysteresis change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.quantities import ANGLE_NAMES
from dsp.day.exposure import Exposure, TurningPoints
from dsp.results import AngleRows, Repetition

RATE = 100.0


def rows(lumbar, trunk=None, start_s=0.0):
    """Rows at 100 Hz of angles in degrees."""
    n = len(lumbar)
    angles = np.full((len(ANGLE_NAMES), n), np.nan)
    angles[ANGLE_NAMES.index("lumbar_flexion")] = np.radians(lumbar)
    angles[ANGLE_NAMES.index("trunk_inclination")] = np.radians(lumbar if trunk is None else trunk)
    return AngleRows(start_s + np.arange(n) / RATE, angles, np.zeros_like(angles), np.zeros(n, np.int32))


def line(*points):
    t = np.arange(0.0, points[-1][0], 0.01)
    return np.interp(t, [p[0] for p in points], [p[1] for p in points])


def of(lumbar, trunk=None, reps=(), rising_s=None):
    exposure = Exposure(RATE, rising_s)
    exposure.take(rows(lumbar, trunk))
    for r in reps:
        exposure.repetition(r)
    return exposure.document()


def rep(index, start_s, movement="bend", **metrics):
    return Repetition(index, start_s, start_s + 1, start_s + 2, movement, 0.9, 0, metrics)


def test_zones_worked_by_hand():
    """10 s upright, 5 s at 30°, 2 s at 50°, 1 s at 70°."""
    found = of(np.concatenate([np.full(1000, 2.0), np.full(500, 30.0), np.full(200, 50.0), np.full(100, 70.0)]))
    assert found["lumbar_flexion_s"] == {"below_20": 10.0, "20_to_40": 5.0, "40_to_60": 2.0, "above_60": 1.0}


def test_movements_worked_by_hand():
    """Up 31°, down 12°, up 6° and back to the start: 31, 12, 6 and 25°; the last is open until it turns."""
    found = of(line((0, 0), (2, 31), (4, 19), (5, 25.4), (7, 0), (9, 20)))
    assert found["lumbar_movements"] == {"5_to_10": 1, "10_to_15": 1, "25_to_30": 1, "30_to_35": 1}


def test_what_stays_below_the_hysteresis_is_no_movement():
    t = np.arange(0, 60, 0.01)
    assert of(2.4 * np.sin(t))["lumbar_movements"] == {}
    assert sum(of(2.6 * np.sin(2 * np.pi * t / 4))["lumbar_movements"].values()) == pytest.approx(29, abs=1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_cuts_do_not_matter(seed, sizes):
    rng = np.random.default_rng(seed)
    lumbar = np.interp(np.arange(3000), np.arange(0, 3001, 100), rng.uniform(-5, 70, 31))
    lumbar[rng.uniform(size=3000) < 0.02] = np.nan
    whole, cut = Exposure(RATE), Exposure(RATE)
    whole.take(rows(lumbar))
    at, i = 0, 0
    while at < 3000:
        stop = min(at + sizes[i % len(sizes)], 3000)
        cut.take(rows(lumbar[at:stop], start_s=at / RATE))
        at, i = stop, i + 1
    assert cut.document() == whole.document()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_noise_below_the_hysteresis_changes_no_count(seed):
    rng = np.random.default_rng(seed)
    clean = np.interp(np.arange(2000), np.arange(0, 2001, 200), np.tile([0.0, 42.0], 6)[:11])
    counts = []
    for noise in (0.0, 0.4):
        points = TurningPoints()
        points.feed(clean + rng.uniform(-noise, noise, 2000))
        counts.append(sum(points.sizes))
    assert counts[0] == counts[1] == 9


def test_bends_of_the_trunk():
    trunk = line((0, 0), (1, 45), (2, 35), (3, 60), (4, 0), (5, 39), (6, 0), (7, 80), (8, 80))
    assert of(np.zeros(800), trunk)["bends"] == 2, "35° is not upright again, 39° is no bend"


def test_longest_flexed_stretch_and_creep():
    """25 min at 35° with a break of 5 s in it; lifts 10 min and 40 min later."""
    lumbar = np.concatenate([np.zeros(6000), np.full(90000, 35.0), np.zeros(500), np.full(60000, 35.0), np.zeros(3000)])
    end_s = (6000 + 90000 + 500 + 60000) / RATE
    lifts = [rep(0, end_s + 600.0, "deadlift"), rep(1, end_s + 2400.0, "deadlift"), rep(2, end_s + 700.0, "sit_down")]
    found = of(lumbar, reps=lifts)
    assert found["longest_flexed"]["seconds"] == pytest.approx(1505.0, abs=0.1)
    assert len(found["flexed_over_20_min"]) == 1
    assert found["lifts_after_creep"] == [0]


def test_a_long_break_ends_the_stretch():
    lumbar = np.concatenate([np.full(60000, 35.0), np.zeros(1500), np.full(70000, 35.0)])
    found = of(lumbar)
    assert found["longest_flexed"]["seconds"] == pytest.approx(700.0, abs=0.1)
    assert found["flexed_over_20_min"] == []


def test_worst_slack_and_first_hour():
    reps = [rep(i, 600.0 * i, lumbar_peak_deg=40.0 + 5 * (i % 4), lumbar_of_largest_bend=0.8) for i in range(8)]
    reps.append(rep(8, 5000.0, "squat", lumbar_peak_deg=30.0, lumbar_of_largest_bend=0.75, hip_left_utilisation=0.7))
    reps.append(rep(9, 5100.0, "squat", lumbar_peak_deg=30.0, lumbar_of_largest_bend=0.75, hip_left_utilisation=0.8))
    found = of(np.zeros(100), reps=reps, rising_s=-1800.0)
    assert [w["index"] for w in found["worst_repetitions"]] == [3, 7, 2, 6, 1]
    assert found["slack_events"] == [8]
    assert found["lifts_in_first_hour"] == [0, 1, 2, 3]
    assert "lifts_in_first_hour" not in of(np.zeros(100))
    assert found["repetitions_of"] == {"bend": 8, "squat": 2}
