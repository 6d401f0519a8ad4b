"""Relative heading of two neighbouring segments without a magnetometer: one Kalman filter per joint.

Each sensor's six-axis orientation has a heading of its own that drifts by a nearly constant rate. What is observed is
the twist about the vertical of (distal ⊗ pelvis⁻¹), both segment → earth: the drift plus the joint's true rotation. A
joint's rotation is bounded and near zero while a person stands or walks, so the twist is a noisy measurement of the
drift, the noisier the further the joint is flexed. State: heading offset and its rate. `live` uses the filter,
`review` the Rauch-Tung-Striebel smoother on the same model.

Twist-swing as the observable: Dobrowolski, Signals 2, 2015 (swing-twist decomposition); H. E. Rauch et al., AIAA J. 3,
1965, doi 10.2514/3.3166.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.results import Flags
from signals.blocks import Bools, Floats

STRIDE = 20
"""Ticks between two updates; they stand at tick numbers that are multiples of it, whatever the chunking."""

JOINT_SD_RAD = math.radians(3.0)
"""Spread of a joint's true twist about its mean while upright."""
JOINT_CORRELATION_S = 1.0
"""How long a joint keeps its twist while upright: the measurement noise is coloured and is widened for it."""
FLEXED_RAD = math.radians(25.0)
"""Flexion at which the twist's spread has doubled."""
RATE_WALK = math.radians(0.01)
"""Random walk of the drift's rate, rad/s per √s."""
OFFSET_WALK = math.radians(0.05)
"""Random walk of the offset itself, rad per √s."""
STANDING_SD_RAD = math.radians(1.0)
STANDING_RATE_SD = math.radians(0.25)
"""Spread of offset and rate right after the standing: the body sways while the gyroscope bias is taken."""
LOST_SD_RAD = math.radians(60.0)
"""Spread of the offset after a gap."""
KNOWN_SD_RAD = math.radians(8.0)
"""Below this standard deviation the heading counts as known."""


@dataclass(slots=True)
class HeadingState:
    """Offset (rad), rate (rad/s) and their covariance; all of it is needed to stop and resume."""

    offset: float
    rate: float
    p00: float
    p01: float
    p11: float

    def predict(self, dt: float) -> None:
        self.offset += self.rate * dt
        self.p00 += dt * (2.0 * self.p01 + dt * self.p11) + OFFSET_WALK**2 * dt
        self.p01 += dt * self.p11
        self.p11 += RATE_WALK**2 * dt

    def update(self, twist: float, variance: float) -> None:
        innovation = math.remainder(twist - self.offset, 2.0 * math.pi)
        total = self.p00 + variance
        k0, k1 = self.p00 / total, self.p01 / total
        self.offset += k0 * innovation
        self.rate += k1 * innovation
        self.p11 -= k1 * self.p01
        self.p01 -= k0 * self.p01
        self.p00 -= k0 * self.p00


def after_standing(twist: float) -> HeadingState:
    """State right after a quiet standing whose mean twist was `twist`: both segments point the same way then."""
    return HeadingState(twist, 0.0, STANDING_SD_RAD**2, 0.0, STANDING_RATE_SD**2)


def twist_variance(flexion: Floats, observability: Floats, dt: float) -> Floats:
    """Variance (n,) rad² of one twist measurement, given the joint's flexion (n,) rad and the twist's observability."""
    spread = JOINT_SD_RAD * (1.0 + (flexion / FLEXED_RAD) ** 2) / np.maximum(observability, 0.05) ** 2
    return np.asarray(spread * spread * (2.0 * JOINT_CORRELATION_S / dt))


@dataclass(frozen=True, slots=True, eq=False)
class HeadingTrack:
    """Offset (m,) rad to take off the distal segment's heading, its standard deviation (m,), whether it is known (m,)."""

    offset: Floats
    sd: Floats
    known: Bools


class RelativeHeading:
    """Causal heading of one joint. Ticks in order in, offsets out; an offset at a tick knows only updates up to it."""

    def __init__(self, rate_hz: float) -> None:
        self._dt = 1.0 / rate_hz
        self.state: HeadingState | None = None
        self._epochs = (-1, -1)

    def start(self, twist: float, epochs: tuple[int, int]) -> None:
        """A standing has been evaluated: both segments pointed the same way when the twist was `twist`."""
        self.state = after_standing(twist)
        self._epochs = epochs

    def feed(
        self, first: int, twist: Floats, observability: Floats, flexion: Floats, epoch_a: Flags, epoch_b: Flags
    ) -> HeadingTrack:
        """Offsets at ticks first … first + m; twist is NaN where a sensor is missing."""
        m = len(twist)
        if self.state is None or m == 0:
            return HeadingTrack(np.full(m, np.nan), np.full(m, np.nan), np.zeros(m, np.bool_))
        period = STRIDE * self._dt
        state = self.state
        at = np.arange((-first) % STRIDE, m, STRIDE)
        variance = twist_variance(flexion[at], observability[at], period)
        states = [(state.offset, state.rate, state.p00)]
        pairs = [self._epochs]
        for value, spread, a, b in zip(
            twist[at].tolist(), variance.tolist(), epoch_a[at].tolist(), epoch_b[at].tolist(), strict=True
        ):
            state.predict(period)
            if value == value:
                if self._epochs != (a, b):
                    self._epochs = (a, b)
                    state.offset, state.p00, state.p01 = value, LOST_SD_RAD**2, 0.0
                state.update(value, spread)
            states.append((state.offset, state.rate, state.p00))
            pairs.append(self._epochs)
        # between two updates the last state is carried on by its rate
        lasts = np.diff(np.concatenate(([0], at, [m])))
        offsets, rates, variances = np.array(states).T
        since = ((first + np.arange(m)) % STRIDE) * self._dt
        offset = np.repeat(offsets, lasts) + np.repeat(rates, lasts) * since
        # a sensor that is back after a gap has another heading, also before the next update
        seen_a, seen_b = (np.repeat(seen, lasts) for seen in np.array(pairs, np.int32).T)
        sd = np.where((epoch_a == seen_a) & (epoch_b == seen_b), np.repeat(np.sqrt(variances), lasts), LOST_SD_RAD)
        return HeadingTrack(offset, sd, sd < KNOWN_SD_RAD)


def smooth_heading(
    ticks: int, rate_hz: float, twist: Floats, observability: Floats, flexion: Floats, anchors: list[tuple[int, float, float]]
) -> HeadingTrack:
    """Two-sided heading of one joint over `ticks` ticks of one heading epoch (twist NaN where a sensor is missing).

    anchors: (tick, twist, standard deviation) where the offset is known: from a quiet standing, where both segments point
    the same way, or carried over from the window before.
    """
    dt = STRIDE / rate_hz
    at = np.arange(0, ticks, STRIDE)
    values, spreads = twist[at].tolist(), twist_variance(flexion[at], observability[at], dt).tolist()
    anchored = {min(tick // STRIDE, len(at) - 1): (value, spread) for tick, value, spread in anchors}
    begin = next((v for v in values if v == v), 0.0)
    state = HeadingState(begin, 0.0, LOST_SD_RAD**2, 0.0, (2.0 * STANDING_RATE_SD) ** 2)
    filtered: list[tuple[float, float, float, float, float]] = []
    for i, (value, spread) in enumerate(zip(values, spreads, strict=True)):
        if i:
            state.predict(dt)
        if i in anchored:
            state.update(anchored[i][0], anchored[i][1] ** 2)
        if value == value:
            state.update(value, spread)
        filtered.append((state.offset, state.rate, state.p00, state.p01, state.p11))
    offset, sd = np.empty(len(at)), np.empty(len(at))
    s0, s1, q00, q01, q11 = filtered[-1]
    for i in range(len(at) - 1, -1, -1):
        f0, f1, p00, p01, p11 = filtered[i]
        if i < len(at) - 1:
            # gain = P F' (F P F' + Q)⁻¹ for the constant-rate model
            a00 = p00 + dt * (2.0 * p01 + dt * p11) + OFFSET_WALK**2 * dt
            a01, a11 = p01 + dt * p11, p11 + RATE_WALK**2 * dt
            det = a00 * a11 - a01 * a01
            c00, c01 = p00 + dt * p01, p01
            c10, c11 = p01 + dt * p11, p11
            g00, g01 = (c00 * a11 - c01 * a01) / det, (c01 * a00 - c00 * a01) / det
            g10, g11 = (c10 * a11 - c11 * a01) / det, (c11 * a00 - c10 * a01) / det
            e0, e1 = s0 - (f0 + dt * f1), s1 - f1
            d00, d01, d11 = q00 - a00, q01 - a01, q11 - a11
            s0, s1 = f0 + g00 * e0 + g01 * e1, f1 + g10 * e0 + g11 * e1
            h00, h01 = g00 * d00 + g01 * d01, g00 * d01 + g01 * d11
            h10, h11 = g10 * d00 + g11 * d01, g10 * d01 + g11 * d11
            q00, q01 = p00 + h00 * g00 + h01 * g01, p01 + h00 * g10 + h01 * g11
            q11 = p11 + h10 * g10 + h11 * g11
        offset[i], sd[i] = s0, math.sqrt(max(q00, 0.0))
    everywhere = np.arange(ticks)
    smooth_offset, smooth_sd = np.interp(everywhere, at, offset), np.interp(everywhere, at, sd)
    return HeadingTrack(smooth_offset, smooth_sd, smooth_sd < KNOWN_SD_RAD)
