"""Orientation between the filter's corrections: beside the filter at the full rate, at every rate, in every cut."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import vqf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dsp import rotation
from dsp.orientation.strapdown import FILTER_HZ, StrapdownFilter, samples_of_step, two_sided

RATES = (25.0, 50.0, 60.0, 100.0, 120.0, 200.0, 286.0)


@cache
def whirl(rate_hz: float, seconds: float = 20.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sensor that turns about a wandering axis, up to 4 rad/s: forces and mean rates (n, 3) and true orientation (4, n)."""
    finer = 8
    n = int(seconds * rate_hz)
    t = np.arange(n * finer) / (rate_hz * finer)
    rate = np.stack((3.0 * np.sin(2.1 * t), 2.5 * np.cos(1.7 * t) * np.sin(0.4 * t), 1.5 * np.sin(1.3 * t + 1.0)), axis=1)
    steps = Rotation.from_rotvec(rate / (rate_hz * finer)).as_quat(scalar_first=True).tolist()
    track, (w, x, y, z) = [], Rotation.from_euler("xyz", (0.2, -0.4, 0.0)).as_quat(scalar_first=True).tolist()
    # numbers, not arrays: tens of thousands of steps, each from the one before
    for a, b, c, d in steps:
        w, x, y, z = (
            w * a - x * b - y * c - z * d,
            w * b + x * a + y * d - z * c,
            w * c - x * d + y * a + z * b,
            w * d + x * c - y * b + z * a,
        )
        track.append((w, x, y, z))
    true = Rotation.from_quat(np.array(track)[finer - 1 :: finer], scalar_first=True)
    shaken = np.stack((np.sin(9.0 * t), np.cos(7.0 * t), np.sin(5.0 * t)), axis=1)[finer - 1 :: finer]
    forces = true.inv().apply(shaken + np.array((0.0, 0.0, 9.81)))
    return forces, rate.reshape(n, finer, 3).mean(axis=1), true.as_quat(scalar_first=True).T


def tilt_error_deg(quat: np.ndarray, true: np.ndarray) -> np.ndarray:
    up, right = rotation.vertical_in_sensor(quat), rotation.vertical_in_sensor(true)
    return np.degrees(2.0 * np.arcsin(np.minimum(0.5 * np.linalg.norm(up - right, axis=0), 1.0)))


@pytest.mark.parametrize(
    ("rate_hz", "samples"), [(12.5, 1), (25.0, 1), (49.0, 1), (50.0, 2), (60.0, 2), (100.0, 4), (200.0, 8), (286.0, 11)]
)
def test_a_step_has_as_many_samples_as_the_filter_needs(rate_hz, samples):
    assert samples_of_step(rate_hz) == samples
    assert rate_hz / samples >= min(rate_hz, FILTER_HZ)


@pytest.mark.parametrize("rate_hz", RATES)
def test_as_the_filter_at_the_full_rate(rate_hz):
    forces, rates, true = whirl(rate_hz)
    full = vqf.VQF(1.0 / rate_hz).updateBatch(rates, forces)["quat6D"].T
    found = StrapdownFilter(rate_hz).update(forces, rates)
    assert np.linalg.norm(found, axis=0) == pytest.approx(1.0, abs=1e-6)
    settled = slice(int(5 * rate_hz), None)
    was, now = (tilt_error_deg(q, true)[settled] for q in (full, found))
    assert np.sqrt((now**2).mean()) < 1.02 * np.sqrt((was**2).mean()) + 0.02
    assert tilt_error_deg(found, full)[settled].max() < 0.3
    # upright from the first sample on
    assert tilt_error_deg(found, full)[0] < 0.01


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 286.0])
def test_nothing_is_lost_between_the_corrections(rate_hz):
    """Integrating a step as a whole is as good as sample by sample: the heading, which nothing corrects, tells."""
    forces, rates, true = whirl(rate_hz)
    turn = rotation.multiply(true, rotation.conjugate(StrapdownFilter(rate_hz).update(forces, rates)))
    turn_full = rotation.multiply(true, rotation.conjugate(vqf.VQF(1.0 / rate_hz).updateBatch(rates, forces)["quat6D"].T))
    drift, drift_full = (np.degrees(np.unwrap(rotation.twist_about_vertical(q)[0])) for q in (turn, turn_full))
    assert np.ptp(drift[int(rate_hz) :]) < np.ptp(drift_full[int(rate_hz) :]) + 0.1


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 2000])
def test_two_sided_as_the_smoother_at_the_full_rate(rate_hz, n):
    forces, rates, true = (x[..., :n] if len(x) == 4 else x[:n] for x in whirl(rate_hz))
    found = two_sided(rate_hz, forces, rates)
    assert found.shape == (4, len(forces))
    full = vqf.offlineVQF(np.ascontiguousarray(rates), np.ascontiguousarray(forces), None, 1.0 / rate_hz)["quat6D"].T
    was, now = (np.sqrt((tilt_error_deg(q, true) ** 2).mean()) for q in (full, found))
    assert now < 1.05 * was + 0.05


@settings(max_examples=30, deadline=None)
@given(rate_hz=st.sampled_from(RATES), cuts=st.lists(st.integers(1, 399), max_size=12, unique=True))
def test_the_cut_changes_nothing(rate_hz, cuts):
    forces, rates, _ = (x[..., :400] if len(x) == 4 else x[:400] for x in whirl(rate_hz))
    whole = StrapdownFilter(rate_hz).update(forces, rates)
    filter_ = StrapdownFilter(rate_hz)
    borders = [0, *sorted(cuts), len(forces)]
    parts = [filter_.update(forces[a:b], rates[a:b]) for a, b in itertools.pairwise(borders)]
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()
    assert filter_.quat.tobytes() == whole[:, -1].tobytes()
