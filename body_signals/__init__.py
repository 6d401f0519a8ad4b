"""The words that all rooms share: placements, blocks, events, quality flags, quantities. No behaviour beyond checks."""

from body_signals.blocks import SampleBlock, TimedBlock
from body_signals.errors import HiphingeError
from body_signals.events import (
    Battery,
    Command,
    Connected,
    Event,
    Heartbeat,
    Lost,
    Mark,
    Packets,
    SingleEvent,
    UtcAnchor,
    Watchdog,
)
from body_signals.placements import BODY_PLACEMENTS, Mounting, Placement
from body_signals.quality import Quality, flag_names
from body_signals.session import NO_SETTINGS, Sensor, Session, SessionMark, Setting

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
    "flag_names",
]
