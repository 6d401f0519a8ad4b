"""The live page can be read: from 2 m, in German, with hostile names, by keyboard alone, by a screen reader, enlarged."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from body_signals import Cause, Quality, movements
from body_signals.limits import limits_with
from dsp.progress import Heard, Stage
from tests.dashboards.live_page.conftest import MONITOR, PHONE, TABLET, Open, until
from tests.dashboards.live_page.scripted_session import BENT, ScriptedSession

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORDS = Path(__file__).parents[4] / "dashboards" / "live_page" / "static" / "words"
PX_PER_MM = 5.94
"""A 10-inch tablet of 1280 × 800."""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"> & <b>bold</b> ‮'\";--"
WIDEST = {**BENT, "lumbar_flexion": -12.0, "hip_left_flexion": 118.0, "hip_right_flexion": 118.0}


@pytest.fixture
def session() -> Iterator[ScriptedSession]:
    with ScriptedSession(start_s=748.0, pose=BENT) as scripted:
        scripted.calibrate()
        yield scripted


def streaming(page: Page) -> None:
    until(page, "document.body.dataset.state === 'streaming'")


def ink_heights(page: Page, selector: str) -> list[float]:
    """Height in mm of the ink of each element that is shown, of digits and capitals: from the pixels of a screenshot."""
    from PIL import Image

    found = []
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L")).astype(int)
    boxes = page.evaluate(
        """selector => [...document.querySelectorAll(selector)].filter(n => n.checkVisibility({opacityProperty: true}))
            .map(n => { const range = document.createRange(); range.selectNodeContents(n);
            const r = range.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })""",
        selector,
    )
    for left, top, right, bottom in boxes:
        part = picture[max(int(top), 0) : int(bottom) + 1, max(int(left), 0) : int(right) + 1]
        ground = np.median(part)
        rows = np.flatnonzero((np.abs(part - ground) > 100).any(axis=1))
        found.append((rows[-1] - rows[0] + 1) / PX_PER_MM)
    return found


def letters(page: Page) -> list[tuple[str, float]]:
    """Every text that is shown, and the height of a capital in it, mm."""
    measured: list[tuple[str, float]] = page.evaluate(
        """perMm => {
            const found = [];
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const context = document.createElement('canvas').getContext('2d');
            for (let node = walk.nextNode(); node; node = walk.nextNode()) {
                const element = node.parentElement;
                if (!node.data.trim() || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
                const range = document.createRange(); range.selectNodeContents(node);
                const box = range.getBoundingClientRect();
                if (box.width < 2 || element.closest('.away') || /^°$/.test(node.data)) continue;
                const style = getComputedStyle(element);
                context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
                found.push([node.data, context.measureText('H').actualBoundingBoxAscent / perMm]);
            }
            return found;
        }""",
        PX_PER_MM,
    )
    return measured


def overlaps(page: Page) -> list[Any]:
    """Texts of Lift that stand over each other or over the edge."""
    found: list[Any] = page.evaluate(
        """() => {
            const texts = '.lift h2 span, .lift [data-value], .lift .mute, .lift .said, .lift .since';
            const boxes = [...document.querySelectorAll(texts)]
                .filter(n => n.checkVisibility({opacityProperty: true}) && n.textContent.trim())
                .map(n => {
                    const range = document.createRange();
                    range.selectNodeContents(n);
                    const {left, right, top, bottom, height} = range.getBoundingClientRect();
                    return {text: n.textContent, left, right, top: top + 0.2 * height, bottom: bottom - 0.2 * height};
                });
            const out = b => b.left < 0 || b.right > innerWidth || b.top < 0 || b.bottom > innerHeight;
            const meet = (a, b) => a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom && b.top < a.bottom;
            const bad = boxes.filter(out).map(b => [b.text, 'edge']);
            boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => { if (meet(a, b)) bad.push([a.text, b.text]); }));
            return bad;
        }"""
    )
    return found


@pytest.mark.parametrize("lang", ["en-GB", "de-DE"])
def test_letters_of_lift_are_as_high_as_two_metres_ask(session: ScriptedSession, open_page: Open, lang: str) -> None:
    session.pose = WIDEST
    for index in range(12):
        session.repetition(index)
    page = open_page(session.address, TABLET, lang=lang)
    streaming(page)
    until(page, "document.querySelector('[data-value=repetition_count]').textContent === '12'")
    page.wait_for_timeout(200)
    assert min(ink_heights(page, ".number")) >= 25.0
    assert min(height for _, height in letters(page)) >= 13.0
    assert overlaps(page) == []
    assert page.inner_text('[data-value="lumbar_flexion"]') == "−12°"
    session.quality = int(Quality.LOW_CONFIDENCE)
    until(page, "document.querySelector('.doubt:not([hidden])') !== null")
    assert overlaps(page) == []
    session.quality = 0
    for change in (
        lambda: session.lose("thigh_right"),
        lambda: session.find("thigh_right", Cause.OFF_BODY),
        lambda: session.held.set(),
    ):
        change()
        page.wait_for_timeout(700)
        assert min(height for _, height in letters(page)) >= 13.0
        assert overlaps(page) == []


@pytest.mark.parametrize("lang", ["en-GB", "de-DE"])
def test_a_calibration_can_be_read_from_two_metres(open_page: Open, lang: str) -> None:
    with ScriptedSession() as session:
        page = open_page(session.address, TABLET, lang=lang)
        for made in ((0, 0, 0), (3, 0, 0), (3, 2, 1)):
            session.movements(*made)
            until(page, "document.body.dataset.state === 'calibrating'")
            page.wait_for_timeout(300)
            assert min(height for _, height in letters(page)) >= 13.0
            assert overlaps(page) == []
            box = page.locator(".lift .instruction").bounding_box()
            of = page.locator(".lift .calibrating .of").bounding_box()
            assert box is not None
            assert of is not None
            assert box["x"] + box["width"] <= 1280
            assert box["y"] + box["height"] <= of["y"] + 10


def _degrees(value: float) -> str:
    return f"{value:.0f}°".replace("-", "−")


def test_the_share_is_that_of_the_two_numbers_above_it(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address)
    streaming(page)
    share = "document.querySelector('[data-value=lumbar_share_now]').textContent === '{}'"
    for lumbar, hip, shown in ((48.0, 34.0, "59\u00a0%"), (4.0, 5.0, "–"), (-8.0, 40.0, "–"), (10.0, 62.0, "14\u00a0%")):
        session.pose = {**BENT, "lumbar_flexion": lumbar, "hip_left_flexion": hip, "hip_right_flexion": hip}
        until(page, share.format(shown))
        until(page, "text => document.querySelector('[data-value=lumbar_flexion]').textContent === text", _degrees(lumbar))
    # the whole word, also after a wider number, and air between it and a number of two digits
    session.pose = {**BENT, "lumbar_flexion": 48.0}
    until(page, "document.querySelector('[data-value=lumbar_flexion]').textContent === '48°'")
    page.wait_for_timeout(100)
    assert page.locator(".head .full").first.is_visible()
    gap = page.evaluate(
        """() => {
            const [word, number] = document.querySelector('.head').children;
            return number.getBoundingClientRect().left - word.querySelector('.full').getBoundingClientRect().right;
        }"""
    )
    assert gap >= 16.0


def test_both_catalogues_have_the_same_words() -> None:
    english, german = (json.loads((WORDS / f"{lang}.json").read_text()) for lang in ("en", "de"))
    assert list(english) == list(german)
    for key, text in english.items():
        assert set(_names(text)) == set(_names(german[key])), key
    forbidden = ("safe", "dangerous", "abnormal", "faulty", "injury", "gefährlich", "normal", "verletzung")
    for text in (*english.values(), *german.values()):
        assert not [word for word in forbidden if word in text.lower().split()], text


def test_the_page_names_all_of_its_modules_so_that_they_come_at_once() -> None:
    static = WORDS.parent
    modules = {f"/static/{path.relative_to(static).as_posix()}" for path in static.rglob("*.js")} - {"/static/main.js"}
    assert set(re.findall(r'modulepreload" href="([^"]+)"', (static / "index.html").read_text())) == modules


def test_the_published_band_is_the_one_of_the_limits() -> None:
    found = re.search(r"PUBLISHED_BEND = \[(\d+), (\d+)\]", (WORDS.parent / "desk" / "repetition_table.js").read_text())
    assert found is not None
    assert [int(n) / 100 for n in found.groups()] == [
        limits_with({})[name].value for name in movements.BEND.published_share or ()
    ]


def _names(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def test_no_english_stands_on_the_german_page(session: ScriptedSession, open_page: Open) -> None:
    english, german = (json.loads((WORDS / f"{lang}.json").read_text()) for lang in ("en", "de"))
    translated = {text for key, text in english.items() if german[key] != text} - set(german.values())
    page = open_page(session.address, MONITOR, lang="de-AT")
    streaming(page)
    assert page.evaluate("document.documentElement.lang") == "de"
    session.repetition(0)
    session.repetition(1, "knee_raise", 0.3)
    seen: set[str] = set()

    def walk() -> None:
        page.wait_for_timeout(250)
        seen.update(
            page.evaluate(
                """() => {
                    const said = [];
                    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                    for (let node = walk.nextNode(); node; node = walk.nextNode()) said.push(node.data.trim());
                    for (const node of document.querySelectorAll('*')) {
                        const names = ['aria-label', 'title', 'placeholder', 'alt'];
                        said.push(...names.map(name => node.getAttribute(name) ?? ''));
                    }
                    return said.filter(Boolean);
                }"""
            )
        )

    for mode in "lde":
        page.keyboard.press(mode)
        walk()
    page.keyboard.press("d")
    page.keyboard.press("4")
    page.keyboard.press(" ")
    page.keyboard.press("Escape")
    walk()
    page.keyboard.press("Escape")
    for sound in ("speak", "target", "tempo"):
        page.click(f'[data-action="sound-{sound}"]')
        walk()
    session.lose("pelvis")
    session.find("thigh_left", Cause.OFF_BODY)
    walk()
    session.movements(2, 0, 0, heard=Heard("bend", 0, "too_shallow", (("lumbar", 20.0),), 1.0))
    page.keyboard.press("e")
    walk()
    session.calibrate(Stage.REFUSED, reasons=("moved by 14° instead of standing still; stand still",))
    walk()
    session.held.set()
    page.wait_for_timeout(400)
    walk()
    assert len(seen) > 120
    assert seen & translated == set()
    # decimals have a comma, a missing number is an en dash
    assert any("0,0\u00a0%" in text for text in seen)


def test_hostile_names_are_shown_as_they_are(open_page: Open) -> None:
    with ScriptedSession(athlete=HOSTILE) as session:
        session.calibrate()
        page = open_page(session.address, MONITOR)
        streaming(page)
        page.keyboard.press("d")
        page.fill('[data-input="note"]', HOSTILE)
        page.press('[data-input="note"]', "Enter")
        session._mark(HOSTILE)
        until(page, "document.querySelectorAll('.marks li').length === 2", seconds=3.0)
        for place in (".athlete", ".marks"):
            shown = page.text_content(place)
            assert shown is not None
            assert "<img src=x onerror=" in shown
            assert "<b>bold</b>" in shown
        assert page.query_selector("img, main b b, .athlete *") is None
        assert page.title() != "owned"


def test_everything_is_reached_by_the_keyboard(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, TABLET)
    streaming(page)
    for mode in "lde":
        page.keyboard.press(mode)
        page.wait_for_timeout(150)
        wanted = set(
            page.evaluate("[...document.querySelectorAll('button')].map(n => n.dataset.action + (n.dataset.viewer ?? ''))")
        )
        reached: set[str] = set()
        for _ in range(len(wanted) + 12):
            page.keyboard.press("Tab")
            at, ring, opacity = page.evaluate(
                """() => {
                    const n = document.activeElement;
                    const style = getComputedStyle(n);
                    let opacity = 1;
                    for (let p = n; p instanceof Element; p = p.parentElement) opacity *= getComputedStyle(p).opacity;
                    const name = (n.dataset.action ?? '') + (n.dataset.viewer ?? '');
                    return [name, style.outlineStyle + parseFloat(style.outlineWidth), opacity];
                }"""
            )
            if at:
                reached.add(at)
                assert ring == "solid3", at
                assert opacity == 1, at
        assert wanted <= reached, (mode, wanted - reached)
    # the whole way: to Desk, a pain, back
    page.keyboard.press("l")
    while page.evaluate("document.activeElement.dataset.action") != "mode-desk":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, "document.body.dataset.mode === 'desk'")
    while page.evaluate("document.activeElement.dataset.action") != "pain-6":
        page.keyboard.press("Tab")
    page.keyboard.press(" ")
    until(page, "document.querySelector('.marks').innerText.includes('pain 6')")


def test_a_touch_on_lift_shows_the_buttons_and_presses_none(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address, TABLET, has_touch=True)
    streaming(page)
    stop = page.locator('[data-action="stop"]').bounding_box()
    assert stop is not None
    assert stop["height"] >= 64
    page.touchscreen.tap(stop["x"] + 20, stop["y"] + 20)
    page.wait_for_timeout(150)
    assert page.query_selector("dialog") is None
    assert page.evaluate("getComputedStyle(document.querySelector('.controls')).opacity") == "1"
    page.touchscreen.tap(stop["x"] + 20, stop["y"] + 20)
    page.wait_for_selector("dialog")
    page.tap('[data-action="stop-cancel"]')
    pain = page.locator('[data-action="pain"]').bounding_box()
    assert pain is not None
    page.touchscreen.tap(pain["x"] + 20, pain["y"] + 20)
    page.wait_for_timeout(150)
    page.tap('[data-action="pain-7"]')
    page.wait_for_timeout(300)
    assert [(order.do, order.number) for order in session.heard] == [("pain", 7)]
    page.wait_for_timeout(5200)
    assert page.evaluate("getComputedStyle(document.querySelector('.controls')).opacity") == "0"


def test_axe_finds_nothing_serious_by_day_and_by_night(session: ScriptedSession, open_page: Open) -> None:
    from axe_playwright_python.sync_playwright import Axe

    session.repetition(0)
    session.repetition(1)
    page = open_page(session.address, MONITOR)
    streaming(page)
    page.keyboard.press("4")
    for mode in "lde":
        page.keyboard.press(mode)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(300)
            found = Axe().run(page).response["violations"]
            serious = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if v["impact"] in ("serious", "critical")]
            assert serious == [], (mode, scheme)


def test_an_enlarged_page_reflows(session: ScriptedSession, open_page: Open) -> None:
    """A monitor at 200 % has half of its pixels, and nothing has to be scrolled sideways."""
    session.repetition(0)
    page = open_page(session.address, PHONE)
    for size in (PHONE, (720, 450), (640, 400)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.reload()
        streaming(page)
        for mode in "lde":
            page.keyboard.press(mode)
            page.wait_for_timeout(150)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], (size, mode)
        page.keyboard.press("d")
        page.wait_for_timeout(150)
        assert page.is_visible('[data-action="stop"]')
        page.evaluate("scrollTo(0, 10000)")
        page.click('[data-action="stop"]')
        page.wait_for_selector("dialog")


def test_sensors_and_controls_are_above_the_fold_of_a_monitor(session: ScriptedSession, open_page: Open) -> None:
    for lang in ("en-GB", "de-DE"):
        page = open_page(session.address, MONITOR, lang=lang)
        streaming(page)
        page.keyboard.press("d")
        for name in (".sensors", ".settings"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 900, (lang, name)


def test_a_first_visit_loads_little_and_nothing_from_elsewhere(session: ScriptedSession, open_page: Open) -> None:
    page = open_page(session.address.partition("#")[0] + "healthz", fresh=True)
    loaded: list[tuple[str, int]] = []
    page.on("response", lambda answer: loaded.append((answer.url, len(answer.body()))) if answer.status == 200 else None)
    page.goto(session.address)
    streaming(page)
    page.wait_for_timeout(300)
    assert {url.split("/")[2] for url, _ in loaded} == {session.address.split("/")[2]}
    assert sum(size for _, size in loaded) <= 400_000
    assert all(session.address.partition("#")[2] not in url for url, _ in loaded)
