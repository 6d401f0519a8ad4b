"""Clocks that disagree: movements of linked segments begin and end together; a sensor that shows them late has a late clock.

Of every two sensors the turning rates are compared movement by movement, from rest to rest. A clock shifts the beginning and
the end of a movement alike. People do not: who bends from the lumbar spine first, by up to 0.9 s (Laird 2018, subgroup 2),
straightens with the pelvis first, or with both. So beginning and end are compared each for itself, and count where they show
the same lag. Strides count for nothing: legs swing one after the other, and nothing rests between them.

The lag is told when several movements agree, and whose it is when two other sensors agree with each other. Where only two can
be compared, one of them is wrong, and it is said of the one that is further from the pelvis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import numpy as np

from body_signals import Cause, Floats, Ints, Placement, TimedBlock
from dsp.results import Finding

RATE_HZ = 20.0
"""Turning rates are compared at so many points a second (ours)."""
SELDOM_S = 30.0
"""Between two looks at a running session: they cost time (ours)."""
SETTLED_LOOKS, SETTLED_TIMES = 4, 3
"""After so many looks in a row of a running session at which all clocks agreed, every so many-th is made (ours)."""
WINDOW_S, LOOK_S, WAIT_S = 60.0, 10.0, 3.0
"""A look takes in the last of these, every so often, once the samples of its end are there (ours)."""
SEARCH_S = 1.2
"""Largest lag that is looked for, to either side of the one that is known (ours)."""
QUIET_RAD_S, MOVES_RAD_S = np.radians(8.0), np.radians(25.0)
"""At rest a segment turns more slowly than the first, in a movement faster than the second at some time (ours)."""
REST_S, SHORTEST_S, LONGEST_S = 0.3, 0.6, 12.0
"""Rest on either side of a movement, and how long movements are that are compared (ours)."""
SMALLEST_CORRELATION = 0.9
"""Of the two courses, at the beginning and at the end of a movement (ours)."""
SAME_S = 0.08
"""Beginning and end, several movements and other sensors agree when their lags are the same within this (ours)."""
ALIKE_S, NEXT_S = 0.15, 6.0
"""Single movements agree within the first; the next one is no further away than the second (ours)."""
SMALLEST_LAG_S = 0.15
"""Lags below this are told by a heel drop, not by ordinary movement (ours)."""
MOVEMENTS = 4
"""So many movements must agree, one after the other in three pairs, and no more than a quarter as many may not (ours)."""
FEW = 2
"""So many movements, alike, say which of two sensors a third agrees with (ours)."""
SMALLEST_RATE = 0.002
"""A lag that grows by this part of the time is a clock of another rate (ours)."""
APART_S, SPAN_S = 2.5, 6.0
"""Two movements further apart than the first tell how a lag grows, where all of them span more than the second (ours)."""
LOOKS = 2
"""So many looks must say the same (ours)."""


@dataclass(frozen=True, slots=True)
class PairLag:
    """How much later the second of two sensors shows movements than the first: by lag_s at session time at_s, growing by `rate`
    seconds a second; since the movement at since_s, by so many movements."""

    at_s: float
    lag_s: float
    rate: float
    since_s: float
    movements: int

    @property
    def agrees(self) -> bool:
        return abs(self.lag_s) < SAME_S


def pair_lag(at: Floats, lags: Floats) -> PairLag | None:
    """What the lags (n,) s of single movements at session times `at` (n,) say together; None where they do not agree."""
    if len(lags) < MOVEMENTS:
        return None
    at_two, two = _of_two(at, lags)
    if len(two) < MOVEMENTS - 1:
        return None
    rate, middle, centre = 0.0, _median(two), float(at_two.mean())
    apart = np.abs(two - middle)
    if np.ptp(at_two) > SPAN_S:
        # the slope between all two movements that are far apart (Theil-Sen)
        slope = _slope(at_two, two)
        if abs(slope) >= SMALLEST_RATE:
            level = _median(two - slope * (at_two - centre))
            beside = np.abs(two - level - slope * (at_two - centre))
            if _median(beside) < 0.5 * _median(apart):
                rate, middle, apart = slope, level, beside
    each = np.abs(lags - middle - rate * (at - centre)) < ALIKE_S
    same = apart < SAME_S
    if same.sum() < MOVEMENTS - 1 or (~same).sum() > same.sum() / 4 or (~each).sum() > each.sum() / 4:
        return None
    return PairLag(centre, middle, rate, float(at[0]), int(each.sum()))


@lru_cache(maxsize=64)
def _pairs(n: int) -> tuple[Ints, Ints]:
    """All two of n."""
    i, j = np.triu_indices(n, 1)
    return i, j


def _of_two(at: Floats, lags: Floats) -> tuple[Floats, Floats]:
    """Times and lags, means of each movement and the next: going down the lumbar spine leads, coming up it follows, and what
    they have in common is the clock's."""
    near = np.diff(at) < NEXT_S
    return 0.5 * (at[1:] + at[:-1])[near], 0.5 * (lags[1:] + lags[:-1])[near]


def _slope(at: Floats, lags: Floats) -> float:
    """Median slope between all two that are at least `APART_S` apart, 0 where there are none."""
    i, j = _pairs(len(at))
    far = at[j] - at[i] > APART_S
    return _median((lags[j] - lags[i])[far] / (at[j] - at[i])[far]) if far.any() else 0.0


def _median(values: Floats) -> float:
    """Median of values (n,), n > 0 and all numbers: of so few it is found in a fifth of the time that numpy's takes."""
    ordered = sorted(values.tolist())
    n = len(ordered)
    return float(ordered[n // 2] if n % 2 else 0.5 * (ordered[n // 2 - 1] + ordered[n // 2]))


def _movements(rate: Floats) -> list[tuple[int, int]]:
    """First and last point of each movement between two rests."""
    moves = rate > QUIET_RAD_S
    edges = np.flatnonzero(np.diff(np.concatenate(([False], moves, [False])).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return []
    rests = np.flatnonzero(begins[1:] - ends[:-1] >= REST_S * RATE_HZ)
    spans = zip(
        begins[np.concatenate(([0], rests + 1))].tolist(), ends[np.concatenate((rests, [len(ends) - 1]))].tolist(), strict=True
    )
    return [
        (a, b)
        for a, b in spans
        if SHORTEST_S <= (b - a) / RATE_HZ <= LONGEST_S and rate[a:b].max() > MOVES_RAD_S and a > 0 and b < len(rate)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Turning rate (n,) of a sensor on the grid, and running sums (n + 1,) of it and of its square, for all pairs and lags."""

    rate: Floats
    sums: Floats
    squares: Floats
    parts: dict[tuple[int, int], tuple[Floats, float]] = field(default_factory=dict)
    """What `part` has given, by its borders: it is compared with every other sensor."""

    def part(self, start: int, stop: int) -> tuple[Floats, float]:
        """Rates start … stop without their mean (n,), and the sum of their squares."""
        found = self.parts.get((start, stop))
        if found is None:
            part = self.rate[start:stop] - (self.sums.item(stop) - self.sums.item(start)) / (stop - start)
            found = self.parts[start, stop] = part, float(part @ part)
        return found

    @classmethod
    def of(cls, rate: Floats) -> _Course:
        sums = np.zeros((2, len(rate) + 1))
        np.cumsum(rate, out=sums[0, 1:])
        np.cumsum(rate * rate, out=sums[1, 1:])
        return cls(rate, sums[0], sums[1])


def _lag_of(first: _Course, second: _Course, begin: int, end: int, near_s: float) -> float | None:
    """The lag of one movement, where beginning and end tell the same."""
    middle, margin = (begin + end) // 2, int(REST_S * RATE_HZ)
    begun = _best(first, second, begin - margin, middle, near_s)
    if begun is None:
        return None
    ended = _best(first, second, middle, end + margin, near_s)
    if ended is None or abs(begun - ended) > SAME_S:
        return None
    return 0.5 * (begun + ended)


def _best(first: _Course, second: _Course, start: int, stop: int, near_s: float) -> float | None:
    """Lag at which a part of the first correlates best with the second, s; None where it is not clear."""
    near, search, n = round(near_s * RATE_HZ), round(SEARCH_S * RATE_HZ), stop - start
    low, high = start + near - search, stop + near + search
    if start < 0 or low < 0 or max(high, stop) > len(second.rate) or n < 8:
        return None
    course = second.rate[low:high]
    if np.maximum.reduce(course) < MOVES_RAD_S:
        return None
    part, size = first.part(start, stop)
    # the mean of the part is zero, so that of the course under it does not matter
    products = np.correlate(course, part, mode="valid")
    sums, squares = second.sums[low : high + 1], second.squares[low : high + 1]
    total = sums[n:] - sums[:-n]
    spread = np.sqrt(np.maximum(squares[n:] - squares[:-n] - total * total / n, 0.0) * size)
    agreement = products / np.maximum(spread, 1e-9)
    best = int(agreement.argmax())
    if agreement.item(best) < SMALLEST_CORRELATION or best in (0, len(agreement) - 1):
        return None
    if np.maximum.reduce(course[best : best + n]) < MOVES_RAD_S:
        return None
    left, centre, right = agreement[best - 1 : best + 2].tolist()
    bend = left - 2.0 * centre + right
    fine = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return (best - search + near + fine) / RATE_HZ


@dataclass(frozen=True, slots=True)
class ClockLag:
    """A sensor whose clock disagrees with those it was compared with, `against`: it shows movements lag_s late at session time
    at_s, growing by `rate` seconds a second; since_s: the first such movement. certain: two others agree with each other."""

    sensor: str
    lag_s: float
    rate: float
    at_s: float
    since_s: float
    certain: bool
    against: tuple[str, ...]

    @property
    def steady(self) -> bool:
        """Whether the lag stays the same."""
        return abs(self.rate) < SMALLEST_RATE

    def late_s(self, time_s: Floats) -> Floats:
        """How late the sensor's clock is at its own session times."""
        return np.asarray(self.lag_s + self.rate * (time_s - self.at_s))

    def finding(self, known_s: float, since_s: float, *, corrected: str = "", until_s: float | None = None) -> Finding:
        """In words. corrected: from when on its times have been corrected, in words."""
        way, others = "late" if self.lag_s > 0 else "early", " and ".join(self.against)
        if self.steady:
            cause = Cause.CLOCK_LAG
            what = f"its clock is {abs(self.lag_s):.2f} s {way} against {others}: linked segments do not move together"
        else:
            # who shows movements later and later counts too many seconds
            cause, pace = Cause.CLOCK_RATE, "fast" if self.rate > 0 else "slow"
            what = f"its clock runs {100 * abs(self.rate):.1f} % {pace} against {others}"
            what += f" and is {abs(self.lag_s):.2f} s {way} at {self.at_s:.0f} s: linked segments do not move together"
        if not self.certain:
            what += "; which of them is wrong is not known"
        remedy = "Correct its times, or record again."
        if corrected:
            remedy = f"Its times were corrected {corrected}; the recording is unchanged."
        return Finding(self.sensor, cause, since_s, known_s, what, remedy, until_s)


def over_looks(looks: Sequence[ClockLag]) -> list[ClockLag]:
    """What several looks say together of each sensor, in order: two must agree. Who is blamed only for what another sensor
    explains, which is certainly wrong, is not named."""
    found: list[ClockLag] = []
    sure = {lag.sensor for lag in looks if lag.certain}
    for sensor in dict.fromkeys(lag.sensor for lag in looks):
        own = [lag for lag in looks if lag.sensor == sensor and lag.certain is (sensor in sure)]
        if sensor not in sure:
            own = [lag for lag in own if not sure & set(lag.against)]
        if len(own) < LOOKS:
            continue
        at, lags = np.array([lag.at_s for lag in own]), np.array([lag.lag_s for lag in own])
        rate = float(np.median([lag.rate for lag in own]))
        if np.ptp(at) > LOOK_S:
            rate = _slope(at, lags)
        rate = rate if abs(rate) >= SMALLEST_RATE else 0.0
        centre = float(at.mean())
        level = float(np.median(lags - rate * (at - centre)))
        agree = np.abs(lags - level - rate * (at - centre)) < SAME_S
        if agree.sum() < LOOKS or agree.sum() < 0.75 * len(agree):
            continue
        against = tuple(sorted({other for lag in own for other in lag.against}))
        found.append(ClockLag(sensor, level, rate, centre, min(lag.since_s for lag in own), sensor in sure, against))
    return found


class ClockWatch:
    """Compares the clocks of worn sensors, a look every so often; each movement is looked at once.

    keys: of the sensors; those that are worn nowhere are not compared. begin_s: session time at which their samples begin.
    every_s: of session time between two looks.
    """

    def __init__(self, keys: Sequence[str], begin_s: float = 0.0, every_s: float = LOOK_S) -> None:
        self._keys = [key for key in keys if key in {p.value for p in Placement} - {Placement.OTHER.value}]
        self._kept: dict[str, list[tuple[Floats, Floats]]] = {key: [] for key in self._keys}
        self._lags: dict[tuple[str, str], list[tuple[float, float]]] = {pair: [] for pair in combinations(self._keys, 2)}
        """Session time and lag of the movements of the last `WINDOW_S`."""
        self._near: dict[tuple[str, str], PairLag] = {}
        """What was last known of two sensors, about which they are compared."""
        self._after_s = -np.inf
        """Samples before are not looked at."""
        self._every_s = every_s
        self._agreed = 0
        """Looks in a row at which all clocks agreed."""
        self._next_s = every_s * (float(np.floor(begin_s / every_s)) + (2.0 if every_s < SELDOM_S else 1.0))
        """Session time of the next look."""

    def take(self, block: TimedBlock) -> None:
        """The next samples of a sensor."""
        if block.sensor in self._kept and block.gyr is not None and len(self._keys) > 1:
            if block.time_s.item(0) >= self._after_s:
                # the usual case
                self._kept[block.sensor].append((block.time_s, block.gyr))
                return
            first = int(block.time_s.searchsorted(self._after_s))
            if first == len(block):
                return
            self._kept[block.sensor].append((block.time_s[first:], block.gyr[first:]))

    @property
    def due_s(self) -> float:
        """Session time from which on the samples of the next look are there."""
        return self._next_s + WAIT_S

    def forget(self, until_s: float) -> None:
        """A clock is being corrected until session time until_s: what was seen before does not count any more."""
        self._after_s = until_s
        for parts in self._kept.values():
            parts.clear()
        for lags in self._lags.values():
            lags.clear()
        self._near.clear()
        self._agreed = 0

    def look(self) -> list[ClockLag]:
        """The next look: whose clock disagrees then."""
        until_s = self._next_s
        begin_s = until_s - self._every_s - LONGEST_S - 2.0 * SEARCH_S - 1.0
        for parts in self._kept.values():
            while len(parts) > 1 and parts[1][0][0] <= begin_s:
                parts.pop(0)
        grid = np.arange(round(begin_s * RATE_HZ), round((until_s + SEARCH_S) * RATE_HZ)) / RATE_HZ
        rates = {key: _turning(parts, grid) for key, parts in self._kept.items() if parts}
        moved = {key: _Course.of(rate) for key, rate in rates.items() if rate.max() > MOVES_RAD_S}
        if len(moved) > 1:
            for key, course in moved.items():
                # a movement belongs to the look in which the rest after it ends
                ended = grid[-1] - SEARCH_S - REST_S
                spans = [(a, b) for a, b in _movements(course.rate) if ended - self._every_s < grid[b] <= ended]
                for other in self._keys[self._keys.index(key) + 1 :] if spans else ():
                    if other in moved:
                        self._compare((key, other), grid, course, moved[other], spans)
        pairs = self._told(until_s)
        # where a pair tells nothing, that is no agreement: it is looked at without a pause
        agree = len(pairs) == len(self._lags) and all(lag.agrees for lag in pairs.values())
        self._agreed = self._agreed + 1 if agree else 0
        pause = SETTLED_TIMES if self._agreed >= SETTLED_LOOKS and self._every_s >= SELDOM_S else 1
        self._next_s = until_s + pause * self._every_s
        if not any(abs(lag.lag_s) >= SMALLEST_LAG_S for lag in pairs.values()):
            # the usual case
            return []
        few = {pair: np.array([lag for _, lag in lags]) for pair, lags in self._lags.items() if len(lags) >= FEW}
        return blamed(pairs, {pair: _median(lags) for pair, lags in few.items() if np.ptp(lags) < 2.0 * SAME_S})

    def _compare(
        self, pair: tuple[str, str], grid: Floats, first: _Course, second: _Course, spans: Sequence[tuple[int, int]]
    ) -> None:
        begin_s = float(grid[spans[0][0]])
        expected = self._expected(pair, begin_s)
        growth = self._expected(pair, begin_s + 1.0) - expected
        for begin, end in spans:
            lag = _lag_of(first, second, begin, end, expected + growth * (float(grid[begin]) - begin_s))
            if lag is not None:
                self._lags[pair].append((float(grid[(begin + end) // 2]), lag))

    def _expected(self, pair: tuple[str, str], time_s: float) -> float:
        """The lag of two sensors as last known, by way of a third one where only that is; 0 where nothing is."""
        direct = self._known(*pair, time_s)
        if direct is not None:
            return direct
        for between in self._keys:
            there, on = self._known(pair[0], between, time_s), self._known(between, pair[1], time_s)
            if there is not None and on is not None:
                return there + on
        lags = self._lags[pair]
        if len(lags) < MOVEMENTS:
            return 0.0
        # too few to tell anything, but they say where to look after a pause
        at, late = _of_two(*np.array(lags).T)
        return float(np.median(late) + _slope(at, late) * (time_s - np.median(at))) if len(at) else 0.0

    def _known(self, first: str, second: str, time_s: float) -> float | None:
        found, sign = self._near.get((first, second)), 1.0
        if found is None:
            found, sign = self._near.get((second, first)), -1.0
        return None if found is None else sign * (found.lag_s + found.rate * (time_s - found.at_s))

    def _told(self, until_s: float) -> dict[tuple[str, str], PairLag]:
        """What the movements of the last `WINDOW_S` say of each two sensors."""
        pairs: dict[tuple[str, str], PairLag] = {}
        for pair, lags in self._lags.items():
            while lags and lags[0][0] < until_s - WINDOW_S:
                lags.pop(0)
            found = pair_lag(*np.array(lags).T) if len(lags) >= MOVEMENTS else None
            if found is not None:
                pairs[pair] = found
                self._near[pair] = found
        return pairs


def _turning(parts: Sequence[tuple[Floats, Floats]], grid: Floats) -> Floats:
    """Turning rate (n,) rad/s on the grid, smoothed over a fifth of a second; 0 where there are no samples."""
    time_s = np.concatenate([t for t, _ in parts])
    gyr = np.concatenate([g for _, g in parts])
    rate = np.interp(grid, time_s, np.sqrt(np.einsum("ij,ij->i", gyr, gyr)), left=0.0, right=0.0)
    return np.convolve(rate, np.full(4, 0.25), mode="same")


def _votes(wrong: Mapping[tuple[str, str], PairLag], few: Mapping[tuple[str, str], float]) -> dict[str, int]:
    """How often a third sensor agrees with one of two that disagree, and not with the other: by that other one."""
    sizes = {frozenset(pair): abs(lag) for pair, lag in few.items()}
    keys = {key for pair in few for key in pair}
    votes: dict[str, int] = {}
    for pair in wrong:
        for third in keys - set(pair):
            apart = [sizes.get(frozenset((key, third))) for key in pair]
            for i, key in enumerate(pair):
                own, other = apart[i], apart[1 - i]
                if other is not None and other < SAME_S and (own is None or own >= SMALLEST_LAG_S):
                    votes[key] = votes.get(key, 0) + 1
    return votes


def blamed(pairs: Mapping[tuple[str, str], PairLag], few: Mapping[tuple[str, str], float] | None = None) -> list[ClockLag]:
    """Whose clock it is, by the lag of the second of each two sensors behind the first. few: lags, s, that too few movements
    tell: no clock is wrong by them, but of two that disagree they may say which."""
    wrong = {pair: lag for pair, lag in pairs.items() if abs(lag.lag_s) >= SMALLEST_LAG_S}
    votes = _votes(wrong, few or {})
    found: list[ClockLag] = []
    while wrong:
        counts: dict[str, int] = {}
        for pair in wrong:
            for key in pair:
                counts[key] = counts.get(key, 0) + 1
        # where two are equally likely, the pelvis is believed
        sensor = max(counts, key=lambda key: (counts[key] + votes.get(key, 0), key != Placement.PELVIS.value))
        own = {pair: lag for pair, lag in wrong.items() if sensor in pair}
        # at one time, where the latest of them was seen
        at_s = max(lag.at_s for lag in own.values())
        signed = [
            (1.0 if pair[1] == sensor else -1.0) * (lag.lag_s + lag.rate * (at_s - lag.at_s)) for pair, lag in own.items()
        ]
        rates = [lag.rate if pair[1] == sensor else -lag.rate for pair, lag in own.items()]
        against = tuple(sorted(other for pair in own for other in pair if other != sensor))
        agreeing = any(pair in pairs and pairs[pair].agrees for pair in combinations(against, 2)) or any(
            pair[::-1] in pairs and pairs[pair[::-1]].agrees for pair in combinations(against, 2)
        )
        certain = len(own) > 1 and agreeing and max(signed) - min(signed) < SAME_S
        found.append(
            ClockLag(
                sensor,
                float(np.median(signed)),
                float(np.median(rates)),
                at_s,
                min(lag.since_s for lag in own.values()),
                certain,
                against,
            )
        )
        wrong = {pair: lag for pair, lag in wrong.items() if sensor not in pair}
    return found
