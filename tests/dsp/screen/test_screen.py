"""Every branch of the hip screen's decision, worked by hand, and what mirroring does to it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals.limits import LIMITS, limits_with
from body_signals.quantities import SCREEN_MEASURES, SCREEN_RESULT
from dsp.results import Repetition
from dsp.screen.pattern import CRITERIA, Pattern, Screen, screen_of
from tests.conftest import ROOT
from tests.dsp.screen_by_hand import Day, sound

LARGE = {"lumbar_share_of_trunk": 0.80}
"""Well beyond 63 % and its margin of 12 points."""
RISES = {"lumbar_share_of_trunk_early": 0.30, "lumbar_share_of_trunk_late": 0.60}
LATE = {"onset_delay_s": -1.3}


def screened(day: Day, **limits: float) -> Screen:
    return screen_of(day.repetitions, limits_with(limits))


def beyond(screen: Screen) -> set[tuple[str, str, str]]:
    return {(f.limit.name, f.test, f.side) for f in screen.findings if f.beyond}


# -- the six patterns ---------------------------------------------------------------------------------------------------


def test_nothing_stands_out() -> None:
    screen = screened(sound())
    assert screen.pattern is Pattern.NONE
    assert beyond(screen) == set()
    assert (screen.agreeing, screen.confidence, screen.otherwise, screen.notes) == (0, "", (), ())


@pytest.mark.parametrize(
    ("day", "untested"),
    [
        (Day().bends(), ("knee raise", "rock-back")),
        (Day().bends().knee_raises(), ("rock-back",)),
        (Day().bends().rock_backs(), ("knee raise",)),
        (Day().bends().bows().squats().rock_backs().knee_raises(sides=("right",)), ("knee raise (left)",)),
        # too few of them, or they went too little way to tell
        (Day().bends().knee_raises(count=2).rock_backs(), ("knee raise",)),
        (Day().bends().knee_raises().rock_backs(None, range_deg=17.0), ("rock-back",)),
        (Day().bends().knee_raises().rock_backs(), ()),
    ],
)
def test_6_only_where_every_test_that_could_have_shown_a_pattern_was_done(day: Day, untested: tuple[str, ...]) -> None:
    screen = screened(day)
    document = screen.document()
    assert document["untested"] == list(untested)
    if untested:
        assert (screen.pattern, document["pattern"]) == (None, None)
        assert document["pattern_words"] == f"not tested: {', '.join(untested)}"
        assert "no dominant pattern" not in json.dumps(document)
    else:
        assert screen.pattern is Pattern.NONE
        assert document["pattern_words"] == "no dominant pattern today"


def test_what_could_be_instead_is_not_no_pattern_where_that_was_not_tested() -> None:
    """A guarded spine with a range near its limit: without it there is no pattern that the bend could have shown."""
    screen = screened(Day().bends(lumbar_rom_deg=35.0, lumbar_share_of_trunk=0.2))
    assert screen.pattern is Pattern.GUARDED
    assert screen.document()["otherwise"] == ["not tested: knee raise, rock-back"]
    tested = screened(Day().bends(lumbar_rom_deg=35.0, lumbar_share_of_trunk=0.2).knee_raises().rock_backs())
    assert tested.document()["otherwise"] == ["no dominant pattern today"]


@pytest.mark.parametrize("day", [Day(), Day().add("sit_down", {}), Day().squats()])
def test_who_did_not_screen_gets_no_pattern(day: Day) -> None:
    screen = screened(day)
    assert screen.pattern is None
    assert screen.document()["pattern"] is None
    assert "not screened" in screen.words


def test_1_without_the_bend_nothing_is_decided() -> None:
    for day in (Day().knee_raises().rock_backs(), Day().bends(2).knee_raises(70.0).rock_backs(5.0)):
        screen = screened(day)
        assert screen.pattern is Pattern.REPEAT
        assert any("forward bend was not scored" in note for note in screen.notes)
        assert screen.confidence == ""


def test_1_the_spine_takes_it_and_the_hips_were_not_tested() -> None:
    screen = screened(Day().bends(**LARGE, **RISES))
    assert screen.pattern is Pattern.REPEAT
    assert any("the hips were not tested" in note for note in screen.notes)
    one_side = screened(Day().bends(**LARGE, **RISES).knee_raises(sides=("left",)))
    assert one_side.pattern is Pattern.REPEAT
    assert any("the right hip was not tested" in note for note in one_side.notes)


@pytest.mark.parametrize(("left", "right", "side"), [(70.0, 105.0, "left"), (105.0, 70.0, "right"), (70.0, 72.0, "both")])
def test_2_the_hip_that_is_low_is_named(left: float, right: float, side: str) -> None:
    screen = screened(Day().bends(**LARGE).knee_raises(left, right).rock_backs())
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, side)
    assert (side if side != "both" else "both sides") in screen.words
    assert screen.agreeing == 2
    assert screen.confidence == "moderate"


def test_2_by_the_rock_back_alone_and_with_both() -> None:
    alone = screened(Day().bends(**LARGE).knee_raises().rock_backs(slack=8.0))
    assert (alone.pattern, alone.side, alone.agreeing) == (Pattern.HIP_LIMITED, "both", 2)
    # on all fours one pelvis moves over both hips: the knee raise says which
    both = screened(Day().bends(**LARGE).knee_raises(left=70.0).rock_backs(slack=8.0))
    assert (both.side, both.agreeing, both.confidence) == ("left", 3, "high")


def test_2_a_knee_raise_that_goes_far_clears_its_side() -> None:
    screen = screened(Day().bends(**LARGE).knee_raises(sides=("left",)).rock_backs(slack=8.0))
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "right")


def test_2_needs_the_lumbar_spine_to_take_it() -> None:
    screen = screened(Day().bends().knee_raises(70.0, 70.0).rock_backs(slack=8.0))
    assert screen.pattern is Pattern.NONE
    assert ("knee_raise_hip_deg", "knee_raise", "left") in beyond(screen)


@pytest.mark.parametrize("takes", [LARGE, RISES, LATE])
def test_2_by_each_way_of_taking_it(takes: dict[str, float]) -> None:
    assert screened(Day().bends(**takes).knee_raises(70.0).rock_backs()).pattern is Pattern.HIP_LIMITED


def test_2_by_a_hip_that_is_used_little_while_the_spine_is_used_much() -> None:
    day = Day().bends().knee_raises(left=75.0, right=120.0).rock_backs(range_deg=40.0, start=80.0)
    # the right hip: 80 of 120; the spine 45 of 50
    screen = screened(day.squats(lumbar=45.0, hip_left=75.0, hip_right=80.0))
    assert ("hip_use", "squat", "right") in beyond(screen)
    assert screen.pattern is Pattern.HIP_LIMITED
    # the same hips with a spine that is used little
    kept = Day().bends().knee_raises(left=75.0, right=120.0).rock_backs(range_deg=40.0, start=80.0)
    assert ("hip_use", "squat", "right") not in beyond(screened(kept.squats(lumbar=20.0, hip_left=75.0, hip_right=80.0)))


def test_3_low_with_straight_knees_only() -> None:
    by_pelvis = screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).knee_raises().rock_backs())
    assert (by_pelvis.pattern, by_pelvis.side, by_pelvis.confidence) == (Pattern.POSTERIOR_CHAIN, "", "low")
    # of another exercise: more is known
    by_bow = screened(Day().bends(**LARGE).bows(slack=35.0).knee_raises().rock_backs())
    assert (by_bow.pattern, by_bow.confidence) == (Pattern.POSTERIOR_CHAIN, "moderate")
    both = screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).bows(slack=35.0).knee_raises().rock_backs())
    assert (both.agreeing, both.confidence) == (3, "high")
    # the hips come first
    assert screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).knee_raises(70.0).rock_backs()).pattern is Pattern.HIP_LIMITED


def test_4_two_limits_say_that_the_spine_takes_it() -> None:
    screen = screened(Day().bends(**LARGE, **RISES).knee_raises().rock_backs())
    assert (screen.pattern, screen.agreeing) == (Pattern.MOVEMENT_CONTROL, 2)
    # both are read off the bend
    assert screen.confidence == "low"


@pytest.mark.parametrize("takes", [LARGE, RISES, LATE])
def test_4_one_limit_names_nothing(takes: dict[str, float]) -> None:
    assert screened(Day().bends(**takes).knee_raises().rock_backs()).pattern is Pattern.NONE


def test_5_little_lumbar_movement() -> None:
    small = {"lumbar_rom_deg": 25.0}
    by_share = screened(Day().bends(lumbar_share_of_trunk=0.2, **small).knee_raises().rock_backs())
    assert (by_share.pattern, by_share.agreeing) == (Pattern.GUARDED, 2)
    assert screened(Day().bends(descent_s=4.5, **small).knee_raises().rock_backs()).pattern is Pattern.GUARDED
    assert screened(Day().bends(**small).knee_raises().rock_backs()).pattern is Pattern.NONE
    assert screened(Day().bends(lumbar_share_of_trunk=0.2).knee_raises().rock_backs()).pattern is Pattern.NONE
    # guarding needs no hip test
    assert screened(Day().bends(descent_s=4.5, **small)).pattern is Pattern.GUARDED


# -- borderline ----------------------------------------------------------------------------------------------------------


def test_a_number_within_its_margin_makes_the_pattern_borderline() -> None:
    screen = screened(Day().bends(lumbar_share_of_trunk=0.70).knee_raises(left=70.0).rock_backs())
    assert screen.pattern is Pattern.HIP_LIMITED
    assert screen.otherwise == (Pattern.NONE,)
    assert screen.confidence == "low"
    assert screen.document()["borderline"] is True
    clear = screened(Day().bends(**LARGE).knee_raises(left=70.0).rock_backs())
    assert clear.otherwise == ()


def test_hips_that_are_nearly_low_could_be_it() -> None:
    screen = screened(Day().bends(**LARGE, **RISES).knee_raises(left=95.0, right=108.0).rock_backs())
    assert screen.pattern is Pattern.MOVEMENT_CONTROL
    assert screen.otherwise == (Pattern.HIP_LIMITED,)
    rock = screened(Day().bends(**LARGE, **RISES).knee_raises().rock_backs(slack=25.0))
    assert rock.otherwise == (Pattern.HIP_LIMITED,)


def test_a_number_on_the_limit_is_not_beyond_it() -> None:
    for limit in LIMITS:
        assert not limit.beyond(limit.value)
        assert not limit.beyond(float("nan"))
        assert not limit.borderline(float("nan"))
        assert limit.beyond(limit.value + (1.0 if limit.above else -1.0))


# -- what cannot be told -------------------------------------------------------------------------------------------------


def test_who_rocks_back_a_little_without_giving_way_is_not_low() -> None:
    screen = screened(Day().bends(**LARGE).rock_backs(None, range_deg=17.0))
    assert not any(f.test == "rock_back" for f in screen.findings)
    assert any("rock-back (left): 17° without giving way; go further" in note for note in screen.notes)
    # the hips were not tested by that
    assert screened(Day().bends(**LARGE, **RISES).rock_backs(None, range_deg=17.0)).pattern is Pattern.REPEAT
    assert screened(Day().bends(**LARGE, **RISES).rock_backs(None, range_deg=35.0)).pattern is Pattern.MOVEMENT_CONTROL


def test_a_shallow_bow_says_nothing() -> None:
    screen = screened(sound().bows(None, trunk=45.0, count=4))
    assert not any(f.test == "bow" and f.beyond for f in screen.findings)
    alone = screened(Day().bends().bows(None, trunk=45.0))
    assert not any(f.test == "bow" for f in alone.findings)
    assert any("bow: 45° without giving way" in note for note in alone.notes)


def test_too_few_are_said() -> None:
    screen = screened(Day().bends(2).knee_raises(count=1).rock_backs(count=2))
    assert "bend: 2 of at least 3 repetitions; not scored" in screen.notes
    assert "knee raise (left): 1 of at least 3 repetitions; not scored" in screen.notes
    assert "rock back (right): 2 of at least 3 repetitions; not scored" in screen.notes
    slipped = screened(Day().bends(1).bends(3, quality=16))
    assert "bend: 1 of at least 3 repetitions, 3 left out: bad quality (slipped); not scored" in slipped.notes


# -- limits --------------------------------------------------------------------------------------------------------------


def test_limits_can_be_set() -> None:
    day = Day().bends(**LARGE).knee_raises(left=95.0).rock_backs()
    assert screened(day).pattern is Pattern.NONE
    stricter = screened(day, knee_raise_hip_deg=110.0)
    assert (stricter.pattern, stricter.side) == (Pattern.HIP_LIMITED, "both")
    (left,) = [f for f in stricter.findings if (f.limit.name, f.side) == ("knee_raise_hip_deg", "left")]
    assert (left.limit.source, left.limit.proposal) == ("set for this session", False)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"knee_rise": 3.0}, "unknown limit 'knee_rise'"),
        ({"knee_raise_hip_deg": float("nan")}, "is not a number"),
        ({"knee_raise_hip_deg": True}, "is not a number"),
    ],
)
def test_limits_that_cannot_be(limits: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        limits_with(limits)


def test_every_criterion_has_its_limit_and_its_measure_and_every_limit_its_source() -> None:
    names = {limit.name for limit in LIMITS}
    assert len(names) == len(LIMITS)
    assert {name for name, _, _ in CRITERIA} | {"lumbar_use"} == names
    assert {(test, measure) for _, test, measure in CRITERIA} <= {(m.test, m.name) for m in SCREEN_MEASURES}
    assert all(limit.source and limit.meaning for limit in LIMITS)
    # what is marked as a proposal says so, and only that
    assert {limit.name for limit in LIMITS if limit.proposal} == {limit.name for limit in LIMITS if "proposal" in limit.source}


def test_the_page_names_every_limit_with_its_value_and_its_source() -> None:
    page = (ROOT / "docs" / "screen.md").read_text("utf-8")
    rows = {cells[1].strip("` "): cells for line in page.splitlines() if len(cells := line.split("|")) == 7}
    for limit in LIMITS:
        _, _, when, _, meaning, source, _ = (cell.strip() for cell in rows[limit.name])
        value = {"deg": f"{limit.value:g}°", "s": f"{limit.value:g} s", "": f"{100 * limit.value:.0f} %"}[limit.unit]
        if limit.name == "bend_late_rise":
            # a difference of shares
            value = value.replace("%", "points")
        assert when == f"{'above' if limit.above else 'below'} {value}"
        assert meaning == limit.meaning
        assert source == ("**proposal**" if limit.proposal else limit.source)
    assert all(
        f"`{m.name}`" in page for m in SCREEN_MEASURES if m.name not in ("lumbar_rom_deg", "hip_rom_deg", "trunk_rom_deg")
    )


# -- the document and its mirror image -----------------------------------------------------------------------------------


def test_the_document_is_json_with_the_keys_of_the_schema_table() -> None:
    screen = screened(Day().bends(**LARGE).knee_raises(left=70.0).rock_backs().squats())
    document = json.loads(json.dumps(screen.document(), allow_nan=False))
    assert {q.name for q in SCREEN_RESULT} <= set(document)
    assert document["pattern"] == 2
    assert document["side"] == "left"
    (row,) = [e for e in document["limits"] if e["name"] == "knee_raise_hip_deg" and e["side"] == "left"]
    assert (row["number"], row["limit"], row["beyond"], row["borderline"], row["proposal"]) == (70.0, 90.0, True, False, True)


def test_no_word_of_a_diagnosis() -> None:
    days = (sound(), Day().bends(**LARGE).knee_raises(70.0).rock_backs(5.0), Day().bends(**LARGE, **RISES), Day().bends(1))
    text = "".join(json.dumps(screened(day).document()) for day in days) + "".join(str(limit) for limit in LIMITS)
    words = ("safe", "danger", "injur", "risk", "healthy", "abnormal", "disease", "patholog", "diagnos")
    assert not [word for word in words if word in text.lower()]


def mirrored(r: Repetition) -> Repetition:
    def other(name: str) -> str:
        return name.replace("left", "right") if "left" in name else name.replace("right", "left")

    return replace(r, metrics={other(name): value for name, value in r.metrics.items()})


OPPOSITE = {"left": "right", "right": "left", "": "", "both": "both"}


@given(
    share=st.floats(0.2, 0.9),
    late=st.floats(0.1, 0.9),
    left=st.floats(60.0, 120.0),
    right=st.floats(60.0, 120.0),
    slack=st.none() | st.floats(5.0, 39.0),
    squat=st.tuples(st.floats(10.0, 50.0), st.floats(60.0, 110.0), st.floats(60.0, 110.0)),
)
def test_a_mirror_swaps_the_sides(share, late, left, right, slack, squat) -> None:
    day = Day().bends(lumbar_share_of_trunk=share, lumbar_share_of_trunk_late=late).knee_raises(left, right)
    day.rock_backs(slack).squats(*squat)
    screen, image = screen_of(day.repetitions), screen_of([mirrored(r) for r in day.repetitions])
    assert image.pattern is screen.pattern
    assert image.side == OPPOSITE[screen.side]
    assert (image.agreeing, image.confidence, image.otherwise) == (screen.agreeing, screen.confidence, screen.otherwise)
    assert {(n, t, OPPOSITE[s]) for n, t, s in beyond(image)} == beyond(screen)
    for t in screen.tests:
        (twin,) = [u for u in image.tests if (u.test, u.side) == (t.test, OPPOSITE[t.side])]
        for name in t.measures:
            sign = -1.0 if name == "hip_difference_deg" else 1.0
            assert twin.value(name) == pytest.approx(sign * t.value(name), nan_ok=True)


@pytest.mark.parametrize(("lumbar", "borderline"), [(34.0, True), (36.0, True), (45.0, False)])
def test_a_hip_beside_a_spine_that_is_nearly_used_much_is_borderline(lumbar: float, borderline: bool) -> None:
    """The right hip: 80 of 120, far from three quarters; the spine 34, 36 or 45 of 50, beside 70 % and its margin of 5."""
    day = Day().bends().knee_raises(left=75.0, right=120.0).rock_backs(range_deg=40.0, start=80.0)
    screen = screened(day.squats(lumbar=lumbar, hip_left=75.0, hip_right=80.0))
    (found,) = (f for f in screen.findings if (f.limit.name, f.test, f.side) == ("hip_use", "squat", "right"))
    assert (found.borderline, found.beyond) == (borderline, lumbar > 35.0)


def test_the_limits_are_those_of_the_configuration_page() -> None:
    text = (ROOT / "docs/configuration.md").read_text("utf-8")
    told = {name: float(value) for name, value in re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \|", text, re.MULTILINE)}
    assert {limit.name: limit.value for limit in LIMITS} == {limit.name: told[limit.name] for limit in LIMITS}


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        # minimal detectable changes: 12 points of a share, 10° of a range, 7° of hip flexion
        ("bend_share_high", 0.12, 0.12),
        ("bend_share_low", 0.12, 0.12),
        ("bend_late_rise", 0.0, 0.0),
        ("bend_lumbar_low_deg", 10.0, 10.0),
        ("bend_trunk_high_deg", 10.0, 10.0),
        ("knee_raise_hip_deg", 7.0, 10.0),
        ("rock_back_slack_deg", 7.0, 10.0),
        ("sit_to_stand_share", 0.12, 0.12),
        ("bend_onset_delay_s", 0.2, 0.2),
        ("bend_descent_s", 0.5, 0.5),
        ("knee_raise_difference_deg", 3.0, 3.0),
        ("squat_butt_wink_deg", 3.0, 3.0),
        ("hip_use", 0.05, 0.05),
        ("lumbar_use", 0.05, 0.05),
        ("deadlift_lumbar_use", 0.05, 0.05),
    ],
)
def test_what_is_borderline(name: str, below: float, above: float) -> None:
    (limit,) = (limit for limit in LIMITS if limit.name == name)
    for margin, sign in ((below, -1.0), (above, 1.0)):
        assert not limit.borderline(limit.value + sign * 1.02 * margin)
        if margin:
            assert limit.borderline(limit.value + sign * 0.98 * margin)
