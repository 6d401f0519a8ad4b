"""The table at the head of a file of which nothing is known: its encoding, delimiter, names, units and first rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.text import UTF_8, lines, split
from on_disk import open_file

_HEAD_LINES: Final = 5000
"""Lines that are looked at (ours): a minute at 100 Hz."""
_ROWS: Final = 30
"""Lines by which the table is found (ours)."""
_DELIMITERS: Final = ("\t", ";", ",", "|")
_ENCODINGS: Final = (UTF_8, "utf-16", "gb18030", "cp1252")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(slots=True)
class HeadTable:
    """What was found of a table. names: of its columns; header: whether the file has them. units: below the names, or empty."""

    path: Path
    encoding: str
    delimiter: str
    decimal: str
    skip_rows: int
    header: bool
    names: list[str]
    units: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> Floats:
        """Numbers (n,) of a column; NaN where there is none."""
        at = self.names.index(name)
        cells = (row[at].strip() if at < len(row) else "" for row in self.rows)
        plain = (cell.replace(",", ".") if self.decimal == "," else cell for cell in cells)
        return np.array([float(cell) if NUMBER.fullmatch(cell) else np.nan for cell in plain])

    def texts(self, name: str) -> list[str]:
        """The cells of a column."""
        at = self.names.index(name)
        return [row[at].strip() if at < len(row) else "" for row in self.rows]

    def said(self, name: str) -> str:
        """Name and unit of a column, in small letters."""
        at = self.names.index(name)
        return f"{name} ({self.units[at]})".casefold() if at < len(self.units) and self.units[at] else name.casefold()


def head_table(path: Path) -> HeadTable:
    """The table in the file at `path`. Raises `HiphingeError` where there is none."""
    for encoding in _ENCODINGS:
        try:
            found = _table_in(path, encoding)
        except (HiphingeError, UnicodeError):
            if encoding == _ENCODINGS[-1]:
                raise
            continue
        if found is not None:
            return found
        if encoding == UTF_8 and not _is_utf16(path):
            break
    what = "the file is empty" if not path.stat().st_size else "no table of numbers"
    raise HiphingeError(what, str(path), "Give a CSV file with a line for each sample.")


def _is_utf16(path: Path) -> bool:
    with open_file(path) as file:
        return file.read(2) in (b"\xff\xfe", b"\xfe\xff")


def _table_in(path: Path, encoding: str) -> HeadTable | None:
    text = [line for _, line in islice(lines(path, encoding), _HEAD_LINES)]
    best: tuple[int, int, str] | None = None
    for delimiter in _DELIMITERS:
        cells = [split(line, delimiter) for line in text[: _ROWS * 4]]
        for first in range(min(len(cells), _ROWS * 3)):
            block = cells[first : first + _ROWS]
            width = len(block[0])
            if width < 4 or len(block) < 3 or any(len(row) != width for row in block[:-1] if row != [""]):
                continue
            share = min(_numeric_share(block, delimiter), 1.2 * _numeric_share(block[:1], delimiter))
            if share > 0.6 and (best is None or width > best[0]):
                best = (width, first, delimiter)
            if share > 0.6:
                break
    if best is None:
        return None
    width, first, delimiter = best
    read = (split(line, delimiter) for line in text[first:] if line.strip())
    rows = [row for row in read if len(row) == width]
    above = first - 1
    while above >= 0 and not text[above].strip():
        above -= 1
    names, units, header = [f"column {i + 1}" for i in range(width)], [""] * width, False
    one = [cell.strip() for cell in split(text[above], delimiter)] if above >= 0 else []
    two = [cell.strip() for cell in split(text[above - 1], delimiter)] if above >= 1 else []
    if _are_names(two, width) and _are_names(one, width) and _look_like_units(one):
        names, units, header, above = two, one, True, above - 1
    elif _are_names(one, width):
        names, header = one, True
    decimal = "," if delimiter != "," and _commas(rows) else "."
    names = _numbered(names)
    return HeadTable(path, encoding, delimiter, decimal, above if header else first, header, names[:width], units, rows)


def _numbered(names: Sequence[str]) -> list[str]:
    """Names as a mapping writes them: those that stand there twice with their number."""
    return [f"{name}#{names[: i + 1].count(name)}" if name and names.count(name) > 1 else name for i, name in enumerate(names)]


def _numeric_share(rows: Sequence[Sequence[str]], delimiter: str) -> float:
    cells = [cell.strip() for row in rows for cell in row]
    if delimiter != ",":
        cells = [cell.replace(",", ".") for cell in cells]
    there = [cell for cell in cells if cell]
    return sum(bool(NUMBER.fullmatch(cell)) for cell in there) / max(len(there), 1)


def _are_names(cells: Sequence[str], width: int) -> bool:
    there = [cell for cell in cells if cell]
    return len(cells) in (width, width + 1) and len(there) >= 4 and not any(NUMBER.fullmatch(cell) for cell in there)


def _look_like_units(cells: Sequence[str]) -> bool:
    return sum(bool(re.search(r"m/\(?s|deg|rad|^m?g$|^[mun]?s$|°|no units", cell, re.IGNORECASE)) for cell in cells) >= 3


def _commas(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell.strip() for row in rows[:_ROWS] for cell in row]
    return sum(bool(re.fullmatch(r"[+-]?\d+,\d+", cell)) for cell in cells) > sum("." in cell for cell in cells)
