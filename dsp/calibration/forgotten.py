"""A calibration that was not marked: a quiet standing, and the bends, knee raises or steps that follow it.

It is searched for in the path of gravity in each worn sensor, which needs no alignment. The result is only a proposal to a
person; it changes nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from body_signals import Floats
from body_signals.movements import BEND, KNEE_RAISE
from dsp import rotation
from dsp.calibration.calibration_movements import BEND_RAD, END_RAD, RAISE_RAD, START_RAD, THIGH_KEYS, TRUNK_KEYS
from dsp.results import TICK_HZ, OrientationRows

STRIDE = 10
"""Every tenth tick is examined: 10 Hz, ten samples per step (ours)."""
LOOK_HZ = TICK_HZ / STRIDE
LONGEST_S = 7200.0
"""A calibration is searched for in this time, s, from the start, which bounds the memory (ours)."""
QUIET_S = 4.0
"""A second to settle and three of standing, as a calibration asks for (docs/first-session.md)."""
QUIET_RAD = np.radians(3.0)
"""Largest deviation of any sensor from its mean while standing; sway is below 2° (ours)."""
BEFORE_S = 6.0
"""The mark is proposed at most this long, s, before the movement, so that the zero is close to it (`dsp.alignment.standing`)
(ours)."""
SOON_S, FOLLOWS_S = 6.0, 60.0
"""The first movement follows within the first, s, after the standing, and the last within the second (ours)."""
PAUSE_S = 8.0
"""Longest pause, s, between movements of a calibration (ours)."""
MOST_S = 6.0
"""Longest bend or knee raise, s (ours)."""
STEP_RAD, STEP_S, STEPS = np.radians(10.0), 1.2, 4
"""A step swings a thigh by more than the first and is over within the second, s; the third is the number of steps of each leg
that make a walk (ours)."""
FEW = 2
"""Fewest bends, or knee raises of a leg, that give an axis (ours)."""

_Found = tuple[int, int, float]
"""First and last look of a movement, and its largest angle from the standing, rad."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A probable calibration: session time of the mark, and the movements that follow the standing."""

    mark_s: float
    bends: int
    raises: int
    steps: int

    @property
    def words(self) -> str:
        """The movements in words."""
        parts = [
            f"{n} {one if n == 1 else several}"
            for n, one, several in (
                (self.bends, BEND.word, BEND.plural),
                (self.raises, KNEE_RAISE.word, KNEE_RAISE.plural),
                (self.steps, "step", "steps"),
            )
            if n
        ]
        return " and ".join(parts)


class ForgottenCalibration:
    """Collects orientations while a session has no alignment, and keeps only those it needs. worn: keys of the sensors."""

    def __init__(self, worn: Sequence[str]) -> None:
        self._worn = tuple(worn)
        self._looks: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float32]]]] = {key: [] for key in worn}
        self._first: int | None = None

    def take(self, rows: Sequence[OrientationRows]) -> None:
        """The next orientations, in order."""
        for one in rows:
            if one.sensor not in self._looks or not len(one):
                continue
            tick = np.rint(one.time_s * TICK_HZ).astype(np.int64)
            if self._first is None:
                self._first = int(tick[0])
            at = (tick % STRIDE == 0) & (tick - self._first < LONGEST_S * TICK_HZ)
            if at.any():
                up = rotation.vertical_in_sensor(one.quat[at].T)
                self._looks[one.sensor].append((tick[at] // STRIDE, up.astype(np.float32)))

    def proposal(self, seated_s: Sequence[float] = ()) -> Proposal | None:
        """The best standing that is followed by a calibration's movements, None where there is none. seated_s: session times at
        which the athlete is known to have sat; rest at these is no standing."""
        there = {key: looks for key, looks in self._looks.items() if looks}
        if not there:
            return None
        begin = min(int(looks[0][0][0]) for looks in there.values())
        end = max(int(looks[-1][0][-1]) for looks in there.values()) + 1
        up = {}
        for key, looks in there.items():
            track = np.full((3, end - begin), np.nan)
            for tick, part in looks:
                track[:, tick - begin] = part
            up[key] = track
        seats = [round(at_s * LOOK_HZ) - begin for at_s in seated_s]
        stood = [(a, b) for a, b in _standings(up) if not any(a <= seat + SOON_S * LOOK_HZ and seat <= b for seat in seats)]
        found = [one for first, last in stood if (one := _followed(up, first, last, begin)) is not None]
        # a complete calibration before a partial one, then the earlier
        return max(found, key=lambda one: (_rank(one), -one.mark_s), default=None)


def _rank(one: Proposal) -> int:
    return 2 * (one.bends >= FEW) + (one.raises >= FEW)


def _standings(up: dict[str, Floats]) -> list[tuple[int, int]]:
    """First and last look of every stretch in which all sensors are quiet for at least `QUIET_S`."""
    n, many = next(iter(up.values())).shape[1], round(QUIET_S * LOOK_HZ)
    if n < many:
        return []
    quiet = np.ones(n - many + 1, np.bool_)
    for track in up.values():
        sums = np.concatenate((np.zeros((3, 1)), np.cumsum(np.nan_to_num(track), axis=1)), axis=1)
        mean = (sums[:, many:] - sums[:, :-many]) / many
        mean /= np.maximum(np.sqrt((mean**2).sum(axis=0)), 1e-9)
        least = np.full(n - many + 1, np.inf)
        for k in range(many):
            # a look that is missing is not quiet
            np.minimum(least, np.nan_to_num((track[:, k : k + len(least)] * mean).sum(axis=0), nan=-1.0), out=least)
        quiet &= least >= np.cos(QUIET_RAD)
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b) - 1 + many - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _followed(up: dict[str, Floats], first: int, last: int, begin: int) -> Proposal | None:
    """The movements after the standing from look `first` to `last`; None where they are not a calibration."""
    stop = min(next(iter(up.values())).shape[1], last + 1 + round(FOLLOWS_S * LOOK_HZ))
    zero = max(first, last - round((BEFORE_S - 1.0) * LOOK_HZ))
    angle: dict[str, Floats] = {}
    for key, track in up.items():
        mean = np.nanmean(track[:, zero : last + 1], axis=1)
        mean /= np.sqrt((mean**2).sum())
        angle[key] = np.arccos(np.clip((track[:, last + 1 : stop] * mean[:, None]).sum(axis=0), -1.0, 1.0))
    trunk = [key for key in up if key in TRUNK_KEYS]
    thighs = [key for key in up if key in THIGH_KEYS]
    bends = _bends(angle, trunk, thighs)
    raises = [_raises(angle, side, trunk, thighs) for side in thighs]
    over = _over([m for side in (bends, *raises) for m in side])
    bends, raises = [m for m in bends if m[0] <= over], [[m for m in side if m[0] <= over] for side in raises]
    steps = [_steps(angle[side]) for side in thighs]
    started = [m[0] for m in (*bends, *(m for side in raises for m in side))]
    walked = min((len(side) for side in steps), default=0) >= STEPS and len(thighs) > 1
    enough = len(bends) >= FEW or (not trunk and min((len(side) for side in raises), default=0) >= FEW)
    if enough and min(started) <= SOON_S * LOOK_HZ:
        made = Proposal(_mark_s(first, last, begin), len(bends), sum(map(len, raises)), 0)
    elif walked and all(side[0][0] <= SOON_S * LOOK_HZ for side in steps):
        made = Proposal(_mark_s(first, last, begin), 0, 0, sum(map(len, steps)))
    else:
        return None
    return made


def _mark_s(first: int, last: int, begin: int) -> float:
    """A whole second within the standing, the latest that leaves `BEFORE_S` of it; its beginning where it is too short."""
    begins_s, ends_s = (begin + first) / LOOK_HZ, (begin + last) / LOOK_HZ
    at_s = float(np.ceil(max(begins_s, ends_s - BEFORE_S)))
    return at_s if ends_s - at_s >= QUIET_S - 0.5 else round(begins_s, 1)


def _over(movements: Sequence[_Found]) -> int:
    """The last look of the movements that follow each other without a longer pause."""
    over = -1
    for start, end, _ in sorted(movements):
        if over >= 0 and start - over > PAUSE_S * LOOK_HZ:
            break
        over = max(over, end)
    return over


def _movements(angle: Floats, least: float) -> list[_Found]:
    """Times in which a sensor leaves its standing angle (n,) and returns, with a peak of `least` rad or more."""
    found: list[_Found] = []
    start: int | None = None
    for i, a in enumerate(np.nan_to_num(angle).tolist()):
        if start is None:
            start = i if a > START_RAD else None
        elif a < END_RAD:
            peak = float(np.nanmax(angle[start:i]))
            if peak >= least and i - start <= MOST_S * LOOK_HZ:
                found.append((start, i, peak))
            start = None
    return found


def _bends(angle: dict[str, Floats], trunk: Sequence[str], thighs: Sequence[str]) -> list[_Found]:
    """Movements of all trunk sensors in which the thighs move much less."""
    if not trunk:
        return []
    return [
        (start, end, peak)
        for start, end, peak in _movements(angle[trunk[0]], BEND_RAD)
        if all(_peak(angle[key], start, end) >= 0.5 * BEND_RAD for key in trunk)
        and all(_peak(angle[key], start, end) <= max(START_RAD, 0.5 * peak) for key in thighs)
    ]


def _raises(angle: dict[str, Floats], side: str, trunk: Sequence[str], thighs: Sequence[str]) -> list[_Found]:
    """Movements of one thigh while the other and the trunk stay."""
    rest = [key for key in (*trunk, *thighs) if key != side]
    return [
        (start, end, peak)
        for start, end, peak in _movements(angle[side], RAISE_RAD)
        if all(_peak(angle[key], start, end) <= max(START_RAD, 0.5 * peak) for key in rest)
    ]


def _steps(angle: Floats) -> list[_Found]:
    """Consecutive swings of a thigh that are as short as a step."""
    found: list[_Found] = []
    start: int | None = None
    for i, a in enumerate(np.nan_to_num(angle).tolist()):
        if start is None:
            start = i if a > STEP_RAD else None
        elif a < 0.7 * STEP_RAD:
            if i - start <= STEP_S * LOOK_HZ:
                found.append((start, i, float(np.nanmax(angle[start:i]))))
            start = None
    return found


def _peak(angle: Floats, start: int, end: int) -> float:
    part = angle[start : end + 1]
    return float(np.nanmax(part)) if np.isfinite(part).any() else 0.0
