"""The host's clock runs on in sleep; after one the calendar is tied anew, and sensors are not called silent for it."""

from __future__ import annotations

import asyncio
import time

import pytest

from body_signals import UtcAnchor
from ingest.links.event_log import EventLog
from ingest.links.link_status import LinkState
from ingest.time.host_clock import HOST_CLOCK, HOST_CLOCK_NS, _choose
from tests.ingest.links.test_link import link


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("linux", "CLOCK_BOOTTIME"),
        ("darwin", "CLOCK_MONOTONIC of macOS"),
        ("win32", "QueryPerformanceCounter"),
        ("freebsd13", "time.monotonic"),
    ],
)
def test_each_system_has_a_clock_that_goes(system: str, name: str) -> None:
    clock_ns, called = _choose(system)
    assert called == name
    before = clock_ns()
    time.sleep(0.002)
    assert 1_500_000 < clock_ns() - before < 1_000_000_000
    assert HOST_CLOCK_NS() > 0
    assert HOST_CLOCK


class Sleeper:
    """A clock that runs on while the program stands still."""

    def __init__(self) -> None:
        self.slept_ns = 0

    def __call__(self) -> int:
        return time.monotonic_ns() + self.slept_ns


def test_after_a_sleep_the_calendar_is_tied_anew() -> None:
    async def asleep() -> list[UtcAnchor]:
        clock = Sleeper()
        log = EventLog(clock)
        keeping = asyncio.ensure_future(log.keep_time())
        await asyncio.sleep(0.15)
        clock.slept_ns += 30_000_000_000
        await asyncio.sleep(0.25)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        return [event for event in log.take() if isinstance(event, UtcAnchor)]

    anchors = asyncio.run(asleep())
    assert len(anchors) == 2
    assert 30e9 < anchors[1].arrival_ns - anchors[0].arrival_ns < 31e9


def test_a_sensor_that_sends_on_is_not_called_silent_for_a_sleep() -> None:
    async def asleep() -> None:
        clock = Sleeper()
        one = link(clock)  # type: ignore[arg-type]
        one.opened()
        one._set(LinkState.STREAMING)
        watching = asyncio.ensure_future(one._watch())
        await asyncio.sleep(0.12)
        one.heard("pelvis", clock(), b"x")
        clock.slept_ns += 30_000_000_000
        await asyncio.sleep(0.07)
        one.heard("pelvis", clock(), b"x")
        await asyncio.sleep(0.12)
        assert not watching.done()
        assert one.status["pelvis"].state is not LinkState.STALLED, "it says nothing that is understood, and is not silent"
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(asleep())
