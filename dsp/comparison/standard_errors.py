"""Two standard errors of measurement for each number of the screen, and what they make of differences.

*Worn on*: the sensors stayed on between two occasions. *Worn anew*: they were taken off; placement, calibration and the day are
in it too. Both begin with the published value. Own occasions from before the treatment are added to it as if the published
value came from `PRIOR_DF` degrees of freedom (the scaled inverse chi-squared prior of a variance; Gelman, Bayesian Data
Analysis, 3rd edition, section 2.6). Differences are then compared with Student quantiles of these degrees of freedom.

The variance of a number on occasion i is worn² plus, shared by all occasions of one wear, anew² − worn². A median of few
repetitions that spread widely is known less well than that: the larger of the two variances counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import variance

from body_signals import Key
from dsp.comparison.occasion import Occasion, unit_of

PRIOR_DF = 8.0
"""Degrees of freedom that a published standard error counts for (ours): people's own ones then lie within about a quarter of
it, in both directions."""
MEDIAN_FACTOR = math.sqrt(math.pi / 2.0)
"""Standard error of a median over that of a mean, for many normal values."""
LAIRD_2016 = "Laird 2016, BMC Musculoskeletal Disorders 17: minimal detectable change (90 %) over 2.33"
BENGTSSON_2022 = "Bengtsson 2022, IJSPT 17:1063: minimal detectable change of 8° within a set over 2.77"
STOLOWSKI_2023 = "Stolowski 2023, Sensors 23:8782: limits of agreement of 7°, same rater, over 2.77"
OURS = "a proposal of this program"


@dataclass(frozen=True, slots=True)
class PublishedError:
    """Standard errors of one occasion, worn on and worn anew, with their sources."""

    worn: float
    anew: float
    worn_source: str
    anew_source: str


_HIP = PublishedError(2.1, 2.5, OURS, STOLOWSKI_2023)
_RANGE = PublishedError(2.9, 4.3, BENGTSSON_2022, LAIRD_2016)
_SHARE = PublishedError(0.035, 0.052, OURS, LAIRD_2016)
_TIME = PublishedError(0.20, 0.25, OURS, OURS)
_PUBLISHED: Mapping[str, PublishedError] = {
    **dict.fromkeys(("hip_peak_deg", "hip_rom_deg", "excursion_deg", "apparent_peak_deg", "hip_extension_deg"), _HIP),
    "hip_difference_deg": PublishedError(3.0, 3.6, OURS, f"{STOLOWSKI_2023}, of two hips"),
    "late_rise": PublishedError(0.050, 0.074, OURS, f"{LAIRD_2016}, of two shares"),
    "lumbar_share_of_trunk": _SHARE,
    "slack_slope_after": PublishedError(0.10, 0.15, OURS, OURS),
}
"""By the name of the measure; all others by their unit: ranges and leans like `_RANGE`, shares and parts like `_SHARE` (of our
own proposal), times like `_TIME`."""


def published(key: Key) -> PublishedError:
    """The published standard errors of a number, in its unit; ours where none is published."""
    own = _PUBLISHED.get(key[2])
    if own is not None:
        return own
    unit = unit_of(key)
    if unit == "deg":
        return _RANGE
    return _TIME if unit == "s" else PublishedError(_SHARE.worn, _SHARE.anew, OURS, OURS)


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """Standard errors of one occasion and their degrees of freedom; own: how many of these are the athlete's."""

    worn: float
    worn_df: float
    anew: float
    anew_df: float
    own: int = 0

    @property
    def placed(self) -> float:
        """Variance that all occasions of one wear share."""
        return max(self.anew**2 - self.worn**2, 0.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A weighted sum of occasions: its value, standard error and degrees of freedom."""

    value: float
    error: float
    df: float

    def smallest(self, level: float) -> float:
        """The smallest size that chance alone exceeds in `level` of cases, both directions together."""
        return quantile(level, self.df) * self.error


@lru_cache(maxsize=1024)
def quantile(level: float, df: float) -> float:
    """Student's quantile of a two-sided test at `level`."""
    # imported where it is used: loading is slow
    from scipy.stats import t as student

    return float(student.ppf(1.0 - 0.5 * level, df))


def shrunk(published_error: float, squares: float, df: int) -> tuple[float, float]:
    """The published standard error and own sums of squares as one, and its degrees of freedom."""
    total = PRIOR_DF + df
    return math.sqrt((PRIOR_DF * published_error**2 + squares) / total), total


def standard_errors(key: Key, before: Sequence[Occasion], known: PublishedError | None = None) -> StandardErrors:
    """The standard errors of a number, from its published ones and the athlete's own occasions before any treatment.

    known: instead of the published ones, e.g. from a clinic's own repeatability study.
    """
    base = published(key) if known is None else known
    worn_squares, worn_df, firsts = 0.0, 0, []
    for values in _by_wear(key, before).values():
        firsts.append(values[0])
        worn_df += len(values) - 1
        worn_squares += variance(values) * (len(values) - 1) if len(values) > 1 else 0.0
    anew_df = max(len(firsts) - 1, 0)
    worn, worn_total = shrunk(base.worn, worn_squares, worn_df)
    anew, anew_total = shrunk(base.anew, variance(firsts) * anew_df if anew_df else 0.0, anew_df)
    return StandardErrors(worn, worn_total, max(anew, worn), anew_total, worn_df + anew_df)


def _by_wear(key: Key, occasions: Sequence[Occasion]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in occasions:
        if key in one.values:
            found.setdefault(one.wear, []).append(one.values[key].median)
    return found


def mean_weights(key: Key, occasions: Sequence[Occasion]) -> dict[int, float]:
    """Weights of a mean over wears, each the mean of its occasions; by position in `occasions`."""
    at: dict[str, list[int]] = {}
    for i, one in enumerate(occasions):
        if key in one.values:
            at.setdefault(one.wear, []).append(i)
    return {i: 1.0 / (len(at) * len(places)) for places in at.values() for i in places}


def combined(key: Key, occasions: Sequence[Occasion], weights: Mapping[int, float], errors: StandardErrors) -> Estimate:
    """A weighted sum of the number over occasions; the degrees of freedom follow Satterthwaite 1946 (doi 10.2307/3002019)."""
    worn_part, placed_part, extra = covariance_parts(key, occasions, weights, weights, errors)
    total = worn_part * errors.worn**2 + placed_part * errors.placed + extra
    value = sum(w * occasions[i].values[key].median for i, w in weights.items())
    # the shared part is itself a difference of two estimated variances
    terms = (
        ((worn_part - placed_part) * errors.worn**2) ** 2 / errors.worn_df,
        (placed_part * errors.anew**2) ** 2 / errors.anew_df,
        extra**2 / PRIOR_DF,
    )
    df = total**2 / sum(terms) if sum(terms) > 0.0 else PRIOR_DF
    return Estimate(value, math.sqrt(total), min(max(df, 2.0), errors.worn_df + errors.anew_df))


def covariance(
    key: Key,
    occasions: Sequence[Occasion],
    one: Mapping[int, float],
    other: Mapping[int, float],
    errors: StandardErrors,
) -> float:
    """Covariance of two weighted sums over the same occasions."""
    worn_part, placed_part, extra = covariance_parts(key, occasions, one, other, errors)
    return worn_part * errors.worn**2 + placed_part * errors.placed + extra


def covariance_parts(
    key: Key,
    occasions: Sequence[Occasion],
    one: Mapping[int, float],
    other: Mapping[int, float],
    errors: StandardErrors,
) -> tuple[float, float, float]:
    """How often the worn-on variance and the shared one are in a covariance, and what wide spreads add to it."""
    worn = placed = extra = 0.0
    for i, a in one.items():
        for j, b in other.items():
            if occasions[i].wear == occasions[j].wear:
                placed += a * b
            if i == j:
                worn += a * b
                extra += a * b * _excess(key, occasions[i], errors)
    return worn, placed, extra


def _excess(key: Key, occasion: Occasion, errors: StandardErrors) -> float:
    """Variance by which a median of widely spread repetitions exceeds the worn-on one."""
    value = occasion.values[key]
    if not math.isfinite(value.spread) or value.repetitions < 1:
        return 0.0
    own = (MEDIAN_FACTOR * value.spread) ** 2 / value.repetitions
    return max(own - errors.worn**2, 0.0)
