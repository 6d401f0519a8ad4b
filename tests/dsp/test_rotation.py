"""Quaternion arithmetic against scipy's rotations, the law of the twist, and that nothing depends on its neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dsp import rotation

seeds = st.integers(0, 2**32 - 1)


def quaternions(seed, n=20):
    """Evenly spread rotations, (4, n)."""
    q = np.random.default_rng(seed).normal(size=(4, n))
    return q / np.linalg.norm(q, axis=0)


def scipy_of(q):
    return Rotation.from_quat(q.T, scalar_first=True)


def vectors(seed, n=20):
    return np.random.default_rng([seed, 1]).normal(size=(3, n))


def turned_by(p, q):
    """Angle between two rotations, whatever the sign of the quaternions."""
    return (scipy_of(p).inv() * scipy_of(q)).magnitude()


def wrapped(a):
    return np.remainder(a + np.pi, 2 * np.pi) - np.pi


@given(seeds, seeds)
def test_cross_product(a, b):
    u, v = vectors(a), vectors(b)
    assert rotation.cross(u, v) == pytest.approx(np.cross(u.T, v.T).T, abs=1e-12)


@given(seeds, st.floats(0.0, 0.5))
def test_turn_by_a_small_vector(seed, length):
    half = vectors(seed)
    half *= length / np.linalg.norm(half, axis=0)
    assert rotation.from_half_angles(half) == pytest.approx(
        Rotation.from_rotvec(2.0 * half.T).as_quat(scalar_first=True).T, abs=2e-6
    )


@given(seeds)
def test_shapes_that_fit_each_other(seed):
    """One more axis: each of several with one, and each with its own."""
    p, q = quaternions(seed, 12).reshape(4, 3, 4), quaternions(seed + 1, 12).reshape(4, 3, 4)
    one = rotation.multiply(p[:, :1], q)
    each = rotation.multiply(p, q)
    for i in range(3):
        assert one[:, i].tobytes() == rotation.multiply(p[:, 0], q[:, i]).tobytes()
        assert each[:, i].tobytes() == rotation.multiply(p[:, i], q[:, i]).tobytes()


@given(seeds, seeds)
def test_product_is_one_turn_after_the_other(a, b):
    p, q = quaternions(a), quaternions(b)
    v = vectors(a)
    assert rotation.rotate(rotation.multiply(p, q), v) == pytest.approx(rotation.rotate(p, rotation.rotate(q, v)), abs=1e-12)
    assert turned_by(rotation.multiply(p, q), (scipy_of(p) * scipy_of(q)).as_quat(scalar_first=True).T).max() < 1e-7


@given(seeds)
def test_one_rotation_times_many(a):
    one, many = quaternions(a, 1), quaternions(a + 1)
    assert np.array_equal(rotation.multiply(one, many), rotation.multiply(np.repeat(one, 20, axis=1), many))


@given(seeds)
def test_rotate_as_scipy(a):
    q, v = quaternions(a), vectors(a)
    found = rotation.rotate(q, v).T
    assert found == pytest.approx(scipy_of(q).apply(v.T), abs=1e-12)


@given(seeds)
def test_conjugate_undoes(a):
    q, v = quaternions(a), vectors(a)
    assert rotation.rotate(rotation.conjugate(q), rotation.rotate(q, v)) == pytest.approx(v, abs=1e-12)


@given(seeds)
def test_vertical_in_sensor_is_the_third_row(a):
    q = quaternions(a)
    found = rotation.vertical_in_sensor(q).T
    assert found == pytest.approx(scipy_of(q).as_matrix()[:, 2, :], abs=1e-12)


@given(seeds)
def test_cardan_angles_as_scipy(a):
    q = quaternions(a)
    assert pytest.approx(scipy_of(q).as_euler("ZXY"), abs=1e-6) == rotation.cardan_zxy(q).T


def test_cardan_angle_at_the_pole_is_finite():
    q = scipy_straight_up()
    flexion, lateral, axial = rotation.cardan_zxy(q)
    assert np.isfinite([flexion, lateral, axial]).all()
    assert lateral == pytest.approx(np.pi / 2, abs=1e-7)


def scipy_straight_up():
    return Rotation.from_euler("ZXY", [[30.0, 90.0, 20.0]], degrees=True).as_quat(scalar_first=True).T


@given(seeds, st.floats(-20.0, 20.0))
def test_twist_law(a, angle):
    """twist(Rz(a) ⊗ q) = twist(q) + a, and the swing that is left does not change the observability."""
    q = quaternions(a)
    before, seen = rotation.twist_about_vertical(q)
    after, seen_after = rotation.twist_about_vertical(rotation.multiply(rotation.about_vertical(np.full(20, angle)), q))
    error = np.abs(wrapped(after - before - angle)) * seen
    assert error.max() < 1e-12
    assert seen_after == pytest.approx(seen, abs=1e-12)


def test_twist_of_a_tilt_is_nothing_and_of_half_a_turn_unknown():
    tilt = Rotation.from_rotvec(np.radians([[40.0, 0, 0], [0, -80.0, 0], [0, 180.0, 0]])).as_quat(scalar_first=True).T
    twist, seen = rotation.twist_about_vertical(tilt)
    assert twist[:2] == pytest.approx(0.0, abs=1e-12)
    assert seen == pytest.approx([np.cos(np.radians(20)), np.cos(np.radians(40)), 0.0], abs=1e-12)


@given(seeds, st.floats(0.0, 10.0), st.floats(0.0, 1.0), st.booleans())
def test_interpolation_between_neighbours_as_slerp(a, step_deg, fraction, other_sign):
    q0 = quaternions(a, 1)
    axis = vectors(a, 1)[:, 0]
    step = Rotation.from_rotvec(np.radians(step_deg) * axis / np.linalg.norm(axis))
    whole, part = scipy_of(q0) * step, scipy_of(q0) * step**fraction
    q1 = whole.as_quat(scalar_first=True).T * (-1.0 if other_sign else 1.0)
    found = rotation.interpolate(q0, q1, np.array([fraction]))
    assert np.degrees(turned_by(found, part.as_quat(scalar_first=True).T)).max() < 0.0015
    assert np.linalg.norm(found) == pytest.approx(1.0, abs=1e-12)


@given(seeds)
def test_from_axes_gives_the_matrix_back(a):
    x, y, z = scipy_of(quaternions(a, 1)).as_matrix()[0]
    q = rotation.from_axes(x, y, z)
    assert scipy_of(q[:, None]).as_matrix()[0] == pytest.approx(np.array([x, y, z]), abs=1e-12)


@pytest.mark.parametrize("half_turn", [(0, 0, 0), (np.pi, 0, 0), (0, np.pi, 0), (0, 0, np.pi)])
def test_from_axes_at_half_turns(half_turn):
    """Where the trace is −1 the other branches of Shepperd's method are needed."""
    m = Rotation.from_rotvec(half_turn).as_matrix()
    q = rotation.from_axes(*m)
    assert scipy_of(q[:, None]).as_matrix()[0] == pytest.approx(m, abs=1e-12)


FUNCTIONS = {
    "multiply": lambda q, v, f: rotation.multiply(q, q[::-1]),
    "multiply one": lambda q, v, f: rotation.multiply(q, quaternions(1, 1)),
    "turn": lambda q, v, f: rotation.turn(rotation.about_vertical(f), q),
    "cross": lambda q, v, f: rotation.cross(v, v[::-1]),
    "from_half_angles": lambda q, v, f: rotation.from_half_angles(0.1 * v),
    "conjugate": lambda q, v, f: rotation.conjugate(q),
    "rotate": lambda q, v, f: rotation.rotate(q, v),
    "vertical": lambda q, v, f: rotation.vertical_in_sensor(q),
    "about_vertical": lambda q, v, f: rotation.about_vertical(f),
    "twist": lambda q, v, f: np.stack(rotation.twist_about_vertical(q)),
    "interpolate": lambda q, v, f: rotation.interpolate(q, q[::-1], f),
    "cardan": lambda q, v, f: rotation.cardan_zxy(q),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(seed=seeds, n=st.one_of(st.integers(1, 67), st.just(rotation.FEW + 100)), cut=st.integers(0, 67))
def test_a_part_gives_the_same_bits_as_the_whole(name, seed, n, cut):
    """The base of live ≡ replay: a tick's result must not depend on how many ticks are computed together."""
    q, v = quaternions(seed, n), vectors(seed, n)
    f = np.random.default_rng([seed, 2]).uniform(size=n)
    whole = FUNCTIONS[name](q, v, f)
    k = min(cut, n)
    parts = [FUNCTIONS[name](q[:, s], v[:, s], f[s]) for s in (slice(0, k), slice(k, n))]
    assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()
