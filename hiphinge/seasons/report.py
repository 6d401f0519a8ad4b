"""What a run has done: figures while it lasts, and report.json when it has ended, for whatever reason."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from body_signals import HiphingeError
from hiphinge.seasons.computer import this_computer
from hiphinge.seasons.place import Place
from hiphinge.seasons.result import REPORT, check_sign
from hiphinge.seasons.task import BEFORE, COMPUTED, FAILED, Outcome, Settings

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a run has come. done: with a result, before or now. per_hour: sessions computed an hour, 0 before the first one;
    ends: expected, None where that is not known."""

    done: int
    failed: int
    to_go: int
    per_hour: float
    ends: datetime | None

    @property
    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "done": self.done,
            "failed": self.failed,
            "to_go": self.to_go,
            "per_hour": round(self.per_hour, 1),
            "ends": None if self.ends is None else _rfc(self.ends),
        }

    @property
    def words(self) -> str:
        """For a person, in this computer's time."""
        ends = "" if self.ends is None else f", ends {self.ends.astimezone():%a %H:%M}"
        rate = f", {self.per_hour:.0f} an hour" if self.per_hour else ""
        return f"{self.done} done, {self.failed} failed, {self.to_go} to go{rate}{ends}"


@dataclass(slots=True)
class Report:
    """Of a run over `count` sessions."""

    sessions: str
    results: str
    settings: Settings
    count: int
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcomes: list[Outcome] = field(default_factory=list)
    refused: Mapping[str, str] = field(default_factory=dict)
    stopped: HiphingeError | None = None
    """Why the run ended before its last session."""
    counts: Counter[str] = field(default_factory=Counter)
    """Sessions by state."""
    _began_s: float = field(default_factory=time.monotonic)

    def take(self, outcome: Outcome) -> None:
        """A session has ended."""
        self.outcomes.append(outcome)
        self.counts[outcome.state] += 1

    @property
    def to_go(self) -> int:
        """Sessions without an outcome."""
        return self.count - len(self.outcomes)

    @property
    def figures(self) -> Figures:
        """How far it has come."""
        counts, seconds = self.counts, time.monotonic() - self._began_s
        # those that were there before say nothing of the others
        worked = counts[COMPUTED] + counts[FAILED]
        per_hour = 3600.0 * worked / max(seconds, 1e-3)
        left = timedelta(hours=self.to_go / per_hour) if worked and self.to_go else None
        ends = None if left is None or left > timedelta(days=3650) else datetime.now(UTC) + left
        return Figures(counts[COMPUTED] + counts[BEFORE], counts[FAILED], self.to_go, per_hour, ends)

    @property
    def kinds(self) -> dict[str, int]:
        """What computed the results, in words, and how many."""
        found = Counter(_kind(outcome.computed_by) for outcome in self.outcomes if outcome.computed_by)
        return dict(found.most_common())

    @property
    def words(self) -> str:
        """The last line for a person."""
        counts, seconds = self.counts, time.monotonic() - self._began_s
        hours = sum(outcome.session_s for outcome in self.outcomes if outcome.state == COMPUTED) / 3600.0
        parts = [f"{counts[COMPUTED]} computed ({hours:.1f} h in {_duration(seconds)})"]
        if counts[BEFORE]:
            parts.append(f"{counts[BEFORE]} done before")
        if counts[FAILED]:
            parts.append(f"{counts[FAILED]} failed")
        if self.to_go:
            parts.append(f"{self.to_go} to go")
        return f"{self.count} session{'s' if self.count != 1 else ''}: {', '.join(parts)}: {self.results}"

    @property
    def document(self) -> dict[str, Any]:
        """The content of report.json."""
        counts, me = self.counts, this_computer()
        in_order = sorted(self.outcomes, key=lambda outcome: outcome.session)
        return {
            "schema": SCHEMA,
            "began": _rfc(self.began),
            "ended": _rfc(datetime.now(UTC)),
            "sessions": self.sessions,
            "results": self.results,
            "software": me.software,
            "code": me.code,
            "settings": self.settings.document,
            "counts": {
                "sessions": self.count,
                COMPUTED: counts[COMPUTED],
                BEFORE: counts[BEFORE],
                FAILED: counts[FAILED],
                "to_go": self.to_go,
            },
            "stopped": None if self.stopped is None else _error(self.stopped.what, self.stopped.where, self.stopped.remedy),
            "failed": [{"session": one.session, **_error(*one.error)} for one in in_order if one.error is not None],
            "warnings": {one.session: list(one.warnings) for one in in_order if one.warnings},
            "computed_by": [{"kind": kind, "sessions": number} for kind, number in self.kinds.items()],
            "refused_workers": [{"worker": worker, "why": why} for worker, why in sorted(self.refused.items())],
            "seconds": round(time.monotonic() - self._began_s, 3),
            "session_s": round(sum(one.session_s for one in in_order if one.state == COMPUTED), 3),
            "worker_s": round(sum(one.seconds for one in in_order), 3),
            "cpu_s": {
                "all": round(sum(one.cpu_s for one in in_order), 3),
                "computing": round(sum(one.compute_cpu_s for one in in_order), 3),
            },
        }

    def write(self, results: Place, sign: str) -> None:
        """Write report.json into the folder of results, in the place of an earlier run's. HiphingeError where it is no longer
        the one with this sign."""
        check_sign(results, sign)
        results.put(REPORT, json.dumps(self.document, indent=1).encode())


def _kind(computed_by: Mapping[str, Any]) -> str:
    libraries = ", ".join(f"{name} {number}" for name, number in computed_by["libraries"].items())
    words = (computed_by["processor"], computed_by["instructions"], computed_by["blas"])
    return f"{computed_by['software']} on {' '.join(filter(None, words))} ({libraries})"


def _error(what: str, where: str, remedy: str) -> dict[str, str]:
    return {"what": what, "where": where, "remedy": remedy}


def _rfc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _duration(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"
