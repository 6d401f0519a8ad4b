"""`hiphinge push`: sends results to InfluxDB; sending twice changes nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

from body_signals import HiphingeError
from dashboards.corrections import Said, check_known, head_of, settle
from dashboards.influx import (
    CannotAsk,
    InfluxSettings,
    Patience,
    Stored,
    differences,
    missing,
    points,
    sent_before,
)
from dashboards.influx import push as send
from dashboards.tables import available_estimators, read_summary
from hiphinge import config
from hiphinge.afterwards import ties
from hiphinge.afterwards.former_points import remove_former
from hiphinge.commands.options import CONFIG, console, say
from hiphinge.commands.unfinished import look_after_orphans, with_results
from hiphinge.session.in_progress import RECORDING
from hiphinge.session.lock import FolderLock, is_running


def push(
    sessions: list[Path] | None = typer.Argument(None, metavar="SESSION…", help="Session folders with results."),
    everything: bool = typer.Option(False, "--all", help="All sessions whose results InfluxDB has not acknowledged yet."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the line protocol and send nothing."),
    keep: bool = typer.Option(
        False,
        "--keep-former",
        help="If athlete or start were corrected, keep the points sent under the former ones.",
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON line per session."),
    config_file: Path | None = CONFIG,
) -> None:
    """Send the results of sessions to InfluxDB."""
    settings = config.load(config_file)
    if bool(sessions) == everything:
        raise HiphingeError("nothing to send", "push", "Name session folders, or give --all")
    failed = False
    chosen = sessions or []
    if everything:
        ask = settings.influx_configured and not dry_run
        found = _unsent(settings, Stored(settings.influx()) if ask else None)
        chosen, failed = found.chosen, found.failed
        if not chosen and not failed:
            console().print("Everything was sent.", highlight=False)
    influx = None if dry_run else settings.influx()
    # shared by all sessions: once given up, the server is not waited for again
    patience = Patience()
    for session in chosen:
        try:
            if influx is None:
                _print_points(session, settings.gym, again=not everything)
            else:
                _push(session, influx, as_json, settings, patience, again=not everything, keep=keep)
        except BrokenPipeError:
            raise
        except (HiphingeError, OSError) as error:
            if not everything:
                raise
            # the fault of one session does not stop the others
            say(f"{session.name}: {error}")
            failed = True
    if failed:
        sys.exit(1)


def _print_points(session: Path, gym: str, *, again: bool) -> None:
    _check_known(session)
    with_results(session, again=again)
    ties.check(session)
    _check_known(session)
    for line in points(session, gym=gym):
        sys.stdout.write(line + "\n")


def _check_known(session: Path) -> None:
    """HiphingeError if the session's athlete or start is unknown, with or without results."""
    there = available_estimators(session) if session.is_dir() else ()
    for estimator in there:
        summary = read_summary(session, estimator)
        check_known(Said.of(summary["athlete"], summary["start"]), session)
    head = head_of(session) if session.is_dir() and not there else None
    if head is not None:
        check_known(head, session)


@dataclass(slots=True)
class _Unsent:
    """chosen: session folders to send; failed: whether one of them could not be read."""

    chosen: list[Path] = field(default_factory=list)
    failed: bool = False


def _unsent(settings: config.Settings, stored: Stored | None) -> _Unsent:
    """Session folders below the sessions folder that are neither running nor completely in InfluxDB, in order.

    stored: the database, which is asked about sessions that it acknowledged completely. None, or no answer: the ledgers decide.
    """
    if settings.sessions is None:
        raise HiphingeError("is not set", "HIPHINGE_SESSIONS", "Set it to the folder of your sessions, or name session folders")
    if not settings.sessions.is_dir():
        what = "this is a file" if settings.sessions.exists() else "there is no such folder"
        remedy = "Is its disk connected? Set HIPHINGE_SESSIONS to the folder of your sessions; nothing was looked at or sent"
        raise HiphingeError(what, str(settings.sessions), remedy)
    folders = sorted({f.parent for name in (RECORDING, "session.toml") for f in settings.sessions.glob(f"*/{name}")})
    look_after_orphans(settings)
    found = _Unsent()
    for folder in folders:
        try:
            if is_running(folder):
                continue
            if available_estimators(folder):
                _check_known(folder)
            if missing(folder):
                found.chosen.append(folder)
            elif stored is not None and available_estimators(folder):
                ties.check(folder)
                stored, differs = _asked(folder, stored)
                if differs:
                    found.chosen.append(folder)
        except (HiphingeError, OSError) as error:
            say(f"{folder.name}: {error}")
            found.failed = True
    return found


def _asked(folder: Path, stored: Stored) -> tuple[Stored | None, bool]:
    """The database to ask from now on (None if it did not answer), and whether it lacks a part of the session."""
    try:
        said = differences(folder, stored)
    except CannotAsk as error:
        say(f"{error}. The ledgers decide what was sent before")
        return None, False
    if said:
        say(f"{folder.name}: InfluxDB does not have what was sent ({'; '.join(said)}); it is sent again")
    return stored, bool(said)


def _check(session: Path, among: Path | None) -> None:
    """HiphingeError if the folder's results would be mistaken for another session's."""
    ties.check(session)
    other = ties.twin(session, among)
    if other is not None:
        what = f"{other} holds other results under the same session name: InfluxDB would take the one for the other"
        remedy = f"Give these a name of their own: hiphinge replay {session} --out DIR; nothing was sent"
        raise HiphingeError(what, str(session), remedy)


def _push(
    session: Path,
    influx: InfluxSettings,
    as_json: bool,
    settings: config.Settings,
    patience: Patience,
    *,
    again: bool,
    keep: bool,
) -> None:
    busy = HiphingeError("another program is writing or sending this session", str(session), "Wait for its end, and push again")
    if is_running(session):
        raise busy
    _check_known(session)
    there = with_results(session, again=again)
    _check(session, settings.sessions)
    _check_known(session)
    lock = FolderLock(session)
    if not lock.take():
        raise busy
    removed = 0
    try:
        settle(session, there)
        former = sent_before(session)
        if former is not None:
            removed = remove_former(session, former, influx, settings.sessions, say, keep=keep)
        with console(stderr=True).status(Text(f"{session.name}: sending")) as status:

            def progress(lines: int) -> None:
                status.update(f"{lines} points sent")

            patience.told = lambda words: status.update(Text(f"{session.name}: {words or 'sending'}"))
            sent = send(session, influx, progress=progress, patience=patience, gym=settings.gym)
    finally:
        lock.release()
    if as_json:
        found: dict[str, Any] = {"session": str(session), "lines": sent.lines, "by_measurement": dict(sent.by_measurement)}
        if former is not None:
            found["former"] = {"athlete": former.who.athlete, "start": former.who.start, "values_deleted": removed}
        print(json.dumps(found | ({"rejected": sent.rejected} if sent.rejected else {})))
    else:
        parts = ", ".join(f"{n} {name}" for name, n in sent.by_measurement.items())
        console().print(
            f"{session.name}: {sent.lines} points sent in {sent.seconds:.1f} s ({parts})", highlight=False, soft_wrap=True
        )
    if sent.rejected:
        raise HiphingeError(
            f"InfluxDB accepted {sent.lines} points and rejected {sent.rejected}, kept with its message in outbox/rejected.lp",
            str(session),
            "A type conflict means that other software wrote these fields: use a bucket of its own",
        )
