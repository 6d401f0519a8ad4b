"""Relative heading of two neighbouring segments without a magnetometer: one Kalman filter per joint.

Each sensor's six-axis orientation has its own heading, which drifts at a nearly constant rate. The observable is
the twist about the vertical of (distal ⊗ pelvis⁻¹), both segment → earth: the drift plus the posture, which is the joint's
true rotation. Drift is slow and steady; a posture changes only by movement, and each new one is scattered about the middle. So
a held posture gives no new information about the offset, but its slope is the rate of the drift; movement to another posture
gives information about the offset. The clock of the posture is therefore the path of movement and not time.

State: heading offset, its rate, posture. `live` uses the filter, `review` a fixed-interval smoother on the same model.

Twist-swing as the observable: Dobrowolski, arXiv 1506.05481, 2015 (swing-twist decomposition). Smoother without inverses:
G. J. Bierman, Automatica 9, 1973, doi 10.1016/0005-1098(73)90008-9 (modified Bryson-Frazier form). Movement counted
with a dead band: the play operator of hysteresis. The figures are ours, set on simulated athletes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Bools, Floats
from dsp.alignment.standing import FULL_S, shortness
from dsp.angles.joints import HIP_FLEXED_RAD
from dsp.grid.ticks import LOOK_STRIDE
from dsp.heading.joint_acceleration import Sighting
from dsp.results import Flags

POSTURE_SD_RAD = math.radians(3.0)
"""Standard deviation of a joint's true twist between postures (ours)."""
CALIBRATION_POSTURE_SD_RAD = math.radians(1.2)
"""The same while calibrating (ours): between bends and knee raises the athlete stands as straight as before."""
FAR = 1.0
"""A posture away from the middle is likely to be followed by another one there: this part of its square adds to the variance
(ours)."""
POSTURE_PATH_RAD = math.radians(5.0)
"""Path of twist over which a posture decorrelates (ours)."""
DEAD_BAND_RAD = math.radians(2.5)
"""Sway of the twist by less than this to either side does not count as movement (ours)."""
CREEP_S = 10.0
"""A twist that changes by less than the dead band within this time, s, is drift and does not count as movement (ours)."""
FLEXION_PATH = 0.2
"""Bending is movement too: this part of its path is added to that of the twist (ours)."""
SWAY_SD_RAD = math.radians(0.7)
"""Standard deviation of the twist about a held posture (ours)."""
SWAY_CORRELATION_S = 0.5
"""Correlation time of the sway, s (ours). It makes the measurement noise coloured, so the noise is increased."""
SURPRISE = 2.0
"""The part of an innovation beyond this many standard deviations counts as a change of posture (ours)."""
RATE_WALK = math.radians(0.007)
"""Random walk of the drift's rate, rad/s per √s (ours)."""
OFFSET_WALK = math.radians(0.05)
"""Random walk of the offset itself, rad per √s (ours)."""
STANDING_SD_RAD = math.radians(0.5)
"""Standard deviation of the offset right after a standing (ours)."""
STANDING_RATE_SD = math.radians(0.15)
"""Standard deviation of the rate, rad/s, right after a full standing (ours): the body sways while the gyroscope bias is
measured. After a short standing it grows faster than for one sensor, because the two need not have stood still at the same
time."""
UNKNOWN_RATE_SD = math.radians(0.5)
"""Standard deviation of the rate before any standing, rad/s (ours)."""
LOST_SD_RAD = math.radians(60.0)
"""Standard deviation of the offset after a gap (ours)."""
LOST_POSTURE_SD_RAD = math.radians(12.0)
"""Standard deviation of the posture at the first sight of a sensor after a gap (ours)."""
UNKNOWN = (0.0, 0.0, LOST_SD_RAD**2, LOST_POSTURE_SD_RAD**2)
"""`HeadingSeen` before any update."""
SPREAD_S = 15.0
"""Time constant, s, of the mean square of an athlete's postures (ours)."""
FEW_WEIGHT = 1e-3
"""Weight of the prior in the two-sided spread, as a part of the weight of `SPREAD_S` of upright standing (ours)."""
KNOWN_SD_RAD = math.radians(8.0)
"""Standard deviation below which the heading counts as known (ours)."""


_TURN = 2.0 * math.pi
_SURPRISE_SQUARED = SURPRISE * SURPRISE
_SPREAD_GAIN = 2.0 * SWAY_CORRELATION_S * SWAY_SD_RAD**2 / SPREAD_S
"""Weight of an update's posture in the spread, times the variance of its twist: a bent joint's posture has less weight."""
HeadingSeen = tuple[float, float, float, float]
"""Offset, its rate, the offset's variance and the spread of postures after an update."""
HeadingUpdate = tuple[float, float, float, float, float, float, float, float, float, float]
"""An update, for the backward pass: offset, and its row of the covariance (with itself, the rate, the posture) before the
measurement; the factor κ of the posture; the innovation, its variance (infinite without a measurement), the three gains."""
Gained = tuple[float, float, float, float, float]
"""A measurement of the offset itself: its innovation, the innovation's variance, the three gains."""


@dataclass(slots=True)
class HeadingState:
    """Offset (rad), rate (rad/s), posture (rad) and their covariance; the levels that follow the twist and the flexion (rad);
    the mean square of recent postures (rad²). All of this is needed to stop and resume."""

    offset: float
    rate: float
    posture: float
    p00: float
    p01: float
    p02: float
    p11: float
    p12: float
    p22: float
    twist_level: float
    flexion_level: float
    posture_variance: float = POSTURE_SD_RAD**2
    spread: float = LOST_POSTURE_SD_RAD**2

    def predict(self, dt: float) -> None:
        """Advance the offset by its rate."""
        self.offset += self.rate * dt
        self.p00 += dt * (2.0 * self.p01 + dt * self.p11) + OFFSET_WALK**2 * dt
        self.p01 += dt * self.p11
        self.p02 += dt * self.p12
        self.p11 += RATE_WALK**2 * dt

    def follow(
        self,
        dt: float,
        twists: Sequence[float],
        flexions: Sequence[float],
        variances: Sequence[float],
        seen: list[HeadingSeen] | None = None,
        steps: list[HeadingUpdate] | None = None,
    ) -> None:
        """Process twists with these variances, NaN where there is none, dt apart: `predict`, then the path of movement up to
        here, then the measurement, which is offset plus posture.

        seen, steps: the result of each update is appended there. This runs five times a second for every joint, hence as one
        loop on local names.
        """
        offset, rate, posture = self.offset, self.rate, self.posture
        p00, p01, p02, p11, p12, p22 = self.p00, self.p01, self.p02, self.p11, self.p12, self.p22
        twist_level, flexion_level, posture_variance = self.twist_level, self.flexion_level, self.posture_variance
        spread = self.spread
        offset_walk, rate_walk = OFFSET_WALK**2 * dt, RATE_WALK**2 * dt
        creeping = min(dt / CREEP_S, 1.0)
        band, remainder, exp = DEAD_BAND_RAD, math.remainder, math.exp
        for twist, flexion, variance in zip(twists, flexions, variances, strict=True):
            offset += rate * dt
            p00 += dt * (2.0 * p01 + dt * p11) + offset_walk
            p01 += dt * p11
            p02 += dt * p12
            p11 += rate_walk
            if twist != twist:
                if seen is not None:
                    seen.append((offset, rate, p00, spread))
                if steps is not None:
                    steps.append((offset, p00, p01, p02, 1.0, 0.0, math.inf, 0.0, 0.0, 0.0))
                continue
            path, kept = 0.0, 1.0
            beyond = remainder(twist - twist_level, _TURN)
            # a creeping twist is drift, not movement
            creep = beyond * creeping
            twist_level += creep
            beyond -= creep
            if beyond > band:
                path = beyond - band
                twist_level += path
            elif beyond < -band:
                path = -beyond - band
                twist_level -= path
            beyond = flexion - flexion_level
            if beyond > band:
                beyond -= band
                flexion_level += beyond
                path += FLEXION_PATH * beyond
            elif beyond < -band:
                beyond += band
                flexion_level += beyond
                path -= FLEXION_PATH * beyond
            if path != 0.0:
                kept = exp(-path / POSTURE_PATH_RAD)
                p02 *= kept
                p12 *= kept
                squared = kept * kept
                p22 = squared * p22 + (1.0 - squared) * (posture_variance + FAR * posture * posture)
                posture *= kept
            innovation = remainder(twist - offset - posture, _TURN)
            total = p00 + 2.0 * p02 + p22 + variance
            surprise = innovation * innovation / _SURPRISE_SQUARED - total
            s2 = p02 + p22
            if surprise > 0.0:
                s2 += surprise
                p22 += surprise
                total += surprise
            s0, s1 = p00 + p02, p01 + p12
            k0, k1, k2 = s0 / total, s1 / total, s2 / total
            if steps is not None:
                steps.append((offset, p00, p01, p02, kept, innovation, total, k0, k1, k2))
            offset += k0 * innovation
            rate += k1 * innovation
            posture += k2 * innovation
            p00 -= k0 * s0
            p01 -= k0 * s1
            p02 -= k0 * s2
            p11 -= k1 * s1
            p12 -= k1 * s2
            p22 -= k2 * s2
            spread += _SPREAD_GAIN / variance * (posture * posture - spread)
            if seen is not None:
                seen.append((offset, rate, p00, spread))
        self.offset, self.rate, self.posture = offset, rate, posture
        self.p00, self.p01, self.p02, self.p11, self.p12, self.p22 = p00, p01, p02, p11, p12, p22
        self.twist_level, self.flexion_level, self.spread = twist_level, flexion_level, spread

    def seen(self) -> HeadingSeen:
        """The result of the last update."""
        return self.offset, self.rate, self.p00, self.spread

    def see_offset(self, offset: float, variance: float) -> Gained:
        """A measurement of the offset itself, with this variance; returns its innovation and gains."""
        innovation = math.remainder(offset - self.offset, _TURN)
        s0, s1, s2 = self.p00, self.p01, self.p02
        total = s0 + variance
        k0, k1, k2 = s0 / total, s1 / total, s2 / total
        self.offset += k0 * innovation
        self.rate += k1 * innovation
        self.posture += k2 * innovation
        self.p00 -= k0 * s0
        self.p01 -= k0 * s1
        self.p02 -= k0 * s2
        self.p11 -= k1 * s1
        self.p12 -= k1 * s2
        self.p22 -= k2 * s2
        return innovation, total, k0, k1, k2


def after_standing(twist: float, seconds: float = FULL_S) -> HeadingState:
    """State right after a quiet standing of this length whose mean twist was `twist`: both segments then point in the same
    direction, by definition of the zero."""
    rate_sd = min(STANDING_RATE_SD * shortness(seconds) ** 2, UNKNOWN_RATE_SD)
    return HeadingState(twist, 0.0, 0.0, STANDING_SD_RAD**2, 0.0, 0.0, rate_sd**2, 0.0, SWAY_SD_RAD**2, twist, 0.0)


def lost(twist: float, rate: float, rate_variance: float, flexion: float) -> HeadingState:
    """State at the first sight of a new heading."""
    return HeadingState(twist, rate, 0.0, LOST_SD_RAD**2, 0.0, 0.0, rate_variance, 0.0, LOST_POSTURE_SD_RAD**2, twist, flexion)


def twist_variance(flexion: Floats, observability: Floats, dt: float, flexed_rad: float = HIP_FLEXED_RAD) -> Floats:
    """Variance (n,) rad² of one twist measurement, given the joint's flexion (n,) rad and the twist's observability."""
    bent = POSTURE_SD_RAD * (flexion / flexed_rad) ** 2
    seen = 1.0 / np.maximum(observability, 0.05) ** 2
    return np.asarray((SWAY_SD_RAD**2 + bent * bent) * (2.0 * SWAY_CORRELATION_S / dt) * seen)


@dataclass(frozen=True, slots=True, eq=False)
class HeadingTrack:
    """Offset (m,) rad to subtract from the distal segment's heading, its standard deviation (m,) in the filter, whether it is
    known (m,), and the mean square (m,) rad² of recent postures, among which a large error of the offset would appear."""

    offset: Floats
    sd: Floats
    known: Bools
    spread: Floats


class RelativeHeading:
    """Causal heading of one joint. Ticks in order in, offsets out; an offset at a tick knows only updates up to it."""

    def __init__(self, rate_hz: float, flexed_rad: float = HIP_FLEXED_RAD) -> None:
        self._dt = 1.0 / rate_hz
        self._since = np.arange(LOOK_STRIDE) * self._dt
        """Seconds since the update, at the ticks after it."""
        self._flexed = flexed_rad
        self.state: HeadingState | None = None
        self.epochs = (-1, -1)
        self._sightings: list[Sighting] = []
        """Sightings whose tick has no update yet."""

    def start(self, twist: float, epochs: tuple[int, int], seconds: float = FULL_S) -> None:
        """A standing of this length has been evaluated: both segments pointed in the same direction when the twist was `twist`.
        The next ticks are the movements of the calibration, until `calibrated`."""
        self.state = after_standing(twist, seconds)
        self.state.posture_variance = self.state.spread = CALIBRATION_POSTURE_SD_RAD**2
        self.epochs = epochs
        self._sightings = []

    def calibrated(self) -> None:
        """The calibration is over: free movement from here on."""
        if self.state is not None:
            self.state.posture_variance = POSTURE_SD_RAD**2

    def feed(
        self,
        first: int,
        twist: Floats,
        observability: Floats,
        flexion: Floats,
        epoch_a: Flags,
        epoch_b: Flags,
        sightings: Sequence[Sighting] = (),
    ) -> HeadingTrack:
        """Offsets at ticks first … first + m; twist is NaN where a sensor is missing, or before an alignment. sightings: those
        at these ticks, from accelerations at the joint."""
        m = len(twist)
        self._sightings.extend(sightings)
        if m == 0 or (self.state is None and not self._sightings):
            nothing = np.full(m, np.nan)
            return HeadingTrack(nothing, nothing, np.zeros(m, np.bool_), nothing)
        period = LOOK_STRIDE * self._dt
        state = self.state
        lead = first % LOOK_STRIDE
        at = np.arange((-first) % LOOK_STRIDE, m, LOOK_STRIDE)
        twists, flexions = twist[at].tolist(), flexion[at].tolist()
        variances = twist_variance(flexion[at], observability[at], period, self._flexed).tolist()
        states = [UNKNOWN if state is None else state.seen()]
        # heading epochs after each update, where they are not the same throughout
        pairs: list[tuple[int, int]] | None = None
        ours = ((epoch_a[at] == self.epochs[0]) & (epoch_b[at] == self.epochs[1])) | np.isnan(twist[at])
        if state is not None and not self._sightings and bool(ours.all()):
            state.follow(period, twists, flexions, variances, states)
        else:
            pairs = [self.epochs]
            epochs = zip(epoch_a[at].tolist(), epoch_b[at].tolist(), strict=True)
            for i, value, bent, spread, pair in zip(at.tolist(), twists, flexions, variances, epochs, strict=True):
                self._update(first + i, period, value, bent, spread, pair)
                state = self.state
                states.append(UNKNOWN if state is None else state.seen())
                pairs.append(self.epochs)
        # between two updates the last state is extrapolated by its rate; whole strides are laid out and cut at both ends
        offsets, rates, own, postures = np.array(states if lead else states[1:]).T
        part = slice(lead, lead + m)
        offset = np.add(offsets[:, None], rates[:, None] * self._since).reshape(-1)[part]
        sd, squares = np.repeat((np.sqrt(own), postures), LOOK_STRIDE, axis=1)[:, part]
        # a sensor that is back after a gap has another heading, even before the next update
        seen_a, seen_b = np.array(self.epochs, np.int32)[:, None]
        if pairs is not None:
            seen_a, seen_b = (np.repeat(seen, LOOK_STRIDE)[part] for seen in np.array(pairs if lead else pairs[1:], np.int32).T)
        other = (epoch_a != seen_a) | (epoch_b != seen_b)
        sd[other] = LOST_SD_RAD
        return HeadingTrack(offset, sd, sd < KNOWN_SD_RAD, squares)

    def _update(self, tick: int, period: float, twist: float, flexion: float, variance: float, epochs: tuple[int, int]) -> None:
        """One update, `period` after the one before: sightings up to its tick, then the twist, unless it is missing."""
        state, ahead = self.state, period
        if state is not None and (twist != twist or (self._sightings and self._sightings[0].tick <= tick)):
            state.predict(period)
            ahead = 0.0
        while self._sightings and self._sightings[0].tick <= tick:
            seen = self._sightings.pop(0)
            if state is None or self.epochs != epochs:
                self.epochs = epochs
                rate = (0.0, UNKNOWN_RATE_SD**2) if state is None else (state.rate, state.p11)
                self.state = state = lost(seen.offset, *rate, 0.0)
            state.see_offset(seen.offset, seen.variance)
        if state is None or twist != twist:
            return
        if self.epochs != epochs:
            self.epochs = epochs
            if ahead:
                state.predict(ahead)
                ahead = 0.0
            self.state = state = lost(twist, state.rate, state.p11, flexion)
        state.follow(ahead, (twist,), (flexion,), (variance,))


def smooth_heading(
    ticks: int,
    rate_hz: float,
    twist: Floats,
    observability: Floats,
    flexion: Floats,
    anchors: Sequence[tuple[int, float, float]],
    flexed_rad: float = HIP_FLEXED_RAD,
) -> HeadingTrack:
    """Two-sided heading of one joint over `ticks` ticks of one heading epoch (twist NaN where a sensor is missing).

    anchors: (tick, offset, standard deviation) where the offset is known: from a quiet standing, where both segments point
    the same way, from accelerations at the joint, or carried over from the window before.
    """
    dt = LOOK_STRIDE / rate_hz
    at = np.arange(0, ticks, LOOK_STRIDE)
    values, bents = twist[at].tolist(), flexion[at].tolist()
    spreads = twist_variance(flexion[at], observability[at], dt, flexed_rad).tolist()
    anchored = {min(tick // LOOK_STRIDE, len(at) - 1): (value, spread) for tick, value, spread in anchors}
    first_anchor = anchored[min(anchored)][0] if anchored else 0.0
    begin = next(((v, f) for v, f in zip(values, bents, strict=True) if v == v), (first_anchor, 0.0))
    state = lost(begin[0], 0.0, (2.0 * STANDING_RATE_SD) ** 2, begin[1])
    steps: list[HeadingUpdate] = []
    sure: dict[int, Gained] = {}
    done = 0
    for i in (*sorted(anchored), len(at)):
        stop = min(i + 1, len(at))
        if not done:
            state.follow(0.0, values[:1], bents[:1], spreads[:1], steps=steps)
            done = 1
        state.follow(dt, values[done:stop], bents[done:stop], spreads[done:stop], steps=steps)
        done = stop
        if i in anchored:
            sure[i] = state.see_offset(anchored[i][0], anchored[i][1] ** 2)
    offset, sd = [0.0] * len(at), [0.0] * len(at)
    l0 = l1 = l2 = 0.0
    m00 = m01 = m02 = m11 = m12 = m22 = 0.0
    for i in range(len(at) - 1, -1, -1):
        x0, p00, p01, p02, kept, innovation, total, k0, k1, k2 = steps[i]
        if i in sure:
            l0, m00, m01, m02 = _back(sure[i], l0, l1, l2, m00, m01, m02, m11, m12, m22)
        # C' l with C = I - K H, H = (1, 0, 1)
        back = -innovation / total - (k0 * l0 + k1 * l1 + k2 * l2)
        l0 += back
        l2 += back
        v0 = m00 * k0 + m01 * k1 + m02 * k2
        v1 = m01 * k0 + m11 * k1 + m12 * k2
        v2 = m02 * k0 + m12 * k1 + m22 * k2
        both_ways = k0 * v0 + k1 * v1 + k2 * v2 + 1.0 / total
        m00 += both_ways - 2.0 * v0
        m01 -= v1
        m02 += both_ways - v0 - v2
        m12 -= v1
        m22 += both_ways - 2.0 * v2
        offset[i] = x0 - (p00 * l0 + p01 * l1 + p02 * l2)
        spread = p00 - (
            p00 * (p00 * m00 + p01 * m01 + p02 * m02)
            + p01 * (p00 * m01 + p01 * m11 + p02 * m12)
            + p02 * (p00 * m02 + p01 * m12 + p02 * m22)
        )
        sd[i] = spread
        # through the movement and the prediction: F' l and F' M F
        l1 += dt * l0
        l2 *= kept
        m11 += dt * (2.0 * m01 + dt * m00)
        m12 = kept * (m12 + dt * m02)
        m01 += dt * m00
        m02 *= kept
        m22 *= kept * kept
    everywhere = np.arange(ticks)
    smooth_offset, smooth_sd = np.interp(everywhere, at, offset), np.interp(everywhere, at, np.sqrt(np.maximum(sd, 0.0)))
    smooth_spread = np.interp(everywhere, at, _smooth_spread(twist[at], np.array(offset), np.array(spreads), dt))
    return HeadingTrack(smooth_offset, smooth_sd, smooth_sd < KNOWN_SD_RAD, smooth_spread)


def _smooth_spread(twist: Floats, offset: Floats, variance: Floats, dt: float) -> Floats:
    """Mean square (n,) rad² of postures before and after each update, from twists with these variances, NaN where there is
    none, and offsets, dt apart. Without measurements it is that of `LOST_POSTURE_SD_RAD`."""
    weight = np.where(np.isnan(twist), 0.0, _SPREAD_GAIN / variance)
    posture = np.remainder(np.where(np.isnan(twist), 0.0, twist - offset) + np.pi, _TURN) - np.pi
    squares, weights = (_both_ways(values, math.exp(-dt / SPREAD_S)) for values in (weight * posture * posture, weight))
    return np.asarray((squares + FEW_WEIGHT * LOST_POSTURE_SD_RAD**2) / (weights + FEW_WEIGHT))


def _both_ways(values: Floats, kept: float) -> Floats:
    """Sum (n,) of the values before and after each, with this factor of decay from one to the next."""

    def running(series: list[float]) -> list[float]:
        total = 0.0
        return [total := kept * total + value for value in series]

    before, after = running(values.tolist()), running(values[::-1].tolist())[::-1]
    return np.asarray(np.add(before, after) - values)


def _back(
    gained: Gained, l0: float, l1: float, l2: float, m00: float, m01: float, m02: float, m11: float, m12: float, m22: float
) -> tuple[float, float, float, float]:
    """The smoother's backward step through a measurement of the offset itself: l0, m00, m01 and m02 before it; H = (1, 0,
    0)."""
    innovation, total, k0, k1, k2 = gained
    l0 += -innovation / total - (k0 * l0 + k1 * l1 + k2 * l2)
    v0 = m00 * k0 + m01 * k1 + m02 * k2
    v1 = m01 * k0 + m11 * k1 + m12 * k2
    v2 = m02 * k0 + m12 * k1 + m22 * k2
    return l0, m00 + k0 * v0 + k1 * v1 + k2 * v2 + 1.0 / total - 2.0 * v0, m01 - v1, m02 - v2
