"""Shared by several commands: options, the screen, results to work on, sessions that were not closed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import typer
from rich.console import Console

from body_signals import ESTIMATORS, HiphingeError
from dashboards.tables import available_estimators
from hiphinge import logbook
from hiphinge.afterwards.mending import bring_up_to_date
from hiphinge.config import Settings
from hiphinge.session.lock import is_running
from hiphinge.session.recovery import DEMO_SESSION as DEMO_SESSION
from hiphinge.session.recovery import orphans, recorded_in, recover_apart, set_aside
from hiphinge.session.scratch import sweep_sessions

CONFIG = typer.Option(None, "--config", help="Configuration file (TOML); else the one in your configuration folder.")

PORT = typer.Option(None, "--port", min=0, max=65535, help="Of the live page; 0: any free one. [default: 8642, if free]")
LAN = typer.Option(False, "--lan", help="Open the live page to tablets in this network; each needs an invitation.")
TLS = typer.Option(False, "--tls", help="Encrypt the live page with a certificate of an own authority (docs/live-page.md).")
NO_BROWSER = typer.Option(False, "--no-browser", help="Open no browser; the page is there all the same.")
NO_PAGE = typer.Option(False, "--no-page", help="No live page, only the terminal.")


def among(words: Iterable[str]) -> Callable[[str], list[str]]:
    """For a shell's completion: those of `words` that begin with the letters typed."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def console(*, stderr: bool = False) -> Console:
    """Where people read; tables keep their width when the output is a file.

    Text is shown as it is: a name in brackets or between colons is no markup.
    """
    wide = Console(stderr=stderr, markup=False, emoji=False)
    return wide if wide.is_terminal else Console(stderr=stderr, width=140, markup=False, emoji=False)


def say(text: str) -> None:
    """A remark on standard error, and in the log."""
    logbook.said(text)
    with suppress(OSError):  # nobody reads it any more
        print(f"hiphinge: {text}", file=sys.stderr, flush=True)


def tell_faults(faults: Mapping[str, Exception]) -> None:
    """Which of the session's sinks failed, and that the session did not."""
    for name, fault in faults.items():
        say(f"the {name} failed ({fault!r}); the session was recorded without it")


def estimators(choice: str) -> tuple[str, ...]:
    """The estimators that an --estimator option names."""
    known = {name: (name,) for name in ESTIMATORS} | {"both": ESTIMATORS}
    if choice not in known:
        raise HiphingeError(f"unknown estimator {choice!r}", "--estimator", "Choose live, review or both")
    return known[choice]


def with_results(session: Path, *, again: bool = True) -> tuple[str, ...]:
    """The estimators whose results the session folder holds, at least one; computed first where it was not closed.

    again: also where that was tried before, and the session set aside.
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
    """Compute the results of a session that was not closed; reports on standard error."""
    _look_after(folder for folder in orphans(session) if again or not set_aside(folder))


def unfinished(settings: Settings) -> list[Path]:
    """Sessions that were not closed, in the folder for sessions; where none is set, those in the current folder."""
    if settings.sessions is not None:
        return orphans(settings.sessions)
    return [folder for found in recorded_in(Path()) for folder in orphans(found)]


def look_after_orphans(settings: Settings) -> None:
    """Compute the results of sessions that were not closed, except those set aside. Reports on standard error."""
    _look_after(_worth_trying(unfinished(settings)))


def tell_orphans(settings: Settings, new_session: Path) -> list[Path]:
    """Before a new session: name the sessions that were not closed, and remove the half-written files of killed programs.

    Returns those that are worth computing once the new session is closed: an athlete does not wait for another one's results.
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
    """Those that were not set aside; says which were."""
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
