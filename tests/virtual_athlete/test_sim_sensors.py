"""Physics of the simulated sensors: gravity at rest, rates that integrate to orientations, accelerations to positions."""

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson
from scipy.spatial.transform import Rotation

from body_signals.blocks import G0
from body_signals.placements import BODY_PLACEMENTS, Placement
from virtual_athlete.movement.scenarios import mixed
from virtual_athlete.movement.script import Script
from virtual_athlete.sensors import Imu, SensorSettings, Skin, mounting, simulate_sensor

EVERY = pytest.mark.parametrize("placement", BODY_PLACEMENTS)


def standing(seconds=10.0):
    script = Script(0)
    script.stand(seconds)
    return script.motion(sway=0.0)


@EVERY
def test_gravity_at_rest_points_up_along_the_sensor_x(placement):
    s = simulate_sensor(standing(), placement, SensorSettings())
    assert len(s) == 1000
    assert np.abs(s.acc - [G0, 0.0, 0.0]).max() < 1e-9
    assert np.abs(s.gyr).max() < 1e-12


@pytest.mark.parametrize(
    ("placement", "outward"),
    [
        (Placement.LUMBAR, [-1.0, 0.0, 0.0]),
        (Placement.PELVIS, [-1.0, 0.0, 0.0]),
        (Placement.THIGH_LEFT, [0.5, 0.0, -np.sqrt(0.75)]),
        (Placement.THIGH_RIGHT, [0.5, 0.0, np.sqrt(0.75)]),
    ],
)
def test_sensor_z_points_away_from_the_body(placement, outward):
    m = mounting(placement, SensorSettings())
    assert m[:, 2] == pytest.approx(outward)
    assert m[:, 0] == pytest.approx([0.0, 1.0, 0.0])
    assert np.linalg.det(m) == pytest.approx(1.0)


@EVERY
def test_upside_down_sensor_feels_gravity_along_minus_x(placement):
    s = simulate_sensor(standing(), placement, SensorSettings(upside_down=True))
    assert np.abs(s.acc - [-G0, 0.0, 0.0]).max() < 1e-9


@EVERY
def test_misplaced_sensor_still_feels_one_g(placement):
    settings = SensorSettings(tilt_rad=(0.1, 0.4, -0.2))
    s = simulate_sensor(standing(), placement, settings)
    assert np.abs(np.linalg.norm(s.acc, axis=1) - G0).max() < 1e-9
    assert s.acc[0] == pytest.approx(mounting(placement, settings).T @ [0.0, G0, 0.0])


@pytest.fixture(scope="module")
def motion():
    return mixed(11).motion()


WORN = SensorSettings(tilt_rad=(0.1, -0.3, 0.2), skin=Skin(0.04, 0.012, 0.07, 0.8, 0.008))
# the end of a slow bend, a walk with a turn, squats
WINDOW = np.arange(54.0, 78.0, 0.002)


@EVERY
def test_gyroscope_integrates_to_the_orientation(motion, placement):
    rotation, _, _, rate = Imu(motion, placement, WORN).true_motion(WINDOW)
    truth = Rotation.from_matrix(np.moveaxis(rotation, 2, 0))
    middle = 0.5 * (rate[:, :-1] + rate[:, 1:]).T
    q = truth[0]
    for step in Rotation.from_rotvec(middle * 0.002):
        q = q * step
    assert np.rad2deg((truth[-1].inv() * q).magnitude()) < 0.02


@EVERY
def test_acceleration_twice_integrated_is_the_position(motion, placement):
    rotation, position, force, _ = Imu(motion, placement, WORN).true_motion(WINDOW)
    world = np.einsum("ijn,jn->in", rotation, force)
    world[2] -= G0
    start = (-3 * position[:, 0] + 4 * position[:, 1] - position[:, 2]) / 0.004
    velocity = start[:, None] + cumulative_simpson(world, dx=0.002, initial=0.0)
    found = position[:, :1] + cumulative_simpson(velocity, dx=0.002, initial=0.0)
    travelled = np.linalg.norm(np.diff(position, axis=1), axis=0).sum()
    assert travelled > 10.0
    assert np.abs(found - position).max() < 0.01


def test_a_forward_bend_turns_the_pelvis_sensor_about_the_persons_right_to_left_axis():
    script = Script(0)
    script.bend(60.0, 0.0, thigh_deg=0.0, knee_deg=0.0)
    motion = script.motion(sway=0.0)
    s = simulate_sensor(motion, Placement.PELVIS, SensorSettings())
    # x up, z backwards: y points to the person's left, about which the top goes forward
    turned = s.gyr.sum(axis=0) / 100.0
    assert np.abs(s.gyr[60]).argmax() == 1
    assert np.rad2deg(s.gyr[: int(script.repetitions[0].descent_end_s * 100), 1].sum() / 100.0) == pytest.approx(60.0, abs=0.1)
    assert np.abs(turned).max() < 1e-3
    bottom = s.acc[int(script.repetitions[0].turn_s * 100)]
    assert bottom == pytest.approx([G0 * 0.5, 0.0, G0 * np.sqrt(0.75)], abs=0.02)  # the back faces up


def test_skin_follows_late_by_its_gain_and_keeps_still_while_standing():
    script = Script(0)
    script.stand(1.0)
    script.bend(80.0, 0.5, hold_s=3.0)
    motion = script.motion(sway=0.0)
    t = np.arange(0.0, motion.duration_s, 0.01)
    bone, _, _, _ = Imu(motion, Placement.LUMBAR, SensorSettings()).true_motion(t)
    skin, _, _, _ = Imu(motion, Placement.LUMBAR, SensorSettings(skin=Skin(gain=0.05, limit_rad=100.0))).true_motion(t)
    apart = np.arccos(np.clip((np.einsum("ijn,ijn->n", bone, skin) - 1.0) / 2.0, -1.0, 1.0))
    assert apart[:90].max() < 1e-6
    assert np.rad2deg(apart[int(script.repetitions[0].turn_s * 100)]) == pytest.approx(0.05 * 40.0, rel=0.01)
    late, _, _, _ = Imu(motion, Placement.LUMBAR, SensorSettings(skin=Skin(gain=0.05, limit_rad=100.0, lag_s=0.1))).true_motion(
        t
    )
    assert np.allclose(np.einsum("ijn,ijn->n", bone, late)[110:], np.einsum("ijn,ijn->n", bone, skin)[100:-10], atol=1e-9)


def test_errors_are_of_the_stated_size():
    settings = SensorSettings(
        gyr_bias=(0.01, -0.02, 0.03),
        gyr_noise=0.002,
        acc_bias=(0.05, 0.0, -0.1),
        acc_noise=0.02,
        acc_scale_error=(0.01, 0.0, 0.0),
    )
    s = simulate_sensor(standing(60.0), Placement.PELVIS, settings, seed=1)
    assert s.gyr.mean(axis=0) == pytest.approx([0.01, -0.02, 0.03], abs=2e-4)
    assert s.acc.mean(axis=0) == pytest.approx([G0 * 1.01 + 0.05, 0.0, -0.1], abs=2e-3)
    assert s.gyr.std(axis=0) == pytest.approx([0.002] * 3, rel=0.05)
    assert s.acc.std(axis=0) == pytest.approx([0.02] * 3, rel=0.05)


def test_bias_drifts_slowly_and_by_its_size():
    s = simulate_sensor(standing(1800.0), Placement.PELVIS, SensorSettings(gyr_drift_rad_s=0.001), rate_hz=1.0)
    assert 0.0005 < s.gyr.std(axis=0).mean() < 0.0015
    assert np.abs(np.diff(s.gyr, axis=0)).max() < 0.0002


def test_range_saturates_and_is_said(motion):
    settings = SensorSettings(gyr_range_dps=40.0, acc_range_g=1.1)
    s = simulate_sensor(motion, Placement.THIGH_LEFT, settings, rate_hz=50.0)
    assert np.abs(s.gyr).max() == pytest.approx(np.deg2rad(40.0))
    assert np.abs(s.acc).max() == pytest.approx(1.1 * G0)
    beyond = (np.abs(s.gyr) >= np.deg2rad(40.0)).any(axis=1) | (np.abs(s.acc) >= 1.1 * G0).any(axis=1)
    assert np.array_equal(s.saturated, beyond)
    assert 0.02 < s.saturated.mean() < 0.9


@EVERY
def test_samples_do_not_depend_on_the_block_size(motion, placement):
    settings = SensorSettings.random(np.random.default_rng(3))
    t = np.arange(3000) / 100.0
    whole = Imu(motion, placement, settings, 5).samples(t)
    imu = Imu(motion, placement, settings, 5)
    parts = [imu.samples(t[a:b]) for a, b in ((0, 1), (1, 700), (700, 701), (701, 3000))]
    assert np.array_equal(whole.acc, np.concatenate([p.acc for p in parts]))
    assert np.array_equal(whole.gyr, np.concatenate([p.gyr for p in parts]))


def test_seeds_give_sensors_of_their_own():
    a, b = (SensorSettings.random(np.random.default_rng(k)) for k in (1, 2))
    assert a.tilt_rad != b.tilt_rad
    assert a.skin != b.skin
