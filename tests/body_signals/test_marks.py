"""What a label means, and times as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import (
    Note,
    Pain,
    SessionFact,
    check_label,
    session_fact,
    session_facts,
    session_time,
    time_words,
    understood,
)


@pytest.mark.parametrize(
    ("label", "pain"),
    [
        ("pain 3", Pain(3.0)),
        ("Pain 3/10", Pain(3.0)),
        ("pain: 4", Pain(4.0)),
        ("pain=4", Pain(4.0)),
        ("pain-4", Pain(4.0)),
        ("pain 2,5 left hip", Pain(2.5, "left hip")),
        (" pain 10 / 10, low  back ", Pain(10.0, "low back")),
        ("pain 0", Pain(0.0)),
    ],
)
def test_pain(label: str, pain: Pain) -> None:
    assert understood(label) == pain
    assert understood(pain.label) == pain


@pytest.mark.parametrize(
    "label", ["pain", "pain 11", "pain -1", "pain 3rd", "painful 3", "pain three", "note", "noted it", "belt"]
)
def test_other_labels_stay_what_they_are(label: str) -> None:
    assert understood(label) is None


def test_notes() -> None:
    assert understood("note felt  tight\n again") == Note("felt tight again")
    assert understood("Note: pain 3") == Note("pain 3")
    assert understood(Note("x").label) == Note("x")


@pytest.mark.parametrize("label", ["pain 11", "pain -1", "pain: 99"])
def test_off_the_scale(label: str) -> None:
    with pytest.raises(ValueError, match="off the scale"):
        check_label(label)
    with pytest.raises(ValueError, match="not between"):
        Pain(11.0)


@given(st.floats(0.0, 10.0), st.text(max_size=20))
def test_what_is_written_is_understood_again(level: float, where: str) -> None:
    said = understood(Pain(round(level, 3), " ".join(where.split())).label)
    assert said is None or understood(said.label if isinstance(said, Pain | Note) else "") == said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:31", 31.0),
        ("31", 31.0),
        ("31.5 s", 31.5),
        ("1:02:03.5", 3723.5),
        ("90:00", 5400.0),
        ("-45:00", -2700.0),
        ("0:07,25", 7.25),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert session_time(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1:60", "1:60:00", "1:2:3:4", "nan", "inf", "1e3", "--1", "0x10", "1:-2"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a (session )?time"):
        session_time(text)


@given(st.integers(-90_000_000, 400_000_000))
def test_a_time_is_read_as_it_is_written(ms: int) -> None:
    assert session_time(time_words(ms / 1e3)) == pytest.approx(ms / 1e3, abs=1e-9)


@pytest.mark.parametrize(
    ("label", "fact"),
    [
        ("srpe 7", SessionFact("srpe", 7.0)),
        ("sRPE: 6,5/10", SessionFact("srpe", 6.5)),
        ("s-RPE 0", SessionFact("srpe", 0.0)),
        ("soreness 3", SessionFact("soreness", 3.0)),
        ("load 62,5", SessionFact("load_kg", 62.5)),
        ("Load 100kg", SessionFact("load_kg", 100.0)),
        ("MD", SessionFact("match_day", 0.0)),
        ("md-2", SessionFact("match_day", -2.0)),
        ("MD −2", SessionFact("match_day", -2.0)),
        ("match day +1", SessionFact("match_day", 1.0)),
        ("gym  north  hall", SessionFact("gym", "north hall")),
        ("group forwards", SessionFact("group", "forwards")),
    ],
)
def test_facts_of_a_session_are_understood_and_written_so_again(label: str, fact: SessionFact) -> None:
    assert session_fact(label) == fact
    assert session_fact(fact.label) == fact
    assert understood(label) is None


@pytest.mark.parametrize(
    "label", ["srpe", "srpe eleven", "load", "loading", "mdx", "md 2", "gym", "groups", "note srpe 7", "pain 3"]
)
def test_other_words_are_no_facts(label: str) -> None:
    assert session_fact(label) is None
    check_label(label)


@pytest.mark.parametrize("label", ["srpe 11", "soreness 10,5", "load 700 kg", "MD-15"])
def test_facts_off_their_scale_are_asked_again(label: str) -> None:
    assert session_fact(label) is None
    with pytest.raises(ValueError, match="off the scale"):
        check_label(label)


def test_the_last_of_a_name_counts_and_of_loads_the_largest() -> None:
    said = ["srpe 3", "load 60 kg", "load 90 kg", "load 40 kg", "calibrate", "srpe 6", "group backs"]
    assert session_facts(said) == {"srpe": 6.0, "load_kg": 90.0, "group": "backs"}
    assert session_facts([]) == {}
