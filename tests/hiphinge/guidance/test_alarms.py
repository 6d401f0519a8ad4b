"""Findings as they come and go, and their words."""

from __future__ import annotations

from dataclasses import replace

from body_signals import Cause, Quality
from dashboards import findings
from dsp.results import Finding
from hiphinge.guidance.alarms import Alarms

OFF = Finding("thigh_left", Cause.OFF_BODY, 12.3, 14.0, "it lies still while its neighbours move", "Put it back on")
OVER = replace(OFF, known_s=45.0, until_s=44.6)


def test_a_finding_begins_and_ends_once() -> None:
    alarms = Alarms()
    assert alarms.take([OFF]).begun == (OFF,)
    assert alarms.holding == [OFF]
    assert alarms.flags() == {"thigh_left": Quality.OFF_BODY}
    again = alarms.take([replace(OFF, what="it lies still, for 20 s by now")])
    assert (again.begun, again.ended) == ((), ())
    assert alarms.holding[0].what.endswith("by now")
    assert alarms.take([OVER]).ended == (OVER,)
    assert (alarms.holding, alarms.flags()) == ([], {})
    assert alarms.take([OVER]).ended == ()


def test_one_that_is_known_when_it_is_over_has_begun_and_ended() -> None:
    changed = Alarms().take([OFF, OVER])
    assert (changed.begun, changed.ended) == ((OVER,), (OVER,))


def test_several_of_one_sensor_hold_side_by_side() -> None:
    alarms = Alarms()
    alarms.take([OFF, replace(OFF, cause=Cause.CLIPPED), replace(OFF, since_s=50.0), replace(OFF, sensor="lumbar")])
    alarms.take([OVER])
    assert [(f.sensor, f.cause, f.since_s) for f in alarms.holding] == [
        ("lumbar", Cause.OFF_BODY, 12.3),
        ("thigh_left", Cause.CLIPPED, 12.3),
        ("thigh_left", Cause.OFF_BODY, 50.0),
    ]
    assert alarms.flags()["thigh_left"] == Quality.SATURATED | Quality.OFF_BODY


def test_words_say_where_when_what_and_what_to_do() -> None:
    said = findings.sentence(OFF.document())
    assert said == "thigh left, since 0:12: it lies still while its neighbours move. Put it back on."
    assert findings.sentence(OVER.document()).startswith("thigh left, 0:12 to 0:45: ")
    assert findings.sentence({"placement": "pelvis", "cause": "gyr_scale"}) == "pelvis, since –: gyr scale."


def test_a_summary_says_each_thing_once() -> None:
    summary = {"findings": [OFF.document()], "warnings": [OFF.words, "pelvis: late"]}
    assert findings.sentences(summary) == [findings.sentence(OFF.document())]
    assert findings.other_warnings(summary) == ["pelvis: late"]
    assert findings.sentences({}) == findings.other_warnings({}) == []
