"""Sessions killed with SIGKILL at random moments: the recording opens, at most 1 s is missing, results come from it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from body_signals import Packets
from hiphinge.session.computation import compute
from ingest.recording.recorder import STRETCH_WINDOWS, read_recording
from tests.conftest import ROOT
from tests.contract.command_line import COMMAND, done, environment, tree

FILES = ("angles.parquet", "orientations.parquet", "repetitions.parquet", "summary.json")

CHILD = """
import sys, time
from pathlib import Path
from hiphinge.session.in_progress import SessionInProgress
from body_signals import Packets
from virtual_athlete import SimulatedAthlete
from tests.peers.event_frames import frames

folder, seed, speed = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
scenario = {"scenario": "training", "duration_s": 900.0} if speed else {"scenario": "demo"}
athlete = SimulatedAthlete(seed=seed, loss_probability=0.02, **scenario)
running = SessionInProgress(folder, athlete.session)
began = time.monotonic()
for frame in frames(athlete.events()):
    running.take(frame)
    last = frame[-1]
    taken_ns = int(last.arrival_ns[-1]) if isinstance(last, Packets) else last.arrival_ns
    sys.stdout.buffer.write(taken_ns.to_bytes(8, "little"))
    sys.stdout.buffer.flush()
    if speed:
        time.sleep(max(0.0, began + running.now_s / speed - time.monotonic()))
running.close()
"""
"""A session that tells, after each frame, the arrival time of the last event that it has taken.

At speed 0 it is short and gets to its end, else it is too long for that."""
THIRD_REPETITION_NS = 45_000_000_000
"""By then the short session has had its third repetition."""


@dataclass
class Running:
    folder: Path
    child: subprocess.Popen[bytes]
    first_ns: int = 0
    kill_at: float = 0.0
    taken_ns: int = 0


def start(folder: Path, seed: int, speed: float) -> Running:
    command = [sys.executable, "-c", CHILD, str(folder), str(seed), str(speed)]
    return Running(folder, subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE))


def said(running: Running, size: int = -1) -> bytes:
    assert running.child.stdout is not None
    return running.child.stdout.read(size)


def recorded_ns(recording: Path) -> tuple[int, int]:
    """Arrival of the first and the last event in a recording; every sequence number is there."""
    seqs: list[int] = []
    arrivals: list[int] = []
    for batch in read_recording(recording).batches():
        for event in batch:
            seqs += event.seq.tolist() if isinstance(event, Packets) else [event.seq]
            arrivals += event.arrival_ns.tolist() if isinstance(event, Packets) else [event.arrival_ns]
    assert sorted(seqs) == list(range(len(seqs)))
    return min(arrivals, default=0), max(arrivals, default=0)


def unfinished(folder: Path) -> list[dict]:
    """What the doctor says about sessions."""
    found = json.loads(done("doctor", "--sessions", folder, "--json", cwd=folder).stdout)
    names = [f["what"] for f in found]
    return found[names.index("sessions") : names.index("influxdb")]


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """One in real time, two quicker, two as fast as they go, which are also met while they close."""
    moments = random.Random(11)
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    running = [start(sessions / f"s{i}", i, speed) for i, speed in enumerate([1.0] + [12.0] * 2)]
    for one in running:
        one.first_ns = int.from_bytes(said(one, 8), "little")
    found = unfinished(sessions)
    assert [f["found"] for f in found] == [f"{sessions}: 0 unfinished"], "a running session was taken for an orphan"

    hasty = [start(sessions / f"s{i}", i, 0.0) for i in (3, 4)]
    for one in hasty:
        one.first_ns = int.from_bytes(said(one, 8), "little")
    now = time.monotonic()
    for one in running:
        one.kill_at = now + moments.uniform(0.0, 4.5)
    # the second may get to its end, and has repetitions also where the computer is slow
    for one, latest in zip(hasty, (6.0, 14.0), strict=True):
        one.kill_at = now + moments.uniform(0.25, 1.0) * latest
    for one in sorted([*running, *hasty], key=lambda r: r.kill_at):
        time.sleep(max(0.0, one.kill_at - time.monotonic()))
        if one is hasty[1]:
            while one.taken_ns - one.first_ns < THIRD_REPETITION_NS and (told := said(one, 8)):
                one.taken_ns = int.from_bytes(told, "little")
        one.child.kill()
    for one in [*running, *hasty]:
        told = said(one)
        told = told[: len(told) // 8 * 8]
        one.taken_ns = int.from_bytes(told[-8:], "little") if told else max(one.taken_ns, one.first_ns)
        assert one.child.wait() == -9 or one in hasty
        assert one.child.stdout is not None
        one.child.stdout.close()

    orphaned = [r.folder.name for r in [*running, *hasty] if not (r.folder / "review/summary.json").is_file()]
    assert len(orphaned) >= len(running) == 3
    for one in [*running, *hasty]:
        first_ns, last_ns = recorded_ns(one.folder / "recording.mcap")
        assert one.taken_ns - max(last_ns, one.first_ns) <= 1_000_000_000, one.folder.name
        assert last_ns == 0 or first_ns <= one.first_ns

    found = unfinished(sessions)
    assert found[0]["found"] == f"{sessions}: {len(orphaned)} unfinished"
    assert [f["what"] for f in found[1:]] == orphaned
    assert all(f["ok"] and f["found"].startswith("was not closed, results computed") for f in found[1:])
    assert [f["found"] for f in unfinished(sessions)] == [f"{sessions}: 0 unfinished"]

    repetitions = 0
    for one in [*running, *hasty]:
        recording = read_recording(one.folder / "recording.mcap")
        out = tmp_path / "again" / one.folder.name
        again = compute(recording.session, recording.batches(STRETCH_WINDOWS), out, one.folder.name, ("live",))
        repetitions += len(again["live"])
        for file in FILES:
            assert (one.folder / "live" / file).read_bytes() == (out / "live" / file).read_bytes(), one.folder.name
        assert tree(one.folder) - {".lock"} == {"session.toml", "recording.mcap", "live", "review"} | {
            f"{estimator}/{file}" for estimator in ("live", "review") for file in FILES
        }
    assert repetitions >= 3, "some of the killed sessions had repetitions in them"


def changed_ns(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.slow
def test_killed_while_recovering(tmp_path: Path) -> None:
    """The doctor is killed in the middle of its work; the next one does it all."""
    folder = tmp_path / "session"
    one = start(folder, 3, 0.0)
    said(one, 8 * 300)
    one.child.kill()
    said(one)
    one.child.wait()
    assert one.child.stdout is not None
    one.child.stdout.close()
    assert not (folder / "live/summary.json").exists()
    left_ns = changed_ns(folder / ".live.writing")
    doctor = subprocess.Popen([*COMMAND, "doctor", "--sessions", str(folder)], env=environment(), stdout=subprocess.DEVNULL)
    while changed_ns(folder / ".live.writing") <= left_ns and doctor.poll() is None:
        time.sleep(0.002)
    doctor.kill()
    assert doctor.wait() == -9
    assert not (folder / "review/summary.json").exists()
    found = unfinished(folder)
    assert [(f["what"], f["ok"]) for f in found] == [("sessions", True), ("session", True)]
    assert {f"{e}/{f}" for e in ("live", "review") for f in FILES} <= tree(folder)
    assert not [p for p in tree(folder) if p.startswith(".")]
