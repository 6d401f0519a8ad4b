"""What a label means, and times as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals import (
    Note,
    Pain,
    SessionFact,
    UnclearLabel,
    check_label,
    choice,
    chosen,
    is_off_scale,
    primary_label,
    retest_label,
    retested,
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


def test_a_retest_names_its_session_and_whether_the_sensors_stayed_on() -> None:
    assert retested("retest evening") == ("evening", True)
    assert retested(" Retest my evening  worn anew ") == ("my evening", False)
    assert retested("retest") is retested("retested evening") is None


def test_a_chosen_number() -> None:
    key = ("knee_raise", "left", "hip_peak_deg")
    assert chosen("primary knee_raise:left:hip_peak_deg") == chosen("Primary KNEE_RAISE:left:hip_peak_deg") == key
    assert chosen(primary_label(key)) == key
    assert chosen("primary bend:lumbar_rom_deg") == ("bend", "", "lumbar_rom_deg")
    for label in (
        "primary",
        "primary x",
        "primary a:b:c",
        "primary knee_raise:left",
        "primary ::",
        "primary two words",
        "pain 3",
    ):
        assert chosen(label) is None
    assert (choice("primary x"), choice("primary"), choice("primary two words")) == ("x", None, None)
    assert retested(retest_label("my evening", worn_anew=True)) == ("my evening", False)


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
    "label",
    [
        "loading",
        "load-bearing",
        "mdx",
        "gymnast",
        "groups",
        "note srpe 7",
        "pain 3",
        "painful 3",
        "noted it",
        "sets",
        "belt",
        "match day",
        "retest",
        "before",
        "md",
        "set",
        "baseline",
        "treatment",
        "target hip_flexion none",
        "undo 12",
        "screen_slept 4",
        "primary bend:lumbar_rom_deg",
        "PRIMARY knee_raise:left:hip_peak_deg",
        "heel_drop",
        "step stand begin stand 6s",
    ],
)
def test_words_that_are_free_or_mean_what_they_say(label: str) -> None:
    check_label(label)


@pytest.mark.parametrize(
    "label",
    [
        "srpe",
        "srpe eleven",
        "load",
        "load x",
        "md 2",
        "MD tomorrow",
        "match day soon",
        "gym",
        "group",
        "soreness bad",
        "pain",
        "pain lots",
        "note",
        "primary",
        "primary nonsense",
        "primary two words",
        "primary bend:left:lumbar_rom_deg",
        "target",
        "target knee 30",
        "target lumbar_flexion 181",
        "target lumbar_flexion nan",
        "undo",
        "undo it",
        "screen_slept",
        "set 3",
        "baseline 2",
        "treatment left",
        "calibrate again",
        "calibrte",
        "heeldrop",
    ],
)
def test_words_that_would_be_taken_for_something_else_are_asked_again(label: str) -> None:
    with pytest.raises(UnclearLabel) as told:
        check_label(label)
    assert told.value.remedy


@pytest.mark.parametrize("label", ["srpe 11", "soreness 10,5", "load 700 kg", "MD-15"])
def test_facts_off_their_scale_are_asked_again(label: str) -> None:
    assert session_fact(label) is None
    with pytest.raises(ValueError, match="off the scale"):
        check_label(label)


def test_the_last_of_a_name_counts_and_of_loads_the_largest() -> None:
    said = ["srpe 3", "load 60 kg", "load 90 kg", "load 40 kg", "calibrate", "srpe 6", "group backs"]
    assert session_facts(said) == {"srpe": 6.0, "load_kg": 90.0, "group": "backs"}
    assert session_facts([]) == {}


@pytest.mark.parametrize("note", ["srpe 99", "pain 11", "soreness 12"])
def test_a_note_off_a_scale_is_asked_again(note: str) -> None:
    assert is_off_scale(note)


@pytest.mark.parametrize("note", ["primary off the scale", "calibrte", "pain is off the scale", "srpe 7", "felt well"])
def test_any_other_note_is_kept(note: str) -> None:
    assert not is_off_scale(note)


@pytest.mark.parametrize("label", ["load -5 kg", "load −5", "retest: monday", "re-test"])
def test_a_negative_load_and_a_retest_written_otherwise_are_asked_again(label: str) -> None:
    with pytest.raises(UnclearLabel) as told:
        check_label(label)
    assert "0 to 500" in told.value.remedy or "retest monday" in told.value.remedy
