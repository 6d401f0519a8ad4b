"""What the pipelines give out: rows of angles and orientations, repetitions, alignments. Frozen; radians inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals.blocks import Floats
from signals.quantities import ANGLE_NAMES

Flags = NDArray[np.int32]
TICK_HZ = 100.0
"""Rows a second: the grid that all sensors come together on."""


@dataclass(frozen=True, slots=True, eq=False)
class AngleRows:
    """Joint angles at n consecutive ticks of the grid.

    time_s (n,): session time. angles (n, A) and sd (n, A): radians, columns in the order of `ANGLE_NAMES`, NaN where
    missing. quality (n,): `signals.quality.Quality` bits.
    """

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: Flags

    def __post_init__(self) -> None:
        n = len(self.time_s)
        if self.angles.shape != (n, len(ANGLE_NAMES)) or self.sd.shape != self.angles.shape or self.quality.shape != (n,):
            raise ValueError("AngleRows: arrays do not agree in length")

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True, eq=False)
class OrientationRows:
    """Orientations of one sensor: time_s (n,), quat (n, 4) w x y z sensor → earth, heading_epoch (n,)."""

    sensor: str
    time_s: Floats
    quat: Floats
    heading_epoch: Flags

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition. `metrics` holds what `signals.quantities.REPETITION_METRICS` names, in table units; absent = missing.

    relative_phase_deg: continuous relative phase of lumbar spine and pelvis at 101 points, for the measures over a set; empty
    where it could not be computed.
    """

    index: int
    start_s: float
    turn_s: float
    end_s: float
    movement: str
    movement_confidence: float
    quality: int
    metrics: Mapping[str, float]
    relative_phase_deg: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class AlignmentReport:
    """How a sensor was aligned to its segment: method, confidence 0 to 1, and the reasons for it, in words."""

    placement: str
    method: str
    confidence: float
    reasons: tuple[str, ...]
    time_s: float
    """Session time of the `calibrate` mark."""
