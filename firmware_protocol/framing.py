"""Frames on a serial line: COBS(message ‖ CRC-32) ‖ 00, and the reader that finds them in any byte stream.

The zero byte occurs nowhere inside a frame, so after rubbish or a lost byte the next zero puts the reader in step
again. CRC-32 is that of zlib and Ethernet, little-endian. Bytes that are not a frame are counted and skipped.
COBS: Cheshire & Baker, Consistent Overhead Byte Stuffing, IEEE/ACM Trans. Networking 7 (1999), doi:10.1109/90.769765.
"""

from __future__ import annotations

import zlib

from cobs import cobs

from firmware_protocol.codec import Health

MAX_MESSAGE = 1024
"""Longest message on a serial line, bytes (docs/protocol-v1.md)."""
_CRC = 4
MAX_FRAME = MAX_MESSAGE + _CRC + (MAX_MESSAGE + _CRC) // 254 + 1
"""Longest encoded frame without its zero, bytes; also the most that a reader buffers."""


def frame_serial(message: bytes) -> bytes:
    """The frame of `message`, with its closing zero. Raises ValueError for an empty or too long message."""
    if not 1 <= len(message) <= MAX_MESSAGE:
        raise ValueError(f"a message has 1 to {MAX_MESSAGE} bytes, not {len(message)}")
    return bytes(cobs.encode(message + zlib.crc32(message).to_bytes(_CRC, "little"))) + b"\x00"


class Deframer:
    """Cuts a byte stream into messages; the same messages and counts however the stream is cut.

    Counts ``checksum`` (CRC wrong), ``framing`` (no valid COBS, or shorter than a CRC and one byte) and ``oversized``.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._rest = b""
        self._skipping = False
        """Inside a frame that is too long: everything up to the next zero goes, and was counted."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Messages completed by `data`, each with the offset in `data` of the zero that completed it."""
        if not data:
            return []
        end = -len(self._rest) - 1
        *frames, rest = (self._rest + data).split(b"\x00")
        messages = []
        for frame in frames:
            end += len(frame) + 1
            if self._skipping:
                self._skipping = False
                continue
            message = self._open(frame)
            if message is not None:
                messages.append((end, message))
        if not self._skipping and len(rest) > MAX_FRAME:
            self._health.count("oversized")
            self._skipping = True
        self._rest = b"" if self._skipping else rest
        return messages

    def _open(self, frame: bytes) -> bytes | None:
        if not frame:
            return None  # zeros between frames are padding
        if len(frame) > MAX_FRAME:
            self._health.count("oversized")
            return None
        try:
            content = bytes(cobs.decode(frame))
        except cobs.DecodeError:
            self._health.count("framing")
            return None
        if len(content) <= _CRC:
            self._health.count("framing")
            return None
        message = content[:-_CRC]
        if zlib.crc32(message) != int.from_bytes(content[-_CRC:], "little"):
            self._health.count("checksum")
            return None
        return message
