"""A table of numbers from delimited text, whole or in blocks: strict, with exact file, line and remedy for whatever is wrong.

`read_numbers` and `NumberColumns` take every line or none; `ingest.formats.text` reads the lines, which are counted as it says.
What leaves lines out uses that wing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.text import UTF_8, BadLines, Rows, TextTable, Wanted, fail, lines, place, rows, split

_LONGEST_HEADER = 1 << 20
"""Most bytes of a line before the numbers (ours)."""
_MOST_COLUMNS = 10_000
"""Most columns of a table; recordings have a few dozen (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class NumberTable:
    """Columns of one file, each (n,), all finite. header_line: line of the column names."""

    path: Path
    header_line: int
    columns: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def group(self, names: Sequence[str]) -> Floats:
        """The named columns side by side, (n, len(names))."""
        return np.column_stack([self.columns[name] for name in names])

    def where(self, row: int) -> str:
        """File and line of data row `row` (from 0)."""
        data = ((number, line) for number, line in lines(self.path) if number > self.header_line and line.strip())
        for count, (number, _) in enumerate(data):
            if count == row:
                return place(self.path, number)
        return str(self.path)

    def check_increasing(self, name: str) -> None:
        """Raises `HiphingeError` at the first row whose `name`, a time, is not later than the row before."""
        check_later(name, self.columns[name], None, self.where)


@dataclass(frozen=True, slots=True)
class NumberColumns:
    """Some columns of a table, read block by block as often as needed, all of them finite."""

    table: TextTable
    wanted: Wanted

    def blocks(self, bad: BadLines) -> Iterator[Rows]:
        """All rows, at least one; their values in the order in which the columns were wanted. bad: what may be left out.

        Raises as `read_numbers` does.
        """
        empty = True
        for block in rows(self.table, self.wanted, bad):
            empty = False
            yield block
        if empty:
            remedy = "Export the recording again, or leave this sensor out."
            fail("no data rows after the header", self.table.path, self.table.header_line, remedy)


def check_later(name: str, time: Floats, before: float | None, where: Callable[[int], str]) -> None:
    """Raises `HiphingeError` at the first of the times (n,), which are called `name`, that is not later than the one before it.

    before: the time before the first of them. where: names the place of a row.
    """
    wrong = np.flatnonzero(np.diff(time, prepend=-np.inf if before is None else before) <= 0.0)
    if not len(wrong):
        return
    row = int(wrong[0])
    was, now = float(time[row - 1]) if row or before is None else before, float(time[row])
    if was == now:
        raise HiphingeError(
            f"{name} repeats {_shown(now)} of the line before",
            where(row),
            "Every sample needs a time of its own: remove the duplicate line, or correct its time.",
        )
    raise HiphingeError(
        f"{name} runs backwards, from {_shown(was)} to {_shown(now)}",
        where(row),
        "Put the lines in order of time; make a session of each recording after each restart of the clock.",
    )


def read_header(path: Path, delimiter: str = ",", skip_rows: int = 0, encoding: str = UTF_8) -> list[str]:
    """The column names in line `skip_rows` + 1. Raises `HiphingeError` when there is no such line or it is not text."""
    number = 0
    for number, line in lines(path, encoding):
        if number == skip_rows + 1:
            if len(line) >= _LONGEST_HEADER:
                fail("this is not a table: the first line has no end", path, number, "Give a text file with a header line.")
            names = [name.strip() for name in split(line, delimiter)]
            if len(names) > _MOST_COLUMNS:
                fail(
                    f"this is not a sensor's table: it has {len(names)} columns",
                    path,
                    number,
                    "Check that it is the right file.",
                )
            if not any(names):
                fail("the header line is empty", path, number, "The names of the columns belong in this line.")
            return names
    what = "the file ends before the header line" if number else "the file is empty"
    raise HiphingeError(what, place(path, max(number, 1)), "Export the recording again, or leave this sensor out.")


def read_numbers(path: Path, wanted: Sequence[str], delimiter: str = ",", skip_rows: int = 0, remedy: str = "") -> NumberTable:
    """The `wanted` columns of the table whose header is line `skip_rows` + 1; at least one row.

    remedy: what to do when a column is missing. Raises `HiphingeError` with file and line for: a missing or double
    column, text, an empty cell, NaN or infinity in a wanted column, a short or long line, other text than UTF-8, no rows.
    """
    columns = number_columns(path, wanted, delimiter, skip_rows, remedy)
    values = np.concatenate([block.values for block in columns.blocks(BadLines(path, strict=True))])
    return NumberTable(path, skip_rows + 1, {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(wanted)})


def number_columns(
    path: Path, wanted: Sequence[str], delimiter: str = ",", skip_rows: int = 0, remedy: str = ""
) -> NumberColumns:
    """The same columns, to be read in blocks. Raises `HiphingeError` for a missing or double column."""
    header = read_header(path, delimiter, skip_rows)
    missing = [name for name in wanted if name not in header]
    if missing:
        fail(
            f"missing column{'s' * (len(missing) > 1)} {', '.join(missing)}; found {', '.join(filter(None, header))}",
            path,
            skip_rows + 1,
            remedy or "Add what is missing, or correct the header.",
        )
    double = [name for name in wanted if header.count(name) > 1]
    if double:
        fail(f"column {double[0]} is there more than once", path, skip_rows + 1, "Remove or rename one of them.")
    table = TextTable(path, tuple(header), skip_rows + 1, delimiter)
    return NumberColumns(table, Wanted(-1, tuple(header.index(name) for name in wanted)))


def _shown(value: float) -> str:
    return f"{value:.15g}"
