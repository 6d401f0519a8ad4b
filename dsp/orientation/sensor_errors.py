"""A sensor's own errors, found while it is in use: sensitivity of the gyroscope, offset and sensitivity of the accelerometer.

A cheap gyroscope's sensitivity is wrong by one or two percent, so every rotation leaves a tilt that the filter takes seconds to
correct. A cheap accelerometer's offset tilts the vertical by a degree or more, differently in each position. While a sensor
rotates without being shaken, gravity reveals both errors: in the filter's earth frame, with orientation R, its direction and
size must be constant. Over a window the specific force a, earth frame, is

    R a = g + tilt × g + R (offset + gain·a) + W r,   tilt = start + Σ R (gain·ω + bias) dt - what the filter has corrected,

linear in gyroscope gain and bias, accelerometer offset and gain, and the lever arm r to a point that is not accelerated (W
as in `dsp.heading.joint_acceleration`). Windows are weighted by the shaking of the sensor, which the vertical shows; old
ones are forgotten. The error of an axis without rotation stays at zero because of its prior.

A good sensor has no errors worth correcting; its estimates are only noise. So gains and offset are corrected only as
far as they are jointly significant, by χ² for each unknown: their square in units of their covariance. Noise alone gives 1.

Not for a worn sensor after its calibration: the zero of its angles belongs to the uncorrected accelerometer, and moving skin
and the body's own acceleration outweigh gravity.

Sources: I. Frosio, F. Pedersini, N. A. Borghese, IEEE Trans. Instrum. Meas. 58, 2009, doi 10.1109/TIM.2008.2006137 (gravity's
size calibrates the accelerometer); D. Tedaldi, A. Pretto, E. Menegatti, ICRA 2014, doi 10.1109/ICRA.2014.6907297 (gravity's
direction calibrates the gyroscope). The figures are ours.
"""

from __future__ import annotations

import math

import numpy as np

from body_signals import G0, Floats, Ints
from dsp import rotation

WINDOW_S = 10.0
"""Length of a window, s, after which errors are estimated (ours); the tilt at its start is a free parameter."""
BLOCKS = 100
"""Blocks of a window (ours)."""
POINTS = 20
"""Points of a window, averages of neighbouring blocks (ours): they keep variations slower than this and faster than a
window."""
TURNED_RAD = math.radians(30.0)
"""Least rotation of gravity in the sensor for a window to be used (ours)."""
NOISE_M_S2 = 0.1
"""Standard deviation of a point in a quiet window, from effects outside the model such as non-orthogonal axes
(ours)."""
SHAKEN = 3.0
"""Ratio of horizontal to vertical shaking (ours)."""
TOO_SHAKEN_M_S2 = 0.6
"""Spread of a point beyond which a window is left out (ours)."""
FORGOTTEN = 1.0 / 30.0
"""Part of the weight of earlier windows that is lost with each window (ours)."""
BIAS_SIGMA_RAD_S = math.radians(0.2)
"""Standard deviation of a gyroscope bias found in the first usable window (ours)."""
SPREAD: Floats = np.repeat((0.01, math.radians(0.5), 0.15, 0.01, 0.1), 3)
"""Prior standard deviations of gyroscope gain, gyroscope bias (rad/s), accelerometer offset (m/s²) and gain, lever arm (m)
(ours)."""
CHANCE, SIGNIFICANT = 5.0, 10.0
"""χ² per unknown up to which nothing is corrected, and from which everything is (ours). The errors of neighbouring windows are
correlated, so both are well above 1."""
_TAKEN_OFF: Ints = np.array((0, 1, 2, 6, 7, 8, 9, 10, 11), np.int64)
"""Places of both gains and the offset among the unknowns."""
LARGEST_GAIN, LARGEST_OFFSET_M_S2 = 0.03, 0.5
"""Largest plausible errors; larger ones are limited to these (ours)."""


class SensorErrors:
    """Errors of one sensor, estimated window by window; `windows` samples at a time.

    gyr_gain, acc_gain (3,): measured over true value; acc_offset (3,) m/s²; gyr_bias (3,) rad/s, after correction of the gain.
    known: whether any window was usable.
    """

    def __init__(self, rate_hz: float) -> None:
        self._block = max(round(WINDOW_S / BLOCKS * rate_hz), 1)
        self._period = 1.0 / rate_hz
        self.window = self._block * BLOCKS
        """Samples of a window."""
        self._normal: Floats = np.zeros((15, 15))
        self._right: Floats = np.zeros(15)
        self._found: Floats = np.zeros(15)
        self._parts: list[tuple[Floats, Floats, Floats]] = []
        self._have = 0
        self._before: Floats | None = None
        self.known = False
        self.gyr_gain: Floats = np.ones(3)
        self.gyr_bias: Floats = np.zeros(3)
        self.acc_gain: Floats = np.ones(3)
        self.acc_offset: Floats = np.zeros(3)

    @property
    def wanted(self) -> int:
        """Samples until the end of the window."""
        return self.window - self._have + (self._before is None)

    def restart(self) -> None:
        """A gap: the window restarts with the next sample."""
        self._parts, self._have, self._before = [], 0, None

    def corrected(self, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        """acc and gyr (n, 3) without the errors."""
        if not self.known:
            return acc, gyr
        return (acc - self.acc_offset) / self.acc_gain, gyr / self.gyr_gain

    def feed(self, acc: Floats, gyr: Floats, quat: Floats) -> None:
        """Uncorrected samples, acc and gyr (n, 3), and the filter's orientation (4, n) after each; of any length."""
        start = 0
        while start < len(acc):
            if self._before is None:
                # a window begins at a sample whose orientation is known
                self._before = quat[:, :1]
                start = 1
            stop = min(start + self.wanted, len(acc))
            self._parts.append((acc[start:stop], gyr[start:stop], quat[:, start:stop]))
            self._have += stop - start
            start = stop
            if self._have < self.window:
                return
            whole = [np.concatenate([part[i] for part in self._parts], axis=i // 2) for i in range(3)]
            border = np.concatenate((self._before, whole[2][:, self._block - 1 :: self._block]), axis=1)
            self._parts, self._have, self._before = [], 0, border[:, -1:]
            self._window(whole[0], whole[1], border)

    def _window(self, acc: Floats, gyr: Floats, border: Floats) -> None:
        """One window: its samples and the orientation (4, BLOCKS + 1) at the borders of its blocks."""
        up = rotation.vertical_in_sensor(border)
        turned = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(((up - up[:, :1]) ** 2).sum(axis=0)), 1.0))
        if turned.max() < TURNED_RAD:
            return
        points, columns = self._equations(acc, gyr, border)
        left = points[2] - self._found @ columns[:, 2]
        noise = math.hypot(NOISE_M_S2, SHAKEN * float(left.std()))
        if noise > TOO_SHAKEN_M_S2:
            return
        rows, sides = columns.reshape(15, -1) / noise, points.reshape(-1) / noise
        self._normal = (1.0 - FORGOTTEN) * self._normal + rows @ rows.T
        self._right = (1.0 - FORGOTTEN) * self._right + rows @ sides
        covariance = np.linalg.inv(self._normal + np.diag(SPREAD**-2.0))
        self._found = np.asarray(covariance @ self._right, np.float64)
        of_both = np.asarray(covariance[np.ix_(_TAKEN_OFF, _TAKEN_OFF)], np.float64)
        part = significant_part(self._found[_TAKEN_OFF], of_both)
        off = part * self._found
        self.gyr_gain = np.asarray(1.0 + np.clip(off[0:3], -LARGEST_GAIN, LARGEST_GAIN), np.float64)
        self.gyr_bias = np.asarray(self._found[3:6] / self.gyr_gain)
        self.acc_offset = np.asarray(np.clip(off[6:9], -LARGEST_OFFSET_M_S2, LARGEST_OFFSET_M_S2))
        self.acc_gain = np.asarray(1.0 + np.clip(off[9:12], -LARGEST_GAIN, LARGEST_GAIN))
        self.known = True

    def _equations(self, acc: Floats, gyr: Floats, border: Floats) -> tuple[Floats, Floats]:
        """Specific force (3, POINTS) less gravity, earth frame, with the filter's corrections taken back, and what each
        unknown adds to it, (15, 3, POINTS)."""
        seconds = self._block * self._period
        step = rotation.multiply(rotation.conjugate(border[:, :-1]), border[:, 1:])
        turn = 2.0 * np.sign(step[0]) * step[1:]
        middle = rotation.interpolate(border[:, :-1], border[:, 1:], np.full(BLOCKS, 0.5))
        to_earth = _columns(middle)
        rate = gyr.reshape(BLOCKS, self._block, 3).sum(axis=1).T * self._period
        force = acc.reshape(BLOCKS, self._block, 3).mean(axis=1).T
        found = np.zeros((15, 3, BLOCKS))
        found[0:3] = _tilt(_until(to_earth * turn[:, None]))
        found[3:6] = _tilt(_until(to_earth * seconds))
        found[6:9] = to_earth
        found[9:12] = to_earth * force[:, None]
        between = 0.5 * (turn[:, 1:] + turn[:, :-1])
        rates = rotation.rotate(border, np.concatenate((turn[:, :1], between, turn[:, -1:]), axis=1) / seconds)
        axes = _columns(border)
        turning = np.stack([np.stack(_cross(rates, axis)) for axis in axes])
        found[12:15] = (turning[..., 1:] - turning[..., :-1]) / seconds
        target = rotation.rotate(middle, force)
        target[2] -= G0
        target += _tilt(_until(rotation.rotate(middle, rate - turn))[None])[0]
        mean = BLOCKS // POINTS
        points = target.reshape(3, POINTS, mean).mean(axis=2)
        columns = found.reshape(15, 3, POINTS, mean).mean(axis=3)
        points[:2] -= points[:2].mean(axis=1, keepdims=True)
        columns[:, :2] -= columns[:, :2].mean(axis=2, keepdims=True)
        return points, columns


def significant_part(found: Floats, covariance: Floats) -> float:
    """The part of the estimated errors (k,) to correct, 0 to 1, given their covariance (k, k)."""
    chi_squared = float(found @ np.linalg.solve(covariance, found)) / len(found)
    return min(max((chi_squared - CHANCE) / (SIGNIFICANT - CHANCE), 0.0), 1.0)


def _columns(quat: Floats) -> Floats:
    """The sensor's three axes in the earth frame, (3, 3, n): axis, component, time."""
    w, x, y, z = quat
    return np.array(
        (
            (w * w + x * x - y * y - z * z, 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)),
            (2.0 * (x * y - w * z), w * w - x * x + y * y - z * z, 2.0 * (y * z + w * x)),
            (2.0 * (x * z + w * y), 2.0 * (y * z - w * x), w * w - x * x - y * y + z * z),
        )
    )


def _until(steps: Floats) -> Floats:
    """Sum of the steps up to the middle of each."""
    return np.asarray(np.cumsum(steps, axis=-1) - 0.5 * steps)


def _tilt(tilt: Floats) -> Floats:
    """tilt × g (k, 3, n) of small tilts (k, 3, n), earth frame."""
    return np.stack((G0 * tilt[:, 1], -G0 * tilt[:, 0], np.zeros_like(tilt[:, 0])), axis=1)


def _cross(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
