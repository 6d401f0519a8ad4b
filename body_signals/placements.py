"""Where a sensor is worn, and how it is mounted.

A placement is a body part or `OTHER` (a sensor on a machine, a barbell, a bench rig); sensors with placement
`OTHER` carry a name and are processed as orientations only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Placement(StrEnum):
    """Body segment that carries the sensor."""

    LUMBAR = "lumbar"
    """Thoracolumbar junction, T12/L1."""
    PELVIS = "pelvis"
    """Sacrum, S1/S2."""
    THIGH_LEFT = "thigh_left"
    THIGH_RIGHT = "thigh_right"
    OTHER = "other"


BODY_PLACEMENTS: tuple[Placement, ...] = (
    Placement.LUMBAR,
    Placement.PELVIS,
    Placement.THIGH_LEFT,
    Placement.THIGH_RIGHT,
)
"""The placements from which joint angles are computed, in table order."""

_AXES: dict[str, NDArray[np.float64]] = {
    f"{word}{axis}": sign * np.eye(3)[i] for word, sign in (("+", 1.0), ("-", -1.0)) for i, axis in enumerate("xyz")
}


@dataclass(frozen=True, slots=True)
class Mounting:
    """Which signed sensor axis points up and which to the wearer's left while standing, e.g. ``up="+x", left="+y"``.

    Raises ValueError when an axis is unknown or both name the same axis.
    """

    up: str
    left: str

    def __post_init__(self) -> None:
        for field in ("up", "left"):
            if getattr(self, field) not in _AXES:
                raise ValueError(f"mounting {field} = {getattr(self, field)!r}: expected one of {', '.join(_AXES)}")
        if self.up[1] == self.left[1]:
            raise ValueError(f"mounting up = {self.up!r} and left = {self.left!r} name the same sensor axis")

    @property
    def up_axis(self) -> NDArray[np.float64]:
        """Unit vector (3,) in the sensor frame that points up."""
        return _AXES[self.up]

    @property
    def left_axis(self) -> NDArray[np.float64]:
        """Unit vector (3,) in the sensor frame that points to the wearer's left."""
        return _AXES[self.left]
