"""`hiphinge doctor`: is everything installed, is a session unfinished, can InfluxDB be reached?"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from body_signals import HiphingeError
from hiphinge import logbook
from hiphinge.checkup.access import access
from hiphinge.checkup.installation import Finding, installation
from hiphinge.version import software

if TYPE_CHECKING:
    from hiphinge.config import Settings


def doctor(
    sessions: Path | None = typer.Option(None, "--sessions", help="Folder of session folders to look after."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    config_file: Path | None = typer.Option(
        None, "--config", help="Configuration file (TOML); else the one in your configuration folder."
    ),
) -> None:
    """Check the installation, finish sessions that were not closed, and try InfluxDB. Exit code 1 when something is wrong."""
    settings: Settings | ImportError
    try:
        from hiphinge import config

        settings = config.load(config_file)
        if sessions is not None and not sessions.is_dir():
            raise HiphingeError("no such folder", str(sessions), "Give the folder that holds your session folders")
        settings = replace(settings, sessions=sessions or settings.sessions)
    except ImportError as error:
        settings = error
    findings = []
    for what, ok, text in _findings(settings):
        findings.append({"what": what, "ok": ok, "found": text})
        if not as_json:
            print(f"{'ok ' if ok else 'NOT'} {what}: {text}", flush=True)
    if as_json:
        print(json.dumps(findings))
    if not all(f["ok"] for f in findings):
        sys.exit(1)


def _findings(settings: Settings | ImportError) -> Iterator[Finding]:
    try:
        yield "program", True, f"{software()}, Python {platform.python_version()}"
    except PackageNotFoundError:
        yield "program", False, "is not installed as a package, so its version is not known: install it with pip or pipx"
    yield from installation()
    yield "log", True, str(logbook.log_file() or "is switched off")
    yield from access()
    try:
        if isinstance(settings, ImportError):
            raise settings
        from hiphinge.checkup.sessions import checkup
    except ImportError as error:
        yield "sessions", False, f"cannot be looked after while something is missing ({error}): install hiphinge again"
        return
    yield from checkup(settings)
