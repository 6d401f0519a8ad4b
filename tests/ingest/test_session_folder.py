"""Opening a session folder, a plain session or a recording, and refusing everything else."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from body_signals import Heartbeat, HiphingeError, Mark, Mounting, Packets, Placement, Sensor, Session, TimedBlock, UtcAnchor
from ingest.formats.plain import PlainSamples, write_plain
from ingest.heads.session_toml import write_session_toml
from ingest.recording.recorder import Recorder
from ingest.session_folder import open_input

SESSION = Session(datetime(2026, 11, 23, tzinfo=UTC), "player-07", (Sensor(Placement.PELVIS, family="hiphinge-v1"),))


def record(path: Path) -> None:
    with Recorder(path, SESSION, sync=False) as recorder:
        recorder.append(UtcAnchor(0, 0, 1_700_000_000_000_000_000))
        recorder.append(Packets.one("pelvis", 1, 5_000_000, b"abc"))
        recorder.append(Heartbeat(2, 100_000_000))


def plain(folder: Path) -> None:
    samples = PlainSamples(np.arange(250) / 50.0, np.tile([9.81, 0.0, 0.0], (250, 1)), np.zeros((250, 3)))
    write_plain(folder, replace(SESSION, sensors=(Sensor(Placement.PELVIS),)), {"pelvis": samples})


def test_a_plain_session(tmp_path: Path) -> None:
    plain(tmp_path / "s")
    opened = open_input(tmp_path / "s")
    assert opened.session.athlete == "player-07"
    assert opened.duration_hint_s == 4.98
    for _ in range(2):
        ((block,),) = opened.batches()
        assert isinstance(block, TimedBlock)
        assert (block.sensor, len(block)) == ("pelvis", 250)
    assert opened.warnings == []


def test_warnings_of_a_plain_session_are_passed_on(tmp_path: Path) -> None:
    plain(tmp_path / "s")
    file = tmp_path / "s" / "pelvis.csv"
    lines = file.read_text().splitlines()
    uneven = [
        f"{float(line.split(',', 1)[0]) + 0.006 * (i % 3):.4f},{line.split(',', 1)[1]}" for i, line in enumerate(lines[1:])
    ]
    file.write_text("\n".join([lines[0], *uneven]))
    assert ["sampled unevenly" in warning for warning in open_input(tmp_path / "s").warnings] == [True]


@pytest.mark.parametrize("given", ["folder", "file"])
def test_a_recording(tmp_path: Path, given: str) -> None:
    record(tmp_path / "recording.mcap")
    write_session_toml(replace(SESSION, software="hiphinge 9"), tmp_path / "session.toml")
    opened = open_input(tmp_path if given == "folder" else tmp_path / "recording.mcap")
    assert (opened.session, opened.duration_hint_s) == (SESSION, None)
    for _ in range(2):
        events = [event for batch in opened.batches() for event in batch]
        assert {type(event) for event in events} == {UtcAnchor, Packets, Heartbeat}
    assert opened.warnings == []


def test_the_recording_goes_before_files_and_session_toml(tmp_path: Path) -> None:
    plain(tmp_path / "s")
    recording = tmp_path / "s" / "recording.mcap"
    record(recording)
    recording.write_bytes(recording.read_bytes()[:-30])
    opened = open_input(tmp_path / "s")
    assert opened.session == SESSION
    assert [event for batch in opened.batches() for event in batch if isinstance(event, TimedBlock)] == []
    beside, torn = opened.warnings
    assert "session.toml differs from recording.mcap; the description inside the recording is used" in beside
    assert "recording.mcap" in torn


@pytest.mark.parametrize("text", [None, "start = ?"])
def test_a_recording_needs_no_session_toml(tmp_path: Path, text: str | None) -> None:
    record(tmp_path / "recording.mcap")
    if text is not None:
        (tmp_path / "session.toml").write_text(text)
    opened = open_input(tmp_path)
    assert opened.session == SESSION
    assert ["the description inside the recording is used" in warning for warning in opened.warnings] == [True]


def test_what_is_corrected_beside_a_recording_counts(tmp_path: Path) -> None:
    record(tmp_path / "recording.mcap")
    path = tmp_path / "session.toml"
    write_session_toml(SESSION, path)
    written = path.read_text()
    mounting = 'mounting = { up = "+x", left = "+y" }'
    path.write_text(
        written.replace('"player-07"', '"player-08"')
        .replace("2026-11-23T00:00:00Z", "2026-11-22T23:00:00+01:00")
        .replace('placement = "pelvis"', f'placement = "pelvis"\n{mounting}')
        + '[[mark]]\ntime_s = 0.05\nlabel = "calibrate"\n[[mark]]\ntime_s = 0.06\nlabel = "belt"\n'
    )
    opened = open_input(tmp_path)
    assert opened.session.athlete == "player-08"
    assert opened.session.start == datetime(2026, 11, 22, 22, tzinfo=UTC)
    assert opened.session.sensors[0].mounting == Mounting("+x", "+y")
    assert opened.session.sensors[0].family == "hiphinge-v1"
    assert [mark.label for mark in opened.session.marks] == ["belt"]
    for _ in range(2):
        events = [event for batch in opened.batches() for event in batch]
        (mark,) = (event for event in events if isinstance(event, Mark))
        assert (mark.label, mark.arrival_ns, mark.seq) == ("calibrate", 50_000_000, 2)
        assert [event.seq for event in events if isinstance(event, Heartbeat)] == [3]
    assert opened.warnings == []
    # the head of another session counts for nothing
    path.write_text(path.read_text().replace("origin = ", "origin = []\nformer = ").replace("[]", '["0123456789abcdef"]'))
    opened = open_input(tmp_path)
    assert opened.session == SESSION
    assert "differs from recording.mcap" in opened.warnings[0]


def refused(path: Path, what: str, remedy: str) -> None:
    with pytest.raises(HiphingeError) as caught:
        open_input(path)
    assert caught.value.where.startswith(str(path))
    assert what in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    "entry",
    ['[[mark]]\ntime_s = 5000\nlabel = "calibrate"', '[[note]]\ntime_s = 500\ntext = "x"', "[[pain]]\ntime_s = -9\nscore = 3"],
)
def test_what_was_said_of_a_time_outside_the_session_is_refused(tmp_path: Path, recorded: bool, entry: str) -> None:
    if recorded:
        record(tmp_path / "recording.mcap")
    else:
        plain(tmp_path / "s")
    folder = tmp_path if recorded else tmp_path / "s"
    (folder / "edits.toml").write_text(f"{entry}\n")
    with pytest.raises(
        HiphingeError, match=r"edits\.toml: .* is outside this session, which goes from 0 to .*Correct its time_s"
    ):
        list(open_input(folder).batches())
    if recorded:
        # what is left of a damaged recording may be shorter
        assert list(open_input(folder, salvage=True).batches())
    (folder / "edits.toml").write_text('[[mark]]\ntime_s = -3600\nlabel = "rising"\n[[note]]\ntime_s = 0.5\ntext = "x"\n')
    assert list(open_input(folder).batches())


def test_what_is_no_input(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "not found", "Give a session folder")
    refused(tmp_path, "neither recording.mcap nor session.toml", "Give a session folder")
    (tmp_path / "pelvis.csv").write_text("a,b\n1,2\n")
    refused(tmp_path / "pelvis.csv", "not a recording", "hiphinge import")
    (tmp_path / "data.mat").write_bytes(b"MATLAB 5.0")
    refused(tmp_path / "data.mat", "not a recording", "Give a session folder")
    (tmp_path / "broken.mcap").write_bytes(b"MATLAB 5.0")
    refused(tmp_path / "broken.mcap", "", "")
    mounted = replace(SESSION, sensors=(Sensor(Placement.PELVIS, mounting=Mounting("+x", "+y")),))
    write_session_toml(mounted, tmp_path / "session.toml")
    refused(tmp_path / "session.toml", "not a recording", f"Give its folder, {tmp_path}")
    with pytest.raises(HiphingeError, match="holds no samples") as caught:
        open_input(tmp_path)
    assert caught.value.where == str(tmp_path / "session.toml")
    assert "computed from" in caught.value.remedy
