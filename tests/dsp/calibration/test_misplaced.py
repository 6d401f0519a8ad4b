"""Exchanged and turned sensors are told during the calibration, before the first scored repetition; sound ones never.

People are drawn: stiff, supple, limited on one side; sensors at 50 to 200 Hz, up to 25° askew.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import BODY_PLACEMENTS, Cause, Mounting, Sensor
from dsp.calibration.misplaced import Fault, Misplaced, Movement, exchanged
from dsp.calibration.misplaced_watch import Expected
from dsp.live import LivePipeline
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress
from dsp.results import Finding, latest
from dsp.review import ReviewPipeline
from tests.dsp.sessions import between, block
from virtual_athlete import Samples, Script, SimulatedAthlete
from virtual_athlete.movement.people import Person

KEYS = tuple(p.value for p in BODY_PLACEMENTS)
SWAPS = tuple(itertools.combinations(KEYS, 2))
TURNS = {
    "z180": (0, 0, 180),
    "z90": (0, 0, 90),
    "z-90": (0, 0, -90),
    "x180": (180, 0, 0),
    "y180": (0, 180, 0),
    "x90": (90, 0, 0),
}
"""How a sensor is turned, about its own axes: x up, z outwards."""


@dataclass(frozen=True)
class Worn:
    """A drawn person's calibration and a bend after it, as samples of four sensors."""

    script: Script
    sensors: tuple[Sensor, ...]
    samples: Mapping[str, Samples]
    rate_hz: float

    def exchanged(self, a: str, b: str) -> Worn:
        return replace(self, samples={**self.samples, a: self.samples[b], b: self.samples[a]})

    def turned(self, key: str, turn: str) -> Worn:
        about, one = Rotation.from_euler("xyz", TURNS[turn], degrees=True), self.samples[key]
        back = about.inv()
        return replace(self, samples={**self.samples, key: replace(one, acc=back.apply(one.acc), gyr=back.apply(one.gyr))})

    def remembered(self, worn: Mapping[str, Sequence[float]]) -> Worn:
        return replace(self, sensors=tuple(replace(s, mounting=None, worn=tuple(worn[s.key])) for s in self.sensors))


@dataclass(frozen=True)
class Told:
    findings: list[Finding]
    progress: list[CalibrationProgress]
    outputs: list[PipelineOutput]

    @property
    def holding(self) -> set[tuple[str, Cause]]:
        return {(f.sensor, f.cause) for f in self.findings if f.until_s is None}


@cache
def of_seed(seed: int) -> tuple[Worn, tuple[Sensor, ...]]:
    """With sensors whose mounting is not stated, and beside it the same sensors with theirs."""
    rng, person, script = np.random.default_rng([seed, 5]), Person.drawn(seed), Script(seed)
    script.stand(1.0)
    person.calibrate(script)
    script.stand(1.5)
    person.bend(script)
    script.stand(1.5)
    rate_hz, sway = float(rng.choice((50.0, 60.0, 100.0, 200.0))), float(rng.uniform(0.6, 1.6))
    bare, stated = (
        SimulatedAthlete(script, seed, rate_hz=rate_hz, state_mounting=stated, sway=sway) for stated in (False, True)
    )
    return Worn(script, bare.session.sensors, bare.plain(), rate_hz), stated.session.sensors


def drawn(seed: int, stated: bool = False) -> Worn:
    worn, sensors = of_seed(seed)
    return replace(worn, sensors=sensors) if stated else worn


def told(worn: Worn, pipeline: type[LivePipeline] | type[ReviewPipeline] = LivePipeline, chunk_s: float = 10.0) -> Told:
    estimator = pipeline(worn.sensors, KEYS)
    outputs, begin, marks = [], 0.0, [m.time_s for m in worn.script.marks]
    while begin <= max(s.time_s[-1] for s in worn.samples.values()):
        blocks = []
        for i, (key, s) in enumerate(worn.samples.items()):
            at = between(s.time_s, begin, begin + chunk_s)
            if at.stop > at.start:
                blocks.append(block(key, i, s.time_s[at], s.acc[at], s.gyr[at], rate_hz=worn.rate_hz))
        now, marks = [m for m in marks if m < begin + chunk_s], [m for m in marks if m >= begin + chunk_s]
        seq, time_s = np.concatenate([b.seq for b in blocks]), np.concatenate([b.time_s for b in blocks])
        order = np.argsort(seq)
        outputs.append(estimator.feed(blocks, now, seq[order], np.maximum.accumulate(time_s[order])))
        begin += chunk_s
    outputs.append(estimator.finish())
    findings = latest([f for o in outputs for f in o.findings if f.cause in (Cause.SWAPPED, Cause.TURNED)])
    return Told(findings, [p for o in outputs for p in o.calibration], outputs)


def before_the_first_repetition(worn: Worn, found: Told) -> bool:
    """Whether all that holds was known when the calibration movements had ended, and so before any repetition counts."""
    first_s = worn.script.calibrations[-1][1]
    return all(f.known_s <= first_s + 0.7 for f in found.findings if f.until_s is None)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_swaps_and_turns_are_told_before_the_first_scored_repetition(seed: int) -> None:
    rng = np.random.default_rng([seed, 77])
    if seed % 2:
        a, b = SWAPS[(seed // 2) % len(SWAPS)]
        worn, expected = drawn(seed).exchanged(a, b), {(a, Cause.SWAPPED), (b, Cause.SWAPPED)}
    else:
        key = KEYS[(seed // 2) % len(KEYS)]
        # how far round a thigh its sensor sits is not said by a mounting
        turns = [turn for turn in TURNS if turn != "x90" or "thigh" not in key]
        worn, expected = drawn(seed, True).turned(key, turns[int(rng.integers(len(turns)))]), {(key, Cause.TURNED)}
    found = told(worn)
    assert found.holding == expected
    assert before_the_first_repetition(worn, found)
    last = found.progress[-1]
    assert {key for m in last.misplaced for key in m.placements} == {key for key, _ in expected}
    (reports,) = [a.reports for o in found.outputs for a in o.alignments][-1:]
    assert all(r.confidence < 0.35 for r in reports if (r.placement in dict(expected)))


@pytest.mark.parametrize("stated", [False, True])
@pytest.mark.parametrize("seed", range(40, 50))
def test_nothing_is_told_of_sound_ones(seed: int, stated: bool) -> None:
    found = told(drawn(seed, stated))
    assert not found.findings
    assert not any(p.misplaced for p in found.progress)


@pytest.mark.parametrize("chunk_s", [0.11, 100.0])
def test_the_same_however_the_input_is_cut(chunk_s: float) -> None:
    worn = drawn(3).exchanged("lumbar", "thigh_left")
    whole, cut = told(worn), told(worn, chunk_s=chunk_s)
    assert cut.findings == whole.findings
    assert cut.progress == whole.progress


def test_review_tells_it_too() -> None:
    worn = drawn(5).exchanged("thigh_left", "thigh_right")
    assert told(worn, ReviewPipeline).holding == told(worn).holding == {(key, Cause.SWAPPED) for key in KEYS[2:]}


def test_calibrating_again_with_the_sensors_put_right_ends_it() -> None:
    script = Script(8)
    for _ in range(2):
        script.calibrate()
        script.stand(2.0)
    athlete = SimulatedAthlete(script, 8)
    samples, at_s = athlete.plain(), script.calibrations[0][1] + 1.0
    wrong = dict(samples)
    for key, other in (("lumbar", "pelvis"), ("pelvis", "lumbar")):
        one, first = samples[key], samples[key].time_s < at_s
        two = samples[other]
        wrong[key] = replace(
            one, acc=np.where(first[:, None], two.acc, one.acc), gyr=np.where(first[:, None], two.gyr, one.gyr)
        )
    found = told(Worn(script, athlete.session.sensors, wrong, 100.0))
    assert {(f.sensor, f.cause, f.until_s) for f in found.findings} == {
        (key, Cause.SWAPPED, script.marks[1].time_s) for key in KEYS[:2]
    }
    assert not found.progress[-1].misplaced


def test_a_kit_that_remembers_how_a_sensor_was_worn_tells_a_turn_and_doubts_nothing() -> None:
    sound = drawn(7)
    (alignment,) = [a for o in told(sound).outputs for a in o.alignments][-1:]
    again = sound.remembered({key: tuple(np.round(q, 4)) for key, q in alignment.to_segment.items()})
    assert not any(p.misplaced for p in told(again).progress)
    found = told(again.turned("pelvis", "z180"))
    (turned,) = found.progress[-1].misplaced
    assert (turned.fault, turned.placements, turned.harmless) == (Fault.TURNED, ("pelvis",), True)
    assert turned.degrees == pytest.approx(180.0, abs=30.0)
    assert not found.findings
    # the calibration has found it out
    (aligned,) = [a for o in found.outputs for a in o.alignments][-1:]
    assert [r.confidence for r in aligned.reports] == pytest.approx([r.confidence for r in alignment.reports], abs=0.1)


def test_with_nothing_stated_a_turn_is_no_fault() -> None:
    assert not told(drawn(9).turned("lumbar", "z180")).findings


def test_how_a_sensor_should_be_worn() -> None:
    stated = Expected.of(Mounting("+x", "+y"))
    # X forward, Y up, Z to the right: the sensor's x up and y to the left, so its z points back
    about = Rotation.from_matrix(np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]))
    worn = Expected.worn(about.as_quat(scalar_first=True))
    assert np.allclose(worn.up, stated.up)
    assert np.allclose(worn.right, stated.right)


def movement(**peak_deg: float) -> Movement:
    back = peak_deg.get("thigh_left", 0.0) > 20.0 or peak_deg.get("thigh_right", 0.0) > 20.0
    return Movement(peak_deg, {key: np.array([0.0, 0.0, -1.0 if back else 1.0]) for key in peak_deg})


BENDING = movement(lumbar=60.0, pelvis=30.0, thigh_left=4.0, thigh_right=5.0)
LEFT, RIGHT = (
    movement(lumbar=2.0, pelvis=8.0, thigh_left=70.0, thigh_right=4.0),
    movement(lumbar=2.0, pelvis=8.0, thigh_left=4.0, thigh_right=70.0),
)


def test_what_is_done_in_another_order_is_asked_about() -> None:
    assert exchanged(KEYS, [BENDING] * 3 + [LEFT] * 2 + [RIGHT] * 2) is None
    swapped = exchanged(KEYS, [BENDING] * 3 + [RIGHT])
    assert swapped is not None
    assert swapped.placements == ("thigh_left", "thigh_right")
    assert swapped.sure < 0.7
    # the right knee was a mistake, and is raised again where it was asked for
    assert exchanged(KEYS, [BENDING] * 3 + [RIGHT] + [LEFT] * 2 + [RIGHT]) is None
    both = exchanged(KEYS, [BENDING] * 3 + [RIGHT] * 2 + [LEFT] * 2)
    assert both is not None
    assert both.placements == ("thigh_left", "thigh_right")
    # knees before the bends, or a bend again at the end
    assert exchanged(KEYS, [LEFT] * 2 + [RIGHT] * 2 + [BENDING] * 3) is None
    assert exchanged(KEYS, [BENDING] * 3 + [LEFT] * 2 + [RIGHT] * 2 + [BENDING]) is None


def test_squats_and_steps_tell_nothing() -> None:
    squat = movement(lumbar=40.0, pelvis=30.0, thigh_left=80.0, thigh_right=82.0)
    step = movement(lumbar=3.0, pelvis=4.0, thigh_left=24.0, thigh_right=18.0)
    assert exchanged(KEYS, [squat, step] * 3) is None


def test_a_straight_back_is_not_taken_for_an_exchange() -> None:
    bow = movement(lumbar=61.0, pelvis=63.0, thigh_left=14.0, thigh_right=15.0)
    assert exchanged(KEYS, [bow] * 3 + [LEFT] * 2 + [RIGHT] * 2) is None


@pytest.mark.parametrize("key", KEYS)
def test_a_sensor_that_lies_on_a_table_is_in_nobodys_place(key: str) -> None:
    lying = [movement(**{**m.peak_deg, key: 0.2}) for m in [BENDING] * 3 + [LEFT] * 2 + [RIGHT] * 2]
    assert exchanged(KEYS, lying) is None
    # one that hardly leans may be on a thigh
    leaning = movement(lumbar=0.7, pelvis=60.0, thigh_left=31.0, thigh_right=5.0)
    assert exchanged(KEYS, [leaning] * 3) is not None
    # it hides no exchange of the others
    if key not in ("thigh_left", "thigh_right"):
        both = exchanged(KEYS, [*lying[:3], *lying[5:], *lying[3:5]])
        assert both is not None
        assert both.placements == ("thigh_left", "thigh_right")


def test_fewer_sensors() -> None:
    trunk = KEYS[:2]
    bend = movement(lumbar=60.0, pelvis=30.0)
    assert exchanged(trunk, [bend] * 3) is None
    back = movement(lumbar=30.0, pelvis=60.0)
    swapped = exchanged(trunk, [back] * 3)
    assert swapped is not None
    assert swapped.placements == trunk
    assert exchanged(("pelvis",), [movement(pelvis=30.0)] * 3) is None
    # a knee is raised that no sensor sees
    three = KEYS[:3]
    assert exchanged(three, [BENDING] * 3 + [LEFT] * 2 + [movement(lumbar=2.0, pelvis=20.0, thigh_left=4.0)] * 2) is None
    assert exchanged((), []) is None


def test_the_document() -> None:
    told_of = Misplaced(Fault.TURNED, ("pelvis",), 172.4, 1.0, "x")
    assert told_of.document() == {
        "code": "turned",
        "placements": ["pelvis"],
        "degrees": 172.0,
        "sure": 1.0,
        "harmless": False,
    }
