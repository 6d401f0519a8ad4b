"""Format ``xio-lower-body``: a log of x-IMU3 devices as their GUI writes it, one folder for each device.

A device's folder holds Command.json (name, serial number, time of day) and one CSV for each kind of message with time
stamps in µs of a clock that the devices share. Inertial.csv is needed; Quaternion.csv (the device's own orientation,
sensor → earth, z up) and Magnetometer.csv are kept if they have exactly the same time stamps. Lost packets appear as
larger steps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError, Placement
from ingest.formats.imported import Gathering, ImportedSession, check_source
from ingest.formats.number_table import NumberTable, read_header, read_numbers
from ingest.formats.samples import PlainSamples
from ingest.formats.units import ACC_M_S2, GYR_RAD_S
from on_disk import read_json

_TIME = "Timestamp (us)"
_ACC = tuple(f"Accelerometer {axis} (g)" for axis in "XYZ")
_GYR = tuple(f"Gyroscope {axis} (deg/s)" for axis in "XYZ")
_QUAT = ("W", "X", "Y", "Z")
_MAG = tuple(f"{axis} (uT)" for axis in "XYZ")
_FOLDER = re.compile(r"(?P<name>.+?)\s+(?P<serial>[0-9A-Fa-f]{8})(\s+\(.*\))?")
_REMEDY = "Export the log again with the units as they are."


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    serial: str | None
    time: str | None
    """Time of day as logged, without a zone."""


def import_ximu3(path: Path, mapping: Path | None, placements: Mapping[str, str]) -> ImportedSession:
    """The session of the device folders in `path`; placements by serial number or device name, else guessed from the name."""
    del mapping
    check_source(path)
    folders = [path] if (path / "Inertial.csv").is_file() else sorted(f.parent for f in path.glob("*/Inertial.csv"))
    if not folders:
        raise HiphingeError("no x-IMU3 log", str(path), "Give the folder with a folder for each device (Inertial.csv inside).")
    devices = [_device(folder) for folder in folders]
    tables = [_inertial(folder) for folder in folders]
    zero_us = min(float(table.columns[_TIME][0]) for table in tables)
    gathering = Gathering(path, placements)
    for folder, device, table in zip(folders, devices, tables, strict=True):
        stamps = table.columns[_TIME]
        quat = _aligned(folder / "Quaternion.csv", _QUAT, stamps, device.name, gathering.notes)
        mag = _aligned(folder / "Magnetometer.csv", _MAG, stamps, device.name, gathering.notes)
        samples = PlainSamples(
            (stamps - zero_us) / 1e6, table.group(_ACC) * ACC_M_S2["g"], table.group(_GYR) * GYR_RAD_S["deg/s"], quat, mag
        )
        words = [word for word in (device.serial, device.name, folder.name) if word]
        gathering.add(gathering.sensor(words, placement_named(device.name), device.name), samples, table)
    return gathering.finish(None, None, local_start=_start(devices))


def placement_named(name: str) -> Placement | None:
    """The body part in a device's name; None when it is not one of ours."""
    text = " ".join(re.split(r"[\s_-]+", name.casefold()))
    if re.search(r"lumbar|\blow(er)? back\b|\bt12\b|\bl1\b", text):
        return Placement.LUMBAR
    if "pelvis" in text or "sacrum" in text:
        return Placement.PELVIS
    if "upper leg" in text or "thigh" in text:
        sides = {"left": Placement.THIGH_LEFT, "right": Placement.THIGH_RIGHT}
        return next((placement for side, placement in sides.items() if side in text), None)
    return None


def _inertial(folder: Path) -> NumberTable:
    table = read_numbers(folder / "Inertial.csv", (_TIME, *_GYR, *_ACC), remedy=_REMEDY)
    table.check_increasing(_TIME)
    return table


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
            name, serial = str(ping.get("name", name)), str(ping.get("sn", serial or "")) or None
            time = answers.get("time")
        except (ValueError, AttributeError, TypeError, OSError, HiphingeError):
            raise HiphingeError("no answers of an x-IMU3", str(file), "Remove this file to use the folder's name.") from None
    return _Device(name.strip() or folder.name, serial, time if isinstance(time, str) else None)


def _aligned(file: Path, names: tuple[str, ...], stamps: Floats, device: str, notes: list[str]) -> Floats | None:
    """Columns of another kind of message, if it has exactly the same time stamps; else None and a note."""
    if not file.is_file():
        return None
    header = read_header(file)
    if not set(names) <= set(header):
        units = ", ".join(header[1:])
        notes.append(f"{device}: {file.name} is left out, its unit is not known ({units})")
        return None
    table = read_numbers(file, (_TIME, *names), remedy=_REMEDY)
    if not np.array_equal(table.columns[_TIME], stamps):
        notes.append(f"{device}: {file.name} is left out, it has other time stamps than Inertial.csv")
        return None
    return table.group(names)


def _start(devices: list[_Device]) -> datetime | None:
    """The earliest time of day that a device reported, without a zone."""
    times = []
    for device in devices:
        try:
            times.append(datetime.fromisoformat(device.time or "").replace(tzinfo=None))
        except ValueError:
            continue
    return min(times, default=None)
