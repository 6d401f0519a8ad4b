"""The root of every error that a user may meet. It names the fault, the place and the remedy."""

from __future__ import annotations

import re

_LONGEST = 2000
"""Most characters of a message: about twenty lines of a terminal (ours)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class HiphingeError(Exception):
    """What is wrong (`what`), where (`where`: file and line, sensor, or setting) and what to do (`remedy`)."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{text}. {self.remedy}" if self.remedy else text)


def one_line(text: str) -> str:
    """The text on one line, without control characters, cut at `_LONGEST` characters."""
    text = _CONTROL.sub(" ", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
