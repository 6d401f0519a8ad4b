"""`docs/quantities.md`: every column, key, flag and field by name, unit, type and meaning, generated from the tables.

`python -m dashboards.reference > docs/quantities.md` writes it; a test compares the file with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from body_signals import (
    ANGLE_COLUMNS,
    DESCRIPTIONS,
    FIRST_VERSION,
    ORIENTATION_COLUMNS,
    REPETITION_COLUMNS,
    SUMMARY_KEYS,
    Quality,
    Quantity,
)
from dashboards.influx.line_protocol import FIELDS, TAGS
from dashboards.tables import ANGLES, ORIENTATIONS, REPETITIONS, SUMMARY

_INTRODUCTION = """# Quantities

Generated from `body_signals/quantities.py` and `body_signals/quality.py`; do not edit by hand
(`python -m dashboards.reference`).

Angles are in degrees, zero while standing still after the `calibrate` mark, flexion positive. `_sd` is a standard
uncertainty (68 %). A missing number is NaN in Parquet, `null` in JSON, and an absent field in InfluxDB. Parquet columns
carry their unit and description as field metadata. `live` is causal, `review` is two-sided; names and units are the same.
"""

_INFLUXDB = """## InfluxDB

Timestamps are `start + time_s` in nanoseconds. Every line has all tags, in this order. `angles` come at 25 Hz (the mean
of the ticks up to the kept one; missing stays missing), rounded to 1/64°. A field never changes its type.
"""

_JSON_TYPES = {
    "sensors": "object",
    "calibration": "object",
    "exposure": "object",
    "screen": "object",
    "sets": "list",
    "warnings": "list",
}
"""Keys of summary.json that hold more than one value."""


def quantities_page() -> str:
    """The page in Markdown, with a final line end."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _INTRODUCTION
    tables: Sequence[tuple[str, str, Sequence[Quantity]]] = (
        (ANGLES, "One row per tick of the grid (100 Hz unless configured), in time order.", ANGLE_COLUMNS),
        (ORIENTATIONS, "One row per tick and sensor: minute by minute, within a minute sensor by sensor.", ORIENTATION_COLUMNS),
        (REPETITIONS, "One row per repetition.", REPETITION_COLUMNS),
        (SUMMARY, "One JSON object with these keys.", SUMMARY_KEYS),
    )
    for name, sentence, columns in tables:
        yield f"## `{name}`\n\n{sentence}\n"
        yield from _table(
            ("name", "unit", "type", "description"),
            ((f"`{q.name}`", q.unit, _type(q), q.description + _since(q)) for q in columns),
        )
    yield "## Quality flags\n\n`quality` is the sum of the values that apply; bits are never reused.\n"
    flags = ((f"`{flag.name.lower()}`", str(flag.value), DESCRIPTIONS[flag]) for flag in Quality if flag.name is not None)
    yield from _table(("flag", "value", "meaning"), flags)
    yield _INFLUXDB
    for measurement, tags in TAGS.items():
        yield f"### `{measurement}`\n\nTags: {', '.join(f'`{tag}`' for tag in tags)}.\n"
        fields = ((f"`{f.name}`", f.unit, f.type, f.description) for f in FIELDS[measurement])
        yield from _table(("field", "unit", "type", "description"), fields)


def _since(quantity: Quantity) -> str:
    return "" if quantity.since == FIRST_VERSION else f" (since {quantity.since}; missing in older files)"


def _type(quantity: Quantity) -> str:
    return _JSON_TYPES.get(quantity.name, quantity.kind.value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(quantities_page())
