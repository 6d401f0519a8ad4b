"""All players of a day beside each other: amounts of work, and changes beyond what a measurement can resolve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from body_signals.movements import BEND, SQUAT
from dashboards.grafana import panels as p
from dashboards.grafana.queries import BASELINE_DAYS, BEFORE, DEFAULT_ESTIMATOR, SIDES, of_kind, select, tag_values
from dashboards.grafana.training_day import zones

SHARE_MDC, LUMBAR_MDC_DEG, HIP_MDC_DEG = 0.12, 10.0, 7.0
"""Smallest change that is shown. Lumbar range and share: within the published minimal detectable changes (90 %) of 5 to 15°
and 8 to 15 points between raters and weeks (Laird 2016, BMC Musculoskeletal Disorders 17). Hip: limits of agreement of one
rater with one sensor (Stolowski 2023, Sensors 23:8782)."""


def _each(measurement: str, columns: Mapping[str, str], where: Sequence[str] = (), time: str = "$timeFilter") -> str:
    """One row per athlete."""
    return select(measurement, columns, of=["athlete"], where=where, time=time, group='"athlete"')


def _against_baseline(
    title: str, what: str, expression: str, where: Sequence[str], unit: str, mdc: float, words: str
) -> p.Panel:
    """Medians of the time range and of the baseline, one row per athlete, the difference coloured beyond `mdc`.

    A share is in percent, so that its change is in points.
    """
    decimals = 0
    of_share = unit == p.UNITS["share"]
    median, change = f"median({expression})", unit
    if of_share:
        median, mdc, unit, change = f"{median} * 100", 100.0 * mdc, p.UNITS["%"], p.POINTS
    beyond = p.Limits(((None, "orange"), (-mdc, "transparent"), (mdc, "orange")))
    return p.table(
        title,
        f"{what}: medians, now and over the {BASELINE_DAYS} days before; orange: changed by more than {words}.",
        [
            _each("repetition", {"now": median, "repetitions": f"count({expression})"}, where=where),
            _each("repetition", {"baseline": median}, where=where, time=BEFORE),
        ],
        p.Look(
            unit,
            decimals,
            overrides=(
                p.column_look("change", unit=change, limits=beyond),
                p.column_look("repetitions", unit=p.UNITS[""], decimals=0),
            ),
        ),
        [
            {"id": "joinByField", "options": {"byField": "athlete", "mode": "outer"}},
            {
                "id": "calculateField",
                "options": {
                    "mode": "binary",
                    "alias": "change",
                    "binary": {"left": "now", "operator": "-", "right": "baseline"},
                    "replaceFields": False,
                },
            },
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True, "Time 1": True, "Time 2": True},
                    "indexByName": {},
                    "renameByName": {},
                },
            },
        ],
    )


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    deg, share = p.UNITS["deg"], p.UNITS["share"]
    bend, squat = [of_kind(BEND)], [of_kind(SQUAT)]
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
                    ),
                ),
            ),
        ),
        (
            8,
            (
                (
                    12,
                    _against_baseline(
                        "Lumbar share in bends, who changed",
                        "Lumbar share of trunk in bends",
                        "<lumbar_share_of_trunk>",
                        bend,
                        share,
                        SHARE_MDC,
                        f"{100 * SHARE_MDC:.0f} points (Laird 2016: 8 to 15)",
                    ),
                ),
                (
                    12,
                    _against_baseline(
                        "Lumbar range in bends, who changed",
                        "Range of lumbar flexion in bends",
                        "<lumbar_rom_deg>",
                        bend,
                        deg,
                        LUMBAR_MDC_DEG,
                        f"{LUMBAR_MDC_DEG:.0f}° (Laird 2016: 5 to 15°)",
                    ),
                ),
            ),
        ),
        (
            8,
            (
                *(
                    (
                        8,
                        _against_baseline(
                            f"{side.capitalize()} hip in squats, who changed",
                            f"Largest flexion of the {side} hip in squats",
                            f"<hip_{side}_peak_deg>",
                            squat,
                            deg,
                            HIP_MDC_DEG,
                            f"{HIP_MDC_DEG:.0f}° (Stolowski 2023)",
                        ),
                    )
                    for side in SIDES
                ),
                (
                    8,
                    _against_baseline(
                        "Difference of the hips in squats, who changed",
                        "Left hip minus right, ranges in squats",
                        "<hip_rom_difference_deg>",
                        squat,
                        deg,
                        HIP_MDC_DEG,
                        f"{HIP_MDC_DEG:.0f}° (Stolowski 2023)",
                    ),
                ),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("session", "athlete"), several=True),
        p.from_tags("estimator", "Estimator", tag_values("session", "estimator"), default=DEFAULT_ESTIMATOR),
    )
    description = "All players of a day: work, exposure, and changes larger than a measurement can resolve."
    return p.dashboard("hiphinge-squad", "Squad", description, variables, rows, since="now/d")
