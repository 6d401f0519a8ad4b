"""A page without a browser: logs in, opens the socket, acknowledges what it gets and keeps it."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from dashboards.live_page.rows import unframed

Answer = tuple[int, Mapping[str, str], bytes]


def asked(
    address: str, method: str = "GET", path: str = "/", body: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """What the server answers; headers: in place of, or besides, those that a browser sends."""
    base = address.partition("/#")[0]
    host = base.partition("//")[2]
    given = {"Host": host, "Origin": base} | dict(headers or {})
    if base.startswith("https"):
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, timeout=10, context=unchecked)
    else:
        connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in given.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body.encode())))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        return answer.status, dict(answer.headers.items()), answer.read()
    finally:
        connection.close()


def logged_in(address: str) -> str:
    """The cookie for the token in an address, as a header says it."""
    status, headers, _ = asked(address, "POST", "/login", address.partition("/#")[2])
    assert status == 200
    return headers["set-cookie"].partition(";")[0]


def refusal(address: str, **headers: str) -> int:
    """The status with which a socket is refused before the upgrade."""
    base = address.partition("/#")[0]
    try:
        with connect(base.replace("http", "ws", 1) + "/ws", additional_headers=headers):
            raise AssertionError("the socket was opened")
    except InvalidStatus as refused:
        return refused.response.status_code


class PageClient:
    """A page at an address. To be used with `with`."""

    def __init__(self, address: str, cookie: str | None = None, **options: Any) -> None:
        base = address.partition("/#")[0]
        self.cookie = cookie or logged_in(address)
        self._opened = connect(
            base.replace("http", "ws", 1) + "/ws",
            origin=base,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            compression=None,
            **options,
        )
        self._socket: ClientConnection = self._opened.__enter__()
        self.said: list[dict[str, Any]] = []
        self.rows: list[tuple[int, float, Any]] = []
        self.frames = 0
        self.acknowledges = True

    def __enter__(self) -> PageClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, patience_s: float = 1.0) -> None:
        """Close the socket; of one that reads nothing no answer is awaited."""
        self._socket.close_timeout = patience_s
        self._opened.__exit__(None, None, None)

    @property
    def socket(self) -> ClientConnection:
        """As it is."""
        return self._socket

    def say(self, **message: object) -> None:
        """Send an order."""
        self._socket.send(json.dumps(message))

    def take(self, timeout: float = 10.0) -> dict[str, Any] | None:
        """The next message; None for a frame, which is acknowledged."""
        data = self._socket.recv(timeout)
        if isinstance(data, bytes):
            self.frames += 1
            self.rows.append(unframed(data))
            if self.acknowledges:
                # of a socket that is closed already the rest is still to be read
                with suppress(ConnectionClosed):
                    self._socket.send(json.dumps({"ack": self.frames}))
            return None
        message: dict[str, Any] = json.loads(data)
        self.said.append(message)
        return message

    def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 20.0) -> dict[str, Any]:
        """The first message from now on for which this is so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.take(max(0.1, end - time.monotonic()))
            if message is not None and condition(message):
                return message
        raise AssertionError(f"not within {seconds} s; the last were {self.said[-5:]}")

    def of(self, kind: str, seconds: float = 20.0) -> dict[str, Any]:
        """The next message of a kind."""
        return self.until(lambda message: message["type"] == kind, seconds)

    def for_frames(self, count: int) -> None:
        """Take this many frames."""
        until = self.frames + count
        while self.frames < until:
            self.take()
