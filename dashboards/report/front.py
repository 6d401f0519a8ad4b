"""The physio's first page: the answer, what it rests on and what speaks against it, three pictures, and the loops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from body_signals import SET_FOR_SESSION
from body_signals.movements import BEND, kind_of
from dashboards.notation import DASH, confidence_grade
from dashboards.report.course import changed, from_to, pain_line
from dashboards.report.drawing import Bar, Curve, Square, hip_gives, spine_steps_in, square, thirds
from dashboards.report.facts import Facts, gives_way, hip_of
from dashboards.report.movements import SIDES, THIRDS, MovementSummary, Row, counted_left_out
from dashboards.report.published import published_range
from dashboards.report.wording import Wording, cut

MOST_SQUARES = 4
_ORDER = ("bend", "hinge", "squat", "stand_up", "deadlift")
"""Movements in the order in which a hip check shows them."""
TRIAL = "first of its set"
"""A reason that is part of how tests are done, and no fault."""
_DRAWN_LOOPS = 4
"""Most repetitions in one picture (ours)."""
_LINE = 68
"""Characters of a row beside its name, in the widest typeface (ours)."""
_ROOM_PX, _ROW_PX, _FURTHER_PX, _CELL_PX = 259.0, 28.0, 21.0, 22.0
"""Room on the first page for its rows and the small print below; the height of a row, of each further line in it, and of a row
of small print, CSS pixels (ours)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the first ten lines: its name, what is printed bold, and the rest."""

    name: str
    strong: str
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with the words above and below it."""

    title: str
    what: str
    picture: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Table:
    """A small-print table. numeric: which columns are right-aligned; more: how many rows are not shown here; names: of the
    columns where a narrow screen shows a row as a card, if they are not those of the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int]
    more: str = ""
    names: tuple[str, ...] = ()


def lines(facts: Facts, words: Wording, *, fitted: bool = True) -> list[Line]:
    """Side, confidence, what speaks against it, what to read with care, change, pain, next test. A retest is headed by its
    change: there the hip screen's answer is the first row. fitted: as much of each as has room on the first page; else all."""
    answer = facts.answer
    told = words.confidence(answer)
    sure, _, why = told.partition(": ") if answer.get("confidence") else ("", "", told)
    of_retest = answers_with_change(facts)
    first = [Line(words.text("report.hip_tests"), "", words.pointing(answer))] if of_retest else []
    first += [_side(facts, words), Line(words.text("report.confidence"), sure, f": {why}" if sure and why else why)]
    last = [*care_line(facts, words), *common_lines(facts, words)]
    room = int((_ROOM_PX - _height(first) - _height(last) - _ROW_PX) / _FURTHER_PX)
    against = _against(facts, words, _LINE * max(1, 1 + room) if fitted else None)
    return [*first, Line(words.text("report.against"), "", against), *last]


def answers_with_change(facts: Facts) -> bool:
    """Whether the session's answer is a change: a retest that could be compared."""
    return bool(facts.retests) and facts.comparison is not None


def common_lines(facts: Facts, words: Wording) -> list[Line]:
    """The rows that a hip check and a training day share: change, pain, next test. Where the change is the headline, its row
    says of which number, and both values."""
    found = []
    if facts.comparison is not None:
        told = ("", from_to(facts.comparison, words)) if answers_with_change(facts) else changed(facts.comparison, words)
        found.append(Line(words.text("report.changed"), *told))
    found.append(Line(words.text("report.pain"), "", pain_line(facts, words)))
    found.append(Line(words.text("report.next"), "", words.following(facts.answer, facts.done) or DASH))
    return found


def care_line(facts: Facts, words: Wording) -> list[Line]:
    """What was wrong with sensors or calibration, in one row; nothing where all was well."""
    findings = facts.summary["findings"]
    # a calibration of low confidence concerns every number: it comes first
    said = graded(facts, words, "low")
    said += [
        f"{words.code('place', f['placement'])} {words.code('cause', f['cause'])}, {words.span(f['since_s'], f['until_s'])}"
        for f in findings
    ]
    if not facts.summary["calibration"]:
        said.append(words.text("report.not_calibrated"))
    said += graded(facts, words, "fair")
    said += [f"{n} {words.reason_left_out(why)}" for why, n in counted_left_out(facts.groups).items() if why != TRIAL]
    warnings = len(other_warnings(facts.summary))
    if warnings:
        said.append(words.text("report.warnings" if warnings > 1 else "report.warning", count=warnings))
    return [Line(words.text("report.care"), "", fitting(said, words))] if said else []


def graded(facts: Facts, words: Wording, grade: str) -> list[str]:
    """The sensors whose calibration has this grade of confidence: ``calibration fair: Pelvis``; nothing where none has."""
    sure = {place: alignment.get("confidence") for place, alignment in facts.summary["calibration"].items()}
    places = [
        words.code("place", place)
        for place, value in sure.items()
        if isinstance(value, int | float) and confidence_grade(value) == grade
    ]
    told = words.text("report.calibration_grade", grade=words.code("grade", grade), places=", ".join(places))
    return [told] if places else []


def other_warnings(summary: Mapping[str, Any]) -> list[str]:
    """Warnings that do not repeat a finding."""
    said = {f"{f['placement']}: {f['what']}. {f['remedy']}" for f in summary["findings"]}
    return [warning for warning in summary["warnings"] if warning not in said]


def fitting(parts: Sequence[str], words: Wording, most: int = _LINE) -> str:
    """As many of the parts as fit in one line, and how many more there are."""
    shown: list[str] = []
    for i, part in enumerate(parts):
        rest = len(parts) - i - 1
        more = f"; {words.text('report.more', count=rest)}" if rest else ""
        if shown and len("; ".join([*shown, part])) + len(more) > most:
            return "; ".join([*shown, words.text("report.more", count=rest + 1)])
        shown.append(cut(part, most - len(more)))
    return "; ".join(shown)


def _side(facts: Facts, words: Wording) -> Line:
    side = facts.answer.get("side") or ""
    left, right = (facts.measure("knee_raise", "hip_peak_deg", s) for s in SIDES)
    name = words.text("report.side")
    if side not in SIDES:
        both = words.code("side", side) if side else ""
        numbers = (
            words.text("report.both_numbers", left=words.number(left.median, "deg"), right=words.number(right.median, "deg"))
            if left.known or right.known
            else words.text("report.knee_raise_missing")
        )
        return Line(name, both, f": {numbers}" if both else numbers)
    other = "right" if side == "left" else "left"
    own, against = facts.measure("knee_raise", "hip_peak_deg", side), facts.measure("knee_raise", "hip_peak_deg", other)
    said = []
    if own.known and against.known:
        said.append(
            words.text(
                "side.against",
                number=words.number(own.median, "deg"),
                other=words.number(against.median, "deg"),
                side=words.code("side", other),
            )
        )
    elif own.known:
        own_words = words.number(own.median, "deg")
        said.append(words.text("report.side_alone", number=own_words, side=words.code("side", other)))
    reasons = facts.answer.get("reasons") or ()
    other_too = {r["test"] for r in reasons if r.get("side") == other}
    of_side = {r["test"] for r in reasons if r.get("side") == side} - other_too
    # on all fours one pelvis moves over both hips
    of_side.discard("rock_back")
    telling = of_side | {r["test"] for r in reasons if r["measure"] == "hip_difference_deg"}
    if telling:
        key = "report.side_one" if len(telling) == 1 else "report.side_several"
        said.append(words.text(key, count=words.code("number", len(telling))))
    return Line(name, words.code("side", side), f": {'; '.join(said)}" if said else "")


def _against(facts: Facts, words: Wording, most: int | None) -> str:
    """All that speaks against the answer, or what fits in `most` characters."""
    said = words.against(facts.summary["screen"])
    if not said:
        return words.text("report.against_nothing")
    return "; ".join(said) if most is None else fitting(said, words, most)


def pictures(facts: Facts, words: Wording) -> list[Picture]:
    """What the hip gives, when the spine steps in, who makes the bend."""
    return [_gives(facts, words), _steps_in(facts, words), _bend(facts, words)]


def limit_words(entry: Mapping[str, Any] | None, words: Wording) -> str:
    """A limit with whose it is: ``our proposal 90°``."""
    if entry is None:
        return ""
    value = words.measured(entry, entry["limit"])
    return words.text("report.proposal" if entry.get("proposal") else "report.limit", limit=value)


def _gives(facts: Facts, words: Wording) -> Picture:
    numbers = {side: facts.measure("knee_raise", "hip_peak_deg", side) for side in SIDES}
    bow = facts.group("hinge")
    used = {side: bow.median(f"hip_{side}_peak_deg") if bow is not None else math.nan for side in SIDES}
    entry = facts.limit("knee_raise", "hip_peak_deg", "left") or facts.limit("knee_raise", "hip_peak_deg", "right")
    limit = float(entry["limit"]) if entry is not None else math.nan
    # the athlete's own sessions give each side its own
    of_side = {side: facts.limit("knee_raise", "hip_peak_deg", side) or entry for side in SIDES}
    limits = {side: float(e["limit"]) if e is not None else math.nan for side, e in of_side.items()}
    bars = [
        Bar(words.text(f"report.{side}_letter"), n.median, words.number(n.median, "deg"), used[side])
        for side, n in numbers.items()
    ]
    told = ", ".join(f"{words.code('side', side)} {words.number(n.median, 'deg')}" for side, n in numbers.items())
    label = words.text("report.gives_label", told=told, limit=limit_words(entry, words) or DASH)
    short = [
        words.text("report.short", side=words.code("side", side), number=words.number(limits[side] - n.median, "deg"))
        for side, n in numbers.items()
        if n.known and math.isfinite(limits[side]) and round(n.median) < round(limits[side])
    ]
    caption = "; ".join(short) if short else words.text("report.not_short") if any(n.known for n in numbers.values()) else ""
    if not caption:
        caption = words.text("report.not_tested", test=words.test("knee_raise"))
    if any(math.isfinite(u) for u in used.values()):
        caption += f". {words.text('report.used_in_bow')}"
    return Picture(
        words.text("report.gives"),
        words.text("report.gives_what"),
        hip_gives(bars, limit, limit_words(entry, words), label),
        caption[:1].upper() + caption[1:],
    )


def _steps_in(facts: Facts, words: Wording) -> Picture:
    group = facts.group("rock_back")
    named = facts.answer.get("side") or ""
    sides = [named] if named in SIDES else list(SIDES)
    numbers = {side: n for side in sides if (n := facts.measure("rock_back", "excursion_deg", side)).known}
    curves = [c for row in (group.counted if group else ()) if (c := curve(facts, row, from_start=True)) is not None]
    entry = next((e for side in SIDES if (e := facts.limit("rock_back", "excursion_deg", side)) is not None), None)
    limit = float(entry["limit"]) if entry is not None else math.nan
    low = min(numbers.values(), key=lambda n: n.median, default=None)
    onset = words.number(low.median, "deg") if low is not None else DASH
    slack = any(gives_way(t) for t in facts.summary["screen"]["tests"] if t["test"] == "rock_back")
    caption = words.text("report.not_tested", test=words.test("rock_back"))
    if low is not None:
        key = "report.steps_in_after" if slack else "report.no_step"
        caption = words.text(key, number=words.number(low.median, "deg", low.spread), limit=limit_words(entry, words))
    elif group is not None:
        caption = words.text("report.not_scored", test=words.test("rock_back"))
    caption = caption.removesuffix("; ")
    at = low.median if low is not None and slack else math.nan
    return Picture(
        words.text("report.steps_in"),
        words.text("report.steps_in_what"),
        spine_steps_in(curves, at, onset, limit, words.text("report.steps_in_label", onset=onset)),
        caption[:1].upper() + caption[1:],
    )


def _bend(facts: Facts, words: Wording) -> Picture:
    number, group = facts.measure("bend", "lumbar_share_of_trunk"), facts.group("bend")
    # the bends of a calibration are no repetitions: a protocol that scores them has their thirds
    found = (facts.summary.get("protocol") or {}).get("thirds") or ()
    given = [math.nan if v is None else float(v) for v in found] if len(found) == len(THIRDS) else []
    return thirds_picture(group, number.median, words, given if number.known else ())


def thirds_picture(group: MovementSummary | None, median: float, words: Wording, given: Sequence[float] = ()) -> Picture:
    """The lumbar share of trunk in the thirds of the bend. given: the thirds, where they are not those of the group."""
    share = "lumbar_share_of_trunk"
    of_group = [group.median(f"{share}_{third}") if group is not None else math.nan for third in THIRDS]
    values = list(given) or of_group
    bars = [
        Bar(words.text(f"report.{third}"), v, words.number(v, "").replace("\xa0%", ""))
        for third, v in zip(THIRDS, values, strict=True)
    ]
    published = group.published if group is not None else published_range("lumbar_share_of_trunk", BEND.name) if given else None
    band = (published.low, published.high) if published is not None else None
    told = ", ".join(f"{bar.name} {bar.words}" for bar in bars)
    if group is None and not given:
        caption = words.text("report.not_tested", test=words.test("bend"))
    elif published is None or not math.isfinite(median):
        caption = (
            words.number(median, "") if math.isfinite(median) else words.text("report.not_scored", test=words.test("bend"))
        )
    else:
        low, high = round(100 * published.low), round(100 * published.high)
        caption = words.text("report.published", number=words.number(median, ""), low=low, high=high)
    label = words.text("report.bend_label", told=told)
    return Picture(words.text("report.bend"), words.text("report.bend_what"), thirds(bars, band, label), caption)


def curve(facts: Facts, row: Row, *, from_start: bool = False) -> Curve | None:
    """Lumbar against hip through a repetition; None where one of them was not measured. from_start: as changes."""
    during = facts.during(row)
    hip, lumbar = hip_of(during, row), during["lumbar_flexion_deg"]
    if not len(hip) or not (np.isfinite(hip) & np.isfinite(lumbar)).any():
        return None
    if from_start:
        first = int(np.argmax(np.isfinite(hip) & np.isfinite(lumbar)))
        hip, lumbar = hip - hip[first], lumbar - lumbar[first]
    turn = min(int(np.searchsorted(during["time_s"], row["turn_s"])), len(hip) - 1)
    return Curve(hip, lumbar, turn)


def squares(facts: Facts, words: Wording, *, most_done: bool = False) -> list[Square]:
    """Lumbar against hip of up to four movements: in the order of the table of kinds, or those that were done most."""
    groups = [g for g in facts.groups if g.movement not in ("other", "rock_back") and not kind_of(g.movement).one_leg]
    if most_done:
        groups.sort(key=lambda g: -len(g.rows))
    else:
        groups.sort(key=lambda g: _ORDER.index(g.movement) if g.movement in _ORDER else len(_ORDER))
    found = []
    for group in groups:
        curves = [c for row in group.counted[-_DRAWN_LOOPS:] if (c := curve(facts, row)) is not None]
        if not curves:
            continue
        share, hip, spine = group.median("lumbar_share_of_trunk_on_thigh"), group.hip, group.median("lumbar_rom_deg")
        note = words.text("report.hip_lumbar", hip=words.number(hip, "deg"), lumbar=words.number(spine, "deg"))
        slack = facts.measure("bow", "slack_deg") if group.movement == "hinge" else None
        if slack is not None and slack.known:
            note += f"; {words.text('report.gives_way', number=words.number(slack.median, 'deg'))}"
        if group.movement == "stand_up" and math.isfinite(share):
            note += f"; {words.text('report.published_standing')}"
        test = kind_of(group.movement).test
        title = words.test(test.name) if test is not None else words.kind(group.movement)
        label = words.text("report.square_label", movement=title, number=words.number(share, ""), note=note)
        found.append(Square(title[:1].upper() + title[1:], square(curves, label), words.number(share, ""), note))
        if len(found) == MOST_SQUARES:
            break
    return found


def rows_left(shown: Sequence[Line]) -> int:
    """Rows of small print for which the first page has room below the rows at its top."""
    return max(0, int((_ROOM_PX - _height(shown)) / _CELL_PX))


def _height(shown: Sequence[Line]) -> float:
    """Of rows, CSS pixels, in the widest typeface."""
    further = [max(0, math.ceil(len(one.strong + one.rest) / _LINE) - 1) for one in shown]
    return _ROW_PX * len(shown) + _FURTHER_PX * sum(further)


def rests_on(facts: Facts, words: Wording, most: int) -> Table:
    """The numbers with their limits, left and right side by side, those beyond their limit first."""
    places: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in facts.summary["screen"]["limits"]:
        places.setdefault((entry["test"], entry["measure"]), []).append(entry)
    reasons = {(r["test"], r["measure"]) for r in facts.answer.get("reasons") or ()}
    order = sorted(
        places, key=lambda place: (place not in reasons, not any(e["beyond"] for e in places[place]), list(places).index(place))
    )
    rows = []
    for test, measure in order:
        entries = places[test, measure]
        chosen = next((e for e in entries if e["beyond"]), entries[0])
        by_side = {e["side"]: facts.measure(test, measure, e["side"]) for e in entries}
        cells = {side: words.measured(chosen, n.median, n.spread) for side, n in by_side.items()}
        numbers = cells[""] if "" in cells else " / ".join(cells.get(side, DASH) for side in SIDES)
        verdict = "beyond" if any(e["beyond"] for e in entries) else "not_beyond"
        verdict = "borderline" if any(e["borderline"] for e in entries) else verdict
        source = _source(chosen, words)
        rows.append(
            (
                cut(words.measure(test, measure), 46),
                numbers,
                words.text(
                    "report.above" if chosen["above"] else "report.below", limit=words.measured(chosen, chosen["limit"])
                ),
                words.text(f"report.{verdict}"),
                cut(source, 24),
            )
        )
    head = tuple(words.text(f"report.rests.{name}") for name in ("what", "numbers", "limit", "compared", "source"))
    more = len(rows) - most
    said = words.text("report.rows_more", count=more) if more > 0 else ""
    return Table(head, tuple(rows[:most]), frozenset({1, 2}), said)


def _source(entry: Mapping[str, Any], words: Wording) -> str:
    source = str(entry["source"])
    if entry.get("proposal"):
        return words.text("source.proposal")
    if source == SET_FOR_SESSION:
        return words.text("source.user")
    if entry.get("compared_with") == "own_baseline":
        return words.own_baseline(source)
    # on paper the journal is enough; the whole source stands in the small print of the screen
    _, journal, place = source.partition("BMC Musculoskeletal Disorders")
    return f"BMC MSD{place.removesuffix(', table 3')}" if journal else source
