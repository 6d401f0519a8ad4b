"""Quality flags: why a number should be read with care. Bits are stored in tables and are never reused."""

from __future__ import annotations

from enum import IntFlag, StrEnum


class Quality(IntFlag):
    """Bit flags of a row or repetition; 0 means that none is set."""

    UNCALIBRATED = 1 << 0
    GAP = 1 << 1
    LATE = 1 << 2
    SATURATED = 1 << 3
    SLIPPED = 1 << 4
    HEADING_UNKNOWN = 1 << 5
    LOW_CONFIDENCE = 1 << 6
    FAST = 1 << 7
    DEVICE_ORIENTATION = 1 << 8
    OFF_BODY = 1 << 9
    IMPLAUSIBLE = 1 << 10
    CLOCK_DISAGREES = 1 << 11


DESCRIPTIONS: dict[Quality, str] = {
    Quality.UNCALIBRATED: "no sensor-to-segment alignment yet: angles are missing, orientations are still written",
    Quality.GAP: (
        "samples of a sensor in use are missing here, or were within the last 9 s and could not be bridged: its inclination is "
        "doubtful"
    ),
    Quality.LATE: "a sensor's samples came after the tick had become final and were not used",
    Quality.SATURATED: "a sensor was at the end of its range within the last 15 s, until its orientation is found again",
    Quality.SLIPPED: "a sensor stands differently than at calibration: it may have moved on the skin",
    Quality.HEADING_UNKNOWN: "relative heading not observable: flexion is the difference of sagittal inclinations",
    Quality.LOW_CONFIDENCE: "alignment or filter state is of low confidence",
    Quality.FAST: "angular rate beyond what the accuracy figures were measured on",
    Quality.DEVICE_ORIENTATION: "orientation comes from the device's own filter, not from ours",
    Quality.OFF_BODY: "a sensor is not where it was worn: it lies, hangs or tumbles while its neighbours move",
    Quality.IMPLAUSIBLE: "a sensor's samples cannot be true, or an angle is beyond what a body can do",
    Quality.CLOCK_DISAGREES: "a sensor's clock does not agree with its neighbours': linked segments do not move together",
}


class Cause(StrEnum):
    """The fault found in a sensor, by the name that tables, JSON and documents use."""

    FROZEN = "frozen"
    ZEROS = "zeros"
    DEAD_AXIS = "dead_axis"
    CLIPPED = "clipped"
    GYR_SCALE = "gyr_scale"
    GYR_SIGN = "gyr_sign"
    GYR_AXES = "gyr_axes"
    ACC_SCALE = "acc_scale"
    ACC_SIGN = "acc_sign"
    TIME_UNIT = "time_unit"
    CLOCK_LAG = "clock_lag"
    CLOCK_RATE = "clock_rate"
    OFF_BODY = "off_body"
    OTHER_SENSOR = "other_sensor"
    BEYOND_BODY = "beyond_body"
    SWAPPED = "swapped"
    TURNED = "turned"


CAUSE_FLAGS: dict[Cause, Quality] = {
    Cause.FROZEN: Quality.IMPLAUSIBLE,
    Cause.ZEROS: Quality.IMPLAUSIBLE,
    Cause.DEAD_AXIS: Quality.IMPLAUSIBLE,
    Cause.CLIPPED: Quality.SATURATED,
    Cause.GYR_SCALE: Quality.IMPLAUSIBLE,
    Cause.GYR_SIGN: Quality.IMPLAUSIBLE,
    Cause.GYR_AXES: Quality.IMPLAUSIBLE,
    Cause.ACC_SCALE: Quality.IMPLAUSIBLE,
    Cause.ACC_SIGN: Quality.IMPLAUSIBLE,
    Cause.TIME_UNIT: Quality.IMPLAUSIBLE,
    Cause.CLOCK_LAG: Quality.CLOCK_DISAGREES,
    Cause.CLOCK_RATE: Quality.CLOCK_DISAGREES,
    Cause.OFF_BODY: Quality.OFF_BODY,
    Cause.OTHER_SENSOR: Quality.UNCALIBRATED,
    Cause.BEYOND_BODY: Quality.IMPLAUSIBLE,
    Cause.SWAPPED: Quality.LOW_CONFIDENCE,
    Cause.TURNED: Quality.LOW_CONFIDENCE,
}
"""The flag of rows during each fault."""


def flag_names(flags: int) -> list[str]:
    """Lower-case names of the flags set in `flags`, in bit order."""
    return [flag.name.lower() for flag in Quality if flag & flags and flag.name is not None]
