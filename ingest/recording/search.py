"""The text of a raw recording, damaged or not, for searching a name: its head, and everything but its samples.

Reads a record at a time and decompresses a window in bounded memory. Never fails at damage: it reports the unreadable parts.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Header, Metadata
from mcap.writer import MCAP0_MAGIC

from ingest.recording.reader import HEAD_NAME, PROFILE

_RECORD = struct.Struct("<BQ")
_CHUNK = struct.Struct("<QQQI")
_MESSAGE = struct.Struct("<BQHIQQ")
_PIECE = 1 << 20
"""Bytes searched together (ours)."""
_LARGEST_HEAD = 4 << 20
"""Most bytes from the start in which the head is searched for (ours)."""
_LARGEST_WINDOW = 64 << 20
"""Largest decompressed window that is searched, bytes (ours); the recorder ends a window at 4 MB."""
_DECOMPRESSOR = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
_ATHLETE = re.compile(rb'"athlete"\s*:\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, slots=True)
class RecordingHead:
    """athlete: from a sound head; legible: ids that can be read in a damaged head; fault: why it is not sound."""

    athlete: str | None = None
    legible: str | None = None
    fault: str = ""
    sensors: int = 0


def recording_head(path: Path) -> RecordingHead:
    """The head of the recording at `path`. OSError where the file cannot be read."""
    with path.open("rb") as file:
        begin = file.read(_LARGEST_HEAD)
    try:
        return _sound_head(begin)
    except (McapError, msgspec.MsgspecError, struct.error, ValueError, KeyError, TypeError) as error:
        found = _ATHLETE.search(begin)
        legible = None
        if found is not None:
            try:
                legible = msgspec.json.decode(found[1], type=str)
            except msgspec.MsgspecError:
                legible = None
        return RecordingHead(None, legible, f"the head of the recording cannot be read ({error})")


def _sound_head(begin: bytes) -> RecordingHead:
    if not begin:
        raise ValueError("the file is empty")
    if not begin.startswith(MCAP0_MAGIC):
        raise ValueError("not an MCAP file")
    at = len(MCAP0_MAGIC)
    while True:
        opcode, length = _RECORD.unpack_from(begin, at)
        content = begin[at + _RECORD.size : at + _RECORD.size + length]
        if len(content) < length:
            raise ValueError("it breaks off")
        at += _RECORD.size + length
        stream = ReadDataStream(BytesIO(content))
        if opcode == Opcode.HEADER and Header.read(stream).profile != PROFILE:
            raise ValueError("another program's")
        if opcode == Opcode.METADATA:
            break
        if opcode != Opcode.HEADER:
            raise ValueError("an unexpected record")
    head = Metadata.read(stream)
    text = head.metadata["session"].encode()
    if head.name != HEAD_NAME or f"{zlib.crc32(text):08x}" != head.metadata["crc32"]:
        raise ValueError("it does not fit its checksum")
    session = msgspec.json.decode(text)
    return RecordingHead(str(session["athlete"]["id"]), sensors=len(session["sensor"]))


def recording_text(path: Path, sensors: int, unread: list[str]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of the recording's content, and whether a piece is noise (samples, or bytes that are still compressed).

    sensors: number of sensors in its sound head, so that their samples can be left out; 0: nothing is left out. `unread` lists
    the parts that cannot be read; a torn end is not a fault. OSError where the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        yield file.read(len(MCAP0_MAGIC)), True
        while head := file.read(_RECORD.size):
            at = file.tell()
            if len(head) < _RECORD.size:
                yield head, True
                return
            opcode, length = _RECORD.unpack(head)
            if length > size - at or not opcode:
                yield from ((piece, True) for piece in iter(lambda: file.read(_PIECE), b""))
                return
            if opcode == Opcode.CHUNK:
                yield from _window(file, length, sensors, unread, at)
            else:
                yield from ((piece, False) for piece in _pieces(file, length))
            file.seek(at + length)


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := file.read(min(length, _PIECE))):
        length -= len(piece)
        yield piece


def _window(file: BinaryIO, length: int, sensors: int, unread: list[str], at: int) -> Iterator[tuple[bytes, bool]]:
    try:
        content = _unfolded(file, length)
    except (struct.error, ValueError, zstandard.ZstdError, UnicodeDecodeError) as error:
        if not unread:
            unread.append(f"a window at byte {at} cannot be decompressed ({error})")
        file.seek(at)
        yield from ((piece, True) for piece in _pieces(file, length))
        return
    if not sensors:
        yield content, True
        return
    begin = 0
    while begin + _MESSAGE.size <= len(content):
        opcode, size, channel, *_ = _MESSAGE.unpack_from(content, begin)
        end = begin + _RECORD.size + size
        if opcode != Opcode.MESSAGE or not 1 <= channel <= sensors:
            yield content[begin + min(_MESSAGE.size, end - begin) : end], False
        begin = max(end, begin + 1)
    # an incomplete record
    yield content[begin:], True


def _unfolded(file: BinaryIO, length: int) -> bytes:
    _CHUNK.unpack(file.read(_CHUNK.size))
    (named,) = struct.unpack("<I", file.read(4))
    compression = file.read(min(named, 64)).decode()
    (packed,) = struct.unpack("<Q", file.read(8))
    body = length - _CHUNK.size - 4 - named - 8
    if packed != body or body > _LARGEST_WINDOW:
        raise ValueError("its length has changed")
    data = file.read(body)
    if compression == "":
        return data
    if compression != "zstd":
        raise ValueError(f"compressed with {compression!r}")
    if not 0 <= zstandard.frame_content_size(data) <= _LARGEST_WINDOW:
        raise ValueError(f"it may decompress to more than {_LARGEST_WINDOW >> 20} MB")
    content: bytes = _DECOMPRESSOR.decompress(data)
    return content
