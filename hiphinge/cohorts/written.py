"""Answers of a cohort as a table for people, as CSV, and as JSON."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dashboards.notation import DASH
from hiphinge.cohorts.asking import Answer

MOST_SHOWN = 1000
"""Rows of a table on a terminal (ours); CSV and JSON have all."""
_NARROWEST = 6
"""Width of a column, letters, below which a table cannot be read (ours)."""


def write_csv(answer: Answer) -> None:
    """The answer as CSV on standard output; a missing value is empty."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(answer.names)
    out.writerows(["" if value is None else value for value in map(_plain, row)] for row in answer.rows)


def write_json(answer: Answer) -> None:
    """The answer as one JSON document on standard output: a list of objects; a missing value is null."""
    first = True
    for row in answer.rows:
        sys.stdout.write(("[" if first else ",\n") + json.dumps(dict(zip(answer.names, map(_plain, row), strict=True))))
        first = False
    sys.stdout.write("[]\n" if first else "]\n")


def show(answer: Answer, screen: Console) -> int:
    """The answer as a table, or as a list of values where its columns do not fit; how many rows it shows, at most
    `MOST_SHOWN`."""
    rows = list(islice(answer.rows, MOST_SHOWN))
    if len(answer.names) * _NARROWEST > screen.width:
        for row in rows:
            for line in lines((name, _cell(value).plain) for name, value in zip(answer.names, row, strict=True)):
                screen.print(line, highlight=False, soft_wrap=True)
            screen.print()
        return len(rows)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for i, name in enumerate(answer.names):
        is_number = any(isinstance(row[i], int | float | Decimal) and not isinstance(row[i], bool) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    screen.print(table)
    return len(rows)


def _cell(value: object) -> Text:
    plain = _plain(value)
    # control characters would steer the terminal
    words = DASH if plain is None else f"{plain:g}" if isinstance(plain, float) and abs(plain) < 1e6 else str(plain)
    return Text("".join(c if c.isprintable() else " " for c in words))


def _plain(value: Any) -> Any:
    """A value for text and JSON; a number that is none is missing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return list(map(_plain, value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def lines(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows of words, in columns."""
    known = list(rows)
    widths = [max(map(len, column)) for column in zip(*known, strict=True)]
    for row in known:
        yield "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
