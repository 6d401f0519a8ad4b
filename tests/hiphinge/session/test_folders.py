"""Results folders appear complete or not at all; names of sessions are names of folders."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from hiphinge.session.folders import appearing, check_new, session_name
from on_disk import LEFT_S

START = datetime(2026, 11, 23, 14, 5, 0, tzinfo=UTC)


def below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def test_a_session_is_named_after_its_start_and_athlete() -> None:
    assert session_name(START, "player-07") == "2026-11-23T14-05-00Z_player-07"
    assert session_name(START.astimezone(timezone(timedelta(hours=9))), "player-07") == "2026-11-23T14-05-00Z_player-07"


@given(st.text(min_size=1))
def test_any_athlete_makes_one_folder(athlete: str) -> None:
    name = session_name(START, athlete)
    assert not set(name) & set('/\\:*?"<>| \0\n')
    assert Path(name).name == name


@pytest.mark.parametrize("before", [None, "empty"])
def test_it_appears_with_all_its_files_when_the_block_ends(tmp_path: Path, before: str | None) -> None:
    folder = tmp_path / "a" / "out"
    if before is not None:
        folder.mkdir(parents=True)
    with appearing(folder) as working:
        (working / "live").mkdir()
        (working / "live/x").write_text("1")
        assert not folder.exists() or not any(folder.iterdir())
        assert working.parent == folder.parent
    assert below(tmp_path) == {"a", "a/out", "a/out/live", "a/out/live/x"}


@pytest.mark.parametrize("error", [HiphingeError("x"), KeyboardInterrupt(), SystemExit(143), RuntimeError("x")])
def test_it_vanishes_when_the_block_fails(tmp_path: Path, error: BaseException) -> None:
    def fail() -> None:
        with appearing(tmp_path / "a/b/out") as working:
            (working / "x").write_text("1")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert below(tmp_path) == set()
    (tmp_path / "a").mkdir()
    with pytest.raises(type(error)):
        fail()
    assert below(tmp_path) == {"a"}


def test_who_stops_it_as_soon_as_the_folder_is_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def stopped(path: Path, *args: Any, **kwargs: Any) -> None:
        mkdir(path, *args, **kwargs)
        if path.suffix == ".partial":
            raise SystemExit(143)

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(SystemExit), appearing(tmp_path / "a/out"):
        pytest.fail("the block must not run")
    assert below(tmp_path) == set()


def test_a_folder_that_was_there_stays_when_the_block_fails(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(RuntimeError), appearing(tmp_path / "out"):
        raise RuntimeError
    assert below(tmp_path) == {"out"}


@pytest.mark.parametrize("left", [".out.partial", ".out.0123abcd.partial"])
def test_what_a_killed_run_left_is_in_nobodys_way_and_goes_after_a_day(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()
    (tmp_path / left / "old").write_text("1")
    with appearing(tmp_path / "out") as working:
        assert not any(working.iterdir())
    assert below(tmp_path) == {"out", left, f"{left}/old"}
    (tmp_path / "out").rmdir()
    yesterday = time.time() - LEFT_S - 60.0
    os.utime(tmp_path / left, (yesterday, yesterday))
    with appearing(tmp_path / "out"):
        pass
    assert below(tmp_path) == {"out"}


def test_of_two_that_make_the_same_folder_neither_loses_a_file_and_the_first_one_has_it(tmp_path: Path) -> None:
    with appearing(tmp_path / "out") as first:
        (first / "x").write_text("first")

        def second() -> None:
            with appearing(tmp_path / "out") as working:
                (working / "x").write_text("second")
                assert working != first
                assert (first / "x").read_text() == "first"
                # the first one is ready meanwhile
                first.rename(tmp_path / "out")
                first.mkdir()

        with pytest.raises(HiphingeError, match="exists already"):
            second()
        first.rmdir()
        (tmp_path / "out").rename(first)
    assert below(tmp_path) == {"out", "out/x"}
    assert (tmp_path / "out/x").read_text() == "first"


def test_the_current_folder_may_be_named_by_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with appearing(Path()) as working:
        (working / "x").write_text("1")
    assert below(tmp_path) == {"here", "here/x"}


def test_only_a_new_or_empty_folder_will_do(tmp_path: Path) -> None:
    check_new(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    check_new(tmp_path / "empty")
    (tmp_path / "file").write_text("1")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(HiphingeError, match=r"exists already and is not an empty folder.*--out"):
            check_new(taken)
        with pytest.raises(HiphingeError, match="exists already"), appearing(taken):
            pytest.fail("the block must not run")
    assert below(tmp_path) == {"empty", "file"}


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(HiphingeError, match=r"cannot be made: .*Choose a folder"), appearing(tmp_path / "file" / "out"):
        pytest.fail("the block must not run")
    assert below(tmp_path) == {"file"}
