"""A real browser for the tests of the live page: Debian's chromium, one for each file of tests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABLET, MONITOR, PHONE = (1280, 800), (1440, 900), (390, 844)
Open = Callable[..., "Page"]


def until(page: Page, condition: str, argument: object = None, *, seconds: float = 8.0) -> None:
    """Wait until an expression, or a function of `argument`, is true in the page.

    The page allows no script that is made of text, so playwright's own waiting does not work in it.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, f"not within {seconds} s: {condition} {argument or ''}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    chromium = shutil.which("chromium")
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


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages at an address, each in a profile of its own; what their scripts fail with fails the test."""
    contexts = []
    faults: list[str] = []

    def opened(
        address: str, size: tuple[int, int] = TABLET, *, lang: str = "en-GB", dark: bool = False, **options: Any
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=lang, color_scheme="dark" if dark else "light", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults, faults
