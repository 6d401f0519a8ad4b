"""A mark that a session folder is being written by a running program; the system drops it when the program dies."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

FRESH_S = 10.0
"""Without system locks: a recording that grew within this time counts as running."""


class FolderLock:
    """Exclusive lock on a session folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take the lock; False when another program holds it."""
        file = self._path.open("ab")
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def is_running(folder: Path) -> bool:
    """Whether a running program is writing this session folder."""
    if not (folder / ".lock").exists():
        return False
    if fcntl is None:
        recording = folder / "recording.mcap"
        return recording.exists() and time.time() - os.path.getmtime(recording) < FRESH_S
    lock = FolderLock(folder)
    free = lock.take()
    lock.release()
    return not free
