"""Impossible units and frames, detected from the samples themselves.

Gravity is in every recording: |acc| has its median near 9.81 m/s², the direction of gravity in the sensor rotates as the
gyroscope says, and a device's own orientation turns gravity upright. This module finds the gross faults, those of units. The
checks of a running session find a sensor's finer faults (range, sign, axes), see `hiphinge/session/plain/plausible_input.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from body_signals import G0, LONGEST_SESSION_S, Floats

ACC_MEDIAN_M_S2 = (6.0, 14.0)
"""Plausible range of the median of |acc|; fast hand-held movement stays within 9.7 to 10.0 (ours)."""
_STEADY = 0.4
"""Least tenth percentile of |acc|, and length of its mean in the earth frame, over its median, with gravity in it (ours)."""
_MOST_FILLED = 0.9
"""Part of the samples up to which those that are exactly zero are left out (ours)."""
FASTEST_RAD_S = 70.0
"""Largest plausible rate: 4000 °/s, the widest range of common gyroscopes (ours)."""
QUATERNION_NORM_TOLERANCE = 0.05
"""Largest distance of a quaternion's length from 1; rounding to three digits leaves less (ours)."""
TILT_DEG = 30.0
"""Largest angle between the vertical and the mean of acc under a device orientation (ours)."""

FURTHEST_S = 1e8
"""Largest session time, s; times beyond three years are counted from another origin (ours)."""

ORDINARY_HZ = (15.0, 400.0)
"""Sample rates of sensors on a body (ours)."""
OFF_BY = 3.0
"""Factor between gravity's rotation and the gyroscope's from which a time with an unusual rate is doubted (ours)."""
COUNTER = "counter"
"""The quantity of a time column that is really a packet counter or ticks."""

_WINDOW_S = 0.5
"""Length, s, of the windows in which gravity's rotation is compared with the gyroscope's (ours)."""
_WINDOWS = (8, 16, 32)
"""The same in samples, for when the time itself is in doubt (ours)."""
_TURN = 0.1
"""Least rotation of gravity's direction within a window, rad, for a comparison with the gyroscope (ours)."""
_QUIET = 0.1
"""Largest relative deviation of |acc| from gravity at which acc shows gravity's direction (ours)."""
_FEWEST_WINDOWS = 10
"""Fewest windows in which gravity has rotated, for a verdict (ours)."""
_CORRELATION = 0.8
"""Least correlation of both rotations, for a verdict (ours)."""


@dataclass(frozen=True, slots=True)
class Implausible:
    """What is wrong from data row `row` on, in which quantity (``time``, `COUNTER`, ``acc``, ``gyr``, ``quat``), what to do."""

    row: int
    quantity: str
    what: str
    remedy: str


def implausible(time_s: Floats, acc: Floats, gyr: Floats | None, quat: Floats | None) -> Implausible | None:
    """The first doubt about samples in SI units: time_s (n,), acc (n, 3), gyr (n, 3), quat (n, 4) sensor → earth."""
    return _time(time_s, acc, gyr) or _acc(acc, quat) or _gyr(time_s, acc, gyr) or _quat(acc, quat, needed=gyr is None)


def _time(time_s: Floats, acc: Floats, gyr: Floats | None) -> Implausible | None:
    if len(time_s) < 2:
        return None
    step = float(np.median(np.diff(time_s)))
    if step > 0.0 and ORDINARY_HZ[0] <= 1.0 / step <= ORDINARY_HZ[1]:
        return None
    counted = _counted(time_s, step, acc, gyr)
    if counted is not None or 1e-4 < step < 1.0:
        return counted
    what = f"the usual step of the time is {step:.6g} s"
    if step == 1.0:
        what += ": this looks like a packet counter, or like milliseconds of a sensor of 1000 samples a second"
        return Implausible(
            0, COUNTER, what, "Divide a counter by the sensor's sample rate, milliseconds by 1000, to have seconds."
        )
    if step >= 1.0:
        unit, factor = ("milliseconds", 1e3) if step < 1e3 else ("microseconds", 1e6) if step < 1e6 else ("nanoseconds", 1e9)
        return Implausible(0, "time", f"{what}: this looks like {unit}", f"Divide the time by {factor:.0f} to have seconds.")
    return Implausible(0, "time", f"{what}: no sensor is that fast", "Write the time in seconds.")


def _counted(time_s: Floats, step: float, acc: Floats, gyr: Floats | None) -> Implausible | None:
    """A time that is really a counter or ticks, where the gyroscope shows the true length of a step."""
    scale = None if gyr is None or step <= 0.0 else gravity_turn_per_gyr(time_s, acc, gyr)
    if scale is None or 1.0 / OFF_BY < scale < OFF_BY:
        return None
    rate_hz = 1.0 / (scale * step)
    if not ORDINARY_HZ[0] <= rate_hz <= ORDINARY_HZ[1]:
        return None
    per_second = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
    for unit, factor in per_second.items():
        if 0.7 < scale * factor < 1.4 and step > 1.0:
            what = f"the usual step of the time is {step:.6g} s: this looks like {unit}"
            return Implausible(0, "time", what, f"Divide the time by {factor:.0f} to have seconds.")
    times = f"{scale:.3g} times more" if scale > 1.0 else f"{1.0 / scale:.3g} times less"
    what = (
        f"at {1.0 / step:.4g} samples a second gravity turns {times} than the gyroscope says: "
        "the time looks like a packet counter or ticks, not like seconds"
    )
    remedy = f"The sample rate seems to be about {rate_hz:.2g} Hz: divide the counter by the sensor's rate to have seconds."
    return Implausible(0, COUNTER, what, remedy)


def when(time_s: Floats) -> Implausible | None:
    """The calendar dates of the times, and their duration."""
    if abs(time_s[0]) > FURTHEST_S:
        what = f"the time begins {time_s[0]:.10g} s from the session's start, which is {time_s[0] / 31_557_600.0:.1f} years"
        remedy = (
            "Count the time from the session's start, and write that start into session.toml "
            '(hiphinge import does it, unless zero = "keep").'
        )
        if time_s[0] > 0.0:
            what += ": this looks like Unix seconds"
        return Implausible(0, "time", what, remedy)
    row = int(time_s.searchsorted(time_s[0] + LONGEST_SESSION_S, side="right"))
    if row == len(time_s):
        return None
    what = f"the time goes from {time_s[0]:.10g} to {time_s[row]:.10g} s, and a session lasts {LONGEST_SESSION_S:.0f} s at most"
    return Implausible(row, "time", what, "Correct the time, or make a session of each day.")


def _acc(acc: Floats, quat: Floats | None) -> Implausible | None:
    size = np.linalg.norm(acc, axis=1)
    # zeros that fill in say nothing of the unit: the computation leaves them out
    filled = size == 0.0
    if 0 < np.count_nonzero(filled) <= _MOST_FILLED * len(size):
        size, acc, quat = size[~filled], acc[~filled], None if quat is None else quat[~filled]
    median = float(np.median(size))
    if ACC_MEDIAN_M_S2[0] <= median <= ACC_MEDIAN_M_S2[1]:
        return None
    what = f"the median of |acc| is {median:.4g}, where gravity alone gives 9.81 m/s²"
    # without gravity, |acc| comes near zero again and again, and its mean in the earth frame is near zero
    steady = float(np.quantile(size, 0.1)) > _STEADY * median
    if quat is not None:
        steady &= float(np.linalg.norm(_turned(quat, acc).mean(axis=0))) > _STEADY * median
    if 0.6 < median < 1.4 and steady:
        return Implausible(0, "acc", f"{what}: this looks like g", "Multiply the acc columns by 9.80665.")
    if 600.0 < median < 1400.0:
        return Implausible(0, "acc", f"{what}: this looks like mg", "Multiply the acc columns by 0.00980665.")
    if median < 0.6 or (median < 1.4 and not steady):
        remedy = "Export the acceleration with gravity (specific force), in m/s²."
        return Implausible(0, "acc", f"{what}: gravity seems to have been removed", remedy)
    return Implausible(0, "acc", what, "Write the acceleration in m/s², with gravity in it.")


def _gyr(time_s: Floats, acc: Floats, gyr: Floats | None) -> Implausible | None:
    if gyr is None:
        return None
    remedy = "Multiply the gyr columns by 0.0174533 to have rad/s."
    scale = gravity_turn_per_gyr(time_s, acc, gyr)
    fast = np.flatnonzero(np.abs(gyr).max(axis=1) > FASTEST_RAD_S)
    if len(fast):
        row = int(fast[0])
        what = f"an angular rate of {np.abs(gyr[row]).max():.4g} rad/s is beyond every gyroscope"
        if scale is not None and scale > 0.5:
            return Implausible(row, "gyr", what, "The other lines look sound: remove this one.")
        return Implausible(row, "gyr", f"{what}: this looks like deg/s", remedy)
    if scale is not None and 0.3 < scale / np.radians(1.0) < 2.0:
        what = f"gravity turns {1.0 / scale:.0f} times less than the gyr columns say: they look like deg/s"
        return Implausible(0, "gyr", what, remedy)
    return None


def gravity_turn_per_gyr(time_s: Floats, acc: Floats, gyr: Floats) -> float | None:
    """How far gravity's direction turns in the sensor per turn of the gyroscope: 1 when units agree, 0.0175 for deg/s.

    Regression over windows in which |acc| is near gravity and its direction u rotates; there du/dt = −ω × u. Windows are half a
    second of the stated time, or a fixed number of samples; those with the best correlation count. None where the rotation is
    too small or the two do not correlate.
    """
    if len(time_s) < 3:
        return None
    step = float(np.median(np.diff(time_s)))
    lengths = {max(1, round(_WINDOW_S / step)) if step > 0.0 else 1, *_WINDOWS}
    found = [one for length in sorted(lengths) if (one := _regression(time_s, acc, gyr, length, step)) is not None]
    correlation, scale = max(found, default=(0.0, 0.0))
    return scale if correlation > _CORRELATION else None


def _regression(time_s: Floats, acc: Floats, gyr: Floats, length: int, usual: float) -> tuple[float, float] | None:
    """Correlation and slope of gravity's rotation over the gyroscope's, in windows of this many samples; None: too little
    rotation."""
    norm = np.linalg.norm(acc, axis=1)
    direction = acc / np.maximum(norm, 1e-9)[:, None]
    step = np.diff(time_s)
    turn = -np.cross(0.5 * (gyr[1:] + gyr[:-1]), 0.5 * (direction[1:] + direction[:-1])) * step[:, None]
    edges = np.arange(0, len(time_s), length)
    if len(edges) < _FEWEST_WINDOWS + 1:
        return None
    by_gyr = np.diff(np.concatenate((np.zeros((1, 3)), np.cumsum(turn, axis=0)))[edges], axis=0)
    by_acc = np.diff(direction[edges], axis=0)
    doubtful = np.where(np.abs(gyr).max(axis=1) > FASTEST_RAD_S, np.inf, np.abs(norm / G0 - 1.0))
    quiet = np.maximum.reduceat(doubtful, edges[:-1]) < _QUIET
    whole = np.diff(time_s[edges]) < 2.0 * length * usual
    use = quiet & whole & (np.linalg.norm(by_acc, axis=1) > _TURN)
    if np.count_nonzero(use) < _FEWEST_WINDOWS:
        return None
    x, y = by_gyr[use].ravel(), by_acc[use].ravel()
    xx, xy, yy = float(x @ x), float(x @ y), float(y @ y)
    return (xy / float(np.sqrt(xx * yy)), xy / xx) if xx > 0.0 and yy > 0.0 else None


def _quat(acc: Floats, quat: Floats | None, *, needed: bool) -> Implausible | None:
    if quat is None:
        return None
    norm = np.linalg.norm(quat, axis=1)
    off = np.flatnonzero(np.abs(norm - 1.0) > QUATERNION_NORM_TOLERANCE)
    if len(off):
        row = int(off[0])
        what = f"the quaternion has length {norm[row]:.3g} instead of 1"
        return Implausible(row, "quat", what, "Write unit quaternions in the order w, x, y, z.")
    if not needed:
        return None
    # over time accelerations cancel, so the mean of acc in the earth frame is gravity, even in fast movement
    tilt, inverse_tilt = (_tilt_deg(_turned(quat / norm[:, None] * sense, acc)) for sense in (1.0, [1.0, -1.0, -1.0, -1.0]))
    if tilt <= TILT_DEG:
        return None
    what = f"the orientations turn gravity {tilt:.0f}° away from the vertical"
    if inverse_tilt <= TILT_DEG:
        return Implausible(0, "quat", f"{what}: they look like earth → sensor", "Write the conjugate: w, -x, -y, -z.")
    return Implausible(0, "quat", what, "Write orientations sensor → earth with z up, in the order w, x, y, z.")


def _turned(quat: Floats, vectors: Floats) -> Floats:
    """Vectors (n, 3) turned by unit quaternions (n, 4)."""
    across = np.cross(quat[:, 1:], vectors)
    return np.asarray(vectors + 2.0 * (quat[:, :1] * across + np.cross(quat[:, 1:], across)))


def _tilt_deg(acc: Floats) -> float:
    """Angle of the mean of acc (n, 3) from the vertical."""
    mean = acc.mean(axis=0)
    return float(np.degrees(np.arctan2(np.hypot(mean[0], mean[1]), mean[2])))
