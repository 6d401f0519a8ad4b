"""Whether the computer's calendar can be believed: what a recording's anchors to the calendar say of each other.

A session's times come from a clock that nobody sets. Only its start is read off the calendar, so a calendar that is set during
a session, or was wrong at its beginning, makes one thing wrong: the start. It is told, and can be corrected in session.toml.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from body_signals import Session, UtcAnchor

STEP_S = 2.0
"""A calendar that moves by this, s, against the host's clock has been set; smaller steps are a time server's (ours)."""
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No session of this program is older (ours)."""


class Calendar:
    """Follows the anchors of one session."""

    def __init__(self) -> None:
        self._first: UtcAnchor | None = None
        self._at_s = self.shift_s = 0.0
        """How far the calendar was set since the beginning, s, and session time at which that was seen."""

    def take(self, anchor: UtcAnchor) -> None:
        """The next anchor; they come in order."""
        if self._first is None:
            self._first = anchor
            return
        passed_ns = anchor.arrival_ns - self._first.arrival_ns
        shift_s = (anchor.utc_ns - self._first.utc_ns - passed_ns) * 1e-9
        if abs(shift_s - self.shift_s) > STEP_S:
            self.shift_s, self._at_s = shift_s, passed_ns * 1e-9

    def warnings(self, session: Session) -> list[str]:
        """What is to be told of the session's start; nothing once session.toml has been corrected."""
        start = session.start
        if self._first is not None and abs(self.shift_s) > STEP_S:
            begun = datetime.fromtimestamp(self._first.utc_ns * 1e-9, UTC) + timedelta(seconds=self.shift_s)
            if abs((start - begun).total_seconds()) <= STEP_S:
                return []
            way = "forward" if self.shift_s > 0.0 else "back"
            return [
                f"this computer's calendar was set {way} by {_long(abs(self.shift_s))} at {self._at_s:.0f} s of the session; "
                f"if it is right now, the session began at {begun:%Y-%m-%dT%H:%M:%SZ}: correct start in session.toml"
            ]
        return wrong_start(start)


def wrong_start(start: datetime) -> list[str]:
    """What is to be told of a start that cannot be right."""
    if start >= EARLIEST:
        return []
    return [
        f"this computer's calendar says {start:%Y-%m-%d}, which cannot be: set it; "
        "the start of this session can be corrected with start = … in session.toml"
    ]


def _long(seconds: float) -> str:
    """A span of time, for people."""
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n)
