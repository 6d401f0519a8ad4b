"""The relative headings of all joints together, and the rotation of the other sensors to the pelvis's heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Bools, Floats
from dsp import rotation
from dsp.alignment.alignment import Alignment
from dsp.angles import uncertainty
from dsp.angles.joints import JOINTS, PELVIS, Joint, forward_tilt, relative_twist
from dsp.grid.ticks import LOOK_STRIDE, Ticks, pieces, places
from dsp.heading.filter import KNOWN_SD_RAD, LOST_SD_RAD, HeadingTrack, RelativeHeading
from dsp.heading.joint_acceleration import Sighting
from dsp.results import Flags


@dataclass(frozen=True, slots=True, eq=False)
class JointHeadings:
    """Headings of j joints at m ticks: offset (j, m) rad to subtract from the distal sensor's heading, its stated variance
    (j, m) rad², whether it is known (j, m)."""

    joints: tuple[Joint, ...]
    offset: Floats
    variance: Floats
    known: Bools

    @classmethod
    def of(cls, tracks: Mapping[str, HeadingTrack], ticks: int) -> JointHeadings:
        """Of the joints that have a track, by name."""
        there = tuple(joint for joint in JOINTS if joint.name in tracks)
        if not there:
            return cls((), np.empty((0, ticks)), np.empty((0, ticks)), np.empty((0, ticks), np.bool_))
        each = [tracks[joint.name] for joint in there]
        own = np.stack([t.sd for t in each])
        variance = uncertainty.heading_variance(np.square(own), np.stack([t.spread for t in each]))
        return cls(there, np.stack([t.offset for t in each]), variance, np.stack([t.known for t in each]))


def with_one_heading(ticks: Ticks, headings: JointHeadings) -> Ticks:
    """The same ticks with the other sensors turned to the pelvis's heading, where the relative heading is known."""
    known = np.count_nonzero(headings.known)
    if not known:
        return ticks
    distal = places(ticks.keys, tuple(joint.distal for joint in headings.joints))
    offset = headings.offset if known == headings.known.size else np.where(headings.known, headings.offset, 0.0)
    quat = ticks.quat.copy()
    for part in pieces(len(ticks)):
        turn = rotation.about_vertical(-offset[:, part])
        quat[:, distal, part] = rotation.turn(turn, ticks.quat[:, distal, part])
    return ticks.turned(quat)


def heading_epochs(ticks: Ticks, joint: Joint) -> tuple[Flags, Flags]:
    """Heading epochs (m,) of the joint's distal sensor and of the pelvis sensor."""
    return ticks.heading_epoch[ticks.keys.index(joint.distal)], ticks.heading_epoch[ticks.keys.index(PELVIS)]


def joint_twist(
    ticks: Ticks, alignment: Alignment, joint: Joint, *, from_tick_0: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Twist (m,), its observability (m,) and the sagittal flexion (m,) of a joint, at every `LOOK_STRIDE`th tick; NaN between.

    They are counted from the first of these ticks, or (from_tick_0) stand at the multiples of `LOOK_STRIDE`. All are NaN where
    the joint's two sensors are not both aligned.
    """
    result = np.full((3, len(ticks)), np.nan)
    first = (-ticks.first) % LOOK_STRIDE if from_tick_0 else 0
    if first < len(ticks) and joint.distal in alignment.to_segment and PELVIS in alignment.to_segment:
        part = slice(first, None, LOOK_STRIDE)
        distal, pelvis = (
            rotation.multiply(ticks.quat[:, ticks.keys.index(key), part], alignment.from_segment[key])
            for key in (joint.distal, PELVIS)
        )
        result[0, part], result[1, part] = relative_twist(distal, pelvis)
        result[2, part] = forward_tilt(rotation.vertical_in_sensor(distal))
        result[2, part] -= forward_tilt(rotation.vertical_in_sensor(pelvis))
    return result[0], result[1], result[2]


def standing_twist(twist: Floats, epoch_a: Flags, epoch_b: Flags) -> tuple[float, tuple[int, int] | None]:
    """Mean direction of the twist over a standing's last pair of heading epochs, and those epochs; None without samples."""
    at = np.flatnonzero(np.isfinite(twist))
    if not len(at):
        return 0.0, None
    epochs = (int(epoch_a[at[-1]]), int(epoch_b[at[-1]]))
    same = at[(epoch_a[at] == epochs[0]) & (epoch_b[at] == epochs[1])]
    return float(np.arctan2(np.sin(twist[same]).mean(), np.cos(twist[same]).mean())), epochs


class RelativeHeadings:
    """Causal headings of several joints, by name; between two updates all are extrapolated at once."""

    def __init__(self, rate_hz: float, headings: Mapping[str, RelativeHeading]) -> None:
        self.joints = tuple(joint for joint in JOINTS if joint.name in headings)
        self._since = np.arange(LOOK_STRIDE) / rate_hz
        self._headings = headings
        self._held: tuple[Floats, Bools, Flags] | None = None
        """Offset, rate and stated variance (3, j, 1) after the last update, whether it is known (j, 1), and the heading
        epochs (2, j, 1) then."""

    def feed(self, ticks: Ticks, alignment: Alignment | None, seen: Mapping[str, Sequence[Sighting]]) -> JointHeadings:
        """Headings at ticks in order: from the twist under an alignment, before it from the sightings at the joints, by
        name."""
        lead, m = ticks.first % LOOK_STRIDE, len(ticks)
        if not self.joints:
            return JointHeadings.of({}, m)
        if alignment is not None and 0 < lead <= LOOK_STRIDE - m and self._hold():
            return self._between_updates(ticks, slice(lead, lead + m))
        self._held = None
        twists: tuple[Floats, Floats, Floats] = (np.full(m, np.nan),) * 3
        tracks = {}
        for joint in self.joints:
            if alignment is not None:
                twists = joint_twist(ticks, alignment, joint, from_tick_0=True)
            distal, pelvis = heading_epochs(ticks, joint)
            heading, sightings = self._headings[joint.name], seen.get(joint.name, ())
            tracks[joint.name] = heading.feed(ticks.first, *twists, distal, pelvis, sightings)
        return JointHeadings.of(tracks, m)

    def _hold(self) -> bool:
        """Whether every joint's heading has begun, so that it can be extrapolated."""
        if self._held is None:
            states = [(self._headings[joint.name].state, self._headings[joint.name].epochs) for joint in self.joints]
            begun = [(*s.seen(), *epochs) for s, epochs in states if s is not None]
            if len(begun) < len(states):
                return False
            table = np.array(begun).reshape(-1, 6).T[:, :, None]
            own = np.sqrt(table[2])
            # by way of the standard deviation, as `JointHeadings.of`: the same to the last bit
            stated = uncertainty.heading_variance(np.square(own), table[3])
            self._held = np.stack((table[0], table[1], stated)), own < KNOWN_SD_RAD, table[4:].astype(np.int32)
        return True

    def _between_updates(self, ticks: Ticks, part: slice) -> JointHeadings:
        """Headings at ticks between two updates: `part` of the stride."""
        assert self._held is not None
        (offset, rate, stated), certain, (distal, pelvis) = self._held
        variance, known = stated.repeat(len(ticks), axis=1), certain.repeat(len(ticks), axis=1)
        sensors = places(ticks.keys, tuple(joint.distal for joint in self.joints))
        other = ticks.heading_epoch[sensors] != distal
        other |= ticks.heading_epoch[ticks.keys.index(PELVIS)] != pelvis
        if np.count_nonzero(other):
            variance[other], known[other] = LOST_SD_RAD**2, False
        return JointHeadings(self.joints, offset + rate * self._since[part], variance, known)
