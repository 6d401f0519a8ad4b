"""The program with a browser: the simulated athlete's sensors speak real bytes, and what is tapped stands in the session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.dashboards.live_page.conftest import MONITOR, Open, until


def test_from_demo_to_a_pain_in_the_summary(tmp_path: Path, open_page: Open) -> None:
    folder = tmp_path / "session"
    command = [sys.executable, "-m", "hiphinge", "demo", "--out", str(folder), "--speed", "8", "--json", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        try:
            assert demo.stdout is not None
            page = open_page(json.loads(demo.stdout.readline())["page"], MONITOR)
            until(page, "document.body.dataset.state === 'calibrating'", seconds=30.0)
            until(page, "document.querySelector('.lift .instruction').textContent.includes('knee')", seconds=30.0)
            until(page, "document.body.dataset.state === 'streaming'", seconds=30.0)
            until(page, "Number(document.querySelector('[data-value=repetition_count]').textContent) >= 1", seconds=30.0)
            page.keyboard.press("d")
            until(page, "document.querySelector('[data-repetition=\"1\"] [data-value=lumbar_rom_deg]') !== null")
            until(
                page,
                "/^[1-9]/.test(document.querySelector('.end-label [data-value=lumbar_flexion]').textContent)",
                seconds=20.0,
            )
            page.keyboard.press("6")
            until(page, "document.querySelector('.marks').innerText.includes('pain 6')")
            assert "at lumbar" in page.inner_text(".marks")
            page.keyboard.press("Escape")
            page.keyboard.press("Enter")
            until(page, "document.body.dataset.state === 'ended'", seconds=10.0)
            demo.stdout.read()
            assert demo.wait(60) == 0
        finally:
            demo.kill()
    (pain,) = json.loads((folder / "live" / "summary.json").read_text())["pain"]
    assert pain["score"] == 6
    assert pain["lumbar_flexion_deg"] > 0
