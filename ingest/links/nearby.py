"""Sensors near by, before anybody has said where each is worn: heard, connected, and listened to for a tap.

Nothing is recorded. Connected are the sensors that a kit remembers, and new ones of a known family that are as near as a hand:
a sensor in the next room is another one's. What they send is decoded and given on; a tap is told from it elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from body_signals import HiphingeError, Packets, SampleBlock
from firmware_protocol import Codec, codec_for, device_family
from ingest.links.bluetooth import BLE_ERRORS, BLUETOOTH, Adapter, BleLink, SensorSeen, fault_of
from ingest.links.event_log import EventLog
from ingest.links.kit import KitSensor, kit_of
from ingest.links.link import Link
from ingest.links.link_fault import LinkFault
from ingest.links.serial import PortSeen, SerialLink, list_ports

_log = logging.getLogger(__name__)
NEAR_DBM = -75
"""A sensor that nobody knows is connected from this signal on: within a few metres (ours)."""
MOST_LINKS = 8
"""Sensors that are listened to at once: adapters carry no more (ours)."""
LISTEN_HZ = 50.0
"""A tap is seen at this rate; new sensors are asked for no more than they need (ours)."""
GONE_S = 10.0
"""A sensor that is not heard for this time, and not connected, has gone (ours)."""
PORTS_EVERY_S, AGAIN_S, TAKE_EVERY_S = 2.0, 1.0, 0.02
"""Between two looks at the serial ports, before Bluetooth is tried again, and between two batches of packets (ours)."""


@dataclass(slots=True)
class Near:
    """A sensor near by. id: its address in upper case, or how its port is named. heard_s: loop time at which it was heard."""

    id: str
    name: str
    family: str | None
    port: bool = False
    rssi: int | None = None
    battery: int | None = None
    state: str = "seen"
    """``seen``, or the state of its link."""
    fault: LinkFault | None = None
    heard_s: float = 0.0


class Nearby:
    """Listens for sensors until cancelled. known: `[[sensor]]` entries of remembered kits, by id. heard(id, block): samples."""

    def __init__(self, known: Mapping[str, Mapping[str, object]], heard: Callable[[str, SampleBlock], None]) -> None:
        self._known, self._heard = dict(known), heard
        self._near: dict[str, Near] = {}
        self._links: dict[str, Link] = {}
        self._codecs: dict[str, Codec] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = EventLog()
        self._adapter = Adapter(self._seen)
        self._look_now = asyncio.Event()
        self.fault: LinkFault | None = None
        """Of Bluetooth as a whole; serial sensors are found all the same."""

    @property
    def near(self) -> list[Near]:
        """The sensors, and ports that may have one, in the order in which they were found; those of known families first. A
        phone is none."""
        for id, link in self._links.items():
            status, one = link.status[id], self._near[id]
            one.state, one.fault = status.state.value, status.fault
            one.battery = one.battery if status.battery is None else status.battery
            one.rssi = one.rssi if status.rssi is None else status.rssi
        shown = [n for n in self._near.values() if n.port or n.family is not None or n.id in self._known]
        return sorted(shown, key=lambda n: n.family is None)

    async def run(self) -> None:
        """Until cancelled: then all sensors are let go."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._look_at_ports())
                group.create_task(self._take())
                group.create_task(self._let_go())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def again(self) -> None:
        """Look anew: what is neither connected nor heard goes from the list."""
        for id in [id for id in self._near if id not in self._links]:
            del self._near[id]
        self._look_now.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._adapter.listen()
            except BLE_ERRORS as error:
                self.fault = fault_of(error, BLUETOOTH)
            await asyncio.sleep(AGAIN_S)

    def _seen(self, seen: SensorSeen) -> None:
        self.fault = None
        id = seen.address.upper()
        one = self._near.setdefault(id, Near(id, seen.name, seen.family))
        one.heard_s = asyncio.get_running_loop().time()
        one.name, one.family, one.rssi = seen.name or one.name, seen.family or one.family, seen.rssi
        one.battery = one.battery if seen.battery is None else seen.battery
        if id in self._known or (seen.family is not None and (seen.rssi or -128) >= NEAR_DBM):
            self._connect(one)

    async def _look_at_ports(self) -> None:
        while True:
            for port in await asyncio.to_thread(list_ports):
                self._plugged(port)
            self._look_now.clear()
            try:
                async with asyncio.timeout(PORTS_EVERY_S):
                    await self._look_now.wait()
            except TimeoutError:
                continue

    def _plugged(self, port: PortSeen) -> None:
        id = next((known for known in (port.identity, port.kind, port.device) if known in self._known), port.identity)
        one = self._near.setdefault(id, Near(id, port.name, port.family, port=True))
        one.heard_s = asyncio.get_running_loop().time()
        if id in self._known or port.family is not None:
            self._connect(one)

    def _connect(self, one: Near) -> None:
        if one.id in self._links or len(self._links) >= MOST_LINKS:
            return
        try:
            sensor = _listening(one, self._known.get(one.id))
        except HiphingeError as error:
            one.fault = LinkFault(error.what, one.id, error.remedy)
            return
        link: Link = SerialLink((sensor,), self._log) if one.port else BleLink((sensor,), self._log, self._adapter)
        one.family = sensor.family.name
        self._links[one.id] = link
        self._codecs[one.id] = codec_for(sensor.family.name, sensor.request.config, sensor.request.rate_hz)
        go = asyncio.Event()
        go.set()
        task = asyncio.ensure_future(link.run(go))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self) -> None:
        while True:
            await asyncio.sleep(TAKE_EVERY_S)
            for event in self._log.take():
                if isinstance(event, Packets) and event.sensor in self._codecs:
                    for block in self._codecs[event.sensor].feed_packets(event.data, event.lengths):
                        self._heard(event.sensor, block)

    async def _let_go(self) -> None:
        """Forget what is not heard any more."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            for id in [n.id for n in self._near.values() if n.id not in self._links and loop.time() - n.heard_s > GONE_S]:
                del self._near[id]


def _listening(one: Near, known: Mapping[str, object] | None) -> KitSensor:
    """The sensor as it is listened to: as its kit asks, or at a rate that shows a tap."""
    entry: dict[str, object] = {
        key: v for key, v in (known or {}).items() if key not in ("placement", "name", "worn", "mounting")
    }
    entry |= {"placement": "other", "name": one.id}
    if known is None:
        assert one.family is not None
        entry |= {"family": one.family, ("port" if one.port else "address"): one.id}
        rates = [rate for rate in device_family(one.family).rates_hz if rate >= LISTEN_HZ]
        if rates:
            entry["rate_hz"] = min(rates)
    return kit_of([entry], Path(one.id)).sensors[0]
