"""Walking: the contribution of the stride to the joints, and the path on the ground.

Amplitudes are those of level walking at a comfortable speed, rounded (Perry and Burnfield 2010; Winter 2009). A
stride is symmetrical: the right leg does half a stride later what the left leg does, and side-to-side motion changes
sign each half stride. The scripted `walk` channel, 0 … 1, scales it all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from body_signals import Floats
from virtual_athlete.movement.trajectories import Signal, Track

_DEG = np.pi / 180.0

# channel: (mean, ((harmonic of the stride, cosine, sine), ...)) in degrees; legs as of the left, lag 0
_LEG = {
    "elevation": (4.0, ((1, 21.0, 0.0), (2, -2.0, 2.5))),
    "abduction": (-2.0, ((1, 0.0, -3.5),)),
    "rotation": (1.0, ((1, 3.0, 2.0),)),
    "knee": (22.0, ((1, -5.0, -17.0), (2, -14.0, 6.0))),
}
_TRUNK = {
    "pelvis_turn": (0.0, ((1, -4.5, 0.0),)),
    "pelvis_tilt": (2.0, ((2, 1.0, 0.6),)),
    "pelvis_obliquity": (0.0, ((1, 1.0, 3.5),)),
    "lumbar_flexion": (1.0, ((2, -0.8, 1.0),)),
    "lumbar_lateral": (0.0, ((1, -1.5, -4.0),)),
    "lumbar_rotation": (0.0, ((1, 6.5, 1.0),)),
}
# channel of the body: (mean, terms, half a stride later)
_CHANNELS: dict[str, tuple[float, tuple[tuple[int, float, float], ...], bool]] = {
    name: (*series, False) for name, series in _TRUNK.items()
} | {
    f"knee_{side}" if name == "knee" else f"thigh_{side}_{name}": (*series, side == "right")
    for side in ("left", "right")
    for name, series in _LEG.items()
}
# metres: the hips' height above the standing height less a constant, and their sway to the left
_RISE = (-0.02, ((2, -0.018, 0.004), (4, 0.002, 0.001)))
_SIDE = (0.0, ((1, -0.004, 0.022),))
_SURGE = (0.0, ((2, 0.010, 0.004),))


@dataclass(frozen=True, slots=True)
class Stride:
    """An athlete's gait: strides a second, metres a second, phase of the stride at time 0 (rad)."""

    frequency_hz: float = 0.95
    speed_m_s: float = 1.25
    phase: float = 0.0

    def harmonics(self, time_s: Floats) -> Harmonics:
        """The stride's sines at `time_s` (n,)."""
        return Harmonics(2.0 * np.pi * self.frequency_hz, self.phase, time_s)

    def mirrored(self) -> Stride:
        """The same walk with left and right exchanged: half a stride later."""
        return Stride(self.frequency_hz, self.speed_m_s, self.phase + np.pi)


class Harmonics:
    """Fourier series of the stride at given instants."""

    def __init__(self, omega: float, phase: float, time_s: Floats) -> None:
        self._omega = omega
        self._angle = omega * time_s + phase
        self._of: dict[int, tuple[Floats, Floats]] = {}
        """Cosine and sine of each harmonic that was asked for."""

    def _series(self, mean: float, terms: tuple[tuple[int, float, float], ...], half: bool, unit: float) -> Signal:
        total = Signal.constant(mean * unit, len(self._angle))
        for k, a, b in terms:
            # half a stride later: odd harmonics change their sign
            sign = unit * (-1.0 if half and k % 2 else 1.0)
            c, s = self._harmonic(k)
            w = k * self._omega
            value = sign * (a * c + b * s)
            total = total + Signal(value, sign * w * (b * c - a * s), -w * w * value)
        return total

    def _harmonic(self, k: int) -> tuple[Floats, Floats]:
        if k not in self._of:
            self._of[k] = np.cos(k * self._angle), np.sin(k * self._angle)
        return self._of[k]

    def channels(self, names: Iterable[str]) -> dict[str, Signal]:
        """The contribution of full walking to the channels `names` of the body, radians; unaffected channels are missing."""
        return {name: self._series(*_CHANNELS[name], unit=_DEG) for name in names if name in _CHANNELS}

    def hips(self) -> tuple[Signal, Signal, Signal]:
        """Forward surge, sway to the left and rise of the hips' middle, metres."""
        return self._series(*_SURGE, False, 1.0), self._series(*_SIDE, False, 1.0), self._series(*_RISE, False, 1.0)


# three-point Gauss-Legendre nodes and weights on 0 … 1
_NODES = 0.5 + 0.5 * np.sqrt(0.6) * np.array([-1.0, 0.0, 1.0])
_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0
_STEP_S = 0.02


class GroundPath:
    """Where the athlete stands on the floor: the speed walk · `speed_m_s` in the direction of the heading, integrated.

    Only walking is integrated (20 ms Gauss steps, cubic Hermite between), so hours of standing cost nothing.
    """

    def __init__(self, walk: Track, heading: Track, speed_m_s: float) -> None:
        self._walk, self._heading, self._speed = walk, heading, speed_m_s
        knots = [np.zeros(1)]
        begin = None
        for move in walk.moves:
            begin = move.start_s if begin is None else begin
            if abs(move.end) < 1e-12:
                knots.append(np.linspace(begin, move.end_s, int(np.ceil((move.end_s - begin) / _STEP_S)) + 1))
                begin = None
        if begin is not None:
            raise ValueError(f"the walk that begins at {begin:.1f} s does not end")
        self._t = np.unique(np.concatenate(knots))
        h = np.diff(self._t)
        steps = np.zeros((2, len(h)))
        # a step longer than the grid's is a stand between two walks
        walking = h < 1.5 * _STEP_S
        for node, weight in zip(_NODES.tolist(), _WEIGHTS.tolist(), strict=True):
            x, y = self._velocity(self._t[:-1][walking] + node * h[walking])
            steps[:, walking] += weight * h[walking] * np.stack((x.value, y.value))
        self._p = np.concatenate((np.zeros((2, 1)), np.cumsum(steps, axis=1)), axis=1)
        x, y = self._velocity(self._t)
        self._v = np.stack((x.value, y.value))

    def _velocity(self, time_s: Floats) -> tuple[Signal, Signal]:
        speed, heading = self._walk.at(time_s) * self._speed, self._heading.at(time_s)
        return speed * heading.cosine(), speed * heading.sine()

    def at(self, time_s: Floats) -> tuple[Signal, Signal]:
        """World x and y (m) at `time_s` (n,)."""
        i = np.clip(np.searchsorted(self._t, time_s, side="right") - 1, 0, max(0, len(self._t) - 2))
        j = np.minimum(i + 1, len(self._t) - 1)
        h = np.maximum(self._t[j] - self._t[i], 1e-9)
        u = np.clip((time_s - self._t[i]) / h, 0.0, 1.0)
        p0, p1, v0, v1 = self._p[:, i], self._p[:, j], self._v[:, i] * h, self._v[:, j] * h
        p = p0 + u * (v0 + u * (3.0 * (p1 - p0) - 2.0 * v0 - v1 + u * (2.0 * (p0 - p1) + v0 + v1)))
        x, y = self._velocity(time_s)
        return Signal(p[0], x.value, x.rate), Signal(p[1], y.value, y.rate)
