"""Samples of one sensor as a file holds them: made by importers, and written to plain sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from body_signals import Floats


@dataclass(frozen=True, slots=True, eq=False)
class PlainSamples:
    """n samples of one sensor, SI units, sensor frame; arrays are made read-only.

    time_s (n,): session time, strictly increasing. acc (n, 3): specific force, m/s². gyr (n, 3): rad/s, or None.
    quat (n, 4): the device's own orientation w x y z, sensor → earth, z up, or None. mag_ut (n, 3): µT, or None.
    Raises ValueError when shapes do not fit or there is neither gyr nor quat.
    """

    time_s: Floats
    acc: Floats
    gyr: Floats | None = None
    quat: Floats | None = None
    mag_ut: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.time_s)
        for name, shape in (("time_s", (n,)), ("acc", (n, 3)), ("gyr", (n, 3)), ("quat", (n, 4)), ("mag_ut", (n, 3))):
            array = getattr(self, name)
            if array is None:
                continue
            if array.shape != shape:
                raise ValueError(f"PlainSamples.{name} has shape {array.shape}, expected {shape}")
            array.flags.writeable = False
        if self.gyr is None and self.quat is None:
            raise ValueError("PlainSamples need gyr or quat")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def first_s(self) -> float:
        """Session time of the first sample."""
        return float(self.time_s[0])

    @property
    def last_s(self) -> float:
        """Session time of the last sample."""
        return float(self.time_s[-1])

    def at_times(self, time_s: Floats) -> PlainSamples:
        """The same samples at these times (n,)."""
        return PlainSamples(time_s, self.acc, self.gyr, self.quat, self.mag_ut)

    def blocks(self) -> Iterator[PlainSamples]:
        """All of them, as one block."""
        yield self


def at_time(time_s: Floats, where: Callable[[int], str], at_s: float) -> str:
    """The place of the first sample at or after session time `at_s`; where: names the place of a sample by its number in time_s
    (n,)."""
    return where(min(int(time_s.searchsorted(at_s)), len(time_s) - 1))
