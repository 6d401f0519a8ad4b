"""The review page in a real browser: what it shows, what edits.toml then says, and that the report agrees."""

from __future__ import annotations

import json
import math
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards.live_page.server import STATIC as LIVE_STATIC
from dashboards.review_page.server import STATIC
from dashboards.tables import read_angles, read_repetitions, read_summary
from tests.contract.command_line import done
from tests.dashboards.review_page.served import ATHLETE, Served, served
from tests.dashboards.windows import Windows

playwright = pytest.importorskip("playwright.sync_api")
DESK = (1440, 900)
ODD_NAME = "mor<img>ning & 50% #1?"
HOSTILE = '<img src=x onerror="document.title=1">&amp;'


@pytest.fixture
def evening(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "evening"))


@pytest.fixture
def page(evening: Path) -> Iterator[Served]:
    with served(evening) as page:
        yield page


Look = Callable[..., Any]


@pytest.fixture
def look(windows: Windows) -> Iterator[Look]:
    """Opens the page in a window of its own; at the end nothing may have gone wrong in it, nor asked anything elsewhere."""
    shown: list[Served] = []

    def opened(page: Served, state: str = "open", *, lang: str = "en-GB") -> Any:
        window = windows.take(DESK, locale=lang).page
        window.set_default_timeout(15_000)
        shown.append(page)
        window.goto(page.address)
        window.wait_for_selector(f"body[data-state={state}]")
        return window

    yield opened
    for page, seen in zip(shown, windows.leave(), strict=True):
        assert not seen.faults
        assert all(url.startswith(page.origin + "/") for url in seen.asked)
        assert not any(page.token in url for url in seen.asked)


def edits(folder: Path) -> dict[str, Any]:
    path = folder / "edits.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def time_of(window: Any) -> float:
    window.wait_for_selector("body[data-time]")
    return float(window.get_attribute("body", "data-time"))


def at(window: Any, time_s: float) -> None:
    window.wait_for_function("t => document.body.dataset.time === t", arg=f"{time_s:.3f}")


def test_an_evening_is_looked_at_compared_and_corrected(evening: Path, page: Served, look: Look) -> None:
    window = look(page)
    assert window.url == page.origin + "/"
    (cookie,) = window.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (f"hiphinge_{page.server.port}", True, "Strict")
    table = read_repetitions(evening, "review").to_pylist()
    assert window.inner_text("#who") == ATHLETE
    assert window.locator("[data-repetition]").count() == len(table)

    # scrub: what is shown is what the table holds at that time
    angles = read_angles(evening, "review")
    window.fill("[data-input=time]", "36.5")
    at(window, 36.5)
    i = int(np.searchsorted(angles["time_s"].to_numpy(), 36.4999))
    for name in ("lumbar_flexion", "hip_left_flexion", "hip_right_flexion"):
        value, sd = angles[f"{name}_deg"][i].as_py(), angles[f"{name}_sd_deg"][i].as_py()
        assert window.inner_text(f"[data-value={name}] .number") == f"{value:.0f}°".replace("-", "−")
        assert window.inner_text(f"[data-value={name}] .sd") == f"\u00a0±\u00a0{math.ceil(sd)}°".strip() or sd
    # jump to a repetition, to the next one, by one tick
    window.click('[data-repetition="3"] .kind')
    at(window, table[2]["turn_s"])
    window.keyboard.press("ArrowRight")
    at(window, table[3]["turn_s"])
    assert window.get_attribute('[data-repetition="4"]', "aria-selected") == "true"
    window.keyboard.press("Shift+ArrowLeft")
    at(window, table[3]["turn_s"] - 0.01)
    # play
    begin = time_of(window)
    window.keyboard.press(" ")
    window.wait_for_function("t => Number(document.body.dataset.time) > t", arg=begin + 0.3)
    window.keyboard.press(" ")
    stopped = time_of(window)
    window.wait_for_timeout(200)
    assert time_of(window) == stopped

    # two sets over each other
    sets = read_summary(evening, "review")["sets"]
    window.click('[data-set="2"] [data-action=set-b]')
    window.click('[data-set="1"] [data-action=set-a]')
    window.wait_for_selector("svg.loops .middle.a")
    window.wait_for_selector("svg.loops .middle.b")
    cells = window.locator("[data-measure=lumbar] td")
    medians = [one["metrics"]["lumbar_rom_deg"] for one in sets[:2]]
    for cell, found in zip(cells.all(), medians, strict=False):
        assert cell.inner_text() == f"{found['median']:.0f}\u00a0±\u00a0{math.ceil(found['spread'] - 1e-3)}°"
    difference = medians[1]["median"] - medians[0]["median"]
    assert cells.nth(2).inner_text().startswith(f"{difference:+.0f}".replace("-", "−"))

    # a kind by its key, a repetition that was none
    window.click('[data-repetition="1"] .kind')
    window.keyboard.press("Q")
    window.wait_for_selector('[data-repetition="1"][data-kind=squat]')
    assert "corrected" in window.inner_text('[data-repetition="1"]')
    window.keyboard.press("ArrowRight")
    window.keyboard.press("X")
    window.wait_for_selector('[data-repetition="2"][data-deleted]')
    middle = [round(0.5 * (row["start_s"] + row["end_s"]), 3) for row in table]
    assert edits(evening) == {"repetition": [{"at_s": middle[0], "movement": "squat"}, {"at_s": middle[1], "deleted": True}]}
    done("report", evening, cwd=evening)
    report = (evening / "report.html").read_text()
    count = sum(row["movement"] == "squat" for row in table) + 1
    assert f"squat\xa0×\xa0{count}" in report
    assert window.locator("[data-repetition][data-kind=squat]").count() == count
    assert f"{len(table) - 1} repetitions" in window.inner_text("#when")

    # a mark is said, moved, and the move is taken back
    window.fill("[data-input=time]", "20")
    at(window, 20.0)
    window.keyboard.press("Escape")
    window.locator("[data-input=time]").blur()
    window.keyboard.press("M")
    window.keyboard.type("new belt")
    window.keyboard.press("Enter")
    window.wait_for_selector('[data-mark="new belt"][data-time-s="20.000"]')
    assert edits(evening)["mark"] == [{"time_s": 20.0, "label": "new belt"}]
    window.fill("[data-input=time]", "22.5")
    at(window, 22.5)
    window.click('[data-mark="new belt"] [data-action=move-mark]')
    window.wait_for_selector('[data-mark="new belt"][data-time-s="22.500"]')
    assert edits(evening)["mark"] == [{"time_s": 22.5, "label": "new belt"}]
    window.locator("[data-input=time]").blur()
    window.keyboard.press("u")
    window.wait_for_selector('[data-mark="new belt"][data-time-s="20.000"]')
    # names of all kinds are text
    window.fill("[data-input=note]", HOSTILE)
    window.click("[data-action=note]")
    window.wait_for_selector(f"[data-mark='note {HOSTILE}']")
    assert HOSTILE in window.inner_text(".marks")
    assert window.locator(".marks img").count() == 0
    window.select_option("[data-input=pain]", "4")
    window.click("[data-action=pain]")
    window.wait_for_selector('[data-mark="pain 4"]')
    # all of it once more after the page is loaded anew
    window.reload()
    window.wait_for_selector("body[data-state=open]")
    assert window.locator("[data-repetition][data-deleted]").count() == 1
    while page.reviewing.work()["report"]:
        window.wait_for_timeout(50)
    said = {one["label"] for one in json.loads(done("mark", evening, "--json", cwd=evening).stdout)["all"]}
    assert {"new belt", f"note {HOSTILE}", "pain 4"} <= said


def serious(window: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(window).response["violations"]
    return [
        f"{v['id']}: {node['target']}: {node.get('failureSummary', '')}"
        for v in found
        for node in v["nodes"]
        if v["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious_and_nothing_is_cut_off_at_twice_the_size(evening: Path, page: Served, look: Look) -> None:
    (evening / "edits.toml").write_text('[[note]]\ntime_s = 12.0\ntext = "cold"\n[[repetition]]\nat_s = 28.0\ndeleted = true\n')
    window = look(page)

    def clean(where: str) -> None:
        for scheme in ("light", "dark"):
            window.emulate_media(color_scheme=scheme)
            window.wait_for_timeout(200)
            assert serious(window) == [], (where, scheme)

    window.click('[data-repetition="3"] .kind')
    window.wait_for_selector(".panel:not([hidden])")
    clean("on a desk")
    window.set_viewport_size({"width": 720, "height": 450})
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    clean("at twice the size")
    window.click("[data-action=sessions]")
    window.wait_for_selector("body[data-state=sessions]")
    clean("the list")


def test_everything_is_reached_by_keyboard(page: Served, look: Look) -> None:
    window = look(page)
    reached = set()
    for _ in range(160):
        window.keyboard.press("Tab")
        reached.add(window.evaluate("document.activeElement.dataset.action ?? document.activeElement.dataset.input ?? ''"))
    offered = set(
        window.evaluate(
            """[...document.querySelectorAll('button:not(:disabled), a, input, select:not(:disabled)')]
            .filter((node) => node.checkVisibility()).map((node) => node.dataset.action ?? node.dataset.input)"""
        )
    )
    assert offered <= reached, offered - reached


def catalogue(lang: str) -> dict[str, str]:
    """All words of the page: those that it shares with the live page, and its own."""
    shared, own = (json.loads((folder / "words" / f"{lang}.json").read_text("utf-8")) for folder in (LIVE_STATIC, STATIC))
    assert not set(shared) & set(own)
    return {**shared, **own}


def test_the_german_page_has_no_english_word_that_has_a_german_one(page: Served, look: Look) -> None:
    english, german = (catalogue(lang) for lang in ("en", "de"))
    assert list(english) == list(german)
    for key in english:
        assert set(re.findall(r"\{\w+\}", english[key])) == set(re.findall(r"\{\w+\}", german[key])), key
    window = look(page, lang="de-DE")
    assert window.get_attribute("html", "lang") == "de"
    window.click('[data-repetition="3"] .kind')
    window.wait_for_selector(".panel:not([hidden])")
    shown = window.evaluate(
        """() => {
        const found = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const text = walk.currentNode;
            if (!text.parentElement.closest('[lang=en], script, noscript')) found.push(text.data.trim());
        }
        for (const node of document.querySelectorAll('[aria-label], [placeholder], title'))
            found.push(node.getAttribute('aria-label') ?? '', node.getAttribute('placeholder') ?? '');
        return found.filter(Boolean);
    }"""
    )
    assert len(shown) > 100
    only_english = {text for key, text in english.items() if text not in german.values() and german[key] != text}
    assert not only_english & set(shown)
    window.keyboard.press("K")
    window.wait_for_selector('[data-repetition="3"][data-kind=knee_raise]')
    assert "Knieheben" in window.inner_text('[data-repetition="3"]')
    assert re.search(r"\d,\d ± \d,\d s", window.inner_text("[data-measure=descent]").replace("\u00a0", " "))


def test_without_the_key_the_page_shows_nothing_of_a_session(page: Served, windows: Windows) -> None:
    window = windows.take(DESK, locale="en-GB").page
    for address in (page.origin, f"{page.origin}/#wrong"):
        window.goto("about:blank")
        window.goto(address)
        window.wait_for_selector("body[data-state=refused]")
        assert ATHLETE not in window.content()


def test_when_the_program_has_gone_the_page_says_so(page: Served, look: Look) -> None:
    window = look(page)
    page.server.stop()
    window.wait_for_selector("body[data-state=lost]")
    assert "nothing can be kept" in window.inner_text("#said")


def test_close_asks_once_and_ends_the_program(page: Served, look: Look) -> None:
    window = look(page)
    window.click("[data-action=stop]")
    assert window.evaluate("document.activeElement.dataset.action") == "stop-confirm"
    assert not page.reviewing.wait(0)
    window.keyboard.press("Enter")
    window.wait_for_selector("body[data-state=ended]")
    assert page.reviewing.wait(5.0)


def test_two_sessions_are_laid_over_each_other_and_one_without_results_says_why(evening: Path, look: Look) -> None:
    shutil.copytree(evening, evening.parent / ODD_NAME)
    (evening.parent / "empty").mkdir()
    shutil.copy(evening / "session.toml", evening.parent / "empty")
    shutil.copy(evening / "recording.mcap", evening.parent / "empty")
    with served(evening.parent) as page:
        window = look(page, state="sessions")
        assert window.inner_text("[data-athlete] h2") == ATHLETE
        assert "hiphinge mark" in window.inner_text('[data-session="empty"]')
        assert ODD_NAME in window.inner_text(".list")
        assert window.locator(".list img").count() == 0
        window.click('[data-session="evening"] [data-action=open]')
        window.wait_for_selector("body[data-state=open]")
        window.select_option("[data-input=session-b]", ODD_NAME)
        # the same numbers, so no difference
        difference = window.locator("[data-measure=lumbar] td").nth(2)
        playwright.expect(difference).to_have_text(re.compile(r"^0\s±\s\d+°$"))
        assert window.input_value("[data-input=session-b]") == ODD_NAME
        assert window.input_value("[data-input=set-b]") == window.input_value("[data-input=set-a]")


def test_a_calibration_taken_away_computes_anew_and_undo_brings_all_back(page: Served, look: Look) -> None:
    window = look(page)
    count = window.locator("[data-repetition]").count()
    window.click("[data-mark=calibrate] [data-action=remove-mark]")
    window.wait_for_function("() => document.querySelectorAll('[data-repetition]').length === 0", timeout=60_000)
    window.wait_for_selector("body[data-state=open]")
    assert window.inner_text("[data-value=lumbar_flexion] .number") == "–"
    assert "No repetitions" in window.inner_text(".repetitions")
    window.keyboard.press("u")
    window.wait_for_function("n => document.querySelectorAll('[data-repetition]').length === n", arg=count, timeout=60_000)


def test_corrections_in_a_row_are_all_kept_and_the_focus_stays(evening: Path, page: Served, look: Look) -> None:
    window = look(page)
    window.focus('[data-repetition="1"] button')
    window.keyboard.press("Enter")
    for letter in ("D", "ArrowRight", "H", "ArrowRight", "X", "ArrowRight", "K"):
        window.keyboard.press(letter)
    window.wait_for_selector('[data-repetition="4"][data-kind=knee_raise]')
    said = [one.get("movement", "deleted") for one in edits(evening)["repetition"]]
    assert said == ["deadlift", "hinge", "deleted", "knee_raise"]
    assert window.evaluate("document.activeElement.closest('tr').dataset.repetition") == "1"
