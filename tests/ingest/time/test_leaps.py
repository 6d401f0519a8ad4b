"""A clock that leaps against the host's: a computer that slept, a device's clock that stood still, jumped, or was set back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.time.clock import ClockMap

RATE = 100.0
PER_PACKET = 4


class Leaping:
    """A sensor whose clock is leap_s further against the host's from at_s on; a host that sleeps hears nothing meanwhile."""

    def __init__(self, leap_s: float, at_s: float = 40.3, seconds: float = 70.0, seed: int = 1, delay_s: float = 0.03) -> None:
        rng = np.random.default_rng(seed)
        self.host_s = np.arange(int(seconds * RATE)) / RATE
        self.device_s = 1000.0 + self.host_s + np.where(self.host_s >= at_s, leap_s, 0.0)
        self.packet = np.arange(len(self.host_s)) // PER_PACKET
        last = self.host_s[PER_PACKET - 1 :: PER_PACKET]
        self.arrival_s = np.maximum.accumulate(last + rng.uniform(0.002, delay_s, len(last)))
        self.at_s = at_s

    def mapped(self, cuts: tuple[int, ...] = ()) -> tuple[np.ndarray, list[tuple[int, float]]]:
        """Host time (n,) of every sample, fed in these pieces of packets, and the leaps that were found."""
        clock, out, leaps, at = ClockMap(), [], [], 0
        for stop in [*sorted({c for c in cuts if 0 < c < len(self.arrival_s)}), len(self.arrival_s)]:
            part = (self.packet >= at) & (self.packet < stop)
            restart = np.zeros(int(part.sum()), np.bool_)
            out.append(clock.feed(self.device_s[part], self.packet[part] - at, self.arrival_s[at:stop], restart))
            leaps += [(at * PER_PACKET + sample, leap) for sample, leap in clock.leaps]
            at = stop
        return np.concatenate(out), leaps


@pytest.mark.parametrize("leap_s", [30.0, 5.0, 0.8, 3600.0, -30.0, -2.5])
def test_within_seconds_of_a_leap_the_map_is_right_again(leap_s: float) -> None:
    d = Leaping(leap_s)
    mapped, leaps = d.mapped()
    after = d.host_s > d.at_s + 0.1
    assert np.abs(mapped - d.host_s)[after].max() < 0.06
    assert np.abs(mapped - d.host_s)[d.host_s < d.at_s].max() < 0.06
    assert (np.diff(mapped) > 0.0).all()
    assert len(leaps) == 1
    assert leaps[0][1] == pytest.approx(leap_s, rel=3e-4, abs=0.1)


def test_a_device_whose_clock_stood_still_in_a_gap() -> None:
    """It was asleep for 20 s, and so was its clock: what comes afterwards comes late for ever by the old map."""
    d = Leaping(0.0)
    slept = d.host_s >= 40.0
    d.host_s[slept] += 20.0
    d.arrival_s[int(np.searchsorted(d.packet[slept][:1], 0)) + int(d.packet[slept][0]) :] += 20.0
    mapped, leaps = d.mapped()
    assert np.abs(mapped - d.host_s)[d.host_s > 70.0].max() < 0.06
    assert [round(leap) for _, leap in leaps] == [-20]


@pytest.mark.parametrize("backlog_s", [1.0, 6.0])
def test_what_a_radio_held_back_is_no_leap(backlog_s: float) -> None:
    """Packets of some seconds come in one burst, then in time: their clock is sound."""
    d = Leaping(0.0)
    held = (d.arrival_s > 30.0) & (d.arrival_s < 30.0 + backlog_s)
    d.arrival_s[held] = 30.0 + backlog_s
    mapped, leaps = d.mapped()
    assert not leaps
    assert np.abs(mapped - d.host_s).max() < 0.06


def test_a_session_that_begins_with_a_backlog_has_not_leapt() -> None:
    d = Leaping(0.0)
    d.arrival_s[:25] = d.arrival_s[25]
    mapped, leaps = d.mapped()
    assert not leaps
    assert (np.diff(mapped) > 0.0).all()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 100),
    st.sampled_from([30.0, 0.7, 2.0, -30.0, -3.0]),
    st.floats(3.0, 50.0),
    st.lists(st.integers(1, 1750), max_size=12),
)
def test_chunks_do_not_matter_to_a_leap(seed: int, leap_s: float, at_s: float, cuts: list[int]) -> None:
    d = Leaping(leap_s, at_s, seconds=60.0, seed=seed)
    whole, leaps = d.mapped()
    cut, cut_leaps = d.mapped(tuple(cuts))
    assert whole.tobytes() == cut.tobytes()
    assert leaps == cut_leaps


def test_packet_by_packet_it_is_the_same() -> None:
    d = Leaping(30.0, 13.37, seconds=30.0)
    assert d.mapped(tuple(range(1000)))[0].tobytes() == d.mapped()[0].tobytes()
