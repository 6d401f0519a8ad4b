"""NGIMU (x-io): OSC bundles over UDP, one message each, stamped with the time of the measurement.

``/sensors`` makes the samples: angular rate deg/s, acceleration g, magnetic field µT, pressure hPa. ``/quaternion`` is taken
for a sample when its stamp lies at most half a period from it and it came before. Its clock is that of the calendar, if it was
set. Settings are messages too: with a value they are written, without one they are asked for, and the sensor answers with
the value. Over its USB cable it sends the same packets in SLIP frames, which are not read here.

Sources: NGIMU User Manual v1.6; xioTechnologies/NGIMU-Software-Public, NgimuApi/Data (values and units), Settings.xml.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from body_signals import G0, Floats, HiphingeError, SampleBlock
from firmware_protocol.device import Clock, DeviceFamily, Request, SerialAccess, Step, Write
from firmware_protocol.device_clock import DeviceClock
from firmware_protocol.osc import IMMEDIATELY, OscMessage, encode_bundle, encode_message, messages_of
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import NO_QUATERNION, SampleRows, Vector
from firmware_protocol.unit_quaternion import norm_of

FAMILY = "ngimu"
SENSORS, QUATERNION, BATTERY, ERROR, SERIAL_NUMBER = "/sensors", "/quaternion", "/battery", "/error", "/serialnumber"
RATE_OF_SENSORS, RATE_OF_QUATERNIONS = "/rate/sensors", "/rate/quaternion"
RATES_HZ = (50.0, 100.0, 200.0, 400.0)
TICK_S = 1e-6
WRAP = (1 << 32) * 1_000_000
"""Ticks after which a time tag begins at 0 again: 32 bits of seconds, on 7 February 2036."""
_DEG = math.pi / 180.0
_ACC_LIMIT, _GYR_LIMIT = 0.99 * 16.0 * G0, 0.99 * 2000.0 * _DEG
"""99 % of the fixed ranges: values from here on count as the end of the range (ours)."""
_TYPES = {SENSORS: "f" * 10, QUATERNION: "ffff", BATTERY: "ffffs", ERROR: "s"}
"""Types of the values of the messages that are understood here, as the maker's program demands them."""
_OTHERS = ("/matrix", "/euler", "/linear", "/earth", "/magnitudes", "/altitude", "/temperature", "/humidity", "/analogue")
_MORE = ("/rssi", "/button", "/auxserial", "/serial", "/rate/", "/wifi/", "/ahrs/", SERIAL_NUMBER, "/name", "/firmware")
_KNOWN = (*_OTHERS, *_MORE)
"""Beginnings of addresses of further messages and settings; they are shown as they come."""


class Measured(NamedTuple):
    """A ``/sensors`` message in SI units; magnetic field µT, pressure hPa."""

    acc: Vector
    gyr: Vector
    mag_ut: Vector
    pressure_hpa: float


def ticks_of(tag: int) -> int:
    """µs since 1900 of a time tag."""
    return tag * 1_000_000 >> 32


def parse(packet: bytes) -> list[OscMessage] | str:
    """The messages of a datagram, all of them checked, or the word under which its fault is counted."""
    found = messages_of(packet)
    if isinstance(found, str):
        return found
    for message in found:
        fault = _fault_of(message)
        if fault:
            return fault
    return found


def _fault_of(message: OscMessage) -> str:
    types = _TYPES.get(message.address)
    if types is None:
        return "" if message.address.startswith(_KNOWN) else "unknown_type"
    if message.types != types:
        return "length" if len(message.types) != len(types) else "parse"
    if message.address in (SENSORS, QUATERNION):
        if message.tag == IMMEDIATELY:
            return "bad_clock"
        if not all(math.isfinite(value) for value in message.values):  # type: ignore[arg-type]
            return "non_finite"
    if message.address == QUATERNION and norm_of(message.values) is None:  # type: ignore[arg-type]
        return "bad_quaternion"
    return ""


def measured(message: OscMessage) -> Measured:
    """The values of a ``/sensors`` message that `parse` has checked."""
    gx, gy, gz, ax, ay, az, mx, my, mz, hpa = message.values
    acc, gyr = (ax * G0, ay * G0, az * G0), (gx * _DEG, gy * _DEG, gz * _DEG)  # type: ignore[operator]
    return Measured(acc, gyr, (mx, my, mz), hpa)  # type: ignore[arg-type]


def message_fields(message: OscMessage) -> Fields:
    """A message by the names of its values, without its time."""
    fields: Fields = {"message": message.address}
    if message.address == SENSORS:
        one = measured(message)
        return fields | {name: list(value) if isinstance(value, tuple) else value for name, value in one._asdict().items()}
    if message.address == QUATERNION:
        return fields | {"quat": list(message.values)}
    if message.address == BATTERY:
        percent, minutes, volts, milliamperes, charger = message.values
        fields |= {"battery_percent": percent, "battery_v": volts, "minutes_left": minutes}
        return fields | {"current_ma": milliamperes, "charger": charger}
    shown = [value.hex() if isinstance(value, bytes) else value for value in message.values]
    return fields | ({"values": shown} if shown else {})


class Reader(StrictReader):
    """Packets of datagrams; see `firmware_protocol.packets.PacketReader`. config: ``rate_hz``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._rate_hz = number(config, "rate_hz", 0.0)
        self._clocks: dict[str, DeviceClock] = {}

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        found = parse(data)
        if isinstance(found, str):
            self.health.count(found)
            return []
        packets = []
        for message in found:
            fields = message_fields(message)
            if message.tag == IMMEDIATELY or message.address not in (SENSORS, QUATERNION):
                packets.append(Packet(fields))
                continue
            new = DeviceClock(self._rate_hz, TICK_S, WRAP, settles=True)
            stamp = self._clocks.setdefault(message.address, new).stamp(ticks_of(message.tag))
            packets.append(Packet(fields | {"t": stamp.ticks * TICK_S}, stamp.lost, stamp.restart))
        return packets


class NgimuCodec(PacketwiseCodec):
    """Family ``ngimu``; see `firmware_protocol.codec.Codec`."""

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0) -> None:
        super().__init__()
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S, WRAP, settles=True)
        self._quat: OscMessage | None = None

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        blocks: list[SampleBlock] = []
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            found = parse(data)
            if isinstance(found, str):
                self._health.count(found)
                continue
            for message in found:
                if message.address == QUATERNION:
                    self._quat = message
                elif message.address != SENSORS:
                    self._note(packet, message)
                elif self._clock.repeated(ticks_of(message.tag)):
                    self._health.count("repeated")
                else:
                    quat = self._quaternion(message)
                    if rows and bool(rows.quat) != bool(quat):
                        blocks.append(rows.block(self._rate_hz, self._health, TICK_S))
                        rows = SampleRows()
                    one = measured(message)
                    saturated = max(map(abs, one.acc)) >= _ACC_LIMIT or max(map(abs, one.gyr)) >= _GYR_LIMIT
                    rows.add(packet, self._clock.stamp(ticks_of(message.tag)), one.acc, one.gyr, quat, saturated)
        return [*blocks, rows.block(self._rate_hz, self._health, TICK_S)] if rows else blocks

    def _quaternion(self, sensors: OscMessage) -> tuple[float, ...]:
        """w x y z; empty before the first quaternion of the stream, NaN where none is near."""
        if self._quat is None:
            return ()
        apart_s = abs(ticks_of(self._quat.tag) - ticks_of(sensors.tag)) * TICK_S
        return self._quat.values if apart_s * self._rate_hz <= 0.5 else NO_QUATERNION  # type: ignore[return-value]

    def _note(self, packet: int, message: OscMessage) -> None:
        """Facts from a message that is not a sample."""
        if message.address == BATTERY:
            percent = message.values[0]
            if isinstance(percent, float) and 0.0 <= percent <= 100.0:
                self._facts["battery_percent"] = percent
        elif message.address == ERROR:
            self._health.count("device_error")
        elif message.address == SERIAL_NUMBER and message.types == "s" and message.values[0]:
            self._facts["serial"] = str(message.values[0])
            self._serials.tell(packet, message.values[0])


def encode_sample(time_s: float, acc: Floats, gyr: Floats, quat: Floats | None = None) -> list[bytes]:
    """The datagrams of one sample, `time_s` s since 1900: quaternion w x y z if given, then acc (3,) m/s², gyr (3,) rad/s."""
    tag = round(time_s * 1e6) * (1 << 32) // 1_000_000 + 1  # rounded up: the same µs comes out
    values = [*(float(v) / _DEG for v in gyr), *(float(v) / G0 for v in acc), 0.0, 0.0, 0.0, 1013.25]
    sensors = encode_bundle(tag, encode_message(SENSORS, *values))
    if quat is None:
        return [sensors]
    return [encode_bundle(tag, encode_message(QUATERNION, *(float(v) for v in quat))), sensors]


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are no command."""
    found = messages_of(data)
    if isinstance(found, str) or not data.startswith(b"/") or not found[0].address.startswith(_KNOWN):
        return None  # what the sensor says stands in bundles
    fields = message_fields(found[0])
    return {"op": fields.pop("message"), **fields}


def _configure(request: Request) -> tuple[Step, ...]:
    rate_hz = request.rate_hz or 100.0
    if rate_hz not in RATES_HZ:
        offered = ", ".join(f"{rate:g}" for rate in RATES_HZ)
        raise HiphingeError(f"an NGIMU cannot send {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")
    said = (
        encode_message(SERIAL_NUMBER),
        encode_message(RATE_OF_SENSORS, rate_hz),
        encode_message(RATE_OF_QUATERNIONS, rate_hz),
    )
    return tuple(Write(message, pause_s=0.02) for message in said)


NGIMU = DeviceFamily(
    FAMILY,
    "NGIMU",
    Clock.DEVICE,
    lambda config, rate_hz: NgimuCodec(rate_hz or 100.0),
    serial=SerialAccess(bauds=(115_200,), datagrams=True),
    rates_hz=RATES_HZ,
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    repeatable=True,
    reader=Reader,
    command=decode_command,
)
