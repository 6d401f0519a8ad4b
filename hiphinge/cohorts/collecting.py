"""Collecting: all sessions of a folder into a cohort, and from then on those that changed.

What changed is told by size and time of the few files that rows are made of, without opening them. The file of an athlete is
written anew when one of their sessions changed, came or went; the rows of the others are taken over from the file before. A
session is of one athlete at a time: where session.toml names another one, it moves. A cohort has no history: what is taken out
is nowhere in it.

An athlete's old file stays until the new one replaces it, and what is no longer there goes last: whatever ends the program, a
question finds every athlete. Where that is not possible (the cohort is new, or its files have other columns), `_cohort.json`
says that it is unfinished until it is whole, and it is not asked.

One recording counts once, as in `hiphinge.comparing`: of a session and its replays the one that has the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa

from body_signals import UNKNOWN_ATHLETE, HiphingeError
from dashboards.tables import available_estimators, read_summary
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import bring_up_to_date
from hiphinge.cohorts.athlete_file import Entry, Index, Part, has_our_columns, read_index, read_rows, write_athlete
from hiphinge.cohorts.head import read_head, write_head
from hiphinge.cohorts.places import INDEX, RESULTS, athlete_folders, folder_names, is_cohort
from hiphinge.cohorts.records import records
from hiphinge.cohorts.sources import Found, sessions_in, state_of_files
from hiphinge.comparing.recordings import AS_LONG_S, counted_already, is_replay, stated
from hiphinge.session.lock import FolderLock
from on_disk import make_private_folder

_SCRATCH = (f".{RESULTS}.new", f".{INDEX}.new")
"""What a killed program leaves in an athlete's folder."""


@dataclass(slots=True)
class Collected:
    """What was done. sessions: all that are in the cohort now; read: of them, those that were new or had changed; gone: those
    that were in it and are not there any more; left_out: by folder, why it is not in it; faulty: of them, those with a fault
    that somebody must mend."""

    athletes: int = 0
    sessions: int = 0
    read: int = 0
    gone: int = 0
    bytes: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    faulty: set[str] = field(default_factory=set)


def collect(
    sessions: Path,
    cohort: Path,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None] | None = None,
    *,
    anew: bool = False,
) -> Collected:
    """Bring the cohort in the folder `cohort` up to the sessions in the folder `sessions`.

    tell: hears of sessions whose results are brought up to date first; progress: hears how many sessions of those to be read
    are read; anew: read all. HiphingeError where nothing can be collected, or `cohort` is something else.
    """
    sources = sessions_in(sessions)
    _check_place(cohort)
    if not sources.found:
        first = min(sources.left_out.items(), default=None)
        why = f"; {len(sources.left_out)} are left out, first {first[0]}: {first[1]}" if first is not None else ""
        remedy = "Give the folder of your sessions, or of results that hiphinge reanalyse wrote; the cohort was left as it is"
        raise HiphingeError(f"no session with results is in this folder{why}", str(sessions), remedy)
    try:
        make_private_folder(cohort)
        lock = FolderLock(cohort)
        if not lock.take():
            raise HiphingeError("another program is collecting into this cohort", str(cohort), "Wait for its end")
        try:
            result = Collected(left_out=sources.left_out, faulty=sources.faulty)
            _Collecting(cohort, sources.found, result, tell, progress or (lambda done, of: None)).run(anew=anew)
        finally:
            lock.release()
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise HiphingeError(what, str(error.filename or cohort), "Check free space and permissions; run it again") from error
    return result


def _check_place(cohort: Path) -> None:
    if not cohort.exists() or (cohort.is_dir() and (is_cohort(cohort) or not any(cohort.iterdir()))):
        return
    what = "this is a folder of something else" if cohort.is_dir() else "this is a file"
    raise HiphingeError(what, str(cohort), "Give --out a cohort, or a folder that does not exist")


@dataclass(slots=True)
class _Read:
    """A session that was read."""

    entry: Entry
    rows: pa.Table


@dataclass(slots=True)
class _Collecting:
    """One run. before: the indexes that the cohort had, by athlete, of files whose rows can be taken over; places: the folders
    of athletes; stale: the other folders, which are written anew or go."""

    cohort: Path
    found: dict[str, Found]
    result: Collected
    tell: Callable[[str], None]
    progress: Callable[[int, int], None]
    before: dict[str, Index] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    stale: list[Path] = field(default_factory=list)
    done: int = 0
    to_read: int = 0

    def run(self, *, anew: bool) -> None:
        head = read_head(self.cohort)
        whole = head is not None and head.whole
        self._look(anew=anew, whole=whole)
        if not whole:
            # from here on the folder is a cohort, whatever ends the program
            write_head(self.cohort, unfinished=True)
        known, touched, twice = self._known()
        changed = [
            name for name, one in self.found.items() if name not in known or name in twice or known[name][1].state != one.state
        ]
        self.result.gone = len(known.keys() - self.found.keys())
        self.to_read = len(changed)
        owners = {name: athlete for name, (athlete, _) in known.items() if name in self.found}
        for name in changed:
            self._own(name, owners)
        by_athlete: dict[str, list[str]] = {}
        for name in sorted(owners):
            by_athlete.setdefault(owners[name], []).append(name)
        names = folder_names(by_athlete)
        touched |= {known[name][0] for name in (*changed, *(known.keys() - self.found.keys())) if name in known}
        touched |= {owners[name] for name in changed if name in owners}
        touched |= self._renamed(names)
        for athlete, own in by_athlete.items():
            folder = self.cohort / names[athlete]
            if athlete in touched:
                self._write(athlete, folder, own, set(changed))
            else:
                self._keep(self.before[athlete])
        self._clear(set(names.values()))
        write_head(self.cohort, unfinished=False)

    def _look(self, *, anew: bool, whole: bool) -> None:
        """Read the indexes of the cohort. A folder without a sound one is collected anew. whole: all files have the columns of
        this program; else each is looked at."""
        for folder in athlete_folders(self.cohort):
            for name in _SCRATCH:
                (folder / name).unlink(missing_ok=True)
            index = read_index(folder)
            if index is None or index.athlete in self.places:
                self.stale.append(folder)
                continue
            self.places[index.athlete] = folder
            if not anew and (whole or has_our_columns(folder)):
                self.before[index.athlete] = index

    def _known(self) -> tuple[dict[str, tuple[str, Entry]], set[str], set[str]]:
        """The sessions in the cohort, each with its athlete; the athletes with sessions that another one has too; these
        sessions. A program that was ended wrote the athlete who has it now, and not yet the one who had it."""
        known: dict[str, tuple[str, Entry]] = {}
        touched: set[str] = set()
        twice: set[str] = set()
        for athlete, index in self.before.items():
            for name, one in index.sessions.items():
                if name in known:
                    twice.add(name)
                    touched |= {athlete, known[name][0]}
                known[name] = (athlete, one)
        return known, touched, twice

    def _renamed(self, names: dict[str, str]) -> set[str]:
        """Give folders the names that their athletes have now; the athletes for whom that is not possible."""
        touched = set()
        for athlete, folder in self.places.items():
            place = self.cohort / names.get(athlete, folder.name)
            if place == folder:
                continue
            if place.exists():
                touched.add(athlete)
            else:
                self.places[athlete] = folder.rename(place)
        return touched

    def _clear(self, names: set[str]) -> None:
        """Remove the folders of athletes who are not in the cohort any more. names: of those that were written or kept."""
        for folder in (*self.places.values(), *self.stale):
            if folder.name not in names:
                _remove(folder)

    def _own(self, name: str, owners: dict[str, str]) -> None:
        """Find out whose a session that changed is now."""
        owners.pop(name, None)
        folder = self.found[name].folder
        try:
            athlete = str(read_summary(folder, available_estimators(folder)[-1])["athlete"])
        except (HiphingeError, IndexError) as error:
            self._fault(name, error)
            return
        if athlete == UNKNOWN_ATHLETE:
            self.result.left_out[name] = "it is not known whose session this is: correct [athlete] id in its session.toml"
        else:
            owners[name] = athlete

    def _write(self, athlete: str, folder: Path, own: list[str], changed: set[str]) -> None:
        """Write the file of an athlete from the sessions with these names."""
        index, place = self.before.get(athlete), self.places.get(athlete)
        rows = read_rows(place, index) if index is not None and place is not None else None
        known = index.sessions if index is not None and rows is not None else {}
        read = {name: one for name in own if name in changed or name not in known if (one := self._read(name, athlete))}
        entries = {name: known[name] for name in own if name in known and name not in changed}
        entries |= {name: one.entry for name, one in read.items()}
        counted = self._counted(entries)
        # one that counts only now, because the folder that it is a copy of has gone
        again = [name for name in counted if name not in read and not entries[name].there]
        read |= {name: one for name in again if (one := self._read(name, athlete))}
        kept = counted - read.keys() - set(again)
        parts: list[Part] = [(one.rows, {name}) for name, one in read.items() if name in counted]
        if rows is not None and kept:
            parts.append((rows, kept))
        there = {*kept, *(name for name in read if name in counted)}
        entries = {name: msgspec.structs.replace(one, there=name in there) for name, one in entries.items()}
        if not there:
            _remove(folder)
            return
        self.result.bytes += write_athlete(folder, athlete, parts, entries)
        if place is not None and place != folder:
            _remove(place)
        self._count(entries)
        self.result.read += len(there & read.keys())

    def _keep(self, index: Index) -> None:
        self._counted(index.sessions)
        self.result.bytes += index.size
        self._count(index.sessions)

    def _count(self, entries: dict[str, Entry]) -> None:
        self.result.athletes += 1
        self.result.sessions += sum(entry.there for entry in entries.values())

    def _read(self, name: str, athlete: str) -> _Read | None:
        """Read a session whole; None where that fails, which is noted."""
        folder = self.found[name].folder
        self.done += 1
        self.progress(min(self.done, self.to_read), self.to_read)
        try:
            ties.check(folder)
            bring_up_to_date(folder, self.tell)
            # before it is read: what changes meanwhile is a change next time
            state = state_of_files(folder)
            origins, duration_s = stated(folder)
            rows = pa.concat_tables([records(folder, name, estimator) for estimator in available_estimators(folder)])
        except (HiphingeError, OSError) as error:
            self._fault(name, error)
            return None
        if rows["athlete"].unique().to_pylist() != [athlete]:
            self._fault(name, HiphingeError("its athlete was changed while it was read", str(folder), "Collect again"))
            return None
        session = str(rows["session"][0].as_py())
        return _Read(Entry(state, session, sorted(origins), duration_s, is_replay(folder), there=True), rows)

    def _fault(self, name: str, error: Exception) -> None:
        self.result.left_out[name] = str(error)
        self.result.faulty.add(name)

    def _counted(self, entries: dict[str, Entry]) -> set[str]:
        """The sessions of an athlete that count: of each recording one, and of each session name. The others are noted."""
        counted: set[str] = set()
        lengths: dict[str, list[tuple[float, str]]] = {}
        names: dict[str, str] = {}
        for name, one in sorted(entries.items(), key=lambda item: (item[1].replay, item[0])):
            met = next(
                (first for o in one.origins for s, first in lengths.get(o, ()) if abs(s - one.duration_s) <= AS_LONG_S), ""
            )
            if met:
                # by name: in a season's results a session's folder is called after the attempt
                self.result.left_out[name] = counted_already(Path(met))
            elif one.session in names:
                words = f"its results have the session name of {names[one.session]}: replay it under a name of its own"
                self.result.left_out[name] = words
            else:
                counted.add(name)
                names[one.session] = name
                for origin in one.origins:
                    lengths.setdefault(origin, []).append((one.duration_s, name))
        return counted


def _remove(folder: Path) -> None:
    """Remove an athlete's folder from a cohort; what is not ours in it stays, and the folder with it."""
    if not folder.is_dir():
        return
    for name in (RESULTS, *_SCRATCH, INDEX):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
