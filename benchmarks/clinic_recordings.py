"""The simulated clinic through the whole program: a drawn person does the tests, virtual sensors record, the screen is read.

Each person is one body: a hip that ends in the knee raise ends in the rock-back, the bow and the lying test as well.
"""

from __future__ import annotations

import numpy as np

from benchmarks.clinic_people import ROCK_RANGE_DEG, Clinic, DrawnPerson
from body_signals import Session
from dsp.day.sets import SIDES
from dsp.results import Repetition
from dsp.screen.pattern import Screen, screen_of
from hiphinge.engine import Engine
from virtual_athlete import Script, simulate

PELVIS_SHARE = 0.18
"""Part of a knee raise that comes from the pelvis (Murray 2002)."""
BOW_DEG = 66.0
LEAVES_DEG = 5.0
"""How far the lumbar spine has moved where it gives way, as the screen has it."""


def script_of(person: DrawnPerson, rng: np.random.Generator, clinic: Clinic) -> Script:
    """The person performs each test of the hip screen."""
    hips = dict(zip(SIDES, person.raises, strict=True))
    script = Script(int(rng.integers(1 << 30)), hips)
    script.calibrate()
    script.stand(1.0)
    whole = person.lumbar + person.pelvis
    for _ in range(4):
        script.bend(
            whole + float(rng.normal(0.0, 2.0)),
            person.lumbar / whole,
            down_s=person.descent_s,
            hold_s=0.8,
            up_s=2.0,
            lumbar_lead_s=float(np.clip(-person.onset_s, -0.5, 0.5)) * min(1.0, person.descent_s / 2.0),
            rest_s=1.0,
        )
    script.stand(2.0)
    for side in SIDES:
        for _ in range(4):
            height = hips[side] / (1.0 - PELVIS_SHARE) + float(rng.normal(0.0, 2.0))
            script.knee_raise(side, height, up_s=1.2, hold_s=0.8, down_s=1.2, pelvis_share=PELVIS_SHARE, rest_s=0.8)
    script.stand(1.0)
    script.all_fours(room_deg=person.rock)
    for _ in range(4):
        script.rock_back(ROCK_RANGE_DEG[0] + 6.0, rest_s=0.8)
    script.stand_from_all_fours(rest_s=2.0)
    if clinic.long_screen:
        for _ in range(4):
            script.hinge(BOW_DEG, lumbar_share=_bow(person.bow + float(rng.normal(0.0, 3.0))), rest_s=1.0)
        script.stand(2.0)
    if clinic.extension_test:
        script.sit_down(2.0, rest_s=2.0)
        script.lie_back()
        for side, extension in zip(SIDES, person.extension, strict=True):
            for _ in range(4):
                script.hip_extension(side, extension + float(rng.normal(0.0, 1.5)))
        script.sit_up()
        script.stand_up(2.0, rest_s=1.0)
    script.stand(2.0)
    return script


def _bow(gives_way_deg: float) -> tuple[float, float, float]:
    """Lumbar shares of the thirds of a bow in which the lumbar spine gives way at this trunk inclination: still before its
    third, and then so that it has moved by `LEAVES_DEG` there."""
    third = BOW_DEG / 3.0
    still = 0.02
    within = min(2, max(0, int(gives_way_deg // third)))
    share = (LEAVES_DEG - still * within * third) / max(3.0, gives_way_deg - within * third)
    return tuple(still if i < within else min(0.9, share) for i in range(3))  # type: ignore[return-value]


def recorded(script: Script, seed: int, estimator: str = "review") -> tuple[Session, list[Repetition]]:
    """The repetitions that the program finds in what the virtual sensors send."""
    session = simulate(script, seed)
    engine = Engine(session.session, (estimator,))
    found = [*engine.feed(session.events)[estimator].repetitions, *engine.finish()[estimator].repetitions]
    return session.session, found


def through_recordings(person: DrawnPerson, rng: np.random.Generator, clinic: Clinic) -> Screen:
    """The screen of one recorded session with a person."""
    script = script_of(person, rng, clinic)
    return screen_of(recorded(script, int(rng.integers(1 << 30)))[1])
