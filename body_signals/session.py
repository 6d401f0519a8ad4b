"""The head of a session: athlete, start, sensors and where they are worn. `session.toml` is its file format."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from body_signals.limits import limits_with
from body_signals.placements import BODY_PLACEMENTS, Mounting, Placement

UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_ATHLETE = "unknown"
"""Placeholders in a head until a person states athlete and start."""
SCHEMA = 1
"""Version of session.toml and summary.json."""

LONGEST_SESSION_S = 48 * 3600.0
"""Longest session, s, from the first event to the last (ours). Anything longer is a clock jump, and is refused before it takes
memory."""

PATIENCE_S = 0.15
"""Default of `Session.patience_s`, s (ours)."""
SHORTEST_PATIENCE_S, LONGEST_PATIENCE_S = 0.02, 2.0
"""Range of `Session.patience_s`, s (ours). A connection interval may be longer than the first; angles later than the second
are not live."""

Setting = str | int | float | bool | tuple[str, ...]
"""A value of a sensor's configuration."""
NO_LIMITS: Mapping[str, float] = MappingProxyType({})
NO_SETTINGS: Mapping[str, Setting] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of a session. Exactly one of `file` (plain sessions) or recorded packets holds its data.

    config: settings that its codec needs, e.g. the columns of its text lines; each family lists its words. worn: how it was
    stuck on last time, as the quaternion (4,) sensor → segment of that calibration; it aligns nothing.
    Raises ValueError when placement `other` has no name or a body placement has one.
    """

    placement: Placement
    name: str | None = None
    family: str = "plain"
    file: str | None = None
    mounting: Mounting | None = None
    address: str | None = None
    port: str | None = None
    rate_hz: float | None = None
    config: Mapping[str, Setting] = field(default_factory=lambda: NO_SETTINGS)
    worn: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if (self.placement is Placement.OTHER) != (self.name is not None):
            raise ValueError("a sensor with placement 'other' needs a name, and only such a sensor has one")
        if self.name is not None and self.name in set(Placement):
            raise ValueError(f"a sensor may not be named {self.name!r}: that is a placement")

    @property
    def key(self) -> str:
        """The sensor's key in events, tables and summaries: its placement, or its name if `other`."""
        return self.name if self.name is not None else self.placement.value


@dataclass(frozen=True, slots=True)
class SessionMark:
    """A mark: session time in seconds, label, and when it was entered: ``live``, ``session`` (it stands in session.toml) or
    ``afterwards`` (in edits.toml)."""

    time_s: float
    label: str
    said: str = "session"


@dataclass(frozen=True, slots=True)
class Session:
    """Head of a session. Raises ValueError when two sensors share a key or there is none, the patience is out of range, or a
    limit of the screen has an unknown name."""

    start: datetime
    """Calendar time of session time 0; aware, UTC."""
    athlete: str
    """A pseudonym."""
    sensors: tuple[Sensor, ...]
    marks: tuple[SessionMark, ...] = field(default=())
    software: str = ""
    patience_s: float = PATIENCE_S
    """Seconds of event time that the live estimator waits for a late sensor. Then a tick is final."""
    screen_limits: Mapping[str, float] = field(default_factory=lambda: NO_LIMITS)
    """Limits of the hip screen that were set, by the names of `body_signals.limits`."""

    def __post_init__(self) -> None:
        if not self.sensors:
            raise ValueError("a session needs at least one sensor")
        if self.start.tzinfo is None:
            raise ValueError("start needs a time zone, e.g. 2026-11-23T14:05:00Z")
        if not SHORTEST_PATIENCE_S <= self.patience_s <= LONGEST_PATIENCE_S:
            raise ValueError(f"patience of {self.patience_s} s: {SHORTEST_PATIENCE_S} to {LONGEST_PATIENCE_S}")
        limits_with(self.screen_limits)
        keys = [s.key for s in self.sensors]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"two sensors on one placement: {key}")

    @property
    def body(self) -> tuple[str, ...]:
        """Keys of the sensors on the body, in table order."""
        worn = {s.placement for s in self.sensors}
        return tuple(p.value for p in BODY_PLACEMENTS if p in worn)


def origin(athlete: str, start: datetime) -> str:
    """A short digest of the original athlete and start of a session. session.toml keeps it. Results and recordings with the
    same digest belong to that session, even after a person has corrected athlete or start."""
    words = f"{athlete}\n{start.astimezone(UTC).isoformat()}"
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
