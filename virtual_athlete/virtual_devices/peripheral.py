"""A virtual sensor that a host talks to: takes commands, samples by its own clock, and can be made to misbehave.

`VirtualPeripheral` is what all have in common: power, sampling, faults and the ledger of what became of every sample.
Its `Firmware` is what one family does: what it advertises, how it answers, how it packs samples. Neither knows a
transport: the carrier of the bytes calls `poll` with the time and hands over what comes out. Times are seconds of one
clock that the carrier chooses, from 0; samples are those of the worn IMU at that time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from body_signals import Floats
from virtual_athlete.sensors import Samples

_AHEAD_S = 1.0
"""Samples are computed in pieces of this length, seconds (ours)."""


class Worn(Protocol):
    """Anything that says what a sensor would measure; `virtual_athlete.sensors.Imu` does."""

    def samples(self, time_s: Floats) -> Samples:
        """Measured samples at `time_s` (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for the host. characteristic: 128-bit UUID, empty on a serial line. samples: how many are in it."""

    payload: bytes
    characteristic: str = ""
    samples: int = 0


@dataclass(frozen=True, slots=True)
class GattCharacteristic:
    """A characteristic, its service and its properties: read, write, write-without-response, notify, indicate."""

    uuid: str
    service: str
    flags: tuple[str, ...]


class Firmware(Protocol):
    """What one family does on the device. gatt: empty for a serial device."""

    family: str
    name: str
    services: tuple[str, ...]
    company_ids: tuple[int, ...]
    gatt: tuple[GattCharacteristic, ...]
    streaming: bool

    @property
    def rate_hz(self) -> float:
        """Samples per second as set."""
        ...

    @property
    def samples_per_packet(self) -> int:
        """Samples that go out together."""
        ...

    def boot(self, number: int) -> None:
        """Power comes on for the `number`-th time, from 0: everything volatile is as new."""
        ...

    def connected(self) -> list[Outgoing]:
        """A host is there; what the device says first."""
        ...

    def disconnected(self) -> None:
        """The host has gone."""
        ...

    def read(self, characteristic: str) -> bytes:
        """Value of a characteristic."""
        ...

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """The host wrote when the device's clock stood at `clock_s`; the answer."""
        ...

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """Exactly `samples_per_packet` samples taken at `clock_s` (n,) of the device's clock, as packets."""
        ...


@dataclass(slots=True)
class Faults:
    """What goes wrong from now on. Probabilities are per packet. lag_s: delay of all packets."""

    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    lag_s: float = 0.0
    silent: bool = False
    """The link stays up and nothing comes, as when the radio's driver has died."""


@dataclass(slots=True)
class PeripheralLedger:
    """What became of the samples. made: packed; sent: handed to the carrier; dropped: lost by `Faults.loss`, in corrupted
    packets, or in the device when the link went down; duplicated: sent twice."""

    made: int = 0
    sent: int = 0
    dropped: int = 0
    duplicated: int = 0
    packets_sent: int = 0
    packets_dropped: int = 0
    packets_corrupted: int = 0
    boots: int = 0
    links: int = 0


@dataclass(slots=True)
class _Clock:
    """Device clock: offset_s at carrier time `since_s`, running `pace` times as fast."""

    since_s: float = 0.0
    offset_s: float = 0.0
    pace: float = 1.0

    def at(self, time_s: Floats) -> Floats:
        return self.offset_s + (time_s - self.since_s) * self.pace

    def now(self, time_s: float) -> float:
        return self.offset_s + (time_s - self.since_s) * self.pace

    def carrier(self, device_s: float) -> float:
        return self.since_s + (device_s - self.offset_s) / self.pace


@dataclass(slots=True)
class _Sampling:
    """Since the last start: time of the first sample, seconds per sample, samples packed so far."""

    first_s: float
    period_s: float
    packed: int = 0
    ready: list[Samples] = field(default_factory=list)


class VirtualPeripheral:
    """One worn device. clock_ppm: how much faster its clock and its sampling run. seed: of its faults."""

    def __init__(self, key: str, firmware: Firmware, worn: Worn, *, clock_ppm: float = 0.0, seed: int = 0) -> None:
        self.key, self.firmware, self.faults, self.ledger = key, firmware, Faults(), PeripheralLedger()
        self._worn, self._pace = worn, 1.0 + 1e-6 * clock_ppm
        self._rng = np.random.default_rng(seed)
        self._clock = _Clock(pace=self._pace)
        self._sampling: _Sampling | None = None
        self._queue: deque[tuple[float, Outgoing]] = deque()
        self.up = False
        """Whether a host is connected."""
        self._boot(0.0)

    def connect(self, now_s: float) -> None:
        """A host connects; what the device says comes with the next `poll`."""
        self.up = True
        self.ledger.links += 1
        self._send(self.firmware.connected(), now_s)
        self._follow(now_s)

    def disconnect(self, now_s: float) -> None:
        """The link is gone, with all that was not delivered."""
        self.up = False
        for _, out in self._queue:
            self._drop(out)
        self._queue.clear()
        self.firmware.disconnected()
        if not self.firmware.streaming:
            self._sampling = None

    def reboot(self, now_s: float) -> None:
        """Power off and on again. The carrier breaks the link where there is one."""
        for _, out in self._queue:
            self._drop(out)
        self._queue.clear()
        self._boot(now_s)

    def read(self, characteristic: str) -> bytes:
        """Value of a characteristic."""
        return self.firmware.read(characteristic)

    def write(self, payload: bytes, now_s: float, characteristic: str = "") -> None:
        """The host wrote; the answer comes with the next `poll`."""
        self._advance(now_s)
        self._send(self.firmware.written(payload, characteristic, self._clock.now(now_s)), now_s)
        self._follow(now_s)

    def poll(self, now_s: float) -> list[Outgoing]:
        """What reaches the host by `now_s`, in order."""
        self._advance(now_s)
        out: list[Outgoing] = []
        while self._queue and self._queue[0][0] <= now_s and not self.faults.silent:
            out.append(self._queue.popleft()[1])
        for packet in out:
            self.ledger.sent += packet.samples
            self.ledger.packets_sent += 1
        return out

    def undelivered(self, packet: Outgoing) -> None:
        """The carrier could not hand over what `poll` gave, e.g. because nobody had subscribed."""
        self.ledger.sent -= packet.samples
        self.ledger.packets_sent -= 1
        self._drop(packet)

    def stop_sampling(self) -> None:
        """It takes no more samples until it is started again; samples that were taken still come."""
        self.firmware.streaming, self._sampling = False, None

    @property
    def battery_percent(self) -> int:
        """Of every virtual device."""
        return 87

    @property
    def _period(self) -> float:
        return 1.0 / (self.firmware.rate_hz * self._pace)

    def _follow(self, now_s: float) -> None:
        """Begin, end or change sampling as the firmware now has it."""
        sampling = self._sampling
        if self.firmware.streaming and (sampling is None or abs(sampling.period_s - self._period) > 1e-12):
            at_s: float | None = getattr(self.firmware, "begins_at_s", None)
            first_s = now_s + self._period if at_s is None else max(now_s + self._period, self._clock.carrier(at_s))
            self._sampling = _Sampling(first_s, self._period)
        elif not self.firmware.streaming:
            self._sampling = None

    def _boot(self, now_s: float) -> None:
        self.firmware.boot(self.ledger.boots)
        self.ledger.boots += 1
        self._clock = _Clock(now_s, 0.1, self._pace)
        self._sampling = _Sampling(now_s + self._period, self._period) if self.firmware.streaming else None

    def _advance(self, now_s: float) -> None:
        """Take and pack the samples that are due."""
        s = self._sampling
        n = self.firmware.samples_per_packet
        while s is not None and s.first_s + (s.packed + n - 1) * s.period_s <= now_s:
            piece = self._next(s, n)
            self.ledger.made += n
            packets = self.firmware.packed(piece, self._clock.at(piece.time_s))
            self._send(packets, float(piece.time_s[-1]))
            s.packed += n

    def _next(self, s: _Sampling, n: int) -> Samples:
        if not s.ready:
            packets = max(1, int(_AHEAD_S / (n * s.period_s)))
            time_s = s.first_s + np.arange(s.packed, s.packed + packets * n) * np.float64(s.period_s)
            samples = self._worn.samples(time_s)
            s.ready = [
                Samples(time_s[k : k + n], samples.acc[k : k + n], samples.gyr[k : k + n], samples.saturated[k : k + n])
                for k in range(0, packets * n, n)
            ]
        return s.ready.pop(0)

    def _send(self, packets: Sequence[Outgoing], ready_s: float) -> None:
        """Queue packets, with what the faults make of those that carry samples."""
        due_s = max(ready_s + self.faults.lag_s, self._queue[-1][0] if self._queue else 0.0)
        for packet in packets:
            if not packet.samples:
                self._queue.append((due_s, packet))
                continue
            lost, twice, spoilt = self._rng.random(3).tolist()
            if not self.up or lost < self.faults.loss:
                self._drop(packet)
                continue
            if spoilt < self.faults.corrupt:
                self._drop(packet)
                self.ledger.packets_corrupted += 1
                packet = Outgoing(self._spoilt(packet.payload), packet.characteristic)
            self._queue.append((due_s, packet))
            if packet.samples and twice < self.faults.duplicate:
                self.ledger.duplicated += packet.samples
                self._queue.append((due_s, Outgoing(packet.payload, packet.characteristic)))

    def _drop(self, packet: Outgoing) -> None:
        self.ledger.dropped += packet.samples
        self.ledger.packets_dropped += bool(packet.samples)

    def _spoilt(self, payload: bytes) -> bytes:
        """One byte is another one; a zero, which would cut a frame in two, stays what it is and none is made."""
        places = [i for i, byte in enumerate(payload) if byte]
        place = places[int(self._rng.integers(len(places)))]
        return payload[:place] + bytes((1 + payload[place] % 255,)) + payload[place + 1 :]
