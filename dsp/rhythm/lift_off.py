"""What of standing up and sitting down tells how somebody moves: the forward lean before lift-off, and the way to the seat.

Standing up: from where the trunk begins to lean to where the thighs leave the seat. So do the sources that the share is
compared with: Tully 2005 found lumbar spine to hip as 1 to 3 before lift-off (chair at knee height, 47 people), Sadeghisani
2021 (MJIRI 35:165) compared people with low back pain. Taken from the seat to standing it would tell how somebody sat: who
slouches has a lumbar spine to straighten, whatever it does in the rise.

Lift-off is where the thighs begin to come down, the beginning of the lean where the trunk begins to go forward; both are looked
for backwards from where that movement is fastest, to where it has not begun (`STILL_SHARE`, `STILL_DEG_S`). Sitting down is the
same backwards: it ends where the thighs come to rest, and how the trunk then leans back is left out (ours).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from body_signals import Floats
from body_signals.movements import SIT_DOWN, STAND_UP
from dsp.rhythm.phases import Phases, velocity

SEATS = frozenset({STAND_UP.name, SIT_DOWN.name})
STILL_SHARE, STILL_DEG_S = 0.05, 5.0
"""Below this part of its fastest, or this speed, a segment has not begun to move: as for the onset of a movement (ours)."""


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
    """The last row before the fastest at which it has not begun; the first where it had from the start."""
    fastest = int(speed.argmax())
    still = speed[: fastest + 1] <= max(STILL_SHARE * speed.item(fastest), STILL_DEG_S)
    return int(np.flatnonzero(still)[-1]) if still.any() else 0
