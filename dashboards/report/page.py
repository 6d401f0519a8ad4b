"""Puts the report together: tables in, one HTML file out, for the physio on two pages of A4 or for the athlete on one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from msgspec.structs import replace

from body_signals import HiphingeError
from dashboards.answers import system_language
from dashboards.palette import LEFT, LUMBAR, PELVIS, RIGHT
from dashboards.report import athlete, back, course, front, small_print, training
from dashboards.report.asked import Asked
from dashboards.report.drawing.svg import colour
from dashboards.report.facts import Facts, facts_of
from dashboards.report.front import Table
from dashboards.report.trend import trend
from dashboards.report.wording import NO_BREAK, Wording, cut, wording
from dashboards.tables import available_estimators
from on_disk import check_file, make_private_parents, replace_whole

AUDIENCES = ("physio", "athlete")
"""Whom a report is for."""
_NAME = 48
"""Characters of a pseudonym on paper; the whole of it is in the file (ours)."""

_WITH_COURSE_PX, _WITHOUT_PX = 96.0, 250.0
"""Room on the second page for warnings, notes and other measures, with and without a course of treatment, CSS pixels (ours)."""
_LITTLE_PX = 80.0
"""With no more than this much text the session gets a third strip (ours)."""
_HEAD_PX, _CELL_PX = 60.0, 22.0
"""Height of a table's heading and of its rows (ours)."""


def write_report(
    session_folder: Path,
    out: Path,
    estimator: str = "review",
    *,
    language: str | None = None,
    asked: Asked | None = None,
    audience: str = "physio",
    comparison: Mapping[str, Any] | None = None,
    history: Mapping[str, Any] | None = None,
    screen: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a session's results to `out` and return its path.

    Where there is no review, live is reported; the page names the estimator. language: that of this system unless given;
    asked: kept in the report's head, with the language; comparison: the document of a comparison with a session before;
    history: how its numbers went over earlier sessions; screen: the hip screen against the athlete's own baseline, in place of
    that in the summary.
    HiphingeError where there are no results, they are damaged,
    or `out` cannot be written; no partial file is left.
    """
    there = available_estimators(session_folder)
    if estimator not in there:
        estimator = "live" if estimator == "review" and "live" in there else estimator
    html = report_html(
        session_folder,
        estimator,
        language=language,
        asked=asked,
        audience=audience,
        comparison=comparison,
        history=history,
        screen=screen,
    )
    try:
        if out.exists():
            # a report may be replaced, a device may not
            check_file(out)
        make_private_parents(out)
        replace_whole(out, html, durable=False)
    except OSError as error:
        what = f"cannot write the report: {error.strerror or error}"
        raise HiphingeError(what, str(out), "Check free space and permissions, or name another file") from error
    return out


def report_html(
    session_folder: Path,
    estimator: str,
    *,
    language: str | None = None,
    asked: Asked | None = None,
    audience: str = "physio",
    comparison: Mapping[str, Any] | None = None,
    history: Mapping[str, Any] | None = None,
    screen: Mapping[str, Any] | None = None,
) -> str:
    """The report as text. ValueError for a language or an audience that there is not."""
    if audience not in AUDIENCES:
        raise ValueError(f"a report is for {' or '.join(AUDIENCES)}, not for {audience!r}")
    words = wording(language or system_language())
    facts = facts_of(session_folder, estimator, comparison, screen)
    values = for_athlete(facts, words) if audience == "athlete" else for_physio(facts, words, history)
    start = words.titled(facts.summary["start"])
    return (
        _templates()
        .get_template(f"{audience}.html.j2")
        .render(
            words=words,
            asked=replace(asked or Asked(), language=words.language).words(),
            title=words.text("report.title", athlete=facts.summary["athlete"], start=start),
            ink={"lumbar": LUMBAR.light, "pelvis": PELVIS.light, "left": LEFT.light, "right": RIGHT.light},
            **values,
        )
        .lstrip()
    )


def answer_lines(
    session_folder: Path,
    estimator: str,
    *,
    language: str = "en",
    comparison: Mapping[str, Any] | None = None,
    screen: Mapping[str, Any] | None = None,
) -> list[str]:
    """The report's headline and the rows below it, for a terminal; comparison, screen: as in `write_report`. HiphingeError
    where there are no results, or they are damaged."""
    words = wording(language)
    headline, lines = _answered(facts_of(session_folder, estimator, comparison, screen), words, fitted=False)
    return [text.replace(NO_BREAK, " ") for text in (headline, *(f"{one.name}: {one.strong}{one.rest}" for one in lines))]


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dashboards.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (Path(__file__).parent / "templates" / "style.css").read_text("utf-8")
    environment.globals["style"] = Markup(style)
    return environment


def for_athlete(facts: Facts, words: Wording) -> dict[str, Any]:
    """The values of the athlete's template."""
    name = cut(facts.summary["athlete"], _NAME)
    return {
        "about": f"{name}, {words.day(facts.summary['start'])}",
        "titles": athlete.titles(facts, words),
        "paragraph": athlete.paragraph(facts, words),
        "poses": athlete.pictures(facts, words),
        "meaning": athlete.meaning(facts, words),
        "since": athlete.since_treatment(facts, words),
    }


def for_physio(facts: Facts, words: Wording, history: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values of the physio's template."""
    summary = facts.summary
    what = _what(facts, words)
    estimator = words.text(f"report.estimator.{facts.estimator}")
    about = words.text("report.about", what=what, start=words.moment(summary["start"]), estimator=estimator)
    return {
        "athlete": cut(summary["athlete"], _NAME),
        "about": about,
        "calibrated": bool(summary["calibration"]),
        **(_training(facts, words) if facts.training else _check(facts, words)),
        **_second_page(facts, words, history),
        **_small_print(facts, words),
        "made_by": words.text("report.made_by", software=cut(summary["software"], 60), estimator=estimator),
    }


def _what(facts: Facts, words: Wording) -> str:
    """What the session was: a retest of another one, the protocols that it was led through, a hip check, or a training day."""
    if facts.retests:
        return words.text("report.retest_of", name=cut(facts.retests, _NAME))
    titles = [words.words.get(f"report.protocol.{name}", cut(name, _NAME)) for name in dict.fromkeys(facts.protocols)]
    if titles:
        return cut(", ".join(titles), _NAME)
    return words.text("report.training_day" if facts.training else "report.protocol.hip-check")


def _answered(facts: Facts, words: Wording, *, fitted: bool = True) -> tuple[str, list[front.Line]]:
    """The headline, and the rows below it; fitted: to the first page."""
    if facts.training:
        return training.headline(facts, words), training.lines(facts, words)
    lines = front.lines(facts, words, fitted=fitted)
    if facts.comparison is not None and front.answers_with_change(facts):
        # what a retest is done for
        return words.change(facts.comparison), lines
    return words.answer(facts.answer, facts.done), lines


def _check(facts: Facts, words: Wording) -> dict[str, Any]:
    headline, lines = _answered(facts, words)
    return {
        "headline": headline,
        "lines": lines,
        "pictures": front.pictures(facts, words),
        "squares": front.squares(facts, words),
        "front_table": front.rests_on(facts, words, front.rows_left(lines)),
        "front_name": words.text("report.rests"),
        "note": f"{_compared(facts, words)}{words.text('report.front_note')}",
    }


def _compared(facts: Facts, words: Wording) -> str:
    """What the numbers are compared with, as a sentence; empty where a later version compares with something else."""
    told = words.words.get(f"compared.{facts.answer.get('compared_with')}", "")
    return f"{told[:1].upper()}{told[1:]}. " if told else ""


def _training(facts: Facts, words: Wording) -> dict[str, Any]:
    headline, lines = _answered(facts, words)
    return {
        "headline": headline,
        "lines": lines,
        "pictures": training.pictures(facts, words),
        "squares": front.squares(facts, words, most_done=True),
        "front_table": training.sets_table(facts, words, front.rows_left(lines)),
        "front_name": words.text("report.sets"),
        "note": words.text("report.training_note"),
    }


def _second_page(facts: Facts, words: Wording, history: Mapping[str, Any] | None) -> dict[str, Any]:
    """What fits on the second page: with a course there is less room for the rest."""
    comparison = facts.comparison
    picture = course.picture_of(facts, words)
    room = _WITH_COURSE_PX if picture else _WITHOUT_PX
    care, care_more, used = back.care(facts, words, room)
    told, told_more, used_too = back.said(facts, words, room - used)
    most = int((room - used - used_too - _HEAD_PX) / _CELL_PX)
    weeks = trend(history, facts.answer, words, min(most, 4)) if comparison is None else None
    used += _HEAD_PX + _CELL_PX * len(weeks.rows) if weeks is not None else 0.0
    strips = 1 if picture else 2 if used + used_too > _LITTLE_PX else 3
    rows = course.others_of(comparison, words, min(max(most, 0), 4)) if comparison is not None else []
    head = tuple(words.text(f"report.others.{name}") for name in ("what", "before", "after", "change"))
    others = Table(head, tuple(rows), frozenset({1, 2, 3}))
    return {
        "course_title": course.title_of(comparison, words) if comparison is not None else "",
        "course_words": course.sentences_of(comparison, words) if comparison is not None else "",
        "course_picture": picture,
        "care": care,
        "care_more": care_more,
        "strips": back.strips(facts, words, strips),
        "keys": [
            (words.text(f"report.legend.{name}"), " ".join(map(str, ink.dashes)), colour(ink))
            for name, ink in (("lumbar", LUMBAR), ("pelvis", PELVIS), ("left", LEFT), ("right", RIGHT))
        ],
        "sure": back.how_sure(facts, words),
        "also": back.also_measured(facts, words, {1: 3, 2: 7, 3: 5}[strips]),
        "also_name": words.text("report.exposure" if facts.training else "report.also"),
        "others": others if rows else weeks,
        "others_name": words.text("report.others" if rows else "report.trend"),
        "said": told,
        "said_more": told_more,
        "protocol": back.protocol(facts, words),
        "back_note": words.text("report.back_note", folder=cut(facts.summary["session"], 60)),
    }


def _small_print(facts: Facts, words: Wording) -> dict[str, Any]:
    return {
        "tests": small_print.screen(facts, words),
        "repetitions": small_print.repetitions(facts, words),
        "missing": small_print.missing(facts, words),
        "flags": small_print.flags(facts, words),
        "left_out": small_print.left_out(facts, words),
        "calibration": small_print.calibration(facts, words),
        "messages": small_print.messages(facts, words),
    }
