"""`hiphinge push`: results to InfluxDB, as often as you like; sending twice changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.console import Console

from dashboards.influx import points
from dashboards.influx import push as send
from hiphinge import config
from hiphinge.commands.options import CONFIG, console, with_results


def push(
    sessions: list[Path] = typer.Argument(..., metavar="SESSION…", help="Session folders with results."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the line protocol and send nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line a session."),
    config_file: Path | None = CONFIG,
) -> None:
    """Send the results of sessions to InfluxDB."""
    settings = None if dry_run else config.load(config_file).influx()
    for session in sessions:
        with_results(session)
        if settings is None:
            for line in points(session):
                sys.stdout.write(line + "\n")
            continue
        with Console(stderr=True).status(f"{session.name}: sending") as status:

            def progress(lines: int) -> None:
                status.update(f"{lines} points sent")

            sent = send(session, settings, progress=progress)
        if as_json:
            print(json.dumps({"session": str(session), "lines": sent.lines, "by_measurement": dict(sent.by_measurement)}))
        else:
            parts = ", ".join(f"{n} {name}" for name, n in sent.by_measurement.items())
            console().print(
                f"{session.name}: {sent.lines} points sent in {sent.seconds:.1f} s ({parts})", highlight=False, soft_wrap=True
            )
