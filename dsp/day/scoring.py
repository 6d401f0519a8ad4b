"""Which repetitions of one movement count: the same ones in a set's medians, in the hip screen and in the report.

Left out, each with its reason: repetitions with a flag that spoils the numbers (`SPOILT`), with a kind that is uncertain for
lack of a thigh sensor, bends that are partial compared with the session's deepest, sides that were not measured, and the first
of a set of four or more, which is a trial (shown, not scored) unless it is needed. In one-legged movements the legs are
separate.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from body_signals import Quality, flag_names
from body_signals.movements import kind_of
from dsp.day.sets import FEWEST, sets_of, side_of
from dsp.repetitions.kind import CANNOT_TELL
from dsp.results import Repetition

SPOILT = (
    Quality.UNCALIBRATED
    | Quality.GAP
    | Quality.SATURATED
    | Quality.SLIPPED
    | Quality.OFF_BODY
    | Quality.IMPLAUSIBLE
    | Quality.CLOCK_DISAGREES
)
"""A repetition with any of these flags is not scored."""
NOT_TRUE = {
    Quality.OFF_BODY: "a sensor was off the body",
    Quality.IMPLAUSIBLE: "numbers that cannot be true",
    Quality.CLOCK_DISAGREES: "a sensor's clock disagrees",
}
"""Flags that make a repetition's numbers untrue, and the reason stated for leaving it out."""
SET_WITH_TRIAL = 4
"""In a set of at least this many the first repetition is a trial, unless it is needed (ours)."""
FULL_SHARE = 0.75
"""A bend is full if its trunk range is at least this part of the session's largest (ours)."""
HIPS = ("hip_left_rom_deg", "hip_right_rom_deg")
BAD_QUALITY, NOT_SURE, TRIAL, PARTIAL = "bad quality", "kind not sure", "first of its set", "partial"
NOT_MEASURED = "not measured"
"""Reasons for not scoring a repetition; bad quality names its flags: ``bad quality (slipped)``."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Repetitions of one movement (of one leg, for one-legged ones). usable: those without a reason against them; counted:
    those of them that are scored; why: the reason for each of the others, by index."""

    repetitions: tuple[Repetition, ...]
    usable: tuple[Repetition, ...]
    counted: tuple[Repetition, ...]
    why: Mapping[int, str]

    @property
    def left_out(self) -> dict[str, int]:
        """Number not scored, by reason."""
        return dict(Counter(self.why.values()))


def by_movement(repetitions: Iterable[Repetition]) -> dict[tuple[str, str], list[Repetition]]:
    """The repetitions of each movement (and of each side, for one-legged ones), in the order in which they were done."""
    found: dict[tuple[str, str], list[Repetition]] = {}
    for r in repetitions:
        found.setdefault((r.movement, side_of(r)), []).append(r)
    return found


def _bad_quality(quality: int) -> str:
    return f"{BAD_QUALITY} ({', '.join(flag_names(quality & SPOILT)).replace('_', ' ')})"


def scored(of_kind: Sequence[Repetition], measured: Callable[[Repetition], bool] = lambda r: True) -> Scored:
    """Scores repetitions of one movement and side, in order. measured: whether a repetition has the required metrics."""
    kind = kind_of(of_kind[0].movement) if of_kind else None
    full = FULL_SHARE * max((r.metrics.get("trunk_rom_deg", 0.0) for r in of_kind if not r.quality & SPOILT), default=0.0)
    usable: list[Repetition] = []
    why: dict[int, str] = {}
    for r in of_kind:
        if r.quality & SPOILT:
            why[r.index] = next((words for flag, words in NOT_TRUE.items() if r.quality & flag), _bad_quality(r.quality))
        elif r.movement_confidence <= CANNOT_TELL and not all(hip in r.metrics for hip in HIPS):
            why[r.index] = NOT_SURE
        elif kind is not None and kind.full_bend and r.metrics.get("trunk_rom_deg", full) < full:
            why[r.index] = PARTIAL
        elif not measured(r):
            why[r.index] = NOT_MEASURED
        else:
            usable.append(r)
    trials = {group[0].index for group in sets_of(of_kind) if len(group) >= SET_WITH_TRIAL}
    counted = [r for r in usable if r.index not in trials]
    if len(counted) < FEWEST:
        counted = usable
    scored_now = {r.index for r in counted}
    why |= {r.index: TRIAL for r in usable if r.index not in scored_now}
    return Scored(tuple(of_kind), tuple(usable), tuple(counted), why)


GROUP, GROUPS_APART, GROUPS_WIDE, GROUPS_SD = 2, 0.08, 2.0, 3.0
"""Shares fall into two groups when each has the first number of members at least, and the gap between them is at least 8 points
(the least minimal detectable change of a share, Laird 2016), the third times as wide as the wider group, and the fourth times a
share's own standard uncertainty. Of four values from one normal distribution with a spread of 4 points 1.4 % do so (ours)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Repetitions whose shares are alike: their median and their numbers from 1; a calibration's movements have none."""

    median: float
    numbers: tuple[int, ...]


def two_groups(repetitions: Sequence[Repetition], share: str) -> tuple[Group, Group] | tuple[()]:
    """The two groups that a share of the repetitions falls into, in the order of their first repetitions; empty where there are
    no two groups."""
    there = sorted((r for r in repetitions if share in r.metrics), key=lambda r: r.metrics[share])
    if len(there) < 2 * GROUP:
        return ()
    values = [r.metrics[share] for r in there]
    gaps = [b - a for a, b in itertools.pairwise(values)]
    cut = max(range(len(gaps)), key=lambda i: gaps[i]) + 1
    low, high = there[:cut], there[cut:]
    wide = max(values[cut - 1] - values[0], values[-1] - values[cut])
    sds = sorted(sd for r in there if math.isfinite(sd := r.metrics.get(f"{share}_sd", math.nan)))
    sd = sds[len(sds) // 2] if sds else 0.0
    if min(len(low), len(high)) < GROUP or gaps[cut - 1] < max(GROUPS_APART, GROUPS_WIDE * wide, GROUPS_SD * sd):
        return ()
    first, second = sorted((_group(part, share) for part in (low, high)), key=lambda g: g.numbers)
    return first, second


def _group(part: Sequence[Repetition], share: str) -> Group:
    values = sorted(r.metrics[share] for r in part)
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else 0.5 * (values[middle - 1] + values[middle])
    return Group(median, tuple(sorted(r.index + 1 for r in part if r.index >= 0)))
