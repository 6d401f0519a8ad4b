"""What is stored in an InfluxDB, point by point, beside what `points` makes of the tables of some sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboards.influx.line_protocol import TAGS, points
from tests.peers.influxdb import InfluxDB

Key = tuple[str, tuple[str, ...], int]
"""Measurement, values of its tags in their order, timestamp in ns."""
Points = dict[Key, Mapping[str, Any]]
_FIELD = re.compile(r'([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]+)(?:,|$)')


@dataclass
class Difference:
    """Points that are missing, changed, or there besides; a few of them in words."""

    missing: int = 0
    changed: int = 0
    besides: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def none(self) -> bool:
        """Whether there is no difference."""
        return not (self.missing or self.changed or self.besides)


def compare(server: InfluxDB, database: str, folders: Iterable[Path]) -> tuple[int, Difference]:
    """How many points the sessions have, and how the database differs from them; their keys must all be different."""
    wanted: Points = {}
    lines = 0
    for folder in folders:
        for line in points(folder):
            key, values = parsed(line)
            wanted[key] = values
            lines += 1
    assert len(wanted) == lines, "two points share tags and timestamp"
    found = stored(server, database)
    absent, besides = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    changed = [key for key in wanted.keys() & found.keys() if wanted[key] != found[key]]
    examples = [f"missing: {key}" for key in sorted(absent)[:3]] + [f"besides: {key}" for key in sorted(besides)[:3]]
    examples += [f"changed: {key}: {wanted[key]} is {found[key]}" for key in sorted(changed)[:3]]
    return lines, Difference(len(absent), len(changed), len(besides), examples)


def stored(server: InfluxDB, database: str) -> Points:
    """All points of a database."""
    found: Points = {}
    for measurement, tags in TAGS.items():
        for series in server.query(f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "session"', database):
            for _, session in series["values"]:
                for row in server.rows(f"""SELECT * FROM "{measurement}" WHERE "session" = '{session}'""", database):
                    key = (measurement, tuple(row.pop(tag) for tag in tags), row.pop("time"))
                    assert key not in found, key
                    found[key] = {name: value for name, value in row.items() if value is not None}
    return found


def parsed(line: str) -> tuple[Key, Mapping[str, Any]]:
    """A line of line protocol: whose point it is, and its fields as InfluxDB gives them back."""
    rest, stamp = line.rsplit(" ", 1)
    series, fields = re.split(r"(?<!\\) ", rest, maxsplit=1)
    measurement, *tags = re.split(r"(?<!\\),", series)
    values = tuple(re.sub(r"\\([,= ])", r"\1", tag.split("=", 1)[1]) for tag in tags)
    return (measurement, values, int(stamp)), {name: _value(text) for name, text in _FIELD.findall(fields)}


def _value(text: str) -> Any:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else json.loads(text)
