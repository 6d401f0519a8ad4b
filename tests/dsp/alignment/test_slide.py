"""A sensor that slides round its segment is doubted at once and then told, a posture or a turned foot is neither, and cuts
change nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from body_signals import ANGLE_NAMES, BODY_PLACEMENTS, Placement, Quality
from dsp import rotation
from dsp.alignment.slide import SlideWatch
from dsp.alignment.upright_headings import LEVELS, UprightHeadings
from dsp.grid.ticks import LOOK_STRIDE
from dsp.live import LivePipeline
from dsp.plausibility.doubts.slips import DOUBTED_PART
from dsp.plausibility.worn import ANGLES_OF
from dsp.review import ReviewPipeline
from tests.dsp.sessions import Found, from_samples
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.faults import Fault, Slid

BODY = tuple(p.value for p in BODY_PLACEMENTS)
SEGMENTS = ("pelvis", "lumbar", "thigh_left", "thigh_right")
SEED = 4


def script(seed: int) -> tuple[Script, float]:
    """A calibration, a stand in which something may slide, and movements of all segments."""
    made = Script(seed)
    made.calibrate()
    made.stand(3.0)
    at = made.now
    made.stand(3.0)
    for _ in range(2):
        made.bend(70.0)
        made.squat(80.0)
        made.knee_raise("left")
        made.knee_raise("right")
    made.walk(6.0, turn_deg=60.0)
    made.stand(2.0)
    return made, at


def estimated(pipeline, made: Script, seed: int, faults=None, chunk_s: float = 5.0) -> tuple[Found, np.ndarray, dict]:
    """What a pipeline makes of a session, the true angles at its rows, degrees, and the reasons of each calibration."""
    athlete = SimulatedAthlete(made, seed, faults=faults or {})
    found = from_samples(pipeline, athlete.plain(), [m.time_s for m in made.marks], chunk_s=chunk_s)
    true = athlete.truth().zeroed()
    tick = np.clip(np.rint(found.time_s * 100).astype(int), 0, len(true.time_s) - 1)
    return found, np.degrees(true.table()[tick]), {r.placement: r.reasons for r in pipeline.reports()}


@cache
def slid(key: str, estimator=LivePipeline, chunk_s: float = 5.0) -> tuple[Found, np.ndarray, dict]:
    made, at = script(SEED)
    fault: Fault = Slid(at, SEED, 22.0, 0, 0.8)
    sensors = SimulatedAthlete(made, SEED).session.sensors
    return estimated(estimator(sensors, BODY), made, SEED, {Placement(key): (fault,)}, chunk_s)


@pytest.mark.parametrize("key", BODY)
def test_live_doubts_it_within_two_seconds_and_names_it_after_some_movements(key):
    at = script(SEED)[1]
    found, true, reasons = slid(key)
    flagged = found.quality & Quality.SLIPPED != 0
    assert not flagged[found.time_s < at + 2.0].any()
    assert flagged[-1]
    assert {k for k, why in reasons.items() if "has slid round" in why[-1]} == {key}
    since, of = (found.time_s > at + 2.0) & ~flagged, ANGLES_OF[key]
    error = np.abs(found.angles[:, of] - true[:, of])[since]
    assert (error <= 3.0 * found.sd[since][:, of]).all()
    others = [i for i in range(len(ANGLE_NAMES)) if i not in of]
    assert np.nanmax(found.sd[since][:, others]) < 8.0


@pytest.mark.parametrize("key", BODY)
def test_review_flags_back_to_when_it_last_agreed(key):
    at = script(SEED)[1]
    found, _, reasons = slid(key, ReviewPipeline)
    flagged = found.quality & Quality.SLIPPED != 0
    first = found.time_s[np.argmax(flagged)]
    assert at - 1.0 < first < at + 0.8
    assert flagged[found.time_s > first].all()
    assert "has slid round by 2" in reasons[key][-1]


@pytest.mark.parametrize("estimator", [LivePipeline, ReviewPipeline])
def test_cutting_the_input_otherwise_changes_no_bit(estimator):
    one, other = slid("thigh_left", estimator)[0], slid("thigh_left", estimator, 0.37)[0]
    assert np.array_equal(one.sd, other.sd, equal_nan=True)
    assert np.array_equal(one.quality, other.quality)


@pytest.mark.parametrize("estimator", [LivePipeline, ReviewPipeline])
def test_sound_movements_to_the_side_turned_out_and_round_are_not_doubted(estimator, monkeypatch):
    made = Script(7)
    made.calibrate()
    made.stand(3.0)
    for side, k in (("left", -1.0), ("right", 1.0)):
        made.bend(20.0, lumbar_lateral=25.0 * k, pelvis_obliquity=5.0 * k, movement="side_bend")
        made.bend(4.0, hold_s=1.5, lumbar_rotation=20.0 * k, movement="other")
        out = {f"thigh_{s}_{what}": a for s in ("left", "right") for what, a in (("rotation", 25.0), ("abduction", 20.0))}
        made.squat(85.0, **out)
        made.squat(70.0, **{f"thigh_{side}_rotation": 20.0, f"thigh_{side}_abduction": 15.0})
        made.asymmetric_lift(side)
        made.walk(6.0, turn_deg=150.0 * k)
        made.stand(1.0)
    told = []
    feed = SlideWatch.feed

    def kept(self, *args):
        flags, variance = feed(self, *args)
        told.append(
            (flags is not None, set() if variance is None else {SEGMENTS[i] for i in np.flatnonzero(variance.any(axis=1))})
        )
        return flags, variance

    monkeypatch.setattr(SlideWatch, "feed", kept)
    estimated(estimator(SimulatedAthlete(made, 7).session.sensors, BODY), made, 7)
    assert not any(flagged for flagged, _ in told)
    # a spine that is held turned may be a sensor that slid, until it turns back
    assert set().union(*(doubted for _, doubted in told)) <= {"lumbar"}


# -- segments of a body that moves in a few words --------------------------------------------------------------------

STANDS = np.array([np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0])[:, None]
"""A segment that stands: its y is up."""


def about(axis: int, degrees: np.ndarray) -> np.ndarray:
    half = np.radians(degrees) / 2.0
    quat = np.zeros((4, len(half)))
    quat[0], quat[1 + axis] = np.cos(half), np.sin(half)
    return quat


def body(looks: int, heading: dict | None = None, turned: dict | None = None, flexed: dict | None = None) -> np.ndarray:
    """Segments (4, s, looks): heading and flexion of each, degrees, and by how much it has slid; (looks,) or numbers."""
    whole = []
    for key in SEGMENTS:
        of = [np.broadcast_to(np.asarray((part or {}).get(key, 0.0), float), looks) for part in (heading, turned, flexed)]
        segment = rotation.multiply(rotation.multiply(about(2, of[0]), np.repeat(STANDS, looks, axis=1)), about(2, of[2]))
        whole.append(rotation.multiply(segment, about(1, of[1])))
    return np.stack(whole, axis=1)


def still(looks: int, value: float = 0.0) -> np.ndarray:
    return np.full(looks, value)


def swings(times: int, peak: float = 60.0) -> np.ndarray:
    """A movement there and back in three seconds, and a second of rest."""
    once = peak * np.concatenate((0.5 - 0.5 * np.cos(np.linspace(0.0, 2.0 * np.pi, 15)), np.zeros(5)))
    return np.tile(once, times)


def watched(quat: np.ndarray, keys=SEGMENTS, epochs: np.ndarray | None = None, cuts=(), **how):
    """The watch, and by look whether one counts as slid (k,) and the doubted angle of each, degrees (s, k)."""
    quat = quat[:, [SEGMENTS.index(key) for key in keys]]
    k = quat.shape[2]
    epochs = np.zeros(quat.shape[1:], np.int32) if epochs is None else epochs
    watch, flags, doubted, start = SlideWatch(keys, 100.0, **how), [], [], 0
    for stop in [*cuts, k * LOOK_STRIDE]:
        looks = slice(-(-start // LOOK_STRIDE), -(-stop // LOOK_STRIDE))
        n = stop - start
        if looks.start == looks.stop:
            told, variance = watch.between(n)
        else:
            told, variance = watch.feed(start, n, quat[:, :, looks], epochs[:, looks])
        flags.append(np.zeros(n, np.bool_) if told is None else told)
        doubted.append(np.zeros((len(keys), n)) if variance is None else variance)
        start = stop
    degrees = np.degrees(np.sqrt(np.concatenate(doubted, axis=1))) / DOUBTED_PART
    return watch, np.concatenate(flags)[::LOOK_STRIDE], degrees[:, ::LOOK_STRIDE]


ALL = dict.fromkeys(SEGMENTS, np.concatenate((swings(3), still(20), still(20), swings(4))))
AT, N = 80, 180
AFTER = np.where(np.arange(N) < AT, 0.0, 1.0)
"""Three movements and rest, then the same again, with more, after something has happened."""


@pytest.mark.parametrize("key", SEGMENTS)
@pytest.mark.parametrize("angle", [-15.0, 30.0])
def test_who_slides_is_doubted_by_its_angle_and_told_by_its_axis(key, angle):
    watch, flags, doubted = watched(body(N, turned={key: angle * AFTER}, flexed=ALL))
    i = SEGMENTS.index(key)
    assert not doubted[:, :AT].any()
    assert not np.delete(doubted, i, axis=0).any()
    assert doubted[i, AT + 8] == pytest.approx(abs(angle), rel=0.15)
    assert not flags[: AT + 25].any()
    assert flags[-1]
    assert set(watch.slid) == {key}
    assert watch.slid[key].angle_deg == pytest.approx(abs(angle), abs=1.5)


def test_a_foot_that_is_turned_out_is_doubted_until_the_leg_has_moved():
    watch, flags, doubted = watched(body(N, heading={"thigh_left": 20.0 * AFTER}, flexed=ALL))
    assert doubted[2, AT + 8] > 15.0
    assert not flags.any()
    assert not doubted[:, -1].any()
    assert watch.slid == {}


def test_who_turns_back_is_no_longer_doubted_and_can_be_again():
    turn = np.concatenate((still(40), still(15, 25.0), still(45), still(80, 25.0)))
    doubted = watched(body(N, heading={"lumbar": turn}))[2][1]
    assert doubted[50] > 20.0
    assert not doubted[62:100].any()
    assert doubted[-1] > 20.0


@pytest.mark.parametrize(
    "posture",
    [
        {"thigh_left": 20.0, "thigh_right": -20.0},  # both feet turned out
        {"pelvis": 20.0, "lumbar": 20.0},  # the trunk turned on its legs
        dict.fromkeys(SEGMENTS, 170.0),  # turned round
        {"pelvis": 7.0},
    ],
)
def test_a_posture_of_several_segments_is_not_doubted(posture):
    of = {key: angle * AFTER for key, angle in posture.items()}
    _, flags, doubted = watched(body(N, heading=of, flexed=ALL))
    assert not doubted.any()
    assert not flags.any()


@pytest.mark.parametrize("pelvis", [1.0, 0.1])
def test_of_two_sensors_both_are_doubted_until_one_axis_tells(pelvis):
    keys, flexed = ("pelvis", "lumbar"), ALL | {"pelvis": pelvis * ALL["pelvis"]}
    watch, flags, doubted = watched(body(N, turned={"lumbar": 20.0 * AFTER}, flexed=flexed), keys)
    assert (doubted[:, AT + 8] > 15.0).all()
    assert flags[-1]
    assert set(watch.slid) == {"lumbar"}
    assert doubted[0, -1] == 0.0


def test_an_axis_that_is_as_it_was_again_takes_it_back():
    n = N + 160
    turned = np.concatenate((AFTER, still(160)))
    flexed = dict.fromkeys(SEGMENTS, np.concatenate((ALL["pelvis"], swings(8))))
    watch, flags, doubted = watched(body(n, turned={"pelvis": 25.0 * turned}, flexed=flexed))
    assert flags[N - 1]
    assert not flags[-1]
    assert watch.slid == {}
    assert not doubted[:, -1].any()


def test_a_heading_that_begins_anew_tells_nothing():
    epochs = np.zeros((4, N), np.int32)
    epochs[3, AT:] = 1
    watch, flags, doubted = watched(body(N, heading={"thigh_right": 90.0 * AFTER}, flexed=ALL), epochs=epochs)
    assert not doubted.any()
    assert not flags.any()
    # one that was doubted before is told by its axis alone
    epochs[:] = 0
    epochs[:, AT + 12 :] = 1
    watch, flags, _ = watched(body(N, turned={"thigh_right": 20.0 * AFTER}, flexed=ALL), epochs=epochs)
    assert set(watch.slid) == {"thigh_right"}


def test_an_axis_is_compared_with_the_usual_one_of_the_sensor():
    """A thigh whose mounting is only stated turns about an axis that is off all the time."""
    turned, out = {"thigh_left": still(N, 18.0)}, {"thigh_left": 18.0 * AFTER}
    watch, _, doubted = watched(body(N, heading=out, turned=turned, flexed=ALL))
    assert doubted[2, AT + 8] > 15.0
    assert not doubted[:, -1].any()
    assert watch.slid == {}


def test_it_is_not_told_within_five_seconds_however_much_is_swung():
    strides = 30.0 * np.sin(np.arange(N) * 2.0 * np.pi / 5.0)
    walks = {key: strides if key.startswith("thigh") else still(N) for key in SEGMENTS}
    watch, flags, _ = watched(body(N, turned={"thigh_right": 25.0 * AFTER}, flexed=walks))
    assert 25 <= int(np.argmax(flags)) - AT < 32
    assert set(watch.slid) == {"thigh_right"}


@pytest.mark.parametrize(("looks", "doubts"), [(60, True), (90, False)])
def test_headings_before_and_after_a_long_seat_are_not_compared(looks, doubts):
    quat = np.concatenate((body(40), body(looks, flexed={"thigh_left": 80.0}), body(60, heading={"pelvis": 15.0})), axis=2)
    assert watched(quat)[2].any() == doubts


def test_missing_and_bent_bodies_are_not_looked_at():
    quat = body(N, turned={"pelvis": 25.0 * AFTER}, flexed=ALL)
    quat[:, 1, AT - 2 :] = np.nan
    assert not watched(quat)[2].any()
    bent = {key: still(N, 30.0) for key in SEGMENTS}
    assert not watched(body(N, turned={"pelvis": 25.0 * AFTER}, flexed=bent))[2].any()


def test_marked_back_it_has_slid_since_it_last_agreed_and_a_doubt_that_is_over_never_was():
    watch, flags, _ = watched(body(N, turned={"pelvis": 25.0 * AFTER}, flexed=ALL), marked_back=True)
    assert watch.slid
    assert not flags[: AT - 1].any()
    assert flags[AT:].all()
    assert not watched(body(N, heading={"thigh_left": 20.0 * AFTER}, flexed=ALL), marked_back=True)[2].any()


@example(list(range(LOOK_STRIDE, N * LOOK_STRIDE, LOOK_STRIDE)))
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, N * LOOK_STRIDE - 1), max_size=14))
def test_cuts_do_not_matter(cuts):
    turn = np.concatenate((still(40), still(15, 25.0), still(N - 55)))
    quat = body(N, heading={"lumbar": turn}, turned={"thigh_left": 25.0 * AFTER}, flexed=ALL)
    (whole, flags, doubted), (cut, cut_flags, cut_doubted) = watched(quat), watched(quat, cuts=sorted(set(cuts)))
    assert whole.slid == cut.slid != {}
    assert np.array_equal(flags, cut_flags)
    assert np.array_equal(doubted, cut_doubted)


def test_a_heading_goes_on_over_the_half_turn_and_levels_are_against_the_mean_of_the_others():
    headings = UprightHeadings()
    for look in range(LEVELS):
        both = np.radians(170.0 + 2.0 * look)
        other = both + np.radians(18.0 if look >= LEVELS - 3 else 0.0)
        wrapped = [float(np.arctan2(np.sin(a), np.cos(a))) for a in (both, other, both + 0.1, both + 0.1)]
        assert headings.add(wrapped, [0, 0, 0, 0], look) == (look > 0)
        assert (headings.turned() == []) == (look < LEVELS - 1)
    assert np.degrees(headings.turned()) == pytest.approx([-6.0, 18.0, -6.0, -6.0])
    assert headings.agreed(1, 0.0, 0.1) == LEVELS - 4
