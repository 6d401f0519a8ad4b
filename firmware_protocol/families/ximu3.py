"""x-IMU3 (x-io): messages that end with a line feed, as text, binary or JSON, mixed in one byte stream.

The first byte says which: ``{`` a command or its answer, a letter text, a letter plus 0x80 binary. Within binary
messages 0A and DB are written as DB DC and DB DD. Each source has its own sample clock: inertial messages (I) make the
samples, and a quaternion (Q) is taken for a sample when its stamp lies at most half a period from it and it came before.
Stamps are µs in 64 bits, unix time if the device's clock was set.

Sources: x-IMU3 User Manual v0.11, section 8; xioTechnologies/x-IMU3-Software, the kinds of messages and their fields in
x-IMU3-API/Rust/src/data_messages and charging_status.rs, the names of the settings in x-IMU3-GUI/Source/DeviceSettings.
A test sends every letter with every number of values to the maker's package (1.9.1) and to us.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from operator import mul
from typing import Any, NamedTuple

from body_signals import G0, Floats, HiphingeError, SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.device import Clock, DeviceFamily, Request, SerialAccess, Step, Write
from firmware_protocol.device_clock import DeviceClock, Stamp
from firmware_protocol.packets import Fields, Packet, StrictReader
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import NO_QUATERNION, SampleRows
from firmware_protocol.unit_quaternion import norm_of

FAMILY = "ximu3"
END, ESCAPE = 0x0A, 0xDB
_STUFFED = {0xDC: 0x0A, 0xDD: 0xDB}
LONGEST = 4096
"""Most bytes of a message; a longer one without an end is dropped (ours)."""
SAMPLE_RATE_HZ = 400.0
"""Messages are sent at this rate over a whole divisor."""
RATES_HZ = (50.0, 100.0, 200.0, 400.0)
TICK_S = 1e-6
UNIX_US = 10**15
"""Stamps from here on, of 16 digits, are unix time."""
_DEG = math.pi / 180.0
ACC_LIMIT, GYR_LIMIT = 0.99 * 16.0 * G0, 0.99 * 2000.0 * _DEG
"""99 % of the fixed ranges: values from here on count as the end of the range (ours)."""
_NUMBERS: dict[str, dict[int, tuple[tuple[str, int, float], ...]]] = {
    "I": {6: (("gyr", 3, _DEG), ("acc", 3, G0))},
    "Q": {4: (("quat", 4, 1.0),)},
    "A": {3: (("euler", 3, _DEG),)},
    "R": {9: (("rotation_matrix", 9, 1.0),)},
    "M": {3: (("mag_au", 3, 1.0),)},
    "H": {3: (("high_g_acc", 3, G0),)},
    "L": {3: (("lin_acc", 3, G0),), 7: (("quat", 4, 1.0), ("lin_acc", 3, G0))},
    "E": {3: (("earth_acc", 3, G0),), 7: (("quat", 4, 1.0), ("earth_acc", 3, G0))},
    "T": {1: (("temp_c", 0, 1.0),)},
    "B": {
        2: (("battery_percent", 0, 1.0), ("battery_v", 0, 1.0)),
        3: (("battery_percent", 0, 1.0), ("battery_v", 0, 1.0), ("charging", 0, 1.0)),
    },
    "W": {2: (("rssi_percent", 0, 1.0), ("rssi_dbm", 0, 1.0))},
    "Y": {1: (("sync", 0, 1.0),)},
    "O": {1: (("button", 0, 1.0),)},
}
"""Per message and number of values: name, how many (0 = a single number), SI per unit. L and E of seven values are the
manual's; the maker's package of today has three. B of two values is that of the first firmwares."""
_FACTORS = {
    letter: {n: tuple(scale for _, count, scale in parts for _ in range(count or 1)) for n, parts in kinds.items()}
    for letter, kinds in _NUMBERS.items()
    if any(scale != 1.0 for parts in kinds.values() for *_, scale in parts)
}
"""The same as SI per unit of each value, of the messages that are not in SI units as they come."""
_TEXTS = "NFSUC"
"""Notification, error, serial accessory, AHRS status (four numbers in older firmware, shown as text), linear timecode."""
_CHARGING = 1.0
"""0 not connected, 1 charging, 2 charging complete, 3 charging on hold."""


class Message(NamedTuple):
    """A message: its letter, stamp µs, and values in SI units or text; commands have the letter ``{`` and JSON."""

    letter: str
    time_us: int
    values: tuple[float, ...]
    text: str = ""
    command: Mapping[str, Any] | None = None


class _Messages:
    """Cuts a byte stream into messages."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.rest = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by `data`; other bytes are counted and skipped up to the next line feed."""
        *lines, rest = (self.rest + data).split(b"\n")
        messages = []
        for line in lines:
            if self._too_long:
                self._too_long = False
                continue
            found = self._message(line)
            if isinstance(found, str):
                self._health.count(found)
            elif found is not None:
                messages.append(found)
        if not self._too_long and len(rest) > LONGEST:
            self._too_long = True
            self._health.count("length")
        self.rest = b"" if self._too_long else rest
        return messages

    def _message(self, line: bytes) -> Message | str | None:
        if len(line) > LONGEST:
            return "length"
        if not line.strip(b"\r"):
            return None
        first = line[0]
        if first & 0x80:
            letter = chr(first & 0x7F)
            return _binary(letter, line[1:]) if letter in _NUMBERS or letter in _TEXTS else "unknown_type"
        letter = chr(first)
        if letter == "{":
            return _command(line)
        return _ascii(letter, line) if letter in _NUMBERS or letter in _TEXTS else "unknown_type"


def _binary(letter: str, body: bytes) -> Message | str:
    if ESCAPE in body:
        unstuffed = _unstuffed(body)
        if unstuffed is None:
            return "escape"
        body = unstuffed
    if len(body) < 8:
        return "length"
    time_us = int.from_bytes(body[:8], "little")
    if letter in _TEXTS:
        return Message(letter, time_us, (), body[8:].decode("utf-8", "replace"))
    n, left = divmod(len(body) - 8, 4)
    if left or n not in _NUMBERS[letter]:
        return "length"
    return _checked(letter, time_us, struct.unpack_from(f"<{n}f", body, 8))


def _unstuffed(body: bytes) -> bytes | None:
    head, *parts = body.split(bytes((ESCAPE,)))
    out = bytearray(head)
    for part in parts:
        if not part or part[0] not in _STUFFED:
            return None
        out.append(_STUFFED[part[0]])
        out += part[1:]
    return bytes(out)


def _ascii(letter: str, line: bytes) -> Message | str:
    try:
        text = line.decode("ascii" if letter in _NUMBERS else "utf-8").rstrip("\r")
        _, stamp, rest = text.split(",", 2)
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 20):
            return "parse"
        time_us = int(stamp) & 0xFFFF_FFFF_FFFF_FFFF
        if letter in _TEXTS:
            return Message(letter, time_us, (), rest)
        if "_" in rest:
            return "parse"
        values = tuple(float(part) for part in rest.split(","))
    except ValueError:
        return "parse"
    return _checked(letter, time_us, values) if len(values) in _NUMBERS[letter] else "length"


def _checked(letter: str, time_us: int, values: tuple[float, ...]) -> Message | str:
    if not all(map(math.isfinite, values)):
        return "non_finite"
    if letter == "Q" and norm_of(values) is None:
        return "bad_quaternion"
    factors = _FACTORS.get(letter)
    return Message(letter, time_us, values if factors is None else tuple(map(mul, values, factors[len(values)])))


def _command(line: bytes) -> Message | str:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return "parse"
    if not isinstance(content, dict) or len(content) != 1:
        return "parse"
    return Message("{", 0, (), command=content)


def message_fields(message: Message, ticks: int) -> Fields:
    """A message by the names of its values; its unwrapped stamp is `ticks` µs."""
    if message.command is not None:
        ((key, value),) = message.command.items()
        return {"command": key, "value": value}
    fields: Fields = {"message": message.letter, "t": ticks * TICK_S}
    if message.time_us >= UNIX_US:
        fields["t_us"] = message.time_us
    if message.letter in _TEXTS:
        fields["text"] = message.text
        return fields
    at = 0
    for name, count, _ in _NUMBERS[message.letter][len(message.values)]:
        fields[name] = list(message.values[at : at + count]) if count else message.values[at]
        at += count or 1
    if "charging" in fields:
        fields["charging"] = fields["charging"] == _CHARGING
    return fields


class Reader(StrictReader):
    """Packets of a byte stream; see `firmware_protocol.packets.PacketReader`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._buffer = self._messages = _Messages(self.health)
        self._clocks: dict[str, DeviceClock] = {}

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for message in self._messages.feed(data):
            stamp = Stamp(0, 0, False)
            if message.command is None:
                clock = self._clocks.setdefault(message.letter, DeviceClock(0.0, TICK_S, wrap=0))
                stamp = clock.stamp(message.time_us)
            packets.append(Packet(message_fields(message, stamp.ticks), stamp.lost, stamp.restart))
        return packets


class Ximu3Codec(PacketwiseCodec):
    """Family ``ximu3``; see `firmware_protocol.codec.Codec`."""

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0) -> None:
        super().__init__()
        self._buffer = self._messages = _Messages(self._health)
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S, wrap=0, settles=True)
        self._quat: Message | None = None

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        blocks: list[SampleBlock] = []
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for message in self._messages.feed(data):
                if message.letter == "I":
                    if self._clock.repeated(message.time_us):
                        self._health.count("repeated")
                        continue
                    quat = self._quaternion(message)
                    if rows and bool(rows.quat) != bool(quat):
                        blocks.append(rows.block(self._rate_hz, self._health, TICK_S))
                        rows = SampleRows()
                    gx, gy, gz, ax, ay, az = message.values
                    saturated = max(ax, ay, az, -ax, -ay, -az) >= ACC_LIMIT or max(gx, gy, gz, -gx, -gy, -gz) >= GYR_LIMIT
                    rows.add(packet, self._clock.stamp(message.time_us), (ax, ay, az), (gx, gy, gz), quat, saturated)
                elif message.letter == "Q":
                    self._quat = message
                else:
                    self._note(message)
                    if message.command is not None and isinstance(ping := message.command.get("ping"), dict):
                        self._serials.tell(packet, ping.get("sn"))
        return [*blocks, rows.block(self._rate_hz, self._health, TICK_S)] if rows else blocks

    def _quaternion(self, inertial: Message) -> tuple[float, ...]:
        """Empty before the first quaternion of the stream."""
        if self._quat is None:
            return ()
        near = abs(self._quat.time_us - inertial.time_us) * TICK_S * self._rate_hz <= 0.5
        return self._quat.values if near else NO_QUATERNION

    def _note(self, message: Message) -> None:
        """Facts from a message that is not a sample."""
        if message.letter == "B":
            self._facts["battery_percent"] = message.values[0]
        elif message.letter == "F":
            self._health.count("device_error")
        elif message.command is not None:
            ((key, value),) = message.command.items()
            if isinstance(value, dict) and "error" in value:
                self._health.count("status")
                self._facts["refused"] = f"the sensor refused {key!r}: {value['error']}. Set it in the maker's program"
            elif key == "ping" and isinstance(value, dict):
                for name, fact in (("sn", "serial"), ("name", "model")):
                    if name in value:
                        self._facts[fact] = str(value[name])


def encode_binary(letter: str, time_us: int, values: tuple[float, ...]) -> bytes:
    """A binary message; values in the units of the wire (deg/s, g)."""
    body = struct.pack("<Q", time_us) + struct.pack(f"<{len(values)}f", *values)
    stuffed = body.replace(b"\xdb", b"\xdb\xdd").replace(b"\n", b"\xdb\xdc")
    return bytes((ord(letter) | 0x80,)) + stuffed + b"\n"


def encode_ascii(letter: str, time_us: int, values: tuple[float, ...]) -> bytes:
    """The same as text."""
    return ",".join((letter, str(time_us), *(f"{value:.4f}" for value in values))).encode() + b"\r\n"


def encode_sample(time_us: int, acc: Floats, gyr: Floats, quat: Floats | None = None) -> bytes:
    """Messages of one sample: the quaternion w x y z if given, then acc (3,) m/s² and gyr (3,) rad/s."""
    inertial = (*(float(v) / _DEG for v in gyr), *(float(v) / G0 for v in acc))
    before = b"" if quat is None else encode_binary("Q", time_us, tuple(float(v) for v in quat))
    return before + encode_binary("I", time_us, inertial)


def encode_command(key: str, value: Any = None) -> bytes:
    """A command, or the device's answer to it: one key and its value as JSON."""
    return json.dumps({key: value}, separators=(",", ":")).encode() + b"\n"


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the device; None when they are not a command."""
    found = _command(data)
    if isinstance(found, str) or found.command is None:
        return None
    ((key, value),) = found.command.items()
    return {"op": key} if value is None else {"op": key, "value": value}


def _configure(request: Request) -> tuple[Step, ...]:
    divisor = SAMPLE_RATE_HZ / (request.rate_hz or 100.0)
    if divisor < 1 or divisor != round(divisor):
        raise HiphingeError(
            f"an x-IMU3 cannot send {request.rate_hz:g} Hz", "rate_hz", "Choose 400 Hz over a whole number: 50, 100, 200, 400."
        )
    commands: tuple[tuple[str, Any], ...] = (
        ("ping", None),
        ("inertial_message_rate_divisor", round(divisor)),
        ("ahrs_message_type", 0),
        ("ahrs_message_rate_divisor", round(divisor)),
        ("magnetometer_message_rate_divisor", 0),
        ("high_g_accelerometer_message_rate_divisor", 0),
        ("binary_mode_enabled", True),
        ("apply", None),
    )
    return tuple(Write(encode_command(key, value), pause_s=0.02) for key, value in commands)


XIMU3 = DeviceFamily(
    FAMILY,
    "x-IMU3",
    Clock.DEVICE,
    lambda config, rate_hz: Ximu3Codec(rate_hz or 100.0),
    serial=SerialAccess(bauds=(115_200,)),
    rates_hz=RATES_HZ,
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    reader=Reader,
    command=decode_command,
)
