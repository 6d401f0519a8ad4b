"""Scripts of movements, their true rows, and what the finder makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from body_signals.placements import BODY_PLACEMENTS
from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES
from dsp.repetitions.finder import RepetitionFinder
from dsp.results import AngleRows, Repetition
from virtual_athlete import Script

BODY = tuple(p.value for p in BODY_PLACEMENTS)
RATE = 100.0
INDEX = {name: i for i, name in enumerate(ANGLE_NAMES)}


def truth_rows(script: Script) -> AngleRows:
    """What a perfect estimator would give."""
    motion = script.motion()
    truth = motion.truth(np.arange(round(motion.duration_s * RATE)) / RATE).zeroed()
    angles = truth.table().T
    return AngleRows(truth.time_s, angles, np.full_like(angles, 0.01), np.zeros(len(truth), np.int32))


def standing_script(seed: int = 0) -> Script:
    script = Script(seed)
    script.stand(3.0)
    return script


def seated_script(rest_s: float, up_s: float = 2.0, bends: int = 1) -> Script:
    """Sitting for `rest_s`, then bends."""
    script = standing_script()
    script.sit_down(2.0, rest_s=rest_s)
    script.stand_up(up_s)
    for _ in range(bends):
        script.bend(70.0)
    script.stand(1.0)
    return script


def find(rows: AngleRows, cuts=(), marks=(), calibrated=None, placements=BODY) -> list[Repetition]:
    """calibrated: (row at which it is said, time at which the calibration's movements ended)."""
    finder = RepetitionFinder(RATE)
    finder.aligned(placements)
    for mark in marks:
        finder.calibrating(mark)
    out, at = [], 0
    stops = sorted({*cuts, *([calibrated[0]] if calibrated else []), len(rows)})
    for stop in stops:
        out += finder.feed(rows.part(at, stop))
        at = stop
        if calibrated and stop == calibrated[0]:
            finder.calibrated(calibrated[1])
    return out + finder.finish()


def holed(rows: AngleRows, start_s: float, length_s: float, names=ANGLE_NAMES) -> AngleRows:
    angles, quality = rows.angles.copy(), rows.quality.copy()
    at = slice(round(start_s * RATE), round((start_s + length_s) * RATE))
    for name in names:
        angles[INDEX[name], at] = np.nan
    quality[at] |= np.int32(Quality.GAP)
    return replace(rows, angles=angles, quality=quality)


def kinds(found: list[Repetition]) -> list[str]:
    return [r.movement for r in found]


def matched(found: list[Repetition], script: Script, tolerance_s: float = 0.35) -> None:
    """Every true repetition once, nothing else, begin and end and turn where they are."""
    assert kinds(found) == [r.movement for r in script.repetitions]
    for r, true in zip(found, script.repetitions, strict=True):
        assert r.start_s == pytest.approx(true.start_s, abs=tolerance_s)
        assert r.end_s == pytest.approx(true.end_s, abs=tolerance_s)
        assert true.descent_end_s - 0.2 <= r.turn_s <= true.ascent_start_s + 0.2
        assert r.start_s < r.turn_s <= r.end_s
    assert [r.index for r in found] == list(range(len(found)))


def ramps(*points: tuple[float, float]) -> AngleRows:
    """A bend shared evenly by lumbar spine and pelvis through (second, trunk degrees)."""
    t = np.arange(0.0, points[-1][0], 1 / RATE)
    trunk = np.radians(np.interp(t, [p[0] for p in points], [p[1] for p in points]))
    angles = np.zeros((len(ANGLE_NAMES), len(t)))
    angles[INDEX["trunk_inclination"]] = trunk
    for name in ("lumbar_flexion", "pelvis_tilt", "hip_left_flexion", "hip_right_flexion"):
        angles[INDEX[name]] = 0.5 * trunk
    return AngleRows(t, angles, np.full_like(angles, 0.01), np.zeros(len(t), np.int32))
