"""A sensor that may have slipped: seen long before `SlipWatch` has looked at it for two seconds of standing.

Looked at every `LOOK_STRIDE` ticks, in the angles between the segments' verticals and those of the calibration. A sensor is
doubted from the look at which
- all stand still, the others as they stood, and it does not; or
- somebody walks upright, and it has leaned for more than a second while the others on the trunk are as they stood.
A posture looks the same, so nothing is called wrong: the angle by which it is off belongs to the stated uncertainty. It no
longer does when the sensor stands, or walks, as it did. A thigh that was doubted as it stood has to stand as it did: one that
has slipped passes its place in each stride.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from body_signals import Bools, Floats
from dsp.alignment.slip import POSTURE_RAD, SAME_RAD, SLIPPED_RAD, STILL_RAD
from dsp.calibration.calibration_movements import THIGH_KEYS

LOOKS, _REACHES = 8, (1, 2, 4)
"""Looks over which somebody walks: 1.6 s, more than a stride (ours); the steps in which as many are put together."""
STILL_LOOKS = 3
"""Looks in a row for which all must stand still: at the turn of a side bend they do for one or two (ours)."""
LEANS_RAD, THIGH_LEANS_RAD = np.radians([10.0, 14.0]).tolist()
"""In walking, a sensor is doubted that is off by more all the time (ours); a sound thigh is by up to 12° in a turn."""
SWINGS_RAD, PASSES_RAD = np.radians([10.0, 15.0]).tolist()
"""In walking, thighs swing by more than the first and come within the second of how they stood (ours)."""
DOUBTED_PART = 0.6
"""Standard uncertainty as a part of the angle that it is off: a slip turns angles by up to all of it (ours)."""


def doubted_variance(sizes: Mapping[int, float], n: int) -> Floats:
    """Variance (n,), rad², of the angles of n sensors, some of which may be off by these angles, rad."""
    variance = np.zeros(n)
    for i, size in sizes.items():
        variance[i] = (DOUBTED_PART * size) ** 2
    return variance


class SlipDoubts:
    """By how much sensors may have slipped; looks in order, cut anyhow. sensors: the placements, in the order of the
    segments."""

    def __init__(self, sensors: Sequence[str]) -> None:
        self._thigh = np.array([key in THIGH_KEYS for key in sensors])[:, np.newaxis]
        self._leans = np.where(self._thigh, THIGH_LEANS_RAD, LEANS_RAD)
        self._walks = self._thigh.any() and not self._thigh.all()
        self._off = np.zeros(len(sensors))
        """The angle by which each may have slipped, since the last look."""
        self._stood = np.zeros(len(sensors), np.bool_)
        """Which were doubted as they stood."""

    def variance(self) -> Floats:
        """Of each sensor's angles since the last look (s,), rad²."""
        return np.asarray(np.square(DOUBTED_PART * self._off))

    def feed(self, off: Floats, turn: Floats) -> Floats | None:
        """Variance, rad², of each sensor's angles from each look on (s, k), None where none is doubted.

        off, turn (s, LOOKS - 1 + k): how far each is from how it stood, and turned since the look before; some looks before
        the k, too."""
        calm, least = (turn[:, LOOKS - STILL_LOOKS :] < STILL_RAD).all(axis=0), off
        for reach in _REACHES:
            least = np.minimum(least[:, reach:], least[:, :-reach])
        held = bool(self._off.any())
        if not (held or calm.any() or (least > self._leans).any()):
            # the usual case of who moves
            return None
        stood, cleared, size = self._standing(off[:, LOOKS - 1 :], calm)
        doubted, swings = stood, np.zeros_like(cleared)
        if self._walks:
            leans, upright = self._walking(off, least)
            size = np.where(leans, least, size)
            doubted, swings = doubted | leans, upright & self._thigh
            cleared = cleared | (upright & ~self._thigh)
        if not (held or doubted.any()):
            return None
        found = np.empty(size.shape)
        for look in range(size.shape[1]):
            over = cleared[:, look] | (swings[:, look] & ~self._stood)
            self._stood = (self._stood | stood[:, look]) & ~over
            self._off = np.where(doubted[:, look], size[:, look], np.where(over, 0.0, self._off))
            found[:, look] = self.variance()
        return found

    def _standing(self, off: Floats, calm: Bools) -> tuple[Bools, Bools, Floats]:
        """Which sensors (s, k) alone do not stand as they did while all stand still, which do, and how far they are off.
        calm (STILL_LOOKS - 1 + k,): at which looks none turns."""
        k, same = off.shape[1], off < SAME_RAD
        still = np.logical_and.reduce([calm[back : back + k] for back in range(STILL_LOOKS)])
        apart = (off > SLIPPED_RAD) & (off < POSTURE_RAD)
        one = still & (same.sum(axis=0) == len(off) - 1) & (len(off) > 1)
        return apart & one, np.broadcast_to(still & same.all(axis=0), off.shape), off

    def _walking(self, off: Floats, least: Floats) -> tuple[Bools, Bools]:
        """Which sensors (s, k) lean while somebody walks upright, and which do not; least (s, k): how far each was off at
        least."""
        most = off
        for reach in _REACHES:
            most = np.maximum(most[:, reach:], most[:, :-reach])
        upright = np.where(self._thigh, (least < PASSES_RAD) & (most - least > SWINGS_RAD), most < SLIPPED_RAD)
        others = upright.sum(axis=0) - upright == len(off) - 1
        leans = others & (least > self._leans) & (most < POSTURE_RAD)
        return leans, others & upright & (least < SLIPPED_RAD)
