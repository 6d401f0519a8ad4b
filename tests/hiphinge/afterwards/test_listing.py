"""Only folders that are sessions are listed: a folder that merely has one named live or review in it is none."""

from __future__ import annotations

from pathlib import Path

from hiphinge.afterwards.listing import BROKEN, listed
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
    assert found["broken"] == BROKEN


def test_the_review_page_of_a_package_folder_shows_what_is_below_it(tmp_path: Path) -> None:
    write_session(tmp_path / "s", "review", seconds=20.0)
    (tmp_path / "live").mkdir()
    assert [one["session"] for one in Reviewing(tmp_path, print).sessions()["sessions"]] == ["s"]
