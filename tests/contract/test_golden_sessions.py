"""Golden sessions: today's tables are the expected ones, bit for bit where they were made and within tolerances elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from body_signals import Event, Packets, Quality
from dashboards.tables import ANGLES, REPETITIONS
from fixtures.sessions import bless
from fixtures.sessions.golden import (
    EXPECTED,
    KEPT_EVERY,
    changed_columns,
    computed,
    differences,
    machine,
    read_columns,
    tables,
    write_expected,
)
from fixtures.sessions.recordings import FOLDER, RECORDING, SESSIONS, record
from ingest.recording.recorder import read_recording
from tests.conftest import ROOT

BRIEF = "walking-off"
"""A golden session that is soon computed, of all sensors."""


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today's tables of a golden session."""
    return computed(FOLDER / BRIEF / RECORDING, tmp_path_factory.mktemp("today"))


@pytest.mark.parametrize("name", SESSIONS)
def test_no_number_has_moved(name: str, tmp_path: Path) -> None:
    expected = FOLDER / name / EXPECTED
    now = computed(FOLDER / name / RECORDING, tmp_path)
    assert list(differences(expected, now)) == []
    if read_columns(expected)["machine"] == machine():
        assert changed_columns(expected, now) == []


@pytest.mark.skipif(
    "X86_V3" not in machine()["instructions"].split(),
    reason="this processor has no vector instructions that numpy can do without",
)
def test_on_another_machine_they_agree_within_the_tolerances() -> None:
    """Without the processor's vector instructions numpy rounds otherwise; the digests say so, the tolerances hold."""
    program = (
        "import sys, tempfile, pathlib; from fixtures.sessions.golden import *; from fixtures.sessions.recordings import *\n"
        "now = computed(FOLDER / 'demo' / RECORDING, pathlib.Path(tempfile.mkdtemp(dir=sys.argv[1])))\n"
        "expected = FOLDER / 'demo' / EXPECTED\n"
        "same = read_columns(expected)['machine'] == machine()\n"
        "print(len(changed_columns(expected, now)), same, list(differences(expected, now)))"
    )
    found = machine()["instructions"].split()
    without = {"NPY_DISABLE_CPU_FEATURES": " ".join(name for name in found if name not in ("X86_V2", "SSE42"))}
    with_scratch = [sys.executable, "-W", "ignore", "-c", program, os.environ.get("TMPDIR", "/tmp")]
    run = subprocess.run(with_scratch, cwd=ROOT, env=os.environ | without, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    moved, same_machine, beyond = run.stdout.strip().split(" ", 2)
    assert int(moved) > 0
    assert same_machine == "False"
    assert beyond == "[]"


@pytest.mark.parametrize("name", SESSIONS)
def test_the_recordings_can_be_made_again(name: str, tmp_path: Path) -> None:
    again = record(name, tmp_path / RECORDING)
    if read_columns(FOLDER / name / EXPECTED)["machine"] == machine():
        assert _events(again) == _events(FOLDER / name / RECORDING)


def _events(path: Path) -> list[str]:
    recording = read_recording(path)
    return [repr(recording.session), *(_words(event) for batch in recording.batches(240) for event in batch)]


def _words(event: Event) -> str:
    if isinstance(event, Packets):
        return f"{event.sensor} {event.seq.tolist()} {event.arrival_ns.tolist()} {event.lengths.tolist()} {event.data.hex()}"
    return repr(event)


def test_the_sessions_hold_what_they_are_there_for() -> None:
    """A golden table guards only what happens in it."""
    found = {name: pq.read_table(FOLDER / name / EXPECTED / "live" / REPETITIONS)["movement"].to_pylist() for name in SESSIONS}
    assert {kind for kinds in found.values() for kind in kinds} == {
        *("bend", "squat", "deadlift", "hinge", "sit_down", "stand_up", "knee_raise", "rock_back")
    }
    flags = [pq.read_table(FOLDER / name / EXPECTED / "live" / ANGLES)["quality"].to_numpy() for name in SESSIONS]
    seen = Quality(int(np.bitwise_or.reduce(np.concatenate(flags))))
    for flag in (Quality.UNCALIBRATED, Quality.GAP, Quality.LATE, Quality.HEADING_UNKNOWN, Quality.LOW_CONFIDENCE):
        assert flag in seen


def _altered(folder: Path, name: str, column: str, by: float) -> None:
    path = folder / "live" / name
    table = pq.read_table(path)
    values = table[column].to_numpy() + np.float32(by)
    at = table.schema.get_field_index(column)
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path)


@pytest.mark.parametrize(
    ("name", "column", "small", "large"),
    [
        (ANGLES, "lumbar_flexion_deg", 0.02, 0.2),
        (REPETITIONS, "lumbar_share_of_trunk", 0.002, 0.02),
        (REPETITIONS, "turn_s", 0.01, 0.5),
    ],
)
def test_a_number_that_moved_is_named(today: Path, tmp_path: Path, name: str, column: str, small: float, large: float) -> None:
    for by, told in ((small, 0), (large, 1)):
        expected = tmp_path / f"{by}"
        write_expected(expected, today)
        _altered(expected, name, column, by)
        found = list(differences(expected, today))
        assert len(found) == told, found
        assert all(f"live/{name} {column}: " in words for words in found)


def test_every_bit_of_a_column_counts(today: Path, tmp_path: Path) -> None:
    expected, now = tmp_path / "expected", tmp_path / "now"
    write_expected(expected, today)
    shutil.copytree(today, now)
    path = now / "review" / ANGLES
    table = tables(now, "review")[ANGLES]
    at = table.schema.get_field_index("pelvis_tilt_deg")
    values = table.column(at).to_numpy().copy()
    # a row that `expected/` does not keep
    values[KEPT_EVERY * 50 + 1] = np.nextafter(values[KEPT_EVERY * 50 + 1], np.float32(np.inf))
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values)), path)
    assert changed_columns(expected, now) == ["review angles.pelvis_tilt_deg"]
    assert list(differences(expected, now)) == []


def test_expected_tables_are_those_that_were_taken() -> None:
    """Tables that changed otherwise than by `make bless`, which asks for an entry under Scientific changes, are found here."""
    taken = bless.blessed()
    assert set(taken) == set(SESSIONS)
    told = bless.entries(bless.CHANGELOG.read_text("utf-8"))
    for name in SESSIONS:
        assert taken[name]["tables"] == bless.digest(FOLDER / name / EXPECTED), f"run: make bless, of {name}"
        assert 0 < int(taken[name]["entries"]) <= told


def test_moved_numbers_are_not_taken_without_an_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sessions"
    shutil.copytree(FOLDER / BRIEF, folder / BRIEF, ignore=shutil.ignore_patterns(EXPECTED))
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("## 1\n\n### Scientific changes\n\n- one\n- two\n\n## 0\n\n- no entry of that kind\n")
    for name, value in (("FOLDER", folder), ("CHANGELOG", changelog), ("BLESSED", folder / "blessed.json")):
        monkeypatch.setattr(bless, name, value)
    # first the tables of this machine: another one's may differ in the last bits
    assert bless.main([BRIEF]) == 0
    taken = read_columns(folder / BRIEF / EXPECTED)
    capsys.readouterr()
    columns = folder / BRIEF / EXPECTED / "columns.json"
    before = columns.read_text()
    columns.write_text(before.replace(taken["live"]["angles.lumbar_flexion_deg"], "0" * 16))
    assert bless.main([BRIEF]) == 1
    assert "1 columns moved" in capsys.readouterr().out
    assert columns.read_text() != before
    changelog.write_text(changelog.read_text().replace("- two\n", "- two\n- three: lumbar flexion\n"))
    assert bless.main([BRIEF]) == 0
    assert bless.blessed()[BRIEF]["entries"] == 3
    assert read_columns(folder / BRIEF / EXPECTED) == taken
    assert bless.main([BRIEF]) == 0


def test_all_fixtures_are_small() -> None:
    files = [path for path in (ROOT / "fixtures").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 6_000_000
