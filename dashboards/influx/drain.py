"""Sending the lines of an outbox, in order; lines that the server will never take are set aside in `rejected.lp`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

from dashboards.influx.outbox import Cursor, guarded, segments
from dashboards.influx.sending.sender import BATCH_LINES, Sender
from on_disk import make_private_folder, open_file, open_private, read_bytes

BATCH_BYTES = 1_200_000
"""Bytes read and sent together: about a thousand lines of angles (ours)."""
MOST_REJECTED_BYTES = 256 << 20
"""Bytes of rejected.lp that are read (ours)."""
_REJECTED = "rejected.lp"


class Drain:
    """Sends the lines of an outbox, in order. There must be one at a time for a folder.

    running: the segment written last may still grow; else half a line at its end is left out.
    """

    def __init__(self, folder: Path, sender: Sender, *, running: bool = False) -> None:
        self.folder, self._sender, self.running = folder, sender, running
        self._cursor = Cursor.read(folder)

    @property
    def lines(self) -> int:
        """Lines acknowledged so far."""
        return self._cursor.lines

    @property
    def rejected(self) -> int:
        """Lines so far that the server will never accept."""
        return self._cursor.rejected

    def step(self) -> int:
        """Send the next lines, at most one batch; returns their number, 0 when there are none. `InfluxError` where they must
        wait."""
        for path in segments(self.folder):
            number = int(path.stem)
            if number < self._cursor.segment:
                path.unlink(missing_ok=True)
                continue
            if number > self._cursor.segment:
                self._cursor = Cursor(number, 0, self._cursor.lines, self._cursor.rejected)
            body = self._next_body(path)
            if body:
                return self._send(number, body)
            if path != segments(self.folder)[-1] or not self.running:
                self._cursor = Cursor(number + 1, 0, self._cursor.lines, self._cursor.rejected)
                self._cursor.write(self.folder)
                path.unlink(missing_ok=True)
        return 0

    def _next_body(self, path: Path) -> bytes:
        """Whole lines of a segment from the cursor on, at most a batch."""
        with open_file(path) as file:
            file.seek(self._cursor.offset)
            block = file.read(BATCH_BYTES)
        end = 0
        for _ in range(BATCH_LINES):
            at = block.find(b"\n", end)
            if at < 0:
                break
            end = at + 1
        return block[:end]

    def _send(self, number: int, body: bytes) -> int:
        lines = body.splitlines()
        aside: list[tuple[bytes, str]] = []
        self._sender.send_each(lines, lambda line, words: aside.append((line, words)))
        if aside:
            set_aside(self.folder, aside)
        cursor = self._cursor
        self._cursor = Cursor(number, cursor.offset + len(body), cursor.lines + len(lines), cursor.rejected + len(aside))
        self._cursor.write(self.folder)
        return len(lines)


def set_aside(folder: Path, lines: Sequence[tuple[bytes, str]]) -> None:
    """Keep lines that the server will never accept, with its message, in `rejected.lp`."""
    with guarded(folder), open_private(folder / _REJECTED, "ab") as file:
        for line, words in lines:
            file.write(_with_words(line, words))
        file.flush()
        os.fsync(file.fileno())


class RejectedAnew:
    """Collects the lines rejected while everything is sent again, and finally replaces `rejected.lp`.

    A context manager; after an exception the old file stays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new = folder / f".{_REJECTED}.new"
        self._file: BinaryIO | None = None

    def take(self, line: bytes, words: str) -> None:
        """One line, and the server's words."""
        with guarded(self._folder):
            if self._file is None:
                make_private_folder(self._folder)
                self._file = open_private(self._new, "wb")
            self._file.write(_with_words(line, words))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        with guarded(self._folder):
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            if kind is not None:
                self._new.unlink(missing_ok=True)
            elif self._file is not None:
                self._new.replace(self._folder / _REJECTED)
            else:
                (self._folder / _REJECTED).unlink(missing_ok=True)


def _with_words(line: bytes, words: str) -> bytes:
    return b"# " + " ".join(words.split()).encode() + b"\n" + line + b"\n"


def rejected_lines(folder: Path) -> list[tuple[str, str]]:
    """``(line, the server's words)`` of what was set aside."""
    try:
        text = read_bytes(folder / _REJECTED, MOST_REJECTED_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = text.splitlines()
    return [(line, words.removeprefix("# ")) for words, line in zip(lines[::2], lines[1::2], strict=False)]
