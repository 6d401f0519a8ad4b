"""How a sensor's link is: its state in a word, its fault, and what was counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ingest.links.link_fault import LinkFault


class LinkState(StrEnum):
    """State of a link; the words are for people."""

    SEARCHING = "searching"
    CONNECTING = "connecting"
    CONFIGURING = "configuring"
    READY = "ready"
    STREAMING = "streaming"
    STALLED = "stalled"
    NOT_UNDERSTOOD = "connected, nothing understood"
    LOST = "lost"


@dataclass(slots=True)
class LinkStatus:
    """State of a sensor's link. battery in percent, rssi in dBm; None: not known."""

    key: str
    state: LinkState = LinkState.SEARCHING
    fault: LinkFault | None = None
    """The present fault."""
    battery: int | None = None
    rssi: int | None = None
    packets: int = 0
    reconnects: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    """Counted faults of the sensor's transport, e.g. of a gateway's stream."""
