"""How much later one of two trunk sensors shows whole bends than the other: for sessions whose joints felt nothing.

Where hips stay over the feet and bends are slow, `linked_motion` has nothing to compare. What is left is when
each segment leans. A person leads with one segment or the other (the pelvis by up to 0.9 s later at the onset, Laird 2018,
subgroup 2), but a segment that leads on the way down follows on the way up, or reaches the turn with the other. A late clock
shows all of a bend late by the same time: the beginning, the turn, and the way back. Three bends must say so, and nearly all
of a session; whose clock it is they do not say.

A bend must be over before it can be compared. In a running session the first bends make a clock suspected only.
"""

from __future__ import annotations

import numpy as np

from body_signals import Bools, Floats
from dsp import rotation
from dsp.orientation.strapdown import two_sided
from dsp.plausibility.clocks.lags import ClockLag, line_of

RATE_HZ = 25.0
"""Inclinations are compared at this rate (ours)."""
REST_RAD_S, REST_S = 0.1, 1.0
"""The standing is the first time, as long as the second, in which the sensor turned by less than the first (ours)."""
BEND_RAD, BACK = np.radians(12.0), 0.3
"""A bend leans by more than the first, and comes back to the second part of what it leant (ours)."""
LEVELS = (0.3, 0.5, 0.7)
"""Parts of its own largest inclination at which each segment's times are compared, on the way down and back (ours)."""
LEAST_S, MOST_S = 0.25, 2.0
"""Lags that bends can show: who moves one segment a little after the other all the time has sound clocks (ours)."""
SAME_WAY_S, SAME_WAY = 0.08, 0.25
"""The levels of a bend agree within the first, and within the second part of its lag (ours)."""
BENDS, MOST_APART = 3, 0.25
"""At least this number of bends must be late; share of a session's bends that may keep together otherwise (ours)."""


Parts = tuple[Floats, Floats, Floats]
"""Times (n,), specific forces and rates (n, 3) of a sensor."""


def lag_of_bends(sensor: str, samples: Parts, against: str, others: Parts, begin_s: float) -> ClockLag | None:
    """What the bends that both sensors show say of the clock of `sensor`, whose samples begin at begin_s: the latest that agree
    with each other; None where they say nothing."""
    late = late_bends(samples, others)
    line = line_of(late)
    if line is None or sum(abs(lag_s) >= LEAST_S for _, lag_s in late[line.first :]) < BENDS:
        return None
    since_s = late[line.first - 1][0] if line.first else begin_s
    return ClockLag(sensor, line.lag_s, line.rate, line.at_s, since_s, False, (against,), line.span_s)


def late_bends(samples: Parts, others: Parts) -> list[tuple[float, float]]:
    """When whole bends were (the middle, session time), and how much later, s, `samples` show them than the others do; none
    where too many bends do not keep together."""
    return _late(_bends(*others), _bends(*samples))


def _late(first: list[Floats], second: list[Floats]) -> list[tuple[float, float]]:
    """When whole bends were (the middle, session time), and how much later, s, the second sensor shows them than the first;
    none where too many bends do not keep together."""
    late, apart = [], 0
    for bend in first if second else ():
        shifts = np.array([float(np.mean(other - bend)) for other in second])
        near = int(np.abs(shifts).argmin())
        lag_s = float(shifts[near])
        if abs(lag_s) > MOST_S:
            # of one segment alone
            continue
        if np.abs(second[near] - bend - lag_s).max() <= max(SAME_WAY_S, SAME_WAY * abs(lag_s)):
            late.append((float(np.mean(bend)), lag_s))
        else:
            apart += 1
    return late if apart <= MOST_APART * (len(late) + apart) else []


def _bends(time_s: Floats, acc: Floats, gyr: Floats) -> list[Floats]:
    """For each bend of a sensor the times at which it passed `LEVELS` on the way down, and on the way back."""
    if len(time_s) < 3:
        return []
    at = np.arange(float(time_s[0]), float(time_s[-1]), 1.0 / RATE_HZ)
    forces, rates = (np.stack([np.interp(at, time_s, values[:, i]) for i in range(3)], axis=1) for values in (acc, gyr))
    if not (np.isfinite(forces).all() and np.isfinite(rates).all()):
        return []
    up = rotation.vertical_in_sensor(two_sided(RATE_HZ, np.ascontiguousarray(forces), np.ascontiguousarray(rates)))
    still = _still(rates)
    if still is None:
        return []
    stood = up[:, still : still + round(REST_S * RATE_HZ)].mean(axis=1)
    lean = np.arccos(np.clip((up * (stood / np.linalg.norm(stood))[:, None]).sum(axis=0), -1.0, 1.0))
    return [_passed(at, lean, begin, end) for begin, end in _excursions(lean)]


def _still(rates: Floats) -> int | None:
    """Where the first rest begins, by rates (n, 3) less their median; None where there is none."""
    quiet: Bools = np.abs(rates - np.median(rates, axis=0)).max(axis=1) < REST_RAD_S
    n = round(REST_S * RATE_HZ)
    whole = np.convolve(quiet, np.ones(n), "valid") >= n
    return int(whole.argmax()) if whole.any() else None


def _excursions(lean: Floats) -> list[tuple[int, int]]:
    """First and last place of each time in which it leant by more than `BEND_RAD` and came back far enough on both sides."""
    leaning = np.concatenate(([False], lean > BACK * BEND_RAD, [False]))
    borders = np.flatnonzero(leaning[1:] != leaning[:-1]).reshape(-1, 2)
    return [
        (begin, end) for begin, end in borders.tolist() if begin > 0 and end < len(lean) and lean[begin:end].max() > BEND_RAD
    ]


def _passed(at: Floats, lean: Floats, begin: int, end: int) -> Floats:
    """When a bend passes `LEVELS` of its largest inclination on the way down, and on the way back."""
    part, times = lean[begin - 1 : end + 1], at[begin - 1 : end + 1]
    most = float(part.max())
    passed = []
    for level in LEVELS:
        above = np.flatnonzero(part >= level * most)
        for here, there in ((above[0] - 1, above[0]), (above[-1], above[-1] + 1)):
            if here < 0 or there >= len(part):
                passed.append(float(times[max(here, 0)]))
                continue
            share = (level * most - part[here]) / (part[there] - part[here])
            passed.append(float(times[here] + share * (times[there] - times[here])))
    return np.array(passed)
