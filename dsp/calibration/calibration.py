"""A calibration from the tick at which its standing is known: the information in its movements, and when alignments take
effect.

It ends when enough movements of each kind were made, when a squat shows that the athlete is training, or when no more movements
follow. Once the athlete trains, with or without a pause before, the movements count as repetitions. They may still supply axes
that are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import ge

from body_signals import Floats, Mounting
from dsp.alignment.alignment import Alignment
from dsp.alignment.mediolateral_axis import RAISE_COUNT, SQUAT_COUNT
from dsp.alignment.segment_axes import angle_between, path
from dsp.alignment.standing import LONGEST_S
from dsp.calibration.calibration_axes import CalibrationAxes
from dsp.calibration.calibration_movements import BEND_COUNT, THIGH_KEYS, TRUNK_KEYS, CalibrationMovements
from dsp.calibration.calibration_progress import CalibrationWatch
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.calibration.calibration_walk import CalibrationWalk
from dsp.calibration.calibration_zero import Zero
from dsp.calibration.misplaced_watch import Expected, MisplacedFindings, MisplacedWatch
from dsp.calibration.seated import SAT, SeatedWatch
from dsp.results import AlignmentReport

GIVE_UP_S, IDLE_S = 90.0, 8.0
"""A calibration ends the first time, s, after the mark, or the second after a movement once each kind was seen once (ours)."""

WALKED_ON_S = 10.0
"""Longest other activity, s, after a movement that gave an axis, before the calibration counts as abandoned (ours)."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many movements each sensor has made, and how many are required. asked: the state for which this was counted
    (movements ended, thighs whose strides gave an axis, whether the athlete trained); the counts hold until one of these
    changes."""

    asked: tuple[int, tuple[bool, ...], bool]
    made: tuple[int, ...]
    wanted: tuple[int, ...]
    told_s: float = 0.0
    """Session time at which the last of these movements ended."""


class Calibration:
    """The calibration of one mark whose zero is known since tick `decided`: no alignment takes effect before.

    Ticks are counted from the first after the mark, as in `tracks`. mountings: the stated ones, by sensor. tilted_s: see
    `CalibrationWalk`. watch: is notified of the progress. expected: how sensors should be worn; findings: is told
    which are not.
    """

    def __init__(
        self,
        tracks: CalibrationTracks,
        zero: Zero,
        mountings: Mapping[str, Mounting],
        tilted_s: float | None,
        decided: int,
        watch: CalibrationWatch | None = None,
        expected: Mapping[str, Expected] | None = None,
        findings: MisplacedFindings | None = None,
    ) -> None:
        self.tracks = tracks
        self._watch = watch
        self._zero = zero
        self._mountings = mountings
        self._decided = decided
        self._stated = all(key in mountings for key in zero.keys)
        """Whether every sensor's mounting is stated."""
        self._thighs = [key for key in THIGH_KEYS if key in zero.up]
        walk = self._walk = CalibrationWalk(tracks, zero, mountings, tilted_s, decided)
        self._movements = CalibrationMovements(
            zero.keys,
            tracks.mark_s,
            tracks.time_s,
            lambda key, start, stop: angle_between(tracks.vertical(key)[:, start:stop], zero.up[key]),
            lambda key: key in mountings and walk.strides(key) is None,
            lambda key, start, stop: path(tracks.vertical(key)[:, start:stop], zero.up[key]),
        )
        self._axes = CalibrationAxes(tracks, zero, mountings, self._movements, walk)
        self._misplaced = MisplacedWatch(tracks, zero, self._movements, expected or {})
        self._findings = MisplacedFindings() if findings is None else findings
        self._seated = SeatedWatch(tracks, self._movements)
        self._aligned = False
        """Whether an alignment has been output."""
        self.refused, self.refused_at = "", 0
        """Why the calibration is over without result, and the tick at which that was known; empty where it is not."""
        self._followed = self._standing_end()
        """Tick up to which the movements have been followed."""
        self._look_s = float("inf")
        """Session time from which walking off can be evaluated; infinite before the first movement, and once it has been
        evaluated."""
        self._moved = False
        """Whether the athlete has moved since the standing."""
        self._walked = False
        """Whether walking off has given axes."""
        self._told: frozenset[str] = frozenset()
        """Sensors whose present axes come from movements."""
        self._judged = 0
        """Movements that have been judged."""
        self._counted = _Counted((-1, (), False), (), ())

    def begin(self) -> list[Alignment]:
        """The alignments that take effect now that the zero is known: from stated mountings, and from the ticks since the
        standing. Of a calibration that is `refused` then, none, or one without any sensor after those that were output."""
        self._tell(self.tracks.time_s[self._decided])
        at_once = [self._alignment(self.tracks.first + self._decided, complete=False)] if self._stated else []
        return at_once + self._follow({key: self.tracks.vertical(key)[:, self._followed :] for key in self._zero.keys})

    def feed(self) -> list[Alignment]:
        """The alignments that take effect at the newest ticks of the tracks; the last one may be complete."""
        return self._follow({key: self.tracks.latest(key) for key in self._zero.keys})

    def finish(self, next_tick: int) -> Alignment:
        """The log ended: take the alignment from the movements seen so far."""
        if self._movements.own_from is None and self._only_walked():
            self._movements.own_from = self._standing_end()
        return self._alignment(next_tick, complete=True)

    def _void(self, tick: int) -> Alignment:
        """In place of those that have been output: no sensor is calibrated."""
        mark_s = self.tracks.mark_s
        reports = tuple(AlignmentReport(key, "none", 0.0, (self.refused,), mark_s) for key in self.tracks.body)
        return Alignment(tick, mark_s, self._zero.standing, {}, reports, True, True, mark_s)

    def _follow(self, verticals: Mapping[str, Floats]) -> list[Alignment]:
        """Follow the movements at the ticks not yet followed, with these verticals (3, n)."""
        found: list[Alignment] = []
        tracks, seen = self.tracks, self._movements
        angle = {key: angle_between(track, self._zero.up[key]).tolist() for key, track in verticals.items()}
        for row, i in enumerate(range(self._followed, len(tracks.time_s))):
            self._walk.now, at, now_s = i, tracks.first + max(i, self._decided), tracks.time_s[i]
            now = {key: track[row] for key, track in angle.items()}
            seen.step(i, now)
            if self._misplaced.step(i):
                self._tell(now_s)
            if self._seated.step(i, *(now.get(key, 0.0) for key in THIGH_KEYS)):
                self.refused_at, self.refused = i, SAT
                tracks.end_at(i + 1)
                return [*found, self._void(at)] if self._aligned else []
            if self._watch is not None:
                self._watch.step(now_s, now, seen)
            if not self._moved and seen.first_s is not None:
                self._moved = True
                self._walk.moved(seen.first_s)
                tracks.walks_off(self._walk.begin_s)
                self._look_s = self._walk.over_s
            if self._is_over(now_s):
                tracks.end_at(i + 1)
                return [*found, self.finish(at)]
            if now_s >= self._look_s and self._walks():
                self._walked = True
                found.append(self._alignment(at, complete=False))
            elif seen.standing and self._tells_more(i, now_s):
                found.append(self._alignment(at, complete=False))
        self._followed = len(tracks.time_s)
        return found

    def _tell(self, now_s: float) -> None:
        """Say which sensors are not worn as was said."""
        told = self._misplaced.told
        self._findings.say(told, self.tracks.mark_s, now_s)
        if self._watch is not None:
            self._watch.misplaced(told, now_s)

    def _is_over(self, now_s: float) -> bool:
        seen = self._movements
        if seen.knees_up:
            # not a calibration movement, unless one is still needed
            return all(key in self._mountings or seen.of(key) for key in self._zero.keys)
        if seen.standing:
            return self._enough(now_s)
        # an athlete who keeps walking never stands, and gives no further information
        return self._walked_on(now_s) and self._enough(now_s)

    def _walks(self) -> bool:
        """Whether walking off gives axes; evaluated once."""
        self._look_s = float("inf")
        return self._walk.tells(self._movements)

    def _tells_more(self, i: int, now_s: float) -> bool:
        """Whether tick i, at which the athlete stands, gives a better alignment without ending the calibration: the first bend
        where no thigh sensor is worn, a pause in which something is still missing, the end of the calibration by training,
        or an axis that was missing then."""
        seen = self._movements
        judged, self._judged = self._judged, seen.count
        if seen.count > judged:
            own = seen.first_own() if seen.own_from is None else None
            if own is not None:
                seen.own_from = self._standing_end() if self._only_walked() else own
                return True
            told = seen.told()
            trunk_only = told == self._zero.up.keys() and all(key in TRUNK_KEYS for key in told)
            if told != self._told and (trunk_only or seen.own_from is not None):
                return True
        if seen.paused_at is None and seen.idle_s(now_s) > IDLE_S:
            begun = any(seen.of(key) for key in self._zero.keys)
            if begun or self._walked or (not self._moved and self._stood_long(now_s)):
                seen.paused_at = i
            return begun
        return False

    def _only_walked(self) -> bool:
        """Whether the athlete calibrated by walking off; movements after that are a calibration only if knees were raised
        too."""
        return self._walked and not any(self._movements.of(key) for key in THIGH_KEYS if key in self._zero.up)

    def _standing_end(self) -> int:
        """First tick after the standing."""
        return max(self._zero.next_tick - self.tracks.first, 0)

    def _enough(self, now_s: float) -> bool:
        seen, counted, since_mark_s = self._movements, self._count(), now_s - self.tracks.mark_s
        if all(map(ge, counted.made, counted.wanted)):
            return True
        needed = [made > 0 for made, key in zip(counted.made, self._zero.keys, strict=True) if key not in self._mountings]
        if not needed and seen.own_from is not None:
            return True
        looks = not self._moved or self._look_s < float("inf")
        if not needed and looks and since_mark_s <= GIVE_UP_S:
            # strides are better than a stated mounting
            return False
        begun = any(counted.made) or self._stood_long(now_s)
        idle = seen.idle_s(now_s) > IDLE_S or self._walked_on(now_s)
        return (all(needed) and begun and idle) or since_mark_s > GIVE_UP_S

    def _walked_on(self, now_s: float) -> bool:
        """Whether an athlete whose axes come only from movements has made some, and then did something else for
        `WALKED_ON_S`."""
        if self._stated:
            return False
        counted = self._count()
        return any(counted.made) and now_s - counted.told_s > WALKED_ON_S

    def _stood_long(self, now_s: float) -> bool:
        """Whether the athlete has stood for longer than in a continuing calibration."""
        return now_s - self.tracks.mark_s > LONGEST_S + IDLE_S

    def _count(self) -> _Counted:
        seen, keys = self._movements, self._zero.keys
        asked = (seen.count, tuple([self._walk.strides(key) is not None for key in self._thighs]), seen.own_from is not None)
        if asked != self._counted.asked:
            own = {key: len(seen.of(key)) for key in keys}
            made = tuple(count or len(seen.squats(key)) or len(seen.sittings(key)) for key, count in own.items())
            # an athlete who is training makes no more calibration bends
            bends = BEND_COUNT if seen.own_from is None else 1
            wanted = tuple(bends if key in TRUNK_KEYS else RAISE_COUNT if count else SQUAT_COUNT for key, count in own.items())
            self._counted = _Counted(asked, made, wanted, seen.told_s())
        return self._counted

    def _alignment(self, tick: int, *, complete: bool) -> Alignment:
        seen, tracks = self._movements, self.tracks
        if complete and self._misplaced.judge(self._walk.now):
            self._tell(tracks.time_s[self._walk.now])
        self._told = seen.told()
        to_segment: dict[str, Floats] = {}
        reports = []
        ends = [tracks.mark_s]
        for key in tracks.body:
            if key in self._zero.up:
                ends.extend(tracks.time_s[m.end] for m in seen.of(key) if seen.belongs(m))
            quaternion, report = self._axes.aligned(key)
            reports.append(self._misplaced.doubted(report))
            if quaternion is not None:
                to_segment[key] = quaternion
        over = complete or seen.own_from is not None
        self._aligned = True
        alignment = Alignment(tick, tracks.mark_s, self._zero.standing, to_segment, tuple(reports), complete, over, max(ends))
        if self._watch is not None:
            self._watch.aligned(alignment, tracks.time_s[self._walk.now] if tracks.time_s else tracks.mark_s)
        return alignment
