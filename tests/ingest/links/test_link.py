"""A link that cannot be opened is tried again and again; a program that was held up is not taken for a sensor's silence."""

from __future__ import annotations

import asyncio
import time

import pytest

from body_signals import Placement, Sensor
from firmware_protocol.device import Read, Request, Write
from firmware_protocol.registry import device_family
from ingest.links.event_log import EventLog
from ingest.links.kit import KitSensor
from ingest.links.link import Link
from ingest.links.link_fault import LinkFault
from tests.ingest.links.test_event_log import Clock

FAMILY = "hiphinge-v1-serial"


class Unanswered(Link):
    """A link that cannot be opened; what is said to it goes nowhere."""

    async def open(self) -> None:
        raise LinkFault("not found", "pelvis", "Switch it on.")

    async def write(self, step: Write) -> None:
        pass

    async def read(self, step: Read) -> None:
        pass

    async def close(self) -> None:
        pass


def link(clock: Clock) -> Unanswered:
    sensor = KitSensor(Sensor(Placement.PELVIS, family=FAMILY), device_family(FAMILY), Request())
    return Unanswered((sensor,), EventLog(clock, lambda: 5))


def test_pauses_grow_to_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1 s first, then twice as long each time."""
    paused: list[float] = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        paused.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", short)

    async def some() -> None:
        running = asyncio.ensure_future(link(Clock()).run(asyncio.Event()))
        while len(paused) < 6:
            await sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(some())
    assert paused[:6] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("silent", [False, True])
def test_a_program_that_was_held_up_looks_again_before_it_calls_a_sensor_silent(silent: bool) -> None:
    """The program stands still while 3 s go by for the sensor; what has come meanwhile is read right after, or nothing has."""

    async def held_up() -> None:
        clock = Clock()
        one = link(clock)
        one.opened()
        watching = asyncio.ensure_future(one._watch())
        await asyncio.sleep(0.02)
        time.sleep(0.4)
        clock.ns += 3_000_000_000
        # the watch has looked, and its next look is not due
        await asyncio.sleep(0.02)
        assert not watching.done()
        if not silent:
            one._heard["pelvis"] = clock.ns
        await asyncio.sleep(0.12)
        assert watching.done() == silent
        watching.cancel()
        with pytest.raises(LinkFault if silent else asyncio.CancelledError):
            await watching

    asyncio.run(held_up())
