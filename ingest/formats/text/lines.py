"""Text files in blocks of whole lines: a file of any size, in bounded memory, each line with its number.

Lines are counted from 1 as an editor counts them, and end with LF, CR LF or CR. Blocks are UTF-8, whatever the file's encoding.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from body_signals import HiphingeError
from on_disk import open_file

UTF_8 = "utf-8"
_BLOCK_BYTES = 4 << 20
"""Bytes read at a time (ours): large enough for pyarrow, small enough for memory."""
_LONGEST_LINE = 1 << 20
"""Most bytes of a line (ours)."""
_MOST_BYTES = 64 << 30
"""Largest file, bytes: two days of a dozen sensors at 400 Hz (ours)."""
_PACKED = {
    b"\x1f\x8b": "gz",
    b"PK\x03\x04": "zip, or a spreadsheet: save that as CSV",
    b"BZh": "bz2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
}
"""How compressed files begin, and their kind."""
_SAVE_AS_UTF8 = "Save the file as plain UTF-8 text."


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines. first: number of the first line. text: UTF-8, each line ends with LF. broken_off: the file ends after this
    block, and its last line has no line end."""

    first: int
    text: bytes
    broken_off: bool

    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.text.decode(UTF_8).split("\n")[:-1]


def place(path: Path, line: int) -> str:
    """File and line as all messages write them."""
    return f"{path}, line {line}"


def fail(what: str, path: Path, line: int, remedy: str) -> NoReturn:
    """Raise `HiphingeError` at a line of a file."""
    raise HiphingeError(what, place(path, line), remedy)


def refuse_packed(head: bytes, where: str) -> None:
    """Raises `HiphingeError` where a file that begins like this is compressed. where: its name, as the message writes it."""
    kind = next((kind for begin, kind in _PACKED.items() if head.startswith(begin)), None)
    if kind is not None:
        raise HiphingeError(f"this is a compressed file ({kind})", where, "Unpack it first, and give what was in it.")


def lines(path: Path, encoding: str = UTF_8) -> Iterator[tuple[int, str]]:
    """Number and text of each line. Raises the errors of `line_blocks`."""
    for block in line_blocks(path, encoding, 1 << 16):
        yield from enumerate(block.lines(), block.first)


def line_blocks(path: Path, encoding: str = UTF_8, block_bytes: int = _BLOCK_BYTES) -> Iterator[LineBlock]:
    """The file at `path` in blocks of about `block_bytes`.

    Raises `HiphingeError` with the line for text in another encoding and for a line without an end, and when there is no file.
    """
    number, rest = 1, b""
    for piece, last in _pieces(path, encoding, block_bytes):
        text = rest + piece
        cut = len(text) if last else text.rfind(b"\n") + 1
        block, rest = text[:cut], text[cut:]
        if len(rest) > _LONGEST_LINE or (number == 1 and len(block.split(b"\n", 1)[0]) > _LONGEST_LINE):
            fail("this is not a table: a line has no end", path, number, "Give a text file with a header line.")
        if not block:
            continue
        broken_off = not block.endswith(b"\n")
        if broken_off:
            block += b"\n"
        _check_utf8(block, path, number, encoding)
        yield LineBlock(number, block, broken_off)
        number += block.count(b"\n")


def _pieces(path: Path, encoding: str, block_bytes: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of the file as UTF-8 with LF as line end, and whether it is the last one, which may be empty."""
    decoder = None if encoding == UTF_8 else codecs.getincrementaldecoder(encoding)("strict")
    try:
        with open_file(path, block_bytes) as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                what = f"this file has more than {_MOST_BYTES / 1e9:.0f} GB, which no sensor writes in a session"
                raise HiphingeError(what, str(path), "Make a session of each day.")
            first, held = True, b""
            while True:
                raw = file.read(block_bytes)
                if first and decoder is None:
                    raw = _without_mark(raw, path)
                piece = raw if decoder is None else decoder.decode(raw, final=not raw).encode(UTF_8)
                if first:
                    piece, first = piece.removeprefix(codecs.BOM_UTF8), False
                piece, held = held + piece, b""
                if raw and piece.endswith(b"\r"):
                    # its LF may be the first byte of the next piece
                    piece, held = piece[:-1], b"\r"
                if b"\r" in piece:
                    piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                yield piece, not raw
                if not raw:
                    return
    except FileNotFoundError:
        raise HiphingeError("file not found", str(path), "Check the name of the file and its folder.") from None
    except UnicodeDecodeError as error:
        what = f"not {encoding} text ({error.reason})"
        raise HiphingeError(what, str(path), "Correct encoding in the mapping, or save the file as UTF-8.") from None
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(path), "Check the path and its permissions.") from error


def _without_mark(raw: bytes, path: Path) -> bytes:
    refuse_packed(raw, place(path, 1))
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in raw.split(b"\n", 1)[0][:64]:
        fail("not UTF-8 text (it looks like UTF-16 or a binary file)", path, 1, _SAVE_AS_UTF8)
    return raw


def _check_utf8(block: bytes, path: Path, first: int, encoding: str) -> None:
    if encoding != UTF_8 or block.isascii():
        return
    try:
        block.decode(UTF_8)
    except UnicodeDecodeError as error:
        remedy = f'{_SAVE_AS_UTF8} A mapping may say encoding = "cp1252".'
        fail("not UTF-8 text", path, first + block.count(b"\n", 0, error.start), remedy)
