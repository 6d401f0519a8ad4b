"""Which sinks follow a session: the one place that wires them, for `hiphinge live` and `hiphinge demo`."""

from __future__ import annotations

import sys

from rich.console import Console

from dashboards.influx import InfluxSettings
from hiphinge.live.delivery import LiveDelivery
from hiphinge.live.lsl_outlet import LslOutlet
from hiphinge.live.status_lines import StatusLines
from hiphinge.live.view import LiveScreen
from hiphinge.live_page.opening import OpenPage
from hiphinge.session.in_progress import SessionInProgress


def follow(
    running: SessionInProgress,
    screen: Console,
    *,
    lines: bool = False,
    sensors: bool = True,
    bell: bool = True,
    influx: InfluxSettings | None = None,
    page: OpenPage | None = None,
    stays: bool = False,
    scrolls: bool = False,
    lsl: bool = False,
) -> None:
    """Let sinks follow a session. lines: JSON on standard output; sensors: what each sensor does, on the screen; bell: a
    terminal rings once when something is found wrong with a sensor; influx: where results go;
    page: the live page; stays: until Enter; scrolls: a terminal gets lines, under which what was printed before, such
    as a QR code, is still found; lsl: an outlet of the Lab Streaming Layer."""
    if influx is not None:
        running.sinks.add(LiveDelivery(running.folder, running.session, influx))
    keyboard = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    running.sinks.add(
        LiveScreen(
            screen,
            running.session.patience_s,
            sensors=sensors,
            moving=screen.is_terminal and not screen.is_dumb_terminal and not lines and not scrolls,
            body=running.session.body,
            keyboard=keyboard,
            bell=bell,
            remark="" if page is None else f"Live page: {page.address}" + ("   Enter ends" if stays else ""),
        )
    )
    if page is not None and page.sink is not None:
        running.sinks.add(page.sink)
    if lsl:
        running.sinks.add(LslOutlet())
    if lines:
        running.sinks.add(StatusLines.on(sys.stdout.fileno(), running.session))
