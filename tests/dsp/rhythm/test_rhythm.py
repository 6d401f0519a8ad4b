"""Rhythm metrics against examples worked out by hand, and the laws that hold for any movement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.movements import KINDS
from body_signals.quantities import REPETITION_METRICS
from dsp.rhythm.metrics import Best, RepetitionRows, better, measure, onset_s, rhythm
from dsp.rhythm.phases import velocity
from dsp.rhythm.shares import bins, thirds

RATE = 100.0
NAMES = ("lumbar_flexion", "pelvis_tilt", "trunk_inclination", "hip_left_flexion", "hip_right_flexion")


def line(*points):
    """Degrees at 100 Hz through (second, degrees) points."""
    t = np.arange(0.0, points[-1][0] + 0.005, 0.01)
    return np.interp(t, [p[0] for p in points], [p[1] for p in points])


def metrics(lumbar, pelvis, turn_s, left=None, right=None, sd=1.0, best=None):
    n = len(lumbar)
    rows = dict(zip(NAMES, (lumbar, pelvis, lumbar + pelvis), strict=False))
    rows["hip_left_flexion"] = pelvis if left is None else left
    rows["hip_right_flexion"] = pelvis if right is None else right
    return rhythm(rows, {name: np.full(n, sd) for name in NAMES}, round(turn_s * RATE), RATE, best)


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
        # thirds of the ascent, where both move together
        ("lumbar_share_of_trunk_ascent_early", 0.5),
        ("lumbar_share_of_trunk_ascent_late", 0.5),
        # by forward bend L + P: the lumbar spine alone to 45°, the pelvis alone to 90°
        ("lumbar_share_of_trunk_30_60", 0.5),
        ("lumbar_share_of_trunk_60_90", 0.0),
        ("lumbar_share_of_trunk_ascent_30_60", 0.5),
        # 20° of its own: at 0.5 s + 20/45 s, and 1 s later
        ("delay_at_20deg_s", -1.0),
        ("onset_delay_ascent_s", 0.0),
        ("lumbar_peak_deg", 45.0),
        ("hip_left_peak_deg", 30.0),
        ("hip_left_apparent_peak_deg", 75.0),
        ("hip_rom_difference_deg", 0.0),
        ("hip_rom_difference_sd_deg", 2.0),
        ("butt_wink_deg", 0.0),
        # the lumbar spine is there before the hips begin
        ("slack_onset_deg", 0.0),
        ("slack_fraction", 0.0),
        ("hold_creep_deg_s", 0.0),
        ("hold_tremor_deg", 0.0),
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


def test_the_lag_of_likeness():
    assert WORKED["correlation_lag_s"] == pytest.approx(-1.0, abs=0.02)


def test_every_metric_has_a_place_in_the_table():
    assert set(WORKED) <= set(REPETITION_METRICS)
    # this one has no butt wink, no 90-120° and begins with lumbar flexion alone, where the hips give no share
    missing = set(REPETITION_METRICS) - set(WORKED)
    assert {name for name in missing if not name.startswith(("lumbar_share", "slack_breakpoint", "slack_slope"))} == {
        "butt_wink_onset_hip_deg",
        "hip_left_utilisation",
        "hip_right_utilisation",
        "lumbar_of_largest_bend",
    }


def test_a_pelvis_that_leads_has_a_positive_delay():
    assert metrics(PELVIS, LUMBAR, 3.0)["onset_delay_s"] == pytest.approx(1.0)


def test_a_movement_that_begins_at_its_fastest_has_its_lag():
    """The lumbar spine is fastest in the very first row, the pelvis 1.5 s later."""
    t = np.arange(0.0, 5.005, 0.01)
    lumbar = np.where(t < 2.5, 45.0 * (1.0 - np.exp(-t / 0.4)), 45.0 * (1.0 - np.exp(-(5.0 - t) / 0.4)))
    pelvis = 22.5 * (1.0 - np.cos(np.pi * np.clip(np.where(t < 2.5, t - 0.5, 4.5 - t) / 2.0, 0.0, 1.0)))
    assert metrics(lumbar, pelvis, 2.5)["peak_velocity_lag_s"] == pytest.approx(-1.5, abs=0.03)


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
    found = metrics(part * whole, (1 - part) * whole, (len(total) - 1) / RATE, sd=0.3)
    for name in ("", "_early", "_middle", "_late", "_ascent"):
        assert found[f"lumbar_share_of_trunk{name}"] == pytest.approx(part, abs=1e-6)
    assert found["lumbar_rom_deg"] + found["pelvis_rom_deg"] == pytest.approx(found["trunk_rom_deg"])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_thirds_make_up_the_whole(a, b):
    """The whole share is the mean of the thirds, each being a third of the descent's own total."""
    lumbar, pelvis = 0.5 * ramp(a), 0.7 * ramp(b)
    early, middle, late = thirds(lumbar, pelvis).value
    assert (early + middle + late) / 3 == pytest.approx(50.0 / 120.0, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300))
def test_time_shift(rest):
    """More rest before the movement changes the duration of the descent, and nothing else."""
    later = [np.concatenate([np.zeros(rest), a]) for a in (LUMBAR, PELVIS)]
    found = metrics(*later, 3.0 + rest / RATE, left=later[1] * 2 / 3, right=later[1] * 2 / 3)
    expected = WORKED | {"descent_s": WORKED["descent_s"] + rest / RATE}
    # relative phase is of the whole repetition, its rest included
    names = [name for name in expected if not name.startswith("crp")]
    assert {n: found[n] for n in names} == pytest.approx({n: expected[n] for n in names}, abs=5e-3)


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_zero_does_not_matter(a, b):
    """Shares and ranges are of changes, so the posture of standing drops out."""
    found = metrics(LUMBAR + a, PELVIS + b, 3.0, left=PELVIS * 2 / 3, right=PELVIS * 2 / 3)
    for name in ("lumbar_share_of_trunk", "lumbar_share_of_trunk_early", "lumbar_rom_deg", "onset_delay_s"):
        assert found[name] == pytest.approx(WORKED[name], abs=1e-6)


def test_thirds_of_a_small_movement_are_missing():
    assert np.isnan(thirds(np.linspace(0, 4, 50), np.linspace(0, 4, 50)).value).all()
    found = metrics(line((0, 0), (1, 4), (2, 0)), line((0, 0), (1, 4), (2, 0)), 1.0)
    assert "lumbar_share_of_trunk_early" not in found
    assert found["lumbar_share_of_trunk"] == pytest.approx(0.5)


def test_thirds_when_the_movement_pauses_and_goes_back():
    """A descent that waits and returns a little is measured along its furthest reach."""
    lumbar = line((0, 0), (1, 30), (1.5, 28), (2, 30), (3, 30))
    pelvis = line((0, 0), (2, 0), (3, 60))
    assert thirds(lumbar, pelvis).value == pytest.approx((1.0, 0.0, 0.0), abs=0.08)


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
    # left minus right
    assert found["hip_rom_difference_deg"] == pytest.approx(-20.0)


@pytest.mark.parametrize(("rows_after", "there"), [(0, False), (1, False), (2, True)])
def test_an_ascent_has_two_rows_at_least(rows_after, there):
    """Sitting down ends at the deepest row; from two rows after it on there is a way up, here of 10° a row."""
    part = np.concatenate([np.linspace(0.0, 45.0, 101), 45.0 - 10.0 * np.arange(1, rows_after + 1)])
    found = metrics(part, part, 1.0)
    assert ("lumbar_share_of_trunk_ascent" in found) is there
    if there:
        assert found["lumbar_share_of_trunk_ascent"] == pytest.approx(0.5)
        assert found["onset_delay_s"] == pytest.approx(0.0)


def test_onset_at_a_twentieth_of_the_fastest_or_5_degrees_per_second():
    """At 5.2 °/s for a second, then faster: it has begun where the fastest is 40 °/s, not where it is 200 °/s (10 °/s)."""
    slow = line((0, 0), (1, 0), (2, 5.2), (4, 85.2))
    fast = line((0, 0), (1, 0), (2, 5.2), (2.5, 105.2))
    assert onset_s(slow, RATE) == pytest.approx(1.05, abs=0.011)
    assert onset_s(fast, RATE) == pytest.approx(1.96, abs=0.02)
    # 4.8 °/s is none
    assert onset_s(line((0, 0), (1, 0), (2, 4.8), (4, 84.8)), RATE) == pytest.approx(1.96, abs=0.02)
    # of 200 °/s a twentieth is 10 °/s: 10.5 °/s is more
    assert onset_s(line((0, 0), (1, 0), (2, 10.5), (2.5, 110.5)), RATE) == pytest.approx(1.05, abs=0.011)


def test_an_onset_holds_for_a_tenth_of_a_second():
    """A step of 0.8° is 8 °/s in the ten rows whose difference over 0.1 s has it; one taken back after 9 rows in nine."""
    assert onset_s(np.concatenate([np.zeros(100), np.full(100, 0.8)]), RATE) == pytest.approx(0.95)
    assert np.isnan(onset_s(np.concatenate([np.zeros(100), np.full(9, 0.8), np.zeros(100)]), RATE))


def test_the_second_delay_is_taken_at_20_degrees_of_own_motion():
    """1° in 10 ms each, the pelvis from 0.5 s on; it ends at 21°, and the lumbar spine too."""
    lumbar, pelvis = line((0, 10), (0.21, 31), (1, 31), (2, 0)), line((0, -5), (0.5, -5), (0.71, 16), (1, 16), (2, 0))
    assert metrics(lumbar, pelvis, 1.0)["delay_at_20deg_s"] == pytest.approx(-0.5)


def test_what_was_reached_is_known_by_the_kind_of_movement():
    angles = np.array([[10.0, 50.0], [0.0, 0.0], [0.0, 0.0], [np.nan, 70.0], [20.0, 80.0]])
    assert better(Best(), "bend", angles).lumbar == 50.0
    assert better(Best(lumbar=55.0), "bend", angles).lumbar == 55.0
    reached = better(Best(hip_left=60.0, hip_right=90.0), "squat", angles)
    assert (reached.hip_left, reached.hip_right) == (70.0, 90.0)
    assert np.isnan(reached.lumbar)
    before = Best(1.0, 2.0, 3.0)
    assert better(before, "hinge", angles) is before


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


def test_bins_worked_by_hand():
    """60° of forward bend of which the lumbar spine does 30, then 40° of hip alone, then 20° of lumbar spine alone."""
    lumbar = line((0, 0), (1, 30), (2, 30), (3, 50))
    rest = line((0, 0), (1, 30), (2, 70), (3, 70))
    found = bins(lumbar, rest, 1.0, 1.0)
    assert found.value[:3] == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)
    # 90-120°: 10° of rest and 20° of lumbar
    assert found.value[3] == pytest.approx(2.0 / 3.0, abs=1e-6)
    # of 15 and 15, each known to 1°: √2 · 15 / 30²
    assert found.sd[0] == pytest.approx(np.sqrt(2.0) * 15.0 / 900.0)


def test_bins_that_are_not_whole_are_missing():
    half = np.linspace(0.0, 22.0, 100)
    values = bins(half, half).value
    assert values[0] == pytest.approx(0.5)
    assert np.isnan(values[1:]).all(), "44° is not 60°"
    late = np.linspace(10.0, 40.0, 100)
    values = bins(late, late).value
    assert np.isnan(values[0]), "it began at 20°"
    assert values[1] == pytest.approx(0.5)
    # standing ends at 5°: a movement from 4.8° on is through the whole of the first bin, one from 5.2° on is not
    assert bins(np.linspace(2.4, 16.0, 100), np.linspace(2.4, 16.0, 100)).value[0] == pytest.approx(0.5)
    assert np.isnan(bins(np.linspace(2.6, 16.0, 100), np.linspace(2.6, 16.0, 100)).value[0])
    # thirds of 9.2° are those of more than three times 3°
    assert thirds(np.linspace(0.0, 4.6, 100), np.linspace(0.0, 4.6, 100)).value == pytest.approx(0.5)
    assert np.isnan(thirds(np.linspace(0.0, 4.4, 100), np.linspace(0.0, 4.4, 100)).value).all()
    # a bin with 3.2° of rest, and with 2.8°
    assert bins(np.linspace(0.0, 26.8, 100), np.linspace(0.0, 3.2, 100)).value[0] == pytest.approx(26.8 / 30.0)
    assert np.isnan(bins(np.linspace(0.0, 27.2, 100), np.linspace(0.0, 2.8, 100)).value[0])
    # a bin with 2° of rest
    assert np.isnan(bins(np.linspace(0, 28, 50), np.linspace(0, 2, 50)).value[0])


def test_what_is_used_of_what_there_is():
    best = Best(lumbar=60.0, hip_left=120.0)
    found = metrics(LUMBAR, PELVIS, 3.0, left=PELVIS * 2 / 3, right=PELVIS * 2 / 3, best=best)
    assert found["lumbar_of_largest_bend"] == pytest.approx(0.75)
    assert found["hip_left_utilisation"] == pytest.approx(0.25)
    assert "hip_right_utilisation" not in found


SIDED = [name for name in REPETITION_METRICS if "left" in name]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_mirror(a, b, c):
    """Left and right exchanged: the sided metrics change places, their difference its sign, nothing else anything."""
    lumbar, left, right = (np.concatenate([x, x[::-1]]) * s for x, s in ((ramp(a), 0.5), (ramp(b), 0.4), (ramp(c), 0.6)))
    pelvis = 0.45 * np.concatenate([ramp(a + 1), ramp(a + 1)[::-1]])
    one, other = (metrics(lumbar, pelvis, 2.0, left=x, right=y) for x, y in ((left, right), (right, left)))
    for name, value in one.items():
        expected = value * (-1.0 if name == "hip_rom_difference_deg" else 1.0)
        twin = name.replace("left", "#").replace("right", "left").replace("#", "right")
        assert other[twin] == pytest.approx(expected, abs=1e-9), name


# metric (by what its name contains): how much it may change when the rows come at another rate
RESAMPLED = {"_s": 0.03, "velocity": 2.0, "share": 0.02, "slack": 0.7, "crp": 3.0, "sd": 0.05, "tremor": 0.2, "deg": 0.7}


def smooth(seed):
    """A bend of sines, 4 s, at a rate."""
    rng = np.random.default_rng(seed)
    depth, lead, late = rng.uniform(30, 60, 3), rng.uniform(-0.15, 0.15), rng.uniform(0.6, 1.4, 3)

    def at(rate):
        t = np.arange(0.0, 4.0 + 0.5 / rate, 1.0 / rate)
        u = [np.clip(np.minimum(t - x, 4.0 - t + x) / 2.0, 0, 1) for x in (lead, 0.0, 0.0, 0.0)]
        s = [v**3 * (10 - 15 * v + 6 * v * v) for v in u]
        lumbar, pelvis, left, right = (d * x**k for d, x, k in zip((*depth, 50.0), s, (*late, 1.0), strict=True))
        rows = dict(zip(NAMES, (lumbar, pelvis, lumbar + pelvis, left, right), strict=True))
        return rhythm(rows, {name: np.ones(len(t)) for name in NAMES}, round(2.0 * rate), rate)

    return at


@pytest.mark.parametrize("seed", range(6))
def test_resampling(seed):
    """50 and 200 Hz instead of 100: nothing changes beyond its tolerance."""
    at = smooth(seed)
    found = at(100.0)
    for rate in (50.0, 200.0):
        other = at(rate)
        assert set(other) == set(found)
        for name, value in found.items():
            tolerance = next((t for word, t in RESAMPLED.items() if word in name.replace("_deg_s", "")), 0.05)
            assert other[name] == pytest.approx(value, abs=tolerance), (name, rate)


def drawn(seed):
    """A movement of each kind, in an order and with depths and uncertainties of its own; its seat, if it is one, at the end."""
    rng = np.random.default_rng(seed)
    names, rows, sd, turn = [kind.name for kind in KINDS], [], [], []
    rng.shuffle(names)
    for name in names:
        n = int(rng.integers(150, 300))
        down = line((0, 0), (1.0, 1.0))[np.linspace(0, 100, n, dtype=int)]
        there = down if name.startswith("s") and "_" in name else np.concatenate((down[::2], down[::-2]))
        lumbar, pelvis, left, right = (depth * there for depth in rng.uniform(15, 60, 4))
        rows.append(np.stack((lumbar, pelvis, lumbar + pelvis, left, right)))
        sd.append(rng.uniform(0.5, 2.0, (5, len(there))))
        turn.append(int(there.argmax()))
    return names, rows, sd, turn


@pytest.mark.parametrize("seed", range(3))
def test_a_repetition_is_measured_alone_as_among_others(seed):
    """A knee raise has the uncertainty of its own leg's hip, also in the minute in which somebody sits down."""
    names, rows, sd, turn = drawn(seed)
    length = np.array([r.shape[1] for r in rows])
    both = RepetitionRows(np.concatenate(rows, axis=1), np.concatenate(sd, axis=1), length, np.array(turn), names)
    together = measure(both, [Best()] * len(names), RATE)
    assert {"knee_raise", "sit_down", "stand_up"} <= set(names)
    for i, name in enumerate(names):
        one = RepetitionRows(rows[i], sd[i], length[i : i + 1], np.array(turn[i : i + 1]), [name])
        alone = measure(one, [Best()], RATE)[0]
        assert dict(together[i].metrics) == dict(alone.metrics), name
        assert together[i].missing_shares == alone.missing_shares, name
