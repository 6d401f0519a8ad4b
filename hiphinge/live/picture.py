"""How the picture of a running session is laid out: as many lines as the terminal has, none wider than it, none that moves.

What stands on top and at the bottom keeps its place; the middle gets the lines between. So the keys are always there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.text import Text

from hiphinge.live.screen_writer import PLAIN

MOST_LINES = 26
"""A taller terminal is not filled: what belongs together would stand too far apart (ours)."""
ALARM = "!! "


@dataclass(slots=True)
class Picture:
    """Lines by their place. Where there is no room, those of the middle go first (the last of them first), then `spare` (the
    last first); the others stay. width, encoding: of the terminal."""

    width: int
    encoding: str
    top: list[Text] = field(default_factory=list)
    alarms: list[Text] = field(default_factory=list)
    middle: list[Text] = field(default_factory=list)
    spare: list[Text] = field(default_factory=list)
    bottom: list[Text] = field(default_factory=list)

    def plain(self, text: str) -> str:
        """What the terminal's encoding can say of a text."""
        return text.encode(self.encoding, PLAIN).decode(self.encoding, "replace")

    def line(self, text: str, style: str = "") -> Text:
        """A text as one line that fits."""
        return self.fit(Text(self.plain(text), style=style))

    def fit(self, line: Text) -> Text:
        """A line of characters that the terminal has, cut where it does not fit."""
        line.no_wrap = True
        whole = line.cell_len
        line.truncate(self.width, overflow="crop")
        if whole > self.width and self.plain("…") == "…":
            line.truncate(self.width - 1, overflow="crop")
            line.append("…")
        return line

    def lines(self, text: str, style: str = "", *, first: str = "", most: int = 2) -> list[Text]:
        """A text on at most `most` lines, the first after `first`, the others indented as far."""
        text, first = self.plain(text), self.plain(first)
        indent = " " * len(first)
        found = textwrap.wrap(
            text, self.width, initial_indent=first, subsequent_indent=indent, max_lines=most, placeholder=self.plain(" …")
        )
        return [self.fit(Text(line, style=style)) for line in found]

    def laid_out(self, height: int) -> list[Text]:
        """As many lines as there is room for, at most `MOST_LINES`; the bottom is always whole."""
        height = min(height, MOST_LINES)
        room = height - len(self.top) - len(self.bottom) - len(self.alarms)
        spare = self.spare[: max(room, 0)]
        room -= len(spare)
        # the newest of a list stand last in it
        middle = self.middle[len(self.middle) - max(room, 0) :] if room < len(self.middle) else self.middle
        blank = [Text("")] * max(room - len(middle), 0)
        upper = [*self.top, *self.alarms][: max(height - len(self.bottom), 0)]
        return [*upper, *middle, *blank, *spare, *self.bottom]


def columns(rows: Sequence[Sequence[str]], least: Sequence[int], droppable: Sequence[int], width: int) -> list[str]:
    """Rows as lines of columns at least so wide; where they do not fit, `droppable` columns go, one after the other."""
    wide = [max([least[k], *(len(row[k]) for row in rows)]) for k in range(len(least))]
    kept = list(range(len(least)))
    for column in droppable:
        if sum(wide[k] + 2 for k in kept) - 2 > width:
            kept.remove(column)
    return ["  ".join(row[k].ljust(wide[k]) for k in kept).rstrip() for row in rows]
