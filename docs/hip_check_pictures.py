"""Pictures of the hip check and the retest on the live page, done by the simulated athlete.

`python -m docs.hip_check_pictures` writes `docs/live-page/hipcheck-*.png` and `retest-*.png`. It needs Debian's chromium and
takes about three minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from body_signals.movements import KIND_OF_TEST
from docs.live_page_pictures import OUT, PHONE, TABLET, take, when

if TYPE_CHECKING:
    from playwright.sync_api import Page

SPEED = "4"


def main() -> None:
    """The whole hip check, its result, the retest, and a second one that is stopped for pain."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "hiphinge", "demo", "--protocol", "hip-check", "--speed", SPEED, "--json", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        subprocess.Popen(
            [*command, "--out", f"{folder}/demo"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as demo,
    ):
        assert demo.stdout is not None
        address = json.loads(demo.stdout.readline())["page"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        size = {"width": TABLET[0], "height": TABLET[1]}
        try:
            german = browser.new_context(locale="de-DE", viewport=size, color_scheme="light").new_page()
            page = browser.new_context(locale="en-GB", viewport=size, color_scheme="light").new_page()
            for opened in (page, german):
                opened.goto(address)
            take_all(page, german)
        finally:
            browser.close()
            demo.terminate()


def take_all(page: Page, german: Page) -> None:
    """All pictures, in the order in which the athlete offers them."""
    stage(page, "ready")
    take(page, "hipcheck-ready")
    page.click('[data-action="hipcheck-start"]')
    step(page, "rock-back")
    when(page, "document.querySelector('.made').textContent === '2'")
    take(page, "hipcheck-run")
    take(german, "hipcheck-german")
    if "hip_extension" not in KIND_OF_TEST:
        for edge in ("edge-left", "edge-right"):
            step(page, edge)
            page.click('[data-action="step-skip"]')
    else:
        step(page, "edge-left")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(300)
        take(page, "hipcheck-run-dark")
        page.emulate_media(color_scheme="light")
    step(page, "painful")
    when(page, "document.querySelector('.made').textContent === '2'")
    page.click('[data-action="pain-4"]')
    stage(page, "result")
    page.wait_for_timeout(500)
    take(page, "hipcheck-result")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.wait_for_timeout(300)
    take(page, "hipcheck-phone")
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
    treat = page.locator('[data-action="treat"]')
    if treat.count():
        treat.click()
        page.click('[data-action="retest"]')
        when(page, "document.querySelector('.made')?.textContent === '1'")
        page.click('[data-action="pain-2"]')
        when(page, "document.querySelector('.change') !== null")
        page.wait_for_timeout(300)
        take(page, "retest-after")
    page.keyboard.press("q")
    page.click('[data-action="hipcheck-again"]')
    page.click('[data-action="hipcheck-start"]')
    step(page, "bends")
    page.click('[data-action="pain-8"]')
    stage(page, "stopped")
    page.wait_for_timeout(500)
    take(page, "hipcheck-stopped")


def stage(page: Page, name: str) -> None:
    """Wait for what the page shows: ready, running, result, stopped."""
    when(page, f"document.querySelector('.led')?.dataset.stage === '{name}'")


def step(page: Page, name: str) -> None:
    """Wait for a step."""
    when(page, f"document.querySelector('.plan .now')?.dataset.step === '{name}'")


if __name__ == "__main__":
    main()
