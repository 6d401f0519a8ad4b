"""Format ``xsens-opensense``: text exports of Xsens MT Manager, one file for each sensor.

Header lines beginning with ``//`` (update rate, firmware), then tab-separated columns. PacketCounter, which wraps at 65536
and is shared by the sensors, gives the time. Needed are Acc_X, Acc_Y, Acc_Z (m/s²) and either the device's orientation,
sensor → earth, z up, as Mat[row][column] or Quat_q0 … q3, or Gyr_X, Gyr_Y, Gyr_Z (rad/s). Columns without any value
count as missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from body_signals import Floats, HiphingeError
from ingest.formats.imported import ONLY, Gathering, ImportedSession, check_source
from ingest.formats.number_table import NumberTable, place, read_header, read_numbers
from ingest.formats.samples import PlainSamples
from on_disk import open_file

_COUNTER = "PacketCounter"
_WRAP = 65536
"""Packet counters have 16 bits."""
_MOST_COMMENTS = 100
"""Lines of comment before the table (ours)."""
_HEAD_BYTES = 8192
"""Bytes at the beginning of a file in which its comments are (ours)."""
_ACC = ("Acc_X", "Acc_Y", "Acc_Z")
_GYR = ("Gyr_X", "Gyr_Y", "Gyr_Z")
_MATRIX = tuple(f"Mat[{row}][{column}]" for row in (1, 2, 3) for column in (1, 2, 3))
_QUATS = (("Quat_q0", "Quat_q1", "Quat_q2", "Quat_q3"), ("Quat_w", "Quat_x", "Quat_y", "Quat_z"))
_ORTHONORMAL = 0.05
"""Largest deviation of a rotation matrix from an orthonormal one (ours)."""
_REMEDY = "Export again with packet counter, acceleration and orientation."


def import_xsens(path: Path, mapping: Path | None, placements: Mapping[str, str]) -> ImportedSession:
    """The session of the export at `path`, a file or a folder of them; placements by serial number.

    Sensors without a stated placement are ``other``, named by their serial number.
    """
    del mapping
    check_source(path)
    files = [path] if path.is_file() else sorted(path.glob("MT*.txt")) or sorted(path.glob("*.txt"))
    if not files:
        raise HiphingeError("no MT Manager export", str(path), "Give the folder that holds the MT_….txt files.")
    read = [_read(file) for file in files]
    first = [int(table.columns[_COUNTER][0]) for table, _, _ in read]
    # offset to the first file, taken as the nearer way around the wrap
    offset = [(count - first[0] + _WRAP // 2) % _WRAP - _WRAP // 2 for count in first]
    gathering = Gathering(path, placements)
    unplaced = []
    for (table, rate_hz, orientation), begin in zip(read, offset, strict=True):
        count = begin - min(offset) + _unwrapped(table)
        samples = PlainSamples(
            count / rate_hz,
            table.group(_ACC),
            table.group(_GYR) if _GYR[0] in table.columns else None,
            _orientation(table, orientation),
        )
        serial = table.path.stem.rsplit("_", 1)[-1]
        if serial not in placements and ONLY not in placements:
            unplaced.append(serial)
        gathering.add(gathering.sensor([serial, table.path.stem, table.path.name], None, serial), samples, table)
    if unplaced:
        gathering.notes.append(f"worn where? {', '.join(unplaced)}: say --placement {unplaced[0]}=pelvis and so on")
    return gathering.finish(None, None, local_start=min((at for file in files if (at := _begun(file))), default=None))


def _begun(path: Path) -> datetime | None:
    """The start of the recording, without a zone, if a comment line states it; usually it says *Unknown*."""
    with open_file(path) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    found = re.search(r"^//\s*Start Time:\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*$", head, re.MULTILINE)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _read(path: Path) -> tuple[NumberTable, float, tuple[str, ...]]:
    """The table, the update rate in Hz and the columns of the orientation (empty when there is none)."""
    comments, rate_hz = _preamble(path)
    header = read_header(path, "\t", comments)
    filled = _filled(path, header, comments)
    orientation = next((names for names in (_MATRIX, *_QUATS) if set(names) <= filled), ())
    gyr = _GYR if set(_GYR) <= filled else ()
    if not orientation and not gyr:
        raise HiphingeError(
            "neither orientation (Mat[1][1] … Mat[3][3], Quat_q0 … Quat_q3) nor Gyr_X, Gyr_Y, Gyr_Z has values",
            place(path, comments + 1),
            _REMEDY,
        )
    table = read_numbers(path, (_COUNTER, *_ACC, *gyr, *orientation), "\t", comments, _REMEDY)
    return table, rate_hz, orientation


def _preamble(path: Path) -> tuple[int, float]:
    """Number of ``//`` lines, and the update rate."""
    comments, rate_hz = 0, None
    while (line := read_header(path, "\t", comments)[0]).startswith("//"):
        comments += 1
        if comments > _MOST_COMMENTS:
            raise HiphingeError("this file begins with nothing but comments", place(path, comments), "Export again.")
        found = re.search(r"Update Rate:\s*([0-9.]+)\s*Hz", line)
        if found:
            rate_hz = _rate(found.group(1))
    if not rate_hz:
        raise HiphingeError(
            "the update rate is not stated", place(path, 1), 'MT Manager writes "// Update Rate: 100.0Hz"; export again.'
        )
    return comments, rate_hz


def _rate(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _filled(path: Path, header: list[str], comments: int) -> set[str]:
    """Columns that have a value in the first data row."""
    try:
        cells = read_header(path, "\t", comments + 1)
    except HiphingeError:
        return set(header)  # no data row: reading the numbers reports it
    return {name for name, cell in zip(header, cells, strict=False) if cell}


def _unwrapped(table: NumberTable) -> Floats:
    """Packets (n,) since the first one of this file."""
    counter = table.columns[_COUNTER]
    wrong = np.flatnonzero((counter != np.rint(counter)) | (counter < 0) | (counter >= _WRAP))
    if len(wrong):
        row = int(wrong[0])
        raise HiphingeError(f"{_COUNTER} {counter[row]:g} is not a counter up to 65535", table.where(row), "Export again.")
    step = np.mod(np.diff(counter), _WRAP)
    wrong = np.flatnonzero((step == 0) | (step > _WRAP // 2))
    if len(wrong):
        row = int(wrong[0]) + 1
        raise HiphingeError(
            f"{_COUNTER} goes from {counter[row - 1]:g} to {counter[row]:g}: repeated or backwards",
            table.where(row),
            "Remove the duplicate line, or make a session of each recording.",
        )
    return np.concatenate(([0.0], np.cumsum(step)))


def _orientation(table: NumberTable, names: tuple[str, ...]) -> Floats | None:
    if not names:
        return None
    values = table.group(names)
    if len(names) == 4:
        return values
    matrix = values.reshape(-1, 3, 3)
    error = np.abs(np.einsum("nji,njk->nik", matrix, matrix) - np.eye(3)).max(axis=(1, 2))
    wrong = np.flatnonzero((error > _ORTHONORMAL) | (np.linalg.det(matrix) < 0.0))
    if len(wrong):
        raise HiphingeError("Mat is not a rotation matrix", table.where(int(wrong[0])), "Correct or remove this line.")
    return quaternions(matrix)


def quaternions(matrix: Floats) -> Floats:
    """Unit quaternions (n, 4), w x y z, w ≥ 0, of rotation matrices (n, 3, 3).

    The largest component comes from the diagonal and the others from it (S. Shepperd, Quaternion from rotation matrix, Journal
    of Guidance and Control 1(3), 1978, doi 10.2514/3.55767b).
    """
    m = matrix
    four_squares = np.column_stack(
        (
            1.0 + m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2],
            1.0 + m[:, 0, 0] - m[:, 1, 1] - m[:, 2, 2],
            1.0 - m[:, 0, 0] + m[:, 1, 1] - m[:, 2, 2],
            1.0 - m[:, 0, 0] - m[:, 1, 1] + m[:, 2, 2],
        )
    )
    wx, wy, wz = m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]
    xy, xz, yz = m[:, 0, 1] + m[:, 1, 0], m[:, 0, 2] + m[:, 2, 0], m[:, 1, 2] + m[:, 2, 1]
    # row k: the quaternion times four of its component k
    products = np.stack(
        (
            np.column_stack((four_squares[:, 0], wx, wy, wz)),
            np.column_stack((wx, four_squares[:, 1], xy, xz)),
            np.column_stack((wy, xy, four_squares[:, 2], yz)),
            np.column_stack((wz, xz, yz, four_squares[:, 3])),
        ),
        axis=1,
    )
    quat = products[np.arange(len(m)), np.argmax(four_squares, axis=1)]
    quat = quat / np.linalg.norm(quat, axis=1, keepdims=True)
    return np.asarray(np.where(quat[:, :1] < 0.0, -quat, quat))
