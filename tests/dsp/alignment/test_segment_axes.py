"""The plane that a thigh strides in, from gravity's path in a sensor stuck on as its segment is: Y up, Z to the right."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.alignment.segment_axes import strides

UP, RIGHT = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("most_deg", "least_deg", "told"),
    [(11.0, -6.0, True), (6.0, -11.0, True), (9.0, -6.0, False), (11.0, -4.5, False), (25.0, -20.0, True)],
)
def test_a_thigh_strides_by_10_degrees_one_way_and_5_the_other(most_deg: float, least_deg: float, told: bool) -> None:
    swing = np.sin(np.linspace(0.0, 8.0 * np.pi, 801))
    lean = np.radians(0.5 * (most_deg + least_deg) + 0.5 * (most_deg - least_deg) * swing)
    vertical = np.stack([-np.sin(lean), np.cos(lean), np.zeros(len(lean))])
    for right in (RIGHT, -RIGHT):
        found = strides(vertical, UP, right)
        assert (found is not None) == told
        if found is not None:
            assert found[0] == pytest.approx(right)
            assert found[1] == pytest.approx(1.0)


def test_strides_that_are_mostly_missing_tell_nothing() -> None:
    lean = np.radians(20.0 * np.sin(np.linspace(0.0, 8.0 * np.pi, 800)))
    vertical = np.stack([-np.sin(lean), np.cos(lean), np.zeros(800)])
    for missing, told in ((399, True), (401, False)):
        part = vertical.copy()
        part[:, :missing] = np.nan
        assert (strides(part, UP, RIGHT) is not None) == told


@pytest.mark.parametrize(("off_deg", "told"), [(58.0, True), (62.0, False)])
def test_a_stated_axis_tells_the_side_within_60_degrees(off_deg: float, told: bool) -> None:
    lean = np.radians(20.0 * np.sin(np.linspace(0.0, 8.0 * np.pi, 800)))
    vertical = np.stack([-np.sin(lean), np.cos(lean), np.zeros(800)])
    off = np.radians(off_deg)
    assert (strides(vertical, UP, np.array([np.sin(off), 0.0, np.cos(off)])) is not None) == told
