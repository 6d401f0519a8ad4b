"""Heel-drop alignment: the lag between two sensors that feel the same jolts."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals.blocks import G0
from ingest.time.heel_drop import SEARCH_S, lags


def track(rate_hz, late_s, seed, size=1.0, jolts=(11.0, 11.7, 12.5), until_s=20.0, gravity=(0.0, 0.0, G0)):
    """A sensor whose clock is `late_s` late: a drop and its rebound at each jolt, along gravity, with noise."""
    rng = np.random.default_rng(seed)
    true_s = rng.uniform(0.0, 1.0 / rate_hz) + np.arange(int(until_s * rate_hz)) / rate_hz
    up = np.array(gravity) / G0
    acc = np.tile(np.array(gravity), (len(true_s), 1)) + rng.normal(0.0, 0.1, (len(true_s), 3))
    for at in jolts:
        since = true_s - at
        flight = np.where((since > -0.12) & (since < 0.0), -G0, 0.0)
        ring = 40.0 * size * np.exp(-np.maximum(since, 0.0) / 0.03) * np.cos(2 * np.pi * 12.0 * since)
        impact = np.where(since >= 0.0, ring, 0.0)
        acc += np.outer(flight + impact, up)
    return true_s + late_s, acc


@pytest.mark.parametrize("late_s", [-0.21, -0.03, 0.0, 0.047, 0.18])
@pytest.mark.parametrize(("rate_a", "rate_b"), [(100.0, 100.0), (200.0, 60.0), (60.0, 100.0)])
def test_the_lag_is_found_within_some_milliseconds(late_s, rate_a, rate_b):
    for seed in range(8):
        tracks = {
            "pelvis": track(rate_a, 0.0, [seed, 0]),
            "lumbar": track(rate_b, late_s, [seed, 1], size=0.5, gravity=(G0 * 0.6, G0 * 0.8, 0.0)),
        }
        lag = lags(tracks, "pelvis", 10.0)["lumbar"]
        assert lag.offset_s == pytest.approx(late_s, abs=0.7 / min(rate_a, rate_b))
        assert lag.correlation > 0.6


def test_a_sensor_that_felt_nothing_has_no_lag():
    tracks = {"pelvis": track(100.0, 0.0, 1), "lumbar": track(100.0, 0.0, 2, jolts=())}
    lag = lags(tracks, "pelvis", 10.0)["lumbar"]
    assert np.isnan(lag.offset_s)
    assert "lumbar felt no jolt" in lag.reason


def test_different_motions_have_no_lag():
    tracks = {"pelvis": track(100.0, 0.0, 1), "lumbar": track(100.0, 0.0, 2, jolts=(11.5, 14.3))}
    lag = lags(tracks, "pelvis", 10.0)["lumbar"]
    assert np.isnan(lag.offset_s)
    assert "agree" in lag.reason or "apart" in lag.reason


def test_a_lag_beyond_the_search_is_none():
    tracks = {"pelvis": track(100.0, 0.0, 1), "lumbar": track(100.0, SEARCH_S + 0.1, 2)}
    assert np.isnan(lags(tracks, "pelvis", 10.0)["lumbar"].offset_s)


def test_a_sensor_without_samples_is_said():
    empty = np.empty(0), np.empty((0, 3))
    lag = lags({"pelvis": track(100.0, 0.0, 1), "lumbar": empty}, "pelvis", 10.0)["lumbar"]
    assert "lumbar felt no jolt" in lag.reason


def pulses(*at_and_size, late_s=0.0, seconds=0.1):
    """Specific force at 1 kHz of a sensor at rest, whose size is more by that much for a tenth of a second."""
    time_s = np.arange(0.0, 20.0, 0.001)
    size = G0 + sum(size * ((time_s >= at) & (time_s < at + seconds)) for at, size in at_and_size)
    return time_s + late_s, np.stack([np.zeros(len(time_s)), np.zeros(len(time_s)), size], axis=1)


@pytest.mark.parametrize(("size", "felt"), [(3.1, True), (2.9, False)])
def test_a_jolt_is_3_metres_per_second_squared(size, felt):
    lag = lags({"pelvis": pulses((12.0, 20.0)), "lumbar": pulses((12.0, size))}, "pelvis", 10.0)["lumbar"]
    assert np.isfinite(lag.offset_s) == felt
    assert ("felt no jolt" in lag.reason) != felt


@pytest.mark.parametrize(("other", "agree"), [(1.25, True), (1.42, False)])
def test_motions_agree_by_six_tenths(other, agree):
    """One of two jolts, 1 and b high, is the reference's: the correlation is 1 / √(1 + b²)."""
    lag = lags({"pelvis": pulses((12.0, 20.0)), "lumbar": pulses((12.0, 20.0), (13.0, 20.0 * other))}, "pelvis", 10.0)["lumbar"]
    assert lag.correlation == pytest.approx(1.0 / np.hypot(1.0, other), abs=0.005)
    assert np.isfinite(lag.offset_s) == agree


@pytest.mark.parametrize(("late_s", "found"), [(0.29, True), (-0.29, True), (0.31, False), (-0.31, False)])
def test_lags_of_three_tenths_of_a_second_are_looked_for(late_s, found):
    lag = lags({"pelvis": pulses((12.0, 20.0)), "lumbar": pulses((12.0, 20.0), late_s=late_s)}, "pelvis", 10.0)["lumbar"]
    assert np.isfinite(lag.offset_s) == found


@pytest.mark.parametrize(("at_s", "felt"), [(10.2, True), (14.8, True), (9.5, False), (15.45, False)])
def test_the_jolt_is_expected_within_5_seconds_of_the_mark(at_s, felt):
    lag = lags({"pelvis": pulses((at_s, 20.0)), "lumbar": pulses((at_s, 20.0), late_s=0.01)}, "pelvis", 10.0)["lumbar"]
    assert np.isfinite(lag.offset_s) == felt


@pytest.mark.parametrize("late_s", [0.0473, -0.0122])
def test_the_lag_is_found_between_steps(late_s):
    """A smooth jolt at 5 kHz: to a twentieth of the step of 1 ms."""
    time_s = np.arange(8.0, 17.0, 0.0002)
    acc = np.zeros((len(time_s), 3))
    acc[:, 2] = G0 + 20.0 * np.exp(-0.5 * ((time_s - 12.0) / 0.05) ** 2)
    lag = lags({"pelvis": (time_s, acc), "lumbar": (time_s + late_s, acc)}, "pelvis", 10.0)["lumbar"]
    assert lag.offset_s == pytest.approx(late_s, abs=5e-5)
