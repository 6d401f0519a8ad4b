"""The schema table: every quantity's name, unit, type and description.

Parquet columns, InfluxDB fields, JSON keys, report rows and `docs/quantities.md` are generated from these tables;
nothing else in the program spells a column's unit or type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signals.placements import Placement


class Kind(StrEnum):
    """Storage type of a quantity."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    INT32 = "int32"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One column or field. `unit` is empty for counts, flags, ratios and words."""

    name: str
    unit: str
    kind: Kind
    description: str


@dataclass(frozen=True, slots=True)
class Angle:
    """An angle of the `angles` table; `needs` are the placements it is made of."""

    name: str
    needs: frozenset[Placement]
    description: str


_L, _P, _TL, _TR = Placement.LUMBAR, Placement.PELVIS, Placement.THIGH_LEFT, Placement.THIGH_RIGHT

ANGLES: tuple[Angle, ...] = (
    Angle("lumbar_flexion", frozenset({_L, _P}), "lumbar spine, pelvis to thorax, forward bend positive, zero while standing"),
    Angle("lumbar_lateral", frozenset({_L, _P}), "lumbar spine, side bend, to the right positive"),
    Angle("lumbar_rotation", frozenset({_L, _P}), "lumbar spine, axial rotation, to the left positive"),
    Angle("pelvis_tilt", frozenset({_P}), "pelvis against gravity, forward (anterior) tilt positive, zero while standing"),
    Angle("pelvis_obliquity", frozenset({_P}), "pelvis against gravity, right side lower positive"),
    Angle(
        "trunk_inclination", frozenset({_L}), "lumbar sensor's segment against gravity, forward positive, zero while standing"
    ),
    Angle("hip_left_flexion", frozenset({_P, _TL}), "left hip, pelvis to femur, flexion positive, zero while standing"),
    Angle("hip_left_abduction", frozenset({_P, _TL}), "left hip, abduction positive"),
    Angle("hip_left_rotation", frozenset({_P, _TL}), "left hip, external rotation positive"),
    Angle("hip_right_flexion", frozenset({_P, _TR}), "right hip, pelvis to femur, flexion positive, zero while standing"),
    Angle("hip_right_abduction", frozenset({_P, _TR}), "right hip, abduction positive"),
    Angle("hip_right_rotation", frozenset({_P, _TR}), "right hip, external rotation positive"),
    Angle("thigh_left_inclination", frozenset({_TL}), "left thigh against gravity, knee forward positive, zero while standing"),
    Angle(
        "thigh_right_inclination", frozenset({_TR}), "right thigh against gravity, knee forward positive, zero while standing"
    ),
)
"""In table order; radians inside, `<name>_deg` in tables."""

ANGLE_NAMES: tuple[str, ...] = tuple(a.name for a in ANGLES)

_TIME = Quantity("time_s", "s", Kind.FLOAT64, "session time: seconds since the session's start")
_QUALITY = Quantity("quality", "", Kind.INT32, "bit flags, see the table of quality flags; 0 = nothing to remark")

ANGLE_COLUMNS: tuple[Quantity, ...] = (
    _TIME,
    *(
        q
        for a in ANGLES
        for q in (
            Quantity(f"{a.name}_deg", "deg", Kind.FLOAT32, a.description),
            Quantity(f"{a.name}_sd_deg", "deg", Kind.FLOAT32, f"standard uncertainty of {a.name}"),
        )
    ),
    _QUALITY,
)

_ONE_HEADING = "sensors beside the pelvis share its heading where the relative heading is known"

ORIENTATION_COLUMNS: tuple[Quantity, ...] = (
    _TIME,
    Quantity("placement", "", Kind.STRING, "the sensor: its placement, or its name where the placement is `other`"),
    *(
        Quantity(f"q{c}", "", Kind.FLOAT32, f"orientation quaternion, {c} component, sensor → earth, z up; {_ONE_HEADING}")
        for c in "wxyz"
    ),
    Quantity("heading_epoch", "", Kind.INT32, "rises by one when a gap breaks the sensor's heading"),
)

MOVEMENTS: tuple[str, ...] = (
    "bend",
    "squat",
    "deadlift",
    "hinge",
    "sit_down",
    "stand_up",
    "knee_raise",
    "rock_back",
    "other",
)

_SEGMENT_WORDS = {
    "lumbar": "lumbar flexion",
    "pelvis": "pelvis tilt",
    "trunk": "trunk inclination",
    "hip_left": "left hip flexion",
    "hip_right": "right hip flexion",
}


def _rom(segment: str) -> tuple[Quantity, ...]:
    words = _SEGMENT_WORDS[segment]
    return (
        Quantity(f"{segment}_rom_deg", "deg", Kind.FLOAT32, f"range of {words} over the repetition"),
        Quantity(f"{segment}_rom_sd_deg", "deg", Kind.FLOAT32, f"standard uncertainty of {segment}_rom_deg"),
    )


def _velocity(segment: str) -> tuple[Quantity, ...]:
    words = _SEGMENT_WORDS[segment]
    return tuple(
        Quantity(f"{segment}_peak_velocity_{phase}_deg_s", "deg/s", Kind.FLOAT32, f"largest |rate| of {words} in the {phase}")
        for phase in ("descent", "ascent")
    )


def _share(name: str, formula: str) -> tuple[Quantity, ...]:
    return (
        Quantity(name, "", Kind.FLOAT32, f"{formula} over the descent"),
        Quantity(f"{name}_sd", "", Kind.FLOAT32, f"standard uncertainty of {name}"),
        *(
            Quantity(f"{name}_{third}", "", Kind.FLOAT32, f"{formula} in the {third} third of the descent's own total")
            for third in ("early", "middle", "late")
        ),
        Quantity(f"{name}_ascent", "", Kind.FLOAT32, f"{formula} over the ascent"),
    )


REPETITION_COLUMNS: tuple[Quantity, ...] = (
    Quantity("index", "", Kind.INT32, "running number in the session, from 0"),
    Quantity("start_s", "s", Kind.FLOAT64, "session time at which the movement begins"),
    Quantity("turn_s", "s", Kind.FLOAT64, "session time of the deepest point (end of a one-phase movement)"),
    Quantity("end_s", "s", Kind.FLOAT64, "session time at which the movement ends"),
    Quantity("movement", "", Kind.STRING, "movement kind: " + ", ".join(MOVEMENTS)),
    Quantity("movement_confidence", "", Kind.FLOAT32, "0 to 1: how clearly the angles speak for this kind"),
    _QUALITY,
    *(q for segment in _SEGMENT_WORDS for q in _rom(segment)),
    *_share("lumbar_share_of_trunk", "lumbar / (lumbar + pelvis)"),
    *_share("lumbar_share_of_trunk_on_thigh", "lumbar / (lumbar + hip)"),
    Quantity("onset_delay_s", "s", Kind.FLOAT32, "lumbar onset minus pelvis onset; negative: the pelvis is late (Laird 2018)"),
    *(q for segment in _SEGMENT_WORDS for q in _velocity(segment)),
    Quantity("descent_s", "s", Kind.FLOAT32, "duration from start to the end of the descent"),
    Quantity("hold_s", "s", Kind.FLOAT32, "time near the deepest point with almost no movement"),
    Quantity("ascent_s", "s", Kind.FLOAT32, "duration from the beginning of the ascent to the end"),
)

REPETITION_METRICS: tuple[str, ...] = tuple(q.name for q in REPETITION_COLUMNS[7:])
"""Names of the numbers that `dsp.rhythm` computes; the seven before them place the repetition."""

SUMMARY_KEYS: tuple[Quantity, ...] = (
    Quantity("schema", "", Kind.INT32, "version of this file"),
    Quantity("session", "", Kind.STRING, "name of the session folder"),
    Quantity("athlete", "", Kind.STRING, "pseudonym"),
    Quantity("start", "", Kind.STRING, "calendar time of session time 0, RFC 3339, UTC"),
    Quantity("estimator", "", Kind.STRING, "live (causal) or review (two-sided)"),
    Quantity("software", "", Kind.STRING, "program and version"),
    Quantity("duration_s", "s", Kind.FLOAT64, "session time of the last row"),
    Quantity("sensors", "", Kind.STRING, "per sensor: family, rate_hz, samples, lost, lost_exact, saturated, gaps"),
    Quantity("calibration", "", Kind.STRING, "per body placement: method, confidence (0 to 1), reasons"),
    Quantity("repetitions", "", Kind.INT32, "number of repetitions"),
    Quantity(
        "sets", "", Kind.STRING, "consecutive repetitions of one movement: movement, start_s, end_s, repetitions, median shares"
    ),
    Quantity("exposure", "", Kind.STRING, "seconds of lumbar flexion in zones"),
    Quantity("warnings", "", Kind.STRING, "what a reader should know, in words"),
)

ESTIMATORS: tuple[str, ...] = ("live", "review")
