"""Own norms: a centile of a number over people, with its limits.

People may give one value for each side. A centile is taken over all values; its limits come from drawing people, not values,
again and again (bootstrap by person; Efron & Tibshirani 1993, chapter 13), because the two sides of one person are alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsp.comparison.agreement import LEVEL, Limited

FEWEST_PEOPLE = 20
"""Fewest people for a centile (clinical section 5); with twenty, two lie beyond the tenth."""
DRAWS, SEED = 2000, 1
"""Draws of people, and the seed that makes them the same each time (ours)."""


def centile(people: Sequence[Sequence[float]], part: float) -> Limited | None:
    """The centile (0.1, 0.9) of a number; each person's values. None with fewer than `FEWEST_PEOPLE`.

    The quantile is the median-unbiased one (Hyndman & Fan 1996, type 8, doi 10.2307/2684934).
    """
    known = [np.asarray(values, float) for values in people if len(values)]
    if len(known) < FEWEST_PEOPLE:
        return None
    value = float(np.quantile(np.concatenate(known), part, method="median_unbiased"))
    random = np.random.default_rng(SEED)
    draws = [
        np.quantile(
            np.concatenate([known[i] for i in random.integers(0, len(known), len(known))]), part, method="median_unbiased"
        )
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(draws, (LEVEL / 2.0, 1.0 - LEVEL / 2.0))
    return Limited(value, float(low), float(high))
