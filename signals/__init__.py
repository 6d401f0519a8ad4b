"""The words that all rooms share: placements, blocks, events, quality flags, quantities. No behaviour beyond checks."""

from signals.blocks import SampleBlock, TimedBlock
from signals.errors import HiphingeError
from signals.events import Battery, Command, Connected, Event, Heartbeat, Lost, Mark, Packets, SingleEvent, UtcAnchor, Watchdog
from signals.placements import BODY_PLACEMENTS, Mounting, Placement
from signals.quality import Quality
from signals.session import NO_SETTINGS, Sensor, Session, SessionMark, Setting

__all__ = [
    "BODY_PLACEMENTS",
    "NO_SETTINGS",
    "Battery",
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
    "Setting",
    "SingleEvent",
    "TimedBlock",
    "UtcAnchor",
    "Watchdog",
]
