"""Questions in InfluxQL, which InfluxDB 1.8 and 2.x answer (2.x with a mapping of the bucket).

A question is a statement; its answer is a list of series. An answer of another form is an error, and so is one that is not
whole: whoever deletes, or compares with the tables, must not take what is missing for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from dashboards.http_edge import Edge, HttpError
from dashboards.influx.sending.refusals import InfluxError, Refusal, unanswered
from dashboards.influx.sending.sender import InfluxSettings, influx_answer, influx_service

_LIMIT_BYTES = 64 << 20
"""Of an answer: a list of all athletes of a database has some 30 bytes each (ours)."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its measurement, the tags of a GROUP BY, and rows with a value for each column."""

    name: str
    tags: Mapping[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def column(self, name: str) -> list[Any]:
        """The values of a column, row by row."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]

    @property
    def counted(self) -> int:
        """The sum of all its counts."""
        at = [i for i, name in enumerate(self.columns) if name.startswith("count")]
        return sum(row[i] or 0 for row in self.rows for i in at)


class InfluxQL:
    """Asks one InfluxDB. `InfluxError` where it does not answer, refuses, or gives an answer that is not whole."""

    def __init__(self, settings: InfluxSettings, *, timeout_s: float) -> None:
        self._settings, self._timeout_s = settings, timeout_s
        self._service = influx_service(settings)
        self.database, _, self._policy = settings.bucket.partition("/")

    def series(self, statement: str, *, columns: tuple[str, ...] = (), tags: tuple[str, ...] = ()) -> list[Series]:
        """The series of a statement's answer. columns, tags: names that each of them must have. Times are in ns."""
        query = {"db": self.database, "epoch": "ns", "q": statement} | ({"rp": self._policy} if self._policy else {})
        try:
            # minutes may pass until the next question
            with closing(Edge(self._service, timeout_s=self._timeout_s, limit_bytes=_LIMIT_BYTES)) as edge:
                document = influx_answer(self._service, edge, "POST", "/query", query.items()).document
        except HttpError as error:
            raise unanswered(error) from None
        results = document.get("results")
        result = results[0] if isinstance(results, list) and len(results) == 1 else None
        words = (result.get("error") if isinstance(result, dict) else None) or document.get("error")
        if words:
            told = self._service.clean(words)
            raise self._error(f"InfluxDB refused ({told})", "Check HIPHINGE_INFLUX_BUCKET and the rights of the token", told)
        listed = result.get("series", []) if isinstance(result, dict) and not {"error", "partial"} & set(result) else None
        found = [_series(one) for one in listed] if isinstance(listed, list) else [None]
        whole = [one for one in found if one is not None and set(columns) <= set(one.columns) and set(tags) <= set(one.tags)]
        if len(whole) != len(found):
            raise self._error("InfluxDB gave an answer that is not whole", "Check HIPHINGE_INFLUX_URL: is this an InfluxDB?")
        return whole

    def policies(self) -> list[str]:
        """The database's retention policies, by name; at least one."""
        found = self.series(f"SHOW RETENTION POLICIES ON {name_in(self.database)}", columns=("name",))
        names = [str(name) for one in found for name in one.column("name")]
        if not names:
            what = "InfluxDB lists no retention policy for this bucket, so what is in it cannot be counted"
            remedy = "Give the bucket a mapping for InfluxQL (influx v1 dbrp create), or check HIPHINGE_INFLUX_BUCKET"
            raise self._error(what, remedy)
        return names

    def values(self, where: str, *, by: str = "") -> dict[str, int]:
        """How many values there are of all times and policies, by measurement or by a tag. Those without any are left out."""
        counts: dict[str, int] = {}
        group = f" GROUP BY {name_in(by)}" if by else ""
        for policy in self.policies():
            statement = f"SELECT count(*) FROM {name_in(policy)}./.*/ WHERE {where}{group}"
            for one in self.series(statement, tags=(by,) if by else ()):
                key = one.tags[by] if by else one.name
                counts[key] = counts.get(key, 0) + one.counted
        return {key: n for key, n in sorted(counts.items()) if n}

    def _error(self, what: str, remedy: str, words: str = "") -> InfluxError:
        return InfluxError(what, self._service.place, remedy, Refusal.PERSON, words)


def text_in(words: str) -> str:
    """A text in InfluxQL."""
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name_in(words: str) -> str:
    """A name in InfluxQL, and a text in a predicate of InfluxDB 2."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _series(found: object) -> Series | None:
    """A series of an answer; None where it does not have the form of one, or says that something is left out."""
    if not isinstance(found, dict) or found.get("partial"):
        return None
    name, tags = found.get("name", ""), found.get("tags", {})
    columns, rows = found.get("columns"), found.get("values", [])
    if not isinstance(name, str) or not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        return None
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns) or not isinstance(rows, list):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    # True is an int, too
    counts = [i for i, column in enumerate(columns) if column.startswith("count")]
    if not all(row[i] is None or type(row[i]) is int for row in rows for i in counts):
        return None
    times = [i for i, column in enumerate(columns) if column == "time"]
    if not all(type(row[i]) is int for row in rows for i in times):
        return None
    return Series(name, tags, tuple(columns), tuple(map(tuple, rows)))
