"""The live page: a running session in a browser, for who stands at the rack with a tablet.

`board` (what pages know), `frames` (rows on the wire), `access` (who may come), `orders` (what a page says), `connection` (one
socket), `server` (Starlette and uvicorn, imported only where a page is started), `lan` (addresses, QR code, certificates). Its
files for browsers are in `static/`. docs/live-page.md describes all of it.
"""

from dashboards.live_page.access import Access, Login, Role
from dashboards.live_page.board import Board
from dashboards.live_page.frames import COLUMNS, RATE_HZ, RowRing, dashed, table
from dashboards.live_page.orders import PageOrder

__all__ = ["COLUMNS", "RATE_HZ", "Access", "Board", "Login", "PageOrder", "Role", "RowRing", "dashed", "table"]
