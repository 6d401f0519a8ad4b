"""What counts as a device's quaternion, by hand."""

from __future__ import annotations

import math

import pytest

from firmware_protocol.unit_quaternion import BAD_NORM, norm_of, unit


@pytest.mark.parametrize(
    ("quat", "norm"),
    [
        ((1.0, 0.0, 0.0, 0.0), 1.0),
        ((0.5, 0.5, -0.5, 0.5), 1.0),
        ((0.0, 0.0, 0.6, -0.8), 1.0),
        ((0.0, 1.05, 0.0, 0.0), 1.05),
        ((0.546, 0.0, 0.728, 0.0), 0.91),
    ],
)
def test_what_is_one(quat: tuple[float, ...], norm: float) -> None:
    assert norm_of(quat) == pytest.approx(norm, rel=1e-12)
    made = unit(quat)
    assert made is not None
    assert made == pytest.approx([value / norm for value in quat], rel=1e-12)


@pytest.mark.parametrize(
    "quat",
    [
        (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 1.0 + 1.01 * BAD_NORM),
        (1.0 - 1.01 * BAD_NORM, 0.0, 0.0, 0.0),
        (math.nan, 0.0, 0.0, 1.0),
        (1.0, math.inf, 0.0, 0.0),
        (1e308, 1e308, 0.0, 0.0),
    ],
)
def test_what_is_none(quat: tuple[float, ...]) -> None:
    assert norm_of(quat) is None
    assert unit(quat) is None
