"""Seconds per hour of four sensors at 100 Hz for the whole path, beside bare VQF over the same samples in the same run.

The whole path: raw v1 recording on disk → decoded, timed, oriented, aligned, joint angles, repetitions → tables on disk.
Figures are ratios of the two, taken alternately, median over the rounds; simulated data. Seconds are processor time, of all
threads: what else runs on the machine then counts little, and writing tables beside the computing is not free. Other programs
that are installed stand in the same table (`benchmarks.speed_peers`).
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import vqf

from benchmarks.speed_peers import peer_seconds
from body_signals import CALIBRATE, Mark, Packets, SampleBlock, Session, TimedBlock, UtcAnchor
from body_signals.blocks import Floats
from dsp.live import LivePipeline
from dsp.review import ReviewPipeline
from firmware_protocol.registry import codec_for
from hiphinge.session.computation import compute
from ingest.recording.recorder import STRETCH_WINDOWS, Recorder, read_recording
from tests.dsp.sessions import block
from virtual_athlete import SimulatedAthlete, to_plain


def record(folder: Path, hours: float, samples_per_packet: int) -> Path:
    """A simulated training as a v1 recording."""
    folder.mkdir(exist_ok=True)
    path = folder / f"training-{samples_per_packet}.mcap"
    athlete = SimulatedAthlete("training", 7, duration_s=hours * 3600.0, samples_per_packet=samples_per_packet)
    with Recorder(path, athlete.session, sync=False) as recorder:
        for event in athlete.events():
            recorder.append(event)
    return path


def samples_of(recording: Path) -> list[tuple[Floats, Floats]]:
    """Rates and specific forces (n, 3) of each sensor of a recording, decoded and in memory."""
    opened = read_recording(recording)
    codecs = {sensor.key: codec_for(sensor.family) for sensor in opened.session.sensors}
    blocks: dict[str, list[SampleBlock]] = {key: [] for key in codecs}
    for batch in opened.batches(STRETCH_WINDOWS):
        for event in batch:
            if isinstance(event, Packets):
                blocks[event.sensor].extend(codecs[event.sensor].feed_packets(event.data, event.lengths))
    return [
        (np.concatenate([b.gyr for b in of_one if b.gyr is not None]), np.concatenate([b.acc for b in of_one]))
        for of_one in blocks.values()
    ]


def marks_of(recording: Path) -> list[float]:
    """Session times of the calibrate marks of a recording."""
    opened = read_recording(recording)
    events = [event for batch in opened.batches(STRETCH_WINDOWS) for event in batch]
    zero = next(event.arrival_ns for event in events if isinstance(event, UtcAnchor))
    return [(e.arrival_ns - zero) / 1e9 for e in events if isinstance(e, Mark) and e.label == CALIBRATE]


def bare_seconds(samples: list[tuple[Floats, Floats]], offline: bool) -> float:
    """VQF over the same samples, already in memory: each sensor in one batch."""
    began = time.process_time()
    for gyr, acc in samples:
        if offline:
            vqf.offlineVQF(gyr, acc, None, 0.01)
        else:
            vqf.VQF(0.01).updateBatch(gyr, acc)
    return time.process_time() - began


STRETCH_S = 120.0
"""How much the mathematics is given at a time, as in a replay."""


def blocks_of(samples: list[tuple[Floats, Floats]], keys: Sequence[str], rate_hz: float = 100.0) -> list[list[TimedBlock]]:
    """The samples as blocks in memory, stretch by stretch: a time line without jitter, every sample an event.

    Crystals differ, so the sensors have not the same number of samples; they all end together, as they were worn.
    """
    stretch, most = round(STRETCH_S * rate_hz), max(len(gyr) for gyr, _ in samples)
    stretches = []
    for first in range(0, most, stretch):
        blocks = []
        for i, (key, (gyr, acc)) in enumerate(zip(keys, samples, strict=True)):
            at = np.arange(first, min(first + stretch, len(gyr)))
            zeros, restart = np.zeros(len(at), np.int64), at == 0
            device_s = at / rate_hz
            time_s = device_s * (most / len(gyr))
            seq = at * len(samples) + i
            part = slice(first, first + len(at))
            saturated = np.zeros(len(at), np.bool_)
            own = acc[part], gyr[part], None, zeros, saturated, restart
            blocks.append(TimedBlock(key, rate_hz, seq, time_s, device_s, *own))
        stretches.append(blocks)
    return stretches


def dsp_seconds(session: Session, stretches: list[list[TimedBlock]], marks: list[float], estimator: str) -> float:
    """The mathematics alone, from arrays in memory to rows, orientations and repetitions in memory."""
    pipeline = (LivePipeline if estimator == "live" else ReviewPipeline)(session.sensors, session.body)
    events = [
        (np.sort(np.concatenate([b.seq for b in blocks])), np.sort(np.concatenate([b.time_s for b in blocks])))
        for blocks in stretches
    ]
    began = time.process_time()
    for blocks, (seq, time_s) in zip(stretches, events, strict=True):
        pipeline.feed(blocks, marks, seq, time_s)
        marks = []
    pipeline.finish()
    return time.process_time() - began


def streamed_share(rate_hz: float = 200.0, packet: int = 8) -> float:
    """Share of one core that the live mathematics takes while four sensors stream: a call for each of their packets, in the
    order in which they would arrive. Simulated mixed training of three minutes, processor time of the calls."""
    session, samples = to_plain("mixed", 7, rate_hz=rate_hz)
    pipeline = LivePipeline(session.sensors, session.body)
    marks = [m.time_s for m in session.marks if m.label == CALIBRATE]
    packets = sorted(
        (float(s.time_s[min(first + packet, len(s.time_s)) - 1]), i, key, first)
        for i, (key, s) in enumerate(samples.items())
        for first in range(i * packet // len(samples), len(s.time_s), packet)
    )
    used = 0.0
    for arrival_s, i, key, first in packets:
        s, part = samples[key], slice(first, first + packet)
        sent = block(key, i, s.time_s[part], s.acc[part], s.gyr[part], rate_hz=rate_hz, saturated=s.saturated[part])
        now = [m for m in marks if m <= arrival_s]
        marks = [m for m in marks if m > arrival_s]
        began = time.process_time()
        pipeline.feed([sent], now, sent.seq[-1:], sent.time_s[-1:])
        used += time.process_time() - began
    return used / packets[-1][0]


def path_seconds(recording: Path, estimator: str) -> float:
    """The whole path once."""
    out = Path(tempfile.mkdtemp())
    began = time.process_time()
    opened = read_recording(recording)
    compute(opened.session, opened.batches(STRETCH_WINDOWS), out, "benchmark", (estimator,))
    seconds = time.process_time() - began
    shutil.rmtree(out)
    return seconds


def alternately(rounds: int, a: Callable[[], float], b: Callable[[], float]) -> tuple[float, float, float]:
    """Median seconds of a and of b, and the median of their ratios, taken in turn."""
    pairs = [(a(), b()) for _ in range(rounds)]
    return (
        statistics.median(x for x, _ in pairs),
        statistics.median(y for _, y in pairs),
        statistics.median(x / y for x, y in pairs),
    )


def watched_megabytes(recording: Path, estimator: str) -> float:
    """Run the whole path here; the largest own memory of this process meanwhile, looked at every 10 ms.

    Pages of mapped files do not count: the system takes them back when it needs them. NaN where there is no /proc.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return math.nan
    done = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not done.wait(0.01):
            seen.extend(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        path_seconds(recording, estimator)
    finally:
        done.set()
        watcher.join()
    return max(seen, default=0) / 1024


def peak_megabytes(recording: Path, estimator: str) -> float:
    """Peak memory of a process of its own that runs the whole path; see `watched_megabytes`."""
    # its own ru_maxrss would say this process's peak, which a child inherits
    program = (
        "import sys\nfrom pathlib import Path\nfrom benchmarks.speed import watched_megabytes\n"
        "print(watched_megabytes(Path(sys.argv[1]), sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(recording), estimator], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def main(hours: float = 1.0, rounds: int = 3, long_hours: float = 4.0) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print(f"Four simulated sensors at 100 Hz, {hours:g} h, from a v1 recording to tables on disk; median of {rounds}")
        print(f"{'packets':22s} {'estimator':9s} {'path s/h':>9s} {'bare VQF s/h':>13s} {'ratio':>6s}  bar")
        recordings = {count: record(folder, hours, count) for count in (8, 1)}
        for count, recording in recordings.items():
            samples = samples_of(recording)
            for estimator, bar in (("live", {8: "<= 4.0", 1: "<= 5.5"}), ("review", {8: "<= 2.2", 1: "<= 2.2"})):
                offline = estimator == "review"
                path, bare, ratio = alternately(
                    rounds,
                    lambda r=recording, e=estimator: path_seconds(r, e),  # type: ignore[misc]
                    lambda o=offline, s=samples: bare_seconds(s, o),  # type: ignore[misc]
                )
                shown = f"{count} sample(s) a packet"
                peer = "offlineVQF" if offline else "VQF batch"
                print(
                    f"{shown:22s} {estimator:9s} {path / hours:9.2f} {bare / hours:9.2f} {peer[:3]} {ratio:6.2f}  "
                    f"{bar[count]} x {peer}",
                    flush=True,
                )
        short, long = recordings[8], None
        samples, opened = samples_of(short), read_recording(short)
        stretches = blocks_of(samples, [sensor.key for sensor in opened.session.sensors])
        marks = marks_of(short)
        for estimator, aim in (("live", "<= 2.2"), ("review", "printed")):
            offline = estimator == "review"
            own, bare, ratio = alternately(
                rounds,
                lambda e=estimator: dsp_seconds(opened.session, stretches, marks, e),  # type: ignore[misc]
                lambda o=offline: bare_seconds(samples, o),  # type: ignore[misc]
            )
            peer = "offlineVQF" if offline else "VQF batch"
            row = f"{own / hours:9.2f} {bare / hours:9.2f} {peer[:3]} {ratio:6.2f}  {aim} x {peer}"
            print(f"{'mathematics alone':22s} {estimator:9s} {row}", flush=True)
        for peer, took in peer_seconds(samples, 100.0):
            print(f"{peer:32s} {took if isinstance(took, str) else f'{took:9.2f}'}", flush=True)
        share = statistics.median(streamed_share() for _ in range(min(rounds, 3)))
        print(
            f"live mathematics, a call for each packet of 8 samples of four sensors at 200 Hz: {share:.1%} of one core (<= 5 %)"
        )
        for estimator in ("live", "review"):
            if long_hours > hours:
                long = long or record(folder / "long", long_hours, 8)
                seconds = path_seconds(long, estimator)
                print(f"{long_hours:g} h in one go, {estimator}: {seconds:.1f} s (<= 16 s for 8 h)", flush=True)
        for estimator in ("live", "review"):
            print(f"peak memory {estimator}: {hours:g} h {peak_megabytes(short, estimator):.0f} MB", end="")
            if long_hours > hours:
                long = long or record(folder / "long", long_hours, 8)
                print(f", {long_hours:g} h {peak_megabytes(long, estimator):.0f} MB", end="")
            print(flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long-hours", type=float, default=4.0, help="length for the memory figure")
    given = parser.parse_args()
    main(given.hours, given.rounds, given.long_hours)
