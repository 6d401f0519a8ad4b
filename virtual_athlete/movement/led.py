"""The simulated athlete does what a protocol says: its tests in order, at a pace that a person keeps.

The athlete of these movements is one whose left hip runs out early, unless somebody else is asked for: the lumbar spine takes
the larger part of a bend, and gives way on all fours after about 12° (as in `virtual_athlete.movement.scenarios.screen`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from virtual_athlete.movement.script import Script


@dataclass(frozen=True, slots=True)
class Asked:
    """A step of a protocol: which test, on which side, how many times or for how many seconds."""

    test: str
    side: str = ""
    repetitions: int = 0
    seconds: float = 0.0
    tap: bool = False
    """Begins when somebody says so."""


_TAPPED = "tapped"
"""Each of its repetitions is tapped."""
_HEARD_S, _GIVE_UP_S = 6.0, 30.0
"""After a step, until the next is awaited for certain; and after the last, until the protocol is given up, s (ours)."""


def performs(
    script: Script,
    steps: Sequence[Asked],
    seed: int = 0,
    limited: str | None = "left",
    begun_s: float | None = None,
    *,
    alone: bool = False,
) -> None:
    """Write what the steps ask into the script. begun_s: when the first step began, where the athlete has stood since then.
    alone: nobody else is there, so the athlete taps too what is to be tapped, as marks; after the last step the protocol is
    stopped in any case."""
    rng = np.random.default_rng([seed, 7])
    for i, step in enumerate(steps):
        if step.test == "stand":
            script.stand(max(0.5, step.seconds + 2.5 - (0.0 if i or begun_s is None else script.now - begun_s)))
            continue
        if step.tap and alone:
            script.stand(_HEARD_S)
            script.mark("step start")
        _TESTS[step.test](script, rng, step, limited)
        if step.test == _TAPPED and alone:
            _taps(script, step)
        script.stand(2.0)
    if alone:
        script.stand(_GIVE_UP_S)
        script.mark("protocol stop")


def _bend(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    share = (0.55, 0.45, 0.32) if limited is None else (0.82, 0.80, 0.78)
    for _ in range(step.repetitions):
        script.bend(rng.uniform(96.0, 104.0), share, down_s=rng.uniform(1.8, 2.1), hold_s=0.6, up_s=1.9, rest_s=1.0)


def _fast_bend(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    share = (0.55, 0.45, 0.32) if limited is None else (0.82, 0.80, 0.78)
    for _ in range(step.repetitions):
        script.bend(rng.uniform(86.0, 94.0), share, down_s=rng.uniform(0.9, 1.0), hold_s=0.3, up_s=0.95, rest_s=0.8)


def _bow(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        script.hinge(rng.uniform(60.0, 66.0), lumbar_share=0.04 if limited is None else 0.16, rest_s=1.0)


def _knee_raise(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        height, pelvis = (rng.uniform(94.0, 98.0), 0.24) if step.side == limited else (rng.uniform(126.0, 130.0), 0.16)
        script.knee_raise(step.side, height, up_s=1.2, hold_s=0.6, down_s=1.2, pelvis_share=pelvis, rest_s=0.7)


def _rock_back(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    script.all_fours()
    for _ in range(step.repetitions):
        slack = None if limited is None else 84.0 + rng.uniform(10.0, 14.0)
        script.rock_back(rng.uniform(46.0, 50.0), slack, rest_s=0.8)
    script.stand_from_all_fours(rest_s=1.5)


def _sit_to_stand(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        script.sit_down(2.0, rest_s=1.5)
        script.stand_up(1.8, rest_s=1.0)


def _squat(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        script.squat(rng.uniform(78.0, 86.0), rest_s=0.8)


def _deadlift(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        script.deadlift(rng.uniform(62.0, 70.0), rest_s=1.0)


def _hip_extension(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    script.sit_down(2.0, rest_s=1.0)
    script.lie_back()
    for _ in range(step.repetitions):
        script.hip_extension(step.side, rng.uniform(-4.0, -2.0) if step.side == limited else rng.uniform(6.0, 9.0))
    script.sit_up()
    script.stand_up(1.8, rest_s=0.5)


def _side_bend(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    way = 1.0 if step.side == "right" else -1.0
    for _ in range(step.repetitions):
        script.bend(2.0, 0.5, thigh_deg=0.0, knee_deg=0.0, rest_s=1.0, lumbar_lateral=way * rng.uniform(20.0, 24.0))


def _trunk_extension(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    for _ in range(step.repetitions):
        script.bend(-rng.uniform(18.0, 22.0), 0.7, thigh_deg=0.0, knee_deg=0.0, rest_s=1.0)


def _single_leg_hinge(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    drop = 4.0 if step.side == "left" else -4.0
    for _ in range(step.repetitions):
        script.hinge(rng.uniform(44.0, 50.0), rest_s=1.0, pelvis_obliquity=drop)


def _step_down(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    drop = 4.0 if step.side == "left" else -4.0
    for _ in range(step.repetitions):
        script.squat(rng.uniform(34.0, 40.0), rest_s=1.0, pelvis_obliquity=drop)


def _hip_rotation(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    """The shin is not simulated: the thigh swings in its place, as far as a shin does."""
    for _ in range(step.repetitions):
        height = rng.uniform(24.0, 26.0) if step.side == limited else rng.uniform(34.0, 38.0)
        script.knee_raise(step.side, height, up_s=0.9, hold_s=0.3, down_s=0.9, pelvis_share=0.0, rest_s=0.6)


def _tapped(script: Script, rng: np.random.Generator, step: Asked, limited: str | None) -> None:
    """Nothing that a sensor tells."""


def _taps(script: Script, step: Asked) -> None:
    for _ in range(step.repetitions):
        script.stand(3.0)
        script.mark("step count")


_TESTS: dict[str, Callable[[Script, np.random.Generator, Asked, str | None], None]] = {
    "bend": _bend,
    "bow": _bow,
    "knee_raise": _knee_raise,
    "rock_back": _rock_back,
    "hip_extension": _hip_extension,
    "sit_to_stand": _sit_to_stand,
    "squat": _squat,
    "deadlift": _deadlift,
    "side_bend": _side_bend,
    "painful_movement": _deadlift,
    "fast_bend": _fast_bend,
    "trunk_extension": _trunk_extension,
    "single_leg_hinge": _single_leg_hinge,
    "step_down": _step_down,
    "hip_rotation": _hip_rotation,
    _TAPPED: _tapped,
}
