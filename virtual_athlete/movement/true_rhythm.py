"""The result of an ideal measurement of each scripted repetition: ranges, shares, onset, velocities.

Taken from the true angles with sway, not from the script's parameters, so that a perfect estimator agrees exactly.
Names and units are those of `body_signals.quantities.REPETITION_METRICS`. Shares of thirds are of the descent's own total.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from body_signals import Floats
from body_signals.movements import ROCK_BACK, kind_of
from virtual_athlete.movement.body import Motion
from virtual_athlete.movement.writing import TrueRepetition

_STEP_S = 0.005
"""Step of the grid on which the true angles are evaluated, s (ours); the next constants are defined as in `dsp.rhythm`."""
_ONSET_SHARE_OF_PEAK = 0.05
_ONSET_LEAST_DEG_S = 5.0
_ONSET_HELD_S = 0.1
_SLACK_DEG = 5.0
_SLACK_HELD_S = 0.2


def with_metrics(motion: Motion, repetitions: Iterable[TrueRepetition]) -> list[TrueRepetition]:
    """The repetitions with their true `metrics`."""
    return [replace(r, metrics=_metrics(motion, r)) for r in repetitions]


def _metrics(motion: Motion, r: TrueRepetition) -> dict[str, float]:
    t: Floats = r.start_s + _STEP_S * np.arange(round((r.end_s - r.start_s) / _STEP_S) + 1, dtype=np.float64)
    raw = {name: np.rad2deg(a) for name, a in motion.angles(t).items()}
    segments = {
        "lumbar": raw["lumbar_flexion"],
        "pelvis": raw["pelvis_tilt"],
        "trunk": raw["trunk_inclination"],
        "hip_left": raw["hip_left_flexion"],
        "hip_right": raw["hip_right_flexion"],
    }
    out = {f"{name}_rom_deg": float(np.ptp(a)) for name, a in segments.items()}
    one_phase = r.turn_s == r.end_s
    out["descent_s"] = r.descent_end_s - r.start_s
    if not one_phase:
        out["hold_s"] = r.ascent_start_s - r.descent_end_s
        out["ascent_s"] = r.end_s - r.ascent_start_s
    down, up = t <= r.descent_end_s + 1e-9, t >= r.ascent_start_s - 1e-9
    for name, a in segments.items():
        rate = np.abs(np.gradient(a, _STEP_S))
        out[f"{name}_peak_velocity_descent_deg_s"] = float(rate[down].max())
        if not one_phase:
            out[f"{name}_peak_velocity_ascent_deg_s"] = float(rate[up].max())
    if r.movement == ROCK_BACK.name:
        out |= _slack(r, segments["lumbar"][down], segments["hip_left"][down], segments["hip_right"][down])
    if not kind_of(r.movement).lift:
        return {name: value for name, value in out.items() if np.isfinite(value)}

    lumbar, pelvis = segments["lumbar"], segments["pelvis"]
    hip = 0.5 * (segments["hip_left"] + segments["hip_right"])
    for name, other in (("lumbar_share_of_trunk", pelvis), ("lumbar_share_of_trunk_on_thigh", hip)):
        out[name] = _share(lumbar[down], other[down], 0.0, 1.0)
        out[f"{name}_ascent"] = _share(lumbar[up], other[up], 0.0, 1.0)
        for k, third in enumerate(("early", "middle", "late")):
            out[f"{name}_{third}"] = _share(lumbar[down], other[down], k / 3.0, (k + 1) / 3.0)
    out["onset_delay_s"] = _onset(lumbar[down]) - _onset(pelvis[down])
    return {name: value for name, value in out.items() if np.isfinite(value)}


def _slack(r: TrueRepetition, lumbar: Floats, left: Floats, right: Floats) -> dict[str, float]:
    """Where the lumbar spine begins to flex, as scripted, and where it has left its start for good."""
    out = {} if r.slack_hip_deg is None else {"slack_breakpoint_deg": r.slack_hip_deg}
    inside = np.flatnonzero(np.abs(lumbar - lumbar[0]) <= _SLACK_DEG)
    if len(inside) and len(lumbar) - 1 - inside[-1] >= _SLACK_HELD_S / _STEP_S:
        for name, hip in (("", 0.5 * (left + right)), ("_left", left), ("_right", right)):
            out[f"slack_onset{name}_deg"] = float(hip[inside[-1] + 1])
    return out


def _share(part: Floats, rest: Floats, begin: float, end: float) -> float:
    """Share of `part` in part + rest between two fractions of the whole change from first to last sample."""
    total = np.abs(part - part[0] + rest - rest[0])
    reached = np.maximum.accumulate(total) / total[-1]
    # strictly increasing abscissa for the interpolation
    reached = reached + 1e-12 * np.arange(len(reached))
    p = np.interp([begin, end], reached, part) if (begin, end) != (0.0, 1.0) else np.array([part[0], part[-1]])
    q = np.interp([begin, end], reached, rest) if (begin, end) != (0.0, 1.0) else np.array([rest[0], rest[-1]])
    return float((p[1] - p[0]) / (p[1] - p[0] + q[1] - q[0]))


def _onset(angle: Floats) -> float:
    """Time (s) from which the rate stays above 5 % of its peak and 5 °/s for 100 ms; NaN when it never does."""
    rate = np.abs(np.gradient(angle, _STEP_S))
    moving = rate > max(_ONSET_LEAST_DEG_S, _ONSET_SHARE_OF_PEAK * float(rate.max()))
    held = round(_ONSET_HELD_S / _STEP_S)
    runs = np.convolve(moving.astype(np.int64), np.ones(held, np.int64), mode="valid") == held
    return float(np.argmax(runs) * _STEP_S) if runs.any() else float("nan")
