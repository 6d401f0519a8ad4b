"""Whether a gyroscope turns with the body: no joint turns about the vertical as far as people do.

About the vertical gravity says nothing of a gyroscope, and on a worn sensor one axis points nearly up. But who turns round
turns with all segments, but for what lumbar spine and hips allow. From one second to another some seconds later, two sensors
whose turns differ by more than that cannot both be right: a second's mean takes out the strides. The one that all such pairs
share is wrong, or of a single pair the one that is further from the other sensors. Where it turns the other way, or about
twice as far, an axis of its gyroscope has the wrong sign or scale; else it may be off the body, and nothing is told here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from body_signals import Bools, Cause, Floats
from dsp import rotation
from dsp.calibration.calibration_movements import THIGH_KEYS
from dsp.plausibility.clocks.cells import RATE_HZ, Cells
from dsp.results import Finding

APARTS = (3, 8)
"""Seconds between two that are compared: somebody who turns fast, and who turns slowly (ours)."""
TRUNK_RAD, HIP_RAD = np.radians([45.0, 100.0]).tolist()
"""Turns of the lumbar spine and the pelvis, and of one of them and a thigh, that differ by more are impossible. The lumbar
spine turns by 36° in all and a hip by 90° (sources: `dsp.plausibility.body_range`); the rest is for skin (ours)."""
LEGS_RAD = 2.0 * HIP_RAD
"""The same of two thighs."""
NEARER_RAD = np.radians(20.0)
"""Of a single pair the one is wrong that is further by this from the mean of the others (ours)."""
OTHER_WAY, TWICE = (-1.6, -0.4), (1.6, 3.0)
"""Factors against the others' median that show an axis with the opposite sign, and one with another scale (ours)."""
SEEN = 3
"""Seconds in a row that must show it (ours)."""
AGREED_RAD, AGREED = np.radians(20.0), 0.4
"""A sensor turned with the others that turned by the first or more, and by as much within the second part of it (ours)."""
STILL_RAD_S, BIAS_RAD_S = np.radians([1.5, 4.0]).tolist()
"""Standard deviation of each rate within a second in which a sensor stands still, and size of its mean, which is the bias
(ours)."""
DEAD_RAD_S = 1e-9
"""An axis whose rates spread by less within a second is dead (ours)."""
WORN_RAD = np.radians(30.0)
"""The specific force of a worn sensor is within this of that in the first standing, in the mean of a second of walking round
(ours)."""


@dataclass(slots=True)
class _Followed:
    """What was seen of one sensor. agreed: last second at which it turned with the others, None where there was none."""

    agreed: int | None = None
    factors: dict[int, tuple[int, list[float]]] = field(default_factory=dict)
    """By the seconds between: the last second that showed it to be wrong, and the factors of those in a row."""

    def wrong(self, apart: int, second: int, factor: float) -> float | None:
        """It turned by a factor that shows a fault: the mean of the factors, once enough seconds in a row show the same."""
        last, before = self.factors.get(apart, (second, []))
        alike = second - last <= 1 and (not before or _fault(before[-1]) is _fault(factor))
        factors = [*before, factor] if alike else [factor]
        self.factors[apart] = second, factors
        return sum(factors) / len(factors) if len(factors) >= SEEN else None


class TurnWatch:
    """Follows sensors by cells of time, whole seconds at a time; `take` returns what is found. begin_s: session time at which
    their samples begin."""

    def __init__(self, keys: Sequence[str], begin_s: float) -> None:
        self._keys, self._begin_s = tuple(keys), begin_s
        self._limits = {pair: _limit(*pair) for pair in combinations(self._keys, 2)}
        self._least = min(self._limits.values(), default=np.inf)
        self._followed = {key: _Followed() for key in keys}
        """Of the sensors that are not told."""
        self._turned = {apart: _Turned(len(keys), apart) for apart in APARTS}
        self._bias = np.zeros((len(keys), 1))
        """Rate (s, 1) about the vertical, rad/s, when each sensor stood still last; 0 before."""
        self._end, self._missing = np.zeros((len(keys), 1)), np.zeros((len(keys), 1))
        """Angle that each sensor has turned by, and cells that were missing, until the end."""
        self._stood: Floats | None = None
        """Direction (3, s) of the specific force in each sensor when all stood still for the first time."""

    def take(self, first: int, cells: Mapping[str, Cells], known_s: float) -> list[Finding]:
        """The cells of whole seconds, from second `first` on: the same of each sensor, and each second once. known_s: session
        time at which they are known."""
        if len(self._keys) < 3:
            # of two that disagree nobody says who is right
            return []
        every = Cells(np.stack([cells[key].rows for key in self._keys], axis=1))
        per_s = round(RATE_HZ)
        seconds = (len(self._keys), every.rows.shape[2] // per_s, per_s)
        measured, there = every.means[3:].reshape(3, *seconds), (every.missing == 0.0).reshape(seconds)
        spread = measured.std(axis=3)
        still = (spread < STILL_RAD_S) & (np.abs(measured.mean(axis=3)) < BIAS_RAD_S)
        still = still.all(axis=0) & there.all(axis=2)
        # an axis that gives the same number all the time is dead, and so is a sensor that repeats itself
        there &= (spread > DEAD_RAD_S).all(axis=0)[..., None]
        force = every.means[:3].reshape(3, *seconds).mean(axis=3)
        worn = self._worn(force / np.maximum(np.sqrt((force * force).sum(axis=0)), 1e-9), still.all(axis=0))
        rates = (rotation.vertical_in_sensor(every.quat) * every.means[3:]).sum(axis=0).reshape(seconds)
        rates -= self._biases(rates.mean(axis=2), still)[..., None]
        there = there.reshape(len(there), -1)
        turned = self._end + np.cumsum(rates.reshape(len(rates), -1) / RATE_HZ, axis=1)
        missing = self._missing + np.cumsum(~there, axis=1)
        before = np.concatenate((self._missing, missing[:, :-1]), axis=1).reshape(seconds)[..., 0]
        after = missing.reshape(seconds)[..., -1]
        self._end, self._missing = turned[:, -1:], missing[:, -1:]
        means = turned.reshape(seconds).mean(axis=2)
        told: list[Finding] = []
        turns = {apart: of_apart.since(means, before, after) for apart, of_apart in self._turned.items()}
        # most of the time nobody turns
        turning = [(np.abs(of_apart) >= AGREED_RAD).sum(axis=0) >= 2 for of_apart in turns.values()]
        for at in np.flatnonzero(np.any(turning, axis=0)).tolist():
            for apart, of_apart in turns.items():
                each = zip(self._keys, of_apart[:, at].tolist(), strict=True)
                known = {key: turn for key, turn in each if key in self._followed and turn == turn}
                told += self._compare(apart, first + at, known, worn[:, at], known_s)
        return told

    def _worn(self, force: Floats, still: Bools) -> Bools:
        """In which seconds each sensor is about as it was when all stood still for the first time (s, n). force (3, s, n): mean
        direction of the specific force; still (n,): all stand still."""
        begin = 0
        if self._stood is None:
            if not still.any():
                return np.zeros(force.shape[1:], np.bool_)
            begin = int(still.argmax())
            self._stood = force[:, :, begin]
        worn = (force * self._stood[:, :, None]).sum(axis=0) > np.cos(WORN_RAD)
        worn[:, :begin] = False
        return np.asarray(worn)

    def _biases(self, rates: Floats, still: Bools) -> Floats:
        """The bias (s, n) in each second of mean rates (s, n) about the vertical; still (s, n): the sensor stands still."""
        known = np.concatenate((self._bias, rates), axis=1)
        latest = np.maximum.accumulate(np.where(still, np.arange(1, still.shape[1] + 1), 0), axis=1)
        biases = np.take_along_axis(known, latest, axis=1)
        self._bias = biases[:, -1:]
        return biases

    def _compare(self, apart: int, second: int, turns: Mapping[str, float], worn: Bools, known_s: float) -> list[Finding]:
        """What a second tells, until which the sensors have turned by `turns`, rad; worn (s,): which are as they were."""
        if len(turns) < 3:
            return []
        low, high = min(turns.values()), max(turns.values())
        impossible = (
            [pair for pair in combinations(turns, 2) if abs(turns[pair[0]] - turns[pair[1]]) > self._limits[pair]]
            if high - low > self._least
            else []
        )
        if not impossible:
            for key, turn in turns.items() if apart == APARTS[0] else ():
                body = _of_the_others(key, turns)
                if abs(body) >= AGREED_RAD and abs(turn - body) <= AGREED * abs(body):
                    self._followed[key].agreed = second
            return []
        blamed = _shared(impossible, turns)
        body = 0.0 if blamed is None else _of_the_others(blamed, turns)
        factor = turns[blamed] / body if blamed and body else 0.0
        if blamed is None or _fault(factor) is None or not worn[self._keys.index(blamed)]:
            # a sensor that came off may turn anyhow
            return []
        mean = self._followed[blamed].wrong(apart, second, factor)
        return [] if mean is None else [self._finding(blamed, mean, known_s)]

    def _finding(self, key: str, factor: float, known_s: float) -> Finding:
        agreed = self._followed.pop(key).agreed
        since_s = self._begin_s if agreed is None else agreed + 1.0
        assert self._stood is not None
        axis = "xyz"[int(np.abs(self._stood[:, self._keys.index(key)]).argmax())]
        if _fault(factor) is Cause.GYR_SIGN:
            what = f"turns the other way than the others with the body: the gyroscope's axis {axis} has the opposite sign"
            remedy = f"Reverse the sign of the gyr column {axis}; of a left-handed sensor reverse it in acc, too."
            return Finding(key, Cause.GYR_SIGN, since_s, known_s, what, remedy)
        what = f"turns {factor:.1f} times as far as the others turn with the body: the scale of its gyroscope is wrong"
        remedy = f"Correct the range of the gyroscope, or multiply the gyr column {axis} by {1.0 / factor:.2f}."
        return Finding(key, Cause.GYR_SCALE, since_s, known_s, what, remedy)


class _Turned:
    """How far s sensors have turned in `apart` seconds."""

    def __init__(self, sensors: int, apart: int) -> None:
        self._means = np.full((sensors, apart), np.nan)
        """Mean angle (s, apart), rad, that each sensor had turned by in the latest seconds."""
        self._before = np.zeros((sensors, apart))
        """Cells that were missing before each of these."""

    def since(self, means: Floats, before: Floats, after: Floats) -> Floats:
        """By how much (s, n), rad, each sensor has turned at the next seconds; NaN where cells are missing in between. means,
        before, after (s, n): mean angle, and missing cells before and after each."""
        n = self._means.shape[1]
        means, before = np.concatenate((self._means, means), axis=1), np.concatenate((self._before, before), axis=1)
        self._means, self._before = means[:, -n:], before[:, -n:]
        return np.where(after == before[:, :-n], means[:, n:] - means[:, :-n], np.nan)


def _limit(first: str, second: str) -> float:
    """By how much, rad, turns of two sensors may differ."""
    thighs = (first in THIGH_KEYS) + (second in THIGH_KEYS)
    return float((TRUNK_RAD, HIP_RAD, LEGS_RAD)[thighs])


def _of_the_others(key: str, turns: Mapping[str, float]) -> float:
    """Median turn, rad, of the sensors other than this."""
    others = sorted(turn for k, turn in turns.items() if k != key)
    return 0.5 * (others[(len(others) - 1) // 2] + others[len(others) // 2])


def _shared(pairs: Sequence[tuple[str, str]], turns: Mapping[str, float]) -> str | None:
    """The sensor that all impossible pairs share; None where that is not clear."""
    shared = [key for key in turns if all(key in pair for pair in pairs)]
    if len(shared) == 1:
        return shared[0]
    if len(pairs) > 1:
        return None
    middle = sum(turn for key, turn in turns.items() if key not in pairs[0]) / (len(turns) - 2)
    near, far = sorted(pairs[0], key=lambda key: abs(turns[key] - middle))
    return far if abs(turns[far] - middle) - abs(turns[near] - middle) > NEARER_RAD else None


def _fault(factor: float) -> Cause | None:
    """What a factor shows of a gyroscope."""
    if OTHER_WAY[0] < factor < OTHER_WAY[1]:
        return Cause.GYR_SIGN
    return Cause.GYR_SCALE if TWICE[0] < factor < TWICE[1] else None
