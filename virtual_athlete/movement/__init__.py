"""How a simulated body moves: the script of a person's movements, the body that follows it, and each repetition's truth."""

from virtual_athlete.movement.body import Body, JointAngles, Motion, Moving, SharedInstants
from virtual_athlete.movement.frames import Frame, X, Y, Z
from virtual_athlete.movement.led import Asked, performs
from virtual_athlete.movement.people import Person
from virtual_athlete.movement.scenarios import SCENARIOS, SHORT_HIP_DEG, demo, going_on, mixed, screen, standing, training
from virtual_athlete.movement.script import Script
from virtual_athlete.movement.trajectories import Move, Signal, Sines, Track
from virtual_athlete.movement.true_rhythm import with_metrics
from virtual_athlete.movement.writing import TrueRepetition

__all__ = [
    "SCENARIOS",
    "SHORT_HIP_DEG",
    "Asked",
    "Body",
    "Frame",
    "JointAngles",
    "Motion",
    "Move",
    "Moving",
    "Person",
    "Script",
    "SharedInstants",
    "Signal",
    "Sines",
    "Track",
    "TrueRepetition",
    "X",
    "Y",
    "Z",
    "demo",
    "going_on",
    "mixed",
    "performs",
    "screen",
    "standing",
    "training",
    "with_metrics",
]
