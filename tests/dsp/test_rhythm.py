"""Rhythm metrics against examples worked out by hand, and the laws that hold for any movement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.rhythm import onset_s, rhythm, share, thirds, velocity
from signals.quantities import REPETITION_METRICS

RATE = 100.0
NAMES = ("lumbar_flexion", "pelvis_tilt", "trunk_inclination", "hip_left_flexion", "hip_right_flexion")


def line(*points):
    """Degrees at 100 Hz through (second, degrees) points."""
    t = np.arange(0.0, points[-1][0] + 0.005, 0.01)
    return np.interp(t, [p[0] for p in points], [p[1] for p in points])


def metrics(lumbar, pelvis, turn_s, left=None, right=None, sd=1.0):
    n = len(lumbar)
    rows = dict(zip(NAMES, (lumbar, pelvis, lumbar + pelvis), strict=False))
    rows["hip_left_flexion"] = pelvis if left is None else left
    rows["hip_right_flexion"] = pelvis if right is None else right
    return rhythm(rows, {name: np.full(n, sd) for name in NAMES}, round(turn_s * RATE), RATE)


# Rest 0.5 s; in 1 s the lumbar spine goes to 45°; in the next the pelvis goes to 45°; hold 1 s; both come back in 1.5 s
# together; rest 0.5 s. The thighs lean back a third of the pelvis, so the hips flex two thirds of it.
LUMBAR = line((0, 0), (0.5, 0), (1.5, 45), (3.5, 45), (5, 0), (5.5, 0))
PELVIS = line((0, 0), (1.5, 0), (2.5, 45), (3.5, 45), (5, 0), (5.5, 0))
WORKED = metrics(LUMBAR, PELVIS, 3.0, left=PELVIS * 2 / 3, right=PELVIS * 2 / 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # ranges
        ("lumbar_rom_deg", 45.0),
        ("pelvis_rom_deg", 45.0),
        ("trunk_rom_deg", 90.0),
        ("hip_left_rom_deg", 30.0),
        # 45 / (45 + 45), and its thirds of 30° each: 30/30, 15/30, 0/30
        ("lumbar_share_of_trunk", 0.5),
        ("lumbar_share_of_trunk_early", 1.0),
        ("lumbar_share_of_trunk_middle", 0.5),
        ("lumbar_share_of_trunk_late", 0.0),
        ("lumbar_share_of_trunk_ascent", 0.5),
        # 45 / (45 + 30), and its thirds of 25° each: 25/25, 20/25, 0/25
        ("lumbar_share_of_trunk_on_thigh", 0.6),
        ("lumbar_share_of_trunk_on_thigh_early", 1.0),
        ("lumbar_share_of_trunk_on_thigh_middle", 0.8),
        ("lumbar_share_of_trunk_on_thigh_late", 0.0),
        ("lumbar_share_of_trunk_on_thigh_ascent", 0.6),
        # the lumbar spine begins 1 s before the pelvis: the pelvis is late
        ("onset_delay_s", -1.0),
        # 45° in 1 s down, in 1.5 s up
        ("lumbar_peak_velocity_descent_deg_s", 45.0),
        ("pelvis_peak_velocity_descent_deg_s", 45.0),
        ("lumbar_peak_velocity_ascent_deg_s", 30.0),
        ("trunk_peak_velocity_ascent_deg_s", 60.0),
        ("hip_right_peak_velocity_descent_deg_s", 30.0),
        # √(1² + 1²) of the two ends; of the share: √2 · √(45² + 45²) / 90²
        ("lumbar_rom_sd_deg", np.sqrt(2.0)),
        ("lumbar_share_of_trunk_sd", 90.0 / 90.0**2),
    ],
)
def test_worked_by_hand(name, expected):
    assert WORKED[name] == pytest.approx(expected, abs=1e-6)


def test_phases_worked_by_hand():
    """From 2.5 s to 3.5 s it holds; a velocity over 0.1 s sees the ends a little early and late."""
    assert WORKED["descent_s"] == pytest.approx(2.5, abs=0.06)
    assert WORKED["hold_s"] == pytest.approx(1.0, abs=0.12)
    assert WORKED["ascent_s"] == pytest.approx(2.0, abs=0.06)
    assert WORKED["descent_s"] + WORKED["hold_s"] + WORKED["ascent_s"] == pytest.approx(5.5)


def test_every_metric_has_a_place_in_the_table():
    assert set(WORKED) <= set(REPETITION_METRICS)
    assert set(WORKED) == set(REPETITION_METRICS)


def test_a_pelvis_that_leads_has_a_positive_delay():
    assert metrics(PELVIS, LUMBAR, 3.0)["onset_delay_s"] == pytest.approx(1.0)


def ramp(seed, n=200):
    """A descent that never goes back, any shape, 0 to 100."""
    steps = np.random.default_rng(seed).uniform(0.05, 1.0, n)
    return np.concatenate([[0.0], 100.0 * np.cumsum(steps) / steps.sum()])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.02, 0.98), st.floats(15.0, 120.0))
def test_share_law(seed, part, size):
    """If the lumbar spine always does the part s, every share is s, whatever the tempo and the size."""
    total = ramp(seed) * size / 100.0
    whole = np.concatenate([total, total[::-1]])
    found = metrics(part * whole, (1 - part) * whole, (len(total) - 1) / RATE)
    for name in ("", "_early", "_middle", "_late", "_ascent"):
        assert found[f"lumbar_share_of_trunk{name}"] == pytest.approx(part, abs=1e-6)
    assert found["lumbar_rom_deg"] + found["pelvis_rom_deg"] == pytest.approx(found["trunk_rom_deg"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_thirds_make_up_the_whole(a, b):
    """The whole share is the mean of the thirds, each being a third of the descent's own total."""
    lumbar, pelvis = 0.5 * ramp(a), 0.7 * ramp(b)
    early, middle, late = thirds(lumbar, pelvis)
    assert (early + middle + late) / 3 == pytest.approx(50.0 / 120.0, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300))
def test_time_shift(rest):
    """More rest before the movement changes the duration of the descent, and nothing else."""
    later = [np.concatenate([np.zeros(rest), a]) for a in (LUMBAR, PELVIS)]
    found = metrics(*later, 3.0 + rest / RATE, left=later[1] * 2 / 3, right=later[1] * 2 / 3)
    expected = WORKED | {"descent_s": WORKED["descent_s"] + rest / RATE}
    assert found == pytest.approx(expected, abs=1e-6)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_zero_does_not_matter(a, b):
    """Shares and ranges are of changes, so the posture of standing drops out."""
    found = metrics(LUMBAR + a, PELVIS + b, 3.0, left=PELVIS * 2 / 3, right=PELVIS * 2 / 3)
    for name in ("lumbar_share_of_trunk", "lumbar_share_of_trunk_early", "lumbar_rom_deg", "onset_delay_s"):
        assert found[name] == pytest.approx(WORKED[name], abs=1e-6)


def test_small_or_cancelling_totals_have_no_share():
    assert np.isnan(share(1.0, 1.9))
    assert share(1.0, 2.1) == pytest.approx(1.0 / 3.1)
    # sitting down: the lumbar spine flexes as the pelvis tips back
    assert np.isnan(share(20.0, -12.0))
    assert share(20.0, -8.0) == pytest.approx(20.0 / 12.0)
    assert share(-30.0, -60.0) == pytest.approx(1.0 / 3.0)


def test_thirds_of_a_small_movement_are_missing():
    assert np.isnan(thirds(np.linspace(0, 4, 50), np.linspace(0, 4, 50))).all()
    found = metrics(line((0, 0), (1, 4), (2, 0)), line((0, 0), (1, 4), (2, 0)), 1.0)
    assert "lumbar_share_of_trunk_early" not in found
    assert found["lumbar_share_of_trunk"] == pytest.approx(0.5)


def test_thirds_when_the_movement_pauses_and_goes_back():
    """A descent that waits and returns a little is measured along its furthest reach."""
    lumbar = line((0, 0), (1, 30), (1.5, 28), (2, 30), (3, 30))
    pelvis = line((0, 0), (2, 0), (3, 60))
    assert thirds(lumbar, pelvis) == pytest.approx((1.0, 0.0, 0.0), abs=0.08)


def test_one_hip_stands_for_both():
    missing = np.full(len(LUMBAR), np.nan)
    found = metrics(LUMBAR, PELVIS, 3.0, left=missing, right=PELVIS * 2 / 3)
    assert found["lumbar_share_of_trunk_on_thigh"] == pytest.approx(0.6)
    assert "hip_left_rom_deg" not in found
    assert found["lumbar_share_of_trunk_on_thigh_sd"] > 0


def test_the_mean_of_both_hips():
    """20° left, 40° right: H = 30°."""
    found = metrics(LUMBAR, PELVIS, 3.0, left=PELVIS * 4 / 9, right=PELVIS * 8 / 9)
    assert found["lumbar_share_of_trunk_on_thigh"] == pytest.approx(45.0 / 75.0)


@pytest.mark.parametrize("gone", ["lumbar", "pelvis", "hips"])
def test_what_was_not_measured_is_absent(gone):
    """Absent, not zero and not NaN."""
    nan = np.full(len(LUMBAR), np.nan)
    rows = {
        "lumbar_flexion": nan if gone in ("lumbar", "pelvis") else LUMBAR,
        "pelvis_tilt": nan if gone == "pelvis" else PELVIS,
        "trunk_inclination": nan if gone == "lumbar" else LUMBAR + PELVIS,
        "hip_left_flexion": nan if gone in ("pelvis", "hips") else PELVIS,
        "hip_right_flexion": nan if gone in ("pelvis", "hips") else PELVIS,
    }
    found = rhythm(rows, {name: np.ones(len(LUMBAR)) for name in NAMES}, 300, RATE)
    assert np.isfinite(list(found.values())).all()
    expected = {
        "lumbar": {"pelvis_rom_deg", "hip_left_rom_deg"},
        "pelvis": {"trunk_rom_deg", "descent_s"},
        "hips": {"lumbar_share_of_trunk", "descent_s", "onset_delay_s"},
    }[gone]
    assert expected <= set(found)
    forbidden = {"lumbar": "lumbar_", "pelvis": "pelvis_", "hips": "hip_"}[gone]
    assert not [name for name in found if name.startswith(forbidden)]
    assert "lumbar_share_of_trunk_on_thigh" not in found


def test_one_hole_makes_a_metric_missing():
    lumbar = LUMBAR.copy()
    lumbar[100] = np.nan
    found = metrics(lumbar, PELVIS, 3.0)
    assert "lumbar_rom_deg" not in found
    assert found["pelvis_rom_deg"] == pytest.approx(45.0)


def test_a_movement_without_descent_has_no_share():
    found = metrics(LUMBAR, PELVIS, 0.0)
    assert not [name for name in found if "share" in name]
    assert found["lumbar_rom_deg"] == pytest.approx(45.0)


def test_velocity_of_a_line_and_of_too_few_samples():
    assert velocity(np.arange(50) * 0.3, RATE) == pytest.approx(30.0)
    assert velocity(np.array([0.0, 5.0, 7.0]), RATE) == pytest.approx(0.0)


def test_onset_needs_to_last():
    """A twitch of 50 ms is not the onset; a slow creep never begins."""
    twitch = line((0, 0), (0.5, 0), (0.51, 1.0), (0.52, 0.0), (2, 0), (3, 40))
    assert onset_s(twitch, RATE) == pytest.approx(1.97, abs=0.03)
    assert np.isnan(onset_s(line((0, 0), (10, 30)), RATE))
    assert np.isnan(onset_s(np.zeros(5), RATE))
