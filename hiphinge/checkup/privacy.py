"""Finds session folders that other users may read, from an earlier version or copied by hand, and makes them private.

Only folders with a session's files, everything below them, and recordings beside them are touched. Links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from body_signals import ESTIMATORS
from hiphinge.session.in_progress import RECORDING
from on_disk import close_to_others, open_to_others

_MARKS = frozenset({"session.toml", RECORDING, "edits.toml"})


@dataclass(slots=True)
class Closed:
    """files, folders: made private now. left: those that could not be, each with the system's reason."""

    files: int = 0
    folders: int = 0
    left: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The finding, for people."""
        done = f"{self.files} files and {self.folders} folders could be read by others and are now private (600, 700)"
        if not self.left:
            return done if self.files or self.folders else "only their owner may read them"
        more = f", and {len(self.left) - 1} more" if len(self.left) > 1 else ""
        return f"{done}; others can still read {self.left[0]}{more}: let their owner run hiphinge doctor"


def close_sessions(*places: Path) -> Closed:
    """Make the sessions at or below these folders private; a missing folder will be created by the first session."""
    closed = Closed()
    for root in filter(Path.is_dir, places):
        for private in _private(root, closed):
            _close(private, closed)
    return closed


def _private(folder: Path, closed: Closed) -> Iterator[Path]:
    """Session folders and loose recordings at and below `folder`."""
    try:
        with os.scandir(folder) as entries:
            there = {entry.name: entry for entry in entries if not entry.is_symlink()}
    except OSError as error:
        closed.left.append(f"{folder} ({error.strerror})")
        return
    if any(name in there for name in _MARKS) or any(
        (folder / name / "summary.json").is_file() for name in ESTIMATORS if name in there
    ):
        yield folder
        return
    for name, entry in sorted(there.items()):
        if entry.is_dir():
            yield from _private(folder / name, closed)
        elif name.endswith(".mcap") and entry.is_file():
            yield folder / name


def _close(root: Path, closed: Closed) -> None:
    try:
        for path in open_to_others(root):
            try:
                folder = path.is_dir()
                close_to_others(path)
            except OSError as error:
                closed.left.append(f"{path} ({error.strerror})")
            else:
                closed.folders += folder
                closed.files += not folder
    except OSError as error:
        closed.left.append(f"{root} ({error.strerror})")
