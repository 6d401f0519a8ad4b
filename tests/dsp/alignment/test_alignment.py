"""Sensor-to-segment alignment: any mounting, any facing direction, missing movements, stated mountings, confidence."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from body_signals import Mounting
from body_signals.quantities import ANGLE_NAMES
from dsp.alignment.segment_axes import alike, functional_axis
from dsp.live import LivePipeline
from dsp.review import ReviewPipeline
from tests.dsp.calibration_by_hand import (
    BODY,
    RATE,
    Performance,
    calibrated,
    confidence,
    misaligned_deg,
    random_mounting,
    reasons,
)
from tests.dsp.sessions import from_samples, plain, simulated, through_engine

UPRIGHT_SENSOR = Mounting("+y", "-z")
"""Of a sensor whose axes are those of the segment: Y up, Z to the right."""


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(-180, 180), st.floats(-1.0, 1.0))
def test_any_mounting_facing_and_drift(seed, facing, drift):
    """The mounting is found exactly, whichever way the athlete faces and however the headings drift."""
    mounting = random_mounting(seed)
    (found,) = calibrated(Performance(facing_deg=facing, heading_drift_deg_s=drift), mounting)
    assert max(misaligned_deg(found, mounting).values()) < 0.01
    assert found.complete
    assert set(confidence(found)) == set(BODY)


def test_it_comes_into_force_when_the_last_knee_comes_down():
    (found,) = calibrated(Performance(), random_mounting(1))
    last_raise_s = 8.0 + 6 * 3.5
    assert last_raise_s + 2.0 < found.tick / RATE < last_raise_s + 2.5
    assert found.mark_s == 1.0
    assert found.movements_end_s == pytest.approx(found.tick / RATE)


@pytest.mark.parametrize("chunk", [1, 7, 130, 999])
def test_chunks_do_not_matter(chunk):
    mounting = random_mounting(2)
    performance = Performance(sway_deg=0.5, sideways=0.05, late={"pelvis": (7.0, 8.5)})
    (whole,), (cut,) = calibrated(performance, mounting), calibrated(performance, mounting, chunk=chunk)
    assert (whole.tick, whole.reports) == (cut.tick, cut.reports)
    assert all(np.array_equal(whole.to_segment[key], cut.to_segment[key]) for key in BODY)


def test_a_sensor_that_is_late_when_the_standing_is_decided_still_takes_part():
    """6.5 s after the mark the standing is decided; a radio may stutter just then."""
    mounting = random_mounting(3)
    (found,) = calibrated(Performance(late={"pelvis": (7.3, 9.0), "thigh_left": (7.49, 7.53)}), mounting)
    assert set(found.to_segment) == set(BODY)
    assert max(misaligned_deg(found, mounting).values()) < 0.5


def test_a_sensor_that_stays_away_is_not_waited_for():
    mounting = random_mounting(3)
    (found,) = calibrated(Performance(late={"thigh_right": (3.5, 1000.0)}), mounting, body=BODY)
    assert set(found.to_segment) == {"lumbar", "pelvis", "thigh_left"}
    assert "no samples while standing" in reasons(found, "thigh_right")
    assert confidence(found)["thigh_right"] == 0.0
    assert max(misaligned_deg(found, mounting).values()) < 0.01


def test_a_sensor_that_came_after_the_standing_is_not_aligned():
    *_, found = calibrated(Performance(late={"thigh_left": (0.0, 5.0)}), random_mounting(3))
    assert "no samples while standing" in reasons(found, "thigh_left")
    assert "thigh_left" not in found.to_segment


@pytest.mark.parametrize("missing", ["left", "right"])
def test_missing_knee_raises(missing):
    """Without its own raises a thigh has no axis; everything else is aligned."""
    mounting = random_mounting(4)
    (found,) = calibrated(replace(Performance(), **{missing: 0}), mounting)
    key = f"thigh_{missing}"
    assert key not in found.to_segment
    assert "no knee raises and no stated mounting" in reasons(found, key)
    assert max(misaligned_deg(found, mounting).values()) < 0.01
    assert len(found.to_segment) == 3


def test_missing_bends():
    (found,) = calibrated(Performance(bends=0), random_mounting(4))
    assert set(found.to_segment) == {"thigh_left", "thigh_right"}
    assert "no bends" in reasons(found, "pelvis")


def test_stated_mounting_alone_is_enough_with_low_confidence():
    """Standing and a stated mounting: an alignment in force as soon as the standing is decided."""
    mounting = dict.fromkeys(BODY, Rotation.identity())
    still = Performance(bends=0, left=0, right=0, rest_s=20.0)
    first, final = calibrated(still, mounting, dict.fromkeys(BODY, UPRIGHT_SENSOR))
    assert not first.complete
    assert final.complete
    assert first.tick / RATE == pytest.approx(1.0 + 6.5, abs=0.05)
    assert max(misaligned_deg(first, mounting).values()) < 0.01
    assert all(0.0 < c <= 0.4 for c in confidence(first).values())


def test_movement_replaces_the_stated_mounting():
    mounting = {key: Rotation.from_euler("Y", 25, degrees=True) for key in BODY}
    first, final = calibrated(Performance(), mounting, dict.fromkeys(BODY, UPRIGHT_SENSOR))
    assert min(misaligned_deg(first, mounting).values()) > 20
    assert max(misaligned_deg(final, mounting).values()) < 0.01
    assert min(confidence(final).values()) > max(confidence(first).values())


def test_stated_mounting_stands_in_for_what_was_not_moved():
    mounting = dict.fromkeys(BODY, Rotation.identity())
    *_, final = calibrated(Performance(right=0), mounting, {"thigh_right": UPRIGHT_SENSOR})
    assert set(final.to_segment) == set(BODY)
    assert next(r.method for r in final.reports if r.placement == "thigh_right") == "standing and stated mounting"
    assert confidence(final)["thigh_right"] < 0.5 < confidence(final)["thigh_left"]


def test_a_stated_mounting_that_is_wrong_is_named():
    mounting = dict.fromkeys(BODY, Rotation.identity())
    *_, final = calibrated(Performance(), mounting, {"pelvis": Mounting("+y", "+x")})
    assert max(misaligned_deg(final, mounting).values()) < 0.01
    assert "disagrees" in reasons(final, "pelvis")
    assert confidence(final)["pelvis"] < confidence(final)["lumbar"]


def test_a_stated_mounting_is_believed_of_two_half_a_turn_apart():
    """Somebody leans back where he should bend forward: the same movement, worn as stated."""
    mounting = dict.fromkeys(BODY, Rotation.identity())
    stated = dict.fromkeys(BODY, UPRIGHT_SENSOR)
    *_, final = calibrated(Performance(bend_deg=-35.0), mounting, stated)
    assert max(misaligned_deg(final, mounting).values()) < 0.01
    for key in ("lumbar", "pelvis"):
        assert "went the other way than the stated mounting says (180° off)" in reasons(final, key)
        assert 0.0 < confidence(final)[key] < 0.5


def test_a_stated_mounting_upside_down_is_trusted_little():
    lying = dict.fromkeys(BODY, Rotation.from_euler("X", 90, degrees=True))
    still = Performance(bends=0, left=0, right=0, rest_s=20.0)
    first, _ = calibrated(still, lying, dict.fromkeys(BODY, Mounting("+y", "+x")))
    assert all(c <= 0.1 for c in confidence(first).values())
    assert "off the vertical" in reasons(first, "lumbar")


def test_a_stated_left_axis_that_points_up_is_no_axis():
    rolled = dict.fromkeys(BODY, Rotation.from_euler("X", 90, degrees=True))
    still = Performance(bends=0, left=0, right=0, rest_s=20.0)
    first, _ = calibrated(still, rolled, dict.fromkeys(BODY, Mounting("+y", "-z")))
    assert first.to_segment == {}
    assert "almost vertical" in reasons(first, "pelvis")


def test_a_squat_ends_the_calibration_when_nothing_else_is_needed():
    """Both knees up is training, where the mounting is stated; what was seen until then has to do."""
    mounting = dict.fromkeys(BODY, Rotation.identity())
    squat_s = 8.0 + 5 * 3.5
    stated = dict.fromkeys(BODY, Mounting("+y", "-z"))
    found = calibrated(Performance(right=0, squat_at=squat_s, rest_s=30.0), mounting, stated)[-1]
    assert squat_s < found.tick / RATE < squat_s + 2.5
    assert set(found.to_segment) == set(BODY)


def test_a_squat_stands_in_for_a_knee_that_was_not_raised():
    mounting = random_mounting(5)
    *_, found = calibrated(Performance(right=0, squat_at=25.5, rest_s=30.0), mounting)
    assert max(misaligned_deg(found, mounting).values()) < 0.1
    assert "1 squats" in reasons(found, "thigh_right")
    assert confidence(found)["thigh_right"] < 0.5 < confidence(found)["thigh_left"]


@pytest.mark.parametrize("seed", range(4))
def test_squats_alone_are_enough_with_lower_confidence(seed):
    """No bends, no knee raises, no mounting: all four axes from squats, whichever way the sensors are stuck on."""
    mounting = random_mounting(seed)
    squats = Performance(bends=0, left=0, right=0, squat_at=9.0, squats=4, rest_s=12.0, sideways=0.05, sway_deg=0.5)
    found = calibrated(squats, mounting)[-1]
    assert set(found.to_segment) == set(BODY)
    assert max(misaligned_deg(found, mounting).values()) < 3.0
    assert all(0.3 < c <= 0.6 for c in confidence(found).values())
    assert "squats" in reasons(found, "pelvis")


def test_who_bends_and_then_trains_has_a_trunk_at_once_and_own_movements():
    """No knee is raised: trunk angles begin after a pause, the squats that follow give the thighs and are the athlete's own."""
    mounting = random_mounting(5)
    performance = Performance(left=0, right=0, squat_at=30.0, squats=4, rest_s=2.0)
    paused, left, *_, last = calibrated(performance, mounting, finish=False)
    bends_end_s = 8.0 + 2 * 3.5 + 2.5
    assert set(paused.to_segment) == {"lumbar", "pelvis"}
    assert paused.tick / RATE == pytest.approx(bends_end_s + 8.0, abs=0.5)
    assert [a.movements_over for a in (paused, left, last)] == [False, True, True]
    assert left.tick / RATE == pytest.approx(32.5, abs=0.5)
    assert last.complete
    assert set(last.to_segment) == set(BODY)
    assert max(misaligned_deg(last, mounting).values()) < 0.1
    assert {a.movements_end_s for a in (paused, left, last)} == {paused.movements_end_s}
    assert paused.movements_end_s == pytest.approx(bends_end_s, abs=0.5)


def test_knees_raised_after_a_pause_still_belong_to_the_calibration():
    mounting = random_mounting(5)
    early = Performance(left=0, right=0, rest_s=60.0)
    trunk = calibrated(early, mounting, finish=False)[0]
    assert set(trunk.to_segment) == {"lumbar", "pelvis"}
    late = Performance(bends=3, raise_after_s=12.0)
    *_, found = calibrated(late, mounting, finish=False)
    assert found.complete
    assert max(misaligned_deg(found, mounting).values()) < 0.01
    assert found.movements_end_s == pytest.approx(found.tick / RATE)


def test_small_bows_are_enough():
    """The pelvis turns by 16° only; it bends because the spine above it does."""
    mounting = random_mounting(5)
    (found,) = calibrated(Performance(bend_deg=27.0), mounting)
    assert max(misaligned_deg(found, mounting).values()) < 0.01
    assert confidence(found)["pelvis"] < confidence(found)["lumbar"] < 1.0


def test_a_seventh_bend_is_training():
    """Where no knee is raised, and nobody pauses."""
    first, *_ = calibrated(Performance(bends=9, left=0, right=0), random_mounting(5), finish=False)
    assert first.movements_over
    assert not first.complete
    assert first.tick / RATE == pytest.approx(8.0 + 6 * 3.5 + 2.5, abs=0.5)
    # and those after the third were training already
    assert first.movements_end_s == pytest.approx(8.0 + 2 * 3.5 + 2.5, abs=0.5)


def test_without_thigh_sensors_the_first_bend_is_in_force():
    mounting = random_mounting(5, ("lumbar", "pelvis"))
    first, last = calibrated(Performance(left=0, right=0), mounting)
    assert (first.complete, first.movements_over, last.complete) == (False, False, True)
    assert first.tick / RATE == pytest.approx(8.0 + 2.5, abs=0.5)
    assert max(misaligned_deg(first, mounting).values()) < 0.01
    assert all(confidence(first)[key] < confidence(last)[key] for key in mounting)


@pytest.mark.parametrize("stated", [True, False])
def test_bends_to_the_side_are_left_out(stated):
    """Two bends forward; one to each side, all of one size: the sides cancel, or a stated mounting tells."""
    up, forward, side = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    swing = np.sin(np.linspace(0, np.pi, 100))
    ways = (side, forward, -side, forward)
    vertical = np.concatenate([Rotation.from_rotvec(np.outer(swing, way)).apply(up) for way in ways]).T
    spans = [(100 * i, 100 * (i + 1)) for i in range(4)]
    assert alike(vertical, up, spans, forward if stated else None) == [1, 3]
    # only one forward, and further to the sides
    vertical[:, 300:] = Rotation.from_rotvec(np.outer(1.2 * swing, side)).apply(up).T
    assert alike(vertical, up, spans, forward) == [1]


@pytest.mark.parametrize(
    ("pair", "words"),
    [(("thigh_left", "thigh_right"), "thigh sensors exchanged"), (("lumbar", "pelvis"), "lumbar and pelvis sensor exchanged")],
)
def test_exchanged_sensors_are_asked_about(pair, words):
    mounting = random_mounting(7)
    (right,) = calibrated(Performance(), mounting)
    (wrong,) = calibrated(Performance(), mounting, exchanged=pair)
    for key in pair:
        assert words in reasons(wrong, key)
        assert confidence(wrong)[key] < 0.4 * confidence(right)[key]
        assert "exchanged" not in reasons(right, key)


def test_without_standing_no_alignment():
    from dsp.calibration.calibrator import Calibrator

    ticks = Performance().ticks(random_mounting(6))
    calibrator = Calibrator(BODY, {}, lambda mark_s, keys: None, lambda m, key: None)
    calibrator.mark(1.0)
    assert calibrator.feed(ticks) == []
    assert calibrator.finish(len(ticks)) == []


def test_without_a_mark_no_alignment():
    from dsp.calibration.calibrator import Calibrator

    ticks = Performance().ticks(random_mounting(6))
    calibrator = Calibrator(BODY, {}, lambda mark_s, keys: ticks.part(100, 500), lambda m, key: None)
    assert calibrator.feed(ticks) == []


def test_a_second_mark_begins_anew():
    """Interrupted after one bend: the calibration that counts is the one after the last mark."""
    from dsp.calibration.calibrator import Calibrator

    mounting = random_mounting(7)
    ticks = Performance(mark_s=8.0).ticks(mounting)
    calibrator = Calibrator(BODY, {}, lambda m, keys: ticks.part(int((m + 1) * RATE), int((m + 5) * RATE)), lambda m, key: None)
    calibrator.mark(0.5)
    calibrator.mark(8.0)
    (found,) = calibrator.feed(ticks)
    assert found.mark_s == 8.0
    assert max(misaligned_deg(found, mounting).values()) < 0.01


def test_calibration_gives_up_and_says_what_was_missing():
    """Idle after each kind was seen once: it ends without the missing repetitions, with less confidence."""
    mounting = random_mounting(8)
    short, full = Performance(bends=1, left=1, right=1, rest_s=12.0), Performance()
    (found,) = calibrated(short, mounting, finish=False)
    assert set(found.to_segment) == set(BODY)
    assert all(confidence(found)[key] < confidence(calibrated(full, mounting)[0])[key] for key in BODY)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Performance(sway_deg=0.5), Performance(sway_deg=4.0)),
        (Performance(), Performance(bends=1, left=1, right=1)),
        (Performance(), Performance(bend_deg=36.0, raise_deg=30.0)),
        (Performance(), Performance(sideways=0.3)),
    ],
    ids=["sway", "few movements", "small movements", "not in one plane"],
)
def test_confidence_falls(better, worse):
    good, bad = (confidence(calibrated(p, random_mounting(9))[-1]) for p in (better, worse))
    assert all(0.0 < bad[key] < good[key] <= 1.0 for key in BODY)


def test_functional_axis_of_a_swing_about_a_known_axis():
    """A sensor that turns about `axis` sees gravity go round it; the sign is that of the movement's direction."""
    up, axis = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    swing = np.concatenate([np.linspace(0, 1, 50), np.linspace(1, 0, 50)])
    vertical = Rotation.from_rotvec(np.outer(swing, axis)).apply(up).T
    found, planarity, spread = functional_axis(vertical, up, [(0, 100)])
    assert found == pytest.approx(axis, abs=1e-9)
    assert (planarity, spread) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-4))
    back, _, _ = functional_axis(Rotation.from_rotvec(np.outer(-swing, axis)).apply(up).T, up, [(0, 100)])
    assert back == pytest.approx(-axis, abs=1e-9)


def test_single_movements_that_disagree_are_told():
    up = np.array([0.0, 1.0, 0.0])
    swing = np.sin(np.linspace(0, np.pi, 100))
    one = Rotation.from_rotvec(np.outer(swing, [0.0, 0.0, 1.0])).apply(up)
    other = Rotation.from_rotvec(np.outer(swing, [np.sin(0.4), 0.0, np.cos(0.4)])).apply(up)
    axis, planarity, spread = functional_axis(np.concatenate([one, other]).T, up, [(0, 100), (100, 200)])
    assert np.degrees(np.arccos(axis @ [np.sin(0.2), 0.0, np.cos(0.2)])) == pytest.approx(0.0, abs=0.1)
    assert spread == pytest.approx(np.degrees(0.2), abs=0.1)
    assert planarity == pytest.approx(np.cos(0.2) ** 2, abs=0.01)


@pytest.mark.parametrize("estimator", ["live", "review"])
def test_remounting_the_sensors_does_not_change_the_angles(estimator):
    """The same session with every sensor stuck on another way: the same angles to 0.2°."""
    session, samples = plain("demo", 3)
    make = {"live": LivePipeline, "review": ReviewPipeline}[estimator]
    turns = Rotation.random(len(samples), np.random.default_rng(11))
    other = {
        key: replace(s, acc=turns[i].apply(s.acc), gyr=turns[i].apply(s.gyr)) for i, (key, s) in enumerate(samples.items())
    }
    marks = [m.time_s for m in session.marks]
    before, after = (from_samples(make(session.sensors, session.body), data, marks) for data in (samples, other))
    there = np.isfinite(before.angles[:, 0])
    assert there.sum() > 4000
    for name in ANGLE_NAMES:
        difference = after.deg(name)[there] - before.deg(name)[there]
        assert np.abs(difference).max() < 0.2, name


def test_a_radio_that_stutters_at_the_wrong_moment_does_not_spoil_the_session():
    """Demo 0: the pelvis's packets are late when the standing is decided."""
    found = through_engine(simulated("demo", 0), ("live",))["live"]
    assert {r["confidence"] > 0.5 for r in found.summary["calibration"].values()} == {True}
    calibrated_rows = found.time_s > 27.0
    assert np.isfinite(found.deg("lumbar_flexion")[calibrated_rows]).mean() > 0.95
