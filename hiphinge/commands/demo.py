"""`hiphinge demo`: a simulated athlete bends, squats and lifts, recorded and computed as a real session would be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live

from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import calibration_table, repetition_table
from hiphinge import config
from hiphinge.app import RECORDING, SessionInProgress
from hiphinge.commands.options import CONFIG, DEMO_SESSION, console, look_after_orphans, say
from hiphinge.folders import check_new, session_name
from hiphinge.results import with_software
from hiphinge.screen import LiveScreen
from hiphinge.version import software
from signals import Event, HiphingeError, Packets
from simulation import SimulatedAthlete

SCENARIOS = ("demo", "mixed")
FRAME_S = 0.1
"""Events are taken and the screen is drawn so often, in session time."""


def demo(
    out: Path | None = typer.Option(
        None, "--out", help="Session folder to write; else a new one here or in HIPHINGE_SESSIONS."
    ),
    seed: int = typer.Option(2, "--seed", min=0, help="Another seed is another athlete with other sensors."),
    scenario: str = typer.Option("demo", "--scenario", help="demo or mixed."),
    speed: float = typer.Option(6.0, "--speed", min=0.0, help="Times real time; 0 is as fast as it goes."),
    config_file: Path | None = CONFIG,
) -> None:
    """Watch a simulated athlete wearing four virtual sensors, and find a session folder with results and a report."""
    settings = config.load(config_file)
    if scenario not in SCENARIOS:
        raise HiphingeError(f"unknown scenario {scenario!r}", "--scenario", f"Choose {' or '.join(SCENARIOS)}")
    athlete = SimulatedAthlete(scenario, seed, start=datetime.now(UTC).replace(microsecond=0))
    session = with_software(athlete.session, software())
    name = session_name(session.start, session.athlete)
    folder = out or (Path(f"{DEMO_SESSION}{name}") if settings.sessions is None else settings.sessions / name)
    check_new(folder)
    look_after_orphans(settings)
    screen = console()
    screen.print(
        "A simulated athlete with four virtual sensors. For the calibration: stands still, bends three times, raises each knee "
        "twice; then bends, squats, lifts, sits and walks.",
        highlight=False,
    )
    running = SessionInProgress(folder, session)
    try:
        _watch(running, athlete.events(), speed, screen)
        with screen.status("Closing the session, computing the two-sided review"):
            running.close()
    except BaseException:
        running.abandon()
        say(f"{folder / RECORDING} is kept; to compute its results: hiphinge doctor --sessions {folder}")
        raise
    screen.print(calibration_table(read_summary(folder, "review")))
    screen.print(repetition_table(read_repetitions(folder, "review"), "review"))
    # the plotting library takes half a second to import: not before the athlete moves
    from dashboards.report import write_report

    report = write_report(folder, folder / "report.html")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    screen.print(
        f"Session folder: {folder} ({size / 1e6:.1f} MB: recording.mcap, live/, review/)", highlight=False, soft_wrap=True
    )
    screen.print(f"Report: {report.resolve()}", highlight=False, soft_wrap=True)


def _watch(running: SessionInProgress, events: Iterator[Event], speed: float, screen: Console) -> None:
    """Take the events at `speed` times real time and show what becomes of them."""
    shown = LiveScreen(screen)
    began = time.monotonic()
    with Live(shown, console=screen, refresh_per_second=10, transient=True) if screen.is_terminal else shown.plain():
        for frame in frames(events):
            shown.take(running.take(frame), running.now_s)
            if speed > 0.0:
                time.sleep(max(0.0, began + running.now_s / speed - time.monotonic()))


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
