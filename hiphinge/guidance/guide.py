"""The guide through a calibration: what to do now, what was recognised, what to repeat. Words only; `dsp` reports the progress.

Three pieces: a short state, the instruction, and a remark. They follow `CalibrationProgress`, so the guide says nothing that
the calibrator does not know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from body_signals import Placement, movements
from dashboards.notation import confidence_words, words
from dsp.calibration import Fault, Misplaced
from dsp.pipeline import PipelineOutput
from dsp.progress import (
    BEND,
    BOTH_KNEES,
    KNEE_LEFT,
    KNEE_RIGHT,
    TOO_SHALLOW,
    TOO_SHORT,
    CalibrationProgress,
    Heard,
    Stage,
    waiting,
)
from dsp.results import AlignmentReport

NOT_ALIGNED = "none"
"""Method in the report of a sensor that was not aligned."""
DEEP_DEG = 45.0
"""Range, degrees, beyond which a deeper bend or higher knee raise is not better (`TYPICAL_RANGE_RAD` of the alignment;
ours)."""
WELL_DONE_S = 8.0
"""How long, s, the guide reports a successful calibration (ours)."""
LOW_CONFIDENCE = 0.5
"""Confidence below which the guide asks to repeat the calibration: the border of *low* (ours)."""
UNSURE = 0.7
"""Up to here a person who moved otherwise than asked may be the reason (ours)."""
STOOD = "stood long enough"
TO_DO = {BEND: "bend forward", KNEE_LEFT: "left knee up", KNEE_RIGHT: "right knee up"}
NAMES = {BEND: movements.BEND.word, KNEE_LEFT: "left knee", KNEE_RIGHT: "right knee"}
NOT_SEEN = {
    Placement.LUMBAR.value: "lumbar flexion",
    Placement.PELVIS.value: "pelvis, lumbar spine, hips",
    Placement.THIGH_LEFT.value: "left hip",
    Placement.THIGH_RIGHT.value: "right hip",
}
"""The angles that are missing while a sensor is not aligned."""


class Guide:
    """Follows the calibration of the worn sensors `body`. keyboard: whether orders come as keys or as lines."""

    def __init__(self, body: Sequence[str], *, keyboard: bool = True) -> None:
        self.progress = waiting(body)
        self._body = tuple(body)
        self._calibrate = "press c" if keyboard else "send: mark calibrate"
        self._reports: tuple[AlignmentReport, ...] = ()
        """The reports of the present alignment, from any mark."""

    def take(self, output: PipelineOutput) -> list[CalibrationProgress]:
        """Take the next results; returns the states in between."""
        for alignment in output.alignments:
            self._reports = alignment.reports
        if output.calibration:
            self.progress = output.calibration[-1]
        return output.calibration

    @property
    def calibrated(self) -> bool:
        """Whether any sensor is aligned."""
        return any(report.method != NOT_ALIGNED for report in self._reports)

    def state(self) -> str:
        """A short state: calibrating, or the confidence of the calibration."""
        if self.progress.open:
            return "calibrating" if not self.calibrated else f"calibrating; so far {_confidence(self._reports)}"
        if not self.calibrated:
            return "not calibrated"
        sure = min(r.confidence for r in self._reports if r.method != NOT_ALIGNED)
        part = " in part" if any(r.method == NOT_ALIGNED for r in self._reports) else ""
        return f"calibrated{part}, lowest confidence {sure:.2f} ({confidence_words(sure)})"

    def lines(self, now_s: float) -> tuple[str, str]:
        """The instruction and the remark at session time `now_s`; both empty when there is nothing to do."""
        if not self._body:
            return "", ""
        now = self.progress
        instruction, remark = {
            Stage.WAITING: self._waiting,
            Stage.STANDING: self._standing,
            Stage.MOVEMENTS: self._movements,
            Stage.DONE: self._done,
            Stage.REFUSED: self._refused,
        }[now.stage](now, now_s)
        if not now.misplaced or now.stage not in (Stage.MOVEMENTS, Stage.DONE):
            return instruction, remark
        first = now.misplaced[0]
        if now.stage is Stage.DONE and not first.harmless:
            instruction = f"Put the sensors right, stand still, {self._calibrate}"
        return instruction, misplaced_words(first)

    def _waiting(self, now: CalibrationProgress, now_s: float) -> tuple[str, str]:
        return f"Not calibrated: stand still, then {self._calibrate}", f"then 4 s still, {_all(now)}"

    def _standing(self, now: CalibrationProgress, now_s: float) -> tuple[str, str]:
        left = math.ceil(now.enough_s - now_s)
        if left > 0:
            remark = "moved while standing: stand still again" if now.begun_again else f"then {_all(now)}"
            return f"Calibrating: stand still … {left} s", remark
        first = next(iter(dict(now.wanted)), "")
        return f"Calibrating: {_next(now, first)}", STOOD

    def _movements(self, now: CalibrationProgress, now_s: float) -> tuple[str, str]:
        missing = now.missing
        if not missing:
            return "Calibrating: stand still for a moment", _heard(now)
        if now.in_force and not now.moving and not _freshly_heard(now, now_s):
            absent = [r for r in now.reports if r.method == NOT_ALIGNED]
            remark = f"until then no angle: {_not_seen(absent)}" if absent else _heard(now)
            return f"Still missing: {_next(now, missing[0])}", remark
        return f"Calibrating: {_next(now, missing[0])}", _heard(now)

    def _done(self, now: CalibrationProgress, now_s: float) -> tuple[str, str]:
        absent = [r for r in self._reports if r.method == NOT_ALIGNED]
        sure = min((r for r in self._reports if r.method != NOT_ALIGNED), key=lambda r: r.confidence, default=None)
        if absent:
            remark = f"{words(absent[0].placement)}: {absent[0].reasons[-1]}"
            return f"To repeat: stand still, {self._calibrate}. No angle: {_not_seen(absent)}", remark
        if sure is not None and sure.confidence < LOW_CONFIDENCE:
            return (
                f"Confidence low: stand still, {self._calibrate}, repeat",
                f"{words(sure.placement)}: {'; '.join(sure.reasons)}",
            )
        if now_s - now.time_s < WELL_DONE_S:
            return f"Calibrated, {_confidence(self._reports)}. Train now", _heard(now)
        return "", ""

    def _refused(self, now: CalibrationProgress, now_s: float) -> tuple[str, str]:
        was = "Not calibrated anew" if self.calibrated else "Not calibrated"
        return f"{was}: stand still, {self._calibrate} again", "; ".join(words(reason) for reason in now.reasons)


def calibration_words(reports: Sequence[AlignmentReport]) -> str:
    """The result of a calibration in one line. A sensor that was not aligned is named, with the reason."""
    sure = [r.confidence for r in reports if r.method != NOT_ALIGNED]
    missing = "; ".join(f"{words(r.placement)}: {', '.join(r.reasons)}" for r in reports if r.method == NOT_ALIGNED)
    if not sure:
        return "not calibrated" + (f" ({missing})" if missing else "")
    said = f"calibrated, lowest confidence {min(sure):.2f} ({confidence_words(min(sure))})"
    return f"{said}; not calibrated: {missing}" if missing else said


def heard_words(heard: Heard) -> str:
    """The recognised movement, and its fault, if any."""
    name, degrees = NAMES.get(heard.movement, words(heard.movement)), f"{heard.degrees:.0f}°"
    if heard.number:
        return f"{name} {heard.number} heard, {degrees}" + ("; deeper is better" if heard.degrees < DEEP_DEG else "")
    if heard.shortfall == BOTH_KNEES:
        return "both knees came up: that was no calibration movement"
    if heard.shortfall == TOO_SHALLOW and heard.movement == BEND:
        pelvis = dict(heard.peak_deg).get(Placement.PELVIS.value)
        if pelvis is not None and pelvis < 0.6 * heard.degrees and heard.degrees > DEEP_DEG / 2:
            return f"that was {degrees}, the pelvis only {pelvis:.0f}°: bend deeper, from the hips"
        return f"that was {degrees}: bend deeper"
    if heard.shortfall == TOO_SHALLOW:
        return f"that was {degrees}: raise the {name} higher"
    if heard.shortfall == TOO_SHORT:
        return f"that was too quick: raise the {name} slowly"
    return f"a movement of {degrees} was heard that does not count"


def misplaced_words(misplaced: Misplaced) -> str:
    """Which sensors are not worn as was said, and what to do."""
    names = " and ".join(words(key) for key in misplaced.placements)
    if misplaced.fault is Fault.SWAPPED:
        doubt = "" if misplaced.sure > UNSURE else "perhaps "
        return f"{names}: {doubt}in each other's place. Exchange them on the body or in the kit"
    if misplaced.harmless:
        return f"{misplaced.what}. If that is meant, go on"
    return f"{misplaced.what}. Put it on as stated, or state how it is worn"


def _heard(now: CalibrationProgress) -> str:
    if now.unreturned is not None:
        sensor, degrees = now.unreturned
        return f"come back to how you stood: {words(sensor)} is {degrees:.0f}° off"
    return STOOD if now.heard is None else heard_words(now.heard)


def _not_seen(absent: Sequence[AlignmentReport]) -> str:
    """The angles that are missing without these sensors; all need the pelvis."""
    keys = [r.placement for r in absent]
    keys = [Placement.PELVIS.value] if Placement.PELVIS.value in keys else keys
    return ", ".join(NOT_SEEN.get(key, words(key)) for key in keys)


def _freshly_heard(now: CalibrationProgress, now_s: float) -> bool:
    return now.heard is not None and now_s - now.heard.time_s < WELL_DONE_S


def _next(now: CalibrationProgress, movement: str) -> str:
    """The next movement, with its number."""
    made, wanted = dict(now.made), dict(now.wanted)
    if movement not in wanted:
        return "stand still"
    return f"{TO_DO[movement]}, {made.get(movement, 0) + 1} of {wanted[movement]}"


def _all(now: CalibrationProgress) -> str:
    """All required movements."""
    return ", ".join(f"{NAMES[movement]} {count} ×" for movement, count in now.wanted)


def _confidence(reports: Sequence[AlignmentReport]) -> str:
    sure = min((r.confidence for r in reports if r.method != NOT_ALIGNED), default=math.nan)
    return confidence_words(sure).partition(",")[0]


def guide_document(guide: Guide, now_s: float) -> Mapping[str, object]:
    """The entry in JSON lines: the state, and the words for people."""
    instruction, remark = guide.lines(now_s)
    return {**guide.progress.document(), "instruction": instruction or None, "remark": remark or None}
