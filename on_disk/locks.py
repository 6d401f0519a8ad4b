"""The one lock between programs: a file that a program holds until it releases it or ends, for whatever reason.

`filelock` uses the system's locks, on POSIX and on Windows. The system drops the lock when its holder dies, so the mere
existence of the file means nothing. We open the file ourselves. So it is private, never a link, never waited for (a pipe may
lie in its place), and removed when its holder has released it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from body_signals import HiphingeError
from on_disk.opening import check_file, open_file
from on_disk.private import HAS_MODES, private_opener

_ATTEMPTS, _BETWEEN_S = 6, 0.004
"""Attempts, and the time between them, s. `is_held` itself holds the lock for microseconds; 20 ms in all suffice on a busy
computer (ours)."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)


class LockFile:
    """A lock that one program at a time holds on the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self, *, asked: bool = False) -> bool:
        """Take the lock; False when another program holds it. OSError where the file cannot be opened or locked at all.

        asked: other programs call `is_held` on this file. The lock is then tried for 20 ms, else once.
        """
        while self._file is None:
            file = _made(self._path)
            try:
                if not _locked(file, _ATTEMPTS if asked else 1):
                    return False
                if self._still_there(file):
                    self._file = file
            finally:
                if self._file is None:
                    file.close()
        return True

    def release(self) -> None:
        """Release the lock and remove its file; does nothing where it is not held."""
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            # before unlocking: the next program that locks it then notices that the file is gone
            removed = HAS_MODES and _remove(self._path)
        # where an open file cannot be removed (Windows, and some network disks), a file that another program has opened
        # meanwhile stays, so that nobody loses a lock by this
        if not removed:
            _remove(self._path)

    def _still_there(self, file: IO[bytes]) -> bool:
        """Whether the file still exists: a program that released its lock may have removed it before it was locked here."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def is_held(path: Path) -> bool:
    """Whether a program holds the lock on the file at `path`; also True where that cannot be found out. Changes nothing."""
    try:
        file = _opened(path)
    except (OSError, HiphingeError):
        # there is no file, or something that is not ours
        return False
    with file:
        try:
            return not _locked(file, _ATTEMPTS)
        except OSError:
            return True


def _made(path: Path) -> IO[bytes]:
    return open(path, "ab", opener=lambda name, flags: private_opener(name, flags | _NO_LINK))


def _opened(path: Path) -> IO[bytes]:
    """An existing lock file, opened for writing where permitted: network file systems lock only such files."""
    check_file(path)
    try:
        return open(path, "r+b", buffering=0, opener=lambda name, flags: os.open(name, flags | _NOT_WAITING))
    except OSError:
        # another user's file, or a read-only disk
        return open_file(path)


def _locked(file: IO[bytes], attempts: int) -> bool:
    """Lock an open file until it is closed; False when another program holds it. OSError where it cannot be locked at all."""
    from filelock import lock_descriptor  # imported where it is used: the program starts without it

    for attempt in range(attempts):
        if attempt:
            time.sleep(_BETWEEN_S)
        if lock_descriptor(file.fileno(), blocking=False):
            return True
    return False


def _remove(path: Path) -> bool:
    """Whether the file could be removed; one that stays does no harm: it is not held."""
    with suppress(OSError):
        path.unlink()
        return True
    return False
