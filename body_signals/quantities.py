"""The schema table: every quantity's name, unit, type and description.

Parquet columns, InfluxDB fields, JSON keys, report rows and `docs/quantities.md` are generated from these tables;
nothing else in the program spells a column's unit or type.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from body_signals.movements import MOVEMENTS
from body_signals.placements import Placement


class Storage(StrEnum):
    """Storage type of a quantity."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    INT32 = "int32"
    STRING = "string"


FIRST_VERSION = "0.1.0"
"""The oldest version whose files can be read."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One column or field. `unit` is empty for counts, flags, ratios and words.

    since: the first version that wrote it. A table of an older version lacks the column and is read with the missing value of
    its type: NaN, 0 or an empty string. A new integer for which 0 would be a statement is therefore stored as a float.
    """

    name: str
    unit: str
    kind: Storage
    description: str
    since: str = FIRST_VERSION


@dataclass(frozen=True, slots=True)
class Angle:
    """An angle of the `angles` table; `needs` are the placements from which it is computed."""

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
"""All angles, in table order; radians inside, `<name>_deg` in tables."""

ANGLE_NAMES: tuple[str, ...] = tuple(a.name for a in ANGLES)

_TIME = Quantity("time_s", "s", Storage.FLOAT64, "session time: seconds since the session's start")
_QUALITY = Quantity("quality", "", Storage.INT32, "bit flags, see the table of quality flags; 0 = nothing to remark")

ANGLE_COLUMNS: tuple[Quantity, ...] = (
    _TIME,
    *(
        q
        for a in ANGLES
        for q in (
            Quantity(f"{a.name}_deg", "deg", Storage.FLOAT32, a.description),
            Quantity(f"{a.name}_sd_deg", "deg", Storage.FLOAT32, f"standard uncertainty of {a.name}"),
        )
    ),
    _QUALITY,
)

_ONE_HEADING = "sensors beside the pelvis share its heading where the relative heading is known"

ORIENTATION_COLUMNS: tuple[Quantity, ...] = (
    _TIME,
    Quantity("placement", "", Storage.STRING, "the sensor: its placement, or its name where the placement is `other`"),
    *(
        Quantity(f"q{c}", "", Storage.FLOAT32, f"orientation quaternion, {c} component, sensor → earth, z up; {_ONE_HEADING}")
        for c in "wxyz"
    ),
    Quantity("heading_epoch", "", Storage.INT32, "rises by one when a gap breaks the sensor's heading"),
)

_SEGMENT_WORDS = {
    "lumbar": "lumbar flexion",
    "pelvis": "pelvis tilt",
    "trunk": "trunk inclination",
    "hip_left": "left hip flexion",
    "hip_right": "right hip flexion",
}


def _f32(name: str, unit: str, description: str) -> Quantity:
    return Quantity(name, unit, Storage.FLOAT32, description)


def _rom(segment: str) -> tuple[Quantity, ...]:
    words = _SEGMENT_WORDS[segment]
    return (
        _f32(f"{segment}_rom_deg", "deg", f"range of {words} over the repetition"),
        _f32(f"{segment}_rom_sd_deg", "deg", f"standard uncertainty of {segment}_rom_deg"),
    )


def _velocity(segment: str) -> tuple[Quantity, ...]:
    words = _SEGMENT_WORDS[segment]
    return tuple(
        _f32(f"{segment}_peak_velocity_{phase}_deg_s", "deg/s", f"largest |rate| of {words} in the {phase}")
        for phase in ("descent", "ascent")
    )


def _share(name: str, formula: str) -> tuple[Quantity, ...]:
    columns = []
    for phase in ("", "_ascent"):
        over = "ascent" if phase else "descent"
        seat = "" if phase else "; of standing up over the lean before lift-off, of sitting down to where the thighs rest"
        parts = [("", f"{formula} over the {over}{seat}")]
        parts += [
            (f"_{third}", f"{formula} in the {third} third of the {over}'s own total") for third in ("early", "middle", "late")
        ]
        parts += [
            (f"_{low}_{low + 30}", f"{formula} from {low}° to {low + 30}° of forward bend in the {over}")
            for low in (0, 30, 60, 90)
        ]
        for part, words in parts:
            columns.append(_f32(f"{name}{phase}{part}", "", words))
            columns.append(_f32(f"{name}{phase}{part}_sd", "", f"standard uncertainty of {name}{phase}{part}"))
    return tuple(columns)


def _relative_phase(pair: str, words: str) -> tuple[Quantity, ...]:
    of = f"continuous relative phase, {words}, 0 in phase"
    return (
        _f32(f"crp_{pair}_deg", "deg", f"mean direction of the {of}"),
        _f32(f"crp_{pair}_sd_deg", "deg", f"circular standard deviation of the {of}"),
        _f32(f"crp_{pair}_abs_deg", "deg", f"mean size of the {of}"),
        _f32(f"crp_{pair}_descent_deg", "deg", f"mean direction of the {of}, in the descent"),
        _f32(f"crp_{pair}_ascent_deg", "deg", f"mean direction of the {of}, in the ascent"),
    )


def _slack_onset(side: str) -> tuple[Quantity, ...]:
    part, hip = (f"_{side}", f"{side} hip") if side else ("", "mean hip")
    return (
        _f32(f"slack_onset{part}_deg", "deg", f"{hip} flexion at which the lumbar spine leaves its start for good"),
        _f32(f"slack_onset{part}_sd_deg", "deg", f"standard uncertainty of slack_onset{part}_deg"),
        _f32(f"slack_breakpoint{part}_deg", "deg", f"{hip} flexion at the knee of two lines of lumbar against hip flexion"),
        _f32(f"slack_breakpoint{part}_sd_deg", "deg", f"standard uncertainty of slack_breakpoint{part}_deg"),
    )


REPETITION_COLUMNS: tuple[Quantity, ...] = (
    Quantity("index", "", Storage.INT32, "running number in the session, from 0"),
    Quantity("start_s", "s", Storage.FLOAT64, "session time at which the movement begins"),
    Quantity("turn_s", "s", Storage.FLOAT64, "session time of the deepest point (end of a one-phase movement)"),
    Quantity("end_s", "s", Storage.FLOAT64, "session time at which the movement ends"),
    Quantity("movement", "", Storage.STRING, "movement kind: " + ", ".join(MOVEMENTS)),
    Quantity("movement_confidence", "", Storage.FLOAT32, "0 to 1: how clearly the angles speak for this kind"),
    _QUALITY,
    *(q for segment in _SEGMENT_WORDS for q in _rom(segment)),
    *_share("lumbar_share_of_trunk", "lumbar / (lumbar + pelvis)"),
    *_share("lumbar_share_of_trunk_on_thigh", "lumbar / (lumbar + mean hip, in a knee raise the raised one)"),
    _f32("onset_delay_s", "s", "lumbar onset minus pelvis onset; negative: the pelvis is late (Laird 2018)"),
    _f32("onset_delay_ascent_s", "s", "lumbar onset minus pelvis onset in the ascent; negative: the pelvis is late"),
    _f32("delay_at_20deg_s", "s", "lumbar minus pelvis, time at which each has moved by 20° of its own"),
    _f32("peak_velocity_lag_s", "s", "lumbar minus pelvis, time of the largest rate in the descent"),
    _f32(
        "correlation_lag_s",
        "s",
        "lumbar minus pelvis, lag at which their rates in the descent are most alike; missing where no one lag stands out",
    ),
    *(q for segment in _SEGMENT_WORDS for q in _velocity(segment)),
    _f32("descent_s", "s", "duration from start to the end of the descent"),
    _f32("hold_s", "s", "time near the deepest point with almost no movement"),
    _f32("ascent_s", "s", "duration from the beginning of the ascent to the end"),
    _f32("hold_creep_deg_s", "deg/s", "slope of lumbar flexion over a hold of at least 0.8 s"),
    _f32("hold_tremor_deg", "deg", "root mean square of lumbar flexion in the band 1-8 Hz over a hold of at least 0.8 s"),
    *(_f32(f"{segment}_peak_deg", "deg", f"largest {words}") for segment, words in _SEGMENT_WORDS.items()),
    *(
        _f32(f"hip_{side}_apparent_peak_deg", "deg", f"largest {side} trunk-on-thigh flexion: hip and lumbar spine together")
        for side in ("left", "right")
    ),
    _f32("hip_rom_difference_deg", "deg", "range of the left hip minus that of the right"),
    _f32("hip_rom_difference_sd_deg", "deg", "standard uncertainty of hip_rom_difference_deg"),
    *_relative_phase("lumbar_pelvis", "lumbar minus pelvis"),
    *_relative_phase("lumbar_hip", "lumbar minus mean hip"),
    *(q for side in ("", "left", "right") for q in _slack_onset(side)),
    _f32("slack_onset_trunk_deg", "deg", "trunk inclination at which the lumbar spine leaves its start for good"),
    _f32("slack_onset_trunk_sd_deg", "deg", "standard uncertainty of slack_onset_trunk_deg"),
    _f32("slack_slope_before", "", "lumbar per hip flexion before the knee of the two lines"),
    _f32("slack_slope_after", "", "lumbar per hip flexion after the knee of the two lines"),
    _f32("slack_fraction", "", "part of the lumbar flexion gained after the hips had run out"),
    _f32("butt_wink_deg", "deg", "how far the pelvis tips back before the deepest point while the lumbar spine flexes; 0: not"),
    _f32("butt_wink_onset_hip_deg", "deg", "mean hip flexion at which the pelvis begins to tip back"),
    _f32("lumbar_of_largest_bend", "", "largest lumbar flexion as a part of the largest in a forward bend so far today"),
    *(
        _f32(
            f"hip_{side}_utilisation", "", f"largest {side} hip flexion as a part of the largest with a bent knee so far today"
        )
        for side in ("left", "right")
    ),
    Quantity(
        "missing_shares",
        "",
        Storage.STRING,
        "which lumbar shares are missing though their angles are there, each with the reason: too small a movement, opposite "
        "directions, too uncertain, outside 0 to 1; empty: none is",
        since="0.2.0",
    ),
)

REPETITION_METRICS: tuple[str, ...] = tuple(q.name for q in REPETITION_COLUMNS[7:] if q.kind is Storage.FLOAT32)
"""Names of the numbers that `dsp.rhythm.metrics` computes; the seven columns before them identify the repetition."""


@dataclass(frozen=True, slots=True)
class ScreenMeasure:
    """A number of the hip screen: the median over a test's repetitions. side: of the body, empty where it has none. points: a
    difference of two shares, which is written in points."""

    test: str
    side: str
    name: str
    unit: str
    description: str
    points: bool = False

    @property
    def field(self) -> str:
        """The number's name, unique among all tests."""
        return "_".join(part for part in (self.test, self.side, self.name) if part)


_DIFFERENCES = frozenset({"late_rise"})
"""Differences of shares."""


def _measures(test: str, side: str, *rows: tuple[str, str, str]) -> tuple[ScreenMeasure, ...]:
    return tuple(ScreenMeasure(test, side, *row, points=row[0] in _DIFFERENCES) for row in rows)


def _both_hips(test: str, *rows: tuple[str, str, str]) -> tuple[ScreenMeasure, ...]:
    return tuple(m for side in ("left", "right") for m in _measures(test, side, *rows))


_OF_LARGEST = "largest lumbar flexion as a part of the session's largest in a forward bend"
_UTILISATION = "largest flexion of this hip as a part of the session's largest with a bent knee"

SCREEN_MEASURES: tuple[ScreenMeasure, ...] = (
    *_measures(
        "bend",
        "",
        ("lumbar_rom_deg", "deg", "lumbar spine: range in the full forward bend"),
        ("pelvis_rom_deg", "deg", "pelvis: range in the full forward bend"),
        ("trunk_rom_deg", "deg", "trunk: range in the full forward bend"),
        ("lumbar_share_of_trunk", "", "lumbar / (lumbar + pelvis) over the descent"),
        ("late_rise", "", "that share in the late third of the descent minus that in the early third"),
        ("onset_delay_s", "s", "lumbar onset minus pelvis onset; negative: the pelvis is late"),
        ("descent_s", "s", "time from standing to the deepest point"),
    ),
    *_measures(
        "bow",
        "",
        ("slack_deg", "deg", "trunk inclination at which the lumbar spine leaves its start; where it does not, the largest"),
        ("trunk_rom_deg", "deg", "trunk: range in the bow"),
    ),
    *_both_hips(
        "knee_raise",
        ("hip_peak_deg", "deg", "true hip flexion, pelvis to femur; not comparable with goniometer norms"),
        ("apparent_peak_deg", "deg", "apparent hip flexion, thigh to trunk"),
        ("pelvis_share", "", "the pelvis's part of the thigh's movement: pelvis / (pelvis + hip)"),
        ("lumbar_rom_deg", "deg", "lumbar spine: range in the knee raise"),
    ),
    *_measures("knee_raise", "", ("hip_difference_deg", "deg", "true hip flexion, left minus right")),
    *_both_hips(
        "rock_back",
        ("excursion_deg", "deg", "hip flexion from the start to the slack onset; where there is none, all of it"),
        ("hip_rom_deg", "deg", "hip: range in the rock-back"),
    ),
    *_measures(
        "rock_back",
        "",
        ("lumbar_rom_deg", "deg", "lumbar spine: range in the rock-back"),
        ("slack_slope_after", "", "lumbar per hip flexion after the slack onset"),
    ),
    *_both_hips(
        "hip_extension",
        ("hip_extension_deg", "deg", "true hip extension on the back, pelvis to femur, against standing; flexion is negative"),
        ("pelvis_tilt_change_deg", "deg", "pelvis: change of its tilt while the thigh is lowered"),
    ),
    *_measures(
        "sit_to_stand",
        "",
        ("lumbar_share_of_trunk_on_thigh", "", "lumbar / (lumbar + hip) in the lean before lift-off"),
        ("lumbar_use", "", _OF_LARGEST),
    ),
    *_measures(
        "squat",
        "",
        ("lumbar_use", "", _OF_LARGEST),
        ("butt_wink_deg", "deg", "how far the pelvis tips back before the deepest point while the lumbar spine flexes"),
    ),
    *_both_hips("squat", ("hip_peak_deg", "deg", "true hip flexion, pelvis to femur"), ("hip_use", "", _UTILISATION)),
    *_measures("deadlift", "", ("lumbar_use", "", _OF_LARGEST)),
    *_both_hips("deadlift", ("hip_use", "", _UTILISATION)),
)
"""The numbers of the hip screen, test by test, in the order in which they are read."""

SCREEN_RESULT: tuple[Quantity, ...] = (
    Quantity(
        "pattern",
        "",
        Storage.INT32,
        "number of the pattern, 1 to 6 (docs/screen.md); missing: none was seen and not all tests were done, or one test alone "
        "points to one",
    ),
    Quantity(
        "pattern_words",
        "",
        Storage.STRING,
        "the answer in words, as page and report say it; of an older session the pattern, its side, and what was not tested",
    ),
    Quantity("side", "", Storage.STRING, "left, right or both; empty where the pattern has no side"),
    Quantity("agreeing", "", Storage.INT32, "number of exercises that support the pattern"),
    Quantity("confidence", "", Storage.STRING, "low, moderate or high; empty where there is no pattern"),
    Quantity("borderline", "", Storage.INT32, "1: within the minimal detectable change it could be another pattern"),
    Quantity("notes", "", Storage.STRING, "remarks for the reader, such as tests that could not be scored"),
)
"""The outcome of the hip screen as a whole."""


def _screen_columns() -> tuple[Quantity, ...]:
    columns: dict[str, Quantity] = {}
    for m in SCREEN_MEASURES:
        count = "_".join(part for part in (m.test, m.side, "repetitions") if part)
        columns.setdefault(count, Quantity(count, "", Storage.INT32, "repetitions that were scored"))
        columns[m.field] = Quantity(m.field, m.unit, Storage.FLOAT64, f"{m.side + ': ' if m.side else ''}{m.description}")
        columns[f"{m.field}_spread"] = Quantity(f"{m.field}_spread", m.unit, Storage.FLOAT64, f"spread of {m.field}")
    return (*SCREEN_RESULT, *columns.values())


SCREEN_COLUMNS: tuple[Quantity, ...] = _screen_columns()
"""The screen in one row, as it is in InfluxDB; summary.json has the same numbers by test."""

SUMMARY_KEYS: tuple[Quantity, ...] = (
    Quantity("schema", "", Storage.INT32, "version of this file"),
    Quantity("session", "", Storage.STRING, "name of the session folder"),
    Quantity("athlete", "", Storage.STRING, "pseudonym"),
    Quantity("start", "", Storage.STRING, "calendar time of session time 0, RFC 3339, UTC"),
    Quantity("estimator", "", Storage.STRING, "live (causal) or review (two-sided)"),
    Quantity("software", "", Storage.STRING, "program and version"),
    Quantity("duration_s", "s", Storage.FLOAT64, "session time of the last row"),
    Quantity(
        "sensors",
        "",
        Storage.STRING,
        "per sensor: family, rate_hz, samples, lost, lost_exact, saturated, gaps, late_s, health; minutes: its values by "
        "minute, as columns (end_s, samples, lost, battery_percent, delay_ms, delay_max_ms, clock_ppm)",
    ),
    Quantity("calibration", "", Storage.STRING, "per body placement: method, confidence (0 to 1), reasons"),
    Quantity("repetitions", "", Storage.INT32, "number of repetitions"),
    Quantity(
        "sets",
        "",
        Storage.STRING,
        "consecutive repetitions of one movement, separately for each leg in one-legged ones: movement, side, start_s, end_s, "
        "repetitions, left_out (how many do not count, by reason), median shares, metrics (median, spread, repetitions, valid)",
    ),
    Quantity("exposure", "", Storage.STRING, "seconds of lumbar flexion in zones"),
    Quantity(
        "screen",
        "",
        Storage.STRING,
        "the hip screen: tests (test, side, repetitions, left_out, missing, groups, valid, measures), limits that they were "
        "compared with, pattern, pattern_words, side, agreeing, confidence, borderline, otherwise, untested, notes, answer",
    ),
    Quantity(
        "findings",
        "",
        Storage.STRING,
        "faults of sensors: placement, cause, since_s, until_s (null: to the end), known_s, what, remedy",
    ),
    Quantity("marks", "", Storage.STRING, "marks: time_s, label, said (live, session or afterwards)"),
    Quantity("notes", "", Storage.STRING, "notes: time_s, text"),
    Quantity(
        "pain",
        "",
        Storage.STRING,
        "pain that the athlete reported: time_s, score (0 to 10; level is its former name), where, lumbar_flexion_deg and "
        "repetition (its number from 1) at that row; null if there is none",
    ),
    Quantity(
        "protocol",
        "",
        Storage.STRING,
        "the guided protocol, by its marks: name, begun_s, ended_s, outcome, steps (name, test, side, wanted, valid, begun_s, "
        "ended_s, outcome, stopped_for_pain; measured, peak_deg where an angle counts); further: the protocols after it, each "
        "also with its own screen; calibration_movements: those that its tests took; empty without one",
    ),
    Quantity("warnings", "", Storage.STRING, "warnings in words"),
)
SUMMARY_ADDED: tuple[str, ...] = ("findings", "marks", "notes", "pain", "protocol")
"""Keys that summaries of 0.1.0 do not have; they are lists, and empty there; `protocol` is a table."""

ESTIMATORS: tuple[str, ...] = ("live", "review")
