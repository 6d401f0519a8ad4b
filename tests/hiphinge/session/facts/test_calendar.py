"""A calendar that is set during a session, or was wrong at its beginning, is told with the start that it gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from body_signals import Placement, Sensor, Session, UtcAnchor
from hiphinge.session.facts.calendar import Calendar

START = datetime(2026, 11, 29, 14, 5, tzinfo=UTC)
SESSION = Session(START, "player-07", (Sensor(Placement.PELVIS, family="hiphinge-v1", address="C0:00:00:00:00:02"),))
ZERO_NS = 5_000_000_000_000


def anchored(*points: tuple[float, float]) -> Calendar:
    """At these session times the calendar is off by these seconds."""
    calendar = Calendar()
    for seq, (time_s, off_s) in enumerate(points):
        utc_ns = round((START.timestamp() + time_s + off_s) * 1e9)
        calendar.take(UtcAnchor(seq, ZERO_NS + round(time_s * 1e9), utc_ns))
    return calendar


@pytest.mark.parametrize("points", [[(0.0, 0.0)], [(0.0, 0.0), (60.0, 0.4), (120.0, -0.9)]])
def test_a_sound_calendar_needs_no_word(points: list[tuple[float, float]]) -> None:
    assert anchored(*points).warnings(SESSION) == []


def test_a_calendar_that_was_set_says_when_the_session_began() -> None:
    calendar = anchored((0.0, -10_938.0), (60.0, -10_938.0), (120.0, 0.0), (180.0, 0.1))
    wrong = replace(SESSION, start=START - timedelta(seconds=10_938))
    (said,) = calendar.warnings(wrong)
    assert "set forward by 3 h 2 min 18 s at 120 s of the session" in said
    assert "began at 2026-11-29T14:05:00Z: correct start in session.toml" in said
    assert calendar.warnings(SESSION) == [], "and nothing once it is corrected"
    (back,) = anchored((0.0, 90.0), (60.0, 0.0)).warnings(replace(SESSION, start=START + timedelta(seconds=90)))
    assert "set back by 1 min 30 s" in back


def test_a_year_that_cannot_be_is_told_at_once() -> None:
    (said,) = Calendar().warnings(replace(SESSION, start=datetime(1970, 1, 1, 0, 3, tzinfo=UTC)))
    assert "calendar says 1970-01-01, which cannot be: set it" in said
    assert "corrected with start = … in session.toml" in said
