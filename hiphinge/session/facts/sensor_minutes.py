"""Values of each sensor for each minute of a session: loss, battery, delay, clock; the same for every estimator and replay.

A minute ends with the first event that arrives at or after its border; the last one ends with the session. Sums use
whole microseconds, so that they do not depend on how events were cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Floats, TimedBlock

MINUTE_S = 60.0
"""Session time in one row of a sensor, s (ours)."""


@dataclass(frozen=True, slots=True)
class SensorMinute:
    """One sensor's minute; unknown values are None.

    end_s: session time. samples, lost: in the minute. battery_percent: last reported by the sensor. delay_ms, delay_max_ms: of
    packets, beyond the shortest delay that the clock map knows. clock_ppm: parts per million by which the device's
    clock ran faster than this computer's, as the clock map saw it.
    """

    sensor: str
    end_s: float
    samples: int
    lost: int
    battery_percent: float | None
    delay_ms: float | None
    delay_max_ms: float | None
    clock_ppm: float | None


@dataclass(slots=True)
class _Tally:
    samples: int = 0
    lost: int = 0
    packets: int = 0
    delay_us: int = 0
    longest_us: int = 0
    begin: tuple[float, float] | None = None
    """Device time and session time at the previous border, None where the clock started after it."""
    end: tuple[float, float] | None = None


class SensorMinutes:
    """Minutes of the sensors of one session; `take` in order, and `end` at each border."""

    def __init__(self, sensors: Iterable[str]) -> None:
        self._tallies = {key: _Tally() for key in sensors}
        self._border = 1
        self.done: list[SensorMinute] = []
        """Minutes that have ended, in order."""

    @property
    def due_s(self) -> float:
        """Session time of the next border."""
        return self._border * MINUTE_S

    @property
    def ended_s(self) -> float:
        """Session time at which the last minute ended."""
        return self.done[-1].end_s if self.done else 0.0

    def take(self, block: TimedBlock, arrival_s: Floats) -> None:
        """Take the next samples of a sensor, with the arrival of each sample's packet, (n,) session time."""
        tally = self._tallies[block.sensor]
        tally.samples += len(block)
        tally.lost += int(np.add.reduce(block.lost))
        # the last sample of each packet
        ends = np.append((block.seq[1:] != block.seq[:-1]).nonzero()[0], len(block) - 1)
        delays = np.rint((arrival_s[ends] - block.time_s[ends]) * 1e6).astype(np.int64)
        tally.packets += len(ends)
        tally.delay_us += int(np.add.reduce(delays))
        tally.longest_us = max(tally.longest_us, int(delays.max()))
        if np.count_nonzero(block.restart):
            # the map of a restarted clock must find its rate first
            tally.begin = None
        tally.end = (float(block.device_time_s[-1]), float(block.time_s[-1]))

    def end(self, now_s: float, facts: Mapping[str, Mapping[str, str | float]]) -> None:
        """End the present minute, at its border if that has passed, else now; facts: values reported by each sensor."""
        end_s = min(now_s, self.due_s)
        self._border = int(now_s // MINUTE_S) + 1
        for key, tally in self._tallies.items():
            battery = facts.get(key, {}).get("battery_percent")
            self.done.append(
                SensorMinute(
                    key,
                    round(end_s, 3),
                    tally.samples,
                    tally.lost,
                    float(battery) if battery is not None else None,
                    round(tally.delay_us / tally.packets / 1e3, 1) if tally.packets else None,
                    round(tally.longest_us / 1e3, 1) if tally.packets else None,
                    _clock_ppm(tally),
                )
            )
            self._tallies[key] = _Tally(begin=tally.end)

    def document(self, key: str) -> dict[str, list[float | int | None]]:
        """A sensor's minutes as columns, for summary.json."""
        rows = [row for row in self.done if row.sensor == key]
        return {name: [getattr(row, name) for row in rows] for name in COLUMNS}


COLUMNS = ("end_s", "samples", "lost", "battery_percent", "delay_ms", "delay_max_ms", "clock_ppm")


def _clock_ppm(tally: _Tally) -> float | None:
    """The clock's rate over at least half a minute, and not while the map is finding its rate."""
    if tally.begin is None or tally.end is None:
        return None
    device_s, host_s = (tally.end[i] - tally.begin[i] for i in (0, 1))
    if host_s < MINUTE_S / 2:
        return None
    return round((device_s / host_s - 1.0) * 1e6, 1)
