"""The part of standing up and sitting down that is measured: the forward lean before lift-off, and the way to the seat.

Standing up is measured from where the trunk begins to lean to where the thighs leave the seat, as in the sources of the
comparison: Tully 2005 found lumbar spine to hip as 1 to 3 before lift-off (chair at knee height, 47 people), Sadeghisani
2021 (MJIRI 35:165) compared people with low back pain. Measured from the seat to standing, the share would depend on how the
athlete sat: a slouched lumbar spine must straighten, however it moves in the rise.

Lift-off is where the thighs begin to come down; the lean begins where the trunk begins to go forward. Both are searched for
backwards from where that movement is fastest, to where it has not begun (`STILL_SHARE`, `STILL_DEG_S`). Sitting down is the
reverse: it ends where the thighs come to rest, and the trunk's leaning back after that is left out (ours).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import Floats
from body_signals.movements import SIT_DOWN, STAND_UP
from dsp.rhythm.phases import Phases, velocity

SEATS = frozenset({STAND_UP.name, SIT_DOWN.name})
STILL_SHARE, STILL_DEG_S = 0.05, 5.0
"""Below this part of its peak speed, or this speed, deg/s, a segment has not begun to move, as for the onset of a movement
(ours)."""


def without_the_seat(phases: Phases, kinds: Sequence[str], trunk: Floats, thigh: Floats, rate_hz: float) -> Phases:
    """The phases of movements of these kinds, cut to the lean where they stand up and to the seat where they sit down.

    trunk and thigh (n,): inclinations, degrees, forward bend and knee forward positive, of their rows one after another."""
    first, length = phases.begin.copy(), phases.length.copy()
    for i, kind in enumerate(kinds):
        if kind not in SEATS:
            continue
        part = slice(first.item(i), first.item(i) + length.item(i))
        if kind == SIT_DOWN.name:
            length[i] -= _begins(-velocity(thigh[part][::-1], rate_hz))
            continue
        lift_off = _begins(-velocity(thigh[part], rate_hz))
        lean = _begins(velocity(trunk[part][: lift_off + 1], rate_hz))
        first[i] += lean
        length[i] = lift_off + 1 - lean
    return Phases(first, length)


def _begins(speed: Floats) -> int:
    """The last row before the fastest at which the movement has not begun; the first row where it had begun from the start."""
    fastest = int(speed.argmax())
    still = speed[: fastest + 1] <= max(STILL_SHARE * speed.item(fastest), STILL_DEG_S)
    return int(np.flatnonzero(still)[-1]) if still.any() else 0
