"""Sensors without a clock: counted time, and losses that only the arrivals tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.time.clock import COUNTER_SKEW_LIMIT, ClockMap
from ingest.time.sample_count import SampleCount


class Stream:
    """A sensor that samples at `rate_hz * (1 + rate_error)` and sends `together` samples a packet over a jittery link.

    holes: (first sample, number) that never come. stalls: (from, to) seconds in which nothing arrives, all of it after.
    """

    def __init__(
        self, seed, rate_hz=100.0, rate_error=0.0, seconds=60.0, together=1, interval_s=0.03, holes=(), stalls=(), away=None
    ):
        rng = np.random.default_rng(seed)
        self.rate_hz = rate_hz
        true_s = 0.3 + np.arange(int(seconds * rate_hz)) / (rate_hz * (1.0 + rate_error))
        if away is not None:
            true_s[true_s > away[0]] += away[1]
        sent = np.ones(len(true_s), np.bool_)
        for first, number in holes:
            sent[first : first + number] = False
        self.index = np.flatnonzero(sent)
        self.true_s = true_s[self.index]
        self.packet = np.arange(len(self.index)) // together
        last = np.append(np.flatnonzero(np.diff(self.packet)), len(self.packet) - 1)
        phase = rng.uniform(0.0, interval_s)
        event = phase + np.ceil((self.true_s[last] - phase) / interval_s) * interval_s
        event += np.where(rng.random(len(last)) < 0.05, interval_s * rng.geometric(0.5, len(last)), 0.0)
        for start, stop in stalls:
            event = np.where((event > start) & (event < stop), stop, event)
        self.arrival_s = np.maximum.accumulate(event + 0.0015) + 1e-6 * np.arange(len(last))

    def counted(self, exact=False, cuts=()):
        """Counted time, losses and restarts, fed packet-wise in the given pieces."""
        count, out, at = SampleCount(self.rate_hz, exact), [], 0
        for stop in [*sorted({c for c in cuts if 0 < c < len(self.arrival_s)}), len(self.arrival_s)]:
            part = (self.packet >= at) & (self.packet < stop)
            n = int(part.sum())
            none = np.zeros(n, np.int64), np.zeros(n, np.bool_)
            out.append(count.feed(self.packet[part] - at, self.arrival_s[at:stop], *none))
            at = stop
        return tuple(np.concatenate(parts) for parts in zip(*out, strict=True))


@pytest.mark.parametrize("rate_error", [-0.015, -0.003, 0.0, 0.003, 0.015])
@pytest.mark.parametrize("together", [1, 4, 8])
def test_a_wrong_rate_and_a_jittery_link_are_no_loss(rate_error, together):
    for seed in range(6):
        _, lost, restart = Stream(seed, rate_error=rate_error, together=together, interval_s=0.05, seconds=120.0).counted()
        assert lost.sum() == 0
        assert not restart.any()


@pytest.mark.parametrize("rate_error", [-0.004, 0.004])
def test_what_is_lost_is_found_about_when_it_happened(rate_error):
    for seed in range(6):
        holes = [(2500, 20), (4000, 45)]
        stream = Stream(seed, rate_error=rate_error, holes=holes)
        _, lost, _ = stream.counted()
        at = np.flatnonzero(lost)
        assert abs(lost.sum() - 65) <= 8
        for first, number in holes:
            near = at[np.abs(stream.index[at] - (first + number)) <= 220]
            assert abs(lost[near].sum() - number) <= 5


def test_a_stall_that_loses_nothing_counts_nothing():
    for seed in range(6):
        _, lost, restart = Stream(seed, stalls=[(20.0, 20.8), (40.0, 40.6)]).counted()
        assert lost.sum() == 0
        assert not restart.any()


def test_a_sensor_that_was_away_begins_anew_and_is_not_timed_before_it_came_back():
    stream = Stream(3, away=(30.0, 5.0))
    counted, lost, restart = stream.counted()
    assert restart.sum() == 1
    first = int(np.flatnonzero(restart)[0])
    assert stream.true_s[first] - stream.true_s[first - 1] > 5.0
    assert lost.sum() == pytest.approx(500, abs=8)
    host = ClockMap(COUNTER_SKEW_LIMIT).feed(counted, stream.packet, stream.arrival_s, restart)
    assert np.abs(host - stream.true_s).max() < 0.09
    assert np.abs(host - stream.true_s)[-2000:].max() < 0.02


def test_counted_samples_keep_time_within_a_sample_or_two():
    """The whole way to session time, with a device that is 0.4 % slow and has lost twenty samples."""
    stream = Stream(5, rate_error=-0.004, seconds=90.0, holes=[(4000, 20)])
    counted, _, restart = stream.counted()
    host = ClockMap(COUNTER_SKEW_LIMIT).feed(counted, stream.packet, stream.arrival_s, restart)
    late = np.abs(host - stream.true_s)[stream.index > 6000]
    assert np.percentile(late, 95) < 0.03


def test_a_counter_is_believed():
    stream = Stream(1, holes=[(1000, 7)])
    count = SampleCount(100.0, exact=True)
    lost = np.diff(stream.index, prepend=-1) - 1
    counted, found, _ = count.feed(stream.packet, stream.arrival_s, lost, np.zeros(len(lost), np.bool_))
    assert (found == lost).all()
    assert counted == pytest.approx(stream.index / 100.0)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 1500), max_size=12), seed=st.integers(0, 5))
def test_the_result_does_not_depend_on_the_cuts(cuts, seed):
    stream = Stream(seed, seconds=40.0, together=2, holes=[(1800, 30)], away=(30.0, 2.0))
    whole, pieces = stream.counted(), stream.counted(cuts=cuts)
    for a, b in zip(whole, pieces, strict=True):
        assert (a == b).all()


def test_memory_is_bounded():
    count = SampleCount(100.0, exact=False)
    stream = Stream(2, seconds=300.0)
    zero = np.zeros(len(stream.packet), np.int64)
    count.feed(stream.packet, stream.arrival_s, zero, zero.astype(np.bool_))
    assert len(count._past) <= 120


def found(delay_s, *, samples=2000, sizes=(1,)):
    """Losses at 100 Hz of samples that come in packets of these sizes in turn, each delay_s(its last sample) late."""
    packet = np.repeat(np.arange(samples), np.resize(sizes, samples))[:samples]
    last = np.append(np.flatnonzero(np.diff(packet)), samples - 1)
    arrival = last / 100.0 + np.array([delay_s(k) for k in last])
    none = np.zeros(samples, np.int64)
    _, lost, restart = SampleCount(100.0, exact=False).feed(packet, arrival, none, none.astype(np.bool_))
    return {int(k): int(lost[k]) for k in np.flatnonzero(lost)}, np.flatnonzero(restart).tolist()


def later(at, by_s):
    return lambda k: 0.02 + by_s * (k >= at)


def test_a_loss_is_counted_after_two_half_seconds():
    """All that comes from sample 1000 on is 0.2 s late: seen at 1050 and at 1100."""
    assert found(later(1000, 0.2)) == ({1100: 20}, [])


@pytest.mark.parametrize(("sizes", "at"), [((1,), 1100), ((8, 8, 9), 1100), ((10,), 1150)])
def test_a_loss_is_seen_in_12_connection_events(sizes, at):
    """Two half seconds hold 100, 12 and 10 of them."""
    assert list(found(later(1000, 0.2), sizes=sizes)[0]) == [at]


@pytest.mark.parametrize(("by_s", "lost"), [(0.0155, {1100: 2}), (0.0145, {})])
def test_behind_is_a_sample_and_a_half(by_s, lost):
    assert found(later(1000, by_s))[0] == lost


@pytest.mark.parametrize(("by_s", "lost"), [(0.066, {500: 7}), (0.064, {})])
def test_while_the_rate_is_not_known_it_may_be_two_percent_off(by_s, lost):
    """Two half seconds are compared with the four before. The first of these ended 2.5 s before the second: 2 % are 50 ms,
    beside a sample and a half."""
    assert found(later(400, by_s), samples=1200)[0] == lost


@pytest.mark.parametrize(("at", "lost"), [(800, {900: 3}), (600, {})])
def test_the_rate_is_known_from_16_half_seconds(at, lost):
    """The seventeenth and the eighteenth are seen to be behind. By 8 s all that a late one is compared with is late, too."""
    assert found(later(at, 0.03))[0] == lost


@pytest.mark.parametrize(("silence_s", "restart"), [(2.02, [1000]), (1.98, [])])
def test_a_silence_of_two_seconds_begins_a_new_count(silence_s, restart):
    """The packet after it came that much later, with one sample in it."""
    lost, anew = found(later(1000, silence_s - 0.01))
    assert anew == restart
    if restart:
        assert lost == {1000: round(silence_s * 100.0) - 1}
