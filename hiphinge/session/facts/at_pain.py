"""What the lumbar spine did when pain was told: its flexion at that row, and the repetition under way.

An instant may be asked for before its row is computed (a review follows minutes later) or after it (a tap is told some seconds
after the row that was seen). So the latest rows are kept, and open questions too; memory does not grow with the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from body_signals import ANGLE_NAMES, LONGEST_LOOK_NS, Floats
from dsp.results import TICK_HZ, AngleRows

KEPT_S = LONGEST_LOOK_NS / 1e9 + 5.0
"""Seconds of rows that are kept: no row is seen for longer."""
HALF_TICK_S = 0.5 / TICK_HZ + 1e-6
_LUMBAR = ANGLE_NAMES.index("lumbar_flexion")

At = Callable[[float], tuple[float | None, int | None]]
"""Lumbar flexion in degrees, and the number of the repetition under way, at a session time; None where there is none."""


class AtPain:
    """Lumbar flexion at instants, from the rows as they come."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Floats, NDArray[np.float32]]] = deque()
        self._end_s = -np.inf
        self._open: set[float] = set()
        self._found: dict[float, float | None] = {}

    def ask(self, time_s: float) -> None:
        """The flexion at `time_s` will be wanted."""
        if time_s in self._found or time_s in self._open:
            return
        if time_s > self._end_s - HALF_TICK_S:
            self._open.add(time_s)
        else:
            self._answer(time_s)

    def take(self, rows: AngleRows) -> None:
        """The next rows, in order."""
        if not len(rows):
            return
        # single precision, as the table has it
        self._kept.append((rows.time_s, np.degrees(rows.angles[_LUMBAR]).astype(np.float32)))
        self._end_s = float(rows.time_s[-1])
        for time_s in [t for t in self._open if t <= self._end_s - HALF_TICK_S]:
            self._open.discard(time_s)
            self._answer(time_s)
        while self._kept and self._kept[0][0][-1] < self._end_s - KEPT_S:
            self._kept.popleft()

    def flexion(self, time_s: float) -> float | None:
        """Degrees; None where the value is missing, or nobody asked."""
        if time_s in self._open:
            self._answer(time_s)
        return self._found.get(time_s)

    def _answer(self, time_s: float) -> None:
        self._found[time_s] = next(
            (f for times, degrees in self._kept if (f := at_row(times, degrees, time_s)) is not None), None
        )


def at_row(times: Floats, degrees: NDArray[np.float32], time_s: float) -> float | None:
    """The value of the row within half a tick of `time_s`; None where there is no such row, or its value is missing."""
    i = int(np.searchsorted(times, time_s - HALF_TICK_S))
    if i == len(times) or times[i] > time_s + HALF_TICK_S:
        return None
    value = float(degrees[i])
    return None if value != value else round(value, 2) + 0.0


def under_way(spans: Iterable[tuple[int, float, float]], time_s: float) -> int | None:
    """The number of the repetition, of those with number, start and end, that was under way at `time_s`."""
    return next((number for number, start_s, end_s in spans if start_s <= time_s <= end_s), None)


def nothing_known(time_s: float) -> tuple[float | None, int | None]:
    """The `At` of a session without rows."""
    return None, None


def from_tables(times: Floats, degrees: NDArray[np.float32], spans: Sequence[tuple[int, float, float]]) -> At:
    """The same from a session's tables."""
    return lambda time_s: (at_row(times, degrees, time_s), under_way(spans, time_s))
