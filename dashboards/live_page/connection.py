"""One viewer's socket: full state first, then what is new, never more than 32 frames on the way.

Flow is held by frames in flight, each with all rows since the last one sent, so that a far viewer misses nothing and a slow one
costs nothing: what it cannot take is not queued, it gets the newest when it can.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboards.live_page.access import Login
from dashboards.live_page.board import Board, Told

_log = logging.getLogger(__name__)
MOST_IN_FLIGHT = 32
"""At 50 frames a second this is enough for a round trip of 0.6 s."""
REVOKED, OVER, ANEW = 4001, 1000, 1012
"""Codes that a socket is closed with: who was sent away, the end of the session, and that another state begins."""
FLOOD, FLOOD_S = 1000, 2.0
"""More messages than the first within the second are no person's and no page's: the socket is closed (ours)."""
TOO_MANY = 1008
MOST_DROPPED_LOGGED = 20
"""Of one socket's messages that were dropped; the others are dropped in silence (ours)."""


Hear = Callable[[Login, bytes], None]
"""Takes what an operator's page says, as it came."""


class _Said(msgspec.Struct):
    """What matters here of a message of a page: an acknowledgement has ``ack`` alone, an order has ``do``."""

    ack: Any = None
    do: Any = None


_said = msgspec.json.Decoder(_Said)


class Connection:
    """A socket that was let in."""

    def __init__(self, socket: WebSocket, login: Login, board: Board, hear: Hear) -> None:
        self.login = login
        self._socket, self._board, self._hear = socket, board, hear
        self._told = Told({})
        self._next_row = 0
        self._sent = self._acknowledged = 0
        self._said: deque[int] = deque(maxlen=1)
        self._each = False
        """Whether its acknowledgements count the frames since the one before."""
        self._awake = asyncio.Event()
        self._closing: int | None = None
        self._dropped = self._counted = 0
        self._counted_until = 0.0

    @property
    def in_flight(self) -> int:
        """Frames sent that it has not acknowledged."""
        return self._sent - self._acknowledged

    def wake(self) -> None:
        """There is something new."""
        self._awake.set()

    def close(self, code: int) -> None:
        """Let it end, after what it is still told."""
        self._closing = code
        self._awake.set()

    async def serve(self, cache: dict[tuple[int, int], list[bytes]]) -> None:
        """Until it has gone, or `close`."""
        talking = asyncio.ensure_future(self._talk(cache))
        listening = asyncio.ensure_future(self._listen())
        try:
            await asyncio.wait({talking, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (talking, listening):
                task.cancel()
            for ended in await asyncio.gather(talking, listening, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect):
                    _log.info("a page's socket ended: %r", ended)

    async def _talk(self, cache: dict[tuple[int, int], list[bytes]]) -> None:
        role = self.login.role.value
        state, self._next_row = self._board.state(role, self._told, self.login.id)
        await self._socket.send_text(state.decode())
        while True:
            for message in self._board.news(role, self._told):
                await self._socket.send_text(message.decode())
            if self._closing is not None:
                if self._closing == OVER:
                    await self._socket.send_text('{"type":"ended"}')
                await self._socket.close(self._closing)
                return
            if self.in_flight < MOST_IN_FLIGHT and self._board.rows.end > self._next_row:
                frames, self._next_row = self._board.frames(self._next_row, cache)
                for data in frames:
                    self._sent += 1
                    await self._socket.send_bytes(data)
            await self._awake.wait()
            self._awake.clear()

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._flooded():
                await self._socket.close(TOO_MANY)
                return
            text = message.get("text")
            data: bytes = (message.get("bytes") or b"") if text is None else text.encode("utf-8", "replace")
            said = _read(data)
            if said is not None and said.do is None and _is_count(said.ack):
                self._acknowledge(said.ack)
            elif said is None or not isinstance(said.do, str):
                self._drop("not understood")
            elif self.login.role != "operator":
                self._drop(f"{said.do}, which a viewer may not" if said.do.isidentifier() else "not understood")
            else:
                self._hear(self.login, data)

    def _flooded(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now >= self._counted_until:
            self._counted_until, self._counted = now + FLOOD_S, 0
        self._counted += 1
        return self._counted > FLOOD

    def _acknowledge(self, n: int) -> None:
        """n: frames got in all. A page that counts those since its last word is understood too: its numbers do not rise."""
        if self._said and n <= self._said[-1] and not self._each:
            self._each = True
        self._said.append(n)
        got = self._acknowledged + n if self._each else max(n, self._acknowledged)
        was_full = self.in_flight >= MOST_IN_FLIGHT
        self._acknowledged = min(got, self._sent)
        if was_full:
            self._awake.set()

    def _drop(self, why: str) -> None:
        self._dropped += 1
        if self._dropped <= MOST_DROPPED_LOGGED:
            _log.info("a message of page %s at %s was dropped: %s", self.login.id, self.login.address, why)


def _read(data: bytes) -> _Said | None:
    """The message in JSON; None where it is none."""
    try:
        return _said.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
