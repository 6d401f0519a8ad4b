"""Comparisons over time: before and after a treatment, an athlete's own baseline, repeatability and own norms."""

from body_signals import Key, key_of, words_of
from dsp.comparison.baselines import Baseline, Day, Week, baseline, trend, weeks
from dsp.comparison.centiles import FEWEST_PEOPLE, centile
from dsp.comparison.comparison import Comparison, compare, pain_document, rounded, smallest_detectable
from dsp.comparison.course import LABELS, TODAY_LEVEL, TOMORROW_LEVEL, Course, Point, course_of
from dsp.comparison.occasion import Occasion, Value, unit_of, values_of
from dsp.comparison.primary import proposed_primary, wanted
from dsp.comparison.repeatability import Agreement, Limited, agreement
from dsp.comparison.standard_errors import PRIOR_DF, PublishedError, StandardErrors, published, quantile, standard_errors

__all__ = [
    "FEWEST_PEOPLE",
    "LABELS",
    "PRIOR_DF",
    "TODAY_LEVEL",
    "TOMORROW_LEVEL",
    "Agreement",
    "Baseline",
    "Comparison",
    "Course",
    "Day",
    "Key",
    "Limited",
    "Occasion",
    "Point",
    "PublishedError",
    "StandardErrors",
    "Value",
    "Week",
    "agreement",
    "baseline",
    "centile",
    "compare",
    "course_of",
    "key_of",
    "pain_document",
    "proposed_primary",
    "published",
    "quantile",
    "rounded",
    "smallest_detectable",
    "standard_errors",
    "trend",
    "unit_of",
    "values_of",
    "wanted",
    "weeks",
    "words_of",
]
