"""The athlete's own lines: how far lumbar spine and hips went in the lifts of the last six weeks."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from dashboards.tables import read_repetitions
from hiphinge.afterwards.own_line import own_lines
from tests.dashboards.synthetic_results import write_session

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


def session(where: Path, name: str, athlete: str = "player-07", start: str = "2026-11-23T12:05:00Z") -> Path:
    folder = write_session(where / name, session=name, athlete=athlete, start=start)
    (folder / "session.toml").write_text(f'start = {start}\n[athlete]\nid = "{athlete}"\n[[sensor]]\nplacement = "pelvis"\n')
    return folder


def test_they_are_medians_over_sessions_of_the_medians_of_lifts(tmp_path: Path) -> None:
    one = session(tmp_path, "one")
    session(tmp_path, "two", start="2026-10-20T12:05:00Z")
    lines = own_lines(tmp_path, "player-07", NOW)
    assert lines["sessions"] == 2
    rows = [r for r in read_repetitions(one, "review").to_pylist() if r["movement"] in ("bend", "squat", "deadlift", "hinge")]
    peaks = [r["lumbar_peak_deg"] for r in rows if np.isfinite(r["lumbar_peak_deg"])]
    assert lines["lumbar_flexion"] is not None
    assert min(peaks) - 1.0 <= lines["lumbar_flexion"] <= max(peaks) + 1.0
    assert lines["lumbar_flexion"] == pytest.approx(median(peaks), abs=15.0)


def test_only_own_finished_sessions_of_six_weeks_before_count_and_a_broken_one_hides_none(tmp_path: Path) -> None:
    assert own_lines(tmp_path / "nowhere", "player-07", NOW)["sessions"] == 0
    session(tmp_path, "other", athlete="player-08")
    session(tmp_path, "old", start="2026-10-01T12:05:00Z")
    session(tmp_path, "later", start="2026-11-30T12:05:00Z")
    assert own_lines(tmp_path, "player-07", NOW) == {"lumbar_flexion": None, "hip_flexion": None, "sessions": 0}
    session(tmp_path, "one")
    broken = tmp_path / "broken"
    shutil.copytree(tmp_path / "one", broken)
    (broken / "review/repetitions.parquet").write_bytes(b"PAR1")
    assert own_lines(tmp_path, "player-07", NOW)["sessions"] == 1
