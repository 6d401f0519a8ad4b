"""Ticks of the common time grid: tick k is at session time k / rate, and holds the orientation of every sensor at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from body_signals import Bools, Floats
from dsp.results import TICK_HZ, Flags

RATE_HZ = TICK_HZ
MOTION_STRIDE = 10
"""Ticks between two instants at which a sensor's motion is output (ours)."""
LOOK_STRIDE = 20
"""Ticks between two evaluations of slow quantities, such as relative headings and slips; they are at tick numbers that are
multiples of it, whatever the chunking (ours)."""
PIECE = 32_768
"""Most ticks computed at once (ours): a stretch of a replay as a whole, since putting pieces together costs time."""


@dataclass(frozen=True, slots=True, eq=False)
class GridRows:
    """One sensor at m consecutive ticks: quat (4, m) NaN where missing, present (m,), heading_epoch (m,) -1 where missing,
    quality (m,) bits of this sensor. motion (6, k): see `OrientedSamples`, at the ticks whose numbers are multiples of
    `MOTION_STRIDE`, NaN where missing; None where it is not known. tilt_variance, shaken (m,): see `OrientedSamples`."""

    quat: Floats
    present: Bools
    heading_epoch: Flags
    quality: Flags
    motion: Floats | None = None
    tilt_variance: Floats | None = None
    shaken: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """m consecutive final ticks of s sensors: number of the first, session time (m,), the sensors' keys, and for all sensors
    the values that `GridRows` has for one: quat (4, s, m), present, heading_epoch, quality, tilt_variance and shaken (s, m), 0
    where they are not known, motion by key."""

    first: int
    time_s: Floats
    keys: tuple[str, ...]
    quat: Floats
    present: Bools
    heading_epoch: Flags
    quality: Flags
    tilt_variance: Floats
    shaken: Floats
    motion: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.time_s)

    @classmethod
    def of(cls, first: int, time_s: Floats, rows: Mapping[str, GridRows]) -> Ticks:
        """From the rows of single sensors."""
        each = list(rows.values())
        return cls(
            first,
            time_s,
            tuple(rows),
            np.stack([r.quat for r in each], axis=1),
            np.stack([r.present for r in each]),
            np.stack([r.heading_epoch for r in each]),
            np.stack([r.quality for r in each]),
            _stacked([r.tilt_variance for r in each], len(time_s)),
            _stacked([r.shaken for r in each], len(time_s)),
            {key: r.motion for key, r in rows.items() if r.motion is not None},
        )

    def sensor(self, key: str) -> GridRows:
        """One sensor's rows."""
        i = self.keys.index(key)
        return GridRows(
            self.quat[:, i],
            self.present[i],
            self.heading_epoch[i],
            self.quality[i],
            self.motion.get(key),
            self.tilt_variance[i],
            self.shaken[i],
        )

    def turned(self, quat: Floats) -> Ticks:
        """These ticks with other orientations (4, s, m)."""
        return Ticks(
            self.first,
            self.time_s,
            self.keys,
            quat,
            self.present,
            self.heading_epoch,
            self.quality,
            self.tilt_variance,
            self.shaken,
            self.motion,
        )

    @property
    def sensors(self) -> dict[str, GridRows]:
        """Every sensor's rows by key."""
        return {key: self.sensor(key) for key in self.keys}

    def part(self, start: int, stop: int) -> Ticks:
        """Ticks start … stop of these."""
        motion = self.motion
        if motion:
            strides = slice(*(-(-(self.first + i) // MOTION_STRIDE) - -(-self.first // MOTION_STRIDE) for i in (start, stop)))
            motion = {key: moved[:, strides] for key, moved in motion.items()}
        return Ticks(
            self.first + start,
            self.time_s[start:stop],
            self.keys,
            self.quat[:, :, start:stop],
            self.present[:, start:stop],
            self.heading_epoch[:, start:stop],
            self.quality[:, start:stop],
            self.tilt_variance[:, start:stop],
            self.shaken[:, start:stop],
            motion,
        )

    @classmethod
    def join(cls, parts: Sequence[Ticks]) -> Ticks:
        """Consecutive parts as one; motion where every part has it."""
        moving = [key for key in parts[0].motion if all(key in p.motion for p in parts)]
        return cls(
            parts[0].first,
            np.concatenate([p.time_s for p in parts]),
            parts[0].keys,
            np.concatenate([p.quat for p in parts], axis=2),
            np.concatenate([p.present for p in parts], axis=1),
            np.concatenate([p.heading_epoch for p in parts], axis=1),
            np.concatenate([p.quality for p in parts], axis=1),
            np.concatenate([p.tilt_variance for p in parts], axis=1),
            np.concatenate([p.shaken for p in parts], axis=1),
            {key: np.concatenate([p.motion[key] for p in parts], axis=1) for key in moving},
        )


def _stacked(rows: Sequence[Floats | None], ticks: int) -> Floats:
    """Rows of single sensors as one (s, m), 0 where they are not known."""
    return np.stack([np.zeros(ticks) if row is None else row for row in rows])


def no_ticks(keys: tuple[str, ...], first: int) -> Ticks:
    """Zero ticks of these sensors, before tick number `first`."""
    return Ticks(first, *_no_values(keys))


@lru_cache(maxsize=16)
def _no_values(keys: tuple[str, ...]) -> tuple[Any, ...]:
    """Of zero ticks of these sensors, all that follows their number."""
    none, missing = np.empty((len(keys), 0)), np.empty((len(keys), 0), np.int32)
    return np.empty(0), keys, np.empty((4, len(keys), 0)), none > 0, missing, missing, none, none, {}


@lru_cache(maxsize=64)
def places(keys: tuple[str, ...], wanted: tuple[str, ...]) -> slice | list[int]:
    """Indices of the wanted keys, in their order: a slice where they are already in this order, which copies nothing. Not to be
    changed: asked for again and again, they are the same."""
    at = [keys.index(key) for key in wanted]
    return slice(at[0], at[-1] + 1) if at and at == list(range(at[0], at[-1] + 1)) else at


def pieces(ticks: int) -> list[slice]:
    """Sizes of the pieces, at most `PIECE` each, in which this many ticks are computed."""
    return [slice(start, min(start + PIECE, ticks)) for start in range(0, ticks, PIECE)]
