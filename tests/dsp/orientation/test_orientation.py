"""Orientation of one sensor: accuracy, chunks, holes, reboots, bias from standing, devices with a filter of their own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import Placement, TimedBlock
from dsp import rotation
from dsp.alignment.standing import StandingWatch
from dsp.orientation.filter import (
    BRIDGE_S,
    CausalOrientation,
    OrientedSamples,
    filled_in,
    holes,
    mean_of_neighbours,
    per_period,
    smoothed,
    standing_bias,
    turn_rates,
)
from tests.dsp.sessions import block, rms
from virtual_athlete import Samples, Script, SensorSettings, simulate_sensor
from virtual_athlete.sensors import Imu

FAULTY = SensorSettings(gyr_bias=tuple(np.radians([0.6, -0.5, 0.8])), gyr_noise=0.001, acc_noise=0.02)


@cache
def motion():
    script = Script(1)
    script.calibrate()
    script.bend(80.0)
    script.squat(80.0)
    script.bend(60.0)
    script.stand(2.0)
    return script.motion()


@cache
def pelvis(settings: SensorSettings = FAULTY) -> Samples:
    return simulate_sensor(motion(), Placement.PELVIS, settings)


@cache
def truth() -> np.ndarray:
    """Sensor → world (3, 3, n)."""
    return Imu(motion(), Placement.PELVIS, FAULTY).true_motion(pelvis().time_s)[0]


def as_block(s: Samples, at: slice | np.ndarray = slice(None), **more) -> TimedBlock:
    per_sample = {k: v[at] for k, v in more.items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in more.items() if not isinstance(v, np.ndarray)}
    return block("pelvis", 0, s.time_s[at], s.acc[at], s.gyr[at], saturated=s.saturated[at], **per_sample, **rest)


def inclination_error_deg(quat: np.ndarray, true: np.ndarray) -> np.ndarray:
    vertical = rotation.vertical_in_sensor(quat)
    return np.degrees(np.arccos(np.clip((vertical * true[2]).sum(axis=0), -1, 1)))


def yaw(quat: np.ndarray) -> np.ndarray:
    """Heading of the sensor's y axis, which stays level in a bend, rad."""
    y = rotation.rotate(quat, np.tile([[0.0], [1.0], [0.0]], (1, quat.shape[1])))
    return np.arctan2(y[1], y[0])


def yaw_error_deg(quat: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Heading found minus true heading, unwrapped, zero at the first sample."""
    error = np.degrees(np.unwrap(yaw(quat) - np.arctan2(true[1, 1], true[0, 1])))
    return error - error[0]


def run(filter_: CausalOrientation, blocks: list[TimedBlock]) -> tuple[np.ndarray, np.ndarray]:
    out = [filter_.feed(b) for b in blocks]
    return np.concatenate([o.quat for o in out], axis=1), np.concatenate([o.heading_epoch for o in out])


def worn(marks: tuple[float, ...] = (0.0,)) -> CausalOrientation:
    filter_ = CausalOrientation(100.0, worn=True)
    for m in marks:
        filter_.calibrate(m)
    return filter_


def test_inclination_is_right() -> None:
    quat, epoch = run(worn(), [as_block(pelvis())])
    assert rms(inclination_error_deg(quat, truth())[700:]) < 0.7
    assert set(epoch) == {0}


def test_two_sided_inclination_is_right() -> None:
    s = pelvis()
    quat = smoothed(100.0, s.acc, s.gyr, worn=True)
    assert rms(inclination_error_deg(quat, truth())) < 0.5


def test_bias_from_standing_is_found() -> None:
    """0.8 °/s of bias would turn the heading by 25° over what follows the standing; taken off it is a few."""
    error = {}
    for marks in ((), (0.0,)):
        quat, _ = run(worn(marks), [as_block(pelvis())])
        off = yaw_error_deg(quat, truth())
        upright = pelvis().time_s > pelvis().time_s[-1] - 1.0
        error[marks] = abs(float(off[upright].mean() - off[620]))
    assert error[(0.0,)] < 4.0
    assert error[()] > 3 * error[(0.0,)]


def test_standing_is_filtered_with_its_own_bias() -> None:
    filter_ = worn()
    run(filter_, [as_block(pelvis())])
    standing, quat, epoch = filter_.standings[0.0]
    assert standing.start_s == pytest.approx(1.0)
    assert standing.end_s == pytest.approx(5.2, abs=1.0)
    assert np.degrees(standing.gyr_mean - FAULTY.gyr_bias) == pytest.approx([0, 0, 0], abs=0.3)
    assert quat.shape == (4, len(standing.time_s))
    assert epoch == 0
    spread = np.degrees(np.unwrap(yaw(quat)))
    assert np.ptp(spread) < 2.0


def test_a_short_standing_is_weighed():
    """A second of standing is mostly sway: little of its mean rate is taken off, and less trusted than of three seconds."""
    standing = StandingWatch(0.0)
    time_s = np.arange(0.0, 8.0, 0.01)
    standing.feed(time_s, np.tile([0.0, 0.0, 9.81], (800, 1)), np.tile([0.02, 0.0, 0.0], (800, 1)))
    long = standing.result()
    bias, sigma = standing_bias(long)
    assert bias[0] == long.gyr_mean[0]
    shorter = [standing_bias(replace(long, end_s=long.start_s + s)) for s in (2.0, 1.0)]
    assert bias[0] > shorter[0][0][0] > shorter[1][0][0] > 0.0
    assert sigma < shorter[0][1] < shorter[1][1] < 1.0


def test_heading_goes_on_through_the_calibrate_restart() -> None:
    """When the bias becomes known the filter starts anew; the heading must not step."""
    quat, epoch = run(worn(), [as_block(pelvis())])
    assert np.abs(np.diff(yaw_error_deg(quat, truth()))).max() < 0.06
    assert set(epoch) == {0}


def test_a_second_mark_keeps_the_heading() -> None:
    end = motion().duration_s
    quat, epoch = run(worn((0.0, end - 3.5)), [as_block(pelvis())])
    assert np.abs(np.diff(yaw_error_deg(quat, truth()))).max() < 0.06
    assert set(epoch) == {0}


def test_the_heading_goes_on_through_a_second_standing() -> None:
    script = Script(1)
    script.calibrate()
    script.bend(80.0)
    again = script.now
    script.stand(8.0)
    script.bend(60.0)
    twice = script.motion()
    samples = simulate_sensor(twice, Placement.PELVIS, FAULTY)
    true = Imu(twice, Placement.PELVIS, FAULTY).true_motion(samples.time_s)[0]
    filter_ = worn((0.0, again))
    quat, _ = run(filter_, [as_block(samples)])
    assert min(standing.samples for standing, _, _ in filter_.standings.values()) > 200
    assert np.abs(np.diff(yaw_error_deg(quat, true))).max() < 0.06


def test_without_standing_the_filter_goes_on() -> None:
    """A mark in the middle of the bends: no standing, no new bias, no step."""
    filter_ = worn((5.5,))
    quat, _ = run(filter_, [as_block(pelvis())])
    plain, _ = run(worn(()), [as_block(pelvis())])
    earlier, _ = run(worn((5.4,)), [as_block(pelvis())])
    standing, track, _ = filter_.standings[5.5]
    assert standing.samples == 0
    assert track.shape == (4, 0)
    # later than this a sensor that is never calibrated is rid of its own errors
    assert np.array_equal(quat[:, :1000], plain[:, :1000])
    assert np.array_equal(quat, earlier)


def test_a_sensor_on_a_machine_ignores_marks() -> None:
    filter_ = CausalOrientation(100.0, worn=False)
    filter_.calibrate(0.0)
    quat, _ = run(filter_, [as_block(pelvis())])
    assert filter_.standings == {}
    assert rms(inclination_error_deg(quat, truth())[300:]) < 1.5


def broken() -> tuple[Samples, dict[str, np.ndarray]]:
    """A stretch with a hole that is bridged, one that is not, and a reboot."""
    s = pelvis()
    n = len(s)
    keep = np.ones(n, np.bool_)
    keep[900:915] = keep[1300:1400] = keep[1800:1950] = False
    restart = np.zeros(n, np.bool_)
    restart[1950] = True
    device = s.time_s + 100.0
    device[1950:] -= device[1950] - 0.2
    cut = replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])
    return cut, {"restart": restart[keep], "device_time_s": device[keep]}


def test_holes_and_reboots() -> None:
    s, more = broken()
    filter_ = worn()
    quat, epoch = run(filter_, [as_block(s, **more)])
    true = truth()[:, :, np.searchsorted(pelvis().time_s, s.time_s)]
    changes = s.time_s[1:][np.diff(epoch) > 0]
    # the hole of 0.15 s is bridged, the one of 1 s and the reboot are not
    assert changes == pytest.approx([14.0, 19.5], abs=0.001)
    assert filter_.counts.gaps == 2
    assert filter_.counts.samples == len(s)
    off = yaw_error_deg(quat, true)
    at = int(np.searchsorted(s.time_s, 9.15))
    assert abs(off[at] - off[at - 1]) < 1.5
    settled = (s.time_s > 7.0) & ((s.time_s < 14.0) | (s.time_s > 17.0)) & ((s.time_s < 19.5) | (s.time_s > 22.5))
    assert rms(inclination_error_deg(quat, true)[settled]) < 1.0


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=10))
def test_chunks_do_not_matter(sizes) -> None:
    """Bit for bit, through holes, a reboot and two calibrate marks."""
    s, more = broken()
    whole = run(worn((0.0, 20.0)), [as_block(s, **more)])
    blocks, at, i = [], 0, 0
    while at < len(s):
        stop = at + sizes[i % len(sizes)]
        blocks.append(as_block(s, slice(at, stop), **more))
        at, i = stop, i + 1
    filter_ = worn((0.0, 20.0))
    cut = run(filter_, blocks)
    assert cut[0].tobytes() == whole[0].tobytes()
    assert cut[1].tobytes() == whole[1].tobytes()


def test_one_sample_at_a_time() -> None:
    s, more = broken()
    whole = run(worn(), [as_block(s, **more)])
    cut = run(worn(), [as_block(s, slice(i, i + 1), **more) for i in range(len(s))])
    assert cut[0].tobytes() == whole[0].tobytes()


def test_a_hole_while_standing_begins_the_standing_anew() -> None:
    s = pelvis()
    keep = (s.time_s < 2.0) | (s.time_s > 2.6)
    cut = replace(s, time_s=s.time_s[keep], acc=s.acc[keep], gyr=s.gyr[keep], saturated=s.saturated[keep])
    filter_ = worn()
    run(filter_, [as_block(cut)])
    standing, _, epoch = filter_.standings[0.0]
    assert standing.start_s == pytest.approx(2.61, abs=0.02)
    assert epoch == 1


def test_sound_samples_keep_their_place_among_the_others() -> None:
    """What is not sound is missing: orientation and movement are NaN, and it adds nothing to the uncertainty."""
    whole = as_block(pelvis(), slice(0, 5))
    sound = np.array([True, False, True, True, False])
    quat, motion = np.arange(12.0).reshape(4, 3), np.arange(18.0).reshape(6, 3)
    tilt, shaken, none = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]), np.zeros(0)
    few = OrientedSamples(none, none, quat, np.array([7, 7, 8]), np.array([0, 2, 0]), True, motion, tilt, shaken)
    found = few.among(whole, sound)
    assert (found.time_s.tolist(), found.device) == (whole.time_s.tolist(), True)
    assert np.array_equal(found.quat[:, sound], quat)
    assert found.motion is not None
    assert np.array_equal(found.motion[:, sound], motion)
    assert np.isnan(found.quat[:, ~sound]).all()
    assert np.isnan(found.motion[:, ~sound]).all()
    assert (found.heading_epoch.tolist(), found.flags.tolist()) == ([7, -1, 7, 8, -1], [0, 0, 2, 0, 0])
    assert found.tilt_variance is not None
    assert found.shaken is not None
    assert (found.tilt_variance.tolist(), found.shaken.tolist()) == ([1.0, 0.0, 2.0, 3.0, 0.0], [4.0, 0.0, 5.0, 6.0, 0.0])
    plain = OrientedSamples(none, none, quat, np.array([7, 7, 8]), np.array([0, 2, 0]), False).among(whole, sound)
    assert (plain.motion, plain.tilt_variance, plain.shaken) == (None, None, None)


def test_longest_bridge() -> None:
    period = 0.01
    for missing, fresh in ((25, False), (26, True)):
        device = np.array([0.0, period, period * (2 + missing), period * (3 + missing)])
        step, lost, new = holes(device, np.zeros(4, np.bool_), None, period)
        assert lost.tolist() == [0, 0, missing, 0]
        assert new.tolist() == [True, False, fresh, False]
        assert step[2] == pytest.approx(period * (1 + missing))
    assert pytest.approx(0.25) == BRIDGE_S


def test_a_clock_that_runs_back_is_a_restart() -> None:
    _, _, new = holes(np.array([5.0, 5.01, 0.1, 0.11]), np.zeros(4, np.bool_), 4.99, 0.01)
    assert new.tolist() == [False, False, True, False]


def test_rates_follow_the_true_sample_interval() -> None:
    """A sensor that says 100 Hz and samples at 98 Hz turns further per sample."""
    gyr = np.ones((4, 3))
    step = np.array([0.01, 1 / 98.0, 0.05, 0.001])
    scaled = per_period(gyr, step, np.array([0, 0, 4, 0]), 0.01)
    assert scaled[:, 0] == pytest.approx([1.0, 100 / 98.0, 1.0, 0.5])


def test_turn_rates() -> None:
    time_s = np.arange(0, 1, 0.01)
    quat = np.stack([np.cos(time_s), np.zeros(100), np.sin(time_s), np.zeros(100)])
    rates = turn_rates(quat, None, 0.01)
    assert rates[0] == pytest.approx([0, 0, 0])
    assert rates[1:] == pytest.approx(np.tile([0.0, 2.0, 0.0], (99, 1)), rel=1e-3)
    # the sign of a quaternion means nothing
    assert turn_rates(-quat[:, 1:], quat[:, 0], 0.01) == pytest.approx(rates[1:])


def device_block(quat: np.ndarray, s: Samples, at: slice) -> TimedBlock:
    return block("pelvis", 0, s.time_s[at], s.acc[at], None, quat=np.ascontiguousarray(quat.T[at]))


def test_device_orientation_is_passed_through() -> None:
    """Device quaternions come out as they went in; the standing is still found; a hole does not break their heading."""
    s = pelvis()
    given_quat, _ = run(worn(()), [as_block(s)])
    filter_ = worn()
    out = [filter_.feed(device_block(given_quat, s, slice(i, i + 170))) for i in range(0, len(s), 170)]
    assert all(o.device for o in out)
    assert np.array_equal(np.concatenate([o.quat for o in out], axis=1), given_quat)
    standing, quat, epoch = filter_.standings[0.0]
    assert standing.samples > 300
    assert quat.shape[1] == standing.samples
    assert epoch == 0
    later = filter_.feed(device_block(given_quat, replace(s, time_s=s.time_s + 60.0), slice(0, 50)))
    assert set(later.heading_epoch) == {0}
    assert filter_.counts.gaps == 1


def test_neither_gyroscope_nor_orientation() -> None:
    s = pelvis()
    with pytest.raises(ValueError, match="neither a gyroscope nor"):
        worn().feed(block("pelvis", 0, s.time_s[:5], s.acc[:5], None))


def test_counts() -> None:
    s = pelvis()
    filter_ = worn()
    lost = np.zeros(10, np.int64)
    lost[4] = 3
    filter_.feed(replace(as_block(s, slice(0, 10)), lost=lost, saturated=np.arange(10) < 2))
    assert (filter_.counts.samples, filter_.counts.lost, filter_.counts.saturated, filter_.counts.gaps) == (10, 3, 2, 0)


def test_trapezoidal_rule_by_hand() -> None:
    gyr = np.array([[2.0, 0.0, 0.0], [4.0, 0.0, 2.0], [8.0, 0.0, 4.0], [6.0, 1.0, 0.0]])
    apart = np.array([False, False, True, False])
    mean = mean_of_neighbours(gyr, np.array([0.0, 0.0, 4.0]), apart)
    assert mean.tolist() == [[1.0, 0.0, 2.0], [3.0, 0.0, 1.0], [8.0, 0.0, 4.0], [7.0, 0.5, 2.0]]
    assert mean_of_neighbours(gyr, None, apart)[0].tolist() == gyr[0].tolist()


def test_a_worn_sensor_is_not_ahead_of_its_own_movement() -> None:
    """A swing of 60° at 0.5 Hz, sampled at instants: the orientation follows it without the lead of half a step."""
    time_s = np.arange(0.0, 12.0, 0.01)
    swing = np.radians(60.0) * (0.5 - 0.5 * np.cos(np.pi * np.clip(time_s - 4.0, 0.0, 6.0)))
    rate = np.radians(60.0) * 0.5 * np.pi * np.sin(np.pi * np.clip(time_s - 4.0, 0.0, 6.0))
    gyr = np.zeros((len(time_s), 3))
    gyr[:, 1] = rate
    acc = 9.81 * np.stack((-np.sin(swing), np.zeros_like(swing), np.cos(swing)), axis=1)
    quat = smoothed(100.0, acc, mean_of_neighbours(gyr, None, np.zeros(len(gyr), bool)), worn=True)
    inclination = np.arctan2(2.0 * (quat[0] * quat[2] - quat[3] * quat[1]), 1.0 - 2.0 * (quat[1] ** 2 + quat[2] ** 2))
    ahead = smoothed(100.0, acc, gyr, worn=True)
    lead = np.arctan2(2.0 * (ahead[0] * ahead[2] - ahead[3] * ahead[1]), 1.0 - 2.0 * (ahead[1] ** 2 + ahead[2] ** 2))
    assert np.degrees(np.abs(inclination - swing)).max() < 0.05
    assert np.degrees(np.abs(lead - swing)).max() > 0.3


def test_holes_are_filled_on_a_straight_line() -> None:
    """Two samples are missing before the first, none before the second, one before the third."""
    rows = np.array([[3.0, 0.0, 0.0], [4.0, 1.0, 0.0], [8.0, 1.0, 2.0]])
    own, (full,) = filled_in(np.array([2, 0, 1]), (rows, np.zeros(3)))
    assert own.tolist() == [2, 3, 5]
    assert full.tolist() == [[1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 1, 0], [6, 1, 1], [8, 1, 2]]
    own, (full,) = filled_in(np.zeros(3, np.int64), (rows, np.zeros(3)))
    assert own.tolist() == [0, 1, 2]
    assert full.tolist() == rows.tolist()
