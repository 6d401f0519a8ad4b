"""A mark that a session folder is being written by a running program; the system drops it when the program dies."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import IO

from body_signals import HiphingeError
from on_disk import open_file, open_private

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # not a POSIX system
    HAS_LOCKS = False

LOCK = ".lock"
"""The file that is locked, in the session folder."""
FRESH_S = 10.0
"""Without system locks: a recording that grew within this time counts as running."""


class FolderLock:
    """Exclusive lock on a session folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take the lock; False when another program holds it. `HiphingeError` when the folder may not be written."""
        while True:
            try:
                file = open_private(self._path, "ab")
            except OSError as error:
                remedy = "Check the folder and its permissions"
                raise HiphingeError(f"cannot be written: {error.strerror}", str(self._path.parent), remedy) from None
            if HAS_LOCKS:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    file.close()
                    return False
            if self._still_there(file):
                self._file = file
                return True
            file.close()

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def _still_there(self, file: IO[bytes]) -> bool:
        """Whether the file was not removed, by a program that gave its lock back, before it was locked here."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def is_running(folder: Path) -> bool:
    """Whether a running program is writing this session folder."""
    try:
        file = open_file(folder / LOCK)
    except (OSError, HiphingeError):
        # there is none, or something that no program of ours has put there
        return False
    with file:
        if HAS_LOCKS:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            return False
    recording = folder / "recording.mcap"
    return recording.exists() and time.time() - os.path.getmtime(recording) < FRESH_S
