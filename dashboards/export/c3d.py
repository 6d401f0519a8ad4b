"""C3D, by ezc3d: the rotation of each sensor as a 4 × 4 matrix, and the angles as analogue channels in degrees.

A C3D has no time of its own: frame 0 is the first tick of the table, and frames follow at the tables' rate. A frame without an
orientation or an angle is NaN. Rotations are sensor → earth, z up.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from body_signals import ANGLE_NAMES, Floats, HiphingeError
from dashboards.export.session import Choices, ExportedSession, Written, tick_rate
from dashboards.extras import needed

MOST_FRAMES = 65535
"""Most frames of a file: the format counts them in 16 bits."""


def write_c3d(session: ExportedSession, folder: Path, _: Choices) -> Written:
    """Rotations and angles; a long session is cut into several files, each at most `MOST_FRAMES` frames."""
    ezc3d = needed("ezc3d", "c3d")
    table = session.all_angles()
    time_s = table["time_s"].to_numpy()
    rate = tick_rate(time_s)
    frame = np.round((time_s - time_s[0]) * rate).astype(np.int64)
    angles = {}
    for name in ANGLE_NAMES:
        values = np.full(int(frame[-1]) + 1, np.nan)
        values[frame] = table[f"{name}_deg"].to_numpy()
        if not np.isnan(values).all():
            angles[name] = values
    rotations = {
        key: _matrices(*sensor, float(time_s[0]), rate, int(frame[-1]) + 1) for key, sensor in session.orientations.items()
    }
    count = int(frame[-1]) + 1
    begins = range(0, count, MOST_FRAMES)
    files = []
    for number, begin in enumerate(begins, 1):
        part = slice(begin, min(begin + MOST_FRAMES, count))
        path = folder / (f"{session.stem}.c3d" if len(begins) == 1 else f"{session.stem}-{number:02d}.c3d")
        first_s = float(time_s[0]) + begin / rate
        _write(
            ezc3d,
            path,
            rate,
            {name: values[part] for name, values in angles.items()},
            {key: matrices[:, :, part] for key, matrices in rotations.items()},
            _facts(session, first_s),
        )
        files.append(path)
    notes = [f"{len(files)} files, because a C3D has at most {MOST_FRAMES} frames"] if len(files) > 1 else []
    absent = [name for name in ANGLE_NAMES if name not in angles]
    return Written(files, notes + ([f"left out, no number is there: {', '.join(absent)}"] if absent else []))


def _matrices(time_s: Floats, quat: Any, first_s: float, rate: float, count: int) -> Floats:
    """(4, 4, n) homogeneous matrices at the frames, NaN where there is no orientation."""
    found = np.full((4, 4, count), np.nan)
    at = np.round((time_s - first_s) * rate).astype(np.int64)
    inside = (at >= 0) & (at < count)
    at, (w, x, y, z) = at[inside], quat[inside].astype(np.float64).T
    found[0, :, at] = np.stack((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), 0 * w), axis=1)
    found[1, :, at] = np.stack((2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x), 0 * w), axis=1)
    found[2, :, at] = np.stack((2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), 0 * w), axis=1)
    known = at[np.isfinite(w)]
    found[3, :, known] = (0.0, 0.0, 0.0, 1.0)
    return found


def _facts(session: ExportedSession, first_s: float) -> dict[str, str]:
    start = "unknown" if session.start is None else session.start.isoformat().replace("+00:00", "Z")
    return {
        "SESSION": session.name,
        "ATHLETE": session.athlete,
        "START": start,
        "FIRST_S": repr(first_s),
        "ESTIMATOR": session.estimator,
        "SOFTWARE": session.software,
    }


def _write(
    ezc3d: Any,
    path: Path,
    rate: float,
    angles: Mapping[str, Floats],
    rotations: Mapping[str, Floats],
    facts: Mapping[str, str],
) -> None:
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [rate]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["m"]
    file["parameters"]["ANALOG"]["RATE"]["value"] = [rate]
    file["parameters"]["ANALOG"]["LABELS"]["value"] = list(angles)
    file["parameters"]["ANALOG"]["UNITS"]["value"] = ["deg"] * len(angles)
    frames = len(next(iter((*angles.values(), *(matrices[0, 0] for matrices in rotations.values())))))
    # no points, but as many frames of them
    file["data"]["points"] = np.zeros((4, 0, frames))
    file["data"]["analogs"] = np.stack(list(angles.values()))[None] if angles else np.zeros((1, 0, frames))
    if rotations:
        for name, value in (
            ("USED", len(rotations)),
            ("RATE", rate),
            ("RATIO", 1),
            ("LABELS", [_ascii(key) for key in rotations]),
        ):
            file.add_parameter("ROTATION", name, value)
        file["data"]["rotations"] = np.stack(list(rotations.values()), axis=2)
    for name, word in facts.items():
        file.add_parameter("HIPHINGE", name, [_ascii(word)])
    try:
        file.write(str(path))
    except RuntimeError as error:
        raise HiphingeError(f"the C3D cannot be written: {error}", str(path), "Check the folder and the free space") from error


def _ascii(text: str) -> str:
    """A text of one byte a letter, as the format has them; other letters are written as \\uXXXX. At most 120 letters (ours)."""
    return text.encode("ascii", "backslashreplace").decode()[:120]
