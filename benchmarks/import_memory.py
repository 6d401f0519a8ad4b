"""Memory and speed of an import, by the size of the file: memory must not grow with it.

    python -m benchmarks.import_memory [--format csv] [--sizes 32 256 1024]     sizes of the file in MB

Each import runs in a process of its own, as `hiphinge import` does; its peak is the largest resident set that the system has
seen. The file is a sensor that turns, at 400 Hz with seven columns; so 2 GB of CSV are a day. Of the formats only `mat` is read
whole.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from body_signals import G0, Floats
from tests.ingest.formats.cwa_files import NOON, Ax, stamp
from tests.ingest.formats.turning import Turning

MAPPING = """time = { column = "t", unit = "s" }
acc = { columns = ["ax", "ay", "az"], unit = "m/s2" }
gyr = { columns = ["gx", "gy", "gz"], unit = "rad/s" }
"""
ARRAYS = """time = { column = "t", unit = "s" }
acc = { columns = ["acc"], unit = "m/s2" }
gyr = { columns = ["gyr"], unit = "rad/s" }
"""
_RATE_HZ = 400
_TURN = 100_000
"""Samples after which the movement repeats: 250 s."""


def movement() -> Turning:
    """The samples that repeat."""
    time_s = np.arange(_TURN) / _RATE_HZ
    angles = np.column_stack((10 * np.sin(0.9 * time_s), 50 * np.sin(1.57 * time_s), 25 * np.sin(1.19 * time_s)))
    turned = Rotation.from_euler("ZYX", angles, degrees=True)
    gyr = np.vstack(((turned[:-1].inv() * turned[1:]).as_rotvec() * _RATE_HZ, np.zeros(3)))
    acc = turned.inv().apply([0.0, 0.0, G0])
    return Turning(time_s, acc, gyr, turned.as_quat(scalar_first=True), np.zeros((_TURN, 3)))


def write_csv(folder: Path, megabytes: int) -> Path:
    """A CSV file with its mapping beside it."""
    (folder / "map.toml").write_text(MAPPING)
    one = movement()
    rows = _cells(np.column_stack((one.acc, one.gyr)), ",")
    table = _Table(folder / "pelvis.csv", "t,ax,ay,az,gx,gy,gz\n", ",", rows, lambda i: f"{i / _RATE_HZ:.4f}")
    return _written([table], megabytes)


def write_xsens(folder: Path, megabytes: int) -> Path:
    """An export of MT Manager with its orientation."""
    one = movement()
    names = [*(f"{of}_{axis}" for of in ("Acc", "Gyr") for axis in "XYZ"), *(f"Quat_q{i}" for i in range(4))]
    head = "// Update Rate: 400.0Hz\n" + "\t".join(["PacketCounter", *names]) + "\n"
    rows = _cells(np.column_stack((one.acc, one.gyr, one.quat)), "\t")
    return _written([_Table(folder / "MT_0120_000_00B42279.txt", head, "\t", rows, lambda i: str(i % 65536))], megabytes)


def write_ximu3(folder: Path, megabytes: int) -> Path:
    """A log of the inertial sensors and the orientation."""
    one = movement()
    log = folder / "pelvis 64F0EDBF (UDP)"
    log.mkdir()
    names = [f"{of} {axis} ({unit})" for of, unit in (("Gyroscope", "deg/s"), ("Accelerometer", "g")) for axis in "XYZ"]
    of_file = {
        "Inertial.csv": (names, np.column_stack((np.degrees(one.gyr), one.acc / G0))),
        "Quaternion.csv": (list("WXYZ"), one.quat),
    }
    tables = []
    for file, (columns, values) in of_file.items():
        head = ",".join(["Timestamp (us)", *columns]) + "\n"
        tables.append(_Table(log / file, head, ",", _cells(values, ","), lambda i: str(917_000_000 + 2500 * i)))
    _written(tables, megabytes)
    return folder


def write_axivity(folder: Path, megabytes: int) -> Path:
    """A recording of an AX6."""
    ax = Ax(rate_hz=float(_RATE_HZ), rate_code=12 | 64)
    once = np.frombuffer(b"".join(ax.sectors(ax.counts(movement()))), "<u2").reshape(-1, 256).copy()
    path = folder / "CWA-DATA.CWA"
    with path.open("wb") as file:
        file.write(ax.head())
        first = [_word(once[:, 7:9])]
        sequence = 0
        for turn in range(max(1, megabytes * 1_000_000 // once.nbytes)):
            _set_words(once[:, 5:7], sequence + np.arange(len(once)))
            sequence += len(once)
            if turn:
                _set_words(once[:, 7:9], _later(first[0], turn * _TURN // _RATE_HZ))
            once[:, 255] = 0
            once[:, 255] = -once.sum(axis=1, dtype=np.int64) & 0xFFFF
            file.write(once.tobytes())
    return path


def _word(pairs: np.ndarray) -> np.ndarray:
    return pairs[:, 0].astype(np.int64) | pairs[:, 1].astype(np.int64) << 16


def _set_words(pairs: np.ndarray, words: np.ndarray) -> None:
    pairs[:, 0], pairs[:, 1] = words & 0xFFFF, words >> 16


def _later(stamps: np.ndarray, seconds: int) -> np.ndarray:
    """Packed dates (n,) of a recording that begins at `NOON`, moved by whole seconds."""
    whole = NOON.replace(microsecond=0)
    found = {
        stamp(whole + timedelta(seconds=s)): stamp(whole + timedelta(seconds=s + seconds)) for s in range(_TURN // _RATE_HZ + 2)
    }
    return np.array([found[int(one)] for one in stamps])


def write_mat(folder: Path, megabytes: int) -> Path:
    """Arrays of doubles, not compressed, with their mapping beside them."""
    (folder / "map.toml").write_text(ARRAYS)
    one, n = movement(), megabytes * 1_000_000 // 56
    at = np.arange(n) % _TURN
    savemat(folder / "pelvis.mat", {"t": np.arange(n) / _RATE_HZ, "acc": one.acc[at], "gyr": one.gyr[at]})
    return folder / "pelvis.mat"


def _cells(values: Floats, delimiter: str) -> list[str]:
    return [delimiter.join(f"{value:.6f}" for value in row) for row in values]


@dataclass(frozen=True)
class _Table:
    """A text file: its head, and rows again and again, each after a stamp that the number of the sample gives."""

    path: Path
    head: str
    delimiter: str
    rows: list[str]
    stamped: Callable[[int], str]

    def lines(self, turn: int) -> Iterator[str]:
        first = turn * len(self.rows)
        return (f"{self.stamped(first + i)}{self.delimiter}{row}\n" for i, row in enumerate(self.rows))


def _written(tables: list[_Table], megabytes: int) -> Path:
    """The tables, of about this size together and with as many rows each; the first one's path."""
    turns = round(megabytes * 1e6 / sum(len(line) for table in tables for line in table.lines(0)))
    for table in tables:
        with table.path.open("w") as file:
            file.write(table.head)
            for turn in range(max(1, turns)):
                file.writelines(table.lines(turn))
    return tables[0].path


FORMATS: dict[str, Callable[[Path, int], Path]] = {
    "csv": write_csv,
    "xsens-mt": write_xsens,
    "ximu3": write_ximu3,
    "axivity": write_axivity,
    "mat": write_mat,
}


def imported(
    name: str, source: Path, folder: Path, said: multiprocessing.queues.Queue[tuple[float, float, float, int]]
) -> None:
    """Imports the file in this process; its seconds on the clock and of computing, its peak in MB and the samples."""
    from hiphinge.session.plain.plausible_input import check_imported
    from ingest.formats import import_session, write_plain

    mapping = folder / "map.toml"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    began, computed = time.monotonic(), time.process_time()
    session = import_session(name, source, mapping=mapping if mapping.exists() else None, scratch=folder)
    check_imported(session)
    write_plain(folder / "out", session.session, session.samples)
    seconds, computed = time.monotonic() - began, time.process_time() - computed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    said.put((seconds, computed, peak - before, sum(len(one) for one in session.samples.values())))


def main(name: str, sizes: list[int]) -> bool:
    """Prints a line for each size; False where the largest file takes much more memory than the smallest."""
    print(f"{name}: file, MB    samples   on the clock   computing   MB per s of computing   peak above the start, MB")
    peaks = list(_peaks(name, sizes))
    return peaks[-1] < peaks[0] + 250.0


def _peaks(name: str, sizes: list[int]) -> Iterator[float]:
    context = multiprocessing.get_context("spawn")
    for megabytes in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            source = FORMATS[name](folder, megabytes)
            said = context.Queue()
            process = context.Process(target=imported, args=(name, source, folder, said))
            process.start()
            seconds, computed, peak, samples = said.get()
            process.join()
            row = f"{megabytes:8d} {samples:10,d} {seconds:12.1f} s {computed:9.1f} s {megabytes / computed:23.1f} {peak:26.0f}"
            print(row, flush=True)
            yield peak


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_memory", description=__doc__)
    parser.add_argument("--format", choices=FORMATS, default="csv")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 256, 1024])
    said = parser.parse_args()
    sys.exit(0 if main(said.format, said.sizes) else 1)
