"""A device of protocol v1 over Bluetooth, as if it were on a serial line, so that one examination holds for both.

Nordic's UART service carries the frames of a serial line. The service of protocol v1 carries bare messages, each kind on its
characteristic, and INFO is read: it is told as if it had come before the answer to SETUP.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware_protocol import CONTROL, DATA, EVENT, INFO, SYNC, Deframer, Health, Kind, frame_serial
from ingest.links import LEAST_WRITE, UART_NOTIFY, UART_WRITE, GattLine, LinkFault

Heard = Callable[[int, bytes], object]
Gone = Callable[[LinkFault], object]


class OverBluetooth:
    """The same face as `ingest.links.OpenPort`. Raises `LinkFault`."""

    def __init__(self, address: str, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        self._heard, self._clock_ns = heard, clock_ns
        self._deframer = Deframer(Health())
        self._gatt = GattLine(address, (UART_NOTIFY, CONTROL, DATA, EVENT, SYNC), self._arrived, gone, clock_ns)
        if not self._gatt.has(UART_NOTIFY) and not self._gatt.has(CONTROL):
            self._gatt.close()
            remedy = "See GATT in docs/protocol-v1.md, or offer Nordic's UART service."
            raise LinkFault("it has neither the service of protocol v1 nor Nordic's UART", address, remedy)

    def listen(self) -> None:
        """It is listened to since it was connected."""

    def write(self, data: bytes) -> None:
        """Send frames of a serial line. Raises `LinkFault`."""
        if self._gatt.has(UART_WRITE):
            for at in range(0, len(data), LEAST_WRITE):
                self._gatt.write(UART_WRITE, data[at : at + LEAST_WRITE], response=False)
            return
        for _, message in self._deframer.feed(data):
            if message[:1] == bytes((Kind.SETUP,)) and self._gatt.has(INFO):
                self._heard(self._clock_ns(), frame_serial(self._gatt.read(INFO)))
            by_sync = message[:1] == bytes((Kind.SYNC,))
            if not by_sync or self._gatt.has(SYNC):
                self._gatt.write(SYNC if by_sync else CONTROL, message, response=not by_sync)

    def close(self, *, discard: bool = False) -> None:
        """Let the device go."""
        self._gatt.close()

    def _arrived(self, arrival_ns: int, characteristic: str, value: bytes) -> None:
        if characteristic == UART_NOTIFY:
            self._heard(arrival_ns, value)
        elif value:
            self._heard(arrival_ns, frame_serial(value))
