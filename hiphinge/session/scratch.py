"""Folders that a program needs only while it runs. One that was killed leaves them behind; the next start takes them away.

What is taken away is of this user, of a name that only this program gives, and of no program that runs: that one holds the
folder's lock.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from body_signals import HiphingeError
from dashboards.tables import scratch_folders
from hiphinge.session.lock import LOCK, FolderLock, is_running

PORTS = "hiphinge-demo-"
"""Beginning of the name of a folder with the demo's virtual ports, in the folder for temporary files."""
_UNLOCKED_S = 86400.0
"""A folder for ports without a lock is just being made, or of an older version: it is taken away after a day (ours)."""
_ATTEMPTS = 5


def is_own(path: Path) -> bool:
    """Whether a file or folder belongs to the user that runs this program; always, where the system knows no owners."""
    try:
        return not hasattr(os, "geteuid") or path.lstat().st_uid == os.geteuid()
    except OSError:  # it has gone, or lies where nobody may look
        return False


def sweep_sessions(sessions: Path) -> None:
    """Take away the half-written tables in the session folders below `sessions` that no program writes. The recording is
    their source, and stays."""
    try:
        folders = [sessions / name for name in os.listdir(sessions)]
    except OSError:  # no such folder, or not for us
        return
    for folder in folders:
        try:
            left = [scratch for scratch in scratch_folders(folder) if is_own(scratch)]
            lock = FolderLock(folder)
            if left and not is_running(folder) and lock.take():
                for scratch in left:
                    shutil.rmtree(scratch, ignore_errors=True)
                lock.release()
        except (OSError, HiphingeError):  # a folder that may not be read or written: none of ours
            continue


@contextmanager
def ports_folder() -> Iterator[Path]:
    """A new folder for virtual ports, gone after the block. Those of programs that were killed go first."""
    temporary = Path(tempfile.gettempdir())
    _sweep_ports(temporary)
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=PORTS, dir=temporary))
        lock = FolderLock(folder)
        try:
            if lock.take():
                break
        except HiphingeError:  # another start took it for a leftover before it was locked
            continue
    else:
        raise HiphingeError("a folder for virtual ports cannot be locked", str(temporary), "Run the demo again")
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep_ports(temporary: Path) -> None:
    for folder in temporary.glob(f"{PORTS}*"):
        try:
            if not is_own(folder) or folder.is_symlink() or not folder.is_dir():
                continue
            locked = (folder / LOCK).exists()
            if not locked and time.time() - folder.lstat().st_mtime < _UNLOCKED_S:
                continue
            lock = FolderLock(folder)
            if not is_running(folder) and lock.take():
                for port in folder.iterdir():
                    if port.is_symlink():
                        port.unlink()
                lock.release()
                # what holds anything else is not ours: it stays
                folder.rmdir()
        except (OSError, HiphingeError):  # another start was quicker, or it holds something else
            continue
