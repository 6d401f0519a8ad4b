"""Published ranges for comparison with a number, each with its source and the movement in which it was measured."""

from __future__ import annotations

from dataclasses import dataclass

from body_signals import LAIRD_2019, LIMITS
from body_signals.movements import KINDS


@dataclass(frozen=True, slots=True)
class PublishedRange:
    """10th to 90th centile of a quantity (a column of repetitions.parquet, in its unit) in one movement."""

    quantity: str
    movement: str
    low: float
    high: float
    people: str
    source: str


_LIMITS = {limit.name: limit for limit in LIMITS}
PEOPLE = {LAIRD_2019: "126 adults without low back pain, standing forward bend, 10th to 90th centile"}
"""The people that a source measured, and the part of them within its range."""

RANGES: tuple[PublishedRange, ...] = tuple(
    PublishedRange(kind.share, kind.name, low.value, high.value, PEOPLE[low.source], low.source)
    for kind in KINDS
    if kind.published_share is not None
    for low, high in [(_LIMITS[name] for name in kind.published_share)]
)


def published_range(quantity: str, movement: str) -> PublishedRange | None:
    """The range for this quantity in this movement, None where none was published for it."""
    return next((r for r in RANGES if (r.quantity, r.movement) == (quantity, movement)), None)
