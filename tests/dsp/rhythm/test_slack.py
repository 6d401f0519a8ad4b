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
