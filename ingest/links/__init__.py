"""Sensors that stream: kits, Bluetooth LE and serial links, and the log that gives their events an order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.links.bluetooth import LEAST_WRITE, UART_NOTIFY, UART_WRITE, GattLine, SensorSeen, ask_battery, scan
    from ingest.links.event_log import EventLog
    from ingest.links.kit import GATEWAY_FAMILY, Kit, KitSensor, add_to_kit, is_bluetooth_address, read_kit
    from ingest.links.kit_reader import KitReader
    from ingest.links.link_fault import LinkFault
    from ingest.links.link_status import LinkState, LinkStatus
    from ingest.links.nearby import Near, Nearby
    from ingest.links.network import NetworkPort
    from ingest.links.serial import OpenPort, PortSeen, SerialLink, find_port, list_ports
    from ingest.links.strangers import Stranger

__all__ = [
    "GATEWAY_FAMILY",
    "LEAST_WRITE",
    "UART_NOTIFY",
    "UART_WRITE",
    "EventLog",
    "GattLine",
    "Kit",
    "KitReader",
    "KitSensor",
    "LinkFault",
    "LinkState",
    "LinkStatus",
    "Near",
    "Nearby",
    "NetworkPort",
    "OpenPort",
    "PortSeen",
    "SensorSeen",
    "SerialLink",
    "Stranger",
    "add_to_kit",
    "ask_battery",
    "find_port",
    "is_bluetooth_address",
    "list_ports",
    "read_kit",
    "scan",
]

_FROM = {
    "EventLog": "event_log",
    "GATEWAY_FAMILY": "kit",
    "GattLine": "bluetooth",
    "Kit": "kit",
    "KitReader": "kit_reader",
    "KitSensor": "kit",
    "LEAST_WRITE": "bluetooth",
    "LinkFault": "link_fault",
    "LinkState": "link_status",
    "LinkStatus": "link_status",
    "Near": "nearby",
    "Nearby": "nearby",
    "NetworkPort": "network",
    "OpenPort": "serial",
    "PortSeen": "serial",
    "find_port": "serial",
    "SensorSeen": "bluetooth",
    "SerialLink": "serial",
    "Stranger": "strangers",
    "UART_NOTIFY": "bluetooth",
    "UART_WRITE": "bluetooth",
    "add_to_kit": "kit",
    "ask_battery": "bluetooth",
    "is_bluetooth_address": "kit",
    "list_ports": "serial",
    "read_kit": "kit",
    "scan": "bluetooth",
}
"""The module or wing of each name; loaded on first use, because bleak and pyserial are slow to import."""


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FROM[name]}"), name)
