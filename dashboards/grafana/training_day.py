"""One player's day: sets, exposure, drift of the share, the five repetitions with most flexion, missing data."""

from __future__ import annotations

import itertools
from typing import Any

from body_signals import FURTHEST_MATCH_DAYS
from body_signals.movements import KINDS, SHARE_OF_TRUNK
from dashboards.grafana import panels as p
from dashboards.grafana.annotations import marks
from dashboards.grafana.queries import DEFAULT_ESTIMATOR, SIDES, TREND_DAYS, of_kind, of_no_kind, select, tag_values
from dsp.day import WORST, ZONES_DEG

WINDOW_MS = 20_000
"""Time around a repetition that its link opens, ms (ours)."""


def zones() -> dict[str, str]:
    """Zones of lumbar flexion in words → the session's field with the seconds in it."""
    words = [f"{round(border)}" for border in ZONES_DEG]
    named = {f"below {words[0]}°": f"below_{words[0]}"}
    named |= {f"{a} to {b}°": f"{a}_to_{b}" for a, b in itertools.pairwise(words)}
    named |= {f"above {words[-1]}°": f"above_{words[-1]}"}
    return {shown: f"exposure_lumbar_flexion_s_{name}" for shown, name in named.items()}


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    of_trunk = [kind for kind in KINDS if kind.share == SHARE_OF_TRUNK]
    straight = " and ".join(kind.plural for kind in of_trunk)
    share = p.Look(p.UNITS["share"], 0, 0.0, 1.0)
    link = {
        "title": "Angles of this repetition",
        "targetBlank": False,
        "url": "/d/hiphinge-live?var-athlete=${athlete:percentencode}&var-estimator=${estimator:percentencode}"
        "&var-session=${__data.fields.session:percentencode}&var-DS_HIP=${DS_HIP:percentencode}"
        f"&time=${{__data.fields.Time.numeric}}&time.window={WINDOW_MS}",
    }
    worst = {
        "lumbar": f"top(<lumbar_peak_deg>, {WORST})",
        "movement": "<movement>",
        "side": "<side>",
        "repetition": "<number>",
        "time in the session": "<start_s>",
        "session": '"session"',
    }
    said = {
        "session": '"session"',
        "group": "<group>",
        "gym": "<gym>",
        "match day": "<match_day>",
        "load": "<load_kg>",
        "sRPE": "<srpe>",
        "soreness": "<soreness>",
        "session load": "<srpe> * <duration_s> / 60",
        "repetitions": "<repetitions>",
    }
    most_flexed = list(zones().values())[-1]
    week = (("sRPE", "<srpe>", ""), ("repetitions", "<repetitions>", ""), ("most flexed", f"<{most_flexed}>", "s"))
    by_match_day = (
        7,
        (
            *(
                (
                    4,
                    p.over_days(
                        p.one_against_other(
                            f"By match day: {name}",
                            f"{name[0].upper()}{name[1:]} of each session over the days from the match, "
                            f"last {TREND_DAYS} days.",
                            select(
                                "session",
                                {"match day": "<match_day>", name: expression},
                                of=["athlete"],
                                where=[f"<match_day> >= -{FURTHEST_MATCH_DAYS}"],
                            ),
                            p.Look(p.UNITS[unit], 0),
                            "match day",
                            name,
                        ),
                        TREND_DAYS,
                    ),
                )
                for name, expression, unit in week
            ),
            (
                12,
                p.table(
                    "Said of the sessions",
                    "Group, gym, match day, load on the bar, sRPE, soreness; session load is sRPE times minutes (Foster 2001).",
                    [select("session", said)],
                    p.Look(p.UNITS[""], 0, overrides=(p.column_look("load", unit=p.KG, decimals=1),)),
                ),
            ),
        ),
    )
    rows = (
        (
            5,
            (
                (
                    8,
                    p.numbers(
                        "Work",
                        "Repetitions, sets and sessions in the time range.",
                        [
                            select("repetition", {"repetitions": "count(<index>)"}),
                            select("session", {"sets": "sum(<sets>)", "sessions": "count(<duration_s>)"}),
                        ],
                        p.Look(p.UNITS[""], 0),
                    ),
                ),
                (
                    8,
                    p.numbers(
                        "Time with sensors",
                        "Time recorded, and time for which lumbar flexion is missing.",
                        [
                            select(
                                "session",
                                {"recorded": "sum(<duration_s>)", "lumbar missing": "sum(<exposure_lumbar_missing_s>)"},
                            )
                        ],
                        p.Look(p.LONG, 0),
                    ),
                ),
                (
                    8,
                    p.bars(
                        "Time in zones of lumbar flexion",
                        "Time that the lumbar spine spent in each zone of flexion, all sessions of the time range.",
                        [select("session", {name: f"sum(<{seconds}>)" for name, seconds in zones().items()})],
                        p.Look(p.LONG, 0, 0.0),
                    ),
                ),
            ),
        ),
        (
            8,
            (
                (
                    24,
                    p.timeseries(
                        "Sets over the day",
                        "Repetitions per interval by movement, knee raises by leg; nothing is drawn where nothing was done.",
                        [
                            select(
                                "repetition",
                                {f"{side} {kind.word}".strip(): "count(<index>)"},
                                where=[of_kind(kind), *([f"<side> = '{side}'"] if kind.one_leg else [])],
                                group="time($__interval)",
                                fill="none",
                            )
                            for kind in KINDS
                            for side in ((*SIDES, "") if kind.one_leg else ("",))
                        ],
                        p.Look(p.UNITS[""], 0, 0.0),
                        draw="bars",
                        stack=True,
                    )
                    | {"interval": "1m"},
                ),
            ),
        ),
        (
            8,
            (
                (
                    24,
                    p.timeseries(
                        "Lumbar flexion over the day",
                        "Minimum, mean and maximum of each interval, forward positive; gaps are times without data.",
                        [
                            select(
                                "angles",
                                {
                                    "least": "min(<lumbar_flexion_deg>)",
                                    "lumbar": "mean(<lumbar_flexion_deg>)",
                                    "most": "max(<lumbar_flexion_deg>)",
                                },
                                group="time($__interval)",
                                fill="null",
                            )
                        ],
                        p.Look(p.UNITS["deg"], 0),
                    ),
                ),
            ),
        ),
        (
            8,
            (
                (
                    12,
                    p.timeseries(
                        "Drift of the lumbar share",
                        f"Lumbar share of trunk in {straight} and of trunk on thigh in all other movements, "
                        "one point per repetition.",
                        [
                            select("repetition", {straight: "<lumbar_share_of_trunk>"}, where=[of_kind(*of_trunk)]),
                            select(
                                "repetition",
                                {"other movements": "<lumbar_share_of_trunk_on_thigh>"},
                                where=[of_no_kind(*of_trunk)],
                            ),
                        ],
                        share,
                        draw="points",
                    ),
                ),
                (
                    12,
                    p.table(
                        f"The {WORST} repetitions with most lumbar flexion",
                        "Largest lumbar flexion in degrees; a click opens the angles around the repetition.",
                        [select("repetition", worst)],
                        p.Look(
                            p.UNITS["deg"],
                            1,
                            overrides=(
                                p.column_look("repetition", unit=p.UNITS[""], decimals=0),
                                p.column_look("time in the session", unit=p.LONG),
                                p.column_look("lumbar", links=[link]),
                            ),
                        ),
                        most="lumbar",
                    ),
                ),
            ),
        ),
        (
            6,
            (
                (
                    24,
                    p.table(
                        "Sensors of these sessions",
                        "Samples received and lost, interruptions, samples at the end of the sensor's range.",
                        [
                            select(
                                "sensor_health",
                                {
                                    "session": '"session"',
                                    "placement": '"placement"',
                                    "samples": "<samples>",
                                    "lost": "<lost>",
                                    "gaps": "<gaps>",
                                    "saturated": "<saturated>",
                                },
                            )
                        ],
                        p.Look(p.UNITS[""], 0),
                    ),
                ),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("session", "athlete")),
        p.from_tags("session", "Session", tag_values("session", "session", ["athlete"]), several=True),
        p.from_tags("estimator", "Estimator", tag_values("session", "estimator", ["athlete"]), default=DEFAULT_ESTIMATOR),
    )
    description = (
        "One player's day: sets, exposure, drift of the lumbar share, the repetitions of most flexion, what is missing."
    )
    return p.dashboard(
        "hiphinge-day", "Training day", description, variables, (*rows, by_match_day), since="now/d", annotations=marks()
    )
