"""The simulated athlete is one body: a hip that ends somewhere ends there in every movement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from virtual_athlete import SHORT_HIP_DEG, Person, Script, screen


def most(script: Script) -> dict[str, float]:
    """Largest flexion of each hip, degrees."""
    angles = script.motion(sway=0.0).angles(np.arange(0.0, script.now, 0.02))
    return {side: float(np.rad2deg(angles[f"hip_{side}_flexion"].max())) for side in ("left", "right")}


@pytest.mark.parametrize("limited", ["left", "right"])
def test_a_short_hip_of_the_screen_is_short_in_every_test(limited: str) -> None:
    """It used to end at 76° in the knee raise and to bend to 110° in the squats."""
    script = screen(3, limited)
    assert most(script)[limited] == pytest.approx(SHORT_HIP_DEG, abs=1.5)
    angles = script.motion(sway=0.0).angles
    for r in script.repetitions:
        hip = np.rad2deg(angles(np.arange(r.start_s, r.end_s, 0.02))[f"hip_{limited}_flexion"].max())
        assert hip < SHORT_HIP_DEG + 1.5, r.movement


def test_what_the_hips_cannot_give_comes_from_the_lumbar_spine() -> None:
    able, short = Script(1), Script(1, {"left": 70.0})
    for script in (able, short):
        script.squat(80.0)
    trunk, lumbar = [], []
    for script in (able, short):
        angles = script.motion(sway=0.0).angles(np.arange(0.0, script.now, 0.02))
        trunk.append(np.rad2deg(angles["trunk_inclination"].max()))
        lumbar.append(np.rad2deg(angles["lumbar_flexion"].max()))
    assert trunk[1] == pytest.approx(trunk[0], abs=0.5)
    assert lumbar[1] > lumbar[0] + 8.0


def test_a_persons_hips_end_in_all_of_its_movements() -> None:
    person = replace(Person.drawn(4), hips_deg=(68.0, 75.0), squat_deg=95.0)
    script = person.script(2)
    person.calibrate(script)
    for movement in person.movements().values():
        movement(script)
    reached = most(script)
    assert reached["left"] < 69.5
    assert reached["right"] < 76.5


def test_without_an_end_nothing_changes() -> None:
    assert most(screen(3, None))["left"] > 120.0
