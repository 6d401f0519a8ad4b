"""OpenSim: joint angles as a motion (`.mot`), orientations for OpenSense (`.sto`).

Names and signs are those of the full-body model Rajagopal2016 (Rajagopal 2016, doi 10.1109/TBME.2016.2586891) and of
gait2392, whose joints turn about the same axes in the same order as ours (X forward, Y up, Z right; flexion, then lateral, then
axial). OpenSim counts extension of the spine, adduction and internal rotation of the hip, and backward tilt of the pelvis as
positive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from body_signals import CALIBRATE, Floats, HiphingeError
from dashboards.export.session import Choices, ExportedSession, Written, tick_rate
from on_disk import open_private

MODEL = "Rajagopal2016"
"""The model whose names and signs are used."""
BODIES = {"lumbar": "torso_imu", "pelvis": "pelvis_imu", "thigh_left": "femur_l_imu", "thigh_right": "femur_r_imu"}
"""By placement, the column of OpenSense: the body of the model and ``_imu``."""
EARTH_TO_GROUND = "-1.5707963267948966 0 0"
"""`sensor_to_opensim_rotations`, rad, about X, Y, Z: from our earth frame (z up) to OpenSim's ground (y up)."""
STANDING_S = (1.0, 3.0)
"""The quiet standing after a `calibrate` mark, s after it, whose mean is the calibration row (design: at least 3 s)."""
_COORDINATES: Mapping[str, tuple[str, float]] = {
    "lumbar_extension": ("lumbar_flexion_deg", -1.0),
    "lumbar_bending": ("lumbar_lateral_deg", 1.0),
    "lumbar_rotation": ("lumbar_rotation_deg", 1.0),
    "hip_flexion_r": ("hip_right_flexion_deg", 1.0),
    "hip_adduction_r": ("hip_right_abduction_deg", -1.0),
    "hip_rotation_r": ("hip_right_rotation_deg", -1.0),
    "hip_flexion_l": ("hip_left_flexion_deg", 1.0),
    "hip_adduction_l": ("hip_left_abduction_deg", -1.0),
    "hip_rotation_l": ("hip_left_rotation_deg", -1.0),
}
LEAST_PART = 0.5
"""A coordinate that is missing in a larger part of the rows than this is left out, and not the rows (ours)."""
_ROWS = 6000
"""Rows that become text together (ours)."""


def write_motion(session: ExportedSession, folder: Path, _: Choices) -> Written:
    """Joint angles in degrees, in the rows in which all of them are there."""
    table = session.all_angles()
    columns = {"time": table["time_s"].to_numpy()}
    columns |= pelvis_coordinates(*(table[f"pelvis_{name}_deg"].to_numpy() for name in ("tilt", "obliquity")))
    columns |= {name: sign * table[ours].to_numpy().astype(np.float64) for name, (ours, sign) in _COORDINATES.items()}
    known = np.array([np.isfinite(values) for name, values in columns.items() if name != "time"])
    if not known.any():
        what = "no joint angle is there: it is not calibrated, or no sensors are on pelvis, lumbar spine and thighs"
        raise HiphingeError(what, str(session.folder), "Mark its calibration: hiphinge mark; or export orientations: --to sto")
    # OpenSim's older reader ends at the first nan, so a row is whole or left out
    parts = known.sum(axis=1) / known.any(axis=0).sum()
    names = [name for name, part in zip(list(columns)[1:], parts, strict=True) if part >= LEAST_PART]
    whole = np.isfinite([columns[name] for name in names]).all(axis=0)
    if not whole.any():
        what = "there is no time at which all joint angles are there"
        raise HiphingeError(what, str(session.folder), "Export CSV or C3D, which hold each angle by itself")
    rows = np.column_stack([columns[name][whole] + 0.0 for name in ("time", *names)])
    head = {
        "version": "1",
        "nRows": str(len(rows)),
        "nColumns": str(len(names) + 1),
        "inDegrees": "yes",
        "model": MODEL,
        **_facts(session),
    }
    path = folder / f"{session.stem}.mot"
    _write(path, session.stem, head, ["time", *names], len(rows), lambda part: _lines(rows[part]))
    written = Written([path])
    if absent := [name for name in list(columns)[1:] if name not in names]:
        less = f"in less than {LEAST_PART:.0%} of the rows"
        written.notes.append(f"left out, a number is there in none or {less}: {', '.join(absent)}")
    if (left := int(np.count_nonzero(known.any(axis=0) & ~whole))) > 0:
        written.notes.append(f"{left} rows are left out, because an angle is missing there; OpenSim draws through such a gap")
    return written


def pelvis_coordinates(tilt_deg: Floats, obliquity_deg: Floats) -> dict[str, Floats]:
    """`pelvis_tilt` and `pelvis_list` (n,) of OpenSim, degrees, that put gravity where it was in the pelvis's frame.

    Ours are the vertical's turns about the pelvis's own axes; OpenSim turns about Z and then X, the heading being 0.
    """
    tilt, obliquity = np.radians(tilt_deg.astype(np.float64)), np.radians(obliquity_deg.astype(np.float64))
    vertical = (-np.cos(obliquity) * np.sin(tilt), np.cos(obliquity) * np.cos(tilt), -np.sin(obliquity))
    upright = np.where(vertical[1] < 0.0, -1.0, 1.0)
    turned = np.arctan2(vertical[0], upright * np.hypot(vertical[1], vertical[2]))
    # beyond half a turn a forward bend goes on, as in our table
    turned += 2.0 * np.pi * np.round((-tilt - turned) / (2.0 * np.pi))
    listed = np.arctan2(-vertical[2] * upright, vertical[1] * upright)
    return {"pelvis_tilt": np.degrees(turned), "pelvis_list": np.degrees(listed)}


def write_orientations(session: ExportedSession, folder: Path, _: Choices) -> Written:
    """Orientations sensor → earth (z up) at the ticks at which every sensor has one, and the calibration row beside them."""
    sensors = {key: column for key, column in BODIES.items() if key in session.orientations}
    if not sensors:
        what = "no sensor on lumbar spine, pelvis or thighs has orientations"
        raise HiphingeError(what, str(session.folder), "State where each sensor was worn, and compute the session again")
    times = {key: session.orientations[key][0] for key in sensors}
    sound = {key: times[key][np.isfinite(session.orientations[key][1]).all(axis=1)] for key in sensors}
    common = sound[next(iter(sensors))]
    for key in sensors:
        common = np.intersect1d(common, sound[key], assume_unique=True)
    every = np.unique(np.concatenate(list(times.values())))
    if not len(common):
        what = "there is no time at which all sensors have an orientation"
        raise HiphingeError(what, str(session.folder), "Export CSV or C3D, which hold each sensor by itself")
    quats = {key: _at(session, key, common) for key in sensors}
    path = folder / f"{session.stem}-orientations.sto"
    _write_quaternions(session, path, common, {sensors[key]: quats[key] for key in sensors})
    written = Written([path])
    if len(common) < len(every):
        written.notes.append(
            f"{len(every) - len(common)} of {len(every)} ticks are left out: not every sensor has an orientation there"
        )
    if unworn := sorted(set(session.orientations) - set(sensors)):
        written.notes.append(f"left out, not worn on the body: {', '.join(unworn)}")
    standing = _standing(session, common, quats)
    if standing is None:
        written.notes.append("there is no calibration row: no calibrate mark is followed by orientations of all sensors")
    else:
        at_s, means = standing
        row = folder / f"{session.stem}-calibration.sto"
        _write_quaternions(session, row, np.array([at_s]), {sensors[key]: means[key][None] for key in sensors})
        written.files.append(row)
    return written


def _at(session: ExportedSession, key: str, wanted: Floats) -> Floats:
    time_s, quat = session.orientations[key]
    return quat[np.searchsorted(time_s, wanted)].astype(np.float64)


def _standing(session: ExportedSession, time_s: Floats, quats: Mapping[str, Floats]) -> tuple[float, dict[str, Floats]] | None:
    """The first calibrate mark's time and the mean orientation (4,) of each sensor in the quiet standing after it."""
    marks = sorted(mark["time_s"] for mark in session.summary["marks"] if mark["label"] == CALIBRATE)
    for at_s in marks:
        during = (time_s >= at_s + STANDING_S[0]) & (time_s <= at_s + STANDING_S[1])
        if during.any():
            return float(at_s), {key: _mean(quat[during]) for key, quat in quats.items()}
    return None


def _mean(quat: Floats) -> Floats:
    """The mean of near orientations (n, 4): of their quaternions with one sign (Markley 2007, doi 10.2514/1.28949)."""
    _, vectors = np.linalg.eigh(quat.T @ quat)
    mean = vectors[:, -1]
    return np.asarray(mean if mean @ quat[0] >= 0.0 else -mean)


def _write_quaternions(session: ExportedSession, path: Path, time_s: Floats, columns: Mapping[str, Floats]) -> None:
    head = {
        "DataRate": f"{tick_rate(time_s):.6f}",
        "DataType": "Quaternion",
        "version": "3",
        "OpenSimVersion": "4.5",
        "sensor_to_opensim_rotations": EARTH_TO_GROUND,
        **_facts(session),
    }
    stacked = np.stack(list(columns.values()), axis=1)

    def lines(part: slice) -> str:
        rows = zip(time_s[part], stacked[part], strict=True)
        return "".join(
            "\t".join([repr(float(at)), *(",".join(f"{v:.9g}" for v in quat) for quat in row)]) + "\n" for at, row in rows
        )

    _write(path, "", head, ["time", *columns], len(time_s), lines)


def _facts(session: ExportedSession) -> dict[str, str]:
    """Where the numbers are from, as lines of the head; a word holds no line end there."""
    start = "unknown" if session.start is None else session.start.isoformat().replace("+00:00", "Z")
    facts = {"athlete": session.athlete, "session": session.name, "start": start, "estimator": session.estimator}
    return {f"hiphinge_{key}": _one_line(value) for key, value in (facts | {"software": session.software}).items()}


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() and c != "=" else "-" for c in text)


def _write(path: Path, name: str, head: Mapping[str, str], labels: list[str], rows: int, lines: Callable[[slice], str]) -> None:
    with open_private(path, "wb") as file:
        first = f"{name}\n" if name else ""
        file.write((first + "".join(f"{key}={value}\n" for key, value in head.items()) + "endheader\n").encode())
        file.write(("\t".join(labels) + "\n").encode())
        for begin in range(0, rows, _ROWS):
            file.write(lines(slice(begin, begin + _ROWS)).encode())


def _lines(rows: Any) -> str:
    return "".join("\t".join(f"{value:.9g}" for value in row) + "\n" for row in rows)
