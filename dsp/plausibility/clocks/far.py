"""Files of one session whose clocks are seconds apart: each was begun by hand, and counts from its own beginning.

Windows are compared within `SEARCH_S` of where they are expected. Further apart only the course of a whole session tells: when
its sensors turn, and when all rest. How fast each turns, ten times a second, is compared with the others at every lag.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from body_signals import Floats
from dsp.plausibility.clocks.lags import ClockLag
from dsp.plausibility.clocks.linked_motion import SEARCH_S

RATE_HZ = 10.0
"""At which turning is compared (ours)."""
LONGEST_S = 60.0
"""Longest lag that is looked for (ours)."""
LEAST_S = 30.0
"""A shorter session is not looked at (ours)."""
ALIKE, CLEARER = 0.3, 1.3
"""Two sensors turn alike at a lag from this correlation on, and if it is this many times that at any lag within `SEARCH_S`
(ours). In simulated sessions it is 0.28 to 0.94 at the right lag, and 0.5 at most at any that is further off."""
SAME_LAG_S = 0.35
"""Lags between three sensors add up within this (ours)."""
LIVELY = 0.25
"""Least standard deviation of a sensor's turning, in units of its logarithm: who only stands tells nothing (ours)."""
SLOW_RAD_S = 0.2
"""Turning counts by its logarithm above this (ours): somebody who rests for a moment tells as much as fast movements."""


def far_lags(turning: Mapping[str, tuple[Floats, Floats]]) -> list[ClockLag]:
    """Sensors whose clocks are certainly further from the others' than windows tell, by `SEARCH_S` to `LONGEST_S`.

    turning: by sensor, times (n,) s and rates (n, 3) rad/s, of three sensors at least. The reference is the sensor with which
    most others agree, or can be compared, and the lag from it is confirmed by another one.
    """
    begin_s = min((float(time_s[0]) for time_s, _ in turning.values() if len(time_s)), default=0.0)
    end_s = max((float(time_s[-1]) for time_s, _ in turning.values() if len(time_s)), default=0.0)
    if end_s - begin_s < LEAST_S:
        return []
    size = int((end_s - begin_s) * RATE_HZ) + 1
    tracks = {key: track(*one, begin_s, size) for key, one in turning.items() if len(one[0])}
    tracks = {key: turned - turned.mean() for key, turned in tracks.items() if turned.std() > LIVELY}
    if len(tracks) < 3:
        return []
    lags: dict[tuple[str, str], float] = {}
    for first, second in combinations(tracks, 2):
        lag_s = _lag(tracks[first], tracks[second])
        if lag_s is not None:
            lags[first, second], lags[second, first] = lag_s, -lag_s
    of_each = {key: [abs(lag_s) < SEARCH_S for (first, _), lag_s in lags.items() if first == key] for key in tracks}
    reference = max(tracks, key=lambda key: (sum(of_each[key]), len(of_each[key])))
    found = []
    for key in tracks:
        lag_s = lags.get((reference, key), 0.0)
        if abs(lag_s) <= SEARCH_S:
            continue
        agree = [
            other
            for other in tracks
            if other not in (key, reference)
            and abs(lags.get((reference, other), math.inf) + lags.get((other, key), math.inf) - lag_s) < SAME_LAG_S
        ]
        if agree:
            found.append(ClockLag(key, lag_s, 0.0, begin_s, begin_s, True, (reference, *agree), end_s - begin_s))
    return found


def track(time_s: Floats, rates: Floats, begin_s: float, size: int) -> Floats:
    """How fast a sensor turns (size,), by its logarithm. time_s: none beyond the last cell."""
    cell = ((time_s - begin_s) * RATE_HZ).astype(np.int64)
    speed = np.nan_to_num(np.sqrt(np.add.reduce(rates * rates, axis=1)))
    mean = np.bincount(cell, speed, size) / np.maximum(np.bincount(cell, minlength=size), 1)
    return np.asarray(np.log1p(mean / SLOW_RAD_S))


def _lag(first: Floats, second: Floats) -> float | None:
    """By how much the second turns later than the first, s; None where no lag is clear."""
    power = float(np.sqrt((first @ first) * (second @ second)))
    most = min(round(LONGEST_S * RATE_HZ), len(first) - 1)
    length = 2 ** math.ceil(math.log2(2 * len(first)))
    whole = np.fft.irfft(np.fft.rfft(second, length) * np.conj(np.fft.rfft(first, length)), length)
    steps = np.arange(-most, most + 1)
    alike = whole[steps] / power
    at = int(alike.argmax())
    lag_s = float(steps[at]) / RATE_HZ
    beside = float(alike[np.abs(steps) <= SEARCH_S * RATE_HZ].max())
    far = abs(lag_s) > SEARCH_S
    return None if alike[at] < ALIKE or (far and alike[at] < CLEARER * beside) else lag_s
