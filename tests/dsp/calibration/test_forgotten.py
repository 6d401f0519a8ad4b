"""A calibration that nobody marked is proposed where it was made, and following the proposal calibrates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from body_signals import SessionMark, session_time
from dsp.calibration import ForgottenCalibration
from dsp.results import OrientationRows
from hiphinge.engine import Engine
from ingest.formats import PlainSamples, session_of_samples
from ingest.formats.plain import PlainSession
from virtual_athlete import Script, to_plain

ALL = ("lumbar", "pelvis", "thigh_left", "thigh_right")


def plain(script: Script, seed: int, worn: tuple[str, ...] = ALL) -> PlainSession:
    """The session without its marks."""
    session, samples = to_plain(script, seed)
    kept = tuple(sensor for sensor in session.sensors if sensor.key in worn)
    return session_of_samples(
        replace(session, sensors=kept, marks=()),
        {key: PlainSamples(s.time_s, s.acc, s.gyr) for key, s in samples.items() if key in worn},
    )


def summary(session: PlainSession, estimator: str, *marks_s: float) -> dict[str, Any]:
    marks = tuple(SessionMark(at, "calibrate") for at in marks_s)
    engine = Engine(replace(session.session, marks=marks), (estimator,))
    for batch in session.batches():
        engine.feed(batch)
    engine.finish()
    return engine.summary(estimator, "my evening")


def proposed(session: PlainSession, estimator: str = "review") -> float | None:
    said = [w for w in summary(session, estimator)["warnings"] if "hiphinge mark" in w]
    if not said:
        return None
    (words,) = said
    _, _, command = words.partition("to use it: hiphinge mark 'my evening' ")
    at, label = command.split()
    assert label == "calibrate"
    return session_time(at)


def later(seed: int) -> tuple[Script, float]:
    """An evening that begins with other things; when its calibration begins."""
    script = Script(seed)
    script.stand(1.5)
    script.squat()
    script.stand(1.0)
    script.sit_down()
    script.stand(12.0)
    script.stand_up()
    script.walk(8.0)
    begins = script.now
    script.calibrate(stand_s=6.0)
    script.stand(3.0)
    for _ in range(4):
        script.squat()
    script.stand(2.0)
    return script, begins


@pytest.mark.parametrize("worn", [ALL, ("lumbar", "pelvis"), ("pelvis",), ("pelvis", "thigh_left", "thigh_right")])
@pytest.mark.parametrize("seed", [5])
def test_it_is_found_where_it_was_made(seed: int, worn: tuple[str, ...]) -> None:
    script, begins = later(seed)
    session = plain(script, seed, worn)
    at = proposed(session)
    assert at is not None
    assert begins - 1.0 <= at <= begins + 3.0
    assert proposed(session, "live") == pytest.approx(at, abs=1.5)
    for estimator in ("live", "review"):
        found = summary(session, estimator, at)
        assert set(found["calibration"]) == set(worn)
        assert min(c["confidence"] for c in found["calibration"].values()) > 0.7
        assert not [w for w in found["warnings"] if "hiphinge mark" in w], "nothing is forgotten any more"


def test_a_walk_after_a_standing_is_proposed() -> None:
    script = Script(3)
    script.stand(8.0)
    script.walk(25.0)
    script.stand(2.0)
    session = plain(script, 3)
    at = proposed(session)
    assert at is not None
    assert 0.0 <= at <= 4.0
    assert summary(session, "review", at)["calibration"]
    # one thigh alone shows no steps
    assert proposed(plain(script, 3, ("pelvis", "thigh_left"))) is None


def test_a_mark_that_found_no_standing_is_mended() -> None:
    script, begins = later(2)
    session = plain(script, 2)
    said = [w for w in summary(session, "review", begins - 6.0)["warnings"] if "hiphinge mark" in w]
    assert len(said) == 1


@pytest.mark.parametrize("what", ["stand", "squats at once", "seated"])
def test_nothing_is_invented(what: str) -> None:
    script = Script(4)
    if what == "stand":
        script.stand(40.0)
    elif what == "seated":
        script.stand(0.5)
        script.sit_down()
        script.stand(30.0)
    else:
        for _ in range(8):
            script.squat()
    assert proposed(plain(script, 4)) is None


def test_it_does_not_matter_how_rows_are_cut() -> None:
    rng = np.random.default_rng(6)
    time_s = np.arange(6000) / 100.0
    half = 0.5 * np.where((time_s > 12) & (time_s % 6 > 2), 0.9 * np.sin(np.pi * (time_s % 6 - 2) / 4) ** 2, 0.0)
    quat = np.stack((np.cos(half), np.zeros(6000), np.sin(half), np.zeros(6000)), axis=1)
    found = []
    for borders in ([6000], sorted(rng.choice(6000, 400, replace=False).tolist())):
        looker = ForgottenCalibration(("pelvis",))
        start = 0
        for stop in (*borders, 6000):
            part = slice(start, stop)
            looker.take([OrientationRows("pelvis", time_s[part], quat[part], np.zeros(stop - start, np.int32))])
            start = stop
        found.append(looker.proposal())
    assert found[0] is not None
    assert found[0] == found[1]
