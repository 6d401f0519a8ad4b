"""Sensors in the local network: their addresses in a kit, and their bytes over TCP and UDP."""

from ingest.links.network.network_port import NetworkAddress, NetworkPort, network_address

__all__ = ["NetworkAddress", "NetworkPort", "network_address"]
