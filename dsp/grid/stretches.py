"""Long input in stretches: no result depends on how the input is cut, and what is in hand of a few minutes stays in the
processor's caches. An hour in one piece takes twice as long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from body_signals import Floats, Ints, TimedBlock

STRETCH_S = 240.0
"""The most event time, in seconds, that is worked on at once (ours)."""


def stretches(
    blocks: Sequence[TimedBlock], event_seq: Ints, event_s: Floats
) -> Iterator[tuple[Sequence[TimedBlock], Ints, Floats]]:
    """Blocks and the events that brought them, both in order of sequence, cut at the same events. event_seq (e,), event_s (e,):
    sequence numbers and running session time, non-decreasing, of all events."""
    if not len(event_s) or event_s[-1] - event_s[0] <= STRETCH_S:
        yield blocks, event_seq, event_s
        return
    borders = event_s.searchsorted(np.arange(event_s[0] + STRETCH_S, event_s[-1], STRETCH_S))
    edges = [0, *np.unique(borders[borders > 0]).tolist(), len(event_s)]
    for first, stop in pairwise(edges):
        # the samples of the stretch's own events; before the first and after the last none is left
        low = event_seq[first] if first else -np.inf
        high = event_seq[stop] if stop < len(event_s) else np.inf
        parts = [_part(block, *block.seq.searchsorted((low, high)).tolist()) for block in blocks]
        yield parts, event_seq[first:stop], event_s[first:stop]


def _part(block: TimedBlock, start: int, stop: int) -> TimedBlock:
    """Samples start … stop of a block."""
    at = slice(start, stop)
    return TimedBlock(
        block.sensor,
        block.rate_hz,
        block.seq[at],
        block.time_s[at],
        block.device_time_s[at],
        block.acc[at],
        None if block.gyr is None else block.gyr[at],
        None if block.quat is None else block.quat[at],
        block.lost[at],
        block.saturated[at],
        block.restart[at],
        None if block.other is None else block.other[at],
    )
