"""Relative heading: the drift is followed, a gap makes it unknown, and knowing what comes after helps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.grid.ticks import LOOK_STRIDE
from dsp.heading.filter import (
    KNOWN_SD_RAD,
    LOST_POSTURE_SD_RAD,
    LOST_SD_RAD,
    OFFSET_WALK,
    RATE_WALK,
    STANDING_RATE_SD,
    STANDING_SD_RAD,
    HeadingState,
    RelativeHeading,
    after_standing,
    lost,
    smooth_heading,
    twist_variance,
)

RATE = 100.0


def coloured(rng, n, sd_deg=3.0, correlation_s=1.0):
    """A joint's twist while upright: bounded, slow, rad."""
    keep = np.exp(-1.0 / (RATE * correlation_s))
    steps = rng.normal(0.0, np.radians(sd_deg) * np.sqrt(1 - keep**2), n)
    out, value = np.empty(n), 0.0
    for i, step in enumerate(steps.tolist()):
        value = keep * value + step
        out[i] = value
    return out


def drifting(seed, seconds=120.0, rate_deg_s=0.3, start_deg=40.0):
    """Drift (n,) that is to be found, and the twist (n,) that is seen of it, rad."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    wander = np.cumsum(rng.normal(0.0, np.radians(0.02) / np.sqrt(RATE), n)) / RATE
    drift = np.radians(start_deg) + np.cumsum(np.radians(rate_deg_s) + wander) / RATE
    return drift, drift + coloured(rng, n)


def flat(n):
    return np.ones(n), np.zeros(n)


def zeros(n):
    return np.zeros(n, np.int32)


def filtered(twist, start, epochs=None, first=0):
    n = len(twist)
    heading = RelativeHeading(RATE)
    heading.start(start, (0, 0))
    heading.calibrated()
    e = zeros(n) if epochs is None else epochs
    return heading.feed(first, twist, *flat(n), e, zeros(n))


def rms_deg(error):
    return float(np.degrees(np.sqrt(np.mean(error**2))))


def test_drift_is_followed():
    """0.3 °/s for two minutes would be 36° off; the filter stays within a few degrees and knows it."""
    drift, twist = drifting(1)
    found = filtered(twist, drift[0])
    error = found.offset - drift
    assert rms_deg(error) < 3.0
    assert found.known.all()
    assert np.mean(np.abs(error) < 2 * found.sd) > 0.85


def test_without_a_standing_nothing_is_known():
    heading = RelativeHeading(RATE)
    found = heading.feed(0, np.zeros(30), *flat(30), zeros(30), zeros(30))
    assert not found.known.any()
    assert np.isnan(found.offset).all()
    assert heading.state is None


def test_right_after_the_standing():
    found = filtered(np.full(5, np.radians(77.0)), np.radians(77.0), first=1)
    assert np.degrees(found.offset) == pytest.approx(77.0)
    assert found.sd == pytest.approx(STANDING_SD_RAD)


def test_a_gap_makes_it_unknown_until_it_has_been_seen_again():
    drift, twist = drifting(2, seconds=60.0)
    jump = np.radians(130.0)
    epochs = zeros(len(twist))
    twist, drift = twist.copy(), drift.copy()
    back = 3151
    gap = slice(3000, back)
    twist[back:] += jump
    drift[back:] += jump
    twist[gap] = np.nan
    epochs[back:], epochs[gap] = 1, -1
    found = filtered(twist, drift[0], epochs)
    assert found.known[:3000].all()
    # from the very first tick after the gap, also before the next update
    assert not found.known[back : back + LOOK_STRIDE].any()
    assert found.known[3400:].all()
    assert rms_deg((found.offset - drift)[3600:]) < 5.0


def test_nothing_is_known_while_a_sensor_of_the_pair_has_another_heading():
    """Each sensor's own epoch counts; a stale offset is never used for a new heading."""
    drift, twist = drifting(2, seconds=20.0)
    n = len(twist)
    heading = RelativeHeading(RATE)
    heading.start(drift[0], (4, 7))
    heading.calibrated()
    epoch_a, epoch_b = np.full(n, 4, np.int32), np.full(n, 7, np.int32)
    epoch_b[705:] = 8
    found = heading.feed(0, twist, *flat(n), epoch_a, epoch_b)
    assert found.known[:705].all()
    assert not found.known[705:715].any()


def test_while_a_sensor_is_away_the_uncertainty_grows():
    drift, twist = drifting(3, seconds=60.0)
    twist = twist.copy()
    twist[1000:5000] = np.nan
    found = filtered(twist, drift[0])
    away = found.sd[1000:5000:LOOK_STRIDE]
    assert (np.diff(away) > 0).all()
    assert found.sd[5500] < away[-1]


def test_an_offset_across_half_a_turn():
    """Headings wrap; the offset may be anything, also near 180°."""
    drift, twist = drifting(4, start_deg=175.0)
    found = filtered(np.remainder(twist + np.pi, 2 * np.pi) - np.pi, drift[0])
    error = np.remainder(found.offset - drift + np.pi, 2 * np.pi) - np.pi
    assert rms_deg(error) < 3.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 137), min_size=1, max_size=20), st.integers(0, 99))
def test_chunks_do_not_matter(seed, sizes, first):
    _, twist = drifting(seed, seconds=8.0)
    twist[300:340] = np.nan
    epochs = zeros(len(twist))
    epochs[340:] = 1
    whole = filtered(twist, twist[0], epochs, first)
    heading, parts, at, i = RelativeHeading(RATE), [], 0, 0
    heading.start(twist[0], (0, 0))
    heading.calibrated()
    while at < len(twist):
        stop = min(at + sizes[i % len(sizes)], len(twist))
        n = stop - at
        parts.append(heading.feed(first + at, twist[at:stop], *flat(n), epochs[at:stop], zeros(n)))
        at, i = stop, i + 1
    for field in ("offset", "sd", "known", "spread"):
        assert np.concatenate([getattr(p, field) for p in parts]).tobytes() == getattr(whole, field).tobytes()


def test_a_flexed_joint_says_less_of_the_heading():
    upright, flexed, hidden = (
        twist_variance(np.radians([f]), np.array([o]), 0.1)[0] for f, o in ((0, 1.0), (80, 1.0), (80, 0.3))
    )
    assert upright < flexed < hidden
    assert np.isfinite(twist_variance(np.radians([180.0]), np.zeros(1), 0.1)).all()


def test_the_smoother_is_better_than_the_filter():
    """On average over twenty sessions; a single one may go the other way."""
    ratio = []
    for seed in range(20):
        drift, twist = drifting(seed, seconds=60.0)
        n = len(twist)
        forward = filtered(twist, drift[0])
        both = smooth_heading(n, RATE, twist, *flat(n), [(0, drift[0], STANDING_SD_RAD)])
        ratio.append(rms_deg(both.offset - drift) / rms_deg(forward.offset - drift))
    assert np.mean(ratio) < 0.9
    assert np.median(ratio) < 0.95


def test_the_smoother_states_its_error_honestly():
    """Over twenty sessions the true heading lies within two standard deviations nine times in ten."""
    inside = []
    for seed in range(20):
        drift, twist = drifting(seed, seconds=60.0)
        n = len(twist)
        found = smooth_heading(n, RATE, twist, *flat(n), [(0, drift[0], STANDING_SD_RAD)])
        inside.append(np.mean(np.abs(found.offset - drift) < 2 * found.sd))
    assert np.mean(inside) > 0.9


@pytest.mark.parametrize("tick", [0, 2503, 4999])
def test_an_anchor_holds(tick):
    """Where the heading is known from elsewhere the smoother goes through it, with that little doubt."""
    drift, twist = drifting(5, seconds=50.0)
    n = len(twist)
    anchored = smooth_heading(n, RATE, twist, *flat(n), [(tick, drift[tick], np.radians(0.3))])
    free = smooth_heading(n, RATE, twist, *flat(n), [])
    assert abs(np.degrees(anchored.offset[tick] - drift[tick])) < 0.6
    assert np.degrees(anchored.sd[tick]) < 0.35
    assert anchored.sd[tick] < free.sd[tick]


def test_smoother_of_a_stretch_without_samples_knows_nothing():
    n = 500
    found = smooth_heading(n, RATE, np.full(n, np.nan), *flat(n), [])
    assert np.isfinite(found.offset).all()
    assert not found.known.any()
    assert (found.sd >= 0.9 * LOST_SD_RAD).all()


def test_smoother_bridges_a_missing_stretch():
    drift, twist = drifting(6, seconds=60.0)
    twist = twist.copy()
    twist[2000:3000] = np.nan
    n = len(twist)
    found = smooth_heading(n, RATE, twist, *flat(n), [(0, drift[0], STANDING_SD_RAD)])
    assert rms_deg((found.offset - drift)[2000:3000]) < 3.0
    assert found.known.all()
    assert found.sd[2500] > found.sd[1000]


def test_very_short_stretches():
    for n in (1, 3, LOOK_STRIDE, LOOK_STRIDE + 1):
        found = smooth_heading(n, RATE, np.full(n, 0.2), *flat(n), [(n - 1, 0.2, 0.01)])
        assert found.offset == pytest.approx(0.2)
        assert (found.sd < KNOWN_SD_RAD).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0, 2), st.floats(1e-6, 10)), min_size=1, max_size=60))
def test_covariance_stays_a_covariance(measurements):
    state = after_standing(0.0)
    for twist, flexion, variance in measurements:
        steps = []
        state.follow(0.1, [twist], [flexion], [variance], steps=steps)
        assert 0.0 < state.p00 <= steps[0][1]
        matrix = np.array(
            [[state.p00, state.p01, state.p02], [state.p01, state.p11, state.p12], [state.p02, state.p12, state.p22]]
        )
        assert np.linalg.eigvalsh(matrix).min() > -1e-9 * np.trace(matrix)


@pytest.mark.parametrize("turn_deg", [-10.0, 6.0, 10.0])
def test_a_posture_that_is_held_is_not_forgotten(turn_deg):
    """A minute turned to one side after a minute of moving: the drift is still followed, the turn is not taken for it."""
    rng = np.random.default_rng(8)
    drift = np.radians(20.0 + 0.03 * np.arange(12000) / RATE)
    # from one posture to the next in a second each, then turned within two
    knots = np.radians(np.append(rng.normal(0.0, 3.0, 30), turn_deg))
    posture = np.interp(np.arange(12000) / RATE, np.arange(0.0, 62.0, 2.0), knots) + 0.1 * coloured(rng, 12000)
    found = filtered(drift + posture, drift[0])
    error = np.degrees(found.offset - drift)[6200:]
    assert np.abs(error).max() < 3.0
    both = smooth_heading(12000, RATE, drift + posture, *flat(12000), [(0, drift[0], STANDING_SD_RAD)])
    assert np.abs(np.degrees(both.offset - drift)[6200:]).max() < 3.0


def test_a_drift_while_nothing_moves_is_a_drift():
    """The slope of a held posture is the drift's rate: a minute of 0.2 °/s is 12°."""
    rng = np.random.default_rng(9)
    drift = np.radians(0.2 * np.arange(6000) / RATE)
    found = filtered(drift + 0.1 * coloured(rng, 6000), 0.0)
    assert abs(np.degrees(found.offset - drift)[-1]) < 2.0


def test_a_long_held_drift_is_no_path_of_movement():
    """A drift that is followed goes on for more than the dead band; its posture is one and the same."""
    rng = np.random.default_rng(11)
    drift = np.radians(0.1 * np.arange(24000) / RATE)
    turned = np.radians(10.0) * (np.arange(24000) / RATE > 120.0) + 0.1 * coloured(rng, 24000)
    found = filtered(drift + turned, 0.0)
    assert abs(np.degrees(found.offset - drift)[-1]) < 3.0


def test_a_drift_while_calibrating_is_not_taken_for_a_posture():
    """Standing for 20 s with a drift of 0.2 °/s, between movements that change the posture's number: then a turn by 10°."""
    twist = np.radians(0.2 * np.arange(2000) / RATE)
    nodding = np.radians(40.0) * np.abs(np.sin(np.arange(2000) / RATE))
    found = {}
    for calm in (True, False):
        heading = RelativeHeading(RATE)
        heading.start(0.0, (0, 0))
        if not calm:
            heading.calibrated()
        known = np.where(nodding < np.radians(10.0), twist, np.nan)
        track = heading.feed(0, known, np.ones(2000), nodding, np.zeros(2000, np.int32), np.zeros(2000, np.int32))
        found[calm] = abs(np.degrees(track.offset[-1]) - 4.0)
    assert found[True] < 1.0
    assert found[True] < 0.7 * found[False]


def test_the_smoother_is_the_exact_one():
    """Against the least-squares solution of the same model, for measurements without surprises."""
    n = 60
    dt = LOOK_STRIDE / RATE
    rng = np.random.default_rng(3)
    twist = np.repeat(rng.normal(0.0, 0.003, n), LOOK_STRIDE)
    found = smooth_heading(n * LOOK_STRIDE, RATE, twist, *flat(n * LOOK_STRIDE), [(20 * LOOK_STRIDE, 0.01, 0.02)])
    # without a path beyond the dead band the posture stays: one value for all steps
    start = np.array([LOST_SD_RAD**-2, (2.0 * STANDING_RATE_SD) ** -2, LOST_POSTURE_SD_RAD**-2])
    size = 2 * n + 1
    information, right = np.zeros((size, size)), np.zeros(size)

    def see(row, value, variance):
        information[:] += np.outer(row, row) / variance
        right[:] += row * value / variance

    unit = np.eye(size)
    see(unit[0], twist[0], 1.0 / start[0])
    see(unit[1], 0.0, 1.0 / start[1])
    see(unit[-1], 0.0, 1.0 / start[2])
    variance = float(twist_variance(np.zeros(1), np.ones(1), dt)[0])
    for i in range(n):
        if i:
            see(unit[2 * i] - unit[2 * i - 2] - dt * unit[2 * i - 1], 0.0, OFFSET_WALK**2 * dt)
            see(unit[2 * i + 1] - unit[2 * i - 1], 0.0, RATE_WALK**2 * dt)
        if i == 20:
            see(unit[2 * i], 0.01, 0.02**2)
        see(unit[2 * i] + unit[-1], twist[i * LOOK_STRIDE], variance)
    covariance = np.linalg.inv(information)
    exact = covariance @ right
    assert found.offset[::LOOK_STRIDE] == pytest.approx(exact[:-1:2], abs=1e-7)
    assert found.sd[::LOOK_STRIDE] == pytest.approx(np.sqrt(np.diag(covariance)[:-1:2]), rel=1e-4)


def test_after_a_short_standing_the_drift_is_learnt_faster():
    """A second and a half of swaying says little of the bias: a drift of 0.5 °/s is not held against it for long."""
    rng = np.random.default_rng(12)
    n = 1000
    drift = np.radians(0.5 * np.arange(n) / RATE)
    strides = np.radians(7.0) * np.sin(2.0 * np.pi * np.arange(n) / RATE)
    left: dict[float, list[float]] = {1.5: [], 3.0: []}
    for seconds in (1.5, 3.0) * 8:
        heading = RelativeHeading(RATE)
        heading.start(0.0, (0, 0), seconds)
        heading.calibrated()
        found = heading.feed(0, drift + strides + 0.1 * coloured(rng, n), *flat(n), zeros(n), zeros(n))
        left[seconds].append(float(np.degrees(np.abs((found.offset - drift)[-200:])).mean()))
        assert found.sd[1] == pytest.approx(STANDING_SD_RAD, rel=0.05)
    assert np.mean(left[1.5]) < 0.6 * np.mean(left[3.0])


def test_the_spread_of_postures_is_what_an_athlete_shows():
    """Who hardly twists has a small spread; who moves to 6° to either side has that.
    Where nothing was seen it is large."""
    rng = np.random.default_rng(3)
    n = 12000
    stands = 0.05 * coloured(rng, n)
    turns = stands + np.radians(6.0) * np.sign(np.sin(2.0 * np.pi * np.arange(n) / (8.0 * RATE)))
    for twist, low, high in ((stands, 0.0, 0.6), (turns, 4.5, 6.5)):
        heading = RelativeHeading(RATE)
        heading.start(0.0, (0, 0))
        heading.calibrated()
        live = heading.feed(0, twist, *flat(n), zeros(n), zeros(n))
        review = smooth_heading(n, RATE, twist, *flat(n), [(0, 0.0, STANDING_SD_RAD)])
        for found in (live, review):
            spread_deg = np.degrees(np.sqrt(found.spread[n // 2 :]))
            assert low <= spread_deg.min() <= spread_deg.max() <= high
    unseen = smooth_heading(n, RATE, np.full(n, np.nan), *flat(n), [])
    assert unseen.spread == pytest.approx(LOST_POSTURE_SD_RAD**2)


def test_a_bent_joint_says_little_of_the_spread():
    n = 3000
    twist = np.full(n, np.radians(6.0))
    spreads = []
    for flexion in (0.0, 1.5):
        heading = RelativeHeading(RATE)
        heading.start(0.0, (0, 0))
        found = heading.feed(0, twist, np.ones(n), np.full(n, flexion), zeros(n), zeros(n))
        spreads.append(float(np.degrees(np.sqrt(found.spread[-1]))))
    assert spreads[0] > 3.0
    assert spreads[1] == pytest.approx(1.2, abs=0.4)


DEG = math.radians(1.0)
UNTOLD = 1e12
"""Variance of a measurement that changes nothing."""


def resting(**known: float) -> HeadingState:
    """A state of which nothing is in doubt."""
    return replace(HeadingState(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), **known)


def followed(state: HeadingState, twists: Sequence[float], flexions: Sequence[float] | None = None) -> HeadingState:
    """After twists and flexions, degrees, five a second, that say nothing of the offset."""
    bent = [0.0] * len(twists) if flexions is None else flexions
    state.follow(0.2, [DEG * x for x in twists], [DEG * x for x in bent], [UNTOLD] * len(twists))
    return state


def test_a_twist_that_creeps_is_followed_in_10_seconds() -> None:
    """At 0.2 °/s its level stays 2 ° behind before each step, of which a fiftieth is made up: no movement."""
    state = followed(resting(), [0.04 * k for k in range(1, 1001)])
    assert 40.0 - state.twist_level / DEG == pytest.approx(0.98 * 2.0, abs=1e-6)


def test_the_dead_band_is_two_and_a_half_degrees() -> None:
    twisted = followed(resting(), [0.2 * k for k in range(1, 201)])
    assert 40.0 - twisted.twist_level / DEG == pytest.approx(2.5)
    back = followed(resting(), [-0.2 * k for k in range(1, 201)])
    assert -40.0 - back.twist_level / DEG == pytest.approx(-2.5)
    for sign in (1.0, -1.0):
        bent = followed(resting(), [0.0] * 2, [sign * 10.0, sign * 30.0])
        assert bent.flexion_level / DEG == pytest.approx(sign * 27.5)


@pytest.mark.parametrize(
    ("twist", "flexion"),
    [(7.5 / 0.98, 0.0), (-7.5 / 0.98, 0.0), (0.0, 27.5), (0.0, -27.5), (5.0 / 0.98, 15.0), (-5.0 / 0.98, -15.0)],
)
def test_a_posture_is_another_one_after_5_degrees_of_path(twist: float, flexion: float) -> None:
    """Beyond the dead band; of the flexion's path a fifth counts. Two parts of 2.5° make 5°, too."""
    state = followed(resting(posture=2.0 * DEG), [twist], [flexion])
    assert state.posture / DEG == pytest.approx(2.0 * math.exp(-1.0))


def test_what_surprises_is_the_postures() -> None:
    """A twist known to 1° is 4° off, twice what two standard deviations allow: the variance of the posture grows by 3 squared
    degrees, and it takes three quarters."""
    state = resting(twist_level=4.0 * DEG)
    state.follow(0.2, [4.0 * DEG], [0.0], [DEG**2])
    assert state.posture / DEG == pytest.approx(3.0, abs=0.01)
    assert state.offset / DEG == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("flexion_deg", "seen", "variance_deg2"), [(0, 1.0, 2.45), (0, 0.5, 9.8), (0, 0.0, 980.0), (30, 1.0, 47.45)]
)
def test_the_variance_of_a_twist_worked_by_hand(flexion_deg: float, seen: float, variance_deg2: float) -> None:
    """Sway of 0.7°, which keeps its value for half a second; at the flexion that counts as bent, 3° more; as far as it is seen,
    a twentieth at least."""
    flexion = np.array([flexion_deg * DEG])
    found = twist_variance(flexion, np.array([seen]), 0.2, 30.0 * DEG)
    assert found[0] / DEG**2 == pytest.approx(variance_deg2)


@pytest.mark.parametrize(("seconds", "rate_sd_deg"), [(3.0, 0.15), (2.5, 0.15 * 1.2**3), (1.5, 0.5)])
def test_after_a_standing_worked_by_hand(seconds: float, rate_sd_deg: float) -> None:
    state = after_standing(0.3, seconds)
    assert [math.sqrt(p) / DEG for p in (state.p00, state.p11, state.p22)] == pytest.approx([0.5, rate_sd_deg, 0.7])
    assert (state.offset, state.twist_level, state.rate, state.posture) == (0.3, 0.3, 0.0, 0.0)
    assert math.sqrt(state.posture_variance) / DEG == pytest.approx(3.0)


def test_after_a_gap_worked_by_hand() -> None:
    state = lost(0.3, 0.01, 0.02, 0.5)
    assert [math.sqrt(p) / DEG for p in (state.p00, state.p22, state.spread)] == pytest.approx([60.0, 12.0, 12.0])
    assert (state.offset, state.twist_level, state.rate, state.p11, state.flexion_level) == (0.3, 0.3, 0.01, 0.02, 0.5)


def test_an_offset_walks_and_its_rate_too() -> None:
    """In a second by 0.05°, and by 0.007 °/s; what the rate is uncertain by adds up."""
    state = resting(rate=2.0 * DEG, p11=DEG**2, p01=0.5 * DEG**2, p12=0.1 * DEG**2)
    state.predict(2.0)
    assert state.offset / DEG == pytest.approx(4.0)
    expected = (2.0 * 2.0 * 0.5 + 4.0 + 2.0 * 0.05**2, 0.5 + 2.0, 0.2, 1.0 + 2.0 * 0.007**2)
    assert [p / DEG**2 for p in (state.p00, state.p01, state.p02, state.p11)] == pytest.approx(expected)


def test_an_offset_that_is_told_worked_by_hand() -> None:
    """As uncertain as what tells it, so it goes half of the way; the rate and the posture as they hang together with it."""
    state = resting(p00=DEG**2, p01=0.5 * DEG**2, p02=-0.2 * DEG**2, p11=DEG**2, p12=0.1 * DEG**2, p22=DEG**2)
    state.see_offset(2.0 * DEG, DEG**2)
    assert [x / DEG for x in (state.offset, state.rate, state.posture)] == pytest.approx([1.0, 0.5, -0.2])
    found = [p / DEG**2 for p in (state.p00, state.p01, state.p02, state.p11, state.p12, state.p22)]
    assert found == pytest.approx([0.5, 0.25, -0.1, 0.875, 0.15, 0.98])
