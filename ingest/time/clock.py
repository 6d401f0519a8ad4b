"""Device clock → host time: one map per device, slewed and never stepped.

A packet arrives some time after its last sample was taken; the delay is never negative and often near its minimum. The
line under the points (device time, arrival) is therefore the clock: the lower convex hull over a sliding window. Points
are thinned to the earliest one in each `BUCKET_S` of device time, and the map changes only at bucket borders, so it does
not depend on how packets are cut into chunks. A restarted device begins a new map, and so does a clock that has leapt against
the host's: no sample was taken after it came, so one that the map puts later than its own arrival shows a host that slept, or
a device's clock that ran ahead. A clock that stood still shows in samples that all come late by the same time.

If the device answers clock queries, the other side is bounded too: a query cannot have been received before it was sent.
Queries come at random times, so that the shortest of many delays is short, even where the sensor's packets and the
radio's connection events keep the same distance for minutes and every packet waits equally long. If a host or device delayed
every query, the clock would be off by this delay.

Lower convex hull for clock skew under one-sided delay: Zhang, Liu, Xia, Clock synchronization algorithms for network
measurements, INFOCOM 2002, doi 10.1109/INFCOM.2002.1019257.
"""

from __future__ import annotations

import itertools
import math
from collections import deque

import numpy as np

from body_signals import Bools, Floats, Ints

WINDOW_S, WINDOW_SLACK_S = 60.0, 30.0
"""Points older than `WINDOW_S`, s, are dropped once `WINDOW_SLACK_S` of them have accumulated; the hull is then rebuilt
(ours)."""
BUCKET_S = 2.0
"""Stretch of device time, s, whose earliest packet is a point of the hull (ours)."""
SKEW_LIMIT = 200e-6
"""Largest relative difference of a crystal's rate from the host's (ours)."""
COUNTER_SKEW_LIMIT = 0.02
"""The same for a device without a clock, whose samples are counted (ours)."""
SLEW = 1e-3
"""Largest rate, s/s, at which the map moves towards the estimate (ours)."""
EARLY_S, EARLY_SLEW = 15.0, 0.02
"""In the first `EARLY_S` seconds the delay of the packets is still being estimated, so the map may move faster (ours)."""
FAR_S = 0.03
"""The map may move at `EARLY_SLEW` while it is further off than this, s: a session may begin with a backlog of a second
(ours)."""
AHEAD_S, EARLY_AHEAD_S = 0.5, 2.0
"""A sample that is mapped later than it came, by this, s, shows a clock that has leapt; the second while the packets' delay is
still being estimated, in which a backlog looks the same (ours)."""
BEHIND_S, BEHIND_BUCKETS, BEHIND_WITHIN_S = 2.0, 3, 0.25
"""A clock has stood still where the earliest packets of three buckets all come later by the first, s, than the map says, and
by the same time within the last: what a radio holds back becomes less meanwhile (ours)."""
PROBES_NEEDED = 8
"""Fewest answers for the bound from queries to count (ours)."""


class ClockMap:
    """Maps one device's clock to host time. Feed packets in order; the returned times increase strictly within a map.

    skew_limit: bound of |rate - 1|.
    """

    def __init__(self, skew_limit: float = SKEW_LIMIT) -> None:
        self._limit = skew_limit
        self._points: deque[tuple[float, float]] = deque()
        self._hull: list[tuple[float, float]] = []
        self._bucket: int | None = None
        self._best: tuple[float, float] | None = None
        self._origin = 0.0
        self._anchor = (0.0, 0.0)
        """Device time and host time at which the current piece of the map begins."""
        self._rate = self._base = 1.0
        """Of the present piece, and without its movement towards the estimate."""
        self._last_host = -np.inf
        self._correction = 0.0
        self._hurried = False
        self._floor: float | None = None
        """Last host time of the previous map; a new map must not go back before it."""
        self._since = 0
        self._coming: deque[tuple[int, float, float]] = deque()
        """Probes that the map has not reached: number of their event, device time, host time."""
        self._probes: deque[tuple[float, float]] = deque()
        self._behind: deque[float] = deque(maxlen=BEHIND_BUCKETS)
        """How late the earliest packet of each of the last buckets came, s."""
        self._known_ahead = 0.0
        """How far ahead of its arrivals the map was in the last bucket, s: it slews there, and has not leapt."""
        self.leaps: list[tuple[int, float]] = []
        """Of the last call of `feed`: sample at which a new map began because the clock had leapt against the host's, and by
        what time, s (positive: the device's clock is ahead)."""

    def probe(self, seq: int, device_s: float, sent_s: float) -> None:
        """The device's clock showed device_s when it received the query that the host had sent at sent_s, according to event
        `seq`.

        It counts from the first samples of a later event on; see `feed`.
        """
        self._coming.append((seq, device_s, sent_s))

    def feed(self, device_s: Floats, packet: Ints, arrival_s: Floats, restart: Bools, seq: Ints | None = None) -> Floats:
        """Host time (n,) of samples taken at device_s (n,), received in packets `packet` (n,) that arrived at
        arrival_s (p,); restart (n,): the device's clock restarted before this sample. seq (n,): number of the event that
        brought each sample, where the clock is probed."""
        host = np.empty(len(device_s))
        self.leaps = []
        if not len(device_s):
            return host
        # what a packet of a running session brings is one turn
        alone = packet.item(0) == packet.item(-1) and math.isfinite(device_s.item(-1)) and not _parted(device_s, restart).any()
        starts, device, arrival, turns = (_one_turn if alone else _turns)(device_s, packet, arrival_s, restart)
        pieces: list[tuple[float, float, float]] = []
        borders: list[int] = []
        """Samples at which the pieces begin that are not mapped yet."""
        for begin, number, new, since, (first, stop), least, earliest in turns:
            if seq is not None and (new or number != self._bucket):
                self._admit(int(seq[begin]), new)
            back = self._bucket is not None and not new and number < self._bucket - 1
            if new or back or self._bucket is None or (number != self._bucket and self._stood_still()):
                if not new and self._bucket is not None:
                    self._leap(begin, float(device[first]), float(arrival[first]))
                self._map(host, device_s, np.array([*borders, begin]), pieces)
                pieces, borders = [], []
                self._begin(float(device[first]), float(arrival[first]), number)
            elif number != self._bucket:
                self._turn(since, number)
            at = self._ahead(device, arrival, first, stop, least)
            while at is not None:
                # what came before belongs to the old map
                if at > first:
                    pieces.append((*self._anchor, self._rate))
                    borders.append(begin)
                begin, first = int(starts[at]), at
                self._leap(begin, float(device[at]), float(arrival[at]))
                self._map(host, device_s, np.array([*borders, begin]), pieces)
                pieces, borders = [], []
                self._begin(float(device[at]), float(arrival[at]), number)
                least = float((arrival[at:stop] - device[at:stop]).min())
                best_at = at + int((arrival[at:stop] - device[at:stop]).argmin())
                earliest = (float(device[best_at]), float(arrival[best_at]))
                at = self._ahead(device, arrival, first, stop, least)
            assert self._best is not None
            if least < self._best[1] - self._best[0]:
                self._best = earliest
            pieces.append((*self._anchor, self._rate))
            borders.append(begin)
        self._map(host, device_s, np.array([*borders, len(device_s)]), pieces)
        return host

    def correct(self, offset_s: float) -> None:
        """Reduce the map by `offset_s`, a delay that arrival times cannot show. The map moves there fast, but not at once."""
        self._correction -= offset_s
        self._hurried = True

    def _ahead(self, device: Floats, arrival: Floats, first: int, stop: int, least: float) -> int | None:
        """The first of the packets first to stop that the map puts later than it came; None where there is none. least: the
        shortest of their delays, s."""
        since, shown = self._anchor
        forward = max(self._correction, 0.0)
        # within a bucket the map's rate changes a delay by less than a tenth of the smaller margin
        if least > shown - since - 0.9 * AHEAD_S - forward:
            return None
        device, arrival = device[first:stop], arrival[first:stop]
        margin = np.where(device - self._origin < EARLY_S, EARLY_AHEAD_S, AHEAD_S) + forward + self._known_ahead
        late = shown + self._rate * (device - since) - arrival > margin
        at = int(late.argmax())
        return first + at if late[at] else None

    def _stood_still(self) -> bool:
        """Whether the packets of the last buckets, and of the one that ends, all came late by the same time."""
        assert self._best is not None
        device, arrival = self._best
        late = arrival - (self._anchor[1] + self._rate * (device - self._anchor[0]))
        self._known_ahead = max(0.0, -late - max(self._correction, 0.0))
        self._behind.append(late + self._correction)
        if not late + self._correction > BEHIND_S:
            # the usual case
            return False
        enough = len(self._behind) == BEHIND_BUCKETS and math.isfinite(late)
        return enough and min(self._behind) > BEHIND_S and max(self._behind) - min(self._behind) < BEHIND_WITHIN_S

    def _leap(self, sample: int, device: float, arrival: float) -> None:
        """Note that the clock has leapt before this sample."""
        host = self._anchor[1] + device - self._anchor[0]
        self.leaps.append((sample, host - self._correction - arrival))

    def _admit(self, seq: int, fresh: bool) -> None:
        """Take the probes before event `seq`; fresh: the clock restarted after them."""
        while self._coming and self._coming[0][0] < seq:
            _, device, host = self._coming.popleft()
            self._probes.append((device, host))
        if fresh:
            self._probes.clear()
        while self._probes and self._probes[-1][0] - self._probes[0][0] > WINDOW_S:
            self._probes.popleft()

    def _begin(self, device: float, arrival: float, bucket: int) -> None:
        if self._bucket is not None:
            self._floor, self._since = self._last_host, 0
        self._behind.clear()
        self._known_ahead = 0.0
        self._points.clear()
        self._hull.clear()
        self._bucket, self._best = bucket, (device, arrival)
        self._origin, self._anchor = device, (device, arrival + self._correction)
        self._rate = self._base = 1.0

    def _map(self, host: Floats, device_s: Floats, borders: Ints, pieces: list[tuple[float, float, float]]) -> None:
        """Map the samples between neighbouring borders (p + 1,) each by its piece: device time, host time, rate."""
        if not pieces:
            return
        part = slice(int(borders[0]), int(borders[-1]))
        if len(pieces) == 1:
            anchor, shown, rate = pieces[0]
            host[part] = shown + rate * (device_s[part] - anchor)
        else:
            anchors, each_shown, rates = np.array(pieces).T.repeat(borders[1:] - borders[:-1], axis=1)
            host[part] = each_shown + rates * (device_s[part] - anchors)
        if self._floor is not None:
            steps = self._since + 1 + np.arange(part.stop - part.start)
            host[part] = np.maximum(host[part], self._floor + 1e-6 * steps)
            self._since += part.stop - part.start
        self._last_host = float(host[part.stop - 1])

    def _turn(self, device: float, bucket: int) -> None:
        """A bucket is complete: renew the hull and aim the next piece at the estimate."""
        assert self._best is not None
        self._points.append(self._best)
        if self._points[-1][0] - self._points[0][0] > WINDOW_S + WINDOW_SLACK_S:
            while self._points[-1][0] - self._points[0][0] > WINDOW_S:
                self._points.popleft()
            self._hull = []
            for point in self._points:
                _extend(self._hull, point)
        else:
            _extend(self._hull, self._best)
        self._bucket, self._best = bucket, (device, np.inf)
        offset, rate = self._estimate(device)
        offset += self._correction
        passed = device - self._anchor[0]
        # the map moves towards an estimate for a bucket, and not through a gap
        host = self._anchor[1] + self._rate * passed if passed <= 2.0 * BUCKET_S else self._anchor[1] + self._steady(passed)
        far = abs(offset - host) > FAR_S
        slew = EARLY_SLEW if device - self._origin < EARLY_S or self._hurried or far else SLEW
        self._hurried &= abs(offset - host) > EARLY_SLEW * BUCKET_S
        self._anchor = (device, host)
        # reach the estimate at the end of the next bucket, as far as the slew allows
        self._base = rate
        self._rate = rate + min(max((offset - host) / BUCKET_S, -slew), slew)

    def _steady(self, passed: float) -> float:
        """Host time of a stretch of device time that begins with the present piece."""
        return self._base * passed + (self._rate - self._base) * BUCKET_S

    def _estimate(self, device: float) -> tuple[float, float]:
        """Host time at `device` and rate, from the hull's edge under the middle of the window."""
        points, hull = self._points, self._hull
        if len(points) < 3:
            best = min(points, key=lambda p: p[1] - p[0])
            return self._bounded(best[1] - best[0], 1.0) + device, 1.0
        middle = 0.5 * (points[0][0] + points[-1][0])
        left, right = hull[0], hull[-1]
        for a, b in itertools.pairwise(hull):
            if a[0] <= middle <= b[0]:
                left, right = a, b
                break
        span = right[0] - left[0]
        slope = (right[1] - left[1]) / span if span > 0.0 else 1.0
        # a short window determines the offset but not the rate
        limit = self._limit * min(1.0, (points[-1][0] - points[0][0]) / (0.5 * WINDOW_S))
        slope = min(max(slope, 1.0 - limit), 1.0 + limit)
        support = min([arrival - slope * at for at, arrival in hull])
        return self._bounded(support, slope) + slope * device, slope

    def _bounded(self, support: float, slope: float) -> float:
        """Host time at device time 0 on a line of this slope: `support` from arrivals, or less if probes require it.

        Of n delays that are uniform from 0 on, the shortest is about as long as the steps between the short ones. So the bound
        from queries is extrapolated from the shortest quarter of the delays.
        """
        if len(self._probes) < PROBES_NEEDED:
            return support
        sent = sorted((host - slope * device for device, host in self._probes), reverse=True)
        quarter = sent[: max(2, len(sent) // 4)]
        return min(support, quarter[0] + (quarter[0] - quarter[-1]) / (len(quarter) - 1))


_Turn = tuple[int, int, bool, float, tuple[int, int], float, tuple[float, float]]
"""Samples of one bucket: the first of them, the bucket, whether the clock restarted there, its device time; the first of their
packets and the first one after them; their shortest delay, and device time and arrival of the first packet that has it."""


def _parted(device_s: Floats, restart: Bools) -> Bools:
    """Before which samples (n - 1,), from the second on, the clock began anew or was set back."""
    return restart[1:] | (device_s[1:] < device_s[:-1] - BUCKET_S)


def _one_turn(device_s: Floats, packet: Ints, arrival_s: Floats, restart: Bools) -> tuple[Ints, Floats, Floats, list[_Turn]]:
    """`_turns` of the samples of one packet, with no restart between them."""
    at = packet.item(-1)
    device, arrival = device_s.item(-1), arrival_s.item(at)
    bucket = math.floor(device / BUCKET_S)
    turn = 0, bucket, bool(restart.item(0)), device_s.item(0), (0, 1), arrival - device, (device, arrival)
    return np.zeros(1, np.int64), device_s[-1:], arrival_s[at : at + 1], [turn]


def _turns(device_s: Floats, packet: Ints, arrival_s: Floats, restart: Bools) -> tuple[Ints, Floats, Floats, list[_Turn]]:
    """First sample, device time and arrival of each packet (p,), parted where the clock began anew; what each bucket brings."""
    # last sample of each packet, and of a run that a restart ends; a packet's delay is that of its last sample
    ends = np.append(((packet[1:] != packet[:-1]) | _parted(device_s, restart)).nonzero()[0], len(packet) - 1)
    starts = np.concatenate(([0], ends[:-1] + 1))
    device, arrival = device_s[ends], arrival_s[packet[ends]]
    delay = arrival - device
    bucket = np.floor(device / BUCKET_S).astype(np.int64)
    fresh = np.logical_or.reduceat(restart, starts)
    groups = np.flatnonzero(np.concatenate(([True], (bucket[1:] != bucket[:-1]) | fresh[1:])))
    begins, counts = starts[groups], np.diff(groups, append=len(ends))
    shortest = np.minimum.reduceat(delay, groups)
    at_shortest = np.flatnonzero(delay == np.repeat(shortest, counts))
    best = at_shortest[at_shortest.searchsorted(groups)]
    turns = zip(
        begins.tolist(),
        bucket[groups].tolist(),
        fresh[groups].tolist(),
        device_s[begins].tolist(),
        zip(groups.tolist(), (groups + counts).tolist(), strict=True),
        shortest.tolist(),
        zip(device[best].tolist(), arrival[best].tolist(), strict=True),
        strict=True,
    )
    return starts, device, arrival, list(turns)


def _extend(hull: list[tuple[float, float]], point: tuple[float, float]) -> None:
    """Add the next point to a lower convex hull."""
    at, arrival = point
    while len(hull) > 1:
        (before, early), (last, late) = hull[-2], hull[-1]
        # only a last point on or above the line from the one before it to the new one goes
        if not (late - early) * (at - before) >= (arrival - early) * (last - before):
            break
        hull.pop()
    hull.append(point)
