"""The comparable sign that is proposed, and an athlete's own baseline and trend."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dsp.comparison import Occasion, Value, baseline, key_of, proposed_primary, trend, values_of, wanted, weeks, words_of
from dsp.screen import screen_of
from tests.dsp.screen_by_hand import Day

KEY = ("knee_raise", "left", "hip_peak_deg")
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def screen(left: float = 105.0, excursion: float = 35.0, share: float = 0.46) -> dict:
    day = Day().bends(lumbar_share_of_trunk=share).knee_raises(left=left)
    return screen_of(day.repetitions).document()


def test_the_limiting_test_is_proposed() -> None:
    assert proposed_primary(screen(left=60.0)) == dict(zip(("test", "side", "measure"), KEY, strict=True))
    assert wanted(screen(left=60.0), KEY) == 1


def test_hips_come_before_the_lumbar_spine() -> None:
    both = screen(left=60.0, share=0.80)
    assert proposed_primary(both)["test"] == "knee_raise"
    alone = screen(share=0.80)
    assert proposed_primary(alone) == {"test": "bend", "side": "", "measure": "lumbar_share_of_trunk"}
    assert wanted(alone, ("bend", "", "lumbar_share_of_trunk")) == -1


def test_the_answers_reasons_come_before_other_limits() -> None:
    document = screen(left=70.0, share=0.80)
    reason = {"test": "bend", "side": "", "measure": "lumbar_share_of_trunk"}
    assert proposed_primary(document | {"answer": {"reasons": [reason]}}) == reason
    assert proposed_primary(document | {"answer": None})["test"] == "knee_raise"


def test_with_nothing_beyond_the_nearest_to_its_limit_is_proposed() -> None:
    document = screen(left=93.0)
    assert proposed_primary(document) == dict(zip(("test", "side", "measure"), KEY, strict=True))
    # limits on both sides say no direction
    assert wanted(document, ("bend", "", "lumbar_share_of_trunk")) == 0


def test_nothing_measured_is_nothing_proposed() -> None:
    assert proposed_primary(screen_of([]).document()) is None
    assert proposed_primary({}) is None
    assert values_of({}) == {}


def test_a_number_is_named_in_words() -> None:
    assert key_of("knee_raise:left:hip_peak_deg") == KEY
    assert key_of("bend:lumbar_rom_deg") == ("bend", "", "lumbar_rom_deg")
    assert key_of(words_of(KEY)) == KEY
    for wrong in ("", "knee_raise", "knee_raise:hip_peak_deg", "a:b:c:d", "bend:left:lumbar_rom_deg"):
        with pytest.raises(ValueError, match="there are"):
            key_of(wrong)


def on(day: float, value: float) -> Occasion:
    return Occasion(f"d{day}", START + timedelta(days=day), f"d{day}", {KEY: Value(value)})


def test_the_baseline_is_the_median_of_days_with_the_range_of_a_further_one() -> None:
    found = baseline([on(0, 74.0), on(0.2, 76.0), on(7, 78.0), on(14, 80.0)])[KEY]
    assert (found.median, found.sessions, found.days) == (78.0, 4, 3)
    assert found.low < 74.0
    assert found.high > 80.0
    one = baseline([on(0, 76.0)])[KEY]
    # one day has the published error
    assert (one.median, one.days, one.sd) == (76.0, 1, 2.5)
    assert one.high - one.low > found.high - found.low
    assert baseline([]) == {}


def test_the_expected_range_holds_a_further_day_of_somebody_who_does_not_change() -> None:
    import numpy as np

    random = np.random.default_rng(3)
    inside = 0
    for _ in range(2000):
        values = random.normal(80.0, 2.5, 4)
        found = baseline([on(i, v) for i, v in enumerate(values[:3])])[KEY]
        inside += found.low <= values[3] <= found.high
    assert inside / 2000 > 0.94


def test_days_and_weeks() -> None:
    days = trend(KEY, [on(0, 74.0), on(0.1, 76.0), on(3, 80.0), on(8, 82.0), Occasion("x", None, "x", {KEY: Value(1.0)})])
    assert [(d.day, d.median, d.sessions) for d in days] == [
        (date(2026, 11, 2), 75.0, 2),
        (date(2026, 11, 5), 80.0, 1),
        (date(2026, 11, 10), 82.0, 1),
    ]
    assert all(d.low < d.median < d.high for d in days)
    assert [(w.monday, w.median, w.low, w.high, w.days) for w in weeks(days)] == [
        (date(2026, 11, 2), 77.5, 75.0, 80.0, 2),
        (date(2026, 11, 9), 82.0, 82.0, 82.0, 1),
    ]
