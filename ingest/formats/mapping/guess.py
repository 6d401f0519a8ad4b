"""A mapping proposed for a CSV file: what its names, units and numbers look like, and how sure that is.

Names and units in the file come first. Where they say nothing, the numbers do: gravity tells the unit of the acceleration, and
how far it turns against the gyroscope that of the rates and of the time. The proposal is a mapping file; its comments say how
sure each line is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from body_signals import G0, Floats, HiphingeError
from ingest.formats.imported import check_source
from ingest.formats.mapping.head_table import NUMBER, HeadTable, head_table
from ingest.formats.plausible import gravity_turn_per_gyr
from ingest.formats.text import UTF_8
from ingest.formats.text.calendar import stamps_of
from ingest.formats.units import PER_SECOND

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
_PRODUCTS: Final = {
    "dot": "SampleTimeFine",
    "metabase": "epoc (ms)",
    "phyphox": "Acceleration x (m/s^2)",
    "sensor-logger": "seconds_elapsed",
    "witmotion": "AsX(°/s)",
}
"""A column by which the file of a product is known."""
SURE, LIKELY, UNSURE = "sure", "likely", "unsure"


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
    table = head_table(path)
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
        product = _product(table)
        remedy = f"It looks like a file of {product}: hiphinge import {product}." if product else ""
        remedy = remedy or "Write a mapping by hand: docs/csv-mapping.md."
        raise HiphingeError(what, f"{path}, line {table.skip_rows + 1}", remedy)
    if product := _product(table):
        head.insert(1, f"# this looks like a file of {product}: hiphinge import {product} needs no mapping")
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
        line = _gyr(table, kinds["gyr"], vectors["gyr"], acc, time_s)
        own = _own_time(table, kinds["gyr"][0], time_line)
        head.append(line.replace(" }", f", time = {_quoted(own)} }}", 1) if own else line)
    if "quat" in kinds:
        head.append(f"quat = [{{ columns = {_list(kinds['quat'])} }}]   # {LIKELY}: w, x, y, z, sensor → earth")
    if "mag" in kinds and (unit := _unit_of(table, "mag", kinds["mag"])) is not None:
        head.append(f'mag = [{{ columns = {_list(kinds["mag"])}, unit = "{unit}" }}]   # {LIKELY}')
    head.append(
        "# not in the file: where each sensor was worn (--placement), whose it is (--athlete), a calibrate mark ([[mark]])"
    )
    found.lines = head
    return found


def _product(table: HeadTable) -> str | None:
    """The format that needs no mapping."""
    return next((product for product, name in _PRODUCTS.items() if name in table.names), None)


def _groups(table: HeadTable) -> dict[str, list[str]]:
    """Names of the columns of acc, gyr, quat and mag, in order of their axes."""
    found: dict[str, dict[str, str]] = {}
    for name in table.names:
        said = name.casefold()
        kind = next((kind for kind, pattern in _KINDS.items() if re.search(pattern, said)), None)
        if kind is None or (kind != "quat" and re.search(r"lin|without", said)):
            continue
        if kind == "acc" and "free" in said:
            kind = "free"
        axes = "wxyz" if kind == "quat" else "xyz"
        letter = _axis(said, axes)
        if letter:
            found.setdefault(kind, {}).setdefault(letter, name)
    groups = {kind: [of[axis] for axis in ("wxyz" if kind == "quat" else "xyz") if axis in of] for kind, of in found.items()}
    groups = {kind: names for kind, names in groups.items() if len(names) == (4 if kind == "quat" else 3)}
    groups = {kind: names for kind, names in groups.items() if all(_are_numbers(table.column(name)) for name in names)}
    free = groups.pop("free", None)
    if free is not None and "acc" not in groups and "quat" in groups:
        groups["acc"] = free
    return groups or _groups_by_numbers(table)


def _are_numbers(column: Floats) -> bool:
    return float(np.isfinite(column).mean()) > 0.2


def _axis(said: str, axes: str) -> str:
    bare = re.sub(r"[\[(].*?[\])]|#\d+$", "", said).strip()
    found = re.search(rf"(?:^|[^a-z])([{axes}])(?:$|[^a-z])|([{axes}])$", bare)
    if found:
        return found[1] or found[2]
    number = re.search(r"([0-3])$", bare)
    return "wxyz"[int(number[1])] if number and axes == "wxyz" else ""


def _groups_by_numbers(table: HeadTable) -> dict[str, list[str]]:
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


def _sensors_column(table: HeadTable) -> str | None:
    """A column of a few texts that alternate: each is a sensor."""
    for name in table.names:
        texts = table.texts(name)
        kinds = set(texts)
        named = re.search(r"device|sensor|address|mac|serial|^id\b|设备", name.casefold())
        if 1 < len(kinds) <= 16 and "" not in kinds and (named or not any(NUMBER.fullmatch(text) for text in kinds)):
            changes = sum(a != b for a, b in pairwise(texts))
            if changes > len(texts) / 20 and isinstance(stamps_of(texts[:1]), int):
                return name
    return None


def _acc(table: HeadTable, names: list[str], values: Floats) -> tuple[Floats, str]:
    """The acceleration (n, 3) in m/s², and its line."""
    median = float(np.nanmedian(np.linalg.norm(values, axis=1))) or 1.0
    said = _unit_of(table, "acc", names)
    if "free" in names[0].casefold():
        line = f'acc = {{ columns = {_list(names)}, unit = "{said or "m/s2"}", free = "earth" }}'
        return values, f"{line}   # {LIKELY}: without gravity, in the frame of the earth"
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


def _gyr(table: HeadTable, names: list[str], values: Floats, acc: Floats, time_s: Floats | None) -> str:
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


def _time(table: HeadTable, acc: Floats, gyr: Floats | None, kinds: dict[str, list[str]]) -> tuple[str, Floats | None, str]:
    """The line of the time, the times (n,) in seconds and how sure they are."""
    taken = {name for names in kinds.values() for name in names}
    others = [name for name in table.names if name and name not in taken]
    for name in sorted(others, key=lambda name: not _is_time(table, name)):
        texts = table.texts(name)
        stamps = stamps_of(texts) if texts and not NUMBER.fullmatch(texts[0].replace(",", ".")) else 0
        if not isinstance(stamps, int):
            unit = "iso" if stamps.dated else "clock"
            time_s = np.asarray((stamps.ns - stamps.ns[0]) / 1e9)
            return f'time = {{ column = {_quoted(name)}, unit = "{unit}" }}   # {SURE}', time_s, SURE
        values = table.column(name)
        step = np.diff(values)
        named = _is_time(table, name) or not table.header
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


def _own_time(table: HeadTable, name: str, time_line: str) -> str | None:
    """The column of times that ends where the column `name` ends, and is not the time of all."""
    there = np.isfinite(table.column(name))
    if there.mean() > 0.95:
        return None
    for other in table.names:
        other_time = _is_time(table, other) and _quoted(other) not in time_line
        if other_time and np.array_equal(np.isfinite(table.column(other)), there):
            return other
    return None


def _is_time(table: HeadTable, name: str) -> bool:
    """Whether the name, or its unit, is that of a time."""
    return bool(re.search(_TIME, name.casefold())) or _unit_of(table, "time", [name]) is not None


def _unit_of(table: HeadTable, kind: str, names: Sequence[str]) -> str | None:
    """The unit that names or the line below them say."""
    said = table.said(names[0])
    return next((unit for pattern, unit in _UNITS[kind] if re.search(pattern, said)), None)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, names))}]"


def _quoted(text: str) -> str:
    """A TOML text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'
