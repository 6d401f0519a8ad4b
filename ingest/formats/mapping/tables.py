"""Opening a table as a mapping describes it: its line of names, its delimiter, a line of units, its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ingest.formats.mapping.layout import TextLayout
from ingest.formats.number_table import read_header
from ingest.formats.text import TextTable, fail, lines, split

_DELIMITERS = ("\t", ";", ",", "|")
_HEAD_LINES = 200
"""Lines in which the line of names is looked for (ours)."""
_NUMERIC = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|nan|inf|", re.IGNORECASE | re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)


def open_table(path: Path, text: TextLayout) -> TextTable:
    """The table in the file at `path`. Raises `HiphingeError` where it does not begin as `text` says."""
    if text.header:
        table = TextTable(path, text.header, text.skip_rows, text.delimiter or ",", text.decimal, text.encoding)
    elif text.header_with:
        table = _found(path, text)
    else:
        names = read_header(path, text.delimiter or ",", text.skip_rows, text.encoding)
        header_line = text.skip_rows + 1
        table = TextTable(path, tuple(names), header_line, text.delimiter or ",", text.decimal, text.encoding)
    return _fitted(table, text)


def column_of(table: TextTable, name: str) -> int | None:
    """The number of the column that a mapping names: as it stands, with ``*`` for any text, or ``name#2`` for the second of
    several with one name. Raises `HiphingeError` for a name that stands there more than once."""
    at = [i for i, there in enumerate(table.names) if there == name]
    if not at and (numbered := re.fullmatch(r"(.*)#(\d+)", name)):
        same = [i for i, there in enumerate(table.names) if there == numbered[1]]
        at = same[int(numbered[2]) - 1 : int(numbered[2])] if int(numbered[2]) else []
    if not at and "*" in name:
        pattern = re.compile(".*".join(re.escape(part) for part in name.split("*")))
        at = [i for i, there in enumerate(table.names) if pattern.fullmatch(there)]
    if len(at) > 1:
        first, second = (f"{table.names[i]}#{1 + table.names[:i].count(table.names[i])}" for i in at[:2])
        remedy = f'Write which one in the mapping, e.g. "{first}" or "{second}"; or remove or rename one of them.'
        fail(f"column {name} is there more than once", table.path, table.header_line, remedy)
    return at[0] if at else None


def missing(table: TextTable, names: Iterable[str]) -> list[str]:
    """Those of `names` that no column has."""
    return [name for name in names if column_of(table, name) is None]


def refuse_missing(table: TextTable, names: Sequence[str], remedy: str) -> None:
    """Raises `HiphingeError` where the table lacks one of these columns."""
    absent = missing(table, names)
    if absent:
        found = ", ".join(filter(None, table.names[:50]))
        what = f"missing column{'s' * (len(absent) > 1)} {', '.join(absent)}; found {found}"
        fail(what, table.path, max(table.header_line, 1), remedy)


def said_above(table: TextTable, words: str) -> str:
    """What stands after these words in a line above the table's names; empty where they are not there."""
    for number, line in lines(table.path, table.encoding):
        if number >= table.header_line:
            break
        found = line.lstrip('"# ')
        if found.startswith(words):
            return found[len(words) :].strip(' \t,;"')
    return ""


def without_units(table: TextTable, wanted: Sequence[int]) -> tuple[TextTable, str]:
    """The table without a line of units below the names, and a note on it: none of its `wanted` cells is a number."""
    for number, cells in _data(table, 1):
        held = [cells[i].strip() for i in wanted if i < len(cells)]
        if held and all(cell and not _NUMERIC.fullmatch(cell) and not cell[0].isdigit() for cell in held):
            note = f"{table.path.name}: line {number} holds units and no values: {', '.join(dict.fromkeys(held))}"
            return replace(table, header_line=number), note
    return table, ""


def _found(path: Path, text: TextLayout) -> TextTable:
    delimiters = (text.delimiter,) if text.delimiter else _DELIMITERS
    for number, line in islice(lines(path, text.encoding), _HEAD_LINES):
        for delimiter in delimiters:
            names = tuple(name.strip() for name in split(line, delimiter))
            table = TextTable(path, names, number, delimiter, text.decimal, text.encoding)
            if len(names) > 1 and not missing(table, text.header_with):
                return table
    if next(lines(path, text.encoding), None) is None:
        fail("the file is empty", path, 1, "Export the recording again, or leave this sensor out.")
    what = f"no line of column names with {', '.join(text.header_with)}"
    return fail(what, path, 1, "Check that this is the right file, exported as the maker's program does.")


def _fitted(table: TextTable, text: TextLayout) -> TextTable:
    """With the number of cells of the data lines, which may end with a delimiter, and the decimal sign if not stated."""
    for _, cells in _data(table, 2):
        n = len(table.names)
        if len(cells) == n + 1 and not cells[-1].strip():
            table = replace(table, width=n + 1)
        elif len(cells) == n - 1 and not table.names[-1]:
            table = replace(table, width=n - 1)
        commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell.strip())) for cell in cells)
        points = sum(bool(_DECIMAL_POINT.fullmatch(cell.strip())) for cell in cells)
        if text.header_with and commas > 1 and not points and table.delimiter != ",":
            table = replace(table, decimal=",")
    return table


def _data(table: TextTable, count: int) -> Iterable[tuple[int, list[str]]]:
    data = ((n, line) for n, line in lines(table.path, table.encoding) if n > table.header_line and line.strip())
    return ((n, split(line, table.delimiter)) for n, line in islice(data, count))
