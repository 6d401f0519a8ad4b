"""A sensor that may have come off the body: seen at once, and long before `OffBodyWatch` can be sure.

Worn sensors turn with their neighbours, and thighs about their mediolateral axis. A sensor that turns fast about another axis
while its neighbour hardly turns has come loose, or was knocked. From then on its angles may be anything, so their stated
uncertainty says so. That ends when the sensor is seen to be worn: it comes back again and again to how it stood, and moves. A
calibration begins anew.

Looked at every `LOOK_STRIDE` ticks. One that came loose and is not as it was worn when all others are is off the body.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from body_signals import Bools, Floats, Placement
from dsp.alignment.slip import SAME_RAD
from dsp.calibration.calibration_movements import THIGH_KEYS

ANYWHERE_RAD = np.radians(60.0)
"""Standard uncertainty of an angle of a sensor that may lie anyhow (ours)."""
_ONE_RAD, _TWO_RAD = np.radians(15.0), np.radians(25.0)
"""Turns about an axis that is not the segment's own, within one look and two, from which on a sensor on the trunk is loose
(ours); of sound ones up to 11° and 20° in simulated sessions."""
_THIGH_ONE_RAD, _THIGH_TWO_RAD = np.radians(20.0), np.radians(32.0)
"""The same of a thigh, which steps and turns (ours); of sound ones up to 13° and 24°."""
_PELVIS_FLEXES_RAD, _FLEXES_RAD, _THIGH_FLEXES_RAD = np.radians([0.0, 32.0, 50.0]).tolist()
"""Turns about the mediolateral axis within one look that a pelvis alone, a lumbar spine and a thigh do anyway; what is beyond
counts as the others (ours). A knee is raised by up to 32° within a look, a spine bent by 26°."""
_SLOWER = 1.8
"""Factor for two looks instead of one: nobody keeps the highest rate (ours)."""
_ALONE = 0.4
"""The neighbour turns by less than this part (ours)."""
_AS_STOOD_RAD, _FAR_RAD, _MOVES_RAD = np.radians([12.0, 45.0, 0.12]).tolist()
"""At a look a sensor is worn that is within the first of how it stood and turned by more than the third, as nothing that lies
does; further off than the second it is not (ours)."""
_WORN_LOOKS = 4
"""Such looks before it is no longer called loose (ours)."""
_APART_RAD, _APART_LOOKS = np.radians(15.0), 10
"""A loose sensor is off the body once it is further than this from how it stood, at this number of looks at which all others
are as they stood (ours)."""


class LooseWatch:
    """Which sensors may be loose, by looks in order, cut anyhow. sensors: the placements, in the order of the segments; found:
    those whose mediolateral axis was found by movements, not only stated."""

    def __init__(self, sensors: Sequence[str], found: Collection[str]) -> None:
        self._sensors = tuple(sensors)
        of_trunk, of_thigh = (_ONE_RAD, _TWO_RAD, _FLEXES_RAD), (_THIGH_ONE_RAD, _THIGH_TWO_RAD, _THIGH_FLEXES_RAD)
        sizes = np.empty((3, len(self._sensors), 1))
        for i, key in enumerate(self._sensors):
            sizes[:, i, 0] = of_thigh if key in THIGH_KEYS else of_trunk
        sizes[2, [key == Placement.PELVIS.value for key in self._sensors]] = _PELVIS_FLEXES_RAD
        self._least, self._flexes = sizes[:2], np.stack((sizes[2], _SLOWER * sizes[2]))
        """For one look and for two (2, s, 1)."""
        self._found = np.array([key in found for key in self._sensors])[:, np.newaxis]
        trunk = {Placement.PELVIS.value: Placement.LUMBAR.value}
        beside = [trunk.get(key, Placement.PELVIS.value) for key in self._sensors]
        self._beside = [self._sensors.index(key) if key in self._sensors else -1 for key in beside]
        """Neighbours, -1 where there is none."""
        self._watched = np.array([[i >= 0] for i in self._beside])
        self._step = np.full((3, len(self._sensors), 1), np.nan)
        self._worn, self._apart = [0] * len(self._sensors), [0] * len(self._sensors)
        """Of a loose one, at how many looks it was as worn, and at how many all others stood as they did, and it did not."""
        self.looks = [0] * len(self._sensors)
        """How many looks ago each came loose, 0 of one that did not."""
        self.loose = np.zeros(len(self._sensors), np.bool_)
        """Which may be loose since the last look."""

    def starts(self, step: Floats) -> Bools:
        """At which looks each sensor turns fast, about another axis than its own, and alone (s, k). step (3, s, k): rotation
        vectors of the segments since the look before, rad."""
        steps = np.concatenate((self._step, step), axis=2)
        self._step = steps[:, :, -1:]
        # of one look and of two: (2, s, k)
        across, up, flexing = np.stack((step, steps[:, :, 1:] + steps[:, :, :-1]), axis=1)
        aside = across * across + up * up
        whole = np.sqrt(aside + flexing * flexing)
        beyond = np.where(self._found, np.sqrt(aside) + np.maximum(np.abs(flexing) - self._flexes, 0.0), whole - self._flexes)
        alone = whole[:, self._beside] < _ALONE * whole
        return np.asarray(((beyond > self._least) & alone & self._watched).any(axis=0))

    def look(self, starts: Bools, turn: Floats, off: Floats, away: Bools) -> None:
        """One look more: what `starts` says of it (s,), how far each turned since the one before, how far each is from how it
        stood, and which are known to be off the body: those are no neighbours to compare with, and not loose any more."""
        here = [i for i in range(len(self._sensors)) if not away[i]]
        same = [i for i in here if off[i] < SAME_RAD]
        for i, beside in enumerate(self._beside):
            if away[i]:
                self.loose[i] = False
            elif starts[i] and not self.loose[beside] and not away[beside]:
                self.loose[i], self._worn[i] = True, 0
            elif self.loose[i] and off[i] > _FAR_RAD:
                self._worn[i] = 0
            elif self.loose[i] and off[i] < _AS_STOOD_RAD and turn[i] > _MOVES_RAD:
                self._worn[i] += 1
                self.loose[i] = self._worn[i] < _WORN_LOOKS
            self.looks[i] = self.looks[i] + 1 if self.loose[i] else 0
            apart = off[i] > _APART_RAD and all(j in same for j in here if j != i)
            self._apart[i] = self._apart[i] + apart if self.loose[i] else 0

    def lost(self, i: int) -> bool:
        """Whether sensor i came loose and is not as it was worn, though all others are."""
        return bool(self.loose[i]) and self._apart[i] >= _APART_LOOKS
