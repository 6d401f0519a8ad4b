"""Numbers and texts from the lines of a table, block by block.

pyarrow reads a block. Where it cannot, the block is read line by line in Python: that finds the bad line and says what is wrong
with it; what the slow reader can read counts as sound. A line is bad when it has another number of cells than the header, or a
wanted cell that is no number. A line whose wanted values are all missing is a lost sample.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from body_signals import Bools, Floats, Ints
from ingest.formats.text.bad_lines import BadLines
from ingest.formats.text.lines import UTF_8, LineBlock, line_blocks

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MISSING = re.compile(r"|[+-]?nan|na|n/a|null|none", re.IGNORECASE)
_NO_VALUE = re.compile(r"|[+-]?(nan|inf|infinity)|na|n/a|null|none", re.IGNORECASE)
_NULLS = ["", "nan", "NaN", "NAN", "-nan", "-NaN", "+nan", "na", "NA", "n/a", "N/A", "null", "NULL", "Null", "none", "None"]
_CUT_WITHIN = 20
"""Lines whose last cells a last line is compared with (ours)."""
_CUT_BYTES = 1 << 14
"""Bytes in which these lines are looked for (ours)."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table in a text file. names: of all columns. header_line: the data begin after it. width: cells of a data line, which
    may end with a delimiter."""

    path: Path
    names: tuple[str, ...]
    header_line: int
    delimiter: str = ","
    decimal: str = "."
    encoding: str = UTF_8
    width: int = 0

    @property
    def cells(self) -> int:
        """Cells of a data line."""
        return self.width or len(self.names)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Columns by number. stamp: a numeric time, -1 for none. values: numbers that belong to it. texts: as they stand.
    only: a column and the text that it must hold, other lines belong to other sensors."""

    stamp: int
    values: tuple[int, ...]
    texts: tuple[int, ...] = ()
    only: tuple[int, str] | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numeric columns, the stamp first."""
        return (self.stamp, *self.values) if self.stamp >= 0 else self.values


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n samples. lines (n,): their line numbers. stamps (n,), or None. values (n, k). texts: one list of n for each column."""

    lines: Ints
    stamps: Floats | None
    values: Floats
    texts: tuple[list[str], ...]

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, keep: Bools) -> Rows:
        """The rows where `keep` (n,) is true."""
        at = np.flatnonzero(keep)
        return Rows(
            self.lines[at],
            None if self.stamps is None else self.stamps[at],
            self.values[at],
            tuple([column[i] for i in at] for column in self.texts),
        )


class _Unreadable(Exception):
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def rows(table: TextTable, wanted: Wanted, bad: BadLines) -> Iterator[Rows]:
    """The samples of a table, in blocks that are not empty; `bad` counts what is left out.

    Raises `HiphingeError` with file and line for more bad lines than may be left out, and the errors of `line_blocks`.
    """
    seen = 0
    above: list[str] = []
    for block in line_blocks(table.path, table.encoding):
        if block.first <= table.header_line:
            skip = table.header_line + 1 - block.first
            parts = block.text.split(b"\n", skip)
            if len(parts) <= skip:
                continue
            block = LineBlock(table.header_line + 1, parts[-1], block.broken_off)
        if not block.text.strip(b"\n"):
            continue
        found = _fast(table, wanted, block)
        if found is None:
            found = _slow(table, wanted, block, bad, seen)
        found = _whole(table, wanted, block, found, bad, seen, above)
        above = block.text[-_CUT_BYTES:].decode(UTF_8, "replace").split("\n")[1:-1]
        seen += block.text.count(b"\n")
        if len(found):
            yield found
    bad.finish(seen)


def _fast(table: TextTable, wanted: Wanted, block: LineBlock) -> Rows | None:
    """Rows in which missing numbers are NaN, or None when pyarrow cannot read the block."""
    names = [str(i) for i in range(table.cells)]
    if any(i >= len(names) for i in wanted.numbers):
        return None
    texts = [*wanted.texts, *([wanted.only[0]] if wanted.only else [])]
    types = {names[i]: pa.string() for i in texts} | {names[i]: pa.float64() for i in wanted.numbers}
    if len(types) < len({*texts, *wanted.numbers}):
        return None
    try:
        read = arrow_csv.read_csv(
            pa.BufferReader(block.text),
            read_options=arrow_csv.ReadOptions(column_names=names),
            parse_options=arrow_csv.ParseOptions(delimiter=table.delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=_NULLS,
                decimal_point=table.decimal,
                check_utf8=False,
            ),
        )
    except pa.ArrowException:
        return None
    n = read.num_rows
    numbers = np.empty((n, len(wanted.numbers)))
    for k, i in enumerate(wanted.numbers):
        numbers[:, k] = read.column(names[i]).to_numpy()
    columns = tuple([text.strip() for text in read.column(names[i]).to_pylist()] for i in wanted.texts)
    lines = block.first + np.arange(n)
    if n != block.text.count(b"\n"):
        lines = np.array([number for number, line in enumerate(block.lines(), block.first) if line], np.int64)
        if len(lines) != n:
            return None
    found = _rows(wanted, lines, numbers, columns)
    if wanted.only is not None:
        is_one = [text.strip() == wanted.only[1] for text in read.column(names[wanted.only[0]]).to_pylist()]
        found = found.take(np.array(is_one, np.bool_))
    return found


def _rows(wanted: Wanted, lines: Ints, numbers: Floats, texts: tuple[list[str], ...]) -> Rows:
    if wanted.stamp < 0:
        return Rows(lines, None, numbers, texts)
    return Rows(lines, np.ascontiguousarray(numbers[:, 0]), numbers[:, 1:], texts)


def _slow(table: TextTable, wanted: Wanted, block: LineBlock, bad: BadLines, seen: int) -> Rows:
    numbers: list[list[float]] = []
    texts: tuple[list[str], ...] = tuple([] for _ in wanted.texts)
    lines: list[int] = []
    text = block.lines()
    for number, line in enumerate(text, block.first):
        if not line.strip():
            continue
        try:
            cells = _cells(table, line)
            if not bad.strict and _repeats_names(table, cells):
                bad.names += 1
                continue
            if wanted.only is not None and cells[wanted.only[0]].strip() != wanted.only[1]:
                continue
            found = [_number(table, i, cells[i].strip()) for i in wanted.numbers]
        except _Unreadable as fault:
            if block.broken_off and number == block.first + len(text) - 1:
                bad.take_torn(number, fault.what, fault.remedy)
            else:
                bad.take(number, fault.what, fault.remedy, seen + number - block.first)
            continue
        numbers.append(found)
        lines.append(number)
        for column, i in zip(texts, wanted.texts, strict=True):
            column.append(cells[i].strip())
    values = np.array(numbers, np.float64).reshape(len(numbers), len(wanted.numbers))
    return _rows(wanted, np.array(lines, np.int64), values, texts)


def _whole(table: TextTable, wanted: Wanted, block: LineBlock, found: Rows, bad: BadLines, seen: int, above: list[str]) -> Rows:
    """The rows without those that lack numbers, which are lost samples or bad lines. above: lines before the block."""
    keep: Bools = np.asarray(np.isfinite(found.values).all(axis=1))
    if found.stamps is not None:
        keep = keep & np.isfinite(found.stamps)
    last = block.first + block.text.count(b"\n") - 1
    if (
        block.broken_off
        and len(found)
        and found.lines[-1] == last
        and keep[-1]
        and _is_cut(table, wanted, [*above, *block.lines()])
    ):
        bad.take_torn(last, "its last number has fewer digits than those above", "Remove this line.")
        keep[-1] = False
    elif keep.all():
        return found
    text = None
    for row in np.flatnonzero(~keep):
        line = int(found.lines[row])
        if bad.torn and line == last:
            continue
        if np.isnan(found.values[row]).all() and not bad.strict:
            # without a time of its own as well, a channel that ended before the others
            bad.lost += int(found.stamps is None or np.isfinite(found.stamps[row]))
            continue
        text = text or block.lines()
        fault = _fault_in(table, wanted, text[line - block.first])
        if block.broken_off and line == last:
            bad.take_torn(line, fault.what, fault.remedy)
        else:
            bad.take(line, fault.what, fault.remedy, seen + line - block.first)
    return found.take(keep)


def _fault_in(table: TextTable, wanted: Wanted, line: str) -> _Unreadable:
    """What is wrong with a line that lacks a wanted number."""
    try:
        cells = _cells(table, line)
        for i in wanted.numbers:
            if not np.isfinite(_number(table, i, cells[i].strip())):
                return _no_value(table.names[i], cells[i].strip())
    except _Unreadable as fault:
        return fault
    return _Unreadable("a wanted cell is no number", "Correct or remove this line.")


def _is_cut(table: TextTable, wanted: Wanted, text: list[str]) -> bool:
    """Whether the file's last number has fewer decimals than those above it, which all have the same."""
    if table.cells - 1 not in wanted.numbers:
        return False
    ends = [line.rsplit(table.delimiter, 1)[-1] for line in text[-_CUT_WITHIN - 1 :]]
    decimals = [len(end.strip().partition(table.decimal)[2]) for end in ends]
    return len(decimals) > 2 and len(set(decimals[:-1])) == 1 and decimals[-1] < decimals[0]


def _repeats_names(table: TextTable, cells: list[str]) -> bool:
    return len(table.names) > 1 and all(cell.strip() == name for cell, name in zip(cells, table.names, strict=False))


def _number(table: TextTable, i: int, cell: str) -> float:
    if _MISSING.fullmatch(cell):
        return float("nan")
    name = table.names[i]
    if _NO_VALUE.fullmatch(cell):
        raise _no_value(name, cell)
    plain = cell if table.decimal == "." else cell.replace(table.decimal, ".")
    if not _NUMBER.fullmatch(plain):
        comma = re.fullmatch(r"-?\d+,\d+", cell) and table.decimal == "."
        hint = 'Write a decimal point instead of the comma, or decimal = "," in the mapping.' if comma else "Correct this cell."
        raise _Unreadable(f"{name} holds {cell[:40]!r}, which is not a number", hint)
    value = float(plain)
    if not np.isfinite(value):
        raise _Unreadable(f"{name} holds {cell[:40]!r}, which is too large", "Correct this cell.")
    return value


def _no_value(name: str, cell: str) -> _Unreadable:
    if cell and not _NO_VALUE.fullmatch(cell):
        return _Unreadable(f"{name} holds {cell[:40]!r}, which is too large", "Correct this cell.")
    shown = f"holds {cell!r}" if cell else "is empty"
    return _Unreadable(f"{name} {shown}", "Remove lines without a measurement: the gap is then counted as lost samples.")


def _cells(table: TextTable, line: str) -> list[str]:
    cells = split(line, table.delimiter)
    expected = table.cells
    if len(cells) == expected + 1 and not cells[-1].strip():
        # ends with a delimiter
        return cells[:-1]
    if len(cells) == expected:
        return cells
    kind = "short" if len(cells) < expected else "long"
    remedy = "Complete or remove this line."
    if len(cells) == 1 and any(other in cells[0] for other in ",;\t" if other != table.delimiter):
        remedy = f"Columns must be separated by {table.delimiter!r} in every line."
    elif kind == "long" and table.delimiter == ",":
        remedy = "Remove the surplus cells; numbers have a decimal point, not a comma."
    raise _Unreadable(f"a {kind} line: {len(cells)} cells, the header has {expected}", remedy)


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line, which may be quoted."""
    if '"' in line:
        return next(csv.reader([line], delimiter=delimiter), [""])
    return line.split(delimiter)
