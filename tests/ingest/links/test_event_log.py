"""Order of events: numbers without holes, arrival times as stamped, heartbeats, and never a silent loss."""

from __future__ import annotations

import asyncio

from body_signals import Event, Heartbeat, Packets, UtcAnchor, Watchdog
from ingest.links.event_log import EventLog


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000

    def __call__(self) -> int:
        return self.ns


def seqs(events: list[Event]) -> list[int]:
    return sorted(s for e in events for s in (e.seq.tolist() if isinstance(e, Packets) else [e.seq]))


def test_every_event_has_a_number_and_packets_close_together_are_joined() -> None:
    clock = Clock()
    log = EventLog(clock, lambda: 5)
    log.connected("pelvis")
    for i in range(4):
        log.packet("pelvis", clock.ns + i, bytes([i]))
        log.packet("lumbar", clock.ns + i, bytes([9, i]))
    log.mark("calibrate")
    log.lost("pelvis", "gone\nfor\tgood \ud800")
    assert log.waiting == 12
    events = log.take()
    assert log.waiting == 0
    assert seqs(events) == list(range(12))
    assert isinstance(events[0], UtcAnchor)
    assert events[0].utc_ns == 5
    pelvis, lumbar = events[2:4]
    assert isinstance(pelvis, Packets)
    assert isinstance(lumbar, Packets)
    assert list(pelvis) == [(2 + 2 * i, clock.ns + i, bytes([i])) for i in range(4)]
    assert list(lumbar) == [(3 + 2 * i, clock.ns + i, bytes([9, i])) for i in range(4)]
    assert events[-1].reason == "gone for good ?"  # type: ignore[union-attr]
    log.command("pelvis", b"x")
    assert seqs(log.take()) == [12]


def test_arrivals_of_one_sensor_increase() -> None:
    clock = Clock()
    log = EventLog(clock)
    for arrival in (100, 100, 90, 300):
        log.packet("pelvis", arrival, b"")
    packets = log.take()[1]
    assert isinstance(packets, Packets)
    assert packets.arrival_ns.tolist() == [100, 101, 102, 300]


def test_a_long_pause_of_the_taker_does_not_make_one_huge_event() -> None:
    log = EventLog(Clock())
    for i in range(100):
        log.packet("pelvis", log.clock_ns() + i * 10_000_000, b"")
    groups = [e for e in log.take() if isinstance(e, Packets)]
    assert 9 <= len(groups) <= 11


def test_a_full_log_says_what_it_left_out() -> None:
    log = EventLog(Clock(), limit_bytes=10_000)
    for i in range(100):
        log.packet("pelvis", i, bytes(100))
    kept = log.take()
    packets = [e for e in kept if isinstance(e, Packets)]
    assert sum(map(len, packets)) == 32
    assert isinstance(kept[-1], Watchdog)
    assert kept[-1].verdict.startswith("overrun: 68 packets")
    log.packet("pelvis", 200, b"")
    assert seqs(log.take()) == [34]


def test_heartbeats_and_an_anchor_every_minute() -> None:
    clock = Clock()
    log = EventLog(clock)
    for _ in range(1201):
        clock.ns += 100_000_000
        log.heartbeat()
    events = log.take()
    assert sum(isinstance(e, UtcAnchor) for e in events) == 3
    assert sum(isinstance(e, Heartbeat) for e in events) == 1201


def test_time_goes_on_by_itself() -> None:
    async def run() -> list[Event]:
        log = EventLog()
        log.take()
        beat = asyncio.ensure_future(log.keep_time())
        events: list[Event] = []
        while len(events) < 3:
            await asyncio.wait_for(log.fresh(), 5.0)
            events += log.take()
        beat.cancel()
        return events

    assert all(isinstance(e, Heartbeat) for e in asyncio.run(run()))
