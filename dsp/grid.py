"""The common time grid: when a tick is final, and every sensor's orientation at it.

Tick k stands at session time k / rate. It is final when every sensor has passed it, or `patience_s` of event time after
it; a sensor that has not passed it by then is missing there, for ever. Both are read off sequence numbers, so the rows
do not depend on how the events are cut into chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dsp import rotation
from dsp.orientation import OrientedSamples
from dsp.results import TICK_HZ, Flags
from signals.blocks import Bools, Floats, Ints
from signals.quality import Quality
from signals.session import PATIENCE_S

RATE_HZ = TICK_HZ
HOLE_S = 0.1
"""Across a longer hole between two samples an orientation is not interpolated but missing."""
SATURATION_S = 2.0
"""How long a saturated sample leaves the orientation doubtful."""
FAST_RAD_S = np.radians(400.0)
"""Angular rate beyond which the published accuracy figures say nothing."""
MOTION_STRIDE = 10
"""Ticks between two instants at which a sensor's motion is given."""
NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class GridRows:
    """One sensor at m consecutive ticks: quat (4, m) NaN where missing, present (m,), heading_epoch (m,) -1 where missing,
    quality (m,) bits of this sensor. motion (6, k): see `OrientedSamples`, at the ticks whose numbers are multiples of
    `MOTION_STRIDE`, NaN where missing; None where it is not known."""

    quat: Floats
    present: Bools
    heading_epoch: Flags
    quality: Flags
    motion: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """m consecutive final ticks: number of the first, session time (m,), each sensor's rows by key."""

    first: int
    time_s: Floats
    sensors: dict[str, GridRows]

    def __len__(self) -> int:
        return len(self.time_s)

    def part(self, start: int, stop: int) -> Ticks:
        """Ticks start … stop of these."""
        strides = slice(*(-(-(self.first + i) // MOTION_STRIDE) - -(-self.first // MOTION_STRIDE) for i in (start, stop)))
        cut = {
            key: GridRows(
                g.quat[:, start:stop],
                g.present[start:stop],
                g.heading_epoch[start:stop],
                g.quality[start:stop],
                None if g.motion is None else g.motion[:, strides],
            )
            for key, g in self.sensors.items()
        }
        return Ticks(self.first + start, self.time_s[start:stop], cut)

    @classmethod
    def join(cls, parts: Sequence[Ticks]) -> Ticks:
        """Consecutive parts as one."""
        rows = {
            key: GridRows(
                np.concatenate([p.sensors[key].quat for p in parts], axis=1),
                np.concatenate([p.sensors[key].present for p in parts]),
                np.concatenate([p.sensors[key].heading_epoch for p in parts]),
                np.concatenate([p.sensors[key].quality for p in parts]),
            )
            for key in parts[0].sensors
        }
        return cls(parts[0].first, np.concatenate([p.time_s for p in parts]), rows)


class SensorTrack:
    """Oriented samples of one sensor that ticks still need; interpolates them onto ticks."""

    def __init__(self) -> None:
        self._ordinary_s = self._hole_s = HOLE_S
        self.late_ticks = 0
        """Ticks that became final before this sensor had passed them."""
        self._time: Floats = np.empty(0)
        self._seq: Ints = np.empty(0, np.int64)
        self._quat: Floats = np.empty((4, 0))
        self._epoch: Flags = np.empty(0, np.int32)
        self._clipped_s: Floats = np.empty(0)
        self._device = False
        self._motion: Floats | None = np.empty((6, 0))
        """None once samples have come without."""

    @property
    def first_s(self) -> float | None:
        return float(self._time[0]) if len(self._time) else None

    @property
    def last_s(self) -> float | None:
        return float(self._time[-1]) if len(self._time) else None

    @property
    def first_seq(self) -> int:
        return int(self._seq[0]) if len(self._seq) else NEVER

    def add(self, samples: OrientedSamples, rate_hz: float) -> None:
        """Samples that follow those already here; rate_hz is the sensor's nominal rate."""
        if not len(samples):
            return
        self._ordinary_s = 1.5 / rate_hz
        # below 10 samples a second neighbouring samples are further apart than a hole; they still bracket a tick
        self._hole_s = max(HOLE_S + 1e-9, self._ordinary_s)
        if samples.saturated.any():
            self._clipped_s = np.concatenate((self._clipped_s, samples.time_s[samples.saturated]))
        self._time = np.concatenate((self._time, samples.time_s))
        self._seq = np.concatenate((self._seq, samples.seq))
        self._quat = np.concatenate((self._quat, samples.quat), axis=1)
        self._epoch = np.concatenate((self._epoch, samples.heading_epoch))
        self._device = samples.device
        if samples.motion is None or self._motion is None:
            self._motion = None
        else:
            self._motion = np.concatenate((self._motion, samples.motion), axis=1)

    def passed(self, ticks_s: Floats) -> Bools:
        """Whether the sensor has passed each tick."""
        return np.asarray(self._time.searchsorted(ticks_s) < len(self._time))

    def at(self, ticks_s: Floats, deadline: Ints, first: int) -> GridRows:
        """Rows at ticks whose deadline is the event number `deadline` (m,); first: number of the first."""
        m = len(ticks_s)
        if not len(self._time):
            self.late_ticks += m
            flags = np.full(m, int(Quality.LATE), np.int32)
            return GridRows(np.full((4, m), np.nan), np.zeros(m, np.bool_), np.full(m, -1, np.int32), flags)
        after = np.searchsorted(self._time, ticks_s, side="left")
        # a tick that stands exactly on the first sample needs no sample before it
        inside = (ticks_s >= self._time[0]) & (after < len(self._time))
        after = np.minimum(after, len(self._time) - 1)
        before = np.maximum(after - 1, 0)
        t0, t1 = self._time[before], self._time[after]
        in_time = inside & (self._seq[after] <= deadline)
        self.late_ticks += m - int(np.count_nonzero(in_time))
        step = np.where(before == after, self._ordinary_s, t1 - t0)
        bracket = (step <= self._hole_s) & (self._epoch[before] == self._epoch[after])
        present = in_time & bracket
        low, high = self._quat.take(before, axis=1), self._quat.take(after, axis=1)
        fraction = (ticks_s - t0) / step
        cosine = rotation.half_turn_cosine(low, high)
        quat = rotation.interpolate(low, high, fraction, cosine)
        # cos x < 1 - x²/2 + … is used for the small half-turn between two samples
        half = 0.5 * FAST_RAD_S * step
        fast, wide = np.abs(cosine) < 1.0 - 0.5 * half * half, step > self._ordinary_s
        flags, epoch = np.zeros(m, np.int32), self._epoch[after]
        whole = bool(present.all())
        if not whole:
            quat[:, ~present] = np.nan
            epoch = np.where(present, epoch, -1).astype(np.int32)
        # the usual case: nothing is to be said
        if not whole or len(self._clipped_s) or self._device or (fast | wide).any():
            for flag, where in (
                (Quality.GAP, in_time & (wide | ~bracket)),
                (Quality.LATE, ~in_time),
                (Quality.SATURATED, present & (ticks_s - self._last_clipped(after) < SATURATION_S)),
                (Quality.FAST, present & fast),
                (Quality.DEVICE_ORIENTATION, present & self._device),
            ):
                flags[where] |= np.int32(flag)
        motion = None
        if self._motion is not None:
            part = slice((-first) % MOTION_STRIDE, None, MOTION_STRIDE)
            start, end = self._motion[:, before[part]], self._motion[:, after[part]]
            motion = start + (end - start) * fraction[part]
            motion[:, ~present[part]] = np.nan
        return GridRows(quat, present, epoch, flags, motion)

    def _last_clipped(self, samples: Ints) -> Floats | float:
        """Time of the last saturated sample up to each of these samples (m,)."""
        if not len(self._clipped_s):
            return -np.inf
        k = self._clipped_s.searchsorted(self._time[samples], side="right")
        return np.where(k > 0, self._clipped_s[np.maximum(k - 1, 0)], -np.inf)

    def forget(self, before_s: float) -> None:
        """Drop samples that no tick from `before_s` on can need."""
        keep = max(int(np.searchsorted(self._time, before_s, side="left")) - 1, 0)
        if keep:
            self._time, self._seq = self._time[keep:], self._seq[keep:]
            self._quat, self._epoch = self._quat[:, keep:], self._epoch[keep:]
            self._clipped_s = self._clipped_s[max(int(self._clipped_s.searchsorted(self._time[0])) - 1, 0) :]
            if self._motion is not None:
                self._motion = self._motion[:, keep:]


class Grid:
    """Makes final ticks out of all sensors' tracks and the passing of event time."""

    def __init__(self, tracks: dict[str, SensorTrack], rate_hz: float = RATE_HZ, patience_s: float = PATIENCE_S) -> None:
        self._tracks = tracks
        self.rate_hz = self._rate = rate_hz
        self._patience = patience_s
        self._next: int | None = None
        self._event_seq: Ints = np.empty(0, np.int64)
        self._event_s: Floats = np.empty(0)

    def feed(self, event_seq: Ints, event_s: Floats) -> Ticks:
        """Ticks that are final after the events `event_seq` (e,), at running event time `event_s` (e,), non-decreasing."""
        self._event_seq = np.concatenate((self._event_seq, event_seq))
        self._event_s = np.concatenate((self._event_s, event_s))
        if not len(self._event_s) or not self._started():
            return self._rows(0, np.empty(0, np.int64))
        assert self._next is not None
        horizon = float(self._event_s[-1])
        ahead = [t.last_s for t in self._tracks.values() if t.last_s is not None]
        last = max(horizon - self._patience, min(ahead) if len(ahead) == len(self._tracks) else -np.inf)
        ticks = np.arange(self._next, int(np.floor(last * self._rate)) + 2)
        ticks_s = ticks / self._rate
        due = np.searchsorted(self._event_s, ticks_s + self._patience, side="left")
        # event time has come far enough for the first of them; the others are final once every sensor has passed them
        reached = int(np.searchsorted(due, len(self._event_s)))
        all_passed = np.ones(len(ticks) - reached, np.bool_)
        for track in self._tracks.values():
            all_passed &= track.passed(ticks_s[reached:])
        count = reached + (len(all_passed) if all_passed.all() else int(np.argmin(all_passed)))
        deadline = np.full(count, NEVER)
        deadline[:reached] = self._event_seq[due[:reached]]
        return self._rows(count, deadline)

    def finish(self) -> Ticks:
        """The remaining ticks at the end of the log: nothing more can arrive, so what is there counts."""
        if self._next is None and not self._started():
            return self._rows(0, np.empty(0, np.int64))
        assert self._next is not None
        last = max(t.last_s for t in self._tracks.values() if t.last_s is not None)
        count = max(int(np.floor(last * self._rate)) + 1 - self._next, 0)
        return self._rows(count, np.full(count, NEVER))

    def _started(self) -> bool:
        """The first tick is the first one not before the first sample that arrived."""
        if self._next is None:
            begun = [t for t in self._tracks.values() if t.first_s is not None]
            if not begun:
                return False
            first = min(begun, key=lambda t: t.first_seq)
            self._next = int(np.ceil((first.first_s or 0.0) * self._rate))
        return True

    def _rows(self, count: int, deadline: Ints) -> Ticks:
        first = self._next or 0
        time_s = np.arange(first, first + count) / self._rate
        rows = {key: track.at(time_s, deadline, first) for key, track in self._tracks.items()}
        if count:
            self._next = first + count
            start_s = self._next / self._rate
            for track in self._tracks.values():
                track.forget(start_s)
            passed = max(int(np.searchsorted(self._event_s, start_s + self._patience, side="left")) - 1, 0)
            self._event_s, self._event_seq = self._event_s[passed:], self._event_seq[passed:]
        return Ticks(first, time_s, rows)
