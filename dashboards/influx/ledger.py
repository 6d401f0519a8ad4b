"""The ledger in a session's outbox: the results that InfluxDB acknowledged completely, the repetitions it may have, and
whose."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from body_signals import HiphingeError
from dashboards.influx.outbox import guarded
from on_disk import make_private_folder, read_bytes, read_json, replace_whole

_LEDGER = "ledger.json"
_MOST_BYTES = 16 << 20
"""Largest ledger, bytes (ours, as in `on_disk`)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose results they are: athlete and session are the tags in InfluxDB; start, as in summary.json, may be unknown ("")."""

    athlete: str
    session: str
    start: str = ""

    def agrees(self, other: Identity) -> bool:
        """Whether both can be the same session of the same athlete."""
        same = (self.athlete, self.session) == (other.athlete, other.session)
        return same and (self.start == other.start or not self.start or not other.start)


@dataclass(slots=True)
class Ledger:
    """The results that InfluxDB has acknowledged completely, and the points that it may have.

    complete: by estimator, the digest of the results. repetitions: by estimator, series and timestamp of each that was sent, or
    was about to be. states: by estimator, size and time of change of the files that had that digest, so that they need not
    be read again. of: the session and athlete that all this is about; None in ledgers that were written before it was noted.
    former: whom a ledger that lay in this folder was about before; nothing of it is voided from here. software: by estimator,
    the program that computed what was acknowledged. points: by measurement and last tag, how many were sent.
    """

    complete: dict[str, str] = field(default_factory=dict)
    repetitions: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    states: dict[str, list[int]] = field(default_factory=dict)
    of: Identity | None = None
    former: set[Identity] = field(default_factory=set)
    software: dict[str, str] = field(default_factory=dict)
    points: dict[str, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """The ledger on disk; an empty one where there is none or it cannot be read: then everything is sent again."""
        try:
            found: dict[str, Any] = read_json(folder / _LEDGER)
            complete = {str(k): str(v) for k, v in found["complete"].items()}
            repetitions = {
                str(estimator): {(str(series), int(t)) for series, stamps in by_series.items() for t in stamps}
                for estimator, by_series in found["repetitions"].items()
            }
            states = {str(k): [int(n) for n in v] for k, v in found["states"].items()}
            of = _identity(found["of"]) if found.get("of") else None
            former = {_identity(one) for one in found.get("former", [])}
            software = {str(k): str(v) for k, v in found.get("software", {}).items()}
            points = {str(m): {str(k): int(n) for k, n in by.items()} for m, by in found.get("points", {}).items()}
        except (OSError, HiphingeError, ValueError, KeyError, TypeError, AttributeError):
            return cls()
        return cls(complete, repetitions, states, of, former, software, points)

    @classmethod
    def glanced_at(cls, folder: Path) -> tuple[dict[str, list[int]], frozenset[str]]:
        """Of the ledger on disk, quickly, for a list of many: by estimator `states` of what was acknowledged as a whole, and
        the estimators of which anything was sent; nothing where it cannot be read."""
        try:
            found = _glanced(read_bytes(folder / _LEDGER, _MOST_BYTES))
        except (OSError, HiphingeError, msgspec.MsgspecError):
            return {}, frozenset()
        sent = {estimator for estimator, series in found.repetitions.items() if series}
        return {e: state for e, state in found.states.items() if e in found.complete}, frozenset(sent | set(found.complete))

    def write(self, folder: Path) -> None:
        """Write the ledger to disk, atomically."""
        by_series: dict[str, dict[str, list[int]]] = {}
        for estimator, sent in self.repetitions.items():
            for series, stamp in sorted(sent):
                by_series.setdefault(estimator, {}).setdefault(series, []).append(stamp)
        words: dict[str, Any] = {"complete": self.complete, "repetitions": by_series, "states": self.states}
        words["of"] = asdict(self.of) if self.of is not None else None
        words["former"] = sorted((asdict(one) for one in self.former), key=lambda one: sorted(one.items()))
        words |= {"software": self.software, "points": self.points}
        with guarded(folder):
            make_private_folder(folder)
            replace_whole(folder / _LEDGER, json.dumps(words))


class _Glance(msgspec.Struct):
    complete: dict[str, str]
    states: dict[str, list[int]]
    repetitions: dict[str, dict[str, msgspec.Raw]]


_glanced = msgspec.json.Decoder(_Glance).decode


def _identity(found: Any) -> Identity:
    return Identity(*(str(found[name]) for name in ("athlete", "session", "start")))
