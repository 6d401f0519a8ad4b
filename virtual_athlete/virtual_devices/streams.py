"""Virtual sensors that speak protocol v1, and the kit of them that a host would see as a stream of events.

A sensor samples by its own clock (offset, skew, a rate that is not quite the nominal one), packs samples into DATA
messages and hands them to its radio. `VirtualKit.events` is an iterator with memory for a few seconds only, so hours
can be streamed; the same seed gives the same events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import Connected, Event, Floats, Heartbeat, Lost, Mark, Packets, SessionMark, UtcAnchor
from firmware_protocol import Config, Info, encode_config, encode_data, encode_info, frame_serial
from virtual_athlete.radio import Arrival, Down, LinkSettings, Message, Outage, Radio, Up
from virtual_athlete.sensors import Samples, WornImu

FAMILY = "hiphinge-v1"
MAX_SAMPLES_PER_PACKET = 18
"""With a header of 20 bytes, 18 samples of 12 bytes fit a BLE packet with an ATT MTU of 247 bytes."""
HEARTBEAT_S = 0.1
ANCHOR_S = 60.0
_TAIL_S = 0.5
"""The host goes on listening for this time after the motion has ended (ours)."""
_PACKING_S = 0.001
_FIRST_SAMPLE_S = 0.05
_BLOCK_SAMPLES = 4096


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """clock_offset_s: the device's clock at session time 0; it wraps on the wire at 4295 s. clock_ppm: how much faster
    it runs. rate_error: of the sample clock, relative to the nominal rate. start_s: when the host connects."""

    rate_hz: float = 100.0
    samples_per_packet: int = 8
    clock_offset_s: float = 0.0
    clock_ppm: float = 0.0
    rate_error: float = 0.0
    start_s: float = 0.02

    def __post_init__(self) -> None:
        if not 1 <= self.samples_per_packet <= MAX_SAMPLES_PER_PACKET:
            raise ValueError(f"samples_per_packet = {self.samples_per_packet}: expected 1 to {MAX_SAMPLES_PER_PACKET}")

    @classmethod
    def random(cls, rng: np.random.Generator, rate_hz: float = 100.0, samples_per_packet: int = 8) -> DeviceSettings:
        """A device switched on minutes to an hour ago, its crystal some tens of ppm off."""
        return cls(
            rate_hz,
            samples_per_packet,
            clock_offset_s=float(rng.uniform(20.0, 4200.0)),
            clock_ppm=float(rng.normal(0.0, 20.0)),
            rate_error=float(rng.normal(0.0, 2e-4)),
            start_s=float(rng.uniform(0.01, 0.15)),
        )


@dataclass(frozen=True, slots=True)
class Reboot:
    """A sensor restarts at `at_s` and is away for `down_s`: its clock, index and sequence begin anew, its boot id is new.

    serial: it is another sensor that comes, with this serial number.
    """

    at_s: float
    sensor: str
    down_s: float = 1.5
    serial: str | None = None


@dataclass(slots=True)
class Ledger:
    """The fate of one sensor's samples; complete when its stream has been read to the end."""

    samples_made: int = 0
    samples_delivered: int = 0
    samples_countable: int = 0
    """Lost, and seen as lost from the sample index: between two delivered packets of one boot."""
    packets_made: int = 0
    packets_delivered: int = 0
    packets_lost: int = 0
    """By the link's loss probability."""
    packets_dropped: int = 0
    """By outages and reboots."""
    boots: int = 0
    first_sample_s: float = float("nan")


class VirtualSensor:
    """One sensor: key as in `body_signals.Sensor.key`, its IMU, its clock, its radio."""

    def __init__(
        self,
        key: str,
        imu: WornImu,
        device: DeviceSettings,
        link: LinkSettings,
        duration_s: float,
        *,
        outages: Sequence[Outage] = (),
        reboots: Sequence[Reboot] = (),
        seed: int | list[int] = 0,
        block: int = _BLOCK_SAMPLES,
    ) -> None:
        """block: samples that are computed at a time, ahead of the clock; their numbers do not depend on it."""
        self._block = block
        self.key, self.imu, self.device, self.link, self.duration_s = key, imu, device, link, duration_s
        self._outages = [o for o in outages if o.sensor in (None, key)]
        self._reboots = sorted((r for r in reboots if r.sensor == key), key=lambda r: r.at_s)
        for r in self._reboots:
            if any(o.start_s < r.at_s + r.down_s and r.at_s < o.end_s for o in self._outages):
                raise ValueError(f"{key}: the reboot at {r.at_s} s falls into an outage")
        self._seed = seed
        self._expected: int | None = None
        """Index of the sample that would follow the last one delivered."""
        self.ledger = Ledger()

    def config(self, boot: int) -> Config:
        """The CONFIG of a boot; each has an epoch of its own."""
        s = self.imu.settings
        return Config.for_ranges((boot + 1) & 0xFF, self.device.rate_hz, s.acc_range_g, s.gyr_range_dps)

    def stream(self) -> Iterator[Arrival]:
        """Everything that arrives from this sensor, in order; to be read once."""
        rng = np.random.default_rng(self._seed)
        radio = Radio(self.link, self._outages, rng)
        boot_ids = np.random.default_rng(rng.integers(1 << 32))
        up_s, clock_s = self.device.start_s, self.device.clock_offset_s + self.device.start_s * self._pace
        serial = f"V1-{self.key}"
        for boot, off in enumerate((*self._reboots, None)):
            config = self.config(boot)
            info = Info(model="hiphinge virtual", serial=serial, firmware="1.0", boot_id=int(boot_ids.integers(1 << 32)))
            radio.greeting = [Message(encode_info(info)), Message(encode_config(config))]
            self.ledger.boots += 1
            yield from radio.connect(up_s)
            until_s = self.duration_s if off is None else min(off.at_s, self.duration_s)
            yield from self._boot(radio, config, up_s, until_s, clock_s)
            if off is None or off.at_s + off.down_s >= self.duration_s:
                break
            yield from self._booked(radio.reset(off.at_s))
            self._expected = None
            up_s, clock_s, serial = off.at_s + off.down_s, 0.2, off.serial or serial
        yield from self._booked(radio.end(self.duration_s + _TAIL_S))
        self.ledger.packets_lost, self.ledger.packets_dropped = radio.lost, radio.dropped

    @property
    def _pace(self) -> float:
        return 1.0 + 1e-6 * self.device.clock_ppm

    def _boot(self, radio: Radio, config: Config, up_s: float, until_s: float, clock_s: float) -> Iterator[Arrival]:
        """Sampling from shortly after `up_s` to `until_s`; the device's clock shows `clock_s` at `up_s`."""
        book, n = self.ledger, self.device.samples_per_packet
        period = 1.0 / (self.device.rate_hz * (1.0 + self.device.rate_error))
        first_s = up_s + _FIRST_SAMPLE_S
        if np.isnan(book.first_sample_s):
            book.first_sample_s = first_s
        total = max(0, int(np.floor((until_s - first_s) / period)))
        # the last samples do not fill a packet and stay in the device
        book.samples_made += total
        packets, block = total // n, max(1, self._block // n)
        for begin in range(0, packets, block):
            index = np.arange(begin * n, min(begin + block, packets) * n)
            time_s: Floats = first_s + index * np.float64(period)
            stamp = np.floor((clock_s + (time_s - up_s) * self._pace) * 1e6).astype(np.int64)
            samples = self.imu.samples(time_s)
            firsts, stamps = index[::n].tolist(), stamp[::n].tolist()
            spans, ready = (stamp[n - 1 :: n] - stamp[::n]).tolist(), (time_s[n - 1 :: n] + _PACKING_S).tolist()
            for k, (first, at_us, span_us, ready_s) in enumerate(zip(firsts, stamps, spans, ready, strict=True)):
                payload = encode_data(
                    config,
                    first // n,
                    first,
                    at_us,
                    span_us,
                    samples.acc[k * n : k * n + n],
                    samples.gyr[k * n : k * n + n],
                    overrun=radio.overrun,
                )
                radio.overrun = False
                book.packets_made += 1
                yield from self._booked(radio.send(ready_s, Message(payload, first, n)))

    def _booked(self, arrivals: list[Arrival]) -> Iterator[Arrival]:
        for arrival in arrivals:
            item = arrival[1]
            if isinstance(item, Message) and item.samples:
                self.ledger.packets_delivered += 1
                self.ledger.samples_delivered += item.samples
                self.ledger.samples_countable += 0 if self._expected is None else item.first - self._expected
                self._expected = item.first + item.samples
            yield arrival


class VirtualKit:
    """Several virtual sensors and the host that listens to them.

    monotonic_ns: the host's clock at session time 0; utc_ns: the calendar then.
    """

    def __init__(
        self,
        sensors: Sequence[VirtualSensor],
        duration_s: float,
        marks: Sequence[SessionMark] = (),
        *,
        monotonic_ns: int = 5_000_000_000_000,
        utc_ns: int = 0,
    ) -> None:
        self.sensors, self.duration_s, self.marks = tuple(sensors), duration_s, tuple(marks)
        self._monotonic_ns, self._utc_ns = monotonic_ns, utc_ns

    def events(self) -> Iterator[Event]:
        """The event log from the first UTC anchor on: seq = 0, 1, 2, … and arrival_ns strictly increasing; read once."""
        sources: list[Iterator[tuple[float, int, str, object]]] = [
            self._anchors(),
            ((m.time_s, 1, "", m.label) for m in sorted(self.marks, key=lambda m: m.time_s)),
            self._heartbeats(),
        ]
        sources += [self._from(k + 3, sensor) for k, sensor in enumerate(self.sensors)]
        last = self._monotonic_ns - 1
        for seq, (time_s, source, key, item) in enumerate(heapq.merge(*sources, key=lambda x: x[:2])):
            last = max(last + 1, self._monotonic_ns + round(time_s * 1e9))
            yield self._event(seq, last, source, key, item, time_s)

    def _event(self, seq: int, arrival_ns: int, source: int, key: str, item: object, time_s: float) -> Event:
        if isinstance(item, Message):
            return Packets.one(key, seq, arrival_ns, item.payload)
        if isinstance(item, Up):
            return Connected(seq, arrival_ns, key)
        if isinstance(item, Down):
            return Lost(seq, arrival_ns, key, item.reason)
        if source == 0:
            return UtcAnchor(seq, arrival_ns, self._utc_ns + round(time_s * 1e9))
        return Mark(seq, arrival_ns, str(item)) if source == 1 else Heartbeat(seq, arrival_ns)

    def _anchors(self) -> Iterator[tuple[float, int, str, object]]:
        for k in range(int(self.duration_s / ANCHOR_S) + 1):
            yield k * ANCHOR_S, 0, "", None

    def _heartbeats(self) -> Iterator[tuple[float, int, str, object]]:
        for k in range(1, int((self.duration_s + _TAIL_S) / HEARTBEAT_S) + 1):
            yield k * HEARTBEAT_S, 2, "", None

    def _from(self, source: int, sensor: VirtualSensor) -> Iterator[tuple[float, int, str, object]]:
        for time_s, item in sensor.stream():
            yield time_s, source, sensor.key, item


def encode_stream(events: Iterable[Event], sensor: str) -> bytes:
    """The packets of one sensor as they would come over a serial line: COBS frames one after another."""
    return b"".join(
        frame_serial(payload)
        for event in events
        if isinstance(event, Packets) and event.sensor == sensor
        for _, _, payload in event
    )


def quantised(samples: Samples, config: Config) -> Samples:
    """The samples rounded to the steps of `config`, as they come out of a codec."""

    def steps(values: Floats, scale: float) -> Floats:
        return np.asarray(np.clip(np.rint(values / scale), -32768, 32767) * scale, np.float64)

    return Samples(
        samples.time_s, steps(samples.acc, config.acc_scale), steps(samples.gyr, config.gyr_scale), samples.saturated
    )
