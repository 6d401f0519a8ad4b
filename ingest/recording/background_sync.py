"""fsync in a separate thread: a slow disk delays only results that must be safe on it first."""

from __future__ import annotations

import os
import threading


class BackgroundSync:
    """Syncs the file `fd` on request; a request during a sync is served by the next one.

    seq: the last request that is on disk; -1 before. error: the system's error when syncing failed; after that nothing is
    synced.
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
        """The number of the last request that is on disk."""
        return self._done

    def ask(self, seq: int) -> None:
        """Request that everything written so far reaches the disk; `seq` numbers the request. Returns at once."""
        with self._changed:
            self._asked = max(self._asked, seq)
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until everything requested is on disk, or has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= self._asked or self.error is not None)

    def close(self) -> None:
        """Serve the last request and end; may be called twice."""
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
