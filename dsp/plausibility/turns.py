"""Whether a gyroscope turns with the body: all segments of somebody who turns round turn round.

About the vertical gravity says nothing of a gyroscope, and on a worn sensor one axis points nearly up. But from one second to
another some seconds later, all sensors of a body turn about the vertical by nearly the same angle, however each of them is
worn: a second's mean takes out the strides. One that turns the other way, or by another factor, has an axis with the wrong
sign or scale. The others' median tells the angle, if at least two of them agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from body_signals import Bools, Cause, Floats
from dsp import rotation
from dsp.calibration.calibration_movements import THIGH_KEYS
from dsp.plausibility.clocks.cells import RATE_HZ, Cells
from dsp.results import Finding

APART, LONG = 3, 8
"""Seconds between two that are compared (ours). Over the longer time a foot that is turned out counts for more, so it tells the
sign alone, of somebody who turns slowly."""
STILL_RAD_S = np.radians(1.5)
"""Standard deviation of each rate within a second in which a sensor stands still: its mean is the bias (ours)."""
LEAST_RAD = np.radians(20.0)
"""Least turn of the others that tells something (ours)."""
ALIKE, WITNESSES = 0.4, 2
"""At least the second number of the others turn as their median does, within this part of it (ours)."""
TRUNK_RAD, THIGH_RAD = np.radians(28.0), np.radians(45.0)
"""A sensor on the trunk, or on a thigh, is wrong from this on: its turns against the median, less those, over the root mean
square. Of sound ones up to 8° and 24° in 120 simulated sensors each, 1.3° and 10° of persons; 19° and 44° where another is
wrong."""
WRONG, MOST = 0.25, 3.0
"""A factor is wrong that is further than the first from 1, and none that is larger than the second, or nearer to 0 than the
first: then the sensor is off the body (ours)."""
SAME = 0.35
"""Two turns show the same factor within this (ours)."""
ONCE = 1.75
"""A single turn shows another factor from this many times the least excess on: a slide by 35° does not reach it (ours)."""
PAUSE_S = 2
"""Seconds without a turn between two turns (ours)."""
KEPT = 8
"""The latest turns that count (ours)."""


@dataclass(slots=True)
class _Turn:
    """A turn of the body: its last second; over its seconds, this sensor's turn times the others', and theirs squared."""

    last: int
    product: float = 0.0
    square: float = 0.0

    @property
    def factor(self) -> float:
        return self.product / self.square

    @property
    def tells(self) -> bool:
        return bool(self.square >= LEAST_RAD**2)


@dataclass(slots=True)
class _Followed:
    """The latest turns of one sensor. before: last second of the turns that are not kept, None where all are."""

    turns: list[_Turn] = field(default_factory=list)
    before: int | None = None

    def note(self, second: int, turn: float, body: float) -> None:
        """At this second the sensor has turned by `turn` and the others by `body`, rad, as one of the seconds in which a turn
        is seen."""
        if not self.turns or second - self.turns[-1].last > PAUSE_S:
            self.turns.append(_Turn(second))
            if len(self.turns) > KEPT:
                self.before = self.turns.pop(0).last
        now = self.turns[-1]
        now.last, now.product, now.square = second, now.product + turn * body, now.square + body * body

    @property
    def excess(self) -> tuple[float, int]:
        """By how much, rad, the turns are others than the body's, from that turn on from which it is the most."""
        most, since, product, square = 0.0, 0, 0.0, 0.0
        for i in reversed(range(len(self.turns))):
            product, square = product + self.turns[i].product, square + self.turns[i].square
            excess = abs(product - square) / square**0.5
            if excess >= most:
                most, since = excess, i
        return most, since

    def ended(self, since: int) -> int | None:
        """Last second of the turns before this one, None where there was none."""
        return self.turns[since - 1].last if since else self.before


class TurnWatch:
    """Follows sensors by cells of time, whole seconds at a time; `take` returns what is found. begin_s: session time at which
    their samples begin."""

    def __init__(self, keys: Sequence[str], begin_s: float) -> None:
        self._keys, self._begin_s = tuple(keys), begin_s
        self._wrong: set[str] = set()
        """Sensors that are told; what they say counts no more."""
        self._compared = [_Compared(self._keys, apart) for apart in (APART, LONG)]
        self._bias = np.zeros((len(keys), 1))
        """Rate (s, 1) about the vertical, rad/s, when each sensor stood still last; 0 before."""
        self._end, self._missing = np.zeros((len(keys), 1)), np.zeros((len(keys), 1))
        """Angle that each sensor has turned by, and cells that were missing, until the end."""
        self._up = np.zeros((3, len(keys)))
        """Sum of the vertical in each sensor."""

    def take(self, first: int, cells: Mapping[str, Cells], known_s: float) -> list[Finding]:
        """The cells of whole seconds, from second `first` on: the same of each sensor, and each second once. known_s: session
        time at which they are known."""
        every = Cells(np.stack([cells[key].rows for key in self._keys], axis=1))
        per_s = round(RATE_HZ)
        seconds = (len(self._keys), every.rows.shape[2] // per_s, per_s)
        up, there = rotation.vertical_in_sensor(every.quat), every.missing == 0.0
        self._up += (up * there).sum(axis=2)
        rates = (up * every.means[3:]).sum(axis=0).reshape(seconds)
        rates -= self._biases(rates, every.means[3:].reshape(3, *seconds), there.reshape(seconds))[..., None]
        turned = self._end + np.cumsum(rates.reshape(len(rates), -1) / RATE_HZ, axis=1)
        missing = self._missing + np.cumsum(~there, axis=1)
        before = np.concatenate((self._missing, missing[:, :-1]), axis=1).reshape(seconds)[..., 0]
        after = missing.reshape(seconds)[..., -1]
        self._end, self._missing = turned[:, -1:], missing[:, -1:]
        means = turned.reshape(seconds).mean(axis=2)
        told: list[Finding] = []
        for compared in self._compared:
            turns = compared.turns(means, before, after)
            if len(self._keys) <= WITNESSES:
                continue
            turns[[i for i, key in enumerate(self._keys) if key in self._wrong]] = np.nan
            body, tells = _of_the_others(turns)
            for at in np.flatnonzero(tells.any(axis=0)).tolist():
                there = [i for i in range(len(turns)) if tells[i, at]]
                seen = [(self._keys[i], turns.item(i, at), body.item(i, at)) for i in there]
                found = compared.take(first + at, seen) if seen else None
                if found is not None:
                    tells[self._keys.index(found[0])] = False
                    key, factor, ended = found
                    self._wrong.add(key)
                    # what it made the others look like does not count
                    for one in self._compared:
                        one.begin_anew(first + at)
                    told.append(self._finding(key, factor, self._begin_s if ended is None else ended + 1.0, known_s))
        return told

    def _biases(self, rates: Floats, each: Floats, there: Bools) -> Floats:
        """The bias (s, n) in each second of rates (s, n, cells) about the vertical. each: rates about the three axes
        (3, s, n, cells)."""
        still = (each.std(axis=3) < STILL_RAD_S).all(axis=0) & there.all(axis=2)
        known = np.concatenate((self._bias, rates.mean(axis=2)), axis=1)
        latest = np.maximum.accumulate(np.where(still, np.arange(1, still.shape[1] + 1), 0), axis=1)
        biases = np.take_along_axis(known, latest, axis=1)
        self._bias = biases[:, -1:]
        return biases

    def _finding(self, key: str, factor: float, since_s: float, known_s: float) -> Finding:
        axis = "xyz"[int(np.abs(self._up[:, self._keys.index(key)]).argmax())]
        if factor < 0.0:
            what = (
                f"turns the other way round as all others turn with the body: the gyroscope's axis {axis} has the opposite sign"
            )
            remedy = f"Reverse the sign of the gyr column {axis}; of a left-handed sensor reverse it in acc, too."
            return Finding(key, Cause.GYR_SIGN, since_s, known_s, what, remedy)
        what = f"turns {factor:.2g} times as far as all others turn with the body: the scale of its gyroscope is wrong"
        remedy = f"Correct the range of the gyroscope, or multiply the gyr column {axis} by {1.0 / factor:.2f}."
        return Finding(key, Cause.GYR_SCALE, since_s, known_s, what, remedy)


class _Compared:
    """Compares sensors over `apart` seconds."""

    def __init__(self, keys: Sequence[str], apart: int) -> None:
        self._least = {key: THIGH_RAD if key in THIGH_KEYS else TRUNK_RAD for key in keys}
        self._followed = {key: _Followed() for key in keys}
        self._apart = apart
        self._means = np.full((len(keys), apart), np.nan)
        """Mean angle (s, apart), rad, that each sensor had turned by in the latest seconds."""
        self._before = np.zeros((len(keys), apart))
        """Cells that were missing before each of these."""

    def begin_anew(self, second: int) -> None:
        """What was seen until this second does not count any more."""
        self._followed = {key: _Followed(before=second) for key in self._followed}

    def turns(self, means: Floats, before: Floats, after: Floats) -> Floats:
        """By how much (s, n), rad, each sensor has turned at the next seconds, since those `apart` seconds earlier; NaN where
        cells are missing in between. means, before, after (s, n): mean angle, and missing cells before and after each."""
        means, before = np.concatenate((self._means, means), axis=1), np.concatenate((self._before, before), axis=1)
        n = self._apart
        self._means, self._before = means[:, -n:], before[:, -n:]
        return np.where(after == before[:, :-n], means[:, n:] - means[:, :-n], np.nan)

    def take(self, second: int, seen: Sequence[tuple[str, float, float]]) -> tuple[str, float, int | None] | None:
        """A second at which sensors have turned, and the others' median has: who is wrong, by which factor, and the last second
        of the turn with which it agreed, None where there was none."""
        weight = self._apart**-0.5
        excess = {}
        for key, turn, body in seen:
            self._followed[key].note(second, weight * turn, weight * body)
            excess[key] = self._followed[key].excess[0] / self._least[key]
        worst = max(excess, key=lambda key: excess[key])
        return self._judge(worst, excess[worst]) if excess[worst] >= 1.0 else None

    def _judge(self, key: str, excess: float) -> tuple[str, float, int | None] | None:
        """`take` of a sensor that turns otherwise, by this many times the least; None where it is something else."""
        followed = self._followed[key]
        since = followed.excess[1]
        turns = [turn for turn in followed.turns[since:] if turn.tells]
        if not turns:
            return None
        factor = sum(turn.product for turn in turns) / sum(turn.square for turn in turns)
        alike = all(abs(turn.factor - factor) < SAME * max(abs(factor), 1.0) for turn in turns)
        if not WRONG < abs(factor) < MOST or abs(factor - 1.0) <= WRONG or not alike:
            return None
        if factor > 0.0 and (self._apart == LONG or (len(turns) < 2 and excess < ONCE)):
            # a sensor that slides while the body turns looks the same, once
            return None
        return key, factor, followed.ended(since)


def _of_the_others(turns: Floats) -> tuple[Floats, Bools]:
    """Of turns (s, n), rad, NaN where unknown, the median (s, n) of the others of each, and whether it tells something: the
    sensor's own turn is known, the others have turned, and `WITNESSES` of them alike."""
    body, tells = np.zeros_like(turns), np.zeros(turns.shape, np.bool_)
    # most of the time nobody turns
    at = ((np.abs(turns) >= LEAST_RAD).sum(axis=0) >= WITNESSES).nonzero()[0]
    for i in range(len(turns) if len(at) else 0):
        # what is unknown is sorted to the end
        others = np.sort(np.concatenate((turns[:i, at], turns[i + 1 :, at])), axis=0)
        known = np.maximum(np.isfinite(others).sum(axis=0), 1)
        column = np.arange(len(at))
        median = 0.5 * (others[(known - 1) // 2, column] + others[known // 2, column])
        alike = (np.abs(others - median) <= ALIKE * np.abs(median)).sum(axis=0)
        body[i, at] = median
        tells[i, at] = np.isfinite(turns[i, at]) & (np.abs(median) >= LEAST_RAD) & (alike >= WITNESSES)
    return body, tells
