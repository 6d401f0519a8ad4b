"""`hiphinge mark`: marks, notes and pain added after the session; the results are updated, the recording stays."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from body_signals import HEEL_DROP, HiphingeError, SessionMark, session_time, time_words
from dashboards.influx import FOLDER, missing
from dashboards.tables import available_estimators, read_summary
from dashboards.terminal import calibration_table
from hiphinge.afterwards import mending
from hiphinge.afterwards.day_table import matched, read_day_table
from hiphinge.afterwards.saying import EXAMPLE, label_of, move_mark, note_label, say_facts, say_marks, take_mark_away
from hiphinge.commands.options import console, say
from hiphinge.commands.unfinished import finish_orphan
from hiphinge.session.in_progress import RECORDING
from hiphinge.session.lock import FolderLock, is_running
from ingest.heads import EDITS, EditsFile


def mark(
    session: Path = typer.Argument(..., metavar="SESSION", help="A session folder, or a plain session."),
    at: str | None = typer.Argument(None, metavar="[TIME]", help="Session time: 0:31, 1:02:03.5, or seconds."),
    label: list[str] | None = typer.Argument(
        None, metavar="[LABEL]", help="calibrate, heel_drop, rising, pain 3, or any words of yours."
    ),
    note: str | None = typer.Option(None, "--note", help="A note at that time."),
    where: str | None = typer.Option(None, "--where", help="Where the pain is, e.g. 'left hip'."),
    to: str | None = typer.Option(None, "--to", metavar="TIME", help="Move the mark that is at TIME to this time."),
    remove: bool = typer.Option(False, "--remove", help="Remove the mark, note or pain at TIME."),
    table: Path | None = typer.Option(
        None, "--table", metavar="FILE.csv", help="State sRPE, soreness, load … of many sessions; SESSION is their folder."
    ),
    compute: bool = typer.Option(False, "--compute", help="Compute the results again in any case."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Add, move or remove a mark, a note or pain after the session; without TIME: list them.

    They are stored in edits.toml; the recording never changes. Results and report are updated: after calibrate, heel_drop or
    rising both estimators are computed again. Words that hold for the whole session: srpe 7, soreness 2, load 80 kg, MD-2,
    gym NAME, group NAME; a spreadsheet of them goes in with --table. If the athlete got up before the session:
    hiphinge mark SESSION -- -45:00 rising.
    """
    if table is not None:
        if at is not None or note is not None or where is not None or to is not None or remove or compute:
            raise HiphingeError(
                "--table and everything else exclude each other", "mark", "Give the folder of sessions and FILE"
            )
        _state_table(session, table, as_json=as_json)
        return
    _check_folder(session)
    words = " ".join(label or ()).strip()
    if at is None and (note is not None or where is not None or to is not None or remove):
        raise HiphingeError("no time is given", "mark", f"Give a time, {EXAMPLE}")
    finish_orphan(session)
    lock = FolderLock(session)
    if not lock.take():
        raise HiphingeError("another program is using this session", str(session), "Wait for its end, and try again")
    try:
        done = _Done() if at is None else _said(session, _time(at), words, note, where, to, remove=remove)
        if done.any or compute or mending.behind(session):
            numbers = done.acts or compute or mending.needs_computing(session)
            done.warnings = _follow(session, done, numbers=numbers)
            done.computed = numbers
    finally:
        lock.release()
    if as_json:
        print(json.dumps(_document(session, done)))
    else:
        _tell(session, done)


def _state_table(folder: Path, file: Path, *, as_json: bool) -> None:
    """State the facts of a spreadsheet in the sessions below a folder."""
    found = matched(folder, read_day_table(file))
    failed: dict[str, str] = {}
    stated: list[Path] = []
    for session, facts in found.sessions:
        lock = FolderLock(session)
        if not lock.take():
            failed[str(session)] = "another program is using this session"
            continue
        try:
            change = say_facts(session, facts)
            if change.added or change.removed:
                _follow(session, _Done(change.added, change.removed, change.file), numbers=False)
            stated.append(session)
        except HiphingeError as error:
            failed[str(session)] = str(error)
        finally:
            lock.release()
    without = [f"line {row.line}: {row.athlete} on {row.day}" for row in found.without]
    if as_json:
        print(json.dumps({"sessions": [str(one) for one in stated], "without": without, "failed": failed}))
    else:
        console().print(f"{len(stated)} sessions; {len(without)} rows without a session", highlight=False, soft_wrap=True)
        for words in (*(f"no session: {one}" for one in without), *(f"{one}: {why}" for one, why in failed.items())):
            console().print(words, highlight=False, soft_wrap=True, markup=False)
    if failed:
        raise typer.Exit(1)


@dataclass(slots=True)
class _Done:
    """The marks that were added and removed, and the outcome."""

    added: tuple[SessionMark, ...] = ()
    removed: tuple[SessionMark, ...] = ()
    file: EditsFile | None = None
    acts: bool = False
    computed: bool = False
    warnings: list[str] | None = None
    restored: bool = False

    @property
    def any(self) -> bool:
        return bool(self.added or self.removed)


def _check_folder(session: Path) -> None:
    if not session.is_dir():
        what = "this is a file" if session.exists() else "no such session folder"
        remedy = "Give the folder of a session; a recording alone needs a folder of its own, as recording.mcap in it"
        raise HiphingeError(what, str(session), remedy)
    if is_running(session):
        remedy = "Mark it there (key m, or a line `mark LABEL`), or wait for its end"
        raise HiphingeError("this session is running", str(session), remedy)
    if not (session / RECORDING).is_file() and not mending.has_source(session) and not available_estimators(session):
        what = "this is not a session: no recording, no session.toml with CSV files, no results"
        raise HiphingeError(what, str(session), "Give a session folder or a plain session")


def _time(text: str, option: str = "TIME") -> float:
    try:
        return session_time(text)
    except ValueError as error:
        remedy = f"Write m:ss, h:mm:ss or seconds of the session, {EXAMPLE}"
        raise HiphingeError(str(error), option, remedy) from None


def _said(
    session: Path, at_s: float, words: str, note: str | None, where: str | None, to: str | None, *, remove: bool
) -> _Done:
    """Enter the mark into the new content of edits.toml; nothing is written yet."""
    if remove or to is not None:
        if note is not None or where is not None or (remove and to is not None):
            raise HiphingeError("--remove, --to and a new entry exclude each other", "mark", "Use one at a time")
        change = take_mark_away(session, at_s, words) if to is None else move_mark(session, at_s, words, _time(to, "--to"))
    else:
        labels = [] if not words and note is not None else [label_of(words, where)]
        if note is not None:
            labels.append(note_label(note))
        change = say_marks(session, at_s, labels)
    return _Done(change.added, change.removed, change.file, change.acts, restored=change.restored)


def _follow(session: Path, done: _Done, *, numbers: bool) -> list[str]:
    """Write the edits and update the results."""
    if numbers:
        mending.check_computable(session)
    if done.file is not None:
        done.file.write()
    with console(stderr=True).status(Text(f"{session.name}: computing its results again" if numbers else session.name)):
        return mending.follow(session, numbers=numbers, restored=done.restored)


def _document(session: Path, done: _Done) -> dict[str, Any]:
    """For programs: what was changed, all marks, and the outcome."""
    there = available_estimators(session)
    summary = read_summary(session, there[-1]) if there else {}
    return {
        "session": str(session),
        "added": [_plain(m) for m in done.added],
        "removed": [_plain(m) for m in done.removed],
        "computed": done.computed,
        "all": [_plain(m) for m in mending.marks_of(session)],
        "repetitions": {e: read_summary(session, e)["repetitions"] for e in there},
        "calibration": summary.get("calibration", {}),
        "warnings": [*(done.warnings or ()), *summary.get("warnings", ())],
    }


def _plain(one: SessionMark) -> dict[str, Any]:
    return {"time_s": round(one.time_s, 6), "label": one.label, "said": one.said}


def _tell(session: Path, done: _Done) -> None:
    screen = console()
    for warning in done.warnings or ():
        say(warning)
    if not done.any and not done.computed:
        screen.print(_table(session))
        return
    for word, marks in (("removed", done.removed), ("added", done.added)):
        for one in marks:
            screen.print(f"{word}: {time_words(one.time_s)} {one.label}", highlight=False, soft_wrap=True)
    there = available_estimators(session)
    if done.computed:
        summary = read_summary(session, there[-1])
        screen.print(calibration_table(summary))
        counts = ", ".join(f"{read_summary(session, e)['repetitions']} repetitions in {e}" for e in there)
        screen.print(f"Results were computed again: {counts}.", highlight=False, soft_wrap=True)
        for warning in mending.with_path(summary["warnings"], session):
            screen.print(f"note: {warning}", highlight=False, soft_wrap=True)
        if any(one.label == HEEL_DROP for one in done.added) and not (session / RECORDING).is_file():
            screen.print("note: a plain session has its times already: a heel drop changes none of them", highlight=False)
    if (session / mending.REPORT).is_file():
        screen.print(f"Report: {session / mending.REPORT}", highlight=False, soft_wrap=True)
    if (session / FOLDER).is_dir() and missing(session):
        told = f"InfluxDB does not have this yet; to send it: hiphinge push {shlex.quote(str(session))}"
        screen.print(told, highlight=False, soft_wrap=True)


def _table(session: Path) -> Table:
    table = Table(title=f"Said of {session.name}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("at", "what", "said"):
        table.add_column(name, justify="right" if name == "at" else "left")
    for one in mending.marks_of(session):
        table.add_row(time_words(one.time_s), Text(one.label), one.said)
    if not table.row_count:
        table.add_row("–", "there are no marks, notes or pain", "")
    if (session / EDITS).is_file():
        for gone in EditsFile(session).edits.deleted:
            table.add_row(time_words(gone.time_s), Text(gone.label), "taken away")
    return table
