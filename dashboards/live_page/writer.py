"""The session's side of its pages' board: what is written here is sent to the page's process, once, and only when it is new.

The session looks back to its rows here (`rows`); what viewers have been told is known by the board in the other process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from dashboards.live_page import wire
from dashboards.live_page.board import encoded
from dashboards.live_page.rows import RowRing, Rows, as_bytes


class BoardWriter:
    """Writes on the board of one session. send: takes messages to the page's process, from any thread."""

    def __init__(self, send: Callable[[wire.Message], None] = lambda message: None) -> None:
        self._send = send
        self.rows = RowRing()
        self.ended = False
        self.now_s = 0.0
        """Session time, goes along with the rows."""
        self._body_state = "waiting"
        self._lock = threading.Lock()
        self._documents: dict[str, tuple[Mapping[str, Any], bytes]] = {}

    @property
    def body_state(self) -> str:
        """What the body is: waiting, calibrating, streaming."""
        return self._body_state

    @body_state.setter
    def body_state(self, state: str) -> None:
        if state != self._body_state:
            self._body_state = state
            self._send(wire.BodyState(state))

    def append(self, time_s: NDArray[Any], rows: Rows) -> None:
        """The next rows (n, columns) at session times (n,)."""
        self.rows.append(time_s, rows)
        self._send(wire.Rows(self.now_s, time_s.tolist(), as_bytes(rows)))

    def put(self, kind: str, content: Mapping[str, Any]) -> bool:
        """The newest document of a kind; whether it differs from the one before."""
        with self._lock:
            before = self._documents.get(kind)
            data = encoded({"type": kind, **content})
            if before is not None and before[1] == data:
                return False
            self._documents[kind] = (content, data)
            self._send(wire.Document(kind, data))
        return True

    def get(self, kind: str) -> Mapping[str, Any]:
        """The newest document of a kind; empty where there is none."""
        with self._lock:
            return self._documents[kind][0] if kind in self._documents else {}

    def begin(self, head: Mapping[str, Any]) -> None:
        """A session begins: its head in place of what was set up. Its pages connect again, for its state."""
        with self._lock:
            self._documents.pop("setup", None)
        self._send(wire.Begin(encoded(head)))

    def repetition(self, document: Mapping[str, Any]) -> None:
        """A repetition has ended."""
        self._send(wire.Repetition(encoded(document)))

    def answer(self, number: int, content: Mapping[str, Any]) -> None:
        """What came of an order; they are counted from 1."""
        self._send(wire.Answer(number, encoded({"type": "answer", "number": number, **content})))

    def end(self) -> None:
        """The session has ended: the page's process says so to all pages and ends. A second time it does nothing."""
        with self._lock:
            ended, self.ended = self.ended, True
        if not ended:
            self._send(wire.End())
