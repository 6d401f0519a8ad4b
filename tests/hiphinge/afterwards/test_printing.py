"""A report as PDF: by a browser that is there, within its time, with nothing left behind; else it says what to do."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

import pytest

from body_signals import HiphingeError
from hiphinge.afterwards import printing
from hiphinge.afterwards.printing import SETTING, found_browser, print_pdf
from tests.conftest import missing

HTML = "<!doctype html><title>t</title><p>Die Hüften enden zuerst"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "a report.html"
    path.write_text(HTML, "utf-8")
    return path


def program(folder: Path, body: str) -> Path:
    """A browser of our own making."""
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_it_is_printed_for_its_owner_alone_and_nothing_is_left(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("chromium") is None:
        missing("chromium is not installed (Debian: apt-get install chromium)")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    printed = print_pdf(page, tmp_path / "deep" / "r.pdf")
    assert printed.read_bytes().startswith(b"%PDF-")
    assert stat.S_IMODE(printed.stat().st_mode) == 0o600
    assert list((tmp_path / "made").iterdir()) == []


def test_without_a_browser_it_says_what_to_do(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HiphingeError, match=r"no Chromium, Chrome or Edge is on this machine.*Install Chromium"):
        print_pdf(page, tmp_path / "r.pdf")
    monkeypatch.setenv(SETTING, "no-such-browser")
    with pytest.raises(HiphingeError, match="no-such-browser: no such program"):
        found_browser()


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script")
def test_a_browser_that_prints_nothing_leaves_the_last_pdf(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, str(program(tmp_path, "exit 0")))
    out = tmp_path / "r.pdf"
    out.write_bytes(b"the last one")
    with pytest.raises(HiphingeError, match="the browser printed nothing"):
        print_pdf(page, out)
    assert out.read_bytes() == b"the last one"


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script")
def test_a_browser_that_hangs_is_ended_with_all_that_it_started(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = tmp_path / "alive"
    monkeypatch.setenv(SETTING, str(program(tmp_path, f'(while :; do date > "{alive}"; sleep 0.05; done) & sleep 60')))
    monkeypatch.setattr(printing, "LONGEST_S", 0.4)
    with pytest.raises(HiphingeError, match="did not print within"):
        print_pdf(page, tmp_path / "r.pdf")
    time.sleep(0.2)
    seen = alive.stat().st_mtime_ns if alive.exists() else 0
    time.sleep(0.3)
    assert (alive.stat().st_mtime_ns if alive.exists() else 0) == seen
    assert not (tmp_path / "r.pdf").exists()


@pytest.mark.skipif(os.name != "posix", reason="the browser is a shell script")
def test_the_browser_gets_a_profile_of_its_own_and_no_network(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    prints = 'for one; do case "$one" in --print-to-pdf=*) echo "%PDF-1.4" > "${one#*=}";; esac; done'
    body = f'printf "%s\\n" "$@" > "{told}"; {prints}'
    monkeypatch.setenv(SETTING, str(program(tmp_path, body)))
    print_pdf(page, tmp_path / "r.pdf")
    words = told.read_text().splitlines()
    assert words[-1] == page.as_uri()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in words
    (profile,) = (word for word in words if word.startswith("--user-data-dir="))
    assert not Path(profile.partition("=")[2]).exists()
