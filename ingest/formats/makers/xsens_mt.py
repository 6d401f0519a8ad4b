"""Format ``xsens-mt``: text exports of Xsens MT Manager, one file for each sensor.

Header lines beginning with ``//`` (rate, firmware), then columns separated by tabs, commas or semicolons, with decimal points
or commas. PacketCounter, which wraps at 65536 and is shared by the sensors, gives the time; a packet without values was lost.
Needed are Acc_X, Acc_Y, Acc_Z (m/s²) and either the device's orientation, sensor → earth, z up, as Mat[row][column], Quat_q0 …
q3 or Roll, Pitch, Yaw, or Gyr_X, Gyr_Y, Gyr_Z (rad/s). Columns without any value count as missing. Files are read in blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from body_signals import Bools, Floats, HiphingeError, Ints
from ingest.formats.imported import ONLY, Gathering, ImportedSession, Source, check_source, refuse_folder
from ingest.formats.makers.xsens_rate import counted_rate, rates_from_orientation
from ingest.formats.mapping.tables import column_of, refuse_missing
from ingest.formats.orientation import EULER, MATRIX, orientation_of
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import BadLines, TextTable, Wanted, fail, lines, place, rows, split
from on_disk import open_file

_COUNTER = "PacketCounter"
_WRAP = 65536
"""Packet counters have 16 bits."""
_MOST_COMMENTS = 100
"""Lines of comment before the table (ours)."""
_HEAD_BYTES = 8192
"""Bytes at the beginning of a file in which its comments are (ours)."""
_FILLED_WITHIN = 200
"""Lines of the table in which a column must have a value (ours)."""
_MOST_LEADING = 10
"""Most samples at the beginning without a gyroscope that the orientation replaces (ours)."""
_ACC = ("Acc_X", "Acc_Y", "Acc_Z")
_GYR = ("Gyr_X", "Gyr_Y", "Gyr_Z")
_QUATS = (("Quat_q0", "Quat_q1", "Quat_q2", "Quat_q3"), ("Quat_w", "Quat_x", "Quat_y", "Quat_z"))
_RATE = re.compile(r"(?:Update|Sample|Sampling|Output)\s*Rate:\s*([0-9]+(?:[.,][0-9]+)?)\s*Hz", re.IGNORECASE)
_REMEDY = "Export again with packet counter, acceleration and orientation."


@dataclass(frozen=True, slots=True)
class _Export:
    """One file. orientation, gyr: its columns that have values, none where there are none. first: number of its first packet.
    rate_hz: as stated, else None."""

    table: TextTable
    orientation: tuple[str, ...]
    gyr: tuple[str, ...]
    first: int
    rate_hz: float | None

    @property
    def path(self) -> Path:
        return self.table.path


@dataclass(frozen=True, slots=True, eq=False)
class _Packets:
    """n packets. count (n,): since the file's first. lines (n,): of the file. gyr (n, 3): NaN where a packet has none, or None.
    quat (n, 4), or None."""

    count: Floats
    lines: Ints
    acc: Floats
    gyr: Floats | None
    quat: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class _Leading:
    """The packets before the gyroscope's first. number: how many. line: where the gyroscope begins. gyr (number, 3): rates of
    the orientation that stand in for it; None where these packets are left out."""

    number: int
    line: int
    gyr: Floats | None


def import_xsens(source: Source) -> ImportedSession:
    """The session of the export, a file or a folder of them; placements by serial number.

    Sensors without a stated placement are ``other``, named by their serial number.
    """
    path = source.path
    check_source(path)
    files = [path] if path.is_file() else sorted(path.glob("MT*.txt")) or sorted([*path.glob("*.txt"), *path.glob("*.csv")])
    if not files:
        refuse_folder("no MT Manager export", path, "Give the folder that holds the MT_….txt files.")
    exports = [_opened(file) for file in files]
    # offset to the first file, taken as the nearer way around the wrap
    offset = [(one.first - exports[0].first + _WRAP // 2) % _WRAP - _WRAP // 2 for one in exports]
    gathering = Gathering(path, source.placements)
    unplaced = []
    rate_of = _UpdateRates(exports, source.rate_hz)
    for one, begin in zip(exports, offset, strict=True):
        rate_hz = rate_of(one)
        begin_s = (begin - min(offset)) / rate_hz
        stored = _stored(one, rate_hz, begin - min(offset), source.scratch, gathering.notes)
        serial = one.path.stem.rsplit("_", 1)[-1]
        sensor = gathering.sensor([serial, one.path.stem, one.path.name], None, serial)
        if serial not in source.placements and ONLY not in source.placements:
            unplaced.append(serial)
        gathering.add(sensor, stored, one.path, partial(_where, one, rate_hz, begin_s))
    gathering.notes[:0] = rate_of.notes
    if unplaced:
        gathering.notes.append(f"worn where? {', '.join(unplaced)}: say --placement {unplaced[0]}=pelvis and so on")
    return gathering.finish(None, None, local_start=min((at for file in files if (at := _begun(file))), default=None))


def _stored(one: _Export, rate_hz: float, later: int, scratch: Path | None, notes: list[str]) -> StoredSamples:
    """All samples of a file that begins `later` packets after the first. Notes are added to `notes`."""
    stored = StoredSamples(gyr=bool(one.gyr), quat=bool(one.orientation), mag=False, scratch=scratch)
    bad = BadLines(one.path, most=0)
    leading = _leading(one, rate_hz)
    seen, absent = 0, 0
    for part in _packets(one, bad):
        keep, gyr = np.ones(len(part.count), np.bool_), part.gyr
        if gyr is not None:
            before = max(min(leading.number - seen, len(keep)), 0)
            if leading.gyr is None:
                keep[:before] = False
            else:
                gyr[:before] = leading.gyr[seen : seen + before]
            there = np.isfinite(gyr).all(axis=1)
            absent += int(np.count_nonzero(keep & ~there))
            keep &= there
        seen += len(keep)
        if keep.any():
            time_s = (later + part.count[keep]) / rate_hz
            of = [None if values is None else values[keep] for values in (gyr, part.quat)]
            stored.append(PlainSamples(time_s, part.acc[keep], *of))
    notes += bad.notes()
    if absent:
        packets = "1 packet has" if absent == 1 else f"{absent} packets have"
        notes.append(f"{one.path.name}: {packets} no gyroscope values: counted as lost samples")
    if leading.number:
        what = f"the rates of the {leading.number} samples before it are those of the device's orientation"
        if leading.gyr is None:
            what = f"the {leading.number} samples before it are left out"
        notes.append(f"{one.path.name}: the gyroscope begins in line {leading.line}: {what}")
    return stored


def _where(one: _Export, rate_hz: float, begin_s: float, at_s: float) -> str:
    """The line of the first packet at or after a session time."""
    line = one.table.header_line
    for part in _packets(one, BadLines(one.path, most=0)):
        row = int((begin_s + part.count / rate_hz).searchsorted(at_s - 1e-9))
        line = int(part.lines[min(row, len(part.lines) - 1)])
        if row < len(part.lines):
            break
    return place(one.path, line)


def _begun(path: Path) -> datetime | None:
    """The start of the recording, without a zone, if a comment line states it; usually it says *Unknown*."""
    with open_file(path) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    found = re.search(r"^//\s*Start Time:\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*$", head, re.MULTILINE)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


class _UpdateRates:
    """Update rates, Hz. said_hz: by the user. notes: on those that are not stated."""

    def __init__(self, exports: list[_Export], said_hz: float | None) -> None:
        self._exports, self._said_hz = exports, said_hz
        self._found: set[float] | None = None
        self.notes: list[str] = []

    def __call__(self, one: _Export) -> float:
        """The rate of this file. Raises `HiphingeError` where it cannot be known."""
        if one.rate_hz is not None:
            if self._said_hz is not None and abs(self._said_hz / one.rate_hz - 1.0) > 0.01:
                what = f"--rate says {self._said_hz:g} Hz, and the file states {one.rate_hz:g} Hz"
                raise HiphingeError(what, place(one.path, 1), "Leave --rate out, or correct it.")
            return one.rate_hz
        if self._said_hz is not None:
            return self._said_hz
        if self._found is None:
            self._found = {rate for each in self._exports if (rate := _told_rate(each)) is not None}
        if len(self._found) == 1:
            (rate_hz,) = self._found
            self.notes = [
                f"the update rate is not stated: packets, gyroscope and orientation agree at {rate_hz:g} Hz; if that is wrong, "
                "give --rate"
            ]
            return rate_hz
        remedy = "Say it: --rate 100 for 100 packets a second. Older versions of MT Manager write it into the file."
        raise HiphingeError("the update rate is not stated", place(one.path, 1), remedy)


def _told_rate(one: _Export) -> float | None:
    """The rate that the first part of the file with enough movement tells."""
    parts = _packets(one, BadLines(one.path, most=0)) if one.gyr else ()
    told = (counted_rate(part.count, part.acc, part.gyr, part.quat) for part in parts)
    return next((rate for rate in told if rate is not None), None)


def _leading(one: _Export, rate_hz: float) -> _Leading:
    """The packets without a gyroscope at the beginning of the file."""
    counts: list[Floats] = []
    quats: list[Floats] = []
    number, line, held = 0, 0, 0
    for part in _packets(one, BadLines(one.path, most=0)) if one.gyr else ():
        assert part.gyr is not None
        if number <= _MOST_LEADING:
            counts.append(part.count)
            quats += [] if part.quat is None else [part.quat]
            held += len(part.count)
        if not line:
            there: Bools = np.asarray(np.isfinite(part.gyr).all(axis=1))
            number += int(np.argmax(there)) if there.any() else len(there)
            line = int(part.lines[np.argmax(there)]) if there.any() else 0
        # the rates of the orientation need two packets more
        if line and (not quats or number > _MOST_LEADING or held > number + 1):
            break
    if one.gyr and not line:
        fail(f"no packet has values of {', '.join(one.gyr)}", one.path, one.table.header_line, _REMEDY)
    if not (quats and 0 < number <= _MOST_LEADING and held > number + 1):
        return _Leading(number, line, None)
    upto = slice(None, number + 2)
    rates = rates_from_orientation(np.concatenate(counts)[upto] / rate_hz, np.concatenate(quats)[upto])
    return _Leading(number, line, rates[:number])


def _opened(path: Path) -> _Export:
    """The file with its head and first packet read."""
    table, rate_hz = _table_of(path)
    names = set(table.names)
    filled = _filled(table)
    orientation = next((found for found in (MATRIX, *_QUATS, EULER) if set(found) <= filled), ())
    gyr = _GYR if set(_GYR) <= filled else ()
    if not (orientation or gyr) and not (set(_GYR) <= names and not filled):
        fail(
            "neither orientation (Mat[1][1] … Mat[3][3], Quat_q0 … Quat_q3, Roll Pitch Yaw) nor Gyr_X, Gyr_Y, Gyr_Z has values",
            path,
            table.header_line,
            _REMEDY,
        )
    refuse_missing(table, (_COUNTER, *_ACC, *orientation, *gyr), _REMEDY)
    one = _Export(table, orientation, gyr, 0, rate_hz)
    first = next(rows(table, _wanted(one, (*_ACC, *orientation)), BadLines(path, most=0)), None)
    if first is None or first.stamps is None:
        fail("no data rows after the header", path, table.header_line, "Export again, or leave this sensor out.")
    return replace(one, first=int(first.stamps[0]))


def _wanted(one: _Export, names: tuple[str, ...]) -> Wanted:
    at = [column_of(one.table, name) or 0 for name in (_COUNTER, *names)]
    return Wanted(at[0], tuple(at[1:]))


def _packets(one: _Export, bad: BadLines) -> Iterator[_Packets]:
    """All packets, in blocks. Raises `HiphingeError` with file and line."""
    rates = _Gyroscope(one, bad) if one.gyr else None
    before: tuple[float, float] | None = None
    for block in rows(one.table, _wanted(one, (*_ACC, *one.orientation)), bad):
        gyr = None
        if rates is not None:
            gyr = rates.at(block.lines)
            if rates.torn:
                block, gyr = block.take(block.lines < block.lines[-1]), gyr[:-1]
        if not len(block):
            continue
        assert block.stamps is not None
        where = partial(_place, one, block.lines)
        count = _unwrapped(block.stamps, before, where)
        before = float(block.stamps[-1]), float(count[-1])
        quat = orientation_of(block.values[:, 3:], where) if one.orientation else None
        yield _Packets(count, block.lines, np.ascontiguousarray(block.values[:, :3]), gyr, quat)


def _place(one: _Export, lines_: Ints, row: int) -> str:
    return place(one.path, int(lines_[row]))


class _Gyroscope:
    """The gyroscope of a file's lines, read beside the other columns, because it may be missing where they are not.

    bad: learns of a last line that is torn here. torn: it is sound in the other columns.
    """

    def __init__(self, one: _Export, bad: BadLines) -> None:
        self.torn = False
        self._bad, self._mine = bad, BadLines(one.path, most=0)
        self._blocks = rows(one.table, _wanted(one, one.gyr), self._mine)
        self._lines, self._values = np.empty(0, np.int64), np.empty((0, 3))

    def at(self, lines_: Ints) -> Floats:
        """The rates (n, 3) in these lines (n,), which rise from call to call; NaN where there are none."""
        found = np.full((len(lines_), 3), np.nan)
        while True:
            here = np.isin(self._lines, lines_)
            found[np.isin(lines_, self._lines)] = self._values[here]
            if len(self._lines) and self._lines[-1] >= lines_[-1]:
                return found
            block = next(self._blocks, None)
            if block is None:
                self.torn = not self._bad.torn and bool(self._mine.torn)
                self._bad.torn = self._bad.torn or self._mine.torn
                return found
            self._lines, self._values = block.lines, block.values


def _table_of(path: Path) -> tuple[TextTable, float | None]:
    """The table, and the rate that the comments before it state."""
    rate_hz = None
    comments = 0
    for number, line in lines(path):
        if line.startswith("//"):
            comments = number
            if comments > _MOST_COMMENTS:
                fail("this file begins with nothing but comments", path, number, "Export again.")
            if found := _RATE.search(line):
                rate_hz = float(found[1].replace(",", ".")) or None
            continue
        if not line.strip():
            continue
        delimiter = next((d for d in ("\t", ";", ",") if d in line), "\t")
        names = tuple(name.strip() for name in split(line, delimiter))
        first = next((text for _, text in islice(lines(path), number, number + _FILLED_WITHIN) if text.strip()), "")
        comma = delimiter != "," and re.search(r"\d,\d", first) is not None and re.search(r"\d\.\d", first) is None
        width = len(split(first, delimiter)) if first.strip() else 0
        width = width if abs(width - len(names)) == 1 and not (names[-1] and split(first, delimiter)[-1].strip()) else 0
        return TextTable(path, names, number, delimiter, "," if comma else ".", width=width), rate_hz
    what = "the file ends before the header line" if comments else "the file is empty"
    return fail(what, path, max(comments, 1), "Export the recording again, or leave this sensor out.")


def _filled(table: TextTable) -> set[str]:
    """Columns that have a value in one of the first data rows; all of them where there is no data row."""
    found: set[str] = set()
    read = False
    for _, line in islice(lines(table.path), table.header_line, table.header_line + _FILLED_WITHIN):
        read = read or bool(line.strip())
        cells = split(line, table.delimiter)
        found |= {name for name, cell in zip(table.names, cells, strict=False) if cell.strip().casefold() not in ("", "nan")}
    return found if read else set(table.names)


def _unwrapped(counter: Floats, before: tuple[float, float] | None, where: Callable[[int], str]) -> Floats:
    """Packets (n,) since the first one of this file. before: the counter of the packet before these, and its number."""
    wrong = np.flatnonzero((counter != np.rint(counter)) | (counter < 0) | (counter >= _WRAP))
    if len(wrong):
        row = int(wrong[0])
        raise HiphingeError(f"{_COUNTER} {counter[row]:g} is not a counter up to 65535", where(row), "Export again.")
    # the file's first packet follows one that is not there
    last, number = before or (float(counter[0]) - 1.0, -1.0)
    step = np.mod(np.diff(counter, prepend=last), _WRAP)
    wrong = np.flatnonzero((step == 0) | (step > _WRAP // 2))
    if len(wrong):
        row = int(wrong[0])
        raise HiphingeError(
            f"{_COUNTER} goes from {counter[row - 1] if row else last:g} to {counter[row]:g}: repeated or backwards",
            where(row),
            "Remove the duplicate line, or make a session of each recording.",
        )
    return np.asarray(number + np.cumsum(step))
