"""A page in the network: the machine's addresses, the QR code of an invitation, and certificates of an own authority."""

from __future__ import annotations

import io
import ipaddress
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import segno

from body_signals import HiphingeError
from dashboards.live_page.access import Certificate
from on_disk import make_private_folder, read_bytes, write_private

_ELSEWHERE = (("192.0.2.1", 9), ("10.255.255.255", 9))
"""Addresses that nothing is sent to: the way there tells which of the machine's addresses faces the network (RFC 5737)."""
VALID_DAYS = 397
"""Of a page's certificate; it is made anew at each start. Tablets refuse one that is valid for longer than 398 or 825 days."""
_MOST_BYTES = 1 << 16


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


def certificate(names: Sequence[str], folder: Path) -> Certificate:
    """A certificate for these addresses and this machine, signed by the authority in `folder`, which is made the first time.

    HiphingeError where the library for it is not installed, or the folder cannot be written.
    """
    try:
        import trustme
    except ImportError:
        remedy = 'Install it with: pip install "hiphinge[tls]"'
        raise HiphingeError("the library that makes certificates (trustme) is not installed", "--tls", remedy) from None
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    found = Certificate(folder / "page.pem", folder / "page.key", authority)
    try:
        make_private_folder(folder)
        if not (authority.exists() and authority_key.exists()):
            made = trustme.CA(organization_name="hiphinge", organization_unit_name=f"live page of {socket.gethostname()}")
            write_private(authority_key, made.private_key_pem.bytes())
            write_private(authority, made.cert_pem.bytes())
        signing = trustme.CA.from_pem(read_bytes(authority, _MOST_BYTES), read_bytes(authority_key, _MOST_BYTES))
        since = datetime.now(UTC) - timedelta(days=1)
        until = since + timedelta(days=VALID_DAYS)
        leaf = signing.issue_cert("localhost", "127.0.0.1", "::1", *names, not_before=since, not_after=until)
        write_private(found.chain, b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        write_private(found.key, leaf.private_key_pem.bytes())
    except (OSError, ValueError) as error:
        remedy = f"Make the folder writable, or remove {authority.name} and {authority_key.name} for a new authority"
        raise HiphingeError(f"no certificate can be made: {error}", str(folder), remedy) from None
    return found
