"""From a bare start to the kit of a session: `hiphinge live` without a kit file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from dashboards.live_page import PageOrder
from dsp.pipeline import PipelineOutput
from hiphinge.live.sinks import Frame, Sink
from hiphinge.live_page.opening import OpenPage
from hiphinge.setting_up.kits import keep, known_athletes, remember_worn, remembered
from hiphinge.setting_up.room import Room
from hiphinge.setting_up.state import SettingUp, SetUpOrder
from ingest.links import Kit

SURE = 0.5
"""Only an alignment of this confidence is remembered (ours)."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a session begins with. path: the kit's file. ended_by: number of the signal that ended it, else 0."""

    kit: Kit | None
    path: Path | None = None
    athlete: str | None = None
    note: str = ""
    ended_by: int = 0


def set_up(page: OpenPage, kits: Path, sessions: Path, athlete: str | None = None) -> SetUp:
    """Let a person find the sensors and say where each is worn; no kit where it was ended without a session.

    kits: folder of remembered kits. sessions: whose athletes are offered. athlete: who was named at the start. HiphingeError
    where the kit cannot be kept.
    """
    there, faults = remembered(kits)
    state = SettingUp(there, known_athletes(sessions), athlete=athlete)
    state.faults = tuple((f"{fault.where}: {fault.what}", fault.remedy) for fault in faults)
    room = Room(state, lambda document: page.board.put("setup", document), lambda loop, hear: _orders(page, loop, hear))
    chosen = asyncio.run(room.run())
    if chosen is None:
        return SetUp(None, ended_by=room.ended_by)
    path, kit = keep(kits, chosen.kit, there, chosen.entries)
    return SetUp(kit, path, chosen.athlete, chosen.note)


def _orders(
    page: OpenPage, loop: asyncio.AbstractEventLoop, hear: Callable[[SetUpOrder], None]
) -> AbstractContextManager[None]:
    return page.orders(loop, lambda order: hear(_understood(order)))


def _understood(order: PageOrder) -> SetUpOrder:
    return SetUpOrder(order.do, order.id, order.place, order.text)


class WornMemory(Sink):
    """Lets the kit file at `path` remember how its sensors were worn in this session."""

    name = "kit"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._worn: dict[str, list[float]] = {}

    def take(self, frame: Frame) -> None:
        """The next results."""
        for alignment in frame.output.alignments:
            sure = {r.placement for r in alignment.reports if r.confidence >= SURE}
            self._worn |= {key: q.tolist() for key, q in alignment.to_segment.items() if key in sure}

    def close(self, last: PipelineOutput | None) -> None:
        """The session is over."""
        if self._worn:
            remember_worn(self._path, self._worn)
