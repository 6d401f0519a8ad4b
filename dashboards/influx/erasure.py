"""Deleting all points of one athlete, or of one session, in InfluxDB, and counting the rest.

Only our measurements are touched, each by name, and in them only points whose tag `athlete` is exactly the id. What other
programs wrote without that tag, or under other names, stays. InfluxDB 1.x deletes with a statement, 2.x with one request a
measurement. InfluxDB 3.x Core cannot delete by tag: that is said, and nothing is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any

from body_signals import HiphingeError, check_athlete
from dashboards.http_edge import Edge
from dashboards.influx.influxql import InfluxQL, Series
from dashboards.influx.influxql import name_in as _name
from dashboards.influx.influxql import text_in as _text
from dashboards.influx.ledger import Identity
from dashboards.influx.line_protocol import TAGS
from dashboards.influx.sending.sender import InfluxError, InfluxSettings, influx_answer, influx_service, library

MEASUREMENTS = tuple(dict.fromkeys((*TAGS, "angles_1s")))
"""All that is ours in a database: what is sent, and what the downsampling of docs/operations.md makes of it."""
_OURS = re.compile(rf"(?:{'|'.join(TAGS)})(?:_\d+(?:ms|s|m|h|d|w))?")
"""The same, downsampled to whatever interval."""
_EVER = ("1677-09-22T00:00:00Z", "2262-04-11T00:00:00Z")
"""What InfluxDB's timestamps can say."""
_GREETING_S = 30.0
"""A server that does not say its version within this time is not there; counting and deleting may take longer (ours)."""


class Eraser:
    """Knows one InfluxDB. HiphingeError where it cannot be reached, refuses, or is of a version that cannot delete.

    remarks: what a person should know of the database although nothing of ours is left to count, a sentence each; as of the
    last `count`.
    """

    def __init__(self, settings: InfluxSettings, *, timeout_s: float = 300.0) -> None:
        self._settings, self._timeout_s = settings, timeout_s
        self._service = influx_service(settings)
        self._influxql = InfluxQL(settings, timeout_s=timeout_s)
        self._erased: set[str] = set()
        self.remarks: tuple[str, ...] = ()
        with self._told(), closing(Edge(self._service, timeout_s=min(timeout_s, _GREETING_S))) as edge:
            found = influx_answer(self._service, edge, "GET", "/ping")
        said = found.headers.get("x-influxdb-version") or found.document.get("version", "")
        self.version = self._service.clean(said, 40).lstrip("v")
        if self.version[:2] not in ("1.", "2."):
            what = f"InfluxDB {self.version or 'of an unknown version'} cannot delete the points of one athlete"
            remedy = "Drop the database there, or let its retention end them; --only-folders deletes what is on this computer"
            raise self._error(what, remedy)

    def count(self, athlete: str) -> dict[str, int]:
        """How many values there are of an athlete, by measurement of ours; those that have any. Sets `remarks`."""
        check_athlete(athlete)
        with self._told():
            counts = self._influxql.values(f'"athlete" = {_text(athlete)}')
        ours = {name: n for name, n in counts.items() if _OURS.fullmatch(name)}
        others = [name for name in counts if name not in ours]
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
        with self._told():
            counts = self._influxql.values(f"{_of(who)} AND {_within(span)}")
        return {name: n for name, n in counts.items() if _OURS.fullmatch(name)}

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
            database = self._influxql.database
            yield (
                f"InfluxDB {self.version} keeps the id {athlete!r} in its index and series file although no point is left, and "
                f"queries with it in its log. To remove it, stop InfluxDB, delete the folders {database}/_series and "
                f"{database}/*/*/index in its data folder, and start it: it makes them anew from the points it has."
            )

    def _indexed(self, athlete: str) -> bool:
        """Whether the index of InfluxDB 1.x still lists the id in a measurement of ours, without any point."""
        # with a WHERE it would look for series, and those are gone
        found = self._series(f'SHOW TAG VALUES ON {_name(self._influxql.database)} WITH KEY = "athlete"', columns=("value",))
        return any(athlete in series.column("value") for series in found if _OURS.fullmatch(series.name))

    def _series(self, statement: str, *, columns: tuple[str, ...] = ()) -> list[Series]:
        with self._told():
            return self._influxql.series(statement, columns=columns)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say a refusal in the words of somebody who deletes."""
        try:
            yield
        except InfluxError as error:
            raise self._refused(error) from None

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


def _of(who: Identity) -> str:
    return f'"athlete" = {_text(who.athlete)} AND "session" = {_text(who.session)}'


def _within(span: tuple[int, int]) -> str:
    return f"time >= {span[0]} AND time <= {span[1]}"


def _rfc3339(stamp_ns: int) -> str:
    seconds, rest = divmod(stamp_ns, 10**9)
    return f"{datetime(1970, 1, 1) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
