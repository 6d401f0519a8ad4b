"""Faults of a worn sensor, for tests and benchmarks: each is a small frozen class, with the time at which it begins.

Give faults to `SimulatedAthlete` (or `simulate`, `to_plain`) by placement; the samples of plain sessions and the bytes of
virtual devices then carry them. `FaultyImu` is the same for a single sensor. `spoilt` is for samples that are there already.
"""

from virtual_athlete.faults.clocks import CounterForMilliseconds, FastClock, Late
from virtual_athlete.faults.fault import ClockFault, Fault, PlaceFault, SampleFault, spoilt
from virtual_athlete.faults.faulty_imu import FaultyImu
from virtual_athlete.faults.kinds import FAULT_KINDS, FaultKind
from virtual_athlete.faults.places import Falling, Hanging, OtherSensor, Slid, Tumbling
from virtual_athlete.faults.wrong_samples import (
    AccFlipped,
    AccScaled,
    Clipped,
    DeadAxis,
    Frozen,
    GyrAxesSwapped,
    GyrAxisScaled,
    GyrFlipped,
    GyrScaled,
    LeftHanded,
    Zeros,
)

__all__ = [
    "FAULT_KINDS",
    "AccFlipped",
    "AccScaled",
    "Clipped",
    "ClockFault",
    "CounterForMilliseconds",
    "DeadAxis",
    "Falling",
    "FastClock",
    "Fault",
    "FaultKind",
    "FaultyImu",
    "Frozen",
    "GyrAxesSwapped",
    "GyrAxisScaled",
    "GyrFlipped",
    "GyrScaled",
    "Hanging",
    "Late",
    "LeftHanded",
    "OtherSensor",
    "PlaceFault",
    "SampleFault",
    "Slid",
    "Tumbling",
    "Zeros",
    "spoilt",
]
