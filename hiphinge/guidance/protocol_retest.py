"""The retest of a number that was chosen before a treatment: its test three times, and the limiting hip test three times.

With the sensors on, and calibrated, nothing else is done. In a session of its own the calibration comes first, and its knee
raises and bends are scored where they are the test; where they are not, only as many are asked for as a calibration needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from body_signals import BODY_PLACEMENTS, Key
from dsp.progress import BEND, KNEE_LEFT, KNEE_RIGHT, wanted_of
from dsp.screen import Protocol, Step

REPETITIONS = 3
OF_CALIBRATION = {("bend", ""): BEND, ("knee_raise", "left"): KNEE_LEFT, ("knee_raise", "right"): KNEE_RIGHT}
"""Test and side → the movement of a calibration that is the same."""


def retest_of(base: Protocol, keys: Sequence[Key], known: Iterable[Protocol], *, calibrated: bool) -> Protocol:
    """The retest of these numbers. base: the protocol of a retest that has to calibrate first; known: protocols that have a
    step for each test. A test that no protocol has is left out."""
    templates: dict[tuple[str, str], Step] = {}
    for protocol in (base, *known):
        for step in protocol.steps:
            templates.setdefault((step.test, step.side), step)
    found = [next((place for place in ((test, side), (test, "")) if place in templates), None) for test, side, _ in keys]
    places = [place for place in dict.fromkeys(found) if place is not None]
    steps = [] if calibrated else [step if (step.test, step.side) in places else _calibrating(step) for step in base.steps]
    for place in places:
        if not any((step.test, step.side) == place for step in steps):
            steps.append(replace(_times(templates[place], REPETITIONS), from_calibration=False, tempo=None))
    return replace(base, steps=tuple(steps)) if steps else base


def _calibrating(step: Step) -> Step:
    """A step that calibrates and is no test of the retest: as many as a calibration wants."""
    wanted = dict(wanted_of([placement.value for placement in BODY_PLACEMENTS]))
    movement = OF_CALIBRATION.get((step.test, step.side))
    return step if movement is None else _times(step, min(step.repetitions, wanted[movement]))


def _times(step: Step, repetitions: int) -> Step:
    """This number of repetitions, none fewer."""
    each_s = step.expected_s / max(step.repetitions, 1)
    return replace(step, repetitions=repetitions, least=repetitions, expected_s=round(each_s * repetitions))


def limiting(proposed: Mapping[str, str] | None) -> Key | None:
    """A number that the comparison proposes, as a key."""
    return None if proposed is None else (proposed["test"], proposed["side"], proposed["measure"])
