"""Lumbar shares of a movement of one phase: whole, by thirds of its own total, by fixed bins of forward bend.

share = dL / (dL + dR), with dR the change of the pelvis (of the trunk) or of the hips (of the trunk on the thigh). It stays
bounded where the ratio dL / dR explodes; ratio r and share s say the same: s = r / (1 + r).

Bins of absolute forward bend: 0-30, 30-60, 60-90° as Esola 1996 (doi 10.1097/00007632-199601010-00017), 90-120° as
Tafazzol 2014 (doi 10.1016/j.clinbiomech.2013.10.021). A share whose total is below `SMALLEST_TOTAL_DEG`, or whose parts
mostly cancel each other, is missing; a bin also when the rest moves by less than `SMALLEST_REST_DEG` or the movement
does not pass through the whole of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from body_signals import Floats
from dsp.rhythm.phases import Phases, one_phase, reach, reached

SMALLEST_TOTAL_DEG = 3.0
SMALLEST_REST_DEG = 3.0
CANCELLING = 0.5
"""A total smaller than this part of the larger of its two parts is no whole to take a share of (e.g. sitting down)."""
BINS_DEG = (0.0, 30.0, 60.0, 90.0, 120.0)
BIN_NAMES = ("0_30", "30_60", "60_90", "90_120")
THIRDS = ("early", "middle", "late")
STANDING_DEG = 5.0
"""A movement that begins below this forward bend has begun at 0."""


class Shares(NamedTuple):
    """Shares and their standard uncertainties, arrays of one shape, NaN where there is none."""

    value: Floats
    sd: Floats


def with_sd(lumbar: Floats, rest: Floats, sd_lumbar: Floats, sd_rest: Floats) -> Shares:
    """lumbar / (lumbar + rest) of changes that are known so well, to first order; NaN when the total is too small for a ratio,
    or when the two mostly cancel each other."""
    total = lumbar + rest
    smallest = np.maximum(SMALLEST_TOTAL_DEG, CANCELLING * np.maximum(np.abs(lumbar), np.abs(rest)))
    there = np.abs(total) >= smallest
    total = np.where(there, total, np.nan)
    return Shares(lumbar / total, np.hypot(rest * sd_lumbar, lumbar * sd_rest) / (total * total))


def share(lumbar: float, rest: float) -> float:
    """The share of two changes, degrees."""
    zero = np.zeros(1)
    return float(with_sd(np.array([lumbar]), np.array([rest]), zero, zero).value[0])


def of_phases(phases: Phases, lumbar: Floats, rest: Floats, sd_lumbar: Floats, sd_rest: Floats) -> Shares:
    """Lumbar shares (r, 1 + 3 + 4) of r phases of movements whose rows are lumbar, rest (n,), in degrees from standing: whole;
    in the early, middle and late third of the phase's own total (lumbar + rest); in the bins `BINS_DEG` of that total.

    sd_lumbar, sd_rest: standard uncertainties (r,) of the changes.
    """
    so_far = reach(phases, lumbar + rest)
    low, top = so_far.low, so_far.top
    rise = top - low
    edges = np.tile(np.array(BINS_DEG), (len(low), 1))
    edges[:, 0] = np.where((low > 0.0) & (low < STANDING_DEG), low, edges[:, 0])
    thirds_at = np.stack((low, low + rise / 3.0, low + rise * 2.0 / 3.0, top), axis=1)
    at = reached(so_far, np.concatenate((thirds_at, edges), axis=1))
    row = at.before + (at.beyond - at.before) * at.part
    first = np.maximum(np.minimum(row.astype(np.int64), phases.length[:, None] - 2), 0)
    part = row - first
    here = phases.begin[:, None] + first
    there = phases.begin[:, None] + np.minimum(first + 1, phases.length[:, None] - 1)
    changes = []
    for rows in (lumbar, rest):
        marks = rows[here] + (rows[there] - rows[here]) * part
        steps = np.diff(marks, axis=1)
        steps[:, len(THIRDS)] = rows[phases.end] - rows[phases.begin]
        changes.append(steps)
    moved, other = changes
    found = with_sd(moved, other, sd_lumbar[:, None], sd_rest[:, None])
    whole = (rise > 3.0 * SMALLEST_TOTAL_DEG)[:, None]
    passed = (low[:, None] <= edges) & (edges <= top[:, None])
    in_bins = passed[:, :-1] & passed[:, 1:] & (np.abs(other[:, len(THIRDS) + 1 :]) >= SMALLEST_REST_DEG)
    moving = rise > 0.0
    valid = np.concatenate((np.repeat(whole, len(THIRDS), axis=1), np.ones_like(whole), in_bins & moving[:, None]), axis=1)
    order = [len(THIRDS), *range(len(THIRDS)), *range(len(THIRDS) + 1, len(THIRDS) + 1 + len(BIN_NAMES))]
    value, sd = (np.where(valid, x, np.nan)[:, order] for x in found)
    return Shares(value, sd)


def _of_one(lumbar: Floats, rest: Floats, sd_lumbar: float, sd_rest: float) -> Shares:
    found = of_phases(one_phase(len(lumbar)), lumbar, rest, np.array([sd_lumbar]), np.array([sd_rest]))
    return Shares(found.value[0], found.sd[0])


def thirds(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> Shares:
    """Lumbar shares (3,) in the early, middle and late third of one phase; see `of_phases`."""
    value, sd = _of_one(lumbar, rest, sd_lumbar, sd_rest)
    return Shares(value[1 : 1 + len(THIRDS)], sd[1 : 1 + len(THIRDS)])


def bins(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> Shares:
    """Lumbar shares (4,) in the bins `BINS_DEG` of one phase; see `of_phases`."""
    value, sd = _of_one(lumbar, rest, sd_lumbar, sd_rest)
    return Shares(value[1 + len(THIRDS) :], sd[1 + len(THIRDS) :])
