"""A Shimmer3's byte stream, cut into data packets and replies; see `family` beside it for what they mean.

There is no checksum: only the first byte and the clock tell a packet from its neighbours' bytes. After bytes that were none, a
packet is believed when others follow it in step.

Source: seemoo-lab/pyshimmer pyshimmer/dev/channels.py, bluetooth/bt_const.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firmware_protocol.codec import Health
from firmware_protocol.families.shimmer3.calibration import REPLY, REPLY_BYTES, Calibration, told

DATA, INQUIRY, ACK, STATUS = 0x00, 0x02, 0xFF, 0x8A
_STATUS_LENGTH = 3
CLOCK_HZ = 32768
TICK_S = 1.0 / CLOCK_HZ
WRAP = 1 << 24
TIMESTAMP = "TIMESTAMP"
_I16, _U16, _B16, _B24 = ("little", 2, True), ("little", 2, False), ("big", 2, True), ("big", 3, True)
CHANNELS: tuple[tuple[str, tuple[str, int, bool] | None], ...] = (
    *((f"ACCEL_LN_{axis}", _I16) for axis in "XYZ"),
    ("VBATT", _I16),
    *((f"ACCEL_WR_{axis}", _I16) for axis in "XYZ"),
    *((f"MAG_REG_{axis}", _I16) for axis in "XYZ"),
    *((f"GYRO_{axis}", _B16) for axis in "XYZ"),
    *((f"EXTERNAL_ADC_A{n}", _U16) for n in range(3)),
    *((f"INTERNAL_ADC_A{n}", _U16) for n in (3, 0, 1, 2)),
    *((f"ACCEL_HG_{axis}", None) for axis in "XYZ"),
    *((f"MAG_WR_{axis}", None) for axis in "XYZ"),
    ("TEMPERATURE", ("big", 2, False)),
    ("PRESSURE", ("big", 3, False)),
    ("GSR_RAW", _U16),
    ("EXG1_STATUS", ("little", 1, False)),
    ("EXG1_CH1_24BIT", _B24),
    ("EXG1_CH2_24BIT", _B24),
    ("EXG2_STATUS", ("little", 1, False)),
    ("EXG2_CH1_24BIT", _B24),
    ("EXG2_CH2_24BIT", _B24),
    *((f"EXG{n}_CH{c}_16BIT", _B16) for n in (1, 2) for c in (1, 2)),
    ("STRAIN_HIGH", _U16),
    ("STRAIN_LOW", _U16),
)
"""Name and (byte order, bytes, signed) of each channel, in the order of their numbers on the wire; None: not known."""
KNOWN_CHANNELS = {name: kind for name, kind in CHANNELS if kind is not None}
PLAUSIBLE_TICKS = 2 * CLOCK_HZ
"""A packet whose clock is further from the one before is taken for other bytes, until packets follow it in step
(ours)."""
CONFIRMED_BY, FASTEST_TICKS, SLOWEST_TICKS = 2, CLOCK_HZ // 1024, CLOCK_HZ // 8
"""After bytes that were no packet, this number of packets must follow at a rate of 8 to 1024 Hz (ours). One byte beside the
right place, the clock would run 256 times too fast or too slow."""
MOST_CHANNELS = 40
"""An inquiry that names more channels is no inquiry (ours)."""


def clock_at(data: bytes, at: int) -> int:
    return int.from_bytes(data[at + 1 : at + 4], "little")


class Layout:
    """Where the channels of a packet lie. ValueError for a channel that is not known, or none."""

    def __init__(self, channels: Sequence[str]) -> None:
        names = [name for name in channels if name != TIMESTAMP]
        unknown = [name for name in names if name not in KNOWN_CHANNELS]
        if unknown or not 0 < len(names) <= MOST_CHANNELS:
            raise ValueError(f"channels {', '.join(unknown) or 'missing'}")
        self.names = tuple(names)
        self.places: dict[str, tuple[int, int, str, bool]] = {}
        at = 4
        for name in names:
            order, size, signed = KNOWN_CHANNELS[name]
            self.places[name] = (at, at + size, order, signed)
            at += size
        self.size = at

    def value(self, packet: bytes, name: str) -> int:
        """What a channel of a packet says."""
        begin, end, order, signed = self.places[name]
        return int.from_bytes(packet[begin:end], "big" if order == "big" else "little", signed=signed)

    def vector(self, packet: bytes, sensor: str) -> tuple[int, int, int]:
        """What the three axes of a sensor say, by the axes of its chip."""
        x, y, z = (self.value(packet, f"{sensor}_{axis}") for axis in "XYZ")
        return x, y, z

    def has(self, sensor: str) -> bool:
        """Whether the three axes of a sensor are among the channels."""
        return all(f"{sensor}_{axis}" in self.places for axis in "XYZ")


class Inquiry:
    """The reply to an inquiry: rate, channels and samples per packet."""

    def __init__(self, rate_hz: float, channels: tuple[str, ...], buffer_size: int) -> None:
        self.rate_hz, self.channels, self.buffer_size = rate_hz, channels, buffer_size


Calibrations = Mapping[str, Calibration]
"""By sensor, ``ACCEL_LN`` and ``GYRO``."""
Piece = tuple[Layout, bytes] | Inquiry | Calibrations


class Stream:
    """Cuts a byte stream into data packets and replies; a reply changes the layout of what follows."""

    def __init__(self, layout: Layout | None, health: Health) -> None:
        self.layout, self._health = layout, health
        self.rest = b""
        self._skipping = False
        """Whether a packet is only believed when others follow it in step."""
        self._counted = False
        self._last: int | None = None
        self._before = ACK
        """The byte before what is looked at."""

    def feed(self, data: bytes) -> list[Piece]:
        """Data packets with their layout, and replies, completed by `data`."""
        data = self.rest + data
        found: list[Piece] = []
        at, end = 0, len(data)
        while at < end:
            size = self._size(data, at)
            if size is None:
                break
            if size == 0:
                self._skip()
                size = 1
            elif data[at] == DATA:
                if not self._skipping and not self._follows(data, at):
                    self._skipping = True
                    continue  # a gap or a restart, if more packets in step follow
                assert self.layout is not None
                self._last = clock_at(data, at)
                self._skipping = self._counted = False
                found.append((self.layout, data[at : at + size]))
            elif data[at] == INQUIRY:
                reply = self._inquiry(data[at : at + size])
                if reply is None:
                    self._skip()
                    size = 1
                else:
                    self._skipping = self._counted = False
                    found.append(reply)
            elif data[at] == REPLY:
                calibrations = told(data[at : at + size])
                if calibrations is None:
                    self._skip()
                    size = 1
                else:
                    found.append(calibrations)
            at += size
            self._before = data[at - 1]
        self.rest = data[at:]
        return found

    def _skip(self) -> None:
        if not self._counted:
            self._health.count("garbage")
        self._skipping = self._counted = True

    def _follows(self, data: bytes, at: int) -> bool:
        """Whether the clock of the packet at `at` goes on from the last one."""
        return self._last is None or (clock_at(data, at) - self._last) % WRAP <= PLAUSIBLE_TICKS

    def _in_step(self, data: bytes, at: int, size: int) -> bool | None:
        """Whether a packet and the next ones begin at `at`, their clocks going on; None where more must come first."""
        for i in range(at, at + CONFIRMED_BY * size, size):
            if i + size + 4 > len(data):
                return None
            step = (clock_at(data, i + size) - clock_at(data, i)) % WRAP
            if data[i + size] != DATA or not FASTEST_TICKS <= step <= SLOWEST_TICKS:
                return False
        return True

    def _size(self, data: bytes, at: int) -> int | None:
        """Bytes of what begins at `at`; 0 where nothing can begin, None where more must come first."""
        first = data[at]
        there = len(data) - at
        if first == DATA and self.layout is not None:
            size = self.layout.size
            if self._skipping:
                in_step = self._in_step(data, at, size)
                return size if in_step else None if in_step is None else 0
            return size if there >= size else None
        if first == INQUIRY:
            if (self._skipping and self._before != ACK) or (there > 7 and not 0 < data[at + 7] <= MOST_CHANNELS):
                return 0
            return None if there < 9 or there < 9 + data[at + 7] else 9 + data[at + 7]
        if self._skipping:
            return 0
        if first == REPLY and self._before == ACK:
            return REPLY_BYTES if there >= REPLY_BYTES else None
        if first == ACK:
            return 1
        if first == STATUS:
            if there > 1 and data[at + 1] != 0x71:
                return 0
            return _STATUS_LENGTH if there >= _STATUS_LENGTH else None
        return 0

    def _inquiry(self, piece: bytes) -> Inquiry | None:
        period = int.from_bytes(piece[1:3], "little")
        numbers = piece[9:]
        if not period or len(set(numbers)) < len(numbers) or any(n >= len(CHANNELS) or CHANNELS[n][1] is None for n in numbers):
            return None
        names = tuple(CHANNELS[n][0] for n in numbers)
        self.layout, self._last = Layout(names), None
        return Inquiry(CLOCK_HZ / period, (TIMESTAMP, *names), piece[8])
