"""The athletes of a folder of sessions, and another id for one of them.

An id stands in the head of each session, session.toml. A new one is written there, with the former one as what the session was
recorded under (`dashboards.corrections`); results and reports follow. The recording never changes: it names the former id as
long as it exists, and so do the session's name and its folder where they hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from body_signals import HiphingeError, check_athlete
from dashboards.corrections import SESSION, Said, head_of, settle
from dashboards.influx import FOLDER, Eraser, InfluxSettings, sent_before, waiting_bytes
from dashboards.tables import available_estimators
from hiphinge.afterwards import ties
from hiphinge.afterwards.former_points import remove_former
from hiphinge.afterwards.listing import RUNNING, SENT, Listed, listed
from hiphinge.afterwards.mending import follow_in_report
from hiphinge.exporting.placing import FOLDER as EXPORTS
from hiphinge.session.lock import FolderLock
from on_disk import read_toml, with_value, write_toml


@dataclass(slots=True)
class Athlete:
    """One athlete: sessions, how many of them are whole in InfluxDB, and the starts of the first and the last."""

    athlete: str
    sessions: int = 0
    sent: int = 0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        first, last = (None if at is None else at.isoformat().replace("+00:00", "Z") for at in (self.first, self.last))
        return {"athlete": self.athlete, "sessions": self.sessions, "sent": self.sent, "first": first, "last": last}


@dataclass(slots=True)
class Renamed:
    """What was done. values: by session, how many were deleted in InfluxDB; waiting: sessions whose values under the former id
    are still there; exports: folders with files that were exported before; faults: what could not be renamed, and why."""

    folders: list[Path] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    exports: list[Path] = field(default_factory=list)
    faults: list[HiphingeError] = field(default_factory=list)


def athletes_of(sessions: Path) -> list[Athlete]:
    """The athletes whose sessions are directly in a folder, in the order of their ids."""
    found: dict[str, Athlete] = {}
    for one in listed(sessions):
        if one.athlete is None:
            continue
        athlete = found.setdefault(one.athlete, Athlete(one.athlete))
        athlete.sessions += 1
        athlete.sent += one.sent == SENT
        if one.start is not None:
            athlete.first = min(athlete.first or one.start, one.start)
            athlete.last = max(athlete.last or one.start, one.start)
    return [found[name] for name in sorted(found)]


def sessions_of(sessions: Path, athlete: str, *, into: str, merge: bool) -> list[Listed]:
    """The sessions of an athlete, which are to become those of `into`. merge: `into` is an athlete already; else it is a new
    id. HiphingeError where there are none, one is running, or it is the other way round."""
    for name in (athlete, into):
        try:
            check_athlete(name)
        except HiphingeError as error:
            raise HiphingeError(error.what, "athletes", "Give the pseudonym of one athlete; nothing was changed") from None
    known = listed(sessions)
    mine = [one for one in known if one.athlete == athlete]
    if not mine:
        remedy = "Check the spelling: hiphinge athletes list"
        raise HiphingeError(f"no session of {athlete!r} is there", str(sessions), remedy)
    if athlete == into:
        raise HiphingeError(f"{athlete!r} is the id already", "athletes", "Give another one")
    there = any(one.athlete == into for one in known)
    if merge and not there:
        remedy = f"To give a new id: hiphinge athletes rename {athlete} {into}"
        raise HiphingeError(f"no session of {into!r} is there to merge with", str(sessions), remedy)
    if there and not merge:
        remedy = f"If both are one person: hiphinge athletes merge {athlete} {into}"
        raise HiphingeError(f"{into!r} is an athlete already", str(sessions), remedy)
    for one in mine:
        if one.state == RUNNING:
            raise HiphingeError("a session of this athlete is running", str(one.folder), "Stop it first; nothing was changed")
    return mine


def was_sent(sessions: Iterable[Listed]) -> bool:
    """Whether InfluxDB may have values of one of these sessions."""
    return any((one.folder / FOLDER).is_dir() for one in sessions)


def rename(
    mine: Iterable[Listed], into: str, influx: InfluxSettings | None, among: Path, told: Callable[[str], None]
) -> Renamed:
    """Give these sessions the id `into`. influx: where values under the former id are deleted; None: they stay for now.

    A session that cannot be renamed is noted, and the next one follows. HiphingeError, and nothing is changed, where the
    database cannot be asked.
    """
    if influx is not None:
        # asked before anything is changed
        Eraser(influx)
    done = Renamed()
    for one in mine:
        try:
            _rename(one.folder, into, influx, among, told, done)
        except (HiphingeError, OSError) as error:
            fault = error if isinstance(error, HiphingeError) else None
            words = HiphingeError(f"cannot be changed: {error}", str(one.folder), "Check its permissions, and run it again")
            done.faults.append(fault or words)
    return done


def _rename(
    folder: Path, into: str, influx: InfluxSettings | None, among: Path, told: Callable[[str], None], done: Renamed
) -> None:
    lock = FolderLock(folder)
    if not lock.take():
        raise HiphingeError("another program is using this session", str(folder), "Wait for its end, and run it again")
    try:
        # a folder with parts of two sessions would get an id that is wrong for one of them
        ties.check(folder)
        _write_head(folder, into)
        settle(folder, available_estimators(folder))
        for warning in follow_in_report(folder):
            told(f"{folder}: {warning}")
        done.folders.append(folder)
        if (folder / EXPORTS).is_dir():
            done.exports.append(folder / EXPORTS)
        former = sent_before(folder)
        if former is not None and influx is not None:
            done.values[folder.name] = remove_former(folder, former, influx, among, told)
        elif former is not None or waiting_bytes(folder / FOLDER):
            done.waiting.append(folder.name)
    finally:
        lock.release()


def _write_head(folder: Path, into: str) -> None:
    """Write the id into session.toml, whose comments and other words stay, and the former one into its origins."""
    path, head = folder / SESSION, head_of(folder)
    if head is None or head.athlete is None:
        remedy = f"Compute its results into a folder with a head: hiphinge replay {folder} --out DIR"
        raise HiphingeError("there is no session.toml that names the athlete", str(folder), remedy)
    _, text = read_toml(path, "")
    text = with_value(text, "id", into, path, table="athlete")
    origins = {*head.origins, head.origin, Said(into, head.start).origin} - {""}
    if origins:
        text = with_value(text, "origin", sorted(origins), path)
    write_toml(path, text)
