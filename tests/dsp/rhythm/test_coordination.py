"""Relative phase, its measures over a set, and lags, against movements whose phases are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.rhythm.coordination import POINTS, analytic_phase, best_lags_s, directions, marp_and_dp, phase, wrapped
from dsp.rhythm.phases import one_phase, velocity

RATE = 100.0


def best_lag_s(first, second, rate_hz):
    return best_lags_s(one_phase(len(first)), first, second, rate_hz)[0]


def relative_phase(pair, rate_hz):
    """Phase of the first of two angles (2, n) minus that of the second, rad."""
    phases = phase(pair, velocity(pair, rate_hz))
    return wrapped(phases[0] - phases[1])


def waves(lag_deg, periods=1.0, sizes=(40.0, 25.0), n=401):
    """Two cosines of one period, the second later by `lag_deg`."""
    t = np.linspace(0, 2 * np.pi * periods, n)
    return np.stack([sizes[0] * (1 - np.cos(t)), sizes[1] * (1 - np.cos(t - np.radians(lag_deg)))])


@settings(max_examples=40, deadline=None)
@given(st.floats(-80, 80), st.floats(5, 80), st.floats(5, 80))
def test_sines_differ_by_their_lag(lag, a, b):
    """Whatever the sizes: what runs ahead by 30° has a phase that is 30° less, as phase falls in time."""
    pair = waves(lag, sizes=(a, b))
    found = np.degrees(directions(relative_phase(pair, RATE)).mean)
    assert found == pytest.approx(-lag, abs=4.0)


def test_both_methods_agree():
    pair = waves(35.0, periods=2.0)
    first = phase(pair, velocity(pair, RATE))
    second = analytic_phase(pair)
    one, other = (wrapped(p[0] - p[1])[5:-5] for p in (first, second))
    assert np.degrees(np.abs(wrapped(one - other)).mean()) < 6.0


def test_in_phase_and_against():
    pair = waves(0.0)
    assert relative_phase(pair, RATE) == pytest.approx(0.0, abs=1e-6)
    against = np.stack([pair[0], -pair[0]])
    assert np.abs(np.degrees(relative_phase(against, RATE))) == pytest.approx(180.0, abs=1e-4)


def test_direction_across_half_a_turn():
    """The mean of 170° and -170° is 180°, not 0°."""
    found = directions(np.radians([170.0, -170.0]))
    assert abs(np.degrees(found.mean)) == pytest.approx(180.0)
    assert np.degrees(found.sd) == pytest.approx(10.0, abs=0.1)


def test_marp_and_dp_worked_by_hand():
    """Three repetitions at 20°, 30°, 40° throughout: mean 30°, circular deviation √(-2 ln R), R = (1 + 2 cos 10°) / 3."""
    curves = np.radians([[20.0] * POINTS, [30.0] * POINTS, [40.0] * POINTS])
    marp, dp = marp_and_dp(curves)
    assert np.degrees(marp) == pytest.approx(30.0)
    assert dp == pytest.approx(np.sqrt(-2 * np.log((1 + 2 * np.cos(np.radians(10))) / 3)))
    # sizes are averaged after the repetitions
    assert marp_and_dp(np.radians([[30.0] * POINTS, [-30.0] * POINTS]))[0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("lag_s", [-0.4, -0.05, 0.0, 0.123, 0.8])
def test_lag_of_two_bells(lag_s):
    t = np.arange(0, 4, 0.01)
    first, second = (np.exp(-(((t - c) / 0.3) ** 2)) for c in (2.0 + lag_s, 2.0))
    assert best_lag_s(first, second, RATE) == pytest.approx(lag_s, abs=0.01)
    assert np.isnan(best_lag_s(np.zeros(50), np.zeros(50), RATE))


def bells(*centres, seconds=4.0, width=0.3):
    at = np.arange(0.0, seconds, 0.01)
    return sum(np.exp(-(((at - c) / width) ** 2)) for c in centres)


def test_no_lag_where_two_could_be_meant():
    """One bell beside two equal ones, 0.6 s before and after it; when one of them is much the smaller, the other is meant."""
    one = bells(2.0)
    assert np.isnan(best_lag_s(one, bells(1.4, 2.6), RATE))
    clear = best_lag_s(one, 0.4 * bells(1.4) + bells(2.6), RATE)
    assert clear == pytest.approx(-0.6, abs=0.02)


def test_no_lag_of_what_is_not_alike():
    """A short jerk, and a slow rise to the end: they resemble each other by 0.2 at best."""
    assert np.isnan(best_lag_s(bells(1.0, width=0.1), np.linspace(0.0, 1.0, 400), RATE))


def test_no_lag_beyond_a_second():
    assert best_lag_s(bells(4.9, seconds=8.0), bells(4.0, seconds=8.0), RATE) == pytest.approx(0.9, abs=0.01)
    assert np.isnan(best_lag_s(bells(5.2, seconds=8.0), bells(4.0, seconds=8.0), RATE))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.7, 0.7), st.floats(0.1, 100.0), st.floats(0.1, 100.0))
def test_a_lag_depends_on_no_size_and_hardly_on_noise(seed, lag_s, a, b):
    noise = np.random.default_rng(seed).normal(0.0, 0.02, (2, 400))
    first, second = bells(2.0 + lag_s), bells(2.0)
    found = best_lag_s(a * first, b * second, RATE)
    assert found == pytest.approx(lag_s, abs=0.01)
    assert best_lag_s(first + noise[0], second + noise[1], RATE) == pytest.approx(lag_s, abs=0.05)
    assert best_lag_s(b * second, a * first, RATE) == pytest.approx(-found, abs=1e-9)


@given(st.floats(-20, 20))
def test_wrapped(angle):
    found = float(wrapped(np.array([angle]))[0])
    assert -np.pi < found <= np.pi
    assert np.cos(found) == pytest.approx(np.cos(angle), abs=1e-9)


def narrow(*centres_and_sizes):
    """Bells of 50 ms in 8 s, so that their mean is next to nothing."""
    return sum(size * bells(centre, seconds=8.0, width=0.05) for centre, size in centres_and_sizes)


@pytest.mark.parametrize(("size", "lag"), [(0.74, 0.0), (0.77, np.nan)])
def test_a_rival_must_be_lower_by_a_fifth(size, lag):
    """The likeness of one bell and two, 1 and a high, is 1 / √(1 + a²) and a / √(1 + a²): apart by 0.209, and by 0.182."""
    found = best_lag_s(narrow((4.0, 1.0)), narrow((4.0, 1.0), (4.6, size)), RATE)
    assert found == pytest.approx(lag, abs=0.01, nan_ok=True)


@pytest.mark.parametrize(("off_s", "lag"), [(1.45, np.nan), (1.57, 0.0)])
def test_no_rival_is_looked_for_beyond_a_second_and_a_half(off_s, lag):
    found = best_lag_s(narrow((4.0, 1.0)), narrow((4.0, 1.0), (4.0 + off_s, 0.9)), RATE)
    assert found == pytest.approx(lag, abs=0.01, nan_ok=True)


@pytest.mark.parametrize(("size", "lag"), [(0.92, 0.0), (1.1, np.nan)])
def test_two_motions_must_be_alike_by_seven_tenths(size, lag):
    """A second bell, too far off for a lag, leaves a likeness of 1 / √(1 + a²): 0.736, and 0.673."""
    found = best_lag_s(narrow((3.0, 1.0)), narrow((3.0, 1.0), (6.0, size)), RATE)
    assert found == pytest.approx(lag, abs=0.01, nan_ok=True)


@pytest.mark.parametrize(("period", "lag"), [(0.1, 0.0), (0.11, np.nan)])
def test_a_peak_within_a_tenth_of_a_second_is_no_rival(period, lag):
    """Bursts of a fast oscillation: the next peak of their likeness is 0.86, the one after it 0.55."""
    at = np.arange(-4.0, 4.0, 0.01)
    burst = np.cos(2.0 * np.pi * at / period) * np.exp(-0.5 * (at / (period / np.sqrt(4 * 0.15 / 2))) ** 2)
    assert best_lag_s(burst, burst, RATE) == pytest.approx(lag, abs=0.001, nan_ok=True)


def test_a_lag_of_just_over_a_second_is_none():
    assert np.isnan(best_lag_s(bells(5.05, seconds=8.0), bells(4.0, seconds=8.0), RATE))
