"""Quality bits and the schema table: a public contract, so every name and number is spelled here once more."""

from body_signals.placements import Placement
from body_signals.quality import CAUSE_FLAGS, DESCRIPTIONS, Cause, Quality, flag_names
from body_signals.quantities import (
    ANGLE_COLUMNS,
    ANGLE_NAMES,
    ANGLES,
    ORIENTATION_COLUMNS,
    REPETITION_COLUMNS,
    REPETITION_METRICS,
    SCREEN_COLUMNS,
    SUMMARY_ADDED,
    SUMMARY_KEYS,
    Storage,
)

BITS = {
    "uncalibrated": 1,
    "gap": 2,
    "late": 4,
    "saturated": 8,
    "slipped": 16,
    "heading_unknown": 32,
    "low_confidence": 64,
    "fast": 128,
    "device_orientation": 256,
    "off_body": 512,
    "implausible": 1024,
    "clock_disagrees": 2048,
}


def test_bits_are_stored_in_tables_and_never_change():
    assert {flag.name.lower(): int(flag) for flag in Quality} == BITS
    assert set(DESCRIPTIONS) == set(Quality)


def test_every_cause_has_a_flag():
    assert set(CAUSE_FLAGS) == set(Cause)
    assert CAUSE_FLAGS[Cause.FROZEN] == Quality.IMPLAUSIBLE
    assert CAUSE_FLAGS[Cause.CLOCK_LAG] == Quality.CLOCK_DISAGREES
    assert CAUSE_FLAGS[Cause.OFF_BODY] == Quality.OFF_BODY


def test_names_of_flags():
    assert flag_names(0) == []
    assert flag_names(4 | 32) == ["late", "heading_unknown"]
    assert flag_names(4095) == list(BITS)


def test_angles():
    assert " ".join(ANGLE_NAMES) == (
        "lumbar_flexion lumbar_lateral lumbar_rotation pelvis_tilt pelvis_obliquity trunk_inclination "
        "hip_left_flexion hip_left_abduction hip_left_rotation hip_right_flexion hip_right_abduction hip_right_rotation "
        "thigh_left_inclination thigh_right_inclination"
    )
    assert {a.name for a in ANGLES if Placement.PELVIS not in a.needs} == {
        "trunk_inclination",
        "thigh_left_inclination",
        "thigh_right_inclination",
    }


def test_angle_columns():
    columns = [q.name for q in ANGLE_COLUMNS]
    assert columns[0] == "time_s"
    assert columns[-1] == "quality"
    assert columns[1:-1] == [c for name in ANGLE_NAMES for c in (f"{name}_deg", f"{name}_sd_deg")]
    kinds = {q.name: q.kind for q in ANGLE_COLUMNS}
    assert kinds.pop("time_s") is Storage.FLOAT64
    assert kinds.pop("quality") is Storage.INT32
    assert set(kinds.values()) == {Storage.FLOAT32}


def test_orientation_columns():
    assert [q.name for q in ORIENTATION_COLUMNS] == ["time_s", "placement", "qw", "qx", "qy", "qz", "heading_epoch"]


def test_repetition_columns():
    columns = [q.name for q in REPETITION_COLUMNS]
    assert columns[:7] == ["index", "start_s", "turn_s", "end_s", "movement", "movement_confidence", "quality"]
    assert columns[7:] == [*REPETITION_METRICS, "missing_shares"]
    for name in ("lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh"):
        for part in ("", "_early", "_middle", "_late", "_ascent", "_sd"):
            assert name + part in columns
    for segment in ("lumbar", "pelvis", "trunk", "hip_left", "hip_right"):
        assert f"{segment}_rom_deg" in columns
    assert "onset_delay_s" in columns


def test_every_table_names_a_column_once_and_says_what_it_is():
    for table in (ANGLE_COLUMNS, ORIENTATION_COLUMNS, REPETITION_COLUMNS, SUMMARY_KEYS):
        columns = [q.name for q in table]
        assert len(set(columns)) == len(columns)
        assert all(q.description for q in table)


def test_units_agree_with_names():
    for q in (*ANGLE_COLUMNS, *REPETITION_COLUMNS, *SCREEN_COLUMNS):
        if q.name.endswith("_deg_s"):
            assert q.unit == "deg/s"
        elif q.name.endswith("_deg"):
            assert q.unit == "deg"
        elif q.name.endswith("_s"):
            assert q.unit == "s"


def test_summary_keys():
    words = "schema session athlete start estimator software duration_s sensors calibration"
    assert " ".join(q.name for q in SUMMARY_KEYS) == (
        f"{words} repetitions sets exposure screen findings marks notes pain protocol warnings"
    )
    assert set(SUMMARY_ADDED) <= {q.name for q in SUMMARY_KEYS}
