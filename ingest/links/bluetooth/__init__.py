"""Sensors over Bluetooth LE: the adapter that all share, a link for each, what their errors mean, and whose a sensor is."""

from ingest.links.bluetooth.adapter import Adapter, SensorSeen, scan
from ingest.links.bluetooth.ble_link import BleLink, ask_battery
from ingest.links.bluetooth.faults import BLE_ERRORS, BLUETOOTH, fault_of

__all__ = ["BLE_ERRORS", "BLUETOOTH", "Adapter", "BleLink", "SensorSeen", "ask_battery", "fault_of", "scan"]
