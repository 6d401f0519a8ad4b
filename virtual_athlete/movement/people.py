"""Different people: stiff and supple, upright and slouched, limited on one side; each moves differently.

The scenarios have one athlete, who bends by 58° to calibrate. A `Person` states the range of each part, and writes movements
into a `Script` accordingly; `Person.drawn` draws one from a seed. The ranges are wider than those of people without complaints
(lumbar share of a bend 0.38 to 0.63 in eight of ten, Laird 2019, doi 10.1186/s12891-018-2387-x; pelvis leaning back 10 to 30°
on a seat): they are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from body_signals.movements import BEND, DEADLIFT, HINGE, KNEE_RAISE, SIT_DOWN, SQUAT
from virtual_athlete.movement.body import SIDES
from virtual_athlete.movement.script import Script


@dataclass(frozen=True, slots=True)
class Person:
    """How a person moves; degrees, and shares of the trunk's inclination.

    bend_deg, lumbar_share: a forward bend as far as it goes. calibrate_deg: the bends of the calibration. bow_deg, bow_share,
    bow_thigh_deg: a waiter's bow, and how far the thighs lean back in it. squat_deg: thighs at the bottom; squat_lean: trunk
    there, as a share of that; squat_share: of that in the lumbar spine. raise_deg: a knee raise, and pelvis_share of it in the
    pelvis. seat_deg: pelvis and lumbar spine on a chair; seat_lean_deg: on the way to it and from it; seat_thigh_deg: the
    thighs there. tempo: duration of everything, 1 for the usual. limited: the side whose hip has less range, and by which part,
    in every movement: the trunk turns and leans to the other side, the thigh is raised less. hips_deg: where the left and the
    right hip end, in every movement of a `script`.
    """

    bend_deg: float = 80.0
    lumbar_share: float = 0.48
    calibrate_deg: float = 58.0
    bow_deg: float = 62.0
    bow_share: float = 0.08
    bow_thigh_deg: float = 16.0
    squat_deg: float = 82.0
    squat_lean: float = 0.5
    squat_share: float = 0.3
    lift_deg: float = 68.0
    raise_deg: float = 75.0
    pelvis_share: float = 0.10
    seat_deg: tuple[float, float] = (-12.0, 20.0)
    seat_lean_deg: tuple[float, float] = (27.0, 16.0)
    seat_thigh_deg: float = 84.0
    tempo: float = 1.0
    limited: str | None = None
    limited_by: float = 0.0
    hips_deg: tuple[float, float] = (math.inf, math.inf)

    @classmethod
    def drawn(cls, seed: int) -> Person:
        """A random person within these ranges."""
        rng = np.random.default_rng([seed, 7])

        def between(low: float, high: float) -> float:
            return float(rng.uniform(low, high))

        bend_deg = between(45.0, 165.0)
        seat_pelvis = between(-30.0, -6.0)
        seat_trunk = between(-6.0, 18.0)
        lean = between(22.0, 50.0)
        lean_share = between(0.2, 0.6)
        limited = (None, "left", "right")[rng.integers(3)]
        return cls(
            bend_deg=bend_deg,
            lumbar_share=between(0.28, 0.85),
            calibrate_deg=between(0.5, 0.9) * min(bend_deg, 100.0),
            bow_deg=between(40.0, 75.0),
            bow_share=between(0.0, 0.12),
            bow_thigh_deg=between(0.0, 18.0),
            squat_deg=between(60.0, 110.0),
            squat_lean=between(0.12, 0.7),
            squat_share=between(0.1, 0.6),
            lift_deg=between(55.0, 80.0),
            raise_deg=between(50.0, 110.0),
            pelvis_share=between(0.05, 0.3),
            seat_deg=(seat_pelvis, seat_trunk - seat_pelvis),
            seat_lean_deg=((1.0 - lean_share) * lean, lean_share * lean),
            seat_thigh_deg=between(65.0, 92.0),
            tempo=between(0.75, 1.5),
            limited=limited,
            limited_by=between(0.1, 0.35),
        )

    def script(self, seed: int = 0) -> Script:
        """An empty script for this body."""
        return Script(seed, dict(zip(SIDES, self.hips_deg, strict=True)))

    def calibrate(self, script: Script, *, bends: int = 3, raises: int = 2) -> None:
        """Stand, bends and knee raises, as far as this person goes."""
        script.calibrate(
            bends=bends,
            raises=raises,
            bend_deg=self.calibrate_deg,
            lumbar_share=self.lumbar_share,
            raise_deg={side: self._raised(side) for side in SIDES},
            **self._aside(),
        )

    def bend(self, script: Script, part: float = 1.0) -> None:
        """A forward bend, to this part of how far it goes."""
        deg = part * self.bend_deg
        time_s = self.tempo * (1.0 + deg / 100.0)
        script.bend(deg, self.lumbar_share, down_s=time_s, up_s=time_s, **self._aside())

    def bow(self, script: Script) -> None:
        """A waiter's bow: the lumbar spine is held, the hips go back."""
        script.hinge(
            self.bow_deg,
            lumbar_share=self.bow_share,
            thigh_deg=self.bow_thigh_deg,
            knee_deg=self.bow_thigh_deg,
            down_s=1.6 * self.tempo,
            up_s=1.5 * self.tempo,
            **self._aside(),
        )

    def squat(self, script: Script, hold_s: float = 0.3) -> None:
        """A squat, held at the bottom for this time."""
        lean = self.squat_lean * self.squat_deg
        script.squat(
            self.squat_deg,
            lean_deg=lean,
            lumbar_share=self.squat_share,
            down_s=1.4 * self.tempo,
            hold_s=hold_s,
            up_s=1.2 * self.tempo,
            **self._aside(),
        )

    def deadlift(self, script: Script) -> None:
        """Reach to the floor and lift."""
        script.deadlift(self.lift_deg, down_s=1.4 * self.tempo, up_s=1.2 * self.tempo, **self._aside())

    def knee_raise(self, script: Script, side: str) -> None:
        """Raise a knee as far as it goes."""
        time_s = 0.9 * self.tempo
        script.knee_raise(side, self._raised(side), up_s=time_s, down_s=time_s, pelvis_share=self.pelvis_share)

    def sit_to_stand(self, script: Script, rest_s: float = 1.5, between_s: float | None = None) -> None:
        """Sit down, stay for this time, stand up."""
        script.sit_down(
            1.7 * self.tempo,
            rest_s,
            lean_deg=self.seat_lean_deg,
            seated_deg=self.seat_deg,
            thigh_deg=self.seat_thigh_deg,
            **self._aside(),
        )
        script.stand_up(1.6 * self.tempo, between_s, lean_deg=self.seat_lean_deg)

    def movements(self) -> Mapping[str, Callable[[Script], None]]:
        """Each movement by its kind; sitting down and standing up under the first."""
        return {
            BEND.name: self.bend,
            HINGE.name: self.bow,
            SQUAT.name: self.squat,
            DEADLIFT.name: self.deadlift,
            KNEE_RAISE.name: lambda script: self.knee_raise(script, SIDES[0]),
            SIT_DOWN.name: self.sit_to_stand,
        }

    def _raised(self, side: str) -> float:
        return self.raise_deg * (1.0 - self.limited_by if side == self.limited else 1.0)

    def _aside(self) -> dict[str, Any]:
        """Rotation and lean away from the limited side at the turn of a movement."""
        if self.limited is None:
            return {}
        k = self.limited_by * (1.0 if self.limited == "left" else -1.0)
        return {
            "lumbar_lateral": 14.0 * k,
            "lumbar_rotation": 10.0 * k,
            "pelvis_turn": -12.0 * k,
            "pelvis_obliquity": -8.0 * k,
        }
