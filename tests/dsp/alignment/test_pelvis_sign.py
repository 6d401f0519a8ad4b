"""The pelvis leans as the lumbar spine above it does, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Floats
from dsp.alignment.mediolateral_axis import WALKING_CONFIDENCE, Axis
from dsp.alignment.pelvis_sign import UNKNOWN_CONFIDENCE, beside_lumbar, beside_walking, share_of
from dsp.calibration.calibration_movements import SensorMovement


def degrees(*angles: float) -> Floats:
    return np.radians(np.array(angles))


def axis() -> Axis:
    return Axis(np.array([0.0, 1.0, 0.0]), "bends", 0.8, ())


@pytest.mark.parametrize(
    ("pelvis", "sign"),
    [
        pytest.param((0.0, 10.0, 20.0, 10.0, 0.0), 1.0, id="forward"),
        pytest.param((0.0, -10.0, -20.0, -10.0, 0.0), -1.0, id="back"),
        # before and after the bend its way says nothing
        pytest.param((-40.0, 10.0, 20.0, 10.0, -40.0), 1.0, id="back while upright"),
    ],
)
def test_the_pelvis_leans_as_the_bending_spine_does(pelvis: tuple[float, ...], sign: float) -> None:
    found = beside_lumbar(axis(), degrees(*pelvis), degrees(0.0, 30.0, 60.0, 30.0, 0.0), [(0, 5)], [])
    np.testing.assert_array_equal(found.right, sign * axis().right)
    assert found.confidence == 0.8
    assert len(found.reasons) == (sign < 0.0)


def test_ticks_outside_the_spans_say_nothing() -> None:
    pelvis, lumbar = degrees(-20.0, -20.0, 20.0), degrees(60.0, 60.0, 60.0)
    assert beside_lumbar(axis(), pelvis, lumbar, [(2, 3)], []).reasons == ()


@pytest.mark.parametrize("pelvis", [2.9, -2.9])
def test_a_pelvis_that_hardly_moves_has_a_guessed_sign(pelvis: float) -> None:
    """Below a twentieth of the spine's 60°."""
    found = beside_lumbar(axis(), degrees(pelvis), degrees(60.0), [(0, 1)], [])
    assert found.confidence == pytest.approx(UNKNOWN_CONFIDENCE * 0.8)
    assert "is a guess" in found.reasons[-1]
    assert beside_lumbar(axis(), degrees(3.1), degrees(60.0), [(0, 1)], []).reasons == ()


@pytest.mark.parametrize(("forward", "sign"), [((0.0, 0.0, 1.0), 1.0), ((0.0, 0.0, -1.0), -1.0)])
def test_walking_off_decides_what_would_be_guessed(forward: tuple[float, float, float], sign: float) -> None:
    """Up is x and the right side y, so that forward is z."""
    guess = beside_lumbar(axis(), degrees(2.0), degrees(60.0), [(0, 1)], [])
    assert guess.guessed
    found = beside_walking(guess, np.array([-1.0, 0.0, 0.0]), np.array(forward))
    np.testing.assert_array_equal(found.right, -sign * axis().right)
    assert not found.guessed
    assert found.confidence == WALKING_CONFIDENCE
    assert found.reasons == ("which way the pelvis bends is known from walking off",)


def test_a_seat_decides_before_the_bends() -> None:
    """On the seat the pelvis is at +20°, which is back: the axis points the wrong way, whatever the bend says."""
    pelvis, lumbar = degrees(20.0, 20.0), degrees(5.0, 60.0)
    assert "leaned back" in beside_lumbar(axis(), pelvis, lumbar, [(1, 2)], [0]).reasons[-1]
    # a spine that leans forward on the seat says nothing of the pelvis
    assert beside_lumbar(axis(), pelvis, degrees(16.0, 60.0), [(1, 2)], [0]).reasons == ()


def bend(start: int, end: int) -> SensorMovement:
    return SensorMovement(start, end, peak=1.0)


def test_the_share_is_read_where_the_spine_leans_furthest() -> None:
    lumbar = degrees(0.0, 30.0, 60.0, 0.0, 50.0, 0.0)
    pelvis = degrees(0.0, 29.0, 36.0, 0.0, 20.0, 0.0)
    assert share_of(pelvis, lumbar, [bend(0, 2)]) == pytest.approx(0.4)
    assert share_of(pelvis, lumbar, [bend(0, 2), bend(3, 5)]) == pytest.approx(0.5)


def test_a_bend_without_known_angles_has_no_share() -> None:
    lumbar, pelvis = degrees(np.nan, np.nan, 60.0), degrees(10.0, 10.0, 36.0)
    assert share_of(pelvis, lumbar, [bend(0, 1), bend(1, 2)]) == pytest.approx(0.4)
    assert np.isnan(share_of(pelvis, lumbar, [bend(0, 1)]))
    assert np.isnan(share_of(degrees(np.nan), degrees(60.0), [bend(0, 0)]))
    # a small lean is no bend
    assert np.isnan(share_of(degrees(3.0), degrees(9.9), [bend(0, 0)]))
