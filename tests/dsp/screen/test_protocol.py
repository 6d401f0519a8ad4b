"""Protocols as data: those that come with the program are whole, and what is wrong in one is named with its key."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from body_signals import HiphingeError
from dsp.screen import Protocol, protocol_of
from hiphinge.guidance.protocol_files import shipped

SHIPPED = (
    *("hip-check", "full-screen", "extension-and-side-bends", "single-leg", "sit-to-stand"),
    *("squat-hinge-deadlift", "fast-bends", "hip-rotation", "retest"),
)
MINE = """
name = "mine"
title = "My own"
[[steps]]
name = "bends"
test = "bend"
repetitions = 3
title = { en = "Bends", de = "Beugen" }
words = "Bend forward"
"""


def mine(**changes: Any) -> Protocol:
    document = tomllib.loads(MINE)
    document["steps"][0].update(changes)
    return protocol_of(document, "mine.toml")


def test_the_protocols_that_come_with_the_program() -> None:
    known = shipped()
    assert set(known) == set(SHIPPED)
    for protocol in known.values():
        texts = [protocol.title, *(text for step in protocol.steps for text in (step.title, step.words))]
        assert all(text["en"] and text["de"] and text["en"] != text["de"] for text in texts), protocol.name


def test_the_hip_check_is_the_one_of_the_clinic() -> None:
    protocol = shipped()["hip-check"]
    asked = [(step.test, step.side, step.repetitions) for step in protocol.steps]
    assert asked == [
        ("stand", "", 0),
        ("bend", "", 4),
        ("knee_raise", "left", 4),
        ("knee_raise", "right", 4),
        ("rock_back", "", 4),
        ("hip_extension", "left", 2),
        ("hip_extension", "right", 2),
        ("painful_movement", "", 4),
        ("stand", "", 0),
    ]
    assert protocol.red_flags
    assert protocol.expected_s < 240.0
    assert [step.name for step in protocol.steps if step.from_calibration] == ["bends", "knee-left", "knee-right"]
    assert (protocol.stop_at, protocol.stop_rise) == (7.0, 3.0)


def test_only_steps_that_need_it_have_a_beat() -> None:
    assert [(p.name, s.name) for p in shipped().values() for s in p.steps if s.tempo] == [("full-screen", "bends-paced")]


def test_a_protocol_of_ones_own() -> None:
    (step,) = mine().steps
    assert (step.least, step.start, step.from_calibration, step.words["de"]) == (3, "at_once", False, "Bend forward")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"test": "hop"}, "steps[1].test"),
        ({"side": "up"}, "steps[1].side"),
        ({"test": "knee_raise"}, "steps[1].side"),
        ({"test": "hip_rotation"}, "steps[1].side"),
        ({"side": "left"}, "steps[1].side"),
        ({"test": "rock_back", "side": "right"}, "steps[1].side"),
        ({"repetitions": 0}, "steps[1].repetitions"),
        ({"repetitions": True}, "steps[1].repetitions"),
        ({"repetitions": 1000}, "steps[1].repetitions"),
        ({"name": "skip"}, "steps[1].name"),
        ({"name": "a b"}, "steps[1].name"),
        ({"start": "soon"}, "steps[1].start"),
        ({"words": ""}, "steps[1].words"),
        ({"words": {"fr": "pliez"}}, "steps[1].words"),
        ({"title": "two\nlines"}, "steps[1].title.en"),
        ({"tempo": 3}, "steps[1].tempo"),
        ({"tempo": {"down": 3}}, "steps[1].tempo.down"),
        ({"tempo": {"down_s": float("nan")}}, "steps[1].tempo.down_s"),
        ({"colour": "red"}, "steps[1].colour"),
        ({"from_calibration": 1}, "steps[1].from_calibration"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(HiphingeError) as error:
        mine(**changes)
    assert key in error.value.what
    assert error.value.where == "mine.toml"
    assert error.value.remedy


@pytest.mark.parametrize(
    "text", ["", 'name = "x"', 'name = "x"\ntitle = "X"\nsteps = 3', 'name = "x"\ntitle = "X"\nsteps = [1]']
)
def test_a_document_that_is_none(text: str) -> None:
    with pytest.raises(HiphingeError, match=r"title|name|steps"):
        protocol_of(tomllib.loads(text), "mine.toml")
