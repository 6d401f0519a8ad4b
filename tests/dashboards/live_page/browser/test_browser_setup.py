"""Set-up in a real browser, virtual sensors behind a fake BlueZ: find, tap, place, calibrate, ready, lift; and the next time.

The command is started as users start it, without a kit.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsp.calibration import Fault, Misplaced
from dsp.progress import Stage
from ingest.links.kit import read_kit, write_kit
from tests.contract.command_line import COMMAND, environment
from tests.dashboards.live_page.conftest import PHONE, TABLET, Open, until
from tests.dashboards.live_page.scripted_session import ScriptedSession
from tests.peers.bluez import Obedient, bluez, device
from tests.peers.worn_sensors import KEYS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.dbus]
LUMBAR, PELVIS, LEFT, RIGHT = KEYS
HEARD = "() => document.querySelectorAll('.found .sensor[data-state=streaming]').length === 4"
FILLED = "place => document.querySelector(`.spot[data-place=${place}]`)?.dataset.filled !== undefined"
PATIENCE_S = 30.0
NEW_KIT_S, KNOWN_KIT_S = 300.0, 120.0
"""From the open page to the first angle: with sensors that nobody has named yet, and with those of the last time."""
BUSY = 1.5
"""Beside other tests everything takes longer: at rest it is 216 s and 103 s."""
PERSON_S = {
    "press": 3.0,
    "tap a sensor": 5.0,
    "name a strap": 10.0,
    "strap a sensor on": 20.0,
    "strap a known sensor on": 15.0,
    "type a pseudonym": 10.0,
}
"""What a person is reckoned to need for each (ours): here a script does it at once."""


class SetUpTime:
    """Time to the first angle, simulated: what the program and the athlete were waited for, and the steps of a person."""

    def __init__(self) -> None:
        self.waited_s: dict[str, float] = {}

    @contextmanager
    def waits(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.waited_s[what] = time.monotonic() - began

    def told(self, name: str, steps: dict[str, int], waits: tuple[str, ...]) -> float:
        """All of it together, printed."""
        person_s = sum(PERSON_S[step] * count for step, count in steps.items())
        waited = {what: round(self.waited_s[what], 1) for what in waits}
        total_s = person_s + sum(waited.values())
        print(f"{name}, simulated: {total_s:.0f} s to the first angle; person {person_s:.0f} s {steps}, waited for {waited}")
        return total_s


class Started:
    """`hiphinge live` without a kit, and what it prints."""

    def __init__(self, folder: Path, fake: Obedient) -> None:
        self.folder, self.fake = folder, fake
        settings = environment(XDG_CONFIG_HOME=str(folder / "config"), HIPHINGE_SESSIONS=str(folder / "sessions"))
        self._errors = (folder / "stderr").open("w")
        self.process = subprocess.Popen(
            [*COMMAND, "live", "--json", "--no-browser", "--port", "0"],
            cwd=folder,
            env=settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.address, self.viewer = str(said["page"]), str(said["viewer"])
        self.lines: list[dict[str, Any]] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def kits(self) -> list[Path]:
        return sorted((self.folder / "config" / "hiphinge" / "kits").glob("*.toml"))

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self._reading.join(10)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))


@contextmanager
def started(folder: Path, fake: Obedient) -> Iterator[Started]:
    one = Started(folder, fake)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(20)
        for pipe in (one.process.stdin, one.process.stdout):
            if pipe is not None:
                pipe.close()
        one._errors.close()


@contextmanager
def four(folder: Path, worn: bool = False) -> Iterator[Obedient]:
    with bluez(folder, [device(k, handled=True, worn=worn) for k in KEYS]) as fake:
        yield fake


def address(key: str) -> str:
    return str(device(key)["address"])


def serious(page: Page) -> None:
    """What axe finds serious; nothing."""
    from axe_playwright_python.sync_playwright import Axe

    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found] == []


def remembered(folder: Path) -> None:
    kits = folder / "config" / "hiphinge" / "kits"
    kits.mkdir(parents=True)
    entries = [{"placement": k, "family": "hiphinge-v1", "address": address(k), "strap": f"Strap {k[-1]}"} for k in KEYS]
    write_kit(kits / "gym.toml", [dict(e) for e in entries], "gym")


def test_from_bare_sensors_to_a_lift_and_the_next_time(tmp_path: Path, open_page: Open) -> None:
    timed = SetUpTime()
    with four(tmp_path, worn=True) as fake:
        with started(tmp_path, fake) as live:
            with timed.waits("page and sensors"):
                page = open_page(live.address, TABLET)
                until(page, HEARD, seconds=PATIENCE_S)
            assert page.evaluate("document.body.dataset.mode") == "setup"
            assert "87\u00a0%" in page.inner_text(".found")
            # a tap is answered by the row of that sensor, and by no other
            fake.do("tap", PELVIS)
            until(page, "() => document.querySelectorAll('.sensor.tapped').length === 1", seconds=PATIENCE_S)
            assert page.get_attribute(".sensor.tapped", "data-found") == address(PELVIS)
            assert "tapped now" in page.inner_text(".sensor.tapped")
            # a name that is markup is shown as it is
            page.click('[data-action="rename"]')
            page.fill("#asked", "<b>Strap B</b>")
            page.press("#asked", "Enter")
            until(page, "() => document.querySelector('.found').innerText.includes('<b>Strap B</b>')")
            page.select_option("#athlete", "new")
            page.fill("#asked", "player-07")
            page.click('[data-action="asked"]')
            until(page, "() => document.querySelector('#athlete').value === '=player-07'")
            page.fill("#session-note", "after the match")
            page.press("#session-note", "Tab")

            page.click('[data-action="to_place"]')
            until(page, "() => document.querySelector('.place .big')?.textContent === 'Now the lumbar sensor'")
            fake.do("tap", LUMBAR, twice=True)
            until(page, FILLED, LUMBAR, seconds=PATIENCE_S)
            page.click(f'.chip[data-id="{address(PELVIS)}"]')
            until(page, FILLED, PELVIS)
            # dropped on a place, and by a tap on one
            page.drag_and_drop(f'.chip[data-id="{address(RIGHT)}"]', '.spot[data-place="thigh_right"]')
            until(page, FILLED, RIGHT)
            page.click('.spot[data-place="thigh_left"]')
            page.click(f'.chip[data-id="{address(LEFT)}"]')
            until(page, FILLED, LEFT)
            assert page.inner_text(".place .big") == "All in place"

            page.click('[data-action="start"]')
            with timed.waits("first rows"):
                until(page, "() => document.body.dataset.time !== undefined", seconds=PATIENCE_S)
            page.click('[data-action="calibrate"]')
            with timed.waits("calibration"):
                fake.do("cue", LUMBAR)
                until(page, "() => document.querySelector('.headline')?.textContent === 'Ready.'", seconds=90.0)
            assert page.inner_text(".reports")
            page.click('.ready [data-action="mode-lift"]')
            with timed.waits("first angle"):
                angle = "() => /^\\d+°$/.test(document.querySelector('[data-value=lumbar_flexion]')?.textContent)"
                until(page, angle, seconds=20.0)
            assert live.end() == 0, live.stderr
        (session,) = (tmp_path / "sessions").iterdir()
        assert "player-07" in session.name
        assert "after the match" in (session / "live" / "summary.json").read_text()
        (path,) = live.kits
        kit = {s.key: s for s in read_kit(path).sensors}
        assert {key: s.sensor.address for key, s in kit.items()} == {key: address(key) for key in KEYS}
        assert all(s.sensor.worn is not None for s in kit.values()), "how they were worn is remembered"

        with started(tmp_path, fake) as live:
            began = time.monotonic()
            with timed.waits("page and known sensors"):
                page = open_page(live.address, TABLET)
                until(page, "() => document.querySelector('[data-action=same_places]')?.disabled === false", seconds=PATIENCE_S)
                assert "player-07" in page.inner_text("#athlete")
                until(page, HEARD, seconds=PATIENCE_S)
            page.click('[data-action="same_places"]')
            until(page, "() => document.querySelectorAll('.spot[data-filled]').length === 4")
            page.click('.place [data-action="start_without"]')
            until(page, "() => document.body.dataset.mode === 'lift'", seconds=PATIENCE_S)
            until(page, "() => document.body.dataset.time !== undefined", seconds=PATIENCE_S)
            assert time.monotonic() - began < 60.0
            assert live.end() == 0, live.stderr
    new = {"strap a sensor on": 4, "tap a sensor": 8, "name a strap": 4, "type a pseudonym": 1, "press": 5}
    waits = ("first rows", "calibration", "first angle")
    assert timed.told("new kit", new, ("page and sensors", *waits)) <= BUSY * NEW_KIT_S
    # the athlete, the places, calibrate, lift
    assert (
        timed.told("known kit", {"strap a known sensor on": 4, "press": 4}, ("page and known sensors", *waits))
        <= BUSY * KNOWN_KIT_S
    )


def test_by_keyboard_alone_and_in_german(tmp_path: Path, open_page: Open) -> None:
    remembered(tmp_path)
    with four(tmp_path) as fake, started(tmp_path, fake) as live:
        page = open_page(live.address, PHONE, lang="de-DE", dark=True)
        until(page, HEARD, seconds=PATIENCE_S)
        seen = page.inner_text("body")

        def press(action: str) -> None:
            for _ in range(40):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.dataset.action ?? ''") == action:
                    page.keyboard.press("Enter")
                    return
            raise AssertionError(f"{action} is not reached by Tab")

        press("same_places")
        until(page, "() => document.querySelectorAll('.spot[data-filled]').length === 4")
        seen += page.inner_text("body")
        serious(page)
        press("back")
        until(page, "() => document.querySelector('.find') !== null")
        serious(page)
        press("to_place")
        until(page, "() => document.querySelector('.place') !== null")
        # nothing of the page is wider than a phone
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        words = Path("dashboards/live_page/static/words")
        german, english = (json.loads((words / f"{lang}.json").read_text()) for lang in ("de", "en"))
        own = {k for k in english if k.startswith(("find.", "found.", "place.", "setup_warning.", "ask."))}
        foreign = {english[k] for k in own if english[k] != german[k] and len(english[k]) > 6 and "{" not in english[k]}
        assert not [text for text in foreign if text in seen]
        press("start")
        until(page, "() => document.querySelector('.calibrate') !== null", seconds=PATIENCE_S)


def test_a_reloaded_page_knows_it_all_and_a_viewer_is_told_nothing(tmp_path: Path, open_page: Open) -> None:
    remembered(tmp_path)
    with four(tmp_path) as fake, started(tmp_path, fake) as live:
        page = open_page(live.address)
        until(page, HEARD, seconds=PATIENCE_S)
        page.click('[data-action="same_places"]')
        until(page, "() => document.querySelectorAll('.spot[data-filled]').length === 4")
        page.reload()
        until(page, "() => document.querySelectorAll('.spot[data-filled]').length === 4")
        # the list of athletes and what is set up are the operator's
        other = open_page(live.viewer)
        until(other, "() => document.body.dataset.state === 'waiting'")
        other.wait_for_timeout(500)
        assert "Strap" not in other.content()
        assert other.evaluate("document.body.dataset.mode") != "setup"
        # Ctrl-C before a session: nothing is left behind
        assert live.end() == 0, live.stderr
        until(page, "() => document.body.dataset.state === 'ended'")
        assert not (tmp_path / "sessions").exists()
        assert "No session was begun" in live.stderr


def start_is_refused_without_page(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "live", "--no-page"], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )


def test_without_a_page_a_kit_must_be_named(tmp_path: Path) -> None:
    refused = start_is_refused_without_page(tmp_path)
    assert refused.returncode == 1
    assert "--kit" in refused.stderr


@pytest.mark.parametrize("lang", ["en-GB", "de-DE"])
def test_exchanged_sensors_are_told_while_calibrating_and_after_it(open_page: Open, lang: str) -> None:
    words = {
        "en-GB": (
            "Left thigh / Right thigh",
            "are in each other's place",
            "may be in each other's place",
            "Look at the sensors.",
        ),
        "de-DE": (
            "Linker Oberschenkel / Rechter Oberschenkel",
            "sind vertauscht",
            "sind vielleicht vertauscht",
            "Nach den Sensoren sehen.",
        ),
    }[lang]
    with ScriptedSession() as session:
        page = open_page(session.address, lang=lang)
        until(page, "() => document.body.dataset.state === 'waiting'")
        page.keyboard.press("e")
        told = Misplaced(Fault.SWAPPED, (LEFT, RIGHT), 0.0, 0.4, "in words")
        session.calibrate(Stage.MOVEMENTS, misplaced=(told,))
        until(page, "words => document.querySelector('.calibrate .warnings')?.innerText.includes(words)", words[2])
        assert words[0] in page.inner_text(".warnings")
        session.calibrate(misplaced=(replace(told, sure=0.9),))
        until(page, "words => document.querySelector('.ready .warnings')?.innerText.includes(words)", words[1])
        assert page.locator(".warnings [role=alert]").count() == 1
        assert page.inner_text(".headline") == words[3]
        session.calibrate()
        until(page, "() => document.querySelector('.ready .warnings')?.innerText === ''")
        assert page.inner_text(".headline") != words[3]
