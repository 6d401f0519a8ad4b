"""Clocks of a plain session's files: which one disagrees with the others. Where that is certain, times are corrected from the
start.

All samples are available, so the whole session is examined before anything is computed, and `live` and `review` get the same
times. Files are never changed: only the times in memory are corrected, and the session's findings state by how much. Where the
joints felt nothing, bends still tell that the trunk's two clocks disagree, but not which of them is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from body_signals import BODY_PLACEMENTS, Cause, Floats, Placement
from dsp.plausibility import STEADY_S, WINDOW_S, ClockLag, ClockWatch, far_lags, far_rates, lag_of_bends
from dsp.results import Finding
from hiphinge.session.plain.plausible_input import copies
from ingest.formats import PlainSession
from ingest.session_folder import Input, input_of

LOOKED_AT_S = 10.0
"""Session time, s, of the samples taken at a time (ours): a comparison needs only the samples before it."""
_TRUNK = (Placement.LUMBAR.value, Placement.PELVIS.value)
"""Every bend forward is both of theirs."""
_WORN = frozenset(placement.value for placement in BODY_PLACEMENTS)
_OF_CLOCKS = (Cause.CLOCK_LAG, Cause.CLOCK_RATE)


def with_agreed_clocks(recorded: Input) -> tuple[Input, list[Finding]]:
    """The input with corrected clocks, if it is a plain session, and the findings, also about files that were copied over
    another; for a recording the engine does this."""
    if recorded.plain is None:
        return recorded, []
    plain, found = agreed(recorded.plain)
    found = [*copies(plain.samples), *found]
    if plain is recorded.plain:
        return recorded, found
    return input_of(plain, [said for said in recorded.warnings if said not in plain.warnings]), found


def agreed(plain: PlainSession) -> tuple[PlainSession, list[Finding]]:
    """The session with corrected times for sensors that are certainly late, early, fast or slow, and the findings."""
    rates = far_rates({key: one for key, one in _turning(plain).items() if key in _WORN})
    nearer, far = _corrected(plain, {}, [lag for lag in rates if lag.certain])
    nearer, far = _corrected(nearer, far, far_lags(_turning(nearer)))
    begin_s = min(float(s.time_s[0]) for s in nearer.samples.values())
    watch, doubts = _compared(nearer, begin_s)
    sure = {lag.sensor: lag for lag in watch.whole() if lag.certain and lag.span_s >= STEADY_S}
    if sure:
        corrected = nearer.retimed({key: lag.late_s for key, lag in sure.items()})
        again, doubts_then = _compared(corrected, begin_s)
        if not sure.keys() & {*(lag.sensor for lag in again.whole()), *(doubt.sensor for doubt in doubts_then)}:
            # before the first window that shows it, it may have been right
            words = "from the start, though they could not be checked before {:.0f} s"
            told = []
            for key, lag in sure.items():
                checked_s = lag.since_s + 0.5 * WINDOW_S
                all_of_it = lag.after(far.pop(key)) if key in far else lag
                told.append(all_of_it.finding(begin_s, begin_s, corrected=words.format(checked_s), until_s=checked_s))
            return corrected, [*told, *_of_whole_session(far.values(), begin_s), *doubts_then]
    # turning tells a rate to a tenth of a second in a session, windows to less
    rough = [lag.sensor for lag in rates if lag.certain and lag.sensor not in sure]
    nearer, far = _corrected(nearer, far, [lag for lag in map(watch.left_of, rough) if lag is not None])
    if any(doubt.sensor in rough for doubt in doubts):
        watch, doubts = _compared(nearer, begin_s)
    if not watch.heard(*_TRUNK) and not any(doubt.sensor in _TRUNK for doubt in doubts):
        doubts += _by_bends(nearer, begin_s)
    unsure = {lag.sensor: lag.finding(begin_s, begin_s) for lag in rates if not lag.certain}
    doubts = [doubt for doubt in doubts if doubt.sensor not in unsure or doubt.cause not in _OF_CLOCKS]
    return nearer, [*_of_whole_session(far.values(), begin_s), *unsure.values(), *doubts]


def _turning(plain: PlainSession) -> dict[str, tuple[Floats, Floats]]:
    """Times and rates of all sensors that have a gyroscope."""
    return {key: (one.time_s, one.gyr) for key, one in plain.samples.items() if one.gyr is not None}


def _corrected(
    plain: PlainSession, before: Mapping[str, ClockLag], lags: Sequence[ClockLag]
) -> tuple[PlainSession, dict[str, ClockLag]]:
    """The session corrected by these lags, and with them what was corrected before, as one lag of each sensor."""
    if not lags:
        return plain, dict(before)
    together = {lag.sensor: lag.after(before[lag.sensor]) if lag.sensor in before else lag for lag in lags}
    return plain.retimed({lag.sensor: lag.late_s for lag in lags}), {**before, **together}


def _of_whole_session(far: Iterable[ClockLag], begin_s: float) -> list[Finding]:
    """Findings of clocks that were corrected by when all turn and rest."""
    return [lag.finding(begin_s, begin_s, corrected="from the start", until_s=begin_s) for lag in far]


def _by_bends(plain: PlainSession, begin_s: float) -> list[Finding]:
    """What bends say of the trunk's two clocks; `begin_s` as in `_compared`."""
    trunk = [(one.time_s, one.acc, one.gyr) for key in _TRUNK if (one := plain.samples.get(key)) is not None]
    (lumbar, pelvis), parts = _TRUNK, [(time_s, acc, gyr) for time_s, acc, gyr in trunk if gyr is not None]
    lag = lag_of_bends(lumbar, parts[0], pelvis, parts[1], begin_s) if len(parts) == len(_TRUNK) else None
    return [] if lag is None else [lag.finding(begin_s, lag.since_s)]


def _compared(plain: PlainSession, begin_s: float) -> tuple[ClockWatch, list[Finding]]:
    """What was compared over the whole session, and what is told of those clocks that are not corrected."""
    watch = ClockWatch(tuple(plain.samples), begin_s, kept_s=math.inf)
    doubts: dict[str, Finding] = {}
    over: list[Finding] = []
    """What is over, and gyroscopes that do not turn with the body."""
    reached_s = -math.inf

    def look(now_s: float = math.inf) -> None:
        found = {lag.sensor: lag for lag in watch.look(now_s)}
        over.extend(watch.turning)
        for key in [key for key in doubts if key in watch.sound]:
            over.append(replace(doubts.pop(key), until_s=watch.looked_s))
        for key, lag in found.items():
            doubts[key] = lag.finding(begin_s, doubts[key].since_s if key in doubts else lag.since_s)

    for blocks in plain.batches(LOOKED_AT_S):
        for block in blocks:
            watch.take(block)
            reached_s = max(reached_s, float(block.time_s[-1]))
        while reached_s >= watch.due_s:
            look()
    look(reached_s)
    return watch, [*over, *doubts.values()]
