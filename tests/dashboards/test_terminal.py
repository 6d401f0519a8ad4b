"""What the terminal shows: numbers with their uncertainty, a dash where one is missing, words for flags."""

from __future__ import annotations

import math
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

from body_signals.quality import Quality
from dashboards.notation import clock, confidence_words, movement_word, percent, quality_note, with_uncertainty
from dashboards.tables import arrow_repetitions, read_repetitions
from dashboards.terminal import calibration_table, repetition_table, sensors_table
from dsp.results import Repetition
from tests.dashboards.synthetic_results import summary, write_session


def shown(renderable: RenderableType, width: int = 140) -> str:
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(renderable)
    return out.getvalue()


def test_repetitions_with_shares_and_notes(tmp_path: Path) -> None:
    text = shown(repetition_table(read_repetitions(write_session(tmp_path), "review"), "review"))
    lines = text.splitlines()
    assert lines[0].strip() == "Repetitions (review)"
    first = next(line for line in lines if line.split()[:1] == ["1"])
    assert first.split() == ["1", "bend", "0:12", "48", "52", "58/61", "46", "±", "2", "58/46/35", "44", "trunk", "–"]
    torn = next(line for line in lines if line.split()[:1] == ["5"])
    assert torn.split()[5] == "–/61"
    assert torn.split()[-1] == "gap"
    squat = next(line for line in lines if line.split()[:1] == ["4"])
    assert squat.split()[5:] == ["98/101", "14", "±", "2", "26/14/3", "12", "on", "thigh", "–"]
    assert sum(" squat " in line for line in lines) == 3


def test_a_repetition_without_numbers_shows_dashes() -> None:
    bare = arrow_repetitions([Repetition(0, 3661.0, 3662.0, 3663.0, "sit_down", 0.5, int(Quality.GAP | Quality.FAST), {})])
    row = next(line for line in shown(repetition_table(bare, "live")).splitlines() if "sit down" in line)
    assert row.split() == ["1", "sit", "down", "1:01:01", "–", "–", "–/–", *["–"] * 3, "on", "thigh", "gap,", "fast"]


def test_knee_raises_name_their_leg_and_shares_that_are_none_their_reason() -> None:
    hips = {"hip_left_rom_deg": 70.0, "hip_right_rom_deg": 12.0}
    share = "lumbar_share_of_trunk_on_thigh: opposite directions"
    left = Repetition(0, 1.0, 2.0, 3.0, "knee_raise", 0.9, 0, hips, missing_shares=share)
    right = Repetition(1, 5.0, 6.0, 7.0, "knee_raise", 0.9, int(Quality.FAST), {"hip_right_rom_deg": 71.0})
    text = shown(repetition_table(arrow_repetitions([left, right]), "live"))
    assert "left knee raise" in text
    assert "no share: opposite directions" in text
    assert "right knee raise" in text


def test_narrow_terminals_keep_every_row(tmp_path: Path) -> None:
    text = shown(repetition_table(read_repetitions(write_session(tmp_path), "live"), "live"), width=80)
    assert sum(" bend " in line and " ± 2 " in line for line in text.splitlines()) == 9
    assert "…" not in text
    assert sum(line.rstrip().endswith(" gap") for line in text.splitlines()) == 2
    assert max(map(len, text.splitlines())) <= 80


def test_calibration_says_how_sure_and_why() -> None:
    text = shown(calibration_table(summary("live", 0)))
    assert "0.93, good" in text
    assert "0.75, fair, read with care" in text
    assert "repetitions agree to 6.1°" in text
    assert "none: angles are missing" in shown(calibration_table(summary("live", 0, calibration={})))


def test_sensors_say_what_is_missing() -> None:
    facts = {
        "family": "text-csv",
        "rate_hz": None,
        "samples": 900,
        "lost": 100,
        "lost_exact": False,
        "saturated": 0,
        "gaps": [1, 2],
    }
    text = shown(sensors_table(summary("live", 0, sensors={"pelvis": facts})))
    assert text.splitlines()[-2].split() == ["pelvis", "text-csv", "–", "900", "≈", "100", "(10.0", "%)", "2", "0"]
    assert "252 (2.8 %)" in shown(sensors_table(summary("live", 0)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (with_uncertainty(12.34, 0.56), "12.3 ± 0.6"),
        (with_uncertainty(12.34, math.nan), "12.3"),
        (with_uncertainty(math.nan, 1.0), "–"),
        (with_uncertainty(-0.01), "0.0"),
        (with_uncertainty(-1.25, decimals=2), "−1.25"),
        # rounded up, at least one of the last digit, and none that nobody knows
        (percent(0.483, 0.012), "48 ± 2"),
        (percent(0.483, 0.0101), "48 ± 2"),
        (percent(0.483, 0.001), "48 ± 1"),
        (percent(0.483, float(np.float32(0.02))), "48 ± 2"),
        (percent(0.483, 0.0), "48"),
        (percent(-0.004), "0"),
        (with_uncertainty(-0.4, decimals=0), "0"),
        (movement_word("knee_raise", 3, "left"), "left knee raises"),
        (clock(0.4), "0:00"),
        (clock(59.6), "1:00"),
        (clock(3600), "1:00:00"),
        (clock(-61), "−1:01"),
        (clock(math.nan), "–"),
        (quality_note(0), "–"),
        (quality_note(int(Quality.HEADING_UNKNOWN | Quality.GAP)), "gap, heading unknown"),
        (confidence_words(0.8), "good"),
        (confidence_words(0.1), "low, calibrate again"),
        (confidence_words(math.nan), "unknown"),
    ],
)
def test_numbers_are_written_for_people(said: str, expected: str) -> None:
    assert said == expected
