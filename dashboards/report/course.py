"""Change and pain in words, and the course of the primary measure after treatment as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from dashboards.notation import DASH, clock, local_moment
from dashboards.palette import LEFT, LUMBAR, RIGHT
from dashboards.report.drawing import CoursePoint, course
from dashboards.report.facts import Facts
from dashboards.report.wording import Wording

_WITHIN = frozenset({"not_more_than_measurement", "lost"})
"""Labels of a value that cannot be told from *before*."""
_PAIN_TELLS = 2.0
"""A change of pain that counts, points of 0 to 10 (Ostelo 2008, doi 10.1097/BRS.0b013e31815e3a10)."""
MOST_POINTS = 7
_MOST_WORDS = 330
"""Characters of the sentences above the course: four lines (ours)."""
_MOST_PAIN = 4


def changed(comparison: Mapping[str, Any], words: Wording) -> tuple[str, str]:
    """The change in one sentence, its beginning apart."""
    strong, colon, rest = words.change(comparison).rstrip(".").partition(": ")
    return strong, f"{colon}{rest}"


def from_to(comparison: Mapping[str, Any], words: Wording) -> str:
    """The number that was compared, before and at last: ``true hip flexion, knee raise, left: 76° to 84°``."""
    before, after = (words.value(comparison, comparison.get(name)) for name in ("before", "after"))
    return words.text("report.before_to_after", what=_what(comparison, words), before=before, after=after)


def _what(comparison: Mapping[str, Any], words: Wording) -> str:
    primary = comparison.get("primary") or {}
    return words.measure(primary.get("test", ""), primary.get("measure", ""), primary.get("side") or "")


def pain_line(facts: Facts, words: Wording) -> str:
    """Pain before and after, or as it was told in the session; whether it was told at all."""
    later = later_points(facts.comparison)
    levels = [(_number(p.get("pain")), p) for p in later]
    before = _number(((facts.comparison or {}).get("pain") or {}).get("before"))
    if math.isfinite(before) or any(math.isfinite(level) for level, _ in levels):
        said = [_pain_at(before, words.text("when.before"), words)]
        said += [_pain_at(level, words.when(p.get("minutes_after")), words) for level, p in levels]
        return ", ".join(said)
    told = [(_number(p["time_s"]), _number(p["level"])) for p in facts.summary["pain"]]
    told = sorted((t, v) for t, v in told if math.isfinite(v) and math.isfinite(t))
    if not told:
        return words.text("report.no_pain")
    if len(told) <= _MOST_PAIN:
        return ", ".join(words.text("report.pain_at", level=_level(v), time=clock(t)) for t, v in told)
    at, most = max(told, key=lambda one: one[1])
    last = told[-1]
    return words.text(
        "report.pain_many",
        count=len(told),
        most=_level(most),
        time=clock(at),
        last=_level(last[1]),
        last_time=clock(last[0]),
    )


def _pain_at(level: float, when: str, words: Wording) -> str:
    if not math.isfinite(level):
        return words.text("pain.unknown", when=when)
    return words.text("pain.at", level=_level(level), when=when)


def sentences_of(comparison: Mapping[str, Any], words: Wording) -> str:
    """The whole comparison: each later measurement, what was kept, and how much the measurement can tell."""
    later = later_points(comparison)[-3:]
    said = [words.point(_own(comparison, p), p) for p in later[:-1]]
    said.append(words.change(comparison))
    kept = [comparison.get(name) for name in ("kept_percent", "kept_percent_low", "kept_percent_high")]
    if all(math.isfinite(_number(v)) for v in kept):
        share, low, high = (words.number(_number(v) / 100.0, "") for v in kept)
        said.append(words.text("change.kept_percent", kept=share, low=low.removesuffix("\xa0%"), high=high))
    half = _number(comparison.get("half_life_min"))
    if math.isfinite(half):
        said.append(words.text("change.half_life", minutes=round(half)))
    wear = words.text("change.same_wear" if comparison.get("same_wear") else "change.worn_anew")
    smallest = comparison.get("smallest_detectable_deg")
    if math.isfinite(_number(smallest)):
        said.append(words.text("change.can_tell", smallest=words.at_least(smallest, comparison.get("unit", "deg")), wear=wear))
    for code in comparison.get("warnings") or ():
        told = words.words.get(f"change.warning.{code}")
        if told and len(" ".join([*said, told])) <= _MOST_WORDS:
            said.append(told)
    return " ".join(said)


def title_of(comparison: Mapping[str, Any], words: Wording) -> str:
    """What was compared: the comparable sign that was chosen before treatment."""
    return words.text("report.retest", what=_what(comparison, words))


def picture_of(facts: Facts, words: Wording) -> Markup | None:
    """The course of the comparison; None where there is nothing to draw."""
    comparison = facts.comparison
    later = later_points(comparison)
    if comparison is None or not later:
        return None
    unit = comparison.get("unit", "deg")
    primary = comparison.get("primary") or {}
    before = _number(comparison.get("before"))
    pain = _number((comparison.get("pain") or {}).get("before"))
    points = [
        CoursePoint(
            words.text("when.before"),
            _at(_before(comparison).get("start")),
            before,
            words.value(comparison, before),
            math.nan,
            False,
            "",
            _level(pain),
            "",
        )
    ]
    shown = later[: MOST_POINTS - 1] if len(later) < MOST_POINTS else [*later[: MOST_POINTS - 2], later[-1]]
    for p in shown:
        value = _number(p.get("value"))
        points.append(
            CoursePoint(
                words.when(p.get("minutes_after")),
                _at(p.get("start")),
                value,
                words.value(comparison, value),
                _number(_own(comparison, p).get("smallest_detectable_deg")),
                p.get("label") not in _WITHIN,
                _kept(p, words),
                _pain_word(_number(p.get("pain")), pain),
                words.text("change.same_wear" if _own(comparison, p).get("same_wear") else "change.worn_anew"),
            )
        )
    ink = {"left": LEFT, "right": RIGHT}.get(primary.get("side") or "", LUMBAR)
    told = "; ".join(f"{p.when} {p.words}" for p in points)
    shown_unit = "°" if unit == "deg" else "\xa0%" if unit in ("", None) else f"\xa0{unit}"
    return course(points, ink, words.text("report.pain_word"), shown_unit, f"{title_of(comparison, words)}: {told}")


def others_of(comparison: Mapping[str, Any], words: Wording, most: int) -> list[tuple[str, ...]]:
    """The other measures before and after: shown, never labelled."""
    rows: list[tuple[str, ...]] = []
    for one in comparison.get("others") or ():
        rows.append((words.measure(one["test"], one["measure"], one.get("side") or ""), *words.before_after(one)))
    return rows[:most]


def _kept(point: Mapping[str, Any], words: Wording) -> str:
    share = _number(point.get("kept_percent"))
    return words.text("report.kept", share=words.number(share / 100.0, "")) if math.isfinite(share) else ""


def _before(comparison: Mapping[str, Any]) -> Mapping[str, Any]:
    first: Mapping[str, Any] = next(iter(comparison.get("points") or ()), {})
    return {} if first.get("label") else first


def later_points(comparison: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """The measurements after treatment, in order of time. The first point of a comparison is *before*; it has no label."""
    found = list((comparison or {}).get("points") or ())
    if found and not found[0].get("label"):
        found = found[1:]
    return sorted(found, key=lambda p: n if math.isfinite(n := _number(p.get("minutes_after"))) else 0.0)


def _own(comparison: Mapping[str, Any], point: Mapping[str, Any]) -> Mapping[str, Any]:
    """The comparison with what is known of one point in place of the last one's."""
    names = ("smallest_detectable_deg", "same_wear")
    return {**comparison, **{name: point[name] for name in names if name in point}}


def _pain_word(level: float, before: float) -> str:
    sign = ""
    if math.isfinite(level) and math.isfinite(before) and abs(level - before) >= _PAIN_TELLS:
        sign = " ▾" if level < before else " ▴"
    return f"{_level(level)}{sign}"


def _level(level: float) -> str:
    return DASH if not math.isfinite(level) else f"{level:.0f}" if level == round(level) else f"{level:.1f}"


def _at(start: Any) -> str:
    moment = local_moment(start)
    return "" if moment is None else f"{moment:%H:%M}"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
