"""`hiphinge reanalyse`: computes many sessions again, on this machine or on a cluster."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import typer
from rich.progress import BarColumn, Progress, TextColumn

from body_signals import ESTIMATORS, HiphingeError, one_line
from hiphinge import config
from hiphinge.commands.options import CONFIG, among, console, estimators, say
from hiphinge.seasons.place import check_apart, place_of
from hiphinge.seasons.report import Report
from hiphinge.seasons.result import prepare
from hiphinge.seasons.run import jobs_of, outcomes
from hiphinge.seasons.running import lasting
from hiphinge.seasons.task import FAILED, TABLES, Outcome, Settings
from hiphinge.seasons.workers import Workers, connected

_EVERY_S = 10.0
"""Time, s, between two lines of progress where nobody watches a terminal (ours)."""


def reanalyse(
    sessions: str = typer.Argument(..., metavar="SESSIONS", help="Folder of session folders, or s3://bucket/prefix."),
    out: str = typer.Option(..., "--out", metavar="RESULTS", help="Folder for the results, or s3://bucket/prefix."),
    scheduler: str | None = typer.Option(
        None, "--scheduler", metavar="tcp://HOST:8786", help="A Dask scheduler. [default: processes of this machine]"
    ),
    workers: int | None = typer.Option(
        None,
        "--workers",
        min=1,
        help="Processes on this machine, or at most this many workers. [default: all cores, all workers]",
    ),
    estimator: str = typer.Option(
        "both", "--estimator", help="live, review or both.", autocompletion=among((*ESTIMATORS, "both"))
    ),
    tables: str = typer.Option(
        ",".join(TABLES), "--tables", help="Tables to keep, with commas between them; summary.json always is."
    ),
    salvage: bool = typer.Option(False, "--salvage", help="Of damaged recordings use the part before the damage."),
    any_processor: bool = typer.Option(
        False, "--any-processor", help="Use workers whose processors round otherwise, too; results differ by about 1e-7."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON line for each session, and one at the end."),
    config_file: Path | None = CONFIG,
) -> None:
    """Compute many sessions again, on this machine or on a cluster; a result is the same as that of hiphinge replay.

    Sessions stand directly below SESSIONS. What was computed before with this version and these settings, from the same
    recordings and corrections, is not computed again: after an interruption, run the same command again. A session that fails
    is named and does not stop the others; the exit code is 1 then. docs/season.md describes the folder of results.
    """
    limits = dict(config.load(config_file).screen_limits)
    settings = Settings(estimators(estimator), _tables(tables), limits, salvage)
    there, results = place_of(sessions), place_of(out)
    check_apart(there, results)
    sign = prepare(results)
    # before the sessions are listed: who forgets an athlete must either be seen to have deleted them, or see this run
    with lasting(results):
        jobs = jobs_of(there, results, settings, sign)
        report = Report(sessions, out, settings, len(jobs))
        with connected(scheduler, workers) as client:
            crew = Workers(client, there, results, sign, say, workers, any_processor=any_processor)
            report.refused = crew.refused
            with _Progress(report, as_json=as_json) as progress:
                try:
                    for outcome in outcomes(client, crew, jobs, progress.tick):
                        report.take(outcome)
                        progress.tell(outcome)
                except HiphingeError as error:
                    report.stopped = error
                finally:
                    try:
                        report.write(results, sign)
                    except HiphingeError as error:
                        report.stopped = report.stopped or error
    if len(report.kinds) > 1:
        kinds = f"{len(report.kinds)} kinds of processors or libraries"
        say(f"results were computed by {kinds}, which round otherwise: computed_by in report.json")
    if as_json:
        print(json.dumps(report.document))
    else:
        console().print(one_line(report.words), highlight=False, soft_wrap=True)
    if report.stopped is not None:
        raise report.stopped
    if report.counts[FAILED]:
        sys.exit(1)


def _tables(words: str) -> tuple[str, ...]:
    wanted = [word.strip() for word in words.split(",")]
    unknown = [word for word in wanted if word not in TABLES]
    if unknown:
        raise HiphingeError(f"unknown table {unknown[0]!r}", "--tables", f"Choose among {', '.join(TABLES)}")
    return tuple(table for table in TABLES if table in wanted)


class _Progress:
    """A bar on standard error where that is a terminal, else a line from time to time; failed sessions are named at once."""

    def __init__(self, report: Report, *, as_json: bool) -> None:
        self._report, self._as_json = report, as_json
        screen = console(stderr=True)
        self._plain = not screen.is_terminal and not as_json
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
        self._bar = Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True)
        self._task = self._bar.add_task("reanalyse", total=report.count, words="")
        self._said_s = time.monotonic()

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def tick(self) -> None:
        """Time has passed."""
        figures = self._report.figures
        self._bar.update(self._task, completed=figures.done + figures.failed, words=figures.words)
        if self._plain and time.monotonic() - self._said_s > _EVERY_S:
            self._said_s = time.monotonic()
            say(figures.words)

    def tell(self, outcome: Outcome) -> None:
        """A session has ended."""
        if outcome.error is not None:
            say(one_line(f"{outcome.session}: {HiphingeError(*outcome.error)}"))
        if self._as_json:
            error = None if outcome.error is None else dict(zip(("what", "where", "remedy"), outcome.error, strict=True))
            line = {"session": outcome.session, "state": outcome.state, "seconds": round(outcome.seconds, 3), "error": error}
            print(json.dumps({**line, **self._report.figures.document}), flush=True)
