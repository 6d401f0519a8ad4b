"""WitMotion over Bluetooth LE (WT901BLECL, WT901BLE68, WT9011DCL, BWT901BLE5.0): frames of 20 bytes, 55 61 and 55 71.

No checksum, no clock, no counter: samples are counted, loss shows only in the arrivals. A notification holds one or
several frames and may end inside one; the rest is glued to the next notification only if that begins with no header
and the glued frame is followed by nothing or by a header. Two equal frames are two samples.

Sources: WT901BLECL datasheet v22; WITMOTION/WitBluetooth_BWT901BLE5_0; byy-yby/pingpong-rtgr tests/test_imu.py
(captured notifications).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from body_signals import Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.codec import Health
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import NO_STAMP
from firmware_protocol.families.witmotion.frames import (
    ACC_SCALE,
    ANGLE_SCALE,
    CONFIG_WORDS,
    GYR_SCALE,
    HEADER,
    PAUSE_S,
    USABLE_RATES_HZ,
    Register,
    decode_command,
    read_register,
    settings,
    to_raw,
)
from firmware_protocol.families.witmotion.long_frames import (
    DATA,
    LONG_FRAME,
    REGISTERS,
    data_fields,
    data_motion,
    register_fields,
    take_registers,
)
from firmware_protocol.packets import Packet, StrictReader
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows

FAMILY = "witmotion-ble"
_TAIL = "-0000-1000-8000-00805f9a34fb"
"""Not the Bluetooth base: it has 9a where that has 9b."""
SERVICE, NOTIFY, WRITE = (f"0000{short}{_TAIL}" for short in ("ffe5", "ffe4", "ffe9"))
_HEADERS = (b"\x55\x61", b"\x55\x71")
_LONG_REPLY = 2
"""Some firmware sends register replies of 22 bytes; the last two are not read."""


class _Frames:
    """Cuts notifications into frames."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.rest = b""
        self._yielded = True

    def feed(self, data: bytes) -> list[bytes]:
        """Frames completed by this notification. Other bytes are counted and skipped."""
        data = self._joined(data)
        if not self.rest and len(data) == LONG_FRAME and data[:2] in _HEADERS:
            self._yielded = True
            return [data]
        if self.rest:
            self._yielded = False
            return []
        frames, at, end = [], 0, len(data)
        skipping = False
        while at < end:
            if not _headed(data, at):
                if not skipping:
                    self._health.count("garbage")
                    skipping = True
                at = _resync(data, at + 1)
                continue
            skipping = False
            if at + LONG_FRAME > end:
                self.rest = data[at:]
                break
            frames.append(data[at : at + LONG_FRAME])
            at += LONG_FRAME
            if data[at - LONG_FRAME + 1] == REGISTERS and _long_reply(data, at):
                at += _LONG_REPLY
        self._yielded = bool(frames)
        return frames

    def _joined(self, data: bytes) -> bytes:
        """`data` with the rest of the notification before, or without it; `rest` is left only when there is too little."""
        if not self.rest:
            return data
        joined = self.rest + data
        if not data.startswith(_HEADERS):
            if len(joined) < LONG_FRAME:
                self.rest = joined
                return joined
            if len(joined) == LONG_FRAME or _headed(joined, LONG_FRAME):
                self.rest = b""
                return joined
        self._health.count("truncated")
        self.rest = b""
        return data

    def finish(self) -> None:
        """A last notification that gave no frame was cut off."""
        if self.rest and not self._yielded:
            self._health.count("truncated")


def _headed(data: bytes, at: int) -> bool:
    """Whether a header, or what there is of it before the end, stands at `at`."""
    return data[at] == HEADER and (at + 1 == len(data) or data[at + 1] in (DATA, REGISTERS))


def _long_reply(data: bytes, at: int) -> bool:
    """Whether the register reply that ends at `at` has two bytes more: then a header, or the end, comes after them."""
    after = at + _LONG_REPLY
    return at < len(data) and not _headed(data, at) and (after == len(data) or (after < len(data) and _headed(data, after)))


def _resync(data: bytes, at: int) -> int:
    """Where to go on after rubbish: at the first header whose frame is followed by another or by the end, else at the
    first header, else at the end."""
    first = None
    while (at := data.find(HEADER, at)) >= 0:
        if _headed(data, at):
            if at + LONG_FRAME == len(data) or (at + LONG_FRAME < len(data) and _headed(data, at + LONG_FRAME)):
                return at
            first = at if first is None else first
        at += 1
    return len(data) if first is None else first


def _measures_vibration(config: Mapping[str, Any]) -> bool:
    """Whether the model sends other frames under the same header: velocity and displacement in place of acceleration."""
    return str(config.get("model", "")).upper().startswith("WTVB")


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self.health)
        self._vibration = _measures_vibration(config)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if self._vibration:
            self.health.count("unsupported_mode")
            return []
        packets = []
        self.health.count("truncated", 0 if data else 1)
        for frame in self._frames.feed(data):
            fields = data_fields(frame) if frame[1] == DATA else register_fields(frame)
            if fields is None:
                self.health.count("bad_quaternion")
            else:
                packets.append(Packet(fields))
        return packets

    def finish(self) -> list[Packet]:
        """See `PacketReader.finish`."""
        self._frames.finish()
        return []


class WitMotionBleCodec(PacketwiseCodec):
    """Family ``witmotion-ble``; see `firmware_protocol.codec.Codec`. `lost` is 0 throughout and not exact."""

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0) -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self._health)
        self._rate_hz = rate_hz

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for frame in self._frames.feed(data):
                if frame[1] == DATA:
                    acc, gyr, saturated = data_motion(frame)
                    rows.add(packet, NO_STAMP, acc, gyr, (), saturated)
                else:
                    take_registers(frame, self._facts, self._health)
        return [rows.block(self._rate_hz, self._health, lost_exact=False)] if rows else []


def encode_samples(acc: Floats, gyr: Floats, euler: Floats | None = None) -> bytes:
    """Data frames of n samples, one after another: acc (n, 3) m/s², gyr (n, 3) rad/s, euler (n, 3) roll pitch yaw rad."""
    n = len(acc)
    frames = np.empty((n, LONG_FRAME // 2), "<i2")
    frames[:, 0] = HEADER | DATA << 8
    frames[:, 1:4] = to_raw(acc, ACC_SCALE)
    frames[:, 4:7] = to_raw(gyr, GYR_SCALE)
    frames[:, 7:] = 0 if euler is None else to_raw(euler, ANGLE_SCALE)
    return frames.tobytes()


def encode_registers(register: int, values: tuple[int, ...]) -> bytes:
    """The reply with up to eight registers from `register` on."""
    return struct.pack("<BBH8h", HEADER, REGISTERS, register, *values, *(0,) * (8 - len(values)))


def _configure(request: Request) -> tuple[Step, ...]:
    asked = (Register.RATE, Register.VERSION, Register.BATTERY, Register.OUTPUT_CONTENT)
    reads = (Write(read_register(register), WRITE, response=False, pause_s=PAUSE_S) for register in asked)
    return (*settings(request, {}, WRITE), *reads)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> WitMotionBleCodec:
    if _measures_vibration(config):
        raise HiphingeError(
            "WTVB sensors measure vibration, not acceleration and angular rate", "model", "Use a WT901 or WT9011 sensor."
        )
    return WitMotionBleCodec(rate_hz or 100.0)


WITMOTION_BLE = DeviceFamily(
    FAMILY,
    "WitMotion, Bluetooth LE",
    Clock.NONE,
    _codec,
    ble=BleAccess(services=(SERVICE,), notify=(NOTIFY,), name_prefixes=("WT",), battery=None),
    rates_hz=USABLE_RATES_HZ,
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    config_words=CONFIG_WORDS,
    reader=Reader,
    command=decode_command,
)
