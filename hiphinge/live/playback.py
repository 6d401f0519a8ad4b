"""A simulated session played to the serial readers: what each virtual sensor sends goes through a port of its own.

The clock of the session is the athlete's: it stands at the time of the byte that was sent last, and goes on when the
reader has it. So the result does not depend on how fast or busy the computer is, and it can run at any speed. Where the
system has no pseudo-terminals, the bytes are handed over without a port.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from body_signals import Event, Heartbeat, HiphingeError, Mark, Packets, Session, SessionMark
from firmware_protocol import Request, device_family, frame_serial
from hiphinge.session.scratch import ports_folder
from ingest.links import GATEWAY_FAMILY, EventLog, Kit, KitReader, KitSensor, SerialLink
from virtual_athlete import HAS_PSEUDO_TERMINALS, VirtualPort

FAMILY = GATEWAY_FAMILY
"""Of the virtual sensors: protocol v1 on a serial line."""
HEARTBEAT_S = 0.1
"""Between two heartbeats of a session whose athlete has ended."""
WAITING = 5000
"""Events that may wait to be computed before the athlete pauses."""
CLOSE = 120
"""The same where the athlete does what the session says: about two seconds."""
_FASTEST_S = 1e-4
_GIVE_UP_S = 10.0


def on_serial_lines(session: Session) -> Session:
    """The session with its sensors on serial lines."""
    return replace(session, sensors=tuple(replace(s, family=FAMILY) for s in session.sensors))


class Playback:
    """Plays `events` of the sensors of `session`; speed: times real time, 0 is as fast as it goes. waiting: events that may
    wait to be computed before the athlete pauses.

    `log` and `reader` are what `hiphinge.live.streaming.Streaming` needs. To be used with `with`, on one loop.
    """

    def __init__(self, session: Session, events: Iterator[Event], speed: float, waiting: int = WAITING) -> None:
        self._events, self._speed, self._waiting = events, speed, waiting
        first = next(events)
        assert not isinstance(first, Packets)
        self._zero_ns = self._now_ns = first.arrival_ns
        utc_ns = round(session.start.timestamp() * 1e6) * 1000
        self.log = EventLog(lambda: self._now_ns, lambda: utc_ns + self._now_ns - self._zero_ns)
        self.taps: list[SessionMark] = []
        """What a person taps at these session times, in order."""
        self._stack = ExitStack()
        self._ports: dict[str, VirtualPort] = {}
        self._sent: dict[str, int] = {}
        sensors: list[KitSensor] = []
        try:
            if HAS_PSEUDO_TERMINALS:
                sensors = self._plug_in(session)
        except BaseException:
            self._stack.close()
            raise
        self.reader = KitReader(Kit(tuple(sensors)), self.log, keeps_time=False)
        self._links = {link.sensors[0].key: link for link in self.reader.links if isinstance(link, SerialLink)}

    def _plug_in(self, session: Session) -> list[KitSensor]:
        """A virtual port for each sensor, in a folder that goes with this playback."""
        folder = self._stack.enter_context(ports_folder())
        family = device_family(FAMILY)
        sensors = []
        for sensor in session.sensors:
            port = VirtualPort(folder / sensor.key)
            port.plug()
            self._stack.callback(port.unplug)
            self._ports[sensor.key], self._sent[sensor.key] = port, 0
            request = Request(sensor.rate_hz)
            baud = family.serial.bauds[0] if family.serial is not None else None
            sensors.append(KitSensor(replace(sensor, port=str(port.path)), family, request, baud))
        return sensors

    def __enter__(self) -> Playback:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    async def play(self) -> None:
        """Play to the end, once the readers stream."""
        while not self.reader.streaming():
            await asyncio.sleep(0.005)
        began = time.monotonic()
        for event in self._events:
            due_ns = int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns
            if self._speed > 0.0:
                ahead = began + (due_ns - self._zero_ns) * 1e-9 / self._speed - time.monotonic()
                if ahead > _FASTEST_S:
                    await asyncio.sleep(ahead)
            while self.log.waiting > self._waiting:
                await asyncio.sleep(0.001)
            while self.taps and self.taps[0].time_s <= (due_ns - self._zero_ns) * 1e-9:
                self.log.mark(self.taps.pop(0).label)
            self._now_ns = max(self._now_ns, due_ns)
            if isinstance(event, Packets):
                for _, _, payload in event:
                    await self._send(event.sensor, frame_serial(payload))
            elif isinstance(event, Mark):
                self.log.mark(event.label)
            elif isinstance(event, Heartbeat):
                self.log.heartbeat()

    async def rest(self) -> None:
        """After the end: time goes on, and the sensors are silent. For ever; to be cancelled."""
        ended_ns, ended = self._now_ns, time.monotonic()
        while True:
            await asyncio.sleep(HEARTBEAT_S / (self._speed or 1.0))
            self._now_ns = ended_ns + round((time.monotonic() - ended) * (self._speed or 1.0) * 1e9)
            self.log.heartbeat()

    async def _send(self, key: str, data: bytes) -> None:
        if key not in self._ports:
            self.log.packet(key, self._now_ns, data)
            return
        port, link = self._ports[key], self._links[key]
        port.read()  # what the reader says; these sensors stream by themselves
        self._sent[key] += len(data)
        while data:
            data = data[port.write(data) :]
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                while link.bytes_heard < self._sent[key]:
                    link.heard_more.clear()
                    await link.heard_more.wait()
        except TimeoutError:
            raise HiphingeError("what was sent did not arrive", f"virtual port of {key}", "Run the demo again") from None
