"""How long to wait for a server that is away, and when to give up: the same for `push` and for a running session.

A server may say itself how long it wants to be left alone (Retry-After). Otherwise each pause is twice the one before, of which
a random part is taken, so that twenty programs that were refused together do not come back together.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Protocol

from dashboards.influx.sending.refusals import InfluxError, Refusal

SENDING_PATIENCE_S = 30.0
"""`push` gives up when a server has taken nothing for this time, counted from the first request that was not taken (ours)."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""Pauses of `push`: the first, doubled each time up to the second (ours)."""


class Waiting(Protocol):
    """Waiting of a sender for a server that has not taken a request."""

    def begin(self) -> None:
        """A request is about to be made."""

    def failed(self, error: InfluxError) -> None:
        """It was not taken: return when it is time to make it again, or raise the error."""

    def answered(self) -> None:
        """The server took it, or refused lines of it: it is there."""


class NoWaiting:
    """One attempt."""

    def begin(self) -> None:
        """Nothing."""

    def failed(self, error: InfluxError) -> None:
        """The error, at once."""
        raise error

    def answered(self) -> None:
        """Nothing."""


class Pauses:
    """The lengths of the pauses between attempts, in seconds."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s

    def next_s(self, error: InfluxError, most_s: float = math.inf) -> float:
        """The next pause: what the server asks for, `most_s` at most, where that is longer."""
        own = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(2.0 * self._next_s, self._longest_s)
        asked = min(error.retry_after_s, most_s)
        # programs that were told the same time come a little apart
        return asked * random.uniform(1.0, 1.1) if asked > own else own

    def reset(self) -> None:
        """Begin with the first again."""
        self._next_s = self._first_s


class Patience:
    """Waits for a server that is away, at most `give_up_s` without anything taken; then the error, with how often it was tried.

    One for all sessions of a `push --all`: a server that was given up is asked once more for each, and not waited for. told:
    hears in words why it waits, and an empty word when it does no more.
    """

    def __init__(self, give_up_s: float | None = None, told: Callable[[str], None] | None = None) -> None:
        self._give_up_s = SENDING_PATIENCE_S if give_up_s is None else give_up_s
        self.told = told
        self._pauses = Pauses(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._since: float | None = None
        self._attempts = 0

    def begin(self) -> None:
        """A request is about to be made."""
        self._attempts += 1
        if self._since is None:
            self._since = time.monotonic()

    def failed(self, error: InfluxError) -> None:
        """Wait, or raise the error: where waiting does not help, or was long enough."""
        if error.refusal is not Refusal.AWAY:
            self._since, self._attempts = None, 0
            raise error
        assert self._since is not None
        spent_s = time.monotonic() - self._since
        pause_s = self._pauses.next_s(error)
        if spent_s + pause_s > self._give_up_s:
            asks = f"; the server asks to be left alone for {error.retry_after_s:.0f} s" if error.retry_after_s else ""
            times = "once" if self._attempts == 1 else f"{self._attempts} times"
            error.remedy = f"{error.remedy}. It was tried {times} in {spent_s:.0f} s{asks}"
            self._attempts = 0
            raise error
        if self.told is not None:
            busy = "InfluxDB is busy" if error.status else error.what
            self.told(f"{busy}, trying again in {max(1, round(pause_s))} s")
        time.sleep(pause_s)

    def answered(self) -> None:
        """It is there: the next time it is away, all the patience is there again."""
        if self._attempts > 1 and self.told is not None:
            self.told("")
        self._since, self._attempts = None, 0
        self._pauses.reset()
