"""A real browser for the tests of the live page: Debian's chromium, one for each file of tests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import missing
from tests.dashboards.windows import Windows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABLET, MONITOR, PHONE = (1280, 800), (1440, 900), (390, 844)
Open = Callable[..., "Page"]


def until(page: Page, condition: str, argument: object = None, *, seconds: float = 8.0) -> None:
    """Wait until an expression, or a function of `argument`, is true in the page.

    The page allows no script that is made of text, so playwright's own waiting does not work in it.
    """
    end, pause_s = time.monotonic() + seconds, 0.05 if seconds < 30.0 else 0.2
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, f"not within {seconds} s: {condition} {argument or ''}"
        time.sleep(pause_s)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window: the one that has none takes half as long to open a page."""
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if chromium is None:
        missing("chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # as root it has no sandbox
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--autoplay-policy=user-gesture-required"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def all_windows(browser: Browser) -> Windows:
    return Windows(browser)


@pytest.fixture
def windows(all_windows: Windows) -> Iterator[Windows]:
    yield all_windows
    all_windows.leave()


@pytest.fixture
def open_page(windows: Windows) -> Iterator[Open]:
    """Opens pages at an address, each in a profile of its own; what their scripts fail with fails the test."""

    def opened(address: str, size: tuple[int, int] = TABLET, *, lang: str = "en-GB", **options: Any) -> Page:
        page = windows.take(size, locale=lang, **options).page
        page.set_default_timeout(8000)
        page.goto(address)
        return page

    yield opened
    faults = [fault for window in windows.leave() for fault in window.faults]
    assert not faults, faults
