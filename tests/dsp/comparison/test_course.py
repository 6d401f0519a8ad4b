"""A course: labels, what is kept, pain, warnings; and how seldom somebody who did not change is called changed."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.clinic_tracker import as_assumed, as_published, each_against_its_own, false_changed, found, needed, power
from dsp.comparison import (
    LABELS,
    PRIOR_DF,
    TOMORROW_LEVEL,
    Occasion,
    PublishedError,
    Value,
    compare,
    proposed_primary,
    published,
    quantile,
    smallest_detectable,
    standard_errors,
)
from dsp.comparison.kept import half_life_min, kept
from dsp.comparison.standard_errors import Estimate
from dsp.screen import screen_of
from tests.dsp.screen_by_hand import Day

KEY = ("knee_raise", "left", "hip_peak_deg")
OTHER = ("rock_back", "left", "excursion_deg")
START = datetime(2026, 11, 23, 9, 10, tzinfo=UTC)
MORE = {"limits": [{"test": "knee_raise", "side": "left", "measure": "hip_peak_deg", "above": False, "beyond": True}]}


def at(value: float, after: timedelta = timedelta(), wear: str = "today", pain: float | None = None, **more) -> Occasion:
    values = {KEY: Value(value, more.pop("spread", math.nan)), OTHER: Value(20.0 + value / 10.0)}
    name = f"s{int(after.total_seconds() // 60)}"
    return Occasion(name, START + after, wear, values, pain, more.pop("screen", MORE))


def after(minutes: float, value: float, **more) -> Occasion:
    return at(value, timedelta(minutes=minutes), **more)


def next_day(value: float, days: float = 1, **more) -> Occasion:
    return at(value, timedelta(days=days), wear=f"day{days}", **more)


def told(before: float, *later: Occasion, **options) -> dict:
    return compare(at(before), *later, primary=KEY, **options).document()


def test_a_change_beyond_the_measurement_is_changed() -> None:
    document = told(76.0, after(22, 87.0, pain=2.0))
    assert (document["label"], document["change_deg"], document["before"], document["after"]) == ("changed", 11.0, 76.0, 87.0)
    assert document["same_wear"]
    assert document["kept_percent"] is None
    # t(0.9875, 8) x 2.1 deg x sqrt 2
    assert document["smallest_detectable_deg"] == pytest.approx(2.7515 * 2.1 * math.sqrt(2.0), abs=1e-3)
    assert [p["label"] for p in document["points"]] == ["", "changed"]


def test_a_small_change_is_not_more_than_the_measurement_can_tell() -> None:
    document = told(76.0, after(22, 82.0))
    assert (document["label"], document["kept_percent"]) == ("not_more_than_measurement", None)


def test_the_same_change_needs_more_when_the_sensors_are_worn_anew() -> None:
    assert told(76.0, after(22, 84.5))["label"] == "changed"
    anew = told(76.0, next_day(84.5))
    assert (anew["label"], anew["same_wear"]) == ("not_more_than_measurement", False)
    assert anew["smallest_detectable_deg"] > told(76.0, after(22, 84.5))["smallest_detectable_deg"]


@pytest.mark.parametrize(
    ("later", "label"),
    [(88.0, "kept"), (84.0, "partly_kept"), (78.0, "lost"), (76.0, "lost"), (60.0, "worse")],
)
def test_what_is_left_of_a_change_is_labelled(later: float, label: str) -> None:
    known = PublishedError(1.5, 1.8, "ours", "ours")
    document = told(76.0, after(5, 93.0), after(60, later), known=known)
    assert document["label"] == label
    assert label in LABELS
    assert document["kept_percent"] == pytest.approx(100.0 * (later - 76.0) / 17.0, abs=0.06)
    assert document["kept_percent_low"] < document["kept_percent"] < document["kept_percent_high"]


def test_not_told_from_before_and_not_from_the_change_is_neither_kept_nor_lost() -> None:
    document = told(76.0, after(5, 85.0), after(60, 82.0))
    assert [p["label"] for p in document["points"]] == ["", "changed", "not_more_than_measurement"]
    assert document["kept_percent"] == pytest.approx(66.7, abs=0.1)


def test_a_change_against_the_wanted_direction_is_worse_and_stays_so() -> None:
    document = told(76.0, after(5, 60.0), after(60, 62.0), next_day(75.0))
    assert [p["label"] for p in document["points"]] == ["", "worse", "worse", "lost"]
    wished_less = {"limits": [MORE["limits"][0] | {"above": True}]}
    before = at(76.0, screen=wished_less)
    assert compare(before, after(5, 60.0), primary=KEY).document()["label"] == "changed"
    # without limits any direction is a change
    assert compare(at(76.0, screen={}), after(5, 60.0), primary=KEY).document()["label"] == "changed"


def test_the_next_day_is_an_estimate_of_its_own() -> None:
    document = told(76.0, after(5, 77.0), after(60, 90.0), next_day(90.0), next_day(90.0, 3))
    labels = [p["label"] for p in document["points"]]
    # a later point of the same day is no test of its own
    assert labels[:3] == ["", "not_more_than_measurement", "not_more_than_measurement"]
    assert labels[3] == "changed"
    assert document["points"][2]["smallest_detectable_deg"] > 14.0
    assert document["kept_percent"] is None


def test_no_percentage_of_a_change_that_was_not_told() -> None:
    document = told(76.0, after(5, 80.0), after(60, 79.0))
    assert {document["label"], document["points"][1]["label"]} == {"not_more_than_measurement"}
    assert document["kept_percent"] is document["kept_percent_low"] is document["kept_percent_high"] is None


def test_more_baselines_see_smaller_changes() -> None:
    steps = [smallest_detectable(KEY, n) for n in (1, 2, 3, 5)]
    assert steps == sorted(steps, reverse=True)
    assert steps[1:] == pytest.approx([8.38, 7.74, 7.13], abs=0.03)
    own = [at(v, timedelta(days=-d), wear=f"b{d}") for d, v in ((2, 75.0), (4, 77.0), (6, 76.5))]
    document = compare(at(76.0), next_day(84.0), primary=KEY, baselines=own).document()
    assert (document["baselines"], document["label"]) == (4, "changed")
    assert document["change_deg"] == pytest.approx(84.0 - (75.0 + 77.0 + 76.5 + 76.0) / 4.0, abs=1e-4)


def test_own_sessions_are_shrunk_to_the_published_error() -> None:
    few = [at(v, timedelta(days=-d), wear=f"b{d}") for d, v in enumerate((70.0, 80.0, 75.0))]
    errors = standard_errors(KEY, few)
    assert errors.anew == pytest.approx(math.sqrt((8 * 2.5**2 + 50.0) / 10.0))
    assert (errors.anew_df, errors.worn_df, errors.own) == (PRIOR_DF + 2, PRIOR_DF, 2)
    # three that agree by chance do not make a measurement without error
    assert standard_errors(KEY, [at(76.0, timedelta(days=-d), wear=f"b{d}") for d in range(3)]).anew > 2.1


def test_one_wear_tells_about_the_error_with_sensors_on_only() -> None:
    twice = [after(0, 70.0), after(5, 72.0)]
    errors = standard_errors(KEY, twice)
    assert errors.worn == pytest.approx(math.sqrt((8 * 2.1**2 + 2.0) / 9.0))
    assert (errors.worn_df, errors.anew_df) == (PRIOR_DF + 1, PRIOR_DF)


ROCK = ("rock_back", "left", "excursion_deg")


def rocked(minutes: float, value: float, *, gave_way: bool) -> Occasion:
    return Occasion(
        f"s{minutes}", START + timedelta(minutes=minutes), "today", {ROCK: Value(value, at_least=not gave_way)}, None, {}
    )


@pytest.mark.parametrize(
    ("before", "after", "label"),
    [
        ((15.0, True), (40.0, False), "changed"),
        ((40.0, False), (15.0, True), "changed"),
        # it went less far, or further, and gave way nowhere
        ((40.0, False), (28.0, False), "not_more_than_measurement"),
        ((28.0, False), (40.0, False), "not_more_than_measurement"),
        # it ended before the place where it gave way
        ((40.0, True), (20.0, False), "not_more_than_measurement"),
        ((20.0, False), (40.0, True), "not_more_than_measurement"),
    ],
)
def test_where_nothing_gave_way_a_change_is_told_only_where_it_can_but_be_larger(
    before: tuple[float, bool], after: tuple[float, bool], label: str
) -> None:
    one, other = (rocked(m, v, gave_way=g) for m, (v, g) in ((0.0, before), (20.0, after)))
    document = compare(one, other, primary=ROCK).document()
    assert document["label"] == label
    assert (document["smallest_detectable_deg"] is None) == (label != "changed")
    assert "never_gave_way" in document["warnings"]


def test_nothing_is_called_lost_or_kept_in_part_that_did_not_give_way() -> None:
    later = (rocked(20.0, 40.0, gave_way=False), rocked(60.0, 20.0, gave_way=False), rocked(90.0, 38.0, gave_way=False))
    document = compare(rocked(0.0, 15.0, gave_way=True), *later, primary=ROCK).document()
    assert [p["label"] for p in document["points"][1:]] == ["changed", "not_more_than_measurement", "kept"]
    assert all(p["kept_percent"] is None for p in document["points"])


def test_the_screen_proposes_no_number_that_lies_somewhere_above() -> None:
    screen = screen_of(Day().bends().knee_raises(left=105.0, right=104.0).rock_backs().repetitions).document()
    assert proposed_primary(screen)["test"] == "knee_raise"


def test_repetitions_that_spread_widely_make_a_change_harder_to_tell() -> None:
    calm = compare(at(76.0), after(5, 86.0), primary=KEY).document()
    wild = compare(at(76.0, spread=9.0), after(5, 86.0), primary=KEY).document()
    assert (calm["label"], wild["label"]) == ("changed", "not_more_than_measurement")
    assert "wide_spread" in wild["warnings"]
    assert "wide_spread" not in calm["warnings"]


@pytest.mark.parametrize(
    ("before", "now", "direction", "important"),
    [
        (5.0, 2.0, "lower", True),
        (5.0, 3.5, "lower", True),
        (5.0, 4.0, "lower", False),
        (2.0, 1.0, "lower", True),
        (1.0, 0.5, "lower", False),
        (5.0, 6.0, "higher", False),
        (5.0, 7.0, "higher", True),
        (3.0, 3.0, "same", False),
        (None, 3.0, "unknown", None),
        (3.0, None, "unknown", None),
    ],
)
def test_pain_stands_beside_it(before: float | None, now: float | None, direction: str, important: bool | None) -> None:
    document = compare(at(76.0, pain=before), after(5, 77.0, pain=now), primary=KEY).document()["pain"]
    assert (document["direction"], document["important"]) == (direction, important)
    assert (document["before"], document["now"]) == (before, now)


def test_other_numbers_are_shown_and_never_labelled() -> None:
    document = told(76.0, after(5, 96.0))
    assert document["others"] == [
        {"test": "rock_back", "side": "left", "measure": "excursion_deg", "unit": "deg"}
        | {"before": 27.6, "after": 29.6, "change": 2.0, "last": None}
    ]


@pytest.mark.parametrize(
    ("later", "warned"),
    [
        (after(50, 80.0), False),
        (after(70, 80.0), True),
        (next_day(80.0), False),
        (next_day(80.0, 1.05), True),
        (next_day(80.0, 0.98), False),
    ],
)
def test_clock_times_more_than_an_hour_apart_are_warned_of(later: Occasion, warned: bool) -> None:
    assert ("time_of_day" in told(76.0, later)["warnings"]) is warned


def test_a_decay_has_a_half_life_where_three_points_allow_one() -> None:
    values = [(5, 30.0 * 0.5 ** (5 / 20)), (20, 15.0), (60, 3.75)]
    document = told(60.0, *(after(m, 60.0 + v) for m, v in values))
    assert document["half_life_min"] == pytest.approx(20.0, rel=0.02)
    assert told(60.0, *(after(m, 60.0 + v) for m, v in values[:2]))["half_life_min"] is None
    assert told(60.0, *(after(m, 85.0) for m in (5, 20, 60)))["half_life_min"] is None
    assert told(60.0, *(after(m, 61.0) for m in (5, 20, 60)))["half_life_min"] is None


def test_a_half_life_needs_times() -> None:
    assert half_life_min([0.0, math.nan, 60.0], [20.0, 10.0, 5.0], np.eye(3)) is None
    assert half_life_min([5.0, 5.0, 5.0], [20.0, 10.0, 5.0], np.eye(3)) is None


def test_the_limits_of_what_is_kept_hold_the_truth_in_19_of_20() -> None:
    random = np.random.default_rng(4)
    inside = 0
    draws = 3000
    for _ in range(draws):
        pre, a, b = random.normal(0.0, 2.0, 3)
        first, later = Estimate(12.0 + a - pre, math.sqrt(8.0), 1e6), Estimate(6.0 + b - pre, math.sqrt(8.0), 1e6)
        part = kept(later, first, 4.0)
        inside += part is not None and part.low <= 0.5 <= part.high
    assert inside / draws == pytest.approx(0.95, abs=0.02)


def test_the_limits_of_what_is_kept_are_where_the_difference_is_just_told() -> None:
    first, later, together = Estimate(14.0, 2.8, 8.0), Estimate(7.0, 3.3, 8.0), 4.2
    part = kept(later, first, together)
    assert part is not None
    for edge in (part.low, part.high):
        error = math.sqrt(later.error**2 - 2.0 * edge * together + edge**2 * first.error**2)
        assert abs(later.value - edge * first.value) == pytest.approx(quantile(0.05, 8.0) * error, rel=1e-9)


def test_a_part_of_nothing_has_no_limits() -> None:
    assert kept(Estimate(3.0, 2.0, 8.0), Estimate(0.0, 2.0, 8.0), 1.0) is None
    assert kept(Estimate(3.0, 2.0, 8.0), Estimate(4.0, 2.0, 8.0), 1.0) is None


def test_an_unknown_start_is_said_and_makes_no_time() -> None:
    one = Occasion("x", None, "other", {KEY: Value(90.0)})
    document = compare(at(76.0), one, primary=KEY).document()
    assert document["points"][1]["minutes_after"] is None
    assert "start_unknown" in document["warnings"]


def test_the_treatments_time_is_the_zero_where_it_is_known() -> None:
    document = told(76.0, after(25, 90.0), treated=START + timedelta(minutes=20))
    assert [p["minutes_after"] for p in document["points"]] == [-20.0, 5.0]


def test_a_number_that_is_missing_is_refused() -> None:
    without = Occasion("x", START, "today", {OTHER: Value(1.0)})
    with pytest.raises(ValueError):
        compare(at(76.0), without, primary=KEY)
    with pytest.raises(ValueError):
        compare(without, at(76.0), primary=KEY)


def test_somebody_who_did_not_change_is_seldom_called_changed() -> None:
    assert 0.005 < false_changed(700, as_assumed, seed=11) < 0.075
    assert false_changed(400, as_published, seed=11) < 0.04
    # what the window's single estimates are for
    assert 0.15 < each_against_its_own(1500) < 0.30


def test_the_power_is_that_of_the_documents() -> None:
    today, tomorrow = found(150, 15.0)
    assert today > 0.9
    assert tomorrow > 0.8
    random = np.random.default_rng(1)
    draws = np.stack([random.normal(size=100_000), random.chisquare(PRIOR_DF, 100_000)])
    assert power(10.0, 3.0, PRIOR_DF, draws) == pytest.approx(0.71, abs=0.01)
    assert power(10.0, 3.9, PRIOR_DF, draws, TOMORROW_LEVEL) >= 0.41
    assert needed(3.0, PRIOR_DF, draws) == pytest.approx(12.6, abs=0.15)
    assert needed(3.9, PRIOR_DF, draws, TOMORROW_LEVEL) <= 17.3


VALUE = st.floats(-200.0, 300.0)


@settings(max_examples=150, deadline=None)
@given(
    VALUE,
    st.lists(st.tuples(st.integers(0, 20_000), VALUE, st.booleans(), st.floats(0.0, 50.0)), min_size=1, max_size=7),
    st.lists(VALUE, max_size=4),
)
def test_whatever_was_measured_the_document_is_whole(before: float, later: list, own: list[float]) -> None:
    occasions = [
        at(value, timedelta(minutes=minutes), wear="today" if on else f"w{i}", spread=spread)
        for i, (minutes, value, on, spread) in enumerate(sorted(later))
    ]
    pinned = [at(v, timedelta(days=-d - 1), wear=f"b{d}") for d, v in enumerate(own)]
    document = compare(at(before), *occasions, primary=KEY, baselines=pinned).document()
    json.dumps(document, allow_nan=False)
    assert document["label"] == document["points"][-1]["label"]
    for point in document["points"][1:]:
        beyond = abs(point["change_deg"]) > point["smallest_detectable_deg"]
        assert point["label"] in LABELS
        if abs(abs(point["change_deg"]) - point["smallest_detectable_deg"]) > 1e-3:
            assert beyond == (point["label"] not in ("not_more_than_measurement", "lost"))
        assert point["low"] < point["value"] < point["high"]
        if point["kept_percent"] is not None:
            assert document["points"][1]["label"] in ("changed", "worse")
            assert point["kept_percent_low"] <= point["kept_percent"] <= point["kept_percent_high"]


def test_every_number_of_the_screen_has_two_standard_errors() -> None:
    from body_signals import SCREEN_MEASURES

    for m in SCREEN_MEASURES:
        error = published((m.test, m.side, m.name))
        assert 0.0 < error.worn < error.anew
        assert error.worn_source
        assert error.anew_source
