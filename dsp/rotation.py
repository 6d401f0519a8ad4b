"""Quaternions and vectors, components first: a quaternion track is (4, n) in w x y z, a vector track (3, n).

Every function is element-wise (no reductions over time, no matrix products), so that a tick's result does not depend
on how many ticks are computed together: the base of live ≡ replay. Quaternions are Hamilton, unit, active.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from body_signals import Floats

FEW = 600
"""Number of quaternions below which the number of operations, not their size, determines the time; the same sums are then made
at once (ours)."""
_TERMS = np.array(((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0)))
"""Component of q that meets component j of p in component i of p ⊗ q, [i, j]."""
_SIGNS = np.array(((1.0, -1.0, -1.0, -1.0), (1.0, 1.0, 1.0, -1.0), (1.0, -1.0, 1.0, 1.0), (1.0, 1.0, -1.0, 1.0)))
"""Its sign there, [i, j]."""
_NEXT, _LAST = np.array((1, 2, 0)), np.array((2, 0, 1))


@cache
def _signs(axes: int) -> Floats:
    """`_SIGNS` [i, j, …] for p and q with these numbers of axes."""
    return _SIGNS.reshape(4, 4, *(1,) * (axes - 1))


def multiply(p: Floats, q: Floats) -> Floats:
    """Product p ⊗ q of (4, …) and (4, …), whose shapes fit each other."""
    if p.size + q.size < 4 * FEW:
        terms = q.take(_TERMS, axis=0) * _signs(max(p.ndim, q.ndim)) * p
        return np.asarray(np.add.reduce(terms, axis=1))
    pw, px, py, pz = p
    qw, qx, qy, qz = q
    w = pw * qw
    product, term = np.empty((4, *w.shape)), np.empty(w.shape)
    _, x, y, z = product
    # in place: the same sums from left to right take two thirds of the time
    w -= np.multiply(px, qx, out=term)
    w -= np.multiply(py, qy, out=term)
    np.subtract(w, np.multiply(pz, qz, out=term), out=product[0])
    np.multiply(pw, qx, out=x)
    x += np.multiply(px, qw, out=term)
    x += np.multiply(py, qz, out=term)
    x -= np.multiply(pz, qy, out=term)
    np.multiply(pw, qy, out=y)
    y -= np.multiply(px, qz, out=term)
    y += np.multiply(py, qw, out=term)
    y += np.multiply(pz, qx, out=term)
    np.multiply(pw, qz, out=z)
    z += np.multiply(px, qy, out=term)
    z -= np.multiply(py, qx, out=term)
    z += np.multiply(pz, qw, out=term)
    return product


def turn(by: Floats, q: Floats) -> Floats:
    """Product by ⊗ q for `by` of `about_vertical`: half the work of `multiply`, with the same shapes."""
    if by.size + q.size < 4 * FEW:
        return multiply(by, q)
    w, z = by[0], by[3]
    first = w * q[0] - z * q[3]
    turned = np.empty((4, *first.shape))
    turned[0] = first
    turned[1] = w * q[1] - z * q[2]
    turned[2] = w * q[2] + z * q[1]
    turned[3] = w * q[3] + z * q[0]
    return turned


def conjugate(q: Floats) -> Floats:
    """Inverse rotation."""
    inverse = np.negative(q)
    inverse[0] = q[0]
    return inverse


def rotate(q: Floats, v: Floats) -> Floats:
    """Vectors v (3, n) turned by q (4, n)."""
    w, x, y, z = q
    vx, vy, vz = v
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return np.stack((vx + w * tx + y * tz - z * ty, vy + w * ty + z * tx - x * tz, vz + w * tz + x * ty - y * tx))


def cross(u: Floats, v: Floats) -> Floats:
    """Cross product of vectors (3, …) whose shapes fit each other."""
    if u.size + v.size < 3 * FEW:
        return np.asarray(u.take(_NEXT, axis=0) * v.take(_LAST, axis=0) - u.take(_LAST, axis=0) * v.take(_NEXT, axis=0))
    x = u[1] * v[2] - u[2] * v[1]
    product = np.empty((3, *x.shape))
    product[0], product[1], product[2] = x, u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    return product


def from_half_angles(half: Floats) -> Floats:
    """Rotation (4, …) by twice the vectors (3, …) rad, below half a radian: by series, whose error is below 2e-6."""
    x, y, z = half
    squared = x * x + y * y + z * z
    q = np.empty((4, *squared.shape))
    q[0] = 1.0 - squared * (0.5 - squared * (1.0 / 24.0 - squared / 720.0))
    np.multiply(half, 1.0 - squared * (1.0 / 6.0 - squared / 120.0), out=q[1:])
    return q


def vertical_in_sensor(q: Floats) -> Floats:
    """The earth's vertical (0, 0, 1) in the rotating frame, (3, n), for q (4, n) frame → earth."""
    w, x, y, z = q
    vertical = np.empty((3, *w.shape))
    vertical[0], vertical[1], vertical[2] = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z
    return vertical


def about_vertical(angle: Floats) -> Floats:
    """Rotation by `angle` (n,) rad about the earth's vertical, (4, n)."""
    half = 0.5 * angle
    turned = np.zeros((4, *half.shape))
    turned[0], turned[3] = np.cos(half), np.sin(half)
    return turned


def twist_about_vertical(q: Floats) -> tuple[Floats, Floats]:
    """Twist (n,) of q about the vertical, rad in (-2π, 2π] before unwrapping, and its observability 0 … 1 (n,).

    The twist of Rz(a) ⊗ q is exactly that of q plus a; it is undefined where the swing is half a turn (observability 0).
    """
    w, _, _, z = q
    return 2.0 * np.arctan2(z, w), np.sqrt(w * w + z * z)


def half_turn_cosine(q0: Floats, q1: Floats) -> Floats:
    """Cosine (n,) of half the angle between q0 and q1 (4, n); negative where the two have opposite signs."""
    return np.asarray(np.add.reduce(q0 * q1, axis=0))


def interpolate(q0: Floats, q1: Floats, fraction: Floats, cosine: Floats | None = None) -> Floats:
    """Normalised linear interpolation from q0 to q1 (4, n) at `fraction` (n,) in 0 … 1, the short way round. cosine: their
    `half_turn_cosine`, where it is known.

    For the rotation between two neighbouring samples (below 10°) the error against slerp is below 0.0015°.
    """
    cosine = half_turn_cosine(q0, q1) if cosine is None else cosine
    rest = 1.0 - fraction
    # the length of the interpolated quaternion
    scale = 1.0 / np.sqrt(1.0 - 2.0 * fraction * rest * (1.0 - np.abs(cosine)))
    return np.asarray((rest * scale) * q0 + np.copysign(fraction * scale, cosine) * q1)


def within_one(sine: Floats) -> Floats:
    """The sines, limited to -1 … 1 against rounding."""
    return np.asarray(np.minimum(np.maximum(sine, -1.0), 1.0))


def cardan_zxy(q: Floats) -> Floats:
    """Intrinsic Cardan angles Z-X-Y (3, …) rad of q (4, …): flexion, lateral, axial, in that order (ISB)."""
    w, x, y, z = q
    angles = np.empty((3, *w.shape))
    np.arctan2(2.0 * (w * z - x * y), 1.0 - 2.0 * (x * x + z * z), out=angles[0])
    np.arcsin(within_one(2.0 * (y * z + w * x)), out=angles[1])
    np.arctan2(2.0 * (w * y - x * z), 1.0 - 2.0 * (x * x + y * y), out=angles[2])
    return angles


def from_axes(x: Floats, y: Floats, z: Floats) -> Floats:
    """Quaternion (4,) of the rotation whose matrix has the orthonormal rows x, y, z (3,): maps the frame in which the
    rows are written to the frame whose axes they are."""
    m = np.array((x, y, z))
    # Shepperd's method: divide by the largest component
    diagonal = np.array((m.trace(), m[0, 0], m[1, 1], m[2, 2]))
    k = int(np.argmax(diagonal))
    if k == 0:
        q = np.array((1.0 + m.trace(), m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]))
    elif k == 1:
        q = np.array((m[2, 1] - m[1, 2], 1.0 + m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]))
    elif k == 2:
        q = np.array((m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], 1.0 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1]))
    else:
        q = np.array((m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], 1.0 - m[0, 0] - m[1, 1] + m[2, 2]))
    return np.asarray(q / np.sqrt((q * q).sum()), np.float64)
