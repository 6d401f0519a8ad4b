"""Pictures of the live page, taken by a real browser from the simulated athlete of `hiphinge demo`.

`python -m docs.live_page_pictures` plays the demo and writes `docs/live-page/*.png`: tablet, monitor and phone, dark and light.
It needs Debian's chromium and takes about two minutes.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

OUT = Path(__file__).parent / "live-page"
SPEED = "1"
TABLET, MONITOR, PHONE = (1280, 800), (1440, 900), (390, 844)
COLOURS = 96
"""Of a picture, so that it stays small; letters are smoothed in fewer."""


def main() -> None:
    """Play the demo, and take the pictures at the moments at which there is something to see."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [
            sys.executable,
            "-m",
            "hiphinge",
            "demo",
            "--out",
            f"{folder}/demo",
            "--speed",
            SPEED,
            "--json",
            "--port",
            "0",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
            assert demo.stdout is not None
            address = json.loads(demo.stdout.readline())["page"]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            try:
                german = browser.new_context(locale="de-DE").new_page()
                page = browser.new_context(locale="en-GB").new_page()
                for opened in (page, german):
                    opened.goto(address)
                take_all(page, german)
            finally:
                browser.close()
                demo.terminate()


def take_all(page: Page, german: Page) -> None:
    """All pictures, in the order in which the demo offers them."""
    shown(page, "lift", TABLET, dark=True)
    german.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
    until(page, 11.6)
    take(page, "lift-calibrating")
    shown(page, "setup", TABLET, dark=False)
    until(page, 19.1)
    take(page, "setup-calibrate")
    until(page, 27.0)
    take(page, "setup-ready")
    shown(page, "desk", MONITOR, dark=False)
    for angle, degrees in (("lumbar_flexion", "35"), ("hip_flexion", "30")):
        page.fill(f'[data-input="target-{angle}"]', degrees)
        page.press(f'[data-input="target-{angle}"]', "Enter")
    page.evaluate("scrollTo(0, 0)")
    shown(page, "lift", TABLET, dark=True)
    until(page, 36.3)
    page.keyboard.press("3")
    until(page, 38.0)
    when(page, "parseInt(document.querySelector('[data-value=lumbar_flexion]').textContent) >= 44")
    take(page, "lift-dark")
    page.emulate_media(color_scheme="light")
    take(page, "lift-light")
    shown(page, "desk", MONITOR, dark=False)
    page.keyboard.press("n")
    page.keyboard.type("straps tight, bar 40 kg")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    until(page, 53.3)
    take(page, "desk-light")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    take(page, "desk-dark")
    when(german, "parseInt(document.querySelector('[data-value=hip_flexion]').textContent) >= 70")
    take(german, "lift-german")
    shown(page, "desk", PHONE, dark=True)
    page.wait_for_timeout(300)
    take(page, "desk-phone-dark")
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    take(page, "desk-phone-light")


def shown(page: Page, mode: str, size: tuple[int, int], *, dark: bool) -> None:
    """Show a mode at a size."""
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.keyboard.press({"lift": "l", "desk": "d", "setup": "e"}[mode])
    when(page, f"document.body.dataset.mode === '{mode}'")


def until(page: Page, time_s: float) -> None:
    """Wait for a session time on the page."""
    when(page, f"Number(document.body.dataset.time) >= {time_s}")


def when(page: Page, condition: str) -> None:
    """Wait until something holds in the page."""
    end = time.monotonic() + 90.0
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.02)


def take(page: Page, name: str, *, live: bool = True) -> None:
    """One picture, in few colours, of a page that has its data: a busy machine may hold them up for a moment. live: whether a
    session runs; before it there are none."""
    fresh = "document.body.dataset.time !== undefined" if live else "document.body.dataset.mode === 'setup'"
    for _ in range(10):
        when(page, fresh)
        shot = page.screenshot()
        if page.evaluate(fresh):
            break
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(OUT / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
