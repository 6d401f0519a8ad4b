"""`hiphinge push`: results to InfluxDB, as often as you like; sending twice changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from dashboards.influx import points
from dashboards.influx import push as send
from dashboards.tables import available_estimators
from hiphinge import config
from hiphinge.commands.options import CONFIG, console
from hiphinge.recovery import orphans, recover
from signals import HiphingeError


def push(
    sessions: list[Path] = typer.Argument(..., metavar="SESSION…", help="Session folders with results."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the line protocol and send nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line a session."),
    config_file: Path | None = CONFIG,
) -> None:
    """Send the results of sessions to InfluxDB."""
    settings = None if dry_run else config.load(config_file).influx()
    for session in sessions:
        if not session.is_dir():
            raise HiphingeError("no such session folder", str(session), "Give a folder that replay, live or demo wrote")
        for folder in orphans(session):
            failed = recover(folder).error
            if failed is not None:
                raise failed
        if not available_estimators(session):
            raise HiphingeError("has no results", str(session), "Run `hiphinge replay` on the recording first")
        if settings is None:
            for line in points(session):
                sys.stdout.write(line + "\n")
            continue
        sent = send(session, settings)
        if as_json:
            print(json.dumps({"session": str(session), "lines": sent.lines, "by_measurement": dict(sent.by_measurement)}))
        else:
            parts = ", ".join(f"{n} {name}" for name, n in sent.by_measurement.items())
            console().print(f"{session.name}: {sent.lines} points sent in {sent.seconds:.1f} s ({parts})", highlight=False)
