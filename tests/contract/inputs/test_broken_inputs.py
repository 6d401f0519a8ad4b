"""Inputs that must be refused, `fixtures/broken`: each with one error that names the file, the place and what is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from dashboards.edits import read_edits
from fixtures.broken import make_broken
from fixtures.broken.broken_input import READERS
from hiphinge.config import load
from ingest.formats import import_session
from ingest.formats.plain import read_plain
from ingest.heads.session_toml import read_session_toml
from ingest.links.kit import read_kit
from ingest.recording.recorder import read_recording
from tests.contract.command_line import refused, tree

FOLDER = make_broken.FOLDER
INPUTS: list[dict[str, Any]] = tomllib.loads((FOLDER / make_broken.LIST).read_text("utf-8"))["input"]


def read_to_the_end(path: Path) -> None:
    for _ in read_recording(path).batches():
        pass


READ: dict[str, Callable[[Path], object]] = {
    "recording": read_to_the_end,
    "session": read_session_toml,
    "plain": read_plain,
    "kit": read_kit,
    "config": lambda path: load(path, {}),
    "mapping": lambda path: import_session("csv", path.parent / "pelvis.csv", mapping=path),
    "edits": read_edits,
    "xio-lower-body": lambda path: import_session("xio-lower-body", path),
    "xsens-opensense": lambda path: import_session("xsens-opensense", path),
}


def each(*readers: str) -> Any:
    chosen = [one for one in INPUTS if one["reader"] in readers]
    return pytest.mark.parametrize("broken", [pytest.param(one, id=one["path"]) for one in chosen])


@each(*READERS)
def test_an_input_that_must_be_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(HiphingeError) as caught:
        READ[broken["reader"]](FOLDER / broken["path"])
    error = caught.value
    assert error.what
    assert error.where
    assert error.remedy
    assert [words for words in broken["says"] if words not in str(error)] == [], str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 1000


@each("recording", "plain", "mapping", "xio-lower-body", "xsens-opensense")
def test_the_command_refuses_it_and_writes_nothing(broken: dict[str, Any], tmp_path: Path) -> None:
    path = FOLDER / broken["path"]
    if broken["reader"] == "mapping":
        said = refused("import", "csv", path.parent / "pelvis.csv", "--mapping", path, "--out", "out", cwd=tmp_path)
    elif broken["reader"] in ("recording", "plain"):
        said = refused("replay", path, "--out", "out", cwd=tmp_path)
    else:
        said = refused("import", broken["reader"], path, "--out", "out", cwd=tmp_path)
    assert [words for words in broken["says"] if words not in said] == [], said
    assert tree(tmp_path) == set()


@each("kit")
def test_a_live_session_does_not_begin_with_a_broken_kit(broken: dict[str, Any], tmp_path: Path) -> None:
    said = refused("live", "--kit", FOLDER / broken["path"], "--out", "out", "--seconds", "1", cwd=tmp_path)
    assert [words for words in broken["says"] if words not in said] == [], said
    assert tree(tmp_path) == set()


def test_every_reader_has_inputs() -> None:
    assert {one["reader"] for one in INPUTS} == set(READERS) == set(READ)
    assert len({one["path"] for one in INPUTS}) == len(INPUTS)
    assert all(one["says"] and one["why"] for one in INPUTS)


def test_the_script_makes_the_inputs_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_broken, "FOLDER", tmp_path)
    make_broken.main()

    def content(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        }

    made, kept = content(tmp_path), content(FOLDER)
    assert made.keys() == kept.keys()
    assert [name for name, data in made.items() if data != kept[name]] == []
