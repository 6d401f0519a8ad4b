"""Deleting all points of one athlete, or of one session, in InfluxDB, and counting the rest.

Only our measurements are touched, each by name, and in them only points whose tag `athlete` is exactly the id. What other
programs wrote without that tag, or under other names, stays. InfluxDB 1.x deletes with a statement, 2.x with one request a
measurement. InfluxDB 3.x Core cannot delete by tag: that is said, and nothing is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from body_signals import HiphingeError, check_athlete
from dashboards.http_edge import Answer, Edge
from dashboards.influx.ledger import Identity
from dashboards.influx.line_protocol import TAGS
from dashboards.influx.sender import InfluxError, InfluxSettings, influx_answer, influx_service, library

MEASUREMENTS = tuple(dict.fromkeys((*TAGS, "angles_1s")))
"""All that is ours in a database: what is sent, and what the downsampling of docs/operations.md makes of it."""
_OURS = re.compile(rf"(?:{'|'.join(TAGS)})(?:_\d+(?:ms|s|m|h|d|w))?")
"""The same, downsampled to whatever interval."""
_EVER = ("1677-09-22T00:00:00Z", "2262-04-11T00:00:00Z")
"""What InfluxDB's timestamps can say."""
_GREETING_S = 30.0
"""A server that does not say its version within this time is not there; counting and deleting may take longer (ours)."""
_LIMIT_BYTES = 64 << 20
"""Of an answer: a list of all athletes of a database, some 30 bytes each (ours)."""


class Eraser:
    """Knows one InfluxDB. HiphingeError where it cannot be reached, refuses, or is of a version that cannot delete.

    remarks: what a person should know of the database although nothing of ours is left to count, a sentence each; as of the
    last `count`.
    """

    def __init__(self, settings: InfluxSettings, *, timeout_s: float = 300.0) -> None:
        self._settings, self._timeout_s = settings, timeout_s
        self._database = settings.bucket.partition("/")[0]
        self._service = influx_service(settings)
        self._edge = Edge(self._service, timeout_s=min(timeout_s, _GREETING_S), limit_bytes=_LIMIT_BYTES)
        self._erased: set[str] = set()
        self.remarks: tuple[str, ...] = ()
        found = self._ask("GET", "/ping")
        self._edge = Edge(self._service, timeout_s=timeout_s, limit_bytes=_LIMIT_BYTES)
        said = found.headers.get("x-influxdb-version") or found.document.get("version", "")
        self.version = self._service.clean(said, 40).lstrip("v")
        if self.version[:2] not in ("1.", "2."):
            what = f"InfluxDB {self.version or 'of an unknown version'} cannot delete the points of one athlete"
            remedy = "Drop the database there, or let its retention end them; --only-folders deletes what is on this computer"
            raise self._error(what, remedy)

    def count(self, athlete: str) -> dict[str, int]:
        """How many values there are of an athlete, by measurement of ours; those that have any. Sets `remarks`."""
        check_athlete(athlete)
        counts: dict[str, int] = {}
        for policy in self._policies():
            for series in self._series(f"""SELECT count(*) FROM {_name(policy)}./.*/ WHERE "athlete" = {_text(athlete)}"""):
                values = sum(n for row in series["values"] for n in row[1:] if type(n) is int)
                name = str(series.get("name", ""))
                counts[name] = counts.get(name, 0) + values
        ours = {name: n for name, n in sorted(counts.items()) if n and _OURS.fullmatch(name)}
        others = sorted(name for name, n in counts.items() if n and name not in ours)
        self.remarks = tuple(self._remarked(athlete, ours, others))
        return ours

    def erase(self, athlete: str) -> None:
        """Delete all points of an athlete in our measurements."""
        check_athlete(athlete)
        measurements = dict.fromkeys((*MEASUREMENTS, *self.count(athlete)))
        if self.version.startswith("1."):
            # not DELETE: with some kinds of index that leaves the series in it
            self._erased.add(athlete)
            sources = ", ".join(map(_name, measurements))
            self._series(f"""DROP SERIES FROM {sources} WHERE "athlete" = {_text(athlete)}""")
            return
        for measurement in measurements:
            self._delete(measurement, athlete)

    def count_session(self, who: Identity, span: tuple[int, int]) -> dict[str, int]:
        """How many values there are of one session, by measurement of ours, from the first to the second time (ns)."""
        check_athlete(who.athlete)
        counts: dict[str, int] = {}
        for policy in self._policies():
            for series in self._series(f"SELECT count(*) FROM {_name(policy)}./.*/ WHERE {_of(who)} AND {_within(span)}"):
                values = sum(n for row in series["values"] for n in row[1:] if type(n) is int)
                name = str(series.get("name", ""))
                counts[name] = counts.get(name, 0) + values
        return {name: n for name, n in sorted(counts.items()) if n and _OURS.fullmatch(name)}

    def erase_session(self, who: Identity, span: tuple[int, int]) -> int:
        """Delete the points of one session in our measurements, from the first to the second time (ns); how many values they
        had. Counted again afterwards: HiphingeError where something is left."""
        counts = self.count_session(who, span)
        measurements = dict.fromkeys((*MEASUREMENTS, *counts))
        if self.version.startswith("1."):
            for measurement in counts:
                self._series(f"DELETE FROM {_name(measurement)} WHERE {_of(who)} AND {_within(span)}")
            if counts and not self.count_session(who, (-(2**63) + 2, 2**63 - 2)):
                # nothing else has these names: they go from the index too
                self._series(f"DROP SERIES FROM {', '.join(map(_name, measurements))} WHERE {_of(who)}")
        elif counts:
            for measurement in measurements:
                self._delete(measurement, who.athlete, who.session, span)
        left = sum(self.count_session(who, span).values())
        if left:
            what = f"{left} values of the session {who.session!r} under athlete {who.athlete!r} are still there"
            raise self._error(what, "Somebody may be sending them still: stop that, and push again")
        return sum(counts.values())

    def _delete(self, measurement: str, athlete: str, session: str = "", span: tuple[int, int] | None = None) -> None:
        """All points of an athlete, or of one of the athlete's sessions, in one measurement, in InfluxDB 2.x."""
        with closing(library(self._settings, self._timeout_s)) as client:
            from influxdb_client.domain.delete_predicate_request import DeletePredicateRequest
            from influxdb_client.service.delete_service import DeleteService

            predicate = f"_measurement={_name(measurement)} AND athlete={_name(athlete)}"
            predicate += f" AND session={_name(session)}" if session else ""
            start, stop = _EVER if span is None else map(_rfc3339, span)
            what: Any = DeletePredicateRequest(start=start, stop=stop, predicate=predicate)  # type: ignore[no-untyped-call]
            where = {"bucket": self._settings.bucket} | ({"org": self._settings.org} if self._settings.org else {})
            try:
                DeleteService(client.api_client).post_delete(what, **where)  # type: ignore[no-untyped-call]
            except InfluxError as error:
                raise self._refused(error) from None

    def _remarked(self, athlete: str, ours: dict[str, int], others: list[str]) -> Iterator[str]:
        if others:
            names = self._service.clean(", ".join(others))
            yield f"Other measurements have points of athlete = {athlete!r}, which hiphinge did not write and leaves: {names}."
        if not ours and self.version.startswith("1.") and (athlete in self._erased or self._indexed(athlete)):
            yield (
                f"InfluxDB {self.version} keeps the id {athlete!r} in its index and series file although no point is left, and "
                f"queries with it in its log. To remove it, stop InfluxDB, delete the folders {self._database}/_series and "
                f"{self._database}/*/*/index in its data folder, and start it: it makes them anew from the points it has."
            )

    def _indexed(self, athlete: str) -> bool:
        """Whether the index of InfluxDB 1.x still lists the id in a measurement of ours, without any point."""
        # with a WHERE it would look for series, and those are gone
        found = self._series(f'SHOW TAG VALUES ON {_name(self._database)} WITH KEY = "athlete"')
        listed = (series for series in found if _OURS.fullmatch(str(series.get("name", ""))))
        return any(row[-1] == athlete for series in listed for row in series["values"])

    def _policies(self) -> list[str]:
        found = self._series(f"SHOW RETENTION POLICIES ON {_name(self._database)}")
        told = [series for series in found if "name" in series["columns"]]
        names = [str(row[series["columns"].index("name")]) for series in told for row in series["values"]]
        if not names:
            what = "InfluxDB lists no retention policy for this bucket, so what is in it cannot be counted"
            remedy = "Give the bucket a mapping for InfluxQL (influx v1 dbrp create), or check HIPHINGE_INFLUX_BUCKET"
            raise self._error(what, remedy)
        return names

    def _series(self, statement: str) -> list[dict[str, Any]]:
        """The series of a statement's answer. An answer that is not whole is an error: nothing may be left uncounted."""
        document = self._ask("POST", "/query", {"db": self._database, "q": statement}).document
        results = document.get("results")
        found = results[-1] if isinstance(results, list) and results else None
        result: dict[str, Any] = found if isinstance(found, dict) else {"error": ""}
        words = result.get("error") or document.get("error")
        if words:
            remedy = "Check HIPHINGE_INFLUX_BUCKET, and that the token may read and delete"
            raise self._error(f"InfluxDB refused ({self._service.clean(words)})", remedy)
        series = result.get("series", [])
        if "error" in result or result.get("partial") or not isinstance(series, list) or not all(map(_is_whole, series)):
            raise self._error("InfluxDB gave an answer that is not whole", "Check HIPHINGE_INFLUX_URL: is this an InfluxDB?")
        return [{"values": [], **one} for one in series]

    def _ask(self, method: str, path: str, query: dict[str, str] | None = None) -> Answer:
        try:
            return influx_answer(self._service, self._edge, method, path, (query or {}).items())
        except InfluxError as error:
            fault = self._refused(error)
        finally:
            # minutes may pass until the next request, and nobody closes an eraser
            self._edge.close()
        raise fault

    def _refused(self, error: InfluxError) -> HiphingeError:
        if not error.status:
            return self._error(error.what, error.remedy)
        told = f" ({error.words})" if error.words else ""
        if error.status in (401, 403):
            remedy = "Check HIPHINGE_INFLUX_TOKEN; it must be one that may read and delete"
            return self._error(f"InfluxDB does not let this token delete: status {error.status}{told}", remedy)
        remedy = "Check HIPHINGE_INFLUX_URL, HIPHINGE_INFLUX_BUCKET and HIPHINGE_INFLUX_ORG"
        return self._error(f"InfluxDB refused: status {error.status}{told}", remedy)

    def _error(self, what: str, remedy: str) -> HiphingeError:
        return HiphingeError(what, self._service.place, remedy)


def _is_whole(series: object) -> bool:
    """Whether a series of an answer has the form of one, counts being whole numbers, and says that nothing is left out."""
    if not isinstance(series, dict) or series.get("partial") or not isinstance(series.get("name", ""), str):
        return False
    columns, rows = series.get("columns"), series.get("values", [])
    if not isinstance(columns, list) or not isinstance(rows, list):
        return False
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return False
    counted = [i for i, name in enumerate(columns) if isinstance(name, str) and name.startswith("count")]
    return all(row[i] is None or type(row[i]) is int for row in rows for i in counted)


def _text(words: str) -> str:
    """A text in InfluxQL."""
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(words: str) -> str:
    """A name in InfluxQL, and a text in a predicate of InfluxDB 2."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _of(who: Identity) -> str:
    return f'"athlete" = {_text(who.athlete)} AND "session" = {_text(who.session)}'


def _within(span: tuple[int, int]) -> str:
    return f"time >= {span[0]} AND time <= {span[1]}"


def _rfc3339(stamp_ns: int) -> str:
    seconds, rest = divmod(stamp_ns, 10**9)
    return f"{datetime(1970, 1, 1) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
