"""Single keys from the terminal, without Enter, while an asyncio loop runs; a foot pedal types them too.

Where standard input is no terminal, another program may write lines to it instead, such as ``mark calibrate``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keys(
    loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None], said: Callable[[str], None] | None = None
) -> Iterator[bool]:
    """Within the block `pressed` hears each key and `said` each line, on the loop. Gives whether there is a keyboard."""
    if not sys.stdin.isatty():
        with _lines(loop, said or (lambda line: None)):
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
def _lines(loop: asyncio.AbstractEventLoop, said: Callable[[str], None]) -> Iterator[None]:
    """Lines from a pipe; from anything else, such as a file or nothing, none."""
    rest = b""

    def written() -> None:
        nonlocal rest
        data = os.read(fd, 4096)
        if not data:
            loop.remove_reader(fd)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            said(line.decode("utf-8", "replace").strip())

    try:
        fd = sys.stdin.fileno()
        loop.add_reader(fd, written)
    except (OSError, ValueError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(fd)


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
