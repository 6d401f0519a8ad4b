"""The words that all rooms share: placements, blocks, events, quality flags, quantities. No behaviour beyond checks."""

from signals.blocks import SampleBlock, TimedBlock
from signals.errors import HiphingeError
from signals.events import Command, Connected, Event, Heartbeat, Lost, Mark, Packets, SingleEvent, UtcAnchor, Watchdog
from signals.placements import BODY_PLACEMENTS, Mounting, Placement
from signals.quality import Quality
from signals.session import Sensor, Session, SessionMark

__all__ = [
    "BODY_PLACEMENTS",
    "Command",
    "Connected",
    "Event",
    "Heartbeat",
    "HiphingeError",
    "Lost",
    "Mark",
    "Mounting",
    "Packets",
    "Placement",
    "Quality",
    "SampleBlock",
    "Sensor",
    "Session",
    "SessionMark",
    "SingleEvent",
    "TimedBlock",
    "UtcAnchor",
    "Watchdog",
]
