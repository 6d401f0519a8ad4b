"""The accelerometer at rest: it must read gravity, and along the axis that is stated as up it must read it upwards."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from body_signals import G0, Floats, Mounting

LEAST_SCALE = 1.12
"""Smallest factor by which an accelerometer at rest is called wrong: cheap ones are off by up to 80 mg an axis (ours)."""
LEAST_SCALE_MOVING = 1.25
"""The same while the sensor moves, of the median of |acc| over some eight seconds (ours)."""
_RESTS, _MOVING = 2, 2
"""Rests of two seconds, or stretches of movement, the latest, that must agree (ours)."""
_AFTER_MARK_S = 12.0
"""For this long after a calibrate mark a rest is the standing (ours)."""
_STANDINGS = 2
"""Rests of two seconds of that standing (ours)."""
_UPSIDE_DOWN = -0.6
"""Cosine between the axis that is stated as up and gravity's upwards direction, from which on it points down (ours)."""
_UNMARKED_RESTS = 5
"""Rests upside down of a trunk, where no mark tells the standing (ours)."""


class AccelerometerWatch:
    """Follows one sensor's rests. factor: by which |acc| must be multiplied, None while it is sound; since_s: of the first rest
    that showed it, minus infinity where none was sound before. upside_down: gravity points against the stated mounting."""

    def __init__(self, mounting: Mounting | None, *, trunk: bool) -> None:
        self.factor: float | None = None
        self.since_s = -math.inf
        self.upside_down = False
        self._up = None if mounting is None else mounting.up_axis
        self._trunk = trunk
        self._rests: deque[tuple[float, float]] = deque(maxlen=_RESTS)
        self._moving: deque[tuple[float, float]] = deque(maxlen=_MOVING)
        self._was_sound = False
        self._marks: list[float] = []
        self._standings: list[float] = []
        self._unmarked: list[float] = []

    def mark(self, mark_s: float) -> None:
        """A calibrate mark: the athlete stands from here on."""
        self._marks.append(mark_s)

    def rest(self, start_s: float, force: Floats) -> None:
        """A rest that began at `start_s`, with the mean specific force (3,) m/s²."""
        size = math.sqrt(float(force @ force))
        self._scale(self._rests, start_s, size, LEAST_SCALE)
        if self._up is None or self.upside_down or size <= 0.0:
            return
        up = float(self._up @ force) / size
        if any(mark_s <= start_s <= mark_s + _AFTER_MARK_S for mark_s in self._marks):
            self._standings.append(up)
        elif self._trunk and not self._marks:
            self._unmarked.append(up)
        self.upside_down = _all_down(self._standings, _STANDINGS) or _all_down(self._unmarked, _UNMARKED_RESTS)
        self._standings, self._unmarked = self._standings[-_STANDINGS:], self._unmarked[-_UNMARKED_RESTS:]

    def moving(self, start_s: float, median: float) -> None:
        """Some seconds of movement from `start_s` on, with the median of |acc|."""
        self._scale(self._moving, start_s, median, LEAST_SCALE_MOVING)

    def _scale(self, latest: deque[tuple[float, float]], start_s: float, size: float, least: float) -> None:
        latest.append((start_s, G0 / max(size, 1e-3)))
        factors = sorted(factor for _, factor in latest)
        whole = len(factors) == latest.maxlen
        if factors[0] > 1.0 / least and factors[-1] < least:
            if whole and latest is self._rests:
                self.factor, self._was_sound = None, True
        elif whole and self.factor is None and (factors[0] >= least or factors[-1] <= 1.0 / least):
            self.factor = factors[len(factors) // 2]
            self.since_s = latest[0][0] if self._was_sound else -math.inf


def _all_down(cosines: Sequence[float], count: int) -> bool:
    return len(cosines) >= count and max(cosines[-count:]) < _UPSIDE_DOWN
