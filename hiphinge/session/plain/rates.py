"""Files whose clocks run at another rate than the others', before anything is compared with them.

Counted in wrong seconds, gravity turns faster or slower than a sound gyroscope says: a file that is stated at 80 Hz and was
sampled at 100 Hz looks like one with a gyroscope of a wrong scale. When the sensors turn tells which it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from body_signals import Floats
from dsp.plausibility import ClockLag, far_rates
from ingest.formats import PlainSamples, StoredSamples

_BEGINNING_S = 600.0
"""Session time, s, by which rates are found for a check (ours): it bounds the memory."""


def rates_at_beginning(samples: Mapping[str, PlainSamples | StoredSamples]) -> list[ClockLag]:
    """Whose clocks run at another rate than the others', by the beginning of a session."""
    turning = {key: _beginning(one) for key, one in samples.items() if len(one)}
    return far_rates({key: one for key, one in turning.items() if one is not None})


def _beginning(samples: PlainSamples | StoredSamples) -> tuple[Floats, Floats] | None:
    """Times and rates of a sensor's first minutes; None where it has no gyroscope."""
    times, rates, end_s = list[Floats](), list[Floats](), samples.first_s + _BEGINNING_S
    for block in samples.blocks():
        if block.gyr is None:
            return None
        there = int(block.time_s.searchsorted(end_s))
        times.append(block.time_s[:there])
        rates.append(block.gyr[:there])
        if there < len(block):
            break
    return np.concatenate(times), np.concatenate(rates)


def retimed(samples: PlainSamples | StoredSamples, lag: ClockLag) -> PlainSamples | StoredSamples:
    """The samples of a sensor in the others' time."""
    if isinstance(samples, PlainSamples):
        return samples.at_times(samples.time_s - lag.late_s(samples.time_s))
    found: StoredSamples | None = None
    for block in samples.blocks():
        if found is None:
            found = StoredSamples(gyr=block.gyr is not None, quat=block.quat is not None, mag=block.mag_ut is not None)
        found.append(block.at_times(block.time_s - lag.late_s(block.time_s)))
    return samples if found is None else found
