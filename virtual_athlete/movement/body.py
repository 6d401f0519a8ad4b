"""The simulated athlete's body: thighs, pelvis and a lumbar spine that bends along its length, over feet that stand.

A script moves the channels (joint angles and how the weight is carried); `Motion` turns them into segment frames and
points at any instants, with exact derivatives, and into the true angles of `body_signals.quantities.ANGLE_NAMES`. Standing
upright is zero for every angle. Angles follow ISB's joint coordinate systems (Wu 2002, doi
10.1016/S0021-9290(01)00222-6): Cardan Z-X-Y of the distal segment in the proximal one's axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from body_signals import ANGLE_NAMES, Floats, Placement
from virtual_athlete.movement.frames import Frame, Point, X, Y, Z
from virtual_athlete.movement.trajectories import Signal, Sines, Track
from virtual_athlete.movement.walking import GroundPath, Stride

SIDES = ("left", "right")
_LEFTWARD = {"left": 1.0, "right": -1.0}

CHANNELS: tuple[str, ...] = (
    "heading",
    "pelvis_turn",
    "pelvis_tilt",
    "pelvis_obliquity",
    "lumbar_flexion",
    "lumbar_lateral",
    "lumbar_rotation",
    *(f"thigh_{side}_{what}" for side in SIDES for what in ("elevation", "abduction", "rotation")),
    *(f"knee_{side}" for side in SIDES),
    "support",
    "walk",
)
"""What moves, radians. heading: of the feet, left positive; pelvis_turn: of the pelvis against the feet, left positive;
pelvis and lumbar as the angles of those names; thigh elevation (knee forward), abduction and external rotation against
the upright body; knee: flexion. Without unit: support, +1 only the left foot carries, −1 only the right, 0 both; walk,
0 … 1."""

# how far up the lumbar spine the whole motion has come, L5/S1 to L1/L2: representative flexion-extension ranges
# 17, 16, 15, 14, 12 degrees (White and Panjabi, Clinical Biomechanics of the Spine, 2nd edition 1990, table 2-5)
_LEVELS = np.cumsum([17.0, 16.0, 15.0, 14.0, 12.0]) / 74.0

_LUMBAR = ("lumbar_flexion", "lumbar_lateral", "lumbar_rotation")
_BELOW_THE_SPINE = tuple(name for name in CHANNELS if name not in _LUMBAR)

# what left-right mirroring turns round; legs change places
_ODD = ("heading", "pelvis_turn", "pelvis_obliquity", "lumbar_lateral", "lumbar_rotation", "support")


@dataclass(frozen=True, slots=True)
class Body:
    """Segment lengths in metres; the defaults are those of a person of 1.75 m (Drillis and Contini 1966, in Winter 2009)."""

    thigh: float = 0.429
    shank: float = 0.430
    ankle_height: float = 0.068
    hip_half_width: float = 0.090
    lumbar_spine: float = 0.185
    """L5/S1 to T12/L1 along the curve."""
    sacrum: tuple[float, float, float] = (-0.045, 0.085, 0.0)
    """L5/S1 from the middle of the hip joints, pelvis axes."""

    @classmethod
    def of_stature(cls, stature_m: float) -> Body:
        """The default body scaled to a stature."""
        k = stature_m / 1.75
        whole = cls()
        return cls(
            thigh=k * whole.thigh,
            shank=k * whole.shank,
            ankle_height=k * whole.ankle_height,
            hip_half_width=k * whole.hip_half_width,
            lumbar_spine=k * whole.lumbar_spine,
            sacrum=(k * whole.sacrum[0], k * whole.sacrum[1], 0.0),
        )


@dataclass(frozen=True, slots=True, eq=False)
class JointAngles:
    """True angles: time_s (n,) session time; angles: name → (n,) radians, for every name of `ANGLE_NAMES`.

    The angles are those of the kinematics, zero in the upright neutral posture; `zeroed` refers them to quiet standing.
    """

    time_s: Floats
    angles: Mapping[str, Floats]
    calibrate_s: tuple[float, ...] = ()
    """Times of the `calibrate` marks."""
    zeros: tuple[Mapping[str, float], ...] = ()
    """For each mark the mean of every angle from 1 s to 5 s after it."""

    def __len__(self) -> int:
        return len(self.time_s)

    def table(self) -> Floats:
        """(n, A), columns in the order of `ANGLE_NAMES`."""
        return np.column_stack([self.angles[name] for name in ANGLE_NAMES])

    def zeroed(self) -> JointAngles:
        """The same with the standing mean of the calibration in force removed; before the first mark, of the first.

        Without any calibration the angles are returned as they are.
        """
        if not self.zeros:
            return self
        i = np.maximum(np.searchsorted(np.array(self.calibrate_s), self.time_s, side="right") - 1, 0)
        angles = {name: a - np.array([z[name] for z in self.zeros])[i] for name, a in self.angles.items()}
        return JointAngles(self.time_s, angles, self.calibrate_s)


class Posture:
    """Frames of the segments and the points between them at `time_s` (n,), each computed when it is first asked for."""

    def __init__(self, motion: Motion, time_s: Floats) -> None:
        self._motion, self.time_s = motion, time_s
        self._body = motion.body

    @cached_property
    def _below(self) -> dict[str, Signal]:
        """All channels but those of the lumbar spine."""
        return self._motion.channels(self.time_s, _BELOW_THE_SPINE)

    @cached_property
    def _facing_and_pelvis(self) -> tuple[Frame, Frame]:
        return _facing_and_pelvis(self._below)

    @property
    def pelvis(self) -> Frame:
        """The pelvis."""
        return self._facing_and_pelvis[1]

    @cached_property
    def thigh_left(self) -> Frame:
        """The left thigh."""
        return _thigh(self._facing_and_pelvis[0], self._below, "left")

    @cached_property
    def thigh_right(self) -> Frame:
        """The right thigh."""
        return _thigh(self._facing_and_pelvis[0], self._below, "right")

    @cached_property
    def _to_hip(self) -> dict[str, Point]:
        """From each ankle to the hip above it."""
        out = {}
        for side, thigh in zip(SIDES, (self.thigh_left, self.thigh_right), strict=True):
            shank = thigh.turned(Z, -self._below[f"knee_{side}"])
            shin = _at_rest(len(self.time_s)).along(shank, (0.0, self._body.shank, 0.0))
            out[side] = shin.along(thigh, (0.0, self._body.thigh, 0.0))
        return out

    @cached_property
    def hips(self) -> Point:
        """Middle of the two hip joints."""
        facing, pelvis = self._facing_and_pelvis
        return self._motion.hips(self.time_s, self._below, facing, pelvis, self._to_hip)

    @cached_property
    def hip_left(self) -> Point:
        """The left hip joint."""
        return self._hip("left")

    @cached_property
    def hip_right(self) -> Point:
        """The right hip joint."""
        return self._hip("right")

    def _hip(self, side: str) -> Point:
        return self.hips.along(self.pelvis, (0.0, 0.0, -_LEFTWARD[side] * self._body.hip_half_width))

    @property
    def ankle_left(self) -> Point:
        """The left ankle."""
        return self.hip_left - self._to_hip["left"]

    @property
    def ankle_right(self) -> Point:
        """The right ankle."""
        return self.hip_right - self._to_hip["right"]

    @cached_property
    def _spine(self) -> tuple[Frame, Point]:
        lumbar = self._motion.channels(self.time_s, _LUMBAR)
        spine, thorax = self.hips.along(self.pelvis, self._body.sacrum), self.pelvis
        for level in _LEVELS.tolist():
            thorax = _lumbar(self.pelvis, lumbar, level)
            spine = spine.along(thorax, (0.0, self._body.lumbar_spine / len(_LEVELS), 0.0))
        return thorax, spine

    @property
    def thorax(self) -> Frame:
        """The segment at T12/L1."""
        return self._spine[0]

    @property
    def thoracolumbar(self) -> Point:
        """T12/L1."""
        return self._spine[1]

    def segment(self, placement: Placement) -> tuple[Frame, Point]:
        """Frame and origin of the segment under a placement; origins: T12/L1, middle of the hips, hip joints."""
        if placement is Placement.LUMBAR:
            return self.thorax, self.thoracolumbar
        if placement is Placement.PELVIS:
            return self.pelvis, self.hips
        if placement is Placement.THIGH_LEFT:
            return self.thigh_left, self.hip_left
        if placement is Placement.THIGH_RIGHT:
            return self.thigh_right, self.hip_right
        raise ValueError(f"no body segment for placement {placement.value!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A body that moves: the scripted tracks, postural sway on top, and walking.

    tracks and sway: by the names of `CHANNELS`; what is missing stays zero. calibrate_s: times of the calibrate marks.
    """

    tracks: Mapping[str, Track]
    duration_s: float
    sway: Mapping[str, Sines] = field(default_factory=dict)
    body: Body = field(default_factory=Body)
    stride: Stride = field(default_factory=Stride)
    calibrate_s: tuple[float, ...] = ()
    path: GroundPath = field(init=False, repr=False)

    def __post_init__(self) -> None:
        unknown = (set(self.tracks) | set(self.sway)) - set(CHANNELS)
        if unknown:
            raise ValueError(f"unknown channels: {', '.join(sorted(unknown))}")
        still = Track()
        path = GroundPath(self.tracks.get("walk", still), self.tracks.get("heading", still), self.stride.speed_m_s)
        object.__setattr__(self, "path", path)

    def channels(self, time_s: Floats, names: Iterable[str] = CHANNELS) -> dict[str, Signal]:
        """The channels `names` at `time_s` (n,): script, sway and walking together."""
        still = Track()
        out = {name: self.tracks.get(name, still).at(time_s) for name in names}
        walk = out["walk"] if "walk" in out else self.tracks.get("walk", still).at(time_s)
        striding = self.stride.harmonics(time_s).channels(names) if walk.value.any() else {}
        for name in out:
            if name in self.sway:
                out[name] = out[name] + self.sway[name].at(time_s)
            if name in striding:
                out[name] = out[name] + walk * striding[name]
        return out

    def posture(self, time_s: Floats) -> Posture:
        """Segment frames and joint positions at `time_s` (n,)."""
        return Posture(self, time_s)

    def hips(self, time_s: Floats, c: Mapping[str, Signal], facing: Frame, pelvis: Frame, to_hip: Mapping[str, Point]) -> Point:
        """Middle of the hips: over the standing feet, by the legs that carry; while walking, by the stride."""
        n = len(time_s)
        half = self.body.hip_half_width
        standing = _at_rest(n)
        for side, sign in _LEFTWARD.items():
            share = 0.5 * (c["support"] * sign + 1.0)
            foot = _at_rest(n).along(facing, (0.0, self.body.ankle_height, -sign * half))
            below = _at_rest(n).along(pelvis, (0.0, 0.0, -sign * half))
            standing = standing + (foot + to_hip[side] - below).weighted(share)
        x, y = self.path.at(time_s)
        ground = Point.of(x, y, Signal.constant(0.0, n))
        walk = c["walk"]
        if not walk.value.any():
            return ground + standing
        surge, left, rise = self.stride.harmonics(time_s).hips()
        height = self.body.ankle_height + self.body.shank + self.body.thigh
        heading_cos, heading_sin = c["heading"].cosine(), c["heading"].sine()
        striding = Point.of(
            surge * heading_cos - left * heading_sin,
            surge * heading_sin + left * heading_cos,
            rise + height,
        )
        return ground + standing.weighted(-walk + 1.0) + striding.weighted(walk)

    def angles(self, time_s: Floats) -> dict[str, Floats]:
        """The true angles at `time_s` (n,), radians, as defined by the kinematics."""
        c = self.channels(time_s)
        facing, pelvis = _facing_and_pelvis(c)
        return angles_of(pelvis, _lumbar(pelvis, c, 1.0), _thigh(facing, c, "left"), _thigh(facing, c, "right"))

    def truth(self, time_s: Floats) -> JointAngles:
        """`angles` with the zeros of the calibrations."""
        zeros = []
        for mark in self.calibrate_s:
            standing = self.angles(np.arange(mark + 1.0, mark + 5.0, 0.01))
            zeros.append({name: float(a.mean()) for name, a in standing.items()})
        return JointAngles(time_s, self.angles(time_s), self.calibrate_s, tuple(zeros))

    def segment(self, placement: Placement, time_s: Floats) -> tuple[Frame, Point]:
        """See `Posture.segment`."""
        return self.posture(time_s).segment(placement)

    def mirrored(self) -> Motion:
        """The same motion with left and right exchanged."""

        def partner(name: str) -> str:
            return name.replace("left", "right") if "left" in name else name.replace("right", "left")

        def sign(name: str) -> float:
            return -1.0 if name in _ODD else 1.0

        return Motion(
            {partner(k): v.scaled(sign(k)) for k, v in self.tracks.items()},
            self.duration_s,
            {partner(k): v.scaled(sign(k)) for k, v in self.sway.items()},
            self.body,
            self.stride.mirrored(),
            self.calibrate_s,
        )


class Moving(Protocol):
    """What moves the sensors that are worn: a `Motion`, or one whose sensors share their instants."""

    def posture(self, time_s: Floats) -> Posture:
        """See `Motion.posture`."""
        ...

    def channels(self, time_s: Floats, names: Iterable[str] = CHANNELS) -> dict[str, Signal]:
        """See `Motion.channels`."""
        ...


class SharedInstants:
    """A motion of which several sensors are asked for the same instants, one after another: the last posture is kept."""

    def __init__(self, motion: Motion) -> None:
        self._motion = motion
        self._last: Posture | None = None

    def posture(self, time_s: Floats) -> Posture:
        """See `Motion.posture`."""
        if self._last is None or not np.array_equal(self._last.time_s, time_s):
            self._last = self._motion.posture(time_s)
        return self._last

    def channels(self, time_s: Floats, names: Iterable[str] = CHANNELS) -> dict[str, Signal]:
        """See `Motion.channels`."""
        return self._motion.channels(time_s, names)


def angles_of(pelvis: Frame, thorax: Frame, thigh_left: Frame, thigh_right: Frame) -> dict[str, Floats]:
    """Every angle of `ANGLE_NAMES` (n,), radians, of four segments."""
    out: dict[str, Floats] = {}
    flexion, lateral, axial = cardan_zxy(thorax.relative_to(pelvis))
    out["lumbar_flexion"], out["lumbar_lateral"], out["lumbar_rotation"] = -flexion, lateral, axial
    out["pelvis_tilt"] = forward_inclination(pelvis)
    out["pelvis_obliquity"] = -np.arcsin(np.clip(pelvis.up()[Z], -1.0, 1.0))
    out["trunk_inclination"] = forward_inclination(thorax)
    for side, thigh in (("left", thigh_left), ("right", thigh_right)):
        flexion, lateral, axial = cardan_zxy(thigh.relative_to(pelvis))
        out[f"hip_{side}_flexion"] = flexion
        out[f"hip_{side}_abduction"] = _LEFTWARD[side] * lateral
        out[f"hip_{side}_rotation"] = _LEFTWARD[side] * axial
        out[f"thigh_{side}_inclination"] = -forward_inclination(thigh)
    return {name: out[name] for name in ANGLE_NAMES}


def cardan_zxy(rotation: Floats) -> tuple[Floats, Floats, Floats]:
    """Angles (n,) about Z, X and Y of rotation (3, 3, n) = Rz · Rx · Ry."""
    about_z = np.arctan2(-rotation[0, 1], rotation[1, 1])
    about_x = np.arcsin(np.clip(rotation[2, 1], -1.0, 1.0))
    about_y = np.arctan2(-rotation[2, 0], rotation[2, 2])
    return about_z, about_x, about_y


def forward_inclination(segment: Frame) -> Floats:
    """How far (n,) the segment's top leans forward: the vertical seen in the segment's sagittal plane, from gravity alone.

    This is the last of the angles heading, obliquity, tilt.
    """
    up = segment.up()
    return np.asarray(np.arctan2(-up[X], up[Y]), np.float64)


def _facing_and_pelvis(c: Mapping[str, Signal]) -> tuple[Frame, Frame]:
    """The direction of the feet, upright, and the pelvis: heading, then obliquity, then tilt."""
    facing = Frame.standing(len(c["heading"].value)).turned(Y, c["heading"])
    return facing, facing.turned(Y, c["pelvis_turn"]).turned(X, c["pelvis_obliquity"]).turned(Z, -c["pelvis_tilt"])


def _thigh(facing: Frame, c: Mapping[str, Signal], side: str) -> Frame:
    sign = _LEFTWARD[side]
    return (
        facing.turned(Z, c[f"thigh_{side}_elevation"])
        .turned(X, sign * c[f"thigh_{side}_abduction"])
        .turned(Y, sign * c[f"thigh_{side}_rotation"])
    )


def _lumbar(pelvis: Frame, c: Mapping[str, Signal], share: float) -> Frame:
    """The vertebra at which `share` of the lumbar motion has happened."""
    return (
        pelvis.turned(Z, -share * c["lumbar_flexion"])
        .turned(X, share * c["lumbar_lateral"])
        .turned(Y, share * c["lumbar_rotation"])
    )


def _at_rest(n: int) -> Point:
    return Point(np.zeros((3, n)), np.zeros((3, n)), np.zeros((3, n)))
