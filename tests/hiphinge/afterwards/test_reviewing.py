"""Sessions under review: every correction goes through edits.toml, results follow, and the recording stays as it is."""

from __future__ import annotations

import json
import os
import shutil
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from body_signals import HiphingeError
from dashboards.edits import edited_repetitions
from dashboards.review_page import Refusal
from dashboards.review_page.orders import (
    AsFound,
    Correct,
    MoveMark,
    NoRepetition,
    RemoveMark,
    SayMark,
    SayNote,
    SayPain,
    Undo,
)
from hiphinge.afterwards import mending, reviewing
from hiphinge.afterwards.reviewing import Reviewing
from hiphinge.session.lock import FolderLock
from tests.contract.command_line import done
from tests.contract.recorded_sessions import live_session, plain_session


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live_session(tmp_path_factory.mktemp("stored") / "evening", athlete="player-07")


@pytest.fixture
def evening(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "evening"))


@pytest.fixture
def review(evening: Path) -> Any:
    made = Reviewing(evening, lambda text: None)
    yield made
    made.close()


def edits(folder: Path) -> dict[str, Any]:
    path = folder / "edits.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def span(review: Reviewing, number: int) -> tuple[float, float]:
    one = review.document("evening", "review")["repetitions"][number - 1]
    return one["start_s"], one["end_s"]


def wait_for_numbers(review: Reviewing) -> dict[str, Any]:
    end = time.monotonic() + 60.0
    while not (work := review.work()).get("done"):
        assert time.monotonic() < end
        time.sleep(0.02)
    return work


def test_a_kind_is_corrected_once_more_and_taken_back(evening: Path, review: Reviewing) -> None:
    before = (evening / "recording.mcap").read_bytes()
    begin_s, end_s = span(review, 2)
    at_s = round(0.5 * (begin_s + end_s), 3)
    assert review.edit("evening", "review", Correct(begin_s, end_s, "squat")) == {"kept": True, "computing": False, "steps": 1}
    assert edits(evening) == {"repetition": [{"at_s": at_s, "movement": "squat"}]}
    review.edit("evening", "review", Correct(begin_s, end_s, "deadlift"))
    assert edits(evening) == {"repetition": [{"at_s": at_s, "movement": "deadlift"}]}
    assert review.document("evening", "review")["repetitions"][1]["movement"] == "deadlift"
    assert edited_repetitions(evening, "live")["movement"][1].as_py() == "deadlift"
    review.edit("evening", "review", NoRepetition(begin_s, end_s))
    assert edits(evening) == {"repetition": [{"at_s": at_s, "deleted": True}]}
    review.edit("evening", "review", AsFound(begin_s, end_s))
    assert edits(evening) == {}
    for expected in ({"deleted": True}, {"movement": "deadlift"}, {"movement": "squat"}, None):
        review.edit("evening", "review", Undo())
        assert edits(evening) == ({} if expected is None else {"repetition": [{"at_s": at_s} | expected]})
    assert not (evening / "edits.toml").exists()
    with pytest.raises(Refusal) as refused:
        review.edit("evening", "review", Undo())
    assert refused.value.code == "nothing_to_undo"
    assert (evening / "recording.mcap").read_bytes() == before


def test_what_a_person_wrote_in_edits_toml_stays(evening: Path, review: Reviewing) -> None:
    (evening / "edits.toml").write_text('# by hand\n[[note]]\ntime_s = 5.0  # early\ntext = "cold"\n')
    begin_s, end_s = span(review, 1)
    review.edit("evening", "review", NoRepetition(begin_s, end_s))
    text = (evening / "edits.toml").read_text()
    assert "# by hand" in text
    assert "# early" in text
    assert edits(evening)["note"] == [{"time_s": 5.0, "text": "cold"}]
    assert [n["text"] for n in json.loads((evening / "review" / "summary.json").read_text())["notes"]] == ["cold"]


def test_marks_notes_and_pain_are_said_moved_and_removed(evening: Path, review: Reviewing) -> None:
    review.edit("evening", "review", SayMark(10.0, "new belt"))
    review.edit("evening", "review", SayNote(11.0, "felt <b>tight</b>"))
    review.edit("evening", "review", SayPain(12.0, 3.0, "left hip"))
    review.edit("evening", "review", MoveMark(11.0, "note felt <b>tight</b>", 20.5))
    said = edits(evening)
    assert said["mark"] == [{"time_s": 10.0, "label": "new belt"}]
    assert said["note"] == [{"time_s": 20.5, "text": "felt <b>tight</b>"}]
    assert said["pain"] == [{"time_s": 12.0, "score": 3, "where": "left hip"}]
    marks = review.document("evening", "live")["marks"]
    assert [(m["time_s"], m["kind"]) for m in marks if m["said"] == "afterwards"] == [
        (10.0, "mark"),
        (12.0, "pain"),
        (20.5, "note"),
    ]
    review.edit("evening", "review", RemoveMark(10.0, "new belt"))
    assert "mark" not in edits(evening)
    listed = json.loads(done("mark", evening, "--json", cwd=evening).stdout)["all"]
    assert {"time_s": 20.5, "label": "note felt <b>tight</b>", "said": "afterwards"} in listed


def test_a_mark_beside_one_whose_label_begins_with_its_own_is_the_one_that_is_meant(evening: Path, review: Reviewing) -> None:
    for label in ("new belt, tight", "new belt"):
        review.edit("evening", "review", SayMark(10.0, label))
    review.edit("evening", "review", RemoveMark(10.0, "new belt"))
    assert edits(evening)["mark"] == [{"time_s": 10.0, "label": "new belt, tight"}]


def test_a_mark_that_acts_computes_anew_and_undo_computes_back(evening: Path, review: Reviewing) -> None:
    tables = [evening / e / name for e in ("live", "review") for name in ("angles.parquet", "repetitions.parquet")]
    before = [path.read_bytes() for path in tables]
    mark = next(m for m in review.document("evening", "review")["marks"] if m["label"] == "calibrate")
    assert review.edit("evening", "review", RemoveMark(mark["time_s"], "calibrate"))["computing"] is True
    with pytest.raises(Refusal) as refused:
        review.edit("evening", "review", SayMark(1.0, "too soon"))
    assert refused.value.code == "computing"
    assert wait_for_numbers(review)["trouble"] is None
    assert review.document("evening", "review")["repetitions"] == []
    assert review.edit("evening", "review", Undo())["computing"] is True
    assert wait_for_numbers(review)["session"] == "evening"
    assert [path.read_bytes() for path in tables] == before


def test_the_report_follows_soon_and_at_the_latest_at_the_end(evening: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "REPORT_AFTER_S", 60.0)
    done("report", evening, cwd=evening)
    review = Reviewing(evening, lambda text: None)
    begin_s, end_s = span(review, 1)
    review.edit("evening", "review", Correct(begin_s, end_s, "rock_back"))
    assert ">rock-back<" not in (evening / mending.REPORT).read_text()
    assert review.work()["report"] is True
    review.close()
    after = (evening / mending.REPORT).read_text()
    assert ">rock-back<" in after
    done("report", evening, cwd=evening)
    assert (evening / mending.REPORT).read_text() == after


def test_undo_leaves_alone_what_somebody_else_wrote_since(evening: Path, review: Reviewing) -> None:
    review.edit("evening", "review", SayNote(5.0, "one"))
    with (evening / "edits.toml").open("a") as file:
        file.write("# mine\n")
    with pytest.raises(Refusal) as refused:
        review.edit("evening", "review", Undo())
    assert refused.value.code == "changed_elsewhere"
    assert "# mine" in (evening / "edits.toml").read_text()


def test_a_repetition_that_is_not_there_is_not_corrected(evening: Path, review: Reviewing) -> None:
    begin_s, end_s = span(review, 1)
    with pytest.raises(Refusal) as refused:
        review.edit("evening", "review", Correct(begin_s + 1.0, end_s, "squat"))
    assert refused.value.code == "changed"
    assert not (evening / "edits.toml").exists()


def test_what_is_wrong_changes_nothing(evening: Path, review: Reviewing) -> None:
    for order in (SayMark(1e5, "late"), SayMark(5.0, "callibrate"), SayNote(5.0, "   "), RemoveMark(5.0, "none")):
        with pytest.raises(HiphingeError):
            review.edit("evening", "review", order)
    assert not (evening / "edits.toml").exists()


def test_a_running_session_is_refused_and_stays_as_it_is(evening: Path, review: Reviewing) -> None:
    lock = FolderLock(evening)
    assert lock.take()
    try:
        for ask in (lambda: review.document("evening", "review"), lambda: review.edit("evening", "review", Undo())):
            with pytest.raises(Refusal) as refused:
                ask()
            assert refused.value.code == "running"
        assert [one["code"] for one in review.sessions()["sessions"]] == ["running"]
    finally:
        lock.release()


def test_a_folder_that_cannot_be_written_is_shown_and_nothing_is_kept(
    evening: Path, review: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    assert review.document("evening", "review")["writable"] is False
    with pytest.raises(Refusal) as refused:
        review.edit("evening", "review", SayNote(5.0, "x"))
    assert refused.value.code == "read_only"
    assert not (evening / "edits.toml").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../evening", "evening/review", "nobody", "evening\0"])
def test_a_name_leads_nowhere_but_to_a_session_of_the_list(evening: Path, review: Reviewing, name: str) -> None:
    with pytest.raises(HiphingeError):
        review.document(name, "review")


def test_a_session_without_results_says_how_to_compute_them(tmp_path: Path) -> None:
    plain_session(tmp_path / "plain")
    review = Reviewing(tmp_path, lambda text: None)
    (one,) = review.sessions()["sessions"]
    assert one["code"] == "no_results"
    with pytest.raises(Refusal) as refused:
        review.document("plain", "review")
    assert refused.value.code == "no_results"
    command = one["compute"].split()
    assert command[:2] == ["hiphinge", "mark"]
    done(*command[1:], cwd=tmp_path)
    assert review.document("plain", "review")["repetitions"]
    assert review.sessions()["first"] is None
    review.close()


def test_without_a_review_live_is_shown_and_said(evening: Path, review: Reviewing) -> None:
    shutil.rmtree(evening / "review")
    document = review.document("evening", "review")
    assert (document["estimator"], document["absent"]) == ("live", ["review"])


def told(folder: Path) -> list[Any]:
    return [json.loads((folder / e / "summary.json").read_text()) for e in ("live", "review")]


def with_pain(folder: Path) -> float:
    """Let the summaries tell of a pain that was told live, as a session with one has it; when."""
    for estimator in ("live", "review"):
        path = folder / estimator / "summary.json"
        summary = json.loads(path.read_text())
        summary["pain"] = [{"time_s": 40.0, "said": "live", "level": 3.0, "where": ""}]
        path.write_text(json.dumps(summary))
    return 40.0


def test_undo_brings_back_what_was_told_during_the_session(evening: Path, review: Reviewing) -> None:
    at_s = with_pain(evening)
    before = told(evening)
    review.edit("evening", "review", RemoveMark(at_s, "pain 3"))
    assert edits(evening)["mark"] == [{"time_s": at_s, "label": "pain 3", "deleted": True}]
    assert json.loads((evening / "review" / "summary.json").read_text())["pain"] == []
    review.edit("evening", "review", Undo())
    assert told(evening) == before


def test_a_folder_whose_name_is_no_text_is_listed_and_not_opened(evening: Path) -> None:
    odd = evening.parent / os.fsdecode(b"odd\xff")
    try:
        shutil.copytree(evening, odd)
    except OSError:
        pytest.skip("this file system takes no such names")
    review = Reviewing(evening.parent, lambda text: None)
    listed = {one["session"]: one["code"] for one in json.loads(json.dumps(review.sessions()).encode())["sessions"]}
    assert listed == {"evening": "", "odd?": "broken"}
