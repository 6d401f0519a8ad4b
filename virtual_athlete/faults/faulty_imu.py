"""A worn sensor with faults, in place of an `Imu` wherever one is worn: in files, in streams, in virtual devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from body_signals import Floats
from virtual_athlete.faults.fault import ClockFault, Fault, PlaceFault, SampleFault
from virtual_athlete.sensors import Imu, Samples, SensorSettings


class FaultyImu:
    """`imu` with `faults`; samples must be asked in time order. Before any fault begins it is the imu to the last bit.

    rounded: what the device makes of right samples before their numbers go wrong.
    """

    def __init__(self, imu: Imu, faults: Sequence[Fault], rounded: Callable[[Samples], Samples] | None = None) -> None:
        self._imu, self._rounded = imu, rounded
        self._clocks = [f for f in faults if isinstance(f, ClockFault)]
        self._moved = [f.begin(imu) for f in faults if isinstance(f, PlaceFault)]
        self._spoilers = [f.begin() for f in faults if isinstance(f, SampleFault)]

    @property
    def settings(self) -> SensorSettings:
        """Those of the sensor beneath."""
        return self._imu.settings

    def samples(self, time_s: Floats) -> Samples:
        """What the sensor gives for `time_s` (n,), stated."""
        taken_s = time_s
        for clock in self._clocks:
            taken_s = clock.true_time(taken_s)
        _, _, acc, gyr = self._imu.true_motion(taken_s)
        for moved in self._moved:
            acc, gyr = moved(taken_s, acc, gyr)
        right = self._imu.measured(taken_s, acc, gyr)
        if self._rounded is not None:
            right = self._rounded(right)
        given = Samples(time_s, right.acc, right.gyr, right.saturated)
        for spoil in self._spoilers:
            given = spoil(given)
        return given
