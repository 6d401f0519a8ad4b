"""Format ``ximu3``: a log of x-IMU3 devices as their software, old and new, writes it, one folder for each device.

A device's folder holds Command.json (name, serial number, time of day) and one CSV for each kind of message with time
stamps in µs of a clock that the devices share. Inertial.csv is needed; Quaternion.csv (the device's own orientation,
sensor → earth, z up) and Magnetometer.csv are kept if they have exactly the same time stamps. Lost packets appear as
larger steps. Files are read in blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, refuse_folder
from ingest.formats.number_table import NumberColumns, check_later, number_columns, read_header
from ingest.formats.placement_names import placement_named
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import BadLines, Rows, place
from ingest.formats.units import ACC_M_S2, GYR_RAD_S
from on_disk import read_json

_TIME = "Timestamp (us)"
_ACC = tuple(f"Accelerometer {axis} (g)" for axis in "XYZ")
_GYR = tuple(f"Gyroscope {axis} (deg/s)" for axis in "XYZ")
_QUATS = (("W", "X", "Y", "Z"), ("W Element", "X Element", "Y Element", "Z Element"))
_MAGS = (tuple(f"{axis} (uT)" for axis in "XYZ"), tuple(f"Magnetometer {axis} (uT)" for axis in "XYZ"))
_SERIAL = r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{4}(?:-[0-9A-Fa-f]{4}){3}"
_FOLDER = re.compile(rf"(?P<name>.+?)\s+(?P<serial>{_SERIAL})(\s+\(.*\))?")
_DATE_US = 1e15
"""A time stamp beyond this, µs, counts from 1970: the device's clock was set."""
_REMEDY = "Export the log again with the units as they are."


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    serial: str | None
    time: str | None
    """Time of day as logged, without a zone."""


def import_ximu3(source: Source) -> ImportedSession:
    """The session of the device folders; placements by serial number or device name, else guessed from the name."""
    path = source.path
    check_source(path)
    folders = [path] if (path / "Inertial.csv").is_file() else sorted(f.parent for f in path.glob("*/Inertial.csv"))
    if not folders:
        refuse_folder("no x-IMU3 log", path, "Give the folder with a folder for each device (Inertial.csv inside).")
    devices = [_device(folder) for folder in folders]
    tables = [number_columns(folder / "Inertial.csv", (_TIME, *_GYR, *_ACC), remedy=_REMEDY) for folder in folders]
    zero_us = min(float(next(_blocks(table)).values[0, 0]) for table in tables)
    names = [device.name for device in devices]
    gathering = Gathering(path, source.placements)
    for folder, device, table in zip(folders, devices, tables, strict=True):
        quat = _aligned(folder / "Quaternion.csv", _QUATS, table, device.name, gathering.notes)
        mag = _aligned(folder / "Magnetometer.csv", _MAGS, table, device.name, gathering.notes)
        stored = _stored(table, quat, mag, zero_us, source.scratch, gathering.notes)
        words = [word for word in (device.serial, device.name, folder.name) if word]
        name = device.name if names.count(device.name) == 1 else f"{device.name} {device.serial or folder.name}"
        sensor = gathering.sensor(words, placement_named(device.name), name)
        gathering.add(sensor, stored, table.table.path, partial(_where, table, zero_us))
    return gathering.finish(None, None, local_start=_start(devices, zero_us))


def _stored(
    table: NumberColumns,
    quat: NumberColumns | None,
    mag: NumberColumns | None,
    zero_us: float,
    scratch: Path | None,
    notes: list[str],
) -> StoredSamples:
    """All samples of a device; quat, mag: messages with the same time stamps. What is left out goes to the notes."""
    stored = StoredSamples(gyr=True, quat=quat is not None, mag=mag is not None, scratch=scratch)
    beside = {key: _Beside(one) for key, one in (("quat", quat), ("mag_ut", mag)) if one is not None}
    before: float | None = None
    bad = _bad(table)
    for block in table.blocks(bad):
        stamps = block.values[:, 0]
        check_later(_TIME, stamps, before, partial(_place, table, block))
        before = float(stamps[-1])
        gyr, acc = block.values[:, 1:4] * GYR_RAD_S["deg/s"], block.values[:, 4:7] * ACC_M_S2["g"]
        more = {key: one.take(len(block))[:, 1:] for key, one in beside.items()}
        stored.append(PlainSamples((stamps - zero_us) / 1e6, acc, gyr, **more))
    notes += [f"{table.table.path.parent.name}: {note}" for note in bad.notes()]
    return stored


def _bad(table: NumberColumns) -> BadLines:
    """None of the lines may be left out but a last one that is torn."""
    return BadLines(table.table.path, most=0)


def _blocks(table: NumberColumns) -> Iterator[Rows]:
    return table.blocks(_bad(table))


class _Beside:
    """The rows of a table in as many as are asked for."""

    def __init__(self, columns: NumberColumns) -> None:
        self._blocks = _blocks(columns)
        self._left: Floats | None = None

    def take(self, n: int) -> Floats:
        """The next `n` rows, fewer at the end."""
        parts = [] if self._left is None else [self._left]
        while sum(len(part) for part in parts) < n and (block := next(self._blocks, None)) is not None:
            parts.append(block.values)
        values = np.concatenate(parts) if parts else np.empty((0, 0))
        self._left = values[n:]
        return values[:n]


def _place(table: NumberColumns, block: Rows, row: int) -> str:
    return place(table.table.path, int(block.lines[row]))


def _where(table: NumberColumns, zero_us: float, at_s: float) -> str:
    """The line of the first sample at or after a session time."""
    where = str(table.table.path)
    for block in _blocks(table):
        row = int(((block.values[:, 0] - zero_us) / 1e6).searchsorted(at_s))
        where = _place(table, block, min(row, len(block) - 1))
        if row < len(block):
            break
    return where


def _device(folder: Path) -> _Device:
    found = _FOLDER.fullmatch(folder.name)
    name, serial = (found["name"], found["serial"].upper()) if found else (folder.name, None)
    time = None
    file = folder / "Command.json"
    if file.is_file():
        try:
            commands = read_json(file)
            answers = {key: value for command in commands for key, value in command.items()}
            ping = answers.get("ping", {})
            name = str(ping.get("deviceName", ping.get("name", name)))
            serial = str(ping.get("serialNumber", ping.get("sn", serial or ""))) or None
            time = answers.get("time")
        except (ValueError, AttributeError, TypeError, OSError, HiphingeError):
            raise HiphingeError("no answers of an x-IMU3", str(file), "Remove this file to use the folder's name.") from None
    return _Device(name.strip() or folder.name, serial, time if isinstance(time, str) else None)


def _aligned(
    file: Path, alternatives: tuple[tuple[str, ...], ...], inertial: NumberColumns, device: str, notes: list[str]
) -> NumberColumns | None:
    """Columns of another kind of message, if it has exactly the same time stamps; else None and a note."""
    if not file.is_file():
        return None
    header = read_header(file)
    names = next((names for names in alternatives if set(names) <= set(header)), None)
    if names is None:
        units = ", ".join(header[1:])
        notes.append(f"{device}: {file.name} is left out, its unit is not known ({units})")
        return None
    columns = number_columns(file, (_TIME, *names), remedy=_REMEDY)
    beside = _Beside(columns)
    same = all(np.array_equal(beside.take(len(block))[:, :1], block.values[:, :1]) for block in _blocks(inertial))
    if not same or len(beside.take(1)):
        notes.append(f"{device}: {file.name} is left out, it has other time stamps than Inertial.csv")
        return None
    return columns


def _start(devices: list[_Device], zero_us: float) -> datetime | None:
    """The earliest date that a device reported, else that of the first time stamp where devices had their clocks set; without a
    zone."""
    times = []
    for device in devices:
        try:
            times.append(datetime.fromisoformat(device.time or "").replace(tzinfo=None))
        except ValueError:
            continue
    if not times and zero_us > _DATE_US:
        return datetime(1970, 1, 1) + timedelta(microseconds=zero_us)
    return min(times, default=None)
