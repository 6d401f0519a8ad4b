"""A made-up session's results, with known shapes: bends and squats, a gap, a loud lead-in, seeds that differ by a word."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from body_signals.quality import Quality
from body_signals.quantities import ANGLE_NAMES, REPETITION_METRICS
from dashboards.tables import TableWriter
from dsp.results import AngleRows, OrientationRows, Repetition
from dsp.screen.pattern import screen_of

START = "2026-11-23T14:05:00Z"
SENSORS = ("lumbar", "pelvis", "thigh_left", "thigh_right")
PERIOD_S = 6.0


def kept(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """These arrays, which several tests share and none may write to."""
    for array in arrays:
        array.setflags(write=False)
    return arrays


@cache
def angle_rows(seconds: float = 90.0, *, rate_hz: float = 100.0, gap: tuple[float, float] | None = (40.0, 42.5)) -> AngleRows:
    """A bend or squat every 6 s from second 12 on; the first 6 s are not calibrated; a gap in the thigh_left sensor."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = (time_s - 12.0) / PERIOD_S
    move = np.where(phase > 0, np.sin(np.pi * np.clip((phase % 1.0) / 0.7, 0, 1)) ** 2, 0.0)
    squat = (phase.astype(int) % 4) == 3
    coming_up = np.where(phase > 0, phase % 1.0, 0.0) > 0.35
    early = move ** (np.where(squat, 1.6, 0.75) + 0.35 * coming_up)
    peak = {
        "lumbar_flexion": np.where(squat, 18, 48) * early,
        "lumbar_lateral": 2.0 * move * np.sin(time_s),
        "lumbar_rotation": 1.5 * move * np.cos(time_s),
        "pelvis_tilt": np.where(squat, 22, 52) * move,
        "pelvis_obliquity": 1.0 * move,
        "trunk_inclination": np.where(squat, 18, 48) * early + np.where(squat, 22, 52) * move,
        "hip_left_flexion": np.where(squat, 98, 58) * move,
        "hip_right_flexion": np.where(squat, 101, 61) * move,
        "thigh_left_inclination": np.where(squat, 76, 6) * move,
        "thigh_right_inclination": np.where(squat, 79, 9) * move,
    }
    wobble = 0.4 * np.sin(2 * np.pi * 0.31 * time_s)
    angles = np.stack([np.radians(peak.get(name, 3.0 * move) + wobble) for name in ANGLE_NAMES])
    sd = np.radians(0.6 + 0.4 * np.abs(angles))
    quality = np.zeros(len(time_s), np.int32)
    quality[time_s < 6.0] = Quality.UNCALIBRATED
    angles[:, time_s < 6.0], sd[:, time_s < 6.0] = np.nan, np.nan
    if gap is not None:
        inside = (time_s >= gap[0]) & (time_s < gap[1])
        left = [i for i, name in enumerate(ANGLE_NAMES) if "left" in name]
        for row in left:
            angles[row, inside] = sd[row, inside] = np.nan
        quality[inside] |= Quality.GAP
    return AngleRows(*kept(time_s, angles, sd, quality))


@cache
def orientation_rows(sensor: str, seconds: float = 90.0, *, rate_hz: float = 100.0) -> OrientationRows:
    """Unit quaternions that differ by sensor."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    half = 0.3 * np.sin(time_s + len(sensor)) + 0.1 * len(sensor)
    quat = np.stack([np.cos(half), np.sin(half), 0 * half, 0 * half], axis=1)
    return OrientationRows(sensor, *kept(time_s, quat, (time_s > 50.0).astype(np.int32)))


def repetitions(rows: AngleRows) -> list[Repetition]:
    """The bends and squats of `angle_rows`, with metrics that follow from their shapes."""
    found = []
    for index in range(int((rows.time_s[-1] - 12.0) // PERIOD_S)):
        start = 12.0 + index * PERIOD_S
        squat, torn = index % 4 == 3, start < 42.5 and start + PERIOD_S > 40.0
        share = (0.45 if squat else 0.48) + 0.01 * ((index * 7) % 5 - 2)
        metrics: dict[str, float] = dict.fromkeys(REPETITION_METRICS, 0.125) | {
            "lumbar_rom_deg": 18.0 if squat else 48.0 + index % 3,
            "pelvis_rom_deg": 22.0 if squat else 52.0 - index % 2,
            "trunk_rom_deg": 40.0 if squat else 100.0,
            "hip_left_rom_deg": 98.0 if squat else 58.0,
            "hip_right_rom_deg": 101.0 if squat else 61.0,
            "lumbar_rom_sd_deg": 1.2,
            "pelvis_rom_sd_deg": 0.8,
            "trunk_rom_sd_deg": 0.9,
            "hip_left_rom_sd_deg": 1.4,
            "hip_right_rom_sd_deg": 1.4,
            "onset_delay_s": -0.12 - 0.02 * (index % 3),
            "descent_s": 2.0,
            "hold_s": 0.4,
            "ascent_s": 1.8,
            **{name: 60.0 + 3 * index for name in REPETITION_METRICS if "peak_velocity" in name},
        }
        for name, base in (
            ("lumbar_share_of_trunk", share),
            ("lumbar_share_of_trunk_on_thigh", share - (0.3 if squat else 0.05)),
        ):
            metrics |= {
                name: base,
                f"{name}_sd": 0.013,
                f"{name}_early": base + 0.12,
                f"{name}_middle": base,
                f"{name}_late": base - 0.11,
                f"{name}_ascent": base - 0.02,
            }
        if torn:
            metrics = {k: v for k, v in metrics.items() if "left" not in k}
        kind, quality = ("squat" if squat else "bend"), int(Quality.GAP) if torn else 0
        found.append(Repetition(index, start, start + 2.1, start + 4.2, kind, 0.93 if not torn else 0.7, quality, metrics))
    return found


@cache
def _screen() -> str:
    return json.dumps(screen_of(repetitions(angle_rows())).document())


def summary(estimator: str, reps: int, **changes: Any) -> dict[str, Any]:
    """A summary with every key."""
    base = {
        "schema": 1,
        "session": "2026-11-23T14-05-00Z_player-07",
        "athlete": "player-07",
        "start": START,
        "estimator": estimator,
        "software": "hiphinge 0.1.0",
        "duration_s": 89.99,
        "sensors": {
            key: {
                "family": "hiphinge-v1",
                "rate_hz": 100.0,
                "samples": 8998 - 250 * (key == "thigh_left"),
                "lost": 252 if key == "thigh_left" else 2,
                "lost_exact": True,
                "saturated": 3 if key == "lumbar" else 0,
                "gaps": 1 if key == "thigh_left" else 0,
                "minutes": {
                    "end_s": [60.0, 90.0],
                    "samples": [5998 - 250 * (key == "thigh_left"), 3000],
                    "lost": [252 if key == "thigh_left" else 2, 0],
                    "battery_percent": [87.0, 86.0] if key != "pelvis" else [None, None],
                    "delay_ms": [12.5, 11.0],
                    "delay_max_ms": [60.0, 48.1],
                    "clock_ppm": [None, -8.25],
                },
            }
            for key in SENSORS
        },
        "calibration": {
            key: {
                "method": "standing and knee raises" if "thigh" in key else "standing and bends",
                "confidence": 0.93 - 0.18 * (key == "thigh_left"),
                "reasons": [
                    "stood still 4.8 s with 0.6° of sway",
                    "3 bends, range 58°" if "thigh" not in key else "2 knee raises, range 61°",
                    f"movement in one plane to 99 %, repetitions agree to {'6.1' if key == 'thigh_left' else '1.6'}°",
                ],
            }
            for key in SENSORS
        },
        "repetitions": reps,
        "sets": [{"movement": "bend", "start_s": 12.0, "end_s": 30.0, "repetitions": 3}],
        "exposure": {"lumbar_flexion_s": {"below_20": 50.2, "20_to_40": 14.0, "40_to_60": 13.1, "above_60": 0.0}},
        "screen": json.loads(_screen()),
        "marks": [{"time_s": t, "label": label, "said": "live"} for t, label in ((0.0, "calibrate"), (40.0, "belt"))],
        "notes": [{"time_s": 41.0, "text": "left strap loose", "said": "live"}],
        "pain": [{"time_s": 42.0, "level": 3, "where": "left hip", "said": "session"}],
        "warnings": ["thigh_left: late or silent for 2.5 s"],
    }
    return base | changes


def write_session(folder: Path, *estimators: str, seconds: float = 90.0, **changes: Any) -> Path:
    """A session folder's tables, written in one go."""
    for estimator in estimators or ("live", "review"):
        rows = angle_rows(seconds)
        reps = repetitions(rows)
        with TableWriter(folder, estimator) as out:
            out.angles(rows)
            out.orientations([orientation_rows(sensor, seconds) for sensor in SENSORS])
            for rep in reps:
                out.repetition(rep)
            out.close(summary(estimator, len(reps), duration_s=float(rows.time_s[-1]), **changes))
    return folder
