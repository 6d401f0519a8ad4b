"""Opening files for reading: only regular files, and never more of them than expected.

Opening a named pipe without a writer, a terminal or a device could block; their type is checked before they are opened.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from pathlib import Path

from body_signals import HiphingeError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_HANDED_OVER = re.compile(r"/dev/std(?P<name>in)|/dev/fd/(?P<number>\d{1,9})|/proc/self/fd/(?P<same>\d{1,9})", re.ASCII)
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_PIECE = 1 << 20
"""Bytes read at a time (ours)."""


def open_file(path: Path, buffer_bytes: int = io.DEFAULT_BUFFER_SIZE, *, handed_over: bool = False) -> io.BufferedReader:
    """The file at `path` for reading, as bytes.

    handed_over: also take a pipe that the caller of the program has opened for it, e.g. ``/dev/stdin`` or a shell's ``<(…)``.
    OSError from the system; HiphingeError for a named pipe, a socket or a device.
    """
    if handed_over and (number := _descriptor(path)) is not None:
        return io.BufferedReader(io.FileIO(os.dup(number)), buffer_bytes)
    check_file(path)
    handle = os.open(path, _READING)
    try:
        # it may have been replaced meanwhile
        _check_kind(os.fstat(handle).st_mode, path)
        return io.BufferedReader(io.FileIO(handle), buffer_bytes)
    except BaseException:
        os.close(handle)
        raise


def check_file(path: Path) -> None:
    """Raises the errors of `open_file`, for a library that opens the file by itself."""
    try:
        mode = path.stat().st_mode
    except ValueError as error:
        raise HiphingeError(f"this is not a path: {error}", repr(str(path)), "Give the path of a file.") from None
    _check_kind(mode, path)


def read_bytes(path: Path, most: int, *, handed_over: bool = False) -> bytes:
    """The content of the file, at most `most` bytes. Raises as `open_file` does, and HiphingeError where there is more."""
    with open_file(path, handed_over=handed_over) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most:
            content = bytearray()
            while piece := file.read(min(_PIECE, most + 1 - len(content))):
                content += piece
            if len(content) <= most:
                return bytes(content)
    what = f"this file has more than {_megabytes(most)}, which is more than it can need"
    raise HiphingeError(what, str(path), "Check that it is the right file.")


def read_text(path: Path, most: int, remedy: str, *, handed_over: bool = False) -> str:
    """The UTF-8 text of the file. remedy: what to do where there is no file. Raises `HiphingeError`."""
    try:
        return read_bytes(path, most, handed_over=handed_over).decode("utf-8")
    except FileNotFoundError:
        raise HiphingeError("file not found", str(path), remedy) from None
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(path), "Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise HiphingeError(f"is not UTF-8 text (byte {error.start})", str(path), "Save the file as UTF-8.") from None


def _descriptor(path: Path) -> int | None:
    """Descriptor of the pipe that this path names, if the program was started with one."""
    found = _HANDED_OVER.fullmatch(str(path))
    if found is None:
        return None
    number = 0 if found["name"] else int(found["number"] or found["same"])
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        return None
    return number if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def _check_kind(mode: int, path: Path) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((words for is_one, words in _KINDS if is_one(mode)), "something else")
    raise HiphingeError(f"this is {kind} and no file", str(path), "Give the path of a file.")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e3:.0f} kB"
