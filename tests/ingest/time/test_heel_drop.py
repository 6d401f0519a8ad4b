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
