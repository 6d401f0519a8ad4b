"""Reads a raw recording window by window in bounded memory, even one that broke off or is damaged.

A missing end (a killed process, a copy cut short) is a warning: everything before it is read. Damage with more data after
it is an error that names the place, because the rest would be silently missing; `salvage` reads up to there with a warning. A
window counts only with its trailer and with every sequence number that the trailer states.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, DataEnd, Header, Metadata
from mcap.writer import MCAP0_MAGIC

from body_signals import Event, HiphingeError, Session, SingleEvent
from ingest.heads.session_toml import session_from_dict
from ingest.recording.messages import PacketGather
from ingest.recording.windows import (
    DATA_END_BYTES,
    RECORD,
    SHORTEST_CHUNK,
    STRETCH_BYTES,
    Damaged,
    SessionClock,
    Torn,
    decompressed,
    events_of,
    gather,
    read_record,
    window_of,
)
from on_disk import json_document, open_file

PROFILE = "hiphinge"
HEAD_NAME = "hiphinge.session"
EVENTS_TOPIC = "/events"

_CLOSING = bytes((Opcode.FOOTER,)) + struct.pack("<Q", 20)
_CLOSING_BYTES = len(_CLOSING) + 20 + len(MCAP0_MAGIC)
_BUFFER_BYTES = 1 << 16
"""Size of the file's buffer, bytes (ours)."""
STRETCH_WINDOWS = 480
"""Flush windows to read at a time in a replay: long enough to compute in bulk, short enough to stay small (ours)."""


def sensor_topic(key: str) -> str:
    """The topic of a sensor's packets."""
    return f"/sensor/{key}"


def read_recording(path: Path, *, salvage: bool = False) -> Recording:
    """Open the recording at `path`. Raises `HiphingeError` when it is not a recording or broke off before its head was written.

    salvage: read up to damage in the middle with a warning, where otherwise `Recording.batches` raises.
    """
    return Recording(path, salvage)


class Recording:
    """A recording on disk. `warnings` are complete when `batches` has been read to the end."""

    def __init__(self, path: Path, salvage: bool = False) -> None:
        self._path, self._salvage = path, salvage
        self.warnings: list[str] = []
        """Warnings in words: a torn end with the bytes dropped, salvaged damage."""
        self.bytes_read = 0
        """Bytes that the latest `batches` has read; with `size_bytes` for progress."""
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
        """The events in order, `windows` flush windows at a time (fewer the last time, and of very large ones); each a list
        with one `Packets` per sensor that sent any, and the other events.

        Sequence numbers of a list are contiguous and follow on from the list before. Within a list, packets come first, by
        sensor in the session's order, then the other events by sequence number.
        Raises `HiphingeError` at damage that is followed by more data, unless salvaging.
        """
        decompress = zstandard.ZstdDecompressor().decompress
        gathers = [PacketGather(sensor.key) for sensor in self.session.sensors]
        others: list[SingleEvent] = []
        gathered = unfolded = 0
        clock = SessionClock()
        with self._open() as file:
            file.seek(self._windows_at)
            at, next_seq, crc = self._windows_at, None, self._head_crc
            count = 0
            stop: tuple[Torn | Damaged, int, int, int] | None = None
            while True:
                self.bytes_read = at
                try:
                    opcode, head, content = read_record(file, self.size_bytes - at)
                    if opcode == Opcode.DATA_END and len(content) == DATA_END_BYTES - RECORD.size:
                        self._check_end(content, crc)
                        break
                    if opcode != Opcode.CHUNK:
                        raise Damaged(f"an unexpected record 0x{opcode:02X}")
                    window = decompressed(content, decompress)
                    packets, (first_seq, last_seq, singles) = window_of(window, len(gathers))
                    if next_seq is not None and first_seq != next_seq:
                        raise Damaged(f"a window that begins with event {first_seq} where {next_seq} is due")
                    gather(gathers, window, packets, first_seq, last_seq, singles, clock)
                except (Torn, Damaged) as fault:
                    stop = (fault, at, file.tell(), count)
                    break
                others.extend(singles)
                gathered += 1
                unfolded += len(window)
                if gathered >= windows or unfolded >= STRETCH_BYTES:
                    try:
                        stretch = events_of(gathers, others)
                    except Damaged as fault:
                        self._stop(fault, at, file.tell(), count)
                        return
                    yield stretch
                    others, gathered, unfolded = [], 0, 0
                next_seq = last_seq + 1
                crc = zlib.crc32(content, zlib.crc32(head, crc))
                at += RECORD.size + len(content)
                count += 1
        if gathered:
            try:
                stretch = events_of(gathers, others)
            except Damaged as fault:
                stop, stretch = (fault, at, at, count), []
            yield stretch
        if stop is not None:
            self._stop(*stop)

    def _stop(self, fault: Torn | Damaged, at: int, read_to: int, windows: int) -> None:
        """Warn of a torn end; raise for damage in the middle."""
        left = self.size_bytes - at
        if self._closed:
            tail = left <= DATA_END_BYTES + _CLOSING_BYTES
        else:
            tail = isinstance(fault, Torn) or left < SHORTEST_CHUNK or self._only_zeros(read_to)
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
            file.seek(_data_from(file, at))
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
            return open_file(self._path, _BUFFER_BYTES)
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
                opcode, head, content = read_record(file, self.size_bytes - file.tell())
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
                    raise Damaged(f"an unexpected record 0x{opcode:02X}")
        except Torn:
            raise HiphingeError(
                "the recording broke off before its head was written", str(self._path), "It holds no data; remove the session."
            ) from None
        except (Damaged, McapError, msgspec.MsgspecError, struct.error, ValueError, RecursionError) as fault:
            raise HiphingeError(
                f"the head of the recording is damaged: {fault}", str(self._path), "Restore the file from a copy."
            ) from None
        return session, file.tell(), crc

    def _session(self, head: Metadata) -> Session:
        text = head.metadata.get("session", "").encode()
        if head.name != HEAD_NAME or f"{zlib.crc32(text):08x}" != head.metadata.get("crc32"):
            raise Damaged("the session's description does not fit its checksum")
        head_of_session = json_document(text)
        if not isinstance(head_of_session, dict):
            raise Damaged("the session's description is not valid")
        return session_from_dict(head_of_session, str(self._path))


def _check_channel(channel: Channel, number: int, session: Session) -> None:
    topics = [*(sensor_topic(sensor.key) for sensor in session.sensors), EVENTS_TOPIC]
    if (channel.id, channel.topic) != (number + 1, topics[number]):
        raise Damaged(f"channel {channel.id} is {channel.topic!r}, expected {number + 1} {topics[number]!r}")


def _data_from(file: BinaryIO, at: int) -> int:
    """Place of the first bytes, from `at` on, that are not a hole in a sparse file; `at` where the system cannot say."""
    try:
        return os.lseek(file.fileno(), at, os.SEEK_DATA)
    except AttributeError:
        return at
    except OSError as error:
        return os.fstat(file.fileno()).st_size if error.errno == errno.ENXIO else at
