"""The page beside the athlete: angles as they arrive, lumbar spine and hips against the target, state of the sensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.grafana import panels as p
from dashboards.grafana.annotations import marks
from dashboards.grafana.queries import JUST_NOW, NOW_S, select, tag_values

LUMBAR_TARGET_DEG, HIP_TARGET_DEG = 40.0, 90.0
"""Initial targets, degrees (ours); the physio sets them."""
_NEAR = p.Limits(((None, "green"), (80.0, "orange"), (100.0, "red")))
_NEAR_HIP = p.Limits(((None, "#8C8C8C"), (80.0, "orange"), (100.0, "green")))
_PARTS = {"lumbar": "<lumbar_flexion_deg>", "left hip": "<hip_left_flexion_deg>", "right hip": "<hip_right_flexion_deg>"}


def _over_time(columns: Mapping[str, str]) -> str:
    return select("angles", columns, group="time($__interval)", fill="null")


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    deg = p.Look(p.UNITS["deg"], decimals=0)
    rep = {
        "no.": "<number>",
        "movement": "<movement>",
        "side": "<side>",
        "lumbar": "<lumbar_rom_deg>",
        "pelvis": "<pelvis_rom_deg>",
        "left hip": "<hip_left_rom_deg>",
        "right hip": "<hip_right_rom_deg>",
        "lumbar share of trunk": "<lumbar_share_of_trunk>",
        "lumbar share of trunk on thigh": "<lumbar_share_of_trunk_on_thigh>",
        "quality": "<quality_words>",
        "no share": "<missing_shares>",
    }
    rows = (
        (
            6,
            (
                (
                    8,
                    p.bars(
                        "Lumbar flexion, part of the target",
                        f"Latest lumbar flexion as a part of the target above; empty when none came within {NOW_S} s.",
                        [select("angles", {"lumbar": "last(<lumbar_flexion_deg>) / $lumbar_target * 100"}, time=JUST_NOW)],
                        p.Look(p.UNITS["%"], 0, 0.0, 120.0, _NEAR),
                    ),
                ),
                (
                    8,
                    p.bars(
                        "Hip flexion, part of the target",
                        f"Latest flexion of each hip as a part of the target above; empty when none came within {NOW_S} s.",
                        [
                            select(
                                "angles",
                                {name: f"last({_PARTS[name]}) / $hip_target * 100" for name in ("left hip", "right hip")},
                                time=JUST_NOW,
                            )
                        ],
                        p.Look(p.UNITS["%"], 0, 0.0, 120.0, _NEAR_HIP),
                    ),
                ),
                (
                    8,
                    p.numbers(
                        "Angles now",
                        f"Latest flexion in degrees, zero while standing; empty when none came within {NOW_S} s.",
                        [select("angles", {name: f"last({angle})" for name, angle in _PARTS.items()}, time=JUST_NOW)],
                        deg,
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
                        "Lumbar spine and pelvis",
                        "Lumbar flexion, pelvis tilt and trunk inclination, forward positive; a gap is missing data.",
                        [
                            _over_time(
                                {
                                    "lumbar": "mean(<lumbar_flexion_deg>)",
                                    "pelvis": "mean(<pelvis_tilt_deg>)",
                                    "trunk": "mean(<trunk_inclination_deg>)",
                                }
                            )
                        ],
                        deg,
                    ),
                ),
                (
                    12,
                    p.timeseries(
                        "Hips",
                        "Flexion of each hip, pelvis to femur; a gap is missing data.",
                        [_over_time({n: f"mean({_PARTS[n]})" for n in ("left hip", "right hip")})],
                        deg,
                    ),
                ),
            ),
        ),
        (
            7,
            (
                (
                    8,
                    p.timeseries(
                        "What the sensors deliver",
                        "Values each second, 25 when all is well. Lumbar needs lumbar and pelvis, a hip pelvis and that thigh.",
                        [
                            select(
                                "angles",
                                {name: f"count({angle}) / $__interval_ms * 1000" for name, angle in _PARTS.items()},
                                group="time($__interval)",
                                fill="0",
                            )
                        ],
                        p.Look(p.UNITS["Hz"], 0, 0.0, 30.0),
                    )
                    | {"interval": "1s"},
                ),
                (
                    8,
                    p.timeseries(
                        "Uncertainty",
                        "Standard uncertainty (68 %) of lumbar and hip flexion; it grows where a heading is not known.",
                        [
                            _over_time(
                                {
                                    "lumbar": "mean(<lumbar_flexion_sd_deg>)",
                                    "left hip": "mean(<hip_left_flexion_sd_deg>)",
                                    "right hip": "mean(<hip_right_flexion_sd_deg>)",
                                }
                            )
                        ],
                        p.Look(p.UNITS["deg"], 1, 0.0),
                    ),
                ),
                (
                    8,
                    p.numbers(
                        "Repetitions",
                        "Repetitions in the time range, and the largest lumbar flexion among them in degrees.",
                        [
                            select(
                                "repetition",
                                {"repetitions": "count(<index>)", "largest lumbar flexion": "max(<lumbar_peak_deg>)"},
                            )
                        ],
                        p.Look(p.UNITS[""], 0),
                    ),
                ),
            ),
        ),
        (
            8,
            (
                (
                    24,
                    p.table(
                        "Last repetitions",
                        "Ranges in degrees and lumbar shares of the last ten repetitions; quality flags.",
                        [select("repetition", rep, last_first=True, limit=10)],
                        p.Look(
                            p.UNITS["deg"],
                            1,
                            overrides=(
                                p.column_look("no.", unit=p.UNITS[""], decimals=0),
                                p.column_look("lumbar share of trunk", unit=p.UNITS["share"], decimals=0),
                                p.column_look("lumbar share of trunk on thigh", unit=p.UNITS["share"], decimals=0),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )
    variables = (
        p.from_tags("athlete", "Athlete", tag_values("angles", "athlete")),
        p.from_tags("session", "Session", tag_values("angles", "session", ["athlete"])),
        p.from_tags("estimator", "Estimator", tag_values("angles", "estimator", ["athlete", "session"]), default="live"),
        p.number_box("lumbar_target", "Lumbar target, degrees", LUMBAR_TARGET_DEG),
        p.number_box("hip_target", "Hip target, degrees", HIP_TARGET_DEG),
    )
    description = "A session while it runs: angles, lumbar spine and hips against the target, what the sensors deliver."
    return p.dashboard(
        "hiphinge-live", "Live session", description, variables, rows, since="now-5m", refresh="5s", annotations=marks()
    )
