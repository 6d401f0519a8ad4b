"""The firmware of every family that the fake BlueZ can put into the air, or that sits behind a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Callable

from simulation.virtual_devices import Firmware
from simulation.virtual_devices.firmware_movella_dot import MovellaDotFirmware
from simulation.virtual_devices.firmware_movesense import MovesenseFirmware
from simulation.virtual_devices.firmware_v1 import V1Firmware
from simulation.virtual_devices.firmware_witmotion import WitMotionBleFirmware

FIRMWARE: dict[str, Callable[[str], Firmware]] = {
    "hiphinge-v1": V1Firmware,
    "witmotion-ble": WitMotionBleFirmware,
    "movesense": MovesenseFirmware,
    "movella-dot": MovellaDotFirmware,
}
