"""The live page's server: Starlette in uvicorn, in a thread with a loop of its own.

It serves the page's files, hands out cookies for tokens, and sends each page what the session's `Board` says. It knows nothing
of sensors. The live page has it in a process of its own (`serving`), the review page in the command's. Starlette and uvicorn
are imported here alone, and nothing here imports numpy.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from dashboards.live_page.access import Access, Certificate, Login, origin_is_ours
from dashboards.live_page.board import Board
from dashboards.live_page.connection import ANEW, OVER, REVOKED, Connection, Hear

_log = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
PORT = 8642
"""Unless another one is asked for; where it is taken, any free one (ours)."""
FRAME_S, BURST = 0.0195, 4
"""Time between two frames, s: a little less than a fiftieth, as rows come fifty times a second, unevenly. Four frames may come
at once, so that a row waits only where they come faster for long (ours)."""
DOCUMENT_S = 0.02
"""A document waits for the next rows, but no longer than this (ours)."""
MOST_SOCKETS = 64
"""Pages at a time (ours)."""
MOST_CONNECTIONS = 256
"""Connections of any kind at a time (ours)."""
ASK_S = 10.0
"""A connection that has asked nothing for this time is closed (ours)."""
MOST_TOKEN_BYTES = 256
"""Of a login: more is no token (ours)."""
MOST_BYTES = 64 * 1024
"""Of one message of a page (ours)."""
START_S, END_S = 10.0, 2.0
"""Patience with a server that starts, and with pages that do not take their last word (ours)."""
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class CannotServe(Exception):
    """Why the page cannot be served. Whoever starts it makes a HiphingeError of it."""

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.where, self.remedy = what, where, remedy


class PageServer:
    """Serves one board. host: an address to listen at; port: 0 for any free one. hear, failed: are called
    in the server's thread: with what pages say, and with what it has failed with.

    `CannotServe` at once where the port is taken. `start` begins, `stop` says the end to all pages and closes.
    """

    def __init__(
        self,
        board: Board,
        access: Access,
        hear: Hear,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        certificate: Certificate | None = None,
        routes: Sequence[BaseRoute] = (),
        index: Path = STATIC / "index.html",
        live: bool = True,
        failed: Callable[[BaseException], None] = lambda fault: None,
    ) -> None:
        self.access, self._board, self._hear = access, board, hear
        self._index, self._live, self._on_fault = index, live, failed
        self._sockets = _listening(host, port)
        self.port = int(self._sockets[0].getsockname()[1])
        self._certificate = certificate
        self._connections: set[Connection] = set()
        self._opening = 0
        """Sockets that are being let in."""
        self._cache: dict[tuple[int, int], list[bytes]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Future[None] | None = None
        self._due = 0.0
        self._told_rows = 0
        """Number of the row that comes next, when viewers were told last."""
        self._timer: asyncio.TimerHandle | None = None
        self._told_viewers: list[Any] = []
        self._woken = threading.Event()
        """Whether the loop has been told and has not looked yet."""
        self._started = threading.Event()
        self._fault: BaseException | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application(routes),
                http=_Patient,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                ws_max_size=MOST_BYTES,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=None if certificate is None else str(certificate.chain),
                ssl_keyfile=None if certificate is None else str(certificate.key),
            )
        )
        self._thread = threading.Thread(target=self._run, name="hiphinge-page", daemon=True)

    @property
    def scheme(self) -> str:
        """``http``, or ``https`` with a certificate."""
        return "http" if self._certificate is None else "https"

    @property
    def failed(self) -> BaseException | None:
        """What the server ended with, where it did not end in order."""
        return self._fault

    def start(self) -> None:
        """Serve from here on. `CannotServe` where it cannot."""
        self._board.changed = self._changed
        self._thread.start()
        if not self._started.wait(START_S) or self._fault is not None:
            raise CannotServe(f"the page did not start: {self._fault or 'no answer'}", f"port {self.port}", "Start it again")

    def stop(self) -> None:
        """Tell all pages that the session has ended, and close; at most a few seconds."""
        self._board.end()
        self._call(lambda: setattr(self, "_ending", asyncio.ensure_future(self._say_end())))
        if self._thread.is_alive():
            self._thread.join(END_S + 2.0)
        for listening in self._sockets:
            listening.close()

    def revoke(self, id: str) -> None:
        """Send a login's pages away; from any thread."""
        self.access.revoke(id)

        def close() -> None:
            for connection in self._connections:
                if connection.login.id == id:
                    connection.close(REVOKED)

        self._call(close)

    def tell_anew(self) -> None:
        """Let all pages connect again, for the state of another session; from any thread."""

        def close() -> None:
            for connection in self._connections:
                connection.close(ANEW)

        self._call(close)

    def reads(self, file: int, read: Callable[[], bool]) -> bool:
        """Let the loop call `read` whenever there is something to read from `file`, until it says that nothing comes any more.
        False where the system's loop cannot, as on Windows: then nothing is read."""
        if sys.platform == "win32":
            return False

        def ready() -> None:
            try:
                more = read()
            except BaseException as fault:  # whatever it is: the session is told, and goes on without a page
                self._on_fault(fault)
                raise
            if not more and self._loop is not None:
                self._loop.remove_reader(file)

        def begin() -> None:
            asyncio.get_running_loop().add_reader(file, ready)

        self._call(begin)
        return True

    def _call(self, what: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(what)

    def _changed(self) -> None:
        if self._loop is None or self._woken.is_set():
            return
        self._woken.set()
        if threading.current_thread() is self._thread:
            self._loop.call_soon(self._look)
        else:
            self._call(self._look)

    def _look(self) -> None:
        """There is something new: tell it now, or when the next frame is due."""
        self._woken.clear()
        if not self._connections:
            return
        assert self._loop is not None
        now = self._loop.time()
        # documents go along with rows: a message for them alone would take the place of a frame
        at = max(now, self._due) if self._board.rows.end != self._told_rows else now + DOCUMENT_S
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
            self._timer = None
        if at <= now:
            self._tell()
        else:
            self._timer = self._loop.call_at(at, self._tell)

    def _tell(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        self._timer = None
        if self._board.rows.end != self._told_rows:
            self._told_rows = self._board.rows.end
            self._due = max(self._due, now - BURST * FRAME_S) + FRAME_S
        for connection in self._connections:
            connection.wake()

    async def _say_end(self) -> None:
        """The last word to every page, and some patience with those that are slow; then no more."""
        for connection in self._connections:
            connection.close(OVER)
        until = asyncio.get_running_loop().time() + END_S
        while self._connections and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
        self._server.should_exit = True

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as fault:  # whatever it is: the session goes on without a page, and is told
            self._fault = fault
            _log.warning("the page's server has ended: %r", fault)
            self._on_fault(fault)
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self._server.serve(sockets=self._sockets))
        watching = asyncio.ensure_future(self._watch())
        try:
            await serving
        finally:
            watching.cancel()
            self._loop = None

    async def _watch(self) -> None:
        """Who is connected, told once a second where it has changed."""
        while True:
            if self._server.started:
                self._started.set()
            await asyncio.sleep(0.05 if not self._started.is_set() else 0.5)
            viewers = [
                {
                    "id": c.login.id,
                    "role": c.login.role,
                    "address": c.login.address,
                    "since_s": round(c.login.since_s, 1),
                    "in_flight": c.in_flight,
                }
                for c in sorted(self._connections, key=lambda c: c.login.id)
            ]
            # how many frames are on the way changes all the time, and is worth no message by itself
            if [{**v, "in_flight": 0} for v in viewers] != self._told_viewers:
                self._told_viewers = [{**v, "in_flight": 0} for v in viewers]
                self._board.put("viewers", {"viewers": viewers})

    def _application(self, routes: Sequence[BaseRoute]) -> ASGIApp:
        application = Starlette(
            routes=[
                Route("/", self._page),
                Route("/healthz", lambda request: PlainTextResponse("ok")),
                Route("/login", self._login, methods=["POST"]),
                Route("/access", self._access),
                Route("/authority.crt", self._authority),
                *([WebSocketRoute("/ws", self._socket)] if self._live else []),
                *routes,
                Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
            ]
        )
        return _Gate(application, self.access)

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies do not know ports, and two sessions on one machine must not log each other out."""
        return f"hiphinge_{self.port}"

    def login_of(self, connection: HTTPConnection) -> Login | None:
        """Who asks, by the cookie; None: nobody that we know."""
        return self.access.known(connection.cookies.get(self.cookie, ""))

    async def _page(self, request: Request) -> Response:
        return FileResponse(self._index, media_type="text/html; charset=utf-8")

    async def _authority(self, request: Request) -> Response:
        """The certificate that a tablet is told to trust; it is no secret."""
        if self._certificate is None:
            return PlainTextResponse("no --tls", 404)
        return FileResponse(self._certificate.authority, media_type="application/x-x509-ca-cert", filename="hiphinge.crt")

    async def _login(self, request: Request) -> Response:
        token = b""
        async for piece in request.stream():
            token += piece
            if len(token) > MOST_TOKEN_BYTES:
                return PlainTextResponse("a token is shorter", 413)
        address = request.client.host if request.client is not None else ""
        found = self.access.login(token.decode("utf-8", "replace").strip(), address, self._board.now_s)
        if found is None:
            _log.info("a token that is not valid, or was used, came from %s", address)
            return PlainTextResponse("no valid token", 403)
        cookie, login = found
        answer = JSONResponse({"role": login.role})
        answer.set_cookie(self.cookie, cookie, path="/", httponly=True, samesite="strict", secure=self._certificate is not None)
        return answer

    async def _access(self, request: Request) -> Response:
        """Whether the cookie lets in: a page's script cannot see with which status its socket was refused."""
        return Response(status_code=403 if self.login_of(request) is None else 204)

    async def _socket(self, socket: WebSocket) -> None:
        login = self.login_of(socket)
        refused = 403 if login is None else 503 if len(self._connections) + self._opening >= MOST_SOCKETS else 0
        if login is None or refused:
            await socket.send_denial_response(PlainTextResponse("", refused))
            return
        self._opening += 1
        try:
            await socket.accept()
        finally:
            self._opening -= 1
        connection = Connection(socket, login, self._board, self._hear)
        self._connections.add(connection)
        login.sockets += 1
        if self._board.ended:
            connection.close(OVER)
        try:
            await connection.serve(self._cache)
        finally:
            login.sockets -= 1
            self._connections.discard(connection)


def _is_news(record: logging.LogRecord) -> bool:
    """Not what strangers send, and not that a refusal in place of an upgrade was no upgrade: the terminal is a physio's."""
    return record.levelno >= logging.ERROR and "without completing handshake" not in str(record.msg)


logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_no_lost_socket(record: logging.LogRecord) -> bool:
    """Not that a page has gone while it was written to: its socket ends, and the list of viewers says so."""
    return "socket.send() raised exception" not in str(record.msg)


logging.getLogger("asyncio").addFilter(_is_no_lost_socket)


class _Patient(H11Protocol):
    """A connection that has to ask something, and is one of a bounded number: idle ones of strangers hold nothing up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Of a browser, or of anybody."""
        super().connection_made(transport)
        self.loop.call_later(ASK_S, self._give_up)
        if len(self.connections) > MOST_CONNECTIONS:
            # one that has asked nothing makes place
            idle = (c for c in self.connections if isinstance(c, _Patient) and c is not self and c.has_asked_nothing)
            next(idle, self).transport.abort()

    @property
    def has_asked_nothing(self) -> bool:
        """Whether no request has come yet."""
        asked: object = self.cycle
        return asked is None

    def _give_up(self) -> None:
        if self.has_asked_nothing and not self.transport.is_closing() and self in self.connections:
            self.transport.abort()


class _Gate:
    """Before anything else: a foreign Host is misdirected, a foreign Origin refused; every answer carries `HEADERS`."""

    def __init__(self, application: ASGIApp, access: Access) -> None:
        self._application, self._access = application, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        headers = HTTPConnection(scope).headers
        hosts = headers.getlist("host")
        checked = scope["type"] == "websocket" or scope.get("method") not in ("GET", "HEAD")
        refused = 0
        if not self._access.host_is_ours(hosts):
            refused = 421
        elif checked and not origin_is_ours(headers.getlist("origin"), hosts[0], must=scope["type"] == "websocket"):
            refused = 403

        async def with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                said = {name.lower() for name, _ in message.get("headers", [])}
                # an answer that says one of these itself knows why: a stored report has its styles in it
                ours = [(n.lower().encode(), v.encode()) for n, v in HEADERS.items()]
                added = [(name, value) for name, value in ours if name not in said]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        if not refused:
            await self._application(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, with_headers).send_denial_response(PlainTextResponse("", refused))
        else:
            await PlainTextResponse("", refused)(scope, receive, with_headers)


def _listening(host: str, port: int | None) -> list[socket.socket]:
    """Sockets at this address and, for this machine itself, at ``::1``. `CannotServe` where the port is taken."""
    try:
        first = _bound(socket.AF_INET, host, PORT if port is None else port)
    except OSError as error:
        if port is not None:
            what = f"port {port} cannot be used for the live page: {error.strerror}"
            raise CannotServe(what, f"--port {port}", "Choose another one, or --port 0 for any free one") from None
        first = _bound(socket.AF_INET, host, 0)
    found = [first]
    with suppress(OSError):  # no IPv6 here, or taken by somebody else: the first is enough
        found.append(_bound(socket.AF_INET6, "::1", first.getsockname()[1]))
    return found


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # with its protocol named: only then asyncio sends small frames at once, instead of waiting 40 ms for an acknowledgement
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        elif os.name == "posix":
            # a port that was closed a moment ago may be used again, one that somebody listens at may not
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening
