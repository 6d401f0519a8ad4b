"""The Bluetooth adapter: scanning with family recognition, waiting for a sensor to be seen, and the meaning of its errors.

bleak is used unmodified. Connections are opened one after another, as adapters require; while one is being opened, the
search for others pauses. Every call of bleak may raise one of `BLE_ERRORS`; `ingest.links.bluetooth.faults` gives the remedy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from firmware_protocol import recognise_ble
from ingest.links.bluetooth.faults import BLE_ERRORS, BLUETOOTH, fault_of, is_of_one_mac
from ingest.links.link_fault import LinkFault

BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
"""The Bluetooth Battery Service; some sensors advertise its data, in percent."""
LISTEN_S = 2.0
"""Length, s, of one scan; links that wait to search come next (ours)."""
_GLANCE_S = 0.02
"""Interval, s, for checking an adapter that is opening another connection (ours)."""


@dataclass(frozen=True, slots=True)
class SensorSeen:
    """A device in range. rssi: dBm. family: where it is recognised. battery: percent, if advertised or read."""

    address: str
    name: str
    rssi: int | None
    family: str | None
    battery: int | None = None


@dataclass(slots=True)
class _Wanted:
    """A sensor that is searched. advertised: its name, by which it is known where its address is another computer's."""

    heard: asyncio.Future[tuple[BLEDevice, int]]
    advertised: str | None = None
    alike: dict[str, tuple[BLEDevice, int]] = field(default_factory=dict)
    """Sensors of this name, by address."""
    since: float | None = None
    """Loop time at which the first of them was heard."""


class Adapter:
    """The adapter that all links of a program share. hearing: is told of everything that is heard in passing."""

    def __init__(self, hearing: Callable[[SensorSeen], None] = lambda seen: None) -> None:
        self._hearing = hearing
        self._connecting = asyncio.Lock()
        self._searching = asyncio.Lock()
        self._wanted: dict[str, _Wanted] = {}
        self.held: set[str] = set()
        """Addresses of the sensors that are connected."""
        self.urgent: set[str] = set()
        """Addresses of sensors that streamed a moment ago, were lost, and are on their way back: others let them pass."""
        self._nobody_urgent = asyncio.Event()
        self._nobody_urgent.set()

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """One at a time."""
        async with self._connecting, self._searching:
            yield

    @property
    def others_wait(self) -> bool:
        """Whether a sensor is searched meanwhile, or another one is to be connected."""
        return bool(self._wanted)

    def hurry(self, address: str) -> None:
        """This sensor was lost a moment ago."""
        self.urgent.add(address)
        self._nobody_urgent.clear()

    def arrived(self, address: str) -> None:
        """It is back, or it is no longer likely to come at once."""
        self.urgent.discard(address)
        if not self.urgent:
            self._nobody_urgent.set()

    async def let_pass(self) -> None:
        """Wait until no sensor is on its way back."""
        await self._nobody_urgent.wait()

    async def rest(self, longest_s: float) -> None:
        """Leave the radio to the sensors that are searched, until there are none, or for this time."""
        until = asyncio.get_running_loop().time() + longest_s
        while self.others_wait and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_GLANCE_S)

    async def seen(self, address: str, advertised: str | None = None) -> tuple[BLEDevice, int]:
        """Wait until the sensor is found; returns it and its rssi. Raises one of `BLE_ERRORS`, or `LinkFault`.

        advertised: its name, which finds it where its address is one that a Mac has made for itself, or is none here.
        """
        address = address.upper()
        heard: asyncio.Future[tuple[BLEDevice, int]] = asyncio.get_running_loop().create_future()
        self._wanted[address] = _Wanted(heard, advertised)
        search = asyncio.ensure_future(self._search(heard))
        try:
            # another link's search may find it first
            either: set[asyncio.Future[Any]] = {heard, search}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not heard.done():
                search.result()
            return await heard
        finally:
            del self._wanted[address]
            if not search.done():
                search.cancel()
            await asyncio.gather(search, return_exceptions=True)

    async def _search(self, heard: asyncio.Future[tuple[BLEDevice, int]]) -> None:
        """Scan until this sensor is found. One scan serves all links, and pauses while a connection is opened."""
        while not heard.done():
            async with self._searching:
                if heard.done():
                    return
                async with BleakScanner(self._heard):
                    while not heard.done() and not self._connecting.locked():
                        await asyncio.wait({heard}, timeout=_GLANCE_S)
                        self._take_alike()
            await asyncio.sleep(0)

    async def listen(self) -> None:
        """Scan for nobody in particular until cancelled, and rest while a connection is opened. Raises one of `BLE_ERRORS`."""
        loop = asyncio.get_running_loop()
        while True:
            async with self._searching, BleakScanner(self._heard):
                until = loop.time() + LISTEN_S
                while loop.time() < until and not self._connecting.locked():
                    await asyncio.sleep(_GLANCE_S)
            await asyncio.sleep(_GLANCE_S)

    def _heard(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._hearing(seen_as(device.address, advertisement))
        address = device.address.upper()
        wanted = self._wanted.get(address)
        if wanted is not None and not wanted.heard.done():
            wanted.heard.set_result((device, advertisement.rssi))
        if advertisement.local_name is None:
            return
        for sought, one in self._wanted.items():
            if one.advertised == advertisement.local_name and known_elsewhere(sought, address):
                one.alike[address] = (device, advertisement.rssi)
                one.since = asyncio.get_running_loop().time() if one.since is None else one.since

    def _take_alike(self) -> None:
        """Sensors that are known by name: each once it is sure that nobody else has the name."""
        now = asyncio.get_running_loop().time()
        for one in self._wanted.values():
            if one.since is None or now - one.since < LISTEN_S or one.heard.done():
                continue
            free = {address: found for address, found in one.alike.items() if address not in self.held}
            if len(free) == 1:
                one.heard.set_result(next(iter(free.values())))
            elif free:
                what = f"{len(free)} sensors call themselves {one.advertised}, and the kit's address is another computer's"
                remedy = "Switch all but one off, and find it anew with hiphinge scan --save KIT."
                one.heard.set_exception(LinkFault(what, BLUETOOTH, remedy, persistent=True))


def known_elsewhere(sought: str, heard: str) -> bool:
    """Whether these two addresses can be of one sensor although they differ: one of them a Mac has made for itself."""
    return sought != heard and (is_of_one_mac(sought) or is_of_one_mac(heard))


async def scan(seconds: float) -> list[SensorSeen]:
    """Everything found within `seconds`, the strongest signal first. Raises `LinkFault`; connects to nothing."""
    found: dict[str, SensorSeen] = {}

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        found[device.address] = seen_as(device.address, advertisement)

    try:
        async with BleakScanner(heard):
            await asyncio.sleep(seconds)
    except BLE_ERRORS as error:
        raise fault_of(error, BLUETOOTH) from error
    return sorted(found.values(), key=lambda s: (s.family is None, -(s.rssi or -128), s.address))


def seen_as(address: str, advertisement: AdvertisementData) -> SensorSeen:
    """The content of an advertisement."""
    name = advertisement.local_name
    companies: Mapping[int, bytes] = advertisement.manufacturer_data
    family = recognise_ble(name, advertisement.service_uuids, companies)
    rssi = advertisement.rssi if advertisement.rssi > -127 else None
    level = advertisement.service_data.get(BATTERY_SERVICE)
    return SensorSeen(
        address, name or "", rssi, family.name if family is not None else None, level[0] if level and level[0] <= 100 else None
    )


async def quietly(doing: object) -> None:
    """Await a call of bleak whose failure changes nothing."""
    with suppress(*BLE_ERRORS):
        await doing  # type: ignore[misc]
