"""Format ``mvnx``: the export of Xsens MVN, read element by element, so a recording of any length takes little memory.

Each sensor of the suit has an orientation, sensor → earth, z up, and an acceleration: free of gravity in the earth's frame
(sensorFreeAcceleration), or with gravity in the sensor (sensorAcceleration, of older versions). The orientation gives gravity
back. Frames of the poses before the recording (identity, tpose) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.imported import Gathering, ImportedSession, Source, check_source, only_file
from ingest.formats.mapping import with_gravity
from ingest.formats.placement_names import placement_named
from ingest.formats.samples import PlainSamples
from ingest.formats.stored import StoredSamples
from ingest.formats.text import refuse_packed
from on_disk import open_file

_BATCH = 4096
"""Frames that are stored at once (ours)."""
_MOST_SENSORS = 128
"""Most sensors of a suit (ours)."""
_EXPORT = "Export from MVN again, with sensor orientation and sensor free acceleration."


@dataclass(slots=True)
class _Head:
    labels: list[str] = field(default_factory=list)
    frame_rate: float | None = None
    begun: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame. values: by element name, the numbers of all sensors one after another. place: of the frame in words."""

    time_s: float
    values: Mapping[str, Floats]
    place: str


def import_mvnx(source: Source) -> ImportedSession:
    """The session of one .mvnx file; placements by the sensors' labels, e.g. Pelvis, RightUpperLeg."""
    check_source(source.path)
    path = only_file(source.path, ".mvnx")
    head = _Head()
    notes: list[str] = []
    stored: dict[str, StoredSamples] = {}
    batch: list[_Frame] = []
    free = True
    for frame in _frames(path, head, notes):
        if not stored:
            free = _has_free_acceleration(frame, path)
            stored = {
                label: StoredSamples(gyr="sensorAngularVelocity" in frame.values, quat=True, mag=False, scratch=source.scratch)
                for label in head.labels
            }
        batch.append(frame)
        if len(batch) == _BATCH:
            _store(batch, stored, path, free=free)
            batch = []
    if not stored:
        raise HiphingeError("no frames of a recording (type normal)", str(path), "Export the recording from MVN again.")
    if batch:
        _store(batch, stored, path, free=free)
    gathering = Gathering(path, source.placements, notes)
    for label, samples in stored.items():
        sensor = gathering.sensor([label], placement_named(label), label)
        gathering.add(sensor, samples, path, partial(_place, path))
    return gathering.finish(head.begun, None)


def _place(path: Path, at_s: float) -> str:
    return f"{path}, {at_s:.3f} s"


def _frames(path: Path, head: _Head, notes: list[str]) -> Iterator[_Frame]:
    """The frames of the recording; fills `head` with what stands before them. A file that breaks off gives the frames
    before, and a note."""
    try:
        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import iterparse
    except ImportError:
        remedy = "Install hiphinge again: pip install --force-reinstall hiphinge."
        raise HiphingeError("the package defusedxml is not installed", "import mvnx", remedy) from None
    found, parent = 0, None
    first_s = None
    with open_file(path) as file:
        refuse_packed(file.peek(8), f"{path}, line 1")
        try:
            for event, element in iterparse(file, events=("start", "end")):
                tag = element.tag.rsplit("}", 1)[-1]
                if event == "start":
                    parent = element if tag == "frames" else parent
                    if tag == "subject":
                        _read_subject(element, head, path)
                    continue
                if tag == "sensor" and "label" in element.attrib:
                    head.labels.append(element.attrib["label"])
                    if len(head.labels) > _MOST_SENSORS:
                        raise HiphingeError(
                            "this suit has more than 128 sensors", str(path), "Check that it is the right file."
                        )
                elif tag == "frame":
                    if element.attrib.get("type", "normal") == "normal":
                        frame = _frame(element, head, path, found)
                        first_s = frame.time_s if first_s is None else first_s
                        yield _Frame(frame.time_s - first_s, frame.values, frame.place)
                        found += 1
                    if parent is not None:
                        parent.clear()
        except ParseError as error:
            line = error.position[0]
            if not found:
                what = f"this is no MVNX file: {error.msg}"
                raise HiphingeError(what, f"{path}, line {line}", "Give the .mvnx file that MVN has exported.") from None
            notes.append(f"{path.name}: the file breaks off in line {line}; the {found} frames before it are used")
        except DefusedXmlException:
            what = "this XML defines entities or refers to other files, which no MVNX file does"
            raise HiphingeError(what, str(path), "Check where the file comes from.") from None


def _read_subject(element: Element, head: _Head, path: Path) -> None:
    try:
        head.frame_rate = float(element.attrib["frameRate"]) if "frameRate" in element.attrib else None
        if "recDateMSecsSinceEpoch" in element.attrib:
            ms = int(element.attrib["recDateMSecsSinceEpoch"])
            head.begun = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except (ValueError, OverflowError):
        raise HiphingeError("subject has a frameRate or date that is no number", str(path), _EXPORT) from None


_WANTED = {"sensorOrientation": 4, "sensorFreeAcceleration": 3, "sensorAcceleration": 3, "sensorAngularVelocity": 3}


def _frame(element: Element, head: _Head, path: Path, number: int) -> _Frame:
    place = f"{path}, frame {element.attrib.get('index', number)}"
    values: dict[str, Floats] = {}
    try:
        for child in element:
            tag = child.tag.rsplit("}", 1)[-1]
            if tag in _WANTED:
                values[tag] = np.array((child.text or "").split(), np.float64)
        if head.frame_rate and "index" in element.attrib:
            # whole milliseconds would make the steps uneven
            time_s = int(element.attrib["index"]) / head.frame_rate
        else:
            time_s = float(element.attrib["time"]) / 1e3
    except (ValueError, KeyError):
        raise HiphingeError("a frame holds what is no number, or has no time", place, _EXPORT) from None
    for tag, found in values.items():
        if len(found) != _WANTED[tag] * len(head.labels) or not np.isfinite(found).all():
            what = (
                f"{tag} has {len(found)} numbers, {len(head.labels)} sensors need {_WANTED[tag] * len(head.labels)} finite ones"
            )
            raise HiphingeError(what, place, _EXPORT)
    return _Frame(time_s, values, place)


def _has_free_acceleration(frame: _Frame, path: Path) -> bool:
    """Whether the acceleration is the one without gravity. Raises `HiphingeError` where there is no orientation or acceleration
    of sensors."""
    if "sensorOrientation" not in frame.values:
        raise HiphingeError("no orientation of the sensors (sensorOrientation)", frame.place, _EXPORT)
    if "sensorFreeAcceleration" not in frame.values and "sensorAcceleration" not in frame.values:
        raise HiphingeError("no acceleration of the sensors (sensorFreeAcceleration)", str(path), _EXPORT)
    return "sensorFreeAcceleration" in frame.values


def _store(batch: list[_Frame], stored: dict[str, StoredSamples], path: Path, *, free: bool) -> None:
    names = ["sensorOrientation", "sensorFreeAcceleration" if free else "sensorAcceleration"]
    names += ["sensorAngularVelocity"] if batch[0].values.keys() >= {"sensorAngularVelocity"} else []
    arrays: dict[str, Any] = {}
    for name in names:
        for frame in batch:
            if name not in frame.values:
                raise HiphingeError(f"this frame has no {name}, those before have", frame.place, _EXPORT)
        arrays[name] = np.stack([frame.values[name] for frame in batch]).reshape(len(batch), len(stored), _WANTED[name])
    time_s = np.array([frame.time_s for frame in batch])
    wrong = np.flatnonzero(np.diff(time_s) <= 0.0)
    if len(wrong) or any(len(one) and time_s[0] <= one.last_s for one in stored.values()):
        place = batch[int(wrong[0]) + 1].place if len(wrong) else str(path)
        raise HiphingeError("the frames are not in order of time", place, _EXPORT)
    for i, one in enumerate(stored.values()):
        quat, acc = (np.ascontiguousarray(arrays[name][:, i]) for name in names[:2])
        gyr = np.ascontiguousarray(arrays[names[2]][:, i]) if len(names) > 2 else None
        one.append(PlainSamples(time_s.copy(), with_gravity(acc, quat, "earth") if free else acc, gyr, quat))
