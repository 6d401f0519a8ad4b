"""What pages know of a session: documents by name, the latest of each, and the rows. One board for all viewers.

It stands in the page's process (`serving`). What the session writes comes by `take`, from the thread that reads its messages;
the server's loop reads. Each document has a version, so that a viewer is told what has changed and nothing waits for one that
is slow: it gets the newest when it can take it. Documents come as JSON and are sent as they are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dashboards.live_page import wire
from dashboards.live_page.frames import RATE_HZ, RecentRows

STATE_VERSION = 1
MOST_REPETITIONS = 200
MOST_ANSWERS = 50
"""The latest ones that a page gets when it connects (ours)."""
OPERATORS_ONLY = frozenset({"viewers", "invitation", "answers", "setup", "kept"})
"""Documents that a viewer's page does not get."""
_KINDS = ("sensors", "calibration", "under_way", "findings", "marks", "targets", "viewers", "trouble", "setup")
"""Documents that are told anew when they change, the newest wins."""


def encoded(document: Mapping[str, Any]) -> bytes:
    """A document as JSON; what is not a finite number is null, and a number of an array is a number."""
    return msgspec.json.encode(document, enc_hook=float)


@dataclass(slots=True)
class Told:
    """What a viewer has been told: versions of documents, how many repetitions, the last answer."""

    versions: dict[str, int]
    repetitions: int = 0
    answer: int = 0


class Board:
    """The documents and rows of one session. columns: of its rows. changed: called, from any thread, when there is something
    new."""

    def __init__(self, columns: tuple[str, ...] = (), changed: Callable[[], None] = lambda: None) -> None:
        self._columns = columns
        self.rows = RecentRows(len(columns))
        self.changed = changed
        self.ended = False
        self._head: dict[str, Any] = {}
        """What does not change: ``session``, ``places``."""
        self._lock = threading.Lock()
        self._documents: dict[str, tuple[int, bytes]] = {}
        self._repetitions: deque[bytes] = deque(maxlen=MOST_REPETITIONS)
        self._counted = 0
        """Repetitions so far."""
        self._answers: deque[tuple[int, bytes]] = deque(maxlen=MOST_ANSWERS)
        self.body_state = "waiting"
        self.now_s = 0.0

    def take(self, message: wire.Message) -> None:
        """What the session writes."""
        with self._lock:
            match message:
                case wire.Rows(now_s, time_s, data):
                    self.now_s = now_s
                    self.rows.append(time_s, data)
                case wire.Document(kind, data):
                    self._put(kind, data)
                case wire.Repetition(data):
                    self._repetitions.append(data)
                    self._counted += 1
                case wire.Answer(number, data):
                    self._answers.append((number, data))
                case wire.BodyState(state):
                    self.body_state = state
                case wire.Begin(head):
                    self._head = msgspec.json.decode(head)
                    self._documents.pop("setup", None)
        self.changed()

    def put(self, kind: str, content: Mapping[str, Any]) -> None:
        """The newest document of a kind that the server itself knows of."""
        data = encoded({"type": kind, **content})
        with self._lock:
            self._put(kind, data)
        self.changed()

    def _put(self, kind: str, data: bytes) -> None:
        version, before = self._documents.get(kind, (0, b""))
        if data != before:
            self._documents[kind] = (version + 1, data)

    def end(self) -> None:
        """The session has ended: nothing comes any more."""
        self.ended = True
        self.changed()

    def state(self, role: str, told: Told, you: str = "") -> tuple[bytes, int]:
        """The state message for a page that has just connected, and the number of the row that it gets first. you: its id in
        the list of viewers."""
        operator = role == "operator"
        with self._lock:
            told_now = {kind: self._documents[kind] for kind in _KINDS if kind in self._documents}
            # what is set up is no part of a session's state: it comes right after it
            told.versions = {kind: version for kind, (version, _) in told_now.items() if kind != "setup"}
            if "invitation" in self._documents:
                # it was for who asked for it
                told.versions["invitation"] = self._documents["invitation"][0]
            told.repetitions = self._counted
            told.answer = self._answers[-1][0] if self._answers else 0
            first = self.rows.end
            repetitions = [msgspec.Raw(data) for data in self._repetitions]
        known: dict[str, dict[str, Any]] = {kind: msgspec.json.decode(data) for kind, (_, data) in told_now.items()}

        def of(kind: str, name: str, nothing: Any) -> Any:
            return known.get(kind, {}).get(name, nothing)

        def whole(kind: str) -> dict[str, Any] | None:
            return {k: v for k, v in known[kind].items() if k != "type"} if kind in known else None

        message = {
            "type": "state",
            "version": STATE_VERSION,
            "columns": self._columns,
            "rate_hz": RATE_HZ,
            "role": role,
            "you": you,
            "body_state": self.body_state,
            **self._head,
            "now_s": self.now_s,
            "first_row": first,
            "targets": of("targets", "targets", {}),
            "sensors": of("sensors", "sensors", []),
            "calibration": whole("calibration"),
            "repetitions": repetitions,
            "under_way": whole("under_way"),
            "marks": of("marks", "marks", []),
            "findings": of("findings", "findings", []),
            "trouble": of("trouble", "text", ""),
            "answers": [],
            "viewers": of("viewers", "viewers", []) if operator else [],
        }
        return encoded(message), first

    def news(self, role: str, told: Told) -> list[bytes]:
        """What has changed since a viewer was told; it is told with this."""
        found: list[bytes] = []
        operator = role == "operator"
        with self._lock:
            for kind, (version, data) in self._documents.items():
                if told.versions.get(kind) != version and (operator or kind not in OPERATORS_ONLY):
                    told.versions[kind] = version
                    found.append(data)
            missed = self._counted - told.repetitions
            if missed > len(self._repetitions):
                whole = [msgspec.Raw(data) for data in self._repetitions]
                found.append(encoded({"type": "repetitions", "repetitions": whole}))
            elif missed:
                found += [b'{"type":"repetition",' + data[1:] for data in list(self._repetitions)[-missed:]]
            told.repetitions = self._counted
            if operator:
                found += [data for number, data in self._answers if number > told.answer]
            told.answer = self._answers[-1][0] if self._answers else 0
        return found

    def frames(self, first: int, cache: dict[tuple[int, int], list[bytes]]) -> tuple[list[bytes], int]:
        """Frames of the rows from number `first` on, at most a second back, and the number of the row that comes then. cache:
        kept by whoever cuts the same rows for several viewers."""
        with self._lock:
            end = self.rows.end
            key = (first, end)
            if key not in cache:
                cache.clear()
                cache[key] = self.rows.frames(first)
            return cache[key], end
