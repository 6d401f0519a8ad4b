"""`hiphinge doctor`: is everything there, is a session left unfinished, can InfluxDB be reached?"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import typer

from dashboards.delivery import missing
from dashboards.influx import server_facts
from dashboards.outbox import FOLDER, rejected_lines, waiting_bytes
from hiphinge import config
from hiphinge.commands.options import CONFIG, DEMO_SESSION, console, unfinished
from hiphinge.lock import is_running
from hiphinge.privacy import close_sessions
from hiphinge.recovery import recover
from hiphinge.version import software
from on_disk import HAS_MODES
from signals import HiphingeError

LIBRARIES = (
    "numpy",
    "vqf",
    "cobs",
    "pyarrow",
    "mcap",
    "zstandard",
    "influxdb-client",
    "msgspec",
    "typer",
    "rich",
    "jinja2",
    "matplotlib",
)

Finding = tuple[str, bool, str]
"""What was looked at, whether it is well, and what was found."""


def doctor(
    sessions: Path | None = typer.Option(None, "--sessions", help="Folder of session folders to look after."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    config_file: Path | None = CONFIG,
) -> None:
    """Check the installation, finish sessions that were not closed, and try InfluxDB. Exit code 1 when something is wrong."""
    settings = config.load(config_file)
    if sessions is not None and not sessions.is_dir():
        raise HiphingeError("no such folder", str(sessions), "Give the folder that holds your session folders")
    settings = replace(settings, sessions=sessions or settings.sessions)
    screen = console()
    findings = []
    for what, ok, text in _findings(settings):
        findings.append({"what": what, "ok": ok, "found": text})
        if not as_json:
            screen.print(f"{'ok ' if ok else 'NOT'} {what}: {text}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps(findings))
    if not all(f["ok"] for f in findings):
        sys.exit(1)


def _findings(settings: config.Settings) -> Iterator[Finding]:
    yield "program", True, f"{software()}, Python {platform.python_version()}"
    for library in LIBRARIES:
        try:
            import_module(library.replace("-", "_"))
            yield library, True, version(library)
        except (ImportError, OSError) as error:
            yield library, False, f"cannot be used ({error}): install hiphinge again"
    if HAS_MODES:
        closed = close_sessions(Path(), f"{DEMO_SESSION}*") if settings.sessions is None else close_sessions(settings.sessions)
        yield "private", not closed.left, closed.words
    yield from _sessions(settings)
    yield from _results(settings.sessions, settings.influx_configured)
    if not settings.influx_configured:
        yield "influxdb", True, "not configured (HIPHINGE_INFLUX_URL): results stay in their folders"
        return
    try:
        facts = server_facts(settings.influx())
        yield "influxdb", True, str(facts)
        if facts.clock_remark:
            yield "clock", False, facts.clock_remark
    except HiphingeError as error:
        yield "influxdb", False, str(error)


def _results(folder: Path | None, configured: bool) -> Iterator[Finding]:
    """What has not arrived in InfluxDB, and what never will."""
    sessions = [path for path in folder.iterdir() if path.is_dir()] if folder is not None and folder.is_dir() else []
    unsent = [path for path in sessions if not is_running(path) and missing(path)] if configured else []
    waiting = sum(waiting_bytes(path / FOLDER) for path in sessions)
    if unsent:
        kept = f" ({waiting / 1e6:.1f} MB of it in outboxes)" if waiting else ""
        yield "results", True, f"InfluxDB does not have all of {len(unsent)} sessions{kept}; to send them: hiphinge push --all"
    elif configured:
        yield "results", True, "all were sent"
    for path in sorted(sessions):
        rejected = rejected_lines(path / FOLDER)
        if rejected:
            where = path / FOLDER / "rejected.lp"
            yield (
                path.name,
                False,
                f"InfluxDB rejected {len(rejected)} lines, kept in {where}; of the first it says: {rejected[0][1]}",
            )


def _sessions(settings: config.Settings) -> Iterator[Finding]:
    folder = settings.sessions
    orphaned = unfinished(settings)
    if folder is None:
        words = "no folder set (HIPHINGE_SESSIONS); looked for demos in the current one"
    elif not folder.is_dir():
        words = f"{folder} will be made by the first session"
    else:
        words = str(folder)
    if folder is not None and folder.is_dir() and not os.access(folder, os.W_OK):
        yield "sessions", False, f"{folder} may not be written: check its permissions"
    else:
        yield "sessions", True, f"{words}: {len(orphaned)} unfinished"
    for orphan in orphaned:
        result = recover(orphan)
        if result.error is not None:
            yield orphan.name, False, str(result.error)
        else:
            yield orphan.name, True, "; ".join(("was not closed, results computed from its recording", *result.warnings))
