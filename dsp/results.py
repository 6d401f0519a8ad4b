"""The results of the pipelines: rows of angles and orientations, repetitions, alignments. Frozen; radians inside."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from body_signals import ANGLE_NAMES, CAUSE_FLAGS, Cause, Floats, Ints, Quality

Flags = NDArray[np.int32]
TICK_HZ = 100.0
"""Rows a second of the grid that all sensors share (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class AngleRows:
    """Joint angles at n consecutive ticks of the grid.

    time_s (n,): session time. angles (A, n) and sd (A, n): radians, in the order of `ANGLE_NAMES`, NaN where missing.
    quality (n,): `body_signals.quality.Quality` bits.
    """

    time_s: Floats
    angles: Floats
    sd: Floats
    quality: Flags

    def __post_init__(self) -> None:
        n = len(self.time_s)
        if self.angles.shape != (len(ANGLE_NAMES), n) or self.sd.shape != self.angles.shape or self.quality.shape != (n,):
            raise ValueError("AngleRows: arrays do not agree in length")

    def __len__(self) -> int:
        return len(self.time_s)

    def part(self, start: int, stop: int) -> AngleRows:
        """Rows start … stop of these."""
        cut = slice(start, stop)
        return AngleRows(self.time_s[cut], self.angles[:, cut], self.sd[:, cut], self.quality[cut])

    @classmethod
    def join(cls, parts: Sequence[AngleRows]) -> AngleRows:
        """Consecutive parts as one."""
        return cls(
            np.concatenate([p.time_s for p in parts]),
            np.concatenate([p.angles for p in parts], axis=1),
            np.concatenate([p.sd for p in parts], axis=1),
            np.concatenate([p.quality for p in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class OrientationRows:
    """Orientations of one sensor: time_s (n,), quat (n, 4) w x y z sensor → earth, heading_epoch (n,)."""

    sensor: str
    time_s: Floats
    quat: Floats
    heading_epoch: Flags

    def __len__(self) -> int:
        return len(self.time_s)


class Metrics(Mapping[str, float]):
    """Metrics by name, kept as one row of a table: a day has thousands of repetitions with 150 metrics each.

    places: each name's place in `row` (m,), shared by many; a metric that is NaN there is absent.
    """

    __slots__ = ("_places", "_row")

    def __init__(self, places: Mapping[str, int], row: Floats) -> None:
        self._places, self._row = places, row

    def __getitem__(self, name: str) -> float:
        value = self._row.item(self._places[name])
        if value != value:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return compress(self._places, (self._row == self._row).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._row == self._row))

    def __repr__(self) -> str:
        return f"Metrics({dict(self)})"

    @staticmethod
    def table(several: Sequence[Mapping[str, float]], names: Sequence[str]) -> Floats:
        """Named metrics of several (r, names); where absent NaN, always the same one."""
        table = np.full((len(several), len(names)), np.nan)
        seen: dict[int, tuple[Mapping[str, int], Ints, Ints]] = {}
        for line, metrics in zip(table, several, strict=True):
            if not isinstance(metrics, Metrics):
                line[:] = [metrics.get(name, np.nan) for name in names]
                continue
            places = metrics._places
            if id(places) not in seen:
                to = [i for i, name in enumerate(names) if name in places]
                seen[id(places)] = places, np.array(to, np.int64), np.array([places[names[i]] for i in to], np.int64)
            _, to_, from_ = seen[id(places)]
            line[to_] = metrics._row[from_]
        table[np.isnan(table)] = np.nan
        return table


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition. `metrics` holds what `quantities.REPETITION_METRICS` names, in table units; absent = missing.

    relative_phase_deg: continuous relative phase of lumbar spine and pelvis at 101 points, for the measures over a set; empty
    where it could not be computed. missing_shares: lumbar shares that are missing though their angles are there, with the
    reason, in words: ``lumbar_share_of_trunk: opposite directions; …``.
    """

    index: int
    start_s: float
    turn_s: float
    end_s: float
    movement: str
    movement_confidence: float
    quality: int
    metrics: Mapping[str, float]
    relative_phase_deg: array[float] = field(default_factory=lambda: array("d"))
    missing_shares: str = ""


@dataclass(frozen=True, slots=True)
class AlignmentReport:
    """How a sensor was aligned to its segment: method, confidence 0 to 1, and the reasons for it, in words."""

    placement: str
    method: str
    confidence: float
    reasons: tuple[str, ...]
    time_s: float
    """Session time of the `calibrate` mark."""
    warnings: tuple[str, ...] = ()
    """The reasons that are reported at any confidence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a sensor: from session time `since_s` to `until_s` (None: it has not ended), known since `known_s`.

    sensor: the key of `body_signals.session.Sensor`. what: the cause in words, with its figures; remedy: what to do. A later
    finding with the same sensor, cause and `since_s` replaces an earlier one: it has more information, usually the end.
    """

    sensor: str
    cause: Cause
    since_s: float
    known_s: float
    what: str
    remedy: str
    until_s: float | None = None

    @property
    def flag(self) -> Quality:
        """The flag of rows during the fault."""
        return CAUSE_FLAGS[self.cause]

    @property
    def words(self) -> str:
        """One line for people: where, what, and what to do."""
        return f"{self.sensor}: {self.what}. {self.remedy}"

    def document(self) -> dict[str, object]:
        """As it stands in summary.json and in JSON lines."""
        return {
            "placement": self.sensor,
            "cause": str(self.cause),
            "since_s": round(self.since_s, 3),
            "until_s": None if self.until_s is None else round(self.until_s, 3),
            "known_s": round(self.known_s, 3),
            "what": self.what,
            "remedy": self.remedy,
        }


def latest(findings: Sequence[Finding]) -> list[Finding]:
    """The last version of each finding, given in the order in which they became known; sorted by their beginning."""
    last = {(f.sensor, f.cause, f.since_s): f for f in findings}
    return sorted(last.values(), key=lambda f: (f.since_s, f.sensor, f.cause))
