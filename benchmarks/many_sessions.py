"""Thousands of session folders in a minute: a few simulated ones, and clones of them under other names, athletes and days.

A clone has summaries, a session.toml and repetitions of its own, whose numbers differ by 5 %; its other tables are links
to those of the session that it is a clone of, because a table does not depend on whose it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from body_signals import ESTIMATORS, REPETITION_METRICS
from dashboards.parquet_file import open_parquet
from dashboards.tables import (
    ANGLES,
    ORIENTATIONS,
    REPETITION_SCHEMA,
    REPETITIONS,
    SUMMARY,
    TableWriter,
    read_repetitions,
)
from dsp.results import Repetition
from dsp.screen import screen_of
from tests.dashboards.synthetic_results import SENSORS, angle_rows, orientation_rows, summary

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
_SETS = (
    ("bend", 8),
    ("squat", 8),
    ("deadlift", 8),
    ("bend", 8),
    ("squat", 8),
    ("deadlift", 8),
    ("knee_raise", 6),
    ("rock_back", 6),
)
"""A session: 60 repetitions in eight sets."""


def simulated(place: Path, seed: int) -> Path:
    """A session of 60 repetitions in `place`, with every metric drawn, so that it compresses as a measured one does."""
    random = np.random.default_rng(seed)
    repetitions: list[Repetition] = []
    now_s = 10.0
    for movement, count in _SETS:
        share, drift = random.uniform(0.3, 0.6), random.normal(0.0, 0.01)
        for i in range(count):
            drawn = random.uniform(0.0, 100.0, len(REPETITION_METRICS)).astype(np.float32).astype(float)
            metrics = dict(zip(REPETITION_METRICS, drawn.tolist(), strict=True))
            metrics |= {"lumbar_share_of_trunk": share + drift * i, "lumbar_share_of_trunk_sd": 0.02, "trunk_rom_deg": 100.0}
            repetitions.append(Repetition(len(repetitions), now_s, now_s + 2, now_s + 4, movement, 0.9, 0, metrics))
            now_s += 5.0
        now_s += 60.0
    rows = angle_rows(now_s, rate_hz=1.0, gap=None)
    for estimator in ESTIMATORS:
        with TableWriter(place, estimator) as out:
            out.angles(rows)
            out.orientations([orientation_rows(sensor, now_s, rate_hz=1.0) for sensor in SENSORS])
            for repetition in repetitions:
                out.repetition(repetition)
            marks = [{"time_s": now_s / 2, "label": "treatment", "said": "live"}] if seed % 5 == 0 else []
            said = {"marks": marks, "notes": [], "pain": [], "screen": screen_of(repetitions).document()}
            out.close(summary(estimator, len(repetitions), duration_s=float(rows.time_s[-1]), **said))
    return place


def clones(originals: list[Path], place: Path, sessions: int, athletes: int) -> Iterator[Path]:
    """Session folders in `place`: of `athletes` players in turn, one session each a day."""
    known = [_Original(folder) for folder in originals]
    random = np.random.default_rng(1)
    for i in range(sessions):
        day, player = divmod(i, athletes)
        start = FIRST + timedelta(days=day, minutes=player)
        name = f"{start:%Y-%m-%dT%H-%M-%SZ}_player-{player:04}"
        # 7 and 20 have no common divisor: every player has sessions of all kinds
        original = known[(player + 7 * day) % len(known)]
        yield original.cloned(place / name, f"player-{player:04}", start, random)


class _Original:
    """A session that is cloned, read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._summaries = {e: json.loads((folder / e / SUMMARY).read_bytes()) for e in ESTIMATORS}
        self._repetitions = {e: read_repetitions(folder, e) for e in ESTIMATORS}

    def cloned(self, folder: Path, athlete: str, start: datetime, random: np.random.Generator) -> Path:
        """A session like this one, of another athlete on another day."""
        when = start.isoformat().replace("+00:00", "Z")
        for estimator, found in self._summaries.items():
            (folder / estimator).mkdir(parents=True)
            for table in (ANGLES, ORIENTATIONS):
                os.link(self._folder / estimator / table, folder / estimator / table)
            with open_parquet(folder / estimator / REPETITIONS, REPETITION_SCHEMA) as out:
                out.write_table(_varied(self._repetitions[estimator], random))
            said = found | {"session": folder.name, "athlete": athlete, "start": when}
            (folder / estimator / SUMMARY).write_text(json.dumps(said), "utf-8")
        head = f'schema = 1\nstart = {when}\n[athlete]\nid = "{athlete}"\n[software]\nversion = "hiphinge"\n'
        (folder / "session.toml").write_text(head, "utf-8")
        return folder


def _varied(table: pa.Table, random: np.random.Generator) -> pa.Table:
    """The repetitions with other numbers: each metric of each repetition by 5 % (one standard deviation)."""
    factors = random.normal(1.0, 0.05, (len(REPETITION_METRICS), len(table))).astype(np.float32)
    varied = {name: pa.array(table[name].to_numpy() * factor) for name, factor in zip(REPETITION_METRICS, factors, strict=True)}
    return pa.table([varied.get(name, table[name]) for name in table.column_names], schema=table.schema)
