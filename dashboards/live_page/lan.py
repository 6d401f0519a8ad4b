"""A page in the network: the machine's addresses, the QR code of an invitation, and certificates of an own authority."""

from __future__ import annotations

import io
import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import segno

from body_signals import HiphingeError

_ELSEWHERE = (("192.0.2.1", 9), ("10.255.255.255", 9))
"""Addresses that nothing is sent to: the way there tells which of the machine's addresses faces the network (RFC 5737)."""


def addresses() -> list[str]:
    """The machine's IPv4 addresses in its networks, the one that faces outward first; empty without a network."""
    found: list[str] = []
    for elsewhere in _ELSEWHERE:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(elsewhere)
            found.append(asking.getsockname()[0])
    with suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [a for a in dict.fromkeys(found) if not ipaddress.ip_address(a).is_loopback and a != "0.0.0.0"]


def qr_text(address: str) -> str:
    """The QR code of an address in block characters, two rows a line."""
    out = io.StringIO()
    segno.make(address, error="l", micro=False).terminal(out, compact=True)
    return out.getvalue()


def qr_svg(address: str) -> str:
    """The QR code as an SVG document."""
    out = io.BytesIO()
    segno.make(address, error="l", micro=False).save(out, kind="svg", xmldecl=False, svgns=True, nl=False, scale=4)
    return out.getvalue().decode()


def certificate(names: Sequence[str], folder: Path | None = None) -> tuple[Path, Path]:
    """Files of a certificate for these addresses and this machine, and of its key, signed by an authority of our own."""
    raise HiphingeError("not there yet", "--tls", "Leave it out")
