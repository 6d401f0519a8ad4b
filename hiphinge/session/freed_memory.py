"""Freed memory, where the C library is glibc: kept while much is computed, and given back to the system by a long session.

A running session makes and drops thousands of small arrays a minute, and keeps a few permanently: its repetitions. These pin
heap pages, so that a long session appeared to need 15 to 20 MB more each hour, of which it used 2 to 3.

Who computes a whole recording makes and drops large arrays. By default glibc gives many of them back at once, and the system
has to clear each page of the next ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

LARGEST_IN_HEAP = 32 << 20
"""Bytes up to which an array is made in memory that is kept: glibc's own upper limit."""
KEPT = 64 << 20
"""Most free bytes that are kept at the end of the heap: twice as many, as in glibc."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Their numbers in glibc's malloc.h."""


def give_back() -> None:
    """Return all empty pages to the system; takes a few milliseconds. Does nothing without glibc."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def keep() -> None:
    """From now on, keep up to `KEPT` bytes that this process frees, however it was started. Does nothing without glibc."""
    set_option = _glibc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, LARGEST_IN_HEAP)
        set_option(_TRIM_THRESHOLD, KEPT)


@cache
def _glibc(name: str) -> Callable[..., Any] | None:
    """A function of the C library; None where another one, or another system, lacks it."""
    try:
        found: Callable[..., Any] = getattr(ctypes.CDLL(None), name)
    except (OSError, TypeError, AttributeError):
        return None
    return found
