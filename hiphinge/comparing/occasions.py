"""Session folders as occasions of a comparison: the tests of the screen, when, by whom, in which wear, with how much pain.

The numbers are those of the session's screen in summary.json. Where a person corrected repetitions, or where marks divide the
session into parts (before, treatment, after, retest), the tests are measured again from the repetitions of the part. Where a
session was guided by several protocols, each of them is an occasion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from body_signals import (
    BASELINE,
    ESTIMATORS,
    RETEST,
    TREATMENT,
    UNKNOWN_ATHLETE,
    HiphingeError,
    choice,
    limits_with,
    retested,
)
from dashboards.corrections import EARLIEST, moment
from dashboards.edits import edited_repetitions, read_edits
from dashboards.tables import available_estimators, read_summary, repetition_of
from dsp.comparison import Occasion, values_of
from dsp.results import Repetition
from dsp.screen import screen_of
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import bring_up_to_date
from hiphinge.session.lock import is_running
from hiphinge.session.recovery import orphans

DIVIDING = ("before", TREATMENT, "after", RETEST)
"""Marks at which a new part of the session begins."""


@dataclass(frozen=True, slots=True)
class Told:
    """A session folder as it is compared. occasions: its parts with at least one number, in order of time; primary: the
    number that was chosen, ``TEST:SIDE:MEASURE``, empty where none was; treated: when the treatment began, where that was
    marked."""

    folder: Path
    session: str
    athlete: str
    start: datetime | None
    occasions: tuple[Occasion, ...]
    primary: str
    treated: datetime | None


def told(folder: Path, estimator: str, tell: Callable[[str], None], *, held: bool = False) -> Told:
    """A finished session with results of this estimator; tell: hears what is brought up to date first; held: this program
    itself holds the folder's lock, so nobody else writes it. HiphingeError names what is missing, and what to do."""
    _check(folder, estimator, tell, held=held)
    return told_of(folder, estimator, read_summary(folder, estimator))


def told_of(folder: Path, estimator: str, summary: Mapping[str, Any]) -> Told:
    """The same of a folder that was checked and is up to date; summary: the estimator's."""
    labels = [(float(m["time_s"]), str(m["label"]).strip()) for m in summary["marks"] if m["time_s"] is not None]
    start = _start(summary)
    cuts = _cuts(labels)
    if len(runs := _runs(summary)) > 1:
        occasions = list(_of_protocols(folder, estimator, summary, runs, start))
    else:
        occasions = list(_parts(folder, estimator, summary, cuts, start)) if cuts else []
    occasions = [one for one in occasions if one.values]
    if len(occasions) < 2:
        # a mark before or after everything divides nothing
        occasions = [_whole(folder, estimator, summary, start)]
    treatments = [at_s for at_s, label in labels if label.lower() == TREATMENT]
    return Told(
        folder,
        summary["session"],
        summary["athlete"],
        start,
        tuple(replace(one, wear=_wear(labels, one.wear)) for one in occasions if one.values),
        next((words for _, label in reversed(labels) if (words := choice(label))), ""),
        start + timedelta(seconds=treatments[-1]) if start is not None and treatments else None,
    )


def _check(folder: Path, estimator: str, tell: Callable[[str], None], *, held: bool) -> None:
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "no such session folder"
        raise HiphingeError(what, str(folder), "Give a session folder, or the name of one in your sessions folder")
    if not held and is_running(folder):
        raise HiphingeError("this session is running", str(folder), "Wait for its end")
    if orphans(folder):
        raise HiphingeError("this session was not closed", str(folder), "Compute its results first: hiphinge doctor")
    there = available_estimators(folder)
    if not there:
        raise HiphingeError("no results are in this folder", str(folder), f"Run: hiphinge replay {folder} --out DIR")
    if estimator not in there:
        what = f"no results of estimator {estimator!r}"
        raise HiphingeError(what, str(folder), f"Choose --estimator {there[-1]} for all sessions")
    ties.check(folder)
    bring_up_to_date(folder, tell)


def is_pinned(folder: Path, estimator: str) -> bool:
    """Whether a session belongs to its athlete's own baseline."""
    return any(str(m["label"]).strip().lower() == BASELINE for m in read_summary(folder, estimator)["marks"])


def _start(summary: Mapping[str, Any]) -> datetime | None:
    start = moment(summary["start"])
    return start if start is not None and start >= EARLIEST else None


def _cuts(labels: Sequence[tuple[float, str]]) -> list[float]:
    return sorted({at_s for at_s, label in labels if label.lower() in DIVIDING})


def _wear(labels: Sequence[tuple[float, str]], own: str) -> str:
    """The wear of a session: its own name, or that of the session which it retests with the sensors on."""
    for _, label in labels:
        before = retested(label)
        if before is not None and before[1]:
            return before[0]
    return own


def _whole(folder: Path, estimator: str, summary: Mapping[str, Any], start: datetime | None) -> Occasion:
    screen = summary["screen"]
    if read_edits(folder):
        screen = _measured(_repetitions(folder, estimator), screen)
    return Occasion(summary["session"], start, summary["session"], values_of(screen), _pain(summary), screen)


def _runs(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The protocols that were done in a session, in order; empty where it was not guided."""
    first = summary.get("protocol")
    return [first, *first.get("further", ())] if isinstance(first, dict) and first else []


def _of_protocols(
    folder: Path, estimator: str, summary: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], start: datetime | None
) -> Iterator[Occasion]:
    """One occasion for each protocol: the first has the session's screen, those after it their own."""
    repetitions = _repetitions(folder, estimator) if read_edits(folder) else None
    for i, run in enumerate(runs, 1):
        begin_s, end_s = float(run["begun_s"]), math.inf if run.get("ended_s") is None else float(run["ended_s"])
        screen = run.get("screen", summary["screen"])
        if repetitions is not None:
            screen = _measured([r for r in repetitions if begin_s <= r.start_s < end_s], screen)
        at = None if start is None else start + timedelta(seconds=max(begin_s, 0.0))
        name = f"{summary['session']} {run['name']} {i}"
        yield Occasion(name, at, summary["session"], values_of(screen), _pain(summary, begin_s, end_s), screen)


def _parts(
    folder: Path, estimator: str, summary: Mapping[str, Any], cuts: Sequence[float], start: datetime | None
) -> Iterator[Occasion]:
    repetitions = _repetitions(folder, estimator)
    for i, (begin_s, end_s) in enumerate(zip((-math.inf, *cuts), (*cuts, math.inf), strict=True)):
        inside = [r for r in repetitions if begin_s <= r.start_s < end_s]
        if not inside:
            continue
        screen = _measured(inside, summary["screen"])
        at = None if start is None else start + timedelta(seconds=max(begin_s, 0.0))
        name = f"{summary['session']} part {i + 1}"
        yield Occasion(name, at, summary["session"], values_of(screen), _pain(summary, begin_s, end_s), screen)


def _repetitions(folder: Path, estimator: str) -> list[Repetition]:
    return [repetition_of(row) for row in edited_repetitions(folder, estimator).to_pylist()]


def _measured(repetitions: Sequence[Repetition], screen: Mapping[str, Any]) -> dict[str, Any]:
    """The screen of some repetitions, with the limits of the session's screen. Tests that a protocol took from the calibration,
    and so are no repetitions, stay as they are."""
    found = screen_of(repetitions, limits_with({e["name"]: e["limit"] for e in screen["limits"] if "name" in e})).document()
    tests = list(found["tests"])  # type: ignore[call-overload]
    there = {(t["test"], t["side"]) for t in tests}
    tests += [t for t in screen["tests"] if t.get("from_calibration") and (t["test"], t["side"]) not in there]
    return found | {"tests": tests}


def _pain(summary: Mapping[str, Any], begin_s: float = -math.inf, end_s: float = math.inf) -> float | None:
    """The highest pain that was reported; None where none was."""
    levels = [p["level"] for p in summary["pain"] if p["level"] is not None and begin_s <= (p["time_s"] or 0.0) < end_s]
    return max(map(float, levels), default=None)


def check_one_athlete(several: Sequence[Told]) -> str:
    """The athlete of all these sessions. HiphingeError where they are of several, or where it is not known whose one is."""
    for one in several:
        if one.athlete == UNKNOWN_ATHLETE:
            remedy = "Correct [athlete] id in its session.toml"
            raise HiphingeError("it is not known whose session this is", str(one.folder), remedy)
        if one.athlete != several[0].athlete:
            what = f"this is a session of {one.athlete}, and {several[0].folder.name} is one of {several[0].athlete}"
            raise HiphingeError(what, str(one.folder), "Compare sessions of one athlete")
    return several[0].athlete


def last_estimator(folders: Sequence[Path]) -> str:
    """The estimator that all folders have results of: review where they all do."""
    common = [e for e in ESTIMATORS if all(e in available_estimators(folder) for folder in folders)]
    return common[-1] if common else ESTIMATORS[-1]
