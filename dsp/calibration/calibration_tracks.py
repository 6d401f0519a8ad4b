"""The worn sensors' tracks since a calibrate mark: the path of gravity in each, and its acceleration.

Ticks are counted from the first after the mark, and (3, n) is components first.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from body_signals import Floats, Placement
from dsp import rotation
from dsp.alignment.segment_axes import WALKED_S
from dsp.alignment.standing import DECIDED_S
from dsp.grid.ticks import MOTION_STRIDE, Ticks

HEIGHT_KEYS = (Placement.PELVIS.value, Placement.LUMBAR.value, Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value)
"""The sensors that tell the height of the body, the best one first."""


class CalibrationTracks:
    """Tracks of the sensors `body` since a calibrate mark at session time `mark_s`. first: number of the first tick. moving:
    whether the sensors' motion is taken, too, which not all ticks have once there has been an alignment."""

    def __init__(self, mark_s: float, first: int, body: tuple[str, ...], *, moving: bool = True) -> None:
        self.moving = moving
        self.mark_s = mark_s
        self.first = first
        self.body = body
        self.time_s: list[float] = []
        """Session time of each tick; a growing list."""
        self._vertical: dict[str, list[Floats]] = {key: [] for key in body}
        self._motion: dict[str, list[Floats] | None] = {key: [] for key in body}
        """None for a sensor whose motion is not known throughout."""
        self.motion_until_s = float("inf")
        """Session time until which walking off can be evaluated: motion of later ticks is not kept."""
        self._motion_s: list[float] = []
        self._height_key = next((key for key in HEIGHT_KEYS if key in body), None)
        self._gain_s: list[float] = []
        self._gain: list[Floats] = []

    def add(self, ticks: Ticks) -> None:
        """The ticks that follow, at least one."""
        self.time_s.extend(ticks.time_s.tolist())
        now = rotation.vertical_in_sensor(ticks.quat)
        for key in self.body:
            self._vertical[key].append(now[:, ticks.keys.index(key)])
        if ticks.time_s[0] <= self.motion_until_s:
            self._add_motion(ticks)
        motion = ticks.motion.get(self._height_key or "") if self.moving else None
        if motion is not None:
            self._gain_s.extend(_motion_s(ticks))
            self._gain.append(motion[2])

    def walks_off(self, begin_s: float) -> None:
        """Walking off begins at session time begin_s."""
        self.motion_until_s = max(self.mark_s + DECIDED_S, begin_s) + WALKED_S[1]

    def _add_motion(self, ticks: Ticks) -> None:
        self._motion_s.extend(_motion_s(ticks))
        for key in self.body:
            kept, motion = self._motion[key], ticks.motion.get(key) if self.moving else None
            if kept is None or motion is None:
                self._motion[key] = None
            else:
                kept.append(motion[:3])

    def at(self, time_s: float) -> int:
        """The first tick not before a session time; the number of ticks where there is none."""
        return bisect_left(self.time_s, time_s)

    def vertical(self, key: str) -> Floats:
        """Earth's vertical (3, n) in a sensor at all ticks."""
        if len(self._vertical[key]) > 1:
            self._vertical[key] = [np.concatenate(self._vertical[key], axis=1)]
        return self._vertical[key][0]

    def latest(self, key: str) -> Floats:
        """The same (3, m) at the ticks that were added last."""
        return self._vertical[key][-1]

    def end_at(self, stop: int) -> None:
        """Nothing is to be seen of the verticals from tick `stop` on."""
        for key in self.body:
            self._vertical[key] = [self.vertical(key)[:, :stop]]

    def motion(self, key: str) -> tuple[Floats, Floats] | None:
        """Running integral (3, k) of a sensor's specific force in the earth's frame, and its session times (k,)."""
        kept = self._motion[key]
        return (np.concatenate(kept, axis=1), np.array(self._motion_s)) if kept else None

    @property
    def vertical_gain(self) -> tuple[list[float], Floats]:
        """Running integral (k,) of the vertical specific force of the sensor that tells the height of the body best, and its
        session times (k,); empty where no motion is known."""
        if len(self._gain) > 1:
            self._gain = [np.concatenate(self._gain)]
        return self._gain_s, self._gain[0] if self._gain else np.empty(0)


def _motion_s(ticks: Ticks) -> list[float]:
    """Session times of the ticks at which motion is known."""
    return list(ticks.time_s[(-ticks.first) % MOTION_STRIDE :: MOTION_STRIDE].tolist())
