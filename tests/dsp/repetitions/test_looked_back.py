"""The movements of a calibration are measured like any repetition, once its alignment is known, and are none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from body_signals import Event
from dsp.results import Repetition
from hiphinge.engine import Engine
from virtual_athlete import Asked, Script, SimulatedSession, performs, simulate


def calibrating(standing_s: float) -> SimulatedSession:
    script = Script(3)
    script.mark("calibrate")
    asked = [
        Asked("stand", seconds=standing_s),
        Asked("bend", "", 4),
        Asked("knee_raise", "left", 3),
        Asked("knee_raise", "right", 3),
        Asked("stand", seconds=1.0),
    ]
    performs(script, asked, 3)
    return simulate(script, 3)


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return calibrating(4.0)


Found = tuple[list[Repetition], list[Repetition]]
"""Movements of the calibration, and repetitions."""


def found(
    session: SimulatedSession, pieces: Sequence[Sequence[Event]], names: Sequence[str] = ("live", "review")
) -> list[Found]:
    engine = Engine(session.session, names)
    outputs = [*(engine.feed(piece) for piece in pieces), engine.finish()]
    return [
        ([r for o in outputs for r in o[name].calibration_movements], [r for o in outputs for r in o[name].repetitions])
        for name in names
    ]


@pytest.fixture(scope="module")
def at_once(session: SimulatedSession) -> list[Found]:
    """What live and review find in the whole session."""
    return found(session, [session.events])


def kinds(repetitions: Sequence[Repetition]) -> list[tuple[str, int]]:
    return [(r.movement, round(r.turn_s)) for r in sorted(repetitions, key=lambda r: r.turn_s)]


def test_live_finds_them_as_the_review_does(at_once: list[Found]) -> None:
    (live, after), (review, _) = at_once
    assert [r.movement for r in live] == [*["bend"] * 4, *["knee_raise"] * 5]
    assert kinds(live) == kinds(review)
    assert [r.movement for r in after] == ["knee_raise"]
    for ours, theirs in zip(live, review, strict=True):
        for name in ("lumbar_rom_deg", "pelvis_rom_deg", "hip_left_peak_deg"):
            assert ours.metrics[name] == pytest.approx(theirs.metrics[name], abs=2.0), name
    assert {r.index for r in live} == {-1}
    assert all(b.start_s > a.start_s for a, b in itertools.pairwise(live))


def test_the_same_bits_whatever_the_pieces(session: SimulatedSession, at_once: list[Found]) -> None:
    whole, _ = at_once[0]
    for size in (61,):
        pieces = [session.events[k : k + size] for k in range(0, len(session.events), size)]
        ((cut, _),) = found(session, pieces, ("live",))
        assert [(r.start_s, r.turn_s, r.end_s, dict(r.metrics), r.quality) for r in cut] == [
            (r.start_s, r.turn_s, r.end_s, dict(r.metrics), r.quality) for r in whole
        ]


def test_who_begins_late_loses_none() -> None:
    """Who stands for a quarter of a minute first is taken to train: the movements are repetitions in the review, and live none
    of them has whole angles yet."""
    session = calibrating(14.0)
    (live, after), (review, all_of_them) = found(session, [session.events])
    assert review == []
    turns = [round(r.turn_s) for r in all_of_them]
    sound = [round(r.turn_s) for r in (*live, *after) if not r.quality & 1]
    assert sorted(sound) == turns
