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


def test_zones_end_at_20_40_and_60_degrees():
    seconds = {19.0: 1, 21.0: 2, 39.0: 3, 41.0: 4, 59.0: 5, 61.0: 6}
    found = of(np.concatenate([np.full(100 * n, angle) for angle, n in seconds.items()]))
    assert found["lumbar_flexion_s"] == {"below_20": 1.0, "20_to_40": 5.0, "40_to_60": 9.0, "above_60": 6.0}


def test_parts_of_the_largest_bend_end_at_50_70_and_90_percent():
    """Of 50°: 25, 35 and 45°."""
    seconds = {24.0: 1, 26.0: 2, 34.0: 3, 36.0: 4, 44.0: 5, 46.0: 6}
    lumbar = np.concatenate([np.full(100 * n, angle) for angle, n in seconds.items()])
    found = of(lumbar, reps=[rep(0, 0.0, lumbar_peak_deg=50.0), rep(1, 5.0, "squat", lumbar_peak_deg=70.0)])
    assert found["largest_bend_lumbar_deg"] == 50.0
    assert found["part_of_largest_bend_s"] == {"below_50": 1.0, "50_to_70": 5.0, "70_to_90": 9.0, "above_90": 6.0}


def test_a_largest_bend_below_20_degrees_is_none():
    assert "part_of_largest_bend_s" in of(np.zeros(100), reps=[rep(0, 0.0, lumbar_peak_deg=20.5)])
    assert "part_of_largest_bend_s" not in of(np.zeros(100), reps=[rep(0, 0.0, lumbar_peak_deg=19.5)])
    assert "part_of_largest_bend_s" not in of(np.full(100, np.nan), reps=[rep(0, 0.0, lumbar_peak_deg=50.0)])


def test_a_bend_begins_above_40_and_ends_below_30_degrees():
    trunk = line((0, 0), (1, 41), (2, 31.5), (3, 41), (4, 29), (5, 41), (6, 0), (7, 39), (8, 39))
    assert of(np.zeros(800), trunk)["bends"] == 2


def test_missing_rows_are_counted():
    assert of(np.concatenate([np.zeros(70), np.full(30, np.nan)]))["lumbar_missing_s"] == 0.3


def test_flexed_above_20_degrees_with_breaks_of_10_seconds():
    """A minute flexed, a break, a minute flexed."""
    minute = np.full(6000, 20.5)
    for break_s, seconds in ((9.5, 129.5), (10.5, 60.0)):
        found = of(np.concatenate([minute, np.full(int(100 * break_s), 19.5), minute]))
        assert found["longest_flexed"]["seconds"] == pytest.approx(seconds, abs=0.02)


def test_lifts_within_half_an_hour_of_20_minutes_of_flexion():
    """Flexed for 20.5 or 19.5 minutes; lifts in its midst, half a minute before and after half an hour, and long after."""
    for minutes, after in ((20.5, [1]), (19.5, [])):
        end_s = 60.0 * minutes
        starts = (600.0, end_s + 29.5 * 60.0, end_s + 30.5 * 60.0, end_s + 7200.0)
        lifts = [rep(i, start, "deadlift") for i, start in enumerate(starts)]
        assert of(np.full(int(6000 * minutes), 35.0), reps=lifts)["lifts_after_creep"] == after


def test_a_slack_event_is_beyond_both_parts():
    uses = [(0.72, 0.73), (0.68, 0.73), (0.72, 0.77)]
    reps = [rep(i, 10.0 * i, "squat", lumbar_of_largest_bend=a, hip_left_utilisation=b) for i, (a, b) in enumerate(uses)]
    # the hip that is used less decides
    reps.append(rep(3, 50.0, "squat", lumbar_of_largest_bend=0.9, hip_left_utilisation=0.9, hip_right_utilisation=0.6))
    assert of(np.zeros(100), reps=reps)["slack_events"] == [0, 3]


def test_the_first_hour_after_rising():
    reps = [rep(i, start, "squat") for i, start in enumerate((50.0, 150.0, 3650.0, 3750.0))]
    assert of(np.zeros(100), reps=reps, rising_s=100.0)["lifts_in_first_hour"] == [1, 2]


def test_reversals_count_from_5_degrees_on():
    """Up 40°, back by a little, and up again to 60°, then down."""
    for back, movements in ((5.2, {"5_to_10": 1, "25_to_30": 1, "40_to_45": 1}), (4.8, {"60_to_65": 1})):
        found = of(line((0, 0), (2, 40.2), (3, 40.2 - back), (5, 60.4), (7, 30), (9, 30)))
        assert found["lumbar_movements"] == movements
