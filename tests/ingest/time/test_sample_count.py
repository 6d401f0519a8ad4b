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
