"""Sessions that commands meet: results to work on, and sessions that were not closed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from body_signals import HiphingeError
from dashboards.tables import available_estimators
from hiphinge.afterwards.mending import bring_up_to_date
from hiphinge.commands.options import say
from hiphinge.config import Settings
from hiphinge.session.lock import is_running
from hiphinge.session.recovery import orphans, recorded_in, recover_apart, set_aside
from hiphinge.session.scratch import sweep_sessions


def with_results(session: Path, *, again: bool = True) -> tuple[str, ...]:
    """The estimators whose results the session folder holds, at least one. A session that was not closed is computed first.

    again: also if that was tried before and the session was set aside.
    """
    if not session.is_dir():
        what = "this is a file" if session.exists() else "no such session folder"
        raise HiphingeError(what, str(session), "Give a session folder: one that demo or replay wrote")
    finish_orphan(session, again=again)
    there = available_estimators(session)
    if not there:
        raise HiphingeError("no results are in this folder", str(session), f"Run: hiphinge replay {session} --out DIR")
    if not is_running(session):
        bring_up_to_date(session, say)
    return there


def finish_orphan(session: Path, *, again: bool = True) -> None:
    """Compute the results of a session that was not closed. Reports on standard error."""
    _look_after(folder for folder in orphans(session) if again or not set_aside(folder))


def unfinished(settings: Settings) -> list[Path]:
    """Sessions that were not closed, in the sessions folder; if none is set, in the current folder."""
    if settings.sessions is not None:
        return orphans(settings.sessions)
    return [folder for found in recorded_in(Path()) for folder in orphans(found)]


def look_after_orphans(settings: Settings) -> None:
    """Compute the results of sessions that were not closed, except those set aside. Reports on standard error."""
    _look_after(_worth_trying(unfinished(settings)))


def tell_orphans(settings: Settings, new_session: Path) -> list[Path]:
    """Before a new session: name the sessions that were not closed, and remove the half-written files of killed programs.

    Returns the sessions worth computing once the new session is closed: no athlete waits for another one's results.
    """
    for sessions in {(settings.sessions or Path()).absolute(), new_session.absolute().parent}:
        sweep_sessions(sessions)
    folders = _worth_trying(unfinished(settings))
    if folders:
        names = f"{folders[0]} was" if len(folders) == 1 else f"{len(folders)} sessions, first {folders[0]}, were"
        say(f"{names} not closed; results are computed after this session, or by hiphinge doctor")
    return folders


def look_after(folders: Iterable[Path]) -> None:
    """Compute the results of these sessions. Reports on standard error. Stops at Ctrl-C; the rest is for doctor."""
    try:
        _look_after(folder for folder in folders if orphans(folder))
    except (SystemExit, KeyboardInterrupt):
        say("broken off; sessions that were not closed are computed at the next start, or by hiphinge doctor")


def _worth_trying(folders: list[Path]) -> list[Path]:
    """The sessions that were not set aside; reports those that were."""
    reasons = {folder: set_aside(folder) for folder in folders}
    for reason in filter(None, reasons.values()):
        say(f"set aside: {reason}")
    return [folder for folder in folders if not reasons[folder]]


def _look_after(folders: Iterable[Path]) -> None:
    for folder in folders:
        say(f"{folder} was not closed; computing its results from the recording")
        result = recover_apart(folder)
        for warning in result.warnings:
            say(warning)
        if result.error is not None:
            say(str(result.error))
