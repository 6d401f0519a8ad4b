"""Whatever is written reads back, for every reader of TOML; and what a person wrote beside it stays."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from on_disk import read_toml, toml_text, with_tables, write_toml

HERE = Path("x.toml")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES | st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=3), max_size=5)


@given(DOCUMENTS)
def test_any_document_reads_back(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(document, HERE)) == document


ODD: dict[str, Any] = {
    "blank": {"a b": 1},
    "dot": {"a.b": 1, "a": {"c.d": {"": 2}}},
    "quotes": {'"': "'", "'": '"', "\\": "\\"},
    "control": {"\n\t\r\x00\x1b\x7f\x85": "\n\t\r\x00\x1b\x7f\x85"},
    "letters": {"größe": "Zoë 🏋", "\u2028": "\u200b\ufeff"},
    "endless": {"x": [float("inf"), float("-inf"), 1e300, 1e-7, -0.0]},
    "days": {"x": [datetime(2026, 1, 2, 3, 4, 5, 6, UTC), date(2026, 1, 2), time(3, 4, 5)]},
    "hash": {"#": "# no comment", "[x]": "[[x]]", "=": "="},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_word_reads_back_wherever_it_stands(odd: str) -> None:
    what = ODD[odd]
    for document in (what, {"table": what}, {"list": [what, what]}, {"list": [{"config": what}]}):
        assert tomllib.loads(toml_text(document, HERE)) == document


@pytest.mark.parametrize("value", [None, b"x", 1j, "\ud800", 2**63, object(), [None], {"x": None}, {1: 2}])
def test_what_no_reader_takes_is_not_written(value: object) -> None:
    with pytest.raises(HiphingeError, match=r"x\.toml.*cannot be written as TOML"):
        toml_text({"x": value}, HERE)


def test_it_looks_as_a_person_writes_it() -> None:
    document = {
        "schema": 1,
        "start": datetime(2026, 11, 23, 14, 5, tzinfo=UTC),
        "athlete": {"id": "Zoë"},
        "sensor": [{"placement": "pelvis", "config": {"a b": ["x", "y"]}}, {"placement": "lumbar"}],
    }
    assert toml_text(document, HERE) == (
        'schema = 1\nstart = 2026-11-23T14:05:00Z\n\n[athlete]\nid = "Zoë"\n\n'
        '[[sensor]]\nplacement = "pelvis"\nconfig = {"a b" = ["x", "y"]}\n\n[[sensor]]\nplacement = "lumbar"\n'
    )


def test_a_file_appears_whole_and_for_its_owner(tmp_path: Path) -> None:
    write_toml(tmp_path / "x.toml", "a = 1\n")
    assert read_toml(tmp_path / "x.toml", "") == ({"a": 1}, "a = 1\n")
    assert (tmp_path / "x.toml").stat().st_mode & 0o777 == 0o600
    (tmp_path / "y.toml").touch(0o644)
    write_toml(tmp_path / "y.toml", "a = 1\n", owner_only=False)
    assert (tmp_path / "y.toml").stat().st_mode & 0o777 == 0o644
    with pytest.raises(HiphingeError, match=r"cannot be written: .*Check the folder"):
        write_toml(tmp_path / "none/x.toml", "")
    assert {path.name for path in tmp_path.iterdir()} == {"x.toml", "y.toml"}


LIST = """\
# of the   gym
title = 'ours' # the old one
[other]
"a b".c = 0x10  # in hexadecimal

# the first
[[sensor]]  # A
place = "a" # where
note = '''
[[sensor]]
'''

# the second
[[sensor]]
place = "b"
\tdepth = { x = 1.50 , y = inf }
# its end

# the third
[[sensor]]
place = "c"
# the very end"""


def by_place(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return bool(old["place"] == new["place"] or old.get("also") == new.get("also", 0))


def test_a_table_that_is_added_leaves_all_else_as_it_was() -> None:
    assert with_tables(LIST, "sensor", [{"place": "d"}], by_place, HERE) == f'{LIST}\n\n[[sensor]]\nplace = "d"\n'
    assert with_tables(f"{LIST}\n\n", "sensor", [{"place": "d"}], by_place, HERE) == f'{LIST}\n\n[[sensor]]\nplace = "d"\n'


def test_a_table_that_is_replaced_stays_where_it_was_with_its_comments() -> None:
    changed = with_tables(LIST, "sensor", [{"place": "b", "more": "x"}], by_place, HERE)
    assert changed == LIST.replace("\tdepth = { x = 1.50 , y = inf }\n", 'more = "x"\n') + "\n"
    changed = with_tables(LIST, "sensor", [{"place": "a"}], by_place, HERE)
    assert changed == LIST.replace("note = '''\n[[sensor]]\n'''\n", "") + "\n"


def test_a_table_that_replaces_two_takes_the_place_of_the_first() -> None:
    text = LIST.replace('place = "c"', 'place = "c"\nalso = 3')
    changed = with_tables(text, "sensor", [{"place": "a", "also": 3}], by_place, HERE)
    assert [entry["place"] for entry in tomllib.loads(changed)["sensor"]] == ["a", "b"]
    assert all(words in changed for words in ("# of the   gym", "# the old one", "# the third", "# the very end", "# A"))


def test_a_list_in_one_value_and_one_that_is_interrupted() -> None:
    text = 'sensor = [ { place = "a" }, # one\n  { place = "b", z = 1 } ]\n[x]\ny = 1 # why\n'
    changed = with_tables(text, "sensor", [{"place": "b"}, {"place": "c d"}], by_place, HERE)
    assert tomllib.loads(changed) == {"sensor": [{"place": "a"}, {"place": "b"}, {"place": "c d"}], "x": {"y": 1}}
    assert "# one" in changed
    assert "y = 1 # why" in changed
    text = '[[sensor]]\nplace = "a"\n[x]\ny = 1 # why\n[[sensor]]\nplace = "b"\n'
    changed = with_tables(text, "sensor", [{"place": "c"}], by_place, HERE)
    assert tomllib.loads(changed) == {"sensor": [{"place": p} for p in "abc"], "x": {"y": 1}}


def test_a_file_with_the_line_ends_of_windows() -> None:
    changed = with_tables(LIST.replace("\n", "\r\n"), "sensor", [{"place": "d"}, {"place": "b"}], by_place, HERE)
    assert [entry["place"] for entry in tomllib.loads(changed)["sensor"]] == ["a", "b", "c", "d"]
    assert changed.startswith("# of the   gym\r\ntitle = 'ours' # the old one\r\n")


def test_what_is_no_list_of_tables_is_refused() -> None:
    with pytest.raises(HiphingeError, match="sensor is not a list of tables"):
        with_tables("sensor = 1\n", "sensor", [{"place": "a"}], by_place, HERE)
    with pytest.raises(HiphingeError, match="cannot be written as TOML"):
        with_tables("sensor = [1]\n", "sensor", [{"place": "a"}], by_place, HERE)


ENTRIES = st.lists(
    st.fixed_dictionaries({"place": st.sampled_from("abcd")}, optional={"also": TEXTS, "x.y": VALUES}), max_size=3
)


@given(
    DOCUMENTS,
    st.lists(
        st.builds(lambda e, d: d | e, ENTRIES.filter(bool).map(lambda e: e[0]), st.dictionaries(TEXTS, VALUES, max_size=2)),
        max_size=3,
    ),
    ENTRIES,
)
def test_whatever_a_file_holds_it_holds_afterwards(
    document: dict[str, Any], old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    document["sensor"] = old
    expected = list(old)
    for entry in new:
        places = [i for i, one in enumerate(expected) if by_place(one, entry)]
        expected = [one for i, one in enumerate(expected) if i not in places[1:]]
        expected[slice(places[0], places[0] + 1) if places else slice(len(expected), None)] = [entry]
    changed = with_tables(toml_text(document, HERE), "sensor", new, by_place, HERE)
    assert tomllib.loads(changed) == document | {"sensor": expected}
