"""The gyroscope against gravity: does gravity turn in the sensor as the gyroscope says?

Turned into one common frame by the gyroscope, specific force is gravity plus accelerations that cancel over a second or two,
since nobody's speed grows for long. So its means over the quarters of a window of some four seconds agree when the gyroscope
is right, and spread when it is not. What would be right is found by asking the same of other gyroscopes: w' = M w with M one
factor for all axes, a factor for one of them, the opposite sign (which is also the other handedness), or axes exchanged. The
simplest M that explains the windows is named. Movement in one plane leaves several M equally good, and then the simplest is
no wrong verdict: where M = 1 is among them there is none.

A fault is told from a factor of `LEAST_FACTOR` on. Below, it costs an angle no more than the stated uncertainty covers: the
filter takes gravity's side within its time constant of three seconds.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import G0, Bools, Cause, Floats
from dsp import rotation

STEP_HZ = 25.0
"""Samples are averaged to steps of this rate, or a little more (ours)."""
STEPS = 48
"""Steps of half a window: 1.9 s at 25 steps a second (ours)."""
_RUN = 6
"""Steps of a run, within which turns are multiplied one after another: of both ways as few as possible (ours)."""
LEAST_FACTOR, LEAST_FACTOR_OF_FEW = 1.15, 1.15
"""Smallest factor by which a gyroscope's rates are called wrong, by many windows and by few (ours). Of sound sensors the factor
found stays within 1.09 in simulated sessions, and within 1.12 in recordings of people."""

_PROBED = (1.0, 0.85, 1.15)
"""Factors that every window is asked for; a parabola through their spreads has its lowest point at the factor that fits."""
_REVERSED = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
"""Signs that every window is asked for, too: reversed, an axis along gravity changes the spread little."""
_NOISE = 0.03
"""Spread, (m/s²)², below which windows do not tell two gyroscopes apart (ours)."""
_MOST_OF_ONE, _REVERSED_FROM = 0.8, 2.0
"""Evidence for a reversed axis is the sum of ln(spread that is there / spread with the axis reversed) over windows, never below
zero: at most the first of one window, and a verdict from the second on, so from three windows (ours). Of sound sensors it stays
at 0.8 or below in 120 simulated sensors and 40 of people's recordings."""
_TURNING_RAD_S, _SURELY_RAD_S = np.radians([2.0, 20.0]).tolist()
"""Root mean square of an axis' rate in a window that tells whether it is reversed: with a bias that a rest has shown, and
without (ours). A bias that is not taken off is undone in part where its axis is reversed."""
_STRAIGHT = 0.5
"""Evidence against it from which on it shows that an axis was not reversed before (ours)."""
_REVERSED_DOUBTED = 1.0
"""Evidence from which on an axis may be reversed, and turns may be wrong as a whole (ours)."""
_TURN_RAD = 0.15
"""Gravity must turn by this angle within a window, else the window says nothing (ours)."""
_ALONE_RAD = 0.4
"""Or the gyroscope must say that it turns by this: where it does not turn then, its axes are wrong (ours)."""
_KEPT, _FEWEST = 16, 4
"""Windows remembered, and windows for a verdict (ours)."""
_MOST_PATIENT = 128
"""Windows after which a gyroscope that keeps fitting is asked for again, at most (ours)."""
_FAR_OFF = 0.13
"""A factor that fits and is further from 1 is asked for again as soon as there are new windows (ours)."""
_MANY = 10
"""Number of windows from which on a smaller gain is enough (ours)."""
_GAIN_OF_FEW, _GAIN_OF_MANY = 3.0, 1.6
"""Spread of the present gyroscope over that of the right one: at least this, of few windows and of many (ours)."""
_LEAST_GAIN = 0.08
"""And less by this, (m/s²)² a window (ours)."""
_AGREEING = 0.75
"""Share of the windows that must agree with the verdict (ours)."""
_SUSPICIOUS = 1.2
"""Spread, (m/s²)² a window, from which on other gyroscopes are tried (ours)."""
_AS_GOOD, _AS_GOOD_MORE = 1.25, 0.03
"""A simpler gyroscope is preferred when its spread is within this factor and this sum, (m/s²)² a window, of the best (ours)."""
_FITS = 2.0
"""Largest spread, (m/s²)² a window, of what is called an explanation, unless it is a tenth of what is there (ours)."""
_DOUBTED_FACTORS = (0.86, 1.08)
"""Factors that fit the windows at hand, beyond which a gyroscope that is not called wrong is doubted. Of sound sensors on a
trunk they lie within 1.00 and 1.06, on a thigh, below its joint, within 0.88 and 1.02 (ours, simulated)."""
_DOUBTED_GAIN = 1.3
"""Spread of the present gyroscope over that of one 15 % faster or slower, from which on a factor is doubted (ours). In the gait
of a person, whose steps shake the sensors, it is up to 1.13."""
_DOUBTED_FROM, _LATEST = 2, 4
"""Windows from which on a factor is doubted, and the latest ones, whose mean spread is (ours)."""
_DOUBTED_SPREAD = 5.0
"""Mean spread, (m/s²)², from which on a gyroscope is doubted whatever factor fits (ours). Of sound ones up to 1.0 in simulated
sessions, 3.5 in the gait of a person."""
_SOUND_AGAIN = 5
"""The latest windows that must fit a sound gyroscope twice as well, for a fault to be over (ours)."""

_FACTORS: Floats = np.array(
    (
        *(1 / 57.3, 0.025, 0.035, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.36, 0.43, 0.5, 0.58, 0.67, 0.76, 0.85, 0.92, 1.0),
        *(1.08, 1.18, 1.3, 1.45, 1.6, 1.8, 2.0, 2.3, 2.8, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 57.3),
    )
)
_OF_ONE_AXIS: Floats = np.array([0.0, 0.5, 0.67, 1.5, 2.0])


@dataclass(frozen=True, slots=True, eq=False)
class GyroscopeFault:
    """What is wrong: the cause, in words, what to do, and `right` (3, 3): the true rates are right · measured rates.

    factor: by which all measured rates must be multiplied, where that is what is wrong, else 1.
    """

    cause: Cause
    what: str
    remedy: str
    right: Floats
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class GyroscopeDoubt:
    """By how much a gyroscope may be wrong that is not called so. scale: part of each turn that may be missing or too much;
    misfit_rad: angle by which gravity does not turn as it says."""

    scale: float = 0.0
    misfit_rad: float = 0.0


NO_DOUBT = GyroscopeDoubt()


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Two halves that follow each other: forces, rates (2, STEPS, 3), step (2,) s, spreads with `_ALWAYS_PROBED` and with the
    fault that was known; start_s, end_s."""

    forces: Floats
    rates: Floats
    step_s: Floats
    spreads: Floats
    start_s: float
    end_s: float


class GyroscopeWatch:
    """Follows one sensor by halves of windows; memory is bounded. fault: what is wrong now; since_s: since when."""

    def __init__(self) -> None:
        self.fault: GyroscopeFault | None = None
        self.since_s = -math.inf
        """End of the last window that a sound gyroscope explained before the fault; minus infinity from the very beginning."""
        self.sound_s: float | None = None
        """Since when the gyroscope is sound again, once a fault has ended."""
        self._windows: deque[_Window] = deque(maxlen=_KEPT)
        self._new = 0
        self._agreed_s = -math.inf
        self._patience = _FEWEST
        """New windows before other gyroscopes are tried again."""
        self.rested = False
        """Whether the bias has been taken off the rates, as a rest showed it."""
        self.doubted = False
        """Whether another factor fits the latest windows better."""
        self.doubt = NO_DOUBT
        """By how much the gyroscope may be wrong, while it is not called so."""
        self._reversed: Floats = np.zeros(3)
        """Evidence that the axes x, y and z are reversed."""
        self._straight_s, self._straight = np.full(3, -math.inf), np.zeros(3)
        """End of the last window before which nothing speaks for it, and what had spoken against it by then."""

    def feed(self, forces: Floats, rates: Floats, step_s: Floats, joined: Bools, times_s: Floats) -> bool:
        """Halves forces, rates (h, STEPS, 3), the first of them the last of the call before; step_s (h,), joined (h - 1,):
        the half and the one before it are whole and follow each other; times_s (h + 1,): borders. Whether `fault` changed."""
        blocks = forces.reshape(len(forces), 2, STEPS // 2, 3).mean(axis=2)
        up = blocks / np.maximum(np.sqrt((blocks * blocks).sum(axis=2, keepdims=True)), 1e-9)
        both = np.concatenate((up[:-1], up[1:]), axis=1)
        away = both - both.mean(axis=1, keepdims=True)
        # where the gyroscope alone says that gravity turns, that contradicts it as much
        turns = rates.mean(axis=1) * (STEPS * step_s)[:, None]
        tilts = np.cross(both.mean(axis=1), turns[:-1] + turns[1:])
        tells = joined & (
            ((away * away).sum(axis=2).max(axis=1) > _TURN_RAD**2) | ((tilts * tilts).sum(axis=1) > _ALONE_RAD**2)
        )
        if not tells.any():
            return False
        probed = [*_ALWAYS_PROBED, *([self.fault.right] if self.fault is not None else [])]
        # of the windows that tell, and what lies between them
        first, last = (int(at) for at in np.flatnonzero(tells)[[0, -1]])
        there = slice(first, last + 2)
        spreads = np.full((len(probed), len(tells)), np.nan)
        spreads[:, first : last + 1] = _spreads(forces[there], rates[there], step_s[there], np.array(probed))
        for i in np.flatnonzero(tells).tolist():
            pair = slice(i, i + 2)
            window = _Window(
                forces[pair].copy(), rates[pair].copy(), step_s[pair], spreads[:, i], float(times_s[i]), float(times_s[i + 2])
            )
            self._windows.append(window)
            self._new += 1
        squares = (rates * rates).mean(axis=1)
        least = _TURNING_RAD_S if self.rested else _SURELY_RAD_S
        turning = least**2 < (0.5 * (squares[:-1] + squares[1:]))[tells].T
        self._take_reversed(spreads[:, tells], turning, times_s[2:][tells])
        total = spreads[:, tells].sum(axis=1)
        self.doubted = bool(total[0] > 1.5 * min(total[1], total[2]) + 0.1 * np.count_nonzero(tells))
        return self._ended() if self.fault is not None else self._begins()

    def _take_reversed(self, spreads: Floats, turning: Bools, end_s: Floats) -> None:
        """What windows (n,), with these spreads (k, n) and ends, say of axes that may be reversed. turning (3, n): about which
        axes the sensor turns."""
        gained = np.where(turning, np.log((spreads[0] + _NOISE) / (spreads[_OF_REVERSED] + _NOISE)), 0.0)
        for of_window, until_s in zip(np.minimum(gained, _MOST_OF_ONE).T, end_s.tolist(), strict=True):
            self._reversed = np.maximum(self._reversed + of_window, 0.0)
            self._straight -= np.minimum(of_window, 0.0)
            self._straight_s = np.where(self._reversed > 0.0, self._straight_s, until_s)

    def _begins(self) -> bool:
        spread = np.array([w.spreads for w in self._windows])
        n, total = len(spread), spread.sum(axis=0)
        bend = total[1] + total[2] - 2.0 * total[0]
        lowest = 1.0 + 0.5 * (_PROBED[2] - 1.0) * (total[1] - total[2]) / bend if bend > 0.0 else 0.0
        gains = bool(total[0] > _DOUBTED_GAIN * min(total[1], total[2]))
        axis = int(self._reversed.argmax())
        turned = self._reversed.item(axis)
        self.doubt = _doubt(lowest if gains and n >= _DOUBTED_FROM else 1.0, float(spread[-_LATEST:, 0].mean()))
        if turned >= _REVERSED_DOUBTED:
            self.doubt = GyroscopeDoubt(1.0, self.doubt.misfit_rad)
        if abs(lowest - 1.0) < 0.1 and total[0] < _SUSPICIOUS * n and turned < _REVERSED_DOUBTED:
            self._agreed_s = self._windows[-1].end_s
            return False
        strong = total[0] > 2.0 * min(total[1], total[2]) + 0.2 * n or turned >= _REVERSED_FROM
        if n < _FEWEST or self._new < (_FEWEST if strong else self._patience):
            return False
        self._new = 0
        for latest in (_FEWEST + 2, _KEPT):
            # a fault that has just begun is not to be hidden by the windows before it
            fault = _explained(list(self._windows)[-latest:])
            if fault is not None:
                return self._found(fault)
        if turned >= _REVERSED_FROM:
            return self._found(_flipped()[axis])
        # a search costs as much as a minute of everything else, and found nothing
        if abs(lowest - 1.0) < _FAR_OFF:
            self._patience = min(2 * self._patience, _MOST_PATIENT)
        return False

    def _found(self, fault: GyroscopeFault) -> bool:
        self.fault, self.since_s, self.sound_s = fault, self._since(fault), None
        self._new, self.doubt, self._reversed = 0, NO_DOUBT, np.zeros(3)
        return True

    def _since(self, fault: GyroscopeFault) -> float:
        """Since when the fault explains the windows better than a sound gyroscope; minus infinity: from the very beginning."""
        for axis, right in enumerate(_ALWAYS_PROBED[_OF_REVERSED]):
            if np.array_equal(right, fault.right):
                return self._straight_s.item(axis) if self._straight[axis] >= _STRAIGHT else -math.inf
        windows = list(self._windows)
        both = np.array((np.eye(3), fault.right))
        spreads = np.array([_spreads(w.forces, w.rates, w.step_s, both)[:, 0] for w in windows])
        # the split of the windows that fits best: sound before it, at fault from it on
        gained = np.cumsum((spreads[:, 0] - spreads[:, 1])[::-1])[::-1]
        first = int(np.argmax(gained))
        if first:
            return windows[first - 1].end_s
        return min(self._agreed_s, windows[0].start_s)

    def _ended(self) -> bool:
        latest = [w for w in list(self._windows)[-_SOUND_AGAIN:] if len(w.spreads) > len(_ALWAYS_PROBED)]
        if len(latest) < _SOUND_AGAIN:
            return False
        total = np.array([w.spreads for w in latest]).sum(axis=0)
        if 2.0 * total[0] > total[-1]:
            return False
        self.fault, self.sound_s, self._new = None, latest[0].start_s, 0
        self._agreed_s = self._windows[-1].end_s
        self._windows.clear()
        return True


_ALWAYS_PROBED = [*(factor * np.eye(3) for factor in _PROBED), *(np.diag(np.array(signs, np.float64)) for signs in _REVERSED)]
_OF_REVERSED = slice(len(_PROBED), len(_ALWAYS_PROBED))


def _doubt(factor: float, spread: float) -> GyroscopeDoubt:
    """Of a gyroscope that would fit with this factor, 0 where there is none; spread: mean of the latest windows."""
    low, high = _DOUBTED_FACTORS
    scale = 0.0 if low <= factor <= high or factor <= 0.0 else min(abs(factor - 1.0), 1.0)
    return GyroscopeDoubt(scale, math.sqrt(spread) / G0 if spread > _DOUBTED_SPREAD else 0.0)


def _explained(windows: Sequence[_Window]) -> GyroscopeFault | None:
    """The simplest gyroscope that explains these windows, unless that is the one that is there."""
    n = len(windows)
    forces, rates = (np.concatenate([getattr(w, name) for w in windows]) for name in ("forces", "rates"))
    step_s = np.concatenate([w.step_s for w in windows])
    there = _of_pairs(forces, rates, step_s, np.eye(3)[None])[0]
    groups: list[list[tuple[Floats, GyroscopeFault]]] = []
    for candidates in (_scaled(forces, rates, step_s), _opposite(), _flipped(), _one_axis(), _exchanged()):
        spreads = _of_pairs(forces, rates, step_s, np.array([fault.right for fault in candidates]))
        groups.append([(spread, fault) for spread, fault in zip(spreads, candidates, strict=True)])
    best = min(float(spread.sum()) for group in groups for spread, _ in group)
    enough = _AS_GOOD * best + _AS_GOOD_MORE * n
    if there.sum() <= enough:
        return None
    for group in groups:
        spread, fault = min(group, key=lambda found: float(found[0].sum()))
        if spread.sum() > enough:
            continue
        least = LEAST_FACTOR if n >= _MANY else LEAST_FACTOR_OF_FEW
        if 1.0 / least < fault.factor < least and fault.cause is Cause.GYR_SCALE:
            return None
        gain = _GAIN_OF_MANY if n >= _MANY else _GAIN_OF_FEW
        sure = there.sum() > max(gain * spread.sum(), spread.sum() + _LEAST_GAIN * n)
        agreeing = np.count_nonzero(spread < there) >= _AGREEING * n
        fits = spread.sum() < max(_FITS * n, 0.1 * there.sum())
        return fault if sure and agreeing and fits else None
    return None


def _of_pairs(forces: Floats, rates: Floats, step_s: Floats, right: Floats) -> Floats:
    """Spreads (k, n) of n windows whose halves stand one after another (2 n, STEPS, 3)."""
    return _spreads(forces, rates, step_s, right)[:, ::2]


def _spreads(forces: Floats, rates: Floats, step_s: Floats, right: Floats) -> Floats:
    """How far, (m/s²)², the means of specific force over the quarters of each window spread: (k, h - 1) of halves that follow
    each other, forces, rates (h, STEPS, 3), for each of the gyroscopes right (k, 3, 3)."""
    # components first: (3, k, h, STEPS)
    columns = right.transpose(2, 1, 0)[..., None, None]
    turned = columns[0] * rates[..., 0]
    turned += columns[1] * rates[..., 1]
    turned += columns[2] * rates[..., 2]
    turned *= (0.5 * step_s)[:, None]
    after = _running_product(_from_half_angles(turned))
    before = np.zeros_like(after)
    before[0, ..., 0], before[..., 1:] = 1.0, after[..., :-1]
    # a step's mean force belongs to its middle
    middle = rotation.multiply(before, _from_half_angles(0.5 * turned))
    force = np.broadcast_to(forces.transpose(2, 0, 1)[:, None], turned.shape)
    means = _rotate(middle, force).reshape(*turned.shape[:3], 2, STEPS // 2).mean(axis=4)
    second = _rotate(np.ascontiguousarray(after[:, :, :-1, None, -1]), means[:, :, 1:])
    quarters = np.concatenate((means[:, :, :-1], second), axis=3)
    away = quarters - quarters.mean(axis=3, keepdims=True)
    return np.asarray((away * away).sum(axis=0).mean(axis=2))


def _from_half_angles(half: Floats) -> Floats:
    """Unit quaternions (4, …) of half-angle vectors (3, …), of whatever size."""
    angle = np.sqrt((half * half).sum(axis=0))
    quat = np.empty((4, *angle.shape))
    quat[0] = np.cos(angle)
    quat[1:] = half * np.sinc(angle / np.pi)
    return quat


def _running_product(quat: Floats) -> Floats:
    """Products of quaternions (4, …, STEPS) along the last axis, from the first to each."""
    # first within runs, all of them at once, then from run to run
    runs = quat.reshape(*quat.shape[:-1], STEPS // _RUN, _RUN)
    within = np.empty_like(runs)
    done = within[..., 0] = runs[..., 0]
    for i in range(1, _RUN):
        done = within[..., i] = rotation.multiply(done, runs[..., i])
    reach = 1
    while reach < done.shape[-1]:
        further = done.copy()
        further[..., reach:] = rotation.multiply(done[..., :-reach], done[..., reach:])
        done, reach = further, 2 * reach
    within[..., 1:, :] = rotation.multiply(done[..., :-1, None], within[..., 1:, :])
    return within.reshape(quat.shape)


def _rotate(quat: Floats, vectors: Floats) -> Floats:
    """Vectors (3, …) turned by unit quaternions (4, …)."""
    axis = quat[1:]
    across = 2.0 * rotation.cross(axis, vectors)
    return np.asarray(vectors + quat[0] * across + rotation.cross(axis, across))


def _scaled(forces: Floats, rates: Floats, step_s: Floats) -> list[GyroscopeFault]:
    """All rates multiplied by one factor: the one that fits best, between the tried ones by a parabola over its logarithm."""
    total = _of_pairs(forces, rates, step_s, _FACTORS[:, None, None] * np.eye(3)).sum(axis=1)
    i = int(np.argmin(total))
    found = _FACTORS[i]
    if 0 < i < len(total) - 1:
        x, y = np.log(_FACTORS[i - 1 : i + 2]), total[i - 1 : i + 2]
        curve = np.polyfit(x - x[1], y, 2)
        if curve[0] > 0.0:
            found = math.exp(x[1] + float(np.clip(-0.5 * curve[1] / curve[0], x[0] - x[1], x[2] - x[1])))
    return [_scale_fault(float(found))]


def _scale_fault(factor: float) -> GyroscopeFault:
    if 0.85 < 57.3 * factor < 1.15:
        what = f"gravity turns {1.0 / factor:.0f} times less than the gyroscope says: its rates look like deg/s"
        return GyroscopeFault(
            Cause.GYR_SCALE, what, "Multiply the gyr columns by 0.0174533 to have rad/s.", np.eye(3) * factor, factor
        )
    if factor < 1.0:
        what = f"the gyroscope says {_times(1.0 / factor)} what gravity turns: it is read with the wrong range or scale"
    else:
        what = f"gravity turns {_times(factor)} what the gyroscope says: it is read with the wrong range or scale"
    remedy = f"Correct the range of the gyroscope, or multiply its rates by {factor:.2f}."
    return GyroscopeFault(Cause.GYR_SCALE, what, remedy, np.eye(3) * factor, factor)


def _times(factor: float) -> str:
    return "twice" if 1.9 < factor < 2.1 else f"{factor:.2g} times"


def _opposite() -> list[GyroscopeFault]:
    what = "gravity turns against the gyroscope: its sign is the opposite, or the sensor's axes are left-handed"
    remedy = "Reverse the sign of all gyr columns; of a left-handed sensor reverse one axis of both acc and gyr."
    return [GyroscopeFault(Cause.GYR_SIGN, what, remedy, -factor * np.eye(3)) for factor in (1.0, 0.5, 2.0)]


def _one_axis() -> list[GyroscopeFault]:
    faults = []
    for axis, name in enumerate("xyz"):
        for factor in _OF_ONE_AXIS.tolist():
            right = np.eye(3)
            right[axis, axis] = factor
            what = f"the gyroscope's axis {name} does not fit gravity's turn: {factor:.2g} times its rates would"
            faults.append(GyroscopeFault(Cause.GYR_AXES, what, f"Check axis {name} of the gyroscope.", right))
    return faults


def _flipped() -> list[GyroscopeFault]:
    """One axis, or two, with the opposite sign."""
    faults = []
    for signs in (*_REVERSED, (-1, -1, 1), (-1, 1, -1), (1, -1, -1)):
        names = " and ".join(name for name, sign in zip("xyz", signs, strict=True) if sign < 0)
        if " " in names:
            what = f"the gyroscope's axes {names} turn against gravity: their signs are the opposite"
            remedy = f"Reverse the sign of the gyr columns {names}."
        else:
            what = f"the gyroscope's axis {names} turns against gravity: its sign is the opposite"
            remedy = f"Reverse the sign of the gyr column {names}."
        faults.append(GyroscopeFault(Cause.GYR_AXES, what, remedy, np.diag(np.array(signs, np.float64))))
    return faults


def _exchanged() -> list[GyroscopeFault]:
    """Axes exchanged, with all signs; those that change fewest come first."""
    faults = []
    for order in sorted(itertools.permutations(range(3)), key=lambda o: sum(a != i for i, a in enumerate(o))):
        if order == (0, 1, 2):
            continue
        for signs in itertools.product((1.0, -1.0), repeat=3):
            right = np.zeros((3, 3))
            right[np.arange(3), order] = signs
            pairs = ", ".join(
                f"{'-' if sign < 0 else ''}{'xyz'[a]} is {'xyz'[i]}"
                for i, (a, sign) in enumerate(zip(order, signs, strict=True))
                if a != i or sign < 0
            )
            what = f"the gyroscope's axes are exchanged against those of the accelerometer: {pairs}"
            faults.append(GyroscopeFault(Cause.GYR_AXES, what, "Put the gyr columns into the order x, y, z of acc.", right))
    return faults
