"""The file rules of Windows on Linux: a file that is open cannot be removed, renamed or replaced, and neither can its folder.

CPython opens files there without FILE_SHARE_DELETE. `python -m tests.peers.windows_rules ARGUMENT…` runs hiphinge under them,
on a loop that knows neither readers nor signals, as that of Windows.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_SHARING_VIOLATION = 32
ERRORS: list[str] = []
"""Attempts that Windows would have refused, in the order in which they were made."""


def is_open(path: Any) -> bool:
    """Whether this process has the file open, or one in this folder."""
    wanted = os.path.realpath(os.fspath(path))
    for fd in os.listdir("/proc/self/fd"):
        try:
            there = os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            continue
        if there == wanted or there.startswith(wanted + "/"):
            return True
    return False


@contextmanager
def windows_rules() -> Iterator[list[str]]:
    """Within the block open files stay where they are; gives the attempts that were refused."""

    def guarded(name: str) -> Callable[..., Any]:
        really = getattr(os, name)

        def guard(*paths: Any, **words: Any) -> Any:
            for path in paths:
                if isinstance(path, str | os.PathLike) and words.get("dir_fd") is None and is_open(path):
                    ERRORS.append(f"{name} {os.fspath(path)}")
                    raise PermissionError(13, "The process cannot access the file because it is being used by another process")
            return really(*paths, **words)

        return guard

    ERRORS.clear()
    names = ("unlink", "remove", "rename", "replace", "rmdir")
    with patch.multiple(os, **{name: guarded(name) for name in names}):
        yield ERRORS


class WindowsLoop(asyncio.SelectorEventLoop):
    """A loop as that of Windows: it waits for sockets of its own and for nothing else."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> Any:
        raise NotImplementedError

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> None:
        raise NotImplementedError


class _Policy(asyncio.DefaultEventLoopPolicy):
    _loop_factory = WindowsLoop


if __name__ == "__main__":
    from hiphinge.cli import main

    asyncio.set_event_loop_policy(_Policy())

    sys.argv[0] = "hiphinge"
    with windows_rules():
        try:
            main()
        finally:
            print("\n".join(f"refused: {error}" for error in ERRORS), file=sys.stderr)
