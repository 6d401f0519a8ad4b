"""A clock that disagrees is found in ordinary movement, whose it is where two others agree; a late pelvis is none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from body_signals import Cause
from dsp.plausibility.clocks.lags import blamed, line_of, unclear
from dsp.plausibility.clocks.watch import LOOK_S, ClockWatch
from tests.dsp.sessions import between, block
from virtual_athlete import Script, SimulatedAthlete

WALK_S = 30.0


@cache
def squats(seed: int = 0, **bend):
    script = Script(seed)
    script.calibrate()
    for _ in range(4):
        script.bend(70.0, **bend)
    for k in range(6):
        script.squat(70.0 + 3 * k, rest_s=0.8)
    script.walk(10.0)
    for _ in range(3):
        script.squat(80.0, rest_s=0.9)
    script.stand(8.0)
    return SimulatedAthlete(script, seed).plain()


def looked(samples, chunk_s: float = 10.0):
    watch = ClockWatch(tuple(samples), kept_s=np.inf)
    end_s = max(s.time_s[-1] for s in samples.values())
    edges = np.arange(0.0, end_s + chunk_s, chunk_s)
    for begin, end in pairwise(edges):
        for i, (key, s) in enumerate(samples.items()):
            at = between(s.time_s, begin, end)
            if at.stop > at.start:
                watch.take(block(key, i, s.time_s[at], s.acc[at], s.gyr[at]))
        while end >= watch.due_s:
            watch.look()
    watch.look()
    return watch.whole()


def retimed(samples, key, change):
    return samples | {key: replace(samples[key], time_s=change(samples[key].time_s))}


def test_sound_clocks_agree():
    assert looked(squats()) == []


@pytest.mark.parametrize("key", ["lumbar", "pelvis", "thigh_left", "thigh_right"])
@pytest.mark.parametrize("late_s", [0.5, -0.4])
def test_a_late_sensor_is_found(key, late_s):
    (lag,) = looked(retimed(squats(1), key, lambda t: t + late_s))
    assert lag.sensor == key
    assert lag.certain
    assert lag.steady
    assert lag.lag_s == pytest.approx(late_s, abs=0.03)
    finding = lag.finding(10.0, 0.0)
    assert finding.cause is Cause.CLOCK_LAG
    assert ("late" if late_s > 0 else "early") in finding.what


@pytest.mark.parametrize(("key", "pace"), [("thigh_right", 1.005), ("lumbar", 1.024), ("thigh_left", 0.99)])
def test_a_clock_of_another_rate_is_found(key, pace):
    lags = {lag.sensor: lag for lag in looked(retimed(squats(2), key, lambda t: t * pace))}
    assert set(lags) == {key}
    assert lags[key].rate == pytest.approx(1.0 - 1.0 / pace, rel=0.15)
    assert lags[key].finding(1.0, 0.0).cause is Cause.CLOCK_RATE


@pytest.mark.parametrize("lead_s", [0.3, 0.6, 0.9, -0.5])
def test_a_person_whose_pelvis_is_late_has_sound_clocks(lead_s):
    """Laird 2018, subgroup 2: the pelvis lags by 0.9 s at the onset of a bend."""
    assert looked(squats(3, lumbar_lead_s=lead_s, down_s=2.6)) == []


def test_walking_tells_nothing():
    script = Script(4)
    script.calibrate()
    script.walk(40.0)
    script.stand(2.0)
    samples = SimulatedAthlete(script, 4).plain()
    legs = {key: samples[key] for key in ("thigh_left", "thigh_right")}
    assert looked(legs) == []


def test_where_only_two_move_together_it_is_not_said_who_is_wrong():
    samples = squats(1)
    two = retimed({key: samples[key] for key in ("lumbar", "pelvis")}, "pelvis", lambda t: t + 0.5)
    (lag,) = looked(two)
    assert lag.sensor == "lumbar"
    assert not lag.certain
    assert "not known" in lag.finding(1.0, 0.0).what


def test_samples_may_come_in_any_pieces():
    late = retimed(squats(1), "pelvis", lambda t: t + 0.5)
    assert looked(late) == looked(late, LOOK_S / 10.0)


def test_the_fewest_sensors_are_blamed_that_explain_all_windows() -> None:
    at = (20.0, 24.0, 28.0, 40.0)

    def lags(late_s: float) -> list[tuple[float, float]]:
        return [(t, late_s) for t in at]

    alone = {("lumbar", "pelvis"): lags(0.31)}
    assert [(lag.sensor, lag.certain) for lag in blamed(alone)] == [("lumbar", False)]
    pelvis = alone | {("lumbar", "thigh_left"): lags(0.01), ("pelvis", "thigh_left"): lags(-0.3)}
    (lag,) = blamed(pelvis)
    assert (lag.sensor, lag.certain) == ("pelvis", True)
    assert lag.lag_s == pytest.approx(0.305, abs=0.01)
    lumbar = alone | {("lumbar", "thigh_left"): lags(0.3), ("pelvis", "thigh_left"): lags(0.01)}
    (lag,) = blamed(lumbar)
    assert (lag.sensor, lag.lag_s) == ("lumbar", pytest.approx(-0.305, abs=0.01))
    both = {("lumbar", "pelvis"): lags(-0.3), ("pelvis", "thigh_left"): lags(0.2), ("pelvis", "thigh_right"): lags(0.0)}
    assert {lag.sensor: round(lag.lag_s, 1) for lag in blamed(both)} == {"lumbar": 0.3, "thigh_left": 0.2}


def test_a_lag_that_comes_at_once_is_no_clock_of_another_rate() -> None:
    windows = [(t, 0.0) for t in (33.0, 35.0, 37.0)] + [(t, 0.3) for t in (43.0, 45.0, 47.0)]
    line = line_of(windows)
    assert line is not None
    assert (line.lag_s, line.rate, windows[line.first][0]) == (0.3, 0.0, 43.0)
    assert line_of(windows, whole=True) is None


@pytest.mark.parametrize(("middle_s", "grows"), [(9.0, False), (9.8, True)])
def test_a_lag_is_said_to_grow_where_each_third_of_the_time_shows_it(middle_s: float, grows: bool) -> None:
    at = (0.0, 1.0, 2.0, 3.0, middle_s, 30.0, 29.0, 28.0)
    line = line_of([(t, 0.01 * t) for t in sorted(at)], whole=True)
    assert (line is not None and line.rate == pytest.approx(0.01, rel=0.05)) == grows


def test_a_lag_that_begins_in_the_middle_is_told_since_then() -> None:
    samples = squats(1)
    late = samples["lumbar"].time_s + np.where(samples["lumbar"].time_s > 60.0, 0.3, 0.0)
    watch = ClockWatch(tuple(samples))
    for i, (key, s) in enumerate(samples.items()):
        watch.take(block(key, i, late if key == "lumbar" else s.time_s, s.acc, s.gyr))
    found = []
    while watch.due_s < samples["pelvis"].time_s[-1]:
        found += [(watch.looked_s, lag) for lag in watch.look()]
    _, lag = found[-1]
    assert {lag.sensor for _, lag in found} == {"lumbar"}
    assert lag.lag_s == pytest.approx(0.3, abs=0.03)
    assert 54.0 < lag.since_s <= 60.5


def test_what_is_timed_before_the_second_look_at_a_lag_is_not_corrected_by_it() -> None:
    watch = ClockWatch(tuple(squats(1)))
    for i, (key, s) in enumerate(retimed(squats(1), "lumbar", lambda t: t + 0.3).items()):
        watch.take(block(key, i, s.time_s, s.acc, s.gyr))
    free_s = watch.corrects_s
    while not watch.look():
        assert watch.due_s < squats(1)["pelvis"].time_s[-1]
        free_s = watch.corrects_s
    # the second look is not due before
    assert watch.due_s >= free_s
    assert watch.corrects_s == watch.due_s


@cache
def walking():
    script = Script(7)
    script.calibrate()
    script.stand(WALK_S - script.now)
    script.walk(9.0)
    script.stand(3.0)
    script.bend(70.0)
    script.stand(6.0)
    return SimulatedAthlete(script, 7).plain()


def watched(samples, chunk_s: float = 0.5):
    """At each look and glance: when it was made, the sensors it tells of, and those it suspects."""
    watch = ClockWatch(tuple(samples))
    told = []
    for begin in np.arange(0.0, max(s.time_s[-1] for s in samples.values()), chunk_s):
        while begin >= min(watch.due_s, watch.glance_due_s):
            due_s, found = watch.glance_due_s, []
            if due_s < watch.due_s:
                watch.glance()
            else:
                due_s, found = watch.due_s, watch.look()
            told.append((due_s, found, dict(watch.suspected)))
        for i, (key, s) in enumerate(samples.items()):
            at = between(s.time_s, begin, begin + chunk_s)
            if at.stop > at.start:
                watch.take(block(key, i, s.time_s[at], s.acc[at], s.gyr[at]))
    return told


@pytest.mark.parametrize(("key", "late_s"), [("thigh_left", 0.3), ("lumbar", 0.2), ("pelvis", 0.35)])
def test_a_file_that_is_shifted_from_the_middle_of_a_walk_on_is_found_in_this_walk(key, late_s):
    begin_s = WALK_S + 3.0
    told = watched(retimed(walking(), key, lambda t: t + np.where(t > begin_s - late_s, late_s, 0.0)))
    (first_s, (lag, *_), _), *_ = [one for one in told if one[1]]
    assert {lag.sensor for _, found, _ in told for lag in found} == {key}
    assert first_s < begin_s + 11.5
    assert lag.lag_s == pytest.approx(late_s, abs=0.02)
    assert lag.since_s <= begin_s
    # suspected before it is told, by what it is off or more
    suspected = [(at_s, of[key]) for at_s, _, of in told if key in of and at_s <= first_s]
    assert suspected[0][0] < min(begin_s + 7.5, first_s)
    assert min(off_s for _, off_s in suspected) > late_s - 0.02


def test_nothing_is_suspected_of_sound_clocks_however_samples_come():
    for samples in (walking(), squats(3, lumbar_lead_s=0.6, down_s=2.6)):
        told = watched(samples)
        assert not any(found or suspected for _, found, suspected in told)
    late = retimed(walking(), "lumbar", lambda t: t + 0.2)
    assert watched(late) == watched(late, 1.0)


@cache
def bends(lumbar_lead_s: float):
    script = Script(8)
    script.stand(6.0)
    for _ in range(3):
        script.bend(60.0, (0.55, 0.45, 0.35), down_s=1.3, up_s=1.3, lumbar_lead_s=lumbar_lead_s)
    script.stand(4.0)
    return SimulatedAthlete(script, 8).plain()


def test_the_first_bends_make_a_late_clock_suspected_and_a_person_who_leads_with_one_segment_does_not() -> None:
    told = watched(retimed(bends(0.0), "pelvis", lambda t: t + 0.3))
    assert not any(found for _, found, _ in told)
    assert told[-1][2] == pytest.approx({"lumbar": 0.3, "pelvis": 0.3}, abs=0.03)
    # a clock that gains 2 % is suspected of what it will have become
    assert min(watched(retimed(bends(0.0), "lumbar", lambda t: 1.02 * t))[-1][2].values()) > 0.02 * 18.0
    for lead_s in (0.0, 0.3, 0.9, -0.4):
        assert not any(suspected for _, _, suspected in watched(bends(lead_s)))


def test_one_moment_is_not_enough_to_tell_a_clock_and_neither_is_one_witness() -> None:
    once = {
        ("lumbar", "pelvis"): [(34.0, 0.3)],
        ("lumbar", "thigh_left"): [(34.0, 0.0)],
        ("pelvis", "thigh_left"): [(34.0, -0.3)],
    }
    assert unclear(once) == []
    twice = {pair: [*windows, (36.0, windows[0][1])] for pair, windows in once.items()}
    (lag,) = unclear(twice)
    assert (lag.sensor, lag.clear, lag.certain) == ("pelvis", False, True)
    assert "a step more or less" in lag.finding(40.0, lag.since_s).what
    assert unclear({("lumbar", "pelvis"): twice["lumbar", "pelvis"]}) == []


@cache
def long_training():
    script = Script(5)
    script.calibrate()
    for k in range(90):
        script.squat(70.0 + k % 9, rest_s=0.8)
    script.stand(4.0)
    return SimulatedAthlete(script, 5).plain()


def looks(samples, chunk_s: float):
    """Session time of each look, and what it told."""
    watch = ClockWatch(tuple(samples))
    end_s = max(s.time_s[-1] for s in samples.values())
    told = []
    for begin in np.arange(0.0, end_s, chunk_s):
        while begin >= watch.due_s:
            told.append((watch.looked_s, watch.look()))
        for i, (key, s) in enumerate(samples.items()):
            at = between(s.time_s, begin, begin + chunk_s)
            if at.stop > at.start:
                watch.take(block(key, i, s.time_s[at], s.acc[at], s.gyr[at]))
    return told


def test_clocks_that_have_long_agreed_are_looked_at_seldom_and_a_late_one_is_still_found() -> None:
    samples = long_training()
    sound = looks(samples, 1.0)
    assert not any(lags for _, lags in sound)
    assert np.diff([at for at, _ in sound]).max() > LOOK_S * 5
    key, begin_s = "thigh_left", 245.0
    late = retimed(samples, key, lambda t: t + np.where(t > begin_s, 0.4, 0.0))
    told = looks(late, 1.0)
    found = [(at, lag) for at, lags in told for lag in lags]
    assert {lag.sensor for _, lag in found} == {key}
    assert found[-1][1].lag_s == pytest.approx(0.4, abs=0.03)
    assert found[0][0] < begin_s + 75.0
    assert told == looks(late, 0.25)
