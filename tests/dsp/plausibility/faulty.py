"""Sound samples of simulated sessions, and what is done to them: for the tests of this wing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from body_signals import Floats, Sensor, TimedBlock
from dsp.plausibility import SensorWatch
from dsp.results import Finding, latest
from virtual_athlete import Samples, to_plain

BODY = ("lumbar", "pelvis", "thigh_left", "thigh_right")
Change = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
"""From session times (n,), acc and gyr (n, 3) to acc and gyr."""


@cache
def session(seed: int = 1, rate_hz: float = 100.0) -> tuple[dict[str, Sensor], dict[str, Samples], float]:
    """Sensors with stated mountings and their samples, by key, and the time of the calibrate mark."""
    head, samples = to_plain("demo", seed, rate_hz=rate_hz, state_mounting=True)
    mark_s = next(m.time_s for m in head.marks if m.label == "calibrate")
    return {s.key: s for s in head.sensors}, samples, mark_s


def changed(samples: Samples, change: Change) -> Samples:
    acc, gyr = change(samples.time_s, samples.acc.copy(), samples.gyr.copy())
    return replace(samples, acc=acc, gyr=gyr)


def blocks(key: str, rate_hz: float, samples: Samples, cuts: Sequence[int]) -> list[TimedBlock]:
    borders = [0, *cuts, len(samples)]
    made = []
    for a, b in itertools.pairwise(borders):
        t, n = samples.time_s[a:b].copy(), b - a
        no, none = np.zeros(n, np.int64), np.zeros(n, np.bool_)
        if n:
            made.append(
                TimedBlock(
                    key, rate_hz, np.arange(a, b), t, t, samples.acc[a:b].copy(), samples.gyr[a:b].copy(), None, no, none, none
                )
            )
    return made


def watched(
    key: str,
    change: Change | None = None,
    *,
    seed: int = 1,
    rate_hz: float = 100.0,
    cuts: Sequence[int] = (),
    scenario: str = "demo",
) -> tuple[list[Finding], Floats, Floats]:
    """Findings of one sensor of a session, and per sample the quality bits and whether it is saturated (n,)."""
    sensors, samples, mark_s = session(seed, rate_hz)
    one = samples[key] if change is None else changed(samples[key], change)
    watch = SensorWatch(sensors[key], rate_hz, BODY)
    watch.mark(mark_s)
    findings, flags, saturated = [], [], []
    for block in blocks(key, rate_hz, one, cuts):
        checked = watch.feed(block)
        findings += checked.findings
        flags.append(np.zeros(len(block), np.int32) if checked.flags is None else checked.flags)
        top = np.zeros(len(block), np.bool_)
        top[slice(None) if checked.sound is None else checked.sound] = checked.block.saturated
        saturated.append(top)
    return latest([*findings, *watch.finish()]), np.concatenate(flags), np.concatenate(saturated)


def frozen(since_s: float, until_s: float = np.inf) -> Change:
    def change(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        at, i = (t >= since_s) & (t < until_s), int(np.searchsorted(t, since_s))
        acc[at], gyr[at] = acc[i], gyr[i]
        return acc, gyr

    return change


def zeros(since_s: float, until_s: float, value: float = 0.0) -> Change:
    def change(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        at = (t >= since_s) & (t < until_s)
        acc[at], gyr[at] = value, value
        return acc, gyr

    return change


def turned(matrix: Floats | float, since_s: float = -np.inf, until_s: float = np.inf) -> Change:
    """Rates multiplied by a factor or a matrix (3, 3)."""

    def change(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        wrong = gyr @ np.asarray(matrix).T if np.ndim(matrix) else gyr * matrix
        return acc, np.where(((t >= since_s) & (t < until_s))[:, None], wrong, gyr)

    return change


def clipped(deg_s: float) -> Change:
    end = np.radians(deg_s)
    return lambda t, acc, gyr: (acc, np.clip(gyr, -end, end))


def dead_axis(kind: str, axis: int, since_s: float) -> Change:
    def change(t: Floats, acc: Floats, gyr: Floats) -> tuple[Floats, Floats]:
        values = acc if kind == "acc" else gyr
        values[t >= since_s, axis] = values[int(np.searchsorted(t, since_s)), axis]
        return acc, gyr

    return change


def acc_times(factor: float) -> Change:
    return lambda t, acc, gyr: (acc * factor, gyr)


def coarse(acc_m_s2: float, gyr_deg_s: float) -> Change:
    step = np.radians(gyr_deg_s)
    return lambda t, acc, gyr: (np.round(acc / acc_m_s2) * acc_m_s2, np.round(gyr / step) * step)
