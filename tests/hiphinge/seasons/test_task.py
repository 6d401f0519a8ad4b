"""A session of a season: computed once, anew where anything about it changed, and every fault in words."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import HiphingeError
from dashboards.edits import read_edits
from dashboards.tables import TableWriter
from hiphinge.seasons.folder import Folder
from hiphinge.seasons.place import place_of
from hiphinge.seasons.result import SessionResults, prepare
from hiphinge.seasons.task import BEFORE, COMPUTED, FAILED, Job, Outcome, Settings, compute_session
from hiphinge.session import replayed
from hiphinge.session.lock import FolderLock
from hiphinge.session.scratch import COMPUTING
from tests.conftest import ROOT
from tests.contract.command_line import done
from tests.contract.recorded_sessions import plain_session, short_sessions

LIVE = Settings(("live",))
BROKEN = ROOT / "fixtures/broken/edits"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (session,) = short_sessions(tmp_path_factory.mktemp("made"), 1)
    return session


@pytest.fixture
def session(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "sessions/evening"))


def job_of(session: Path, settings: Settings = LIVE, run: str = "") -> Job:
    results = place_of(str(session.parent.parent / "results"))
    return Job(place_of(str(session.parent)), session.name, session.name, results, settings, prepare(results), run)


def computed(session: Path, settings: Settings = LIVE) -> Outcome:
    return compute_session(job_of(session, settings))


def result(session: Path) -> Path:
    """The folder of the present result."""
    one = SessionResults.of(place_of(str(session.parent.parent / "results")), session.name)
    assert one.manifest is not None
    return session.parent.parent / "results" / one.folder / str(one.manifest["folder"])


def words(outcome: Outcome) -> str:
    assert outcome.state == FAILED
    assert outcome.error is not None
    return ". ".join(outcome.error)


def test_the_second_time_nothing_is_computed(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = computed(session)
    assert (first.state, first.error) == (COMPUTED, None)
    assert first.session_s > 10.0
    assert 0.0 < first.compute_cpu_s < first.cpu_s
    monkeypatch.setattr(replayed, "compute", None)
    again = computed(session)
    assert (again.state, again.session_s) == (BEFORE, first.session_s)
    # a copy of other times, with the same content
    os.utime(session / "recording.mcap", (0.0, 0.0))
    assert computed(session).state == BEFORE


def test_a_result_of_the_same_run_counts_as_its_own_though_the_first_answer_was_lost(session: Path) -> None:
    job = job_of(session, run="run 1")
    assert [compute_session(job).state for _ in range(2)] == [COMPUTED, COMPUTED]
    assert compute_session(replace(job, run="run 2")).state == BEFORE


def correct_athlete(session: Path) -> None:
    text = (session / "session.toml").read_text()
    (session / "session.toml").write_text(text.replace("player-00", "player-99"))


def correct_mounting(session: Path) -> None:
    text = (session / "session.toml").read_text()
    assert 'up = "+x"' in text
    (session / "session.toml").write_text(text.replace('up = "+x"', 'up = "-x"', 1))


def add_mark(session: Path) -> None:
    (session / "edits.toml").write_text('[[mark]]\ntime_s = 1.0\nlabel = "calibrate"\n')


def correct_kind(session: Path) -> None:
    (session / "edits.toml").write_text('[[repetition]]\nat_s = 6.0\nmovement = "hinge"\n')


@pytest.mark.parametrize("change", [correct_athlete, correct_mounting, add_mark, correct_kind])
def test_what_a_person_said_afterwards_counts(session: Path, change: Callable[[Path], None], tmp_path: Path) -> None:
    assert computed(session).state == COMPUTED
    before = result(session)
    change(session)
    outcome = computed(session)
    assert outcome.state == COMPUTED, outcome
    now = result(session)
    assert now != before
    assert not before.exists()
    done("replay", session, "--out", tmp_path / "again/evening", "--estimator", "live", cwd=tmp_path)
    files = sorted(path.relative_to(now) for path in now.rglob("*") if path.is_file())
    assert files == sorted(
        p.relative_to(tmp_path / "again/evening") for p in (tmp_path / "again/evening").rglob("*") if p.is_file()
    )
    assert all((now / file).read_bytes() == (tmp_path / "again/evening" / file).read_bytes() for file in files)


def test_other_settings_are_computed_and_only_tables_that_are_wanted_are_kept(session: Path) -> None:
    computed(session)
    assert computed(session, Settings(("live",), ("angles", "repetitions"))).state == COMPUTED
    assert {path.name for path in (result(session) / "live").iterdir()} == {
        *("angles.parquet", "repetitions.parquet", "summary.json")
    }
    assert computed(session, Settings(("live",), ("angles", "repetitions"), {"rock_back_slack_deg": 22.0})).state == COMPUTED


def test_a_plain_session_is_computed_and_its_csv_files_count(tmp_path: Path) -> None:
    session = plain_session(tmp_path / "sessions/plain")
    assert computed(session).state == COMPUTED
    one = SessionResults.of(place_of(str(tmp_path / "results")), "plain")
    assert one.manifest is not None
    assert sorted(one.manifest["inputs"]) == [
        *("lumbar.csv", "pelvis.csv", "session.toml", "thigh_left.csv", "thigh_right.csv")
    ]
    assert computed(session).state == BEFORE
    lines = (session / "pelvis.csv").read_text().splitlines(keepends=True)
    (session / "pelvis.csv").write_text("".join(lines[:-1]))
    assert computed(session).state == COMPUTED


@pytest.mark.parametrize("name", ["a b", "50 %", "two\nlines", "ünï%20", "-x", "'\"", "x" * 230])
def test_a_session_of_any_name(made: Path, tmp_path: Path, name: str) -> None:
    session = Path(shutil.copytree(made, tmp_path / "sessions" / name))
    assert computed(session).state == COMPUTED
    assert computed(session).state == BEFORE
    assert (result(session) / "live/summary.json").is_file()


def test_a_session_whose_name_is_no_text(made: Path, tmp_path: Path) -> None:
    try:
        session = Path(shutil.copytree(made, tmp_path / "sessions/L\udce4uf"))
    except OSError as error:  # a disk of macOS or Windows
        pytest.skip(f"this file system takes only names that are text: {error}")
    assert computed(session).error is None
    assert computed(session).state == BEFORE
    now = result(session)
    assert now.parent.name == "L%E4uf"
    assert json.loads((now.parent / "manifest-000001.json").read_text())["session"] == "L\\xe4uf"
    assert json.loads((now / "live/summary.json").read_text())["session"] == "L\\xe4uf"


def test_a_session_that_is_being_recorded_is_left_alone(session: Path) -> None:
    lock = FolderLock(session)
    assert lock.take()
    try:
        assert "is being recorded or computed" in words(computed(session))
    finally:
        lock.release()
    assert computed(session).state == COMPUTED


def test_a_damaged_session_is_named_and_leaves_nothing(session: Path) -> None:
    content = bytearray((session / "recording.mcap").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    (session / "recording.mcap").write_bytes(content)
    assert "recording.mcap" in words(computed(session))
    assert not (session.parent.parent / "results/sessions").exists()
    assert computed(session, Settings(("live",), salvage=True)).state == COMPUTED


@pytest.mark.parametrize("gone", ["live", "live/angles.parquet", "session.toml", ""])
def test_a_result_whose_files_have_gone_is_computed_again(session: Path, gone: str) -> None:
    computed(session)
    before = result(session)
    shutil.rmtree(before / gone) if (before / gone).is_dir() else (before / gone).unlink()
    assert computed(session).state == COMPUTED
    assert (result(session) / "live/angles.parquet").is_file()
    assert not before.exists()
    assert computed(session).state == BEFORE


def folder_removed(results: Path) -> None:
    shutil.rmtree(results)


def disk_unmounted(results: Path) -> None:
    """What is seen is the empty folder on which the disk was mounted."""
    shutil.rmtree(results)
    results.mkdir()


def other_disk(results: Path) -> None:
    shutil.rmtree(results)
    prepare(place_of(str(results)))


@pytest.mark.parametrize("go", [folder_removed, disk_unmounted, other_disk])
@pytest.mark.parametrize("when", ["before", "while it is computed", "while it is written"])
def test_a_folder_of_results_that_has_gone_gets_no_result(
    session: Path, monkeypatch: pytest.MonkeyPatch, go: Callable[[Path], None], when: str
) -> None:
    results = session.parent.parent / "results"
    job = job_of(session)
    compute, put = replayed.compute, Folder.put

    def going(*args: object, **more: object) -> object:
        found = compute(*args, **more)  # type: ignore[arg-type]
        go(results)
        return found

    def putting(self: Folder, name: str, source: Path | bytes) -> None:
        put(self, name, source)
        if name.endswith("summary.json"):
            go(results)

    if when == "before":
        go(results)
    elif when == "while it is computed":
        monkeypatch.setattr(replayed, "compute", going)
    else:
        monkeypatch.setattr(Folder, "put", putting)
    said = words(compute_session(job))
    assert said == (
        f"is no longer the folder of results that the run began with. {results}. "
        "Connect its disk again, and run the same command: what is done stays done"
    )
    # not even the folder itself is made
    assert results.exists() is (go is not folder_removed)
    assert not list(results.glob("sessions"))


@pytest.mark.parametrize("broken", sorted(path.name for path in BROKEN.iterdir()))
def test_corrections_that_cannot_be_read_fail_with_the_words_of_every_other_command(session: Path, broken: str) -> None:
    assert computed(session).state == COMPUTED
    before = result(session)
    shutil.copyfile(BROKEN / broken / "edits.toml", session / "edits.toml")
    with pytest.raises(HiphingeError) as expected:
        read_edits(session)
    outcome = computed(session)
    assert outcome.state == FAILED
    assert outcome.error == (expected.value.what, expected.value.where, expected.value.remedy)
    # what was computed before the corrections stays
    assert result(session) == before


def test_a_recording_that_breaks_off_is_computed_with_a_warning(session: Path) -> None:
    content = (session / "recording.mcap").read_bytes()
    (session / "recording.mcap").write_bytes(content[: len(content) * 3 // 4])
    outcome = computed(session)
    assert outcome.state == COMPUTED
    assert outcome.warnings


def test_a_session_that_changes_meanwhile_gives_no_result(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compute = replayed.compute

    def changing(*args: object, **more: object) -> object:
        found = compute(*args, **more)  # type: ignore[arg-type]
        correct_kind(session)
        return found

    monkeypatch.setattr(replayed, "compute", changing)
    said = words(computed(session))
    assert "changed while the session was computed" in said
    assert "evening/edits.toml" in said
    monkeypatch.undo()
    assert computed(session).state == COMPUTED


def test_a_full_disk_is_named(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    job = job_of(session)
    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be written: No space left on device" in words(compute_session(job))
    monkeypatch.undo()
    assert not list((session.parent.parent / "results").rglob("attempt-*"))


def test_any_fault_of_the_program_is_one_of_this_session(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(TableWriter, "angles", faulty)
    assert "the program failed on it (ZeroDivisionError: by nought)" in words(computed(session))


def test_the_scratch_of_a_killed_worker_goes(session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    dead, new, held = (tmp_path / "scratch" / f"{COMPUTING}{name}" for name in ("dead", "new", "held"))
    for folder in (dead, new, held):
        folder.mkdir()
        (folder / "half").write_text("x")
    # whoever held its lock has gone
    (dead / ".lock").touch()
    lock = FolderLock(held)
    assert lock.take()
    try:
        assert computed(session).state == COMPUTED
    finally:
        lock.release()
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == [held.name, new.name]
