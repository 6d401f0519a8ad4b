"""The sessions that a cohort is made of: those of a folder of sessions, or the newest results of a season computed again.

Only names, sizes and times are looked at; no session is opened.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from body_signals import ESTIMATORS, HiphingeError
from dashboards.edits import EDITS
from dashboards.tables import REPETITIONS, SUMMARY, available_estimators
from hiphinge.afterwards.listing import FINISHED, SESSION, is_session, state_of
from hiphinge.session.folders import RECORDING
from on_disk import json_document, read_bytes

_MADE_OF = (SESSION, EDITS, RECORDING, *(f"{e}/{name}" for e in ESTIMATORS for name in (REPETITIONS, SUMMARY)))
"""The files of a session that its rows depend on."""
_RESULTS, _KIND, _SESSIONS = "results.json", "hiphinge results", "sessions"
"""The file that makes a folder one of results (docs/season.md), what it says, and where the sessions are in it."""
_MANIFEST = re.compile(r"manifest-(\d{1,12})\.json")
_ATTEMPT = re.compile(r"attempt-[\w-]+", re.ASCII)
_MOST_MANIFEST_BYTES = 16 << 20
"""Largest manifest, bytes (ours)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A session with results: its folder, and the state of its files."""

    folder: Path
    state: str


def sessions_in(where: Path) -> tuple[dict[str, Found], dict[str, str]]:
    """The sessions with results in a folder, by name; and by name why others are left out. HiphingeError where the folder
    cannot be read."""
    found: dict[str, Found] = {}
    left_out: dict[str, str] = {}
    try:
        folders = dict(_results(where, left_out) if _is_results(where) else _folders(where))
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(where), "Give the folder of your sessions") from None
    for name, folder in folders.items():
        try:
            inside = frozenset(os.listdir(folder))
        except NotADirectoryError:
            continue
        except OSError as error:
            left_out[name] = f"cannot be read: {error.strerror}"
            continue
        if is_session(folder, inside):
            state, why = state_of(folder, inside, available_estimators(folder))
            if state == FINISHED:
                found[name] = Found(folder, state_of_files(folder))
            else:
                left_out[name] = why or state
    return found, left_out


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
        said = json_document(read_bytes(where / _RESULTS, 1 << 16))
    except (OSError, ValueError, HiphingeError):
        return False
    return isinstance(said, dict) and said.get("kind") == _KIND


def _results(where: Path, left_out: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """The newest results of each session: what the manifest with the highest number names."""
    for place in sorted((where / _SESSIONS).iterdir()):
        numbers = {int(found[1]): found[0] for name in os.listdir(place) if (found := _MANIFEST.fullmatch(name))}
        if not numbers:
            # nothing is finished there yet
            continue
        try:
            said = json_document(read_bytes(place / numbers[max(numbers)], _MOST_MANIFEST_BYTES))
            folder, name, files = str(said["folder"]), str(said["session"]), said.get("files")
        except (OSError, ValueError, HiphingeError, KeyError, TypeError) as error:
            left_out[place.name] = f"its manifest cannot be read ({error})"
            continue
        if files and not any(str(file).endswith(f"/{REPETITIONS}") for file in files):
            left_out[name] = "repetitions were not computed: hiphinge reanalyse --tables repetitions"
        elif _ATTEMPT.fullmatch(folder):
            yield name, place / folder
        else:
            left_out[place.name] = f"its manifest names the folder {folder!r}"
