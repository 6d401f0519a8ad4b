"""The lumbo-pelvic rhythm: lumbar against hip repetition by repetition, and how the shares move over a set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from body_signals import LIMITS, SCREEN_COLUMNS
from body_signals.movements import BEND, KNEE_RAISE, MOVEMENTS
from dashboards.grafana import panels as p
from dashboards.grafana.queries import (
    DEFAULT_ESTIMATOR,
    PINNED,
    PINNED_TIME,
    SHARES,
    SIDES,
    THE_LEG,
    THE_MOVEMENT,
    TREND_DAYS,
    of_kind,
    select,
    tag_values,
)

_LIMITS = {limit.name: limit.value for limit in LIMITS}
SHARE_BAND = (_LIMITS["bend_share_low"], _LIMITS["bend_share_high"])
"""Lumbar share of trunk in a standing bend, 10th and 90th centile of 126 people without back pain (Laird 2019, BMC
Musculoskeletal Disorders 20:28, table 3)."""
SCREEN = {
    "answer": "<pattern_words>",
    "side": "<side>",
    "confidence": "<confidence>",
    "exercises agree": "<agreeing>",
    "bend, lumbar share": "<bend_lumbar_share_of_trunk>",
    "bow, slack": "<bow_slack_deg>",
    "left knee raise": "<knee_raise_left_hip_peak_deg>",
    "right knee raise": "<knee_raise_right_hip_peak_deg>",
    "left rock-back": "<rock_back_left_excursion_deg>",
    "right rock-back": "<rock_back_right_excursion_deg>",
}
"""What the table of screens shows."""
_SCREENED = "({})".format(
    " OR ".join(
        f"<{q.name}> > 0"
        for q in SCREEN_COLUMNS
        if q.name.endswith("_repetitions") and q.name.startswith(("bend", "bow", "knee_raise", "rock_back", "hip_extension"))
    )
)
"""A test of the hip screen was done."""
_BAND = p.Limits(((None, "transparent"), (SHARE_BAND[0], "#8D98A4"), (SHARE_BAND[1], "transparent")), "area")
_THIRDS = ("early", "middle", "late")


def _chosen(columns: Mapping[str, str]) -> str:
    return select("repetition", columns, where=[THE_MOVEMENT, THE_LEG])


def _before(columns: Mapping[str, str]) -> str:
    return select("repetition", columns, of=["athlete"], where=[THE_MOVEMENT, THE_LEG, PINNED], time=PINNED_TIME)


def _by_session(columns: Mapping[str, str], group: str) -> str:
    """Of all the athlete's sessions, not only of those chosen."""
    return select("repetition", columns, of=["athlete"], where=[THE_MOVEMENT, THE_LEG], group=group, fill="none")


def _trend() -> tuple[int, tuple[tuple[int, p.Panel], ...]]:
    """From session to session over the last weeks."""
    middle = {"median": "median(<${share}>)"}
    # a centile is missing for fewer than five repetitions
    band = {"least": "min(<${share}>)", "most": "max(<${share}>)"}
    each = {
        "share": "median(<${share}>)",
        "least": "min(<${share}>)",
        "most": "max(<${share}>)",
        "lumbar": "median(<lumbar_rom_deg>)",
        "hip": "median(<hip_${side}_rom_deg>)",
        "repetitions": "count(<index>)",
    }
    of_share = p.UNITS["share"]
    shares = tuple(p.column_look(name, unit=of_share) for name in ("share", "least", "most"))
    return (
        8,
        (
            (
                12,
                p.over_days(
                    p.timeseries(
                        "Day by day",
                        f"Median share of each day with the least and the largest, over the last {TREND_DAYS} days.",
                        [_by_session(middle | band, "time(1d)")],
                        p.Look(of_share, 0, 0.0, 1.0),
                        draw="points",
                    ),
                    TREND_DAYS,
                ),
            ),
            (
                12,
                p.over_days(
                    p.table(
                        "Session by session",
                        f"Medians of each session of the last {TREND_DAYS} days, the latest first; least and largest share.",
                        [_by_session(each, '"session"')],
                        p.Look(p.UNITS["deg"], 0, overrides=(*shares, p.column_look("repetitions", unit=p.UNITS[""]))),
                        [p.without("Time")],
                        most="session",
                    ),
                    TREND_DAYS,
                ),
            ),
        ),
    )


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    share = p.Look(p.UNITS["share"], 0, 0.0, 1.0)
    thirds = {third: f"<${{share}}_{third}>" for third in _THIRDS}
    medians = {third: f"median(<${{share}}_{third}>)" for third in _THIRDS}
    rows = (
        (
            9,
            (
                (
                    8,
                    p.one_against_other(
                        "Lumbar against hip",
                        "Range of the lumbar spine over range of the chosen hip, one point per repetition, degrees.",
                        _chosen({"hip": "<hip_${side}_rom_deg>", "lumbar": "<lumbar_rom_deg>"}),
                        p.Look(p.UNITS["deg"], 0, 0.0),
                        "hip",
                        "lumbar",
                    ),
                ),
                (
                    16,
                    p.timeseries(
                        "Lumbar share in the thirds of the descent",
                        "Lumbar share in the thirds of each repetition's descent; of standing up in those of its lean.",
                        [_chosen(thirds)],
                        share,
                        draw="points",
                    ),
                ),
            ),
        ),
        (
            6,
            (
                (
                    12,
                    p.numbers(
                        "Medians in the time range",
                        "Median share in each third, and the number of repetitions with a share; the report leaves some out.",
                        [
                            _chosen(medians),
                            _chosen({"repetitions": "count(<${share}>)"}),
                        ],
                        p.Look(p.UNITS["share"], 0, overrides=(p.column_look("repetitions", unit=p.UNITS[""]),)),
                    ),
                ),
                (
                    12,
                    p.numbers(
                        "Own baseline",
                        "The same of the sessions chosen as baseline, before the time range; pin those before a treatment.",
                        [
                            _before(medians),
                            _before({"repetitions": "count(<${share}>)"}),
                        ],
                        p.Look(p.UNITS["share"], 0, overrides=(p.column_look("repetitions", unit=p.UNITS[""]),)),
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
                        "Bends against the published band",
                        f"Lumbar share of trunk in bends; band: {SHARE_BAND[0]:.0%} to {SHARE_BAND[1]:.0%}, "
                        "10th to 90th centile of 126 people without back pain (Laird 2019).",
                        [select("repetition", {"lumbar": "<lumbar_share_of_trunk>"}, where=[of_kind(BEND)])],
                        p.Look(p.UNITS["share"], 0, 0.0, 1.0, _BAND),
                        draw="points",
                    ),
                ),
                (
                    12,
                    p.timeseries(
                        "Who begins",
                        "Onset of the lumbar spine minus onset of the pelvis; negative: the pelvis is late.",
                        [_chosen({"descent": "<onset_delay_s>", "ascent": "<onset_delay_ascent_s>"})],
                        p.Look(p.UNITS["s"], 2),
                        draw="points",
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
                        "Relative phase",
                        "Continuous relative phase, lumbar minus pelvis and lumbar minus mean hip; 0 is in phase.",
                        [_chosen({"lumbar to pelvis": "<crp_lumbar_pelvis_deg>", "lumbar to hip": "<crp_lumbar_hip_deg>"})],
                        p.Look(p.UNITS["deg"], 0),
                        draw="points",
                    ),
                ),
                (
                    12,
                    p.timeseries(
                        "Slack of the hip",
                        "Flexion of the chosen hip at which the lumbar spine leaves its start, and the knee of the two lines.",
                        [
                            _chosen(
                                {"onset": "<slack_onset_${side}_deg>", "knee of the lines": "<slack_breakpoint_${side}_deg>"}
                            )
                        ],
                        p.Look(p.UNITS["deg"], 0),
                        draw="points",
                    ),
                ),
            ),
        ),
    )
    legs = {
        "hip": "median(<hip_{side}_peak_deg>)",
        "pelvis": "median(<pelvis_rom_deg>)",
        "lumbar": "median(<lumbar_rom_deg>)",
        "repetitions": "count(<index>)",
    }
    screen = (
        6,
        (
            *(
                (
                    4,
                    p.numbers(
                        f"{side.capitalize()} knee raises",
                        f"Medians of all knee raises of the {side} leg: flexion of that hip, other ranges.",
                        [
                            select(
                                "repetition",
                                {name: expression.format(side=side) for name, expression in legs.items()},
                                where=[of_kind(KNEE_RAISE), f"<side> = '{side}'"],
                            )
                        ],
                        p.Look(p.UNITS["deg"], 0, overrides=(p.column_look("repetitions", unit=p.UNITS[""]),)),
                    ),
                )
                for side in SIDES
            ),
            (
                16,
                p.table(
                    "Hip screen",
                    "Answer of each session's screen; medians of what counts; hips pelvis to femur.",
                    [select("screen", SCREEN, where=[_SCREENED], last_first=True)],
                    p.Look(
                        p.UNITS["deg"],
                        0,
                        overrides=(
                            p.column_look("exercises agree", unit=p.UNITS[""]),
                            p.column_look("bend, lumbar share", unit=p.UNITS["share"]),
                            p.column_look("answer", width=360),
                        ),
                    ),
                ),
            ),
        ),
    )
    before = ["athlete", "session"]
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("repetition", "athlete")),
        p.from_tags("session", "Session", tag_values("repetition", "session", ["athlete"]), several=True),
        p.from_tags("estimator", "Estimator", tag_values("repetition", "estimator", before), default=DEFAULT_ESTIMATOR),
        p.from_tags("baseline", "Baseline", tag_values("repetition", "session", ["athlete"]), several=True),
        p.from_list("movement", "Movement", MOVEMENTS, several=True, default=BEND.name),
        p.from_list("side", "Hip, and leg of knee raises", SIDES),
        p.from_list("share", "Share", SHARES),
    )
    description = "Lumbar spine against hip per repetition, shares over a set, against the own baseline and a published band."
    return p.dashboard(
        "hiphinge-rhythm",
        "Lumbo-pelvic rhythm",
        description,
        variables,
        (*rows[:2], _trend(), *rows[2:], screen),
        since="now-24h",
    )
