"""How the sensors performed: battery, losses, delay and clock by the minute; rates, losses, silence, calibration by session."""

from __future__ import annotations

from typing import Any

from dashboards.grafana import panels as p
from dashboards.grafana.queries import DEFAULT_ESTIMATOR, select, tag_values

_OF = ("athlete", "session", "placement")
_SEVERAL = ("athlete", "session")
_CALIBRATED = p.Limits(((None, "red"), (0.5, "orange"), (0.8, "green")), "off")
"""0.5 and 0.8: the words `fair` and `good` of the reports."""


def _by_placement(title: str, description: str, name: str, look: p.Look) -> p.Panel:
    queries = [select("sensor_health", {name: f"<{name}>"}, of=_OF, group='"placement"')]
    return p.timeseries(title, description, queries, look, draw="points")


def _by_minute(title: str, description: str, columns: dict[str, str], look: p.Look) -> p.Panel:
    group = 'time($__interval), "athlete", "placement"'
    queries = [select("sensor_health", columns, of=_OF, group=group, fill="none")]
    return p.timeseries(title, description, queries, look, draw="points") | {"interval": "1m"}


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    count = p.Look(p.UNITS[""], 0, 0.0)
    lost = p.Limits(((None, "transparent"), (1.0, "orange")))
    columns = {
        "athlete": '"athlete"',
        "session": '"session"',
        "placement": '"placement"',
        "family": "<family>",
        "rate": "<rate_hz>",
        "samples": "<samples>",
        "lost": "<lost>",
        "counted": "<lost_exact>",
        "gaps": "<gaps>",
        "late or silent": "<late_s>",
        "saturated": "<saturated>",
    }
    calibrated = {
        "athlete": '"athlete"',
        "session": '"session"',
        "confidence": "<calibration_confidence>",
        "warnings": "<warnings>",
    }
    low = p.Limits(((None, "red"), (20.0, "transparent")), "area")
    drift = p.Limits(((None, "transparent"), (200.0, "orange")), "area")
    by_minute = (
        (
            7,
            (
                (
                    12,
                    _by_minute(
                        "Battery",
                        "Charge, last reported by each sensor; missing where a sensor reports none. Red: below 20 %.",
                        {"battery": "min(<battery_percent>)"},
                        p.Look(p.UNITS["%"], 0, 0.0, 100.0, low),
                    ),
                ),
                (
                    12,
                    _by_minute(
                        "Lost, minute by minute",
                        "Samples lost in the minute before: radio, cable, or a sensor out of reach.",
                        {"lost": "sum(<minute_lost>)"},
                        count,
                    ),
                ),
            ),
        ),
        (
            7,
            (
                (
                    12,
                    _by_minute(
                        "Delay on the way",
                        "Mean delay of packets beyond the shortest one. Orange: too late for live, unless set otherwise.",
                        {"delay": "mean(<delay_ms>)"},
                        p.Look(p.UNITS["ms"], 0, 0.0, None, p.Limits(((None, "transparent"), (150.0, "orange")), "area")),
                    ),
                ),
                (
                    12,
                    _by_minute(
                        "Clock",
                        "How much faster the sensor's clock ran than the computer's. Orange: more than a quartz drifts.",
                        {"clock": "mean(<clock_ppm>)"},
                        p.Look(p.UNITS["ppm"], 0, limits=drift),
                    ),
                ),
            ),
        ),
    )
    rows = (
        (
            9,
            (
                (
                    24,
                    p.table(
                        "Sensors, session by session",
                        "Samples received and lost (counted, else an estimate), interruptions, time late or silent.",
                        [select("sensor_health", columns, of=_OF, last_first=True, limit=500)],
                        p.Look(
                            p.UNITS[""],
                            0,
                            overrides=(
                                p.column_look("rate", unit=p.UNITS["Hz"], decimals=1),
                                p.column_look("late or silent", unit=p.UNITS["s"], decimals=1),
                                p.column_look("lost", limits=lost),
                                p.column_look("gaps", limits=lost),
                            ),
                        ),
                    ),
                ),
            ),
        ),
        *by_minute,
        (
            7,
            (
                (8, _by_placement("Samples lost", "Samples lost in each session, by placement.", "lost", count)),
                (
                    8,
                    _by_placement(
                        "Late or silent", "Time for which a sensor was late or silent.", "late_s", p.Look(p.UNITS["s"], 1, 0.0)
                    ),
                ),
                (
                    8,
                    _by_placement(
                        "Rate",
                        "Samples a second by the session's clock: a wrong clock shows here.",
                        "rate_hz",
                        p.Look(p.UNITS["Hz"], 1),
                    ),
                ),
            ),
        ),
        (
            7,
            (
                (
                    8,
                    _by_placement(
                        "End of the range",
                        "Samples at the end of the sensor's range: choose a larger range.",
                        "saturated",
                        count,
                    ),
                ),
                (
                    16,
                    p.table(
                        "Calibration and warnings",
                        "Lowest confidence of the placements' alignments, 0 to 1, and what a reader should know.",
                        [select("session", calibrated, of=_SEVERAL, last_first=True, limit=500)],
                        p.Look(p.UNITS[""], 2, overrides=(p.column_look("confidence", limits=_CALIBRATED, width=100),)),
                    ),
                ),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("sensor_health", "athlete"), several=True),
        p.from_tags("session", "Session", tag_values("sensor_health", "session", ["athlete"]), several=True),
        p.from_tags("placement", "Placement", tag_values("sensor_health", "placement"), several=True),
        p.from_tags("estimator", "Estimator", tag_values("session", "estimator"), default=DEFAULT_ESTIMATOR),
    )
    description = "How the sensors performed: battery, losses, delay, clocks; rates, silence, ends of ranges, calibration."
    return p.dashboard("hiphinge-sensors", "Sensors", description, variables, rows, since="now-7d")
