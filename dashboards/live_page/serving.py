"""What runs in the page's process: it reads what the session writes, and serves it.

    python -c "from dashboards.live_page.serving import main; main()"      (`PageProcess` starts it)

It ends when the session says the end, and at once when its standard input ends: then the session's process has gone, however
that came about, and pages see that nothing comes any more. It imports no numpy, so that it starts quickly and stays small.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dashboards.live_page import wire
from dashboards.live_page.access import Access, Certificate, Login, Role
from dashboards.live_page.board import Board


class _Parent:
    """The session's process, by the pipe from it and the one to it."""

    def __init__(self) -> None:
        # what is printed by mistake goes nowhere, and not among the messages
        self._out = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        if sys.platform == "win32":
            import msvcrt

            for pipe in (0, self._out):
                msvcrt.setmode(pipe, os.O_BINARY)
        self._lock = threading.Lock()

    def say(self, message: wire.Message) -> None:
        """From any thread. Where nobody reads any more the process is about to end."""
        data = memoryview(wire.packed(message))
        with self._lock, suppress(OSError):
            while data:
                data = data[os.write(self._out, data) :]


class _Log(logging.Handler):
    """Hands the lines of the log over to the session's process."""

    def __init__(self, parent: _Parent) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        with suppress(Exception):
            self._parent.say(wire.Record(record.name, record.levelno, record.getMessage()))


def main() -> None:
    """Until the end is said, or the session's process has gone."""
    parent = _Parent()
    try:
        _run(parent)
    except BaseException as fault:  # whatever it is: the session is told, and goes on without a page
        parent.say(wire.Fault(repr(fault)))
        os._exit(1)
    os._exit(0)


def _run(parent: _Parent) -> None:
    """Read until there is a server, and let its loop read from then on: of two threads each would wait for the other one's
    lock with every row."""
    session = _Session(parent)
    while not session.over.is_set() and session.read():
        if session.serving is not None and session.serving.hears(0, session.read):
            session.over.wait()
    if session.ended and session.serving is not None:
        session.serving.end()


class _Session:
    """What the session writes, message by message. over: nothing comes any more; ended: because it said the end."""

    def __init__(self, parent: _Parent) -> None:
        self._parent = parent
        self._stream = wire.Stream()
        self.serving: _Serving | None = None
        self.over = threading.Event()
        self.ended = False

    def read(self) -> bool:
        """Take what is there, and wait where nothing is; False once nothing comes any more."""
        data = os.read(0, wire.MOST_READ)
        for piece in self._stream.feed(data):
            message = wire.to_page.decode(piece)
            if isinstance(message, wire.Serve):
                self.serving = _Serving(self._parent, message)
            elif isinstance(message, wire.End):
                self.ended = True
                break
            elif self.serving is not None:
                self.serving.take(message)
        if self.ended or not data:
            self.over.set()
        return not self.over.is_set()


class _Serving:
    """The board, the server, and who may come."""

    def __init__(self, parent: _Parent, wished: wire.Serve) -> None:
        # only now: the imports take longer than the message to come
        from dashboards.live_page.server import CannotServe, PageServer

        logging.getLogger().addHandler(_Log(parent))
        logging.getLogger().setLevel(logging.INFO)
        self._parent = parent
        self._board = Board(wished.columns)
        self._access = Access(wished.addresses)
        for value, role in wished.tokens:
            self._access.let_in(value, Role(role))
        self._board.take(wire.Begin(wished.head))
        try:
            self._server = PageServer(
                self._board,
                self._access,
                self._hear,
                host=wished.host,
                port=wished.port,
                certificate=Certificate(*map(Path, wished.certificate)) if wished.certificate else None,
                failed=self._failed,
            )
            self._server.start()
        except CannotServe as error:
            parent.say(wire.Refused(error.what, error.where, error.remedy))
            os._exit(1)
        parent.say(wire.Listening(self._server.port))
        # what is there now stays: it need not be looked at again and again
        gc.collect()
        gc.freeze()

    def hears(self, file: int, read: Callable[[], bool]) -> bool:
        """Let the server's loop read from now on; False where this system's loop cannot."""
        return self._server.reads(file, read)

    def take(self, message: wire.ToPage) -> None:
        """What the session writes."""
        match message:
            case wire.Token(value, role, number):
                self._access.let_in(value, Role(role), once=True)
                self._parent.say(wire.Done(number))
            case wire.Revoke(id):
                self._server.revoke(id)
            case wire.Begin():
                self._board.take(message)
                self._server.tell_anew()
            case _:
                self._board.take(message)

    def end(self) -> None:
        """Say the end to all pages; some seconds at most."""
        self._server.stop()

    def _hear(self, login: Login, data: bytes) -> None:
        self._parent.say(wire.Said(login.id, login.address, data))

    def _failed(self, fault: BaseException) -> None:
        self._parent.say(wire.Fault(repr(fault)))
        os._exit(1)
