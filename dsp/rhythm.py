"""Lumbo-pelvic rhythm of repetitions: all metrics of their table, from their rows, start to end, in degrees.

This module cuts repetitions into their phases and puts together what the others compute: `dsp.shares`,
`dsp.coordination`, `dsp.slack`, `dsp.holds`. Every metric is computed for the descent and, where it makes sense, for the
ascent. What is not valid is absent. Repetitions are measured many at a time (`dsp.phases`).
- onset: first instant at which |velocity| exceeds 5 % of its peak in the phase, and 5 °/s, for 100 ms; delays are lumbar
  minus pelvis, negative: the pelvis is late (sign as Laird 2018, doi 10.1186/s12891-018-2387-x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from dsp import coordination, holds, shares, slack
from dsp.phases import Phases, one_phase, velocity
from dsp.results import Metrics
from signals.blocks import Bools, Floats, Ints

PARTS = {
    "lumbar": "lumbar_flexion",
    "pelvis": "pelvis_tilt",
    "trunk": "trunk_inclination",
    "hip_left": "hip_left_flexion",
    "hip_right": "hip_right_flexion",
}
"""Word of each part in the metrics' names, and its angle; rows of arrays here are in this order."""
LUMBAR, PELVIS, TRUNK, LEFT, RIGHT = range(5)
ONSET_SHARE, ONSET_DEG_S, ONSET_HELD_S = 0.05, 5.0, 0.1
DELAY_DEG = 20.0
"""Own motion at which the second delay is taken (Laird 2018)."""
SHORTEST_SLACK_ROWS = 6
"""Rows of a descent below which nothing is looked for in it."""


@dataclass(frozen=True, slots=True)
class Best:
    """The most that was seen of this athlete so far today, degrees; NaN before. lumbar: in forward bends; hip_left,
    hip_right: in knee raises, squats and rock-backs, which bend the knee."""

    lumbar: float = math.nan
    hip_left: float = math.nan
    hip_right: float = math.nan


BENT_KNEE = ("knee_raise", "squat", "rock_back")


def better(best: Best, kind: str, angles: Floats) -> Best:
    """What was reached so far, with a repetition of a kind whose angles are (5, n) degrees, in the order of `PARTS`."""

    def most(before: float, part: int) -> float:
        now = float(np.fmax.reduce(angles[part]))
        return now if before != before or now > before else before

    if kind == "bend":
        return replace(best, lumbar=most(best.lumbar, LUMBAR))
    if kind in BENT_KNEE:
        return replace(best, hip_left=most(best.hip_left, LEFT), hip_right=most(best.hip_right, RIGHT))
    return best


def onset_rows(phases: Phases, speed: Floats, rate_hz: float) -> Floats:
    """Rows (r,) of the onset within each phase, counted from its beginning, of a movement of |velocity| (n,) degrees per
    second; NaN where it never moves."""
    slowest = np.maximum(ONSET_DEG_S, ONSET_SHARE * phases.highest(speed))
    moving = np.zeros(len(speed), np.bool_)
    for part, rows, limit in zip(phases.parts(moving), phases.parts(speed), slowest.tolist(), strict=True):
        np.greater(rows, limit, out=part)
    held = max(1, round(ONSET_HELD_S * rate_hz))
    count = np.cumsum(np.concatenate(([False], moving)))
    run: Bools = count[held:] - count[:-held] == held
    first = Phases(phases.begin, np.maximum(phases.length - held + 1, 0)).first(run)
    return np.where(first >= 0, first - phases.begin, np.nan)


def onset_s(angle: Floats, rate_hz: float) -> float:
    """Seconds from the beginning to the movement's onset in `angle` (n,); NaN when it never moves."""
    return float(onset_rows(one_phase(len(angle)), np.abs(velocity(angle, rate_hz)), rate_hz)[0]) / rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class Movements:
    """r repetitions, their rows one after another: angles (5, n) and sd (5, n) in degrees, in the order of `PARTS`; NaN where
    missing; length (r,) in rows; turn (r,): the deepest row, counted from the repetition's first."""

    angles: Floats
    sd: Floats
    length: Ints
    turn: Ints


def rhythm(
    rows: Mapping[str, Floats], sd: Mapping[str, Floats], turn: int, rate_hz: float, best: Best | None = None
) -> dict[str, float]:
    """Metrics of one repetition; see `measure`.

    rows, sd: by angle name, (n,) degrees and their standard uncertainties, NaN where missing; turn: index of the deepest row;
    best: what this athlete has reached before.
    """
    angles, spread = (np.stack([x[angle] for angle in PARTS.values()]) for x in (rows, sd))
    one = Movements(angles, spread, np.array([angles.shape[1]]), np.array([turn]))
    return dict(measure(one, [best if best is not None else Best()], rate_hz)[0][0])


def measure(movements: Movements, bests: Sequence[Best], rate_hz: float) -> list[tuple[Metrics, Floats]]:
    """Metrics of each repetition, in table units; what cannot be computed is absent. And the continuous relative phase (101,)
    rad of lumbar spine and pelvis, empty where there is none. bests: what the athlete has reached, for each repetition."""
    rep = _Cut.of(movements, rate_hz)
    found: dict[str, Floats] = {}
    _ranges(found, rep)
    _shares(found, "lumbar_share_of_trunk", rep, rep.table[PELVIS], rep.spread[PELVIS], rep.moves & rep.has[PELVIS])
    _shares(found, "lumbar_share_of_trunk_on_thigh", rep, rep.hip, rep.hip_sd, rep.moves & rep.has_hip)
    _timing(found, rep)
    _slack(found, rep)
    relative = _coordination(found, rep)
    _use(found, rep, bests)
    _phases(found, rep)
    table = np.stack(list(found.values()), axis=1)
    table[~np.isfinite(table)] = np.nan
    places = _places(tuple(found))
    return [(Metrics(places, row), phase) for row, phase in zip(table, relative, strict=True)]


@cache
def _places(names: tuple[str, ...]) -> dict[str, int]:
    """The place of each name, in one dictionary for all repetitions."""
    return {name: i for i, name in enumerate(names)}


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Repetitions cut into phases. table and speeds (5, n): angles and |velocity|, 0 where a part is not whole; has (5, r):
    which parts are; hip (n,): the mean of the hips there are; spread (5, r), hip_sd (r,): of changes from the first to the
    deepest row; moves (r,): there is a lumbar angle and a descent; both (r,): there is an ascent too."""

    rate_hz: float
    whole: Phases
    down: Phases
    up: Phases
    turn: Ints
    table: Floats
    velocities: Floats
    speeds: Floats
    has: Bools
    has_hip: Bools
    hip: Floats
    spread: Floats
    hip_sd: Floats
    moves: Bools
    both: Bools

    @classmethod
    def of(cls, movements: Movements, rate_hz: float) -> _Cut:
        length = movements.length
        begin = np.cumsum(length) - length
        turn, end = begin + movements.turn, begin + length
        whole = Phases(begin, length)
        finite = np.isfinite(movements.angles)
        has = np.logical_and.reduceat(finite, begin, axis=1)
        table = movements.angles if has.all() else np.where(whole.each(has), movements.angles, 0.0)
        velocities = velocity(table, rate_hz, whole)
        left, right = has[LEFT], has[RIGHT]
        hips = np.maximum(left.astype(np.int64) + right, 1)
        # a side that is missing is 0 here
        hip = (table[LEFT] + table[RIGHT]) / whole.each(hips)
        spread = np.hypot(movements.sd[:, turn], movements.sd[:, begin])
        return cls(
            rate_hz,
            whole,
            Phases(begin, movements.turn + 1),
            Phases(turn, end - turn),
            turn,
            table,
            velocities,
            np.abs(velocities),
            has,
            left | right,
            hip,
            spread,
            np.where(left, spread[LEFT], spread[RIGHT]),
            has[LUMBAR] & (movements.turn > 0),
            movements.turn < length - 2,  # one phase only: sitting down has no ascent
        )


def _where(valid: Bools, values: Floats) -> Floats:
    return np.where(valid, values, np.nan)


def _ranges(found: dict[str, Floats], rep: _Cut) -> None:
    """Ranges, extremes and peak velocities of every part."""
    begin = rep.whole.begin
    highest, lowest = (extreme.reduceat(rep.table, begin, axis=1) for extreme in (np.maximum, np.minimum))
    down, up = rep.down.highest(rep.speeds), rep.up.highest(rep.speeds)
    for i, name in enumerate(PARTS):
        for word, values in (
            ("rom_deg", highest[i] - lowest[i]),
            ("rom_sd_deg", rep.spread[i]),
            ("peak_deg", highest[i]),
            ("peak_velocity_descent_deg_s", down[i]),
            ("peak_velocity_ascent_deg_s", up[i]),
        ):
            found[f"{name}_{word}"] = _where(rep.has[i], values)
    for i, side in ((LEFT, "left"), (RIGHT, "right")):
        apparent = np.maximum.reduceat(rep.table[LUMBAR] + rep.table[i], begin)
        found[f"hip_{side}_apparent_peak_deg"] = _where(rep.has[LUMBAR] & rep.has[i], apparent)
    hips = rep.has[LEFT] & rep.has[RIGHT]
    found["hip_rom_difference_deg"] = _where(hips, found["hip_left_rom_deg"] - found["hip_right_rom_deg"])
    found["hip_rom_difference_sd_deg"] = _where(hips, np.hypot(rep.spread[LEFT], rep.spread[RIGHT]))


def _shares(found: dict[str, Floats], name: str, rep: _Cut, rest: Floats, rest_sd: Floats, valid: Bools) -> None:
    """A share over the descent and over the ascent: whole, by thirds, by bins of forward bend."""
    # the ascent is measured as if it were a descent, from the end backwards
    ascent = Phases(rep.up.begin + rep.up.length - 1, rep.up.length, -1)
    for phases, word, there in ((rep.down, "", valid), (ascent, "_ascent", valid & rep.both)):
        value, sd = shares.of_phases(phases, rep.table[LUMBAR], rest, rep.spread[LUMBAR], rest_sd)
        for i, (value_name, sd_name) in enumerate(_share_names(name, word)):
            found[value_name], found[sd_name] = _where(there, value[:, i]), _where(there, sd[:, i])


@cache
def _share_names(name: str, phase: str) -> tuple[tuple[str, str], ...]:
    """Names of the values and their uncertainties: whole, thirds, bins."""
    # the early third of an ascent is the deep one
    thirds = shares.THIRDS[::-1] if phase else shares.THIRDS
    parts = ("", *(f"_{word}" for word in (*thirds, *shares.BIN_NAMES)))
    return tuple((f"{name}{phase}{part}", f"{name}{phase}{part}_sd") for part in parts)


def _timing(found: dict[str, Floats], rep: _Cut) -> None:
    """Delays and lags of the lumbar spine against the pelvis, seconds."""
    valid, rate, down = rep.moves & rep.has[PELVIS], rep.rate_hz, rep.down
    onsets, reached, peaks = [], [], []
    for i in (LUMBAR, PELVIS):
        angle, speed = rep.table[i], rep.speeds[i]
        onsets.append((onset_rows(down, speed, rate), onset_rows(rep.up, speed, rate)))
        beyond = down.first(angle - rep.whole.each(angle[down.begin]) >= DELAY_DEG)
        reached.append(_where(beyond >= 0, beyond.astype(np.float64)))
        peaks.append(down.first(speed == rep.whole.each(down.highest(speed))))
    found["onset_delay_s"] = _where(valid, (onsets[0][0] - onsets[1][0]) / rate)
    found["delay_at_20deg_s"] = _where(valid, (reached[0] - reached[1]) / rate)
    found["peak_velocity_lag_s"] = _where(valid, (peaks[0] - peaks[1]) / rate)
    lags = coordination.best_lags_s(down, rep.speeds[LUMBAR], rep.speeds[PELVIS], rate)
    found["correlation_lag_s"] = _where(valid, lags)
    found["onset_delay_ascent_s"] = _where(valid & rep.both, (onsets[0][1] - onsets[1][1]) / rate)


def _coordination(found: dict[str, Floats], rep: _Cut) -> list[Floats]:
    """Relative phase over the repetition, its mean size and its direction, and over the descent and the ascent. Returns that of
    lumbar spine and pelvis, (101,) rad for each repetition or empty."""
    length = rep.whole.length
    valid = rep.moves & (length > 2)
    sides = np.stack((rep.has[LEFT], rep.has[RIGHT]))
    hip_velocity = rep.velocities[LEFT:].sum(axis=0) / rep.whole.each(np.maximum(sides.sum(axis=0), 1))
    angles = np.stack((rep.table[LUMBAR], rep.table[PELVIS], rep.hip))
    velocities = np.stack((rep.velocities[LUMBAR], rep.velocities[PELVIS], hip_velocity))
    phases = coordination.phase(angles, velocities, rep.whole)
    points = coordination.POINTS - 1
    deepest = (rep.turn - rep.whole.begin) / np.maximum(length - 1, 1)
    bottom = np.clip(np.rint(deepest * points).astype(np.int64), 1, points)
    relative: list[Floats] = []
    for name, i, there in (("lumbar_pelvis", 1, valid & rep.has[PELVIS]), ("lumbar_hip", 2, valid & rep.has_hip)):
        between = coordination.wrapped(phases[0] - phases[i])
        means, sds = np.degrees(coordination.phase_directions(between, bottom))
        size = np.degrees(np.abs(between).mean(axis=1))
        for word, values in (("", means[0]), ("_sd", sds[0]), ("_abs", size), ("_descent", means[1]), ("_ascent", means[2])):
            found[f"crp_{name}{word}_deg"] = _where(there, values)
        relative = relative or [row if whole else np.empty(0) for row, whole in zip(between, there.tolist(), strict=True)]
    return relative


def _slack(found: dict[str, Floats], rep: _Cut) -> None:
    """Slack onset by both estimators, of the mean hip and of each side, and what follows it; and the butt wink."""
    down, lumbar, sd = rep.down, rep.table[LUMBAR], rep.spread[LUMBAR]
    long = rep.moves & rep.has_hip & (down.length >= SHORTEST_SLACK_ROWS)
    hips = (
        ("", rep.hip, rep.hip_sd, long),
        ("_left", rep.table[LEFT], rep.spread[LEFT], long & rep.has[LEFT]),
        ("_right", rep.table[RIGHT], rep.spread[RIGHT], long & rep.has[RIGHT]),
    )
    onsets = slack.threshold_onset(down, lumbar, [*(angle for _, angle, _, _ in hips), rep.table[TRUNK]], rep.rate_hz, sd)
    found["slack_onset_trunk_deg"] = _where(long & rep.has[TRUNK], onsets.pop())
    for (word, angle, hip_sd, there), onset in zip(hips, onsets, strict=True):
        knees = slack.breakpoints(down, lumbar, angle)
        found[f"slack_onset{word}_deg"] = _where(there, onset)
        found[f"slack_breakpoint{word}_deg"] = _where(there, knees.hip_deg)
        found[f"slack_breakpoint{word}_sd_deg"] = _where(there, slack.onset_sd(hip_sd, sd, knees.slope_after))
        if not word:
            found["slack_slope_before"] = _where(there, knees.slope_before)
            found["slack_slope_after"] = _where(there, knees.slope_after)
            found["slack_onset_sd_deg"] = _where(there & np.isfinite(onset), slack.onset_sd(hip_sd, sd, 0.5))
    found["slack_fraction"] = _where(long, slack.slack_fraction(down, lumbar, rep.hip))
    back, at = slack.butt_wink(down, rep.table[PELVIS], lumbar, rep.hip)
    valid = rep.moves & rep.has_hip & rep.has[PELVIS]
    found["butt_wink_deg"], found["butt_wink_onset_hip_deg"] = _where(valid, back), _where(valid, at)


def _use(found: dict[str, Floats], rep: _Cut, bests: Sequence[Best]) -> None:
    """What was used of what this athlete can do, both as far as they are known."""
    for name, part in (
        ("lumbar_of_largest_bend", "lumbar"),
        ("hip_left_utilisation", "hip_left"),
        ("hip_right_utilisation", "hip_right"),
    ):
        most = np.array([getattr(best, part) for best in bests])
        known = np.where(most > slack.SMALLEST_HIP_DEG, most, np.nan)
        found[name] = found[f"{part}_peak_deg"] / known


def _phases(found: dict[str, Floats], rep: _Cut) -> None:
    """Durations of descent, hold and ascent, and what the lumbar spine does in the hold."""
    together = rep.has_hip & rep.has[LUMBAR]
    valid = (together | rep.has[TRUNK]) & (rep.whole.length > 2)
    total = np.where(rep.whole.each(together), rep.table[LUMBAR] + rep.hip, rep.table[TRUNK])
    first, last = holds.hold_rows(rep.whole, rep.turn, total, np.abs(velocity(total, rep.rate_hz, rep.whole)))
    end = rep.whole.begin + rep.whole.length - 1
    for name, rows in (("descent_s", first - rep.whole.begin), ("hold_s", last - first), ("ascent_s", end - last)):
        found[name] = _where(valid, rows / rep.rate_hz)
    creep = [
        holds.creep_and_tremor(rep.table[LUMBAR, a : b + 1], rep.rate_hz)
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    found["hold_creep_deg_s"], found["hold_tremor_deg"] = _where(valid & rep.has[LUMBAR], np.array(creep).T)
