"""A small squad whose sessions are collected, and what is in the cohort then."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from body_signals import origin
from hiphinge.cohorts.collecting import Collected, collect
from hiphinge.cohorts.places import RESULTS
from tests.dsp.screen_by_hand import Day
from tests.hiphinge.comparing.screened_sessions import screen_day, screened

_WRITTEN = tempfile.TemporaryDirectory(prefix="hiphinge-squads-")


def squad(place: Path, athletes: int = 2, sessions: int = 2) -> Path:
    """Sessions ``p0-0``, ``p0-1``, … of ``player-0``, … with an own session.toml each."""
    return Path(shutil.copytree(_squad(athletes, sessions), place))


@cache
def _squad(athletes: int, sessions: int) -> Path:
    """Written once, to be copied."""
    place = Path(_WRITTEN.name) / f"{athletes}-{sessions}"
    for i in range(athletes):
        for k in range(sessions):
            session(place / f"p{i}-{k}", f"player-{i}", f"2026-11-{2 + 7 * k:02}T09:00:00Z", 90.0 + 5.0 * i + k)
    return place


def session(folder: Path, athlete: str, start: str, left: float = 90.0, day: Day | None = None, **said: Any) -> Path:
    """A session computed by both estimators: the repetitions of `day`, else twelve."""
    screened(folder, day or screen_day(left), athlete=athlete, start=start, **said)
    known = origin(athlete, datetime.fromisoformat(start))
    text = f'schema = 1\nstart = {start}\norigin = "{known}"\n[athlete]\nid = {json.dumps(athlete)}\n'
    (folder / "session.toml").write_text(text, "utf-8")
    return folder


def collected(sessions: Path, cohort: Path, **options: bool) -> Collected:
    """Collect, with nothing to be told."""
    return collect(sessions, cohort, lambda words: None, **options)


def rows(cohort: Path, athlete: str, record: str, estimator: str = "review") -> list[dict[str, Any]]:
    """The rows of a kind in an athlete's file."""
    found: pa.Table = pq.read_table(cohort / f"athlete={athlete}" / RESULTS, partitioning=None)
    return [row for row in found.to_pylist() if (row["record"], row["estimator"]) == (record, estimator)]


def content(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
