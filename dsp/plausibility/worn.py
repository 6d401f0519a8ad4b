"""What the rows of an alignment must agree with: sensors that are on the body, and angles that a body can have.

`WornWatch` takes rows as they are made, takes out the angles of a sensor that is off the body, flags what is beyond a body, and
says what was found. `live` flags from what is known; `review` marks back to the last standing that agreed. Another sensor in
the place of one that was calibrated counts as not calibrated.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from body_signals import ANGLE_NAMES, Bools, Floats, Placement, Quality
from dsp.angles.joints import HIP_LEFT, HIP_RIGHT, JOINTS, LUMBAR, PELVIS
from dsp.angles.rows import SegmentAngles
from dsp.grid.ticks import LOOK_STRIDE, Ticks, places
from dsp.plausibility.after_gap import AfterGapWatch
from dsp.plausibility.body_range import BodyRangeWatch, joints_beyond
from dsp.plausibility.off_body import OffBody, OffBodyWatch
from dsp.results import AngleRows, Finding

_OF_JOINTS = {
    PELVIS: (*LUMBAR.components, *HIP_LEFT.components, *HIP_RIGHT.components, "pelvis_tilt", "pelvis_obliquity"),
    LUMBAR.distal: (*LUMBAR.components, "trunk_inclination"),
    HIP_LEFT.distal: (*HIP_LEFT.components, "thigh_left_inclination"),
    HIP_RIGHT.distal: (*HIP_RIGHT.components, "thigh_right_inclination"),
}
ANGLES_OF = {key: [ANGLE_NAMES.index(name) for name in names] for key, names in _OF_JOINTS.items()}
"""Rows of the angles that a placement's sensor is needed for."""
assert set(ANGLES_OF) == {p.value for p in Placement} - {Placement.OTHER.value}


_DOUBTED = Quality.IMPLAUSIBLE | Quality.LOW_CONFIDENCE
"""Of a sensor itself: an angle of it that is beyond a body tells nothing of its neighbour."""


def widen(rows: AngleRows, key: str, variance: Floats) -> None:
    """Add a variance (m,), rad², to the angles that this placement's sensor is needed for."""
    at = np.flatnonzero(variance > 0.0)
    if len(at):
        of_sensor = np.ix_(np.array(ANGLES_OF[key]), at)
        rows.sd[of_sensor] = np.sqrt(np.square(rows.sd[of_sensor]) + variance[at])


def widen_each(rows: AngleRows, keys: Sequence[str], variance: Floats | None) -> None:
    """`widen` for the sensors of these placements, each by its own variance (s, m); None where there is none."""
    if variance is not None:
        for key, of_sensor in zip(keys, variance, strict=True):
            widen(rows, key, of_sensor)


def witnesses(ticks: Ticks, angles: SegmentAngles) -> Floats:
    """Segments (4, s, k) at those of the ticks that are multiples of `LOOK_STRIDE`, in the ticks' headings. NaN where they are
    missing, and where a sensor's own samples are wrong: it is no witness against the others, and is not judged by them."""
    looks = slice((-ticks.first) % LOOK_STRIDE, None, LOOK_STRIDE)
    quat, quality = angles.segments(ticks.quat[:, :, looks]), ticks.quality[places(ticks.keys, angles.placements), looks]
    if not np.count_nonzero(quality):
        return quat
    return np.where(quality & np.int32(Quality.IMPLAUSIBLE) != 0, np.nan, quat)


@dataclass(slots=True)
class Checked:
    """What was found in a stretch of rows. changes: at which of them the sensors that are on the body change, and to which."""

    findings: list[Finding] = field(default_factory=list)
    changes: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)


class WornWatch:
    """The watches of one alignment, whose standing begins at tick `first`; rows in order, cut anyhow. unnamed: sensors that do
    not say who they are."""

    def __init__(
        self, angles: SegmentAngles, rate_hz: float, first: int, *, marked_back: bool, unnamed: Collection[str] = ()
    ) -> None:
        self.placements = angles.placements
        self._rate, self._marked_back = rate_hz, marked_back
        self._off = OffBodyWatch(angles.placements, rate_hz, first, angles.axes_found, at_once=not marked_back)
        self._range = BodyRangeWatch(rate_hz)
        self._gaps = AfterGapWatch(angles.placements, unnamed, rate_hz)
        self._void: set[str] = set()
        """Places in which another sensor was seen."""
        self._missing: frozenset[str] = frozenset()
        """Sensors whose angles are taken out since the last row."""

    @property
    def off(self) -> dict[str, OffBody]:
        """Sensors that are off the body now."""
        return self._off.off

    @property
    def returned(self) -> dict[str, OffBody]:
        """Sensors that were put back and not calibrated since."""
        return self._off.returned

    def feed(
        self,
        ticks: Ticks,
        rows: AngleRows,
        angles: SegmentAngles,
        others: Mapping[str, float] | None = None,
        ahead: Sequence[OffBody] = (),
    ) -> Checked:
        """Check the rows of these ticks, and change them where that is needed.

        others: session times since when another sensor is in the place of one of the alignment's. ahead: what is known of the
        time after the ticks.
        """
        put_back = bool(self._off.returned)
        off, doubt, events = self._feed(self._off, ticks, rows, angles)
        checked = Checked([e.finding(self._rate, marked_back=self._marked_back) for e in events])
        if self._marked_back and (events or ahead):
            off = self._back(ticks, off, [*events, *ahead])
        widen_each(rows, self.placements, doubt)
        if off is not None:
            self._take_out(rows, off, Quality.OFF_BODY)
        void = self._of_others(ticks, others) if others else None
        looks = slice((-ticks.first) % LOOK_STRIDE, None, LOOK_STRIDE)
        present = ticks.present[places(ticks.keys, self.placements)]
        # most calls of a running session bring no look
        quat = angles.segments(ticks.quat[:, :, looks]) if looks.start < len(ticks) else np.empty((4, len(present), 0))
        unknown, told = self._gaps.feed(ticks.first, present, quat)
        checked.findings += told
        if unknown is not None:
            void = unknown if void is None else void | unknown
        if void is not None:
            self._take_out(rows, void, Quality.UNCALIBRATED)
            off = void if off is None else off | void
        if off is not None or self._missing:
            off = np.zeros((len(self.placements), len(ticks)), np.bool_) if off is None else off
            checked.changes = self._changes(off)
        if put_back:
            rows.quality[:] |= np.int32(Quality.SLIPPED)
        for event in events:
            if event.until is not None:
                rows.quality[event.until - ticks.first :] |= np.int32(Quality.SLIPPED)
        outside, found = self._range.feed(ticks.first, rows.angles, self._explained(ticks))
        if outside is not None:
            rows.quality[outside] |= np.int32(Quality.IMPLAUSIBLE)
        checked.findings += found
        return checked

    def ahead(
        self, ticks: Ticks, rows: AngleRows, angles: SegmentAngles, before: Ticks, rows_before: AngleRows
    ) -> list[OffBody]:
        """What will be known of sensors at these ticks, which follow those that come next, `before`; no row is changed."""
        watch = copy.deepcopy(self._off)
        self._feed(watch, before, rows_before, angles)
        return self._feed(watch, ticks, rows, angles)[2]

    def close(self, until_s: float) -> list[Finding]:
        """A calibration takes the place of this one from `until_s` on: what held until then has ended."""
        off = [replaced.finding(self._rate, marked_back=self._marked_back) for replaced in self._off.closed(until_s)]
        return [*off, *self._gaps.closed(until_s), *self._range.closed(until_s)]

    def _feed(
        self, watch: OffBodyWatch, ticks: Ticks, rows: AngleRows, angles: SegmentAngles
    ) -> tuple[Bools | None, Floats | None, list[OffBody]]:
        looks = slice((-ticks.first) % LOOK_STRIDE, None, LOOK_STRIDE)
        if looks.start >= len(ticks):
            # most calls of a running session bring no look
            return *watch.as_before(len(ticks)), []
        beyond = joints_beyond(rows.angles[:, looks])
        explained = self._explained(ticks)
        if explained is not None:
            beyond &= ~explained[:, looks]
        together = rows.quality[looks] & np.int32(Quality.CLOCK_DISAGREES) == 0
        return watch.feed(ticks.first, len(ticks), witnesses(ticks, angles), beyond, together)

    def _explained(self, ticks: Ticks) -> Bools | None:
        """At which ticks a joint has a sensor that is doubted itself (joints, m), None where none is."""
        doubts = ticks.quality[places(ticks.keys, self.placements)] & np.int32(_DOUBTED) != 0
        if not np.count_nonzero(doubts):
            return None
        found = np.zeros((len(JOINTS), len(ticks)), np.bool_)
        for j, joint in enumerate(JOINTS):
            for key in {joint.distal, PELVIS} & set(self.placements):
                found[j] |= doubts[self.placements.index(key)]
        return found

    def _back(self, ticks: Ticks, off: Bools | None, events: Sequence[OffBody]) -> Bools | None:
        """Which sensors are off the body at the ticks, marked back to the last standings that agreed."""
        off = np.zeros((len(self.placements), len(ticks)), np.bool_) if off is None else off
        for event in events:
            if event.until is None:
                part = slice(max(event.agreed - ticks.first, 0), max(event.known - ticks.first, 0))
                off[self.placements.index(event.sensor), part] = True
        return off if off.any() else None

    def _of_others(self, ticks: Ticks, others: Mapping[str, float]) -> Bools | None:
        """At which ticks the sensor in a place is another one than that of the alignment (s, m)."""
        void = np.zeros((len(self.placements), len(ticks)), np.bool_)
        for key, since_s in others.items():
            if key in self.placements:
                i = self.placements.index(key)
                # from its first tick on: before that, nothing of it was there
                there = (ticks.time_s >= since_s) & ticks.present[ticks.keys.index(key)]
                void[i] = np.logical_or.accumulate(there) | (key in self._void)
                if void[i].any():
                    self._void.add(key)
        return void if void.any() else None

    def _take_out(self, rows: AngleRows, off: Bools, flag: Quality) -> None:
        for i, key in enumerate(self.placements):
            if off[i].any():
                for angle in ANGLES_OF[key]:
                    rows.angles[angle, off[i]] = rows.sd[angle, off[i]] = np.nan
        rows.quality[off.any(axis=0)] |= np.int32(flag)

    def _changes(self, off: Bools) -> list[tuple[int, tuple[str, ...]]]:
        changes: list[tuple[int, tuple[str, ...]]] = []
        borders = np.flatnonzero((np.diff(off, axis=1)).any(axis=0)) + 1
        last = tuple(key for key in self.placements if key not in self._missing)
        for at in [0, *borders.tolist()]:
            now = tuple(key for i, key in enumerate(self.placements) if not off[i, at])
            if now != last:
                changes.append((at, now))
            last = now
        self._missing = frozenset(self.placements) - frozenset(last)
        return changes
