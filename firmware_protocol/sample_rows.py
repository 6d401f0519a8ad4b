"""Single samples, kept as plain numbers until they are joined to a block of arrays.

Sensors that send a sample a packet are decoded packet by packet while little is going on. Each call of numpy costs about
as much as decoding a sample in plain Python, so numpy is called once a block, not once a sample and step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from body_signals import SampleBlock
from firmware_protocol.codec import Health
from firmware_protocol.device_clock import Stamp

Vector = tuple[float, float, float]
NO_QUATERNION = (math.nan,) * 4
"""A sample whose quaternion is missing, in a stream that has quaternions."""


class SampleRows:
    """Samples in order. quat: whether they have one; timed: whether stamps have ticks."""

    __slots__ = ("acc", "gyr", "lost", "packet", "quat", "restart", "saturated", "ticks")

    def __init__(self) -> None:
        self.packet: list[int] = []
        self.acc: list[float] = []
        self.gyr: list[float] = []
        self.quat: list[float] = []
        self.ticks: list[int] = []
        self.lost: list[int] = []
        self.restart: list[bool] = []
        self.saturated: list[bool] = []

    def __len__(self) -> int:
        return len(self.packet)

    def add(
        self,
        packet: int,
        stamp: Stamp,
        acc: Iterable[float],
        gyr: Iterable[float],
        quat: Iterable[float] = (),
        saturated: bool = False,
    ) -> None:
        """The next sample: acc m/s², gyr rad/s (empty: none in this stream), quat w x y z (empty: none in this stream)."""
        self.packet.append(packet)
        ticks, lost, restart = stamp
        self.ticks.append(ticks)
        self.lost.append(lost)
        self.restart.append(restart)
        self.saturated.append(saturated)
        self.acc += acc
        self.gyr += gyr
        self.quat += quat

    def block(self, rate_hz: float, health: Health, tick_s: float | None = None, *, lost_exact: bool = True) -> SampleBlock:
        """The block of these samples, at least one; counts ``saturated`` and ``restart``. tick_s: None without a clock."""
        health.count("saturated", sum(self.saturated))
        health.count("restart", sum(self.restart))
        return SampleBlock(
            rate_hz=rate_hz,
            packet=np.array(self.packet, np.int64),
            device_time_s=None if tick_s is None else np.array(self.ticks, np.float64) * tick_s,
            acc=np.array(self.acc).reshape(-1, 3),
            gyr=np.array(self.gyr).reshape(-1, 3) if self.gyr else None,
            quat=np.array(self.quat).reshape(-1, 4) if self.quat else None,
            lost=np.array(self.lost, np.int64),
            saturated=np.array(self.saturated, np.bool_),
            restart=np.array(self.restart, np.bool_),
            lost_exact=lost_exact,
        )
