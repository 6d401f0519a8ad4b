"""Smooth scalar trajectories with their exact first and second derivatives.

`Signal` is a scalar over n instants with its rate and acceleration; sums and products follow the rules of
differentiation, so nothing in the simulated body is differentiated numerically. `Track` is what a script writes:
minimum-jerk moves between holds. `Sines` is what a living body adds: postural sway.
Every trajectory can be evaluated at any instants in any order, which is what makes endless sessions possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from body_signals import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """value, rate and acceleration (n,) of a scalar: x, dx/dt, d²x/dt²."""

    value: Floats
    rate: Floats
    acceleration: Floats

    @classmethod
    def constant(cls, value: float, n: int) -> Signal:
        """The same value at n instants."""
        return cls(np.full(n, value), np.zeros(n), np.zeros(n))

    def __neg__(self) -> Signal:
        return Signal(-self.value, -self.rate, -self.acceleration)

    def __add__(self, other: Signal | float) -> Signal:
        if isinstance(other, Signal):
            return Signal(self.value + other.value, self.rate + other.rate, self.acceleration + other.acceleration)
        return Signal(self.value + other, self.rate, self.acceleration)

    def __sub__(self, other: Signal | float) -> Signal:
        return self + (-other)

    def __mul__(self, other: Signal | float) -> Signal:
        if isinstance(other, Signal):
            return Signal(
                self.value * other.value,
                self.rate * other.value + self.value * other.rate,
                self.acceleration * other.value + 2.0 * self.rate * other.rate + self.value * other.acceleration,
            )
        return Signal(self.value * other, self.rate * other, self.acceleration * other)

    __radd__ = __add__
    __rmul__ = __mul__

    def through(self, f: Floats, slope: Floats, curvature: Floats) -> Signal:
        """f(x) by the chain rule; `f`, `slope`, `curvature` (n,) are f, f', f'' at this signal's values."""
        return Signal(f, slope * self.rate, curvature * self.rate**2 + slope * self.acceleration)

    def sine(self) -> Signal:
        """sin x."""
        s, c = np.sin(self.value), np.cos(self.value)
        return self.through(s, c, -s)

    def cosine(self) -> Signal:
        """cos x."""
        s, c = np.sin(self.value), np.cos(self.value)
        return self.through(c, -s, -c)

    def softened(self, limit: float) -> Signal:
        """x / √(1 + (x/limit)²): proportional when small, never beyond ±`limit`."""
        x = self.value
        root = 1.0 / np.sqrt(1.0 + (x / limit) ** 2)
        return self.through(x * root, root**3, -3.0 * x / limit**2 * root**5)


KNEE_WIDTH = 0.03
"""Progress over which the knee of a move is round, so that it has an acceleration (ours)."""


class Move(NamedTuple):
    """From `start_s` to `end_s` the value is start + c1·m + c2·m² + c3·m³ + bend·k(m), with m the minimum-jerk progress 0 … 1.

    k is a knee: 0 before the progress `knee`, and m − knee beyond it.
    """

    start_s: float
    end_s: float
    start: float
    c1: float
    c2: float = 0.0
    c3: float = 0.0
    bend: float = 0.0
    knee: float = 0.5

    @property
    def end(self) -> float:
        """Value at the end of the move."""
        beyond = self.bend * (_ramp(1.0 - self.knee) - _ramp(-self.knee))
        return self.start + self.c1 + self.c2 + self.c3 + float(beyond)


def _ramp(x: Floats | float) -> Floats:
    """0 below zero, x above, round over `KNEE_WIDTH`."""
    return np.asarray(0.5 * (x + np.hypot(x, KNEE_WIDTH)))


class Track:
    """A channel of the body: moves one after another, held between them and outside.

    Minimum jerk: m = 10u³ − 15u⁴ + 6u⁵ (Flash and Hogan 1985, doi 10.1523/JNEUROSCI.05-07-01688.1985); rate and
    acceleration are zero at both ends of a move. Raises ValueError when moves overlap or take no time.
    """

    def __init__(self, moves: Sequence[Move] = (), initial: float = 0.0) -> None:
        for move in moves:
            if move.end_s <= move.start_s:
                raise ValueError(f"a move at {move.start_s:.3f} s takes no time")
        for before, after in pairwise(moves):
            if after.start_s < before.end_s - 1e-9:
                raise ValueError(f"moves overlap: one ends at {before.end_s:.3f} s, the next begins at {after.start_s:.3f} s")
        self.moves: tuple[Move, ...] = tuple(moves)
        self.initial = initial
        # the first row is the hold before the first move
        rows = [(-np.inf, 1.0, initial, 0.0, 0.0, 0.0, 0.0, 0.5)]
        rows += [(m.start_s, m.end_s - m.start_s, m.start, m.c1, m.c2, m.c3, m.bend, m.knee) for m in moves]
        self._begin, self._length, self._start, self._c1, self._c2, self._c3, self._bend, self._knee = np.array(rows).T.copy()
        self._bends = bool(self._bend.any())
        # of each move what is held before it and, next to that, what is held after it
        self._held = self._moving(np.repeat(np.arange(len(rows)), 2), np.tile((0.0, 1.0), len(rows)))

    def at(self, time_s: Floats) -> Signal:
        """The channel at `time_s` (n,)."""
        if not self.moves:
            return Signal.constant(self.initial, len(time_s))
        i = np.searchsorted(self._begin, time_s, side="right") - 1
        with np.errstate(invalid="ignore"):
            u = np.clip(np.where(i > 0, (time_s - self._begin[i]) / self._length[i], 0.0), 0.0, 1.0)
        over = u >= 1.0
        held = 2 * i + over
        out = Signal(self._held.value[held], self._held.rate[held], self._held.acceleration[held])
        moving = np.flatnonzero((u > 0.0) & ~over)
        if len(moving):
            now = self._moving(i[moving], u[moving])
            out.value[moving], out.rate[moving], out.acceleration[moving] = now.value, now.rate, now.acceleration
        return out

    def _moving(self, i: Ints, u: Floats) -> Signal:
        """In move number i (n,), 0 for the hold before the first, of whose time the part u (n,) is over."""
        length = self._length[i]
        m = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
        m1 = 30.0 * (u * (1.0 - u)) ** 2 / length
        m2 = 60.0 * u * (1.0 - u) * (1.0 - 2.0 * u) / length**2
        c1, c2, c3 = self._c1[i], self._c2[i], self._c3[i]
        progress = Signal(m, m1, m2)
        value, slope = self._start[i] + m * (c1 + m * (c2 + m * c3)), c1 + m * (2.0 * c2 + 3.0 * c3 * m)
        curvature = 2.0 * c2 + 6.0 * c3 * m
        if self._bends:
            bend, knee = self._bend[i], self._knee[i]
            beyond = np.hypot(m - knee, KNEE_WIDTH)
            value = value + bend * (_ramp(m - knee) - _ramp(-knee))
            slope = slope + bend * 0.5 * (1.0 + (m - knee) / beyond)
            curvature = curvature + bend * 0.5 * KNEE_WIDTH**2 / beyond**3
        return progress.through(value, slope, curvature)

    def scaled(self, factor: float) -> Track:
        """The same moves, all values times `factor`."""
        scaled = [
            m._replace(start=factor * m.start, c1=factor * m.c1, c2=factor * m.c2, c3=factor * m.c3, bend=factor * m.bend)
            for m in self.moves
        ]
        return Track(scaled, factor * self.initial)


@dataclass(frozen=True, slots=True, eq=False)
class Sines:
    """A sum of sines: amplitude, frequency_hz and phase, each (k,)."""

    amplitude: Floats
    frequency_hz: Floats
    phase: Floats

    @classmethod
    def random(cls, rng: np.random.Generator, rms: float, band_hz: tuple[float, float], count: int = 4) -> Sines:
        """`count` sines with frequencies in `band_hz` and a root mean square of exactly `rms`."""
        amplitude = rng.uniform(0.5, 1.5, count)
        amplitude *= rms / np.sqrt(0.5 * (amplitude**2).sum())
        return cls(amplitude, rng.uniform(*band_hz, count), rng.uniform(0.0, 2.0 * np.pi, count))

    def at(self, time_s: Floats) -> Signal:
        """The sum at `time_s` (n,)."""
        total = Signal.constant(0.0, len(time_s))
        for a, f, p in zip(self.amplitude.tolist(), self.frequency_hz.tolist(), self.phase.tolist(), strict=True):
            w = 2.0 * np.pi * f
            angle = w * time_s + p
            s, c = a * np.sin(angle), a * np.cos(angle)
            np.add(total.value, s, out=total.value)
            np.add(total.rate, w * c, out=total.rate)
            np.add(total.acceleration, -w * w * s, out=total.acceleration)
        return total

    def scaled(self, factor: float) -> Sines:
        """The same sines, all amplitudes times `factor`."""
        return Sines(factor * self.amplitude, self.frequency_hz, self.phase)
