"""Long input cut into stretches: nothing is lost, nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from body_signals.blocks import TimedBlock
from dsp.grid import stretches
from dsp.live import LivePipeline
from tests.dsp.sessions import Found, block, gathered, plain


def events(steps: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Events at these intervals, every third number."""
    event_s = np.cumsum([0.0, *steps])
    return np.arange(len(event_s)) * 3, event_s


def samples(key: str, seq: np.ndarray, event_s: np.ndarray) -> TimedBlock:
    n = len(seq)
    rows = np.column_stack((np.arange(n), np.arange(n), np.arange(n))).astype(float)
    return replace(block(key, 0, event_s, rows, rows), seq=seq, other=np.arange(n) % 7 == 0)


@given(st.lists(st.floats(0.0, 200.0), max_size=40), st.integers(1, 5))
def test_every_event_and_sample_once_and_together(steps: list[float], every: int) -> None:
    event_seq, event_s = events(steps)
    strict = event_s + 1e-3 * np.arange(len(event_s))
    blocks = [samples("a", event_seq, strict), samples("b", event_seq[::every], strict[::every])]
    found = list(stretches.stretches(blocks, event_seq, event_s))
    assert np.concatenate([seq for _, seq, _ in found]).tolist() == event_seq.tolist()
    for i, whole in enumerate(blocks):
        parts = [blocks[i] for blocks, _, _ in found]
        for name in ("seq", "time_s", "device_time_s", "acc", "gyr", "lost", "saturated", "restart", "other"):
            assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))
        for part, (_, seq, _) in zip(parts, found, strict=True):
            assert np.isin(part.seq, seq).all()
    for _, _, times in found:
        assert times[-1] - times[0] <= stretches.STRETCH_S


def test_without_events_there_is_nothing_to_cut() -> None:
    assert [len(times) for _, _, times in stretches.stretches([], np.empty(0, np.int64), np.empty(0))] == [0]


def through(stretch_s: float, monkeypatch) -> Found:
    monkeypatch.setattr(stretches, "STRETCH_S", stretch_s)
    session, samples = plain("demo", 3)
    pipeline = LivePipeline(session.sensors, session.body)
    blocks = [block(key, i, s.time_s, s.acc, s.gyr, saturated=s.saturated) for i, (key, s) in enumerate(samples.items())]
    seq = np.sort(np.concatenate([b.seq for b in blocks]))
    time_s = np.maximum.accumulate(np.sort(np.concatenate([b.time_s for b in blocks])))
    marks = [m.time_s for m in session.marks if m.label == "calibrate"]
    return gathered([pipeline.feed(blocks, marks, seq, time_s), pipeline.finish()])


def test_the_same_numbers(monkeypatch) -> None:
    whole, cut = (through(stretch_s, monkeypatch) for stretch_s in (1e9, 7.0))
    assert len(whole.time_s) > 3000
    assert cut.angles.tobytes() == whole.angles.tobytes()
    assert cut.sd.tobytes() == whole.sd.tobytes()
    assert cut.repetitions == whole.repetitions
