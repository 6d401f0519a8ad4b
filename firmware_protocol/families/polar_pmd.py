"""Polar PMD (H10, OH1, Verity Sense): the accelerometer of a heart rate strap. No angular rate, so inclination only.

Frame: 02, u64 ns of the **last** sample, frame type, samples. Types 00, 01 and 02: i8, i16 or i24 x y z in milli-g. Types 80
and 81: a reference sample of i16, then blocks of u8 bit width, u8 count and that many differences of x y z, packed from the
lowest bit; times the factor they are in g (80) or milli-g (81). The factor, a float32, stands in the answer to the start
command, among settings of (u8 kind, u8 count, values); 1 where that answer has none. A sensor that streams already refuses the
start command, and so its factor is not known: frames of type 80 are then no numbers, counted as ``no_factor``; type 81 is in
milli-g without one.
The other samples of a frame lie evenly between the last one of the frame before and its own; at the rate that was asked for
where no frame came right before it.

Sources: polarofficial/polar-ble-sdk, AccData.kt, AccDataTest.kt, PmdSetting.kt and PmdControlPointResponse.kt; for what is
asked of Verity Sense, which wants its number of channels too, its documentation/products and public clients.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from body_signals import G0, Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.codec import Health
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import DeviceClock, Stamp
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec
from firmware_protocol.sample_rows import SampleRows, Vector

FAMILY = "polar-pmd"
_TAIL = "-02e7-f387-1cad-8acd2d8df0c8"
SERVICE, CONTROL, DATA = (f"fb005c{n}{_TAIL}" for n in ("80", "81", "82"))
TYPES = {0: "ecg", 1: "ppg", 2: "acc", 3: "ppi", 5: "gyr", 6: "mag"}
ACC = 2
RAW, COMPRESSED_G, COMPRESSED_MG = 0x01, 0x80, 0x81
_RAW_BYTES = {0x00: 1, RAW: 2, 0x02: 3}
"""Bytes of a value by frame type, where they are not compressed."""
_HEAD = struct.Struct("<BQB")
TICK_S = 1e-9
MILLI_G = G0 / 1000.0
NEAR_RANGE = 0.99
"""Values beyond this share of the range count as saturated (ours)."""
RATES_HZ = (25.0, 50.0, 52.0, 100.0, 200.0)
RANGES_G = (2.0, 4.0, 8.0)
MOST_SAMPLES = 512
"""Most samples of a frame; one that claims more is refused (ours)."""
_START, _STOP = 0x02, 0x03
_SETTINGS = {
    0: ("rate_hz", 2),
    1: ("resolution_bits", 2),
    2: ("range_g", 2),
    3: ("range_milli", 4),
    4: ("channels", 1),
    5: ("factor", 4),
}
"""Name and bytes of a setting by its number."""
_FACTOR, _LARGEST_FACTOR = "factor", 1e3
"""Name of the factor of compressed frames, and its largest plausible value (ours)."""
_OFF_RATE = 0.1
"""Largest difference of a frame's own rate from the nominal one, as a part of it; beyond it samples were lost (ours)."""
_VERITY_HZ, _CHANNELS = 52.0, 3
"""Only Verity Sense has this rate, and it requires its number of channels."""
_STOPS_S = 0.1
"""Time for a stream to end before the next one is started, s (ours)."""
_ANSWER = 0xF0
_ANSWER_HEAD = 5
"""Answer, request, measurement, status, whether more comes; then settings."""
_STATUS = {
    1: "unknown request",
    2: "unknown measurement",
    3: "not supported",
    4: "wrong length",
    5: "wrong parameter",
    6: "streaming already",
    7: "unknown resolution",
    8: "unknown rate",
    9: "unknown range",
    10: "packets too short",
    11: "wrong number of channels",
    12: "wrong state",
    13: "it is being charged",
}

_Raw = list[tuple[int, int, int]]


def _samples(kind: int, body: bytes) -> _Raw | str:
    """Samples of a frame's body as the wire counts them, or the word under which its fault is counted."""
    if kind in _RAW_BYTES:
        size = _RAW_BYTES[kind]
        if not body or len(body) % (3 * size):
            return "length"
        if kind == RAW:
            return list(struct.iter_unpack("<3h", body))
        values = [int.from_bytes(body[i : i + size], "little", signed=True) for i in range(0, len(body), size)]
        return list(zip(values[::3], values[1::3], values[2::3], strict=True))
    if kind not in (COMPRESSED_G, COMPRESSED_MG):
        return "unknown_type"
    if len(body) < 6:
        return "length"
    x, y, z = struct.unpack_from("<3h", body)
    found = [(x, y, z)]
    at = 6
    while at < len(body):
        if at + 2 > len(body):
            return "length"
        width, count = body[at], body[at + 1]
        size = (width * count * 3 + 7) // 8
        at += 2
        if width > 32 or at + size > len(body) or len(found) + count > MOST_SAMPLES:
            return "length"
        bits, mask, sign = int.from_bytes(body[at : at + size], "little"), (1 << width) - 1, 1 << width >> 1
        for _ in range(count):
            steps = []
            for _ in range(3):
                steps.append(((bits & mask) ^ sign) - sign)
                bits >>= width
            x, y, z = x + steps[0], y + steps[1], z + steps[2]
            found.append((x, y, z))
        at += size
    return found


def _settings(data: bytes) -> dict[str, list[int]] | None:
    """Values by the name of their setting, as they lie in commands and answers; None where they are not a list of settings."""
    found: dict[str, list[int]] = {}
    at = 0
    while at < len(data):
        name, size = _SETTINGS.get(data[at], ("", 0))
        end = at + 2 + (data[at + 1] if at + 1 < len(data) else 0) * size
        if not size or end < at + 2 + size or end > len(data):
            return None
        found[name] = [int.from_bytes(data[i : i + size], "little") for i in range(at + 2, end, size)]
        at = end
    return found


def factor_of(answer: bytes) -> float | None:
    """The factor in the answer to a start command; None where it is missing or impossible."""
    told = _settings(answer[_ANSWER_HEAD:]) if answer[1:4] == bytes((_START, ACC, 0)) else None
    if not told or _FACTOR not in told:
        return None
    (value,) = struct.unpack("<f", told[_FACTOR][0].to_bytes(4, "little"))
    return value if 0.0 < value < _LARGEST_FACTOR else None


def answer_fields(data: bytes) -> Fields | str:
    """Fields of an answer of the control point, ``response`` 0 where it is accepted; or the word for its fault."""
    if len(data) < _ANSWER_HEAD - 1:
        return "truncated"
    _, request, what, status = data[: _ANSWER_HEAD - 1]
    fields: Fields = {"request": request, "type": TYPES.get(what, str(what)), "response": status}
    if status:
        fields["error"] = "status"
    told = factor_of(data)
    return fields if told is None else fields | {_FACTOR: told}


class _Frames:
    """Notifications of one stream: frames of samples, and answers, which may change the factor of what follows. factor: None
    where it is not known."""

    def __init__(self, rate_hz: float, factor: float | None, health: Health) -> None:
        self._rate_hz, self.factor, self.health = rate_hz, factor, health
        self._last_ns: int | None = None
        self.clock = DeviceClock(rate_hz, TICK_S, wrap=0)

    def read(self, data: bytes) -> tuple[int, float, list[Vector]] | None:
        """Stamp of the first sample, ns, time between two, ns, and samples (m/s²) of a notification; None is counted."""
        if len(data) < _HEAD.size:
            self.health.count("truncated")
            return None
        what, last_ns, kind = _HEAD.unpack_from(data)
        if what != ACC:
            self.health.count("unknown_type")
            return None
        found = _samples(kind, data[_HEAD.size :])
        if isinstance(found, str):
            self.health.count(found)
            return None
        scale = MILLI_G
        if kind == COMPRESSED_G:
            if self.factor is None:
                self.health.count("no_factor", len(found))
                return None
            scale = self.factor * G0
        elif kind == COMPRESSED_MG:
            scale = (1.0 if self.factor is None else self.factor) * MILLI_G
        period_ns = self._period_ns(last_ns, len(found))
        first_ns = last_ns - round((len(found) - 1) * period_ns)
        return max(0, first_ns), period_ns, [(x * scale, y * scale, z * scale) for x, y, z in found]

    def _period_ns(self, last_ns: int, count: int) -> float:
        """Time between two samples of a frame whose last one has this stamp."""
        nominal_ns = 1e9 / self._rate_hz
        before_ns, self._last_ns = self._last_ns, last_ns
        if before_ns is None:
            return nominal_ns
        own_ns = (last_ns - before_ns) / count
        return own_ns if abs(own_ns / nominal_ns - 1.0) < _OFF_RATE else nominal_ns

    def answer(self, data: bytes) -> Fields | str:
        """An answer of the control point, as `answer_fields`; a factor in it holds from here on, a refusal is counted."""
        fields = answer_fields(data)
        if isinstance(fields, dict):
            self.factor = fields.get(_FACTOR, self.factor)
            if self.factor is None and (fields["request"], fields["type"], fields["response"]) == (_START, TYPES[ACC], 0):
                self.factor = 1.0
            self.health.count("status", 1 if fields["response"] else 0)
        return fields


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`. config: ``rate_hz``, ``factor``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._rate_hz = number(config, "rate_hz", 50.0)
        self._frames = _Frames(self._rate_hz, number(config, "factor", 1.0), self.health)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if data[:1] == bytes((_ANSWER,)):
            return self._one(self._frames.answer(data))
        found = self._frames.read(data)
        if found is None:
            return []
        first_ns, period_ns, samples = found
        stamp = self._frames.clock.stamp(first_ns, len(samples))
        return [
            Packet(
                {"t": (stamp.ticks + i * period_ns) * TICK_S, "acc": list(sample)},
                0 if i else stamp.lost,
                stamp.restart and not i,
            )
            for i, sample in enumerate(samples)
        ]


class PolarPmdCodec(PacketwiseCodec):
    """Family ``polar-pmd``; see `firmware_protocol.codec.Codec`. gyr is None throughout.

    factor: of compressed frames, until the sensor has told its own; None: not known. range_g: values from 99 % of it on count
    as saturated.
    """

    family = FAMILY

    def __init__(self, rate_hz: float = 50.0, factor: float | None = None, range_g: float = 8.0) -> None:
        super().__init__()
        self._frames = _Frames(rate_hz, factor, self._health)
        self._rate_hz = rate_hz
        self._limit = NEAR_RANGE * range_g * G0

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        rows = SampleRows()
        for packet, data in enumerate(packets_in):
            if not data:
                continue
            if data[0] == _ANSWER:
                self._take_answer(data)
                continue
            found = self._frames.read(data)
            if found is None:
                continue
            first_ns, period_ns, samples = found
            if self._frames.clock.repeated(first_ns):
                self._health.count("repeated")
                continue
            ticks, lost, restart = self._frames.clock.stamp(first_ns, len(samples))
            for i, sample in enumerate(samples):
                x, y, z = sample
                saturated = max(x, y, z, -x, -y, -z) >= self._limit
                stamp = Stamp(ticks + round(i * period_ns), 0 if i else lost, restart and not i)
                rows.add(packet, stamp, sample, (), (), saturated)
        return [rows.block(self._rate_hz, self._health, TICK_S)] if rows else []

    def _take_answer(self, data: bytes) -> None:
        """The answer from the control point: a refusal, or the settings in use."""
        fields = self._frames.answer(data)
        if isinstance(fields, str):
            self._health.count(fields)
            return
        if _FACTOR in fields:
            self._facts["factor"] = fields[_FACTOR]
        status = fields["response"]
        if fields["request"] == _START and not status:
            self._facts.pop("refused", None)
        elif status and fields["request"] != _STOP:
            self._facts["refused"] = (
                f"the sensor refused request {fields['request']} with status {status} ({_STATUS.get(status, 'unknown')}): wear "
                "it (it sleeps when it feels no skin), take it off its charger, and end other programs that use it"
            )


def encode_frame(last_ns: int, acc: Floats) -> bytes:
    """A frame of type 01: acc (n, 3) m/s², the last of them taken at `last_ns`."""
    raw = np.clip(np.rint(np.asarray(acc, np.float64) / MILLI_G), -32768, 32767).astype("<i2")
    return _HEAD.pack(ACC, last_ns, RAW) + raw.tobytes()


def encode_start(rate_hz: float, range_g: float, bits: int = 16) -> bytes:
    """The command that starts the accelerometer, to be written to `CONTROL`."""
    settings = struct.pack("<BBH BBH BBH", 0, 1, round(rate_hz), 1, 1, bits, 2, 1, round(range_g))
    channels = bytes((4, 1, _CHANNELS)) if rate_hz == _VERITY_HZ else b""
    return bytes((_START, ACC)) + settings + channels


def encode_answer(request: int, status: int = 0, factor: float | None = None) -> bytes:
    """A sensor's answer to a request for the accelerometer; factor: sent with a start."""
    settings = struct.pack("<BBf", 5, 1, factor) if factor is not None else b""
    return bytes((_ANSWER, request, ACC, status, 0)) + settings


def encode_stop() -> bytes:
    """The command that stops it."""
    return bytes((_STOP, ACC))


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the control point; None when they are not a command."""
    if len(data) < 2 or data[0] not in (_START, _STOP) or data[1] not in TYPES:
        return None
    fields: Fields = {"op": "start" if data[0] == _START else "stop", "type": TYPES[data[1]]}
    chosen = _settings(data[2:])
    if chosen is None or (chosen and data[0] == _STOP) or _FACTOR in chosen or any(len(v) > 1 for v in chosen.values()):
        return None
    return fields | {name: values[0] for name, values in chosen.items()}


def _start(request: Request) -> tuple[Step, ...]:
    rate_hz, range_g = request.rate_hz or 50.0, request.acc_range_g or 8.0
    if rate_hz not in RATES_HZ:
        offered = ", ".join(f"{r:g}" for r in RATES_HZ)
        raise HiphingeError(f"a Polar sensor has no rate of {rate_hz:g} Hz", "rate_hz", f"Choose one of {offered}.")
    # one that streams already refuses to start, and would not say its factor
    return Write(encode_stop(), CONTROL, pause_s=_STOPS_S), Write(encode_start(rate_hz, range_g), CONTROL)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> PolarPmdCodec:
    factor = number(config, "factor", 1.0) if "factor" in config else None
    return PolarPmdCodec(rate_hz or 50.0, factor, number(config, "acc_range_g", 8.0))


POLAR_PMD = DeviceFamily(
    FAMILY,
    "Polar H10, OH1, Verity Sense (acceleration)",
    Clock.DEVICE,
    _codec,
    ble=BleAccess(services=(SERVICE,), notify=(CONTROL, DATA), name_prefixes=("Polar",)),
    rates_hz=RATES_HZ,
    acc_ranges_g=RANGES_G,
    start=_start,
    stop=lambda request: (Write(encode_stop(), CONTROL),),
    config_words={
        "factor": "of compressed frames, where the sensor does not tell it",
        "acc_range_g": "range that is asked for, g",
    },
    reader=Reader,
    command=decode_command,
)
