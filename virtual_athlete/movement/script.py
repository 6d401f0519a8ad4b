"""The athlete's movements: a script, in which each repetition has known times.

Methods add movements one after another; every joint moves with minimum jerk. Angles of a script are in degrees, as a
physio says them. `Script.motion` gives the body's `Motion`; `virtual_athlete.movement.true_rhythm` adds the numbers that an
ideal measurement of each repetition would find.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from body_signals import SessionMark
from body_signals.movements import BEND, DEADLIFT, HINGE, KNEE_RAISE, SIT_DOWN, SQUAT, STAND_UP
from virtual_athlete.movement.body import CHANNELS, SIDES, Body, Motion
from virtual_athlete.movement.floor import OnTheFloor
from virtual_athlete.movement.trajectories import Sines, Track
from virtual_athlete.movement.walking import Stride

Share = float | tuple[float, float, float]
"""Lumbar share of the trunk's inclination: of the whole, or of its early, middle and late third."""

SWAY_DEG: Mapping[str, float] = {
    "pelvis_turn": 0.25,
    "pelvis_tilt": 0.28,
    "pelvis_obliquity": 0.18,
    "lumbar_flexion": 0.25,
    "lumbar_lateral": 0.20,
    "lumbar_rotation": 0.20,
    **{
        f"thigh_{side}_{what}": size
        for side in SIDES
        for what, size in (("elevation", 0.20), ("abduction", 0.12), ("rotation", 0.25))
    },
}
"""Root mean square of postural sway, degrees: an assumption, of the order of quiet standing (a few tenths of a degree; with
the band below the trunk turns at about half a degree a second)."""

SWAY_BAND_HZ = (0.06, 0.5)

_SIDEWAYS = ("lumbar_lateral", "lumbar_rotation", "pelvis_turn", "pelvis_obliquity")


def rhythm_coefficients(share: Share) -> tuple[float, float, float]:
    """c1, c2, c3 of the lumbar part c1·s + c2·s² + c3·s³ of a bend, s = 0 … 1 of the whole.

    The cubic is the one whose early, middle and late third bring exactly the asked shares; smooth in between.
    Raises ValueError when a share is not between 0 and 1.
    """
    thirds = np.array((share, share, share) if isinstance(share, float | int) else share, np.float64)
    if thirds.shape != (3,) or (thirds < 0.0).any() or (thirds > 1.0).any():
        raise ValueError(f"lumbar share {share!r}: expected a number from 0 to 1, or three for early, middle, late")
    s = np.array([1.0, 2.0, 3.0]) / 3.0
    c = np.linalg.solve(np.stack((s, s**2, s**3), axis=1), np.cumsum(thirds) / 3.0)
    return float(c[0]), float(c[1]), float(c[2])


class Script(OnTheFloor):
    """Builds a session movement by movement. `now` is the time reached; `seed` decides pauses and sway."""

    # -- the words -------------------------------------------------------------------------------------------------

    def stand(self, duration_s: float) -> None:
        """Stand (or stay seated) still, swaying a little."""
        self.now += duration_s

    def mark(self, label: str) -> None:
        """A person's mark at this moment."""
        self.marks.append(SessionMark(self.now, label))

    def calibrate(
        self,
        stand_s: float = 5.0,
        bends: int = 3,
        raises: int = 2,
        *,
        bend_deg: float = 58.0,
        lumbar_share: Share = (0.55, 0.45, 0.35),
        raise_deg: Mapping[str, float] = MappingProxyType({"left": 68.0, "right": 68.0}),
        **side_deg: Any,
    ) -> None:
        """Mark `calibrate`, stand, bend forward `bends` times, raise the left knee `raises` times, then the right.

        bend_deg, raise_deg: how far, within 4°; side_deg: other channels at the turn of the bends, as in `bend`.
        """
        begin, kept = self.now, len(self.repetitions)
        self.mark("calibrate")
        self.stand(stand_s + 0.2)
        for _ in range(bends):
            self.bend(self._about(bend_deg, 4.0), lumbar_share, down_s=1.3, hold_s=0.3, up_s=1.3, rest_s=0.5, **side_deg)
        for side in SIDES:
            for _ in range(raises):
                self.knee_raise(side, self._about(raise_deg[side], 4.0), up_s=0.8, hold_s=0.2, down_s=0.8, rest_s=0.3)
        del self.repetitions[kept:]
        self.calibrations.append((begin, self.now))

    def bend(
        self,
        peak_deg: float = 80.0,
        lumbar_share: Share = (0.62, 0.48, 0.32),
        *,
        down_s: float = 1.7,
        hold_s: float = 0.5,
        up_s: float = 1.7,
        knee_deg: float = 4.0,
        thigh_deg: float = 5.0,
        lumbar_lead_s: float = 0.0,
        movement: str = BEND.name,
        style: str = "plain",
        rest_s: float | None = None,
        **side_deg: float,
    ) -> None:
        """Bend forward and come back: `peak_deg` of trunk inclination, `lumbar_share` of it in the lumbar spine.

        thigh_deg and knee_deg: elevation of both thighs and flexion of both knees at the turn. lumbar_lead_s > 0: the
        pelvis begins later than the lumbar spine by this much, < 0: the lumbar spine later. side_deg: any other
        channels of the body at the turn, e.g. lumbar_lateral=10.
        """
        for channel in side_deg:
            if channel not in CHANNELS:
                raise ValueError(f"unknown channel {channel!r}; the body has {', '.join(CHANNELS)}")
        c = np.deg2rad(peak_deg) * np.array(rhythm_coefficients(lumbar_share))
        rest = np.array([np.deg2rad(peak_deg), 0.0, 0.0]) - c
        goes = self.less_deep(float(np.rad2deg(rest.sum())), thigh_deg)
        thigh_deg, knee_deg = goes * thigh_deg, goes * knee_deg
        taken, knee = self.taken_over(rest, thigh_deg)
        start, bottom = self.now, self.now + down_s
        leaving, back = bottom + hold_s, bottom + hold_s + up_s
        for channel, k, delay in (("lumbar_flexion", c, -lumbar_lead_s), ("pelvis_tilt", rest, lumbar_lead_s)):
            more = taken if channel == "lumbar_flexion" else -taken
            self._shaped(channel, k, start + max(0.0, delay), bottom, more, knee)
            # the way back along the same curve: the polynomial at 1 − m
            back_again = np.array([-k[0] - 2 * k[1] - 3 * k[2] - more, k[1] + 3 * k[2], -k[2]])
            self._shaped(channel, back_again, leaving, back, more, 1.0 - knee)
        targets = dict(side_deg)
        for side in SIDES:
            targets[f"thigh_{side}_elevation"] = thigh_deg
            targets[f"knee_{side}"] = knee_deg
        for channel, target in targets.items():
            before = np.rad2deg(self._value(channel))
            self._to(channel, target, start, bottom)
            self._to(channel, before, leaving, back)
        self._repetition(movement, style, start, bottom, leaving, back)
        self._rest(rest_s)

    def squat(
        self,
        depth_deg: float = 82.0,
        *,
        lean_deg: float | None = None,
        down_s: float = 1.4,
        hold_s: float = 0.3,
        up_s: float = 1.1,
        **more: Any,
    ) -> None:
        """Squat until the thighs stand at `depth_deg`: the trunk leans by `lean_deg`, by half of that where it is not said,
        with a third of it in the lumbar spine."""
        lean = 0.5 * depth_deg if lean_deg is None else lean_deg
        self._fold(lean, (0.22, 0.30, 0.42), depth_deg, 1.28 * depth_deg, SQUAT.name, down_s, hold_s, up_s, more)

    def deadlift(
        self, peak_deg: float = 68.0, *, down_s: float = 1.4, hold_s: float = 0.3, up_s: float = 1.1, **more: Any
    ) -> None:
        """Reach to the floor and lift: trunk at `peak_deg`, knees and hips bent."""
        self._fold(peak_deg, (0.20, 0.24, 0.30), 42.0, 58.0, DEADLIFT.name, down_s, hold_s, up_s, more)

    def hinge(
        self, peak_deg: float = 62.0, *, down_s: float = 1.8, hold_s: float = 0.4, up_s: float = 1.5, **more: Any
    ) -> None:
        """Waiter's bow: the hips go back, the lumbar spine hardly moves."""
        self._fold(peak_deg, 0.08, 16.0, 16.0, HINGE.name, down_s, hold_s, up_s, more)

    def asymmetric_lift(self, side: str = "right", peak_deg: float = 58.0, **more: Any) -> None:
        """Lift from beside the foot: side bend, rotation and pelvis go along to `side`."""
        k = 1.0 if side == "right" else -1.0
        sideways = {
            "lumbar_lateral": 11.0 * k,
            "lumbar_rotation": -9.0 * k,
            "pelvis_turn": -8.0 * k,
            "pelvis_obliquity": 4.0 * k,
        }
        self._fold(peak_deg, 0.42, 30.0, 42.0, DEADLIFT.name, 1.4, 0.3, 1.2, {"style": "asymmetric", **sideways, **more})

    def knee_raise(
        self,
        side: str,
        height_deg: float = 75.0,
        *,
        up_s: float = 0.9,
        hold_s: float = 0.3,
        down_s: float = 0.9,
        pelvis_share: float = 0.10,
        rest_s: float | None = None,
    ) -> None:
        """Raise one knee until its thigh stands at `height_deg`, on the other leg; the pelvis gives `pelvis_share` of it."""
        # the hip: height less what the pelvis tips back
        height_deg = min(height_deg, self._end(side) / (1.0 - pelvis_share))
        shift = 0.35
        other = -1.0 if side == "left" else 1.0
        self._to("support", other, self.now, self.now + shift)
        start = self.now + shift
        top, leaving = start + up_s, start + up_s + hold_s
        back = leaving + down_s
        targets = {
            f"thigh_{side}_elevation": height_deg,
            f"knee_{side}": 1.15 * height_deg,
            "pelvis_tilt": -pelvis_share * height_deg,
            "pelvis_obliquity": -2.0 * other,
            "lumbar_flexion": 0.08 * height_deg,
        }
        for channel, target in targets.items():
            self._to(channel, target, start, top)
            self._to(channel, 0.0, leaving, back)
        self._to("support", 0.0, back, back + shift)
        self._repetition(KNEE_RAISE.name, "plain", start, top, leaving, back)
        self.now += shift
        self._rest(rest_s)

    def sit_down(
        self,
        duration_s: float = 2.0,
        rest_s: float = 2.0,
        *,
        lean_deg: tuple[float, float] = (26.0, 16.0),
        seated_deg: tuple[float, float] = (-12.0, 20.0),
        thigh_deg: float = 84.0,
        **side_deg: float,
    ) -> None:
        """Sit down on a chair of knee height and stay there; `stand_up` ends it.

        lean_deg, seated_deg: tilt of the pelvis and flexion of the lumbar spine on the way and on the seat; thigh_deg:
        elevation of the thighs there; side_deg: other channels on the seat, as in `bend`.
        """
        start, lean, end = self.now, self.now + 0.55 * duration_s, self.now + duration_s
        lean_deg = self.from_the_spine(lean_deg, 0.75 * thigh_deg)
        seated_deg = self.from_the_spine(seated_deg, thigh_deg)
        for channel, leaning, seated in zip(("pelvis_tilt", "lumbar_flexion"), lean_deg, seated_deg, strict=True):
            self._to(channel, leaning, start, lean)
            self._to(channel, seated, lean, end)
        for channel, target in side_deg.items():
            self._to(channel, target, start, lean)
        self._legs(thigh_deg, 90.0, start + 0.1 * duration_s, end)
        self._repetition(SIT_DOWN.name, "plain", start, end, end, end)
        self.stand(rest_s)

    def stand_up(
        self, duration_s: float = 1.8, rest_s: float | None = None, *, lean_deg: tuple[float, float] = (28.0, 17.0)
    ) -> None:
        """Stand up from the chair; lean_deg as in `sit_down`. What was to the side there is straight again."""
        start, lean, end = self.now, self.now + 0.45 * duration_s, self.now + duration_s
        lean_deg = self.from_the_spine(lean_deg, float(np.rad2deg(self._value("thigh_left_elevation"))))
        for channel, leaning in zip(("pelvis_tilt", "lumbar_flexion"), lean_deg, strict=True):
            self._to(channel, leaning, start, lean)
            self._to(channel, 0.0, lean, end)
        for channel in _SIDEWAYS:
            if self._value(channel):
                self._to(channel, 0.0, lean, end)
        self._legs(0.0, 0.0, start + 0.35 * duration_s, end)
        self._repetition(STAND_UP.name, "plain", start, end, end, end)
        self._rest(rest_s)

    def walk(self, duration_s: float, turn_deg: float = 0.0) -> None:
        """Walk, turning to the left by `turn_deg` on the way, evenly over the middle of it; at least 3 s."""
        if duration_s < 3.0:
            raise ValueError(f"a walk of {duration_s} s: at least 3 s are needed to start and stop")
        start, end = self.now, self.now + duration_s
        self._to("walk", 1.0, start, start + 1.0)
        if turn_deg:
            self._to("heading", np.rad2deg(self._value("heading")) + turn_deg, start + 1.0, end - 1.0)
        self._to("walk", 0.0, end - 1.0, end)
        self.now = end

    # -- out of the script -----------------------------------------------------------------------------------------

    def motion(self, body: Body | None = None, sway: float = 1.0) -> Motion:
        """The motion of everything written so far; `sway` scales the postural sway, 0 takes it away."""
        rng = np.random.default_rng([self._seed, 2])
        sines = {name: Sines.random(rng, float(np.deg2rad(size)), SWAY_BAND_HZ) for name, size in SWAY_DEG.items()}
        stride = Stride(float(rng.uniform(0.86, 1.0)), float(rng.uniform(1.1, 1.35)), float(rng.uniform(0.0, 2.0 * np.pi)))
        return Motion(
            {name: Track(moves) for name, moves in self._moves.items() if moves},
            self.now,
            {name: s.scaled(sway) for name, s in sines.items()} if sway else {},
            Body() if body is None else body,
            stride,
            tuple(m.time_s for m in self.marks if m.label == "calibrate"),
        )

    def cut_after(self, time_s: float) -> float:
        """Forget what is written from the first moment on, at `time_s` or later, at which the athlete stands; returns it."""
        cut = time_s
        while cut < self.now and not self._stands_at(cut):
            cut += 0.1
        self._moves = {name: [move for move in moves if move.end_s <= cut] for name, moves in self._moves.items()}
        self.repetitions = [r for r in self.repetitions if r.end_s <= cut]
        self.calibrations = [(begin, end) for begin, end in self.calibrations if begin < cut]
        self.marks = [mark for mark in self.marks if mark.time_s < cut]
        self.now = cut
        return cut

    def _stands_at(self, time_s: float) -> bool:
        for name, moves in self._moves.items():
            if any(move.start_s < time_s < move.end_s for move in moves):
                return False
            before = [move for move in moves if move.end_s <= time_s]
            if name != "heading" and before and abs(before[-1].end) > 1e-6:
                return False
        return True

    # -- how it is written -----------------------------------------------------------------------------------------

    def _fold(
        self,
        peak_deg: float,
        share: Share,
        thigh_deg: float,
        knee_deg: float,
        movement: str,
        down_s: float,
        hold_s: float,
        up_s: float,
        more: Mapping[str, Any],
    ) -> None:
        settings: dict[str, Any] = {
            "lumbar_share": share,
            "thigh_deg": thigh_deg,
            "knee_deg": knee_deg,
            "movement": movement,
            "down_s": down_s,
            "hold_s": hold_s,
            "up_s": up_s,
        }
        self.bend(peak_deg, **(settings | dict(more)))
