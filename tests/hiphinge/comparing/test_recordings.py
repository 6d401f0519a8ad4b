"""One recording counts once: a copy or a replay of a session is no further measurement, whatever it is called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from body_signals import ESTIMATORS
from hiphinge.comparing.recordings import Recordings, check_different
from tests.contract.command_line import done, refused
from tests.hiphinge.comparing.screened_sessions import screen_day, screened

HEAD = 'schema = 1\nstart = {start}\norigin = ["{origin}"]\n[athlete]\nid = "{athlete}"\n'
FIRST, START = "59cfe42dc32bd6cf", "2026-11-23T09:10:00Z"


def session(
    place: Path,
    name: str,
    left: float = 76.0,
    day: int = 23,
    athlete: str = "player-07",
    pinned: bool = False,
    estimators: Sequence[str] = ESTIMATORS,
) -> Path:
    marks = [(1.0, "baseline")] if pinned else []
    start = f"2026-11-{day}T09:10:00Z"
    folder = screened(place / name, screen_day(left), athlete, start, marks, estimators=estimators)
    (folder / "recording.mcap").write_bytes(f"{name} {left}".encode() * 9)
    return folder


def replayed(of: Path, name: str) -> Path:
    """As a replay leaves it: results under another name, without the recording."""
    folder = Path(shutil.copytree(of, of.parent / name, ignore=shutil.ignore_patterns("recording.mcap")))
    for path in folder.glob("*/summary.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"session": name}))
    return folder


def test_a_replay_is_the_same_recording_and_another_day_is_not(tmp_path: Path) -> None:
    one, other, later = session(tmp_path, "one"), session(tmp_path, "other", day=24), session(tmp_path, "later", day=25)
    met = Recordings()
    assert [met.first(folder) for folder in (one, other, later)] == [None, None, None]
    assert met.first(replayed(one, "again")) == one
    assert met.first(replayed(later, "once more")) == later


def test_the_bytes_of_the_recording_identify_it_where_its_head_was_changed(tmp_path: Path) -> None:
    one = session(tmp_path, "one")
    copy = session(tmp_path, "copy", day=24)
    shutil.copyfile(one / "recording.mcap", copy / "recording.mcap")
    as_large = session(tmp_path, "as large", day=25)
    (as_large / "recording.mcap").write_bytes(bytes((one / "recording.mcap").stat().st_size))
    met = Recordings()
    assert [met.first(folder) for folder in (one, copy, as_large)] == [None, one, None]


def test_a_copy_with_a_corrected_start_or_athlete_keeps_its_origin(tmp_path: Path) -> None:
    one = session(tmp_path, "one")
    (one / "session.toml").write_text(HEAD.format(start=START, origin=FIRST, athlete="player-07"))
    copy = replayed(one, "copy")
    (copy / "session.toml").write_text(HEAD.format(start="2026-11-20T08:00:00Z", origin=FIRST, athlete="player-09"))
    met = Recordings()
    assert [met.first(folder) for folder in (one, copy)] == [None, one]


@pytest.mark.parametrize("start", ["1970-01-01T00:00:00Z", None])
def test_a_start_that_was_never_set_identifies_nothing(tmp_path: Path, start: str | None) -> None:
    met = Recordings()
    for name in ("one", "other"):
        folder = screened(tmp_path / name, screen_day(), start="2026-11-23T09:10:00Z")
        for path in folder.glob("*/summary.json"):
            path.write_text(json.dumps(json.loads(path.read_text()) | {"start": start}))
        assert met.first(folder) is None


def test_the_same_start_with_another_length_is_another_recording(tmp_path: Path) -> None:
    """Imports of one day may all say its first minute."""
    met = Recordings()
    assert met.first(screened(tmp_path / "short", screen_day())) is None
    assert met.first(screened(tmp_path / "long", screen_day().bends())) is None


def test_compare_refuses_it_as_a_further_session(tmp_path: Path) -> None:
    one, later = session(tmp_path, "one"), session(tmp_path, "later", 90.0, day=24)
    again = replayed(one, "again")
    what = "again: this is a copy or a replay of the recording in one, and no further measurement. Name each recording once"
    assert refused("compare", "one", "again", cwd=tmp_path) == what
    assert "no further measurement" in refused("compare", one, later, again, cwd=tmp_path)
    assert "no further measurement" in refused("compare", one, later, "--baseline", again, cwd=tmp_path)
    assert "no further measurement" in refused("report", later, "--before", one, "--before", again, cwd=tmp_path)
    assert done("compare", one, later, cwd=tmp_path).stdout
    with pytest.raises(Exception, match="Name each recording once"):
        check_different([one, later, again])


def test_a_baseline_counts_each_recording_once(tmp_path: Path) -> None:
    first = session(tmp_path, "first", day=10, pinned=True)
    session(tmp_path, "second", 80.0, day=12, pinned=True)
    replayed(first, "a replay of first")
    before, after = session(tmp_path, "before", day=23), session(tmp_path, "after", 92.0, day=24)
    result = done("compare", before, after, "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["baseline_sessions"] == ["first", "second"]
    said = "a replay of first is left out: it is a copy or a replay of the recording in first, which counts already"
    assert said in result.stderr
    trend = json.loads(done("compare", before, "--trend", "--json", cwd=tmp_path).stdout)
    assert trend["sessions"] == ["first", "second", "before"]
    assert trend["baseline_sessions"] == ["first", "second"]
    assert "no further measurement" in refused("compare", first, "a replay of first", "--pin", cwd=tmp_path)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of twenty people: to be copied."""
    place = tmp_path_factory.mktemp("people")
    for i in range(20):
        for k in range(2):
            session(place, f"p{i}-{k}", 90.0 + i + k, day=10 + k, athlete=f"player-{i}")
    return place


@pytest.mark.parametrize("command", ["repeatability", "norms"])
def test_people_are_not_multiplied_by_copies(people: Path, tmp_path: Path, command: str) -> None:
    shutil.copytree(people, tmp_path, dirs_exist_ok=True)
    once = json.loads(done(command, tmp_path, "--json", cwd=tmp_path).stdout)
    replayed(tmp_path / "p3-0", "a replay")
    found = json.loads(done(command, tmp_path, "--json", cwd=tmp_path).stdout)
    assert found.pop("left_out") == {
        str(tmp_path / "a replay"): "it is a copy or a replay of the recording in p3-0, which counts already"
    }
    assert found == {name: value for name, value in once.items() if name != "left_out"}
