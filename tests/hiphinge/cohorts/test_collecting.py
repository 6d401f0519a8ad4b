"""Collecting: only what changed is read, corrections count, and the cohort is the same as one collected anew."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from body_signals import REPETITION_COLUMNS, HiphingeError
from dashboards.edits import edited_repetitions
from dashboards.tables import read_repetitions, read_summary
from hiphinge.cohorts import collecting
from hiphinge.cohorts.asking import Asked
from hiphinge.cohorts.athlete_file import read_index, write_athlete
from hiphinge.cohorts.places import COHORT, INDEX, RESULTS
from tests.hiphinge.cohorts.collected_sessions import collected, content, rows, session, squad

DELETED = "[[repetition]]\nat_s = 1.0\ndeleted = true\n"


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    return squad(tmp_path / "sessions")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of a squad: to be copied."""
    place = tmp_path_factory.mktemp("squad")
    collected(squad(place / "sessions"), place / "cohort")
    return place / "cohort"


@pytest.fixture
def cohort(made: Path, sessions: Path, tmp_path: Path) -> Path:
    """The cohort of `sessions`."""
    return Path(shutil.copytree(made, tmp_path / "cohort"))


def as_anew(sessions: Path, cohort: Path, place: Path) -> None:
    """The cohort is what collecting everything anew gives, byte for byte."""
    collected(sessions, place)
    assert content(cohort) == content(place)
    shutil.rmtree(place)


def test_every_number_of_a_session_is_in_the_file_of_its_athlete(sessions: Path, tmp_path: Path) -> None:
    found = collected(sessions, tmp_path / "cohort")
    assert (found.athletes, found.sessions, found.read, found.gone, found.left_out) == (2, 4, 4, 0, {})
    for estimator in ("live", "review"):
        there = [row for row in rows(tmp_path / "cohort", "player-1", "repetition", estimator) if row["session"] == "p1-0"]
        table = read_repetitions(sessions / "p1-0", estimator).to_pylist()
        for row, wanted in zip(there, table, strict=True):
            for q in REPETITION_COLUMNS:
                # a missing number is NULL
                value = wanted[q.name] if wanted[q.name] == wanted[q.name] else None
                assert row[q.name] == value, q.name
    (whole, _) = rows(tmp_path / "cohort", "player-1", "session")
    assert (whole["session"], whole["repetitions"], whole["folder"]) == ("p1-0", 12, "p1-0")
    screen = {(r["test"], r["side"], r["measure"]): r for r in rows(tmp_path / "cohort", "player-1", "measure")}
    knee = screen["knee_raise", "left", "hip_peak_deg"]
    assert (knee["value"], knee["unit"], knee["scored"]) == (96.0, "deg", 3)


def test_the_file_is_lean(sessions: Path, tmp_path: Path) -> None:
    collected(sessions, tmp_path / "cohort")
    metadata = pq.read_metadata(tmp_path / "cohort/athlete=player-0" / RESULTS)
    assert metadata.metadata is None
    assert metadata.num_row_groups == 1
    source = pq.read_metadata(sessions / "p0-0/review/repetitions.parquet")
    assert metadata.serialized_size < 0.4 * source.serialized_size
    assert metadata.row_group(0).column(30).statistics is None
    assert not metadata.row_group(0).column(30).has_offset_index


@pytest.mark.parametrize("change", ["deleted", "kind", "new", "gone", "athlete", "pain", "start", "no start"])
def test_after_a_change_the_cohort_is_what_collecting_anew_gives(
    sessions: Path, cohort: Path, tmp_path: Path, change: str
) -> None:
    other = cohort / "athlete=player-1" / RESULTS
    before = other.stat().st_mtime_ns
    match change:
        case "deleted":
            (sessions / "p0-0/edits.toml").write_text(DELETED)
        case "kind":
            (sessions / "p0-0/edits.toml").write_text('[[repetition]]\nat_s = 1.0\nmovement = "squat"\n')
        case "pain":
            (sessions / "p0-0/edits.toml").write_text('[[mark]]\ntime_s = 3.0\nlabel = "pain 4"\n')
        case "new":
            session(sessions / "p0-9", "player-0", "2026-11-28T09:00:00Z")
        case "no start":
            session(sessions / "a", "player-0", "1970-01-01T00:00:00Z")
        case "gone":
            shutil.rmtree(sessions / "p0-0")
        case "start":
            text = (sessions / "p0-0/session.toml").read_text()
            (sessions / "p0-0/session.toml").write_text(text.replace("T09:00", "T10:00", 1))
        case "athlete":
            text = (sessions / "p0-0/session.toml").read_text()
            (sessions / "p0-0/session.toml").write_text(text.replace('id = "player-0"', 'id = "player-2"'))
    found = collected(sessions, cohort)
    assert found.read == (0 if change == "gone" else 1), found
    assert found.gone == (1 if change == "gone" else 0)
    assert other.stat().st_mtime_ns == before
    as_anew(sessions, cohort, tmp_path / "anew")
    assert collected(sessions, cohort).read == 0


def test_corrections_count(sessions: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    text = '[[repetition]]\nat_s = 6.0\nmovement = "squat"\n[[mark]]\ntime_s = 80.0\nlabel = "treatment"\n'
    text += '[[mark]]\ntime_s = 0.0\nlabel = "baseline"\n[[pain]]\ntime_s = 2.0\nlevel = 6\n'
    (sessions / "p0-0/edits.toml").write_text(DELETED + text)
    collected(sessions, cohort)
    there = [row for row in rows(cohort, "player-0", "repetition") if row["session"] == "p0-0"]
    assert len(there) == len(edited_repetitions(sessions / "p0-0", "review")) == 11
    assert [row["movement"] for row in there[:2]] == ["squat", "bend"]
    assert [row["set_number"] for row in there[:2]] == [1, 2], "another kind is another set"
    assert {row["period"] for row in there} == {"before", "after"}
    (whole,) = (row for row in rows(cohort, "player-0", "session") if row["session"] == "p0-0")
    assert (whole["pain"], whole["baseline"], whole["repetitions"]) == (6.0, True, 11)
    assert whole["treated"].isoformat() == "2026-11-02T09:01:20"
    marks = {row["mark"] for row in rows(cohort, "player-0", "mark") if row["session"] == "p0-0"}
    assert marks == {"treatment", "baseline", "pain"}


def test_words_of_people_are_not_collected(tmp_path: Path) -> None:
    marks = [(1.0, "note Zoë said so"), (2.0, "her left hip"), (3.0, "retest 2026-11-01_zoe")]
    session(tmp_path / "sessions/a", "player-0", "2026-11-02T09:00:00Z", marks=marks)
    collected(tmp_path / "sessions", tmp_path / "cohort")
    assert [row["mark"] for row in rows(tmp_path / "cohort", "player-0", "mark")] == ["retest"]
    there = str(pq.read_table(tmp_path / "cohort/athlete=player-0" / RESULTS, partitioning=None).to_pylist())
    assert "Zo" not in there
    assert "zoe" not in there
    assert "her left" not in there


def test_a_copy_counts_once_and_takes_over_when_the_first_has_gone(sessions: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    shutil.copytree(sessions / "p0-0", sessions / "p0-copy")
    found = collected(sessions, cohort)
    assert (found.sessions, list(found.left_out), found.faulty) == (4, ["p0-copy"], set())
    assert "a copy or a replay of the recording in p0-0" in found.left_out["p0-copy"]
    assert collected(sessions, cohort).read == 0
    shutil.rmtree(sessions / "p0-0")
    found = collected(sessions, cohort)
    assert (found.sessions, found.left_out) == (4, {})
    as_anew(sessions, cohort, tmp_path / "anew")


def test_a_damaged_session_is_named_and_the_others_are_collected(sessions: Path, cohort: Path, tmp_path: Path) -> None:
    for name in ("live", "review"):
        (sessions / "p0-0" / name / "repetitions.parquet").write_bytes(b"PAR1 and no more PAR1")
    (sessions / "p1-1/edits.toml").write_text("[[repetition]]\nat_s = true\ndeleted = true\n")
    (sessions / "plain").mkdir()
    (sessions / "plain/session.toml").write_text("schema = 1\n")
    (sessions / "not a session").mkdir()
    session(sessions / "whose", "unknown", "2026-11-03T09:00:00Z")
    found = collected(sessions, cohort)
    assert found.sessions == 2
    assert found.faulty == {"p0-0", "p1-1"}
    assert set(found.left_out) == {"p0-0", "p1-1", "plain", "whose"}
    assert {row["session"] for row in rows(cohort, "player-0", "session")} == {"p0-1"}
    as_anew(sessions, cohort, tmp_path / "anew")


@pytest.mark.parametrize("damage", ["index", "results", "results of the same size", "columns"])
def test_a_damaged_cohort_is_collected_anew(sessions: Path, cohort: Path, tmp_path: Path, damage: str) -> None:
    folder = cohort / "athlete=player-0"
    match damage:
        case "index":
            (folder / INDEX).write_text("{}")
        case "results":
            (folder / RESULTS).write_bytes(b"PAR1")
        case "results of the same size":
            body = (folder / RESULTS).read_bytes()
            (folder / RESULTS).write_bytes(body[:100] + bytes(100) + body[200:])
            (sessions / "p0-0/edits.toml").write_text(DELETED)
        case "columns":
            (cohort / COHORT).write_text(json.dumps({"columns": "of another version"}))
    collected(sessions, cohort)
    as_anew(sessions, cohort, tmp_path / "anew")


def test_results_of_a_season_are_collected_as_their_manifests_say(tmp_path: Path) -> None:
    results = tmp_path / "results"
    first, second = (f"attempt-20261130T03451{i}Z-9f2c01ab" for i in (1, 2))
    for place, left in ((f"a/{first}", 80.0), (f"a/{second}", 90.0), (f"b/{first}", 70.0), (f"c/{first}", 70.0)):
        session(results / "sessions" / place, f"player-{place[0]}", "2026-11-02T09:00:00Z", left)
    session(results / "sessions/d" / first, "player-d", "2026-11-02T09:00:00Z")
    (results / "results.json").write_text('{"schema": 1, "kind": "hiphinge results"}')
    whole = {"inputs": {}, "files": {"review/repetitions.parquet": {}}}
    manifests = {
        "a": {1: {"superseded": True}, 2: {"folder": second, **whole}},
        "b": {1: {"folder": "../a/attempt-1", **whole}},
        "d": {1: {"folder": first, **whole, "files": {"live/angles.parquet": {}}}},
    }
    for name, several in manifests.items():
        for number, said in several.items():
            path = results / "sessions" / name / f"manifest-{number:06}.json"
            path.write_text(json.dumps({"schema": 1, "session": name, "athlete": f"player-{name}", **said}))
    # where files cannot be linked a number is taken before there is a result
    (results / "sessions/a/manifest-000003.json").touch()
    found = collected(results, tmp_path / "cohort")
    assert (found.sessions, sorted(found.left_out)) == (1, ["b", "d"]), "c has no manifest: it is not finished"
    assert "repetitions were not computed" in found.left_out["d"]
    assert found.faulty == {"b"}
    assert rows(tmp_path / "cohort", "player-a", "session")[0]["folder"] == "a"
    screen = {(r["test"], r["side"], r["measure"]): r["value"] for r in rows(tmp_path / "cohort", "player-a", "measure")}
    assert screen["knee_raise", "left", "hip_peak_deg"] == 90.0
    shutil.copytree(results / "sessions/a", results / "sessions/copy")
    copied = results / "sessions/copy/manifest-000002.json"
    copied.write_text(copied.read_text().replace('"session": "a"', '"session": "copy"'))
    found = collected(results, tmp_path / "cohort")
    assert "a copy or a replay of the recording in a," in found.left_out["copy"]


def test_nothing_is_overwritten_that_is_no_cohort(sessions: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("mine")
    for wrong in (tmp_path / "other", tmp_path / "other/thesis.txt", sessions):
        with pytest.raises(HiphingeError, match=r"this is a fol|this is a file"):
            collected(sessions, wrong)
    cohort = tmp_path / "cohort"
    collected(sessions, cohort)
    before = content(cohort)
    (tmp_path / "empty").mkdir()
    with pytest.raises(HiphingeError, match="no session with results is in this folder"):
        collected(tmp_path / "empty", cohort)
    assert content(cohort) == before


def test_a_session_whose_results_are_behind_is_brought_up_to_date_first(sessions: Path, tmp_path: Path) -> None:
    (sessions / "p0-0/edits.toml").write_text("[[pain]]\ntime_s = 2.0\nlevel = 3\n")
    assert not read_summary(sessions / "p0-0", "review")["pain"]
    collected(sessions, tmp_path / "cohort")
    assert [p["level"] for p in read_summary(sessions / "p0-0", "review")["pain"]] == [3.0]
    assert collected(sessions, tmp_path / "cohort").read == 0


def ended_after(monkeypatch: pytest.MonkeyPatch, written: int, look: Callable[[], object] = lambda: None) -> None:
    """Collecting ends for want of space once `written` athletes are written. look: is called before each."""
    done: list[Path] = []

    def write(folder: Path, *what: object) -> int:
        look()
        if len(done) == written:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / RESULTS))
        done.append(folder)
        return write_athlete(folder, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(collecting, "write_athlete", write)


def ended(monkeypatch: pytest.MonkeyPatch, sessions: Path, cohort: Path, written: int = 1, **options: bool) -> None:
    """A run that ends like this."""
    with monkeypatch.context() as patch:
        ended_after(patch, written)
        with pytest.raises(HiphingeError, match="No space left"):
            collected(sessions, cohort, **options)


def sessions_asked(cohort: Path) -> int:
    with Asked(cohort, "review") as asked:
        ((n,),) = asked.ask("SELECT count(*) FROM sessions").rows
    return int(n)


def test_while_all_is_collected_anew_and_when_that_ends_early_a_question_finds_every_athlete(
    sessions: Path, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    session(sessions / "gone", "player-2", "2026-11-20T09:00:00Z")
    collected(sessions, cohort)
    shutil.rmtree(sessions / "gone")
    with monkeypatch.context() as patch:
        ended_after(patch, 2, lambda: found.append(sessions_asked(cohort)))
        assert collected(sessions, cohort, anew=True).read == 4
    assert found == [5, 5]
    as_anew(sessions, cohort, tmp_path / "anew")
    ended(monkeypatch, sessions, cohort, anew=True)
    assert sessions_asked(cohort) == 4
    # as a killed program leaves it
    (cohort / "athlete=player-1" / f".{RESULTS}.new").write_bytes(b"PAR1")
    collected(sessions, cohort)
    as_anew(sessions, cohort, tmp_path / "anew")


def test_a_new_cohort_is_not_asked_before_it_is_whole_and_is_collected_from_where_it_ended(
    sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(monkeypatch, sessions, tmp_path / "cohort")
    with pytest.raises(HiphingeError, match="has not come to its end"):
        sessions_asked(tmp_path / "cohort")
    assert collected(sessions, tmp_path / "cohort").read == 2
    assert sessions_asked(tmp_path / "cohort") == 4
    as_anew(sessions, tmp_path / "cohort", tmp_path / "anew")


def test_a_cohort_with_other_columns_is_not_asked_before_all_have_ours(
    sessions: Path, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in cohort.glob("athlete=*"):
        table = pq.read_table(folder / RESULTS, partitioning=None)
        pq.write_table(table.drop_columns(table.column_names[-1]), folder / RESULTS, store_schema=False)
        index = read_index_of(folder)
        (folder / INDEX).write_bytes(json.dumps(index | {"size": (folder / RESULTS).stat().st_size}).encode())
    (cohort / COHORT).write_text(json.dumps({"columns": "of another version"}))
    with pytest.raises(HiphingeError, match="other columns"):
        sessions_asked(cohort)
    ended(monkeypatch, sessions, cohort)
    assert (cohort / "athlete=player-1" / RESULTS).exists(), "the old one stays until the new one is there"
    with pytest.raises(HiphingeError, match="has not come to its end"):
        sessions_asked(cohort)
    assert collected(sessions, cohort).read == 2
    assert sessions_asked(cohort) == 4
    as_anew(sessions, cohort, tmp_path / "anew")


def read_index_of(folder: Path) -> dict[str, object]:
    found = json.loads((folder / INDEX).read_text())
    assert isinstance(found, dict)
    return found


def test_a_session_that_moved_when_collecting_ended_early_is_of_one_athlete_after_the_next(
    sessions: Path, cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (sessions / "p1-0/session.toml").read_text()
    # the one who has it now is written first, and comes last by name
    session(sessions / "a", "player-2", "2026-11-20T09:00:00Z")
    (sessions / "p1-0/session.toml").write_text(text.replace('id = "player-1"', 'id = "player-2"'))
    ended(monkeypatch, sessions, cohort)
    index = read_index(cohort / "athlete=player-2")
    assert index is not None
    assert set(index.sessions) == {"a", "p1-0"}
    collected(sessions, cohort)
    as_anew(sessions, cohort, tmp_path / "anew")


def test_folders_whose_names_change_are_renamed(sessions: Path, cohort: Path, tmp_path: Path) -> None:
    before = (cohort / "athlete=player-0" / RESULTS).stat().st_ino
    session(sessions / "capital", "Player-0", "2026-11-20T09:00:00Z")
    collected(sessions, cohort)
    assert (cohort / "athlete=player-0" / RESULTS).stat().st_ino == before
    assert (cohort / "athlete=%50layer-0" / RESULTS).exists()
    first = (cohort / "athlete=%50layer-0" / RESULTS).stat().st_ino
    for name in ("p0-0", "p0-1"):
        shutil.rmtree(sessions / name)
    collected(sessions, cohort)
    assert (cohort / "athlete=Player-0" / RESULTS).stat().st_ino == first
    as_anew(sessions, cohort, tmp_path / "anew")


def test_a_file_of_an_athlete_that_is_missing_is_said_and_written_by_the_next_collecting(
    sessions: Path, cohort: Path, tmp_path: Path
) -> None:
    (cohort / "athlete=player-0" / RESULTS).unlink()
    with pytest.raises(HiphingeError, match=r"rows of an athlete are missing") as said:
        sessions_asked(cohort)
    assert "athlete=player-0" in str(said.value)
    collected(sessions, cohort)
    as_anew(sessions, cohort, tmp_path / "anew")
