"""Session folders as occasions of a comparison: the tests of the screen, when, by whom, in which wear, with how much pain.

The numbers are those of the session's screen in summary.json. Where a person corrected repetitions, or where marks divide the
session into parts (before, treatment, after, retest), the tests are measured again from the repetitions of the part, and from
the movements of a calibration that a protocol took in it, by the same rules as in summary.json. Where a session was guided by
several protocols, each of them is an occasion.
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
    DIVIDING,
    ESTIMATORS,
    TREATMENT,
    UNKNOWN_ATHLETE,
    HiphingeError,
    SessionMark,
    choice,
    limits_with,
    retested,
)
from dashboards.corrections import EARLIEST, moment
from dashboards.edits import edited_repetitions, read_edits
from dashboards.tables import available_estimators, read_summary, repetition_of
from dsp.comparison import Occasion, values_of
from dsp.screen import ProtocolRun, of_run, read_calibration, runs_of, screen_of, screened
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import bring_up_to_date
from hiphinge.session.lock import is_running
from hiphinge.session.recovery import orphans

_SAME_S = 0.001
"""Times in summary.json are rounded to a millisecond."""


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
        screen = _Again(folder, estimator, summary).whole()
    return Occasion(summary["session"], start, summary["session"], values_of(screen), _pain(summary), screen)


def _runs(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The protocols that were done in a session, in order; empty where it was not guided."""
    first = summary.get("protocol")
    return [first, *first.get("further", ())] if isinstance(first, dict) and first else []


def _of_protocols(
    folder: Path, estimator: str, summary: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], start: datetime | None
) -> Iterator[Occasion]:
    """One occasion for each protocol: the first has the session's screen, those after it their own."""
    again = _Again(folder, estimator, summary) if read_edits(folder) else None
    for i, run in enumerate(runs, 1):
        begin_s, end_s = float(run["begun_s"]), math.inf if run.get("ended_s") is None else float(run["ended_s"])
        screen = run.get("screen", summary["screen"])
        if again is not None:
            screen = again.whole() if i == 1 else again.of_protocol(begin_s) or screen
        at = None if start is None else start + timedelta(seconds=max(begin_s, 0.0))
        name = f"{summary['session']} {run['name']} {i}"
        yield Occasion(name, at, summary["session"], values_of(screen), _pain(summary, begin_s, end_s), screen)


def _parts(
    folder: Path, estimator: str, summary: Mapping[str, Any], cuts: Sequence[float], start: datetime | None
) -> Iterator[Occasion]:
    again = _Again(folder, estimator, summary)
    for i, (begin_s, end_s) in enumerate(zip((-math.inf, *cuts), (*cuts, math.inf), strict=True)):
        screen = again.part(begin_s, end_s)
        at = None if start is None else start + timedelta(seconds=max(begin_s, 0.0))
        name = f"{summary['session']} part {i + 1}"
        yield Occasion(name, at, summary["session"], values_of(screen), _pain(summary, begin_s, end_s), screen)


class _Again:
    """Measures the tests of a session again, from its repetitions as a person corrected them, against the session's limits."""

    def __init__(self, folder: Path, estimator: str, summary: Mapping[str, Any]) -> None:
        self._repetitions = [repetition_of(row) for row in edited_repetitions(folder, estimator).to_pylist()]
        protocol = summary.get("protocol") or {}
        self._calibration = read_calibration(protocol.get("calibration_movements", ()))
        said = (SessionMark(float(m["time_s"]), str(m["label"])) for m in summary["marks"] if m["time_s"] is not None)
        self._runs: tuple[ProtocolRun, ...] = runs_of(said)
        self._screen: Mapping[str, Any] = summary["screen"]
        self._limits = limits_with({e["name"]: e["limit"] for e in self._screen["limits"] if "name" in e})

    def whole(self) -> dict[str, Any]:
        """The session's screen. Tests that an earlier version took from the calibration, of which it kept no movements, stay as
        they are."""
        found = self.part(-math.inf, math.inf)
        there = {(t["test"], t["side"]) for t in found["tests"]}
        kept = [t for t in self._screen["tests"] if t.get("from_calibration") and (t["test"], t["side"]) not in there]
        return found | {"tests": [*found["tests"], *kept]}

    def part(self, begin_s: float, end_s: float) -> dict[str, Any]:
        """The screen of what began between two times."""
        rows, moved = ([r for r in some if begin_s <= r.start_s < end_s] for some in (self._repetitions, self._calibration))
        return dict(screen_of(screened(rows, moved, self._runs), self._limits).document())

    def of_protocol(self, begun_s: float) -> dict[str, Any]:
        """The screen of the protocol that began at this time; empty where no mark says so any more."""
        run = next((run for run in self._runs if abs(run.begun_s - begun_s) < _SAME_S), None)
        if run is None:
            return {}
        return dict(screen_of(of_run(self._repetitions, self._calibration, run), self._limits).document())


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
