"""The common part of all faults: when they hold, and the part of a sensor that they affect.

A `ClockFault` acts upon the time that a sample is stated for, a `PlaceFault` upon where the sensor is, a `SampleFault`
upon the numbers that it gives. Several may hold at once; they act in this order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from body_signals import Bools, Floats
from virtual_athlete.sensors import Samples

if TYPE_CHECKING:
    from virtual_athlete.sensors import Imu

Spoiler = Callable[[Samples], Samples]
"""The effect of a fault on a sensor's samples, given piece by piece in time order."""

Moved = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
"""What a sensor sees that is not where it was: of time_s (n,), and the specific force and angular rate (3, n) that it would
have seen in place (sensor axes), those that it sees."""


@dataclass(frozen=True, slots=True)
class Fault:
    """since_s: session time at which it begins; 0 is a fault of the whole session."""

    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SampleFault(Fault):
    """Wrong numbers. until_s: session time at which it ends."""

    until_s: float = np.inf

    def begin(self) -> Spoiler:
        """Spoils one sensor's samples; keeps what it must remember between pieces."""
        return self.spoil

    def spoil(self, samples: Samples) -> Samples:
        """The samples as the sensor gives them."""
        raise NotImplementedError

    def holds(self, time_s: Floats) -> Bools:
        """The times among time_s (n,) at which the fault holds."""
        return (time_s >= self.since_s) & (time_s < self.until_s)


@dataclass(frozen=True, slots=True)
class ClockFault(Fault):
    """Right numbers, stated for the wrong time."""

    def true_time(self, stated_s: Floats) -> Floats:
        """When (n,) the samples were taken that are stated for stated_s (n,)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PlaceFault(Fault):
    """The sensor is not where it was worn. seed: of the random parts."""

    seed: int = 0

    def begin(self, imu: Imu) -> Moved:
        """What this sensor measures from now on; asked in time order."""
        raise NotImplementedError


def spoilt(samples: Samples, *faults: SampleFault) -> Samples:
    """A whole session's samples of one sensor with these faults. Faults of clock and place need the moving body: give them to
    `SimulatedAthlete`."""
    for fault in faults:
        samples = fault.begin()(samples)
    return samples
