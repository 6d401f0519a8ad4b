"""Deleting all points of one athlete in InfluxDB, and counting what is there.

InfluxDB 1.8 deletes with a statement, 2.x with a request of its own; both delete by tag in every measurement of the
database, downsampled ones too. InfluxDB 3.x Core cannot delete by tag: that is said, and nothing is done.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from dashboards.influx import InfluxSettings
from signals import HiphingeError

_EVER = ("1677-09-22T00:00:00Z", "2262-04-11T00:00:00Z")
"""What InfluxDB's timestamps can say."""


@dataclass(frozen=True, slots=True)
class _Answer:
    document: dict[str, Any]
    version: str


class Eraser:
    """Knows one InfluxDB. HiphingeError where it cannot be reached, refuses, or is of a version that cannot delete."""

    def __init__(self, settings: InfluxSettings, *, timeout_s: float = 300.0) -> None:
        self._settings, self._timeout_s = settings, timeout_s
        self._database = settings.bucket.partition("/")[0]
        found = self._ask("GET", "/ping")
        self.version = (found.version or str(found.document.get("version", ""))).lstrip("v")
        if self.version[:2] not in ("1.", "2."):
            what = f"InfluxDB {self.version or 'of an unknown version'} cannot delete the points of one athlete"
            remedy = "Drop the database there, or let its retention end them; --only-folders deletes what is on this computer"
            raise self._error(what, remedy)

    def count(self, athlete: str) -> dict[str, int]:
        """How many values there are of an athlete, by measurement; those that have any."""
        words = athlete.replace("\\", "\\\\").replace("'", "\\'")
        counts: dict[str, int] = {}
        for policy in self._policies():
            quoted = policy.replace("\\", "\\\\").replace('"', '\\"')
            for series in self._series(f"""SELECT count(*) FROM "{quoted}"./.*/ WHERE "athlete" = '{words}'"""):
                values = sum(n for row in series["values"] for n in row[1:] if n is not None)
                counts[series["name"]] = counts.get(series["name"], 0) + values
        return {name: n for name, n in sorted(counts.items()) if n}

    def erase(self, athlete: str) -> None:
        """Delete all points of an athlete."""
        if self.version.startswith("1."):
            words = athlete.replace("\\", "\\\\").replace("'", "\\'")
            self._series(f"""DELETE WHERE "athlete" = '{words}'""")
            return
        words = athlete.replace("\\", "\\\\").replace('"', '\\"')
        body = {"start": _EVER[0], "stop": _EVER[1], "predicate": f'athlete="{words}"'}
        where = {"bucket": self._settings.bucket} | ({"org": self._settings.org} if self._settings.org else {})
        self._ask("POST", f"/api/v2/delete?{urllib.parse.urlencode(where)}", json.dumps(body).encode())

    def _policies(self) -> list[str]:
        found = self._series(f'SHOW RETENTION POLICIES ON "{self._database}"')
        return [str(row[series["columns"].index("name")]) for series in found for row in series.get("values", [])]

    def _series(self, statement: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"db": self._database, "q": statement})
        document = self._ask("POST", f"/query?{query}", b"").document
        result = document.get("results", [{}])[-1]
        if "error" in result:
            remedy = "Check HIPHINGE_INFLUX_BUCKET, and that the token may read and delete"
            raise self._error(f"InfluxDB refused ({self._clean(result['error'])})", remedy)
        return list(result.get("series", []))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> _Answer:
        head = {"Authorization": f"Token {self._settings.token}"} if self._settings.token else {}
        if body:
            head["Content-Type"] = "application/json"
        request = urllib.request.Request(self._settings.url.rstrip("/") + path, body, head, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                text = answer.read()
                return _Answer(_document(text), answer.headers.get("X-Influxdb-Version") or "")
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, _document(error.read())) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            why = getattr(reason, "strerror", None) or type(reason).__name__
            raise self._error(
                f"InfluxDB cannot be reached ({why})", "Check HIPHINGE_INFLUX_URL and that InfluxDB runs"
            ) from None

    def _refused(self, status: int, document: dict[str, Any]) -> HiphingeError:
        words = self._clean(document.get("error") or document.get("message") or "")
        told = f" ({words})" if words else ""
        if status in (401, 403):
            remedy = "Check HIPHINGE_INFLUX_TOKEN; it must be one that may read and delete"
            return self._error(f"InfluxDB does not let this token delete: status {status}{told}", remedy)
        remedy = "Check HIPHINGE_INFLUX_URL, HIPHINGE_INFLUX_BUCKET and HIPHINGE_INFLUX_ORG"
        return self._error(f"InfluxDB refused: status {status}{told}", remedy)

    def _clean(self, words: object) -> str:
        text = " ".join(str(words).split())
        for secret in (self._settings.token, self._settings.token.partition(":")[2]):
            if len(secret) > 2:
                text = text.replace(secret, "…")
        return text[:300]

    def _error(self, what: str, remedy: str) -> HiphingeError:
        return HiphingeError(what, f"{self._settings.url}, bucket {self._settings.bucket}", remedy)


def _document(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
