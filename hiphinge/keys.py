"""Single keys from the terminal, without Enter, while an asyncio loop runs; a foot pedal types them too."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keys(loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None]) -> Iterator[bool]:
    """Within the block `pressed` hears each key, on the loop. Gives whether there is a keyboard at all."""
    if not sys.stdin.isatty():
        yield False
    elif os.name == "posix":
        with _posix(loop, pressed):
            yield True
    else:
        with _windows(loop, pressed):
            yield True


@contextmanager
def _posix(loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None]) -> Iterator[None]:
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)

    def typed() -> None:
        text = os.read(fd, 64).decode("utf-8", "ignore")
        if not text:
            loop.remove_reader(fd)
        for key in text:
            pressed(key)

    tty.setcbreak(fd)
    loop.add_reader(fd, typed)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _windows(loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None]) -> Iterator[None]:
    import msvcrt
    import time

    done = threading.Event()

    def listen() -> None:
        while not done.is_set():
            if msvcrt.kbhit():  # type: ignore[attr-defined]
                loop.call_soon_threadsafe(pressed, msvcrt.getwch())  # type: ignore[attr-defined]
            else:
                time.sleep(0.05)

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        done.set()
