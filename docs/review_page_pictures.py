"""Pictures of the review page, from simulated sessions: `python -m docs.review_page_pictures` writes `docs/review-page/`."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from dashboards.review_page.server import review_server
from hiphinge.afterwards.reviewing import Reviewing
from hiphinge.session.in_progress import SessionInProgress
from virtual_athlete import simulate

OUT = Path(__file__).parent / "review-page"
COLOURS = 256
CHROMIUM = "/usr/bin/chromium"
SESSIONS = (("tuesday", "screen", 3, datetime(2026, 11, 24, 9, 15, tzinfo=UTC)),)
SESSIONS += (("friday", "screen", 4, datetime(2026, 11, 27, 9, 5, tzinfo=UTC)),)
EDITS = """\
[[note]]
time_s = 81.0
text = "felt tight on the left"

[[pain]]
time_s = 42.4
level = 3
where = "left hip"
"""


def _recorded(folder: Path, scenario: str, seed: int, start: datetime) -> None:
    simulated = simulate(scenario, seed, athlete="player-07", start=start)
    running = SessionInProgress(folder, simulated.session)
    for begin in range(0, len(simulated.events), 50):
        running.take(simulated.events[begin : begin + 50])
    running.close()


def _corrected(window: Any) -> None:
    """Two sets, and the choice of a kind."""
    window.click('[data-set="2"] [data-action=set-b]')
    window.click('[data-repetition="3"] .kind')


def _two_sessions(window: Any) -> None:
    window.select_option("[data-input=session-b]", "friday")


def _nothing(window: Any) -> None:
    pass


PICTURES: tuple[tuple[str, int, int, str, str, Callable[[Any], None]], ...] = (
    ("desk-light", 1440, 900, "light", "en-GB", _corrected),
    ("desk-dark", 1440, 900, "dark", "de-DE", _two_sessions),
    ("tablet-light", 1280, 800, "light", "en-GB", _corrected),
    ("phone-dark", 390, 844, "dark", "en-GB", _nothing),
)
"""Name, size in pixels, colours, language, and what is done before."""
WHOLE = ("tablet-light",)
"""Pictures of the whole page, however long."""


def main() -> None:
    """Write all pictures."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        for name, scenario, seed, start in SESSIONS:
            _recorded(Path(place) / name, scenario, seed, start)
        (Path(place) / "tuesday" / "edits.toml").write_text(EDITS)
        reviewing = Reviewing(Path(place) / "tuesday", print)
        server, address = review_server(reviewing, port=0)
        server.start()
        try:
            with sync_playwright() as playwright:
                arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
                for name, width, height, scheme, language, prepare in PICTURES:
                    options: Any = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "locale": language}
                    window = browser.new_context(timezone_id="Europe/Berlin", **options).new_page()
                    window.goto(address)
                    window.wait_for_selector("body[data-state=open][data-time]")
                    window.wait_for_selector("svg.loops .middle.b")
                    prepare(window)
                    window.wait_for_timeout(800)
                    picture = Image.open(io.BytesIO(window.screenshot(full_page=name in WHOLE)))
                    picture.convert("RGB").quantize(COLOURS, kmeans=8).save(OUT / f"{name}.png", optimize=True)
                browser.close()
        finally:
            server.stop()
            reviewing.close()


if __name__ == "__main__":
    main()
