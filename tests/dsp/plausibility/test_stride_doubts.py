"""A sensor that begins to slide in strides or in a bend is doubted at once; who turns, stops or bends to the side is not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Placement
from dsp.live import LivePipeline
from dsp.plausibility.doubts.slips import DOUBTED_PART, LOOKS, SlipDoubts
from dsp.plausibility.doubts.strides import BEFORE, STRIDE, StrideDoubts
from dsp.plausibility.off_body import OffBodyWatch
from dsp.plausibility.worn import ANGLES_OF
from dsp.review import ReviewPipeline
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.faults import Slid

SEGMENTS = ("pelvis", "lumbar", "thigh_left", "thigh_right")
LEAST_DEG = 12.0


def verticals(forward: dict[str, np.ndarray], side: dict[str, np.ndarray], looks: int) -> np.ndarray:
    """Verticals (3, s, looks) of segments that lean forward and to the side by these angles, degrees."""
    zero = np.zeros(looks)
    lean = np.radians([forward.get(key, zero) for key in SEGMENTS])
    aside = np.radians([side.get(key, zero) for key in SEGMENTS])
    return np.stack((-np.sin(lean) * np.cos(aside), np.cos(lean) * np.cos(aside), np.sin(aside)))


def walk(looks: int) -> dict[str, np.ndarray]:
    """Thighs that swing to and fro, a stride in six looks."""
    swing = 22.0 * np.sin(2.0 * np.pi * np.arange(looks) / 6.0)
    return {"thigh_left": swing - 5.0, "thigh_right": -swing - 5.0}


def bend(looks: int) -> dict[str, np.ndarray]:
    """A trunk that goes down for all of the time."""
    down = np.linspace(16.0, 60.0, looks)
    return {"pelvis": down, "lumbar": 1.3 * down}


def after(look: int, angle: float, looks: int, until: int | None = None) -> np.ndarray:
    at = np.arange(looks)
    return np.where((at >= look) & (at < (looks if until is None else until)), angle, 0.0)


def with_more(of: dict[str, np.ndarray], key: str, more: np.ndarray) -> dict[str, np.ndarray]:
    return of | {key: of.get(key, 0.0) + more}


def doubted(vertical: np.ndarray, cuts=()) -> np.ndarray:
    """The angle, degrees, by which each sensor is doubted at each look (s, k)."""
    doubts, parts = StrideDoubts(SEGMENTS), []
    for part in np.split(vertical, list(cuts), axis=2):
        found = doubts.feed(part)
        parts.append(np.zeros(part.shape[1:]) if found is None else found)
    return np.degrees(np.sqrt(np.concatenate(parts, axis=1))) / DOUBTED_PART


N, AT = 60, 30


@pytest.mark.parametrize(("key", "angle"), [("pelvis", -6.0), ("lumbar", 6.0), ("thigh_left", 9.0)])
def test_who_leans_to_the_side_in_strides_is_doubted_at_that_look_until_a_stride_is_as_before(key, angle):
    i, back = SEGMENTS.index(key), AT + 10
    found = doubted(verticals(walk(N), {key: after(AT, angle, N, back)}, N))
    assert not found[:, :AT].any()
    assert not np.delete(found, i, axis=0).any()
    assert found[i, AT] == pytest.approx(LEAST_DEG)
    assert found[i, back + STRIDE - 2] > 0.0
    assert not found[:, back + STRIDE :].any()


def test_a_thigh_whose_swing_has_moved_is_doubted_within_a_stride_and_by_what_it_moved():
    found = doubted(verticals(with_more(walk(N), "thigh_right", after(AT, 20.0, N)), {}, N))
    assert found[3, AT + 4] > 0.0
    assert found[3, AT + 8 :] == pytest.approx(20.0, abs=1.0)
    assert not found[:3].any()


def test_who_turns_leans_with_several_segments_and_is_not_doubted():
    side = {"pelvis": after(AT, 6.0, N), "lumbar": after(AT, 6.5, N)}
    assert not doubted(verticals(walk(N), side, N)).any()


def test_the_same_is_no_doubt_while_nobody_walks():
    assert not doubted(verticals({}, {"lumbar": after(AT, 30.0, N)}, N)).any()
    # a squat: the thighs swing as far, together
    swing = np.sin(2.0 * np.pi * np.arange(N) / 6.0)
    together = {"thigh_left": 30.0 + 25.0 * swing, "thigh_right": 30.0 + 17.0 * swing}
    assert not doubted(verticals(together, {"lumbar": after(AT, 30.0, N)}, N)).any()


def test_who_is_bent_while_he_walks_is_not_doubted():
    assert doubted(verticals(walk(N), {"lumbar": after(AT, 8.0, N)}, N)).any()
    bent = walk(N) | {"pelvis": np.full(N, 30.0)}
    assert not doubted(verticals(bent, {"lumbar": after(AT, 8.0, N)}, N)).any()


def test_a_swing_that_has_come_nearly_back_is_still_doubted_and_a_bend_adds_nothing():
    part = after(AT, 20.0, N, AT + 10) + after(AT + 10, 5.5, N)
    assert doubted(verticals(with_more(walk(N), "thigh_right", part), {}, N))[3, AT + 4 :].all()
    stops = {key: np.where(np.arange(N) < AT + 3, swing, 0.0) for key, swing in walk(N).items()}
    for pelvis, lumbar in ((40.0, 30.0), (0.0, 60.0)):
        down = {"pelvis": after(AT + 3, pelvis, N), "lumbar": after(AT + 3, lumbar, N)}
        found = doubted(verticals(stops | down, {"lumbar": after(AT, 14.0, N)}, N))
        assert found[1, AT:] == pytest.approx(14.0, abs=0.5)


def test_the_first_strides_swing_further_than_the_first_step_and_no_thigh_is_doubted():
    grows = np.clip((np.arange(N) - 20) / 8.0, 0.0, 1.0)
    assert not doubted(verticals({key: grows * swing for key, swing in walk(N).items()}, {}, N)).any()


def test_a_pelvis_or_thigh_that_goes_aside_in_a_bend_is_doubted_and_a_spine_or_a_lifted_leg_is_not():
    n, at = 24, 16
    for key, angle in (("pelvis", 10.0), ("thigh_left", -10.0)):
        found = doubted(verticals(bend(n), {key: after(at, angle, n)}, n))
        assert not found[:, :at].any()
        assert np.flatnonzero(found[:, at]).tolist() == [SEGMENTS.index(key)]
        # it grows with what is seen
        more = doubted(verticals(bend(n), {key: after(at, 2.5 * angle, n)}, n))
        assert more[:, at + 1].max() == pytest.approx(25.0, abs=1.5)
    assert not doubted(verticals(bend(n), {"lumbar": after(at, 15.0, n)}, n)).any()
    lifted = with_more(bend(n), "thigh_left", after(at, 40.0, n))
    assert not doubted(verticals(lifted, {"thigh_left": after(at, 15.0, n)}, n)).any()


def test_who_stands_as_at_the_calibration_is_no_longer_doubted():
    n = N + 10
    stops = {key: np.concatenate((swing[: AT + 4], np.zeros(n - AT - 4))) for key, swing in walk(n).items()}
    side = {"lumbar": after(AT, 9.0, n, AT + 20)}
    found = doubted(verticals(stops, side, n))[1]
    assert found[AT : AT + 20].all()
    assert not found[AT + 24 :].any()


def test_a_look_that_is_missing_counts_as_the_one_before():
    vertical = verticals(walk(N), {"lumbar": after(AT, 8.0, N)}, N)
    vertical[:, 0, ::4] = vertical[:, 3, 1::4] = np.nan
    found = doubted(vertical)
    assert found[1, AT] > 0.0
    assert not np.delete(found, 1, axis=0).any()


def test_it_needs_the_pelvis_and_both_thighs():
    vertical = verticals(walk(N), {"lumbar": after(AT, 8.0, N)}, N)
    assert StrideDoubts(SEGMENTS[:3]).feed(vertical[:, :3]) is None
    assert StrideDoubts(SEGMENTS[1:]).feed(vertical[:, 1:]) is None


@given(st.lists(st.integers(0, 2 * N), max_size=8).map(sorted))
@settings(deadline=None)
def test_cuts_change_nothing(cuts):
    rng = np.random.default_rng(1)
    side = {"lumbar": after(AT, 8.0, N, AT + 9), "thigh_left": after(AT + 22, -12.0, N)}
    strides = verticals(walk(N), {key: side.get(key, 0.0) + rng.normal(0.0, 0.5, N) for key in SEGMENTS}, N)
    bends = verticals(bend(N), {"pelvis": after(AT, 12.0, N)}, N)
    whole = np.concatenate((strides, bends), axis=2)
    found = doubted(whole)
    assert (found > 0.0).any(axis=1).tolist() == [True, True, True, False]
    assert np.array_equal(doubted(whole, cuts), found)


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_looks_together_find_what_one_after_another_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, looks = [], 0
    for kind in rng.integers(0, 4, 12).tolist():
        n = int(rng.integers(3, 50))
        side = {SEGMENTS[rng.integers(4)]: after(int(rng.integers(n)), float(rng.uniform(-15.0, 15.0)), n)}
        strides = {thigh: float(rng.uniform(0.05, 1.2)) * swing for thigh, swing in walk(n).items()}
        forward = strides if kind == 0 else bend(n) if kind == 1 else {"pelvis": np.full(n, 14.0)} if kind == 2 else {}
        part = verticals(forward, {key: side.get(key, 0.0) + rng.normal(0.0, 0.4, n) for key in SEGMENTS}, n)
        part[:, rng.integers(4), rng.random(n) < rng.choice([0.0, 0.1, 0.4])] = np.nan
        parts.append(part)
        looks += n
    whole = np.concatenate(parts, axis=2)
    assert np.array_equal(doubted(whole), doubted(whole, range(1, looks)))


def test_a_thigh_that_stood_slipped_is_doubted_through_strides_that_pass_its_place():
    """Until it stands as it did; one that leant in strides alone is not."""
    doubts = SlipDoubts(SEGMENTS)
    still = np.zeros((4, LOOKS))

    def fed(off_deg: np.ndarray, turn: np.ndarray) -> float:
        found = doubts.feed(np.radians(off_deg), turn)
        return 0.0 if found is None else float(np.degrees(np.sqrt(found[2, -1]))) / DOUBTED_PART

    stood = np.tile([[1.0], [1.0], [20.0], [1.0]], LOOKS)
    strides = np.tile([[1.0], [1.0], [2.0], [2.0]], LOOKS)
    strides[2:, ::2] += 22.0
    assert fed(stood, still) == pytest.approx(20.0)
    assert fed(strides, still + 0.2) == pytest.approx(20.0)
    assert fed(np.ones((4, LOOKS)), still) == 0.0
    assert fed(np.tile([[1.0], [1.0], [20.0], [1.0]], LOOKS) + strides * [[0.0], [0.0], [0.0], [1.0]], still + 0.2) > 15.0
    assert fed(strides, still + 0.2) == 0.0


def script() -> tuple[Script, float]:
    made = Script(3)
    made.calibrate()
    made.stand(1.0)
    at = made.now + 4.5
    made.walk(9.0)
    made.stand(2.0)
    return made, at


@cache
def session(key: str = "", axis: int = 2, estimator=LivePipeline, chunk_s: float = 5.0) -> tuple[Found, np.ndarray]:
    """What a pipeline makes of a session in which one sensor slides in a walk, and the true angles at its rows, degrees."""
    made, at = script()
    faults = {Placement(key): (Slid(at, 3, 20.0, axis, 0.8),)} if key else {}
    athlete = SimulatedAthlete(made, 3, faults=faults)
    pipeline = estimator(athlete.session.sensors, tuple(p.value for p in BODY_PLACEMENTS))
    found = from_samples(pipeline, athlete.plain(), [m.time_s for m in made.marks], chunk_s=chunk_s)
    true = athlete.truth().zeroed()
    tick = np.clip(np.rint(found.time_s * 100).astype(int), 0, len(true.time_s) - 1)
    return found, np.degrees(true.table()[tick])


@pytest.mark.parametrize("key", SEGMENTS)
@pytest.mark.parametrize("axis", [1, 2])
def test_live_states_a_slide_before_it_has_ended_or_within_a_stride(key, axis):
    found, true = session(key, axis)
    columns, at = ANGLES_OF[key], script()[1]
    error = np.abs(found.angles - true)[:, columns]
    beyond = error > 3.0 * found.sd[:, columns]
    seen = (found.time_s > at) & (found.time_s < script()[0].now - 2.0)
    # a thigh's swing hides it until it is at one of its ends
    assert beyond[seen].any(axis=1).sum() < (110 if key.startswith("thigh") else 60)
    others = [i for i in range(len(ANGLE_NAMES)) if i not in columns]
    if key not in ("pelvis", "lumbar"):
        assert np.array_equal(found.sd[:, others], session()[0].sd[:, others], equal_nan=True)


def test_cutting_the_input_otherwise_changes_no_row():
    one, other = session("lumbar")[0], session("lumbar", chunk_s=0.37)[0]
    assert np.array_equal(one.sd, other.sd, equal_nan=True)


def test_review_looks_back_and_doubts_nobody_in_strides():
    assert OffBodyWatch(SEGMENTS, 100.0, 0, at_once=False)._strides is None
    live, review = (session("lumbar", 2, made)[0] for made in (LivePipeline, ReviewPipeline))
    walking = (live.time_s > script()[1] + 0.6) & (live.time_s < script()[1] + 1.2)
    lateral = ANGLE_NAMES.index("lumbar_lateral")
    assert live.sd[walking, lateral].min() > 0.5 * LEAST_DEG
    assert review.sd[walking, lateral].max() < 0.5 * LEAST_DEG


def test_history_is_as_long_as_what_is_compared():
    """With the look that is compared."""
    doubts = StrideDoubts(SEGMENTS)
    doubts.feed(verticals({}, {}, 50))
    assert doubts._leans is not None
    assert doubts._leans.shape[1] + 1 == STRIDE + BEFORE
