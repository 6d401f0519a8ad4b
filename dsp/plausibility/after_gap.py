"""A sensor that was away for some seconds and does not say which one it is: it may be another, or sit elsewhere.

A device that streams tells its serial number; a file does not. So after a gap of `AWAY_S` the calibration of that segment is
void until it is checked: when all stand again, the sensor stands as it did, or it stands turned. Of a sensor that is the same
its angles come back; of one that is turned they are missing until a new calibration.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from body_signals import Bools, Cause, Floats
from dsp import rotation
from dsp.alignment.slip import LOOKS_S, SAME_RAD, SLIPPED_RAD, STILL_RAD
from dsp.grid.ticks import LOOK_STRIDE
from dsp.results import Finding

AWAY_S = 3.0
"""Who is away for longer may have been changed (ours)."""
REMEDY = "Its angles are missing until it stands as it did at the calibration, or is calibrated again."


@dataclass(slots=True)
class _Unknown:
    """A sensor that came back at tick `since`; looks at which it stood as it did, and at which it stood turned."""

    since: int
    finding: Finding
    same: int = 0
    turned: int = 0
    decided: bool = False


class AfterGapWatch:
    """Watches the sensors of an alignment; rows in order, cut anyhow. watched: those that say nothing of who they are."""

    def __init__(self, sensors: Sequence[str], watched: Collection[str], rate_hz: float) -> None:
        self._sensors, self._rate = tuple(sensors), rate_hz
        self._watched = [i for i, key in enumerate(sensors) if key in watched]
        self._last: list[int] = []
        """Tick at which each was last there; empty before the first of all."""
        self._unknown: dict[int, _Unknown] = {}
        self._before = np.full((3, len(self._sensors), 1), np.nan)
        """Verticals at the last look."""
        self._needed = int(LOOKS_S * rate_hz / LOOK_STRIDE)

    def feed(self, first: int, present: Bools, quat: Floats) -> tuple[Bools | None, list[Finding]]:
        """At which of ticks first … first + m each sensor is unknown (s, m), None where none is; what became known.

        present (s, m): where it is there; quat (4, s, k): of the segments at those ticks that are multiples of `LOOK_STRIDE`.
        """
        s, m = present.shape
        if not self._watched:
            return None, []
        if not self._unknown and np.count_nonzero(present) == present.size and min(self._last, default=first) >= first - 1:
            # the usual case
            self._last = [first + m - 1] * s
            self._remember(quat)
            return None, []
        self._last = self._last or [first - 1] * s
        # one after another, so that it does not matter what comes together
        cuts = sorted({since - first for i in self._watched for since, _ in self._gaps(i, first, present[i])} - {0})
        parts, looked = [], 0
        found: list[Finding] = []
        for start, stop in pairwise([0, *cuts, m]):
            looks = len(range((-first - start) % LOOK_STRIDE, stop - start, LOOK_STRIDE))
            one, told = self._feed(first + start, present[:, start:stop], quat[:, :, looked : looked + looks])
            parts.append(one)
            found += told
            looked += looks
        unknown = np.concatenate(parts, axis=1)
        return (unknown if unknown.any() else None), found

    def _feed(self, first: int, present: Bools, quat: Floats) -> tuple[Bools, list[Finding]]:
        s, m = present.shape
        found = [finding for i in self._watched for finding in self._came_back(i, first, present[i])]
        unknown = np.zeros((s, m), np.bool_)
        for i, one in self._unknown.items():
            unknown[i, max(one.since - first, 0) :] = True
        looks = first + (-first) % LOOK_STRIDE + LOOK_STRIDE * np.arange(quat.shape[2])
        vertical = np.concatenate((self._before, rotation.vertical_in_sensor(quat)), axis=2)
        self._remember(quat)
        with np.errstate(invalid="ignore"):
            step = np.sqrt(np.square(np.diff(vertical, axis=2)).sum(axis=0))
            x, y, z = vertical[:, :, 1:]
            off = 2.0 * np.arcsin(np.minimum(0.5 * np.sqrt(x * x + (y - 1.0) ** 2 + z * z), 1.0))
        for k, tick in enumerate(looks.tolist()):
            for i, one in list(self._unknown.items()):
                if tick < one.since or one.decided:
                    continue
                others = [j for j in range(s) if j not in self._unknown]
                if not others or not (off[others, k] < SAME_RAD).all() or not (step[[i, *others], k] < STILL_RAD).all():
                    continue
                one.same, one.turned = one.same + (off[i, k] < SLIPPED_RAD), one.turned + (off[i, k] >= SLIPPED_RAD)
                if one.same >= self._needed:
                    found.append(replace(one.finding, until_s=tick / self._rate))
                    del self._unknown[i]
                    unknown[i, max(tick - first, 0) :] = False
                elif one.turned >= self._needed:
                    one.decided = True
                    angle = float(np.degrees(off[i, k]))
                    what = (
                        one.finding.what.partition(":")[0]
                        + f", and now stands {angle:.0f}° off: it is another, or sits elsewhere"
                    )
                    found.append(replace(one.finding, what=what, remedy="Calibrate again; its angles are missing until then."))
        return unknown, found

    def closed(self, until_s: float) -> list[Finding]:
        """What ends because a new calibration begins at session time `until_s`."""
        return [replace(one.finding, until_s=until_s) for one in self._unknown.values()]

    def _remember(self, quat: Floats) -> None:
        if quat.shape[2]:
            self._before = rotation.vertical_in_sensor(quat[:, :, -1:])

    def _gaps(self, i: int, first: int, present: Bools) -> list[tuple[int, float]]:
        """Ticks of these (m,) at which sensor i is there again, and for how many seconds it was not."""
        there = first + np.flatnonzero(present)
        before = np.concatenate(([self._last[i]], there[:-1]))
        gaps = np.flatnonzero(there - before[: len(there)] > AWAY_S * self._rate).tolist()
        return [(int(there[k]), float(there[k] - before[k]) / self._rate) for k in gaps]

    def _came_back(self, i: int, first: int, present: Bools) -> list[Finding]:
        """What is told of sensor i, which is there at these ticks (m,)."""
        gaps = self._gaps(i, first, present)
        if present.any():
            self._last[i] = first + int(np.flatnonzero(present)[-1])
        found: list[Finding] = []
        for since, away_s in gaps:
            at_s = since / self._rate
            if i in self._unknown:
                found.append(replace(self._unknown[i].finding, until_s=at_s))
            what = f"was away for {away_s:.0f} s: whether it is the same sensor, where it was, is not known"
            self._unknown[i] = _Unknown(since, Finding(self._sensors[i], Cause.OTHER_SENSOR, at_s, at_s, what, REMEDY))
            found.append(self._unknown[i].finding)
        return found
