"""Quality flags: why a number should be read with care. Bits are stored in tables and are never reused."""

from __future__ import annotations

from enum import IntFlag


class Quality(IntFlag):
    """Bit flags of a row or repetition; 0 means nothing to remark."""

    UNCALIBRATED = 1 << 0
    GAP = 1 << 1
    LATE = 1 << 2
    SATURATED = 1 << 3
    SLIPPED = 1 << 4
    HEADING_UNKNOWN = 1 << 5
    LOW_CONFIDENCE = 1 << 6
    FAST = 1 << 7
    DEVICE_ORIENTATION = 1 << 8


DESCRIPTIONS: dict[Quality, str] = {
    Quality.UNCALIBRATED: "no sensor-to-segment alignment yet: angles are missing, orientations are still written",
    Quality.GAP: "samples of a sensor in use are missing here: short gaps are bridged, longer ones leave the angle missing",
    Quality.LATE: "a sensor's samples came after the tick had become final and were not used",
    Quality.SATURATED: "a sensor was at the end of its range within the last 2 s",
    Quality.SLIPPED: "a sensor stands differently than at calibration: it may have moved on the skin",
    Quality.HEADING_UNKNOWN: "relative heading not observable: flexion is the difference of sagittal inclinations",
    Quality.LOW_CONFIDENCE: "alignment or filter state is of low confidence",
    Quality.FAST: "angular rate beyond what the accuracy figures were measured on",
    Quality.DEVICE_ORIENTATION: "orientation comes from the device's own filter, not from ours",
}


def flag_names(flags: int) -> list[str]:
    """Lower-case names of the flags set in `flags`, in bit order."""
    return [flag.name.lower() for flag in Quality if flag & flags and flag.name is not None]
