"""Angles that no body has are flagged, told once, and never measured."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import ANGLE_NAMES, Cause, Quality
from dsp.plausibility.body_range import BODY_RANGES, HELD_S, OVER_S, BodyRangeWatch, beyond, joints_beyond
from dsp.repetitions.measured import UnmeasuredRepetition, measured
from dsp.repetitions.movement_rows import MovementRows
from dsp.results import AngleRows
from dsp.rhythm.metrics import Best

RATE = 100.0


def angles(n: int, **degrees) -> np.ndarray:
    table = np.zeros((len(ANGLE_NAMES), n))
    for name, values in degrees.items():
        table[ANGLE_NAMES.index(name)] = np.radians(values)
    return table


def told(table: np.ndarray, cuts=()):
    watch, flags, found, start = BodyRangeWatch(RATE), [], [], 0
    for stop in (*cuts, table.shape[1]):
        rows, findings = watch.feed(start, table[:, start:stop])
        flags.append(np.zeros(stop - start, np.bool_) if rows is None else rows)
        found += findings
        start = stop
    return np.concatenate(flags), found


@pytest.mark.parametrize("name", sorted(BODY_RANGES))
def test_only_what_is_outside_is_beyond(name):
    low, high = BODY_RANGES[name].ends_deg
    inside = beyond(angles(2, **{name: [low + 0.1, high - 0.1]}))
    outside = beyond(angles(2, **{name: [low - 0.1, high + 0.1]}))
    assert not inside.any()
    assert outside.sum() == 2
    assert joints_beyond(angles(2, **{name: [low - 0.1, 0.0]})).sum() == 1


def test_a_missing_angle_is_not_beyond():
    assert not beyond(np.full((len(ANGLE_NAMES), 3), np.nan)).any()


def test_what_people_do_is_inside():
    """Deep squats, full bends, a raised knee (Soucie 2011; Laird 2019, 90th centile; a supple person beyond)."""
    supple = angles(1, lumbar_flexion=85.0, hip_left_flexion=140.0, hip_right_flexion=-35.0, hip_left_abduction=60.0)
    assert not beyond(supple).any()


def test_it_is_told_once_and_again_when_it_ends():
    course = np.zeros(800)
    course[100:150], course[200:220] = -92.0, -110.0
    table = angles(800, hip_left_flexion=course)
    flags, found = told(table)
    assert np.array_equal(flags, course < -60.0)
    first, last = found
    assert (first.sensor, first.cause, first.flag) == ("thigh_left", Cause.BEYOND_BODY, Quality.IMPLAUSIBLE)
    assert first.since_s == 1.0
    assert first.known_s == pytest.approx(1.0 + HELD_S)
    assert first.until_s is None
    assert "-92" in first.what
    # the second time lies within two seconds of the first: it is the same
    assert last.until_s == pytest.approx(2.19)
    assert "-110" in last.what
    assert last.until_s + OVER_S < 8.0


@pytest.mark.parametrize("cuts", [(101,), (150, 151), tuple(range(1, 800, 7))])
def test_cuts_change_nothing(cuts):
    course = np.zeros(800)
    course[100:150], course[200:220], course[640:] = -92.0, -110.0, 170.0
    table = angles(800, hip_left_flexion=course, lumbar_lateral=np.where(course > 100.0, -80.0, 0.0))
    flags, found = told(table, cuts)
    whole, at_once = told(table)
    assert np.array_equal(flags, whole)
    assert found == at_once


def test_a_single_row_is_flagged_and_not_told():
    course = np.zeros(400)
    course[100] = 120.0
    flags, found = told(angles(400, lumbar_flexion=course))
    assert flags.sum() == 1
    assert not found


def test_nothing_is_measured_of_an_angle_that_was_beyond():
    n = 300
    bend = 60.0 * np.sin(np.linspace(0.0, np.pi, n)) ** 2
    hip = np.where(np.abs(np.arange(n) - 150) < 20, -92.0, bend)
    table = angles(n, lumbar_flexion=0.5 * bend, pelvis_tilt=bend, trunk_inclination=1.5 * bend, hip_left_flexion=hip)
    table[ANGLE_NAMES.index("hip_right_flexion")] = np.radians(bend)
    outside = beyond(table).any(axis=0)
    quality = np.where(outside, np.int32(Quality.IMPLAUSIBLE), np.int32(0))
    rows = AngleRows(np.arange(n) / RATE, table, np.full(table.shape, 0.01), quality)
    kept = MovementRows.of([rows], 2)
    (repetition,) = measured([UnmeasuredRepetition("bend", 1.0, kept, 150, Best(), 0)], RATE)
    assert repetition is not None
    assert repetition.quality & Quality.IMPLAUSIBLE
    assert not [name for name in repetition.metrics if name.startswith("hip_left")]
    assert "hip_right_rom_deg" in repetition.metrics
    assert "lumbar_rom_deg" in repetition.metrics
