"""Pictures of set-up before a session, with four virtual sensors behind a fake BlueZ.

`python -m docs.set_up_pictures` writes `docs/live-page/setup-find.png` and `setup-place.png`. It needs Debian's chromium and
dbus-daemon, and takes half a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.live_page_pictures import OUT, TABLET, take
from ingest.links.kit import write_kit
from tests.contract.command_line import environment
from tests.peers.bluez import bluez, device
from tests.peers.worn_sensors import KEYS

STRAPS = {"lumbar": "Strap A", "pelvis": "Strap B", "thigh_left": "Strap C"}


def main() -> None:
    """Set up as somebody does who was here before, with a new sensor for the right thigh."""
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, bluez(Path(name), [device(k, handled=True, worn=False) for k in KEYS]) as fake:
        folder = Path(name)
        kits = folder / "config" / "hiphinge" / "kits"
        kits.mkdir(parents=True)
        known = [
            {"placement": k, "family": "hiphinge-v1", "address": device(k)["address"], "strap": strap}
            for k, strap in STRAPS.items()
        ]
        write_kit(kits / "gym.toml", [dict(entry) for entry in known], "gym")
        settings = environment(XDG_CONFIG_HOME=str(folder / "config"), HIPHINGE_SESSIONS=str(folder / "sessions"))
        command = [sys.executable, "-m", "hiphinge", "live", "--json", "--no-browser", "--port", "0"]
        with subprocess.Popen(
            command,
            cwd=folder,
            env=settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as live:
            assert live.stdout is not None
            address = json.loads(live.stdout.readline())["page"]
            try:
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                    page = browser.new_context(
                        viewport={"width": TABLET[0], "height": TABLET[1]}, locale="en-GB", color_scheme="light"
                    ).new_page()
                    page.goto(address)
                    page.wait_for_selector(".found .sensor[data-state=streaming] >> nth=3")
                    fake.do("tap", "pelvis")
                    page.wait_for_selector(".sensor.tapped")
                    take(page, "setup-find", live=False)
                    page.click('[data-action="same_places"]')
                    page.wait_for_selector(".spot[data-filled] >> nth=2")
                    page.wait_for_timeout(300)
                    take(page, "setup-place", live=False)
                    browser.close()
            finally:
                live.terminate()


if __name__ == "__main__":
    main()
