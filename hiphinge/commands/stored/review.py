"""`hiphinge review`: stored sessions in the browser, to look at, to compare and to correct."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from body_signals import ESTIMATORS, HiphingeError
from dashboards.review_page import Refusal
from hiphinge import config
from hiphinge.afterwards.reviewing import Reviewing
from hiphinge.commands.options import CONFIG, NO_BROWSER, console, say
from hiphinge.commands.unfinished import finish_orphan
from hiphinge.live_page.opening import browser_opened
from hiphinge.session.folders import RECORDING

_LOOK_S = 0.5
"""Between two looks whether it was told to end: a wait without end cannot be interrupted everywhere (ours)."""


def review(
    session: Path | None = typer.Argument(
        None,
        metavar="[SESSION]",
        help="A session folder, or a folder of sessions; else HIPHINGE_SESSIONS, else the current folder.",
    ),
    no_browser: bool = NO_BROWSER,
    port: int | None = typer.Option(None, "--port", min=0, max=65535, help="Port on this machine; 0: any free one."),
    as_json: bool = typer.Option(False, "--json", help="For programs: the address as one JSON line."),
    config_file: Path | None = CONFIG,
) -> None:
    """Look at sessions in the browser: scrub, compare two sets or sessions, correct kinds, marks, notes and pain.

    The page is for this machine only, and needs the key in the printed address. What is corrected stands in edits.toml; results
    and report follow, the recording never changes. It ends with Ctrl-C, or by its button.
    """
    where = session or config.load(config_file).sessions or Path()
    if not where.is_dir():
        what = "this is a file" if where.exists() else "no such folder"
        raise HiphingeError(what, str(where), "Give the folder of a session, or of your sessions")
    # the server's libraries take a moment to import
    from dashboards.review_page.server import CannotServe, review_server

    if (where / RECORDING).is_file():
        finish_orphan(where)
    reviewing = Reviewing(where, say)
    try:
        _open_first(reviewing)
        server, address = review_server(reviewing, port=port)
        try:
            server.start()
            _tell(address, as_json=as_json, browser=not no_browser)
            while not reviewing.wait(_LOOK_S):
                if server.failed is not None:
                    raise HiphingeError(f"the page has ended: {server.failed}", f"port {server.port}", "Start it again")
        except CannotServe as error:
            raise HiphingeError(error.what, error.where, error.remedy) from None
        finally:
            server.stop()
    finally:
        reviewing.close()


def _open_first(reviewing: Reviewing) -> None:
    """HiphingeError where the session that was asked for cannot be shown: better here than in a browser."""
    name = reviewing.sessions()["first"]
    if name is None:
        return
    try:
        reviewing.document(name, ESTIMATORS[-1])
    except Refusal as refused:
        if refused.code != "computing":
            raise


def _tell(address: str, *, as_json: bool, browser: bool) -> None:
    if as_json:
        print(json.dumps({"page": address}), flush=True)
        return
    screen = console()
    screen.print(f"Review: {address}", highlight=False, soft_wrap=True)
    screen.print("It ends with Ctrl-C.", highlight=False)
    if browser:
        browser_opened(address)
