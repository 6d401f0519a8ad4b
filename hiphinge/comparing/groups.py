"""Sessions of several people: their repeatability, and their centiles as limits of the hip screen.

People are told apart by their pseudonym. A session that cannot be used is named with the reason and left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from body_signals import LIMITS, SCREEN_MEASURES, UNKNOWN_ATHLETE, HiphingeError, Limit
from dsp.comparison import FEWEST_PEOPLE, Agreement, Key, Limited, Occasion, agreement, centile, rounded, unit_of
from hiphinge.afterwards.listing import FINISHED, listed
from hiphinge.comparing.courses import one_wear
from hiphinge.comparing.occasions import Told, told
from hiphinge.comparing.recordings import Recordings, counted_already, is_replay

ANEW, ON = "anew", "on"
"""Kinds of repeatability: the sensors were worn anew between sessions, or stayed on."""
PEOPLE_ADVISED = 10
"""With fewer people the limits are wide (docs/validation.md)."""
ORDER: tuple[Key, ...] = tuple((m.test, m.side, m.name) for m in SCREEN_MEASURES)
TAIL = 0.10
"""Part of people beyond a limit."""


@dataclass(slots=True)
class People:
    """Sessions by athlete, in order of time; left_out: why others are not among them, by folder."""

    sessions: dict[str, list[Told]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def people(folders: Sequence[Path], estimator: str, tell: Callable[[str], None]) -> People:
    """The sessions in these folders: each a session, or a folder of sessions. HiphingeError where one is no folder."""
    found, seen, met = People(), set(), Recordings()
    for folder in folders:
        if not folder.is_dir():
            what = "this is a file" if folder.exists() else "no such folder"
            raise HiphingeError(what, str(folder), "Give the folder of your sessions, or session folders")
        # of one recording the folder that has it comes before its replays
        for one in sorted(listed(folder), key=lambda one: is_replay(one.folder)):
            if one.folder.resolve() in seen:
                continue
            seen.add(one.folder.resolve())
            if one.athlete is None or one.athlete == UNKNOWN_ATHLETE:
                found.left_out[str(one.folder)] = one.why or "it is not known whose session this is"
            elif one.state != FINISHED or estimator not in one.estimators:
                found.left_out[str(one.folder)] = one.why or f"{one.state}, no results of estimator {estimator!r}"
            else:
                _take(found, met, one.folder, estimator, tell)
    for several in found.sessions.values():
        several.sort(key=lambda session: (session.start is None, session.start))
    return found


def _take(found: People, met: Recordings, folder: Path, estimator: str, tell: Callable[[str], None]) -> None:
    try:
        session, other = told(folder, estimator, tell), met.first(folder)
    except HiphingeError as error:
        found.left_out[str(folder)] = str(error)
        return
    if other is not None:
        found.left_out[str(folder)] = counted_already(other)
    elif not session.occasions:
        found.left_out[str(folder)] = "no test of the hip screen was scored"
    else:
        found.sessions.setdefault(session.athlete, []).append(session)


def repeatability(group: People) -> list[tuple[Key, str, Agreement]]:
    """The repeatability of every number that enough people have twice, worn anew and with the sensors on."""
    by_person = {athlete: _by_wear(several) for athlete, several in group.sessions.items()}
    keys = dict.fromkeys(k for wears in by_person.values() for one in wears for occasion in one for k in occasion.values)
    rows = []
    for key in sorted(keys, key=ORDER.index):
        anew = [[v[0] for one in wears if (v := _values(key, one))] for wears in by_person.values()]
        # of each person one wear, so that people weigh alike
        on = [max((_values(key, one) for one in wears), key=len) for wears in by_person.values()]
        for kind, values in ((ANEW, anew), (ON, on)):
            found = agreement(values)
            if found is not None:
                rows.append((key, kind, found))
    return rows


def _by_wear(several: Sequence[Told]) -> list[list[Occasion]]:
    found: dict[str, list[Occasion]] = {}
    for one in one_wear([o for session in several for o in session.occasions], several):
        found.setdefault(one.wear, []).append(one)
    return list(found.values())


def _values(key: Key, occasions: Sequence[Occasion]) -> list[float]:
    return [one.values[key].median for one in occasions if key in one.values]


def repeatability_document(group: People, rows: Sequence[tuple[Key, str, Agreement]], estimator: str) -> dict[str, Any]:
    """The table for programs, and for `hiphinge compare --errors`."""
    return {
        "estimator": estimator,
        "people": len(group.sessions),
        "sessions": sum(map(len, group.sessions.values())),
        "people_with_two_sessions": sum(len(several) > 1 for several in group.sessions.values()),
        "numbers": [
            {
                **dict(zip(("test", "side", "measure"), key, strict=True)),
                "unit": unit_of(key),
                "wear": kind,
                "people": one.people,
                "sessions": one.sessions,
                "sessions_each": one.used,
                "mean": rounded(one.mean),
                "shift": rounded(one.shift),
                **_limited("icc_2_1", one.icc_agreement),
                **_limited("icc_3_1", one.icc_consistency),
                **_limited("sem", one.sem),
                **_limited("mdc90", one.mdc90),
                **_limited("mdc95", one.mdc95),
            }
            for key, kind, one in rows
        ],
        "left_out": group.left_out,
    }


def _limited(name: str, one: Limited) -> dict[str, float | None]:
    return {name: rounded(one.value), f"{name}_low": rounded(one.low), f"{name}_high": rounded(one.high)}


@dataclass(frozen=True, slots=True)
class Norm:
    """A limit of the screen from own people. found: the centile with its limits; None where there were too few, see why."""

    limit: Limit
    people: int
    found: Limited | None
    why: str


def norms(group: People) -> tuple[list[Norm], dict[str, str]]:
    """The centile for each limit of the screen; and who reported pain and so is left out, with the reason.

    Every person gives the median over their sessions, for each side and test to which a limit applies.
    """
    painful = {
        athlete: f"pain {most:g} was reported" for athlete, several in group.sessions.items() if (most := _most_pain(several))
    }
    values: dict[str, dict[str, list[float]]] = {}
    for athlete, several in group.sessions.items():
        if athlete not in painful:
            for name, numbers in _compared(several).items():
                values.setdefault(name, {})[athlete] = numbers
    return [_norm(limit, values.get(limit.name, {})) for limit in LIMITS], painful


def _norm(limit: Limit, by_person: Mapping[str, Sequence[float]]) -> Norm:
    found = centile(list(by_person.values()), 1.0 - TAIL if limit.above else TAIL)
    why = "" if found is not None else f"{len(by_person)} of {FEWEST_PEOPLE} people"
    return Norm(limit, len(by_person), found, why)


def _most_pain(several: Sequence[Told]) -> float:
    return max((one.pain for session in several for one in session.occasions if one.pain is not None), default=0.0)


def _compared(several: Sequence[Told]) -> dict[str, list[float]]:
    """What a person's screens compared with each limit: for each test and side the median over sessions."""
    found: dict[str, dict[tuple[str, str, str], list[float]]] = {}
    for session in several:
        for one in session.occasions:
            for entry in one.screen.get("limits", ()):
                number = entry.get("number")
                if number is not None and math.isfinite(number):
                    # a difference of sides counts in either direction
                    size = abs(number) if entry["measure"] == "hip_difference_deg" else number
                    place = (entry["test"], entry["side"], entry["measure"])
                    found.setdefault(entry["name"], {}).setdefault(place, []).append(size)
    return {name: [median(numbers) for numbers in places.values()] for name, places in found.items()}


def norms_document(group: People, found: Sequence[Norm], painful: Mapping[str, str], estimator: str) -> dict[str, Any]:
    """The norms for programs."""
    return {
        "estimator": estimator,
        "people": len(group.sessions) - len(painful),
        "sessions": sum(len(several) for athlete, several in group.sessions.items() if athlete not in painful),
        "limits": [
            {
                "name": one.limit.name,
                "unit": one.limit.unit,
                "above": one.limit.above,
                "centile": 90 if one.limit.above else 10,
                "people": one.people,
                "value": None if one.found is None else rounded(one.found.value),
                "low": None if one.found is None else rounded(one.found.low),
                "high": None if one.found is None else rounded(one.found.high),
                "today": one.limit.value,
                "source": one.limit.source,
                "proposal": one.limit.proposal,
                "why": one.why,
            }
            for one in found
        ],
        "painful": dict(painful),
        "left_out": group.left_out,
    }


def norms_toml(document: Mapping[str, Any]) -> str:
    """The limits as a piece of a configuration file: `[screen]`, and what it rests on as remarks."""
    there = f"{document['people']} pain-free people, {document['sessions']} sessions, estimator {document['estimator']}"
    lines = [
        f"# Own norms of the hip screen from {there}.",
        "# The 10th or 90th centile; in brackets its limits, 19 of 20.",
        "[screen]",
    ]
    for one in document["limits"]:
        if one["value"] is None:
            lines.append(f"# {one['name']}: too few, {one['why']}; it stays {one['today']:g}")
        else:
            limits = f"{one['low']:g} to {one['high']:g}"
            lines.append(f"{one['name']} = {float(one['value'])}  # {one['people']} people ({limits}); was {one['today']:g}")
    return "\n".join(lines) + "\n"
