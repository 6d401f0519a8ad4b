"""Own norms: a centile of a number over people, with its limits.

People may give one value for each side. A centile is taken over all values; its limits come from drawing people, not values,
again and again (bootstrap by person; Efron & Tibshirani 1993, chapter 13), because the two sides of one person are alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from dsp.comparison.agreement import LEVEL, Limited

FEWEST_PEOPLE = 20
"""Fewest people for a centile (clinical section 5); with twenty, two lie beyond the tenth."""
METHOD: Final = "median_unbiased"
"""Type 8 of Hyndman & Fan 1996 (doi 10.2307/2684934)."""
DRAWS, SEED = 2000, 1
"""Draws of people, and the seed that makes them the same each time (ours)."""


def centile(people: Sequence[Sequence[float]], part: float) -> Limited | None:
    """The centile (0.1, 0.9) of a number; each person's values. None with fewer than `FEWEST_PEOPLE`."""
    known = [list(values) for values in people if len(values)]
    if len(known) < FEWEST_PEOPLE:
        return None
    # everybody as often: whoever has one value gives it twice where others have two
    often = math.lcm(*map(len, known))
    table = np.array([values * (often // len(values)) for values in known])
    value = float(np.quantile(table, part, method=METHOD))
    drawn = np.random.default_rng(SEED).integers(0, len(table), (DRAWS, len(table)))
    draws = np.quantile(table[drawn].reshape(DRAWS, -1), part, axis=1, method=METHOD)
    low, high = np.quantile(draws, (LEVEL / 2.0, 1.0 - LEVEL / 2.0))
    return Limited(value, float(low), float(high))
