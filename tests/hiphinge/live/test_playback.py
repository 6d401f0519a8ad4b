"""The demo's way through serial ports: the bytes and times that come out are those that were sent, with ports or without."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from body_signals import Heartbeat, Mark, Packets, UtcAnchor
from hiphinge.live import playback
from hiphinge.live.playback import Playback, on_serial_lines
from tests.peers.worn_sensors import while_running
from virtual_athlete import SimulatedAthlete
from virtual_athlete.serial_line import HAS_PSEUDO_TERMINALS

Story = tuple[dict[str, list[tuple[int, bytes]]], list[tuple[str, int]]]


def played(events: int) -> Story:
    """Arrival and payload of every packet, sensor by sensor; the other events with their times."""
    athlete = SimulatedAthlete("demo", 1)
    packets: dict[str, list[tuple[int, bytes]]] = {}
    others: list[tuple[str, int]] = []

    async def play() -> None:
        with Playback(on_serial_lines(athlete.session), islice(athlete.events(), events), 0.0) as play:

            async def listen() -> None:
                await play.reader.prepared()
                play.reader.go()
                await play.play()

            await while_running(play.reader.run(), listen())
            for event in play.log.take():
                if isinstance(event, Packets):
                    packets.setdefault(event.sensor, []).extend((a, p) for _, a, p in event)
                elif isinstance(event, Heartbeat | Mark | UtcAnchor):
                    others.append((type(event).__name__, event.arrival_ns))

    asyncio.run(play())
    return packets, others


@pytest.mark.skipif(not HAS_PSEUDO_TERMINALS, reason="no pseudo-terminals here")
def test_ports_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    through_ports = played(600)
    monkeypatch.setattr(playback, "HAS_PSEUDO_TERMINALS", False)
    assert played(600) == through_ports
    packets, others = through_ports
    assert set(packets) == {"lumbar", "pelvis", "thigh_left", "thigh_right"}
    assert {name for name, _ in others} == {"Heartbeat", "Mark", "UtcAnchor"}


def test_what_is_played_is_what_the_athlete_sent() -> None:
    packets, _ = played(600)
    sent: dict[str, list[int]] = {}
    for event in islice(SimulatedAthlete("demo", 1).events(), 600):
        if isinstance(event, Packets):
            sent.setdefault(event.sensor, []).extend(event.arrival_ns.tolist())
    assert {key: [a for a, _ in found] for key, found in packets.items()} == sent
