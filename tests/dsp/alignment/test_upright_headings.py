"""Headings while somebody is upright: many looks at once leave what one after another leaves, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from body_signals import Floats, Ints
from dsp.alignment.upright_headings import APART, LEVELS, UprightHeadings
from dsp.results import Flags

MOST = np.radians([9.0, 9.0, 10.0, 10.0]).tolist()


def looks(seed: int, drift_deg: float, breaks: int) -> tuple[Floats, Flags, Ints]:
    """Headings and epochs (4, 90), and ticks (90,), of sensors of which one turns away in the middle; some do not go on."""
    rng = np.random.default_rng(seed)
    heading = np.radians(rng.normal(0.0, 3.0, (4, 90))) + rng.uniform(-np.pi, np.pi, 90) + rng.uniform(-np.pi, np.pi, (4, 1))
    heading[rng.integers(4), 40:] += np.radians(drift_deg)
    heading = np.remainder(heading + np.pi, 2.0 * np.pi) - np.pi
    epochs, at = np.zeros((4, 90), np.int32), 20 * np.arange(90)
    for place in rng.integers(1, 90, breaks):
        if rng.random() < 0.5:
            epochs[rng.integers(4), place:] += 1
        else:
            at[place:] += APART
    return heading, epochs, at


def state(headings: UprightHeadings) -> dict[str, object]:
    return {name: list(value) if hasattr(value, "__iter__") else value for name, value in vars(headings).items()}


@given(st.integers(0, 10**6), st.sampled_from([0.0, 15.0, -40.0]), st.integers(0, 3), st.integers(1, 80))
@example(1, 15.0, 0, 53)
@settings(max_examples=80, deadline=None)
def test_many_looks_at_once_are_one_after_another(seed: int, drift_deg: float, breaks: int, begun: int) -> None:
    heading, epochs, at = looks(seed, drift_deg, breaks)
    one, several = UprightHeadings(), UprightHeadings()
    for look in range(begun):
        for headings in (one, several):
            headings.add(heading[:, look].tolist(), epochs[:, look].tolist(), int(at[look]))
    passed = several.pass_by(heading[:, begun:], epochs[:, begun:], at[begun:], MOST)
    for look in range(begun, begun + passed):
        assert one.add(heading[:, look].tolist(), epochs[:, look].tolist(), int(at[look]))
        assert all(abs(turned) <= most for turned, most in zip(one.turned(), MOST, strict=False))
    assert state(several) == state(one)
    if begun + passed < len(at):
        goes_on = one.add(heading[:, begun + passed].tolist(), epochs[:, begun + passed].tolist(), int(at[begun + passed]))
        assert not goes_on or any(abs(turned) > most for turned, most in zip(one.turned(), MOST, strict=True))


def test_looks_are_passed_by_until_a_sensor_has_turned() -> None:
    heading, epochs, at = looks(1, 0.0, 0)
    heading = np.zeros_like(heading)
    heading[2, 50:] = np.radians(20.0)
    headings = UprightHeadings()
    assert headings.pass_by(heading, epochs, at, MOST) == 0
    headings.add(heading[:, 0].tolist(), epochs[:, 0].tolist(), 0)
    # of three looks in the mean two have turned when it is more than ten degrees
    assert headings.pass_by(heading[:, 1:], epochs[:, 1:], at[1:], MOST) == 50
    assert len(headings.turned()) == 4
    assert len(state(headings)["_levels"]) == LEVELS  # type: ignore[arg-type]
