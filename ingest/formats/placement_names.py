"""Where a sensor was worn, by the name that a person or a program gave it."""

from __future__ import annotations

import re

from body_signals import Placement


def placement_named(name: str) -> Placement | None:
    """The body part in a sensor's name, e.g. ``Left Upper Leg``, ``thigh_left`` or ``RightUpperLeg``; None when it is not
    one of ours."""
    text = " ".join(re.split(r"[\s_-]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()))
    if re.search(r"lumbar|\blow(er)? ?back\b|\bt12\b|\bl1\b", text):
        return Placement.LUMBAR
    if "pelvis" in text or "sacrum" in text:
        return Placement.PELVIS
    if "upper leg" in text or "thigh" in text or "femur" in text:
        sides = {"left": Placement.THIGH_LEFT, "right": Placement.THIGH_RIGHT}
        return next(
            (placement for side, placement in sides.items() if re.search(rf"{side}|\b{side[0]}\b", text)),
            None,
        )
    return None
