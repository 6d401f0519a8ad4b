"""A session in progress: recorded first, closed in order, abandoned without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from body_signals import HiphingeError, Packets, UtcAnchor
from dashboards.tables import read_summary
from hiphinge.session.in_progress import SessionInProgress
from hiphinge.session.lock import is_running
from ingest.recording.recorder import read_recording
from virtual_athlete import SimulatedSession, simulate


@pytest.fixture(scope="module")
def simulated() -> SimulatedSession:
    return simulate("demo", 4)


def seqs(recording: Path) -> list[int]:
    found: list[int] = []
    for batch in read_recording(recording).batches():
        for event in batch:
            found += event.seq.tolist() if isinstance(event, Packets) else [event.seq]
    return sorted(found)


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_it_runs_until_it_is_closed(tmp_path: Path, simulated: SimulatedSession) -> None:
    running = SessionInProgress(tmp_path / "a/s", simulated.session)
    assert is_running(running.folder)
    assert running.now_s == 0.0
    for begin in range(0, len(simulated.events), 500):
        running.take(simulated.events[begin : begin + 500])
    assert running.now_s == pytest.approx(simulated.truth.time_s[-1], abs=1.0)
    assert names(running.folder) == {".lock", ".live.writing", "recording.mcap", "session.toml"}
    running.close()
    assert not is_running(running.folder)
    assert names(running.folder) == {"live", "review", "recording.mcap", "session.toml"}
    assert seqs(running.folder / "recording.mcap") == list(range(len(simulated.events)))
    assert read_summary(running.folder, "live")["session"] == read_summary(running.folder, "review")["session"] == "s"


def test_what_was_taken_is_recorded_when_it_is_abandoned(tmp_path: Path, simulated: SimulatedSession) -> None:
    running = SessionInProgress(tmp_path / "s", simulated.session)
    running.take(simulated.events[:777])
    assert running.abandon()
    assert names(running.folder) == {"recording.mcap", "session.toml"}
    assert seqs(running.folder / "recording.mcap") == list(range(777))
    assert read_recording(running.folder / "recording.mcap").complete
    running.abandon()  # twice is harmless
    assert not is_running(running.folder)


def test_without_a_packet_nothing_is_left_behind(tmp_path: Path, simulated: SimulatedSession) -> None:
    running = SessionInProgress(tmp_path / "s", simulated.session)
    running.take([event for event in simulated.events[:50] if isinstance(event, UtcAnchor)])
    assert not running.abandon()
    assert not (tmp_path / "s").exists()
    # a folder that was there stays, with what somebody has put into it meanwhile
    (tmp_path / "s").mkdir()
    running = SessionInProgress(tmp_path / "s", simulated.session)
    (tmp_path / "s/notes.txt").write_text("mine")
    assert not running.abandon()
    assert names(tmp_path / "s") == {"notes.txt"}


def test_a_folder_with_something_in_it_is_never_touched(tmp_path: Path, simulated: SimulatedSession) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(HiphingeError, match="exists already and is not an empty folder"):
        SessionInProgress(tmp_path, simulated.session)
    assert names(tmp_path) == {"notes.txt"}
    with pytest.raises(HiphingeError, match=r"cannot be made: .*HIPHINGE_SESSIONS or --out"):
        SessionInProgress(tmp_path / "notes.txt/s", simulated.session)
