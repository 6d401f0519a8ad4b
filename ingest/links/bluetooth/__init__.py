"""Sensors over Bluetooth LE: the adapter that all share, a link for each, what their errors mean, and whose a sensor is."""

from ingest.links.bluetooth.adapter import Adapter, SensorSeen, scan
from ingest.links.bluetooth.ble_link import LEAST_WRITE, UART_NOTIFY, UART_WRITE, BleLink, ask_battery
from ingest.links.bluetooth.faults import BLE_ERRORS, BLUETOOTH, fault_of
from ingest.links.bluetooth.gatt_line import GattLine

__all__ = [
    "BLE_ERRORS",
    "BLUETOOTH",
    "LEAST_WRITE",
    "UART_NOTIFY",
    "UART_WRITE",
    "Adapter",
    "BleLink",
    "GattLine",
    "SensorSeen",
    "ask_battery",
    "fault_of",
    "scan",
]
