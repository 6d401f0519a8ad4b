"""Device clock → host time under one-sided radio delay: how well two sensors agree, and that time never steps back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.time.clock import COUNTER_SKEW_LIMIT, PROBES_NEEDED, SKEW_LIMIT, ClockMap

RATE = 100.0
PER_PACKET = 8


class Device:
    """A sensor whose clock is `ppm` fast and `offset_s` ahead; its packets wait for the radio, never negative."""

    def __init__(self, seed, ppm, seconds=90.0, offset_s=1000.0, interval_s=0.03, restart_s=None, quantum_s=1e-6):
        rng = np.random.default_rng(seed)
        self.true_s = rng.uniform(0.0, 0.05) + np.arange(int(seconds * RATE)) / RATE
        pace = 1.0 + 1e-6 * ppm
        self.device_s = offset_s + self.true_s * pace
        self.restart = np.zeros(len(self.true_s), np.bool_)
        if restart_s is not None:
            again = np.searchsorted(self.true_s, restart_s)
            self.device_s[again:] += 0.2 - self.device_s[again]
            self.restart[again] = True
        self.device_s = np.round(self.device_s / quantum_s) * quantum_s
        self.packet = np.arange(len(self.true_s)) // PER_PACKET
        last = np.append(np.flatnonzero(np.diff(self.packet)), len(self.true_s) - 1)
        wait = rng.uniform(0.0, interval_s, len(last))
        repeated = rng.random(len(last)) < 0.05
        wait = wait + np.where(repeated, interval_s * rng.geometric(0.5, len(last)), 0.0)
        self.arrival_s = np.maximum.accumulate(self.true_s[last] + 0.0025 + wait)

    def mapped(self, limit=SKEW_LIMIT, cuts=()):
        """Host time (n,) of every sample; fed packet-wise in the given pieces."""
        clock, out, at = ClockMap(limit), [], 0
        for stop in [*sorted({int(c) for c in cuts if 0 < c < len(self.arrival_s)}), len(self.arrival_s)]:
            part = (self.packet >= at) & (self.packet < stop)
            out.append(clock.feed(self.device_s[part], self.packet[part] - at, self.arrival_s[at:stop], self.restart[part]))
            at = stop
        return np.concatenate(out)

    def error_s(self, **more):
        return self.mapped(**more) - self.true_s


def disagreement_ms(a: Device, b: Device, after_s=20.0):
    """How far two sensors' times of the same instant are apart, ms, after the first seconds."""
    at = np.arange(after_s, a.true_s[-1] - 0.1, 0.05)
    error = [np.interp(at, d.true_s, d.error_s()) for d in (a, b)]
    return 1000.0 * np.abs(error[0] - error[1])


@pytest.mark.parametrize("ppm", [(100.0, -100.0), (-100.0, 40.0), (0.0, 0.0)])
def test_two_sensors_agree_within_five_milliseconds(ppm):
    """Connection intervals of 15 and 50 ms, five packets in a hundred repeated; 95th percentile over eight sessions."""
    apart = [
        disagreement_ms(Device([seed, 1], ppm[0], interval_s=0.05), Device([seed, 2], ppm[1], interval_s=0.015))
        for seed in range(8)
    ]
    assert np.percentile(np.concatenate(apart), 95) < 5.0


def test_skew_does_not_add_up():
    """100 ppm are 36 ms in six minutes; the map's error at the end is no larger than at the beginning."""
    error = Device(3, 100.0, seconds=360.0).error_s()
    begin, end = (np.abs(error[a:b] - 0.0025).mean() for a, b in ((2000, 6000), (-4000, None)))
    assert end < 0.004
    assert end < begin + 0.002


def test_the_map_never_runs_ahead_of_arrival():
    """A sample cannot have been taken after it came."""
    d = Device(4, -80.0)
    ahead = d.mapped() - d.arrival_s[d.packet]
    assert ahead[d.true_s > 20.0].max() < 0.002


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-150, 150), st.sampled_from([0.0075, 0.03, 0.2]), st.booleans())
def test_time_never_steps_back(seed, ppm, interval_s, restarts):
    d = Device(seed, ppm, seconds=40.0, interval_s=interval_s, restart_s=17.3 if restarts else None)
    assert (np.diff(d.mapped()) > 0).all()


def test_it_is_slewed_and_not_stepped():
    """Between neighbouring samples the mapped step differs from the device's by the slew at most."""
    d = Device(5, 60.0)
    step = np.diff(d.mapped()) / np.diff(d.device_s) - 1.0
    assert np.abs(step[2000:]).max() < 1.3e-3
    assert np.abs(step).max() < 0.025


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100), st.lists(st.integers(1, 600), max_size=15), st.booleans())
def test_chunks_do_not_matter(seed, cuts, restarts):
    d = Device(seed, 50.0, seconds=50.0, restart_s=23.0 if restarts else None)
    assert d.mapped(cuts=cuts).tobytes() == d.mapped().tobytes()


def test_packet_by_packet():
    d = Device(6, -50.0, seconds=30.0, restart_s=11.11)
    assert d.mapped(cuts=range(1000)).tobytes() == d.mapped().tobytes()


def test_a_restart_begins_a_new_map():
    """The clock starts again near zero; session time goes on, and is right again after seconds."""
    d = Device(7, 30.0, seconds=90.0, restart_s=40.0)
    error = d.error_s()
    assert (np.diff(d.mapped()) > 0).all()
    later = d.true_s > 50.0
    assert np.percentile(np.abs(error[later] - 0.0025), 95) < 0.006


def test_a_restart_in_the_middle_of_a_packet():
    d = Device(8, 0.0, seconds=20.0)
    d.restart[1003] = True
    d.device_s[1003:] -= d.device_s[1003] - 0.2
    assert (np.diff(d.mapped()) > 0).all()
    assert np.abs(d.error_s()).max() < 0.15


def test_a_new_map_does_not_run_back_into_the_old_one():
    """The first packet after a reboot came quickly, the ones before were late: order is kept by microseconds."""
    clock = ClockMap()
    before = clock.feed(np.array([10.0, 10.01]), np.array([0, 0]), np.array([5.3]), np.zeros(2, np.bool_))
    after = clock.feed(np.array([0.1, 0.11, 0.12]), np.array([0, 0, 0]), np.array([5.25]), np.array([True, False, False]))
    assert after[0] > before[-1]
    assert (np.diff(after) > 0).all()
    assert after[-1] < before[-1] + 0.1


def test_a_new_map_that_begins_within_a_call_goes_on_by_microseconds():
    """Whatever lay before it in that call: the samples of the next call follow at once."""
    clock = ClockMap()
    device_s, restart = np.array([10.0, 10.01, 10.02, 0.1, 0.11]), np.array([False, False, False, True, False])
    packet, arrival_s = np.array([0, 0, 0, 1, 1]), np.array([5.3, 5.25])
    first = clock.feed(device_s, packet, arrival_s, restart)
    then = clock.feed(np.array([0.12, 0.13]), np.array([0, 0]), np.array([5.26]), np.zeros(2, np.bool_))
    assert np.diff(np.append(first[2:], then)) == pytest.approx(np.full(4, 1e-6), abs=1e-9)


def test_nothing_in_nothing_out():
    assert len(ClockMap().feed(np.empty(0), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_))) == 0


def test_counted_samples_of_a_sensor_that_is_one_per_cent_slow():
    """Without a clock on the device its samples are counted; the rate it really has is found."""
    d = Device(9, -10_000.0, seconds=120.0, offset_s=0.0)
    error = d.error_s(limit=COUNTER_SKEW_LIMIT)
    settled = d.true_s > 40.0
    assert np.abs(error[settled] - 0.0025).max() < 0.03
    # held to a crystal's limit the same sensor would be off by seconds
    assert np.abs(d.error_s()[-1]) > 0.5


def test_a_long_silence_is_survived():
    """Two minutes without packets: the rate is kept, and the map comes back to the truth."""
    d = Device(10, 80.0, seconds=300.0)
    quiet = (d.true_s > 80.0) & (d.true_s < 200.0)
    gone = np.unique(d.packet[quiet])
    keep = ~np.isin(d.packet, gone)
    arrivals = np.delete(d.arrival_s, gone)
    packet = np.searchsorted(np.unique(d.packet[keep]), d.packet[keep])
    found = ClockMap().feed(d.device_s[keep], packet, arrivals, d.restart[keep])
    error = found - d.true_s[keep]
    assert (np.diff(found) > 0).all()
    later = d.true_s[keep] > 240.0
    assert np.percentile(np.abs(error[later] - 0.0025), 95) < 0.006


def test_memory_is_bounded():
    clock = ClockMap()
    n = int(900 * RATE)
    device = np.arange(n) / RATE
    packet = np.arange(n) // PER_PACKET
    for k in range(0, n, 8000):
        part = slice(k, k + 8000)
        first = packet[k]
        arrivals = device[k + PER_PACKET - 1 : k + 8000 : PER_PACKET] + 0.01
        clock.feed(device[part], packet[part] - first, arrivals, np.zeros(8000, np.bool_)[: len(device[part])])
    assert len(clock._points) <= 250


def asked(device: Device, interval_s: float, seed: int = 5) -> list[tuple[int, float, float]]:
    """Questions at random times, each got at the next connection event: event number, device time, when it was sent."""
    rng = np.random.default_rng(seed)
    sent = np.cumsum(rng.uniform(0.6, 1.4, 60))
    got = np.ceil((sent + 0.001) / interval_s) * interval_s
    keep = (got > device.true_s[0]) & (got < device.true_s[-1])
    numbers = 2 * np.searchsorted(device.arrival_s, got + interval_s)
    device_s = np.interp(got, device.true_s, device.device_s)
    return list(zip(numbers[keep].tolist(), device_s[keep].tolist(), sent[keep].tolist(), strict=True))


def with_probes(device: Device, probes: list[tuple[int, float, float]], cuts=()) -> np.ndarray:
    """As `Device.mapped`, each probe told with the first piece that holds a packet after it."""
    clock, out, at = ClockMap(), [], 0
    probes = list(probes)
    for stop in [*sorted({int(c) for c in cuts if 0 < c < len(device.arrival_s)}), len(device.arrival_s)]:
        part = (device.packet >= at) & (device.packet < stop)
        while probes and probes[0][0] < 2 * stop:
            clock.probe(*probes.pop(0))
        packet = device.packet[part]
        out.append(
            clock.feed(
                device.device_s[part],
                packet - at,
                device.arrival_s[at:stop],
                device.restart[part],
                2 * packet.astype(np.int64) + 1,
            )
        )
        at = stop
    return np.concatenate(out)


def late_by(device: Device, wait_s: float) -> Device:
    """Every packet waits equally long: packets and connection events keep their distance."""
    last = np.append(np.flatnonzero(np.diff(device.packet)), len(device.true_s) - 1)
    device.arrival_s = device.true_s[last] + wait_s
    return device


def test_questions_tell_a_wait_that_all_packets_have():
    device = late_by(Device(3, 30.0, interval_s=0.03), 0.027)
    settled = device.true_s > 30.0
    assert np.median(device.error_s()[settled]) == pytest.approx(0.027, abs=0.001)
    error = with_probes(device, asked(device, 0.03)) - device.true_s
    assert np.abs(error[settled]).max() < 0.004
    assert (np.diff(device.true_s + error) > 0.0).all()


def test_few_questions_change_nothing():
    device = late_by(Device(4, -20.0, interval_s=0.03), 0.02)
    few = with_probes(device, asked(device, 0.03)[: PROBES_NEEDED - 1])
    np.testing.assert_array_equal(few, device.mapped())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 1200), max_size=12), st.sampled_from([None, 40.0]))
def test_questions_do_not_depend_on_how_packets_are_cut(cuts, restart_s):
    device = Device(7, 15.0, interval_s=0.03, restart_s=restart_s)
    probes = asked(device, 0.03)
    np.testing.assert_array_equal(with_probes(device, probes, cuts), with_probes(device, probes))


def test_a_session_that_begins_with_a_backlog_is_soon_on_time():
    """The first packets come together, 1.5 s late."""
    device = Device(11, 25.0, seconds=180.0, interval_s=0.03)
    device.arrival_s = np.maximum(device.arrival_s, device.arrival_s[0] + 1.5)
    error = device.error_s()
    assert error[0] > 1.4
    assert np.abs(error[device.true_s > 90.0]).max() < 0.012
    assert (np.diff(device.true_s + error) > 0.0).all()


def delayed(delay_s, limit=SKEW_LIMIT, pace=1.0):
    """Host time minus device time of a sensor whose every sample is a packet, ten a second, that waits delay_s(t); by device
    time. Its clock runs 1 / pace as fast as the host's."""
    device = np.arange(600) / 10.0
    arrival = pace * device + np.array([delay_s(t) for t in device])
    host = ClockMap(limit).feed(device, np.arange(600), arrival, np.zeros(600, np.bool_))
    shown = host - device
    return lambda t: shown[round(10 * t)]


def test_a_map_moves_by_a_millisecond_per_second_and_within_200_ppm():
    """From 30 s on packets come 10 ms sooner. From 32 s on the map falls by 1 ms per second towards them, and by 200 millionths
    of time for the rate, which the line from 0 to 30 s, 333 millionths down, would have larger."""
    shown = delayed(lambda t: 0.02 if t < 30.0 else 0.01)
    assert shown(32.0) == pytest.approx(0.02, abs=1e-9)
    assert shown(34.0) - shown(32.0) == pytest.approx(-2.0 * (1e-3 + 200e-6), abs=5e-6)


@pytest.mark.parametrize(("drop_s", "early"), [(12.0, True), (14.0, False)])
def test_a_map_moves_fast_in_its_first_15_seconds(drop_s, early):
    """What a bucket of 2 s shows is acted on at its end: at 14 s, or at 16 s."""
    shown = delayed(lambda t: 0.02 if t < drop_s else 0.01)
    fall = shown(drop_s + 2.0) - shown(drop_s + 4.0)
    assert fall == (pytest.approx(0.01, abs=5e-4) if early else pytest.approx(0.0022, abs=2.1e-4))


def test_fast_is_20_milliseconds_per_second():
    shown = delayed(lambda t: 0.2 if t < 8.0 else 0.05)
    assert shown(10.0) - shown(12.0) == pytest.approx(0.04, abs=1e-3)


@pytest.mark.parametrize(("step_s", "fall_s"), [(0.0285, 0.0024), (0.0315, 0.0315)])
def test_a_map_that_is_30_milliseconds_off_moves_fast(step_s, fall_s):
    shown = delayed(lambda t: 0.1 if t < 30.0 else 0.1 - step_s)
    assert shown(32.0) - shown(34.0) == pytest.approx(fall_s, abs=1e-3)


def test_a_count_is_followed_within_two_percent():
    """Of a sensor whose samples take 5 % longer than they should the map follows 2 %: no count is so wrong."""
    shown = delayed(lambda t: 0.01, COUNTER_SKEW_LIMIT, pace=1.05)
    assert shown(58.0) - shown(56.0) == pytest.approx(2.0 * 0.02, abs=1e-6)


def test_points_of_90_seconds_are_kept_and_then_of_60():
    """A point for each 2 s: 46 span 90 s, and 31 span 60."""
    clock, kept = ClockMap(), []
    for k in range(3000):
        clock.feed(np.array([k / 10.0]), np.zeros(1, np.int64), np.array([k / 10.0 + 0.01]), np.zeros(1, np.bool_))
        kept.append(len(clock._points))
    assert (min(kept[1200:]), max(kept)) == (31, 46)


@pytest.mark.parametrize(
    ("waits_ms", "shown_ms"),
    [
        # too few: what all packets wait
        ((2, 4, 10, 12, 14, 16, 18), 27.0),
        # a quarter are two: the shortest less the step to the next
        ((2, 4, 10, 12, 14, 16, 18, 20), 0.0),
        ((3, 7, 10, 12, 14, 16, 18, 20), 1.0),
        # a quarter are three: the shortest less the mean of two steps
        ((2, 4, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26), 1.0),
    ],
)
def test_what_questions_tell_worked_by_hand(waits_ms, shown_ms):
    """Every packet waits 27 ms. The device gets a question at a whole second; it was sent that much before."""
    clock, device = ClockMap(), np.arange(500) / 10.0
    for k, wait in enumerate(waits_ms):
        clock.probe(0, 1.0 + k, 1.0 + k - wait / 1000.0)
    host = clock.feed(device, np.arange(500), device + 0.027, np.zeros(500, np.bool_), np.arange(1, 501))
    assert 1000.0 * (host[-1] - device[-1]) == pytest.approx(shown_ms, abs=1e-6)


def test_questions_of_more_than_a_minute_ago_do_not_count():
    """Ten questions in the first ten seconds, and the map of 80 s later, when one more has come."""
    clock, device = ClockMap(), np.arange(1200) / 10.0
    for k in range(10):
        clock.probe(0, 1.0 + k, 1.0 + k)
    clock.probe(800, 80.0, 79.98)
    host = clock.feed(device, np.arange(1200), device + 0.027, np.zeros(1200, np.bool_), np.arange(1, 1201))
    assert host[700] - device[700] == pytest.approx(0.0, abs=1e-6)
    assert host[-1] - device[-1] == pytest.approx(0.027, abs=1e-6)


def test_a_correction_is_made_fast_and_kept():
    """Half a second less, at 20 ms per second."""
    clock, device = ClockMap(), np.arange(1200) / 10.0
    none = np.zeros(400, np.bool_)
    first = clock.feed(device[:400], np.arange(400), device[:400] + 0.6, none)
    clock.correct(0.5)
    second = clock.feed(device[400:800], np.arange(400), device[400:800] + 0.6, none)
    third = clock.feed(device[800:], np.arange(400), device[800:] + 0.6, none)
    assert first[-1] - device[399] == pytest.approx(0.6)
    at = second - device[400:800]
    assert at[200] - at[220] == pytest.approx(0.04, abs=1e-6)
    assert third[-1] - device[-1] == pytest.approx(0.1, abs=1e-6)


def test_questions_to_a_clock_that_began_anew_since_do_not_count():
    """Ten were got at once, and packets wait 27 ms. At 20 s the device restarts: what its clock said is of another clock."""
    clock, true_s = ClockMap(), np.arange(500) / 10.0
    for k in range(10):
        clock.probe(0, 1.0 + k, 1.0 + k)
    restart = np.arange(500) == 200
    device = np.where(true_s < 20.0, true_s, true_s - 20.0)
    host = clock.feed(device, np.arange(500), true_s + 0.027, restart, np.arange(1, 501))
    assert host[199] - true_s[199] == pytest.approx(0.0, abs=1e-6)
    assert host[-1] - true_s[-1] == pytest.approx(0.027, abs=1e-6)
