"""Lumbo-pelvic rhythm of one repetition: all metrics of its table, from its rows, start to end, in degrees.

This module cuts the repetition into its phases and puts together what the others compute: `dsp.shares`,
`dsp.coordination`, `dsp.slack`, `dsp.holds`. Every metric is computed for the descent and, where it makes sense, for the
ascent. What is not valid is absent.
- onset: first instant at which |velocity| exceeds 5 % of its peak in the phase, and 5 °/s, for 100 ms; delays are lumbar
  minus pelvis, negative: the pelvis is late (sign as Laird 2018, doi 10.1186/s12891-018-2387-x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from dsp import coordination, holds, shares, slack
from signals.blocks import Bools, Floats

PARTS = {
    "lumbar": "lumbar_flexion",
    "pelvis": "pelvis_tilt",
    "trunk": "trunk_inclination",
    "hip_left": "hip_left_flexion",
    "hip_right": "hip_right_flexion",
}
"""Word of each part in the metrics' names, and its angle."""
ONSET_SHARE, ONSET_DEG_S, ONSET_HELD_S = 0.05, 5.0, 0.1
DELAY_DEG = 20.0
"""Own motion at which the second delay is taken (Laird 2018)."""
VELOCITY_HALF_S = 0.05
"""Velocities are central differences over twice this time."""


@dataclass(frozen=True, slots=True)
class Best:
    """The most that was seen of this athlete so far today, degrees; NaN before. lumbar: in forward bends; hip_left,
    hip_right: in knee raises, squats and rock-backs, which bend the knee."""

    lumbar: float = math.nan
    hip_left: float = math.nan
    hip_right: float = math.nan


BENT_KNEE = ("knee_raise", "squat", "rock_back")


def better(best: Best, kind: str, highest: Mapping[str, float]) -> Best:
    """What was reached so far, with a repetition of a kind whose largest angles are given by angle name."""

    def most(before: float, now: float) -> float:
        return now if not before >= now else before

    if kind == "bend":
        return replace(best, lumbar=most(best.lumbar, highest["lumbar_flexion"]))
    if kind in BENT_KNEE:
        left, right = (most(getattr(best, f"hip_{side}"), highest[f"hip_{side}_flexion"]) for side in ("left", "right"))
        return replace(best, hip_left=left, hip_right=right)
    return best


def velocity(angle: Floats, rate_hz: float) -> Floats:
    """Rate of change (…, n), per second, of angle (…, n) by central differences over `2 * VELOCITY_HALF_S`."""
    k = max(1, round(VELOCITY_HALF_S * rate_hz))
    if angle.shape[-1] <= 2 * k:
        return np.zeros_like(angle)
    result = np.empty_like(angle)
    result[..., k:-k] = (angle[..., 2 * k :] - angle[..., : -2 * k]) * (rate_hz / (2 * k))
    result[..., :k], result[..., -k:] = result[..., k : k + 1], result[..., -k - 1 : -k]
    return result


def onset_row(speed: Floats, rate_hz: float) -> float:
    """Row of the onset of a movement of |velocity| (n,) degrees per second; NaN when it never moves."""
    moving: Bools = speed > max(ONSET_DEG_S, ONSET_SHARE * float(speed.max(initial=0.0)))
    held = max(1, round(ONSET_HELD_S * rate_hz))
    if len(moving) < held:
        return math.nan
    count = np.cumsum(moving)
    run: Bools = count[held - 1 :] - np.concatenate(([0], count[: len(count) - held])) == held
    return float(np.argmax(run)) if run.any() else math.nan


def onset_s(angle: Floats, rate_hz: float) -> float:
    """Seconds from the beginning to the movement's onset in `angle` (n,); NaN when it never moves."""
    return onset_row(np.abs(velocity(angle, rate_hz)), rate_hz) / rate_hz


def rhythm(
    rows: Mapping[str, Floats], sd: Mapping[str, Floats], turn: int, rate_hz: float, best: Best | None = None
) -> dict[str, float]:
    """Metrics of one repetition; see `measure`."""
    return measure(rows, sd, turn, rate_hz, best)[0]


def measure(
    rows: Mapping[str, Floats], sd: Mapping[str, Floats], turn: int, rate_hz: float, best: Best | None = None
) -> tuple[dict[str, float], Floats]:
    """Metrics of one repetition, in table units; what cannot be computed is absent. And the continuous relative phase (101,)
    rad of lumbar spine and pelvis, empty where there is none.

    rows, sd: by angle name, (n,) degrees and their standard uncertainties, NaN where missing; turn: index of the
    deepest row; best: what this athlete has reached before.
    """
    table = np.stack([rows[angle] for angle in PARTS.values()])
    whole = {name: bool(np.isfinite(row).all()) for name, row in zip(PARTS, table, strict=True)}
    spread = {name: math.hypot(sd[angle][turn], sd[angle][0]) for name, angle in PARTS.items()}
    velocities = velocity(table, rate_hz)
    speeds = np.abs(velocities)
    metrics: dict[str, float] = {}
    _ranges(metrics, table, speeds, turn, whole, spread)
    lumbar, pelvis, trunk, left, right = table
    hips = [side for name, side in (("hip_left", left), ("hip_right", right)) if whole[name]]
    hip = sum(hips[1:], hips[0]) / len(hips) if hips else np.full_like(lumbar, np.nan)
    hip_sd = spread["hip_left" if whole["hip_left"] else "hip_right"]
    n = table.shape[1]
    # one phase only: sitting down has no ascent
    both_phases = turn < n - 2
    if whole["lumbar"] and whole["pelvis"] and turn > 0:
        _shares(metrics, "lumbar_share_of_trunk", lumbar, pelvis, turn, spread["lumbar"], spread["pelvis"], both_phases)
        _timing(metrics, lumbar, pelvis, speeds[0], speeds[1], turn, rate_hz, both_phases)
    if whole["lumbar"] and hips and turn > 0:
        _shares(metrics, "lumbar_share_of_trunk_on_thigh", lumbar, hip, turn, spread["lumbar"], hip_sd, both_phases)
        _slack(metrics, lumbar, hip, {"left": left, "right": right}, whole, turn, rate_hz, spread)
        if whole["pelvis"]:
            back, at = slack.butt_wink(pelvis[: turn + 1], lumbar[: turn + 1], hip[: turn + 1])
            metrics["butt_wink_deg"], metrics["butt_wink_onset_hip_deg"] = back, at
    relative = np.empty(0)
    if whole["lumbar"] and turn > 0 and n > 2:
        partners = {"lumbar_pelvis": 1} if whole["pelvis"] else {}
        of_hips = [i for name, i in (("hip_left", 3), ("hip_right", 4)) if whole[name]]
        moves = np.stack((table[:2], velocities[:2]))
        if hips:
            moves = np.concatenate((moves, np.stack((hip, velocities[of_hips].mean(axis=0)))[:, None]), axis=1)
            partners["lumbar_hip"] = 2
        phases = coordination.phase(moves[0], moves[1])
        for name, i in partners.items():
            between = coordination.wrapped(phases[0] - phases[i])
            _coordination(metrics, name, between, turn / (n - 1))
            relative = between if i == 1 else relative
    if whole["hip_left"] and whole["hip_right"]:
        metrics["hip_rom_difference_deg"] = metrics["hip_left_rom_deg"] - metrics["hip_right_rom_deg"]
        metrics["hip_rom_difference_sd_deg"] = math.hypot(spread["hip_left"], spread["hip_right"])
    if best is not None:
        _use(metrics, best, table.max(axis=1).tolist(), whole)
    together = bool(hips) and whole["lumbar"]
    if (together or whole["trunk"]) and n > 2:
        _phases(metrics, lumbar + hip if together else trunk, lumbar if whole["lumbar"] else None, turn, rate_hz)
    return {name: value for name, value in metrics.items() if math.isfinite(value)}, relative


def _ranges(
    metrics: dict[str, float],
    table: Floats,
    speeds: Floats,
    turn: int,
    whole: Mapping[str, bool],
    spread: Mapping[str, float],
) -> None:
    """Ranges, extremes and peak velocities of every part."""
    highest, lowest = table.max(axis=1).tolist(), table.min(axis=1).tolist()
    down, up = speeds[:, : turn + 1].max(axis=1).tolist(), speeds[:, turn:].max(axis=1).tolist()
    for i, name in enumerate(PARTS):
        if whole[name]:
            metrics[f"{name}_rom_deg"] = highest[i] - lowest[i]
            metrics[f"{name}_rom_sd_deg"] = spread[name]
            metrics[f"{name}_peak_deg"] = highest[i]
            metrics[f"{name}_peak_velocity_descent_deg_s"] = down[i]
            metrics[f"{name}_peak_velocity_ascent_deg_s"] = up[i]
    for side in ("left", "right"):
        if whole["lumbar"] and whole[f"hip_{side}"]:
            hip = table[3 if side == "left" else 4]
            metrics[f"hip_{side}_apparent_peak_deg"] = float((table[0] + hip).max())


def _shares(
    metrics: dict[str, float],
    name: str,
    lumbar: Floats,
    rest: Floats,
    turn: int,
    sd_lumbar: float,
    sd_rest: float,
    both_phases: bool,
) -> None:
    """A share over the descent and over the ascent: whole, by thirds, by bins of forward bend."""
    for phase in ("", "_ascent") if both_phases else ("",):
        # the ascent is measured as if it were a descent, from the end backwards
        part = slice(0, turn + 1) if not phase else slice(None, turn - 1 if turn else None, -1)
        one, other = lumbar[part], rest[part]
        whole = shares.with_sd(float(one[-1] - one[0]), float(other[-1] - other[0]), sd_lumbar, sd_rest)
        thirds_and_bins = shares.parts(one, other, sd_lumbar, sd_rest)
        for (value_name, sd_name), (value, sd) in zip(_share_names(name, phase), (whole, *thirds_and_bins), strict=True):
            metrics[value_name] = value
            metrics[sd_name] = sd


@cache
def _share_names(name: str, phase: str) -> tuple[tuple[str, str], ...]:
    """Names of the values and their uncertainties: whole, thirds, bins."""
    # the early third of an ascent is the deep one
    thirds = shares.THIRDS[::-1] if phase else shares.THIRDS
    parts = ("", *(f"_{word}" for word in (*thirds, *shares.BIN_NAMES)))
    return tuple((f"{name}{phase}{part}", f"{name}{phase}{part}_sd") for part in parts)


def _timing(
    metrics: dict[str, float],
    lumbar: Floats,
    pelvis: Floats,
    lumbar_speed: Floats,
    pelvis_speed: Floats,
    turn: int,
    rate_hz: float,
    both_phases: bool,
) -> None:
    """Delays and lags of the lumbar spine against the pelvis, seconds."""
    down = slice(0, turn + 1)
    metrics["onset_delay_s"] = (onset_row(lumbar_speed[down], rate_hz) - onset_row(pelvis_speed[down], rate_hz)) / rate_hz
    reached = []
    for angle in (lumbar[down], pelvis[down]):
        beyond = np.flatnonzero(angle - angle[0] >= DELAY_DEG)
        reached.append(float(beyond[0]) if len(beyond) else math.nan)
    metrics["delay_at_20deg_s"] = (reached[0] - reached[1]) / rate_hz
    metrics["peak_velocity_lag_s"] = float(np.argmax(lumbar_speed[down]) - np.argmax(pelvis_speed[down])) / rate_hz
    metrics["correlation_lag_s"] = coordination.best_lag_s(lumbar_speed[down], pelvis_speed[down], rate_hz)
    if both_phases:
        up = slice(turn, None)
        delay = onset_row(lumbar_speed[up], rate_hz) - onset_row(pelvis_speed[up], rate_hz)
        metrics["onset_delay_ascent_s"] = delay / rate_hz


def _coordination(metrics: dict[str, float], name: str, relative: Floats, turn: float) -> None:
    """Relative phase (101,) rad over the repetition, its mean size and its direction, and over the descent and the ascent.
    turn: where the deepest point lies, 0 … 1."""
    bottom = max(1, min(coordination.POINTS - 1, round(turn * (coordination.POINTS - 1))))
    over, down, up = coordination.phase_directions(relative, bottom)
    metrics[f"crp_{name}_deg"], metrics[f"crp_{name}_sd_deg"] = math.degrees(over.mean), math.degrees(over.sd)
    metrics[f"crp_{name}_abs_deg"] = math.degrees(float(np.abs(relative).mean()))
    metrics[f"crp_{name}_descent_deg"], metrics[f"crp_{name}_ascent_deg"] = math.degrees(down.mean), math.degrees(up.mean)


def _slack(
    metrics: dict[str, float],
    lumbar: Floats,
    hip: Floats,
    sides: Mapping[str, Floats],
    whole: Mapping[str, bool],
    turn: int,
    rate_hz: float,
    spread: Mapping[str, float],
) -> None:
    """Slack onset by both estimators, of the mean hip and of each side, and what follows it."""
    down = slice(0, turn + 1)
    if turn < 5:
        return
    sd = spread["lumbar"]
    for word, angle in (("", hip), *((f"_{side}", a) for side, a in sides.items() if whole[f"hip_{side}"])):
        hip_sd = spread["hip_left" if word == "_left" or (not word and whole["hip_left"]) else "hip_right"]
        metrics[f"slack_onset{word}_deg"] = slack.threshold_onset(lumbar[down], angle[down], rate_hz, sd)
        knee = slack.breakpoint(lumbar[down], angle[down])
        metrics[f"slack_breakpoint{word}_deg"] = knee.hip_deg
        metrics[f"slack_breakpoint{word}_sd_deg"] = slack.onset_sd(hip_sd, sd, knee.slope_after)
        if not word:
            metrics["slack_slope_before"], metrics["slack_slope_after"] = knee.slope_before, knee.slope_after
            metrics["slack_onset_sd_deg"] = (
                slack.onset_sd(hip_sd, sd, 0.5) if math.isfinite(metrics["slack_onset_deg"]) else math.nan
            )
    metrics["slack_fraction"] = slack.slack_fraction(lumbar[down], hip[down])


def _use(metrics: dict[str, float], best: Best, highest: list[float], whole: Mapping[str, bool]) -> None:
    """What was used of what this athlete can do, both as far as they are known."""
    for name, reached, most, i in (
        ("lumbar_of_largest_bend", "lumbar", best.lumbar, 0),
        ("hip_left_utilisation", "hip_left", best.hip_left, 3),
        ("hip_right_utilisation", "hip_right", best.hip_right, 4),
    ):
        if whole[reached] and most > slack.SMALLEST_HIP_DEG:
            metrics[name] = highest[i] / most


def _phases(metrics: dict[str, float], total: Floats, lumbar: Floats | None, turn: int, rate_hz: float) -> None:
    """Durations of descent, hold and ascent, and what the lumbar spine does in the hold."""
    first, last = holds.hold_rows(total, np.abs(velocity(total, rate_hz)), turn)
    metrics["descent_s"], metrics["hold_s"] = first / rate_hz, (last - first) / rate_hz
    metrics["ascent_s"] = (len(total) - 1 - last) / rate_hz
    if lumbar is not None:
        creep, tremor = holds.creep_and_tremor(lumbar[first : last + 1], rate_hz)
        metrics["hold_creep_deg_s"], metrics["hold_tremor_deg"] = creep, tremor
