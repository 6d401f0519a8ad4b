"""`hiphinge forget`: deletes everything about one athlete, in InfluxDB and on this computer, and searches again afterwards.

The command says *0 left* only if everything could be searched. A file that may be the athlete's, without proof
(`hiphinge.forgetting.traces`), is named and left, and the command fails.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from body_signals import HiphingeError, check_athlete
from dashboards.influx import FOLDER, CannotAsk, Eraser, Stored, waiting_bytes
from hiphinge import config, logbook
from hiphinge.cohorts.known import known_cohorts
from hiphinge.cohorts.places import is_cohort
from hiphinge.commands.options import CONFIG, console, say
from hiphinge.forgetting.identifier import Identifier
from hiphinge.forgetting.places import Places, by_hand, computing, look, readable
from hiphinge.forgetting.traces import Traces, Undecided
from hiphinge.seasons.running import results_of_a_run
from hiphinge.session.lock import LOCK, FolderLock, is_running

SESSION = "session.toml"
_LAST = ("recording.mcap", SESSION, LOCK)
"""Deleted last, in this order: the files that name the athlete, then the lock."""
NOT_LOOKED_AT = (
    "not looked at: kits and configuration files, exports and copies outside the folder of sessions, backups, pictures of "
    "Grafana's dashboards, logs of terminals and of the database"
)
NO_OTHER_FOLDER = (
    "not looked at: results of hiphinge reanalyse and exported archives outside the folder of sessions; "
    "--also FOLDER looks below their folder too"
)
OTHER_FOLDERS = (
    "not looked at: results of hiphinge reanalyse, exported archives and cohorts that were moved, in folders that no --also "
    "names"
)
ELSEWHERE = (
    "not looked at: results of hiphinge reanalyse in object storage, where sessions/NAME is named after the session's "
    "folder, and temporary files (hiphinge-computing-*) of other computers on which sessions were computed"
)


def forget(
    athlete: str = typer.Argument(..., metavar="ATHLETE", help="The athlete's pseudonym, as in session.toml."),
    former: list[str] = typer.Option([], "--former", help="A former id of the same person, deleted too; repeatable."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    only_folders: bool = typer.Option(False, "--only-folders", help="Leave InfluxDB as it is."),
    also: list[str] = typer.Option(
        [],
        "--also",
        metavar="FOLDER",
        help="Look below this folder too, or into this archive: results of hiphinge reanalyse, exported archives, cohorts; "
        "repeatable.",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON line; needs --yes."),
    config_file: Path | None = CONFIG,
) -> None:
    """Delete everything about an athlete: points in InfluxDB, session folders with their recordings and outboxes, rows in
    cohorts that hiphinge collect made.

    A file that may be the athlete's, without proof, is named and left, and the exit code is 1. Kits, exports elsewhere,
    backups and other copies are not searched, unless --also names their folder.
    """
    ids = [check_athlete(one) for one in dict.fromkeys((athlete, *former))]
    logbook.hide(*ids)
    settings = config.load(config_file)
    if as_json and not yes:
        raise HiphingeError("cannot ask", "--json", "Add --yes")
    places = Places(settings.sessions, tuple(also), tuple(known_cohorts(config_file)))
    if not places.all and not settings.influx_configured:
        what = "neither a folder of sessions nor an InfluxDB is set"
        raise HiphingeError(what, "HIPHINGE_SESSIONS, HIPHINGE_INFLUX_URL", "Set where to look for the athlete")
    influx = settings.influx() if settings.influx_configured and not only_folders else None
    database = _Database(ids, Eraser(influx), Stored(influx)) if influx is not None else None
    found = look(places, ids)
    report = _Report(athlete, ids[1:], database.count() if database is not None else {})
    if not found.any and not report.values:
        _nothing(report, found, settings, places, database, as_json)
    if not as_json:
        _show(found, report.values)
    if not yes and not _agreed():
        raise HiphingeError("nothing was deleted", athlete, "Answer y, or add --yes")
    _check_running(found.folders, places)
    if database is not None:
        database.erase()
    _delete_all(found, report)
    _delete_log_lines(report, ids)
    after = look(places, ids, found.files)
    since = "hiphinge reanalyse began to write to it meanwhile, and may write the athlete into it: run this again at its end"
    after.undecided += [Undecided(results, since) for results in _being_written(places)]
    report.left += [str(path) for path in (*after.folders, *after.files, *after.named)]
    _after(report, found, after, settings, places, database)
    _tell(report, as_json)


@dataclass(slots=True)
class _Report:
    """The outcome. folders: of sessions; cohorts: of the athlete in cohorts; empty: named after the athlete; left: the
    athlete's paths that could not be deleted, with the reason in `faults`."""

    athlete: str
    former: list[str]
    values: dict[str, int]
    folders: list[str] = field(default_factory=list)
    cohorts: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    values_left: dict[str, int] = field(default_factory=dict)
    undecided: list[tuple[str, str]] = field(default_factory=list)
    faults: list[HiphingeError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "athlete": self.athlete,
            "former": self.former,
            "sessions": self.folders,
            "cohorts": self.cohorts,
            "files": self.files,
            "empty_folders": self.empty,
            "values": self.values,
            "values_left": self.values_left,
            "left": len(self.left) + sum(self.values_left.values()),
            "left_paths": self.left,
            "undecided": [{"where": where, "why": why} for where, why in self.undecided],
            "remarks": self.remarks,
        }


@dataclass(slots=True)
class _Database:
    """The database's side: all ids of the athlete at once."""

    ids: list[str]
    eraser: Eraser
    stored: Stored
    remarks: list[str] = field(default_factory=list)
    """Remarks on the database for people, as of the last count."""

    def count(self) -> dict[str, int]:
        """Values by measurement."""
        counts: dict[str, int] = {}
        self.remarks.clear()
        for one in self.ids:
            for name, n in self.eraser.count(one).items():
                counts[name] = counts.get(name, 0) + n
            self.remarks += (remark.removesuffix(".") for remark in self.eraser.remarks)
        return counts

    @property
    def place(self) -> str:
        """The database's address, for messages."""
        return f"{self.stored.settings.url}, bucket {self.stored.settings.bucket}"

    def beside_ours(self, left: dict[str, int]) -> list[tuple[str, str]]:
        """Values with the athlete's tag in measurements that are not ours, which stay. `CannotAsk` as below."""
        found = []
        for one in self.ids:
            for name, n in self.stored.measurements_of(one).items():
                if name not in left:
                    found.append(
                        (self.place, f"{n} values of {one!r} are in {name!r}, which hiphinge did not write and leaves")
                    )
        return found

    def erase(self) -> None:
        """Delete all points."""
        for one in self.ids:
            self.eraser.erase(one)

    def under_others(self, traces: Traces) -> list[tuple[str, str]]:
        """Sessions of the athlete, by name, whose points have another id. `CannotAsk` where the database cannot tell."""
        names = self.stored.sessions_besides(self.ids[0])
        lookers = [Identifier(one, traces.others) for one in self.ids]
        found = []
        for name in sorted(names):
            if name not in traces.sessions and not any(looker.in_text(name) for looker in lookers):
                continue
            for other, n in self.stored.athletes_of(name).items():
                if other not in self.ids:
                    whom = f"athlete {other!r}" if other else "no athlete"
                    why = f"{n} values of the session {name!r}, which is or was this athlete's, are there under {whom}"
                    found.append((self.place, why))
        return found


def _nothing(
    report: _Report,
    found: Traces,
    settings: config.Settings,
    places: Places,
    database: _Database | None,
    as_json: bool,
) -> None:
    """Report that nothing is certainly the athlete's, and name the undecided places."""
    _after(report, found, found, settings, places, database)
    if report.undecided:
        _tell(report, as_json)
    looked = [*map(str, places.all), *(["InfluxDB"] if database is not None else [])]
    if as_json:
        print(json.dumps(report.document))
    what = f"nothing was found of {report.athlete!r}"
    raise HiphingeError(what, " and ".join(looked), "Check the spelling: it is the id in session.toml")


def _after(
    report: _Report,
    found: Traces,
    after: Traces,
    settings: config.Settings,
    places: Places,
    database: _Database | None,
) -> None:
    """Count again in the database, and collect the places that are undecided or were not searched."""
    report.undecided = [(readable(one.path), one.why) for one in after.undecided]
    links = [one for one in found.undecided if one not in after.undecided and "outside and not looked at" in one.why]
    report.undecided += [(readable(one.path), one.why) for one in links]
    names = sorted({folder.name for folder in found.folders if settings.sessions in folder.parents})
    report.undecided += [(address, by_hand(address, names)) for address in places.addresses]
    if settings.sessions is None:
        report.remarks.append("no folder of sessions is set (HIPHINGE_SESSIONS): nothing on this computer was looked at")
    if database is None:
        why = "--only-folders" if settings.influx_configured else "HIPHINGE_INFLUX_URL is not set"
        report.remarks.append(f"InfluxDB was not looked at ({why})")
    else:
        report.values_left = database.count()
        report.remarks += database.remarks
        for traces in (found, after):
            after.sessions |= traces.sessions
            after.others |= traces.others
        try:
            report.undecided += database.beside_ours(report.values_left) + database.under_others(after)
        except CannotAsk as error:
            report.remarks.append(f"points beside ours and under other ids were not looked for: {error}")
    if not all(Identifier(one).telling for one in (report.athlete, *report.former)):
        report.remarks.append(
            "the id is so short or so common a word that it was looked for only where an id stands, not in notes and sentences"
        )
    if (words := computing()) is not None:
        report.remarks.append(words)
    report.remarks += [OTHER_FOLDERS if places.also else NO_OTHER_FOLDER, ELSEWHERE, NOT_LOOKED_AT]


def _tell(report: _Report, as_json: bool) -> None:
    """Report the outcome. HiphingeError where something is left; exit code 1 where something is undecided."""
    n, left = sum(report.values.values()), sum(report.values_left.values())
    if as_json:
        print(json.dumps(report.document))
    else:
        screen = console()
        files = f", {len(report.files)} further files" if report.files else ""
        cohorts = f", {len(report.cohorts)} folders in cohorts" if report.cohorts else ""
        empty = f", {len(report.empty)} empty folders named after the athlete" if report.empty else ""
        deleted = f"{len(report.folders)} session folders{cohorts}{files}{empty} and {n - left} values in InfluxDB are deleted"
        again = (
            f"looked for again: {len(report.undecided)} places are undecided" if report.undecided else "counted again: 0 left"
        )
        if report.left or left:
            again = f"counted again: {len(report.left)} places and {left} values are left"
        for line in (f"{deleted}; {again}.", *(f"Note: {remark}." for remark in report.remarks)):
            screen.print(line, highlight=False, markup=False, soft_wrap=True)
    for where, why in report.undecided:
        say(f"undecided, left as it is: {where}: {why}")
    if left:
        what = f"{left} values of {report.athlete!r} are still in InfluxDB ({', '.join(report.values_left)})"
        raise HiphingeError(what, "forget", "Somebody may be sending them still: stop that, and run it again")
    if report.faults:
        raise report.faults[0]
    if report.left:
        raise HiphingeError("this is still there", report.left[0], "Check the folder's permissions, and run it again")
    if report.undecided:
        sys.exit(1)


def _show(found: Traces, values: dict[str, int]) -> None:
    screen = console()
    for folder in found.folders:
        waiting = waiting_bytes(folder / FOLDER)
        note = f" ({waiting} bytes wait for InfluxDB)" if waiting else ""
        screen.print(f"{readable(folder)}{note}", highlight=False, markup=False, soft_wrap=True)
    for folder in found.named:
        screen.print(
            f"{readable(folder)} (the folder itself, which is empty then)", highlight=False, markup=False, soft_wrap=True
        )
    for file in found.files:
        screen.print(readable(file), highlight=False, markup=False, soft_wrap=True)
    for name, n in values.items():
        screen.print(f"InfluxDB, {name}: {n} values", highlight=False, markup=False, soft_wrap=True)


def _agreed() -> bool:
    try:
        return typer.confirm("Delete all of this? It cannot be undone")
    except typer.Abort:
        return False


def _check_running(folders: list[Path], places: Places) -> None:
    """HiphingeError where a program is writing one of the folders, or results in one of the places. Checked one by one, so that
    few files are open at once."""
    for folder in folders:
        if is_running(folder):
            raise HiphingeError("a session of this athlete is running", str(folder), "Stop it first; nothing was deleted")
        if is_cohort(folder.parent) and is_running(folder.parent):
            what = "a program is collecting into this cohort, and would write the athlete into it again"
            raise HiphingeError(what, str(folder.parent), "Wait for its end; nothing was deleted")
    for results in _being_written(places):
        what = "hiphinge reanalyse is writing to these results, and would write the athlete into them again"
        raise HiphingeError(what, readable(results), "Wait for its end, or stop it; nothing was deleted")


def _being_written(places: Places) -> list[Path]:
    """Folders of results to which a run is writing."""
    return [results for place in places.all if (results := results_of_a_run(place)) is not None]


def _delete_all(found: Traces, report: _Report) -> None:
    """Delete everything that was found. A folder or file that cannot be deleted is noted, and the next one follows."""
    for folder in found.folders:
        try:
            _delete(folder, found.nested.get(folder, []))
            (report.cohorts if is_cohort(folder.parent) else report.folders).append(str(folder))
        except HiphingeError as error:
            report.faults.append(error)
    for file in found.files:
        try:
            file.unlink(missing_ok=True)
            report.files.append(str(file))
        except OSError as error:
            report.faults.append(_refused(error, file))
    for folder in found.named:
        try:
            # one folder within another goes with it
            if folder.is_dir():
                _delete_empty(folder)
                report.empty.append(str(folder))
        except OSError as error:
            report.faults.append(_refused(error, folder))


def _delete_empty(folder: Path) -> None:
    """Delete a folder that has nothing but folders in it. OSError where something else is there by now: it stays."""
    for inside, _, _ in os.walk(folder, topdown=False):
        os.rmdir(inside)


def _delete(folder: Path, nested: list[Path]) -> None:
    """Delete a session folder, but no session folders within it. The files that name the athlete are deleted last, so that a
    second run finds what a first run has left."""
    lock = FolderLock(folder)
    if not lock.take():
        raise HiphingeError("another program is using this session", str(folder), "Wait for its end, and run it again")
    try:
        _empty(folder, nested)
        lock.release()
        # sessions of others may lie in it
        if not nested or not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise _refused(error, folder) from None
    finally:
        lock.release()


def _empty(folder: Path, nested: list[Path]) -> None:
    for path in sorted(folder.iterdir(), key=lambda p: (_LAST.index(p.name) if p.name in _LAST else -1, p.name)):
        within = [other for other in nested if other == path or path in other.parents]
        if path in within or path.name == LOCK:
            continue
        if not path.is_dir() or path.is_symlink():
            path.unlink()
        elif within:
            _empty(path, within)
        else:
            shutil.rmtree(path)


def _delete_log_lines(report: _Report, ids: list[str]) -> None:
    """Session names in the program's log hold the id."""
    lookers = [Identifier(one) for one in ids]
    try:
        logbook.drop_lines(lambda line: any(looker.in_text(line) for looker in lookers))
    except OSError as error:
        report.faults.append(_refused(error, logbook.log_file() or Path()))


def _refused(error: OSError, path: Path) -> HiphingeError:
    what = f"cannot be deleted: {error.strerror}"
    remedy = "Everything before it is deleted. Check the folder's permissions, and run it again: it continues where it stopped"
    return HiphingeError(what, error.filename or str(path), remedy)
