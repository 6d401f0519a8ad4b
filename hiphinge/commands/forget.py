"""`hiphinge forget`: all there is of one athlete, in InfluxDB and on this computer, deleted; counted before and after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import typer

from dashboards.erasure import Eraser
from dashboards.outbox import FOLDER, waiting_bytes
from dashboards.tables import available_estimators, read_summary
from hiphinge import config
from hiphinge.app import RECORDING
from hiphinge.commands.options import CONFIG, console, say
from hiphinge.lock import LOCK, FolderLock
from ingest.recording import read_recording
from ingest.session_toml import read_toml
from signals import HiphingeError

SESSION = "session.toml"
_NAMES = (SESSION, LOCK)
"""Deleted last: whose it is, and the mark that somebody is at it."""


def forget(
    athlete: str = typer.Argument(..., metavar="ATHLETE", help="The athlete's pseudonym, as in session.toml."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    only_folders: bool = typer.Option(False, "--only-folders", help="Leave InfluxDB as it is."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line; needs --yes."),
    config_file: Path | None = CONFIG,
) -> None:
    """Delete all there is of an athlete: points in InfluxDB, session folders with their recordings and outboxes.

    Reports, exports, backups and other copies are not reached.
    """
    settings = config.load(config_file)
    if as_json and not yes:
        raise HiphingeError("cannot ask", "--json", "Say --yes too")
    if settings.sessions is None and not settings.influx_configured:
        what = "neither a folder of sessions nor an InfluxDB is set"
        raise HiphingeError(what, "HIPHINGE_SESSIONS, HIPHINGE_INFLUX_URL", "Set where to look for the athlete")
    eraser = Eraser(settings.influx()) if settings.influx_configured and not only_folders else None
    folders = _sessions(settings.sessions, athlete)
    values = eraser.count(athlete) if eraser is not None else {}
    if not folders and not values:
        places = [*([str(settings.sessions)] if settings.sessions else []), *(["InfluxDB"] if eraser is not None else [])]
        raise HiphingeError(
            f"nothing is there of {athlete!r}", " and ".join(places), "Check the spelling: it is the id in session.toml"
        )
    if not as_json:
        _show(folders, values)
    if not yes and not _agreed():
        raise HiphingeError("nothing was deleted", athlete, "Answer y, or say --yes")
    locks = _taken(folders)
    try:
        if eraser is not None:
            eraser.erase(athlete)
        for folder in folders:
            _delete(folder)
    finally:
        for lock in locks:
            lock.release()
    _prove(athlete, eraser, settings.sessions)
    if as_json:
        print(json.dumps({"athlete": athlete, "sessions": [str(f) for f in folders], "values": values, "left": 0}))
        return
    done = f"{len(folders)} session folders and {sum(values.values())} values in InfluxDB are deleted; counted again: 0 left."
    console().print(done, highlight=False, markup=False, soft_wrap=True)


def _delete(folder: Path) -> None:
    """All of a session folder; what says whose it is goes last, so that a second run finds what a first one has left."""
    try:
        for path in sorted(folder.iterdir(), key=lambda p: p.name in _NAMES):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in _NAMES:
                path.unlink()
        for name in _NAMES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except OSError as error:
        what = f"cannot be deleted: {error.strerror}"
        remedy = "What came before is deleted. Check the folder's permissions, and run it again: it goes on where it stopped"
        raise HiphingeError(what, error.filename or str(folder), remedy) from None


def _sessions(where: Path | None, athlete: str) -> list[Path]:
    """Session folders of the athlete, in order. Says which ones cannot be read: they are nobody's."""
    found = []
    for folder in sorted(path for path in where.iterdir() if path.is_dir()) if where is not None and where.is_dir() else ():
        try:
            person = _athlete_of(folder)
        except HiphingeError as error:
            say(f"left as it is, because nobody can tell whose it is: {error}")
            continue
        if person == athlete:
            found.append(folder)
    return found


def _athlete_of(folder: Path) -> str | None:
    """Whose session it is, by whatever is there of it; None where it is none."""
    if (folder / SESSION).is_file():
        head, _ = read_toml(folder / SESSION, "")
        person = head.get("athlete")
        return str(person.get("id")) if isinstance(person, dict) else None
    if (folder / RECORDING).is_file():
        return read_recording(folder / RECORDING, salvage=True).session.athlete
    for estimator in available_estimators(folder):
        return str(read_summary(folder, estimator)["athlete"])
    return None


def _show(folders: list[Path], values: dict[str, int]) -> None:
    screen = console()
    for folder in folders:
        waiting = waiting_bytes(folder / FOLDER)
        note = f" ({waiting} bytes wait for InfluxDB)" if waiting else ""
        screen.print(f"{folder}{note}", highlight=False, markup=False, soft_wrap=True)
    for name, n in values.items():
        screen.print(f"InfluxDB, {name}: {n} values", highlight=False, markup=False, soft_wrap=True)


def _agreed() -> bool:
    try:
        return typer.confirm("Delete all of this? It cannot be brought back")
    except typer.Abort:
        return False


def _taken(folders: list[Path]) -> list[FolderLock]:
    """Locks on all folders; HiphingeError, and none of them, where a program is writing one."""
    locks: list[FolderLock] = []
    for folder in folders:
        lock = FolderLock(folder)
        if not lock.take():
            for other in locks:
                other.release()
            raise HiphingeError("a session of this athlete is running", str(folder), "Stop it first; nothing was deleted")
        locks.append(lock)
    return locks


def _prove(athlete: str, eraser: Eraser | None, where: Path | None) -> None:
    """Look again. HiphingeError where something is left."""
    left = eraser.count(athlete) if eraser is not None else {}
    if left:
        what = f"{sum(left.values())} values of {athlete!r} are still in InfluxDB ({', '.join(left)})"
        raise HiphingeError(what, "forget", "Somebody may be sending them still: stop that, and run it again")
    folders = _sessions(where, athlete)
    if folders:
        raise HiphingeError("this session is still there", str(folders[0]), "Check the folder's permissions, and run it again")
