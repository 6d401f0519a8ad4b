"""`hiphinge demo`: a simulated athlete bends, squats and lifts, recorded and computed as a real session would be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.live import Live

from dashboards.report import write_report
from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import calibration_table, repetition_table
from hiphinge import config
from hiphinge.app import SessionInProgress
from hiphinge.commands.options import CONFIG, console, look_after_orphans, software
from hiphinge.folders import session_name
from hiphinge.results import with_software
from hiphinge.screen import LiveScreen
from signals import Event, Packets
from simulation import SimulatedAthlete

FRAME_S = 0.1
"""Events are taken and the screen is drawn so often, in session time."""


def demo(
    out: Path | None = typer.Option(
        None, "--out", help="Session folder to write; else a new one here or in HIPHINGE_SESSIONS."
    ),
    seed: int = typer.Option(1, "--seed", help="Another seed is another athlete with other sensors."),
    scenario: str = typer.Option("demo", "--scenario", help="demo or mixed."),
    speed: float = typer.Option(6.0, "--speed", min=0.0, help="Times real time; 0 is as fast as it goes."),
    config_file: Path | None = CONFIG,
) -> None:
    """Watch a simulated athlete wearing four virtual sensors, and find a session folder with results and a report."""
    settings = config.load(config_file)
    look_after_orphans(settings.sessions)
    if scenario not in ("demo", "mixed"):
        raise typer.BadParameter(f"{scenario!r}: choose demo or mixed", param_hint="--scenario")
    athlete = SimulatedAthlete(scenario, seed, start=datetime.now(UTC).replace(microsecond=0))
    session = with_software(athlete.session, software())
    name = session_name(session.start, session.athlete)
    folder = out or (settings.sessions / name if settings.sessions is not None else Path(f"demo-session-{name}"))
    screen = console()
    screen.print(
        "Simulated athlete (simulated body, simulated sensors, real bytes): stands still, bends three times, raises each knee "
        "twice; then bends, squats, lifts, sits and walks.",
        highlight=False,
    )
    live = LiveScreen(screen)
    running = SessionInProgress(folder, session)
    try:
        began = time.monotonic()
        with Live(live, console=screen, refresh_per_second=10, transient=True) if screen.is_terminal else live.plain():
            for events in frames(athlete.kit().events()):
                live.take(running.take(events), running.now_s)
                if speed > 0.0:
                    time.sleep(max(0.0, began + running.now_s / speed - time.monotonic()))
        running.close()
    except BaseException:
        running.abandon()
        raise
    screen.print(calibration_table(read_summary(folder, "review")))
    screen.print(repetition_table(read_repetitions(folder, "review"), "review"))
    report = write_report(folder, folder / "report.html")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    screen.print(
        f"Session folder: {folder} ({size / 1e6:.1f} MB: recording.mcap, live/, review/)", highlight=False, soft_wrap=True
    )
    screen.print(f"Report: {report.resolve()}", highlight=False, soft_wrap=True)


def frames(events: Iterator[Event]) -> Iterator[list[Event]]:
    """Events in lists of about `FRAME_S` of arrival time, in order."""
    frame: list[Event] = []
    until: int | None = None
    for event in events:
        arrival = int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns
        if until is None:
            until = arrival
        if arrival >= until:
            if frame:
                yield frame
            frame, until = [], arrival + int(FRAME_S * 1e9)
        frame.append(event)
    if frame:
        yield frame
