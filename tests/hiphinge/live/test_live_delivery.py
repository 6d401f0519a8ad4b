"""Results of a running session: into the outbox by a thread of its own, once their events are on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from body_signals import Event, HiphingeError, Packets, Placement, Sensor, Session
from body_signals.quantities import ANGLE_NAMES
from dashboards.influx.line_protocol import LiveLines
from dashboards.influx.outbox import FOLDER, Outbox, segments
from dashboards.influx.sending.sender import InfluxSettings
from dashboards.tables import available_estimators
from dsp.pipeline import PipelineOutput
from dsp.results import AngleRows
from hiphinge.engine import Engine
from hiphinge.live.delivery import LiveDelivery
from hiphinge.live.sinks import Frame
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import SimulatedSession, simulate

NOBODY = InfluxSettings("http://127.0.0.1:9", "", "", "gym")


@pytest.fixture(scope="module")
def demo() -> SimulatedSession:
    """Its first 40 s: the calibration and some repetitions."""
    whole = simulate("demo", 1)
    return replace(whole, events=whole.events[: len(whole.events) // 2])


def lines(session_folder: Path) -> list[str]:
    """What is in the outbox."""
    return [line for path in segments(session_folder / FOLDER) for line in path.read_text().splitlines()]


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def delivered(folder: Path, demo: SimulatedSession) -> tuple[SessionInProgress, LiveDelivery]:
    """A session whose results go to nobody."""
    running = SessionInProgress(folder, demo.session)
    delivery = LiveDelivery(folder, demo.session, NOBODY)
    running.sinks.add(delivery)
    return running, delivery


def rows(first_s: float) -> AngleRows:
    """A second of rows by hand."""
    angles = np.full((len(ANGLE_NAMES), 100), 0.5)
    return AngleRows(first_s + np.arange(100) / 100.0, angles, 0.1 * angles, np.zeros(100, np.int32))


@pytest.mark.parametrize(("flushed_seq", "released"), [(9, 0), (10, 1), (19, 1), (20, 2)])
def test_nothing_leaves_before_its_events_are_on_disk(tmp_path: Path, flushed_seq: int, released: int) -> None:
    """Two results, of the events up to 10 and up to 20; the thread that fills the outbox is let run to its end."""
    session = Session(datetime(2026, 11, 23, 14, 5, tzinfo=UTC), "player-07", (Sensor(Placement.PELVIS, family="hiphinge-v1"),))
    parts = [PipelineOutput(angles=[rows(first_s)]) for first_s in (0.0, 1.0)]
    folder = tmp_path / "session"
    folder.mkdir()
    delivery = LiveDelivery(folder, session, NOBODY)
    delivery.take(Frame(parts[0], 1.0, last_seq=10, flushed_seq=5))
    delivery.take(Frame(parts[1], 2.0, last_seq=20, flushed_seq=flushed_seq))
    delivery._end_filling()
    wanted = LiveLines(session, folder.name, folder / "session.toml")
    assert lines(folder) == [line for part in parts[:released] for line in wanted.of(part.angles, [])]
    assert len(delivery._held) == 2 - released
    delivery.close(None)
    assert not delivery.trouble or "cannot be reached" in delivery.trouble


def taken(folder: Path, demo: SimulatedSession) -> SessionInProgress:
    """A session that has taken all of the demo."""
    running, _ = delivered(folder, demo)
    for k in range(0, len(demo.events), 100):
        running.take(demo.events[k : k + 100])
    return running


def test_a_disk_that_hangs_holds_no_packet_up(demo: SimulatedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, may_go_on = threading.Event(), threading.Event()
    flush = Outbox.flush

    def hanging(outbox: Outbox) -> None:
        hangs.set()
        assert may_go_on.wait(60.0)
        flush(outbox)

    monkeypatch.setattr(Outbox, "flush", hanging)
    running, _ = delivered(tmp_path / "session", demo)
    for k in range(0, len(demo.events) // 2, 100):
        running.take(demo.events[k : k + 100])
    assert hangs.wait(20.0)
    before = len(lines(tmp_path / "session"))
    for k in range(len(demo.events) // 2 // 100 * 100 + 100, len(demo.events), 100):
        running.take(demo.events[k : k + 100])
    assert len(lines(tmp_path / "session")) == before, "it still hangs, and every packet was taken"
    may_go_on.set()
    running.close()
    monkeypatch.undo()
    again = taken(tmp_path / "again", demo)
    again.close()
    assert "live" in available_estimators(tmp_path / "again")
    found, wanted = ([line for line in lines(tmp_path / name) if ",estimator=live " in line] for name in ("session", "again"))
    assert [line.replace("session=session", "session=again") for line in found] == wanted


def outputs(demo: SimulatedSession) -> PipelineOutput:
    """What the demo's first 20 s make."""
    engine = Engine(demo.session, ("live",))
    early = [event for event in demo.events if _seq(event) < _seq(demo.events[-1]) // 2]
    made = PipelineOutput()
    for k in range(0, len(early), 100):
        made.extend(engine.feed(early[k : k + 100])["live"])
    return made


def _seq(event: Event) -> int:
    return int(event.seq[-1]) if isinstance(event, Packets) else event.seq


def test_results_leave_while_the_session_runs(demo: SimulatedSession, tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    delivery = LiveDelivery(folder, demo.session, NOBODY)
    delivery.take(Frame(outputs(demo), 0.0, last_seq=10, flushed_seq=9))
    delivery.take(Frame(PipelineOutput(), 0.0, last_seq=11, flushed_seq=10))
    wait_for(lambda: lines(folder))
    delivery.close(None)


def test_a_disk_that_refuses_is_trouble_and_the_session_goes_on(
    demo: SimulatedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise HiphingeError("the outbox cannot be written: No space left on device")

    monkeypatch.setattr(Outbox, "append", full)
    running = taken(tmp_path / "session", demo)
    wait_for(lambda: "No space left" in running.sinks.trouble)
    running.close()
    assert available_estimators(tmp_path / "session") == ("live", "review")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_program_is_told(demo: SimulatedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(Outbox, "flush", breaks)
    running = taken(tmp_path / "session", demo)
    wait_for(lambda: "fills the outbox no more (ZeroDivisionError" in running.sinks.trouble)
    monkeypatch.undo()
    running.close()
    assert available_estimators(tmp_path / "session") == ("live", "review")
