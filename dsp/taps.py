"""Taps on a sensor: somebody wants to know which one it is.

A tap is a blow: the specific force leaves what it was within a few samples and is back within a tenth of a second. Picking a
sensor up, walking with it and strapping it on change the force for longer.
"""

from __future__ import annotations

from collections import deque

from body_signals import Floats

BLOW_M_S2 = 4.0
"""A blow changes the specific force by at least this from one sample to the other (ours)."""
QUIET_M_S2 = 1.5
"""Before it, and soon after it, the force stays within this of what it was (ours)."""
BEFORE_S, OVER_S = 0.15, 0.12
"""Quiet for the first before a tap; a blow is over within the second (ours)."""
TWICE_S = (0.1, 0.9)
"""Two taps that follow each other within these times belong together (ours)."""
GAP_S = 0.3
"""After samples that are missing for longer, nothing is known of before (ours)."""


class TapWatch:
    """Watches one sensor's samples. What it says of a sample depends on samples up to it alone, however they are cut."""

    def __init__(self) -> None:
        self._quiet: deque[tuple[float, float, float, float]] = deque()
        """Time and specific force of the samples of the last `BEFORE_S` that were quiet."""
        self._blow_s: float | None = None
        """When the blow under way began."""
        self._calm_since: float | None = None
        self._last_tap_s = float("-inf")
        self._newest_s = float("-inf")

    def feed(self, time_s: Floats, acc: Floats) -> list[tuple[float, bool]]:
        """The next samples, time_s (n,) seconds and acc (n, 3) m/s²: when a tap was, and whether it was the second of two."""
        found: list[tuple[float, bool]] = []
        for t, (x, y, z) in zip(time_s.tolist(), acc.tolist(), strict=True):
            tap = self._step(t, x, y, z)
            if tap is not None:
                found.append(tap)
        return found

    def _step(self, t: float, x: float, y: float, z: float) -> tuple[float, bool] | None:
        if not 0.0 <= t - self._newest_s <= GAP_S:
            self._begin_anew()
        self._newest_s = t
        off = self._off(x, y, z)
        if self._blow_s is None:
            if off is not None and off > BLOW_M_S2 and self._was_quiet(t):
                self._blow_s, self._calm_since = t, None
            elif off is not None and off > QUIET_M_S2:
                self._begin_anew()
            else:
                self._keep(t, x, y, z)
            return None
        if t - self._blow_s > OVER_S + 0.05:
            # too long for a blow: it is being moved
            self._begin_anew()
            return None
        if off is None or off > QUIET_M_S2:
            self._calm_since = None
            return None
        self._calm_since = t if self._calm_since is None else self._calm_since
        if self._calm_since - self._blow_s > OVER_S or t - self._calm_since < 0.02:
            return None
        at_s, self._blow_s = self._blow_s, None
        # what was quiet before the blow is so still
        self._quiet = deque((t - BEFORE_S - 1e-3 if i == 0 else t, *q[1:]) for i, q in enumerate(self._quiet))
        twice = TWICE_S[0] <= at_s - self._last_tap_s <= TWICE_S[1]
        self._last_tap_s = at_s
        return at_s, twice

    def _off(self, x: float, y: float, z: float) -> float | None:
        """How far the force is from the mean of the quiet before; None without any."""
        if not self._quiet:
            return None
        n = len(self._quiet)
        dx = x - sum(q[1] for q in self._quiet) / n
        dy = y - sum(q[2] for q in self._quiet) / n
        dz = z - sum(q[3] for q in self._quiet) / n
        return float((dx * dx + dy * dy + dz * dz) ** 0.5)

    def _was_quiet(self, t: float) -> bool:
        return bool(self._quiet) and t - self._quiet[0][0] >= BEFORE_S

    def _keep(self, t: float, x: float, y: float, z: float) -> None:
        self._quiet.append((t, x, y, z))
        while len(self._quiet) > 1 and t - self._quiet[1][0] >= BEFORE_S:
            self._quiet.popleft()

    def _begin_anew(self) -> None:
        self._quiet.clear()
        self._blow_s = self._calm_since = None
