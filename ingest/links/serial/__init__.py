"""Sensors on serial ports, and byte streams that come as if from one: ports, links, and what their errors mean."""

from ingest.links.serial.serial_link import SerialLink
from ingest.links.serial.serial_port import OpenPort, PortSeen, find_port, list_ports

__all__ = ["OpenPort", "PortSeen", "SerialLink", "find_port", "list_ports"]
