"""A report as PDF, printed by a Chromium, Chrome or Edge that is on this machine.

The browser runs without a window, with a profile of its own that is deleted afterwards, without network and for a limited time.
Its processes form a group of their own and are ended as such.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from body_signals import HiphingeError
from on_disk import check_file, make_private_parents, replace_whole

SETTING = "HIPHINGE_BROWSER"
"""Names the browser to print with, where another one than the first found is meant."""
LONGEST_S = 60.0
"""Time after which printing has failed, s; a report takes about two (ours)."""
_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
    r"Chromium\Application\chrome.exe",
)
_REMEDY = f"Install Chromium, Chrome or Edge, set {SETTING} to its program, or leave --pdf out and print the HTML report"


def print_pdf(html: Path, out: Path) -> Path:
    """Print an HTML file to `out` and return its path. HiphingeError without a browser, or where it does not print; an `out`
    that is there is replaced whole or not at all."""
    browser = found_browser()
    try:
        if out.exists():
            check_file(out)
        make_private_parents(out)
        with tempfile.TemporaryDirectory(prefix="hiphinge-print-", ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "report.pdf"
            _run(browser, html.resolve(), made, Path(folder) / "profile")
            body = made.read_bytes() if made.is_file() else b""
        if not body.startswith(b"%PDF-"):
            raise HiphingeError("the browser printed nothing", str(browser), _REMEDY)
        replace_whole(out, body, durable=False)
    except OSError as error:
        what = f"cannot print the report: {error.strerror or error}"
        raise HiphingeError(what, str(out), "Check free space and permissions, or name another file") from error
    return out


def found_browser() -> Path:
    """The browser that `HIPHINGE_BROWSER` names, else the first that is there. HiphingeError where there is none."""
    chosen = os.environ.get(SETTING)
    if chosen:
        there = shutil.which(chosen)
        if there is None:
            raise HiphingeError("no such program", f"{SETTING}={chosen}", _REMEDY)
        return Path(there)
    browser = next(_candidates(), None)
    if browser is None:
        raise HiphingeError("no Chromium, Chrome or Edge is on this machine", "--pdf", _REMEDY)
    return browser


def _candidates() -> Iterator[Path]:
    yield from (Path(there) for name in _NAMES if (there := shutil.which(name)))
    places = [Path(place) for place in _PLACES] if sys.platform == "darwin" else []
    for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA") if sys.platform == "win32" else ():
        places += [Path(base) / name for name in _WINDOWS if (base := os.environ.get(variable))]
    yield from (place for place in places if place.is_file())


def _run(browser: Path, html: Path, out: Path, profile: Path) -> None:
    """Print, and end all that was started."""
    command = [
        str(browser),
        "--headless=new",
        "--disable-gpu",
        "--disable-extensions",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        # no name is resolved and no proxy asked: the page needs no network and gets none
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={out}",
        html.as_uri(),
    ]
    if sys.platform == "linux" and os.geteuid() == 0:
        # Chromium refuses to run as root in its sandbox; the page has no script
        command.insert(1, "--no-sandbox")
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise HiphingeError(f"the browser does not start: {error.strerror or error}", str(browser), _REMEDY) from error
    try:
        process.wait(LONGEST_S)
    except subprocess.TimeoutExpired:
        raise HiphingeError(f"the browser did not print within {LONGEST_S:.0f} s", str(browser), _REMEDY) from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser with the processes that it started: they are in its session."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
