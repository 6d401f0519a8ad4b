"""Who may see a session's page: tokens, cookies, roles, and which Host and Origin are ours.

A token stands in the fragment of the page's address, which no browser sends to a server; the page hands it in once, by
``POST /login``, for a cookie. Tokens of this machine may be used again and from this machine only; those for the network serve
once.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MOST_LOGINS = 256
"""Cookies that are known at a time; the oldest one that nobody uses makes place (ours)."""
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


def new_token() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of a page's certificate and key, and of the authority that signed it, which a tablet is told to trust."""

    chain: Path
    key: Path
    authority: Path


class Role(StrEnum):
    """What a page may do."""

    OPERATOR = "operator"
    """See and act: marks, pain, notes, targets, stop."""
    VIEWER = "viewer"
    """See."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    role: Role
    once: bool


@dataclass(slots=True)
class Login:
    """A cookie that was handed out. id: its name in the list of viewers, which says nothing of the cookie."""

    id: str
    role: Role
    address: str
    since_s: float
    """Session time."""
    sockets: int = 0
    """How many are open with it."""


@dataclass(slots=True)
class Access:
    """Tokens, cookies and hosts of one page. addresses: of this machine in the network; empty: only this machine may come."""

    addresses: tuple[str, ...] = ()
    _tokens: list[_Token] = field(default_factory=list)
    _logins: dict[str, Login] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def token(self, role: Role, *, once: bool = False) -> str:
        """A new token, 192 random bits. once: for the network, and used up by its first login."""
        value = new_token()
        self.let_in(value, role, once=once)
        return value

    def let_in(self, value: str, role: Role, *, once: bool = False) -> None:
        """This token lets in from here on."""
        with self._lock:
            self._tokens.append(_Token(value, role, once))

    def login(self, token: str, address: str, since_s: float = 0.0) -> tuple[str, Login] | None:
        """The cookie for a token from a machine, at a session time; None where it does not let in."""
        with self._lock:
            found = None
            for known in self._tokens:
                # all are compared, each in constant time
                if hmac.compare_digest(known.value.encode(), token.encode("utf-8", "replace")):
                    found = known
            if found is None or not (found.once or is_loopback(address)):
                return None
            if found.once:
                self._tokens.remove(found)
            if len(self._logins) >= MOST_LOGINS:
                idle = [cookie for cookie, login in self._logins.items() if not login.sockets]
                if not idle:
                    return None
                del self._logins[idle[0]]
            self._count += 1
            cookie = new_token()
            login = self._logins[cookie] = Login(f"v{self._count}", found.role, address, since_s)
            return cookie, login

    def known(self, cookie: str) -> Login | None:
        """Whose cookie it is."""
        with self._lock:
            return self._logins.get(cookie)

    def revoke(self, id: str) -> bool:
        """Take a login back; whether there was one."""
        with self._lock:
            gone = [cookie for cookie, login in self._logins.items() if login.id == id]
            for cookie in gone:
                del self._logins[cookie]
        return bool(gone)

    def host_is_ours(self, hosts: Iterable[str]) -> bool:
        """Whether a request is for this machine by a name that nobody else can give it: no name of a foreign domain."""
        hosts = list(hosts)
        if len(hosts) != 1:
            return False
        name, _, port = hosts[0].rpartition(":") if not hosts[0].endswith("]") else (hosts[0], "", "")
        if not name:
            name, port = port, ""
        if port and not (port.isascii() and port.isdigit()):
            return False
        return name.lower() in LOOPBACK_NAMES or name.strip("[]").lower() in self.addresses


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def origin_is_ours(origins: Iterable[str], host: str, *, must: bool = False) -> bool:
    """Whether a request comes from a page of the same host. What is no browser says no origin, and needs a cookie or token too;
    must: an origin has to be said, as every browser does where it opens a socket."""
    origins = list(origins)
    if not origins:
        return not must
    return len(origins) == 1 and origins[0].lower() in (f"http://{host}".lower(), f"https://{host}".lower())
