"""The movements of a calibration: how each sensor's vertical leaves the standing and returns, and what that was.

Bends, knee raises, squats, sitting down and standing up; which belong to the calibration, and from which on the athlete trains.
Ticks are counted from the first after the calibrate mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, Placement

TRUNK_KEYS = (Placement.LUMBAR.value, Placement.PELVIS.value)
THIGH_KEYS = (Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value)

BEND_COUNT = 3
"""Bends of a calibration (ours)."""
MOST_BENDS = 6
"""Bends beyond these are training, where no knee is raised (ours)."""
START_RAD, END_RAD = np.radians(15.0), np.radians(8.0)
"""A calibration movement begins above the first inclination from standing and ends below the second (ours)."""
BEND_RAD, RAISE_RAD = np.radians(20.0), np.radians(25.0)
"""Smallest peak of a bend and of a knee raise (ours)."""
SQUAT_RAD, SQUAT_S = np.radians(30.0), 6.0
"""Both thighs above the first and back within the second is a squat; what takes longer is sitting (ours)."""
LEANING = 0.8
"""Sitting down, the trunk leans forward until the thighs have come this share of the way; seated it may lean back (ours)."""
RAISE_S = 0.8
"""A knee is raised for longer than it swings forward in a step (ours)."""


@dataclass(slots=True)
class SensorMovement:
    """One sensor leaves its standing inclination and returns: first and last tick, and the largest angle, rad."""

    start: int
    end: int
    peak: float


class CalibrationMovements:
    """Follows the movements of the sensors `keys` since a mark at `mark_s`.

    time_s: session time of the ticks, which grows as they come. swing(key, start, stop): angle (n,) of a sensor from the
    standing at these ticks. brief(key): whether a thigh's axis may be told by movements as short as a step's.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        mark_s: float,
        time_s: Sequence[float],
        swing: Callable[[str, int, int], Floats],
        brief: Callable[[str], bool],
    ) -> None:
        self._keys = keys
        self._mark_s = mark_s
        self._time = time_s
        self._swing = swing
        self._brief = brief
        self._open: dict[str, SensorMovement] = {}
        self._done: dict[str, list[SensorMovement]] = {key: [] for key in keys}
        self.count = 0
        """Sensors' movements that have ended."""
        self.paused_at: int | None = None
        """Tick at which the athlete had paused, though not all movements of the calibration were made."""
        self.own_from: int | None = None
        """Tick from which on movements are the athlete's own and no calibration's; None until there is one."""

    def step(self, i: int, angle: Mapping[str, float]) -> None:
        """Follow the movements at tick i, given the angle of each sensor from its standing, rad."""
        for key, a in angle.items():
            movement = self._open.get(key)
            if movement is None:
                if a > START_RAD:
                    self._open[key] = SensorMovement(i, i, a)
            elif a < END_RAD:
                movement.end = i
                del self._open[key]
                self._done[key].append(movement)
                self.count += 1
            elif a > movement.peak:
                movement.peak = a

    @property
    def standing(self) -> bool:
        """Whether no sensor is moving away from the standing."""
        return not self._open

    @property
    def knees_up(self) -> bool:
        """Whether both thighs are up: a squat or sitting down."""
        return all(key in self._open and self._open[key].peak > SQUAT_RAD for key in THIGH_KEYS)

    def idle_s(self, now_s: float) -> float:
        """Time since the last movement of any sensor, since the mark where there was none."""
        return now_s - max((self._time[several[-1].end] for several in self._done.values() if several), default=self._mark_s)

    def of(self, key: str) -> list[SensorMovement]:
        """The movements of a sensor that are its own in a calibration: bends for the trunk, own raises for a thigh. Those
        made after the calibration was left count where there are no others."""
        made = self._bends(key) if key in TRUNK_KEYS else self._raises(key)
        return [e for e in made if self.belongs(e)] or made

    def belongs(self, movement: SensorMovement) -> bool:
        """Whether it was made before the athlete trained."""
        return self.own_from is None or movement.start < self.own_from

    def squats(self, key: str) -> list[SensorMovement]:
        """The movements of a sensor in which both thighs went up together and came down soon: squats, not sitting."""
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
        """The sensors whose axes movements tell."""
        return frozenset(key for key in self._keys if self.of(key) or self.squats(key) or self.sittings(key))

    def first_own(self) -> int | None:
        """Tick at which the first movement began that is none of the calibration: bends and squats after a pause, squats after
        the bends, and more bends than anybody calibrates with. Knee raises may still come after a pause."""
        bends = max((self.of(key) for key in TRUNK_KEYS if key in self._keys), key=len, default=[])
        squats = [min(a.start, b.start) for a, b in self._both_up()]
        own = [e.start for e in bends[MOST_BENDS:]]
        if len(bends) >= BEND_COUNT:
            own += [start for start in squats if start > bends[BEND_COUNT - 1].end]
        if self.paused_at is not None:
            own += [start for start in (*squats, *(e.start for e in bends)) if start >= self.paused_at]
        return min(own, default=None)

    def _bends(self, key: str) -> list[SensorMovement]:
        """Of the trunk; in a small bow one of its two sensors may turn by less than what counts alone."""
        beside = [e for k in TRUNK_KEYS if k != key for e in self._done.get(k, []) if e.peak >= BEND_RAD]
        return [
            e
            for e in self._done[key]
            if (e.peak >= BEND_RAD or any(overlap(e, other) for other in beside)) and not self._while_raising(e)
        ]

    def _raises(self, key: str) -> list[SensorMovement]:
        rivals = self._done.get(THIGH_KEYS[1] if key == THIGH_KEYS[0] else THIGH_KEYS[0], [])
        shortest = 0.0 if self._brief(key) else RAISE_S
        return [
            e
            for e in self._done[key]
            if e.peak >= RAISE_RAD
            and self._seconds(e) > shortest
            and not any(overlap(e, r) and (r.peak > e.peak or r.peak > SQUAT_RAD) for r in rivals)
        ]

    def _while_raising(self, movement: SensorMovement) -> bool:
        """The pelvis also moves a little while a knee is raised."""
        return any(overlap(movement, r) and r.peak > movement.peak for key in THIGH_KEYS for r in self._done.get(key, []))

    def _both_up(self) -> list[tuple[SensorMovement, SensorMovement]]:
        """Movements of both thighs together: squats and sitting."""
        left, right = ([e for e in self._done.get(k, []) if e.peak > SQUAT_RAD] for k in THIGH_KEYS)
        return [(a, b) for a in left for b in right if overlap(a, b)]

    def _seconds(self, movement: SensorMovement) -> float:
        return self._time[movement.end] - self._time[movement.start]


def overlap(a: SensorMovement, b: SensorMovement) -> bool:
    """Whether two movements share ticks."""
    return a.start < b.end and b.start < a.end
