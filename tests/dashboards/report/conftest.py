"""Debian's chromium, one for each file of tests."""

from __future__ import annotations

from tests.dashboards.live_page.conftest import browser

__all__ = ["browser"]
