"""`hiphinge decode --conformance PLACE`: drives a device of protocol v1 through the protocol and says what it does wrong.

The place is named as in a kit: a serial port, ``tcp://`` or ``udp://`` in the network, or a Bluetooth address. Over Bluetooth
the device has the service of protocol v1, or Nordic's UART service with the frames of a serial line.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from firmware_protocol import Deframer, Health, Heard, Turn, Verdict, examination
from hiphinge.checkup.over_bluetooth import OverBluetooth
from ingest.links import NetworkPort, OpenPort, find_port, is_bluetooth_address

BAUD = 921_600
"""The baud rate of protocol v1 (docs/protocol-v1.md)."""
BESIDE_S = 0.05
"""Time, s, that is listened on after the message that is awaited (ours)."""
SETTLES_S = 0.3
"""Time, s, that a port has before anything is said: a board may be reset by its opening (ours)."""


class Line:
    """A way to a device, whose bytes become messages with the time at which they came."""

    def __init__(self, place: str, baud: int) -> None:
        self._health = Health()
        self._deframer = Deframer(self._health)
        self._heard: list[Heard] = []
        self._changed = threading.Condition()
        self._gone = ""
        self._port: OpenPort | NetworkPort | OverBluetooth
        if is_bluetooth_address(place):
            self._port = OverBluetooth(place, self._take, self._lose, time.monotonic_ns)
        elif "://" in place:
            self._port = NetworkPort(place, self._take, self._lose, time.monotonic_ns)
        else:
            self._port = OpenPort(find_port(place), baud, self._take, self._lose, time.monotonic_ns)
        self._port.listen()

    def turn(self, turn: Turn) -> Sequence[Heard]:
        """Say it, and give what came until its time was over. Raises `LinkFault`."""
        with self._changed:
            self._heard.clear()
        if turn.send:
            self._port.write(turn.send)
        if turn.awaited is not None:
            with self._changed:
                kind = bytes((turn.awaited,))
                self._changed.wait_for(lambda: any(one.message[:1] == kind for one in self._heard), turn.listen_s)
            time.sleep(BESIDE_S)
        else:
            time.sleep(turn.listen_s)
        with self._changed:
            return list(self._heard)

    @property
    def faults(self) -> list[str]:
        """What was wrong with frames, in words."""
        words = [f"{n} with {what}" for what, n in self._health.counts.items()]
        return words + ([self._gone] if self._gone else [])

    def close(self) -> None:
        """Let the port go."""
        self._port.close()

    def _take(self, arrival_ns: int, data: bytes) -> None:
        with self._changed:
            self._heard += [Heard(arrival_ns * 1e-9, message) for _, message in self._deframer.feed(data)]
            self._changed.notify_all()

    def _lose(self, fault: Exception) -> None:
        self._gone = f"the device was lost: {fault}"


def conformance(place: str, baud: int = BAUD, told: Callable[[Verdict], None] = lambda verdict: None) -> list[Verdict]:
    """Every rule that could be tried, with what was seen. told: hears each verdict as it falls. Raises `LinkFault`."""
    line = Line(place, baud)
    try:
        time.sleep(SETTLES_S)
        examined = examination()
        heard: Sequence[Heard] | None = None
        while True:
            try:
                turn = next(examined) if heard is None else examined.send(heard)
            except StopIteration as end:
                verdicts: list[Verdict] = list(end.value)
                break
            heard = line.turn(turn)
        faults = line.faults
        verdicts.append(Verdict("every frame is whole", not faults, ", ".join(faults)))
        for verdict in verdicts:
            told(verdict)
        return verdicts
    finally:
        line.close()


def print_verdicts(verdicts: Sequence[Verdict], screen: Console) -> None:
    """A line for each rule; what is wrong comes last once more, in one sentence."""
    for verdict in verdicts:
        sign = {True: "kept", False: "NOT", None: "not tried"}[verdict.kept]
        seen = f": {verdict.seen}" if verdict.seen else ""
        style = "bold" if verdict.kept is False else ""
        screen.print(Text(f"{sign:>9}  {verdict.rule}{seen}", style=style), highlight=False, soft_wrap=True)
    wrong = sum(verdict.kept is False for verdict in verdicts)
    tried = sum(verdict.kept is not None for verdict in verdicts)
    words = "The device keeps protocol v1" if not wrong else f"{wrong} of {tried} rules are not kept"
    screen.print(f"{words}, as far as can be seen from here.", highlight=False)


def as_json(verdicts: Sequence[Verdict]) -> str:
    """One JSON object: ``conforms``, and ``rules`` with ``rule``, ``kept`` (null: not tried) and ``seen``."""
    rules = [{"rule": v.rule, "kept": v.kept, "seen": v.seen} for v in verdicts]
    return json.dumps({"conforms": all(v.kept is not False for v in verdicts), "rules": rules}, ensure_ascii=False)
