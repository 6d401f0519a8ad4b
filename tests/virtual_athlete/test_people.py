"""People out of the drawn range: they move as they say, and what the finder and the calibration make of them is right."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from dsp.live import LivePipeline
from dsp.results import Repetition
from dsp.review import ReviewPipeline
from tests.dsp.repetitions_by_hand import BODY, find, truth_rows
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import Person, Script, TrueRepetition, to_plain


def everything(seed: int) -> Script:
    """Every movement of a drawn person, squats that are held and short seats among them."""
    person, script = Person.drawn(seed), Script(seed)
    script.stand(2.0)
    for _ in range(4):
        person.bend(script)
    for move in person.movements().values():
        move(script)
    person.bow(script)
    for hold_s in (0.9, 1.6):
        person.squat(script, hold_s)
    script.stand(1.0)
    for rest_s in (2.0, 0.3, 0.1):
        person.sit_to_stand(script, rest_s, between_s=0.4)
    script.stand(2.0)
    return script


def right_of(found: list[Repetition], true: list[TrueRepetition]) -> int:
    """How many true movements have one found of their kind, and no other, at their time."""
    right = 0
    for one in true:
        at = [r for r in found if min(r.end_s, one.end_s) - max(r.start_s, one.start_s) > 0.5 * (one.end_s - one.start_s)]
        right += [r.movement for r in at] == [one.movement]
    return right


def test_the_same_seed_is_the_same_person() -> None:
    assert Person.drawn(3) == Person.drawn(3)
    drawn = [Person.drawn(seed) for seed in range(200)]
    assert {p.limited for p in drawn} == {None, "left", "right"}
    assert min(p.calibrate_deg for p in drawn) < 30.0
    assert max(p.bend_deg for p in drawn) > 155.0
    assert min(p.calibrate_deg * (1.0 - p.lumbar_share) for p in drawn) < 10.0


@pytest.mark.parametrize("limited", ["left", "right"])
def test_a_limited_side_shows_in_every_movement(limited: str) -> None:
    person = Person(limited=limited, limited_by=0.3)
    sign = 1.0 if limited == "left" else -1.0
    for name, move in person.movements().items():
        script = Script(1)
        move(script)
        if name == "knee_raise":
            person.knee_raise(script, "right")
        motion = script.motion(sway=0.0)
        angles = {n: np.degrees(a) for n, a in motion.angles(np.arange(0.0, motion.duration_s, 0.02)).items()}
        if name == "knee_raise":
            left, right = (angles[f"thigh_{side}_inclination"].max() for side in ("left", "right"))
            assert sign * (right - left) > 10.0
        else:
            leans = angles["lumbar_lateral"]
            assert sign * leans[np.argmax(np.abs(leans))] > 2.0, name


def test_kinds_of_drawn_people_are_right_in_nineteen_of_twenty() -> None:
    """From true angles. Of 40 people 1,000 of 1,010; before short seats, bows and supple bends were told 735."""
    right = several = 0
    for seed in range(40, 52):
        script = everything(seed)
        found = find(truth_rows(script))
        assert all(a.end_s <= b.start_s for a, b in pairwise(found))
        right += right_of(found, script.repetitions)
        several += len(script.repetitions)
    assert right >= 0.95 * several


@cache
def measured(seed: int, estimator: str) -> tuple[Script, Found]:
    """A drawn person calibrates, bends four times, squats, and sits down and stands up."""
    person, script = Person.drawn(seed), Script(seed)
    person.calibrate(script)
    script.stand(1.0)
    for _ in range(4):
        person.bend(script)
    person.squat(script)
    person.sit_to_stand(script, 1.5)
    script.stand(2.0)
    session, samples = to_plain(script, seed)
    pipeline = (LivePipeline if estimator == "live" else ReviewPipeline)(session.sensors, BODY)
    return script, from_samples(pipeline, samples, [mark.time_s for mark in session.marks])


STIFF, LIMITED = 8, 7
"""Of the drawn people: a pelvis that calibrates with 8°, and one who is limited on the left."""


@pytest.mark.parametrize(("seed", "estimator"), [(STIFF, "live"), (STIFF, "review"), (LIMITED, "review")])
def test_a_drawn_person_is_calibrated_the_right_way_round(seed: int, estimator: str) -> None:
    script, found = measured(seed, estimator)
    assert set(found.alignments[-1].to_segment) == set(BODY)
    motion = script.motion()
    true = {n: np.degrees(a) for n, a in motion.angles(found.time_s).items()}
    for name in ("lumbar_flexion", "pelvis_tilt", "hip_left_flexion", "hip_right_flexion"):
        there = np.isfinite(found.deg(name))
        assert np.corrcoef(found.deg(name)[there], true[name][there])[0, 1] > 0.95, name
    # the bends after those of the calibration are repetitions
    assert [r.movement for r in found.repetitions] == [r.movement for r in script.repetitions]


def test_a_stiff_pelvis_is_less_sure() -> None:
    _, found = measured(STIFF, "review")
    report = {r.placement: r for r in found.alignments[-1].reports}
    assert 0.0 < report["pelvis"].confidence < report["lumbar"].confidence
