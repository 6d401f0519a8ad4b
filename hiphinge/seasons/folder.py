"""A folder as a place of sessions and results, on this machine or in the network. Files are durable when they are there."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from body_signals import HiphingeError
from hiphinge.seasons.place import HEADS, MOST_BYTES, Stamp
from on_disk import (
    HAS_MODES,
    copy_private,
    make_private_folder,
    make_private_parents,
    others_may_read,
    read_bytes,
    write_private,
)

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""Answers of file systems without hard links."""
_REMEDY = "Check the folder, its permissions and the free space"


@dataclass(frozen=True, slots=True)
class Folder:
    """A place on a file system; see `hiphinge.seasons.place.Place`."""

    path: Path
    words: str

    def folders(self) -> list[str]:
        """See `Place`."""
        with self._told("cannot be read", ""), os.scandir(self.path) as entries:
            found = sorted(entry.name for entry in entries)
        if HEADS & set(found):
            return [""]
        return [name for name in found if not name.startswith(".") and self._may_be_session(name)]

    def _may_be_session(self, name: str) -> bool:
        try:
            return bool(HEADS & set(os.listdir(self.path / name)))
        except NotADirectoryError:
            return False
        except OSError:
            # may not be read: the session is named with this error
            return (self.path / name).is_dir()

    def inside(self, name: str) -> tuple[list[str], list[str]]:
        """See `Place`."""
        folders: list[str] = []
        files: list[str] = []
        with self._told("cannot be read", name), suppress(FileNotFoundError), os.scandir(self.path / name) as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
        return folders, files

    def stamp(self, name: str) -> Stamp | None:
        """See `Place`."""
        with self._told("cannot be read", name), suppress(FileNotFoundError):
            found = (self.path / name).stat()
            return Stamp(found.st_size, f"{found.st_mtime_ns} {found.st_ctime_ns}")
        return None

    def on_disk(self, name: str) -> Path | None:
        """See `Place`."""
        return self.path / name if name else self.path

    def read(self, name: str) -> bytes | None:
        """See `Place`."""
        with self._told("cannot be read", name), suppress(FileNotFoundError):
            return read_bytes(self.path / name, MOST_BYTES)
        return None

    def fetch(self, name: str, target: Path) -> None:
        """See `Place`."""
        with self._told("cannot be read", name):
            copy_private(self.path / name, target)

    def put(self, name: str, source: Path | bytes) -> None:
        """See `Place`."""
        with self._told("cannot be written", name), self._beside(name, source) as beside:
            beside.replace(self.path / name)
            _settle(beside.parent)

    def put_new(self, name: str, content: bytes) -> bool:
        """See `Place`."""
        path = self.path / name
        with self._told("cannot be written", name), self._beside(name, content) as beside:
            try:
                os.link(beside, path)
            except FileExistsError:
                # a network disk may repeat a request whose answer was lost, and refuse the second one
                return _same_file(beside, path)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                except FileExistsError:
                    return False
                # until then there is an empty file, which no reader takes for a result
                beside.replace(path)
            _settle(path.parent)
            return True

    def remove(self, name: str) -> None:
        """See `Place`."""
        with self._told("cannot be removed", name), suppress(FileNotFoundError):
            shutil.rmtree(self.path / name)

    def prepare(self) -> None:
        """Make the folder where there is none. HiphingeError where it may not be written."""
        with self._told("cannot be made", ""):
            make_private_parents(self.path / "x")

    @contextmanager
    def _beside(self, name: str, source: Path | bytes) -> Iterator[Path]:
        """The content in a file of another name in the same folder, safe on the disk; removed at the end if still there."""
        path = self.path / name
        beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.new")
        if path.parent != self.path:
            # the place itself is not made: its disk may have gone
            self.path.stat()
            make_private_folder(path.parent)
        try:
            if isinstance(source, bytes):
                write_private(beside, source)
            elif not _linked(source, beside):
                copy_private(source, beside)
            with beside.open("rb+") as out:
                os.fsync(out.fileno())
            yield beside
        finally:
            beside.unlink(missing_ok=True)

    @contextmanager
    def _told(self, what: str, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = str(Path(self.words) / name) if name else self.words
            raise HiphingeError(f"{what}: {error.strerror or error}", where, _REMEDY) from error


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name, which takes no copying; False where others may read it, or the target is on another disk, or
    on one without links."""
    if others_may_read(source.stat()):
        return False
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _same_file(one: Path, other: Path) -> bool:
    return os.path.samestat(one.stat(), other.stat())


def _settle(folder: Path) -> None:
    """The names in the folder are safe on the disk, where system and file system have a way to ask for it."""
    if not HAS_MODES:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # some network disks know no such thing of a folder
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
