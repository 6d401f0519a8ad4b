"""`hiphinge live`: the sensors of a kit, streamed, recorded and computed while an athlete moves."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import typer

from dashboards.influx import FOLDER, waiting_bytes
from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import calibration_table, repetition_table, sensors_table
from hiphinge import config
from hiphinge.commands.options import CONFIG, console, look_after, say, tell_faults, tell_orphans
from hiphinge.live.followers import follow
from hiphinge.live.screen_writer import let_screen_be_lost
from hiphinge.live.streaming import Latency, Streaming
from hiphinge.session.folders import check_new, session_name
from hiphinge.session.in_progress import RECORDING, SessionInProgress
from hiphinge.session.interruption import HANGUP, HangUp
from hiphinge.session.mending import proposals
from hiphinge.version import software
from ingest.links import EventLog, Kit, KitReader, read_kit


def live(
    kit_file: Path = typer.Option(
        ..., "--kit", help="Kit file: which sensors, worn where. Make one with hiphinge scan --save."
    ),
    out: Path | None = typer.Option(
        None, "--out", help="Session folder to write; else a new one here or in HIPHINGE_SESSIONS."
    ),
    athlete: str | None = typer.Option(None, "--athlete", help="A pseudonym; else the kit's."),
    seconds: float | None = typer.Option(None, "--seconds", min=0.1, help="End after this number of seconds."),
    calibrate: bool = typer.Option(False, "--calibrate", help="Set the calibrate mark as soon as all sensors stream."),
    as_json: bool = typer.Option(
        False, "--json", help="For programs: one JSON line a second, everything else on standard error."
    ),
    no_page: bool = typer.Option(
        False, "--no-page", help="Accepted, and changes nothing: there is no live page yet, only the terminal."
    ),
    config_file: Path | None = CONFIG,
) -> None:
    """Stream the sensors of a kit: angles and repetitions now, a session folder with everything afterwards.

    Keys: c calibrate, h heel drop, m mark, q stop. Where another program writes to standard input, its lines do the same:
    mark LABEL (mark calibrate, mark heel_drop, mark anything), stop. A closed terminal ends the session in order, too.
    """
    settings = config.load(config_file)
    kit = read_kit(kit_file)
    session = kit.session(
        datetime.now(UTC).replace(microsecond=0), athlete, software(), settings.patience_s, settings.screen_limits
    )
    name = session_name(session.start, session.athlete)
    folder = out or (settings.sessions or Path()) / name
    check_new(folder)
    let_screen_be_lost()
    orphaned = tell_orphans(settings, folder)
    screen = console(stderr=as_json)
    with HangUp() as hangup:
        running = SessionInProgress(folder, session)
        try:
            follow(running, screen, lines=as_json, influx=settings.influx() if settings.influx_configured else None)
            streaming = asyncio.run(_stream(running, kit, seconds, calibrate))
            if streaming.ended_by == HANGUP:
                hangup.note()
            with screen.status("Closing the session, computing the two-sided review"):
                running.close()
        except BaseException:
            if running.abandon():
                say(f"{folder / RECORDING} is kept; to compute its results: hiphinge doctor --sessions {folder}")
            raise
        summary = read_summary(folder, "live")
        screen.print(sensors_table(summary))
        screen.print(calibration_table(summary))
        screen.print(repetition_table(read_repetitions(folder, "review"), "review"))
        screen.print(_latency_words(streaming.latency), highlight=False)
        if settings.influx_configured and (waiting := waiting_bytes(folder / FOLDER)):
            say(f"{waiting} bytes wait for InfluxDB; to send them: hiphinge push {folder}")
        tell_faults(running.sinks.faults)
        for words in proposals(folder):
            screen.print(words, highlight=False, soft_wrap=True)
        screen.print(f"Session folder: {folder}", highlight=False, soft_wrap=True)
    if hangup.came:
        sys.exit(128 + signal.SIGHUP)
    if streaming.ended_by != signal.SIGTERM:
        # a computer that is switched off does not wait for the results of other sessions
        look_after(orphaned)


async def _stream(running: SessionInProgress, kit: Kit, seconds: float | None, calibrate: bool) -> Streaming:
    """Stream until the end; the object that did it, which knows its latency and how it ended."""
    log = EventLog()
    streaming = Streaming(running, KitReader(kit, log), log)
    await streaming.run(seconds, calibrate=calibrate)
    return streaming


def _latency_words(latency: Latency) -> str:
    p50, p99 = (latency.percentile(p) for p in (50, 99))
    return f"Packet to angle, without the grid's own wait: p50 {p50:.1f} ms, p99 {p99:.1f} ms"
