"""Decoder of protocol v1: messages of one sensor in, blocks of samples out.

Loss is exact, from the u32 sample index; the u32 microsecond clock is unwrapped with the help of the index, also over
silences of several wraps. A message is judged against the last one that was accepted:
- its samples follow, perhaps after a gap: accepted, the gap is `lost`;
- its samples were due within the last `LATE_S` seconds and its time agrees: repeated or late, dropped and counted;
- anything else that falls back, in index or in time: the device has restarted (`restart`).
DATA is scaled only with the factors of its own epoch; what they were before a new boot id is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from body_signals import Ints, SampleBlock
from firmware_protocol.codec import Health, Probe, check_lengths
from firmware_protocol.framing import Deframer
from firmware_protocol.packetwise import CountingCodec, Serials
from firmware_protocol.v1.messages import (
    VERSION,
    Config,
    DeviceEvent,
    EventCode,
    Info,
    Kind,
    MalformedMessage,
    Mux,
    Record,
    Sync,
    UnsupportedVersion,
    decode_message,
    unwrap_mux,
)
from firmware_protocol.v1.samples import (
    DATA_HEADER,
    OVERRUN,
    TEMPERATURE_SCALE,
    UNKNOWN_LAYOUT,
    Run,
    find_run,
    sample_times,
    scaled,
)

LATE_S = 2.0
"""Longest delay of a packet by radio or gateway, s (ours); an older index means that the device has restarted its count."""
LATE_CLOCK_US = 100_000
"""Largest difference between the time of a repeated packet and the time that its index implies (ours)."""
BACK_US = 100_000
"""A clock that falls back by more than this has restarted; less is a badly estimated span of the device
(ours)."""
_LONGEST_RUN = 1 << 15
"""Most messages decoded at once (ours)."""
_AFTER_BREAK = 256
"""The same after one that does not follow on (ours): a stream in which none does would else cost the square of its length."""
_LONGEST_HELD_US = 10_000_000
"""Longest time, µs, between a query and its answer; a later answer belongs to another query (ours)."""
_HALF, _MASK = 1 << 31, (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class _Last:
    """The last accepted message: where its samples are in the index and on the unwrapped clock."""

    index: int
    count: int
    time_us: int
    span_us: int


class MessageStream:
    """State of one sensor: configurations, place in the stream, counts; fed with whole messages, or with their records."""

    def __init__(self, health: Health, sensor_number: int | None = None) -> None:
        self.health = health
        self.facts: dict[str, str | float] = {}
        self.serials = Serials()
        self._unwrapping = False
        """Whether the message comes from a gateway's MUX."""
        self._sensor_number = sensor_number
        self._configs: dict[int, Config] = {}
        self._boot_id: int | None = None
        self._last: _Last | None = None
        self._restart = False
        """The next decoded sample is the first after a restart."""
        self._blocks: list[SampleBlock] = []
        self._probes: list[Probe] = []

    def probes(self) -> list[Probe]:
        """See `Probed.probes`."""
        found, self._probes = self._probes, []
        return found

    def feed(self, data: bytes, lengths: Ints, packet: Ints) -> list[SampleBlock]:
        """Decode consecutive messages; packet (p,): the number for the samples of each."""
        self._blocks, self._probes = [], []
        sizes, n = lengths.tolist(), len(lengths)
        # where messages of another size begin
        borders = iter([*(np.flatnonzero(lengths[1:] != lengths[:-1]) + 1).tolist(), n] if n > 1 else [n])
        offset = i = border = 0
        while i < n:
            if i == border:
                border = next(borders)
            size = sizes[i]
            if size >= DATA_HEADER.size and data[offset] == Kind.DATA and data[offset + 1] == VERSION:
                run = find_run(data, offset, size, min(border - i, _LONGEST_RUN))
                self._run(run, packet[i : i + len(run)])
                i += len(run)
                offset += len(run) * size
            else:
                self._single(data[offset : offset + size], packet[i : i + 1])
                i += 1
                offset += size
        blocks, self._blocks = self._blocks, []
        return blocks

    def feed_one(self, message: bytes) -> list[SampleBlock]:
        """Decode one message; its samples get the number 0."""
        return self.feed(message, np.array([len(message)]), np.zeros(1, np.int64))

    def _single(self, message: bytes, packet: Ints) -> None:
        if not message:
            return
        try:
            self.take(decode_message(message), packet)
        except UnsupportedVersion as error:
            self.health.count("unsupported_version")
            self.facts["refused"] = str(error)
        except MalformedMessage as error:
            self.health.count(error.health)

    def take(self, record: Record, packet: Ints) -> None:
        """Take the content of a message; packet (1,): its number. START and SETUP come from a host and change nothing."""
        match record:
            case Info():
                self._info(record, int(packet[0]))
            case Config():
                self._config(record)
            case DeviceEvent():
                self._event(record)
            case Mux():
                self._mux(record, packet)
            case Sync():
                self._sync(record, int(packet[0]))

    def _info(self, info: Info, packet: int) -> None:
        self.health.count("unknown_tag", len(info.unknown_tags))
        words: dict[str, str | float | None] = {
            "model": info.model,
            "serial": info.serial,
            "firmware": info.firmware,
            "boot_id": info.boot_id,
            "clock_ppm": info.clock_ppm,
            "battery_percent": info.battery_percent,
            "rates_hz": ", ".join(f"{r:g}" for r in info.rates_hz),
            "acc_ranges_g": ", ".join(map(str, info.acc_ranges_g)),
            "gyr_ranges_dps": ", ".join(map(str, info.gyr_ranges_dps)),
        }
        if self._sensor_number is None or self._unwrapping:
            # a gateway also has its own
            self.serials.tell(packet, info.serial)
        self.facts.update({name: value for name, value in words.items() if value is not None and value != ""})
        if info.boot_id is None:
            return
        if self._boot_id is not None and info.boot_id != self._boot_id:
            self._configs.clear()  # a reboot may have installed other firmware
            self._start_anew()
        self._boot_id = info.boot_id

    def _config(self, config: Config) -> None:
        if self._configs.get(config.epoch, config) != config:
            self.health.count("config_changed_in_epoch")
        self._configs[config.epoch] = config
        self.facts["rate_hz"] = config.rate_hz

    def _event(self, event: DeviceEvent) -> None:
        if event.code == EventCode.BATTERY:
            self.facts["battery_percent"] = float(event.value)
        elif event.code in _COUNTED_EVENTS:
            self.health.count(_COUNTED_EVENTS[event.code])
        else:
            self.health.count("unknown_event")

    def _sync(self, sync: Sync, packet: int) -> None:
        """An answer counts when it comes from this boot and its place among the samples is known."""
        if self._last is None or self._boot_id not in (None, sync.boot_id) or not sync.device_received_us:
            return
        # the answer has 64 bits of a clock of which the samples bring 32
        since_us = (sync.device_received_us - self._last.time_us + _HALF & _MASK) - _HALF
        held_us = sync.device_sent_us - sync.device_received_us
        if not 0 <= held_us <= _LONGEST_HELD_US:
            self.health.count("bad_sync")
            return
        self._probes.append(Probe(packet, sync.host_sent_ns, (self._last.time_us + since_us) * 1e-6, held_us * 1000))

    def _mux(self, mux: Mux, packet: Ints) -> None:
        inner = mux.message
        if mux.sensor != self._sensor_number:
            self.health.count("other_sensor")
            return
        outer, probes, self._blocks = self._blocks, self._probes, []
        self._unwrapping = True
        blocks = self.feed(inner, np.array([len(inner)]), packet)
        self._unwrapping = False
        self._blocks, self._probes = outer + blocks, probes + self._probes

    def _start_anew(self) -> None:
        self._last = None
        self._restart = True
        self.health.count("restart")

    def _run(self, run: Run, packet: Ints) -> None:
        if not run.well_formed:
            self.health.count("unknown_layout" if run.layout & UNKNOWN_LAYOUT else "length", len(run))
            return
        if run.flags & OVERRUN:
            self.health.count("overrun", int(np.count_nonzero(run.records["shape"] >> 24 & OVERRUN)))
        config = self._configs.get(run.epoch)
        first = run.records[0]
        if config is None:
            self.health.count("unknown_epoch", len(run))
            if self._last is None:  # so that samples that cannot be scaled count as lost
                self._last = _Last(int(first["index"]), 0, int(first["time"]), 0)
            return
        done, most = 0, len(run)
        while done < len(run):
            if self._last is None:
                self._last = _Last(int(run.records["index"][done]), 0, int(run.records["time"][done]), 0)
            rest = run if not done and most == len(run) else replace(run, records=run.records[done : done + most])
            accepted = self._accept(rest, config, packet[done:], self._last)
            done += accepted
            most = 2 * most if accepted == len(rest) else _AFTER_BREAK
            if accepted < len(rest) and self._dropped(run.records[done], config, run.count, self._last):
                done += 1

    def _accept(self, run: Run, config: Config, packet: Ints, last: _Last) -> int:
        """Decode the leading messages of `run` that follow on from `last`; return how many those are."""
        n = len(run)
        index, time, span = np.empty((3, n + 1), np.int64)  # the last accepted message, then these
        index[0], time[0], span[0] = last.index, last.time_us, last.span_us
        index[1:], time[1:], span[1:] = run.records["index"], run.records["time"], run.records["span"]
        advance = index[1:] - index[:-1] & _MASK
        gap = advance - run.count
        gap[0] = advance[0] - last.count
        gap &= _MASK
        due = np.rint(advance * (1e6 / config.rate_hz)).astype(np.int64)
        # of all clock steps that look alike modulo the wrap, the one nearest to the nominal periods
        step = due + ((time[1:] - time[:-1] - due + _HALF & _MASK) - _HALF)
        follows = (gap < _HALF) & (step - span[:-1] > -BACK_US)
        if run.count > 1:
            follows &= span[1:] > 0
        if np.count_nonzero(follows) < n:
            n = int(np.argmin(follows))
            if n == 0:
                return 0
            run = replace(run, records=run.records[:n])
        first_us = last.time_us + np.add.accumulate(step[:n])
        self._blocks.append(self._block(run, config, packet[:n].repeat(run.count), first_us, gap[:n]))
        self._last = _Last(int(index[n]), run.count, int(first_us[-1]), int(span[n]))
        self._restart = False
        return n

    def _block(self, run: Run, config: Config, packet: Ints, first_us: NDArray[np.int64], gap: Ints) -> SampleBlock:
        acc, gyr, quat, saturated, bad_quaternions = scaled(run, config)
        self.health.count("bad_quaternion", bad_quaternions)
        lost = np.zeros(len(acc), np.int64)
        lost[:: run.count] = gap
        restart = np.zeros(len(acc), np.bool_)
        restart[0] = self._restart
        if "temperature" in (run.records.dtype.names or ()):
            self.facts["temperature_c"] = float(run.records["temperature"][-1] * TEMPERATURE_SCALE)
        return SampleBlock(
            rate_hz=config.rate_hz,
            packet=packet,
            device_time_s=sample_times(first_us, run.records["span"], run.count),
            acc=acc,
            gyr=gyr,
            quat=quat,
            lost=lost,
            saturated=saturated,
            restart=restart,
        )

    def _dropped(self, record: np.void, config: Config, count: int, last: _Last) -> bool:
        """Judge a message that does not follow: True = drop it; False = the device has restarted with it."""
        if count > 1 and record["span"] == 0:
            self.health.count("bad_span")
            return True
        back = (last.index - int(record["index"]) + _HALF & _MASK) - _HALF  # > 0: this index has been seen before
        if -last.count < back <= LATE_S * config.rate_hz:
            due = last.time_us - round(back * 1e6 / config.rate_hz)
            if abs((int(record["time"]) - due + _HALF & _MASK) - _HALF) <= LATE_CLOCK_US:
                self.health.count("repeated")
                return True
        self._start_anew()
        return False


_COUNTED_EVENTS: dict[int, str] = {EventCode.BUTTON: "button", EventCode.OVERRUN: "overrun", EventCode.TAP: "tap"}


class _MessageCodec(CountingCodec):
    """A codec whose samples come in messages."""

    def __init__(self, sensor_number: int | None) -> None:
        super().__init__()
        self._messages = MessageStream(self._health, sensor_number)
        self._facts, self._serials = self._messages.facts, self._messages.serials

    def probes(self) -> list[Probe]:
        """See `Probed.probes`."""
        return self._messages.probes()


class V1Codec(_MessageCodec):
    """Family ``hiphinge-v1``: one message per radio packet.

    sensor_number: of a gateway's MUX messages those with this number are decoded too; others are counted.
    """

    family = "hiphinge-v1"

    def __init__(self, sensor_number: int | None = None) -> None:
        super().__init__(sensor_number)

    def feed(self, data: bytes) -> list[SampleBlock]:
        """See `Codec.feed`."""
        return self._messages.feed_one(data)

    def feed_packets(self, data: bytes, lengths: Ints) -> list[SampleBlock]:
        """See `Codec.feed_packets`."""
        check_lengths(data, lengths)
        return self._messages.feed(data, lengths, np.arange(len(lengths)))


class V1SerialCodec(_MessageCodec):
    """Family ``hiphinge-v1-serial``: COBS(message ‖ CRC-32) ‖ 00 in a byte stream cut anywhere."""

    family = "hiphinge-v1-serial"

    def __init__(self, sensor_number: int | None = None) -> None:
        super().__init__(sensor_number)
        self._deframer = Deframer(self._health)

    def feed(self, data: bytes) -> list[SampleBlock]:
        """See `Codec.feed`."""
        return self.feed_packets(data, np.array([len(data)]))

    def feed_packets(self, data: bytes, lengths: Ints) -> list[SampleBlock]:
        """See `Codec.feed_packets`."""
        check_lengths(data, lengths)
        found = self._deframer.feed(data)
        ends = np.array([end for end, _ in found], np.int64)
        packet = np.searchsorted(np.cumsum(lengths), ends, side="right")
        sizes = np.array([len(message) for _, message in found], np.int64)
        return self._messages.feed(b"".join(message for _, message in found), sizes, packet)

    @property
    def pending(self) -> int:
        """See `Codec.pending`."""
        return self._deframer.pending


class Demultiplexer:
    """Splits a gateway's serial stream into messages by sensor number; feed each to a `V1Codec` of its own.

    A message outside MUX is the gateway's own (number None).
    """

    def __init__(self) -> None:
        self._health = Health()
        self._deframer = Deframer(self._health)

    def feed(self, data: bytes) -> list[tuple[int | None, bytes]]:
        """``(sensor number or None, message)`` of each message completed by `data`."""
        messages: list[tuple[int | None, bytes]] = []
        for _, message in self._deframer.feed(data):
            if message[:2] != bytes((Kind.MUX, VERSION)):
                messages.append((None, message))
                continue
            try:
                messages.append(unwrap_mux(message))
            except MalformedMessage as error:
                self._health.count(error.health)
        return messages

    @property
    def health(self) -> Mapping[str, int]:
        """Counted facts about the stream."""
        return self._health.counts

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return self._deframer.pending
