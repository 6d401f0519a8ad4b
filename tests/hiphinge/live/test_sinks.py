"""What follows a session: every frame in order, and no sink can cost the session anything, whatever it does."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from body_signals import Mark
from dashboards.tables import available_estimators
from dsp.pipeline import PipelineOutput
from dsp.results import Repetition
from hiphinge.live import sinks as live_sinks
from hiphinge.live.sinks import KEPT_FRAMES, Frame, Sink, Sinks
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import SimulatedSession, simulate


@pytest.fixture(scope="module")
def demo() -> SimulatedSession:
    """Its first 64 s: the calibration, some repetitions, and a whole minute."""
    whole = simulate("demo", 1)
    return replace(whole, events=whole.events[: len(whole.events) * 4 // 5])


class Listener(Sink):
    """Keeps what it is given."""

    name = "listener"

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.calls: list[str] = []

    def take(self, frame: Frame) -> None:
        self.frames.append(frame)

    def stop(self, frame: Frame) -> None:
        assert frame.output == PipelineOutput()
        self.calls.append("stop")

    def close(self, last: PipelineOutput | None) -> None:
        self.calls.append("abandon" if last is None else "close")


class Database(Listener):
    """Needs everything."""

    name = "database"
    needs_every_row = True


class Failing(Listener):
    """Fails at the first frame."""

    name = "failing"

    def take(self, frame: Frame) -> None:
        super().take(frame)
        raise ZeroDivisionError("by nought")


class Hanging(Listener):
    """Takes one frame and does not come back until it may."""

    name = "hanging"

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = threading.Event()

    def take(self, frame: Frame) -> None:
        super().take(frame)
        self.may_go_on.wait(60.0)


def play(running: SessionInProgress, demo: SimulatedSession) -> float:
    """Seconds that the session took for all of the demo's events."""
    began = time.monotonic()
    for k in range(0, len(demo.events), 100):
        running.take(demo.events[k : k + 100])
    return time.monotonic() - began


def test_a_sink_gets_all_results_marks_and_standings_in_order(demo: SimulatedSession, tmp_path: Path) -> None:
    running, listener = SessionInProgress(tmp_path / "session", demo.session), Listener()
    running.sinks.add(listener)
    play(running, demo)
    running.close()
    assert listener.calls == ["stop", "close"]
    wanted = [event.label for event in demo.events if isinstance(event, Mark)]
    assert [mark.label for frame in listener.frames for mark in frame.marks] == wanted != []
    times = [frame.now_s for frame in listener.frames]
    assert times == sorted(times)
    seqs = [frame.last_seq for frame in listener.frames]
    assert seqs == sorted(set(seqs))
    assert all(set(frame.progress) == {s.key for s in demo.session.sensors} for frame in listener.frames)
    assert sum(len(frame.output.repetitions) for frame in listener.frames) > 3
    assert sum(len(frame.output.alignments) for frame in listener.frames) > 0
    assert sum(len(frame.minutes) for frame in listener.frames) >= len(demo.session.sensors)


def test_results_are_said_to_be_on_disk_only_when_they_are(demo: SimulatedSession, tmp_path: Path) -> None:
    running, listener = SessionInProgress(tmp_path / "session", demo.session), Listener()
    running.sinks.add(listener)
    play(running, demo)
    running.stop()
    assert all(frame.flushed_seq <= frame.last_seq for frame in listener.frames)
    assert any(frame.flushed_seq < frame.last_seq for frame in listener.frames)
    assert running.abandon()
    assert listener.calls == ["stop", "abandon"]


def test_neither_failing_nor_hanging_costs_the_session_anything(
    demo: SimulatedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sinks, "SINK_PATIENCE_S", 0.3)
    running = SessionInProgress(tmp_path / "session", demo.session)
    failing, hanging, listener, database = Failing(), Hanging(), Listener(), Database()
    for sink in (failing, hanging, listener, database):
        running.sinks.add(sink)
    play(running, demo)
    running.close()
    hanging.may_go_on.set()
    assert available_estimators(tmp_path / "session") == ("live", "review")
    assert len(failing.frames) == len(hanging.frames) == 1
    assert failing.calls == ["stop", "abandon"], "it is told to let go, and that it has not followed to the end"
    assert listener.calls == database.calls == ["stop", "close"]
    assert set(running.sinks.faults) == {"failing", "hanging"}
    assert isinstance(running.sinks.faults["failing"], ZeroDivisionError)


def repetition(index: int) -> PipelineOutput:
    return PipelineOutput(repetitions=[Repetition(index, 1.0, 2.0, 3.0, "squat", 1.0, 0, {})])


@pytest.mark.parametrize("kind", [Listener, Database])
def test_a_slow_sink_misses_no_repetition(kind: type[Listener]) -> None:
    all_of_them, gate = Sinks(), threading.Event()

    class Slow(kind):  # type: ignore[misc, valid-type]
        """Waits before its first frame."""

        def take(self, frame: Frame) -> None:
            gate.wait(60.0)
            super().take(frame)

    slow = Slow()
    all_of_them.add(slow)
    for k in range(2 * KEPT_FRAMES):
        all_of_them.take(Frame(repetition(k), float(k), last_seq=k))
    gate.set()
    all_of_them.stop(Frame(PipelineOutput(), 1000.0))
    found = [r.index for frame in slow.frames for r in frame.output.repetitions]
    assert found == list(range(2 * KEPT_FRAMES))
    assert (len(slow.frames) == 2 * KEPT_FRAMES) is slow.needs_every_row
    all_of_them.take(Frame(repetition(9999), 1001.0))
    all_of_them.close(PipelineOutput())
    assert (9999 in [r.index for frame in slow.frames for r in frame.output.repetitions]) is slow.needs_every_row
    assert slow.calls == ["stop", "close"]
    all_of_them.close(None)
    assert slow.calls == ["stop", "close", "abandon"]
