"""The report in a real browser: it fits its pages of A4 and narrow screens, and can be read by everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashboards.report import write_report
from tests.dashboards.report.pages import COURSE, HARD, hip_check, many_repetitions
from tests.dashboards.report.paper import pages_of, text_of
from tests.dashboards.synthetic_results import write_session
from tests.dashboards.windows import Windows

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
A4_PX = (794, 1123)
EACH_KIND = 36
"""Of `many_repetitions` the first set of each kind."""
PAGES = {"physio": 2, "athlete": 1}
HIDDEN = """() => [...document.querySelectorAll(".page")].map(page => {
  const box = page.getBoundingClientRect();
  const out = [...page.querySelectorAll("*")].filter(one => {
    const at = one.getBoundingClientRect();
    return at.width && (at.right > box.right + 1 || at.bottom > box.bottom + 1 || at.left < box.left - 1)
      && !one.closest("svg");
  }).map(one => one.outerHTML.slice(0, 120));
  return [page.scrollHeight - page.clientHeight, out];
})"""
"""For each page how far its content is too high, and what reaches out of it."""


@pytest.fixture
def page(windows: Windows) -> Page:
    """One page for all reports of a test: each new one would cost more than what it shows."""
    return windows.take(A4_PX).page


def shown(page: Page, html: Path, width: int, height: int, media: Any = "null") -> Page:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(media=media)
    page.goto(html.as_uri())
    return page


@pytest.mark.parametrize("make", [hip_check, write_session, *HARD], ids=lambda make: make.__name__)
def test_it_fits_its_pages_of_a4(page: Page, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    for audience, pages in PAGES.items():
        for language in ("en", "de"):
            for comparison in (None, COURSE):
                html = write_report(folder, tmp_path / "r.html", language=language, audience=audience, comparison=comparison)
                shown(page, html, *A4_PX, "print")
                assert page.evaluate(HIDDEN) == [[0, []]] * pages, (audience, language, comparison is not None)
        printed = shown(page, html, *A4_PX).pdf(prefer_css_page_size=True)
        assert pages_of(printed) == pages


def test_the_text_on_paper_can_be_selected(page: Page, tmp_path: Path) -> None:
    html = write_report(hip_check(tmp_path), tmp_path / "r.html", language="de")
    printed = shown(page, html, *A4_PX).pdf(prefer_css_page_size=True)
    said = text_of(printed).replace(" ", "").replace("\xa0", "")
    for words in ("DieHüftenendenzuerst,denRest", "player-07", "70°gegen105°", "WasdieHüftehergibt", "1von2"):
        assert words in said
    # small print of the screen stays there
    assert "JedeWiederholung" not in said


@pytest.mark.parametrize("make", [hip_check, many_repetitions])
def test_it_fits_with_the_weeks_before(page: Page, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    weeks = [{"monday": f"2026-11-{day:02d}", "median": 76.4, "days": 2} for day in (2, 9, 16, 23)]
    number = {"test": "rock_back", "measure": "excursion_deg", "unit": "deg", "now": 70.2, "beyond": "below", "weeks": weeks}
    number |= {"baseline": {"median": 76.0, "low": 70.9, "high": 81.2}, "days": weeks}
    history = {"numbers": [number | {"side": side} for side in ("left", "right", "left", "right", "left", "right")]}
    for language in ("en", "de"):
        shown(page, write_report(folder, tmp_path / "r.html", language=language, history=history), *A4_PX, "print")
        assert page.evaluate(HIDDEN) == [[0, []]] * 2, language


@pytest.mark.parametrize("width", [820, 500])
@pytest.mark.parametrize("audience", list(PAGES))
def test_it_is_accessible_and_fits_narrow_screens(page: Page, tmp_path: Path, width: int, audience: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    many = many_repetitions(tmp_path / "many")
    for folder in (hip_check(tmp_path / "checked"), many, many_repetitions(tmp_path / "each kind", EACH_KIND)):
        html = write_report(folder, tmp_path / "r.html", language="en", audience=audience, comparison=COURSE)
        shown(page, html, width, 1000)
        for details in page.query_selector_all("details"):
            details.evaluate("one => { one.open = true; }")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if folder == many:
            # of the same rows over and over axe says nothing else, and takes long
            continue
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found] == []
