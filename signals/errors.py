"""The root of every error that a user may meet: says what is wrong, where, and what to do."""

from __future__ import annotations


class HiphingeError(Exception):
    """What is wrong (`what`), where (`where`: file and line, sensor, or setting) and what to do (`remedy`)."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.remedy}" if self.remedy else text
