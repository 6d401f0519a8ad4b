"""`hiphinge collect` and `hiphinge query`: from a folder of sessions to an answer, in processes of their own."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from body_signals import ESTIMATORS
from hiphinge.cohorts.columns import VIEWS
from hiphinge.cohorts.questions import questions
from tests.contract.command_line import COMMAND, child, done, environment, hiphinge, refused, tree
from tests.hiphinge.cohorts.collected_sessions import content, session, squad

MANY = "SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(10000000) b"
"""A question that no computer answers in a day."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions, and the cohort of them."""
    place = tmp_path_factory.mktemp("squad")
    squad(place / "sessions")
    session(place / "sessions/hostile", '../../"Zoë" / é', "2026-11-05T09:00:00Z")
    result = child("collect", "sessions", "--out", "cohort", cwd=place, XDG_CONFIG_HOME=str(place))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("cohort: 5 sessions of 3 athletes, 0.1 MB; 5 were read, 0 have gone, 0 are left out.")
    return place


def test_what_changed_is_read_again(place: Path) -> None:
    found = json.loads(done("collect", "sessions", "--out", "cohort", "--json", cwd=place, XDG_CONFIG_HOME=str(place)).stdout)
    assert [found[word] for word in ("athletes", "sessions", "read", "gone", "left_out")] == [3, 5, 0, 0, {}]
    found = json.loads(
        done("collect", "sessions", "--out", "cohort", "--anew", "--json", cwd=place, XDG_CONFIG_HOME=str(place)).stdout
    )
    assert found["read"] == 5
    assert not any(path.stat().st_mode & 0o077 for path in (place / "cohort").rglob("*"))
    assert tree(place / "cohort") == {
        "_cohort.json",
        *(
            f"athlete={name}{file}"
            for name in ("player-0", "player-1", "..%2F..%2F%22Zo%C3%AB%22%20%2F%20%C3%A9")
            for file in ("", "/results.parquet", "/_collected.json")
        ),
    }


def test_a_damaged_session_is_named_and_fails_the_command(place: Path, tmp_path: Path) -> None:
    squad(tmp_path / "sessions", athletes=1)
    (tmp_path / "sessions/p0-1/live/summary.json").write_text("{")
    result = hiphinge("collect", "sessions", "--out", "c", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    assert result.returncode == 1
    assert "hiphinge: p0-1 is left out: " in result.stderr
    assert "c: 1 sessions of 1 athletes" in result.stdout
    assert "this is a folder of something else" in refused(
        "collect", "sessions", "--out", "sessions", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path)
    )
    assert "no session with results" in refused(
        "collect", place / "cohort", "--out", "d", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path)
    )
    assert "cannot be read" in refused("collect", "none", "--out", "d", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))


def test_a_question_has_an_answer_in_three_forms(place: Path) -> None:
    sql = "SELECT athlete, count(*) AS n, max(start) AS last FROM sessions GROUP BY athlete ORDER BY athlete"
    table = child("query", "cohort", sql, cwd=place).stdout
    assert "player-1" in table
    rows = list(csv.DictReader(io.StringIO(done("query", "cohort", sql, "--csv", cwd=place).stdout)))
    assert rows[1] == {"athlete": "player-0", "n": "2", "last": "2026-11-09T09:00:00"}
    found = json.loads(done("query", "cohort", sql, "--json", cwd=place).stdout)
    assert [one["athlete"] for one in found] == ['../../"Zoë" / é', "player-0", "player-1"]
    assert found[2] == {"athlete": "player-1", "n": 2, "last": "2026-11-09T09:00:00"}
    assert done("query", "cohort", "SELECT 1 WHERE false", "--json", cwd=place).stdout == "[]\n"
    assert "No rows." in done("query", "cohort", "SELECT 1 WHERE false", cwd=place).stdout
    single = json.loads(
        done("query", "cohort", "SELECT CAST(0.1 AS FLOAT) AS x, 'nan'::DOUBLE AS y", "--json", cwd=place).stdout
    )
    assert single == [{"x": 0.1, "y": None}]
    twice = done("query", "cohort", "SELECT 1 AS a, 2 AS a_1, 3 AS a", "--json", cwd=place).stdout
    assert json.loads(twice) == [{"a": 1, "a_1": 2, "a_2": 3}]
    wide = done("query", "cohort", "FROM repetitions WHERE session = 'p0-0' LIMIT 1", cwd=place).stdout
    assert re.search(r"^session +p0-0$", wide, re.MULTILINE)
    assert re.search(r"^lumbar_rom_deg +50$", wide, re.MULTILINE)
    long = done("query", "cohort", "SELECT * FROM range(1500)", cwd=place)
    assert "the first 1000 rows are shown; --csv and --json give all" in long.stderr
    assert len(done("query", "cohort", "SELECT * FROM range(1500)", "--csv", cwd=place).stdout.splitlines()) == 1501


def test_ready_questions_and_columns_are_listed_and_asked(place: Path) -> None:
    listed = done("query", "cohort", "--questions", cwd=place).stdout
    for name in questions():
        assert any(line.startswith(f"{name} ") for line in listed.splitlines())
        sql = done("query", "cohort", "--questions", "--question", name, cwd=place).stdout
        answer = done("query", "cohort", "--question", name, "--json", cwd=place).stdout
        assert done("query", "cohort", sql, "--json", cwd=place).stdout == answer
    columns = json.loads(done("query", "cohort", "--columns", "--json", cwd=place).stdout)
    assert {one["view"] for one in columns} == set(VIEWS)
    (share,) = (c for c in columns if (c["view"], c["column"]) == ("repetitions", "onset_delay_s"))
    assert (share["unit"], share["meaning"]) == (
        "s",
        "lumbar onset minus pelvis onset; negative: the pelvis is late (Laird 2018)",
    )
    lines = done("query", "cohort", "--columns", cwd=place).stdout.splitlines()
    assert len(lines) == len(columns)
    assert any(line.startswith("screens.value  ") for line in lines)


def test_sessions_without_the_asked_estimator_are_told(tmp_path: Path) -> None:
    session(tmp_path / "s/a", "player-0", "2026-11-02T09:00:00Z", estimators=ESTIMATORS[:1])
    session(tmp_path / "s/b", "player-0", "2026-11-03T09:00:00Z")
    done("collect", "s", "--out", "c", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    result = done("query", "c", "SELECT count(*) AS n FROM sessions", "--json", cwd=tmp_path)
    assert json.loads(result.stdout) == [{"n": 1}]
    assert "1 sessions have no results of estimator 'review' and were not asked" in result.stderr
    assert not done("query", "c", "SELECT 1", "--estimator", "live", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["SELECT nothing FROM sessions"], 'SQL: Binder Error: Referenced column "nothing" not found'),
        (["SELEC 1"], "SQL: Parser Error: syntax error at or near"),
        (["COPY sessions TO 'x.csv'"], "SQL: COPY is not a question: a cohort is only read"),
        (["FROM read_csv('/etc/passwd')"], "SQL: Permission Error: Cannot access file"),
        (["INSTALL httpfs"], "LOAD is not a question"),
        (["ATTACH 'x.db'"], "ATTACH is not a question"),
        ([], "no question is given"),
        (["SELECT 1", "--question", "norms"], "two questions are given"),
        (["--question", "norm"], "no question is called 'norm'"),
        (["SELECT 1", "--estimator", "best"], "unknown estimator 'best'"),
        (["SELECT 1", "--csv", "--json"], "--csv and --json exclude each other"),
    ],
)
def test_what_is_no_question_is_one_line(place: Path, words: list[str], said: str) -> None:
    before = content(place / "cohort")
    assert said in refused("query", "cohort", *words, cwd=place)
    assert content(place / "cohort") == before
    assert not (place / "x.csv").exists()


def test_without_duckdb_the_line_says_how_to_install_it(place: Path) -> None:
    code = "import sys; sys.modules['duckdb'] = None; from hiphinge.cli import main; main()"
    words = [sys.executable, "-c", code, "query", "cohort", "SELECT 1"]
    result = subprocess.run(words, cwd=place, env=environment(), capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "hiphinge: cohort: this needs duckdb, which is not installed. Install it: pip install 'hiphinge[cohort]'"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_question(place: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "query", "cohort", MANY], cwd=place, env=environment(), stderr=subprocess.PIPE, text=True
    )
    try:
        # once it computes it has used seconds of CPU; the thread that waits for it hears the signal at once
        time.sleep(3.0)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        assert time.monotonic() - began < 10.0
    finally:
        process.kill()
        process.communicate()


def test_two_collecting_at_once_are_told_apart(place: Path) -> None:
    from hiphinge.session.lock import FolderLock

    lock = FolderLock(place / "cohort")
    assert lock.take()
    try:
        assert "another program is collecting into this cohort" in refused(
            "collect", "sessions", "--out", "cohort", cwd=place, XDG_CONFIG_HOME=str(place)
        )
        assert done("query", "cohort", "SELECT 1", cwd=place)
    finally:
        lock.release()
