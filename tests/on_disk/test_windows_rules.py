"""Under the file rules of Windows, emulated: a lock is released, and the whole demo ends well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.links.bluetooth.claim import Claim
from on_disk import LockFile, is_held
from tests.conftest import ROOT
from tests.contract.command_line import environment
from tests.peers.windows_rules import windows_rules


@pytest.mark.parametrize("has_modes", [True, False])
def test_a_lock_is_released_without_removing_an_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_modes: bool
) -> None:
    monkeypatch.setattr("on_disk.locks.HAS_MODES", has_modes)
    with windows_rules() as refused:
        lock = LockFile(tmp_path / "x")
        assert lock.take()
        assert is_held(tmp_path / "x")
        with (tmp_path / "x").open("rb"):
            # somebody else looks at it: on Windows it then stays, and means nothing
            lock.release()
        assert not is_held(tmp_path / "x")
        assert lock.take()
        lock.release()
        assert not (tmp_path / "x").exists()
        assert has_modes or len(refused) == 1, "where it is known that it cannot be, it is not tried"


def test_a_sensor_belongs_to_one_program_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("on_disk.locks.HAS_MODES", False)
    with windows_rules() as refused:
        first, second = Claim("5D1F4C7E-9A11-4E0B-8E1A-0000000000AA"), Claim("5D1F4C7E-9A11-4E0B-8E1A-0000000000AA")
        assert first.take()
        assert not second.take()
        first.release()
        assert second.take()
        second.release()
        assert not refused


@pytest.mark.slow
def test_the_demo_ends_well(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.peers.windows_rules",
        "demo",
        "--no-page",
        "--speed",
        "0",
        "--out",
        str(tmp_path / "s"),
    ]
    ran = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    refused = [line for line in ran.stderr.splitlines() if line.startswith("refused: ")]
    assert all(line.endswith("/.lock") for line in refused), "and only where Linux allows it"
    assert (tmp_path / "s/report.html").is_file()
    assert not (tmp_path / "s/.lock").exists()
