"""Clocks that disagree: linked segments move together; a sensor that shows their movements late has a late clock.

Of every two sensors the lag is found in windows of some seconds by what both feel of the joint between them
(`linked_motion`). It says nothing of how a person moves: who bends from the lumbar spine first, by up to 0.9 s
(Laird 2018, subgroup 2), has sound clocks. Slow bends and standing tell nothing; walking, squats, lifts and sitting down do.

What windows tell is put together in `lags`. A glance at a short window is enough to suspect a clock, but
not to tell that it is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from body_signals import Floats, Placement, TimedBlock
from dsp.plausibility.clocks.cells import RATE_HZ, MotionCells
from dsp.plausibility.clocks.lags import (
    LARGEST_RATE,
    SAME_S,
    STEADY_S,
    WINDOWS,
    WITNESSES,
    ClockLag,
    Window,
    agrees,
    blamed,
    doubted,
    left_of,
    of_sensor,
    unclear,
)
from dsp.plausibility.clocks.linked_motion import (
    GLIMPSE_S,
    HOP_S,
    LEAST_M_S2,
    NEAR_S,
    SEARCH_S,
    WINDOW_S,
    Felt,
    glimpses_of,
    lags_of,
    variation,
)
from dsp.plausibility.clocks.repeats import HISTORY, LONGEST, repeated
from dsp.plausibility.clocks.shared_bends import BENDS, late_bends
from dsp.plausibility.turns import TurnWatch
from dsp.results import Finding

LOOK_S, WAIT_S = 2.0, 2.0
"""A look takes in windows that ended within the first, once the samples after their end are there, after the second (ours)."""
SEEN_S = WAIT_S + WINDOW_S
"""Time, s, from the beginning of the window that a look takes in to the look (ours)."""
SLACK_S = 0.5
"""For samples that are late by less nothing waits longer (ours)."""
GLANCE_S, SETTLED_GLANCE_S, GLANCE_WAIT_S = 1.0, 10.0, 1.0
"""Between looks a glance is made each second, or each ten once clocks are settled, when samples are there, after the third
(ours)."""
KEPT_S = 60.0
"""What windows told of a running session is kept for this time (ours)."""
SETTLED_LOOKS, SETTLED_S, LONG_SETTLED_LOOKS, LONG_SETTLED_S = 15, 30.0, 21, 60.0
"""Once all clocks agreed at fifteen looks in a row, a look is made each 30 s, and from 21 on each 60 s. It asks the pelvis'
pairs only, and of the latest lively window since the last look (ours)."""
TRIES, SILENT_LOOKS = 2, 4
"""Such a look asks two windows at most. After four of them at lively windows, in all of which one sensor told nothing, all
looks are made again (ours)."""
SUSPICIOUS_S, LEAST_BEND_S = 0.1, 0.15
"""Windows that show this lag make a clock suspected, and bends of the trunk that show the second: one segment may follow the
other by less (ours)."""
LIVELY_M_S2 = 1.0
"""In a lively window the size of every sensor's specific force varies by this (ours)."""
FURTHEST_S = 60.0
"""A clock that has run further from the others is not followed (ours)."""


class ClockWatch:
    """Compares the clocks of worn sensors, at each look; each window is looked at once.

    keys: of the sensors; those that are worn nowhere are not compared. begin_s: session time at which their samples begin.
    kept_s: how long what windows told is kept, for `whole`.
    """

    def __init__(self, keys: Sequence[str], begin_s: float = 0.0, kept_s: float = KEPT_S) -> None:
        self._keys = [key for key in keys if key in {p.value for p in Placement} - {Placement.OTHER.value}]
        self._cells = {key: MotionCells() for key in self._keys}
        # strides of two legs look alike half a stride apart: they are asked of each other where nothing else is there
        legs = {Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value}
        pairs = [pair for pair in combinations(self._keys, 2) if set(pair) != legs or set(self._keys) == legs]
        self._lags: dict[tuple[str, str], list[Window]] = {pair: [] for pair in pairs}
        """Session time of the middle and lag of the windows of the last `kept_s`, where the lag is clear."""
        self._unclear: dict[tuple[str, str], list[Window]] = {pair: [] for pair in pairs}
        """Those of the last `KEPT_S` that only tell that the known lag is wrong, with one that is not."""
        self._known: dict[str, ClockLag] = {}
        """What the last look told, about which sensors are compared."""
        self._begin_s = begin_s
        self._agreed_s = dict.fromkeys(self._keys, begin_s)
        """Session time up to which each sensor has agreed with others."""
        self._after_s = -np.inf
        """Samples before are not looked at."""
        self._kept_s = kept_s
        self._settled = 0
        """Looks in a row at which all clocks agreed."""
        self._silent, self._unheard = 0, set(self._keys)
        """Since clocks are settled: looks at lively windows, and the sensors that none of these told of."""
        self._next_s = LOOK_S * (math.floor(begin_s / LOOK_S) + 2.0)
        """Session time of the next look."""
        self.looked_s = begin_s
        """Session time of the last look."""
        self.sound: frozenset[str] = frozenset()
        """Sensors of which the last look says that they agree with all others that they were compared with."""
        self._glimpses: dict[tuple[str, str], Window] = {}
        """The latest of each pair, of which the known lag does not fit."""
        self._glance_s = self._next_s
        """Session time of the next glance."""
        self._repeated: dict[str, tuple[float, float]] = {}
        """Sensors that have shown a stretch twice: since when that is known, and how long it was, s."""
        self._trunk = next((pair for pair in pairs if set(pair) == {Placement.LUMBAR.value, Placement.PELVIS.value}), None)
        """The trunk's two sensors, until the first bends were compared."""
        self._of_trunk: dict[str, list[tuple[Floats, Floats, Floats]]] = {key: [] for key in self._trunk or ()}
        """Their samples, as long."""
        self._by_bends: dict[str, float] = {}
        """By how much the trunk's sensors disagree in the first bends, until another movement tells of them."""
        self._turns = TurnWatch(self._keys, begin_s)
        self._turned_s = math.ceil(begin_s)
        """The whole second up to which turns have been compared."""
        self.turning: list[Finding] = []
        """What the last look found of gyroscopes that do not turn with the body."""
        self.suspected: dict[str, float] = {}
        """By sensor, how late or early its clock may be, s, where it is not sure enough to be told."""

    def take(self, block: TimedBlock, start: int = 0, stop: int | None = None) -> None:
        """The next samples of a sensor: those from `start` to `stop` of a block, to its end where that is None."""
        if block.sensor in self._cells and block.gyr is not None and len(self._keys) > 1:
            start = max(start, int(block.time_s.searchsorted(self._after_s)))
            time_s = block.time_s[start:stop]
            if len(time_s):
                samples = (time_s, block.acc[start:stop], block.gyr[start:stop])
                self._cells[block.sensor].take(*samples)
                if block.sensor in self._of_trunk:
                    self._of_trunk[block.sensor].append(samples)

    @property
    def due_s(self) -> float:
        """Session time from which on the samples of the next look are there."""
        return self._next_s + WAIT_S

    @property
    def corrects_s(self) -> float:
        """Session time up to which no look makes sure of a lag: it takes two in a row."""
        return self.due_s if self._known else self.due_s + LOOK_S

    @property
    def glance_due_s(self) -> float:
        """Session time from which on the samples of the next glance are there; inf where none is needed."""
        return math.inf if self._known else self._glance_s + GLANCE_WAIT_S

    def glance(self) -> None:
        """The next glance: whether clocks may disagree, as soon as a movement shows it."""
        settled = self._settled >= SETTLED_LOOKS
        until_s, self._glance_s = self._glance_s, self._glance_s + (SETTLED_GLANCE_S if settled else GLANCE_S)
        start_s = until_s - GLIMPSE_S
        if sum(cells.stirs(start_s, until_s) >= LIVELY_M_S2 for cells in self._cells.values()) <= WITNESSES:
            return
        self._catch_up()
        if sum(self._variation(key, start_s, until_s) >= LIVELY_M_S2 for key in self._keys) <= WITNESSES:
            return
        self._find_repeated(round((SETTLED_GLANCE_S if settled else GLANCE_S) * RATE_HZ), until_s + GLANCE_WAIT_S)
        begin, end = round((start_s - NEAR_S) * RATE_HZ), round((until_s + NEAR_S) * RATE_HZ)
        felt = Felt.of_several(self._cells, begin, end)
        pairs = [pair for pair in self._lags if pair[0] in felt and pair[1] in felt]
        asked = [(felt[first], felt[second], round(start_s * RATE_HZ) - begin, 0.0) for first, second in pairs]
        for pair, lag_s in zip(pairs, glimpses_of(asked), strict=True):
            if lag_s is not None:
                self._glimpses[pair] = (start_s + 0.5 * GLIMPSE_S, lag_s)
        self._suspect(until_s)
        if settled and self.suspected:
            self._settled, self._next_s = 0, LOOK_S * (math.floor(until_s / LOOK_S) + 1.0)

    def _find_repeated(self, new: int, now_s: float) -> None:
        """Note sensors that have shown a stretch twice within as many cells."""
        n = HISTORY + LONGEST + new
        there = {key: cells.latest(n) for key, cells in self._cells.items()}
        whole = {key: cells for key, cells in there.items() if len(cells) == n and not np.count_nonzero(cells.missing)}
        self._repeated |= {key: (now_s, lag_s) for key, lag_s in repeated(whole).items()}

    def _catch_up(self) -> None:
        for cells in self._cells.values():
            cells.catch_up()

    def _variation(self, key: str, begin_s: float, end_s: float) -> float:
        """By how much, m/s², the size of a sensor's specific force varies in this time."""
        return variation(self._cells[key].between(round(begin_s * RATE_HZ), round(end_s * RATE_HZ))[1].sizes)

    def forget(self, until_s: float) -> None:
        """A clock is being corrected until session time until_s: what was seen before does not count any more."""
        self._after_s = until_s
        self._cells = {key: MotionCells() for key in self._keys}
        for parts in self._of_trunk.values():
            parts.clear()
        for lags in (*self._lags.values(), *self._unclear.values()):
            lags.clear()
        self._glimpses.clear()
        self._repeated.clear()
        self._by_bends, self.suspected = {}, {}
        self._known = {}
        self._agreed_s = dict.fromkeys(self._keys, until_s)
        self._settled = 0

    def look(self, now_s: float = math.inf) -> list[ClockLag]:
        """The next look: whose clock disagrees then. now_s: where the samples end before."""
        until_s = min(self._next_s, now_s)
        if until_s == -math.inf:
            # a session without any sample
            return []
        settled = self._settled >= SETTLED_LOOKS
        near = {pair: min(max(self._expected(pair, until_s), -FURTHEST_S), FURTHEST_S) for pair in self._lags}
        # cells of windows that begin after those of the last look, and of what it takes to compare them
        further_s = max(map(_sooner, map(abs, near.values())), default=0.0)
        begin_s = (self.looked_s if settled else until_s) - LOOK_S - WINDOW_S - SEARCH_S - further_s - 1.0
        self._catch_up()
        self._compare_turns(until_s, now_s if now_s < self._next_s else self.due_s)
        for cells in self._cells.values():
            cells.drop(round(begin_s * RATE_HZ))
        for parts in self._of_trunk.values():
            while len(parts) > 1 and parts[1][0][0] <= until_s - KEPT_S:
                parts.pop(0)
        # where nothing comes after, a window needs what it takes to compare it
        last = until_s - WINDOW_S - (0.0 if now_s >= self._next_s else SEARCH_S + 2.0 / RATE_HZ)
        if settled:
            self._check(last, near)
        elif any(self._variation(key, last - further_s - SEARCH_S, until_s) >= LEAST_M_S2 for key in self._keys):
            self._ask([last - HOP_S * k for k in reversed(range(round(LOOK_S / HOP_S)))], near, self._asked())
        for lags in self._lags.values():
            while lags and lags[0][0] < until_s - self._kept_s:
                lags.pop(0)
        for lags in self._unclear.values():
            while lags and lags[0][0] < until_s - KEPT_S:
                lags.pop(0)
        clear = {pair: [one for one in lags if one[0] >= until_s - KEPT_S] for pair, lags in self._lags.items()}
        recent = {pair: sorted(lags + self._unclear[pair]) for pair, lags in clear.items()}
        found = blamed(clear)
        if now_s >= self._next_s and len(self._keys) > 2:
            # of two that disagree nothing is told while a third may still say who it is
            found = [lag for lag in found if len(lag.against) > 1 or agrees(lag.against[0], clear)]
        if not found:
            found = unclear(recent)
        wrong = {lag.sensor for lag in found}
        self.sound = frozenset({key for pair in recent for key in pair if recent[pair]} - doubted(recent) - wrong)
        self._known = {lag.sensor: lag for lag in found}
        self._compare_bends(until_s)
        self._suspect(until_s)
        for key in self._keys:
            # what agreed before a lag, or agrees now
            until = [at for at, late in of_sensor(key, recent, wrong - {key}) if abs(late) < SAME_S]
            if until and (key in wrong or key in self.sound):
                self._agreed_s[key] = max(self._agreed_s[key], until[-1])
        # where a sensor tells nothing, that is no agreement: it is looked at without a pause
        agree = self.sound == set(self._keys) or (settled and self._silent < SILENT_LOOKS and not doubted(recent))
        self._settled = self._settled + 1 if agree else 0
        if not agree:
            self._silent, self._unheard = 0, set(self._keys)
        self.looked_s = until_s
        self._next_s = until_s + LOOK_S
        if self._settled >= SETTLED_LOOKS:
            # due at the end of a minute or half of one, where the samples are parted anyway
            pause_s = SETTLED_S if self._settled < LONG_SETTLED_LOOKS else LONG_SETTLED_S
            self._next_s = pause_s * math.floor((until_s + WAIT_S) / pause_s + 1.0) - WAIT_S
        self._glance_s = max(self._glance_s, until_s + GLANCE_S)
        return [replace(lag, since_s=self._agreed_s[lag.sensor]) for lag in found]

    def _compare_turns(self, until_s: float, known_s: float) -> None:
        """Compare how far the sensors have turned in the whole seconds since the last look."""
        self.turning, first, last = [], self._turned_s, math.floor(until_s)
        if last <= first or len(self._keys) <= WITNESSES:
            return
        span = round(first * RATE_HZ), round(last * RATE_HZ)
        self._turned_s = last
        self.turning = self._turns.take(first, {key: cells.exactly(*span) for key, cells in self._cells.items()}, known_s)

    def whole(self) -> list[ClockLag]:
        """Whose clock disagrees by all that is kept, by one lag or one rate."""
        return blamed(self._lags, whole=True)

    def left_of(self, key: str) -> ClockLag | None:
        """How late a sensor that has been corrected roughly still is by all that is kept."""
        return left_of(key, self._lags)

    def heard(self, first: str, second: str) -> bool:
        """Whether enough windows told how late these two are against each other."""
        return any(len(lags) >= WINDOWS for pair, lags in self._lags.items() if set(pair) == {first, second})

    def _compare_bends(self, until_s: float) -> None:
        """Suspect the trunk's two clocks, once, where the first bends are all late, by the same time or steadily more."""
        if self._trunk is None or until_s > self._begin_s + KEPT_S or self._lags[self._trunk] or self._unclear[self._trunk]:
            self._trunk = None
            self._of_trunk.clear()
            return
        first, second = (self._whole(key, max(self._begin_s, self._after_s), until_s) for key in self._trunk)
        late = late_bends(first, second)
        if len(late) >= BENDS:
            at, lags = np.array(late).T
            rate, last_s = np.polyfit(at - at[-1], lags, 1).tolist()
            apart = np.abs(lags - last_s - rate * (at - at[-1])).max()
            if abs(last_s) >= LEAST_BEND_S and apart < SAME_S and abs(rate) < LARGEST_RATE:
                # of a clock of another rate, what it will have become
                self._by_bends = dict.fromkeys(self._trunk, max(abs(last_s), abs(last_s + rate * STEADY_S)))
            self._trunk = None
            self._of_trunk.clear()

    def _whole(self, key: str, begin_s: float, end_s: float) -> tuple[Floats, Floats, Floats]:
        """The samples of a sensor in this time, as one part."""
        parts = self._of_trunk[key] or [(np.empty(0), np.empty((0, 3)), np.empty((0, 3)))]
        time_s, acc, gyr = (np.concatenate([part[i] for part in parts]) for i in range(3))
        there = slice(*time_s.searchsorted((begin_s, end_s)).tolist())
        return time_s[there], acc[there], gyr[there]

    def _suspect(self, until_s: float) -> None:
        """Renew whose clock may be wrong: by the first bends, and by the latest window of each pair, where enough disagree."""
        latest: dict[tuple[str, str], list[Window]] = {}
        for pair in self._lags:
            windows = [
                *self._lags[pair][-1:],
                *self._unclear[pair][-1:],
                *([self._glimpses[pair]] if pair in self._glimpses else []),
            ]
            last = max(windows, default=(-math.inf, 0.0))
            latest[pair] = [last] if last[0] >= until_s - KEPT_S and abs(last[1]) >= SUSPICIOUS_S else []
            if windows and not latest[pair] and self._by_bends.keys() == {*pair}:
                self._by_bends = {}
        late_s = {
            key: [late for _, late in of_sensor(key, latest, self._known)] for key in self._keys if key not in self._known
        }
        if self._by_bends.keys() & self._known:
            self._by_bends = {}
        of_windows = {key: max(map(abs, late)) for key, late in late_s.items() if len(late) >= WITNESSES}
        self._repeated = {key: one for key, one in self._repeated.items() if self._may_be_late(key, one[0], until_s)}
        self.suspected = self._by_bends | of_windows | {key: lag_s for key, (_, lag_s) in self._repeated.items()}

    def _may_be_late(self, key: str, since_s: float, until_s: float) -> bool:
        """Whether it is not known yet of a sensor that showed a stretch twice: neither told, nor do all windows since agree."""
        begin_s = since_s + 0.5 * WINDOW_S
        later = {pair: [one for one in lags + self._unclear[pair] if one[0] >= begin_s] for pair, lags in self._lags.items()}
        late = [abs(late) for _, late in of_sensor(key, later, self._known)]
        agree = len(late) >= WITNESSES and max(late) < SUSPICIOUS_S
        return key not in self._known and since_s >= until_s - KEPT_S and not agree

    def _check(self, last: float, near: Mapping[tuple[str, str], float]) -> None:
        """While clocks agree: ask the latest lively window that begins after those of the last look and not after `last`, and
        an earlier one if some sensor tells nothing there."""
        tries = 0
        begin_s = max(self.looked_s - WINDOW_S + HOP_S, last - LONG_SETTLED_S)
        asked = {key for pair in self._asked() for key in pair}
        start = last
        while start > begin_s and tries < TRIES and self._unheard:
            if min(self._variation(key, start, start + WINDOW_S) for key in asked) < LIVELY_M_S2:
                start -= HOP_S
                continue
            tries += 1
            pairs = [pair for pair in self._asked() if self._unheard & {*pair}]
            self._unheard -= self._ask([start], near, pairs)
            start -= 2.0 * WINDOW_S
        self._silent += tries > 0
        if not self._unheard:
            self._silent, self._unheard = 0, set(self._keys)

    def _asked(self) -> list[tuple[str, str]]:
        """Pairs that are compared now."""
        star = self._settled >= SETTLED_LOOKS and Placement.PELVIS.value in self._keys
        return [pair for pair in self._lags if not star or Placement.PELVIS.value in pair]

    def _ask(
        self, starts: Sequence[float], near: Mapping[tuple[str, str], float], pairs: Sequence[tuple[str, str]]
    ) -> set[str]:
        """Compare these pairs in the windows that begin then; of which sensors they tell."""
        further_s = max(map(_sooner, map(abs, near.values())), default=0.0)
        begin = round((starts[0] - SEARCH_S - SLACK_S - further_s) * RATE_HZ)
        # no further than samples are sure to be there
        end = round((starts[-1] + WINDOW_S + SEARCH_S + SLACK_S) * RATE_HZ)
        felt = Felt.of_several({key: self._cells[key] for pair in pairs for key in pair}, begin, end)
        pairs = [pair for pair in pairs if pair[0] in felt and pair[1] in felt]
        told: set[str] = set()
        # what a window tells decides where the next one of the same pair is looked for
        for start in starts:
            told |= self._compare({pair: start - _sooner(near[pair]) for pair in pairs}, felt, begin)
        return told

    def _compare(self, starts: Mapping[tuple[str, str], float], felt: Mapping[str, Felt], begin: int) -> set[str]:
        """Add what a window of each pair, which begins then, tells; of which sensors they tell."""
        middles = {pair: start + 0.5 * WINDOW_S for pair, start in starts.items()}
        # but for what has been looked at
        last = {pair: self._lags[pair][-1][0] if self._lags[pair] else -math.inf for pair in starts}
        fresh = [pair for pair, at_s in middles.items() if at_s >= last[pair] + 0.5 * HOP_S]
        asked = [
            (felt[pair[0]], felt[pair[1]], round(starts[pair] * RATE_HZ) - begin, self._expected(pair, middles[pair]))
            for pair in fresh
        ]
        found = {pair: shown for pair, shown in zip(fresh, lags_of(asked), strict=True) if shown is not None}
        for pair, shown in found.items():
            (self._lags if shown.clear else self._unclear)[pair].append((middles[pair], shown.lag_s))
        return {key for pair in found for key in pair}

    def _expected(self, pair: tuple[str, str], time_s: float) -> float:
        """The lag of two sensors as last known; 0 where nothing is."""
        if self._known:
            late = [float(self._known[key].late_s(time_s)) if key in self._known else 0.0 for key in pair]
            return late[1] - late[0]
        # too few to tell anything, but they say where to look next
        lags = self._lags[pair][-2:]
        if len(lags) < 2:
            return 0.0
        (before_s, before), (last_s, last) = lags
        slope = (last - before) / (last_s - before_s)
        return last + slope * (time_s - last_s) if abs(slope) < LARGEST_RATE else 0.0


def _sooner(late_s: float) -> float:
    """How much earlier, s, a window must begin for samples that are so late to be there: by whole hops."""
    return HOP_S * math.ceil(max(late_s - SLACK_S, 0.0) / HOP_S)
