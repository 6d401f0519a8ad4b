"""A review page that is really served, of sessions that were really recorded, for the tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dashboards.live_page.server import PageServer
from dashboards.review_page.server import review_server
from hiphinge.afterwards.reviewing import Reviewing
from hiphinge.session.in_progress import SessionInProgress
from tests.contract.recorded_sessions import taken
from virtual_athlete import simulate

START = datetime(2026, 11, 27, 9, 5, tzinfo=UTC)
ATHLETE = "player-07"


@dataclass(frozen=True, slots=True)
class Served:
    """A page: who makes it, who serves it, and the address that lets in."""

    reviewing: Reviewing
    server: PageServer
    address: str

    @property
    def origin(self) -> str:
        return self.address.partition("/#")[0]

    @property
    def token(self) -> str:
        return self.address.partition("#")[2]


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve the page of this session, or of the sessions in this folder."""
    reviewing = Reviewing(folder, lambda text: None)
    server, address = review_server(reviewing, port=0)
    server.start()
    try:
        yield Served(reviewing, server, address)
    finally:
        server.stop()
        reviewing.close()


def recorded(folder: Path, seed: int = 2, scenario: str = "demo") -> Path:
    """A session as the program leaves it."""
    simulated = simulate(scenario, seed, athlete=ATHLETE, start=START)
    running = SessionInProgress(folder, simulated.session)
    taken(running, simulated.events)
    running.close()
    return folder
