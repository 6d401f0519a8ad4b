"""Lines for another program: in order, whole, and no hold-up when nobody reads."""

from __future__ import annotations

import os

from hiphinge.live.line_writer import KEPT, LineWriter


def test_lines_arrive_in_order() -> None:
    read, write = os.pipe()
    writer = LineWriter(write)
    for n in range(20):
        writer.write(f"line {n}")
    writer.close()
    os.close(write)
    with os.fdopen(read) as lines:
        assert lines.read().splitlines() == [f"line {n}" for n in range(20)]
    assert writer.dropped == 0


def test_a_reader_that_does_not_read_costs_the_oldest_lines() -> None:
    read, write = os.pipe()
    writer = LineWriter(write)
    long = "x" * 20_000  # the pipe holds three of them
    for n in range(4 * KEPT):
        writer.write(f"{n} {long}")
    assert writer.dropped >= 2 * KEPT
    os.close(read)
    writer.close()
    os.close(write)


def test_a_reader_that_has_gone_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    writer = LineWriter(write)
    for n in range(3 * KEPT):
        writer.write(str(n))
    writer.close()
    os.close(write)
    assert writer.dropped > 0
