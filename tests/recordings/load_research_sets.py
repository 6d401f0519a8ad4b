"""Research recordings (.mat) as sessions with their truth, for tests and benchmarks.

Each loader takes the folder of the shared test material and gives a `ResearchSet`; `write_plain(folder, s.session, s.samples)`
makes a plain session of it. Sensors that are no body part of ours have placement `other`. Every README beside the data
says where it comes from and what its truth is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from body_signals import Mounting, Placement, Sensor, Session, SessionMark
from body_signals.blocks import G0, Bools, Floats
from ingest.formats import ImportedSession, import_session
from ingest.formats.plain import PlainSamples

START = datetime(2021, 1, 1, tzinfo=UTC)
"""None of the recordings says when it was made."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known independently of the sensors, at session times time_s (n,).

    quat: by sensor key (n, 4), w x y z, sensor → earth, z up, heading as the optics have it; NaN where they saw nothing.
    scored (n,): samples that count. angle_deg (n,): angle between two sensors up to a constant; None where there is none.
    turn_axis: sensor key and signed axis about which that angle turns. turned_deg: by sensor key, the angle that
    gravity's direction turned through from the first to the second of the `windows` (start and end, session time).
    lever_m: by sensor key (3,), vector of the source between sensor and joint, sensor frame.
    """

    time_s: Floats
    scored: Bools
    quat: Mapping[str, Floats] = field(default_factory=dict)
    angle_deg: Floats | None = None
    turn_axis: tuple[str, str] | None = None
    windows: tuple[tuple[float, float], ...] = ()
    turned_deg: Mapping[str, float] = field(default_factory=dict)
    lever_m: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class ResearchSet:
    """A recording as `write_plain` takes it, and its truth."""

    session: Session
    samples: dict[str, PlainSamples]
    truth: Truth


BROAD = (
    "05_undisturbed_slow_rotation_with_breaks_B",
    "12_undisturbed_slow_translation_C",
    "16_undisturbed_fast_translation_B",
    "25_disturbed_tapping_B",
)
JOINT = ("data_1D_01", "data_1D_03", "data_2D_01", "data_2D_05", "data_3D_01")
ENCODER = ("raw_pitch_slow", "raw_roll_slow")


def broad(shared: Path, trial: str) -> ResearchSet:
    """One IMU with optics, 285.7 Hz; truth is its orientation, scored while it moves and the optics see it."""
    data = loadmat(shared / "data" / "broad" / f"{trial}.mat", squeeze_me=True)
    time_s = np.arange(len(data["imu_acc"])) / float(data["sampling_rate"])
    quat = _rows(data["opt_quat"])
    scored = (data["movement"] == 1) & np.isfinite(quat).all(axis=1)
    samples = PlainSamples(time_s, _rows(data["imu_acc"]), _rows(data["imu_gyr"]), None, _rows(data["imu_mag"]))
    return ResearchSet(_session("broad", "imu"), {"imu": samples}, Truth(time_s, scored, {"imu": quat}))


def two_imu_joint(shared: Path, trial: str) -> ResearchSet:
    """Two IMUs on jointed links with optics, 50 Hz; scored from 5 s on, as published comparisons do."""
    data: Any = loadmat(shared / "data" / "two-imu-joint" / f"{trial}.mat", squeeze_me=True, struct_as_record=False)["data"]
    values, reference = _rows(data.sensorData), _rows(data.ref)
    time_s = np.arange(len(values)) / float(data.rate)
    samples = {
        "link_1": PlainSamples(time_s, values[:, 0:3].copy(), values[:, 3:6].copy()),
        "link_2": PlainSamples(time_s, values[:, 6:9].copy(), values[:, 9:12].copy()),
    }
    truth = Truth(
        time_s,
        time_s >= 5.0,
        {"link_1": reference[:, 0:4], "link_2": reference[:, 4:8]},
        lever_m={"link_1": _rows(data.r_12), "link_2": _rows(data.r_21)},
    )
    return ResearchSet(_session("two-imu-joint", *samples), samples, truth)


def two_imu_encoder(shared: Path, trial: str) -> ResearchSet:
    """A still IMU and one on a motor shaft, 100 Hz, 25 min; truth is the encoder's angle. Rows that repeat
    a time are left out."""
    data = loadmat(shared / "data" / "two-imu-encoder" / f"{trial}.mat", squeeze_me=True)
    keep = np.diff(data["all_time"], prepend=-np.inf) > 0.0
    time_s = _rows(data["all_time"][keep])
    samples = {}
    for i, key in ((1, "frame"), (2, "shaft")):
        acc, gyr = (
            np.column_stack([data[f"all_{kind}_{i}_{axis}"][keep] for axis in "xyz"]).astype(np.float64)
            for kind in ("accel", "gyro")
        )
        samples[key] = PlainSamples(time_s, acc * G0, np.radians(gyr))
    truth = Truth(
        time_s,
        np.ones(len(time_s), np.bool_),
        angle_deg=_rows(data["all_encoder"][keep]),
        turn_axis=("shaft", "+y" if trial == "raw_pitch_slow" else "+x"),
    )
    return ResearchSet(_session("two-imu-encoder", *samples), samples, truth)


FULL_BODY = {
    "lower_back": Sensor(Placement.LUMBAR, mounting=Mounting("+x", "+y")),
    "hip": Sensor(Placement.PELVIS, mounting=Mounting("+x", "+y")),
    # while sitting the front of the thigh is up: +y left, -y right; left is up x anterior
    "upper_leg_left": Sensor(Placement.THIGH_LEFT, mounting=Mounting("+x", "+z")),
    "upper_leg_right": Sensor(Placement.THIGH_RIGHT, mounting=Mounting("+x", "-z")),
}
"""Worn sensors of `qmt_full_body` by the name that the file gives them."""


def qmt_full_body(shared: Path, others: bool = True) -> ResearchSet:
    """A person stands, sits down, rises and walks, 100 Hz, session time 40 … 140 s; calibrate mark at 40 s, standing.

    others: also the sensors that are worn elsewhere. Truth is what gravity says of standing against sitting.
    """
    data = loadmat(shared / "data" / "qmt-full-body" / "full_body_example_data.mat", squeeze_me=True, struct_as_record=False)
    time_s = _rows(data["t"])
    elsewhere = [key for key in data if not key.startswith("__") and key != "t" and key not in FULL_BODY]
    placed = FULL_BODY | {key: Sensor(Placement.OTHER, key) for key in elsewhere if others}
    samples = {sensor.key: PlainSamples(time_s, _rows(data[key].acc), _rows(data[key].gyr)) for key, sensor in placed.items()}
    turned = {"pelvis": 22.5, "lumbar": 6.1, "thigh_left": 80.1, "thigh_right": 80.4} | ({"upper_back": 3.6} if others else {})
    truth = Truth(time_s, np.ones(len(time_s), np.bool_), windows=((41.0, 43.0), (57.0, 65.0)), turned_deg=turned)
    session = Session(START, "qmt-full-body", tuple(placed.values()), (SessionMark(40.0, "calibrate"),))
    return ResearchSet(session, samples, truth)


XIO_SINGLE_MAPPING = """
time = { column = "Time (s)", unit = "s" }
acc = { columns = ["Accelerometer X (g)", "Accelerometer Y (g)", "Accelerometer Z (g)"], unit = "g" }
gyr = { columns = ["Gyroscope X (deg/s)", "Gyroscope Y (deg/s)", "Gyroscope Z (deg/s)"], unit = "deg/s" }
mag = { columns = ["Magnetometer X (uT)", "Magnetometer Y (uT)", "Magnetometer Z (uT)"], unit = "uT" }
[athlete]
id = "xio-single"
[[sensor]]
placement = "other"
name = "imu"
"""


def xio_single(shared: Path, scratch: Path) -> ImportedSession:
    """One IMU, about 100 Hz, 135 s, through the csv importer; `scratch` takes the mapping file. No truth."""
    mapping = scratch / "xio-single.toml"
    mapping.write_text(XIO_SINGLE_MAPPING)
    return import_session("csv", shared / "data" / "xio-single" / "sensor_data.csv", mapping=mapping)


def xio_lower_body(shared: Path) -> ImportedSession:
    """Pelvis and thighs, 50 Hz, 18.6 s, real packet loss. No truth."""
    return import_session("xio-lower-body", shared / "data" / "xio-lower-body")


XSENS_PLACEMENTS = {
    "00B42268": "other:torso",
    "00B42279": "pelvis",
    "00B4227C": "thigh_right",
    "00B421EE": "thigh_left",
}


def xsens_opensense(shared: Path) -> ImportedSession:
    """Torso, pelvis and thighs, 100 Hz, 25 s, device orientation and no gyroscope. No truth."""
    return import_session("xsens-opensense", shared / "data" / "xsens-opensense", placements=XSENS_PLACEMENTS)


RESEARCH_SETS: dict[str, Callable[[Path], ResearchSet]] = {
    **{f"broad/{trial}": lambda shared, trial=trial: broad(shared, trial) for trial in BROAD},
    **{f"two-imu-joint/{trial}": lambda shared, trial=trial: two_imu_joint(shared, trial) for trial in JOINT},
    **{f"two-imu-encoder/{trial}": lambda shared, trial=trial: two_imu_encoder(shared, trial) for trial in ENCODER},
    "qmt-full-body": qmt_full_body,
}
"""Every .mat recording by folder and trial."""


def _session(athlete: str, *names: str) -> Session:
    return Session(START, athlete, tuple(Sensor(Placement.OTHER, name) for name in names))


def _rows(values: Any) -> Floats:
    return np.ascontiguousarray(values, np.float64)
