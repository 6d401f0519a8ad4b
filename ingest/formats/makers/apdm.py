"""Format ``apdm``: recordings of APDM Opal sensors (version 5 of their HDF5 files), read in blocks. Needs the extra ``apdm``.

Below ``Sensors`` each monitor has Accelerometer (m/s²), Gyroscope (rad/s), Magnetometer (µT) and Time (µs since 1970 UTC), and
its label in the attributes of Configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, only_file
from ingest.formats.placement_names import placement_named
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from on_disk import check_file

_BLOCK: Final = 1 << 16
"""Samples of a block (ours)."""
_EXPORT: Final = "Export the recording again as HDF5 with raw data (version 5)."


@dataclass(frozen=True, slots=True)
class _Monitor:
    """One monitor. first_us: its first time stamp."""

    label: str
    serial: str
    group: Any
    first_us: int


def import_apdm(source: Source) -> ImportedSession:
    """The session of one .h5 file; placements by the monitors' labels, e.g. Lumbar, or their numbers."""
    check_source(source.path)
    path = only_file(source.path, ".h5")
    check_file(path)
    try:
        import h5py
    except ImportError:
        remedy = "pip install 'hiphinge[apdm]'"
        raise HiphingeError("format apdm needs the package h5py, which is not installed", "import apdm", remedy) from None
    try:
        with h5py.File(path, "r") as file:
            return _session(source, path, [_monitor(path, key, group) for key, group in _sensors(file, path).items()])
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise HiphingeError(f"this is no HDF5 file that can be read: {error}", str(path), _EXPORT) from None


def _session(source: Source, path: Path, monitors: list[_Monitor]) -> ImportedSession:
    begin_us = min(one.first_us for one in monitors)
    gathering = Gathering(path, source.placements)
    for one in monitors:
        stored = StoredSamples(gyr=True, quat=False, mag="Magnetometer" in one.group, scratch=source.scratch)
        for samples in _blocks(path, one, begin_us):
            stored.append(samples)
        sensor = gathering.sensor([one.label, one.serial], placement_named(one.label), one.label)
        gathering.add(sensor, stored, path, partial(_place, path, one.label))
    return gathering.finish(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=begin_us), None)


def _sensors(file: Any, path: Path) -> Any:
    if "Sensors" not in file or not len(file["Sensors"]):
        raise HiphingeError("no group Sensors: no file of version 5", str(path), _EXPORT)
    return file["Sensors"]


def _monitor(path: Path, key: str, group: Any) -> _Monitor:
    missing = [name for name in ("Accelerometer", "Gyroscope", "Time") if name not in group]
    if missing:
        raise HiphingeError(f"monitor {key} has no {', '.join(missing)}", str(path), _EXPORT)
    if not len(group["Time"]):
        raise HiphingeError(f"monitor {key} has no samples", str(path), "Leave it out of the export.")
    label = group["Configuration"].attrs.get("Label 0", key) if "Configuration" in group else key
    text = label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
    return _Monitor(text.replace("\0", "").strip() or key, key, group, int(group["Time"][0]))


def _blocks(path: Path, one: _Monitor, begin_us: int) -> Iterator[PlainSamples]:
    count, before = len(one.group["Time"]), -1
    for first in range(0, count, _BLOCK):
        part = slice(first, min(first + _BLOCK, count))
        stamps = np.asarray(one.group["Time"][part]).astype(np.int64)
        back = np.flatnonzero(np.diff(stamps, prepend=before) <= 0)
        if len(back):
            row = first + int(back[0])
            raise HiphingeError("Time repeats or runs backwards", f"{path}, {one.label}, sample {row + 1}", _EXPORT)
        before = int(stamps[-1])
        values = {name: _vectors(path, one, name, part) for name in ("Accelerometer", "Gyroscope")}
        mag = _vectors(path, one, "Magnetometer", part) if "Magnetometer" in one.group else None
        yield PlainSamples((stamps - begin_us) / 1e6, values["Accelerometer"], values["Gyroscope"], None, mag)


def _vectors(path: Path, one: _Monitor, name: str, part: slice) -> Floats:
    found = np.asarray(one.group[name][part], np.float64)
    if found.shape != (part.stop - part.start, 3) or not np.isfinite(found).all():
        what = f"{name} has not three numbers for each time"
        raise HiphingeError(what, f"{path}, {one.label}, from sample {part.start + 1}", _EXPORT)
    return np.ascontiguousarray(found)


def _place(path: Path, label: str, at_s: float) -> str:
    return f"{path}, {label}, {at_s:.3f} s"
