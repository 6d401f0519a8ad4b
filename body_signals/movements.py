"""The table of movement kinds: the name of each, the share to read, and its properties.

A new kind needs one entry here, its recognition in `dsp/repetitions/kind.py`, and a movement of the simulated athlete or a
test. Tables, reports, screens, dashboards, exposure, rhythm and the hip screen use this table
(docs/adding.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SHARE_OF_TRUNK, SHARE_OF_TRUNK_ON_THIGH = "lumbar_share_of_trunk", "lumbar_share_of_trunk_on_thigh"
"""The two lumbar shares, by their names in the table of repetitions: of lumbar spine and pelvis, of lumbar spine and hip."""


@dataclass(frozen=True, slots=True)
class KindTest:
    """A test of the hip screen: its name in tables, and as words."""

    name: str
    word: str


@dataclass(frozen=True, slots=True)
class MovementKind:
    """One kind of movement. A property that is not stated does not hold."""

    name: str
    """The name in tables, edits and databases; never changed, because years of recordings use it."""
    word: str
    plural: str
    share: str = SHARE_OF_TRUNK_ON_THIGH
    """The lumbar share to read: of trunk where knees stay straight, else of trunk on thigh."""
    published_share: tuple[str, str] | None = None
    """Names of the two limits (`body_signals.limits`) of that share's published range in people without complaints."""
    full_bend: bool = False
    """The lumbar spine uses its full range: other movements are compared with the day's largest flexion in this kind."""
    bent_knee: bool = False
    """The hips use their full range with bent knees: other movements are compared with the day's largest flexion in such
    kinds."""
    lift: bool = False
    """The standing body folds down and comes up again: counts as a lift in the exposure (after sustained flexion, in the
    morning)."""
    one_way: bool = False
    """One phase only: the movement ends at its turn, without a return."""
    one_leg: bool = False
    """One leg moves while the other stands: the moving hip is read, and the hip screen tests each side."""
    test: KindTest | None = None
    """The test of the hip screen to which its repetitions belong."""


BEND = MovementKind(
    "bend",
    "bend",
    "bends",
    share=SHARE_OF_TRUNK,
    published_share=("bend_share_low", "bend_share_high"),
    full_bend=True,
    lift=True,
    test=KindTest("bend", "forward bend"),
)
SQUAT = MovementKind("squat", "squat", "squats", bent_knee=True, lift=True, test=KindTest("squat", "squat"))
DEADLIFT = MovementKind("deadlift", "deadlift", "deadlifts", lift=True, test=KindTest("deadlift", "deadlift"))
HINGE = MovementKind("hinge", "hinge", "hinges", lift=True, test=KindTest("bow", "waiter's bow"))
SIT_DOWN = MovementKind("sit_down", "sit down", "sit down", one_way=True)
STAND_UP = MovementKind("stand_up", "stand up", "stand up", one_way=True, test=KindTest("sit_to_stand", "standing up"))
KNEE_RAISE = MovementKind(
    "knee_raise", "knee raise", "knee raises", bent_knee=True, one_leg=True, test=KindTest("knee_raise", "knee raise")
)
ROCK_BACK = MovementKind("rock_back", "rock back", "rock backs", bent_knee=True, test=KindTest("rock_back", "rock-back"))
HIP_EXTENSION = MovementKind(
    "hip_extension", "hip extension", "hip extensions", one_leg=True, test=KindTest("hip_extension", "hip extension")
)
OTHER = MovementKind("other", "other", "other")

KINDS: tuple[MovementKind, ...] = (
    BEND,
    SQUAT,
    DEADLIFT,
    HINGE,
    SIT_DOWN,
    STAND_UP,
    KNEE_RAISE,
    ROCK_BACK,
    HIP_EXTENSION,
    OTHER,
)
"""All kinds, in the order in which reports show them."""

_BY_NAME = {kind.name: kind for kind in KINDS}
KIND_OF_TEST: dict[str, MovementKind] = {kind.test.name: kind for kind in KINDS if kind.test is not None}
"""Test of the hip screen → the kind of its repetitions."""


def kind_of(name: str) -> MovementKind:
    """The kind of this name. A table from a later version may name an unknown kind: it gets its name as words."""
    known = _BY_NAME.get(name)
    word = name.replace("_", " ")
    return known if known is not None else MovementKind(name, word, f"{word}s")


def names_of(which: Callable[[MovementKind], object]) -> tuple[str, ...]:
    """Names of the kinds for which a condition holds, e.g. ``names_of(lambda kind: kind.lift)``."""
    return tuple(kind.name for kind in KINDS if which(kind))


MOVEMENTS: tuple[str, ...] = tuple(kind.name for kind in KINDS)
"""The names of all kinds."""
