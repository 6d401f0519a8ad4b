"""The Bluetooth adapter: scanning with family recognition, waiting for a sensor to be seen, and the meaning of its errors.

bleak is used unmodified. Connections are opened one after another, as adapters require; while one is being opened, the
search for others pauses. Every call of bleak may raise one of `BLE_ERRORS`; `fault_of` gives the remedy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError, BleakError

from firmware_protocol import recognise_ble
from ingest.links.link import LinkFault

BLE_ERRORS = (BleakError, OSError, EOFError, TimeoutError)
"""All exceptions that a call of bleak may raise; a bus that dies causes EOFError."""
BLUETOOTH = "Bluetooth"
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


def fault_of(error: BaseException, where: str) -> LinkFault:
    """The meaning of an error of bleak or the bus, and its remedy."""
    text = f"{error}".lower()
    off = "Switch Bluetooth on (Linux: bluetoothctl power on; rfkill unblock bluetooth)."
    if isinstance(error, BleakBluetoothNotAvailableError):
        reason = error.reason
        if reason is BleakBluetoothNotAvailableReason.POWERED_OFF:
            return LinkFault("Bluetooth is switched off", BLUETOOTH, off, persistent=True)
        if reason in (BleakBluetoothNotAvailableReason.DENIED_BY_USER, BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM):
            return _denied()
        remedy = "Plug in a Bluetooth adapter with Low Energy (4.0 or later), or use serial sensors."
        return LinkFault("this computer has no usable Bluetooth adapter", BLUETOOTH, remedy, persistent=True)
    name = error.dbus_error if isinstance(error, BleakDBusError) else ""
    if name.endswith("NotReady") or "not ready" in text:
        return LinkFault("Bluetooth is switched off", BLUETOOTH, off, persistent=True)
    if name.endswith(("AccessDenied", "NotPermitted", "NotAuthorized")) or "rejected send message" in text:
        return _denied()
    missing = isinstance(error, FileNotFoundError | ConnectionRefusedError) or name.endswith(
        ("ServiceUnknown", "NameHasNoOwner")
    )
    if missing:
        remedy = "Start it (Linux: sudo systemctl start bluetooth; Debian package bluez)."
        return LinkFault("the Bluetooth service is not running", BLUETOOTH, remedy, persistent=True)
    if isinstance(error, EOFError | BrokenPipeError):
        return LinkFault("the Bluetooth service went away", BLUETOOTH, "It goes on by itself when the service is back.")
    if isinstance(error, TimeoutError) or "not found" in text or "timed out" in text:
        return not_found(where)
    if "in progress" in text or "inprogress" in text:
        return LinkFault("the adapter is busy", where, "It is tried again by itself.")
    reason_text = str(error).removeprefix("[org.bluez.Error.Failed] ") or type(error).__name__
    remedy = "It is tried again by itself; if it does not help, switch the sensor off and on."
    return LinkFault(f"the connection failed ({reason_text})", where, remedy)


def not_found(where: str) -> LinkFault:
    """The sensor cannot be found."""
    remedy = "Switch it on, charge it, bring it nearer; a phone or another program that holds it must let it go."
    return LinkFault("not found", where, remedy)


def _denied() -> LinkFault:
    remedy = "Allow it in the system's settings (Linux: sudo usermod -aG bluetooth $USER, then log in again)."
    return LinkFault("you may not use Bluetooth", BLUETOOTH, remedy, persistent=True)


class Adapter:
    """The adapter that all links of a program share. hearing: is told of everything that is heard in passing."""

    def __init__(self, hearing: Callable[[SensorSeen], None] = lambda seen: None) -> None:
        self._hearing = hearing
        self._connecting = asyncio.Lock()
        self._searching = asyncio.Lock()
        self._wanted: dict[str, asyncio.Future[tuple[BLEDevice, int]]] = {}

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """One at a time."""
        async with self._connecting, self._searching:
            yield

    async def seen(self, address: str) -> tuple[BLEDevice, int]:
        """Wait until the sensor is found; returns it and its rssi. Raises one of `BLE_ERRORS`."""
        address = address.upper()
        heard: asyncio.Future[tuple[BLEDevice, int]] = asyncio.get_running_loop().create_future()
        self._wanted[address] = heard
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
        wanted = self._wanted.get(device.address.upper())
        if wanted is not None and not wanted.done():
            wanted.set_result((device, advertisement.rssi))


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
