"""A device's own clock: unwrapped, with what is missing in it and where it began anew.

A stamp that falls back by less than half the clock's range is a restart, by more a wrap. Loss is what is missing
between two stamps at the sample rate; the rate is measured over unbroken stretches, since crystals and sensors differ
from their nominal rate. The same stamp again within the last `REMEMBERED` is a repeated packet.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

REMEMBERED = 64
"""Number of stamps that are kept to recognise a repeated packet (ours)."""
LEARN_AFTER_S, FORGET_AFTER_S = 2.0, 120.0
"""Unbroken time after which the rate counts as measured, and after which the past loses half of its weight (ours)."""
LEARN_WITHIN = 0.05
"""A measured rate that differs from the nominal one by a larger share is not believed (ours)."""


LONGEST_GAP_S = 86_400.0
"""A clock that leaps further ahead was set: a restart, not a gap (ours)."""


class Stamp(NamedTuple):
    """Where a packet's first sample lies: unwrapped ticks, samples lost before it, and whether the clock began anew."""

    ticks: int
    lost: int
    restart: bool


NO_STAMP = Stamp(0, 0, False)
"""Of a sample without a clock, with nothing known to be lost before it."""


class DeviceClock:
    """Unwraps the stamps of packets of one stream.

    rate_hz: nominal; 0 = not known, then no loss is found. tick_s: seconds per tick. wrap: ticks after which the clock
    begins at 0 again; 0 = never. settles: the device may be heard before it runs at the rate, at the beginning and after a
    restart; no loss is found until two of its packets follow each other at the rate.
    """

    def __init__(self, rate_hz: float, tick_s: float, wrap: int = 1 << 32, *, settles: bool = False) -> None:
        self._rate_hz, self._tick_s, self._wrap = rate_hz, tick_s, wrap
        self._raw: int | None = None
        self._ticks = self._count = 0
        self._recent: deque[int] = deque(maxlen=REMEMBERED)
        self._stretch_s = self._stretch_samples = 0.0
        self._settles = self._settling = settles

    def repeated(self, raw: int) -> bool:
        """Whether a packet with this stamp came a short while ago."""
        return raw in self._recent

    def stamp(self, raw: int, count: int = 1) -> Stamp:
        """Take a packet of `count` samples whose first one has the stamp `raw`."""
        lost, restart = 0, False
        if self._raw is None:
            self._ticks = raw
        else:
            step = raw - self._raw
            if self._wrap:
                half = self._wrap >> 1
                step = (step + half) % self._wrap - half
            if step < 0 or step * self._tick_s > LONGEST_GAP_S:
                restart = True
                self._ticks = raw
                self._recent.clear()
                self._stretch_s = self._stretch_samples = 0.0
                self._settling = self._settles
            else:
                self._ticks += step
                lost = self._missing(step * self._tick_s)
        self._raw, self._count = raw, count
        self._recent.append(raw)
        return Stamp(self._ticks, lost, restart)

    def _missing(self, step_s: float) -> int:
        if not self._rate_hz or not step_s:
            return 0
        rate_hz = self._rate_hz
        if self._stretch_s > LEARN_AFTER_S:
            measured = self._stretch_samples / self._stretch_s
            if abs(measured / rate_hz - 1.0) < LEARN_WITHIN:
                rate_hz = measured
        lost = max(0, round(step_s * rate_hz) - self._count)
        if self._settling:
            self._settling = bool(lost)
            return 0
        if not lost:
            self._stretch_s += step_s
            self._stretch_samples += self._count
            if self._stretch_s > FORGET_AFTER_S:
                self._stretch_s /= 2.0
                self._stretch_samples /= 2.0
        return lost
