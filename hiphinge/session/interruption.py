"""Signals that end a program: Ctrl-C, SIGTERM, and SIGHUP, which a closed terminal sends; on Windows Ctrl-C and SIGBREAK, which
Ctrl-Break and a closed window send.

Python's own handlers are used throughout, not those of asyncio: after asyncio's the system's default applies, which ends the
program at once and leaves partial files.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_Handler = Callable[[int, FrameType | None], object] | int | None
HANGUP: int | None = getattr(signal, "SIGHUP", None)
"""The signal that a closed terminal sends; None on Windows."""
BREAK: int | None = getattr(signal, "SIGBREAK", None)
"""The signal of Ctrl-Break, and of a window that is closed, on Windows; None elsewhere."""


def ending_signals() -> tuple[int, ...]:
    """The signals that end this program. A program started with nohup is meant to outlive its terminal."""
    hangup = () if HANGUP is None or signal.getsignal(HANGUP) is signal.SIG_IGN else (HANGUP,)
    return (signal.SIGINT, signal.SIGTERM, *hangup, *(() if BREAK is None else (BREAK,)))


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A signal within the block takes effect at its end. Outside the main thread no signal arrives anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before: dict[int, _Handler] = {n: signal.signal(n, lambda n, _: came.append(n)) for n in ending_signals()}
    try:
        yield
    finally:
        _restore(before)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def heard_by(loop: asyncio.AbstractEventLoop, heard: Callable[[int], None]) -> Iterator[None]:
    """Within the block a signal ends nothing: `heard` gets its number, on the loop. Outside the main thread no signal
    arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(number: int, _: object) -> None:
        loop.call_soon_threadsafe(heard, number)

    before: dict[int, _Handler] = {number: signal.signal(number, strike) for number in ending_signals()}
    try:
        yield
    finally:
        _restore(before)


class HangUp:
    """Within the block a closed terminal ends nothing; whether it was closed is in `came`.

    Shell and system each send a signal when a terminal is closed: the second one must not interrupt the orderly end that the
    first one has started.
    """

    def __init__(self) -> None:
        self.came = False
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> HangUp:
        if threading.current_thread() is threading.main_thread() and HANGUP is not None and HANGUP in ending_signals():
            self._before = {HANGUP: signal.signal(HANGUP, lambda *_: self.note())}
        return self

    def __exit__(self, *error: object) -> None:
        _restore(self._before)

    def note(self) -> None:
        """Whether the terminal was closed."""
        self.came = True


def _restore(before: dict[int, _Handler]) -> None:
    for number, handler in before.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
