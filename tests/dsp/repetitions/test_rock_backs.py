"""Rock-backs in rows of true angles and in whole sessions: found, named, measured; getting down and up is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import ANGLE_NAMES, Floats
from body_signals.placements import Placement
from dsp.repetitions.rock_backs import STILL_S, THIGH_DEG, TRUNK_DEG, RockBackFinder, got_down, possible
from dsp.repetitions.states import Moving
from dsp.results import AngleRows
from tests.dsp.repetitions.test_repetitions import BODY, RATE, find, holed, kinds, matched, standing_script, truth_rows
from tests.dsp.sessions import through_engine
from virtual_athlete import Script, simulate

THIGHS = (Placement.THIGH_LEFT, Placement.THIGH_RIGHT)


def on_all_fours(*slacks: float | None, seed: int = 0, **more) -> Script:
    script = standing_script(seed)
    script.all_fours()
    for slack in slacks:
        script.rock_back(48.0, slack, **more)
    script.stand_from_all_fours()
    script.stand(1.0)
    return script


def test_a_cheap_look_sees_a_rock_back_and_no_still_posture() -> None:
    """On all fours for a second, the trunk level, the thighs upright; then the hips bend by 40° and stretch again."""
    still, there, back = np.zeros(100), np.linspace(0.0, 40.0, 100), np.linspace(40.0, 0.0, 100)
    thigh = np.concatenate((still, there, back)) - 8.0
    level = np.full(len(thigh), 85.0)
    assert possible(level, thigh, 50)
    assert not possible(level, np.full(len(thigh), -8.0), 50)
    assert not possible(np.zeros(len(thigh)), thigh, 50)
    # never still: the trunk turns by 30° in each half second
    assert not possible(level + np.tile([0.0, 30.0], len(thigh) // 2), thigh, 51)


def test_rock_backs_are_found_and_getting_down_and_up_is_nothing() -> None:
    script = on_all_fours(None, 105.0, 115.0, None, 100.0)
    found = find(truth_rows(script))
    matched(found, script)
    assert all(r.movement_confidence == 1.0 for r in found)


def test_slack_onset_of_a_rock_back() -> None:
    script = on_all_fours(98.0, 104.0, 110.0)
    rows = truth_rows(script)
    motion = script.motion()
    for r, true in zip(find(rows), script.repetitions, strict=True):
        begin = np.degrees(motion.angles(np.array([true.start_s]))["hip_left_flexion"][0])
        assert r.metrics["slack_breakpoint_deg"] == pytest.approx(true.slack_hip_deg, abs=1.5)
        assert r.metrics["slack_onset_deg"] == pytest.approx(true.slack_hip_deg + 5.0 * 0.4 / 0.6, abs=1.5)
        assert r.metrics["hip_left_peak_deg"] - begin == pytest.approx(r.metrics["hip_left_rom_deg"], abs=1.0)


def test_a_rock_back_without_slack_has_no_onset() -> None:
    script = on_all_fours(None, None)
    for r in find(truth_rows(script)):
        assert "slack_onset_deg" not in r.metrics
        assert "slack_breakpoint_deg" not in r.metrics


def test_slow_held_quick_and_without_a_pause() -> None:
    script = standing_script(3)
    script.all_fours()
    script.rock_back(50.0, 110.0, down_s=8.0, hold_s=3.0, up_s=8.0, rest_s=1.5)
    script.rock_back(35.0, None, down_s=0.9, hold_s=0.05, up_s=0.9, rest_s=0.0)
    script.rock_back(40.0, None, down_s=1.5, hold_s=0.05, up_s=1.5, rest_s=0.0)
    script.rock_back(30.0, None)
    script.stand_from_all_fours()
    script.stand(1.0)
    found = find(truth_rows(script))
    assert kinds(found) == ["rock_back"] * 4
    # a slow one begins too slowly to be noticed at once, as slow bends do
    for r, true, tolerance_s in zip(found, script.repetitions, (1.2, 0.35, 0.35, 0.35), strict=True):
        assert r.start_s == pytest.approx(true.start_s, abs=tolerance_s)
        assert r.end_s == pytest.approx(true.end_s, abs=tolerance_s)
        assert true.descent_end_s - 0.5 <= r.turn_s <= true.ascent_start_s + 0.2
    for a, b in itertools.pairwise(found):
        assert a.end_s <= b.start_s + 0.1


def test_small_rocking_is_nothing() -> None:
    script = standing_script()
    script.all_fours()
    for _ in range(3):
        script.rock_back(10.0, None, trunk_drop_deg=1.0)
    script.stand_from_all_fours()
    script.stand(1.0)
    assert kinds(find(truth_rows(script))) == ["other"]


def test_all_fours_alone_is_no_bend() -> None:
    script = standing_script()
    script.bend(80.0)
    script.all_fours(rest_s=4.0)
    script.stand_from_all_fours(rest_s=1.0)
    script.squat(85.0)
    script.stand(1.0)
    assert kinds(find(truth_rows(script))) == ["bend", "other", "squat"]


def test_longer_on_all_fours_than_the_memory() -> None:
    script = standing_script()
    script.all_fours(rest_s=70.0)
    script.rock_back(45.0, 105.0)
    script.stand(140.0)
    script.rock_back(45.0, 105.0)
    script.stand(70.0)
    script.stand_from_all_fours()
    script.bend(75.0)
    script.stand(1.0)
    matched(find(truth_rows(script)), script)


@pytest.mark.parametrize("hold_s", [0.5, 3.0, 10.0])
def test_a_held_bend_stays_a_bend(hold_s) -> None:
    script = standing_script()
    script.bend(90.0, hold_s=hold_s, thigh_deg=8.0)
    script.stand(1.0)
    matched(find(truth_rows(script)), script)


def test_knees_that_bend_under_a_held_bend_are_less_sure_a_rock_back() -> None:
    """Nobody has knelt: the same inclinations, said with less confidence, and only the first time."""
    t = np.arange(0.0, 20.0, 1 / RATE)
    at = [(0, 0, 0), (2, 0, 0), (4, 80, 0), (6, 80, 0), (8, 80, 40), (10, 80, 0), (11, 80, 0), (13, 80, 40), (15, 80, 0)]
    trunk, thigh = (np.interp(t, [p[0] for p in at], [p[i] for p in at]) for i in (1, 2))
    found = followed(trunk, thigh)
    assert [r.confidence for r in found] == [0.6, 1.0]


def followed(trunk, thigh):
    finder = RockBackFinder(RATE)
    return [r for k in range(len(trunk)) if (r := finder.step(k, trunk.item(k), thigh.item(k))) is not None]


def test_who_gets_up_in_the_middle_has_not_rocked_back() -> None:
    t = np.arange(0.0, 12.0, 1 / RATE)
    trunk = np.interp(t, [0, 2, 4, 6, 8], [80, 80, 78, 30, 0])
    thigh = np.interp(t, [0, 2, 4, 6, 8], [0, 0, 40, 30, 0])
    assert followed(trunk, thigh) == []
    # but who has come back half the way has
    trunk, thigh = np.interp(t, [0, 2, 4, 6, 8], [80, 80, 78, 80, 0]), np.interp(t, [0, 2, 4, 6, 8], [0, 0, 40, 8, 10])
    assert [(r.turn, r.end) for r in followed(trunk, thigh)] == [(400, 598)]


def test_a_leg_stretched_back_is_no_rock_back() -> None:
    """Bird-dog: the lower thigh leaves the vertical backwards and returns."""
    t = np.arange(0.0, 14.0, 1 / RATE)
    thigh = np.interp(t, [0, 3, 5, 6, 8], [0, 0, -85, -85, 0])
    assert followed(np.full(len(t), 82.0), thigh) == []


def test_a_hole_on_all_fours_costs_only_the_rock_back_it_is_in() -> None:
    script = on_all_fours(None, 105.0, None)
    rows = holed(truth_rows(script), script.repetitions[1].start_s + 1.0, 0.8)
    found = find(rows)
    assert kinds(found) == ["rock_back", "rock_back"]
    assert found[1].turn_s == pytest.approx(script.repetitions[2].turn_s, abs=0.3)


@pytest.mark.parametrize(
    "worn", [BODY[1:], BODY[:3], (BODY[0], BODY[1], BODY[3])], ids=["no lumbar", "left thigh", "right thigh"]
)
def test_kits_that_lack_a_sensor(worn) -> None:
    script = on_all_fours(None, 110.0, None)
    rows = truth_rows(script)
    names = {
        "lumbar": ("lumbar_flexion", "trunk_inclination"),
        "thigh_left": ("hip_left_flexion", "thigh_left_inclination"),
        "thigh_right": ("hip_right_flexion", "thigh_right_inclination"),
    }
    for missing in set(BODY) - set(worn):
        rows = holed(rows, 0.0, rows.time_s[-1] + 1.0, names[missing])
    assert kinds(find(rows, placements=worn)) == ["rock_back"] * 3


def lively() -> Script:
    script = standing_script(5)
    script.bend(85.0, hold_s=1.0)
    script.all_fours()
    script.rock_back(45.0, 105.0)
    script.rock_back(45.0, None)
    script.stand_from_all_fours()
    script.deadlift(70.0)
    script.all_fours(rest_s=3.0)
    script.stand_from_all_fours()
    script.stand(1.0)
    return script


LIVELY = truth_rows(lively())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, len(LIVELY) - 1), max_size=40))
def test_cuts_do_not_matter(cuts) -> None:
    assert find(LIVELY, cuts) == find(LIVELY)


def test_row_by_row() -> None:
    found = find(LIVELY)
    assert kinds(found) == ["bend", "rock_back", "rock_back", "deadlift", "other"]
    assert find(LIVELY, range(1, len(LIVELY))) == found


@given(st.lists(st.tuples(st.floats(0.2, 3.0), st.floats(-20.0, 110.0), st.floats(-90.0, 100.0)), min_size=2, max_size=12))
def test_possible_is_never_false_where_there_is_one(steps) -> None:
    at = np.cumsum([s[0] for s in steps])
    t = np.arange(0.0, at[-1], 1 / RATE)
    trunk, thigh = (np.interp(t, at, [s[i] for s in steps]) for i in (1, 2))
    assert possible(trunk, thigh, int(STILL_S * RATE)) or not followed(trunk, thigh)


def test_got_down() -> None:
    t = np.arange(0.0, 8.0, 1 / RATE)
    down = np.interp(t, [0, 2, 4, 6, 8], [0, 40, 80, 80, 0]), np.interp(t, [0, 2, 4, 6, 8], [0, 70, 0, 0, 0])
    assert got_down(*down, RATE)
    bend = np.interp(t, [0, 2, 6, 8], [0, 80, 80, 0]), np.full(len(t), 6.0)
    assert not got_down(*bend, RATE)
    squat = np.interp(t, [0, 4, 8], [0, 45, 0]), np.interp(t, [0, 4, 8], [0, 80, 0])
    assert not got_down(*squat, RATE)


@pytest.mark.parametrize("seed", [1, 2])
def test_estimated_angles_of_a_session(seed) -> None:
    """From the sensors' bytes: every rock-back, nothing else, and the slack onset within 3 degrees of the truth."""
    script = Script(seed)
    script.calibrate()
    script.stand(1.0)
    script.bend(80.0)
    script.all_fours()
    for slack in (100.0, 106.0, 112.0, None, 104.0):
        script.rock_back(48.0, slack)
    script.stand_from_all_fours(rest_s=1.0)
    script.squat(80.0)
    script.stand(2.0)
    session = simulate(script, seed)
    for estimator, found in through_engine(session).items():
        reps = found.repetitions
        assert kinds(reps) == [r.movement for r in session.repetitions], estimator
        for r, true in zip(reps[1:-1], session.repetitions[1:-1], strict=True):
            assert abs(r.start_s - true.start_s) < 0.5
            assert abs(r.end_s - true.end_s) < 0.5
            assert r.metrics["hip_left_rom_deg"] == pytest.approx(true.metrics["hip_left_rom_deg"], abs=2.5)
            if true.slack_hip_deg is not None:
                assert r.metrics["slack_onset_deg"] == pytest.approx(true.metrics["slack_onset_deg"], abs=3.0)


def rows_of(trunk_deg: Floats, thigh_deg: Floats) -> AngleRows:
    """Rows of somebody whose trunk and thighs are inclined so (n,), pelvis and lumbar spine sharing the trunk's."""
    angles, trunk, thigh = np.zeros((len(ANGLE_NAMES), len(trunk_deg))), np.radians(trunk_deg), np.radians(thigh_deg)
    for name in ("lumbar_flexion", "pelvis_tilt"):
        angles[ANGLE_NAMES.index(name)] = 0.5 * trunk
    angles[ANGLE_NAMES.index("trunk_inclination")] = trunk
    for side in ("left", "right"):
        angles[ANGLE_NAMES.index(f"thigh_{side}_inclination")] = thigh
        angles[ANGLE_NAMES.index(f"hip_{side}_flexion")] = thigh + 0.5 * trunk
    n = len(trunk)
    return AngleRows(np.arange(n) / RATE, angles, np.full_like(angles, 0.01), np.zeros(n, np.int32))


POSES = st.tuples(st.floats(0.1, 3.0), st.sampled_from([0.0, 20.0, 30.0, 65.0, 90.0]), st.sampled_from([0.0, 20.0, 55.0, 85.0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(POSES, min_size=2, max_size=14),
    st.floats(-40.0, 15.0),
    st.floats(0.0, 1.0),
    st.one_of(st.none(), st.floats(0.0, 12.0)),
)
def test_what_is_passed_over_is_noted_as_row_by_row(steps, trunk_more: float, noise: float, hole_s: float | None) -> None:
    at = np.cumsum([0.5, *(s[0] for s in steps), 0.5, 1.0])
    t, rng = np.arange(0.0, at[-1], 1 / RATE), np.random.default_rng(len(steps))
    trunk = np.interp(t, at, [0.0, *(s[1] + trunk_more for s in steps), 0.0, 0.0]) + noise * rng.normal(size=len(t))
    thigh = np.interp(t, at, [0.0, *(s[2] for s in steps), 0.0, 0.0]) + noise * rng.normal(size=len(t))
    rows = rows_of(trunk, thigh)
    if hole_s is not None:
        rows = holed(rows, hole_s, 0.3)
    ahead = find(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Moving, "ahead", lambda self, view, i: i)
        assert find(rows) == ahead


@pytest.mark.parametrize(
    ("trunk", "thigh", "arrives"),
    [
        (TRUNK_DEG + 5.0, 0.0, True),
        (TRUNK_DEG - 1.0, 0.0, False),
        (TRUNK_DEG + 5.0, THIGH_DEG + 1.0, False),
        (TRUNK_DEG + 5.0, -THIGH_DEG - 1.0, False),
    ],
)
def test_who_holds_still_is_on_all_fours_with_the_trunk_down_and_the_thighs_upright(
    trunk: float, thigh: float, arrives: bool
) -> None:
    finder = RockBackFinder(50.0)
    assert [finder.step(k, trunk, thigh) for k in range(500)] == [None] * 500
    assert finder.on_all_fours == arrives
