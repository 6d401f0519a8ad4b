"""The host's clock that arrival times are taken from: one that nobody sets, and that runs on while the computer is asleep.

Sensors run on, too. A clock that stands still meanwhile would put their samples into the future when the computer wakes, and a
gap of half an hour would look like none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def _choose(system: str = sys.platform) -> tuple[Callable[[], int], str]:
    """The clock of this system, in ns, and its name."""
    if system == "linux" and hasattr(time, "CLOCK_BOOTTIME"):
        boottime = time.CLOCK_BOOTTIME
        return lambda: time.clock_gettime_ns(boottime), "CLOCK_BOOTTIME"
    if system == "darwin" and hasattr(time, "CLOCK_MONOTONIC"):
        # on macOS this one counts sleep; time.monotonic does not
        monotonic = time.CLOCK_MONOTONIC
        return lambda: time.clock_gettime_ns(monotonic), "CLOCK_MONOTONIC of macOS"
    if system == "win32":
        # counts sleep, and is finer than time.monotonic, which is 16 ms coarse there
        return time.perf_counter_ns, "QueryPerformanceCounter"
    return time.monotonic_ns, "time.monotonic"


HOST_CLOCK_NS, HOST_CLOCK = _choose()
"""The clock of this computer, ns, and its name."""
