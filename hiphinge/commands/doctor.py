"""`hiphinge doctor`: is everything there, is a session left unfinished, can InfluxDB be reached?"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from dashboards.influx import reachable
from hiphinge import config
from hiphinge.commands.options import CONFIG, console, software
from hiphinge.recovery import recover_all
from signals import HiphingeError

LIBRARIES = ("numpy", "scipy", "vqf", "pyarrow", "mcap", "influxdb-client", "msgspec", "typer", "rich", "jinja2", "matplotlib")


def doctor(
    sessions: Path | None = typer.Option(None, "--sessions", help="Folder of session folders to look after."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
    config_file: Path | None = CONFIG,
) -> None:
    """Check the installation, finish sessions that were not closed, and try InfluxDB. Exit code 1 when something is wrong."""
    settings = config.load(config_file)
    findings: list[tuple[str, bool, str]] = [("program", True, f"{software()}, Python {platform.python_version()}")]
    for library in LIBRARIES:
        try:
            findings.append((library, True, version(library)))
        except PackageNotFoundError:
            findings.append((library, False, "not installed: install hiphinge again"))
    folder = sessions or settings.sessions
    if folder is None:
        findings.append(("sessions", True, "no folder set (HIPHINGE_SESSIONS or --sessions): nothing looked after"))
    elif not folder.is_dir():
        findings.append(("sessions", False, f"{folder}: no such folder"))
    else:
        recovered = recover_all(folder)
        findings.append(("sessions", True, f"{folder}: {len(recovered)} unfinished"))
        for one in recovered:
            words = (
                str(one.error) if one.error is not None else "; ".join(("results computed from the recording", *one.warnings))
            )
            findings.append((one.folder.name, one.error is None, words))
    if settings.influx_configured:
        try:
            findings.append(("influxdb", True, reachable(settings.influx())))
        except HiphingeError as error:
            findings.append(("influxdb", False, str(error)))
    else:
        findings.append(("influxdb", True, "not configured (HIPHINGE_INFLUX_URL): results stay in their folders"))
    if as_json:
        print(json.dumps([{"what": w, "ok": ok, "found": text} for w, ok, text in findings]))
    else:
        for what, ok, text in findings:
            console().print(f"{'ok ' if ok else 'NOT'} {what}: {text}", highlight=False, soft_wrap=True)
    if not all(ok for _, ok, _ in findings):
        sys.exit(1)
