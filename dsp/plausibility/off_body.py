"""A sensor that is not on the body any more: it lies on the floor, hangs by its strap, or tumbles, while the others are worn.

Looked at every `LOOK_STRIDE` ticks, in the segments' orientations. A sensor counts as off the body from the look at which one
of these is seen:
- it lies still: its turning is the noise of a sensor, which no body's is, away from how it stood, while most others move;
- it fell: it turned as no other segment did, and has lain still since;
- it came loose (`LooseWatch`), and does not stand as it did when all others do;
- it rests: for seconds a thigh turned by less than any body does, as it stood, while the three others moved as in squats;
- its joints: for most of a second the angles of the joints at it were beyond what a body can do, or turned faster than a joint
  can. The hip that is beyond its range tells of the thigh; when the lumbar spine and a hip are, or both hips, it is the pelvis.
Both thighs of somebody who sits may be as still as a chair; one thigh alone may not.

It is over when the sensor stands as it did at the calibration for `LOOKS_S` while all stand still, and has moved since. It may
have been put back in another place, so it counts as slipped from then on. A calibration begins anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from body_signals import Bools, Cause, Floats, Ints, Placement
from dsp import rotation
from dsp.alignment.slip import LOOKS_S, SAME_RAD, SLIPPED_RAD, STILL_RAD
from dsp.angles.joints import JOINTS, PELVIS
from dsp.grid.ticks import LOOK_STRIDE
from dsp.plausibility.body_range import FASTEST_DEG_S
from dsp.plausibility.doubts.loose import ANYWHERE_RAD, LooseWatch
from dsp.plausibility.doubts.slips import LOOKS, SlipDoubts
from dsp.plausibility.doubts.strides import StrideDoubts
from dsp.results import Finding

QUIET_RAD, DRIFT_RAD = np.radians(0.06), np.radians(0.15)
"""A sensor that lies turns in one half of some looks as it did in the other within the first, and from look to look, 0.2 s
later, by no more than the second, which its filter may still correct. Who stands still sways at 0.5 °/s, to and fro (ours)."""
RESTS_RAD, RESTS_LOOKS, HUB_OTHERS = np.radians(0.2), 5, 3
"""A pelvis turns by more from look to look, within five looks, when the lumbar spine and both thighs move (ours)."""
FALLEN_RESTS_RAD, FALLEN_LOOKS = np.radians(0.3), 4
"""One that was seen to fall turns by less from look to look, within four looks, though all others move (ours)."""
REST_LOOKS, STIRRED_LOOKS = 20, 8
"""Looks in a row at each of which a thigh turned by less than `QUIET_RAD`, and at as many of them as the second all three
others moved (ours)."""
FALLEN_HALF, LIES_HALF = 2, 3
"""Looks in each half, of a sensor that was seen to fall and of one that was not (ours)."""
MOVED_RAD = np.radians(5.0)
"""Another segment has moved when it turned by more within the same time (ours)."""
AWAY_RAD, FAR_RAD = np.radians(15.0), np.radians(25.0)
"""A sensor that lies is further than the first from how it stood; one that was seen to fall further than the second (ours)."""
SEAT_RAD = np.radians(40.0)
"""The thighs of somebody who sits are inclined alike within this (ours)."""
FELL_RAD, ALONE = np.radians(35.0), 0.5
"""A fall turns the vertical by more within two looks, and every other segment by less than the second, of that (ours)."""
SWING_LOOKS = 8
"""Of a joint's two sensors the one fell that turned faster within this number of looks (ours)."""
FALL_LOOKS = 15
"""How many looks ago a fall counts (ours)."""
JOINT_LOOKS, JOINT_OF = 3, 5
"""A joint was beyond a body at three of the last five looks (ours)."""
UP_RAD, STANDS_RAD, STEPS_RAD, BENDS_RAD = np.radians([40.0, 20.0, 15.0, 30.0]).tolist()
"""One thigh is up when it is inclined by more than the first, while the other leg stands within the second at times, steps with
the third forward and backward together, or bends by the fourth (ours)."""
UP_STEPS, UP_BENDS = 16, 32
"""Looks for which nobody walks with one thigh up, and for which nobody bends the other knee again and again (ours)."""
_HISTORY = UP_BENDS + 2
"""Looks that are remembered."""
_UPRIGHT = np.array([0.0, 1.0, 0.0])[:, None, None]
_LIES, _FELL, _JOINT, _UP, _RESTS, _LOOSE = 1, 2, 3, 4, 5, 6
_WHAT = {
    _LIES: "lies still while the others move: it is off the body",
    _FELL: "fell and lies still: it is off the body",
    _JOINT: "moves as no body can: it is off the body, or turned round on it",
    _LOOSE: "came loose and does not stand as it did when all others do: it is off the body",
    _RESTS: "has not turned for seconds while all others moved: it is off the body",
    _UP: "hangs: the other leg walks or bends while this thigh would be held up: it is off the body",
}
REMEDY = "Put it back where it was and calibrate again; its angles are missing until then."


@dataclass(frozen=True, slots=True)
class OffBody:
    """A sensor off the body: since and known at these ticks, by what was seen; agreed: the tick of the last standing at which
    it stood as at the calibration; until: the tick at which it was worn again."""

    sensor: str
    since: int
    known: int
    seen: int
    agreed: int
    until: int | None = None

    def finding(self, rate_hz: float, *, marked_back: bool) -> Finding:
        """In words; marked_back: since the last standing that agreed."""
        since = self.agreed if marked_back else self.since
        until = None if self.until is None else self.until / rate_hz
        return Finding(self.sensor, Cause.OFF_BODY, since / rate_hz, self.known / rate_hz, _WHAT[self.seen], REMEDY, until)


class OffBodyWatch:
    """Watches the segments of an alignment for a sensor that has fallen off; what it says of a tick depends on ticks up to it.

    sensors: the placements, in the order of the segments; first: the tick of the calibration's standing; axes: the sensors
    whose mediolateral axis was found by movements.
    """

    def __init__(
        self, sensors: Sequence[str], rate_hz: float, first: int, axes: Collection[str] = (), *, at_once: bool = True
    ) -> None:
        self._sensors, self._rate = tuple(sensors), rate_hz
        n = len(self._sensors)
        self._thighs = [i for i, key in enumerate(sensors) if key in (Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value)]
        self._joints = [j for j, joint in enumerate(JOINTS) if joint.distal in sensors and PELVIS in sensors]
        self._distal = [self._sensors.index(JOINTS[j].distal) for j in self._joints]
        self._fastest = np.radians([FASTEST_DEG_S[JOINTS[j].name] for j in self._joints])[:, None] * (LOOK_STRIDE / rate_hz)
        self._needed = int(LOOKS_S * rate_hz / LOOK_STRIDE)
        self._most = max(2, n // 2)
        """As many others must move at least: of four segments two may be held."""
        self._quat = np.full((4, n, _HISTORY), np.nan)
        self._broken = np.zeros((len(self._joints), _HISTORY), np.bool_)
        self._first = first
        self._agreed = [first] * n
        self._stood = [0] * n
        self._moved = [False] * n
        self._resting = np.zeros((2, n), np.int64)
        """Looks in a row at which each hardly turned, and at how many of them all others moved."""
        self._rested = np.zeros((n, 0), np.int64)
        """The former at each look in hand."""
        self._loose, self._slips = LooseWatch(self._sensors, axes), SlipDoubts(self._sensors)
        self._strides = StrideDoubts(self._sensors) if at_once else None
        self._before = np.zeros(n, np.bool_)
        """Which are off the body since the last look."""
        self.off: dict[str, OffBody] = {}
        """Sensors that are off the body now."""
        self.returned: dict[str, OffBody] = {}
        """Those that were put back since the calibration: they need a new one."""

    def feed(
        self, first: int, ticks: int, quat: Floats, beyond: Bools, together: Bools | None = None
    ) -> tuple[Bools | None, Floats | None, list[OffBody]]:
        """At which ticks first … first + ticks each sensor is off the body (s, ticks), None where none is; the variance, rad²,
        of the angles of sensors that may be loose or have slipped (s, ticks), None where there is none; what became known.

        quat (4, s, k): of the segments, each with its own heading, at those of the ticks that are multiples of `LOOK_STRIDE`;
        beyond (3, k): at which of these a joint's angles were beyond a body, in the order of `JOINTS`.
        together (k,): at which looks the segments are seen at one time (None: all); where clocks disagree, one leg says
        nothing of the other.
        """
        k = quat.shape[2]
        if not k or not self._sensors:
            # also where an alignment was refused for every sensor
            return *self.as_before(ticks), []
        track = np.concatenate((self._quat, quat), axis=2)
        self._quat = track[:, :, -_HISTORY:]
        relative = rotation.multiply(rotation.conjugate(track[:, :, :-1]), track[:, :, 1:])
        # the same rotation has two signs; for small angles this is the rotation vector
        step = np.where(relative[0] < 0.0, -2.0, 2.0) * relative[1:]
        turn = 2.0 * np.arcsin(np.minimum(0.5 * _length(step), 1.0))
        vertical = rotation.vertical_in_sensor(track)
        off = _angle(vertical, _UPRIGHT)
        joints = self._joint_looks(turn, beyond)
        seen = self._seen(step, turn, vertical, off, k, together)
        at = first + np.arange((-first) % LOOK_STRIDE, ticks, LOOK_STRIDE)
        swing = _last_of(np.where(np.isfinite(turn), turn, 0.0), SWING_LOOKS, k, np.maximum) if joints.any() else turn
        held = self._variance()
        slips = self._slips.feed(off[:, -k - LOOKS + 1 :], turn[:, -k - LOOKS + 1 :])
        strides = None if self._strides is None else self._strides.feed(vertical[:, :, -k:])
        if strides is not None:
            slips = strides if slips is None else np.maximum(slips, strides)
        if slips is None and held.any():
            # the doubt ended at the first of these looks: the ticks before it are still doubted
            slips = np.zeros((len(self._sensors), k))
        turn, off, starts = turn[:, -k:], off[:, -k:], self._loose.starts(step[:, :, -k:])
        if not (self.off or self._loose.loose.any() or seen.any() or joints.any() or starts.any()):
            # the usual case
            self._remember_standings(turn, off, at)
            return None, None if slips is None else _held_from(held, slips, at - first, ticks), []
        found: list[OffBody] = []
        rows = np.repeat(self._before[:, None], ticks, axis=1)
        variance = np.zeros(off.shape) if slips is None else slips
        for look, tick in enumerate(at.tolist()):
            stands = self._stands(turn[:, look], off[:, look])
            by_joint = self._by_joint(joints[:, look], swing[:, look]) if joints[:, look].any() else -1
            self._loose.look(starts[:, look], turn[:, look], off[:, look], self._before)
            for i, key in enumerate(self._sensors):
                now = int(seen[i, look]) or (_JOINT if i == by_joint else _LOOSE if self._loose.lost(i) else 0)
                if (
                    now
                    and now != _FELL
                    and any(self._sensors[j] in self.off for j in self._thighs if i in self._thighs and j != i)
                ):
                    # a thigh that is off the body itself is no witness against the other
                    now = 0
                if key in self.off:
                    found += self._put_back(i, tick, now > 0, stands[i], bool(turn[i, look] > MOVED_RAD))
                elif now:
                    found.append(self._lost(i, tick, now, int(self._rested[i, look])))
                elif stands[i]:
                    self._agreed[i] = tick
                rows[i, tick - first :] = self._before[i] = key in self.off
            variance[self._loose.loose, look] = ANYWHERE_RAD**2
        return rows, _held_from(held, variance, at - first, ticks), found

    def closed(self, until_s: float) -> list[OffBody]:
        """What ends because a new calibration begins at session time `until_s`."""
        return [replace(off, until=round(until_s * self._rate)) for off in self.off.values()]

    def _lost(self, i: int, tick: int, seen: int, rested: int) -> OffBody:
        """Sensor i is off the body; rested: looks at which it has hardly turned."""
        rests = tick - rested * LOOK_STRIDE
        if self._agreed[i] > rests:
            # it lies as it stood: no standing since it fell has agreed
            self._agreed[i] = max(rests - FALL_LOOKS * LOOK_STRIDE, self._first)
        since = max(tick - max(_SINCE[seen], rested, self._loose.looks[i]) * LOOK_STRIDE, self._agreed[i])
        self._stood[i], self._moved[i] = 0, False
        self.off[self._sensors[i]] = lost = OffBody(self._sensors[i], since, tick, seen, self._agreed[i])
        return lost

    def _put_back(self, i: int, tick: int, seen: bool, stands: bool, moves: bool) -> list[OffBody]:
        """Whether sensor i, which is off the body, has been put back: it has stood for long enough, moved, and stands again."""
        if seen:
            self._stood[i], self._moved[i] = 0, False
        self._stood[i] += stands
        enough = self._stood[i] >= self._needed
        self._moved[i] = self._moved[i] or (enough and moves)
        if not (enough and stands and self._moved[i]):
            return []
        key = self._sensors[i]
        self.returned[key] = over = replace(self.off.pop(key), until=tick)
        self._agreed[i] = tick
        return [over]

    def as_before(self, ticks: int) -> tuple[Bools | None, Floats | None]:
        """The first two of `feed` for ticks without a look."""
        variance = self._variance()
        return (
            np.repeat(self._before[:, None], ticks, axis=1) if self.off else None,
            np.repeat(variance[:, None], ticks, axis=1) if variance.any() else None,
        )

    def _variance(self) -> Floats:
        """Of the angles of each sensor since the last look (s,), rad²."""
        slips = self._slips.variance()
        if self._strides is not None:
            slips = np.maximum(slips, self._strides.variance())
        return np.where(self._loose.loose, ANYWHERE_RAD**2, slips)

    def _seen(
        self, step: Floats, turn: Floats, vertical: Floats, off: Floats, k: int, together: Bools | None
    ) -> NDArray[np.int8]:
        """What is seen of each sensor by itself at the last k looks, 0 where nothing is, (s, k)."""
        n = len(self._sensors)
        seen = np.zeros((n, k), np.int8)
        now = off[:, -k:]
        self._rests(turn, vertical, now, seen)
        self._hub_rests(turn, seen)
        if n < 2 or not (now > AWAY_RAD).any():
            return seen
        if len(self._thighs) == 2 and (now[self._thighs] > UP_RAD).any():
            self._held_up(vertical, off, seen, np.ones(k, np.bool_) if together is None else together)
        fallen, lies = (_quiet(step, half, k) & (now > AWAY_RAD) for half in (FALLEN_HALF, LIES_HALF))
        rests = _last_of(turn < FALLEN_RESTS_RAD, FALLEN_LOOKS, k, np.logical_and) & (now > AWAY_RAD)
        if not (lies | fallen | rests).any():
            return seen
        # without a fall, at two looks: a body is as still for a moment now and then
        lies &= _quiet(step, LIES_HALF, k, before=1)
        moved = _last_of(turn, 2 * FALLEN_HALF, k, np.add) > MOVED_RAD
        others = moved.sum(axis=0) - moved
        fell = self._fell(vertical, k)
        still = (others >= self._most) & lies | (others >= min(self._most, n - 1)) & fallen & fell
        if len(self._thighs) == 2:
            # after an impact a filter still finds its vertical when all others move already; a thigh alone may be on a seat
            still |= (others == n - 1) & rests & fell
        for i in self._thighs:
            seat = np.ones(k, np.bool_)
            for j in self._thighs:
                if j != i:
                    seat = _angle(vertical[:, i, -k:], vertical[:, j, -k:], mirrored=True) < SEAT_RAD
            still[i] &= ~seat | fell[i]
        alone = lies & (now > FAR_RAD) & fell
        seen[(seen == 0) & alone] = _FELL
        seen[(seen == 0) & still] = _LIES
        return seen

    def _rests(self, turn: Floats, vertical: Floats, off: Floats, seen: NDArray[np.int8]) -> None:
        """Put what is seen of a thigh that hardly turned at many looks in a row, near as it stood, while the other thigh and
        the pelvis turned against each other and the lumbar spine moved too, as in a squat: when a knee is raised, or a leg
        lifted behind, the other one stands. Further away other looks tell, and a seat or a bench may hold a thigh."""
        k = seen.shape[1]
        quiet = turn[:, -k:] < QUIET_RAD
        self._rested = np.zeros(quiet.shape, np.int64)
        if len(self._sensors) < HUB_OTHERS + 1:
            return
        if not quiet.any():
            self._resting[:] = 0
            return
        moved = _last_of(turn, 2 * FALLEN_HALF, k, np.add) > MOVED_RAD
        first, tilt = vertical.shape[2] - k, np.arctan2(-vertical[0], vertical[1])
        turned = tilt[:, first:] - tilt[:, first - 2 * FALLEN_HALF : -2 * FALLEN_HALF]
        stirs, pelvis = np.zeros_like(quiet), self._sensors.index(PELVIS)
        for i, other in (self._thighs, self._thighs[::-1]):
            stirs[i] = np.delete(moved, i, axis=0).all(axis=0) & (turned[other] * turned[pelvis] < 0.0)
        stirred = np.cumsum(stirs, axis=1)
        at = np.arange(k)
        # the look before each run of quiet ones, -1 where that began before
        last = np.maximum.accumulate(np.where(quiet, -1, at), axis=1)
        begun = last < 0
        looks = self._rested = at - last + np.where(begun, self._resting[0][:, None], 0)
        others = stirred - np.where(begun, -self._resting[1][:, None], np.take_along_axis(stirred, np.maximum(last, 0), axis=1))
        self._resting = np.stack((looks[:, -1], others[:, -1]))
        seen[(looks >= REST_LOOKS) & (others >= STIRRED_LOOKS) & (off < AWAY_RAD)] = _RESTS

    def _hub_rests(self, turn: Floats, seen: NDArray[np.int8]) -> None:
        """Put what is seen of a pelvis that does not turn while all that hangs on it moves, however it lies."""
        k = seen.shape[1]
        if PELVIS not in self._sensors or len(self._sensors) < HUB_OTHERS + 1:
            return
        pelvis = self._sensors.index(PELVIS)
        rests = turn[pelvis] < RESTS_RAD
        if not rests[-k:].any():
            return
        rests = _last_of(rests, RESTS_LOOKS, k, np.logical_and)
        if rests.any():
            # all the while: where a clock is late, others begin before
            looks, half = turn.shape[1], RESTS_LOOKS // 2
            halves = (
                _last_of(turn[:, : looks - back], part, k, np.add) for back, part in ((half, RESTS_LOOKS - half), (0, half))
            )
            moved = np.logical_and.reduce([of_half > 0.5 * MOVED_RAD for of_half in halves])
            moved[pelvis] = True
            seen[pelvis, rests & moved.all(axis=0)] = _LIES

    def _held_up(self, vertical: Floats, off: Floats, seen: NDArray[np.int8], together: Bools) -> None:
        """Put what is seen of a thigh that would be held up all the time while the other leg walks or bends."""
        k = seen.shape[1]
        upright = np.ones(off.shape[1], np.bool_)
        if PELVIS in self._sensors:
            upright = off[self._sensors.index(PELVIS)] < UP_RAD
        for i, other in (self._thighs, self._thighs[::-1]):
            up = (off[i] > UP_RAD) & upright
            if not up[-k:].any():
                continue
            tilt = np.arctan2(-vertical[0, other], vertical[1, other])
            for looks, steps in ((UP_STEPS, True), (UP_BENDS, False)):
                high, low = _over(tilt, looks, k, np.maximum), _over(tilt, looks, k, np.minimum)
                stood = _over(off[other], looks, k, np.minimum) < STANDS_RAD
                moves = (high > 0.5 * STEPS_RAD) & (low < -0.5 * STEPS_RAD) if steps else high - low > BENDS_RAD
                seen[i, _over(up, looks, k, np.logical_and) & stood & moves & together] = _UP

    def _fell(self, vertical: Floats, k: int) -> Bools:
        """Whether each sensor's vertical turned alone within the last looks (s, k)."""
        swing = _angle(vertical[:, :, 2:], vertical[:, :, :-2])
        swing = np.where(np.isfinite(swing), swing, 0.0)
        alone = swing > FELL_RAD
        if alone.any():
            for i in range(len(swing)):
                most = np.max(np.delete(swing, i, axis=0), axis=0, initial=0.0)
                alone[i] &= most < ALONE * swing[i]
        return np.asarray(_last_of(alone, FALL_LOOKS, k, np.logical_or))

    def _joint_looks(self, turn: Floats, beyond: Bools) -> Bools:
        """At which of the last looks each joint was beyond a body for long enough (joints, k)."""
        k = beyond.shape[1]
        broken = beyond[self._joints]
        if self._joints:
            # two segments turn against each other by at least the difference of what they turn
            between = np.abs(turn[self._distal, -k:] - turn[self._sensors.index(PELVIS), -k:])
            broken = broken | (between > self._fastest)
        whole = np.concatenate((self._broken, broken), axis=1)
        self._broken = whole[:, -_HISTORY:]
        if not whole.any():
            return np.zeros((len(self._joints), k), np.bool_)
        return np.asarray(_last_of(whole.astype(np.int64), JOINT_OF, k, np.add) >= JOINT_LOOKS)

    def _by_joint(self, joints: Bools, swing: Floats) -> int:
        """The sensor that joints (j,) which were beyond a body tell of, -1 where none is. swing (s,): how fast each turned."""
        pelvis = self._sensors.index(PELVIS)
        if PELVIS in self.off:
            return -1
        broken = [
            d for d, beyond in zip(self._distal, joints.tolist(), strict=True) if beyond and self._sensors[d] not in self.off
        ]
        if not broken:
            return -1
        if len(broken) > 1:
            return pelvis
        # one joint alone: it is the pelvis that fell where all the others turned much less, and its neighbour does not lie
        lies = bool(swing[broken[0]] < FALLEN_RESTS_RAD)
        return pelvis if not lies and swing[pelvis] > 2.0 * np.delete(swing, pelvis).max() else broken[0]

    def _stands(self, turn: Floats, off: Floats) -> list[bool]:
        """Whether each sensor (s,) stands nearly as at the calibration, and the others as they did, but for those that are off
        the body; all still."""
        worn = [i for i, key in enumerate(self._sensors) if key not in self.off]
        same = [i for i in worn if off[i] < SAME_RAD and turn[i] < STILL_RAD]
        return [
            bool(off[i] < SLIPPED_RAD and turn[i] < STILL_RAD and all(j in same for j in worn if j != i))
            for i in range(len(off))
        ]

    def _remember_standings(self, turn: Floats, off: Floats, at: Ints) -> None:
        """The same of looks (s, k) at which no sensor is off the body: when each last stood so."""
        still = (turn < STILL_RAD).all(axis=0)
        if not still.any():
            return
        same = off < SAME_RAD
        apart = (~same).sum(axis=0)
        stands = still & (off < SLIPPED_RAD) & ((apart == 0) | ((apart == 1) & ~same))
        for i in np.flatnonzero(stands.any(axis=1)).tolist():
            self._agreed[i] = int(at[np.flatnonzero(stands[i])[-1]])


_SINCE = {_LIES: 2 * LIES_HALF + 1, _FELL: 2 * LIES_HALF + 1, _JOINT: JOINT_OF, _UP: UP_STEPS, _RESTS: REST_LOOKS, _LOOSE: 0}
"""How many looks before it is known what is seen has begun at least."""


def _held_from(before: Floats, looks: Floats, at: Ints, ticks: int) -> Floats:
    """Values (s, k) that hold from looks at these of the ticks (k,) on, and before them `before` (s,): (s, ticks)."""
    return np.repeat(np.concatenate((before[:, None], looks), axis=1), np.diff(at, prepend=0, append=ticks), axis=1)


def _length(v: Floats) -> Floats:
    """Of vectors (3, …)."""
    return np.asarray(np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]))


def _quiet(step: Floats, half: int, k: int, before: int = 0) -> Bools:
    """Which sensors turn as what lies does, at the last k looks or `before` looks ago (s, k), by steps (3, s, looks)."""
    step = step[:, :, : step.shape[2] - before]
    last, earlier = (_last_of(step[:, :, : step.shape[2] - back], half, k, np.add) for back in (0, half))
    quiet = _length(last - earlier) < QUIET_RAD
    return np.asarray(quiet & (_length(last) < half * DRIFT_RAD) & (_length(earlier) < half * DRIFT_RAD))


def _over(values: NDArray[Any], looks: int, k: int, ufunc: np.ufunc) -> NDArray[Any]:
    """`ufunc` over the last `looks` values, a power of two, at each of the last k, (k,)."""
    total, reach = values[len(values) - k - looks + 1 :], 1
    while reach < looks:
        total = ufunc(total[reach:], total[:-reach])
        reach *= 2
    return np.asarray(total)


def _angle(a: Floats, b: Floats, *, mirrored: bool = False) -> Floats:
    """Angle rad between unit vectors (3, …); mirrored: with the sideways part of one turned round, as of the other leg."""
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] + b[2] if mirrored else a[2] - b[2]
    return np.asarray(2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(x * x + y * y + z * z), 1.0)))


def _last_of(values: NDArray[Any], looks: int, k: int, ufunc: np.ufunc) -> NDArray[Any]:
    """`ufunc` over the last `looks` values at each of the last k, (…, k): the same whatever is in hand."""
    n = values.shape[-1]
    total = values[..., n - k : n]
    for back in range(1, looks):
        total = ufunc(total, values[..., n - k - back : n - back])
    return np.asarray(total)
