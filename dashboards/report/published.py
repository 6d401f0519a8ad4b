"""Published ranges that may stand next to a number, each with its source and the movement it was measured in."""

from __future__ import annotations

from dataclasses import dataclass

from body_signals.limits import LAIRD_2019, LIMITS


@dataclass(frozen=True, slots=True)
class PublishedRange:
    """10th to 90th centile of a quantity (a column of repetitions.parquet, in its unit) in one movement."""

    quantity: str
    movement: str
    low: float
    high: float
    people: str
    source: str


_SHARE = {limit.name: limit.value for limit in LIMITS}

RANGES: tuple[PublishedRange, ...] = (
    PublishedRange(
        quantity="lumbar_share_of_trunk",
        movement="bend",
        low=_SHARE["bend_share_low"],
        high=_SHARE["bend_share_high"],
        people="124 adults without low back pain, standing forward bend, 10th to 90th centile",
        source=LAIRD_2019,
    ),
)


def published_range(quantity: str, movement: str) -> PublishedRange | None:
    """The range for this quantity in this movement, None where none was published for it."""
    return next((r for r in RANGES if (r.quantity, r.movement) == (quantity, movement)), None)
