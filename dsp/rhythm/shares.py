"""Lumbar shares of a movement of one phase: whole, by thirds of its own total, by fixed bins of forward bend.

share = dL / (dL + dR), with dR the change of the pelvis (of the trunk) or of the hips (of the trunk on the thigh). It stays
bounded where the ratio dL / dR diverges; ratio r and share s are equivalent: s = r / (1 + r).

Bins of absolute forward bend: 0-30, 30-60, 60-90° as Esola 1996 (doi 10.1097/00007632-199601010-00017), 90-120° as
Tafazzol 2014 (doi 10.1016/j.clinbiomech.2013.10.021). A bin is missing when the rest moves by less than
`SMALLEST_REST_DEG` or the movement does not pass through the whole of it.

A missing share has a reason (`NoShare`): the total is too small or too uncertain to divide by, the parts cancel each other, or
the value is outside 0 to 1. No value is clipped: a bend with a still lumbar spine has a share of 0, which is measured slightly
below 0 as often as above. So a value may be outside by its uncertainty, up to a limit (`OUTSIDE_SD`, `OUTSIDE_MOST`).

The thirds have the same beginning and end as the whole, so the whole is their mean. Without a whole there are no thirds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from body_signals import Floats, Ints
from dsp.rhythm.phases import Phases, one_phase, reach, reached

SMALLEST_TOTAL_DEG = 3.0
"""Smallest total movement that has a share, degrees (ours)."""
SMALLEST_REST_DEG = 3.0
"""Smallest movement of the rest within a bin, degrees (ours)."""
CANCELLING = 0.5
"""A total smaller than this, as a part of the larger of its two parts, has no share: the parts cancel (e.g. in sitting down)
(ours)."""
UNCERTAIN_SD = 0.25
"""Largest standard uncertainty of a share: the 95 % band, two of these either way, is then as wide as 0 to 1 (ours)."""
OUTSIDE_SD, OUTSIDE_MOST = 2.0, 0.02
"""A share may lie outside 0 to 1 by the first times its own standard uncertainty (95 %), but by the second at most. Two points
are the usual uncertainty of the share of a whole movement, and readers take them for 0 or 100 % (ours)."""
ROUNDING = 1e-9
"""Tolerance for an exact share of 0 or 1, which is the result of a division (ours)."""
BINS_DEG = (0.0, 30.0, 60.0, 90.0, 120.0)
"""Borders of the bins of forward bend, degrees (Esola 1996, Tafazzol 2014, see above)."""
BIN_NAMES = ("0_30", "30_60", "60_90", "90_120")
THIRDS = ("early", "middle", "late")
STANDING_DEG = 5.0
"""A movement that begins below this forward bend, degrees, counts as begun at 0 (ours)."""


class NoShare(IntEnum):
    """Why there is no share. NOT_PASSED: the movement did not pass through the bin."""

    SHARE = 0
    SMALL = 1
    OPPOSITE = 2
    UNCERTAIN = 3
    OUTSIDE = 4
    NOT_PASSED = 5


NO_SHARE_WORDS: dict[NoShare, str] = {
    NoShare.SMALL: "too small a movement",
    NoShare.OPPOSITE: "opposite directions",
    NoShare.UNCERTAIN: "too uncertain",
    NoShare.OUTSIDE: "outside 0 to 1",
}
"""The reasons in words; a bin that was not passed is not reported."""


class Shares(NamedTuple):
    """Shares and their standard uncertainties, arrays of one shape, NaN where there is no share; and the reasons, `NoShare`."""

    value: Floats
    sd: Floats
    why: Ints


def with_sd(lumbar: Floats, rest: Floats, sd_lumbar: Floats, sd_rest: Floats) -> Shares:
    """lumbar / (lumbar + rest) of changes with these uncertainties, to first order, where that is a share."""
    total = lumbar + rest
    size = np.abs(total)
    why = np.where(size >= CANCELLING * np.maximum(np.abs(lumbar), np.abs(rest)), NoShare.SHARE, NoShare.OPPOSITE)
    # also for a missing angle
    why[~(size >= SMALLEST_TOTAL_DEG)] = NoShare.SMALL
    total = np.where(why == NoShare.SHARE, total, np.nan)
    value, sd = lumbar / total, np.hypot(rest * sd_lumbar, lumbar * sd_rest) / (total * total)
    return judged(value, sd, why)


def judged(value: Floats, sd: Floats, why: Ints) -> Shares:
    """Values with their standard uncertainties where they are shares; why: reasons known so far."""
    outside = np.maximum(-value, value - 1.0) > np.fmin(OUTSIDE_SD * sd, OUTSIDE_MOST) + ROUNDING
    unsure = sd > UNCERTAIN_SD
    why = np.where((why == NoShare.SHARE) & outside, NoShare.OUTSIDE, why)
    why[unsure] = NoShare.UNCERTAIN
    none = why != NoShare.SHARE
    return Shares(np.where(none, np.nan, value), np.where(none, np.nan, sd), why)


def is_share(value: float, sd: float) -> bool:
    """Whether one value with its standard uncertainty is a share: the rule of `judged` for a single number, without arrays."""
    bound = OUTSIDE_MOST if math.isnan(sd) else min(OUTSIDE_SD * sd, OUTSIDE_MOST)
    return not (max(-value, value - 1.0) > bound + ROUNDING or sd > UNCERTAIN_SD or math.isnan(value))


def share(lumbar: float, rest: float) -> float:
    """The share of two changes, degrees."""
    zero = np.zeros(1)
    return float(with_sd(np.array([lumbar]), np.array([rest]), zero, zero).value[0])


def of_phases(phases: Phases, lumbar: Floats, rest: Floats, sd_lumbar: Floats, sd_rest: Floats) -> Shares:
    """Lumbar shares (r, 1 + 3 + 4) of r phases of movements whose rows are lumbar, rest (n,), in degrees from standing: whole;
    in the early, middle and late third of the phase's own total (lumbar + rest); in the bins `BINS_DEG` of that total.

    sd_lumbar, sd_rest: standard uncertainties (r,) of the changes.
    """
    total = lumbar + rest
    so_far = reach(phases, total)
    low, top = so_far.low, so_far.top
    # to the phase's end, even where that is not its maximum
    rise = total[phases.end] - total[phases.begin]
    edges = np.tile(np.array(BINS_DEG), (len(low), 1))
    edges[:, 0] = np.where((low > 0.0) & (low < STANDING_DEG), low, edges[:, 0])
    thirds_at = np.stack((low, low + rise / 3.0, low + rise * 2.0 / 3.0, low + rise), axis=1)
    at = reached(so_far, np.concatenate((thirds_at, edges), axis=1))
    row = at.before + (at.beyond - at.before) * at.part
    first = np.maximum(np.minimum(row.astype(np.int64), phases.length[:, None] - 2), 0)
    part = row - first
    here = phases.begin[:, None] + first
    there = phases.begin[:, None] + np.minimum(first + 1, phases.length[:, None] - 1)
    last = len(THIRDS)
    changes = []
    for rows in (lumbar, rest):
        marks = rows[here] + (rows[there] - rows[here]) * part
        marks[:, 0], marks[:, last] = rows[phases.begin], rows[phases.end]
        steps = np.diff(marks, axis=1)
        steps[:, last] = marks[:, last] - marks[:, 0]
        changes.append(steps)
    moved, other = changes
    value, sd, why = with_sd(moved, other, sd_lumbar[:, None], sd_rest[:, None])
    whole = why[:, last, None]
    # a phase that ends below its beginning has no thirds
    goes = np.where(rise > 0.0, NoShare.SHARE, NoShare.OPPOSITE)
    goes[~(np.abs(rise) > 3.0 * SMALLEST_TOTAL_DEG)] = NoShare.SMALL
    goes = np.where(whole != NoShare.SHARE, whole, goes[:, None])
    why[:, :last] = np.where(goes != NoShare.SHARE, goes, why[:, :last])
    passed = (low[:, None] <= edges) & (edges <= top[:, None])
    in_bins = passed[:, :-1] & passed[:, 1:] & (np.abs(other[:, last + 1 :]) >= SMALLEST_REST_DEG) & (top > low)[:, None]
    why[:, last + 1 :] = np.where(in_bins, why[:, last + 1 :], NoShare.NOT_PASSED)
    none = why != NoShare.SHARE
    order = [last, *range(last), *range(last + 1, last + 1 + len(BIN_NAMES))]
    return Shares(np.where(none, np.nan, value)[:, order], np.where(none, np.nan, sd)[:, order], why[:, order])


def _of_one(lumbar: Floats, rest: Floats, sd_lumbar: float, sd_rest: float) -> Shares:
    found = of_phases(one_phase(len(lumbar)), lumbar, rest, np.array([sd_lumbar]), np.array([sd_rest]))
    return Shares(found.value[0], found.sd[0], found.why[0])


def thirds(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> Shares:
    """Lumbar shares (3,) in the early, middle and late third of one phase; see `of_phases`."""
    value, sd, why = _of_one(lumbar, rest, sd_lumbar, sd_rest)
    part = slice(1, 1 + len(THIRDS))
    return Shares(value[part], sd[part], why[part])


def bins(lumbar: Floats, rest: Floats, sd_lumbar: float = 0.0, sd_rest: float = 0.0) -> Shares:
    """Lumbar shares (4,) in the bins `BINS_DEG` of one phase; see `of_phases`."""
    value, sd, why = _of_one(lumbar, rest, sd_lumbar, sd_rest)
    part = slice(1 + len(THIRDS), None)
    return Shares(value[part], sd[part], why[part])


def missing_words(names: Sequence[str], why: Ints) -> list[str]:
    """The missing shares of each of r repetitions in words: ``lumbar_share_of_trunk: outside 0 to 1; …``.

    why (names, r, 1 + 3 + 4): `NoShare` of the whole, the thirds and the bins of shares of these names. If the whole is
    missing, its parts are not reported; neither are bins that were not passed.
    """
    said = [""] * why.shape[1]
    told = np.where(why == NoShare.NOT_PASSED, NoShare.SHARE, why)
    for i in np.flatnonzero((told != NoShare.SHARE).any(axis=(0, 2))).tolist():
        words = []
        for name, (whole, *codes) in zip(names, told[:, i].tolist(), strict=True):
            # the early third of an ascent is the deep one
            thirds = THIRDS[::-1] if name.endswith("_ascent") else THIRDS
            parts = ((f"{name}_{part}", code) for part, code in zip((*thirds, *BIN_NAMES), codes, strict=True))
            words += [f"{of}: {NO_SHARE_WORDS[NoShare(code)]}" for of, code in ([(name, whole)] if whole else parts) if code]
        said[i] = "; ".join(words)
    return said
