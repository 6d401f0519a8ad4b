"""The present axis of each sensor in a calibration, its quaternion to the segment, and the report on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from body_signals import Floats, Mounting
from dsp.alignment.mediolateral_axis import (
    BENDS,
    RAISES,
    SITTINGS,
    SQUATS,
    Axis,
    beside_mounting,
    of_mounting,
    of_movements,
    of_walking,
    to_segment,
)
from dsp.alignment.pelvis_sign import beside_lumbar, beside_walking, guessed, share_of
from dsp.alignment.segment_axes import leaning
from dsp.calibration.calibration_movements import (
    LUMBAR_KEY,
    PELVIS_KEY,
    THIGH_KEYS,
    TRUNK_KEYS,
    CalibrationMovements,
    SensorMovement,
    overlap,
)
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_walk import CalibrationWalk
from dsp.calibration.calibration_zero import NO_SAMPLES, Zero
from dsp.results import AlignmentReport

EXCHANGED_RAD = np.radians(5.0)
"""In a forward bend the thorax turns further than the pelvis; an excess of the pelvis by more than this raises doubt (ours)."""
EXCHANGED_CONFIDENCE = 0.3
"""Factor on the confidence of a sensor that may be exchanged with another (ours)."""
SHARE_TOLERANCE = 0.03
"""Tolerance of a lumbar share outside 0 to 1: skin movement changes it by a few per cent (ours)."""
FULL_STANDING_S, QUIET_DEG = 3.0, 2.0
"""A standing shorter than the first, s, or with more sway than the second lowers the confidence (ours)."""
LEAST_SWAY_DEG = 0.1
"""Least sway: smaller values count as this (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationAxes:
    """Finds the axes from the tracks since the mark, the zero, stated mountings, movements, and the first
    strides."""

    tracks: CalibrationTracks
    zero: Zero
    mountings: Mapping[str, Mounting]
    movements: CalibrationMovements
    walk: CalibrationWalk

    def aligned(self, key: str) -> tuple[Floats | None, AlignmentReport]:
        """A sensor's quaternion (4,) sensor → segment, None where it cannot be found, and the report on it."""
        mark_s = self.tracks.mark_s
        if key not in self.zero.up:
            why = self.zero.refused.get(key, NO_SAMPLES)
            return None, AlignmentReport(key, "none", 0.0, (why,), mark_s)
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
        """A sensor's mediolateral axis, from the most trusted source available."""
        axis, up = self._by_itself(key), self.zero.up[key]
        if axis is not None and not axis.guessed:
            return axis
        forward = self.walk.forward(key)
        if forward is None or self._walked_backwards():
            return axis
        if axis is not None:
            return beside_walking(axis, up, forward)
        return of_walking(up, forward, self.walk.swing(key) if key in THIGH_KEYS else None)

    def _by_itself(self, key: str) -> Axis | None:
        """The axis from the sensor's movements or its stated mounting; None where it has neither."""
        axis, mounting = self._moved(key), self.mountings.get(key)
        if axis is not None or mounting is None:
            return axis
        return of_mounting(mounting, self.zero.up[key], _own(key), self.walk.strides(key) if key in THIGH_KEYS else None)

    def _moved(self, key: str) -> Axis | None:
        """The axis from the sensor's movements; None where there were none."""
        up, mounting, seen = self.zero.up[key], self.mountings.get(key), self.movements
        told = [(_own(key), seen.of(key))]
        if mounting is None:
            told += [(SQUATS, seen.squats(key)), (SITTINGS, seen.sittings(key))]
        for kind, movements in told:
            if movements:
                vertical = self.tracks.vertical(key)
                axis = of_movements(vertical, up, movements, kind, backwards=key in THIGH_KEYS, mounting=mounting)
                if key == PELVIS_KEY:
                    axis = self._beside_lumbar(axis, kind, movements)
                return axis if mounting is None else beside_mounting(axis, up, mounting)
        return None

    def _walked_backwards(self) -> bool:
        """Whether a sensor whose movements show its right side says that the person walked backwards, usually to a chair."""
        for key, up in self.zero.up.items():
            forward, axis = self.walk.forward(key), self._moved(key)
            if (
                forward is not None
                and axis is not None
                and not axis.guessed
                and float(np.cross(forward, up) @ axis.right) < 0.0
            ):
                return True
        return False

    def lean(self, key: str, axis: Axis) -> Floats:
        """Forward lean (n,) of a segment, rad, by its axis."""
        return leaning(self.tracks.vertical(key), self.zero.up[key], axis.right)

    def _beside_lumbar(self, axis: Axis, kind: str, movements: Sequence[SensorMovement]) -> Axis:
        """The pelvis's axis from these movements, with the sign from the lumbar sensor where it is worn."""
        if LUMBAR_KEY not in self.zero.up:
            return axis
        spine = self._by_itself(LUMBAR_KEY)
        if spine is None:
            return guessed(axis)
        lumbar, spans = self.lean(LUMBAR_KEY, spine), [(m.start, m.end) for m in movements]
        seats = [(a + b) // 2 for (_, a), (b, _) in pairwise(spans)][::2] if kind == SITTINGS else []
        return beside_lumbar(axis, self.lean(PELVIS_KEY, axis), lumbar, spans, seats)

    def _exchanged(self, report: AlignmentReport) -> AlignmentReport:
        """Doubt a sensor that moves as its neighbour should; this is worded as a question, because a person may have moved
        differently. Also warn of calibration bends with an impossible lumbar share."""
        if report.placement in THIGH_KEYS:
            doubt, warning = self._thighs_doubt(), ""
        else:
            doubt, warning = self._trunk_doubt()
        if not doubt and not warning:
            return report
        confidence = round(EXCHANGED_CONFIDENCE * report.confidence, 3) if doubt else report.confidence
        said = tuple(words for words in (warning, doubt) if words)
        warnings = (warning,) if warning and report.placement == PELVIS_KEY else ()
        return replace(report, confidence=confidence, reasons=(*report.reasons, *said), warnings=warnings)

    def _thighs_doubt(self) -> str:
        left, right = (self.movements.of(key) if key in self.zero.up else [] for key in THIGH_KEYS)
        if left and right and right[0].start < left[0].start and right[-1].start < left[-1].start:
            return "the right knee rose first: are the thigh sensors exchanged? The left knee is to be raised first"
        return ""

    def _trunk_doubt(self) -> tuple[str, str]:
        """Why the trunk's sensors are doubted, and the warning about an impossible lumbar share; empty where there is none."""
        if not all(key in self.zero.up for key in TRUNK_KEYS):
            return "", ""
        lumbar, pelvis = (self.movements.of(key) for key in TRUNK_KEYS)
        spine, base = (self.axis(key) for key in TRUNK_KEYS)
        doubt = warning = ""
        if lumbar and spine is not None and base is not None:
            share = share_of(self.lean(PELVIS_KEY, base), self.lean(LUMBAR_KEY, spine), lumbar)
            if abs(share - 0.5) > 0.5 + SHARE_TOLERANCE:
                warning = f"lumbar share of the calibration bends {share:.2f}, outside 0 to 1"
            if share > 1.0 + SHARE_TOLERANCE:
                doubt = "the pelvis leans back where the spine above it bends forward: is it mounted as stated?"
        further = [p.peak - u.peak for u in lumbar for p in pelvis if overlap(u, p)]
        if not doubt and further and float(np.median(further)) > EXCHANGED_RAD:
            doubt = "the pelvis bends further forward than the spine above it: are lumbar and pelvis sensor exchanged?"
        return doubt, warning


def _own(key: str) -> str:
    """The calibration movement that belongs to a sensor: bends for the trunk, raises for a thigh."""
    return BENDS if key in TRUNK_KEYS else RAISES
