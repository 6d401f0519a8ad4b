"""The physio's first page of a training day: sets, shares by movement, and how long the lumbar spine was flexed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dashboards.notation import DASH, clock
from dashboards.report.drawing import Bar, levels, shares
from dashboards.report.facts import Facts
from dashboards.report.front import Line, Picture, Table, care_line, common_lines, fitting, thirds_picture
from dashboards.report.movements import MovementSummary
from dashboards.report.wording import Wording, cut

BOTH = "lumbar_share_of_trunk_on_thigh"
"""The share of lumbar spine and hip: the one that all movements have."""
_BARS = 5
_FLEXED_DEG = 40.0
"""Time beyond this lumbar flexion stands in the headline: a border of the zones (ours)."""


def headline(facts: Facts, words: Wording) -> str:
    """What was done, and how long the lumbar spine was flexed; or why there is nothing to tell."""
    summary = facts.summary
    if not facts.repetitions:
        return words.text("report.headline_none" if facts.any_angle else "report.headline_no_angle")
    done = done_words(facts, words)
    flexed = _beyond(_zones(summary), _FLEXED_DEG)
    if not math.isfinite(flexed):
        return f"{done}."
    return words.text("report.headline_training", done=done, time=cut(clock(flexed), 12), degrees=f"{_FLEXED_DEG:.0f}°")


def done_words(facts: Facts, words: Wording) -> str:
    """``48 repetitions in 6 sets``."""
    repetitions, sets = len(facts.repetitions), len(facts.summary["sets"])
    if repetitions == 1 or not sets:
        return words.text("report.headline_one" if repetitions == 1 else "report.headline_no_sets", repetitions=repetitions)
    return words.text("report.headline_set" if sets == 1 else "report.headline_sets", repetitions=repetitions, sets=sets)


def lines(facts: Facts, words: Wording) -> list[Line]:
    """What was done, shares, time flexed, the furthest repetition, what to read with care, change, pain, next test."""
    exposure = facts.summary["exposure"]
    done = [f"{words.kind(g.movement, g.side)}\xa0×\xa0{len(g.rows)}" for g in _by_count(facts)]
    told = [
        f"{words.kind(g.movement)} {words.number(g.median(BOTH), '')}"
        for g in _by_count(facts)
        if not g.side and math.isfinite(g.median(BOTH))
    ]
    found = [
        Line(words.text("report.done"), "", fitting(done, words) if done else DASH),
        Line(words.text("report.share"), "", fitting(told, words) if told else DASH),
        Line(words.text("report.flexed"), "", _flexed(exposure, words)),
    ]
    listed = exposure.get("worst_repetitions")
    worst = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else {}
    peak = _number(worst.get("lumbar_peak_deg"))
    if math.isfinite(peak):
        found.append(
            Line(
                words.text("report.furthest"),
                words.number(peak, "deg"),
                words.text(
                    "report.furthest_where",
                    number=cut(str(worst.get("number")), 8),
                    movement=words.kind(str(worst.get("movement"))),
                    time=clock(_number(worst.get("start_s"))),
                ),
            )
        )
    return [*found, *care_line(facts, words), *common_lines(facts, words)]


def pictures(facts: Facts, words: Wording) -> list[Picture]:
    """Who makes each movement, where the lumbar spine was, and the thirds of the bend or the course over the sets."""
    groups = [g for g in _by_count(facts) if not g.side][:_BARS]
    bars = [Bar(words.kind(g.movement), g.median(BOTH), words.number(g.median(BOTH), "")) for g in groups]
    label = words.text("report.shares_label", told=", ".join(f"{b.name} {b.words}" for b in bars) or DASH)
    more = len([g for g in facts.groups if not g.side]) - len(groups)
    first = Picture(
        words.text("report.shares"),
        words.text("report.shares_what"),
        shares(bars, label),
        words.text("report.more", count=more) if more > 0 else words.text("report.shares_caption"),
    )
    return [first, _zones_picture(facts, words), _third(facts, words)]


def sets_table(facts: Facts, words: Wording, most: int) -> Table:
    """The sets with their medians; those of the movements done most where there are too many."""
    rows = []
    for number, one in enumerate(facts.summary["sets"], 1):
        metrics = _mapping(one.get("metrics"))
        rows.append(
            (
                str(number),
                cut(words.kind(str(one.get("movement")), str(one.get("side") or "")), 40),
                cut(clock(_number(one.get("start_s"))), 8),
                cut(str(one.get("repetitions", DASH)), 8),
                words.number(_median(metrics, "lumbar_rom_deg"), "deg"),
                words.number(_hip(metrics, str(one.get("side") or "")), "deg"),
                words.number(one.get("lumbar_share_of_trunk_on_thigh_median"), ""),
            )
        )
    more = len(rows) - most
    head = tuple(words.text(f"report.sets.{name}") for name in ("set", "movement", "at", "count", "lumbar", "hip", "share"))
    return Table(
        head,
        tuple(rows[:most]),
        frozenset({2, 3, 4, 5, 6}),
        words.text("report.rows_more", count=more) if more > 0 else "",
    )


def exposure_rows(facts: Facts, words: Wording, most: int) -> tuple[tuple[str, str, str], ...]:
    """The exposure of the day beyond the zones: name, number, and what it is of."""
    exposure = facts.summary["exposure"]
    rows: list[tuple[str, str, str]] = []
    parts = _mapping(exposure.get("part_of_largest_bend_s"))
    for key, seconds in reversed(list(parts.items())):
        if key != "below_50":
            name = words.text("report.exposure.part", zone=_zone(key, words, "\xa0%"))
            rows.append((name, clock(_number(seconds)), words.number(exposure.get("largest_bend_lumbar_deg"), "deg")))
    if "bends" in exposure:
        rows.append((words.text("report.exposure.bends"), cut(str(exposure["bends"]), 8), ""))
    moved = sum(n for n in _mapping(exposure.get("lumbar_movements")).values() if isinstance(n, int))
    if moved:
        rows.append((words.text("report.exposure.movements"), str(moved), ""))
    for key in ("slack_events", "lifts_after_creep", "flexed_over_20_min", "first_hour_lifts"):
        if key in exposure and isinstance(exposure[key], list):
            rows.append((words.text(f"report.exposure.{key}"), str(len(exposure[key])), ""))
    missing = _number(exposure.get("lumbar_missing_s"))
    if math.isfinite(missing):
        rows.append((words.text("report.exposure.missing"), clock(missing), ""))
    return tuple(rows[:most])


def _by_count(facts: Facts) -> list[MovementSummary]:
    return sorted(facts.groups, key=lambda g: -len(g.rows))


def _flexed(exposure: Mapping[str, Any], words: Wording) -> str:
    longest = _mapping(exposure.get("longest_flexed"))
    seconds = _number(longest.get("seconds"))
    said = []
    if math.isfinite(seconds) and seconds > 0:
        said.append(words.text("report.longest", time=clock(seconds), at=clock(_number(longest.get("start_s")))))
    if exposure.get("bends"):
        said.append(words.text("report.bends", count=cut(str(exposure["bends"]), 8)))
    slack = exposure.get("slack_events")
    if isinstance(slack, list) and slack:
        said.append(words.text("report.slack_events", count=len(slack)))
    return fitting(said, words) if said else DASH


def _zones_picture(facts: Facts, words: Wording) -> Picture:
    zones = _zones(facts.summary)
    bars = [Bar(_zone(key, words), seconds, clock(seconds)) for key, seconds in zones.items()]
    label = words.text("report.zones_label", told=", ".join(f"{b.name} {b.words}" for b in bars) or DASH)
    caption = words.text("report.zones_caption", time=clock(_number(facts.summary["duration_s"])))
    return Picture(words.text("report.zones"), words.text("report.zones_what"), levels(bars, label), caption)


def _third(facts: Facts, words: Wording) -> Picture:
    group = next((g for g in facts.groups if g.movement == "bend"), None)
    if group is not None and math.isfinite(group.median("lumbar_share_of_trunk")):
        return thirds_picture(group, group.median("lumbar_share_of_trunk"), words)
    most = next((g for g in _by_count(facts) if not g.side), None)
    movement = most.movement if most is not None else ""
    sets = [s for s in facts.summary["sets"] if s.get("movement") == movement]
    peaks = [(i, _median(_mapping(s.get("metrics")), "lumbar_peak_deg")) for i, s in enumerate(sets, 1)]
    shown = peaks if len(peaks) <= 8 else [*peaks[:4], *peaks[-4:]]
    bars = [Bar(str(i), value, f"{value:.0f}" if math.isfinite(value) else DASH) for i, value in shown]
    name = words.kind(movement) if movement else DASH
    label = words.text("report.peaks_label", movement=name, told=", ".join(f"{b.name}: {b.words}" for b in bars) or DASH)
    return Picture(
        words.text("report.peaks"),
        cut(words.text("report.peaks_what", movement=name), 40),
        levels(bars, label),
        words.text("report.peaks_caption", count=len(sets)),
    )


def _zones(summary: Mapping[str, Any]) -> dict[str, float]:
    zones = (summary["exposure"] or {}).get("lumbar_flexion_s") or {}
    return {key: _number(seconds) for key, seconds in zones.items()}


def _beyond(zones: Mapping[str, float], degrees: float) -> float:
    """Seconds in the zones that begin there or further on; NaN where no zone does."""
    found = [s for key, s in zones.items() if (low := _low(key)) is not None and low >= degrees]
    return sum(found) if found else math.nan


def _low(key: str) -> float | None:
    """Where a zone begins: ``20_to_40`` → 20, ``above_60`` → 60; None for the first one."""
    word = key.removeprefix("above_").split("_to_")[0]
    try:
        return float(word)
    except ValueError:
        return None


def _zone(key: str, words: Wording, unit: str = "°") -> str:
    if key.startswith(("above_", "below_")):
        sign, number = key.split("_", 1)
        return f"{'>' if sign == 'above' else '<'}\xa0{cut(number, 6)}{unit}"
    low, _, high = key.partition("_to_")
    return f"{cut(low, 6)}–{cut(high, 6)}{unit}"


def _mapping(value: Any) -> Mapping[str, Any]:
    """Of what is a mapping in a sound summary: it, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def _median(metrics: Mapping[str, Any], name: str) -> float:
    found = metrics.get(name)
    return _number(found.get("median")) if isinstance(found, Mapping) and found.get("valid", True) else math.nan


def _hip(metrics: Mapping[str, Any], side: str) -> float:
    found = [_median(metrics, f"hip_{one}_rom_deg") for one in ([side] if side else ("left", "right"))]
    found = [value for value in found if math.isfinite(value)]
    return sum(found) / len(found) if found else math.nan


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
