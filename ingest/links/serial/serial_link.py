"""The link of a sensor on a serial port, or of several behind a gateway; finds the baud rate where the kit says none.

A sensor in the local network sends the same bytes, and has no baud rate (`ingest.links.network.network_port`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Container

from firmware_protocol import Codec, Demultiplexer, DeviceFamily, Read, Request, SerialAccess, Write, codec_for
from ingest.links.event_log import EventLog
from ingest.links.kit import KitSensor
from ingest.links.link import Link
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState
from ingest.links.network import NetworkPort
from ingest.links.serial.serial_port import OpenPort, find_port, lasting_identity

LISTEN_S = 0.6
"""Time, s, of listening at a baud rate, before and after addressing the device (ours)."""
_ENOUGH_SAMPLES = 5
"""Fewest samples that confirm a baud rate (ours)."""
_ERRORS_PER_SAMPLE = 0.2
"""Largest ratio of faulty frames to samples at the right baud rate (ours)."""


class SerialLink(Link):
    """See `Link`."""

    longest_first_words_s = 8.0
    """Many boards are reset when their port is opened, and take several seconds to boot (ours)."""

    def __init__(self, sensors: tuple[KitSensor, ...], log: EventLog) -> None:
        super().__init__(sensors, log)
        assert self.family.serial is not None
        self._serial: SerialAccess = self.family.serial
        self._identity = sensors[0].sensor.port or ""
        self._baud = sensors[0].baud
        self._numbers: dict[int | None, str] = {s.number: s.key for s in sensors if s.number is not None}
        self._demultiplexer: Demultiplexer | None = None
        self._port: OpenPort | NetworkPort | None = None
        self._in_network = "://" in self._identity
        self._lasting: str | None = None
        """How to find the port after its path has changed."""
        self._said_goodbye = False
        self.bytes_heard = 0
        """Bytes received since the beginning."""
        self.heard_more = asyncio.Event()
        """Set when these have become more."""

    async def open(self) -> None:
        """See `Link.open`."""
        device = self._find()
        self._set(LinkState.CONNECTING)
        if self._baud is None:
            bauds = self._serial.bauds
            self._baud = bauds[0] if len(bauds) == 1 or self._in_network else await self._find_baud(device)
        loop = asyncio.get_running_loop()
        self._demultiplexer = Demultiplexer() if self._numbers else None

        def heard(arrival_ns: int, data: bytes) -> None:
            loop.call_soon_threadsafe(self._arrived, arrival_ns, data)

        def gone(fault: LinkFault) -> None:
            loop.call_soon_threadsafe(self.lose, fault.what, fault.remedy)

        clock_ns = self.log.clock_ns
        if self._in_network:
            opening = asyncio.ensure_future(asyncio.to_thread(NetworkPort, device, heard, gone, clock_ns))
            try:
                self._port = await asyncio.shield(opening)
            except asyncio.CancelledError:
                opening.add_done_callback(_let_go)
                raise
        else:
            self._port = await asyncio.to_thread(OpenPort, device, self._baud, heard, gone, clock_ns, dtr=self._serial.dtr)
            self._lasting = await asyncio.to_thread(lasting_identity, device) or self._lasting
        self.opened()
        self._port.listen()

    async def write(self, step: Write) -> None:
        """See `Link.write`."""
        assert self._port is not None
        await asyncio.to_thread(self._port.write, step.payload)

    async def read(self, step: Read) -> None:
        """A serial line has no values to read by name."""
        raise LinkFault("has no characteristics", self._name, "Check its family in the kit.", persistent=True)

    def can_be_probed(self) -> bool:
        """See `Link.can_be_probed`; a gateway would answer for itself."""
        return super().can_be_probed() and not self._numbers

    async def close(self) -> None:
        """See `Link.close`."""
        port, self._port = self._port, None
        if port is not None:
            await asyncio.to_thread(lambda: port.close(discard=not self._said_goodbye))

    async def _goodbye(self) -> None:
        await super()._goodbye()
        self._said_goodbye = True

    def _find(self) -> str:
        if self._in_network:
            return self._identity
        try:
            return find_port(self._identity)
        except LinkFault:
            if self._lasting is None:
                raise
        try:
            return find_port(self._lasting)
        except LinkFault as fault:
            raise LinkFault(fault.what, self._identity, fault.remedy, persistent=fault.persistent) from None

    def _arrived(self, arrival_ns: int, data: bytes) -> None:
        self.bytes_heard += len(data)
        self.heard_more.set()
        if self._demultiplexer is None:
            self.heard(self.sensors[0].key, arrival_ns, data)
            return
        for number, message in self._demultiplexer.feed(data):
            if number in self._numbers:
                self.heard(self._numbers[number], arrival_ns, message)
        for status in self.status.values():
            status.notes = dict(self._demultiplexer.health)

    async def _find_baud(self, device: str) -> int:
        for baud in self._serial.bauds:
            if await asyncio.to_thread(speaks, self.family, self.request, device, baud, self._numbers):
                return baud
        tried = ", ".join(map(str, self._serial.bauds))
        remedy = f"Check that it is switched on and of this family, or state its baud rate in the kit. Tried: {tried}."
        raise LinkFault(f"nothing that sounds like {self.family.title}", self._identity, remedy)


def _let_go(opening: asyncio.Future[NetworkPort]) -> None:
    """Close a port that was opened for a link that is no more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def speaks(family: DeviceFamily, request: Request, device: str, baud: int, numbers: Container[int | None] = ()) -> bool:
    """Whether a device of `family` sends at this baud rate: samples or a greeting, with few errors.

    Listens first; if nothing arrives, the device is addressed as at a start. Raises `LinkFault` as `OpenPort`.
    """
    assert family.serial is not None
    codec: Codec = codec_for(family.name, request.config, request.rate_hz)
    demultiplexer = Demultiplexer()
    changed = threading.Condition()
    samples = frames = 0

    def heard(arrival_ns: int, data: bytes) -> None:
        nonlocal samples, frames
        with changed:
            if numbers:
                frames += sum(number in numbers for number, _ in demultiplexer.feed(data))
            samples += sum(len(block) for block in codec.feed(data))
            changed.notify()

    def clear() -> bool:
        errors = sum(n for word, n in codec.health.items() if word in _FAULTS)
        found = samples >= _ENOUGH_SAMPLES or frames > 0 or bool(codec.facts)
        return found and errors <= 1 + _ERRORS_PER_SAMPLE * samples

    port = OpenPort(device, baud, heard, lambda fault: None, lambda: 0, dtr=family.serial.dtr)
    try:
        port.listen()
        with changed:
            if changed.wait_for(clear, LISTEN_S):
                return True
        for step in (*family.configure(request), *family.start(request)):
            if isinstance(step, Write):
                port.write(step.payload)
        with changed:
            return changed.wait_for(clear, LISTEN_S)
    finally:
        port.close()


_FAULTS = frozenset({"checksum", "framing", "garbage", "length", "oversized", "parse", "unknown_type", "escape"})
"""Faults that a wrong baud rate causes in a stream, in the words of the codecs' health."""
