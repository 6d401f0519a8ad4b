"""The room before a session: it listens for sensors, tells pages, and takes what they say until a session is to begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from body_signals import Floats, SampleBlock
from dsp.taps import TapWatch
from hiphinge.guidance.orders import STOP_KEY
from hiphinge.live.keys import keys
from hiphinge.session.interruption import heard_by
from hiphinge.setting_up.state import Chosen, Found, SettingUp, SetUpOrder, known_entries
from ingest.links import Near, Nearby

TELL_S = 0.1
"""Between two times that pages are told; a tap answers within this (ours)."""
Orders = Callable[[asyncio.AbstractEventLoop, Callable[[SetUpOrder], None]], AbstractContextManager[None]]
"""Within the block the callable hears what pages say, on the loop."""


class Room:
    """Sets up until a session is to begin. put: tells pages a document. orders: what they say. loop times are monotonic."""

    def __init__(self, state: SettingUp, put: Callable[[Mapping[str, Any]], object], orders: Orders | None = None) -> None:
        self.state = state
        self._put, self._orders = put, orders
        self._nearby = Nearby(known_entries(state.kits), self._heard)
        self._taps: dict[str, TapWatch] = {}
        self._clocks: dict[str, float] = {}
        """Of each sensor, the time of its last sample as counted here: a tap needs differences only."""
        self._kits_at_fault = state.faults
        self._woken = asyncio.Event()
        self.ended_by = 0
        """Number of the signal that ended it, else 0."""

    async def run(self) -> Chosen | None:
        """What was chosen; None where it was ended without a session."""
        loop = asyncio.get_running_loop()
        listening = asyncio.ensure_future(self._nearby.run())
        pages = nullcontext() if self._orders is None else self._orders(loop, self._order)
        try:
            with pages, heard_by(loop, self._ended), keys(loop, self._pressed, self._said):
                while self.state.chosen is None and not self.state.stopped:
                    if listening.done():
                        listening.result()
                    self._tell(loop.time())
                    self._woken.clear()
                    try:
                        async with asyncio.timeout(TELL_S):
                            await self._woken.wait()
                    except TimeoutError:
                        continue
                self._tell(loop.time())
                return self.state.chosen
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _tell(self, now_s: float) -> None:
        fault = self._nearby.fault
        faults = self._kits_at_fault if fault is None else ((fault.what, fault.remedy), *self._kits_at_fault)
        self.state.heard([_found(near) for near in self._nearby.near], faults)
        if self.state.look_again:
            self.state.look_again = False
            self._nearby.again()
        self._put(self.state.document(now_s))

    def _order(self, order: SetUpOrder) -> None:
        self.state.order(order)
        self._woken.set()

    def _pressed(self, key: str) -> None:
        if key.lower() == STOP_KEY:
            self._order(SetUpOrder("stop"))

    def _said(self, line: str) -> None:
        if line.strip() == "stop":
            self._order(SetUpOrder("stop"))

    def _heard(self, id: str, block: SampleBlock) -> None:
        # samples are as far apart as the sensor says, whenever their packet came
        began = self._clocks.get(id, 0.0)
        time_s: Floats
        if block.device_time_s is not None:
            time_s = block.device_time_s
        else:
            time_s = began + np.arange(1.0, len(block) + 1.0, dtype=np.float64) / (block.rate_hz or 100.0)
        if len(time_s):
            self._clocks[id] = float(time_s[-1])
        for _, twice in self._taps.setdefault(id, TapWatch()).feed(time_s, block.acc):
            self.state.tapped(id, asyncio.get_running_loop().time(), twice=twice)
            self._woken.set()

    def _ended(self, signal_number: int) -> None:
        self.ended_by = self.ended_by or signal_number
        self.state.stopped = True
        self._woken.set()


def _found(near: Near) -> Found:
    fault = None if near.fault is None else (near.fault.what, near.fault.remedy)
    return Found(near.id, near.name, near.family, near.port, near.rssi, near.battery, near.state, fault)
