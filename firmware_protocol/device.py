"""What a host must know of a device family besides its bytes: how to recognise it, what to say to it, what it can do.

All of it is data and pure functions. A reader (`ingest/links/`) does the talking: it connects,
subscribes to `BleAccess.notify`, takes the steps of `configure`, then (for all sensors of a kit together) those of
`start`, and hands every notification and every value read to the recording as a packet of that sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from body_signals import NO_SETTINGS, Setting
from firmware_protocol.codec import Codec
from firmware_protocol.packets import Fields, PacketReader


class Clock(StrEnum):
    """What a family's samples say of time."""

    DEVICE = "device"
    """The device's own clock is in the stream."""
    COUNTER = "counter"
    """Samples are numbered, not timed."""
    NONE = "none"
    """Neither: samples are counted as they come, and a loss is an estimate."""


@dataclass(frozen=True, slots=True)
class Write:
    """Send `payload`. characteristic: 128-bit UUID in lower case, empty on a serial line. pause_s: wait after it."""

    payload: bytes
    characteristic: str = ""
    response: bool = True
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """Read a characteristic; its value goes the way of a notification."""

    characteristic: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Send `payload` as `Write` does, and go on as the device answers. known: the fact of the family's codec that is awaited.
    then: the next steps, from the facts; these lack it where no answer came within wait_s."""

    payload: bytes
    known: str
    then: Callable[[Mapping[str, str | float]], tuple[Step, ...]] = field(compare=False)
    characteristic: str = ""
    wait_s: float = 0.5

    @property
    def question(self) -> Write:
        """What is sent."""
        return Write(self.payload, self.characteristic)


Step = Write | Read | Ask


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a device. config: as in `body_signals.Sensor.config`. None: the family's own default."""

    rate_hz: float | None = None
    acc_range_g: float | None = None
    gyr_range_dps: float | None = None
    config: Mapping[str, Setting] = field(default_factory=lambda: NO_SETTINGS)


Conversation = Callable[[Request], tuple[Step, ...]]


def say_nothing(request: Request) -> tuple[Step, ...]:
    """The conversation of a device that streams by itself."""
    return ()


@dataclass(frozen=True, slots=True)
class BleAccess:
    """How a family is found and heard over Bluetooth LE. UUIDs are 128-bit, lower case.

    services: service UUIDs, any of which in an advertisement names the family. name_prefixes: beginnings of the
    advertised name that do. company_ids: of manufacturer data that do. notify: characteristics to subscribe to, in
    order. battery: a characteristic whose first byte is percent.
    """

    services: tuple[str, ...]
    notify: tuple[str, ...]
    name_prefixes: tuple[str, ...] = ()
    company_ids: tuple[int, ...] = ()
    battery: str | None = "00002a19-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class SerialAccess:
    """How a family is reached over a serial line, 8N1, or as the same bytes in a network. bauds: in the order in which they are
    tried.

    usb_ids: (vendor, product) of ports that are surely of this family. dtr: whether the board sends only with DTR set.
    datagrams: its packets have neither beginning nor end of their own: it is reached over UDP alone.
    """

    bauds: tuple[int, ...]
    usb_ids: tuple[tuple[int, int], ...] = ()
    dtr: bool = True
    datagrams: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFamily:
    """One family of sensors.

    name: the word in kits and sessions. title: for people. codec: a fresh decoder; (config, rate_hz) are those of
    `body_signals.Sensor`; raises HiphingeError that names the word at fault. rates_hz: that can be asked for; empty: the
    device's own setting. default_rate_hz: asked for where the kit says nothing. configure, start, stop: the steps, in
    order. repeatable: whether configure and start may be said again where nothing streams, whatever the device has heard of
    them. probe: what asks the device's clock, of a number for the question and the host's clock in ns; None where it cannot be
    asked. config_words: what `config` may say, word → meaning. reader: shows single packets; its configuration is what
    is known of the bytes. command: what bytes written to the device say, None when they are no command.
    """

    name: str
    title: str
    clock: Clock
    codec: Callable[[Mapping[str, Setting], float | None], Codec]
    ble: BleAccess | None = None
    serial: SerialAccess | None = None
    rates_hz: tuple[float, ...] = ()
    default_rate_hz: float = 100.0
    acc_ranges_g: tuple[float, ...] = ()
    gyr_ranges_dps: tuple[float, ...] = ()
    configure: Conversation = say_nothing
    probe: Callable[[int, int], Write] | None = None
    start: Conversation = say_nothing
    repeatable: bool = False
    stop: Conversation = say_nothing
    config_words: Mapping[str, str] = field(default_factory=dict)
    reader: Callable[[Mapping[str, Any]], PacketReader] | None = None
    command: Callable[[bytes, Mapping[str, Any]], Fields | None] | None = None
