"""The folders that are looked through for an athlete: of sessions, cohorts that are known, and those that a person names. And
what is said of others."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hiphinge.forgetting.traces import Traces, Undecided, search
from hiphinge.seasons.place import written
from hiphinge.seasons.result import REPORT, SESSIONS
from hiphinge.session.scratch import COMPUTING

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How an address begins that is no path."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where is looked. also: folders, files and addresses that were named; cohorts: those that were collected on this
    computer."""

    sessions: Path | None
    also: tuple[str, ...]
    cohorts: tuple[Path, ...]

    @property
    def addresses(self) -> list[str]:
        """Of what was named the addresses, e.g. of buckets, where is not looked."""
        return [words for words in self.also if _ADDRESS.match(words)]

    @property
    def all(self) -> list[Path]:
        """Every folder once, and none that is within another."""
        named = [*((self.sessions,) if self.sessions is not None else ())]
        named += [Path(words) for words in self.also if not _ADDRESS.match(words)]
        # a cohort that is not there although its disk is was deleted
        named += [cohort for cohort in self.cohorts if cohort.exists() or not cohort.parent.exists()]
        several: dict[Path, Path] = {}
        for place in named:
            several.setdefault(place.resolve(), place)
        return [place for real, place in several.items() if several.keys().isdisjoint(real.parents)]


def look(places: Places, ids: Sequence[str], deleted: Collection[Path] = ()) -> Traces:
    """Everything of an athlete on disk; ids: of the same person; deleted: files that were there. A folder that is set but
    missing may be on a disk that is not connected: undecided."""
    found = Traces()
    with Console(stderr=True).status("Looking through folders") as status:
        for place in places.all:
            status.update(Text(f"Looking through {readable(place)}"))
            if place.is_dir():
                found.add(search(place, ids[0], frozenset(ids[1:])))
            elif place.is_file():
                # of a link the file itself goes
                found.add(search(place.resolve() if place.is_symlink() else place, ids[0], frozenset(ids[1:])))
            elif {place, place.resolve()}.isdisjoint(deleted):
                found.undecided.append(Undecided(place, "there is no such folder: is its disk connected?"))
    return found


def by_hand(address: str, sessions: Sequence[str]) -> str:
    """What a person deletes at an address, where is not looked. sessions: the names of the athlete's session folders."""
    results = [f"{address.rstrip('/')}/{SESSIONS}/{written(name)}" for name in sessions]
    what = ", ".join(results) if results else f"in results of hiphinge reanalyse the folders {SESSIONS}/NAME"
    also = f"named after the athlete's session folders; {REPORT} there may name them too"
    return f"object storage is not searched: delete by its own tools {what}, {also}"


def computing() -> str | None:
    """What is said of this computer's temporary folders in which sessions of a season are computed, or were by a program that
    was killed; None where there are none."""
    temporary = Path(tempfile.gettempdir())
    n = len(list(temporary.glob(f"{COMPUTING}*")))
    if not n:
        return None
    where = f"{n} folders of computations, {readable(temporary / COMPUTING)}*"
    return f"not looked at: {where}: delete them when no hiphinge reanalyse runs on this computer"


def readable(path: Path) -> str:
    """A path as text that every screen can show: file names need not be valid text."""
    return str(path).encode("utf-8", "backslashreplace").decode()
