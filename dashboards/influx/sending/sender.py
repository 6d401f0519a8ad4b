"""Sending line protocol to InfluxDB 1.8, 2.x and 3.x through `/api/v2/write`, with InfluxData's client.

The client does not know the token and makes no connection: `dashboards.http_edge` does both. Beside this file, `refusals`
explains refusals, `splitting` finds lines that are never accepted, and `patience` decides how long to wait. One `Sender`
combines them, for `push` and for a running session.
"""

from __future__ import annotations

import gzip
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import parse_qsl

from body_signals import HiphingeError
from dashboards.http_edge import Answer, Edge, HttpError, Service, parted
from dashboards.influx.sending.distance import is_near
from dashboards.influx.sending.patience import NoWaiting, Waiting
from dashboards.influx.sending.refusals import InfluxError, Refusal, refused, unanswered
from dashboards.influx.sending.splitting import send_each

__all__ = [
    "BATCH_LINES",
    "InfluxError",
    "InfluxSettings",
    "PushReport",
    "Refusal",
    "Sender",
    "ServerFacts",
    "influx_service",
    "send_lines",
    "server_facts",
]

BATCH_LINES = 5000
"""Lines of one request; InfluxData recommends 5000 to 10,000."""
CLOCK_BAR_S = 2.0
"""Largest difference of the clocks, s, without a warning (ours): the Live session page shows nothing older than three
seconds."""
_GZIP_LEVEL = 1
"""Level of gzip: the quickest. Line protocol shrinks to a seventh by it; by level 6 to a ninth, in four times the time (ours,
measured by benchmarks/gyms.py)."""
_FIRST_LINES = 20
"""Lines of the first request (ours). It is small, because a server may close a large one before its refusal can be read."""


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """Where results go. token: `user:password` for 1.8; bucket: `db/rp` for 1.8; org may stay empty for 1.8 and 3.x."""

    url: str
    token: str = field(repr=False)
    org: str
    bucket: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> InfluxSettings:
        """Settings from HIPHINGE_INFLUX_URL, _TOKEN, _ORG and _BUCKET. HiphingeError names the variable that is wrong."""
        url, token, org, bucket = (env.get(f"HIPHINGE_INFLUX_{name}", "").strip() for name in ("URL", "TOKEN", "ORG", "BUCKET"))
        try:
            url = parted(url).geturl()
        except ValueError as error:
            what = (
                "is not set"
                if not url
                else str(error).replace("is not an address", "is not an address of the form http://host:8086")
            )
            remedy = "Set it to the address of your InfluxDB, e.g. http://localhost:8086"
            if "password" in what:
                remedy = "Put user:password into HIPHINGE_INFLUX_TOKEN"
            raise HiphingeError(what, "HIPHINGE_INFLUX_URL", remedy) from None
        if not bucket:
            remedy = "Set it to the bucket (InfluxDB 2), the database (3), or database/retention-policy (1.8)"
            raise HiphingeError("is not set", "HIPHINGE_INFLUX_BUCKET", remedy)
        if not all(32 < ord(c) < 127 for c in token):
            remedy = "Copy the token again; for 1.8 it is user:password"
            raise HiphingeError("holds a character that no token has", "HIPHINGE_INFLUX_TOKEN", remedy)
        return cls(url, token, org, bucket)


def influx_service(settings: InfluxSettings) -> Service:
    """The InfluxDB of these settings, for an `Edge`."""
    authorization = f"Token {settings.token}" if settings.token else ""
    secrets = (settings.token, settings.token.partition(":")[2])
    place = f"{settings.url}, bucket {settings.bucket}"
    return Service("InfluxDB", settings.url, "HIPHINGE_INFLUX_URL", authorization, secrets, place)


@dataclass(frozen=True, slots=True)
class _LibraryAnswer:
    """An answer as influxdb-client reads it from urllib3."""

    status: int
    reason: str
    data: bytes
    headers: Mapping[str, str]


class LibraryPool:
    """Replaces influxdb-client's urllib3 pool: its requests go through the edge.

    An unsuccessful answer never reaches the library: `InfluxError`.
    """

    def __init__(self, service: Service, edge: Edge) -> None:
        self._service, self._edge = service, edge

    def request(
        self,
        method: str,
        url: str,
        fields: Iterable[tuple[str, str]] | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> _LibraryAnswer:
        """As urllib3 does it; the edge has its own limits of time and size."""
        path, *asked = url.removeprefix(self._service.url.rstrip("/")).split("?", 1)
        query = [*parse_qsl("".join(asked), keep_blank_values=True), *(fields or ())]
        octets = body.encode() if isinstance(body, str) else body
        answer = influx_answer(self._service, self._edge, method, path, query, octets, headers)
        # the library assumes UTF-8, which is not guaranteed
        return _LibraryAnswer(answer.status, "", answer.text.encode(), answer.headers)

    def clear(self) -> None:
        """Let the connection go."""
        self._edge.close()


def influx_answer(
    service: Service,
    edge: Edge,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]] = (),
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """InfluxDB's answer to a request that it has taken; `InfluxError` otherwise."""
    try:
        answer = edge.request(method, path, query=query, body=body, headers=headers)
    except HttpError as error:
        raise unanswered(error) from None
    if not 200 <= answer.status <= 299:
        raise refused(answer, service)
    return answer


def library(settings: InfluxSettings, timeout_s: float) -> Any:
    """influxdb-client's `InfluxDBClient` over a separate edge; must be closed. `InfluxError` where the address is not valid."""
    # importing takes half a second, which the other commands are spared
    from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]

    service = influx_service(settings)
    try:
        edge = Edge(service, timeout_s=timeout_s)
    except HttpError as error:
        raise unanswered(error) from None
    client = InfluxDBClient(settings.url.rstrip("/"), "", org=settings.org)
    rest: Any = client.api_client.rest_client
    rest.pool_manager = LibraryPool(service, edge)
    return client


class Sender:
    """Sends bodies of line protocol, one request each, to one InfluxDB; use as a context manager or `close` it.

    waiting: how it waits for a server that is away; without it there is one attempt. compress: whether bodies go as gzip; None:
    where the server is not in this computer's own network, which is found out at the first request.
    """

    def __init__(
        self,
        settings: InfluxSettings,
        *,
        timeout_s: float = 30.0,
        waiting: Waiting | None = None,
        compress: bool | None = None,
    ) -> None:
        self.settings, self._waiting, self._compress = settings, waiting or NoWaiting(), compress
        self._client = library(settings, timeout_s)
        from influxdb_client.service.write_service import WriteService

        self._api = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

    def send(self, body: bytes) -> None:
        """Send lines joined by line ends; all of them are stored. `InfluxError` where they are not."""
        while True:
            self._waiting.begin()
            try:
                self._post(body)
            except InfluxError as error:
                if error.refusal in (Refusal.LINES, Refusal.SIZE):
                    self._waiting.answered()
                    raise
                self._waiting.failed(error)
            else:
                self._waiting.answered()
                return

    def _post(self, body: bytes) -> None:
        where = {"bucket": self.settings.bucket, "org": self.settings.org, "precision": "ns"}
        how: dict[str, Any] = {"content_type": "text/plain; charset=utf-8", "_return_http_data_only": False}
        if self._compress is None:
            self._compress = not is_near(self.settings.url)
        if self._compress:
            body, how["content_encoding"] = gzip.compress(body, _GZIP_LEVEL, mtime=0), "gzip"
        _, status, _ = self._api.post_write_with_http_info(body=body, **where, **how)  # type: ignore[no-untyped-call]
        if status != 204:
            # a web site, a proxy's page: nothing was stored
            what = f"this is not an InfluxDB: it answers a write with status {status}"
            place = influx_service(self.settings).place
            raise InfluxError(what, place, "Check HIPHINGE_INFLUX_URL, its port above all", Refusal.PERSON)

    def send_each(self, lines: Sequence[bytes], rejected: Callable[[bytes, str], None]) -> None:
        """Send the lines; lines that the server will never accept go to `rejected` with its message. `InfluxError`
        otherwise."""
        send_each(self.send, lines, rejected)

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class PushReport:
    """Totals: lines by measurement, requests, bytes, seconds; rejected: lines that the server will never take."""

    lines: int
    by_measurement: Mapping[str, int]
    requests: int
    bytes: int
    seconds: float
    rejected: int = 0


def send_lines(
    lines: Iterable[str],
    sender: Sender,
    rejected: Callable[[bytes, str], None],
    progress: Callable[[int], None] | None = None,
) -> PushReport:
    """Send lines, at most 5000 per request; `progress` is called with the number sent so far.

    `InfluxError` when InfluxDB cannot be reached or refuses; lines sent before stay, and sending again is harmless.
    """
    began = time.monotonic()
    sent = requests = size = refused = 0
    counts: dict[str, int] = {}

    def set_aside(line: bytes, words: str) -> None:
        nonlocal refused
        refused += 1
        rejected(line, words)

    source = iter(lines)
    while batch := list(itertools.islice(source, BATCH_LINES if requests else _FIRST_LINES)):
        body = [line.encode() for line in batch]
        try:
            sender.send_each(body, set_aside)
        except InfluxError as error:
            error.after(sent)
            raise
        sent, requests, size = sent + len(batch), requests + 1, size + sum(map(len, body)) + len(body) - 1
        for line in batch:
            measurement = line[: line.index(",")]
            counts[measurement] = counts.get(measurement, 0) + 1
        if progress is not None:
            progress(sent)
    return PushReport(sent - refused, counts, requests, size, time.monotonic() - began, refused)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Facts about a server. clock_ahead_s: this computer's clock minus the server's, to within a second; NaN where the
    server does not tell the time."""

    url: str
    version: str
    clock_ahead_s: float

    def __str__(self) -> str:
        who = (
            f"version {self.version}" if self.version else "but does not say that it is an InfluxDB: check HIPHINGE_INFLUX_URL"
        )
        return f"{self.url} answers, {who}"

    @property
    def clock_remark(self) -> str:
        """A warning about the clocks, empty when they agree."""
        if not abs(self.clock_ahead_s) > CLOCK_BAR_S:
            return ""
        which = "ahead of" if self.clock_ahead_s > 0 else "behind"
        apart = timedelta(seconds=round(abs(self.clock_ahead_s)))
        return (
            f"this computer's clock is {apart} {which} that of {self.url}, so Grafana shows results at the wrong time; "
            "nothing is lost. Let both set their clocks by NTP"
        )


def server_facts(settings: InfluxSettings, *, timeout_s: float = 5.0) -> ServerFacts:
    """Ask the server for its version and clock. `InfluxError` when it does not answer."""
    with closing(library(settings, timeout_s)) as client:
        from influxdb_client.service.ping_service import PingService

        began = time.time()
        _, _, head = PingService(client.api_client).get_ping_with_http_info(_return_http_data_only=False)  # type: ignore[no-untyped-call]
        here = (began + time.time()) / 2
    try:
        # whole seconds, cut off
        there = parsedate_to_datetime(head["date"]).timestamp() + 0.5
    except (KeyError, ValueError, OverflowError, OSError):
        there = math.nan
    return ServerFacts(settings.url, influx_service(settings).clean(head.get("x-influxdb-version", ""), 40), here - there)
