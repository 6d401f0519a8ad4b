"""A process that records in real time is killed, again and again: the file opens and at most 1 s is missing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from body_signals import Packets
from ingest.recording.recorder import read_recording

ROOT = Path(__file__).resolve().parents[3]

RECORDERS = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from ingest.recording.recorder import Recorder
from body_signals import Heartbeat, Packets, Placement, Sensor, Session

# the program is imported once, and each recorder is a process of its own
while True:
    word, _, value = sys.stdin.readline().strip().partition(" ")
    if word == "record":
        if not (child := os.fork()):
            break
        print(child, flush=True)
    elif word == "ended":
        print(os.waitstatus_to_exitcode(os.waitpid(int(value), 0)[1]), flush=True)
    else:
        sys.exit()

said = open(value + ".said", "wb", buffering=0)
session = Session(datetime.now(UTC), "a", tuple(Sensor(p, family="hiphinge-v1") for p in Placement if p != "other"))
recorder = Recorder(Path(value), session)
keys = [s.key for s in session.sensors]
seq, beat = 0, time.monotonic_ns()
while True:
    for key in keys:
        recorder.append(Packets.one(key, seq, time.monotonic_ns(), seq.to_bytes(8, "little") * 14))
        seq += 1
    if time.monotonic_ns() >= beat:
        recorder.append(Heartbeat(seq, time.monotonic_ns()))
        seq, beat = seq + 1, beat + 100_000_000
    said.write(time.monotonic_ns().to_bytes(8, "little"))
    time.sleep(0.01)
"""


class Recorders:
    """Processes that record."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", RECORDERS], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._running: set[int] = set()

    def __enter__(self) -> Recorders:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in list(self._running):
            self.kill(pid)
        self._parent.communicate("end\n", timeout=20.0)

    def start(self, path: Path) -> int:
        """A further one; its process id."""
        pid = self._asked(f"record {path}")
        self._running.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self._running.remove(pid)

    def ended(self, pid: int) -> int:
        """How it ended."""
        return self._asked(f"ended {pid}")

    def _asked(self, words: str) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(words + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


def said_by(path: Path) -> bytes:
    """The times that the recorder of `path` has told, 8 bytes each."""
    file = path.with_name(path.name + ".said")
    return file.read_bytes() if file.exists() else b""


@pytest.mark.slow
def test_killed_at_any_moment_loses_at_most_a_second(tmp_path: Path) -> None:
    """Twenty processes, killed with SIGKILL after 0 to 2.5 s of recording. What they reported last is the truth."""
    moments = random.Random(5)
    with Recorders() as recorders:
        for _ in range(5):
            paths = [tmp_path / f"{i}-{moments.random()}.mcap" for i in range(4)]
            pids = [recorders.start(path) for path in paths]
            until = time.monotonic() + 20.0
            while not all(len(said_by(path)) >= 8 for path in paths):
                assert time.monotonic() < until, "they record"
                time.sleep(0.005)
            due = [(time.monotonic() + moments.uniform(0.0, 2.5), pid) for pid in pids]
            for moment, pid in sorted(due):
                time.sleep(max(0.0, moment - time.monotonic()))
                recorders.kill(pid)
            for path, pid in zip(paths, pids, strict=True):
                assert recorders.ended(pid) == -9
                said = said_by(path)
                said = said[: len(said) // 8 * 8]
                check(path, int.from_bytes(said[:8], "little"), int.from_bytes(said[-8:], "little"))


def check(path: Path, first_ns: int, last_ns: int) -> None:
    """first_ns, last_ns: what the child said after its first and its last event."""
    recording = read_recording(path)
    seqs: list[int] = []
    arrivals = [first_ns]
    for batch in recording.batches():
        for event in batch:
            if isinstance(event, Packets):
                for seq, at, payload in event:
                    assert payload == seq.to_bytes(8, "little") * 14
                    seqs.append(seq)
                    arrivals.append(at)
            else:
                seqs.append(event.seq)
                arrivals.append(event.arrival_ns)
    assert sorted(seqs) == list(range(len(seqs)))
    assert not recording.complete
    assert len(recording.warnings) == 1
    assert last_ns - max(arrivals) <= 1_000_000_000
