"""`hiphinge forget` beyond the folder of sessions: cohorts, results of a season, exported archives. No byte of it is left."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiphinge.commands.stored import forget
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.running import lasting
from hiphinge.session.lock import FolderLock
from tests.contract.command_line import done, hiphinge, refused
from tests.hiphinge.cohorts.collected_sessions import content, session, squad

GONE, KEPT = "player-0", "player-1"


def spoken(path: Path) -> Iterator[bytes]:
    """The bytes of a file; of a table also its texts, of an archive its files, as they are before they are compressed."""
    yield path.name.encode()
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table: pa.Table = pq.read_table(path, partitioning=None)
        yield (
            str(table.schema).encode()
            + str(table.select([f.name for f in table.schema if f.type == "string"]).to_pydict()).encode()
        )
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield archive.read(name)


def naming(place: Path, athlete: str) -> list[str]:
    """The files and folders below a place in which the id stands."""
    there = [path for path in place.rglob("*") if path.is_dir() and athlete in path.name]
    there += [path for path in place.rglob("*") if path.is_file() and any(athlete.encode() in said for said in spoken(path))]
    return [str(path) for path in there]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Sessions of two athletes, a cohort, a season's results of both, and an archive of each."""
    squad(tmp_path / "sessions")
    where = {"HIPHINGE_SESSIONS": str(tmp_path / "sessions")}
    done("collect", "sessions", "--out", "cohort", "--config", "config.toml", cwd=configured(tmp_path))
    for athlete in (GONE, KEPT):
        done("export", "--athlete", athlete, "--out", f"handed-over/{athlete}.zip", cwd=made(tmp_path, "handed-over"), **where)
        of = tmp_path / "season/sessions" / f"s-{athlete}"
        session(of / "attempt-1", athlete, "2026-11-02T09:00:00Z")
        manifest = {"schema": 1, "session": f"s-{athlete}", "athlete": athlete, "folder": "attempt-1"}
        (of / "manifest-000002.json").write_text(json.dumps(manifest))
        (of / "manifest-000001.json").write_text('{"schema": 1, "superseded": true}')
    (tmp_path / "season/results.json").write_text('{"schema": 1, "kind": "hiphinge results"}')
    (tmp_path / "season/report.json").write_text(json.dumps({"failed": {f"s-{GONE}": "no samples"}}))
    return tmp_path


def configured(place: Path) -> Path:
    (place / "config.toml").write_text("[live]\npatience_ms = 150\n")
    return place


def made(place: Path, folder: str) -> Path:
    (place / folder).mkdir(exist_ok=True)
    return place


def forgotten(place: Path, *words: str) -> dict[str, object]:
    where = {"HIPHINGE_SESSIONS": str(place / "sessions")}
    result = hiphinge("forget", GONE, "--yes", "--json", "--config", "config.toml", *words, cwd=place, **where)
    return {"code": result.returncode, **json.loads(result.stdout)}


def test_no_byte_of_the_athlete_is_left_below_the_folders_that_were_named(place: Path) -> None:
    others = {
        name: body
        for name, body in content(place).items()
        if KEPT in name or name.startswith(("sessions/p1", "season/results"))
    }
    assert naming(place, GONE)
    report = forgotten(place, "--also", "season", "--also", "handed-over")
    assert report["undecided"] == []
    assert (report["code"], report["left"]) == (0, 0)
    assert naming(place, GONE) == []
    assert report["cohorts"] == [str(place / f"cohort/athlete={GONE}")]
    assert sorted(Path(str(one)).name for one in report["files"]) == [f"{GONE}.zip", "report.json"]  # type: ignore[attr-defined]
    assert not any("--also FOLDER" in remark for remark in report["remarks"])  # type: ignore[attr-defined]
    assert {name: body for name, body in content(place).items() if name in others} == others
    assert not (place / "season/sessions" / f"s-{GONE}").exists()
    assert json.loads(done("query", "cohort", "SELECT DISTINCT athlete FROM sessions", "--json", cwd=place).stdout) == [
        {"athlete": KEPT}
    ]
    done("collect", "sessions", "--out", "cohort", "--config", "config.toml", cwd=place)
    assert naming(place, GONE) == []


def test_a_cohort_that_was_collected_here_is_found_and_other_places_are_named_as_not_looked_at(place: Path) -> None:
    report = forgotten(place)
    assert (report["code"], report["left"]) == (0, 0)
    assert naming(place / "cohort", GONE) == naming(place / "sessions", GONE) == []
    assert naming(place / "season", GONE)
    assert any("--also FOLDER looks below" in remark for remark in report["remarks"])  # type: ignore[attr-defined]
    again = hiphinge("forget", GONE, "--yes", "--also", "season", "--config", "config.toml", cwd=place)
    assert again.returncode == 0, again.stderr
    assert naming(place / "season", GONE) == []


def test_a_cohort_on_a_disk_that_is_not_there_is_undecided_and_a_deleted_one_is_not(place: Path) -> None:
    (place / "disk").mkdir()
    done("collect", "sessions", "--out", "disk/cohort", "--config", "config.toml", cwd=place)
    shutil.rmtree(place / "disk/cohort")
    shutil.move(place / "cohort", place / "moved")
    (place / "disk").rmdir()
    report = forgotten(place)
    assert report["undecided"] == [
        {"where": str(place / "disk/cohort"), "why": "there is no such folder: is its disk connected?"}
    ]
    assert report["code"] == 1
    (place / "disk").mkdir()
    assert forgotten(place, "--also", "moved")["undecided"] == []
    assert naming(place / "moved", GONE) == []


def test_an_archive_of_another_that_holds_the_id_is_named_and_left(place: Path) -> None:
    path = place / f"handed-over/{KEPT}.zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("sessions/p1-0/notes.txt", f"stood beside {GONE}")
    report = forgotten(place, "--also", "handed-over")
    assert [(one["where"], one["why"]) for one in report["undecided"]] == [  # type: ignore[attr-defined]
        (f"handed-over/{KEPT}.zip", "it holds the id, outside a session")
    ]
    assert path.exists()
    damaged = place / f"handed-over/{GONE}-2.zip"
    damaged.write_bytes(path.read_bytes()[:-100])
    assert f"handed-over/{GONE}-2.zip" in str(forgotten(place, "--also", "handed-over")["undecided"]), "nobody can tell"


def test_a_cohort_that_is_being_collected_is_waited_for(place: Path) -> None:
    before = content(place)
    lock = FolderLock(place / "cohort")
    assert lock.take()
    where = {"HIPHINGE_SESSIONS": str(place / "sessions")}
    said = refused("forget", GONE, "--yes", "--config", "config.toml", cwd=place, **where)
    lock.release()
    assert "a program is collecting into this cohort" in said
    assert content(place) == before


def remarks_of(report: dict[str, object]) -> str:
    return "\n".join(report["remarks"])  # type: ignore[arg-type]


def test_what_is_not_looked_at_is_said_with_other_folders_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    (temporary / "hiphinge-computing-a1/result").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    said = remarks_of(forgotten(place, "--also", "handed-over"))
    for words in (
        "not looked at: results of hiphinge reanalyse, exported archives and cohorts that were moved, in folders that no",
        "not looked at: results of hiphinge reanalyse in object storage",
        "temporary files (hiphinge-computing-*) of other computers",
        f"not looked at: 1 folders of computations, {temporary}/hiphinge-computing-*: delete them when no",
    ):
        assert words in said


def test_a_bucket_is_not_searched_and_the_folders_to_delete_there_are_named(place: Path) -> None:
    report = forgotten(place, "--also", "s3://club/results/", "--also", "season", "--also", "handed-over")
    (one,) = report["undecided"]  # type: ignore[misc]
    assert (report["code"], report["left"], one["where"]) == (1, 0, "s3://club/results/")
    assert one["why"].startswith("object storage is not searched: delete by its own tools ")
    for name in ("p0-0", "p0-1"):
        assert f"s3://club/results/sessions/{name}," in one["why"]
    again = hiphinge("forget", GONE, "--yes", "--also", "s3://club/results", "--config", "config.toml", cwd=place)
    assert again.returncode == 1
    assert "s3://club/results: object storage is not searched" in again.stderr
    assert "in results of hiphinge reanalyse the folders sessions/NAME" in again.stderr


def test_an_archive_may_be_named_itself(place: Path) -> None:
    report = forgotten(place, "--also", f"handed-over/{GONE}.zip", "--also", f"handed-over/{KEPT}.zip")
    assert (report["code"], report["left"], report["undecided"]) == (0, 0, [])
    assert report["files"] == [f"handed-over/{GONE}.zip"]
    assert [path.name for path in (place / "handed-over").iterdir()] == [f"{KEPT}.zip"]


def test_an_empty_folder_named_after_the_athlete_is_found_and_goes(place: Path) -> None:
    """As an attempt that ended for want of space leaves it, of a session that was deleted by hand."""
    empty = place / "sessions/2026-11-29T14-05-00Z_player-66"
    (empty / "live").mkdir(parents=True)
    where = {"HIPHINGE_SESSIONS": str(place / "sessions")}
    words = ("forget", "player-66", "--yes", "--config", "config.toml")
    said = done(*words, cwd=place, **where).stdout
    assert str(empty) in said
    assert "1 empty folders named after the athlete" in said
    assert not empty.exists()
    assert "nothing was found of" in refused(*words, cwd=place, **where)


def test_a_run_that_writes_to_results_is_waited_for(place: Path) -> None:
    results, where = place / "season", {"HIPHINGE_SESSIONS": str(place / "sessions")}
    before = content(place)
    with lasting(Folder(results, "season")), lasting(Folder(results, "season")):
        for also in ("season", ".", "season/sessions"):
            said = refused("forget", GONE, "--yes", "--also", also, "--config", "config.toml", cwd=place, **where)
            assert "season: hiphinge reanalyse is writing to these results, and would write the athlete into them" in said
    assert content(place) == before
    # a run that was killed is none, and the next one removes its file
    left = results / ".run-0123456789abcdef.lock"
    left.touch()
    with lasting(Folder(results, "season")):
        assert not left.exists()
    left.touch()
    assert forgotten(place, "--also", "season")["code"] == 0


def test_a_run_that_began_meanwhile_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delete, running = forget._delete_all, ExitStack()

    def beginning(*given: Any) -> None:
        delete(*given)
        running.enter_context(lasting(Folder(place / "season", "season")))

    monkeypatch.setattr(forget, "_delete_all", beginning)
    with running:
        report = forgotten(place, "--also", "season")
    assert report["code"] == 1
    assert [one["where"] for one in report["undecided"]] == ["season"]  # type: ignore[attr-defined]
    assert "hiphinge reanalyse began to write to it meanwhile" in str(report["undecided"])
