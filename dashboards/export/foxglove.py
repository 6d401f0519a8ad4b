"""An MCAP that Foxglove and every other MCAP reader shows: JSON messages with schemas, calendar time, chunk and message index.

It is derived from a session's results and samples. The session's own recording stays as it is: it holds the bytes of each
packet, which other readers open and cannot decode (docs/recording.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from mcap.well_known import MessageEncoding, SchemaEncoding
from mcap.writer import CompressionType, Writer

from body_signals import ANGLE_COLUMNS, REPETITION_COLUMNS, Quantity, Storage, flag_names
from dashboards.export.session import Choices, ExportedSession, Written
from on_disk import open_private

PROFILE = "hiphinge-results"
EARTH = "earth"
"""The parent frame: z up, its heading that of the pelvis's sensor at the start, and free."""
_NUMBER = {"type": ["number", "null"]}
_TIME = {
    "type": "object",
    "title": "time",
    "properties": {"sec": {"type": "integer", "minimum": 0}, "nsec": {"type": "integer", "minimum": 0, "maximum": 999999999}},
}


def _vector(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "number"} for name in names}}


_TRANSFORM = {
    "title": "foxglove.FrameTransform",
    "description": "A transform between two reference frames in 3D space",
    "type": "object",
    "properties": {
        "timestamp": _TIME,
        "parent_frame_id": {"type": "string"},
        "child_frame_id": {"type": "string"},
        "translation": {"title": "foxglove.Vector3", **_vector("x", "y", "z")},
        "rotation": {"title": "foxglove.Quaternion", **_vector("x", "y", "z", "w")},
    },
}
_SAMPLE = {
    "title": "hiphinge.Sample",
    "description": "one sample of a sensor, in its own frame",
    "type": "object",
    "properties": {
        "timestamp": _TIME,
        "time_s": {"type": "number", "description": "session time, s"},
        "acc_m_s2": {"description": "specific force, m/s²", **_vector("x", "y", "z")},
        "gyr_rad_s": {"description": "angular rate, rad/s", **_vector("x", "y", "z")},
        "lost_before": {"type": "integer", "description": "samples known to be lost immediately before this one"},
        "saturated": {"type": "boolean"},
    },
}
_MARK = {
    "title": "foxglove.Log",
    "type": "object",
    "properties": {
        "timestamp": _TIME,
        "level": {"type": "integer"},
        "message": {"type": "string"},
        "name": {"type": "string"},
        "file": {"type": "string"},
        "line": {"type": "integer"},
    },
}
_INFO = 2
"""Level of a `foxglove.Log`."""
_SPACING = 2
"""Every second tick of the orientations: 50 transforms in a second are more than a screen shows (ours)."""


def _row_schema(title: str, columns: tuple[Quantity, ...]) -> dict[str, Any]:
    kinds = {Storage.STRING: {"type": "string"}, Storage.INT32: {"type": "integer"}}
    properties = {
        q.name: {**kinds.get(q.kind, _NUMBER), "description": f"{q.description}{f', {q.unit}' if q.unit else ''}"}
        for q in columns
    }
    words = {"type": "array", "items": {"type": "string"}}
    return {"title": title, "type": "object", "properties": {"timestamp": _TIME, **properties, "quality_words": words}}


def write_foxglove(session: ExportedSession, folder: Path, _: Choices) -> Written:
    """Angles, repetitions, marks, orientations and samples of a session, in the order of time within each stream."""
    start = session.needs_start("an MCAP with calendar time")
    path = folder / f"{session.stem}.mcap"
    with open_private(path, "wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start(profile=PROFILE, library=session.software)
        facts = {"athlete": session.athlete, "session": session.name, "estimator": session.estimator}
        writer.add_metadata(PROFILE, {**facts, "start": start.isoformat(), "software": session.software})
        _Streams(writer, session, start).write()
        writer.finish()  # type: ignore[no-untyped-call]
    return Written([path])


class _Streams:
    """The channels of one file."""

    def __init__(self, writer: Writer, session: ExportedSession, start: datetime) -> None:
        self._writer, self._session = writer, session
        self._zero_ns = round(start.astimezone(UTC).timestamp() * 1e6) * 1000
        self._sequence: dict[int, int] = {}

    def write(self) -> None:
        for stream in (self._marks, self._repetitions, self._angles, self._orientations, self._samples):
            stream()

    def _channel(self, topic: str, schema: Mapping[str, Any]) -> Callable[[float, dict[str, Any]], None]:
        """A function that adds a message at a session time; the channel appears with the first."""
        known: list[int] = []

        def add(time_s: float, message: dict[str, Any]) -> None:
            if not known:
                text = json.dumps(schema, ensure_ascii=False).encode()
                of = self._writer.register_schema(str(schema["title"]), SchemaEncoding.JSONSchema, text)
                known.append(self._writer.register_channel(topic, MessageEncoding.JSON, of))
            stamp = self._zero_ns + round(time_s * 1e9)
            number = self._sequence[known[0]] = self._sequence.get(known[0], -1) + 1
            sec, nsec = divmod(stamp, 10**9)
            body = json.dumps({"timestamp": {"sec": sec, "nsec": nsec}, **message}, allow_nan=False, ensure_ascii=False)
            self._writer.add_message(known[0], stamp, body.encode(), stamp, number)

        return add

    def _marks(self) -> None:
        add = self._channel("/marks", _MARK)
        for mark in self._session.summary["marks"]:
            add(mark["time_s"], {"level": _INFO, "message": mark["label"], "name": "mark", "file": "", "line": 0})
        for note in self._session.summary["notes"]:
            add(note["time_s"], {"level": _INFO, "message": note["text"], "name": "note", "file": "", "line": 0})

    def _repetitions(self) -> None:
        add = self._channel("/repetitions", _row_schema("hiphinge.Repetition", REPETITION_COLUMNS))
        for row in self._session.repetitions().to_pylist():
            add(row["end_s"], _row(row))

    def _angles(self) -> None:
        add = self._channel("/angles", _row_schema("hiphinge.Angles", ANGLE_COLUMNS))
        for minute in self._session.angles():
            for row in minute.to_pylist():
                add(row["time_s"], _row(row))

    def _orientations(self) -> None:
        add = self._channel("/orientations", _TRANSFORM)
        nowhere = {"x": 0.0, "y": 0.0, "z": 0.0}
        for key, (time_s, quat) in self._session.orientations.items():
            for at, (w, x, y, z) in zip(time_s[::_SPACING].tolist(), quat[::_SPACING].tolist(), strict=True):
                if math.isfinite(w):
                    turned = {"x": x, "y": y, "z": z, "w": w}
                    add(at, {"parent_frame_id": EARTH, "child_frame_id": key, "translation": nowhere, "rotation": turned})

    def _samples(self) -> None:
        channels: dict[str, Callable[[float, dict[str, Any]], None]] = {}
        for batch in self._session.batches():
            for block in batch:
                if block.sensor not in channels:
                    channels[block.sensor] = self._channel(f"/samples/{block.sensor}", _SAMPLE)
                gyr = np.full_like(block.acc, np.nan) if block.gyr is None else block.gyr
                rows = zip(
                    block.time_s.tolist(),
                    block.acc.tolist(),
                    gyr.tolist(),
                    block.lost.tolist(),
                    block.saturated.tolist(),
                    strict=True,
                )
                for at, acc, rate, lost, saturated in rows:
                    message = {"time_s": at, "acc_m_s2": _xyz(acc), "lost_before": lost, "saturated": saturated}
                    channels[block.sensor](at, message | ({"gyr_rad_s": _xyz(rate)} if block.gyr is not None else {}))


def _xyz(values: list[float]) -> dict[str, float]:
    return dict(zip("xyz", values, strict=True))


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table; a missing number is null."""
    plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    return plain | {"quality_words": flag_names(row["quality"])}
