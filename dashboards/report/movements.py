"""The repetitions of a session by movement, with medians over those that count: the same as in the sets and the hip screen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from body_signals.movements import MOVEMENTS
from dashboards.notation import TRUNK, share_to_read
from dashboards.report.published import PublishedRange, published_range
from dashboards.tables import repetition_of
from dsp.day import Group, OverSet, by_movement, over_set, scored, two_groups

THIRDS = ("early", "middle", "late")
SIDES = ("left", "right")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MovementSummary:
    """All repetitions of one movement (of one leg, for one-legged movements): the share to read, and medians with their
    spread over the repetitions that count (`dsp.day.scoring`), as in the hip screen. left_out: how many do not count, by
    reason; groups: the two groups that the share falls into."""

    movement: str
    rows: tuple[Row, ...]
    share: str
    published: PublishedRange | None
    side: str = ""
    counted: tuple[Row, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()

    def over(self, name: str) -> OverSet:
        """Median and spread of a column over the repetitions that count."""
        return over_set([row[name] for row in self.counted], [row.get(f"{name}_sd", math.nan) for row in self.counted])

    def median(self, name: str) -> float:
        """Median of a column over the repetitions that count and have it, NaN where none has."""
        return self.over(name).median

    def range_of(self, name: str) -> tuple[float, float]:
        """Least and largest of a column over the repetitions that count and have it, NaN where none has."""
        found = np.array([row[name] for row in self.counted], np.float64)
        found = found[np.isfinite(found)]
        return (float(found.min()), float(found.max())) if len(found) else (math.nan, math.nan)

    @property
    def hip(self) -> float:
        """Median hip range, degrees: of the leg that moves, else the mean of both, or of the one that was measured."""
        sides = [self.side] if self.side else SIDES
        found = [self.median(f"hip_{side}_rom_deg") for side in sides]
        found = [value for value in found if math.isfinite(value)]
        return sum(found) / len(found) if found else math.nan


def movements(repetitions: Sequence[Row]) -> tuple[MovementSummary, ...]:
    """Repetitions by movement and leg, in the order of `MOVEMENTS`; bends with straight knees have the share of trunk."""
    rows = {row["index"]: row for row in repetitions}
    by_place = by_movement(repetition_of(row) for row in repetitions)
    found = []
    order = {name: place for place, name in enumerate(MOVEMENTS)}
    for movement, side in sorted(by_place, key=lambda place: (order.get(place[0], len(order)), place)):
        of_kind = by_place[movement, side]
        share, judged = share_to_read(movement), scored(of_kind)
        all_rows, counted = (tuple(rows[r.index] for r in part) for part in (of_kind, judged.counted))
        published, groups = published_range(share, movement), two_groups(judged.usable, share)
        found.append(MovementSummary(movement, all_rows, share, published, side, counted, judged.left_out, groups))
    return tuple(found)


def missing_shares(repetitions: Iterable[Row]) -> list[tuple[str, str, list[int]]]:
    """Shares that are missing although their angles are there: the share, the reason, and the numbers of the repetitions."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in repetitions:
        for part in (row.get("missing_shares") or "").split("; "):
            share, _, why = part.partition(": ")
            if why:
                found.setdefault(("trunk" if share == TRUNK else "both", why), []).append(row["index"] + 1)
    return [(share, why, numbers) for (share, why), numbers in found.items()]


def runs(numbers: Sequence[int]) -> str:
    """Increasing numbers, with consecutive ones as a range: ``1, 4–6``."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in found)


def counted_left_out(groups: Iterable[MovementSummary]) -> Counter[str]:
    """How many repetitions do not count, by reason."""
    return sum((Counter(group.left_out) for group in groups), Counter())
