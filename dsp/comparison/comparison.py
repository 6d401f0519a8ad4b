"""The comparison of occasions before and after a treatment: one number with a label, all others without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from body_signals import Key
from dsp.comparison.course import TODAY_LEVEL, TOMORROW_LEVEL, Course, Point, course_of
from dsp.comparison.occasion import Occasion, unit_of
from dsp.comparison.primary import proposed_primary
from dsp.comparison.standard_errors import PublishedError, published, quantile, shrunk

IMPORTANT_POINTS, IMPORTANT_PART = 2.0, 0.30
"""Smallest change of pain that matters to people: 2 of 10 points, or 30 % of what it was (Ostelo 2008, doi
10.1097/BRS.0b013e31815e3a10)."""
LEAST_POINTS = 1.0
"""A change of pain by less than this is never one that matters (ours)."""
PLANNED = (2, 3, 5)
"""Numbers of baselines for which the smallest detectable change is stated."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A course, and the numbers beside it. baselines: wears before the treatment."""

    course: Course
    baselines: int
    others: tuple[tuple[Key, float, float, float | None], ...]
    """All other numbers: key, before, after, and at the last point where it is another one."""
    known: PublishedError | None = None

    def document(self) -> dict[str, object]:
        """The comparison as JSON has it; numbers with four decimals, null where there is none. At the top stand the label, the
        change and what is kept at the last point."""
        course = self.course
        before, after, last = course.points[0], course.points[1], course.points[-1]
        return {
            "primary": dict(zip(("test", "side", "measure"), course.key, strict=True)),
            "unit": unit_of(course.key),
            "before": rounded(before.value),
            "after": rounded(after.value),
            "immediate_deg": rounded(after.change.value),
            "change_deg": rounded(last.change.value),
            "smallest_detectable_deg": rounded(last.smallest),
            "sd_worn_deg": rounded(course.errors.worn),
            "sd_reworn_deg": rounded(course.errors.anew),
            "sd_sources": {
                "worn": (self.known or published(course.key)).worn_source,
                "reworn": (self.known or published(course.key)).anew_source,
                "own_degrees_of_freedom": course.errors.own,
            },
            "baselines": self.baselines,
            "smallest_detectable_next_day_deg": {
                str(n): rounded(smallest_detectable(course.key, n, known=self.known)) for n in PLANNED
            },
            "same_wear": last.same_wear,
            "label": last.label,
            **_kept(last),
            "half_life_min": None if course.half_life is None else round(course.half_life, 1),
            "pain": pain_document(before.occasion.pain, after.occasion.pain, last.occasion.pain),
            "points": [_point(p) for p in course.points],
            "warnings": list(course.warnings),
            "others": [
                dict(zip(("test", "side", "measure"), key, strict=True))
                | {"unit": unit_of(key), "before": rounded(b), "after": rounded(a), "change": rounded(a - b)}
                | {"last": None if z is None else rounded(z)}
                for key, b, a, z in self.others
            ],
        }


def compare(
    before: Occasion,
    after: Occasion,
    *later: Occasion,
    primary: Key | None = None,
    baselines: Sequence[Occasion] = (),
    treated: datetime | None = None,
    known: PublishedError | None = None,
) -> Comparison:
    """Compare occasions. primary: the number that was chosen before the treatment; else the limiting test of *before*.

    baselines: earlier occasions of the same person, before any treatment. known: own standard errors instead of published
    ones. ValueError where the number is missing on one of the occasions, or where there is none to propose.
    """
    key = primary
    if key is None:
        proposed = proposed_primary(before.screen)
        if proposed is None:
            raise ValueError("no number of the screen was measured before")
        key = proposed["test"], proposed["side"], proposed["measure"]
    course = course_of(key, before, (after, *later), baselines, treated=treated, known=known)
    last = later[-1] if later else None
    others = tuple(
        (k, v.median, after.values[k].median, None if last is None or k not in last.values else last.values[k].median)
        for k, v in before.values.items()
        if k != key and k in after.values
    )
    wears = {one.wear for one in (*baselines, before) if key in one.values}
    return Comparison(course, len(wears), others, known)


def smallest_detectable(key: Key, baselines: int, *, same_wear: bool = False, known: PublishedError | None = None) -> float:
    """The smallest change that can be told on average with this number of baselines: their mean against one later measurement
    worn anew; with the sensors on, one against one."""
    base = published(key) if known is None else known
    if same_wear:
        error, df = shrunk(base.worn, 0.0, 0)
        return quantile(TODAY_LEVEL, df) * error * math.sqrt(2.0)
    # own sessions that scatter as published
    error, df = shrunk(base.anew, base.anew**2 * (baselines - 1), baselines - 1)
    return quantile(TOMORROW_LEVEL, df) * error * math.sqrt(1.0 + 1.0 / baselines)


def pain_document(before: float | None, after: float | None, now: float | None) -> dict[str, object]:
    """Pain at these points; important: whether the change from before to now is one that matters to people."""
    if before is None or now is None:
        change, important, direction = None, None, "unknown"
    else:
        change = round(now - before, 2) + 0.0
        needed = min(IMPORTANT_POINTS, max(IMPORTANT_PART * before, LEAST_POINTS)) if change < 0.0 else IMPORTANT_POINTS
        important = abs(change) >= needed - 1e-9
        direction = "lower" if change < 0.0 else "higher" if change > 0.0 else "same"
    return {
        "before": before,
        "after": after,
        "now": now,
        "change": change,
        "direction": direction,
        "important": important,
    }


def _point(point: Point) -> dict[str, object]:
    one = point.occasion
    return {
        "session": one.session,
        "start": None if one.start is None else one.start.isoformat().replace("+00:00", "Z"),
        "minutes_after": None if point.minutes_after is None else round(point.minutes_after, 1),
        "value": rounded(point.value),
        "low": rounded(point.low),
        "high": rounded(point.high),
        "change_deg": rounded(point.change.value),
        "smallest_detectable_deg": rounded(point.smallest) if point.label else None,
        "same_wear": point.same_wear,
        "label": point.label,
        **_kept(point),
        "pain": one.pain,
    }


def _kept(point: Point) -> dict[str, float | None]:
    part = point.part
    if part is None:
        return {"kept_percent": None, "kept_percent_low": None, "kept_percent_high": None}
    found = {"kept_percent": part.part, "kept_percent_low": part.low, "kept_percent_high": part.high}
    return {name: round(100.0 * value, 1) + 0.0 for name, value in found.items()}


def rounded(number: float) -> float | None:
    """A number with four decimals, without -0; None where it is not finite."""
    return round(number, 4) + 0.0 if math.isfinite(number) else None
