"""What is told of each movement of a calibration: that it counts, or what was wrong with it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dsp.calibration.calibration_movements import BEND_RAD, RAISE_RAD
from dsp.live import LivePipeline
from dsp.progress import BEND, BOTH_KNEES, KNEE_LEFT, KNEE_RIGHT, SQUAT, TOO_SHALLOW, TOO_SHORT, Heard
from tests.dsp.sessions import from_samples, plain
from virtual_athlete.movement.script import Script


@cache
def heard() -> tuple[Heard, ...]:
    """Of a session in which what does not count comes before what does."""
    script = Script(3)
    script.stand(1.5)
    script.mark("calibrate")
    script.stand(5.2)
    script.bend(float(np.degrees(BEND_RAD)) - 6.0, rest_s=1.0)
    script.squat(70.0)
    script.stand(1.0)
    for _ in range(3):
        script.bend(60.0, rest_s=1.0)
    script.knee_raise("left", float(np.degrees(RAISE_RAD)) - 5.0, rest_s=1.0)
    script.knee_raise("left", 50.0, up_s=0.3, hold_s=0.0, down_s=0.3, rest_s=1.0)
    for side in ("left", "right"):
        for _ in range(2):
            script.knee_raise(side, 70.0, rest_s=1.0)
    script.stand(2.0)
    session, samples = plain(script, 3)
    progress = from_samples(LivePipeline(session.sensors, session.body), samples, [1.5]).progress
    return tuple(dict.fromkeys(step.heard for step in progress if step.heard is not None))


def test_each_movement_is_told_once_with_what_was_wrong() -> None:
    assert [(one.movement, one.number, one.shortfall) for one in heard()] == [
        (BEND, 0, TOO_SHALLOW),
        (SQUAT, 0, BOTH_KNEES),
        (BEND, 1, ""),
        (BEND, 2, ""),
        (BEND, 3, ""),
        (KNEE_LEFT, 0, TOO_SHALLOW),
        (KNEE_LEFT, 0, TOO_SHORT),
        (KNEE_LEFT, 1, ""),
        (KNEE_LEFT, 2, ""),
        (KNEE_RIGHT, 1, ""),
        (KNEE_RIGHT, 2, ""),
    ]


def test_its_size_is_that_of_the_segment_that_is_asked_for() -> None:
    degrees = [one.degrees for one in heard()]
    assert degrees == pytest.approx([14.0, 35.0, 60.0, 60.0, 60.0, 20.0, 50.0, 70.0, 70.0, 70.0, 70.0], abs=3.0)
