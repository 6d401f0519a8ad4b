"""A run is seen in its folder of results while it lasts, from above and below; several may last at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.seasons import running
from hiphinge.seasons.bucket import Bucket
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.result import prepare
from hiphinge.seasons.running import lasting, results_of_a_run
from on_disk import LockFile


@pytest.fixture
def results(tmp_path: Path) -> Folder:
    place = Folder(tmp_path / "club/season", "season")
    prepare(place)
    (place.path / "sessions/evening").mkdir(parents=True)
    return place


def test_a_run_is_seen_while_it_lasts_and_a_second_one_does_not_end_it(results: Folder, tmp_path: Path) -> None:
    places = (tmp_path, results.path, results.path / "sessions/evening")
    before = os.listdir(results.path)
    assert [results_of_a_run(place) for place in places] == [None] * 3
    with lasting(results):
        with lasting(results):
            assert [results_of_a_run(place) for place in places] == [results.path] * 3
        assert [results_of_a_run(place) for place in places] == [results.path] * 3
        (tmp_path / "beside").mkdir()
        assert results_of_a_run(tmp_path / "beside") is None
        assert prepare(results)
    assert [results_of_a_run(place) for place in places] == [None] * 3
    assert os.listdir(results.path) == before


def test_what_a_killed_run_left_is_none_and_goes(results: Folder) -> None:
    left = results.path / ".run-0123456789abcdef.lock"
    left.touch()
    assert results_of_a_run(results.path) is None
    with lasting(results):
        assert not left.exists()


def test_object_storage_knows_no_locks() -> None:
    with lasting(Bucket.named("s3://club/season")):
        pass


def test_a_run_on_a_disk_without_locks_is_not_seen_and_one_that_may_not_be_written_is_named(
    results: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [OSError(errno.ENOLCK, "No locks available"), OSError(errno.EROFS, "Read-only file system")]

    def refuse(file: LockFile, **_: object) -> bool:
        file._path.touch()
        raise refused[0]

    monkeypatch.setattr(running.LockFile, "take", refuse)
    with lasting(results):
        assert not list(results.path.glob(".run-*"))
    refused.pop(0)
    with pytest.raises(HiphingeError, match=r"^season: cannot be locked: Read-only file system"), lasting(results):
        pytest.fail("the block must not run")


def test_a_new_lock_that_another_run_looks_at_is_not_the_end(results: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    take, answers = running.LockFile.take, [False, False]

    def late(self: LockFile, *, asked: bool = False) -> bool:
        return answers.pop() if answers else take(self, asked=asked)

    monkeypatch.setattr(running.LockFile, "take", late)
    with lasting(results):
        assert results_of_a_run(results.path) == results.path
    answers += [False] * 5
    with pytest.raises(HiphingeError, match=r"cannot be locked: other programs.*Run the command again"), lasting(results):
        pytest.fail("the block must not run")
