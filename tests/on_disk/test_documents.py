"""Nonsense in a document is one error in words, and what is read is plain."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import HiphingeError
from on_disk import json_document, read_json, read_toml, shown, toml_document

BOMBS = {
    "digits": ("a = 1\nx = " + "9" * 5000, "line 2"),
    "hexadecimal digits": ("x = 0x" + "f" * 9000, "line 1"),
    "more than 64 bits": ("x = 9223372036854775808", "64 bits"),
    "arrays": ("x = " + "[" * 5000, "nested too deeply"),
    "tables": ("x = " + "{a=" * 5000, "nested too deeply"),
    "sound but deep": ("x = " + "[" * 60 + "]" * 60, "nested too deeply"),
    "dotted key": ("a." * 500_000 + "b = 1", "nested too deeply"),
    "quoted dotted key": ('" ".' * 500_000 + "b = 1", "nested too deeply"),
    "no value": ("a = 1\n\nb =\n", "line 3"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_of_toml_is_refused_in_words_and_at_once(tmp_path: Path, bomb: str) -> None:
    text, said = BOMBS[bomb]
    (tmp_path / "x.toml").write_text(text)
    began = time.monotonic()
    with pytest.raises(HiphingeError) as caught:
        read_toml(tmp_path / "x.toml", "")
    assert time.monotonic() - began < 5.0
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'x.toml'}")
    assert "\n" not in str(caught.value)


def test_too_large_and_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(HiphingeError, match="more than 4194 kB"):
        read_toml(tmp_path / "x.toml", "")
    (tmp_path / "x.toml").write_bytes(b"x = '\xff'")
    with pytest.raises(HiphingeError, match="UTF-8"):
        read_toml(tmp_path / "x.toml", "")
    with pytest.raises(HiphingeError, match=r"file not found.*Make one"):
        read_toml(tmp_path / "no.toml", "Make one")


@given(st.text(max_size=60))
def test_any_text_is_toml_or_an_error_of_ours(text: str) -> None:
    try:
        document = toml_document(text, Path("x.toml"))
    except HiphingeError:
        return
    assert isinstance(document, dict)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "9223372036854775808", "NaN", "1e999", '"\\ud800"', "{", "", "\0"],
)
def test_nonsense_of_json_is_a_value_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError):
        json_document(text)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError):
        read_json(tmp_path / "x.json")


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(_PLAIN)
def test_a_sound_document_comes_as_it_is(document: Any) -> None:
    assert json_document(json.dumps(document)) == document


@given(_PLAIN | st.just(math.nan) | st.just(10**4000))
def test_a_value_is_quoted_on_one_short_line(value: Any) -> None:
    text = shown(value)
    assert len(text) < 10_000
    assert "\n" not in text
