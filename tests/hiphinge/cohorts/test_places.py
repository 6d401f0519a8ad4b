"""Names of athletes' folders: any id makes one name in one folder, and readers of such folders get the id back."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiphinge.cohorts.places import PREFIX, folder_names

HOSTILE = (
    "../../etc",
    "a/b",
    "a\\b",
    "C:",
    "con",
    "x.",
    "..",
    "ä ö",
    "a=b",
    "50%",
    "%41",
    "名前",
    'O\'Brien, "Zoë" 1=2',
    "~root",
)


@pytest.mark.parametrize("athlete", HOSTILE)
def test_a_hostile_id_is_one_name(tmp_path: Path, athlete: str) -> None:
    name = folder_names([athlete])[athlete]
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert unquote(name.removeprefix(PREFIX)) == athlete
    assert name.isascii()
    assert not set(name) & set('<>:"/\\|?*')
    assert not name.endswith((".", " "))


@given(st.sets(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300), max_size=6))
def test_no_two_ids_have_one_folder_even_where_capitals_make_no_difference(athletes: set[str]) -> None:
    names = folder_names(athletes)
    assert len({name.lower() for name in names.values()}) == len(athletes)
    assert all(len(name.encode()) < 220 for name in names.values())


def test_capitals_are_written_out_only_where_two_ids_differ_in_nothing_else() -> None:
    assert folder_names(["Anna"]) == {"Anna": "athlete=Anna"}
    assert folder_names(["Anna", "anna"]) == {"Anna": "athlete=%41nna", "anna": "athlete=anna"}
