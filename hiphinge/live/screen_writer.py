"""The screen of a session that records: what is written to it never waits, never fails, and says all it can.

Standard output and standard error may be a terminal that was closed or stopped (Ctrl-S), a pipe whose reader has gone or
does not read, a full disk, or speak an encoding without ° and ±. None of it may cost a sample. So a thread writes what is
queued; beyond `KEPT_BYTES` it is dropped, whole pieces at a time, and what an encoding lacks is replaced.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
import time
from collections import deque
from typing import Any, TextIO

KEPT_BYTES = 1 << 20
"""What waits for a screen that does not take it; a session's last tables are a few kilobytes."""
SCREEN_PATIENCE_S = 5.0
"""How long the end of the program waits for a screen that takes nothing."""
_AGAIN_S = 0.02
PLAIN = "hiphinge-plain"
"""Name of the error handler for encodings: what they lack is said in plain characters."""
_PLAINLY = str.maketrans(
    {
        "°": " deg",
        "±": "+-",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "≈": "~",
        "×": "x",
        "·": ".",
        "–": "-",
        "—": "-",
        "−": "-",
        "…": "...",
        "█": "#",
        "░": ".",
        "²": "2",
        "√": "sqrt",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        **dict.fromkeys("│┃║╎╏", "|"),
        **dict.fromkeys("─━═╌╍╸╺╴╶", "-"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰┏┓┗┛┡┩┳┻╇╈╉╊╋╞╡╪┢┪┠┨┯┷┿", "+"),
    }
)


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    # what has no plain character either is a question mark
    return lacking.translate(_PLAINLY).encode("ascii", "replace").decode(), error.end


codecs.register_error(PLAIN, _in_plain_characters)


def write_whole(fd: int, data: bytes) -> None:
    """Write all of it, however long the reader takes. OSError when the reader has gone or the disk is full."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:
            # the other side made it a pipe that does not wait
            time.sleep(_AGAIN_S)


class ScreenWriter(io.TextIOBase):
    """A text stream to the file descriptor of `stream`, which stays open."""

    def __init__(self, stream: TextIO) -> None:
        self._fd = stream.fileno()
        self._encoding = stream.encoding or "utf-8"
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._busy = False
        self._gone = False
        self._taken = 0
        """Pieces that the screen has taken."""
        self._changed = threading.Condition()
        """Of all of these."""
        self.dropped = 0
        """Pieces that no screen took."""
        threading.Thread(target=self._write_all, name="hiphinge-screen", daemon=True).start()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the stream; what it lacks is replaced."""
        return self._encoding

    @property
    def errors(self) -> str:  # type: ignore[override]
        """How what the encoding lacks is treated."""
        return PLAIN

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Where it writes to."""
        return self._fd

    def isatty(self) -> bool:
        """Whether that is a terminal."""
        return os.isatty(self._fd)

    def write(self, text: str) -> int:
        """Queue a piece of text; never waits, never fails."""
        data = text.encode(self._encoding, PLAIN)
        with self._changed:
            if self._gone or self._bytes + len(data) > KEPT_BYTES:
                self.dropped += 1
            elif data:
                self._waiting.append(data)
                self._bytes += len(data)
                self._changed.notify_all()
        return len(text)

    def drain(self, patience_s: float = SCREEN_PATIENCE_S) -> None:
        """Wait until the screen has taken everything, as long as it takes something every `patience_s`."""
        with self._changed:
            while (self._waiting or self._busy) and not self._gone:
                before = self._taken
                self._changed.wait(patience_s)
                if self._taken == before:
                    return

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                data = self._waiting.popleft()
                self._busy = True
            try:
                write_whole(self._fd, data)
            except OSError:
                # the reader has gone, the terminal was closed, the disk is full: nobody will see anything from here on
                with self._changed:
                    self._gone = True
                    self._waiting.clear()
                    self._changed.notify_all()
                return
            with self._changed:
                self._bytes -= len(data)
                self._busy = False
                self._taken += 1
                self._changed.notify_all()


def let_screen_be_lost() -> None:
    """From here on standard output and standard error are `ScreenWriter`s, until `screens_closed`. Where they are no files
    of the system (a test's), they stay."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if isinstance(stream, ScreenWriter) or sys.platform == "win32":
            # a Windows console takes text, not bytes; and never makes a program wait
            continue
        try:
            stream.flush()
            writer = ScreenWriter(stream)
        except (OSError, ValueError):
            continue
        setattr(sys, name, writer)


def close_screens() -> None:
    """Give the screens some time for what waits, and put the system's streams back."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, ScreenWriter):
            stream.drain()
            setattr(sys, name, getattr(sys, f"__{name}__"))


def speak_plainly() -> None:
    """Let nothing that is printed fail for a character that the encoding lacks, and let there be streams at all: a program
    may be started with some of them closed, and the next file that it opens must not take their place."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        stream: Any = getattr(sys, name)
        if stream is None:
            _take_place(fd)
            # open as long as the program runs
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
            setattr(sys, f"__{name}__", getattr(sys, name))
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)


def _take_place(fd: int) -> None:
    """Let this file descriptor, which was closed, be the null device."""
    try:
        os.fstat(fd)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != fd:
            os.dup2(null, fd)
            os.close(null)
