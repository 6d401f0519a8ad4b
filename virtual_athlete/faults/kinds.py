"""The kinds of faults that tests and benchmarks draw from, each with what a program that notices it must say.

Sizes that vary are drawn from a generator. A kind that is `whole` holds for a whole session, as files that were read with the
wrong range or axes do; the others begin at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from body_signals import Cause, Quality
from virtual_athlete.faults.clocks import CounterForMilliseconds, FastClock, Late
from virtual_athlete.faults.fault import Fault
from virtual_athlete.faults.places import Falling, Hanging, OtherSensor, Slid, Tumbling
from virtual_athlete.faults.wrong_samples import (
    AccFlipped,
    AccScaled,
    Clipped,
    DeadAxis,
    Frozen,
    GyrAxesSwapped,
    GyrAxisScaled,
    GyrFlipped,
    GyrScaled,
    LeftHanded,
    Zeros,
)

_Drawn = Callable[[np.random.Generator, float], Fault]
DEGREES = float(np.rad2deg(1.0))


@dataclass(frozen=True, slots=True)
class FaultKind:
    """make: the fault, drawn, from session time since_s on. causes: the findings that name it rightly; flag: what rows carry.

    whole: it holds for a whole session. mounted: it shows only where the mounting is stated. streamed: streams can have it too,
    not only files. relative: only the other sensors show it, so it cannot be on all of them.
    """

    make: _Drawn
    causes: frozenset[Cause]
    flag: Quality = Quality.IMPLAUSIBLE
    whole: bool = False
    mounted: bool = False
    streamed: bool = True
    relative: bool = False


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def _axis(rng: np.random.Generator) -> int:
    return int(rng.integers(3))


def _of(*causes: Cause) -> frozenset[Cause]:
    return frozenset(causes)


_SCALE = _of(Cause.GYR_SCALE)
_HANDED = _of(Cause.GYR_SIGN, Cause.GYR_AXES)
_LAG = _of(Cause.CLOCK_LAG)
_CLIPPED, _OFF = _of(Cause.CLIPPED), _of(Cause.OFF_BODY)
_ORDERS = ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))

FAULT_KINDS: Mapping[str, FaultKind] = {
    "gyroscope halved": FaultKind(lambda rng, s: GyrScaled(s, factor=0.5), _SCALE, whole=True),
    "gyroscope doubled": FaultKind(lambda rng, s: GyrScaled(s, factor=2.0), _SCALE, whole=True),
    "gyroscope times 0.8": FaultKind(lambda rng, s: GyrScaled(s, factor=0.8), _SCALE, whole=True),
    "gyroscope times 1.25": FaultKind(lambda rng, s: GyrScaled(s, factor=1.25), _SCALE, whole=True),
    "gyroscope in deg/s": FaultKind(lambda rng, s: GyrScaled(s, factor=DEGREES), _SCALE, whole=True, streamed=False),
    "gyroscope sign": FaultKind(lambda rng, s: GyrFlipped(s), _of(Cause.GYR_SIGN), whole=True),
    "one gyroscope axis reversed": FaultKind(lambda rng, s: GyrAxisScaled(s, axis=_axis(rng)), _HANDED, whole=True),
    "left-handed": FaultKind(lambda rng, s: LeftHanded(s, axis=_axis(rng)), _HANDED, whole=True),
    "gyroscope axes swapped": FaultKind(
        lambda rng, s: GyrAxesSwapped(s, order=_ORDERS[int(rng.integers(len(_ORDERS)))]), _HANDED, whole=True
    ),
    "gravity of the other sign": FaultKind(lambda rng, s: AccFlipped(s), _of(Cause.ACC_SIGN), whole=True, mounted=True),
    "accelerometer at 13 m/s²": FaultKind(lambda rng, s: AccScaled(s), _of(Cause.ACC_SCALE), whole=True),
    "gyroscope clipped": FaultKind(
        lambda rng, s: Clipped(s, gyr_dps=float(rng.uniform(25.0, 60.0))), _CLIPPED, Quality.SATURATED, whole=True
    ),
    "accelerometer clipped": FaultKind(
        lambda rng, s: Clipped(s, acc_g=float(rng.uniform(0.7, 0.9))), _CLIPPED, Quality.SATURATED, whole=True
    ),
    "frozen": FaultKind(lambda rng, s: Frozen(s), _of(Cause.FROZEN)),
    "frozen for 2 s": FaultKind(lambda rng, s: Frozen(s, until_s=s + 2.0), _of(Cause.FROZEN)),
    "zeros": FaultKind(lambda rng, s: Zeros(s), _of(Cause.ZEROS)),
    "zeros for 2 s": FaultKind(lambda rng, s: Zeros(s, until_s=s + 2.0), _of(Cause.ZEROS)),
    "gyroscope axis dead": FaultKind(lambda rng, s: DeadAxis(s, axis=_axis(rng)), _of(Cause.DEAD_AXIS)),
    "accelerometer axis dead": FaultKind(lambda rng, s: DeadAxis(s, axis=_axis(rng), accelerometer=True), _of(Cause.DEAD_AXIS)),
    "counter for ms": FaultKind(lambda rng, s: CounterForMilliseconds(s), _of(Cause.TIME_UNIT), whole=True, streamed=False),
    "late": FaultKind(
        lambda rng, s: Late(s, lag_s=float(rng.uniform(0.1, 0.5))),
        _LAG,
        Quality.CLOCK_DISAGREES,
        whole=True,
        relative=True,
    ),
    "late from then on": FaultKind(lambda rng, s: Late(s, lag_s=float(rng.uniform(0.1, 0.5))), _LAG, Quality.CLOCK_DISAGREES),
    "clock fast": FaultKind(
        lambda rng, s: FastClock(s, gain=float(rng.uniform(0.005, 0.024))),
        _of(Cause.CLOCK_RATE, Cause.CLOCK_LAG),
        Quality.CLOCK_DISAGREES,
        whole=True,
        relative=True,
    ),
    "lies on the floor": FaultKind(lambda rng, s: Falling(s, _seed(rng)), _OFF, Quality.OFF_BODY),
    "hangs by its strap": FaultKind(
        lambda rng, s: Hanging(s, _seed(rng), float(rng.uniform(0.12, 0.3)), float(rng.uniform(30.0, 100.0))),
        _OFF,
        Quality.OFF_BODY,
    ),
    "tumbles": FaultKind(lambda rng, s: Tumbling(s, _seed(rng)), _OFF, Quality.OFF_BODY),
    "slides": FaultKind(
        lambda rng, s: Slid(
            s, _seed(rng), float(rng.choice((-1.0, 1.0)) * rng.uniform(15.0, 35.0)), _axis(rng), float(rng.uniform(0.3, 1.5))
        ),
        _OFF,
        Quality.SLIPPED,
    ),
    "another sensor": FaultKind(
        lambda rng, s: OtherSensor(s, _seed(rng), angle_deg=float(rng.choice((-1.0, 1.0)) * 40.0)),
        _of(Cause.OTHER_SENSOR),
        Quality.UNCALIBRATED,
    ),
}
"""The kinds of faults by name."""
