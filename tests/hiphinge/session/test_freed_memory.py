"""Memory that a session has freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

import hiphinge.session.in_progress as app
from hiphinge.session.in_progress import GIVE_BACK_EVERY_S, SessionInProgress
from tests.conftest import ROOT
from virtual_athlete import simulate

HOLES = """
from pathlib import Path
from hiphinge.session.freed_memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

blocks = [bytes(2000) for _ in range(50_000)]
kept = blocks[::100]
del blocks
before = resident()
give_back()
assert resident() < before - 60.0, (before, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")
def test_holes_between_what_is_kept_go_back() -> None:
    subprocess.run([sys.executable, "-c", HOLES], cwd=ROOT, check=True)


def test_a_session_gives_back_each_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at: list[float] = []
    monkeypatch.setattr(app, "give_back", lambda: at.append(running.now_s))
    simulated = simulate("demo", 2)
    running = SessionInProgress(tmp_path / "s", simulated.session)
    for begin in range(0, len(simulated.events), 50):
        running.take(simulated.events[begin : begin + 50])
    assert len(at) == int(running.now_s // GIVE_BACK_EVERY_S) > 0
    running.abandon()
