"""The samples of one sensor, from the columns that its layout names in one file or several."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from body_signals import G0, Floats, HiphingeError
from ingest.formats.mapping.clocks import LOCAL_DATE, UTC_DATE, Origin
from ingest.formats.mapping.layout import Clock, Group, Layout, TextLayout
from ingest.formats.mapping.merged import Follower, on_base
from ingest.formats.mapping.streams import Stream, TextStream
from ingest.formats.mapping.tables import column_of, missing, open_table, refuse_missing, said_above, without_units
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import BadLines, TextTable, Wanted, rows
from ingest.formats.text.calendar import stamps_of

_MOST_SENSORS = 64
"""Most sensors in one file (ours)."""
_FREE_M_S2 = 5.0
"""Median of |acc| below which gravity is not in it (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A group of columns in its stream. columns: where its values stand among the stream's."""

    group: Group
    stream: Stream
    columns: slice


class SensorReader:
    """One sensor of a recording. file: of those of its groups that have no file of their own. value: a column of
    `layout.split_by` and what it holds in this sensor's lines. remedy: what to do where a column is missing."""

    def __init__(self, file: Path, layout: Layout, remedy: str, value: tuple[str, str] | None = None) -> None:
        self.file, self._layout, self._remedy = file, layout, remedy
        self._only = value or layout.where
        self.notes: list[str] = []
        self._tables: dict[Path, TextTable] = {}
        self.parts = self._parts()
        acc, needed = self.parts["acc"].stream, [self.parts["acc"].stream]
        if "gyr" in self.parts or "quat" in self.parts:
            needed.append(self.parts["gyr" if "gyr" in self.parts else "quat"].stream)
        self.base = max(needed, key=lambda stream: (stream.period_s, stream is acc))
        self._check_origins()

    @property
    def said_name(self) -> str:
        """The sensor's name as the file says it above its table; empty where it does not."""
        return said_above(self.base.table, self._layout.name_in) if self._layout.name_in else ""

    def said_start(self) -> datetime | None:
        """The start as the file, or one beside it, says it; without a zone where none is said."""
        if self._layout.start_in:
            text = re.sub(r"\s+[A-Z]{2,5}$", "", said_above(self.base.table, self._layout.start_in))
            found = stamps_of([text]) if text else 0
            if not isinstance(found, int) and found.dated:
                return Origin(UTC_DATE if found.zoned else LOCAL_DATE, int(found.ns[0])).moment()
        if self._layout.start_file is not None:
            file, column = self._layout.start_file
            path = self._folder() / file
            if path.is_file():
                table = open_table(path, TextLayout(header_with=(column,)))
                at = column_of(table, column)
                for block in rows(table, Wanted(-1, (at or 0,)), BadLines(path)):
                    return Origin(UTC_DATE, round(float(block.values[0, 0]) * 1e9)).moment()
        return None

    def where(self, at_s: float) -> str:
        """File and line of the first sample at or after a time, s, on the base stream's clock."""
        row = 0
        for block in self.base.blocks():
            if block.time_s[-1] >= at_s:
                return self.base.where(row + int(block.time_s.searchsorted(at_s)))
            row += len(block.time_s)
        return self.base.where(max(row - 1, 0))

    def read(self, later_s: float, scratch: Path | None) -> StoredSamples:
        """All samples; later_s is added to the base stream's times. Raises `HiphingeError` with file and line."""
        others = {key: part for key, part in self.parts.items() if part.stream is not self.base}
        partial = {key for key in others if not self._needed(key)}
        stored = self._collect(later_s, scratch, leave_out=set())
        if partial and len(stored) < 0.9 * self._count:
            # a magnetometer with gaps must not cost samples of the gyroscope
            for key in partial:
                file = self.parts[key].stream.table.path.name
                self.notes.append(
                    f"{file}: {key} is left out, it lacks values at many of the times of {self.base.table.path.name}"
                )
            stored = self._collect(later_s, scratch, leave_out=partial)
        for key in others:
            stream = self.parts[key].stream
            self.notes.append(
                f"{key} has its own times in {stream.table.path.name}, {_hz(stream)}: brought to those of "
                f"{self.base.table.path.name}, {_hz(self.base)}"
            )
        streams = {id(part.stream): part.stream for part in self.parts.values()}
        self.notes += [note for stream in streams.values() for note in stream.notes]
        return stored

    def _collect(self, later_s: float, scratch: Path | None, leave_out: set[str]) -> StoredSamples:
        parts = {key: part for key, part in self.parts.items() if key not in leave_out}
        stored = StoredSamples(gyr="gyr" in parts, quat="quat" in parts, mag="mag" in parts, scratch=scratch)
        followers = {
            key: Follower(
                part.stream,
                (part.stream.origin.ns - self.base.origin.ns) / 1e9,
                part.columns,
                self.base.period_s,
                quat=key == "quat",
            )
            for key, part in parts.items()
            if part.stream is not self.base
        }
        self._count = 0
        free = parts["acc"].group.free
        for block, followed in on_base(self.base, list(followers.values())):
            values = {key: block.values[:, part.columns] for key, part in parts.items() if key not in followers}
            self._count += len(block.time_s)
            keep = np.ones(len(block.time_s), np.bool_)
            for key, (found, there) in zip(followers, followed, strict=True):
                values[key] = found
                keep &= there
            if not keep.any():
                continue
            si = {key: part.group.of(values[key][keep]) for key, part in parts.items()}
            if free == "gravity":
                si["acc"] = si["acc"] + si["gravity"]
            time_s = np.asarray(np.round(block.time_s[keep] + later_s, 9))
            if free == "" and not len(stored) and "quat" in si:
                free = self._free_of(si["acc"], parts["acc"])
            if free in ("earth", "sensor"):
                si["acc"] = with_gravity(si["acc"], si.get("quat"), free)
            stored.append(PlainSamples(time_s, si["acc"], si.get("gyr"), si.get("quat"), si.get("mag")))
        for follower in followers.values():
            follower.finish()
        if not len(stored):
            raise HiphingeError(
                "its files have no time in common",
                str(self.base.table.path),
                "Give files of one recording, with times of one clock.",
            )
        return stored

    def _free_of(self, acc: Floats, part: Part) -> str:
        """The frame of an acceleration without gravity where the mapping says none; ``none`` where gravity is in it."""
        if float(np.median(np.linalg.norm(acc, axis=1))) > _FREE_M_S2 or part.group.free:
            return "none"
        names = [part.stream.table.names[i].casefold() for i in part.stream.columns[part.columns]]
        if not all("free" in name for name in names):
            return "none"
        self.notes.append(
            f"{self.file.name}: the acceleration is free of gravity ({', '.join(part.group.columns)}), in the earth's frame as "
            "the makers of these columns write it: the orientation gives gravity back. If it is in the sensor's frame, say "
            'free = "sensor" in acc'
        )
        return "earth"

    def _needed(self, key: str) -> bool:
        return key in ("acc", "gravity", "gyr" if "gyr" in self.parts else "quat")

    def _parts(self) -> dict[str, Part]:
        chosen: dict[str, tuple[Group, TextTable, Clock]] = {}
        for key, alternatives in self._layout.groups.items():
            found = self._chosen(key, alternatives)
            if found is not None:
                chosen[key] = found
        if chosen.get("acc", (None,))[0] is not None and chosen["acc"][0].free != "gravity":
            chosen.pop("gravity", None)
        elif "acc" in chosen and "gravity" not in chosen:
            what = "the acceleration is without gravity, and gravity is not there"
            raise HiphingeError(what, str(self._path(chosen["acc"][0])), "Export gravity too, or the acceleration with it.")
        if "acc" not in chosen or not ("gyr" in chosen or "quat" in chosen):
            key = "acc" if "acc" not in chosen else "gyr"
            group = self._layout.groups.get(key, self._layout.groups.get("quat", ()))[0]
            table = self._table(group)
            refuse_missing(table, group.columns, self._remedy)
        shared: dict[tuple[Path, Clock], list[str]] = {}
        for key, (_, table, clock) in chosen.items():
            shared.setdefault((table.path, clock), []).append(key)
        if len(shared) > 1 and self._layout.counted_hz is not None:
            what = "a rate is said, and its channels have times of their own"
            raise HiphingeError(what, str(self.file), "Leave --rate out, or name columns of one table.")
        parts: dict[str, Part] = {}
        for (path, clock), keys in shared.items():
            table = self._tables[path]
            columns: list[int] = []
            slices: dict[str, slice] = {}
            for key in keys:
                group = chosen[key][0]
                at = [column_of(table, name) for name in group.columns]
                slices[key] = slice(len(columns), len(columns) + len(at))
                columns += [i for i in at if i is not None]
            stamps = [i for name in clock.columns if (i := column_of(table, name)) is not None]
            table, note = without_units(table, columns)
            self.notes += [note] if note and note not in self.notes else []
            only, most, counted_hz = self._only_in(table), self._layout.text.bad_lines, self._layout.counted_hz
            stream = TextStream(table, clock, tuple(stamps), tuple(columns), only, most, counted_hz)
            parts |= {key: Part(chosen[key][0], stream, slices[key]) for key in keys}
        return {key: parts[key] for key in self._layout.groups if key in parts}

    def _chosen(self, key: str, alternatives: tuple[Group, ...]) -> tuple[Group, TextTable, Clock] | None:
        """The first of the alternatives that is there, its table and its clock; None where an optional group is not there."""
        optional = key in self._layout.optional
        for group in alternatives:
            if (optional or len(alternatives) > 1) and not self._path(group).is_file():
                continue
            table = self._table(group)
            if not missing(table, group.columns):
                return group, table, self._clock(group, table)
            if not optional:
                refuse_missing(table, [*self._needed_clock(table, group), *group.columns], self._remedy)
        return None

    def _needed_clock(self, table: TextTable, group: Group) -> tuple[str, ...]:
        return self._layout.clocks[0].columns if group.clock is None and self._layout.clocks else ()

    def _clock(self, group: Group, table: TextTable) -> Clock:
        clocks = self._layout.clocks
        if group.clock is not None:
            own = group.clock
            # only a column is named: it is in the unit of the sensor's time
            clocks = (replace(clocks[0], columns=own.columns),) if own.per_second < 0.0 else (own,)
        for clock in clocks:
            if not missing(table, clock.columns):
                return clock
        names = [*clocks[0].columns, *group.columns] if clocks else [*group.columns]
        refuse_missing(table, names, self._remedy)
        raise HiphingeError("the mapping names no time", str(table.path), self._remedy)

    def _table(self, group: Group) -> TextTable:
        path = self._path(group)
        if path not in self._tables:
            if not path.is_file():
                raise HiphingeError(f"{path.name} is not in {path.parent}", str(path), self._remedy)
            self._tables[path] = open_table(path, self._layout.text)
        return self._tables[path]

    def _path(self, group: Group) -> Path:
        """The group's file. A first ``*`` in its name stands for what the name of the sensor's own file begins with."""
        if group.file is None:
            return self.file
        if "*" not in group.file:
            return self._folder() / group.file
        word = group.file.split("*")[1]
        others = [other for other in sorted(self._folder().glob(group.file)) if other != self.file]
        mine = [other for other in others if self.file.name.startswith(other.name.split(word)[0])]
        return mine[0] if len(mine) == 1 else self._folder() / group.file

    def _folder(self) -> Path:
        return self.file if self.file.is_dir() else self.file.parent

    def _only_in(self, table: TextTable) -> tuple[int, str] | None:
        if self._only is None:
            return None
        column, value = self._only
        refuse_missing(table, [column], self._remedy)
        at = column_of(table, column)
        assert at is not None
        return at, value

    def _check_origins(self) -> None:
        if len({part.stream.origin.kind for part in self.parts.values()}) > 1:
            raise HiphingeError(
                "its columns have times that count from different zeros",
                str(self.file),
                "Let all times of a sensor count from the same zero, in the same form.",
            )


def sensors_in(file: Path, layout: Layout) -> list[tuple[str, str]]:
    """The column of `layout.split_by` that this file has, with everything that it holds, in order: a sensor each. Empty where
    it has none of these columns."""
    table = open_table(file, layout.text)
    column = next((name for name in layout.split_by if column_of(table, name) is not None), None)
    if column is None:
        return []
    at = column_of(table, column)
    assert at is not None
    found: dict[str, None] = {}
    for block in rows(table, Wanted(-1, (), (at,)), BadLines(file)):
        # a line may repeat the names of the columns
        found |= dict.fromkeys(text for text in block.texts[0] if text not in ("", column))
        if len(found) > _MOST_SENSORS:
            what = f"{column} holds more than {_MOST_SENSORS} different texts"
            raise HiphingeError(what, str(file), "Name the column that tells the sensors apart.")
    return [(column, value) for value in found]


def with_gravity(acc: Floats, quat: Floats | None, frame: str) -> Floats:
    """The specific force (n, 3) in the sensor, from an acceleration (n, 3) without gravity and the orientation (n, 4), sensor →
    earth, z up. frame: of the acceleration, ``earth`` or ``sensor``."""
    if quat is None:
        return acc
    unit = quat / np.maximum(np.linalg.norm(quat, axis=1, keepdims=True), 1e-12)
    up = np.array([0.0, 0.0, G0])
    return _to_sensor(unit, acc + up) if frame == "earth" else acc + _to_sensor(unit, np.broadcast_to(up, acc.shape))


def _to_sensor(quat: Floats, vectors: Floats) -> Floats:
    """Vectors (n, 3) of the earth's frame, seen from sensors with the orientation `quat` (n, 4)."""
    across = np.cross(vectors, quat[:, 1:])
    return np.asarray(vectors + 2.0 * (quat[:, :1] * across + np.cross(across, quat[:, 1:])))


def _hz(stream: Stream) -> str:
    return f"{1.0 / stream.period_s:.3g} Hz" if stream.period_s else "one sample"
