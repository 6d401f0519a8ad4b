"""What is said after a session: a mark that means nothing is refused with what is allowed, and numbers may be negative."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dashboards.tables import read_summary
from tests.contract.command_line import done, refused, tree
from tests.hiphinge.comparing.screened_sessions import screen_day, screened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions of two athletes: to be copied."""
    folder = tmp_path_factory.mktemp("made")
    screened(folder / "monday", screen_day(), start="2026-11-23T09:00:00Z")
    screened(folder / "tuesday", screen_day(), start="2026-11-24T09:00:00Z")
    screened(folder / "wednesday", screen_day(), start="2026-11-25T09:00:00Z")
    screened(folder / "another", screen_day(), start="2026-11-23T10:00:00Z", athlete="player-08")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def labels(folder: Path) -> list[str]:
    return [one["label"] for one in json.loads(done("mark", folder, "--json", cwd=folder).stdout)["all"]]


@pytest.mark.parametrize("name", ["nix", "another", "wednesday", "tuesday", "monday/", "monday worn aneww"])
def test_a_retest_names_an_earlier_session_of_the_athlete(place: Path, name: str) -> None:
    before = tree(place)
    said = refused("mark", "tuesday", "0", f"retest {name}", cwd=place)
    assert f"no earlier session of this athlete beside this one is called {name!r}" in said
    assert said.endswith("of the session before: monday; or retest alone where this recording has the tests twice")
    assert tree(place) == before


@pytest.mark.parametrize("words", ["retest monday", "retest monday worn anew", "Retest monday"])
def test_a_retest_of_a_session_that_is_there_is_marked(place: Path, words: str) -> None:
    done("mark", "tuesday", "0", words, cwd=place)
    assert labels(place / "tuesday") == [words]


@pytest.mark.parametrize(("at", "allowed"), [("0", False), ("70", True), ("end", False)])
def test_retest_alone_divides_what_was_done(place: Path, at: str, allowed: bool) -> None:
    if at == "end":
        at = str(read_summary(place / "tuesday", "review")["duration_s"] - 5.0)
    if allowed:
        done("mark", "tuesday", at, "retest", cwd=place)
        assert labels(place / "tuesday") == ["retest"]
    else:
        said = refused("mark", "tuesday", at, "retest", cwd=place)
        assert "no tests on both sides of it. Write retest and the folder's name of the session before: monday" in said


def test_the_first_session_of_an_athlete_retests_nothing(place: Path) -> None:
    assert "there is none beside this one" in refused("mark", "another", "0", "retest monday", cwd=place)


def test_a_protocol_that_there_is_not_was_led_by_nobody(place: Path) -> None:
    assert "There are extension-and-side-bends, fast-bends" in refused("mark", "monday", "0", "protocol nix", cwd=place)
    done("mark", "monday", "0", "protocol hip-check", cwd=place)


@pytest.mark.parametrize("words", [["load", "-5", "kg"], ["load", "-5"], ["load -5 kg"]])
def test_a_negative_load_is_refused_in_words(place: Path, words: list[str]) -> None:
    said = refused("mark", "monday", "10", *words, cwd=place)
    assert said.endswith("Write load and kilograms, 0 to 500, e.g. load 80 kg; any other words go into a note")


def test_negative_numbers_are_no_options(place: Path) -> None:
    for words in (["-5:00", "lunch"], ["--", "-5:00", "lunch"]):
        assert "-5:00 is outside this session" in refused("mark", "monday", *words, cwd=place)
    done("mark", "monday", "10", "MD", "-2", "--json", cwd=place)
    assert labels(place / "monday") == ["MD-2"]
    result = done("mark", "monday", "10", "--note", "-5 kg", cwd=place)
    assert "−5 kg" in result.stdout
