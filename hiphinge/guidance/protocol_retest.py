"""The retest of a number that was chosen before a treatment: its test three times, and the limiting hip test three times.

With the sensors on, and calibrated, nothing else is done. In a session of its own the calibration comes first, and its knee
raises and bends are scored where they are the test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from body_signals import Key
from dsp.screen import Protocol, Step

REPETITIONS = 3


def retest_of(base: Protocol, keys: Sequence[Key], known: Iterable[Protocol], *, calibrated: bool) -> Protocol:
    """The retest of these numbers. base: the protocol of a retest that has to calibrate first; known: protocols that have a
    step for each test. A test that no protocol has is left out."""
    templates: dict[tuple[str, str], Step] = {}
    for protocol in (base, *known):
        for step in protocol.steps:
            templates.setdefault((step.test, step.side), step)
    steps = [] if calibrated else list(base.steps)
    for test, side, _ in keys:
        for place in ((test, side), (test, "")):
            if place in templates:
                if not any((step.test, step.side) == place for step in steps):
                    steps.append(_three(templates[place]))
                break
    return replace(base, steps=tuple(steps)) if steps else base


def _three(step: Step) -> Step:
    each_s = step.expected_s / max(step.repetitions, 1)
    expected_s = round(each_s * REPETITIONS)
    return replace(step, repetitions=REPETITIONS, least=REPETITIONS, expected_s=expected_s, from_calibration=False, tempo=None)


def limiting(proposed: Mapping[str, str] | None) -> Key | None:
    """A number that the comparison proposes, as a key."""
    return None if proposed is None else (proposed["test"], proposed["side"], proposed["measure"])
