"""Nordic Thingy:52: a notification per sample and quantity, told apart by its length; no clock, no counter, no checksum.

Raw motion data (18 bytes) holds acceleration, angular rate and magnetic field together and is all that we subscribe to.
Samples are counted; a loss shows in the arrivals only.

Source: NordicSemiconductor/Nordic-Thingy52-FW documentation/firmware_architecture.html and ble_tms.h.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from body_signals import G0, Floats, HiphingeError, SampleBlock
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import NO_STAMP
from firmware_protocol.packets import Fields, Packet, StrictReader
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows, Vector
from firmware_protocol.unit_quaternion import norm_of

FAMILY = "thingy52"
_TAIL = "-9b35-4933-9b10-52ffa9740042"


def uuid(short: str) -> str:
    """A characteristic or service of the sensor by its four digits."""
    return f"ef68{short}{_TAIL}"


CONFIGURATION_SERVICE, MOTION_SERVICE = uuid("0100"), uuid("0400")
CONFIG, QUATERNION, RAW, EULER = uuid("0401"), uuid("0404"), uuid("0406"), uuid("0407")
ACC_SCALE, GYR_SCALE, MAG_SCALE = G0 / 1024.0, math.radians(1.0) / 32.0, 1e-6 / 16.0
QUAT_SCALE, EULER_SCALE = 2.0**-30, math.radians(1.0) / 65536.0
SATURATED = 32767
SLOWEST_HZ, FASTEST_HZ = 5, 200
_RAW, _QUATERNION, _EULER, _CONFIG = (struct.Struct(f) for f in ("<9h", "<4i", "<3i", "<4HB"))
_BY_CHARACTERISTIC = {"0406": _RAW, "0404": _QUATERNION, "0407": _EULER}


def _layout(characteristic: str, length: int) -> struct.Struct | None:
    """The layout of a notification; by its characteristic if known, else by its length."""
    short = characteristic[4:8] if len(characteristic) > 6 else characteristic
    if short:
        return _BY_CHARACTERISTIC.get(short)
    return next((layout for layout in _BY_CHARACTERISTIC.values() if layout.size == length), None)


def motion(data: bytes) -> tuple[Vector, Vector, bool] | str:
    """acc m/s², gyr rad/s of a notification of raw motion, and whether either is at the end of its range; or the word for its
    fault."""
    if len(data) != _RAW.size:
        return "truncated" if len(data) < _RAW.size else "length"
    ax, ay, az, gx, gy, gz = raw = _RAW.unpack(data)[:6]
    return (
        (ax * ACC_SCALE, ay * ACC_SCALE, az * ACC_SCALE),
        (gx * GYR_SCALE, gy * GYR_SCALE, gz * GYR_SCALE),
        max(raw) >= SATURATED or min(raw) <= -SATURATED,
    )


def packet_fields(data: bytes, characteristic: str = "") -> Fields | str:
    """SI values of a notification, or the word under which its fault is counted."""
    layout = _layout(characteristic, len(data))
    if layout is None:
        return "unknown_type" if data else "truncated"
    if layout is _RAW:
        found = motion(data)
        if isinstance(found, str):
            return found
        acc, gyr, _ = found
        return {"acc": list(acc), "gyr": list(gyr), "mag": [v * MAG_SCALE for v in _RAW.unpack(data)[6:]]}
    if len(data) != layout.size:
        return "truncated" if len(data) < layout.size else "length"
    values = layout.unpack(data)
    if layout is _EULER:
        return {"euler": [v * EULER_SCALE for v in values]}
    quat = [v * QUAT_SCALE for v in values]
    return {"quat": quat} if norm_of(quat) is not None else "bad_quaternion"


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`.

    config: ``characteristic``, its four digits or its UUID; else a notification is told by its length.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._characteristic = str(config.get("characteristic", ""))

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        fields: Fields | str
        if self._characteristic in (CONFIG, CONFIG[4:8]):
            fields = decode_command(data, {}) or "length"
        else:
            fields = packet_fields(data, self._characteristic)
        return self._one(fields)


class Thingy52Codec(PacketwiseCodec):
    """Family ``thingy52``; see `firmware_protocol.codec.Codec`. `lost` is 0 throughout and not exact."""

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0) -> None:
        super().__init__()
        self._rate_hz = rate_hz

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            found = motion(data)
            if isinstance(found, str):
                self._health.count(found, 1 if data else 0)
                continue
            acc, gyr, saturated = found
            rows.add(packet, NO_STAMP, acc, gyr, (), saturated)
        return [rows.block(self._rate_hz, self._health, lost_exact=False)] if rows else []


def encode_raw(acc: Floats, gyr: Floats) -> bytes:
    """The notification of one sample: acc (3,) m/s², gyr (3,) rad/s; the magnetic field is 0."""
    raw = np.rint(np.concatenate((np.asarray(acc) / ACC_SCALE, np.asarray(gyr) / GYR_SCALE, np.zeros(3))))
    return np.clip(raw, -32768, 32767).astype("<i2").tobytes()


def encode_config(motion_hz: int) -> bytes:
    """The command that sets the rate, written to `CONFIG`; the slow sensors keep the firmware's settings."""
    return _CONFIG.pack(1000, 5000, 500, motion_hz, 0)


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to `CONFIG`; None when they are not a configuration."""
    if len(data) != _CONFIG.size:
        return None
    pedometer, temperature, compass, motion, wake = _CONFIG.unpack(data)
    if not SLOWEST_HZ <= motion <= FASTEST_HZ or wake > 1:
        return None
    return {
        "op": "config",
        "pedometer_ms": pedometer,
        "temperature_ms": temperature,
        "compass_ms": compass,
        "motion_hz": motion,
        "wake_on_motion": wake,
    }


def _configure(request: Request) -> tuple[Step, ...]:
    rate_hz = request.rate_hz or 100.0
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ or rate_hz != round(rate_hz):
        raise HiphingeError(
            f"a Thingy:52 has no rate of {rate_hz:g} Hz", "rate_hz", f"Choose a whole number, {SLOWEST_HZ} to {FASTEST_HZ}."
        )
    return (Write(encode_config(round(rate_hz)), CONFIG, pause_s=0.1),)


THINGY52 = DeviceFamily(
    FAMILY,
    "Nordic Thingy:52",
    Clock.NONE,
    lambda config, rate_hz: Thingy52Codec(rate_hz or 100.0),
    ble=BleAccess(services=(CONFIGURATION_SERVICE, MOTION_SERVICE), notify=(RAW,), name_prefixes=("Thingy",)),
    rates_hz=(50.0, 100.0, 200.0),
    configure=_configure,
    reader=Reader,
    command=decode_command,
)
