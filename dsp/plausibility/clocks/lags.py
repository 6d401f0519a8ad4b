"""What windows of linked segments say of clocks: a lag that stays or grows, and whose it is.

A lag is told when several windows agree, since the last one that did not, and whose it is when two other sensors agree with
each other. In strides, a lag of a step more or less fits as well; that the known lag is wrong is seen all the same. Where two
windows and two other sensors say so, it is told, and corrected only once no other lag fits. Where only two can be compared, one
of them is wrong, and it is said of the one that is further from the pelvis.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from body_signals import Cause, Floats, Placement
from dsp.plausibility.clocks.linked_motion import HOP_S, WINDOW_S
from dsp.results import Finding

SAME_S = 0.05
"""Windows and sensors agree when their lags are the same within this (ours)."""
SMALLEST_LAG_S = 0.07
"""Lags below this are told by a heel drop, not by ordinary movement (ours)."""
WINDOWS = 2
"""Number of windows without common samples that must agree; at most a quarter of it may disagree (ours)."""
BLAME = 1.5
"""Number of windows that what is said of a sensor must explain (ours)."""
LATEST = 3
"""Number of the latest windows of two sensors that say whether they agree now (ours)."""
WITNESSES = 2
"""Number of other sensors with which a sensor must disagree where no lag is clear (ours)."""
SMALLEST_RATE = 0.002
"""A lag that grows by this part of the time is a clock of another rate (ours)."""
LARGEST_RATE = 0.06
"""No clock is so wrong (ours)."""
STRAIGHT = 0.25
"""What a growing lag leaves unexplained, as a part of what a constant one leaves (ours)."""
APART_S, SPAN_S = 5.0, 15.0
"""Two windows further apart than the first tell how a lag grows, where there are some in each third of a time longer than the
second (ours)."""
STEADY_S = 12.0
"""A lag that was the same over this time is steady (ours)."""
REFINING, LARGEST_LEFT = 6, 0.02
"""Windows that refine a rough correction at least, and the largest rate that it leaves (ours)."""


Window = tuple[float, float]
"""Session time of a window's middle, and how much later the second of two sensors shows in it what the first does, s."""
Pairs = Mapping[tuple[str, str], Sequence[Window]]


@dataclass(frozen=True, slots=True)
class Line:
    """A lag of lag_s at session time at_s that grows by `rate` seconds a second; by windows that span span_s, of which the
    first is that of number `first`."""

    at_s: float
    lag_s: float
    rate: float
    span_s: float
    first: int = 0


def line_of(windows: Sequence[Window], *, whole: bool = False) -> Line | None:
    """What windows in order of time say together: all of them, or, unless `whole`, the latest that agree; None where they do
    not agree."""
    if not windows:
        return None
    at, lags = np.array(windows).T
    # windows of one time, with several others, are one
    borders = np.flatnonzero(np.diff(at, prepend=-math.inf) > 0.5 * HOP_S)
    parts = np.split(lags, borders[1:])
    lags, at = np.array([np.median(part) for part in parts]), at[borders]
    for first in range(1 if whole else max(len(lags) - WINDOWS + 1, 0)):
        found = _line(at[first:], lags[first:])
        if found is not None:
            return replace(found, first=int(borders[first]))
    return None


def _line(at: Floats, lags: Floats) -> Line | None:
    """A lag that stays, or grows by a steady rate, within which windows agree; None where they do not."""
    centre, rate, level = float(at.mean()), 0.0, float(np.median(lags))
    apart, within_s = np.abs(lags - level), SAME_S
    thirds = np.unique(np.minimum((at - at[0]) * (3.0 / max(float(np.ptp(at)), SPAN_S)), 2.0).astype(np.int64))
    if len(thirds) == 3:
        slope = _slope(at, lags)
        if SMALLEST_RATE <= abs(slope) < LARGEST_RATE and abs(slope) * np.ptp(at) >= SAME_S:
            middle = float(np.median(lags - slope * (at - centre)))
            beside = np.abs(lags - middle - slope * (at - centre))
            # a lag that came at once is no growing one
            if np.median(beside) < STRAIGHT * np.median(apart):
                # a window in which the lag grows shows it less sharply
                rate, level, apart, within_s = slope, middle, beside, SAME_S + 0.5 * WINDOW_S * abs(slope)
    same = apart < within_s
    agreeing, latest = int(np.count_nonzero(same)), bool(same[-WINDOWS:].any())
    # the last ones must be among them: what was may be over
    if agreeing < WINDOWS or len(lags) - agreeing > agreeing / 4 or not latest or np.ptp(at[same]) < WINDOW_S:
        return None
    return Line(centre, level, rate, float(np.ptp(at)))


def _slope(at: Floats, lags: Floats) -> float:
    """Median slope between all two that are at least `APART_S` apart, 0 where there are none (Theil-Sen)."""
    i, j = np.triu_indices(len(at), 1)
    far = at[j] - at[i] > APART_S
    return float(np.median((lags[j] - lags[i])[far] / (at[j] - at[i])[far])) if far.any() else 0.0


@dataclass(frozen=True, slots=True)
class ClockLag:
    """A sensor whose clock disagrees with those it was compared with, `against`: it shows movements lag_s late at session time
    at_s, growing by `rate` seconds a second; since_s: since when. certain: two others agree with each other. span_s: the time
    over which it was seen. clear: no other lag fits; else it may be a step more or less."""

    sensor: str
    lag_s: float
    rate: float
    at_s: float
    since_s: float
    certain: bool
    against: tuple[str, ...]
    span_s: float = 0.0
    clear: bool = True

    @property
    def steady(self) -> bool:
        """Whether the lag stays the same, as far as can be seen."""
        return abs(self.rate) < SMALLEST_RATE

    @property
    def lasting(self) -> bool:
        """Whether it has stayed the same for long enough to be sure."""
        return self.steady and self.span_s >= STEADY_S

    @property
    def pace(self) -> str:
        """In words, by how much of a true second it counts too many or too few."""
        # who shows movements later and later counts too many seconds; `rate` is that of its own seconds
        gain = self.rate / (1.0 - self.rate)
        return f"runs {100 * abs(gain):.1f} % {'fast' if gain > 0 else 'slow'}"

    def late_s(self, time_s: Floats | float) -> Floats:
        """How late the sensor's clock is at its own session times."""
        return np.asarray(self.lag_s + self.rate * (time_s - self.at_s))

    def after(self, first: ClockLag) -> ClockLag:
        """This one, which was seen once the first had been corrected, and the first, together."""
        at_s = (self.at_s + first.lag_s - first.rate * first.at_s) / (1.0 - first.rate)
        rate = first.rate + self.rate * (1.0 - first.rate)
        return replace(self, lag_s=at_s - self.at_s + self.lag_s, rate=rate, at_s=at_s)

    def of_other(self) -> ClockLag:
        """The same as a fault of the one other that it is against."""
        (other,) = self.against
        pace = 1.0 - self.rate
        at_s, rate = self.at_s - self.lag_s, 1.0 - 1.0 / pace
        return replace(self, sensor=other, lag_s=-self.lag_s, rate=rate, at_s=at_s, against=(self.sensor,))

    def finding(self, known_s: float, since_s: float, *, corrected: str = "", until_s: float | None = None) -> Finding:
        """In words. corrected: from when on its times have been corrected, in words."""
        way, others = "late" if self.lag_s > 0 else "early", " and ".join(self.against)
        if self.steady:
            cause = Cause.CLOCK_LAG
            what = f"its clock is {abs(self.lag_s):.2f} s {way} against {others}: linked segments do not move together"
        else:
            cause = Cause.CLOCK_RATE
            what = f"its clock {self.pace} against {others}"
            what += f" and is {abs(self.lag_s):.2f} s {way} at {self.at_s:.0f} s: linked segments do not move together"
        if not self.clear:
            what += "; strides repeat, so it may be a step more or less"
        if not self.certain:
            what += "; which of them is wrong is not known"
        remedy = "Correct its times, or record again."
        if corrected:
            remedy = f"Its times were corrected {corrected}; the recording is unchanged."
        return Finding(self.sensor, cause, since_s, known_s, what, remedy, until_s)


def of_sensor(sensor: str, pairs: Pairs, apart_from: Collection[str]) -> list[Window]:
    """How late a sensor is by its windows with others, but for some of these, in order of time."""
    own = []
    for (first, second), windows in pairs.items():
        if sensor in (first, second) and not {first, second} & set(apart_from):
            own += [(at, late if second == sensor else -late) for at, late in windows]
    return sorted(own)


def left_of(sensor: str, pairs: Pairs) -> ClockLag | None:
    """How late a sensor still is by all its windows, however little, where it has been corrected roughly; None where they are
    few or do not agree."""
    own = of_sensor(sensor, pairs, ())
    at, lags = np.array(own).reshape(-1, 2).T
    if len(own) < REFINING or np.ptp(at) < SPAN_S:
        return None
    centre, rate = float(at.mean()), _slope(at, lags)
    lag_s = float(np.median(lags - rate * (at - centre)))
    if np.median(np.abs(lags - lag_s - rate * (at - centre))) > SAME_S or abs(rate) > LARGEST_LEFT:
        return None
    against = tuple(sorted({key for pair, windows in pairs.items() if sensor in pair and windows for key in pair} - {sensor}))
    return ClockLag(sensor, lag_s, rate, centre, own[0][0], True, against, float(np.ptp(at)))


def doubted(pairs: Pairs) -> set[str]:
    """Sensors of pairs of which the latest windows do not agree."""
    last = {pair: [abs(late) for _, late in windows[-LATEST:]] for pair, windows in pairs.items() if windows}
    return {key for pair, lags in last.items() if float(np.median(lags)) >= SAME_S for key in pair}


def agrees(sensor: str, pairs: Pairs) -> bool:
    """Whether a sensor agrees with another one in the latest windows."""
    doubtful = doubted({pair: windows for pair, windows in pairs.items() if sensor in pair})
    return any(windows and sensor in pair and not ({*pair} - {sensor}) & doubtful for pair, windows in pairs.items())


def unclear(pairs: Pairs) -> list[ClockLag]:
    """Whose clock alone explains all pairs that disagree in their latest windows, by whatever lag: strides show one in one
    window, and another, by a step, in the next. None where these pairs are fewer than `WITNESSES`, or of one moment."""
    away = {pair: latest for pair, windows in pairs.items() if (latest := _latest_away(windows))}
    for sensor in {key for pair in away for key in pair}:
        own = of_sensor(sensor, away, ())
        moments = own[-1][0] - own[0][0] >= HOP_S and len(own) > len(away)
        if moments and len(away) >= WITNESSES and all(sensor in pair for pair in away):
            lags = np.array([late for _, late in own])
            votes = (np.abs(lags - lags[:, None]) < SAME_S).sum(axis=1)
            lag_s = float(min(lags[votes == votes.max()], key=abs))
            against = tuple(sorted({key for pair in away for key in pair} - {sensor}))
            return [ClockLag(sensor, lag_s, 0.0, own[-1][0], own[0][0], True, against, clear=False)]
    return []


def _latest_away(windows: Sequence[Window]) -> list[Window]:
    """The latest windows that all show a lag."""
    agree = [i for i, (_, late) in enumerate(windows) if abs(late) < SMALLEST_LAG_S]
    return list(windows[agree[-1] + 1 if agree else 0 :])


def blamed(pairs: Pairs, *, whole: bool = False) -> list[ClockLag]:
    """Whose clock it is: of all ways to blame some sensors the one that leaves the fewest windows unexplained, each sensor
    counting as `BLAME` windows, and the pelvis as one more. By the latest windows that agree, or by the whole of them.
    since_s is the time of the first window that says so."""
    if not any(abs(late) >= SMALLEST_LAG_S for windows in pairs.values() for _, late in windows):
        # the usual case
        return []
    keys = sorted({key for pair, windows in pairs.items() for key in pair if windows})
    best: tuple[float, list[ClockLag]] = (math.inf, [])
    for count in range(len(keys)):
        for some in combinations(keys, count):
            blame = BLAME * count + 0.5 * (Placement.PELVIS.value in some)
            if blame >= best[0]:
                continue
            lags: list[ClockLag] = []
            for key in some:
                told = _told(key, pairs, set(some) - {key}, whole=whole)
                if told is None:
                    break
                lags.append(told)
            else:
                left = blame + _unexplained(pairs, {lag.sensor: lag for lag in lags}, whole=whole)
                if left < best[0]:
                    best = (left, lags)
    return best[1]


def _told(sensor: str, pairs: Pairs, others: Collection[str], *, whole: bool) -> ClockLag | None:
    """What the windows of a sensor with all but some others say of its clock; None where that is no lag."""
    own = of_sensor(sensor, pairs, others)
    line = line_of(own, whole=whole)
    if line is None or abs(line.lag_s) < SMALLEST_LAG_S:
        return None
    seen = [pair for pair, windows in pairs.items() if sensor in pair and windows and not set(pair) & set(others)]
    against = tuple(sorted({key for pair in seen for key in pair} - {sensor}))
    return ClockLag(sensor, line.lag_s, line.rate, line.at_s, own[line.first][0], len(against) > 1, against, line.span_s)


def _unexplained(pairs: Pairs, lags: Mapping[str, ClockLag], *, whole: bool) -> int:
    """How many windows do not show what these clocks would let them show."""
    count = 0
    for pair, windows in pairs.items():
        for at, late in windows:
            now = [lags[key] for key in pair if key in lags and (whole or at >= lags[key].since_s)]
            expected = sum(float(lag.late_s(at)) * (1.0 if lag.sensor == pair[1] else -1.0) for lag in now)
            count += int(abs(late - expected) >= SMALLEST_LAG_S + 0.5 * WINDOW_S * sum(abs(lag.rate) for lag in now))
    return count
