"""Files of one session whose clocks run at rates that are far apart: a sensor of 104 Hz is stated as one of 100 Hz.

Windows follow a clock that gains up to 6 %. One that gains more has left the time that they search before two of them agree.
As in `far`, how fast each sensor turns is compared over a longer time, here at every rate: the track of one of two sensors is
stretched about the session's beginning. At the right rate all that both turn coincides, at a wrong one only its beginning.
A wrong scale of a gyroscope makes a track higher, and moves nothing in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from body_signals import Floats, Ints, Placement
from dsp.plausibility.clocks.far import ALIKE, LEAST_S, LIVELY, RATE_HZ, SAME_LAG_S, track
from dsp.plausibility.clocks.lags import ClockLag
from dsp.plausibility.clocks.linked_motion import SEARCH_S

FURTHEST = 0.3
"""Furthest rate that is looked for, as the logarithm of the ratio of two paces: 35 % fast to 26 % slow (ours)."""
LEAST = 0.03
"""Nearer ones are told by windows (ours)."""
SAME = 0.01
"""Two clocks run alike, or two pairs say the same, within this (ours)."""
STEP_S = 0.25
"""From one rate to the next the end of what is compared moves by this (ours)."""
WHOLE = 0.5
"""A sensor that ends before this part of the session is not compared (ours)."""
TURNED_S = 40.0
"""The comparison goes on from the beginning until the sensors have turned for this time (ours)."""
SHORTEST_S, MOST_S = 90.0, 240.0
"""Or for these times at least and at most, as far as the session goes (ours)."""
TURNING = math.log(2.0)
"""Who turns faster than `far.SLOW_RAD_S` turns, by the logarithm of a track (ours)."""
CLEARER = 1.25
"""A sensor runs at another rate than others if they turn alike at it, in the mean, this many times more than at the same one
(ours)."""
CLEARLY = 1.1
"""And each of them this many times more; one agrees with it that does so at the same rate (ours)."""
WEAKLY, TOGETHER = 0.15, 0.25
"""Each of them turns alike with it by the first at least, and all by the second in the mean (ours)."""
SURE, SURELY = 0.5, 1.6
"""For two sensors, with nobody to confirm it, `far.ALIKE` and `CLEARER` are these (ours)."""
PARTS, HOLDING, BETTER = 3, 0.35, 0.1
"""A rate holds if in the mean of this number of parts of what is compared the sensors turn alike by the second at least, and by
the third more than at the same rate and the lag at which they are most alike in the first part (ours)."""
SMALL = 200_000
"""Multiplications of a small product of matrices (ours)."""
FINE = 10
"""Rates, and tenths of seconds, to either side that are tried again each time the compared time is doubled (ours)."""


@dataclass(frozen=True, slots=True)
class _Pace:
    """What a sensor shows at its own time t, another one shows at e^log (t - lag_s), both since the session's beginning. They
    turn alike by this correlation, and by `same` if both run at the same rate."""

    log: float
    lag_s: float
    alike: float
    same: float

    def clear(self, alike: float, clearer: float) -> bool:
        """Whether they certainly run at other rates."""
        return abs(self.log) > LEAST and self.alike >= max(alike, clearer * self.same)

    def lag(self, sensor: str, against: tuple[str, ...], begin_s: float, span_s: float, *, certain: bool) -> ClockLag:
        """The same of the other one's clock, in its own time, at the end of what was compared."""
        rate = 1.0 - math.exp(-self.log)
        return ClockLag(sensor, rate * span_s - self.lag_s, rate, begin_s + span_s, begin_s, certain, against, span_s)


class _Compared:
    """How alike one sensor turns with another, (k, lags): at each rate, and at each lag in cells, to either side of none."""

    def __init__(self, logs: Floats, alike: Floats) -> None:
        self._logs, self.alike = logs, alike
        self.same_rates = np.abs(logs) < SAME
        """Which of the rates (k,) are that of the other one."""
        self._same = float(alike[self.same_rates].max())
        self.best = self._at(*np.divmod(int(alike.argmax()), alike.shape[1]))

    def _at(self, rate: int, lag: int) -> _Pace:
        lag_s = (lag - self.alike.shape[1] // 2) / RATE_HZ
        return _Pace(float(self._logs[rate]), lag_s, float(self.alike[rate, lag]), self._same)

    def near(self, rate: int, lag: int) -> _Pace:
        """At the rate of this number, and the best lag about that of this one."""
        first, last = max(lag - round(SAME_LAG_S * RATE_HZ), 0), lag + round(SAME_LAG_S * RATE_HZ) + 1
        return self._at(rate, first + int(self.alike[rate, first:last].argmax()))

    def agrees(self, rate: int) -> bool:
        """Whether both clocks run alike, and not at the rate of this number."""
        runs_alike = abs(self.best.log) < SAME and self.best.alike >= ALIKE
        return runs_alike and self._same > CLEARLY * float(self.alike[rate].max())


def far_rates(turning: Mapping[str, tuple[Floats, Floats]]) -> list[ClockLag]:
    """Sensors whose clocks run at another rate than the others', by `LEAST` to `FURTHEST`.

    turning: by sensor, times (n,) s and rates (n, 3) rad/s, of two sensors at least. Certain is what two others say alike, and
    more of them than agree with the sensor. Else the two that disagree most clearly are told, if that is sure.
    """
    begin_s = min((float(time_s[0]) for time_s, _ in turning.values() if len(time_s)), default=0.0)
    spans_s = {key: float(time_s[-1]) - begin_s for key, (time_s, _) in turning.items() if len(time_s)}
    turning = {key: turning[key] for key, span_s in spans_s.items() if span_s >= WHOLE * max(spans_s.values())}
    span_s = min((spans_s[key] for key in turning), default=0.0)
    if len(turning) < 2 or span_s < LEAST_S:
        return []
    tracks = {key: _until(*one, begin_s, min(span_s, MOST_S) * math.exp(FURTHEST)) for key, one in turning.items()}
    cells = _cells_compared(list(tracks.values()), round(min(span_s, MOST_S) * RATE_HZ))
    tracks = {key: turned for key, turned in tracks.items() if turned[:cells].std() > LIVELY}
    compared = _comparisons(tracks, cells)
    found: list[ClockLag] = []
    for key in tracks:
        said = _said({other: one for (other, second), one in compared.items() if second == key})
        if len(said) > 1 and _holds([(pace, tracks[other][:cells]) for other, pace in said.items()], tracks[key]):
            pace = _refined(next(iter(said.values())), [turning[other] for other in said], turning[key], begin_s, cells)
            found.append(pace.lag(key, tuple(said), begin_s, span_s, certain=True))
    if found:
        return found
    clear = {pair: one.best for pair, one in compared.items() if _named(*pair) and one.best.clear(SURE, SURELY)}
    for (first, second), pace in sorted(clear.items(), key=lambda one: -one[1].alike):
        if _holds([(pace, tracks[first][:cells])], tracks[second]):
            pace = _refined(pace, [turning[first]], turning[second], begin_s, cells)
            return [pace.lag(second, (first,), begin_s, span_s, certain=False)]
    return []


def _said(others: Mapping[str, _Compared]) -> dict[str, _Pace]:
    """What others say alike of a sensor that runs at another rate, the clearest first; none where as many agree with it."""
    if not others:
        return {}
    # of each the best of three lags: segments do not turn in the same tenth of a second
    alike = np.mean([sliding_window_view(np.pad(one.alike, ((0, 0), (1, 1))), 3, 1).max(axis=2) for one in others.values()], 0)
    rate, lag = divmod(int(alike.argmax()), alike.shape[1])
    near = next(iter(others.values())).same_rates
    if alike[rate, lag] < max(TOGETHER, CLEARER * float(alike[near].max())):
        return {}
    said = {other: one.near(rate, lag) for other, one in others.items()}
    said = {other: pace for other, pace in said.items() if pace.clear(WEAKLY, CLEARLY)}
    if len(said) <= 1 + sum(one.agrees(rate) for one in others.values()):
        return {}
    return dict(sorted(said.items(), key=lambda one: -one[1].alike))


def _holds(said: Sequence[tuple[_Pace, Floats]], turned: Floats) -> bool:
    """Whether a sensor's track agrees at these paces with those tracks (cells,) of others all the time: one that falls off or
    freezes is like them first, and like nothing then."""
    n, reach = len(said[0][1]), round(SEARCH_S * RATE_HZ)
    parts = np.array_split(np.arange(n), PARTS)
    same = [_in_parts([(other, _shown(turned, n, 0.0, lag)) for _, other in said], parts) for lag in range(-reach, reach + 1)]
    before = max(same, key=lambda of_parts: float(of_parts[0]))
    after = _in_parts([(other, _shown(turned, n, pace.log, pace.lag_s * RATE_HZ)) for pace, other in said], parts)
    return float(after.mean()) >= max(HOLDING, float(before.mean()) + BETTER)


def _shown(turned: Floats, cells: int, log: float, lag: float) -> Floats:
    """A track (cells,) in another sensor's time, at this pace and lag in cells."""
    places = (np.arange(cells) + 0.5 - lag) * math.exp(log) - 0.5
    return np.asarray(np.interp(places, np.arange(len(turned)), turned))


def _in_parts(pairs: Sequence[tuple[Floats, Floats]], parts: Sequence[Ints]) -> Floats:
    """Mean correlation of pairs of tracks in each part."""
    return np.array([np.mean([_correlation(first[part], second[part]) for first, second in pairs]) for part in parts])


def _correlation(first: Floats, second: Floats) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / math.sqrt(max(float((first * first).sum() * (second * second).sum()), 1e-12)))


def _named(first: str, second: str) -> bool:
    """Whether the second of two that disagree is named, the one that is further from the pelvis. Of two thighs none is: they
    turn by turns, and raised knees look like those of the other leg sooner or later."""
    order = [Placement.PELVIS.value, Placement.LUMBAR.value]
    return first in order and (second not in order or first == order[0])


def _until(time_s: Floats, rates: Floats, begin_s: float, span_s: float) -> Floats:
    """The track of a sensor's first span_s, as far as it goes."""
    span_s = min(span_s, float(time_s[-1]) - begin_s)
    there = int(time_s.searchsorted(begin_s + span_s, "right"))
    return track(time_s[:there], rates[:there], begin_s, int(span_s * RATE_HZ) + 1)


def _cells_compared(tracks: Sequence[Floats], most: int) -> int:
    """How many cells from the beginning are compared, `most` at most."""
    most = min(most, *map(len, tracks))
    turns = np.mean([turned[:most] for turned in tracks], axis=0) > TURNING
    enough = int(np.searchsorted(np.cumsum(turns), TURNED_S * RATE_HZ)) + 1
    return min(max(enough, round(SHORTEST_S * RATE_HZ)), most)


def _comparisons(tracks: Mapping[str, Floats], cells: int) -> dict[tuple[str, str], _Compared]:
    """Each sensor with each other one, whose track is stretched."""
    step = STEP_S * RATE_HZ / cells
    most, furthest = math.ceil(FURTHEST / step), round(SEARCH_S * RATE_HZ)
    logs = np.asarray(np.arange(-most, most + 1) * step, np.float64)
    lags = np.arange(-furthest, furthest + 1)
    found: dict[tuple[str, str], _Compared] = {}
    for second, turned in tracks.items():
        stretched = _stretched(turned, logs, cells)
        for first in tracks:
            if first != second:
                found[first, second] = _Compared(logs, _alike(tracks[first][:cells], *stretched, lags))
    return found


def _stretched(turned: Floats, logs: Floats, cells: int) -> tuple[Floats, Ints]:
    """A track at each of these rates (k, cells), about its beginning, and how many cells it goes (k,)."""
    paces = np.exp(logs)[:, None]
    until = np.minimum(((len(turned) - 0.5) / paces[:, 0] + 0.5).astype(np.int64), cells)
    places = np.arange(len(turned) + 1.0)
    # nothing beyond its end
    ended = np.append(turned - turned.mean(), 0.0)
    return np.interp(paces * (np.arange(cells) + 0.5) - 0.5, places, ended), until


def _alike(first: Floats, second: Floats, until: Ints, lags: Ints) -> Floats:
    """How alike two tracks are, (k, lags): the first (n,), and the second at each of k rates (k, n), until some cell. lags: in
    cells, one after another."""
    here = first - first.mean()
    low, high = int(lags[0]), int(lags[-1])
    before, after = max(-low, 0), max(high, 0)
    padded = np.concatenate((np.zeros(before), here, np.zeros(after)))
    moved = np.ascontiguousarray(sliding_window_view(padded, len(here))[before + low : before + high + 1].T)
    # products that are small enough not to be shared among processors, which costs more than they do
    parts = np.array_split(second, min(math.ceil(second.size * len(lags) / SMALL), len(second)))
    both = np.concatenate([part @ moved for part in parts])
    power = np.einsum("ij,ij->i", second, second) * np.cumsum(here * here)[until - 1]
    return np.asarray(both / np.sqrt(np.maximum(power, 1e-12))[:, None])


def _refined(
    pace: _Pace, others: Sequence[tuple[Floats, Floats]], one: tuple[Floats, Floats], begin_s: float, cells: int
) -> _Pace:
    """What others say of one sensor by the whole session: the compared time is doubled until it ends."""
    own, *of_others = (track(*turning, begin_s, int((turning[0][-1] - begin_s) * RATE_HZ) + 1) for turning in (one, *others))
    most, log, lag = min(len(own), *map(len, of_others)), pace.log, pace.lag_s * RATE_HZ
    while True:
        step = 2.0 * STEP_S * RATE_HZ / (FINE * cells)
        logs = np.asarray(log + np.arange(-FINE, FINE + 1) * step, np.float64)
        lags = np.arange(round(lag) - FINE, round(lag) + FINE + 1)
        stretched = _stretched(own[: math.ceil(cells * math.exp(FURTHEST))], logs, cells)
        alike = np.mean([_alike(turned[:cells], *stretched, lags) for turned in of_others], axis=0)
        rate, at = divmod(int(alike.argmax()), len(lags))
        log = float(logs[rate]) + step * _between(alike[:, at], rate)
        lag = float(lags[at]) + _between(alike[rate], at)
        if cells >= most:
            return _Pace(log, lag / RATE_HZ, pace.alike, pace.same)
        cells = min(2 * cells, most)


def _between(alike: Floats, at: int) -> float:
    """How far from the largest of several the peak is, by a parabola."""
    if not 0 < at < len(alike) - 1:
        return 0.0
    before, most, after = alike[at - 1 : at + 2].tolist()
    return float(0.5 * (before - after) / min(before - 2.0 * most + after, -1e-12))
