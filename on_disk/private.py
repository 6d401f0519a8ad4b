"""Files and folders that only their owner may read: 600 and 700, whatever the umask is.

Health data are written through here. The process's umask is never changed: other files of the same process keep theirs.
Windows has no such modes; there the permissions of the folder above hold.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

from on_disk.opening import open_file

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_OTHERS = 0o077
HAS_MODES = os.name == "posix"
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0)


def private_opener(path: str, flags: int) -> int:
    """For `open(…, opener=private_opener)`: a file that only its owner may read, even if it existed before."""
    handle = os.open(path, flags | _NOT_WAITING, FILE_MODE)
    try:
        _close_to_others(handle, FILE_MODE)
    except BaseException:
        os.close(handle)
        raise
    return handle


def open_private(path: Path, mode: Literal["wb", "ab"]) -> BinaryIO:
    """A file for writing that only its owner may read. OSError."""
    return cast(BinaryIO, open(path, mode, opener=private_opener))


def make_private_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, for the owner alone; an existing folder is closed to others. OSError."""
    make_private_parents(folder)
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
        if HAS_MODES and others_may_read(folder.stat()):
            folder.chmod(FOLDER_MODE)


def make_private_parents(path: Path) -> None:
    """Make the missing parents of `path`, as private folders; existing ones stay as they are. OSError."""
    lacking = list(itertools.takewhile(lambda folder: not folder.exists(), path.parents))
    for folder in reversed(lacking):
        folder.mkdir(FOLDER_MODE)


def write_private(path: Path, content: bytes | str) -> None:
    """Write a file that only its owner may read. OSError."""
    with open_private(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def replace_whole(path: Path, content: bytes | str, *, owner_only: bool = True, durable: bool = True) -> None:
    """Write a file atomically. durable: it survives a power failure. OSError.

    owner_only: nobody else may read it; else it has the permissions of the replaced file, or the usual ones.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with open(beside, "wb", opener=private_opener if owner_only else None) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if HAS_MODES and not owner_only and path.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def copy_private(source: Path, target: Path) -> None:
    """Copy a file's content into one that only its owner may read. OSError; HiphingeError where `source` is not a file."""
    with open_file(source) as there, open_private(target, "wb") as here:
        shutil.copyfileobj(there, here)


def open_to_others(root: Path) -> Iterator[Path]:
    """Files and folders at and below `root` that people other than their owner may read, write or enter. Links are not
    followed."""
    if not HAS_MODES:
        return
    if not root.is_dir():
        if others_may_read(root.lstat()):
            yield root
        return
    folders = [root]
    while folders:
        folder = folders.pop()
        if others_may_read(folder.lstat()):
            yield folder
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                if entry.is_dir():
                    folders.append(Path(entry.path))
                elif entry.is_file() and others_may_read(entry.stat(follow_symlinks=False)):
                    yield Path(entry.path)


def close_to_others(path: Path) -> None:
    """Remove all permissions of everybody but the owner. OSError."""
    path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)


def others_may_read(found: os.stat_result) -> bool:
    """Whether anybody but the owner has a permission for a file or folder with this state."""
    return bool(stat.S_IMODE(found.st_mode) & _OTHERS)


def _close_to_others(handle: int, mode: int) -> None:
    found = os.fstat(handle)
    if HAS_MODES and stat.S_ISREG(found.st_mode) and others_may_read(found):
        os.fchmod(handle, mode)
