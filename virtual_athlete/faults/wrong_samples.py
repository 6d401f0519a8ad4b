"""Sensors that give wrong numbers: wrong unit or range, wrong axes, clipped, frozen, filled with zeros, an axis dead.

None sets `Samples.saturated`: what the device knows of itself is no fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import G0, Floats
from virtual_athlete.faults.fault import SampleFault, Spoiler
from virtual_athlete.sensors import Samples

RESTING_AT_13 = 13.0 / G0
"""Scale of an accelerometer that reads 13 m/s² at rest."""


@dataclass(frozen=True, slots=True)
class GyrScaled(SampleFault):
    """The gyroscope's rates times `factor`: read with the wrong range (0.5, 2), as degrees (57.3), or badly calibrated."""

    factor: float = 0.5

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, gyr=samples.gyr * self.factor)


@dataclass(frozen=True, slots=True)
class GyrFlipped(SampleFault):
    """The gyroscope turns the other way about all axes."""

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, gyr=-samples.gyr)


@dataclass(frozen=True, slots=True)
class GyrAxisScaled(SampleFault):
    """One axis of the gyroscope times `factor`: with the other sign by default, as a mapping with one sign wrong gives it."""

    axis: int = 0
    factor: float = -1.0

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        factors = np.ones(3)
        factors[self.axis] = self.factor
        return _at(self, samples, gyr=samples.gyr * factors)


@dataclass(frozen=True, slots=True)
class LeftHanded(SampleFault):
    """Left-handed axes: the numbers along `axis` have the other sign, of accelerometer and gyroscope alike."""

    axis: int = 2

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        mirror = np.ones(3)
        mirror[self.axis] = -1.0
        return _at(self, samples, acc=samples.acc * mirror, gyr=samples.gyr * mirror)


@dataclass(frozen=True, slots=True)
class GyrAxesSwapped(SampleFault):
    """The gyroscope's columns are in another order than the accelerometer's: column k is axis order[k]."""

    order: tuple[int, int, int] = (1, 0, 2)

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, gyr=samples.gyr[:, list(self.order)])


@dataclass(frozen=True, slots=True)
class AccFlipped(SampleFault):
    """Gravity of the other sign: the accelerometer reads −9.81 along what points up. Seen only against a stated mounting."""

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, acc=-samples.acc)


@dataclass(frozen=True, slots=True)
class AccScaled(SampleFault):
    """The accelerometer's numbers times `factor`; by default it reads 13 m/s² at rest."""

    factor: float = RESTING_AT_13

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, acc=samples.acc * self.factor)


@dataclass(frozen=True, slots=True)
class Clipped(SampleFault):
    """A range below the movement: no rate beyond gyr_dps (°/s), no acceleration beyond acc_g (multiples of gravity)."""

    gyr_dps: float = np.inf
    acc_g: float = np.inf

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        rate, force = np.deg2rad(self.gyr_dps), self.acc_g * G0
        return _at(self, samples, acc=np.clip(samples.acc, -force, force), gyr=np.clip(samples.gyr, -rate, rate))


@dataclass(frozen=True, slots=True)
class Frozen(SampleFault):
    """The last sample before it began is given again and again."""

    def begin(self) -> Spoiler:
        """See `SampleFault.begin`."""
        held: list[tuple[Floats, Floats]] = []

        def spoil(samples: Samples) -> Samples:
            if not self.holds(samples.time_s).any():
                if len(samples):
                    held[:] = [(samples.acc[-1].copy(), samples.gyr[-1].copy())]
                return samples
            first = int(np.argmax(self.holds(samples.time_s)))
            if first or not held:
                held[:] = [(samples.acc[max(first - 1, 0)].copy(), samples.gyr[max(first - 1, 0)].copy())]
            acc, gyr = held[0]
            return _at(self, samples, acc=np.broadcast_to(acc, samples.acc.shape), gyr=np.broadcast_to(gyr, samples.gyr.shape))

        return spoil


@dataclass(frozen=True, slots=True)
class Zeros(SampleFault):
    """Zeros fill in for what is missing: accelerometer and gyroscope alike, to the last bit."""

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return _at(self, samples, acc=np.zeros_like(samples.acc), gyr=np.zeros_like(samples.gyr))


@dataclass(frozen=True, slots=True)
class DeadAxis(SampleFault):
    """One axis of the gyroscope, or of the accelerometer, gives the same number from now on."""

    axis: int = 1
    accelerometer: bool = False
    reads: float = 0.0

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        acc, gyr = samples.acc.copy(), samples.gyr.copy()
        (acc if self.accelerometer else gyr)[:, self.axis] = self.reads
        return _at(self, samples, acc, gyr)


def _at(fault: SampleFault, samples: Samples, acc: Floats | None = None, gyr: Floats | None = None) -> Samples:
    """The samples, with these in place of theirs where the fault holds."""
    wrong = fault.holds(samples.time_s)[:, None]
    return Samples(
        samples.time_s,
        samples.acc if acc is None else np.where(wrong, acc, samples.acc),
        samples.gyr if gyr is None else np.where(wrong, gyr, samples.gyr),
        samples.saturated,
    )
