"""The sessions that a cohort is made of: those of a folder of sessions, or the newest results of a season computed again.

Only names, sizes and times are looked at; no session is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from body_signals import ESTIMATORS, HiphingeError
from dashboards.edits import EDITS
from dashboards.tables import REPETITIONS, SUMMARY, available_estimators
from hiphinge.afterwards.listing import FINISHED, SESSION, is_session, state_of
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.result import KIND, MARKER, SESSIONS, SessionResults
from hiphinge.session.folders import RECORDING
from on_disk import json_document, read_bytes

_MADE_OF = (SESSION, EDITS, RECORDING, *(f"{e}/{name}" for e in ESTIMATORS for name in (REPETITIONS, SUMMARY)))
"""The files of a session that its rows depend on."""


@dataclass(frozen=True, slots=True)
class Found:
    """A session with results: its folder, and the state of its files."""

    folder: Path
    state: str


@dataclass(slots=True)
class Sources:
    """What is in a folder. found: sessions with results, by name; left_out: why others are not among them; faulty: of these,
    those with a fault that somebody must mend."""

    found: dict[str, Found] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)

    def fault(self, name: str, why: object) -> None:
        """Note a session that cannot be used until its fault is mended."""
        self.left_out[name] = str(why)
        self.faulty.add(name)


def sessions_in(where: Path) -> Sources:
    """The sessions with results in a folder, and the others. HiphingeError where the folder cannot be read."""
    sources = Sources()
    try:
        folders = dict(_results(where, sources) if _is_results(where) else _folders(where))
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(where), "Give the folder of your sessions") from None
    for name, folder in folders.items():
        try:
            inside = frozenset(os.listdir(folder))
        except NotADirectoryError:
            continue
        except OSError as error:
            sources.fault(name, f"cannot be read: {error.strerror}")
            continue
        if is_session(folder, inside):
            state, why = state_of(folder, inside, available_estimators(folder))
            if state == FINISHED:
                sources.found[name] = Found(folder, state_of_files(folder))
            else:
                sources.left_out[name] = why or state
    return sources


def state_of_files(folder: Path) -> str:
    """What tells whether files of a session changed: their sizes and times."""
    words = []
    for name in _MADE_OF:
        try:
            one = os.stat(folder / name)
        except OSError:  # there is none, or its reader reports it
            words.append("-")
        else:
            words.append(f"{one.st_size} {one.st_mtime_ns}")
    return hashlib.blake2b("\n".join(words).encode(), digest_size=12).hexdigest()


def _folders(where: Path) -> Iterator[tuple[str, Path]]:
    """Folders that may be sessions: those in a folder, or the folder itself."""
    names = sorted(os.listdir(where))
    if {SESSION, RECORDING} & set(names):
        yield where.resolve().name, where
        return
    # a name with a leading dot is being written, or is not ours
    yield from ((name, where / name) for name in names if not name.startswith("."))


def _is_results(where: Path) -> bool:
    try:
        said = json_document(read_bytes(where / MARKER, 1 << 16))
    except (OSError, ValueError, HiphingeError):
        return False
    return isinstance(said, dict) and said.get("kind") == KIND


def _results(where: Path, sources: Sources) -> Iterator[tuple[str, Path]]:
    """The result of each session that has one, as its manifest says."""
    place = Folder(where, str(where))
    for name in place.inside(SESSIONS)[0]:
        try:
            found = SessionResults.in_folder(place, name)
        except HiphingeError as error:
            sources.fault(name, error)
            continue
        manifest = found.manifest
        if manifest is None:
            # nothing is finished there yet
            continue
        if any(file.endswith(f"/{REPETITIONS}") for file in manifest["files"]):
            yield str(manifest["session"]), where / found.folder / manifest["folder"]
        else:
            sources.left_out[name] = "repetitions were not computed: hiphinge reanalyse --tables repetitions"
