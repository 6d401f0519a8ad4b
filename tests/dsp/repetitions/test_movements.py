"""Movement kinds from trunk and thigh inclination at the deepest point."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals.movements import MOVEMENTS
from dsp.repetitions.kind import CANNOT_TELL, CENTRES, _apart, classify

NAN = math.nan


@pytest.mark.parametrize(
    ("trunk", "left", "right", "kind"),
    [
        (85, 5, 5, "bend"),
        (95, -5, 0, "bend"),
        (60, 16, 16, "hinge"),
        (25, 5, 4, "bend"),
        (38, 3, 3, "bend"),
        (30, 9, 9, "hinge"),
        (21, 36, 38, "squat"),
        (32, 16, 16, "deadlift"),
        (68, 42, 42, "deadlift"),
        (45, 85, 85, "squat"),
        (20, 60, 62, "squat"),
        (5, 75, 2, "knee_raise"),
        (-8, 1, 60, "knee_raise"),
        (5, 200, 200, "other"),
        (NAN, 60, 60, "other"),
        (NAN, 70, 5, "other"),
        (60, NAN, NAN, "bend"),
        (10, NAN, NAN, "other"),
        (45, 80, NAN, "squat"),
    ],
)
def test_kind(trunk, left, right, kind):
    assert classify(trunk, left, right)[0] == kind


@pytest.mark.parametrize(
    ("thigh", "share", "kind"),
    [
        (4.0, 0.05, "hinge"),
        (0.0, 0.0, "hinge"),
        (11.0, -0.02, "hinge"),
        (16.0, 0.18, "hinge"),
        (4.0, 0.25, "bend"),
        (4.0, 0.85, "bend"),
        (14.0, 0.45, "bend"),
    ],
)
def test_the_lumbar_spine_tells_a_bend_from_a_waiters_bow(thigh: float, share: float, kind: str) -> None:
    """Whose legs lean back by less than 11.5° bows all the same, and whose legs lean further bends where the spine does."""
    assert classify(60.0, thigh, thigh, share)[0] == kind


@pytest.mark.parametrize("trunk", [60.0, 80.0, 100.0, 130.0])
@pytest.mark.parametrize("thigh", [-10.0, -5.0, 0.0, 4.0, 6.0])
@pytest.mark.parametrize("share", [0.28, 0.38, 0.48, 0.63, 0.8])
def test_a_clean_bend_is_certain_however_straight_the_knee_is(trunk: float, thigh: float, share: float) -> None:
    """A knee that is straighter than soft was as far from a bend as one that is bent more: 0.35 to 0.6 with locked knees."""
    kind, confidence = classify(trunk, thigh, thigh, share)
    assert kind == "bend"
    assert confidence > 0.76


def test_a_share_of_a_small_lean_tells_nothing() -> None:
    assert classify(19.0, 2.0, 2.0, 0.0) == classify(19.0, 2.0, 2.0)
    assert classify(60.0, 2.0, 2.0, NAN) == classify(60.0, 2.0, 2.0)


@pytest.mark.parametrize("trunk", [120.0, 155.0, 170.0, 190.0])
def test_a_supple_bend_is_a_bend(trunk: float) -> None:
    assert classify(trunk, 3.0, 3.0, 0.5)[0] == "bend"


@pytest.mark.parametrize("kind", CENTRES)
def test_the_centre_of_a_kind_is_certain(kind):
    trunk, thigh = CENTRES[kind]
    assert classify(trunk, thigh, thigh) == (kind, 1.0)


def test_what_a_kit_cannot_tell_has_a_low_confidence():
    """Without thighs a squat is no sure bend; with one thigh a raised knee is no sure squat."""
    for trunk in (30.0, 45.0, 70.0, 95.0):
        assert classify(trunk, NAN, NAN) == ("bend", CANNOT_TELL)
    assert classify(-5.0, 75.0, NAN)[1] <= CANNOT_TELL
    assert classify(5.0, NAN, 60.0)[1] <= CANNOT_TELL
    assert classify(40.0, 80.0, NAN)[1] > 0.7


@pytest.mark.parametrize(("done", "counted"), [(0.0, 0.3), (0.25, 0.3), (0.35, 0.35), (1.05, 1.05), (1.2, 1.1)])
def test_a_partial_squat_is_compared_with_a_squat_of_its_depth(done: float, counted: float) -> None:
    """By hand, in units of 25° and 12°: a squat stands at 45° and 75°. It counts as done to 0.3 … 1.1 of the way; what
    it is off from there counts the more, the less deep it is."""
    off = abs(done - counted) * math.hypot(45.0 / 25.0, 75.0 / 12.0) / math.sqrt(counted)
    assert _apart(done * 45.0, done * 75.0, "squat") == pytest.approx(off, abs=1e-12)
    # 12° more at the thigh, across the trunk's way: along the way it is 6.25 / (1.8² + 6.25²) deeper
    depth = 0.5 + 6.25 / (1.8**2 + 6.25**2)
    across = 1.8 / math.hypot(1.8, 6.25) / math.sqrt(depth)
    assert _apart(0.5 * 45.0, 0.5 * 75.0 + 12.0, "squat") == pytest.approx(across)


def test_a_bends_knee_is_soft_from_the_beginning() -> None:
    """A bend to half its depth, with the thighs where they are in a whole one, is a bend; so of 12° more it is one unit off."""
    assert _apart(35.0, 6.0, "bend") == 0.0
    assert _apart(35.0, 18.0, "bend") == pytest.approx(1.0 / math.sqrt(0.5))


@given(st.floats(-60, 160), st.floats(-60, 160), st.floats(-60, 160))
def test_always_a_known_word_and_a_confidence(trunk, left, right):
    kind, confidence = classify(trunk, left, right)
    assert kind in MOVEMENTS
    assert 0.0 <= confidence <= 1.0
    assert classify(trunk, right, left) == (kind, confidence)


def test_halfway_between_two_kinds_is_uncertain():
    (t1, h1), (t2, h2) = CENTRES["bend"], CENTRES["hinge"]
    assert classify((t1 + t2) / 2, (h1 + h2) / 2, (h1 + h2) / 2)[1] < 0.15


@pytest.mark.parametrize(
    ("angles", "kind"),
    [
        # one thigh above 25°, the other below 15°, the trunk below 25°
        ((0.0, 26.0, 0.0), True),
        ((0.0, 24.0, 0.0), False),
        ((0.0, 60.0, 14.0), True),
        ((0.0, 16.0, 60.0), False),
        ((24.0, 60.0, 0.0), True),
        ((-24.0, 60.0, 0.0), True),
        ((26.0, 60.0, 0.0), False),
    ],
)
def test_what_a_knee_raise_is(angles: tuple[float, float, float], kind: bool) -> None:
    assert (classify(*angles)[0] == "knee_raise") == kind


def test_a_knee_raise_is_sure_from_40_degrees_between_the_thighs() -> None:
    assert classify(0.0, 30.0, 2.0) == ("knee_raise", 0.7)
    assert classify(0.0, 2.0, 45.0) == ("knee_raise", 1.0)


@pytest.mark.parametrize(("trunk", "kind"), [(26.0, "bend"), (24.0, "other")])
def test_without_thighs_a_bend_leans_by_25_degrees(trunk: float, kind: str) -> None:
    assert classify(trunk, NAN, NAN)[0] == kind


@pytest.mark.parametrize(("trunk", "thigh", "told"), [(24.0, 60.0, False), (26.0, 60.0, True)])
def test_one_thigh_may_be_a_raised_knee(trunk: float, thigh: float, told: bool) -> None:
    assert (classify(trunk, thigh, NAN)[1] > CANNOT_TELL) == told
