"""Rock-backs: on hands and knees, the hips go back towards the heels and come again, found in the rows as they come.

On all fours the trunk is near the horizontal and the thighs are near the vertical, still for a moment; so it is at the
bottom of a bend that is held. What follows tells: in a rock-back the thighs turn by `RISE_DEG` and return while the trunk
stays above `LOWEST_TRUNK_DEG`; who gets up brings the trunk up first. Whoever got down had the thighs raised before they
stood under a horizontal trunk, which no bend has, so a rock-back after that is more certain than one without.

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
"""Still: both within the band of what they were, for so long."""
RISE_DEG, LOWEST_TRUNK_DEG = 15.0, 45.0
RETURN_SHARE = 0.5
"""A rock-back returns when the thighs have come back by this share of the way."""
NO_LOWER_S, LOWER_DEG, AGAIN_DEG = 0.3, 0.5, 8.0
"""It has ended when the thighs have come no lower by so much for so long, or rise again by so much."""
SETTLED_S = 2.0
"""A posture that is held for so long is where the next rock-back begins."""
LONGEST_S = 120.0
"""A longer one is a posture: as `HISTORY_S` of any repetition."""
KNELT_DEG = 40.0
"""Getting down on the knees turns the thighs by more than this."""
CLEAR_DEG, UNCERTAIN = 30.0, 0.6
"""A rock-back of the first is sure; what is said of one by somebody who may also be bending forward."""


@dataclass(frozen=True, slots=True)
class RockBack:
    """Row numbers: where the thighs had risen, where they were furthest, where they had come back half the way, and where
    they came to rest; and how sure it is, 0 … 1."""

    risen: int
    turn: int
    half: int
    end: int
    confidence: float


@dataclass(slots=True)
class _Rocking:
    """A rock-back in progress: the row at which the thighs had risen, and where they were furthest; once they have come back
    half the way, the row of that (else None) and where they have been lowest since."""

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
        """Whether the posture is that of somebody on all fours, or was before the rock-back in progress."""
        self._knelt = False
        self._found = 0
        self._rocking: _Rocking | None = None
        self._level = math.nan
        """Inclination of the thighs that the next rock-back begins at."""
        self._since = -1
        """Row since which trunk and thigh have been within the band of these inclinations."""
        self._trunk = self._thigh = math.nan

    def step(self, k: int, trunk: float, thigh: float) -> RockBack | None:
        """Row k (finite degrees); the rock-back that has ended with it."""
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
        """No longer on all fours; a rock-back that had come back half the way counts."""
        rock, self._rocking = self._rocking, None
        found = None if rock is None or rock.half_at is None else self._ended(rock, rock.half_at)
        self.on_all_fours = False
        self._trunk = math.nan
        return found


def possible(trunk: Floats, thigh: Floats, still_rows: int) -> bool:
    """Whether there may be a rock-back in a movement (n,): cheap, and never false where there is one. still_rows: rows that
    are no more than what `STILL_S` takes."""
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
    """Whether in a movement (n,) the thighs were raised and then stood under a horizontal trunk for a moment, as of somebody
    who gets down on all fours."""
    raised = np.flatnonzero(thigh > KNELT_DEG)
    if not len(raised):
        return False
    under = (trunk >= TRUNK_DEG) & (np.abs(thigh) <= THIGH_DEG)
    under[: raised[0]] = False
    if not under.any():
        return False
    edges = np.diff(np.concatenate(([False], under, [False])).astype(np.int8))
    return bool((np.flatnonzero(edges < 0) - np.flatnonzero(edges > 0)).max() >= STILL_S * rate_hz)
