"""Shimmer3 (LogAndStream): packets in a byte stream over Bluetooth classic, laid out by the channels that are switched on.

A packet is 00, the clock (24 bits of 1/32768 s, wraps after 512 s) and the channels in the order that the reply to an inquiry
names; acceleration is little-endian, angular rate **big-endian**. FF acknowledges, 8A 71 is a status of one byte; both come
between packets. There is no checksum: only the first byte and the clock tell a packet from its neighbours' bytes.
SI values are by the calibration that the sensor tells (`calibration` beside this file), in the axes of the case. Until it has
told one, the default is used, and for the accelerometer what the configuration states.

Sources: seemoo-lab/pyshimmer test/bluetooth/test_bluetooth_api.py, pyshimmer/dev/channels.py, bluetooth/bt_const.py; for the
commands of rate, sensors, range and calibration shimmer3-firmware LogAndStream, shimmer_bt_uart.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from body_signals import Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.device import Clock, DeviceFamily, Request, SerialAccess, Step, Write
from firmware_protocol.device_clock import DeviceClock
from firmware_protocol.families.shimmer3.calibration import (
    ACC_OFFSET,
    ACC_PER_M_S2,
    GET,
    GYR_PER_DPS,
    Calibration,
    default_acc,
    default_gyr,
)
from firmware_protocol.families.shimmer3.stream import (
    ACK,
    CHANNELS,
    CLOCK_HZ,
    DATA,
    INQUIRY,
    KNOWN_CHANNELS,
    TICK_S,
    WRAP,
    Calibrations,
    Inquiry,
    Layout,
    Stream,
    clock_at,
)
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows

FAMILY = "shimmer3"
OUR_CHANNELS = tuple(f"{sensor}_{axis}" for sensor in ("ACCEL_LN", "GYRO") for axis in "XYZ")
"""What is asked for, and expected until the device has said what it sends."""
GYR_SATURATED, ACC_SATURATED = 32767, (0, 4095)
_CALIBRATED = 2
"""Sensors whose calibration is used."""


class Reader(StrictReader):
    """Packets of a byte stream; see `firmware_protocol.packets.PacketReader`.

    config: ``channels`` in order, if they are known; else the reply to an inquiry must come first. ``rate_hz``, for losses.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        given = config.get("channels")
        self._buffer = self._stream = Stream(_layout(given) if given is not None else None, self.health)
        self._clock = DeviceClock(number(config, "rate_hz", 0.0), TICK_S, WRAP) if "rate_hz" in config else None
        self._unrated = DeviceClock(0.0, TICK_S, WRAP)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for one in self._stream.feed(data):
            if isinstance(one, Inquiry):
                fields: Fields = {
                    "rate_hz": one.rate_hz,
                    "channels": list(one.channels),
                    "buffer_size": one.buffer_size,
                }
                packets.append(Packet(fields))
                continue
            if not isinstance(one, tuple):
                told_of = {s: {"offset": list(c.offset), "si_per_lsb": [list(row) for row in c.rows]} for s, c in one.items()}
                packets.append(Packet({"calibration": told_of}))
                continue
            layout, piece = one
            stamp = (self._clock or self._unrated).stamp(clock_at(piece, 0))
            raw = {name: layout.value(piece, name) for name in layout.names}
            packets.append(Packet({"t": stamp.ticks * TICK_S, "raw": raw}, stamp.lost, stamp.restart))
        return packets


class Shimmer3Codec(PacketwiseCodec):
    """Family ``shimmer3``; see `firmware_protocol.codec.Codec`.

    config: ``gyr_range_dps``; ``acc_offset`` and ``acc_per_m_s2`` (LSB) in place of the default calibration.
    """

    family = FAMILY

    def __init__(self, config: Mapping[str, Any], rate_hz: float = 128.0) -> None:
        super().__init__()
        self._buffer = self._stream = Stream(_layout(config.get("channels", OUR_CHANNELS)), self._health)
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S, WRAP)
        offset, per_m_s2 = number(config, "acc_offset", ACC_OFFSET), number(config, "acc_per_m_s2", ACC_PER_M_S2)
        self._acc_stated = "acc_offset" in config or "acc_per_m_s2" in config
        self._acc = default_acc(offset, per_m_s2)
        self._gyr = default_gyr(_known_range(number(config, "gyr_range_dps", 500.0)))

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for one in self._stream.feed(data):
                if isinstance(one, Inquiry):
                    self._facts["rate_hz"] = one.rate_hz
                    continue
                if not isinstance(one, tuple):
                    self._take_calibrations(one)
                    continue
                layout, piece = one
                if not (layout.has("ACCEL_LN") and layout.has("GYRO")):
                    self._health.count("unsupported_mode")
                    self._facts["refused"] = (
                        "the sensor sends no low-noise acceleration and angular rate: switch both on in the maker's program"
                    )
                    continue
                self._facts.pop("refused", None)
                raw = clock_at(piece, 0)
                if self._clock.repeated(raw):
                    self._health.count("repeated")
                    continue
                acc, gyr = layout.vector(piece, "ACCEL_LN"), layout.vector(piece, "GYRO")
                saturated = (
                    max(acc) >= ACC_SATURATED[1]
                    or min(acc) <= ACC_SATURATED[0]
                    or max(gyr) >= GYR_SATURATED
                    or min(gyr) <= -GYR_SATURATED
                )
                rows.add(packet, self._clock.stamp(raw), self._acc.applied(acc), self._gyr.applied(gyr), (), saturated)
        return [rows.block(self._rate_hz, self._health, TICK_S)] if rows else []

    def _take_calibrations(self, calibrations: Calibrations) -> None:
        if not self._acc_stated:
            self._acc = calibrations.get("ACCEL_LN", self._acc)
        self._gyr = calibrations.get("GYRO", self._gyr)
        self._facts["calibration"] = "the sensor's own" if len(calibrations) == _CALIBRATED else "default"


def _layout(channels: object) -> Layout:
    """Raises `HiphingeError` that names the word at fault."""
    if isinstance(channels, str):
        channels = channels.split(",")
    if not isinstance(channels, list | tuple):
        raise HiphingeError(f"{channels!r} names no channels", "channels", "Write for example ACCEL_LN_X, GYRO_X.")
    try:
        return Layout([str(name).strip() for name in channels])
    except ValueError as error:
        raise HiphingeError(f"unusable {error}", "channels", f"Known: {', '.join(KNOWN_CHANNELS)}.") from None


def _known_range(range_dps: float) -> float:
    if range_dps not in GYR_PER_DPS:
        offered = ", ".join(f"{r:g}" for r in GYR_PER_DPS)
        raise HiphingeError(f"a Shimmer3 has no gyr_range_dps of {range_dps:g}", "gyr_range_dps", f"Choose one of {offered}.")
    return range_dps


def encode_sample(
    time_s: float,
    acc: Floats,
    gyr: Floats,
    gyr_range_dps: float = 500.0,
    acc_calibration: Calibration | None = None,
) -> bytes:
    """A data packet of our channels: acc (3,) m/s², gyr (3,) rad/s; acc_calibration: else the default."""
    clock = round(time_s * CLOCK_HZ) % WRAP
    raw_acc, raw_gyr = (acc_calibration or default_acc()).undone(acc), default_gyr(gyr_range_dps).undone(gyr)
    whole = [np.clip(np.rint(raw), -32768, 32767).astype(int).tolist() for raw in (raw_acc, raw_gyr)]
    return bytes((DATA,)) + clock.to_bytes(3, "little") + struct.pack("<3h", *whole[0]) + struct.pack(">3h", *whole[1])


def encode_inquiry_reply(rate_hz: float) -> bytes:
    """What a device answers that sends our channels."""
    numbers = [i for i, (name, _) in enumerate(CHANNELS) if name in OUR_CHANNELS]
    return struct.pack("<BBH4sBB", ACK, INQUIRY, round(CLOCK_HZ / rate_hz), bytes(4), len(numbers), 1) + bytes(numbers)


_COMMANDS = {
    0x01: "inquiry",
    0x03: "get_sampling_rate",
    0x07: "start_streaming",
    0x20: "stop_streaming",
    GET: "get_calibration",
}
_SET_RATE, _SET_SENSORS, _SET_GYR_RANGE = 0x05, 0x08, 0x49
_GYR_RANGES = tuple(GYR_PER_DPS)
"""In the order of their numbers on the wire."""
COMMAND_BYTES = {_SET_RATE: 3, _SET_SENSORS: 4, _SET_GYR_RANGE: 2}
"""Length of the commands that say more than their first byte."""
_LN_AND_GYRO = bytes((0x80 | 0x40, 0, 0))


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are not a known command."""
    if len(data) == 1 and data[0] in _COMMANDS:
        return {"op": _COMMANDS[data[0]]}
    if len(data) == 3 and data[0] == _SET_RATE and (period := int.from_bytes(data[1:], "little")):
        return {"op": "set_sampling_rate", "rate_hz": CLOCK_HZ / period}
    if len(data) == 4 and data[0] == _SET_SENSORS:
        return {"op": "set_sensors", "sensors": data[1:].hex()}
    if len(data) == 2 and data[0] == _SET_GYR_RANGE and data[1] < len(_GYR_RANGES):
        return {"op": "set_gyr_range", "range_dps": _GYR_RANGES[data[1]]}
    return None


def _configure(request: Request) -> tuple[Step, ...]:
    period = CLOCK_HZ / (request.rate_hz or 128.0)
    if period != round(period) or not 1 <= period < 1 << 16:
        remedy = "Choose 32768 Hz over a whole number: 51.2, 64, 102.4, 128, 204.8, 256."
        raise HiphingeError(f"a Shimmer3 has no rate of {request.rate_hz:g} Hz", "rate_hz", remedy)
    gyr_range = _known_range(number(request.config, "gyr_range_dps", request.gyr_range_dps or 500.0))
    commands = (
        bytes((0x20,)),
        bytes((_SET_SENSORS,)) + _LN_AND_GYRO,
        bytes((_SET_RATE,)) + round(period).to_bytes(2, "little"),
        bytes((_SET_GYR_RANGE, _GYR_RANGES.index(gyr_range))),
        bytes((0x01,)),
        bytes((GET,)),
    )
    return tuple(Write(command, pause_s=0.1) for command in commands)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> Shimmer3Codec:
    return Shimmer3Codec(config, rate_hz or 128.0)


SHIMMER3 = DeviceFamily(
    FAMILY,
    "Shimmer3, Bluetooth classic",
    Clock.DEVICE,
    _codec,
    serial=SerialAccess(bauds=(115_200,)),
    rates_hz=(64.0, 128.0, 256.0),
    default_rate_hz=128.0,
    gyr_ranges_dps=tuple(GYR_PER_DPS),
    configure=_configure,
    start=lambda request: (Write(bytes((0x07,))),),
    stop=lambda request: (Write(bytes((0x20,))),),
    config_words={
        "channels": "what the sensor sends, in order, until it has said so itself",
        "gyr_range_dps": "range that is asked for, deg/s; 500 if not said",
        "acc_offset": "own calibration: value of the accelerometer at 0, LSB",
        "acc_per_m_s2": "own calibration: LSB per m/s²",
    },
    reader=Reader,
    command=decode_command,
)
