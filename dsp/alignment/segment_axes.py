"""Axes of a segment in its sensor: from gravity's path while it turns, and from the direction in which a person walks off.

Everything here needs only gravity and the sensor's own heading; (3, n) is components first.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from body_signals import G0, Floats
from dsp import rotation

WALKED_S = (1.5, 3.0)
"""Interval after the standing, s, in which the speed of walking off is measured (ours)."""
WALKING_M_S, SLOWEST_M_S = 0.5, 0.3
"""Least speed of walking, and in either half of that interval (ours): a residue of gravity increases one and decreases the
other."""
STRIDE_FORWARD_RAD, STRIDE_BACK_RAD, STRIDE_PLANARITY = np.radians(10.0), np.radians(5.0), 0.85
"""In strides a thigh swings forward and back by more than these, with at least this planarity (ours)."""
AGREES_RAD = np.radians(60.0)
"""Largest angle between a stated axis and the measured one for it to decide the sign (ours). For a sensor that faces between
two of its axes the nearer one is stated, so the statement may be off by half a right angle."""
STRAIGHT_RAD = np.radians(20.0)
"""Largest change of direction over that interval (ours)."""
BRIDGED_S = 0.3
"""Time, s, between two samples of the motion up to which those between are filled in: a packet was lost, or came
too late (ours)."""
ALIKE_RAD = np.radians(12.0)
"""Bends whose axes are within this angle of each other went in the same direction (ours)."""


def angle_between(track: Floats, unit: Floats) -> Floats:
    """Angle (n,) between unit vectors (3, n) and one unit vector (3,), exact for small angles."""
    x, y, z = track[0] - unit[0], track[1] - unit[1], track[2] - unit[2]
    return np.asarray(2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(x * x + y * y + z * z), 1.0)))


def path(vertical: Floats, up: Floats) -> Floats:
    """up × vertical (3, n): along the axis about which a segment has turned from its standing, with the sine of the angle.

    vertical (3, n): earth's vertical in the sensor; up (3,): the same while standing.
    """
    v = vertical
    return np.stack((up[1] * v[2] - up[2] * v[1], up[2] * v[0] - up[0] * v[2], up[0] * v[1] - up[1] * v[0]))


def functional_axis(vertical: Floats, up: Floats, spans: list[tuple[int, int]]) -> tuple[Floats, float, float]:
    """Axis (3,) about which the segment turns in the given spans of ticks, from gravity's path in the sensor.

    vertical (3, n): earth's vertical in the sensor; up (3,): the same while standing. The sign is that of up × vertical where
    the segment goes furthest: to the right in a forward bend, to the left in a knee raise. Also returns the planarity (share
    of the path that lies in one plane, 0 … 1) and the spread of the single spans' axes, degrees (0 for one span).
    """
    arcs = []
    for start, end in spans:
        v = vertical[:, start:end]
        v = v[:, np.isfinite(v[0])]
        arcs.append(path(v, up))

    def principal(arc: Floats) -> tuple[Floats, float]:
        scatter = np.array([[(arc[i] * arc[j]).sum() for j in range(3)] for i in range(3)])
        values, vectors = np.linalg.eigh(scatter)
        return furthest_way(vectors[:, 2], arc), float(values[2] / max(values.sum(), 1e-12))

    axis, planarity = principal(np.concatenate(arcs, axis=1))
    single = [principal(arc)[0] for arc in arcs if arc.shape[1] > 1]
    spread = [np.degrees(np.arccos(np.clip(abs(float(a @ axis)), -1.0, 1.0))) for a in single]
    return axis, planarity, float(max(spread, default=0.0))


def furthest_way(axis: Floats, arc: Floats) -> Floats:
    """The axis (3,), with the sign of the furthest point of the path up × vertical, (3, n). A person may lean back for longer
    than they bend forward, but the bend goes further."""
    about = axis[0] * arc[0] + axis[1] * arc[1] + axis[2] * arc[2]
    return -axis if -float(about.min(initial=0.0)) > float(about.max(initial=0.0)) else axis


def leaning(vertical: Floats, up: Floats, right: Floats) -> Floats:
    """Forward lean (n,) rad of a segment from its standing, given its axis to the right (3,) in the sensor.

    vertical, up: as in `functional_axis`.
    """
    arc = path(vertical, up)
    forward = right[0] * arc[0] + right[1] * arc[1] + right[2] * arc[2]
    return np.asarray(np.arctan2(forward, up[0] * vertical[0] + up[1] * vertical[1] + up[2] * vertical[2]))


def alike(vertical: Floats, up: Floats, spans: list[tuple[int, int]], stated: Floats | None) -> list[int]:
    """The spans, in order, whose bends went in the same direction. Lateral bends and lifts from beside the foot did not.

    vertical, up: as in `functional_axis`. The direction of most of the bending counts, by the sum of the ranges; where an axis
    to the right is stated (3,), bends that agree with it take precedence.
    """
    axes, sizes = [], []
    for span in spans:
        axes.append(functional_axis(vertical, up, [span])[0])
        sizes.append(float(np.nanmax(angle_between(vertical[:, span[0] : span[1]], up))))
    agree = list(range(len(spans)))
    if stated is not None:
        agree = [i for i in agree if float(axes[i] @ stated) > np.cos(AGREES_RAD)] or agree
    groups = [[j for j in agree if float(axes[i] @ axes[j]) > np.cos(ALIKE_RAD)] for i in agree]
    return max(groups, key=lambda group: sum(sizes[j] for j in group))


def strides(vertical: Floats, up: Floats, stated: Floats) -> tuple[Floats, float] | None:
    """The axis to the right (3,) of a striding thigh, and the planarity of its swing; None without strides, or where the stated
    axis (3,) to the right does not decide the sign.

    vertical (3, n), up (3,): as in `functional_axis`.
    """
    if np.count_nonzero(np.isfinite(vertical[0])) < 0.5 * vertical.shape[1]:
        return None
    axis, planarity, _ = functional_axis(vertical, up, [(0, vertical.shape[1])])
    axis = axis if float(axis @ stated) > 0.0 else -axis
    swing = axis[:, None] * np.cross(up[:, None], vertical, axis=0)
    swing = swing[0] + swing[1] + swing[2]
    forth, back = sorted((float(np.nanmax(swing)), -float(np.nanmin(swing))), reverse=True)
    if back < np.sin(STRIDE_BACK_RAD) or forth < np.sin(STRIDE_FORWARD_RAD) or planarity < STRIDE_PLANARITY:
        return None
    level = stated - up * float(stated @ up)
    agrees = float(axis @ level) > np.cos(AGREES_RAD) * np.sqrt((level**2).sum())
    return (axis, planarity) if agrees else None


def walked_off(
    integral: Floats,
    times_s: Floats,
    standing_s: tuple[float, float],
    standing: Floats,
    tilted_s: float | None = None,
    begun_s: float | None = None,
) -> Floats | None:
    """Direction (3,) in the sensor in which its wearer walked off from a standing; None where the wearer did not, or not
    straight.

    integral (3, k): running integral of the specific force, earth frame, at times_s (k,), NaN where missing. standing_s:
    beginning and end of the standing, whose mean specific force is gravity, so that tilt and accelerometer offset fall out.
    standing (4,): the sensor's orientation during it, with the same heading. A sensor on a walking body has the body's
    velocity plus an oscillation in each stride, so its mean over a second and a half points forward. tilted_s: time constant
    with which a causal filter, restarted with the standing, mistakes the walker's acceleration for gravity; this is
    compensated. None: it does not.
    begun_s: session time of the restart, where standing_s is a later part of the standing.
    """
    integral = _bridged(integral, times_s)
    begin, end = np.searchsorted(times_s, standing_s).tolist()
    first, last = np.searchsorted(times_s, [standing_s[1] + s for s in WALKED_S]).tolist()
    if end - begin < 2 or last - first < 8 or last >= len(times_s):
        return None
    gravity = (integral[:, end - 1] - integral[:, begin]) / (times_s[end - 1] - times_s[begin])
    gained = (
        integral[:, end - 1 : last]
        - integral[:, end - 1 : end]
        - gravity[:, None] * (times_s[end - 1 : last] - times_s[end - 1])
    )
    if tilted_s is not None:
        # the measuring filter was restarted with the standing, and has its own vertical
        gained[:2] += gravity[:2, None] * (times_s[end - 1 : last] - times_s[end - 1])
        gained = _put_back(gained, times_s[end - 1 : last] - (standing_s[0] if begun_s is None else begun_s), tilted_s)
    walking = gained[:2, first - end + 1 :]
    half = walking.shape[1] // 2
    early, late = walking[:, :half].mean(axis=1), walking[:, half:].mean(axis=1)
    speeds = np.hypot(*early), np.hypot(*late)
    walks = min(speeds) > SLOWEST_M_S and sum(speeds) > 2.0 * WALKING_M_S
    if not walks or float(early @ late) < np.cos(STRAIGHT_RAD) * speeds[0] * speeds[1]:
        return None
    forward = np.append(early + late, 0.0)[:, None] / np.hypot(*(early + late))
    return np.asarray(rotation.rotate(rotation.conjugate(standing[:, None]), forward)[:, 0])


def _bridged(integral: Floats, times_s: Floats) -> Floats:
    """The integral (3, k) with what is missing for a moment filled in, where it goes on afterwards as it did before."""
    there = np.flatnonzero(np.isfinite(integral[0]))
    if len(there) == integral.shape[1]:
        return integral
    bridged = integral.copy()
    for a, b in pairwise(there.tolist()):
        gap_s, gained = times_s[b] - times_s[a], integral[:, b] - integral[:, a]
        if b - a > 1 and gap_s < BRIDGED_S + 1e-6 and abs(gained[2] - G0 * gap_s) < 0.5 * G0 * gap_s:
            share = (times_s[a + 1 : b] - times_s[a]) / gap_s
            bridged[:, a + 1 : b] = integral[:, a, None] + gained[:, None] * share
    return bridged


def _put_back(gained: Floats, ages_s: Floats, tilted_s: float) -> Floats:
    """Velocities (3, k) m/s at filter ages ages_s (k,), with the acceleration that it has mistaken for gravity since the first.

    VQF's vertical is the mean of the specific force in its first T seconds, then follows it through a low-pass of second order
    (Butterworth): what is left of an acceleration a is u = a - e, with e = v / age at first and then e'' + 2 e' / T = 2 u / T².
    """
    whole = gained.copy()
    taken, slope, velocity = np.zeros(3), np.zeros(3), np.zeros(3)
    for i, (age, step) in enumerate(zip(ages_s[1:].tolist(), np.diff(ages_s).tolist(), strict=True)):
        if age < tilted_s:
            taken = (gained[:, i] + velocity) / age
        else:
            change = gained[:, i + 1] - gained[:, i]
            slope = slope + (2.0 * change / tilted_s - 2.0 * slope * step) / tilted_s
            taken = taken + slope * step
        velocity = velocity + taken * step
        whole[:2, i + 1] = (gained[:, i + 1] + velocity)[:2]
    return whole
