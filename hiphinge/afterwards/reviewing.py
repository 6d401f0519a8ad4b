"""The sessions of a folder while they are reviewed in a browser: opened, corrected, and their results brought after.

A correction goes into edits.toml as `hiphinge mark` writes it; the recording never changes. Kinds of repetitions count at once,
since whoever shows results reads them there. Where a mark that acts has changed, both estimators are computed anew in the
background; the report, where there is one, is written again when nobody has corrected anything for two seconds, and at the end.
"""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from body_signals import HiphingeError, Pain
from dashboards.edits import read_edits
from dashboards.influx import FOLDER
from dashboards.review_page import Refusal, session_document
from dashboards.review_page.orders import (
    AsFound,
    Correct,
    MoveMark,
    NoRepetition,
    Order,
    RemoveMark,
    SayMark,
    SayNote,
    SayPain,
    Undo,
)
from dashboards.tables import ANGLES, available_estimators, read_repetitions, read_summary, write_summary
from hiphinge.afterwards import mending, ties
from hiphinge.afterwards.listing import BROKEN, RUNNING, Listed, is_session, listed
from hiphinge.afterwards.saying import Change, label_of, move_mark, note_label, one_line, say_marks, take_mark_away
from hiphinge.session.lock import FolderLock, is_running
from ingest.heads import EDITS, EditsFile
from on_disk import replace_whole

REPORT_AFTER_S = 2.0
"""The report follows this long after the last correction: ten corrections in a row make one report (ours)."""
_SAME_S = 1e-3
_MOST_UNDONE = 100


@dataclass(frozen=True, slots=True)
class _Step:
    """edits.toml before and after a change, None where it was not there. said: what each summary told of marks before; acts:
    whether the change was one of numbers."""

    before: str | None
    after: str | None
    said: Mapping[str, Mapping[str, Any]]
    acts: bool


class Reviewing:
    """The sessions below a folder, or beside the one that is given. Implements `dashboards.review_page.Reviewed`.

    told: hears what a person at the terminal should know. All may be called from several threads.
    """

    def __init__(self, where: Path, told: Callable[[str], None]) -> None:
        one = is_session(where, os.listdir(where))
        self._first = where.resolve() if one else None
        self._place = where.resolve().parent if one else where.resolve()
        self._told = told
        self._ended = threading.Event()
        self._changing = threading.Condition()
        """Held while a folder is changed, or a report is written."""
        self._steps: dict[Path, list[_Step]] = {}
        self._computing: _Computing | None = None
        self._reports: dict[Path, float] = {}
        """Folders whose report is to follow, and when."""
        self._reporter: threading.Thread | None = None

    def sessions(self) -> dict[str, Any]:
        """All sessions by athlete and time, and which one to open."""
        try:
            found = listed(self._place)
        except HiphingeError:
            if self._first is None:
                raise
            found = []
        if self._first is not None and all(one.folder.name != self._first.name for one in found):
            found += listed(self._first)
        return {"sessions": [_listed(one) for one in found], "first": None if self._first is None else self._first.name}

    def folder(self, name: str) -> Path:
        """The folder of a session that has results and is not being recorded."""
        path = self._place / name
        if name in ("", ".", "..") or Path(name).name != name or not path.is_dir():
            raise Refusal("gone", "no such session", name, "Choose another one from the list")
        if path not in _OURS and is_running(path):
            remedy = "Wait until it has ended"
            raise Refusal("running", "this session is being recorded, or another program is at it", str(path), remedy)
        if not available_estimators(path):
            raise Refusal("no_results", "this session has no results yet", str(path), f"Compute them: {_compute(path)}")
        return path

    def document(self, name: str, estimator: str) -> dict[str, Any]:
        """The session's document. Results that are behind edits.toml are brought up to date first, or being computed."""
        path = self.folder(name)
        there = available_estimators(path)
        if estimator not in there:
            estimator = there[-1]
        self._refuse_while_computing(path)
        ties.check(path)
        if mending.behind(path):
            self._bring_up_to_date(path)
        return session_document(path, estimator) | {
            "folder": str(path),
            "stamp": str((path / estimator / ANGLES).stat().st_mtime_ns),
            "writable": os.access(path, os.W_OK),
            "computable": mending.has_source(path),
            "compute": _compute(path),
            "steps": len(self._steps.get(path, ())),
            "push": f"hiphinge push {shlex.quote(str(path))}" if (path / FOLDER).is_dir() else None,
        }

    def edit(self, name: str, estimator: str, order: Order) -> dict[str, Any]:
        """Correct a session. Nothing is changed where something is refused."""
        path = self.folder(name)
        with self._changing:
            self._refuse_while_computing()
            with _locked(path):
                steps = self._steps.setdefault(path, [])
                if isinstance(order, Undo):
                    numbers = _undo(path, steps)
                else:
                    before, said = _text(path), {e: _said(path, e) for e in available_estimators(path)}
                    change = _edits_with(path, estimator, order)
                    change.file.write()
                    numbers = change.acts or mending.needs_computing(path)
                    steps.append(_Step(before, _text(path), said, numbers))
                    del steps[:-_MOST_UNDONE]
                    if not numbers and (change.restored or mending.behind(path)):
                        mending.follow(path, numbers=False, report=False, restored=change.restored)
            if numbers:
                self._compute(path)
            else:
                self._report_due(path)
            return {"kept": True, "computing": numbers, "steps": len(steps)}

    def work(self) -> dict[str, Any]:
        """What is being computed, how much of it is done, and what came of it; whether a report is to follow."""
        computing = self._computing
        report = bool(self._reports)
        if computing is None:
            return {"session": None, "report": report}
        done = not computing.thread.is_alive()
        found = {"session": computing.folder.name, "done": done, "share": computing.share, "trouble": None, "report": report}
        if done and computing.trouble is not None:
            found["trouble"] = str(computing.trouble)
        return found

    def end(self) -> None:
        """The person is done: `wait` returns."""
        self._ended.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the person is done; whether that is so."""
        return self._ended.wait(timeout_s)

    def close(self) -> None:
        """Finish what was begun: numbers that are being computed, and reports that are to follow."""
        self._ended.set()
        computing, reporter = self._computing, self._reporter
        if computing is not None and computing.thread.is_alive():
            self._told(f"{computing.folder.name}: its numbers are being computed anew; a second Ctrl-C leaves that for later")
            computing.thread.join()
        with self._changing:
            self._reports.update(dict.fromkeys(self._reports, 0.0))
            self._changing.notify_all()
        if reporter is not None:
            reporter.join()

    def _refuse_while_computing(self, path: Path | None = None) -> None:
        computing = self._computing
        if computing is not None and computing.thread.is_alive() and (path is None or computing.folder == path):
            raise Refusal("computing", "its numbers are being computed anew", computing.folder.name, "Wait for the end of it")

    def _bring_up_to_date(self, path: Path) -> None:
        with self._changing:
            if mending.needs_computing(path):
                mending.check_computable(path)
                self._compute(path)
                self._refuse_while_computing(path)
            with _locked(path):
                mending.follow(path, numbers=False, report=False)
            self._report_due(path)

    def _compute(self, path: Path) -> None:
        self._computing = _Computing(path, self._told)
        self._computing.thread.start()

    def _report_due(self, path: Path) -> None:
        """Let the report follow soon. To be called with `_changing` held."""
        if not mending.has_report(path):
            return
        self._reports[path] = time.monotonic() + REPORT_AFTER_S
        self._changing.notify_all()
        if self._reporter is None or not self._reporter.is_alive():
            self._reporter = threading.Thread(target=self._follow_reports, name="report", daemon=True)
            self._reporter.start()

    def _follow_reports(self) -> None:
        with self._changing:
            while self._reports:
                path, at = min(self._reports.items(), key=lambda one: one[1])
                wait_s = 0.0 if self._ended.is_set() else at - time.monotonic()
                if wait_s > 0.0:
                    self._changing.wait(wait_s)
                    continue
                try:
                    with _locked(path):
                        warnings = mending.follow_in_report(path)
                except HiphingeError as error:
                    warnings = [f"the report was not written again: {error}"]
                for warning in warnings:
                    self._told(warning)
                del self._reports[path]
            self._reporter = None


class _Computing:
    """Both estimators of a session, computed anew in a thread of its own."""

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        self.folder = folder
        self.share = 0.0
        self.trouble: HiphingeError | None = None
        self._told = told
        self.thread = threading.Thread(target=self._run, name="computing", daemon=True)

    def _run(self) -> None:
        try:
            with _locked(self.folder):
                for warning in mending.follow(self.folder, numbers=True, progress=self._heard):
                    self._told(warning)
        except HiphingeError as error:
            self.trouble = error
            self._told(str(error))

    def _heard(self, share: float) -> None:
        self.share = share


_OURS: set[Path] = set()
"""Folders that this program holds at the moment."""


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a session's folder. `Refusal` where another program does, or where nothing can be kept in it."""
    if not os.access(path, os.W_OK):
        raise Refusal("read_only", "nothing can be kept in this folder", str(path), "Check its permissions")
    lock = FolderLock(path)
    _OURS.add(path)
    try:
        if not lock.take():
            raise Refusal("running", "another program is at this session", str(path), "Wait for its end, and try again")
        yield
    finally:
        lock.release()
        _OURS.discard(path)


def _edits_with(path: Path, estimator: str, order: Order) -> Change:
    """edits.toml with what the page asks for; it is not written yet."""
    match order:
        case Correct(start_s, end_s, movement):
            return _corrected(path, estimator, start_s, end_s, lambda file: file.correct(start_s, end_s, movement))
        case NoRepetition(start_s, end_s):
            return _corrected(path, estimator, start_s, end_s, lambda file: file.correct(start_s, end_s, None))
        case AsFound(start_s, end_s):
            return _corrected(path, estimator, start_s, end_s, lambda file: file.as_found(start_s, end_s))
        case SayMark(time_s, label):
            return say_marks(path, time_s, [label_of(label)])
        case SayNote(time_s, text):
            return say_marks(path, time_s, [note_label(text)])
        case SayPain(time_s, level, where):
            return say_marks(path, time_s, [Pain(level, one_line(where, "where") if where.strip() else "").label])
        case MoveMark(time_s, label, to_s):
            return move_mark(path, time_s, label, to_s)
        case RemoveMark(time_s, label):
            return take_mark_away(path, time_s, label)
    raise AssertionError(order)


def _corrected(path: Path, estimator: str, start_s: float, end_s: float, change: Callable[[EditsFile], None]) -> Change:
    read_edits(path)
    table = read_repetitions(path, estimator)
    spans = zip(table["start_s"].to_pylist(), table["end_s"].to_pylist(), strict=True)
    if not any(abs(begin - start_s) <= _SAME_S and abs(end - end_s) <= _SAME_S for begin, end in spans):
        raise Refusal("changed", "this repetition is not there any more", str(path), "Load the page again")
    file = EditsFile(path)
    change(file)
    return Change((), (), file, acts=False)


def _said(path: Path, estimator: str) -> dict[str, Any]:
    """What a summary tells of marks, notes and pain."""
    summary = read_summary(path, estimator, as_computed=True)
    return {name: summary[name] for name in ("marks", "notes", "pain")}


def _undo(path: Path, steps: list[_Step]) -> bool:
    """Take the last change back; whether numbers change by it."""
    if not steps:
        raise Refusal("nothing_to_undo", "nothing was changed on this page yet", str(path), "Correct it again instead")
    last = steps[-1]
    if _text(path) != last.after:
        remedy = "Look at what it says now, and correct it again"
        raise Refusal("changed_elsewhere", "edits.toml was changed by somebody else since", str(path), remedy)
    try:
        if last.before is None:
            (path / EDITS).unlink()
        else:
            replace_whole(path / EDITS, last.before)
    except OSError as error:
        raise HiphingeError(f"cannot be written: {error.strerror}", str(path / EDITS), "Check its permissions") from None
    steps.pop()
    for estimator in available_estimators(path) if not last.acts else ():
        # marks of the session that count again are no longer in the summary, and reading the recording takes a while
        write_summary(path, estimator, {**read_summary(path, estimator, as_computed=True), **last.said.get(estimator, {})})
    return last.acts


def _text(path: Path) -> str | None:
    file = path / EDITS
    return file.read_text("utf-8") if file.is_file() else None


def _compute(path: Path) -> str:
    return f"hiphinge mark {shlex.quote(str(path))} --compute"


def _listed(one: Listed) -> dict[str, Any]:
    """A line of the list; code: why it cannot be opened, empty where it can."""
    code = ""
    if one.state in (RUNNING, BROKEN):
        code = one.state
    elif not one.estimators:
        code = "no_results"
    document = one.document | {"code": code, "compute": _compute(one.folder)}
    plain = {key: _unicode(value) if isinstance(value, str) else value for key, value in document.items()}
    if plain["session"] != document["session"]:
        plain |= {"code": BROKEN, "why": "the name of its folder is not Unicode: rename it"}
    return plain


def _unicode(text: str) -> str:
    """The text without what is no Unicode: a folder's name may be any bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")
