"""A session's page from its opening to its end: address and tokens, the browser, what is said in the terminal or in JSON."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from body_signals import Session
from dashboards.live_page import BoardWriter, PageOrder, PageProcess, Role
from dsp.screen import Protocol
from hiphinge.guidance.ending import REPORT
from hiphinge.guidance.protocol_words import protocol_document
from hiphinge.live.screen_writer import ScreenWriter
from hiphinge.live_page.sink import LivePage


@dataclass(frozen=True, slots=True)
class PageWishes:
    """How a page is to be opened. port: None for the usual one or, where that is taken, any free one; 0 for any free one."""

    port: int | None = None
    lan: bool = False
    tls: bool = False
    browser: bool = True


class OpenPage:
    """A page that is served. `sink` follows the session; `orders` brings what pages say to whoever listens."""

    def __init__(self, session: Session | None, wishes: PageWishes, *, simulated: bool = False) -> None:
        """session: None where it is still to be set up (`begin`).

        HiphingeError where it cannot be served: a port that is taken, a certificate that cannot be made."""
        from dashboards.live_page.lan import addresses, certificate

        found = tuple(addresses()) if wishes.lan else ()
        self._listener: Callable[[PageOrder], None] | None = None
        self._ended = threading.Lock()
        self.server = PageProcess(
            self._hear,
            head={} if session is None else _head(session, simulated=simulated),
            host="0.0.0.0" if wishes.lan else "127.0.0.1",
            port=wishes.port,
            addresses=found,
            certificate=certificate(found, Path(typer.get_app_dir("hiphinge")) / "live_page") if wishes.tls else None,
        )
        self.board = BoardWriter(self.server.send)
        self.sink: LivePage | None = None if session is None else self._follow(session)
        self.server.start()
        own = f"{self.server.scheme}://127.0.0.1:{self.server.port}/#"
        self.address, self.viewer = own + self.server.operator, own + self.server.viewer
        self.lan = [f"{self.server.scheme}://{ip}:{self.server.port}/#" for ip in found]

    def begin(self, session: Session) -> LivePage:
        """The session that was set up begins: its pages are told its state. The sink that follows it."""
        self.sink = self._follow(session)
        self.board.begin(_head(session, simulated=False))
        return self.sink

    def offers(self, known: Iterable[Protocol], ready: str = "", retest: Mapping[str, Any] | None = None) -> None:
        """Protocols that may be begun on the page. ready: the name of the one that is awaited; retest: what it measures again
        of another session."""
        documents = [protocol_document(protocol) for protocol in known]
        self.board.put("protocols", {"protocols": documents, "ready": ready or None, "retest": retest})

    def offer_own_lines(self, lines: Mapping[str, Any]) -> None:
        """The athlete's own lines (`own_lines`), which Desk offers as targets."""
        if lines["sessions"]:
            self.board.put("own_lines", lines)

    def keeps_in(self, folder: Path) -> None:
        """Where the session is kept: operators' pages say so after its end."""
        kept = folder.absolute()
        review = f"hiphinge review {shlex.quote(str(kept))}"
        self.board.put("kept", {"folder": str(kept), "report": str(kept / REPORT), "review": review})

    def _follow(self, session: Session) -> LivePage:
        return LivePage(self.board, session, self.board.end, lambda: self.server.failed)

    def invitation(self, role: Role, *, wait: bool = True) -> str:
        """An address for another machine, to be used once; empty where there is no network or --lan was not given. wait: until
        it serves."""
        return self.lan[0] + self.server.token(role, wait=wait) if self.lan else ""

    def document(self) -> dict[str, Any]:
        """The first JSON line."""
        own: dict[str, Any] = {"page": self.address, "viewer": self.viewer}
        if self.lan:
            own |= {"lan": self.invitation(Role.OPERATOR), "lan_viewer": self.invitation(Role.VIEWER)}
        return own

    def close(self) -> None:
        """Say the end to all pages, and wait until they have been told; a second time it does nothing."""
        with self._ended:
            self.board.end()
            self.server.wait()

    def _hear(self, order: PageOrder) -> None:
        if order.do == "invite":
            self._invite(Role(order.text))
        elif self._listener is not None:
            self._listener(order)

    def _invite(self, role: Role) -> None:
        from dashboards.live_page.lan import qr_svg

        address = self.invitation(role, wait=False)
        drawing = qr_svg(address) if address else ""
        self.board.put("invitation", {"role": role.value, "address": address, "qr": drawing})

    @contextmanager
    def orders(self, loop: asyncio.AbstractEventLoop, tapped: Callable[[PageOrder], None]) -> Iterator[None]:
        """Within the block `tapped` hears what pages say, on the loop."""

        def hear(order: PageOrder) -> None:
            with suppress(RuntimeError):  # the session's loop has ended
                loop.call_soon_threadsafe(tapped, order)

        self._listener = hear
        try:
            yield
        finally:
            self._listener = None


@contextmanager
def opened(wishes: PageWishes | None, session: Session | None, *, simulated: bool = False) -> Iterator[OpenPage | None]:
    """A page for a session, or for one that is still to be set up, closed at the end of the block; None where none is wished
    for."""
    if wishes is None:
        yield None
        return
    page = OpenPage(session, wishes, simulated=simulated)
    try:
        yield page
    finally:
        page.close()


def tell_page(page: OpenPage, screen: Console, wishes: PageWishes, *, lines: bool) -> bool:
    """Say where the page is; open a browser where there is one and a person at a terminal. Whether one was opened.

    lines: for programs, as the first line of standard output.
    """
    if lines:
        print(json.dumps(page.document()), flush=True)
        if isinstance(sys.stdout, ScreenWriter):
            # the lines of the session go another way, and must come after it
            sys.stdout.drain(0.5)
        return False
    screen.print(f"Live page: {page.address}", highlight=False, soft_wrap=True)
    if wishes.lan:
        _tell_network(page, screen)
    return wishes.browser and at_a_terminal(screen) and browser_opened(page.address)


def at_a_terminal(screen: Console) -> bool:
    """Whether a person sees the screen and can press keys."""
    return screen.is_terminal and sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def browser_there() -> bool:
    """Whether a browser with windows can be opened here."""
    return _browser() is not None


def browser_opened(address: str) -> bool:
    """Open the address in a browser with windows, where there is one."""
    browser = _browser()
    if browser is None:
        return False
    with suppress(webbrowser.Error, OSError):
        return browser.open(address)
    return False


def _browser() -> webbrowser.BaseBrowser | None:
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return None
    # one that runs in the terminal would take it from the session; whoever names one wants it
    text = type(found) in (webbrowser.GenericBrowser, getattr(webbrowser, "Elinks", type(None)))
    return None if text and not os.environ.get("BROWSER") else found


def _tell_network(page: OpenPage, screen: Console) -> None:
    from dashboards.live_page.lan import qr_text

    if not page.lan:
        screen.print("This machine has no address in a network: the page opens on this machine only.", highlight=False)
        return
    for role, what in ((Role.OPERATOR, "to see and act"), (Role.VIEWER, "only to see")):
        address = page.invitation(role)
        screen.print(f"Another device, {what}; serves once: {address}", highlight=False, soft_wrap=True)
        if role is Role.OPERATOR:
            screen.print(qr_text(address), highlight=False, soft_wrap=True)


def _head(session: Session, *, simulated: bool) -> dict[str, Any]:
    start = session.start
    return {
        "session": {
            "athlete": session.athlete,
            "start_utc": start.isoformat().replace("+00:00", "Z"),
            "zone": start.astimezone().strftime("%z"),
            "simulated": simulated,
            "note": None,
        },
        "places": list(session.body),
    }
