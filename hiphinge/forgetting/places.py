"""The folders that are looked through for an athlete: of sessions, cohorts that are known, and those that a person names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hiphinge.forgetting.traces import Traces, Undecided, search


@dataclass(frozen=True, slots=True)
class Places:
    """Where on disk is looked. also: folders that were named; cohorts: those that were collected on this computer."""

    sessions: Path | None
    also: tuple[Path, ...]
    cohorts: tuple[Path, ...]

    @property
    def all(self) -> list[Path]:
        """Every folder once, and none that is within another."""
        named = [*((self.sessions,) if self.sessions is not None else ()), *self.also]
        # a cohort that is not there although its disk is was deleted
        named += [cohort for cohort in self.cohorts if cohort.exists() or not cohort.parent.exists()]
        several: dict[Path, Path] = {}
        for place in named:
            several.setdefault(place.resolve(), place)
        return [place for real, place in several.items() if several.keys().isdisjoint(real.parents)]


def look(places: Places, ids: Sequence[str]) -> Traces:
    """Everything of an athlete on disk; ids: of the same person. A folder that is set but missing may be on a disk that is not
    connected: undecided."""
    found = Traces()
    with Console(stderr=True).status("Looking through folders") as status:
        for place in places.all:
            status.update(Text(f"Looking through {readable(place)}"))
            if place.is_dir():
                found.add(search(place, ids[0], frozenset(ids[1:])))
            else:
                found.undecided.append(Undecided(place, "there is no such folder: is its disk connected?"))
    return found


def readable(path: Path) -> str:
    """A path as text that every screen can show: file names need not be valid text."""
    return str(path).encode("utf-8", "backslashreplace").decode()
