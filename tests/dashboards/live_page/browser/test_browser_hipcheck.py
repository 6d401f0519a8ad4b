"""The hip check and the retest in a real browser: red flags first, one step after the other, a stop for pain, the answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from body_signals import Cause
from body_signals.movements import KIND_OF_TEST
from dsp.comparison import Occasion, Value
from hiphinge.live_page.answered import retest_document
from tests.conftest import ROOT
from tests.dashboards.live_page.conftest import MONITOR, PHONE, TABLET, Open, until
from tests.dashboards.live_page.led_session import LedSession
from tests.dashboards.live_page.scripted_session import BENT

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORDS = ROOT / "dashboards" / "live_page" / "static" / "words"
NOW = "document.querySelector('.plan .now')?.dataset.step === '{}'"
EVERY_TEXT = """() => [document.title, document.body.innerText, ...[...document.querySelectorAll('*')].flatMap(
    node => ['aria-label', 'title', 'placeholder', 'aria-valuetext'].map(name => node.getAttribute(name) ?? '')),
    ...[...document.querySelectorAll('.away, svg text')].map(node => node.textContent)].join('\\n')"""
GERMAN_TOO = {"session", "protokoll"}
"""Short words of the English catalogue that are German ones, too."""
STAGE = "document.querySelector('.led')?.dataset.stage === '{}'"


@pytest.fixture
def session() -> Iterator[LedSession]:
    with LedSession("hip-check") as led:
        led.calibrate()
        yield led


def begin(page: Page, session: LedSession) -> None:
    """The hip check has begun, and the first standing was skipped."""
    until(page, "document.body.dataset.mode === 'hipcheck'")
    page.click('[data-action="hipcheck-start"]')
    until(page, NOW.format("stand"))
    page.keyboard.press("k")
    until(page, NOW.format("bends"))


def test_the_flags_come_first_and_then_one_step_after_the_other(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address)
    until(page, "document.body.dataset.mode === 'hipcheck'")
    assert page.inner_text("h1") == "Hip check"
    assert page.locator(".flags li").count() == 7
    assert session.guide.document() is None
    begin(page, session)
    assert [m.label for m in session.said][:2] == ["protocol hip-check", "step stand begin stand 6s"]
    assert page.inner_text(".doing") == "Bend forward, knees straight"
    session.makes("bend", count=3)
    until(page, "document.querySelector('.made').textContent === '3'")
    assert page.inner_text(".wanted") == "of 4"
    assert page.inner_text(".next") == "Next: Left knee up"
    # what the athlete could steer by is not there
    assert page.locator("[data-value=lumbar_flexion], [data-value=hip_flexion]").count() == 0
    session.makes("bend")
    until(page, NOW.format("knee-left"))
    session.makes("knee_raise", "right")
    time.sleep(0.3)
    assert page.inner_text(".made") == "0"
    page.keyboard.press("b")
    until(page, NOW.format("bends"))
    page.keyboard.press("k")
    until(page, NOW.format("knee-left"))
    page.click('[data-action="step-skip"]')
    until(page, NOW.format("knee-right"))
    assert page.get_attribute('[data-step="knee-left"]', "data-step-state") == "skipped"
    page.click('[data-action="hipcheck-stop"]')
    until(page, STAGE.format("result"))
    assert session.said[-1].label == "protocol hip-check left"
    assert not session.stopped.is_set()


def test_pain_stops_it_big(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address)
    begin(page, session)
    page.click('[data-action="pain-2"]')
    until(page, "document.querySelector('[data-action=pain-2]').getAttribute('aria-pressed') === 'true'")
    assert page.get_attribute(".led", "data-stage") == "running"
    page.click('[data-action="pain-5"]')
    until(page, STAGE.format("stopped"))
    alert = page.locator("[role=alert] h2")
    assert alert.inner_text() == "Stopped: pain 5"
    assert float(alert.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) >= 56
    assert [m.label for m in session.said][-2:] == ["step bends stopped", "protocol hip-check stopped pain 5"]
    page.click('[data-action="hipcheck-measured"]')
    until(page, STAGE.format("result"))


def test_a_result_and_its_retest(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address)
    begin(page, session)
    session.makes("bend", count=4, lumbar_share_of_trunk=0.82)
    until(page, NOW.format("knee-left"))
    session.makes("knee_raise", "left", 4, hip_left_peak_deg=70.0, hip_left_apparent_peak_deg=90.0)
    until(page, NOW.format("knee-right"))
    session.makes("knee_raise", "right", 4, hip_right_peak_deg=108.0, hip_right_apparent_peak_deg=120.0)
    until(page, NOW.format("rock-back"))
    page.click('[data-action="hipcheck-stop"]')
    until(page, STAGE.format("result"))
    assert page.inner_text("h2.answer").strip()
    assert page.locator(".pictures svg[role=img]").count() == 3
    label = page.get_attribute(".pictures svg", "aria-label") or ""
    assert "Left 70°, Right 108°" in label
    # on a small tablet the pictures are still to be read
    page.set_viewport_size({"width": 1024, "height": 768})
    heights = "[...document.querySelectorAll('.pictures svg[role=img]')].map(svg => svg.getBoundingClientRect().height)"
    assert min(page.evaluate(heights)) >= 120.0
    page.keyboard.press("t")
    until(page, "document.body.dataset.mode === 'retest'")
    assert page.locator('.led-foot [data-action="retest"], .led-foot [data-action="mode-hipcheck"]').count() == 1
    after_the_end(page, session)


def after_the_end(page: Page, session: LedSession) -> None:
    """Every mode says that it is over and where it is kept; what is left to press leads to what is still shown."""
    folder = Path("/gym/2026-11-29 player <b>07</b>")
    session.page.keeps_in(folder)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    until(page, "document.body.dataset.state === 'ended'")
    for key, mode in zip("tqled", ("retest", "hipcheck", "lift", "setup", "desk"), strict=True):
        page.keyboard.press(key)
        until(page, f"document.body.dataset.mode === '{mode}'")
        alert = page.inner_text(".ended[role=alert]")
        assert "The session has ended." in alert
        assert f"{folder}/report.html" in alert
        assert f"hiphinge review '{folder}'" in alert
        actions = set(page.evaluate("[...document.querySelectorAll('button, input, summary')].map(n => n.dataset.action)"))
        assert actions <= {"mode-lift", "mode-desk", "mode-hipcheck"}, mode
        assert page.locator("main h1").count() == 1
        if mode == "hipcheck":
            assert page.inner_text("h2.answer").strip()


def test_a_viewer_can_only_see(session: LedSession, open_page: Open) -> None:
    operator, viewer = open_page(session.address), open_page(session.page.viewer)
    until(viewer, "document.body.dataset.mode === 'hipcheck'")
    assert viewer.locator('[data-action="hipcheck-start"]').count() == 0
    begin(operator, session)
    until(viewer, NOW.format("bends"))
    assert viewer.locator('[data-action^="pain-"], [data-action^="step-"], [data-action="hipcheck-stop"]').count() == 0


def test_german_reads_german(session: LedSession, open_page: Open) -> None:
    """Every text of the German page, in every mode and stage, and after the end: none is one of the English catalogue."""
    english = json.loads((WORDS / "en.json").read_text("utf-8"))
    german = json.loads((WORDS / "de.json").read_text("utf-8"))
    assert english.keys() == german.keys()
    page = open_page(session.address, lang="de-DE")
    seen: dict[str, str] = {}

    def look(where: str) -> None:
        page.wait_for_timeout(60)
        seen[where] = page.evaluate(EVERY_TEXT)

    def modes(where: str) -> None:
        for key in "ldetq":
            page.keyboard.press(key)
            look(f"{where}, {key}")

    until(page, "document.body.dataset.mode === 'hipcheck'")
    session.page.keeps_in(Path("/gym/s"))
    modes("ready")
    begin(page, session)
    page.keyboard.press("d")
    page.fill('[data-input="target-lumbar_flexion"]', "35")
    page.press('[data-input="target-lumbar_flexion"]', "Enter")
    session.find("pelvis", Cause.OFF_BODY)
    session.slipped = {"lumbar"}
    session.repetition(50, "squat", 0.3)
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    look("asked to stop")
    page.keyboard.press("Escape")
    modes("running")
    page.click('[data-action="pain-8"]')
    until(page, STAGE.format("stopped"))
    page.click('[data-action="hipcheck-measured"]', timeout=30_000)
    modes("stopped")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    until(page, "document.body.dataset.state === 'ended'")
    modes("ended")
    for key, words in english.items():
        plain = re.sub(r"\{\w+\}", "", words).strip(" :;,.")
        if german[key] == words or len(plain) < 5 or plain.lower() in GERMAN_TOO:
            continue
        told = re.compile(r"(?<![\w-])" + r"[^\n]{0,40}".join(map(re.escape, re.split(r"\{\w+\}", words))) + r"(?![\w-])")
        for where, text in seen.items():
            assert not told.search(text), (where, key)


def sticks_out(page: Page) -> list[str]:
    """What a person would have to scroll sideways for, the tables apart, which scroll in themselves."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, p, li, button, svg, th, .card')]
            .filter(node => !node.closest('.scroll, .away') && node.getBoundingClientRect().width > 0)
            .filter(node => node.getBoundingClientRect().right > innerWidth + 0.5 || node.getBoundingClientRect().left < -0.5)
            .map(node => `${node.tagName} ${node.textContent}`)"""
    )
    return found + ([] if page.evaluate("document.documentElement.scrollWidth <= innerWidth") else ["the page"])


AT_200_PERCENT = (TABLET[0] // 2, TABLET[1] // 2)


@pytest.mark.parametrize(("size", "lang"), [(PHONE, "en-GB"), (PHONE, "de-DE"), (AT_200_PERCENT, "de-DE")])
def test_on_a_phone_and_at_200_percent_every_mode_fits(open_page: Open, size: tuple[int, int], lang: str) -> None:
    with LedSession("hip-check", pose=BENT) as session:
        session.calibrate()
        page = open_page(session.address, size, lang=lang)
        until(page, "document.querySelectorAll('.flags li').length === 7")
        # what rules the check out is seen before anything is scrolled
        if size == PHONE:
            assert page.evaluate("document.querySelector('.flags li:last-child').getBoundingClientRect().bottom") <= PHONE[1]
        assert sticks_out(page) == []
        for index in range(3):
            session.repetition(index)
        for key, mode in zip("tde", ("retest", "desk", "setup"), strict=True):
            page.keyboard.press(key)
            until(page, f"document.body.dataset.mode === '{mode}'")
            if mode == "desk":
                until(page, "document.querySelectorAll('[data-repetition]').length === 4")
                heights = page.evaluate("[...document.querySelectorAll('.repetitions thead th')].map(th => th.offsetHeight)")
                assert max(heights) <= 34
            assert sticks_out(page) == [], mode


def test_buttons_are_large_enough_and_nothing_sticks_out(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address)
    begin(page, session)
    for stage in ("running", "stopped"):
        for size in (TABLET, MONITOR, PHONE):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            if stage == "running":
                page.reload()
            until(page, STAGE.format(stage))
            small = page.evaluate(
                """() => [...document.querySelectorAll('.led button')].map(b => [b.dataset.action, b.getBoundingClientRect()])
                    .filter(([, r]) => r.width > 0 && (r.height < 64 || r.width < 64)).map(([name]) => name)"""
            )
            assert small == [], size
            assert sticks_out(page) == [], size
            if stage == "running" and size != PHONE:
                bottom = page.evaluate("document.querySelector('[data-action=hipcheck-stop]').getBoundingClientRect().bottom")
                assert bottom <= size[1]
        if stage == "running":
            page.click('[data-action="pain-9"]')
            until(page, STAGE.format("stopped"))


def test_axe_finds_nothing_serious_by_day_and_by_night(session: LedSession, open_page: Open) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(session.address)

    def clean(where: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(200)
            found = Axe().run(page).response["violations"]
            assert [
                (v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")
            ] == [], (where, scheme)

    until(page, "document.body.dataset.mode === 'hipcheck'")
    clean("ready")
    begin(page, session)
    clean("running")
    page.click('[data-action="hipcheck-stop"]')
    until(page, STAGE.format("result"))
    clean("result")
    page.keyboard.press("t")
    clean("retest")


@pytest.mark.slow
def test_the_simulated_athlete_does_the_hip_check_from_the_page(tmp_path: Path, open_page: Open) -> None:
    folder = tmp_path / "session"
    command = [sys.executable, "-m", "hiphinge", "demo", "--protocol", "hip-check", "--out", str(folder)]
    with subprocess.Popen(
        [*command, "--speed", "6", "--json", "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            assert demo.stdin is not None
            page = open_page(json.loads(demo.stdout.readline())["page"])
            until(page, "document.querySelector('[data-action=hipcheck-start]') !== null", seconds=30.0)
            page.click('[data-action="hipcheck-start"]')
            if "hip_extension" not in KIND_OF_TEST:
                for edge in ("edge-left", "edge-right"):
                    until(page, NOW.format(edge), seconds=120.0)
                    page.click('[data-action="step-skip"]')
            until(page, NOW.format("painful"), seconds=180.0)
            page.click('[data-action="pain-3"]')
            until(page, STAGE.format("result"), seconds=120.0)
            assert page.locator(".pictures svg[role=img]").count() == 3
            assert page.inner_text("h2.answer").strip()
            page.click('[data-action="report"]')
            page.click('[data-action="stop-confirm"]')
            until(page, "document.body.dataset.state === 'ended'", seconds=20.0)
            demo.communicate(timeout=120)
            assert demo.returncode == 0
        finally:
            demo.kill()
    for estimator in ("live", "review"):
        summary = json.loads((folder / estimator / "summary.json").read_text())
        protocol = summary["protocol"]
        assert protocol["outcome"] == "done"
        assert protocol["ended_s"] - protocol["begun_s"] < 240.0
        asked = [step for step in protocol["steps"] if step["wanted"] and step["outcome"] == "end"]
        assert sum(min(step["valid"], step["wanted"]) for step in asked) >= 0.95 * sum(step["wanted"] for step in asked)
        assert summary["screen"]["side"] == "left"
    assert (folder / "report.html").is_file()


def test_drift_is_heard_once_a_set_has_moved(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address, MONITOR)
    until(page, "document.body.dataset.mode === 'hipcheck'")
    page.keyboard.press("d")
    page.click('[data-action="sound-drift"]')
    assert page.evaluate("document.body.dataset.sound") == "drift"
    page.evaluate(
        """() => { window.tones = []; new MutationObserver(() => window.tones.push(document.body.dataset.tone))
            .observe(document.body, { attributes: true, attributeFilter: ['data-tone'] }); }"""
    )
    for index, lumbar in enumerate((40.0, 41.0, 42.0, 44.0)):
        session.repetition(index, lumbar_rom_deg=lumbar)
    until(page, "document.querySelector('[data-repetition=\"4\"]') !== null")
    page.wait_for_timeout(300)
    assert "tone" not in page.evaluate("window.tones")
    session.repetition(4, lumbar_rom_deg=55.0)
    until(page, "window.tones.includes('tone')")
    until(page, "document.body.dataset.tone === 'silent'")


def test_other_protocols_are_chosen_led_and_listed(session: LedSession, open_page: Open) -> None:
    page = open_page(session.address)
    until(page, "document.body.dataset.mode === 'hipcheck'")
    page.click(".others summary")
    page.click('[data-action="hipcheck-choose"][data-protocol="hip-rotation"]')
    assert page.inner_text("h1") == "Seated hip rotation"
    page.click('[data-action="hipcheck-start"]')
    page.click('[data-action="step-start"]')
    until(page, "document.querySelector('.made')?.textContent === '0'")
    session.swings("left", 30.0, -40.0, 31.0, -41.0)
    until(page, "document.querySelector('.made').textContent === '4'")
    session.swings("left", 32.0, -42.0)
    until(page, NOW.format("rotation-right"))
    page.click('[data-action="step-skip"]')
    until(page, STAGE.format("result"))
    done = page.inner_text(".done-list")
    assert "Hip rotation left first way 31°, other way 41°" in done
    assert page.locator(".pictures svg").count() == 0


def test_a_session_that_retests_another_says_so_at_once(open_page: Open) -> None:
    with LedSession("retest") as session:
        session.calibrate()
        key = ("bend", "", "late_rise")
        before = Occasion("before", None, "before", {key: Value(0.127)})
        again = retest_document(key, before)
        session.page.offers(session.guide.known.values(), "retest", again)
        page = open_page(session.address)
        until(page, "document.body.dataset.mode === 'retest'")
        until(page, "document.querySelector('[data-value=before]')?.textContent === '+13\u00a0points'")
        page.click('[data-action="retest"]')
        until(page, NOW.format("stand"))
        assert [m.label for m in session.said][:1] == ["protocol retest"]
