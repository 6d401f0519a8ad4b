"""Protocol v1 as device families: over Bluetooth LE, and over a serial line or a gateway."""

from __future__ import annotations

from collections.abc import Mapping

from body_signals.session import Setting
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Read, Request, SerialAccess, Step, Write
from firmware_protocol.framing import frame_serial
from firmware_protocol.v1.decoder import V1Codec, V1SerialCodec
from firmware_protocol.v1.messages import ANY_BOOT, AT_ONCE, NEVER, Setup, Start, Sync, encode_setup, encode_start, encode_sync
from firmware_protocol.v1.reader import Reader, SerialReader

_TAIL = "-d079-422b-a4b0-fa164132b330"
SERVICE, INFO, CONTROL, DATA, SYNC, EVENT = (f"03d3000{n}{_TAIL}" for n in range(1, 7))
"""GATT service and characteristics of docs/protocol-v1.md."""


def _setup(request: Request) -> bytes:
    setup = Setup(request.rate_hz or 0.0, round(request.acc_range_g or 0.0), round(request.gyr_range_dps or 0.0))
    return encode_setup(setup)


def _configure(request: Request) -> tuple[Step, ...]:
    return Read(INFO), Write(_setup(request), CONTROL)


def _start(request: Request) -> tuple[Step, ...]:
    return (Write(encode_start(Start(ANY_BOOT, AT_ONCE)), CONTROL),)


def _stop(request: Request) -> tuple[Step, ...]:
    return (Write(encode_start(Start(ANY_BOOT, NEVER)), CONTROL),)


def _probe(number: int, host_ns: int) -> Write:
    return Write(encode_sync(Sync(number & 0xFFFF, ANY_BOOT, host_ns)), SYNC, response=False)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> V1Codec:
    return V1Codec()


def _serial_codec(config: Mapping[str, Setting], rate_hz: float | None) -> V1SerialCodec:
    return V1SerialCodec()


V1_BLE = DeviceFamily(
    "hiphinge-v1",
    "hiphinge protocol v1",
    Clock.DEVICE,
    _codec,
    ble=BleAccess(services=(SERVICE,), notify=(CONTROL, DATA, EVENT, SYNC), battery=None),
    rates_hz=(50.0, 100.0, 200.0),
    configure=_configure,
    probe=_probe,
    start=_start,
    repeatable=True,
    stop=_stop,
    reader=Reader,
)
V1_SERIAL = DeviceFamily(
    "hiphinge-v1-serial",
    "hiphinge protocol v1, serial",
    Clock.DEVICE,
    _serial_codec,
    serial=SerialAccess(bauds=(921_600, 115_200, 460_800)),
    rates_hz=(50.0, 100.0, 200.0),
    configure=lambda request: (Write(b"\x00" + frame_serial(_setup(request))),),
    probe=lambda number, host_ns: Write(frame_serial(_probe(number, host_ns).payload)),
    start=lambda request: tuple(Write(frame_serial(step.payload)) for step in _start(request) if isinstance(step, Write)),
    repeatable=True,
    stop=lambda request: tuple(Write(frame_serial(step.payload)) for step in _stop(request) if isinstance(step, Write)),
    reader=SerialReader,
)
