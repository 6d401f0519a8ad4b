"""Results in InfluxDB: points, sending and waiting, the outbox and its ledger, counting and deleting."""

from dashboards.influx.arrived import differences
from dashboards.influx.delivery import Courier, acknowledge, digest, identity, missing, note_repetitions, push, sent_states
from dashboards.influx.drain import rejected_lines
from dashboards.influx.erasure import Eraser
from dashboards.influx.former import Former, delete_former, keep_former, sent_before
from dashboards.influx.ledger import Identity
from dashboards.influx.line_protocol import (
    LiveLines,
    closing_points,
    points,
    removable_points,
    repetition_points,
    repetition_stamps,
    series_of,
    tags_of,
)
from dashboards.influx.outbox import FOLDER, Outbox, waiting_bytes
from dashboards.influx.sending.patience import Patience
from dashboards.influx.sending.sender import InfluxSettings, server_facts
from dashboards.influx.stored import CannotAsk, Stored

__all__ = [
    "FOLDER",
    "CannotAsk",
    "Courier",
    "Eraser",
    "Former",
    "Identity",
    "InfluxSettings",
    "LiveLines",
    "Outbox",
    "Patience",
    "Stored",
    "acknowledge",
    "closing_points",
    "delete_former",
    "differences",
    "digest",
    "identity",
    "keep_former",
    "missing",
    "note_repetitions",
    "points",
    "push",
    "rejected_lines",
    "removable_points",
    "repetition_points",
    "repetition_stamps",
    "sent_before",
    "sent_states",
    "series_of",
    "server_facts",
    "tags_of",
    "waiting_bytes",
]
