"""The sentences of a screen and of a comparison in both languages, with the wording that was agreed."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import LIMITS, SCREEN_MEASURES
from dashboards.answers import LANGUAGES, WORDS, answer_of, sentences, system_language
from dsp.screen.decision import CODES as OF_PATTERN
from dsp.screen.pattern import NOT_SCREENED, PARTLY_SCREENED, PATTERN_WORDS, POINTS_TO

EN, DE = sentences("en"), sentences("de")
CODES = (
    "hip_limited",
    "posterior_chain",
    "movement_control",
    "guarded",
    "nothing_stands_out",
    "one_test",
    "repeat",
    "not_tested",
)
PAGE = Path("dashboards/live_page/static/words")
KNEE = {
    "test": "knee_raise",
    "side": "left",
    "measure": "hip_peak_deg",
    "number": 75.6,
    "sd": 0.4,
    "limit": 90.0,
    "unit": "deg",
    "above": False,
    "source": "a proposal of this program",
    "proposal": True,
    "compared_with": "published",
    "borderline": False,
}


def test_both_languages_have_the_same_keys_and_the_same_values() -> None:
    assert EN.words.keys() == DE.words.keys()
    for key, text in EN.words.items():
        values = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert {name for _, name, _, _ in string.Formatter().parse(DE.words[key]) if name} == values, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_means_something_else_on_the_live_page(language: str) -> None:
    # a page that fetches both catalogues shows the words of the one fetched last
    page = json.loads((PAGE / f"{language}.json").read_text("utf-8"))
    ours = sentences(language).words
    assert {key: (ours[key], page[key]) for key in ours.keys() & page.keys() if ours[key] != page[key]} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_judges_a_person_or_a_movement(language: str) -> None:
    text = (WORDS / f"{language}.json").read_text("utf-8").lower()
    forbidden = (
        r"\b(safe|dangerous|good|bad|normal|abnormal|faulty|injury|the cause|diagnosis|sicher|gefährlich|verletzung|diagnose)\b"
    )
    assert re.findall(forbidden, text) == []


def test_every_code_has_its_sentence() -> None:
    for words in (EN, DE):
        for code in CODES:
            said = words.answer({"code": code, "points_to": "hip_limited", "next": []})
            assert said.endswith(".")
            assert f"pattern.{code}" in words.words
    assert EN.answer({"code": "hip_limited"}) == "The hips run out first, and the lumbar spine makes up the rest."
    assert DE.answer({"code": "guarded"}) == "Die Lendenwirbelsäule bewegt sich wenig, die Hüften übernehmen."
    one = {"code": "one_test", "points_to": "hip_limited", "next": [{"code": "rock_back", "side": ""}]}
    assert EN.answer(one) == "One test points to the hips; one is not enough. Next: repeat the rock-back."
    assert DE.answer(one) == "Ein Test weist auf die Hüften, einer reicht nicht. Als Nächstes: Rock-back wiederholen."
    assert EN.answer({"code": "of_a_later_version"}) == "Of a later version."


def test_every_measure_has_a_name_and_every_limit_a_reason() -> None:
    for words in (EN, DE):
        for measure in SCREEN_MEASURES:
            assert f"measure.{measure.test}.{measure.name}" in words.words
    assert EN.reason(KNEE) == "left hip 76\xa0±\xa01° in the knee raise (our proposal 90°)"
    assert DE.reason(KNEE | {"sd": None}) == "linke Hüfte 76° beim Knieheben (unser Vorschlag 90°)"
    delay = {"test": "bend", "side": "", "measure": "onset_delay_s", "number": -0.256, "limit": -0.9, "unit": "s"}
    assert "−0,26\xa0s" in DE.reason(delay)
    rise = {"test": "bend", "side": "", "measure": "late_rise", "number": 0.13, "limit": 0.12, "unit": ""}
    assert "+13\xa0points" in EN.reason(rise)
    assert "–" in EN.reason(KNEE | {"number": None})
    assert "borderline" in EN.reason(KNEE | {"borderline": True})
    assert "own earlier sessions" in EN.reason(KNEE | {"compared_with": "own_baseline"})


def test_the_confidence_comes_with_its_reason() -> None:
    high = {"code": "hip_limited", "confidence": "high", "exercises": 3, "reasons": [KNEE]}
    assert EN.confidence(high) == "high: three tests that share no number agree"
    assert DE.confidence(high) == "hoch: drei Tests ohne gemeinsame Zahl stimmen überein"
    assert EN.confidence(high | {"confidence": "low", "exercises": 1}) == "low: only one test tells"
    for code in ("one_test", "nothing_stands_out", "repeat", "not_tested"):
        assert EN.confidence({"code": code, "confidence": ""}) == EN.text(f"confidence.{code}")
    assert EN.confidence({"code": "of_a_later_version", "confidence": ""}) == "not stated"


def test_a_change_says_when_and_what_the_measurement_can_tell() -> None:
    after = {"minutes_after": 0, "value": 87.0, "label": "changed"}
    told = {"unit": "deg", "before": 76.0, "after": 87.0, "change_deg": 11.0, "smallest_detectable_deg": 3.9, "points": [after]}
    assert EN.change(told | {"label": "changed"}) == "+11° after: more than the measurement can tell (4°)."
    assert DE.change(told | {"label": "changed"}) == "+11° danach: mehr als der Messfehler (4°)."
    next_day = told | {"change_deg": 4.0, "smallest_detectable_deg": 7.0, "label": "not_more_than_measurement"}
    next_day["points"] = [after, {"minutes_after": 1440, "value": 80.0}]
    assert EN.change(next_day) == "+4° next day: not more than the measurement can tell (7°)."
    assert DE.change(next_day) == "+4° am nächsten Tag: nicht mehr als der Messfehler (7°)."
    for label in ("lost", "partly_kept", "kept", "worse", "of_a_later_version"):
        assert "4°" in EN.change(next_day | {"label": label})
    assert EN.change(told | {"change_deg": None, "label": "changed"}) == "Not measured after."
    assert EN.when(60) == "at 60 min"
    assert DE.when(3 * 1440) == "nach 3 Tagen"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANGUAGE": "de:en", "LANG": "en_GB.UTF-8"}, "de"),
        ({"LANG": "German_Germany.1252"}, "de"),
        ({"LANG": "pl_PL.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_system(environment: dict[str, str], language: str) -> None:
    assert system_language(environment) == language


def test_an_older_screen_has_the_answer_that_it_had() -> None:
    limit = {"name": "knee_raise_hip_deg", "beyond": True, "meaning": "true hip flexion is small"} | KNEE
    share = {"name": "bend_share_high", "beyond": True, "test": "bend", "side": "", "measure": "lumbar_share_of_trunk"}
    share |= {"number": 0.8, "limit": 0.63, "unit": "", "above": True, "source": "x", "borderline": False}
    rocked = limit | {"name": "rock_back_slack_deg", "test": "rock_back", "measure": "excursion_deg", "beyond": False}
    tests = [
        {"test": test, "side": side, "valid": True, "repetitions": 4, "measures": {}}
        for test, side in [("bend", ""), *((t, s) for t in ("knee_raise", "rock_back") for s in ("left", "right"))]
    ]
    old = {"pattern": 2, "side": "left", "confidence": "moderate", "tests": tests, "limits": [limit, share, rocked]}
    answer = answer_of(old)
    assert (answer["code"], answer["side"], answer["confidence"], answer["exercises"]) == ("hip_limited", "left", "moderate", 2)
    assert [r["test"] for r in answer["reasons"]] == ["knee_raise", "bend"]
    assert [r["test"] for r in answer["against"]] == ["rock_back"]
    assert answer["next"] == [{"code": "knee_raise", "side": "left"}]
    none = answer_of({"pattern": None, "side": "", "confidence": "", "tests": [], "limits": []})
    assert none["code"] == "not_tested"
    assert [n["code"] for n in none["next"]] == ["bend", "knee_raise", "rock_back"]
    assert answer_of({"answer": {"code": "guarded"}})["code"] == "guarded"
    assert {entry.name for entry in LIMITS} >= {"knee_raise_hip_deg", "rock_back_slack_deg", "bend_share_high"}


@pytest.mark.parametrize(
    ("change", "least", "unit", "told"),
    [
        (11.2, 3.4, "deg", ("+11°", "4°")),
        # whole degrees would say that 4 is more than 4, or that it is not
        (4.3, 3.8, "deg", ("+4.3°", "3.8°")),
        (-3.9, 4.4, "deg", ("−4°", "5°")),
        (5.4, 5.2, "deg", ("+5.4°", "5.2°")),
        (0.62, 0.1, "", ("+62\xa0points", "10\xa0points")),
        (-0.3, 0.12, "s", ("−0.30\xa0s", "0.12\xa0s")),
        (0.3, 0.12, "s", ("+0.30\xa0s", "0.12\xa0s")),
        (0.2, 4.0, "deg", ("0°", "4°")),
        (None, 4.0, "deg", ("–", "4°")),
        (5.0, None, "deg", ("+5°", "–")),
    ],
)
def test_a_change_and_what_can_be_told_show_which_is_larger(change, least, unit, told) -> None:
    assert sentences("en").change_and_least(change, least, unit) == told
    assert sentences("de").change_and_least(change, least, unit)[0] == told[0].replace(".", ",").replace("points", "Punkte")


@pytest.mark.parametrize(
    ("before", "after", "unit", "told"),
    [
        (76.0, 90.2, "deg", ("76°", "90°", "+14°")),
        # whole degrees would say 96, 97 and no change
        (96.4, 96.6, "deg", ("96.4°", "96.6°", "+0.2°")),
        (96.6, 96.4, "deg", ("96.6°", "96.4°", "−0.2°")),
        (0.494, 0.506, "", ("49.4\xa0%", "50.6\xa0%", "+1.2\xa0points")),
        (0.62, 0.63, "", ("62\xa0%", "63\xa0%", "+1\xa0point")),
        (-0.214, -0.206, "s", ("−0.214\xa0s", "−0.206\xa0s", "+0.008\xa0s")),
        (76.0, None, "deg", ("76°", "–", "–")),
    ],
)
def test_a_change_is_that_of_the_figures_beside_it(before, after, unit, told) -> None:
    document = {"test": "knee_raise", "measure": "hip_peak_deg", "unit": unit, "before": before, "after": after}
    assert EN.before_after(document) == told


@given(st.floats(-180, 180), st.floats(-180, 180))
@settings(max_examples=200, deadline=None)
def test_figures_and_change_add_up_whatever_they_are(before: float, after: float) -> None:
    document = {"test": "bend", "measure": "lumbar_rom_deg", "unit": "deg", "before": before, "after": after}
    shown = [float(text.replace("−", "-").strip("°+")) for text in EN.before_after(document)]
    assert shown[1] - shown[0] == pytest.approx(shown[2], abs=1e-9)


def test_the_number_that_was_chosen_adds_up_too() -> None:
    later = {"value": 96.6, "change_deg": 0.2, "smallest_detectable_deg": 9.0, "label": "not_more_than_measurement"}
    first = {"value": 96.4, "change_deg": 0.0, "label": ""}
    course = {
        "primary": {"test": "knee_raise", "side": "left", "measure": "hip_peak_deg"},
        "unit": "deg",
        "before": 96.4,
        "change_deg": 0.2,
        "smallest_detectable_deg": 9.0,
        "label": "not_more_than_measurement",
        "points": [first, later],
    }
    assert [EN.value(course, v) for v in (96.4, 96.6)] == ["96.4°", "96.6°"]
    assert EN.point_change(course, later) == "+0.2°"
    assert EN.change(course) == "+0.2° after: not more than the measurement can tell (9.0°)."
    # against the mean of a baseline the change is no difference of the two values
    own = course | {"points": [first, later | {"change_deg": 3.4}], "change_deg": 3.4}
    assert EN.value(own, 96.6) == "97°"
    assert EN.change(own).startswith("+3° after")


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (0.01, "+1\xa0point", "+1\xa0Punkt"),
        (-0.01, "−1\xa0point", "−1\xa0Punkt"),
        (0.12, "+12\xa0points", "+12\xa0Punkte"),
        (0.0, "0\xa0points", "0\xa0Punkte"),
    ],
)
def test_differences_of_shares_are_points(value: float, english: str, german: str) -> None:
    rise = {"test": "bend", "measure": "late_rise", "unit": ""}
    assert (EN.measured(rise, value), DE.measured(rise, value)) == (english, german)
    assert (EN.changed_by(value, ""), DE.changed_by(value, "")) == (english, german)
    assert EN.before_after(rise | {"before": 0.0, "after": value})[1] == english


def test_a_slope_is_no_share() -> None:
    slope = {"test": "rock_back", "measure": "slack_slope_after", "unit": "", "before": 1.35, "after": 1.2}
    assert EN.before_after(slope) == ("1.35", "1.20", "−0.15")
    assert DE.before_after(slope) == ("1,35", "1,20", "−0,15")


def test_the_words_that_a_summary_and_a_database_keep_are_those_of_page_and_report() -> None:
    for pattern, words in PATTERN_WORDS.items():
        assert words == EN.pointing({"code": OF_PATTERN[pattern]})
    for pattern, words in POINTS_TO.items():
        assert words == EN.code("points", OF_PATTERN[pattern])
    untested = [{"code": "bend"}, {"code": "knee_raise", "side": ""}, {"code": "rock_back", "side": ""}]
    assert EN.pointing({"code": "not_tested", "next": untested}) == NOT_SCREENED
    # with the knee raises done, or with one of them
    for left in (
        [{"code": "rock_back", "side": ""}],
        [{"code": "knee_raise", "side": "left"}, {"code": "rock_back", "side": ""}],
    ):
        assert EN.pointing({"code": "not_tested", "next": left}) == PARTLY_SCREENED
