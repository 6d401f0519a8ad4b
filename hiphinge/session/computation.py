"""From an input to a folder of results: feeds the engine in stretches and writes each estimator's tables row by row."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from body_signals import Event, Session, TimedBlock
from dashboards.tables import TableWriter
from dsp.pipeline import PipelineOutput
from dsp.results import Finding, Repetition
from hiphinge.engine import Engine
from hiphinge.session import freed_memory
from hiphinge.session.interruption import uninterrupted

_log = logging.getLogger(__name__)


class ResultsWriter:
    """Writes the output of an engine; after an exception no partial file is left."""

    def __init__(self, folder: Path, engine: Engine, estimators: Sequence[str]) -> None:
        self._folder, self._engine = folder, engine
        self._stack = ExitStack()
        self._writers = {name: self._stack.enter_context(TableWriter(folder, name)) for name in estimators}
        self.repetitions: dict[str, list[Repetition]] = {name: [] for name in estimators}

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.abort()

    def abort(self) -> None:
        """Discard partial files; harmless after `close`."""
        self._stack.close()

    def take(self, outputs: dict[str, PipelineOutput]) -> None:
        """Append the output of `Engine.feed` or `Engine.finish`."""
        for name, output in outputs.items():
            self.repetitions[name].extend(output.repetitions)
            writer = self._writers[name]
            for rows in output.angles:
                writer.angles(rows)
            writer.orientations(output.orientations)
            for repetition in output.repetitions:
                writer.repetition(repetition)

    def close(self, session_name: str, source: str | None = None) -> dict[str, PipelineOutput]:
        """Take the engine's last rows and put all files in place; returns those rows. source: see `compute`."""
        last = self._engine.finish()
        self.take(last)
        for name, writer in self._writers.items():
            summary = self._engine.summary(name, session_name, source)
            with uninterrupted():
                writer.close(summary)
        return last


def compute(
    session: Session,
    batches: Iterable[Sequence[Event | TimedBlock]],
    folder: Path,
    session_name: str,
    estimators: Sequence[str],
    progress: Callable[[float], None] | None = None,
    findings: Sequence[Finding] = (),
    source: str | None = None,
) -> dict[str, list[Repetition]]:
    """Run the estimators over all events and write their tables into `folder`; returns the repetitions found.

    progress: is called with the session time reached, seconds. findings: those about the session's clocks. source: name of the
    folder of the events, where that is not `session_name`; empty where a person cannot add marks to it.
    """
    freed_memory.keep()
    engine = Engine(session, estimators, findings)
    began = time.monotonic()
    _log.info("%s: computing %s", session_name, " and ".join(estimators))
    with ExitStack() as stack:
        # uninterrupted: a signal may come as soon as the scratch folder exists
        with uninterrupted():
            writer = stack.enter_context(ResultsWriter(folder, engine, estimators))
        # one after another: two threads in small steps hinder each other
        for batch in batches:
            for outputs in engine.pieces(batch):
                writer.take(outputs)
            if progress is not None:
                progress(engine.now_s)
        writer.close(session_name, source)
        _log.info("%s: %.0f s of session computed in %.1f s", session_name, engine.now_s, time.monotonic() - began)
        return writer.repetitions


def without_files(session: Session) -> Session:
    """The same session for a folder that holds only results."""
    return replace(session, sensors=tuple(replace(s, file=None) for s in session.sensors))


def with_software(session: Session, software: str) -> Session:
    """The same session, computed by this program."""
    return replace(session, software=software)
