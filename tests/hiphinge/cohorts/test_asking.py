"""Asking: views say what the sessions say, ready questions run, and no question reaches anything but the cohort."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pytest

from body_signals import ESTIMATORS, HiphingeError
from dashboards.tables import read_repetitions
from dsp.comparison import centile
from hiphinge.cohorts.asking import Asked
from hiphinge.cohorts.columns import VIEWS
from hiphinge.cohorts.questions import questions, words_of
from tests.dsp.screen_by_hand import RELAXED, Day
from tests.hiphinge.cohorts.collected_sessions import collected, content, session, squad
from tests.hiphinge.comparing.screened_sessions import screen_day


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cohort")
    sessions = squad(place / "sessions", athletes=3, sessions=3)
    shutil.rmtree(sessions / "p2-0/review")
    (sessions / "p1-1/edits.toml").write_text(
        '[[mark]]\ntime_s = 70.0\nlabel = "treatment"\n[[pain]]\ntime_s = 2.0\nlevel = 3\n'
    )
    collected(sessions, place / "c")
    return place / "c"


def asked(cohort: Path, sql: str, estimator: str | None = "review") -> list[tuple[object, ...]]:
    with Asked(cohort, estimator) as found:
        return list(found.ask(sql).rows)


def test_views_have_the_columns_that_are_described(cohort: Path) -> None:
    for name, view in VIEWS.items():
        with Asked(cohort, None) as found:
            answer = found.ask(f"FROM {name}")
            assert answer.names == [column.name for column in view.columns]
            assert next(answer.rows)
        assert all(column.description for column in view.columns)


def test_the_views_have_one_estimator_and_say_which_sessions_lack_it(cohort: Path) -> None:
    count = "SELECT count(*) FROM sessions"
    assert [asked(cohort, count, e) for e in (*ESTIMATORS, None)] == [[(9,)], [(8,)], [(17,)]]
    with Asked(cohort, "review") as found:
        assert found.not_asked() == 1
    with Asked(cohort, "live") as found:
        assert found.not_asked() == 0


def test_numbers_are_those_of_the_tables(cohort: Path) -> None:
    shares = read_repetitions(cohort.parent / "sessions/p0-1", "review")["lumbar_share_of_trunk"].to_pylist()
    wanted = median(x for x in shares if x == x)
    sql = "SELECT median(lumbar_share_of_trunk), week, count(*) FROM repetitions WHERE session = 'p0-1' GROUP BY week"
    ((found, week, n),) = asked(cohort, sql)
    assert found == pytest.approx(wanted)
    assert (str(week), n) == ("2026-11-09", 12)


def test_the_same_repetitions_count_as_in_the_screen(cohort: Path) -> None:
    sql = "SELECT median(hip_left_peak_deg) FROM repetitions WHERE movement = 'knee_raise' AND side = 'left' AND counted"
    screen = "SELECT median(value) FROM screens WHERE test = 'knee_raise' AND side = 'left' AND measure = 'hip_peak_deg'"
    for session_name in ("p0-0", "p1-2"):
        own = f"session = '{session_name}'"
        [(of_rows,)], [(of_screen,)] = asked(cohort, f"{sql} AND {own}"), asked(cohort, f"{screen} AND {own}")
        assert of_rows == pytest.approx(of_screen)


@pytest.mark.parametrize("name", questions())
def test_ready_questions_run_and_say_what_they_ask(cohort: Path, name: str) -> None:
    sql = questions()[name]
    assert words_of(sql).endswith((".", "later."))
    with Asked(cohort, "review") as found:
        answer = found.ask(sql)
        rows = list(answer.rows)
    assert rows or name in ("drift-in-set", "before-after-screen")
    assert len(set(answer.names)) == len(answer.names)


def test_norms_are_those_of_the_command(tmp_path: Path) -> None:
    random, values = np.random.default_rng(3), []
    for i in range(22):
        lumbar = float(np.float32(50.0 + random.normal(0.0, 8.0)))
        pain = [(5.0, 4.0)] if i == 21 else []
        day = screen_day(lumbar=lumbar)
        folder = session(
            tmp_path / "s" / f"p{i}", f"player-{i}", "2026-11-02T09:00:00Z", day=day, pain=pain, estimators=("review",)
        )
        assert folder.is_dir()
        values += [[round(lumbar, 9)]] if i != 21 else []
    collected(tmp_path / "s", tmp_path / "c")
    with Asked(tmp_path / "c", "review") as found:
        answer = found.ask(questions()["norms"])
        rows = {tuple(row[:3]): dict(zip(answer.names, row, strict=True)) for row in answer.rows}
    row = rows["bend", "", "lumbar_rom_deg"]
    assert row["people"] == 21
    for part, name in ((0.1, "centile_10"), (0.5, "centile_50"), (0.9, "centile_90")):
        wanted = centile(values, part)
        assert wanted is not None
        assert row[name] == pytest.approx(wanted.value, abs=2e-3)


def test_few_people_have_no_norms(cohort: Path) -> None:
    with Asked(cohort, "review") as found:
        answer = found.ask(questions()["norms"])
        assert {(row[4], *row[5:]) for row in answer.rows} == {(2, None, None, None)}


def test_drift_within_a_set_is_found(tmp_path: Path) -> None:
    day = Day().bends(count=10)
    day.repetitions = [
        replace(r, metrics=RELAXED | {"lumbar_share_of_trunk": 0.4 + 0.02 * i}) for i, r in enumerate(day.repetitions)
    ]
    session(tmp_path / "s/a", "player-1", "2026-11-02T09:00:00Z", day=day)
    collected(tmp_path / "s", tmp_path / "c")
    with Asked(tmp_path / "c", "review") as found:
        answer = found.ask(questions()["drift-in-set"])
        (row,) = (dict(zip(answer.names, one, strict=True)) for one in answer.rows)
    # nine count, the first of a set is a trial: the last three against the first three
    assert (row["athlete"], row["sets"], row["drift"], row["sets_beyond_8_points"]) == ("player-1", 1, 0.12, 1)


def test_before_and_after_a_treatment(tmp_path: Path) -> None:
    def day(share: float) -> Day:
        return Day().bends(lumbar_share_of_trunk=share)

    treated = Day().bends(lumbar_share_of_trunk=0.5).bends(lumbar_share_of_trunk=0.4)
    for name, start, own in (
        ("far", "2026-10-01T09:00:00Z", day(0.9)),
        ("before", "2026-11-01T09:00:00Z", day(0.52)),
        ("treated", "2026-11-02T09:00:00Z", treated),
        ("later", "2026-11-03T09:00:00Z", day(0.44)),
        ("too late", "2026-11-30T09:00:00Z", day(0.1)),
    ):
        marks = [(30.0, "treatment")] if name == "treated" else []
        session(tmp_path / "s" / name, "player-1", start, day=own, marks=marks)
    collected(tmp_path / "s", tmp_path / "c")
    with Asked(tmp_path / "c", "review") as found:
        answer = found.ask(questions()["before-after"])
        (row,) = (dict(zip(answer.names, one, strict=True)) for one in answer.rows)
    assert [row[f"n_{word}"] for word in ("before", "after", "later")] == [6, 3, 3]
    assert [row[word] for word in ("before", "after", "later", "change", "change_later")] == [0.51, 0.4, 0.44, -0.11, -0.07]
    with Asked(tmp_path / "c", "review") as found:
        answer = found.ask(questions()["before-after-screen"])
        rows = {row[4]: dict(zip(answer.names, row, strict=True)) for row in answer.rows}
    assert [rows["lumbar_share_of_trunk"][word] for word in ("before", "after", "change")] == [0.5, 0.4, -0.1]


HOSTILE = (
    "COPY (SELECT 1) TO '{out}'",
    "COPY sessions TO '{own}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_parquet('{elsewhere}')",
    "SELECT * FROM read_text('{cohort}/_cohort.json')",
    "SELECT * FROM read_text('{cohort}/athlete=player-0/../../../../../../../../etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_csv('https://example.org/a.csv')",
    "SELECT * FROM query('COPY (SELECT 1) TO ''{out}''')",
    "SELECT * FROM query_table(['/etc/passwd'])",
    "SELECT getenv('HOME')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{elsewhere}')",
    "WITH x AS (COPY (SELECT 1) TO '{out}') SELECT * FROM x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "ATTACH '{out}' AS other",
    "ATTACH ':memory:' AS other",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW sessions",
    "EXPORT DATABASE '{out}'",
    "IMPORT DATABASE '{out}'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "RESET lock_configuration",
    "PRAGMA enable_profiling = 'json'",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
    "PREPARE x AS COPY (SELECT 1) TO '{out}'",
    "SELECT 1; COPY (SELECT 1) TO '{out}'",
    "CREATE SECRET s (TYPE s3)",
    "CHECKPOINT",
    "",
    ";",
    "-- nothing",
    "SELECT",
    "SELECT nothing FROM sessions",
)


@pytest.mark.parametrize("sql", HOSTILE)
def test_no_question_reaches_anything_but_the_cohort(cohort: Path, tmp_path: Path, sql: str) -> None:
    before, out = content(cohort), tmp_path / "out"
    own = next(cohort.glob("*/results.parquet"))
    elsewhere = cohort.parent / "sessions/p0-0/review/repetitions.parquet"
    assert elsewhere.is_file()
    words = sql.format(out=out, own=own, elsewhere=elsewhere, cohort=cohort)
    with pytest.raises(HiphingeError) as refused:
        asked(cohort, words)
    assert "\n" not in str(refused.value)
    assert not out.exists()
    assert not list(tmp_path.iterdir())
    assert content(cohort) == before


def test_the_locks_hold_where_a_statement_gets_through(cohort: Path, tmp_path: Path) -> None:
    """What stands behind the choice of statements: DuckDB itself reaches nothing."""
    with Asked(cohort, "review") as found:
        for sql in (
            f"COPY (SELECT 1) TO '{tmp_path / 'out'}'",
            "FROM read_text('/etc/passwd')",
            "SET threads = 1",
            "LOAD httpfs",
        ):
            with pytest.raises(duckdb.Error):
                found._connection.execute(sql)
    assert not list(tmp_path.iterdir())


def test_what_is_no_cohort_is_named(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(HiphingeError, match="this is no cohort"):
        Asked(tmp_path, None)
    with pytest.raises(HiphingeError, match="no such folder"):
        Asked(tmp_path / "none", None)
    shutil.copytree(cohort, tmp_path / "old")
    (tmp_path / "old/_cohort.json").write_text('{"columns": "others"}')
    with pytest.raises(HiphingeError, match="by a version with other columns"):
        Asked(tmp_path / "old", None)
    for folder in (tmp_path / "old").glob("athlete=*"):
        shutil.rmtree(folder)
    shutil.copy(cohort / "_cohort.json", tmp_path / "old")
    with pytest.raises(HiphingeError, match="this cohort is empty"):
        Asked(tmp_path / "old", None)


def test_a_file_that_goes_while_it_is_asked_is_told_in_duckdbs_words(cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(cohort, tmp_path / "c")
    with Asked(tmp_path / "c", "review") as found:
        shutil.rmtree(tmp_path / "c/athlete=player-1")
        with pytest.raises(HiphingeError, match="player-1"):
            list(found.ask("SELECT sum(duration_s) FROM sessions").rows)
