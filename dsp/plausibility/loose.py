"""A sensor that may have come off the body: seen at once, and long before `OffBodyWatch` can be sure.

Worn sensors turn with their neighbours, and thighs about their mediolateral axis. A sensor that turns fast about another axis
while its neighbour hardly turns has come loose, or was knocked. From then on its angles may be anything, so their stated
uncertainty says so. That ends when the sensor is seen to be worn: it comes back again and again to how it stood, and moves. A
calibration begins anew.

Looked at every `LOOK_STRIDE` ticks. It only widens uncertainties: whether a sensor is off the body is for `OffBodyWatch`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from body_signals import Bools, Floats, Placement
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


class LooseWatch:
    """Which sensors may be loose, by looks in order, cut anyhow. sensors: the placements, in the order of the segments; found:
    those whose mediolateral axis was found by movements, not only stated."""

    def __init__(self, sensors: Sequence[str], found: Collection[str]) -> None:
        self._sensors = tuple(sensors)
        thigh = np.isin(self._sensors, THIGH_KEYS)
        pelvis = np.isin(self._sensors, [Placement.PELVIS.value])
        self._one = np.where(thigh, _THIGH_ONE_RAD, _ONE_RAD)[:, np.newaxis]
        self._two = np.where(thigh, _THIGH_TWO_RAD, _TWO_RAD)[:, np.newaxis]
        self._flexes = np.where(thigh, _THIGH_FLEXES_RAD, np.where(pelvis, _PELVIS_FLEXES_RAD, _FLEXES_RAD))[:, np.newaxis]
        self._found = np.array([key in found for key in self._sensors])[:, None]
        trunk = {Placement.PELVIS.value: Placement.LUMBAR.value}
        beside = [trunk.get(key, Placement.PELVIS.value) for key in self._sensors]
        self._beside = [self._sensors.index(key) if key in self._sensors else -1 for key in beside]
        """Neighbours, -1 where there is none."""
        self._watched = np.array([[i >= 0] for i in self._beside])
        self._step = np.full((3, len(self._sensors), 1), np.nan)
        self._worn = [0] * len(self._sensors)
        """At how many looks a loose one was as worn."""
        self.loose = np.zeros(len(self._sensors), np.bool_)
        """Which may be loose since the last look."""

    def feed(self, step: Floats, off: Floats, away: Bools) -> Bools | None:
        """Which sensors may be loose at each look (s, k), None where none is.

        step (3, s, k): rotation vectors of the segments since the look before, rad; off (s, k): how far each is from how it
        stood; away (s, k): which are known to be off the body, and are no neighbours to compare with."""
        starts = self._starts(step)
        if not starts.any() and not self.loose.any():
            return None
        turn = np.sqrt((step * step).sum(axis=0))
        found = np.empty(starts.shape, np.bool_)
        for look in range(starts.shape[1]):
            for i, beside in enumerate(self._beside):
                if starts[i, look] and not self.loose[beside] and not away[beside, look]:
                    self.loose[i], self._worn[i] = True, 0
                elif self.loose[i] and off[i, look] > _FAR_RAD:
                    self._worn[i] = 0
                elif self.loose[i] and off[i, look] < _AS_STOOD_RAD and turn[i, look] > _MOVES_RAD:
                    self._worn[i] += 1
                    self.loose[i] = self._worn[i] < _WORN_LOOKS
            found[:, look] = self.loose
        return found

    def _starts(self, step: Floats) -> Bools:
        """At which looks each sensor turns fast, about another axis than its own, and alone (s, k)."""
        k = step.shape[2]
        steps = np.concatenate((self._step, step), axis=2)
        self._step = steps[:, :, -1:]
        two = steps[:, :, 1:] + steps[:, :, :-1]
        found = np.zeros((len(self._sensors), k), np.bool_)
        for turned, least, flexes in ((step, self._one, self._flexes), (two, self._two, _SLOWER * self._flexes)):
            square = turned * turned
            aside, whole = np.sqrt(square[0] + square[1]), np.sqrt(square.sum(axis=0))
            beyond = np.where(self._found, aside + np.maximum(np.abs(turned[2]) - flexes, 0.0), whole - flexes)
            found |= self._watched & (beyond > least) & (whole[self._beside] < _ALONE * whole)
        return found
