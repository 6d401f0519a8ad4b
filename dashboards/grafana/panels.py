"""Panels, variables and dashboards in Grafana's JSON (schema 41: Grafana 11.6 and later read it).

Plain dictionaries. Differences between panels are parameters; common settings are stated once: lines do not cross a gap,
nothing is filled in, the axis carries a unit.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.palette import MUTE, SEGMENTS, SINGLE

SCHEMA_VERSION = 41
WIDTH = 24
"""Columns of Grafana's grid."""
SOURCE = {"type": "influxdb", "uid": "${DS_HIP}"}

UNITS: Mapping[str, str] = {
    "deg": "degree",
    "s": "s",
    "ms": "ms",
    "ppm": "ppm",
    "share": "percentunit",
    "%": "percent",
    "Hz": "hertz",
    "": "none",
}
"""Our units → Grafana's."""
POINTS = "suffix: points"
"""Grafana's unit for differences of shares, which are in percent."""
KG = "masskg"
"""Grafana's unit for kilograms."""
LONG = "dthms"
"""Grafana's unit for seconds that are minutes and hours: 00:20:00."""

COLOURS = {name: ink.dark for name, ink in SEGMENTS.items()} | {
    "early": SINGLE,
    "middle": MUTE.dark,
    "late": "#F5F7FA",
    "least": SINGLE,
    "most": MUTE.dark,
}
"""A body segment has the colour of `dashboards.palette` on every page; thirds and the ends of a range are grey."""
DASHES = {name: list(ink.dashes) for name, ink in SEGMENTS.items() if ink.dashes}

Panel = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """Values at which a colour begins, e.g. ``((None, "green"), (80, "orange"))``; style: how a time series draws them."""

    steps: Sequence[tuple[float | None, str]]
    style: str = "off"

    def as_json(self) -> dict[str, Any]:
        """Grafana's thresholds."""
        return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in self.steps]}


@dataclass(frozen=True, slots=True)
class Look:
    """How the values of a panel are shown: unit, decimals, range of the axis, limits."""

    unit: str
    decimals: int | None = None
    lowest: float | None = None
    highest: float | None = None
    limits: Limits | None = None
    overrides: Sequence[dict[str, Any]] = field(default_factory=tuple)

    def defaults(self) -> dict[str, Any]:
        """Grafana's field defaults."""
        found: dict[str, Any] = {"unit": self.unit, "noValue": "–"}
        if self.limits is not None:
            found |= {"thresholds": self.limits.as_json(), "color": {"mode": "thresholds"}}
        else:
            found["color"] = {"mode": "palette-classic"}
        optional = {"decimals": self.decimals, "min": self.lowest, "max": self.highest}
        return found | {name: value for name, value in optional.items() if value is not None}


def column_look(name: str, **properties: Any) -> dict[str, Any]:
    """An override for one column: unit, decimals, width, links, and `limits`, which colour its cells."""
    found = [
        {"id": {"width": "custom.width"}.get(key, key), "value": value} for key, value in properties.items() if key != "limits"
    ]
    if "limits" in properties:
        found += [
            {"id": "thresholds", "value": properties["limits"].as_json()},
            {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}},
        ]
    return {"matcher": {"id": "byName", "options": name}, "properties": found}


def timeseries(
    title: str, description: str, queries: Sequence[str], look: Look, *, draw: str = "line", stack: bool = False
) -> Panel:
    """Values over time. draw: line, points or bars."""
    custom = {
        "drawStyle": {"line": "line", "points": "points", "bars": "bars"}[draw],
        "lineWidth": 1,
        "fillOpacity": 60 if draw == "bars" else 0,
        "showPoints": "always" if draw == "points" else "never",
        "pointSize": 6,
        "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": look.limits.style if look.limits is not None else "off"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    panel = _panel("timeseries", title, description, queries, look, "time_series", options, custom)
    if look.limits is not None:
        panel["fieldConfig"]["defaults"]["color"] = {"mode": "palette-classic"}
    panel["interval"] = "100ms"
    return panel


def bars(title: str, description: str, queries: Sequence[str], look: Look) -> Panel:
    """One bar for each value of the answer."""
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "valueMode": "color",
        "showUnfilled": True,
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "sizing": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return _panel("bargauge", title, description, queries, look, "time_series", options)


def numbers(title: str, description: str, queries: Sequence[str], look: Look) -> Panel:
    """Large numbers, one for each value of the answer."""
    options = {
        "colorMode": "value" if look.limits is not None else "none",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value_and_name",
        "wideLayout": True,
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return _panel("stat", title, description, queries, look, "time_series", options)


def table(
    title: str,
    description: str,
    queries: Sequence[str],
    look: Look,
    transformations: Sequence[dict[str, Any]] = (),
    *,
    most: str = "",
) -> Panel:
    """A table. most: the column by which its rows are sorted, largest first."""
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
    }
    panel = _panel("table", title, description, queries, look, "table", options, {"align": "auto", "inspect": False})
    if most:
        panel["options"]["sortBy"] = [{"displayName": most, "desc": True}]
    panel["transformations"] = list(transformations)
    return panel


def one_against_other(title: str, description: str, query: str, look: Look, x: str, y: str) -> Panel:
    """A point for each row: column `y` over column `x`."""
    series = {"x": {"matcher": {"id": "byName", "options": x}}, "y": {"matcher": {"id": "byName", "options": y}}}
    options = {
        "mapping": "manual",
        "series": [{"frame": {"matcher": {"id": "byIndex", "options": 0}}, **series}],
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"show": "points", "pointSize": {"fixed": 6}}
    return _panel("xychart", title, description, [query], look, "table", options, custom)


def over_days(panel: Panel, days: int) -> Panel:
    """The panel with a time range of its own: this many days up to now."""
    return panel | {"timeFrom": f"{days}d", "hideTimeOverride": False}


JOINED_BY_ATHLETE = {"id": "joinByField", "options": {"byField": "athlete", "mode": "outer"}}
"""One row for each athlete, of all queries of a table."""


def difference(name: str, left: str, right: str) -> dict[str, Any]:
    """A column `name`: `left` minus `right`."""
    options = {
        "mode": "binary",
        "alias": name,
        "binary": {"left": left, "operator": "-", "right": right},
        "replaceFields": False,
    }
    return {"id": "calculateField", "options": options}


def size(name: str, of: str) -> dict[str, Any]:
    """A column `name`: the size of column `of` without its sign."""
    options = {"mode": "unary", "alias": name, "unary": {"operator": "abs", "fieldName": of}, "replaceFields": False}
    return {"id": "calculateField", "options": options}


def rows_with(name: str, *, value: bool) -> dict[str, Any]:
    """Only rows that have a value in this column, or only those that have none."""
    config: dict[str, Any] = {"id": "isNotNull" if value else "isNull", "options": {}}
    options = {"filters": [{"fieldName": name, "config": config}], "type": "include", "match": "all"}
    return {"id": "filterByValue", "options": options}


def without(*columns: str) -> dict[str, Any]:
    """All columns but these."""
    options = {"excludeByName": dict.fromkeys(columns, True), "indexByName": {}, "renameByName": {}}
    return {"id": "organize", "options": options}


WITHOUT_TIMES = without("Time", "Time 1", "Time 2", "Time 3")


def _panel(
    kind: str,
    title: str,
    description: str,
    queries: Sequence[str],
    look: Look,
    result: str,
    options: dict[str, Any],
    custom: dict[str, Any] | None = None,
) -> Panel:
    colours = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [
                {"id": "color", "value": {"mode": "fixed", "fixedColor": c}},
                *([{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": DASHES[name]}}] if name in DASHES else []),
            ],
        }
        for name, c in COLOURS.items()
        if any(f'AS "{name}"' in query for query in queries) and kind == "timeseries"
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "targets": [_target(letter, query, result) for letter, query in zip(string.ascii_uppercase, queries, strict=False)],
        "fieldConfig": {"defaults": look.defaults() | {"custom": custom or {}}, "overrides": [*colours, *look.overrides]},
        "options": options,
        "transformations": [],
    }


def _target(letter: str, query: str, result: str) -> dict[str, Any]:
    by_tag = [f"$tag_{name}" for name in ("athlete", "placement", "session") if f'"{name}"' in query.rpartition("GROUP BY")[2]]
    alias = " ".join(by_tag) if by_tag and query.count(" AS ") == 1 else " ".join([*by_tag, "$col"])
    return {
        "refId": letter,
        "datasource": SOURCE,
        "rawQuery": True,
        "query": query,
        "resultFormat": result,
        "alias": alias if result == "time_series" else "",
    }


def annotation(name: str, query: str, colour: str, *, text: str, tag: str) -> dict[str, Any]:
    """Lines at instants in every time series of a page. text, tag: columns of the query; Grafana shows them at the line."""
    columns = {"query": query, "textColumn": text, "tagsColumn": tag, "titleColumn": "", "timeEndColumn": ""}
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": {"refId": "Anno", "datasource": SOURCE, "fromAnnotations": True, "rawQuery": True, **columns},
        **columns,
    }


def from_tags(name: str, label: str, query: str, *, several: bool = False, default: str = "") -> dict[str, Any]:
    """A variable whose values are those of a tag; `several`: more than one, or all."""
    found: dict[str, Any] = {
        "name": name,
        "type": "query",
        "label": label,
        "datasource": SOURCE,
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 2 if name == "session" else 1,
        "regex": "",
        "hide": 0,
        "multi": several,
        "includeAll": several,
        "options": [],
        "current": {"text": default, "value": default} if default else {},
    }
    if several:
        found |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return found


def from_list(name: str, label: str, values: Sequence[str], *, several: bool = False, default: str = "") -> dict[str, Any]:
    """A variable with a fixed list of values; the default is the first, or all where there may be several."""
    first = default or ("" if several else values[0])
    options = [{"text": value, "value": value, "selected": value == first} for value in values]
    found: dict[str, Any] = {
        "name": name,
        "type": "custom",
        "label": label,
        "query": ",".join(values),
        "hide": 0,
        "multi": several,
        "includeAll": several,
        "options": options,
        "current": {"text": values[0], "value": values[0]},
    }
    if several:
        found |= {"allValue": ".*", "current": {"text": [first or "All"], "value": [first or "$__all"]}}
    return found


def number_box(name: str, label: str, value: float) -> dict[str, Any]:
    """A variable that people type in."""
    text = f"{value:g}"
    here = {"text": text, "value": text}
    return {
        "name": name,
        "type": "textbox",
        "label": label,
        "query": text,
        "hide": 0,
        "current": here,
        "options": [here | {"selected": True}],
    }


def _source_variable() -> dict[str, Any]:
    return {
        "name": "DS_HIP",
        "type": "datasource",
        "label": "Data source",
        "query": "influxdb",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }


def dashboard(
    uid: str,
    title: str,
    description: str,
    variables: Iterable[dict[str, Any]],
    rows: Sequence[tuple[int, Sequence[tuple[int, Panel]]]],
    *,
    since: str,
    refresh: str = "",
    annotations: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A dashboard. rows: height, and the panels with their widths, from the left; since: beginning of the time range."""
    placed: list[Panel] = []
    y = 0
    for height, panels in rows:
        x = 0
        for width, panel in panels:
            placed.append({"id": len(placed) + 1, "gridPos": {"x": x, "y": y, "w": width, "h": height}} | panel)
            x += width
        y += height
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["hiphinge"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": since, "to": "now"},
        "timepicker": {},
        "refresh": refresh,
        "templating": {"list": [_source_variable(), *variables]},
        "annotations": {"list": list(annotations)},
        "links": [
            {
                "type": "dashboards",
                "title": "hiphinge",
                "tags": ["hiphinge"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "panels": placed,
    }
