"""`hiphinge mark`: what was forgotten is said afterwards; the numbers are those of a session in which it was marked then."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import Event, Mark, Packets
from dashboards.tables import read_angles
from hiphinge.session.in_progress import SessionInProgress
from tests.contract.command_line import done, hiphinge, refused
from tests.contract.recorded_sessions import live_session, plain_session, simulated_demo, taken

TABLES = ("angles.parquet", "orientations.parquet", "repetitions.parquet")


def unmarked(events: list[Event]) -> tuple[list[Event], list[Mark]]:
    """The events without their marks, numbered anew, and the marks."""
    marks = [event for event in events if isinstance(event, Mark)]
    gone = sorted(mark.seq for mark in marks)

    def numbered(event: Event) -> Event:
        before = sum(one < (int(event.seq[0]) if isinstance(event, Packets) else event.seq) for one in gone)
        return replace(event, seq=event.seq - before)

    return [numbered(event) for event in events if not isinstance(event, Mark)], marks


def recorded(folder: Path, events: list[Event]) -> Path:
    running = SessionInProgress(folder, simulated_demo().session)
    taken(running, events)
    running.close()
    return folder


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return live_session(tmp_path_factory.mktemp("marked") / "evening")


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same evening, on which nobody pressed the key."""
    events, _ = unmarked(simulated_demo().events)
    return recorded(tmp_path_factory.mktemp("forgotten") / "evening", events)


@pytest.fixture
def evening(forgotten: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(forgotten, tmp_path / "evening"))


def tables(folder: Path) -> dict[str, bytes]:
    return {f"{e}/{name}": (folder / e / name).read_bytes() for e in ("live", "review") for name in TABLES}


def summary(folder: Path, estimator: str = "review") -> dict:
    return json.loads((folder / estimator / "summary.json").read_text())


def test_a_calibration_said_afterwards_gives_the_numbers_of_one_that_was_marked_then(marked: Path, evening: Path) -> None:
    time_s = summary(marked)["marks"][0]["time_s"]
    before = (evening / "recording.mcap").read_bytes()
    assert summary(evening)["repetitions"] == 0
    said = done("mark", evening, f"{time_s}", "calibrate", cwd=evening).stdout
    assert "calibrate" in said
    assert tables(evening) == tables(marked)
    assert (evening / "recording.mcap").read_bytes() == before
    assert summary(evening)["marks"] == [{"time_s": time_s, "said": "afterwards", "label": "calibrate"}]
    assert summary(marked)["marks"] == [{"time_s": time_s, "said": "live", "label": "calibrate"}]
    done("replay", evening, "--out", evening.parent / "again", cwd=evening)
    assert tables(evening.parent / "again") == tables(marked)
    # and taken back
    done("mark", evening, f"{time_s}", "calibrate", "--remove", cwd=evening)
    assert summary(evening)["repetitions"] == 0
    assert "[[mark]]" not in (evening / "edits.toml").read_text()


def test_a_mark_of_the_session_is_taken_away_moved_and_counts_again(marked: Path, forgotten: Path, tmp_path: Path) -> None:
    evening = Path(shutil.copytree(marked, tmp_path / "evening"))
    done("mark", evening, "0:00", "calibrate", "--remove", cwd=tmp_path)
    assert tables(evening) == tables(forgotten)
    assert summary(evening)["marks"] == []
    assert "taken away" in done("mark", evening, cwd=tmp_path).stdout
    done("mark", evening, f"{summary(marked)['marks'][0]['time_s']}", "calibrate", cwd=tmp_path)
    assert tables(evening) == tables(marked)
    assert summary(evening)["marks"][0]["said"] == "live"
    told = json.loads(done("mark", evening, "0:00", "--to", "0:01", "--json", cwd=tmp_path).stdout)
    assert [m["time_s"] for m in told["added"]] == [1.0]
    assert [(m["time_s"], m["said"]) for m in summary(evening)["marks"]] == [(1.0, "afterwards")]
    assert summary(evening)["calibration"]["pelvis"]["confidence"] > 0.5


def test_notes_and_pain_reach_summary_json_and_report_and_change_no_number(marked: Path, tmp_path: Path) -> None:
    evening = Path(shutil.copytree(marked, tmp_path / "evening"))
    done("report", evening, cwd=tmp_path)
    (evening / "edits.toml").write_text("# mine\n[[repetition]]\nat_s = 36.0 # the third\ndeleted = true\n")
    (evening / "edits.toml").chmod(0o644)
    done("mark", evening, "1:10", "--note", 'felt  "tight" <b>', cwd=tmp_path)
    done("mark", evening, "1:11", "pain", "3", "--where", "left hip", cwd=tmp_path)
    done("mark", evening, "72.5", "new belt", cwd=tmp_path)
    assert tables(evening) == tables(marked)
    for estimator in ("live", "review"):
        found = summary(evening, estimator)
        assert found["notes"] == [{"time_s": 70.0, "said": "afterwards", "text": 'felt "tight" <b>'}]
        (pain,) = found["pain"]
        at = read_angles(evening, estimator, ["time_s", "lumbar_flexion_deg"]).to_pylist()
        flexion = next(row["lumbar_flexion_deg"] for row in at if abs(row["time_s"] - 71.0) < 0.005)
        assert pain.pop("lumbar_flexion_deg") == pytest.approx(flexion, abs=0.006)
        assert pain.pop("repetition") is None or pain["score"] == 3
        assert pain == {"time_s": 71.0, "said": "afterwards", "score": 3, "level": 3.0, "where": "left hip"}
        assert found["marks"][-1] == {"time_s": 72.5, "said": "afterwards", "label": "new belt"}
    page = (evening / "report.html").read_text()
    for words in ("felt &#34;tight&#34; &lt;b&gt;", "pain 3 of 10, left hip", "new belt"):
        assert words in page
    text = (evening / "edits.toml").read_text()
    assert "# mine" in text
    assert "# the third" in text
    assert stat.S_IMODE((evening / "edits.toml").stat().st_mode) == 0o600
    lines = done("push", evening, "--dry-run", cwd=tmp_path).stdout.splitlines()
    marks = [line for line in lines if line.startswith("mark,")]
    assert len(marks) == 8
    assert any("pain=3.0" in line and 'label="pain 3 left hip"' in line for line in marks)
    done("mark", evening, "1:10", "note", "--remove", cwd=tmp_path)
    assert summary(evening)["notes"] == []
    assert "felt" not in (evening / "report.html").read_text()


def test_what_is_said_live_counts_the_same(tmp_path: Path) -> None:
    simulated = simulated_demo()
    events: list[Event] = []
    shift = 0
    for event in simulated.events:
        if isinstance(event, Packets):
            events.append(replace(event, seq=event.seq + shift))
            continue
        events.append(replace(event, seq=event.seq + shift))
        if isinstance(event, Mark):
            for label in ("pain 4/10 low back", "note slept badly", "first set"):
                shift += 1
                events.append(Mark(event.seq + shift, event.arrival_ns, label))
    folder = recorded(tmp_path / "evening", events)
    found = summary(folder, "live")
    assert [(m["label"], m["said"]) for m in found["marks"]] == [("calibrate", "live"), ("first set", "live")]
    assert [(p["level"], p["where"]) for p in found["pain"]] == [(4.0, "low back")]
    assert [n["text"] for n in found["notes"]] == ["slept badly"]
    # one of them is taken away
    done("mark", folder, "0:00", "note", "--remove", cwd=tmp_path)
    assert summary(folder)["notes"] == []


def test_edits_written_by_hand_count_before_anything_is_shown_or_sent(marked: Path, evening: Path) -> None:
    time_s = summary(marked)["marks"][0]["time_s"]
    (evening / "edits.toml").write_text(f'[[mark]]\ntime_s = {time_s}\nlabel = "calibrate"\n')
    said = done("push", evening, "--dry-run", cwd=evening)
    assert "computing them anew" in said.stderr
    assert tables(evening) == tables(marked)
    assert done("push", evening, "--dry-run", cwd=evening).stderr == ""


@pytest.mark.parametrize("late_s", [0.0, 0.5])
def test_a_plain_session(tmp_path: Path, late_s: float) -> None:
    """late_s: of a thigh's clock; what is computed again after a mark agrees on clocks as a replay does."""
    plain = plain_session(tmp_path / "plain")
    _delay(plain / "thigh_left.csv", late_s)
    head = (plain / "session.toml").read_text()
    (plain / "session.toml").write_text(head[: head.index("[[mark]]")])
    done("mark", plain, "0:00", "calibrate", cwd=tmp_path)
    assert summary(plain)["marks"] == [{"time_s": 0.0, "said": "afterwards", "label": "calibrate"}]
    assert summary(plain)["repetitions"] > 5
    done("replay", plain, "--out", tmp_path / "r", cwd=tmp_path)
    assert tables(tmp_path / "r") == tables(plain)
    assert [f["placement"] for f in summary(plain)["findings"]] == (["thigh_left"] if late_s else [])

    # results alone take notes, and no mark that acts
    done("mark", tmp_path / "r", "0:30", "--note", "warm", cwd=tmp_path)
    assert summary(tmp_path / "r")["notes"][0]["text"] == "warm"
    assert "holds results only" in refused("mark", "r", "0:30", "calibrate", cwd=tmp_path)
    (tmp_path / "r/edits.toml").write_text('[[mark]]\ntime_s = 30.0\nlabel = "calibrate"\n')
    assert "holds results only" in refused("push", "r", "--dry-run", cwd=tmp_path)


def _delay(csv: Path, by_s: float) -> None:
    head, *rows = csv.read_text().splitlines()
    cells = [row.partition(",") for row in rows]
    csv.write_text("\n".join([head, *(f"{float(time_s) + by_s:.3f},{rest}" for time_s, _, rest in cells)]) + "\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["9:59", "calibrate"], "outside this session"),
        (["--", "-0:01", "calibrate"], "outside this session"),
        (["0:61", "calibrate"], "is not a time"),
        (["soon", "calibrate"], "is not a session time"),
        (["nan", "calibrate"], "is not a session time"),
        (["0:10"], "no label is given"),
        (["0:10", " "], "no label is given"),
        (["0:10", "calibrat"], "Did you mean calibrate"),
        (["0:10", "pain", "11"], "off the scale"),
        (["0:10", "pain", "-1"], "off the scale"),
        (["0:10", "--note", "  "], "empty"),
        (["0:10", "belt", "--where", "hip"], "--where is for pain"),
        (["0:10", "belt", "--remove"], "no 'belt' is within"),
        (["0:10", "--remove", "--to", "0:12"], "exclude each other"),
        (["--remove"], "no time is given"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(forgotten: Path, words: list[str], told: str) -> None:
    plain = ["--"] if any(word.startswith("-0") or word == "-1" for word in words) else []
    assert told in refused("mark", *plain, forgotten, *(w for w in words if w != "--"), cwd=forgotten)
    assert not (forgotten / "edits.toml").exists()


def test_where_there_is_no_session(tmp_path: Path) -> None:
    assert "no such session folder" in refused("mark", "nowhere", "0:10", "calibrate", cwd=tmp_path)
    (tmp_path / "empty").mkdir()
    assert "this is not a session" in refused("mark", "empty", "0:10", "calibrate", cwd=tmp_path)
    (tmp_path / "a.mcap").write_bytes(b"x")
    assert "this is a file" in refused("mark", "a.mcap", "0:10", "calibrate", cwd=tmp_path)


def test_rising_may_be_before_the_session(marked: Path, tmp_path: Path) -> None:
    evening = Path(shutil.copytree(marked, tmp_path / "evening"))
    done("mark", "--", evening, "-45:00", "rising", cwd=tmp_path)
    found = summary(evening)
    assert found["marks"][0] == {"time_s": -2700.0, "said": "afterwards", "label": "rising"}
    assert found["exposure"] != summary(marked)["exposure"]
    assert hiphinge("mark", evening, cwd=tmp_path).stdout.count("rising") == 1


def test_what_was_told_live_taken_away_and_said_again_counts_again(tmp_path: Path) -> None:
    simulated = simulated_demo()
    events = list(simulated.events)
    last = max(int(e.seq[-1]) if isinstance(e, Packets) else e.seq for e in events)
    end_ns = max(int(e.arrival_ns[-1]) if isinstance(e, Packets) else e.arrival_ns for e in events)
    folder = tmp_path / "evening"
    running = SessionInProgress(folder, simulated.session)
    taken(running, events)
    running.take([Mark(last + 1, end_ns - 10**9, "pain 3")])
    running.close()
    before = {estimator: summary(folder, estimator)["pain"] for estimator in ("live", "review")}
    (pain,) = before["review"]
    done("mark", folder, f"{pain['time_s']}", "pain", "--remove", cwd=tmp_path)
    assert summary(folder)["pain"] == []
    done("mark", folder, f"{pain['time_s']}", "pain", "3", cwd=tmp_path)
    assert {estimator: summary(folder, estimator)["pain"] for estimator in before} == before
    assert pain["said"] == "live"
