"""Sensors in each other's place: which exchange explains the movements of a calibration better than what was said of them.

Each movement is one of three: a bend (the lumbar spine's sensor inclines at least as far as the pelvis', the thighs hardly), or
the raise of one knee (that thigh alone; the pelvis rolls back with it). For every way in which the worn sensors may have been
exchanged, `costs` says how much the movements contradict it; where the places as stated are contradicted more than another way
by `TOLD`, the sensors that change places in that one are told.

The left knee is asked for first, so the order alone tells the thighs apart. All figures are ours; they hold for lumbar shares
of a bend from 0 to 0.85 and knee raises in which the pelvis gives up to 0.3 (`virtual_athlete.movement.people`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import permutations

import numpy as np

from body_signals import Floats
from dsp.calibration.calibration_movements import LUMBAR_KEY, PELVIS_KEY, THIGH_KEYS, TRUNK_KEYS

LEFT_KEY, RIGHT_KEY = THIGH_KEYS

TOLD = 0.5
"""Contradiction by which the stated places must be worse than others (ours)."""
SURE = 1.5
"""Contradiction from which on nothing else explains it (ours)."""
MOST_MOVEMENTS = 12
"""Movements that are looked at: more than a calibration has (ours)."""
SPARE_DEG = 3.0
"""Sway, skin and the sensors' own errors (ours)."""
LIES_DEG = 0.5
"""A sensor that inclines by less in all movements is not worn: nobody holds a segment as still (ours)."""
FURTHER_SHARE = 0.08
"""Of a bend: where the spine is held straight, the pelvis' sensor may incline this much further than the lumbar one (ours)."""
THIGH_SHARE, APART_SHARE, ABOVE_SHARE = 0.4, 0.12, 0.1
"""Of a bend: how far a thigh may lean, and how much further than the other thigh, and than the pelvis (ours)."""
BESIDE_SHARE, ROLLS_SHARE = 0.3, 0.45
"""Of a knee raise: how far the other thigh and the lumbar spine may go, and how far the pelvis (ours)."""
UNSEEN_ROLL_DEG = 30.0
"""How far the pelvis may go where a knee is raised that no sensor sees (ours)."""
WRONG_WAY = 0.3
"""A pelvis that rolls the same way in bends and knee raises contradicts by this for each knee raise, three at most (ours)."""
SAME_WAY, ROLLED_DEG = 0.3, 3.0
"""Cosine from which on two ways are the same, and the least inclination that has a way (ours)."""
RAISED_FIRST, RAISED_ALONE = 0.5, 0.4
"""Knee raises before the first bend contradict by the first, since bends are asked for first; by the second while nobody has
bent at all. The latter alone is no reason to tell anything (ours)."""
RIGHT_FIRST, RIGHT_ALONE = 1.0, 0.6
"""The right knee before the left contradicts by the first; by the second while the left was not raised at all (ours)."""


class Fault(StrEnum):
    """What is wrong with where or how sensors are worn."""

    SWAPPED = "swapped"
    """In each other's place."""
    TURNED = "turned"
    """Otherwise on its segment than was said, or than last time."""


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Sensors `placements` that are not worn as was said.

    degrees: of a turned one, how far it is off; of exchanged ones 0. sure: 0 … 1; below 1 a person who moves otherwise than
    asked may look the same. what: in words. harmless: the calibration finds it out by itself; it is told because something else
    may be the reason.
    """

    fault: Fault
    placements: tuple[str, ...]
    degrees: float
    sure: float
    what: str
    harmless: bool = False

    def document(self) -> dict[str, object]:
        """As it stands in JSON lines."""
        return {
            "code": str(self.fault),
            "placements": list(self.placements),
            "degrees": round(self.degrees, 0),
            "sure": round(self.sure, 2),
            "harmless": self.harmless,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """One movement: the largest inclination of each sensor from its standing, degrees, and the way that it went then, a unit
    vector (3,) in the sensor."""

    peak_deg: Mapping[str, float]
    way: Mapping[str, Floats]
    _kinds: dict[tuple[str, ...], tuple[str, float]] = field(default_factory=dict)
    """What has been asked: see `kind`."""

    def kind(self, keys: Sequence[str], places: Sequence[str]) -> tuple[str, float]:
        """The kind of movement that is contradicted least when the sensors `keys` are worn at `places`, and by how much. Every
        movement of a calibration is asked for again at each that follows."""
        asked = (*keys, *places)
        if asked not in self._kinds:
            deg = {place: self.peak_deg.get(key, np.nan) for place, key in zip(places, keys, strict=True)}
            ways = _contradictions({place: value for place, value in deg.items() if value == value})
            kind = min(ways, key=lambda k: ways[k])
            self._kinds[asked] = kind, ways[kind]
        return self._kinds[asked]

    def tells(self) -> bool:
        """Whether it can be a bend or the raise of one knee: both thighs move in squats and in walking, and three sensors
        together move in neither."""
        left, right = (self.peak_deg.get(key, 0.0) for key in THIGH_KEYS)
        trunk = max((self.peak_deg.get(key, 0.0) for key in TRUNK_KEYS), default=0.0)
        both = min(left, right) > 15.0 and min(left, right) > 0.5 * max(left, right) and max(left, right) > trunk
        ordered = sorted(self.peak_deg.values(), reverse=True)
        return not both and not (len(ordered) > 2 and ordered[2] > 0.55 * ordered[0])


def exchanged(keys: Sequence[str], movements: Sequence[Movement]) -> Misplaced | None:
    """Which of the worn sensors `keys` are in each other's place; None where the movements do not say so."""
    told = [m for m in movements if m.tells()][:MOST_MOVEMENTS]
    # a sensor that lies on a table is in nobody's place
    keys = [key for key in keys if max((m.peak_deg.get(key, 0.0) for m in told), default=0.0) > LIES_DEG]
    if len(keys) < 2:
        return None
    stated, best, moved = _cost(keys, keys, told), np.inf, tuple(keys)
    ways = sorted(permutations(keys), key=lambda places: _moved(keys, places))
    for places in ways:
        cost = _cost(keys, places, told)
        if cost < best - 1e-9:
            best, moved = cost, places
    margin = stated - best
    if margin < TOLD:
        return None
    wrong = tuple(key for key, place in zip(keys, moved, strict=True) if key != place)
    return Misplaced(Fault.SWAPPED, wrong, 0.0, round(min(1.0, margin / SURE), 2), _words(keys, moved))


def _moved(keys: Sequence[str], places: Sequence[str]) -> int:
    return sum(key != place for key, place in zip(keys, places, strict=True))


def _words(keys: Sequence[str], places: Sequence[str]) -> str:
    names = {key: key.replace("_", " ") for key in keys}
    if {key for key, place in zip(keys, places, strict=True) if key != place} == set(THIGH_KEYS):
        return "the right knee seems to rise where the left one was asked for: the thigh sensors are in each other's place"
    moved = [(names[key], names[place]) for key, place in zip(keys, places, strict=True) if key != place]
    return "; ".join(f"the {key} sensor moves as the {place} does" for key, place in moved)


def _cost(keys: Sequence[str], places: Sequence[str], movements: Sequence[Movement]) -> float:
    """How much the movements contradict that the sensors `keys` are worn at `places`."""
    at = dict(zip(places, keys, strict=True))
    kinds, cost = [], 0.0
    for movement in movements:
        kind, contradicted = movement.kind(keys, places)
        kinds.append(kind)
        cost += contradicted
    return cost + _ways(at, kinds, movements) + _order(kinds, both=all(key in at for key in THIGH_KEYS))


def _contradictions(deg: Mapping[str, float]) -> dict[str, float]:
    """How much a movement in which these places incline contradicts each kind of movement: a trunk's key stands for a bend, a
    thigh's for the raise of that knee."""
    most = max(deg.values(), default=0.0)
    if most <= 0.0:
        return {LUMBAR_KEY: 0.0}

    def beyond(*excess: float) -> float:
        return sum(min(1.0, 2.0 * max(0.0, e) / most) for e in excess)

    lumbar, pelvis = deg.get(LUMBAR_KEY), deg.get(PELVIS_KEY)
    thighs = {key: deg[key] for key in THIGH_KEYS if key in deg}
    found: dict[str, float] = {}
    trunk = max((v for v in (lumbar, pelvis) if v is not None), default=None)
    if trunk is not None:
        further = 0.0
        if lumbar is not None and pelvis is not None:
            further = pelvis - lumbar - max(SPARE_DEG, FURTHER_SHARE * trunk)
        aside = [v - THIGH_SHARE * trunk - SPARE_DEG for v in thighs.values()]
        apart = abs(thighs[LEFT_KEY] - thighs[RIGHT_KEY]) - APART_SHARE * trunk - SPARE_DEG if len(thighs) == 2 else 0.0
        above = 0.0
        if pelvis is not None and thighs:
            above = max(thighs.values()) - pelvis - ABOVE_SHARE * trunk - SPARE_DEG
        found[LUMBAR_KEY] = beyond(further, *aside, apart, above)
    for key in THIGH_KEYS:
        other = [v for k, v in thighs.items() if k != key]
        if key in thighs:
            raised = thighs[key]
            over = [v - BESIDE_SHARE * raised - SPARE_DEG for v in (*other, *(() if lumbar is None else (lumbar,)))]
            rolls = [] if pelvis is None else [pelvis - ROLLS_SHARE * raised - SPARE_DEG]
            found[key] = beyond(*over, *rolls)
        elif pelvis is not None:
            # the raise of a knee that no sensor sees
            over = [v - 0.5 * pelvis - SPARE_DEG for v in (*other, *(() if lumbar is None else (lumbar,)))]
            found[key] = beyond(*over, pelvis - UNSEEN_ROLL_DEG)
    return found


def _ways(at: Mapping[str, str], kinds: Sequence[str], movements: Sequence[Movement]) -> float:
    """The pelvis rolls forward in a bend and back in a knee raise: how much that is contradicted."""
    key = at.get(PELVIS_KEY)
    if key is None:
        return 0.0
    rolled = [(kind, m.way[key]) for kind, m in zip(kinds, movements, strict=True) if m.peak_deg.get(key, 0.0) > ROLLED_DEG]
    bends = [way for kind, way in rolled if kind == LUMBAR_KEY]
    if not bends:
        return 0.0
    bend = np.sum(bends, axis=0)
    bend = bend / max(float(np.sqrt((bend * bend).sum())), 1e-9)
    wrong = sum(1 for kind, way in rolled if kind != LUMBAR_KEY and float((bend * way).sum()) > SAME_WAY)
    return WRONG_WAY * min(wrong, 3)


def _order(kinds: Sequence[str], *, both: bool) -> float:
    """How much the order of the movements contradicts what is asked for: bends, the left knee, the right knee. both: both
    thighs have a sensor."""
    places = {kind: [i for i, k in enumerate(kinds) if k == kind] for kind in (LUMBAR_KEY, *THIGH_KEYS)}
    bends, left, right = places[LUMBAR_KEY], places[LEFT_KEY], places[RIGHT_KEY]
    cost = 0.0
    if bends and (left or right) and min(left + right) < bends[0]:
        cost += RAISED_FIRST
    elif not bends:
        cost += RAISED_ALONE
    if both and right and not left:
        cost += RIGHT_ALONE
    elif both and left and right and right[0] < left[0] and right[-1] < left[-1]:
        cost += RIGHT_FIRST
    return cost
