"""Movements without a kind of their own: an angle of the step that asks for them counts and measures them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from body_signals import ANGLE_NAMES, LONGEST_LOOK_NS, Floats, SessionMark
from dsp.results import AngleRows, OrientationRows
from dsp.rotation import vertical_in_sensor
from dsp.screen.protocol import LONGEST_S, SWINGS, Excursion
from dsp.screen.protocol_runs import BEGIN, PROTOCOL, STEP, StepRun, begun

RETURN = 0.5
"""An excursion has ended when this part of its smallest size is left (ours)."""
HEARD_LATE_S = LONGEST_LOOK_NS / 1e9 + 5.0
"""A mark is heard by at most this long after the row at which it stands."""


@dataclass(slots=True)
class ExcursionCounter:
    """Counts excursions of one angle from where it was at the first row, degrees; see `Excursion`. peaks_deg: of each, and its
    sign."""

    by: Excursion
    peaks_deg: list[float] = field(default_factory=list)
    _zero: float = math.nan
    _peak: float = 0.0

    def take(self, degrees: float) -> bool:
        """The next value, NaN where it is missing; whether an excursion has ended with it."""
        if math.isnan(degrees):
            return False
        if math.isnan(self._zero):
            self._zero = degrees
        away = degrees - self._zero
        self._peak = max(self._peak, away, key=abs)
        if abs(self._peak) < self.by.from_deg or abs(away) > RETURN * self.by.from_deg:
            return False
        self.peaks_deg.append(self._peak)
        self._peak = 0.0
        return True


class Swing:
    """How far a sensor's vertical has turned from its first orientation, degrees: an angle of `SWINGS`. least_deg: the turn
    from which on the first way is known."""

    def __init__(self, least_deg: float) -> None:
        self._least = math.radians(least_deg)
        self._first: Floats | None = None
        self._axis: Floats | None = None

    def degrees(self, quat: Floats) -> Floats:
        """Of the next orientations (n, 4), in order; NaN where one is missing, and before the first that is not."""
        vertical = vertical_in_sensor(quat.T).T
        if self._first is None:
            there = np.flatnonzero(np.isfinite(vertical).all(axis=1))
            if not there.size:
                return np.full(len(quat), math.nan)
            self._first = vertical[there[0]].copy()
        cross = np.cross(self._first, vertical)
        size = np.arctan2(np.linalg.norm(cross, axis=1), vertical @ self._first)
        if self._axis is None and (far := np.flatnonzero(size >= self._least)).size:
            self._axis = cross[far[0]].copy()
        sign = 1.0 if self._axis is None else np.where(cross @ self._axis < 0.0, -1.0, 1.0)
        return np.asarray(np.degrees(size) * sign)


class Excursions:
    """The angles of steps that are counted by one, kept as rows and marks come, in any order; `peaks` counts at the end."""

    def __init__(self) -> None:
        self._latest: deque[AngleRows | OrientationRows] = deque()
        """The last rows, for a mark that is heard after its row."""
        self._kept: dict[tuple[str, float], list[tuple[Floats, Floats]]] = {}
        """By angle and beginning of a step: times, and degrees, or orientations of a swing, from then on."""
        self._open: dict[tuple[str, float], float] = {}
        """Of those whose rows still come: the session time up to which they are wanted."""

    def hear(self, mark: SessionMark) -> None:
        """A mark. The next step, or the end of the protocol, ends what is kept of the one before."""
        words = mark.label.split()
        if len(words) < 2 or words[0] not in (PROTOCOL, STEP):
            return
        if words[0] == PROTOCOL or BEGIN in words[2:3]:
            self._open = {key: min(until_s, mark.time_s) for key, until_s in self._open.items()}
        if words[0] == STEP and BEGIN in words[2:3] and words[3:]:
            by = begun(words[1], words[3:], mark.time_s).by
            if by is not None and by.angle:
                key = (by.angle, mark.time_s)
                self._kept[key], self._open[key] = [], mark.time_s + LONGEST_S
                for rows in self._latest:
                    self._keep(key, rows)

    def take(self, rows: AngleRows | OrientationRows) -> None:
        """The next rows."""
        if not len(rows) or (isinstance(rows, OrientationRows) and rows.sensor not in SWINGS.values()):
            return
        for key, until_s in list(self._open.items()):
            # in a review the orientations of a sensor come apart from the angles
            if self._keep(key, rows) and rows.time_s[-1] > until_s:
                del self._open[key]
        self._latest.append(rows)
        while self._latest[0].time_s[-1] < rows.time_s[-1] - HEARD_LATE_S:
            self._latest.popleft()

    def peaks(self, step: StepRun) -> list[float]:
        """Peaks, degrees, of a step's excursions, with their signs."""
        if step.by is None:
            return []
        counter, swing = ExcursionCounter(step.by), Swing(step.by.from_deg)
        for time_s, values in self._kept.get((step.by.angle, step.begun_s), ()):
            inside = (time_s >= step.begun_s) & (time_s <= (math.inf if step.ended_s is None else step.ended_s))
            degrees = swing.degrees(values[inside]) if step.by.angle in SWINGS else values[inside]
            for value in degrees.tolist():
                counter.take(value)
        return counter.peaks_deg

    def _keep(self, key: tuple[str, float], rows: AngleRows | OrientationRows) -> bool:
        """Whether these rows are of the kind that holds the angle."""
        angle, begun_s = key
        if SWINGS.get(angle) != (rows.sensor if isinstance(rows, OrientationRows) else None):
            return False
        inside = (rows.time_s >= begun_s) & (rows.time_s <= begun_s + LONGEST_S)
        if inside.any():
            values = (
                rows.quat[inside]
                if isinstance(rows, OrientationRows)
                else np.degrees(rows.angles[ANGLE_NAMES.index(angle), inside])
            )
            self._kept[key].append((rows.time_s[inside].copy(), values))
        return True
