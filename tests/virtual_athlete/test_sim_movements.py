"""Scripts: the chosen lumbar share is in the truth, repetitions are where they are said to be, scenarios are as described."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals.movements import MOVEMENTS
from body_signals.quantities import REPETITION_METRICS
from virtual_athlete.movement.scenarios import SCENARIOS, demo, mixed, training
from virtual_athlete.movement.script import Script, rhythm_coefficients
from virtual_athlete.movement.true_rhythm import with_metrics

SHARE = st.floats(0.0, 1.0)


@given(early=SHARE, middle=SHARE, late=SHARE)
def test_rhythm_curve_brings_each_third_its_share(early, middle, late):
    c1, c2, c3 = rhythm_coefficients((early, middle, late))
    s = np.array([0.0, 1.0, 2.0, 3.0]) / 3.0
    thirds = np.diff(c1 * s + c2 * s**2 + c3 * s**3) * 3.0
    assert thirds == pytest.approx([early, middle, late], abs=1e-9)


@pytest.mark.parametrize("share", [-0.1, 1.2, (0.5, 0.5), (0.2, 0.3, 1.4)])
def test_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match="lumbar share"):
        rhythm_coefficients(share)


@settings(max_examples=15, deadline=None)
@given(peak=st.floats(30.0, 110.0), shares=st.tuples(*[st.floats(0.1, 0.9)] * 3), thigh=st.floats(0.0, 30.0))
def test_truth_reproduces_the_chosen_lumbar_share(peak, shares, thigh):
    script = Script(0)
    script.bend(peak, shares, thigh_deg=thigh)
    motion = script.motion(sway=0.0)
    (rep,) = with_metrics(motion, script.repetitions)
    mean = sum(shares) / 3.0
    m = rep.metrics
    assert m["lumbar_share_of_trunk"] == pytest.approx(mean, abs=1e-6)
    assert m["lumbar_share_of_trunk_ascent"] == pytest.approx(mean, abs=1e-6)
    for third, share in zip(("early", "middle", "late"), shares, strict=True):
        assert m[f"lumbar_share_of_trunk_{third}"] == pytest.approx(share, abs=2e-3)
    assert m["lumbar_share_of_trunk_on_thigh"] == pytest.approx(mean * peak / (peak + thigh), abs=1e-6)
    assert m["trunk_rom_deg"] == pytest.approx(peak, abs=0.01)
    assert m["lumbar_rom_deg"] >= mean * peak - 0.01
    turn = motion.angles(np.array([rep.turn_s]))
    assert np.rad2deg(turn["lumbar_flexion"][0]) == pytest.approx(mean * peak, abs=1e-6)


def test_sway_moves_the_share_only_a_little():
    script = Script(5)
    script.stand(2.0)
    script.bend(80.0, (0.6, 0.5, 0.3))
    (rep,) = with_metrics(script.motion(), script.repetitions)
    assert rep.metrics["lumbar_share_of_trunk"] == pytest.approx(1.4 / 3.0, abs=0.03)


@pytest.mark.parametrize("lead", [-0.3, 0.3])
def test_lead_of_the_lumbar_spine_is_the_onset_delay(lead):
    script = Script(0)
    script.bend(80.0, 0.5, down_s=2.0, lumbar_lead_s=lead)
    (rep,) = with_metrics(script.motion(sway=0.0), script.repetitions)
    # lumbar onset minus pelvis onset: negative when the pelvis is late
    assert rep.metrics["onset_delay_s"] == pytest.approx(-lead, abs=0.05)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_is_made_by_its_seed(name):
    a, b, other = SCENARIOS[name](4), SCENARIOS[name](4), SCENARIOS[name](5)
    assert a.repetitions == b.repetitions
    assert a.repetitions != other.repetitions
    t = np.linspace(0.0, min(a.now, 200.0), 500)
    x, y = a.motion(), b.motion()
    assert all(np.array_equal(x.angles(t)[k], y.angles(t)[k]) for k in x.angles(t))


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("seed", range(3))
def test_repetitions_are_in_order_apart_and_not_calibration(name, seed):
    script = SCENARIOS[name](seed)
    (span,) = script.calibrations
    last = span[1]
    assert script.marks[0].label == "calibrate"
    for rep in script.repetitions:
        assert last <= rep.start_s < rep.descent_end_s <= rep.turn_s <= rep.end_s <= script.now
        assert rep.movement in MOVEMENTS
        last = rep.end_s


def test_demo_has_what_it_promises():
    script = demo(0)
    kinds = Counter(r.movement for r in script.repetitions)
    assert kinds == {"bend": 4, "squat": 4, "deadlift": 4, "sit_down": 1, "stand_up": 1}
    assert 75.0 <= script.now <= 90.0


def test_mixed_has_what_it_promises():
    script = mixed(0)
    assert {r.style for r in script.repetitions} == {"plain", "partial", "slow", "touch_and_go", "asymmetric"}
    assert {r.movement for r in script.repetitions} == set(MOVEMENTS) - {"rock_back", "hip_extension", "other"}
    assert 150.0 <= script.now <= 210.0


@pytest.mark.parametrize("duration", [60.0, 600.0, 7200.0])
def test_training_lasts_as_long_as_asked(duration):
    assert training(1, duration).now == pytest.approx(duration, abs=5.0)


def test_knees_are_raised_left_then_right_in_the_calibration():
    script = demo(0)
    motion = script.motion()
    begin, end = script.calibrations[0]
    a = motion.angles(np.arange(begin, end, 0.01))
    left, right = (np.rad2deg(a[f"thigh_{s}_inclination"]) for s in ("left", "right"))
    assert count_peaks(left) == count_peaks(right) == 2
    assert np.flatnonzero(left > 40.0)[-1] < np.flatnonzero(right > 40.0)[0]
    assert count_peaks(np.rad2deg(a["trunk_inclination"])) == 3
    still = np.arange(begin, begin + 5.0, 0.01)
    assert max(np.ptp(np.rad2deg(x)) for x in motion.angles(still).values()) < 3.0


def count_peaks(angle, above=40.0):
    return int(np.count_nonzero(np.diff((angle > above).astype(int)) == 1))


def test_true_metrics_carry_the_names_of_the_tables():
    script = mixed(2)
    reps = with_metrics(script.motion(), script.repetitions)
    assert {name for r in reps for name in r.metrics} <= set(REPETITION_METRICS)
    assert all("lumbar_share_of_trunk_early" in r.metrics for r in reps if r.movement == "bend")
    assert not any("lumbar_share_of_trunk" in r.metrics for r in reps if r.movement == "sit_down")


def test_zeroed_truth_has_no_mean_while_standing_and_follows_the_last_calibration():
    script = Script(9)
    script.calibrate()
    script.bend()
    script.stand(3.0)
    script.calibrate()
    script.stand(2.0)
    motion = script.motion()
    truth = motion.truth(np.arange(0.0, motion.duration_s, 0.01))
    zeroed = truth.zeroed()
    for mark in motion.calibrate_s:
        standing = (truth.time_s >= mark + 1.0 - 1e-9) & (truth.time_s < mark + 5.0 - 1e-9)
        for name, angle in zeroed.angles.items():
            # the second mark is not on a tick of this grid
            assert abs(float(angle[standing].mean())) < 5e-5, name
        assert max(abs(float(a[standing].mean())) for a in truth.angles.values()) > 1e-3
    assert zeroed.table().shape == (len(truth), 14)
    # one subtraction for each calibration, not for each instant
    shift = truth.angles["pelvis_tilt"] - zeroed.angles["pelvis_tilt"]
    assert len(np.unique(shift.round(9))) == 2


def test_truth_without_calibration_is_left_as_it_is():
    script = Script(0)
    script.bend()
    truth = script.motion().truth(np.linspace(0.0, 4.0, 50))
    assert truth.zeroed() is truth


def test_unknown_channel_of_a_bend_is_named():
    with pytest.raises(ValueError, match="'neck_flexion'"):
        Script(0).bend(neck_flexion=10.0)


def test_a_short_walk_is_refused():
    with pytest.raises(ValueError, match="at least 3 s"):
        Script(0).walk(1.0)


def test_a_short_training_is_refused():
    with pytest.raises(ValueError, match="at least 60 s"):
        training(0, 10.0)


def on_all_fours(thigh_deg=48.0, slack_hip_deg=None, **more):
    script = Script(0)
    script.stand(1.0)
    script.all_fours()
    script.rock_back(thigh_deg, slack_hip_deg, rest_s=1.0, **more)
    script.stand_from_all_fours(rest_s=0.5)
    return script


def test_rock_back_turns_the_thighs_while_the_trunk_stays_near_horizontal():
    script = on_all_fours(45.0)
    motion = script.motion(sway=0.0)
    (rep,) = script.repetitions
    a = {k: np.rad2deg(v) for k, v in motion.angles(np.arange(rep.start_s, rep.end_s, 0.01)).items()}
    assert a["hip_left_flexion"][0] == pytest.approx(84.0, abs=0.01)
    assert np.ptp(a["hip_left_flexion"]) == pytest.approx(39.0, abs=0.01)
    assert np.ptp(a["thigh_right_inclination"]) == pytest.approx(45.0, abs=0.01)
    assert a["trunk_inclination"].min() == pytest.approx(78.0, abs=0.01)
    assert np.ptp(a["lumbar_flexion"]) < 1e-9


def test_knees_and_shanks_stay_on_the_floor_in_a_rock_back():
    script = on_all_fours(48.0, 108.0)
    motion = script.motion(sway=0.0)
    (rep,) = script.repetitions
    t = np.arange(rep.start_s, rep.end_s, 0.01)
    c, p = motion.channels(t), motion.posture(t)
    shank = c["thigh_left_elevation"].value - c["knee_left"].value
    assert np.rad2deg(shank) == pytest.approx(np.full(len(t), -90.0), abs=1e-9)
    knee = p.hip_left.along(p.thigh_left, (0.0, -motion.body.thigh, 0.0)).position
    assert np.ptp(knee, axis=1) == pytest.approx(np.zeros(3), abs=1e-9)
    # towards the heels and down
    assert p.hips.position[0, 0] - p.hips.position[0].min() > 0.25
    assert p.hips.position[2, 0] - p.hips.position[2].min() > 0.1


@settings(max_examples=15, deadline=None)
@given(slack=st.floats(95.0, 112.0), after=st.floats(0.3, 0.8))
def test_slack_of_a_rock_back_begins_where_it_is_asked_to(slack, after):
    script = on_all_fours(48.0, slack, after=after)
    motion = script.motion(sway=0.0)
    (rep,) = with_metrics(motion, script.repetitions)
    assert rep.metrics["slack_breakpoint_deg"] == slack
    t = np.arange(rep.start_s, rep.descent_end_s, 0.002)
    a = {k: np.rad2deg(v) for k, v in motion.angles(t).items()}
    lumbar, hip = a["lumbar_flexion"], a["hip_left_flexion"]
    before, beyond = hip < slack - 5.0, hip > slack + 2.0
    assert lumbar[before].max() < 0.4
    # what the lumbar spine takes of both together
    turned = np.polyfit((lumbar + hip)[beyond], lumbar[beyond], 1)[0]
    assert turned == pytest.approx(after, abs=0.02)
    if "slack_onset_deg" in rep.metrics:
        at = np.interp(rep.metrics["slack_onset_deg"], hip, lumbar)
        assert at - lumbar[0] == pytest.approx(5.0, abs=0.25)


def test_whoever_has_short_hips_rocks_back_as_far_as_they_go() -> None:
    """Where the hips end before the rock-back begins, the lumbar spine takes over as early as it can."""
    rng = np.random.default_rng(3)
    for hip_deg, room_deg in zip(rng.uniform(60.0, 100.0, 300), rng.uniform(0.0, 4.0, 300), strict=True):
        script = Script(1, {"left": hip_deg, "right": 110.0})
        script.all_fours(room_deg=room_deg)
        script.rock_back(48.0)
        assert [r.movement for r in script.repetitions] == ["rock_back"]


def test_the_way_back_of_a_rock_back_is_the_way_there():
    script = on_all_fours(48.0, 105.0)
    motion = script.motion(sway=0.0)
    (rep,) = script.repetitions
    s = np.linspace(0.0, 2.2, 200)
    there, back = motion.angles(rep.start_s + s), motion.angles(rep.end_s - s)
    for name in there:
        assert back[name] == pytest.approx(there[name], abs=1e-9), name


def test_slack_beyond_the_way_of_the_hips_is_refused():
    script = Script(0)
    script.all_fours()
    with pytest.raises(ValueError, match="from 84° to 126°"):
        script.rock_back(48.0, 140.0)
