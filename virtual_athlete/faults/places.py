"""Sensors that are not where they were worn: slid on the skin, fallen to the floor, hanging by the strap, tumbling, exchanged.

Each begins with the orientation and velocity that the worn sensor has at `since_s`, and then follows mechanics: free fall and
impacts, a pendulum that the body drives, or turns about known axes. Rates and specific forces are exact, or, of the pendulum,
integrated in steps of `STEP_S`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from body_signals import G0, Floats
from virtual_athlete.faults.fault import Moved, PlaceFault
from virtual_athlete.faults.pendulum import Pendulum
from virtual_athlete.faults.turning import about, rotated, rotation_vector
from virtual_athlete.movement import Frame, Move, Signal, Sines, Track, X, Y, Z
from virtual_athlete.sensors import Imu

FLOOR_M = 0.01
"""Height of a sensor's middle when it lies on the floor, m (ours)."""
CONTACT_S = 0.02
"""Duration of an impact, s: plastic on a sports floor, as seen through a sensor's own low-pass filter (assumed; ours)."""
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True)
class Slid(PlaceFault):
    """The sensor turns on the skin by angle_deg about one of its own axes within over_s, and stays so.

    about_axis: 2 (z, outwards) twists it in place, 0 (x, along the segment) lets it slide round, 1 tips it.
    """

    angle_deg: float = 25.0
    about_axis: int = 2
    over_s: float = 0.6

    def begin(self, imu: Imu) -> Moved:
        """See `PlaceFault.begin`."""
        track = Track([Move(self.since_s, self.since_s + self.over_s, 0.0, math.radians(self.angle_deg))])
        axis = np.eye(3)[self.about_axis]

        def moved(time_s: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
            turn = track.at(time_s)
            back = about(axis, -turn.value)
            return rotated(back, acc), rotated(back, gyr) + axis[:, None] * turn.rate

        return moved


@dataclass(frozen=True, slots=True)
class OtherSensor(PlaceFault):
    """After away_s another sensor is worn at the same place, turned by angle_deg about its z; it has other biases, and in a
    stream another serial number and boot id. A file has no samples while it is away."""

    angle_deg: float = 40.0
    away_s: float = 6.0

    def begin(self, imu: Imu) -> Moved:
        """See `PlaceFault.begin`."""
        rng = np.random.default_rng([self.seed, 31])
        back = about(_UP, np.array([-math.radians(self.angle_deg)]))[:, :, 0]
        acc_bias, gyr_bias = rng.normal(0.0, 0.04, (3, 1)), np.deg2rad(rng.normal(0.0, 0.5, (3, 1)))

        def moved(time_s: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
            other = time_s >= self.since_s
            return np.where(other, back @ acc + acc_bias, acc), np.where(other, back @ gyr + gyr_bias, gyr)

        return moved


@dataclass(frozen=True, slots=True)
class Falling(PlaceFault):
    """The sensor comes off, falls freely (0.3 to 0.5 s from hip or back), bounces twice and lies on the floor.

    It leaves with the segment's velocity and rate, and a twist of up to some 200 °/s from the strap that let go. It comes to
    lie on one of its faces, mostly a large one, with up to 6° from what is beneath.
    """

    def begin(self, imu: Imu) -> Moved:
        """See `PlaceFault.begin`."""
        fall = _Fall(imu, self.since_s, np.random.default_rng([self.seed, 32]))

        def moved(time_s: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
            off = time_s >= self.since_s
            if not off.any():
                return acc, gyr
            force, rate = fall.seen(time_s[off])
            acc, gyr = acc.copy(), gyr.copy()
            acc[:, off], gyr[:, off] = force, rate
            return acc, gyr

        return moved


class _Fall:
    """One fall: three contacts with the floor at `contacts` (start and speed gained, m/s), free flight between."""

    def __init__(self, imu: Imu, since_s: float, rng: np.random.Generator) -> None:
        h = 1e-3
        rotation, place, _, gyr = imu.true_motion(np.array([since_s - h, since_s, since_s + h]))
        rise = float(place[2, 2] - place[2, 0]) / (2.0 * h)
        self._leaves_s, self._worn = since_s, rotation[:, :, 1]
        rate = gyr[:, 1] + np.deg2rad(rng.uniform(-200.0, 200.0, 3)) / math.sqrt(3.0)
        self._rate = rate
        height = max(float(place[2, 1]) - FLOOR_M, 0.05)
        falls_s = (rise + math.sqrt(rise * rise + 2.0 * G0 * height)) / G0
        speed, at_s = G0 * falls_s - rise, since_s + falls_s
        self._lands_s, self.contacts = at_s, []
        for back in (float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.1, 0.3)), 0.0):
            self.contacts.append((at_s, speed * (1.0 + back)))
            speed *= back
            at_s += CONTACT_S + 2.0 * speed / G0
        self._lies_s = at_s
        self._landed = self._worn @ _turned_by(rate * falls_s)
        face = int(rng.choice(3, p=(0.1, 0.1, 0.8)))
        up = np.eye(3)[face] * rng.choice((-1.0, 1.0)) + np.tan(np.deg2rad(rng.uniform(-6.0, 6.0, 3)))
        up /= np.linalg.norm(up)
        self._settle = rotation_vector(self._landed @ up, _UP)
        self._settles_s = self._lies_s - self._lands_s + float(rng.uniform(0.1, 0.3))
        self._slides = rng.normal(0.0, 0.2, (3, 2))

    def seen(self, time_s: Floats) -> tuple[Floats, Floats]:
        """Specific force and rate (3, n) after it has come off."""
        flying = np.minimum(time_s, self._lands_s) - self._leaves_s
        u = np.clip((time_s - self._lands_s) / self._settles_s, 0.0, 1.0)
        angle, in_air = float(np.linalg.norm(self._rate)), time_s < self._lands_s
        turn = float(np.linalg.norm(self._settle))
        spin = about(self._rate / angle, angle * flying)
        settle = about(self._settle / max(turn, 1e-12), turn * (1.0 - (1.0 - u) ** 3))
        rotation = np.where(in_air, np.einsum("ij,jkn->ikn", self._worn, spin), np.einsum("ijn,jk->ikn", settle, self._landed))
        settling = self._settle[:, None] * 3.0 * (1.0 - u) ** 2 / self._settles_s
        back = rotation.transpose(1, 0, 2)
        rate = np.where(in_air, self._rate[:, None], rotated(back, settling))
        force = np.zeros((3, len(time_s)))
        force[2, time_s >= self._lies_s] = G0
        for k, (at_s, gained) in enumerate(self.contacts):
            pushed = np.sin(np.pi * np.clip((time_s - at_s) / CONTACT_S, 0.0, 1.0)) * 0.5 * np.pi * (gained / CONTACT_S + G0)
            force[2] = np.maximum(force[2], pushed)
            if k < 2:
                force[:2] += self._slides[k % 3, :, None] * pushed
        return rotated(back, force), rate


@dataclass(frozen=True, slots=True)
class Hanging(PlaceFault):
    """The sensor comes off and hangs by its strap: a damped pendulum, its upper end carried by the body, that twists.

    strap_m: its length. It starts from the side, from_deg away from hanging straight, and turns by that as it comes to rest.
    """

    strap_m: float = 0.2
    from_deg: float = 70.0

    def begin(self, imu: Imu) -> Moved:
        """See `PlaceFault.begin`."""
        pendulum = Pendulum(imu, self.since_s, self.strap_m, self.from_deg, np.random.default_rng([self.seed, 33]))

        def moved(time_s: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
            off = time_s >= self.since_s
            if not off.any():
                return acc, gyr
            acc, gyr = acc.copy(), gyr.copy()
            acc[:, off], gyr[:, off] = pendulum.seen(time_s[off])
            return acc, gyr

        return moved


@dataclass(frozen=True, slots=True)
class Tumbling(PlaceFault):
    """The sensor is loose and thrown about for as long as the session lasts: it turns about all axes, some 450 °/s in all,
    and is pushed by a few m/s², while the body does what it does."""

    def begin(self, imu: Imu) -> Moved:
        """See `PlaceFault.begin`."""
        rng = np.random.default_rng([self.seed, 34])
        worn = imu.true_motion(np.array([self.since_s]))[0]
        growing = Track([Move(self.since_s, self.since_s + 0.5, 0.0, 1.0)])
        turns = [Sines.random(rng, 1.0, (0.3, 1.2)) for _ in range(3)]
        pushes = [Sines.random(rng, 2.5, (1.0, 6.0)) for _ in range(3)]

        def moved(time_s: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
            off = time_s >= self.since_s
            if not off.any():
                return acc, gyr
            at_s = time_s[off]
            n, grown = len(at_s), growing.at(at_s)
            frame = Frame(np.repeat(worn, n, axis=2), np.zeros((3, n)), np.zeros((3, n)))
            for axis, sines in zip((Z, X, Y), turns, strict=True):
                start = float(sines.at(np.array([self.since_s])).value[0])
                frame = frame.turned(axis, grown * (sines.at(at_s) + Signal.constant(-start, n)))
            force = np.stack([grown.value * sines.at(at_s).value for sines in pushes])
            force[2] += G0
            acc, gyr = acc.copy(), gyr.copy()
            acc[:, off], gyr[:, off] = rotated(frame.rotation.transpose(1, 0, 2), force), frame.rate
            return acc, gyr

        return moved


def _turned_by(vector: Floats) -> Floats:
    """The rotation (3, 3) by a rotation vector (3,)."""
    angle = float(np.linalg.norm(vector))
    return about(vector / max(angle, 1e-12), np.array([angle]))[:, :, 0]
