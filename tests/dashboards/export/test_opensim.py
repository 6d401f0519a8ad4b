"""OpenSim files: names, signs and rotations, against rotation matrices; the real program reads them in test_real_readers.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import HiphingeError
from dashboards.export import FORMATS, Choices
from dashboards.export.opensim import EARTH_TO_GROUND, pelvis_coordinates
from dashboards.tables import read_angles
from dsp.angles import joints
from ingest.formats import import_session
from tests.dashboards.export.exported_sessions import exported, session_folder


def read(path: Path) -> tuple[dict[str, str], list[str], list[list[str]]]:
    """Head, labels and rows, as OpenSim's document of the format has them."""
    lines = path.read_text("utf-8").splitlines()
    end = lines.index("endheader")
    head = dict(line.split("=", 1) for line in lines[:end] if "=" in line)
    return head, lines[end + 1].split("\t"), [line.split("\t") for line in lines[end + 2 :]]


def test_joint_angles_have_names_and_signs_of_opensim(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday")
    (path,) = FORMATS["mot"].write([exported(folder)], tmp_path, Choices()).files
    head, labels, rows = read(path)
    assert (head["inDegrees"], head["model"], head["hiphinge_start"]) == ("yes", "Rajagopal2016", "2026-11-23T14:05:00Z")
    assert (int(head["nRows"]), int(head["nColumns"])) == (len(rows), len(labels))
    numbers = np.array(rows, float)
    assert np.isfinite(numbers).all(), "OpenSim's older reader ends at a nan"
    table = read_angles(folder, "review")
    at = np.searchsorted(table["time_s"].to_numpy(), numbers[:, 0])
    for name, ours, sign in (
        ("lumbar_extension", "lumbar_flexion", -1),
        ("lumbar_bending", "lumbar_lateral", 1),
        ("lumbar_rotation", "lumbar_rotation", 1),
        ("hip_flexion_l", "hip_left_flexion", 1),
        ("hip_flexion_r", "hip_right_flexion", 1),
        ("hip_adduction_l", "hip_left_abduction", -1),
        ("hip_adduction_r", "hip_right_abduction", -1),
        ("hip_rotation_l", "hip_left_rotation", -1),
        ("hip_rotation_r", "hip_right_rotation", -1),
    ):
        np.testing.assert_allclose(numbers[:, labels.index(name)], sign * table[f"{ours}_deg"].to_numpy()[at], atol=1e-6)


@pytest.mark.parametrize("side", ["l", "r"])
def test_the_model_turns_its_hip_as_we_measured_it(side: str) -> None:
    """Rajagopal2016: hips turn about Z, then ±X, then ±Y; minus on the left."""
    joint, sign = (joints.HIP_LEFT, -1.0) if side == "l" else (joints.HIP_RIGHT, 1.0)
    flexion, adduction, rotation = 40.0, 12.0, 7.0
    model = Rotation.from_euler("ZXY", [flexion, sign * adduction, sign * rotation], degrees=True)
    ours = joints.joint_angles(joint, quaternion(Rotation.identity()), quaternion(model))[:, 0]
    np.testing.assert_allclose(np.degrees(ours), [flexion, -adduction, -rotation], atol=1e-9)


def test_the_model_turns_its_spine_as_we_measured_it() -> None:
    """Extension about Z, bending about X, rotation about Y."""
    model = Rotation.from_euler("ZXY", [-50.0, 9.0, 4.0], degrees=True)
    ours = joints.joint_angles(joints.LUMBAR, quaternion(Rotation.identity()), quaternion(model))[:, 0]
    np.testing.assert_allclose(np.degrees(ours), [50.0, 9.0, 4.0], atol=1e-9)


@pytest.mark.parametrize(("tilt", "listed"), [(-30.0, 0.0), (-75.0, 12.0), (20.0, -8.0), (-110.0, 15.0), (-179.0, 3.0)])
def test_the_pelvis_keeps_gravity_where_it_was(tilt: float, listed: float) -> None:
    """OpenSim: Z, then X. Its tilt is ours with the other sign, also beyond a right angle."""
    vertical = Rotation.from_euler("ZX", [tilt, listed], degrees=True).inv().apply([0.0, 1.0, 0.0])[:, None]
    ours = np.degrees(joints.forward_tilt(vertical)), np.degrees(joints.right_side_lower(vertical))
    back = pelvis_coordinates(*ours)
    np.testing.assert_allclose((back["pelvis_tilt"][0], back["pelvis_list"][0]), (tilt, listed), atol=1e-9)


def quaternion(rotation: Rotation) -> np.ndarray:
    return np.roll(rotation.as_quat(), 1)[:, None]


def test_orientations_and_their_calibration_row(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", others=("barbell",))
    session = exported(folder)
    written = FORMATS["sto"].write([session], tmp_path, Choices())
    rows_file, calibration = written.files
    head, labels, rows = read(rows_file)
    assert head["DataType"] == "Quaternion"
    assert head["sensor_to_opensim_rotations"] == EARTH_TO_GROUND
    assert labels == ["time", "torso_imu", "pelvis_imu", "femur_l_imu", "femur_r_imu"]
    time_s, quat = session.orientations["pelvis"]
    np.testing.assert_array_equal([float(row[0]) for row in rows], time_s)
    np.testing.assert_allclose([[float(v) for v in row[2].split(",")] for row in rows], quat, atol=1e-8)
    _, _, (row,) = read(calibration)
    mean = np.array([float(v) for v in row[2].split(",")])
    assert np.linalg.norm(mean) == pytest.approx(1.0)
    standing = (time_s >= 1.0) & (time_s <= 3.0)
    assert np.abs(quat[standing] @ mean).min() > 0.9
    turn = Rotation.from_euler("XYZ", [float(v) for v in EARTH_TO_GROUND.split()])
    np.testing.assert_allclose(turn.apply([0.0, 0.0, 1.0]), [0.0, 1.0, 0.0], atol=1e-12)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday", marks=[])
    written = FORMATS["sto"].write([exported(folder)], tmp_path, Choices())
    assert len(written.files) == 1
    assert "no calibration row" in written.notes[0]


def test_without_a_calibration_there_is_no_motion(tmp_path: Path) -> None:
    folder = session_folder(tmp_path / "monday")
    session = exported(folder)
    table = read_angles(folder, "review").slice(0, 500)
    object.__setattr__(session, "all_angles", lambda: table)
    with pytest.raises(HiphingeError, match=r"no joint angle is there.*hiphinge mark"):
        FORMATS["mot"].write([session], tmp_path, Choices())


def test_orientations_are_imported_again(tmp_path: Path) -> None:
    session = exported(session_folder(tmp_path / "monday"))
    rows, _ = FORMATS["sto"].write([session], tmp_path, Choices()).files
    again = import_session("opensense", rows, placements={"torso_imu": "lumbar"})
    assert set(again.samples) == set(session.orientations)
    for key, (time_s, quat) in session.orientations.items():
        np.testing.assert_allclose(again.samples[key].time_s, time_s, atol=1e-9)
        assert again.samples[key].quat is not None
        # nine significant digits, and a quaternion is the same as its negative
        np.testing.assert_allclose(np.abs(np.sum(again.samples[key].quat * quat, axis=1)), 1.0, atol=1e-6)
