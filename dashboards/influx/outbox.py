"""The outbox of a session: results wait on disk until InfluxDB has acknowledged them.

`outbox/` in the session folder holds
- `000000001.lp`, …: segments of line protocol. A segment is only ever appended to by the process that began it; each
  append is one write of whole lines, `flush` makes it survive a power failure. Half a line at a segment's end (a killed
  process) is left out, its results are in the recording.
- `cursor.json`: how far the server has acknowledged. Written to a new file and renamed, so it is old or new, never half.
  An old one only means that lines are sent again, which changes nothing.
- `rejected.lp` (`drain`): lines that the server will never take, each after a comment with the server's words.
- `ledger.json` (`ledger`): which results were acknowledged as a whole, and which repetitions, so that removed ones can be
  voided.

`Outbox` is the producer, `drain.Drain` the only consumer; they may be in different processes, one after the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from body_signals import HiphingeError
from on_disk import make_private_folder, private_opener, read_json, replace_whole

FOLDER = "outbox"
SEGMENT_BYTES = 16 << 20
"""Size of a file of the outbox, bytes (ours); it is deleted when all of it is acknowledged."""
LIMIT_BYTES = 2 << 30
"""Largest outbox, bytes (ours): about a day of live angles at 25 Hz. Beyond it angles are left out, and wait in the tables."""
WARN_SHARE = 0.5
"""Fill level, as a part of the largest outbox, at which the warning begins (ours)."""
_SUFFIX = ".lp"
_CURSOR = "cursor.json"


def segments(folder: Path) -> list[Path]:
    """The segments that are there, in order."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isascii() and path.stem.isdigit() and path.is_file())


def waiting_bytes(folder: Path) -> int:
    """Bytes in `folder` that no server has acknowledged."""
    cursor = Cursor.read(folder)
    sizes = {int(path.stem): path.stat().st_size for path in segments(folder)}
    return sum(size for number, size in sizes.items() if number >= cursor.segment) - (
        cursor.offset if cursor.segment in sizes else 0
    )


def discard_segments(folder: Path) -> None:
    """Discard the waiting lines: all of them were sent another way."""
    for path in segments(folder):
        path.unlink(missing_ok=True)


class Outbox:
    """Takes lines into the outbox of a session; the folder is made. `HiphingeError` when the disk refuses.

    limit_bytes: size beyond which lines that are not essential are left out (`left_out` counts them).
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder, self._segment_bytes, self._limit_bytes = folder, segment_bytes, limit_bytes
        self.left_out = 0
        self._file: FileIO | None = None
        self._size = 0
        with guarded(folder):
            make_private_folder(folder)
            there = segments(folder)
        self._number = max((int(there[-1].stem) if there else 0), Cursor.read(folder).segment)

    def append(self, lines: Sequence[str], *, essential: bool = True) -> None:
        """Add lines, without line ends. What is not essential is left out when the outbox is full."""
        if not lines:
            return
        if not essential and waiting_bytes(self.folder) > self._limit_bytes:
            self.left_out += len(lines)
            return
        body = ("\n".join(lines) + "\n").encode()
        with guarded(self.folder):
            if self._file is None or self._size >= self._segment_bytes:
                self._next_segment()
            assert self._file is not None
            at = self._size
            rest = memoryview(body)
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                # the disk is full: no half line stays behind
                with suppress(OSError):
                    self._file.truncate(at)
                    self._file.seek(at)
                raise
            self._size = at + len(body)

    def flush(self) -> None:
        """Sync the appended lines, so that they survive a power failure."""
        if self._file is not None:
            with guarded(self.folder):
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """No more lines will come from here."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def warning(self) -> str:
        """A warning about the outbox's size, empty when all is well."""
        waiting = waiting_bytes(self.folder)
        if self.left_out:
            return (
                f"the outbox is full: {self.left_out} lines of angles were left out; hiphinge push sends them from the tables"
            )
        if waiting > WARN_SHARE * self._limit_bytes:
            return (
                f"{waiting >> 20} MB wait for InfluxDB; beyond {self._limit_bytes >> 20} MB angles are left out of the outbox"
            )
        return ""

    def _next_segment(self) -> None:
        self.close()
        self._number += 1
        self._file = FileIO(self.folder / f"{self._number:09d}{_SUFFIX}", "x", opener=private_opener)
        self._size = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything before byte `offset` of segment `segment` is acknowledged; lines until there, and those of them rejected."""

    segment: int = 0
    offset: int = 0
    lines: int = 0
    rejected: int = 0

    @classmethod
    def read(cls, folder: Path) -> Cursor:
        """The cursor on disk; the beginning where there is none or it cannot be read: sending again is harmless."""
        try:
            found = read_json(folder / _CURSOR)
            return cls(*(int(found[name]) for name in ("segment", "offset", "lines", "rejected")))
        except (OSError, HiphingeError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, folder: Path) -> None:
        words = {"segment": self.segment, "offset": self.offset, "lines": self.lines, "rejected": self.rejected}
        # not made to survive a power failure: that would cost more than sending a few lines again
        replace_whole(folder / _CURSOR, json.dumps(words), durable=False)


class guarded:
    """Reports a disk error in the user's words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            what = f"the outbox cannot be written: {error.strerror or error}"
            remedy = "Free space on the disk; the recording goes on, and hiphinge push sends the results from the tables"
            raise HiphingeError(what, str(self._folder), remedy) from error
