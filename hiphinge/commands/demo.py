"""`hiphinge demo`: a simulated athlete bends, squats and lifts, recorded and computed as a real session would be."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from body_signals import HiphingeError
from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import calibration_table, repetition_table
from dsp.screen import TAP, Protocol, protocol_label
from hiphinge import config
from hiphinge.commands.options import CONFIG, LAN, NO_BROWSER, NO_PAGE, PORT, TLS, among, console, say, tell_faults
from hiphinge.commands.unfinished import look_after, tell_orphans
from hiphinge.guidance.ending import tell_answer, tell_findings, tell_where
from hiphinge.guidance.protocol_files import chosen, protocols
from hiphinge.guidance.protocol_guide import ORDERS, ProtocolGuide
from hiphinge.live.followers import follow
from hiphinge.live.playback import CLOSE, WAITING, Playback, on_serial_lines
from hiphinge.live.screen_writer import let_screen_be_lost
from hiphinge.live.streaming import Streaming
from hiphinge.live_page.opening import OpenPage, PageWishes, at_a_terminal, browser_there, opened, tell_page
from hiphinge.session.computation import with_software
from hiphinge.session.folders import check_new, session_name
from hiphinge.session.in_progress import RECORDING, SessionInProgress
from hiphinge.session.interruption import HANGUP, HangUp
from hiphinge.session.recovery import DEMO_SESSION
from hiphinge.version import software
from virtual_athlete import HAS_PSEUDO_TERMINALS, Asked, SimulatedAthlete, going_on, performs, standing

SCENARIOS = ("demo", "mixed", "screen")
WITH_PAGE, WITHOUT_PAGE = 1.0, 6.0
"""Times real time."""


def demo(
    out: Path | None = typer.Option(
        None, "--out", help="Session folder to write; else a new one here or in HIPHINGE_SESSIONS."
    ),
    seed: int = typer.Option(2, "--seed", min=0, help="Another seed is another athlete with other sensors."),
    scenario: str = typer.Option("demo", "--scenario", help="demo, mixed or screen.", autocompletion=among(SCENARIOS)),
    protocol: str | None = typer.Option(
        None,
        "--protocol",
        help="The athlete stands, and does this protocol once it is begun on the page, or at once without one.",
    ),
    speed: float | None = typer.Option(
        None, "--speed", min=0.0, help="Times real time; 0 is as fast as it goes. [default: 1 with the live page, else 6]"
    ),
    as_json: bool = typer.Option(
        False, "--json", help="For programs: the page's address, then one JSON line a second; all else on standard error."
    ),
    port: int | None = PORT,
    lan: bool = LAN,
    tls: bool = TLS,
    no_browser: bool = NO_BROWSER,
    no_page: bool = NO_PAGE,
    config_file: Path | None = CONFIG,
) -> None:
    """Watch a simulated athlete wearing four virtual sensors, and find a session folder with results and a report.

    At a terminal with a browser the live page opens, and the athlete goes on until Enter, or until the page says stop. Without
    either, with --speed or with --no-page it is over after a minute and a half of the athlete's time.
    """
    settings = config.load(config_file)
    if scenario not in SCENARIOS:
        raise HiphingeError(f"unknown scenario {scenario!r}", "--scenario", f"Choose {', '.join(SCENARIOS)}")
    screen = console(stderr=as_json)
    wishes = PageWishes(port, lan, tls, not no_browser)
    stays = not (no_page or as_json) and speed is None and at_a_terminal(screen) and (no_browser or browser_there())
    asked_for = as_json or stays or lan or tls or port is not None
    known = protocols(config.protocols_folder(config_file), say)
    led = None if protocol is None else chosen(protocol, known)
    waits = stays or (led is not None and asked_for and not no_page)
    athlete = SimulatedAthlete(
        standing() if led is not None else going_on(scenario, seed) if stays else scenario,
        seed,
        start=datetime.now(UTC).replace(microsecond=0),
    )
    session = on_serial_lines(with_software(athlete.session, software()))
    name = session_name(session.start, session.athlete)
    folder = out or (Path(f"{DEMO_SESSION}{name}") if settings.sessions is None else settings.sessions / name)
    check_new(folder)
    let_screen_be_lost()
    orphaned = tell_orphans(settings, folder)
    if not HAS_PSEUDO_TERMINALS:
        say("this system has no pseudo-terminals: the virtual sensors' bytes are handed over without serial ports")
    screen.print(
        "A simulated athlete with four virtual sensors. For the calibration: stands still, bends three times, raises each knee "
        "twice; then bends, squats, lifts, sits and walks."
        if led is None
        else f"A simulated athlete with four virtual sensors, who stands and waits for: {led.title['en']}. "
        + ("It begins by itself." if no_page or not asked_for else "Begin it on the page, or with g."),
        highlight=False,
    )
    with HangUp() as hangup, opened(wishes if asked_for and not no_page else None, session, simulated=True) as page:
        running = SessionInProgress(folder, session)
        guide = ProtocolGuide(known | ({} if led is None else {led.name: led}))
        if page is not None:
            page.keeps_in(folder)
            page.offers(guide.known.values(), "" if led is None else led.name)
        try:
            shown = page is not None and tell_page(page, screen, wishes, lines=as_json)
            follow(running, screen, sensors=False, lines=as_json, page=page, stays=stays, scrolls=lan and not shown)
            usual = WITH_PAGE if stays else WITHOUT_PAGE
            ended_by = asyncio.run(_watch(running, athlete, usual if speed is None else speed, page, waits, guide, led))
            if ended_by == HANGUP:
                hangup.note()
            elif ended_by:
                sys.exit(128 + ended_by)
            with screen.status("Closing the session, computing the two-sided review"):
                running.close()
        except BaseException:
            if running.abandon():
                say(f"{folder / RECORDING} is kept; to compute its results: hiphinge doctor --sessions {folder}")
            raise
        _show_results(folder, screen)
        tell_faults(running.sinks.faults)
    if hangup.came:
        sys.exit(128 + signal.SIGHUP)
    look_after(orphaned)


def _show_results(folder: Path, screen: Console) -> None:
    """The tables of the session, what was wrong with it, and where it and its report are."""
    screen.print(calibration_table(read_summary(folder, "review")))
    screen.print(repetition_table(read_repetitions(folder, "review"), "review"))
    tell_answer(folder, screen)
    tell_findings(folder, screen)
    tell_where(folder, screen, influx=False)


async def _watch(
    running: SessionInProgress,
    athlete: SimulatedAthlete,
    speed: float,
    page: OpenPage | None,
    stays: bool,
    guide: ProtocolGuide,
    led: Protocol | None,
) -> int:
    """Let the virtual sensors send at `speed` times real time. stays: until Enter, a key, or the page says stop. led: the
    protocol that the athlete awaits; without anybody who could begin it it begins at once, and ends the session.

    Returns the number of the signal that broke it off, else 0.
    """
    reacts, alone = led is not None or page is not None, led is not None and not stays
    events = athlete.events(reacts=reacts)
    with Playback(running.session, events, speed, CLOSE if reacts else WAITING) as playback:
        streaming = Streaming(running, playback.reader, playback.log, page, guide)
        streaming.orders.enter_ends = stays
        streaming.orders.ready = "" if led is None else led.name

        def begins(document: Mapping[str, Any], now_s: float) -> None:
            steps = [Asked(s["test"], s["side"], s["wanted"], s["seconds"], s["start"] == TAP) for s in document["steps"]]
            athlete.goes_on(
                lambda script: performs(script, steps, athlete.seed, begun_s=now_s, alone=alone), playback.log.session_s
            )
            playback.taps = [mark for mark in athlete.script.marks if mark.label in ORDERS]

        streaming.on_protocol = begins
        if led is not None and not stays:
            playback.log.mark(protocol_label(led))
            streaming.on_result = streaming.stop

        async def play() -> None:
            try:
                await playback.play()
                if stays:
                    await playback.rest()
            finally:
                streaming.stop()

        playing = asyncio.ensure_future(play())
        try:
            await streaming.run()
        finally:
            playing.cancel()
            (ended,) = await asyncio.gather(playing, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
    return streaming.ended_by
