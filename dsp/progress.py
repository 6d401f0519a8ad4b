"""The progress of a calibration: what is awaited, which movements were recognised, what must be repeated. Frozen.

The causal pipeline outputs a `CalibrationProgress` whenever one of these changes, at ticks of the grid, so it does not depend
on how the input is cut (`dsp.calibration.calibration_progress` makes them). The guide turns it into words for the athlete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from body_signals import movements
from dsp.alignment.mediolateral_axis import RAISE_COUNT
from dsp.alignment.standing import FULL_S, SETTLE_S
from dsp.calibration.calibration_movements import BEND_COUNT, THIGH_KEYS, TRUNK_KEYS
from dsp.calibration.misplaced import Misplaced
from dsp.results import AlignmentReport

BEND, SQUAT = movements.BEND.name, movements.SQUAT.name
KNEE_LEFT, KNEE_RIGHT = "knee_left", "knee_right"
"""Movements that are recognised."""
TOO_SHALLOW, TOO_SHORT, BOTH_KNEES = "too_shallow", "too_short", "both_knees"
"""Why a movement does not count."""


class Stage(StrEnum):
    """Where a calibration stands."""

    WAITING = "waiting"
    """There has been no calibrate mark yet."""
    STANDING = "standing"
    """The quiet standing is awaited."""
    MOVEMENTS = "movements"
    """The standing is known; the movements are followed."""
    DONE = "done"
    """Finished; there are angles."""
    REFUSED = "refused"
    """Finished without an alignment."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A movement that has ended.

    number: its ordinal number among the counted movements of its kind. 0: it does not count, and `shortfall` says why (empty
    where the reason is unknown). peak_deg: the largest inclination of each sensor from its standing.
    """

    movement: str
    number: int
    shortfall: str
    peak_deg: tuple[tuple[str, float], ...]
    time_s: float

    @property
    def degrees(self) -> float:
        """The size of the movement: of a bend at the upper trunk sensor, of a knee raise at its thigh."""
        order = {KNEE_LEFT: THIGH_KEYS[:1], KNEE_RIGHT: THIGH_KEYS[1:]}.get(self.movement, TRUNK_KEYS)
        peaks = dict(self.peak_deg)
        return next((peaks[key] for key in order if key in peaks), max(peaks.values(), default=0.0))

    def document(self) -> dict[str, object]:
        """As it stands in JSON lines."""
        return {
            "movement": self.movement,
            "number": self.number,
            "shortfall": self.shortfall or None,
            "degrees": round(self.degrees, 1),
            "time_s": round(self.time_s, 2),
        }


@dataclass(frozen=True, slots=True)
class CalibrationProgress:
    """The state of the calibration from session time `time_s` on.

    mark_s: session time of its mark. still_since_s: start of the standing; later than the mark where it had to restart.
    made, wanted: number of each movement that was recognised, and that is required. heard: the last movement that ended.
    moving: a movement is under way. unreturned: a sensor that has not come back to its standing in time, and its angle from it,
    degrees. in_force: an alignment of this mark is in force. reports: of the last alignment of this mark. reasons: of a
    refusal. misplaced: sensors that are worn elsewhere, or otherwise, than stated.
    """

    stage: Stage = Stage.WAITING
    time_s: float = 0.0
    mark_s: float = 0.0
    still_since_s: float = 0.0
    made: tuple[tuple[str, int], ...] = ()
    wanted: tuple[tuple[str, int], ...] = ()
    heard: Heard | None = None
    moving: bool = False
    unreturned: tuple[str, float] | None = None
    in_force: bool = False
    reports: tuple[AlignmentReport, ...] = ()
    reasons: tuple[str, ...] = ()
    misplaced: tuple[Misplaced, ...] = ()

    @property
    def open(self) -> bool:
        """Whether a calibration is in progress."""
        return self.stage in (Stage.STANDING, Stage.MOVEMENTS)

    @property
    def begun_again(self) -> bool:
        """Whether the athlete moved while standing."""
        return self.still_since_s > self.mark_s

    @property
    def enough_s(self) -> float:
        """Session time at which the standing will have been long enough."""
        return (self.still_since_s if self.begun_again else self.mark_s + SETTLE_S) + FULL_S

    @property
    def missing(self) -> tuple[str, ...]:
        """Movements that have been made fewer times than required, in the order in which they are required."""
        made = dict(self.made)
        return tuple(movement for movement, count in self.wanted if made.get(movement, 0) < count)

    def document(self) -> dict[str, object]:
        """As it stands in JSON lines."""
        return {
            "stage": str(self.stage),
            "mark_s": None if self.stage is Stage.WAITING else round(self.mark_s, 3),
            "stand_until_s": round(self.enough_s, 3) if self.stage is Stage.STANDING else None,
            "moved_while_standing": self.begun_again,
            "made": dict(self.made),
            "wanted": dict(self.wanted),
            "missing": list(self.missing) if self.stage in (Stage.MOVEMENTS, Stage.DONE) else [],
            "heard": None if self.heard is None else self.heard.document(),
            "in_force": self.in_force,
            "reasons": list(self.reasons),
            "warnings": [m.document() for m in self.misplaced],
        }


def waiting(body: Sequence[str]) -> CalibrationProgress:
    """Before the first mark, of the sensors `body`."""
    return CalibrationProgress(wanted=wanted_of(body))


def wanted_of(keys: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """The movements required for the sensors `keys`, in order."""
    wanted = [(BEND, BEND_COUNT)] if any(key in TRUNK_KEYS for key in keys) else []
    raises = zip((KNEE_LEFT, KNEE_RIGHT), THIGH_KEYS, strict=True)
    return (*wanted, *((movement, RAISE_COUNT) for movement, key in raises if key in keys))
