"""Rows from ticks: which angle needs which sensor, what falls back, and what each flag says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals.placements import BODY_PLACEMENTS
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES, ANGLES
from dsp import rotation
from dsp.alignment.alignment import Alignment
from dsp.angles.joints import JOINTS
from dsp.angles.rows import SegmentAngles, orientation_rows, uncalibrated_rows
from dsp.grid.ticks import LOOK_STRIDE, GridRows, Ticks
from dsp.heading.filter import HeadingTrack
from dsp.heading.joint_headings import JointHeadings, joint_twist, with_one_heading
from dsp.results import AlignmentReport, AngleRows

BODY = tuple(p.value for p in BODY_PLACEMENTS)
UPRIGHT = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
N = 46
MOUNTED = {key: Rotation.from_euler("XYZ", [10 * i, 40, -20 * i], degrees=True) for i, key in enumerate(BODY)}
"""Sensor → segment."""
POSE = {"lumbar": (70.0, 6.0), "pelvis": (40.0, 2.0), "thigh_left": (-15.0, 3.0), "thigh_right": (-20.0, -3.0)}
"""Forward tilt and lean to the right, degrees."""


def ticks(keys=BODY, missing=(), quality=0) -> Ticks:
    """Everybody in `POSE` at N ticks; of `missing` the last half is not there."""
    rows = {}
    for key in keys:
        forward, right = POSE[key]
        segment = Rotation.from_euler("xy", [right, forward], degrees=True) * UPRIGHT
        quat = np.tile((segment * MOUNTED[key]).as_quat(scalar_first=True)[:, None], (1, N))
        present = np.ones(N, np.bool_)
        if key in missing:
            present[N // 2 :] = False
        quat[:, ~present] = np.nan
        flags = np.where(present, 0, int(Quality.LATE)) | quality
        rows[key] = GridRows(quat, present, np.where(present, 0, -1).astype(np.int32), flags.astype(np.int32))
    return Ticks.of(100, 1.0 + np.arange(N) / 100, rows)


def alignment(keys=BODY, confidence=0.9) -> Alignment:
    to_segment = {key: MOUNTED[key].as_quat(scalar_first=True) for key in keys}
    reports = tuple(AlignmentReport(key, "by hand", confidence, (), 0.0) for key in keys)
    return Alignment(0, 0.0, ticks(keys), to_segment, reports, True, True, 0.0)


def rows(t: Ticks, a: Alignment, known=True, sd_deg=1.0, estimator="live", body=BODY, doubtful=None) -> AngleRows:
    track = HeadingTrack(np.zeros(N), np.full(N, np.radians(sd_deg)), np.full(N, known), np.ones(N))
    there = {j.name: track for j in JOINTS if j.distal in a.to_segment and "pelvis" in a.to_segment}
    headings = JointHeadings.of(there, N)
    return SegmentAngles(t.keys, a, headings.joints, estimator, body).rows(t, headings, doubtful)


def deg(found: AngleRows, name: str) -> np.ndarray:
    return np.degrees(found.angles[ANGLE_NAMES.index(name)])


def test_inclinations_do_not_ask_how_the_sensor_is_stuck_on():
    found = rows(ticks(), alignment())
    assert deg(found, "trunk_inclination") == pytest.approx(70.0, abs=0.5)
    assert deg(found, "pelvis_tilt") == pytest.approx(40.0, abs=0.5)
    assert deg(found, "thigh_left_inclination") == pytest.approx(15.0, abs=0.5)
    assert np.isfinite(found.angles).all()
    assert np.isfinite(found.sd).all()
    assert not found.quality.any()


@pytest.mark.parametrize("absent", BODY)
def test_an_angle_needs_its_sensors(absent):
    """Without a sensor exactly the angles that are made of it are missing."""
    worn = tuple(key for key in BODY if key != absent)
    found = rows(ticks(worn), alignment(worn), body=worn)
    there = dict(zip(ANGLE_NAMES, np.isfinite(found.angles).all(axis=1).tolist(), strict=True))
    assert there == {a.name: absent not in a.needs for a in ANGLES}
    assert (np.isfinite(found.angles) == np.isfinite(found.sd)).all()
    assert not found.quality.any()


@pytest.mark.parametrize("absent", BODY)
def test_a_late_sensor_leaves_its_angles_missing_and_says_so(absent):
    found = rows(ticks(missing=(absent,)), alignment())
    late = slice(N // 2, N)
    assert (found.quality[late] & Quality.LATE).all()
    assert not found.quality[: N // 2].any()
    for a in ANGLES:
        assert np.isnan(found.angles[ANGLE_NAMES.index(a.name), late]).all() == (absent in a.needs)
    assert np.isfinite(found.angles[:, : N // 2]).all()
    assert (np.isfinite(found.angles) == np.isfinite(found.sd)).all()


def test_unknown_heading_falls_back_to_inclinations():
    """Flexion is the difference of the inclinations; what needs the heading is missing."""
    known, unknown = rows(ticks(), alignment()), rows(ticks(), alignment(), known=False)
    assert (unknown.quality == Quality.HEADING_UNKNOWN).all()
    tilt = {name: deg(unknown, name) for name in ANGLE_NAMES}
    assert tilt["lumbar_flexion"] == pytest.approx(tilt["trunk_inclination"] - tilt["pelvis_tilt"])
    assert tilt["hip_left_flexion"] == pytest.approx(tilt["pelvis_tilt"] + tilt["thigh_left_inclination"])
    assert tilt["hip_right_flexion"] == pytest.approx(tilt["pelvis_tilt"] + tilt["thigh_right_inclination"])
    for name in ANGLE_NAMES:
        needs_heading = name.endswith(("lateral", "rotation", "abduction"))
        assert np.isnan(tilt[name]).all() == needs_heading, name
        row = ANGLE_NAMES.index(name)
        assert (np.isnan(unknown.sd[row]) == np.isnan(unknown.angles[row])).all()
        if "flexion" in name:
            assert (unknown.sd[row] > known.sd[row]).all()


def test_no_unknown_heading_where_there_is_no_joint():
    """While a sensor is away the row says that, not that a heading is unknown."""
    found = rows(ticks(missing=("pelvis",)), alignment(), known=False)
    assert (found.quality[: N // 2] == Quality.HEADING_UNKNOWN).all()
    assert (found.quality[N // 2 :] == Quality.LATE).all()


def test_low_confidence_is_said():
    assert (rows(ticks(), alignment(confidence=0.4)).quality == Quality.LOW_CONFIDENCE).all()
    assert not rows(ticks(), alignment(confidence=0.6)).quality.any()


def test_a_worn_sensor_without_alignment_is_said():
    found = rows(ticks(), alignment(keys=("lumbar", "pelvis")))
    assert (found.quality == Quality.UNCALIBRATED).all()
    assert np.isfinite(deg(found, "lumbar_flexion")).all()
    assert np.isnan(deg(found, "hip_left_flexion")).all()


def test_doubt_and_sensor_flags_are_passed_on():
    doubtful = np.zeros(N, np.int32)
    doubtful[1] = int(Quality.SLIPPED)
    found = rows(ticks(quality=int(Quality.SATURATED)), alignment(), doubtful=doubtful)
    assert found.quality.tolist() == [int(Quality.SATURATED) | d for d in doubtful.tolist()]


def test_uncalibrated_rows():
    found = uncalibrated_rows(ticks(missing=("pelvis",)), BODY)
    assert np.isnan(found.angles).all()
    assert np.isnan(found.sd).all()
    assert (found.quality & Quality.UNCALIBRATED).all()
    assert (found.quality[N // 2 :] & Quality.LATE).all()


def test_orientation_rows_only_where_present():
    found = {r.sensor: r for r in orientation_rows(ticks(missing=("pelvis",)))}
    assert len(found["pelvis"]) == N // 2
    assert len(found["lumbar"]) == N
    assert np.isfinite(found["pelvis"].quat).all()
    assert found["pelvis"].quat.shape == (N // 2, 4)
    gone = ticks(missing=("pelvis",)).part(N // 2, N)
    assert {r.sensor for r in orientation_rows(gone)} == set(BODY) - {"pelvis"}


def test_joint_twist_of_the_pose():
    """A turned thigh: 25° of twist, wholly observable, flexion from the inclinations."""
    t, a = ticks(), alignment()
    turn = Rotation.from_euler("z", 25, degrees=True).as_quat(scalar_first=True)[:, None]
    thigh = t.sensors["thigh_left"]
    other = replace(thigh, quat=rotation.multiply(turn, thigh.quat))
    turned = Ticks.of(t.first, t.time_s, t.sensors | {"thigh_left": other})
    (before, _, flexion), (after, seen, _) = (joint_twist(at, a, JOINTS[1]) for at in (t, turned))
    there = np.isfinite(before)
    assert np.flatnonzero(there).tolist() == list(range(0, N, LOOK_STRIDE))
    before, flexion, after, seen = before[there], flexion[there], after[there], seen[there]
    assert np.degrees(after - before) == pytest.approx(25.0)
    assert (seen > 0.8).all()
    assert np.degrees(flexion) == pytest.approx(-55.0, abs=0.5)


def test_review_is_surer():
    assert (rows(ticks(), alignment(), estimator="review").sd < rows(ticks(), alignment()).sd).all()


def test_rows_must_agree_in_length():
    with pytest.raises(ValueError, match="agree"):
        AngleRows(np.zeros(3), np.zeros((len(ANGLE_NAMES), 3)), np.zeros((len(ANGLE_NAMES), 2)), np.zeros(3, np.int32))


def test_a_known_heading_turns_the_sensors_beside_the_pelvis():
    t = ticks()
    known = np.arange(N) >= 10
    track = HeadingTrack(np.full(N, np.radians(30.0)), np.full(N, 0.01), known, np.ones(N))
    found = with_one_heading(t, JointHeadings.of({"hip_left": track}, N))
    before, after = t.sensors["thigh_left"].quat, found.sensors["thigh_left"].quat
    turn = rotation.multiply(after, rotation.conjugate(before))
    assert np.degrees(rotation.twist_about_vertical(turn)[0])[known] == pytest.approx(-30.0)
    np.testing.assert_array_equal(after[:, ~known], before[:, ~known])
    for key in ("pelvis", "lumbar", "thigh_right"):
        np.testing.assert_array_equal(found.sensors[key].quat, t.sensors[key].quat)
