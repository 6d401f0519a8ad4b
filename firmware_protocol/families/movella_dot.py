"""Movella DOT (Xsens DOT): one sample per notification, laid out by the payload mode that was asked for.

Each sample carries the sensor's clock, µs since power-on, which wraps after 71.6 min; there is no counter. What is no
measurement arrives on other characteristics: battery (2 bytes) and messages (id, length, data, checksum), told apart
here by their length. A payload shorter than its mode is refused: with a small MTU every payload is cut to 20 bytes and
would look like another mode. Unused bytes at the end are allowed, up to the size of the characteristic.

Sources: Movella DOT BLE Services Specifications rev C (2023), Xsens DOT BLE Services Specifications (adamkewley/xdc);
njanssen/node-movella-dot XsensDot.js for the order of fields and the magnetic scale of 1/4096.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from body_signals import G0, HiphingeError, SampleBlock, Setting
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import DeviceClock
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import NO_QUATERNION, SampleRows, Vector
from firmware_protocol.unit_quaternion import norm_of, unit

FAMILY = "movella-dot"
_TAIL = "-4947-11e9-8646-d663bd873d93"


def uuid(short: str) -> str:
    """A characteristic of the sensor by its four digits."""
    return f"1517{short}{_TAIL}"


CONFIGURATION_SERVICE, MEASUREMENT_SERVICE, BATTERY_SERVICE = uuid("1000"), uuid("2000"), uuid("3000")
DEVICE_CONTROL, MEASUREMENT_CONTROL, BATTERY, MESSAGE_NOTIFY = uuid("1002"), uuid("2001"), uuid("3001"), uuid("7003")
COMPANY_ID = 0x0886
RATES_HZ = (1.0, 4.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0)
TICK_S = 1e-6
ACC_LIMIT, GYR_LIMIT = 0.99 * 16.0 * G0, 0.99 * math.radians(2000.0)
"""99 % of the fixed ranges: values from here on count as the end of the range (ours)."""
_DEG = math.pi / 180.0
_FIELDS: dict[str, tuple[str, str, float]] = {
    "T": ("t", "I", TICK_S),
    "Q": ("quat", "4f", 1.0),
    "E": ("euler", "3f", _DEG),
    "F": ("free_acc", "3f", 1.0),
    "A": ("acc", "3f", 1.0),
    "G": ("gyr", "3f", _DEG),
    "d": ("dq", "4f", 1.0),
    "v": ("dv", "3f", 1.0),
    "M": ("mag_au", "3h", 1.0 / 4096.0),
    "S": ("status", "H", 1.0),
    "a": ("clip_acc", "B", 1.0),
    "g": ("clip_gyr", "B", 1.0),
}
"""Letter of the layouts below: name, numbers on the wire, SI per unit."""
_WHOLE = {"h": (-32768, 32767), "H": (0, 65535), "B": (0, 255)}
"""Least and largest of the whole numbers on the wire."""
_LAYOUTS = {
    2: "TQFSag",
    3: "TQF",
    4: "TE",
    5: "TQ",
    6: "TF",
    7: "TEFSag",
    16: "TEF",
    18: "TdvM",
    19: "Tdv",
    20: "TAGM",
    21: "TAG",
    22: "TEFG",
    23: "TEFM",
    24: "TQG",
    26: "TQAG",
}
VENDOR_ONLY = (1, 17, 25)
"""Modes of undocumented layout, for the maker's own library."""
SAMPLE_MODES = (26, 21, 20, 18, 19)
"""Modes with acceleration and angular rate, or with their increments; the preferred ones first."""


Numbers = tuple[Any, ...]
"""A sample's numbers as they are on the wire, in the order of its mode."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A payload mode. record: its numbers on the wire; places: of each field, by its letter, among them.

    characteristic: what carries it; longest: bytes that this may have, the last ones unused.
    """

    number: int
    record: struct.Struct
    places: Mapping[str, slice]
    characteristic: str
    longest: int

    @property
    def length(self) -> int:
        """Bytes of the fields."""
        return self.record.size

    def parse(self, data: bytes) -> Numbers | str:
        """The numbers of a sample, or the word under which its fault is counted."""
        if len(data) < self.record.size:
            return "truncated"
        return "length" if len(data) > self.longest else self.record.unpack_from(data)

    def vector(self, numbers: Numbers, letter: str) -> tuple[float, ...]:
        """SI values of a field of three numbers, or of a quaternion."""
        values, scale = numbers[self.places[letter]], _FIELDS[letter][2]
        if scale == 1.0:
            return values
        x, y, z = values
        return x * scale, y * scale, z * scale


def _mode(number: int, letters: str) -> Mode:
    places: dict[str, slice] = {}
    at = 0
    for letter in letters:
        kind = _FIELDS[letter][1]
        places[letter] = slice(at, at + int(kind[:-1] or 1))
        at = places[letter].stop
    record = struct.Struct("<" + "".join(_FIELDS[letter][1] for letter in letters))
    short, longest = {4: ("2004", 20), 5: ("2004", 20), 6: ("2004", 20), 26: ("2002", 63)}.get(number, ("2003", 40))
    return Mode(number, record, MappingProxyType(places), uuid(short), longest)


MODES = {number: _mode(number, letters) for number, letters in _LAYOUTS.items()}
_MESSAGES = {
    (1, 0x02): "recording_get_state",
    (1, 0x40): "recording_start",
    (1, 0x41): "recording_stop",
    (2, 0x01): "sync_start",
    (2, 0x02): "sync_stop",
    (2, 0x08): "sync_status_request",
    (2, 0x50): "sync_result",
    (2, 0x51): "sync_status",
}
_SYNCED = 4


def _battery_fields(data: bytes) -> Fields:
    return {"battery_percent": data[0], "charging": bool(data[1])}


def message_fields(data: bytes) -> Fields | str:
    """Fields of a message, or the word under which its fault is counted. All bytes of a message add up to 0 mod 256."""
    if len(data) < 4 or len(data) < 3 + data[1]:
        return "truncated"
    if len(data) > 3 + data[1] or not data[1]:
        return "length"
    if sum(data) & 0xFF:
        return "checksum"
    content = data[2:-1]
    name = _MESSAGES.get((data[0], content[0]))
    if name is None:
        return "unknown_type"
    fields: Fields = {"message": name, "mid": data[0], "data": content.hex()}
    if name == "sync_start" and len(content) == 7:
        fields["root"] = ":".join(f"{byte:02X}" for byte in reversed(content[1:]))
    elif name == "sync_status" and len(content) > 1:
        fields["synced"] = content[1] == _SYNCED
    return fields


def encode_message(mid: int, data: bytes) -> bytes:
    """The message with this id and content, its checksum added."""
    head = bytes((mid, len(data))) + data
    return head + bytes((-sum(head) & 0xFF,))


def sample_fields(mode: Mode, data: bytes) -> Fields | str:
    """Fields of a sample, ``t`` as the sensor's µs; or the word under which its fault is counted."""
    numbers = mode.parse(data)
    if isinstance(numbers, str):
        return numbers
    fields: Fields = {}
    for letter, place in mode.places.items():
        name, kind, _ = _FIELDS[letter]
        fields[name] = numbers[place.start] if len(kind) == 1 else list(mode.vector(numbers, letter))
    if not all(math.isfinite(v) for value in fields.values() if isinstance(value, list) for v in value):
        return "non_finite"
    if any(name in fields and norm_of(fields[name]) is None for name in ("quat", "dq")):
        return "bad_quaternion"
    return fields


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`.

    config: ``payload_mode``, ``characteristic`` (its four digits; else told by length), ``rate_hz``.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._mode = MODES.get(int(number(config, "payload_mode", 0)))
        self._unsupported = "payload_mode" in config and self._mode is None
        self._characteristic = str(config.get("characteristic", ""))
        self._clock = DeviceClock(number(config, "rate_hz", 60.0), TICK_S)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if not data:
            self.health.count("truncated")
            return []
        kind = self._kind(len(data))
        if kind == "measurement":
            return self._measurement(data)
        if kind == "battery":
            if len(data) < 2:
                self.health.count("truncated")
                return []
            return [Packet(_battery_fields(data))]
        fields = message_fields(data)
        return self._one(fields)

    def _kind(self, length: int) -> str:
        short = self._characteristic[-4:] if len(self._characteristic) <= 6 else self._characteristic[4:8]
        if short == "3001":
            return "battery"
        if short in ("7001", "7002", "7003"):
            return "message"
        if short or self._mode is not None or self._unsupported:
            return "measurement"
        return "battery" if length <= 2 else "message"

    def _measurement(self, data: bytes) -> list[Packet]:
        mode = self._mode
        if mode is None:
            self.health.count("unsupported_mode")
            return []
        fields = sample_fields(mode, data)
        if isinstance(fields, str):
            self.health.count(fields)
            return []
        stamp = self._clock.stamp(fields["t"])
        fields["t"] = stamp.ticks * TICK_S
        return [Packet(fields, stamp.lost, stamp.restart)]


class MovellaDotCodec(PacketwiseCodec):
    """Family ``movella-dot``; see `firmware_protocol.codec.Codec`.

    Modes 18 and 19 give increments over a sample: they are divided by the sample's period; an increment of orientation that
    is no quaternion is no sample. Where the orientation is none, the sample stays and its quaternion is missing.
    """

    family = FAMILY

    def __init__(self, mode: int = 26, rate_hz: float = 60.0) -> None:
        super().__init__()
        if mode not in SAMPLE_MODES:
            what = "is for the maker's own library only" if mode in VENDOR_ONLY else "has no acceleration and angular rate"
            raise HiphingeError(
                f"payload_mode {mode} {what}", "payload_mode", f"Choose one of {', '.join(map(str, SAMPLE_MODES))}."
            )
        self._mode = MODES[mode]
        places = self._mode.places
        self._increments, self._oriented = "d" in places, "Q" in places
        self._rate_hz = rate_hz
        self._clock = DeviceClock(rate_hz, TICK_S)

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        parse = self._mode.parse
        for packet, data in enumerate(packets_in):
            numbers = parse(data)
            if isinstance(numbers, str):
                self._other(data, numbers)
            else:
                self._facts.pop("refused", None)
                self._take(numbers, packet, rows)
        return [rows.block(self._rate_hz, self._health, TICK_S)] if rows else []

    def _take(self, numbers: Numbers, packet: int, rows: SampleRows) -> None:
        """A sample, if it is one and new."""
        (ax, ay, az), (gx, gy, gz) = acc, gyr = self._motion(numbers)
        if not math.isfinite(ax + ay + az + gx + gy + gz):
            self._health.count("non_finite")
        elif self._increments and norm_of(self._mode.vector(numbers, "d")) is None:
            self._health.count("bad_quaternion")
        elif self._clock.repeated(numbers[0]):
            self._health.count("repeated")
        else:
            saturated = max(ax, ay, az, -ax, -ay, -az) >= ACC_LIMIT or max(gx, gy, gz, -gx, -gy, -gz) >= GYR_LIMIT
            quat: tuple[float, ...] = ()
            if self._oriented:
                quat = unit(self._mode.vector(numbers, "Q")) or NO_QUATERNION
                if quat is NO_QUATERNION:
                    self._health.count("bad_quaternion")
            rows.add(packet, self._clock.stamp(numbers[0]), acc, gyr, quat, saturated)

    def _other(self, data: bytes, fault: str) -> None:
        """Anything but a measurement of our mode: battery and messages; otherwise `fault` is counted."""
        if not data:
            return
        if len(data) == 2:
            fields = _battery_fields(data)
            self._facts["battery_percent"] = float(fields["battery_percent"])
            self._facts["charging"] = "yes" if fields["charging"] else "no"
            return
        if 4 <= len(data) == 3 + data[1] and not sum(data) & 0xFF:
            return  # an acknowledgement
        self._health.count(fault)
        if fault != "truncated":
            return
        self._facts["refused"] = (
            f"the sensor sends {len(data)} bytes where payload mode {self._mode.number} has {self._mode.length}: the link's "
            "MTU is too small, or the firmware does not know this mode. Use an adapter with a larger MTU, update the "
            "firmware, or set payload_mode = 21 in the kit"
        )

    def _motion(self, numbers: Numbers) -> tuple[Vector, Vector]:
        """acc m/s² and gyr rad/s; NaN stays NaN."""
        vector = self._mode.vector
        if not self._increments:
            return vector(numbers, "A"), vector(numbers, "G")  # type: ignore[return-value]  # three numbers each
        vx, vy, vz = vector(numbers, "v")
        w, x, y, z = vector(numbers, "d")
        sine = math.sqrt(x * x + y * y + z * z)
        per_sine = 2.0 * math.atan2(sine, abs(w)) / sine if sine > 1e-12 else 2.0
        turned = math.copysign(per_sine, w) * self._rate_hz
        return (vx * self._rate_hz, vy * self._rate_hz, vz * self._rate_hz), (x * turned, y * turned, z * turned)


def encode_sample(mode: int, time_us: int, values: Mapping[str, Any]) -> bytes:
    """The notification of one sample; values: SI, by the names of the fields; missing ones are 0."""
    layout = MODES[mode]
    numbers: list[float] = [time_us & 0xFFFFFFFF]
    for letter, place in layout.places.items():
        name, kind, scale = _FIELDS[letter]
        if letter == "T":
            continue
        raw = np.asarray(values.get(name, [0.0] * (place.stop - place.start)), np.float64).reshape(-1) / scale
        if not kind.endswith("f"):
            least, most = _WHOLE[kind[-1]]
            raw = np.clip(np.rint(raw), least, most).astype(np.int64)
        numbers += raw.tolist()
    return layout.record.pack(*numbers)


def encode_battery(percent: int, charging: bool) -> bytes:
    """The value of the battery characteristic."""
    return bytes((percent, charging))


def encode_rate(rate_hz: float) -> bytes:
    """The command that sets the output rate, written to `DEVICE_CONTROL`; not while measuring."""
    return bytes((0x10,)) + bytes(23) + round(rate_hz).to_bytes(2, "little") + bytes(6)


def encode_measurement(start: bool, mode: int) -> bytes:
    """The command that starts or stops measuring in this mode, written to `MEASUREMENT_CONTROL`."""
    return bytes((1, start, mode))


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are not a command."""
    if len(data) == 32 and data[0]:
        fields: Fields = {"op": "device_control", "characteristic": "1002"}
        if data[0] & 0x10:
            fields["rate_hz"] = int.from_bytes(data[24:26], "little")
        if data[0] & 0x20:
            fields["filter_profile"] = data[26]
        return fields
    if len(data) == 2 and data in (b"\x01\x00", b"\x07\x00"):
        return {"op": "heading_reset" if data[0] == 1 else "heading_revert", "characteristic": "2006"}
    if len(data) == 3 and data[0] == 1 and data[1] in (0, 1):
        op = "start_measurement" if data[1] else "stop_measurement"
        return {"op": op, "payload_mode": data[2], "characteristic": "2001"}
    message = message_fields(data)
    return None if isinstance(message, str) else message


def _asked_mode(config: Mapping[str, Setting]) -> int:
    mode = config.get("payload_mode", 26)
    return mode if isinstance(mode, int) else 0


def _configure(request: Request) -> tuple[Step, ...]:
    rate_hz = request.rate_hz or 60.0
    if rate_hz not in RATES_HZ:
        offered = ", ".join(f"{r:g}" for r in RATES_HZ)
        raise HiphingeError(f"a Movella DOT has no live rate of {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")
    stop = Write(encode_measurement(False, _asked_mode(request.config)), MEASUREMENT_CONTROL)
    return stop, Write(encode_rate(rate_hz), DEVICE_CONTROL, pause_s=0.1)


def _measure(start: bool, request: Request) -> tuple[Step, ...]:
    return (Write(encode_measurement(start, _asked_mode(request.config)), MEASUREMENT_CONTROL),)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> MovellaDotCodec:
    return MovellaDotCodec(_asked_mode(config), rate_hz or 60.0)


MOVELLA_DOT = DeviceFamily(
    FAMILY,
    "Movella DOT",
    Clock.DEVICE,
    _codec,
    ble=BleAccess(
        services=(CONFIGURATION_SERVICE, MEASUREMENT_SERVICE),
        notify=(uuid("2002"), uuid("2003"), BATTERY),
        name_prefixes=("Movella DOT", "Xsens DOT"),
        company_ids=(COMPANY_ID,),
        battery=BATTERY,
    ),
    rates_hz=RATES_HZ,
    default_rate_hz=60.0,
    acc_ranges_g=(16.0,),
    gyr_ranges_dps=(2000.0,),
    configure=_configure,
    start=lambda request: _measure(True, request),
    stop=lambda request: _measure(False, request),
    config_words={"payload_mode": "26 (with the sensor's own orientation), or 21, 20, 18, 19 for older firmware"},
    reader=Reader,
    command=decode_command,
)
