"""How a script of movements is written: moves of the body's channels one after another, and the repetitions that they make.

A body has ends: `Writing.hips` says how far each hip flexes, and no movement goes beyond that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from body_signals import Floats, SessionMark
from virtual_athlete.movement.body import CHANNELS, SIDES
from virtual_athlete.movement.trajectories import Move

SOFT_DEG = 20.0
"""Thighs that lean by less than this belong to a movement with straight knees (ours)."""
_WITHOUT_UNIT = ("support", "walk")


@dataclass(frozen=True, slots=True)
class TrueRepetition:
    """A repetition as scripted: session times (s), kind of `body_signals.movements.KINDS`, and a word for how it was done.

    descent_end_s and ascent_start_s bound the hold; turn_s is its middle. A movement of one phase has
    turn_s = end_s. style: `plain`, `partial`, `slow`, `touch_and_go`, `asymmetric`. metrics: the true values, named
    and in units as in `body_signals.quantities.REPETITION_METRICS`; missing where not defined.
    """

    start_s: float
    turn_s: float
    end_s: float
    movement: str
    style: str
    descent_end_s: float
    ascent_start_s: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    slack_hip_deg: float | None = None
    """Flexion of the hips at which the lumbar spine begins to flex, of a rock-back that has such a point."""


class Writing:
    """What all movements are written with. `now` is the time reached; `seed` decides pauses and sway.

    hips: largest flexion of a hip, pelvis to femur, degrees, by side; a side that is not named has no end here. It holds in
    every movement: where it would go further, the pelvis stays behind and the lumbar spine makes up the rest.
    """

    def __init__(self, seed: int = 0, hips: Mapping[str, float] = MappingProxyType({})) -> None:
        self._seed = seed
        self.hips = dict(hips)
        self._rng = np.random.default_rng([seed, 1])
        self._moves: dict[str, list[Move]] = {name: [] for name in CHANNELS}
        self.now = 0.0
        self.marks: list[SessionMark] = []
        self.repetitions: list[TrueRepetition] = []
        self.calibrations: list[tuple[float, float]] = []
        """Start and end of each calibration: what moves in there is not a repetition."""

    def from_the_spine(self, tilt_and_flexion_deg: tuple[float, float], thigh_deg: float) -> tuple[float, float]:
        """Pelvis tilt and lumbar flexion of a posture with both thighs at an elevation, degrees: what the hips cannot give
        comes from the lumbar spine."""
        tilt, flexion = tilt_and_flexion_deg
        beyond = self._beyond(tilt, thigh_deg)
        return tilt - beyond, flexion + beyond

    def less_deep(self, tilt_deg: float, thigh_deg: float) -> float:
        """Part of the way that thighs and knees go in a movement with bent knees: half of what the hips cannot give is not
        done, the other half comes from the lumbar spine."""
        beyond = self._beyond(tilt_deg, thigh_deg)
        return 1.0 if thigh_deg < SOFT_DEG else max(0.3, 1.0 - 0.5 * beyond / thigh_deg)

    def taken_over(self, tilt: Floats, thigh_deg: float) -> tuple[float, float]:
        """What the lumbar spine takes over in a movement, radians, and from which part of its progress on, where the hips end.

        tilt (3,): coefficients of the pelvis tilt over the progress, radians; thigh_deg: elevation of both thighs at its end.
        """
        end = math.radians(min(self._end(side) for side in SIDES))
        m = np.linspace(0.0, 1.0, 101)
        hip = m * (tilt[0] + m * (tilt[1] + m * tilt[2])) + m * math.radians(thigh_deg)
        if not hip.max() > end:
            return 0.0, 0.5
        knee = min(0.9, max(0.05, float(m[np.argmax(hip > end)])))
        after = m > knee + 0.02
        return float(((hip[after] - end) / (m[after] - knee)).max(initial=0.0)), knee

    def _beyond(self, tilt_deg: float, thigh_deg: float) -> float:
        """How far this posture would go beyond the end of a hip, degrees; 0 where it does not."""
        return max(0.0, tilt_deg + thigh_deg - min(self._end(side) for side in SIDES))

    def _end(self, side: str) -> float:
        return self.hips.get(side, math.inf)

    def _about(self, value: float, spread: float) -> float:
        return float(self._rng.uniform(value - spread, value + spread))

    def _rest(self, rest_s: float | None) -> None:
        self.now += float(self._rng.uniform(0.5, 0.9)) if rest_s is None else rest_s

    def _value(self, channel: str) -> float:
        moves = self._moves[channel]
        return moves[-1].end if moves else 0.0

    def _to(self, channel: str, target_deg: float, start_s: float, end_s: float) -> None:
        target = target_deg if channel in _WITHOUT_UNIT else np.deg2rad(target_deg)
        self._shaped(channel, np.array([target - self._value(channel), 0.0, 0.0]), start_s, end_s)

    def _shaped(
        self, channel: str, coefficients: Floats, start_s: float, end_s: float, bend: float = 0.0, knee: float = 0.5
    ) -> None:
        c1, c2, c3 = (float(c) for c in coefficients)
        self._moves[channel].append(Move(start_s, end_s, self._value(channel), c1, c2, c3, bend, knee))

    def _legs(self, thigh_deg: float, knee_deg: float, start_s: float, end_s: float) -> None:
        for side in SIDES:
            self._to(f"thigh_{side}_elevation", thigh_deg, start_s, end_s)
            self._to(f"knee_{side}", knee_deg, start_s, end_s)

    def _repetition(
        self,
        movement: str,
        style: str,
        start: float,
        bottom: float,
        leaving: float,
        end: float,
        slack_hip_deg: float | None = None,
    ) -> None:
        turn = end if bottom == end else 0.5 * (bottom + leaving)
        self.repetitions.append(TrueRepetition(start, turn, end, movement, style, bottom, leaving, slack_hip_deg=slack_hip_deg))
        self.now = end
