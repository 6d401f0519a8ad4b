"""Rows of the angles by which a movement is found and measured, in degrees, and the store of the latest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from body_signals import ANGLE_NAMES, Floats
from dsp.results import AngleRows, Flags

SHORT_ROWS = 250
"""Least rows in a stored piece (ours)."""

MEASURED = ("lumbar_flexion", "pelvis_tilt", "trunk_inclination", "hip_left_flexion", "hip_right_flexion")
"""Angles from which the rhythm is computed."""
KEPT = (*MEASURED, "thigh_left_inclination", "thigh_right_inclination")
"""Angles that are kept for the repetition in progress; rows of arrays here are in this order."""
_KEPT_ROWS = np.array([ANGLE_NAMES.index(name) for name in KEPT])
_DEGREES = 180.0 / np.pi
LUMBAR_ROW = KEPT.index("lumbar_flexion")
PELVIS_ROW, TRUNK_ROW = KEPT.index("pelvis_tilt"), KEPT.index("trunk_inclination")
LEFT_HIP_ROW, RIGHT_HIP_ROW = KEPT.index("hip_left_flexion"), KEPT.index("hip_right_flexion")
LEFT_THIGH_ROW, RIGHT_THIGH_ROW = KEPT.index("thigh_left_inclination"), KEPT.index("thigh_right_inclination")


def trunk_and_thigh(angles: Floats, trunk_row: int = TRUNK_ROW) -> tuple[Floats, Floats]:
    """Trunk and thigh part (n,) of the trunk-on-thigh flexion from angles (len(KEPT), n), in the same unit.

    The thigh part is that of the lower knee, so that a stride does not look like a bend. A missing thigh is replaced by the
    other; without both, the part is zero. The trunk is NaN where it is missing.
    """
    lower = np.fmin(angles[LEFT_THIGH_ROW], angles[RIGHT_THIGH_ROW])
    return angles[trunk_row], np.where(np.isfinite(lower), lower, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class MovementRows:
    """A stretch of n rows in degrees: time (n,), angles (len(KEPT), n), sd (len(MEASURED), n), quality (n,)."""

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: Flags
    moving: Floats
    """Trunk and thigh part (2, n) of the trunk-on-thigh flexion; see `trunk_and_thigh`."""

    @classmethod
    def of(cls, pieces: Sequence[AngleRows], trunk_row: int) -> MovementRows:
        """Made from consecutive pieces of the rows of all angles; trunk_row: the place in `KEPT` of the trunk's angle."""
        rows = pieces[0] if len(pieces) == 1 else AngleRows.join(pieces)
        angles = rows.angles.take(_KEPT_ROWS, axis=0)
        sd = rows.sd.take(_KEPT_ROWS[: len(MEASURED)], axis=0)
        # the same as np.degrees, but six times as fast
        angles *= _DEGREES
        sd *= _DEGREES
        return cls(rows.time_s, angles, sd, rows.quality, np.stack(trunk_and_thigh(angles, trunk_row)))

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def measured(self) -> Floats:
        """The angles from which the rhythm is computed, (len(MEASURED), n)."""
        return self.angles[: len(MEASURED)]

    def cut(self, first: int, stop: int) -> MovementRows:
        """Rows first … stop of these."""
        return MovementRows(
            self.time_s[first:stop],
            self.angles[:, first:stop],
            self.sd[:, first:stop],
            self.quality[first:stop],
            self.moving[:, first:stop],
        )


def joined(pieces: Sequence[MovementRows]) -> MovementRows:
    """Consecutive pieces as one."""
    return MovementRows(
        np.concatenate([p.time_s for p in pieces]),
        np.concatenate([p.angles for p in pieces], axis=1),
        np.concatenate([p.sd for p in pieces], axis=1),
        np.concatenate([p.quality for p in pieces]),
        np.concatenate([p.moving for p in pieces], axis=1),
    )


class KeptRows:
    """The latest rows, numbered from 0 on."""

    def __init__(self) -> None:
        self._parts: list[MovementRows] = []
        self._length = 0
        self.first = 0
        """Number of the oldest row kept."""

    def __len__(self) -> int:
        return self._length

    def add(self, rows: MovementRows) -> None:
        """Store the next rows; short pieces are joined, so that there are few."""
        self._length += len(rows)
        if self._parts and len(self._parts[-1]) < SHORT_ROWS:
            self._parts[-1] = joined([self._parts[-1], rows])
        else:
            self._parts.append(rows)

    def part(self, first: int, stop: int) -> MovementRows:
        """Stored rows first … stop (numbers) as one piece."""
        begin = self.first + self._length
        pieces: list[MovementRows] = []
        for part in reversed(self._parts):
            begin -= len(part)
            if begin < stop:
                pieces.append(part.cut(max(first - begin, 0), stop - begin))
            if begin <= first:
                break
        return pieces[0] if len(pieces) == 1 else joined(pieces[::-1])

    def forget(self, before: int) -> None:
        """Release the pieces whose rows all come before this one."""
        while self._parts and self.first + len(self._parts[0]) < before:
            gone = len(self._parts.pop(0))
            self.first, self._length = self.first + gone, self._length - gone
