"""Listens to the calibrations of a session, and gives out how far each has come (`dsp.progress`).

All of it happens at ticks, so it is the same however the input is cut. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from dsp.alignment.alignment import Alignment
from dsp.calibration.calibration_movements import (
    BEND_RAD,
    END_RAD,
    RAISE_RAD,
    RAISE_S,
    SQUAT_RAD,
    START_RAD,
    THIGH_KEYS,
    TRUNK_KEYS,
    CalibrationMovements,
)
from dsp.calibration.calibration_tracks import CalibrationTracks
from dsp.progress import (
    BEND,
    BOTH_KNEES,
    KNEE_LEFT,
    KNEE_RIGHT,
    SQUAT,
    TOO_SHALLOW,
    TOO_SHORT,
    CalibrationProgress,
    Heard,
    Stage,
    waiting,
    wanted_of,
)

NOTICED_RAD = np.radians(10.0)
"""A movement whose largest inclination stays below this is sway, and is not spoken of (ours)."""
UNRETURNED_S = 5.0
"""A calibration movement that has not come back after this long has to be asked for (ours)."""
SETTLED_TICKS = 25
"""A movement that does not count has ended when the athlete has stood for so many ticks (ours)."""
LOOK_TICKS = 10
"""A standing is looked at in steps of so many ticks (ours)."""


Anew = Callable[[float, str], Sequence[float]]
"""(mark time, key) → session times at which a sensor's standing had to begin again."""


class CalibrationWatch:
    """Listens to the calibrations of the sensors `body`; `take` gives what was new. anew: see `Anew`."""

    def __init__(self, body: tuple[str, ...], anew: Anew) -> None:
        self._body, self._anew = body, anew
        self._keys = body
        """The sensors that have a standing."""
        self._new: list[CalibrationProgress] = []
        self._now = waiting(body)
        self._began_s: float | None = None
        """Session time at which the movement under way began."""
        self._peaks: dict[str, float] = {}
        self._asked = 0
        """How often it was asked to come back."""
        self._still = 0
        """Ticks since it came back."""
        self._count = 0
        """Sensors' movements that had ended before it."""

    def take(self) -> list[CalibrationProgress]:
        """What has changed since it was asked last."""
        new, self._new = self._new, []
        return new

    def marked(self, mark_s: float, time_s: float) -> None:
        """A calibrate mark is in force."""
        self._began_s = None
        self._now = CalibrationProgress(Stage.STANDING, time_s, mark_s, mark_s, wanted=wanted_of(self._body))
        self._new.append(self._now)

    def stands(self, tracks: CalibrationTracks, ticks: int, until: int | None) -> None:
        """The last `ticks` of the tracks came while the standing is awaited; it was known at tick `until`, None: not yet."""
        count = len(tracks.time_s)
        first = count - ticks
        for i in range(first + (-(tracks.first + first)) % LOOK_TICKS, count if until is None else until, LOOK_TICKS):
            now_s = tracks.time_s[i]
            # a sensor that is there at a tick has passed it: what it had said by then is known in any cut of the input
            there = [key for key in self._body if np.isfinite(tracks.vertical(key)[0, i])]
            since_s = max((s for key in there for s in self._anew(tracks.mark_s, key) if s <= now_s), default=tracks.mark_s)
            if since_s > self._now.still_since_s:
                self._say(now_s, still_since_s=since_s)

    def decided(self, time_s: float, keys: tuple[str, ...]) -> None:
        """The standing is known, of these sensors."""
        self._keys = keys
        wanted = wanted_of(keys)
        self._say(time_s, stage=Stage.MOVEMENTS, wanted=wanted, made=tuple((movement, 0) for movement, _ in wanted))

    def step(self, time_s: float, angle: Mapping[str, float], seen: CalibrationMovements) -> None:
        """The inclination of each sensor from its standing at a tick, rad, which `seen` has followed already."""
        if self._began_s is None:
            if not _moves(angle):
                return
            self._began_s, self._peaks, self._asked, self._still, self._count = time_s, {}, 0, 0, seen.count
        for key, a in angle.items():
            if a > self._peaks.get(key, 0.0):
                self._peaks[key] = a
                if a > START_RAD and not self._now.moving:
                    self._say(time_s, moving=True, unreturned=None)
        if seen.standing and not _moves(angle):
            self._still += 1
            if seen.count > self._count or self._still > SETTLED_TICKS:
                self._ended(time_s, seen)
            return
        self._still = 0
        if time_s - self._began_s > UNRETURNED_S * (self._asked + 1):
            self._asked += 1
            key = max((k for k in angle if angle[k] == angle[k]), key=lambda k: angle[k], default="")
            if key and angle[key] > END_RAD:
                self._say(time_s, unreturned=(key, round(float(np.degrees(angle[key])), 1)))

    def aligned(self, alignment: Alignment, time_s: float) -> None:
        """An alignment of the open calibration comes into force."""
        there = bool(alignment.to_segment)
        stage = self._now.stage
        if alignment.movements_over:
            stage = Stage.DONE if there else Stage.REFUSED
        reasons = () if there else tuple(f"{r.placement}: {'; '.join(r.reasons)}" for r in alignment.reports)
        refused = reasons if stage is Stage.REFUSED else ()
        self._say(time_s, stage=stage, in_force=there, moving=False, reports=alignment.reports, reasons=refused)

    def refused(self, time_s: float, reasons: Sequence[str]) -> None:
        """The calibration is over without an alignment."""
        self._say(time_s, stage=Stage.REFUSED, moving=False, reasons=tuple(reasons))

    def _ended(self, time_s: float, seen: CalibrationMovements) -> None:
        """The athlete stands again: say what was heard."""
        began_s, self._began_s = self._began_s, None
        peaks, before = self._peaks, dict(self._now.made)
        if max(peaks.values(), default=0.0) < NOTICED_RAD:
            if self._now.moving or self._now.unreturned:
                self._say(time_s, moving=False, unreturned=None)
            return
        made = {movement: self._made(movement, seen) for movement, _ in self._now.wanted}
        counted = [movement for movement, count in made.items() if count > before.get(movement, 0)]
        movement, shortfall = (counted[0], "") if counted else _uncounted(peaks, time_s - (began_s or time_s))
        heard = Heard(
            movement,
            made[movement] if counted else 0,
            shortfall,
            tuple((key, round(float(np.degrees(a)), 1)) for key, a in peaks.items()),
            time_s,
        )
        self._say(time_s, made=tuple(made.items()), heard=heard, moving=False, unreturned=None)

    def _made(self, movement: str, seen: CalibrationMovements) -> int:
        """How many movements of a kind count by now: a bend for every sensor of the trunk."""
        if movement == BEND:
            return min(len(seen.of(key)) for key in TRUNK_KEYS if key in self._keys)
        return len(seen.of(THIGH_KEYS[(KNEE_LEFT, KNEE_RIGHT).index(movement)]))

    def _say(self, time_s: float, **changes: object) -> None:
        self._now = replace(self._now, time_s=max(time_s, self._now.time_s), **changes)  # type: ignore[arg-type]
        self._new.append(self._now)


def _uncounted(peaks: Mapping[str, float], seconds: float) -> tuple[str, str]:
    """What a movement that does not count was meant to be, and why it does not."""
    left, right = (peaks.get(key, 0.0) for key in THIGH_KEYS)
    trunk = [peaks[key] for key in TRUNK_KEYS if key in peaks]
    if min(left, right) > SQUAT_RAD:
        return SQUAT, BOTH_KNEES
    if max(left, right) > max(trunk, default=0.0):
        knee = KNEE_LEFT if left > right else KNEE_RIGHT
        if max(left, right) < RAISE_RAD:
            return knee, TOO_SHALLOW
        return knee, TOO_SHORT if seconds <= RAISE_S else ""
    return BEND, TOO_SHALLOW if min(trunk, default=0.0) < BEND_RAD else ""


def _moves(angle: Mapping[str, float]) -> bool:
    """Whether any sensor is inclined against its standing."""
    # a loop, since it is asked at every tick: a generator takes three times as long
    for a in angle.values():  # noqa: SIM110
        if a > END_RAD:
            return True
    return False
