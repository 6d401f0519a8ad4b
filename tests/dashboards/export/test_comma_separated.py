"""CSV: every number comes back as it was, beside its calendar time; samples are imported again by the mapping."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from body_signals import UNKNOWN_START
from dashboards.edits import edited_repetitions
from dashboards.export import FORMATS, Choices, ExportedSession
from dashboards.tables import read_angles
from hiphinge.exporting.gathering import with_samples
from ingest.formats import import_session
from ingest.formats.plain import read_plain
from tests.dashboards.export.exported_sessions import exported, session_folder

WRITE = FORMATS["csv"].write


def rows_of(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def numbers(rows: list[dict[str, str]], name: str, mark: str = ".") -> np.ndarray:
    return np.array([float(row[name].replace(mark, ".")) if row[name] else np.nan for row in rows])


def test_angles_come_back_bit_for_bit(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday")
    (path,) = WRITE([exported(folder)], tmp_path, Choices("angles")).files
    rows, table = rows_of(path), read_angles(folder, "review")
    assert path.name == "monday-review-angles.csv"
    assert list(rows[0])[:3] == ["time_s", "utc", "lumbar_flexion_deg"]
    assert rows[0]["lumbar_flexion_deg"] == "", "a missing number is an empty cell"
    assert (rows[0]["utc"], rows[101]["utc"]) == ("2026-11-23T14:05:00.000000Z", "2026-11-23T14:05:01.010000Z")
    for name in table.column_names:
        np.testing.assert_array_equal(numbers(rows, name).astype(table[name].to_numpy().dtype), table[name])


def test_repetitions_are_those_that_a_person_corrected(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday")
    (folder / "edits.toml").write_text('[[repetition]]\nat_s = 13.0\nmovement = "squat"\n')
    (path,) = WRITE([exported(folder, "live")], tmp_path, Choices("repetitions")).files
    rows, table = rows_of(path), edited_repetitions(folder, "live")
    assert [row["movement"] for row in rows] == table["movement"].to_pylist()
    assert rows[0]["movement"] == "squat"
    assert rows[0]["start_utc"] == "2026-11-23T14:05:12.000000Z"
    for name in ("lumbar_rom_deg", "lumbar_share_of_trunk_sd", "onset_delay_s"):
        np.testing.assert_array_equal(numbers(rows, name).astype(np.float32), table[name])


def test_samples_are_imported_again_as_they_were(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", others=("bar/bell", "BAR/bell"))
    out = tmp_path / "out"
    out.mkdir()
    files = WRITE([exported(folder)], out, Choices("raw")).files
    names = {file.name.casefold() for file in files}
    assert len(names) == len(files), "no name stands for two sensors"
    again = import_session("csv", out, mapping=files[-1])
    before = read_plain(folder)
    assert again.session.athlete == "player-07"
    assert again.session.start == datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert [(s.key, s.mounting) for s in again.session.sensors] == [(s.key, s.mounting) for s in before.session.sensors]
    assert again.session.marks[0].label == "calibrate"
    for key, samples in before.samples.items():
        np.testing.assert_array_equal(again.samples[key].time_s, samples.time_s)
        np.testing.assert_array_equal(again.samples[key].acc, samples.acc)
        np.testing.assert_array_equal(again.samples[key].gyr, samples.gyr)


def test_decimal_commas_are_imported_again(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", sensors=("pelvis",), results=False)
    files = WRITE([exported_samples(folder)], tmp_path, Choices("raw", ",", ";")).files
    rows = rows_of(files[0], ";")
    np.testing.assert_array_equal(numbers(rows, "acc_x_m_s2", ","), read_plain(folder).samples["pelvis"].acc[:, 0])
    assert "." not in rows[7]["acc_x_m_s2"]
    again = import_session("csv", tmp_path, mapping=files[-1]).samples["pelvis"]
    for name in ("time_s", "acc", "gyr"):
        np.testing.assert_array_equal(getattr(again, name), getattr(read_plain(folder).samples["pelvis"], name))


def exported_samples(folder: Path) -> ExportedSession:
    return with_samples(folder)


def test_an_unknown_start_gives_no_calendar_time(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", start=UNKNOWN_START, sensors=("pelvis",), results=False)
    files = WRITE([exported_samples(folder)], tmp_path, Choices("raw")).files
    assert {row["utc"] for row in rows_of(files[0])} == {""}
    assert "start" not in files[-1].read_text()


@pytest.mark.parametrize("athlete", ['=cmd|"/c calc"!A0', "a/../../b", 'with "quotes", and commas'])
def test_a_hostile_id_stays_a_text(tmp_path: Path, athlete: str) -> None:
    folder = session_folder(tmp_path / "monday", athlete=athlete, sensors=("pelvis",))
    out = tmp_path / "out"
    out.mkdir()
    files = WRITE([exported(folder)], out, Choices("raw")).files
    assert {file.parent for file in files} == {out}
    assert import_session("csv", out, mapping=files[-1]).session.athlete == athlete
