"""BIDS-Motion (BIDS 1.10; Jeung 2024, doi 10.1038/s41597-024-03559-8): a dataset of sessions.

Each session has one tracking system with the joint angles and orientations at common ticks, and one for each sensor with its
samples at their own times (channel type LATENCY). Repetitions are events. A missing number is ``n/a``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from body_signals import ANGLE_NAMES, ANGLES, Floats, HiphingeError, TimedBlock
from dashboards.export.session import Choices, ExportedSession, Written, tick_rate
from on_disk import make_private_folder, private_opener, write_private

VERSION = "1.10.0"
TASK = "movement"
"""The label of the task; which movement each repetition was stands among the events."""
_ABSENT = "n/a"
_COUNTED = ("ACCEL", "GYRO", "JNTANG", "LATENCY", "ORNT")
_EVENTS = {
    "trial_type": {"Description": "kind of movement (docs/quantities.md of hiphinge)"},
    "confidence": {"Description": "0 to 1: how clearly the angles speak for this kind"},
    "lumbar_share_of_trunk": {"Description": "lumbar / (lumbar + pelvis) over the descent"},
}
_README = """# Sessions of hiphinge

Small inertial sensors on lumbar spine, pelvis and thighs. Exported by {software}.

- `tracksys-angles`: joint angles (JNTANG, degrees, zero while standing, flexion positive) and the orientation of each sensor
  (ORNT, unit quaternions, sensor to earth, z up, heading free), at common ticks.
- one tracking system for each sensor, e.g. `tracksys-pelvis`: specific force (ACCEL) and angular rate (GYRO) in the sensor's
  own frame, and LATENCY, the time of each sample since the start.

A missing number is n/a. Participants are pseudonyms.
"""


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    component: str
    kind: str
    point: str
    units: str


@dataclass(slots=True)
class _Dataset:
    """Names that are given once in a dataset."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    scans: dict[Path, list[tuple[str, str]]] = field(default_factory=dict)

    def label_of(self, athlete: str) -> str:
        """The label of an athlete; two ids have two labels, though labels hold letters and digits only."""
        if athlete not in self.labels:
            label = _plain(athlete)
            if not label or label.casefold() in {other.casefold() for other in self.labels.values()}:
                label += hashlib.sha256(athlete.encode()).hexdigest()[:8]
            self.labels[athlete] = label
        return self.labels[athlete]

    def text(self, path: Path, text: str) -> None:
        make_private_folder(path.parent)
        write_private(path, text)
        self.files.append(path)

    def document(self, path: Path, document: dict[str, Any]) -> None:
        self.text(path, json.dumps(document, ensure_ascii=False, indent=2) + "\n")

    def table(self, path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        self.text(path, "".join("\t".join(row) + "\n" for row in (names, *rows)))


def write_bids(sessions: Sequence[ExportedSession], folder: Path, _: Choices) -> Written:
    """A dataset of these sessions. HiphingeError where an athlete or a start is not known, or two sessions begin at once."""
    dataset = _Dataset(folder)
    seen: set[Path] = set()
    for session in sessions:
        label, start = dataset.label_of(session.needs_athlete("BIDS")), session.needs_start("BIDS")
        when = f"{start:%Y%m%dT%H%M%S}"
        place = folder / f"sub-{label}" / f"ses-{when}"
        if place in seen:
            what = f"two sessions of {session.athlete!r} begin at the same second"
            raise HiphingeError(what, str(session.folder), "Export one of them, or correct its start")
        seen.add(place)
        _Motion(dataset, session, place, f"sub-{label}_ses-{when}", start).write()
    software = sessions[0].software or "hiphinge"
    description = {
        "Name": "hiphinge sessions",
        "BIDSVersion": VERSION,
        "DatasetType": "raw",
        "License": "not stated",
        "Authors": ["not stated"],
        "GeneratedBy": [{"Name": "hiphinge", "Version": software.removeprefix("hiphinge ")}],
    }
    dataset.document(folder / "dataset_description.json", description)
    dataset.text(folder / "README.md", _README.format(software=software))
    people = [(f"sub-{label}", _cell(athlete)) for athlete, label in sorted(dataset.labels.items())]
    dataset.table(folder / "participants.tsv", ("participant_id", "athlete"), people)
    dataset.document(folder / "participants.json", {"athlete": {"Description": "pseudonym, as in hiphinge"}})
    for place, scans in dataset.scans.items():
        dataset.table(place / f"{place.parent.name}_{place.name}_scans.tsv", ("filename", "acq_time"), scans)
    return Written(dataset.files)


class _Motion:
    """The files of one session."""

    def __init__(self, dataset: _Dataset, session: ExportedSession, place: Path, name: str, start: datetime) -> None:
        self._dataset, self._session, self._place = dataset, session, place
        self._name, self._start = f"{name}_task-{TASK}", start

    def write(self) -> None:
        make_private_folder(self._place / "motion")
        self._angles()
        self._samples()
        self._events()

    def _angles(self) -> None:
        table = self._session.all_angles()
        time_s = table["time_s"].to_numpy()
        points = {angle.name: "+".join(sorted(angle.needs)) for angle in ANGLES}
        channels = [_Channel(name, _ABSENT, "JNTANG", points[name], "deg") for name in ANGLE_NAMES]
        columns: list[Any] = [table[f"{name}_deg"].to_numpy() for name in ANGLE_NAMES]
        for key, (own_s, quat) in self._session.orientations.items():
            at = np.searchsorted(time_s, own_s)
            there = (at < len(time_s)) & (time_s[np.minimum(at, len(time_s) - 1)] == own_s)
            whole = np.full((len(time_s), 4), np.nan, np.float32)
            whole[at[there]] = quat[there]
            channels += [_Channel(f"{_cell(key)}_q{c}", f"quat_{c}", "ORNT", _cell(key), _ABSENT) for c in "wxyz"]
            columns += list(whole.T)
        path = self._path("angles", "motion.tsv")
        with _text_file(path) as file:
            _rows(file, np.column_stack(columns))
        self._described("angles", path, channels, tick_rate(time_s), float(time_s[0]))

    def _samples(self) -> None:
        files: dict[str, tuple[Path, TextIO]] = {}
        first: dict[str, TimedBlock] = {}
        counts: dict[str, int] = {}
        last_s: dict[str, float] = {}
        labels: dict[str, str] = {}
        with ExitStack() as stack:
            for batch in self._session.batches():
                for block in batch:
                    if block.sensor not in files:
                        labels[block.sensor] = _system(block.sensor, labels.values())
                        path = self._path(labels[block.sensor], "motion.tsv")
                        files[block.sensor] = (path, stack.enter_context(_text_file(path)))
                        first[block.sensor] = block
                    _rows(files[block.sensor][1], _sample_columns(block, first[block.sensor]))
                    counts[block.sensor] = counts.get(block.sensor, 0) + len(block)
                    last_s[block.sensor] = float(block.time_s[-1])
        for key, (path, _) in files.items():
            block, point = first[key], _cell(key)
            channels = [_Channel("latency", _ABSENT, "LATENCY", _ABSENT, "s")]
            channels += [_Channel(f"acc_{c}", c, "ACCEL", point, "m/s^2") for c in "xyz"]
            if block.gyr is not None:
                channels += [_Channel(f"gyr_{c}", c, "GYRO", point, "rad/s") for c in "xyz"]
            if block.quat is not None:
                channels += [_Channel(f"q{c}", f"quat_{c}", "ORNT", point, _ABSENT) for c in "wxyz"]
            span = last_s[key] - float(block.time_s[0])
            effective = (counts[key] - 1) / span if span > 0.0 else block.rate_hz
            self._described(labels[key], path, channels, block.rate_hz, float(block.time_s[0]), effective)

    def _described(
        self, system: str, path: Path, channels: Sequence[_Channel], rate: float, first_s: float, effective: float | None = None
    ) -> None:
        self._dataset.files.append(path)
        kinds = [channel.kind for channel in channels]
        about: dict[str, Any] = {
            "TaskName": TASK,
            "TaskDescription": "movements of hips and lumbar spine; the kind of each repetition is among the events",
            "SamplingFrequency": rate,
            "TrackingSystemName": system,
            "MotionChannelCount": len(channels),
            "MissingValues": _ABSENT,
            "SoftwareVersions": self._session.software or _ABSENT,
            "Manufacturer": _ABSENT,
            "FirstSampleTime": first_s,
            **{f"{kind}ChannelCount": kinds.count(kind) for kind in _COUNTED if kind in kinds},
        }
        if effective is not None:
            about["SamplingFrequencyEffective"] = round(effective, 6)
        self._dataset.document(path.with_suffix(".json"), about)
        rows = [(c.name, c.component, c.kind, c.point, c.units) for c in channels]
        self._dataset.table(self._path(system, "channels.tsv"), ("name", "component", "type", "tracked_point", "units"), rows)
        acquired = self._session.utc(np.array([first_s]))[0]
        self._dataset.scans.setdefault(self._place, []).append((f"motion/{path.name}", f"{acquired}Z"))

    def _events(self) -> None:
        names = ("onset", "duration", "trial_type", "confidence", "lumbar_share_of_trunk")
        rows = [
            (
                repr(row["start_s"]),
                repr(round(row["end_s"] - row["start_s"], 6)),
                row["movement"],
                _number(row["movement_confidence"]),
                _number(row["lumbar_share_of_trunk"]),
            )
            for row in self._session.repetitions().to_pylist()
        ]
        path = self._place / "motion" / f"{self._name}_events.tsv"
        self._dataset.table(path, names, rows)
        self._dataset.document(path.with_suffix(".json"), _EVENTS)

    def _path(self, system: str, end: str) -> Path:
        return self._place / "motion" / f"{self._name}_tracksys-{system}_{end}"


def _sample_columns(block: TimedBlock, first: TimedBlock) -> Floats:
    """(n, c) time, force, rate and orientation; what the first block of the sensor had, and this one has not, is missing."""
    columns = [block.time_s[:, None], block.acc]
    for values, of_first in ((block.gyr, first.gyr), (block.quat, first.quat)):
        if of_first is not None:
            columns.append(np.full((len(block), of_first.shape[1]), np.nan) if values is None else values)
    return np.hstack(columns)


def _system(sensor: str, taken: Iterable[str]) -> str:
    """The label of a sensor's tracking system, which no other has."""
    label, others = _plain(sensor) or "sensor", {*(other.casefold() for other in taken), "angles"}
    while label.casefold() in others:
        label += "x"
    return label


def _text_file(path: Path) -> TextIO:
    return open(path, "w", encoding="utf-8", newline="\n", opener=private_opener)


def _rows(file: TextIO, values: Any) -> None:
    file.writelines("\t".join(_number(value) for value in row) + "\n" for row in values.tolist())


def _number(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else _ABSENT


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isalnum())


def _cell(text: str) -> str:
    """A text that stays in its cell."""
    return " ".join(text.split()) or _ABSENT
