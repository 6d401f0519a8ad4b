"""Mending a session afterwards: marks, notes and pain are added, moved or removed, and the results updated.

The entries go into edits.toml, never into the recording. After a change of a mark that changes results, the results are
computed again from the recording or the CSV files of the folder; for anything else only the summaries change. A program that
ends between the two steps leaves outdated results: the next reader brings them up to date.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from body_signals import ACTING, ESTIMATORS, HiphingeError, Mark, Note, Pain, SessionMark, standing, zero_ns
from dashboards.corrections import settle
from dashboards.tables import available_estimators, read_angles, read_repetitions, read_summary, write_summary
from hiphinge import logbook
from hiphinge.afterwards.said import MARK_COMMAND, said_in
from hiphinge.session.facts.at_pain import At, from_tables
from hiphinge.session.folders import RECORDING
from hiphinge.session.lock import FolderLock
from ingest.heads import Edits, read_edits, read_session_toml, same
from ingest.recording import STRETCH_WINDOWS, read_recording

SESSION = "session.toml"
REPORT = "report.html"
_LISTS = ("marks", "notes", "pain")


@dataclass(frozen=True, slots=True)
class Span:
    """Session times of the first and the last sample."""

    begin_s: float
    end_s: float


def has_source(folder: Path) -> bool:
    """Whether the folder holds the source of its results: a recording, or the CSV files of a plain session."""
    if (folder / RECORDING).is_file():
        return True
    try:
        return any(sensor.file is not None for sensor in read_session_toml(folder / SESSION).sensors)
    except HiphingeError:
        return False


def marks_of(folder: Path) -> list[SessionMark]:
    """All marks, notes and pain of a session, including later entries, in the order of time.

    From its summaries, if they hold them; else from the recording, which is read once.
    """
    edits = read_edits(folder)
    there = available_estimators(folder)
    if there and not behind(folder) and _knows(folder, there[-1]):
        found = _said(read_summary(folder, there[-1]))
    else:
        found = [mark for mark in original_marks(folder) if edits.keeps(mark)]
        found += edits.added
    return sorted(found, key=lambda mark: mark.time_s)


def original_marks(folder: Path) -> list[SessionMark]:
    """The marks of the recording and of session.toml, without later entries."""
    head = read_session_toml(folder / SESSION).marks if (folder / SESSION).is_file() else ()
    return [*head, *(_recorded_marks(folder / RECORDING) if (folder / RECORDING).is_file() else ())]


def _recorded_marks(path: Path) -> Iterable[SessionMark]:
    zero: int | None = None
    found: list[Mark] = []
    for batch in read_recording(path, salvage=True).batches(STRETCH_WINDOWS):
        zero = zero_ns(batch) if zero is None else zero
        found += (event for event in batch if isinstance(event, Mark))
    return [SessionMark((mark.at_ns - (zero or 0)) / 1e9, mark.label, "live") for mark in standing(found)]


def _knows(folder: Path, estimator: str) -> bool:
    """Whether a summary holds marks; those of 0.1.0 never do."""
    summary = read_summary(folder, estimator)
    return any(summary[name] for name in _LISTS) or not has_source(folder)


def _said(summary: dict[str, Any]) -> list[SessionMark]:
    """The marks in a summary."""
    found = [SessionMark(m["time_s"], m["label"], m.get("said", "session")) for m in summary["marks"]]
    found += [SessionMark(n["time_s"], Note(n["text"]).label, n.get("said", "session")) for n in summary["notes"]]
    found += [
        SessionMark(p["time_s"], Pain(float(p["level"]), p.get("where") or "").label, p.get("said", "session"))
        for p in summary["pain"]
    ]
    return found


def behind(folder: Path) -> bool:
    """Whether results lack an entry of edits.toml, or have one that it no longer contains."""
    edits = read_edits(folder)
    return any(_differs(_said(read_summary(folder, e)), edits) for e in available_estimators(folder))


def _differs(said: list[SessionMark], edits: Edits) -> bool:
    later = [mark for mark in said if mark.said == "afterwards"]
    return (
        any(not edits.keeps(mark) for mark in said if mark.said != "afterwards")
        or any(not any(same(mark, one) for one in later) for mark in edits.added)
        or any(not any(same(mark, one) for one in edits.added) for mark in later)
    )


def needs_computing(folder: Path) -> bool:
    """Whether the difference changes numbers."""
    edits = read_edits(folder)
    acting = Edits(
        tuple(mark for mark in edits.added if mark.label in ACTING), tuple(m for m in edits.deleted if m.label in ACTING)
    )
    return any(
        _differs([mark for mark in _said(read_summary(folder, e)) if mark.label in ACTING], acting)
        for e in available_estimators(folder)
    )


def check_computable(folder: Path) -> None:
    """HiphingeError where results cannot be computed again because their source is elsewhere."""
    if not has_source(folder):
        what = "this folder holds results only, and such a mark changes what is computed from the recording"
        remedy = f"Mark the session that they were computed from, and replay it: hiphinge replay SESSION --out {folder}-again"
        raise HiphingeError(what, str(folder), remedy)


def bring_up_to_date(folder: Path, told: Callable[[str], None]) -> bool:
    """Update outdated results to edits.toml; returns whether they were outdated. `told` is called with a message.

    HiphingeError where that is not possible: numbers that a person corrected must not be shown or sent uncorrected.
    """
    if not behind(folder):
        return False
    numbers = needs_computing(folder)
    if numbers:
        check_computable(folder)
    told(f"{folder}: edits.toml says what the results do not have yet; {'computing them anew' if numbers else 'putting it in'}")
    lock = FolderLock(folder)
    if not lock.take():
        raise HiphingeError("another program is using this session", str(folder), "Wait for its end, and try again")
    try:
        follow(folder, numbers=numbers)
    finally:
        lock.release()
    return True


def follow(
    folder: Path,
    *,
    numbers: bool,
    progress: Callable[[float], None] | None = None,
    report: bool = True,
    restored: bool = False,
) -> list[str]:
    """Update results and report to edits.toml; returns warnings in words. Call it with the folder's lock held.

    numbers: compute the results again; else only the entries go into the summaries. progress: is called with the part done, 0
    to 1. report: write the report again; if not, call `follow_in_report` later. restored: marks of the session count again
    that the summaries no longer list; they are read from where they were set.
    """
    warnings = _computed(folder, progress) if numbers or not available_estimators(folder) else []
    edits = read_edits(folder)
    original = original_marks(folder) if restored and not numbers else None
    for estimator in available_estimators(folder) if not numbers else ():
        summary = read_summary(folder, estimator, as_computed=True)
        told = _said(summary) if original is None else original
        kept = [mark for mark in told if mark.said != "afterwards" and edits.keeps(mark)]
        write_summary(folder, estimator, summary | said_in([*kept, *edits.added], _at_pain(folder, estimator)))
    if report:
        warnings += follow_in_report(folder)
    return warnings


def has_report(folder: Path) -> bool:
    """Whether a report is there that has to follow."""
    return any(folder.glob("report*.html"))


def follow_in_report(folder: Path) -> list[str]:
    """Write the reports that are there again, so that they say what edits.toml says, each as it was asked for. Call it with the
    folder's lock held. Returns, in words, what is missing in them or is out of date beside them."""
    if not has_report(folder):
        return []
    # its templates take a moment to import
    from hiphinge.afterwards.reporting import write_again

    return write_again(folder, logbook.said)


def _at_pain(folder: Path, estimator: str) -> Callable[[float], tuple[float | None, int | None]]:
    """What `said_in` asks, from the tables; they are read when it does."""
    known: list[At] = []

    def at(time_s: float) -> tuple[float | None, int | None]:
        if not known:
            angles = read_angles(folder, estimator, ["time_s", "lumbar_flexion_deg"])
            rows = read_repetitions(folder, estimator).select(["index", "start_s", "end_s"]).to_pylist()
            spans = [(r["index"] + 1, r["start_s"], r["end_s"]) for r in rows]
            times, degrees = (angles.column(name).to_numpy() for name in ("time_s", "lumbar_flexion_deg"))
            known.append(from_tables(times, degrees, spans))
        return known[0](time_s)

    return at


def settled(folder: Path, estimators: Sequence[str]) -> None:
    """Write the corrections of session.toml into the summaries, where they may be written; this program applies them anyway."""
    lock = FolderLock(folder)
    with suppress(HiphingeError, OSError):
        if lock.take():
            try:
                settle(folder, estimators)
            finally:
                lock.release()


def _computed(folder: Path, progress: Callable[[float], None] | None) -> list[str]:
    """Compute both estimators again, under the former name of the results: the folder may have been renamed since."""
    # here and not above: most operations need no engine
    from hiphinge.session.computation import compute
    from hiphinge.session.replayed import Replayed

    there = available_estimators(folder)
    settle(folder, there)
    name = str(read_summary(folder, there[0])["session"]) if there else folder.resolve().name
    again = Replayed.of(folder, {}, salvage=True)
    heard = None if progress is None else (lambda now_s: progress(again.recorded.fraction(now_s)))
    compute(again.session, again.recorded.batches(), folder, name, ESTIMATORS, heard, again.findings)
    return again.recorded.warnings


def with_path(warnings: Sequence[str], session: Path) -> list[str]:
    """Warnings of a summary for a terminal: commands name the folder by the path to type there."""
    named, by_path = (f"{MARK_COMMAND} {shlex.quote(str(p))} " for p in (session.resolve().name, session))
    return [warning.replace(named, by_path) for warning in warnings]


def proposals(folder: Path) -> list[str]:
    """The program's proposals for marks, each with the command to type; empty where all is well."""
    there = available_estimators(folder)
    warnings = read_summary(folder, there[-1])["warnings"] if there else []
    return [warning for warning in with_path(warnings, folder) if MARK_COMMAND in warning]


def span(folder: Path) -> Span:
    """Beginning and end of the session, from its results; for a plain session from its samples."""
    there = available_estimators(folder)
    if there:
        ends = [read_summary(folder, e)["duration_s"] for e in there]
        end_s = max(float(end) for end in ends if end is not None)
    else:
        end_s = 0.0
    if has_source(folder) and not (folder / RECORDING).is_file():
        from ingest.session_folder import open_input

        plain = open_input(folder)
        blocks = [block for batch in plain.batches() for block in batch]
        times = [float(t) for block in blocks if hasattr(block, "time_s") for t in (block.time_s[0], block.time_s[-1])]
        return Span(min(times), max(times))
    return Span(0.0, end_s)
