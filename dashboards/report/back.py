"""The physio's second page: the course after treatment, the session over time, and how sure the numbers are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from dashboards.answers import said_in
from dashboards.notation import DASH, clock, confidence_grade
from dashboards.report.drawing import Label, Strip, strip
from dashboards.report.facts import DRAWN, Facts
from dashboards.report.front import Table, other_warnings
from dashboards.report.movements import SIDES, Row
from dashboards.report.training import exposure_rows
from dashboards.report.wording import Wording, cut

_ONE_STRIP_S = 60.0
"""A session up to this length is drawn in one strip (ours)."""
_SENSORS = 6
_SAID = 8
"""Most marks, notes and pain on paper (ours)."""
_TITLE_PX, _LINE_PX = 37.0, 15.0
"""Height of a heading and of a line of small print, CSS pixels."""
_CHARACTERS = 104
"""Of a line of small print across the page, in the widest typeface (ours)."""


def strips(facts: Facts, words: Wording, most: int) -> list[Markup]:
    """The session over time, in at most `most` strips."""
    if not facts.any_angle:
        return []
    time_s = facts.angles["time_s"]
    begin, end = float(time_s[0]), float(time_s[-1])
    count = 1 if end - begin <= _ONE_STRIP_S else most
    reach = {name: _reach(facts.angles[name]) for name in DRAWN}
    found = []
    for low, high in itertools.pairwise(np.linspace(begin, end, count + 1).tolist()):
        rows = [r for r in facts.repetitions if r["end_s"] > low and r["start_s"] < high]
        labels = tuple(_labels([r for r in rows if low <= r["start_s"] < high], words))
        told = words.text("report.strip_label", since=clock(low), until=clock(high), count=len(rows))
        spans = tuple((r["start_s"], r["end_s"]) for r in rows)
        found.append(strip(facts.angles, Strip(low, high, spans, labels), reach, told))
    return found


def _labels(rows: list[Row], words: Wording) -> list[Label]:
    """One label for repetitions of a kind in a row; standing up and sitting down take turns and are one."""
    found = []
    for kind, run in itertools.groupby(rows, key=lambda r: (_kind(r), _leg(r))):
        these = list(run)
        name = words.text("report.sit_stand") if kind[0] == "sit_stand" else words.kind(*kind)
        count = (len(these) + 1) // 2 if kind[0] == "sit_stand" else len(these)
        found.append(Label(these[0]["start_s"], these[-1]["end_s"], f"{name} × {count}"))
    return found


def _kind(row: Row) -> str:
    return "sit_stand" if row["movement"] in ("sit_down", "stand_up") else str(row["movement"])


def _leg(row: Row) -> str:
    from dashboards.report.facts import side_of

    return side_of(row)


def _reach(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    found = values[np.isfinite(values)]
    return (float(found.min()), float(found.max())) if len(found) else (0.0, 0.0)


def how_sure(facts: Facts, words: Wording) -> Table:
    """Each sensor: its alignment, samples lost, delay."""
    places = list(dict.fromkeys([*facts.summary["calibration"], *facts.summary["sensors"]]))
    rows = []
    for place in places[:_SENSORS]:
        alignment = facts.summary["calibration"].get(place) or {}
        sure = _number(alignment.get("confidence"))
        grade = words.code("grade", confidence_grade(sure))
        told = f"{grade}, {words.decimals(f'{sure:.2f}')}" if math.isfinite(sure) else DASH
        sensor = facts.summary["sensors"].get(place) or {}
        rows.append((cut(words.code("place", place), 22), told, _lost(sensor, words), _delay(sensor)))
    head = tuple(words.text(f"report.sure.{name}") for name in ("sensor", "calibration", "lost", "delay"))
    more = len(places) - _SENSORS
    return Table(head, tuple(rows), frozenset({2, 3}), words.text("report.rows_more", count=more) if more > 0 else "")


def also_measured(facts: Facts, words: Wording, most: int) -> Table:
    """Further numbers with what was published; of a training day the exposure."""
    head = tuple(words.text(f"report.also.{name}") for name in ("median", "number", "published"))
    if facts.training:
        rows = exposure_rows(facts, words, most)
        return Table((words.text("report.also.exposure"), head[1], words.text("report.also.of")), rows, frozenset({1, 2}))
    wanted = (
        ("bend", "lumbar_rom_deg", "deg"),
        ("bend", "pelvis_rom_deg", "deg"),
        ("bend", "onset_delay_s", "s"),
        ("hip_extension", "hip_extension_deg", "deg"),
        ("sit_to_stand", "lumbar_share_of_trunk_on_thigh", ""),
        ("knee_raise", "apparent_peak_deg", "deg"),
        ("squat", "hip_peak_deg", "deg"),
        ("squat", "lumbar_use", ""),
        ("deadlift", "lumbar_use", ""),
    )
    told = []
    for test, measure, unit in wanted:
        for side in ("", *SIDES):
            number = facts.measure(test, measure, side)
            if number.known:
                value = words.measured({"test": test, "measure": measure, "unit": unit}, number.median, number.spread)
                told.append((words.measure(test, measure, side), value, _published(facts, test, measure, unit, words)))
    return Table(head, tuple(told[:most]), frozenset({1, 2}))


def _published(facts: Facts, test: str, measure: str, unit: str, words: Wording) -> str:
    """The range of a number between its two limits, or its one limit; of publications only."""
    limits = [e for e in facts.summary["screen"]["limits"] if (e["test"], e["measure"]) == (test, measure)]
    # the athlete's own sessions and limits that were set are none; older summaries do not say
    limits = [e for e in limits if not e.get("proposal") and e.get("compared_with", "published") == "published"]
    low = next((e["limit"] for e in limits if not e["above"]), None)
    high = next((e["limit"] for e in limits if e["above"]), None)
    if low is not None and high is not None:
        scale = 1.0 if unit else 100.0
        return f"{scale * low:.0f}–{words.number(high, unit)}"
    one = limits[0] if limits else None
    if one is None:
        return DASH
    return words.text("report.above" if one["above"] else "report.below", limit=words.number(one["limit"], unit))


def care(facts: Facts, words: Wording, room: float) -> tuple[list[tuple[str, str]], str, float]:
    """Faults of sensors and other warnings as (language, sentence), how many more there are, and the height that they take.

    room: CSS pixels. A sentence that a later version wrote has no words in another language and stays English.
    """
    said: list[tuple[str, str]] = []
    for f in facts.summary["findings"]:
        when = words.span(f["since_s"], f["until_s"])
        where = f"{words.code('place', f['placement'])}, {when}"
        if words.language == "en":
            said.append(("en", f"{where}: {f['what'].rstrip('.')}. {_sentence(f['remedy'])}"))
        else:
            remedy = words.words.get(f"remedy.{f['cause']}", "")
            said.append((words.language, f"{where}: {words.code('cause', f['cause'])}. {remedy}"))
    said += [said_in(words.language, warning) for warning in other_warnings(facts.summary)]
    shown = [(language, cut(text, 2 * _CHARACTERS)) for language, text in said]
    lines = list(itertools.accumulate(2 + _LINE_PX * math.ceil(len(text) / _CHARACTERS) for _, text in shown))
    kept = [one for one, used in zip(shown, lines, strict=True) if used <= room - _TITLE_PX - _LINE_PX]
    more = len(said) - len(kept)
    used = _TITLE_PX + (lines[len(kept) - 1] if kept else 0.0) + (_LINE_PX if more else 0.0) if said else 0.0
    return kept, words.text("report.care_more", count=more) if more else "", used


def said(facts: Facts, words: Wording, room: float) -> tuple[list[tuple[str, str]], str, float]:
    """Marks, notes and pain in order of time, how many more there are, and the height that they take; of more than fit, pain
    and notes come first."""
    found: list[tuple[int, float, str]] = []
    for pain in facts.summary["pain"]:
        where = f", {pain['where']}" if pain.get("where") else ""
        angle = _number(pain.get("lumbar_flexion_deg"))
        at = words.text("report.pain_angle", number=words.number(angle, "deg")) if math.isfinite(angle) else ""
        told = words.text("report.pain_said", level=_plain(pain["level"]), where=where + at) + _afterwards(pain, words)
        found.append((0, _number(pain["time_s"]), told))
    for note in facts.summary["notes"]:
        found.append((1, _number(note["time_s"]), f"“{cut(note['text'], 70)}”{_afterwards(note, words)}"))
    found += [
        (2, _number(mark["time_s"]), words.mark(str(mark["label"])))
        for mark in facts.summary["marks"]
        if not str(mark["label"]).startswith(("step ", "protocol ")) and facts.comparison is None
    ]
    most = min(max(int((room - _TITLE_PX - _LINE_PX) / (_LINE_PX + 2)), 0), _SAID)
    kept = sorted(sorted(found, key=lambda one: one[0])[:most], key=lambda one: one[1])
    more = len(found) - len(kept)
    used = _TITLE_PX + (_LINE_PX + 2) * len(kept) + (_LINE_PX + 8 if more else 0) if kept else 0.0
    rest = words.text("report.rows_more", count=more) if more and kept else ""
    return [(clock(at), cut(text, 84)) for _, at, text in kept], rest, used


def _afterwards(entry: Mapping[str, Any], words: Wording) -> str:
    return f" ({words.text('report.afterwards')})" if entry.get("said") == "afterwards" else ""


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?" else f"{text}."


def _plain(level: Any) -> str:
    number = _number(level)
    return f"{number:g}" if math.isfinite(number) else DASH


def _lost(sensor: Mapping[str, Any], words: Wording) -> str:
    samples, lost = _count(sensor.get("samples")), _count(sensor.get("lost"))
    if not samples + lost > 0:
        return DASH
    about = "" if sensor.get("lost_exact", True) or not lost else "≈\xa0"
    return f"{about}{words.decimals(f'{100.0 * lost / (samples + lost):.1f}')}\xa0%"


def _delay(sensor: Mapping[str, Any]) -> str:
    told = [v for v in ((sensor.get("minutes") or {}).get("delay_ms") or ()) if isinstance(v, int | float)]
    return f"{float(np.median(told)):.0f}\xa0ms" if told else DASH


def _count(value: Any) -> float:
    return float(len(value)) if isinstance(value, list) else _number(value)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def protocol(facts: Facts, words: Wording) -> str:
    """The protocol of the session in one line; empty without one."""
    done = facts.summary.get("protocol")
    if not isinstance(done, Mapping) or not done.get("name"):
        return ""
    listed = done.get("steps")
    steps = [s for s in listed if isinstance(s, Mapping)] if isinstance(listed, list) else []
    valid = sum(bool(_number(s.get("valid")) >= _number(s.get("wanted"))) for s in steps)
    told = words.text("report.steps", name=cut(str(done["name"]), 40), valid=valid, count=len(steps))
    stopped = [cut(str(s.get("name")), 20) for s in steps if s.get("stopped_for_pain")]
    parts = [told, *(_of_its_own(s, words) for s in steps)]
    parts += [words.text("report.stopped", steps=", ".join(stopped[:3]))] if stopped else []
    return "; ".join(part for part in parts if part)


def _of_its_own(step: Mapping[str, Any], words: Wording) -> str:
    """What a step measures that is no test of the hip screen: the velocity of fast bends beside that at the athlete's own pace,
    the two ways of a hip rotation. Empty where there is nothing of the kind."""
    fast, own = (_number((step.get(key) or {}).get("lumbar")) for key in ("velocity_deg_s", "own_pace_deg_s"))
    if math.isfinite(fast):
        return words.text("report.fast", fast=words.number(fast, "deg"), own=words.number(own, "deg"))
    first, other = (words.number(_number(step.get(f"{way}_way_deg")), "deg") for way in ("first", "other"))
    if math.isfinite(_number(step.get("first_way_deg"))):
        return words.text("report.swing", side=words.code("side", str(step.get("side"))), first=first, other=other)
    return ""
