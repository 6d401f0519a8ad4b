"""A session that cannot be computed, for whatever reason, stands in nobody's way: it is set aside with its reason."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from body_signals import HiphingeError
from hiphinge.commands.unfinished import look_after, look_after_orphans, tell_orphans, with_results
from hiphinge.config import Settings
from hiphinge.session import computation
from hiphinge.session.in_progress import RECORDING
from hiphinge.session.lock import FolderLock, is_running
from hiphinge.session.recovery import NOT_COMPUTED, orphans, recover, recover_apart, set_aside
from tests.hiphinge.session.test_recovery import files, orphan
from virtual_athlete import SimulatedSession, simulate


@pytest.fixture(scope="module")
def simulated() -> SimulatedSession:
    return simulate("demo", 2)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A session whose recording cannot be read."""
    folder = tmp_path / "sessions/broken"
    folder.mkdir(parents=True)
    (folder / RECORDING).write_bytes(b"\x89MCAP0\r\n and nothing that follows")
    return folder


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "needs more memory than there is"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("times\nleap"), "the program failed on it (ValueError: times leap)"),
        (RecursionError("too deep"), "RecursionError"),
        (pa.ArrowInvalid("column"), "ArrowInvalid"),
        (HiphingeError("is broken", "x", "Mend it"), "x: is broken. Mend it"),
    ],
)
def test_whatever_the_computation_meets_is_a_reason(
    tmp_path: Path, simulated: SimulatedSession, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    folder = orphan(tmp_path / "s", simulated, 1.0)

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(computation, "compute", fails)
    assert words in str(recover(folder).error)
    assert not is_running(folder)
    assert files(folder) == {RECORDING}


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by signal 9"),
        ("import sys; sys.exit('no such thing')", "ended with code 1: no such thing"),
        ("print('[1]')", "ended with code 0"),
        ("import time; time.sleep(60)", "was not computed within"),
    ],
)
def test_a_process_that_dies_or_hangs_is_a_reason(
    tmp_path: Path, broken: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{program}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    result = recover_apart(broken, longest_s=3.0)
    assert words in str(result.error)
    assert words in set_aside(broken)


def test_a_session_is_computed_by_a_process_of_its_own(
    tmp_path: Path, simulated: SimulatedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = orphan(tmp_path / "-s", simulated, 2.0)
    # a module of this name where the command is called is none of the program's
    (tmp_path / "body_signals.py").write_text("raise ImportError('not mine')")
    monkeypatch.chdir(tmp_path)
    (folder / NOT_COMPUTED).write_text("{}")
    result = recover_apart(Path("-s"))
    assert (result.error, result.warnings) == (None, ())
    assert orphans(tmp_path) == []
    assert not (folder / NOT_COMPUTED).exists()


def test_set_aside_until_recording_or_program_change(
    broken: Path, simulated: SimulatedSession, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(broken.parent, {})
    good = orphan(broken.parent / "good", simulated, 1.0)
    look_after_orphans(settings)
    assert orphans(broken.parent) == [broken]
    assert files(good) > {"live/summary.json", "review/summary.json"}
    reason = json.loads((broken / NOT_COMPUTED).read_bytes())
    assert (broken / NOT_COMPUTED).stat().st_mode & 0o777 == 0o600
    assert reason["what"]
    capsys.readouterr()

    tried: list[Path] = []
    monkeypatch.setattr("hiphinge.commands.unfinished.recover_apart", lambda folder: tried.append(folder) or recover(folder))
    look_after_orphans(settings)
    assert tried == []
    said = capsys.readouterr().err
    assert said.startswith("hiphinge: set aside: ")
    assert "hiphinge doctor --sessions" in said
    assert tell_orphans(settings, broken.parent / "new") == []
    # who names it wants it tried
    with pytest.raises(HiphingeError, match="no results are in this folder"):
        with_results(broken)
    assert tried == [broken]

    with (broken / RECORDING).open("ab") as file:
        file.write(b"more")
    assert tell_orphans(settings, broken.parent / "new") == [broken]
    (broken / NOT_COMPUTED).write_bytes(b"\xff no JSON")
    assert set_aside(broken) == ""


def test_a_new_session_waits_for_none_and_half_written_tables_go(
    tmp_path: Path, simulated: SimulatedSession, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(tmp_path, {})
    one = orphan(tmp_path / "one", simulated, 1.0)
    running = orphan(tmp_path / "running", simulated, 1.0)
    for folder in (one, running):
        (folder / ".live.writing").mkdir()
        (folder / ".live.writing/angles.parquet").write_bytes(b"PAR1")
    lock = FolderLock(running)
    assert lock.take()
    waiting = tell_orphans(settings, tmp_path / "new")
    assert waiting == [one]
    assert "after this session, or by hiphinge doctor" in capsys.readouterr().err
    assert files(one) == {RECORDING}
    assert (running / ".live.writing/angles.parquet").exists()
    look_after(waiting)
    lock.release()
    assert orphans(tmp_path) == [running]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become somebody else")
def test_folders_that_may_not_be_read_or_written(tmp_path: Path, simulated: SimulatedSession) -> None:
    """As another user: one folder cannot be looked into, one is somebody else's, one may not be written."""
    sessions = tmp_path / "sessions"
    for name in ("closed", "foreign", "readonly"):
        orphan(sessions / name, simulated, 1.0)
    nobody = 65534
    for path in (sessions / "closed", sessions / "readonly"):
        os.chown(path, nobody, nobody)
    (sessions / "closed").chmod(0o000)
    (sessions / "foreign").chmod(0o700)
    (sessions / "readonly").chmod(0o500)
    for parent in (sessions, *sessions.parents):
        if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(0o755)
    os.seteuid(nobody)
    try:
        found = orphans(sessions)
        reasons = [str(recover(folder).error) for folder in found]
    finally:
        os.seteuid(0)
    assert [folder.name for folder in found] == ["closed", "readonly"]
    assert all("cannot be written: Permission denied" in reason for reason in reasons)


def test_its_parents_end_is_its_own(tmp_path: Path, simulated: SimulatedSession) -> None:
    import subprocess

    folder = orphan(tmp_path / "s", simulated, 60.0)
    child = subprocess.Popen([sys.executable, "-m", "hiphinge.session.recovery", str(folder)], stdin=subprocess.PIPE)
    assert child.stdin is not None
    end = time.monotonic() + 60
    while not (folder / ".live.writing").exists():
        assert time.monotonic() < end
        assert child.poll() is None
        time.sleep(0.001)
    child.stdin.close()
    assert child.wait(60) in (0, 143)
    assert not [name for name in files(folder) if name.startswith(".")]
