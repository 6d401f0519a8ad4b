"""`hiphinge export`: files appear whole and replace none, sessions of any kind are exported or refused in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from pathlib import Path
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest

from dashboards.export import FORMATS
from tests.conftest import ROOT
from tests.contract.command_line import done, hiphinge, refused, tree
from tests.dashboards.export.exported_sessions import session_folder
from tests.dashboards.synthetic_results import write_session

OLD = ROOT / "fixtures/old/0.1.0/sessions/2026-11-29T08-00-00Z_player-07"


@pytest.fixture
def monday(tmp_path: Path) -> Path:
    return session_folder(tmp_path / "monday")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_lands_in_the_session_folder_for_its_owner_alone(monday: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in monday.rglob("*") if path.is_file()}
    said = json.loads(done("export", "monday", "--to", name, "--json", cwd=monday.parent).stdout)
    files = [monday.parent / file for file in said["files"]]
    assert files
    for file in files:
        assert monday / "export" in file.parents
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path: path.read_bytes() for path in before} == before, "the session stays as it is"
    assert not [name for name in tree(monday) if "hiphinge-export" in name]


def test_nothing_is_replaced_unless_wished(monday: Path) -> None:
    words = ("export", "monday", "--to", "mot", "--out", "angles.mot")
    out = monday.parent / "angles.mot"
    done(*words, cwd=monday.parent)
    out.write_text("mine")
    assert refused(*words, cwd=monday.parent) == "angles.mot: exists already. Give another --out, or add --force"
    assert out.read_text() == "mine"
    done(*words, "--force", cwd=monday.parent)
    assert out.read_text().startswith("monday-review")
    done("export", "monday", "--to", "fhir", cwd=monday.parent)
    assert "exists already" in refused("export", "monday", "--to", "fhir", cwd=monday.parent)


def test_a_second_file_stands_beside_the_one_that_was_named(monday: Path) -> None:
    done("export", "monday", "--to", "sto", "--out", "squat.sto", cwd=monday.parent)
    assert {one.name for one in monday.parent.glob("*.sto")} == {"squat.sto", "squat-calibration.sto"}


def test_samples_need_no_results(tmp_path: Path) -> None:
    session_folder(tmp_path / "plain", results=False)
    done("export", "plain", "--to", "csv", "--table", "raw", "--out", "out", cwd=tmp_path)
    assert {"plain-pelvis.csv", "plain-mapping.toml"} <= tree(tmp_path / "out")
    said = refused("export", "plain", "--to", "csv", "--table", "angles", cwd=tmp_path)
    assert "no results are in this folder. Run: hiphinge replay plain" in said


@pytest.mark.parametrize("name", ["csv", "foxglove", "bids"])
def test_results_without_their_source_are_exported_without_samples(tmp_path: Path, name: str) -> None:
    folder = write_session(tmp_path / "results", seconds=30, session="results", sensors={})
    result = done("export", "results", "--to", name, cwd=tmp_path)
    assert "results: no samples are exported, because this folder holds results only" in result.stderr
    assert (folder / "export").is_dir()
    assert "the session holds no samples" not in result.stderr


def test_results_of_another_program_are_one_line(monday: Path) -> None:
    """A table that is torn, and one whose column has another name."""
    path = monday / "review/angles.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["t", *table.column_names[1:]]), path)
    said = refused("export", "monday", "--to", "mot", cwd=monday.parent)
    assert "its columns are not those of this program: time_s" in said
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot be read, it is damaged or of another version" in refused(
        "export", "monday", "--to", "mot", cwd=monday.parent
    )
    assert not (monday / "export").exists()


def test_an_old_recording_is_exported(tmp_path: Path) -> None:
    done("export", OLD, "--to", "csv", "--table", "raw", "--out", "out", cwd=tmp_path)
    done("import", "csv", "out", "--mapping", next((tmp_path / "out").glob("*mapping.toml")), "--out", "again", cwd=tmp_path)
    head = (tmp_path / "again/session.toml").read_text()
    assert 'id = "player-07"' in head
    assert 'label = "calibrate"' in head


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("monday",), "--to: no format is given. Formats are csv, mot"),
        (("monday", "--to", "xlsx"), "--to: unknown format 'xlsx'"),
        (("--to", "csv"), "no session is given"),
        (("nowhere", "--to", "csv"), "nowhere: no such session folder"),
        (("nowhere", "--to", "csv", "--table", "raw"), "nowhere: no such session folder"),
        (("monday", "--to", "csv", "--table", "marks"), "unknown table 'marks'. Choose angles, repetitions, raw"),
        (("monday", "--to", "mot", "--table", "raw"), "mot has no tables"),
        (("monday", "--to", "csv", "--decimal", ";"), "';' is no decimal mark"),
        (("monday", "--to", "csv", "--decimal", ",", "--separator", "comma"), "decimal mark and separator are the same"),
        (("monday", "--to", "csv", "--separator", "x"), "'x' is no separator"),
        (("monday", "--to", "mot", "--decimal", ","), "only text tables"),
        (("monday", "--to", "csv", "--estimator", "guess"), "no results of estimator 'guess'"),
        (("monday", "--to", "csv", "--out", "one.csv"), "this export has several files"),
        (("monday", "--to", "mot", "--out", "monday/session.toml/x"), "Check the folder"),
        (("monday", "--athlete", "player-07"), "Leave SESSION and --to out"),
        (("--athlete", "*"), "is a pattern"),
    ],
)
def test_what_cannot_be_exported_is_one_line(monday: Path, words: tuple[str, ...], said: str) -> None:
    before = tree(monday.parent)
    assert said in refused("export", *words, cwd=monday.parent)
    assert tree(monday.parent) == before


def test_what_a_format_refuses_leaves_no_folder(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", athlete="unknown")
    before = tree(tmp_path)
    assert "the athlete is not known" in refused("export", "monday", "--to", "bids", cwd=tmp_path)
    assert tree(tmp_path) == before
    assert not (folder / "export").exists()


def test_a_torn_recording_is_exported_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(OLD / "session.toml", folder)
    (folder / "recording.mcap").write_bytes((OLD / "recording.mcap").read_bytes()[:-5000])
    result = done("export", "old", "--to", "csv", "--table", "raw", "--out", "out", cwd=tmp_path)
    assert "recording.mcap breaks off after" in result.stderr


def test_everything_of_a_person_in_one_archive(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    for name, who in (("a", "player-07"), ("b", "player-07"), ("c", "player-08")):
        session_folder(sessions / name, athlete=who, sensors=("pelvis",))
    (sessions / "a/export").mkdir()
    (sessions / "a/export/angles.c3d").write_bytes(b"\x02\x50\x00coded")
    settings = {"HIPHINGE_SESSIONS": str(sessions)}
    line = done("export", "--athlete", "player-07", cwd=tmp_path, **settings).stdout
    assert line.startswith("player-07.zip: ")
    with ZipFile(tmp_path / "player-07.zip") as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        names = {info.filename for info in archive.infolist()} - {"manifest.json"}
        assert {one["file"] for one in manifest["files"]} == names
        assert "a/export/angles.c3d" in names
        for one in manifest["files"]:
            body = archive.read(one["file"])
            assert (one["bytes"], one["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
            assert body == (sessions / one["file"]).read_bytes()
    assert {name.split("/")[0] for name in names} == {"a", "b"}
    assert stat.S_IMODE((tmp_path / "player-07.zip").stat().st_mode) == 0o600
    assert "exists already" in refused("export", "--athlete", "player-07", cwd=tmp_path, **settings)
    assert "nothing was found of 'player-09'" in refused("export", "--athlete", "player-09", cwd=tmp_path, **settings)
    assert "a place elsewhere" in refused(
        "export", "--athlete", "player-07", "--out", sessions / "x.zip", cwd=tmp_path, **settings
    )


def test_a_place_that_may_be_the_persons_is_named_and_not_taken(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    session_folder(sessions / "a", sensors=("pelvis",))
    session_folder(sessions / "c", athlete="player-08", sensors=("pelvis",))
    (sessions / "c/notes.txt").write_text("as player-07 did")
    result = hiphinge("export", "--athlete", "player-07", cwd=tmp_path, HIPHINGE_SESSIONS=str(sessions))
    assert result.returncode == 1
    assert f"undecided, not taken: {sessions / 'c/notes.txt'}" in result.stderr
    with ZipFile(tmp_path / "player-07.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("c/")]
        assert json.loads(archive.read("manifest.json"))["undecided"][0]["where"].endswith("notes.txt")


def test_an_export_of_one_session_leaves_nobody_elses_undecided(tmp_path: Path) -> None:
    sessions = tmp_path / "sessions"
    session_folder(sessions / "a", sensors=("pelvis",))
    session_folder(sessions / "c", athlete="player-08", sensors=("pelvis",))
    for name in ("c3d", "foxglove"):
        done("export", sessions / "c", "--to", name, cwd=tmp_path)
    done("forget", "player-07", "--yes", cwd=tmp_path, HIPHINGE_SESSIONS=str(sessions))
    assert tree(sessions) == {"c", *(f"c/{name}" for name in tree(sessions / "c"))}
