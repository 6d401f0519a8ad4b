"""Debian's chromium and its windows, for each file of tests, and a session that is recorded once for all of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.dashboards.live_page.conftest import all_windows, browser, windows
from tests.dashboards.review_page.served import recorded

__all__ = ["all_windows", "browser", "windows"]


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session to be read only, the same for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "stored"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "evening").exists():
            recorded(folder / "being recorded" / "evening")
            (folder / "being recorded" / "evening").rename(folder / "evening")
    return folder / "evening"
