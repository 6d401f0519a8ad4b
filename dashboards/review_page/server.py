"""The review page behind the live page's server and access control: this machine only, by a token, for one cookie."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from body_signals import HiphingeError
from dashboards.live_page import Access, Role
from dashboards.live_page.board import Board
from dashboards.live_page.server import CannotServe, PageServer
from dashboards.review_page.routes import Reviewed, routes

__all__ = ["FILES", "STATIC", "CannotServe", "review_server"]
STATIC = Path(__file__).parent / "static"
FILES = "/review"
"""Where the page's own files are; what it shares with the live page is at ``/static``."""


def review_server(reviewed: Reviewed, *, port: int | None = None) -> tuple[PageServer, str]:
    """A server of the page, not started yet, and the address that lets in. HiphingeError where the port is taken."""
    access = Access()

    def lets_in(asking: HTTPConnection) -> bool:
        login = server.login_of(asking)
        return login is not None and login.role is Role.OPERATOR

    try:
        server = PageServer(
            Board(),
            access,
            lambda login, said: None,
            port=port,
            routes=[*routes(reviewed, lets_in), Mount(FILES, StaticFiles(directory=STATIC))],
            index=STATIC / "index.html",
            live=False,
        )
    except CannotServe as error:
        raise HiphingeError(error.what, error.where, error.remedy) from None
    return server, f"{server.scheme}://127.0.0.1:{server.port}/#{access.token(Role.OPERATOR)}"
