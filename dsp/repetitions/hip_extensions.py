"""Hip extensions: on the back at a bench's edge, one thigh is lowered while the other knee is held; found in the rows as they
arrive.

The posture tells: the pelvis lies on its back. There the hips themselves are followed (thigh against pelvis, so that a pelvis
that tilts along does not count): a hip that comes down by `DROP_DEG` while the other stays flexed, and turns. How far it comes
is the athlete's true extension (modified Thomas test with the pelvis measured, Vigotsky 2016, doi 10.7717/peerj.2325).
Thresholds are ours, set on the simulated athlete.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsp.repetitions.movement_rows import LEFT_HIP_ROW, RIGHT_HIP_ROW
from dsp.repetitions.signal import HISTORY_S, RowsInView

SUPINE_DEG = -55.0
"""A pelvis that leans back further than this lies on its back; on a seat it leans back by 30° (ours)."""
GONE_S = 2.0
"""A pelvis that is not measured for longer than this, s, may have got up (ours)."""
DROP_DEG, NOTICED_DEG = 40.0, 15.0
"""Least fall of a hip's flexion in a hip extension, and the fall from which it has begun (ours)."""
HELD_DEG = 50.0
"""Least flexion of the hip whose knee is held (ours)."""
RETURN_SHARE = 0.4
"""A hip extension has ended when the hip has flexed again by this part of its fall and comes to rest (ours)."""
NO_HIGHER_S, HIGHER_DEG = 0.3, 0.5
"""At rest: no higher by the second for the first (ours)."""
CLEAR_DEG = 60.0
"""A fall from which a hip extension is certain (ours)."""
WITHOUT_OTHER = 0.6
"""Confidence where the other hip is not measured (ours)."""


@dataclass(frozen=True, slots=True)
class HipExtension:
    """Row numbers: where the fall was noticed, where the hip was most extended, and where it came to rest; the row of that hip
    among the angles, and the confidence, 0 … 1."""

    noticed: int
    turn: int
    end: int
    hip_row: int
    confidence: float


@dataclass(slots=True)
class _Hip:
    """One hip: the largest flexion since it was last at rest; since it fell from there the row at which that was noticed, its
    least flexion and row; since it rose again its largest flexion and row."""

    row: int
    other: int
    top: float = -math.inf
    noticed: int = -1
    low: float = math.inf
    low_at: int = -1
    held: float = math.nan
    high: float = -math.inf
    high_at: int = -1

    def restart(self, flexion: float) -> None:
        self.top, self.noticed = flexion, -1
        self.low, self.low_at, self.held = math.inf, -1, math.nan
        self.high, self.high_at = -math.inf, -1


class HipExtensionFinder:
    """Follows both hips of somebody on the back, row by row."""

    def __init__(self, rate_hz: float) -> None:
        self._rate = rate_hz
        self._hips = (_Hip(LEFT_HIP_ROW, RIGHT_HIP_ROW), _Hip(RIGHT_HIP_ROW, LEFT_HIP_ROW))

    def forget(self) -> None:
        """Nobody lies there, or a sensor has come off."""
        for hip in self._hips:
            hip.restart(-math.inf)

    def step(self, view: RowsInView, i: int) -> HipExtension | None:
        """Process row i of the view, at which the pelvis lies; returns the hip extension that has ended with it."""
        for hip in self._hips:
            flexion, other = view.angles.item(hip.row, i), view.angles.item(hip.other, i)
            if flexion == flexion:
                found = self._follow(hip, view.first + i, flexion, other)
                if found is not None:
                    return found
        return None

    def _follow(self, hip: _Hip, k: int, flexion: float, other: float) -> HipExtension | None:
        if hip.noticed < 0:
            hip.top = max(hip.top, flexion)
            if flexion < hip.top - NOTICED_DEG:
                hip.noticed, hip.low, hip.low_at, hip.held = k, flexion, k, other
            return None
        if k - hip.noticed > HISTORY_S * self._rate:
            hip.restart(flexion)
            return None
        if flexion < hip.low:
            hip.low, hip.low_at, hip.held = flexion, k, other
            hip.high, hip.high_at = flexion, k
            return None
        if flexion > hip.high + HIGHER_DEG:
            hip.high, hip.high_at = flexion, k
            return None
        fallen = hip.top - hip.low
        if flexion < hip.low + RETURN_SHARE * fallen or k - hip.high_at < NO_HIGHER_S * self._rate:
            return None
        found = None
        # the other knee is held: else both legs came down
        if fallen >= DROP_DEG and not hip.held < HELD_DEG:
            sure = min(1.0, fallen / CLEAR_DEG) * (WITHOUT_OTHER if math.isnan(hip.held) else 1.0)
            found = HipExtension(hip.noticed, hip.low_at, hip.high_at, hip.row, round(sure, 3))
        hip.restart(flexion)
        return found
