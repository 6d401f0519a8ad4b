"""Logs that the tests of the recording write, and what must come back of them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from body_signals import Event, Heartbeat, HiphingeError, Packets, Placement, Sensor, Session, UtcAnchor
from ingest.recording.recorder import Recorder, read_recording

KEYS = ("pelvis", "barbell")
SESSION = Session(
    datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
    "player-07",
    (Sensor(Placement.PELVIS, family="hiphinge-v1"), Sensor(Placement.OTHER, name="barbell", family="hiphinge-v1-serial")),
    software="hiphinge 0.1.0",
)
MS = 1_000_000
CHUNK_HEAD = 1 + 8 + 8 + 8 + 8 + 4 + 4
"""Bytes of a Chunk record before the word zstd."""


def plain_log(n: int = 400, first: int = 0) -> list[Event]:
    """Two sensors and heartbeats, 20 ms apart: a window every 25 events."""
    random = np.random.default_rng(7)
    log: list[Event] = [UtcAnchor(first, 0, 10**18)]
    for i in range(first + 1, first + n):
        log.append(Packets.one(KEYS[i % 2], i, i * 20 * MS, random.bytes(60)) if i % 5 else Heartbeat(i, i * 20 * MS))
    return log


def write(path: Path, log: list[Event], *, close: bool = True, **options: Any) -> Recorder:
    recorder = Recorder(path, SESSION, sync=False, **options)
    for event in log:
        recorder.append(event)
    if close:
        recorder.close()
    return recorder


def singles(batches: list[list[Event]]) -> list[tuple[Any, ...]]:
    """Every packet and event by itself, in sequence order, comparable."""
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        for event in batch:
            if isinstance(event, Packets):
                rows += [(seq, at, event.sensor, payload) for seq, at, payload in event]
            else:
                rows.append((event.seq, event.arrival_ns, event))
    return sorted(rows, key=lambda row: row[0])


def fresh(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("r") / "recording.mcap"


TRUTH = singles([plain_log(200)])


def assert_prefix_or_error(path: Path, salvage: bool) -> list[tuple[Any, ...]] | None:
    """A HiphingeError with file and remedy, or a sound prefix; less than all only with a warning."""
    try:
        recording = read_recording(path, salvage=salvage)
        got = singles(list(recording.batches()))
    except HiphingeError as error:
        polite(error, path)
        return None
    assert got == TRUTH[: len(got)]
    if len(got) < len(TRUTH):
        assert recording.warnings
        assert not recording.complete
    return got


def polite(error: HiphingeError, path: Path) -> None:
    assert str(path) in str(error)
    assert error.remedy
