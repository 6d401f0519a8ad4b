"""Reads a raw recording window by window, in memory that does not grow with it; also one that broke off or is damaged.

What is missing at the end (a killed process, a copy cut short) is a warning: everything before it is read. Damage with
more data after it is an error that names the place, because what follows would be silently missing; `salvage` reads
up to there with a warning. A window counts only with its trailer and with every sequence number that the trailer says.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, DataEnd, Header, Metadata
from mcap.writer import MCAP0_MAGIC

from ingest.recording_messages import PacketGather, decode_trailer, split_packets
from ingest.session_toml import session_from_dict
from signals.errors import HiphingeError
from signals.events import Event, SingleEvent
from signals.session import Session

PROFILE = "hiphinge"
HEAD_NAME = "hiphinge.session"
EVENTS_TOPIC = "/events"

_RECORD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQI")
_CHUNK_COMPRESSION = b"\x04\x00\x00\x00zstd"
_CHUNK_HEAD = _CHUNK.size + len(_CHUNK_COMPRESSION) + 8
_MESSAGE = struct.Struct("<BQHIQQ")
_MESSAGE_FIELDS = _MESSAGE.size - _RECORD.size
_CLOSING = bytes((Opcode.FOOTER,)) + struct.pack("<Q", 20)
_CLOSING_BYTES = len(_CLOSING) + 20 + len(MCAP0_MAGIC)
_DATA_END_BYTES = _RECORD.size + 4
_SHORTEST_CHUNK = _RECORD.size + _CHUNK_HEAD
_MOST_BYTES = 1 << 28
"""A window beyond 256 MB is no window but a damaged length."""


_BUFFER_BYTES = 1 << 16
STRETCH_WINDOWS = 240
"""Flush windows to read at a time in a replay: long enough to compute in bulk, short enough to stay small."""


def sensor_topic(key: str) -> str:
    """The topic of a sensor's packets."""
    return f"/sensor/{key}"


def read_recording(path: Path, *, salvage: bool = False) -> Recording:
    """Open the recording at `path`. Raises `HiphingeError` when it is none or broke off before its head was written.

    salvage: read up to damage in the middle with a warning, where otherwise `Recording.batches` raises.
    """
    return Recording(path, salvage)


class _Torn(Exception):
    """The file ends inside a record."""


class _Damaged(Exception):
    """A record cannot be what was written."""


class Recording:
    """A recording on disk. `warnings` are complete when `batches` has been read to the end."""

    def __init__(self, path: Path, salvage: bool = False) -> None:
        self._path, self._salvage = path, salvage
        self.warnings: list[str] = []
        """What a reader should know, in words: a torn end with the bytes dropped, salvaged damage."""
        self.bytes_read = 0
        """How far the latest `batches` has come; with `size_bytes` for progress."""
        with self._open() as file:
            file.seek(0, 2)
            self.size_bytes = file.tell()
            file.seek(max(0, self.size_bytes - _CLOSING_BYTES))
            closing = file.read()
            self._closed = closing.startswith(_CLOSING) and closing.endswith(MCAP0_MAGIC)
            file.seek(0)
            self.session, self._windows_at, self._head_crc = self._read_head(file)

    @property
    def complete(self) -> bool:
        """The recorder closed the file and no damage was met so far."""
        return self._closed and not self.warnings

    def batches(self, windows: int = 1) -> Iterator[list[Event]]:
        """The events in order, `windows` flush windows at a time (the last time fewer); each a list with one `Packets` per
        sensor that sent any, and the other events.

        Sequence numbers of a list are contiguous and follow on from the list before. Within a list, packets come first, by
        sensor in the session's order, then the other events by sequence number.
        Raises `HiphingeError` at damage that is followed by more data, unless salvaging.
        """
        decompress = zstandard.ZstdDecompressor().decompress
        gathers = [PacketGather(sensor.key) for sensor in self.session.sensors]
        others: list[SingleEvent] = []
        gathered = 0
        with self._open() as file:
            file.seek(self._windows_at)
            at, next_seq, crc = self._windows_at, None, self._head_crc
            count = 0
            stop: tuple[_Torn | _Damaged, int, int, int] | None = None
            while True:
                self.bytes_read = at
                try:
                    opcode, head, content = _read_record(file, self.size_bytes - at)
                    if opcode == Opcode.DATA_END and len(content) == _DATA_END_BYTES - _RECORD.size:
                        self._check_end(content, crc)
                        break
                    if opcode != Opcode.CHUNK:
                        raise _Damaged(f"an unexpected record 0x{opcode:02X}")
                    packets, (first_seq, last_seq, singles) = _window(_decompressed(content, decompress), len(gathers))
                    if next_seq is not None and first_seq != next_seq:
                        raise _Damaged(f"a window that begins with event {first_seq} where {next_seq} is due")
                    _gather(gathers, packets, first_seq, last_seq, len(singles))
                except (_Torn, _Damaged) as fault:
                    stop = (fault, at, file.tell(), count)
                    break
                others.extend(singles)
                gathered += 1
                if gathered >= windows:
                    try:
                        stretch = _events(gathers, others)
                    except _Damaged as fault:
                        self._stop(fault, at, file.tell(), count)
                        return
                    yield stretch
                    others, gathered = [], 0
                next_seq = last_seq + 1
                crc = zlib.crc32(content, zlib.crc32(head, crc))
                at += _RECORD.size + len(content)
                count += 1
        if gathered:
            try:
                stretch = _events(gathers, others)
            except _Damaged as fault:
                stop, stretch = (fault, at, at, count), []
            yield stretch
        if stop is not None:
            self._stop(*stop)

    def _stop(self, fault: _Torn | _Damaged, at: int, read_to: int, windows: int) -> None:
        """Warn of a torn end; raise for damage in the middle."""
        left = self.size_bytes - at
        if self._closed:
            tail = left <= _DATA_END_BYTES + _CLOSING_BYTES
        else:
            tail = isinstance(fault, _Torn) or left < _SHORTEST_CHUNK or self._only_zeros(read_to)
        if tail:
            dropped = f"{left} bytes after byte {at} are dropped" if left else "nothing is dropped"
            self._warn(f"{self._path.name} breaks off after {windows} whole windows: {dropped}")
        elif self._salvage:
            self._warn(f"{self._path.name} is damaged at byte {at}: {fault}; {left} bytes from there on are not read")
        else:
            raise HiphingeError(
                f"the recording is damaged at byte {at} of {self.size_bytes}: {fault}",
                str(self._path),
                f"Restore the file from a copy; the {windows} windows before the damage can be salvaged: "
                "hiphinge replay --salvage.",
            )

    def _only_zeros(self, at: int) -> bool:
        """A file system that lost power may leave zeros where data were meant to come."""
        with self._open() as file:
            file.seek(at)
            return not any(piece.strip(b"\x00") for piece in iter(lambda: file.read(1 << 20), b""))

    def _check_end(self, content: bytes, crc: int) -> None:
        if DataEnd.read(ReadDataStream(BytesIO(content))).data_section_crc != crc:
            self._warn(f"{self._path.name}: a byte outside the windows has changed; every window is sound")
        elif not self._closed:
            self._warn(f"{self._path.name} was not closed: its last bytes are missing, every window is there")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb", _BUFFER_BYTES)
        except FileNotFoundError:
            raise HiphingeError("file not found", str(self._path), "Check the path of the recording.") from None
        except OSError as error:
            raise HiphingeError(f"cannot be read: {error.strerror}", str(self._path), "Check path and permissions.") from error

    def _read_head(self, file: BinaryIO) -> tuple[Session, int, int]:
        magic = file.read(len(MCAP0_MAGIC))
        if magic != MCAP0_MAGIC:
            what = "the file is empty" if not magic else "not an MCAP file"
            raise HiphingeError(what, str(self._path), "Give a recording.mcap that hiphinge wrote, or its session folder.")
        crc = zlib.crc32(magic)
        session: Session | None = None
        channels = 0
        try:
            while session is None or channels <= len(session.sensors):
                opcode, head, content = _read_record(file, self.size_bytes - file.tell())
                crc = zlib.crc32(content, zlib.crc32(head, crc))
                stream = ReadDataStream(BytesIO(content))
                if opcode == Opcode.HEADER and (profile := Header.read(stream).profile) != PROFILE:
                    raise HiphingeError(
                        f"an MCAP file of profile {profile!r}",
                        str(self._path),
                        "Only recordings that hiphinge wrote can be read.",
                    )
                if opcode == Opcode.METADATA and session is None:
                    session = self._session(Metadata.read(stream))
                elif opcode == Opcode.CHANNEL and session is not None:
                    _check_channel(Channel.read(stream), channels, session)
                    channels += 1
                elif opcode != Opcode.HEADER:
                    raise _Damaged(f"an unexpected record 0x{opcode:02X}")
        except _Torn:
            raise HiphingeError(
                "the recording broke off before its head was written", str(self._path), "It holds no data; remove the session."
            ) from None
        except (_Damaged, McapError, msgspec.MsgspecError, struct.error, ValueError) as fault:
            raise HiphingeError(
                f"the head of the recording is damaged: {fault}", str(self._path), "Restore the file from a copy."
            ) from None
        return session, file.tell(), crc

    def _session(self, head: Metadata) -> Session:
        text = head.metadata.get("session", "").encode()
        if head.name != HEAD_NAME or f"{zlib.crc32(text):08x}" != head.metadata.get("crc32"):
            raise _Damaged("the session's description does not fit its checksum")
        return session_from_dict(msgspec.json.decode(text, type=dict[str, Any]), str(self._path))


def _check_channel(channel: Channel, number: int, session: Session) -> None:
    topics = [*(sensor_topic(sensor.key) for sensor in session.sensors), EVENTS_TOPIC]
    if (channel.id, channel.topic) != (number + 1, topics[number]):
        raise _Damaged(f"channel {channel.id} is {channel.topic!r}, expected {number + 1} {topics[number]!r}")


def _read_record(file: BinaryIO, left: int) -> tuple[int, bytes, bytes]:
    """Opcode, head and content of the record at the file's position; `left` bytes remain in the file."""
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        raise _Torn("the file ends")
    opcode, length = _RECORD.unpack(head)
    if length > left - _RECORD.size:
        # a torn record is sound as far as it goes; a damaged length does not agree with the record's own fields
        begin = file.read(_CHUNK_HEAD)
        if opcode not in _OWN_RECORDS or length > _MOST_BYTES:
            raise _Damaged("a record whose length or kind has changed")
        if (
            opcode == Opcode.CHUNK
            and len(begin) == _CHUNK_HEAD
            and length != _CHUNK_HEAD + int.from_bytes(begin[-8:], "little")
        ):
            raise _Damaged("a window whose length has changed")
        raise _Torn("the file ends inside a record")
    content = file.read(length)
    if len(content) < length:
        raise _Torn("the file ends inside a record")
    return opcode, head, content


_OWN_RECORDS = frozenset({Opcode.HEADER, Opcode.METADATA, Opcode.CHANNEL, Opcode.CHUNK, Opcode.DATA_END, Opcode.FOOTER})


def _decompressed(content: bytes, decompress: Any) -> bytes:
    if len(content) < _CHUNK_HEAD or content[_CHUNK.size : _CHUNK_HEAD - 8] != _CHUNK_COMPRESSION:
        raise _Damaged("a window whose head has changed")
    _, _, size, crc = _CHUNK.unpack_from(content)
    packed = content[_CHUNK_HEAD:]
    if int.from_bytes(content[_CHUNK_HEAD - 8 : _CHUNK_HEAD], "little") != len(packed) or size > _MOST_BYTES:
        raise _Damaged("a window whose length has changed")
    try:
        if zstandard.frame_content_size(packed) != size:
            raise _Damaged("a window whose size has changed")
        data: bytes = decompress(packed)
    except zstandard.ZstdError:
        raise _Damaged("a window that does not decompress") from None
    if zlib.crc32(data) != crc:
        raise _Damaged("a window that does not fit its checksum")
    return data


def _window(data: bytes, sensors: int) -> tuple[list[tuple[int, bytes]], tuple[int, int, list[SingleEvent]]]:
    """Packet messages ``(sensor number, body)`` of a decompressed window, and its trailer."""
    packets: list[tuple[int, bytes]] = []
    at = 0
    try:
        while True:
            opcode, length, channel, *_ = _MESSAGE.unpack_from(data, at)
            body = data[at + _MESSAGE.size : at + _RECORD.size + length]
            at += _RECORD.size + length
            if opcode != Opcode.MESSAGE or length < _MESSAGE_FIELDS or not 1 <= channel <= sensors + 1:
                raise ValueError("a window with other records than messages")
            if channel > sensors:
                break
            packets.append((channel - 1, body))
        trailer = decode_trailer(body)
    except (struct.error, ValueError) as error:
        raise _Damaged(f"a window without a sound trailer ({error})") from None
    if at != len(data):
        raise _Damaged(f"a window that lacks some of the events {trailer[0]} to {trailer[1]}, or has more behind them")
    return packets, trailer


def _gather(gathers: list[PacketGather], packets: list[tuple[int, bytes]], first_seq: int, last_seq: int, singles: int) -> None:
    """Add a whole window to what is gathered, or nothing of it. Raises `_Damaged`."""
    due = last_seq - first_seq + 1 - singles
    try:
        split = [(sensor, *split_packets(body)) for sensor, body in packets]
    except ValueError as error:
        raise _Damaged(f"a window with an unsound message ({error})") from None
    if sum(n for _, n, _ in split) != due:
        raise _Damaged(f"a window that lacks some of the events {first_seq} to {last_seq}")
    for sensor, n, parts in split:
        gathers[sensor].add(n, parts)


def _events(gathers: list[PacketGather], others: list[SingleEvent]) -> list[Event]:
    """What was gathered, as events. Raises `_Damaged` when a sequence number is there twice (and so another is not)."""
    try:
        packets = [gather.take() for gather in gathers if gather.count]
        seqs = np.concatenate([*(p.seq for p in packets), np.array([e.seq for e in others], np.int64)])
    except OverflowError:
        raise _Damaged("an event whose sequence number is too large") from None
    except ValueError as error:
        raise _Damaged(f"an unsound stretch ({error})") from None
    seqs.sort()
    if len(seqs) and not np.array_equal(seqs, np.arange(seqs[0], seqs[0] + len(seqs))):
        raise _Damaged(f"a stretch that lacks some of the events {seqs[0]} to {seqs[-1]}")
    return [*packets, *others]
