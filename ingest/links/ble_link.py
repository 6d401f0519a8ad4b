"""The link of a sensor over Bluetooth LE.

A notification's arrival time is taken at the start of its callback. BlueZ's StartNotify is kept on purpose: with
AcquireNotify packets are dropped when the program is busy for seconds, with StartNotify they arrive late.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak_retry_connector import close_stale_connections_by_address, establish_connection

from firmware_protocol import BleAccess, Codec, Read, Request, Write, codec_for, device_family
from ingest.links.ble import BLE_ERRORS, Adapter, SensorSeen, fault_of, not_found, quietly
from ingest.links.claim import Claim
from ingest.links.event_log import EventLog
from ingest.links.kit import KitSensor
from ingest.links.link import Link, LinkFault, LinkState

CONNECT_S = 8.0
"""Time, s, after which a connection attempt is given up and repeated (ours)."""
_NOT_FOUND_AFTER_S = 3.0
"""Time, s, after which a sensor is reported as not found; the search continues (ours)."""
_CLOSE_S = 2.0
"""Time, s, for an orderly disconnection (ours)."""
BATTERY_EVERY_S = 60.0
"""Interval, s, between two readings of the charge, beside the stream (ours)."""
FULL_PERCENT = 100
"""Largest level of the Bluetooth Battery Service."""


class BleLink(Link):
    """See `Link`."""

    def __init__(self, sensors: tuple[KitSensor, ...], log: EventLog, adapter: Adapter) -> None:
        super().__init__(sensors, log)
        assert self.family.ble is not None
        self._ble: BleAccess = self.family.ble
        self._adapter = adapter
        self._key = sensors[0].key
        self._address = (sensors[0].sensor.address or "").upper()
        self._client: BleakClient | None = None
        self._first = True
        self._tells_battery = False
        self._claim = Claim(self._address)
        self._said: Codec = codec_for(self.family.name, self.request.config, self.request.rate_hz)
        """Decodes the sensor's own battery messages."""

    async def run(self, go: asyncio.Event) -> None:
        """See `Link.run`."""
        try:
            await super().run(go)
        finally:
            self._claim.release()

    async def open(self) -> None:
        """See `Link.open`."""
        status = self.status[self._key]
        if not self._claim.take():
            remedy = "Close the other hiphinge live and it goes on by itself."
            raise LinkFault("another program on this computer uses this sensor", self._key, remedy, persistent=True)
        try:
            if self._first:
                # left by a killed program: while it is connected the sensor cannot be found
                self._first = False
                async with self._adapter.connecting():  # one after another: the first call discovers what BlueZ knows
                    await close_stale_connections_by_address(self._address)
            hint = asyncio.get_running_loop().call_later(_NOT_FOUND_AFTER_S, self._say_not_found)
            try:
                device, status.rssi = await self._adapter.seen(self._address)
            finally:
                hint.cancel()
            async with self._adapter.connecting(), asyncio.timeout(CONNECT_S):
                self._set(LinkState.CONNECTING)
                self._client = await establish_connection(
                    BleakClient,
                    device,
                    self._key,
                    disconnected_callback=lambda _: self.lose(
                        "the connection was lost", "It goes on by itself when the sensor is back."
                    ),
                    max_attempts=1,
                    use_services_cache=False,
                )
            self.opened()
            if not self._client.is_connected:
                raise LinkFault("the connection was lost", self._key)
            for uuid in self._ble.notify:
                if self._client.services.get_characteristic(uuid) is not None:
                    await self._client.start_notify(uuid, self._arrived)
            self._tells_battery = True
            await self._ask_battery()
        except BLE_ERRORS as error:
            raise fault_of(error, self._key) from error

    async def write(self, step: Write) -> None:
        """See `Link.write`."""
        assert self._client is not None
        try:
            await self._client.write_gatt_char(step.characteristic, step.payload, response=step.response)
        except BLE_ERRORS as error:
            raise fault_of(error, self._key) from error

    async def read(self, step: Read) -> None:
        """See `Link.read`."""
        assert self._client is not None
        try:
            value = bytes(await self._client.read_gatt_char(step.characteristic))
        except BLE_ERRORS as error:
            raise fault_of(error, self._key) from error
        self.heard(self._key, self.log.clock_ns(), value)
        self._said.feed(value)
        told = self._said.facts.get("battery_percent")
        if isinstance(told, float | int):
            self.status[self._key].battery = round(told)

    def can_be_probed(self) -> bool:
        """See `Link.can_be_probed`; older firmware has no characteristic for it."""
        if self.family.probe is None or self._client is None:
            return False
        return self._client.services.get_characteristic(self.family.probe(0, 0).characteristic) is not None

    async def close(self) -> None:
        """See `Link.close`."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await quietly(client.disconnect())

    def _arrived(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        arrival_ns = self.log.clock_ns()
        self.heard(self._key, arrival_ns, bytes(data))

    async def _watch_and_probe(self) -> None:
        asking = asyncio.ensure_future(self._keep_asking_battery())
        try:
            await super()._watch_and_probe()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _keep_asking_battery(self) -> None:
        while self._tells_battery:
            await asyncio.sleep(BATTERY_EVERY_S)
            await self._ask_battery()

    async def _ask_battery(self) -> None:
        """Read the charge, as a separate event, because it is not a packet of the stream. A sensor that refuses is not asked
        again until it reconnects."""
        if self._client is None or not self._tells_battery:
            return
        characteristic = self._ble.battery
        if characteristic is None or self._client.services.get_characteristic(characteristic) is None:
            self._tells_battery = False
            return
        try:
            value = await self._client.read_gatt_char(characteristic)
        except BLE_ERRORS:
            # the link's watch notices the loss
            self._tells_battery = False
            notes = self.status[self._key].notes
            notes["battery refused"] = notes.get("battery refused", 0) + 1
            return
        percent = percent_of(value)
        if percent is not None:
            self.status[self._key].battery = percent
            self.log.battery(self._key, percent)

    def _say_not_found(self) -> None:
        self.status[self._key].fault = not_found(self._key)


def percent_of(level: bytes | bytearray) -> int | None:
    """The value of a Battery Level characteristic; None where it is not valid: the Bluetooth Battery Service allows 0 to
    100."""
    return level[0] if level and level[0] <= FULL_PERCENT else None


async def ask_battery(seen: SensorSeen) -> int | None:
    """Charge of a sensor in percent, None where it cannot be read. Connects to the sensor: only for sensors of one's own kit.

    Raises `LinkFault`.
    """
    link = device_family(seen.family).ble if seen.family is not None else None
    if link is None or seen.family is None:
        return None
    codec = codec_for(seen.family)
    asked = [link.battery] if link.battery is not None else []
    asked += [step.characteristic for step in device_family(seen.family).configure(Request()) if isinstance(step, Read)]
    adapter = Adapter()
    try:
        async with asyncio.timeout(CONNECT_S):
            device, _ = await adapter.seen(seen.address)
            client = await establish_connection(BleakClient, device, seen.address, max_attempts=1, use_services_cache=False)
        try:
            for uuid in asked:
                if client.services.get_characteristic(uuid) is None:
                    continue
                value = bytes(await client.read_gatt_char(uuid))
                if uuid == link.battery:
                    return percent_of(value)
                codec.feed(value)
        finally:
            await quietly(client.disconnect())
    except BLE_ERRORS as error:
        raise fault_of(error, seen.address) from error
    percent = codec.facts.get("battery_percent")
    return round(percent) if isinstance(percent, float | int) else None
