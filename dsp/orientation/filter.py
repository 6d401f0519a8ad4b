"""Orientation of one sensor from its samples: VQF, magnetometer-free, causal (`CausalOrientation`) or two-sided (`smoothed`).

Contract: samples of one sensor in time order in, one quaternion per sample out. A gap of at most `BRIDGE_S` is filled
with linearly interpolated samples; a longer one, or a restarted device, begins a new segment with a new heading
epoch. Worn sensors take their gyroscope bias from the quiet standing after a calibrate mark.

Source: D. Laidig, T. Seel, VQF: Highly accurate IMU orientation estimation with bias estimation and magnetic
disturbance rejection, Information Fusion 91, 2023, doi 10.1016/j.inffus.2022.10.014.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from body_signals import Bools, Floats, Ints, Quality, TimedBlock
from dsp import rotation
from dsp.alignment.standing import FULL_S, Standing, StandingWatch, shortness
from dsp.orientation.acceleration_level import AccelerationLevel
from dsp.orientation.sensor_errors import BIAS_SIGMA_RAD_S, SensorErrors
from dsp.orientation.strapdown import StrapdownFilter, two_sided
from dsp.results import Flags

BRIDGE_S = 0.25
"""Longest gap, s, that is filled with interpolated samples; beyond it the heading is no longer trusted (ours)."""

EVEN_SHARE = 3e-4
"""Largest deviation of a step from the period, as a part of it, that counts as rounding or crystal drift (ours)."""

WORN_REST_DEG_S = 0.5
"""VQF's rest threshold for worn sensors: a standing body sways at 1-2 °/s and is not at rest (ours; VQF's
default is 2)."""

STANDING_BIAS_SIGMA_DEG_S = 0.2
"""Standard deviation left in a gyroscope bias taken from a few seconds of swaying standing (ours)."""
BIAS_SPREAD_DEG_S = 1.0
"""Prior standard deviation of gyroscope biases, against which a short standing is weighted (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class OrientedSamples:
    """Orientation at each sample.

    time_s (n,), seq (n,) as in `TimedBlock`; quat (4, n) sensor → earth, NaN for an unusable sample; heading_epoch (n,), -1
    there; flags (n,): quality bits of the sample, such as ``SATURATED``.
    device: the quaternions are the device's own. motion (6, n): running integral of the specific force, m/s, and the
    angular rate, rad/s, both in the earth frame; None where it was not asked for. tilt_variance (n,): of the inclination, rad²,
    from the accelerations of the last seconds; shaken (n,): mean square of the horizontal force on it, in units of gravity
    squared; both None where they are not known.
    """

    time_s: Floats
    seq: Ints
    quat: Floats
    heading_epoch: Flags
    flags: Flags
    device: bool
    motion: Floats | None = None
    tilt_variance: Floats | None = None
    shaken: Floats | None = None

    def __len__(self) -> int:
        return len(self.time_s)

    def with_flags(self, flags: Flags) -> OrientedSamples:
        """The same with more quality bits (n,)."""
        return replace(self, flags=self.flags | flags)

    def among(self, whole: TimedBlock, sound: Bools) -> OrientedSamples:
        """These samples as the sound ones (n,) of a block; the others are missing."""
        n = len(whole)
        quat, epoch, flags = np.full((4, n), np.nan), np.full(n, -1, np.int32), np.zeros(n, np.int32)
        quat[:, sound], epoch[sound], flags[sound] = self.quat, self.heading_epoch, self.flags
        motion, tilt, shaken = None, None, None
        if self.motion is not None:
            motion = np.full((6, n), np.nan)
            motion[:, sound] = self.motion
        if self.tilt_variance is not None:
            tilt = np.zeros(n)
            tilt[sound] = self.tilt_variance
        if self.shaken is not None:
            shaken = np.zeros(n)
            shaken[sound] = self.shaken
        return OrientedSamples(whole.time_s, whole.seq, quat, epoch, flags, self.device, motion, tilt, shaken)


_SATURATED = np.int32(Quality.SATURATED)


def saturated_flags(saturated: Bools) -> Flags:
    """Quality bits (n,) of samples at the end of the range."""
    return saturated * _SATURATED


@dataclass(slots=True)
class SampleCounts:
    """Counts of a sensor: samples, lost samples, saturated samples, and gaps too long to bridge."""

    samples: int = 0
    lost: int = 0
    saturated: int = 0
    gaps: int = 0

    def add(self, block: TimedBlock) -> None:
        self.samples += len(block)
        self.lost += int(block.lost.sum())
        self.saturated += int(np.count_nonzero(block.saturated))

    def left_out(self, block: TimedBlock, sound: Bools) -> None:
        """Count samples of a block that were received but could not be used."""
        self.samples += int(np.count_nonzero(~sound))
        self.lost += int(block.lost[~sound].sum())


def holes(device_time_s: Floats, restart: Bools, last_s: float | None, period_s: float) -> tuple[Floats, Ints, Bools]:
    """Step before each sample (n,) s, samples missing in it (n,), and whether a new segment must begin there (n,).

    last_s: device time of the previous sample, None at the very beginning (which starts a segment).
    """
    step = np.empty_like(device_time_s)
    np.subtract(device_time_s[1:], device_time_s[:-1], out=step[1:])
    step[0] = period_s if last_s is None else device_time_s[0] - last_s
    missing = np.zeros(len(step), np.int64)
    if last_s is not None and step.max() <= 1.5 * period_s and step.min() > 0.0 and not np.count_nonzero(restart):
        # the usual case
        return step, missing, np.zeros(len(step), np.bool_)
    wide = step > 1.5 * period_s
    if wide.any():
        missing[wide] = np.rint(step[wide] / period_s).astype(np.int64) - 1
    fresh = restart | (missing * period_s > BRIDGE_S) | (step <= 0.0)
    if last_s is None and len(fresh):
        fresh[0] = True
    return step, missing, fresh


def per_period(gyr: Floats, step: Floats, missing: Ints, period_s: float) -> Floats:
    """Rates scaled so that rate × nominal period is the rotation over the true step; unchanged next to a gap."""
    factor = step / period_s
    even = np.abs(factor - 1.0) < EVEN_SHARE
    if np.count_nonzero(even) == len(even):
        return gyr
    factor[even | (missing > 0)] = 1.0
    np.clip(factor, 0.5, 1.5, out=factor)
    return np.asarray(gyr * factor[:, None])


def earth_motion(quat: Floats, acc: Floats, gyr: Floats, step: Floats, before: Floats | None) -> Floats:
    """Motion (6, n) as in `OrientedSamples` of samples acc, gyr (n, 3) with orientations (4, n), `step` (n,) s after the one
    before. before (6,): the integral and the specific force (earth frame) at the sample before, None at the beginning."""
    force = rotation.rotate(quat, np.ascontiguousarray(acc.T))
    motion = np.empty((6, len(step)))
    gained = 0.5 * force
    gained[:, 1:] += 0.5 * force[:, :-1]
    gained[:, 0] += 0.5 * (force[:, 0] if before is None else before[3:])
    gained *= step
    if before is not None:
        gained[:, 0] += before[:3]
    # summed one after another, so that the cut into blocks does not matter
    np.cumsum(gained, axis=1, out=motion[:3])
    motion[3:] = rotation.rotate(quat, np.ascontiguousarray(gyr.T))
    return motion


def mean_of_neighbours(gyr: Floats, before: Floats | None, apart: Bools) -> Floats:
    """Mean rate (n, 3) over the step that ends at each sample: the trapezoidal rule, where the filter has the rectangular.

    before (3,): the rate before the first sample, None where there is none. apart (n,): samples whose predecessor is
    missing; they keep their own rate. At 100 Hz and 100 °/s the rectangular rule is half a degree ahead.
    """
    mean = np.empty_like(gyr)
    np.add(gyr[1:], gyr[:-1], out=mean[1:])
    np.add(gyr[0], gyr[0] if before is None else before, out=mean[0])
    mean *= 0.5
    if np.count_nonzero(apart):
        mean[apart] = gyr[apart]
    return mean


def filled_in(missing: Ints, *tracks: tuple[Floats, Floats]) -> tuple[Ints, list[Floats]]:
    """Tracks with this many samples (n,) filled in before each, by linear interpolation from the previous sample. A track: its
    samples (n, 3), and the one before them (3,). Returns the places of the original samples in the full tracks (n,), and
    these."""
    behind = np.repeat(np.arange(len(missing)), missing)
    own = np.arange(len(missing)) + np.cumsum(missing)
    gone = np.delete(np.arange(len(missing) + len(behind)), own)
    wide = missing[behind] + 1.0
    fraction = ((wide - (own[behind] - gone)) / wide)[:, None]
    full_tracks = []
    for rows, before in tracks:
        full = np.empty((len(rows) + len(behind), 3))
        full[own] = rows
        start = np.where((behind > 0)[:, None], rows[behind - 1], before)
        full[gone] = start + (rows[behind] - start) * fraction
        full_tracks.append(full)
    return own, full_tracks


class CausalOrientation:
    """Streaming orientation of one sensor; the result does not depend on how the samples are cut into blocks.

    worn: the sensor sits on a body (rest threshold and standing bias apply).
    """

    def __init__(self, rate_hz: float, *, worn: bool) -> None:
        self.counts = SampleCounts()
        self.standings: dict[float, tuple[Standing, Floats, int]] = {}
        """By calibrate mark: the finished standing, the orientation (4, n) of its samples filtered with its own bias, and the
        heading epoch."""
        self._anew: dict[float, list[float]] = {}
        self._rate_hz, self._period = rate_hz, 1.0 / rate_hz
        self._worn = worn
        self._filter = self._new_filter(None)
        self._level = AccelerationLevel(rate_hz)
        self._bias = np.zeros(3)
        self._biases: Floats = np.empty(0)
        self._bias_known = False
        self._errors: SensorErrors | None = SensorErrors(rate_hz)
        """None after a calibrate mark: from then on the zero of the angles depends on the sensor's uncorrected values."""
        self._last_s: float | None = None
        self._last_quat: Floats | None = None
        self._before: Floats | None = None
        self._last_acc = np.zeros(3)
        self._last_gyr = np.zeros(3)
        self._epoch = -1
        self._yaw: Floats | None = None
        self._marks: list[float] = []
        self._watch: StandingWatch | None = None
        self.with_motion = False
        """Whether `OrientedSamples.motion` is needed; must be set from the beginning, and may be cleared only once."""
        self._motion: Floats | None = None

    def calibrate(self, mark_s: float) -> None:
        """A calibrate mark at session time `mark_s`; samples after it are still to come."""
        if self._worn:
            self._marks.append(mark_s)

    def anew(self, mark_s: float) -> Sequence[float]:
        """Session times at which the search for the standing after a calibrate mark restarted, because the athlete moved."""
        return self._anew.get(mark_s, ())

    def _watch_for(self, mark_s: float) -> StandingWatch:
        """A watch for the standing after a mark; restarts noted by an earlier watch are kept."""
        watch = StandingWatch(mark_s)
        watch.anew_s = self._anew.setdefault(mark_s, watch.anew_s)
        return watch

    def _new_filter(self, sigma_deg_s: float | None) -> StrapdownFilter:
        if not self._worn:
            return StrapdownFilter(self._rate_hz)
        if sigma_deg_s is None:
            return StrapdownFilter(self._rate_hz, restThGyr=WORN_REST_DEG_S)
        return StrapdownFilter(self._rate_hz, restThGyr=WORN_REST_DEG_S, biasSigmaInit=sigma_deg_s)

    def feed(self, block: TimedBlock) -> OrientedSamples:
        """Orientation of the block's samples; device quaternions where there is no gyroscope."""
        self.counts.add(block)
        n = len(block)
        epoch = np.empty(n, np.int32)
        if not n:
            motion = np.empty((6, 0)) if self.with_motion else None
            return OrientedSamples(
                block.time_s, block.seq, np.empty((4, 0)), epoch, epoch, block.gyr is None, motion, np.empty(0)
            )
        if block.gyr is None:
            return self._device(block, epoch)
        quat, tilt = np.empty((4, n)), np.empty((2, n))
        step, missing, fresh = holes(block.device_time_s, block.restart, self._last_s, self._period)
        borders = fresh.nonzero()[0].tolist()
        gyr, apart = block.gyr, fresh | (missing > 0)
        if self._worn:
            gyr = mean_of_neighbours(gyr, self._before, apart)
            self._before = block.gyr[-1]
        gyr = per_period(gyr, step, missing, self._period)
        if borders:
            missing[fresh] = 0
        start = 0
        for border in [*borders, n]:
            if border > start:
                self._run(block, gyr, missing, slice(start, border), quat, tilt, epoch)
            if border < n:
                self._begin_segment()
            start = border
        motion = None
        if n:
            self._last_s = float(block.device_time_s[-1])
            self._last_acc, self._last_gyr = block.acc[-1], gyr[-1]
            if self.with_motion:
                motion = earth_motion(quat, block.acc, block.gyr, step, self._motion)
                last = rotation.rotate(quat[:, -1:], block.acc[-1][:, None])[:, 0]
                self._motion = np.concatenate((motion[:3, -1], last))
        return OrientedSamples(block.time_s, block.seq, quat, epoch, saturated_flags(block.saturated), False, motion, *tilt)

    def _device(self, block: TimedBlock, epoch: Flags) -> OrientedSamples:
        if block.quat is None:
            raise ValueError(f"{block.sensor}: neither a gyroscope nor a device orientation")
        _, _missing, fresh = holes(block.device_time_s, block.restart, self._last_s, self._period)
        self.counts.gaps += int(np.count_nonzero(fresh)) - (self._last_s is None)
        # the device has kept its own heading through the gap
        epoch[:] = self._epoch = 0
        quat = np.ascontiguousarray(block.quat.T)
        self._last_s = float(block.device_time_s[-1])
        rates = turn_rates(quat, self._last_quat, self._period)
        self._last_quat = quat[:, -1]
        start = 0
        while start < len(block) and (self._watch is not None or self._marks):
            if self._watch is None:
                self._watch = self._watch_for(self._marks.pop(0))
            start += self._watch.feed(block.time_s[start:], block.acc[start:], rates[start:], quat[:, start:])
            if self._watch.done:
                standing = self._watch.result()
                self.standings[self._watch.mark_s] = (standing, standing.quat, 0)
                self._watch = None
        return OrientedSamples(block.time_s, block.seq, quat, epoch, saturated_flags(block.saturated), device=True)

    def _begin_segment(self) -> None:
        if self._epoch >= 0:
            self.counts.gaps += 1
            self._filter = self._new_filter(STANDING_BIAS_SIGMA_DEG_S if self._bias_known else None)
            self._level = AccelerationLevel(self._rate_hz)
            self._yaw = None
            if self._watch is not None:
                self._watch = self._watch_for(self._watch.mark_s)
        self._epoch += 1
        if self._errors is not None:
            self._errors.restart()

    def _run(
        self, block: TimedBlock, gyr: Floats, missing: Ints, part: slice, quat: Floats, tilt: Floats, epoch: Flags
    ) -> None:
        """Filter a part of one segment, with this many samples filled in before each; a standing that ends inside it changes
        the bias at exactly that sample."""
        start = part.start
        while start < part.stop:
            stop = part.stop
            if self._watch is None and self._marks:
                self._watch = self._watch_for(self._marks.pop(0))
            if self._errors is not None:
                # the sensor errors change at the end of a window, and are no longer corrected from the first mark on
                so_far = np.cumsum(missing[start:stop] + 1)
                stop = min(stop, start + int(so_far.searchsorted(self._errors.wanted)) + 1)
                if self._watch is not None:
                    before = int(np.searchsorted(block.time_s[start:stop], self._watch.mark_s, side="left"))
                    stop = start + before if before else stop
                    self._errors = self._errors if before else None
            if self._watch is not None:
                stop = start + self._watch.feed(block.time_s[start:stop], block.acc[start:stop], gyr[start:stop])
            if stop > start:
                own: slice | Ints = slice(None)
                forces, rates, gaps = block.acc[start:stop], gyr[start:stop], missing[start:stop]
                if np.count_nonzero(gaps):
                    own, (forces, rates) = filled_in(gaps, (forces, self._last_acc), (rates, self._last_gyr))
                right_forces, right_rates = forces, self._without_bias(rates)
                if self._errors is not None:
                    right_forces, right_rates = self._errors.corrected(right_forces, right_rates)
                track = self._filter.update(right_forces, right_rates)
                if self._errors is not None:
                    self._learn(self._errors, forces, rates, track)
                track = track[:, own]
                tilt[0, start:stop] = self._level.feed(right_forces[own], track) if self._worn else 0.0
                tilt[1, start:stop] = self._level.shaken
                if self._yaw is not None:
                    track = rotation.turn(self._yaw, np.ascontiguousarray(track))
                quat[:, start:stop] = track
                epoch[start:stop] = self._epoch
                self._last_acc, self._last_gyr = block.acc[stop - 1], gyr[stop - 1]
            if self._watch is not None and self._watch.done:
                self._take_bias(self._watch, self._filter.quat)
                self._watch = None
            start = stop

    def _learn(self, errors: SensorErrors, forces: Floats, rates: Floats, track: Floats) -> None:
        """Estimate the sensor errors; their first bias estimate saves the filter a minute if the recording does not begin at
        rest."""
        unknown = not errors.known
        errors.feed(forces, rates, track)
        if unknown and errors.known:
            self._filter.told_bias(errors.gyr_bias, BIAS_SIGMA_RAD_S)

    def _without_bias(self, gyr: Floats) -> Floats:
        """gyr (n, 3) minus the bias, contiguous; computed on flat arrays, which is several times faster than on rows of
        three."""
        n = gyr.size
        if len(self._biases) < n:
            self._biases = np.tile(self._bias, gyr.shape[0])
        return np.subtract(np.ascontiguousarray(gyr).reshape(-1), self._biases[:n]).reshape(-1, 3)

    def _take_bias(self, watch: StandingWatch, before: Floats) -> None:
        """Restart the filter at the standing, with its bias; only the inclination may step, the heading continues. The rate
        of a movement that was taken for a standing is no bias: the one before holds."""
        standing = watch.result()
        if not len(standing.time_s):
            self.standings[watch.mark_s] = (standing, np.empty((4, 0)), self._epoch)
            return
        sigma = STANDING_BIAS_SIGMA_DEG_S
        if standing.tells_bias(known=self._bias_known):
            (self._bias, sigma), self._bias_known = standing_bias(standing), True
            self._biases = np.empty(0)
        self._filter = self._new_filter(sigma)
        track = self._filter.update(standing.acc, standing.gyr - self._bias)
        self._level = AccelerationLevel(self._rate_hz, sigma / STANDING_BIAS_SIGMA_DEG_S)
        self._level.feed(standing.acc, track)
        if self._yaw is not None:
            before = rotation.multiply(self._yaw, before[:, None])[:, 0]
        turn, _ = rotation.twist_about_vertical(rotation.multiply(before[:, None], rotation.conjugate(track[:, -1:])))
        self._yaw = rotation.about_vertical(turn)
        self.standings[watch.mark_s] = (standing, rotation.turn(self._yaw, track), self._epoch)


def standing_bias(standing: Standing) -> tuple[Floats, float]:
    """Gyroscope bias (3,) rad/s from a standing and its standard deviation, °/s; for a shorter standing it is closer to
    zero."""
    seconds = standing.end_s - standing.start_s
    if seconds >= FULL_S:
        return standing.gyr_mean, STANDING_BIAS_SIGMA_DEG_S
    sigma = STANDING_BIAS_SIGMA_DEG_S * shortness(seconds)
    weight = BIAS_SPREAD_DEG_S**2 / (BIAS_SPREAD_DEG_S**2 + sigma**2)
    return weight * standing.gyr_mean, weight**0.5 * sigma


def turn_rates(quat: Floats, before: Floats | None, period_s: float) -> Floats:
    """Angular rate (n, 3) rad/s in the sensor between neighbouring orientations (4, n); `before` (4,) precedes the first."""
    first = quat[:, :1] if before is None else before[:, None]
    earlier = np.concatenate((first, quat[:, :-1]), axis=1)
    turn = rotation.multiply(rotation.conjugate(earlier), quat)
    return np.ascontiguousarray((turn[1:] * (2.0 * np.sign(turn[0]) / period_s)).T)


def smoothed(rate_hz: float, acc: Floats, gyr: Floats, *, worn: bool) -> Floats:
    """Two-sided orientation (4, n) of evenly spaced samples acc, gyr (n, 3) without holes."""
    if worn:
        return two_sided(rate_hz, acc, gyr, restThGyr=WORN_REST_DEG_S)
    return two_sided(rate_hz, acc, gyr)


def smoothed_without_errors(rate_hz: float, acc: Floats, gyr: Floats, *, worn: bool) -> Floats:
    """As `smoothed`, and a second time if sensor errors were found. Not for a sensor that has been calibrated on a body."""
    quat = smoothed(rate_hz, acc, gyr, worn=worn)
    errors = SensorErrors(rate_hz)
    errors.feed(acc, gyr, quat)
    if not errors.known:
        return quat
    forces, rates = errors.corrected(acc, gyr)
    return smoothed(rate_hz, forces, rates, worn=worn)
