"""Orientation from gravity alone: upright whatever the attitude, and no heading of its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsp import rotation
from dsp.angles.inclination import from_gravity


@given(st.lists(st.tuples(*[st.floats(-30.0, 30.0)] * 3), min_size=1, max_size=20))
def test_gravity_points_up_afterwards(vectors: list[tuple[float, float, float]]) -> None:
    acc = np.array(vectors)
    quat = from_gravity(acc)
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0, atol=1e-12)
    up = rotation.rotate(np.ascontiguousarray(quat.T), np.ascontiguousarray(acc.T))
    long = np.linalg.norm(acc, axis=1) > 1e-3
    np.testing.assert_allclose(up[2][long], np.linalg.norm(acc, axis=1)[long], rtol=1e-6)


def test_upright_upside_down_and_nothing() -> None:
    quat = from_gravity(np.array([[0.0, 0.0, 9.81], [0.0, 0.0, -9.81], [0.0, 0.0, 0.0], [9.81, 0.0, 0.0]]))
    np.testing.assert_allclose(quat[:3], [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(quat[3], [np.sqrt(0.5), 0.0, -np.sqrt(0.5), 0.0], atol=1e-12)
