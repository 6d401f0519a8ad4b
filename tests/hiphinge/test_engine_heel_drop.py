"""A heel drop in the engine: it tells a delay that arrivals cannot, takes it away, and does not depend on the cuts."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from body_signals import Heartbeat, Mark, Packets, Placement, Sensor, Session, UtcAnchor
from firmware_protocol.v1 import Config, Info, encode_config, encode_data, encode_info
from hiphinge.engine import HEEL_DROP, Engine
from tests.ingest.time.test_heel_drop import track

DELAY_S = 0.06
FIRST, SECOND, UNTIL_S = 8.0, 24.0, 36.0
SESSION = Session(
    datetime(2026, 11, 24, tzinfo=UTC),
    "a",
    (
        Sensor(Placement.LUMBAR, family="hiphinge-v1"),
        Sensor(Placement.PELVIS, family="hiphinge-v1"),
    ),
)


def log(jolts=(9.0, 9.7, 10.5, 25.0, 25.8, 26.4), delay_s=DELAY_S):
    """Two sensors at 100 Hz in packets of four; everything of the pelvis comes `delay_s` later."""
    config = Config.for_ranges(1, 100.0)
    timed = [(0.0, 0, UtcAnchor, 0), (FIRST, 1, Mark, HEEL_DROP), (SECOND, 1, Mark, HEEL_DROP)]
    timed += [(t, 2, Heartbeat, None) for t in np.arange(0.1, UNTIL_S + 1.0, 0.1).tolist()]
    for n, (key, late) in enumerate((("lumbar", 0.0), ("pelvis", delay_s))):
        rng = np.random.default_rng(n)
        time_s, acc = track(100.0, 0.0, n, jolts=jolts, until_s=UNTIL_S)
        timed += [(0.01, 3 + n, key, encode_info(Info(boot_id=n + 1))), (0.012, 3 + n, key, encode_config(config))]
        for k in range(0, len(time_s) - 3, 4):
            stamp = (time_s[k : k + 4] * 1e6).astype(int)
            rows = acc[k : k + 4]
            payload = encode_data(config, k // 4, k, int(stamp[0]), int(stamp[3] - stamp[0]), rows, np.zeros((4, 3)))
            timed.append((time_s[k + 3] + 0.004 + late + rng.uniform(0.0, 0.01), 3 + n, key, payload))
    events = []
    for seq, (time_s, _, kind, value) in enumerate(sorted(timed, key=lambda e: e[:2])):
        arrival = round(time_s * 1e9) + 10**9
        if isinstance(kind, str):
            events.append(Packets.one(kind, seq, arrival, value))
        else:
            events.append(kind(seq, arrival) if value is None else kind(seq, arrival, value))
    return events


def run(events, size):
    engine, lags, rows = Engine(SESSION), [], []
    for k in range(0, len(events), size):
        before = engine.heel_drop
        rows += engine.feed(events[k : k + size])["live"].orientations
        if engine.heel_drop is not before:
            lags.append(dict(engine.heel_drop))
    rows += engine.finish()["live"].orientations
    table = {
        key: np.concatenate([np.column_stack((r.time_s, r.quat)) for r in rows if r.sensor == key])
        for key in ("lumbar", "pelvis")
    }
    return engine, lags, table


@pytest.fixture(scope="module")
def events():
    return log()


def test_the_delay_is_told_and_gone_at_the_next_drop(events):
    engine, (first, second), _ = run(events, 50)
    assert first["pelvis"].offset_s == pytest.approx(DELAY_S, abs=0.008)
    assert abs(second["pelvis"].offset_s) < 0.008
    warnings = engine.summary("live", "x")["warnings"]
    assert any("pelvis: the heel drop showed" in words for words in warnings)


def test_the_cuts_change_no_bit(events):
    _, _, whole = run(events, len(events))
    for size in (1, 7, 500):
        _, _, cut = run(events, size)
        for key in whole:
            assert (cut[key] == whole[key]).all()


def test_a_drop_that_nobody_felt_changes_nothing():
    events = log(jolts=())
    engine, (first, _), marked = run(events, 50)
    assert np.isnan(first["pelvis"].offset_s)
    assert any("not aligned by the heel drop" in words for words in engine.summary("live", "x")["warnings"])
    _, _, table = run([e for e in events if not isinstance(e, Mark)], 50)
    assert np.array_equal(table["pelvis"][:, 0], marked["pelvis"][:, 0])
