"""One sensor's packets become samples on the session's time line: its codec, its clock map, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from body_signals import Battery, Bools, Cause, Floats, Ints, Packets, SampleBlock, Sensor, TimedBlock
from dsp.angles import from_gravity
from dsp.results import Finding
from firmware_protocol import Codec, Identified, Probed, codec_for
from hiphinge.session.facts.sensor_minutes import SensorMinutes
from ingest.time import COUNTER_SKEW_LIMIT, SKEW_LIMIT, ClockMap, SampleCount

LONGEST_ROUND_TRIP_NS = 10_000_000_000
"""An answer that came later, or before it was asked, is another program's or another session's."""
LEAP_SETTLES_S = 5.0
"""Time, s, after which the map of a clock that has leapt is as good as any (ours)."""


class Source:
    """One sensor's codec and clock map."""

    def __init__(self, sensor: Sensor, minutes: SensorMinutes) -> None:
        self.sensor, self._minutes = sensor.key, minutes
        self.codec: Codec = codec_for(sensor.family, sensor.config, sensor.rate_hz)
        # asked once: of every packet it would take longer than to decode it
        self._probed = self.codec if isinstance(self.codec, Probed) else None
        self._identified = self.codec if isinstance(self.codec, Identified) else None
        self.clock: ClockMap | None = None
        self.lost_exact = True
        self.has_clock = False
        self.count: SampleCount | None = None
        self._probes: list[tuple[int, float, float]] = []
        self._battery: Battery | None = None
        self._serial = ""
        self._swap: tuple[int, str, str] | None = None
        """The packet that told another serial number, that number, and the one before; its first sample is still to come."""
        self.swaps: list[tuple[float, str, str]] = []
        """Session times at which another sensor began, its serial number, and the one before; until they are taken."""
        self._leaps: list[tuple[float, float]] = []
        """Session times at which its clock had leapt against the computer's, and by what time, s; until they are taken."""

    def read(self, battery: Battery) -> None:
        """The charge was read beside the stream."""
        if self._battery is None or battery.seq > self._battery.seq:
            self._battery = battery

    @property
    def facts(self) -> Mapping[str, str | float]:
        """What the device has told of itself; its stream's word on the battery counts before what was read beside it."""
        beside = {} if self._battery is None else {"battery_percent": float(self._battery.percent)}
        return beside | dict(self.codec.facts)

    def feed(self, packets: Packets, zero_ns: int) -> list[TimedBlock]:
        """Samples of these packets on the session's time line."""
        arrival_s = (packets.arrival_ns - zero_ns) / 1e9
        blocks = self.codec.feed_packets(packets.data, packets.lengths)
        if self._probed is not None:
            self._probes += [
                (int(packets.seq[p.packet]), p.device_s, (p.host_sent_ns - zero_ns) / 1e9)
                for p in self._probed.probes()
                if 0 <= packets.arrival_ns[p.packet] - p.host_sent_ns - p.held_ns <= LONGEST_ROUND_TRIP_NS
            ]
        told = [] if self._identified is None else self._identified.identities()
        for packet, serial in told:
            if self._serial and serial != self._serial:
                # who comes, and goes again before the first sample, was never there
                before = self._serial if self._swap is None else self._swap[2]
                self._swap = None if serial == before else (packet, serial, before)
            self._serial = serial
        timed = [self._timed(block, packets.seq, arrival_s) for block in blocks if len(block)]
        if self._swap is not None:
            self._swap = (0, *self._swap[1:])
        return timed

    def leapt(self) -> list[Finding]:
        """What is to be told of a clock that has leapt against the computer's, once; rows are flagged while it settles anew."""
        told = []
        for at_s, leap_s in self._leaps:
            way, why = "behind", "the sensor's clock stood still or was set back"
            if leap_s > 0.0:
                way, why = "ahead of", "this computer was asleep, or the sensor's clock has jumped"
            what = f"its clock leapt {abs(leap_s):.1f} s {way} this computer's: {why}"
            remedy = "Its samples before and after do not belong together; its times are right again within seconds."
            told.append(Finding(self.sensor, Cause.CLOCK_LAG, at_s, at_s, what, remedy, at_s + LEAP_SETTLES_S))
        self._leaps.clear()
        return told

    def _other(self, block: SampleBlock) -> Bools | None:
        """(n,) the first sample of another sensor; None where there is none."""
        if self._swap is None or (at := int(block.packet.searchsorted(self._swap[0]))) == len(block):
            return None
        other = np.zeros(len(block), np.bool_)
        other[at] = True
        return other

    def _timed(self, block: SampleBlock, seq: Ints, arrival_s: Floats) -> TimedBlock:
        device_s, lost, restart = block.device_time_s, block.lost, block.restart
        if device_s is None:
            if self.count is None:
                self.count = SampleCount(block.rate_hz, block.lost_exact)
            device_s, lost, restart = self.count.feed(block.packet, arrival_s, lost, restart)
        self.has_clock = block.device_time_s is not None
        if self.clock is None:
            self.clock = ClockMap(SKEW_LIMIT if self.has_clock else COUNTER_SKEW_LIMIT)
        for probe in self._probes:
            self.clock.probe(*probe)
        self._probes.clear()
        self.lost_exact &= block.lost_exact
        of_event = seq[block.packet]
        other = self._other(block)
        if other is not None:
            restart = restart | other
        # without a gyroscope and an orientation of its own, a sensor still knows where gravity is
        quat = from_gravity(block.acc) if block.gyr is None and block.quat is None else block.quat
        time_s = self.clock.feed(device_s, block.packet, arrival_s, restart, of_event)
        for at, leap_s in self.clock.leaps:
            self._leaps.append((float(arrival_s[block.packet[at]]), leap_s))
            # what was before and what is now are not of one stretch: nothing is bridged
            restart = restart.copy()
            restart[at] = True
        timed = TimedBlock(
            self.sensor,
            block.rate_hz,
            of_event,
            time_s,
            device_s,
            block.acc,
            block.gyr,
            quat,
            lost,
            block.saturated,
            restart,
            other,
        )
        if other is not None and self._swap is not None:
            self.swaps.append((float(timed.time_s[other.argmax()]), *self._swap[1:]))
            self._swap = None
        self._minutes.take(timed, arrival_s[block.packet])
        return timed


def joined(blocks: Sequence[TimedBlock]) -> list[TimedBlock]:
    """The blocks, those of one sensor as one where they are of one kind: what follows costs by the block, and does not depend
    on how samples are cut into blocks."""
    if len(blocks) < 2:
        return list(blocks)
    groups: dict[str, list[list[TimedBlock]]] = {}
    for block in blocks:
        of_sensor = groups.setdefault(block.sensor, [])
        if of_sensor and _alike(of_sensor[-1][-1], block):
            of_sensor[-1].append(block)
        else:
            of_sensor.append([block])
    return [_one(group) for of_sensor in groups.values() for group in of_sensor]


def _alike(a: TimedBlock, b: TimedBlock) -> bool:
    return a.rate_hz == b.rate_hz and (a.gyr is None) is (b.gyr is None) and (a.quat is None) is (b.quat is None)


def _one(blocks: Sequence[TimedBlock]) -> TimedBlock:
    """Blocks of one sensor and one kind, in order, as one."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    gyr = [block.gyr for block in blocks if block.gyr is not None]
    quat = [block.quat for block in blocks if block.quat is not None]
    other = None
    if any(block.other is not None for block in blocks):
        other = np.concatenate([np.zeros(len(b), np.bool_) if b.other is None else b.other for b in blocks])
    return TimedBlock(
        first.sensor,
        first.rate_hz,
        np.concatenate([block.seq for block in blocks]),
        np.concatenate([block.time_s for block in blocks]),
        np.concatenate([block.device_time_s for block in blocks]),
        np.concatenate([block.acc for block in blocks]),
        np.concatenate(gyr) if gyr else None,
        np.concatenate(quat) if quat else None,
        np.concatenate([block.lost for block in blocks]),
        np.concatenate([block.saturated for block in blocks]),
        np.concatenate([block.restart for block in blocks]),
        other,
    )
