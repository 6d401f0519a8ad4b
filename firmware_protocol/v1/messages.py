"""The messages of protocol v1 as records, with their encoders and strict decoders; DATA is in `samples`.

`docs/protocol-v1.md` is the one place that states what the numbers here mean. Every message starts with `u8 kind,
u8 version`, all is little-endian. Decoders raise `MalformedMessage` or `UnsupportedVersion`; bytes after the end of
a fixed record belong to a later minor revision and are ignored.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from body_signals import G0, HiphingeError

VERSION = 1
HEADER_BYTES = 2


class Kind(IntEnum):
    """First byte of a message."""

    INFO = 0x01
    CONFIG = 0x02
    DATA = 0x03
    START = 0x04
    SYNC = 0x05
    EVENT = 0x06
    MUX = 0x07
    SETUP = 0x08


class Tag(IntEnum):
    """Tags of the INFO message."""

    MODEL = 0x01
    SERIAL = 0x02
    FIRMWARE = 0x03
    BOOT_ID = 0x04
    CLOCK_PPM = 0x05
    RATES = 0x06
    ACC_RANGES = 0x07
    GYR_RANGES = 0x08
    BATTERY = 0x09


class EventCode(IntEnum):
    """The event of an EVENT message."""

    BUTTON = 0x01
    BATTERY = 0x02
    OVERRUN = 0x03
    TAP = 0x04


class MalformedMessage(HiphingeError):
    """Bytes that are not a message of protocol v1. `health` is the word under which a codec counts it."""

    def __init__(self, what: str, health: str) -> None:
        super().__init__(what, "protocol v1 message", "Check the firmware against docs/protocol-v1.md.")
        self.health = health


class UnsupportedVersion(HiphingeError):
    """A message of another major version of the protocol."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"the sensor speaks version {version} of the hiphinge protocol, this program understands version {VERSION}",
            "",
            "Update hiphinge, or put firmware that speaks version 1 on the sensor.",
        )
        self.version = version


@dataclass(frozen=True, slots=True)
class Info:
    """A device's description of itself. Empty or None = not stated. unknown_tags: tags of a later revision, not sent back."""

    model: str = ""
    serial: str = ""
    firmware: str = ""
    boot_id: int | None = None
    """A number that changes with each boot, u32."""
    clock_ppm: float | None = None
    """Stated tolerance of the device's clock, parts per million."""
    rates_hz: tuple[float, ...] = ()
    acc_ranges_g: tuple[int, ...] = ()
    gyr_ranges_dps: tuple[int, ...] = ()
    battery_percent: int | None = None
    unknown_tags: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """The present configuration: epoch (0 to 255), rate_hz, acc_scale (m/s² per LSB), gyr_scale (rad/s per LSB).

    Raises ValueError when a factor is not finite and positive or the epoch does not fit its byte.
    """

    epoch: int
    rate_hz: float
    acc_scale: float
    gyr_scale: float

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= 0xFF:
            raise ValueError(f"epoch {self.epoch} does not fit a byte")
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"rate_hz = {self.rate_hz}: expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
        for name in ("acc_scale", "gyr_scale"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 < value <= MAX_SCALE):
                raise ValueError(f"{name} = {value}: expected a finite positive factor, at most {MAX_SCALE} per LSB")

    @classmethod
    def for_ranges(cls, epoch: int, rate_hz: float, acc_range_g: float = 16.0, gyr_range_dps: float = 2000.0) -> Config:
        """A configuration whose factors put 32768 at the end of each range."""
        return cls(epoch, rate_hz, acc_range_g * G0 / 32768.0, math.radians(gyr_range_dps) / 32768.0)


MIN_RATE_HZ = 0.1
MAX_RATE_HZ = 100_000.0
MAX_SCALE = 100.0
"""Largest plausible factors (ours); a CONFIG beyond them is refused."""


ANY_BOOT = 0
"""Boot id of a START that applies to any boot."""
AT_ONCE = 0
NEVER = 2**64 - 1
"""Device times of a START: begin now; stop sending."""


@dataclass(frozen=True, slots=True)
class Start:
    """Host to device: take the first sample when your clock shows device_time_us, if your boot id is boot_id.

    boot_id may be `ANY_BOOT`, device_time_us `AT_ONCE` or `NEVER`.
    """

    boot_id: int
    device_time_us: int


@dataclass(frozen=True, slots=True)
class Setup:
    """Host to device: sample at this rate and in these ranges from now on, and send the CONFIG of it; 0 leaves as it is.

    rate_hz: samples per second. acc_range_g, gyr_range_dps: largest values to be measured, whole g and deg/s.
    """

    rate_hz: float = 0.0
    acc_range_g: int = 0
    gyr_range_dps: int = 0


@dataclass(frozen=True, slots=True)
class Sync:
    """A two-way time exchange: host sends, device receives, device answers, host receives; unknown values are 0.

    host_sent_ns, host_received_ns: host's monotonic clock. device_received_us, device_sent_us: device clock since boot.
    """

    exchange: int
    boot_id: int
    host_sent_ns: int
    device_received_us: int = 0
    device_sent_us: int = 0
    host_received_ns: int = 0


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """An event on the device: code (see `EventCode`), device clock (low 32 bits, µs) and a value."""

    code: int
    time_us: int
    value: int = 0


class Mux(NamedTuple):
    """A message that a gateway passes on, of its sensor number `sensor`."""

    sensor: int
    message: bytes


Record = Info | Config | Start | Setup | Sync | DeviceEvent | Mux
"""The content of a message; the samples of DATA are arrays, in `samples`."""


_CONFIG = struct.Struct("<BBBxddd")
_START = struct.Struct("<BBxxIQ")
_SYNC = struct.Struct("<BBHIqQQq")
_EVENT = struct.Struct("<BBBxIi")
_MUX = struct.Struct("<BBBx")
_SETUP = struct.Struct("<BBxxfHH")
_TLV = struct.Struct("<BB")


def check_header(message: bytes) -> int:
    """The kind of `message`. Raises `MalformedMessage` when it is too short, `UnsupportedVersion` for another version."""
    if len(message) < HEADER_BYTES:
        raise MalformedMessage(f"{len(message)} bytes, a header has {HEADER_BYTES}", "length")
    if message[1] != VERSION:
        raise UnsupportedVersion(message[1])
    return message[0]


def encode_info(info: Info) -> bytes:
    """The INFO message. Raises ValueError when a text or list is longer than 255 bytes or a number does not fit."""
    tlvs: list[tuple[Tag, bytes]] = [
        (tag, text.encode())
        for tag, text in ((Tag.MODEL, info.model), (Tag.SERIAL, info.serial), (Tag.FIRMWARE, info.firmware))
        if text
    ]
    if info.boot_id is not None:
        tlvs.append((Tag.BOOT_ID, _packed("<I", info.boot_id)))
    if info.clock_ppm is not None:
        tlvs.append((Tag.CLOCK_PPM, _packed("<f", info.clock_ppm)))
    if info.rates_hz:
        tlvs.append((Tag.RATES, _packed(f"<{len(info.rates_hz)}f", *info.rates_hz)))
    if info.acc_ranges_g:
        tlvs.append((Tag.ACC_RANGES, _packed(f"<{len(info.acc_ranges_g)}H", *info.acc_ranges_g)))
    if info.gyr_ranges_dps:
        tlvs.append((Tag.GYR_RANGES, _packed(f"<{len(info.gyr_ranges_dps)}H", *info.gyr_ranges_dps)))
    if info.battery_percent is not None:
        tlvs.append((Tag.BATTERY, _packed("<B", info.battery_percent)))
    for tag, value in tlvs:
        if len(value) > 0xFF:
            raise ValueError(f"{tag.name.lower()} needs {len(value)} bytes, a tag holds 255")
    return bytes((Kind.INFO, VERSION)) + b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs)


def _packed(layout: str, *values: float) -> bytes:
    try:
        return struct.pack(layout, *values)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{values} does not fit {layout}: {error}") from None


def decode_info(message: bytes) -> Info:
    """The record of an INFO message; unknown tags are skipped and listed."""
    _expect(message, Kind.INFO, HEADER_BYTES)
    known: dict[str, object] = {}
    unknown = []
    at = HEADER_BYTES
    while at < len(message):
        if at + _TLV.size > len(message):
            raise MalformedMessage("INFO ends inside a tag", "length")
        tag, length = _TLV.unpack_from(message, at)
        value = message[at + _TLV.size : at + _TLV.size + length]
        if len(value) < length:
            raise MalformedMessage(f"INFO ends inside tag 0x{tag:02X}", "length")
        at += _TLV.size + length
        if tag in _INFO_TEXTS:
            known[_INFO_TEXTS[tag]] = value.decode("utf-8", "replace")
        elif tag in _INFO_NUMBERS:
            field, layout = _INFO_NUMBERS[tag]
            if length != struct.calcsize(layout):
                raise MalformedMessage(f"INFO tag 0x{tag:02X} has {length} bytes, expected {struct.calcsize(layout)}", "length")
            known[field] = struct.unpack(layout, value)[0]
        elif tag in _INFO_LISTS:
            field, item = _INFO_LISTS[tag]
            size = struct.calcsize(f"<{item}")
            if length % size:
                raise MalformedMessage(f"INFO tag 0x{tag:02X} has {length} bytes, expected a multiple of {size}", "length")
            known[field] = struct.unpack(f"<{length // size}{item}", value)
        else:
            unknown.append(tag)
    return Info(**known, unknown_tags=tuple(unknown))  # type: ignore[arg-type]


_INFO_TEXTS = {Tag.MODEL: "model", Tag.SERIAL: "serial", Tag.FIRMWARE: "firmware"}
_INFO_NUMBERS = {Tag.BOOT_ID: ("boot_id", "<I"), Tag.CLOCK_PPM: ("clock_ppm", "<f"), Tag.BATTERY: ("battery_percent", "<B")}
_INFO_LISTS = {Tag.RATES: ("rates_hz", "f"), Tag.ACC_RANGES: ("acc_ranges_g", "H"), Tag.GYR_RANGES: ("gyr_ranges_dps", "H")}


def encode_config(config: Config) -> bytes:
    """The CONFIG message."""
    return _CONFIG.pack(Kind.CONFIG, VERSION, config.epoch, config.rate_hz, config.acc_scale, config.gyr_scale)


def decode_config(message: bytes) -> Config:
    """The record of a CONFIG message; impossible factors are refused."""
    _expect(message, Kind.CONFIG, _CONFIG.size)
    try:
        return Config(*_CONFIG.unpack_from(message)[2:])
    except ValueError as error:
        raise MalformedMessage(f"CONFIG {error}", "bad_config") from None


def encode_start(start: Start) -> bytes:
    """The START message."""
    return _START.pack(Kind.START, VERSION, start.boot_id, start.device_time_us)


def decode_start(message: bytes) -> Start:
    """The record of a START message."""
    _expect(message, Kind.START, _START.size)
    return Start(*_START.unpack_from(message)[2:])


def encode_setup(setup: Setup) -> bytes:
    """The SETUP message."""
    return _SETUP.pack(Kind.SETUP, VERSION, setup.rate_hz, setup.acc_range_g, setup.gyr_range_dps)


def decode_setup(message: bytes) -> Setup:
    """The record of a SETUP message."""
    _expect(message, Kind.SETUP, _SETUP.size)
    return Setup(*_SETUP.unpack_from(message)[2:])


def encode_sync(sync: Sync) -> bytes:
    """The SYNC message."""
    times = (sync.host_sent_ns, sync.device_received_us, sync.device_sent_us, sync.host_received_ns)
    return _SYNC.pack(Kind.SYNC, VERSION, sync.exchange & 0xFFFF, sync.boot_id, *times)


def decode_sync(message: bytes) -> Sync:
    """The record of a SYNC message."""
    _expect(message, Kind.SYNC, _SYNC.size)
    return Sync(*_SYNC.unpack_from(message)[2:])


def encode_event(event: DeviceEvent) -> bytes:
    """The EVENT message."""
    return _EVENT.pack(Kind.EVENT, VERSION, event.code, event.time_us & 0xFFFFFFFF, event.value)


def decode_event(message: bytes) -> DeviceEvent:
    """The record of an EVENT message."""
    _expect(message, Kind.EVENT, _EVENT.size)
    return DeviceEvent(*_EVENT.unpack_from(message)[2:])


def wrap_mux(sensor: int, message: bytes) -> bytes:
    """The MUX message with which a gateway passes on `message` of sensor number `sensor` (0 to 255)."""
    if message[:1] == bytes((Kind.MUX,)):
        raise ValueError("a MUX message is not wrapped again")
    return _MUX.pack(Kind.MUX, VERSION, sensor) + message


def unwrap_mux(message: bytes) -> Mux:
    """The record of a MUX message."""
    _expect(message, Kind.MUX, _MUX.size)
    inner = message[_MUX.size :]
    if not inner:
        raise MalformedMessage("MUX without a message", "length")
    if inner[:1] == bytes((Kind.MUX,)):
        raise MalformedMessage("MUX inside MUX", "nested_mux")
    return Mux(message[2], inner)


_DECODERS: dict[int, Callable[[bytes], Record]] = {
    Kind.INFO: decode_info,
    Kind.CONFIG: decode_config,
    Kind.START: decode_start,
    Kind.SYNC: decode_sync,
    Kind.EVENT: decode_event,
    Kind.MUX: unwrap_mux,
    Kind.SETUP: decode_setup,
}


def decode_message(message: bytes) -> Record:
    """The record of any message but DATA, which must be shorter than its header to come here. Raises as `check_header`, and
    `MalformedMessage` for another kind or a wrong length."""
    kind = check_header(message)
    if kind == Kind.DATA:
        raise MalformedMessage(f"DATA has {len(message)} bytes, its header is longer", "length")
    if kind not in _DECODERS:
        raise MalformedMessage(f"unknown kind 0x{kind:02X}", "unknown_kind")
    return _DECODERS[kind](message)


def _expect(message: bytes, kind: Kind, size: int) -> None:
    found = check_header(message)
    if found != kind:
        raise MalformedMessage(f"kind 0x{found:02X} is not {kind.name}", "unknown_kind")
    if len(message) < size:
        raise MalformedMessage(f"{kind.name} has {len(message)} bytes, expected at least {size}", "length")
