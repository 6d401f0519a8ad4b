"""A program that plays org.bluez on a private bus, with virtual sensors in the air: for the unmodified bleak to talk to.

`python -m tests.peers.fake_bluez` reads a JSON line with the devices, says ``ready``, then obeys JSON lines on its
standard input, each answered by one: begin, tap, cue, drop, leave, come, swap, reboot, faults, trouble, stop_sampling, adapter,
ledgers, vanish. `trouble`: resolve_s, seconds until its services are known; refuses, ``abort`` or ``full``: no connection.
Structure and traps are those of BlueZ: GATT objects exist while connected, their path ends in ``serviceXXXX/charXXXX``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusBytes, DBusInt16, DBusObjectPath, DBusSignature, DBusStr, DBusUInt16
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from tests.peers.worn_sensors import Handled, Still, cued_motion, handled, motion, worn
from virtual_athlete.virtual_devices import GattCharacteristic, VirtualPeripheral
from virtual_athlete.virtual_devices.firmware_makers import virtual_firmware

ADAPTER = "/org/bluez/hci0"
_READ = PropertyAccess.READ
AHEAD_S = 1.2
"""Devices make their samples a second ahead: a tap comes after those."""
_POLL_S = 0.004
# methods that return nothing have no annotation for it: dbus-fast would take it for a signature
_AT_ONCE = 20
"""Messages that may be sent without a pause: more fill the bus's socket, and dbus-fast gives up."""
StrList = Annotated[list[str], DBusSignature("as")]
Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
Makers = Annotated[dict[int, Variant], DBusSignature("a{qv}")]


class Adapter(ServiceInterface):
    def __init__(self, air: Air) -> None:
        super().__init__("org.bluez.Adapter1")
        self.air, self.powered, self.discovering = air, True, False

    @dbus_property(access=_READ)
    def Address(self) -> DBusStr:
        return "00:00:00:00:00:01"

    @dbus_property(access=_READ)
    def Powered(self) -> DBusBool:
        return self.powered

    @dbus_property(access=_READ)
    def Discovering(self) -> DBusBool:
        return self.discovering

    @dbus_property(access=_READ)
    def Roles(self) -> StrList:
        return ["central"]

    @dbus_method()
    def SetDiscoveryFilter(self, properties: Options):
        return

    @dbus_method()
    def StartDiscovery(self):
        if not self.powered:
            raise DBusError("org.bluez.Error.NotReady", "Resource Not Ready")
        self.discovering = True

    @dbus_method()
    def StopDiscovery(self):
        self.discovering = False

    @dbus_method()
    def RemoveDevice(self, device: DBusObjectPath):
        return


class Characteristic(ServiceInterface):
    def __init__(self, about: GattCharacteristic, device: Device, service_path: str) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self.about, self.device, self.service_path, self.notifying = about, device, service_path, False

    @dbus_property(access=_READ)
    def UUID(self) -> DBusStr:
        return self.about.uuid

    @dbus_property(access=_READ)
    def Service(self) -> DBusObjectPath:
        return self.service_path

    @dbus_property(access=_READ)
    def Value(self) -> DBusBytes:
        return b""

    @dbus_property(access=_READ)
    def Flags(self) -> StrList:
        return list(self.about.flags)

    @dbus_property(access=_READ)
    def Notifying(self) -> DBusBool:
        return self.notifying

    @dbus_property(access=_READ)
    def MTU(self) -> DBusUInt16:
        return 247

    @dbus_method()
    def StartNotify(self):
        self.notifying = True

    @dbus_method()
    def StopNotify(self):
        self.notifying = False

    @dbus_method()
    def ReadValue(self, options: Options) -> DBusBytes:
        if not self.device.readable:
            raise DBusError("org.bluez.Error.NotPermitted", "Read not permitted")
        return self.device.peripheral.read(self.about.uuid)

    @dbus_method()
    def WriteValue(self, value: DBusBytes, options: Options):
        self.device.peripheral.write(bytes(value), self.device.air.now(), self.about.uuid)


class Service(ServiceInterface):
    def __init__(self, uuid: str, device_path: str) -> None:
        super().__init__("org.bluez.GattService1")
        self.uuid, self.device_path = uuid, device_path

    @dbus_property(access=_READ)
    def UUID(self) -> DBusStr:
        return self.uuid

    @dbus_property(access=_READ)
    def Primary(self) -> DBusBool:
        return True

    @dbus_property(access=_READ)
    def Device(self) -> DBusObjectPath:
        return self.device_path


class Device(ServiceInterface):
    def __init__(self, air: Air, peripheral: VirtualPeripheral, address: str) -> None:
        super().__init__("org.bluez.Device1")
        self.air, self.peripheral, self.address = air, peripheral, address
        self.path = f"{ADAPTER}/dev_{address.replace(':', '_')}"
        self.present, self.exported, self.connected, self.resolved, self.rssi = True, False, False, False, -60
        self.readable = True
        self.resolve_s, self.refuses = 0.05, ""
        self.connecting: asyncio.Task[None] | None = None
        self.handled: Handled | None = None
        self.characteristics: dict[str, Characteristic] = {}
        self.gatt_paths: list[str] = []

    @dbus_property(access=_READ)
    def Address(self) -> DBusStr:
        return self.address

    @dbus_property(access=_READ)
    def AddressType(self) -> DBusStr:
        return "random"

    @dbus_property(access=_READ)
    def Name(self) -> DBusStr:
        return self.peripheral.firmware.name

    @dbus_property(access=_READ)
    def Alias(self) -> DBusStr:
        return self.peripheral.firmware.name

    @dbus_property(access=_READ)
    def Adapter(self) -> DBusObjectPath:
        return ADAPTER

    @dbus_property(access=_READ)
    def Connected(self) -> DBusBool:
        return self.connected

    @dbus_property(access=_READ)
    def ServicesResolved(self) -> DBusBool:
        return self.resolved

    @dbus_property(access=_READ)
    def Paired(self) -> DBusBool:
        return False

    @dbus_property(access=_READ)
    def RSSI(self) -> DBusInt16:
        return self.rssi

    @dbus_property(access=_READ)
    def UUIDs(self) -> StrList:
        return list(self.peripheral.firmware.services)

    @dbus_property(access=_READ)
    def ManufacturerData(self) -> Makers:
        return {company: Variant("ay", b"\x01") for company in self.peripheral.firmware.company_ids}

    @dbus_method()
    async def Connect(self):
        if self.air.connecting:
            raise DBusError("org.bluez.Error.InProgress", "Operation already in progress")
        self.air.connecting = True
        self.connecting = asyncio.ensure_future(self._connect())
        try:
            await self.connecting
        except asyncio.CancelledError:
            # a second program's word: Disconnect ends a connection that is being made
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local") from None
        finally:
            self.air.connecting, self.connecting = False, None
        asyncio.get_running_loop().call_later(self.resolve_s, self.resolve)

    async def _connect(self) -> None:
        await asyncio.sleep(0.05)
        if self.refuses == "abort":
            # the radio is up for a moment, as BlueZ tells it, then the adapter gives up
            await asyncio.sleep(2.0)
            self.emit_properties_changed({"Connected": True})
            self.emit_properties_changed({"Connected": False})
            raise DBusError("org.bluez.Error.Failed", "le-connection-abort-by-local")
        if self.refuses == "full":
            raise DBusError("org.bluez.Error.Failed", "le-connection-concurrent-connection-limit")
        if not self.present:
            await asyncio.sleep(1.0)
            raise DBusError("org.bluez.Error.Failed", "Connection timed out")
        self.connected = True
        self.peripheral.connect(self.air.now())
        self.emit_properties_changed({"Connected": True})

    @dbus_method()
    def Disconnect(self):
        if self.connecting is not None:
            self.connecting.cancel()
        self.cut()

    def resolve(self) -> None:
        """The services are known."""
        if not self.connected:
            return
        handle = 0x10
        service, service_path = "", ""
        for about in self.peripheral.firmware.gatt:
            if about.service != service:
                service, service_path = about.service, f"{self.path}/service{handle:04x}"
                self.air.bus.export(service_path, Service(service, self.path))
                self.gatt_paths.append(service_path)
                handle += 1
            path = f"{service_path}/char{handle:04x}"
            self.characteristics[about.uuid] = Characteristic(about, self, service_path)
            self.air.bus.export(path, self.characteristics[about.uuid])
            self.gatt_paths.append(path)
            handle += 3
        self.resolved = True
        self.emit_properties_changed({"ServicesResolved": True})

    def cut(self) -> None:
        """The link is gone."""
        if not self.connected:
            return
        self.connected = self.resolved = False
        self.peripheral.disconnect(self.air.now())
        self.emit_properties_changed({"ServicesResolved": False, "Connected": False})
        for path in reversed(self.gatt_paths):
            self.air.bus.unexport(path)
        self.gatt_paths.clear()
        self.characteristics.clear()


class Air:
    def __init__(self, bus: MessageBus, about: list[dict[str, Any]]) -> None:
        self.bus, self.connecting, self._began = bus, False, time.monotonic()
        self.adapter = Adapter(self)
        people = [d for d in about if not d.get("handled")]
        athlete = motion() if any(d.get("worn", True) for d in people) else None
        cued = cued_motion() if any(d.get("handled") and d.get("worn", True) for d in about) else None
        self.devices: dict[str, Device] = {}
        for d in about:
            firmware = virtual_firmware(d["family"], d["key"], **d.get("options", {}))
            hand = handled(d.get("at", d["key"]), cued if d.get("worn", True) else None) if d.get("handled") else None
            if hand is not None:
                peripheral = VirtualPeripheral(d["key"], firmware, hand)
            elif d.get("worn", True):
                assert athlete is not None
                peripheral = worn(d["key"], firmware, athlete)
            else:
                peripheral = VirtualPeripheral(d["key"], firmware, Still())
            self.devices[d["key"]] = Device(self, peripheral, d["address"])
            self.devices[d["key"]].present = d.get("present", True)
            self.devices[d["key"]].handled = hand
            self.devices[d["key"]].readable = d.get("readable", True)
            self.devices[d["key"]].resolve_s = d.get("resolve_s", 0.05)
            self.devices[d["key"]].refuses = d.get("refuses", "")

    def now(self) -> float:
        return time.monotonic() - self._began

    async def advertise(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for device in self.devices.values():
                if self.adapter.discovering and device.present and not device.connected:
                    if not device.exported:
                        device.exported = True
                        self.bus.export(device.path, device)
                    device.rssi = -60 if device.rssi != -60 else -61
                    device.emit_properties_changed({"RSSI": device.rssi})

    async def notify(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            sent = 0
            for device in self.devices.values():
                if not device.connected:
                    continue
                for out in device.peripheral.poll(self.now()):
                    characteristic = device.characteristics.get(out.characteristic)
                    if device.connected and characteristic is not None and characteristic.notifying:
                        characteristic.emit_properties_changed({"Value": out.payload})
                        sent += 1
                        if sent % _AT_ONCE == 0:
                            await asyncio.sleep(0.002)
                    else:
                        device.peripheral.undelivered(out)

    def obey(self, order: dict[str, Any]) -> object:
        do, device = order["do"], self.devices.get(order.get("key", ""))
        if do == "ledgers":
            return {
                key: asdict(d.peripheral.ledger) | {"rate_hz": d.peripheral.firmware.rate_hz} for key, d in self.devices.items()
            }
        if do == "adapter":
            self.adapter.powered = order["powered"]
            if not order["powered"]:
                self.adapter.discovering = False
                for each in self.devices.values():
                    each.cut()
            self.adapter.emit_properties_changed({"Powered": order["powered"]})
            return None
        if do == "begin":
            # nobody is connected yet: the body's time 0, by the system's monotonic clock
            self._began = order["at"]
            return None
        if do == "vanish":
            os._exit(1)
        if do == "stop_sampling":
            for each in self.devices.values():
                each.peripheral.stop_sampling()
            return None
        assert device is not None, order
        if do == "tap":
            assert device.handled is not None
            device.handled.tap(self.now() + AHEAD_S, twice=order.get("twice", False))
        elif do == "cue":
            for each in self.devices.values():
                if each.handled is not None:
                    each.handled.cue(self.now() + AHEAD_S)
        elif do == "drop":
            device.cut()
        elif do == "leave":
            device.present = False
            device.cut()
        elif do == "come":
            device.present = True
        elif do == "swap":
            device.peripheral.firmware._serial = order["serial"]
            device.peripheral.reboot(self.now())
            device.cut()
        elif do == "reboot":
            device.peripheral.reboot(self.now())
            device.cut()
        elif do == "trouble":
            device.resolve_s, device.refuses = order.get("resolve_s", 0.05), order.get("refuses", "")
        elif do == "faults":
            for name, value in order["faults"].items():
                setattr(device.peripheral.faults, name, value)
        else:
            raise ValueError(do)
        return None


async def main() -> None:
    about = json.loads(sys.stdin.readline())
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    air = Air(bus, about)
    bus.export(ADAPTER, air.adapter)
    await bus.request_name("org.bluez")
    tasks = [asyncio.ensure_future(air.advertise()), asyncio.ensure_future(air.notify())]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    while line := await reader.readline():
        for task in tasks:
            if task.done():
                task.result()
        print(json.dumps(air.obey(json.loads(line))), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
