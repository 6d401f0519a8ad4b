"""Lumbo-pelvic rhythm of repetitions: all metrics of the table of repetitions, from their rows, start to end, in degrees.

This module cuts repetitions into their phases and collects the results of the other modules: `shares`,
`coordination`, `slack`, `holds`. Every metric is computed for the descent and, where it makes sense, for the
ascent. Invalid values are absent. Many repetitions are measured at a time (`phases`).
- onset: first instant at which |velocity| exceeds 5 % of its peak in the phase, and 5 °/s, for 100 ms; delays are lumbar
  minus pelvis, negative: the pelvis is late (sign as Laird 2018, doi 10.1186/s12891-018-2387-x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from body_signals import Bools, Floats, Ints
from body_signals.movements import OTHER, SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH, kind_of, names_of
from dsp.results import Metrics
from dsp.rhythm import coordination, holds, shares, slack
from dsp.rhythm.lift_off import SEATS, without_the_seat
from dsp.rhythm.phases import Phases, Reach, laid_out, one_phase, reach, velocity

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
"""Onset of a movement: part of the peak velocity, velocity, and how long both must be exceeded, s (ours)."""
DELAY_DEG = 20.0
"""A segment's own motion, degrees, at which the second delay is measured (Laird 2018)."""
SHORTEST_SLACK_ROWS = 6
"""Fewest rows of a descent in which slack is searched for (ours)."""


@dataclass(frozen=True, slots=True)
class Best:
    """The largest flexions of this athlete so far today, degrees; NaN before any. lumbar: in forward bends; hip_left,
    hip_right: in knee raises, squats and rock-backs, which bend the knee."""

    lumbar: float = math.nan
    hip_left: float = math.nan
    hip_right: float = math.nan


FULL_BEND, BENT_KNEE = names_of(lambda kind: kind.full_bend), names_of(lambda kind: kind.bent_knee)
"""Kinds in which the lumbar spine uses its full range, and those in which the hips do."""


def better(best: Best, kind: str, angles: Floats) -> Best:
    """The largest flexions so far, updated with a repetition of a kind, whose angles are (5, n) degrees in the order of
    `PARTS`."""

    def most(before: float, part: int) -> float:
        now = float(np.fmax.reduce(angles[part]))
        return now if before != before or now > before else before

    if kind in FULL_BEND:
        return replace(best, lumbar=most(best.lumbar, LUMBAR))
    if kind in BENT_KNEE:
        return replace(best, hip_left=most(best.hip_left, LEFT), hip_right=most(best.hip_right, RIGHT))
    return best


def onset_rows(phases: Phases, speed: Floats, fastest: Floats, rate_hz: float) -> Floats:
    """Rows (r,) of the onset within each phase, counted from its beginning, of a movement of |velocity| (n,) degrees per
    second, which is fastest (r,) in the phase; NaN where it never moves."""
    slowest = np.maximum(ONSET_DEG_S, ONSET_SHARE * fastest)
    moving = speed > phases.each(slowest, len(speed))
    held = max(1, round(ONSET_HELD_S * rate_hz))
    count = np.cumsum(np.concatenate(([False], moving)))
    run: Bools = count[held:] - count[:-held] == held
    first = Phases(phases.begin, np.maximum(phases.length - held + 1, 0)).first(run)
    return np.where(first >= 0, first - phases.begin, np.nan)


def onset_s(angle: Floats, rate_hz: float) -> float:
    """Seconds from the beginning to the movement's onset in `angle` (n,); NaN when it never moves."""
    speed = np.abs(velocity(angle, rate_hz))
    return float(onset_rows(one_phase(len(angle)), speed, speed.max(keepdims=True), rate_hz)[0]) / rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class RepetitionRows:
    """r repetitions, their rows one after another: angles (5, n) and sd (5, n) in degrees, in the order of `PARTS`; NaN where
    missing; length (r,) in rows; turn (r,): the deepest row, counted from the repetition's first."""

    angles: Floats
    sd: Floats
    length: Ints
    turn: Ints
    kinds: Sequence[str] = ()
    """Names of the movement kinds; without them no repetition involves a seat."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """metrics: of one repetition, in table units; metrics that cannot be computed are absent. relative_phase_deg: continuous
    relative phase (101,) of lumbar spine and pelvis, empty where there is none. missing_shares: the shares that are missing
    although their angles are there, with the reason, in words."""

    metrics: Metrics
    relative_phase_deg: Floats
    missing_shares: str


def rhythm(
    rows: Mapping[str, Floats],
    sd: Mapping[str, Floats],
    turn: int,
    rate_hz: float,
    best: Best | None = None,
    kind: str = OTHER.name,
) -> dict[str, float]:
    """Metrics of one repetition; see `measure`.

    rows, sd: by angle name, (n,) degrees and their standard uncertainties, NaN where missing; turn: index of the deepest row;
    best: the athlete's largest flexions before.
    """
    angles, spread = (np.stack([x[angle] for angle in PARTS.values()]) for x in (rows, sd))
    one = RepetitionRows(angles, spread, np.array([angles.shape[1]]), np.array([turn]), (kind,))
    return dict(measure(one, [best if best is not None else Best()], rate_hz)[0].metrics)


def measure(rows: RepetitionRows, bests: Sequence[Best], rate_hz: float) -> list[Measured]:
    """Measures each repetition. bests: the athlete's largest flexions before each of them."""
    rep, found = _Cut.of(rows, rate_hz), _Columns()
    highest = _ranges(found, rep)
    missing = _shares(found, rep, rows.kinds)
    _timing(found, rep)
    _slack(found, rep)
    relative = _coordination(found, rep)
    _use(found, highest, bests)
    _phases(found, rep)
    places = _places(tuple(found.names))
    each = zip(found.table(), relative, missing, strict=True)
    return [Measured(Metrics(places, row), phase, words) for row, phase, words in each]


class _Columns:
    """Collects metrics of r repetitions."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._values: list[Floats] = []

    def add(self, names: Sequence[str], values: Floats | Sequence[Floats], valid: Bools | Sequence[Bools]) -> None:
        """Add metrics of these names: values (k, r), and the mask of valid ones, (r,) or (k, r)."""
        self.names += names
        self._values.append(np.where(valid, values, np.nan))

    def table(self) -> Floats:
        """All metrics, (r, m); NaN where there is no value."""
        table = np.concatenate(self._values).T.copy()
        table[~np.isfinite(table)] = np.nan
        return table


@cache
def _places(names: tuple[str, ...]) -> dict[str, int]:
    """The place of each name, in one dictionary for all repetitions."""
    return {name: i for i, name in enumerate(names)}


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Repetitions cut into phases. table and speeds (5, n): angles and |velocity|, 0 where a part is not whole; sd (5, n): of
    the angles; has (5, r): which parts are; hip (n,): the mean of the hips there are; spread (5, r): of changes
    from the first to the deepest row; down_fastest, up_fastest (5, r): largest speeds; moves (r,): there is a lumbar angle and
    a descent; both (r,): there is an ascent too."""

    rate_hz: float
    whole: Phases
    down: Phases
    up: Phases
    turn: Ints
    sd: Floats
    table: Floats
    velocities: Floats
    speeds: Floats
    has: Bools
    has_hip: Bools
    hip: Floats
    spread: Floats
    down_fastest: Floats
    up_fastest: Floats
    moves: Bools
    both: Bools

    @classmethod
    def of(cls, rows: RepetitionRows, rate_hz: float) -> _Cut:
        length, n = rows.length, rows.angles.shape[1]
        begin = np.cumsum(length) - length
        turn = begin + rows.turn
        whole, down, up = Phases(begin, length), Phases(begin, rows.turn + 1), Phases(turn, length - rows.turn)
        finite = np.isfinite(rows.angles)
        has = np.logical_and.reduceat(finite, begin, axis=1)
        table = rows.angles if has.all() else np.where(whole.each(has, n), rows.angles, 0.0)
        velocities = velocity(table, rate_hz, whole)
        speeds = np.abs(velocities)
        left, right = has[LEFT], has[RIGHT]
        hips = np.maximum(left.astype(np.int64) + right, 1)
        # a side that is missing is 0 here
        hip = (table[LEFT] + table[RIGHT]) / whole.each(hips, n)
        spread = np.hypot(rows.sd[:, turn], rows.sd[:, begin])
        return cls(
            rate_hz,
            whole,
            down,
            up,
            turn,
            rows.sd,
            table,
            velocities,
            speeds,
            has,
            left | right,
            hip,
            spread,
            down.highest(speeds),
            up.highest(speeds),
            has[LUMBAR] & (rows.turn > 0),
            rows.turn < length - 2,  # one phase only: sitting down has no ascent
        )


_RANGES = tuple(
    f"{part}_{word}"
    for part in PARTS
    for word in ("rom_deg", "rom_sd_deg", "peak_deg", "peak_velocity_descent_deg_s", "peak_velocity_ascent_deg_s")
)
_HIPS = ("hip_left_apparent_peak_deg", "hip_right_apparent_peak_deg", "hip_rom_difference_deg", "hip_rom_difference_sd_deg")


def _ranges(found: _Columns, rep: _Cut) -> Floats:
    """Ranges, extremes and peak velocities of every part. Returns the largest angles (5, r), NaN where a part is missing."""
    begin, count = rep.whole.begin, len(rep.turn)
    highest, lowest = (extreme.reduceat(rep.table, begin, axis=1) for extreme in (np.maximum, np.minimum))
    of_parts = np.stack((highest - lowest, rep.spread, highest, rep.down_fastest, rep.up_fastest), axis=1)
    found.add(_RANGES, of_parts.reshape(-1, count), np.repeat(rep.has, of_parts.shape[1], axis=0))
    apparent = np.maximum.reduceat(rep.table[LUMBAR] + rep.table[LEFT:], begin, axis=1)
    left, right = of_parts[LEFT:, 0]
    both = rep.has[LEFT] & rep.has[RIGHT]
    found.add(
        _HIPS,
        (*apparent, left - right, np.hypot(rep.spread[LEFT], rep.spread[RIGHT])),
        (*(rep.has[LUMBAR] & rep.has[LEFT:]), both, both),
    )
    return np.where(rep.has, highest, np.nan)


def _shares(found: _Columns, rep: _Cut, kinds: Sequence[str]) -> list[str]:
    """Shares of the trunk and of the trunk on the thigh, over the descent and over the ascent: whole, by thirds, by bins of
    forward bend. Returns the missing shares with the reason, in words, for each repetition."""
    lumbar, pelvis = rep.table[LUMBAR], rep.table[PELVIS]
    hip, of_left = _moving_hip(rep, kinds)
    down, spread = rep.down, rep.spread
    if not SEATS.isdisjoint(kinds):
        down = without_the_seat(down, kinds, lumbar + pelvis, hip - pelvis, rep.rate_hz)
        spread = np.hypot(rep.sd[:, down.end], rep.sd[:, down.begin])
    hip_sd, up_hip_sd = (np.where(of_left, sd[LEFT], sd[RIGHT]) for sd in (spread, rep.spread))
    # the ascent is measured as if it were a descent, from the end backwards
    phases = laid_out((down, rep.up.backwards(len(hip))) * 2, len(hip))
    rest = np.concatenate((pelvis, pelvis[::-1], hip, hip[::-1]))
    sd_lumbar = np.concatenate((spread[LUMBAR], rep.spread[LUMBAR]) * 2)
    sd = np.concatenate((spread[PELVIS], rep.spread[PELVIS], hip_sd, up_hip_sd))
    value, sd, why = shares.of_phases(phases, np.concatenate((lumbar, lumbar[::-1]) * 2), rest, sd_lumbar, sd)
    trunk, thigh = rep.moves & rep.has[PELVIS], rep.moves & rep.has_hip
    # value and uncertainty of each share of each phase
    columns = np.stack((value, sd), axis=2).reshape(4, len(rep.turn), -1).transpose(0, 2, 1)
    valid = np.stack((trunk, trunk & rep.both, thigh, thigh & rep.both))
    found.add(_SHARES, columns.reshape(-1, len(rep.turn)), np.repeat(valid, columns.shape[1], axis=0))
    why = np.where(valid[:, :, None], why.reshape(4, len(rep.turn), -1), shares.NoShare.SHARE)
    return shares.missing_words(_SHARED, why)


def _moving_hip(rep: _Cut, kinds: Sequence[str]) -> tuple[Floats, Bools]:
    """The hip flexion to read (n,): the mean of both hips, or in a one-legged movement that of the moving leg; and whether the
    left one has its uncertainty (r,)."""
    alone = np.array([kind_of(kind).one_leg for kind in kinds], np.bool_)
    if not alone.any():
        return rep.hip, rep.has[LEFT]
    alone &= rep.has[LEFT] & rep.has[RIGHT]
    begin, n = rep.whole.begin, len(rep.hip)
    left, right = (
        np.maximum.reduceat(rep.table[hip], begin) - np.minimum.reduceat(rep.table[hip], begin) for hip in (LEFT, RIGHT)
    )
    moved = np.where(rep.whole.each((left >= right).astype(np.float64), n) > 0.0, rep.table[LEFT], rep.table[RIGHT])
    hip = np.where(rep.whole.each(alone.astype(np.float64), n) > 0.0, moved, rep.hip)
    return hip, np.where(alone, left >= right, rep.has[LEFT])


def _share_names() -> tuple[str, ...]:
    names: list[str] = []
    for name in (SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH):
        # the early third of an ascent is the deep one
        for phase, thirds in (("", shares.THIRDS), ("_ascent", shares.THIRDS[::-1])):
            parts = ("", *(f"_{word}" for word in (*thirds, *shares.BIN_NAMES)))
            names += [f"{name}{phase}{part}{of}" for part in parts for of in ("", "_sd")]
    return tuple(names)


_SHARES = _share_names()
_SHARED = tuple(f"{name}{phase}" for name in (SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH) for phase in ("", "_ascent"))
"""The whole shares, in the order in which they are computed."""
_TIMING = ("onset_delay_s", "delay_at_20deg_s", "peak_velocity_lag_s", "correlation_lag_s", "onset_delay_ascent_s")


def _timing(found: _Columns, rep: _Cut) -> None:
    """Delays and lags of the lumbar spine against the pelvis, seconds."""
    valid, rate, down = rep.moves & rep.has[PELVIS], rep.rate_hz, rep.down
    n = len(rep.hip)
    two = slice(LUMBAR, PELVIS + 1)
    angles, speeds = rep.table[two], rep.speeds[two]
    fastest = np.concatenate((rep.down_fastest[two], rep.up_fastest[two])).ravel()
    onsets = onset_rows(laid_out((down, down, rep.up, rep.up), n), np.tile(speeds.ravel(), 2), fastest, rate).reshape(4, -1)
    downs = laid_out((down, down), n)

    def first(what: Bools) -> Floats:
        """First rows (2, r) of the descents at which it holds (2, n)."""
        at = downs.first(what.ravel())
        return np.where(at >= 0, at - downs.begin, np.nan).reshape(2, -1)

    beyond = first(angles - rep.whole.each(angles[:, down.begin], n) >= DELAY_DEG)
    peaks = first(speeds == rep.whole.each(rep.down_fastest[two], n))
    lags = coordination.best_lags_s(down, speeds[LUMBAR], speeds[PELVIS], rate)
    delays = [(lumbar - pelvis) / rate for lumbar, pelvis in (onsets[:2], beyond, peaks, onsets[2:])]
    found.add(_TIMING, (*delays[:3], lags, delays[3]), (valid, valid, valid, valid, valid & rep.both))


_CRP = tuple(
    f"crp_{pair}{word}_deg" for pair in ("lumbar_pelvis", "lumbar_hip") for word in ("", "_sd", "_abs", "_descent", "_ascent")
)


def _coordination(found: _Columns, rep: _Cut) -> list[Floats]:
    """Relative phase over the repetition (mean size and direction), the descent and the ascent. Returns for each repetition the
    relative phase of lumbar spine and pelvis, (101,) to a tenth of a degree, or an empty array."""
    length = rep.whole.length
    valid = rep.moves & (length > 2)
    hips = np.maximum(rep.has[LEFT:].sum(axis=0), 1)
    hip_velocity = rep.velocities[LEFT:].sum(axis=0) / rep.whole.each(hips, len(rep.hip))
    angles = np.stack((rep.table[LUMBAR], rep.table[PELVIS], rep.hip))
    velocities = np.stack((rep.velocities[LUMBAR], rep.velocities[PELVIS], hip_velocity))
    phases = coordination.phase(angles, velocities, rep.whole)
    points = coordination.POINTS - 1
    deepest = (rep.turn - rep.whole.begin) / np.maximum(length - 1, 1)
    bottom = np.clip(np.rint(deepest * points).astype(np.int64), 1, points)
    there = valid & np.stack((rep.has[PELVIS], rep.has_hip))
    between = coordination.wrapped(phases[0] - phases[1:])
    (mean, descent, ascent), (spread, _, _) = coordination.phase_directions(between, bottom)
    values = np.degrees((mean, spread, np.abs(between).mean(axis=-1), descent, ascent)).swapaxes(0, 1)
    found.add(_CRP, values.reshape(-1, len(length)), np.repeat(there, values.shape[1], axis=0))
    relative = np.degrees(between[0]).round(1)
    return [row if whole else np.empty(0) for row, whole in zip(relative, there[0].tolist(), strict=True)]


_SLACK = (
    *(f"slack_onset{of}{word}_deg" for word in ("", "_sd") for of in ("", "_left", "_right", "_trunk")),
    *(f"slack_breakpoint{of}{word}_deg" for word in ("", "_sd") for of in ("", "_left", "_right")),
    "slack_slope_before",
    "slack_slope_after",
    "slack_fraction",
    "butt_wink_deg",
    "butt_wink_onset_hip_deg",
)


def _slack(found: _Columns, rep: _Cut) -> None:
    """Slack onset by both estimators, for the mean hip, each side and the trunk; the slopes after it; and the butt wink."""
    down, lumbar, n = rep.down, rep.table[LUMBAR], len(rep.hip)
    long = rep.moves & rep.has_hip & (down.length >= SHORTEST_SLACK_ROWS)
    # a single measured hip replaces the mean
    of = (rep.hip, rep.table[LEFT], rep.table[RIGHT], rep.table[TRUNK])
    four, three = laid_out((down,) * 4, n), laid_out((down,) * 3, n)
    spine, so_far = np.tile(lumbar, 4), reach(four, np.concatenate(of))
    onset = np.concatenate(slack.threshold_onset(down, lumbar, of, rep.rate_hz, rep.spread[LUMBAR]))
    hips = Reach(so_far.furthest, so_far.since, so_far.begin[: len(three.begin)], three.length)
    knees = slack.breakpoints(three, spine, hips)
    mean_sd = np.where(rep.whole.each(rep.has[LEFT], n), rep.sd[LEFT], rep.sd[RIGHT])
    sd = np.concatenate((mean_sd, rep.sd[LEFT], rep.sd[RIGHT], rep.sd[TRUNK]))
    lumbar_sd = np.tile(rep.sd[LUMBAR], 4)

    def uncertain(where: Phases, so_far: Reach, at_deg: Floats, slope: Floats | None = None) -> Floats:
        """Uncertainties of onsets at at_deg, shape (hips, r); missing where the onsets are."""
        passed = slack.crossings(where, spine, so_far, at_deg)
        known = slack.onset_sd(
            sd[passed.row], lumbar_sd[passed.row], lumbar_sd[where.begin], passed.slope if slope is None else slope
        )
        return np.where(np.isfinite(at_deg), known, np.nan).reshape(-1, len(down.begin))

    onset_sd, knee_sd = uncertain(four, so_far, onset), uncertain(three, hips, knees.hip_deg, knees.slope_after)
    fraction = slack.slack_fraction(down, lumbar, rep.hip)
    wink, wink_at = slack.butt_wink(down, rep.table[PELVIS], lumbar, rep.hip)
    winks = rep.moves & rep.has_hip & rep.has[PELVIS]
    valid = (long, long & rep.has[LEFT], long & rep.has[RIGHT], long & rep.has[TRUNK])
    first = len(down.begin)
    found.add(
        _SLACK,
        (
            *(*onset.reshape(4, -1), *onset_sd, *knees.hip_deg.reshape(3, -1), *knee_sd),
            *(knees.slope_before[:first], knees.slope_after[:first], fraction, wink, wink_at),
        ),
        (*valid * 2, *valid[:3] * 2, *(long,) * 3, winks, winks),
    )


_USE = ("lumbar_of_largest_bend", "hip_left_utilisation", "hip_right_utilisation")


def _use(found: _Columns, highest: Floats, bests: Sequence[Best]) -> None:
    """Utilisation: the part of the athlete's range used in each repetition, where both are known. highest: largest angles (5,
    r)."""
    most = np.array([(best.lumbar, best.hip_left, best.hip_right) for best in bests]).T
    known = most > slack.SMALLEST_HIP_DEG
    found.add(_USE, highest[[LUMBAR, LEFT, RIGHT]] / np.where(known, most, np.nan), known)


_PHASES = ("descent_s", "hold_s", "ascent_s", "hold_creep_deg_s", "hold_tremor_deg")


def _phases(found: _Columns, rep: _Cut) -> None:
    """Durations of descent, hold and ascent, and creep and tremor of the lumbar spine in the hold."""
    together = rep.has_hip & rep.has[LUMBAR]
    valid = (together | rep.has[TRUNK]) & (rep.whole.length > 2)
    bend = rep.table[LUMBAR] + rep.hip
    total = bend if together.all() else np.where(rep.whole.each(together, len(bend)), bend, rep.table[TRUNK])
    first, last = holds.hold_rows(rep.whole, rep.turn, total, np.abs(velocity(total, rep.rate_hz, rep.whole)))
    durations = ((first - rep.whole.begin) / rep.rate_hz, (last - first) / rep.rate_hz, (rep.whole.end - last) / rep.rate_hz)
    creep = [
        holds.creep_and_tremor(rep.table[LUMBAR, a : b + 1], rep.rate_hz)
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    held = valid & rep.has[LUMBAR]
    found.add(_PHASES, (*durations, *np.array(creep).T), (valid, valid, valid, held, held))
