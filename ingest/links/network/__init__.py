"""Sensors in the local network: their addresses in a kit, and their bytes over TCP and UDP."""

from ingest.links.network.address import NetworkAddress, network_address
from ingest.links.network.network_port import NetworkPort

__all__ = ["NetworkAddress", "NetworkPort", "network_address"]
