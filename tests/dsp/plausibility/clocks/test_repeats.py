"""A stream that becomes late without a gap shows a stretch twice: suspected within a second, and nothing that moves is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from body_signals import Placement
from dsp.plausibility.clocks import repeats
from dsp.plausibility.clocks.cells import RATE_HZ, Cells, MotionCells
from dsp.plausibility.clocks.repeats import AROUND, HISTORY, LONGEST, SUDDEN, repeated
from dsp.plausibility.clocks.watch import GLANCE_S, ClockWatch
from tests.dsp.sessions import between, block
from virtual_athlete import Script, SimulatedAthlete
from virtual_athlete.faults import Late
from virtual_athlete.sensors import Samples

CELLS = HISTORY + LONGEST + round(GLANCE_S * RATE_HZ)


@cache
def script() -> tuple[Script, float]:
    """A calibration and a walk, and a moment in the walk."""
    made = Script(3)
    made.calibrate()
    made.stand(2.0)
    at = made.now + 5.02
    made.walk(20.0)
    made.squat(80.0)
    made.stand(3.0)
    return made, at


@cache
def samples(key: str = "", lag_s: float = 0.0) -> dict[str, Samples]:
    """All sensors' samples, of which one becomes late."""
    made, at = script()
    faults = {Placement(key): (Late(at, lag_s),)} if key else {}
    return SimulatedAthlete(made, 3, faults=faults).plain()


def last_cells(of: Samples, end_s: float, n: int = CELLS):
    cells = MotionCells()
    at = between(of.time_s, 0.0, end_s)
    cells.take(of.time_s[at], of.acc[at], of.gyr[at])
    cells.catch_up()
    return cells.latest(n)


@pytest.mark.parametrize(
    ("key", "lag_s"),
    [(key, 0.3) for key in ("lumbar", "pelvis", "thigh_left", "thigh_right")] + [("lumbar", 0.217), ("pelvis", 0.5)],
)
def test_what_is_shown_twice_tells_the_lag_as_soon_as_it_is_over(key, lag_s):
    over_s = script()[1] + lag_s
    late = {one: last_cells(s, over_s + 0.13) for one, s in samples(key, lag_s).items()}
    assert repeated(late) == {key: pytest.approx(lag_s, abs=0.02)}


def test_no_stretch_of_a_sound_session_is_shown_twice_and_few_are_looked_at_closely(monkeypatch):
    asked = {"_lag_s": 0, "_left": 0}

    def counted(name: str, once):
        def told(*given):
            asked[name] += 1
            return once(*given)

        return told

    for name in asked:
        monkeypatch.setattr(repeats, name, counted(name, getattr(repeats, name)))
    moments = np.arange(5.0, script()[0].now, GLANCE_S)
    for end_s in moments:
        assert repeated({key: last_cells(s, end_s) for key, s in samples().items()}) == {}
    assert repeated({}) == {}
    assert 0 < asked["_lag_s"] < 0.3 * 4 * len(moments)
    assert asked["_left"] < 2 * asked["_lag_s"]


@pytest.mark.parametrize("key", ["lumbar", "thigh_left"])
def test_what_leaps_and_repeats_nothing_tells_nothing(key):
    """A stretch is left out."""
    at, sound = script()[1], samples()[key]
    later = np.searchsorted(sound.time_s, sound.time_s + np.where(sound.time_s > at, 0.3, 0.0))
    later = np.minimum(later, len(sound) - 1)
    cells = last_cells(replace(sound, acc=sound.acc[later], gyr=sound.gyr[later]), at + 0.6)
    bent = np.square(np.diff(cells.means[3:], 2, axis=1)).sum(axis=0)
    leap = HISTORY + int(bent[HISTORY:].argmax())
    assert bent[leap] > SUDDEN**2 * bent[leap - AROUND : leap - 2].max()
    assert repeated({key: cells}) == {}


def test_a_sensor_that_says_nothing_repeats_nothing():
    """A constant, and a leap to another one."""
    sound = samples()["pelvis"]
    later = (sound.time_s > script()[1])[:, None]
    quiet = replace(sound, acc=np.where(later, 0.0, 9.8) + 0.0 * sound.acc, gyr=np.where(later, 0.0, 0.5) + 0.0 * sound.gyr)
    assert repeated({"pelvis": last_cells(quiet, script()[1] + 0.8)}) == {}
    # nothing but one stroke
    struck = Cells.none(CELLS)
    struck.means[4, HISTORY + 9] = 5.0
    assert repeated({"pelvis": struck}) == {}


def glanced(
    given: dict[str, Samples], chunk_s: float = 0.5, end_s: float | None = None
) -> list[tuple[float, dict[str, float]]]:
    """When which clock was suspected, as a running session asks."""
    watch, told = ClockWatch(tuple(given)), []
    for begin in np.arange(0.0, script()[0].now if end_s is None else end_s, chunk_s):
        while min(watch.due_s, watch.glance_due_s) <= begin:
            due_s = min(watch.due_s, watch.glance_due_s)
            if watch.glance_due_s < watch.due_s:
                watch.glance()
            else:
                watch.look()
            told.append((due_s, dict(watch.suspected)))
        for i, (key, s) in enumerate(given.items()):
            at = between(s.time_s, begin, begin + chunk_s)
            if at.stop > at.start:
                watch.take(block(key, i, s.time_s[at], s.acc[at], s.gyr[at]))
    return told


@pytest.mark.parametrize("key", ["pelvis", "thigh_right"])
def test_the_clock_is_suspected_at_the_next_glance_and_until_it_is_told(key):
    at, lag_s = script()[1], 0.31
    told = glanced(samples(key, lag_s))
    assert not any(off for when, off in told if when < at)
    first = next(i for i, (_, off) in enumerate(told) if off)
    assert told[first][0] <= at + lag_s + GLANCE_S
    # told after seven seconds at the soonest
    assert all(off == {key: pytest.approx(lag_s, abs=0.02)} for when, off in told[first:] if when < at + 6.0)
    assert told[-1][1] == {}
    assert glanced(samples(key, lag_s), 0.25) == told


def test_a_suspicion_ends_when_the_windows_since_agree_and_no_stretch_of_a_sound_session_raises_one():
    sound = glanced(samples())
    assert not any(off for _, off in sound)
    at, lag_s = script()[1], 0.31
    # shown twice, and then left out as much: the clock is right again
    late = samples("pelvis", lag_s)
    back = {key: s if key != "pelvis" else _right_from(s, samples()[key], at + lag_s + 0.2) for key, s in late.items()}
    told = glanced(back)
    assert any(off for _, off in told)
    assert not any(off for when, off in told if when > at + 17.0)


def _right_from(late: Samples, right: Samples, at_s: float) -> Samples:
    after = (late.time_s >= at_s)[:, None]
    return replace(late, acc=np.where(after, right.acc, late.acc), gyr=np.where(after, right.gyr, late.gyr))


def suspected(key: str, lag_s: float, hole_s: tuple[float, float] = (0.0, 0.0)) -> ClockWatch:
    """A watch of a sensor that has become late, a second and a half ago; some of its samples are lost."""
    watch, at = ClockWatch(tuple(samples())), script()[1]
    for i, (one, s) in enumerate(samples(key, lag_s).items()):
        lost = (one == key) & (s.time_s >= at + hole_s[0]) & (s.time_s < at + hole_s[1])
        part = (s.time_s < at + 1.5) & ~lost
        watch.take(block(one, i, s.time_s[part], s.acc[part], s.gyr[part]))
    while watch.glance_due_s <= at + 1.4:
        watch.glance()
    return watch


def test_what_is_forgotten_is_suspected_no_more():
    key, at = "lumbar", script()[1]
    watch = suspected(key, 0.3)
    assert set(watch.suspected) == {key}
    watch.forget(at + 1.5)
    assert watch.suspected == {}
    for i, (one, s) in enumerate(samples().items()):
        part = between(s.time_s, at + 1.5, at + 6.0)
        watch.take(block(one, i, s.time_s[part], s.acc[part], s.gyr[part]))
    watch.look()
    assert watch.suspected == {}


def test_where_samples_are_missing_nothing_is_said_of_a_repetition():
    assert suspected("lumbar", 0.3, (-1.6, -1.4)).suspected == {}
    s, at, lag_s = samples()["lumbar"], script()[1], 0.3
    # it pauses for as long as it is late from then on
    paused = replace(s, time_s=s.time_s + np.where(s.time_s > at - lag_s, lag_s, 0.0))
    assert not any(off for _, off in glanced(samples() | {"lumbar": paused}, end_s=at + 2.0))
