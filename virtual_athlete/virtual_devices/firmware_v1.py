"""Behaviour of a device of protocol v1, over Bluetooth LE, a serial line or behind a gateway. See docs/protocol-v1.md."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from body_signals import Floats
from firmware_protocol import (
    ANY_BOOT,
    AT_ONCE,
    CONTROL,
    DATA,
    EVENT,
    INFO,
    NEVER,
    SERVICE,
    SYNC,
    Config,
    Deframer,
    Health,
    Info,
    Kind,
    MalformedMessage,
    UnsupportedVersion,
    decode_setup,
    decode_start,
    decode_sync,
    encode_config,
    encode_data,
    encode_info,
    encode_sync,
    frame_serial,
    wrap_mux,
)
from virtual_athlete.sensors import Samples
from virtual_athlete.virtual_devices.peripheral import GattCharacteristic, Outgoing

OFFERED_HZ = (50.0, 100.0, 200.0)
OFFERED_G = (4, 8, 16)
OFFERED_DPS = (500, 1000, 2000)


class V1Firmware:
    """A device of protocol v1 over Bluetooth LE."""

    family = "hiphinge-v1"
    services: tuple[str, ...] = (SERVICE,)
    company_ids: tuple[int, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(INFO, SERVICE, ("read",)),
        GattCharacteristic(CONTROL, SERVICE, ("write", "indicate")),
        GattCharacteristic(DATA, SERVICE, ("notify",)),
        GattCharacteristic(SYNC, SERVICE, ("write-without-response", "notify")),
        GattCharacteristic(EVENT, SERVICE, ("notify",)),
    )

    def __init__(self, serial: str = "V1-1", rate_hz: float = 100.0, samples_per_packet: int = 8) -> None:
        self.name = f"hiphinge {serial}"
        self.samples_per_packet = samples_per_packet
        self._power_on_rate = rate_hz
        self._serial = serial
        self.streaming = False
        self.boot(0)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        self._info = Info(
            model="hiphinge virtual",
            serial=self._serial,
            firmware="1.0",
            boot_id=1 + (zlib.crc32(f"{self._serial} {number}".encode()) & 0x7FFFFFFF),
            rates_hz=OFFERED_HZ,
            acc_ranges_g=OFFERED_G,
            gyr_ranges_dps=OFFERED_DPS,
            battery_percent=87,
        )
        self._ranges = (16, 2000)
        self._config = Config.for_ranges(number * 16 + 1 & 0xFF, self._power_on_rate, *self._ranges)
        self._index = self._sequence = 0
        self.streaming = False
        self.begins_at_s: float | None = None
        """Time of the device's clock at which it takes its first sample; None: at once."""

    @property
    def rate_hz(self) -> float:
        """Samples per second as set."""
        return self._config.rate_hz

    def connected(self) -> list[Outgoing]:
        """Over Bluetooth LE the host starts the exchange."""
        return []

    def disconnected(self) -> None:
        """When a BLE link ends, the device stops."""
        self.streaming = False

    def read(self, characteristic: str) -> bytes:
        """Only INFO can be read."""
        return encode_info(self._info) if characteristic == INFO else b""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """SETUP and START, and SYNC."""
        if characteristic == SYNC:
            return [Outgoing(message, SYNC) for message in self._synced(payload, clock_s)]
        return [Outgoing(message, CONTROL) for message in self._answer(payload, clock_s)] if characteristic == CONTROL else []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One DATA message."""
        return [Outgoing(self._data(samples, clock_s), DATA, len(samples))]

    def _answer(self, message: bytes, clock_s: float) -> list[bytes]:
        try:
            if message[:1] == bytes((Kind.SETUP,)):
                setup = decode_setup(message)
                acc = _nearest(setup.acc_range_g, OFFERED_G) if setup.acc_range_g else self._ranges[0]
                gyr = _nearest(setup.gyr_range_dps, OFFERED_DPS) if setup.gyr_range_dps else self._ranges[1]
                rate = _nearest(setup.rate_hz, OFFERED_HZ) if setup.rate_hz else self._config.rate_hz
                wanted = Config.for_ranges(self._config.epoch, rate, acc, gyr)
                if wanted != self._config:
                    self._config = replace(wanted, epoch=self._config.epoch + 1 & 0xFF)
                    self._ranges = (acc, gyr)
                return [encode_config(self._config)]
            if message[:1] == bytes((Kind.START,)):
                start = decode_start(message)
                at_us, now_us = start.device_time_us, int(clock_s * 1e6)
                late = at_us != AT_ONCE and at_us < now_us
                if start.boot_id in (ANY_BOOT, self._info.boot_id) and not late and not (at_us == AT_ONCE and self.streaming):
                    self.streaming = at_us != NEVER
                    self.begins_at_s = None if at_us in (AT_ONCE, NEVER) else at_us * 1e-6
        except (MalformedMessage, UnsupportedVersion):
            return []
        return []

    def _synced(self, message: bytes, clock_s: float) -> list[bytes]:
        """The answer to a SYNC that came at this time of the device's clock."""
        if message[:1] != bytes((Kind.SYNC,)):
            return []
        try:
            asked = decode_sync(message)
        except (MalformedMessage, UnsupportedVersion):
            return []
        now_us = int(clock_s * 1e6)
        answer = replace(asked, boot_id=self._info.boot_id or 0, device_received_us=now_us, device_sent_us=now_us)
        return [encode_sync(answer)]

    def _data(self, samples: Samples, clock_s: Floats) -> bytes:
        stamp = np.floor(clock_s * 1e6).astype(np.int64)
        span = int(stamp[-1] - stamp[0])
        sequence, index, first = self._sequence & 0xFFFF, self._index & 0xFFFFFFFF, int(stamp[0]) & 0xFFFFFFFF
        self._sequence += 1
        self._index += len(samples)
        return encode_data(self._config, sequence, index, first, span, samples.acc, samples.gyr)


class V1SerialFirmware(V1Firmware):
    """The same on a serial line: says INFO and CONFIG whenever a host opens it, goes on when the host leaves.

    begins_by_itself: streams from power on. number: of a gateway's sensor, whose messages go out in MUX.
    """

    family = "hiphinge-v1-serial"
    services: tuple[str, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = ()

    def __init__(
        self,
        serial: str = "V1-1",
        rate_hz: float = 100.0,
        samples_per_packet: int = 8,
        *,
        begins_by_itself: bool = False,
        number: int | None = None,
    ) -> None:
        self._begins, self._number = begins_by_itself, number
        super().__init__(serial, rate_hz, samples_per_packet)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        super().boot(number)
        self._deframer = Deframer(Health())
        self.streaming = self._begins

    def connected(self) -> list[Outgoing]:
        """INFO, then CONFIG."""
        return [self._framed(encode_info(self._info)), self._framed(encode_config(self._config))]

    def disconnected(self) -> None:
        """A device does not notice that its cable is unplugged at the other end."""

    def written(self, payload: bytes, characteristic: str = "", clock_s: float = 0.0) -> list[Outgoing]:
        """SETUP, START and SYNC, in frames."""
        messages = [message for _, message in self._deframer.feed(payload)]
        before = encode_info(self._info)
        answers: list[bytes] = []
        for message in messages:
            configs = self._answer(message, clock_s)
            answers += [before, *configs] if configs else []
            answers += self._synced(message, clock_s)
        return [self._framed(answer) for answer in answers]

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One DATA message in a frame."""
        return [self._framed(self._data(samples, clock_s), len(samples))]

    def _framed(self, message: bytes, samples: int = 0) -> Outgoing:
        return Outgoing(frame_serial(message if self._number is None else wrap_mux(self._number, message)), "", samples)


def _nearest(wanted: float, offered: tuple[float, ...] | tuple[int, ...]) -> int:
    return int(min(offered, key=lambda o: abs(o - wanted)))
