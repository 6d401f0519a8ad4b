"""Debian's chromium and its windows, for each file of tests."""

from __future__ import annotations

from tests.dashboards.live_page.conftest import all_windows, browser, windows

__all__ = ["all_windows", "browser", "windows"]
