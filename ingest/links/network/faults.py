"""What is wrong with a sensor in the network, in words."""

from __future__ import annotations

import errno

from ingest.links.link_fault import LinkFault


def lost(port: str) -> LinkFault:
    """A connection has ended."""
    return LinkFault("the connection was lost", port, "It goes on by itself when the sensor is back in the network.")


def fault_of(error: OSError, port: str) -> LinkFault:
    """What an error of the network means, and its remedy."""
    if isinstance(error, ConnectionRefusedError):
        return LinkFault("there is a computer at this address, and no sensor at this port", port, "Check the port in the kit.")
    if isinstance(error, PermissionError) or error.errno == errno.EADDRINUSE:
        remedy = "Close the other program, or let the sensor send to another port and name that in the kit."
        return LinkFault("another program has this port open", port, remedy, persistent=True, may_pass=True)
    remedy = "Switch it on; it must be in the same network as this computer, and a firewall must let this program through."
    return LinkFault("does not answer in the network", port, remedy)
