"""A simulated training day of three players, and days before it: recorded, computed, and ready to be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hiphinge.app import SessionInProgress
from hiphinge.folders import session_name
from simulation import simulate
from simulation.radio import Outage

DAY = datetime(2026, 11, 23, tzinfo=UTC)
PLAYERS = ("Ann B", 'Zoë O\'Brien, "Zo"', "D/J Ünal (1.=2)")
"""Names with a space, a comma, a slash, quotation marks, brackets, and letters beyond ASCII."""
_SESSIONS = (
    (PLAYERS[0], DAY - timedelta(days=9) + timedelta(hours=10), 11, ()),
    (PLAYERS[1], DAY - timedelta(days=3) + timedelta(hours=17), 12, ()),
    (PLAYERS[0], DAY + timedelta(hours=9, minutes=30), 1, ()),
    (PLAYERS[1], DAY + timedelta(hours=10), 2, ()),
    (PLAYERS[2], DAY + timedelta(hours=11), 3, (Outage(60.0, 66.0, "thigh_left"),)),
    (PLAYERS[0], DAY + timedelta(hours=16), 4, ()),
)
"""Player, start, seed, outages. The third has no earlier day, hence no baseline."""


def record(folder: Path, *, training_s: float | None = None) -> list[Path]:
    """The session folders; each a demo of 80 s, or a training of so many seconds."""
    return [_session(folder, training_s, *facts) for facts in _SESSIONS]


def _session(
    folder: Path, training_s: float | None, athlete: str, start: datetime, seed: int, outages: tuple[Outage, ...]
) -> Path:
    scenario, options = ("demo", {}) if training_s is None else ("training", {"duration_s": training_s})
    simulated = simulate(scenario, seed, athlete=athlete, start=start, outages=outages, **options)
    where = folder / session_name(start, athlete)
    running = SessionInProgress(where, simulated.session)
    for begin in range(0, len(simulated.events), 50):
        running.take(simulated.events[begin : begin + 50])
    running.close()
    return where
