"""Only folders that are sessions are listed: a folder that merely has one named live or review in it is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hiphinge.afterwards.listing import BROKEN, FINISHED, listed
from hiphinge.afterwards.reviewing import Reviewing
from tests.conftest import ROOT
from tests.dashboards.synthetic_results import write_session


def test_the_folders_of_a_clone_are_no_sessions() -> None:
    # hiphinge/live, dsp/review.py and the like are in it
    assert (ROOT / "hiphinge" / "live").is_dir()
    assert listed(ROOT) == []
    for folder in ("hiphinge", "dsp", "fixtures"):
        assert [one.folder.name for one in listed(ROOT / folder)] == []


def test_sessions_are_listed_whole_or_in_part(tmp_path: Path) -> None:
    write_session(tmp_path / "whole", "review", seconds=20.0)
    (tmp_path / "broken" / "live").mkdir(parents=True)
    (tmp_path / "broken" / "live" / "summary.json").write_text("no json")
    (tmp_path / "tables" / "review").mkdir(parents=True)
    (tmp_path / "tables" / "review" / "angles.parquet").touch()
    (tmp_path / "head").mkdir()
    (tmp_path / "head" / "session.toml").write_text('schema = 1\n[athlete]\nid = "a"\n')
    for name in ("live", "review"):
        (tmp_path / "package" / name).mkdir(parents=True)
        (tmp_path / "package" / name / "__init__.py").touch()
        (tmp_path / "empty" / name).mkdir(parents=True)
    found = {one.folder.name: one.state for one in listed(tmp_path)}
    assert found.keys() == {"whole", "broken", "tables", "head"}
    assert (found["broken"], found["tables"], found["whole"]) == (BROKEN, BROKEN, FINISHED)


def test_the_review_page_of_a_package_folder_shows_what_is_below_it(tmp_path: Path) -> None:
    write_session(tmp_path / "s", "review", seconds=20.0)
    (tmp_path / "live").mkdir()
    assert [one["session"] for one in Reviewing(tmp_path, print).sessions()["sessions"]] == ["s"]


def _edits(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "edits.toml").write_text(text)


def _summary(of: str, **changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / of / "summary.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _cut(folder: Path) -> None:
    path = folder / "review/angles.parquet"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "why", "remedy"),
    [
        (_edits("[[mark]"), "edits.toml, line 1", "Correct this line"),
        (_edits('[[repetition]]\nat_s = "x"\ndeleted = true\n'), "edits.toml, repetition 1", "at_s = SECONDS"),
        (_edits('[[mark]]\nat_s = 1.0\nlabel = "x"\n'), "edits.toml, line 1", "Add time_s"),
        (lambda folder: (folder / "review/summary.json").unlink(), "review/summary.json is missing", "hiphinge replay"),
        (
            lambda folder: (folder / "live/repetitions.parquet").unlink(),
            "live/repetitions.parquet is missing",
            "hiphinge replay",
        ),
        (_cut, "review/angles.parquet is no whole table", "hiphinge replay"),
        (_summary("review", repetitions=99), "review/repetitions.parquet has", "hiphinge replay"),
        (_summary("review", duration_s=900.0), "review/angles.parquet ends", "hiphinge replay"),
        (_summary("review", estimator="live"), "is of the estimator 'live'", "hiphinge replay"),
        (_summary("review", session="other"), "are of different sessions", "hiphinge replay"),
        (_summary("review", screen={}), "damaged or of another version", "hiphinge replay"),
    ],
)
def test_what_no_command_would_read_is_listed_as_broken_with_a_remedy(
    tmp_path: Path, spoil: Callable[[Path], object], why: str, remedy: str
) -> None:
    folder = write_session(tmp_path / "s", seconds=20.0)
    (one,) = listed(tmp_path)
    assert (one.state, one.why) == (FINISHED, "")
    spoil(folder)
    (one,) = listed(tmp_path)
    assert one.state == BROKEN
    assert why in one.why
    assert remedy in one.why
    assert str(folder) not in one.why.partition(". ")[0]


def test_estimators_of_different_versions_are_told(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "s", seconds=20.0)
    _summary("live", software="hiphinge 0.0.1")(folder)
    (one,) = listed(tmp_path)
    assert one.state == FINISHED
    assert one.why.startswith("live by hiphinge 0.0.1 and review by hiphinge 0.1.0: compute both again: hiphinge replay")
