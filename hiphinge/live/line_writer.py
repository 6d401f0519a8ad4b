"""Lines for another program, written by a thread: one that does not read, or has gone, never holds the session up."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress

from hiphinge.live.screen_writer import write_whole

KEPT = 60
"""Lines that wait for a reader; beyond them the oldest go."""
LINE_PATIENCE_S = 1.0
"""How long `close` waits for a reader."""


class LineWriter:
    """Writes lines to the file descriptor `fd`, in order. What a reader that has gone would have got is dropped."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: queue.Queue[str | None] = queue.Queue(KEPT)
        self.dropped = 0
        """Lines that nobody took in time."""
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line, given without its end; never waits."""
        self._put(line)

    def close(self) -> None:
        """Write what waits, if it is read within `LINE_PATIENCE_S`."""
        self._put(None)
        self._thread.join(LINE_PATIENCE_S)

    def _put(self, line: str | None) -> None:
        while True:
            try:
                self._lines.put_nowait(line)
                return
            except queue.Full:
                with suppress(queue.Empty):
                    self._lines.get_nowait()
                    self.dropped += 1

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                write_whole(self._fd, f"{line}\n".encode())
            except OSError:
                return  # the reader has gone; `_put` lets the lines go
