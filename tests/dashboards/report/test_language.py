"""The German report reads German: nothing of the English catalogue that has a German text stands in it."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import DESCRIPTIONS, Cause
from body_signals.movements import KINDS
from body_signals.quality import Quality
from dashboards.report import write_report
from dashboards.report.wording import wording
from dashboards.tables import TableWriter
from dsp.day import scoring
from dsp.rhythm.shares import NoShare
from tests.dashboards.report.pages import COURSE, Page, hip_check, not_calibrated, two_sensors
from tests.dashboards.synthetic_results import angle_rows, repetitions, summary, write_session

EN, DE = wording("en"), wording("de")
OWN = Path("dashboards/report/words")


def test_both_languages_have_the_same_keys_and_the_same_values() -> None:
    english, german = (json.loads((OWN / f"{name}.json").read_text("utf-8")) for name in ("en", "de"))
    assert english.keys() == german.keys()
    for key, text in english.items():
        values = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        assert {name for _, name, _, _ in string.Formatter().parse(german[key]) if name} == values, key


@pytest.mark.parametrize("words", [EN, DE], ids=["en", "de"])
def test_every_code_of_the_tables_has_its_words(words) -> None:
    reasons = (scoring.BAD_QUALITY, scoring.NOT_SURE, scoring.TRIAL, scoring.PARTIAL, scoring.NOT_MEASURED)
    wanted = [f"kind.{kind.name}" for kind in KINDS]
    wanted += [f"{family}.{flag.name.lower()}" for flag in DESCRIPTIONS for family in ("flag", "flag_means") if flag.name]
    wanted += [f"{family}.{cause.value}" for cause in Cause for family in ("cause", "remedy")]
    wanted += [f"place.{place}" for place in ("lumbar", "pelvis", "thigh_left", "thigh_right")]
    assert [key for key in wanted if key not in words.words] == []
    unsaid = [
        why for why in (*reasons, *scoring.NOT_TRUE.values()) if words.language == "de" and words.reason_left_out(why) == why
    ]
    assert unsaid == []
    assert words.reason_left_out("bad quality (slipped, gap)").count(",") == 1
    assert len(NoShare) >= 4


def everything(folder: Path) -> Path:
    """A session with a repetition of every kind, every flag, and reasons for missing shares."""
    rows = angle_rows(80.0, gap=None)
    kinds = [kind.name for kind in KINDS]
    with TableWriter(folder, "review") as out:
        out.angles(rows)
        for rep in repetitions(rows):
            quality = int(sum(flag for flag in Quality if flag)) if rep.index == 3 else 0
            missing = "lumbar_share_of_trunk: too small a movement; lumbar_share_of_trunk_on_thigh: outside 0 to 1"
            out.repetition(replace(rep, movement=kinds[rep.index % len(kinds)], quality=quality, missing_shares=missing))
        out.close(summary("review", 11, warnings=[]))
    return folder


@pytest.mark.parametrize("make", [hip_check, not_calibrated, two_sensors, everything, write_session])
@pytest.mark.parametrize("audience", ["physio", "athlete"])
def test_no_english_text_that_has_a_german_one(tmp_path: Path, make: Callable[[Path], Path], audience: str) -> None:
    folder = make(tmp_path)
    for comparison in (None, COURSE):
        out = tmp_path / "r.html"
        html = write_report(folder, out, language="de", audience=audience, comparison=comparison).read_text("utf-8")
        assert '<html lang="de">' in html
        # also not what the program wrote into the summary
        assert 'lang="en"' not in html
        # where it hurt is in a person's own words
        page = Page(html.replace("von 10, left hip", "von 10"))
        shown = f" {page.text} {page.drawn} "
        english = {
            key: text
            for key, text in EN.words.items()
            if text != DE.words[key] and text not in DE.words.values() and len(text) > 3 and "{" not in text
        }
        stands = {key: text for key, text in english.items() if _stands_in(text, shown)}
        # words that both languages write alike, within other German ones
        assert {key: text for key, text in stands.items() if not _german_too(text)} == {}
        # the pieces between the values of a text
        pieces = {
            piece.strip(" ,;:.()")
            for key, text in EN.words.items()
            if "{" in text and text != DE.words[key]
            for piece in re.split(r"\{\w+\}", text)
        }
        assert [p for p in pieces if len(p) > 7 and _stands_in(p, shown) and not _german_too(p)] == []


def _german_too(text: str) -> bool:
    """Whether a text stands, as a word of its own, in the German catalogue."""
    return any(_stands_in(text, german) for german in DE.words.values())


def _stands_in(text: str, shown: str) -> bool:
    """Whether a text stands in another one as words of its own."""
    # few stand there at all, and each pattern has to be compiled
    return text in shown and re.search(rf"(?<![\w-]){re.escape(text)}(?![\w-])", shown) is not None


def test_numbers_and_dates_are_german(tmp_path: Path) -> None:
    html = write_report(write_session(tmp_path), tmp_path / "r.html", language="de").read_text("utf-8")
    assert re.search(r"\d+,\d\xa0±\xa0\d,\d", html)
    body = html[html.index("</style>") :]
    text = re.sub(r"<svg.*?</svg>", "", body, flags=re.DOTALL)
    # only dates, the version and a DOI have points between digits
    assert set(re.findall(r"\d+\.\d+", text)) <= {"23.11", "11.2026", "0.1", "10.1186"}
