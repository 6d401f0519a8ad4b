"""Watches a calibration for sensors in each other's place, and for sensors that are turned on their segment.

What is told depends on ticks up to now alone, so it is the same however the input is cut. It changes no alignment.
A turn is told only against what was said: a stated mounting, or how the sensor was worn last time. With neither, any way round
is right, since the calibration finds it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from body_signals import Cause, Floats, Mounting
from dsp.alignment.segment_axes import alike, functional_axis, path
from dsp.calibration.calibration_movements import (
    BACKWARD_RAD,
    BEND_RAD,
    POSTURE_S,
    RAISE_S,
    STRIDE_S,
    THIGH_KEYS,
    TRUNK_KEYS,
    CalibrationMovements,
)
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_zero import Zero
from dsp.calibration.misplaced import Fault, Misplaced, Movement, exchanged
from dsp.results import AlignmentReport, Finding

TIPPED_RAD = np.radians(60.0)
"""A sensor whose vertical is further than this from the one expected is upside down or turned by a quarter: one that was stuck
on within half a right angle of what was stated is not (ours)."""
ROUND_RAD, ROUND_THIGH_RAD = np.radians(60.0), np.radians(78.0)
"""The same of its axis to the right, for the trunk and for a thigh, whose sensor may face anywhere from the front to the side
(ours)."""
BACK_TO_FRONT_RAD = np.radians(120.0)
"""Further off than this, the person may also have leaned back where he should bend forward (ours)."""
EITHER = 0.6
"""How sure it is then."""
TURNED_CONFIDENCE = 0.3
"""Of the confidence of a sensor that is told here, this share is left (ours)."""

REMEDIES = {
    Fault.SWAPPED: "Exchange the two on the body, or in the kit, and calibrate again. The left knee is raised first.",
    Fault.TURNED: "Put it on as stated, or state how it is worn, and calibrate again.",
}
CAUSES = {Fault.SWAPPED: Cause.SWAPPED, Fault.TURNED: Cause.TURNED}


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """The segment's vertical and its direction to the right (3,) in a sensor, as they should be. by: whose word it is;
    remembered: nobody stated it."""

    up: Floats
    right: Floats
    by: str
    remembered: bool = False

    @classmethod
    def of(cls, mounting: Mounting) -> Expected:
        """As stated."""
        return cls(mounting.up_axis, -mounting.left_axis, "stated")

    @classmethod
    def worn(cls, to_segment: Sequence[float]) -> Expected:
        """As it was worn last time: the quaternion (4,) sensor → segment of that calibration."""
        w, x, y, z = to_segment
        up = np.array([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)])
        right = np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
        return cls(up, right, "worn last time", remembered=True)


class MisplacedWatch:
    """Follows the ticks of one calibration, from its standing on; `told` is what holds by now."""

    def __init__(
        self,
        tracks: CalibrationTracks,
        zero: Zero,
        movements: CalibrationMovements,
        expected: Mapping[str, Expected],
    ) -> None:
        self._tracks, self._zero, self._seen = tracks, zero, movements
        self._expected = {key: e for key, e in expected.items() if key in zero.up}
        self._begun: int | None = None
        """Tick at which the movement under way began."""
        self._ended: tuple[int, int] | None = None
        """First and last tick of the movement that has ended and is still to be judged."""
        self._movements: list[Movement] = []
        self.told: tuple[Misplaced, ...] = self._turned()

    def step(self, i: int) -> bool:
        """The movements have followed tick i; whether it changed what is told. A movement is judged `STRIDE_S` after its end,
        when it is known that it was no stride."""
        changed, time_s = False, self._tracks.time_s
        if self._ended is not None and time_s[i] - time_s[self._ended[1]] > STRIDE_S:
            changed = self.judge(i)
        if not self._seen.standing:
            self._begun = i if self._begun is None else self._begun
        elif self._begun is not None:
            begun, self._begun = self._begun, None
            if self._seen.own_from is None and RAISE_S < time_s[i] - time_s[begun] < POSTURE_S:
                # one that begins anew before the last was judged follows it as strides do
                changed = self.judge(i) or changed
                self._ended = begun, i
        return changed

    def judge(self, i: int) -> bool:
        """Judge the movement that has ended, by what is known at tick i; whether it changed what is told."""
        ended, self._ended = self._ended, None
        if ended is None:
            return False
        movement = self._movement(*ended)
        furthest = max(movement.peak_deg, key=lambda key: movement.peak_deg[key], default="")
        if movement.peak_deg.get(furthest, 0.0) < np.degrees(BEND_RAD) or self._swings(furthest, *ended, i):
            return False
        self._movements.append(movement)
        before, self.told = self.told, self._judged()
        return self.told != before

    def _swings(self, key: str, begun: int, end: int, now: int) -> bool:
        """Whether the sensor goes to both sides of its standing, around a movement: a thigh that walks does."""
        before = self._tracks.at(self._tracks.time_s[begun] - STRIDE_S)
        after = min(self._tracks.at(self._tracks.time_s[end] + STRIDE_S), now + 1)
        arc = path(self._tracks.vertical(key)[:, before:after], self._zero.up[key])
        arc = arc[:, np.isfinite(arc[0])]
        size = arc[0] * arc[0] + arc[1] * arc[1] + arc[2] * arc[2]
        way = arc[:, int(size.argmax())] / max(float(np.sqrt(size.max())), 1e-9)
        back = float((way[0] * arc[0] + way[1] * arc[1] + way[2] * arc[2]).min())
        return bool(back < -np.sin(BACKWARD_RAD))

    def doubted(self, report: AlignmentReport) -> AlignmentReport:
        """The report of a sensor that is told here, less confident, unless it was doubted for it already."""
        said = [m.what for m in self.told if report.placement in m.placements and not m.harmless]
        if not said or any("exchanged?" in reason or "mounted as stated?" in reason for reason in report.reasons):
            return report
        confidence = round(TURNED_CONFIDENCE * report.confidence, 3)
        return replace(report, confidence=confidence, reasons=(*report.reasons, *said))

    def _movement(self, begun: int, end: int) -> Movement:
        peaks, ways = {}, {}
        for key, up in self._zero.up.items():
            arc = path(self._tracks.vertical(key)[:, begun:end], up)
            arc = arc[:, np.isfinite(arc[0])]
            if not arc.shape[1]:
                continue
            vertical = self._tracks.vertical(key)[:, begun:end]
            cosine = vertical[0] * up[0] + vertical[1] * up[1] + vertical[2] * up[2]
            peaks[key] = float(np.degrees(np.nanmax(np.arccos(np.clip(cosine, -1.0, 1.0)))))
            size = arc[0] * arc[0] + arc[1] * arc[1] + arc[2] * arc[2]
            ways[key] = arc[:, int(size.argmax())] / max(float(np.sqrt(size.max())), 1e-9)
        return Movement(peaks, ways)

    def _judged(self) -> tuple[Misplaced, ...]:
        keys = [key for key in self._tracks.body if key in self._zero.up]
        swap = exchanged(keys, self._movements)
        if swap is None:
            return self._turned()
        # a sensor in another's place is turned for that reason, and what the others' movements were is not known
        return (swap, *(t for t in self._turned(moved=False) if not set(t.placements) & set(swap.placements)))

    def _turned(self, *, moved: bool = True) -> tuple[Misplaced, ...]:
        """Sensors that are turned, by the standing and, where it has moved, by its movements."""
        found = []
        for key, expected in self._expected.items():
            tipped = _between(self._zero.up[key], expected.up)
            right = self._right(key) if moved and tipped <= TIPPED_RAD else None
            off = tipped if right is None else _between(right, expected.right)
            how, sure = self._how(key, tipped, None if right is None else off)
            if how:
                degrees = float(np.degrees(off))
                what = f"the {key.replace('_', ' ')} sensor is " + how.format(f"{degrees:.0f}° off as {expected.by}")
                found.append(Misplaced(Fault.TURNED, (key,), degrees, sure, what, expected.remembered))
        return tuple(found)

    def _how(self, key: str, tipped: float, off: float | None) -> tuple[str, float]:
        """How a sensor is turned whose vertical and whose axis to the right are off by these angles, and how sure that is."""
        if tipped > TIPPED_RAD:
            return ("upside down: {}" if tipped > BACK_TO_FRONT_RAD else "turned by a quarter: {}"), 1.0
        if off is None or off <= (ROUND_THIGH_RAD if key in THIGH_KEYS else ROUND_RAD):
            return "", 0.0
        if off > BACK_TO_FRONT_RAD:
            return "back to front: {}, or the movement went the other way", EITHER
        return "turned about the body: {}", 1.0

    def _right(self, key: str) -> Floats | None:
        """The axis (3,) to the right that the sensor's own movements tell; None before there are any."""
        movements = self._seen.of(key)
        if not movements:
            return None
        vertical, up = self._tracks.vertical(key), self._zero.up[key]
        spans = [(m.start, m.end) for m in movements]
        if key in TRUNK_KEYS:
            spans = [spans[i] for i in alike(vertical, up, spans, None)]
        axis, _, _ = functional_axis(vertical, up, spans)
        return -axis if key in THIGH_KEYS else axis


class MisplacedFindings:
    """Makes findings of what the calibrations tell; `take` gives what is new."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, Cause], Finding] = {}
        self._new: list[Finding] = []

    def say(self, told: Sequence[Misplaced], mark_s: float, known_s: float) -> None:
        """What holds of the calibration of this mark, from session time known_s on; what holds no more has ended."""
        now = {(key, CAUSES[m.fault]): m for m in told if not m.harmless for key in m.placements}
        for of, finding in list(self._open.items()):
            if of not in now or finding.since_s != mark_s:
                self._new.append(replace(self._open.pop(of), until_s=mark_s if finding.since_s != mark_s else known_s))
        for (key, cause), m in now.items():
            if (key, cause) not in self._open:
                self._open[key, cause] = Finding(key, cause, mark_s, known_s, m.what, REMEDIES[m.fault])
                self._new.append(self._open[key, cause])

    def take(self) -> list[Finding]:
        """What has become known since it was asked last."""
        new, self._new = self._new, []
        return new


def _between(a: Floats, b: Floats) -> float:
    """Angle between two vectors (3,), rad."""
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float(np.arccos(np.clip(float((a * b).sum()) / max(size, 1e-12), -1.0, 1.0)))
