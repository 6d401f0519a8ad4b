"""One program at a time, whatever ends the one before; tried with real processes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import pytest

from body_signals import HiphingeError
from hiphinge.session.lock import FolderLock
from ingest.links.bluetooth.claim import Claim
from on_disk import LockFile, is_held
from tests.conftest import ROOT

HOLDER = """
import sys
from pathlib import Path
from on_disk import LockFile
lock = LockFile(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
lock.release()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        yield child


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "x"), LockFile(tmp_path / "x")
    assert first.take()
    assert first.take(), "who has it has it"
    assert not second.take()
    second.release()
    assert is_held(tmp_path / "x")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    first.release()
    first.release()
    assert not any(tmp_path.iterdir())
    assert second.take()
    second.release()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_lock_ends_with_its_program(tmp_path: Path, end: signal.Signals) -> None:
    with holder(tmp_path / "x") as child:
        assert is_held(tmp_path / "x")
        assert not LockFile(tmp_path / "x").take(asked=True)
        child.send_signal(end)
    assert (tmp_path / "x").exists(), "its file stays, and means nothing"
    assert not is_held(tmp_path / "x")
    lock = LockFile(tmp_path / "x")
    assert lock.take()
    lock.release()


def test_a_child_of_the_holder_does_not_hold_it(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "x")
    assert lock.take()
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False):
        lock.release()
        again = LockFile(tmp_path / "x")
        assert again.take()
        again.release()


def test_a_file_that_vanished_before_it_was_locked_does_not_count(tmp_path: Path) -> None:
    """Otherwise two programs could hold the lock, one of them on a file that nobody sees."""
    lock = LockFile(tmp_path / "x")
    with (tmp_path / "x").open("ab") as opened:
        assert lock._still_there(opened)
        (tmp_path / "x").unlink()
        assert not lock._still_there(opened)
        (tmp_path / "x").touch()
        assert not lock._still_there(opened)


COUNTER = """
import sys, time
from pathlib import Path
from on_disk import LockFile
path, count, until = Path(sys.argv[1]), Path(sys.argv[2]), time.monotonic() + 3.0
taken = 0
while time.monotonic() < until:
    lock = LockFile(path)
    if lock.take():
        before = int(count.read_text())
        count.write_text(str(before + 1))
        lock.release()
        taken += 1
print(taken)
"""


def test_programs_that_take_and_release_in_turn_never_hold_it_together(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNTER, str(tmp_path / "x"), str(tmp_path / "count")]
    children = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [child.communicate()[0] for child in children]
    taken = [int(words) for words in said if words]
    assert len(taken) == 3
    assert all(n > 0 for n in taken)
    assert int((tmp_path / "count").read_text()) == sum(taken)


def test_who_asks_stands_in_nobodys_way(tmp_path: Path) -> None:
    """Asking locks the file for a moment, which another who asks must not take for a holder."""
    (tmp_path / "x").touch()
    stop, said = threading.Event(), list[bool]()

    def ask() -> None:
        while not stop.is_set():
            said.append(is_held(tmp_path / "x"))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    time.sleep(0.5)
    stop.set()
    for one in asking:
        one.join()
    assert not any(said)
    assert len(said) > 100
    assert (tmp_path / "x").exists()


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    began = time.monotonic()
    assert not is_held(tmp_path / "x")
    with pytest.raises(OSError):
        LockFile(tmp_path / "x").take()
    assert time.monotonic() - began < 2.0


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").touch(0o644)
    (tmp_path / "x").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError):
        LockFile(tmp_path / "x").take()
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o644


def test_a_file_that_may_only_be_read_can_be_asked(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "x")
    assert lock.take()
    (tmp_path / "x").chmod(0o400)
    assert is_held(tmp_path / "x")
    lock.release()


def test_a_disk_that_knows_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some network drives: then nothing is taken for granted."""

    def refuse(handle: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock, "lock_descriptor", refuse)
    (tmp_path / ".lock").touch()
    assert is_held(tmp_path / ".lock")
    with pytest.raises(OSError, match="No locks"):
        LockFile(tmp_path / ".lock").take()
    with pytest.raises(HiphingeError, match="cannot be written: No locks"):
        FolderLock(tmp_path).take()


def test_nothing_there(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "none/x")
    with pytest.raises(FileNotFoundError):
        LockFile(tmp_path / "none/x").take()


def test_a_file_that_cannot_be_removed_does_no_harm(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "x")
    assert lock.take()
    (tmp_path / "x").unlink()
    (tmp_path / "x").mkdir()
    lock.release()
    (tmp_path / "x").rmdir()


def test_a_sensor_is_one_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    with holder(tmp_path / "hiphinge-sensor-C00000000002.lock") as child:
        assert not Claim("C0:00:00:00:00:02").take()
        assert not Claim("c0:00:00:00:00:02").take()
        child.kill()
    claim, other = Claim("C0:00:00:00:00:02"), Claim("C0:00:00:00:00:03")
    assert claim.take()
    assert claim.take()
    assert other.take()
    claim.release()
    other.release()
    assert not any(tmp_path.iterdir())


def test_a_sensor_that_cannot_be_locked_counts_as_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    claim = Claim("C0:00:00:00:00:02")
    assert claim.take()
    claim.release()
