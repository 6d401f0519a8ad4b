"""A computer that sleeps for hours in a session: bounded memory, live equal to replay, and a limit that names the event."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import Event, HiphingeError, Packets
from dsp.grid import grid
from hiphinge.session import in_progress as app
from hiphinge.session.in_progress import RECORDING, SessionInProgress
from hiphinge.session.recovery import recover
from tests.contract.command_line import done, refused
from tests.contract.recorded_sessions import recording, simulated_briefly

HOUR_NS = 3_600_000_000_000


def asleep(hours: float, after_s: float = 20.0) -> tuple[object, list[Event]]:
    """A demo in which the computer slept; its session and its events."""
    simulated = simulated_briefly()
    begin = _arrival(simulated.events[0]) + round(after_s * 1e9)
    moved = [
        e if _arrival(e) < begin else replace(e, arrival_ns=e.arrival_ns + round(hours * HOUR_NS)) for e in simulated.events
    ]
    return simulated.session, moved


def _arrival(event: Event) -> int:
    return int(event.arrival_ns[0]) if isinstance(event, Packets) else event.arrival_ns


def taken(folder: Path, session: object, events: list[Event], size: int = 200) -> list[int]:
    """Record and compute them live, `size` at a time; rows that each call gave out."""
    running = SessionInProgress(folder, session)  # type: ignore[arg-type]
    given = []
    for k in range(0, len(events), size):
        given.append(sum(len(rows) for rows in running.take(events[k : k + size]).angles))
    running.close()
    return given


def test_live_equals_replay_over_a_long_sleep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces that are worked on over many calls while what comes meanwhile is recorded; the tables are the same bytes."""
    session, events = asleep(0.3)
    monkeypatch.setattr(grid, "MOST_TICKS", 5_000)
    monkeypatch.setattr(app, "LONGEST_TAKE_S", 0.0)
    given = taken(tmp_path / "small", session, events, size=40)
    assert 5_000 <= max(given) < 6_000
    monkeypatch.undo()
    taken(tmp_path / "usual", session, events, size=1000)
    done("replay", "small", "--out", "again", cwd=tmp_path)
    for name in ("live/angles", "live/orientations", "live/repetitions", "review/angles", "review/repetitions"):
        wanted = (tmp_path / f"small/{name}.parquet").read_bytes()
        assert (tmp_path / f"usual/{name}.parquet").read_bytes() == wanted, name
        assert (tmp_path / f"again/{name}.parquet").read_bytes() == wanted, name


_A_NIGHT = """
import resource, sys
from pathlib import Path
from tests.contract.inputs.test_long_sleep import asleep, taken
taken(Path(sys.argv[1]), *asleep(float(sys.argv[2])))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_a_sleep_of_hours_costs_no_memory(tmp_path: Path) -> None:
    """As much as a sleep of minutes, to a few blocks of rows."""

    def peak(hours: float) -> int:
        words = [sys.executable, "-c", _A_NIGHT, str(tmp_path / f"{hours}"), str(hours)]
        return int(subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, check=True).stdout)

    assert peak(1.0) < peak(0.2) + 100e6


def test_beyond_two_days_is_no_session(tmp_path: Path) -> None:
    """Live it ends before such an event is recorded; a recording of another program is refused, and salvaged up to there."""
    session, events = asleep(50.0)
    running = SessionInProgress(tmp_path / "live", session)  # type: ignore[arg-type]
    before = next(k for k in range(0, len(events), 40) if _arrival(events[k + 40]) > _arrival(events[0]) + 40 * HOUR_NS)
    for k in range(0, before, 200):
        running.take(events[k : min(k + 200, before)])
    with pytest.raises(HiphingeError, match="a session lasts 48 h at most"):
        running.take(events[before : before + 41])
    assert running.abandon()
    found = recover(tmp_path / "live")
    assert found.error is None
    assert (tmp_path / "live/review/summary.json").is_file()

    recording(tmp_path / RECORDING, session, events)  # type: ignore[arg-type]
    said = refused("replay", RECORDING, "--out", "out", cwd=tmp_path)
    first = next(e for e in events if _arrival(e) > _arrival(events[0]) + 40 * HOUR_NS)
    seq = int(first.seq[0]) if isinstance(first, Packets) else first.seq
    assert "comes 50.0 h after the first one, and a session lasts 48 h at most" in said
    assert abs(int(said.split("event ")[1].split(" ")[0]) - seq) < 100
    result = done("replay", RECORDING, "--out", "out", "--salvage", cwd=tmp_path)
    assert "is damaged at byte" in result.stderr
