"""At which rate samples without a clock come, where that is another one than was asked for.

A sensor that was told 100 Hz may send 70, or stay at the 10 of its factory. Counted at 100 Hz its samples would seem lost, or
its time would run away. A radio that loses samples makes them fewer too, but not evenly: a lower rate is believed once ten
windows in a row have it; at the beginning of a stream, and where more samples come than can have been sent, sooner.

State changes only with samples, so the result does not depend on how packets are cut.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from body_signals import Floats

WINDOW_S = 1.0
"""Time, s, over which samples are counted (ours)."""
AT_FIRST, MORE, FEWER = 4, 3, 10
"""Windows in a row that must agree: the first of a stream; where samples come faster than counted; where slower (ours)."""
FASTER, SLOWER, STEADY = 1.10, 0.80, 0.06
"""Rates beyond these parts of the counted one are other ones: a radio that loses samples makes them fewer, and never more.
Windows that agree differ by less than the last part (ours)."""


class SteadyRate:
    """The rate of one stream. rate_hz: at which it is counted."""

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._began: float | None = None
        self._count = 0
        self._windows: deque[float] = deque(maxlen=FEWER)
        self._seen = 0

    def border(self, arrival: Floats, i: int) -> int:
        """The sample from i on, arrivals (n,) s, with which the next window begins; n where none does."""
        if self._began is None:
            return len(arrival)
        return i + int(np.searchsorted(arrival[i:], self._began + WINDOW_S))

    def take(self, arrival: Floats) -> None:
        """Count samples up to the next border; arrival (n,) s."""
        if self._began is None and len(arrival):
            self._began = float(arrival[0])
        self._count += len(arrival)

    def turn(self, arrival_s: float) -> bool:
        """Begin a window with the sample that arrived now; whether `rate_hz` has become another one."""
        assert self._began is not None
        self._windows.append(self._count / (arrival_s - self._began))
        self._seen += 1
        self._began, self._count = arrival_s, 0
        slower = AT_FIRST if self._seen == AT_FIRST else FEWER
        for enough, faster in ((MORE, True), (slower, False)):
            last = list(self._windows)[-enough:]
            rate = sum(last) / enough
            differs = rate > FASTER * self.rate_hz if faster else rate < SLOWER * self.rate_hz
            if len(last) == enough and differs and max(last) < (1.0 + STEADY) * min(last):
                self.rate_hz = rate
                self._windows.clear()
                return True
        return False

    def restart(self) -> None:
        """A stream begins anew, after a silence."""
        self._began, self._count, self._seen = None, 0, 0
        self._windows.clear()
