"""Format ``mat``: arrays by name in a MATLAB file, and a mapping file that says what they are.

A column is an array with n values (``all_time``), a column of a larger one (``sensorData(:,4)``), several of them
(``sensorData(:,4:6)``) or all of them (``imu_acc``), also inside structures (``hip.acc``). The file is read whole.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from body_signals import Floats, HiphingeError, Placement
from ingest.formats.imported import ImportedSession, Source, check_source
from ingest.formats.mapping.clocks import COUNT, Origin, StreamClock
from ingest.formats.mapping.csv_import import Found, placement_exactly, remedies_of, session_of
from ingest.formats.mapping.layout import COUNTED, NUMBER, Clock, Group, Layout, TextLayout
from ingest.formats.mapping.sensor import Part, SensorReader
from ingest.formats.mapping.streams import Stream
from ingest.formats.mapping.words import MappingFile
from ingest.formats.text import BadLines, Rows, TextTable, refuse_packed
from ingest.formats.units import ACC_M_S2, GYR_RAD_S
from on_disk import open_file

_MOST_BYTES: Final = 1 << 30
"""Most bytes of numbers in a file, unpacked (ours): it is read whole."""
_HEAD_BYTES: Final = 128
"""The head of a file of version 5 to 7, before its elements."""
_COMPRESSED: Final = 15
"""Kind of an element that is packed by zlib."""
_PIECE: Final = 1 << 20
"""Bytes unpacked at a time (ours)."""
_BLOCK: Final = 1 << 16
"""Samples of a block (ours)."""
_WORD = r"[A-Za-z]\w*"
_PART = re.compile(rf"(?P<name>{_WORD}(?:\.{_WORD})*)(?:\(\s*:\s*,\s*(?P<first>\d+)\s*(?::\s*(?P<last>\d+)\s*)?\))?", re.ASCII)
_FAULTS = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, OSError, struct.error, zlib.error, MemoryError)
"""What scipy raises on a broken file."""


class ArrayStream(Stream):
    """Values (n, k) of arrays on one clock, read as a text stream is. names: of the columns. stamps (n,): of a numeric time.

    Samples are counted from 1, as MATLAB does.
    """

    unit = "sample"

    def __init__(
        self, path: Path, names: tuple[str, ...], clock: Clock, stamps: Floats | None, values: Floats, most: int | None
    ) -> None:
        self.table = TextTable(path, names, 0)
        self.columns = tuple(range(len(names)))
        self.clock = clock
        self._stamps, self._values, self._most = stamps, values, most
        self.notes: list[str] = []
        self.origin = Origin(COUNT, 0)
        steps = (np.diff(block.time_s) for block in self.blocks())
        self.period_s = next((float(np.median(step)) for step in steps if len(step)), 0.0)

    def _pass(self) -> Iterator[tuple[Floats, Rows]]:
        bad = BadLines(self.table.path, self._most, unit=self.unit)
        clock = StreamClock(self.clock, bad)
        for first in range(0, len(self._values), _BLOCK):
            part = slice(first, first + _BLOCK)
            values = self._values[part]
            stamps = None if self._stamps is None else self._stamps[part]
            keep = np.isfinite(values).all(axis=1)
            if stamps is not None:
                keep &= np.isfinite(stamps)
            for row in np.flatnonzero(~keep):
                if np.isnan(values[row]).all():
                    bad.lost += 1
                else:
                    bad.take(first + int(row) + 1, "a value is missing or no number", "Remove this sample.", first + int(row))
            lines = first + 1 + np.flatnonzero(keep)
            time_s, found = clock.seconds(Rows(lines, None if stamps is None else stamps[keep], values[keep], ()))
            self.origin = clock.origin
            if len(found):
                yield time_s, found
        bad.finish(len(self._values))
        name = self.table.path.name
        self.notes = [*bad.notes(), *(f"{name}: {words} ({n} ×): counted on" for words, n in clock.jumps.items())]


class ArrayReader(SensorReader):
    """One sensor of a MATLAB file. variables: all of the file."""

    def __init__(self, file: Path, layout: Layout, remedy: str, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        super().__init__(file, layout, remedy)

    def _parts(self) -> dict[str, Part]:
        shared: dict[tuple[Clock, int], dict[str, tuple[Group, Floats]]] = {}
        for key, alternatives in self._layout.groups.items():
            there = [group for group in alternatives if all(self._is_there(name) for name in group.columns)]
            if not there and key in self._layout.optional:
                continue
            group = (there or alternatives)[0]
            values = self._columns(group.columns, group.turn.shape[1], key)
            shared.setdefault((self._clock_of(group), len(values)), {})[key] = (group, values)
        parts: dict[str, Part] = {}
        for (clock, count), groups in shared.items():
            stamps = self._columns(clock.columns, 1, "time")[:, 0] if clock.kind == NUMBER else None
            if stamps is not None and len(stamps) != count:
                what = f"{clock.columns[0]} has {len(stamps)} values, {next(iter(groups))} has {count}"
                raise HiphingeError(what, str(self.file), self._remedy)
            names: list[str] = []
            at: dict[str, slice] = {}
            for key, (group, values) in groups.items():
                at[key] = slice(len(names), len(names) + values.shape[1])
                names += [f"{' '.join(group.columns)} {i + 1}" for i in range(values.shape[1])]
            together = np.column_stack([values for _, values in groups.values()])
            stream = ArrayStream(self.file, tuple(names), clock, stamps, together, self._layout.text.bad_lines)
            parts |= {key: Part(group, stream, at[key]) for key, (group, _) in groups.items()}
        return {key: parts[key] for key in self._layout.groups if key in parts}

    def _clock_of(self, group: Group) -> Clock:
        clock = self._layout.clocks[0]
        if group.clock is not None:
            clock = replace(clock, columns=group.clock.columns) if group.clock.per_second < 0.0 else group.clock
        if clock.kind == COUNTED and clock.columns:
            rate = self._columns(clock.columns, 1, "rate_hz")
            if rate.size != 1 or not 0.0 < rate[0, 0] < 1e5:
                raise HiphingeError(f"{clock.columns[0]} is no rate", str(self.file), "Write rate_hz = 100, or name the rate.")
            return replace(clock, columns=(), rate_hz=float(rate[0, 0]))
        if clock.kind not in (NUMBER, COUNTED):
            raise HiphingeError("times in a .mat file are numbers", str(self.file), 'Write unit = "s", "ms", "us" or "ns".')
        return clock

    def _is_there(self, name: str) -> bool:
        found = _PART.fullmatch(name)
        return found is not None and _value(self._variables, found["name"]) is not None

    def _columns(self, names: tuple[str, ...], count: int, key: str) -> Floats:
        """The named columns side by side (n, count)."""
        arrays = [self._array(name, count if len(names) == 1 else 1, key) for name in names]
        if len({len(array) for array in arrays}) > 1:
            what = f"the arrays of {key} have {', '.join(str(len(array)) for array in arrays)} values"
            raise HiphingeError(what, str(self.file), self._remedy)
        return np.ascontiguousarray(np.concatenate(arrays, axis=1), np.float64)

    def _array(self, text: str, count: int, key: str) -> Floats:
        part = _PART.fullmatch(text)
        if part is None:
            remedy = "Write for example hip.acc, sensorData(:,4) or sensorData(:,4:6)."
            raise HiphingeError(f"{key}: {text!r} names no array", str(self.file), remedy)
        value = _value(self._variables, part["name"])
        if value is None:
            there = ", ".join(sorted(_names(self._variables))[:60])
            raise HiphingeError(f"there is no array {part['name']}; found {there}", str(self.file), self._remedy)
        array = np.asarray(value)
        if array.dtype.kind not in "iufb" or array.ndim > 2:
            raise HiphingeError(f"{part['name']} is no array of numbers", str(self.file), self._remedy)
        array = array.reshape(len(array) if array.ndim else 1, -1)
        if part["first"] is not None:
            first, last = int(part["first"]), int(part["last"] or part["first"])
            if not 0 < first <= last <= array.shape[1]:
                what = f"{text}: {part['name']} has {array.shape[1]} columns"
                raise HiphingeError(what, str(self.file), "Columns are counted from 1.")
            array = array[:, first - 1 : last]
        elif array.shape[1] != count and array.shape[0] == count:
            array = array.T
        if array.shape[1] != count:
            what = f"{text} has {array.shape[1]} columns, {key} needs {count}"
            raise HiphingeError(what, str(self.file), f"Name the columns: {part['name']}(:,1:{count}).")
        return array


def import_mat(source: Source) -> ImportedSession:
    """The session of the arrays in a .mat file that the mapping names."""
    path = source.path
    if source.mapping is None:
        remedy = 'Give --mapping FILE with acc = { columns = ["imu_acc"], unit = "m/s2" }, gyr, and time or rate_hz.'
        raise HiphingeError("format mat needs a mapping file", str(path), remedy)
    check_source(path)
    if path.is_dir():
        raise HiphingeError("this is a folder", str(path), "Give the .mat file; make a session of each.")
    plan = MappingFile(source.mapping, rate_is_said=source.rate_hz is not None, arrays=True)
    variables = mat_variables(path)
    found = []
    entries: list[int | None] = [*range(len(plan.entries))] or [None]
    for i in entries:
        layout = plan.layout(i)
        if not layout.clocks and source.rate_hz is not None:
            layout = replace(layout, clocks=(Clock(COUNTED, rate_hz=source.rate_hz),))
        reader = ArrayReader(path, layout, f"Correct the names in {source.mapping}.", variables)
        found.append(Found(reader, (path.stem, path.name), path.stem, placement_exactly(path.stem), i))
    return session_of(source, plan, found, remedies_of(plan))


def mat_variables(path: Path) -> Mapping[str, Any]:
    """All variables of the .mat file. Raises `HiphingeError` where it is none, or larger than is read whole."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise HiphingeError("not found", str(path), "Check the path of the .mat file.")
    with open_file(path) as file:
        refuse_packed(file.peek(8), str(path))
        try:
            if _unpacked_bytes(file, _MOST_BYTES) > _MOST_BYTES:
                what = f"this file holds more than {_MOST_BYTES / 1e9:.1f} GB of numbers, and it is read whole"
                raise HiphingeError(what, str(path), "Export it as CSV, which is read in pieces.")
            file.seek(0)
            found: Mapping[str, Any] = loadmat(file, squeeze_me=True, struct_as_record=False)
        except NotImplementedError:
            remedy = "Save it in MATLAB with save(name, '-v7')."
            raise HiphingeError("a .mat file of version 7.3, which is another format (HDF5)", str(path), remedy) from None
        except (MatReadError, *_FAULTS) as error:
            raise HiphingeError(
                f"this is no .mat file that can be read: {error}", str(path), "Save it in MATLAB again."
            ) from None
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _unpacked_bytes(file: BinaryIO, most: int) -> int:
    """Bytes that the file holds when it is unpacked; of more than `most`, only that it is more."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    order = {b"IM": "<", b"MI": ">"}.get(head[126:])
    if order is None:
        # an older version, which packs nothing
        return size
    total, at, length = 0, _HEAD_BYTES, 1
    while at + 8 <= size and total <= most and length:
        file.seek(at)
        kind, length = struct.unpack(f"{order}II", file.read(8))
        if kind == _COMPRESSED:
            packed, unpacker = file.read(min(length, _PIECE)), zlib.decompressobj()
            left = length - len(packed)
            while packed and total <= most:
                total += len(unpacker.decompress(packed, _PIECE))
                packed = unpacker.unconsumed_tail
                if not packed:
                    packed = file.read(min(left, _PIECE))
                    left -= len(packed)
        else:
            # a broken file may claim more than it has
            total += min(length, size - at - 8)
        at += 8 + length
    return total


def _value(variables: Mapping[str, Any], name: str) -> Any:
    """What a name with points leads to; None where it leads nowhere."""
    first, *rest = name.split(".")
    value = variables.get(first)
    for part in rest:
        value = getattr(value, part, None) if part in getattr(value, "_fieldnames", ()) else None
    return value


def _names(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        fields = getattr(value, "_fieldnames", None)
        yield from (f"{name}.{field}" for field in fields) if fields else (name,)


@dataclass(frozen=True, slots=True)
class ArraySensor:
    """A sensor whose arrays a maker names. time: ``{"time": array, s}`` or ``{"rate_hz": array}``. acc: in g; gyr: in deg/s."""

    name: str
    guess: Placement | None
    time: Mapping[str, str]
    acc: str
    gyr: str


def session_of_arrays(
    source: Source, path: Path, variables: Mapping[str, Any], sensors: Sequence[ArraySensor]
) -> ImportedSession:
    """The session of arrays that a maker names, in the .mat file at `path`."""
    remedy = "Check the units and frames of this export."
    found = []
    for one in sensors:
        clock = Clock(NUMBER, (one.time["time"],)) if "time" in one.time else Clock(COUNTED, (one.time["rate_hz"],))
        groups: dict[str, tuple[Group, ...]] = {
            "acc": (Group((one.acc,), np.eye(3) * ACC_M_S2["g"]),),
            "gyr": (Group((one.gyr,), np.eye(3) * GYR_RAD_S["deg/s"]),),
        }
        reader = ArrayReader(path, Layout(TextLayout(), (clock,), groups), remedy, variables)
        found.append(Found(reader, (one.name,), one.name, one.guess))
    return session_of(source, None, found, {})
