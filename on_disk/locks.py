"""The one lock between programs: a file that one of them holds until it lets go or ends, however it ends.

`filelock` asks the system, on POSIX and on Windows: the system drops the lock when its holder dies, and no file means anything
by being there. We open the file ourselves, so that it is private, no link, never waited for (a pipe may lie in its place), and
gone when its holder has let go.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from body_signals.errors import HiphingeError
from on_disk.opening import check_file, open_file
from on_disk.private import HAS_MODES, private_opener

_ATTEMPTS, _BETWEEN_S = 6, 0.004
"""For whoever asks `is_held` holds the lock himself for microseconds. Our choice: 20 ms, enough on a busy computer."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)


class LockFile:
    """A lock that one program at a time holds on the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self, *, asked: bool = False) -> bool:
        """Take the lock; False when another holds it. OSError where the file, or a lock on it, cannot be had at all.

        asked: others ask `is_held` of this file. It is then tried for 20 ms, else once.
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
        """Give the lock back and remove its file; nothing where it is not held."""
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            # before it is unlocked: whoever locks it after us then finds that it is no longer there
            if HAS_MODES:
                _remove(self._path)
        # Windows removes no file that is open; one that another program has opened meanwhile stays
        if not HAS_MODES:
            _remove(self._path)

    def _still_there(self, file: IO[bytes]) -> bool:
        """Whether the file was not removed, by a program that gave its lock back, before it was locked here."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def is_held(path: Path) -> bool:
    """Whether a program holds the lock on the file at `path`; also where that cannot be found out. Changes nothing."""
    try:
        file = _opened(path)
    except (OSError, HiphingeError):
        # there is none, or something that no program of ours has put there
        return False
    with file:
        try:
            return not _locked(file, _ATTEMPTS)
        except OSError:
            return True


def _made(path: Path) -> IO[bytes]:
    return open(path, "ab", opener=lambda name, flags: private_opener(name, flags | _NO_LINK))


def _opened(path: Path) -> IO[bytes]:
    """A lock file that is there, for writing where we may: network file systems lock no other."""
    check_file(path)
    try:
        return open(path, "r+b", buffering=0, opener=lambda name, flags: os.open(name, flags | _NOT_WAITING))
    except OSError:
        # another user's, or on a disk that is read only
        return open_file(path)


def _locked(file: IO[bytes], attempts: int) -> bool:
    """Lock an open file until it is closed; False when another holds it. OSError where it cannot be locked at all."""
    from filelock import lock_descriptor  # imported where it is used: the program starts without it

    for attempt in range(attempts):
        if attempt:
            time.sleep(_BETWEEN_S)
        if lock_descriptor(file.fileno(), blocking=False):
            return True
    return False


def _remove(path: Path) -> None:
    # a file that stays does no harm: it is not held
    with suppress(OSError):
        path.unlink()
