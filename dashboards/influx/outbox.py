"""The outbox of a session: results wait on disk until InfluxDB has acknowledged them, whatever happens meanwhile.

`outbox/` in the session folder holds
- `000000001.lp`, …: segments of line protocol. A segment is only ever appended to by the process that began it; each
  append is one write of whole lines, `flush` makes it survive a power failure. Half a line at a segment's end (a killed
  process) is left out, its results are in the recording.
- `cursor.json`: how far the server has acknowledged. Written to a new file and renamed, so it is old or new, never half.
  An old one only means that lines are sent again, which changes nothing.
- `rejected.lp`: lines that the server will never take, each after a comment with the server's words.
- `ledger.json`: which results were acknowledged as a whole, and which repetitions, so that removed ones can be voided.

`Outbox` is the producer, `Drain` the only consumer; they may be in different processes, one after the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Self

from body_signals import HiphingeError
from dashboards.influx.sender import BATCH_LINES, Sender
from on_disk import make_private_folder, open_file, open_private, private, read_bytes, read_json, replace_whole

FOLDER = "outbox"
SEGMENT_BYTES = 16 << 20
"""A file of the outbox ends here, and goes when all of it is acknowledged (ours)."""
LIMIT_BYTES = 2 << 30
"""Largest outbox: about a day of live angles at 25 Hz. Beyond it angles are left out, and wait in the tables (ours)."""
MOST_REJECTED_BYTES = 256 << 20
"""Of rejected.lp, that is read (ours)."""
WARN_SHARE = 0.5
"""Share of the largest outbox from which on there is a warning (ours)."""
BATCH_BYTES = 1_200_000
"""Bytes that are read and sent together: about a thousand lines of angles (ours)."""
_SUFFIX = ".lp"
_CURSOR, _REJECTED, _LEDGER = "cursor.json", "rejected.lp", "ledger.json"


def segments(folder: Path) -> list[Path]:
    """The segments that are there, in order."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isascii() and path.stem.isdigit() and path.is_file())


def waiting_bytes(folder: Path) -> int:
    """Bytes in `folder` that no server has acknowledged."""
    cursor = _Cursor.read(folder)
    sizes = {int(path.stem): path.stat().st_size for path in segments(folder)}
    return sum(size for number, size in sizes.items() if number >= cursor.segment) - (
        cursor.offset if cursor.segment in sizes else 0
    )


class Outbox:
    """Takes lines into the outbox of a session; the folder is made. `HiphingeError` when the disk refuses.

    limit_bytes: size beyond which lines that are not essential are left out (`left_out` counts them).
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder, self._segment_bytes, self._limit_bytes = folder, segment_bytes, limit_bytes
        self.left_out = 0
        self._file: FileIO | None = None
        self._size = 0
        with _guarded(folder):
            make_private_folder(folder)
            there = segments(folder)
        self._number = max((int(there[-1].stem) if there else 0), _Cursor.read(folder).segment)

    def append(self, lines: Sequence[str], *, essential: bool = True) -> None:
        """Add lines, without line ends. What is not essential is left out when the outbox is full."""
        if not lines:
            return
        if not essential and waiting_bytes(self.folder) > self._limit_bytes:
            self.left_out += len(lines)
            return
        body = ("\n".join(lines) + "\n").encode()
        with _guarded(self.folder):
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
        """Let the appended lines survive a power failure."""
        if self._file is not None:
            with _guarded(self.folder):
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
        """A warning for people about the outbox's size, empty when all is well."""
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
        self._file = FileIO(self.folder / f"{self._number:09d}{_SUFFIX}", "x", opener=private)
        self._size = 0


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Everything before byte `offset` of segment `segment` is acknowledged; lines until there, and those of them rejected."""

    segment: int = 0
    offset: int = 0
    lines: int = 0
    rejected: int = 0

    @classmethod
    def read(cls, folder: Path) -> _Cursor:
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


class Drain:
    """Sends the lines of an outbox, in order. There must be one at a time for a folder.

    running: the segment written last may still grow; else half a line at its end is left out.
    """

    def __init__(self, folder: Path, sender: Sender, *, running: bool = False) -> None:
        self.folder, self._sender, self.running = folder, sender, running
        self._cursor = _Cursor.read(folder)

    @property
    def lines(self) -> int:
        """Lines acknowledged so far."""
        return self._cursor.lines

    @property
    def rejected(self) -> int:
        """Lines that the server will never take, so far."""
        return self._cursor.rejected

    def step(self) -> int:
        """Send the next lines, at most one batch; how many. 0 when there are none. `InfluxError` where they must wait."""
        for path in segments(self.folder):
            number = int(path.stem)
            if number < self._cursor.segment:
                path.unlink(missing_ok=True)
                continue
            if number > self._cursor.segment:
                self._cursor = _Cursor(number, 0, self._cursor.lines, self._cursor.rejected)
            body = self._next_body(path)
            if body:
                return self._send(number, body)
            if path != segments(self.folder)[-1] or not self.running:
                self._cursor = _Cursor(number + 1, 0, self._cursor.lines, self._cursor.rejected)
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
        self._cursor = _Cursor(number, cursor.offset + len(body), cursor.lines + len(lines), cursor.rejected + len(aside))
        self._cursor.write(self.folder)
        return len(lines)


def set_aside(folder: Path, lines: Sequence[tuple[bytes, str]]) -> None:
    """Keep lines that the server will never take, with its words, in `rejected.lp`."""
    with _guarded(folder), open_private(folder / _REJECTED, "ab") as file:
        for line, words in lines:
            file.write(_with_words(line, words))
        file.flush()
        os.fsync(file.fileno())


class RejectedAnew:
    """What is rejected while everything is sent once more: replaces `rejected.lp` when that has come to its end.

    To be used with `with`; when it is left by an exception the old file stays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new = folder / f".{_REJECTED}.new"
        self._file: BinaryIO | None = None

    def take(self, line: bytes, words: str) -> None:
        """One line, and the server's words."""
        with _guarded(self._folder):
            if self._file is None:
                make_private_folder(self._folder)
                self._file = open_private(self._new, "wb")
            self._file.write(_with_words(line, words))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        with _guarded(self._folder):
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


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose results they are: athlete and session are the tags in InfluxDB; start, as in summary.json, may be unknown ("")."""

    athlete: str
    session: str
    start: str = ""

    def agrees(self, other: Identity) -> bool:
        """Whether it can be the same session of the same athlete."""
        same = (self.athlete, self.session) == (other.athlete, other.session)
        return same and (self.start == other.start or not self.start or not other.start)


@dataclass(slots=True)
class Ledger:
    """What InfluxDB has acknowledged as a whole, and what it may have of it otherwise.

    complete: by estimator, the digest of the results. repetitions: by estimator, series and timestamp of each that was sent, or
    was about to be. states: by estimator, size and time of change of the files that had that digest, so that they need not
    be read again. of: the session and athlete that all this is about; None in ledgers that were written before it was noted.
    former: whom a ledger that lay in this folder was about before; nothing of it is voided from here. software: by estimator,
    the program that computed what was acknowledged. points: by measurement and last tag, how many were sent.
    """

    complete: dict[str, str] = field(default_factory=dict)
    repetitions: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    states: dict[str, list[int]] = field(default_factory=dict)
    of: Identity | None = None
    former: set[Identity] = field(default_factory=set)
    software: dict[str, str] = field(default_factory=dict)
    points: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """The ledger on disk; an empty one where there is none or it cannot be read: then everything is sent again."""
        try:
            found: dict[str, Any] = read_json(folder / _LEDGER)
            complete = {str(k): str(v) for k, v in found["complete"].items()}
            repetitions = {
                str(estimator): {(str(series), int(t)) for series, stamps in by_series.items() for t in stamps}
                for estimator, by_series in found["repetitions"].items()
            }
            states = {str(k): [int(n) for n in v] for k, v in found["states"].items()}
            of = _identity(found["of"]) if found.get("of") else None
            former = {_identity(one) for one in found.get("former", [])}
            software = {str(k): str(v) for k, v in found.get("software", {}).items()}
            points = {str(m): {str(k): int(n) for k, n in by.items()} for m, by in found.get("points", {}).items()}
        except (OSError, HiphingeError, ValueError, KeyError, TypeError, AttributeError):
            return cls()
        return cls(complete, repetitions, states, of, former, software, points)

    def write(self, folder: Path) -> None:
        """Put it on disk, whole or not at all."""
        by_series: dict[str, dict[str, list[int]]] = {}
        for estimator, sent in self.repetitions.items():
            for series, stamp in sorted(sent):
                by_series.setdefault(estimator, {}).setdefault(series, []).append(stamp)
        words: dict[str, Any] = {"complete": self.complete, "repetitions": by_series, "states": self.states}
        words["of"] = asdict(self.of) if self.of is not None else None
        words["former"] = sorted((asdict(one) for one in self.former), key=lambda one: sorted(one.items()))
        words |= {"software": self.software, "points": self.points}
        with _guarded(folder):
            make_private_folder(folder)
            replace_whole(folder / _LEDGER, json.dumps(words))


def _identity(found: Any) -> Identity:
    return Identity(*(str(found[name]) for name in ("athlete", "session", "start")))


def discard_segments(folder: Path) -> None:
    """Throw away the waiting lines: all of them were sent another way."""
    for path in segments(folder):
        path.unlink(missing_ok=True)


class _guarded:
    """Says a refusal of the disk in the user's words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            what = f"the outbox cannot be written: {error.strerror or error}"
            remedy = "Free space on the disk; the recording goes on, and hiphinge push sends the results from the tables"
            raise HiphingeError(what, str(self._folder), remedy) from error
