"""Orientations as makers write them, as matrices, quaternions or angles, brought to unit quaternions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from body_signals import Floats, HiphingeError

MATRIX: Final = tuple(f"Mat[{row}][{column}]" for row in (1, 2, 3) for column in (1, 2, 3))
EULER: Final = ("Roll", "Pitch", "Yaw")
"""Degrees; turns about z, then y, then x of the sensor."""
_ORTHONORMAL = 0.05
"""Largest deviation of a rotation matrix from an orthonormal one (ours)."""


def orientation_of(values: Floats, where: Callable[[int], str]) -> Floats:
    """Quaternions (n, 4), w x y z, of the values of 3 (angles), 4 or 9 (matrix, row by row) columns.

    where: names the place of a row. Raises `HiphingeError` for a matrix that is no rotation.
    """
    if values.shape[1] == 4:
        return np.ascontiguousarray(values)
    if values.shape[1] == 3:
        return from_angles(values)
    matrix = values.reshape(-1, 3, 3)
    error = np.abs(np.einsum("nji,njk->nik", matrix, matrix) - np.eye(3)).max(axis=(1, 2))
    wrong = np.flatnonzero((error > _ORTHONORMAL) | (np.linalg.det(matrix) < 0.0))
    if len(wrong):
        raise HiphingeError("Mat is not a rotation matrix", where(int(wrong[0])), "Correct or remove this line.")
    return quaternions(matrix)


def from_angles(degrees: Floats) -> Floats:
    """Quaternions (n, 4) of roll, pitch and yaw (n, 3), degrees: sensor → earth, turned about z, then y, then x."""
    roll, pitch, yaw = np.radians(degrees).T / 2.0
    cr, cp, cy, sr, sp, sy = np.cos(roll), np.cos(pitch), np.cos(yaw), np.sin(roll), np.sin(pitch), np.sin(yaw)
    return np.column_stack(
        (
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        )
    )


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
