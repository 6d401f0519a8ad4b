"""A result is what the manifest with the highest number names; what does not count goes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.result import SessionResults, key_of, prepare, sign_of

MANIFEST = {"session": "evening", "athlete": "player-07", "inputs": {}}


@pytest.fixture
def results(tmp_path: Path) -> Folder:
    place = Folder(tmp_path / "results", "results")
    prepare(place)
    return place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"rows")
    return tmp_path / "file"


def committed(results: Folder, file: Path, key: str) -> tuple[str, bool]:
    one = SessionResults.of(results, "evening", sign_of(results))
    attempt = one.new_attempt()
    counts = one.commit(attempt, {"live/angles.parquet": file}, {**MANIFEST, "key": key})
    one.tidy()
    return attempt, counts


def below(results: Folder) -> set[str]:
    folder = results.path / "sessions/evening"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_result_is_there_when_its_manifest_is(results: Folder, file: Path) -> None:
    assert SessionResults.of(results, "evening").manifest is None
    attempt, counts = committed(results, file, "1")
    assert counts
    one = SessionResults.of(results, "evening")
    assert one.number == 1
    assert one.manifest is not None
    assert one.manifest["folder"] == attempt
    assert one.manifest["athlete"] == "player-07"
    assert one.manifest["files"]["live/angles.parquet"]["bytes"] == 4
    assert below(results) == {"manifest-000001.json", f"{attempt}/live/angles.parquet"}


def test_of_two_that_are_ready_at_once_the_second_leaves_nothing(results: Folder, file: Path) -> None:
    late = SessionResults.of(results, "evening", sign_of(results))
    attempt, _ = committed(results, file, "1")
    assert not late.commit(late.new_attempt(), {"x": file}, {**MANIFEST, "key": "1"})
    assert late.has("1")
    assert late.manifest is not None
    assert late.manifest["folder"] == attempt
    assert below(results) == {"manifest-000001.json", f"{attempt}/live/angles.parquet"}


def test_a_result_of_other_content_takes_the_next_number_and_the_first_one_goes(results: Folder, file: Path) -> None:
    late = SessionResults.of(results, "evening", sign_of(results))
    committed(results, file, "1")
    attempt = late.new_attempt()
    assert late.commit(attempt, {"x": file}, {**MANIFEST, "key": "2"})
    late.tidy()
    assert SessionResults.of(results, "evening").number == 2
    assert below(results) == {"manifest-000001.json", "manifest-000002.json", f"{attempt}/x"}
    assert json.loads((results.path / "sessions/evening/manifest-000001.json").read_text()) == {"schema": 1, "superseded": True}


def test_attempts_of_dead_workers_go_after_a_day(results: Folder, file: Path) -> None:
    other = SessionResults.of(results, "evening").new_attempt()
    results.put(f"sessions/evening/{other}/x", file)
    attempt, _ = committed(results, file, "1")
    one = SessionResults.of(results, "evening")
    one.tidy(datetime.now(UTC) + timedelta(hours=23))
    assert f"{other}/x" in below(results)
    one.tidy(datetime.now(UTC) + timedelta(hours=25))
    assert below(results) == {"manifest-000001.json", f"{attempt}/live/angles.parquet"}


def test_an_empty_manifest_is_none_and_its_number_is_taken(results: Folder, file: Path) -> None:
    results.put("sessions/evening/manifest-000001.json", b"")
    one = SessionResults.of(results, "evening")
    assert one.manifest is None
    attempt, counts = committed(results, file, "1")
    assert counts
    assert below(results) == {"manifest-000001.json", "manifest-000002.json", f"{attempt}/live/angles.parquet"}


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "folder": "../..", "inputs": {}}']
)
def test_a_damaged_manifest_is_named(results: Folder, content: str) -> None:
    results.put("sessions/evening/manifest-000001.json", content.encode())
    with pytest.raises(
        HiphingeError, match=r"evening/manifest-000001.json: is damaged, or of a later version.*Remove the folder"
    ):
        SessionResults.of(results, "evening")


def test_only_an_empty_folder_or_one_of_results_is_written_to(tmp_path: Path, results: Folder) -> None:
    before = (results.path / "results.json").read_bytes()
    prepare(results)
    assert (results.path / "results.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(HiphingeError, match=r"^mine: is not empty, and no folder of results"):
        prepare(Folder(tmp_path / "mine", "mine"))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_store_that_overwrites_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite(self: Folder, name: str, content: bytes) -> bool:
        self.put(name, content)
        return True

    monkeypatch.setattr(Folder, "put_new", overwrite)
    with pytest.raises(HiphingeError, match="conditional writes"):
        prepare(Folder(tmp_path / "results", "results"))


def test_a_key_is_of_program_settings_and_content() -> None:
    key = key_of(("hiphinge 1", "a"), {"estimators": ["live"]}, {"session.toml": "1", "recording.mcap": "2"})
    assert key == key_of(("hiphinge 1", "a"), {"estimators": ["live"]}, {"recording.mcap": "2", "session.toml": "1"})
    others = [
        key_of(("hiphinge 2", "a"), {"estimators": ["live"]}, {"session.toml": "1", "recording.mcap": "2"}),
        key_of(("hiphinge 1", "b"), {"estimators": ["live"]}, {"session.toml": "1", "recording.mcap": "2"}),
        key_of(("hiphinge 1", "a"), {"estimators": ["live", "review"]}, {"session.toml": "1", "recording.mcap": "2"}),
        key_of(("hiphinge 1", "a"), {"estimators": ["live"]}, {"session.toml": "1", "recording.mcap": "3"}),
        key_of(("hiphinge 1", "a"), {"estimators": ["live"]}, {"session.toml": "1", "recording.mcap": "2", "edits.toml": "3"}),
    ]
    assert len({key, *others}) == 6
