"""One recording counts once: a copy of a session, or a replay of it, is known by what was recorded and not by its name.

Two folders are of one recording where their raw files hold the same bytes, or where both state the same athlete and start, by
`origin` in session.toml also before a correction, and last as long. A start that was never set identifies nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from body_signals import UNKNOWN_ATHLETE, UNKNOWN_START, HiphingeError, origin
from dashboards.corrections import EARLIEST, Said, head_of
from dashboards.tables import available_estimators, read_summary
from hiphinge.session.folders import RECORDING

AS_LONG_S = 1.0
"""Two results of one recording end within this time of each other, s: versions may end a row earlier or later (ours)."""


@dataclass(slots=True)
class Recordings:
    """The recordings that were met so far."""

    _met: list[_Recording] = field(default_factory=list)

    def first(self, folder: Path) -> Path | None:
        """The folder of the same recording that was met first; None for a new recording, which is met by this.

        HiphingeError where the folder's results or session.toml cannot be read.
        """
        here = _recording(folder)
        for one in self._met:
            if one.same_as(here):
                return one.folder
        self._met.append(here)
        return None


def check_different(folders: Iterable[Path]) -> None:
    """HiphingeError where two of these sessions are of one recording."""
    met = Recordings()
    for folder in folders:
        other = met.first(folder)
        if other is not None:
            what = f"this is a copy or a replay of the recording in {other.name}, and no further measurement"
            raise HiphingeError(what, str(folder), "Name each recording once")


def counted_already(other: Path) -> str:
    """Why a session is left out that is of the same recording as `other`."""
    return f"it is a copy or a replay of the recording in {other.name}, which counts already"


def stated(folder: Path) -> tuple[frozenset[str], float]:
    """What results and session.toml state of a folder's recording: athlete and start, by `origin`, and how long it lasts, s.
    Nothing where the start was never set. HiphingeError where they cannot be read."""
    one = _recording(folder)
    return one.origins, one.duration_s


def is_replay(folder: Path) -> bool:
    """Whether a folder has results without what was recorded: of one recording the folder that has it comes first."""
    try:
        return not _raw(folder)
    except OSError:  # it may not be read, and is named as such
        return True


@dataclass(frozen=True)
class _Recording:
    """What identifies the recording of a session folder. sizes: of its raw files, bytes."""

    folder: Path
    origins: frozenset[str]
    duration_s: float
    sizes: tuple[int, ...]

    @cached_property
    def content(self) -> tuple[str, ...]:
        """The digests of the raw files; read only where another folder's files are as large."""
        found = []
        for path in _raw(self.folder):
            with path.open("rb") as file:
                found.append(hashlib.file_digest(file, "sha256").hexdigest())
        return tuple(sorted(found))

    def same_as(self, other: _Recording) -> bool:
        if self.origins & other.origins and abs(self.duration_s - other.duration_s) <= AS_LONG_S:
            return True
        return bool(self.sizes) and self.sizes == other.sizes and self.content == other.content


def _recording(folder: Path) -> _Recording:
    summary: Mapping[str, Any] = read_summary(folder, available_estimators(folder)[-1], as_computed=True)
    computed, head = Said.of(summary["athlete"], summary["start"]), head_of(folder)
    stated = {computed.origin} if computed.start is not None and computed.start >= EARLIEST else set()
    if head is not None:
        stated |= head.origins
    athletes = {computed.athlete, UNKNOWN_ATHLETE} | ({head.athlete} if head is not None else set())
    never_set = {origin(athlete, UNKNOWN_START) for athlete in athletes if athlete is not None}
    duration_s = summary["duration_s"]
    return _Recording(
        folder,
        frozenset(stated - never_set - {""}),
        float(duration_s) if isinstance(duration_s, int | float) else 0.0,
        tuple(sorted(path.stat().st_size for path in _raw(folder))),
    )


def _raw(folder: Path) -> list[Path]:
    """The files with what was recorded: the recording, or the samples of a plain session."""
    recording = folder / RECORDING
    return [recording] if recording.is_file() else sorted(path for path in folder.glob("*.csv") if path.is_file())
