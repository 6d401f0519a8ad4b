"""Lumbo-pelvic rhythm of one repetition: ranges, lumbar shares, onset delay, velocities, phases.

Input are the rows of one repetition, start to end, in degrees. Formulas:
- lumbar_share_of_trunk = dL / (dL + dP), lumbar_share_of_trunk_on_thigh = dL / (dL + dH), H the mean of the hips there are;
  whole, by thirds of the descent's own total, and over the ascent (Laird 2019, doi 10.1186/s12891-018-2387-x; Esola 1996).
  L and the rest are interpolated at the edges of the thirds. A share whose total is below `SMALLEST_TOTAL_DEG`, or whose
  parts cancel, is missing.
- onset: first instant at which |velocity| exceeds 5 % of its peak in the descent, and 5 °/s, for 100 ms;
  onset_delay = onset of the lumbar spine minus onset of the pelvis (sign as Laird 2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from signals.blocks import Bools, Floats

PARTS = {
    "lumbar": "lumbar_flexion",
    "pelvis": "pelvis_tilt",
    "trunk": "trunk_inclination",
    "hip_left": "hip_left_flexion",
    "hip_right": "hip_right_flexion",
}
"""Word of each part in the metrics' names, and its angle."""
SMALLEST_TOTAL_DEG = 3.0
CANCELLING = 0.5
"""A total smaller than this part of the larger of its two parts is no whole to take a share of (e.g. sitting down)."""
ONSET_SHARE, ONSET_DEG_S, ONSET_HELD_S = 0.05, 5.0, 0.1
HOLD_DEG_S, HOLD_SHARE = 5.0, 0.9
"""A hold: total velocity below the first while the total is above this share of its peak."""
VELOCITY_HALF_S = 0.05
"""Velocities are central differences over twice this time."""


def velocity(angle: Floats, rate_hz: float) -> Floats:
    """Rate of change (…, n), per second, of angle (…, n) by central differences over `2 * VELOCITY_HALF_S`."""
    k = max(1, round(VELOCITY_HALF_S * rate_hz))
    if angle.shape[-1] <= 2 * k:
        return np.zeros_like(angle)
    result = np.empty_like(angle)
    result[..., k:-k] = (angle[..., 2 * k :] - angle[..., : -2 * k]) * (rate_hz / (2 * k))
    result[..., :k], result[..., -k:] = result[..., k : k + 1], result[..., -k - 1 : -k]
    return result


def share(lumbar: float, rest: float) -> float:
    """lumbar / (lumbar + rest); NaN when the total is too small for a ratio, or when the two mostly cancel each other."""
    total = lumbar + rest
    smallest = max(SMALLEST_TOTAL_DEG, CANCELLING * max(abs(lumbar), abs(rest)))
    return lumbar / total if abs(total) >= smallest else float("nan")


def thirds(lumbar: Floats, rest: Floats) -> tuple[float, float, float]:
    """Lumbar share in the early, middle and late third of the descent's own total (lumbar + rest)."""
    total = np.maximum.accumulate(lumbar + rest)
    rise = float(total[-1] - total[0])
    if not rise > 3.0 * SMALLEST_TOTAL_DEG:
        return (float("nan"),) * 3
    # strictly rising for the interpolation: keep the first instant of each level
    keep = np.concatenate(([True], np.diff(total) > 0.0))
    edges = total[0] + rise * np.arange(4) / 3.0
    at = np.interp(edges, total[keep], np.arange(len(total), dtype=float)[keep])
    index = np.arange(len(total), dtype=float)
    steps_l, steps_r = np.diff(np.interp(at, index, lumbar)), np.diff(np.interp(at, index, rest))
    early, middle, late = (share(float(a), float(b)) for a, b in zip(steps_l, steps_r, strict=True))
    return early, middle, late


def onset_s(angle: Floats, rate_hz: float) -> float:
    """Seconds from the beginning to the movement's onset in `angle` (n,); NaN when it never moves."""
    speed = np.abs(velocity(angle, rate_hz))
    moving: Bools = speed > max(ONSET_DEG_S, ONSET_SHARE * float(speed.max(initial=0.0)))
    held = max(1, round(ONSET_HELD_S * rate_hz))
    run = np.convolve(moving, np.ones(held), mode="valid") >= held - 0.5
    return float(np.argmax(run)) / rate_hz if run.any() else float("nan")


def rhythm(rows: Mapping[str, Floats], sd: Mapping[str, Floats], turn: int, rate_hz: float) -> dict[str, float]:
    """Metrics of one repetition, in table units; what cannot be computed is absent.

    rows, sd: by angle name, (n,) degrees and their standard uncertainties, NaN where missing; turn: index of the
    deepest row.
    """
    table = np.stack([rows[angle] for angle in PARTS.values()])
    whole = {name: bool(np.isfinite(row).all()) for name, row in zip(PARTS, table, strict=True)}
    lumbar, pelvis, trunk, left, right = table
    ranges, speeds = (table.max(axis=1) - table.min(axis=1)).tolist(), np.abs(velocity(table, rate_hz))
    down, up = speeds[:, : turn + 1].max(axis=1).tolist(), speeds[:, turn:].max(axis=1).tolist()
    metrics: dict[str, float] = {}
    for i, (name, angle) in enumerate(PARTS.items()):
        if whole[name]:
            metrics[f"{name}_rom_deg"] = ranges[i]
            metrics[f"{name}_rom_sd_deg"] = math.hypot(sd[angle][turn], sd[angle][0])
            metrics[f"{name}_peak_velocity_descent_deg_s"] = down[i]
            metrics[f"{name}_peak_velocity_ascent_deg_s"] = up[i]
    hips = [side for name, side in (("hip_left", left), ("hip_right", right)) if whole[name]]
    hip = sum(hips[1:], hips[0]) / len(hips) if hips else np.full_like(lumbar, np.nan)
    for name, rest, word in (
        ("lumbar_share_of_trunk", pelvis, "pelvis"),
        ("lumbar_share_of_trunk_on_thigh", hip, "hip_left" if whole["hip_left"] else "hip_right"),
    ):
        if turn < 1 or not (whole["lumbar"] and whole[word]):
            continue
        d_lumbar, d_rest = float(lumbar[turn] - lumbar[0]), float(rest[turn] - rest[0])
        metrics[name] = share(d_lumbar, d_rest)
        if np.isfinite(metrics[name]):
            s_lumbar, s_rest = metrics["lumbar_rom_sd_deg"], metrics[f"{word}_rom_sd_deg"]
            metrics[f"{name}_sd"] = math.hypot(d_rest * s_lumbar, d_lumbar * s_rest) / (d_lumbar + d_rest) ** 2
        early, middle, late = thirds(lumbar[: turn + 1], rest[: turn + 1])
        metrics[f"{name}_early"], metrics[f"{name}_middle"], metrics[f"{name}_late"] = early, middle, late
        metrics[f"{name}_ascent"] = share(float(lumbar[turn] - lumbar[-1]), float(rest[turn] - rest[-1]))
    if "lumbar_rom_deg" in metrics and "pelvis_rom_deg" in metrics:
        metrics["onset_delay_s"] = onset_s(lumbar[: turn + 1], rate_hz) - onset_s(pelvis[: turn + 1], rate_hz)
    both = bool(hips) and whole["lumbar"]
    if (both or whole["trunk"]) and len(trunk) > 2:
        metrics.update(_phases(lumbar + hip if both else trunk, turn, rate_hz))
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _phases(total: Floats, turn: int, rate_hz: float) -> dict[str, float]:
    """Durations of descent, hold and ascent: the hold is the quiet time around the deepest point."""
    quiet = (np.abs(velocity(total, rate_hz)) < HOLD_DEG_S) & (total - total[0] > HOLD_SHARE * (total[turn] - total[0]))
    first = last = turn
    while first > 0 and quiet[first - 1]:
        first -= 1
    while last < len(total) - 1 and quiet[last + 1]:
        last += 1
    return {
        "descent_s": first / rate_hz,
        "hold_s": (last - first) / rate_hz,
        "ascent_s": (len(total) - 1 - last) / rate_hz,
    }
