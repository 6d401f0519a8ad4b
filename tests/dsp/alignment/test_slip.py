"""A slipped sensor is noticed in the next standing, a posture or a movement is none, and cuts change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.alignment.slip import SLIPPED_RAD, SlipWatch
from dsp.grid.ticks import LOOK_STRIDE

RATE = 100.0
BODY = ("lumbar", "pelvis", "thigh_left", "thigh_right")


def leaning(**track):
    """Verticals (3, n) by segment from forward inclinations in degrees, (n,) or a number."""
    n = max(len(np.atleast_1d(a)) for a in track.values()) if track else 1
    found = {}
    for key in BODY:
        a = np.radians(np.broadcast_to(track.get(key, 0.0), n))
        found[key] = np.stack([-np.sin(a), np.cos(a), np.zeros(n)])
    return found


def watched(verticals, cuts=(), worn=BODY, **how):
    verticals = {key: verticals[key] for key in worn}
    n = verticals[worn[0]].shape[1]
    watch, parts, start = SlipWatch(worn, RATE, **how), [], 0
    for stop in [*cuts, n]:
        first = (-start) % LOOK_STRIDE
        part = {key: v[:, start:stop][:, first::LOOK_STRIDE] for key, v in verticals.items()}
        parts.append(watch.feed(start, part, stop - start))
        start = stop
    return watch, np.concatenate(parts)


def standing(seconds, angle=0.0):
    return np.full(int(seconds * RATE), angle)


def movement(peak=70.0):
    return peak * np.sin(np.linspace(0, np.pi, 200)) ** 2


def test_flagged_within_seconds_of_the_next_standing():
    pelvis = np.concatenate([standing(5), movement(), standing(5, 12.0) + 0.1])
    lumbar = np.concatenate([standing(5), movement(90.0), standing(5)])
    watch, flags = watched(leaning(pelvis=pelvis, lumbar=lumbar))
    assert not flags[:700].any()
    assert flags[700 + 250 :].all()
    assert watch.slipped["pelvis"].angle_deg == pytest.approx(12.1, abs=0.1)
    assert set(watch.slipped) == {"pelvis"}


def test_seen_over_several_short_standings():
    """No rest between repetitions is as long as is asked for."""
    lumbar = np.concatenate([x for _ in range(6) for x in (standing(0.8, 12.0), movement(60.0) + 12.0)])
    others = np.concatenate([x for _ in range(6) for x in (standing(0.8), movement(40.0))])
    watch, flags = watched(leaning(lumbar=lumbar, pelvis=others))
    assert flags[-1]
    assert set(watch.slipped) == {"lumbar"}


def test_taken_back_when_it_stands_as_before():
    thigh = np.concatenate([standing(4), standing(6, 12.0), standing(6)])
    watch, flags = watched(leaning(thigh_left=thigh))
    assert flags[800]
    assert not flags[-1]
    assert watch.slipped == {}


@pytest.mark.parametrize(
    "posture",
    [
        {"lumbar": 15.0, "pelvis": 10.0},  # leans forward
        {"thigh_left": -80.0, "thigh_right": -80.0, "pelvis": -20.0},  # sits
        {"pelvis": 4.0, "lumbar": -4.0},  # stands a little otherwise
        {"pelvis": np.degrees(SLIPPED_RAD) - 0.5},
        {"thigh_left": 12.0, "pelvis": 7.0},  # two differ
    ],
)
def test_a_posture_of_the_whole_body_is_no_slip(posture):
    track = {key: np.concatenate([standing(3), standing(60, a), standing(3)]) for key, a in posture.items()}
    assert not watched(leaning(**track))[1].any()


@pytest.mark.parametrize("trunk", ["lumbar", "pelvis"])
def test_a_horizontal_trunk_with_one_sensor_is_a_posture_and_with_two_is_none(trunk):
    """All fours: the thighs are vertical as in standing. One sensor alone on the trunk says no more than that it leans."""
    kit = (trunk, "thigh_left", "thigh_right")
    horizontal = leaning(**{trunk: np.concatenate([standing(5), standing(6, 84.0), standing(5)])})
    assert not watched(horizontal, worn=kit)[1].any()
    # two that disagree by this angle: one hangs loose
    assert watched(horizontal)[1].any()
    slipped = leaning(**{trunk: np.concatenate([standing(5), standing(6, 15.0)])})
    assert watched(slipped, worn=kit)[1][800:].all()


def test_movement_is_no_slip():
    """A bend begun by the lumbar spine alone passes by, time and again."""
    lumbar = np.concatenate([x for _ in range(40) for x in (standing(0.6), movement(50.0))])
    pelvis = np.concatenate([x for _ in range(40) for x in (standing(0.6), movement(50.0) ** 2 / 50.0)])
    assert not watched(leaning(lumbar=lumbar, pelvis=pelvis))[1].any()


def test_a_missing_sensor_says_nothing():
    verticals = leaning(pelvis=standing(10, 12.0))
    verticals["thigh_left"][:] = np.nan
    assert not watched(verticals)[1].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 1899), max_size=12))
def test_cuts_do_not_matter(cuts):
    pelvis = np.concatenate([standing(5), movement(), standing(6, 12.0), movement(), standing(4)])
    verticals = leaning(pelvis=pelvis, lumbar=np.concatenate([standing(5), movement(), standing(6), movement(), standing(4)]))
    whole, flags = watched(verticals)
    cut, pieces = watched(verticals, sorted(set(cuts)))
    np.testing.assert_array_equal(pieces, flags)
    assert cut.slipped == whole.slipped


def test_ten_looks_of_two_seconds_and_one_to_compare_the_first_with():
    """Off from the first look on: that one has nothing before it to have kept still from, so the eleventh decides."""
    flags = watched(leaning(pelvis=standing(4, 12.0)))[1]
    assert np.flatnonzero(flags)[0] == 10 * LOOK_STRIDE == 200
    # once the watch has looked, the first look of what comes next has something before it
    assert np.flatnonzero(watched(leaning(pelvis=standing(4, 12.0)), cuts=(100,))[1])[0] == 200


@pytest.mark.parametrize(
    ("off", "others", "slipped"), [(8.3, 0.0, True), (7.7, 0.0, False), (12.0, 4.8, True), (12.0, 5.2, False)]
)
def test_a_slip_is_8_degrees_off_while_the_others_are_within_5(off, others, slipped):
    flags = watched(leaning(pelvis=standing(6, off), lumbar=others, thigh_left=-others))[1]
    assert flags[-1] == slipped


@pytest.mark.parametrize(("sway", "slipped"), [(0.57, True), (0.63, False)])
def test_still_is_less_than_six_tenths_of_a_degree_from_look_to_look(sway, slipped):
    thigh = sway * (np.arange(600) // LOOK_STRIDE % 2)
    assert watched(leaning(pelvis=standing(6, 12.0), thigh_left=thigh))[1][-1] == slipped


@pytest.mark.parametrize(("then", "slipped"), [(14.8, True), (15.2, False)])
def test_two_looks_are_alike_within_3_degrees(then, slipped):
    """1.6 s one way and 1.6 s another: together long enough if it is the same."""
    assert watched(leaning(pelvis=np.concatenate([standing(1.6, 12.0), standing(1.6, then)])))[1][-1] == slipped


@pytest.mark.parametrize(("lean", "slipped"), [(39.0, True), (41.0, False)])
def test_the_only_sensor_of_the_trunk_beyond_40_degrees_leans(lean, slipped):
    kit = ("pelvis", "thigh_left", "thigh_right")
    assert watched(leaning(pelvis=standing(5, lean)), worn=kit)[1][-1] == slipped


def test_when_it_was_seen():
    watch, _ = watched(leaning(pelvis=standing(4, 12.0)))
    assert watch.slipped["pelvis"].time_s == pytest.approx(2.0)


def test_review_marks_a_slip_back_to_the_last_standing_that_agreed():
    """It slid while moving, after 5 s of standing; it is known once it has stood differently for two seconds."""
    slid = leaning(pelvis=np.concatenate([standing(5), movement(), standing(6, 12.0)]))
    _, onwards = watched(slid)
    _, back = watched(slid, marked_back=True)
    assert onwards.argmax() >= 900
    assert back.argmax() == pytest.approx(5 * RATE, abs=LOOK_STRIDE)
    assert back[back.argmax() :].all()
