"""One colour and one stroke for each body segment, the same in the report, the terminal and Grafana.

Okabe-Ito hues; on white they are darkened where the original has less than 3:1 of contrast. Colour means a segment and nothing
else, and is never the only sign: the pelvis and the right hip are dashed too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ink:
    """How a segment is drawn: its colour on light and on dark ground, and its dashes, drawn and left out in turn, in pixels;
    none: solid."""

    light: str
    dark: str
    dashes: tuple[int, ...] = ()


LUMBAR = Ink("#0072B2", "#56B4E9")
PELVIS = Ink("#B27700", "#E69F00", (8, 5))
LEFT = Ink("#007E5B", "#1DB38A")
RIGHT = Ink("#B8528A", "#DB94BC", (10, 3, 2, 3))
MUTE = Ink("#545E69", "#AAB4C0")
"""For curves besides the segments: trunk and thighs against gravity."""
INK, SINGLE, RULE = "#14181D", "#7F8B97", "#C9D0D8"
"""On light ground: text and medians, single repetitions behind a median, rules and bands."""

SEGMENTS: dict[str, Ink] = {"lumbar": LUMBAR, "pelvis": PELVIS, "left hip": LEFT, "right hip": RIGHT, "trunk": MUTE}
"""By the names that pages show."""
