"""Samples as a codec decodes them from packets (`SampleBlock`), and the same samples with session time (`TimedBlock`).

SI units only, arrays are read-only. Every per-sample array has the same length n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

G0: Final = 9.80665
"""Standard gravity, m/s² (CGPM, 1901): the unit of devices that report g."""


_Arrays = tuple[tuple[str, NDArray[Any] | None, tuple[int, ...]], ...]


def _freeze(block: object, arrays: _Arrays) -> None:
    """Check the shape of each array by its name and set it read-only; None passes."""
    for name, array, shape in arrays:
        if array is None:
            continue
        if array.shape != shape:
            raise ValueError(f"{type(block).__name__}.{name} has shape {array.shape}, expected {shape}")
        array.setflags(write=False)


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
    restart (n,): the device's clock restarted immediately before this sample.
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
        one = (len(self.acc),)
        own: _Arrays = (("packet", self.packet, one), ("device_time_s", self.device_time_s, one))
        _freeze(self, own + _shared(self, one))

    def __len__(self) -> int:
        return len(self.acc)


@dataclass(frozen=True, slots=True, eq=False)
class TimedBlock:
    """Samples of one sensor on the session's time line.

    sensor: the key of `body_signals.session.Sensor`. seq (n,): sequence number of the event that brought the sample.
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
    other: Bools | None = None
    """(n,) marks the first sample of another sensor in this sensor's place; None where there is none."""

    def __post_init__(self) -> None:
        one = (len(self.acc),)
        own: _Arrays = (
            ("other", self.other, one),
            ("seq", self.seq, one),
            ("time_s", self.time_s, one),
            ("device_time_s", self.device_time_s, one),
        )
        _freeze(self, own + _shared(self, one))

    def __len__(self) -> int:
        return len(self.acc)


def _shared(block: SampleBlock | TimedBlock, one: tuple[int]) -> _Arrays:
    """The arrays that the two kinds of block share; one: shape of an array with one value per sample."""
    return (
        ("acc", block.acc, (*one, 3)),
        ("gyr", block.gyr, (*one, 3)),
        ("quat", block.quat, (*one, 4)),
        ("lost", block.lost, one),
        ("saturated", block.saturated, one),
        ("restart", block.restart, one),
    )
