"""Sensors whose samples are right and whose times are not: late, a clock that runs fast, a counter taken for milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from body_signals import Floats
from virtual_athlete.faults.fault import ClockFault, SampleFault
from virtual_athlete.sensors import Samples


@dataclass(frozen=True, slots=True)
class Late(ClockFault):
    """Every sample is stated for lag_s after it was taken: a buffer between sensor and clock, a file that began late."""

    lag_s: float = 0.3

    def true_time(self, stated_s: Floats) -> Floats:
        """See `ClockFault.true_time`."""
        return np.where(stated_s >= self.since_s, stated_s - self.lag_s, stated_s)


@dataclass(frozen=True, slots=True)
class FastClock(ClockFault):
    """The sensor's clock gains `gain` seconds each second; negative: it loses. Its rates stay those of the true second."""

    gain: float = 0.01

    def true_time(self, stated_s: Floats) -> Floats:
        """See `ClockFault.true_time`."""
        return np.where(stated_s >= self.since_s, self.since_s + (stated_s - self.since_s) / (1.0 + self.gain), stated_s)


@dataclass(frozen=True, slots=True)
class CounterForMilliseconds(SampleFault):
    """A counter of ticks_per_s that a file's reader takes for milliseconds: 100 for a packet counter at 100 Hz, 32768 for
    ticks of a watch crystal. Of whole files only; a device that streams says what its clock counts."""

    ticks_per_s: float = 100.0

    @property
    def stretch(self) -> float:
        """Stated seconds per true second."""
        return self.ticks_per_s / 1000.0

    def spoil(self, samples: Samples) -> Samples:
        """See `SampleFault.spoil`."""
        return replace(samples, time_s=samples.time_s * self.stretch)
