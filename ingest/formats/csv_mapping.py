"""Format ``csv``: one CSV file for each sensor, and a mapping file (TOML) that names its columns.

    start = 2026-11-23T14:05:00Z                     # optional, as are [athlete] and [[mark]]: as in session.toml
    delimiter = ";"                                  # optional, a comma if not stated
    skip_rows = 2                                    # optional, lines before the line of column names
    time = { column = "t", unit = "ms" }             # s, ms, us, ns; zero = "keep": session time is the file's own
    acc = { columns = ["ax", "ay", "az"], unit = "g" }          # m/s2, g, mg
    gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }      # rad/s, deg/s
    quat = { columns = ["qw", "qx", "qy", "qz"] }    # optional; gyr may then be missing
    mag = { columns = ["mx", "my", "mz"], unit = "uT" }         # optional; uT, mG, G
    [[sensor]]                                       # optional; placement, name, mounting, rate_hz as in session.toml
    placement = "pelvis"
    file = "hip.csv"                                 # and own time, acc, … where this file differs

Without [[sensor]] tables every CSV file is a sensor: a file named after a placement is worn there, others keep their name.
Session time 0 is the earliest first sample.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from body_signals import UNKNOWN_START, Floats, HiphingeError, Placement, Sensor, Session, check_athlete
from ingest.formats.imported import Gathering, ImportedSession, check_source
from ingest.formats.number_table import NumberTable, place, read_numbers
from ingest.formats.samples import PlainSamples
from ingest.formats.units import ACC_M_S2, GYR_RAD_S, MAG_UT, PER_SECOND
from ingest.heads.session_toml import Address, line_of, session_from_dict
from on_disk import read_toml, shown

_COLUMNS = {"time", "acc", "gyr", "quat", "mag"}
_LAYOUT = _COLUMNS | {"delimiter", "skip_rows"}
_HEAD = {"schema", "start", "athlete", "mark"}
_SENSOR = {"placement", "name", "file", "mounting", "rate_hz"}
_EXAMPLES = {
    "time": 'time = { column = "t", unit = "ms" }',
    "acc": 'acc = { columns = ["ax", "ay", "az"], unit = "g" }',
    "gyr": 'gyr = { columns = ["gx", "gy", "gz"], unit = "deg/s" }',
    "quat": 'quat = { columns = ["qw", "qx", "qy", "qz"] }',
    "mag": 'mag = { columns = ["mx", "my", "mz"], unit = "uT" }',
}
_UNITS: dict[str, Mapping[str, float]] = {
    "time": PER_SECOND,
    "acc": ACC_M_S2,
    "gyr": GYR_RAD_S,
    "quat": {"": 1.0},
    "mag": MAG_UT,
}


@dataclass(frozen=True, slots=True)
class _Columns:
    names: tuple[str, ...]
    factor: float
    keep_zero: bool = False

    def of(self, table: NumberTable) -> Floats:
        return np.asarray(table.group(self.names) * self.factor)


@dataclass(frozen=True, slots=True)
class _Layout:
    delimiter: str
    skip_rows: int
    time: _Columns
    acc: _Columns
    gyr: _Columns | None
    quat: _Columns | None
    mag: _Columns | None

    def read(self, path: Path, mapping: Path) -> NumberTable:
        groups = (self.time, self.acc, self.gyr, self.quat, self.mag)
        wanted = list(dict.fromkeys(name for group in groups if group is not None for name in group.names))
        table = read_numbers(path, wanted, self.delimiter, self.skip_rows, f"Correct the names or delimiter in {mapping}.")
        table.check_increasing(self.time.names[0])
        return table

    def seconds(self, table: NumberTable) -> Floats:
        return np.asarray(table.columns[self.time.names[0]] / self.time.factor)


def import_csv(path: Path, mapping: Path | None, placements: Mapping[str, str]) -> ImportedSession:
    """The session of the CSV file or folder of CSV files at `path`, described by the file `mapping`."""
    if mapping is None:
        raise HiphingeError(
            "format csv needs a mapping file", str(path), f"Give --mapping FILE with {', '.join(list(_EXAMPLES.values())[:3])}."
        )
    check_source(path)
    plan = _Mapping(mapping)
    head = plan.head()
    sources = plan.sources(path)
    tables = [layout.read(file, mapping) for file, _, layout in sources]
    keep = {layout.time.keep_zero for _, _, layout in sources}
    if len(keep) > 1:
        plan.fail("zero differs between sensors", ("time", "zero"), 'Write zero = "keep" for all sensors or for none.')
    times = [layout.seconds(table) for (_, _, layout), table in zip(sources, tables, strict=True)]
    if not keep.pop():
        zero = min(float(time[0]) for time in times)
        times = [np.round(time - zero, 9) for time in times]
    gathering = Gathering(path, placements)
    for (file, entry, layout), table, time_s in zip(sources, tables, times, strict=True):
        stated = plan.sensor(*entry) if entry is not None else None
        words = [file.stem, file.name, *([stated.key] if stated else [])]
        guess = stated.placement if stated else Placement(file.stem) if file.stem in set(Placement) else None
        sensor = gathering.sensor(words, guess, (stated and stated.name) or file.stem)
        if stated:
            sensor = replace(sensor, mounting=stated.mounting, rate_hz=stated.rate_hz)
        samples = PlainSamples(
            time_s,
            layout.acc.of(table),
            layout.gyr.of(table) if layout.gyr else None,
            layout.quat.of(table) if layout.quat else None,
            layout.mag.of(table) if layout.mag else None,
        )
        remedies = {key: f"Correct the unit of {key} in {mapping}: {', '.join(_UNITS[key])}." for key in ("time", "acc", "gyr")}
        remedies["quat"] = "Orientations must be sensor → earth, z up, in the order w, x, y, z."
        gathering.add(sensor, samples, table, remedies)
    return gathering.finish(head.start if "start" in plan.top else None, plan.athlete(head), head.marks)


class _Mapping:
    """A mapping file; every fault names its line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        remedy = "Check the path given with --mapping."
        if not path.exists():
            raise HiphingeError("the mapping file cannot be read: it is not there", str(path), remedy)
        self.top, self._text = read_toml(path, remedy)
        self._only_known(self.top, _HEAD | _LAYOUT | {"sensor"}, ())
        self._entries: list[dict[str, Any]] = self.top.get("sensor", [])
        if not isinstance(self._entries, list) or not all(isinstance(entry, dict) for entry in self._entries):
            self.fail("sensor is not a list of tables", ("sensor",), "Begin each sensor with a line [[sensor]].")
        for i, entry in enumerate(self._entries):
            self._only_known(entry, _SENSOR | _LAYOUT, ("sensor", i))

    def head(self) -> Session:
        """Start, athlete and marks as in session.toml, with a placeholder where they are not stated."""
        stand_in: dict[str, Any] = {"start": UNKNOWN_START, "athlete": {"id": "-"}, "sensor": [{"placement": "pelvis"}]}
        session = session_from_dict(stand_in, str(self._path))
        for key in ("schema", "start", "athlete", "mark"):
            if key in self.top:
                session = session_from_dict(
                    {**stand_in, "start": session.start, "athlete": {"id": session.athlete}, key: self.top[key]},
                    self._at((key,)),
                )
        return session

    def athlete(self, head: Session) -> str | None:
        """The stated athlete."""
        if "athlete" not in self.top:
            return None
        try:
            return check_athlete(head.athlete)
        except HiphingeError as error:
            self.fail(error.what, ("athlete", "id"), "Write the pseudonym of one athlete.")

    def sensor(self, i: int, entry: Mapping[str, Any]) -> Sensor:
        """The `Sensor` that the i-th [[sensor]] table states."""
        stated = {key: value for key, value in entry.items() if key in _SENSOR}
        head = {"start": UNKNOWN_START, "athlete": {"id": "-"}, "sensor": [stated]}
        return session_from_dict(head, self._at(("sensor", i))).sensors[0]

    def sources(self, path: Path) -> list[tuple[Path, tuple[int, Mapping[str, Any]] | None, _Layout]]:
        """Every CSV file with its [[sensor]] table, if there is one, and its layout."""
        if not self._entries:
            files = [path] if path.is_file() else sorted(path.glob("*.csv"))
            if not files:
                raise HiphingeError("no CSV files in this folder", str(path), "Give the folder that holds the *.csv files.")
            return [(file, None, self._layout({}, ())) for file in files]
        return [
            (self._file(path, i, entry), (i, entry), self._layout(entry, ("sensor", i)))
            for i, entry in enumerate(self._entries)
        ]

    def _file(self, path: Path, i: int, entry: Mapping[str, Any]) -> Path:
        self.sensor(i, entry)
        file = entry.get("file")
        if path.is_file():
            if len(self._entries) == 1 and file in (None, path.name):
                return path
            self.fail("several files are described, one is given", ("sensor", i), f"Give the folder, {path.parent}.")
        if file is None:
            self.fail("the sensor has no file", ("sensor", i), 'Name its CSV file: file = "….csv".')
        if not (path / file).is_file():
            self.fail(f"{file} is not in {path}", ("sensor", i, "file"), "Correct the name of the file.")
        return path / str(file)

    def _layout(self, entry: Mapping[str, Any], at: Address) -> _Layout:
        delimiter, delimiter_at = self._either("delimiter", entry, at)
        if delimiter is None:
            delimiter = ","
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n.+-':
            self.fail(
                f"delimiter = {shown(delimiter)} is not a delimiter", delimiter_at, 'Write one character: ",", ";" or "\\t".'
            )
        skip_rows, skip_at = self._either("skip_rows", entry, at)
        if skip_rows is None:
            skip_rows = 0
        if type(skip_rows) is not int or skip_rows < 0:
            self.fail(f"skip_rows = {shown(skip_rows)} is not a number of lines", skip_at, "Write 0, 1, 2 …")
        groups = {key: self._columns(key, entry, at) for key in ("time", "acc", "gyr", "quat", "mag")}
        for key in ("time", "acc"):
            if groups[key] is None:
                self.fail(f"{key} is missing", at or (key,), f"Add {_EXAMPLES[key]} above all tables in brackets.")
        if groups["gyr"] is None and groups["quat"] is None:
            self.fail("neither gyr nor quat is there", at or ("gyr",), f"Add {_EXAMPLES['gyr']}, or quat.")
        return _Layout(delimiter, skip_rows, **groups)  # type: ignore[arg-type]

    def _columns(self, key: str, entry: Mapping[str, Any], at: Address) -> _Columns | None:
        value, where = self._either(key, entry, at)
        if value is None:
            return None
        remedy = f"Write for example {_EXAMPLES[key]}."
        count = {"time": 1, "quat": 4}.get(key, 3)
        word = "column" if key == "time" else "columns"
        known = {word} | ({"unit"} if key != "quat" else set()) | ({"zero"} if key == "time" else set())
        if not isinstance(value, dict):
            self.fail(f"{key} = {shown(value)} is not a table", where, remedy)
        names = [value.get("column")] if key == "time" else value.get("columns")
        if not isinstance(names, list) or len(names) != count or not all(isinstance(n, str) and n.strip() for n in names):
            self.fail(f"{key} needs {word} with {count} name{'s' * (count > 1)}", where, remedy)
        if unknown := set(value) - known:
            self.fail(f"unknown key {min(unknown)!r} in {key}", where, remedy)
        unit, units = value.get("unit", ""), _UNITS[key]
        if not isinstance(unit, str) or unit not in units:
            what = f"unknown unit {shown(unit)} of {key}" if unit else f"{key} has no unit"
            self.fail(what, where, f"Units are {', '.join(units)}.")
        zero = value.get("zero", "first")
        if zero not in ("first", "keep"):
            self.fail(f"zero = {shown(zero)} is unknown", where, 'Write zero = "keep", or leave it out.')
        return _Columns(tuple(name.strip() for name in names), units[unit], zero == "keep")

    def _either(self, key: str, entry: Mapping[str, Any], at: Address) -> tuple[Any, Address]:
        """A sensor's own value, else the one for all; and where it stands."""
        return (entry[key], (*at, key)) if key in entry else (self.top.get(key), (key,))

    def _only_known(self, table: Mapping[str, Any], known: set[str], at: Address) -> None:
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, sorted(known), 1, 0.6)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known keys are {', '.join(sorted(known))}."
                self.fail(f"unknown key {shown(key)}", (*at, key), hint)

    def _at(self, address: Address) -> str:
        return place(self._path, line_of(self._text, address))

    def fail(self, what: str, at: Address, remedy: str) -> NoReturn:
        """Raise `HiphingeError` at the line of `at`."""
        raise HiphingeError(what, self._at(at), remedy)
