"""Checks whether this user may open serial ports, and whether Bluetooth is available, without opening a port or using the
radio.

Where the system does not show it, `hiphinge scan` finds out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hiphinge.checkup.installation import Finding

DEVICES, BLUETOOTH, SWITCHES, BUS = (
    Path("/dev"),
    Path("/sys/class/bluetooth"),
    Path("/sys/class/rfkill"),
    Path("/run/dbus/system_bus_socket"),
)
"""Where Linux lists serial ports, Bluetooth adapters and radio switches, and the bus of BlueZ."""
PORTS = ("ttyUSB*", "ttyACM*", "rfcomm*")
"""Names that Linux gives to serial ports on USB and over Bluetooth (its Documentation/admin-guide/devices.txt)."""
_UNTOLD = "on this system it is known only in use: hiphinge scan"


def access() -> Iterator[Finding]:
    """Serial ports, then Bluetooth. Missing hardware is not a fault; a missing permission is."""
    if not sys.platform.startswith("linux"):
        yield "serial ports", True, _UNTOLD
        yield "bluetooth", True, _UNTOLD
        return
    yield serial_ports(DEVICES)
    yield bluetooth(BLUETOOTH, SWITCHES, BUS)


def serial_ports(devices: Path) -> Finding:
    """Whether every serial port below `devices` may be opened; else the group with permission, and how to join it."""
    ports = sorted(port for name in PORTS for port in devices.glob(name))
    closed = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    if closed:
        group = _group_of(closed[0])
        remedy = f"sudo usermod -aG {group} $USER, then log out and in again"
        return "serial ports", False, f"{', '.join(map(str, closed))} may not be opened (group {group}): {remedy}"
    if ports:
        return "serial ports", True, f"{', '.join(map(str, ports))} may be opened"
    group = "dialout" if _is_group("dialout") else "uucp"
    if os.geteuid() == 0 or group in _own_groups():
        return "serial ports", True, "none is plugged in; you may open them"
    words = f"none is plugged in; you are not in the group {group}, which usually may open them: sudo usermod -aG {group} $USER"
    return "serial ports", True, words


def bluetooth(adapters: Path, switches: Path, bus: Path) -> Finding:
    """Whether there is an adapter, whether it is switched on, and whether the bus of BlueZ may be used."""
    found = sorted(path.name for path in adapters.glob("hci*") if ":" not in path.name)
    if not found:
        return "bluetooth", True, "there is no adapter; serial sensors need none"
    named = ", ".join(found)
    for switch in switches.glob("rfkill*"):
        if _content(switch / "type") == "bluetooth":
            if _content(switch / "hard") == "1":
                return "bluetooth", True, f"{named} is switched off by a switch or in the firmware"
            if _content(switch / "soft") == "1":
                return "bluetooth", True, f"{named} is switched off: rfkill unblock bluetooth"
    if not bus.exists():
        return "bluetooth", False, f"{named} is there, and no D-Bus ({bus}): install and start dbus and bluez"
    if not os.access(bus, os.R_OK | os.W_OK):
        return "bluetooth", False, f"{named} is there, and you may not use D-Bus ({bus}): let the administrator allow it"
    return "bluetooth", True, f"{named} is there and switched on"


def _content(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except OSError:  # just unplugged, or unknown
        return ""


def _group_of(port: Path) -> str:
    import grp

    number = port.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:  # a group without a name
        return str(number)


def _is_group(name: str) -> bool:
    import grp

    try:
        return bool(grp.getgrnam(name))
    except KeyError:
        return False


def _own_groups() -> set[str]:
    import grp

    own = set(os.getgroups())
    return {group.gr_name for group in grp.getgrall() if group.gr_gid in own}
