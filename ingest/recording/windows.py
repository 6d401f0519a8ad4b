"""The windows of a recording, as bytes: records cut out of the file, decompressed, checked, and collected into events.

A record is read only if its length is plausible, and a window only if its decompressed size is: memory is bounded by the
recorder's own limits, whatever the file claims.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np
import zstandard
from mcap.opcode import Opcode

from body_signals import LONGEST_SESSION_S, Event, SingleEvent
from ingest.recording.messages import PacketGather, decode_trailer, edge_arrivals, latest_arrival, split_packets

RECORD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQI")
_CHUNK_COMPRESSION = b"\x04\x00\x00\x00zstd"
_CHUNK_HEAD = _CHUNK.size + len(_CHUNK_COMPRESSION) + 8
_MESSAGE = struct.Struct("<BQHIQQ")
_MESSAGE_FIELDS = _MESSAGE.size - RECORD.size
DATA_END_BYTES = RECORD.size + 4
SHORTEST_CHUNK = RECORD.size + _CHUNK_HEAD
_MOST_BYTES = 32 << 20
"""Largest decompressed window, bytes (ours): the recorder ends a window at `WINDOW_BYTES`."""
_MOST_PACKED_BYTES = _MOST_BYTES + (1 << 20)
_MOST_HEAD_BYTES = 1 << 20
"""Largest other record, bytes (ours)."""
WINDOW_BYTES = 4 << 20
"""Size, bytes, at which the recorder ends a window early; half a second of the fastest serial lines is less (ours)."""
STRETCH_BYTES = 16 << 20
"""Most bytes of windows collected together: two minutes of eight fast sensors are half of it (ours)."""


class Torn(Exception):
    """The file ends inside a record."""


class Damaged(Exception):
    """A record that the recorder cannot have written."""


def read_record(file: BinaryIO, left: int) -> tuple[int, bytes, bytes]:
    """Opcode, head and content of the record at the file's position; `left` bytes remain in the file."""
    head = file.read(RECORD.size)
    if len(head) < RECORD.size:
        raise Torn("the file ends")
    opcode, length = RECORD.unpack(head)
    if length > left - RECORD.size:
        # the beginning of a torn record is sound; a damaged length disagrees with the record's own fields
        begin = file.read(_CHUNK_HEAD)
        if opcode not in _OWN_RECORDS or length > _MOST_PACKED_BYTES:
            raise Damaged("a record whose length or kind has changed")
        if (
            opcode == Opcode.CHUNK
            and len(begin) == _CHUNK_HEAD
            and length != _CHUNK_HEAD + int.from_bytes(begin[-8:], "little")
        ):
            raise Damaged("a window whose length has changed")
        raise Torn("the file ends inside a record")
    most = _MOST_PACKED_BYTES if opcode == Opcode.CHUNK else _MOST_HEAD_BYTES
    if length > most:
        raise Damaged(f"a record of {length} bytes, where the recorder writes {most} at most")
    content = file.read(length)
    if len(content) < length:
        raise Torn("the file ends inside a record")
    return opcode, head, content


_OWN_RECORDS = frozenset({Opcode.HEADER, Opcode.METADATA, Opcode.CHANNEL, Opcode.CHUNK, Opcode.DATA_END, Opcode.FOOTER})


def decompressed(content: bytes, decompress: Any) -> bytes:
    if len(content) < _CHUNK_HEAD or content[_CHUNK.size : _CHUNK_HEAD - 8] != _CHUNK_COMPRESSION:
        raise Damaged("a window whose head has changed")
    _, _, size, crc = _CHUNK.unpack_from(content)
    packed = content[_CHUNK_HEAD:]
    if int.from_bytes(content[_CHUNK_HEAD - 8 : _CHUNK_HEAD], "little") != len(packed):
        raise Damaged("a window whose length has changed")
    if size > _MOST_BYTES:
        unfolded, most = size / 1e6, _MOST_BYTES / 1e6
        raise Damaged(f"a window that decompresses to {unfolded:.0f} MB, where the recorder writes {most:.0f} MB at most")
    try:
        if zstandard.frame_content_size(packed) != size:
            raise Damaged("a window whose size has changed")
        data: bytes = decompress(packed)
    except zstandard.ZstdError:
        raise Damaged("a window that does not decompress") from None
    if zlib.crc32(data) != crc:
        raise Damaged("a window that does not fit its checksum")
    return data


def window_of(data: bytes, sensors: int) -> tuple[list[tuple[int, int, int]], tuple[int, int, list[SingleEvent]]]:
    """Packet messages ``(sensor number, begin, end)`` of a decompressed window, and its trailer."""
    packets: list[tuple[int, int, int]] = []
    at = 0
    try:
        while True:
            opcode, length, channel, _, _, _ = _MESSAGE.unpack_from(data, at)
            begin, at = at + _MESSAGE.size, at + RECORD.size + length
            if opcode != Opcode.MESSAGE or length < _MESSAGE_FIELDS or not 1 <= channel <= sensors + 1:
                raise ValueError("a window with other records than messages")
            if channel > sensors:
                break
            packets.append((channel - 1, begin, at))
        trailer = decode_trailer(memoryview(data)[begin:at])
    except (struct.error, ValueError) as error:
        raise Damaged(f"a window without a sound trailer ({error})") from None
    if at != len(data):
        raise Damaged(f"a window that lacks some of the events {trailer[0]} to {trailer[1]}, or has more behind them")
    return packets, trailer


class SessionClock:
    """Duration of the session by the arrival times of its events: a jump beyond the longest session is damage."""

    def __init__(self) -> None:
        self._first_ns: int | None = None

    def take(self, latest_ns: int, arrivals: Callable[[], Sequence[tuple[int, int]]]) -> None:
        """Take a window's latest arrival, in ns. arrivals: gives sequence numbers and arrival times, the window's first event
        and its latest one among them; asked for only where they matter. Raises `Damaged` that names the event with the jump."""
        if self._first_ns is None:
            self._first_ns = min(arrivals())[1]
        if latest_ns - self._first_ns > LONGEST_SESSION_S * 1e9:
            seq, _ = max(arrivals(), key=lambda arrival: arrival[1])
            hours, most = (latest_ns - self._first_ns) / 3.6e12, LONGEST_SESSION_S / 3600
            raise Damaged(f"event {seq} comes {hours:.1f} h after the first one, and a session lasts {most:.0f} h at most")


def gather(
    gathers: list[PacketGather],
    window: bytes,
    packets: list[tuple[int, int, int]],
    first_seq: int,
    last_seq: int,
    singles: list[SingleEvent],
    clock: SessionClock,
) -> None:
    """Add a whole window to the collection, or nothing of it. Raises `Damaged`."""
    due = last_seq - first_seq + 1 - len(singles)
    try:
        split = [(sensor, *split_packets(window, begin, end)) for sensor, begin, end in packets]
    except ValueError as error:
        raise Damaged(f"a window with an unsound message ({error})") from None
    if sum(n for _, n, _ in split) != due:
        raise Damaged(f"a window that lacks some of the events {first_seq} to {last_seq}")
    latest = [event.arrival_ns for event in singles]
    latest += [latest_arrival(parts) for _, n, parts in split if n]
    if latest:

        def arrivals() -> list[tuple[int, int]]:
            """Of the single events, and of each sensor's first and last packet."""
            edges = [edge for _, n, parts in split if n for edge in edge_arrivals(parts)]
            return [*((event.seq, event.arrival_ns) for event in singles), *edges]

        clock.take(max(latest), arrivals)
    for sensor, n, parts in split:
        gathers[sensor].add(n, parts)


def events_of(gathers: list[PacketGather], others: list[SingleEvent]) -> list[Event]:
    """The collected windows as events. Raises `Damaged` when a sequence number occurs twice (so that another is missing)."""
    try:
        packets = [gather.take() for gather in gathers if gather.count]
        seqs = np.concatenate([*(p.seq for p in packets), np.array([e.seq for e in others], np.int64)])
    except OverflowError:
        raise Damaged("an event whose sequence number is too large") from None
    except ValueError as error:
        raise Damaged(f"an unsound stretch ({error})") from None
    # each sensor's are in order: to merge them takes an eighth of the time of sorting them anew
    seqs.sort(kind="stable")
    if len(seqs) and not np.array_equal(seqs, np.arange(seqs[0], seqs[0] + len(seqs))):
        raise Damaged(f"a stretch that lacks some of the events {seqs[0]} to {seqs[-1]}")
    return [*packets, *others]
