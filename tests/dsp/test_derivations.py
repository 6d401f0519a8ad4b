"""docs/derivations.md, written out in matrices as the page has it, gives what the heading filter and its smoother give."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from body_signals.blocks import Floats
from dsp.angles import joints
from dsp.grid.ticks import LOOK_STRIDE
from dsp.heading import filter as h

DT = 0.2
H, ANCHOR = np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])


def wrapped(angle: float) -> float:
    return math.remainder(angle, 2.0 * math.pi)


class Update(NamedTuple):
    """What section 7 keeps of an update; measured: None where nothing was seen."""

    x: Floats
    p: Floats
    f: Floats
    measured: tuple[float, float, Floats] | None
    anchor: tuple[float, float, Floats] | None


class Page:
    """Sections 2 to 4."""

    def __init__(self, state: h.HeadingState) -> None:
        s = state
        self.x = np.array([s.offset, s.rate, s.posture])
        self.p = np.array([[s.p00, s.p01, s.p02], [s.p01, s.p11, s.p12], [s.p02, s.p12, s.p22]])
        self.levels, self.sigma, self.m = [s.twist_level, s.flexion_level], math.sqrt(s.posture_variance), s.spread
        self.updates: list[Update] = []

    def _path(self, k: int, value: float, dt: float, *, creeps: bool) -> float:
        e = wrapped(value - self.levels[k]) if creeps else value - self.levels[k]
        c = e * min(dt / h.CREEP_S, 1.0) if creeps else 0.0
        beyond = max(abs(e - c) - h.DEAD_BAND_RAD, 0.0)
        self.levels[k] += c + math.copysign(beyond, e - c)
        return beyond

    def step(self, dt: float, twist: float, flexion: float, r: float, anchor: tuple[float, float] | None = None) -> None:
        a = np.array([[1.0, dt, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        self.x = a @ self.x
        self.p = a @ self.p @ a.T + np.diag([h.OFFSET_WALK**2 * dt, h.RATE_WALK**2 * dt, 0.0])
        kappa, measured = 1.0, None
        if math.isfinite(twist):
            s = self._path(0, twist, dt, creeps=True) + h.FLEXION_PATH * self._path(1, flexion, dt, creeps=False)
            kappa = math.exp(-s / h.POSTURE_PATH_RAD)
            d = np.diag([1.0, 1.0, kappa])
            gained = (1.0 - kappa**2) * (self.sigma**2 + h.FAR * self.x[2] ** 2)
            self.x, self.p = d @ self.x, d @ self.p @ d + np.diag([0.0, 0.0, gained])
        before = self.x.copy(), self.p.copy()
        if math.isfinite(twist):
            y = wrapped(twist - H @ self.x)
            total = H @ self.p @ H + r
            if y * y > h.SURPRISE**2 * total:
                self.p[2, 2] += y * y / h.SURPRISE**2 - total
                total = y * y / h.SURPRISE**2
            gain = self.p @ H / total
            self.x, self.p = self.x + gain * y, self.p - total * np.outer(gain, gain)
            weight = 2.0 * h.SWAY_CORRELATION_S * h.SWAY_SD_RAD**2 / (h.SPREAD_S * r)
            self.m += weight * (self.x[2] ** 2 - self.m)
            measured = (y, total, gain)
        sure = None
        if anchor is not None:
            y, total = wrapped(anchor[0] - self.x[0]), self.p[0, 0] + anchor[1] ** 2
            gain = self.p @ ANCHOR / total
            self.x, self.p = self.x + gain * y, self.p - total * np.outer(gain, gain)
            sure = (y, total, gain)
        self.updates.append(Update(*before, np.diag([1.0, 1.0, kappa]) @ a, measured, sure))

    def smoothed(self) -> tuple[Floats, Floats]:
        """Section 7: offsets and their variances."""
        lam, big = np.zeros(3), np.zeros((3, 3))
        found = []
        for u in reversed(self.updates):
            for row, measurement in ((ANCHOR, u.anchor), (H, u.measured)):
                if measurement is not None:
                    y, total, gain = measurement
                    c = np.eye(3) - np.outer(gain, row)
                    lam = c.T @ lam - row * y / total
                    big = c.T @ big @ c + np.outer(row, row) / total
            found.append((u.x[0] - u.p[0] @ lam, u.p[0, 0] - u.p[0] @ big @ u.p[0]))
            lam, big = u.f.T @ lam, u.f.T @ big @ u.f
        offsets, variances = np.array(found[::-1]).T
        return offsets, variances


def recording(n: int = 400) -> tuple[Floats, Floats, Floats]:
    """Twist, observability and flexion of an athlete who sways, turns, bends, is lost now and then, and drifts."""
    random = np.random.default_rng(4)
    k = np.arange(n)
    twist = 0.3 + 0.001 * k + np.radians(0.7) * random.standard_normal(n)
    twist += np.where((k // 40) % 3 == 1, np.radians(9.0), 0.0) + np.where((k > 200) & (k < 215), np.radians(30.0), 0.0)
    flexion = np.radians(40.0) * np.maximum(np.sin(k / 7.0), 0.0)
    twist[50:60] = twist[300] = np.nan
    return np.array([wrapped(t + 2.9) for t in twist]), 1.0 - 0.3 * random.random(n), flexion


def test_noise_of_a_twist() -> None:
    _, o, flexion = recording()
    bent = math.radians(3.0) ** 2 * (flexion / joints.SPINE_FLEXED_RAD) ** 4
    expected = 2.0 * h.SWAY_CORRELATION_S / DT * (h.SWAY_SD_RAD**2 + bent) / np.maximum(o, 0.05) ** 2
    np.testing.assert_allclose(h.twist_variance(flexion, o, DT, joints.SPINE_FLEXED_RAD), expected, rtol=1e-12)


@pytest.mark.parametrize("calibrating", [False, True])
def test_the_filter(calibrating: bool) -> None:
    twist, o, flexion = recording()
    r = h.twist_variance(flexion, o, DT)
    state = h.after_standing(float(twist[0]), 2.0)
    short = (3.0 / 2.0) ** 1.5
    assert state.p11 == pytest.approx(min(h.STANDING_RATE_SD * short**2, h.UNKNOWN_RATE_SD) ** 2)
    if calibrating:
        state.posture_variance = h.CALIBRATION_POSTURE_SD_RAD**2
    page, seen = Page(state), []
    state.follow(DT, twist.tolist(), flexion.tolist(), r.tolist(), seen)
    for i in range(len(twist)):
        page.step(DT, twist[i], flexion[i], r[i])
        np.testing.assert_allclose(seen[i], (page.x[0], page.x[1], page.p[0, 0], page.m), rtol=1e-8, atol=1e-12)
    assert state.posture == pytest.approx(page.x[2], abs=1e-12)


def test_the_smoother() -> None:
    twist, o, flexion = recording()
    r = h.twist_variance(flexion, o, DT)
    spread = math.radians(1.0)
    state = h.lost(float(twist[0]), 0.0, (2.0 * h.STANDING_RATE_SD) ** 2, float(flexion[0]))
    page = Page(state)
    for i in range(len(twist)):
        anchor = (float(twist[120]), spread) if i == 120 else None
        page.step(DT if i else 0.0, twist[i], flexion[i], r[i], anchor)
    offsets, variances = page.smoothed()

    def at_ticks(values: Floats) -> Floats:
        spaced = np.full(len(values) * LOOK_STRIDE, np.nan)
        spaced[::LOOK_STRIDE] = values
        return spaced

    ticks = len(twist) * LOOK_STRIDE
    anchors = [(120 * LOOK_STRIDE, float(twist[120]), spread)]
    track = h.smooth_heading(ticks, LOOK_STRIDE / DT, at_ticks(twist), at_ticks(o), at_ticks(flexion), anchors)
    np.testing.assert_allclose(track.offset[::LOOK_STRIDE], offsets, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(track.sd[::LOOK_STRIDE] ** 2, variances, rtol=1e-6, atol=1e-12)

    posture = np.array([wrapped(t - b) if math.isfinite(t) else 0.0 for t, b in zip(twist, offsets, strict=True)])
    weight = np.where(np.isnan(twist), 0.0, 2.0 * h.SWAY_CORRELATION_S * h.SWAY_SD_RAD**2 / (h.SPREAD_S * r))
    apart = np.exp(-np.abs(np.subtract.outer(np.arange(len(twist)), np.arange(len(twist)))) * DT / h.SPREAD_S)
    m = (apart @ (weight * posture**2) + h.FEW_WEIGHT * h.LOST_POSTURE_SD_RAD**2) / (apart @ weight + h.FEW_WEIGHT)
    np.testing.assert_allclose(track.spread[::LOOK_STRIDE], m, rtol=1e-6)
