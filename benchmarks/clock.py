"""How well two sensors' clocks agree: the hull of `ingest.time.clock` beside least squares and raw arrival times, in one run.

Pairs of virtual sensors on simulated Bluetooth links. Connection intervals are what hosts grant: 7.5 ms when the
peripheral asks for it, 30 to 50 ms as a Linux default, steps of 48 ms measured on a 20 ms stream
(github.com/lancaster-university/microbit-dal issue 300), 200 ms where it is not asked. Packets are repeated now and then,
and once a minute the air is silent for 0.3 s and everything comes after it. Crystals differ by tens of ppm; the sample
clock of a MEMS sensor is off by some tenths of a percent. Where it is locked to the crystal, packets and connection
events beat slowly, and the least delay itself is unknown by up to the beat's step: those rows come second.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from body_signals.blocks import Bools, Floats, Ints
from ingest.links.link import PROBE_AGAIN_S, PROBE_EVERY_S, PROBE_SPREAD
from ingest.time.clock import COUNTER_SKEW_LIMIT, SKEW_LIMIT, ClockMap
from ingest.time.sample_count import SampleCount
from virtual_athlete.radio import LinkSettings, Message, Outage, Radio

RATE_HZ, PER_PACKET = 100.0, 4
SETTLED_S = 20.0
"""Agreement is looked at after this time."""
WINDOW_S = 60.0
UPLINK_S = 0.0015
"""From the host's clock to the air."""
LINKS = {
    "7.5 ms": LinkSettings(0.0075, repeat_probability=0.03),
    "30 ms": LinkSettings(0.03, repeat_probability=0.05),
    "48.75 ms": LinkSettings(0.04875, repeat_probability=0.05),
    "200 ms": LinkSettings(0.2, repeat_probability=0.03),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """Samples of one sensor: true time (n,), its own clock (n,), packet (n,), and arrival of the packets (p,), s."""

    true_s: Floats
    device_s: Floats
    packet: Ints
    arrival_s: Floats
    probes: list[tuple[int, float, float]]
    """Answered questions for the device's clock: packets that had come before the answer, device and host time."""

    @property
    def none(self) -> tuple[Ints, Bools]:
        """No losses, no restarts."""
        return np.zeros(len(self.true_s), np.int64), np.zeros(len(self.true_s), np.bool_)


def stream(link: LinkSettings, seconds: float, rate_spread: float, rng: np.random.Generator) -> Stream:
    """A sensor of its own crystal on `link`, its sample rate off by `rate_spread` (standard deviation, relative)."""
    rate = RATE_HZ * (1.0 + rate_spread * rng.standard_normal())
    n = int(seconds * RATE_HZ / PER_PACKET) * PER_PACKET
    true_s = rng.uniform(0.1, 0.2) + np.arange(n) / rate
    device_s = np.floor((rng.uniform(5.0, 4000.0) + true_s * (1.0 + 3e-5 * rng.standard_normal())) * 1e6) * 1e-6
    silences = [Outage(t, t + 0.3, kept=1000) for t in np.arange(rng.uniform(20.0, 60.0), seconds, 60.0)]
    phased = LinkSettings(link.interval_s, rng.uniform(0.0, link.interval_s), link.repeat_probability, link.repeats)
    radio = Radio(phased, silences, rng)
    arrivals: list[float] = []
    for last in true_s[PER_PACKET - 1 :: PER_PACKET].tolist():
        arrivals += [t for t, item in radio.send(last + 0.001, Message(b"")) if isinstance(item, Message)]
    arrivals += [t for t, item in radio.end(seconds + 1.0) if isinstance(item, Message)]
    whole = len(arrivals) * PER_PACKET
    received_s, sent_s = asked(phased, seconds, rng)
    probes = [
        (int(np.searchsorted(arrivals, got + link.interval_s)), float(np.interp(got, true_s, device_s)), sent)
        for got, sent in zip(received_s.tolist(), sent_s.tolist(), strict=True)
        if true_s[0] < got < true_s[-1]
    ]
    return Stream(true_s[:whole], device_s[:whole], np.arange(whole) // PER_PACKET, np.array(arrivals), probes)


def asked(link: LinkSettings, seconds: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """When a device got the questions that its clock was asked, each at a connection event, and when they were sent."""
    steps = PROBE_EVERY_S * rng.uniform(1.0 - PROBE_SPREAD, 1.0 + PROBE_SPREAD, (int(2.0 * seconds), 1))
    again = rng.uniform(*PROBE_AGAIN_S, steps.shape)
    sent_s = np.cumsum(np.concatenate((steps, again), axis=1))
    sent_s = sent_s[sent_s < seconds]
    event = np.ceil((sent_s + UPLINK_S - link.phase_s) / link.interval_s)
    repeats = np.where(rng.random(len(sent_s)) < link.repeat_probability, rng.geometric(1.0 / link.repeats, len(sent_s)), 0)
    return link.phase_s + link.interval_s * (event + repeats), sent_s


def hull(s: Stream) -> Floats:
    """Session time by the device's clock and the lower hull: what hiphinge does."""
    return ClockMap(SKEW_LIMIT).feed(s.device_s, s.packet, s.arrival_s, s.none[1])


def two_way(s: Stream) -> Floats:
    """The same where the device answers questions for its clock, as protocol v1 does."""
    clock = ClockMap(SKEW_LIMIT)
    for before, device_s, sent_s in s.probes:
        clock.probe(2 * before, device_s, sent_s)
    return clock.feed(s.device_s, s.packet, s.arrival_s, s.none[1], 2 * s.packet + 1)


def counted(s: Stream) -> Floats:
    """The same for a device without a clock, whose samples are counted."""
    device_s, _, restart = SampleCount(RATE_HZ, exact=False).feed(s.packet, s.arrival_s, *s.none)
    return ClockMap(COUNTER_SKEW_LIMIT).feed(device_s, s.packet, s.arrival_s, restart)


def least_squares(s: Stream) -> Floats:
    """Every two seconds a straight line through (device time, arrival) of the last minute, as many loggers do."""
    ends = s.device_s[PER_PACKET - 1 :: PER_PACKET]
    host = np.empty(len(s.device_s))
    for begin in np.arange(s.device_s[0], s.device_s[-1] + 2.0, 2.0):
        part = (s.device_s >= begin) & (s.device_s < begin + 2.0)
        known = (ends < max(begin, s.device_s[0] + 2.0)) & (ends > begin - WINDOW_S)
        slope, offset = np.polyfit(ends[known] - begin, s.arrival_s[: len(ends)][known], 1)
        host[part] = offset + slope * (s.device_s[part] - begin)
    return host


def raw_arrival(s: Stream) -> Floats:
    """A sample's time is when its packet came, spread backwards by the nominal rate."""
    return np.asarray(s.arrival_s[s.packet] - (PER_PACKET - 1 - np.arange(len(s.packet)) % PER_PACKET) / RATE_HZ)


WAYS: dict[str, Callable[[Stream], Floats]] = {
    "lower hull (ours)": hull,
    "and asked (ours)": two_way,
    "counted (ours, no clock)": counted,
    "least squares": least_squares,
    "raw arrival": raw_arrival,
}


SAMPLE_CLOCKS = {"free-running sample clock": 3e-3, "sample clock locked to the crystal": 2e-5}


def main(pairs: int = 12, seconds: float = 300.0, seed: int = 1) -> None:
    """Print the table: how far apart two sensors put the same instant, ms."""
    print(
        f"Two sensors on different links, {pairs} pairs of {seconds:g} s each; simulated radio. Disagreement in ms, p50 / p95"
    )
    names = list(LINKS)
    for title, spread in SAMPLE_CLOCKS.items():
        print(f"{title:36s}" + "".join(f"{way:>26s}" for way in WAYS))
        for i, a in enumerate(names):
            for b in names[i:]:
                seeds = [[seed, i, names.index(b), pair] for pair in range(pairs)]
                cells = disagreement((LINKS[a], LINKS[b]), seconds, spread, seeds).values()
                print(f"  {f'{a} and {b}':34s}" + "".join(f"{f'{p50:.1f} / {p95:.1f}':>26s}" for p50, p95 in cells), flush=True)


def disagreement(
    links: tuple[LinkSettings, LinkSettings], seconds: float, rate_spread: float, seeds: list[list[int]]
) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile, ms, of how far apart two sensors put the same instant, by each way; a pair per seed."""
    apart: dict[str, list[Floats]] = {way: [] for way in WAYS}
    for one in seeds:
        rng = np.random.default_rng(one)
        two = [stream(link, seconds, rate_spread, rng) for link in links]
        at = np.arange(SETTLED_S, min(s.true_s[-1] for s in two), 0.05)
        for way, function in WAYS.items():
            error = [np.interp(at, s.true_s, function(s) - s.true_s) for s in two]
            apart[way].append(np.abs(error[0] - error[1]))
    return {way: tuple(1000.0 * np.percentile(np.concatenate(x), (50, 95))) for way, x in apart.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=300.0)
    given = parser.parse_args()
    main(given.pairs, given.seconds)
