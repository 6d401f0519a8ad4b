"""What a Movella DOT does: rate and payload mode by control characteristics, one sample a notification, its clock in µs."""

from __future__ import annotations

import numpy as np

from firmware_protocol.movella_dot import (
    BATTERY,
    BATTERY_SERVICE,
    COMPANY_ID,
    CONFIGURATION_SERVICE,
    DEVICE_CONTROL,
    MEASUREMENT_CONTROL,
    MEASUREMENT_SERVICE,
    RATES_HZ,
    SAMPLE_MODES,
    decode_command,
    encode_battery,
    encode_sample,
    uuid,
)
from signals.blocks import Floats
from simulation.sensors import Samples
from simulation.virtual_devices.peripheral import GattCharacteristic, Outgoing

_LONG, _MEDIUM, _SHORT = uuid("2002"), uuid("2003"), uuid("2004")
_LONG_MODES = (26,)
_BATTERY_PERCENT = 87


class MovellaDotFirmware:
    """Live measuring; nothing is recorded on the device."""

    family = "movella-dot"
    services: tuple[str, ...] = (CONFIGURATION_SERVICE,)
    company_ids: tuple[int, ...] = (COMPANY_ID,)
    gatt: tuple[GattCharacteristic, ...] = (
        GattCharacteristic(DEVICE_CONTROL, CONFIGURATION_SERVICE, ("read", "write")),
        GattCharacteristic(MEASUREMENT_CONTROL, MEASUREMENT_SERVICE, ("read", "write")),
        GattCharacteristic(_LONG, MEASUREMENT_SERVICE, ("notify",)),
        GattCharacteristic(_MEDIUM, MEASUREMENT_SERVICE, ("notify",)),
        GattCharacteristic(_SHORT, MEASUREMENT_SERVICE, ("notify",)),
        GattCharacteristic(BATTERY, BATTERY_SERVICE, ("read", "notify")),
    )
    samples_per_packet = 1

    def __init__(self, serial: str = "1") -> None:
        self.name = f"Movella DOT {serial}"
        self.boot(0)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        self.rate_hz, self.streaming, self._mode = 60.0, False, 26

    def connected(self) -> list[Outgoing]:
        """It waits to be asked."""
        return []

    def disconnected(self) -> None:
        """Measuring ends with the link."""
        self.streaming = False

    def read(self, characteristic: str) -> bytes:
        """The battery."""
        return encode_battery(_BATTERY_PERCENT, False) if characteristic == BATTERY else b""

    def written(self, payload: bytes, characteristic: str = "") -> list[Outgoing]:
        """The rate, not while measuring; start and stop."""
        command = decode_command(payload, {}) or {"op": ""}
        if characteristic == DEVICE_CONTROL and not self.streaming and command.get("rate_hz") in RATES_HZ:
            self.rate_hz = float(command["rate_hz"])
        elif characteristic == MEASUREMENT_CONTROL and command["op"] == "stop_measurement":
            self.streaming = False
        elif command["op"] == "start_measurement" and command["payload_mode"] in SAMPLE_MODES:
            self.streaming, self._mode = True, command["payload_mode"]
        return []

    def packed(self, samples: Samples, clock_s: Floats) -> list[Outgoing]:
        """One sample; its orientation is that of a sensor that never turns, for nobody computes with it."""
        values = {"acc": samples.acc[0], "gyr": samples.gyr[0], "quat": np.array([1.0, 0.0, 0.0, 0.0])}
        payload = encode_sample(self._mode, int(np.floor(float(clock_s[0]) * 1e6)), values)
        return [Outgoing(payload, _LONG if self._mode in _LONG_MODES else _MEDIUM, 1)]
