"""Four worn virtual sensors for readers to talk to, and the count of what came out at the other end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import numpy as np

from body_signals import BODY_PLACEMENTS, Connected, Event, Lost, Packets, Placement, Watchdog
from body_signals.blocks import Floats
from firmware_protocol.codec import Codec
from firmware_protocol.registry import codec_for
from ingest.links.event_log import EventLog
from virtual_athlete import Motion, Samples, Script, SensorSettings, training
from virtual_athlete.sensors import Imu
from virtual_athlete.virtual_devices import Firmware, VirtualPeripheral

KEYS = tuple(p.value for p in BODY_PLACEMENTS)


def motion(seed: int = 1, duration_s: float = 900.0) -> Motion:
    """A training, the athlete of the virtual sensors."""
    return training(seed, duration_s).motion()


def worn(key: str, firmware: Firmware, of: Motion, seed: int = 0) -> VirtualPeripheral:
    """A virtual device worn at the placement `key`, its clock some ppm off."""
    k = KEYS.index(key)
    settings = SensorSettings.random(np.random.default_rng([seed, k]))
    imu = Imu(of, Placement(key), settings, [seed, k])
    return VirtualPeripheral(key, firmware, imu, clock_ppm=20.0 * k - 30.0, seed=seed + k)


class Still:
    """A sensor that lies on a table; cheap."""

    def samples(self, time_s: Floats) -> Samples:
        n = len(time_s)
        acc = np.column_stack([np.zeros(n), np.zeros(n), np.full(n, 9.80665)])
        return Samples(time_s, acc, np.zeros((n, 3)), np.zeros(n, np.bool_))


STANDS_S = 900.0
"""The longest that somebody stands who waits for a cue."""


class Handled:
    """A sensor that people tap, on somebody who stands until a cue. Times are those of the device's samples, which are made a
    second ahead."""

    def __init__(self, imu: Imu | Still) -> None:
        self._imu = imu
        self._cue_s = float("inf")
        self._taps: list[float] = []

    def tap(self, at_s: float, *, twice: bool) -> None:
        self._taps += [at_s, at_s + 0.3] if twice else [at_s]

    def cue(self, at_s: float) -> None:
        self._cue_s = at_s

    def samples(self, time_s: Floats) -> Samples:
        of_body = np.where(time_s < self._cue_s, time_s, STANDS_S + time_s - self._cue_s)
        made = self._imu.samples(of_body)
        acc = made.acc.copy()
        for at_s in self._taps:
            since = time_s - at_s
            acc[since >= 0.0, 2] += 25.0 * np.exp(-since[since >= 0.0] / 0.015)
        return Samples(time_s, acc, made.gyr, made.saturated)


def cued_motion() -> Motion:
    """Somebody who stands, and on the cue stands for some seconds, calibrates and lifts."""
    script = Script(11)
    script.stand(STANDS_S)
    script.calibrate(stand_s=6.5)
    script.stand(3.0)
    for _ in range(30):
        script.bend(70.0)
        script.stand(1.0)
    return script.motion()


def handled(key: str, of: Motion | None, seed: int = 0) -> Handled:
    """A sensor worn at the placement `key` of this body; on a table where there is none."""
    k = KEYS.index(key) if key in KEYS else 0
    if of is None:
        return Handled(Still())
    settings = SensorSettings.random(np.random.default_rng([seed, k]))
    return Handled(Imu(of, Placement(key), settings, [seed, k]))


class Decoded:
    """What a log's packets decode to, sensor by sensor."""

    def __init__(self, log: EventLog, families: dict[str, str], rates_hz: Mapping[str, float | None] | None = None) -> None:
        self.log = log
        self.codecs: dict[str, Codec] = {key: codec_for(f, rate_hz=(rates_hz or {}).get(key)) for key, f in families.items()}
        self.samples = dict.fromkeys(families, 0)
        self.lost = dict.fromkeys(families, 0)
        self.restarts = dict.fromkeys(families, 0)
        self.newest: dict[str, tuple[Floats, Floats]] = {}
        """Last sample of each sensor: acc (3,) m/s², gyr (3,) rad/s or empty."""
        self.events: list[Event] = []

    def take(self) -> None:
        """Decode what has come."""
        for event in self.log.take():
            if not isinstance(event, Packets):
                self.events.append(event)
                continue
            for block in self.codecs[event.sensor].feed_packets(event.data, event.lengths):
                self.samples[event.sensor] += len(block)
                self.lost[event.sensor] += int(block.lost.sum())
                self.restarts[event.sensor] += int(block.restart.sum())
                self.newest[event.sensor] = (block.acc[-1], np.zeros(0) if block.gyr is None else block.gyr[-1])

    def story(self, key: str) -> list[str]:
        """What became of a sensor's link, in words."""
        words = {Connected: lambda e: "connected", Lost: lambda e: "lost", Watchdog: lambda e: e.verdict}
        return [words[type(e)](e) for e in self.events if type(e) in words and getattr(e, "sensor", "") == key]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> float:
        """Take until `condition` holds; the seconds that it took. AssertionError when it never does."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < timeout_s, f"after {timeout_s} s: {self.samples}, lost {self.lost}"
            await asyncio.sleep(0.01)
            self.take()
        return time.monotonic() - began


async def while_running(run: Awaitable[None], doing: Awaitable[None]) -> None:
    """Do `doing` beside `run`, which is then cancelled; an error of either is raised."""
    task = asyncio.ensure_future(run)
    other = asyncio.ensure_future(doing)
    await asyncio.wait({task, other}, return_when=asyncio.FIRST_COMPLETED)
    if not other.done():
        other.cancel()
    task.cancel()
    results = await asyncio.gather(task, other, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
