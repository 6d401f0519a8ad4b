"""Capture2Go (SensorStim): frames with a CRC over USB, and over Bluetooth LE in notifications of two channels.

Frame: 02, CRC-32 of what follows the length, length of the payload, u16 header, payload. A notification begins with
0xFF - n, then n whole real-time frames, then a piece of the same byte stream as over USB, cut anywhere. We ask for the
single samples of 16 bit without magnetometer (0x0250 + rate); their stamp is ns, shared by sensors of one sync id.
The link is told from the first packet: a notification begins with 0xFC to 0xFF, a serial stream with 02.

Source: sensorstim/capture2go_sdk protocol/Capture2Go_Communication_Protocol.md.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from body_signals import Floats, HiphingeError, SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, SerialAccess, Step, Write
from firmware_protocol.device_clock import DeviceClock, Stamp
from firmware_protocol.packets import Fields, Packet, StrictReader
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows
from firmware_protocol.unit_quaternion import norm_of

FAMILY = "capture2go"
_TAIL = "-c9e6-4c98-9324-aa7fc0c66de7"
SERVICE, WRITE, NOTIFY = (f"8003000{n}{_TAIL}" for n in (1, 2, 3))
START = 0x02
HEADER = struct.Struct("<BIBH")
LONGEST_PAYLOAD = 236
MOST_REAL_TIME = 3
"""Real-time frames in one notification."""
TICK_S = 1e-9
GYR_SCALE = math.radians(2000.0) / 32768.0
ACC_SCALE = 16.0 * 9.81 / 32768.0
MAG_SCALE = 1e-6 / 16.0
DELTA_SCALE = math.pi / 32768.0
RATES_HZ = {1: 200.0, 2: 100.0, 3: 50.0, 4: 25.0, 5: 10.0, 6: 1.0}
"""Last digit of a data header, and sampling mode."""
REAL_TIME = 7
FLAG_GAP, FLAG_CLIPPED = 0x01, 0x02 | 0x04
COMMANDS = {
    0x0070: "get_device_info",
    0x0110: "sleep",
    0x0112: "deep_sleep",
    0x0120: "set_measurement_mode",
    0x0121: "get_measurement_mode",
    0x0150: "start_streaming",
    0x0152: "stop_streaming",
    0x0154: "start_recording",
    0x0156: "stop_recording",
    0x0158: "stop_streaming_and_clear_buffer",
    0x0160: "start_real_time_streaming",
    0x0161: "get_real_time_streaming_mode",
    0x0163: "stop_real_time_streaming",
    0x0170: "set_absolute_time",
    0x0200: "get_status",
}
ANSWERS = {
    0x0111: "sleep",
    0x0113: "deep_sleep",
    0x0151: "start_streaming",
    0x0153: "stop_streaming",
    0x0155: "start_recording",
    0x0157: "stop_recording",
    0x0159: "stop_streaming_and_clear_buffer",
    0x0164: "stop_real_time_streaming",
}
"""Acknowledgements, by the command that they answer."""
DEVICE_INFO, MEASUREMENT_MODE, ABSOLUTE_TIME, ROUNDTRIP, STATUS, ERROR = 0x0071, 0x0122, 0x0171, 0x0172, 0x0201, 0xFFFF
_MODE = struct.Struct("<q8BHBQ3B")


class _Kind(NamedTuple):
    """A kind of sample: its record, which of gyr, acc, mag it holds, and whether the quaternion is packed."""

    record: struct.Struct
    vectors: tuple[tuple[str, float], ...]
    packed: bool


_GYR, _ACC, _MAG = ("gyr", GYR_SCALE), ("acc", ACC_SCALE), ("mag", MAG_SCALE)
_KINDS = {
    0x24: _Kind(struct.Struct("<q9hQhB"), (_GYR, _ACC, _MAG), True),
    0x25: _Kind(struct.Struct("<q6hQhB"), (_GYR, _ACC), True),
    0x26: _Kind(struct.Struct("<q9f4ff3B"), (("gyr", 1.0), ("acc", 1.0), ("mag", 1e-6)), False),
    0x28: _Kind(struct.Struct("<qQhB"), (), True),
    0x29: _Kind(struct.Struct("<q4ff3B"), (), False),
}
"""By the first digits of the data header."""


def _kind(header: int) -> _Kind | None:
    last = header & 0xF
    return _KINDS.get(header >> 4) if last in RATES_HZ or last == REAL_TIME else None


def _size(header: int) -> int | None:
    """Bytes of payload that this header must have; None where they are not known here."""
    kind = _kind(header)
    if kind is not None:
        return kind.record.size
    if header in ANSWERS:
        return 0
    return {DEVICE_INFO: 47, STATUS: 19, ROUNDTRIP: 32, MEASUREMENT_MODE: _MODE.size, ABSOLUTE_TIME: 8}.get(header)


class _Frames:
    """Frames of packets; header and payload of each. link: ``ble``, ``serial``, or empty: told from what comes."""

    def __init__(self, health: Health, link: str) -> None:
        self._health = health
        self._ble: bool | None = {"ble": True, "serial": False}.get(link)
        self._sure = self._ble is not None
        self.rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """``(header, payload)`` completed by `data`."""
        if not data:
            return []
        first = data[0] >= 0xFF - MOST_REAL_TIME
        if self._ble is None or (self._ble and not self._sure and not first):
            self._ble = first
        if not self._ble:
            return self._stream(data)
        if not first:
            self._health.count("garbage")
            return []
        frames: list[tuple[int, bytes]] = []
        at = 1
        for _ in range(0xFF - data[0]):
            frame, size = self._one(data, at)
            if frame is None:
                self._health.count("truncated" if size > len(data) - at else "checksum")
                return frames
            frames.append(frame)
            at += size
        return frames + self._stream(data[at:])

    @staticmethod
    def _one(data: bytes, at: int) -> tuple[tuple[int, bytes] | None, int]:
        """The frame at `at`, None if there is none, and its size."""
        if at + HEADER.size > len(data):
            return None, HEADER.size
        start, crc, length, header = HEADER.unpack_from(data, at)
        size = HEADER.size + length
        if start != START or at + size > len(data) or zlib.crc32(data[at + 6 : at + size]) != crc:
            return None, size
        return (header, data[at + HEADER.size : at + size]), size

    def _stream(self, data: bytes) -> list[tuple[int, bytes]]:
        data = self.rest + data
        frames: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while at < end:
            if data[at] != START or not _may_begin(data, at):
                if not self._skipping:
                    self._health.count("garbage")
                    self._skipping = True
                following = data.find(START, at + 1)
                at = end if following < 0 else following
                continue
            frame, size = self._one(data, at)
            if frame is not None:
                self._skipping = False
                frames.append(frame)
                at += size
            elif at + size > end:
                break
            else:
                self._health.count("checksum")
                self._skipping = True
                at += 1
        self.rest = data[at:]
        return frames


def _may_begin(data: bytes, at: int) -> bool:
    """Whether length and header, as far as they are there, can be those of a frame."""
    if at + 6 > len(data):
        return True
    if data[at + 5] > LONGEST_PAYLOAD:
        return False
    if at + HEADER.size > len(data):
        return True
    return _size(data[at + 6] | data[at + 7] << 8) in (None, data[at + 5])


def unpacked_quaternion(word: int) -> tuple[tuple[float, float, float, float] | None, bool, bool]:
    """Quaternion w x y z of 64 bits (None when it is not valid), whether the sensor rests, whether the field is disturbed.

    Bits 60 and 61 name the component that is left out, the largest, taken positive; the others follow it in turn in 20
    bits each, from -1/√2 to 1/√2.
    """
    left_out = word >> 60 & 3
    quat = [0.0] * 4
    rest = 1.0
    for i, shift in ((1, 40), (2, 20), (3, 0)):
        value = (word >> shift & 0xFFFFF) * (math.sqrt(2.0) / 0xFFFFF) - math.sqrt(0.5)
        quat[(left_out + i) & 3] = value
        rest -= value * value
    flags = bool(word >> 62 & 1), bool(word >> 63 & 1)
    if rest < 0.0:
        return None, *flags
    quat[left_out] = math.sqrt(rest)
    w, x, y, z = quat
    return (w, x, y, z), *flags


def packed_quaternion(quat: Floats, resting: bool = False, disturbed: bool = False) -> int:
    """The 64 bits of a unit quaternion w x y z."""
    values = [float(v) for v in quat]
    left_out = max(range(4), key=lambda i: abs(values[i]))
    sign = math.copysign(1.0, values[left_out])
    word = left_out << 60 | resting << 62 | disturbed << 63
    for i, shift in ((1, 40), (2, 20), (3, 0)):
        share = (sign * values[(left_out + i) & 3] + math.sqrt(0.5)) / math.sqrt(2.0)
        word |= min(0xFFFFF, max(0, round(share * 0xFFFFF))) << shift
    return word


def sample_fields(header: int, payload: bytes) -> Fields | str:
    """SI values of a sample, ``t_ns`` for its stamp; or the word under which its fault is counted."""
    kind = _kind(header)
    assert kind is not None
    time_ns, *raw = kind.record.unpack(payload)
    fields: Fields = {"t_ns": time_ns}
    at = 0
    for name, scale in kind.vectors:
        fields[name] = [value * scale for value in raw[at : at + 3]]
        at += 3
    if kind.packed:
        word, delta, flags = raw[at:]
        quat, rest, disturbed = unpacked_quaternion(word)
        heading = delta * DELTA_SCALE
    else:
        *components, heading, rest, disturbed, flags = raw[at:]
        quat = None if norm_of(components) is None else tuple(components)
        numbers = [v for name, _ in kind.vectors for v in fields[name]] + [heading]
        if not all(map(math.isfinite, numbers)):
            return "non_finite"
    if quat is None:
        return "bad_quaternion"
    return fields | {
        "quat": list(quat),
        "heading_offset": heading,
        "rest": bool(rest),
        "mag_disturbed": bool(disturbed),
        "flags": flags,
    }


def frame_fields(header: int, payload: bytes) -> Fields | str:
    """Values of any frame, or the word under which its fault is counted."""
    size = _size(header)
    if size is not None and size != len(payload):
        return "length"
    if _kind(header) is not None:
        return sample_fields(header, payload)
    if header in COMMANDS:
        return {"op": COMMANDS[header]} | ({"data": payload.hex()} if payload else {})
    if header in ANSWERS:
        return {"ack": ANSWERS[header]}
    if header == DEVICE_INFO:
        texts = struct.unpack("<H6s8s8s12s11s", payload)
        names = ("serial", "hardware", "firmware_revision", "firmware", "firmware_date")
        read = {n: t.split(b"\x00")[0].decode("utf-8", "replace") for n, t in zip(names, texts[1:], strict=True)}
        return {"protocol_version": texts[0], **read}
    if header == STATUS:
        time_ns, state, connection, *_, synchronized, battery, storage = struct.unpack("<qBB3hBBB", payload)
        return {
            "t_ns": time_ns,
            "state": state,
            "connection": connection,
            "synchronized": bool(synchronized),
            "battery_percent": battery & 0x7F,
            "charging": bool(battery & 0x80),
            "free_storage_percent": storage,
        }
    if header == ERROR and len(payload) == 3:
        return {"device_error": payload[0], "command": int.from_bytes(payload[1:], "little")}
    return "unknown_type"


class Reader(StrictReader):
    """Packets; see `firmware_protocol.packets.PacketReader`. config: ``link`` ble or serial, else told from the bytes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self.health, str(config.get("link", "")))
        self._clocks: dict[int, DeviceClock] = {}

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        packets = []
        for header, payload in self._frames.feed(data):
            fields = frame_fields(header, payload)
            if isinstance(fields, str):
                self.health.count(fields)
                continue
            stamp = Stamp(0, 0, False)
            if "t_ns" in fields:
                rate_hz = RATES_HZ.get(header & 0xF, 0.0) if _kind(header) is not None else 0.0
                clock = self._clocks.setdefault(header, DeviceClock(rate_hz, TICK_S, wrap=0))
                stamp = clock.stamp(fields["t_ns"])
                fields = {"t": stamp.ticks * TICK_S, **fields}
            packets.append(Packet(fields, stamp.lost, stamp.restart))
        return packets


class Capture2GoCodec(PacketwiseCodec):
    """Family ``capture2go``; see `firmware_protocol.codec.Codec`. Samples are those of the stream, not of real time."""

    family = FAMILY

    def __init__(self, rate_hz: float = 100.0, link: str = "") -> None:
        super().__init__()
        self._buffer = self._frames = _Frames(self._health, link)
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S, wrap=0)

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            for header, payload in self._frames.feed(data):
                fields = frame_fields(header, payload)
                if isinstance(fields, str):
                    self._health.count(fields)
                elif "acc" not in fields or header & 0xF == REAL_TIME:
                    self._serials.tell(packet, fields.get("serial"))
                    self._note(fields)
                elif self._clock.repeated(fields["t_ns"]):
                    self._health.count("repeated")
                else:
                    flags = fields["flags"]
                    self._health.count("overrun", flags & FLAG_GAP)
                    stamp = self._clock.stamp(fields["t_ns"])
                    rows.add(packet, stamp, fields["acc"], fields["gyr"], fields["quat"], bool(flags & FLAG_CLIPPED))
        return [rows.block(self._rate_hz, self._health, TICK_S)] if rows else []

    def _note(self, fields: Fields) -> None:
        """Facts from a frame that is not a sample."""
        for name in ("serial", "firmware"):
            if fields.get(name):
                self._facts[name] = fields[name]
        if "battery_percent" in fields:
            self._facts["battery_percent"] = float(fields["battery_percent"])
        if "device_error" in fields:
            self._health.count("status")
            name = COMMANDS.get(fields["command"], f"0x{fields['command']:04X}")
            self._facts["refused"] = (
                f"the sensor refused {name} with error 0x{fields['device_error']:02X}: it may be recording. Stop that, and "
                "switch the sensor off and on"
            )


def encode_frame(header: int, payload: bytes = b"") -> bytes:
    """A frame of the byte stream."""
    content = struct.pack("<H", header) + payload
    return struct.pack("<BIB", START, zlib.crc32(content), len(payload)) + content


def encode_sample(rate_hz: float, time_ns: int, acc: Floats, gyr: Floats, quat: Floats, flags: int = 0) -> bytes:
    """The frame of one sample without magnetometer: acc (3,) m/s², gyr (3,) rad/s, quat (4,) w x y z."""
    raw = np.concatenate((np.asarray(gyr) / GYR_SCALE, np.asarray(acc) / ACC_SCALE))
    raw = np.clip(np.rint(raw), -32768, 32767).astype(int)
    payload = struct.pack("<q6hQhB", time_ns, *raw.tolist(), packed_quaternion(quat), 0, flags)
    return encode_frame(0x0250 | _rate_digit(rate_hz), payload)


def _rate_digit(rate_hz: float) -> int:
    for digit, rate in RATES_HZ.items():
        if rate == rate_hz:
            return digit
    offered = ", ".join(f"{rate:g}" for rate in RATES_HZ.values())
    raise HiphingeError(f"a Capture2Go sensor has no rate of {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")


def encode_measurement_mode(rate_hz: float) -> bytes:
    """The command for single 16-bit samples without magnetometer at this rate, and a status each second."""
    return encode_frame(0x0120, _MODE.pack(0, 0, _rate_digit(rate_hz), 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1))


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are not a command."""
    frame, size = _Frames._one(data, 0)
    if frame is None or size != len(data) or frame[0] not in COMMANDS:
        return None
    fields = frame_fields(*frame)
    return fields if isinstance(fields, dict) else None


def _configure(request: Request) -> tuple[Step, ...]:
    mode = encode_measurement_mode(request.rate_hz or 100.0)
    return tuple(Write(command, WRITE, pause_s=0.05) for command in (encode_frame(0x0070), encode_frame(0x0152), mode))


CAPTURE2GO = DeviceFamily(
    FAMILY,
    "Capture2Go",
    Clock.DEVICE,
    lambda config, rate_hz: Capture2GoCodec(rate_hz or 100.0, str(config.get("link", ""))),
    ble=BleAccess(services=(SERVICE,), notify=(NOTIFY,), name_prefixes=("Capture2Go",), battery=None),
    serial=SerialAccess(bauds=(115_200,)),
    rates_hz=(10.0, 25.0, 50.0, 100.0, 200.0),
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    start=lambda request: (Write(encode_frame(0x0150), WRITE),),
    stop=lambda request: (Write(encode_frame(0x0152), WRITE),),
    config_words={"link": "ble or serial; else told from the bytes"},
    reader=Reader,
    command=decode_command,
)
