"""A comparison in the terminal: the answer first, in the words of report and page. All numbers are those of its document,
rounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from dashboards import answers
from dashboards.notation import DASH, calendar, with_uncertainty, words

Document = Mapping[str, Any]
_SAID = answers.sentences("en")
"""The terminal speaks English; a comparison is said in the words of report and page."""
SHORT = {"not_more_than_measurement": "not more", "": ""}
"""Labels in a column of a table; any other one is its own words."""
WARNINGS = {
    "time_of_day": "clock times differ by more than an hour: lumbar flexion grows by 5° from early morning to afternoon",
    "start_unknown": "the time of a session is not known: its order and its day are not either",
    "published_error_only": "what can be told rests on published errors: pin earlier sessions as baseline (--pin)",
    "error_is_proposal": "one of the standard errors is a proposal of this program: measure your own (docs/validation.md)",
    "wide_spread": "repetitions spread widely in one session, so that less can be told",
    "never_gave_way": "the lumbar spine did not give way in a session: its number is how far the movement went, the true one "
    "lies there or above",
}
MOST_WEEKS = 6
"""Weeks that the table of a trend shows, the last ones (ours)."""


def lines(document: Document) -> list[str]:
    """The answer, what it is about, what is kept, pain, and warnings."""
    points = document["points"]
    last = points[-1]
    found = [_plain(_SAID.change(document))]
    what = document["primary"]
    how = {"proposed": "proposed by the screen of before", "mark": "chosen before", "command": "as asked"}[
        document["primary_chosen"]
    ]
    found.append(f"{document['athlete']}, {number_name(what)} ({how}); {_wear(document)}.")
    if len(points) > 2:
        first = points[1]
        change = _plain(_SAID.point_change(document, first))
        found.append(f"Right after it was {change} ({_label(first['label'])}).{_kept(last)}")
    if document["half_life_min"] is not None:
        found.append(f"Half of it was gone after {_whole(document['half_life_min'])} min.")
    found.append(_pain(document["pain"], _when(last)))
    planned = ", ".join(f"{_size(document, v)} with {n}" for n, v in document["smallest_detectable_next_day_deg"].items())
    found.append(f"The next day a change can be told from: {planned} baselines ({document['baselines']} now).")
    found += [f"note: {WARNINGS.get(code, words(code))}" for code in document["warnings"]]
    return found


def tables(document: Document) -> list[Table]:
    """The points of the course, and the other numbers, which have no label."""
    course = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("when", "session", "start", "value", "change", "can tell", "kept", "pain", "label"):
        course.add_column(
            title,
            justify="right" if title in ("value", "change", "can tell", "kept", "pain") else "left",
            no_wrap=title == "session",
        )
    for i, point in enumerate(document["points"]):
        part = point["kept_percent"]
        course.add_row(
            "before" if i == 0 else _when(point),
            Text(point["session"]),
            calendar(point["start"]),
            _plain(_SAID.value(document, point["value"])),
            _plain(_SAID.point_change(document, point)) if i else "",
            _size(document, point["smallest_detectable_deg"]) if i else "",
            ""
            if part is None
            else f"{_whole(part)} % ({_whole(point['kept_percent_low'])} to {_whole(point['kept_percent_high'])})",
            DASH if point["pain"] is None else f"{point['pain']:g}",
            _label(point["label"]),
        )
    if not document["others"]:
        return [course]
    others = Table(title="Other numbers, without a label", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for title in ("number", "before", "after", "change"):
        others.add_column(title, justify="left" if title == "number" else "right")
    for one in document["others"]:
        others.add_row(number_name(one), *map(_plain, _SAID.before_after(one)))
    return [course, others]


def history_table(document: Document) -> Table:
    """A session against the athlete's own baseline and earlier weeks."""
    pinned = ", ".join(document["baseline_sessions"]) or "none: hiphinge compare --pin SESSION"
    title = f"{document['session']}; pinned baseline: {pinned}"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("number", "now", "baseline", "expected", "", "days", "weeks, medians"):
        table.add_column(name, justify="left" if name in ("number", "", "weeks, medians") else "right")
    for one in document["numbers"]:
        own = one["baseline"]
        expected = "" if own is None else f"{_number(one, own['low'])} to {_number(one, own['high'])}"
        table.add_row(
            number_name(one),
            _number(one, one["now"]),
            DASH if own is None else _number(one, own["median"]),
            expected or DASH,
            one["beyond"] or "",
            str(len(one["days"])),
            ", ".join(_number(one, week["median"]) for week in one["weeks"][-MOST_WEEKS:]),
        )
    return table


def number_name(one: Document) -> str:
    """A number in words: ``knee raise left, hip peak``."""
    measure = one["measure"].removesuffix("_deg").removesuffix("_s").replace("rom", "range")
    return f"{' '.join(words(part) for part in (one['test'], one['side']) if part)}, {words(measure)}"


def _label(label: str) -> str:
    return SHORT.get(label, words(label))


def _plain(text: str) -> str:
    """A terminal breaks lines where it must."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def _wear(document: Document) -> str:
    return "the sensors stayed on" if document["same_wear"] else "the sensors were worn anew"


def _when(point: Document) -> str:
    return _SAID.when(point["minutes_after"])


def _kept(point: Document) -> str:
    part = point["kept_percent"]
    if part is None:
        return ""
    return f" {_whole(part)} % of it was kept ({_whole(point['kept_percent_low'])} to {_whole(point['kept_percent_high'])} %)."


def _pain(pain: Document, when: str) -> str:
    if pain["before"] is None and pain["now"] is None:
        return f"Pain was reported neither before nor {when}."
    if pain["now"] is None:
        return f"Pain {pain['before']:g} before; it was not reported {when}."
    if pain["before"] is None:
        return f"Pain {pain['now']:g} {when}; it was not reported before."
    said = f"Pain {pain['before']:g} to {pain['now']:g}"
    if pain["direction"] == "same":
        return f"{said}: the same."
    matters = "a change that matters to people" if pain["important"] else "less than a change that matters to people"
    return f"{said}: {matters} (2 points, or 30 % less)."


def _size(document: Document, smallest: float | None) -> str:
    """What can be told, rounded up."""
    return _plain(_SAID.at_least(smallest, document["unit"]))


def _number(one: Document, value: float | None) -> str:
    """A value of a number of the screen."""
    return _plain(_SAID.measured(one, value))


def _whole(number: float) -> str:
    return with_uncertainty(number, decimals=0)
