"""A session folder with samples and results by hand, small and quick: what exports are made of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from body_signals import Mounting, Placement, Sensor, Session, SessionMark
from dashboards.export import ExportedSession
from hiphinge.exporting.gathering import with_computed
from ingest.formats.plain import PlainSamples, write_plain
from tests.dashboards.synthetic_results import SENSORS, write_session

START = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
NAME = "2026-11-23T14-05-00Z_player-07"


def samples(seed: int, n: int = 300) -> PlainSamples:
    """Noise about gravity at 100 Hz."""
    noise = np.random.default_rng(seed)
    time_s = np.arange(n) / 100.0
    acc = np.array([9.81, 0.0, 0.0]) + 0.3 * noise.standard_normal((n, 3))
    return PlainSamples(time_s, acc, 0.2 * noise.standard_normal((n, 3)))


def session_folder(
    folder: Path,
    *,
    athlete: str = "player-07",
    start: datetime = START,
    sensors: tuple[str, ...] = SENSORS,
    others: tuple[str, ...] = (),
    results: bool = True,
    **changes: Any,
) -> Path:
    """A plain session, with results of both estimators that fit it."""
    worn = [Sensor(Placement(key), mounting=Mounting("+x", "+y")) for key in sensors]
    worn += [Sensor(Placement.OTHER, name) for name in others]
    files = {sensor.key: f"s{i}.csv" for i, sensor in enumerate(worn)}
    named = tuple(Sensor(s.placement, s.name, file=files[s.key], mounting=s.mounting) for s in worn)
    session = Session(start, athlete, named, (SessionMark(0.0, "calibrate"),), "hiphinge 0.1.0")
    write_plain(folder, session, {sensor.key: samples(i) for i, sensor in enumerate(worn)})
    if results:
        words: dict[str, Any] = {"athlete": athlete, "start": start.isoformat().replace("+00:00", "Z"), "session": folder.name}
        # no minute of a sensor is later than the session
        words["sensors"] = {}
        write_session(folder, seconds=30, **(words | changes))
    return folder


def exported(folder: Path, estimator: str | None = None, *, samples: bool = True) -> ExportedSession:
    """The same as the formats are given it."""
    return with_computed(folder, estimator, samples=samples)


def document(path: Path) -> dict[str, object]:
    """A JSON file that holds no number beyond JSON."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    found: dict[str, object] = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    return found
