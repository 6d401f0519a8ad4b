"""Memory that a session has freed goes back to the system; what computes a recording keeps it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import hiphinge.session.in_progress as app
from hiphinge.session import freed_memory
from hiphinge.session.computation import compute
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


AGAIN = """
import resource
from hiphinge.session.freed_memory import keep

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        bytearray(3_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = faults()
keep()
faults()
assert without > 20_000 > 1000 > faults(), without
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")
def test_what_was_freed_is_used_again_whatever_the_process_was_started_with() -> None:
    dask = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    subprocess.run([sys.executable, "-c", AGAIN], cwd=ROOT, env=dask, check=True)


def test_what_computes_a_recording_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(freed_memory, "keep", lambda: asked.append(True))
    simulated = simulate("demo", 2)
    compute(simulated.session, [simulated.events[:1000]], tmp_path, "s", ["live"])
    assert asked


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
