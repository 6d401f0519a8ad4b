"""edits.toml: a person's word on a repetition reaches the report, InfluxDB and a replay; tables stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from body_signals import HiphingeError
from dashboards.edits import Edit, edited, edited_repetitions, read_edits
from dashboards.influx.delivery import digest
from dashboards.influx.line_protocol import repetition_points, repetition_stamps
from dashboards.report.page import report_html
from dashboards.tables import read_repetitions
from tests.dashboards.synthetic_results import write_session


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return write_session(tmp_path / "session", "live", "review")


def say(session: Path, text: str) -> None:
    (session / "edits.toml").write_text(text, "utf-8")


def test_without_edits_all_is_as_it_was(session: Path) -> None:
    assert read_edits(session) == ()
    assert repr(edited_repetitions(session, "live").to_pylist()) == repr(read_repetitions(session, "live").to_pylist())


def test_a_kind_is_corrected_and_a_repetition_removed(session: Path) -> None:
    before = read_repetitions(session, "review").to_pylist()
    middles = [0.5 * (r["start_s"] + r["end_s"]) for r in before]
    assert before[0]["movement"] != "rock_back"
    say(
        session,
        f'[[repetition]]\nat_s = {middles[0]}\nmovement = "rock_back"\n\n[[repetition]]\nat_s = {middles[1]}\ndeleted = true\n'
        "\n[[repetition]]\nat_s = 100000\ndeleted = true\n",
    )
    for estimator in ("live", "review"):
        after = edited_repetitions(session, estimator).to_pylist()
        assert (after[0]["movement"], after[0]["movement_confidence"]) == ("rock_back", 1.0)
        # the numbers of a missing thigh are NaN
        wanted = [before[0] | {"movement": "rock_back", "movement_confidence": 1.0}, *before[2:]]
        assert repr(after) == repr(wanted)
    assert repr(read_repetitions(session, "review").to_pylist()) == repr(before)


def test_the_later_word_counts(session: Path) -> None:
    at_s = read_repetitions(session, "live")["start_s"][0].as_py()
    say(session, f'[[repetition]]\nat_s = {at_s}\ndeleted = true\n[[repetition]]\nat_s = {at_s}\nmovement = "other"\n')
    assert edited_repetitions(session, "live")["movement"][0].as_py() == "other"


def test_results_that_were_edited_are_sent_anew_without_what_was_removed(session: Path) -> None:
    before, state = list(repetition_points(session, "live")), digest(session, "live")
    at_s = read_repetitions(session, "live")["start_s"][0].as_py()
    say(session, f"[[repetition]]\nat_s = {at_s}\ndeleted = true\n")
    after = list(repetition_points(session, "live"))
    assert after == before[1:]
    assert len(repetition_stamps(before) - repetition_stamps(after)) == 1
    assert digest(session, "live") != state


def test_the_report_shows_the_corrected_kind(session: Path) -> None:
    assert "rock-back\xa0×\xa01" not in report_html(session, "review", language="en")
    at_s = read_repetitions(session, "review")["start_s"][0].as_py()
    say(session, f'[[repetition]]\nat_s = {at_s}\nmovement = "rock_back"\n')
    assert "rock-back\xa0×\xa01" in report_html(session, "review", language="en")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[repetition", "broken TOML"),
        ("[repetition]\nat_s = 1", "unknown entry repetition"),
        ("[[repetitions]]\nat_s = 1", "unknown entry repetitions"),
        ("[[repetition]]\nat_s = 1", "either movement or deleted"),
        ('[[repetition]]\nat_s = 1\nmovement = "bend"\ndeleted = true', "either movement or deleted"),
        ('[[repetition]]\nat_s = "1"\ndeleted = true', "seconds of the session"),
        ("[[repetition]]\nat_s = nan\ndeleted = true", "seconds of the session"),
        ('[[repetition]]\nat_s = 1\nmovement = "jump"', "'jump' is none of"),
        ("[[repetition]]\nat_s = 1\ndeleted = false", "expected true"),
    ],
)
def test_what_cannot_be_understood_is_said(tmp_path: Path, text: str, words: str) -> None:
    say(tmp_path, text)
    with pytest.raises(HiphingeError, match=r"edits\.toml") as caught:
        read_edits(tmp_path)
    assert words in str(caught.value)


def test_edits_in_order(tmp_path: Path) -> None:
    say(tmp_path, '[[repetition]]\nat_s = 3\nmovement = "squat"\n[[repetition]]\nat_s = 4.5\ndeleted = true\n')
    assert read_edits(tmp_path) == (Edit(3.0, "squat"), Edit(4.5, None))


def test_a_word_is_on_the_repetition_from_its_start_to_its_end(session: Path) -> None:
    """The ends belong to it; a millisecond before and after is none."""
    table = read_repetitions(session, "live")
    start_s, end_s = table["start_s"][1].as_py(), table["end_s"][1].as_py()
    for at_s, hit in ((start_s, True), (end_s, True), (start_s - 0.001, False), (end_s + 0.001, False)):
        kinds = edited(table, [Edit(at_s, "other")])["movement"].to_pylist()
        assert (kinds[1] == "other") == hit
        assert kinds[0] == table["movement"][0].as_py()
        assert len(edited(table, [Edit(at_s, None)])) == len(table) - hit
