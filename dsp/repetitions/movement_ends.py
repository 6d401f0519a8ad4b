"""Where a movement begins and where it comes to rest: the rows around it at which trunk and thighs are still.

Speed is that of the faster of trunk and lower thigh; their sum would be zero where they cancel. Rows at the ends of a search,
where no velocity can be computed, take the nearest velocity; a missing angle counts as still.
"""

from __future__ import annotations

import numpy as np

from body_signals import Bools, Floats
from dsp.repetitions.movement_rows import KeptRows
from dsp.rhythm.phases import inner_velocity, velocity_rows

REST_DEG_S = 5.0
"""Speed below which a body is still (ours)."""
SLOWEST_DEG_S, SLOW_SHARE, NOTICED_ROWS = 1.5, 0.25, 21
"""A slow movement begins where its speed is below the second as a part of its speed when noticed, over the third, rows, but
not below the first, the speed of sway (ours)."""
LOOK_BACK_S = (3.0, 6.0)
"""How far back the beginning is searched for: of a movement, and of a slow one (ours)."""


class MovementEnds:
    """Finds the ends of movements among the kept rows."""

    def __init__(self, kept: KeptRows, rate_hz: float) -> None:
        self._kept = kept
        self._rate = rate_hz
        self._edge = velocity_rows(rate_hz)

    def beginning(self, k: int, row: int | None = None, held_s: float = 0.0) -> int:
        """Last row before k at which trunk and lower thigh (or the angle `row` alone) had been still for `held_s`, at most
        `LOOK_BACK_S` back.

        The search for a slow movement goes further back: rows that are slow compared with it then count as still.
        """
        first = max(k - int(LOOK_BACK_S[1] * self._rate), self._kept.first)
        # backwards from k
        speed = self._speed(first, k, row)[::-1]
        still = _slow(speed[: NOTICED_ROWS - self._edge])
        if still == REST_DEG_S:
            first = max(k - int(LOOK_BACK_S[0] * self._rate), first)
            speed = speed[: k - first + 1 - self._edge]
        resting = ~(speed >= still)
        held = round(held_s * self._rate)
        if held > 1:
            run = np.convolve(resting, np.ones(held, np.int64))[held - 1 :]
            resting &= run[: len(resting)] == held
        back = self._rows_to(resting)
        return first if back is None else k - back

    def rest(self, k: int, last: int) -> int:
        """First row from k on at which trunk and thighs are still, or the last one."""
        on = self._rows_to(~(self._speed(k, last) >= REST_DEG_S))
        return last if on is None else k + on

    def slow_rest(self, k: int, last: int) -> int:
        """First row from k on at which they are slow compared with their speed up to the last row, or the last row."""
        speed = self._speed(k, last)
        on = self._rows_to(speed < _slow(speed))
        return last if on is None else k + on

    def _speed(self, first: int, last: int, row: int | None = None) -> Floats:
        """|Velocity| (m,), degrees per second, of trunk and lower thigh or of the angle `row`, at rows first … last without
        `self._edge` at either end."""
        rows = self._kept.part(first, last + 1)
        if row is not None:
            return np.abs(inner_velocity(rows.angles[row], self._rate))
        trunk, thigh = np.abs(inner_velocity(rows.moving, self._rate))
        return np.asarray(np.maximum(trunk, thigh))

    def _rows_to(self, still: Bools) -> int | None:
        """Number of rows until the body is still, from the mask over the rows of a `_speed`; None where it never is. Too few
        rows for a velocity count as still."""
        if not len(still):
            return 0
        at = int(still.argmax())
        return None if not still[at] else at + self._edge if at else 0


def _slow(speed: Floats) -> float:
    """The speed below which a body counts as still after moving at these speeds (m,), degrees per second."""
    return min(REST_DEG_S, max(SLOWEST_DEG_S, SLOW_SHARE * float(speed.max(initial=0.0))))
