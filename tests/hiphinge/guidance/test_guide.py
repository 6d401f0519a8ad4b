"""The guide, played with simulated athletes: what it says is what they did, and what it asks for is what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

import pytest

from body_signals import BODY_PLACEMENTS, Placement
from dsp.calibration import Fault, Misplaced
from dsp.pipeline import PipelineOutput
from dsp.progress import CalibrationProgress, Heard, Stage
from hiphinge.engine import Engine
from hiphinge.guidance.guide import Guide, guide_document, heard_words
from virtual_athlete import SimulatedSession, simulate
from virtual_athlete.movement.script import Script

STEP_S = 0.25


def right(script: Script) -> None:
    script.calibrate()
    script.stand(4.0)


def shallow(script: Script) -> None:
    """Bows, small and quick knee raises first, then as it should be."""
    script.mark("calibrate")
    script.stand(5.2)
    for degrees in (12.0, 17.0, 60.0, 60.0, 60.0):
        script.bend(degrees, down_s=1.0, up_s=1.0, rest_s=1.0)
    script.knee_raise("left", 20.0, rest_s=0.8)
    script.knee_raise("left", 45.0, up_s=0.3, hold_s=0.0, down_s=0.3, rest_s=1.0)
    for side in ("left", "right"):
        for _ in range(2):
            script.knee_raise(side, 70.0, rest_s=0.6)
    script.stand(2.0)


def forgotten(script: Script) -> None:
    """The right knee is raised only when it is asked for."""
    script.mark("calibrate")
    script.stand(5.2)
    for _ in range(3):
        script.bend(60.0, rest_s=0.6)
    for _ in range(2):
        script.knee_raise("left", 70.0, rest_s=0.6)
    script.stand(11.0)
    for _ in range(2):
        script.knee_raise("right", 70.0, rest_s=0.6)
    script.stand(2.0)


def never(script: Script) -> None:
    script.stand(2.0)
    script.bend()
    script.squat()
    script.stand(1.0)


def moved(script: Script) -> None:
    """Turns round in the middle of the standing, then stands, and calibrates at the second mark."""
    script.mark("calibrate")
    script.stand(1.6)
    script.bend(40.0, down_s=0.5, hold_s=0.0, up_s=0.5, rest_s=0.1)
    script.stand(8.0)
    script.calibrate()
    script.stand(2.0)


PLAYS: dict[str, Callable[[Script], None]] = {f.__name__: f for f in (right, shallow, forgotten, never, moved)}


@cache
def session(
    play: str, sway: float = 1.0, seed: int = 3, placements: tuple[Placement, ...] = BODY_PLACEMENTS
) -> SimulatedSession:
    script = Script(seed)
    script.stand(1.5)
    PLAYS[play](script)
    return simulate(script, seed, sway=sway, placements=placements)


@cache
def played(simulated: SimulatedSession, chunk: int = 30) -> list[tuple[float, str, str, str]]:
    """Session time, state, instruction and remark, each time that one of the words changed."""
    engine, guide = Engine(simulated.session, ("live",)), Guide(simulated.session.body)
    said: list[tuple[float, str, str, str]] = []
    for start in range(0, len(simulated.events), chunk):
        guide.take(engine.feed(simulated.events[start : start + chunk])["live"])
        words = (guide.state(), *guide.lines(engine.now_s))
        if not said or said[-1][1:] != words:
            said.append((engine.now_s, *words))
    return said


def told(said: Sequence[tuple[float, str, str, str]], column: int) -> list[str]:
    """The words of a column, each once in order; a countdown once."""
    texts = [row[column].partition(" …")[0] for row in said]
    return [text for k, text in enumerate(texts) if k == 0 or texts[k - 1] != text]


def test_a_right_calibration_is_led_step_by_step() -> None:
    said = played(session("right"))
    assert told(said, 2) == [
        "Not calibrated: stand still, then press c",
        "Calibrating: stand still",
        "Calibrating: bend forward, 1 of 3",
        "Calibrating: bend forward, 2 of 3",
        "Calibrating: bend forward, 3 of 3",
        "Calibrating: left knee up, 1 of 2",
        "Calibrating: left knee up, 2 of 2",
        "Calibrating: right knee up, 1 of 2",
        "Calibrating: right knee up, 2 of 2",
        "Calibrated, good. Train now",
    ]
    countdown = [row[2].rpartition("… ")[2] for row in said if "stand still …" in row[2]]
    assert countdown == ["4 s", "3 s", "2 s", "1 s"]
    heard = [remark for remark in told(said, 3) if "heard" in remark]
    assert [words.split(" heard, ")[0] for words in heard] == [
        "bend 1", "bend 2", "bend 3", "left knee 1", "left knee 2", "right knee 1", "right knee 2",
    ]  # fmt: skip
    degrees = [int(words.split(" heard, ")[1].rstrip("°")) for words in heard]
    assert all(50 <= d <= 66 for d in degrees[:3])
    assert all(60 <= d <= 76 for d in degrees[3:])


@pytest.mark.parametrize("play", sorted(PLAYS))
def test_calibrating_is_said_only_while_it_does(play: str) -> None:
    for _, state, instruction, _ in played(session(play)):
        assert ("calibrating" in state) == instruction.startswith(("Calibrating", "Still missing"))
    first, last = played(session(play))[0], played(session(play))[-1]
    assert first[1] == "not calibrated"
    assert ("calibrated, lowest confidence" in last[1]) == (play != "never")


def test_who_sways_is_told_to_stand_still_and_why_it_was_refused() -> None:
    said = played(session("right", sway=25.0))
    assert "moved while standing: stand still again" in told(said, 3)
    _, state, instruction, remark = said[-1]
    assert "good" not in state
    assert "stand still, press c" in instruction
    assert "stand" in remark or "sway" in remark


def test_shallow_movements_are_named_with_what_is_to_be_done() -> None:
    remarks = told(played(session("shallow")), 3)
    assert "that was 12°: bend deeper" in remarks
    assert any(re.fullmatch("that was 1[678]°: bend deeper", remark) for remark in remarks)
    assert any(re.fullmatch("that was (19|20|21)°: raise the left knee higher", remark) for remark in remarks)
    assert "that was too quick: raise the left knee slowly" in remarks
    instructions = told(played(session("shallow")), 2)
    assert instructions.count("Calibrating: bend forward, 1 of 3") == 1, "nothing is counted that does not count"
    assert instructions[-1] == "Calibrated, good. Train now"


def test_a_forgotten_knee_raise_is_asked_for_and_then_enough() -> None:
    said = played(session("forgotten"))
    asked = next(k for k, row in enumerate(said) if row[2] == "Still missing: right knee up, 1 of 2")
    assert said[asked][3] == "until then no angle: right hip"
    assert "so far good" in said[asked][1]
    after = told(said[asked:], 2)
    assert "Calibrating: right knee up, 2 of 2" in after
    assert after[-1] == "Calibrated, good. Train now"


def test_never_calibrated_stays_said() -> None:
    said = played(session("never"))
    assert {row[1:3] for row in said} == {("not calibrated", "Not calibrated: stand still, then press c")}


def test_who_moved_while_standing_hears_so_and_may_begin_again() -> None:
    said = played(session("moved"))
    assert "moved while standing: stand still again" in told(said, 3)
    assert told(said, 2)[-1] == "Calibrated, good. Train now"


@pytest.mark.parametrize("placements", [BODY_PLACEMENTS[:2], BODY_PLACEMENTS[1:2], BODY_PLACEMENTS[1:3], BODY_PLACEMENTS[2:]])
def test_only_what_is_worn_is_asked_for(placements: tuple[Placement, ...]) -> None:
    words = " ".join(told(played(session("right", placements=placements)), 2))
    assert ("bend forward" in words) == any(p in placements for p in (Placement.LUMBAR, Placement.PELVIS))
    assert ("left knee" in words) == (Placement.THIGH_LEFT in placements)
    assert ("right knee" in words) == (Placement.THIGH_RIGHT in placements)
    assert "Calibrated" in words


@pytest.mark.parametrize("play", ["forgotten", "moved"])
def test_the_way_is_the_same_however_the_events_are_cut(play: str) -> None:
    def way(chunk: int) -> list[CalibrationProgress]:
        simulated, whole = session(play), PipelineOutput()
        engine = Engine(simulated.session, ("live",))
        for start in range(0, len(simulated.events), chunk):
            whole.extend(engine.feed(simulated.events[start : start + chunk])["live"])
        whole.extend(engine.finish()["live"])
        return whole.calibration

    at_once = way(10**9)
    assert at_once == way(61)
    times = [progress.time_s for progress in at_once]
    assert times == sorted(times)
    assert at_once[-1].stage is Stage.DONE


def test_a_session_that_ends_while_standing_refuses_its_calibration() -> None:
    script = Script(1)
    script.stand(1.0)
    script.mark("calibrate")
    script.stand(2.0)
    simulated = simulate(script, 1)
    engine = Engine(simulated.session, ("live",))
    engine.feed(simulated.events)
    assert engine.finish()["live"].calibration[-1].stage is Stage.REFUSED


def test_programs_get_the_state_and_the_words() -> None:
    simulated, guide = session("forgotten"), Guide(session("forgotten").session.body, keyboard=False)
    before = guide_document(guide, 0.0)
    assert (before["stage"], before["mark_s"], before["heard"]) == ("waiting", None, None)
    assert "send: mark calibrate" in str(before["instruction"])
    engine = Engine(simulated.session, ("live",))
    guide.take(engine.feed(simulated.events)["live"])
    after = guide_document(guide, engine.now_s)
    assert (after["stage"], after["in_force"], after["missing"]) == ("done", True, [])
    assert after["made"] == after["wanted"] == {"bend": 3, "knee_left": 2, "knee_right": 2}
    assert isinstance(after["heard"], dict)
    assert after["heard"]["movement"] == "knee_right"


@pytest.mark.parametrize(
    ("misplaced", "words"),
    [
        (
            Misplaced(Fault.SWAPPED, ("thigh_left", "thigh_right"), 0.0, 0.4, "x"),
            "thigh left and thigh right: perhaps in each other's place",
        ),
        (Misplaced(Fault.SWAPPED, ("lumbar", "pelvis"), 0.0, 1.0, "x"), "lumbar and pelvis: in each other's place"),
        (Misplaced(Fault.TURNED, ("pelvis",), 180.0, 1.0, "the pelvis sensor is upside down"), "upside down. Put it on"),
        (Misplaced(Fault.TURNED, ("pelvis",), 90.0, 1.0, "turned", harmless=True), "turned. If that is meant, go on"),
    ],
)
def test_sensors_in_the_wrong_place_are_said_while_calibrating_and_after_it(misplaced: Misplaced, words: str) -> None:
    guide = Guide(["lumbar", "pelvis", "thigh_left", "thigh_right"])
    for stage in (Stage.MOVEMENTS, Stage.DONE):
        guide.take(PipelineOutput(calibration=[CalibrationProgress(stage, misplaced=(misplaced,))]))
        instruction, remark = guide.lines(1.0)
        assert words in remark
        assert ("Put the sensors right" in instruction) == (stage is Stage.DONE and not misplaced.harmless)
    assert guide_document(guide, 1.0)["warnings"] == [misplaced.document()]


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (
            Heard("bend", 0, "too_shallow", (("lumbar", 55.0), ("pelvis", 12.0)), 1.0),
            "the pelvis only 12°: bend deeper, from the hips",
        ),
        (Heard("bend", 2, "", (("lumbar", 30.0),), 1.0), "bend 2 heard, 30°; deeper is better"),
        (Heard("knee_left", 0, "too_short", (("thigh_left", 60.0),), 1.0), "too quick: raise the left knee slowly"),
        (Heard("squat", 0, "both_knees", (("thigh_left", 60.0), ("thigh_right", 60.0)), 1.0), "both knees came up"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_said_with_its_remedy(heard: Heard, words: str) -> None:
    assert words in heard_words(heard)
