"""The meaning of InfluxDB's refusals, and their remedies."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from body_signals import HiphingeError
from dashboards.http_edge import Answer, HttpError, Service


class Refusal(StrEnum):
    """The reaction that a refusal asks for."""

    AWAY = "away"
    """Wait and send again: no answer, 429, 5xx."""
    PERSON = "person"
    """Somebody must change something: address, token, bucket, rights."""
    LINES = "lines"
    """Some of the lines cannot be taken, ever; the others of the request are stored."""
    SIZE = "size"
    """Send less at a time."""


class InfluxError(HiphingeError):
    """InfluxDB did not take a request. words, status: its own, none where it did not answer. retry_after_s: what it asked to
    wait, 0 where it said nothing."""

    def __init__(
        self,
        what: str,
        where: str,
        remedy: str,
        refusal: Refusal,
        words: str = "",
        retry_after_s: float = 0.0,
        *,
        status: int = 0,
    ) -> None:
        super().__init__(what, where, remedy)
        self.refusal, self.words, self.retry_after_s, self.status = refusal, words, retry_after_s, status

    def after(self, lines: int) -> None:
        """Say how many lines had been sent before."""
        self.what = f"{self.what}, after {lines} lines"


_OF_LINES = re.compile(
    r"partial write|pars(?:e|ing)\b|\b(?:lines?|points?|fields?|tags?|timestamps?|measurements?|series)\b", re.IGNORECASE
)
"""Words in a refusal of some of the lines, in every version of InfluxDB."""
_ENCRYPTED = re.compile(r"plain HTTP|HTTPS (?:server|port)|SSL-enabled", re.IGNORECASE)
"""Answer of a TLS server to plain HTTP: Go's (InfluxDB), nginx, Apache."""
_SEND_AGAIN = "sending twice changes nothing"


def refused(answer: Answer, service: Service) -> InfluxError:
    """The error of an answer that is no success."""
    status, words = answer.status, service.clean(_words(answer))
    kind = Refusal.PERSON
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
    elif status == 400 and _ENCRYPTED.search(words):
        what, remedy = "is asked without encryption and wants it", "Write https in place of http in HIPHINGE_INFLUX_URL"
    elif status in (400, 422) and answer.document and _OF_LINES.search(words):
        kind, what = Refusal.LINES, "rejected lines of this session (the others of the request are stored)"
        remedy = f"A type conflict means that other software wrote these fields: use a bucket of its own; {_SEND_AGAIN}"
    elif status in (400, 422):
        what, remedy = "refuses the whole request and names no line", "Check HIPHINGE_INFLUX_URL: is this an InfluxDB?"
    elif status == 413:
        kind, what, remedy = Refusal.SIZE, "takes only smaller requests", "Raise max-body-size of the server to 25 MB or more"
    elif status == 429 or status >= 500:
        kind, what, remedy = Refusal.AWAY, "cannot take lines now", f"Wait and push again: {_SEND_AGAIN}"
    else:
        what, remedy = "gave an answer that is not understood", "Check HIPHINGE_INFLUX_URL"
    told = f" ({words})" if words else ""
    wait_s = _retry_after_s(answer.headers.get("retry-after", ""))
    return InfluxError(f"InfluxDB {what}: status {status}{told}", service.place, remedy, kind, words, wait_s, status=status)


def unanswered(error: HttpError) -> InfluxError:
    """The error where there was no answer."""
    remedy = f"{error.remedy}; then push again: {_SEND_AGAIN}" if error.away else error.remedy
    return InfluxError(error.what, error.where, remedy, Refusal.AWAY if error.away else Refusal.PERSON)


def refuses_everything(error: InfluxError) -> InfluxError:
    """The error where sound lines were refused, and none was taken."""
    remedy = "Check HIPHINGE_INFLUX_URL and HIPHINGE_INFLUX_BUCKET, and the server's log"
    what = f"the server refuses everything that it is sent. {error.what}"
    return InfluxError(what, error.where, remedy, Refusal.PERSON, error.words, status=error.status)


def dropped(words: str) -> int | None:
    """How many lines of a request the server says that it has dropped."""
    found = re.search(r"dropped=(\d{1,9})\b", words)
    return int(found[1]) if found else None


def _words(answer: Answer) -> str:
    """The server's own message, out of whichever form its version uses."""
    document = answer.document
    for name in ("error", "message"):
        if isinstance(document.get(name), str):
            return " ".join([str(document[name]), *_first_line(document.get("data"))])
    return answer.text or answer.headers.get("x-influxdb-error", "")


def _first_line(data: Any) -> list[str]:
    """The words of InfluxDB 3 about the first line that it did not take."""
    first = data[0] if isinstance(data, list) and data else data
    return [str(first.get(name, "")) for name in ("error_message", "original_line")] if isinstance(first, dict) else []


def _retry_after_s(text: str) -> float:
    """Seconds to wait, of a Retry-After header: a number, or a date. 0 where it says nothing that can be understood."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        # no date, or one that no clock can tell
        return 0.0
