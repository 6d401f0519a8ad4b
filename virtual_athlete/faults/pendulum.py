"""A sensor that hangs by its strap: a spherical pendulum, damped, whose upper end is where the sensor was worn.

u (unit vector, strap from its upper end to the sensor) obeys u'' = (f − (f·u) u) / L − |u'|² u − c u' with f = −g − a, a the
acceleration of the upper end. The sensor turns with the strap without twist (angular velocity u × u'), and twists about it like
a weak torsion spring that the upper end pushes. Steps of `STEP_S`, semi-implicit Euler.
"""

from __future__ import annotations

import math

import numpy as np

from body_signals import G0, Floats
from virtual_athlete.faults.turning import about, rotated
from virtual_athlete.sensors import Imu

STEP_S = 0.002
_BLOCK = 500
"""Steps integrated together (ours)."""
_KEPT = 2500
"""Earlier steps that are kept, because a clock may go back (ours)."""
TWIST_HZ = 0.6
"""Twist frequency of a sensor on a rubber strap of 4 cm (assumed; ours)."""


class Pendulum:
    """Integrated up to the latest request; old steps are dropped."""

    def __init__(self, imu: Imu, since_s: float, strap_m: float, from_deg: float, rng: np.random.Generator) -> None:
        self._imu, self._since_s, self._length = imu, since_s, strap_m
        self._damping = 2.0 * float(rng.uniform(0.05, 0.12)) * math.sqrt(G0 / strap_m)
        self._twist_push, self._push_along = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.0, 2.0 * math.pi))
        side, low = float(rng.uniform(0.0, 2.0 * math.pi)), math.radians(from_deg)
        self._u = np.array([math.sin(low) * math.cos(side), math.sin(low) * math.sin(side), -math.cos(low)])
        self._v = np.zeros(3)
        self._twist = (0.0, float(rng.uniform(-3.0, 3.0)))
        self._rotation = imu.true_motion(np.array([since_s]))[0][:, :, 0]
        # per step: rotation (3, 3) sensor → world, rate and specific force in the world
        self._first = 0
        self._rotations, self._rates, self._forces = np.empty((0, 3, 3)), np.empty((0, 3)), np.empty((0, 3))

    def seen(self, time_s: Floats) -> tuple[Floats, Floats]:
        """Specific force and angular rate (3, n) in sensor axes, after since_s."""
        at = (time_s - self._since_s) / STEP_S
        step = at.astype(np.int64)
        past = at - step
        self._forget(int(step.min()) - _KEPT)
        while self._first + len(self._rates) < int(step.max()) + 2:
            self._integrate()
        step = step - self._first
        rate = self._rates[step] + past[:, None] * (self._rates[step + 1] - self._rates[step])
        force = self._forces[step] + past[:, None] * (self._forces[step + 1] - self._forces[step])
        # between two steps of 2 ms the rotation is taken from the nearer one: at most 1 ms of turning
        near = self._rotations[step + (past > 0.5)]
        back = near.transpose(2, 1, 0)
        return rotated(back, force.T), rotated(back, rate.T)

    def _forget(self, before: int) -> None:
        """Steps before this one."""
        gone = min(before - self._first, len(self._rates))
        if gone > _BLOCK:
            self._rotations, self._rates, self._forces = self._rotations[gone:], self._rates[gone:], self._forces[gone:]
            self._first += gone

    def _integrate(self) -> None:
        """The next `_BLOCK` steps."""
        first, dt = self._first + len(self._rates), STEP_S
        rotation, _, acc, _ = self._imu.true_motion(
            np.asarray(self._since_s + dt * np.arange(first, first + _BLOCK), np.float64)
        )
        upper = rotated(rotation, acc)
        upper[2] -= G0
        rotations, rates, forces = np.empty((_BLOCK, 3, 3)), np.empty((_BLOCK, 3)), np.empty((_BLOCK, 3))
        stiff, slow = (2.0 * math.pi * TWIST_HZ) ** 2, 0.16 * 2.0 * math.pi * TWIST_HZ
        along = math.cos(self._push_along), math.sin(self._push_along)
        (ux, uy, uz), (vx, vy, vz) = self._u.tolist(), self._v.tolist()
        twist, twisting = self._twist
        for k, (ax, ay, az) in enumerate(upper.T.tolist()):
            fx, fy, fz = -ax, -ay, -az - G0
            pull, speed2 = fx * ux + fy * uy + fz * uz, vx * vx + vy * vy + vz * vz
            lx = (fx - pull * ux) / self._length - speed2 * ux - self._damping * vx
            ly = (fy - pull * uy) / self._length - speed2 * uy - self._damping * vy
            lz = (fz - pull * uz) / self._length - speed2 * uz - self._damping * vz
            forces[k] = ax + self._length * lx, ay + self._length * ly, az + self._length * lz + G0
            rates[k] = (
                uy * vz - uz * vy - twisting * ux,
                uz * vx - ux * vz - twisting * uy,
                ux * vy - uy * vx - twisting * uz,
            )
            vx, vy, vz = vx + dt * lx, vy + dt * ly, vz + dt * lz
            ux, uy, uz = ux + dt * vx, uy + dt * vy, uz + dt * vz
            size = math.sqrt(ux * ux + uy * uy + uz * uz)
            ux, uy, uz = ux / size, uy / size, uz / size
            radial = vx * ux + vy * uy + vz * uz
            vx, vy, vz = vx - radial * ux, vy - radial * uy, vz - radial * uz
            pushed = self._twist_push * (ax * along[0] + ay * along[1])
            twisting += dt * (pushed - stiff * twist - slow * twisting)
            twist += dt * twisting
        turns = rates * dt
        angle = np.linalg.norm(turns, axis=1)
        axis = turns / np.maximum(angle, 1e-12)[:, None]
        # every turn as a matrix of its own, side by side in memory
        turned = np.ascontiguousarray(np.moveaxis(about(axis.T, angle), 2, 0))
        for k in range(_BLOCK):
            rotations[k] = self._rotation
            self._rotation = turned[k] @ self._rotation
        # rounding must not add up over hours
        left, _, right = np.linalg.svd(self._rotation)
        self._rotation = left @ right
        self._u, self._v, self._twist = np.array([ux, uy, uz]), np.array([vx, vy, vz]), (twist, twisting)
        self._rotations = np.concatenate([self._rotations, rotations])
        self._rates = np.concatenate([self._rates, rates])
        self._forces = np.concatenate([self._forces, forces])
