"""The contents of InfluxDB for a session, in a few small questions; nothing here writes.

Asked in InfluxQL, which 1.8 and 2.x answer (2.x with a mapping of the bucket). Where it cannot be asked, that is a
`CannotAsk`, and the caller must say so: it is no proof of anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from body_signals import HiphingeError
from dashboards.http_edge import Edge, HttpError
from dashboards.influx.ledger import Identity
from dashboards.influx.line_protocol import TAGS
from dashboards.influx.sender import InfluxError, InfluxSettings, influx_answer, influx_service

_COUNTED: dict[str, tuple[str, ...]] = {
    "angles": ("quality",),
    "session": ("repetitions",),
    "screen": ("notes",),
    "mark": ("label",),
    "sensor_health": ("samples", "minute_samples"),
}
"""Fields of which every point has exactly one, so that counting them counts points. Repetitions are asked for one by one."""
_LARGEST_ANSWER = 64 << 20
"""To one of the small questions (ours)."""
_TIMEOUT_S = 60.0
"""Time for an answer: counting years of points takes a while (ours)."""

_NAME = "the measurement"
"""Of a row; no column is called so."""
Row = dict[str, Any]


class CannotAsk(HiphingeError):
    """InfluxDB does not answer, or may not be asked."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Asks one InfluxDB."""

    settings: InfluxSettings

    def repetitions(self, who: Identity, span: tuple[int, int]) -> dict[str, dict[int, bool]]:
        """By estimator, the timestamps (ns) of a session's repetitions in `span` (ns), and whether each is void."""
        rows = self._rows(f'SELECT "void" FROM "repetition" WHERE {_of(who, span)} GROUP BY "estimator"')
        found: dict[str, dict[int, bool]] = {}
        for row in rows:
            found.setdefault(str(row["estimator"]), {})[int(row["time"])] = bool(row["void"])
        return found

    def counts(self, who: Identity, span: tuple[int, int], measurements: Iterable[str]) -> dict[str, dict[str, int]]:
        """By measurement and last tag, how many points of a session there are in `span` (ns)."""
        found: dict[str, dict[str, int]] = {}
        for measurement in measurements:
            last = TAGS[measurement][-1]
            wanted = ", ".join(f'count("{name}")' for name in _COUNTED[measurement])
            rows = self._rows(f'SELECT {wanted} FROM "{measurement}" WHERE {_of(who, span)} GROUP BY "{last}"')
            found[measurement] = {
                str(row[last]): sum(int(n or 0) for name, n in row.items() if name.startswith("count")) for row in rows
            }
        return found

    def sessions_besides(self, athlete: str) -> set[str]:
        """Names of the sessions that any points have whose athlete is another one, or none."""
        rows = self._rows(f"""SHOW TAG VALUES WITH KEY = "session" WHERE "athlete" != '{_words(athlete)}'""")
        return {str(row["value"]) for row in rows}

    def athletes_of(self, session: str) -> dict[str, int]:
        """Number of values under a session's name, by athlete; athletes without any are left out."""
        counts: dict[str, int] = {}
        for policy in self._policies():
            where = f"""FROM "{_quoted(policy)}"./.*/ WHERE "session" = '{_words(session)}' GROUP BY "athlete\""""
            for row in self._rows(f"SELECT count(*) {where}"):
                values = sum(int(n) for name, n in row.items() if name.startswith("count") and n is not None)
                counts[str(row["athlete"])] = counts.get(str(row["athlete"]), 0) + values
        return {athlete: n for athlete, n in counts.items() if n}

    def measurements_of(self, athlete: str) -> dict[str, int]:
        """By measurement, of whatever program, how many values have the athlete's tag."""
        counts: dict[str, int] = {}
        for policy in self._policies():
            where = f"""FROM "{_quoted(policy)}"./.*/ WHERE "athlete" = '{_words(athlete)}'"""
            for row in self._rows(f"SELECT count(*) {where}"):
                values = sum(int(n) for name, n in row.items() if name.startswith("count") and n is not None)
                counts[str(row[_NAME])] = counts.get(str(row[_NAME]), 0) + values
        return {name: n for name, n in counts.items() if n}

    def _policies(self) -> list[str]:
        names = [str(row["name"]) for row in self._rows(f'SHOW RETENTION POLICIES ON "{_quoted(self._database)}"')]
        if not names:
            raise _cannot(self.settings, "it lists no retention policy for this bucket: give it a mapping for InfluxQL")
        return names

    @property
    def _database(self) -> str:
        return self.settings.bucket.partition("/")[0]

    def _rows(self, statement: str) -> list[Row]:
        """The rows of a statement's answer; the tags of a GROUP BY and the measurement are among their columns."""
        policy = self.settings.bucket.partition("/")[2]
        document = _ask(
            self.settings, {"db": self._database, "epoch": "ns", "q": statement} | ({"rp": policy} if policy else {})
        )
        result = document.get("results", [{}])[-1]
        if "error" in result:
            raise _cannot(self.settings, " ".join(str(result["error"]).split())[:200])
        return [
            dict(zip(series["columns"], values, strict=True)) | series.get("tags", {}) | {_NAME: series.get("name")}
            for series in result.get("series", [])
            for values in series.get("values", [])
        ]


def _of(who: Identity, span: tuple[int, int]) -> str:
    tags = f"""\"athlete" = '{_words(who.athlete)}' AND "session" = '{_words(who.session)}'"""
    return f"{tags} AND time >= {span[0]} AND time <= {span[1]}"


def _words(value: str) -> str:
    """A value within single quotation marks."""
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _quoted(name: str) -> str:
    """A name within double quotation marks."""
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _ask(settings: InfluxSettings, query: dict[str, str]) -> dict[str, Any]:
    """The answer to one question, a JSON object. `CannotAsk` where there is none."""
    service = influx_service(settings)
    try:
        with closing(Edge(service, timeout_s=_TIMEOUT_S, limit_bytes=_LARGEST_ANSWER)) as edge:
            return influx_answer(service, edge, "POST", "/query", query.items()).document
    except (HttpError, InfluxError) as error:
        raise _cannot(settings, error.what) from None


def _cannot(settings: InfluxSettings, why: str) -> CannotAsk:
    what = f"InfluxDB cannot be asked what it holds ({influx_service(settings).clean(why)})"
    remedy = "Give the token the right to read; InfluxDB 2 needs a mapping of the bucket for InfluxQL"
    return CannotAsk(what, f"{settings.url}, bucket {settings.bucket}", remedy)
