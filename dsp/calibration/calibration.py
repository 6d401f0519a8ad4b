"""A calibration from the tick at which its standing is known: what its movements tell, and when an alignment comes into force.

It ends when enough movements of each kind were made, when a squat shows that the athlete trains, or when nothing more comes.
Who trains instead of going on calibrating, or pauses and then trains, has his own movements from there on: they may tell what
is missing still, and are repetitions.
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

GIVE_UP_S, IDLE_S = 90.0, 8.0
"""Calibration ends the first time after the mark, or the second after a movement once each kind was seen once (ours)."""

WALKED_ON_S = 10.0
"""After a movement that told an axis nobody who goes on calibrating does anything else for so long (ours)."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many movements each sensor has made, and how many are wanted of it. asked: how many movements had ended then, which
    thighs' strides had told, and whether the athlete trained; the counts are the same until one of these changes."""

    asked: tuple[int, tuple[bool, ...], bool]
    made: tuple[int, ...]
    wanted: tuple[int, ...]
    told_s: float = 0.0
    """Session time at which the last of them ended."""


class Calibration:
    """The calibration of one mark whose zero is known since tick `decided`: nothing comes into force before.

    Ticks are counted from the first after the mark, as in `tracks`. mountings: those that were stated, by sensor. tilted_s: see
    `CalibrationWalk`. watch: hears how far it has come.
    """

    def __init__(
        self,
        tracks: CalibrationTracks,
        zero: Zero,
        mountings: Mapping[str, Mounting],
        tilted_s: float | None,
        decided: int,
        watch: CalibrationWatch | None = None,
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
        self._followed = self._standing_end()
        """Tick up to which the movements have been followed."""
        self._look_s = float("inf")
        """Session time from which on walking off can be told; infinite before the first movement, and once it has been looked
        at."""
        self._moved = False
        """Whether anybody has moved since the standing."""
        self._walked = False
        """Whether walking off has told axes."""
        self._told: frozenset[str] = frozenset()
        """Sensors whose axes in force were told by movements."""
        self._judged = 0
        """Movements that have been judged."""
        self._counted = _Counted((-1, (), False), (), ())

    def begin(self) -> list[Alignment]:
        """What comes into force, now that the zero is known: of stated mountings, and of the ticks since the standing."""
        at_once = [self._alignment(self.tracks.first + self._decided, complete=False)] if self._stated else []
        return at_once + self._follow({key: self.tracks.vertical(key)[:, self._followed :] for key in self._zero.keys})

    def feed(self) -> list[Alignment]:
        """What comes into force at the ticks that the tracks were given last; the last one may be complete."""
        return self._follow({key: self.tracks.latest(key) for key in self._zero.keys})

    def finish(self, next_tick: int) -> Alignment:
        """The log ended: what was seen has to do."""
        if self._movements.own_from is None and self._only_walked():
            self._movements.own_from = self._standing_end()
        return self._alignment(next_tick, complete=True)

    def _follow(self, verticals: Mapping[str, Floats]) -> list[Alignment]:
        """Follow the movements at the ticks not yet followed, with these verticals (3, n)."""
        found: list[Alignment] = []
        tracks, seen = self.tracks, self._movements
        angle = {key: angle_between(track, self._zero.up[key]).tolist() for key, track in verticals.items()}
        for row, i in enumerate(range(self._followed, len(tracks.time_s))):
            self._walk.now, at, now_s = i, tracks.first + max(i, self._decided), tracks.time_s[i]
            now = {key: track[row] for key, track in angle.items()}
            seen.step(i, now)
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

    def _is_over(self, now_s: float) -> bool:
        seen = self._movements
        if seen.knees_up:
            # no calibration movement, unless one is still needed
            return all(key in self._mountings or seen.of(key) for key in self._zero.keys)
        if seen.standing:
            return self._enough(now_s)
        # somebody who walks on never stands, and has told what he will
        return self._walked_on(now_s) and self._enough(now_s)

    def _walks(self) -> bool:
        """Whether walking off tells axes; looked at once."""
        self._look_s = float("inf")
        return self._walk.tells(self._movements)

    def _tells_more(self, i: int, now_s: float) -> bool:
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
        """Whether the athlete calibrated by walking off: what he did after it is a calibration where knees were raised too."""
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
            # strides tell more than what was stated
            return False
        begun = any(counted.made) or self._stood_long(now_s)
        idle = seen.idle_s(now_s) > IDLE_S or self._walked_on(now_s)
        return (all(needed) and begun and idle) or since_mark_s > GIVE_UP_S

    def _walked_on(self, now_s: float) -> bool:
        """Whether somebody whose axes only movements tell has made some, and has done something else for long."""
        if self._stated:
            return False
        counted = self._count()
        return any(counted.made) and now_s - counted.told_s > WALKED_ON_S

    def _stood_long(self, now_s: float) -> bool:
        """Whether nobody stands for so long who goes on calibrating."""
        return now_s - self.tracks.mark_s > LONGEST_S + IDLE_S

    def _count(self) -> _Counted:
        seen, keys = self._movements, self._zero.keys
        asked = (seen.count, tuple([self._walk.strides(key) is not None for key in self._thighs]), seen.own_from is not None)
        if asked != self._counted.asked:
            own = {key: len(seen.of(key)) for key in keys}
            made = tuple(count or len(seen.squats(key)) or len(seen.sittings(key)) for key, count in own.items())
            # who trains already bends no more for it
            bends = BEND_COUNT if seen.own_from is None else 1
            wanted = tuple(bends if key in TRUNK_KEYS else RAISE_COUNT if count else SQUAT_COUNT for key, count in own.items())
            self._counted = _Counted(asked, made, wanted, seen.told_s())
        return self._counted

    def _alignment(self, tick: int, *, complete: bool) -> Alignment:
        seen, tracks = self._movements, self.tracks
        self._told = seen.told()
        to_segment: dict[str, Floats] = {}
        reports = []
        ends = [tracks.mark_s]
        for key in tracks.body:
            if key in self._zero.up:
                ends.extend(tracks.time_s[m.end] for m in seen.of(key) if seen.belongs(m))
            quaternion, report = self._axes.aligned(key)
            reports.append(report)
            if quaternion is not None:
                to_segment[key] = quaternion
        over = complete or seen.own_from is not None
        alignment = Alignment(tick, tracks.mark_s, self._zero.standing, to_segment, tuple(reports), complete, over, max(ends))
        if self._watch is not None:
            self._watch.aligned(alignment, tracks.time_s[self._walk.now] if tracks.time_s else tracks.mark_s)
        return alignment
