"""Rows on the wire: bytes as the contract says them, numbers without holes, leaps, and a ring that stays as it is."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest

from body_signals import ANGLE_NAMES
from dashboards.live_page import wire
from dashboards.live_page.board import Board, encoded
from dashboards.live_page.frames import RecentRows, frame
from dashboards.live_page.rows import COLUMNS, RowRing, as_bytes, dashed, table, unframed
from dashboards.live_page.writer import BoardWriter


def ring_of(rows: int, kept: int = 400, columns: int = 3) -> RowRing:
    ring = RowRing(columns, kept)
    for i in range(0, rows, 7):
        n = min(7, rows - i)
        numbers = np.arange(i, i + n)
        ring.append(numbers / 100.0, np.repeat(numbers[:, None], columns, axis=1).astype(np.float32))
    return ring


def test_the_bytes_are_those_of_the_contract() -> None:
    rows = [struct.pack("<2f", 1.5, np.nan), as_bytes(np.array([[-2.0, 3.0]], np.float32))]
    data = frame(7, 12.34, rows, 2)
    assert data[:20] == b"\x48\x48\x01\x01" + struct.pack("<IHHd", 7, 2, 2, 12.34)
    assert struct.unpack("<4f", data[20:])[2:] == (-2.0, 3.0)
    assert np.isnan(struct.unpack("<4f", data[20:])[1])
    number, time_s, got = unframed(data)
    assert (number, time_s, got.shape) == (7, 12.34, (2, 2))


@pytest.mark.parametrize("data", [b"", b"HH\x01\x01", b"XX" + bytes(18), b"HH\x02\x01" + bytes(16), b"HH\x01\x01" + bytes(17)])
def test_what_is_no_frame_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):
        unframed(data)


def test_each_row_comes_once_and_in_order_however_often_it_is_asked() -> None:
    recent, got, at = RecentRows(1), [], 0
    for batch in (1, 2, 9, 40, 1, 3):
        numbers = np.arange(recent.end, recent.end + batch)
        recent.append((numbers / 100.0).tolist(), as_bytes(numbers[:, None].astype(np.float32)))
        for data in recent.frames(at):
            number, _, rows = unframed(data)
            assert number == at
            got += rows[:, 0].tolist()
            at = number + len(rows)
    assert got == list(range(recent.end))


def test_a_leap_of_ticks_begins_a_new_frame() -> None:
    recent = RecentRows(1)
    recent.append([0.0, 0.01, 0.02, 5.0, 5.01], bytes(20))
    assert [(n, t, len(r)) for n, t, r in map(unframed, recent.frames(0))] == [(0, 0.0, 3), (3, 5.0, 2)]
    assert [(n, t, len(r)) for n, t, r in map(unframed, recent.frames(1))] == [(1, 0.01, 2), (3, 5.0, 2)]


def test_the_ring_does_not_grow_and_knows_what_it_keeps() -> None:
    ring = ring_of(5000)
    assert (ring.first, ring.end) == (4600, 5000)
    assert len(ring.between(0.0, 100.0)) == 400
    row = ring.at(47.0)
    assert row is not None
    assert row[0] == 4700.0
    assert ring.at(1.0) is None
    assert ring.at(50.0) is None
    assert ring.at(47.004) is not None
    assert ring.at(47.004)[0] == 4700.0


def test_a_board_gives_a_second_at_most_and_cuts_the_same_rows_once() -> None:
    board, cache = Board(COLUMNS), {}
    writer = BoardWriter(board.take)
    writer.append(np.arange(1000) / 100.0, np.zeros((1000, len(COLUMNS)), np.float32))
    (data,), end = board.frames(0, cache)
    assert (unframed(data)[0], end) == (900, 1000)
    assert board.frames(0, cache)[0][0] is data
    assert board.frames(1000, cache) == ([], 1000)


def test_columns_are_degrees_and_a_dashed_angle_loses_its_uncertainty_too() -> None:
    angles = np.full((len(ANGLE_NAMES), 2), np.radians(30.0))
    rows = table(angles, angles / 10.0, np.array([0, 16], np.int32))
    assert rows.shape == (2, len(COLUMNS))
    assert rows[0, COLUMNS.index("pelvis_tilt")] == pytest.approx(30.0)
    assert rows[1, COLUMNS.index("pelvis_tilt_sd")] == pytest.approx(3.0)
    assert rows[1, COLUMNS.index("quality")] == 16
    assert np.isnan(rows[:, COLUMNS.index("lumbar_share_now")]).all()
    dashed(rows, ["pelvis_tilt"])
    assert np.isnan(rows[:, [COLUMNS.index("pelvis_tilt"), COLUMNS.index("pelvis_tilt_sd")]]).all()
    assert np.isfinite(rows[:, COLUMNS.index("lumbar_flexion")]).all()


def test_what_a_board_keeps_is_bounded() -> None:
    board = Board(COLUMNS)
    writer = BoardWriter(board.take)
    for i in range(3000):
        writer.repetition({"number": i + 1})
        writer.answer(i + 1, {"text": "x" * 100})
        writer.put("marks", {"marks": [{"seq": i}]})
    assert sum(map(sys.getsizeof, board._repetitions)) < 100_000
    assert len(board._answers) == 50


def test_what_has_not_changed_is_not_sent_again() -> None:
    sent: list[wire.Message] = []
    writer = BoardWriter(sent.append)
    for degrees in (1.0, 1.0, float("nan"), float("nan"), 2.0):
        writer.put("under_way", {"percent": degrees})
    writer.body_state = "waiting"
    writer.body_state = "streaming"
    writer.body_state = "streaming"
    assert [m.data for m in sent if isinstance(m, wire.Document)] == [
        encoded({"type": "under_way", "percent": degrees}) for degrees in (1.0, None, 2.0)
    ]
    assert [m.state for m in sent if isinstance(m, wire.BodyState)] == ["streaming"]


@pytest.mark.parametrize("piece", [1, 3, 7, 64, 10_000])
def test_messages_are_cut_out_of_bytes_however_these_come(piece: int) -> None:
    messages: list[wire.Message] = [
        wire.Rows(1.5, [0.5, 0.51], bytes(216)),
        wire.Document("marks", b"{}"),
        wire.Serve("127.0.0.1", None, (), (("t", "operator"),), (), COLUMNS, b"{}"),
        wire.End(),
    ]
    data, stream = b"".join(map(wire.packed, messages)), wire.Stream()
    got = [wire.to_page.decode(found) for at in range(0, len(data), piece) for found in stream.feed(data[at : at + piece])]
    assert got == messages
