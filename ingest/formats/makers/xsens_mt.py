"""Format ``xsens-mt``: text exports of Xsens MT Manager, one file for each sensor.

Header lines beginning with ``//`` (rate, firmware), then columns separated by tabs, commas or semicolons, with decimal points
or commas. PacketCounter, which wraps at 65536 and is shared by the sensors, gives the time; a packet without values was lost.
Needed are Acc_X, Acc_Y, Acc_Z (m/s²) and either the device's orientation, sensor → earth, z up, as Mat[row][column], Quat_q0 …
q3 or Roll, Pitch, Yaw, or Gyr_X, Gyr_Y, Gyr_Z (rad/s). Columns without any value count as missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError, Ints
from ingest.formats.imported import ONLY, Gathering, ImportedSession, Source, check_source
from ingest.formats.makers.xsens_rate import counted_rate, rates_from_orientation
from ingest.formats.mapping.tables import column_of, refuse_missing
from ingest.formats.orientation import EULER, MATRIX, orientation_of
from ingest.formats.samples import PlainSamples
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


@dataclass(frozen=True, slots=True, eq=False)
class _Export:
    """One file. count (n,): packets since its first. first: that packet's number. lines (n,): of the file. rate_hz: as
    stated, else None."""

    path: Path
    first: int
    count: Floats
    lines: Ints
    acc: Floats
    gyr: Floats | None
    quat: Floats | None
    rate_hz: float | None
    notes: list[str]

    def where(self, row: int) -> str:
        return place(self.path, int(self.lines[row]))


def import_xsens(source: Source) -> ImportedSession:
    """The session of the export, a file or a folder of them; placements by serial number.

    Sensors without a stated placement are ``other``, named by their serial number.
    """
    path = source.path
    check_source(path)
    files = [path] if path.is_file() else sorted(path.glob("MT*.txt")) or sorted([*path.glob("*.txt"), *path.glob("*.csv")])
    if not files:
        raise HiphingeError("no MT Manager export", str(path), "Give the folder that holds the MT_….txt files.")
    read = [_read(file) for file in files]
    # offset to the first file, taken as the nearer way around the wrap
    offset = [(one.first - read[0].first + _WRAP // 2) % _WRAP - _WRAP // 2 for one in read]
    gathering = Gathering(path, source.placements)
    unplaced = []
    for one, begin in zip(read, offset, strict=True):
        rate_hz, note = _rate_of(one, read, source.rate_hz)
        if note and note not in gathering.notes:
            gathering.notes.append(note)
        gathering.notes += one.notes
        first, gyr, note = _gyr_from_the_start(one, rate_hz)
        gathering.notes += [note] if note else []
        part = slice(first, None)
        samples = PlainSamples(
            (begin - min(offset) + one.count[part]) / rate_hz,
            one.acc[part],
            None if gyr is None else gyr[part],
            None if one.quat is None else one.quat[part],
        )
        serial = one.path.stem.rsplit("_", 1)[-1]
        sensor = gathering.sensor([serial, one.path.stem, one.path.name], None, serial)
        if serial not in source.placements and ONLY not in source.placements:
            unplaced.append(serial)
        gathering.add(sensor, samples, one.path, _at(samples.time_s, one, first))
    if unplaced:
        gathering.notes.append(f"worn where? {', '.join(unplaced)}: say --placement {unplaced[0]}=pelvis and so on")
    return gathering.finish(None, None, local_start=min((at for file in files if (at := _begun(file))), default=None))


def _at(time_s: Floats, one: _Export, first: int) -> Callable[[float], str]:
    return lambda at_s: one.where(first + min(int(time_s.searchsorted(at_s)), len(time_s) - 1))


def _begun(path: Path) -> datetime | None:
    """The start of the recording, without a zone, if a comment line states it; usually it says *Unknown*."""
    with open_file(path) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    found = re.search(r"^//\s*Start Time:\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*$", head, re.MULTILINE)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _rate_of(one: _Export, read: list[_Export], said_hz: float | None) -> tuple[float, str]:
    """The update rate in Hz, and a note where the file does not state it."""
    if one.rate_hz is not None:
        if said_hz is not None and abs(said_hz / one.rate_hz - 1.0) > 0.01:
            what = f"--rate says {said_hz:g} Hz, and the file states {one.rate_hz:g} Hz"
            raise HiphingeError(what, place(one.path, 1), "Leave --rate out, or correct it.")
        return one.rate_hz, ""
    if said_hz is not None:
        return said_hz, ""
    found = {rate for each in read if (rate := counted_rate(each.count, each.acc, each.gyr, each.quat)) is not None}
    if len(found) == 1:
        (rate_hz,) = found
        return rate_hz, (
            f"the update rate is not stated: packets, gyroscope and orientation agree at {rate_hz:g} Hz; if that is wrong, "
            "give --rate"
        )
    remedy = "Say it: --rate 100 for 100 packets a second. Older versions of MT Manager write it into the file."
    raise HiphingeError("the update rate is not stated", place(one.path, 1), remedy)


def _gyr_from_the_start(one: _Export, rate_hz: float) -> tuple[int, Floats | None, str]:
    """From which sample on there are angular rates, the rates, and a note where the export has none at its beginning."""
    if one.gyr is None:
        return 0, None, ""
    there = np.isfinite(one.gyr).all(axis=1)
    first = int(np.argmax(there))
    if first == 0:
        return 0, one.gyr, ""
    lines_ = f"{one.path.name}: the gyroscope begins in line {int(one.lines[first])}"
    if one.quat is None or first > _MOST_LEADING or first + 1 >= len(one.quat):
        return first, one.gyr, f"{lines_}: the {first} samples before it are left out"
    gyr = one.gyr.copy()
    gyr[:first] = rates_from_orientation(one.count[: first + 2] / rate_hz, one.quat[: first + 2])[:first]
    return 0, gyr, f"{lines_}: the rates of the {first} samples before it are those of the device's orientation"


def _read(path: Path) -> _Export:
    table, rate_hz = _opened(path)
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
    bad = BadLines(path, most=0)
    found = _columns(table, (*_ACC, *orientation), bad)
    if not found:
        fail("no data rows after the header", path, table.header_line, "Export again, or leave this sensor out.")
    counter, values, at = found
    notes = bad.notes()
    rates = None
    if gyr:
        rates = np.full((len(at), 3), np.nan)
        turned = _columns(table, gyr, BadLines(path, most=0))
        if turned:
            rates[np.isin(at, turned[2])] = turned[1][np.isin(turned[2], at)]
        there = np.isfinite(rates).all(axis=1)
        first = int(np.argmax(there))
        absent = np.flatnonzero(~there[first:]) + first
        if len(absent):
            notes.append(f"{path.name}: {len(absent)} packets have no gyroscope values: counted as lost samples")
            keep = np.ones(len(at), np.bool_)
            keep[absent] = False
            counter, values, at, rates = counter[keep], values[keep], at[keep], rates[keep]
    quat = orientation_of(values[:, 3:], lambda row: place(path, int(at[row]))) if orientation else None
    count = _unwrapped(counter, lambda row: place(path, int(at[row])))
    return _Export(path, int(counter[0]), count, at, np.ascontiguousarray(values[:, :3]), rates, quat, rate_hz, notes)


def _columns(table: TextTable, names: tuple[str, ...], bad: BadLines) -> tuple[Floats, Floats, Ints] | None:
    """PacketCounter, the columns and their lines; None where there are no samples."""
    at = [column_of(table, name) for name in (_COUNTER, *names)]
    blocks = list(rows(table, Wanted(at[0] or 0, tuple(i or 0 for i in at[1:])), bad))
    if not blocks:
        return None
    stamps = [block.stamps for block in blocks if block.stamps is not None]
    return np.concatenate(stamps), np.concatenate([b.values for b in blocks]), np.concatenate([b.lines for b in blocks])


def _opened(path: Path) -> tuple[TextTable, float | None]:
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
        delimiter = next((d for d in ("\t", ";", ",") if d in line), "\t")
        names = tuple(name.strip() for name in split(line, delimiter))
        first = next((text for _, text in islice(lines(path), number, number + 1)), "")
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


def _unwrapped(counter: Floats, where: Callable[[int], str]) -> Floats:
    """Packets (n,) since the first one of this file."""
    wrong = np.flatnonzero((counter != np.rint(counter)) | (counter < 0) | (counter >= _WRAP))
    if len(wrong):
        row = int(wrong[0])
        raise HiphingeError(f"{_COUNTER} {counter[row]:g} is not a counter up to 65535", where(row), "Export again.")
    step = np.mod(np.diff(counter), _WRAP)
    wrong = np.flatnonzero((step == 0) | (step > _WRAP // 2))
    if len(wrong):
        row = int(wrong[0]) + 1
        raise HiphingeError(
            f"{_COUNTER} goes from {counter[row - 1]:g} to {counter[row]:g}: repeated or backwards",
            where(row),
            "Remove the duplicate line, or make a session of each recording.",
        )
    return np.concatenate(([0.0], np.cumsum(step)))
