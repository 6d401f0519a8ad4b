"""`hiphinge replay`: any recording again, the same numbers."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import typer
from ingest.session_folder import open_input
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import repetition_table
from hiphinge.commands.options import console, estimators, software
from hiphinge.folders import appearing, check_new
from hiphinge.results import compute, with_software, without_files
from ingest.session_toml import write_session_toml


def replay(
    source: Path = typer.Argument(..., metavar="INPUT", help="A session folder, a plain session or an .mcap recording."),
    out: Path = typer.Option(..., "--out", help="Folder for the results; must not exist yet."),
    estimator: str = typer.Option("both", "--estimator", help="live, review or both."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line at the end instead of tables."),
) -> None:
    """Compute angles, repetitions and rhythm from a recording and write them as a session folder."""
    wanted = estimators(estimator)
    check_new(out)
    recorded = open_input(source)
    session = with_software(recorded.session, software())
    began = time.monotonic()
    reached = 0.0
    with (
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=as_json,
            transient=True,
        ) as bar,
        appearing(out) as working,
    ):
        task = bar.add_task("replay", total=recorded.duration_hint_s, speed="")

        def progress(now_s: float) -> None:
            nonlocal reached
            reached = now_s
            speed = now_s / max(time.monotonic() - began, 1e-6)
            bar.update(task, completed=now_s, speed=f"{now_s / 60.0:.1f} min, {speed:.0f} x real time")

        write_session_toml(without_files(session), working / "session.toml")
        compute(session, recorded.batches(), working, out.name, wanted, progress)
    seconds = time.monotonic() - began
    for warning in recorded.warnings:
        print(f"hiphinge: {warning}", file=sys.stderr)
    if as_json:
        found = {name: read_summary(out, name)["repetitions"] for name in wanted}
        print(json.dumps({"out": str(out), "repetitions": found, "seconds": round(seconds, 3)}))
        return
    screen = console()
    for name in wanted[-1:]:
        screen.print(repetition_table(read_repetitions(out, name), name))
    for warning in read_summary(out, wanted[-1])["warnings"]:
        screen.print(f"note: {warning}", highlight=False)
    speed = reached / max(seconds, 1e-6)
    screen.print(
        f"{reached / 60.0:.1f} min in {seconds:.1f} s ({speed:.0f} x real time): {out}", highlight=False, soft_wrap=True
    )
