"""CSV: angles, repetitions, and the samples of each sensor. Heads carry units, every row its calendar time in UTC.

A missing number is an empty cell. Numbers have the fewest digits that give the very same number back, so an export that is read
again is equal, bit for bit. Beside the samples stands a mapping, with which `hiphinge import csv` reads them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from body_signals import HiphingeError, TimedBlock, flag_names
from dashboards.export.session import Choices, ExportedSession, Written, distinct_names
from on_disk import open_private, toml_text, write_private

ANGLES, REPETITIONS, RAW = "angles", "repetitions", "raw"
TABLES = (ANGLES, REPETITIONS, RAW)
MAPPING = "mapping.toml"
_TIME, _UTC = "time_s", "utc"
_ACC = ("acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2")
_GYR = ("gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s")
_QUAT = ("quat_w", "quat_x", "quat_y", "quat_z")


class _CsvFile:
    """One CSV file; its head is written with the first rows."""

    def __init__(self, path: Path, choices: Choices) -> None:
        self._file = open_private(path, "wb")
        self._choices = choices
        self.names: list[str] | None = None

    def write(self, columns: dict[str, pa.Array | pa.ChunkedArray]) -> None:
        if self.names is None:
            self.names = list(columns)
            self._file.write((self._choices.separator.join(columns) + "\n").encode())
        table = pa.table([self._cells(column) for column in columns.values()], names=list(columns))
        how = arrow_csv.WriteOptions(include_header=False, delimiter=self._choices.separator, quoting_style="none")
        arrow_csv.write_csv(table, self._file, how)

    def _cells(self, column: Any) -> Any:
        if not pa.types.is_floating(column.type):
            return column
        present = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        if self._choices.decimal == ".":
            return present
        return pc.replace_substring(pc.cast(present, pa.string()), ".", self._choices.decimal)

    def close(self) -> None:
        self._file.close()


def write_csv(session: ExportedSession, folder: Path, choices: Choices) -> Written:
    """Write the table that was chosen, or all that the session has."""
    wanted = (choices.table,) if choices.table else TABLES
    written: list[Path] = []
    if ANGLES in wanted:
        written.append(_angles(session, folder / f"{session.stem}-{ANGLES}.csv", choices))
    if REPETITIONS in wanted:
        written.append(_repetitions(session, folder / f"{session.stem}-{REPETITIONS}.csv", choices))
    if RAW in wanted and (choices.table or session.sensors):
        written += _raw(session, folder, choices)
    return Written(written)


def _angles(session: ExportedSession, path: Path, choices: Choices) -> Path:
    out = _CsvFile(path, choices)
    try:
        for minute in session.angles():
            time_s, *rest = minute.column_names
            out.write({time_s: minute[time_s], _UTC: _utc(session, minute[time_s]), **{name: minute[name] for name in rest}})
        if out.names is None:
            raise HiphingeError(
                "the session has no rows of angles", str(session.folder), "Export another table, or another session"
            )
    finally:
        out.close()
    return path


def _repetitions(session: ExportedSession, path: Path, choices: Choices) -> Path:
    table = session.repetitions()
    words = pa.array([" ".join(flag_names(flags)) for flags in table["quality"].to_pylist()], pa.string())
    out = _CsvFile(path, choices)
    try:
        columns: dict[str, Any] = {}
        for name in table.column_names:
            columns[name] = table[name]
            if name == "start_s":
                columns["start_utc"] = _utc(session, table[name])
            if name == "quality":
                columns["quality_words"] = words
        out.write(columns)
    finally:
        out.close()
    return path


def _raw(session: ExportedSession, folder: Path, choices: Choices) -> list[Path]:
    """A file for each sensor, and the mapping with which they are imported again."""
    keys = [sensor.key for sensor in session.sensors]
    names = distinct_names(keys)
    prefix = session.stem.removesuffix(f"-{session.estimator}") if session.estimator else session.stem
    paths = {key: folder / f"{prefix}-{names[key]}.csv" for key in keys}
    files: dict[str, _CsvFile] = {}
    try:
        for batch in session.batches():
            for block in batch:
                if block.sensor not in files:
                    files[block.sensor] = _CsvFile(paths[block.sensor], choices)
                columns = _columns(session, block)
                of_file = files[block.sensor].names
                if of_file is not None and of_file != list(columns):
                    what = f"the sensor {block.sensor!r} sends other channels from {block.time_s[0]:.3f} s on"
                    raise HiphingeError(what, str(session.folder), "One table cannot hold both; the recording has them")
                files[block.sensor].write(columns)
    finally:
        for file in files.values():
            file.close()
    if not files:
        raise HiphingeError("the session holds no samples", str(session.folder), "Export --table angles or repetitions")
    mapping = folder / f"{prefix}-{MAPPING}"
    heads = {key: file.names or [] for key, file in files.items()}
    write_private(mapping, toml_text(_mapping(session, heads, paths, choices), mapping))
    return [*(paths[key] for key in files), mapping]


def _columns(session: ExportedSession, block: TimedBlock) -> dict[str, Any]:
    columns: dict[str, Any] = {_TIME: pa.array(block.time_s), _UTC: _utc(session, block.time_s)}
    for names, values in ((_ACC, block.acc), (_GYR, block.gyr), (_QUAT, block.quat)):
        if values is not None:
            columns |= {name: pa.array(np.ascontiguousarray(values[:, i])) for i, name in enumerate(names)}
    columns["lost_before"] = pa.array(block.lost)
    columns["saturated"] = pa.array(block.saturated.astype(np.int8))
    return columns


def _mapping(session: ExportedSession, heads: dict[str, list[str]], paths: dict[str, Path], choices: Choices) -> dict[str, Any]:
    """The mapping of docs/csv-mapping.md that says what stands in the files."""
    top: dict[str, Any] = {}
    if choices.separator != ",":
        top["delimiter"] = choices.separator
    if choices.decimal != ".":
        top["decimal"] = choices.decimal
    if session.start is not None:
        top["start"] = session.start
    top["time"] = {"column": _TIME, "unit": "s", "zero": "keep"}
    top["acc"] = {"columns": list(_ACC), "unit": "m/s2"}
    top["athlete"] = {"id": session.athlete}
    top["sensor"] = list(_sensors(session, heads, paths))
    own = [{"time_s": float(mark.time_s), "label": mark.label} for mark in session.marks]
    return top | ({"mark": own} if own else {})


def _sensors(session: ExportedSession, heads: dict[str, list[str]], paths: dict[str, Path]) -> Iterator[dict[str, Any]]:
    for sensor in session.sensors:
        if sensor.key not in heads:
            continue
        entry: dict[str, Any] = {"placement": sensor.placement.value}
        if sensor.name is not None:
            entry["name"] = sensor.name
        entry["file"] = paths[sensor.key].name
        if sensor.mounting is not None:
            entry["mounting"] = {"up": sensor.mounting.up, "left": sensor.mounting.left}
        if sensor.rate_hz is not None:
            entry["rate_hz"] = float(sensor.rate_hz)
        if _GYR[0] in heads[sensor.key]:
            entry["gyr"] = {"columns": list(_GYR), "unit": "rad/s"}
        if _QUAT[0] in heads[sensor.key]:
            entry["quat"] = {"columns": list(_QUAT)}
        yield entry


def _utc(session: ExportedSession, time_s: Any) -> pa.Array:
    """Calendar times as ISO 8601 with a Z, empty where the start is not known."""
    moments = session.utc(np.asarray(time_s))
    if session.start is None:
        return pa.nulls(len(moments), pa.string())
    return pa.array(np.char.add(np.datetime_as_string(moments, unit="us"), "Z").tolist(), pa.string())
