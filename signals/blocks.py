"""Samples: what a codec makes of packets (`SampleBlock`) and the same with session time (`TimedBlock`).

SI units only, arrays are read-only. Every per-sample array has the same length n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def _freeze(block: object, per_sample: dict[str, tuple[int, ...]], n: int) -> None:
    for name, tail in per_sample.items():
        array = getattr(block, name)
        if array is None:
            continue
        if array.shape != (n, *tail):
            raise ValueError(f"{type(block).__name__}.{name} has shape {array.shape}, expected {(n, *tail)}")
        array.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class SampleBlock:
    """Decoded samples of one sensor, possibly of several packets.

    packet (n,): index, within the `feed` call that returned this block, of the packet that completed the sample.
    device_time_s (n,): the device's own clock, unwrapped, seconds; None where the device has none.
    acc (n, 3): specific force, m/s² (+9.81 along the axis that points up at rest), sensor frame.
    gyr (n, 3): angular rate, rad/s, sensor frame; None where the device sends none.
    quat (n, 4): the device's own orientation, w x y z, sensor → earth, z up; None where there is none.
    lost (n,): samples known to be lost immediately before this one.
    saturated (n,): a channel of this sample was at the end of its range.
    restart (n,): the device's clock started anew immediately before this sample.
    rate_hz: nominal sample rate. lost_exact: `lost` comes from a counter or clock, else it is an estimate.
    """

    rate_hz: float
    packet: Ints
    device_time_s: Floats | None
    acc: Floats
    gyr: Floats | None
    quat: Floats | None
    lost: Ints
    saturated: Bools
    restart: Bools
    lost_exact: bool = True

    def __post_init__(self) -> None:
        _freeze(self, _SAMPLE_ARRAYS | {"packet": (), "device_time_s": ()}, len(self.acc))

    def __len__(self) -> int:
        return len(self.acc)


@dataclass(frozen=True, slots=True, eq=False)
class TimedBlock:
    """Samples of one sensor on the session's time line.

    sensor: the key of `signals.session.Sensor`. seq (n,): sequence number of the event that brought the sample.
    time_s (n,): session time, seconds, strictly increasing. device_time_s (n,): as in `SampleBlock`; equal to
    time_s where the device has no clock. The other fields are those of `SampleBlock`.
    """

    sensor: str
    rate_hz: float
    seq: Ints
    time_s: Floats
    device_time_s: Floats
    acc: Floats
    gyr: Floats | None
    quat: Floats | None
    lost: Ints
    saturated: Bools
    restart: Bools

    def __post_init__(self) -> None:
        _freeze(self, _SAMPLE_ARRAYS | {"seq": (), "time_s": (), "device_time_s": ()}, len(self.acc))

    def __len__(self) -> int:
        return len(self.acc)


_SAMPLE_ARRAYS: dict[str, tuple[int, ...]] = {
    "acc": (3,),
    "gyr": (3,),
    "quat": (4,),
    "lost": (),
    "saturated": (),
    "restart": (),
}
