"""A session that a page can be opened at: calibrated, streaming."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboards.live_page.scripted_session import ScriptedSession


@pytest.fixture
def session() -> Iterator[ScriptedSession]:
    with ScriptedSession() as scripted:
        scripted.calibrate()
        yield scripted
