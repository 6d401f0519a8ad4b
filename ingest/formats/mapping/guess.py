"""A mapping proposed for a CSV file: what its names, units and numbers look like, and how sure that is.

Names and units in the file come first. Where they say nothing, the numbers do: gravity tells the unit of the acceleration, and
how far it turns against the gyroscope that of the rates and of the time. The proposal is a mapping file; its comments say how
sure each line is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

import numpy as np

from body_signals import G0, Floats, HiphingeError
from ingest.formats.imported import check_source
from ingest.formats.plausible import gravity_turn_per_gyr
from ingest.formats.text import UTF_8, lines, split
from ingest.formats.text.calendar import stamps_of
from ingest.formats.units import PER_SECOND
from on_disk import open_file

_HEAD_LINES: Final = 5000
"""Lines that are looked at (ours): a minute at 100 Hz."""
_ROWS: Final = 30
"""Lines by which the table is found (ours)."""
_DELIMITERS: Final = ("\t", ";", ",", "|")
_ENCODINGS: Final = (UTF_8, "utf-16", "gb18030", "cp1252")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_KINDS: Final = {
    "gyr": r"gyr|^[gw][ _]?[xyz]\b|angular|omega|drehrate|rot.*rate|rate.*[xyz]\b|^as[xyz]|角速度",
    "mag": r"mag|^m[ _]?[xyz]\b|^h[xyz]",
    "quat": r"quat|^q[ _]?[0-3wxyz]\b|element$",
    "acc": r"acc|^a[ _]?[xyz]\b|beschl|加速度",
}
_TIME = r"time|zeit|stamp|epoc|date|datum|uhr|^t\b|^ts\b|^ms\b|sec|millis|micros|时间"
_UNITS: Final = {
    "acc": ((r"mg|milli ?g", "mg"), (r"m/s|m\*s|ms\^?-2|m s", "m/s2"), (r"\(g|\[g|\bgs?\b|g-?force", "g")),
    "gyr": ((r"deg|°|dps|grad/s", "deg/s"), (r"rad", "rad/s")),
    "mag": ((r"ut|µt|micro ?t", "uT"), (r"mg|milli ?g", "mG"), (r"\(g|\[g|gauss", "G")),
    "time": (
        (r"\(us|\[us|µs|micro|_us\b", "us"),
        (r"\(ns|\[ns|nano|_ns\b", "ns"),
        (r"\(ms|\[ms|milli|_ms\b|^ms\b", "ms"),
        (r"\(s\)|\[s\]|sec|_s\b", "s"),
    ),
}
_RATES_HZ: Final = (10.0, 2000.0)
SURE, LIKELY, UNSURE = "sure", "likely", "unsure"


@dataclass(slots=True)
class _Table:
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
        return np.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in plain])

    def texts(self, name: str) -> list[str]:
        """The cells of a column."""
        at = self.names.index(name)
        return [row[at].strip() if at < len(row) else "" for row in self.rows]

    def said(self, name: str) -> str:
        """Name and unit of a column, in small letters."""
        at = self.names.index(name)
        return f"{name} ({self.units[at]})".casefold() if at < len(self.units) and self.units[at] else name.casefold()


@dataclass(slots=True)
class Guess:
    """A proposed mapping. lines: of the file, in TOML. rate_hz: as it seems; None where the file does not say."""

    lines: list[str] = field(default_factory=list)
    rate_hz: float | None = None

    def text(self) -> str:
        """The mapping file."""
        return "\n".join(self.lines) + "\n"


def guess(path: Path) -> Guess:
    """A mapping for the CSV file at `path`. Raises `HiphingeError` where it holds no table with an acceleration and rates."""
    check_source(path)
    if path.is_dir():
        raise HiphingeError("this is a folder", str(path), "Give one file of it.")
    table = _table(path)
    found = Guess()
    head = [f"# proposed for {path.name}; look at every line that is not sure", f'files = ["*{path.suffix or path.name}"]']
    if table.encoding != UTF_8:
        head.append(f'encoding = "{table.encoding}"                      # {LIKELY}')
    head.append(f"delimiter = {_quoted(table.delimiter)}                             # {SURE}")
    if table.decimal == ",":
        head.append(f'decimal = ","                               # {SURE}')
    if table.skip_rows:
        head.append(f"skip_rows = {table.skip_rows}                               # {SURE}")
    if not table.header:
        head.append(f"header = [{', '.join(map(_quoted, table.names))}]   # {UNSURE}: the file has no names, these are made up")
    kinds = _groups(table)
    if "acc" not in kinds or not ("gyr" in kinds or "quat" in kinds):
        lacks = "an acceleration" if "acc" not in kinds else "a gyroscope or an orientation"
        what = f"no columns that look like {lacks}; found {', '.join(table.names[:40])}"
        raise HiphingeError(what, f"{path}, line {table.skip_rows + 1}", "Write a mapping by hand: docs/csv-mapping.md.")
    split_by = _sensors_column(table)
    if split_by is not None:
        one = [row for row, text in zip(table.rows, table.texts(split_by), strict=True) if text == table.texts(split_by)[0]]
        head.append(f"split_by = {_quoted(split_by)}   # {LIKELY}: {len(set(table.texts(split_by)))} sensors in one file")
        table.rows = one
    vectors = {kind: np.column_stack([table.column(name) for name in names]) for kind, names in kinds.items()}
    acc, acc_line = _acc(table, kinds["acc"], vectors["acc"])
    time_line, time_s, sure = _time(table, acc, vectors.get("gyr"), kinds)
    head.append(time_line)
    if time_s is not None and len(time_s) > 1:
        step = np.diff(time_s)
        if (step > 0).any():
            found.rate_hz = float(1.0 / np.median(step[step > 0]))
            head.append(f"# that is {found.rate_hz:.4g} samples a second: {sure}")
    head.append(acc_line)
    if "gyr" in kinds:
        head.append(_gyr(table, kinds["gyr"], vectors["gyr"], acc, time_s))
    if "quat" in kinds:
        head.append(f"quat = [{{ columns = {_list(kinds['quat'])} }}]   # {LIKELY}: w, x, y, z, sensor → earth")
    if "mag" in kinds and (unit := _unit_of(table, "mag", kinds["mag"])) is not None:
        head.append(f'mag = [{{ columns = {_list(kinds["mag"])}, unit = "{unit}" }}]   # {LIKELY}')
    head.append(
        "# not in the file: where each sensor was worn (--placement), whose it is (--athlete), a calibrate mark ([[mark]])"
    )
    found.lines = head
    return found


def _table(path: Path) -> _Table:
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


def _table_in(path: Path, encoding: str) -> _Table | None:
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
    return _Table(path, encoding, delimiter, decimal, above if header else first, header, names[:width], units, rows)


def _numbered(names: Sequence[str]) -> list[str]:
    """Names as a mapping writes them: those that stand there twice with their number."""
    return [f"{name}#{names[: i + 1].count(name)}" if name and names.count(name) > 1 else name for i, name in enumerate(names)]


def _numeric_share(rows: Sequence[Sequence[str]], delimiter: str) -> float:
    cells = [cell.strip() for row in rows for cell in row]
    if delimiter != ",":
        cells = [cell.replace(",", ".") for cell in cells]
    there = [cell for cell in cells if cell]
    return sum(bool(_NUMBER.fullmatch(cell)) for cell in there) / max(len(there), 1)


def _are_names(cells: Sequence[str], width: int) -> bool:
    there = [cell for cell in cells if cell]
    return len(cells) in (width, width + 1) and len(there) >= 4 and not any(_NUMBER.fullmatch(cell) for cell in there)


def _look_like_units(cells: Sequence[str]) -> bool:
    return sum(bool(re.search(r"m/\(?s|deg|rad|^m?g$|^[mun]?s$|°|no units", cell, re.IGNORECASE)) for cell in cells) >= 3


def _commas(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell.strip() for row in rows[:_ROWS] for cell in row]
    return sum(bool(re.fullmatch(r"[+-]?\d+,\d+", cell)) for cell in cells) > sum("." in cell for cell in cells)


def _groups(table: _Table) -> dict[str, list[str]]:
    """Names of the columns of acc, gyr, quat and mag, in order of their axes."""
    found: dict[str, dict[str, str]] = {}
    for name in table.names:
        said = name.casefold()
        kind = next((kind for kind, pattern in _KINDS.items() if re.search(pattern, said)), None)
        if kind is None or (kind != "quat" and re.search(r"free|lin|without", said)):
            continue
        axes = "wxyz" if kind == "quat" else "xyz"
        letter = _axis(said, axes)
        if letter:
            found.setdefault(kind, {}).setdefault(letter, name)
    groups = {kind: [of[axis] for axis in ("wxyz" if kind == "quat" else "xyz") if axis in of] for kind, of in found.items()}
    groups = {kind: names for kind, names in groups.items() if len(names) == (4 if kind == "quat" else 3)}
    groups = {kind: names for kind, names in groups.items() if all(_are_numbers(table.column(name)) for name in names)}
    return groups or _groups_by_numbers(table)


def _are_numbers(column: Floats) -> bool:
    return float(np.isfinite(column).mean()) > 0.5


def _axis(said: str, axes: str) -> str:
    bare = re.sub(r"[\[(].*?[\])]|#\d+$", "", said).strip()
    found = re.search(rf"(?:^|[^a-z])([{axes}])(?:$|[^a-z])|([{axes}])$", bare)
    if found:
        return found[1] or found[2]
    number = re.search(r"([0-3])$", bare)
    return "wxyz"[int(number[1])] if number and axes == "wxyz" else ""


def _groups_by_numbers(table: _Table) -> dict[str, list[str]]:
    """Without names: three columns whose length is about that of gravity, and the three after or before them."""
    numeric = [name for name in table.names if np.isfinite(table.column(name)).mean() > 0.9]
    for first in range(len(numeric) - 2):
        acc = numeric[first : first + 3]
        size = np.linalg.norm(np.column_stack([table.column(name) for name in acc]), axis=1)
        median = float(np.nanmedian(size))
        steady = float(np.nanmean(np.abs(size / median - 1.0) < 0.2)) if median > 0.0 else 0.0
        if steady > 0.8 and any(abs(median / unit - 1.0) < 0.15 for unit in (1.0, G0, 1000.0)):
            rest = numeric[first + 3 : first + 6] if len(numeric) >= first + 6 else numeric[max(first - 3, 0) : first]
            return {"acc": acc, "gyr": rest} if len(rest) == 3 else {"acc": acc}
    return {}


def _sensors_column(table: _Table) -> str | None:
    """A column of a few texts that alternate: each is a sensor."""
    for name in table.names:
        texts = table.texts(name)
        kinds = set(texts)
        named = re.search(r"device|sensor|address|mac|serial|^id\b|设备", name.casefold())
        if 1 < len(kinds) <= 16 and "" not in kinds and (named or not any(_NUMBER.fullmatch(text) for text in kinds)):
            changes = sum(a != b for a, b in pairwise(texts))
            if changes > len(texts) / 20 and isinstance(stamps_of(texts[:1]), int):
                return name
    return None


def _acc(table: _Table, names: list[str], values: Floats) -> tuple[Floats, str]:
    """The acceleration (n, 3) in m/s², and its line."""
    median = float(np.nanmedian(np.linalg.norm(values, axis=1))) or 1.0
    said = _unit_of(table, "acc", names)
    per = {"m/s2": 1.0, "g": G0, "mg": 1e-3 * G0}
    fits = next((unit for unit, factor in per.items() if 0.6 < median * factor / G0 < 1.4), None)
    if fits is not None:
        sure = SURE if said == fits else LIKELY
        though = f", though the file says {said}" if said not in (None, fits) else ""
        note = f"{sure}: the median of its length is {median:.4g}{though}"
        return values * per[fits], f'acc = {{ columns = {_list(names)}, unit = "{fits}" }}   # {note}'
    scale = 1.0 / median
    line = f'acc = {{ columns = {_list(names)}, unit = "g", scale = {scale:.9g} }}'
    return values * (scale * G0), f"{line}   # {UNSURE}: raw counts, if their median length {median:.4g} is 1 g"


def _gyr(table: _Table, names: list[str], values: Floats, acc: Floats, time_s: Floats | None) -> str:
    said = _unit_of(table, "gyr", names)
    whole = np.isfinite(values).all(axis=1) & np.isfinite(acc).all(axis=1)
    per_turn = None
    if time_s is not None and whole.all() and len(time_s) == len(values):
        # counts are beyond what a rate can be
        size = float(np.abs(values).max()) or 1.0
        per_turn = gravity_turn_per_gyr(time_s, acc, values / size)
        per_turn = None if per_turn is None else per_turn / size
    line = f"gyr = {{ columns = {_list(names)}"
    for unit, factor in (("rad/s", 1.0), ("deg/s", float(np.radians(1.0)))):
        if per_turn is not None and 0.8 < per_turn / factor < 1.25:
            sure = SURE if said == unit else LIKELY
            return f'{line}, unit = "{unit}" }}   # {sure}: gravity turns as these rates say'
    if per_turn is not None and per_turn > 0.0:
        return f'{line}, unit = "rad/s", scale = {per_turn:.6g} }}   # {UNSURE}: raw counts, by how far gravity turns'
    if said is not None:
        return f'{line}, unit = "{said}" }}   # {LIKELY}: the file says so; too little movement to check it'
    fast = float(np.nanmax(np.abs(values))) > 35.0
    return f'{line}, unit = "{"deg/s" if fast else "rad/s"}" }}   # {UNSURE}: too little movement to tell'


def _time(table: _Table, acc: Floats, gyr: Floats | None, kinds: dict[str, list[str]]) -> tuple[str, Floats | None, str]:
    """The line of the time, the times (n,) in seconds and how sure they are."""
    taken = {name for names in kinds.values() for name in names}
    others = [name for name in table.names if name and name not in taken]
    for name in sorted(others, key=lambda name: not re.search(_TIME, name.casefold())):
        texts = table.texts(name)
        stamps = stamps_of(texts) if texts and not _NUMBER.fullmatch(texts[0].replace(",", ".")) else 0
        if not isinstance(stamps, int):
            unit = "iso" if stamps.dated else "clock"
            time_s = np.asarray((stamps.ns - stamps.ns[0]) / 1e9)
            return f'time = {{ column = {_quoted(name)}, unit = "{unit}" }}   # {SURE}', time_s, SURE
        values = table.column(name)
        step = np.diff(values)
        named = re.search(_TIME, name.casefold()) or not table.header
        if not len(step) or not np.isfinite(values).all() or not (step > 0).all() or not named:
            continue
        said = _unit_of(table, "time", [name])
        rates = {unit: per / float(np.median(step)) for unit, per in PER_SECOND.items()}
        fits = [unit for unit, rate in rates.items() if _RATES_HZ[0] <= rate <= _RATES_HZ[1]]
        if not fits:
            continue
        unit = said if said in fits else fits[0]
        time_s = np.asarray((values - values[0]) / PER_SECOND[unit])
        sure = SURE if said == unit else LIKELY
        return f'time = {{ column = {_quoted(name)}, unit = "{unit}" }}   # {sure}', time_s, sure
    whole = gyr is not None and np.isfinite(gyr).all() and np.isfinite(acc).all()
    scale = None
    if gyr is not None and whole:
        for factor in (1.0, float(np.radians(1.0))):
            per_turn = gravity_turn_per_gyr(np.arange(len(acc), dtype=np.float64), acc, gyr * factor)
            if per_turn is not None and per_turn > 0.0 and _RATES_HZ[0] <= 1.0 / per_turn <= 500.0:
                scale = per_turn
                break
    if scale is not None:
        rate = 1.0 / scale
        rate = round(rate / 10.0) * 10.0 if rate > 15.0 else rate
        return f"rate_hz = {rate:g}   # {UNSURE}: no column is a time; gravity and gyroscope agree near this rate", None, UNSURE
    return f"rate_hz = 100   # {UNSURE}: no column is a time; correct it", None, UNSURE


def _unit_of(table: _Table, kind: str, names: Sequence[str]) -> str | None:
    """The unit that names or the line below them say."""
    said = table.said(names[0])
    return next((unit for pattern, unit in _UNITS[kind] if re.search(pattern, said)), None)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _quoted(text: str) -> str:
    """A TOML text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'
