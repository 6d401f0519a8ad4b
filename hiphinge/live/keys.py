"""Single keys from the terminal, without Enter, while an asyncio loop runs; a foot pedal types them too.

A key is a character, or the whole sequence of characters that a key such as an arrow sends: what follows Esc in it is no key.

Where standard input is no terminal, another program may write lines to it instead, such as ``mark calibrate``.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_KEY = re.compile(r"\x1b(?:\[[0-9;<=>?]*[ -/]*[@-~]|O.)|.", re.DOTALL)
"""An arrow or a function key (ECMA-48's control sequences, and those of a keypad), else a character."""


@contextmanager
def keys(
    loop: asyncio.AbstractEventLoop,
    pressed: Callable[[str], None],
    said: Callable[[str], None] | None = None,
    gone: Callable[[], None] = lambda: None,
) -> Iterator[bool]:
    """Within the block `pressed` hears each key and `said` each line, on the loop. Gives whether there is a keyboard.

    A keyboard or a program that goes meanwhile is heard no more; of a keyboard `gone` is told.
    """
    if sys.stdin is None or sys.stdin.closed:
        yield False
    elif not sys.stdin.isatty():
        with _lines(loop, said or (lambda line: None)):
            yield False
    elif os.name == "posix":
        with _posix(loop, pressed, gone) as there:
            yield there
    else:
        with _windows(loop, pressed):
            yield True


@contextmanager
def _posix(loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None], gone: Callable[[], None]) -> Iterator[bool]:
    import termios

    fd = sys.stdin.fileno()

    # a character may come in two pieces
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def typed() -> None:
        for key in _KEY.findall(decoder.decode(_read(loop, fd, 4096, gone))):
            pressed(key)

    before = _key_by_key(fd)
    if before is None:
        yield False
        return
    loop.add_reader(fd, typed)
    try:
        yield True
    finally:
        loop.remove_reader(fd)
        with suppress(termios.error):  # closed meanwhile
            termios.tcsetattr(fd, termios.TCSANOW, before)


def _key_by_key(fd: int) -> list[Any] | None:
    """Let the terminal give each key at once; its settings before, None where it is closed or another program's."""
    import termios
    import tty

    try:
        # where there is no such group there is no job control either
        with suppress(OSError):
            if os.tcgetpgrp(fd) != os.getpgrp():
                # in the background: the system stops a program that touches the terminal's settings
                return None
        before = termios.tcgetattr(fd)
        # at once: to wait until the screen has taken what was written may be to wait for ever
        tty.setcbreak(fd, termios.TCSANOW)
    except termios.error:
        return None
    return before


def _read(loop: asyncio.AbstractEventLoop, fd: int, most: int, gone: Callable[[], None] = lambda: None) -> bytes:
    """What there is; nothing, the reader taken away, and `gone` called, where nobody is there any more."""
    try:
        data = os.read(fd, most)
    except BlockingIOError:
        return b""
    except OSError:  # the terminal has been closed
        data = b""
    if not data:
        loop.remove_reader(fd)
        gone()
    return data


@contextmanager
def _lines(loop: asyncio.AbstractEventLoop, said: Callable[[str], None]) -> Iterator[None]:
    """Lines from a pipe; from anything else, such as a file or nothing, none."""
    lines = _Lines(said)
    try:
        fd = sys.stdin.fileno()
        loop.add_reader(fd, lambda: lines.take(_read(loop, fd, 4096)))
    except NotImplementedError:
        # the loop of Windows waits for sockets only
        with _read_by_a_thread(loop, fd, lines.take):
            yield
        return
    except (OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_reader(fd)


class _Lines:
    """Cuts what comes into lines."""

    def __init__(self, said: Callable[[str], None]) -> None:
        self._said = said
        self._rest = b""

    def take(self, data: bytes) -> None:
        """The next bytes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._said(line.decode("utf-8", "replace").strip())


@contextmanager
def _read_by_a_thread(loop: asyncio.AbstractEventLoop, fd: int, take: Callable[[bytes], None]) -> Iterator[None]:
    """Within the block `take` hears on the loop what comes from the pipe `fd`. The thread waits in a read that nothing ends:
    what comes after the block is read, and dropped."""
    done = threading.Event()

    def heard(data: bytes) -> None:
        if not done.is_set():
            take(data)

    def listen() -> None:
        while not done.is_set():
            try:
                data = os.read(fd, 4096)
            except OSError:  # whoever wrote has gone
                return
            if not data:
                return
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(heard, data)

    if not stat.S_ISREG(os.fstat(fd).st_mode):
        threading.Thread(target=listen, name="standard input", daemon=True).start()
    try:
        yield
    finally:
        done.set()


@contextmanager
def _windows(loop: asyncio.AbstractEventLoop, pressed: Callable[[str], None]) -> Iterator[None]:
    import msvcrt
    import time

    done = threading.Event()

    def listen() -> None:
        while not done.is_set():
            if msvcrt.kbhit():  # type: ignore[attr-defined]
                key = msvcrt.getwch()  # type: ignore[attr-defined]
                # an arrow or a function key comes as two characters
                key += msvcrt.getwch() if key in "\x00\xe0" else ""  # type: ignore[attr-defined]
                loop.call_soon_threadsafe(pressed, key)
            else:
                time.sleep(0.05)

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        done.set()
