"""The link of a sensor over Bluetooth LE.

A notification's arrival time is taken at the start of its callback. BlueZ's StartNotify is kept on purpose: with
AcquireNotify packets are dropped when the program is busy for seconds, with StartNotify they arrive late.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak_retry_connector import close_stale_connections_by_address

from firmware_protocol import BleAccess, Codec, Read, Request, Write, codec_for, device_family, recognise_ble
from ingest.links.bluetooth.adapter import Adapter, SensorSeen, known_elsewhere, quietly
from ingest.links.bluetooth.claim import Claim
from ingest.links.bluetooth.faults import BLE_ERRORS, fault_of, not_found, other_gatt, slow
from ingest.links.event_log import EventLog
from ingest.links.kit import KitSensor
from ingest.links.link import Link
from ingest.links.link_fault import LinkFault
from ingest.links.link_status import LinkState

CONNECT_S = 8.0
"""Time, s, within which a sensor that was heard must be connected; then it is tried again (ours)."""
DISCOVERY_S = 30.0
"""Time, s, in all, with the discovery of what the sensor offers: some take 15 to 20 s for it (ours)."""
_SHORT_CONNECT_S = 3.0
"""The same for a sensor whose last attempt failed, while others wait (ours)."""
_URGENT_S = 30.0
"""For how long, s, after it was lost a sensor is expected back, and goes before those that cannot be connected (ours)."""
_GRACE_S = 1.0
"""Time, s, that a first attempt has before it makes way for a sensor that comes back (ours)."""
_REST_S, _MOST_RESTS = 2.0, 4
"""Time, s, that a sensor rests after each attempt that failed while others are searched, for which the radio must be free, and
how often it grows by that (ours)."""
_GLANCE_S = 0.02
"""Interval, s, for looking whether a connection is there (ours)."""
_NOT_FOUND_AFTER_S = 3.0
"""Time, s, after which a sensor is reported as not found; the search continues (ours)."""
_CLOSE_S = 2.0
"""Time, s, for an orderly disconnection (ours)."""
BATTERY_EVERY_S = 60.0
"""Interval, s, between two readings of the charge, beside the stream (ours)."""
FULL_PERCENT = 100
"""Largest level of the Bluetooth Battery Service."""
_UART = "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"
UART_SERVICE, UART_WRITE, UART_NOTIFY = (_UART.format(n) for n in (1, 2, 3))
"""Nordic's UART service, a serial line over Bluetooth LE; the host writes to the second, and hears the third."""
NORDIC_UART = BleAccess(services=(UART_SERVICE,), notify=(UART_NOTIFY,))
LEAST_WRITE = 20
"""Bytes that every connection takes in one write (an ATT MTU of 23)."""
_ONE_AT_A_TIME = sys.platform == "linux"
"""BlueZ opens one connection at a time; other systems keep the order themselves."""
_STREAMED = frozenset({LinkState.STREAMING, LinkState.STALLED, LinkState.NOT_UNDERSTOOD})


class BleLink(Link):
    """See `Link`."""

    def __init__(self, sensors: tuple[KitSensor, ...], log: EventLog, adapter: Adapter) -> None:
        super().__init__(sensors, log)
        self._ble: BleAccess = NORDIC_UART if self.family.ble is None else self.family.ble
        """A family of serial lines sends its bytes over Nordic's UART service."""
        self._adapter = adapter
        self._key = sensors[0].key
        self._address = (sensors[0].sensor.address or "").upper()
        self._client: BleakClient | None = None
        self._first = True
        self._failures = 0
        """Attempts that failed since it was connected last."""
        self._urgent_until = 0.0
        """Loop time until which it is expected back."""
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
        if not self._claim.take():
            remedy = "Close the other hiphinge live and it goes on by itself."
            raise LinkFault("another program on this computer uses this sensor", self._key, remedy, persistent=True)
        if asyncio.get_running_loop().time() < self._urgent_until and not self._failures:
            self._adapter.hurry(self._address)
        await self._adapter.rest(_REST_S * min(self._failures, _MOST_RESTS))
        try:
            if self._first:
                # left by a killed program: while it is connected the sensor cannot be found
                self._first = False
                async with self._adapter.connecting():  # one after another: the first call discovers what BlueZ knows
                    await close_stale_connections_by_address(self._address)
            while self._client is None:
                device = await self._found()
                self._client = await self._connected(device)
            self._failures = 0
            self._adapter.held.add(self._address)
            self.opened()
            if not self._client.is_connected:
                raise LinkFault("the connection was lost", self._key)
            self._check_gatt(self._client, device)
            for uuid in self._ble.notify:
                if self._client.services.get_characteristic(uuid) is not None:
                    await self._client.start_notify(uuid, self._arrived)
            self._tells_battery = True
            await self._ask_battery()
        except BLE_ERRORS as error:
            raise self._fault(error) from error
        finally:
            self._adapter.arrived(self._address)

    async def _found(self) -> BLEDevice:
        """Wait until the sensor is heard. Raises one of `BLE_ERRORS`."""
        loop = asyncio.get_running_loop()
        hints = [loop.call_later(_NOT_FOUND_AFTER_S, self._say_not_found)]
        if self._hurries:
            # whoever has not come back by then is not waited for
            hints.append(loop.call_at(self._urgent_until, self._adapter.arrived, self._address))
        try:
            device, self.status[self._key].rssi = await self._adapter.seen(self._address, self.sensors[0].advertised)
        finally:
            for hint in hints:
                hint.cancel()
        if known_elsewhere(self._address, device.address.upper()):
            self.log.watchdog(self._key, f"known by its name {device.name}: the address in the kit is another computer's")
        return device

    @property
    def _hurries(self) -> bool:
        return self._address in self._adapter.urgent

    async def _connected(self, device: BLEDevice) -> BleakClient | None:
        """Connect, one sensor at a time; what it offers is discovered while others go on. Raises one of `BLE_ERRORS`, or
        `LinkFault`. None: it made way for a sensor that was lost a moment ago and comes back, and must be found anew.
        """
        if self._failures and not self._hurries and self._adapter.urgent:
            await self._adapter.let_pass()
            return None
        client = BleakClient(device, disconnected_callback=self._disconnected, timeout=DISCOVERY_S)
        attempt: asyncio.Future[None] | None = None
        try:
            async with self._adapter.connecting():
                self._set(LinkState.CONNECTING)
                attempt = asyncio.ensure_future(client.connect())
                linked = False
                try:
                    linked = not await self._makes_way(client, attempt)
                finally:
                    if not linked:
                        # before the next one: an adapter that is still connecting refuses it
                        await _given_up(attempt)
            if not linked:
                # of two that come back this one is not connected at once: the other one goes first
                self._urgent_until = 0.0
                self._adapter.arrived(self._address)
                await self._adapter.let_pass()
                return None
            async with asyncio.timeout(DISCOVERY_S):
                await attempt
        except BaseException as error:
            self._failures += 1
            if isinstance(error, TimeoutError):
                raise slow(self._key, len(self._adapter.held)) from error
            raise
        finally:
            if attempt is not None and not attempt.done():
                await _given_up(attempt)
        return client

    async def _makes_way(self, client: BleakClient, attempt: asyncio.Future[None]) -> bool:
        """Wait until the sensor is connected, whatever it offers; True where others must not wait for it. Raises
        `TimeoutError`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not attempt.done() and not client.is_connected:
            await asyncio.wait({attempt}, timeout=_GLANCE_S)
            since = loop.time() - began
            if self._adapter.urgent - {self._address} and since > (0.0 if self._failures else _GRACE_S):
                return not attempt.done()
            most_s = _SHORT_CONNECT_S if self._failures and self._adapter.others_wait else CONNECT_S
            if since > most_s and _ONE_AT_A_TIME:
                raise TimeoutError
            if since > most_s:
                return False  # the attempt goes on, and the others with it
        return False

    def _check_gatt(self, client: BleakClient, device: BLEDevice) -> None:
        """`LinkFault` where the sensor has nothing of what its family has: it is another one."""
        if any(client.services.get_characteristic(uuid) is not None for uuid in self._ble.notify):
            return
        found = recognise_ble(device.name, [service.uuid for service in client.services], ())
        like = found.name if found is not None and found is not self.family else ""
        lacks = f"it has no characteristic {self._ble.notify[0]}, and calls itself {device.name or 'nothing'}"
        raise other_gatt(self._key, self.family.name, lacks, like)

    def _disconnected(self, _: BleakClient) -> None:
        self.lose("the connection was lost", "It goes on by itself when the sensor is back.")

    def _fault(self, error: BaseException) -> LinkFault:
        return fault_of(error, self._key, family=self.family.name, held=len(self._adapter.held))

    def _note(self, fault: LinkFault) -> None:
        if self.status[self._key].state in _STREAMED:
            self._urgent_until = asyncio.get_running_loop().time() + _URGENT_S
        super()._note(fault)

    async def write(self, step: Write) -> None:
        """See `Link.write`."""
        assert self._client is not None
        try:
            if step.characteristic:
                await self._client.write_gatt_char(step.characteristic, step.payload, response=step.response)
                return
            for at in range(0, len(step.payload), LEAST_WRITE):
                await self._client.write_gatt_char(UART_WRITE, step.payload[at : at + LEAST_WRITE], response=False)
        except BLE_ERRORS as error:
            raise self._fault(error) from error

    async def read(self, step: Read) -> None:
        """See `Link.read`."""
        assert self._client is not None
        try:
            value = bytes(await self._client.read_gatt_char(step.characteristic))
        except BLE_ERRORS as error:
            raise self._fault(error) from error
        self.heard(self._key, self.log.clock_ns(), value)
        self._said.feed(value)
        told = self._said.facts.get("battery_percent")
        if isinstance(told, float | int):
            self.status[self._key].battery = round(told)

    def can_be_probed(self) -> bool:
        """See `Link.can_be_probed`; older firmware has no characteristic for it."""
        if self.family.probe is None or self._client is None:
            return False
        asked = self.family.probe(0, 0).characteristic or UART_WRITE
        return self._client.services.get_characteristic(asked) is not None

    async def close(self) -> None:
        """See `Link.close`."""
        client, self._client = self._client, None
        self._adapter.held.discard(self._address)
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
        self.status[self._key].fault = not_found(self._key, address=self._address)


async def _given_up(attempt: asyncio.Future[None]) -> None:
    """End an attempt to connect, and whatever it has begun."""
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)


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
        async with asyncio.timeout(DISCOVERY_S):
            client = BleakClient(device, timeout=DISCOVERY_S)
            await client.connect()
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
