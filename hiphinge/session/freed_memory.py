"""Gives freed memory back to the system, where the C library (glibc) would keep it.

A session makes and drops thousands of small arrays a minute, and keeps a few for good: its repetitions. These pin the heap's
pages between them, so that a long session seemed to need 15 to 20 MB more each hour, of which it used 2 to 3.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Let the system have all pages in which nothing is kept; takes some milliseconds. Without glibc nothing happens."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # another C library, or another system
        return None
    return found
