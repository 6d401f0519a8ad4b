"""What an error of a serial port means, of pyserial or of the system, on Linux, macOS and Windows.

The same word means two things. *Access is denied* at the opening of a port: another program holds it, or it may not be opened.
After it was open: the plug was pulled, and nobody lacks a permission. So the moment counts first, then the system's number,
and only then a word: words are translated, numbers are not.
"""

from __future__ import annotations

import errno
import re
import sys

import serial

from ingest.links.link_fault import LinkFault

try:
    from termios import error as TerminalError
except ImportError:  # not a POSIX system

    class TerminalError(Exception):  # type: ignore[no-redef]
        """Never raised here."""


SERIAL_ERRORS = (serial.SerialException, OSError, TerminalError)
"""All exceptions of an open port; `termios.error` is not an OSError."""
OPENING_ERRORS = (*SERIAL_ERRORS, ValueError, NotImplementedError)
"""All exceptions of a port that is opened: a baud rate that the system does not know is a ValueError."""

_WINDOWS = re.compile(r"Error\(\d+, .*, None, (\d+)")
"""How pyserial shows an error of Windows: ``PermissionError(13, 'Access is denied.', None, 5)``; the last number counts."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
"""How Python shows an error of the system inside the words of another one."""
_OPENING = ("could not open port", "cannot configure port", "could not configure port", "could not exclusively lock")
"""How pyserial begins what it says of a port that it cannot open."""
_HELD = frozenset({errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK})
_ABSENT = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_WINDOWS_HELD = frozenset({5, 32})
"""ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION: a port of Windows has one user at a time, and no owner."""
_WINDOWS_ABSENT = frozenset({2, 3, 433, 1167})
"""ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_NO_SUCH_DEVICE, ERROR_DEVICE_NOT_CONNECTED."""
_WINDOWS_AWAY = 121
"""ERROR_SEM_TIMEOUT: the Bluetooth device behind the port does not answer."""
_WINDOWS_NOT_SO = 87
"""ERROR_INVALID_PARAMETER: the driver does not take this baud rate."""


def fault_of(error: BaseException, port: str, *, opening: bool | None = None) -> LinkFault:
    """The meaning of an error of pyserial or the system, and its remedy. opening: whether it came while the port was opened;
    None: what the error says of that, else yes."""
    text = str(error).lower()
    number = _number_of(error)
    if isinstance(error, serial.SerialTimeoutException):
        return LinkFault("takes nothing that is sent to it", port, "Switch the device off and on; it goes on by itself.")
    if opening is None:
        opening = any(words in text for words in _OPENING) or not isinstance(error, serial.SerialException)
    if not opening:
        # whatever the system calls it: the port worked a moment ago
        return _gone(port)
    shown = _WINDOWS.search(str(error))
    if shown is not None or getattr(error, "winerror", None) is not None:
        return _of_windows(int(shown[1]) if shown is not None else int(error.winerror), port)  # type: ignore[attr-defined]
    if number in _HELD or "exclusively lock" in text:
        return held(port)
    if number in _DENIED or "permission denied" in text:
        return _denied(port)
    if number in _ABSENT:
        return absent(port)
    if number == errno.EINVAL or isinstance(error, ValueError | NotImplementedError):
        return _not_so(port)
    return _gone(port)


def _gone(port: str) -> LinkFault:
    return LinkFault("the port has gone", port, "Plug it in again; it goes on by itself.")


def held(port: str) -> LinkFault:
    """Another program has the port."""
    remedy = "Close the other program (another hiphinge live, a serial monitor) and it goes on by itself."
    if sys.platform == "linux":
        remedy += " ModemManager lets a newly plugged port go after some seconds."
    return LinkFault("another program has this port open", port, remedy, persistent=True, may_pass=True)


def absent(port: str) -> LinkFault:
    """There is no such port."""
    return LinkFault("no such port", port, "Plug it in; hiphinge scan --serial shows the ports that are there.")


def _denied(port: str) -> LinkFault:
    if sys.platform == "linux":
        remedy = "Join the group that owns the port (sudo usermod -aG dialout $USER) and log in again."
    else:
        remedy = "Allow it in the system's settings, and close other programs that use the port."
    return LinkFault("you may not open this port", port, remedy, persistent=True)


def _not_so(port: str) -> LinkFault:
    remedy = "Check baud of this sensor in the kit, or leave it out; a newer driver of the adapter may know more rates."
    return LinkFault("the port cannot be set to this baud rate", port, remedy, persistent=True)


def _of_windows(code: int, port: str) -> LinkFault:
    """What a port of Windows says that is being opened, by the system's number."""
    if code in _WINDOWS_HELD:
        return held(port)
    if code in _WINDOWS_ABSENT:
        return absent(port)
    if code == _WINDOWS_AWAY:
        remedy = "Switch it on, bring it nearer; it must be paired in the system's Bluetooth settings."
        return LinkFault("the Bluetooth device behind this port does not answer", port, remedy)
    if code == _WINDOWS_NOT_SO:
        return _not_so(port)
    remedy = "Pull its plug and put it in again; if that does not help, install the adapter's driver anew."
    return LinkFault("the port is there, but its device does not work", port, remedy)


def _number_of(error: BaseException) -> int | None:
    number = getattr(error, "errno", None)
    if number is None and (shown := _ERRNO.search(str(error))) is not None:
        return int(shown[1])
    if number is None and isinstance(error, TerminalError) and error.args and isinstance(error.args[0], int):
        return error.args[0]
    return number if isinstance(number, int) else None
