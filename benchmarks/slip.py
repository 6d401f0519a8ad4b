"""Could a sensor that slips by 4 to 8° be told from a person who stands otherwise? Rules that were tried, and what is built.

Not of recordings: standings are drawn at random, one in each pause of a training, each segment on its own. Nothing at hand
tells how much people's standings differ within a session, so there are three kinds of people: those who vary about the posture
of their calibration, those whose usual posture differs from it as well, and those whose posture moves on slowly too.
Beside them the one worn recording with several standings. `python -m benchmarks.slip [--sessions 4000]`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from body_signals.blocks import Bools, Floats
from dsp.alignment.slip import SAME_RAD, SLIPPED_RAD
from tests.conftest import shared_folder
from tests.recordings.load_research_sets import qmt_full_body

SESSIONS = 4000
OF = 40
"""False alarms are told per this number of sessions."""
STANDINGS, SENSORS = 30, 4
TYPICAL_DEG = 1.9
"""Of a standing that is repeated, within a person (Donaldson 2021, ISBS)."""
PEOPLE = {
    "vary about their calibration": (TYPICAL_DEG, 0.0, 0.0),
    "usual posture is another": (TYPICAL_DEG, TYPICAL_DEG, 0.0),
    "and moves on by 3° in a session": (TYPICAL_DEG, TYPICAL_DEG, 3.0),
}
"""Standard deviations, degrees: of a standing, of the usual posture, of what it moves by in all."""
SLIPS_DEG = (4.0, 6.0, 8.0, 12.0)
ALIKE_DEG = 4.0
"""No standing of several that agree is further from their mean than this."""


def standings(rng: np.random.Generator, sessions: int, person: tuple[float, float, float], slip_deg: float = 0.0) -> Floats:
    """Lean (sessions, STANDINGS, SENSORS), degrees, against the calibration; the first sensor slips after a third of them."""
    one, usual, moves = person
    lean = rng.normal(0.0, one, (sessions, STANDINGS, SENSORS)) + rng.normal(0.0, usual, (sessions, 1, SENSORS))
    lean += np.cumsum(rng.normal(0.0, moves / np.sqrt(STANDINGS), lean.shape), axis=1)
    lean[:, STANDINGS // 3 :, 0] += slip_deg
    return lean


def built(lean: Floats) -> Bools:
    """The rule of `dsp.alignment.slip`, (sessions, …, SENSORS): one standing, one sensor far off, all others as they were."""
    return _one_of_all(np.abs(lean), float(np.degrees(SLIPPED_RAD)), float(np.degrees(SAME_RAD)))


def several(lean: Floats, least_deg: float, many: int) -> Bools:
    """`many` standings in a row agree that one sensor is off by more than least_deg, the others by less than half of that."""
    mean, agree = _means(lean, many)
    return agree & _one_of_all(np.abs(mean), least_deg, 0.5 * least_deg)


def step(lean: Floats, least_deg: float, many: int) -> Bools:
    """The same of a step from `many` standings to as many after them."""
    mean, agree = _means(lean, many)
    before, after = slice(None, -many), slice(many, None)
    change = np.abs(mean[:, after] - mean[:, before])
    return agree[:, after] & agree[:, before] & _one_of_all(change, least_deg, 0.5 * least_deg)


def _one_of_all(off: Floats, least_deg: float, same_deg: float) -> Bools:
    return (off > least_deg) & ((off < same_deg).sum(axis=2, keepdims=True) == SENSORS - 1)


def _means(lean: Floats, many: int) -> tuple[Floats, Bools]:
    windows = np.lib.stride_tricks.sliding_window_view(lean, many, axis=1)
    mean = windows.mean(axis=-1)
    return mean, np.abs(windows - mean[..., None]).max(axis=-1) < ALIKE_DEG


RULES: dict[str, Callable[[Floats], Bools]] = {
    "built: one standing, 8°": built,
    "4 standings, 4°": partial(several, least_deg=4.0, many=4),
    "8 standings, 4°": partial(several, least_deg=4.0, many=8),
    "8 standings, 6°": partial(several, least_deg=6.0, many=8),
    "step of 4 and 4, 4°": partial(step, least_deg=4.0, many=4),
    "step of 6 and 6, 5°": partial(step, least_deg=5.0, many=6),
}


RECORDED_S = ((41.0, 43.0), (85.0, 88.0), (92.0, 94.0))
"""Standings of the worn recording: before it sits, after it has risen, before it walks."""


def recorded() -> str:
    """How far each sensor's mean acceleration stands off that of the first standing, later; where the recording is there."""
    shared = shared_folder()
    if shared is None:
        return "the worn recording is not here (HIPHINGE_SHARED)"
    told = []
    for key, samples in qmt_full_body(shared, others=False).samples.items():
        means = [samples.acc[(samples.time_s >= a) & (samples.time_s < b)].mean(axis=0) for a, b in RECORDED_S]
        first, *later = (mean / np.linalg.norm(mean) for mean in means)
        told.append(f"{key} " + " and ".join(f"{np.degrees(np.arccos(min(first @ up, 1.0))):.1f}°" for up in later))
    return "recorded, two standings after a seat: " + ", ".join(told)


def main(sessions: int = SESSIONS) -> None:
    """Print the table."""
    print(f"{STANDINGS} standings a session; false alarms in {OF} sessions without a slip; slips that are found")
    for person, spread in PEOPLE.items():
        print(f"{person}:")
        for name, rule in RULES.items():
            rng = np.random.default_rng(0)
            false = OF * rule(standings(rng, sessions, spread)).any(axis=(1, 2)).mean()
            found = [rule(standings(rng, sessions, spread, slip))[:, :, 0].any(axis=1).mean() for slip in SLIPS_DEG]
            of = ", ".join(f"{slip:g}° {100 * part:3.0f} %" for slip, part in zip(SLIPS_DEG, found, strict=True))
            print(f"  {name:24s} {false:5.2f} false; {of}")
    print(recorded())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slip", description=__doc__)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    main(parser.parse_args().sessions)
