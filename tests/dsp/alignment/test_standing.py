"""The quiet standing after a calibrate mark: when it begins, what ends it, and its mean rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.alignment.standing import GUARD_S, LONGEST_S, RETURNS_S, SETTLE_S, StandingWatch, _as_it_began, shortness

RATE = 100.0
BIAS = np.array([0.01, -0.02, 0.03])


def watch(gyr_of, mark_s=2.0, end_s=12.0, cuts=(), quat=False):
    """A watch fed with samples from 0 to end_s; returns it and how many samples it took."""
    time_s = np.arange(0.0, end_s, 1.0 / RATE)
    gyr = np.array([gyr_of(t) for t in time_s]) + BIAS
    acc = np.tile([0.0, 0.0, 9.81], (len(time_s), 1)) + time_s[:, None]
    quats = np.stack([time_s, time_s, time_s, time_s]) if quat else None
    w, at = StandingWatch(mark_s), 0
    for stop in [*sorted({min(c, len(time_s)) for c in cuts}), len(time_s)]:
        if stop > at and not w.done:
            part = slice(at, stop)
            at += w.feed(time_s[part], acc[part], gyr[part], None if quats is None else quats[:, part])
    return w, at


def still(t):
    return np.zeros(3)


def moving_from(start, deg_s=40.0, until=np.inf):
    return lambda t: np.radians([0.0, deg_s if start <= t < until else 0.0, 0.0])


def striding_from(start):
    return lambda t: np.radians([0.0, 30.0 * np.sin(2 * np.pi * 0.95 * (t - start)) if t >= start else 0.0, 0.0])


def test_quiet_throughout():
    """From 1 s after the mark, 5 s long; the sample after it is not taken."""
    w, taken = watch(still)
    assert w.done
    found = w.result()
    assert found.start_s == pytest.approx(2.0 + SETTLE_S)
    assert found.end_s == pytest.approx(2.0 + SETTLE_S + LONGEST_S, abs=0.011)
    assert taken == 800
    assert found.samples == 500
    assert found.gyr_mean == pytest.approx(BIAS, abs=1e-12)


def test_movement_ends_it():
    """The beginning of the movement is slow, so a little before it is noticed is cut off."""
    w, taken = watch(moving_from(5.5))
    found = w.result()
    assert w.done
    assert found.end_s == pytest.approx(5.5 - GUARD_S, abs=0.06)
    assert found.gyr_mean == pytest.approx(BIAS, abs=1e-12)
    # the samples of the movement that ended it are kept for the filter
    assert found.time_s[-1] > found.end_s
    assert taken == pytest.approx(555, abs=1)


def test_sway_is_not_movement():
    def sway(t):
        return np.radians([8.0 * np.sin(2 * np.pi * 0.4 * t), 0.0, 0.0])

    found = watch(sway)[0].result()
    assert found.samples == 500


def test_a_single_knock_is_not_movement():
    assert watch(moving_from(5.0, deg_s=300.0, until=5.03))[0].result().samples == 500


def test_a_late_settling_begins_again():
    """Still moving in the first second: the standing begins when that is over."""
    found = watch(moving_from(2.4, until=4.2))[0].result()
    assert found.samples > 250
    assert found.start_s >= 4.2 - 0.06
    assert found.end_s == pytest.approx(8.0, abs=0.02)
    assert found.gyr_mean == pytest.approx(BIAS, abs=np.radians(1.5))


@pytest.mark.parametrize("start_s", [3.4, 4.0])
def test_who_moves_off_at_once_has_stood_from_the_mark_on(start_s):
    """Too little is left after the time for settling: what was quiet before it counts, and the walk after it does not."""
    w, taken = watch(striding_from(start_s))
    found = w.result()
    assert w.done
    assert found.start_s == pytest.approx(2.0)
    assert start_s - GUARD_S - 0.06 < found.end_s < start_s - 0.1
    assert found.gyr_mean == pytest.approx(BIAS, abs=1e-12)
    # the filter goes on from there: nothing may be missing
    assert np.diff(found.time_s).max() < 0.011
    assert found.time_s[-1] == pytest.approx(found.known_s, abs=0.02)
    # quiet could have returned
    assert start_s + RETURNS_S < found.known_s < start_s + RETURNS_S + 0.8
    assert taken == pytest.approx(100 * found.known_s, abs=1)


def test_who_shifts_his_weight_and_stands_on_was_settling():
    found = watch(moving_from(3.4, until=4.2))[0].result()
    assert found.start_s >= 4.2 - 0.06
    assert found.end_s == pytest.approx(8.0, abs=0.02)
    assert found.gyr_mean == pytest.approx(BIAS, abs=np.radians(1.5))


def test_when_it_is_known():
    assert watch(still)[0].result().known_s == 2.0 + SETTLE_S + LONGEST_S
    assert watch(moving_from(5.5))[0].result().known_s == pytest.approx(5.55, abs=0.02)


def test_no_standing_at_all():
    w, _ = watch(lambda t: np.radians([60.0 * np.sin(2 * np.pi * 0.9 * t), 0.0, 0.0]))
    found = w.result()
    assert w.done
    assert found.samples == 0
    assert found.quat.shape == (4, 0)


def test_too_short_a_standing_is_not_used():
    """The recording ends half a second into it."""
    w, _ = watch(still, end_s=3.5)
    assert not w.done
    assert w.result().samples == 0


def test_no_samples():
    found = StandingWatch(3.0).result()
    assert (found.start_s, found.end_s, found.samples) == (3.0, 3.0, 0)


def test_device_quaternions_go_along():
    found = watch(still, quat=True)[0].result()
    assert found.quat.shape == (4, 500)
    assert found.quat[0] == pytest.approx(found.time_s)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 1200), max_size=12),
    st.sampled_from([still, moving_from(5.5), striding_from(3.4), moving_from(3.4, until=4.2), moving_from(2.4, until=4.2)]),
)
def test_cuts_do_not_matter(cuts, motion):
    whole, cut = watch(motion), watch(motion, cuts=cuts)
    assert whole[1] == cut[1]
    a, b = whole[0].result(), cut[0].result()
    assert (a.start_s, a.end_s) == (b.start_s, b.end_s)
    assert a.gyr_mean.tobytes() == b.gyr_mean.tobytes()
    assert a.acc.tobytes() == b.acc.tobytes()


@pytest.mark.parametrize("turn_deg_s", [0.0, 1.0])
def test_a_thigh_that_slowly_follows_a_bend_does_not_tell_its_rate_for_bias(turn_deg_s):
    """Too slow to end the standing: 3° in the last second. A steady turn about the vertical is taken over the whole of it."""
    time_s = np.arange(0.0, 9.0, 1.0 / RATE)
    tilt = np.radians(3.0) * np.clip(time_s - 7.0, 0.0, 1.0) ** 2
    rate = np.gradient(tilt, time_s)
    acc = 9.81 * np.stack((np.zeros_like(tilt), np.sin(tilt), np.cos(tilt)), axis=1)
    turn = np.radians(turn_deg_s) * (time_s > 6.0)
    gyr = np.stack((rate, turn * np.sin(tilt), turn * np.cos(tilt)), axis=1) + BIAS
    w = StandingWatch(2.0)
    w.feed(time_s, acc, gyr)
    found = w.result()
    assert found.end_s == pytest.approx(2.0 + SETTLE_S + LONGEST_S, abs=0.011)
    level, vertical = np.degrees(found.gyr_mean - BIAS)[:2], np.degrees(found.gyr_mean - BIAS)[2]
    assert np.abs(level).max() < 0.15, "0.6°/s over all of it"
    assert vertical == pytest.approx(turn_deg_s * 2.0 / LONGEST_S, abs=0.03)


@pytest.mark.parametrize(("departed_deg", "kept"), [(1.45, 300), (1.52, 194), (1.6, 193), (8.0, 185)])
def test_a_standing_departs_when_it_ends_inclined(departed_deg, kept):
    """By hand, for a turn at once at row 200: it departs beyond 1.5°. Averaged over 31 rows it is within 0.5° of how it
    began while 10, 9 or 1 of these rows are turned; what is kept ends 15 rows after the first of them."""
    time_s = np.arange(300) / RATE
    tilt = np.radians(np.where(np.arange(300) < 200, 0.0, departed_deg))
    acc = 9.81 * np.stack((np.zeros_like(tilt), np.sin(tilt), np.cos(tilt)), axis=1)
    assert _as_it_began(time_s, acc)[0] == kept


def turned(end_deg):
    """Accelerations of a segment that stands for 3 s and then turns forward by 1 °/s, until the mean over the last
    0.3 s is inclined by end_deg."""
    n = 300 + round(100.0 * end_deg) + 15
    lean = np.radians(np.maximum(np.arange(n) - 300.0, 0.0) / 100.0)
    return np.arange(n) / 100.0, 9.81 * np.stack([np.sin(lean), np.zeros(n), np.cos(lean)], axis=1)


def test_a_standing_that_has_departed_by_a_degree_and_a_half_is_taken_to_half_a_degree():
    time_s, acc = turned(1.6)
    # half a degree is reached half a second after it began to turn
    assert _as_it_began(time_s, acc)[0] == pytest.approx(350, abs=2)
    time_s, acc = turned(1.4)
    assert _as_it_began(time_s, acc)[0] == len(acc)


@pytest.mark.parametrize(("seconds", "times"), [(3.0, 1.0), (5.0, 1.0), (1.5, 2.0**1.5), (0.05, 30.0**1.5)])
def test_a_short_standing_is_less_known(seconds, times):
    assert shortness(seconds) == pytest.approx(times)


@pytest.mark.parametrize(("deg_s", "ends"), [(15.5, False), (16.5, True)])
def test_movement_is_faster_than_16_degrees_per_second(deg_s, ends):
    w, _ = watch(moving_from(5.5, deg_s), end_s=7.5)
    assert w.done == ends


@pytest.mark.parametrize(("start_s", "samples"), [(4.5, True), (4.2, False)])
def test_a_standing_of_less_than_a_second_is_not_used(start_s, samples):
    """From 3 s on, a second after the mark; the movement is noticed 40 ms after it began, and 0.3 s before that are cut off.
    Without the time for settling, in which he moved too, 1.24 s are left, and 0.94 s."""
    w, _ = watch(lambda t: moving_from(0.0, until=2.5)(t) + moving_from(start_s)(t), end_s=4.9)
    assert (w.result().samples > 0) == samples


@pytest.mark.parametrize("deg_s", [0.0, 3.0, 12.0, -12.0])
def test_a_slow_movement_that_passes_for_a_standing_tells_no_other_bias(deg_s):
    """It is as even as a standing, but its inclination goes along with its rate."""
    time_s = np.arange(0.0, 6.0, 1.0 / RATE)
    angle = np.radians(deg_s) * np.maximum(time_s - 2.0, 0.0)
    acc = 9.81 * np.column_stack((np.sin(angle), 0.0 * angle, np.cos(angle)))
    w = StandingWatch(2.0)
    w.feed(time_s, acc, np.gradient(angle, time_s)[:, None] * np.array([0.0, -1.0, 0.0]) + BIAS)
    found = w.result()
    assert found.samples > 100
    assert found.tells_bias(known=False)
    assert found.tells_bias(known=True) is (deg_s == 0.0)
