"""Numbers from delimited text: fast for a sound file, with exact file, line and remedy for a faulty one.

`read_numbers` reads the wanted columns with pyarrow. When that fails, or a number is not finite, a slow pass goes over
the file line by line, finds the first fault and raises `HiphingeError`; what the slow pass can read counts as sound.
Lines are counted from 1 as an editor counts them; blank lines are skipped.
"""

from __future__ import annotations

import csv
import io
import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from body_signals import Floats, HiphingeError
from on_disk import open_file

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_VALUE = re.compile(r"|[+-]?(nan|inf|infinity)|na|n/a|null|none", re.IGNORECASE)
_LONGEST_HEADER = 1 << 20
"""Most bytes of a line before the numbers (ours)."""
_MOST_BYTES = 8 << 30
"""Largest file, bytes: two days of a sensor at 400 Hz (ours)."""
_MOST_COLUMNS = 10_000
"""Most columns of a table; recordings have a few dozen (ours)."""
_SAVE_AS_UTF8 = "Save the file as plain UTF-8 text."


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
        for count, (number, _) in enumerate(_data_lines(self.path, self.header_line)):
            if count == row:
                return place(self.path, number)
        return str(self.path)

    def check_increasing(self, name: str) -> None:
        """Raises `HiphingeError` at the first row whose `name`, a time, is not later than the row before."""
        time = self.columns[name]
        wrong = np.flatnonzero(np.diff(time) <= 0.0)
        if not len(wrong):
            return
        before, after = time[wrong[0]], time[wrong[0] + 1]
        if before == after:
            raise HiphingeError(
                f"{name} repeats {_shown(after)} of the line before",
                self.where(int(wrong[0]) + 1),
                "Every sample needs a time of its own: remove the duplicate line, or correct its time.",
            )
        raise HiphingeError(
            f"{name} runs backwards, from {_shown(before)} to {_shown(after)}",
            self.where(int(wrong[0]) + 1),
            "Put the lines in order of time; make a session of each recording after each restart of the clock.",
        )


def place(path: Path, line: int) -> str:
    """File and line as all messages write them."""
    return f"{path}, line {line}"


def read_header(path: Path, delimiter: str = ",", skip_rows: int = 0) -> list[str]:
    """The column names in line `skip_rows` + 1. Raises `HiphingeError` when there is no such line or it is not text."""
    number = 0
    for number, line in _lines(path):
        if number == skip_rows + 1:
            if len(line) >= _LONGEST_HEADER:
                _fail("this is not a table: the first line has no end", path, number, "Give a text file with a header line.")
            names = [name.strip() for name in _cells(line, delimiter)]
            if len(names) > _MOST_COLUMNS:
                _fail(
                    f"this is not a sensor's table: it has {len(names)} columns",
                    path,
                    number,
                    "Check that it is the right file.",
                )
            if not any(names):
                _fail("the header line is empty", path, number, "The names of the columns belong in this line.")
            return names
    what = "the file ends before the header line" if number else "the file is empty"
    raise HiphingeError(what, place(path, max(number, 1)), "Export the recording again, or leave this sensor out.")


def read_numbers(path: Path, wanted: Sequence[str], delimiter: str = ",", skip_rows: int = 0, remedy: str = "") -> NumberTable:
    """The `wanted` columns of the table whose header is line `skip_rows` + 1; at least one row.

    remedy: what to do when a column is missing. Raises `HiphingeError` with file and line for: a missing or double
    column, text, an empty cell, NaN or infinity in a wanted column, a short or long line, other text than UTF-8, no rows.
    """
    header = read_header(path, delimiter, skip_rows)
    missing = [name for name in wanted if name not in header]
    if missing:
        _fail(
            f"missing column{'s' * (len(missing) > 1)} {', '.join(missing)}; found {', '.join(filter(None, header))}",
            path,
            skip_rows + 1,
            remedy or "Add what is missing, or correct the header.",
        )
    double = [name for name in wanted if header.count(name) > 1]
    if double:
        _fail(f"column {double[0]} is there more than once", path, skip_rows + 1, "Remove or rename one of them.")
    at = [header.index(name) for name in wanted]
    values = _fast(path, len(header), at, delimiter, skip_rows + 1)
    if values is None:
        values = _slow(path, header, at, delimiter, skip_rows + 1)
    return NumberTable(path, skip_rows + 1, dict(zip(wanted, values, strict=True)))


def _fast(path: Path, width: int, at: Sequence[int], delimiter: str, skip_rows: int) -> list[Floats] | None:
    """The columns at the indices `at`, or None when anything about them is doubtful."""
    names = [str(i) for i in range(width)]
    wanted = [names[i] for i in at]
    try:
        with pa.OSFile(str(path)) as file:
            table = arrow_csv.read_csv(
                file,
                read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=skip_rows),
                parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(wanted, pa.float64()),
                    include_columns=wanted,
                    null_values=[],
                    check_utf8=False,
                ),
            )
    except (pa.ArrowException, OSError):
        return None
    values: list[Floats] = [np.asarray(table.column(name).to_numpy(), np.float64) for name in wanted]
    return values if len(values[0]) and all(np.isfinite(column).all() for column in values) else None


def _slow(path: Path, header: Sequence[str], at: Sequence[int], delimiter: str, header_line: int) -> list[Floats]:
    columns = [array("d") for _ in at]
    for number, line in _data_lines(path, header_line):
        cells = _cells(line, delimiter)
        if len(cells) != len(header):
            _wrong_length(path, number, len(cells), len(header), cells, delimiter)
        for column, i in zip(columns, at, strict=True):
            column.append(_number(path, number, header[i], cells[i].strip()))
    if not columns[0]:
        _fail("no data rows after the header", path, header_line, "Export the recording again, or leave this sensor out.")
    return [np.array(column, np.float64) for column in columns]


def _number(path: Path, line: int, name: str, cell: str) -> float:
    if _NO_VALUE.fullmatch(cell):
        shown = f"holds {cell!r}" if cell else "is empty"
        _fail(f"{name} {shown}", path, line, "Remove lines without a measurement: the gap is then counted as lost samples.")
    if not _NUMBER.fullmatch(cell):
        hint = "Write a decimal point instead of the comma." if re.fullmatch(r"-?\d+,\d+", cell) else "Correct this cell."
        _fail(f"{name} holds {cell[:40]!r}, which is not a number", path, line, hint)
    value = float(cell)
    if not np.isfinite(value):
        _fail(f"{name} holds {cell[:40]!r}, which is too large", path, line, "Correct this cell.")
    return value


def _wrong_length(path: Path, line: int, found: int, expected: int, cells: Sequence[str], delimiter: str) -> NoReturn:
    kind = "short" if found < expected else "long"
    remedy = "Complete or remove this line."
    if found < expected and len(cells) == 1 and any(other in cells[0] for other in ",;\t" if other != delimiter):
        remedy = f"Columns must be separated by {delimiter!r} in every line."
    elif found > expected and delimiter == ",":
        remedy = "Remove the surplus cells; numbers have a decimal point, not a comma."
    _fail(f"a {kind} line: {found} cells, the header has {expected}", path, line, remedy)


def _cells(line: str, delimiter: str) -> list[str]:
    if '"' in line:
        return next(csv.reader([line], delimiter=delimiter), [""])
    return line.split(delimiter)


def _data_lines(path: Path, header_line: int) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that hold data."""
    for number, line in _lines(path):
        if number > header_line and line.strip():
            yield number, line


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with io.TextIOWrapper(open_file(path), "utf-8", "surrogateescape", newline=None) as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                what = f"this file has more than {_MOST_BYTES / 1e9:.0f} GB, which no sensor writes in a session"
                raise HiphingeError(what, str(path), "Make a session of each day.")
            number = 0
            while line := file.readline(_LONGEST_HEADER):
                number += 1
                if number == 1:
                    if line.startswith(("\udcff\udcfe", "\udcfe\udcff")) or "\x00" in line[:64]:
                        _fail("not UTF-8 text (it looks like UTF-16 or a binary file)", path, 1, _SAVE_AS_UTF8)
                    line = line.removeprefix("\ufeff")
                if not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
                    _fail("not UTF-8 text", path, number, _SAVE_AS_UTF8)
                yield number, line.rstrip("\n")
    except FileNotFoundError:
        raise HiphingeError("file not found", str(path), "Check the name of the file and its folder.") from None
    except OSError as error:
        raise HiphingeError(f"cannot be read: {error.strerror}", str(path), "Check the path and its permissions.") from error


def _shown(value: float) -> str:
    return f"{value:.15g}"


def _fail(what: str, path: Path, line: int, remedy: str) -> NoReturn:
    raise HiphingeError(what, place(path, line), remedy)
