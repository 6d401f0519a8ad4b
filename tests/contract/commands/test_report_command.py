"""`hiphinge report`: for whom, in which language, beside which session, and as PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dashboards.report import Asked, asked_of
from hiphinge.afterwards.printing import SETTING
from tests.contract.command_line import done, refused
from tests.dashboards.report.pages import hip_check
from tests.dashboards.synthetic_results import write_session


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hip_check(tmp_path_factory.mktemp("said") / "s", session="s")


def test_for_whom_and_in_which_language(session: Path, tmp_path: Path) -> None:
    said = done("report", session, "--language", "de", cwd=tmp_path).stdout
    assert said == f"Report: {session / 'report.html'}\n"
    assert "Die Hüften enden zuerst" in (session / "report.html").read_text("utf-8")
    done("report", session, cwd=tmp_path, LANGUAGE="de_DE:en")
    assert '<html lang="de">' in (session / "report.html").read_text("utf-8")
    done("report", session, "--for", "athlete", "--language", "en", cwd=tmp_path)
    assert "Your left hip stops first." in (session / "report-athlete.html").read_text("utf-8")
    assert "--for: unknown reader 'coach'. Choose physio or athlete" in refused(
        "report", session, "--for", "coach", cwd=tmp_path
    )
    assert "--language: unknown language 'fr'. Choose en or de" in refused("report", session, "--language", "fr", cwd=tmp_path)


def test_the_trend_stands_beside_the_own_expected_range(tmp_path: Path) -> None:
    for day in (3, 10, 17):
        hip_check(tmp_path / f"d{day}", session=f"d{day}", start=f"2026-11-{day:02d}T14:05:00Z")
    done("report", tmp_path / "d17", "--trend", "--language", "en", cwd=tmp_path)
    page = (tmp_path / "d17" / "report.html").read_text("utf-8")
    assert "Over the weeks, beside the own expected range" in page
    assert "2 Nov: 80\xa0%, 9 Nov: 80\xa0%, 16 Nov: 80\xa0%" in page
    done("compare", "--pin", tmp_path / "d3", tmp_path / "d10", cwd=tmp_path)
    done("report", tmp_path / "d17", "--trend", "--language", "de", cwd=tmp_path)
    german = (tmp_path / "d17" / "report.html").read_text("utf-8")
    assert "own baseline" not in german
    assert "eigene Sitzungen: 2" in german


def test_no_browser_is_said_before_anything_is_written(session: Path, tmp_path: Path) -> None:
    folder = write_session(tmp_path / "t", "review", seconds=20, session="t")
    settings = {"PATH": str(tmp_path), SETTING: ""}
    assert "no Chromium, Chrome or Edge is on this machine" in refused("report", folder, "--pdf", cwd=tmp_path, **settings)
    assert not (folder / "report.html").exists()


def test_a_session_before_is_compared(session: Path, tmp_path: Path) -> None:
    before = hip_check(tmp_path / "b", session="b", start="2026-11-22T14:05:00Z")
    done("report", session, "--before", before, "--language", "en", "--out", tmp_path / "r.html", cwd=tmp_path)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "Treatment and retest: true hip flexion, knee raise, left" in page
    assert "not more than the measurement can tell" in page


def test_a_correction_writes_the_reports_again_as_they_were_asked_for(tmp_path: Path) -> None:
    folder = hip_check(tmp_path / "s", session="s")
    before = hip_check(tmp_path / "b", session="b", start="2026-11-22T14:05:00Z")
    done("report", folder, "--before", before, "--language", "de", cwd=tmp_path)
    done("report", folder, "--for", "athlete", "--language", "de", cwd=tmp_path)
    (folder / "report.pdf").write_bytes(b"%PDF-")
    # the system's language is another one
    said = done("mark", folder, "5", "--note", "Laufband", cwd=tmp_path)
    assert "report.pdf is as it was before: print it anew with hiphinge report --pdf" in said.stderr
    page = (folder / "report.html").read_text("utf-8")
    assert '<html lang="de">' in page
    assert "Behandlung und Wiederholung" in page
    assert '<html lang="de">' in (folder / "report-athlete.html").read_text("utf-8")
    # a report is sent to others, and says nothing of this machine's folders
    assert str(tmp_path) not in page
    shutil.move(before, tmp_path / "away")
    said = done("mark", folder, "6", "--note", "zwei", cwd=tmp_path)
    assert "report.html is without its comparison: " in said.stderr
    alone = (folder / "report.html").read_text("utf-8")
    assert "Behandlung und Wiederholung" not in alone
    assert "Laufband" in alone
    shutil.move(tmp_path / "away", before)
    done("mark", folder, "7", "--note", "drei", cwd=tmp_path)
    assert "Behandlung und Wiederholung" in (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize("head", ["", '<meta name="hiphinge-asked" content="{">', '<meta name="hiphinge-asked" content="[1]">'])
def test_a_report_that_does_not_say_how_it_was_asked_for_is_written_as_by_default(tmp_path: Path, head: str) -> None:
    page = tmp_path / "report.html"
    page.write_text(f"<!doctype html>{head}", "utf-8")
    assert asked_of(page) == Asked()
    page.write_text('<meta name="hiphinge-asked" content="{&#34;language&#34;:&#34;xx&#34;}">', "utf-8")
    assert asked_of(page) == Asked()
    page.write_text('<meta name="hiphinge-asked" content="{&#34;language&#34;:&#34;de&#34;,&#34;trend&#34;:true}">', "utf-8")
    assert asked_of(page) == Asked(language="de", trend=True)
