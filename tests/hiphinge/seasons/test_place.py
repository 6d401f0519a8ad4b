"""Places are told by what a person writes; names of results are safe on every disk; results never stand among recordings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from hiphinge.seasons.place import check_apart, place_of, written


def test_a_folder_is_a_place_wherever_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = place_of("season")
    assert place.words == "season"
    assert place.on_disk("") == tmp_path / "season"


@pytest.mark.parametrize("words", ["gs://club/season", "https://club.example/season", "S3+x://a"])
def test_other_object_storage_is_refused(words: str) -> None:
    with pytest.raises(HiphingeError, match=r"not supported.*s3://bucket/prefix"):
        place_of(words)


@pytest.mark.parametrize("words", ["s3://", "s3:///prefix"])
def test_a_bucket_needs_a_name(words: str) -> None:
    with pytest.raises(HiphingeError, match="names no bucket"):
        place_of(words)


@pytest.mark.parametrize("words", ["s3://club/a//b", "s3://club/./a", "s3://club/a/../b", "s3://club/.."])
def test_a_prefix_has_names_between_its_slashes(words: str) -> None:
    with pytest.raises(HiphingeError, match=r"has nothing, \. or \.\. between two slashes"):
        place_of(words)
    assert place_of("s3://club/a/b/").on_disk("") is None


def test_the_usual_name_of_a_session_stays() -> None:
    assert written("2026-11-23T14-05-00Z_player-07") == "2026-11-23T14-05-00Z_player-07"
    assert written("a b%\n/ü") == "a%20b%25%0A%2F%C3%BC"
    assert written("..") == "%2E%2E"


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_of_results_are_safe_and_two_sessions_have_two(one: str, other: str) -> None:
    for name in (written(one), written(other)):
        assert name.isascii()
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~%")
        assert 0 < len(name) <= 200
        assert Path(name).name == name
    assert (written(one) == written(other)) is (one == other)


@pytest.mark.parametrize(
    ("results", "how"),
    [
        ("sessions", "is"),
        ("sessions/results", "lies within"),
        ("sessions/../sessions/a/b", "lies within"),
        (".", "holds"),
        ("link", "is"),
    ],
)
def test_results_do_not_stand_among_the_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: str, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessions").mkdir()
    (tmp_path / "link").symlink_to("sessions")
    with pytest.raises(HiphingeError, match=f"^{results}: {how} the folder of the sessions"):
        check_apart(place_of("sessions"), place_of(results))
    check_apart(place_of("sessions"), place_of("sessions-again"))


def test_nor_in_a_bucket() -> None:
    sessions = place_of("s3://club/season")
    for results in ("s3://club/season", "s3://club/season/", "s3://club/season/results", "s3://club"):
        with pytest.raises(HiphingeError, match="the folder of the sessions"):
            check_apart(sessions, place_of(results))
    check_apart(sessions, place_of("s3://club/season-results"))
    check_apart(sessions, place_of("season"))
