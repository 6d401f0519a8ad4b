"""What an error of Bluetooth means, of bleak, BlueZ, WinRT or CoreBluetooth.

By the kind of the exception and the number or name that the system gives, and by words only where a system has nothing else.
*Not found* is a sensor that nobody has heard: it is never read out of another message.
"""

from __future__ import annotations

import re
import sys

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
)

from ingest.links.link_fault import LinkFault

BLE_ERRORS = (BleakError, OSError, EOFError, TimeoutError)
"""All exceptions that a call of bleak may raise; a bus that dies causes EOFError."""
BLUETOOTH = "Bluetooth"
SYSTEM = sys.platform
_OFF = "Switch Bluetooth on (Linux: bluetoothctl power on; rfkill unblock bluetooth)."
_AGAIN = "It is tried again by itself"
_FULL = (
    "connection-limit",
    "connection limit",
    "connection slot",
    "available connection",
    "limited resources",
    "limit reached",
    "maximum number of connections",
    "too many links",
    "not enough resources",
)
"""How systems say that an adapter holds as many connections as it can."""
_ABORTED = (
    "abort-by-local",
    "abort-by-remote",
    "connection-abort",
    "connection abort",
    "br-connection-canceled",
    "0x3e",
    "failed to be established",
)
_NOT_PAIRED = (
    "insufficient authentication",
    "insufficient encryption",
    "insufficient authorization",
    "authentication failed",
    "authentication is insufficient",
    "encryption is insufficient",
    "removed pairing information",
)
_LACKS = re.compile(r"(characteristic|service) .*(not found|not be found)")
"""How backends say that a sensor has not what is asked of it; of a descriptor they say the same, and that tells nothing."""
_LOST = ("service discovery has not been performed", "not connected", "disconnected")
_SLOW = (
    "timed out",
    "connection-timeout",
    "page-timeout",
    "page timeout",
    "unreachable",
    "host is down",
    "not receive a reply",
)


def fault_of(error: BaseException, where: str, *, family: str = "", held: int | None = None) -> LinkFault:
    """The meaning of an error of bleak or the bus, and its remedy. family: that the sensor should be of. held: how many sensors
    this program holds at its adapter."""
    text = f"{error}".lower()
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _not_available(error.reason)
    if isinstance(error, BleakCharacteristicNotFoundError):
        return other_gatt(where, family, f"it has no characteristic {error.char_specifier}")
    if _LACKS.search(text):
        return other_gatt(where, family, f"{error}".rstrip("!."))
    name = error.dbus_error if isinstance(error, BleakDBusError) else ""
    if name.endswith("NotReady") or "not ready" in text or "adapter-not-powered" in text:
        return LinkFault("Bluetooth is switched off", BLUETOOTH, _OFF, persistent=True)
    if any(words in text for words in _NOT_PAIRED) or name.endswith(("AuthenticationFailed", "NotAuthorized")):
        return _not_paired(where)
    if name.endswith(("AccessDenied", "NotPermitted")) or "rejected send message" in text:
        return _denied()
    if name.endswith(("ServiceUnknown", "NameHasNoOwner")) or isinstance(error, FileNotFoundError | ConnectionRefusedError):
        remedy = "Start it (Linux: sudo systemctl start bluetooth; Debian package bluez)."
        return LinkFault("the Bluetooth service is not running", BLUETOOTH, remedy, persistent=True)
    if isinstance(error, EOFError | BrokenPipeError):
        return LinkFault("the Bluetooth service went away", BLUETOOTH, "It goes on by itself when the service is back.")
    if isinstance(error, BleakDeviceNotFoundError) or name.endswith("UnknownObject"):
        return not_found(where)
    if any(words in text for words in _FULL):
        return _full(where, held)
    if any(words in text for words in _ABORTED):
        return _aborted(where, held)
    if "in progress" in text or "inprogress" in text or name.endswith("InProgress"):
        return LinkFault("the adapter is busy", where, f"{_AGAIN}.")
    if isinstance(error, TimeoutError) or any(words in text for words in _SLOW):
        return slow(where, held)
    if any(words in text for words in _LOST):
        return LinkFault("the connection was lost", where, "It goes on by itself when the sensor is back.")
    reason = str(error).removeprefix("[org.bluez.Error.Failed] ") or type(error).__name__
    return LinkFault(
        f"the connection failed ({reason})", where, f"{_AGAIN}; if it does not help, switch the sensor off and on."
    )


def not_found(where: str, *, address: str = "") -> LinkFault:
    """Nobody has heard the sensor. address: in its kit, which may be one that another computer uses for it."""
    foreign = _foreign(address)
    if foreign:
        return LinkFault("not found", where, foreign)
    remedy = (
        "Switch it on, charge it, bring it nearer; a phone or another program that holds it must let it go. The search goes on."
    )
    return LinkFault("not found", where, remedy)


def other_gatt(where: str, family: str, lacks: str, looks_like: str = "") -> LinkFault:
    """The sensor is there, and is none of its kit's family: another device under this name or address, or another firmware."""
    of = f"{family}'s" if family else "this family's"
    like = f" It looks like {looks_like}." if looks_like else ""
    remedy = f"Check family and address of this sensor in the kit (hiphinge scan), or its firmware.{like}"
    return LinkFault(
        f"another GATT than {of}: this is a different device or firmware ({lacks})", where, remedy, persistent=True
    )


def slow(where: str, held: int | None = None) -> LinkFault:
    """The sensor was heard, and does not let itself be connected in time."""
    remedy = (
        f"Bring it nearer; a phone or another program that holds it must let it go; if the adapter holds many devices, "
        f"disconnect some. {_AGAIN}, and the other sensors go on."
    )
    return LinkFault(f"heard, but its connection does not come about in time{_holds(held)}", where, remedy)


def _full(where: str, held: int | None) -> LinkFault:
    remedy = (
        f"Disconnect other Bluetooth devices (headphones, a mouse, a watch), plug in a second adapter, or use the sensor's "
        f"cable. {_AGAIN}, and the other sensors go on."
    )
    return LinkFault(f"the adapter takes no further connection{_holds(held)}", where, remedy)


def _aborted(where: str, held: int | None) -> LinkFault:
    remedy = (
        f"Bring the sensor nearer and the adapter away from USB 3 plugs and Wi-Fi; if the adapter holds many devices, "
        f"disconnect some. {_AGAIN}, and the other sensors go on."
    )
    return LinkFault(f"the connection was aborted by the adapter{_holds(held)}", where, remedy)


def _holds(held: int | None) -> str:
    return "" if held is None else f" (it holds {held} sensor{'' if held == 1 else 's'} of this session)"


def _not_paired(where: str) -> LinkFault:
    how = {"linux": "bluetoothctl pair ADDRESS", "win32": "Settings, Bluetooth & devices, Add device"}
    way = how.get(SYSTEM, "the system asks: confirm it")
    remedy = f"Pair it once ({way}); if it was paired before, remove it there first."
    return LinkFault("the sensor wants to be paired with this computer", where, remedy, persistent=True)


def _not_available(reason: BleakBluetoothNotAvailableReason) -> LinkFault:
    if reason is BleakBluetoothNotAvailableReason.POWERED_OFF:
        return LinkFault("Bluetooth is switched off", BLUETOOTH, _OFF, persistent=True)
    if reason in (
        BleakBluetoothNotAvailableReason.DENIED_BY_USER,
        BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM,
        BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN,
    ):
        return _denied()
    remedy = "Plug in a Bluetooth adapter with Low Energy (4.0 or later), or use serial sensors."
    return LinkFault("this computer has no usable Bluetooth adapter", BLUETOOTH, remedy, persistent=True)


def _denied() -> LinkFault:
    remedies = {
        "linux": "Allow it (sudo usermod -aG bluetooth $USER, then log in again).",
        "darwin": "Allow your terminal program in System Settings, Privacy & Security, Bluetooth, and start it again.",
        "win32": "Allow desktop programs in Settings, Privacy & security, Radios.",
    }
    remedy = remedies.get(SYSTEM, "Allow it in the system's settings.")
    return LinkFault("you may not use Bluetooth", BLUETOOTH, remedy, persistent=True)


def is_of_one_mac(address: str) -> bool:
    """Whether an address is one of macOS, which a Mac makes for itself: a UUID in place of six bytes."""
    return address.count("-") == 4


def _foreign(address: str) -> str:
    """What to do about an address that cannot mean anything on this computer; empty where it can."""
    if not address or (SYSTEM == "darwin") is is_of_one_mac(address):
        return ""
    here = (
        "On macOS each computer gives a sensor an identifier of its own"
        if SYSTEM == "darwin"
        else ("The address in the kit is an identifier that one Mac has made for itself")
    )
    return f"{here}: find it anew with hiphinge scan --save KIT, which also keeps its name, by which it is known everywhere."
