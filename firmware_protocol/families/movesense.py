"""Movesense: the GATT SensorData Protocol. Batches of float32 with the time of the first sample, in one or two parts.

A payload that exceeds the link's packets comes as DATA and then DATA_PART2, cut anywhere, also inside a number. How
many samples a batch holds follows from its length; usual is rate / 13. A DATA message of whole samples might be a first
part all the same: it is held until the next message of its reference, unless this stream is known to send batches of this
size. If a second part follows, they are joined; if a batch follows, its stamp tells how many samples the held one had.
Sample i of a batch was taken i / rate after its stamp, which is in ms since boot and wraps after 49.7 days.

Sources: movesense.com docs, gatt_sensordata_protocol and best_practices; sensein/movesense-py (captures and values);
noduslabs/movesense-nodejs-driver test/parsers.test.js.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from body_signals import G0, Floats, HiphingeError, SampleBlock, Setting
from firmware_protocol.codec import Health
from firmware_protocol.device import BleAccess, Clock, DeviceFamily, Request, Step, Write
from firmware_protocol.device_clock import DeviceClock, Stamp
from firmware_protocol.packets import Fields, Packet, StrictReader, number
from firmware_protocol.packetwise import PacketwiseCodec

FAMILY = "movesense"
_TAIL = "-7185-4d5d-b431-630e7050e8f0"
SERVICE, WRITE, NOTIFY = f"34802252{_TAIL}", f"34800001{_TAIL}", f"34800002{_TAIL}"
HELLO, SUBSCRIBE, UNSUBSCRIBE, GET = 0, 1, 2, 4
RESPONSE, DATA, DATA_PART2 = 1, 2, 3
HELLO_REF, IMU_REF = 98, 99
"""References that we choose for our own requests (ours)."""
RATES_HZ = (13.0, 26.0, 52.0, 104.0, 208.0)
"""Rates that Bluetooth can carry; the sensor itself has more."""
TICK_S = 1e-3
KELVIN = 273.15
_ARRAYS = {
    "Acc": ("acc",),
    "Gyro": ("gyr",),
    "Magn": ("mag",),
    "IMU6": ("acc", "gyr"),
    "IMU6m": ("acc", "mag"),
    "IMU9": ("acc", "gyr", "mag"),
}
_SCALES = {"acc": 1.0, "gyr": math.pi / 180.0, "mag": 1e-6}
"""SI per unit on the wire."""
_PATH = re.compile(r"/Meas/(\w+?)/(\d{1,4})")
_MAX_PAYLOAD = 2048
"""A longer payload, bytes, is not held as a possible first part (ours)."""
_NEAR_RANGE = 0.99
"""Values beyond this share of the range count as saturated (ours)."""


@dataclass(slots=True)
class _Stream:
    """State of one subscription, and its pending first part."""

    path: str
    arrays: tuple[str, ...]
    rate_hz: float
    clock: DeviceClock
    scales: Floats
    """SI per unit of each array, (arrays, 1, 1)."""
    usual: int = 1
    """Expected number of samples in a batch, from the rate."""
    part: bytes | None = None
    sizes: set[int] = field(default_factory=set)
    """Numbers of samples in batches that are known to be whole."""
    split: set[int] = field(default_factory=set)
    """Numbers of samples seen in first parts."""
    last: int = 0
    """Number of samples of the last message, if it was taken for a whole batch immediately."""

    def is_whole(self, part: bytes, n: int, following: bytes | None) -> bool:
        """Whether a held message of n whole samples was a batch; following: the batch after it, None at the end."""
        if following is None or (n == self.usual and n not in self.split):
            return True
        step_ms = (int.from_bytes(following[:4], "little") - int.from_bytes(part[:4], "little")) & 0xFFFFFFFF
        return abs(step_ms * TICK_S * self.rate_hz - n) < 0.5

    def samples(self, length: int) -> int:
        """Number of samples in a payload of this length; 0 when it is not valid."""
        each = 12 * len(self.arrays)
        n, left = divmod(length - 4, each) if each else (0, 0)
        return n if n >= 1 and not left else 0


def _stream(path: str) -> _Stream:
    found = _PATH.fullmatch(path)
    rate_hz = float(found[2]) if found else 0.0
    arrays = _ARRAYS.get(found[1], ()) if found and rate_hz else ()
    scales = np.array([_SCALES[name] for name in arrays]).reshape(-1, 1, 1)
    return _Stream(path, arrays, rate_hz, DeviceClock(rate_hz, TICK_S), scales, max(1, round(rate_hz / 13.0)))


class _Notifications:
    """Joins parts. Returns complete payloads with their stream."""

    def __init__(self, streams: Mapping[int, str], health: Health) -> None:
        self.streams = {ref: _stream(path) for ref, path in streams.items()}
        self.health = health

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """``(reference, payload)`` of what this notification completes."""
        if len(data) < 2:
            self.health.count("truncated")
            return []
        kind, ref = data[0], data[1]
        if kind not in (DATA, DATA_PART2):
            self.health.count("unknown_type")
            return []
        stream = self.streams.get(ref)
        if stream is None:
            self.health.count("unknown_reference")
            return []
        payload = data[2:]
        if kind == DATA_PART2:
            return self._joined(ref, stream, payload)
        out = self._release(ref, stream, "missing_part", payload)
        n = stream.samples(len(payload))
        if not stream.arrays or n in stream.sizes or len(payload) > _MAX_PAYLOAD:
            stream.last = n
            out.append((ref, payload))
        else:
            stream.part, stream.last = payload, 0
        return out

    def _joined(self, ref: int, stream: _Stream, second: bytes) -> list[tuple[int, bytes]]:
        """The batch completed by this second part."""
        if stream.part is None:
            self.health.count("orphan_part")
            if stream.last:
                # the message taken for a batch was the first part of one
                stream.sizes.discard(stream.last)
                stream.split.add(stream.last)
                stream.last = 0
            return []
        payload, first = stream.part + second, stream.samples(len(stream.part))
        stream.part = None
        if first:
            stream.split.add(first)
        if n := stream.samples(len(payload)):
            stream.sizes.add(n)
        return [(ref, payload)]

    def _release(self, ref: int, stream: _Stream, fault: str, following: bytes | None = None) -> list[tuple[int, bytes]]:
        """The held part, if it was a whole batch after all; else it is counted under `fault`."""
        part, stream.part = stream.part, None
        if part is None:
            return []
        n = stream.samples(len(part))
        if not n or not stream.is_whole(part, n, following):
            self.health.count(fault)
            return []
        stream.sizes.add(n)
        return [(ref, part)]

    def finish(self) -> list[tuple[int, bytes]]:
        """Held parts that are whole; the others are counted."""
        return [one for ref, stream in self.streams.items() for one in self._release(ref, stream, "length")]

    def values(self, stream: _Stream, payload: bytes) -> tuple[int, int, Floats] | None:
        """Raw stamp, number of samples n, values (arrays, n, 3) in SI; None when the payload is not valid, which is counted."""
        n = stream.samples(len(payload))
        if not n:
            self.health.count("length")
            return None
        raw = np.frombuffer(payload, "<f4", offset=4)
        if not np.isfinite(raw).all():
            self.health.count("non_finite")
            return None
        values = raw.reshape(len(stream.arrays), n, 3) * stream.scales
        return int.from_bytes(payload[:4], "little"), n, values

    @property
    def pending(self) -> int:
        """Bytes of held parts."""
        return sum(len(stream.part) for stream in self.streams.values() if stream.part is not None)


def response_fields(data: bytes) -> Fields | None:
    """A response: a status of two bytes, or the sensor's description in answer to HELLO; None when it is too short."""
    if len(data) < 4:
        return None
    fields: Fields = {"ref": data[1]}
    if len(data) == 4:
        status = int.from_bytes(data[2:], "little")
        fields["response"] = status
        if status >= 400:
            fields["error"] = "status"
        return fields
    texts = [text.decode("utf-8", "replace") for text in data[3:].split(b"\x00")]
    names = ("serial", "product", "address", "app_name", "app_version")
    return fields | {"protocol_version": data[2]} | dict(zip(names, texts, strict=False))


class Reader(StrictReader):
    """Packets of notifications; see `firmware_protocol.packets.PacketReader`.

    config: ``path`` with ``ref`` (else that of the first batch), or ``streams``: reference → path.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        given = config.get("streams")
        self._keyed = isinstance(given, Mapping)
        streams: dict[int, str] = {}
        if isinstance(given, Mapping):
            streams = {int(ref): str(path) for ref, path in given.items() if str(ref).isdecimal()}
        elif "path" in config and "ref" in config:
            streams = {int(number(config, "ref", IMU_REF)): str(config["path"])}
        self._path = str(config["path"]) if "path" in config and not streams else None
        """The path of the first reference received."""
        self._notifications = _Notifications(streams, self.health)

    def read(self, data: bytes) -> list[Packet]:
        """See `PacketReader.read`."""
        if data[:1] == bytes((RESPONSE,)):
            fields = response_fields(data)
            if fields is None:
                self.health.count("truncated")
                return []
            self.health.count("status", 1 if "error" in fields else 0)
            return [Packet(fields)]
        if self._path is not None and len(data) > 1 and data[0] in (DATA, DATA_PART2):
            self._notifications.streams[data[1]] = _stream(self._path)
            self._path = None
        return self._packets(self._notifications.feed(data))

    def _packets(self, payloads: list[tuple[int, bytes]]) -> list[Packet]:
        packets = []
        for ref, payload in payloads:
            stream = self._notifications.streams[ref]
            mine = self._temperature(payload) if stream.path == "/Meas/Temp" else self._batch(stream, payload)
            if self._keyed:
                for packet in mine:
                    packet.fields["ref"] = ref
            packets += mine
        return packets

    def _batch(self, stream: _Stream, payload: bytes) -> list[Packet]:
        if not stream.arrays:
            self.health.count("unknown_type")
            return []
        found = self._notifications.values(stream, payload)
        if found is None:
            return []
        raw, n, values = found
        stamp = stream.clock.stamp(raw, n)
        packets = []
        for i in range(n):
            fields: Fields = {"t": stamp.ticks * TICK_S + i / stream.rate_hz}
            for name, array in zip(stream.arrays, values, strict=True):
                fields[name] = array[i].tolist()
            packets.append(Packet(fields, 0 if i else stamp.lost, stamp.restart and not i))
        return packets

    def _temperature(self, payload: bytes) -> list[Packet]:
        """Kelvin and stamp; some firmware is said to send the stamp first."""
        if len(payload) != 8:
            self.health.count("length")
            return []
        kelvin, ms = struct.unpack("<fI", payload)
        if not 150.0 < kelvin < 500.0:
            ms, kelvin = struct.unpack("<If", payload)
        if not math.isfinite(kelvin):
            self.health.count("non_finite")
            return []
        return [Packet({"t": ms * TICK_S, "temp_c": kelvin - KELVIN})]

    def finish(self) -> list[Packet]:
        """See `PacketReader.finish`."""
        return self._packets(self._notifications.finish())

    @property
    def pending(self) -> int:
        """See `PacketReader.pending`."""
        return self._notifications.pending


class MovesenseCodec(PacketwiseCodec):
    """Family ``movesense``; see `firmware_protocol.codec.Codec`. One subscription that holds acc, and gyr if it has it.

    acc_range_g, gyr_range_dps: values from 99 % of these on count as saturated.
    """

    family = FAMILY

    def __init__(self, path: str, ref: int = IMU_REF, acc_range_g: float = 16.0, gyr_range_dps: float = 2000.0) -> None:
        super().__init__()
        self._notifications = _Notifications({ref: path}, self._health)
        self._stream = self._notifications.streams[ref]
        self._ref = ref
        self._limits = (_NEAR_RANGE * acc_range_g * G0, _NEAR_RANGE * math.radians(gyr_range_dps))

    def _decode(self, packets_in: list[bytes]) -> list[SampleBlock]:
        batches: list[tuple[Stamp, Floats, int]] = []
        for packet, notification in enumerate(packets_in):
            if not notification:
                continue
            if notification[:1] == bytes((RESPONSE,)):
                self._take_response(notification, packet)
                continue
            for _, payload in self._notifications.feed(notification):
                found = self._notifications.values(self._stream, payload)
                if found is None:
                    continue
                raw, n, values = found
                if self._stream.clock.repeated(raw):
                    self._health.count("repeated")
                else:
                    batches.append((self._stream.clock.stamp(raw, n), values, packet))
        return [self._block(batches)] if batches else []

    def _block(self, batches: list[tuple[Stamp, Floats, int]]) -> SampleBlock:
        sizes = np.array([values.shape[1] for _, values, _ in batches], np.int64)
        ends = np.cumsum(sizes)
        firsts = ends - sizes
        values = np.concatenate([values for _, values, _ in batches], axis=1)
        n = int(ends[-1])
        within = np.arange(n) - np.repeat(firsts, sizes)
        ticks = np.repeat(np.array([stamp.ticks for stamp, _, _ in batches], np.int64), sizes)
        lost, restart = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        lost[firsts] = [stamp.lost for stamp, _, _ in batches]
        restart[firsts] = [stamp.restart for stamp, _, _ in batches]
        acc = np.ascontiguousarray(values[0])
        gyr = np.ascontiguousarray(values[1]) if self._stream.arrays[1:2] == ("gyr",) else None
        saturated = (np.abs(acc) >= self._limits[0]).any(axis=1)
        if gyr is not None:
            saturated |= (np.abs(gyr) >= self._limits[1]).any(axis=1)
        self._health.count("saturated", int(np.count_nonzero(saturated)))
        self._health.count("restart", int(np.count_nonzero(restart)))
        return SampleBlock(
            rate_hz=self._stream.rate_hz,
            packet=np.repeat(np.array([packet for _, _, packet in batches], np.int64), sizes),
            device_time_s=ticks * TICK_S + within / self._stream.rate_hz,
            acc=acc,
            gyr=gyr,
            quat=None,
            lost=lost,
            saturated=saturated,
            restart=restart,
        )

    def _take_response(self, data: bytes, packet: int) -> None:
        fields = response_fields(data)
        if fields is None:
            self._health.count("truncated")
            return
        self._serials.tell(packet, fields.get("serial"))
        for name in ("serial", "product", "app_version"):
            if fields.get(name):
                self._facts["firmware" if name == "app_version" else name] = fields[name]
        status = fields.get("response")
        if status is None or fields["ref"] != self._ref:
            return
        if status < 400:
            self._facts.pop("refused", None)
            return
        self._health.count("status")
        remedy = {
            404: "this firmware has no such path or rate. Choose another rate, or update the sensor's firmware (2.3 or later)",
            409: "something else on the sensor uses it, a logger or another rate. End that and try again",
        }.get(status, "take the sensor off its strap for some seconds and try again")
        self._facts["refused"] = f"the sensor refused {self._stream.path} with status {status}: {remedy}"

    @property
    def pending(self) -> int:
        """See `Codec.pending`."""
        return self._notifications.pending


def encode_command(op: int, ref: int, path: str = "") -> bytes:
    """HELLO, SUBSCRIBE, UNSUBSCRIBE or GET."""
    return bytes((op, ref)) + path.encode("ascii")


def decode_command(data: bytes, config: Mapping[str, Any]) -> Fields | None:
    """The meaning of bytes written to the sensor; None when they are not a command."""
    names = {HELLO: "hello", SUBSCRIBE: "subscribe", UNSUBSCRIBE: "unsubscribe", GET: "get"}
    if len(data) < 2 or data[0] not in names:
        return None
    with_path = data[0] in (SUBSCRIBE, GET)
    path = data[2:].decode("ascii", "replace")
    if with_path != path.startswith("/") or (not with_path and path):
        return None
    return {"op": names[data[0]], "ref": data[1]} | ({"path": path} if with_path else {})


def encode_batch(stamp_ms: int, arrays: list[Floats], ref: int = IMU_REF, most: int = 512) -> list[bytes]:
    """The notifications of one batch: arrays of (n, 3) each, acc m/s², gyr **rad/s**, mag T in the order of the path.

    most: bytes that a notification may hold (MTU - 3); beyond it the batch goes out in two parts.
    """
    scales = (1.0, 180.0 / math.pi, 1e6)
    values = b"".join((np.asarray(a, np.float64) * s).astype("<f4").tobytes() for a, s in zip(arrays, scales, strict=False))
    payload = struct.pack("<I", stamp_ms & 0xFFFFFFFF) + values
    first, second = payload[: most - 2], payload[most - 2 :]
    return [bytes((DATA, ref)) + first] + ([bytes((DATA_PART2, ref)) + second] if second else [])


def encode_response(ref: int, status: int) -> bytes:
    """The sensor's answer to a request."""
    return bytes((RESPONSE, ref)) + status.to_bytes(2, "little")


def encode_hello(ref: int, serial: str, product: str = "Movesense", app_version: str = "2.3.0") -> bytes:
    """The sensor's answer to HELLO."""
    texts = (serial, product, "", "gatt_sensordata_app", app_version)
    return bytes((RESPONSE, ref, 1)) + b"".join(text.encode() + b"\x00" for text in texts)


def _path(config: Mapping[str, Setting], rate_hz: float | None) -> str:
    path = config.get("path")
    if path is None:
        rate = rate_hz or 104.0
        if rate not in RATES_HZ:
            offered = ", ".join(f"{r:g}" for r in RATES_HZ)
            raise HiphingeError(f"a Movesense sensor has no rate of {rate:g} Hz", "rate_hz", f"Choose one of {offered}.")
        return f"/Meas/IMU6/{rate:.0f}"
    if _stream(str(path)).arrays[:1] != ("acc",):
        raise HiphingeError(f"path {path!r} has no acceleration", "path", "Use /Meas/IMU6/104, or leave it out.")
    return str(path)


def _codec(config: Mapping[str, Setting], rate_hz: float | None) -> MovesenseCodec:
    ranges = (number(config, "acc_range_g", 16.0), number(config, "gyr_range_dps", 2000.0))
    return MovesenseCodec(_path(config, rate_hz), IMU_REF, *ranges)


def _start(request: Request) -> tuple[Step, ...]:
    return (Write(encode_command(SUBSCRIBE, IMU_REF, _path(request.config, request.rate_hz)), WRITE),)


MOVESENSE = DeviceFamily(
    FAMILY,
    "Movesense",
    Clock.DEVICE,
    _codec,
    ble=BleAccess(services=(SERVICE,), notify=(NOTIFY,), name_prefixes=("Movesense",)),
    rates_hz=RATES_HZ,
    default_rate_hz=104.0,
    acc_ranges_g=(2.0, 4.0, 8.0, 16.0),
    gyr_ranges_dps=(245.0, 500.0, 1000.0, 2000.0),
    configure=lambda request: (Write(encode_command(HELLO, HELLO_REF), WRITE),),
    start=_start,
    stop=lambda request: (Write(encode_command(UNSUBSCRIBE, IMU_REF), WRITE),),
    config_words={
        "path": "what to subscribe to, in place of /Meas/IMU6/{rate}",
        "acc_range_g": "range that the sensor is set to, g; this protocol cannot set it",
        "gyr_range_dps": "range that the sensor is set to, deg/s",
    },
    reader=Reader,
    command=decode_command,
)
