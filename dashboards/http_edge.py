"""The one edge for HTTP: every request of ours that may carry a credential goes through here.

An `Edge` holds one origin (scheme, host and port) and takes only paths, so no request can reach another origin. A redirection
within the origin is followed; one that leads elsewhere is an error that names the target. Proxies of the environment are not
used, because they would see the credential. Certificates are always verified. An answer is limited in total time, from the
connection to the last byte, and in size after decompression. Any exception of a library becomes one `HttpError`, in
`Edge._fault`; no message holds a credential in any spelling. Name resolution is left to the system and has the system's
own time limit.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from body_signals import HiphingeError
from dashboards.redaction import without_secrets

LIMIT_BYTES = 16 << 20
"""Largest answer, bytes (ours); answers of InfluxDB and Grafana have about 100 kB."""
_PIECE_BYTES = 1 << 16
"""Bytes of an answer that are read at a time (ours)."""
_REDIRECTIONS = 5
"""Redirections within the origin; more are taken for a circle (ours)."""
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_SAFE = "/%:@!$&'()*+,;=~"
"""Characters that stay as they are in a path (RFC 3986)."""
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def parted(url: str) -> SplitResult:
    """The parts of an address.

    ValueError, in a user's words, where it is not valid. The message never quotes the address, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and parts.hostname and parts.port != 0 and not re.search(r"[\s\x00-\x1f\x7f\\]", url)
        host = (parts.hostname or "").encode("idna")
    except ValueError:
        # a bad port, an open bracket, an impossible host name (UnicodeError is a ValueError)
        known, host = None, b""
    if not known or not host:
        raise ValueError("is not an address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user name or password")
    if parts.query or parts.fragment:
        raise ValueError("holds a question mark or hash, which no address of a server has")
    return parts


class HttpError(HiphingeError):
    """A request that was not answered. away: it may succeed later; else a person must change something."""

    def __init__(self, what: str, where: str, remedy: str, *, away: bool) -> None:
        super().__init__(what, where, remedy)
        self.away = away


@dataclass(frozen=True, slots=True)
class Service:
    """A server. name: for messages; setting: what holds the address; authorization: the header's value, empty for none;
    secrets: words that no message may hold."""

    name: str
    url: str
    setting: str
    authorization: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    place: str = ""
    """Where an error happened, in messages; the address where it is empty."""

    def clean(self, words: object, most: int = 300) -> str:
        """Foreign text as one line, without control characters and without the credential."""
        return without_secrets(str(words), self.secrets)[:most]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The answer's JSON object; empty where the answer is not one."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        """Its text."""
        return self.body.decode("utf-8", "replace")


class Edge:
    """Sends requests to one server. Keeps the connection for the next request until `close`. For one thread at a time.

    timeout_s: for a whole request. `HttpError` where the address is not valid.
    """

    def __init__(self, service: Service, *, timeout_s: float, limit_bytes: int = LIMIT_BYTES) -> None:
        self._service, self._timeout_s, self._limit_bytes = service, timeout_s, limit_bytes
        fault = ""
        try:
            self._parts = parted(service.url)
        except ValueError as error:
            fault = str(error)
        if fault:
            raise HttpError(fault, service.setting, f"Set it to the address of your {service.name}", away=False)
        self._origin = _origin(self._parts)
        self._connection = _connection(self._origin)

    def __repr__(self) -> str:
        return f"Edge({self._service.url!r})"

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Request a path below the server's address. Any status is an answer; `HttpError` where there is no answer."""
        asked = urlencode(list(query))
        target = quote(self._parts.path.rstrip("/") + path, safe=_SAFE) + (f"?{asked}" if asked else "")
        head = dict(headers or {}) | {"Accept-Encoding": "identity"}
        if self._service.authorization:
            head["Authorization"] = self._service.authorization
        try:
            return self._followed(method, target, body, head, time.monotonic() + self._timeout_s)
        except HttpError:
            self.close()
            raise
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            fault = self._fault(error)
            self.close()
        # outside the handler: the library's error, which may hold the request, is dropped
        raise fault

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()

    def _followed(self, method: str, target: str, body: bytes | None, head: dict[str, str], until: float) -> Answer:
        for _ in range(_REDIRECTIONS + 1):
            answer = self._once(method, target, body, head, until)
            onward = answer.headers.get("location")
            if answer.status not in _REDIRECTED or not onward:
                return answer
            target = self._within(onward, target)
            if answer.status == 303:
                method, body = "GET", None
        raise self._error("redirects in a circle", f"Check {self._service.setting}")

    def _within(self, onward: str, target: str) -> str:
        """The path that a redirection leads to; `HttpError` where it leaves the origin."""
        here = f"{self._parts.scheme}://{self._parts.netloc}{target}"
        try:
            parts = urlsplit(urljoin(here, onward))
            same = _origin(parts) == self._origin
            place = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
        except ValueError:
            same, place = False, "an address that cannot be read"
        if not same:
            remedy = f"Nothing was sent there. If the server has moved, set {self._service.setting} to it"
            raise self._error(f"redirects to {self._service.clean(place, 200)}, which is another server", remedy)
        return quote(parts.path or "/", safe=_SAFE) + (f"?{parts.query}" if parts.query else "")

    def _once(self, method: str, target: str, body: bytes | None, head: dict[str, str], until: float) -> Answer:
        connection = self._connection
        connection.prepare(until)
        try:
            connection.request(method, target, body, head)
        except (BrokenPipeError, ConnectionResetError):
            # a server may refuse before it has read everything: its answer may be there
            if not connection.greeted:
                raise
        response = connection.getresponse()
        with closing(response):
            headers = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, headers, self._body(response, headers.get("content-encoding", "")))
        if response.will_close:
            connection.close()
        return answer

    def _body(self, response: http.client.HTTPResponse, coding: str) -> bytes:
        coding = coding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise self._error("answers in an encoding that was not requested", f"Check {self._service.setting}")
        # 32: gzip or zlib, whichever it is
        unfolded = zlib.decompressobj(32 + zlib.MAX_WBITS) if coding not in ("", "identity") else None
        body, whole = bytearray(), True
        while piece := response.read(_PIECE_BYTES):
            room = self._limit_bytes - len(body) + 1
            body += piece if unfolded is None else unfolded.decompress(piece, room)
            whole = unfolded is None or unfolded.eof
            if len(body) > self._limit_bytes:
                what = f"answers with more than {self._limit_bytes / (1 << 20):.3g} MB"
                raise self._error(what, f"No answer of {self._service.name} is that long: check {self._service.setting}")
        if response.length or not whole:
            raise http.client.IncompleteRead(b"")
        return bytes(body)

    def _fault(self, error: Exception) -> HttpError:
        """The one place that translates a library's connection errors into a user's words."""
        name, setting = self._service.name, self._service.setting
        place, greeted = self._service.place or self._service.url, self._connection.greeted
        remedy = f"Check {setting} (http or https?) and that {name} runs"
        if not greeted and any(os.environ.get(proxy) or os.environ.get(proxy.upper()) for proxy in _PROXIES):
            remedy += ". The environment names a proxy: it is not used, because it would see the token"
        match error:
            case ssl.SSLCertVerificationError():
                why = self._service.clean(error.verify_message).rstrip(".")
                remedy = (
                    "Give the server a certificate that this computer trusts, or name its authority's file in SSL_CERT_FILE"
                )
                return HttpError(f"the server's certificate is not trusted ({why})", place, remedy, away=False)
            case ssl.SSLError() if not greeted and not isinstance(error, ssl.SSLEOFError):
                remedy = f"Check http or https in {setting}: does this server speak https?"
                return HttpError("the encrypted connection failed", place, remedy, away=False)
            case TimeoutError():
                return HttpError(f"{name} did not answer in time", place, remedy, away=True)
            case socket.gaierror():
                unknown = error.errno == socket.EAI_NONAME
                return HttpError("there is no computer with this name", place, f"Check {setting}", away=not unknown)
            case http.client.HTTPException() if not isinstance(error, http.client.IncompleteRead | ConnectionError):
                return HttpError(f"{name} cannot be understood: this is not an HTTP answer", place, remedy, away=False)
            case OSError() if not greeted and not isinstance(error, ssl.SSLError):
                why = error.strerror or "no connection"
                return HttpError(f"{name} cannot be reached ({self._service.clean(why)})", place, remedy, away=True)
            case OSError() | http.client.IncompleteRead():
                return HttpError(f"the connection to {name} broke", place, remedy, away=True)
            case zlib.error():
                return HttpError(f"{name} answers with compressed data that cannot be read", place, remedy, away=False)
        return HttpError(f"{name} cannot be asked: an address or a token that HTTP cannot carry", place, remedy, away=False)

    def _error(self, what: str, remedy: str) -> HttpError:
        return HttpError(f"{self._service.name} {what}", self._service.place or self._service.url, remedy, away=False)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port. ValueError for an invalid port."""
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)


def _left_s(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Bounded(socket.socket):
    """A socket whose operations all end at `until`, even if data arrive in small pieces."""

    until = 0.0

    def recv_into(self, *given: Any) -> int:
        """As a socket's."""
        self.settimeout(_left_s(self.until))
        return super().recv_into(*given)

    def send(self, *given: Any) -> int:
        """As a socket's."""
        self.settimeout(_left_s(self.until))
        return super().send(*given)

    def sendall(self, *given: Any) -> None:
        """As a socket's."""
        self.settimeout(_left_s(self.until))
        super().sendall(*given)


class _BoundedEncrypted(_Bounded, ssl.SSLSocket):
    """The same, encrypted: an `ssl.SSLSocket` behind the same three operations."""


class _Plain(http.client.HTTPConnection):
    """A connection that ends at `until`. greeted: the server has taken it, with its encryption if it has any."""

    until = 0.0
    greeted = False

    def prepare(self, until: float) -> None:
        """Get ready for the next request; a connection that the server has closed is opened again."""
        self.until = until
        if isinstance(self.sock, _Bounded):
            if _readable(self.sock):
                self.close()
            else:
                self.sock.until = until

    def connect(self) -> None:
        """Connect to the first of the host's addresses that accepts."""
        self.greeted = False
        self.sock = self._reached()
        self.greeted = True

    def _reached(self) -> _Bounded:
        refused: OSError | None = None
        places = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for k, (family, kind, protocol, _, place) in enumerate(places):
            sock = _Bounded(family, kind, protocol)
            try:
                sock.until = self.until
                # each address has its share of the time
                sock.settimeout(_left_s(self.until) / (len(places) - k))
                sock.connect(place)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as error:
                sock.close()
                refused = error
        raise refused or OSError("the name has no address")


class _Encrypted(_Plain):
    """The same with TLS, verified against what this computer trusts."""

    default_port = 443
    _context: ssl.SSLContext | None = None

    def connect(self) -> None:
        """Connect, and verify the certificate."""
        self.greeted = False
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.sslsocket_class = _BoundedEncrypted
        sock = self._reached()
        try:
            sock.settimeout(_left_s(self.until))
            encrypted = self._context.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        assert isinstance(encrypted, _BoundedEncrypted)
        encrypted.until = self.until
        self.sock = encrypted
        self.greeted = True


def _connection(origin: tuple[str, str, int | None]) -> _Plain:
    scheme, host, port = origin
    return (_Encrypted if scheme == "https" else _Plain)(host, port)


def _readable(sock: socket.socket) -> bool:
    """Whether an idle connection has data: then the server has closed it."""
    # `select` refuses a file number above 1023
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])
