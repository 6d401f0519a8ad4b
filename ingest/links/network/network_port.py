"""A sensor in the local network in place of a serial port: the same bytes over TCP or UDP, from the address in the kit.

``tcp://192.168.4.1:7000`` connects to the sensor. ``tcp-in://192.168.4.1:1399`` waits on this computer's port 1399 until the
sensor calls. ``udp://192.168.4.1:7000`` listens on this computer's port 7000, takes what comes from that sensor alone, and
answers it where it sends from. Several sensors may call, or send to, one port: their addresses tell them apart. Addresses
outside the local network are refused: nothing goes to the internet, and what nobody named is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingest.links.link_fault import LinkFault
from ingest.links.network.address import network_address, resolved
from ingest.links.network.tcp import Gone, Heard, Tcp, TcpCall
from ingest.links.network.udp import Udp

_LINES: Mapping[str, type[Tcp | TcpCall | Udp]] = {"tcp": Tcp, "tcp-in": TcpCall, "udp": Udp}


class NetworkPort:
    """A sensor's byte stream from the network; `listen` starts its thread. The same face as `OpenPort`.

    heard(arrival_ns, data) and gone(fault) are called in the thread; after gone there are no more calls. Raises `LinkFault`.
    """

    def __init__(self, port: str, heard: Heard, gone: Gone, clock_ns: Callable[[], int]) -> None:
        try:
            address = network_address(port)
        except ValueError as error:
            raise LinkFault(str(error), port, "Write tcp://ADDRESS:PORT, tcp-in:// or udp://.", persistent=True) from None
        assert address is not None
        number = resolved(address, port)
        self._line = _LINES[address.scheme](port, number, address.port, heard, gone, clock_ns)

    def listen(self) -> None:
        """Begin to read."""
        self._line.listen()

    def write(self, data: bytes) -> None:
        """Send. Raises `LinkFault`."""
        self._line.write(data)

    def close(self, *, discard: bool = False) -> None:
        """End; never raises, and may be called twice."""
        self._line.close()
