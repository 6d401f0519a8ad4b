"""Session folders with a hip screen, written by hand: small, and with the numbers that a test asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from body_signals import ESTIMATORS
from dashboards.tables import TableWriter
from dsp.screen import screen_of
from tests.dashboards.synthetic_results import SENSORS, angle_rows, orientation_rows, summary
from tests.dsp.screen_by_hand import Day

DAY_S = 2000.0


def screen_day(left: float = 76.0, right: float = 100.0, slack: float = 32.0, lumbar: float = 50.0) -> Day:
    """Three bends, three knee raises of each leg, three rock-backs."""
    return Day().bends(lumbar_rom_deg=lumbar).knee_raises(left=left, right=right).rock_backs(slack)


def screened(
    folder: Path,
    day: Day,
    athlete: str = "player-07",
    start: str = "2026-11-23T09:10:00Z",
    marks: Sequence[tuple[float, str]] = (),
    pain: Sequence[tuple[float, float]] = (),
    estimators: Sequence[str] = ESTIMATORS,
) -> Path:
    """A session of its own with these repetitions, marks (time, label) and pain (time, level)."""
    end_s = max((r.end_s for r in day.repetitions), default=10.0) + 10.0
    rows = angle_rows(end_s, rate_hz=1.0, gap=None)
    said: dict[str, Any] = {
        "session": folder.name,
        "athlete": athlete,
        "start": start,
        "duration_s": float(rows.time_s[-1]),
        "screen": screen_of(day.repetitions).document(),
        "marks": [{"time_s": at_s, "label": label, "said": "live"} for at_s, label in marks],
        "notes": [],
        "pain": [{"time_s": at_s, "level": level, "score": level, "where": "", "said": "live"} for at_s, level in pain],
    }
    for estimator in estimators:
        with TableWriter(folder, estimator) as out:
            out.angles(rows)
            out.orientations([orientation_rows(sensor, end_s, rate_hz=1.0) for sensor in SENSORS])
            for repetition in day.repetitions:
                out.repetition(repetition)
            out.close(summary(estimator, len(day.repetitions), **said))
    return folder
