"""A session folder as what `dashboards.export` is given: head, results, and samples on the session's time line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from body_signals import HiphingeError, TimedBlock
from dashboards.corrections import moment
from dashboards.export import ExportedSession, known_start
from dashboards.tables import available_estimators, read_summary
from hiphinge.afterwards import ties
from hiphinge.afterwards.mending import has_source, marks_of
from hiphinge.engine import Engine
from hiphinge.session.plain.clocks import with_agreed_clocks
from ingest.session_folder import Input, open_input


def with_computed(folder: Path, estimator: str | None, *, samples: bool, salvage: bool = False) -> ExportedSession:
    """The session in a folder with results, of the estimator or the best that is there. Call it after `with_results`.

    samples: also its samples, where the folder has their source; salvage: see `open_input`. HiphingeError where parts of the
    folder belong to another session.
    """
    there = available_estimators(folder)
    if estimator is not None and estimator not in there:
        raise HiphingeError(f"no results of estimator {estimator!r}", str(folder), f"Choose {' or '.join(there)}")
    ties.check(folder)
    which = estimator or there[-1]
    summary = read_summary(folder, which)
    recorded = _opened(folder, salvage) if samples and has_source(folder) else None
    return ExportedSession(
        folder,
        str(summary["session"]),
        str(summary["athlete"]),
        known_start(moment(summary["start"])),
        which,
        str(summary["software"]),
        () if recorded is None else recorded.session.sensors,
        tuple(marks_of(folder)),
        (lambda: iter(())) if recorded is None else (lambda: _batches(recorded)),
        list if recorded is None else (lambda: list(recorded.warnings)),
    )


def with_samples(folder: Path, *, salvage: bool = False) -> ExportedSession:
    """The session in a folder with its samples alone; it needs no results."""
    recorded = _opened(folder, salvage)
    session = recorded.session
    return ExportedSession(
        folder,
        folder.resolve().name,
        session.athlete,
        known_start(session.start),
        "",
        session.software,
        session.sensors,
        tuple(marks_of(folder)),
        lambda: _batches(recorded),
        lambda: list(recorded.warnings),
    )


def _opened(folder: Path, salvage: bool) -> Input:
    return with_agreed_clocks(open_input(folder, salvage=salvage))[0]


def _batches(recorded: Input) -> Iterator[Sequence[TimedBlock]]:
    """All samples, decoded and timed by an engine without estimators."""
    engine = Engine(recorded.session, ())
    for batch in recorded.batches():
        yield engine.samples(batch)
