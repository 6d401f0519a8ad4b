"""Sessions that were not closed: which they are, and what becomes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from body_signals import Event, HiphingeError, Packets
from dashboards.tables import read_summary
from hiphinge.commands.unfinished import look_after_orphans, unfinished
from hiphinge.config import Settings
from hiphinge.session.computation import compute
from hiphinge.session.in_progress import SessionInProgress
from hiphinge.session.recovery import orphans, recover
from ingest.recording.recorder import read_recording
from tests.contract.recorded_sessions import recording
from virtual_athlete import SimulatedSession, simulate

RESULTS = {
    f"{estimator}/{file}"
    for estimator in ("live", "review")
    for file in ("angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json")
}


@pytest.fixture(scope="module")
def simulated() -> SimulatedSession:
    return simulate("demo", 2)


def arrival(event: Event) -> int:
    return int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns


def seconds(simulated: SimulatedSession, until_s: float) -> list[Event]:
    begin = arrival(simulated.events[0])
    return [event for event in simulated.events if arrival(event) - begin < until_s * 1e9]


def orphan(folder: Path, simulated: SimulatedSession, until_s: float) -> Path:
    """A session folder with a recording of the first seconds and nothing else."""
    folder.mkdir(parents=True)
    recording(folder / "recording.mcap", simulated.session, seconds(simulated, until_s))
    return folder


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_which_sessions_are_orphans(tmp_path: Path, simulated: SimulatedSession) -> None:
    first = orphan(tmp_path / "b", simulated, 2.0)
    half = orphan(tmp_path / "a", simulated, 2.0)
    recorded = read_recording(half / "recording.mcap")
    compute(recorded.session, recorded.batches(), half, "a", ("live",))
    (tmp_path / "notes").mkdir()
    results_only = tmp_path / "c"
    shutil.copytree(half / "live", results_only / "live")
    running = SessionInProgress(tmp_path / "d", simulated.session)
    assert orphans(tmp_path) == [half, first]
    assert orphans(tmp_path, "b*") == [first]
    assert orphans(first) == [first]
    assert orphans(running.folder) == []
    assert orphans(tmp_path / "nowhere") == []
    running.take(simulated.events[:200])
    running.abandon()
    assert orphans(tmp_path) == [half, first, running.folder]


def test_recovery_computes_what_is_missing_and_nothing_else(tmp_path: Path, simulated: SimulatedSession) -> None:
    folder = orphan(tmp_path / "s", simulated, 45.0)
    recorded = read_recording(folder / "recording.mcap")
    compute(recorded.session, recorded.batches(), folder, "s", ("live",))
    before = (folder / "live/angles.parquet").stat().st_ino
    result = recover(folder)
    assert (result.folder, result.warnings, result.error) == (folder, (), None)
    assert (folder / "live/angles.parquet").stat().st_ino == before
    assert files(folder) == {"recording.mcap", *RESULTS}
    assert read_summary(folder, "review")["session"] == "s"
    assert read_summary(folder, "review")["repetitions"] > 0
    assert orphans(tmp_path) == []


def test_what_is_missing_of_a_renamed_session_is_computed_under_its_name(tmp_path: Path, simulated: SimulatedSession) -> None:
    folder = orphan(tmp_path / "monday", simulated, 20.0)
    assert recover(folder).error is None
    shutil.rmtree(folder / "review")
    renamed = folder.rename(tmp_path / "tuesday")
    assert recover(renamed).error is None
    assert {read_summary(renamed, estimator)["session"] for estimator in ("live", "review")} == {"monday"}


def test_scratch_files_of_the_killed_program_go(tmp_path: Path, simulated: SimulatedSession) -> None:
    folder = orphan(tmp_path / "s", simulated, 3.0)
    (folder / ".live.writing").mkdir()
    (folder / ".live.writing/angles.parquet").write_bytes(b"PAR1 half")
    (folder / ".lock").touch()
    assert recover(folder).error is None
    assert files(folder) == {"recording.mcap", *RESULTS}


@pytest.mark.parametrize("until_s", [0.0, 0.01, 0.3, 1.0])
def test_a_session_that_hardly_began(tmp_path: Path, simulated: SimulatedSession, until_s: float) -> None:
    folder = orphan(tmp_path / "s", simulated, until_s)
    result = recover(folder)
    assert result.error is None
    assert files(folder) == {"recording.mcap", *RESULTS}
    assert read_summary(folder, "live")["repetitions"] == 0


def test_damage_costs_what_comes_after_it(tmp_path: Path, simulated: SimulatedSession) -> None:
    folder = orphan(tmp_path / "s", simulated, 20.0)
    content = bytearray((folder / "recording.mcap").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "recording.mcap").write_bytes(content)
    result = recover(folder)
    assert result.error is None
    assert "damaged at byte" in result.warnings[0]
    assert 5.0 < read_summary(folder, "review")["duration_s"] < 15.0


def test_a_recording_that_cannot_be_read_is_told_each_time(tmp_path: Path, simulated: SimulatedSession) -> None:
    folder = orphan(tmp_path / "s", simulated, 1.0)
    (folder / "recording.mcap").write_bytes((folder / "recording.mcap").read_bytes()[:100])
    result = recover(folder)
    assert isinstance(result.error, HiphingeError)
    assert "broke off before its head was written" in str(result.error)
    assert files(folder) == {"recording.mcap"}
    assert orphans(tmp_path) == [folder]


def test_a_session_at_which_another_program_works_is_left_alone(tmp_path: Path, simulated: SimulatedSession) -> None:
    running = SessionInProgress(tmp_path / "s", simulated.session)
    running.take(seconds(simulated, 2.0))
    result = recover(running.folder)
    assert result.error is None
    assert result.warnings == ("another program is computing its results",)
    assert not (running.folder / "live").exists()
    running.close()
    assert files(running.folder) == {"recording.mcap", "session.toml", *RESULTS}


def test_the_next_start_looks_after_orphans_and_says_so(
    tmp_path: Path, simulated: SimulatedSession, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = orphan(tmp_path / "sessions/one", simulated, 2.0)
    broken = orphan(tmp_path / "sessions/two", simulated, 2.0)
    (broken / "recording.mcap").write_bytes(b"")
    look_after_orphans(Settings(tmp_path / "sessions", {}))
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"hiphinge: {one} was not closed; computing its results from the recording",
        f"hiphinge: {broken} was not closed; computing its results from the recording",
        f"hiphinge: {broken / 'recording.mcap'}: the file is empty. Give a recording.mcap that hiphinge wrote, "
        "or its session folder.",
    ]
    assert files(one) == {"recording.mcap", *RESULTS}

    monkeypatch.chdir(tmp_path)
    orphan(tmp_path / "demo-session-x", simulated, 1.0)
    orphan(tmp_path / "of-somebody-else", simulated, 1.0)
    # what `live` leaves in the current folder
    (orphan(tmp_path / "2026-11-23T14-05-00Z_player-07", simulated, 1.0) / "session.toml").write_text("")
    assert unfinished(Settings(None, {})) == [Path("2026-11-23T14-05-00Z_player-07"), Path("demo-session-x")]
