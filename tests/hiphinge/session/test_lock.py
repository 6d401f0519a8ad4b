"""Who is writing a session folder: known while the program lives, forgotten when it dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.session.lock import FolderLock, is_running
from tests.conftest import ROOT

HOLDER = """
import sys
from pathlib import Path
from hiphinge.session.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.read()
"""


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert not is_running(tmp_path)
    assert first.take()
    assert is_running(tmp_path)
    assert not second.take()
    second.release()
    assert is_running(tmp_path)
    first.release()
    assert not is_running(tmp_path)
    assert not any(tmp_path.iterdir())
    assert second.take()
    second.release()


def test_asking_changes_nothing(tmp_path: Path) -> None:
    """A lock file that a killed program left stays where it is, and can be taken."""
    (tmp_path / ".lock").touch()
    assert not is_running(tmp_path)
    assert (tmp_path / ".lock").exists()
    lock = FolderLock(tmp_path)
    assert lock.take()
    lock.release()


def test_a_program_that_is_killed_lets_go(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        assert is_running(tmp_path)
        assert not FolderLock(tmp_path).take()
        child.kill()
    assert not is_running(tmp_path)
    lock = FolderLock(tmp_path)
    assert lock.take()
    lock.release()


def test_no_folder(tmp_path: Path) -> None:
    assert not is_running(tmp_path / "nowhere")
    with pytest.raises(HiphingeError, match="cannot be written"):
        FolderLock(tmp_path / "nowhere").take()
