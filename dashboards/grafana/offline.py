"""A dashboard's content without a Grafana: variables and macros substituted as in Grafana, queries run, answers kept.

Used to test the dashboards against a real InfluxDB, to time them, and to draw preview pictures. A query that cannot be
substituted completely, that fails, or that returns other columns than it names is an error, not an empty panel.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from dashboards.http_edge import Edge, Service

Series = dict[str, Any]
"""`name`, `columns`, `values`, and `tags` of a grouped query, as InfluxDB gives them; times in ms."""
Run = Callable[[str], list[Series]]
"""Runs a statement and gives its series; raises where the server reports an error."""

MAX_DATA_POINTS = 1000
"""Points that a panel requests, one for each pixel (ours)."""
_LIMIT_BYTES = 256 << 20
"""Largest answer, bytes: all angles of a day, which no panel requests (ours)."""
_ESCAPED = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_NAMED = re.compile(r'AS "([^"]+)"')
_LENGTHS_MS = {"ms": 1, "s": 1000, "m": 60_000}


def influxql(url: str, database: str, *, token: str = "", timeout_s: float = 60.0) -> Run:
    """Runs statements at InfluxDB's `/query`. ValueError with the server's words where it refuses."""

    service = Service("InfluxDB", url, "url", f"Token {token}" if token else "", (token, token.partition(":")[2]))

    def run(statement: str) -> list[Series]:
        # one for each statement: they are run from several threads
        with closing(Edge(service, timeout_s=timeout_s, limit_bytes=_LIMIT_BYTES)) as edge:
            query = {"db": database, "epoch": "ms", "q": statement}
            answer = edge.request("POST", "/query", query=query.items())
        document = answer.document
        if answer.status != 200 or "results" not in document:
            raise ValueError(f"{service.clean(answer.text)}: {statement}")
        for result in document["results"]:
            if "error" in result:
                raise ValueError(f"{result['error']}: {statement}")
        return list(document["results"][-1].get("series", []))

    return run


@dataclass(frozen=True, slots=True)
class Answer:
    """A query of a panel as it was run, its series, and how long it took."""

    query: str
    series: list[Series]
    seconds: float

    def rows(self) -> list[dict[str, Any]]:
        """All rows as dictionaries, tags of a grouped query among them."""
        return [
            dict(zip(series["columns"], values, strict=True)) | series.get("tags", {})
            for series in self.series
            for values in series["values"]
        ]


@dataclass(slots=True)
class View:
    """A dashboard with its time range and the values chosen for its variables."""

    dashboard: Mapping[str, Any]
    run: Run
    from_ms: int
    to_ms: int
    chosen: dict[str, str | list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose a value for each variable that has none: all where that is possible, else the default, else the first."""
        for variable in self.dashboard["templating"]["list"]:
            name = variable["name"]
            if name in self.chosen or variable["type"] == "datasource":
                continue
            if variable.get("includeAll"):
                default = variable["current"]["value"]
                self.chosen[name] = "$__all" if default == ["$__all"] else default
            elif variable["type"] != "query":
                self.chosen[name] = str(variable["current"]["value"])
            else:
                values = self.values(variable)
                default = variable["current"].get("value")
                self.chosen[name] = default if default in values else values[0] if values else ""

    def values(self, variable: Mapping[str, Any]) -> list[str]:
        """What a variable of tags offers, given those before it."""
        found = self.run(self.substituted(variable["query"], 1))
        offered = sorted({str(value) for series in found for _, value in series["values"]})
        return offered[::-1] if variable["sort"] == 2 else offered

    def answers(self, panel: Mapping[str, Any]) -> list[Answer]:
        """The panel's queries, run over the page's time range, or over the panel's own."""
        if "timeFrom" in panel:
            own_ms = int(panel["timeFrom"].removesuffix("d")) * 86_400_000
            return View(self.dashboard, self.run, self.to_ms - own_ms, self.to_ms, self.chosen)._answers(panel)
        return self._answers(panel)

    def _answers(self, panel: Mapping[str, Any]) -> list[Answer]:
        wanted_ms = max(1, (self.to_ms - self.from_ms) // MAX_DATA_POINTS)
        interval_ms = max(wanted_ms, _length_ms(panel.get("interval", "1ms")))
        found = []
        for target in panel["targets"]:
            query = self.substituted(target["query"], interval_ms)
            began = time.perf_counter()
            series = self.run(query)
            found.append(Answer(query, series, time.perf_counter() - began))
            for one in series:
                expected = ["time", *_NAMED.findall(query.partition(" FROM ")[0])]
                if one["columns"] != expected:
                    raise ValueError(f"columns {one['columns']} in place of {expected}: {query}")
        return found

    def substituted(self, query: str, interval_ms: int) -> str:
        """The query as it reaches the server. ValueError when something is left over."""
        macros = {
            "$timeFilter": f"time >= {self.from_ms}ms and time <= {self.to_ms}ms",
            "$__interval_ms": str(interval_ms),
            "$__interval": f"{interval_ms}ms",
            "${__from}": str(self.from_ms),
            "${__to}": str(self.to_ms),
            "now()": f"{self.to_ms}ms",
        }
        for macro, text in macros.items():
            query = query.replace(macro, text)
        for variable in self.dashboard["templating"]["list"]:
            name = variable["name"]
            if name in self.chosen:
                text = _as_text(variable, self.chosen[name])
                query = re.sub(rf"\$\{{{name}\}}|\${name}\b", lambda _, text=text: text, query)  # type: ignore[misc]
        left = re.search(r"\$\{?[A-Za-z_]", query)
        if left is not None:
            raise ValueError(f"not substituted: {query}")
        return query


def _as_text(variable: Mapping[str, Any], value: str | list[str]) -> str:
    """A value as Grafana's InfluxDB data source writes it into a query."""
    if value == "$__all":
        return str(variable["allValue"])
    if isinstance(value, list):
        return f"({'|'.join(_escaped(v) for v in value)})"
    return _escaped(value) if variable["type"] == "query" or variable.get("multi") else value


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text)


def _length_ms(words: str) -> int:
    found = re.fullmatch(r"(\d+)(ms|s|m)", words)
    if found is None:
        raise ValueError(f"length of time {words!r}")
    return int(found[1]) * _LENGTHS_MS[found[2]]


def joined(answers: Sequence[Answer], transformations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a table after its transformations; ValueError for one that is not known here."""
    rows = [row for answer in answers for row in answer.rows()] if not transformations else []
    for step in transformations:
        options = step["options"]
        if step["id"] == "joinByField":
            by_key: dict[Any, dict[str, Any]] = {}
            for answer in answers:
                for row in answer.rows():
                    by_key.setdefault(row[options["byField"]], {}).update(row)
            rows = list(by_key.values())
        elif step["id"] == "calculateField" and options["mode"] == "unary":
            for row in rows:
                value = row.get(options["unary"]["fieldName"])
                row[options["alias"]] = None if value is None else abs(value)
        elif step["id"] == "filterByValue":
            (one,) = options["filters"]
            there = one["config"]["id"] == "isNotNull"
            rows = [row for row in rows if (row.get(one["fieldName"]) is not None) is there]
        elif step["id"] == "calculateField":
            left, right = options["binary"]["left"], options["binary"]["right"]
            if options["binary"]["operator"] != "-":
                raise ValueError(f"operator {options['binary']['operator']!r}")
            for row in rows:
                known = row.get(left) is not None and row.get(right) is not None
                row[options["alias"]] = row[left] - row[right] if known else None
        elif step["id"] == "organize":
            rows = [{k: v for k, v in row.items() if k not in options["excludeByName"] and k != "time"} for row in rows]
        else:
            raise ValueError(f"transformation {step['id']!r}")
    return rows


def views(
    dashboards: Sequence[Mapping[str, Any]], run: Run, from_ms: int, to_ms: int, **chosen: str | list[str]
) -> Iterator[View]:
    """Each dashboard with the same time range and the same choices where it has such a variable."""
    for dashboard in dashboards:
        names = {variable["name"] for variable in dashboard["templating"]["list"]}
        yield View(dashboard, run, from_ms, to_ms, {k: v for k, v in chosen.items() if k in names})
