"""The four result files of an estimator: angles, orientations and repetitions as Parquet, and summary.json.

Columns, types, units and descriptions come from `body_signals.quantities`. The bytes depend on the rows only, never on how
they were split into calls: row groups end at whole minutes of session time. Memory is bounded by the rows of one call and of
some minutes. The files appear together, under their final names, when the writer is closed; otherwise nothing appears.

Every reader gets today's columns. A column that is younger than the file is filled with missing values (`Quantity.since`), and
a column that this version does not know yet is left out. Any other difference is an error that names the column.
"""

from __future__ import annotations

import math
import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from body_signals import (
    ANGLE_COLUMNS,
    BODY_PLACEMENTS,
    ESTIMATORS,
    FIRST_VERSION,
    LONGEST_SESSION_S,
    ORIENTATION_COLUMNS,
    REPETITION_COLUMNS,
    REPETITION_METRICS,
    SCHEMA,
    HiphingeError,
    Quantity,
    Storage,
)
from dashboards.corrections import corrected
from dashboards.parquet_file import open_parquet, say_head
from dashboards.summary_file import check_summary, summary_text
from dsp.results import TICK_HZ, AngleRows, Metrics, OrientationRows, Repetition
from on_disk import check_file, make_private_folder, read_json, replace_whole, write_private

ANGLES, ORIENTATIONS, REPETITIONS, SUMMARY = "angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json"

_ROW_GROUP_S = 60.0
"""Session time in one row group of a table, s (ours)."""
_MOST_WAITING = 16
"""Row groups that wait to be encoded, at most (ours): some MB."""
_ARROW: dict[Storage, pa.DataType] = {
    Storage.FLOAT64: pa.float64(),
    Storage.FLOAT32: pa.float32(),
    Storage.INT32: pa.int32(),
    Storage.STRING: pa.string(),
}
_MISSING: dict[Storage, object] = {Storage.FLOAT64: math.nan, Storage.FLOAT32: math.nan, Storage.INT32: 0, Storage.STRING: ""}
"""The values of a column in a file that is older than the column."""
_BODY_ORDER = {p.value: i for i, p in enumerate(BODY_PLACEMENTS)}


def table_schema(name: str, columns: Sequence[Quantity]) -> pa.Schema:
    """Arrow schema of a table; each field's metadata carries its unit and description."""
    fields = [
        pa.field(q.name, _ARROW[q.kind], nullable=False, metadata={"unit": q.unit, "description": q.description})
        for q in columns
    ]
    return pa.schema(fields, metadata={"hiphinge.table": name, "hiphinge.schema": str(SCHEMA)})


ANGLE_SCHEMA = table_schema("angles", ANGLE_COLUMNS)
ORIENTATION_SCHEMA = table_schema("orientations", ORIENTATION_COLUMNS)
REPETITION_SCHEMA = table_schema("repetitions", REPETITION_COLUMNS)
_TIMES, _FURTHEST_S = frozenset({"time_s", "start_s", "turn_s", "end_s"}), 1e9
_MOST_TICKS = round(LONGEST_SESSION_S * TICK_HZ) + 1000
_MOST_ROWS = {ANGLES: _MOST_TICKS, ORIENTATIONS: 32 * _MOST_TICKS, REPETITIONS: 1_000_000}
"""Most rows of a table (ours); a small file may decompress to more than any memory. For orientations: of 32 sensors."""
_COLUMNS = {ANGLES: ANGLE_COLUMNS, ORIENTATIONS: ORIENTATION_COLUMNS, REPETITIONS: REPETITION_COLUMNS}
_SCHEMAS = {ANGLES: ANGLE_SCHEMA, ORIENTATIONS: ORIENTATION_SCHEMA, REPETITIONS: REPETITION_SCHEMA}


_METRICS = frozenset(REPETITION_METRICS)
_DEGREES = 180.0 / math.pi


class TableWriter:
    """Writes `folder/<estimator>/`; a context manager that leaves nothing behind unless `close` was reached.

    Rows of angles, and rows of each sensor's orientations, must come in strictly increasing time (ValueError), orientations
    of all sensors stretch by stretch. An existing result of the same estimator is replaced at `close`, as a whole.
    HiphingeError where the disk refuses.
    """

    def __init__(self, folder: Path, estimator: str) -> None:
        if estimator not in ESTIMATORS:
            raise ValueError(f"estimator {estimator!r}: expected one of {', '.join(ESTIMATORS)}")
        self._estimator = estimator
        self._final = folder / estimator
        self._scratch = _scratch(folder, estimator)
        self._made_folder = not folder.exists()
        self._pending: list[AngleRows] = []
        self._last_s = -math.inf
        self._sensors: dict[str, _Waiting] = {}
        self._minute = -(10**9)
        """The first minute whose orientations are not written yet."""
        self._repetitions: list[Repetition] = []
        # Arrow needs no lock of Python: row groups are encoded while the next rows are computed
        self._encoder = ThreadPoolExecutor(1, "tables")
        self._encoding: deque[Future[None]] = deque()
        self._open = True
        with self._guarded():
            shutil.rmtree(self._scratch, ignore_errors=True)
            make_private_folder(self._scratch)
            self._angles = open_parquet(self._scratch / ANGLES, ANGLE_SCHEMA)
            self._orientations = open_parquet(self._scratch / ORIENTATIONS, ORIENTATION_SCHEMA)

    def angles(self, rows: AngleRows) -> None:
        """Append rows of the angle table."""
        if not len(rows):
            return
        self._check_open()
        _check_times(rows.time_s, self._last_s, "angles")
        begins = math.floor(self._last_s / _ROW_GROUP_S) if self._pending else None
        self._last_s = float(rows.time_s[-1])
        self._pending.append(rows)
        if begins is not None and math.floor(self._last_s / _ROW_GROUP_S) == begins:
            return
        with self._guarded():
            self._write_angles(keep_last=True)

    def orientations(self, stretch: Sequence[OrientationRows]) -> None:
        """Append rows of the orientation table: all rows of all sensors up to the last of these times."""
        stretch = [rows for rows in stretch if len(rows)]
        if not stretch:
            return
        self._check_open()
        for rows in stretch:
            if _minute(rows.time_s[0]) < self._minute:
                raise ValueError(f"orientations of {rows.sensor}: rows of a minute that is written already")
            waiting = self._sensors.setdefault(rows.sensor, _Waiting())
            _check_times(rows.time_s, waiting.last_s, f"orientations of {rows.sensor}")
            waiting.last_s = float(rows.time_s[-1])
            waiting.rows.append(rows)
        with self._guarded():
            self._write_orientations(_minute(max(rows.time_s[-1] for rows in stretch)))

    def repetition(self, rep: Repetition) -> None:
        """Append one repetition. ValueError for a metric that `body_signals.quantities` does not name."""
        self._check_open()
        unknown = set(rep.metrics) - _METRICS
        if unknown:
            raise ValueError(f"repetition {rep.index}: unknown metrics {', '.join(sorted(unknown))}")
        self._repetitions.append(rep)

    def close(self, summary: Mapping[str, object]) -> None:
        """Write what is pending and `summary`, then let the files appear. ValueError where the summary's keys are wrong."""
        self._check_open()
        text = summary_text(summary, self._estimator)
        with self._guarded():
            self._write_angles(keep_last=False)
            self._write_orientations(_minute(max((w.last_s for w in self._sensors.values()), default=0.0)) + 1)
            self._wait_for_encoding(0)
            self._encoder.shutdown()
            say_head(self._angles, ANGLE_SCHEMA, summary)
            self._angles.close()
            say_head(self._orientations, ORIENTATION_SCHEMA, summary)
            self._orientations.close()
            with open_parquet(self._scratch / REPETITIONS, REPETITION_SCHEMA) as out:
                out.write_table(arrow_repetitions(self._repetitions))
                say_head(out, REPETITION_SCHEMA, summary)
            write_private(self._scratch / SUMMARY, text)
            self._appear()
        self._open = False

    def abort(self) -> None:
        """Discard what was written; earlier results stay. Harmless after `close`."""
        if not self._open:
            return
        self._open = False
        self._encoder.shutdown(cancel_futures=True)
        self._angles.close()
        self._orientations.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._made_folder and self._final.parent.is_dir() and not any(self._final.parent.iterdir()):
            self._final.parent.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.abort()

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("the table writer is closed")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Report a disk error in the user's words."""
        try:
            yield
        except OSError as error:
            what = f"cannot write results: {error.strerror or error}"
            raise HiphingeError(what, str(self._final), "Check free space and permissions of that folder") from error

    def _write_angles(self, *, keep_last: bool) -> None:
        if not self._pending:
            return
        # only the minute that began before is put together
        *begun, rows = self._pending
        self._pending = []
        pieces = list(_minutes(rows.time_s))
        for i, (piece, last) in enumerate(pieces):
            part = rows.part(piece.start, piece.stop)
            if i == 0 and begun:
                if _minute(begun[-1].time_s[-1]) == _minute(part.time_s[0]):
                    part = AngleRows.join([*begun, part])
                else:
                    self._write_minute(AngleRows.join(begun))
            if last and keep_last:
                self._pending = [part]
            else:
                self._write_minute(part)

    def _write_minute(self, rows: AngleRows) -> None:
        self._encode(self._angles, arrow_angles(rows))

    def _encode(self, file: pq.ParquetWriter, table: pa.Table) -> None:
        """Write a row group beside the caller; an error comes with a later one, or at the end."""
        self._wait_for_encoding(_MOST_WAITING)
        self._encoding.append(self._encoder.submit(file.write_table, table, row_group_size=len(table)))

    def _wait_for_encoding(self, most: int) -> None:
        """Until at most this many row groups are still to be written. OSError where one could not be."""
        while len(self._encoding) > most:
            self._encoding.popleft().result()

    def _write_orientations(self, until: int) -> None:
        """Write the waiting rows of the minutes before `until`: minute by minute, within a minute sensor by sensor."""
        if until <= self._minute:
            return
        self._minute = until
        keys = sorted(self._sensors, key=lambda key: (_BODY_ORDER.get(key, len(_BODY_ORDER)), key))
        complete = [(i, self._sensors[key].before(until * _ROW_GROUP_S)) for i, key in enumerate(keys)]
        minutes: dict[int, list[tuple[int, OrientationRows]]] = {}
        for i, rows in complete:
            for piece, _ in _minutes(rows.time_s):
                minutes.setdefault(_minute(rows.time_s[piece.start]), []).append((i, _cut(rows, piece)))
        for minute in sorted(minutes):
            table = _orientation_table(keys, minutes[minute])
            self._encode(self._orientations, table)

    def _appear(self) -> None:
        """Move the scratch folder to the final place: old and new files are never mixed."""
        old = self._final.with_name(f".{self._estimator}.old")
        shutil.rmtree(old, ignore_errors=True)
        if self._final.exists():
            self._final.rename(old)
        self._scratch.rename(self._final)
        shutil.rmtree(old, ignore_errors=True)


class _Waiting:
    """Rows of one sensor whose minute is not complete."""

    def __init__(self) -> None:
        self.rows: list[OrientationRows] = []
        self.last_s = -math.inf

    def before(self, end_s: float) -> OrientationRows:
        """Take the rows before session time `end_s`."""
        if not self.rows:
            return OrientationRows("", np.empty(0), np.empty((0, 4)), np.empty(0, np.int32))
        whole = self.rows[0]
        if len(self.rows) > 1:
            whole = OrientationRows(
                whole.sensor,
                np.concatenate([r.time_s for r in self.rows]),
                np.concatenate([r.quat for r in self.rows]),
                np.concatenate([r.heading_epoch for r in self.rows]),
            )
        n = int(np.searchsorted(whole.time_s, end_s))
        self.rows = [_cut(whole, slice(n, None))] if n < len(whole) else []
        return _cut(whole, slice(n))


def _cut(rows: OrientationRows, part: slice) -> OrientationRows:
    return OrientationRows(rows.sensor, rows.time_s[part], rows.quat[part], rows.heading_epoch[part])


def arrow_angles(rows: AngleRows) -> pa.Table:
    """Angle rows as an Arrow table, in degrees."""
    # the same as np.degrees, but several times as fast
    angles, sd = _columns(rows.angles * _DEGREES), _columns(rows.sd * _DEGREES)
    columns = [rows.time_s.astype(np.float64, copy=False)]
    for angle, uncertainty in zip(angles, sd, strict=True):
        columns += [angle, uncertainty]
    columns.append(rows.quality.astype(np.int32, copy=False))
    return pa.table([pa.array(c) for c in columns], schema=ANGLE_SCHEMA)


def arrow_repetitions(repetitions: Sequence[Repetition]) -> pa.Table:
    """Repetitions as an Arrow table; a metric that a repetition does not have is NaN."""
    placed = [q.name for q in REPETITION_COLUMNS if q.name not in REPETITION_METRICS]
    columns: dict[str, Any] = {name: [getattr(r, name) for r in repetitions] for name in placed}
    # every missing value is the same NaN
    columns |= zip(
        REPETITION_METRICS, Metrics.table([r.metrics for r in repetitions], tuple(REPETITION_METRICS)).T, strict=True
    )
    return pa.table([pa.array(columns[f.name], f.type) for f in REPETITION_SCHEMA], schema=REPETITION_SCHEMA)


def repetition_of(row: Mapping[str, Any]) -> Repetition:
    """A row of the table of repetitions, or of some of its columns, as a result again; a metric that is NaN is absent."""
    metrics = {name: value for name in REPETITION_METRICS if (value := row.get(name, math.nan)) == value}
    times = (row["start_s"], row["turn_s"], row["end_s"])
    return Repetition(row["index"], *times, row["movement"], row["movement_confidence"], row["quality"], metrics)


def _orientation_table(keys: Sequence[str], parts: Sequence[tuple[int, OrientationRows]]) -> pa.Table:
    placement = pa.concat_arrays([pa.repeat(pa.scalar(keys[i], pa.string()), len(rows)) for i, rows in parts])
    quat = np.concatenate([_columns(rows.quat.T) for _, rows in parts], axis=1)
    time_s = np.concatenate([rows.time_s for _, rows in parts])
    epoch = np.concatenate([rows.heading_epoch for _, rows in parts])
    columns = [pa.array(time_s), placement, *(pa.array(c) for c in quat), pa.array(epoch)]
    return pa.table(columns, schema=ORIENTATION_SCHEMA)


def _columns(values: NDArray[Any]) -> NDArray[np.float32]:
    """(c, n) as c contiguous float32 columns; every missing value is the same NaN, so that equal rows are equal bytes."""
    columns = np.ascontiguousarray(values, np.float32)
    columns[np.isnan(columns)] = np.nan
    return columns


def _minute(time_s: float) -> int:
    return math.floor(time_s / _ROW_GROUP_S)


def _minutes(time_s: NDArray[np.float64]) -> Iterator[tuple[slice, bool]]:
    """Slices of rows that share a minute, and whether the slice is the last."""
    if not len(time_s):
        return
    starts = np.flatnonzero(np.diff(np.floor(time_s / _ROW_GROUP_S), prepend=-np.inf)).tolist()
    for start, end in zip(starts, [*starts[1:], len(time_s)], strict=True):
        yield slice(start, end), end == len(time_s)


def _check_times(time_s: NDArray[np.float64], last_s: float, what: str) -> None:
    if not (time_s[0] > last_s and np.all(np.diff(time_s) > 0) and np.isfinite(time_s[-1])):
        raise ValueError(f"{what}: time must increase from row to row (after {last_s} s)")


def read_angles(folder: Path, estimator: str, columns: Sequence[str] | None = None) -> pa.Table:
    """`angles.parquet` of a session folder, or some columns of it. HiphingeError when missing or damaged."""
    return _read(folder, estimator, ANGLES, columns)


def read_orientations(folder: Path, estimator: str) -> pa.Table:
    """`orientations.parquet` of a session folder: minute by minute, within a minute sensor by sensor."""
    return _read(folder, estimator, ORIENTATIONS)


def read_repetitions(folder: Path, estimator: str, columns: Sequence[str] | None = None) -> pa.Table:
    """`repetitions.parquet` of a session folder, or some columns of it."""
    return _read(folder, estimator, REPETITIONS, columns)


def angle_minutes(
    folder: Path, estimator: str, columns: Sequence[str] | None = None, begin_s: float = -math.inf, end_s: float = math.inf
) -> Iterator[pa.Table]:
    """`angles.parquet` minute by minute, in bounded memory; or some columns of the minutes that begin_s to end_s touches."""
    path = folder / estimator / ANGLES
    with _reading(path), _open_checked(path) as file:
        there = _there(file, path.name, columns)
        for i in range(file.num_row_groups):
            if _touches(file.metadata.row_group(i), begin_s, end_s):
                group = file.read_row_group(i, there)
                yield _of_today(path.name, group, file.metadata.row_group(i).num_rows, columns)


def _touches(group: Any, begin_s: float, end_s: float) -> bool:
    """Whether rows of a row group may be within a span; its statistics say so, where it has them."""
    for i in range(group.num_columns):
        column = group.column(i)
        if column.path_in_schema == "time_s" and column.is_stats_set and column.statistics.has_min_max:
            return bool(column.statistics.min <= end_s and column.statistics.max >= begin_s)
    return True


def read_summary(folder: Path, estimator: str, *, as_computed: bool = False) -> dict[str, Any]:
    """`summary.json` of a session folder, with athlete and start as corrected by session.toml; as_computed: without
    corrections."""
    path = folder / estimator / SUMMARY
    with _reading(path):
        summary = check_summary(read_json(path))
    return summary if as_computed else corrected(summary, folder)


def write_summary(folder: Path, estimator: str, summary: Mapping[str, object]) -> None:
    """Replace the summary, atomically. HiphingeError where it cannot be written."""
    path = folder / estimator / SUMMARY
    try:
        replace_whole(path, summary_text(summary, estimator))
    except OSError as error:
        raise HiphingeError(f"cannot be written: {error.strerror}", str(path), "Check the folder and its permissions") from None


def available_estimators(folder: Path) -> tuple[str, ...]:
    """Estimators whose results the session folder holds, in the order of `ESTIMATORS`."""
    return tuple(e for e in ESTIMATORS if (folder / e / SUMMARY).is_file())


def scratch_folders(folder: Path) -> list[Path]:
    """Folders in which results of a session are being written, or were left by a killed program."""
    return [scratch for scratch in (_scratch(folder, e) for e in ESTIMATORS) if scratch.is_dir() and not scratch.is_symlink()]


def _scratch(folder: Path, estimator: str) -> Path:
    return folder / f".{estimator}.writing"


def _read(folder: Path, estimator: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    path = folder / estimator / name
    with _reading(path), _open_checked(path) as file:
        return _of_today(name, file.read(_there(file, name, columns)), file.metadata.num_rows, columns)


def _has(found: pa.Schema, name: str, quantity: Quantity) -> bool:
    """Whether a file of table `name` has a column once and with the right type, or may lack it because the file is older."""
    at = found.get_all_field_indices(quantity.name)
    if not at:
        return quantity.since != FIRST_VERSION
    return len(at) == 1 and bool(found.field(at[0]).equals(_SCHEMAS[name].field(quantity.name)))


def _there(file: pq.ParquetFile, name: str, columns: Sequence[str] | None = None) -> list[str]:
    """Today's columns of a table, or the requested ones, as far as the file has them."""
    there = frozenset(file.schema_arrow.names)
    return [c for c in (_SCHEMAS[name].names if columns is None else columns) if c in there]


def _of_today(name: str, table: pa.Table, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The table that was read, plus the requested columns that are younger than the file. ValueError for a wrong time."""
    schema = _SCHEMAS[name]
    wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns], schema.metadata)
    if table.column_names != wanted.names:
        kinds = {q.name: q.kind for q in _COLUMNS[name]}
        of_file = set(table.column_names)
        filled = [
            table[c] if c in of_file else pa.repeat(pa.scalar(_MISSING[kinds[c]], _ARROW[kinds[c]]), rows) for c in wanted.names
        ]
        table = pa.table(filled, schema=wanted)
    return _with_sound_times(table)


def _with_sound_times(table: pa.Table) -> pa.Table:
    """The table. ValueError where a time is missing, or beyond any session."""
    for name in _TIMES.intersection(table.column_names):
        if not (np.abs(table[name].to_numpy()) <= _FURTHEST_S).all():
            raise ValueError(f"{name} has an impossible time")
    return table


def _open_checked(path: Path) -> pq.ParquetFile:
    check_file(path)
    file = pq.ParquetFile(path, page_checksum_verification=True)
    try:
        rows = file.metadata.num_rows
        schema = file.schema_arrow
        today = schema.equals(_SCHEMAS[path.name])
        if not today and (wrong := [q.name for q in _COLUMNS[path.name] if not _has(schema, path.name, q)]):
            raise ValueError(f"its columns are not those of this program: {', '.join(wrong)}")
        if rows > _MOST_ROWS[path.name]:
            raise ValueError(f"it has {rows} rows, which is more than a session has")
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    remedy = f"Run `hiphinge replay {path.parent.parent} --out DIR` on the recording to compute the results again"
    try:
        yield
    except FileNotFoundError:
        raise HiphingeError("no such results", str(path), remedy) from None
    except (OSError, pa.ArrowException, ValueError) as error:
        # json.JSONDecodeError and UnicodeDecodeError are ValueErrors.
        what = "cannot be read, it is damaged or of another version (" + str(error).strip().split("\n")[0] + ")"
        raise HiphingeError(what, str(path), remedy) from error
