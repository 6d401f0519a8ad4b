"""Sensor-to-segment alignment from standing, bends and knee raises, or from standing and a stated mounting.

Standing still gives each segment's vertical. Forward bends give the mediolateral axis of pelvis and lumbar spine, knee
raises that of each thigh; the sign comes from the known direction of the movement. Where neither was made: squats, sitting
down and standing up, or walking off straight, in this order and with less confidence; walking off is in force after four
seconds of it, until something better is seen. A thigh whose mounting is stated takes its axis from those strides too.
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
from dsp.grid import MOTION_STRIDE, Ticks
from dsp.results import AlignmentReport
from dsp.segment_axes import WALKED_S, angle_between, functional_axis, strides, walked_off
from dsp.standing import DECIDED_S, LONGEST_S
from signals.blocks import Floats
from signals.placements import Mounting, Placement

TRUNK = (Placement.LUMBAR.value, Placement.PELVIS.value)
THIGHS = (Placement.THIGH_LEFT.value, Placement.THIGH_RIGHT.value)

BEND_COUNT, RAISE_COUNT = 3, 2
START_RAD, END_RAD = np.radians(15.0), np.radians(8.0)
"""A calibration movement begins above the first inclination from standing and ends below the second."""
BEND_RAD, RAISE_RAD = np.radians(20.0), np.radians(25.0)
"""Smallest peak that counts."""
EXCHANGED_RAD = np.radians(5.0)
"""In a forward bend the thorax turns further than the pelvis; the other way round by more than this is doubted."""
GIVE_UP_S, IDLE_S = 90.0, 8.0
"""Calibration ends this long after the mark, or after so long without a movement once each kind was seen once."""
LATE_S = 5.0
"""A sensor that is late when the standing has been decided is waited for so long; after that it takes no part."""
SQUAT_RAD, SQUAT_S, SQUAT_COUNT, SQUAT_CONFIDENCE = np.radians(30.0), 6.0, 3, 0.6
"""Both thighs above the first and back within the second is a squat. It stands in for bends and knee raises that nobody made:
so many are wanted, and they are trusted so much, as the trunk leans less and the knees go apart."""

LEANING = 0.8
"""While sitting down and standing up the trunk leans forward until the thighs have come so far; seated it may lean back."""
SITTING_CONFIDENCE, SITTING_COUNT = 0.5, 2
RAISE_S = 0.8
"""A knee is raised for longer than it swings forward in a step. Steps do where a stated mounting gives the sign and the first
strides have told nothing."""
STRIDES_S = 4.0
"""The thighs' swing in so long after the standing gives their axis when a person walks off."""
STRIDES_CONFIDENCE = 0.6
"""The plane that a thigh strides in replaces a stated mounting, and is trusted so much."""
WALKING_CONFIDENCE = 0.3
"""The forward direction of a trunk that walks off is right within some 15°."""
TYPICAL_RANGE_RAD = np.radians(45.0)
"""Range from which on a functional axis is not improved by bending further (confidence only)."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Alignment in force from tick `tick` on.

    to_segment: per aligned placement the quaternion (4,) sensor → segment. standing: the ticks of the zero. complete:
    nothing better will come of this calibrate mark. movements_end_s: session time at which the calibration movements
    ended (the mark's time when there were none).
    """

    tick: int
    mark_s: float
    standing: Ticks
    to_segment: Mapping[str, Floats]
    reports: tuple[AlignmentReport, ...]
    complete: bool
    movements_end_s: float

    @cached_property
    def from_segment(self) -> dict[str, Floats]:
        """The inverse (4, 1) of each of `to_segment`."""
        return {key: rotation.conjugate(q)[:, None] for key, q in self.to_segment.items()}


@dataclass(slots=True)
class _Episode:
    """One excursion of a sensor from its standing inclination."""

    start: int
    end: int
    peak: float


class Calibrator:
    """Watches final ticks after a calibrate mark. `feed` returns alignments as they come into force.

    body: keys of the worn sensors; mountings: those that were stated. standing_of(mark time, keys) gives the ticks of the
    quiet standing that all these sensors share, None when there was none. ended(mark time, key): session time at which a
    sensor's standing was known to have ended, None before.
    """

    def __init__(
        self,
        body: tuple[str, ...],
        mountings: Mapping[str, Mounting],
        standing_of: Callable[[float, tuple[str, ...]], Ticks | None],
        ended: Callable[[float, str], float | None],
    ) -> None:
        self._standing_of = standing_of
        self._ended = ended
        self._body = body
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
        self._strode: dict[str, tuple[Floats, float] | None] = {}
        """What the first strides told, once they are over."""
        self._open: dict[str, _Episode] = {}
        self._done: dict[str, list[_Episode]] = {key: [] for key in self._body}
        self._counted_of: tuple[int, tuple[bool, ...]] | None = None
        """Excursions that had ended, and whether strides had told, when movements were last counted."""
        self._counts: tuple[list[int], list[int]] = ([], [])
        self._scanned = self._now = 0
        """Tick up to which excursions have been followed, and tick that is looked at: nothing later may count."""

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
            self._now = i
            if self._step(i, {key: track[row] for key, track in angle.items()}):
                for key in self._body:
                    self._vertical[key] = [self._joined(key)[:, : i + 1]]
                self._complete(self._first + i, found)
                return
            if self._time[i] >= self._look_s and self._walks():
                found.append(self._alignment(self._first + i, complete=False))
        self._scanned = len(self._time)

    def _walks(self) -> bool:
        """Whether walking off tells the axes that nothing else tells so far; asked once, when the strides have been made."""
        self._look_s = np.inf
        needed = [key for key in self._zero if key not in self._mountings]
        if not needed:
            return any(self._strides(key) is not None for key in THIGHS if key in self._zero)
        made = any(self._movements(key) or self._squats(key) for key in needed)
        return not made and all(self._forward(key) is not None for key in needed)

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
        return walked_off(np.concatenate(kept, axis=1), np.array(self._motion_s), span, quat[:, there[-1]])

    def _joined(self, key: str) -> Floats:
        if len(self._vertical[key]) > 1:
            self._vertical[key] = [np.concatenate(self._vertical[key], axis=1)]
        return self._vertical[key][0]

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
        self._standing, self._now = standing, at
        self._scanned = max(standing.first + len(standing) - self._first, 0)
        if all(key in self._mountings for key in self._zero):
            found.append(self._alignment(self._first + at, complete=False))
        self._look_s = float(standing.time_s[-1]) + STRIDES_S
        return True

    def _step(self, i: int, angle: Mapping[str, float]) -> bool:
        """Follow the excursions at tick i, with the sensors inclined by these angles; True when the calibration is over."""
        assert self._mark_s is not None
        for key, a in angle.items():
            episode = self._open.get(key)
            if episode is None:
                if a > START_RAD:
                    self._open[key] = _Episode(i, i, a)
            elif a < END_RAD:
                episode.end = i
                del self._open[key]
                self._done[key].append(episode)
            elif a > episode.peak:
                episode.peak = a
        if all(key in self._open and self._open[key].peak > SQUAT_RAD for key in THIGHS):
            # both knees up: a squat or sitting down; no calibration movement, unless one is still needed
            return all(key in self._mountings or self._movements(key) for key in self._zero)
        return not self._open and self._enough(self._time[i])

    def _enough(self, now_s: float) -> bool:
        assert self._mark_s is not None
        counts, wanted = self._counted()
        if all(c >= w for c, w in zip(counts, wanted, strict=True)):
            return True
        ends = [self._time[episodes[-1].end] for episodes in self._done.values() if episodes]
        idle = now_s - max(ends, default=self._mark_s)
        seen = [c > 0 for c, key in zip(counts, self._zero, strict=True) if key not in self._mountings]
        return (all(seen) and idle > IDLE_S and (any(counts) or now_s - self._mark_s > LONGEST_S + IDLE_S)) or (
            now_s - self._mark_s > GIVE_UP_S
        )

    def _counted(self) -> tuple[list[int], list[int]]:
        """Movements that each sensor has made, and how many are wanted; the same until an excursion ends or strides tell."""
        told = tuple(self._strides(key) is not None for key in THIGHS if key in self._zero)
        of = (sum(map(len, self._done.values())), told)
        if of != self._counted_of:
            own = {key: len(self._movements(key)) for key in self._zero}
            counts = [count or len(self._squats(key)) or len(self._sittings(key)) for key, count in own.items()]
            wanted = [BEND_COUNT if key in TRUNK else RAISE_COUNT if count else SQUAT_COUNT for key, count in own.items()]
            self._counted_of, self._counts = of, (counts, wanted)
        return self._counts

    def _movements(self, key: str) -> list[_Episode]:
        """The excursions of a sensor that are its calibration movement: bends for the trunk, own raises for a thigh."""
        if key in TRUNK:
            return [e for e in self._done[key] if e.peak >= BEND_RAD and not self._while_raising(e)]
        other = THIGHS[1] if key == THIGHS[0] else THIGHS[0]
        rivals = self._done.get(other, [])
        shortest = 0.0 if key in self._mountings and self._strides(key) is None else RAISE_S
        return [
            e
            for e in self._done[key]
            if e.peak >= RAISE_RAD
            and self._seconds(e) > shortest
            and not any(_overlap(e, r) and (r.peak > e.peak or r.peak > SQUAT_RAD) for r in rivals)
        ]

    def _seconds(self, episode: _Episode) -> float:
        return self._time[episode.end] - self._time[episode.start]

    def _both_up(self) -> list[tuple[_Episode, _Episode]]:
        """Excursions of both thighs together: squats and sitting."""
        left, right = ([e for e in self._done.get(k, []) if e.peak > SQUAT_RAD] for k in THIGHS)
        return [(a, b) for a in left for b in right if _overlap(a, b)]

    def _squats(self, key: str) -> list[_Episode]:
        """The excursions of a sensor in which both thighs went up together and came down soon: squats, not sitting."""
        both = [pair for pair in self._both_up() if max(self._seconds(e) for e in pair) < SQUAT_S]
        if key in THIGHS:
            return [pair[THIGHS.index(key)] for pair in both]
        return [e for e in self._done[key] if any(_overlap(e, a) for a, _ in both)]

    def _sittings(self, key: str) -> list[_Episode]:
        """Sitting down and standing up, each from where both thighs leave (reach) the standing to most of the way up."""
        found = []
        for pair in self._both_up():
            if max(self._seconds(e) for e in pair) < SQUAT_S:
                continue
            up = pair[0]
            track = angle_between(self._joined(THIGHS[0])[:, up.start : up.end], self._zero[THIGHS[0]])
            high = up.start + np.flatnonzero(track > LEANING * up.peak)
            for start, end in ((up.start, int(high[0])), (int(high[-1]), up.end)):
                span = angle_between(self._joined(key)[:, start:end], self._zero[key])
                if end - start > 1 and np.isfinite(span).any():
                    found.append(_Episode(start, end, float(np.nanmax(span))))
        return found

    def _while_raising(self, episode: _Episode) -> bool:
        """The pelvis also moves a little while a knee is raised."""
        return any(
            _overlap(episode, r) and r.peak > episode.peak
            for key in THIGHS
            for r in self._done.get(key, [])
            if key in self._zero
        )

    def _complete(self, tick: int, found: list[Alignment]) -> None:
        found.append(self._alignment(tick, complete=True))
        self._mark_s = None

    def _alignment(self, tick: int, *, complete: bool) -> Alignment:
        assert self._mark_s is not None
        assert self._standing is not None
        to_segment: dict[str, Floats] = {}
        reports = []
        ends = [self._mark_s]
        for key in self._body:
            if key not in self._zero:
                reports.append(AlignmentReport(key, "none", 0.0, ("no samples while standing",), self._mark_s))
                continue
            movements = self._movements(key)
            ends.extend(self._time[e.end] for e in movements)
            quaternion, report = self._one(key, movements)
            reports.append(self._exchanged(report))
            if quaternion is not None:
                to_segment[key] = quaternion
        return Alignment(tick, self._mark_s, self._standing, to_segment, tuple(reports), complete, max(ends))

    def _exchanged(self, report: AlignmentReport) -> AlignmentReport:
        """Doubt a sensor that moves as the one beside it should: it asks, because a person may have moved otherwise."""
        key, doubt = report.placement, ""
        if key in THIGHS:
            left, right = (self._movements(k) if k in self._zero else [] for k in THIGHS)
            if left and right and right[0].start < left[0].start and right[-1].start < left[-1].start:
                doubt = "the right knee rose first: are the thigh sensors exchanged? The left knee is to be raised first"
        elif all(k in self._zero for k in TRUNK):
            lumbar, pelvis = (self._movements(k) for k in TRUNK)
            pairs = [(u.peak, p.peak) for u in lumbar for p in pelvis if _overlap(u, p)]
            if pairs and float(np.median([p - u for u, p in pairs])) > EXCHANGED_RAD:
                doubt = "the pelvis bends further forward than the spine above it: are lumbar and pelvis sensor exchanged?"
        if not doubt:
            return report
        return replace(report, confidence=round(0.3 * report.confidence, 3), reasons=(*report.reasons, doubt))

    def _of_walking(self, key: str, forward: Floats) -> Floats:
        """The axis to the right (3,) of a segment that walks off: across the way, a thigh's in the plane it swings in.

        A swing has no sign of its own; the way has.
        """
        assert self._standing is not None
        up = self._zero[key]
        right = np.cross(forward, up)
        if key in THIGHS:
            axis, _, _ = functional_axis(self._joined(key), up, [self._stride_span()])
            right = axis if float(axis @ right) > 0.0 else -axis
        return np.asarray(right)

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

    def _one(self, key: str, movements: list[_Episode]) -> tuple[Floats | None, AlignmentReport]:
        assert self._mark_s is not None
        assert self._standing is not None
        up = self._zero[key]
        kind = "bends" if key in TRUNK else "knee raises"
        seconds = float(self._standing.time_s[-1] - self._standing.time_s[0])
        reasons = [f"stood still {seconds:.1f} s with {self._still[key]:.1f}° of sway"]
        confidence = min(1.0, seconds / 3.0) * min(1.0, 2.0 / max(self._still[key], 0.1))
        mounting = self._mountings.get(key)
        if not movements and mounting is None:
            movements, kind, trust = self._squats(key), "squats", SQUAT_CONFIDENCE
            if not movements:
                movements, kind, trust = self._sittings(key), "sit-to-stand", SITTING_CONFIDENCE
            confidence *= trust if movements else 1.0
        forward = self._forward(key) if not movements and mounting is None else None
        if movements:
            axis, planarity, agreement_deg = functional_axis(self._joined(key), up, [(e.start, e.end) for e in movements])
            right = -axis if key in THIGHS else axis
            peak = float(np.median([e.peak for e in movements]))
            wanted = {"bends": BEND_COUNT, "knee raises": RAISE_COUNT, "squats": SQUAT_COUNT}.get(kind, 2 * SITTING_COUNT)
            reasons.append(f"{len(movements)} {kind}, range {np.degrees(peak):.0f}°")
            reasons.append(f"movement in one plane to {100 * planarity:.0f} %, repetitions agree to {agreement_deg:.1f}°")
            confidence *= min(1.0, len(movements) / wanted) ** 0.5 * min(1.0, peak / TYPICAL_RANGE_RAD) ** 0.5
            confidence *= min(1.0, max(0.0, (planarity - 0.8) / 0.15)) * min(1.0, 6.0 / max(agreement_deg, 0.1))
            if mounting is not None and float(right @ -mounting.left_axis) < 0.5:
                reasons.append("the stated mounting disagrees with the movement, which was used")
                confidence *= 0.5
            method = "standing and " + kind
        elif mounting is not None:
            right, method = -mounting.left_axis, "standing and stated mounting"
            tilt = float(np.degrees(np.arccos(np.clip(up @ mounting.up_axis, -1.0, 1.0))))
            strode = self._strides(key) if key in THIGHS else None
            if strode is None:
                reasons.append(f"no {kind}: axis from the stated mounting, sensor {tilt:.0f}° off the vertical")
                confidence *= 0.4 if tilt < 45.0 else 0.1
            else:
                (right, planarity), method = strode, "standing and strides"
                off = np.degrees(np.arccos(np.clip(float(right @ -mounting.left_axis), -1.0, 1.0)))
                reasons.append(f"no {kind}: axis from the first strides, {off:.0f}° off the stated mounting")
                confidence *= STRIDES_CONFIDENCE * min(1.0, (planarity - 0.8) / 0.15)
        elif forward is not None:
            right, method = self._of_walking(key, forward), "standing and walking off"
            reasons.append("no bends, knee raises, squats or sitting down: axis from walking off straight, trunk forward")
            confidence *= WALKING_CONFIDENCE
        else:
            reasons.append(
                f"no {'bends' if key in TRUNK else 'knee raises'} and no stated mounting, nor squats, sitting or walking"
            )
            return None, AlignmentReport(key, "none", 0.0, tuple(reasons), self._mark_s)
        right = right - up * float(right @ up)
        length = float(np.sqrt((right**2).sum()))
        if length < 0.3:
            reasons.append("the mediolateral axis is almost vertical")
            return None, AlignmentReport(key, "none", 0.0, tuple(reasons), self._mark_s)
        right = right / length
        quaternion = rotation.from_axes(np.cross(up, right), up, right)
        return quaternion, AlignmentReport(key, method, round(float(confidence), 3), tuple(reasons), self._mark_s)


def _overlap(a: _Episode, b: _Episode) -> bool:
    return a.start < b.end and b.start < a.end
