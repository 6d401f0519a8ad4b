"""The picture of the report in docs: the physio's two pages and the athlete's one, as they are printed.

`python -m docs.report_pictures` simulates a hip check with a limited left hip and writes `docs/report.png`. It needs Debian's
chromium and takes about a minute.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from dashboards.report import write_report

OUT = Path(__file__).parent / "report.png"
A4_PX = (794, 1123)
GAP_PX, COLOURS = 24, 96
"""Between pages; of the picture, so that it stays small."""


def main() -> None:
    """Simulate, report, and take the pages side by side."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        session = Path(folder) / "session"
        words = ["demo", "--scenario", "screen", "--no-page", "--speed", "0", "--out", str(session)]
        subprocess.run([sys.executable, "-m", "hiphinge", *words], check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": A4_PX[0], "height": A4_PX[1]})
            page.emulate_media(media="print")
            pictures = []
            for audience in ("physio", "athlete"):
                html = write_report(session, Path(folder) / f"{audience}.html", language="en", audience=audience)
                page.goto(html.as_uri())
                pictures += [Image.open(io.BytesIO(one.screenshot())) for one in page.query_selector_all(".page")]
        finally:
            browser.close()
    whole = Image.new("RGB", (sum(p.width + GAP_PX for p in pictures) - GAP_PX, max(p.height for p in pictures)), "#c9d0d8")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + GAP_PX
    whole.quantize(COLOURS).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
