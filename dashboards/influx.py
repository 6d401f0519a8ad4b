"""Sending line protocol to InfluxDB 1.8, 2.x and 3.x through `/api/v2/write`, and what its refusals mean.

The token appears in no message and no repr.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from signals import HiphingeError

BATCH_LINES = 5000
CLOCK_BAR_S = 2.0
"""Clocks that differ by more are told: the Live session page shows nothing that is older than three seconds."""
_FIRST_LINES = 20
"""The first request is small: a server may hang up on a large one before its refusal (wrong token, say) can be read."""


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
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            # half an IPv6 address, or a port that is none
            sound = False
        if not sound:
            what = "is not set" if not url else "is no address of the form http://host:8086"
            raise HiphingeError(
                what, "HIPHINGE_INFLUX_URL", "Set it to the address of your InfluxDB, e.g. http://localhost:8086"
            )
        if parts.username is not None:
            remedy = "Put user:password into HIPHINGE_INFLUX_TOKEN"
            raise HiphingeError("holds a user name or password", "HIPHINGE_INFLUX_URL", remedy)
        if not bucket:
            remedy = "Set it to the bucket (InfluxDB 2), the database (3), or database/retention-policy (1.8)"
            raise HiphingeError("is not set", "HIPHINGE_INFLUX_BUCKET", remedy)
        if not all(32 < ord(c) < 127 for c in token):
            remedy = "Copy the token again; for 1.8 it is user:password"
            raise HiphingeError("holds a character that no token has", "HIPHINGE_INFLUX_TOKEN", remedy)
        return cls(urlunsplit(parts), token, org, bucket)


class Refusal(StrEnum):
    """What a refusal asks for."""

    AWAY = "away"
    """Wait and send again: no answer, 429, 5xx."""
    PERSON = "person"
    """Somebody must change something: address, token, bucket, rights."""
    LINES = "lines"
    """Some of the lines cannot be taken, ever; the others of the request are stored."""
    SIZE = "size"
    """Send less at a time."""


class InfluxError(HiphingeError):
    """InfluxDB did not take a request. retry_after_s: what the server asked to wait, 0 where it said nothing."""

    def __init__(self, what: str, where: str, remedy: str, refusal: Refusal, words: str = "", retry_after_s: float = 0.0):
        super().__init__(what, where, remedy)
        self.refusal, self.words, self.retry_after_s = refusal, words, retry_after_s

    def after(self, lines: int) -> None:
        """Say how many lines had been sent before."""
        self.what = f"{self.what}, after {lines} lines"


class Sender:
    """Sends bodies of line protocol, one request each, to one InfluxDB; use as a context manager or `close` it."""

    def __init__(self, settings: InfluxSettings, *, timeout_s: float = 30.0) -> None:
        # These take half a second to import, which the other commands need not pay.
        from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
        from influxdb_client.service.write_service import WriteService

        self.settings = settings
        self._client = InfluxDBClient(settings.url, settings.token, org=settings.org, timeout=int(timeout_s * 1000))
        self._api = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

    def send(self, body: bytes) -> None:
        """Send lines joined by line ends; all of them are stored. `InfluxError` where they are not."""
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        where = {"bucket": self.settings.bucket, "org": self.settings.org, "precision": "ns"}
        how = {"content_type": "text/plain; charset=utf-8", "_return_http_data_only": False}
        try:
            _, status, _ = self._api.post_write_with_http_info(body=body, **where, **how)  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise _refused(error, self.settings) from None
        except HTTPError as error:
            raise _no_answer(error, self.settings) from None
        if status != 204:
            # a web site, a proxy's page: it has stored nothing
            what = f"this is no InfluxDB: it answers a write with status {status}"
            raise InfluxError(what, _place(self.settings), "Check HIPHINGE_INFLUX_URL, its port above all", Refusal.PERSON)

    def send_each(self, lines: Sequence[bytes], rejected: Callable[[bytes, str], None]) -> None:
        """Send the lines; those that the server will never take go to `rejected` with its words. `InfluxError` otherwise."""
        try:
            self.send(b"\n".join(lines))
        except InfluxError as error:
            if error.refusal not in (Refusal.LINES, Refusal.SIZE):
                raise
            if len(lines) == 1 or (error.refusal is Refusal.LINES and _dropped(error.words) == len(lines)):
                for line in lines:
                    rejected(line, error.words)
                return
            middle = len(lines) // 2
            self.send_each(lines[:middle], rejected)
            self.send_each(lines[middle:], rejected)

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class PushReport:
    """What was sent: lines by measurement, requests, bytes, seconds; rejected: lines that the server will never take."""

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
    """Send lines, at most 5000 a request; `progress` hears how many were sent so far.

    `InfluxError` when InfluxDB cannot be reached or refuses; what was sent before stays, and sending again is harmless.
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
    """What a server says of itself. clock_ahead_s: this computer's clock minus the server's, to within a second; NaN where the
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
        """What a person should know about the clocks, empty when they agree."""
        if not abs(self.clock_ahead_s) > CLOCK_BAR_S:
            return ""
        which = "ahead of" if self.clock_ahead_s > 0 else "behind"
        apart = timedelta(seconds=round(abs(self.clock_ahead_s)))
        return (
            f"this computer's clock is {apart} {which} that of {self.url}, so Grafana shows results at the wrong time; "
            "nothing is lost. Let both set their clocks by NTP"
        )


def server_facts(settings: InfluxSettings, *, timeout_s: float = 5.0) -> ServerFacts:
    """Ask the server who it is. `InfluxError` when it does not answer."""
    from influxdb_client import InfluxDBClient  # type: ignore[attr-defined]
    from influxdb_client.rest import ApiException
    from influxdb_client.service.ping_service import PingService
    from urllib3.exceptions import HTTPError

    with closing(InfluxDBClient(settings.url, settings.token, org=settings.org, timeout=int(timeout_s * 1000))) as client:
        began = time.time()
        try:
            _, _, head = PingService(client.api_client).get_ping_with_http_info(_return_http_data_only=False)  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise _refused(error, settings) from None
        except HTTPError as error:
            raise _no_answer(error, settings) from None
        here = (began + time.time()) / 2
    told = {str(name).lower(): str(value) for name, value in dict(head).items()}
    try:
        # whole seconds, cut off
        there = parsedate_to_datetime(told["date"]).timestamp() + 0.5
    except (KeyError, ValueError):
        there = math.nan
    return ServerFacts(settings.url, told.get("x-influxdb-version", ""), here - there)


def _dropped(words: str) -> int | None:
    """How many lines of a request the server says that it has dropped."""
    found = re.search(r"dropped=(\d+)\b", words)
    return int(found[1]) if found else None


def _server_words(error: Any) -> str:
    """The server's own message, out of whichever form its version uses."""
    message = error.message.decode("utf-8", "replace") if isinstance(error.message, bytes) else str(error.message)
    try:
        document = json.loads(message)
    except ValueError:
        return " ".join(message.split())
    return str(document.get("error", message)) if isinstance(document, dict) else message


def _refused(error: Any, settings: InfluxSettings) -> InfluxError:
    status, words = error.status, _server_words(error)
    kind = Refusal.PERSON
    if status == 0:
        return _no_encryption(str(error.reason), settings)
    if "retention policy not found" in words:
        what, remedy = "does not know the retention policy", "Check the part after the slash in HIPHINGE_INFLUX_BUCKET"
    elif status == 401:
        what, remedy = "does not accept the token", "Check HIPHINGE_INFLUX_TOKEN (user:password for InfluxDB 1.8)"
    elif status == 403:
        what, remedy = "does not let this token write", "Give it the right to write to the bucket, or set HIPHINGE_INFLUX_TOKEN"
    elif status == 404 and "page not found" in words:
        what, remedy = "has no /api/v2/write", "It takes InfluxDB 1.8 or later; check HIPHINGE_INFLUX_URL"
    elif status == 404:
        what, remedy = "does not know the bucket or organisation", "Check HIPHINGE_INFLUX_BUCKET and HIPHINGE_INFLUX_ORG"
    elif status in (400, 422):
        kind, what = Refusal.LINES, "rejected lines of this session (the others of the request are stored)"
        remedy = (
            "A type conflict means that other software wrote these fields: use a bucket of its own. Sending again is harmless"
        )
    elif status == 413:
        kind, what, remedy = Refusal.SIZE, "takes only smaller requests", "Raise max-body-size of the server to 25 MB or more"
    elif status == 429 or status >= 500:
        kind, what, remedy = Refusal.AWAY, "cannot take lines now", "Wait and push again: sending twice changes nothing"
    else:
        what, remedy = "gave an answer that is not understood", "Check HIPHINGE_INFLUX_URL"
    words = _without_token(words, settings)[:300]
    told = f" ({words})" if words else ""
    try:
        wait_s = max(0.0, float(error.retry_after or 0.0))
    except (TypeError, ValueError):
        wait_s = 0.0
    return InfluxError(f"InfluxDB {what}: status {status}{told}", _place(settings), remedy, kind, words, wait_s)


def _no_answer(error: Exception, settings: InfluxSettings) -> InfluxError:
    kind, why = type(error).__name__, error.__cause__ or error.__context__
    remedy = "Check HIPHINGE_INFLUX_URL (http or https?) and that InfluxDB runs; then push again: sending twice changes nothing"
    asks = Refusal.AWAY
    if "NameResolution" in kind:
        what = "there is no computer of this name"
    elif "NewConnection" in kind:
        what = f"InfluxDB cannot be reached ({getattr(why, 'strerror', None) or 'no connection'})"
    elif "Timeout" in kind or isinstance(why, TimeoutError):
        what = "InfluxDB did not answer in time"
    elif "SSL" in kind:
        return _no_encryption(str(error), settings)
    else:
        what = "the connection to InfluxDB broke"
    return InfluxError(what, _place(settings), remedy, asks)


def _no_encryption(words: str, settings: InfluxSettings) -> InfluxError:
    found = re.search(r"certificate verify failed: ([^\n(]*[^\n( ])", words)
    if found:
        what = f"the server's certificate is not trusted ({found[1]})"
        remedy = "Give the server a certificate that this computer trusts, or name its authority's file in SSL_CERT_FILE"
    else:
        what, remedy = (
            "the encrypted connection failed",
            "Check http or https in HIPHINGE_INFLUX_URL: does this server speak https?",
        )
    return InfluxError(what, _place(settings), remedy, Refusal.PERSON)


def _place(settings: InfluxSettings) -> str:
    return f"{settings.url}, bucket {settings.bucket}"


def _without_token(words: str, settings: InfluxSettings) -> str:
    for secret in (settings.token, settings.token.partition(":")[2]):
        if len(secret) > 2:
            words = words.replace(secret, "…")
    return words
