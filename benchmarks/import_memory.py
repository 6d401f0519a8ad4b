"""Memory and speed of an import, by the size of the file: memory must not grow with it.

    python -m benchmarks.import_memory [--sizes 32 256 1024]     sizes of the CSV file in MB

Each import runs in a process of its own, as `hiphinge import csv` does; its peak is the largest resident set that the
system has seen. The file is a sensor that turns, at 400 Hz with seven columns; so 2 GB are a day.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from body_signals import G0

MAPPING = """time = { column = "t", unit = "s" }
acc = { columns = ["ax", "ay", "az"], unit = "m/s2" }
gyr = { columns = ["gx", "gy", "gz"], unit = "rad/s" }
"""
_RATE_HZ = 400
_TURN = 100_000
"""Lines after which the movement repeats."""


def write(path: Path, megabytes: int) -> int:
    """A CSV file of about this size; its lines."""
    time_s = np.arange(_TURN) / _RATE_HZ
    angles = np.column_stack((10 * np.sin(0.9 * time_s), 50 * np.sin(1.57 * time_s), 25 * np.sin(1.19 * time_s)))
    turned = Rotation.from_euler("ZYX", angles, degrees=True)
    gyr = np.vstack(((turned[:-1].inv() * turned[1:]).as_rotvec() * _RATE_HZ, np.zeros(3)))
    rows = np.column_stack((turned.inv().apply([0.0, 0.0, G0]), gyr))
    ends = [",".join(f"{value:.6f}" for value in row) for row in rows]
    lines = 0
    with path.open("w") as file:
        file.write("t,ax,ay,az,gx,gy,gz\n")
        while file.tell() < megabytes * 1_000_000:
            block = [f"{(lines + i) / _RATE_HZ:.4f},{end}\n" for i, end in enumerate(ends)]
            file.writelines(block)
            lines += len(block)
    return lines


def imported(folder: Path, said: multiprocessing.queues.Queue[tuple[float, float, float, int]]) -> None:
    """Imports the file in this process; its seconds on the clock and of computing, its peak in MB and the samples."""
    from hiphinge.session.plain.plausible_input import check_imported
    from ingest.formats import import_session, write_plain

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    began, computed = time.monotonic(), time.process_time()
    session = import_session("csv", folder / "pelvis.csv", mapping=folder / "map.toml", scratch=folder)
    check_imported(session)
    write_plain(folder / "out", session.session, session.samples)
    seconds, computed = time.monotonic() - began, time.process_time() - computed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    said.put((seconds, computed, peak - before, len(session.samples["pelvis"])))


def main(sizes: list[int]) -> bool:
    """Prints a line for each size; False where the largest file takes much more memory than the smallest."""
    print("file, MB    samples   on the clock   computing   MB per s of computing   peak above the start, MB")
    context = multiprocessing.get_context("spawn")
    peaks = []
    for megabytes in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder / "pelvis.csv", megabytes)
            (folder / "map.toml").write_text(MAPPING)
            said = context.Queue()
            process = context.Process(target=imported, args=(folder, said))
            process.start()
            seconds, computed, peak, samples = said.get()
            process.join()
            peaks.append(peak)
            row = f"{megabytes:8d} {samples:10,d} {seconds:12.1f} s {computed:9.1f} s {megabytes / computed:23.1f} {peak:26.0f}"
            print(row, flush=True)
    return peaks[-1] < peaks[0] + 250.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_memory", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 256, 1024])
    sys.exit(0 if main(parser.parse_args().sizes) else 1)
