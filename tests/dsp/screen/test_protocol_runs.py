"""What was done of a protocol, from marks alone: steps, attempts, which repetitions count, and what an angle counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from body_signals import ANGLE_NAMES, Quality, SessionMark
from dsp.results import AngleRows, OrientationRows, Repetition
from dsp.screen import Excursions, begin_label, numbered_before, of_run, run_document, runs_of, screen_of, screened
from hiphinge.guidance.protocol_files import shipped


def marks(*said: tuple[float, str]) -> list[SessionMark]:
    return [SessionMark(time_s, label) for time_s, label in said]


def repetition(at_s: float, movement: str = "bend", side: str = "left", quality: int = 0, index: int = 0) -> Repetition:
    other = "right" if side == "left" else "left"
    metrics = {f"hip_{side}_rom_deg": 80.0, f"hip_{other}_rom_deg": 5.0}
    return Repetition(index, at_s - 1.0, at_s, at_s + 1.0, movement, 1.0, quality, metrics)


HIP = marks(
    (0.0, "protocol hip-check"),
    (0.0, "step stand begin stand 6s"),
    (6.0, "step stand end"),
    (6.0, "step bends begin bend x4 calibration"),
    (20.0, "step bends end"),
    (20.0, "step knee-left begin knee_raise left x4"),
    (40.0, "step knee-left skipped"),
    (40.0, "protocol hip-check done"),
)


def test_every_step_says_what_it_asks() -> None:
    for protocol in shipped().values():
        said = [(0.0, f"protocol {protocol.name}"), *((i + 1.0, begin_label(step)) for i, step in enumerate(protocol.steps))]
        (run,) = runs_of(marks(*said))
        assert [(s.name, s.test, s.side, s.wanted, s.from_calibration, s.by) for s in run.steps] == [
            (s.name, s.test, s.side, s.repetitions, s.from_calibration, s.counted_by) for s in protocol.steps
        ]


def test_a_run_is_read_from_its_marks() -> None:
    (run,) = runs_of([SessionMark(3.0, "pain 2"), *HIP, SessionMark(50.0, "step knee-left begin knee_raise left x4")])
    assert (run.name, run.begun_s, run.ended_s, run.outcome) == ("hip-check", 0.0, 40.0, "done")
    assert [(s.name, s.begun_s, s.ended_s, s.outcome) for s in run.steps] == [
        ("stand", 0.0, 6.0, "end"),
        ("bends", 6.0, 20.0, "end"),
        ("knee-left", 20.0, 40.0, "skipped"),
    ]


def test_a_protocol_that_begins_ends_the_one_before() -> None:
    first, second = runs_of([*HIP[:4], SessionMark(21.0, "protocol hip-check"), SessionMark(22.0, "step stand begin stand 6s")])
    assert (first.ended_s, first.outcome, first.steps[-1].ended_s, first.steps[-1].outcome) == (21.0, "left", 21.0, "left")
    assert (second.begun_s, second.ended_s) == (21.0, None)


@pytest.mark.parametrize(
    "label",
    [
        *("protocol", "step", "step x", "step  begin", "protocol stop", "step bends begin", "protocol a b c"),
        *(
            "step bends begin bend x99999999",
            "step x begin side_bend by lumbar_lateral much",
            "step x begin y by",
            "step ä begin",
        ),
    ],
)
def test_marks_that_say_nothing_harm_nothing(label: str) -> None:
    runs_of(marks((0.0, label)))
    (run, *_) = runs_of([*HIP[:4], SessionMark(8.0, label)])
    assert run.name == "hip-check"


def test_calibration_movements_are_scored_where_a_step_says_so() -> None:
    of_calibration = numbered_before([repetition(10.0), repetition(14.0), repetition(25.0, "knee_raise")])
    assert [r.index for r in of_calibration] == [-3, -2, -1]
    assert screened([], of_calibration, ()) == []
    taken = screened([repetition(45.0)], of_calibration, runs_of(HIP))
    # the knee raise lies in a step that does not
    assert [r.turn_s for r in taken] == [10.0, 14.0, 45.0]


def test_what_is_not_the_step_s_test_leaves_the_screen() -> None:
    own = [repetition(10.0), repetition(12.0, "other"), repetition(25.0, "knee_raise", "right"), repetition(30.0, "knee_raise")]
    assert [r.turn_s for r in screened(own, [], runs_of(HIP))] == [10.0, 30.0]
    document = run_document(runs_of(HIP)[0], own, [], Excursions())
    assert [(s["name"], s["wanted"], s["valid"]) for s in document["steps"]] == [
        ("stand", 0, 0),
        ("bends", 4, 1),
        ("knee-left", 4, 1),
    ]


def test_a_spoilt_repetition_is_not_valid() -> None:
    own = [repetition(10.0), repetition(12.0, quality=int(Quality.SLIPPED))]
    assert run_document(runs_of(HIP)[0], own, [], Excursions())["steps"][1]["valid"] == 1


def test_an_attempt_that_was_repeated_leaves_the_screen() -> None:
    again = [*HIP[:5], *marks((21.0, "step bends begin bend x4"), (30.0, "step bends end"))]
    (run,) = runs_of(again)
    assert [(s.outcome, s.begun_s) for s in run.steps[1:]] == [("repeated", 6.0), ("end", 21.0)]
    assert [r.turn_s for r in screened([repetition(10.0), repetition(25.0)], [], (run,))] == [25.0]


def test_bends_by_a_metronome_tell_no_times_and_no_velocities() -> None:
    metronome = next(step for step in shipped()["full-screen"].steps if step.tempo is not None)
    said = marks(
        (0.0, "protocol my-tests"),
        (6.0, "step bends begin bend x3"),
        (20.0, "step bends end"),
        (20.0, begin_label(metronome)),
        (60.0, f"step {metronome.name} end"),
        (60.0, "step fast begin fast_bend x3"),
        (80.0, "step fast end"),
    )

    def bend(at_s: float, down_s: float, down_deg_s: float) -> Repetition:
        metrics = {"descent_s": down_s, "onset_delay_s": -0.1 * down_s, "trunk_rom_deg": 100.0}
        metrics |= {f"{segment}_peak_velocity_descent_deg_s": down_deg_s for segment in ("lumbar", "pelvis")}
        return Repetition(int(at_s), at_s - 1.0, at_s, at_s + 1.0, "bend", 1.0, 0, metrics)

    own = [bend(at_s, 1.5, 80.0) for at_s in (8.0, 11.0, 14.0, 17.0)]
    paced = [bend(at_s, 3.5, 30.0) for at_s in (25.0, 33.0, 41.0, 49.0)]
    fast = [bend(at_s, 0.7, 160.0) for at_s in (62.0, 65.0, 68.0)]
    (run,) = runs_of(said)
    for taken in (screened([*own, *paced, *fast], [], (run,)), of_run([*own, *paced, *fast], [], run)):
        (test,) = screen_of(taken).tests
        # the ranges of all are scored, without the first of the set
        assert test.repetitions == 7
        assert (test.value("descent_s"), test.value("onset_delay_s")) == (1.5, pytest.approx(-0.15))
    step = run_document(run, [*own, *paced, *fast], [], Excursions())["steps"][-1]
    assert (step["velocity_deg_s"]["lumbar"], step["own_pace_deg_s"]["lumbar"]) == (160.0, 80.0)


def test_fast_bends_tell_velocities_and_leave_the_screen() -> None:
    said = marks(
        (0.0, "protocol fast-bends"),
        (6.0, "step bends begin bend x3 calibration"),
        (20.0, "step bends end"),
        (20.0, "step fast begin fast_bend x3"),
        (40.0, "step fast end"),
    )

    def bend(at_s: float, down_deg_s: float, quality: int = 0) -> Repetition:
        metrics = {"lumbar_peak_velocity_descent_deg_s": down_deg_s, "pelvis_peak_velocity_descent_deg_s": down_deg_s / 4.0}
        return Repetition(0, at_s - 1.0, at_s, at_s + 1.0, "bend", 1.0, quality, metrics)

    slow = [bend(at_s, 40.0 + at_s) for at_s in (8.0, 12.0, 16.0)]
    fast = [bend(at_s, 100.0 + at_s) for at_s in (22.0, 25.0, 28.0)]
    spoilt = bend(31.0, 500.0, int(Quality.SATURATED))
    (run,) = runs_of(said)
    step = run_document(run, [*fast, spoilt], slow, Excursions())["steps"][1]
    assert (step["valid"], step["wanted"]) == (3, 3)
    assert step["velocity_deg_s"] == {"lumbar": 125.0, "pelvis": 31.2}
    assert step["own_pace_deg_s"] == {"lumbar": 52.0, "pelvis": 13.0}
    assert screened([*fast, spoilt], slow, [run]) == of_run([*fast, spoilt], slow, run) == slow
    # two bends are no set
    step = run_document(run, fast[:2], slow[:2], Excursions())["steps"][1]
    assert step["velocity_deg_s"] == step["own_pace_deg_s"] == {"lumbar": None, "pelvis": None}


def test_a_retest_is_not_mixed_into_the_first_test() -> None:
    runs = runs_of(
        [
            *HIP[:6],
            SessionMark(40.0, "step knee-left end"),
            HIP[-1],
            *marks((100.0, "protocol retest"), (100.0, "step knee-left begin knee_raise left x3")),
        ]
    )
    own = [repetition(30.0, "knee_raise"), repetition(60.0), repetition(105.0, "knee_raise")]
    assert [r.turn_s for r in screened(own, [], runs)] == [30.0, 60.0]
    assert [r.turn_s for r in of_run(own, [], runs[1])] == [105.0]


def test_a_test_that_was_skipped_first_and_done_later_counts() -> None:
    later = marks((100.0, "protocol retest"), (100.0, "step rock-back begin rock_back x3"), (130.0, "protocol retest done"))
    skipped = marks(
        (39.0, "step knee-left skipped"), (39.0, "step rock-back begin rock_back x4"), (39.5, "step rock-back skipped")
    )
    runs = runs_of([*HIP[:6], *skipped, HIP[-1], *later])
    assert [r.turn_s for r in screened([repetition(110.0, "rock_back")], [], runs)] == [110.0]


def test_a_mark_of_ones_own_that_begins_with_the_word_is_no_protocol() -> None:
    assert runs_of(marks((1.0, "protocol changed"), (2.0, "protocol changed"))) == ()


def test_pain_stops_a_step_and_its_protocol() -> None:
    stopped = marks((12.0, "step bends stopped"), (12.0, "protocol hip-check stopped pain 8"), (13.0, "step bends end"))
    (run,) = runs_of([*HIP[:4], *stopped])
    document = run_document(run, [], [], Excursions())
    assert document["outcome"] == "stopped"
    assert [s["stopped_for_pain"] for s in document["steps"]] == [False, True]


def rows(time_s: np.ndarray, name: str, degrees: np.ndarray) -> AngleRows:
    angles = np.full((len(ANGLE_NAMES), len(time_s)), np.nan)
    angles[ANGLE_NAMES.index(name)] = np.radians(degrees)
    return AngleRows(time_s, angles, angles, np.zeros(len(time_s), np.int32))


@pytest.mark.parametrize("first", ["rows", "marks"])
def test_side_bends_are_counted_by_their_angle(first: str) -> None:
    time_s = np.arange(0.0, 20.0, 0.01)
    degrees = np.where(time_s < 16.0, 1.0 + 20.0 * np.clip(np.sin(2 * np.pi * time_s / 4.0), 0.0, 1.0), 1.0)
    degrees[700:705] = np.nan
    parts = [rows(time_s[k : k + 300], "lumbar_lateral", degrees[k : k + 300]) for k in range(0, len(time_s), 300)]
    said = marks(
        (0.0, "protocol side"),
        (4.0, "step side-left begin side_bend left x3 by lumbar_lateral 8"),
        (12.0, "step side-left end"),
        (12.0, "step side-right begin side_bend right x3 by lumbar_lateral 8"),
        (18.0, "protocol side done"),
    )
    found = Excursions()

    def hear(heard: Sequence[SessionMark]) -> None:
        for mark in heard:
            found.hear(mark)

    if first == "marks":
        hear(said)
    for part in parts:
        found.take(part)
    if first == "rows":
        hear(said)
    steps = run_document(runs_of(said)[0], [], [], found)["steps"]
    assert [(s["valid"], s["measured"], s["peak_deg"]) for s in steps] == [
        (2, "lumbar_lateral", pytest.approx(20.0, abs=0.1)),
        (1, "lumbar_lateral", pytest.approx(20.0, abs=0.1)),
    ]


@pytest.mark.parametrize("worn", [(1.0, 0.0, 0.0, 0.0), (0.5, 0.5, -0.5, 0.5), (0.1, -0.7, 0.7, 0.1)])
def test_a_shin_swings_both_ways_wherever_the_sensor_is_worn(worn: tuple[float, ...]) -> None:
    said = marks(
        (0.0, "protocol hip-rotation"),
        (1.0, "step rotation-left begin hip_rotation left x6 by thigh_left_swing 10"),
        (21.0, "step rotation-left end"),
    )
    time_s = np.arange(0.0, 30.0, 0.01)
    # out to 28°, in to 36°, three times, about a horizontal axis; before the step it is carried about
    swing = np.where(time_s < 1.0, 200.0 * time_s, np.sin(2.0 * np.pi * np.maximum(time_s - 1.2, 0.0) / 6.0))
    swing = np.where(time_s >= 1.0, np.where(swing > 0.0, 28.0, 36.0) * swing, swing)
    turned = Rotation.from_rotvec(np.radians(swing)[:, None] * [0.6, 0.8, 0.0]) * Rotation.from_quat(worn, scalar_first=True)
    quat = turned.as_quat(scalar_first=True)
    quat[[100, 101, 102, 700]] = np.nan
    found, other = Excursions(), OrientationRows("pelvis", time_s, quat[::-1], np.zeros(len(time_s), np.int32))
    for mark in said:
        found.hear(mark)
    for at in range(0, len(time_s), 171):
        cut = slice(at, at + 171)
        found.take(OrientationRows("thigh_left", time_s[cut], quat[cut], np.zeros(len(time_s[cut]), np.int32)))
        found.take(other)
    (step,) = run_document(runs_of(said)[0], [], [], found)["steps"]
    assert (step["valid"], step["measured"]) == (6, "thigh_left_swing")
    assert (step["first_way_deg"], step["other_way_deg"]) == (pytest.approx(28.0, abs=0.1), pytest.approx(36.0, abs=0.1))


def test_what_nobody_measures_is_counted_by_taps() -> None:
    said = marks(
        (0.0, "protocol hip-rotation"),
        (1.0, "step own begin tapped left x3 by tap 0"),
        *((t, "step count") for t in (2.0, 3.0, 9.0)),
        (5.0, "step own end"),
    )
    taps_s = [m.time_s for m in said if m.label == "step count"]
    (step,) = run_document(runs_of(said)[0], [], [], Excursions(), taps_s)["steps"]
    assert (step["valid"], step["measured"], step["peak_deg"]) == (2, None, None)
