"""What was sent of a session under another athlete or start, before a person corrected it: found in the ledger, and deleted.

Points under the wrong person's name are worse than none, so they go before the session is sent again, as `forget` does it:
counted, deleted, counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dashboards.corrections import Said, head_of, moment
from dashboards.influx.delivery import identity
from dashboards.influx.erasure import Eraser
from dashboards.influx.ledger import Identity, Ledger
from dashboards.influx.outbox import FOLDER
from dashboards.influx.sending.sender import InfluxSettings
from dashboards.tables import available_estimators, read_summary

_SLACK_NS = 60 * 10**9
"""Downsampled points bear the begin of their interval, and the last row may be later than the duration (ours)."""


@dataclass(frozen=True, slots=True)
class Former:
    """who: under whose names the session was sent before. span: first and last time (ns) of what was sent."""

    who: Identity
    span: tuple[int, int]

    @property
    def words(self) -> str:
        """For people."""
        return f"athlete {self.who.athlete!r}, start {self.who.start or 'unknown'}"


def sent_before(session_folder: Path) -> Former | None:
    """As whose this session was sent before its athlete or start was corrected; None where it was not.

    Only what the ledger says of this very session counts: session.toml must have been written as that once. A ledger that came
    with a copied folder is of another session.
    """
    there = available_estimators(session_folder)
    ledger, head = Ledger.read(session_folder / FOLDER), head_of(session_folder)
    if not there or head is None or ledger.of is None:
        return None
    who, of = identity(session_folder, there[0]), ledger.of
    if of.agrees(who) or of.session != who.session:
        return None
    # the ledger of a session that was broken off does not say when it began
    starts = [moment(of.start)] if of.start else [head.start]
    start = next((s for s in starts if s is not None and Said(of.athlete, s).origin in head.origins), None)
    return None if start is None else Former(of, _span(session_folder, start, ledger))


def _span(session_folder: Path, start: datetime, ledger: Ledger) -> tuple[int, int]:
    start_ns = round(start.timestamp() * 1e6) * 1000
    durations = [read_summary(session_folder, e)["duration_s"] or 0.0 for e in available_estimators(session_folder)]
    # somebody may have risen before the session
    stamps = [stamp for sent in ledger.repetitions.values() for _, stamp in sent]
    begin, end = start_ns - _SLACK_NS, start_ns + round(max(durations) * 1e9) + _SLACK_NS
    return min([begin, *(s for s in stamps if start_ns - 86_400 * 10**9 <= s < begin)]), end


def delete_former(session_folder: Path, former: Former, settings: InfluxSettings) -> int:
    """Delete what was sent under the former names; how many values. HiphingeError where that is not possible: nothing has
    changed then but what is gone already."""
    values = Eraser(settings).erase_session(former.who, former.span)
    keep_former(session_folder, former)
    return values


def keep_former(session_folder: Path, former: Former) -> None:
    """Note that nothing of the former names is this session's any more: the ledger begins anew."""
    who = identity(session_folder, available_estimators(session_folder)[0])
    ledger = Ledger.read(session_folder / FOLDER)
    Ledger(of=who, former={*ledger.former, former.who}).write(session_folder / FOLDER)
