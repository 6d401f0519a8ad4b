"""What a doubted gyroscope costs an angle: a wider standard uncertainty while no finding says that it is wrong.

A gyroscope is doubted long before it can be called wrong (`GyroscopeWatch`). Until then its angles go out with the error that
it may have made: the doubted part of how far the sensor has turned lately. Gravity corrects the inclination within seconds, the
movements that follow the heading within half a minute.
"""

from __future__ import annotations

import numpy as np

from body_signals import Bools, Floats
from dsp.angles.rows import SegmentAngles
from dsp.grid.ticks import LOOK_STRIDE, Ticks
from dsp.plausibility.gyroscope import NO_DOUBT, GyroscopeDoubt
from dsp.plausibility.worn import widen
from dsp.results import AngleRows

TURNED_LOOKS = 125
"""Looks, 0.2 s apart, with which an orientation is compared: 25 s, in which a heading is found again (ours)."""
_PART = 256
"""Ticks compared at once: it bounds the memory (ours)."""


class GyroscopeDoubts:
    """The doubts in the gyroscopes of a session's sensors; ticks in order, cut anyhow. Nothing is kept while there is none."""

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[float, GyroscopeDoubt]]] = {}
        """By sensor: since when which doubt holds."""
        self._looks: dict[str, Floats] = {}
        """Orientations (4, TURNED_LOOKS) at the latest looks of doubted sensors."""

    def __bool__(self) -> bool:
        return bool(self._of)

    def take(self, sensor: str, since_s: float, doubt: GyroscopeDoubt) -> None:
        """A sensor's gyroscope is doubted so from session time since_s on, which no tick has reached."""
        self._of.setdefault(sensor, []).append((since_s, doubt))

    def widen(self, ticks: Ticks, rows: AngleRows, angles: SegmentAngles) -> None:
        """Widen the standard uncertainties of rows at these ticks."""
        for key in [key for key in self._of if key in angles.placements]:
            scale, misfit = self._at(key, ticks.time_s)
            turned = self._turned(key, ticks, scale > 0.0)
            widen(rows, key, np.square(scale * turned) + np.square(misfit))
            if len(self._of[key]) == 1 and self._of[key][0][1] == NO_DOUBT and np.isnan(self._looks[key]).all():
                del self._of[key], self._looks[key]

    def _at(self, key: str, time_s: Floats) -> tuple[Floats, Floats]:
        """Scale and misfit (m,) of what is doubted at the times; what no later tick needs is let go."""
        held = self._of[key]
        since = np.array([since_s for since_s, _ in held])
        which = since.searchsorted(time_s, side="right")
        sizes = np.array([(0.0, 0.0), *((doubt.scale, doubt.misfit_rad) for _, doubt in held)])[which]
        del held[: max(int(which[-1]) - 1, 0)]
        return sizes[:, 0], sizes[:, 1]

    def _turned(self, key: str, ticks: Ticks, doubted: Bools) -> Floats:
        """How far, rad, the sensor is at each tick (m,) from where it was at looks of the last seconds, at which it was doubted
        already; 0 where there is none."""
        quat, m = ticks.quat[:, ticks.keys.index(key)], len(ticks)
        looks = slice((-ticks.first) % LOOK_STRIDE, None, LOOK_STRIDE)
        before = self._looks.get(key, np.full((4, TURNED_LOOKS), np.nan))
        seen = np.concatenate((before, np.where(doubted[looks], quat[:, looks], np.nan)), axis=1)
        self._looks[key] = seen[:, -TURNED_LOOKS:]
        turned = np.zeros(m)
        if not doubted.any() and np.isnan(seen).all():
            return turned
        # of each tick, the place of the first of its looks: the last one is not after it
        of_tick = (ticks.first + np.arange(m)) // LOOK_STRIDE - (ticks.first - 1) // LOOK_STRIDE
        for part in (slice(start, start + _PART) for start in range(0, m, _PART)):
            then = seen[:, of_tick[part] + np.arange(TURNED_LOOKS)[:, None]]
            same = np.abs((then * quat[:, None, part]).sum(axis=0))
            least = np.fmin.reduce(same, axis=0, initial=1.0)
            turned[part] = 2.0 * np.arccos(np.where(np.isnan(least), 1.0, least))
        return turned
