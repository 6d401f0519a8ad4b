"""Whether what a sensor sends is understood: a link may bring bytes all day that no sample comes out of.

The wrong family in the kit, a baud rate that is nearly right, a line with a comma too many: the link streams, and there is
nothing to see. So the first packets of each connection are decoded here too, until samples have come out of them.
"""

from __future__ import annotations

import numpy as np

from firmware_protocol import DEVICE_FAMILIES, DeviceFamily, Request, codec_for

UNDERSTOOD_S = 2.0
"""Time, s, within which something must be understood of what a sensor sends (ours)."""
WINDOW_S, IN_A_ROW, MOST_WINDOWS = 1.0, 3, 30
"""Time, s, over which samples are counted; windows in a row that must agree, because what a sensor had in store comes all at
once when it is first heard; and after how many the rate of a stream is not looked for any more (ours)."""
STEADY, OFF = 0.1, 0.2
"""Part by which windows may differ, and the rate from what was asked for (ours)."""
ENOUGH = 5
"""Samples after which a stream counts as understood, and that another family must find in it to be named (ours)."""
_KEPT_BYTES = 4096
"""Bytes that are kept to be told, and tried on other families (ours)."""
_SHOWN = 8
_LEAST_M_S2, _MOST_M_S2 = 3.0, 40.0
"""Range of the mean acceleration of a sensor that is worn or lies: what is outside was read by chance (ours)."""


class Hearing:
    """What is understood of a connection's packets so far."""

    def __init__(self, family: DeviceFamily, request: Request) -> None:
        self._family, self._request = family, request
        self._codec = codec_for(family.name, request.config, request.rate_hz)
        self._packets: list[bytes] = []
        self._kept = 0
        self.bytes = 0
        self.samples = 0
        self.rate_hz: float | None = None
        """Samples a second that were sent since `begin`; None until it is measured."""
        self._began_ns: int | None = None
        """When the present window began."""
        self._sent = 0
        self._windows: list[float] = []
        self._measures = False

    @property
    def understood(self) -> bool:
        """Whether samples came, or the device said something of itself."""
        return self.samples >= ENOUGH or bool(self._codec.facts)

    @property
    def serial(self) -> str:
        """The number that the sensor has told of itself; empty until it has."""
        return str(self._codec.facts.get("serial", ""))

    def begin(self) -> None:
        """The device was told to stream as it was asked to: its rate is measured from here on."""
        self._measures, self._began_ns, self._sent, self.rate_hz = True, None, 0, None
        self._windows.clear()

    @property
    def other_rate(self) -> str:
        """What is said of a stream of another rate than was asked for; empty where it is as it should be, or not known."""
        asked = self._request.rate_hz
        if asked is None or self.rate_hz is None or abs(self.rate_hz / asked - 1.0) <= OFF:
            return ""
        return f"sends {self.rate_hz:.0f} samples a second, {asked:g} were asked for"

    def hear(self, payload: bytes, arrival_ns: int = 0) -> None:
        """The next packet; nothing is decoded any more once samples have come, and their rate is known."""
        self.bytes += len(payload)
        if self.samples >= ENOUGH and not self._measures:
            return
        blocks = self._codec.feed(payload)
        self.samples += sum(len(block) for block in blocks)
        if self._measures:
            self._measure(sum(len(block) + int(block.lost.sum()) for block in blocks), arrival_ns)
        if self._kept < _KEPT_BYTES:
            self._packets.append(payload[: _KEPT_BYTES - self._kept])
            self._kept += len(self._packets[-1])

    def _measure(self, sent: int, arrival_ns: int) -> None:
        if self._began_ns is None:
            self._began_ns = arrival_ns if sent else None
            return
        self._sent += sent
        took_s = (arrival_ns - self._began_ns) * 1e-9
        if not sent or took_s < WINDOW_S:
            return
        self._windows.append(self._sent / took_s)
        self._began_ns, self._sent = arrival_ns, 0
        last = self._windows[-IN_A_ROW:]
        if len(last) == IN_A_ROW and max(last) <= (1.0 + STEADY) * min(last):
            self.rate_hz, self._measures = sum(last) / IN_A_ROW, False
        elif len(self._windows) == MOST_WINDOWS:
            self._measures = False

    @property
    def words(self) -> str:
        """How much came, how it begins, and what it looks like."""
        begins = b"".join(self._packets)
        alike = self._looks_like(begins)
        likeness = f", looks like {alike}" if alike else ""
        return f"{self.bytes:,} bytes of {self._family.name} that begin {_shown(begins)}{likeness}"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if b",\n" in (text := b"".join(self._packets).replace(b"\r", b"")) and self._family.name == "text-csv":
            return "Its lines end with a separator: print no separator after the last number."
        words = ", ".join(f"{word} {n:,}" for word, n in sorted(self._codec.health.items()))
        counted = f" What was counted: {words}." if words else ""
        lines = "columns, separator" if text.isascii() and b"\n" in text else "family, baud rate"
        return f"Check {lines} and settings of this sensor in the kit.{counted}"

    def _looks_like(self, begins: bytes) -> str:
        """The family that finds most samples in these bytes, however they were cut."""
        found: dict[str, int] = {}
        for name, family in DEVICE_FAMILIES.items():
            if name == self._family.name:
                continue
            whole = family.serial is not None and not family.serial.datagrams and family.ble is None
            codec = codec_for(name)
            blocks = [block for piece in ([begins] if whole else self._packets) for block in codec.feed(piece)]
            samples = sum(len(block) for block in blocks)
            if samples < ENOUGH or sum(codec.health.values()) > samples:
                continue
            size = float(np.linalg.norm(np.concatenate([block.acc for block in blocks]), axis=1).mean())
            if _LEAST_M_S2 < size < _MOST_M_S2:
                found[name] = samples
        if not found:
            return ""
        best = max(found, key=lambda name: found[name])
        over_usb = self._family.serial is not None and self._family.ble is None and DEVICE_FAMILIES[best].serial is None
        return f"{best} over USB" if over_usb else best


def _shown(begins: bytes) -> str:
    """The first bytes, as text where they are text."""
    line = begins.split(b"\n")[0].rstrip(b"\r")
    if len(line) > 1 and line.isascii() and line.decode("ascii").isprintable():
        return repr(line[: 4 * _SHOWN].decode("ascii")) + (" …" if len(line) > 4 * _SHOWN else "")
    return begins[:_SHOWN].hex(" ") + (" …" if len(begins) > _SHOWN else "")
