"""A lock that shows that a running program is writing a session folder; the system drops it when the program dies."""

from __future__ import annotations

from pathlib import Path

from body_signals import HiphingeError
from on_disk import LockFile, is_held

LOCK = ".lock"
"""The file that is locked, in the session folder."""


class FolderLock:
    """Exclusive lock on a session folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = LockFile(folder / LOCK)

    def take(self) -> bool:
        """Take the lock; False when another program holds it. `HiphingeError` when the folder may not be written."""
        try:
            return self._lock.take(asked=True)
        except OSError as error:
            remedy = "Check the folder and its permissions"
            raise HiphingeError(f"cannot be written: {error.strerror}", str(self._folder), remedy) from None

    def release(self) -> None:
        """Release the lock and remove its file."""
        self._lock.release()


def is_running(folder: Path) -> bool:
    """Whether a running program is writing this session folder."""
    return is_held(folder / LOCK)
