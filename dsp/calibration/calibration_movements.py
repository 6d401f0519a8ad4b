"""The movements of a calibration: each sensor's vertical leaves the standing and returns; this module classifies the movement.

Bends, knee raises, squats, sitting down and standing up; which belong to the calibration, and with which the training begins.
Ticks are counted from the first after the calibrate mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Placement

TRUNK_KEYS = (Placement.LUMBAR.value, Placement.PELVIS.value)
LUMBAR_KEY, PELVIS_KEY = TRUNK_KEYS
THIGH_KEYS = (Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value)

BEND_COUNT = 3
"""Bends of a calibration (ours)."""
MOST_BENDS = 6
"""Most bends of a calibration without knee raises (ours). An athlete who bends more often is training, and has calibrated with
the first `BEND_COUNT`."""
START_RAD, END_RAD = np.radians(15.0), np.radians(8.0)
"""A calibration movement begins above the first inclination from standing and ends below the second (ours)."""
BEND_RAD, RAISE_RAD = np.radians(20.0), np.radians(25.0)
"""Smallest peak of a bend and of a knee raise (ours)."""
STIFF_RAD = np.radians(4.0)
"""Least movement of a stiff pelvis in a bend of the lumbar spine (ours): between this and `START_RAD` the pelvis counts as
bending too. Sway is a tenth of it."""
SQUAT_RAD, SQUAT_S = np.radians(30.0), 6.0
"""Both thighs above the first and back within the second, s, is a squat; a longer movement is sitting (ours)."""
POSTURE_S = 20.0
"""Longest bend, s; a trunk that leans for longer is in a posture (ours)."""
LEANING = 0.8
"""In sitting down the trunk leans forward until the thighs have come this part of the way; once seated it may lean back
(ours)."""
RAISE_S = 0.8
"""Least time, s, of a knee raise; in a step the knee is forward for less (ours)."""
BACKWARD_RAD, STRIDE_S, SQUAT_BESIDE_S = np.radians(8.0), 0.6, 0.2
"""A thigh that swings backwards by more than the first within the second, s, before or after a raise is walking: standing legs
do not swing back. The third, s, is the same for a squat, which may follow a step (ours)."""


@dataclass(slots=True)
class SensorMovement:
    """One sensor leaves its standing inclination and returns: first and last tick, and the largest angle, rad."""

    start: int
    end: int
    peak: float
    together: bool = False
    """For a thigh: the other thigh was raised at the same time. In a stride the other leg is behind."""


class CalibrationMovements:
    """Follows the movements of the sensors `keys` since a mark at `mark_s`.

    time_s: session time of the ticks, a growing list. swing(key, start, stop): angle (n,) of a sensor from the standing at
    these ticks. brief(key): whether movements as short as a step may give a thigh's axis. arc(key, start, stop): the path
    up × vertical (3, n) of a sensor at these ticks, as in `functional_axis`.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        mark_s: float,
        time_s: Sequence[float],
        swing: Callable[[str, int, int], Floats],
        brief: Callable[[str], bool],
        arc: Callable[[str, int, int], Floats],
    ) -> None:
        self._keys = keys
        self._mark_s = mark_s
        self._time = time_s
        self._swing = swing
        self._brief = brief
        self._arc = arc
        self._now = 0
        self.first_s: float | None = None
        """Session time at which the first movement began; None before."""
        self._along: dict[tuple[str, int], SensorMovement] = {}
        """By sensor and first tick: its movement in a bend of the other trunk sensor."""
        self._ways: dict[tuple[str, int, float], tuple[int, bool]] = {}
        """By thigh, first tick of a movement and time beside it: the last tick examined, and whether the thigh swung to one
        side only."""
        self._open: dict[str, SensorMovement] = {}
        self._done: dict[str, list[SensorMovement]] = {key: [] for key in keys}
        self.count = 0
        """Number of ended movements, over all sensors."""
        self.paused_at: int | None = None
        """Tick at which the athlete had paused before all movements of the calibration were made."""
        self.own_from: int | None = None
        """Tick from which on movements are training and not calibration; None until there is one."""

    def step(self, i: int, angle: Mapping[str, float]) -> None:
        """Follow the movements at tick i, given the angle of each sensor from its standing, rad."""
        self._now = i
        for key, a in angle.items():
            movement = self._open.get(key)
            if movement is None:
                if a > START_RAD:
                    self._open[key] = SensorMovement(i, i, a)
                    if self.first_s is None:
                        self.first_s = self._time[i]
            elif a < END_RAD:
                movement.end = i
                del self._open[key]
                self._done[key].append(movement)
                self.count += 1
            elif a > movement.peak:
                movement.peak = a
        left, right = THIGH_KEYS
        if angle.get(left, 0.0) > SQUAT_RAD and angle.get(right, 0.0) > SQUAT_RAD:
            for key in THIGH_KEYS:
                if key in self._open:
                    self._open[key].together = True

    @property
    def standing(self) -> bool:
        """Whether no sensor is moving away from the standing."""
        return not self._open

    @property
    def knees_up(self) -> bool:
        """Whether both thighs are up: a squat or sitting down."""
        left, right = (self._open.get(key) for key in THIGH_KEYS) if len(self._open) > 1 else (None, None)
        return left is not None and right is not None and left.together and right.together

    def open_since_s(self, keys: Sequence[str]) -> float:
        """Session time at which the first of the movements under way of these sensors began."""
        return min(self._time[self._open[key].start] for key in keys if key in self._open)

    def idle_s(self, now_s: float) -> float:
        """Time since the last movement of any sensor, since the mark where there was none."""
        return now_s - max((self._time[several[-1].end] for several in self._done.values() if several), default=self._mark_s)

    def told_s(self) -> float:
        """Session time at which the last movement that gives an axis ended; of the mark where there was none."""
        ends = [e.end for key in self._keys for e in (*self.of(key), *self.squats(key), *self.sittings(key))]
        return self._time[max(ends)] if ends else self._mark_s

    def of(self, key: str) -> list[SensorMovement]:
        """The movements of a sensor that belong to it in a calibration: bends for the trunk, own raises for a thigh. Movements
        made after the calibration was abandoned count only where there are no others."""
        made = self._bends(key) if key in TRUNK_KEYS else self._raises(key)
        return [e for e in made if self.belongs(e)] or made

    def belongs(self, movement: SensorMovement) -> bool:
        """Whether a movement was made before the training began."""
        return self.own_from is None or movement.start < self.own_from

    def squats(self, key: str) -> list[SensorMovement]:
        """The movements of a sensor in which both thighs went up together and came down within `SQUAT_S`: squats, not
        sitting."""
        both = [pair for pair in self._both_up() if max(self._seconds(e) for e in pair) < SQUAT_S]
        if key in THIGH_KEYS:
            return [pair[THIGH_KEYS.index(key)] for pair in both]
        return [e for e in self._done[key] if any(overlap(e, a) for a, _ in both)]

    def sittings(self, key: str) -> list[SensorMovement]:
        """Sitting down and standing up, each from where both thighs leave (reach) the standing to most of the way up."""
        found = []
        for pair in self._both_up():
            if max(self._seconds(e) for e in pair) < SQUAT_S:
                continue
            up = pair[0]
            high = up.start + np.flatnonzero(self._swing(THIGH_KEYS[0], up.start, up.end) > LEANING * up.peak)
            for start, end in ((up.start, int(high[0])), (int(high[-1]), up.end)):
                span = self._swing(key, start, end)
                if end - start > 1 and np.isfinite(span).any():
                    found.append(SensorMovement(start, end, float(np.nanmax(span))))
        return found

    def told(self) -> frozenset[str]:
        """The sensors whose axes movements give."""
        return frozenset(key for key in self._keys if self.of(key) or self.squats(key) or self.sittings(key))

    def first_own(self) -> int | None:
        """First tick of the first movement that does not belong to the calibration: bends and squats after a pause, squats
        after the bends, and bends beyond `MOST_BENDS`. Knee raises may still follow a pause."""
        bends = max((self.of(key) for key in TRUNK_KEYS if key in self._keys), key=len, default=[])
        squats = [min(a.start, b.start) for a, b in self._both_up()]
        # more than MOST_BENDS bends show that those after the third did not belong to the calibration
        own = [e.start for e in bends[BEND_COUNT:]] if len(bends) > MOST_BENDS else []
        if len(bends) >= BEND_COUNT:
            own += [start for start in squats if start > bends[BEND_COUNT - 1].end]
        if self.paused_at is not None:
            own += [start for start in (*squats, *(e.start for e in bends)) if start >= self.paused_at]
        return min(own, default=None)

    def _bends(self, key: str) -> list[SensorMovement]:
        """Bends of the trunk; in a small bow one of its two sensors may turn by less than would count alone."""
        beside = [e for k in TRUNK_KEYS if k != key for e in self._done.get(k, []) if e.peak >= BEND_RAD]
        own = [
            e
            for e in self._done[key]
            if (e.peak >= BEND_RAD or any(overlap(e, other) for other in beside))
            and self._seconds(e) < POSTURE_S
            and not self._while_raising(e)
        ]
        if key != PELVIS_KEY or len(own) >= len(beside):
            return own
        open_ = self._open.get(key)
        for bend in beside:
            if open_ is not None and open_.start < bend.end:
                continue
            if self._seconds(bend) < POSTURE_S and not self._while_raising(bend) and not any(overlap(e, bend) for e in own):
                stiff = self._stiff(key, bend)
                own += [] if stiff is None else [stiff]
        return sorted(own, key=lambda e: e.start)

    def _stiff(self, key: str, bend: SensorMovement) -> SensorMovement | None:
        """The movement of a sensor in a bend of the other trunk sensor, by less than would count alone; None where it does not
        move."""
        found = self._along.get((key, bend.start))
        if found is None:
            swing = self._swing(key, bend.start, bend.end)
            peak = float(np.nanmax(swing)) if np.isfinite(swing).any() else 0.0
            found = self._along[key, bend.start] = SensorMovement(bend.start, bend.end, peak)
        return found if found.peak >= STIFF_RAD else None

    def _raises(self, key: str) -> list[SensorMovement]:
        rivals = self._done.get(THIGH_KEYS[1] if key == THIGH_KEYS[0] else THIGH_KEYS[0], [])
        shortest = 0.0 if self._brief(key) else RAISE_S
        return [
            e
            for e in self._done[key]
            if e.peak >= RAISE_RAD
            and self._seconds(e) > shortest
            and not any(overlap(e, r) and (r.peak > e.peak or r.peak > SQUAT_RAD) for r in rivals)
            and self._one_way(key, e, STRIDE_S)
        ]

    def _while_raising(self, movement: SensorMovement) -> bool:
        """The pelvis also moves a little while a knee is raised."""
        return any(overlap(movement, r) and r.peak > movement.peak for key in THIGH_KEYS for r in self._done.get(key, []))

    def _both_up(self) -> list[tuple[SensorMovement, SensorMovement]]:
        """Movements of both thighs together: squats and sitting."""
        left, right = (
            [e for e in self._done.get(k, []) if e.together and self._one_way(k, e, SQUAT_BESIDE_S)] for k in THIGH_KEYS
        )
        return [(a, b) for a in left for b in right if overlap(a, b)]

    def _one_way(self, key: str, movement: SensorMovement, beside_s: float) -> bool:
        """Whether a thigh moved to only one side of the standing, in a movement and for a time before and after it. In walking
        it swings to both."""
        now, stop = self._now, movement.end + 1
        while stop <= now and self._time[stop] - self._time[movement.end] <= beside_s:
            stop += 1
        looked_at, one_way = self._ways.get((key, movement.start, beside_s), (-1, True))
        if stop == looked_at:
            return one_way
        start = movement.start
        while start > 0 and self._time[movement.start] - self._time[start - 1] <= beside_s:
            start -= 1
        arc = self._arc(key, start, stop)
        arc = arc[:, np.isfinite(arc[0])]
        if arc.shape[1]:
            size = arc[0] * arc[0] + arc[1] * arc[1] + arc[2] * arc[2]
            way = arc[:, int(size.argmax())]
            along = (way[0] * arc[0] + way[1] * arc[1] + way[2] * arc[2]) / max(float(np.sqrt(size.max())), 1e-9)
            one_way = bool(along.min() > -np.sin(BACKWARD_RAD))
        self._ways[key, movement.start, beside_s] = stop, one_way
        return one_way

    def _seconds(self, movement: SensorMovement) -> float:
        return self._time[movement.end] - self._time[movement.start]


def overlap(a: SensorMovement, b: SensorMovement) -> bool:
    """Whether two movements share ticks."""
    return a.start < b.end and b.start < a.end
