"""The page's process, as the session's process sees it: started, written to, listened to, ended.

The session's own computing holds Python's lock for tens of milliseconds at a time. A server in the same process would wait for
it with every frame; in a process of its own it never does. The two speak by pipes (`wire`). The page's process ends when its
standard input ends, so none is left behind, whatever becomes of the session. It stands in no terminal: a Ctrl-C
or a closed terminal reaches the command alone, which says the end in order.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from body_signals import HiphingeError
from dashboards.live_page import wire
from dashboards.live_page.access import Certificate, Role, new_token
from dashboards.live_page.board import encoded
from dashboards.live_page.orders import PageOrder, order_of
from dashboards.live_page.rows import COLUMNS

_log = logging.getLogger(__name__)
START_S = 30.0
"""Patience with a process that starts (ours): on a busy machine Python alone takes seconds."""
END_S = 3.5
"""Patience with one that says the end to its pages, which it does in two (ours)."""
TOKEN_S = 5.0
"""Patience with a token that is being made known (ours)."""
MOST_WAITING_BYTES = 4 << 20
"""More than this does not wait for the page's process: whoever writes waits (ours)."""
STUCK_S = 10.0
"""A process that takes nothing for this time while the most waits is ended: the session goes on without a page (ours)."""
MOST_DROPPED_LOGGED = 50
"""Of messages of operators' pages that were no orders; the others are dropped in silence (ours)."""
_ROOT = Path(__file__).parents[2]
_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from dashboards.live_page.serving import main; main()"


class PageProcess:
    """A process that serves one board. host: an address to listen at; port: None for the usual one or, where that is taken, any
    free one; 0 for any free one. addresses: of this machine in the network; empty: only this machine may come. hear: takes what
    operators' pages say, in a thread of its own.

    It starts at once; `start` waits until it serves. operator, viewer: tokens for this machine.
    """

    def __init__(
        self,
        hear: Callable[[PageOrder], None],
        *,
        head: Mapping[str, Any],
        host: str = "127.0.0.1",
        port: int | None = None,
        addresses: tuple[str, ...] = (),
        certificate: Certificate | None = None,
    ) -> None:
        self._hear = hear
        self.operator, self.viewer = new_token(), new_token()
        self.scheme = "http" if certificate is None else "https"
        self.port = 0
        """Known after `start`."""
        self._fault: Exception | None = None
        self._refused: wire.Refused | None = None
        self._answered = threading.Event()
        """Whether it listens, or never will."""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        """Of the two above and the two below."""
        self._closing = self._gone = False
        self._end_said = False
        """Whether the session's end was queued: after it the process ends by itself."""
        self._known_tokens = self._tokens = self._dropped = 0
        self.process = subprocess.Popen(
            # -P: nothing is imported from the folder that the command was started in
            [sys.executable, "-P", "-c", _RUN, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._threads = [
            threading.Thread(target=self._write, args=(self.process.stdin,), name="hiphinge-page-writer", daemon=True),
            threading.Thread(target=self._read, args=(self.process.stdout,), name="hiphinge-page-reader", daemon=True),
        ]
        files = () if certificate is None else (certificate.chain, certificate.key, certificate.authority)
        self.send(
            wire.Serve(
                host,
                port,
                addresses,
                ((self.operator, Role.OPERATOR.value), (self.viewer, Role.VIEWER.value)),
                tuple(map(str, files)),
                COLUMNS,
                encoded(head),
            )
        )
        for thread in self._threads:
            thread.start()

    @property
    def failed(self) -> Exception | None:
        """What it ended with, where it did not end in order."""
        return self._fault

    def start(self) -> None:
        """Wait until it serves. HiphingeError where it cannot; it has ended then."""
        if self._answered.wait(START_S) and self.port:
            return
        refused = self._refused or wire.Refused(
            f"the live page did not start: {self._fault or 'no answer'}", "its process", "Try --no-page"
        )
        self.kill()
        raise HiphingeError(refused.what, refused.where, refused.remedy)

    def send(self, message: wire.Message) -> None:
        """Queue a message, from any thread. Waits only where very much is waiting already."""
        data = wire.packed(message)
        with self._changed:
            if self._waiting_bytes > MOST_WAITING_BYTES and not self._changed.wait_for(
                lambda: self._gone or self._waiting_bytes <= MOST_WAITING_BYTES, STUCK_S
            ):
                self._fault = self._fault or TimeoutError(f"its process took nothing for {STUCK_S:.0f} s")
                self._gone = True
                self.process.kill()
            if self._gone:
                return
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._end_said = self._end_said or isinstance(message, wire.End)
            self._changed.notify_all()

    def token(self, role: Role, *, wait: bool = True) -> str:
        """A new token for another machine, which serves once. wait: until it is known there; what is sent after it comes after
        it in any case."""
        value = new_token()
        with self._changed:
            self._tokens += 1
            number = self._tokens
        self.send(wire.Token(value, role.value, number))
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: self._gone or self._known_tokens >= number, TOKEN_S)
        return value

    def close(self) -> None:
        """Nothing is sent after what is queued now, and the end of it ends the process."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def wait(self, seconds: float = END_S) -> None:
        """Until it has ended; one that does not in this time is ended."""
        self.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it now."""
        with self._changed:
            self._closing = self._gone = True
            self._changed.notify_all()
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def _write(self, pipe: IO[bytes]) -> None:
        with pipe, suppress(OSError):  # it has gone: `_read` knows why
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: bool(self._waiting) or self._closing or self._gone)
                    if self._gone or not self._waiting:
                        return
                    data = memoryview(b"".join(self._waiting))
                    self._waiting.clear()
                while data:
                    n = pipe.write(data)
                    data = data[n:]
                    with self._changed:
                        self._waiting_bytes -= n
                        self._changed.notify_all()

    def _read(self, pipe: IO[bytes]) -> None:
        stream = wire.Stream()
        with pipe, suppress(OSError):
            while data := pipe.read(wire.MOST_READ):
                for piece in stream.feed(data):
                    self._take(wire.from_page.decode(piece))
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        with self._changed:
            in_order = self._closing or (self._end_said and self.process.returncode == 0)
            if not in_order and self._refused is None:
                self._fault = self._fault or ChildProcessError(f"its process has ended ({self.process.returncode})")
                _log.warning("the live page has ended: %s", self._fault)
            self._gone = True
            self._changed.notify_all()
        self._answered.set()

    def _take(self, message: wire.FromPage) -> None:
        match message:
            case wire.Listening(port):
                self.port = port
                self._answered.set()
            case wire.Refused():
                self._refused = message
                self._answered.set()
            case wire.Said(id, address, data):
                self._order(id, address, data)
            case wire.Record(name, level, text):
                logging.getLogger(name).log(level, "%s", text)
            case wire.Done(number):
                with self._changed:
                    self._known_tokens = number
                    self._changed.notify_all()
            case wire.Fault(what):
                self._fault = ChildProcessError(what)

    def _order(self, id: str, address: str, data: bytes) -> None:
        order = order_of(data)
        if order is None:
            self._dropped += 1
            if self._dropped <= MOST_DROPPED_LOGGED:
                _log.info("a message of page %s at %s was dropped: not understood", id, address)
        elif order.do == "revoke":
            self.send(wire.Revoke(order.text))
        else:
            self._hear(order)
