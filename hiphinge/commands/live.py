"""`hiphinge live`: the sensors of a kit, streamed, recorded and computed while an athlete moves."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import typer
from rich.console import Console

from body_signals import RETEST, HiphingeError, Key, Session, check_athlete, primary_label, retest_label
from dashboards.tables import read_repetitions, read_summary
from dashboards.terminal import calibration_table, repetition_table, sensors_table
from dsp.screen import Protocol
from hiphinge import config
from hiphinge.commands.options import CONFIG, LAN, NO_BROWSER, NO_PAGE, PORT, TLS, console, say, tell_faults
from hiphinge.commands.unfinished import look_after, tell_orphans
from hiphinge.comparing.own_answer import occasions_before, own_before
from hiphinge.guidance.ending import tell_answer, tell_findings, tell_where
from hiphinge.guidance.protocol_files import RED_FLAGS, chosen, protocols
from hiphinge.guidance.protocol_guide import ProtocolGuide
from hiphinge.guidance.protocol_retest import retest_of
from hiphinge.live.followers import follow
from hiphinge.live.known_sensors import remember, with_numbers
from hiphinge.live.lsl_outlet import lsl_library
from hiphinge.live.screen_writer import let_screen_be_lost
from hiphinge.live.streaming import Latency, Streaming
from hiphinge.live_page.answered import result_document, retest_document
from hiphinge.live_page.opening import OpenPage, PageWishes, opened, tell_page
from hiphinge.session.folders import check_new, session_name
from hiphinge.session.in_progress import RECORDING, SessionInProgress
from hiphinge.session.interruption import HANGUP, HangUp
from hiphinge.setting_up.begin import WornMemory, set_up
from hiphinge.version import software
from ingest.links import EventLog, Kit, KitReader, read_kit

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for in the command line; the names are those of its options."""

    kit_file: Path | None = None
    out: Path | None = None
    athlete: str | None = None
    seconds: float | None = None
    protocol: str | None = None
    calibrate: bool = False
    as_json: bool = False
    no_page: bool = False
    quiet: bool = False
    config_file: Path | None = None
    lsl: bool = False


@dataclass(frozen=True, slots=True)
class Retested:
    """What a session measures again: of which session, the number, that session as an occasion of a comparison
    (`dsp.comparison.Occasion`), and whether the sensors were taken off since."""

    session: str
    athlete: str
    key: Key
    before: Any
    worn_anew: bool

    @property
    def labels(self) -> tuple[str, str]:
        """The marks that say so in the recording."""
        return retest_label(self.session, worn_anew=self.worn_anew), primary_label(self.key)


def live(
    kit_file: Path | None = typer.Option(
        None, "--kit", help="Kit file: which sensors, worn where. Without it the page sets up: find, place, calibrate."
    ),
    out: Path | None = typer.Option(
        None, "--out", help="Session folder to write; else a new one here or in HIPHINGE_SESSIONS."
    ),
    athlete: str | None = typer.Option(None, "--athlete", help="A pseudonym; else the kit's."),
    seconds: float | None = typer.Option(None, "--seconds", min=0.1, help="End after this number of seconds."),
    protocol: str | None = typer.Option(
        None, "--protocol", help="Lead through a protocol: a name, e.g. hip-check, or a file. g begins it, or the page."
    ),
    calibrate: bool = typer.Option(False, "--calibrate", help="Set the calibrate mark as soon as all sensors stream."),
    as_json: bool = typer.Option(
        False, "--json", help="For programs: the page's address, then one JSON line a second; all else on standard error."
    ),
    port: int | None = PORT,
    lan: bool = LAN,
    tls: bool = TLS,
    no_browser: bool = NO_BROWSER,
    no_page: bool = NO_PAGE,
    quiet: bool = typer.Option(False, "--quiet", help="Do not ring the bell when something is wrong with a sensor."),
    lsl: bool = typer.Option(False, "--lsl", help="Offer angles, marks and repetitions to the Lab Streaming Layer."),
    config_file: Path | None = CONFIG,
) -> None:
    """Stream the sensors of a kit: angles and repetitions now, a session folder with everything afterwards.

    Keys: c calibrate, h heel drop, m or space mark, p pain, n note, q stop (asks once). Where another program writes to
    standard input, its lines do the same: mark LABEL (mark calibrate, mark heel_drop, mark anything), pain 0 to 10, note TEXT,
    stop. Each is answered. A closed terminal ends the session in order, too.

    The same and more is on the live page, which a browser shows: its address is the first that is printed. Without --kit the
    session is set up there: find the sensors, say where each is worn, choose the athlete.
    """
    asked = Asked(kit_file, out, athlete, seconds, protocol, calibrate, as_json, no_page, quiet, config_file, lsl)
    run(asked, PageWishes(port, lan, tls, not no_browser))


def run(asked: Asked, wishes: PageWishes, retested: Retested | None = None) -> None:
    """A live session from its first sensor to its report. retested: the number that it measures again."""
    settings = config.load(asked.config_file)
    if asked.kit_file is None and asked.no_page:
        remedy = "Give --kit KIT (hiphinge scan --save KIT makes one), or leave out --no-page: the page sets up"
        raise HiphingeError("which sensors are used is not said", "--kit", remedy)
    if asked.athlete is not None:
        check_athlete(asked.athlete)
    if asked.lsl:
        # said before anything begins
        lsl_library()
    kit = None if asked.kit_file is None else read_kit(asked.kit_file)
    session = None if kit is None else _session(kit, asked.athlete, settings)
    if session is not None:
        check_new(_folder(asked.out, settings, session))
    elif asked.out is not None:
        check_new(asked.out)
    known = protocols(config.protocols_folder(asked.config_file), say)
    led = None if asked.protocol is None else chosen(asked.protocol, known)
    if retested is not None:
        led = retest_of(known[RETEST], [retested.key], known.values(), calibrated=False)
    guide = ProtocolGuide(known | ({} if led is None else {led.name: led}))
    let_screen_be_lost()
    screen = console(stderr=asked.as_json)
    influx = settings.influx() if settings.influx_configured else None
    with HangUp() as hangup, opened(None if asked.no_page else wishes, session) as page:
        memory, note, shown = None, "", False
        if page is not None:
            again = None if retested is None else retest_document(retested.key, retested.before)
            page.offers(guide.known.values(), "" if led is None else led.name, again)
        if page is not None and (kit is None or session is None):
            shown = tell_page(page, screen, wishes, lines=asked.as_json)
            screen.print("Setting up on the live page: find the sensors, say where each is worn. q ends.")
            begun = set_up(page, config.kits_folder(asked.config_file), settings.sessions or Path(), asked.athlete)
            if begun.kit is None or begun.path is None:
                screen.print("No session was begun.")
                _leave(begun.ended_by, hangup)
                return
            kit, note, memory = begun.kit, begun.note, WornMemory(begun.path)
            session = _session(kit, begun.athlete, settings)
            page.begin(session)
        assert kit is not None
        assert session is not None
        folder = _folder(asked.out, settings, session)
        if page is not None:
            page.keeps_in(folder)
            Thread(target=_offer_own, args=(page, folder.absolute(), session), daemon=True).start()
        orphaned = tell_orphans(settings, folder)
        running = SessionInProgress(folder, session)
        try:
            if memory is not None:
                running.sinks.add(memory)
            elif page is not None:
                shown = tell_page(page, screen, wishes, lines=asked.as_json)
            follow(
                running,
                screen,
                lines=asked.as_json,
                bell=not asked.quiet,
                influx=influx,
                page=page,
                scrolls=wishes.lan and not shown,
                lsl=asked.lsl,
            )
            if led is not None:
                _tell_red_flags(led, screen)
            if retested is not None and page is not None and page.sink is not None:
                page.sink.before, page.sink.worn_anew = retested.before, retested.worn_anew
            labels = [*(() if retested is None else retested.labels), *([f"gym {settings.gym}"] if settings.gym else [])]
            streaming = asyncio.run(_stream(running, kit, asked.seconds, asked.calibrate, page, guide, led, note, labels))
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
        if retested is not None:
            _tell_change(folder, session, retested, screen)
        else:
            tell_answer(folder, screen)
        tell_findings(folder, screen)
        tell_faults(running.sinks.faults)
        tell_where(folder, screen, influx=settings.influx_configured)
    if hangup.came:
        sys.exit(128 + signal.SIGHUP)
    if streaming.ended_by != signal.SIGTERM:
        # a computer that is switched off does not wait for the results of other sessions
        look_after(orphaned)


def _offer_own(page: OpenPage, folder: Path, session: Session) -> None:
    """Look through the athlete's earlier sessions, beside the one that begins, which does not wait for it: the lines that are
    offered, and the baseline that the hip check is compared with."""
    from hiphinge.afterwards.own_line import own_lines

    try:
        page.offer_own_lines(own_lines(folder.parent, session.athlete, session.start))
        if page.sink is not None:
            place = (folder, session.athlete, session.start, "live", _log.info)
            page.sink.own, page.sink.baselines = own_before(*place), occasions_before(*place)
    except HiphingeError as error:
        _log.info("nothing of the athlete's own: %s", error)


def _tell_red_flags(led: Protocol, screen: Console) -> None:
    """What must be asked before a protocol begins."""
    if led.red_flags:
        screen.print("Ask first. Any of these: do not begin, refer.", style="bold", highlight=False)
        for flag in RED_FLAGS:
            screen.print(f"  - {flag}", highlight=False)
    screen.print(f"{led.title['en']}: g begins it (a line: mark protocol {led.name}), or the page.", highlight=False)


def _tell_change(folder: Path, session: Session, retested: Retested, screen: Console) -> None:
    """Whether the number changed by more than the measurement can tell."""
    summary = read_summary(folder, "review")
    own = occasions_before(folder.absolute(), session.athlete, session.start, "review", _log.info)
    result = result_document(summary, session, {}, retested.before, worn_anew=retested.worn_anew, baselines=own)
    told = result["comparison_said"]["en"].get("change") if result["comparison"] else None
    what = result["primary_said"]["en"]
    why = "it was not measured often enough before and now (three times each)"
    screen.print(f"{what}: {told or f'no comparison, {why}'}", style="bold", highlight=False)


def _session(kit: Kit, athlete: str | None, settings: config.Settings) -> Session:
    start = datetime.now(UTC).replace(microsecond=0)
    return kit.session(start, athlete, software(), settings.patience_s, settings.screen_limits)


def _folder(out: Path | None, settings: config.Settings, session: Session) -> Path:
    return out or (settings.sessions or Path()) / session_name(session.start, session.athlete)


def _leave(ended_by: int, hangup: HangUp) -> None:
    """End without a session: a closed terminal is told by the exit code, as after one."""
    if hangup.came or (HANGUP is not None and ended_by == HANGUP):
        sys.exit(128 + signal.SIGHUP)


async def _stream(
    running: SessionInProgress,
    kit: Kit,
    seconds: float | None,
    calibrate: bool,
    page: OpenPage | None,
    guide: ProtocolGuide,
    led: Protocol | None,
    note: str = "",
    labels: Sequence[str] = (),
) -> Streaming:
    """Stream until the end; the object that did it, which knows its latency and how it ended. note: set at the start."""
    log = EventLog()
    reader = KitReader(with_numbers(kit), log)
    streaming = Streaming(running, reader, log, page, guide)
    streaming.orders.ready = "" if led is None else led.name
    if note:
        streaming.orders.said(f"note {note}")
    for label in labels:
        streaming.orders.said(f"mark {label}")
    await streaming.run(seconds, calibrate=calibrate)
    remember(kit, reader.agreed_serials)
    return streaming


def _latency_words(latency: Latency) -> str:
    p50, p99 = (latency.percentile(p) for p in (50, 99))
    return f"Packet to angle, without the grid's own wait: p50 {p50:.1f} ms, p99 {p99:.1f} ms"
