"""One axis that says nothing while the others do.

The channels of a gyroscope, or of an accelerometer, have the same noise. Where two of them change from sample to sample while
the sensor rests, the third does too: one that stands at a single value for some seconds is dead, if it had noise itself before,
or has stood since the beginning and gravity has turned since. A gyroscope that stands in all axes while gravity turns is dead
as well, and so is an accelerometer that stands while the gyroscope turns it; one that had noise, at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from operator import eq

import numpy as np

from body_signals import G0, Bools, Floats

_NOISY = 0.5
"""Share of the neighbouring samples that differ, from which on a channel is noisy (ours)."""
_TURN_RAD = 0.3
"""Turn of gravity within the window that nobody can miss (ours)."""
_LONG_S = 3.5
"""Time for which a channel must stand (ours)."""
_ALONG_M_S2 = 1.5
"""An axis that reads gravity to within this points along it (ours)."""

KINDS = ("accelerometer", "gyroscope")


GLANCE_HZ, _GLANCES = 10.0, 8
"""Glances a second; number of them in a row, a power of two, at one value that make a channel that stands, while the two others
move (ours)."""
_MOVES = (1.0, 0.2)
"""Least movement of the two others meanwhile: an accelerometer's, m/s², a gyroscope's, rad/s (ours)."""


class Glances:
    """Looks at some samples of each second, so that a channel which has noise and stands while the others move is soon known;
    of all channels of a kind, while the other kind moves.

    noisy: the channels, by kind and axis, that have shown noise at rest; only these are judged.
    """

    def __init__(self, rate_hz: float, noisy: Set[tuple[str, int]]) -> None:
        self._stride, self._noisy = max(round(rate_hz / GLANCE_HZ), 1), noisy
        self._next = 0
        """Samples until the next glance."""
        self._values: list[float] = []
        self._at_s = 0.0
        """The last glance."""
        self._stood, self._since_s = [0] * 6, [0.0] * 6
        """For how many glances each channel has stood, and since when: the last glance at another value."""
        self._last: deque[list[float]] = deque(maxlen=_GLANCES)

    def feed(self, time_s: Floats, acc: Floats, gyr: Floats) -> tuple[int, list[tuple[str, int, float]]]:
        """The next samples (n,), (n, 3): how many of them were looked at, up to the first that shows something; kind and axis
        of what stands there, and since when."""
        if self._nothing_stands(time_s, acc, gyr):
            return len(time_s), []
        for i in range(self._next, len(time_s), self._stride):
            values = [*acc[i].tolist(), *gyr[i].tolist()]
            before, self._values = self._values, values
            last_s, self._at_s = self._at_s, float(time_s[i])
            self._last.append(values)
            if not any(map(eq, values, before)):
                self._stood, self._since_s = [0] * 6, [last_s] * 6
                continue
            found = [c for c in range(6) if self._stands(c, values[c] == before[c], last_s)] or self._all_stand()
            if found:
                self._next = self._stride - 1
                return i + 1, [(KINDS[c // 3], c % 3, self._since_s[c]) for c in found]
        self._next += -(-max(len(time_s) - self._next, 0) // self._stride) * self._stride - len(time_s)
        return len(time_s), []

    def _nothing_stands(self, time_s: Floats, acc: Floats, gyr: Floats) -> bool:
        """Take the glances of many samples at once, if no channel stands for long enough in them; else nothing is taken."""
        at = slice(self._next, len(time_s), self._stride)
        times = time_s[at]
        count = len(times)
        if count <= _GLANCES:
            return False
        # a row for each channel
        rows = np.empty((6, count))
        rows[:3], rows[3:] = acc[at].T, gyr[at].T
        same = np.empty((6, count), np.bool_)
        np.equal(rows[:, 1:], rows[:, :-1], out=same[:, 1:])
        same[:, 0] = rows[:, 0] == self._values if self._values else False
        run, reach = same, 1
        while reach < _GLANCES:
            run, reach = run[:, reach:] & run[:, :-reach], 2 * reach
        if run.any():
            return False
        # no channel is the same all the time: the first glance at another value, and the last one
        first, last = same.argmin(axis=1).tolist(), (count - 1 - same[:, ::-1].argmin(axis=1)).tolist()
        if any(more > 0 and more + stood >= _GLANCES for more, stood in zip(first, self._stood, strict=True)):
            return False
        self._stood = [count - 1 - other for other in last]
        self._since_s = [times.item(other - 1) if other else self._at_s for other in last]
        self._values, self._at_s = rows[:, -1].tolist(), times.item(-1)
        self._last.extend(rows[:, -_GLANCES:].T.tolist())
        self._next += count * self._stride - len(time_s)
        return True

    def _stands(self, channel: int, same: bool, at_s: float) -> bool:
        """Whether a channel has stood for long enough, and the others of its kind have moved."""
        if not same:
            self._stood[channel], self._since_s[channel] = 0, at_s
            return False
        self._stood[channel] += 1
        kind, axis = divmod(channel, 3)
        if self._stood[channel] < _GLANCES or len(self._noisy) < 6:
            return False
        others = [c for c in range(3 * kind, 3 * kind + 3) if c != 3 * kind + axis]
        return all(self._range(c) > _MOVES[kind] for c in others)

    def _all_stand(self) -> list[int]:
        """The channels of a kind that have all stood for long enough while one of the other kind moved."""
        if len(self._noisy) == 6:
            for kind in range(2):
                own, others = range(3 * kind, 3 * kind + 3), range(3 - 3 * kind, 6 - 3 * kind)
                if min(self._stood[c] for c in own) >= _GLANCES and any(self._range(c) > _MOVES[1 - kind] for c in others):
                    return list(own)
        return []

    def _range(self, channel: int) -> float:
        """By how much a channel changed in the last glances."""
        values = [row[channel] for row in self._last]
        return max(values) - min(values)


@dataclass(slots=True)
class DeadAxes:
    """Follows the six channels of one sensor, two seconds at a time; three of one without a gyroscope, turns = False.

    since_s: by kind and axis (0 to 2), since when it is dead. ended_s: since and until when, of those that ended last.
    """

    turns: bool = True
    since_s: dict[tuple[str, int], float] = field(default_factory=dict)
    ended_s: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    _standing: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)
    """Value and beginning of channels that stand."""
    noisy: set[tuple[str, int]] = field(default_factory=set)
    """Channels that have changed from sample to sample at rest."""
    _before: tuple[Floats, Floats, Floats] | None = None
    """The samples of the call before."""
    _turned: bool = False
    _first_s: float | None = None

    def passes(self, time_s: Floats, acc: Floats, gyr: Floats, half: int, *, quiet: bool) -> bool:
        """Whether in none of the halves, each `half` of the samples (n,), (n, 3), all sound, anything is told or learnt; they
        are taken then, and are not to be fed. quiet: the sensor rested in one of them. The usual case."""
        channels = (acc, gyr) if self.turns else (acc,)
        if self._standing or (quiet and len(self.noisy) < 3 * len(channels)):
            return False
        for values in channels:
            halves = values.reshape(-1, half, 3)
            if np.equal(halves[:, 0], halves[:, half // 2]).any():
                return False
        self.ended_s = {}
        self._first_s = float(time_s[0]) if self._first_s is None else self._first_s
        self._before = (time_s[-half:].copy(), acc[-half:].copy(), gyr[-half:].copy())
        return True

    def feed(self, time_s: Floats, acc: Floats, gyr: Floats, turns: Callable[[], tuple[float, float]], *, quiet: bool) -> bool:
        """Samples (n,), (n, 3) of some two seconds, all sound. quiet: the sensor rested. turns: gives the angles, rad, that
        gravity's direction went in the accelerometer, and that it goes by the gyroscope. Whether anything changed."""
        self.ended_s = {}
        self._first_s = float(time_s[0]) if self._first_s is None else self._first_s
        channels = (acc, gyr) if self.turns else (acc,)
        both = tuple(_stands(values) for values in channels)
        nothing = not (self._standing or any(stands.any() for stands in both))
        if nothing and (not quiet or len(self.noisy) == 3 * len(channels)):
            self._before = (time_s, acc, gyr)
            return False
        turned = (0.0, 0.0) if nothing else turns()
        self._turned |= max(turned) > _TURN_RAD
        for kind, values, stands, other_turn in zip(KINDS, channels, both, (turned[1], turned[0]), strict=False):
            noisy = [axis for axis in range(3) if (kind, axis) in self.noisy]
            if quiet and len(noisy) < 3:
                changes = np.count_nonzero(values[1:] != values[:-1], axis=0) >= _NOISY * (len(values) - 1)
                self.noisy.update((kind, axis) for axis in np.flatnonzero(changes).tolist())
            if not stands.any() and not self._standing:
                continue
            whole = bool(stands.all()) and other_turn > _TURN_RAD
            for axis in range(3):
                key = (kind, axis)
                if not stands[axis]:
                    self._moves(key, time_s, values[:, axis])
                    continue
                value = float(values[0, axis])
                if key not in self._standing or self._standing[key][0] != value:
                    self._standing[key] = (value, self._stands_since(kind, axis, value, float(time_s[0])))
                since_s = self._standing[key][1]
                always = since_s == self._first_s and self._turned
                others = len([i for i in noisy if i != axis]) == 2 and not stands.all()
                # an axis along gravity hardly changes while a person sways
                upright = kind == KINDS[0] and abs(abs(value) - G0) < _ALONG_M_S2 and turned[0] < _TURN_RAD
                long = float(time_s[-1]) - since_s > _LONG_S and not upright
                if key not in self.since_s and (whole or (others and long and (axis in noisy or always))):
                    self.since_s[key] = since_s
        self._before = (time_s, acc, gyr)
        return bool(self.since_s or self.ended_s)

    def _stands_since(self, kind: str, axis: int, value: float, start_s: float) -> float:
        """Since when a channel stands at the value that it has from `start_s` on: perhaps since before."""
        if self._before is None:
            return start_s
        time_s, *both = self._before
        if start_s - time_s[-1] > 2.0 * (time_s[1] - time_s[0]):
            # it was not looked at in between: since then at most
            return float(time_s[-1]) if both[KINDS.index(kind)][-1, axis] != value else float(time_s[0])
        others = np.flatnonzero(both[KINDS.index(kind)][:, axis] != value)
        first = int(others[-1]) + 1 if len(others) else 0
        return float(time_s[first]) if first < len(time_s) else start_s

    def _moves(self, key: tuple[str, int], time_s: Floats, values: Floats) -> None:
        """A channel changes: it is not dead, or not any more."""
        self._standing.pop(key, None)
        if key in self.since_s:
            changes = np.flatnonzero(values[1:] != values[:-1]) + 1
            self.ended_s[key] = self.since_s.pop(key), float(time_s[changes[0] - 1])


def _stands(values: Floats) -> Bools:
    """Which axes (3,) of values (n, 3) stay at a single value; two of the values tell in nearly all cases."""
    stands: Bools = np.asarray(values[0] == values[len(values) // 2])
    return np.asarray(values.max(axis=0) == values.min(axis=0)) if stands.any() else stands
