"""Clocks of a plain session's files: which one disagrees with the others. Where that is certain, times are corrected from the
start.

All samples are available, so the whole session is examined before anything is computed, and `live` and `review` get the same
times. Files are never changed: only the times in memory are corrected, and the session's findings state by how much.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsp.plausibility import ClockLag, ClockWatch, over_looks
from dsp.results import Finding
from ingest.formats import PlainSession
from ingest.session_folder import Input, input_of


def with_agreed_clocks(recorded: Input) -> tuple[Input, list[Finding]]:
    """The input with corrected clocks, if it is a plain session, and the findings; for a recording the engine does this."""
    if recorded.plain is None:
        return recorded, []
    plain, found = agreed(recorded.plain)
    if plain is recorded.plain:
        return recorded, found
    return input_of(plain, [said for said in recorded.warnings if said not in plain.warnings]), found


def agreed(plain: PlainSession) -> tuple[PlainSession, list[Finding]]:
    """The session with corrected times for sensors that are certainly late, early, fast or slow, and the findings."""
    found = _compared(plain)
    sure = {lag.sensor: lag.late_s for lag in found if lag.certain}
    begin_s = min(float(s.time_s[0]) for s in plain.samples.values())
    if sure:
        corrected = plain.retimed(sure)
        if not any(lag.sensor in sure for lag in _compared(corrected)):
            words = "from the start"
            told = [lag.finding(begin_s, begin_s, corrected=words, until_s=begin_s) for lag in found if lag.certain]
            return corrected, [*told, *_doubtful([lag for lag in found if not lag.certain], begin_s)]
    return plain, _doubtful(found, begin_s)


def _doubtful(lags: Sequence[ClockLag], begin_s: float) -> list[Finding]:
    return [lag.finding(begin_s, begin_s) for lag in lags]


def _compared(plain: PlainSession) -> list[ClockLag]:
    """The sensors whose clock disagrees, over the whole session."""
    watch = ClockWatch(tuple(plain.samples), min(float(s.time_s[0]) for s in plain.samples.values()))
    looks: list[ClockLag] = []
    reached_s = float("-inf")
    for blocks in plain.batches(LOOKED_AT_S):
        for block in blocks:
            watch.take(block)
            reached_s = max(reached_s, float(block.time_s[-1]))
        while reached_s >= watch.due_s:
            looks += watch.look()
    return over_looks([*looks, *watch.look()])


LOOKED_AT_S = 10.0
"""Session time, s, of the samples taken at a time (ours): a comparison needs only the samples before it."""
