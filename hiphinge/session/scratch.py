"""Folders that a program needs only while it runs. A killed program leaves them behind; the next start removes them.

Only folders of this user are removed, with a name that only this program uses, and not of a running program, which holds the
folder's lock.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from body_signals import HiphingeError
from dashboards.tables import scratch_folders
from hiphinge.session.lock import LOCK, FolderLock, is_running

PORTS = "hiphinge-demo-"
"""Prefix of the name of a folder with the demo's virtual ports, in the folder for temporary files."""
COMPUTING = "hiphinge-computing-"
"""Prefix of the name of a folder in which a session of a season is computed, in the folder for temporary files."""
_UNLOCKED_S = 86400.0
"""Age, s, at which a folder without a lock is removed (ours); it is just being made, or from an older version."""
_ATTEMPTS = 5
"""Attempts to make a folder, which another start may mistake for a leftover (ours)."""


def is_own(path: Path) -> bool:
    """Whether a file or folder belongs to the user who runs this program; always True where the system has no owners."""
    try:
        return not hasattr(os, "geteuid") or path.lstat().st_uid == os.geteuid()
    except OSError:  # it has gone, or is unreadable
        return False


def sweep_sessions(sessions: Path) -> None:
    """Remove the partial tables in the session folders below `sessions` that no program is writing. The recording is
    their source, and stays."""
    try:
        folders = [sessions / name for name in os.listdir(sessions)]
    except OSError:  # no such folder, or no permission
        return
    for folder in folders:
        try:
            left = [scratch for scratch in scratch_folders(folder) if is_own(scratch)]
            lock = FolderLock(folder)
            if left and not is_running(folder) and lock.take():
                for scratch in left:
                    shutil.rmtree(scratch, ignore_errors=True)
                lock.release()
        except (OSError, HiphingeError):  # a folder without permission: not ours
            continue


@contextmanager
def ports_folder() -> Iterator[Path]:
    """A new folder for virtual ports, removed after the block. Folders of killed programs are removed first."""
    with _own_folder(PORTS, _without_ports) as folder:
        yield folder


@contextmanager
def computing_folder() -> Iterator[Path]:
    """A new folder for what one computation needs, removed after the block. Folders of killed programs are removed first."""
    with _own_folder(COMPUTING, shutil.rmtree) as folder:
        yield folder


@contextmanager
def _own_folder(prefix: str, remove: Callable[[Path], None]) -> Iterator[Path]:
    """A new, locked folder in the one for temporary files. remove: how a folder of a killed program is removed."""
    temporary = Path(tempfile.gettempdir())
    _sweep(temporary, prefix, remove)
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=temporary))
        lock = FolderLock(folder)
        try:
            if lock.take():
                break
        except HiphingeError:  # another start mistook it for a leftover before it was locked
            continue
    else:
        raise HiphingeError("a temporary folder cannot be locked", str(temporary), "Run the command again")
    try:
        yield folder
    finally:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(temporary: Path, prefix: str, remove: Callable[[Path], None]) -> None:
    for folder in temporary.glob(f"{prefix}*"):
        try:
            if not is_own(folder) or folder.is_symlink() or not folder.is_dir():
                continue
            locked = (folder / LOCK).exists()
            if not locked and time.time() - folder.lstat().st_mtime < _UNLOCKED_S:
                continue
            lock = FolderLock(folder)
            if not is_running(folder) and lock.take():
                # the lock's file goes first: it is no content
                lock.release()
                remove(folder)
        except (OSError, HiphingeError):  # another start was faster, or it has other content
            continue


def _without_ports(folder: Path) -> None:
    for port in folder.iterdir():
        if port.is_symlink():
            port.unlink()
    # a folder with anything else in it is not ours: it stays
    folder.rmdir()
