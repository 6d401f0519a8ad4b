"""`hiphinge mark`: marks, notes and pain said after the session; the results follow, the recording stays."""

from __future__ import annotations

import difflib
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from body_signals import (
    ACTING,
    HEEL_DROP,
    RISING,
    HiphingeError,
    Note,
    Pain,
    SessionMark,
    check_label,
    session_time,
    time_words,
    understood,
)
from dashboards.influx import FOLDER, missing
from dashboards.tables import available_estimators, read_summary
from dashboards.terminal import calibration_table
from hiphinge.afterwards import mending
from hiphinge.commands.options import console, finish_orphan, say
from hiphinge.session.in_progress import RECORDING
from hiphinge.session.lock import FolderLock, is_running
from ingest.heads import EDITS, EditsFile, normal

NEAR_S = 1.0
"""A mark is named by its label and a time that is at most this far from it (ours)."""
EARLIEST_RISING_S = -24 * 3600.0
"""Somebody who got up longer before the session is a slip of the pen (ours)."""
_EXAMPLE = "e.g. hiphinge mark SESSION 0:31 calibrate"


def mark(
    session: Path = typer.Argument(..., metavar="SESSION", help="A session folder, or a plain session."),
    at: str | None = typer.Argument(None, metavar="[TIME]", help="Time of the session: 0:31, 1:02:03.5, or seconds."),
    label: list[str] | None = typer.Argument(
        None, metavar="[LABEL]", help="calibrate, heel_drop, rising, pain 3, or any words of yours."
    ),
    note: str | None = typer.Option(None, "--note", help="A note at that time."),
    where: str | None = typer.Option(None, "--where", help="Where the pain is, e.g. 'left hip'."),
    to: str | None = typer.Option(None, "--to", metavar="TIME", help="Move the mark that is at TIME to this time."),
    remove: bool = typer.Option(False, "--remove", help="Take the mark, note or pain at TIME away."),
    compute: bool = typer.Option(False, "--compute", help="Compute the results anew, whatever was said."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Say afterwards what was marked, noted or felt, move it, or take it away; without TIME: list what there is.

    It stands in edits.toml; the recording never changes. Results and report follow: a mark that acts (calibrate, heel_drop,
    rising) computes both estimators anew. Somebody who got up before the session: hiphinge mark SESSION -- -45:00 rising.
    """
    _check_folder(session)
    words = " ".join(label or ()).strip()
    if at is None and (note is not None or where is not None or to is not None or remove):
        raise HiphingeError("no time is given", "mark", f"Say when, {_EXAMPLE}")
    finish_orphan(session)
    lock = FolderLock(session)
    if not lock.take():
        raise HiphingeError("another program is at this session", str(session), "Wait for its end, and try again")
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


@dataclass(slots=True)
class _Done:
    """The marks that were added and taken away, and what came of it."""

    added: tuple[SessionMark, ...] = ()
    removed: tuple[SessionMark, ...] = ()
    file: EditsFile | None = None
    acts: bool = False
    computed: bool = False
    warnings: list[str] | None = None

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
        what = "this is no session: no recording, no session.toml with CSV files, no results"
        raise HiphingeError(what, str(session), "Give a session folder or a plain session")


def _time(text: str, option: str = "TIME") -> float:
    try:
        return session_time(text)
    except ValueError as error:
        remedy = f"Write m:ss, h:mm:ss or seconds of the session, {_EXAMPLE}"
        raise HiphingeError(str(error), option, remedy) from None


def _said(
    session: Path, at_s: float, words: str, note: str | None, where: str | None, to: str | None, *, remove: bool
) -> _Done:
    """Put it into edits.toml as it will be; nothing is written yet."""
    file = EditsFile(session)
    if remove or to is not None:
        if note is not None or where is not None or (remove and to is not None):
            raise HiphingeError("--remove, --to, and saying something new do not go together", "mark", "Say one at a time")
        gone = _found(session, at_s, words)
        file.remove(gone)
        added: tuple[SessionMark, ...] = ()
        if to is not None:
            moved = SessionMark(_within(session, _time(to, "--to"), gone.label), normal(gone.label), "afterwards")
            added = (_add(file, session, moved),)
        acts = gone.label in ACTING
        if acts:
            mending.check_computable(session)
        return _Done(added, (gone,), file, acts)
    labels = [] if not words and note is not None else [_label(words, where)]
    if note is not None:
        labels.append(Note(_one_line(note, "--note")).label)
    marks = [SessionMark(_within(session, at_s, one), normal(one), "afterwards") for one in labels]
    acts = any(one.label in ACTING for one in marks)
    if acts:
        mending.check_computable(session)
    return _Done(tuple(_add(file, session, one) for one in marks), (), file, acts)


def _add(file: EditsFile, session: Path, mark: SessionMark) -> SessionMark:
    """Say a mark; one of the session itself that was taken away counts again instead."""
    if not (file.restore(mark) and mending.has_source(session)):
        file.add(mark)
    return mark


def _label(words: str, where: str | None) -> str:
    """What is to be said, checked. HiphingeError for nothing at all, and for what looks like a slip of the pen."""
    if not words:
        raise HiphingeError("nothing is said", "LABEL", f"Write what happened then, {_EXAMPLE}")
    words = _one_line(words, "LABEL")
    plain = words.lower().replace("-", "_").replace(" ", "_")
    if plain in ACTING:
        words = plain
    try:
        check_label(words)
    except ValueError as error:
        raise HiphingeError(str(error), "LABEL", "Write pain and a number from 0 to 10, e.g. pain 3") from None
    close = difflib.get_close_matches(plain, ACTING, 1, 0.8)
    if plain not in ACTING and close:
        raise HiphingeError(f"unknown label {words!r}", "LABEL", f"Did you mean {close[0]}? Labels of yours must differ more")
    if where is None:
        return words
    pain = understood(words)
    if not isinstance(pain, Pain):
        raise HiphingeError("--where is for pain", "--where", "e.g. hiphinge mark SESSION 1:20 pain 3 --where 'left hip'")
    return Pain(pain.level, _one_line(where, "--where")).label


def _one_line(text: str, option: str) -> str:
    found = " ".join(text.split())
    if not found or any(ord(c) < 32 or ord(c) == 127 or "\ud800" <= c <= "\udfff" for c in found):
        raise HiphingeError("is empty or has control characters", option, "Write it in plain words")
    return found


def _within(session: Path, at_s: float, label: str) -> float:
    """The time itself. HiphingeError where the session is not there yet, or over."""
    span = mending.span(session)
    earliest = EARLIEST_RISING_S if label == RISING else span.begin_s
    if not earliest <= at_s <= span.end_s:
        goes = f"it goes from {time_words(span.begin_s)} to {time_words(span.end_s)}"
        raise HiphingeError(f"{time_words(at_s)} is outside this session: {goes}", str(session), "Give a time within it")
    return at_s


def _found(session: Path, at_s: float, words: str) -> SessionMark:
    """The mark that the words and the time name. HiphingeError where there is none, or which of several is not clear."""
    marks = mending.marks_of(session)
    wanted = words.lower()
    near = [m for m in marks if abs(m.time_s - at_s) <= NEAR_S and (not wanted or m.label.lower().startswith(wanted))]
    if not near:
        there = "; ".join(f"{time_words(m.time_s)} {m.label}" for m in marks) or "none"
        what = f"no {words or 'mark'!r} is within {NEAR_S:g} s of {time_words(at_s)}"
        raise HiphingeError(what, str(session), f"There are: {there}")
    near.sort(key=lambda m: abs(m.time_s - at_s))
    if len({m.label for m in near}) > 1:
        there = "; ".join(f"{time_words(m.time_s)} {m.label}" for m in near)
        raise HiphingeError(f"several are near {time_words(at_s)}", str(session), f"Say which label too: {there}")
    return near[0]


def _follow(session: Path, done: _Done, *, numbers: bool) -> list[str]:
    """Write what was said, and let the results follow."""
    if numbers:
        mending.check_computable(session)
    if done.file is not None:
        done.file.write()
    with console(stderr=True).status(Text(f"{session.name}: computing its results anew" if numbers else session.name)):
        return mending.follow(session, numbers=numbers)


def _document(session: Path, done: _Done) -> dict[str, Any]:
    """For programs: what was done, all that was said, and what came of it."""
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
        screen.print(f"Results are computed anew: {counts}.", highlight=False, soft_wrap=True)
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
        table.add_row("–", "nothing was marked, noted or told", "")
    if (session / EDITS).is_file():
        for gone in EditsFile(session).edits.deleted:
            table.add_row(time_words(gone.time_s), Text(gone.label), "taken away")
    return table
