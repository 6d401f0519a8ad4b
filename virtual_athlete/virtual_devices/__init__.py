"""Virtual devices: whole streams made at once (`streams`), and peripherals that a host talks to (`peripheral`, firmware).

A peripheral knows no transport: tests put it behind a fake BlueZ or a pseudo-terminal, the demo behind the latter.
"""

from virtual_athlete.virtual_devices.peripheral import (
    Faults,
    Firmware,
    GattCharacteristic,
    Outgoing,
    PeripheralLedger,
    VirtualPeripheral,
)
from virtual_athlete.virtual_devices.streams import (
    FAMILY,
    MAX_SAMPLES_PER_PACKET,
    DeviceSettings,
    Ledger,
    Reboot,
    VirtualKit,
    VirtualSensor,
    encode_stream,
    quantised,
)

__all__ = [
    "FAMILY",
    "MAX_SAMPLES_PER_PACKET",
    "DeviceSettings",
    "Faults",
    "Firmware",
    "GattCharacteristic",
    "Ledger",
    "Outgoing",
    "PeripheralLedger",
    "Reboot",
    "VirtualKit",
    "VirtualPeripheral",
    "VirtualSensor",
    "encode_stream",
    "quantised",
]
