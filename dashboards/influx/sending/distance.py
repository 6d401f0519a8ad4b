"""Whether a server is in this computer's own network: there compressing costs more than it saves."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_near(url: str) -> bool:
    """Whether the host of this address is this computer, or in a private network (RFC 1918, 4193): then nothing is compressed.

    Its name is resolved, which takes as long as the system lets it. A name that is not known counts as near: the request that
    follows says so.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = {host} if _is_address(host) else {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return True
    # an address of IPv6 may name its interface
    return all(ip_address(one.partition("%")[0]).is_private for one in found)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
