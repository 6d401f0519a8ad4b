"""The direction in which somebody walks off from a standing, from velocities that are worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from body_signals import Floats
from dsp.alignment.segment_axes import walked_off

RATE_HZ, STANDING_S = 50.0, (1.0, 4.0)
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def integral(turning_deg: float, speed_m_s: float = 1.2) -> tuple[Floats, Floats]:
    """Of the specific force, and its times: standing until 4 s, then within a second to this speed, and round by an angle."""
    times_s = np.arange(0.0, 9.0, 1.0 / RATE_HZ)
    since = np.clip(times_s - STANDING_S[1], 0.0, None)
    speed, way = speed_m_s * np.clip(since, 0.0, 1.0), np.radians(30.0 + turning_deg * np.clip(since / 3.0, 0.0, 1.0))
    return np.stack([speed * np.cos(way), speed * np.sin(way), 9.81 * times_s]), times_s


def direction_deg(found: Floats | None) -> float:
    assert found is not None
    assert found[2] == pytest.approx(0.0, abs=1e-12)
    return float(np.degrees(np.arctan2(found[1], found[0])))


@pytest.mark.parametrize("tilted_s", [None, 3.0])
def test_straight_on_is_found(tilted_s: float | None) -> None:
    velocity, times_s = integral(0.0)
    assert direction_deg(walked_off(velocity, times_s, STANDING_S, UPRIGHT, tilted_s)) == pytest.approx(30.0, abs=1e-6)


@pytest.mark.parametrize("begun_s", [None, 0.5])
def test_it_does_not_matter_when_the_session_began(begun_s: float | None) -> None:
    """The filter's age counts from its restart, which was the beginning of the standing or was before it."""
    velocity, times_s = integral(25.0)
    first = walked_off(velocity, times_s, STANDING_S, UPRIGHT, 6.0, begun_s)
    later = walked_off(
        velocity,
        times_s + 200.0,
        (STANDING_S[0] + 200.0, STANDING_S[1] + 200.0),
        UPRIGHT,
        6.0,
        None if begun_s is None else begun_s + 200.0,
    )
    assert direction_deg(later) == pytest.approx(direction_deg(first), abs=1e-6)
    assert 31.0 < direction_deg(first) < 55.0


def test_who_stands_turns_or_walks_slowly_has_not_walked_off() -> None:
    for turning_deg, speed_m_s in ((0.0, 0.0), (0.0, 0.2), (170.0, 1.2)):
        velocity, times_s = integral(turning_deg, speed_m_s)
        assert walked_off(velocity, times_s, STANDING_S, UPRIGHT) is None
    velocity, times_s = integral(0.0)
    until = times_s < STANDING_S[1] + 0.5
    assert walked_off(velocity[:, until], times_s[until], STANDING_S, UPRIGHT) is None


@pytest.mark.parametrize("tilted_s", [None, 3.0])
def test_a_moment_that_is_missing_is_bridged_and_a_longer_one_or_a_new_beginning_is_not(tilted_s: float | None) -> None:
    """At ten samples a second: a lost packet takes one or two of them."""
    velocity, times_s = (x[..., ::5].copy() for x in integral(0.0))
    whole = walked_off(velocity, times_s, STANDING_S, UPRIGHT, tilted_s)
    for at, many in ((12, 1), (45, 2), (58, 2)):
        gone = velocity.copy()
        gone[:, at : at + many] = np.nan
        assert direction_deg(walked_off(gone, times_s, STANDING_S, UPRIGHT, tilted_s)) == pytest.approx(
            direction_deg(whole), abs=0.5
        )
    gone[:, 58:61] = np.nan
    assert walked_off(gone, times_s, STANDING_S, UPRIGHT, tilted_s) is None
    anew = velocity.copy()
    anew[:, 58] = np.nan
    anew[:, 59:] -= anew[:, 59:60]
    assert walked_off(anew, times_s, STANDING_S, UPRIGHT, tilted_s) is None
