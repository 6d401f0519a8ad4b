"""The samples of each sensor that ticks still need, and the orientations and quality that ticks have from them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from body_signals import Bools, Floats, Ints, Quality
from dsp import rotation
from dsp.grid.ticks import MOTION_STRIDE, PIECE, Ticks, pieces
from dsp.orientation.filter import OrientedSamples
from dsp.results import Flags

HOLE_S = 0.1
"""Longest gap between two samples, s, across which an orientation is interpolated; beyond it, it is missing (ours)."""
RECOVERY_S = 9.0
"""Time, s, for which the orientation is doubtful after a gap that the filter could not bridge: three time constants of VQF's
inclination (Laidig and Seel 2023)."""
SATURATION_S = 15.0
"""Time, s, for which it is doubtful after a saturated sample: the heading needs the next movements to recover (ours)."""
RECOVERY_BEFORE_S = 6.0
"""Time, s, for which it is doubtful before either, where the orientations are two-sided (ours)."""
FAST_RAD_S = np.radians(400.0)
"""Angular rate beyond which the accuracy figures of docs/accuracy.md do not apply (ours)."""
_SEQ, _TILT, _SHAKEN, _TIME, _EPOCH, _QUAT = 0, 1, 2, 3, 4, slice(5, 9)
"""Rows of a track's array of samples."""
_ROWS = _QUAT.stop
_BEFORE = slice(_TIME, _ROWS)
"""Rows that a tick needs of the sample before it."""


class SensorTrack:
    """Oriented samples of one sensor that ticks still need. two_sided: the effect of a faulty sample also extends backwards."""

    def __init__(self, *, two_sided: bool = False) -> None:
        self._before_s = RECOVERY_BEFORE_S if two_sided else 0.0
        self.ordinary_s = self.hole_s = HOLE_S
        """Longest ordinary step between two samples; longest step across which an orientation is interpolated."""
        self.late_ticks = 0
        """Ticks that became final before this sensor had passed them."""
        self.device = False
        """Whether the orientations are the device's own."""
        self.clipped_s: Floats = np.empty(0)
        """Times of the saturated samples."""
        self.anew_s: Floats = np.empty(0)
        """Times of samples at which the filter restarted after a gap."""
        self.ended_s: Floats = np.empty(0)
        """Times of the samples before these gaps, for smoothed samples."""
        self._epoch = -1
        self._flags_s: Floats = np.empty(0)
        self._flags: Flags = np.empty(0, np.int32)
        """Times of samples from which other flags hold, and these flags."""
        self._flags_now = 0
        self._kept: Floats = np.empty((_ROWS, 256))
        self._motion: Floats | None = np.empty((6, 256))
        """None once samples without motion have arrived."""
        self._start = self._stop = 0
        self.first_s, self.last_s = math.inf, -math.inf
        """Times of the oldest and of the latest sample; the end of time and its beginning without any."""

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def first_seq(self) -> float:
        return self._kept.item(_SEQ, self._start) if len(self) else math.inf

    def add(self, samples: OrientedSamples, rate_hz: float) -> None:
        """Add the next samples; rate_hz is the sensor's nominal rate."""
        n = len(samples)
        if not n:
            return
        self.ordinary_s = 1.5 / rate_hz
        # below 10 samples a second neighbouring samples are further apart than a gap; they still bracket a tick
        self.hole_s = max(HOLE_S + 1e-9, self.ordinary_s)
        if self._flags_now or np.count_nonzero(samples.flags):
            self._take_flags(samples)
        if int(samples.heading_epoch.max()) > self._epoch:
            self._begin_anew(samples)
        if self._stop + n > self._kept.shape[1]:
            self._make_room(n)
        part = slice(self._stop, self._stop + n)
        new = self._kept[:, part]
        new[_TIME], new[_SEQ], new[_EPOCH] = samples.time_s, samples.seq, samples.heading_epoch
        new[_TILT] = 0.0 if samples.tilt_variance is None else samples.tilt_variance
        new[_SHAKEN] = 0.0 if samples.shaken is None else samples.shaken
        new[_QUAT] = samples.quat
        self.device = samples.device
        if samples.motion is None:
            self._motion = None
        elif self._motion is not None:
            self._motion[:, part] = samples.motion
        if self._stop == self._start:
            self.first_s = samples.time_s.item(0)
        self.last_s = samples.time_s.item(-1)
        self._stop += n

    def _begin_anew(self, samples: OrientedSamples) -> None:
        """Note where the heading epoch changes; its first value is not a change."""
        known = np.maximum.accumulate(np.concatenate(([self._epoch], samples.heading_epoch)))
        changes = np.flatnonzero((known[1:] > known[:-1]) & (known[:-1] >= 0))
        self.anew_s = np.concatenate((self.anew_s, samples.time_s[changes]))
        self.ended_s = np.concatenate((self.ended_s, samples.time_s[np.maximum(changes - 1, 0)]))
        self._epoch = int(known[-1])

    def _take_flags(self, samples: OrientedSamples) -> None:
        """Take the samples' flags: saturation has a lasting effect, the others hold from sample to sample."""
        saturated = samples.flags & np.int32(Quality.SATURATED) != 0
        if saturated.any():
            self.clipped_s = np.concatenate((self.clipped_s, samples.time_s[saturated]))
        others = samples.flags & ~np.int32(Quality.SATURATED)
        changes = np.flatnonzero(np.diff(others, prepend=np.int32(self._flags_now)))
        if len(changes):
            self._flags_s = np.concatenate((self._flags_s, samples.time_s[changes]))
            self._flags = np.concatenate((self._flags, others[changes]))
            self._flags_now = int(others[-1])

    def flags(self, times_s: Floats) -> Flags | None:
        """Flags (m,) of the samples at these times, saturation apart; None where there are none."""
        if not len(self._flags):
            return None
        at = self._flags_s.searchsorted(times_s, side="right") - 1
        return np.where(at >= 0, self._flags[np.maximum(at, 0)], np.int32(0))

    def _make_room(self, n: int) -> None:
        """Move the kept samples to the beginning, of larger arrays where there is not enough room."""
        old, have, room = slice(self._start, self._stop), len(self), self._kept.shape[1]
        room = room if 2 * (have + n) <= room else 2 * (have + n)
        self._kept = _moved(self._kept, old, room)
        self._motion = None if self._motion is None else _moved(self._motion, old, room)
        self._start, self._stop = 0, have

    def around(self, ticks_s: Floats, low: Floats, high: Floats) -> tuple[Ints | slice, Ints | slice]:
        """Put the samples before and after each tick (m,) into low, of which only `_BEFORE`, and high (rows, m); returns which
        they are. A tick at or before the first sample has the first twice, a tick after the last has the last two."""
        kept = self._kept[:, self._start : self._stop]
        time_s, n, m = kept[_TIME], kept.shape[1], len(ticks_s)
        ends = time_s.searchsorted(ticks_s[:: max(m - 1, 1)])
        first, last = ends.item(0), ends.item(-1)
        step, left = divmod(last - first, max(m - 1, 1))
        if first and last < n and not left and (step or m == 1):
            # one sample, or the same number of samples, for each tick: the usual case, if they are on either side of it
            step = max(step, 1)
            earlier, later = slice(first - 1, last, step), slice(first, last + 1, step)
            # the first and the last are
            if m <= 2 or bool(((time_s[earlier] < ticks_s) & (ticks_s <= time_s[later])).all()):
                low[_BEFORE], high[...] = kept[_BEFORE, earlier], kept[:, later]
                return earlier, later
        after = np.minimum(time_s.searchsorted(ticks_s), n - 1)
        before = np.maximum(after - 1, 0)
        # out of the whole array, straight to where they belong: nothing is copied besides
        self._kept[_BEFORE].take(before + self._start, axis=1, out=low[_BEFORE], mode="clip")
        self._kept.take(after + self._start, axis=1, out=high, mode="clip")
        return before, after

    def motion(self, before: Ints | slice, after: Ints | slice, some: slice, fraction: Floats) -> Floats | None:
        """Motion (6, k) at `fraction` (k,) between some of these samples; None where it is not known."""
        if self._motion is None:
            return None
        kept = self._motion[:, self._start : self._stop]
        start, end = kept[:, before][:, some], kept[:, after][:, some]
        return np.asarray(start + (end - start) * fraction)

    def doubtful(self, from_s: Floats, to_s: Floats, ticks_s: Floats, seen_s: Floats, lasts_s: float) -> Bools:
        """The ticks (m,) that follow one of the times from_s (k,), in order, by less than `lasts_s`, or precede one of to_s
        (k,) by less than the reach of smoothing. seen_s (m,): time of the sample after each tick, up to which times are
        known."""
        k = from_s.searchsorted(seen_s, side="right")
        found = (k > 0) & (ticks_s - from_s[np.maximum(k - 1, 0)] < lasts_s)
        if self._before_s:
            k = to_s.searchsorted(ticks_s, side="left")
            found |= (k < len(to_s)) & (to_s[np.minimum(k, len(to_s) - 1)] - ticks_s < self._before_s)
        return np.asarray(found)

    def forget(self, before_s: float) -> None:
        """Drop samples that no tick from `before_s` on can need."""
        keep = int(self._kept[_TIME, self._start : self._stop].searchsorted(before_s)) - 1
        if keep > 0:
            self._start += keep
            self.first_s = self._kept.item(_TIME, self._start)
            if len(self.clipped_s):
                self.clipped_s = self.clipped_s[max(int(self.clipped_s.searchsorted(self.first_s)) - 1, 0) :]
            if len(self.anew_s):
                old = max(int(self.anew_s.searchsorted(self.first_s)) - 1, 0)
                self.anew_s, self.ended_s = self.anew_s[old:], self.ended_s[old:]
            if len(self._flags_s) > 1:
                old = max(int(self._flags_s.searchsorted(self.first_s, side="right")) - 1, 0)
                self._flags_s, self._flags = self._flags_s[old:], self._flags[old:]


def _moved(rows: Floats, old: slice, room: int) -> Floats:
    """Rows with room for this many samples, beginning with these old ones; the same array where it has the room."""
    new = rows if rows.shape[1] == room else np.empty((len(rows), room))
    new[:, : old.stop - old.start] = rows[:, old].copy()
    return new


def at_ticks(tracks: Mapping[str, SensorTrack], first: int, time_s: Floats, deadline: Ints) -> Ticks:
    """Ticks at time_s (m,), the first of number `first`, whose deadline is the event number `deadline` (m,)."""
    if len(time_s) > PIECE:
        cut = pieces(len(time_s))
        return Ticks.join([at_ticks(tracks, first + part.start, time_s[part], deadline[part]) for part in cut])
    shape = (len(tracks), len(time_s))
    each_low, each_high = (np.empty((len(tracks), _ROWS, len(time_s))) for _ in range(2))
    found: dict[str, tuple[Ints | slice, Ints | slice]] = {}
    for i, (key, track) in enumerate(tracks.items()):
        if len(track):
            found[key] = track.around(time_s, each_low[i], each_high[i])
        else:
            each_low[i] = each_high[i] = np.nan
    low, high = each_low.swapaxes(0, 1), each_high.swapaxes(0, 1)
    each = np.array([(t.first_s, t.last_s, t.ordinary_s, t.hole_s) for t in tracks.values()])
    first_s, last_s, ordinary, hole = each.T[:, :, None]
    # a tick exactly at the first sample needs no sample before it
    in_time = (time_s >= first_s) & (time_s <= last_s) & (high[_SEQ] <= deadline)
    step = high[_TIME] - low[_TIME]
    if np.count_nonzero(step) < step.size:
        step = np.where(step == 0.0, ordinary, step)
    present = in_time & (step <= hole) & (low[_EPOCH] == high[_EPOCH]) & (high[_EPOCH] >= 0)
    fraction = (time_s - low[_TIME]) / step
    cosine = rotation.half_turn_cosine(low[_QUAT], high[_QUAT])
    quat = rotation.interpolate(low[_QUAT], high[_QUAT], fraction, cosine)
    # cos x < 1 - x²/2 + … is used for the small half-turn between two samples
    half = 0.5 * FAST_RAD_S * step
    fast, wide = np.abs(cosine) < 1.0 - 0.5 * half * half, step > ordinary
    epoch, quality = high[_EPOCH], np.zeros(shape, np.int32)
    if np.count_nonzero(present) < present.size:
        quat[:, ~present] = np.nan
        epoch = np.where(present, epoch, -1.0)
        for i, track in enumerate(tracks.values()):
            track.late_ticks += shape[1] - int(np.count_nonzero(in_time[i]))
        quality[in_time & ~present] |= np.int32(Quality.GAP)
        quality[~in_time] |= np.int32(Quality.LATE)
    if np.count_nonzero(fast | wide):
        quality[in_time & wide] |= np.int32(Quality.GAP)
        quality[present & fast] |= np.int32(Quality.FAST)
    motion: dict[str, Floats] = {}
    for i, (key, track) in enumerate(tracks.items()):
        if track.device:
            quality[i, present[i]] |= np.int32(Quality.DEVICE_ORIENTATION)
        if len(track.clipped_s):
            clipped = present[i] & track.doubtful(track.clipped_s, track.clipped_s, time_s, high[_TIME, i], SATURATION_S)
            quality[i, clipped] |= np.int32(Quality.SATURATED)
        if len(track.anew_s):
            anew = present[i] & track.doubtful(track.anew_s, track.ended_s, time_s, high[_TIME, i], RECOVERY_S)
            quality[i, anew] |= np.int32(Quality.GAP | Quality.LOW_CONFIDENCE)
        told = track.flags(high[_TIME, i])
        if told is not None:
            quality[i] |= told
        if key in found:
            part = slice((-first) % MOTION_STRIDE, None, MOTION_STRIDE)
            before, after = found[key]
            moved = track.motion(before, after, part, fraction[i, part])
            if moved is not None:
                moved[:, ~present[i, part]] = np.nan
                motion[key] = moved
    return Ticks(
        first, time_s, tuple(tracks), quat, present, epoch.astype(np.int32), quality, high[_TILT], high[_SHAKEN], motion
    )
