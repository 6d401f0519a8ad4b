"""Ready sessions: `demo` (a minute and a half), `mixed`, `screen` (three minutes each), `training` (as long as asked).

Each returns a `Script`; the seed decides depths, tempos, shares and pauses. Every one begins with a calibration.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from virtual_athlete.movement.script import Script

HIP_LED = (0.45, 0.36, 0.27)
LUMBAR_LED = (0.85, 0.60, 0.35)
LATE_SLACK = (0.20, 0.30, 0.62)
"""Lumbar share of the early, middle and late third of a bend (ours): led by the hips, led by the lumbar spine, late slack."""


SHORT_HIP_DEG = 74.0
"""Largest flexion of the short hip of `screen` (ours)."""


def demo(seed: int = 0) -> Script:
    """Calibration, 4 bends, 4 squats, 4 deadlifts, sitting down and standing up, a short walk."""
    script, rng = Script(seed), np.random.default_rng([seed, 3])
    script.calibrate()
    for share in (HIP_LED, HIP_LED, LUMBAR_LED, LUMBAR_LED):
        script.bend(rng.uniform(70.0, 85.0), share, down_s=rng.uniform(1.4, 1.6), hold_s=0.3, up_s=1.5, rest_s=0.6)
    for _ in range(4):
        script.squat(rng.uniform(75.0, 88.0), down_s=1.2, hold_s=0.2, up_s=1.1, rest_s=0.6)
    for _ in range(4):
        script.deadlift(rng.uniform(60.0, 72.0), down_s=1.2, hold_s=0.2, up_s=1.1, rest_s=0.6)
    script.stand(0.5)
    script.sit_down(1.8, rest_s=1.5)
    script.stand_up(1.6, rest_s=0.8)
    script.walk(6.0, turn_deg=60.0)
    script.stand(1.5)
    return script


def mixed(seed: int = 0) -> Script:
    """About three minutes of everything: good and poor, slow and quick, partial and asymmetric, with walking between."""
    script, rng = Script(seed), np.random.default_rng([seed, 4])
    script.calibrate()
    script.stand(1.0)
    for share in (HIP_LED, LUMBAR_LED, LATE_SLACK):
        script.bend(rng.uniform(65.0, 95.0), share, down_s=rng.uniform(1.4, 2.0), up_s=rng.uniform(1.3, 1.9))
    script.bend(rng.uniform(24.0, 30.0), HIP_LED, down_s=0.9, hold_s=0.3, up_s=0.9, style="partial")
    script.bend(85.0, LUMBAR_LED, down_s=7.0, hold_s=1.5, up_s=6.0, style="slow")
    script.walk(9.0, turn_deg=rng.uniform(80.0, 170.0))
    script.stand(1.5)
    for _ in range(3):
        script.squat(rng.uniform(70.0, 95.0))
    script.squat(rng.uniform(38.0, 45.0), down_s=0.9, up_s=0.8, style="partial")
    for _ in range(2):
        script.hinge(rng.uniform(55.0, 68.0))
    script.stand(1.0)
    for k in range(4):
        last = k == 3
        script.deadlift(
            rng.uniform(60.0, 75.0), down_s=0.9, hold_s=0.15, up_s=0.8, style="touch_and_go", rest_s=1.0 if last else 0.0
        )
    for side in ("right", "left"):
        script.asymmetric_lift(side, rng.uniform(50.0, 65.0))
    script.walk(8.0, turn_deg=-rng.uniform(100.0, 200.0))
    script.stand(1.0)
    script.sit_down(2.0, rest_s=4.0)
    script.stand_up(1.8, rest_s=1.0)
    script.sit_down(1.5, rest_s=1.5)
    script.stand_up(1.3, rest_s=1.0)
    for side in ("left", "right"):
        script.knee_raise(side, rng.uniform(70.0, 88.0))
    script.walk(6.0)
    script.stand(1.5)
    for share in (HIP_LED, LUMBAR_LED):
        script.bend(rng.uniform(70.0, 95.0), share)
    script.squat(rng.uniform(75.0, 95.0), down_s=0.8, hold_s=0.1, up_s=0.7)
    for _ in range(3):
        script.bend(rng.uniform(70.0, 90.0), 0.48, down_s=1.2, up_s=1.1, lumbar_lead_s=rng.uniform(-0.2, 0.2))
    script.stand(2.0)
    return script


def training(seed: int = 0, duration_s: float = 3600.0) -> Script:
    """Sets with pauses, walks and sitting for about `duration_s` (at least a minute): calibration first, then at random."""
    if duration_s < 60.0:
        raise ValueError(f"a training of {duration_s} s: at least 60 s")
    script, rng = Script(seed), np.random.default_rng([seed, 5])
    script.calibrate()
    _exercise(script, rng, duration_s)
    return script


def going_on(scenario: str, seed: int = 0, duration_s: float = 7200.0) -> Script:
    """A scenario by its name, after which the athlete trains on until `duration_s`."""
    script = SCENARIOS[scenario](seed)
    _exercise(script, np.random.default_rng([seed, 6]), duration_s)
    return script


def standing(duration_s: float = 7200.0) -> Script:
    """Somebody who stands and waits to be told what to do (`SimulatedAthlete.goes_on`)."""
    script = Script()
    script.stand(duration_s)
    return script


def _exercise(script: Script, rng: np.random.Generator, duration_s: float) -> None:
    """Sets with pauses, walks and sitting, at random, until `duration_s` of the script."""

    def bends() -> None:
        share = (HIP_LED, LUMBAR_LED, LATE_SLACK)[rng.integers(3)]
        script.bend(rng.uniform(60.0, 95.0), share, down_s=rng.uniform(1.2, 2.2), up_s=rng.uniform(1.1, 2.0))

    def lift() -> None:
        script.asymmetric_lift(("left", "right")[rng.integers(2)], rng.uniform(48.0, 66.0))

    exercises: tuple[Callable[[], None], ...] = (
        bends,
        lambda: script.squat(rng.uniform(65.0, 95.0), down_s=rng.uniform(1.0, 2.0), up_s=rng.uniform(0.8, 1.6)),
        lambda: script.deadlift(rng.uniform(55.0, 75.0), down_s=rng.uniform(1.0, 1.8), up_s=rng.uniform(0.8, 1.5)),
        lambda: script.hinge(rng.uniform(50.0, 70.0)),
        lift,
    )
    while duration_s - script.now > 30.0:
        left = duration_s - script.now
        exercise = exercises[rng.integers(len(exercises))]
        for _ in range(int(rng.integers(3, 9))):
            if duration_s - script.now > 12.0:
                exercise()
        between = rng.integers(3)
        if between == 0 and left > 60.0:
            script.walk(rng.uniform(5.0, 20.0), turn_deg=rng.uniform(-200.0, 200.0))
            script.stand(1.5)
        elif between == 1 and left > 60.0:
            script.sit_down(rng.uniform(1.6, 2.4), rest_s=rng.uniform(3.0, 15.0))
            script.stand_up(rng.uniform(1.4, 2.0))
        script.stand(rng.uniform(1.0, 8.0))
    script.stand(max(0.5, duration_s - script.now))


def screen(seed: int = 0, limited: str | None = "left") -> Script:
    """The hip screen, test by test (docs/screen.md). limited: the side whose hip runs out early; None: neither does.

    A limited athlete bends from the lumbar spine. The hip ends at 74° in every movement; on all fours that is after 12°, from
    where the lumbar spine gives way.
    """
    script = Script(seed, {} if limited is None else {limited: SHORT_HIP_DEG})
    rng = np.random.default_rng([seed, 6])
    script.calibrate()
    script.stand(1.0)
    for _ in range(5):
        share = (0.55, 0.45, 0.32) if limited is None else (0.82, 0.80, 0.78)
        script.bend(rng.uniform(96.0, 104.0), share, down_s=rng.uniform(1.9, 2.3), hold_s=1.0, up_s=2.0, rest_s=1.0)
    script.stand(3.0)
    for _ in range(4):
        script.hinge(rng.uniform(60.0, 66.0), lumbar_share=0.04 if limited is None else 0.16, rest_s=1.0)
    script.stand(3.0)
    for side in ("left", "right"):
        for _ in range(5):
            height, pelvis = (rng.uniform(98.0, 102.0), 0.24) if side == limited else (rng.uniform(126.0, 130.0), 0.16)
            script.knee_raise(side, height, up_s=1.3, hold_s=0.8, down_s=1.3, pelvis_share=pelvis, rest_s=0.8)
    script.stand(1.0)
    script.all_fours()
    for _ in range(5):
        script.rock_back(rng.uniform(46.0, 50.0), rest_s=0.8)
    script.stand_from_all_fours(rest_s=3.0)
    for _ in range(4):
        script.sit_down(2.0, rest_s=1.5)
        script.stand_up(1.8, rest_s=1.0)
    script.stand(2.0)
    for _ in range(4):
        script.squat(rng.uniform(78.0, 86.0), rest_s=0.8)
    script.stand(2.0)
    return script


SCENARIOS: dict[str, Callable[[int], Script]] = {"demo": demo, "mixed": mixed, "screen": screen, "training": training}
