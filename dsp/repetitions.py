"""Repetitions: where a movement begins, turns and ends, found in the rows as they come, without training data.

The signal is the trunk-on-thigh flexion (trunk inclination plus mean thigh inclination; what there is of it), which
needs gravity alone. From standing, an excursion above `START_DEG` that returns is a repetition. One that stays, with
the thighs raised and still, is a sit-down, and leaving it is a stand-up: movements of one phase. Movements that belong
to a calibration are held back while it is open and dropped when it succeeds.

Hysteresis and smallest duration follow common practice for lift detection (e.g. doi 10.3390/s20164472); the figures here
are set on the simulated athlete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsp.movements import classify
from dsp.results import AngleRows, Flags, Repetition
from dsp.rhythm import rhythm, velocity
from signals.blocks import Floats
from signals.quality import Quality
from signals.quantities import ANGLE_NAMES

START_DEG, END_DEG = 15.0, 10.0
"""An excursion begins above the first and ends below the second."""
SMALLEST_DEG = 20.0
SHORTEST_S = 0.5
SPLIT_SHARE, SPLIT_RISE_DEG = 0.5, 20.0
"""Within an excursion, a fall below this share of the peak and a rise by this much again begins another repetition."""
SETTLE_DEG_S, SETTLE_LONGEST_S = 5.0, 0.6
"""A repetition ends when the speed has fallen below this, at most so long after the excursion's end."""
SEAT_THIGH_DEG, SEAT_TRUNK_DEG, SEAT_STILL_S, SEAT_BAND_DEG = 50.0, 40.0, 1.0, 3.0
"""Sitting: thighs above, trunk below, and the signal within the band for so long."""
HISTORY_S = 120.0
"""Longest repetition; a longer excursion is a posture, not a repetition."""
CALIBRATION_LONGEST_S = 100.0
"""Movements are held back at most so long after a calibrate mark."""

_TRUNK, _PELVIS = ANGLE_NAMES.index("trunk_inclination"), ANGLE_NAMES.index("pelvis_tilt")
_LEFT, _RIGHT = ANGLE_NAMES.index("thigh_left_inclination"), ANGLE_NAMES.index("thigh_right_inclination")


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A stretch of rows in degrees: time (n,), angles and sd (A, n), quality (n,)."""

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: Flags


def trunk_on_thigh(angles: Floats) -> tuple[Floats, Floats, Floats]:
    """Signal, trunk part and thigh part (n,) from angles (A, n), in the same unit; what was not measured counts as zero,
    and the signal is NaN where neither trunk nor pelvis is there."""
    trunk = np.where(np.isfinite(angles[_TRUNK]), angles[_TRUNK], angles[_PELVIS])
    left, right = angles[_LEFT], angles[_RIGHT]
    left, right = np.where(np.isfinite(left), left, right), np.where(np.isfinite(right), right, left)
    thigh = np.where(np.isfinite(left), 0.5 * (left + right), 0.0)
    return trunk + thigh, trunk, thigh


class RepetitionFinder:
    """Streaming finder of one estimator; the result does not depend on how the rows are cut."""

    def __init__(self, rate_hz: float, estimator: str) -> None:
        self._rate = rate_hz
        self._estimator = estimator
        self._parts: list[_Rows] = []
        self._first = 0
        """Row number of the oldest row kept."""
        self._next = 0
        self._count = 0
        self._state = "standing"
        self._begin = 0
        self._peak, self._peak_at = 0.0, 0
        self._valley, self._valley_at = 0.0, 0
        self._crossed = 0
        self._still_since = 0
        self._still_level = 0.0
        self._seat = 0.0
        self._held: list[Repetition] = []
        self._marks: list[float] = []
        self._mark_s: float | None = None

    def calibrating(self, mark_s: float) -> None:
        """A calibrate mark at session time mark_s: movements after it may belong to the calibration."""
        self._marks.append(mark_s)

    def calibrated(self, movements_end_s: float) -> None:
        """The calibration succeeded; movements before `movements_end_s` were part of it."""
        if self._mark_s is not None:
            self._held = [r for r in self._held if r.turn_s > movements_end_s or r.start_s < self._mark_s]
            self._mark_s = None

    def feed(self, rows: AngleRows) -> list[Repetition]:
        """Rows that follow those already seen; the repetitions that have ended."""
        degrees = np.degrees(rows.angles.T)
        self._parts.append(_Rows(rows.time_s, degrees, np.degrees(rows.sd.T), rows.quality))
        signal, trunk, thigh = trunk_on_thigh(degrees)
        out: list[Repetition] = []
        for s, t, h, time_s in zip(signal.tolist(), trunk.tolist(), thigh.tolist(), rows.time_s.tolist(), strict=True):
            self._step(s, t, h, time_s, out)
            self._next += 1
        self._forget()
        return out

    def finish(self) -> list[Repetition]:
        """The end of the rows: a movement in its last phase counts, one in the middle does not."""
        out: list[Repetition] = []
        if self._state == "ending":
            self._close(self._next - 1, out)
        self._release(out)
        return out

    def _step(self, signal: float, trunk: float, thigh: float, time_s: float, out: list[Repetition]) -> None:
        k = self._next
        if self._marks and time_s >= self._marks[0]:
            self._mark_s = self._marks.pop(0)
        if self._mark_s is not None and time_s > self._mark_s + CALIBRATION_LONGEST_S:
            self._mark_s = None
        if self._held and self._mark_s is None:
            self._release(out)
        if self._state == "standing":
            # also false for a missing signal
            if signal > START_DEG:
                self._state, self._begin = "moving", k
                self._peak, self._peak_at = signal, k
                self._still_since, self._still_level = k, signal
        elif self._state == "moving":
            self._move(k, signal, trunk, thigh, out)
        elif self._state == "ending":
            if signal > max(START_DEG, self._valley + START_DEG - END_DEG):
                self._close(self._valley_at, out)
                self._state, self._begin = "moving", k
                self._peak, self._peak_at = signal, k
                self._still_since, self._still_level = k, signal
            else:
                if signal < self._valley:
                    self._valley, self._valley_at = signal, k
                if k - self._crossed >= SETTLE_LONGEST_S * self._rate or signal != signal:
                    self._close(k, out)
        elif signal != signal:
            self._state = "standing"
        elif self._state == "seated":
            if thigh < 0.5 * self._seat:
                self._state, self._begin = "rising", k
        elif self._state == "rising":
            if signal < END_DEG:
                self._state, self._crossed = "ending", k
                self._valley, self._valley_at = signal, k
                self._peak, self._peak_at = -1.0, self._begin
            elif thigh > 0.8 * self._seat:
                self._state = "seated"

    def _move(self, k: int, signal: float, trunk: float, thigh: float, out: list[Repetition]) -> None:
        if signal != signal or k - self._begin > HISTORY_S * self._rate - 1:
            # a hole in the middle, or a posture: not a repetition
            self._state = "standing" if signal != signal else "posture"
            if self._state == "posture":
                self._state, self._seat = "seated", max(thigh, 2.0)
            return
        if abs(signal - self._still_level) > SEAT_BAND_DEG:
            self._still_since, self._still_level = k, signal
        seated = thigh > SEAT_THIGH_DEG and trunk < SEAT_TRUNK_DEG
        if seated and k - self._still_since >= SEAT_STILL_S * self._rate:
            self._sit(k, out)
            self._seat = thigh
            self._state = "seated"
        elif signal > self._peak:
            self._peak, self._peak_at = signal, k
            self._valley, self._valley_at = signal, k
        elif signal < END_DEG:
            self._state, self._crossed = "ending", k
            self._valley, self._valley_at = signal, k
        else:
            if signal < self._valley:
                self._valley, self._valley_at = signal, k
            if self._valley < SPLIT_SHARE * self._peak and signal > self._valley + SPLIT_RISE_DEG:
                self._close(self._valley_at, out)
                self._state, self._begin = "moving", self._valley_at
                self._peak, self._peak_at = signal, k
                self._valley, self._valley_at = signal, k

    def _rows(self, first: int, stop: int) -> _Rows:
        """Rows first … stop (row numbers) out of those kept, as one piece."""
        if len(self._parts) > 1:
            self._parts = [
                _Rows(
                    np.concatenate([p.time_s for p in self._parts]),
                    np.concatenate([p.angles for p in self._parts], axis=1),
                    np.concatenate([p.sd for p in self._parts], axis=1),
                    np.concatenate([p.quality for p in self._parts]),
                )
            ]
        part, a, b = self._parts[0], max(first - self._first, 0), stop - self._first
        return _Rows(part.time_s[a:b], part.angles[:, a:b], part.sd[:, a:b], part.quality[a:b])

    def _forget(self) -> None:
        keep = int((HISTORY_S + 5.0) * self._rate)
        while self._parts and self._next - (self._first + len(self._parts[0].time_s)) > keep:
            self._first += len(self._parts.pop(0).time_s)

    def _sit(self, k: int, out: list[Repetition]) -> None:
        """Sitting down: from where the movement began to where it came to rest."""
        start = self._quiet_before(self._begin)
        end = max(self._still_since, start + 1)
        self._add("sit_down", 0.9, start, end, end, out)

    def _close(self, k: int, out: list[Repetition]) -> None:
        """An excursion that ended at row k or settled before."""
        standing_up = self._peak < 0.0
        start = self._quiet_before(self._begin)
        end = min(self._quiet_after(self._crossed if self._state == "ending" else k), k)
        self._state = "standing"
        if (end - start) < SHORTEST_S * self._rate or (not standing_up and self._peak < SMALLEST_DEG):
            return
        if standing_up:
            self._add("stand_up", 0.9, start, end, end, out)
            return
        _, trunk, _ = trunk_on_thigh(self._rows(self._peak_at, self._peak_at + 1).angles)
        row = self._rows(self._peak_at, self._peak_at + 1).angles[:, 0]
        kind, confidence = classify(float(trunk[0]), float(row[_LEFT]), float(row[_RIGHT]))
        self._add(kind, confidence, start, self._peak_at, end, out)

    def _quiet_before(self, k: int) -> int:
        """Last row before k at which the signal was still, at most 3 s back."""
        first = max(k - int(3.0 * self._rate), self._first)
        signal, _, _ = trunk_on_thigh(self._rows(first, k + 1).angles)
        quiet = np.flatnonzero(~(np.abs(velocity(signal, self._rate)) >= SETTLE_DEG_S))
        return first + int(quiet[-1]) if len(quiet) else first

    def _quiet_after(self, k: int) -> int:
        """First row from k on at which the signal is still."""
        signal, _, _ = trunk_on_thigh(self._rows(k, self._next + 1).angles)
        quiet = np.flatnonzero(~(np.abs(velocity(signal, self._rate)) >= SETTLE_DEG_S))
        return k + int(quiet[0]) if len(quiet) else k + len(signal) - 1

    def _add(self, kind: str, confidence: float, start: int, turn: int, end: int, out: list[Repetition]) -> None:
        rows = self._rows(start, end + 1)
        turn = min(max(turn, start), end)
        angles = dict(zip(ANGLE_NAMES, rows.angles, strict=True))
        metrics = rhythm(angles, dict(zip(ANGLE_NAMES, rows.sd, strict=True)), turn - start, self._rate)
        quality = int(np.bitwise_or.reduce(rows.quality.astype(np.int32)))
        if quality & Quality.UNCALIBRATED and not metrics:
            return
        time_s = rows.time_s
        repetition = Repetition(
            -1, float(time_s[0]), float(time_s[turn - start]), float(time_s[-1]), kind, confidence, quality, metrics
        )
        if self._mark_s is None:
            self._release(out)
            self._number(repetition, out)
        else:
            self._held.append(repetition)

    def _release(self, out: list[Repetition]) -> None:
        held, self._held = self._held, []
        for repetition in held:
            self._number(repetition, out)

    def _number(self, repetition: Repetition, out: list[Repetition]) -> None:
        out.append(replace(repetition, index=self._count))
        self._count += 1
