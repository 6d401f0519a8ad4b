"""The one place where events get their order: numbered as they arrive, taken in batches.

Everything runs on one asyncio loop; a reader thread stamps the arrival time and passes packets on by `call_soon_threadsafe`.
Nothing here waits: a callback appends and returns. If events are not taken before `limit_bytes` are reached, further packets
are dropped, and a `Watchdog` event states their number and their sensor, so that no loss is silent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from body_signals import Battery, Command, Connected, Event, Heartbeat, Lost, Mark, Packets, SingleEvent, UtcAnchor, Watchdog
from ingest.time import HOST_CLOCK_NS

_log = logging.getLogger(__name__)
HEARTBEAT_S = 0.1
"""Interval, s, between heartbeats (ours)."""
ANCHOR_S = 60.0
"""Interval, s, between two anchors of the host's clock to the calendar (ours)."""
SLEPT_S = 1.0
"""The computer has slept where its clock ran on by this, s, while the program stood still (ours)."""
LIMIT_BYTES = 64 << 20
"""Most bytes of waiting events (ours); four sensors at 200 Hz fill them in a quarter of an hour."""
_OVERHEAD_BYTES = 200
"""Bytes of an event in memory besides its payload (ours)."""
_JOIN_NS = 100_000_000
"""Packets of one sensor within this time, ns, form one event (ours)."""

_Packet = tuple[str, int, int, bytes]


class EventLog:
    """Events in order. clock_ns: the host's clock, which nobody sets and no sleep stops; utc_ns: the calendar; nanoseconds.

    The first event is a `UtcAnchor`: session time 0 is when the log is made.
    """

    def __init__(
        self,
        clock_ns: Callable[[], int] = HOST_CLOCK_NS,
        utc_ns: Callable[[], int] = time.time_ns,
        *,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.clock_ns = clock_ns
        self._utc_ns, self._limit = utc_ns, limit_bytes
        self._waiting: deque[_Packet | SingleEvent] = deque()
        self._bytes = 0
        self._seq = 0
        self._last_arrival: dict[str, int] = {}
        self._left_out: dict[str, int] = {}
        self._fresh = asyncio.Event()
        self._next_anchor_ns = 0
        self.anchor()
        first = self._waiting[0]
        self._zero_ns = first[2] if isinstance(first, tuple) else first.arrival_ns

    @property
    def session_s(self) -> float:
        """Session time now, seconds."""
        return (self.clock_ns() - self._zero_ns) * 1e-9

    @property
    def waiting(self) -> int:
        """Number of events not taken yet."""
        return len(self._waiting)

    def packet(self, sensor: str, arrival_ns: int, payload: bytes) -> None:
        """A packet that arrived at `arrival_ns`, not earlier than the sensor's previous one."""
        size = len(payload) + _OVERHEAD_BYTES
        if self._bytes + size > self._limit:
            self._left_out[sensor] = self._left_out.get(sensor, 0) + 1
            return
        arrival_ns = max(arrival_ns, self._last_arrival.get(sensor, arrival_ns - 1) + 1)
        self._last_arrival[sensor] = arrival_ns
        self._bytes += size
        self._waiting.append((sensor, self._number(), arrival_ns, payload))
        self._fresh.set()

    def connected(self, sensor: str) -> None:
        """The sensor's link is up."""
        self._add(Connected(self._number(), self.clock_ns(), sensor))

    def lost(self, sensor: str, reason: str) -> None:
        """The sensor's link is down."""
        self._add(Lost(self._number(), self.clock_ns(), sensor, _plain(reason)))

    def watchdog(self, sensor: str, verdict: str) -> None:
        """A timer has decided something about the sensor."""
        self._add(Watchdog(self._number(), self.clock_ns(), sensor, verdict))

    def battery(self, sensor: str, percent: int) -> None:
        """The sensor's charge was read beside its stream."""
        self._add(Battery(self._number(), self.clock_ns(), sensor, percent))

    def mark(self, label: str, seen_s: float | None = None) -> int:
        """A person's mark; its number. seen_s: session time of the row that the person saw, where that is known."""
        seen_ns = None if seen_s is None else self._zero_ns + round(seen_s * 1e9)
        mark = Mark(self._number(), self.clock_ns(), _plain(label), seen_ns)
        self._add(mark)
        return mark.seq

    def command(self, sensor: str, payload: bytes) -> None:
        """Bytes were sent to the sensor."""
        self._add(Command(self._number(), self.clock_ns(), sensor, payload))

    def heartbeat(self) -> None:
        """Time passes; an anchor goes with it once a minute."""
        self._add(Heartbeat(self._number(), self.clock_ns()))
        if self.clock_ns() >= self._next_anchor_ns:
            self.anchor()

    def anchor(self) -> None:
        """Tie the host's clock to the calendar."""
        now = self.clock_ns()
        self._next_anchor_ns = now + int(ANCHOR_S * 1e9)
        self._add(UtcAnchor(self._number(), now, self._utc_ns()))

    async def keep_time(self) -> None:
        """Send heartbeats until cancelled; after a delay of the loop, one instead of all that were missed.

        After a sleep of the computer the calendar is tied anew: it was read from another clock.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + HEARTBEAT_S
        before_s, before_ns = loop.time(), self.clock_ns()
        while True:
            await asyncio.sleep(due - loop.time())
            self.heartbeat()
            now_s, now_ns = loop.time(), self.clock_ns()
            slept_s = (now_ns - before_ns) * 1e-9 - (now_s - before_s)
            before_s, before_ns = now_s, now_ns
            if slept_s > SLEPT_S:
                _log.info("this computer was asleep for %.1f s", slept_s)
                self.anchor()
            due = max(due + HEARTBEAT_S, loop.time())

    async def fresh(self) -> None:
        """Wait until there is something to take."""
        await self._fresh.wait()

    def take(self) -> list[Event]:
        """All events so far, in order; packets of one sensor that came close together are one event."""
        for sensor, count in self._left_out.items():
            self.watchdog(sensor, f"overrun: {count} packets left out, the computer did not keep up")
        self._left_out.clear()
        waiting, self._waiting, self._bytes = self._waiting, deque(), 0
        self._fresh.clear()
        return _joined(waiting)

    def _number(self) -> int:
        self._seq += 1
        return self._seq - 1

    def _add(self, event: SingleEvent) -> None:
        self._waiting.append(event)
        self._bytes += _OVERHEAD_BYTES
        self._fresh.set()


def _joined(waiting: deque[_Packet | SingleEvent]) -> list[Event]:
    events: list[Event] = []
    packets: dict[str, list[tuple[int, int, bytes]]] = {}
    began_ns: int | None = None

    def release() -> None:
        events.extend(Packets.join(sensor, group) for sensor, group in packets.items())
        packets.clear()

    for item in waiting:
        arrival_ns = item[2] if isinstance(item, tuple) else item.arrival_ns
        if began_ns is None or arrival_ns - began_ns > _JOIN_NS:
            release()
            began_ns = arrival_ns
        if isinstance(item, tuple):
            packets.setdefault(item[0], []).append(item[1:])
        else:
            release()
            events.append(item)
    release()
    return events


def _plain(text: str) -> str:
    """Text that can be recorded: Unicode, on one line."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
