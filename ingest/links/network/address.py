"""Where a sensor is in the network, as a kit says it; only places of a local network."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.links.link_fault import LinkFault

SCHEMES = ("tcp", "tcp-in", "udp")


class NetworkAddress(NamedTuple):
    """Where a sensor is in the network."""

    scheme: str
    host: str
    port: int


def network_address(port: str) -> NetworkAddress | None:
    """What a kit's `port` says where it names a place in the network; None where it is a serial port. Raises ValueError, in
    words, where it is half one."""
    scheme, separator, _ = port.partition("://")
    if not separator:
        return None
    if scheme.lower() not in SCHEMES:
        raise ValueError(f"{scheme}:// is none of {', '.join(f'{s}://' for s in SCHEMES)}")
    parts = urlsplit(port)
    try:
        number = parts.port
    except ValueError:
        number = None
    if not parts.hostname or not number or parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(f"is not {scheme}://ADDRESS:PORT")
    try:
        host = ipaddress.ip_address(parts.hostname)
    except ValueError:  # a name, which is looked up when it is needed
        host = None
    if host is not None and not _is_local(host):
        raise ValueError(f"{parts.hostname} is no address of a local network")
    return NetworkAddress(scheme.lower(), parts.hostname, number)


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    usable = not (address.is_multicast or address.is_unspecified)
    return usable and (address.is_private or address.is_loopback or address.is_link_local)


def resolved(address: NetworkAddress, port: str) -> str:
    """The number of the sensor's address. Raises `LinkFault`."""
    kind = socket.SOCK_STREAM if address.scheme.startswith("tcp") else socket.SOCK_DGRAM
    try:
        found = socket.getaddrinfo(address.host, address.port, socket.AF_INET, kind)
    except (OSError, UnicodeError):
        remedy = "Write its number (192.168.…) in the kit; it must be in the same network as this computer."
        raise LinkFault("nobody has this name in the network", port, remedy) from None
    number = str(found[0][4][0])
    if not _is_local(ipaddress.ip_address(number)):
        remedy = "Sensors are reached in the local network only: write its address there."
        raise LinkFault(f"{number} is no address of a local network", port, remedy, persistent=True)
    return number
