"""The content of a recording's windows: packets of one sensor as a binary message, all other events as JSON.

docs/recording.md describes the bytes. Encoding and decoding are exact inverses; the checksum of a window has been checked
before, so a message that does not decode was written wrongly (ValueError).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Annotated

import msgspec
import numpy as np
from msgspec.structs import astuple

from body_signals import Battery, Command, Connected, Heartbeat, Lost, Mark, Packets, SingleEvent, UtcAnchor, Watchdog

PACKETS_ENCODING = "hiphinge-packets"
EVENTS_ENCODING = "json"
_COUNT = struct.Struct("<I")
_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An event as a JSON array ``[tag, seq, arrival_ns, …]``; fields in the order of the event's own."""

    seq: int
    arrival_ns: _Int64


class _Connected(_Row, tag="connected"):
    sensor: str


class _Lost(_Row, tag="lost"):
    sensor: str
    reason: str


class _Watchdog(_Row, tag="watchdog"):
    sensor: str
    verdict: str


class _Battery(_Row, tag="battery"):
    sensor: str
    percent: _Int64


class _Mark(_Row, tag="mark"):
    label: str
    seen_ns: _Int64 | None = None


class _UnseenMark(_Row, tag="mark"):
    """As marks are written that nobody set on a screen, and as all were before there was one."""

    label: str


class _Command(_Row, tag="command"):
    sensor: str
    payload: bytes


class _Heartbeat(_Row, tag="heartbeat"):
    pass


class _UtcAnchor(_Row, tag="utc_anchor"):
    utc_ns: _Int64


_Any = _Connected | _Lost | _Watchdog | _Battery | _Mark | _Command | _Heartbeat | _UtcAnchor
_EVENTS: dict[type[_Row], Callable[..., SingleEvent]] = {
    _Connected: Connected,
    _Lost: Lost,
    _Watchdog: Watchdog,
    _Battery: Battery,
    _Mark: Mark,
    _Command: Command,
    _Heartbeat: Heartbeat,
    _UtcAnchor: UtcAnchor,
}
_ROWS = {event: row for row, event in _EVENTS.items()}


class _Trailer(msgspec.Struct):
    """The message on /events that ends a window."""

    first_seq: int
    last_seq: int
    events: list[_Any]


_decode_trailer = msgspec.json.Decoder(_Trailer).decode


def encode_packets(events: Sequence[Packets]) -> bytes:
    """The message of one sensor's packets, at least one, in the order of their sequence numbers.

    u32 count, then arrays of that length: i64 seq, i64 arrival_ns, u32 length; then the payloads. Little-endian.
    """
    seq, arrival_ns, lengths = (
        np.concatenate([getattr(event, name) for event in events]) for name in ("seq", "arrival_ns", "lengths")
    )
    if (seq[1:] < seq[:-1]).any():
        return encode_packets([Packets.join(events[0].sensor, sorted(Packets.concatenated(events)))])
    numbers = (seq.astype("<i8").tobytes(), arrival_ns.astype("<i8").tobytes(), lengths.astype("<u4").tobytes())
    # payloads are copied once, from the events into the message
    return b"".join((_COUNT.pack(len(seq)), *numbers, *(event.data for event in events)))


_Parts = tuple[bytes, bytes, bytes, bytes]


def split_packets(window: bytes, begin: int, end: int) -> tuple[int, _Parts]:
    """Number of packets in one sensor's message, which is this part of a window, and its four arrays as stored. ValueError if
    it is not sound."""
    seqs_at = begin + _COUNT.size
    if end < seqs_at:
        raise ValueError("packet message without a count")
    (n,) = _COUNT.unpack_from(window, begin)
    arrivals_at, lengths_at, payload_at = seqs_at + 8 * n, seqs_at + 16 * n, seqs_at + 20 * n
    if end < payload_at:
        raise ValueError(f"packet message too short for {n} packets")
    # most are a few hundred bytes: to copy them is faster than to view them
    parts = window[seqs_at:arrivals_at], window[arrivals_at:lengths_at], window[lengths_at:payload_at], window[payload_at:end]
    return n, parts


def latest_arrival(parts: _Parts) -> int:
    """Arrival time, in ns, of a message's last packet."""
    # a window holds some ten packets of a sensor: on numbers of Python this takes a fifth of the time
    arrivals: tuple[int, ...] = _longs(len(parts[1]) // 8).unpack(parts[1])
    return max(arrivals)


@lru_cache(64)
def _longs(n: int) -> struct.Struct:
    """n numbers of 64 bits."""
    return struct.Struct(f"<{n}q")


def edge_arrivals(parts: _Parts) -> list[tuple[int, int]]:
    """Sequence number and arrival time, in ns, of a message's first and last packet."""
    row = _longs(len(parts[0]) // 8)
    seq, arrival_ns = row.unpack(parts[0]), row.unpack(parts[1])
    return [(seq[i], arrival_ns[i]) for i in (seq.index(min(seq)), arrival_ns.index(max(arrival_ns)))]


class PacketGather:
    """Collects packet messages of one sensor, so that many of them become one event with one copy of their payloads."""

    def __init__(self, sensor: str) -> None:
        self._sensor = sensor
        self._messages: list[_Parts] = []
        self.count = 0

    def add(self, n: int, parts: _Parts) -> None:
        """Add the result of `split_packets`."""
        self._messages.append(parts)
        self.count += n

    def take(self) -> Packets:
        """The packets gathered so far as one event; the gather is empty again."""
        seq, arrival, lengths, data = (b"".join(part) for part in zip(*self._messages, strict=True))
        self._messages, self.count = [], 0
        return Packets(
            self._sensor,
            np.frombuffer(seq, "<i8").astype(np.int64),
            np.frombuffer(arrival, "<i8").astype(np.int64),
            np.frombuffer(lengths, "<u4").astype(np.int64),
            data,
        )


def encode_event(event: SingleEvent) -> bytes:
    """One event as JSON. Raises ValueError for text that is not Unicode."""
    row: _Row
    if isinstance(event, Mark) and event.seen_ns is None:
        row = _UnseenMark(event.seq, event.arrival_ns, event.label)
    else:
        row = _ROWS[type(event)](*(getattr(event, field.name) for field in fields(event)))
    try:
        return msgspec.json.encode(row)
    except (UnicodeEncodeError, OverflowError) as error:
        raise ValueError(f"event {event} cannot be recorded: {error}") from None


def event_bytes(event: Packets | SingleEvent, encoded: bytes) -> int:
    """Bytes that an event takes in a window; encoded: a single event's JSON."""
    return len(event.data) + 20 * len(event) if isinstance(event, Packets) else len(encoded) + 1


def encode_trailer(first_seq: int, last_seq: int, events: list[bytes]) -> bytes:
    """The trailer of a window from encoded events."""
    return b'{"first_seq":%d,"last_seq":%d,"events":[%s]}' % (first_seq, last_seq, b",".join(events))


def decode_trailer(message: memoryview) -> tuple[int, int, list[SingleEvent]]:
    """``(first_seq, last_seq, events)`` of a window's trailer. Raises ValueError."""
    try:
        trailer = _decode_trailer(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"events do not decode: {error}") from None
    # most of them are heartbeats
    events: list[SingleEvent] = [
        Heartbeat(row.seq, row.arrival_ns) if type(row) is _Heartbeat else _EVENTS[type(row)](*astuple(row))
        for row in trailer.events
    ]
    return trailer.first_seq, trailer.last_seq, events
