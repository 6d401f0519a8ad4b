"""`hiphinge push`: results to InfluxDB, as often as you like; sending twice changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer
from rich.text import Text

from dashboards.delivery import missing
from dashboards.delivery import push as send
from dashboards.influx import InfluxSettings
from dashboards.line_protocol import points
from hiphinge import config
from hiphinge.app import RECORDING
from hiphinge.commands.options import CONFIG, console, look_after_orphans, say, with_results
from hiphinge.lock import FolderLock, is_running
from signals import HiphingeError


def push(
    sessions: list[Path] | None = typer.Argument(None, metavar="SESSION…", help="Session folders with results."),
    everything: bool = typer.Option(False, "--all", help="All sessions whose results InfluxDB has not acknowledged yet."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the line protocol and send nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON line a session."),
    config_file: Path | None = CONFIG,
) -> None:
    """Send the results of sessions to InfluxDB."""
    settings = config.load(config_file)
    if bool(sessions) == everything:
        raise HiphingeError("nothing to send", "push", "Name session folders, or say --all")
    chosen = _unsent(settings) if everything else sessions or []
    if everything and not chosen:
        console().print("Everything was sent.", highlight=False)
    if dry_run:
        for session in chosen:
            with_results(session)
            for line in points(session):
                sys.stdout.write(line + "\n")
        return
    influx = settings.influx()
    failed: HiphingeError | None = None
    for session in chosen:
        try:
            _push(session, influx, as_json)
        except HiphingeError as error:
            if not everything:
                raise
            # one session's fault does not hold the others back
            say(f"{session.name}: {error}")
            failed = error
    if failed is not None:
        sys.exit(1)


def _unsent(settings: config.Settings) -> list[Path]:
    """Session folders below the folder of sessions that are not running and not wholly acknowledged, in order."""
    if settings.sessions is None:
        raise HiphingeError("is not set", "HIPHINGE_SESSIONS", "Set it to the folder of your sessions, or name session folders")
    folders = sorted({f.parent for name in (RECORDING, "session.toml") for f in settings.sessions.glob(f"*/{name}")})
    look_after_orphans(settings)
    return [folder for folder in folders if not is_running(folder) and missing(folder)]


def _push(session: Path, influx: InfluxSettings, as_json: bool) -> None:
    busy = HiphingeError("another program is writing or sending this session", str(session), "Wait for its end, and push again")
    if is_running(session):
        raise busy
    with_results(session)
    lock = FolderLock(session)
    if not lock.take():
        raise busy
    try:
        with console(stderr=True).status(Text(f"{session.name}: sending")) as status:

            def progress(lines: int) -> None:
                status.update(f"{lines} points sent")

            sent = send(session, influx, progress=progress)
    finally:
        lock.release()
    if as_json:
        found = {"session": str(session), "lines": sent.lines, "by_measurement": dict(sent.by_measurement)}
        print(json.dumps(found | ({"rejected": sent.rejected} if sent.rejected else {})))
    else:
        parts = ", ".join(f"{n} {name}" for name, n in sent.by_measurement.items())
        console().print(
            f"{session.name}: {sent.lines} points sent in {sent.seconds:.1f} s ({parts})", highlight=False, soft_wrap=True
        )
    if sent.rejected:
        raise HiphingeError(
            f"InfluxDB took {sent.lines} points and rejected {sent.rejected}, kept with its words in outbox/rejected.lp",
            str(session),
            "A type conflict means that other software wrote these fields: use a bucket of its own",
        )
