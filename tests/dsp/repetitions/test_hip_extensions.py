"""Hip extensions: found where somebody lies on the back, true to what was simulated, and nowhere else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, Floats
from dsp.repetitions.finder import RepetitionFinder
from dsp.results import AngleRows, Repetition
from dsp.screen.tests import measured_tests
from virtual_athlete import Script

RATE_HZ = 100.0
EXTENSION = {"left": 10.0, "right": -6.0}


def lying(tilts_deg: float = 4.0, tilt_deg: float = -92.0, together: bool = False) -> Script:
    """Stand, sit on the edge of a bench, lie back, lower each thigh three times, sit up, stand up, squat."""
    script = Script(1)
    script.stand(3.0)
    script.sit_down(2.0, rest_s=1.5)
    script.lie_back(tilt_deg=tilt_deg)
    if together:
        script._legs(80.0, 90.0, script.now, script.now + 2.0)
        script._legs(187.0, 110.0, script.now + 3.0, script.now + 5.0)
        script.stand(7.0)
    else:
        for side, deg in EXTENSION.items():
            for _ in range(3):
                script.hip_extension(side, deg, tilts_deg=tilts_deg)
    script.sit_up()
    script.stand_up()
    script.stand(1.0)
    script.squat()
    script.stand(1.0)
    return script


@cache
def rows_of(tilts_deg: float = 4.0, tilt_deg: float = -92.0, together: bool = False) -> AngleRows:
    """The true angles, as the finder would get them from perfect sensors."""
    script = lying(tilts_deg, tilt_deg, together)
    time_s: Floats = np.arange(0.0, script.now, 1.0 / RATE_HZ)
    truth = script.motion(sway=0.3).truth(time_s)
    angles = truth.table().T.copy()
    for side in ("left", "right"):
        row = ANGLE_NAMES.index(f"thigh_{side}_inclination")
        angles[row] = np.where(angles[row] < np.deg2rad(-120.0), angles[row] + 2.0 * np.pi, angles[row])
    return AngleRows(time_s, angles, np.full_like(angles, np.deg2rad(1.0)), np.zeros(len(time_s), np.int32))


def found_in(rows: AngleRows, at_once: int = 100_000) -> list[Repetition]:
    finder = RepetitionFinder(RATE_HZ)
    out = []
    for begin in range(0, len(rows), at_once):
        out += finder.feed(rows.part(begin, begin + at_once))
    return out + finder.finish()


def extension(repetitions: list[Repetition], side: str) -> float:
    (test,) = (t for t in measured_tests(repetitions) if (t.test, t.side) == ("hip_extension", side))
    return test.value("hip_extension_deg")


def test_they_are_found_among_sitting_and_squatting() -> None:
    found = found_in(rows_of())
    assert [r.movement for r in found] == ["sit_down", *["hip_extension"] * 6, "stand_up", "squat"]
    assert {r.movement_confidence for r in found if r.movement == "hip_extension"} == {1.0}


@pytest.mark.parametrize("tilts_deg", [0.0, 4.0, 19.0])
@pytest.mark.parametrize("tilt_deg", [-92.0, -107.0, -80.0])
def test_the_extension_is_true_however_the_pelvis_tilts(tilts_deg: float, tilt_deg: float) -> None:
    """What a goniometer reads against the bench goes along with the pelvis; the thigh against the pelvis does not."""
    repetitions = found_in(rows_of(tilts_deg, tilt_deg))
    for side, deg in EXTENSION.items():
        assert extension(repetitions, side) == pytest.approx(deg, abs=2.0)


@pytest.mark.parametrize("at_once", [1, 7, 8, 333])
def test_it_does_not_matter_how_the_rows_come(at_once: int) -> None:
    whole, pieces = found_in(rows_of()), found_in(rows_of(), at_once)
    assert [(r.movement, r.start_s, r.turn_s, r.end_s) for r in pieces] == [
        (r.movement, r.start_s, r.turn_s, r.end_s) for r in whole
    ]


def test_a_pelvis_that_is_not_measured_for_a_moment_still_lies() -> None:
    rows = rows_of()
    angles = rows.angles.copy()
    # 0.4 s in the middle of the second one, which the metrics bridge or not
    gap = slice(int(17.0 * RATE_HZ), int(17.15 * RATE_HZ))
    angles[ANGLE_NAMES.index("pelvis_tilt"), gap] = np.nan
    for side in ("left", "right"):
        angles[ANGLE_NAMES.index(f"hip_{side}_flexion"), gap] = np.nan
    kinds = [r.movement for r in found_in(AngleRows(rows.time_s, angles, rows.sd, rows.quality))]
    assert kinds.count("hip_extension") == 6


def test_both_legs_that_come_down_together_are_none() -> None:
    assert "hip_extension" not in [r.movement for r in found_in(rows_of(together=True))]
