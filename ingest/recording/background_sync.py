"""fsync in a thread of its own: a slow disk delays only what must be safe on it first."""

from __future__ import annotations

import os
import threading


class BackgroundSync:
    """Syncs the file `fd` when asked; a request that comes while it syncs is met by the next one.

    seq: what was last asked for and is on disk; -1 before. error: what the system said when it could not; nothing is synced
    any more then.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._changed = threading.Condition()
        self._asked = self._done = -1
        self._closing = False
        self.error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="fsync", daemon=True)
        self._thread.start()

    @property
    def seq(self) -> int:
        """The number that was last asked for and is on disk."""
        return self._done

    def ask(self, seq: int) -> None:
        """Ask that all that is written up to now reaches the disk; `seq` names it. Returns at once."""
        with self._changed:
            self._asked = max(self._asked, seq)
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all that was asked for is on disk, or cannot be."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= self._asked or self.error is not None)

    def close(self) -> None:
        """Meet what was asked for and end; harmless twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked > self._done or self._closing)
                seq = self._asked
                if seq <= self._done:
                    return
            try:
                os.fsync(self._fd)
            except OSError as error:
                with self._changed:
                    self.error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._done = seq
                self._changed.notify_all()
