"""Exposure of a day: movements and postures of lumbar spine and trunk from the first row to the last, in every activity.

- Movements of lumbar flexion are counted between turning points with 5° of hysteresis, in bins of 5° (Rohlmann 2014,
  doi 10.1371/journal.pone.0093424), and likewise bends of the trunk beyond 40°.
- Time in zones of lumbar flexion, absolute and as a part of the day's largest standing bend.
- The longest stretch spent flexed. After 20 minutes of full flexion the spine has crept by a few degrees and needs half an
  hour to recover (McGill & Brown 1992, doi 10.1016/0268-0033(92)90007-Q), so lifts that follow such a stretch are noted.
- Lifts in the first hour after rising, where the time of rising is known: discs are swollen then (Adams 1987, Spine 12:130).
- The five repetitions in which the lumbar spine went furthest.

Rows arrive in pieces; the result does not depend on the cuts, and memory does not grow with the day.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from body_signals import ANGLE_NAMES, Floats
from body_signals.movements import kind_of, names_of
from dsp.results import AngleRows, Repetition

HYSTERESIS_DEG, BIN_DEG = 5.0, 5.0
"""Rohlmann 2014, see above."""
ZONES_DEG = (20.0, 40.0, 60.0)
"""Borders of the zones of lumbar flexion (ours)."""
PART_ZONES = (0.5, 0.7, 0.9)
"""Borders of the zones as a part of the largest bend (ours)."""
BEND_DEG, BEND_OVER_DEG = 40.0, 30.0
"""A bend of the trunk begins above the first inclination and ends below the second (ours)."""
FLEXED_DEG, BREAK_S = 20.0, 10.0
"""Flexed means lumbar flexion above the first; a stretch ends when flexion was below or missing for the second (ours)."""
CREEP_S, RECOVERY_S = 20.0 * 60.0, 30.0 * 60.0
"""McGill & Brown 1992, see above."""
MORNING_S = 3600.0
"""Adams 1987, see above."""
LIFTS = names_of(lambda kind: kind.lift)
WORST = 5
"""Number of repetitions with most lumbar flexion that are listed (ours)."""
SLACK_PART, SLACK_UTILISATION = 0.7, 0.75
"""A repetition is a slack event when the lumbar spine used more than the first of its range while a hip used less than the
second of its own (ours)."""

_LUMBAR, _TRUNK = ANGLE_NAMES.index("lumbar_flexion"), ANGLE_NAMES.index("trunk_inclination")
_FINE_DEG, _LOWEST_DEG, _FINE_BINS = 0.5, -60.0, 400
"""Bin width, lowest angle and bins of the histogram of lumbar flexion from which all zones are computed (ours)."""


@dataclass(slots=True)
class TurningPoints:
    """Counts movements between turning points with hysteresis: a reversal counts once the angle has come back by
    `HYSTERESIS_DEG`."""

    hysteresis: float = HYSTERESIS_DEG
    sizes: list[int] = field(default_factory=lambda: [0] * 60)
    """Movements by size, in bins of `BIN_DEG`; larger ones are in the last bin."""
    _low: float = math.nan
    _high: float = math.nan
    _last: float = math.nan
    _up: bool = True

    def feed(self, angle: Floats) -> None:
        """Angles (n,), degrees, NaN where missing; a gap does not end a movement."""
        angle = angle[np.isfinite(angle)]
        if not len(angle):
            return
        # only local extremes can be turning points
        inner = (angle[1:-1] - angle[:-2]) * (angle[2:] - angle[1:-1]) <= 0.0
        keep = np.concatenate(([True], inner, [True])) if len(angle) > 2 else np.ones(len(angle), np.bool_)
        for value in angle[keep].tolist():
            self._take(value)

    def _take(self, value: float) -> None:
        if self._high != self._high:
            self._low = self._high = value
            return
        if self._last != self._last:
            # before the first movement the direction is not known
            self._low, self._high = min(self._low, value), max(self._high, value)
            if self._high - self._low >= self.hysteresis:
                self._up = value == self._high
                self._last = self._low if self._up else self._high
            return
        if self._up:
            self._high = max(self._high, value)
            if self._high - value >= self.hysteresis:
                self._count(self._high - self._last)
                self._last, self._low, self._up = self._high, value, False
        else:
            self._low = min(self._low, value)
            if value - self._low >= self.hysteresis:
                self._count(self._last - self._low)
                self._last, self._high, self._up = self._low, value, True

    def _count(self, size: float) -> None:
        self.sizes[min(int(size / BIN_DEG), len(self.sizes) - 1)] += 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch spent flexed, session time."""

    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


ROWS_AT_ONCE = 100
"""Rows that are looked at together (ours): where they come in twos, most of the time would go into the calls."""


class Exposure:
    """Accumulates one estimator's rows and repetitions. rising_s: session time at which the athlete got up, if known."""

    def __init__(self, rate_hz: float = 100.0, rising_s: float | None = None) -> None:
        self._rate = rate_hz
        self._rising_s = rising_s
        self._movements = TurningPoints()
        self._histogram = np.zeros(_FINE_BINS, np.int64)
        self._waiting: list[tuple[Floats, Floats, Floats]] = []
        self._many = 0
        """Rows that wait to be looked at together: their times, lumbar flexion and trunk inclination."""
        self._missing = 0
        self._bends = 0
        self._bent = False
        self._flexed_from: float | None = None
        self._flexed_last = -math.inf
        self._longest = Stretch(0.0, 0.0)
        self._creeps: list[Stretch] = []
        self._repetitions: list[Repetition] = []

    def take(self, rows: AngleRows) -> None:
        """The next rows."""
        self._waiting.append((rows.time_s, rows.angles[_LUMBAR], rows.angles[_TRUNK]))
        self._many += len(rows)
        if self._many >= ROWS_AT_ONCE:
            self._look()

    def _look(self) -> None:
        """Take in the rows that wait."""
        if not self._waiting:
            return
        time_s, lumbar, trunk = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._many = [], 0
        lumbar, trunk = np.degrees(lumbar), np.degrees(trunk)
        there = np.isfinite(lumbar)
        self._missing += len(lumbar) - int(np.count_nonzero(there))
        if there.any():
            bins = np.clip((lumbar[there] - _LOWEST_DEG) / _FINE_DEG, 0, _FINE_BINS - 1).astype(np.int64)
            self._histogram += np.bincount(bins, minlength=_FINE_BINS)
        # turning points of a body need at most 20 Hz; the choice of rows depends on their time alone
        self._movements.feed(lumbar[np.rint(time_s * self._rate).astype(np.int64) % max(round(self._rate / 20.0), 1) == 0])
        self._count_bends(trunk)
        self._follow_flexed(time_s, lumbar)

    def repetition(self, repetition: Repetition) -> None:
        """The next repetition."""
        self._repetitions.append(repetition)

    def _count_bends(self, trunk: Floats) -> None:
        state = np.where(trunk > BEND_DEG, 1, np.where(trunk < BEND_OVER_DEG, -1, 0))
        changes = state[state != 0]
        if not len(changes):
            return
        before = np.concatenate(([1 if self._bent else -1], changes[:-1]))
        self._bends += int(np.count_nonzero((changes == 1) & (before == -1)))
        self._bent = bool(changes[-1] == 1)

    def _follow_flexed(self, time_s: Floats, lumbar: Floats) -> None:
        flexed = time_s[lumbar > FLEXED_DEG]
        if not len(flexed):
            return
        breaks = np.flatnonzero(np.diff(flexed) > BREAK_S)
        starts = flexed[np.concatenate(([0], breaks + 1))].tolist()
        ends = flexed[np.concatenate((breaks, [len(flexed) - 1]))].tolist()
        for start, end in zip(starts, ends, strict=True):
            if self._flexed_from is None or start - self._flexed_last > BREAK_S:
                self._end_stretch()
                self._flexed_from = start
            self._flexed_last = end

    def _end_stretch(self) -> None:
        if self._flexed_from is None:
            return
        stretch = Stretch(self._flexed_from, self._flexed_last)
        if stretch.seconds > self._longest.seconds:
            self._longest = stretch
        if stretch.seconds >= CREEP_S:
            self._creeps.append(stretch)
        self._flexed_from = None

    def document(self) -> dict[str, object]:
        """The entry in summary.json, in degrees and seconds; only measured values."""
        self._look()
        self._end_stretch()
        seconds = 1.0 / self._rate
        measured = int(self._histogram.sum())
        largest = max(
            (r.metrics.get("lumbar_peak_deg", 0.0) for r in self._repetitions if kind_of(r.movement).full_bend), default=0.0
        )
        after_creep = [
            r.index
            for r in self._repetitions
            if r.movement in LIFTS and any(0.0 <= r.start_s - c.end_s <= RECOVERY_S for c in self._creeps)
        ]
        found: dict[str, object] = {
            "lumbar_flexion_s": _named(ZONES_DEG, [n * seconds for n in self._zones(ZONES_DEG)]),
            "lumbar_missing_s": round(self._missing * seconds, 2),
            "lumbar_movements": {
                f"{int(i * BIN_DEG)}_to_{int((i + 1) * BIN_DEG)}": n for i, n in enumerate(self._movements.sizes) if n
            },
            "bends": self._bends,
            "repetitions_of": _counted(r.movement for r in self._repetitions),
            "longest_flexed": {
                "start_s": round(self._longest.start_s, 2),
                "end_s": round(self._longest.end_s, 2),
                "seconds": round(self._longest.seconds, 2),
            },
            "flexed_over_20_min": [{"start_s": round(c.start_s, 2), "end_s": round(c.end_s, 2)} for c in self._creeps],
            "lifts_after_creep": after_creep,
            "slack_events": [r.index for r in self._repetitions if _slack_event(r)],
            "worst_repetitions": self._worst(),
        }
        if largest >= BEND_DEG / 2.0 and measured:
            borders = [largest * part for part in PART_ZONES]
            found["largest_bend_lumbar_deg"] = round(largest, 2)
            found["part_of_largest_bend_s"] = _named(
                tuple(100.0 * part for part in PART_ZONES), [n * seconds for n in self._zones(borders)]
            )
        if self._rising_s is not None:
            found["lifts_in_first_hour"] = [
                r.index for r in self._repetitions if r.movement in LIFTS and 0.0 <= r.start_s - self._rising_s <= MORNING_S
            ]
        return found

    def _zones(self, borders: Iterable[float]) -> list[int]:
        edges = [round((b - _LOWEST_DEG) / _FINE_DEG) for b in borders]
        return [int(part.sum()) for part in np.split(self._histogram, edges)]

    def _worst(self) -> list[dict[str, object]]:
        known = [r for r in self._repetitions if "lumbar_peak_deg" in r.metrics]
        known.sort(key=lambda r: (-r.metrics["lumbar_peak_deg"], r.index))
        return [
            {
                "index": r.index,
                "number": r.index + 1,
                "start_s": round(r.start_s, 3),
                "movement": r.movement,
                "lumbar_peak_deg": round(r.metrics["lumbar_peak_deg"], 2),
            }
            for r in known[:WORST]
        ]


def _slack_event(r: Repetition) -> bool:
    used = [v for side in ("left", "right") if (v := r.metrics.get(f"hip_{side}_utilisation")) is not None]
    return bool(used) and min(used) < SLACK_UTILISATION and r.metrics.get("lumbar_of_largest_bend", 0.0) > SLACK_PART


def _counted(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def _named(borders: tuple[float, ...], values: list[float]) -> dict[str, float]:
    """Values of the zones below, between and above the borders, by name."""
    words = [f"{round(b)}" for b in borders]
    names = [f"below_{words[0]}", *(f"{a}_to_{b}" for a, b in itertools.pairwise(words)), f"above_{words[-1]}"]
    return {name: round(value, 2) for name, value in zip(names, values, strict=True)}
