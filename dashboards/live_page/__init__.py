"""The live page: a running session in a browser, for who stands at the rack with a tablet.

In the session's process: `writer` (what is written for pages), `rows` (as pages show them), `orders` (what a page says), `lan`
(addresses, QR code, certificates) and `process`, which starts the page's process. There: `serving`, `board` (what pages know),
`frames` (rows on the wire), `access` (who may come), `connection` (one socket), `server` (Starlette and uvicorn). `wire` is
what the two say to each other. Files for browsers are in `static/`. docs/live-page.md describes all of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboards.live_page.access import Access, Login, Role
    from dashboards.live_page.frames import RATE_HZ
    from dashboards.live_page.orders import PageOrder
    from dashboards.live_page.process import PageProcess
    from dashboards.live_page.rows import COLUMNS, RowRing, dashed, table
    from dashboards.live_page.writer import BoardWriter

__all__ = [
    "COLUMNS",
    "RATE_HZ",
    "Access",
    "BoardWriter",
    "Login",
    "PageOrder",
    "PageProcess",
    "Role",
    "RowRing",
    "dashed",
    "table",
]
_WHERE = {
    "access": ("Access", "Login", "Role"),
    "orders": ("PageOrder",),
    "process": ("PageProcess",),
    "frames": ("RATE_HZ",),
    "rows": ("COLUMNS", "RowRing", "dashed", "table"),
    "writer": ("BoardWriter",),
}


def __getattr__(name: str) -> Any:
    # the page's process imports this package too, and needs no numpy
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"dashboards.live_page.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
