"""The athlete's own lines from the last six weeks: how far lumbar spine and hips usually go in lifts, offered as targets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from body_signals import ESTIMATORS, HiphingeError
from body_signals.movements import names_of
from dashboards.tables import read_repetitions, repetition_of
from dsp.day import by_movement, scored
from hiphinge.afterwards.listing import FINISHED, listed

SINCE = timedelta(days=42)
"""Six weeks."""
LUMBAR, HIP = "lumbar_flexion", "hip_flexion"


def own_lines(where: Path, athlete: str, start: datetime) -> dict[str, Any]:
    """For each angle the median, degrees, over the athlete's sessions in `where` that began in the six weeks before `start`, of
    the session's median peak in lifts; None where there is none. sessions: how many there are.

    A session that cannot be read is left out.
    """
    found: dict[str, list[float]] = {LUMBAR: [], HIP: []}
    sessions = 0
    for folder in _sessions(where, athlete, start):
        peaks = _peaks(folder)
        sessions += any(peaks.values())
        for angle, values in peaks.items():
            if values:
                found[angle].append(median(values))
    return {angle: round(median(values)) if values else None for angle, values in found.items()} | {"sessions": sessions}


def _sessions(where: Path, athlete: str, start: datetime) -> Iterator[Path]:
    for one in listed(where) if where.is_dir() else ():
        if one.athlete == athlete and one.state == FINISHED and one.start is not None and start - SINCE <= one.start < start:
            yield one.folder


def _peaks(folder: Path) -> dict[str, list[float]]:
    """The peaks of a session's scored lifts, degrees: of the lumbar spine, and of the hips where both were measured."""
    peaks: dict[str, list[float]] = {LUMBAR: [], HIP: []}
    estimator = next((e for e in reversed(ESTIMATORS) if (folder / e).is_dir()), None)
    if estimator is None:
        return peaks
    try:
        rows = read_repetitions(folder, estimator).to_pylist()
    except HiphingeError:
        return peaks
    lifts = names_of(lambda kind: kind.lift)
    for of_kind in by_movement([repetition_of(row) for row in rows if row["movement"] in lifts]).values():
        for repetition in scored(of_kind).counted:
            hips = np.array([repetition.metrics.get(f"hip_{side}_peak_deg", np.nan) for side in ("left", "right")])
            for angle, value in ((LUMBAR, repetition.metrics.get("lumbar_peak_deg", np.nan)), (HIP, hips.mean())):
                if np.isfinite(value):
                    peaks[angle].append(float(value))
    return peaks
