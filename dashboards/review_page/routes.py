"""What is served to the page: lists, one session's document, traces as bytes, edits, the report. Reading changes no numbers.

Who may ask is decided by the cookie of the live page's access control (`dashboards.live_page.access`), handed in as `lets_in`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow.csv as csv
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from body_signals import ESTIMATORS, HiphingeError
from dashboards.edits import edited_repetitions
from dashboards.review_page.orders import MOST_BYTES, Order, read_order
from dashboards.review_page.traces import overview, stretch

REPORT_POLICY = "default-src 'self'; style-src 'unsafe-inline'; img-src data:; script-src 'none'; frame-ancestors 'none'"
"""The report is one file with its styles in it; nothing in it runs."""


class Refusal(HiphingeError):
    """Why something cannot be done, with a code for which the page has words in its reader's language."""

    def __init__(self, code: str, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.code = code


class Reviewed(Protocol):
    """The sessions that can be reviewed, and what can be said of them."""

    def sessions(self) -> dict[str, Any]:
        """The list, and which of them is to be opened first."""

    def folder(self, name: str) -> Path:
        """The folder of the session of this name, which may be opened now. `Refusal` where it may not."""

    def document(self, name: str, estimator: str) -> dict[str, Any]:
        """What the page shows of it. `Refusal` or HiphingeError where it cannot be shown."""

    def edit(self, name: str, estimator: str, order: Order) -> dict[str, Any]:
        """Do what the page asks, and say what came of it. `Refusal` or HiphingeError where nothing was changed."""

    def work(self) -> dict[str, Any]:
        """What is being computed, and how far it is."""

    def end(self) -> None:
        """The person is done."""


def routes(reviewed: Reviewed, lets_in: Callable[[HTTPConnection], bool]) -> list[Route]:
    """The routes of the page: below /api, the report and the table. lets_in: whether who asks may; anybody else gets a 403 and
    nothing of a session."""

    def answering(asked: Callable[[Request], Any]) -> Callable[[Request], Response]:
        """An endpoint that answers with a document, or with words and a code where something is wrong."""

        def endpoint(request: Request) -> Response:
            return _answered(lambda: asked(request)) if lets_in(request) else _refused()

        return endpoint

    def sessions(request: Request) -> Any:
        return reviewed.sessions()

    def session(request: Request) -> Any:
        return reviewed.document(_name(request), _estimator(request))

    def overview_of(request: Request) -> Any:
        folder = reviewed.folder(_name(request))
        begin_s, end_s, bins = _number(request, "begin"), _number(request, "end"), int(_number(request, "bins"))
        return _bytes(overview(folder, _estimator(request), begin_s, end_s, bins))

    def rows(request: Request) -> Any:
        folder = reviewed.folder(_name(request))
        return _bytes(stretch(folder, _estimator(request), _number(request, "begin"), _number(request, "end")))

    async def edit(request: Request) -> Response:
        if not lets_in(request):
            return _refused()
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                break
        return await run_in_threadpool(_answered, lambda: reviewed.edit(_name(request), _estimator(request), read_order(body)))

    def work(request: Request) -> Any:
        return reviewed.work()

    def end(request: Request) -> Any:
        reviewed.end()
        return {}

    def report(request: Request) -> Any:
        # its templates take a moment to import
        from dashboards.report import report_html

        html = report_html(reviewed.folder(_name(request)), _estimator(request))
        return Response(html, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})

    def table(request: Request) -> Any:
        name = _name(request)
        out = io.BytesIO()
        csv.write_csv(edited_repetitions(reviewed.folder(name), _estimator(request)), out)
        headers = {"Content-Disposition": f'attachment; filename="repetitions-{_estimator(request)}.csv"'}
        return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    return [
        Route("/api/sessions", answering(sessions)),
        Route("/api/session/{name}", answering(session)),
        Route("/api/overview/{name}", answering(overview_of)),
        Route("/api/rows/{name}", answering(rows)),
        Route("/api/edit/{name}", edit, methods=["POST"]),
        Route("/api/work", answering(work)),
        Route("/api/end", answering(end), methods=["POST"]),
        Route("/report/{name}", answering(report)),
        Route("/export/{name}/repetitions.csv", answering(table)),
    ]


def _refused() -> Response:
    return _json({"code": "refused", "what": "no access", "where": "", "remedy": "Open the address that was printed"}, 403)


def _answered(asked: Callable[[], Any]) -> Response:
    try:
        found = asked()
    except HiphingeError as error:
        code = error.code if isinstance(error, Refusal) else "trouble"
        return _json({"code": code, "what": error.what, "where": error.where, "remedy": error.remedy}, 409)
    return found if isinstance(found, Response) else _json(found)


def _json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def _bytes(found: bytes) -> Response:
    return Response(found, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _estimator(request: Request) -> str:
    asked = request.query_params.get("estimator", ESTIMATORS[-1])
    if asked not in ESTIMATORS:
        raise HiphingeError("no such estimator", "the page", f"Choose {' or '.join(ESTIMATORS)}")
    return asked


def _number(request: Request, name: str) -> float:
    try:
        value = float(request.query_params.get(name, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HiphingeError(f"{name} is no number", "the page", "Load the page again")
    return value
