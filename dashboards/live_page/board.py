"""What a page knows of a session: documents by name, the latest of each, and the rows. One board for all viewers.

The session's sink writes on it from its own thread; the server's loop reads. Each document has a version, so that a viewer is
told what has changed and nothing waits for one that is slow: it gets the newest when it can take it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dashboards.live_page.frames import COLUMNS, RATE_HZ, RowRing, Rows

STATE_VERSION = 1
MOST_REPETITIONS = 200
MOST_MARKS = 1000
MOST_ANSWERS = 50
OPERATORS_ONLY = frozenset({"viewers", "invitation", "answers", "setup"})
"""Documents that a viewer's page does not get."""
_KINDS = ("sensors", "calibration", "under_way", "findings", "marks", "targets", "viewers", "trouble", "setup")
"""Documents that are told anew when they change, the newest wins."""


def _encode(document: Any) -> bytes:
    # numbers of arrays are numbers; what is not finite becomes null
    return msgspec.json.encode(document, enc_hook=float)


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as JSON; what is not a finite number is null."""
    return _encode(document)


@dataclass(slots=True)
class Told:
    """What a viewer has been told: versions of documents, how many repetitions, the last answer, and the generation of the list
    of repetitions."""

    versions: dict[str, int]
    repetitions: int = 0
    generation: int = 0
    answer: int = 0


class Board:
    """The documents and rows of one session. head: what does not change: ``session``, ``places``. changed: called, from any
    thread, when there is something new."""

    def __init__(self, head: Mapping[str, Any], changed: Callable[[], None] = lambda: None) -> None:
        self.rows = RowRing()
        self.changed = changed
        self.ended = False
        self._head = dict(head)
        self._lock = threading.Lock()
        self._documents: dict[str, tuple[int, dict[str, Any], bytes]] = {}
        self._repetitions: deque[bytes] = deque(maxlen=MOST_REPETITIONS)
        self._counted = 0
        """Repetitions so far."""
        self._generation = 0
        self._answers: deque[tuple[int, bytes]] = deque(maxlen=MOST_ANSWERS)
        self.body_state = "waiting"
        self.now_s = 0.0

    def append(self, time_s: Any, rows: Rows) -> None:
        """The next rows."""
        with self._lock:
            self.rows.append(time_s, rows)
        self.changed()

    def put(self, kind: str, content: Mapping[str, Any]) -> bool:
        """The newest document of a kind; whether it differs from the one before."""
        document = {"type": kind, **content}
        data = encoded(document)
        with self._lock:
            before = self._documents.get(kind)
            if before is not None and before[2] == data:
                return False
            self._documents[kind] = (before[0] + 1 if before else 1, document, data)
        self.changed()
        return True

    def begin(self, head: Mapping[str, Any]) -> None:
        """A session begins: its head in place of what was set up. Pages must be told the state anew."""
        with self._lock:
            self._head = dict(head)
            self._documents.pop("setup", None)

    def get(self, kind: str) -> Mapping[str, Any]:
        """The newest document of a kind; empty where there is none."""
        with self._lock:
            return self._documents[kind][1] if kind in self._documents else {}

    def repetition(self, document: Mapping[str, Any]) -> None:
        """A repetition has ended."""
        data = encoded(document)
        with self._lock:
            self._repetitions.append(data)
            self._counted += 1
        self.changed()

    def repetitions(self, documents: list[Mapping[str, Any]]) -> None:
        """All repetitions anew."""
        data = [encoded(document) for document in documents]
        with self._lock:
            self._repetitions = deque(data, maxlen=MOST_REPETITIONS)
            self._counted = len(data)
            self._generation += 1
        self.changed()

    def answer(self, number: int, content: Mapping[str, Any]) -> None:
        """What came of an order; they are counted from 1."""
        with self._lock:
            self._answers.append((number, encoded({"type": "answer", "number": number, **content})))
        self.changed()

    def end(self) -> None:
        """The session has ended: nothing comes any more."""
        self.ended = True
        self.changed()

    def state(self, role: str, told: Told, you: str = "") -> tuple[bytes, int]:
        """The state message for a page that has just connected, and the number of the row that it gets first. you: its id in
        the list of viewers."""
        operator = role == "operator"
        with self._lock:
            known = {kind: self._documents[kind] for kind in _KINDS if kind in self._documents}
            # what is set up is no part of a session's state: it comes right after it
            told.versions = {kind: version for kind, (version, _, _) in known.items() if kind != "setup"}
            if "invitation" in self._documents:
                # it was for who asked for it
                told.versions["invitation"] = self._documents["invitation"][0]
            told.repetitions, told.generation = self._counted, self._generation
            told.answer = self._answers[-1][0] if self._answers else 0
            first = self.rows.end
            repetitions = [msgspec.Raw(data) for data in self._repetitions]

        def of(kind: str, name: str, nothing: Any) -> Any:
            return known[kind][1].get(name, nothing) if kind in known else nothing

        calibration = {k: v for k, v in known["calibration"][1].items() if k != "type"} if "calibration" in known else None
        message = {
            "type": "state",
            "version": STATE_VERSION,
            "columns": COLUMNS,
            "rate_hz": RATE_HZ,
            "role": role,
            "you": you,
            "body_state": self.body_state,
            **self._head,
            "now_s": self.now_s,
            "first_row": first,
            "targets": of("targets", "targets", {}),
            "sensors": of("sensors", "sensors", []),
            "calibration": calibration,
            "repetitions": repetitions,
            "under_way": {k: v for k, v in known["under_way"][1].items() if k != "type"} if "under_way" in known else None,
            "marks": of("marks", "marks", []),
            "findings": of("findings", "findings", []),
            "trouble": of("trouble", "text", ""),
            "answers": [],
            "viewers": of("viewers", "viewers", []) if operator else [],
        }
        return _encode(message), first

    def news(self, role: str, told: Told) -> list[bytes]:
        """What has changed since a viewer was told; it is told with this."""
        found: list[bytes] = []
        operator = role == "operator"
        with self._lock:
            for kind, (version, _, data) in self._documents.items():
                if told.versions.get(kind) != version and (operator or kind not in OPERATORS_ONLY):
                    told.versions[kind] = version
                    found.append(data)
            missed = self._counted - told.repetitions
            if told.generation != self._generation or missed > len(self._repetitions):
                whole = [msgspec.Raw(data) for data in self._repetitions]
                found.append(_encode({"type": "repetitions", "repetitions": whole}))
            elif missed:
                found += [b'{"type":"repetition",' + data[1:] for data in list(self._repetitions)[-missed:]]
            told.generation, told.repetitions = self._generation, self._counted
            if operator:
                found += [data for number, data in self._answers if number > told.answer]
            told.answer = self._answers[-1][0] if self._answers else 0
        return found

    def frames(self, first: int, cache: dict[tuple[int, int], list[bytes]]) -> tuple[list[bytes], int]:
        """Frames of the rows from number `first` on, at most a second back, and the number of the row that comes then. cache:
        kept by whoever cuts the same rows for several viewers."""
        with self._lock:
            end = self.rows.end
            first = max(first, end - (RATE_HZ))
            key = (first, end)
            if key not in cache:
                cache.clear()
                cache[key] = self.rows.frames(first, end)
            return cache[key], end
