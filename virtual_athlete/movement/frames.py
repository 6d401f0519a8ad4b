"""Rigid segments in motion: orientation with angular velocity and acceleration, points with velocity and acceleration.

The recursion of rigid-body kinematics along a chain of elementary rotations (e.g. Craig, Introduction to Robotics,
chapter 6): exact derivatives, no differencing. World: z up; a person who stands with heading 0 looks along +x.
Segment axes are ISB's: X anterior, Y up, Z to the right. Arrays keep the component first: (3, n), (3, 3, n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats
from virtual_athlete.movement.trajectories import Signal

X, Y, Z = 0, 1, 2
"""Segment axes: anterior, up, right."""

STANDING = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Segment → world while standing upright with heading 0: X → x, Y → z, Z → −y."""


def cross(a: Floats, b: Floats) -> Floats:
    """a × b for (3, n) arrays, or (3, n) and (3,)."""
    return np.stack((a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]))


def apply(rotation: Floats, v: Floats) -> Floats:
    """Vectors v, (3, n) or one (3,), turned by rotation (3, 3, n)."""
    turned: Floats = rotation[:, 0] * v[0] + rotation[:, 1] * v[1] + rotation[:, 2] * v[2]
    return turned


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """rotation (3, 3, n) segment → world; angular velocity `rate` and `acceleration` (3, n), in segment axes."""

    rotation: Floats
    rate: Floats
    acceleration: Floats

    @classmethod
    def standing(cls, n: int) -> Frame:
        """Upright and at rest, heading 0, at n instants."""
        return cls(np.repeat(STANDING[:, :, None], n, axis=2), np.zeros((3, n)), np.zeros((3, n)))

    def turned(self, axis: int, angle: Signal) -> Frame:
        """The frame after a rotation by `angle` about its own axis `axis`."""
        j, k = (axis + 1) % 3, (axis + 2) % 3
        c, s = np.cos(angle.value), np.sin(angle.value)
        before, rate, acceleration = self.rotation, self.rate.copy(), self.acceleration.copy()
        rotation = np.empty_like(before)
        rotation[:, axis] = before[:, axis]
        np.add(c * before[:, j], s * before[:, k], out=rotation[:, j])
        np.subtract(c * before[:, k], s * before[:, j], out=rotation[:, k])
        rate[j] = c * self.rate[j] + s * self.rate[k]
        rate[k] = c * self.rate[k] - s * self.rate[j]
        acceleration[j] = c * self.acceleration[j] + s * self.acceleration[k] + rate[k] * angle.rate
        acceleration[k] = c * self.acceleration[k] - s * self.acceleration[j] - rate[j] * angle.rate
        rate[axis] += angle.rate
        acceleration[axis] += angle.acceleration
        return Frame(rotation, rate, acceleration)

    def relative_to(self, parent: Frame) -> Floats:
        """Rotation (3, 3, n) of this segment in the parent's axes: R_parent' · R_this."""
        return np.stack([(parent.rotation[:, i, None] * self.rotation).sum(axis=0) for i in range(3)])

    def up(self) -> Floats:
        """The vertical in segment axes, (3, n)."""
        up: Floats = self.rotation[2]
        return up


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """position (m), velocity (m/s) and acceleration (m/s²) of a point in the world, each (3, n)."""

    position: Floats
    velocity: Floats
    acceleration: Floats

    @classmethod
    def of(cls, x: Signal, y: Signal, z: Signal) -> Point:
        """A point from its world coordinates."""
        return cls(
            np.stack((x.value, y.value, z.value)),
            np.stack((x.rate, y.rate, z.rate)),
            np.stack((x.acceleration, y.acceleration, z.acceleration)),
        )

    def __add__(self, other: Point) -> Point:
        return Point(self.position + other.position, self.velocity + other.velocity, self.acceleration + other.acceleration)

    def __sub__(self, other: Point) -> Point:
        return Point(self.position - other.position, self.velocity - other.velocity, self.acceleration - other.acceleration)

    def weighted(self, weight: Signal) -> Point:
        """The point's vector times a weight that changes in time."""
        w, d, a = weight.value, weight.rate, weight.acceleration
        return Point(
            w * self.position,
            w * self.velocity + d * self.position,
            w * self.acceleration + 2.0 * d * self.velocity + a * self.position,
        )

    def along(self, frame: Frame, offset: Sequence[float]) -> Point:
        """The point at `offset` (m, segment axes) from this one, fixed in `frame`."""
        r = np.asarray(offset, np.float64)
        turning = cross(frame.rate, r)
        return Point(
            self.position + apply(frame.rotation, r),
            self.velocity + apply(frame.rotation, turning),
            self.acceleration + apply(frame.rotation, cross(frame.acceleration, r) + cross(frame.rate, turning)),
        )
