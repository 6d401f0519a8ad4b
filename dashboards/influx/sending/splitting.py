"""Finding the lines of a request that a server will never take, in few requests, and sending all others.

A refused request is halved until its bad lines stand alone: some 25 requests for one bad line among 5000. Before that, where
the server's words name no line, five lines spread over the request are tried alone. When all of them are refused the same way
it refuses everything, and that is said in place of taking every line for a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dashboards.influx.sending.refusals import InfluxError, Refusal, dropped, refuses_everything

MOST_REQUESTS = 1000
"""For one batch: forty bad lines among 5000 take about 500 (ours)."""
_TRIED = 5
"""Lines tried one by one, to tell bad lines from a server that refuses everything (ours)."""
_SMALL_BYTES = 1 << 16
"""A server that takes only smaller requests than this takes none (ours)."""


def send_each(send: Callable[[bytes], None], lines: Sequence[bytes], rejected: Callable[[bytes, str], None]) -> None:
    """Send the lines; those that the server will never take go to `rejected` with its words. `InfluxError` otherwise."""
    _Splitting(send, rejected).send(lines)


class _Splitting:
    def __init__(self, send: Callable[[bytes], None], rejected: Callable[[bytes, str], None]) -> None:
        self._send, self._rejected = send, rejected
        self._requests = 0
        self._tried = False

    def send(self, lines: Sequence[bytes]) -> None:
        error = self._refusal(lines)
        if error is None:
            return
        if error.refusal is Refusal.SIZE and sum(map(len, lines)) < _SMALL_BYTES:
            raise refuses_everything(error)
        if len(lines) == 1 or (error.refusal is Refusal.LINES and dropped(error.words) == len(lines)):
            for line in lines:
                self._rejected(line, error.words)
            return
        if error.refusal is Refusal.LINES and not self._tried and len(lines) > _TRIED and not _names_one(error.words, lines):
            self._try_some(lines)
        middle = len(lines) // 2
        self.send(lines[:middle])
        self.send(lines[middle:])

    def _try_some(self, lines: Sequence[bytes]) -> None:
        """`InfluxError` where lines from all over the request are refused one by one, in words that name none of them."""
        self._tried = True
        for k in range(_TRIED):
            line = lines[k * (len(lines) - 1) // (_TRIED - 1)]
            error = self._refusal([line])
            if error is None or _names_one(error.words, [line]):
                return
        assert error is not None
        raise refuses_everything(error)

    def _refusal(self, lines: Sequence[bytes]) -> InfluxError | None:
        """The error for these lines; None when the server has taken them."""
        self._requests += 1
        try:
            self._send(b"\n".join(lines))
        except InfluxError as error:
            if error.refusal not in (Refusal.LINES, Refusal.SIZE):
                raise
            if self._requests >= MOST_REQUESTS:
                what = f"{error.what}, in {self._requests} requests for one batch"
                raise InfluxError(what, error.where, error.remedy, Refusal.PERSON, error.words) from None
            return error
        return None


def _names_one(words: str, lines: Sequence[bytes]) -> bool:
    """Whether a refusal speaks of one of the lines: how many were dropped, a measurement, or the line itself."""
    if dropped(words) is not None:
        return True
    measurements = {line.partition(b",")[0].decode("utf-8", "replace") for line in lines}
    return any(
        re.search(rf"""["'`]{re.escape(m)}["'`,\\]|measurement\W+{re.escape(m)}\b|\b{re.escape(m)},""", words)
        for m in measurements
    )
