"""That a run lasts is seen in its folder of results: by a file that it has locked, one of each run, so that several may last
at once. The system drops the lock when the run dies.

Who deletes an athlete asks for it: a run that has listed the athlete's sessions would write them into its results again.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from body_signals import HiphingeError
from hiphinge.seasons.place import HEADS, Place
from hiphinge.seasons.result import MARKER
from on_disk import LockFile, is_held

_RUN = re.compile(r"\.run-[0-9a-f]{16}\.lock")
_ATTEMPTS = 5
"""Attempts to make a lock (ours): another run that begins may hold the new file for a moment, to see whether it was left."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What the system says of a disk without locks."""
_REMEDY = "Check the folder and its permissions"


@contextmanager
def lasting(results: Place) -> Iterator[None]:
    """While the block lasts, a run is seen to write to these results, if they are on a disk that knows locks: object storage
    and some network disks do not.

    HiphingeError where the folder may not be written.
    """
    folder, lock = results.on_disk(""), None
    if folder is not None:
        try:
            _sweep(folder)
            lock = _taken(folder)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise HiphingeError(f"cannot be locked: {error.strerror or error}", results.words, _REMEDY) from error
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def results_of_a_run(place: Path) -> Path | None:
    """A folder of results that is `place`, or is above or below it, and that a run writes to; None where there is none.
    HiphingeError where one above cannot be read."""
    for above in place.resolve().parents:
        if (above / MARKER).is_file() and _is_written(above):
            return above
    # a folder below that cannot be read is named by who looks into all files
    for folder, below, files in os.walk(place):
        if MARKER in files and _is_written(Path(folder)):
            return Path(folder)
        if MARKER in files or not HEADS.isdisjoint(files):
            # sessions hold no folders of results
            below.clear()
    return None


def _taken(folder: Path) -> LockFile:
    for _ in range(_ATTEMPTS):
        path = folder / f".run-{secrets.token_hex(8)}.lock"
        lock = LockFile(path)
        try:
            if lock.take(asked=True):
                return lock
        except OSError:
            path.unlink(missing_ok=True)
            raise
    raise HiphingeError("cannot be locked: other programs hold each new lock", str(folder), "Run the command again")


def _is_written(results: Path) -> bool:
    try:
        names = os.listdir(results)
    except OSError as error:
        what = f"cannot be read, so nobody can tell whether hiphinge reanalyse writes to it: {error.strerror or error}"
        raise HiphingeError(what, str(results), _REMEDY) from error
    return any(is_held(results / name) for name in names if _RUN.fullmatch(name))


def _sweep(folder: Path) -> None:
    """Remove the files of runs that died."""
    for name in filter(_RUN.fullmatch, os.listdir(folder)):
        left = LockFile(folder / name)
        # another user's stays: it does no harm
        with suppress(PermissionError):
            if left.take():
                left.release()
