"""Slack: both estimators of its onset, what the lumbar spine gains after the hip has run out, and the butt wink."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.rhythm import slack
from dsp.rhythm.phases import one_phase, reach
from dsp.rhythm.slack import onset_sd

RATE = 100.0


def threshold_onset(lumbar, hip, rate_hz, lumbar_sd):
    (onset,) = slack.threshold_onset(one_phase(len(hip)), lumbar, [hip], rate_hz, np.array([lumbar_sd]))
    return onset[0]


def breakpoint(lumbar, hip):
    one = one_phase(len(hip))
    return slack.Knees(*(x[0] for x in slack.breakpoints(one, lumbar, reach(one, hip))))


def slope_at(lumbar, hip, hip_deg):
    one = one_phase(len(hip))
    return slack.crossings(one, lumbar, reach(one, hip), np.array([hip_deg])).slope[0]


def slack_fraction(lumbar, hip):
    return slack.slack_fraction(one_phase(len(hip)), lumbar, hip)[0]


def butt_wink(pelvis, lumbar, hip):
    return tuple(x[0] for x in slack.butt_wink(one_phase(len(hip)), pelvis, lumbar, hip))


def bow(knee_deg, hip_deg=90.0, before=0.02, after=0.6, n=200):
    """Hip from 0 with minimum jerk; the lumbar spine gains `before` per degree of hip, `after` beyond the knee."""
    u = np.linspace(0, 1, n)
    hip = hip_deg * u**3 * (10 - 15 * u + 6 * u * u)
    return before * hip + (after - before) * np.maximum(hip - knee_deg, 0.0), hip


def test_threshold_worked_by_hand():
    """0.5° per degree beyond 40°: 5° are gained at 50°."""
    lumbar, hip = bow(40.0, before=0.0, after=0.5)
    assert threshold_onset(lumbar, hip, RATE, 1.0) == pytest.approx(50.0, abs=0.05)
    # known to 4° only: tau is 8°
    assert threshold_onset(lumbar, hip, RATE, 4.0) == pytest.approx(56.0, abs=0.05)


def test_a_spine_that_keeps_still_has_no_onset():
    lumbar, hip = bow(200.0, before=0.03)
    assert np.isnan(threshold_onset(lumbar, hip, RATE, 1.0))
    assert np.isnan(breakpoint(lumbar, hip).hip_deg)


def test_an_excursion_that_returns_is_no_onset():
    lumbar, hip = bow(60.0, before=0.0, after=0.8)
    lumbar[80:90] += 9.0
    assert threshold_onset(lumbar, hip, RATE, 1.0) == pytest.approx(66.25, abs=0.1)
    late = np.zeros(200)
    late[-10:] = 9.0
    assert np.isnan(threshold_onset(late, hip, RATE, 1.0)), "held for 0.1 s only"


@settings(max_examples=60, deadline=None)
@given(st.floats(25, 65), st.floats(0.0, 0.25), st.floats(0.3, 1.2), st.floats(-20, 20), st.floats(-20, 20))
def test_breakpoint_of_two_lines(knee, before, rise, zero_l, zero_h):
    """Wherever the zeros are and however steep the lines."""
    lumbar, hip = bow(knee, before=before, after=before + rise)
    found = breakpoint(lumbar + zero_l, hip + zero_h)
    assert found.hip_deg == pytest.approx(knee + zero_h, abs=1.5)
    assert found.slope_before == pytest.approx(before, abs=0.05)
    assert found.slope_after == pytest.approx(before + rise, abs=0.08)


@pytest.mark.parametrize("seed", range(20))
def test_breakpoint_with_sway(seed):
    rng = np.random.default_rng(seed)
    knee = rng.uniform(30, 60)
    lumbar, hip = bow(knee, before=0.05, after=rng.uniform(0.4, 1.0))
    sway = np.convolve(rng.normal(0, 1.5, 260), np.ones(61) / 61, "valid")
    assert breakpoint(lumbar + sway, hip).hip_deg == pytest.approx(knee, abs=3.0)


def test_a_slope_that_falls_is_no_slack():
    lumbar, hip = bow(45.0, before=0.8, after=0.1)
    assert np.isnan(breakpoint(lumbar, hip).hip_deg)


def test_a_small_hip_movement_is_not_looked_at():
    lumbar, hip = bow(5.0, hip_deg=12.0)
    assert np.isnan(breakpoint(lumbar, hip).hip_deg)


def test_uncertainty_of_an_onset():
    """L is 0.4° more uncertain than at the start, and 0.3° of noise: 0.5°, which moves the onset by 1° at half a degree per
    degree. The hip's own uncertainty is added in squares."""
    known = [onset_sd(hip, *(np.array(x) for x in (1.4, 1.0, slope))) for hip, slope in ((0.0, 0.5), (0.75, -0.5), (0.0, 0.01))]
    assert known == pytest.approx([1.0, 1.25, 2.5])
    assert onset_sd(1.5, np.array(1.4), np.array(1.0), np.array(np.inf)) == pytest.approx(1.5)


def test_slope_at_an_onset_worked_by_hand():
    """0.1° per degree up to 40° and 0.6 beyond: 0.6 at 50°, half of either at the knee, and what there is of it at the end."""
    lumbar, hip = bow(40.0, before=0.1, after=0.6)
    assert [slope_at(lumbar, hip, h) for h in (30.0, 40.0, 50.0, 90.0)] == pytest.approx([0.1, 0.35, 0.6, 0.6], abs=1e-3)
    # the hip stands still while the lumbar spine goes on
    t = np.linspace(0, 1, 101)
    assert slope_at(20 * t, np.zeros(101), 0.0) == np.inf


@settings(max_examples=60, deadline=None)
@given(st.floats(25, 55), st.floats(0.3, 1.2), st.floats(-20, 20), st.floats(-20, 20), st.integers(60, 800))
def test_slope_at_an_onset_follows_the_line(knee, rise, zero_l, zero_h, n):
    """Wherever the zeros are, however steep the line, whatever the tempo."""
    lumbar, hip = bow(knee, before=0.0, after=rise, n=n)
    at = threshold_onset(lumbar + zero_l, hip + zero_h, RATE, 1.0)
    assert slope_at(lumbar + zero_l, hip + zero_h, at) == pytest.approx(rise, abs=0.03)


def test_fraction_gained_after_the_hip_ran_out():
    """60° of hip with 12° of lumbar flexion, then 24° of lumbar flexion alone: two thirds."""
    t = np.linspace(0, 1, 101)
    hip, lumbar = np.concatenate([60 * t, np.full(100, 60.0)]), np.concatenate([12 * t, 12 + 24 * t[1:]])
    assert slack_fraction(lumbar, hip) == pytest.approx(2 / 3, abs=0.12)
    assert slack_fraction(12 * t, 60 * t) == 0.0
    assert np.isnan(slack_fraction(3 * t, 60 * t))


def test_butt_wink_worked_by_hand():
    """The pelvis tips forward by 30°, then back by 12° while the lumbar spine flexes from 10° to 30°; hip at 80° then."""
    t = np.linspace(0, 1, 101)
    pelvis = np.concatenate([30 * t, 30 - 12 * t[1:]])
    lumbar = np.concatenate([10 * t, 10 + 20 * t[1:]])
    hip = np.concatenate([80 * t, 80 + 20 * t[1:]])
    assert butt_wink(pelvis, lumbar, hip) == pytest.approx((12.0, 80.0))
    back, at = butt_wink(pelvis, np.full(201, 10.0), hip)
    assert back == 0.0, "the whole trunk came up"
    assert np.isnan(at)
    assert butt_wink(30 * t, 10 * t, 80 * t)[0] == 0.0


def test_held_for_a_fifth_of_a_second():
    """9° in the last 0.21 s is an onset, in the last 0.18 s none."""
    hip = np.linspace(0.0, 90.0, 200)
    for rows, there in ((21, True), (19, False)):
        lumbar = np.zeros(200)
        lumbar[-rows:] = 9.0
        assert np.isfinite(threshold_onset(lumbar, hip, RATE, 1.0)) == there


def test_a_knee_needs_a_rise_of_a_tenth_and_15_degrees_of_hip():
    for rise, there in ((0.105, True), (0.095, False)):
        assert np.isfinite(breakpoint(*bow(45.0, before=0.2, after=0.2 + rise)).hip_deg) == there
    for range_deg, there in ((15.5, True), (14.5, False)):
        assert np.isfinite(breakpoint(*bow(range_deg / 2.0, hip_deg=range_deg)).hip_deg) == there


@pytest.mark.parametrize(("criterion", "there"), [(10.6, True), (9.4, False)])
def test_a_knee_must_be_better_than_a_line_by_ten(criterion, there):
    """A knee in the middle of [0, 1], rising by r, lies off the best line by r²/192 in the mean square. Of 64 points the
    criterion is then 64 · ln((r²/192 + 0.3²) / 0.3²) - 2 · ln 64."""
    rise_deg = np.sqrt((np.exp((criterion + 2.0 * np.log(64.0)) / 64.0) - 1.0) * 0.3**2 * 192.0)
    hip = np.linspace(0.0, 20.0, 641)
    lumbar = rise_deg * np.maximum(hip / 20.0 - 0.5, 0.0)
    assert np.isfinite(breakpoint(lumbar, hip).hip_deg) == there


def test_a_knee_is_looked_for_from_the_sixth_point_on():
    """Of 64 points over 63° the sixth is at 5°."""
    hip = np.linspace(0.0, 63.0, 631)
    assert breakpoint(0.6 * np.maximum(hip - 5.0, 0.0), hip).hip_deg == pytest.approx(5.0)
    assert breakpoint(0.6 * np.maximum(hip - 58.0, 0.0), hip).hip_deg == pytest.approx(58.0)


def test_the_slope_at_an_onset_is_that_of_5_degrees():
    """A degree beyond the knee: 1.5° before it at 0.1 and 3.5° after it at 0.6."""
    lumbar, hip = bow(40.0, before=0.1, after=0.6)
    assert slope_at(lumbar, hip, 41.0) == pytest.approx((1.5 * 0.1 + 3.5 * 0.6) / 5.0, abs=1e-3)


def through(*points):
    """(bend, hip) points as hip and lumbar angles in 20 rows a degree of forward bend."""
    bend = np.arange(0.0, points[-1][0] + 0.025, 0.05)
    hip = np.interp(bend, [p[0] for p in points], [p[1] for p in points])
    return bend - hip, hip


def test_a_hip_has_run_out_when_it_gains_less_than_a_quarter_of_the_bend():
    """The hip does 60 of 72°; of the next 40° it does 0.24, or 0.26: what the lumbar spine gains then is slack, or nothing."""
    assert slack_fraction(*through((0, 0), (72, 60), (112, 69.6))) == pytest.approx(30.4 / 42.4, abs=1e-6)
    assert slack_fraction(*through((0, 0), (72, 60), (112, 70.4))) == 0.0


def test_a_hip_has_run_out_over_10_degrees_of_bend():
    """The hip pauses for 10.5° of bend, in which it does 0.24 of it, or for 9.5° without any gain, and goes on for 20°."""
    assert slack_fraction(*through((0, 0), (72, 60), (82.5, 62.52), (102.5, 82.52))) == pytest.approx(7.98 / 19.98, abs=1e-6)
    assert slack_fraction(*through((0, 0), (72, 60), (79, 60), (109, 90))) == 0.0


def test_a_hip_that_has_not_done_half_has_not_run_out():
    """It pauses for 12° of bend after 24, or 21, of 45°; the lumbar spine flexes in the pause alone."""
    assert slack_fraction(*through((0, 0), (24, 24), (36, 24), (57, 45))) == pytest.approx(1.0)
    assert slack_fraction(*through((0, 0), (21, 21), (33, 21), (57, 45))) == 0.0


def test_no_fraction_of_5_degrees_of_lumbar_flexion_or_20_of_bend():
    t = np.linspace(0.0, 1.0, 101)
    assert slack_fraction(5.2 * t, 30.0 * t) == 0.0
    assert np.isnan(slack_fraction(4.8 * t, 30.0 * t))
    assert slack_fraction(6.0 * t, 15.0 * t) == 0.0
    assert np.isnan(slack_fraction(6.0 * t, 13.0 * t))


def test_a_wink_of_5_degrees():
    t = np.linspace(0.0, 1.0, 101)
    hip = 90.0 * np.linspace(0.0, 1.0, 201)
    for back, rounded, wink in ((5.2, 5.2, 5.2), (4.8, 9.0, 0.0), (9.0, 4.8, 0.0)):
        pelvis, lumbar = np.concatenate([30 * t, 30 - back * t[1:]]), np.concatenate([10 * t, 10 + rounded * t[1:]])
        assert butt_wink(pelvis, lumbar, hip)[0] == pytest.approx(wink)
