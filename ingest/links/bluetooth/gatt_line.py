"""A conversation with one device over Bluetooth LE, from a thread that has no event loop: to examine it, not for a session.

The device is found, connected and listened to in a thread of its own; what it notifies comes with its time and characteristic.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic

from ingest.links.bluetooth.adapter import Adapter, quietly
from ingest.links.bluetooth.ble_link import DISCOVERY_S
from ingest.links.bluetooth.faults import BLE_ERRORS, fault_of, not_found
from ingest.links.link_fault import LinkFault

SEARCH_S = 15.0
"""Time, s, in which a device must be heard that somebody wants to examine now (ours)."""
_R = TypeVar("_R")


class GattLine:
    """Raises `LinkFault` when the device cannot be found or connected. notify: characteristics to subscribe to where it has
    them. heard(arrival_ns, characteristic, value) and gone(fault) are called in its thread."""

    def __init__(
        self,
        address: str,
        notify: tuple[str, ...],
        heard: Callable[[int, str, bytes], object],
        gone: Callable[[LinkFault], object],
        clock_ns: Callable[[], int],
    ) -> None:
        self._address, self._heard, self._gone, self._clock_ns = address, heard, gone, clock_ns
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"Bluetooth {address}", daemon=True)
        self._thread.start()
        try:
            self._client = self._done(self._connected(notify))
        except BaseException:
            self._end()
            raise

    def has(self, characteristic: str) -> bool:
        """Whether the device has it."""
        return self._client.services.get_characteristic(characteristic) is not None

    def write(self, characteristic: str, value: bytes, *, response: bool) -> None:
        """Raises `LinkFault`."""
        self._done(self._client.write_gatt_char(characteristic, value, response=response))

    def read(self, characteristic: str) -> bytes:
        """Raises `LinkFault`."""
        return bytes(self._done(self._client.read_gatt_char(characteristic)))

    def close(self) -> None:
        """Let the device go; never raises, and may be called twice."""
        if self._closing:
            return
        self._closing = True
        self._done(quietly(self._client.disconnect()))
        self._end()

    async def _connected(self, notify: tuple[str, ...]) -> BleakClient:
        try:
            async with asyncio.timeout(SEARCH_S):
                device, _ = await Adapter().seen(self._address)
        except TimeoutError:
            raise not_found(self._address, address=self._address) from None
        client = BleakClient(device, disconnected_callback=self._lost, timeout=DISCOVERY_S)
        await client.connect()
        for uuid in notify:
            if client.services.get_characteristic(uuid) is not None:
                await client.start_notify(uuid, self._arrived)
        return client

    def _arrived(self, characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        self._heard(self._clock_ns(), characteristic.uuid, bytes(value))

    def _lost(self, _: BleakClient) -> None:
        if not self._closing:
            self._gone(LinkFault("the connection was lost", self._address))

    def _done(self, doing: Coroutine[Any, Any, _R]) -> _R:
        try:
            return asyncio.run_coroutine_threadsafe(doing, self._loop).result()
        except BLE_ERRORS as error:
            raise fault_of(error, self._address) from error

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
