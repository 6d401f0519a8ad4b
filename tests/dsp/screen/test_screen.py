"""Every branch of the hip screen's decision, worked by hand, and what mirroring does to it.

A pattern needs two tests of different exercises that share no number (benchmarks/clinic.py); limits are not counted any more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from body_signals.limits import LIMITS, SET_FOR_SESSION, limits_with
from body_signals.quantities import SCREEN_MEASURES, SCREEN_RESULT
from dashboards.answers import sentences
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


def answer(screen: Screen) -> dict[str, Any]:
    found = screen.document()["answer"]
    assert isinstance(found, dict)
    return found


def beyond(screen: Screen) -> set[tuple[str, str, str]]:
    return {(f.limit.name, f.test, f.side) for f in screen.findings if f.beyond}


# -- the patterns --------------------------------------------------------------------------------------------------------


def test_nothing_stands_out() -> None:
    screen = screened(sound())
    assert screen.pattern is Pattern.NONE
    assert beyond(screen) == set()
    assert (screen.agreeing, screen.confidence, screen.otherwise, screen.notes) == (0, "", (), ())
    assert answer(screen) | {"code": "nothing_stands_out", "reasons": [], "against": [], "next": []} == answer(screen)


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
def test_no_pattern_only_where_every_test_that_could_have_shown_one_was_done(day: Day, untested: tuple[str, ...]) -> None:
    screen = screened(day)
    document = screen.document()
    assert document["untested"] == list(untested)
    if untested:
        assert (screen.pattern, document["pattern"], screen.code) == (None, None, "not_tested")
        hips = {"knee raise", "rock-back"} <= set(untested)
        assert document["pattern_words"] == ("The hips were not tested." if hips else "Not all hip tests were done.")
        assert "stand out" not in json.dumps(document)
        assert [n["code"] for n in answer(screen)["next"]] == [
            w.split(" (")[0].replace(" ", "_").replace("-", "_") for w in untested
        ]
    else:
        assert screen.pattern is Pattern.NONE
        assert document["pattern_words"] == "Neither hips nor back stand out today."


@pytest.mark.parametrize("day", [Day(), Day().add("sit_down", {}), Day().squats()])
def test_who_did_not_screen_gets_no_pattern(day: Day) -> None:
    screen = screened(day)
    assert screen.pattern is None
    assert screen.document()["pattern"] is None
    assert screen.words == "The hips were not tested."


def test_without_the_bend_hips_that_run_out_are_named_all_the_same() -> None:
    """It used to need the bend; knee raise and rock-back are two exercises without it."""
    screen = screened(Day().knee_raises(70.0, 100.0).rock_backs(9.0))
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "left")


def test_without_the_bend_nothing_else_is_decided() -> None:
    screen = screened(Day().knee_raises().rock_backs())
    assert (screen.pattern, screen.confidence) == (Pattern.REPEAT, "")
    assert any("forward bend was not scored" in note for note in screen.notes)
    assert answer(screen)["next"] == [{"code": "bend", "side": ""}]


def test_two_exercises_say_that_the_spine_takes_it_and_the_hips_were_not_tested() -> None:
    screen = screened(Day().bends(**LARGE).stand_ups(0.60))
    assert screen.pattern is Pattern.REPEAT
    assert any("the hips were not tested" in note for note in screen.notes)
    assert [n["code"] for n in answer(screen)["next"]] == ["knee_raise", "rock_back"]
    one_side = screened(Day().bends(**LARGE).stand_ups(0.60).knee_raises(sides=("left",)))
    assert one_side.pattern is Pattern.REPEAT
    assert any("the right hip was not tested" in note for note in one_side.notes)
    assert answer(one_side)["next"][0] == {"code": "knee_raise", "side": "right"}


@pytest.mark.parametrize(("left", "right", "side"), [(70.0, 100.0, "left"), (100.0, 70.0, "right"), (62.0, 64.0, "both")])
def test_short_hips_are_named_with_an_ordinary_bend(left: float, right: float, side: str) -> None:
    """70° against 100°, the rock-back gives way at 11°: it used to need a bend from the lumbar spine, and went unnamed."""
    screen = screened(Day().bends().knee_raises(left, right).rock_backs(11.0))
    assert (screen.pattern, screen.side, screen.code) == (Pattern.HIP_LIMITED, side, "hip_limited")
    assert (screen.agreeing, screen.confidence, screen.otherwise) == (2, "moderate", ())
    said = answer(screen)
    assert {r["test"] for r in said["reasons"]} == {"knee_raise", "rock_back"}
    assert said["exercises"] == 2
    # what the hips do not explain
    assert {r["test"] for r in said["against"]} == {"bend"}


def test_a_third_exercise_makes_it_more_certain() -> None:
    screen = screened(Day().bends(**LARGE).knee_raises(70.0, 100.0).rock_backs(11.0))
    assert (screen.agreeing, screen.confidence) == (3, "high")


@pytest.mark.parametrize(
    "day", [Day().bends().knee_raises(70.0, 100.0).rock_backs(), Day().bends().knee_raises().rock_backs(6.0)]
)
def test_one_test_alone_names_nothing_and_says_what_is_next(day: Day) -> None:
    screen = screened(day)
    assert (screen.pattern, screen.code, screen.confidence, screen.agreeing) == (None, "one_test", "", 0)
    said = answer(screen)
    assert (said["points_to"], said["exercises"]) == ("hip_limited", 1)
    assert said["next"][0]["code"] == "hip_extension"
    assert said["against"]
    assert screen.words == "One test points to the hips; one is not enough."


def test_a_number_that_just_touches_its_limit_points_nowhere_alone() -> None:
    """Each limit flags one in ten people without complaints, and a screen has many."""
    just, clearly = (screened(Day().bends().knee_raises().rock_backs(slack)) for slack in (21.0, 19.0))
    assert [s.code for s in (just, clearly)] == ["nothing_stands_out", "one_test"]
    assert ("rock_back_slack_deg", "rock_back", "left") in beyond(just)


def test_where_all_tests_of_the_hips_were_done_the_other_one_is_repeated() -> None:
    screen = screened(Day().bends().knee_raises(70.0, 100.0).rock_backs().hip_extensions())
    assert [n["code"] for n in answer(screen)["next"]] == ["rock_back"]


def test_share_and_range_of_one_bend_are_one_measurement() -> None:
    """Pelvis small and share large: it used to be a posterior chain by two limits."""
    screen = screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).bows().knee_raises().rock_backs())
    assert (screen.pattern, screen.code) == (None, "one_test")
    guarded = screened(Day().bends(lumbar_rom_deg=25.0, lumbar_share_of_trunk=0.2).knee_raises().rock_backs())
    assert (guarded.pattern, guarded.code, answer(guarded)["points_to"]) == (None, "one_test", "guarded")


def test_share_that_rises_late_takes_nothing_over() -> None:
    """It says that the pelvis went first, and carried most of the patterns named in people without complaints."""
    for hips in (70.0, 105.0):
        risen = screened(Day().bends(**RISES).knee_raises(hips, hips).rock_backs())
        without = screened(Day().bends().knee_raises(hips, hips).rock_backs())
        assert (risen.pattern, risen.code) == (without.pattern, without.code)
    assert screened(Day().bends(**LATE).knee_raises().rock_backs()).pattern is Pattern.NONE


def test_by_the_rock_back_and_the_bend() -> None:
    alone = screened(Day().bends(**LARGE).knee_raises().rock_backs(slack=8.0))
    assert (alone.pattern, alone.side, alone.agreeing) == (Pattern.HIP_LIMITED, "both", 2)
    # on all fours one pelvis moves over both hips: the knee raise says which
    both = screened(Day().bends(**LARGE).knee_raises(left=70.0).rock_backs(slack=8.0))
    assert (both.side, both.agreeing, both.confidence) == ("left", 3, "high")


def test_a_knee_raise_that_goes_far_clears_its_side() -> None:
    screen = screened(Day().bends(**LARGE).knee_raises(sides=("left",)).rock_backs(slack=6.0))
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "right")


def test_hip_extension_is_a_test_of_its_own() -> None:
    screen = screened(Day().bends().knee_raises(74.0, 95.0).rock_backs().hip_extensions(left=-26.0))
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "left")
    assert {r["test"] for r in answer(screen)["reasons"]} == {"knee_raise", "hip_extension"}
    # of the other side it does not speak for this one
    other = screened(Day().bends().knee_raises(74.0, 95.0).rock_backs().hip_extensions(right=-26.0))
    assert other.pattern is None
    assert other.code == "one_test"


def test_by_a_hip_that_is_used_little_while_the_spine_is_used_much() -> None:
    day = Day().bends().knee_raises(left=100.0, right=120.0).rock_backs(range_deg=36.0, start=80.0)
    # the right hip: 78 of 120; the spine 45 of 50
    screen = screened(day.squats(lumbar=45.0, hip_left=98.0, hip_right=78.0))
    assert ("hip_use", "squat", "right") in beyond(screen)
    # the same hips with a spine that is used little
    kept = Day().bends().knee_raises(left=100.0, right=120.0).rock_backs(range_deg=36.0, start=80.0)
    assert ("hip_use", "squat", "right") not in beyond(screened(kept.squats(lumbar=20.0, hip_left=98.0, hip_right=78.0)))


def test_posterior_chain_by_bow_and_bend() -> None:
    both = screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).bows(slack=35.0).knee_raises().rock_backs())
    assert (both.pattern, both.side, both.agreeing, both.confidence) == (Pattern.POSTERIOR_CHAIN, "", 2, "moderate")
    by_share = screened(Day().bends(**LARGE).bows(slack=35.0).knee_raises().rock_backs())
    assert by_share.pattern is Pattern.POSTERIOR_CHAIN
    # the hips come first
    hips = screened(Day().bends(pelvis_rom_deg=28.0, **LARGE).bows(slack=35.0).knee_raises(60.0, 100.0).rock_backs(8.0))
    assert hips.pattern is Pattern.HIP_LIMITED
    # where the lumbar spine moved little too, the whole bend was small
    small = screened(Day().bends(pelvis_rom_deg=28.0, lumbar_share_of_trunk=0.45).bows(slack=35.0).knee_raises().rock_backs())
    assert small.code == "one_test"


def test_movement_control_by_two_exercises() -> None:
    screen = screened(Day().bends(**LARGE).stand_ups(0.60).knee_raises().rock_backs())
    assert (screen.pattern, screen.agreeing, screen.confidence) == (Pattern.MOVEMENT_CONTROL, 2, "moderate")
    assert screened(Day().bends(**LARGE, **RISES, **LATE).knee_raises().rock_backs()).code == "one_test"


def test_guarded_by_two_exercises() -> None:
    day = Day().bends(lumbar_rom_deg=25.0, lumbar_share_of_trunk=0.2).stand_ups(0.02).knee_raises().rock_backs()
    screen = screened(day)
    assert (screen.pattern, screen.agreeing) == (Pattern.GUARDED, 2)
    # a small range alone, neither of a small share nor slow
    assert screened(Day().bends(lumbar_rom_deg=25.0).knee_raises().rock_backs()).pattern is Pattern.NONE


# -- borderline ----------------------------------------------------------------------------------------------------------


def test_two_numbers_that_just_touch_their_limits_name_nothing() -> None:
    screen = screened(Day().bends().knee_raises(90.0, 104.0).rock_backs(21.0))
    assert {name for name, _, _ in beyond(screen)} == {"knee_raise_difference_deg", "rock_back_slack_deg"}
    assert (screen.pattern, screen.code, screen.otherwise) == (Pattern.NONE, "nothing_stands_out", (Pattern.HIP_LIMITED,))
    assert screen.document()["borderline"] is True


def test_a_pattern_by_little_is_borderline_and_of_low_confidence() -> None:
    screen = screened(Day().bends().knee_raises(84.0, 101.5).rock_backs(21.0))
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "left")
    assert screen.otherwise == (Pattern.NONE,)
    assert screen.confidence == "low"
    clear = screened(Day().bends().knee_raises(75.0, 105.0).rock_backs(12.0))
    assert clear.otherwise == ()


def test_hips_that_are_nearly_short_could_be_it() -> None:
    """The hips first: beside another pattern they are named as what it could be."""
    screen = screened(Day().bends(**LARGE).stand_ups(0.60).knee_raises(92.0, 108.0).rock_backs(slack=26.0))
    assert screen.pattern is Pattern.HIP_LIMITED or Pattern.HIP_LIMITED in screen.otherwise


def test_a_rock_back_that_goes_far_speaks_against_short_hips() -> None:
    against = screened(Day().bends(lumbar_share_of_trunk=0.68).knee_raises(88.0, 104.0).rock_backs())
    assert against.pattern is None
    untested = screened(Day().bends(lumbar_share_of_trunk=0.68).knee_raises(88.0, 104.0))
    assert untested.pattern is Pattern.HIP_LIMITED
    assert ("rock_back", "left") in {(r["test"], r["side"]) for r in answer(against)["against"]}


def test_a_number_on_the_limit_is_not_beyond_it() -> None:
    for limit in LIMITS:
        assert not limit.beyond(limit.value)
        assert not limit.beyond(float("nan"))
        assert not limit.borderline(float("nan"))
        assert limit.beyond(limit.value + (1.0 if limit.above else -1.0))


@given(st.sampled_from(LIMITS), st.floats(-3.0, 3.0))
def test_the_weight_of_a_number_is_one_at_its_limit_and_grows_beyond(limit, steps: float) -> None:
    far = limit.margin_above if limit.above else limit.margin_below
    if far:
        sign = 1.0 if limit.above else -1.0
        number = limit.value + sign * far * steps
        assert (limit.weight(number) > 1.0 + 1e-9) <= limit.beyond(number)
        assert limit.weight(limit.value) == 1.0
        assert limit.weight(limit.value + sign * far) == pytest.approx(2.0)
        assert -1.0 <= limit.weight(number) <= 3.0
    assert limit.weight(float("nan")) == 0.0


# -- own baseline --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Own:
    median: float
    low: float
    high: float
    sd: float = 3.0
    sessions: int = 3
    days: int = 3


def test_a_first_visit_says_so() -> None:
    day = Day().bends().knee_raises(70.0, 100.0).rock_backs(11.0)
    assert answer(screen_of(day.repetitions))["compared_with"] == "published"
    first = answer(screen_of(day.repetitions, baseline={}))
    assert first["compared_with"] == "first_visit"
    assert {r["compared_with"] for r in first["reasons"]} == {"proposal"}


def test_each_number_says_whose_limit_it_is_compared_with() -> None:
    day = Day().bends(**LARGE).knee_raises(70.0, 100.0).rock_backs(11.0)
    document = screened(day, rock_back_slack_deg=20.0).document()
    said = answer(screened(day, rock_back_slack_deg=20.0))
    entries = [*document["limits"], *said["reasons"], *said["against"]]  # type: ignore[misc]
    whose = {(e["proposal"], e["source"] == SET_FOR_SESSION, e["compared_with"]) for e in entries}
    assert whose == {(True, False, "proposal"), (False, False, "published"), (False, True, "set")}


def test_the_own_baseline_is_compared_with_first() -> None:
    """A left hip of 88° is above every limit, and 20° below what is usual for this athlete."""
    baseline = {
        ("knee_raise", "left", "hip_peak_deg"): Own(118.0, 110.0, 126.0),
        ("rock_back", "left", "excursion_deg"): Own(42.0, 36.0, 48.0),
        ("rock_back", "right", "excursion_deg"): Own(42.0, 36.0, 48.0),
    }
    day = Day().bends().knee_raises(94.0, 104.0).rock_backs(28.0)
    assert screened(day).pattern is Pattern.NONE
    screen = screen_of(day.repetitions, baseline=baseline)
    assert (screen.pattern, screen.side) == (Pattern.HIP_LIMITED, "left")
    said = answer(screen)
    assert said["compared_with"] == "own_baseline"
    (raised,) = (r for r in said["reasons"] if r["test"] == "knee_raise")
    assert (raised["limit"], raised["source"], raised["proposal"]) == (110.0, "own baseline, 3 sessions", False)
    assert raised["compared_with"] == "own_baseline"


def test_what_is_usual_for_the_athlete_does_not_count_where_it_is_just_beyond_the_limit() -> None:
    day = Day().bends(lumbar_share_of_trunk=0.70).knee_raises().rock_backs()
    assert screened(day).code == "one_test"
    usual = {("bend", "", "lumbar_share_of_trunk"): Own(0.70, 0.64, 0.76, 0.03)}
    screen = screen_of(day.repetitions, baseline=usual)
    assert screen.pattern is Pattern.NONE


def test_a_hip_that_has_always_been_short_is_short() -> None:
    day = Day().bends().knee_raises(55.0, 100.0).rock_backs(8.0)
    usual = {
        ("knee_raise", "left", "hip_peak_deg"): Own(56.0, 50.0, 62.0),
        ("knee_raise", "", "hip_difference_deg"): Own(-44.0, -50.0, -38.0),
    }
    assert screen_of(day.repetitions, baseline=usual).pattern is Pattern.HIP_LIMITED


# -- what cannot be told -------------------------------------------------------------------------------------------------


def test_who_rocks_back_a_little_without_giving_way_is_not_low() -> None:
    screen = screened(Day().bends(**LARGE).rock_backs(None, range_deg=17.0))
    assert not any(f.test == "rock_back" for f in screen.findings)
    assert any("rock-back (left): 17° without giving way; go further" in note for note in screen.notes)
    # the hips were not tested by that
    assert screened(Day().bends(**LARGE).stand_ups(0.6).rock_backs(None, range_deg=17.0)).pattern is Pattern.REPEAT
    assert screened(Day().bends(**LARGE).stand_ups(0.6).rock_backs(None, range_deg=35.0)).pattern is Pattern.MOVEMENT_CONTROL


def test_who_never_gives_way_is_not_said_to_give_way_at_the_end() -> None:
    short = Day().bends(**LARGE).knee_raises(60.0, 100.0).rock_backs(None, range_deg=48.0)
    (against,) = [r for r in answer(screened(short))["against"] if r["test"] == "rock_back" and r["side"] == "left"]
    assert against["at_least"] is True
    assert sentences("en").reason(against).startswith("the spine does not give within 48° of left hip in the rock-back")
    assert "bis 48° nicht nach" in sentences("de").reason(against)
    gives = answer(screened(Day().bends(**LARGE).knee_raises(60.0, 100.0).rock_backs(36.0, range_deg=48.0)))
    told = [r for r in gives["against"] if r["test"] == "rock_back"]
    assert told
    assert not any("at_least" in r for r in told)


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
    day = Day().bends(**LARGE).knee_raises(left=98.0).rock_backs()
    assert screened(day).code == "one_test"
    stricter = screened(day, knee_raise_hip_deg=125.0)
    assert (stricter.pattern, stricter.side) == (Pattern.HIP_LIMITED, "both")
    (left,) = [f for f in stricter.findings if (f.limit.name, f.side) == ("knee_raise_hip_deg", "left")]
    assert (left.limit.source, left.limit.proposal) == (SET_FOR_SESSION, False)


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
    assert (row["number"], row["limit"], row["beyond"], row["borderline"], row["proposal"]) == (70.0, 72.0, True, True, True)


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
        ("knee_raise_hip_deg", 8.0, 10.0),
        ("rock_back_slack_deg", 6.0, 10.0),
        ("hip_extension_deg", 8.0, 8.0),
        ("sit_to_stand_share_low", 0.05, 0.05),
        ("sit_to_stand_share", 0.12, 0.12),
        ("bend_onset_delay_s", 0.2, 0.2),
        ("bend_descent_s", 0.5, 0.5),
        ("knee_raise_difference_deg", 4.0, 4.0),
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
