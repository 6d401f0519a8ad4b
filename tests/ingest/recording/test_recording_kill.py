"""A process that records in real time is killed, again and again: the file opens and at most 1 s is missing."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from body_signals import Packets
from ingest.recording.recorder import read_recording

ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from ingest.recording.recorder import Recorder
from body_signals import Heartbeat, Packets, Placement, Sensor, Session

session = Session(datetime.now(UTC), "a", tuple(Sensor(p, family="hiphinge-v1") for p in Placement if p != "other"))
recorder = Recorder(Path(sys.argv[1]), session)
keys = [s.key for s in session.sensors]
seq, beat = 0, time.monotonic_ns()
while True:
    for key in keys:
        recorder.append(Packets.one(key, seq, time.monotonic_ns(), seq.to_bytes(8, "little") * 14))
        seq += 1
    if time.monotonic_ns() >= beat:
        recorder.append(Heartbeat(seq, time.monotonic_ns()))
        seq, beat = seq + 1, beat + 100_000_000
    sys.stdout.buffer.write(time.monotonic_ns().to_bytes(8, "little"))
    sys.stdout.buffer.flush()
    time.sleep(0.01)
"""


def start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(path)], cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_killed_at_any_moment_loses_at_most_a_second(tmp_path: Path) -> None:
    """Twenty children, killed with SIGKILL after 0 to 2.5 s of recording. What they reported last is the truth."""
    moments = random.Random(5)
    for _ in range(5):
        paths = [tmp_path / f"{i}-{moments.random()}.mcap" for i in range(4)]
        children = [start(path) for path in paths]
        first = []
        for child in children:
            assert child.stdout is not None
            first.append(child.stdout.read(8))  # it records
        due = [(time.monotonic() + moments.uniform(0.0, 2.5), child) for child in children]
        for moment, child in sorted(due, key=lambda d: d[0]):
            time.sleep(max(0.0, moment - time.monotonic()))
            child.kill()
        for path, child, began in zip(paths, children, first, strict=True):
            assert child.stdout is not None
            said = began + child.stdout.read()
            assert child.wait() == -9
            child.stdout.close()
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
