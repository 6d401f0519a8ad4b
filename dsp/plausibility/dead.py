"""Samples that are none: one that repeats, zeros that fill in, numbers that are none. They must not reach the filter.

A sensor that is worn never says the same in all channels for long: it sways, breathes and has noise. How long it may depends
on what it says. One sample by which gravity turns, or in which there is no gravity, cannot repeat at all; `MOVING_S` leaves
room for devices that give each measurement several times. One that looks like rest may repeat for as long as this sensor's own
noise makes likely: coarse sensors at rest do. State changes at samples only, so the cut into blocks does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from body_signals import G0, Bools, Cause, Floats
from dsp.results import Finding

MOVING_S = 0.05
"""A sample that is no rest may repeat for this long (ours)."""
AT_REST_S = 0.25
"""One that looks like rest for this long at least, and for longer where the sensor is coarse (ours)."""
NEVER_NOISY_S = 20.0
"""A worn sensor that has shown no noise at all may repeat a sample for this long (ours)."""

_NOWHERE = [math.nan] * 3
_FEWEST = 6
"""Equal samples in a row that may be frozen, at least (ours)."""
_FEW = 32
"""Up to this number of samples, numbers of Python are faster (ours)."""
_REST_RAD_S = 0.09
"""Turning of gravity's direction, rad/s, that is no rest: 5 °/s (ours)."""
_REST_M_S2 = 5.0
"""Distance of |acc| from gravity, m/s², that is no rest, also of an accelerometer of the wrong scale (ours)."""
_STEPS = 3.0
"""Steps of the accelerometer's resolution that gravity's turn must have taken it further (ours)."""
COARSE_M_S2 = 0.15
"""Resolution of an accelerometer before it is known: 15 mg, that of the coarsest (ours)."""
_NOISE = ((0.005, AT_REST_S), (0.05, 1.0))
"""Share of equal neighbours at rest, and the run, s, that is no rest up to it (ours); of coarser sensors `NEVER_NOISY_S`."""
_ENOUGH_PAIRS = 50
"""Pairs of neighbouring samples at rest, before their noise is known (ours)."""
_NO_GRAVITY_M_S2 = 1.0
"""A repeated |acc| below this is called zeros (ours)."""
_AGAIN_S = 60.0
"""Dead samples that come again within this time are one finding (ours)."""


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run of dead samples as far as it is known: session times of its first sample, of the one at which it was known, and of
    its last one so far; samples: dead ones of this call."""

    cause: Cause
    since_s: float
    known_s: float
    last_s: float
    samples: int


class DeadSamples:
    """Finds the dead samples of one sensor; see `feed`. Rates of a sensor without a gyroscope: its orientations."""

    def __init__(self, rate_hz: float, *, turns: bool, worn: bool) -> None:
        self._rate_hz, self.turns, self._worn = rate_hz, turns, worn
        self.equal: Bools | None = None
        """Which samples of the last call equal the one before them; None: none."""
        self._acc: Floats | None = None
        self._rates: Floats = np.zeros(3)
        self._repeats = 0
        """Repeats of the sample that came last."""
        self._since_s = self._known_s = 0.0
        self._dead: Cause | None = None
        """Why the last sample is dead."""
        self._pairs, self._equal = 0, 0
        self.resolution_m_s2 = COARSE_M_S2
        """Smallest step of the accelerometer; to be set as it becomes known."""

    def rested(self, pairs: int, equal: int) -> None:
        """Of `pairs` neighbouring samples, sound ones at rest, `equal` pairs were equal: this is the sensor's noise."""
        self._pairs, self._equal = self._pairs + pairs, self._equal + equal

    def feed(
        self, time_s: Floats, acc: Floats, rates: Floats, extremes: tuple[Sequence[float], Sequence[float]] | None = None
    ) -> tuple[Bools | None, list[DeadRun]]:
        """Which of n > 0 samples acc (n, 3), rates (n, 3 or 4) are dead, None where none is, and the runs of these. extremes:
        largest and smallest value of each channel, where they are known."""
        n = len(acc)
        self.equal = None
        if n <= _FEW:
            # what a packet brings: on numbers of Python this takes a fifth of the time
            numbers = acc.ravel().tolist()
            before = _NOWHERE if self._acc is None else self._acc.tolist()
            if not _may_repeat(before + numbers) and math.isfinite(sum(numbers) + sum(rates.ravel().tolist())):
                self._acc, self._rates, self._repeats, self._dead = acc[-1], rates[-1], 0, None
                return None, []
        equal = np.zeros(n, np.bool_)
        # two numbers are seldom equal by chance
        x, y = acc[:, 0].copy(), acc[:, 1].copy()
        near = np.flatnonzero((x[1:] == x[:-1]) & (y[1:] == y[:-1])) + 1
        if len(near):
            equal[near] = (acc[near] == acc[near - 1]).all(axis=1) & (rates[near] == rates[near - 1]).all(axis=1)
        if self._acc is not None:
            equal[0] = (acc[0] == self._acc).all() and (rates[0] == self._rates).all()
        empty = _empty(acc, rates, extremes)
        before, self._acc, self._rates = self._repeats, acc[-1], rates[-1]
        if empty is None and not equal.any():
            self._repeats, self._dead = 0, None
            return None, []
        self.equal = equal
        return self._runs(time_s, acc, rates, equal, empty, before)

    def _runs(
        self, time_s: Floats, acc: Floats, rates: Floats, equal: Bools, empty: Bools | None, before: int
    ) -> tuple[Bools | None, list[DeadRun]]:
        n = len(acc)
        starts = np.flatnonzero(equal & ~np.concatenate(([False], equal[:-1])))
        ends = np.flatnonzero(equal & ~np.concatenate((equal[1:], [False]))) + 1
        dead = np.zeros(n, np.bool_) if empty is None else empty.copy()
        runs: list[DeadRun] = []
        if empty is not None:
            runs += self._empty_runs(time_s, empty)
        carried = self._dead if equal[0] and empty is None else None
        since_s, known_s = self._since_s, self._known_s
        self._repeats, self._dead = 0, (Cause.ZEROS if empty is not None and empty[-1] else None)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            had = before if start == 0 else 0
            if start or not had:
                since_s = float(time_s[start])
            longest = self._longest(acc[start], rates[start])
            first = start + max(longest - had, 0)
            if first < end and not dead[start:end].all():
                cause = Cause.ZEROS if np.abs(acc[start]).max() < _NO_GRAVITY_M_S2 else Cause.FROZEN
                if not (start == 0 and carried):
                    known_s = float(time_s[first])
                fresh = ~dead[first:end]
                dead[first:end] = True
                runs.append(DeadRun(cause, since_s, known_s, float(time_s[end - 1]), int(np.count_nonzero(fresh))))
                if end == n:
                    self._dead = cause
            if end == n:
                self._repeats, self._since_s, self._known_s = had + end - start, since_s, known_s
        return (dead if dead.any() else None), runs

    def _empty_runs(self, time_s: Floats, empty: Bools) -> list[DeadRun]:
        first = np.flatnonzero(empty & ~np.concatenate(([False], empty[:-1])))
        last = np.flatnonzero(empty & ~np.concatenate((empty[1:], [False])))
        return [
            DeadRun(Cause.ZEROS, float(time_s[a]), float(time_s[a]), float(time_s[b]), b - a + 1)
            for a, b in zip(first.tolist(), last.tolist(), strict=True)
        ]

    def _longest(self, acc: Floats, rates: Floats) -> int:
        """Repeats of this sample from which on it is dead."""
        force = math.sqrt(float(acc @ acc))
        moving = abs(force - G0) > _REST_M_S2
        seconds = MOVING_S
        if self.turns and not moving:
            turn = np.cross(rates, acc) / force
            speed = math.sqrt(float(turn @ turn))
            moving = speed > _REST_RAD_S
            # a coarse accelerometer may not see it for this time
            seconds = max(seconds, _STEPS * self.resolution_m_s2 / (G0 * max(speed, _REST_RAD_S)))
        if moving:
            return max(math.ceil(seconds * self._rate_hz), _FEWEST)
        if not self._worn:
            # what lies still may say the same for ever, and its orientation is right
            return 1 << 62
        if self._pairs >= _ENOUGH_PAIRS:
            for share, rest_s in _NOISE:
                if self._equal <= share * self._pairs:
                    return max(math.ceil(rest_s * self._rate_hz), _FEWEST)
        return math.ceil(NEVER_NOISY_S * self._rate_hz)


def _may_repeat(numbers: list[float]) -> bool:
    """Whether a specific force equals the one before it, or is zero; three numbers each, the first not counted for itself."""
    last = numbers[0]
    for i in range(3, len(numbers), 3):
        value = numbers[i]
        # one number is often equal by chance, all three seldom
        if value == last and numbers[i + 1 : i + 3] == numbers[i - 2 : i]:
            return True
        if value == 0.0 and not (numbers[i + 1] or numbers[i + 2]):
            return True
        last = value
    return False


def _empty(acc: Floats, rates: Floats, extremes: tuple[Sequence[float], Sequence[float]] | None) -> Bools | None:
    """Samples (n,) that are all zeros, or no numbers; None where there are none. extremes: as in `DeadSamples.feed`."""
    if extremes is not None and all(map(math.isfinite, chain(*extremes))):
        highest, lowest = extremes
        if any(low > 0.0 or high < 0.0 for high, low in zip(highest, lowest, strict=True)) or not (acc[:, 0] == 0.0).any():
            return None
    zero = acc[:, 0] == 0.0
    # one sum tells whether a number is none
    if not zero.any() and math.isfinite(float(acc.sum() + rates.sum())):
        return None
    empty = ~(np.isfinite(acc).all(axis=1) & np.isfinite(rates).all(axis=1))
    empty |= (acc == 0.0).all(axis=1) & (rates == 0.0).all(axis=1)
    return np.asarray(empty) if empty.any() else None


@dataclass(slots=True)
class _OneCause:
    """Dead samples of one cause, in one or several runs that are one finding."""

    since_s: float
    known_s: float
    last_s: float
    seconds: float = 0.0
    runs: int = 0
    told: bool = False
    over: bool = False


class DeadRuns:
    """The findings of one sensor's runs of dead samples. True once there was one."""

    def __init__(self, key: str, rate_hz: float) -> None:
        self._key, self._rate_hz = key, rate_hz
        self._causes: dict[Cause, _OneCause] = {}

    def __bool__(self) -> bool:
        return bool(self._causes)

    def feed(self, found: Sequence[DeadRun], now_s: float, *, ended: bool) -> list[Finding]:
        """What the next runs change, those that went on among them; ended: the sample at now_s is not dead."""
        changed: list[Cause] = []
        for run in found:
            known = self._causes.get(run.cause)
            again = known is not None and known.over
            if known is None or run.since_s > known.last_s + _AGAIN_S:
                known = self._causes[run.cause] = _OneCause(run.since_s, run.known_s, run.last_s)
            if known.runs == 0 or run.since_s > known.last_s + 1.5 / self._rate_hz:
                known.runs += 1
            known.seconds += run.samples / self._rate_hz
            known.last_s, known.over = run.last_s, False
            if known.told and not again:
                continue
            known.told = True
            changed.append(run.cause)
        for cause, known in self._causes.items():
            if not known.over and (ended or known.last_s < now_s):
                known.over = True
                changed.append(cause)
        return [self._finding(cause, self._causes[cause]) for cause in dict.fromkeys(changed)]

    def _finding(self, cause: Cause, dead: _OneCause) -> Finding:
        what = (
            "zeros or no numbers stand in place of samples: no gravity"
            if cause is Cause.ZEROS
            else "one and the same sample repeats"
        )
        if dead.over:
            what += f" for {dead.seconds:.2g} s" + (f" in {dead.runs} stretches" if dead.runs > 1 else "")
        remedy = "Its angles are missing there; check the sensor, its firmware and its radio."
        return Finding(self._key, cause, dead.since_s, dead.known_s, what, remedy, dead.last_s if dead.over else None)
