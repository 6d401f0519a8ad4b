"""Another sensor at a known place: socket, address or name are those of the kit, and the sensor says another number.

Somebody plugged two cables the other way round, or charged one and took another. Its calibration does not hold, and perhaps it
hangs on another segment. A person is asked where there is one to ask, and told where not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ingest.links.link_fault import LinkFault


@dataclass(frozen=True, slots=True)
class Stranger:
    """A sensor that says it is number `serial`, where `before` was. key: its place in the session."""

    key: str
    serial: str
    before: str

    @property
    def question(self) -> str:
        """What is asked of a person."""
        return f"{self.key}: another sensor answers (number {self.serial}, before {self.before}): use it? y yes, other key no"

    def fault(self, *, asked: bool) -> LinkFault:
        """What is told of it."""
        what = f"another sensor answers here: it says number {self.serial}; before it was {self.before}"
        remedy = "Check that each sensor is where it belongs (two cables or straps may be exchanged), then calibrate."
        return LinkFault(what, self.key, f"{remedy} y uses it." if asked else remedy)


class Strangers:
    """What was met in a session. asks: whether there is somebody to ask; else it is told and goes on."""

    def __init__(self) -> None:
        self.asks = False
        self.open: dict[str, Stranger] = {}
        """Those that wait for an answer, by key."""
        self._used: set[tuple[str, str]] = set()
        """Keys and numbers that a person has agreed to."""
        self._told: dict[str, LinkFault] = {}
        self._answered = asyncio.Event()

    def agreed(self, stranger: Stranger) -> bool:
        """Whether a person has said to use it."""
        return (stranger.key, stranger.serial) in self._used

    def met(self, stranger: Stranger) -> LinkFault:
        """It answers; the fault to be told, and the question to be asked where there is somebody."""
        if self.asks:
            self.open[stranger.key] = stranger
        self._told[stranger.key] = fault = stranger.fault(asked=self.asks)
        return fault

    def settled(self, key: str, fault: LinkFault) -> bool:
        """Whether this fault is of a stranger that a person has agreed to since."""
        return self.asks and self._told.get(key) is fault and key not in self.open

    async def answer(self, stranger: Stranger) -> None:
        """Wait until a person has said to use it."""
        while not self.agreed(stranger):
            self._answered.clear()
            await self._answered.wait()

    def use(self, stranger: Stranger) -> None:
        """It is to be used."""
        self._used.add((stranger.key, stranger.serial))
        self.open.pop(stranger.key, None)
        self._answered.set()
