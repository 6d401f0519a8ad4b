"""The firmware of every family that the fake BlueZ can put into the air."""

from __future__ import annotations

from collections.abc import Callable

from simulation.virtual_devices import Firmware
from simulation.virtual_devices.firmware_v1 import V1Firmware

FIRMWARE: dict[str, Callable[[str], Firmware]] = {"hiphinge-v1": V1Firmware}
