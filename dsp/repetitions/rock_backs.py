"""Rock-backs: on hands and knees, the hips move back towards the heels and return; found in the rows as they arrive.

On all fours the trunk is near the horizontal and the thighs are near the vertical, still for a moment. The bottom of a held
bend looks the same. The next movement distinguishes them: in a rock-back the thighs turn by `RISE_DEG` and return while the
trunk stays above `LOWEST_TRUNK_DEG`; in getting up the trunk comes up first. Getting down raises the thighs before they stand
under a horizontal trunk, which no bend does; so a rock-back after that is more certain.

Inclinations in degrees: of the trunk, forward positive; of the less inclined thigh, knee forward positive. Thresholds are
ours, set on the simulated athlete.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from body_signals import Floats

TRUNK_DEG, THIGH_DEG = 60.0, 25.0
"""On all fours: the trunk above the first, the thighs within the second of the vertical."""
STILL_S, BAND_DEG = 0.5, 4.0
"""Still: both inclinations stay within the second, degrees, for the first, s (ours)."""
RISE_DEG, LOWEST_TRUNK_DEG = 15.0, 45.0
"""Least rotation of the thighs in a rock-back, and least inclination of the trunk during it (ours)."""
RETURN_SHARE = 0.5
"""A rock-back has returned when the thighs have come back by this part of the way (ours)."""
NO_LOWER_S, LOWER_DEG, AGAIN_DEG = 0.3, 0.5, 8.0
"""A rock-back has ended when the thighs have not come lower by the second for the first, or rise again by the third (ours)."""
SETTLED_S = 2.0
"""A posture held for this time is the start of the next rock-back (ours)."""
LONGEST_S = 120.0
"""Longest rock-back; anything longer is a posture, as with `HISTORY_S` for any repetition (ours)."""
KNELT_DEG = 40.0
"""Getting down on the knees turns the thighs by more than this (ours)."""
CLEAR_DEG, UNCERTAIN = 30.0, 0.6
"""A rock-back of at least the first is certain; the second is the confidence of one that may also be a forward bend (ours)."""


@dataclass(frozen=True, slots=True)
class RockBack:
    """Row numbers: where the thighs had risen, where they were furthest, where they had come halfway back, and where
    they came to rest; and the confidence, 0 … 1."""

    risen: int
    turn: int
    half: int
    end: int
    confidence: float


@dataclass(slots=True)
class _Rocking:
    """A rock-back in progress: the row at which the thighs had risen, and where they were furthest; once they have come back
    halfway, the row of that (else None) and where they have been lowest since."""

    risen: int
    peak: float
    peak_at: int
    half_at: int | None = None
    valley: float = math.nan
    valley_at: int = -1


class RockBackFinder:
    """Follows one movement of the trunk from standing, row by row."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self.on_all_fours = False
        """Whether the posture is on all fours, or was before the rock-back in progress."""
        self._knelt = False
        self._found = 0
        self._rocking: _Rocking | None = None
        self._level = math.nan
        """Inclination of the thighs from which the next rock-back starts."""
        self._since = -1
        """Row since which trunk and thigh have been within the band of these inclinations."""
        self._trunk = self._thigh = math.nan

    def step(self, k: int, trunk: float, thigh: float) -> RockBack | None:
        """Process row k (finite degrees); returns the rock-back that has ended with it."""
        if not self.on_all_fours:
            if self.arrives(k, trunk, thigh):
                self.on_all_fours, self._level = True, thigh
            return None
        if trunk < LOWEST_TRUNK_DEG:
            return self._leave()
        if self._rocking is not None:
            return self._rock(self._rocking, k, trunk, thigh)
        if thigh < -THIGH_DEG:
            return self._leave()
        self._level = min(self._level, thigh)
        if self._still(k, trunk, thigh) >= SETTLED_S:
            self._level = thigh
        if thigh > self._level + RISE_DEG:
            self._rocking = _Rocking(k, thigh, k)
        return None

    def stands(self, *, knelt: bool) -> None:
        """Nobody is on all fours at the row before, but may be again. knelt: the thighs have been raised as of who kneels."""
        self._knelt = self._knelt or knelt
        self._trunk = math.nan

    def arrives(self, k: int, trunk: float, thigh: float) -> bool:
        """Whether somebody who was not is on all fours with row k. Every row, once or twice."""
        if thigh > KNELT_DEG:
            self._knelt = True
        if trunk < TRUNK_DEG or abs(thigh) > THIGH_DEG:
            self._trunk = math.nan
            return False
        return self._still(k, trunk, thigh) >= STILL_S

    def _still(self, k: int, trunk: float, thigh: float) -> float:
        """Seconds for which both have been within the band."""
        if not (abs(trunk - self._trunk) <= BAND_DEG and abs(thigh - self._thigh) <= BAND_DEG):
            self._since, self._trunk, self._thigh = k, trunk, thigh
        return (k - self._since) / self._rate

    def _rock(self, rock: _Rocking, k: int, trunk: float, thigh: float) -> RockBack | None:
        if thigh > rock.peak:
            rock.peak, rock.peak_at = thigh, k
        if k - rock.risen > LONGEST_S * self._rate:
            return self._leave()
        if thigh >= self._level + RETURN_SHARE * (rock.peak - self._level):
            rock.half_at = None
            return None
        if rock.half_at is None:
            rock.half_at = k
            rock.valley, rock.valley_at = thigh, k
        elif thigh < rock.valley - LOWER_DEG:
            rock.valley, rock.valley_at = thigh, k
        elif thigh > rock.valley + AGAIN_DEG or k - rock.valley_at >= NO_LOWER_S * self._rate:
            found = self._ended(rock, rock.half_at)
            self._rocking, self._level = None, rock.valley
            self._since, self._trunk, self._thigh = k, trunk, thigh
            return found
        return None

    def _ended(self, rock: _Rocking, half_at: int) -> RockBack:
        self._found += 1
        sure = min(1.0, (rock.peak - self._level) / CLEAR_DEG)
        if not self._knelt and self._found == 1:
            sure *= UNCERTAIN
        return RockBack(rock.risen, rock.peak_at, half_at, rock.valley_at, round(sure, 3))

    def _leave(self) -> RockBack | None:
        """No longer on all fours; a rock-back that had come halfway back counts."""
        rock, self._rocking = self._rocking, None
        found = None if rock is None or rock.half_at is None else self._ended(rock, rock.half_at)
        self.on_all_fours = False
        self._trunk = math.nan
        return found


def possible(trunk: Floats, thigh: Floats, still_rows: int) -> bool:
    """Whether there may be a rock-back in a movement (n,): cheap, and never false where there is one. still_rows: a number of
    rows that is at most `STILL_S`."""
    there = (trunk >= TRUNK_DEG) & (np.abs(thigh) <= THIGH_DEG)
    if np.count_nonzero(there) <= still_rows:
        return False
    still = there[still_rows:] & there[:-still_rows]
    # at its end and half-way the posture is near that of its beginning
    for later in (still_rows, still_rows // 2):
        rows = slice(later, later + len(still))
        for angle in (trunk, thigh):
            still &= np.abs(angle[rows] - angle[: len(still)]) <= BAND_DEG
    if not still.any():
        return False
    begin = int(np.argmax(still))
    rest = thigh[begin:]
    level = trunk[begin:] >= LOWEST_TRUNK_DEG
    risen = (rest - np.minimum.accumulate(rest) > RISE_DEG) & level
    if not risen.any():
        return False
    first = int(np.argmax(risen))
    back = np.maximum.accumulate(rest[first:]) - rest[first:] > RETURN_SHARE * RISE_DEG
    return bool((back & level[first:]).any())


def got_down(trunk: Floats, thigh: Floats, rate_hz: float) -> bool:
    """Whether in a movement (n,) the thighs were raised and then stood under a horizontal trunk for a moment, as in getting
    down on all fours."""
    raised = np.flatnonzero(thigh > KNELT_DEG)
    if not len(raised):
        return False
    under = (trunk >= TRUNK_DEG) & (np.abs(thigh) <= THIGH_DEG)
    under[: raised[0]] = False
    if not under.any():
        return False
    edges = np.diff(np.concatenate(([False], under, [False])).astype(np.int8))
    return bool((np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)).max() >= STILL_S * rate_hz)
