"""Whether a device keeps protocol v1: what is said to it, what must come back, and what it does wrong, in words.

`examination` is a conversation without a port: it yields `Turn`s, is sent what the device has answered, and ends with a
`Verdict` for each rule of docs/protocol-v1.md that can be seen from outside. The device lies still meanwhile.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from body_signals import G0
from firmware_protocol.framing import frame_serial
from firmware_protocol.v1.messages import (
    ANY_BOOT,
    AT_ONCE,
    NEVER,
    VERSION,
    Config,
    Info,
    Kind,
    MalformedMessage,
    Record,
    Setup,
    Start,
    Sync,
    UnsupportedVersion,
    decode_message,
    encode_setup,
    encode_start,
    encode_sync,
)
from firmware_protocol.v1.samples import DATA_HEADER, UNKNOWN_LAYOUT, data_length

ANSWER_S, STREAM_S, SHORT_S = 1.0, 1.5, 0.35
"""Time, s, in which an answer must come, of a stream that is looked at, and in which nothing may come (ours)."""
RATE_WITHIN, AT_REST_WITHIN = 0.05, 0.15
"""A stream may be off its nominal rate by this part, and a device at rest off 1 g (ours)."""
_HALF = 1 << 31
_R = TypeVar("_R")


class Heard(NamedTuple):
    """A message and when it came, seconds."""

    at_s: float
    message: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """Send `send`, then listen for `listen_s` seconds, or until a message of the kind `awaited` has come; what came is sent
    back as a sequence of `Heard`."""

    send: bytes
    listen_s: float
    awaited: Kind | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule, whether the device keeps it (None: it could not be tried), and what was seen."""

    rule: str
    kept: bool | None
    seen: str = ""


Examination = Generator[Turn, Sequence[Heard], list[Verdict]]


@dataclass
class _Data:
    """The header of a DATA message that came at_s, its length in bytes, and its raw values."""

    at_s: float
    sequence: int
    index: int
    time_us: int
    span_us: int
    count: int
    layout: int
    epoch: int
    flags: int
    size: int
    raw: bytes = field(repr=False, default=b"")

    @property
    def whole(self) -> bool:
        return not self.layout & UNKNOWN_LAYOUT and self.count > 0 and self.size == data_length(self.count, self.layout)


class _Examiner:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def judge(self, rule: str, kept: bool | None, seen: str = "") -> bool:
        self.verdicts.append(Verdict(rule, kept, "" if kept else seen))
        return bool(kept)


def examination(seen_faults: Sequence[str] = ()) -> Examination:
    """The conversation. Messages in it are those of frames that were whole; the caller counts the others."""
    it = _Examiner()
    greeted = yield Turn(b"\x00", SHORT_S)
    by_itself = bool(_data(greeted))
    if by_itself:
        kinds = [one.message[0] for one in greeted if one.message]
        first = kinds.index(Kind.DATA)
        it.judge("a device that begins by itself says INFO and CONFIG first", Kind.CONFIG in kinds[:first], "DATA came first")
    answered = yield Turn(frame_serial(encode_setup(Setup())), ANSWER_S, Kind.CONFIG)
    info, config = _first(answered, Info), _first(answered, Config)
    if not it.judge("SETUP is answered with CONFIG", config is not None, _nothing(answered, "no CONFIG")):
        return it.verdicts
    assert config is not None
    it.judge("SETUP is answered with INFO, which cannot be read on a serial line", info is not None, "no INFO")
    order = [one.message[0] for one in answered if one.message[:1] in (b"\x01", b"\x02")]
    it.judge("INFO comes before CONFIG", info is None or order[:1] == [Kind.INFO], "CONFIG came first")
    boot = info.boot_id if info is not None else None
    it.judge("INFO states a boot id", boot not in (None, 0), f"boot id {boot}")
    again = yield Turn(frame_serial(encode_setup(Setup())), ANSWER_S, Kind.CONFIG)
    same = _first(again, Config)
    it.judge("a SETUP that changes nothing keeps its epoch", same == config, f"{config} became {same}")
    config = yield from _rates(it, info, same or config)
    yield from _starts(it, boot, by_itself)
    stream = yield from _stream(it, config)
    yield from _clock(it, boot)
    yield from _hard_of_hearing(it, config)
    yield from _change_while_streaming(it, info, config, stream)
    yield from _stops(it)
    for fault in seen_faults:
        it.judge("every frame is whole", False, fault)
    return it.verdicts


def _rates(it: _Examiner, info: Info | None, config: Config) -> Generator[Turn, Sequence[Heard], Config]:
    """SETUP to each rate that is offered."""
    offered = info.rates_hz if info is not None else ()
    if not it.judge("INFO states the rates that are offered", bool(offered) or None):
        return config
    for rate in sorted({*offered[:3], max(offered)}):
        before = config
        heard = yield Turn(frame_serial(encode_setup(Setup(rate_hz=rate))), ANSWER_S, Kind.CONFIG)
        found = _first(heard, Config)
        if not it.judge(f"SETUP to {rate:g} Hz is answered with its CONFIG", found is not None, _nothing(heard, "no CONFIG")):
            continue
        assert found is not None
        config = found
        near = math.isclose(config.rate_hz, rate, rel_tol=1e-3)
        it.judge(f"{rate:g} Hz, which is offered, is set", near, f"CONFIG says {config.rate_hz:g} Hz")
        if config.rate_hz != before.rate_hz:
            it.judge("a change of rate has a new epoch", config.epoch != before.epoch, f"epoch {config.epoch} again")
    heard = yield Turn(frame_serial(encode_setup(Setup(rate_hz=99_999.0))), ANSWER_S, Kind.CONFIG)
    nearest = _first(heard, Config)
    known = nearest is not None and any(math.isclose(nearest.rate_hz, rate, rel_tol=1e-3) for rate in offered)
    it.judge("of a rate that is not offered the nearest is taken", known, f"CONFIG says {nearest.rate_hz if nearest else None}")
    usual = min(offered, key=lambda rate: abs(rate - 100.0))
    heard = yield Turn(frame_serial(encode_setup(Setup(rate_hz=usual))), ANSWER_S, Kind.CONFIG)
    return _first(heard, Config) or nearest or config


def _starts(it: _Examiner, boot: int | None, by_itself: bool) -> Generator[Turn, Sequence[Heard], None]:
    """What must not start a device, and what must."""
    heard = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, NEVER))), SHORT_S)
    quiet = yield Turn(b"", SHORT_S)
    it.judge("START with time 2^64 - 1 stops it", not _data(quiet), f"{len(_data(quiet))} DATA afterwards")
    if boot:
        heard = yield Turn(frame_serial(encode_start(Start(boot ^ 0x5A5A5A5A or 1, AT_ONCE))), SHORT_S)
        it.judge("a START with another boot id is ignored", not _data(heard), "DATA came")
    heard = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, 1))), SHORT_S)
    it.judge("a START with a time in the past is ignored", not _data(heard), "DATA came")


def _stream(it: _Examiner, config: Config) -> Generator[Turn, Sequence[Heard], list[_Data]]:
    """A stream of some seconds."""
    began = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, AT_ONCE))), STREAM_S)
    data = _data(began)
    if not it.judge("START with time 0 begins the stream", bool(data), _nothing(began, "no DATA")):
        return []
    it.judge("DATA has exactly the length of its count and layout", all(d.whole for d in data), _lengths(data))
    it.judge("DATA names the epoch of the last CONFIG", {d.epoch for d in data} == {config.epoch}, _epochs(data, config))
    it.judge("the span is above 0 with several samples", all(d.span_us > 0 for d in data if d.count > 1), "span 0")
    pairs = list(itertools.pairwise(data))
    steps = [(b.sequence - a.sequence) & 0xFFFF for a, b in pairs]
    it.judge("the sequence counts DATA by one", set(steps) <= {1}, f"steps {sorted(set(steps))}")
    lost = [((b.index - a.index - a.count) & 0xFFFFFFFF) for a, b in pairs]
    told = all(n == 0 or b.flags & 2 for n, (_, b) in zip(lost, pairs, strict=True))
    missing = f"{max(lost, default=0)} samples missing without the flag overrun"
    it.judge("the index goes on by the samples sent", told, missing)
    it.judge("the clock never steps back", all(((b.time_us - a.time_us) & 0xFFFFFFFF) < _HALF for a, b in pairs), "it does")
    if pairs:
        samples = sum(a.count for a, _ in pairs)
        by_device = ((data[-1].time_us - data[0].time_us) & 0xFFFFFFFF) * 1e-6
        by_host = data[-1].at_s - data[0].at_s
        rate = samples / by_device if by_device else math.inf
        near = abs(rate / config.rate_hz - 1.0) < RATE_WITHIN
        it.judge("device time and rate agree", near, f"{rate:.1f} Hz by the device's clock, CONFIG says {config.rate_hz:g}")
        same = by_host > 0 and abs(by_device / by_host - 1.0) < RATE_WITHIN
        it.judge("device time is in µs", same, f"{by_device:.3f} s of it took {by_host:.3f} s")
    it.judge("the factors are right: at rest it measures 1 g", _at_rest(data, config), _size(data, config))
    again = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, AT_ONCE))), SHORT_S)
    more = _data(again)
    goes_on = bool(more) and ((more[0].index - data[-1].index) & 0xFFFFFFFF) < _HALF
    it.judge("a START with time 0 changes nothing in a device that is sending", goes_on, "it began anew or fell silent")
    return [*data, *more]


def _clock(it: _Examiner, boot: int | None) -> Generator[Turn, Sequence[Heard], None]:
    """Two questions for its clock, half a second apart. A device need not answer."""
    asked = [Sync(7001, ANY_BOOT, 1_000_000_007), Sync(7002, ANY_BOOT, 1_500_000_011)]
    answers: list[tuple[float, Sync]] = []
    for question in asked:
        heard = yield Turn(frame_serial(encode_sync(question)), 0.5)
        answers += [(h.at_s, r) for h in heard if isinstance(r := _record(h.message), Sync) and r.exchange == question.exchange]
    if not answers:
        it.judge("SYNC is answered (a device need not)", None, "no answer")
        return
    it.judge("SYNC is answered once", len(answers) == 2, f"{len(answers)} answers to two questions")
    returned = all(a.host_sent_ns in {q.host_sent_ns for q in asked} for _, a in answers)
    it.judge("SYNC returns the host's clock", returned, "it is another one")
    it.judge(
        "SYNC names the boot", boot is None or all(a.boot_id == boot for _, a in answers), f"boot id {answers[0][1].boot_id}"
    )
    ordered = all(a.device_received_us <= a.device_sent_us for _, a in answers)
    it.judge("SYNC was received before it was answered", ordered, "the device's times are the other way round")
    if len(answers) == 2:
        by_device = (answers[1][1].device_received_us - answers[0][1].device_received_us) * 1e-6
        it.judge("SYNC's clock is in µs since boot", 0.3 < by_device < 0.9, f"{by_device:.3f} s passed in half a second")


def _hard_of_hearing(it: _Examiner, config: Config) -> Generator[Turn, Sequence[Heard], None]:
    """What a device must not take for a message."""
    stop = frame_serial(encode_start(Start(ANY_BOOT, NEVER)))
    spoilt = bytes((stop[0], stop[1], stop[2] ^ 0x10 or 0x11)) + stop[3:]
    heard = yield Turn(b"\x00" + spoilt, SHORT_S)
    later = yield Turn(b"", SHORT_S)
    it.judge("a frame with a wrong CRC is dropped", bool(_data(later)), "it obeyed, or fell silent")
    strange = frame_serial(bytes((0x7F, VERSION, 1, 2, 3))) + frame_serial(bytes((Kind.SETUP, VERSION + 1)) + bytes(10))
    heard = yield Turn(b"half a frame\x00" + strange + frame_serial(encode_setup(Setup())), ANSWER_S, Kind.CONFIG)
    found = _first(heard, Config)
    it.judge("unknown kinds, other versions and half a frame are skipped", found == config, f"the next SETUP gave {found}")


def _change_while_streaming(
    it: _Examiner, info: Info | None, config: Config, stream: Sequence[_Data]
) -> Generator[Turn, Sequence[Heard], None]:
    """The rate is changed in a stream: a new CONFIG goes before the new epoch, and the index runs on."""
    others = [rate for rate in (info.rates_hz if info is not None else ()) if rate != config.rate_hz]
    if not others or not stream:
        it.judge("a change of rate in a stream", None, "only one rate is offered")
        return
    heard = yield Turn(frame_serial(encode_setup(Setup(rate_hz=others[0]))), ANSWER_S)
    epochs = {config.epoch}
    early = False
    for one in heard:
        record = _record(one.message)
        if isinstance(record, Config):
            epochs.add(record.epoch)
        elif (data := _header(one)) is not None:
            early |= data.epoch not in epochs
    it.judge("CONFIG comes before the first DATA of its epoch", not early, "DATA of an unknown epoch")
    after = _data(heard)
    runs_on = bool(after) and ((after[-1].index - stream[-1].index) & 0xFFFFFFFF) < _HALF and after[-1].index != 0
    it.judge("the index runs on over a change of rate", runs_on, "it began anew" if after else "no DATA afterwards")
    yield Turn(frame_serial(encode_setup(Setup(rate_hz=config.rate_hz))), ANSWER_S, Kind.CONFIG)


def _stops(it: _Examiner) -> Generator[Turn, Sequence[Heard], None]:
    """It stops, and begins again with its index going on; and at a time that it is told."""
    before = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, NEVER))), SHORT_S)
    quiet = yield Turn(b"", SHORT_S)
    it.judge("it stops when it is told to", not _data(quiet), "DATA goes on")
    ask = yield Turn(frame_serial(encode_sync(Sync(7003, ANY_BOOT, 1))), SHORT_S)
    clocks = [r.device_sent_us for h in ask if isinstance(r := _record(h.message), Sync)]
    if clocks:
        at_us = clocks[0] + 1_000_000
        heard = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, at_us))), 1.8)
        data = _data(heard)
        late_us = ((data[0].time_us - at_us + _HALF) & 0xFFFFFFFF) - _HALF if data else 0
        kept = bool(data) and -2000 <= late_us <= 100_000
        it.judge("the first sample is taken at the time of START", kept, f"{late_us / 1000:.0f} ms off" if data else "no DATA")
    else:
        heard = yield Turn(frame_serial(encode_start(Start(ANY_BOOT, AT_ONCE))), ANSWER_S)
        data = _data(heard)
    old = _data(before)
    if old and data:
        on = ((data[0].index - old[-1].index) & 0xFFFFFFFF) < _HALF
        it.judge("the index goes on over a pause", on, f"{old[-1].index}, then {data[0].index}")
    yield Turn(frame_serial(encode_start(Start(ANY_BOOT, NEVER))), SHORT_S)


def _record(message: bytes) -> Record | None:
    try:
        return decode_message(message)
    except (MalformedMessage, UnsupportedVersion):
        return None


def _first(heard: Sequence[Heard], kind: type[_R]) -> _R | None:
    return next((record for one in heard if isinstance(record := _record(one.message), kind)), None)


def _header(one: Heard) -> _Data | None:
    if one.message[:2] != bytes((Kind.DATA, VERSION)) or len(one.message) < DATA_HEADER.size:
        return None
    _, _, sequence, index, time_us, span_us, count, layout, epoch, flags = DATA_HEADER.unpack_from(one.message)
    raw = one.message[DATA_HEADER.size :]
    return _Data(one.at_s, sequence, index, time_us, span_us, count, layout, epoch, flags, len(one.message), raw)


def _data(heard: Sequence[Heard]) -> list[_Data]:
    return [data for one in heard if (data := _header(one)) is not None]


def _sizes(data: Sequence[_Data], config: Config) -> list[float]:
    """Specific force of the first sample of each whole message, m/s²."""
    found = []
    for one in data:
        if one.whole and len(one.raw) >= 6:
            axes = [int.from_bytes(one.raw[i : i + 2], "little", signed=True) * config.acc_scale for i in (0, 2, 4)]
            found.append(math.hypot(*axes))
    return found


def _at_rest(data: Sequence[_Data], config: Config) -> bool:
    sizes = _sizes(data, config)
    return bool(sizes) and abs(sum(sizes) / len(sizes) / G0 - 1.0) < AT_REST_WITHIN


def _size(data: Sequence[_Data], config: Config) -> str:
    sizes = _sizes(data, config)
    return f"{sum(sizes) / len(sizes):.2f} m/s² on average (is it lying still?)" if sizes else "no samples"


def _lengths(data: Sequence[_Data]) -> str:
    wrong = [d for d in data if not d.whole]
    return (
        f"{len(wrong)} of {len(data)}, e.g. count {wrong[0].count}, layout {wrong[0].layout}: {wrong[0].size} bytes"
        if wrong
        else ""
    )


def _epochs(data: Sequence[_Data], config: Config) -> str:
    return f"epochs {sorted({d.epoch for d in data})}, CONFIG says {config.epoch}"


def _nothing(heard: Sequence[Heard], lacking: str) -> str:
    """What came instead."""
    if not heard:
        return f"{lacking}: nothing at all came"
    kinds = sorted({one.message[0] for one in heard if one.message})
    return f"{lacking}: messages of kind {', '.join(f'0x{kind:02X}' for kind in kinds)} came"
