"""Sensor-to-segment alignment from standing, bends and knee raises, or from standing and a stated mounting.

Standing still gives each segment's vertical. Forward bends give the mediolateral axis of pelvis and lumbar spine, knee
raises that of each thigh; the sign comes from the known direction of the movement. Where neither was made: squats, sitting
down and standing up, or walking off straight, in this order and with less confidence; walking off is in force after four
seconds of it, until something better is seen. A thigh whose mounting is stated takes its axis from those strides too.
Who trains instead of going on calibrating, or pauses and then trains, has his own movements from there on: they may tell what
is missing still, and are repetitions. Without thigh sensors angles begin with the first bend.
`Calibrator` is fed final ticks and says at which tick an alignment is complete. Only the direction of gravity in the sensor
is used, so the way the athlete faces and the drift of heading do not matter.

Segment frames are ISB's: X anterior, Y up, Z to the right (Wu 2002, doi 10.1016/S0021-9290(01)00222-6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dsp import rotation
from dsp.calibration_movements import BEND_COUNT, THIGHS, TRUNK, CalibrationMovements, overlap
from dsp.grid import MOTION_STRIDE, Ticks
from dsp.mediolateral_axis import (
    BENDS,
    RAISE_COUNT,
    RAISES,
    SITTINGS,
    SQUAT_COUNT,
    SQUATS,
    Axis,
    of_mounting,
    of_movements,
    of_walking,
    to_segment,
)
from dsp.results import AlignmentReport
from dsp.segment_axes import WALKED_S, angle_between, strides, walked_off
from dsp.standing import DECIDED_S, LONGEST_S
from signals.blocks import Floats
from signals.placements import Mounting

EXCHANGED_RAD = np.radians(5.0)
"""In a forward bend the thorax turns further than the pelvis; the other way round by more than this is doubted."""
GIVE_UP_S, IDLE_S = 90.0, 8.0
"""Calibration ends this long after the mark, or after so long without a movement once each kind was seen once."""
LATE_S = 5.0
"""A sensor that is late when the standing has been decided is waited for so long; after that it takes no part."""
STRIDES_S = 4.0
"""The thighs' swing in so long after the standing gives their axis when a person walks off."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Alignment in force from tick `tick` on.

    to_segment: per aligned placement the quaternion (4,) sensor → segment. standing: the ticks of the zero. complete:
    nothing better will come of this calibrate mark. movements_over: nor will more of its movements; complete implies it.
    movements_end_s: session time at which the calibration movements ended (the mark's time when there were none).
    """

    tick: int
    mark_s: float
    standing: Ticks
    to_segment: Mapping[str, Floats]
    reports: tuple[AlignmentReport, ...]
    complete: bool
    movements_over: bool
    movements_end_s: float

    @cached_property
    def from_segment(self) -> dict[str, Floats]:
        """The inverse (4, 1) of each of `to_segment`."""
        return {key: rotation.conjugate(q)[:, None] for key, q in self.to_segment.items()}


class Calibrator:
    """Watches final ticks after a calibrate mark. `feed` returns alignments as they come into force.

    body: keys of the worn sensors; mountings: those that were stated. standing_of(mark time, keys) gives the ticks of the
    quiet standing that all these sensors share, None when there was none. ended(mark time, key): session time at which a
    sensor's standing was known to have ended, None before. tilted_s: time constant of a causal filter (`walked_off`).
    """

    def __init__(
        self,
        body: tuple[str, ...],
        mountings: Mapping[str, Mounting],
        standing_of: Callable[[float, tuple[str, ...]], Ticks | None],
        ended: Callable[[float, str], float | None],
        tilted_s: float | None = None,
    ) -> None:
        self._standing_of = standing_of
        self._ended = ended
        self._body = body
        self._tilted_s = tilted_s
        self._mountings = mountings
        self._marks: list[float] = []
        self._mark_s: float | None = None

    def mark(self, mark_s: float) -> None:
        """A calibrate mark at session time `mark_s`; it replaces the calibration in progress once its time is reached."""
        self._marks.append(mark_s)

    def feed(self, ticks: Ticks) -> list[Alignment]:
        """Take final ticks in order; the alignments that came into force at ticks among them."""
        found: list[Alignment] = []
        start = 0
        while start < len(ticks):
            if self._marks and ticks.time_s[start] >= self._marks[0]:
                self._begin(self._marks.pop(0))
            stop = len(ticks)
            if self._marks:
                stop = max(start + 1, int(np.searchsorted(ticks.time_s, self._marks[0], side="left")))
            if self._mark_s is not None:
                self._scan(ticks.part(start, stop), found)
            start = stop
        return found

    def finish(self, next_tick: int) -> list[Alignment]:
        """The log ended: what was seen has to do."""
        found: list[Alignment] = []
        if self._mark_s is not None and self._zero:
            self._complete(next_tick, found)
        return found

    def _begin(self, mark_s: float) -> None:
        self._mark_s = mark_s
        self._first: int | None = None
        self._time: list[float] = []
        self._vertical: dict[str, list[Floats]] = {key: [] for key in self._body}
        self._motion: dict[str, list[Floats] | None] = {key: [] for key in self._body}
        self._motion_s: list[float] = []
        self._zero: dict[str, Floats] = {}
        self._still: dict[str, float] = {}
        self._standing: Ticks | None = None
        self._look_s = np.inf
        """Session time from which on walking off can be told; infinite once it has been looked at."""
        self._ways: dict[str, Floats | None] | None = None
        """Where the wearer walked off to, in each sensor, once it has been looked at; what tells it is not kept for longer."""
        self._walked = False
        """Whether walking off has told axes."""
        self._told: frozenset[str] = frozenset()
        """Sensors whose axes in force were told by movements."""
        self._judged = 0
        """Excursions that have been judged."""
        self._strode: dict[str, tuple[Floats, float] | None] = {}
        """What the first strides told, once they are over."""
        self._movements: CalibrationMovements
        """Since the standing is known."""
        self._counted_of: tuple[int, tuple[bool, ...], bool] | None = None
        """Excursions that had ended, whether strides had told and the athlete trained, when movements were last counted."""
        self._counts: tuple[list[int], list[int]] = ([], [])
        self._scanned = self._now = self._decided = 0
        """Tick up to which excursions have been followed, tick that is looked at: nothing later may count, and tick at which
        the standing was known: nothing comes into force before."""

    def _scan(self, ticks: Ticks, found: list[Alignment]) -> None:
        assert self._mark_s is not None
        if not len(ticks):
            return
        if self._first is None:
            self._first = ticks.first
        self._time.extend(ticks.time_s.tolist())
        now = rotation.vertical_in_sensor(ticks.quat)
        for key in self._body:
            self._vertical[key].append(now[:, ticks.keys.index(key)])
        self._remember_motion(ticks)
        if self._zero:
            new = {key: self._vertical[key][-1] for key in self._zero}
        elif self._find_zero(found):
            new = {key: self._joined(key)[:, self._scanned :] for key in self._zero}
        else:
            return
        angle = {key: angle_between(track, self._zero[key]).tolist() for key, track in new.items()}
        for row, i in enumerate(range(self._scanned, len(self._time))):
            self._now, at = i, self._first + max(i, self._decided)
            if self._step(i, {key: track[row] for key, track in angle.items()}):
                for key in self._body:
                    self._vertical[key] = [self._joined(key)[:, : i + 1]]
                self._complete(at, found)
                return
            if self._time[i] >= self._look_s and self._walks():
                self._walked = True
                found.append(self._alignment(at, complete=False))
            elif self._movements.standing and self._tells_more(i):
                found.append(self._alignment(at, complete=False))
        self._scanned = len(self._time)

    def _walks(self) -> bool:
        """Whether walking off tells the axes that nothing else tells so far; asked once, when the strides have been made."""
        self._look_s = np.inf
        needed = [key for key in self._zero if key not in self._mountings]
        if not needed:
            return any(self._strides(key) is not None for key in THIGHS if key in self._zero)
        self._ways = {key: self._forward(key) for key in needed}
        made = any(self._movements.of(key) or self._movements.squats(key) for key in needed)
        return not made and all(way is not None for way in self._ways.values())

    def _remember_motion(self, ticks: Ticks) -> None:
        """Keep the integral of the specific force, as long as walking off could still tell something."""
        assert self._mark_s is not None
        if ticks.time_s[0] > self._mark_s + DECIDED_S + WALKED_S[1]:
            return
        self._motion_s.extend(ticks.time_s[(-ticks.first) % MOTION_STRIDE :: MOTION_STRIDE].tolist())
        for key in self._body:
            kept, motion = self._motion[key], ticks.motion.get(key)
            if kept is None or motion is None:
                self._motion[key] = None
            else:
                kept.append(motion[:3])

    def _forward(self, key: str) -> Floats | None:
        """Where the wearer walked off to, in the sensor (3,)."""
        assert self._standing is not None
        kept, quat = self._motion[key], self._standing.sensor(key).quat
        there = np.flatnonzero(np.isfinite(quat[0]))
        if not kept or not len(there):
            return None
        span = (float(self._standing.time_s[0]), float(self._standing.time_s[-1]))
        motion = np.concatenate(kept, axis=1)
        return walked_off(motion, np.array(self._motion_s), span, quat[:, there[-1]], self._tilted_s)

    def _joined(self, key: str) -> Floats:
        if len(self._vertical[key]) > 1:
            self._vertical[key] = [np.concatenate(self._vertical[key], axis=1)]
        return self._vertical[key][0]

    def _swing(self, key: str, start: int, stop: int) -> Floats:
        """Angle (n,) of a sensor's vertical from that of the standing at ticks start … stop, rad."""
        return angle_between(self._joined(key)[:, start:stop], self._zero[key])

    def _find_zero(self, found: list[Alignment]) -> bool:
        """Take the standing once every sensor's has ended and it has come since, or has been waited for."""
        assert self._mark_s is not None
        assert self._first is not None
        decided = int(np.searchsorted(self._time, self._mark_s + DECIDED_S, side="left"))
        given_up = int(np.searchsorted(self._time, self._mark_s + DECIDED_S + LATE_S, side="left"))
        came: dict[str, int] = {}
        for key in self._body:
            # a sensor that is there at a tick has passed it: what it had said by then is known in any cut of the input
            ended = self._ended(self._mark_s, key)
            since = decided if ended is None else min(int(np.searchsorted(self._time, ended, side="left")), decided)
            there = np.flatnonzero(np.isfinite(self._joined(key)[0, since:]))
            if len(there):
                came[key] = since + int(there[0])
        at = min(max(came.values()), given_up) if len(came) == len(self._body) else given_up
        if at >= len(self._time):
            return False
        in_time = tuple(key for key in self._body if came.get(key, at + 1) <= at)
        standing = self._standing_of(self._mark_s, in_time)
        if standing is None:
            self._mark_s = None
            return False
        for key in in_time:
            track = rotation.vertical_in_sensor(standing.sensor(key).quat)
            track = track[:, np.isfinite(track[0])]
            if track.shape[1] < 0.5 * len(standing):
                continue
            mean = np.array([track[i].mean() for i in range(3)])
            self._zero[key] = mean / np.sqrt((mean**2).sum())
            self._still[key] = float(np.degrees(np.sqrt((angle_between(track, self._zero[key]) ** 2).mean())))
        if not self._zero:
            self._mark_s = None
            return False
        self._standing, self._now, self._decided = standing, at, at
        self._movements = CalibrationMovements(
            tuple(self._zero),
            self._mark_s,
            self._time,
            self._swing,
            lambda key: key in self._mountings and self._strides(key) is None,
        )
        self._scanned = self._standing_end()
        if all(key in self._mountings for key in self._zero):
            found.append(self._alignment(self._first + at, complete=False))
        self._look_s = float(standing.time_s[-1]) + STRIDES_S
        return True

    def _step(self, i: int, angle: Mapping[str, float]) -> bool:
        """Follow the movements at tick i, with the sensors inclined by these angles; True when the calibration is over."""
        self._movements.step(i, angle)
        if self._movements.knees_up:
            # no calibration movement, unless one is still needed
            return all(key in self._mountings or self._movements.of(key) for key in self._zero)
        return self._movements.standing and self._enough(self._time[i])

    def _tells_more(self, i: int) -> bool:
        """Whether tick i, at which the athlete stands, tells more than is in force without ending the calibration: the first
        bend of who wears no thigh sensor, a pause in which something is still missing, that the calibration was left, or what
        was missing then."""
        seen = self._movements
        judged, self._judged = self._judged, seen.count
        if seen.count > judged:
            own = seen.first_own() if seen.own_from is None else None
            if own is not None:
                seen.own_from = self._standing_end() if self._only_walked() else own
                return True
            told = seen.told()
            trunk_only = told == self._zero.keys() and all(key in TRUNK for key in told)
            if told != self._told and (trunk_only or seen.own_from is not None):
                return True
        if seen.paused_at is None and seen.idle_s(self._time[i]) > IDLE_S:
            begun = any(seen.of(key) for key in self._zero)
            if begun or self._walked:
                seen.paused_at = i
            return begun
        return False

    def _only_walked(self) -> bool:
        """Whether the athlete calibrated by walking off: what he did after it is a calibration where knees were raised too."""
        return self._walked and not any(self._movements.of(key) for key in THIGHS if key in self._zero)

    def _standing_end(self) -> int:
        """First tick after the standing."""
        assert self._standing is not None
        assert self._first is not None
        return max(self._standing.first + len(self._standing) - self._first, 0)

    def _enough(self, now_s: float) -> bool:
        assert self._mark_s is not None
        seen = self._movements
        counts, wanted = self._counted()
        if all(c >= w for c, w in zip(counts, wanted, strict=True)):
            return True
        needed = [c > 0 for c, key in zip(counts, self._zero, strict=True) if key not in self._mountings]
        if not needed and seen.own_from is not None:
            return True
        begun = any(counts) or now_s - self._mark_s > LONGEST_S + IDLE_S
        return (all(needed) and begun and seen.idle_s(now_s) > IDLE_S) or now_s - self._mark_s > GIVE_UP_S

    def _counted(self) -> tuple[list[int], list[int]]:
        """Movements that each sensor has made, and how many are wanted; the same until an excursion ends, strides tell or the
        athlete trains."""
        seen = self._movements
        told = tuple(self._strides(key) is not None for key in THIGHS if key in self._zero)
        of = (seen.count, told, seen.own_from is not None)
        if of != self._counted_of:
            own = {key: len(seen.of(key)) for key in self._zero}
            counts = [count or len(seen.squats(key)) or len(seen.sittings(key)) for key, count in own.items()]
            # who trains already bends no more for it
            bends = BEND_COUNT if seen.own_from is None else 1
            wanted = [bends if key in TRUNK else RAISE_COUNT if count else SQUAT_COUNT for key, count in own.items()]
            self._counted_of, self._counts = of, (counts, wanted)
        return self._counts

    def _complete(self, tick: int, found: list[Alignment]) -> None:
        if self._movements.own_from is None and self._only_walked():
            self._movements.own_from = self._standing_end()
        found.append(self._alignment(tick, complete=True))
        self._mark_s = None

    def _alignment(self, tick: int, *, complete: bool) -> Alignment:
        assert self._mark_s is not None
        assert self._standing is not None
        to_segment: dict[str, Floats] = {}
        reports = []
        self._told = self._movements.told()
        ends = [self._mark_s]
        for key in self._body:
            if key not in self._zero:
                reports.append(AlignmentReport(key, "none", 0.0, ("no samples while standing",), self._mark_s))
                continue
            ends.extend(self._time[e.end] for e in self._movements.of(key) if self._movements.belongs(e))
            quaternion, report = self._one(key)
            reports.append(self._exchanged(report))
            if quaternion is not None:
                to_segment[key] = quaternion
        over = complete or self._movements.own_from is not None
        return Alignment(tick, self._mark_s, self._standing, to_segment, tuple(reports), complete, over, max(ends))

    def _exchanged(self, report: AlignmentReport) -> AlignmentReport:
        """Doubt a sensor that moves as the one beside it should: it asks, because a person may have moved otherwise."""
        key, doubt = report.placement, ""
        if key in THIGHS:
            left, right = (self._movements.of(k) if k in self._zero else [] for k in THIGHS)
            if left and right and right[0].start < left[0].start and right[-1].start < left[-1].start:
                doubt = "the right knee rose first: are the thigh sensors exchanged? The left knee is to be raised first"
        elif all(k in self._zero for k in TRUNK):
            lumbar, pelvis = (self._movements.of(k) for k in TRUNK)
            pairs = [(u.peak, p.peak) for u in lumbar for p in pelvis if overlap(u, p)]
            if pairs and float(np.median([p - u for u, p in pairs])) > EXCHANGED_RAD:
                doubt = "the pelvis bends further forward than the spine above it: are lumbar and pelvis sensor exchanged?"
        if not doubt:
            return report
        return replace(report, confidence=round(0.3 * report.confidence, 3), reasons=(*report.reasons, doubt))

    def _stride_span(self) -> tuple[int, int]:
        """Ticks of the first strides of somebody who walks off."""
        assert self._standing is not None
        began = float(self._standing.time_s[-1])
        start, stop = np.searchsorted(self._time, (began, began + STRIDES_S)).tolist()
        return start, stop

    def _strides(self, key: str) -> tuple[Floats, float] | None:
        """The axis to the right (3,) of a thigh whose mounting is stated, from its strides right after the standing, and their
        planarity; None where it made none, or none that agree with the mounting."""
        if self._standing is None or key not in self._mountings:
            return None
        if key not in self._strode:
            start, stop = self._stride_span()
            if stop > self._now:
                return None
            self._strode[key] = strides(self._joined(key)[:, start:stop], self._zero[key], -self._mountings[key].left_axis)
        return self._strode[key]

    def _one(self, key: str) -> tuple[Floats | None, AlignmentReport]:
        """A sensor's quaternion, None where nothing tells it, and what is said of it."""
        assert self._mark_s is not None
        assert self._standing is not None
        seconds = float(self._standing.time_s[-1] - self._standing.time_s[0])
        reasons = [f"stood still {seconds:.1f} s with {self._still[key]:.1f}° of sway"]
        confidence = min(1.0, seconds / 3.0) * min(1.0, 2.0 / max(self._still[key], 0.1))
        axis = self._axis(key)
        quaternion = None
        if axis is None:
            own = BENDS if key in TRUNK else RAISES
            reasons.append(f"no {own} and no stated mounting, nor squats, sitting or walking")
        else:
            reasons.extend(axis.reasons)
            quaternion = to_segment(self._zero[key], axis.right)
            if quaternion is None:
                reasons.append("the mediolateral axis is almost vertical")
        if axis is None or quaternion is None:
            return None, AlignmentReport(key, "none", 0.0, tuple(reasons), self._mark_s)
        confidence = round(float(confidence * axis.confidence), 3)
        return quaternion, AlignmentReport(key, axis.method, confidence, tuple(reasons), self._mark_s)

    def _axis(self, key: str) -> Axis | None:
        """A sensor's mediolateral axis, from what is believed most of what there is."""
        up, mounting, seen = self._zero[key], self._mountings.get(key), self._movements
        own = BENDS if key in TRUNK else RAISES
        told = [(own, seen.of(key))]
        if mounting is None:
            told += [(SQUATS, seen.squats(key)), (SITTINGS, seen.sittings(key))]
        for kind, movements in told:
            if movements:
                return of_movements(self._joined(key), up, movements, kind, backwards=key in THIGHS, mounting=mounting)
        if mounting is not None:
            return of_mounting(mounting, up, own, self._strides(key) if key in THIGHS else None)
        forward = self._forward(key) if self._ways is None else self._ways.get(key)
        if forward is None:
            return None
        start, stop = self._stride_span()
        return of_walking(up, forward, self._joined(key)[:, start:stop] if key in THIGHS else None)
