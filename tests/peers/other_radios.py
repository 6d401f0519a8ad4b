"""Bluetooth of Windows and of macOS at bleak's own interface: backends with virtual sensors, for the real `BleakClient`.

macOS gives each sensor an identifier that it makes itself, and tells no address. Windows finds out what a sensor offers while
it connects, and says *unreachable* where a sensor does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from bleak.args import SizedBuffer
from bleak.backends import BleakBackend
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError

from virtual_athlete.virtual_devices import VirtualPeripheral

POLL_S = 0.01


@dataclass
class InTheAir:
    """A sensor under the address by which this computer knows it. refuses: what connecting to it raises."""

    address: str
    peripheral: VirtualPeripheral
    connect_s: float = 0.05
    refuses: BaseException | None = None
    name: str = ""

    @property
    def called(self) -> str:
        return self.name or self.peripheral.firmware.name


class Air:
    """What is in the air; its clock."""

    def __init__(self, sensors: Sequence[InTheAir]) -> None:
        self.sensors = {sensor.address: sensor for sensor in sensors}
        self._began = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._began


def backends(air: Air) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """A scanner and a client of this air."""

    class Scanner(BaseBleakScanner):
        def __init__(self, callback: Any = None, service_uuids: Any = None, *args: Any, **words: Any) -> None:
            super().__init__(callback, service_uuids)
            self._task: asyncio.Task[None] | None = None

        async def start(self) -> None:
            self._task = asyncio.ensure_future(self._advertise())

        async def stop(self) -> None:
            if self._task is not None:
                self._task.cancel()

        async def _advertise(self) -> None:
            while True:
                for one in air.sensors.values():
                    if one.peripheral.up:
                        continue
                    services = list(one.peripheral.firmware.services)
                    makers = dict.fromkeys(one.peripheral.firmware.company_ids, b"\x01")
                    told = AdvertisementData(one.called, makers, {}, services, None, -60, ())
                    self.call_detection_callbacks(
                        self.create_or_update_device(one.address, one.address, one.called, one, told), told
                    )
                await asyncio.sleep(0.05)

    class Client(BaseBleakClient):
        def __init__(self, device: Any, **words: Any) -> None:
            super().__init__(device, **words)
            self._one = air.sensors[self.address]
            self._connected = False
            self._task: asyncio.Task[None] | None = None
            self._hear: dict[str, NotifyCallback] = {}

        @property
        def name(self) -> str:
            return self._one.called

        @property
        def mtu_size(self) -> int:
            return 247

        @property
        def is_connected(self) -> bool:
            return self._connected

        async def connect(self, pair: bool, **words: Any) -> None:
            await asyncio.sleep(self._one.connect_s)
            if self.address not in air.sensors:
                raise BleakDeviceNotFoundError(self.address, f"Device with address {self.address} was not found.")
            if self._one.refuses is not None:
                raise self._one.refuses
            self.services = _services(self._one.peripheral)
            self._connected = True
            self._one.peripheral.connect(air.now())
            self._task = asyncio.ensure_future(self._notify())

        async def _notify(self) -> None:
            while True:
                for out in self._one.peripheral.poll(air.now()):
                    if out.characteristic in self._hear:
                        self._hear[out.characteristic](bytearray(out.payload))
                await asyncio.sleep(POLL_S)

        async def disconnect(self) -> None:
            if self._connected:
                self._connected = False
                self._one.peripheral.disconnect(air.now())
                if self._task is not None:
                    self._task.cancel()
                if self._disconnected_callback is not None:
                    self._disconnected_callback()

        async def pair(self, *args: Any, **words: Any) -> None:
            raise NotImplementedError

        async def unpair(self) -> None:
            raise NotImplementedError

        async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **words: Any) -> bytearray:
            return bytearray(self._one.peripheral.read(characteristic.uuid))

        async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **words: Any) -> bytearray:
            raise BleakError("no descriptors here")

        async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
            self._one.peripheral.write(bytes(data), air.now(), characteristic.uuid)

        async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
            raise BleakError("no descriptors here")

        async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **words: Any) -> None:
            self._hear[characteristic.uuid] = callback

        async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
            self._hear.pop(characteristic.uuid, None)

    return Scanner, Client


def _services(peripheral: VirtualPeripheral) -> BleakGATTServiceCollection:
    found = BleakGATTServiceCollection()
    services: dict[str, BleakGATTService] = {}
    for handle, about in enumerate(peripheral.firmware.gatt, 1):
        if about.service not in services:
            services[about.service] = BleakGATTService(None, 1000 + handle, about.service)
            found.add_service(services[about.service])
        one = BleakGATTCharacteristic(None, handle, about.uuid, list(about.flags), lambda: 244, services[about.service])
        found.add_characteristic(one)
    return found


@contextmanager
def other_radio(system: str, sensors: Sequence[InTheAir]) -> Iterator[Air]:
    """Within the block Bluetooth is that of `system`, ``win32`` or ``darwin``, with these sensors in the air."""
    air = Air(sensors)
    scanner, client = backends(air)
    backend = {"win32": BleakBackend.WIN_RT, "darwin": BleakBackend.CORE_BLUETOOTH}[system]

    async def nothing(address: str) -> None:
        return

    patches: Mapping[str, Any] = {
        "bleak.get_platform_scanner_backend_type": lambda: (scanner, backend),
        "bleak.get_platform_client_backend_type": lambda: (client, backend),
        "ingest.links.bluetooth.ble_link.close_stale_connections_by_address": nothing,
        "ingest.links.bluetooth.ble_link._ONE_AT_A_TIME": False,
        "ingest.links.bluetooth.faults.SYSTEM": system,
    }
    with _all(patches):
        yield air


@contextmanager
def _all(patches: Mapping[str, Any]) -> Iterator[None]:
    started = [patch(name, value) for name, value in patches.items()]
    try:
        for one in started:
            one.start()
        yield
    finally:
        patch.stopall()
