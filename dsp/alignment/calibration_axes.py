"""The axis that each sensor of a calibration has by now, its quaternion to the segment, and what is said of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from body_signals import Floats, Mounting
from dsp.alignment.calibration_movements import THIGH_KEYS, TRUNK_KEYS, CalibrationMovements, overlap
from dsp.alignment.calibration_tracks import CalibrationTracks
from dsp.alignment.calibration_walk import CalibrationWalk
from dsp.alignment.calibration_zero import Zero
from dsp.alignment.mediolateral_axis import (
    BENDS,
    RAISES,
    SITTINGS,
    SQUATS,
    Axis,
    of_mounting,
    of_movements,
    of_walking,
    to_segment,
)
from dsp.results import AlignmentReport

EXCHANGED_RAD = np.radians(5.0)
"""In a forward bend the thorax turns further than the pelvis; the other way round by more than this is doubted (ours)."""
EXCHANGED_CONFIDENCE = 0.3
"""Of the confidence of a sensor that may be worn in another's place, this share is left (ours)."""
FULL_STANDING_S, QUIET_DEG = 3.0, 2.0
"""Confidence is lost by a standing shorter than the first, and by sway beyond the second (ours)."""
LEAST_SWAY_DEG = 0.1
"""Sway below this counts as this: no sensor stands stiller (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationAxes:
    """What there is to tell the axes from: the tracks since the mark, the zero, stated mountings, movements, and the first
    strides."""

    tracks: CalibrationTracks
    zero: Zero
    mountings: Mapping[str, Mounting]
    movements: CalibrationMovements
    walk: CalibrationWalk

    def aligned(self, key: str) -> tuple[Floats | None, AlignmentReport]:
        """A sensor's quaternion (4,) sensor → segment, None where nothing tells it, and what is said of it."""
        mark_s = self.tracks.mark_s
        if key not in self.zero.up:
            return None, AlignmentReport(key, "none", 0.0, ("no samples while standing",), mark_s)
        begin_s, end_s = self.zero.span_s
        seconds, sway_deg = end_s - begin_s, self.zero.sway_deg[key]
        reasons = [f"stood still {seconds:.1f} s with {sway_deg:.1f}° of sway"]
        confidence = min(1.0, seconds / FULL_STANDING_S) * min(1.0, QUIET_DEG / max(sway_deg, LEAST_SWAY_DEG))
        axis = self.axis(key)
        quaternion = None
        if axis is None:
            reasons.append(f"no {_own(key)} and no stated mounting, nor squats, sitting or walking")
        else:
            reasons.extend(axis.reasons)
            quaternion = to_segment(self.zero.up[key], axis.right)
            if quaternion is None:
                reasons.append("the mediolateral axis is almost vertical")
        if axis is None or quaternion is None:
            return None, self._exchanged(AlignmentReport(key, "none", 0.0, tuple(reasons), mark_s))
        confidence = round(float(confidence * axis.confidence), 3)
        return quaternion, self._exchanged(AlignmentReport(key, axis.method, confidence, tuple(reasons), mark_s))

    def axis(self, key: str) -> Axis | None:
        """A sensor's mediolateral axis, from what is believed most of what there is."""
        up, mounting, seen = self.zero.up[key], self.mountings.get(key), self.movements
        told = [(_own(key), seen.of(key))]
        if mounting is None:
            told += [(SQUATS, seen.squats(key)), (SITTINGS, seen.sittings(key))]
        for kind, movements in told:
            if movements:
                vertical = self.tracks.vertical(key)
                return of_movements(vertical, up, movements, kind, backwards=key in THIGH_KEYS, mounting=mounting)
        if mounting is not None:
            return of_mounting(mounting, up, _own(key), self.walk.strides(key) if key in THIGH_KEYS else None)
        forward = self.walk.forward(key)
        if forward is None:
            return None
        return of_walking(up, forward, self.walk.swing(key) if key in THIGH_KEYS else None)

    def _exchanged(self, report: AlignmentReport) -> AlignmentReport:
        """Doubt a sensor that moves as the one beside it should: it asks, because a person may have moved otherwise."""
        doubt = self._thighs_doubt() if report.placement in THIGH_KEYS else self._trunk_doubt()
        if not doubt:
            return report
        confidence = round(EXCHANGED_CONFIDENCE * report.confidence, 3)
        return replace(report, confidence=confidence, reasons=(*report.reasons, doubt))

    def _thighs_doubt(self) -> str:
        left, right = (self.movements.of(key) if key in self.zero.up else [] for key in THIGH_KEYS)
        if left and right and right[0].start < left[0].start and right[-1].start < left[-1].start:
            return "the right knee rose first: are the thigh sensors exchanged? The left knee is to be raised first"
        return ""

    def _trunk_doubt(self) -> str:
        if not all(key in self.zero.up for key in TRUNK_KEYS):
            return ""
        lumbar, pelvis = (self.movements.of(key) for key in TRUNK_KEYS)
        further = [p.peak - u.peak for u in lumbar for p in pelvis if overlap(u, p)]
        if further and float(np.median(further)) > EXCHANGED_RAD:
            return "the pelvis bends further forward than the spine above it: are lumbar and pelvis sensor exchanged?"
        return ""


def _own(key: str) -> str:
    """The movement of a calibration that is a sensor's own."""
    return BENDS if key in TRUNK_KEYS else RAISES
