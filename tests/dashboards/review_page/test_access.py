"""Who may see a stored session: nobody without the key, no foreign Host, no page of another origin, and no viewer."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.live_page import Role
from dashboards.review_page.routes import REPORT_POLICY
from tests.dashboards.review_page.served import ATHLETE, Served, served

ASKED = ("/api/sessions", "/api/session/evening", "/api/overview/evening?begin=0&end=9&bins=9", "/api/work", "/report/evening")
ASKED += ("/api/rows/evening?begin=0&end=9", "/export/evening/repetitions.csv")
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def page(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Path(shutil.copytree(stored, tmp_path_factory.mktemp("reviewed") / "evening"))) as page:
        yield page


def ask(page: Served, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", page.server.port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def cookie(page: Served, token: str | None = None) -> str:
    status, headers, _ = ask(page, "POST", "/login", (token or page.token).encode())
    assert status == 200
    return headers["set-cookie"].partition(";")[0]


def test_without_the_key_nothing_of_a_session_is_told(page: Served) -> None:
    for path in ASKED:
        status, _, body = ask(page, "GET", path)
        assert status == 403, path
        assert ATHLETE.encode() not in body
        assert ask(page, "GET", path, Cookie=f"{page.server.cookie}=guess")[0] == 403
    for path in ("/api/edit/evening", "/api/end"):
        assert ask(page, "POST", path, b'{"do": "undo"}')[0] == 403
    assert not page.reviewing.wait(0)


def test_what_is_open_to_all_holds_nothing_of_a_session(page: Served) -> None:
    for path in ("/", "/healthz", "/review/main.js", "/review/words/de.json", "/static/drawing/body.js"):
        status, headers, body = ask(page, "GET", path)
        assert status == 200, path
        assert ATHLETE.encode() not in body
        assert b"evening" not in body
        assert headers["content-security-policy"] == "default-src 'self'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"


def test_with_the_key_all_is_answered(page: Served) -> None:
    own = cookie(page)
    assert own.startswith(f"hiphinge_{page.server.port}=")
    for path in ASKED:
        status, headers, body = ask(page, "GET", path, Cookie=own)
        assert (status, len(body) > 0) == (200, True), path
        usual = "default-src 'self'; frame-ancestors 'none'"
        assert headers["content-security-policy"] == (REPORT_POLICY if path.startswith("/report") else usual)
    assert json.loads(ask(page, "GET", "/api/session/evening", Cookie=own)[2])["athlete"] == ATHLETE


def test_a_viewer_may_neither_see_nor_correct(page: Served) -> None:
    own = cookie(page, page.server.access.token(Role.VIEWER))
    assert ask(page, "GET", "/api/sessions", Cookie=own)[0] == 403
    assert ask(page, "POST", "/api/edit/evening", b'{"do": "undo"}', Cookie=own)[0] == 403


def test_a_foreign_host_and_a_page_of_another_origin_are_refused(page: Served) -> None:
    own = cookie(page)
    assert ask(page, "GET", "/api/sessions", Cookie=own, Host="evil.example")[0] == 421
    assert ask(page, "POST", "/api/edit/evening", b'{"do": "undo"}', Cookie=own, Origin="http://evil.example")[0] == 403
    assert ask(page, "POST", "/api/end", Cookie=own, Origin="http://evil.example")[0] == 403
    assert not page.reviewing.wait(0)
    status, _, body = ask(page, "POST", "/api/edit/evening", b'{"do": "undo"}', Cookie=own, Origin=page.origin)
    assert (status, json.loads(body)["code"]) == (409, "nothing_to_undo")


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2fevening", "%2fetc", "nobody", "evening%00", "a/b"])
def test_a_name_leads_to_no_other_folder(page: Served, name: str) -> None:
    own = cookie(page)
    for path in (f"/api/session/{name}", f"/report/{name}", f"/api/rows/{name}?begin=0&end=1"):
        status, _, body = ask(page, "GET", path, Cookie=own)
        assert status in (404, 409)
        assert ATHLETE.encode() not in body


@pytest.mark.parametrize("query", ["", "begin=x&end=1", "begin=nan&end=1", "begin=0&end=inf", "begin=0"])
def test_what_is_no_number_is_refused_in_words(page: Served, query: str) -> None:
    status, _, body = ask(page, "GET", f"/api/rows/evening?{query}", Cookie=cookie(page))
    assert (status, json.loads(body)["code"]) == (409, "trouble")


def test_a_message_that_is_too_long_or_none_is_refused(page: Served) -> None:
    own = cookie(page)
    for body in (b"x" * 70_000, b"{}", b'{"do": "everything"}'):
        assert ask(page, "POST", "/api/edit/evening", body, Cookie=own)[0] == 409


def test_the_table_is_the_corrected_one(page: Served, tmp_path: Path) -> None:
    lines = ask(page, "GET", "/export/evening/repetitions.csv", Cookie=cookie(page))[2].decode().splitlines()
    assert lines[0].startswith('"index","start_s"')
    assert len(lines) == 1 + len(page.reviewing.document("evening", "review")["repetitions"])
