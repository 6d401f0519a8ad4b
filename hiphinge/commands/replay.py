"""`hiphinge replay`: computes any recording again, with the same numbers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from body_signals import BODY_PLACEMENTS, ESTIMATORS
from dashboards.edits import edited_repetitions
from dashboards.tables import read_summary
from dashboards.terminal import repetition_table
from hiphinge import config
from hiphinge.afterwards.mending import with_path
from hiphinge.afterwards.said import MARK_COMMAND
from hiphinge.commands.options import CONFIG, among, console, estimators, say
from hiphinge.guidance.ending import answer_of_session, tell_answer, tell_findings
from hiphinge.session.folders import appearing, check_new
from hiphinge.session.in_progress import RECORDING
from hiphinge.session.replayed import Replayed


def replay(
    source: Path = typer.Argument(..., metavar="INPUT", help="A session folder, a plain session or an .mcap recording."),
    out: Path = typer.Option(..., "--out", help="Folder for the results; must not exist yet."),
    estimator: str = typer.Option(
        "both", "--estimator", help="live, review or both.", autocompletion=among((*ESTIMATORS, "both"))
    ),
    salvage: bool = typer.Option(False, "--salvage", help="Use the part of a damaged recording before the damage."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line at the end instead of tables."),
    config_file: Path | None = CONFIG,
) -> None:
    """Compute angles, repetitions and rhythm from a recording and write them as a session folder.

    A recording that breaks off is used up to its last whole window, with a warning. A recording that is damaged in the middle
    is an error, unless --salvage is given. Limits of the hip screen in the configuration replace those of the session.
    """
    limits = config.load(config_file).screen_limits
    wanted = estimators(estimator)
    check_new(out)
    replayed = Replayed.of(source, limits, salvage=salvage)
    recorded = replayed.recorded
    began = time.monotonic()
    reached = 0.0
    with _progress_bar() as bar, appearing(out) as working:
        task = bar.add_task("replay", total=1.0, speed="")

        def progress(now_s: float) -> None:
            nonlocal reached
            reached = now_s
            speed = now_s / max(time.monotonic() - began, 1e-6)
            bar.update(task, completed=recorded.fraction(now_s), speed=f"{_minutes(now_s)}, {speed:.0f} x real time")

        replayed.write(working, out.resolve().name, wanted, _markable(source).resolve().name, progress)
    seconds = time.monotonic() - began
    for warning in recorded.warnings:
        say(warning)
    if as_json:
        document = {
            "out": str(out),
            "repetitions": {name: read_summary(out, name)["repetitions"] for name in wanted},
            "duration_s": round(reached, 3),
            "seconds": round(seconds, 3),
            "warnings": recorded.warnings,
            "findings": read_summary(out, wanted[-1]).get("findings", []),
            "said": answer_of_session(out, wanted[-1]),
            **{name: read_summary(out, wanted[-1])[name] for name in ("marks", "notes", "pain")},
            "proposals": [
                w for w in with_path(read_summary(out, wanted[-1])["warnings"], _markable(source)) if MARK_COMMAND in w
            ],
        }
        print(json.dumps(document))
        return
    _show(console(), out, _markable(source), wanted[-1])
    speed = reached / max(seconds, 1e-6)
    done = f"{_minutes(reached)} in {seconds:.1f} s ({speed:.0f} x real time): {out}"
    console().print(done, highlight=False, markup=False, soft_wrap=True)


def _markable(source: Path) -> Path:
    """The folder to which a person can add marks afterwards."""
    return source.parent if source.name == RECORDING else source


def _show(screen: Console, out: Path, source: Path, estimator: str) -> None:
    summary = read_summary(out, estimator)
    if summary["repetitions"]:
        screen.print(repetition_table(edited_repetitions(out, estimator), estimator))
    elif not set(summary["sensors"]) & set(BODY_PLACEMENTS):
        screen.print(f"No placement, so no angles ({estimator}).", highlight=False)
    else:
        screen.print(f"No repetitions found ({estimator}).", highlight=False)
    tell_answer(out, screen, estimator)
    tell_findings(out, screen, source)


def _progress_bar() -> Progress:
    """A progress bar on standard error, only on a terminal."""
    screen = console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=screen,
        disable=not screen.is_terminal,
        transient=True,
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60.0:.1f} min"
