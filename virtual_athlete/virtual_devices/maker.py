"""The common part of the firmware of all sensors on the market."""

from __future__ import annotations

from virtual_athlete.virtual_devices.peripheral import GattCharacteristic, Outgoing

BATTERY_SERVICE, BATTERY_LEVEL = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("180f", "2a19"))
BATTERY_PERCENT = 87
"""Charge of every virtual sensor (ours)."""


class Maker:
    """Has a rate, and sends nothing before a request."""

    family = ""
    services: tuple[str, ...] = ()
    company_ids: tuple[int, ...] = ()
    gatt: tuple[GattCharacteristic, ...] = ()
    samples_per_packet = 1

    def __init__(self, serial: str, rate_hz: float, name: str = "") -> None:
        self.name = name
        self._serial, self._power_on_rate = serial, rate_hz
        self.rate_hz, self.streaming = rate_hz, False
        self.boot(0)

    def boot(self, number: int) -> None:
        """See `Firmware.boot`."""
        self.rate_hz, self.streaming = self._power_on_rate, False

    def connected(self) -> list[Outgoing]:
        """Nothing is sent without a request."""
        return []

    def disconnected(self) -> None:
        """It stops."""
        self.streaming = False

    def read(self, characteristic: str) -> bytes:
        """The battery's level is all that can be read."""
        return bytes((BATTERY_PERCENT,)) if characteristic == BATTERY_LEVEL else b""
