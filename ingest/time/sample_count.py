"""Time for sensors that send none: samples are counted, and losses are estimated from arrival times.

When samples are lost, the count falls behind: from then on every packet seems to arrive late. The smallest
delay of each half second of samples is therefore watched. If two or more in a row, each spread over time (so not a
backlog that arrives at once), lag behind the expectation from earlier half seconds, the difference was lost, and the count
advances by it. A loss is thus detected about a second late and is an estimate. A silence of two seconds starts a new count,
and so does a rate that turns out to be another one (`steady_rate`).

State changes only at borders of half seconds of samples, so the result does not depend on how packets are cut.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from body_signals import Bools, Floats, Ints
from ingest.time.clock import COUNTER_SKEW_LIMIT
from ingest.time.steady_rate import SteadyRate

BUCKET_S = 0.5
"""Length, s, of the pieces ("half seconds") in which arrivals are compared with the count (ours)."""
REMEMBERED = 120
"""Half seconds from which the expectation is computed (ours)."""
KNOWN = 16
"""Half seconds after which they determine the count's rate; before, any rate within the limit is possible (ours)."""
RECENT = 4
"""Half seconds with whose smallest delay a later one is compared (ours)."""
BEHIND_SAMPLES, JITTER_FACTOR = 1.5, 3.0
"""Least lag of a half second that counts as behind: in samples, and as a multiple of the usual scatter (ours)."""
BEHIND_BUCKETS, BEHIND_BURSTS = 2, 12
"""Consecutive half seconds that must be behind, and the connection events over which they must be spread (ours). Connection
events have independent delays, so among many of them one would be in time."""
BURST_S = 0.004
"""Arrivals closer than this, s, belong to one connection event (ours)."""
SPREAD_SHARE = 0.5
"""Least part of a half second over which its arrivals are spread; otherwise it is a backlog (ours)."""
SILENCE_S = 2.0
"""After this silence, s, the link has been reopened (as `SILENT_S` in `ingest.links.link`; ours); unsent samples of the device
are lost."""


class SampleCount:
    """Counts one sensor's samples.

    rate_hz: nominal rate. exact: the device numbers its samples, so that `lost` is complete.
    """

    def __init__(self, rate_hz: float, exact: bool) -> None:
        self._rate, self._exact = rate_hz, exact
        self._per_bucket = max(1, round(BUCKET_S * rate_hz))
        self._steady = SteadyRate(rate_hz)
        self._index = -1
        """Number of the last sample."""
        self._past: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        """Counted time at the end of each half second, and its smallest delay."""
        self._behind: list[tuple[float, int]] = []
        """Lag of the half seconds just before, and the number of bursts in which they came."""
        self._in_bucket = self._bursts = 0
        self._smallest = np.inf
        self._first_arrival = self._last_arrival = -np.inf

    def feed(self, packet: Ints, arrival_s: Floats, lost: Ints, restart: Bools) -> tuple[Floats, Ints, Bools]:
        """Counted time (n,) s, samples lost before each (n,), and where a count restarts (n,).

        packet (n,): packet of each sample; arrival_s (p,): of the packets; lost, restart (n,): from the codec.
        """
        if self._exact:
            index = self._index + np.cumsum(lost + 1)
            self._index = int(index[-1]) if len(index) else self._index
            return index / self._rate, lost, restart
        n, arrival = len(packet), arrival_s[packet]
        counted, lost, restart = np.empty(n), lost.copy(), restart.copy()
        before = np.concatenate(([self._last_arrival], arrival[:-1]))
        pauses = np.flatnonzero((arrival - before > SILENCE_S) & np.isfinite(before)).tolist()
        i = 0
        while i < n:
            if pauses and pauses[0] == i:
                pauses.pop(0)
                together = int(np.searchsorted(packet, packet[i], side="right")) - i
                missed = round((arrival[i] - before[i]) * self._rate) - together
                lost[i] += max(missed, 0)
                restart[i] = True
                self._past.clear()
                self._begin_bucket()
                self._steady.restart()
            elif self._steady.border(arrival, i) == i:
                if self._steady.turn(float(arrival[i])):
                    self._rate, restart[i] = self._steady.rate_hz, True
                    self._per_bucket = max(1, round(BUCKET_S * self._rate))
                    self._past.clear()
                    self._behind.clear()
                    self._begin_bucket()
                elif self._in_bucket >= self._per_bucket:
                    self._catch_up(i, lost, restart)
            elif self._in_bucket >= self._per_bucket:
                self._catch_up(i, lost, restart)
            stop = min(n, i + self._per_bucket - self._in_bucket, pauses[0] if pauses else n, self._steady.border(arrival, i))
            index = self._index + np.cumsum(lost[i:stop] + 1)
            counted[i:stop] = index / self._rate
            self._take(counted[i:stop], arrival[i:stop])
            self._steady.take(arrival[i:stop])
            self._index = int(index[-1])
            i = stop
        if n:
            self._last_arrival = float(arrival[-1])
        return counted, lost, restart

    def _begin_bucket(self) -> None:
        self._in_bucket, self._bursts, self._smallest, self._first_arrival = 0, 0, np.inf, -np.inf

    def _take(self, counted: Floats, arrival: Floats) -> None:
        if not self._in_bucket:
            self._first_arrival = float(arrival[0])
        self._in_bucket += len(counted)
        self._bursts += int(np.count_nonzero(np.diff(arrival, prepend=self._last_arrival) > BURST_S))
        self._smallest = min(self._smallest, float((arrival - counted).min()))
        self._last_arrival = float(arrival[-1])

    def _catch_up(self, i: int, lost: Ints, restart: Bools) -> None:
        """A half second is complete: compare it with the previous ones, and advance the count before sample i."""
        now, delay = self._index / self._rate, self._smallest
        spread, bursts = self._last_arrival - self._first_arrival, self._bursts
        self._begin_bucket()
        if self._past:
            expected, tolerance = self._expectation(now)
            behind = delay - expected
            if behind > tolerance:
                if spread < SPREAD_SHARE * BUCKET_S:
                    return
                self._behind.append((behind, bursts))
                if len(self._behind) < BEHIND_BUCKETS or sum(n for _, n in self._behind) < BEHIND_BURSTS:
                    return
                missed = round(min(least for least, _ in self._behind) * self._rate)
                lost[i] += missed
                # where this half second would have been if the lost samples had been counted
                delay -= missed / self._rate
            elif behind < -max(tolerance, BUCKET_S):
                # the count had run ahead of time itself
                restart[i] = True
                self._past.clear()
        self._behind.clear()
        self._past.append((now, delay))

    def _expectation(self, now: float) -> tuple[float, float]:
        """Smallest delay that a half second ending at counted time `now` should have, and the excess that is still usual."""
        time_s, delay = np.array(self._past).T
        if len(delay) < KNOWN:
            since = now - float(time_s[-RECENT:][0])
            return float(delay[-RECENT:].min()), BEHIND_SAMPLES / self._rate + COUNTER_SKEW_LIMIT * since
        quarter = len(delay) // 4
        early, late = int(np.argmin(delay[:quarter])), len(delay) - quarter + int(np.argmin(delay[-quarter:]))
        slope = float((delay[late] - delay[early]) / (time_s[late] - time_s[early]))
        slope = min(max(slope, -COUNTER_SKEW_LIMIT), COUNTER_SKEW_LIMIT)
        level = delay - slope * (time_s - now)
        recent = level[-RECENT:].min()
        scatter = float(np.quantile(np.abs(np.diff(level)), 0.9))
        return float(recent), max(BEHIND_SAMPLES / self._rate, JITTER_FACTOR * scatter)
