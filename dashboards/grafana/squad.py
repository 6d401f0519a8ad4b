"""All players of a day beside each other: amounts of work, and changes beyond what a measurement can resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from body_signals.movements import BEND, SQUAT
from dashboards.grafana import panels as p
from dashboards.grafana.queries import BASELINE_DAYS, BEFORE, DEFAULT_ESTIMATOR, SIDES, of_kind, select, tag_values
from dashboards.grafana.training_day import zones

SHARE_MDC95 = 0.14
"""Smallest change of the lumbar share of a bend that is marked: 95 %, from a published 90 % of 8 to 15 points, of which the
middle is 12 (Laird 2016, BMC Musculoskeletal Disorders 17), times 1.96 / 1.645."""
BY_CHANCE = 0.05
"""Part of the players who did not change and are marked nevertheless, by the meaning of 95 %."""
_SHARE = "median(<lumbar_share_of_trunk>) * 100"
"""In percent, so that a change is in points."""


def _each(measurement: str, columns: Mapping[str, str], where: Sequence[str] = (), time: str = "$timeFilter") -> str:
    """One row per athlete."""
    return select(measurement, columns, of=["athlete"], where=where, time=time, group='"athlete"')


def _both_times(expression: str, where: Sequence[str], now: str, before: str) -> list[str]:
    """An expression in the time range and in the days before, one row per athlete."""
    return [
        _each(
            "repetition", {now: expression, f"repetitions{'' if now == 'now' else ', ' + now}": "count(<index>)"}, where=where
        ),
        _each("repetition", {before: expression}, where=where, time=BEFORE),
    ]


def _who_changed() -> p.Panel:
    """The one measure whose changes are marked."""
    beyond = p.Limits(((None, "orange"), (-100.0 * SHARE_MDC95, "transparent"), (100.0 * SHARE_MDC95, "orange")))
    return p.table(
        "Lumbar share in bends, who changed",
        f"Medians now and over the {BASELINE_DAYS} days before; orange: by more than {100 * SHARE_MDC95:.0f} points "
        "(95 %, from Laird 2016); largest first.",
        _both_times(_SHARE, [of_kind(BEND)], "now", "baseline"),
        p.Look(
            p.UNITS["%"],
            0,
            overrides=(
                p.column_look("change", unit=p.POINTS, limits=beyond),
                p.column_look("size of the change", unit=p.POINTS),
                p.column_look("repetitions", unit=p.UNITS[""], decimals=0),
            ),
        ),
        [
            p.JOINED_BY_ATHLETE,
            p.difference("change", "now", "baseline"),
            p.size("size of the change", "change"),
            p.rows_with("now", value=True),
            p.WITHOUT_TIMES,
        ],
        most="size of the change",
    )


def _without_marks() -> p.Panel:
    """Other measures now and before: shown, never marked, since each further marked measure adds false marks."""
    bend, squat = [of_kind(BEND)], [of_kind(SQUAT)]
    lumbar = "median(<lumbar_rom_deg>)"
    return p.table(
        "Other measures, shown and never marked",
        f"Medians now and over the {BASELINE_DAYS} days before: lumbar range in bends, hip flexion in squats.",
        [
            _each("repetition", {"lumbar": lumbar}, where=bend),
            _each("repetition", {"lumbar, before": lumbar}, where=bend, time=BEFORE),
            *(
                _each("repetition", {name: f"median(<hip_{side}_peak_deg>)"}, where=squat, time=time)
                for side in SIDES
                for name, time in ((f"{side} hip", "$timeFilter"), (f"{side} hip, before", BEFORE))
            ),
        ],
        p.Look(p.UNITS["deg"], 0),
        [p.JOINED_BY_ATHLETE, p.without("Time", *(f"Time {i}" for i in range(1, 7)))],
    )


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    deg = p.UNITS["deg"]
    work = {"repetitions": "count(<index>)", "largest lumbar flexion": "max(<lumbar_peak_deg>)"}
    said = {name: f"last(<{field}>)" for name, field in (("group", "group"), ("match day", "match_day"), ("load", "load_kg"))}
    said |= {"sRPE": "last(<srpe>)", "soreness": "last(<soreness>)"}
    count = select("repetition", {"median": "median(<lumbar_share_of_trunk>)"}, of=["athlete"], where=[of_kind(BEND)])
    rows = (
        (
            8,
            (
                (
                    12,
                    p.table(
                        "Work",
                        "Repetitions and the largest lumbar flexion, one row per athlete, most repetitions first.",
                        [_each("repetition", work)],
                        p.Look(p.UNITS[""], 0, overrides=(p.column_look("largest lumbar flexion", unit=deg, decimals=0),)),
                        most="repetitions",
                    ),
                ),
                (
                    12,
                    p.table(
                        "Exposure",
                        "Time recorded and time in each zone of lumbar flexion, one row per athlete, longest first.",
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
                (16, _who_changed()),
                (
                    8,
                    p.numbers(
                        "Marks to expect by chance",
                        "Players with bends in the time range, and how many of them are orange although they did not change.",
                        [
                            f'SELECT count("median") AS "players", count("median") * {BY_CHANCE:g} AS "marked by chance" '
                            f'FROM ({count} GROUP BY "athlete") WHERE $timeFilter'
                        ],
                        p.Look(p.UNITS[""], 1, overrides=(p.column_look("players", decimals=0),)),
                    ),
                ),
            ),
        ),
        (8, ((24, _without_marks()),)),
        (
            8,
            (
                (
                    16,
                    p.table(
                        "Said of the sessions",
                        "Group, match day, load on the bar, sRPE and soreness, as people said it; the last of each.",
                        [_each("session", said)],
                        p.Look(p.UNITS[""], 0, overrides=(p.column_look("load", unit=p.KG, decimals=1),)),
                    ),
                ),
                (
                    8,
                    p.table(
                        "No session in the time range",
                        f"Athletes with sessions in the {BASELINE_DAYS} days before and none now, and when the last began.",
                        [
                            _each("session", {"now": "count(<duration_s>)"}),
                            _each("session", {"last recorded": "last(<duration_s>)"}, time=BEFORE),
                        ],
                        p.Look(p.LONG, 0),
                        [p.JOINED_BY_ATHLETE, p.rows_with("now", value=False), p.without("now")],
                    ),
                ),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("session", "athlete"), several=True),
        p.from_tags("estimator", "Estimator", tag_values("session", "estimator"), default=DEFAULT_ESTIMATOR),
    )
    description = "All players of a day: work, exposure, who changed by more than a measurement can resolve, who is missing."
    return p.dashboard("hiphinge-squad", "Squad", description, variables, rows, since="now/d")
