"""The radio link between a sensor and the host: packets wait for the next connection event, are repeated, or are lost.

A Bluetooth LE link keeps the order: a delayed packet delays all later ones. Times are session seconds. The same
packets and seed give the same result.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SUPERVISION_S = 0.5
"""Silence after which the host gives up a link that is down (ours)."""
_SPACING_S = 0.0004
"""Seconds between two packets of one connection event (ours)."""
_LATENCY_S = 0.0015
"""Seconds from the air to the host's clock (ours)."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """interval_s: connection interval, 7.5 ms to 4 s. repeat_probability: a packet needs further connection events, on
    average `repeats` of them. loss_probability: a packet never comes."""

    interval_s: float = 0.03
    phase_s: float = 0.0
    repeat_probability: float = 0.03
    repeats: float = 2.0
    loss_probability: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator, loss_probability: float = 0.0) -> LinkSettings:
        """An interval from 7.5 to 50 ms in steps of 1.25 ms, as a host grants it."""
        interval = 1.25e-3 * float(rng.integers(6, 41))
        return cls(interval, float(rng.uniform(0.0, interval)), float(rng.uniform(0.0, 0.06)), 2.0, loss_probability)


@dataclass(frozen=True, slots=True)
class Outage:
    """No radio from start_s to end_s. The device keeps the newest `kept` packets and sends them late, afterwards.

    sensor: whose radio, None for all. disconnects: the host sees the link go down and come back.
    """

    start_s: float
    end_s: float
    sensor: str | None = None
    kept: int = 0
    disconnects: bool = False

    def __post_init__(self) -> None:
        if not self.end_s > self.start_s or self.kept < 0:
            raise ValueError(f"an outage from {self.start_s} to {self.end_s} s keeping {self.kept} packets is not possible")


@dataclass(frozen=True, slots=True)
class Down:
    """The host notices that the link is down."""

    reason: str


@dataclass(frozen=True, slots=True)
class Up:
    """The link is up."""


class Message(NamedTuple):
    """One packet: its bytes and, if it carries samples, the index of the first, and how many."""

    payload: bytes
    first: int = -1
    samples: int = 0


Arrival = tuple[float, Message | Up | Down]


class Radio:
    """One sensor's link. Its output is in order of arrival."""

    def __init__(self, settings: LinkSettings, outages: list[Outage], rng: np.random.Generator) -> None:
        self._settings, self._rng = settings, rng
        self._outages = deque(sorted(outages, key=lambda o: o.start_s))
        self._held: deque[Message] = deque()
        self._last = 0.0
        self.greeting: list[Message] = []
        """The device's first messages whenever the link comes up."""
        self.lost = 0
        """Packets lost by `loss_probability`."""
        self.dropped = 0
        """Packets lost in an outage or a reboot."""
        self.overrun = False
        """The device has dropped packets since this was last set to False."""

    def connect(self, time_s: float) -> list[Arrival]:
        """The link comes up at `time_s` and the device introduces itself."""
        up: list[Arrival] = [(self._in_order(time_s), Up())]
        return up + [(self._in_order(time_s + 0.02), m) for m in self.greeting]

    def send(self, ready_s: float, message: Message) -> list[Arrival]:
        """A packet is ready at `ready_s`; returns what arrives on account of it, late packets of an outage included."""
        out = self._after_outages(ready_s)
        s = self._settings
        lost, repeated = self._rng.random(2).tolist()
        event = self._event(ready_s)
        if repeated < s.repeat_probability:
            event += s.interval_s * float(self._rng.geometric(1.0 / s.repeats))
        if self._outages and self._outages[0].start_s <= ready_s:
            self._hold(message)
        elif lost < s.loss_probability:
            self.lost += 1
        else:
            out.append((self._in_order(event + _LATENCY_S), message))
        return out

    def end(self, time_s: float) -> list[Arrival]:
        """No more packets will be sent; returns what still arrives by `time_s`. What is held then is dropped."""
        out = self._after_outages(time_s)
        if self._outages and self._outages[0].disconnects and self._outages[0].start_s + SUPERVISION_S <= time_s:
            out.append((self._in_order(self._outages[0].start_s + SUPERVISION_S), Down("supervision timeout")))
        self.dropped += len(self._held)
        self._held.clear()
        return out

    def reset(self, time_s: float) -> list[Arrival]:
        """The device is off from `time_s` on and the host notices; returns what still came before."""
        out = self._after_outages(time_s)
        return [*out, (self._in_order(time_s + SUPERVISION_S), Down("the sensor went away"))]

    def _hold(self, message: Message) -> None:
        self._held.append(message)
        if len(self._held) > self._outages[0].kept:
            self._held.popleft()
            self.dropped += 1
            self.overrun = True

    def _after_outages(self, now_s: float) -> list[Arrival]:
        out: list[Arrival] = []
        while self._outages and self._outages[0].end_s <= now_s:
            outage = self._outages.popleft()
            if outage.disconnects:
                noticed = min(outage.start_s + SUPERVISION_S, outage.end_s)
                out.append((self._in_order(noticed), Down("supervision timeout")))
                out += self.connect(outage.end_s)
            back = self._event(outage.end_s) + _LATENCY_S
            out += [(self._in_order(back), m) for m in self._held]
            self._held.clear()
        return out

    def _event(self, time_s: float) -> float:
        """The first connection event from `time_s` on."""
        s = self._settings
        return float(s.phase_s + math.ceil((time_s - s.phase_s) / s.interval_s) * s.interval_s)

    def _in_order(self, time_s: float) -> float:
        self._last = max(time_s, self._last + _SPACING_S)
        return self._last
