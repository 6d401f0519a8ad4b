"""How far each sensor leans from how it stood: the live figure while an athlete calibrates, before there is any angle."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from body_signals import Floats
from dsp.results import OrientationRows
from dsp.rotation import vertical_in_sensor


class Leaning:
    """Follows the newest orientation of each sensor; `stand` takes it for how the sensor stands."""

    def __init__(self) -> None:
        self._now: dict[str, Floats] = {}
        self._stood: dict[str, Floats] = {}

    def take(self, orientations: Iterable[OrientationRows]) -> None:
        """The next orientations."""
        for rows in orientations:
            if len(rows):
                self._now[rows.sensor] = rows.quat[-1]

    def stand(self) -> None:
        """The athlete stands."""
        self._stood = dict(self._now)

    def degrees(self) -> dict[str, float]:
        """The angle between gravity now and gravity while standing, of each sensor that stood."""
        found = {}
        for sensor, stood in self._stood.items():
            then, now = (vertical_in_sensor(quat[:, None])[:, 0] for quat in (stood, self._now[sensor]))
            cosine = float(np.clip(then @ now / np.sqrt((then @ then) * (now @ now)), -1.0, 1.0))
            found[sensor] = float(np.degrees(np.arccos(cosine)))
        return found
