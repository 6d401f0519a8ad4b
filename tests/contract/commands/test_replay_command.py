"""`hiphinge replay` of every kind of input: the live run's bytes again, what is missing said, progress out of the way."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from body_signals import Placement, Quality
from body_signals.quantities import ANGLE_NAMES
from dashboards.edits import edited_repetitions
from dashboards.tables import read_angles, read_orientations, read_repetitions, read_summary
from ingest.heads.session_toml import read_session_toml
from tests.contract.command_line import COMMAND, done, environment, hiphinge, refused, tree
from tests.contract.recorded_sessions import live_session, plain_session, uncalibrated_recording

pytestmark = pytest.mark.slow

FILES = ("angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The session folder of a demo."""
    return live_session(tmp_path_factory.mktemp("demo") / "session")


@pytest.fixture(scope="module")
def replayed(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Its replay under the same name, with what was printed and what was said on standard error."""
    folder = tmp_path_factory.mktemp("replay")
    result = done("replay", demo, "--out", "session", cwd=folder)
    return folder / "session", result.stdout, result.stderr


@pytest.mark.parametrize("file", [f"{estimator}/{name}" for estimator in ("live", "review") for name in FILES])
def test_a_replay_gives_the_bytes_that_the_live_run_stored(demo: Path, replayed: tuple[Path, str, str], file: str) -> None:
    assert (replayed[0] / file).read_bytes() == (demo / file).read_bytes()


def test_a_replay_writes_a_session_folder_without_the_recording(demo: Path, replayed: tuple[Path, str, str]) -> None:
    folder, _, _ = replayed
    assert tree(folder) == {"session.toml", "live", "review"} | {f"{e}/{f}" for e in ("live", "review") for f in FILES}
    assert read_session_toml(folder / "session.toml") == read_session_toml(demo / "session.toml")


def test_a_replay_shows_the_table_and_its_speed(replayed: tuple[Path, str, str]) -> None:
    _, printed, said = replayed
    assert "Repetitions (review)" in printed
    assert re.fullmatch(r"1\.\d min in \d+\.\d s \(\d+ x real time\): session", printed.splitlines()[-1])
    assert said == ""


def test_the_recording_alone_is_enough(demo: Path, replayed: tuple[Path, str, str], tmp_path: Path) -> None:
    shutil.copy(demo / "recording.mcap", tmp_path / "copy.mcap")
    result = done("replay", "copy.mcap", "--out", "session", "--estimator", "live", "--json", cwd=tmp_path)
    assert tree(tmp_path / "session") == {"session.toml", "live"} | {f"live/{f}" for f in FILES}
    for file in FILES:
        assert (tmp_path / "session/live" / file).read_bytes() == (demo / "live" / file).read_bytes()
    document = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert document["out"] == "session"
    assert document["repetitions"] == {"live": 14}
    assert document["warnings"] == []
    assert document["duration_s"] == pytest.approx(81.0, abs=2.0)
    assert document["seconds"] > 0.0
    assert result.stderr == ""


def test_one_estimator_alone(demo: Path, replayed: tuple[Path, str, str], tmp_path: Path) -> None:
    result = done("replay", demo, "--out", "session", "--estimator", "review", cwd=tmp_path)
    assert "Repetitions (review)" in result.stdout
    assert tree(tmp_path / "session") == {"session.toml", "review"} | {f"review/{f}" for f in FILES}
    assert (tmp_path / "session/review/angles.parquet").read_bytes() == (demo / "review/angles.parquet").read_bytes()


def test_results_that_are_there_are_never_overwritten(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/notes.txt").write_text("mine")
    said = refused("replay", demo, "--out", "old", cwd=tmp_path)
    assert said == "old: exists already and is not an empty folder. Give --out a folder that does not exist"
    assert tree(tmp_path) == {"old", "old/notes.txt"}
    (tmp_path / "empty").mkdir()
    done("replay", demo, "--out", "empty", "--estimator", "live", cwd=tmp_path)
    assert "empty/live/angles.parquet" in tree(tmp_path)


def test_progress_moves_on_standard_error_where_somebody_watches(demo: Path, tmp_path: Path) -> None:
    watcher, terminal = pty.openpty()
    replaying = subprocess.Popen(
        [*COMMAND, "replay", str(demo), "--out", "session", "--estimator", "live"],
        cwd=tmp_path,
        env=environment(TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while True:
        try:
            piece = os.read(watcher, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(watcher)
    printed, _ = replaying.communicate(timeout=60)
    assert replaying.returncode == 0
    assert re.search(rb"replay .*\d\.\d min, \d+ x real time", seen)
    assert b"real time" not in printed[: printed.index(b"Repetitions")]
    assert b"\x1b" not in printed


def test_a_plain_session(demo: Path, tmp_path: Path) -> None:
    plain_session(tmp_path / "plain")
    done("replay", "plain", "--out", "out", cwd=tmp_path)
    session = read_session_toml(tmp_path / "out/session.toml")
    assert [s.file for s in session.sensors] == [None] * 4
    assert [m.label for m in session.marks] == ["calibrate"]
    for estimator in ("live", "review"):
        of_plain = read_repetitions(tmp_path / "out", estimator)
        of_packets = read_repetitions(demo, estimator)
        assert of_plain["movement"].to_pylist() == of_packets["movement"].to_pylist()
        assert np.allclose(of_plain["start_s"], of_packets["start_s"], atol=0.1)
        assert np.allclose(of_plain["lumbar_rom_deg"], read_repetitions(demo, "review")["lumbar_rom_deg"], atol=2.0)
    assert {s["family"] for s in read_summary(tmp_path / "out", "live")["sensors"].values()} == {"plain"}


def test_thigh_sensors_alone_say_that_there_is_no_trunk(tmp_path: Path) -> None:
    live_session(tmp_path / "legs", placements=(Placement.THIGH_LEFT, Placement.THIGH_RIGHT))
    done("replay", "legs", "--out", "out", "--estimator", "review", cwd=tmp_path)
    assert any("no sensor on the trunk" in w for w in read_summary(tmp_path / "out", "review")["warnings"])


def test_one_lumbar_and_one_thigh_sensor_say_what_cannot_be_separated(tmp_path: Path) -> None:
    live_session(tmp_path / "two", placements=(Placement.LUMBAR, Placement.THIGH_LEFT))
    result = done("replay", "two", "--out", "out", cwd=tmp_path)
    note = " ".join(result.stdout[result.stdout.index("note: ") :].split())
    assert "no pelvis sensor: lumbar and hip flexion cannot be separated" in note
    for estimator in ("live", "review"):
        assert any("cannot be separated" in w for w in read_summary(tmp_path / "out", estimator)["warnings"])
        angles = read_angles(tmp_path / "out", estimator)
        after = angles["time_s"].to_numpy() > 30.0
        measured = {name for name in ANGLE_NAMES if np.isfinite(angles[f"{name}_deg"].to_numpy()[after]).any()}
        assert measured == {"trunk_inclination", "thigh_left_inclination"}
        bends = [r for r in read_repetitions(tmp_path / "out", estimator).to_pylist() if r["movement"] == "bend"]
        assert len(bends) == 4
        assert all(np.isnan(r["lumbar_share_of_trunk"]) and np.isnan(r["lumbar_rom_deg"]) for r in bends)
    done("report", "out", cwd=tmp_path)
    assert "cannot be separated" in (tmp_path / "out/report.html").read_text("utf-8")


def test_without_calibration_there_are_orientations_and_no_angles(tmp_path: Path) -> None:
    uncalibrated_recording(tmp_path / "recording.mcap")
    result = done("replay", "recording.mcap", "--out", "out", cwd=tmp_path)
    assert "No repetitions found (review)." in result.stdout
    assert "not calibrated" in result.stdout
    for estimator in ("live", "review"):
        angles = read_angles(tmp_path / "out", estimator)
        assert all(np.isnan(angles[f"{name}_deg"].to_numpy()).all() for name in ANGLE_NAMES)
        assert np.all(angles["quality"].to_numpy() & Quality.UNCALIBRATED)
        orientations = read_orientations(tmp_path / "out", estimator)
        assert set(orientations["placement"].to_pylist()) == {"lumbar", "pelvis", "thigh_left", "thigh_right"}
        assert orientations.num_rows > 4 * 7900
        assert read_summary(tmp_path / "out", estimator)["calibration"] == {}
    done("report", "out", cwd=tmp_path)


def test_stopping_a_replay_leaves_nothing(demo: Path, tmp_path: Path) -> None:
    replaying = subprocess.Popen([*COMMAND, "replay", str(demo), "--out", "out"], cwd=tmp_path, env=environment())
    while not any(tmp_path.iterdir()):
        assert replaying.poll() is None
        time.sleep(0.002)
    replaying.terminate()
    assert replaying.wait(20) == 143
    assert tree(tmp_path) == set()


def test_a_reader_that_goes_away_is_no_error(demo: Path, tmp_path: Path) -> None:
    piped = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | head -1', "-", *COMMAND, "push", "--dry-run", str(demo)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert piped.stdout.startswith("angles,athlete=simulated,session=session,estimator=live ")
    assert piped.stderr == ""


def test_the_version(tmp_path: Path) -> None:
    assert re.fullmatch(r"hiphinge \d+\.\d+\.\d+\S*\n", done("--version", cwd=tmp_path).stdout)
    assert hiphinge("rplay", cwd=tmp_path).returncode == 2


def test_a_replay_takes_a_persons_corrections_along(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo, tmp_path / "monday")
    first = read_repetitions(demo, "review")["start_s"][0].as_py()
    (tmp_path / "monday/edits.toml").write_text(f"[[repetition]]\nat_s = {first + 0.5}\ndeleted = true\n")
    done("replay", "monday", "--out", "again", "--estimator", "review", cwd=tmp_path)
    edits = (tmp_path / "again/edits.toml").read_bytes()
    assert edits == (tmp_path / "monday/edits.toml").read_bytes()
    assert (
        read_repetitions(tmp_path / "again", "review").num_rows == edited_repetitions(tmp_path / "again", "review").num_rows + 1
    )
