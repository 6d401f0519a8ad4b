"""All players of a day beside each other: amounts of work, and changes beyond what a measurement can resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.grafana import panels as p
from dashboards.grafana.queries import (
    BASELINE_DAYS,
    BEFORE,
    DEFAULT_ESTIMATOR,
    IS_BASELINE,
    PINNED,
    of_each,
    select,
    tag_values,
)
from dashboards.grafana.training_day import zones

SHARE_MDC95 = 0.144
"""Minimal detectable change (95 %) of the lumbar share of a bend: 2.77 standard errors of 5.2 points (MDC90 of 12 points
between raters and weeks, Laird 2016, BMC Musculoskeletal Disorders 17)."""
BY_CHANCE = 0.05
"""Part of unchanged people who are beyond it."""
ENTERED = {
    "match day": "last(<match_day>)",
    "group": "last(<squad_group>)",
    "load": "max(<load_kg>)",
    "sRPE": "last(<srpe>)",
    "soreness": "last(<soreness>)",
}
"""What was entered about the sessions."""


def _each(measurement: str, columns: Mapping[str, str], where: Sequence[str] = (), time: str = "$timeFilter") -> str:
    """One row per athlete."""
    return select(measurement, columns, of=["athlete"], where=where, time=time, group='"athlete"')


def _share(name: str, *, pinned: bool = False) -> str:
    """The median lumbar share of bends of each athlete, in percent: of the time range, or of the pinned sessions."""
    columns = {name: "median(<bend_lumbar_share_of_trunk>) * 100"}
    return _each("screen", columns, *(([IS_BASELINE], PINNED) if pinned else ()))


def _who_changed() -> p.Panel:
    """One measure against the pinned baseline: each further one would add as many marks by chance."""
    mdc = 100.0 * SHARE_MDC95
    beyond = p.Limits(((None, "orange"), (-mdc, "transparent"), (mdc, "orange")))
    binary = {"left": "now", "operator": "-", "right": "baseline"}
    return p.table(
        "Lumbar share in bends, who changed",
        f"Medians of the scored bends, now and in pinned sessions; orange: changed by more than {mdc:.0f} points (MDC95).",
        [_share("now"), _share("baseline", pinned=True)],
        p.Look(p.UNITS["%"], 0, overrides=(p.column_look("change", unit=p.POINTS, limits=beyond),)),
        [
            {"id": "joinByField", "options": {"byField": "athlete", "mode": "outer"}},
            {
                "id": "calculateField",
                "options": {"mode": "binary", "alias": "change", "binary": binary, "replaceFields": False},
            },
            _WITHOUT_TIME,
        ],
        most="change",
    )


def _without_a_session() -> p.Panel:
    """Who is usually there: those with a session in the weeks before, and none in the time range."""
    today = {"fieldName": "sessions today", "config": {"id": "isNull", "options": {}}}
    return p.table(
        "No session today",
        f"Athletes with sessions in the {BASELINE_DAYS} days before the time range and none in it.",
        [
            _each("session", {"sessions before": "count(<duration_s>)"}, time=BEFORE),
            _each("session", {"sessions today": "count(<duration_s>)"}),
        ],
        p.Look(p.UNITS[""], 0),
        [
            {"id": "joinByField", "options": {"byField": "athlete", "mode": "outer"}},
            {"id": "filterByValue", "options": {"filters": [today], "type": "include", "match": "all"}},
            _WITHOUT_TIME,
        ],
        most="sessions before",
    )


_WITHOUT_TIME: dict[str, Any] = {
    "id": "organize",
    "options": {"excludeByName": {"Time": True, "Time 1": True, "Time 2": True}, "indexByName": {}, "renameByName": {}},
}


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    deg = p.UNITS["deg"]
    rows = (
        (
            8,
            (
                (
                    12,
                    p.table(
                        "Work",
                        "Repetitions and the largest lumbar flexion, one row per athlete.",
                        [
                            _each(
                                "repetition",
                                {"repetitions": "count(<index>)", "largest lumbar flexion": "max(<lumbar_peak_deg>)"},
                            )
                        ],
                        p.Look(p.UNITS[""], 0, overrides=(p.column_look("largest lumbar flexion", unit=deg, decimals=0),)),
                        most="repetitions",
                    ),
                ),
                (
                    12,
                    p.table(
                        "Exposure",
                        "Time recorded and time in each zone of lumbar flexion, one row per athlete.",
                        [
                            _each(
                                "session",
                                {"recorded": "sum(<duration_s>)"}
                                | {name: f"sum(<{field}>)" for name, field in zones().items()},
                            )
                        ],
                        p.Look(p.LONG, 0),
                        most="recorded",
                    ),
                ),
            ),
        ),
        (
            8,
            (
                (9, _who_changed()),
                (
                    3,
                    p.numbers(
                        "By chance",
                        "Marks to expect in the table beside it if nobody changed: one in twenty of those who were measured.",
                        [of_each(_share("now"), {"marks by chance": f'count("now") * {BY_CHANCE}'})],
                        p.Look(p.UNITS[""], 1),
                    ),
                ),
                (
                    8,
                    p.table(
                        "As entered",
                        "Match day, group, largest load in kg, sRPE and soreness (0 to 10) as they were entered by marks.",
                        [_each("session", ENTERED)],
                        p.Look(p.UNITS[""], 0, overrides=(p.column_look("load", unit=p.KILOGRAMS),)),
                        most="sRPE",
                    ),
                ),
                (4, _without_a_session()),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("session", "athlete"), several=True),
        p.from_tags("estimator", "Estimator", tag_values("session", "estimator"), default=DEFAULT_ESTIMATOR),
    )
    description = "All players of a day: work, exposure, one measure against the own baseline, and who has no session."
    return p.dashboard("hiphinge-squad", "Squad", description, variables, rows, since="now/d")
